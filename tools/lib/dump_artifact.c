/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dump_artifact.c: what a compiled module says about itself.
 *
 * The file may be damaged on purpose.  libelf finds the sections; everything
 * in them is copied out through take(), which checks that it lies inside.
 * Nothing of the file is executed or mapped as code.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gelf.h>
#include <libelf.h>

#include "dump_artifact.h"
#include "wabi.h"

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct artifact {
	const char *path;
	Elf *elf;
	struct bytes meta;
	uint64_t meta_addr;
	struct wabi_meta head;
};

__attribute__((format(printf, 2, 3))) static int
bad(const struct artifact *a, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "wasmdump: %s: ", a->path);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

/* Copy `size` bytes at `off`; false, and zeroes, if they are not all there. */
static bool
take(struct bytes b, uint64_t off, void *out, size_t size)
{
	memset(out, 0, size);
	if (off > b.n || size > b.n - off)
		return false;
	memcpy(out, b.p + off, size);
	return true;
}

/* Element i of a list in the metadata. */
static bool
item(const struct artifact *a, struct wabi_list l, uint32_t i, void *out,
    size_t size)
{
	if (i >= l.n) {
		memset(out, 0, size);
		return false;
	}
	return take(a->meta, l.off + (uint64_t)i * size, out, size);
}

/* All elements of the list lie inside the metadata. */
static bool
list_fits(const struct artifact *a, struct wabi_list l, size_t size)
{
	return l.off <= a->meta.n && l.n <= (a->meta.n - l.off) / size;
}

static void
print_str(const struct artifact *a, wabi_str s)
{
	if (!list_fits(a, s, 1)) {
		printf("(outside of the metadata)");
		return;
	}
	putchar('"');
	for (uint32_t i = 0; i < s.n; i++) {
		uint8_t b = a->meta.p[s.off + i];

		if (b < 0x20 || b == 0x7f || b == '"' || b == '\\')
			printf("\\%02x", b);
		else
			putchar(b);
	}
	putchar('"');
}

/* ---- Types ---- */

static const char *
type_name(uint8_t type)
{
	switch (type) {
	case WABI_I32: return "i32";
	case WABI_I64: return "i64";
	case WABI_F32: return "f32";
	case WABI_F64: return "f64";
	case WABI_V128: return "v128";
	case WABI_FUNCREF: return "func";
	case WABI_EXTERNREF: return "extern";
	case WABI_ANYREF: return "any";
	case WABI_EXNREF: return "exn";
	case 0x78: return "i8";
	case 0x77: return "i16";
	default: return "?";
	}
}

static bool
is_ref(uint8_t type)
{
	return type == WABI_FUNCREF || type == WABI_EXTERNREF ||
	    type == WABI_ANYREF || type == WABI_EXNREF;
}

static void
print_type(struct wabi_valtype t)
{
	if (!is_ref(t.type))
		printf("%s", type_name(t.type));
	else if (t.has_heap)
		printf("(ref %s%u)", t.nullable ? "null " : "", t.heap);
	else if (t.nullable)
		printf("%sref", type_name(t.type));
	else
		printf("(ref %s)", type_name(t.type));
}

static void
print_types(const struct artifact *a, struct wabi_list l)
{
	struct wabi_valtype t;

	putchar('(');
	for (uint32_t i = 0; item(a, l, i, &t, sizeof t); i++) {
		if (i)
			printf(", ");
		print_type(t);
	}
	putchar(')');
}

static void
print_limits(struct wabi_limits l)
{
	printf("%s%" PRIu64 "..", l.is64 ? "i64 " : "", l.min);
	if (l.max != UINT64_MAX)
		printf("%" PRIu64, l.max);
	if (l.shared)
		printf(" shared");
	if (l.page_log2 != 16 && l.page_log2)
		printf(" pagesize 2^%u", l.page_log2);
}

