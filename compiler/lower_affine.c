/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_affine.c: numbers that grow by a constant with each iteration of a
 * loop, and how many iterations it has.
 *
 * A value is taken apart down to the loop's phis and to what does not change
 * in it, and made anew in front of the loop as start + step * k, k being the
 * number of the iteration.  What must hold for that, that a number of 32 bits
 * does not wrap before it is extended for one, becomes a condition there.
 */
#include "lower_loop.h"

/* ---- Numbers that grow by a constant ---- */

unsigned
affine_width(LLVMValueRef v)
{
	LLVMTypeRef t = LLVMTypeOf(v);

	return LLVMGetTypeKind(t) == LLVMIntegerTypeKind ?
	    LLVMGetIntTypeWidth(t) : 0;
}

void
affine_require(struct loops *s, LLVMValueRef cond)
{
	s->ok = s->ok ? LLVMBuildAnd(s->b, s->ok, cond, "") : cond;
}

LLVMValueRef
affine_int64(const struct loops *s, int64_t x)
{
	return LLVMConstInt(s->i64, (uint64_t)x, 1);
}

LLVMValueRef
affine_way(struct loops *s, int64_t step)
{
	return LLVMBuildMul(s->b, s->n, affine_int64(s, step), "");
}

/* op(x, y), or op(x) as a t if y is NULL: the same again for the same, so that
 * equal starts are one value. */
static LLVMValueRef
affine_build(struct loops *s, LLVMOpcode op, LLVMValueRef x, LLVMValueRef y,
    LLVMTypeRef t)
{
	LLVMValueRef v;

	for (uint32_t i = 0; i < s->nmade; i++)
		if (s->made[i].op == op && s->made[i].x == x &&
		    s->made[i].y == y)
			return s->made[i].value;
	v = y ? LLVMBuildBinOp(s->b, op, x, y, "") :
	    LLVMBuildCast(s->b, op, x, t, "");
	if (s->nmade < MAX_MADE)
		s->made[s->nmade++] = (struct made){ op, x, y, v };
	return v;
}

static bool
is_zero(LLVMValueRef v)
{
	return LLVMIsAConstantInt(v) && LLVMIsNull(v);
}

static bool
is_small(LLVMValueRef constant)
{
	int64_t c = LLVMConstIntGetSExtValue(constant);

	return c <= MAX_PLUS && c >= -MAX_PLUS;
}

/* start + plus. */
static LLVMValueRef
affine_first(struct loops *s, const struct affine *x)
{
	LLVMValueRef plus = LLVMConstInt(LLVMTypeOf(x->start),
	    (uint64_t)x->plus, 1);

	return x->plus ? affine_build(s, LLVMAdd, x->start, plus, NULL) :
	    x->start;
}

/* x | c is x + c where the bits of c are clear in x.  LLVM knows that of few:
 * not of C's stack pointer, whose low bits are clear, of which C compilers make
 * such sums.  That is checked, where there is a check already. */
static void
affine_clear(struct loops *s, LLVMValueRef x, LLVMValueRef c)
{
	affine_require(s, LLVMBuildIsNull(s->b, LLVMBuildAnd(s->b, x, c, ""),
	    ""));
}

/* x + c, or x | c that is as much. */
static bool
affine_is_sum(struct loops *s, LLVMValueRef v, LLVMValueRef c)
{
	LLVMOpcode op = LLVMGetInstructionOpcode(v);

	if (!LLVMIsAConstantInt(c) || !is_small(c))
		return false;
	if (op == LLVMAdd || (op == LLVMOr && LLVMGetIsDisjoint(v)))
		return true;
	if (op != LLVMOr || !s->check ||
	    LLVMConstIntGetZExtValue(c) > LOW_BITS)
		return false;
	affine_clear(s, LLVMGetOperand(v, 0), c);
	return true;
}

