/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_wide.c: products of 128 bits.
 *
 * wasm multiplies 64 bits to 64.  What needs the upper half too, which is all of
 * arithmetic with large numbers, comes as four products of 32-bit halves, as
 * the compiler's library has it:
 *
 *   low   = lo(a) * lo(b)
 *   x     = (low >> 32) + lo(a) * hi(b)
 *   y     = lo(x) + hi(a) * lo(b)
 *   upper = hi(a) * hi(b) + (x >> 32) + (y >> 32)
 *   lower = y << 32 | lo(low)
 *
 * with a and b in either order.  None of these sums overflows, so that they are
 * equal to the two halves of one product, which every machine has.  The sum may
 * have further terms.
 */
#include <llvm-c/DebugInfo.h>

#include "lower_flow.h"

enum { MAX_LEAVES = 16 };

struct wide {
	LLVMContextRef ctx;
	LLVMBuilderRef b;
	LLVMTypeRef i64, i128;
};

/* What is multiplied, and the values it goes by. */
struct product {
	LLVMValueRef a, b, low, x, y;
};

static bool
is_op(LLVMValueRef v, LLVMOpcode op)
{
	return LLVMIsAInstruction(v) &&
	    LLVMGetInstructionOpcode(v) == op;
}

static bool
is_number(LLVMValueRef v, uint64_t n)
{
	return LLVMIsAConstantInt(v) && LLVMConstIntGetZExtValue(v) == n;
}

/* a, if v is its lower half, zero-extended; else NULL. */
static LLVMValueRef
lower_of(LLVMValueRef v)
{
	return is_op(v, LLVMAnd) &&
	    is_number(LLVMGetOperand(v, 1), UINT32_MAX) ?
	    LLVMGetOperand(v, 0) : NULL;
}

static LLVMValueRef
upper_of(LLVMValueRef v)
{
	return is_op(v, LLVMLShr) && is_number(LLVMGetOperand(v, 1), 32) ?
	    LLVMGetOperand(v, 0) : NULL;
}

/* Is v the product of these halves? */
static bool
is_product(LLVMValueRef v, LLVMValueRef (*f)(LLVMValueRef), LLVMValueRef a,
    LLVMValueRef (*g)(LLVMValueRef), LLVMValueRef b)
{
	LLVMValueRef p, q;

	if (!is_op(v, LLVMMul))
		return false;
	p = LLVMGetOperand(v, 0);
	q = LLVMGetOperand(v, 1);
	return (f(p) == a && g(q) == b) || (f(q) == a && g(p) == b);
}

/* Of a sum of two, one that is a product; the other in *rest. */
static LLVMValueRef
product_in(LLVMValueRef sum, LLVMValueRef *rest)
{
	for (unsigned k = 0; is_op(sum, LLVMAdd) && k < 2; k++)
		if (is_op(LLVMGetOperand(sum, k), LLVMMul)) {
			*rest = LLVMGetOperand(sum, 1 - k);
			return LLVMGetOperand(sum, k);
		}
	return NULL;
}

static bool
find_factors(struct product *p, LLVMValueRef cross_x, LLVMValueRef cross_y)
{
	for (unsigned k = 0; k < 2; k++) {
		p->a = lower_of(LLVMGetOperand(p->low, k));
		p->b = lower_of(LLVMGetOperand(p->low, 1 - k));
		if (p->a && p->b &&
		    is_product(cross_x, lower_of, p->a, upper_of, p->b) &&
		    is_product(cross_y, upper_of, p->a, lower_of, p->b))
			return true;
	}
	return false;
}

/* Is y what the names above say? */
static bool
find_product(LLVMValueRef y, struct product *p)
{
	LLVMValueRef rest, cross_x, cross_y = product_in(y, &rest);

	p->y = y;
	if (!cross_y || !(p->x = lower_of(rest)))
		return false;
	cross_x = product_in(p->x, &rest);
	if (!cross_x || !(p->low = upper_of(rest)) ||
	    !is_op(p->low, LLVMMul))
		return false;
	return find_factors(p, cross_x, cross_y);
}

/* ---- In place of it ---- */

static LLVMValueRef
wide_product(struct wide *w, const struct product *p, LLVMValueRef before)
{
	LLVMPositionBuilderBefore(w->b, before);
	LLVMSetCurrentDebugLocation2(w->b, LLVMInstructionGetDebugLoc(before));
	return LLVMBuildMul(w->b, LLVMBuildZExt(w->b, p->a, w->i128, ""),
	    LLVMBuildZExt(w->b, p->b, w->i128, ""), "");
}

