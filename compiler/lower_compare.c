/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_compare.c: loops that compare bytes, eight at a time.
 *
 * wasm has no library: memcmp and what looks like it come as loops that compare
 * byte by byte and leave where two differ or the count ends.  Such a loop gets
 * one in front of it:
 *
 *	n = iterations - 1, if no two bytes differ
 *	if (8 bytes from the last of each lie inside the memory)
 *		for (k = 0;; k += 8)
 *			if the words at a + k and b + k differ, in byte i first
 *				if (k + i <= n)
 *					leave as iteration k + i does
 *				leave as iteration n does
 *			if (k + 8 > n)
 *				leave as iteration n does
 *	else
 *		the loop as it was
 *
 * What is behind the loop gets what iteration j would have left: phis of the
 * loop are numbers that grow by a constant, and all else is computed from them
 * once more.  If both ways out lead to one block, that is chosen without a
 * branch, for which of a few bytes differs is not to be predicted.
 *
 * What is read beyond the bytes that the loop would have read lies in the
 * memory, and nobody gets to see it.
 *
 * The loop has two blocks: the header loads and compares, the latch counts.
 */
#include <string.h>

#include <llvm-c/DebugInfo.h>

#include "lower_loop.h"

enum { MAX_PHIS = 8, MAX_COPIES = 24, MAX_OPERANDS = 3, WORD = 8 };

struct compare {
	struct loops *s;
	LLVMValueRef phi[MAX_PHIS];
	struct affine grows[MAX_PHIS];
	unsigned nphis;
	unsigned ncopies;		/* instructions behind the loop */
	LLVMBasicBlockRef out;		/* where differing bytes lead */
	LLVMBasicBlockRef fast, more, differ, mismatch, end;
	LLVMValueRef at[2];		/* where the bytes begin */
	LLVMValueRef k, differs;
};

static LLVMBasicBlockRef
cmp_block(struct compare *c)
{
	return LLVMInsertBasicBlockInContext(c->s->ctx,
	    c->s->flow.blocks[c->s->header], "");
}

static LLVMValueRef
cmp_last(const struct compare *c, uint32_t block)
{
	return LLVMGetBasicBlockTerminator(c->s->flow.blocks[block]);
}

/* ---- Shape ---- */

static bool
is_byte_load(LLVMValueRef v, const struct access *a)
{
	return LLVMIsALoadInst(v) && a->insn == v && a->size == 1;
}

/* The header goes to the latch if two bytes are equal, else out. */
static bool
cmp_header(struct compare *c)
{
	const struct loops *s = c->s;
	const struct access *a = s->accesses;
	LLVMValueRef t = cmp_last(c, s->header), eq, x, y;
	unsigned on;

	if (!LLVMIsABranchInst(t) || !LLVMIsConditional(t))
		return false;
	eq = LLVMGetCondition(t);
	if (!LLVMIsAICmpInst(eq) || (LLVMGetICmpPredicate(eq) != LLVMIntEQ &&
	    LLVMGetICmpPredicate(eq) != LLVMIntNE))
		return false;
	on = LLVMGetICmpPredicate(eq) == LLVMIntEQ ? 0 : 1;
	c->out = LLVMGetSuccessor(t, !on);
	x = LLVMGetOperand(eq, 0);
	y = LLVMGetOperand(eq, 1);
	return LLVMGetSuccessor(t, on) == s->flow.blocks[s->latch] &&
	    c->out != s->flow.blocks[s->header] &&
	    c->out != s->flow.blocks[s->latch] && s->naccesses == 2 &&
	    ((is_byte_load(x, &a[0]) && is_byte_load(y, &a[1])) ||
	    (is_byte_load(y, &a[0]) && is_byte_load(x, &a[1])));
}

static bool
cmp_latch(struct compare *c)
{
	struct loops *s = c->s;
	LLVMValueRef t = cmp_last(c, s->latch);

	if (!LLVMIsABranchInst(t) || !LLVMIsConditional(t))
		return false;
	s->exit = LLVMGetSuccessor(t, LLVMGetSuccessor(t, 0) ==
	    s->flow.blocks[s->header]);
	return s->exit != s->flow.blocks[s->header];
}

static bool
cmp_phis(struct compare *c)
{
	LLVMValueRef i = LLVMGetFirstInstruction(
	    c->s->flow.blocks[c->s->header]);

	for (; LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i)) {
		if (c->nphis == MAX_PHIS ||
		    !affine_of(c->s, i, &c->grows[c->nphis], AFFINE_DEPTH))
			return false;
		c->phi[c->nphis++] = i;
	}
	return true;
}

/* ---- What an iteration leaves ---- */