/* What does not change in the loop, constants at its end apart. */
static struct affine
affine_fixed(struct loops *s, LLVMValueRef v)
{
	struct affine out = { v, 0, 0 };
	bool narrow = affine_width(v) == 32;

	while (LLVMIsABinaryOperator(out.start)) {
		LLVMValueRef c = LLVMGetOperand(out.start, 1);

		if (!affine_is_sum(s, out.start, c))
			break;
		out.plus += LLVMConstIntGetSExtValue(c);
		if (out.plus > MAX_PLUS || out.plus < -MAX_PLUS)
			return (struct affine){ v, 0, 0 };
		out.start = LLVMGetOperand(out.start, 0);
	}
	if (LLVMIsAConstantInt(out.start) && is_small(out.start)) {
		out.plus += LLVMConstIntGetSExtValue(out.start);
		out.start = LLVMConstNull(LLVMTypeOf(v));
	}
	if (narrow)
		out.plus = (int32_t)out.plus;
	return out;
}

/* The header's phi of the form x = start; x += step. */
static bool
affine_phi(struct loops *s, LLVMValueRef phi, struct affine *out)
{
	LLVMBasicBlockRef latch = s->flow.blocks[s->latch];
	LLVMValueRef next = NULL, first = NULL;

	if (LLVMGetInstructionParent(phi) != s->flow.blocks[s->header])
		return false;
	for (unsigned i = 0; i < LLVMCountIncoming(phi); i++) {
		LLVMValueRef v = LLVMGetIncomingValue(phi, i);

		if (LLVMGetIncomingBlock(phi, i) == latch)
			next = v;
		else
			first = v;
	}
	if (!next || !first || !LLVMIsABinaryOperator(next) ||
	    LLVMGetInstructionOpcode(next) != LLVMAdd ||
	    LLVMGetOperand(next, 0) != phi ||
	    !LLVMIsAConstantInt(LLVMGetOperand(next, 1)))
		return false;
	*out = affine_fixed(s, first);
	out->step = LLVMConstIntGetSExtValue(LLVMGetOperand(next, 1));
	return true;
}

/* The first extension of a start is built, as start + plus extended; others of
 * the same start are that and a distance, if there is no wrap between. */
static void
affine_anchored(struct loops *s, const struct affine *a, bool is_signed,
    struct affine *out)
{
	LLVMOpcode op = is_signed ? LLVMSExt : LLVMZExt;
	struct anchor *k = s->anchors, *end = k + s->nanchors;

	while (k < end && (k->start != a->start || k->is_signed != is_signed))
		k++;
	*out = (struct affine){ NULL, 0, a->step };
	if (k < end) {
		out->start = k->extended;
		out->plus = (int32_t)((uint32_t)a->plus - (uint32_t)k->plus);
		return;
	}
	out->start = affine_build(s, op, affine_first(s, a), NULL, s->i64);
	if (s->nanchors < MAX_ANCHORS)
		*k = (struct anchor){ a->start, out->start, a->plus,
		    is_signed };
	s->nanchors += s->nanchors < MAX_ANCHORS;
}

/* What was extended to x is in the range of its type at iteration k, where x
 * is at `at`. */
static void
affine_in_range(struct loops *s, LLVMValueRef at, bool is_signed)
{
	if (is_signed)
		at = LLVMBuildAdd(s->b, at, affine_int64(s, 1ll << 31), "");
	affine_require(s, LLVMBuildICmp(s->b, LLVMIntULT, at,
	    affine_int64(s, 1ll << 32), ""));
}

/* a, of 32 bits, extended to 64: also step by step, if it does not wrap. */
static bool
affine_extended(struct loops *s, const struct affine *a, bool is_signed,
    struct affine *out)
{
	LLVMValueRef first;

	if (a->step != 0 && !s->n)
		return false;		/* counting the iterations */
	affine_anchored(s, a, is_signed, out);
	first = affine_first(s, out);
	if (out->plus != 0)
		affine_in_range(s, first, is_signed);
	if (a->step != 0)
		affine_in_range(s, LLVMBuildAdd(s->b, first,
		    affine_way(s, a->step), ""), is_signed);
	return true;
}

static bool
affine_extend(struct loops *s, LLVMValueRef x, bool is_signed,
    struct affine *out, unsigned depth)
{
	struct affine a;

	return affine_width(x) == 32 && affine_of(s, x, &a, depth) &&
	    affine_extended(s, &a, is_signed, out);
}

