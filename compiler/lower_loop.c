/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_loop.c: loops that store, once more without traps.
 *
 * A loop that stores cannot be vectorised as it is: a vector that crosses the
 * end of memory would trap before those elements are stored that lie before
 * the end, and what the iterations after it load would be loaded before.  So
 * an innermost loop whose number of iterations is known when it begins, and
 * whose addresses grow by a constant with each, is copied:
 *
 *	n = iterations - 1
 *	if (n is large enough and every access of every iteration lies inside
 *	    its memory, and no 32-bit index wraps on the way)
 *		the copy
 *	else
 *		the loop as it was
 *
 * No access of the copy can trap, as memories do not shrink.  LLVM may do
 * with it what it likes, and its addresses are sums of 64 bits.  The loop as it
 * was keeps every trap in its place; it is also the one that runs for a few
 * iterations, where the checks and a vector's epilogue would not pay.
 *
 * The check of an access of s bytes at base + start + step * k + c, k = 0..n:
 * start is at most 2^33 and step * n below 2^54, so that sums of 64 bits are
 * exact, and
 *
 *	step >= 0	start + c >= 0,  start + step * n + c + s <= bytes
 *	step < 0	start + step * n + c >= 0,  start + c + s <= bytes
 *
 * Where start + step * k is zext(x), x a 32-bit number that grows by step, x
 * does not wrap if 0 <= zext(x at 0) + step * n < 2^32, being monotonous.
 *
 * What it takes for granted: loops are simplified and closed (LCSSA).
 */
#include <stdlib.h>
#include <string.h>

#include <llvm-c/DebugInfo.h>

#include "lower_flow.h"

enum {
	MAX_BLOCKS = 24,
	MAX_INSTRUCTIONS = 200,
	MAX_ACCESSES = 40,
	MAX_STEP = 1 << 20,
	MIN_ITERATIONS = 16,
	DEPTH = 12,
};

/* In iteration k: start + step * k, modulo the type's width. */
struct affine {
	LLVMValueRef start;
	int64_t step;
};

struct access {
	LLVMValueRef insn, base;
	struct affine at;		/* 64 bits, without the constant */
	int64_t constant;
	uint64_t size;
	uint32_t mem;
};

struct loops {
	const struct plan *plan;
	LLVMModuleRef mod;
	LLVMTargetDataRef td;
	LLVMContextRef ctx;
	LLVMTypeRef i8, i32, i64, ptr;
	LLVMBuilderRef b;		/* in front of the loop */
	unsigned md_loop;
	struct flow flow;
	bool *is_header;

	/* The loop at hand. */
	uint32_t header, latch, preheader;
	LLVMBasicBlockRef exit, check;
	uint32_t blocks[MAX_BLOCKS];	/* ascending: the header first */
	uint32_t nblocks;
	LLVMValueRef ok;		/* all conditions so far */
	LLVMValueRef n;			/* iterations - 1 */
	struct access accesses[MAX_ACCESSES];
	uint32_t naccesses;
	bool stores;
	struct flow_map clones;		/* value -> index in clone */
	LLVMValueRef *clone;
};

/* ---- Shape ---- */

static bool
loop_has(const struct loops *s, uint32_t block)
{
	for (uint32_t i = 0; i < s->nblocks; i++)
		if (s->blocks[i] == block)
			return true;
	return false;
}

static uint32_t
block_of(const struct loops *s, LLVMValueRef insn)
{
	return flow_map_get(&s->flow.index, LLVMGetInstructionParent(insn));
}

static bool
is_invariant(const struct loops *s, LLVMValueRef v)
{
	return !LLVMIsAInstruction(v) || !loop_has(s, block_of(s, v));
}

/* One edge back to the header and one into it, from a block of its own. */
static bool
loop_ends(struct loops *s, uint32_t header)
{
	const struct flow *f = &s->flow;

	s->header = header;
	s->latch = s->preheader = NO_BLOCK;
	for (uint32_t k = f->pred_first[header];
	    k < f->pred_first[header + 1]; k++) {
		uint32_t p = f->preds[k];
		uint32_t *end = flow_dominates(f, header, p) ? &s->latch :
		    &s->preheader;

		if (*end != NO_BLOCK)
			return false;
		*end = p;
	}
	return s->latch != NO_BLOCK && s->preheader != NO_BLOCK &&
	    LLVMGetNumSuccessors(LLVMGetBasicBlockTerminator(
	    f->blocks[s->preheader])) == 1;
}