static void
dump_types(const struct artifact *a)
{
	static const char *const comps[] = { "func", "struct", "array" };
	struct wabi_typeinfo t;

	for (uint32_t i = 0; item(a, a->head.types, i, &t, sizeof t); i++) {
		printf("  type[%u] %s ", i, t.comp < 3 ? comps[t.comp] : "?");
		print_types(a, t.params);
		if (t.comp == WABI_COMP_FUNC) {
			printf(" -> ");
			print_types(a, t.results);
		}
		printf("%s%s%s\n", t.from_host ? " from-host" : "",
		    t.to_host ? " to-host" : "",
		    t.typed_from_host || t.typed_to_host ? " typed" : "");
	}
}

/* ---- Imports, exports, functions ---- */

static const char *
kind_name(uint8_t kind)
{
	static const char *const kinds[] = { "func", "table", "memory",
	    "global", "tag" };

	return kind < 5 ? kinds[kind] : "?";
}

static void
dump_imports(const struct artifact *a)
{
	struct wabi_import_info im;

	for (uint32_t i = 0; item(a, a->head.imports, i, &im, sizeof im);
	    i++) {
		printf("  import %s[%u] ", kind_name(im.kind), im.index);
		print_str(a, im.module);
		putchar(' ');
		print_str(a, im.name);
		putchar(' ');
		if (im.kind == WABI_KIND_FUNC || im.kind == WABI_KIND_TAG)
			printf("(type %u)", im.type_idx);
		if (im.kind == WABI_KIND_TABLE || im.kind == WABI_KIND_MEMORY)
			print_limits(im.limits);
		if (im.kind == WABI_KIND_TABLE || im.kind == WABI_KIND_GLOBAL) {
			printf(im.mut ? " mut " : " ");
			print_type(im.type);
		}
		putchar('\n');
	}
}

static void
dump_snapshot(const struct artifact *a)
{
	struct wabi_snapshot mark;

	for (uint32_t i = 0; item(a, a->head.snapshot, i, &mark, sizeof mark);
	    i++) {
		printf("  snapshot of ");
		for (size_t k = 0; k < sizeof mark.of_sha256; k++)
			printf("%02x", mark.of_sha256[k]);
		printf(" after ");
		print_str(a, mark.ran);
		putchar('\n');
	}
}

static void
dump_exports(const struct artifact *a)
{
	struct wabi_export_info e;

	for (uint32_t i = 0; item(a, a->head.exports, i, &e, sizeof e); i++) {
		printf("  export %s[%u] ", kind_name(e.kind), e.index);
		print_str(a, e.name);
		putchar('\n');
	}
}

static void
dump_funcs(const struct artifact *a, struct wabi_list l)
{
	struct wabi_func_info f;

	for (uint32_t i = 0; item(a, l, i, &f, sizeof f); i++) {
		if (!f.code) {
			printf("  func[%u] (type %u) imported\n", i,
			    f.type_idx);
			continue;
		}
		printf("  func[%u] (type %u) code=0x%08" PRIx64 " size=%u "
		    "wasm=0x%x+%u", i, f.type_idx,
		    a->meta_addr + (uint64_t)(int64_t)f.code, f.size,
		    f.wasm_off, f.wasm_size);
		if (f.tail)
			printf(" entry=0x%08" PRIx64,
			    a->meta_addr + (uint64_t)(int64_t)f.entry);
		if (f.funcref != UINT32_MAX)
			printf(" funcref=%u", f.funcref);
		if (f.name.n) {
			putchar(' ');
			print_str(a, f.name);
		}
		putchar('\n');
	}
}

/* Code for one CPU of several. */
static void
dump_level(const struct artifact *a, uint32_t k, wabi_str cpu,
    wabi_str features, struct wabi_list funcs)
{
	struct wabi_func_info f;
	uint64_t bytes = 0;

	for (uint32_t i = 0; item(a, funcs, i, &f, sizeof f); i++)
		bytes += f.size;
	printf("  level[%u] ", k);
	print_str(a, cpu);
	printf(" needs ");
	print_str(a, features);
	printf(": %" PRIu64 " bytes of code\n", bytes);
}

