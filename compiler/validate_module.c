/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate_module.c: everything outside of function bodies, in the order of
 * the sections.
 *
 * Specification: "Validation", "Modules".
 */
#include <string.h>

#include "arena.h"
#include "validate.h"

static void
at(struct validator *v, uint64_t offset, const char *section)
{
	v->in.offset = offset;
	v->c->section = section;
}

static void
use(struct validator *v, enum feature f)
{
	v->m->features_used |= FEAT_BIT(f);
}

/* ---- Limits ---- */

static void
check_range(struct validator *v, const struct limits *l)
{
	if (l->has_max && l->min > l->max)
		v_fail(v, "size minimum must not be greater than maximum: "
		    "%llu and %llu", (unsigned long long)l->min,
		    (unsigned long long)l->max);
	if (l->is64)
		use(v, FEAT_MEMORY64);
}

static void
check_memory(struct validator *v, const struct memory *mem)
{
	const struct limits *l = &mem->limits;
	uint64_t most = 1ull << (l->is64 ? 48 : 16);

	if (l->page_log2 != 16 && l->page_log2 != 0)
		v_fail(v, "invalid custom page size: 2^%u bytes",
		    l->page_log2);
	if (l->page_log2 == 0) {
		use(v, FEAT_CUSTOM_PAGES);
		most = l->is64 ? UINT64_MAX : UINT32_MAX;
	}
	if (l->min > most || (l->has_max && l->max > most))
		v_fail(v, "memory size must be at most %llu pages%s",
		    (unsigned long long)most,
		    l->is64 || !l->page_log2 ? "" : " (4GiB)");
	check_range(v, l);
	if (l->shared) {
		use(v, FEAT_THREADS);
		if (!l->has_max)
			v_fail(v, "shared memory must have maximum");
	}
}

static void
check_table(struct validator *v, const struct table *t)
{
	v_vtype(v, t->type);
	if (!t->limits.is64 && (t->limits.min > UINT32_MAX ||
	    (t->limits.has_max && t->limits.max > UINT32_MAX)))
		v_fail(v, "table size must be at most 2^32-1");
	check_range(v, &t->limits);
}

static void
check_global_type(struct validator *v, const struct global *g)
{
	v_vtype(v, g->type);
}

static void
check_tag(struct validator *v, const struct tag *t)
{
	const struct type *ty = v_func_type(v, t->type);

	if (ty->results.n && !(v->m->features &
	    FEAT_BIT(FEAT_STACK_SWITCHING)))
		v_fail(v, "non-empty tag result type");
	if (ty->results.n)
		use(v, FEAT_STACK_SWITCHING);
}

/* ---- Imports and definitions ---- */

/* A feature that the module must not use, though its types are well-formed. */
static void
need(struct validator *v, enum feature f, const char *what)
{
	use(v, f);
	if (!(v->m->features & FEAT_BIT(f)))
		v_fail(v, "%s: the feature %s is off (--features +%s turns it "
		    "on)", what, feature_name(f), feature_name(f));
}

static void
check_import(struct validator *v, const struct import *im)
{
	const struct module *m = v->m;

	switch (im->kind) {
	case KIND_FUNC:
		v_func_type(v, m->funcs[im->index].type);
		break;
	case KIND_TABLE:
		check_table(v, &m->tables[im->index]);
		break;
	case KIND_MEMORY:
		check_memory(v, &m->memories[im->index]);
		break;
	case KIND_GLOBAL:
		check_global_type(v, &m->globals[im->index]);
		if (m->globals[im->index].mut)
			need(v, FEAT_MUTABLE_GLOBAL, "mutable globals cannot "
			    "be imported");
		break;
	default:
		check_tag(v, &m->tags[im->index]);
		break;
	}
	if (im->kind == KIND_TABLE && im->index > 0)
		need(v, FEAT_REF_TYPES, "multiple tables");
	if (im->kind == KIND_MEMORY && im->index > 0)
		need(v, FEAT_MULTI_MEMORY, "multiple memories");
}

static void
check_imports(struct validator *v)
{
	for (uint32_t i = 0; i < v->m->nimports; i++) {
		at(v, v->m->imports[i].offset, "import");
		check_import(v, &v->m->imports[i]);
	}
}

static void
check_funcs(struct validator *v)
{
	for (uint32_t i = v->m->nfuncs_imported; i < v->m->nfuncs; i++) {
		at(v, UINT64_MAX, "function");
		v->c->func_idx = i;
		v_func_type(v, v->m->funcs[i].type);
	}
	v->c->func_idx = NO_IDX;
}

/* Tables come before the module's own globals and see the imported ones. */
static void
check_tables(struct validator *v)
{
	for (uint32_t i = v->m->ntables_imported; i < v->m->ntables; i++) {
		const struct table *t = &v->m->tables[i];

		at(v, t->has_init ? t->init.offset : UINT64_MAX, "table");
		check_table(v, t);
		if (i > 0)
			need(v, FEAT_REF_TYPES, "multiple tables");
		if (t->has_init)
			v_constexpr(v, &t->init, t->type,
			    v->m->nglobals_imported);
		else if (!has_default(t->type))
			v_fail(v, "type mismatch: a table of %s needs a first "
			    "value", TYPE_TEXT(t->type));
	}
}

static void
check_memories(struct validator *v)
{
	for (uint32_t i = v->m->nmemories_imported; i < v->m->nmemories; i++) {
		at(v, UINT64_MAX, "memory");
		check_memory(v, &v->m->memories[i]);
		if (i > 0)
			need(v, FEAT_MULTI_MEMORY, "multiple memories");
	}
}

static void
check_tags(struct validator *v)
{
	for (uint32_t i = v->m->ntags_imported; i < v->m->ntags; i++) {
		at(v, UINT64_MAX, "tag");
		check_tag(v, &v->m->tags[i]);
	}
}