static const struct affine *
cmp_phi(const struct compare *c, LLVMValueRef v)
{
	for (unsigned i = 0; i < c->nphis; i++)
		if (c->phi[i] == v)
			return &c->grows[i];
	return NULL;
}

/* Can the value be computed once more, from the phis? */
static bool
cmp_can(struct compare *c, LLVMValueRef v)
{
	int n;

	if (loop_is_invariant(c->s, v) || cmp_phi(c, v))
		return true;
	n = LLVMGetNumOperands(v);
	if (LLVMIsACallInst(v) || LLVMIsAPHINode(v) || n > MAX_OPERANDS ||
	    c->ncopies++ == MAX_COPIES)
		return false;
	for (int k = 0; k < n; k++)
		if (!cmp_can(c, LLVMGetOperand(v, (unsigned)k)))
			return false;
	return true;
}

static bool
cmp_can_leave(struct compare *c, LLVMBasicBlockRef to, uint32_t block)
{
	LLVMValueRef i = LLVMGetFirstInstruction(to);

	for (; i && LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i))
		if (!cmp_can(c, loop_incoming(i, c->s->flow.blocks[block])))
			return false;
	return true;
}

static LLVMValueRef
cmp_at(const struct compare *c, LLVMValueRef v, LLVMValueRef j)
{
	LLVMValueRef copy, x[MAX_OPERANDS];
	int n;

	if (loop_is_invariant(c->s, v))
		return v;
	if (cmp_phi(c, v))
		return loop_phi_at(c->s, v, cmp_phi(c, v)->step, j);
	n = LLVMGetNumOperands(v);
	for (int k = 0; k < n; k++)
		x[k] = cmp_at(c, LLVMGetOperand(v, (unsigned)k), j);
	copy = LLVMInstructionClone(v);
	for (int k = 0; k < n; k++)
		LLVMSetOperand(copy, (unsigned)k, x[k]);
	LLVMInsertIntoBuilder(c->s->b, copy);
	LLVMInstructionSetDebugLoc(copy, LLVMInstructionGetDebugLoc(v));
	return copy;
}

/* Leave from here as the block does in iteration j. */
static void
cmp_leave(struct compare *c, LLVMBasicBlockRef from, LLVMBasicBlockRef to,
    uint32_t block, LLVMValueRef j)
{
	LLVMValueRef i = LLVMGetFirstInstruction(to), v;

	LLVMPositionBuilderAtEnd(c->s->b, from);
	for (; i && LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i)) {
		v = cmp_at(c, loop_incoming(i, c->s->flow.blocks[block]), j);
		LLVMAddIncoming(i, &v, &from, 1);
	}
	LLVMBuildBr(c->s->b, to);
}

/* Leave as the header does in iteration j if that is one, or as the latch does
 * in the last. */
static void
cmp_leave_either(struct compare *c, LLVMValueRef j, LLVMValueRef is_one)
{
	struct loops *s = c->s;
	LLVMValueRef i = LLVMGetFirstInstruction(c->out), x, y;

	for (; i && LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i)) {
		x = cmp_at(c, loop_incoming(i, s->flow.blocks[s->header]), j);
		y = cmp_at(c, loop_incoming(i, s->flow.blocks[s->latch]), s->n);
		if (x != y)
			x = LLVMBuildSelect(s->b, is_one, x, y, "");
		LLVMAddIncoming(i, &x, &c->differ, 1);
	}
	LLVMBuildBr(s->b, c->out);
}

/* ---- The check, in front ---- */

/* Eight bytes from the last must be there, not one. */
static bool
cmp_accesses(struct compare *c)
{
	struct loops *s = c->s;

	for (unsigned i = 0; i < 2; i++) {
		struct access *a = &s->accesses[i];

		a->size = WORD;
		if (!loop_pointer(s, a, LLVMGetOperand(a->insn, 0)) ||
		    a->at.step != 1)
			return false;
	}
	loop_inside(s, &s->accesses[0]);
	loop_inside(s, &s->accesses[1]);
	return true;
}

/* Two bytes or more.  Nothing is changed yet but for what nobody uses. */
static bool
cmp_conditions(struct compare *c, LLVMValueRef *first)
{
	struct loops *s = c->s;

	return loop_count(s, 2, first) && cmp_phis(c) &&
	    cmp_can_leave(c, c->out, s->header) &&
	    cmp_can_leave(c, s->exit, s->latch) && cmp_accesses(c) && s->ok;
}

/* ---- The loop in front ---- */

