/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * decode.c: bytes become a struct module.
 *
 * Says "malformed": the grammar of the binary format and nothing of its
 * meaning.  Function bodies are only cut out here; whoever reads them decodes
 * their instructions with insn_read().  Every count is bounded before memory
 * is asked for it, so time and memory are linear in the input.
 * Specification: "Binary Format", "Modules".
 */
#include <string.h>

#include "arena.h"
#include "decode.h"

/* ---- Counts and limits ---- */

_Noreturn void
dec_too_many(struct reader *r, uint64_t offset, uint32_t limit,
    const char *what)
{
	rd_fail(r, offset, "too many %s: the limit is %u", what, limit);
}

uint32_t
dec_count(struct reader *r, uint32_t limit, const char *what)
{
	uint64_t at = rd_pos(r);
	uint32_t n = rd_u32(r);

	if (n > limit)
		dec_too_many(r, at, limit, what);
	if (n > rd_left(r))
		rd_fail(r, at, "unexpected end of section or function: "
		    "%u %s cannot follow", n, what);
	return n;
}

enum { LIM_MAX = 1, LIM_SHARED = 2, LIM_64 = 4, LIM_PAGE = 8 };

static struct limits
dec_limits(struct reader *r, uint8_t allowed)
{
	struct limits l = { .page_log2 = 16 };
	uint64_t at = rd_pos(r);
	uint8_t flags = rd_byte(r);

	if (flags & ~allowed)
		rd_fail(r, at, "malformed limits flags");
	if (flags & LIM_SHARED)
		rd_need(r, at, FEAT_THREADS, "malformed limits flags");
	if (flags & LIM_64)
		rd_need(r, at, FEAT_MEMORY64, "malformed limits flags");
	if (flags & LIM_PAGE)
		rd_need(r, at, FEAT_CUSTOM_PAGES, "malformed limits flags");
	l.has_max = flags & LIM_MAX;
	l.shared = flags & LIM_SHARED;
	l.is64 = flags & LIM_64;
	l.min = rd_u64(r);		/* validation bounds them */
	if (l.has_max)
		l.max = rd_u64(r);
	if (flags & LIM_PAGE) {
		uint32_t log2 = (at = rd_pos(r), rd_u32(r));

		if (log2 > 63)
			rd_fail(r, at, "invalid custom page size");
		l.page_log2 = (uint8_t)log2;
	}
	return l;
}

struct limits
dec_table_limits(struct reader *r)
{
	return dec_limits(r, LIM_MAX | LIM_64);
}

struct limits
dec_memory_limits(struct reader *r)
{
	return dec_limits(r, LIM_MAX | LIM_SHARED | LIM_64 | LIM_PAGE);
}

/* A constant expression: instructions up to the `end` that closes it.  Which
 * of them are constant is for the validator to say. */
struct constexpr
dec_constexpr(struct reader *r)
{
	struct constexpr e = { { r->p, 0 }, rd_pos(r) };
	struct insn in;
	uint64_t depth = 0;

	for (;;) {
		insn_read(r, &in);
		arena_reset(r->arena);
		if (opinfos[in.op].imm == IMM_BLOCK ||
		    opinfos[in.op].imm == IMM_TRY_TABLE)
			depth++;
		if ((in.op == OP_END || in.op == OP_DELEGATE) && depth-- == 0)
			break;
	}
	e.code.n = (size_t)(r->p - e.code.p);
	return e;
}

/* ---- Imports ---- */

/* Room for one more element behind n; doubles, so that copying is linear. */
static void *
one_more(struct compile *c, void *array, uint32_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return arena_grow(&c->arena, array, n, n ? 2 * (size_t)n : 1, size);
}

static void
dec_tag_type(struct reader *r, struct tag *t)
{
	uint64_t at = rd_pos(r);

	if (rd_byte(r) != 0)
		rd_fail(r, at, "malformed tag attribute");
	t->type = rd_u32(r);
}