static bool
affine_sum(struct loops *s, LLVMValueRef v, bool minus, struct affine *out,
    unsigned depth)
{
	struct affine x, y;

	if (!affine_of(s, LLVMGetOperand(v, 0), &x, depth) ||
	    !affine_of(s, LLVMGetOperand(v, 1), &y, depth))
		return false;
	if (is_zero(y.start))
		out->start = x.start;
	else if (is_zero(x.start) && !minus)
		out->start = y.start;
	else
		out->start = affine_build(s, minus ? LLVMSub : LLVMAdd,
		    x.start, y.start, NULL);
	out->plus = minus ? x.plus - y.plus : x.plus + y.plus;
	out->step = minus ? x.step - y.step : x.step + y.step;
	return true;
}

/* factor * x, the factor being operand 1 or, for a shift, 2 to it. */
static bool
affine_product(struct loops *s, LLVMValueRef v, bool shift,
    struct affine *out, unsigned depth)
{
	LLVMValueRef y = LLVMGetOperand(v, 1);
	int64_t factor;
	struct affine x;

	if (!LLVMIsAConstantInt(y) ||
	    !affine_of(s, LLVMGetOperand(v, 0), &x, depth))
		return false;
	factor = LLVMConstIntGetSExtValue(y);
	if (shift) {
		if (factor < 0 || factor > 20)
			return false;
		factor = 1ll << factor;
	}
	if (factor > MAX_STEP || factor < -MAX_STEP)
		return false;
	out->start = is_zero(x.start) ? x.start : affine_build(s, LLVMMul,
	    x.start, LLVMConstInt(LLVMTypeOf(x.start), (uint64_t)factor, 1),
	    NULL);
	out->plus = x.plus * factor;
	out->step = x.step * factor;
	return true;
}

static void
affine_truncated(struct loops *s, const struct affine *x, struct affine *out)
{
	out->start = is_zero(x->start) ? LLVMConstNull(s->i32) :
	    affine_build(s, LLVMTrunc, x->start, NULL, s->i32);
	out->plus = (int32_t)x->plus;
	out->step = x->step;
}

/* x & mask that is zext(trunc(x)): LLVM leaves low bits out of the mask where
 * it knows them to be 0, which is checked.  out is the number of 32 bits. */
static bool
affine_low(struct loops *s, LLVMValueRef v, struct affine *out,
    unsigned depth)
{
	LLVMValueRef mask, low;
	uint64_t clear;
	struct affine x;

	if (affine_width(v) != 64 || !LLVMIsABinaryOperator(v) ||
	    LLVMGetInstructionOpcode(v) != LLVMAnd ||
	    !LLVMIsAConstantInt(mask = LLVMGetOperand(v, 1)))
		return false;
	clear = LLVMConstIntGetZExtValue(mask) ^ UINT32_MAX;
	if (clear > 0xffff || (clear & (clear + 1)) != 0 ||
	    !affine_of(s, LLVMGetOperand(v, 0), &x, depth) ||
	    (x.step & (int64_t)clear) != 0)
		return false;
	if (clear) {
		low = LLVMBuildAnd(s->b, affine_first(s, &x),
		    affine_int64(s, (int64_t)clear), "");
		affine_require(s, LLVMBuildIsNull(s->b, low, ""));
	}
	affine_truncated(s, &x, out);
	return true;
}

static bool
affine_insn(struct loops *s, LLVMValueRef v, struct affine *out,
    unsigned depth)
{
	struct affine x;

	switch (LLVMGetInstructionOpcode(v)) {
	case LLVMPHI:
		return affine_phi(s, v, out);
	case LLVMOr:
		return LLVMGetIsDisjoint(v) &&
		    affine_sum(s, v, false, out, depth);
	case LLVMAdd:
		return affine_sum(s, v, false, out, depth);
	case LLVMSub:
		return affine_sum(s, v, true, out, depth);
	case LLVMMul:
		return affine_product(s, v, false, out, depth);
	case LLVMShl:
		return affine_product(s, v, true, out, depth);
	case LLVMZExt:
		return affine_extend(s, LLVMGetOperand(v, 0), false, out,
		    depth);
	case LLVMSExt:
		return affine_extend(s, LLVMGetOperand(v, 0), true, out,
		    depth);
	case LLVMAnd:
		return affine_low(s, v, &x, depth) &&
		    affine_extended(s, &x, false, out);
	case LLVMTrunc:
		if (affine_width(v) != 32 ||
		    !affine_of(s, LLVMGetOperand(v, 0), &x, depth))
			return false;
		affine_truncated(s, &x, out);
		return true;
	default:
		return false;
	}
}

