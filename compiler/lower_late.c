/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_late.c: what the machine can do faster than LLVM makes of it, written
 * out after all passes, so that none of them is disturbed.
 *
 * A conversion that saturates, as C compilers use it, is bounds, a conversion
 * and a choice for NaN one after the other.  x86's conversion to 64 bits gives
 * -2^63 for all it cannot convert, so that the result itself says, off the way
 * to whoever waits for it, whether it is good; if not, the long way is taken:
 *
 *   to i32	it is the sign extension of its lower half
 *   to u32	its upper half is 0
 *   to i64	it is not -2^63
 *   to u64	it is not negative
 *
 * What is converted to i32 and back, as for x - (int)x, stays in the vector
 * registers on the good way: the way through the others takes twice as long.
 *
 * A small function begins with a line of the cache: it then lies in one or two,
 * and a recursive one takes a fifth less than where it lies badly.
 */
#include <string.h>

#include <llvm-c/DebugInfo.h>

#include "lower_late.h"

enum { CACHE_LINE = 64, SMALL_FUNCTION = 24 };	/* bytes; IR instructions */

struct late {
	LLVMModuleRef mod;
	LLVMContextRef ctx;
	LLVMBuilderRef b;
	LLVMTypeRef i32, i64;
};

/* All that jump to the one jump to the other. */
static void
late_redirect(LLVMBasicBlockRef from, LLVMBasicBlockRef to)
{
	LLVMValueRef v = LLVMBasicBlockAsValue(from);
	LLVMUseRef u;

	while ((u = LLVMGetFirstUse(v))) {
		LLVMValueRef jump = LLVMGetUser(u);

		for (int k = 0; k < LLVMGetNumOperands(jump); k++)
			if (LLVMGetOperand(jump, (unsigned)k) == v)
				LLVMSetOperand(jump, (unsigned)k,
				    LLVMBasicBlockAsValue(to));
	}
}

LLVMBasicBlockRef
late_split(LLVMContextRef ctx, LLVMBuilderRef builder, LLVMValueRef at)
{
	LLVMBasicBlockRef b = LLVMGetInstructionParent(at);
	LLVMBasicBlockRef head = LLVMInsertBasicBlockInContext(ctx, b, "");
	LLVMValueRef i;

	late_redirect(b, head);
	LLVMSetCurrentDebugLocation2(builder, NULL);
	LLVMPositionBuilderAtEnd(builder, head);
	while ((i = LLVMGetFirstInstruction(b)) != at) {
		LLVMInstructionRemoveFromParent(i);
		LLVMInsertIntoBuilder(builder, i);
	}
	return head;
}

static LLVMValueRef
late_intrinsic(struct late *l, const char *name, LLVMValueRef arg)
{
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name));

	return LLVMBuildCall2(l->b, LLVMIntrinsicGetType(l->ctx, id, NULL, 0),
	    LLVMGetIntrinsicDeclaration(l->mod, id, NULL, 0), &arg, 1, "");
}

/* ---- Conversions ---- */

static bool
is_double(LLVMTypeRef t)
{
	return LLVMGetTypeKind(t) == LLVMDoubleTypeKind;
}

/* v in the first place of a vector. */
static LLVMValueRef
late_vector(struct late *l, LLVMValueRef v)
{
	LLVMTypeRef t = LLVMTypeOf(v);

	return LLVMBuildInsertElement(l->b, LLVMGetUndef(LLVMVectorType(t,
	    is_double(t) ? 2 : 4)), v, LLVMConstInt(l->i32, 0, 0), "");
}

/* The processor's, to 64 bits. */
static LLVMValueRef
late_convert(struct late *l, LLVMValueRef v)
{
	return late_intrinsic(l, is_double(LLVMTypeOf(v)) ?
	    "llvm.x86.sse2.cvttsd2si64" : "llvm.x86.sse.cvttss2si64",
	    late_vector(l, v));
}

