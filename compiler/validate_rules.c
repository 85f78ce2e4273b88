/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate_rules.c: things by index, and the rules of parametric
 * instructions, variables, tables, memories and references.
 */
#include "validate.h"

/* ---- By index ---- */

struct type *
v_type(struct validator *v, uint32_t idx)
{
	if (idx >= v->m->ntypes)
		v_fail(v, "unknown type %u", idx);
	return &v->m->types[idx];
}

struct type *
v_func_type(struct validator *v, uint32_t idx)
{
	struct type *t = v_type(v, idx);

	if (t->comp != COMP_FUNC)
		v_fail(v, "type mismatch: type %u is no function type", idx);
	return t;
}

struct func *
v_func(struct validator *v, uint32_t idx)
{
	if (idx >= v->m->nfuncs)
		v_fail(v, "unknown function %u", idx);
	return &v->m->funcs[idx];
}

struct table *
v_table(struct validator *v, uint32_t idx)
{
	if (idx >= v->m->ntables)
		v_fail(v, "unknown table %u", idx);
	return &v->m->tables[idx];
}

struct memory *
v_memory(struct validator *v, uint32_t idx)
{
	if (idx >= v->m->nmemories)
		v_fail(v, "unknown memory %u", idx);
	return &v->m->memories[idx];
}

struct type *
v_tag_type(struct validator *v, uint32_t idx)
{
	if (idx >= v->m->ntags)
		v_fail(v, "unknown tag %u", idx);
	return &v->m->types[v->m->tags[idx].type];
}

struct elem *
v_elem(struct validator *v, uint32_t idx)
{
	if (idx >= v->m->nelems)
		v_fail(v, "unknown elem segment %u", idx);
	return &v->m->elems[idx];
}

/* Code may name a data segment only if the count section came before it. */
void
v_data(struct validator *v, uint32_t idx)
{
	if (!v->m->has_datacount)
		rd_fail(&v->r, v->in.offset, "data count section required");
	if (idx >= v->m->ndatas)
		v_fail(v, "unknown data segment %u", idx);
}

void
v_heap(struct validator *v, uint32_t heap)
{
	if (!(heap & HT_ABSTRACT))
		v_type(v, heap);
	v->m->features_used |= FEAT_BIT(heap_feature(heap));
}

void
v_vtype(struct validator *v, struct vtype t)
{
	if (t.kind == T_V128)
		v->m->features_used |= FEAT_BIT(FEAT_SIMD);
	if (t.kind != T_REF)
		return;
	v_heap(v, t.heap);
	if (!t.nullable)
		v->m->features_used |= FEAT_BIT(FEAT_FUNC_REFS);
}

/* ---- Parametric ---- */

void
v_drop(struct validator *v)
{
	v_pop_any(v);
}

void
v_select(struct validator *v)
{
	struct vtype a, b;

	v_pop(v, T(T_I32));
	b = v_pop_any(v);
	a = v_pop_any(v);
	if (a.kind == T_REF || b.kind == T_REF)
		v_fail(v, "type mismatch: select of references needs a type");
	if (a.kind != b.kind && a.kind != T_BOT && b.kind != T_BOT)
		v_fail(v, "type mismatch: select of %s and %s", TYPE_TEXT(a),
		    TYPE_TEXT(b));
	v_push(v, a.kind == T_BOT ? b : a);
}

void
v_select_t(struct validator *v)
{
	if (v->in.types.n != 1)
		v_fail(v, "invalid result arity: select has %u types",
		    v->in.types.n);
	v_vtype(v, v->in.types.t[0]);
	v_pop(v, T(T_I32));
	v_pop(v, v->in.types.t[0]);
	v_pop(v, v->in.types.t[0]);
	v_push(v, v->in.types.t[0]);
}

/* ---- Variables ---- */

void
v_local_get(struct validator *v)
{
	struct vtype t = v_local(v, v->in.index);

	if (!v_local_is_set(v, v->in.index, t))
		v_fail(v, "uninitialized local %u", v->in.index);
	v_push(v, t);
}

void
v_local_set_op(struct validator *v)
{
	struct vtype t = v_local(v, v->in.index);

	v_pop(v, t);
	v_local_set(v, v->in.index, t);
}

void
v_local_tee(struct validator *v)
{
	v_local_set_op(v);
	v_push(v, v_local(v, v->in.index));
}

/* Constant expressions see the immutable globals before them; only imported
 * ones before garbage collection came. */
