/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmdump: show what is in a module (.wasm) or in a compiled one (.so).
 *
 *   wasmdump [-h] [-x] [-d] [--meta] [--traps] FILE...
 *   wasmdump --validate [--features LIST] FILE...
 *
 * This file shows modules; wasmdump's other half, tools/lib/dump_artifact.c,
 * shows artifacts.  Both take files that nobody vouches for.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "disasm.h"
#include "dump_artifact.h"
#include "dump_custom.h"
#include "insn.h"

static const char usage_text[] =
"usage: wasmdump [-h] [-x] [-d] [--meta] [--traps] FILE...\n"
"       wasmdump --validate [--features LIST] FILE...\n"
"\n"
"Show what is in WebAssembly modules (.wasm) and compiled ones (.so).\n"
"\n"
"  -h, --headers      sections\n"
"  -x, --details      what they hold: types, imports, exports, functions, ...\n"
"  -d, --disassemble  the code, with offsets in the file (.wasm)\n"
"      --meta         metadata and memory plan (.so)\n"
"      --traps        which code belongs to which byte of the module (.so)\n"
"      --validate     only say whether the modules are valid; - reads names\n"
"                     of files from the standard input, one a line\n"
"      --features L   as in wasmc: all, mvp, +name, -name, ...\n"
"      --help         this\n"
"\n"
"Without options: -h -x for a .wasm, --meta for a .so.\n";

/* ---- Files ---- */

struct file {
	uint8_t *p;
	size_t n;
};

/* Read the whole file; false and a sentence on stderr if it cannot be. */
static bool
file_read(const char *path, struct file *out)
{
	FILE *f = fopen(path, "rb");
	size_t room = 1 << 16, n = 0, got;
	uint8_t *p = malloc(room), *q;

	if (!f || !p)
		goto bad;
	while ((got = fread(p + n, 1, room - n, f)) > 0) {
		n += got;
		if (n < room)
			continue;
		q = realloc(p, room *= 2);
		if (!q)
			goto bad;
		p = q;
	}
	if (ferror(f))
		goto bad;
	fclose(f);
	*out = (struct file){ p, n };
	return true;
bad:
	fprintf(stderr, "wasmdump: %s: %s\n", path, strerror(errno));
	if (f)
		fclose(f);
	free(p);
	return false;
}

/* ---- Sections ---- */

static uint32_t
leb_u32(const uint8_t *p, const uint8_t *end, const uint8_t **after)
{
	uint32_t x = 0;

	for (unsigned shift = 0; p < end && shift < 35; shift += 7) {
		x |= (uint32_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80))
			break;
	}
	*after = p;
	return x;
}

static const char *
section_name(uint8_t id)
{
	static const char *const names[] = { "custom", "type", "import",
	    "function", "table", "memory", "global", "export", "start",
	    "element", "code", "data", "data count", "tag" };

	return id < sizeof names / sizeof *names ? names[id] : "?";
}

/* The module was decoded, so that its sections lie inside the file. */
static void
dump_headers(const struct module *m)
{
	const uint8_t *p = m->file.p + 8, *end = m->file.p + m->file.n;
	const uint8_t *q;

	printf("Sections:\n");
	while (p < end) {
		uint8_t id = *p;
		uint32_t size = leb_u32(p + 1, end, &p), n;

		printf("  %-10s start=0x%08zx end=0x%08zx size=0x%08x",
		    section_name(id), (size_t)(p - m->file.p),
		    (size_t)(p - m->file.p) + size, size);
		n = leb_u32(p, p + size, &q);
		if (id == 0) {
			fputc(' ', stdout);
			disasm_name(stdout, (struct slice){ q, n });
		} else if (id == 8) {
			printf(" function %u", n);
		} else {
			printf(" count %u", n);
		}
		fputc('\n', stdout);
		p += size;
	}
}

/* ---- Details ---- */

static const char *const kinds[NKINDS] = { "func", "table", "memory",
    "global", "tag" };

static void
dump_types(const struct module *m)
{
	if (m->ntypes)
		printf("Types:\n");
	for (uint32_t i = 0; i < m->ntypes; i++) {
		const struct type *t = &m->types[i];

		printf("  [%u] ", i);
		if (t->rec_n > 1)
			printf("rec %u..%u ", t->rec_first,
			    t->rec_first + t->rec_n - 1);
		disasm_type(stdout, t);
		fputc('\n', stdout);
	}
}

static void
dump_global_type(const struct global *g)
{
	if (g->mut)
		fputs("mut ", stdout);
	disasm_vtype(stdout, g->type);
}

