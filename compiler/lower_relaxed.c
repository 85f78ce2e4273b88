/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_relaxed.c: relaxed SIMD.
 *
 * The specification gives each of these operations a set of results.  Which of
 * them it is depends on the options and the target alone, never on whether an
 * operand is a constant or at which level the code is optimised:
 *
 *	            x86 with SSE4.1      else, and if deterministic
 *	swizzle     pshufb               0 for every index above 15
 *	trunc       cvttps2dq            saturating
 *	laneselect  the lane's top bit   bit by bit
 *	min, max    minps: the second    as min, max
 *	            operand for a NaN
 *	q15mulr     pmulhrsw             saturating
 *	dot         pmaddubsw            both operands signed, sums wrap
 *	madd        fused if the CPU     fused; refused where the CPU has no
 *	            has FMA              such instruction
 *
 * Unsigned trunc has no instruction before AVX-512 and is saturating always;
 * so is laneselect by bits for i16, whose instruction looks at bytes.
 */
#include <string.h>

#include "lower_simd.h"

/* May the machine's own forms be used? */
static bool
l_is_loose(const struct lower *l)
{
	return l->plan->is_x86 && !l->plan->relaxed_deterministic &&
	    !l->hand_rounding;
}

static struct shape
l_shape_of(struct lower *l, const struct insn *in)
{
	return l_shape(l, opinfos[in->op].text);
}

static bool
l_says(const struct insn *in, const char *word)
{
	return strstr(opinfos[in->op].text, word) != NULL;
}

static void
l_push_x86(struct lower *l, const char *name, LLVMValueRef a, LLVMValueRef b)
{
	LLVMValueRef args[2] = { a, b };

	l_push_v(l, l_intrinsic(l, name, NULL, 0, args, b ? 2 : 1));
}

void
l_relaxed_swizzle(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef index;

	if (!l_is_loose(l)) {
		l_simd_swizzle(l, in);
		return;
	}
	index = l_pop_as(l, s);
	l_push_x86(l, "llvm.x86.ssse3.pshuf.b.128", l_pop_as(l, s), index);
}

void
l_relaxed_trunc(struct lower *l, const struct insn *in)
{
	struct shape from = l_shape_from(l, in);

	if (!l_is_loose(l) || l_says_unsigned(in)) {
		l_simd_trunc_sat(l, in);
		return;
	}
	l_push_x86(l, from.n == 2 ? "llvm.x86.sse2.cvttpd2dq" :
	    "llvm.x86.sse2.cvttps2dq", l_pop_as(l, from), NULL);
}

void
l_relaxed_laneselect(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef a, b, mask;

	if (!l_is_loose(l) || s.bits == 16) {
		l_simd_bitselect(l, in);
		return;
	}
	mask = l_pop_as(l, s);
	b = l_pop_as(l, s);
	a = l_pop_as(l, s);
	mask = LLVMBuildICmp(l->b, LLVMIntSLT, mask, LLVMConstNull(s.vec), "");
	l_push_v(l, LLVMBuildSelect(l->b, mask, a, b, ""));
}

void
l_relaxed_minmax(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	bool max = l_says(in, "_max");
	LLVMValueRef a, b, v;

	if (!l_is_loose(l)) {
		(max ? l_simd_fmax : l_simd_fmin)(l, in);
		return;
	}
	b = l_pop_as(l, s);
	a = l_pop_as(l, s);
	v = LLVMBuildFCmp(l->b, max ? LLVMRealOGT : LLVMRealOLT, a, b, "");
	l_push_v(l, l_canonical(l, LLVMBuildSelect(l->b, v, a, b, "")));
}

void
l_relaxed_q15mulr(struct lower *l, const struct insn *in)
{
	l_q15mulr(l, in, !l_is_loose(l));
}

/* i16x8: pairs of products.  The machine takes b, of whose lanes seven bits
 * matter, as unsigned, and saturates. */
static LLVMValueRef
l_pop_dot8(struct lower *l)
{
	struct shape s = l_shape(l, "i8x16");
	LLVMValueRef b = l_pop_as(l, s), a = l_pop_as(l, s), args[2];

	if (l_is_loose(l)) {
		args[0] = b;
		args[1] = a;
		return l_intrinsic(l, "llvm.x86.ssse3.pmadd.ub.sw.128", NULL,
		    0, args, 2);
	}
	b = l_widen(l, b, 16, 16, false);
	a = l_widen(l, a, 16, 16, false);
	return l_pairwise(l, LLVMBuildMul(l->b, a, b, ""), 16);
}

void
l_relaxed_dot(struct lower *l, const struct insn *in)
{
	l_push_v(l, l_pop_dot8(l));
}

void
l_relaxed_dot_add(struct lower *l, const struct insn *in)
{
	LLVMValueRef c = l_pop_as(l, l_shape(l, "i32x4")), v = l_pop_dot8(l);

	v = l_pairwise(l, l_widen(l, v, 8, 32, false), 8);
	l_push_v(l, LLVMBuildAdd(l->b, v, c, ""));
}

static bool
l_has_fma(const struct plan *p)
{
	return !p->is_x86 || (p->cpu_features
	    && strstr(p->cpu_features, "+fma,"));
}

/* Fused, or rounded twice; never a call of fma(). */
void
l_relaxed_madd(struct lower *l, const struct insn *in)
{
	struct shape s = l_shape_of(l, in);
	LLVMValueRef c = l_pop_operand(l, s), b = l_pop_operand(l, s);
	LLVMValueRef a = l_pop_operand(l, s), v, args[3];
	bool fused = l_has_fma(l->plan);

	if (!fused && l->plan->relaxed_deterministic) {
		l->c.failing = WASMC_EUNSUPPORTED;
		wc_fail(&l->c, in->offset, "%s, to be deterministic, needs a "
		    "CPU with FMA, such as --cpu=x86-64-v3",
		    opinfos[in->op].text);
	}
	if (l_says(in, "nmadd"))
		a = LLVMBuildFNeg(l->b, a, "");
	args[0] = a;
	args[1] = b;
	args[2] = c;
	v = fused ? l_intrinsic(l, "llvm.fma", &s.vec, 1, args, 3) :
	    LLVMBuildFAdd(l->b, LLVMBuildFMul(l->b, a, b, ""), c, "");
	l_push_v(l, l_canonical(l, v));
}
