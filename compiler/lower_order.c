/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_order.c: what the next iteration waits for comes first.
 *
 * In a small loop whose number becomes one of two things, as in
 *
 *	x = x & 1 ? 3 * x + 1 : x / 2
 *
 * each iteration waits for the longer of the two, and a CPU takes the older of
 * the instructions that are ready.  LLVM's scheduler has both paths end at the
 * conditional move and puts the shorter one first.  An empty assembler statement
 * that takes x and the longer one's result, and from which the shorter one gets
 * its x, emits nothing and keeps them in order.
 *
 * Only loops of one block that access no memory are looked at: elsewhere there
 * is more to wait for.
 */
#include "lower_late.h"
#include "lower_loop.h"

enum { MAX_ORDERED = 16 };		/* instructions of such a loop */

/* A loop of this block alone, small, that only computes? */
static bool
o_is_small_loop(LLVMBasicBlockRef b)
{
	LLVMValueRef t = LLVMGetBasicBlockTerminator(b), i;
	unsigned n = 0;
	bool back = false;

	if (!t || !LLVMIsABranchInst(t))
		return false;
	for (unsigned k = 0; k < LLVMGetNumSuccessors(t); k++)
		back |= LLVMGetSuccessor(t, k) == b;
	if (!back)
		return false;
	for (i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
		if (LLVMIsACallInst(i) || LLVMIsALoadInst(i) ||
		    LLVMIsAStoreInst(i) || n++ == MAX_ORDERED)
			return false;
	return true;
}

/* op(of, constant) in the block, of one use: of; else NULL. */
static LLVMValueRef
o_operand(LLVMValueRef v, LLVMBasicBlockRef b)
{
	LLVMUseRef u;

	if (!LLVMIsABinaryOperator(v) || LLVMGetInstructionParent(v) != b ||
	    !LLVMIsAConstantInt(LLVMGetOperand(v, 1)))
		return NULL;
	u = LLVMGetFirstUse(v);
	return u && !LLVMGetNextUse(u) ? LLVMGetOperand(v, 0) : NULL;
}

/* One instruction of one cycle on x. */
static bool
o_is_short(LLVMValueRef v, LLVMValueRef x, LLVMBasicBlockRef b)
{
	return o_operand(v, b) == x &&
	    LLVMGetInstructionOpcode(v) != LLVMMul &&
	    LLVMGetInstructionOpcode(v) != LLVMUDiv &&
	    LLVMGetInstructionOpcode(v) != LLVMSDiv &&
	    LLVMGetInstructionOpcode(v) != LLVMURem &&
	    LLVMGetInstructionOpcode(v) != LLVMSRem;
}

/* A product of x, and perhaps something more. */
static bool
o_is_long(LLVMValueRef v, LLVMValueRef x, LLVMBasicBlockRef b)
{
	LLVMValueRef of = o_operand(v, b);

	if (of && of != x && o_operand(of, b) == x) {
		v = of;
		of = x;
	}
	return of == x && LLVMGetInstructionOpcode(v) == LLVMMul;
}

/* The statement: its results are x and y again. */
static LLVMValueRef
o_barrier(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y)
{
	LLVMTypeRef t[2] = { LLVMTypeOf(x), LLVMTypeOf(y) };
	LLVMTypeRef both = LLVMStructTypeInContext(LLVMGetTypeContext(t[0]),
	    t, 2, 0);
	LLVMTypeRef fn = LLVMFunctionType(both, t, 2, 0);
	LLVMValueRef in[2] = { x, y };

	return LLVMBuildCall2(b, fn, LLVMGetInlineAsm(fn, "", 0,
	    "=r,=r,0,1", 9, 0, 0, LLVMInlineAsmDialectATT, 0), in, 2, "");
}

/* The choice's arm `second` is made of x behind the other one. */
static void
o_put_behind(LLVMBuilderRef b, LLVMValueRef choice, unsigned first,
    unsigned second, LLVMValueRef x)
{
	LLVMValueRef v = LLVMGetOperand(choice, second), both;

	LLVMPositionBuilderBefore(b, choice);
	both = o_barrier(b, x, LLVMGetOperand(choice, first));
	LLVMInstructionRemoveFromParent(v);
	LLVMSetOperand(v, 0, LLVMBuildExtractValue(b, both, 0, ""));
	LLVMInsertIntoBuilder(b, v);
	LLVMSetOperand(choice, first, LLVMBuildExtractValue(b, both, 1, ""));
}

static void
o_phi(LLVMBuilderRef b, LLVMValueRef x, LLVMBasicBlockRef loop)
{
	LLVMValueRef choice = NULL;
	unsigned width = affine_width(x);

	if (width != 32 && width != 64)		/* the statement's registers */
		return;
	for (unsigned k = 0; k < LLVMCountIncoming(x); k++)
		if (LLVMGetIncomingBlock(x, k) == loop)
			choice = LLVMGetIncomingValue(x, k);
	if (!choice || !LLVMIsASelectInst(choice) ||
	    LLVMGetInstructionParent(choice) != loop)
		return;
	for (unsigned k = 1; k <= 2; k++)
		if (o_is_long(LLVMGetOperand(choice, k), x, loop) &&
		    o_is_short(LLVMGetOperand(choice, 3 - k), x, loop)) {
			o_put_behind(b, choice, k, 3 - k, x);
			return;
		}
}

void
lower_order(const struct plan *p, LLVMModuleRef mod)
{
	LLVMBuilderRef b;
	LLVMValueRef fn, i;
	LLVMBasicBlockRef k;

	if (!p->is_x86)
		return;
	b = LLVMCreateBuilderInContext(LLVMGetModuleContext(mod));
	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		for (k = LLVMGetFirstBasicBlock(fn); k;
		    k = LLVMGetNextBasicBlock(k)) {
			if (!o_is_small_loop(k))
				continue;
			for (i = LLVMGetFirstInstruction(k);
			    LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i))
				o_phi(b, i, k);
		}
	LLVMDisposeBuilder(b);
}