static void
check_globals(struct validator *v)
{
	for (uint32_t i = v->m->nglobals_imported; i < v->m->nglobals; i++) {
		const struct global *g = &v->m->globals[i];

		at(v, g->init.offset, "global");
		check_global_type(v, g);
		v_constexpr(v, &g->init, g->type, i);
	}
}

/* ---- Exports ---- */

static void
check_export(struct validator *v, const struct export *e)
{
	switch (e->kind) {
	case KIND_FUNC:
		v_func(v, e->index)->referenced = true;
		break;
	case KIND_TABLE:
		v_table(v, e->index);
		break;
	case KIND_MEMORY:
		v_memory(v, e->index);
		break;
	case KIND_GLOBAL:
		if (e->index >= v->m->nglobals)
			v_fail(v, "unknown global %u", e->index);
		if (v->m->globals[e->index].mut)
			need(v, FEAT_MUTABLE_GLOBAL, "mutable globals cannot "
			    "be exported");
		break;
	default:
		v_tag_type(v, e->index);
		break;
	}
}

static int
compare_names(const void *a, const void *b)
{
	const struct export *x = *(const struct export *const *)a;
	const struct export *y = *(const struct export *const *)b;
	int cmp = slice_compare(x->name, y->name);

	return cmp ? cmp : (x->offset > y->offset) - (x->offset < y->offset);
}

/* Merge sort: no input makes it slow, and it uses the arena. */
static void
sort_names(const struct export **a, const struct export **tmp, size_t n)
{
	for (size_t w = 1; w < n; w *= 2) {
		for (size_t lo = 0; lo < n; lo += 2 * w) {
			size_t mid = lo + w < n ? lo + w : n;
			size_t hi = lo + 2 * w < n ? lo + 2 * w : n;
			size_t i = lo, j = mid, k = lo;

			while (k < hi)
				tmp[k++] = j == hi || (i < mid &&
				    compare_names(&a[i], &a[j]) <= 0) ?
				    a[i++] : a[j++];
		}
		memcpy(a, tmp, n * sizeof *a);
	}
}

static void
check_names(struct validator *v)
{
	struct module *m = v->m;
	const struct export **a = ARENA_NEW(&v->c->scratch, m->nexports,
	    const struct export *);
	const struct export **tmp = ARENA_NEW(&v->c->scratch, m->nexports,
	    const struct export *);

	for (uint32_t i = 0; i < m->nexports; i++)
		a[i] = &m->exports[i];
	sort_names(a, tmp, m->nexports);
	for (uint32_t i = 1; i < m->nexports; i++) {
		if (slice_compare(a[i - 1]->name, a[i]->name))
			continue;
		at(v, a[i]->offset, "export");
		v_fail(v, "duplicate export name \"%.*s\"",
		    SLICE_SHOWN(a[i]->name));
	}
	arena_reset(&v->c->scratch);
}

static void
check_exports(struct validator *v)
{
	for (uint32_t i = 0; i < v->m->nexports; i++) {
		at(v, v->m->exports[i].offset, "export");
		check_export(v, &v->m->exports[i]);
	}
	check_names(v);
}

static void
check_start(struct validator *v)
{
	const struct type *t;

	if (v->m->start == NO_IDX)
		return;
	at(v, UINT64_MAX, "start");
	t = &v->m->types[v_func(v, v->m->start)->type];
	if (t->params.n || t->results.n)
		v_fail(v, "start function must have no parameters and no "
		    "results");
}

/* ---- Segments ---- */

static void
check_elem(struct validator *v, struct elem *e)
{
	const struct table *t;

	if (e->inits)
		v_vtype(v, e->type);
	if (e->funcs && e->mode == SEG_ACTIVE && e->table == 0)
		use(v, FEAT_MVP);
	else
		use(v, FEAT_BULK);
	for (uint32_t i = 0; e->funcs && i < e->n; i++)
		v_func(v, e->funcs[i])->referenced = true;
	for (uint32_t i = 0; e->inits && i < e->n; i++)
		v_constexpr(v, &e->inits[i], e->type, v->m->nglobals);
	at(v, e->offset, "element");
	if (e->mode != SEG_ACTIVE)
		return;
	t = v_table(v, e->table);
	if (!vtype_sub(v->m, e->type, t->type))
		v_fail(v, "type mismatch: elements of type %s for a table of "
		    "%s", TYPE_TEXT(e->type), TYPE_TEXT(t->type));
	v_constexpr(v, &e->at, T(t->limits.is64 ? T_I64 : T_I32),
	    v->m->nglobals);
}

static void
check_elems(struct validator *v)
{
	for (uint32_t i = 0; i < v->m->nelems; i++) {
		at(v, v->m->elems[i].offset, "element");
		check_elem(v, &v->m->elems[i]);
	}
}

static void
check_datas(struct validator *v)
{
	for (uint32_t i = 0; i < v->m->ndatas; i++) {
		const struct data *d = &v->m->datas[i];
		const struct memory *mem;

		at(v, d->offset, "data");
		if (d->mode != SEG_ACTIVE) {
			use(v, FEAT_BULK);
			continue;
		}
		mem = v_memory(v, d->memory);
		v_constexpr(v, &d->at, T(mem->limits.is64 ? T_I64 : T_I32),
		    v->m->nglobals);
	}
}

void
v_module(struct validator *v)
{
	use(v, FEAT_MVP);
	v_types(v);
	check_imports(v);
	check_funcs(v);
	check_tables(v);
	check_memories(v);
	check_tags(v);
	check_globals(v);
	check_exports(v);
	check_start(v);
	check_elems(v);
	check_datas(v);
	v->c->section = NULL;
}