static void
dump_all_funcs(const struct artifact *a)
{
	const struct wabi_meta *h = &a->head;
	struct wabi_level v;

	if (h->levels.n)
		dump_level(a, 0, h->cpu, h->cpu_features, h->funcs);
	dump_funcs(a, h->funcs);
	for (uint32_t k = 0; item(a, h->levels, k, &v, sizeof v); k++) {
		dump_level(a, k + 1, v.cpu, v.cpu_features, v.funcs);
		dump_funcs(a, v.funcs);
	}
}

/* ---- Memories, tables, globals, segments ---- */

static void
print_init(const struct artifact *a, const struct wabi_init *in)
{
	switch (in->how) {
	case WABI_INIT_CONST:
		printf("0x%" PRIx64, in->val.u64[0]);
		if (in->val.u64[1])
			printf(":0x%" PRIx64, in->val.u64[1]);
		break;
	case WABI_INIT_GLOBAL:
		printf("global %u", in->index);
		break;
	case WABI_INIT_FUNC:
		printf("func %u", in->index);
		break;
	case WABI_INIT_CODE:
		printf("code 0x%" PRIx64,
		    a->meta_addr + (uint64_t)(int64_t)in->code);
		break;
	default:
		printf("?");
		break;
	}
}

static void
dump_memories(const struct artifact *a)
{
	struct wabi_memory_info m;
	struct wabi_image_run r;

	for (uint32_t i = 0; item(a, a->head.memories, i, &m, sizeof m); i++) {
		printf("  memory own %u: ", i);
		print_limits(m.limits);
		putchar('\n');
		for (uint32_t k = 0; item(a, m.image, k, &r, sizeof r); k++)
			printf("    image 0x%" PRIx64 "..0x%" PRIx64
			    " from 0x%" PRIx64 "\n", r.mem_off,
			    r.mem_off + r.bytes, r.image_off);
	}
}

static void
dump_spaces(const struct artifact *a)
{
	struct wabi_table_info t;
	struct wabi_global_info g;

	for (uint32_t i = 0; item(a, a->head.tables, i, &t, sizeof t); i++) {
		printf("  table own %u: ", i);
		print_limits(t.limits);
		putchar(' ');
		print_type(t.type);
		printf(" = ");
		print_init(a, &t.init);
		putchar('\n');
	}
	for (uint32_t i = 0; item(a, a->head.globals, i, &g, sizeof g); i++) {
		printf("  global own %u: %s", i, g.mut ? "mut " : "");
		print_type(g.type);
		printf(" = ");
		print_init(a, &g.init);
		putchar('\n');
	}
}

static void
dump_segments(const struct artifact *a)
{
	static const char *const modes[] = { "active", "passive", "declared",
	    "in the image" };
	struct wabi_data_info d;
	struct wabi_elem_info e;

	for (uint32_t i = 0; item(a, a->head.datas, i, &d, sizeof d); i++) {
		printf("  data[%u] %s memory %u: %" PRIu64 " bytes at "
		    ".wabi.data+0x%" PRIx64, i, d.mode < 4 ? modes[d.mode] : "?",
		    d.memory, d.bytes, d.data_off);
		if (d.mode == WABI_SEG_ACTIVE) {
			printf(" to ");
			print_init(a, &d.offset);
		}
		putchar('\n');
	}
	for (uint32_t i = 0; item(a, a->head.elems, i, &e, sizeof e); i++) {
		printf("  elem[%u] %s table %u: %u of ", i,
		    e.mode < 4 ? modes[e.mode] : "?", e.table,
		    e.funcs.n ? e.funcs.n : e.inits.n);
		print_type(e.type);
		if (e.mode == WABI_SEG_ACTIVE) {
			printf(" to ");
			print_init(a, &e.offset);
		}
		putchar('\n');
	}
}

