/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_float.c: floating point, and conversions between it and integers.
 *
 * wasm and LLVM differ about NaNs.  Every wasm operation but neg, abs,
 * copysign and reinterpret turns a signalling NaN into a quiet one, and LLVM
 * feels free to return the operand as it is where it can simplify x * 1, x - 0,
 * x / 1, x + -0, x * -1 or demote(promote x).  So a constant 0 or 1 that
 * reaches arithmetic, at once or by way of a local, a branch or a call, is
 * hidden from LLVM by llvm.arithmetic.fence, which costs no instruction; and
 * so is a demotion's operand where its origin is not known.  What a value in
 * memory turns out to be after optimisation is not covered.
 */
#include <string.h>

#include "lower.h"

static bool
l_is_f32(struct lower *l, LLVMValueRef v)
{
	return LLVMTypeOf(v) == l->f32;
}

static LLVMValueRef
l_unary(struct lower *l, const char *name, LLVMValueRef v)
{
	LLVMTypeRef t = LLVMTypeOf(v);

	return l_intrinsic(l, name, &t, 1, &v, 1);
}

static LLVMValueRef
l_fence(struct lower *l, LLVMValueRef v)
{
	return l_unary(l, "llvm.arithmetic.fence", v);
}

LLVMValueRef
l_opaque(struct lower *l, LLVMValueRef v)
{
	LLVMBool loses;
	double x;

	if (!LLVMIsAConstantFP(v))
		return v;
	x = LLVMConstRealGetDouble(v, &loses);
	return x == 0 || x == 1 || x == -1 ? l_fence(l, v) : v;
}

/* The choice is between bit patterns, as LLVM thinks all NaNs alike. */
LLVMValueRef
l_canonical(struct lower *l, LLVMValueRef v)
{
	LLVMTypeRef t = LLVMTypeOf(v), lane = t, bits;
	LLVMValueRef nan, nans[4];
	unsigned n = 0;

	if (!l->plan->nan_canonical)
		return v;
	if (LLVMGetTypeKind(t) == LLVMVectorTypeKind) {
		n = LLVMGetVectorSize(t);
		lane = LLVMGetElementType(t);
	}
	bits = lane == l->f32 ? l->i32 : l->i64;
	nan = LLVMConstInt(bits, lane == l->f32 ? 0x7fc00000 :
	    0x7ff8000000000000, 0);
	for (unsigned i = 0; i < n; i++)
		nans[i] = nan;
	if (n) {
		nan = LLVMConstVector(nans, n);
		bits = LLVMVectorType(bits, n);
	}
	nan = LLVMBuildSelect(l->b, LLVMBuildFCmp(l->b, LLVMRealUNO, v, v, ""),
	    nan, LLVMBuildBitCast(l->b, v, bits, ""), "");
	return LLVMBuildBitCast(l->b, nan, t, "");
}

/* ---- Arithmetic ---- */

#define BINARY(X) X(fadd, FAdd) X(fsub, FSub) X(fmul, FMul) X(fdiv, FDiv)