static uint32_t
dec_import_desc(struct reader *r, enum kind kind)
{
	struct module *m = &r->c->module;
	struct compile *c = r->c;

	switch (kind) {
	case KIND_FUNC:
		m->funcs = one_more(c, m->funcs, m->nfuncs, sizeof *m->funcs);
		m->funcs[m->nfuncs].imported = true;
		m->funcs[m->nfuncs].type = rd_u32(r);
		return m->nfuncs++;
	case KIND_TABLE:
		m->tables = one_more(c, m->tables, m->ntables,
		    sizeof *m->tables);
		m->tables[m->ntables].imported = true;
		m->tables[m->ntables].type = rd_ref_type(r);
		m->tables[m->ntables].limits = dec_table_limits(r);
		return m->ntables++;
	case KIND_MEMORY:
		m->memories = one_more(c, m->memories, m->nmemories,
		    sizeof *m->memories);
		m->memories[m->nmemories].imported = true;
		m->memories[m->nmemories].limits = dec_memory_limits(r);
		return m->nmemories++;
	case KIND_GLOBAL:
		m->globals = one_more(c, m->globals, m->nglobals,
		    sizeof *m->globals);
		m->globals[m->nglobals].imported = true;
		m->globals[m->nglobals].type = rd_vtype(r);
		m->globals[m->nglobals].mut = dec_mut(r);
		return m->nglobals++;
	default:
		m->tags = one_more(c, m->tags, m->ntags, sizeof *m->tags);
		m->tags[m->ntags].imported = true;
		dec_tag_type(r, &m->tags[m->ntags]);
		return m->ntags++;
	}
}

static enum kind
dec_kind(struct reader *r, const char *bad)
{
	uint64_t at = rd_pos(r);
	uint8_t b = rd_byte(r);

	if (b >= NKINDS)
		rd_fail(r, at, "%s", bad);
	if (b == KIND_TAG && !(r->c->module.features &
	    FEAT_BIT(FEAT_LEGACY_EXCEPTIONS)))
		rd_need(r, at, FEAT_EXCEPTIONS, bad);
	return b;
}

static struct import *
dec_new_import(struct reader *r, struct slice module)
{
	struct module *m = &r->c->module;
	struct import *im;

	if (m->nimports == MAX_IMPORTS)
		dec_too_many(r, rd_pos(r), MAX_IMPORTS, "imports");
	m->imports = one_more(r->c, m->imports, m->nimports,
	    sizeof *m->imports);
	im = &m->imports[m->nimports++];
	im->module = module;
	im->offset = rd_pos(r);
	return im;
}

static void
dec_import_type(struct reader *r, struct import *im)
{
	im->kind = dec_kind(r, "malformed import kind");
	im->index = dec_import_desc(r, im->kind);
}

/* Names that share a module and a type: the type is read again for each.
 * Without a name there is no import, and nothing to judge the type by. */
static void
dec_same_imports(struct reader *r, struct slice module)
{
	struct module was = r->c->module, *m = &r->c->module;
	const uint8_t *type = r->p, *next;
	struct import unused, *im;
	uint32_t n;

	dec_import_type(r, &unused);
	m->nfuncs = was.nfuncs;
	m->ntables = was.ntables;
	m->nmemories = was.nmemories;
	m->nglobals = was.nglobals;
	m->ntags = was.ntags;
	for (n = dec_count(r, MAX_IMPORTS, "imports"); n > 0; n--) {
		im = dec_new_import(r, module);
		im->name = rd_name(r);
		next = r->p;
		r->p = type;
		dec_import_type(r, im);
		r->p = next;
	}
}

/* A group in place of an import: the module's name and an empty one, then one
 * of these, which are no kinds. */
enum { GROUP_SAME_TYPE = 0x7e, GROUP = 0x7f };

static bool
dec_import_group(struct reader *r, struct slice module)
{
	uint64_t at = rd_pos(r);
	uint8_t b = rd_left(r) >= 2 && r->p[0] == 0 ? r->p[1] : 0;
	struct import *im;

	if (b != GROUP && b != GROUP_SAME_TYPE)
		return false;
	rd_need(r, at + 1, FEAT_COMPACT_IMPORTS, "malformed import kind");
	r->p += 2;
	if (b == GROUP_SAME_TYPE) {
		dec_same_imports(r, module);
		return true;
	}
	for (uint32_t n = dec_count(r, MAX_IMPORTS, "imports"); n > 0; n--) {
		im = dec_new_import(r, module);
		im->name = rd_name(r);
		dec_import_type(r, im);
	}
	return true;
}

