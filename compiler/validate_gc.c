/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate_gc.c: rules of structures, arrays, casts and continuations.
 *
 * Specification: "Validation", "Aggregate Instructions", "Reference
 * Instructions"; the stack switching proposal.
 */
#include "validate.h"

/* ---- Structures ---- */

static struct vtype
unpacked(struct vtype t)
{
	return t.kind == T_I8 || t.kind == T_I16 ? T(T_I32) : t;
}

static bool
is_packed(struct vtype t)
{
	return t.kind == T_I8 || t.kind == T_I16;
}

static const struct type *
struct_type(struct validator *v, uint32_t idx)
{
	const struct type *t = v_type(v, idx);

	if (t->comp != COMP_STRUCT)
		v_fail(v, "type mismatch: type %u is no structure type", idx);
	return t;
}

static const struct field *
struct_field(struct validator *v)
{
	const struct type *t = struct_type(v, v->in.index);

	if (v->in.index2 >= t->nfields)
		v_fail(v, "unknown field %u", v->in.index2);
	return &t->fields[v->in.index2];
}

void
v_struct_new(struct validator *v)
{
	const struct type *t = struct_type(v, v->in.index);

	for (uint32_t i = t->nfields; i-- > 0;)
		v_pop(v, unpacked(t->fields[i].type));
	v_push(v, REF(v->in.index));
}

static void
check_default(struct validator *v, struct vtype t)
{
	if (!has_default(t))
		v_fail(v, "type mismatch: %s has no default value",
		    TYPE_TEXT(t));
}

void
v_struct_new_default(struct validator *v)
{
	const struct type *t = struct_type(v, v->in.index);

	for (uint32_t i = 0; i < t->nfields; i++)
		check_default(v, t->fields[i].type);
	v_push(v, REF(v->in.index));
}

/* Packed fields are read with a sign, others without. */
static void
check_sign(struct validator *v, struct vtype t, bool has_sign)
{
	if (is_packed(t) != has_sign)
		v_fail(v, "type mismatch: %s of a field that is %s",
		    opinfos[v->in.op].text, TYPE_TEXT(t));
}

void
v_struct_get(struct validator *v)
{
	const struct field *f = struct_field(v);

	check_sign(v, f->type, v->in.op != OP_STRUCT_GET);
	v_pop(v, REF_NULL(v->in.index));
	v_push(v, unpacked(f->type));
}

void
v_struct_set(struct validator *v)
{
	const struct field *f = struct_field(v);

	if (!f->mut)
		v_fail(v, "immutable field %u", v->in.index2);
	v_pop(v, unpacked(f->type));
	v_pop(v, REF_NULL(v->in.index));
}

/* ---- Arrays ---- */

static const struct field *
array_elem(struct validator *v, uint32_t idx)
{
	const struct type *t = v_type(v, idx);

	if (t->comp != COMP_ARRAY)
		v_fail(v, "type mismatch: type %u is no array type", idx);
	return t->fields;
}

static const struct field *
mutable_array(struct validator *v)
{
	const struct field *f = array_elem(v, v->in.index);

	if (!f->mut)
		v_fail(v, "immutable array: type %u", v->in.index);
	return f;
}

void
v_array_new(struct validator *v)
{
	const struct field *f = array_elem(v, v->in.index);

	v_pop(v, T(T_I32));
	v_pop(v, unpacked(f->type));
	v_push(v, REF(v->in.index));
}

void
v_array_new_default(struct validator *v)
{
	check_default(v, array_elem(v, v->in.index)->type);
	v_pop(v, T(T_I32));
	v_push(v, REF(v->in.index));
}

/* In unreachable code the count is bounded by nothing: stop at the first
 * operand that is not really there. */
void
v_array_new_fixed(struct validator *v)
{
	struct vtype t = unpacked(array_elem(v, v->in.index)->type);
	const struct frame *f = v_label(v, 0);

	for (uint32_t n = v->in.index2; n > 0; n--) {
		if (v->nstack == f->height && f->unreachable)
			break;
		v_pop(v, t);
	}
	v_push(v, REF(v->in.index));
}

static void
check_numeric(struct validator *v, const struct field *f)
{
	if (f->type.kind == T_REF)
		v_fail(v, "array type is not numeric or vector: type %u",
		    v->in.index);
}

static void
check_elem_items(struct validator *v, const struct field *f)
{
	struct vtype item = v_elem(v, v->in.index2)->type;

	if (!vtype_sub(v->m, item, f->type))
		v_fail(v, "type mismatch: an array of %s cannot hold %s",
		    TYPE_TEXT(f->type), TYPE_TEXT(item));
}

void
v_array_new_data(struct validator *v)
{
	check_numeric(v, array_elem(v, v->in.index));
	v_data(v, v->in.index2);
	v_pop(v, T(T_I32));
	v_pop(v, T(T_I32));
	v_push(v, REF(v->in.index));
}