bool
affine_of(struct loops *s, LLVMValueRef v, struct affine *out, unsigned depth)
{
	unsigned width = affine_width(v);

	if (width != 32 && width != 64)
		return false;
	if (loop_is_invariant(s, v)) {
		*out = affine_fixed(s, v);
		return true;
	}
	if (depth == 0 || !affine_insn(s, v, out, depth - 1) ||
	    out->step > MAX_STEP || out->step < -MAX_STEP)
		return false;
	if (width == 32)
		out->plus = (int32_t)out->plus;
	return out->plus <= MAX_PLUS && out->plus >= -MAX_PLUS;
}

/* v, of 64 bits, as what is added to a memory's base.  If it was extended from
 * 32 bits, *wraps says that nothing was required for that: each value must be
 * found to lie in [0, 2^32). */
bool
affine_index(struct loops *s, LLVMValueRef v, struct affine *out, bool *wraps)
{
	LLVMValueRef from = LLVMIsAZExtInst(v) ? LLVMGetOperand(v, 0) : NULL;
	struct affine x;

	*wraps = true;
	if (from ? affine_width(from) == 32 &&
	    affine_of(s, from, &x, AFFINE_DEPTH) :
	    affine_low(s, v, &x, AFFINE_DEPTH)) {
		affine_anchored(s, &x, false, out);
		return true;
	}
	*wraps = false;
	return affine_of(s, v, out, AFFINE_DEPTH);
}

/* ---- How many iterations ---- */

/* The loop goes on while x != end: n is the distance by the step, which must
 * divide it.  Modulo 2^width, so also where x wraps. */
static bool
count_unequal(struct loops *s, const struct affine *x, LLVMValueRef end)
{
	LLVMValueRef first = affine_first(s, x);
	uint64_t by = (uint64_t)(x->step < 0 ? -x->step : x->step);
	LLVMValueRef d = x->step > 0 ? LLVMBuildSub(s->b, end, first, "") :
	    LLVMBuildSub(s->b, first, end, "");
	LLVMValueRef c = LLVMConstInt(LLVMTypeOf(d), by, 0);

	if (by > 1)
		affine_require(s, LLVMBuildIsNull(s->b,
		    LLVMBuildURem(s->b, d, c, ""), ""));
	d = LLVMBuildUDiv(s->b, d, c, "");
	s->n = affine_width(d) == 32 ? LLVMBuildZExt(s->b, d, s->i64, "") : d;
	return true;
}

/* The loop goes on while x < end, or <= end, x growing; or downward.  Numbers
 * of 32 bits, compared as such of 64; x must not wrap before the end. */
static bool
count_ordered(struct loops *s, const struct affine *x, LLVMValueRef end,
    bool is_signed, bool or_equal)
{
	int64_t by = x->step < 0 ? -x->step : x->step;
	LLVMValueRef first = affine_first(s, x), a, e, d, last;

	if (affine_width(end) != 32)
		return false;
	a = is_signed ? LLVMBuildSExt(s->b, first, s->i64, "") :
	    LLVMBuildZExt(s->b, first, s->i64, "");
	e = is_signed ? LLVMBuildSExt(s->b, end, s->i64, "") :
	    LLVMBuildZExt(s->b, end, s->i64, "");
	d = x->step > 0 ? LLVMBuildSub(s->b, e, a, "") :
	    LLVMBuildSub(s->b, a, e, "");
	d = LLVMBuildAdd(s->b, d, affine_int64(s, by - 1 + or_equal), "");
	/* A distance of no iterations more is left to the loop as it was. */
	affine_require(s, LLVMBuildICmp(s->b, LLVMIntSGT, d, affine_int64(s, 0), ""));
	s->n = LLVMBuildUDiv(s->b, d, affine_int64(s, by), "");
	last = LLVMBuildAdd(s->b, a, affine_way(s, x->step), "");
	if (is_signed)
		last = LLVMBuildAdd(s->b, last, affine_int64(s, 1ll << 31), "");
	affine_require(s, LLVMBuildICmp(s->b, LLVMIntULT, last,
	    affine_int64(s, 1ll << 32), ""));
	return true;
}