static void
dec_imports(struct reader *r)
{
	struct module *m = &r->c->module;
	struct import *im;

	for (uint32_t n = dec_count(r, MAX_IMPORTS, "imports"); n > 0; n--) {
		uint64_t at = rd_pos(r);
		struct slice module = rd_name(r);

		if (dec_import_group(r, module))
			continue;
		im = dec_new_import(r, module);
		im->offset = at;
		im->name = rd_name(r);
		dec_import_type(r, im);
	}
	m->nfuncs_imported = m->nfuncs;
	m->ntables_imported = m->ntables;
	m->nmemories_imported = m->nmemories;
	m->nglobals_imported = m->nglobals;
	m->ntags_imported = m->ntags;
}

/* ---- Definitions ---- */

/* The array of an index space, grown by the n elements that a section brings.
 * *total counts imported and own elements. */
static void *
grow_space(struct reader *r, void *array, uint32_t *total, uint32_t limit,
    size_t size, const char *what)
{
	uint64_t at = rd_pos(r);
	uint32_t old = *total;
	uint32_t n = dec_count(r, limit, what);

	if (n > limit - (old < limit ? old : limit))
		dec_too_many(r, at, limit, what);
	*total = old + n;
	return arena_grow(&r->c->arena, array, old, (size_t)old + n, size);
}

static void
dec_funcs(struct reader *r)
{
	struct module *m = &r->c->module;
	uint32_t i = m->nfuncs;

	m->funcs = grow_space(r, m->funcs, &m->nfuncs, MAX_FUNCS,
	    sizeof *m->funcs, "functions");
	for (; i < m->nfuncs; i++)
		m->funcs[i].type = rd_u32(r);
}

static void
dec_table(struct reader *r, struct table *t)
{
	uint64_t at = rd_pos(r);

	t->has_init = rd_peek(r) == 0x40;
	if (t->has_init) {
		rd_need(r, at, FEAT_FUNC_REFS, "malformed table");
		r->p++;
		at = rd_pos(r);
		if (rd_byte(r) != 0)
			rd_fail(r, at, "malformed table");
	}
	t->type = rd_ref_type(r);
	t->limits = dec_table_limits(r);
	if (t->has_init)
		t->init = dec_constexpr(r);
}

static void
dec_tables(struct reader *r)
{
	struct module *m = &r->c->module;
	uint32_t i = m->ntables;

	m->tables = grow_space(r, m->tables, &m->ntables, MAX_TABLES,
	    sizeof *m->tables, "tables");
	for (; i < m->ntables; i++)
		dec_table(r, &m->tables[i]);
}

static void
dec_memories(struct reader *r)
{
	struct module *m = &r->c->module;
	uint32_t i = m->nmemories;

	m->memories = grow_space(r, m->memories, &m->nmemories, MAX_MEMORIES,
	    sizeof *m->memories, "memories");
	for (; i < m->nmemories; i++)
		m->memories[i].limits = dec_memory_limits(r);
}

static void
dec_tags(struct reader *r)
{
	struct module *m = &r->c->module;
	uint32_t i = m->ntags;

	m->tags = grow_space(r, m->tags, &m->ntags, MAX_TAGS, sizeof *m->tags,
	    "tags");
	for (; i < m->ntags; i++)
		dec_tag_type(r, &m->tags[i]);
}

static void
dec_globals(struct reader *r)
{
	struct module *m = &r->c->module;
	uint32_t i = m->nglobals;

	m->globals = grow_space(r, m->globals, &m->nglobals, MAX_GLOBALS,
	    sizeof *m->globals, "globals");
	for (; i < m->nglobals; i++) {
		m->globals[i].type = rd_vtype(r);
		m->globals[i].mut = dec_mut(r);
		m->globals[i].init = dec_constexpr(r);
	}
}