/* Its blocks: those that reach the latch without passing the header. */
static bool
loop_body(struct loops *s)
{
	const struct flow *f = &s->flow;

	s->nblocks = 0;
	s->blocks[s->nblocks++] = s->header;
	if (s->latch != s->header)
		s->blocks[s->nblocks++] = s->latch;
	for (uint32_t i = 1; i < s->nblocks; i++) {
		uint32_t b = s->blocks[i];

		if (s->is_header[b])
			return false;		/* not innermost */
		for (uint32_t k = f->pred_first[b]; k < f->pred_first[b + 1];
		    k++) {
			if (loop_has(s, f->preds[k]))
				continue;
			if (s->nblocks == MAX_BLOCKS)
				return false;
			s->blocks[s->nblocks++] = f->preds[k];
		}
	}
	return true;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* It is left at the latch alone, by a conditional branch. */
static bool
loop_exit(struct loops *s)
{
	s->exit = NULL;
	qsort(s->blocks, s->nblocks, sizeof *s->blocks, by_number);
	for (uint32_t i = 0; i < s->nblocks; i++) {
		LLVMValueRef t = LLVMGetBasicBlockTerminator(
		    s->flow.blocks[s->blocks[i]]);

		if (!LLVMIsABranchInst(t) && !LLVMIsASwitchInst(t))
			return false;
		for (unsigned k = 0; k < LLVMGetNumSuccessors(t); k++) {
			LLVMBasicBlockRef to = LLVMGetSuccessor(t, k);

			if (loop_has(s, flow_map_get(&s->flow.index, to)))
				continue;
			if (s->blocks[i] != s->latch || s->exit)
				return false;
			s->exit = to;
		}
	}
	return s->exit && LLVMIsABranchInst(LLVMGetBasicBlockTerminator(
	    s->flow.blocks[s->latch]));
}

/* ---- Numbers that grow by a constant ---- */

static unsigned
width_of(LLVMValueRef v)
{
	LLVMTypeRef t = LLVMTypeOf(v);

	return LLVMGetTypeKind(t) == LLVMIntegerTypeKind ?
	    LLVMGetIntTypeWidth(t) : 0;
}

static void
require(struct loops *s, LLVMValueRef cond)
{
	s->ok = s->ok ? LLVMBuildAnd(s->b, s->ok, cond, "") : cond;
}

static LLVMValueRef
int64_of(const struct loops *s, int64_t x)
{
	return LLVMConstInt(s->i64, (uint64_t)x, 1);
}

/* step * n, exact for what the checks let pass. */
static LLVMValueRef
way(struct loops *s, int64_t step)
{
	return LLVMBuildMul(s->b, s->n, int64_of(s, step), "");
}

static bool affine_of(struct loops *, LLVMValueRef, struct affine *,
    unsigned depth);

/* The header's phi of the form x = start; x += step. */
static bool
affine_phi(struct loops *s, LLVMValueRef phi, struct affine *out)
{
	LLVMBasicBlockRef latch = s->flow.blocks[s->latch];
	LLVMValueRef next = NULL;

	if (LLVMGetInstructionParent(phi) != s->flow.blocks[s->header])
		return false;
	for (unsigned i = 0; i < LLVMCountIncoming(phi); i++) {
		LLVMValueRef v = LLVMGetIncomingValue(phi, i);

		if (LLVMGetIncomingBlock(phi, i) == latch)
			next = v;
		else
			out->start = v;
	}
	if (!next || !LLVMIsABinaryOperator(next) ||
	    LLVMGetInstructionOpcode(next) != LLVMAdd ||
	    LLVMGetOperand(next, 0) != phi ||
	    !LLVMIsAConstantInt(LLVMGetOperand(next, 1)))
		return false;
	out->step = LLVMConstIntGetSExtValue(LLVMGetOperand(next, 1));
	return true;
}

/* x extended to 64 bits: also step by step, if it does not wrap. */
static bool
affine_extend(struct loops *s, LLVMValueRef x, bool is_signed,
    struct affine *out, unsigned depth)
{
	struct affine a;
	LLVMValueRef end;

	if (width_of(x) != 32 || !affine_of(s, x, &a, depth))
		return false;
	out->step = a.step;
	out->start = is_signed ? LLVMBuildSExt(s->b, a.start, s->i64, "") :
	    LLVMBuildZExt(s->b, a.start, s->i64, "");
	if (a.step == 0)
		return true;
	if (!s->n)
		return false;		/* counting the iterations */
	end = LLVMBuildAdd(s->b, out->start, way(s, a.step), "");
	if (is_signed)
		end = LLVMBuildAdd(s->b, end, int64_of(s, 1ll << 31), "");
	require(s, LLVMBuildICmp(s->b, LLVMIntULT, end,
	    int64_of(s, 1ll << 32), ""));
	return true;
}

static bool
affine_sum(struct loops *s, LLVMValueRef v, bool minus, struct affine *out,
    unsigned depth)
{
	struct affine x, y;

	if (!affine_of(s, LLVMGetOperand(v, 0), &x, depth) ||
	    !affine_of(s, LLVMGetOperand(v, 1), &y, depth))
		return false;
	out->start = minus ? LLVMBuildSub(s->b, x.start, y.start, "") :
	    LLVMBuildAdd(s->b, x.start, y.start, "");
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
	out->start = LLVMBuildMul(s->b, x.start, LLVMConstInt(
	    LLVMTypeOf(x.start), (uint64_t)factor, 1), "");
	out->step = x.step * factor;
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
	case LLVMTrunc:
		if (width_of(v) != 32 ||
		    !affine_of(s, LLVMGetOperand(v, 0), &x, depth))
			return false;
		out->start = LLVMBuildTrunc(s->b, x.start, s->i32, "");
		out->step = x.step;
		return true;
	default:
		return false;
	}
}

