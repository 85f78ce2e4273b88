/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_simd.h: what the four files of the SIMD lowering share.
 *
 *   lower_simd.c        lanes, shuffles, bits, integers
 *   lower_simd_float.c  floating point, conversions
 *   lower_relaxed.c     relaxed SIMD
 *   lower_simd_mem.c    loads and stores
 *
 * A v128 on the value stack is <2 x i64>; a handler sees it in the shape that
 * its instruction's name begins with.
 */
#ifndef WC_LOWER_SIMD_H
#define WC_LOWER_SIMD_H

#include "lower.h"

struct shape {			/* "i16x8": 8 lanes of i16 */
	LLVMTypeRef vec, lane;
	unsigned bits, n;
	bool is_float;
};

/* The shape that `text` begins with. */
struct shape l_shape(struct lower *, const char *text);
/* The shape of the operand, where the name tells: "i16x8.narrow_i32x4_s". */
struct shape l_shape_from(struct lower *, const struct insn *);
/* n lanes of an integer type. */
LLVMTypeRef l_lanes(struct lower *, unsigned bits, unsigned n);

LLVMValueRef l_pop_as(struct lower *, struct shape);
void l_push_v(struct lower *, LLVMValueRef);

/* Does the name say unsigned?  Does it say low rather than high? */
bool l_says_unsigned(const struct insn *);
bool l_says_low(const struct insn *);

/* The lanes first, first + step, ... of v, n of them. */
LLVMValueRef l_pick(struct lower *, LLVMValueRef v, unsigned first,
    unsigned step, unsigned n);
LLVMValueRef l_splat(struct lower *, LLVMValueRef scalar, unsigned n);
/* Widen every lane to `bits`, by sign or zero. */
LLVMValueRef l_widen(struct lower *, LLVMValueRef v, unsigned n,
    unsigned bits, bool is_unsigned);
/* v, n lanes, and n more lanes of zero. */
LLVMValueRef l_zero_high(struct lower *, LLVMValueRef v, unsigned n);

/* The sums of neighbouring lanes of v, n lanes. */
LLVMValueRef l_pairwise(struct lower *, LLVMValueRef v, unsigned n);
/* i16x8.q15mulr, with -1 * -1 saturated or as the machine has it. */
void l_q15mulr(struct lower *, const struct insn *, bool saturate);
/* Pop an operand of arithmetic; see l_opaque(). */
LLVMValueRef l_pop_operand(struct lower *, struct shape);

/* f(v, ...) by the LLVM intrinsic `name`, overloaded on v's type. */
LLVMValueRef l_vec_op(struct lower *, const char *name, LLVMValueRef a,
    LLVMValueRef b);

#endif