static void
dump_thing(const struct module *m, enum kind kind, uint32_t idx)
{
	switch (kind) {
	case KIND_FUNC:
		printf("(type %u)", m->funcs[idx].type);
		break;
	case KIND_TABLE:
		disasm_limits(stdout, &m->tables[idx].limits);
		fputc(' ', stdout);
		disasm_vtype(stdout, m->tables[idx].type);
		break;
	case KIND_MEMORY:
		disasm_limits(stdout, &m->memories[idx].limits);
		break;
	case KIND_GLOBAL:
		dump_global_type(&m->globals[idx]);
		break;
	default:
		printf("(type %u)", m->tags[idx].type);
		break;
	}
}

static void
dump_imports(const struct module *m)
{
	if (m->nimports)
		printf("Imports:\n");
	for (uint32_t i = 0; i < m->nimports; i++) {
		const struct import *im = &m->imports[i];

		printf("  %s[%u] ", kinds[im->kind], im->index);
		disasm_name(stdout, im->module);
		fputc(' ', stdout);
		disasm_name(stdout, im->name);
		fputc(' ', stdout);
		dump_thing(m, im->kind, im->index);
		fputc('\n', stdout);
	}
}

static void
dump_exports(const struct module *m)
{
	if (m->nexports)
		printf("Exports:\n");
	for (uint32_t i = 0; i < m->nexports; i++) {
		const struct export *e = &m->exports[i];

		printf("  %s[%u] ", kinds[e->kind], e->index);
		disasm_name(stdout, e->name);
		fputc('\n', stdout);
	}
}

/* One line for a constant expression, without its end. */
static void
dump_expr(struct compile *c, const struct constexpr *e)
{
	struct reader r = rd_open(c, e->code);
	const char *sep = "";
	struct insn in;

	fputc('{', stdout);
	while (rd_left(&r) > 1) {
		insn_read(&r, &in);
		fputs(sep, stdout);
		disasm_insn(stdout, &c->module, &in);
		sep = "; ";
	}
	fputc('}', stdout);
	arena_reset(&c->scratch);
}

static void
dump_funcs(const struct module *m)
{
	if (m->nfuncs > m->nfuncs_imported)
		printf("Functions:\n");
	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
		const struct func *f = &m->funcs[i];

		printf("  func[%u] (type %u) at=0x%08" PRIx64 " size=%zu", i,
		    f->type, f->offset, f->body.n);
		if (f->name.n) {
			fputc(' ', stdout);
			disasm_name(stdout, f->name);
		}
		fputc('\n', stdout);
	}
	if (m->start != NO_IDX)
		printf("Start: func[%u]\n", m->start);
}

static void
dump_spaces(struct compile *c)
{
	const struct module *m = &c->module;

	for (uint32_t i = m->ntables_imported; i < m->ntables; i++) {
		printf("  table[%u] ", i);
		dump_thing(m, KIND_TABLE, i);
		if (m->tables[i].has_init) {
			fputc(' ', stdout);
			dump_expr(c, &m->tables[i].init);
		}
		fputc('\n', stdout);
	}
	for (uint32_t i = m->nmemories_imported; i < m->nmemories; i++) {
		printf("  memory[%u] ", i);
		dump_thing(m, KIND_MEMORY, i);
		fputc('\n', stdout);
	}
	for (uint32_t i = m->ntags_imported; i < m->ntags; i++)
		printf("  tag[%u] (type %u)\n", i, m->tags[i].type);
	for (uint32_t i = m->nglobals_imported; i < m->nglobals; i++) {
		printf("  global[%u] ", i);
		dump_thing(m, KIND_GLOBAL, i);
		fputc(' ', stdout);
		dump_expr(c, &m->globals[i].init);
		fputc('\n', stdout);
	}
}

static const char *const modes[] = { "active", "passive", "declared" };

static void
dump_elem(struct compile *c, const struct elem *e)
{
	if (e->mode == SEG_ACTIVE) {
		printf(" table %u at ", e->table);
		dump_expr(c, &e->at);
	}
	fputc(' ', stdout);
	disasm_vtype(stdout, e->type);
	printf(" %u:", e->n);
	for (uint32_t k = 0; k < e->n; k++) {
		fputc(' ', stdout);
		if (e->funcs)
			printf("%u", e->funcs[k]);
		else
			dump_expr(c, &e->inits[k]);
	}
	fputc('\n', stdout);
}

static void
dump_segments(struct compile *c)
{
	const struct module *m = &c->module;

	for (uint32_t i = 0; i < m->nelems; i++) {
		printf("  elem[%u] %s", i, modes[m->elems[i].mode]);
		dump_elem(c, &m->elems[i]);
	}
	for (uint32_t i = 0; i < m->ndatas; i++) {
		const struct data *d = &m->datas[i];

		printf("  data[%u] %s", i, modes[d->mode]);
		if (d->mode == SEG_ACTIVE) {
			printf(" memory %u at ", d->memory);
			dump_expr(c, &d->at);
		}
		printf(" %zu bytes\n", d->bytes.n);
	}
}

