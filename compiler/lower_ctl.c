/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_ctl.c: blocks and branches.
 *
 * A label is where a branch goes: a loop's head, any other block's end.  The
 * values that travel there are phis.  What follows a branch in the same block
 * is unreachable: nothing is built for it, only nesting is counted.
 */
#include <assert.h>
#include <stdlib.h>

#include "lower.h"

/* ---- Labels ---- */

static struct vtypes
l_block_params(struct lower *l, const struct blocktype *b)
{
	struct vtypes none = { NULL, 0 };

	return b->how == BT_TYPE ? l->m->types[b->type].params : none;
}

static struct vtypes
l_block_results(struct lower *l, const struct blocktype *b)
{
	struct vtypes t = { NULL, 0 };

	if (b->how == BT_TYPE)
		return l->m->types[b->type].results;
	if (b->how == BT_VALUE) {
		struct vtype *one = ARENA_NEW(&l->c.scratch, 1, struct vtype);
		*one = b->value;
		t.t = one;
		t.n = 1;
	}
	return t;
}

/* One phi per value at the head of bb, which is still empty. */
static LLVMValueRef *
l_phis(struct lower *l, LLVMBasicBlockRef bb, struct vtypes t)
{
	LLVMBasicBlockRef at = LLVMGetInsertBlock(l->b);
	LLVMValueRef *phis = ARENA_NEW(&l->c.scratch, t.n, LLVMValueRef);

	LLVMPositionBuilderAtEnd(l->b, bb);
	for (uint32_t i = 0; i < t.n; i++)
		phis[i] = LLVMBuildPhi(l->b, l_type(l, t.t[i]), "");
	LLVMPositionBuilderAtEnd(l->b, at);
	return phis;
}

struct label *
l_label_push(struct lower *l, enum label_kind kind, struct vtypes params,
    struct vtypes results)
{
	struct label *b;

	if (l->nlabels == l->label_room) {
		l->labels = arena_grow(&l->c.scratch, l->labels, l->nlabels,
		    2 * l->nlabels + 16, sizeof *l->labels);
		l->label_room = 2 * l->nlabels + 16;
	}
	assert(l->nstack >= params.n);
	b = &l->labels[l->nlabels++];
	*b = (struct label){ .kind = kind, .params = params,
	    .results = results, .height = l->nstack - params.n };
	b->catcher = kind == LABEL_TRY || kind == LABEL_TRY_TABLE ?
	    l->nlabels : l->nlabels > 1 ? b[-1].catcher : 0;
	b->target = l_bb(l, "");
	b->phis = l_phis(l, b->target,
	    kind == LABEL_LOOP ? params : results);
	return b;
}

static uint32_t
l_arity(const struct label *b)
{
	return b->kind == LABEL_LOOP ? b->params.n : b->results.n;
}

/* The current block gets an edge to the label, with the stack's top values. */
static LLVMBasicBlockRef
l_edge(struct lower *l, struct label *b)
{
	LLVMBasicBlockRef from = LLVMGetInsertBlock(l->b);
	uint32_t n = l_arity(b);
	LLVMValueRef *top = l->stack + l->nstack - n;

	for (uint32_t i = 0; i < n; i++)
		LLVMAddIncoming(b->phis[i], &top[i], &from, 1);
	b->nbranches++;
	return b->target;
}

/* Constants leave the sight of what uses them here; see lower_float.c. */
static void
l_hide_top(struct lower *l, uint32_t n)
{
	for (uint32_t i = l->nstack - n; i < l->nstack; i++)
		l->stack[i] = l_opaque(l, l->stack[i]);
}

struct label *
l_label(struct lower *l, uint32_t depth)
{
	assert(depth < l->nlabels);
	return &l->labels[l->nlabels - 1 - depth];
}

/* ---- Blocks ---- */

struct label *
l_block_op(struct lower *l, const struct insn *in, enum label_kind kind)
{
	return l_label_push(l, kind, l_block_params(l, &in->block),
	    l_block_results(l, &in->block));
}

void
l_block(struct lower *l, const struct insn *in)
{
	l_block_op(l, in, LABEL_BLOCK);
}

void
l_loop(struct lower *l, const struct insn *in)
{
	struct label *b;

	l_hide_top(l, l_block_params(l, &in->block).n);
	b = l_label_push(l, LABEL_LOOP, l_block_params(l, &in->block),
	    l_block_results(l, &in->block));
	l_locate(l);
	LLVMBuildBr(l->b, l_edge(l, b));
	LLVMPositionBuilderAtEnd(l->b, b->target);
	for (uint32_t i = 0; i < b->params.n; i++)
		l->stack[b->height + i] = b->phis[i];
}

static int
l_hint_order(const void *key, const void *elem)
{
	const struct branch_hint *h = elem;
	uint64_t at = *(const uint64_t *)key;

	return at < h->offset ? -1 : at > h->offset;
}

/* The branch hint section is sorted by offset. */
static void
l_hint(struct lower *l, LLVMValueRef br, uint64_t offset)
{
	const struct branch_hint *h = l->m->nhints ? bsearch(&offset,
	    l->m->hints, l->m->nhints, sizeof *h, l_hint_order) : NULL;

	if (l_profile_branch(l, br, offset))
		return;
	if (h)
		LLVMSetMetadata(br, l->md_prof,
		    h->likely ? l->likely : l->unlikely);
}

