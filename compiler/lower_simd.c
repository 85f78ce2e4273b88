/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_simd.c: 128-bit SIMD: lanes, shuffles, bitwise and integer operations.
 *
 * Everything is said in LLVM's generic vector operations, in the forms that
 * its back ends know as one instruction (pmaddwd, pmulhrsw, pavg, packs ...).
 * The one exception is swizzle, which has no generic form.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lower_simd.h"

/* ---- Shapes ---- */

LLVMTypeRef
l_lanes(struct lower *l, unsigned bits, unsigned n)
{
	return LLVMVectorType(LLVMIntTypeInContext(l->ctx, bits), n);
}

struct shape
l_shape(struct lower *l, const char *text)
{
	struct shape s = { .bits = (unsigned)atoi(text + 1) };

	s.is_float = text[0] == 'f';
	s.n = 128 / s.bits;
	s.lane = !s.is_float ? LLVMIntTypeInContext(l->ctx, s.bits) :
	    s.bits == 32 ? l->f32 : l->f64;
	s.vec = LLVMVectorType(s.lane, s.n);
	return s;
}

/* The operand's shape stands behind the last underscore before a digit's
 * letter: "..._i8x16_u", "..._f64x2_s_zero". */
struct shape
l_shape_from(struct lower *l, const struct insn *in)
{
	const char *text = opinfos[in->op].text;
	const char *x = strrchr(text, 'x');

	while (x[-1] != '_')
		x--;
	return l_shape(l, x);
}

LLVMValueRef
l_pop_as(struct lower *l, struct shape s)
{
	return LLVMBuildBitCast(l->b, l_pop(l), s.vec, "");
}

void
l_push_v(struct lower *l, LLVMValueRef v)
{
	l_push(l, LLVMBuildBitCast(l->b, v, l->v128, ""));
}

bool
l_says_unsigned(const struct insn *in)
{
	const char *text = opinfos[in->op].text, *u = strstr(text, "_u");

	return u && (u[2] == '\0' || u[2] == '_');
}

bool
l_says_low(const struct insn *in)
{
	return strstr(opinfos[in->op].text, "_low") != NULL;
}

static struct shape
l_shape_of(struct lower *l, const struct insn *in)
{
	return l_shape(l, opinfos[in->op].text);
}

/* ---- Builders ---- */

/* Lanes of a and b by a constant mask. */
static LLVMValueRef
l_mix(struct lower *l, LLVMValueRef a, LLVMValueRef b, const unsigned *lanes,
    unsigned n)
{
	LLVMValueRef mask[32];

	assert(n <= 32);
	for (unsigned i = 0; i < n; i++)
		mask[i] = l_i32(l, lanes[i]);
	return LLVMBuildShuffleVector(l->b, a, b, LLVMConstVector(mask, n),
	    "");
}

LLVMValueRef
l_pick(struct lower *l, LLVMValueRef v, unsigned first, unsigned step,
    unsigned n)
{
	unsigned lanes[16];

	assert(n <= 16);
	for (unsigned i = 0; i < n; i++)
		lanes[i] = first + i * step;
	return l_mix(l, v, LLVMGetPoison(LLVMTypeOf(v)), lanes, n);
}

/* a's lanes, then b's. */
static LLVMValueRef
l_concat(struct lower *l, LLVMValueRef a, LLVMValueRef b, unsigned n)
{
	unsigned lanes[32];

	for (unsigned i = 0; i < 2 * n; i++)
		lanes[i] = i;
	return l_mix(l, a, b, lanes, 2 * n);
}

LLVMValueRef
l_zero_high(struct lower *l, LLVMValueRef v, unsigned n)
{
	return l_concat(l, v, LLVMConstNull(LLVMTypeOf(v)), n);
}

LLVMValueRef
l_splat(struct lower *l, LLVMValueRef scalar, unsigned n)
{
	LLVMTypeRef t = LLVMVectorType(LLVMTypeOf(scalar), n);
	LLVMValueRef v = LLVMBuildInsertElement(l->b, LLVMGetPoison(t), scalar,
	    l_i32(l, 0), "");

	return l_pick(l, v, 0, 0, n);
}