/* The value as such a number, its start built in front of the loop. */
static bool
affine_of(struct loops *s, LLVMValueRef v, struct affine *out, unsigned depth)
{
	unsigned width = width_of(v);

	if (width != 32 && width != 64)
		return false;
	if (is_invariant(s, v)) {
		*out = (struct affine){ v, 0 };
		return true;
	}
	return depth > 0 && affine_insn(s, v, out, depth - 1) &&
	    out->step <= MAX_STEP && out->step >= -MAX_STEP;
}

/* ---- How many iterations ---- */

/* The loop goes on while x != end: n is the distance by the step, which must
 * divide it.  Modulo 2^width, so also where x wraps. */
static bool
count_unequal(struct loops *s, const struct affine *x, LLVMValueRef end)
{
	uint64_t by = (uint64_t)(x->step < 0 ? -x->step : x->step);
	LLVMValueRef d = x->step > 0 ? LLVMBuildSub(s->b, end, x->start, "") :
	    LLVMBuildSub(s->b, x->start, end, "");
	LLVMValueRef c = LLVMConstInt(LLVMTypeOf(d), by, 0);

	if (by > 1)
		require(s, LLVMBuildIsNull(s->b,
		    LLVMBuildURem(s->b, d, c, ""), ""));
	d = LLVMBuildUDiv(s->b, d, c, "");
	s->n = width_of(d) == 32 ? LLVMBuildZExt(s->b, d, s->i64, "") : d;
	return true;
}

/* The loop goes on while x < end, or <= end, x growing; or downward.  Numbers
 * of 32 bits, compared as such of 64; x must not wrap before the end. */