/* ---- Core dumps: the tool conventions' custom sections ------------------ */

static void
core_name(struct reader *r, const char *what)
{
	if (rd_byte(r) != 0)
		rd_fail(r, rd_pos(r) - 1, "unknown kind of %s", what);
	disasm_name(stdout, rd_name(r));
	putchar('\n');
}

static void
core_modules(struct reader *r)
{
	uint32_t n = rd_u32(r);

	for (uint32_t i = 0; i < n; i++) {
		printf("  module[%u] ", i);
		core_name(r, "module");
	}
}

static void
core_indices(struct reader *r, const char *what)
{
	printf(" %s", what);
	for (uint32_t n = rd_u32(r), i = 0; i < n; i++)
		printf("%c%u", i ? ',' : ' ', rd_u32(r));
}

static void
core_instances(struct reader *r)
{
	uint32_t n = rd_u32(r);

	for (uint32_t i = 0; i < n; i++) {
		if (rd_byte(r) != 0)
			rd_fail(r, rd_pos(r) - 1, "unknown kind of instance");
		printf("  instance[%u] of module %u:", i, rd_u32(r));
		core_indices(r, "memories");
		core_indices(r, "globals");
		putchar('\n');
	}
}

/* A local or an operand. */
static void
core_value(struct reader *r)
{
	uint8_t type = rd_byte(r);

	switch (type) {
	case 0x01: printf(" ?"); break;
	case 0x7f: printf(" i32:%d", rd_s32(r)); break;
	case 0x7e: printf(" i64:%" PRId64, rd_s64(r)); break;
	case 0x7d: printf(" f32:0x%08x", rd_f32(r)); break;
	case 0x7c: printf(" f64:0x%016" PRIx64, rd_f64(r)); break;
	default:
		rd_fail(r, rd_pos(r) - 1, "unknown kind of value 0x%02x",
		    type);
	}
}

static void
core_values(struct reader *r, const char *what)
{
	uint32_t n = rd_u32(r);

	if (n)
		printf(" %s", what);
	while (n-- > 0)
		core_value(r);
}

static void
core_stack(struct reader *r)
{
	uint32_t n;

	printf("  thread ");
	core_name(r, "thread");
	n = rd_u32(r);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t instance, func;

		if (rd_byte(r) != 0)
			rd_fail(r, rd_pos(r) - 1, "unknown kind of frame");
		instance = rd_u32(r);
		func = rd_u32(r);
		printf("  frame[%u] instance %u function %u offset 0x%x", i,
		    instance, func, rd_u32(r));
		core_values(r, "locals");
		core_values(r, "operands");
		putchar('\n');
	}
}

static void
core_process(struct reader *r)
{
	printf("  process ");
	core_name(r, "process");
}

static void
dump_core(struct compile *c)
{
	static const struct {
		const char *name;
		void (*dump)(struct reader *);
	} rows[] = { { "core", core_process }, { "coremodules", core_modules },
	    { "coreinstances", core_instances }, { "corestack", core_stack } };
	const struct module *m = &c->module;

	for (uint32_t i = 0; i < m->ncustoms; i++)
		for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
			struct slice name = m->customs[i].name;
			struct reader r = rd_open(c, m->customs[i].bytes);

			if (name.n != strlen(rows[k].name) ||
			    memcmp(name.p, rows[k].name, name.n))
				continue;
			printf("Core dump, %s:\n", rows[k].name);
			rows[k].dump(&r);
			if (!rd_end(&r))
				rd_fail(&r, rd_pos(&r), "bytes left over");
		}
}

static void
dump_details(struct compile *c)
{
	const struct module *m = &c->module;

	if (m->name.n) {
		printf("Module: ");
		disasm_name(stdout, m->name);
		fputc('\n', stdout);
	}
	dump_types(m);
	dump_imports(m);
	dump_funcs(m);
	if (m->ntables + m->nmemories + m->ntags + m->nglobals)
		printf("Definitions:\n");
	dump_spaces(c);
	dump_exports(m);
	if (m->nelems + m->ndatas)
		printf("Segments:\n");
	dump_segments(c);
	dump_core(c);
	dump_customs(m);
}

/* ---- Code ---- */

static void
dump_locals(struct reader *r)
{
	const struct local_run *runs;
	uint32_t n = locals_read(r, 0, &runs);

	for (uint32_t i = 0; i < n; i++) {
		printf("           local %u x ", runs[i].n);
		disasm_vtype(stdout, runs[i].type);
		fputc('\n', stdout);
	}
}

static bool
opens_block(enum op op)
{
	return opinfos[op].imm == IMM_BLOCK || opinfos[op].imm == IMM_TRY_TABLE;
}

static bool
closes_block(enum op op)
{
	return op == OP_END || op == OP_DELEGATE || op == OP_ELSE ||
	    op == OP_CATCH || op == OP_CATCH_ALL;
}