LLVMValueRef
l_widen(struct lower *l, LLVMValueRef v, unsigned n, unsigned bits,
    bool is_unsigned)
{
	LLVMTypeRef t = l_lanes(l, bits, n);

	return is_unsigned ? LLVMBuildZExt(l->b, v, t, "") :
	    LLVMBuildSExt(l->b, v, t, "");
}

LLVMValueRef
l_vec_op(struct lower *l, const char *name, LLVMValueRef a, LLVMValueRef b)
{
	LLVMValueRef args[2] = { a, b };
	LLVMTypeRef t = LLVMTypeOf(a);

	return l_intrinsic(l, name, &t, 1, args, b ? 2 : 1);
}

static LLVMValueRef
l_vec_const(LLVMTypeRef vec, uint64_t x)
{
	LLVMTypeRef lane = LLVMGetElementType(vec);
	unsigned n = LLVMGetVectorSize(vec);
	LLVMValueRef v[16];

	for (unsigned i = 0; i < n; i++)
		v[i] = LLVMConstInt(lane, x, 1);
	return LLVMConstVector(v, n);
}

/* ---- Constants, lanes, shuffles ---- */

void
l_simd_const(struct lower *l, const struct insn *in)
{
	LLVMValueRef half[2];

	for (int h = 0; h < 2; h++) {
		uint64_t x = 0;
		for (int i = 7; i >= 0; i--)
			x = x << 8 | in->v128[8 * h + i];
		half[h] = l_i64(l, x);
	}
	l_push(l, LLVMConstVector(half, 2));
}

/* A lane as its stack type, or from it. */
static LLVMValueRef
l_to_lane(struct lower *l, LLVMValueRef v, struct shape s)
{
	return s.bits < 32 ? LLVMBuildTrunc(l->b, v, s.lane, "") : v;
}

void
l_simd_splat(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);

	l_push_v(l, l_splat(l, l_to_lane(l, l_pop(l), s), s.n));
}

void
l_simd_extract_lane(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef v = LLVMBuildExtractElement(l->b, l_pop_as(l, s),
	    l_i32(l, in->lane), "");

	if (s.bits < 32)
		v = l_says_unsigned(in) ? LLVMBuildZExt(l->b, v, l->i32, "") :
		    LLVMBuildSExt(l->b, v, l->i32, "");
	l_push(l, v);
}

void
l_simd_replace_lane(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef x = l_to_lane(l, l_pop(l), s), v = l_pop_as(l, s);

	l_push_v(l, LLVMBuildInsertElement(l->b, v, x, l_i32(l, in->lane),
	    ""));
}

void
l_simd_shuffle(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef b = l_pop_as(l, s), a = l_pop_as(l, s);
	unsigned lanes[16];

	for (int i = 0; i < 16; i++)
		lanes[i] = in->v128[i];
	l_push_v(l, l_mix(l, a, b, lanes, 16));
}

/* Without a byte shuffle: through memory, one byte after another. */
static LLVMValueRef
l_swizzle_by_hand(struct lower *l, LLVMValueRef a, LLVMValueRef index)
{
	LLVMTypeRef bytes = LLVMTypeOf(a);
	LLVMValueRef room = l_alloca(l, bytes, ""), r = LLVMConstNull(bytes);
	LLVMValueRef out = LLVMBuildICmp(l->b, LLVMIntUGT, index,
	    l_vec_const(bytes, 15), "");

	LLVMBuildStore(l->b, a, room);
	index = LLVMBuildAnd(l->b, index, l_vec_const(bytes, 15), "");
	for (unsigned i = 0; i < 16; i++) {
		LLVMValueRef k = LLVMBuildExtractElement(l->b, index,
		    l_i32(l, i), ""), p;

		k = LLVMBuildZExt(l->b, k, l->i64, "");
		p = LLVMBuildGEP2(l->b, l->i8, room, &k, 1, "");
		r = LLVMBuildInsertElement(l->b, r,
		    LLVMBuildLoad2(l->b, l->i8, p, ""), l_i32(l, i), "");
	}
	return LLVMBuildSelect(l->b, out, LLVMConstNull(bytes), r, "");
}

/* pshufb takes the index modulo 16 unless its top bit is set, which gives 0:
 * a saturating sum sets that bit for every index above 15. */