/* base + start + constant. */
static LLVMValueRef
cmp_start(struct compare *c, const struct access *a)
{
	struct loops *s = c->s;
	LLVMValueRef at = a->at.start, by = affine_int64(s, a->constant), p;

	p = LLVMBuildGEP2(s->b, s->i8, a->base, &at, 1, "");
	return LLVMBuildGEP2(s->b, s->i8, p, &by, 1, "");
}

static LLVMValueRef
cmp_word(struct compare *c, unsigned which)
{
	struct loops *s = c->s;
	LLVMValueRef old = s->accesses[which].insn, v;
	unsigned tbaa = LLVMGetMDKindIDInContext(s->ctx, "tbaa", 4);

	v = LLVMBuildLoad2(s->b, s->i64, LLVMBuildGEP2(s->b, s->i8,
	    c->at[which], &c->k, 1, ""), "");
	LLVMSetAlignment(v, 1);
	LLVMSetMetadata(v, tbaa, LLVMGetMetadata(old, tbaa));
	LLVMInstructionSetDebugLoc(v, LLVMInstructionGetDebugLoc(old));
	return v;
}

/* Two words; and the next two. */
static void
cmp_loop(struct compare *c)
{
	struct loops *s = c->s;
	LLVMValueRef in[2], next, x, y, back;
	LLVMBasicBlockRef from[2] = { s->check, c->more };

	LLVMPositionBuilderAtEnd(s->b, c->fast);
	c->k = LLVMBuildPhi(s->b, s->i64, "");
	x = cmp_word(c, 0);
	y = cmp_word(c, 1);
	c->differs = LLVMBuildXor(s->b, x, y, "");
	LLVMBuildCondBr(s->b, LLVMBuildIsNull(s->b, c->differs, ""), c->more,
	    c->differ);
	LLVMPositionBuilderAtEnd(s->b, c->more);
	next = LLVMBuildAdd(s->b, c->k, affine_int64(s, WORD), "");
	back = LLVMBuildCondBr(s->b, LLVMBuildICmp(s->b, LLVMIntUGT, next,
	    s->n, ""), c->end, c->fast);
	loop_tame(s, back);
	in[0] = affine_int64(s, 0);
	in[1] = next;
	LLVMAddIncoming(c->k, in, from, 2);
}

/* The first byte that differs, and out: there, or at the end if it is behind
 * that. */
static void
cmp_differ(struct compare *c)
{
	struct loops *s = c->s;
	unsigned id = LLVMLookupIntrinsicID("llvm.cttz", 9);
	LLVMValueRef arg[2] = { c->differs,
	    LLVMConstInt(LLVMInt1TypeInContext(s->ctx), 1, 0) }, j, is_one;

	LLVMPositionBuilderAtEnd(s->b, c->differ);
	j = LLVMBuildCall2(s->b, LLVMIntrinsicGetType(s->ctx, id, &s->i64, 1),
	    LLVMGetIntrinsicDeclaration(s->mod, id, &s->i64, 1), arg, 2, "");
	j = LLVMBuildLShr(s->b, j, affine_int64(s, 3), "");
	j = LLVMBuildAdd(s->b, c->k, j, "");
	is_one = LLVMBuildICmp(s->b, LLVMIntULE, j, s->n, "");
	if (c->out == s->exit) {
		cmp_leave_either(c, j, is_one);
		return;
	}
	c->mismatch = cmp_block(c);
	LLVMBuildCondBr(s->b, is_one, c->mismatch, c->end);
	cmp_leave(c, c->mismatch, c->out, s->header, j);
}

/* The preheader and the check go on to the loop in front, or to that as it
 * was. */
static void
cmp_enter(struct compare *c, LLVMValueRef first, LLVMValueRef second)
{
	struct loops *s = c->s;

	LLVMPositionBuilderAtEnd(s->b, s->check);
	c->at[0] = cmp_start(c, &s->accesses[0]);
	c->at[1] = cmp_start(c, &s->accesses[1]);
	loop_enter(s, first, second, c->fast);
}

void
loop_compare(struct loops *s)
{
	struct compare c = { .s = s };
	LLVMValueRef first;

	if (s->nblocks != 2 || !cmp_header(&c) || !cmp_latch(&c))
		return;
	s->check = cmp_block(&c);
	if (!cmp_conditions(&c, &first)) {
		LLVMDeleteBasicBlock(s->check);
		return;
	}
	c.fast = cmp_block(&c);
	c.more = cmp_block(&c);
	c.differ = cmp_block(&c);
	c.end = cmp_block(&c);
	cmp_enter(&c, first, s->ok);
	cmp_loop(&c);
	cmp_differ(&c);
	cmp_leave(&c, c.end, s->exit, s->latch, s->n);
	loop_tame(s, cmp_last(&c, s->latch));
}