static void
dump_body(struct compile *c, uint32_t idx)
{
	const struct func *f = &c->module.funcs[idx];
	struct reader r = rd_open(c, f->body);
	size_t depth = 1;
	struct insn in;

	c->func_idx = idx;
	printf("\nfunc[%u] (type %u)", idx, f->type);
	if (f->name.n) {
		fputc(' ', stdout);
		disasm_name(stdout, f->name);
	}
	printf(":\n");
	dump_locals(&r);
	while (!rd_end(&r)) {
		insn_read(&r, &in);
		if (closes_block(in.op) && depth > 0)
			depth--;
		printf("  %08" PRIx64 ": %*s", in.offset,
		    (int)(depth < 30 ? 2 * depth : 60), "");
		disasm_insn(stdout, &c->module, &in);
		puts(dump_hint(&c->module, in.offset));
		if (opens_block(in.op) || (closes_block(in.op) &&
		    in.op != OP_END && in.op != OP_DELEGATE))
			depth++;
	}
	arena_reset(&c->scratch);
	c->func_idx = NO_IDX;
}

/* ---- A module ---- */

struct what {
	bool headers, details, code, meta, traps, validate;
	const char *features;
};

static void
show(struct compile *c, const struct file *f, const struct what *w)
{
	const struct module *m = &c->module;

	decode_module(c, f->p, f->n);
	names_read(c);
	if (w->headers)
		dump_headers(m);
	if (w->details)
		dump_details(c);
	if (!w->code)
		return;
	c->section = "code";
	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++)
		dump_body(c, i);
}

/* Functions called after setjmp() must not change what is used after. */
static int
dump_module(const char *path, const struct file *f, const struct what *w)
{
	struct wasmc_error err;
	const char *bad;
	struct compile c;
	int rc = 0;

	compile_open(&c, NULL, &err);
	features_parse("all", &c.module.features, &bad);
	if (setjmp(c.fail) == 0) {
		show(&c, f, w);
	} else {
		fflush(stdout);
		fprintf(stderr, "wasmdump: %s: %s\n", path, err.text);
		compile_close(&c);
		return 1;
	}
	compile_close(&c);
	return rc;
}

static int
validate(const char *path, const struct file *f, const struct what *w)
{
	struct wasmc_options opt = { .features = w->features };
	struct wasmc_error err;
	int rc = wasmc_validate(f->p, f->n, &opt, &err);

	printf("%s: %s\n", path, rc ? err.text : "valid");
	return rc != 0;
}

static int
dump_file(const char *path, const struct what *given)
{
	struct what w = *given;
	struct file f;
	int rc;

	if (!file_read(path, &f))
		return 1;
	if (w.validate) {
		rc = validate(path, &f, &w);
	} else if (f.n >= 4 && !memcmp(f.p, "\177ELF", 4)) {
		if (!w.headers && !w.details && !w.traps)
			w.meta = true;
		rc = dump_artifact(path, f.p, f.n, w.headers,
		    w.meta || w.details, w.traps);
	} else {
		if (!w.headers && !w.details && !w.code)
			w.headers = w.details = true;
		rc = dump_module(path, &f, &w);
	}
	free(f.p);
	return rc;
}

static int
dump_listed(const struct what *w)
{
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		rc |= dump_file(line, w);
	}
	free(line);
	return rc;
}

int
main(int argc, char **argv)
{
	enum { META = 256, TRAPS, VALIDATE, FEATURES_LIST, HELP };
	static const struct option options[] = {
		{ "headers", no_argument, NULL, 'h' },
		{ "details", no_argument, NULL, 'x' },
		{ "disassemble", no_argument, NULL, 'd' },
		{ "meta", no_argument, NULL, META },
		{ "traps", no_argument, NULL, TRAPS },
		{ "validate", no_argument, NULL, VALIDATE },
		{ "features", required_argument, NULL, FEATURES_LIST },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct what w = { 0 };
	int o, rc = 0;

	while ((o = getopt_long(argc, argv, "hxd", options, NULL)) != -1) {
		switch (o) {
		case 'h': w.headers = true; break;
		case 'x': w.details = true; break;
		case 'd': w.code = true; break;
		case META: w.meta = true; break;
		case TRAPS: w.traps = true; break;
		case VALIDATE: w.validate = true; break;
		case FEATURES_LIST: w.features = optarg; break;
		case HELP: fputs(usage_text, stdout); return 0;
		default: fputs(usage_text, stderr); return 2;
		}
	}
	if (optind == argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++) {
		if (argc - optind > 1 && !w.validate)
			printf("%s:\n", argv[i]);
		rc |= strcmp(argv[i], "-") ? dump_file(argv[i], &w) :
		    dump_listed(&w);
	}
	return rc;
}