/* ---- The head ---- */

static void
dump_head(const struct artifact *a)
{
	const struct wabi_meta *h = &a->head;
	const struct { const char *name; wabi_str s; } texts[] = {
		{ "producer", h->producer }, { "options", h->options },
		{ "target", h->target }, { "cpu", h->cpu },
		{ "cpu features", h->cpu_features },
		{ "wasm features", h->wasm_features },
		{ "module", h->module_name },
	};

	printf("Metadata (%u bytes):\n", h->size);
	printf("  abi version: %u\n  wasm sha256: ", h->version);
	for (unsigned i = 0; i < 32; i++)
		printf("%02x", h->wasm_sha256[i]);
	printf("\n  wasm size: %" PRIu64 "\n", h->wasm_size);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		printf("  %s: ", texts[i].name);
		print_str(a, texts[i].s);
		putchar('\n');
	}
	printf("  bounds: %s\n", h->bounds == WABI_BOUNDS_GUARD ? "guard" :
	    h->bounds == WABI_BOUNDS_EXPLICIT ? "explicit" : "?");
	printf("  vmctx: %" PRIu64 " bytes: %u globals, %u memories, %u "
	    "tables, %u imports, %u types, %u tags, %u funcrefs\n",
	    h->vmctx_size, h->counts.nglobals, h->counts.nmemories,
	    h->counts.ntables, h->counts.nimports, h->counts.ntypes,
	    h->counts.ntags, h->counts.nfuncrefs);
	if (h->start != UINT32_MAX)
		printf("  start: func[%u]\n", h->start);
}

/* Lists that reach out of the metadata are told of before their elements. */
static int
check_lists(const struct artifact *a)
{
	const struct wabi_meta *h = &a->head;
	const struct { const char *name; struct wabi_list l; size_t n; } t[] = {
		{ "types", h->types, sizeof(struct wabi_typeinfo) },
		{ "imports", h->imports, sizeof(struct wabi_import_info) },
		{ "exports", h->exports, sizeof(struct wabi_export_info) },
		{ "functions", h->funcs, sizeof(struct wabi_func_info) },
		{ "tables", h->tables, sizeof(struct wabi_table_info) },
		{ "memories", h->memories, sizeof(struct wabi_memory_info) },
		{ "globals", h->globals, sizeof(struct wabi_global_info) },
		{ "elements", h->elems, sizeof(struct wabi_elem_info) },
		{ "data", h->datas, sizeof(struct wabi_data_info) },
		{ "snapshots", h->snapshot, sizeof(struct wabi_snapshot) },
		{ "levels", h->levels, sizeof(struct wabi_level) },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (!list_fits(a, t[i].l, t[i].n))
			rc = bad(a, "the list of %s reaches out of the "
			    "metadata", t[i].name);
	if (h->levels.n >= WABI_MAX_LEVELS)
		rc = bad(a, "there are more levels than there can be");
	return rc;
}

static int
dump_meta(const struct artifact *a)
{
	dump_head(a);
	if (check_lists(a))
		return 1;
	dump_snapshot(a);
	dump_types(a);
	dump_imports(a);
	dump_exports(a);
	dump_all_funcs(a);
	printf("Memory plan:\n");
	dump_memories(a);
	dump_spaces(a);
	dump_segments(a);
	return 0;
}

/* ---- ELF ---- */

/* The section's name, "" if it has none that can be read. */
static const char *
section_name(Elf *elf, const GElf_Shdr *sh)
{
	size_t strings;
	const char *name = NULL;

	if (elf_getshdrstrndx(elf, &strings) == 0)
		name = elf_strptr(elf, strings, sh->sh_name);
	return name ? name : "";
}

static struct bytes
find_section(Elf *elf, const char *name, GElf_Shdr *sh)
{
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		Elf_Data *d;

		if (!gelf_getshdr(s, sh) || sh->sh_type == SHT_NOBITS ||
		    strcmp(section_name(elf, sh), name))
			continue;
		d = elf_rawdata(s, NULL);
		if (d && d->d_buf)
			return (struct bytes){ d->d_buf, d->d_size };
	}
	return (struct bytes){ NULL, 0 };
}