void
l_simd_swizzle(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef index = l_pop_as(l, s), a = l_pop_as(l, s), args[2];

	if (l->hand_rounding) {
		l_push_v(l, l_swizzle_by_hand(l, a, index));
		return;
	}
	if (l->plan->is_x86)
		index = l_vec_op(l, "llvm.uadd.sat", index,
		    l_vec_const(s.vec, 0x70));
	args[0] = a;
	args[1] = index;
	l_push_v(l, l->plan->is_x86 ?
	    l_intrinsic(l, "llvm.x86.ssse3.pshuf.b.128", NULL, 0, args, 2) :
	    l_intrinsic(l, "llvm.aarch64.neon.tbl1", &s.vec, 1, args, 2));
}

/* ---- Bitwise ---- */

void
l_simd_not(struct lower *l, const struct insn *in)
{
	l_push(l, LLVMBuildNot(l->b, l_pop(l), ""));
}

void
l_simd_andnot(struct lower *l, const struct insn *in)
{
	LLVMValueRef b = l_pop(l), a = l_pop(l);

	l_push(l, LLVMBuildAnd(l->b, a, LLVMBuildNot(l->b, b, ""), ""));
}

void
l_simd_bitselect(struct lower *l, const struct insn *in)
{
	LLVMValueRef c = l_pop(l), b = l_pop(l), a = l_pop(l);

	a = LLVMBuildAnd(l->b, a, c, "");
	b = LLVMBuildAnd(l->b, b, LLVMBuildNot(l->b, c, ""), "");
	l_push(l, LLVMBuildOr(l->b, a, b, ""));
}

static void
l_push_bit(struct lower *l, LLVMValueRef bit)
{
	l_push(l, LLVMBuildZExt(l->b, bit, l->i32, ""));
}

void
l_simd_any_true(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = LLVMBuildBitCast(l->b, l_pop(l), l->i128, "");

	l_push_bit(l, LLVMBuildICmp(l->b, LLVMIntNE, v,
	    LLVMConstNull(l->i128), ""));
}

/* One bit a lane, as an integer of n bits. */
static LLVMValueRef
l_lane_bits(struct lower *l, LLVMIntPredicate pred, struct shape s)
{
	LLVMValueRef v = LLVMBuildICmp(l->b, pred, l_pop_as(l, s),
	    LLVMConstNull(s.vec), "");

	return LLVMBuildBitCast(l->b, v, LLVMIntTypeInContext(l->ctx, s.n),
	    "");
}

void
l_simd_all_true(struct lower *l, const struct insn *in)
{
	LLVMValueRef zeros = l_lane_bits(l, LLVMIntEQ, l_shape_of(l, in));

	l_push_bit(l, LLVMBuildIsNull(l->b, zeros, ""));
}

void
l_simd_bitmask(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_lane_bits(l, LLVMIntSLT, l_shape_of(l, in));

	l_push(l, LLVMBuildZExt(l->b, v, l->i32, ""));
}

/* ---- Integers: operations that LLVM has as they are ---- */

#define PLAIN(X)							\
	X(add, Add) X(sub, Sub) X(mul, Mul) X(and, And) X(or, Or) X(xor, Xor)

#define X(name, Op)							\
void									\
l_simd_##name(struct lower *l, const struct insn *in)			\
{									\
	bool bits = opinfos[in->op].text[0] == 'v';			\
	struct shape s = l_shape(l, bits ? "i64x2" :			\
	    opinfos[in->op].text);					\
	LLVMValueRef b = l_pop_as(l, s), a = l_pop_as(l, s);		\
									\
	l_push_v(l, LLVMBuild##Op(l->b, a, b, ""));			\
}
PLAIN(X)
#undef X

void
l_simd_neg(struct lower *l, const struct insn *in)
{
	l_push_v(l, LLVMBuildNeg(l->b, l_pop_as(l, l_shape_of(l, in)), ""));
}

void
l_simd_abs(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop_as(l, l_shape_of(l, in));

	l_push_v(l, l_vec_op(l, "llvm.abs", v, LLVMConstInt(l->i1, 0, 0)));
}

void
l_simd_popcnt(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop_as(l, l_shape_of(l, in));

	l_push_v(l, l_vec_op(l, "llvm.ctpop", v, NULL));
}

static void
l_binary(struct lower *l, const struct insn *in, const char *name)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef b = l_pop_as(l, s), a = l_pop_as(l, s);

	l_push_v(l, l_vec_op(l, name, a, b));
}