#define X(name, Op)							\
void									\
l_##name(struct lower *l, const struct insn *in)			\
{									\
	LLVMValueRef b = l_opaque(l, l_pop(l));				\
	LLVMValueRef a = l_opaque(l, l_pop(l));				\
									\
	l_push(l, l_canonical(l, LLVMBuild##Op(l->b, a, b, "")));	\
}
BINARY(X)
#undef X

void
l_fsqrt(struct lower *l, const struct insn *in)
{
	l_push(l, l_canonical(l, l_unary(l, "llvm.sqrt", l_pop(l))));
}

void
l_fabs(struct lower *l, const struct insn *in)
{
	l_push(l, l_unary(l, "llvm.fabs", l_pop(l)));
}

void
l_fneg(struct lower *l, const struct insn *in)
{
	l_push(l, LLVMBuildFNeg(l->b, l_pop(l), ""));
}

static LLVMValueRef
l_copysign(struct lower *l, LLVMValueRef x, LLVMValueRef sign)
{
	LLVMValueRef args[2] = { x, sign };
	LLVMTypeRef t = LLVMTypeOf(x);

	return l_intrinsic(l, "llvm.copysign", &t, 1, args, 2);
}

void
l_fcopysign(struct lower *l, const struct insn *in)
{
	LLVMValueRef sign = l_pop(l), x = l_pop(l);

	l_push(l, l_copysign(l, x, sign));
}

/* ---- min, max ---- */

/* The machine's min(a, b) is a < b ? a : b.  Taken both ways, the two results
 * are the same bits unless an operand is a NaN or both are zeros of different
 * sign; then or (min) and and (max) of the bits give the right zero, and for
 * a NaN the sum is taken, which is a quiet one.  No branch, and vectors of it
 * are as good.  (llvm.minimum returns a signalling NaN as it is on x86.) */
static LLVMValueRef
l_min_max_x86(struct lower *l, LLVMValueRef a, LLVMValueRef b, bool max)
{
	LLVMRealPredicate pred = max ? LLVMRealOGT : LLVMRealOLT;
	LLVMTypeRef t = LLVMTypeOf(a), bits = t == l->f32 ? l->i32 : l->i64;
	LLVMValueRef x, y, nan, sum = LLVMBuildFAdd(l->b, a, b, "");

	x = LLVMBuildSelect(l->b, LLVMBuildFCmp(l->b, pred, a, b, ""), a, b,
	    "");
	y = LLVMBuildSelect(l->b, LLVMBuildFCmp(l->b, pred, b, a, ""), b, a,
	    "");
	nan = LLVMBuildFCmp(l->b, LLVMRealUNO, a, b, "");
	x = LLVMBuildBitCast(l->b, x, bits, "");
	y = LLVMBuildBitCast(l->b, y, bits, "");
	x = max ? LLVMBuildAnd(l->b, x, y, "") : LLVMBuildOr(l->b, x, y, "");
	return LLVMBuildSelect(l->b, nan, sum,
	    LLVMBuildBitCast(l->b, x, t, ""), "");
}

static void
l_min_max(struct lower *l, bool max)
{
	LLVMValueRef b = l_opaque(l, l_pop(l)), a = l_opaque(l, l_pop(l));
	LLVMValueRef args[2] = { a, b };
	LLVMTypeRef t = LLVMTypeOf(a);

	if (l->plan->is_x86)
		a = l_min_max_x86(l, a, b, max);
	else
		a = l_intrinsic(l, max ? "llvm.maximum" : "llvm.minimum", &t,
		    1, args, 2);
	l_push(l, l_canonical(l, a));
}

void
l_fmin(struct lower *l, const struct insn *in)
{
	l_min_max(l, false);
}

void
l_fmax(struct lower *l, const struct insn *in)
{
	l_min_max(l, true);
}

/* ---- Rounding ---- */

static LLVMValueRef
l_real(LLVMValueRef like, double x)
{
	return LLVMConstReal(LLVMTypeOf(like), x);
}

/* Round to nearest, ties to even, for |x| < limit = 2^23 or 2^52: adding the
 * limit leaves no bits for a fraction. */
static LLVMValueRef
l_nearest_by_hand(struct lower *l, LLVMValueRef x, LLVMValueRef limit)
{
	LLVMValueRef big = l_copysign(l, limit, x);

	return LLVMBuildFSub(l->b, LLVMBuildFAdd(l->b, x, big, ""), big, "");
}

/* Step back by one where nearest went too far: floor down, ceil up. */
static LLVMValueRef
l_step(struct lower *l, LLVMValueRef r, LLVMValueRef x, bool up)
{
	LLVMRealPredicate pred = up ? LLVMRealOLT : LLVMRealOGT;
	LLVMValueRef off = LLVMBuildFCmp(l->b, pred, r, x, "");
	LLVMValueRef one = l_real(x, up ? 1 : -1);

	return LLVMBuildSelect(l->b, off, LLVMBuildFAdd(l->b, r, one, ""), r,
	    "");
}

/* kind: n nearest, f floor, c ceil, t trunc.  Larger numbers are integers
 * already; a NaN is quieted by the product. */
static LLVMValueRef
l_round_by_hand(struct lower *l, LLVMValueRef x, char kind)
{
	LLVMValueRef limit = l_real(x, l_is_f32(l, x) ? 0x1p23 : 0x1p52);
	LLVMValueRef abs = l_unary(l, "llvm.fabs", x);
	LLVMValueRef small = LLVMBuildFCmp(l->b, LLVMRealOLT, abs, limit, "");
	LLVMValueRef self = LLVMBuildFMul(l->b, x,
	    l_opaque(l, l_real(x, 1)), "");
	LLVMValueRef from = kind == 't' ? abs : x;
	LLVMValueRef r = l_nearest_by_hand(l, from, limit);

	if (kind != 'n')
		r = l_step(l, r, from, kind == 'c');
	return LLVMBuildSelect(l->b, small, l_copysign(l, r, x), self, "");
}

static void
l_round(struct lower *l, const char *name, char kind)
{
	LLVMValueRef x = l_pop(l);

	l_push(l, l_canonical(l, l->hand_rounding ?
	    l_round_by_hand(l, x, kind) : l_unary(l, name, x)));
}

void
l_fnearest(struct lower *l, const struct insn *in)
{
	l_round(l, "llvm.roundeven", 'n');
}

void
l_ffloor(struct lower *l, const struct insn *in)
{
	l_round(l, "llvm.floor", 'f');
}

void
l_fceil(struct lower *l, const struct insn *in)
{
	l_round(l, "llvm.ceil", 'c');
}

void
l_ftrunc(struct lower *l, const struct insn *in)
{
	l_round(l, "llvm.trunc", 't');
}

/* ---- Comparisons ---- */

static const LLVMRealPredicate real_preds[] = {
	LLVMRealOEQ, LLVMRealUNE, LLVMRealOLT, LLVMRealOGT, LLVMRealOLE,
	LLVMRealOGE,
};

void
l_fcmp(struct lower *l, const struct insn *in)
{
	LLVMValueRef b = l_pop(l), a = l_pop(l);
	enum op first = in->op >= OP_F64_EQ ? OP_F64_EQ : OP_F32_EQ;
	LLVMValueRef v = LLVMBuildFCmp(l->b, real_preds[in->op - first], a, b,
	    "");

	l_push(l, LLVMBuildZExt(l->b, v, l->i32, ""));
}

/* ---- To integers ---- */

/* "i32.trunc_f64_s": the type of the result and the sign are in the name. */
static bool
l_is_signed(const struct insn *in)
{
	const char *text = opinfos[in->op].text;

	return text[strlen(text) - 1] == 's';
}

static LLVMTypeRef
l_result_type(struct lower *l, const struct insn *in)
{
	switch (strchr(opinfos[in->op].sig, ':')[1]) {
	case 'i': return l->i32;
	case 'l': return l->i64;
	case 'f': return l->f32;
	case 'd': return l->f64;
	default: return l->v128;
	}
}

/* x is in range if low < x < high, or low <= x where low itself is the
 * smallest integer and there is no float between it and the next. */
static LLVMValueRef
l_in_range(struct lower *l, LLVMValueRef x, LLVMTypeRef to, bool is_signed)
{
	bool wide = to == l->i64, inexact = wide || l_is_f32(l, x);
	double low = !is_signed ? -1 : wide ? -0x1p63 :
	    inexact ? -0x1p31 : -0x1p31 - 1;
	double high = is_signed ? (wide ? 0x1p63 : 0x1p31) :
	    wide ? 0x1p64 : 0x1p32;
	LLVMRealPredicate above = is_signed && inexact ? LLVMRealOGE :
	    LLVMRealOGT;

	return LLVMBuildAnd(l->b,
	    LLVMBuildFCmp(l->b, above, x, l_real(x, low), ""),
	    LLVMBuildFCmp(l->b, LLVMRealOLT, x, l_real(x, high), ""), "");
}

/* The test is false for a NaN too; the cold side tells them apart. */
void
l_trunc(struct lower *l, const struct insn *in)
{
	LLVMValueRef x = l_pop(l), br, code;
	LLVMTypeRef to = l_result_type(l, in);
	bool is_signed = l_is_signed(in);
	LLVMBasicBlockRef bad = l_bb(l, "trap"), good = l_bb(l, "");

	l_locate(l);
	br = LLVMBuildCondBr(l->b, l_in_range(l, x, to, is_signed), good, bad);
	LLVMSetMetadata(br, l->md_prof, l->likely);
	LLVMPositionBuilderAtEnd(l->b, bad);
	code = LLVMBuildSelect(l->b,
	    LLVMBuildFCmp(l->b, LLVMRealUNO, x, x, ""),
	    l_i32(l, WABI_TRAP_BAD_CONVERSION),
	    l_i32(l, WABI_TRAP_INT_OVERFLOW), "");
	l_trap(l, code);
	LLVMPositionBuilderAtEnd(l->b, good);
	l_push(l, is_signed ? LLVMBuildFPToSI(l->b, x, to, "") :
	    LLVMBuildFPToUI(l->b, x, to, ""));
}

void
l_trunc_sat(struct lower *l, const struct insn *in)
{
	LLVMValueRef x = l_pop(l);
	LLVMTypeRef over[2] = { l_result_type(l, in), LLVMTypeOf(x) };

	l_push(l, l_intrinsic(l, l_is_signed(in) ? "llvm.fptosi.sat" :
	    "llvm.fptoui.sat", over, 2, &x, 1));
}

/* ---- From integers, between floats ---- */

void
l_convert(struct lower *l, const struct insn *in)
{
	LLVMTypeRef to = l_result_type(l, in);
	LLVMValueRef v = l_pop(l);

	l_push(l, l_is_signed(in) ? LLVMBuildSIToFP(l->b, v, to, "") :
	    LLVMBuildUIToFP(l->b, v, to, ""));
}

void
l_promote(struct lower *l, const struct insn *in)
{
	l_push(l, l_canonical(l, LLVMBuildFPExt(l->b, l_pop(l), l->f64, "")));
}

/* What was just computed, or read from memory, is no promotion. */
static bool
l_may_be_promotion(struct lower *l, LLVMValueRef v)
{
	if (!LLVMIsAInstruction(v))
		return !LLVMIsAConstant(v);
	switch (LLVMGetInstructionOpcode(v)) {
	case LLVMFAdd: case LLVMFSub: case LLVMFMul: case LLVMFDiv:
	case LLVMFNeg: case LLVMSIToFP: case LLVMUIToFP: case LLVMBitCast:
		return false;
	case LLVMLoad:
		return LLVMIsAAllocaInst(LLVMGetOperand(v, 0)) != NULL;
	default:
		return true;
	}
}

void
l_demote(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);

	if (l_may_be_promotion(l, v))
		v = l_fence(l, v);
	l_push(l, l_canonical(l, LLVMBuildFPTrunc(l->b, v, l->f32, "")));
}

void
l_reinterpret(struct lower *l, const struct insn *in)
{
	l_push(l, LLVMBuildBitCast(l->b, l_pop(l), l_result_type(l, in), ""));
}