void
v_array_new_elem(struct validator *v)
{
	check_elem_items(v, array_elem(v, v->in.index));
	v_pop(v, T(T_I32));
	v_pop(v, T(T_I32));
	v_push(v, REF(v->in.index));
}

void
v_array_get(struct validator *v)
{
	const struct field *f = array_elem(v, v->in.index);

	check_sign(v, f->type, v->in.op != OP_ARRAY_GET);
	v_pop(v, T(T_I32));
	v_pop(v, REF_NULL(v->in.index));
	v_push(v, unpacked(f->type));
}

void
v_array_set(struct validator *v)
{
	const struct field *f = mutable_array(v);

	v_pop(v, unpacked(f->type));
	v_pop(v, T(T_I32));
	v_pop(v, REF_NULL(v->in.index));
}

void
v_array_len(struct validator *v)
{
	v_pop(v, REF_NULL(HT_ARRAY));
	v_push(v, T(T_I32));
}

void
v_array_fill(struct validator *v)
{
	const struct field *f = mutable_array(v);

	v_pop(v, T(T_I32));
	v_pop(v, unpacked(f->type));
	v_pop(v, T(T_I32));
	v_pop(v, REF_NULL(v->in.index));
}

void
v_array_copy(struct validator *v)
{
	const struct field *d = mutable_array(v);
	const struct field *s = array_elem(v, v->in.index2);

	if (is_packed(d->type) || is_packed(s->type) ?
	    d->type.kind != s->type.kind :
	    !vtype_sub(v->m, s->type, d->type))
		v_fail(v, "array types do not match: %s and %s",
		    TYPE_TEXT(d->type), TYPE_TEXT(s->type));
	v_pop(v, T(T_I32));
	v_pop(v, T(T_I32));
	v_pop(v, REF_NULL(v->in.index2));
	v_pop(v, T(T_I32));
	v_pop(v, REF_NULL(v->in.index));
}

static void
array_init(struct validator *v)
{
	v_pop(v, T(T_I32));
	v_pop(v, T(T_I32));
	v_pop(v, T(T_I32));
	v_pop(v, REF_NULL(v->in.index));
}

void
v_array_init_data(struct validator *v)
{
	check_numeric(v, mutable_array(v));
	v_data(v, v->in.index2);
	array_init(v);
}

void
v_array_init_elem(struct validator *v)
{
	check_elem_items(v, mutable_array(v));
	array_init(v);
}

/* ---- Casts ---- */

/* Continuations cannot be told apart when they run: nothing casts to them. */
void
v_castable(struct validator *v, uint32_t heap)
{
	v_heap(v, heap);
	if (heap_sub(v->m, heap, HT_CONT))
		v_fail(v, "invalid cast: %s to a continuation type",
		    opinfos[v->in.op].text);
}

/* The operand of a cast has the top type of the target's hierarchy. */
static uint32_t
top_of(struct validator *v, uint32_t heap)
{
	static const uint32_t tops[] = { HT_ANY, HT_FUNC, HT_EXTERN, HT_EXN };

	for (unsigned i = 0; i < sizeof tops / sizeof *tops; i++)
		if (heap_sub(v->m, heap, tops[i]))
			return tops[i];
	return HT_ANY;
}

static void
cast(struct validator *v, struct vtype result)
{
	v_castable(v, v->in.type.heap);
	v_pop(v, REF_NULL(top_of(v, v->in.type.heap)));
	v_push(v, result);
}

void
v_ref_test(struct validator *v)
{
	cast(v, T(T_I32));
}

void
v_ref_cast(struct validator *v)
{
	cast(v, v->in.type);
}

/* Externalising and internalising keep whether null is possible. */
static void
convert(struct validator *v, uint32_t from, uint32_t to)
{
	struct vtype t = v_pop_any(v);

	if (!vtype_sub(v->m, t, REF_NULL(from)))
		v_fail(v, "type mismatch: expected %s, found %s",
		    TYPE_TEXT(REF_NULL(from)), TYPE_TEXT(t));
	v_push(v, (struct vtype){ T_REF, t.kind == T_REF && t.nullable, to });
}

void
v_any_convert_extern(struct validator *v)
{
	convert(v, HT_EXTERN, HT_ANY);
}

void
v_extern_convert_any(struct validator *v)
{
	convert(v, HT_ANY, HT_EXTERN);
}

void
v_ref_i31(struct validator *v)
{
	v_pop(v, T(T_I32));
	v_push(v, REF(HT_I31));
}

void
v_i31_get(struct validator *v)
{
	v_pop(v, REF_NULL(HT_I31));
	v_push(v, T(T_I32));
}

/* ---- Continuations ---- */

/* The function type of a continuation type. */
static const struct type *
cont_func(struct validator *v, uint32_t idx)
{
	const struct type *t = v_type(v, idx);

	if (t->comp != COMP_CONT)
		v_fail(v, "non-continuation type %u", idx);
	return &v->m->types[t->cont];
}

