/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * merge.c: wasmc_link(), one module of several.
 *
 * Finds for every import the export that it is, checks that the types match as
 * the specification's linking does, and gives everything its number in the
 * result.  See docs/LINKING.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "merge.h"
#include "validate.h"

/* Longer chains of exports of imports are taken for circles. */
#define MAX_HOPS	1000u

_Noreturn void
merge_fail(struct merge *g, const struct merge_input *in,
    enum wasmc_status status, const char *fmt, ...)
{
	char text[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	*g->which = in ? in->nth : SIZE_MAX;
	g->c.failing = status;
	wc_fail(&g->c, UINT64_MAX, "%s", text);
}

/* ---- Names ---- */

static int
by_name(const void *a, const void *b)
{
	return slice_compare((*(const struct export *const *)a)->name,
	    (*(const struct export *const *)b)->name);
}

static void
sort_exports(struct merge *g, struct merge_input *in)
{
	const struct module *m = &in->c.module;

	in->by_name = ARENA_NEW(&g->c.arena, m->nexports,
	    const struct export *);
	for (uint32_t i = 0; i < m->nexports; i++)
		in->by_name[i] = &m->exports[i];
	qsort(in->by_name, m->nexports, sizeof *in->by_name, by_name);
}

static const struct export *
find_export(const struct merge_input *in, struct slice name)
{
	struct export key = { .name = name };
	const struct export *k = &key, *const *found;

	found = bsearch(&k, in->by_name, in->c.module.nexports,
	    sizeof *in->by_name, by_name);
	return found ? *found : NULL;
}

struct merge_input *
merge_source(struct merge *g, const struct import *im)
{
	for (size_t i = 0; i < g->nin; i++)
		if (!slice_compare(g->in[i].name, im->module))
			return &g->in[i];
	return NULL;
}

/* ---- Which export an import is ---- */

static const struct export *
exported(struct merge *g, struct merge_input *in, const struct import *im,
    const struct merge_input *from)
{
	static const char *const kinds[NKINDS] = { "function", "table",
	    "memory", "global", "tag" };
	const struct export *e = find_export(from, im->name);

	if (!e)
		merge_fail(g, in, WASMC_EINVALID, "unknown import: module "
		    "\"%.*s\" imports \"%.*s\" from \"%.*s\", which has no "
		    "such export", SLICE_SHOWN(in->name), SLICE_SHOWN(im->name),
		    SLICE_SHOWN(from->name));
	if (e->kind != im->kind)
		merge_fail(g, in, WASMC_EINVALID, "incompatible import type: "
		    "module \"%.*s\" imports the %s \"%.*s\" from \"%.*s\", "
		    "which exports a %s of that name", SLICE_SHOWN(in->name),
		    kinds[im->kind], SLICE_SHOWN(im->name),
		    SLICE_SHOWN(from->name), kinds[e->kind]);
	return e;
}

static uint32_t
count_imported(const struct module *m, enum kind kind)
{
	const uint32_t n[NKINDS] = { m->nfuncs_imported, m->ntables_imported,
	    m->nmemories_imported, m->nglobals_imported, m->ntags_imported };

	return n[kind];
}

static uint32_t
count(const struct module *m, enum kind kind)
{
	const uint32_t n[NKINDS] = { m->nfuncs, m->ntables, m->nmemories,
	    m->nglobals, m->ntags };

	return n[kind];
}

struct place
merge_resolve(struct merge *g, struct merge_input *in, enum kind kind,
    uint32_t index)
{
	struct merge_input *first = in, *from;

	for (unsigned hops = 0; hops < MAX_HOPS; hops++) {
		const struct import *im;

		if (index >= count_imported(&in->c.module, kind))
			return (struct place){ in, index };
		im = &in->c.module.imports[in->import_of[kind][index]];
		from = merge_source(g, im);
		if (!from)
			return (struct place){ in, index };
		index = exported(g, in, im, from)->index;
		in = from;
	}
	merge_fail(g, first, WASMC_EINVALID, "unknown import: an import of "
	    "module \"%.*s\" comes back to itself through the exports of the "
	    "others", SLICE_SHOWN(first->name));
}

/* ---- Do the types match? ---- */

static struct vtype
whole_type(const struct merge_input *in, struct vtype t)
{
	if (t.kind == T_REF && !(t.heap & HT_ABSTRACT))
		t.heap += in->types;
	return t;
}

static bool
limits_match(const struct limits *have, const struct limits *want)
{
	return have->min >= want->min && have->is64 == want->is64 &&
	    have->shared == want->shared &&
	    have->page_log2 == want->page_log2 &&
	    (!want->has_max || (have->has_max && have->max <= want->max));
}

static bool
types_match(const struct merge *g, enum kind kind,
    const struct merge_input *from, uint32_t a, const struct merge_input *in,
    uint32_t b)
{
	const struct module *types = &g->types.module;
	const struct module *x = &from->c.module, *y = &in->c.module;
	struct vtype t, u;

	switch (kind) {
	case KIND_FUNC:
		return heap_sub(types, from->types + x->funcs[a].type,
		    in->types + y->funcs[b].type);
	case KIND_TABLE:
		t = whole_type(from, x->tables[a].type);
		u = whole_type(in, y->tables[b].type);
		return vtype_equal(types, t, u) && limits_match(
		    &x->tables[a].limits, &y->tables[b].limits);
	case KIND_MEMORY:
		return limits_match(&x->memories[a].limits,
		    &y->memories[b].limits);
	case KIND_GLOBAL:
		t = whole_type(from, x->globals[a].type);
		u = whole_type(in, y->globals[b].type);
		return x->globals[a].mut == y->globals[b].mut &&
		    (x->globals[a].mut ? vtype_equal(types, t, u) :
		    vtype_sub(types, t, u));
	default:
		return types->types[from->types + x->tags[a].type].canon ==
		    types->types[in->types + y->tags[b].type].canon;
	}
}

static void
check_import(struct merge *g, struct merge_input *in, const struct import *im)
{
	struct merge_input *from = merge_source(g, im);
	const struct export *e;

	if (!from)
		return;
	e = exported(g, in, im, from);
	if (!types_match(g, im->kind, from, e->index, in, im->index))
		merge_fail(g, in, WASMC_EINVALID, "incompatible import type: "
		    "module \"%.*s\" imports \"%.*s\" from \"%.*s\" with "
		    "another type than it has there", SLICE_SHOWN(in->name),
		    SLICE_SHOWN(im->name), SLICE_SHOWN(from->name));
}

/* ---- Order ---- */

/* Modules that others import from come before those, as they would be
 * instantiated; where they import from each other, the later one does.  The
 * depth is at most the number of modules. */
static void
visit(struct merge *g, struct merge_input *in, size_t *n)
{
	const struct module *m = &in->c.module;

	if (in->entered)
		return;
	in->entered = true;
	for (uint32_t i = 0; i < m->nimports; i++) {
		struct merge_input *from = merge_source(g, &m->imports[i]);

		if (from)
			visit(g, from, n);
		else if (m->imports[i].kind == KIND_FUNC)
			in->uses_host = true;
	}
	g->order[(*n)++] = in;
}

/* ---- Index spaces ---- */

static void
index_imports(struct merge *g, struct merge_input *in)
{
	const struct module *m = &in->c.module;

	for (int k = 0; k < NKINDS; k++) {
		in->import_of[k] = ARENA_NEW(&g->c.arena,
		    count_imported(m, (enum kind)k), uint32_t);
		in->map[k] = ARENA_NEW(&g->c.arena, count(m, (enum kind)k),
		    uint32_t);
	}
	for (uint32_t i = 0; i < m->nimports; i++)
		in->import_of[m->imports[i].kind][m->imports[i].index] = i;
}

static uint32_t
add(struct merge *g, uint32_t *total, uint32_t n)
{
	uint32_t first = *total;

	if (__builtin_add_overflow(first, n, total))
		merge_fail(g, NULL, WASMC_EUNSUPPORTED, "the modules are "
		    "too large to be linked");
	return first;
}

/* A memory of the host that this module, up to import n, or one before it has
 * imported in the same way; NO_IDX: none. */
static uint32_t
same_memory(struct merge *g, const struct merge_input *in,
    const struct import *im)
{
	const struct limits *l = &in->c.module.memories[im->index].limits;

	for (size_t i = 0; i <= in->nth; i++) {
		const struct merge_input *old = &g->in[i];
		const struct module *m = &old->c.module;
		uint32_t n = old == in ? im->index : m->nmemories_imported;

		for (uint32_t k = 0; k < n; k++) {
			const struct import *x =
			    &m->imports[old->import_of[KIND_MEMORY][k]];
			const struct limits *have = &m->memories[k].limits;

			if (!merge_source(g, x) &&
			    !slice_compare(x->module, im->module) &&
			    !slice_compare(x->name, im->name) &&
			    limits_match(have, l) && limits_match(l, have))
				return old->map[KIND_MEMORY][k];
		}
	}
	return NO_IDX;
}

/* What the host gives.  A memory that several import is imported once. */
static void
number_import(struct merge *g, struct merge_input *in,
    const struct import *im)
{
	uint32_t *to = &in->map[im->kind][im->index];

	if (merge_source(g, im))
		return;
	*to = im->kind == KIND_MEMORY ? same_memory(g, in, im) : NO_IDX;
	if (*to != NO_IDX)
		return;
	merge_import(g, in, im, &g->imports);
	g->nimport_entries++;
	*to = add(g, &g->total[im->kind], 1);
}

static void
number_own(struct merge *g, struct merge_input *in, enum kind kind)
{
	const struct module *m = &in->c.module;
	uint32_t first = count_imported(m, kind), n = count(m, kind);
	uint32_t base = add(g, &g->total[kind], n - first);

	for (uint32_t i = first; i < n; i++)
		in->map[kind][i] = base + (i - first);
}

static void
number_resolved(struct merge *g, struct merge_input *in, enum kind kind)
{
	uint32_t n = count_imported(&in->c.module, kind);

	for (uint32_t i = 0; i < n; i++) {
		struct place p = merge_resolve(g, in, kind, i);

		if (p.in != in || p.index != i)
			in->map[kind][i] = p.in->map[kind][p.index];
	}
}

/* ---- Whose memory the host means ---- */

/* Host functions use memory 0 of the instance that calls them.  Where that is
 * another one's, they are called through functions that say so. */
static uint32_t
meant_memory(const struct merge_input *in)
{
	return in->c.module.nmemories ? in->map[KIND_MEMORY][0] : 0;
}

static void
find_host_memories(struct merge *g)
{
	for (size_t i = 0; i < g->nin; i++)
		if (g->in[i].uses_host && meant_memory(&g->in[i]))
			g->host_memory = true;
}

static void
wrap_imports(struct merge *g, struct merge_input *in)
{
	const struct module *m = &in->c.module;

	for (uint32_t i = 0; i < m->nfuncs_imported; i++) {
		const struct import *im = &m->imports[in->import_of[0][i]];

		if (merge_source(g, im))
			continue;
		if (g->nwrappers == g->wrappers_room) {
			uint32_t room = 2 * g->nwrappers + 16;

			g->wrappers = arena_grow(&g->c.arena, g->wrappers,
			    g->nwrappers, room, sizeof *g->wrappers);
			g->wrappers_room = room;
		}
		g->wrappers[g->nwrappers++] = (struct wrapper){
		    in->types + m->funcs[i].type, in->map[KIND_FUNC][i],
		    meant_memory(in), in, im->name };
		in->map[KIND_FUNC][i] = add(g, &g->total[KIND_FUNC], 1);
	}
}

/* ---- All of it ---- */

static void
number_all(struct merge *g)
{
	for (size_t i = 0; i < g->nin; i++)
		for (uint32_t k = 0; k < g->in[i].c.module.nimports; k++)
			number_import(g, &g->in[i],
			    &g->in[i].c.module.imports[k]);
	memcpy(g->nimports, g->total, sizeof g->nimports);
	/* Globals and segments in the order in which they are made; memories
	 * as given, since the first one's is the first. */
	for (size_t i = 0; i < g->nin; i++) {
		struct merge_input *in = g->order[i];

		number_own(g, &g->in[i], KIND_FUNC);
		number_own(g, &g->in[i], KIND_TABLE);
		number_own(g, &g->in[i], KIND_MEMORY);
		number_own(g, &g->in[i], KIND_TAG);
		number_own(g, in, KIND_GLOBAL);
		in->elems = add(g, &g->nelems, in->c.module.nelems);
		in->datas = add(g, &g->ndatas, in->c.module.ndatas);
	}
	for (size_t i = 0; i < g->nin; i++)
		number_resolved(g, &g->in[i], KIND_MEMORY);
	find_host_memories(g);
	for (size_t i = 0; g->host_memory && i < g->nin; i++)
		wrap_imports(g, &g->in[i]);
	if (g->host_memory)
		g->host_memory_global = add(g, &g->total[KIND_GLOBAL], 1);
	if (g->profile) {
		profile_layout(g);
		g->profile_memory = add(g, &g->total[KIND_MEMORY], 1);
		g->profile_func = add(g, &g->total[KIND_FUNC], 1);
	}
	for (size_t i = 0; i < g->nin; i++)
		for (int k = 0; k < NKINDS; k++)
			if (k != KIND_MEMORY)
				number_resolved(g, &g->in[i], (enum kind)k);
}

static void
merge_all(struct merge *g, struct bytes *out)
{
	struct bytes types = { .a = &g->c.scratch };
	size_t n = 0;

	for (size_t i = 0; i < g->nin; i++) {
		g->in[i].types = add(g, &g->ntypes,
		    g->in[i].c.module.ntypes);
		sort_exports(g, &g->in[i]);
		index_imports(g, &g->in[i]);
	}
	merge_types(g, &types);
	*g->which = SIZE_MAX;
	decode_module(&g->types, types.p, types.n);
	validate_module(&g->types);
	for (size_t i = 0; i < g->nin; i++)
		for (uint32_t k = 0; k < g->in[i].c.module.nimports; k++)
			check_import(g, &g->in[i],
			    &g->in[i].c.module.imports[k]);
	g->order = ARENA_NEW(&g->c.arena, g->nin, struct merge_input *);
	for (size_t i = 0; i < g->nin; i++)
		visit(g, &g->in[i], &n);
	number_all(g);
	g->reffed = ARENA_NEW(&g->c.arena, g->total[KIND_FUNC], bool);
	g->dropped = ARENA_NEW(&g->c.arena, g->total[KIND_FUNC], bool);
	merge_write(g, out);
}

/* ---- The inputs ---- */

static void
check_names(struct merge *g)
{
	for (size_t i = 0; i < g->nin; i++) {
		struct slice s = g->in[i].name;

		if (!utf8_valid(s.p, s.n))
			merge_fail(g, &g->in[i], WASMC_EOPTION,
			    "the module's name is not UTF-8");
		for (size_t k = 0; k < i; k++)
			if (!slice_compare(g->in[k].name, s))
				merge_fail(g, &g->in[i], WASMC_EOPTION,
				    "two modules are called \"%.*s\": give "
				    "one another name, as in NAME=FILE",
				    SLICE_SHOWN(s));
	}
}

static int
read_inputs(struct merge *g, const struct wasmc_link_input *in)
{
	for (size_t i = 0; i < g->nin; i++) {
		int rc;

		*g->which = i;
		rc = front_run(&g->in[i].c, in[i].wasm, in[i].n);
		if (rc)
			return rc;
	}
	*g->which = SIZE_MAX;
	return WASMC_OK;
}

/* Everything is read: from now on all failures come back here.  The features
 * of the inputs are those of all. */
static int
run(struct merge *g, void **out, size_t *out_n)
{
	struct bytes b = { .a = &g->c.arena };
	void *copy;

	if (setjmp(g->c.fail))
		return g->c.err->status;
	g->types.module.features = g->in[0].c.module.features;
	memcpy(g->types.fail, g->c.fail, sizeof g->c.fail);
	for (size_t i = 0; i < g->nin; i++)
		memcpy(g->in[i].c.fail, g->c.fail, sizeof g->c.fail);
	check_names(g);
	merge_all(g, &b);
	copy = malloc(b.n);
	if (!copy)
		g->c.arena.fail(g->c.arena.fail_data);
	*out = memcpy(copy, b.p, b.n);
	*out_n = b.n;
	return WASMC_OK;
}

static int
refuse(struct wasmc_error *err, int status, const char *text)
{
	*err = (struct wasmc_error){ .status = status, .offset = UINT64_MAX,
	    .func_idx = UINT32_MAX };
	snprintf(err->text, sizeof err->text, "%s", text);
	return status;
}

static int
link_inputs(struct merge *g, const struct wasmc_link_input *in,
    const struct wasmc_options *options, struct wasmc_error *err,
    void **out, size_t *out_n)
{
	int rc;

	compile_open(&g->c, options, err);
	compile_open(&g->types, options, err);
	for (size_t i = 0; i < g->nin; i++) {
		compile_open(&g->in[i].c, options, err);
		g->in[i].nth = (uint32_t)i;
		g->in[i].name = (struct slice){ (const uint8_t *)in[i].name,
		    strlen(in[i].name) };
	}
	g->imports.a = g->hints.a = &g->c.arena;
	rc = read_inputs(g, in);
	if (rc == WASMC_OK)
		rc = run(g, out, out_n);
	for (size_t i = 0; i < g->nin; i++)
		compile_close(&g->in[i].c);
	compile_close(&g->types);
	compile_close(&g->c);
	return rc;
}

int
merge_run(const struct wasmc_link_input *in, size_t nin,
    enum wasmc_link_exports exports, bool profile,
    const struct wasmc_options *options, void **out, size_t *out_n,
    size_t *which, struct wasmc_error *err)
{
	struct merge *g;
	int rc;

	g = calloc(1, sizeof *g);
	if (g)
		g->in = calloc(nin, sizeof *g->in);
	if (!g || !g->in) {
		free(g);
		return refuse(err, WASMC_ENOMEM, "out of memory");
	}
	g->nin = nin;
	g->exports = exports;
	g->which = which;
	g->profile = profile;
	rc = link_inputs(g, in, options, err, out, out_n);
	free(g->in);
	free(g);
	return rc;
}

WASMC_API int
wasmc_link(const struct wasmc_link_input *in, size_t nin,
    enum wasmc_link_exports exports, const struct wasmc_options *options,
    void **out, size_t *out_n, size_t *which, struct wasmc_error *err)
{
	struct wasmc_error local;
	size_t local_which;

	err = err ? err : &local;
	which = which ? which : &local_which;
	*which = SIZE_MAX;
	if (!in || !nin || nin > UINT32_MAX || !out || !out_n)
		return refuse(err, WASMC_EOPTION, "an argument is NULL");
	for (size_t i = 0; i < nin; i++)
		if ((in[i].n && !in[i].wasm) || !in[i].name)
			return refuse(err, WASMC_EOPTION,
			    "an argument is NULL");
	if ((unsigned)exports > WASMC_EXPORTS_PREFIXED)
		return refuse(err, WASMC_EOPTION, "unknown kind of exports");
	return merge_run(in, nin, exports, false, options, out, out_n, which,
	    err);
}