static bool
count_ordered(struct loops *s, const struct affine *x, LLVMValueRef end,
    bool is_signed, bool or_equal)
{
	int64_t by = x->step < 0 ? -x->step : x->step;
	LLVMValueRef a, e, d, last;

	if (width_of(end) != 32)
		return false;
	a = is_signed ? LLVMBuildSExt(s->b, x->start, s->i64, "") :
	    LLVMBuildZExt(s->b, x->start, s->i64, "");
	e = is_signed ? LLVMBuildSExt(s->b, end, s->i64, "") :
	    LLVMBuildZExt(s->b, end, s->i64, "");
	d = x->step > 0 ? LLVMBuildSub(s->b, e, a, "") :
	    LLVMBuildSub(s->b, a, e, "");
	d = LLVMBuildAdd(s->b, d, int64_of(s, by - 1 + or_equal), "");
	/* A distance of no iterations more is left to the loop as it was. */
	require(s, LLVMBuildICmp(s->b, LLVMIntSGT, d, int64_of(s, 0), ""));
	s->n = LLVMBuildUDiv(s->b, d, int64_of(s, by), "");
	last = LLVMBuildAdd(s->b, a, way(s, x->step), "");
	if (is_signed)
		last = LLVMBuildAdd(s->b, last, int64_of(s, 1ll << 31), "");
	require(s, LLVMBuildICmp(s->b, LLVMIntULT, last,
	    int64_of(s, 1ll << 32), ""));
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

/* s->n, from the latch's condition. */
static bool
loop_count(struct loops *s)
{
	LLVMValueRef t = LLVMGetBasicBlockTerminator(
	    s->flow.blocks[s->latch]);
	LLVMValueRef cond = LLVMGetCondition(t);
	LLVMIntPredicate p;
	struct affine x, y;

	if (!LLVMIsAICmpInst(cond) || is_invariant(s, cond))
		return false;
	p = LLVMGetICmpPredicate(cond);
	if (LLVMGetSuccessor(t, 0) == s->exit)
		p = inverse(p);
	if (!affine_of(s, LLVMGetOperand(cond, 0), &x, DEPTH) ||
	    !affine_of(s, LLVMGetOperand(cond, 1), &y, DEPTH) ||
	    x.step == 0 || y.step != 0)
		return false;
	return count_by(s, p, &x, y.start);
}

/* ---- What it accesses ---- */

/* Take the pointer apart: base + at + constant. */
static bool
access_pointer(struct loops *s, struct access *a, LLVMValueRef p)
{
	a->at = (struct affine){ int64_of(s, 0), 0 };
	for (; LLVMIsAGetElementPtrInst(p); p = LLVMGetOperand(p, 0)) {
		uint64_t scale = LLVMABISizeOfType(s->td,
		    LLVMGetGEPSourceElementType(p));
		LLVMValueRef i = LLVMGetOperand(p, 1);
		struct affine x;

		if (LLVMGetNumOperands(p) != 2 || scale > 4096 ||
		    width_of(i) != 64)
			return false;
		if (LLVMIsAConstantInt(i)) {
			int64_t c = LLVMConstIntGetSExtValue(i);

			if (c > 1ll << 33 || c < -(1ll << 33))
				return false;
			a->constant += c * (int64_t)scale;
			continue;
		}
		if (!affine_of(s, i, &x, DEPTH))
			return false;
		a->at.step += x.step * (int64_t)scale;
		a->at.start = LLVMBuildAdd(s->b, a->at.start,
		    LLVMBuildMul(s->b, x.start, int64_of(s, (int64_t)scale),
		    ""), "");
	}
	return is_invariant(s, p) && a->at.step <= MAX_STEP &&
	    a->at.step >= -MAX_STEP && a->constant <= 1ll << 33 &&
	    a->constant >= -(1ll << 33);
}

/* Calls of LLVM's functions that touch no memory. */
static bool
is_pure_call(const struct loops *s, LLVMValueRef call)
{
	LLVMValueRef fn = LLVMGetCalledValue(call);
	LLVMAttributeRef a;
	unsigned id;

	if (!LLVMIsAFunction(fn))
		return false;
	id = LLVMGetIntrinsicID(fn);
	if (id == LLVMLookupIntrinsicID("llvm.sideeffect", 15))
		return true;
	a = LLVMGetEnumAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
	    LLVMGetEnumAttributeKindForName("memory", 6));
	return id != 0 && a && LLVMGetEnumAttributeValue(a) == 0;
}

/* A load from vmctx itself, which cannot trap. */
static bool
is_state(const struct loops *s, LLVMValueRef i)
{
	return LLVMIsALoadInst(i) && !LLVMGetVolatile(i) &&
	    LLVMGetOrdering(i) == LLVMAtomicOrderingNotAtomic &&
	    flow_root(LLVMGetOperand(i, 0)) == LLVMGetParam(s->flow.fn, 0) &&
	    is_invariant(s, LLVMGetOperand(i, 0));
}

/* May the instruction be in the loop?  Its access is noted. */
static bool
loop_insn(struct loops *s, LLVMValueRef i)
{
	struct access *a = &s->accesses[s->naccesses];
	struct place p;

	switch (LLVMGetInstructionOpcode(i)) {
	case LLVMCall:
		return is_pure_call(s, i);
	case LLVMLoad: case LLVMStore:
		break;
	case LLVMFence: case LLVMAtomicCmpXchg: case LLVMAtomicRMW:
	case LLVMAlloca: case LLVMInvoke: case LLVMVAArg:
		return false;
	default:
		return true;
	}
	if (!flow_access(s->plan, s->td, i, &p))
		return is_state(s, i);
	if (s->naccesses == MAX_ACCESSES)
		return false;
	*a = (struct access){ .insn = i, .base = p.base, .mem = p.mem,
	    .size = p.size };
	s->naccesses++;
	s->stores |= LLVMIsAStoreInst(i) != NULL;
	return true;
}