void
v_cont_new(struct validator *v)
{
	cont_func(v, v->in.index);
	v_pop(v, REF_NULL(v->m->types[v->in.index].cont));
	v_push(v, REF(v->in.index));
}

/* The first parameters are bound, the rest must fit the new type. */
void
v_cont_bind(struct validator *v)
{
	const struct type *from = cont_func(v, v->in.index);
	const struct type *to = cont_func(v, v->in.index2);
	struct vtypes bound, rest;

	if (from->params.n < to->params.n)
		v_fail(v, "type mismatch: cont.bind to a type with more "
		    "parameters");
	bound = (struct vtypes){ from->params.t, from->params.n -
	    to->params.n };
	rest = (struct vtypes){ from->params.t + bound.n, to->params.n };
	if (!vtypes_sub(v->m, to->params, rest) ||
	    !vtypes_sub(v->m, from->results, to->results))
		v_fail(v, "type mismatch: cont.bind of types that differ");
	v_pop(v, REF_NULL(v->in.index));
	v_pop_all(v, bound);
	v_push(v, REF(v->in.index2));
}

void
v_suspend(struct validator *v)
{
	const struct type *t = v_tag_type(v, v->in.index);

	v_pop_all(v, t->params);
	v_push_all(v, t->results);
}

/* (on tag label): the label takes the tag's parameters and a continuation
 * that takes the tag's results and ends as the resumed one does. */
static void
check_on_label(struct validator *v, const struct catch *h,
    const struct type *tag, struct vtypes results)
{
	struct vtypes t = v_label_types(v, v_label(v, h->label));
	const struct type *k;
	struct vtype last;

	last = t.n ? t.t[t.n - 1] : T(T_NONE);
	if (last.kind != T_REF || last.heap & HT_ABSTRACT ||
	    v->m->types[last.heap].comp != COMP_CONT)
		v_fail(v, "type mismatch: a handler's label %u takes no "
		    "continuation last", h->label);
	t.n--;
	k = cont_func(v, last.heap);
	if (!vtypes_sub(v->m, tag->params, t) ||
	    !vtypes_sub(v->m, k->params, tag->results) ||
	    !vtypes_sub(v->m, results, k->results))
		v_fail(v, "type mismatch: a handler's label %u takes other "
		    "types than the tag brings", h->label);
}

static void
check_handlers(struct validator *v, struct vtypes results)
{
	for (uint32_t i = 0; i < v->in.ncatches; i++) {
		const struct catch *h = &v->in.catches[i];
		const struct type *tag = v_tag_type(v, h->tag);

		if (h->kind == CATCH)
			check_on_label(v, h, tag, results);
		else if (tag->params.n ||
		    !vtypes_sub(v->m, results, tag->results) ||
		    !vtypes_sub(v->m, tag->results, results))
			v_fail(v, "type mismatch: a switch handler's tag %u",
			    h->tag);
	}
}

void
v_resume(struct validator *v)
{
	const struct type *t = cont_func(v, v->in.index);

	check_handlers(v, t->results);
	v_pop(v, REF_NULL(v->in.index));
	v_pop_all(v, t->params);
	v_push_all(v, t->results);
}

void
v_resume_throw(struct validator *v)
{
	const struct type *t = cont_func(v, v->in.index);
	const struct type *tag = v_tag_type(v, v->in.index2);

	if (tag->results.n)
		v_fail(v, "non-empty tag result type");
	check_handlers(v, t->results);
	v_pop(v, REF_NULL(v->in.index));
	v_pop_all(v, tag->params);
	v_push_all(v, t->results);
}

void
v_resume_throw_ref(struct validator *v)
{
	const struct type *t = cont_func(v, v->in.index);

	check_handlers(v, t->results);
	v_pop(v, REF_NULL(v->in.index));
	v_pop(v, REF_NULL(HT_EXN));
	v_push_all(v, t->results);
}

void
v_switch(struct validator *v)
{
	const struct type *a = cont_func(v, v->in.index), *b;
	const struct type *tag = v_tag_type(v, v->in.index2);
	struct vtypes args = a->params;
	struct vtype last = args.n ? args.t[args.n - 1] : T(T_NONE);

	if (last.kind != T_REF || last.heap & HT_ABSTRACT)
		v_fail(v, "type mismatch: switch to a continuation that takes "
		    "none");
	args.n--;
	b = cont_func(v, last.heap);
	if (tag->params.n || !vtypes_sub(v->m, a->results, tag->results) ||
	    !vtypes_sub(v->m, tag->results, b->results))
		v_fail(v, "type mismatch: switch with a tag of other types");
	v_pop(v, REF_NULL(v->in.index));
	v_pop_all(v, args);
	v_push_all(v, b->params);
}