/* To i32 and back to v's type, for a v that fits. */
static LLVMValueRef
late_there_and_back(struct late *l, LLVMValueRef v)
{
	LLVMTypeRef t = LLVMTypeOf(v);
	LLVMValueRef zero = LLVMConstInt(l->i32, 0, 0), i[4], x;
	unsigned n = is_double(t) ? 2 : 4;

	x = late_intrinsic(l, n == 2 ? "llvm.x86.sse2.cvttpd2dq" :
	    "llvm.x86.sse2.cvttps2dq", late_vector(l, v));
	for (unsigned k = 0; k < 4; k++)
		i[k] = LLVMConstInt(l->i32, k, 0);
	if (n == 2)
		x = LLVMBuildShuffleVector(l->b, x, LLVMGetUndef(LLVMTypeOf(x)),
		    LLVMConstVector(i, n), "");
	x = LLVMBuildSIToFP(l->b, x, LLVMVectorType(t, n), "");
	return LLVMBuildExtractElement(l->b, x, zero, "");
}

/* Of the uses of i, one that converts it back to the type, or NULL. */
static LLVMValueRef
late_back(LLVMValueRef i, LLVMTypeRef t)
{
	for (LLVMUseRef u = LLVMGetFirstUse(i); u; u = LLVMGetNextUse(u)) {
		LLVMValueRef user = LLVMGetUser(u);

		if (LLVMIsASIToFPInst(user) && LLVMTypeOf(user) == t)
			return user;
	}
	return NULL;
}

/* Is r good, and the result then? */
static LLVMValueRef
late_fits(struct late *l, LLVMValueRef r, LLVMTypeRef to, bool is_signed,
    LLVMValueRef *result)
{
	LLVMValueRef zero = LLVMConstNull(l->i64);

	*result = r;
	if (to == l->i64)
		return is_signed ? LLVMBuildICmp(l->b, LLVMIntNE, r,
		    LLVMConstInt(l->i64, 1ull << 63, 0), "") :
		    LLVMBuildICmp(l->b, LLVMIntSGE, r, zero, "");
	*result = LLVMBuildTrunc(l->b, r, l->i32, "");
	return LLVMBuildICmp(l->b, LLVMIntEQ, r, is_signed ?
	    LLVMBuildSExt(l->b, *result, l->i64, "") :
	    LLVMBuildZExt(l->b, *result, l->i64, ""), "");
}

static void
late_prefer(struct late *l, LLVMValueRef br)
{
	LLVMMetadataRef md[3] = {
		LLVMMDStringInContext2(l->ctx, "branch_weights", 14),
		LLVMValueAsMetadata(LLVMConstInt(l->i32, 1 << 20, 0)),
		LLVMValueAsMetadata(LLVMConstInt(l->i32, 1, 0)),
	};

	LLVMSetMetadata(br, LLVMGetMDKindIDInContext(l->ctx, "prof", 4),
	    LLVMMetadataAsValue(l->ctx, LLVMMDNodeInContext2(l->ctx, md, 3)));
}

/* values[k] on the way from from[k], in place of what is there. */
static void
late_join(struct late *l, LLVMBasicBlockRef at, LLVMValueRef old,
    LLVMValueRef good, LLVMValueRef other, LLVMBasicBlockRef *from)
{
	LLVMValueRef v[2] = { good, other }, phi;

	LLVMPositionBuilderBefore(l->b, LLVMGetFirstInstruction(at));
	phi = LLVMBuildPhi(l->b, LLVMTypeOf(old), "");
	LLVMReplaceAllUsesWith(old, phi);
	LLVMAddIncoming(phi, v, from, 2);
}