void
l_simd_add_sat(struct lower *l, const struct insn *in)
{
	l_binary(l, in, l_says_unsigned(in) ? "llvm.uadd.sat" :
	    "llvm.sadd.sat");
}

void
l_simd_sub_sat(struct lower *l, const struct insn *in)
{
	l_binary(l, in, l_says_unsigned(in) ? "llvm.usub.sat" :
	    "llvm.ssub.sat");
}

void
l_simd_minmax(struct lower *l, const struct insn *in)
{
	bool max = strstr(opinfos[in->op].text, ".max") != NULL;

	if (l_says_unsigned(in))
		l_binary(l, in, max ? "llvm.umax" : "llvm.umin");
	else
		l_binary(l, in, max ? "llvm.smax" : "llvm.smin");
}

/* In the order of the opcodes; i64x2 has no unsigned ones. */
static const LLVMIntPredicate preds[] = {
	LLVMIntEQ, LLVMIntNE, LLVMIntSLT, LLVMIntULT, LLVMIntSGT, LLVMIntUGT,
	LLVMIntSLE, LLVMIntULE, LLVMIntSGE, LLVMIntUGE,
};
static const LLVMIntPredicate preds64[] = {
	LLVMIntEQ, LLVMIntNE, LLVMIntSLT, LLVMIntSGT, LLVMIntSLE, LLVMIntSGE,
};

void
l_simd_icmp(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef b = l_pop_as(l, s), a = l_pop_as(l, s);
	LLVMIntPredicate pred = s.bits == 64 ? preds64[in->op - OP_I64X2_EQ] :
	    preds[in->op - (s.bits == 8 ? OP_I8X16_EQ :
	    s.bits == 16 ? OP_I16X8_EQ : OP_I32X4_EQ)];

	l_push_v(l, LLVMBuildSExt(l->b, LLVMBuildICmp(l->b, pred, a, b, ""),
	    s.vec, ""));
}

/* The count is taken modulo the lane's width. */
void
l_simd_shift(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef n = LLVMBuildAnd(l->b, l_pop(l), l_i32(l, s.bits - 1),
	    ""), v = l_pop_as(l, s);
	bool left = strstr(opinfos[in->op].text, "shl") != NULL;

	n = s.bits < 32 ? LLVMBuildTrunc(l->b, n, s.lane, "") :
	    s.bits > 32 ? l_zext64(l, n) : n;
	n = l_splat(l, n, s.n);
	l_push_v(l, left ? LLVMBuildShl(l->b, v, n, "") :
	    l_says_unsigned(in) ? LLVMBuildLShr(l->b, v, n, "") :
	    LLVMBuildAShr(l->b, v, n, ""));
}

/* ---- Integers: across widths ---- */

/* (a + b + 1) >> 1 without overflow */
void
l_simd_avgr(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMTypeRef wide = l_lanes(l, 2 * s.bits, s.n);
	LLVMValueRef one = l_vec_const(wide, 1), v;
	LLVMValueRef b = l_widen(l, l_pop_as(l, s), s.n, 2 * s.bits, true);
	LLVMValueRef a = l_widen(l, l_pop_as(l, s), s.n, 2 * s.bits, true);

	v = LLVMBuildAdd(l->b, LLVMBuildAdd(l->b, a, b, ""), one, "");
	v = LLVMBuildLShr(l->b, v, one, "");
	l_push_v(l, LLVMBuildTrunc(l->b, v, s.vec, ""));
}

/* One operand's lanes, seen as signed, squeezed into half the width. */
static LLVMValueRef
l_saturate(struct lower *l, LLVMValueRef v, struct shape from, bool is_unsigned)
{
	unsigned bits = from.bits / 2;
	int64_t high = is_unsigned ? (1ll << bits) - 1 : (1ll << (bits - 1)) - 1;
	int64_t low = is_unsigned ? 0 : -(1ll << (bits - 1));

	v = l_vec_op(l, "llvm.smax", v, l_vec_const(from.vec, (uint64_t)low));
	v = l_vec_op(l, "llvm.smin", v, l_vec_const(from.vec, (uint64_t)high));
	return LLVMBuildTrunc(l->b, v, l_lanes(l, bits, from.n), "");
}