static LLVMIntPredicate
inverse(LLVMIntPredicate p)
{
	switch (p) {
	case LLVMIntEQ: return LLVMIntNE;
	case LLVMIntNE: return LLVMIntEQ;
	case LLVMIntUGT: return LLVMIntULE;
	case LLVMIntUGE: return LLVMIntULT;
	case LLVMIntULT: return LLVMIntUGE;
	case LLVMIntULE: return LLVMIntUGT;
	case LLVMIntSGT: return LLVMIntSLE;
	case LLVMIntSGE: return LLVMIntSLT;
	case LLVMIntSLT: return LLVMIntSGE;
	default: return LLVMIntSGT;
	}
}

/* Of the operands the other way round. */
static LLVMIntPredicate
swapped(LLVMIntPredicate p)
{
	switch (p) {
	case LLVMIntUGT: return LLVMIntULT;
	case LLVMIntUGE: return LLVMIntULE;
	case LLVMIntULT: return LLVMIntUGT;
	case LLVMIntULE: return LLVMIntUGE;
	case LLVMIntSGT: return LLVMIntSLT;
	case LLVMIntSGE: return LLVMIntSLE;
	case LLVMIntSLT: return LLVMIntSGT;
	case LLVMIntSLE: return LLVMIntSGE;
	default: return p;
	}
}

static bool
count_by(struct loops *s, LLVMIntPredicate p, const struct affine *x,
    LLVMValueRef end)
{
	bool up = x->step > 0;

	switch (p) {
	case LLVMIntNE:
		return count_unequal(s, x, end);
	case LLVMIntULT: case LLVMIntULE:
		return up && count_ordered(s, x, end, false,
		    p == LLVMIntULE);
	case LLVMIntSLT: case LLVMIntSLE:
		return up && count_ordered(s, x, end, true, p == LLVMIntSLE);
	case LLVMIntUGT: case LLVMIntUGE:
		return !up && count_ordered(s, x, end, false,
		    p == LLVMIntUGE);
	case LLVMIntSGT: case LLVMIntSGE:
		return !up && count_ordered(s, x, end, true,
		    p == LLVMIntSGE);
	default:
		return false;
	}
}

static bool
is_signed(LLVMIntPredicate p)
{
	return p == LLVMIntSGT || p == LLVMIntSGE || p == LLVMIntSLT ||
	    p == LLVMIntSLE;
}

/* A number of 32 bits extended to 64 counts as what it was, if the other side
 * of the comparison, a constant, is one too. */
static bool
count_low(struct loops *s, LLVMIntPredicate p, LLVMValueRef v,
    LLVMValueRef end)
{
	bool zext = LLVMIsAZExtInst(v);
	struct affine x;

	if (is_signed(p) || !LLVMIsAConstantInt(end) || affine_width(v) != 64 ||
	    LLVMConstIntGetZExtValue(end) > UINT32_MAX)
		return false;
	if (zext ? affine_width(LLVMGetOperand(v, 0)) != 32 ||
	    !affine_of(s, LLVMGetOperand(v, 0), &x, AFFINE_DEPTH) :
	    !affine_low(s, v, &x, AFFINE_DEPTH))
		return false;
	return x.step != 0 && count_by(s, p, &x, LLVMConstInt(s->i32,
	    LLVMConstIntGetZExtValue(end), 0));
}

/* s->n, from the latch's condition: what changes there on its left. */
bool
affine_count(struct loops *s)
{
	LLVMValueRef t = LLVMGetBasicBlockTerminator(
	    s->flow.blocks[s->latch]);
	LLVMValueRef cond = LLVMGetCondition(t), a, b;
	LLVMIntPredicate p;
	struct affine x;

	if (!LLVMIsAICmpInst(cond) || loop_is_invariant(s, cond))
		return false;
	p = LLVMGetICmpPredicate(cond);
	if (LLVMGetSuccessor(t, 0) == s->exit)
		p = inverse(p);
	a = LLVMGetOperand(cond, 0);
	b = LLVMGetOperand(cond, 1);
	if (loop_is_invariant(s, a)) {
		LLVMValueRef was = a;

		p = swapped(p);
		a = b;
		b = was;
	}
	if (!loop_is_invariant(s, b))
		return false;
	if (affine_of(s, a, &x, AFFINE_DEPTH) && x.step != 0)
		return count_by(s, p, &x, b);
	return count_low(s, p, a, b);
}