static void
check_constant_global(struct validator *v)
{
	const struct global *g = &v->m->globals[v->in.index];

	if (g->mut || (!g->imported && !(v->m->features & FEAT_BIT(FEAT_GC))))
		v_fail(v, "constant expression required: global %u is %s",
		    v->in.index, g->mut ? "mutable" : "not imported");
	if (!g->imported)
		v->m->features_used |= FEAT_BIT(FEAT_GC);
}

void
v_global_get(struct validator *v)
{
	uint32_t n = v->constant ? v->nglobals_visible : v->m->nglobals;

	if (v->in.index >= n)
		v_fail(v, "unknown global %u", v->in.index);
	if (v->constant)
		check_constant_global(v);
	v_push(v, v->m->globals[v->in.index].type);
}

void
v_global_set(struct validator *v)
{
	if (v->in.index >= v->m->nglobals)
		v_fail(v, "unknown global %u", v->in.index);
	if (!v->m->globals[v->in.index].mut)
		v_fail(v, "immutable global %u", v->in.index);
	v_pop(v, v->m->globals[v->in.index].type);
}

/* ---- Tables and memories ---- */

static struct vtype
address(const struct limits *l)
{
	return T(l->is64 ? T_I64 : T_I32);
}

/* The length of a copy between two: i64 only if both are. */
static struct vtype
length(const struct limits *a, const struct limits *b)
{
	return T(a->is64 && b->is64 ? T_I64 : T_I32);
}

/* A table that the instruction at hand writes. */
static const struct table *
written(struct validator *v, uint32_t idx)
{
	struct table *t = v_table(v, idx);

	t->written = true;
	return t;
}

void
v_table_get(struct validator *v)
{
	const struct table *t = v_table(v, v->in.index);

	v_pop(v, address(&t->limits));
	v_push(v, t->type);
}

void
v_table_set(struct validator *v)
{
	const struct table *t = written(v, v->in.index);

	v_pop(v, t->type);
	v_pop(v, address(&t->limits));
}

void
v_table_grow(struct validator *v)
{
	const struct table *t = written(v, v->in.index);

	v_pop(v, address(&t->limits));
	v_pop(v, t->type);
	v_push(v, address(&t->limits));
}

void
v_table_fill(struct validator *v)
{
	const struct table *t = written(v, v->in.index);

	v_pop(v, address(&t->limits));
	v_pop(v, t->type);
	v_pop(v, address(&t->limits));
}

static void
check_items(struct validator *v, struct vtype from, struct vtype to)
{
	if (!vtype_sub(v->m, from, to))
		v_fail(v, "type mismatch: %s cannot be stored in a table of "
		    "%s", TYPE_TEXT(from), TYPE_TEXT(to));
}

void
v_table_copy(struct validator *v)
{
	const struct table *d = written(v, v->in.index);
	const struct table *s = v_table(v, v->in.index2);

	check_items(v, s->type, d->type);
	v_pop(v, length(&d->limits, &s->limits));
	v_pop(v, address(&s->limits));
	v_pop(v, address(&d->limits));
}

void
v_table_init(struct validator *v)
{
	const struct table *t = written(v, v->in.index2);
	const struct elem *e = v_elem(v, v->in.index);

	check_items(v, e->type, t->type);
	v_pop(v, T(T_I32));
	v_pop(v, T(T_I32));
	v_pop(v, address(&t->limits));
}

void
v_memory_copy(struct validator *v)
{
	const struct memory *d = v_memory(v, v->in.index);
	const struct memory *s = v_memory(v, v->in.index2);

	v_pop(v, length(&d->limits, &s->limits));
	v_pop(v, address(&s->limits));
	v_pop(v, address(&d->limits));
}

/* ---- References ---- */

void
v_ref_null(struct validator *v)
{
	v_heap(v, v->in.type.heap);
	v_push(v, v->in.type);
}

void
v_ref_is_null(struct validator *v)
{
	v_pop_ref(v);
	v_push(v, T(T_I32));
}

/* Outside of bodies ref.func declares the function, inside it needs that. */
void
v_ref_func(struct validator *v)
{
	struct func *f = v_func(v, v->in.index);

	if (v->constant)
		f->referenced = true;
	else if (!f->referenced)
		v_fail(v, "undeclared function reference %u", v->in.index);
	v_push(v, REF(f->type));
}

void
v_ref_eq(struct validator *v)
{
	v_pop(v, REF_NULL(HT_EQ));
	v_pop(v, REF_NULL(HT_EQ));
	v_push(v, T(T_I32));
}

void
v_ref_as_non_null(struct validator *v)
{
	struct vtype t = v_pop_ref(v);

	v_push(v, t.kind == T_BOT ? REF(HT_BOT) : REF(t.heap));
}
