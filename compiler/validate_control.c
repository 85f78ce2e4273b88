/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate_control.c: rules of control instructions.
 *
 * Specification: "Validation", "Control Instructions"; the legacy exceptions
 * are those of the proposal's third phase.
 */
#include "validate.h"

void
v_unreachable_op(struct validator *v)
{
	v_unreachable(v);
}

void
v_block(struct validator *v)
{
	v_open(v, v->in.op);
}

void
v_if(struct validator *v)
{
	v_block_type(v);
	v_pop(v, T(T_I32));
	v_open(v, OP_IF);
}

void
v_else(struct validator *v)
{
	struct frame *f = v_label(v, 0);

	if (f->op != OP_IF)
		rd_fail(&v->r, v->in.offset, "END opcode expected: else "
		    "outside an if");
	v_reset_frame(v, f);
	f->op = OP_ELSE;
	v_push_all(v, v_frame_params(v, f));
}

void
v_end(struct validator *v)
{
	struct frame *f = v_label(v, 0);

	/* Without an else the parameters are the results. */
	if (f->op == OP_IF && !vtypes_sub(v->m, v_frame_params(v, f),
	    v_frame_results(v, f)))
		v_fail(v, "type mismatch: if without else must leave what it "
		    "takes");
	v_close(v);
}

/* ---- Branches ---- */

void
v_br(struct validator *v)
{
	v_pop_all(v, v_label_types(v, v_label(v, v->in.index)));
	v_unreachable(v);
}

void
v_br_if(struct validator *v)
{
	struct vtypes t = v_label_types(v, v_label(v, v->in.index));

	v_pop(v, T(T_I32));
	v_pop_all(v, t);
	v_push_all(v, t);
}

/* The operands must do for every label.  Each label is checked against the
 * stack as it is: popped, and put back as it was. */
static void
check_table_label(struct validator *v, uint32_t label, uint32_t arity)
{
	struct vtypes t = v_label_types(v, v_label(v, label));
	uint32_t height = v->nstack, base = v_label(v, 0)->height;

	if (t.n != arity)
		v_fail(v, "type mismatch: br_table's label %u takes %u values, "
		    "its default %u", label, t.n, arity);
	if (height - base >= arity) {
		for (uint32_t i = 0; i < arity; i++) {
			struct vtype got = v->stack[height - arity + i];

			if (!vtype_sub(v->m, got, t.t[i]))
				v_fail(v, "type mismatch: br_table's label %u "
				    "expects %s, found %s", label,
				    TYPE_TEXT(t.t[i]), TYPE_TEXT(got));
		}
		return;
	}
	v_pop_all(v, t);		/* fails unless unreachable */
	v->nstack = height;
}

void
v_br_table(struct validator *v)
{
	const uint32_t *labels = v->in.labels;
	uint32_t n = v->in.nlabels;
	uint32_t arity = v_label_types(v, v_label(v, labels[n - 1])).n;

	v_pop(v, T(T_I32));
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || labels[i] != labels[i - 1])
			check_table_label(v, labels[i], arity);
	v_unreachable(v);
}

void
v_return(struct validator *v)
{
	v_pop_all(v, v->results);
	v_unreachable(v);
}

/* ---- Calls ---- */

static void
call(struct validator *v, const struct type *t)
{
	v_pop_all(v, t->params);
	v_push_all(v, t->results);
}

static void
tail_call(struct validator *v, const struct type *t)
{
	/* return_call_ref is of two features. */
	if (!(v->m->features & FEAT_BIT(FEAT_TAIL_CALL)))
		v_fail(v, "%s: the feature tail-call is off (--features "
		    "+tail-call turns it on)", opinfos[v->in.op].text);
	v->m->features_used |= FEAT_BIT(FEAT_TAIL_CALL);
	if (!vtypes_sub(v->m, t->results, v->results))
		v_fail(v, "type mismatch: the results of %s differ from the "
		    "function's", opinfos[v->in.op].text);
	v_pop_all(v, t->params);
	v_unreachable(v);
}

static const struct type *
callee(struct validator *v)
{
	return &v->m->types[v_func(v, v->in.index)->type];
}

static const struct type *
indirect_callee(struct validator *v)
{
	const struct table *tab = v_table(v, v->in.index2);
	const struct type *t;

	if (!heap_sub(v->m, tab->type.heap, HT_FUNC))
		v_fail(v, "type mismatch: call_indirect needs a table of "
		    "functions, not of %s", TYPE_TEXT(tab->type));
	t = v_func_type(v, v->in.index);
	v_pop(v, T(tab->limits.is64 ? T_I64 : T_I32));
	return t;
}

static const struct type *
ref_callee(struct validator *v)
{
	const struct type *t = v_func_type(v, v->in.index);

	v_pop(v, REF_NULL(v->in.index));
	return t;
}

void
v_call(struct validator *v)
{
	call(v, callee(v));
}

void
v_call_indirect(struct validator *v)
{
	call(v, indirect_callee(v));
}

void
v_call_ref(struct validator *v)
{
	call(v, ref_callee(v));
}

void
v_return_call(struct validator *v)
{
	tail_call(v, callee(v));
}

void
v_return_call_indirect(struct validator *v)
{
	tail_call(v, indirect_callee(v));
}

void
v_return_call_ref(struct validator *v)
{
	tail_call(v, ref_callee(v));
}

/* ---- Branches on references ---- */

static struct vtype
non_null(struct vtype t)
{
	return t.kind == T_BOT ? REF(HT_BOT) : REF(t.heap);
}