static LLVMValueRef
wide_upper(struct wide *w, const struct product *p, LLVMValueRef before)
{
	LLVMValueRef v = LLVMBuildLShr(w->b, wide_product(w, p, before),
	    LLVMConstInt(w->i128, 64, 0), "");

	return LLVMBuildTrunc(w->b, v, w->i64, "");
}

/* lower: an or of what y and low make. */
static void
replace_lower(struct wide *w, LLVMValueRef i)
{
	for (unsigned k = 0; k < 2; k++) {
		LLVMValueRef shl = LLVMGetOperand(i, k), low;
		struct product p;

		low = lower_of(LLVMGetOperand(i, 1 - k));
		if (!low || !is_op(shl, LLVMShl) ||
		    !is_number(LLVMGetOperand(shl, 1), 32) ||
		    !find_product(LLVMGetOperand(shl, 0), &p) || p.low != low)
			continue;
		LLVMReplaceAllUsesWith(i, LLVMBuildTrunc(w->b,
		    wide_product(w, &p, i), w->i64, ""));
		return;
	}
}

/* The terms of a sum, as far as sums in it are used for it alone. */
static bool
find_leaves(LLVMValueRef v, LLVMValueRef *leaves, unsigned *n, bool top)
{
	LLVMUseRef u = LLVMGetFirstUse(v);

	if (is_op(v, LLVMAdd) && (top || (u && !LLVMGetNextUse(u))))
		return find_leaves(LLVMGetOperand(v, 0), leaves, n, false) &&
		    find_leaves(LLVMGetOperand(v, 1), leaves, n, false);
	if (*n == MAX_LEAVES)
		return false;
	leaves[(*n)++] = v;
	return true;
}

static unsigned
find_upper_of(LLVMValueRef *leaves, unsigned n, LLVMValueRef x)
{
	unsigned k = 0;

	while (k < n && !(leaves[k] && upper_of(leaves[k]) == x))
		k++;
	return k;
}

static unsigned
find_uppers(LLVMValueRef *leaves, unsigned n, const struct product *p)
{
	unsigned k = 0;

	while (k < n && !(leaves[k] && is_product(leaves[k], upper_of, p->a,
	    upper_of, p->b)))
		k++;
	return k;
}

/* upper: a sum with the three terms among others. */
static void
replace_upper(struct wide *w, LLVMValueRef sum)
{
	LLVMValueRef leaves[MAX_LEAVES], v = NULL;
	struct product p;
	unsigned n = 0, kx, ky, kab;

	if (!find_leaves(sum, leaves, &n, true))
		return;
	for (ky = 0; ky < n; ky++) {
		LLVMValueRef y = upper_of(leaves[ky]);

		if (!y || !find_product(y, &p))
			continue;
		kx = find_upper_of(leaves, n, p.x);
		kab = find_uppers(leaves, n, &p);
		if (kx < n && kab < n && kx != ky)
			break;
	}
	if (ky == n)
		return;
	leaves[kx] = leaves[ky] = leaves[kab] = NULL;
	v = wide_upper(w, &p, sum);
	for (unsigned k = 0; k < n; k++)
		if (leaves[k])
			v = LLVMBuildAdd(w->b, v, leaves[k], "");
	LLVMReplaceAllUsesWith(sum, v);
}

/* Is the sum a term of another one, which will be looked at? */
static bool
is_term(LLVMValueRef sum)
{
	LLVMUseRef u = LLVMGetFirstUse(sum);

	return u && !LLVMGetNextUse(u) && is_op(LLVMGetUser(u), LLVMAdd);
}

void
lower_wide(LLVMModuleRef mod)
{
	LLVMContextRef ctx = LLVMGetModuleContext(mod);
	struct wide w = { .ctx = ctx, .b = LLVMCreateBuilderInContext(ctx),
	    .i64 = LLVMInt64TypeInContext(ctx),
	    .i128 = LLVMInt128TypeInContext(ctx) };
	LLVMValueRef fn, i;
	LLVMBasicBlockRef b;

	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		for (b = LLVMGetFirstBasicBlock(fn); b;
		    b = LLVMGetNextBasicBlock(b))
			for (i = LLVMGetFirstInstruction(b); i;
			    i = LLVMGetNextInstruction(i)) {
				if (LLVMTypeOf(i) != w.i64)
					continue;
				if (is_op(i, LLVMOr))
					replace_lower(&w, i);
				else if (is_op(i, LLVMAdd) && !is_term(i))
					replace_upper(&w, i);
			}
	LLVMDisposeBuilder(w.b);
}