void
l_simd_narrow(struct lower *l, const struct insn *in)
{
	struct shape from = l_shape_from(l, in);
	bool u = l_says_unsigned(in);
	LLVMValueRef b = l_saturate(l, l_pop_as(l, from), from, u);
	LLVMValueRef a = l_saturate(l, l_pop_as(l, from), from, u);

	l_push_v(l, l_concat(l, a, b, from.n));
}

/* The low or the high half of the operand, each lane twice as wide. */
static LLVMValueRef
l_pop_half(struct lower *l, const struct insn *in)
{
	struct shape from = l_shape_from(l, in);
	unsigned n = from.n / 2;
	LLVMValueRef v = l_pick(l, l_pop_as(l, from), l_says_low(in) ? 0 : n,
	    1, n);

	return l_widen(l, v, n, 2 * from.bits, l_says_unsigned(in));
}

void
l_simd_extend(struct lower *l, const struct insn *in)
{
	l_push_v(l, l_pop_half(l, in));
}

void
l_simd_extmul(struct lower *l, const struct insn *in)
{
	LLVMValueRef b = l_pop_half(l, in), a = l_pop_half(l, in);

	l_push_v(l, LLVMBuildMul(l->b, a, b, ""));
}

/* The sums of neighbours: v has n lanes. */
LLVMValueRef
l_pairwise(struct lower *l, LLVMValueRef v, unsigned n)
{
	return LLVMBuildAdd(l->b, l_pick(l, v, 0, 2, n / 2),
	    l_pick(l, v, 1, 2, n / 2), "");
}

void
l_simd_extadd_pairwise(struct lower *l, const struct insn *in)
{
	struct shape from = l_shape_from(l, in);
	LLVMValueRef v = l_widen(l, l_pop_as(l, from), from.n, 2 * from.bits,
	    l_says_unsigned(in));

	l_push_v(l, l_pairwise(l, v, from.n));
}

void
l_simd_dot(struct lower *l, const struct insn *in)
{
	struct shape from = l_shape_from(l, in);
	LLVMValueRef b = l_widen(l, l_pop_as(l, from), from.n, 32, false);
	LLVMValueRef a = l_widen(l, l_pop_as(l, from), from.n, 32, false);

	l_push_v(l, l_pairwise(l, LLVMBuildMul(l->b, a, b, ""), from.n));
}

/* (a * b + 0x4000) >> 15, of which only -1 * -1 needs saturation.  Written as
 * ((a * b >> 14) + 1) >> 1, which is pmulhrsw. */
void
l_q15mulr(struct lower *l, const struct insn *in, bool saturate)
{
	struct shape s = l_shape_of(l, in);
	LLVMTypeRef wide = l_lanes(l, 32, 8);
	LLVMValueRef b = l_widen(l, l_pop_as(l, s), 8, 32, false);
	LLVMValueRef a = l_widen(l, l_pop_as(l, s), 8, 32, false), v;

	v = LLVMBuildMul(l->b, a, b, "");
	v = LLVMBuildLShr(l->b, v, l_vec_const(wide, 14), "");
	v = LLVMBuildAdd(l->b, v, l_vec_const(wide, 1), "");
	v = LLVMBuildLShr(l->b, v, l_vec_const(wide, 1), "");
	v = LLVMBuildTrunc(l->b, v, s.vec, "");
	if (!saturate) {
		l_push_v(l, v);
		return;
	}
	/* 0x8000 comes of nothing else. */
	a = LLVMBuildICmp(l->b, LLVMIntEQ, v, l_vec_const(s.vec, 0x8000), "");
	v = LLVMBuildXor(l->b, v, LLVMBuildSExt(l->b, a, s.vec, ""), "");
	l_push_v(l, v);
}

void
l_simd_q15mulr_sat(struct lower *l, const struct insn *in)
{
	l_q15mulr(l, in, true);
}