void
v_br_on_null(struct validator *v)
{
	struct vtypes t = v_label_types(v, v_label(v, v->in.index));
	struct vtype ref = v_pop_ref(v);

	v_pop_all(v, t);
	v_push_all(v, t);
	v_push(v, non_null(ref));
}

/* The reference that a label takes last; label types without it in *rest. */
static struct vtype
label_ref(struct validator *v, struct vtypes *rest)
{
	struct vtypes t = v_label_types(v, v_label(v, v->in.index));

	if (t.n == 0 || t.t[t.n - 1].kind != T_REF)
		v_fail(v, "type mismatch: %s needs a label that takes a "
		    "reference last", opinfos[v->in.op].text);
	*rest = (struct vtypes){ t.t, t.n - 1 };
	return t.t[t.n - 1];
}

void
v_br_on_non_null(struct validator *v)
{
	struct vtypes rest;
	struct vtype last = label_ref(v, &rest);

	v_pop(v, REF_NULL(last.heap));
	v_pop_all(v, rest);
	v_push_all(v, rest);
}

/* What is left of a type when the cast to another failed. */
static struct vtype
difference(struct vtype from, struct vtype to)
{
	return to.nullable ? REF(from.heap) : from;
}

static void
br_on_cast(struct validator *v, struct vtype taken, struct vtype stays)
{
	struct vtypes rest;
	struct vtype last;

	v_castable(v, v->in.type.heap);
	v_castable(v, v->in.type2.heap);
	if (!vtype_sub(v->m, v->in.type2, v->in.type))
		v_fail(v, "type mismatch: %s is no subtype of %s",
		    TYPE_TEXT(v->in.type2), TYPE_TEXT(v->in.type));
	last = label_ref(v, &rest);
	if (!vtype_sub(v->m, taken, last))
		v_fail(v, "type mismatch: the label expects %s, %s passes %s",
		    TYPE_TEXT(last), opinfos[v->in.op].text, TYPE_TEXT(taken));
	v_pop(v, v->in.type);
	v_pop_all(v, rest);
	v_push_all(v, rest);
	v_push(v, stays);
}

void
v_br_on_cast(struct validator *v)
{
	br_on_cast(v, v->in.type2, difference(v->in.type, v->in.type2));
}

void
v_br_on_cast_fail(struct validator *v)
{
	br_on_cast(v, difference(v->in.type, v->in.type2), v->in.type2);
}

/* ---- Exceptions ---- */

void
v_throw(struct validator *v)
{
	const struct type *t = v_tag_type(v, v->in.index);

	if (t->results.n)
		v_fail(v, "non-empty tag result type");
	v_pop_all(v, t->params);
	v_unreachable(v);
}

void
v_throw_ref(struct validator *v)
{
	v_pop(v, REF_NULL(HT_EXN));
	v_unreachable(v);
}

/* A catch clause hands the tag's parameters and perhaps the exception to its
 * label, which lies outside of the try_table. */
static void
check_catch(struct validator *v, const struct catch *c)
{
	struct vtypes have = { NULL, 0 };
	struct vtypes want = v_label_types(v, v_label(v, c->label));
	bool ref = c->kind == CATCH_REF || c->kind == CATCH_ALL_REF;
	struct vtypes head;

	if (c->kind == CATCH || c->kind == CATCH_REF)
		have = v_tag_type(v, c->tag)->params;
	if (want.n != have.n + ref)
		v_fail(v, "type mismatch: the label %u takes %u values, the "
		    "catch clause passes %u", c->label, want.n, have.n + ref);
	head = (struct vtypes){ want.t, have.n };
	if (!vtypes_sub(v->m, have, head) ||
	    (ref && !vtype_sub(v->m, REF(HT_EXN), want.t[have.n])))
		v_fail(v, "type mismatch: the label %u takes other types than "
		    "the catch clause passes", c->label);
}

void
v_try_table(struct validator *v)
{
	for (uint32_t i = 0; i < v->in.ncatches; i++)
		check_catch(v, &v->in.catches[i]);
	v_open(v, OP_TRY_TABLE);
}

/* ---- Legacy exceptions ---- */

static struct frame *
legacy_clause(struct validator *v, enum op op)
{
	struct frame *f = v_label(v, 0);

	if (f->op != OP_TRY && f->op != OP_CATCH)
		rd_fail(&v->r, v->in.offset, "END opcode expected: %s outside "
		    "a try", opinfos[op].text);
	v_reset_frame(v, f);
	f->op = (uint16_t)op;
	return f;
}

void
v_catch(struct validator *v)
{
	const struct type *t = v_tag_type(v, v->in.index);

	legacy_clause(v, OP_CATCH);
	v_push_all(v, t->params);
}

void
v_catch_all(struct validator *v)
{
	legacy_clause(v, OP_CATCH_ALL);
}

/* Ends a try; its label counts from outside of it. */
void
v_delegate(struct validator *v)
{
	if (v_label(v, 0)->op != OP_TRY)
		rd_fail(&v->r, v->in.offset, "END opcode expected: delegate "
		    "outside a try");
	if (v->in.index + 1ull >= v->nframes)
		v_fail(v, "unknown label %u", v->in.index);
	v_close(v);
}

void
v_rethrow(struct validator *v)
{
	const struct frame *f = v_label(v, v->in.index);

	if (f->op != OP_CATCH && f->op != OP_CATCH_ALL)
		v_fail(v, "invalid rethrow label %u: not a catch block",
		    v->in.index);
	v_unreachable(v);
}
