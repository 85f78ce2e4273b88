/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_simd_float.c: 128-bit SIMD: floating point and conversions.
 *
 * What lower_float.c says of NaNs holds lane by lane.
 */
#include <string.h>

#include "lower_simd.h"

static struct shape
l_shape_of(struct lower *l, const struct insn *in)
{
	return l_shape(l, opinfos[in->op].text);
}

/* A constant with a lane of 0, 1 or -1, behind a fence; anything else as it
 * is. */
static LLVMValueRef
l_opaque_lanes(struct lower *l, LLVMValueRef v, struct shape s)
{
	bool neutral = false;

	if (!LLVMIsConstant(v))
		return v;
	if (!LLVMIsAConstantDataVector(v))
		neutral = true;
	for (unsigned i = 0; i < s.n && !neutral; i++) {
		LLVMBool loses;
		double x = LLVMConstRealGetDouble(
		    LLVMGetAggregateElement(v, i), &loses);
		neutral = x == 0 || x == 1 || x == -1;
	}
	return neutral ? l_vec_op(l, "llvm.arithmetic.fence", v, NULL) : v;
}

LLVMValueRef
l_pop_operand(struct lower *l, struct shape s)
{
	return l_opaque_lanes(l, l_pop_as(l, s), s);
}

/* ---- Arithmetic ---- */

#define BINARY(X) X(fadd, FAdd) X(fsub, FSub) X(fmul, FMul) X(fdiv, FDiv)

#define X(name, Op)							\
void									\
l_simd_##name(struct lower *l, const struct insn *in)			\
{									\
	struct shape s = l_shape_of(l, in);				\
	LLVMValueRef b = l_pop_operand(l, s), a = l_pop_operand(l, s);	\
									\
	l_push_v(l, l_canonical(l, LLVMBuild##Op(l->b, a, b, "")));	\
}
BINARY(X)
#undef X

static void
l_unary(struct lower *l, const struct insn *in, const char *name)
{
	l_push_v(l, l_canonical(l, l_vec_op(l, name, l_pop_as(l,
	    l_shape_of(l, in)), NULL)));
}

void
l_simd_fsqrt(struct lower *l, const struct insn *in)
{
	l_unary(l, in, "llvm.sqrt");
}

void
l_simd_fabs(struct lower *l, const struct insn *in)
{
	l_push_v(l, l_vec_op(l, "llvm.fabs", l_pop_as(l, l_shape_of(l, in)),
	    NULL));
}

void
l_simd_fneg(struct lower *l, const struct insn *in)
{
	l_push_v(l, LLVMBuildFNeg(l->b, l_pop_as(l, l_shape_of(l, in)), ""));
}

/* A vector operation done lane by lane with the scalar's handler. */
static void
l_by_lane(struct lower *l, const struct insn *in, l_handler *scalar)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef v = l_pop_as(l, s), r = LLVMGetPoison(s.vec);

	for (unsigned i = 0; i < s.n; i++) {
		l_push(l, LLVMBuildExtractElement(l->b, v, l_i32(l, i), ""));
		scalar(l, in);
		r = LLVMBuildInsertElement(l->b, r, l_pop(l), l_i32(l, i), "");
	}
	l_push_v(l, r);
}

#define ROUNDING(X)							\
	X(fceil, "llvm.ceil") X(ffloor, "llvm.floor")			\
	X(ftrunc, "llvm.trunc") X(fnearest, "llvm.roundeven")

#define X(name, intrinsic)						\
void									\
l_simd_##name(struct lower *l, const struct insn *in)			\
{									\
	if (l->hand_rounding)						\
		l_by_lane(l, in, l_##name);				\
	else								\
		l_unary(l, in, intrinsic);				\
}
ROUNDING(X)
#undef X

/* ---- min, max ---- */

/* As l_min_max_x86() in lower_float.c explains. */
static LLVMValueRef
l_min_max_x86(struct lower *l, LLVMValueRef a, LLVMValueRef b, struct shape s,
    bool max)
{
	LLVMRealPredicate pred = max ? LLVMRealOGT : LLVMRealOLT;
	LLVMTypeRef bits = l_lanes(l, s.bits, s.n);
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
	    LLVMBuildBitCast(l->b, x, s.vec, ""), "");
}

static void
l_min_max(struct lower *l, struct shape s, bool max)
{
	LLVMValueRef b = l_pop_operand(l, s), a = l_pop_operand(l, s);

	l_push_v(l, l_canonical(l, l->plan->is_x86 ?
	    l_min_max_x86(l, a, b, s, max) :
	    l_vec_op(l, max ? "llvm.maximum" : "llvm.minimum", a, b)));
}

void
l_simd_fmin(struct lower *l, const struct insn *in)
{
	l_min_max(l, l_shape_of(l, in), false);
}

void
l_simd_fmax(struct lower *l, const struct insn *in)
{
	l_min_max(l, l_shape_of(l, in), true);
}

/* pmin: b < a ? b : a;  pmax: a < b ? b : a */
static void
l_pseudo(struct lower *l, const struct insn *in, LLVMRealPredicate b_wins)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef b = l_pop_as(l, s), a = l_pop_as(l, s);

	l_push_v(l, LLVMBuildSelect(l->b, LLVMBuildFCmp(l->b, b_wins, b, a,
	    ""), b, a, ""));
}