static bool
loop_insns(struct loops *s)
{
	uint32_t n = 0;

	s->naccesses = 0;
	s->stores = false;
	for (uint32_t k = 0; k < s->nblocks; k++) {
		LLVMValueRef i = LLVMGetFirstInstruction(
		    s->flow.blocks[s->blocks[k]]);

		for (; i; i = LLVMGetNextInstruction(i))
			if (n++ == MAX_INSTRUCTIONS || !loop_insn(s, i))
				return false;
	}
	return s->stores;
}

/* ---- The check ---- */

/* The memory's size now; it lies behind vmctx's pointer beside the base. */
static LLVMValueRef
memory_bytes(struct loops *s, const struct access *a)
{
	uint64_t at = s->plan->layout.memories + sizeof(struct wabi_memref)
	    * (uint64_t)a->mem + offsetof(struct wabi_memref, mem);
	LLVMValueRef i = int64_of(s, (int64_t)at), p, v;
	unsigned kind = LLVMGetMDKindIDInContext(s->ctx, "invariant.load",
	    14);

	p = LLVMBuildGEP2(s->b, s->i8, LLVMGetParam(s->flow.fn, 0), &i, 1,
	    "");
	p = LLVMBuildLoad2(s->b, s->ptr, p, "");
	LLVMSetMetadata(p, kind, LLVMMetadataAsValue(s->ctx,
	    LLVMMDNodeInContext2(s->ctx, NULL, 0)));
	i = int64_of(s, offsetof(struct wabi_memory, bytes));
	v = LLVMBuildLoad2(s->b, s->i64, LLVMBuildGEP2(s->b, s->i8, p, &i, 1,
	    ""), "");
	if (s->plan->m->memories[a->mem].limits.shared) {
		LLVMSetOrdering(v, LLVMAtomicOrderingMonotonic);
		LLVMSetAlignment(v, 8);
	}
	return v;
}

static void
check_access(struct loops *s, const struct access *a, LLVMValueRef bytes)
{
	LLVMValueRef start = a->at.start;
	LLVMValueRef end = LLVMBuildAdd(s->b, start, way(s, a->at.step), "");
	LLVMValueRef low = a->at.step < 0 ? end : start;
	LLVMValueRef high = a->at.step < 0 ? start : end;

	require(s, LLVMBuildICmp(s->b, LLVMIntULE, start,
	    int64_of(s, 1ll << 33), ""));
	low = LLVMBuildAdd(s->b, low, int64_of(s, a->constant), "");
	require(s, LLVMBuildICmp(s->b, LLVMIntSGE, low, int64_of(s, 0), ""));
	high = LLVMBuildAdd(s->b, high, int64_of(s, a->constant +
	    (int64_t)a->size), "");
	require(s, LLVMBuildICmp(s->b, LLVMIntSLE, high, bytes, ""));
}

static bool
loop_check(struct loops *s)
{
	LLVMValueRef bytes = NULL;
	uint32_t mem = UINT32_MAX;

	for (uint32_t i = 0; i < s->naccesses; i++) {
		struct access *a = &s->accesses[i];
		LLVMValueRef insn = a->insn;

		if (!access_pointer(s, a, LLVMGetOperand(insn,
		    LLVMIsALoadInst(insn) ? 0 : 1)))
			return false;
		if (a->mem != mem)
			bytes = memory_bytes(s, a);
		mem = a->mem;
		check_access(s, a, bytes);
	}
	return true;
}

/* ---- The copy ---- */

static LLVMValueRef
clone_of(const struct loops *s, LLVMValueRef v)
{
	uint32_t k = flow_map_get(&s->clones, v);

	return k == UINT32_MAX ? v : s->clone[k];
}

static LLVMBasicBlockRef
clone_block(const struct loops *s, LLVMBasicBlockRef b)
{
	return LLVMValueAsBasicBlock(clone_of(s, LLVMBasicBlockAsValue(b)));
}