static void
dump_headers(Elf *elf)
{
	GElf_Shdr sh;

	printf("Sections:\n");
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));)
		if (gelf_getshdr(s, &sh))
			printf("  [%2zu] %-18s addr=0x%08" PRIx64
			    " offset=0x%08" PRIx64 " size=0x%08" PRIx64 "%s%s%s\n",
			    elf_ndxscn(s), section_name(elf, &sh), sh.sh_addr,
			    sh.sh_offset, sh.sh_size,
			    sh.sh_flags & SHF_ALLOC ? " alloc" : "",
			    sh.sh_flags & SHF_WRITE ? " write" : "",
			    sh.sh_flags & SHF_EXECINSTR ? " code" : "");
}

/* Which code belongs to which byte of the module. */
static int
dump_pcmap(const struct artifact *a)
{
	struct wabi_pcmap_head head;
	struct wabi_pcmap_entry e;
	GElf_Shdr sh;
	struct bytes b = find_section(a->elf, WABI_SEC_PCMAP, &sh);

	if (!take(b, 0, &head, sizeof head) || head.magic != WABI_MAGIC ||
	    head.n > (b.n - sizeof head) / sizeof e)
		return bad(a, "no sound %s section", WABI_SEC_PCMAP);
	printf("Code to module (%u entries):\n", head.n);
	for (uint32_t i = 0; i < head.n; i++) {
		take(b, sizeof head + (uint64_t)i * sizeof e, &e, sizeof e);
		printf("  0x%08" PRIx64, a->meta_addr +
		    (uint64_t)(int64_t)e.addr);
		if (e.wasm_off == UINT32_MAX)
			printf(" -\n");
		else
			printf(" wasm 0x%08x\n", e.wasm_off);
	}
	return 0;
}

static int
open_meta(struct artifact *a)
{
	GElf_Shdr sh = { 0 };

	a->meta = find_section(a->elf, WABI_SEC_META, &sh);
	a->meta_addr = sh.sh_addr;
	if (!a->meta.p)
		return bad(a, "no %s section: not compiled by wasmc",
		    WABI_SEC_META);
	if (!take(a->meta, 0, &a->head, sizeof a->head) ||
	    a->head.magic != WABI_MAGIC)
		return bad(a, "the metadata is damaged");
	if (a->head.version != WABI_VERSION)
		return bad(a, "made for version %u of the interface, this "
		    "wasmdump knows %u", a->head.version, WABI_VERSION);
	return 0;
}

int
dump_artifact(const char *path, const uint8_t *p, size_t n, bool headers,
    bool meta, bool traps)
{
	struct artifact a = { .path = path };
	char *copy = malloc(n ? n : 1);	/* libelf wants to own it */
	int rc = 0;

	if (!copy)
		return bad(&a, "out of memory");
	memcpy(copy, p, n);
	if (elf_version(EV_CURRENT) == EV_NONE ||
	    !(a.elf = elf_memory(copy, n)) || elf_kind(a.elf) != ELF_K_ELF) {
		rc = bad(&a, "not a sound ELF file: %s", elf_errmsg(-1));
		goto out;
	}
	if (headers)
		dump_headers(a.elf);
	if (meta || traps)
		rc = open_meta(&a);
	if (rc == 0 && meta)
		rc = dump_meta(&a);
	if (rc == 0 && traps)
		rc = dump_pcmap(&a);
out:
	elf_end(a.elf);
	free(copy);
	return rc;
}