void
l_if(struct lower *l, const struct insn *in)
{
	LLVMValueRef cond = LLVMBuildIsNotNull(l->b, l_pop(l), ""), br;
	LLVMBasicBlockRef then = l_bb(l, "");
	struct vtypes params = l_block_params(l, &in->block);
	struct label *b;

	l_hide_top(l, params.n);
	b = l_label_push(l, LABEL_IF, params,
	    l_block_results(l, &in->block));
	b->otherwise = l_bb(l, "");
	b->args = ARENA_NEW(&l->c.scratch, params.n, LLVMValueRef);
	for (uint32_t i = 0; i < params.n; i++)
		b->args[i] = l->stack[b->height + i];
	l_locate(l);
	br = LLVMBuildCondBr(l->b, cond, then, b->otherwise);
	l_hint(l, br, in->offset);
	LLVMPositionBuilderAtEnd(l->b, then);
}

/* The end of what was reachable inside the label: its values go to the end. */
void
l_fall_out(struct lower *l, struct label *b)
{
	if (l->dead)
		return;
	assert(l->nstack == b->height + b->results.n);
	l_hide_top(l, b->results.n);
	l_locate(l);
	LLVMBuildBr(l->b, l_edge(l, b));
}

/* Into the else branch of an if, with the if's parameters. */
static void
l_enter_else(struct lower *l, struct label *b)
{
	LLVMPositionBuilderAtEnd(l->b, b->otherwise);
	b->kind = LABEL_ELSE;
	l->nstack = b->height;
	for (uint32_t i = 0; i < b->params.n; i++)
		l_push(l, b->args[i]);
	l->dead = false;
}

void
l_else(struct lower *l, const struct insn *in)
{
	struct label *b = l_label(l, 0);

	l_fall_out(l, b);
	l_enter_else(l, b);
}

/* Close the innermost label.  A loop's results just stay on the stack. */
void
l_ctl_end(struct lower *l)
{
	struct label *b = l_label(l, 0);

	l->nlabels--;
	if (b->kind == LABEL_LOOP)
		return;
	if (b->kind == LABEL_IF) {
		l_fall_out(l, b);
		l_enter_else(l, b);
	}
	l_fall_out(l, b);
	if (b->h)
		l_exn_end(l, b);
	l->dead = b->nbranches == 0;
	l->nstack = b->height;
	if (l->dead) {
		LLVMDeleteBasicBlock(b->target);
		return;
	}
	LLVMMoveBasicBlockAfter(b->target, LLVMGetLastBasicBlock(l->fn));
	LLVMPositionBuilderAtEnd(l->b, b->target);
	for (uint32_t i = 0; i < b->results.n; i++)
		l_push(l, b->phis[i]);
}

void
l_end(struct lower *l, const struct insn *in)
{
	l_ctl_end(l);
}

/* ---- Branches ---- */

void
l_unreachable(struct lower *l, const struct insn *in)
{
	l_trap(l, l_i32(l, WABI_TRAP_UNREACHABLE));
	l->dead = true;
}

void
l_jump(struct lower *l, struct label *b)
{
	l_hide_top(l, l_arity(b));
	l_locate(l);
	LLVMBuildBr(l->b, l_edge(l, b));
	l->dead = true;
}

void
l_br(struct lower *l, const struct insn *in)
{
	l_jump(l, l_label(l, in->index));
}

void
l_return(struct lower *l, const struct insn *in)
{
	l_jump(l, &l->labels[0]);
}

/* Branch if cond; go on behind it otherwise. */
LLVMValueRef
l_jump_if(struct lower *l, LLVMValueRef cond, struct label *b)
{
	LLVMBasicBlockRef on = l_bb(l, "");
	LLVMValueRef br;

	l_hide_top(l, l_arity(b));
	l_locate(l);
	br = LLVMBuildCondBr(l->b, cond, l_edge(l, b), on);
	LLVMPositionBuilderAtEnd(l->b, on);
	return br;
}

void
l_br_if(struct lower *l, const struct insn *in)
{
	LLVMValueRef cond = LLVMBuildIsNotNull(l->b, l_pop(l), "");

	l_hint(l, l_jump_if(l, cond, l_label(l, in->index)), in->offset);
}

/* Each case is an edge of its own, so a target's phis get a value for each. */
void
l_br_table(struct lower *l, const struct insn *in)
{
	LLVMValueRef index = l_pop(l), sw;
	uint32_t last = in->nlabels - 1;
	struct label *other = l_label(l, in->labels[last]);

	l_hide_top(l, l_arity(other));
	l_locate(l);
	sw = LLVMBuildSwitch(l->b, index, l_edge(l, other), last);
	for (uint32_t i = 0; i < last; i++)
		LLVMAddCase(sw, l_i32(l, i),
		    l_edge(l, l_label(l, in->labels[i])));
	l_profile_switch(l, sw, in->offset, in->nlabels);
	l->dead = true;
}

/* br_on_null l : the reference stays on the stack where it is not null. */
void
l_br_on_null(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);

	l_jump_if(l, LLVMBuildIsNull(l->b, v, ""), l_label(l, in->index));
	l_push(l, v);
}

/* br_on_non_null l : the reference goes with the branch. */
void
l_br_on_non_null(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l->stack[l->nstack - 1];

	l_jump_if(l, LLVMBuildIsNotNull(l->b, v, ""), l_label(l, in->index));
	l_pop(l);
}