static void
clone_note(struct loops *s, LLVMValueRef v, LLVMValueRef copy)
{
	s->clone[flow_map_get(&s->clones, v)] = copy;
}

/* Everything in the loop gets a number.  False if there is no memory. */
static bool
clone_numbers(struct loops *s)
{
	uint32_t n = 0;

	s->clones = (struct flow_map){ 0 };
	s->clone = calloc(MAX_BLOCKS + MAX_INSTRUCTIONS, sizeof *s->clone);
	if (!s->clone)
		return false;
	for (uint32_t k = 0; k < s->nblocks; k++) {
		LLVMBasicBlockRef b = s->flow.blocks[s->blocks[k]];
		LLVMValueRef i = LLVMGetFirstInstruction(b);

		if (!flow_map_put(&s->clones, LLVMBasicBlockAsValue(b), n++))
			return false;
		for (; i; i = LLVMGetNextInstruction(i))
			if (!flow_map_put(&s->clones, i, n++))
				return false;
	}
	return true;
}

static void
clone_insns(struct loops *s)
{
	for (uint32_t k = 0; k < s->nblocks; k++) {
		LLVMBasicBlockRef b = s->flow.blocks[s->blocks[k]];
		LLVMBasicBlockRef to = LLVMInsertBasicBlockInContext(s->ctx,
		    s->exit, "");
		LLVMValueRef i = LLVMGetFirstInstruction(b), c;

		clone_note(s, LLVMBasicBlockAsValue(b),
		    LLVMBasicBlockAsValue(to));
		LLVMPositionBuilderAtEnd(s->b, to);
		for (; i; i = LLVMGetNextInstruction(i)) {
			if (LLVMIsAPHINode(i)) {
				c = LLVMBuildPhi(s->b, LLVMTypeOf(i), "");
			} else {
				c = LLVMInstructionClone(i);
				LLVMInsertIntoBuilder(s->b, c);
			}
			LLVMInstructionSetDebugLoc(c,
			    LLVMInstructionGetDebugLoc(i));
			clone_note(s, i, c);
		}
	}
}

static void
clone_phi(struct loops *s, LLVMValueRef phi, LLVMValueRef copy)
{
	for (unsigned k = 0; k < LLVMCountIncoming(phi); k++) {
		LLVMBasicBlockRef from = LLVMGetIncomingBlock(phi, k);
		LLVMValueRef v = clone_of(s, LLVMGetIncomingValue(phi, k));

		from = from == s->flow.blocks[s->preheader] ? s->check :
		    clone_block(s, from);
		LLVMAddIncoming(copy, &v, &from, 1);
	}
}

/* The copies refer to each other. */
static void
clone_operands(struct loops *s, LLVMValueRef i, LLVMValueRef copy)
{
	if (LLVMIsAPHINode(i)) {
		clone_phi(s, i, copy);
		return;
	}
	if (LLVMIsABranchInst(i) || LLVMIsASwitchInst(i)) {
		for (unsigned k = 0; k < LLVMGetNumSuccessors(i); k++)
			LLVMSetSuccessor(copy, k,
			    clone_block(s, LLVMGetSuccessor(i, k)));
		if (LLVMGetNumSuccessors(i) > 1)
			LLVMSetCondition(copy, clone_of(s, LLVMIsASwitchInst(i)
			    ? LLVMGetOperand(i, 0) : LLVMGetCondition(i)));
		return;
	}
	for (int k = 0; k < LLVMGetNumOperands(i); k++)
		LLVMSetOperand(copy, (unsigned)k,
		    clone_of(s, LLVMGetOperand(i, (unsigned)k)));
}

/* k, the number of the iteration; and the branch by it at the latch. */
static LLVMValueRef
clone_counter(struct loops *s)
{
	LLVMBasicBlockRef head = clone_block(s, s->flow.blocks[s->header]);
	LLVMBasicBlockRef latch = clone_block(s, s->flow.blocks[s->latch]);
	LLVMValueRef old = LLVMGetBasicBlockTerminator(latch);
	LLVMValueRef k, next, in[2], br, md = LLVMGetMetadata(old,
	    s->md_loop);
	LLVMBasicBlockRef from[2] = { s->check, latch };

	LLVMPositionBuilderBefore(s->b, LLVMGetFirstInstruction(head));
	k = LLVMBuildPhi(s->b, s->i64, "");
	LLVMPositionBuilderBefore(s->b, old);
	next = LLVMBuildAdd(s->b, k, int64_of(s, 1), "");
	LLVMSetNUW(next, 1);
	LLVMSetNSW(next, 1);
	in[0] = int64_of(s, 0);
	in[1] = next;
	LLVMAddIncoming(k, in, from, 2);
	br = LLVMBuildCondBr(s->b, LLVMBuildICmp(s->b, LLVMIntEQ, k, s->n,
	    ""), s->exit, head);
	LLVMInstructionSetDebugLoc(br, LLVMInstructionGetDebugLoc(old));
	if (md)
		LLVMSetMetadata(br, s->md_loop, md);
	LLVMInstructionEraseFromParent(old);
	return k;
}

