/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_cont.c: continuations (the stack switching proposal).
 *
 * The runtime changes stacks; here values go into an array and come out of it.
 * A resume's handlers are a constant table, and what RESUME returns says which
 * of them was chosen.  A continuation reference is a word that is compared with
 * null at most.
 *
 * The calls that change stacks are those out of which exceptions may come: of
 * the continuation that is resumed, or thrown in where it was suspended.
 */
#include "lower.h"

/* ---- Values ---- */

static const struct type *
l_cont_func(struct lower *l, uint32_t type)
{
	return &l->m->types[l->m->types[type].cont];
}

static const struct type *
l_tag_func(struct lower *l, uint32_t tag)
{
	return &l->m->types[l->m->tags[tag].type];
}

static uint32_t
max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Take n values from the stack into an array with room for that many, or for
 * `room`. */
static LLVMValueRef
l_pop_into_array(struct lower *l, uint32_t n, uint32_t room)
{
	LLVMValueRef array = l_result_array(l, max(max(n, room), 1));

	for (uint32_t i = n; i-- > 0;)
		l_store_val(l, array, i, l_opaque(l, l_pop(l)));
	return array;
}

static void
l_push_array(struct lower *l, LLVMValueRef array, struct vtypes t)
{
	for (uint32_t i = 0; i < t.n; i++)
		l_push(l, l_load_val(l, array, i, t.t[i]));
}

/* ---- New ones ---- */

void
l_cont_new(struct lower *l, const struct insn *in)
{
	LLVMValueRef func = l_pop(l);
	LLVMValueRef args[2] = { func, l_i32(l, in->index) };

	l_trap_if(l, LLVMBuildIsNull(l->b, func, ""), WABI_TRAP_NULL_FUNC_REF);
	l_push(l, l_rt(l, WABI_RT_CONT_NEW, args, 2));
}

void
l_cont_bind(struct lower *l, const struct insn *in)
{
	uint32_t n = l_cont_func(l, in->index)->params.n -
	    l_cont_func(l, in->index2)->params.n;
	LLVMValueRef args[3];

	args[0] = l_pop(l);
	args[1] = l_pop_into_array(l, n, 0);
	args[2] = l_i32(l, n);
	l_push(l, l_rt(l, WABI_RT_CONT_BIND, args, 3));
}

/* ---- Resuming ---- */

static LLVMValueRef
l_clause_table(struct lower *l, const struct insn *in)
{
	uint32_t n = 1 + 2 * in->ncatches, k = 0;
	LLVMValueRef *w = ARENA_NEW(&l->c.scratch, n, LLVMValueRef);
	LLVMValueRef table;

	_Static_assert(sizeof(struct wabi_clause) == 8, "two words");
	w[k++] = l_i32(l, in->ncatches);
	for (uint32_t i = 0; i < in->ncatches; i++) {
		w[k++] = l_i32(l, in->catches[i].tag);
		w[k++] = l_i32(l, in->catches[i].kind != CATCH);
	}
	table = LLVMAddGlobal(l->mod, LLVMArrayType2(l->i32, n), "");
	LLVMSetInitializer(table, LLVMConstArray2(l->i32, w, n));
	LLVMSetGlobalConstant(table, 1);
	LLVMSetLinkage(table, LLVMPrivateLinkage);
	LLVMSetUnnamedAddress(table, LLVMGlobalUnnamedAddr);
	LLVMSetAlignment(table, 4);
	return table;
}

/* How many values may come back: results, or a clause's and a continuation. */
static uint32_t
l_resume_room(struct lower *l, const struct insn *in)
{
	uint32_t n = l_cont_func(l, in->index)->results.n;

	for (uint32_t i = 0; i < in->ncatches; i++)
		n = max(n, l_tag_func(l, in->catches[i].tag)->params.n + 1);
	return n;
}