void
l_simd_fpmin(struct lower *l, const struct insn *in)
{
	l_pseudo(l, in, LLVMRealOLT);
}

void
l_simd_fpmax(struct lower *l, const struct insn *in)
{
	l_pseudo(l, in, LLVMRealOGT);
}

/* ---- Comparisons ---- */

static const LLVMRealPredicate preds[] = {
	LLVMRealOEQ, LLVMRealUNE, LLVMRealOLT, LLVMRealOGT, LLVMRealOLE,
	LLVMRealOGE,
};

void
l_simd_fcmp(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef b = l_pop_as(l, s), a = l_pop_as(l, s);
	enum op first = s.bits == 64 ? OP_F64X2_EQ : OP_F32X4_EQ;
	LLVMValueRef v = LLVMBuildFCmp(l->b, preds[in->op - first], a, b, "");

	l_push_v(l, LLVMBuildSExt(l->b, v, l_lanes(l, s.bits, s.n), ""));
}

/* ---- Conversions ---- */

/* f64x2 gives the two low lanes, the rest is zero. */
void
l_simd_trunc_sat(struct lower *l, const struct insn *in)
{
	struct shape from = l_shape_from(l, in);
	LLVMValueRef v = l_pop_as(l, from);
	LLVMTypeRef over[2] = { l_lanes(l, 32, from.n), from.vec };

	v = l_intrinsic(l, l_says_unsigned(in) ? "llvm.fptoui.sat" :
	    "llvm.fptosi.sat", over, 2, &v, 1);
	l_push_v(l, from.n == 2 ? l_zero_high(l, v, 2) : v);
}

void
l_simd_convert(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in), from = l_shape_from(l, in);
	LLVMValueRef v = l_pop_as(l, from);

	if (s.n == 2)
		v = l_pick(l, v, 0, 1, 2);
	l_push_v(l, l_says_unsigned(in) ?
	    LLVMBuildUIToFP(l->b, v, s.vec, "") :
	    LLVMBuildSIToFP(l->b, v, s.vec, ""));
}

/* The fence keeps demote(promote x), which quiets a NaN, from becoming x. */
void
l_simd_demote(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop_as(l, l_shape_from(l, in));

	v = l_vec_op(l, "llvm.arithmetic.fence", v, NULL);
	v = LLVMBuildFPTrunc(l->b, v, LLVMVectorType(l->f32, 2), "");
	l_push_v(l, l_zero_high(l, l_canonical(l, v), 2));
}

void
l_simd_promote(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop_as(l, l_shape_from(l, in));

	l_push_v(l, l_canonical(l, LLVMBuildFPExt(l->b, l_pick(l, v, 0, 1, 2),
	    l_shape_of(l, in).vec, "")));
}