/* The copy's address: base + start, made in front, + step * k + constant. */
static void
clone_access(struct loops *s, const struct access *a, LLVMValueRef k)
{
	LLVMValueRef copy = clone_of(s, a->insn), i, p = a->base;

	LLVMPositionBuilderBefore(s->b,
	    LLVMGetBasicBlockTerminator(s->check));
	i = a->at.start;
	p = LLVMBuildInBoundsGEP2(s->b, s->i8, p, &i, 1, "");
	LLVMPositionBuilderBefore(s->b, copy);
	if (a->at.step) {
		i = LLVMBuildMul(s->b, k, int64_of(s, a->at.step), "");
		LLVMSetNSW(i, 1);
		p = LLVMBuildInBoundsGEP2(s->b, s->i8, p, &i, 1, "");
	}
	i = int64_of(s, a->constant);
	p = LLVMBuildInBoundsGEP2(s->b, s->i8, p, &i, 1, "");
	LLVMSetOperand(copy, LLVMIsALoadInst(copy) ? 0 : 1, p);
	LLVMSetVolatile(copy, 0);
}

/* What is left of the loop comes from either. */
static void
clone_exit(struct loops *s)
{
	LLVMBasicBlockRef latch = s->flow.blocks[s->latch];
	LLVMBasicBlockRef from = clone_block(s, latch);
	LLVMValueRef phi = LLVMGetFirstInstruction(s->exit);

	for (; phi && LLVMIsAPHINode(phi); phi = LLVMGetNextInstruction(phi))
		for (unsigned k = 0; k < LLVMCountIncoming(phi); k++) {
			LLVMValueRef v;

			if (LLVMGetIncomingBlock(phi, k) != latch)
				continue;
			v = clone_of(s, LLVMGetIncomingValue(phi, k));
			LLVMAddIncoming(phi, &v, &from, 1);
			break;
		}
}

/* The loop as it was runs seldom: it is not unrolled. */
static void
tame_loop(struct loops *s)
{
	static const char off[] = "llvm.loop.unroll.disable";
	LLVMMetadataRef self = LLVMTemporaryMDNode(s->ctx, NULL, 0), node;
	LLVMMetadataRef name = LLVMMDStringInContext2(s->ctx, off,
	    sizeof off - 1);
	LLVMMetadataRef ops[2];

	ops[0] = self;
	ops[1] = LLVMMDNodeInContext2(s->ctx, &name, 1);
	node = LLVMMDNodeInContext2(s->ctx, ops, 2);
	LLVMMetadataReplaceAllUsesWith(self, node);
	LLVMSetMetadata(LLVMGetBasicBlockTerminator(
	    s->flow.blocks[s->latch]), s->md_loop, LLVMMetadataAsValue(s->ctx,
	    node));
}

/* The preheader and the check branch to the loop as it was or on. */
static void
enter_either(struct loops *s, LLVMValueRef first, LLVMValueRef second)
{
	LLVMBasicBlockRef pre = s->flow.blocks[s->preheader];
	LLVMBasicBlockRef head = s->flow.blocks[s->header];
	LLVMValueRef old = LLVMGetBasicBlockTerminator(pre), i;

	LLVMPositionBuilderBefore(s->b, old);
	LLVMBuildCondBr(s->b, first, s->check, head);
	LLVMInstructionEraseFromParent(old);
	LLVMPositionBuilderAtEnd(s->b, s->check);
	LLVMBuildCondBr(s->b, second, clone_block(s, head), head);
	i = LLVMGetFirstInstruction(head);
	for (; LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i))
		for (unsigned k = 0; k < LLVMCountIncoming(i); k++) {
			LLVMValueRef v = LLVMGetIncomingValue(i, k);

			if (LLVMGetIncomingBlock(i, k) != pre)
				continue;
			LLVMAddIncoming(i, &v, &s->check, 1);
			break;
		}
}