/* One clause: its label takes the tag's parameters and the continuation. */
static void
l_on_label(struct lower *l, const struct catch *c, LLVMValueRef vals)
{
	struct vtypes t = l_tag_func(l, c->tag)->params;
	LLVMValueRef k;

	l_push_array(l, vals, t);
	k = LLVMBuildLoad2(l->b, l->ptr, l_at(l, vals, 16ull * t.n), "");
	l_push(l, k);
	l_jump(l, l_label(l, c->label));
}

static void
l_after_resume(struct lower *l, const struct insn *in, LLVMValueRef vals,
    LLVMValueRef which)
{
	LLVMBasicBlockRef done = l_bb(l, "returned");
	uint32_t height = l->nstack;
	LLVMValueRef sw;

	l_fuel_reload(l);
	sw = LLVMBuildSwitch(l->b, which, done, in->ncatches);
	for (uint32_t i = 0; i < in->ncatches; i++) {
		LLVMBasicBlockRef on = NULL;

		if (in->catches[i].kind != CATCH)
			continue;
		on = l_bb(l, "on");
		LLVMAddCase(sw, l_i32(l, i + 1), on);
		LLVMPositionBuilderAtEnd(l->b, on);
		l->nstack = height;
		l_on_label(l, &in->catches[i], vals);
	}
	l->nstack = height;
	l->dead = false;
	LLVMPositionBuilderAtEnd(l->b, done);
	l_push_array(l, vals, l_cont_func(l, in->index)->results);
}

void
l_resume(struct lower *l, const struct insn *in)
{
	uint32_t n = l_cont_func(l, in->index)->params.n;
	LLVMValueRef args[4];

	args[0] = l_pop(l);
	args[1] = l_pop_into_array(l, n, l_resume_room(l, in));
	args[2] = l_clause_table(l, in);
	args[3] = l_i32(l, n);
	l_after_resume(l, in, args[1], l_rt(l, WABI_RT_RESUME, args, 4));
}

static void
l_resume_with(struct lower *l, const struct insn *in, LLVMValueRef k,
    LLVMValueRef exn)
{
	LLVMValueRef args[4] = { k };

	args[1] = l_pop_into_array(l, 0, l_resume_room(l, in));
	args[2] = l_clause_table(l, in);
	args[3] = exn;
	l_after_resume(l, in, args[1], l_rt(l, WABI_RT_RESUME_THROW, args, 4));
}

void
l_resume_throw(struct lower *l, const struct insn *in)
{
	LLVMValueRef k = l_pop(l);
	LLVMValueRef *vals = l_pop_args(l, l->m->tags[in->index2].type);

	l_resume_with(l, in, k, l_new_exn(l, in->index2, vals));
}

void
l_resume_throw_ref(struct lower *l, const struct insn *in)
{
	LLVMValueRef k = l_pop(l), exn = l_pop(l);

	l_trap_if(l, LLVMBuildIsNull(l->b, exn, ""), WABI_TRAP_NULL_EXN_REF);
	l_resume_with(l, in, k, exn);
}

/* ---- Suspending ---- */

void
l_suspend(struct lower *l, const struct insn *in)
{
	const struct type *t = l_tag_func(l, in->index);
	LLVMValueRef args[3];

	args[0] = l_i32(l, in->index);
	args[1] = l_pop_into_array(l, t->params.n, t->results.n);
	args[2] = l_i32(l, t->params.n);
	l_rt(l, WABI_RT_SUSPEND, args, 3);
	l_push_array(l, args[1], t->results);
}

/* The continuation takes the values and, as the last one, us. */
void
l_switch(struct lower *l, const struct insn *in)
{
	struct vtypes to = l_cont_func(l, in->index)->params;
	struct vtypes back = l_cont_func(l, to.t[to.n - 1].heap)->params;
	LLVMValueRef args[4];

	args[0] = l_pop(l);
	args[1] = l_i32(l, in->index2);
	args[2] = l_pop_into_array(l, to.n - 1, back.n);
	args[3] = l_i32(l, to.n - 1);
	l_rt(l, WABI_RT_SWITCH, args, 4);
	l_push_array(l, args[2], back);
}