static void
dec_exports(struct reader *r)
{
	struct module *m = &r->c->module;

	m->nexports = dec_count(r, MAX_EXPORTS, "exports");
	m->exports = ARENA_NEW(&r->c->arena, m->nexports, struct export);
	for (uint32_t i = 0; i < m->nexports; i++) {
		struct export *e = &m->exports[i];

		e->offset = rd_pos(r);
		e->name = rd_name(r);
		e->kind = dec_kind(r, "malformed export kind");
		e->index = rd_u32(r);
	}
}

static void
dec_start(struct reader *r)
{
	r->c->module.start = rd_u32(r);
}

static void
dec_datacount(struct reader *r)
{
	r->c->module.has_datacount = true;
	r->c->module.datacount = rd_u32(r);
}

static void
dec_code(struct reader *r)
{
	struct module *m = &r->c->module;
	uint64_t at = rd_pos(r);
	uint32_t n;

	m->code_section = (struct slice){ r->p, rd_left(r) };
	m->code_offset = at;
	n = dec_count(r, MAX_FUNCS, "function bodies");
	if (n != m->nfuncs - m->nfuncs_imported)
		rd_fail(r, at, "function and code section have inconsistent "
		    "lengths: %u and %u", m->nfuncs - m->nfuncs_imported, n);
	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
		uint32_t size = rd_u32(r);

		m->funcs[i].offset = rd_pos(r);
		m->funcs[i].body = rd_bytes(r, size);
	}
}

/* ---- Sections ---- */

static void
dec_custom(struct compile *c, struct reader *r, int after)
{
	struct module *m = &c->module;
	struct custom *cu;

	m->customs = one_more(c, m->customs, m->ncustoms, sizeof *m->customs);
	cu = &m->customs[m->ncustoms++];
	cu->name = rd_name(r);
	cu->offset = rd_pos(r);
	cu->bytes = rd_bytes(r, rd_left(r));
	cu->after = after;
}

/* In the order in which they must stand. */
static const struct section {
	uint8_t id;
	const char *name;
	void (*read)(struct reader *r);
} sections[] = {
	{ 1, "type", dec_types },
	{ 2, "import", dec_imports },
	{ 3, "function", dec_funcs },
	{ 4, "table", dec_tables },
	{ 5, "memory", dec_memories },
	{ 13, "tag", dec_tags },
	{ 6, "global", dec_globals },
	{ 7, "export", dec_exports },
	{ 8, "start", dec_start },
	{ 9, "element", dec_elems },
	{ 12, "data count", dec_datacount },
	{ 10, "code", dec_code },
	{ 11, "data", dec_datas },
};
#define NSECTIONS	(sizeof sections / sizeof *sections)

/* The section's place in the order, NSECTIONS if there is none. */
static unsigned
section_rank(const struct reader *r, uint8_t id)
{
	unsigned rank = 0;

	while (rank < NSECTIONS && sections[rank].id != id)
		rank++;
	if (id == 13 && !(r->c->module.features &
	    FEAT_BIT(FEAT_LEGACY_EXCEPTIONS)))
		rd_need(r, rd_pos(r), FEAT_EXCEPTIONS, "malformed section id");
	if (id == 12)
		rd_need(r, rd_pos(r), FEAT_BULK, "malformed section id");
	return rank;
}

static struct slice
dec_section_bytes(struct reader *r)
{
	uint64_t at = rd_pos(r);
	uint32_t n = rd_u32(r);

	if (n > rd_left(r))
		rd_fail(r, at, "length out of bounds: a section of %u bytes "
		    "with %zu left (unexpected end)", n, rd_left(r));
	return rd_bytes(r, n);
}

/* One section; *next is the rank that may follow, *last the id before. */
static void
dec_section(struct reader *r, unsigned *next, int *last)
{
	struct compile *c = r->c;
	uint64_t at = rd_pos(r);
	uint8_t id = rd_peek(r);
	unsigned rank = id ? section_rank(r, id) : 0;
	struct reader s;

	r->p++;
	if (rank == NSECTIONS)
		rd_fail(r, at, "malformed section id %u", id);
	s = rd_open(c, dec_section_bytes(r));
	if (id == 0) {
		c->section = "custom";
		dec_custom(c, &s, *last);
		c->section = NULL;
		return;
	}
	if (rank < *next)
		rd_fail(r, at, "unexpected content after last section: "
		    "%s section", sections[rank].name);
	c->section = sections[rank].name;
	sections[rank].read(&s);
	if (!rd_end(&s))
		rd_fail(&s, rd_pos(&s), "section size mismatch: %zu bytes "
		    "after the section's end", rd_left(&s));
	c->section = NULL;
	*next = rank + 1;
	*last = id;
}