static void
late_saturate(struct late *l, LLVMValueRef call, bool is_signed)
{
	LLVMBasicBlockRef b = LLVMGetInstructionParent(call), from[2];
	LLVMTypeRef to = LLVMTypeOf(call);
	LLVMMetadataRef where = LLVMInstructionGetDebugLoc(call);
	LLVMValueRef x = LLVMGetOperand(call, 0), r, fits, good;
	LLVMValueRef back = is_signed && to == l->i32 ?
	    late_back(call, LLVMTypeOf(x)) : NULL, good_back = NULL;

	from[0] = late_split(l->ctx, l->b, call);
	from[1] = LLVMInsertBasicBlockInContext(l->ctx, b, "");
	LLVMSetCurrentDebugLocation2(l->b, where);
	LLVMPositionBuilderAtEnd(l->b, from[0]);
	r = late_convert(l, x);
	fits = late_fits(l, r, to, is_signed, &good);
	if (back)
		good_back = late_there_and_back(l, x);
	late_prefer(l, LLVMBuildCondBr(l->b, fits, b, from[1]));
	LLVMInstructionRemoveFromParent(call);
	LLVMPositionBuilderAtEnd(l->b, from[1]);
	LLVMInsertIntoBuilder(l->b, call);
	r = back ? LLVMBuildSIToFP(l->b, call, LLVMTypeOf(x), "") : NULL;
	LLVMBuildBr(l->b, b);
	if (back)
		late_join(l, b, back, good_back, r, from);
	late_join(l, b, call, good, call, from);
	if (back)
		LLVMSetOperand(r, 0, call);
}

/* ---- All instructions ---- */

static bool
is_float(LLVMTypeRef t)
{
	return LLVMGetTypeKind(t) == LLVMFloatTypeKind ||
	    LLVMGetTypeKind(t) == LLVMDoubleTypeKind;
}

static bool
late_one(struct late *l, LLVMValueRef i, unsigned s, unsigned u)
{
	LLVMValueRef fn = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
	unsigned id = fn && LLVMIsAFunction(fn) ? LLVMGetIntrinsicID(fn) : 0;

	if (id == 0 || (id != s && id != u) ||
	    !is_float(LLVMTypeOf(LLVMGetOperand(i, 0))) ||
	    (LLVMTypeOf(i) != l->i32 && LLVMTypeOf(i) != l->i64))
		return false;
	late_saturate(l, i, id == s);
	return true;
}

static void
late_function(struct late *l, LLVMValueRef fn)
{
	unsigned s = LLVMLookupIntrinsicID("llvm.fptosi.sat", 15);
	unsigned u = LLVMLookupIntrinsicID("llvm.fptoui.sat", 15);
	LLVMBasicBlockRef b, next_b;
	LLVMValueRef i, next;

	/* What is behind the call stays in the block. */
	for (b = LLVMGetFirstBasicBlock(fn); b; b = next_b) {
		next_b = LLVMGetNextBasicBlock(b);
		for (i = LLVMGetFirstInstruction(b); i; i = next) {
			next = LLVMGetNextInstruction(i);
			late_one(l, i, s, u);
		}
	}
}

/* ---- Where functions begin ---- */

static void
late_place(LLVMValueRef fn)
{
	unsigned n = 0;
	LLVMBasicBlockRef b;
	LLVMValueRef i;

	for (b = LLVMGetFirstBasicBlock(fn); b; b = LLVMGetNextBasicBlock(b))
		for (i = LLVMGetFirstInstruction(b); i;
		    i = LLVMGetNextInstruction(i))
			if (n++ == SMALL_FUNCTION)
				return;
	if (n > 0)
		LLVMSetAlignment(fn, CACHE_LINE);
}

void
lower_late(const struct plan *p, LLVMModuleRef mod)
{
	LLVMContextRef ctx = LLVMGetModuleContext(mod);
	struct late l = { .mod = mod, .ctx = ctx,
	    .b = LLVMCreateBuilderInContext(ctx),
	    .i32 = LLVMInt32TypeInContext(ctx),
	    .i64 = LLVMInt64TypeInContext(ctx) };
	LLVMValueRef fn;

	for (fn = LLVMGetFirstFunction(mod); p->is_x86 && fn;
	    fn = LLVMGetNextFunction(fn))
		late_function(&l, fn);
	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		late_place(fn);
	LLVMDisposeBuilder(l.b);
}