static void
loop_copy(struct loops *s, LLVMValueRef first, LLVMValueRef second)
{
	LLVMValueRef k;

	for (uint32_t b = 0; b < s->nblocks; b++) {
		LLVMValueRef i = LLVMGetFirstInstruction(
		    s->flow.blocks[s->blocks[b]]);

		for (; i; i = LLVMGetNextInstruction(i))
			clone_operands(s, i, clone_of(s, i));
	}
	k = clone_counter(s);
	clone_exit(s);
	enter_either(s, first, second);
	for (uint32_t i = 0; i < s->naccesses; i++)
		clone_access(s, &s->accesses[i], k);
	tame_loop(s);
}

/* ---- One loop ---- */

/* Conditions in front: enough iterations, in the preheader; the rest in a
 * block of its own.  Nothing is changed yet but for what nobody uses. */
static bool
loop_conditions(struct loops *s, LLVMValueRef *first)
{
	LLVMValueRef few;

	s->n = s->ok = NULL;
	LLVMPositionBuilderBefore(s->b, LLVMGetBasicBlockTerminator(
	    s->flow.blocks[s->preheader]));
	LLVMSetCurrentDebugLocation2(s->b, LLVMInstructionGetDebugLoc(
	    LLVMGetBasicBlockTerminator(s->flow.blocks[s->latch])));
	if (!loop_count(s))
		return false;
	few = LLVMBuildSub(s->b, s->n, int64_of(s, MIN_ITERATIONS - 1), "");
	require(s, LLVMBuildICmp(s->b, LLVMIntULT, few,
	    int64_of(s, 1ll << 32), ""));
	*first = s->ok;
	s->ok = NULL;
	LLVMPositionBuilderAtEnd(s->b, s->check);
	return loop_check(s) && s->ok;
}

static void
loop_try(struct loops *s, uint32_t header)
{
	LLVMValueRef first, second;

	if (!loop_ends(s, header) || !loop_body(s) || !loop_exit(s) ||
	    !loop_insns(s))
		return;
	s->check = LLVMInsertBasicBlockInContext(s->ctx,
	    s->flow.blocks[header], "");
	if (!clone_numbers(s) || !loop_conditions(s, &first)) {
		LLVMDeleteBasicBlock(s->check);
	} else {
		second = s->ok;
		clone_insns(s);
		loop_copy(s, first, second);
	}
	free(s->clone);
	free(s->clones.keys);
	free(s->clones.values);
}

static void
loops_function(struct loops *s)
{
	const struct flow *f = &s->flow;

	s->is_header = calloc(f->n, sizeof *s->is_header);
	if (!s->is_header)
		return;
	for (uint32_t b = 0; b < f->n; b++)
		for (uint32_t k = f->pred_first[b]; k < f->pred_first[b + 1];
		    k++)
			if (flow_dominates(f, b, f->preds[k]))
				s->is_header[b] = true;
	for (uint32_t b = 0; b < f->n; b++)
		if (s->is_header[b])
			loop_try(s, b);
	free(s->is_header);
}

void
lower_loops(const struct plan *p, LLVMModuleRef mod)
{
	LLVMContextRef ctx = LLVMGetModuleContext(mod);
	struct loops s = { .plan = p, .mod = mod, .ctx = ctx,
	    .td = LLVMGetModuleDataLayout(mod),
	    .i8 = LLVMInt8TypeInContext(ctx),
	    .i32 = LLVMInt32TypeInContext(ctx),
	    .i64 = LLVMInt64TypeInContext(ctx),
	    .ptr = LLVMPointerTypeInContext(ctx, 0),
	    .md_loop = LLVMGetMDKindIDInContext(ctx, "llvm.loop", 9) };
	LLVMValueRef fn;

	if (p->explicit_bounds || p->m->nmemories == 0)
		return;
	s.b = LLVMCreateBuilderInContext(ctx);
	for (fn = LLVMGetFirstFunction(mod); fn;
	    fn = LLVMGetNextFunction(fn)) {
		if (LLVMIsDeclaration(fn))
			continue;
		if (flow_make(&s.flow, fn))
			loops_function(&s);
		flow_free(&s.flow);
	}
	LLVMDisposeBuilder(s.b);
}