/* ---- The whole file ---- */

static bool
begins(const uint8_t *p, size_t n, const char *with, size_t len)
{
	return n >= len && !memcmp(p, with, len);
}

/* What a file is that is no module, in a sentence that helps. */
static const char *
not_a_module(const uint8_t *p, size_t n)
{
	size_t i = 0;

	if (begins(p, n, "\x7f" "ELF", 4))
		return "this is an ELF file, native code, not WebAssembly";
	if (begins(p, n, "\x1f\x8b", 2) || begins(p, n, "\x28\xb5\x2f\xfd", 4)
	    || begins(p, n, "\xfd" "7zXZ", 5) || begins(p, n, "PK\3\4", 4) ||
	    begins(p, n, "BZh", 3))
		return "this is a compressed file: decompress it first";
	if (begins(p, n, "BC\xc0\xde", 4))
		return "this is LLVM bitcode: link it with wasm-ld first";
	if (begins(p, n, "!<arch>", 7))
		return "this is an archive of objects: link it first";
	while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' ||
	    p[i] == '\r'))
		i++;
	if (begins(p + i, n - i, "(module", 7) || begins(p + i, n - i, ";;", 2)
	    || begins(p + i, n - i, "(;", 2) ||
	    begins(p + i, n - i, "(component", 10))
		return "this is the text format: make it binary first, with "
		    "wat2wasm or wasm-tools parse";
	return NULL;
}

static void
dec_header(struct reader *r)
{
	static const uint8_t magic[4] = { 0, 'a', 's', 'm' };
	size_t n = rd_left(r);
	const uint8_t *p = r->p;
	const char *hint = not_a_module(p, n);

	if (n == 0)
		rd_fail(r, 0, "unexpected end: the file is empty");
	if (hint)
		rd_fail(r, 0, "magic header not detected: %s", hint);
	if (memcmp(p, magic, n < 4 ? n : 4))
		rd_fail(r, 0, n < 4 ? "unexpected end: no WebAssembly module" :
		    "magic header not detected: no WebAssembly module");
	if (n < 8)
		rd_fail(r, n, "unexpected end");
	if (p[4] == 0x0d && p[5] == 0 && p[6] == 1 && p[7] == 0)
		rd_fail(r, 4, "unknown binary version: this is a component, "
		    "and only core modules are compiled; build a core module "
		    "instead, for instance with the target wasm32-wasip1");
	if (p[4] != 1 || p[5] || p[6] || p[7])
		rd_fail(r, 4, "unknown binary version %02x%02x%02x%02x",
		    p[7], p[6], p[5], p[4]);
	r->p += 8;
}

static void
dec_check_counts(struct reader *r)
{
	struct module *m = &r->c->module;
	uint32_t own = m->nfuncs - m->nfuncs_imported;

	if (own && !m->code_offset)
		rd_fail(r, rd_pos(r), "function and code section have "
		    "inconsistent lengths: %u and 0", own);
	if (m->has_datacount && m->datacount != m->ndatas)
		rd_fail(r, rd_pos(r), "data count and data section have "
		    "inconsistent lengths: %u and %u", m->datacount,
		    m->ndatas);
}

void
decode_module(struct compile *c, const uint8_t *p, size_t n)
{
	struct module *m = &c->module;
	unsigned next = 0;
	struct reader r;
	int last = 0;

	c->failing = WASMC_EMALFORMED;
	m->file = (struct slice){ p, n };
	m->start = NO_IDX;
	r = rd_open(c, m->file);
	dec_header(&r);
	while (!rd_end(&r))
		dec_section(&r, &next, &last);
	dec_check_counts(&r);
}
