/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_widen.c: loops of 128-bit vectors, at the width that the CPU has.
 *
 * What a C compiler vectorised for wasm does 16 bytes in an iteration, and LLVM
 * leaves such loops alone.  Where each value of a loop is made lane by lane from
 * values of the same iteration, f iterations side by side are one with vectors
 * f times as long: every operation is the same on longer vectors, every access,
 * which lies behind that of the iteration before, a longer one.  A shuffle
 * stays within its part, as those of AVX2 do.
 *
 *	if (the checks of lower_loop.c, and stores are apart from the rest)
 *		for (k = 0; k != n / f * f; k += f)
 *			the wide loop
 *	the loop as it was, from k on
 *
 * A value of the iteration before, x in phi(first, x), is that: of the vector
 * before the last part, and of this one all parts but the last.
 *
 * A sum of whole numbers over the loop, of bits or with or, and, xor, is one for
 * each part, which are added up behind the wide loop.
 *
 * n being the iterations less one, the loop as it was has at least the last of
 * them, so that what is used behind the loop comes from there.
 *
 * In the wide loop accesses of f iterations change places.  Let A come before B
 * in the body, one of them a store, a and b be their addresses in one iteration,
 * both growing by t, as many bytes as they are.  A of a later iteration, at
 * a + t * j, now comes before B of an earlier one, at b + t * i, 0 < j - i < f:
 * they meet if 0 < b - a < f * t.  Whether that is so is known if both have the
 * same start, and else a condition.  Accesses that grow differently must be
 * apart in all iterations.
 */
#include <string.h>

#include <llvm-c/DebugInfo.h>

#include "lower_loop.h"

/* Each instruction, and up to three operands from in front of the loop. */
enum { MAX_WIDENED = 4 * MAX_INSTRUCTIONS, MAX_PAIRS = 24, MAX_LANES = 128 };

struct widen {
	struct loops *s;
	LLVMBasicBlockRef block, done;	/* the wide loop; behind it */
	LLVMValueRef k;			/* the first of the f iterations */
	LLVMValueRef next;		/* k + f, at the end of the body */
	LLVMValueRef from[MAX_WIDENED], to[MAX_WIDENED];
	uint32_t n;
};

/* ---- What can be widened ---- */

static bool
is_vector(LLVMValueRef v)
{
	return LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMVectorTypeKind;
}

/* LLVM's functions that work lane by lane.  Types: of how many values their
 * names are made, the result's and the argument's. */
static const struct {
	const char *name;
	unsigned types;
} lanewise[] = {
	{ "llvm.abs", 1 }, { "llvm.ceil", 1 }, { "llvm.copysign", 1 },
	{ "llvm.ctpop", 1 }, { "llvm.fabs", 1 }, { "llvm.floor", 1 },
	{ "llvm.fma", 1 }, { "llvm.fptosi.sat", 2 }, { "llvm.fptoui.sat", 2 },
	{ "llvm.fshl", 1 }, { "llvm.fshr", 1 }, { "llvm.maximum", 1 },
	{ "llvm.minimum", 1 }, { "llvm.nearbyint", 1 }, { "llvm.rint", 1 },
	{ "llvm.roundeven", 1 }, { "llvm.sadd.sat", 1 }, { "llvm.smax", 1 },
	{ "llvm.smin", 1 }, { "llvm.sqrt", 1 }, { "llvm.ssub.sat", 1 },
	{ "llvm.trunc", 1 }, { "llvm.uadd.sat", 1 }, { "llvm.umax", 1 },
	{ "llvm.umin", 1 }, { "llvm.usub.sat", 1 },
};

static unsigned
intrinsic_of(LLVMValueRef call)
{
	LLVMValueRef fn = LLVMGetCalledValue(call);

	return LLVMIsAFunction(fn) ? LLVMGetIntrinsicID(fn) : 0;
}

/* How many types its name has; 0 if it is none of the table. */
static unsigned
lanewise_types(unsigned id)
{
	for (size_t i = 0; id && i < sizeof lanewise / sizeof *lanewise; i++)
		if (id == LLVMLookupIntrinsicID(lanewise[i].name,
		    strlen(lanewise[i].name)))
			return lanewise[i].types;
	return 0;
}

static bool
is_lanewise(LLVMValueRef i)
{
	switch (LLVMGetInstructionOpcode(i)) {
	case LLVMAdd: case LLVMSub: case LLVMMul: case LLVMShl:
	case LLVMLShr: case LLVMAShr: case LLVMAnd: case LLVMOr: case LLVMXor:
	case LLVMFAdd: case LLVMFSub: case LLVMFMul: case LLVMFDiv:
	case LLVMFNeg: case LLVMICmp: case LLVMFCmp: case LLVMSelect:
	case LLVMZExt: case LLVMSExt: case LLVMTrunc: case LLVMFPExt:
	case LLVMFPTrunc: case LLVMSIToFP: case LLVMUIToFP: case LLVMFPToSI:
	case LLVMFPToUI: case LLVMBitCast: case LLVMShuffleVector:
		return true;
	case LLVMCall:
		return lanewise_types(intrinsic_of(i)) != 0;
	default:
		return false;
	}
}

static struct access *
access_of(struct loops *s, LLVMValueRef i)
{
	for (uint32_t k = 0; k < s->naccesses; k++)
		if (s->accesses[k].insn == i)
			return &s->accesses[k];
	return NULL;
}

/* The number of operands that are values: not the function that is called. */
static int
operands_of(LLVMValueRef i)
{
	return LLVMIsACallInst(i) ? (int)LLVMGetNumArgOperands(i) :
	    LLVMGetNumOperands(i);
}

/* The phi is what x was in the iteration before, and x, which does not need
 * it, is made before it is used. */
static bool
is_delayed(const struct loops *s, LLVMValueRef phi)
{
	LLVMValueRef x = loop_next(s, phi), i;

	if (loop_is_invariant(s, x) || LLVMIsAPHINode(x))
		return false;
	for (i = LLVMGetFirstInstruction(LLVMGetInstructionParent(phi));;
	    i = LLVMGetNextInstruction(i)) {
		for (int k = 0; k < LLVMGetNumOperands(i); k++)
			if (LLVMGetOperand(i, (unsigned)k) == phi)
				return false;
		if (i == x)
			return true;
	}
}

static bool
used_once(const struct loops *s, LLVMValueRef v)
{
	unsigned n = 0;

	for (LLVMUseRef u = LLVMGetFirstUse(v); u; u = LLVMGetNextUse(u))
		n += !loop_is_invariant(s, LLVMGetUser(u));
	return n == 1;
}

/* Is v made of the phi by op alone, and used for nothing else on the way? */
static bool
leads_to(const struct loops *s, LLVMValueRef v, LLVMValueRef phi,
    LLVMOpcode op, unsigned depth)
{
	if (loop_is_invariant(s, v) || !used_once(s, v))
		return false;
	if (v == phi)
		return true;
	return depth > 0 && LLVMIsABinaryOperator(v) &&
	    LLVMGetInstructionOpcode(v) == op &&
	    (leads_to(s, LLVMGetOperand(v, 0), phi, op, depth - 1) ||
	    leads_to(s, LLVMGetOperand(v, 1), phi, op, depth - 1));
}

/* The phi is a sum: what is added may be so in any order. */
static bool
is_sum(const struct loops *s, LLVMValueRef phi)
{
	LLVMValueRef x = loop_next(s, phi);
	LLVMOpcode op;

	if (loop_is_invariant(s, x) || !LLVMIsABinaryOperator(x))
		return false;
	op = LLVMGetInstructionOpcode(x);
	return (op == LLVMAdd || op == LLVMAnd || op == LLVMOr ||
	    op == LLVMXor) && leads_to(s, x, phi, op, 8);
}

/* Vectors are made in the loop by what can be widened, or before it; scalars
 * are the same in all iterations. */
static bool
operands_fit(const struct loops *s, LLVMValueRef i)
{
	for (int k = 0; k < operands_of(i); k++) {
		LLVMValueRef v = LLVMGetOperand(i, (unsigned)k);

		if (!loop_is_invariant(s, v) && !is_vector(v))
			return false;
	}
	return true;
}

/* What is left out of the wide loop: numbers for addresses and the end. */
static bool
is_scalar_work(struct loops *s, LLVMValueRef i)
{
	struct affine x;

	if (is_vector(i) || LLVMIsALoadInst(i) || LLVMIsAStoreInst(i))
		return false;
	if (LLVMIsAPHINode(i))
		return affine_of(s, i, &x, 1);
	return true;		/* loop_insn() let no calls with effects in */
}

/* Its vectors are as long as what they were made of, and not too long. */
static bool
lanes_fit(const struct loops *s, LLVMValueRef i)
{
	LLVMValueRef v = LLVMIsAStoreInst(i) ? LLVMGetOperand(i, 0) : i;

	return is_vector(v) &&
	    LLVMGetVectorSize(LLVMTypeOf(v)) * s->widen <= MAX_LANES;
}

static bool
insn_fits(struct loops *s, LLVMValueRef i)
{
	if (LLVMIsALoadInst(i) || LLVMIsAStoreInst(i))
		return access_of(s, i) && lanes_fit(s, i);
	if (is_scalar_work(s, i))
		return true;
	if (LLVMIsAPHINode(i))
		return is_vector(i) && lanes_fit(s, i) &&
		    (is_sum(s, i) || is_delayed(s, i));
	return is_lanewise(i) && lanes_fit(s, i) && operands_fit(s, i);
}

/* Is the loop one block, whose vectors can all be longer, and does it store or
 * sum up? */
bool
widen_fits(struct loops *s)
{
	bool useful = s->stores;
	LLVMValueRef i;

	if (s->widen < 2 || s->nblocks != 1)
		return false;
	i = LLVMGetFirstInstruction(s->flow.blocks[s->header]);
	for (; i; i = LLVMGetNextInstruction(i)) {
		if (!insn_fits(s, i))
			return false;
		useful |= LLVMIsAPHINode(i) && is_vector(i) && is_sum(s, i);
	}
	return useful;
}

/* ---- Conditions ---- */

static int64_t
reach_of(const struct loops *s, const struct access *a)
{
	return (int64_t)s->widen * a->at.step;
}

static bool
same_start(const struct access *a, const struct access *b)
{
	return a->at.start == b->at.start;
}

/* Not 0 < a - b < reach, in front of the loop. */
static bool
require_order(struct loops *s, const struct access *a, const struct access *b)
{
	int64_t reach = reach_of(s, a), d = a->constant - b->constant;
	LLVMValueRef v;

	if (same_start(a, b))
		return d <= 0 || d >= reach;
	v = LLVMBuildSub(s->b, a->at.start, b->at.start, "");
	v = LLVMBuildAdd(s->b, v, affine_int64(s, d - 1), "");
	affine_require(s, LLVMBuildICmp(s->b, LLVMIntUGE, v,
	    affine_int64(s, reach - 1), ""));
	s->often = true;
	return true;
}

/* b comes behind a in the body; one of them stores. */
static bool
require_pair(struct loops *s, const struct access *a, const struct access *b)
{
	if (a->at.step == b->at.step)
		return require_order(s, b, a);
	loop_require_apart(s, a, b);
	s->often = true;
	return true;
}

/* Each access begins where that of the iteration before ends.  False if stores
 * are not apart from other accesses. */
bool
widen_require(struct loops *s)
{
	uint32_t pairs = 0;

	for (uint32_t i = 0; i < s->naccesses; i++) {
		const struct access *a = &s->accesses[i];

		if (a->at.step != (int64_t)a->size ||
		    a->base != s->accesses[0].base)
			return false;
		for (uint32_t k = 0; k < i; k++)
			if ((a->stores || s->accesses[k].stores) &&
			    (pairs++ == MAX_PAIRS ||
			    !require_pair(s, &s->accesses[k], a)))
				return false;
	}
	return true;
}

/* ---- The wide loop ---- */

static LLVMTypeRef
wide_type(const struct widen *w, LLVMTypeRef t)
{
	return LLVMVectorType(LLVMGetElementType(t),
	    w->s->widen * LLVMGetVectorSize(t));
}

/* n lanes of a and b, one behind the other, from `first` on. */
static LLVMValueRef
wide_lanes(struct widen *w, LLVMValueRef a, LLVMValueRef b, unsigned first,
    unsigned n)
{
	LLVMValueRef lanes[MAX_LANES];

	for (unsigned i = 0; i < n; i++)
		lanes[i] = LLVMConstInt(w->s->i32, first + i, 0);
	return LLVMBuildShuffleVector(w->s->b, a, b ? b :
	    LLVMGetPoison(LLVMTypeOf(a)), LLVMConstVector(lanes, n), "");
}

/* The vector, and behind it the other one f - 1 times. */
static LLVMValueRef
wide_begin(struct widen *w, LLVMValueRef v, LLVMValueRef others)
{
	unsigned n = LLVMGetVectorSize(LLVMTypeOf(v));
	LLVMValueRef lanes[MAX_LANES];

	for (unsigned i = 0; i < n * w->s->widen; i++)
		lanes[i] = LLVMConstInt(w->s->i32, i < n ? i : n + i % n, 0);
	return LLVMBuildShuffleVector(w->s->b, v, others,
	    LLVMConstVector(lanes, n * w->s->widen), "");
}

static LLVMValueRef
wide_repeat(struct widen *w, LLVMValueRef v)
{
	return wide_begin(w, v, v);
}

static void
wide_note(struct widen *w, LLVMValueRef v, LLVMValueRef wide)
{
	w->from[w->n] = v;
	w->to[w->n++] = wide;
}

/* The operand, f times: made in the wide loop already, or in front of it. */
static LLVMValueRef
wide_of(struct widen *w, LLVMValueRef v)
{
	LLVMBuilderRef b = w->s->b;
	LLVMMetadataRef loc = LLVMGetCurrentDebugLocation2(b);
	LLVMValueRef wide;

	if (!is_vector(v))
		return v;
	for (uint32_t i = w->n; i-- > 0;)
		if (w->from[i] == v)
			return w->to[i];
	LLVMPositionBuilderBefore(b, LLVMGetBasicBlockTerminator(w->s->check));
	wide = wide_repeat(w, v);
	LLVMPositionBuilderBefore(b, w->next);
	LLVMSetCurrentDebugLocation2(b, loc);
	wide_note(w, v, wide);
	return wide;
}

static LLVMValueRef
wide_operand(struct widen *w, LLVMValueRef i, unsigned k)
{
	return wide_of(w, LLVMGetOperand(i, k));
}

/* Each part of the result is made of the same part of the operands. */
static LLVMValueRef
wide_shuffle(struct widen *w, LLVMValueRef i)
{
	unsigned f = w->s->widen, m = LLVMGetNumMaskElements(i);
	unsigned n = LLVMGetVectorSize(LLVMTypeOf(LLVMGetOperand(i, 0)));
	LLVMValueRef lanes[MAX_LANES];

	for (unsigned k = 0; k < m * f; k++) {
		int from = LLVMGetMaskValue(i, k % m);
		unsigned lane = (unsigned)from, part = k / m;

		if (from == LLVMGetUndefMaskElem()) {
			lanes[k] = LLVMGetPoison(w->s->i32);
			continue;
		}
		lane += part * n + (lane >= n ? (f - 1) * n : 0);
		lanes[k] = LLVMConstInt(w->s->i32, lane, 0);
	}
	return LLVMBuildShuffleVector(w->s->b, wide_operand(w, i, 0),
	    wide_operand(w, i, 1), LLVMConstVector(lanes, m * f), "");
}

static LLVMValueRef
wide_call(struct widen *w, LLVMValueRef i)
{
	unsigned id = intrinsic_of(i), n = LLVMGetNumArgOperands(i);
	LLVMTypeRef types[2] = { wide_type(w, LLVMTypeOf(i)), NULL };
	LLVMValueRef args[3], fn;

	for (unsigned k = 0; k < n; k++)
		args[k] = wide_operand(w, i, k);
	types[1] = LLVMTypeOf(args[0]);
	fn = LLVMGetIntrinsicDeclaration(w->s->mod, id, types,
	    lanewise_types(id));
	return LLVMBuildCall2(w->s->b, LLVMGlobalGetValueType(fn), fn, args,
	    n, "");
}

static LLVMValueRef
wide_operation(struct widen *w, LLVMValueRef i)
{
	LLVMOpcode op = LLVMGetInstructionOpcode(i);
	LLVMValueRef x, y;

	if (op == LLVMShuffleVector)
		return wide_shuffle(w, i);
	if (op == LLVMCall)
		return wide_call(w, i);
	x = wide_operand(w, i, 0);
	if (op == LLVMFNeg)
		return LLVMBuildFNeg(w->s->b, x, "");
	if (LLVMIsACastInst(i))
		return LLVMBuildCast(w->s->b, op, x,
		    wide_type(w, LLVMTypeOf(i)), "");
	y = wide_operand(w, i, 1);
	if (op == LLVMICmp)
		return LLVMBuildICmp(w->s->b, LLVMGetICmpPredicate(i), x, y,
		    "");
	if (op == LLVMFCmp)
		return LLVMBuildFCmp(w->s->b, LLVMGetFCmpPredicate(i), x, y,
		    "");
	if (op == LLVMSelect)
		return LLVMBuildSelect(w->s->b, x, y, wide_operand(w, i, 2),
		    "");
	return LLVMBuildBinOp(w->s->b, op, x, y, "");
}

/* It is longer, where k says. */
static LLVMValueRef
wide_access(struct widen *w, LLVMValueRef i)
{
	struct access *a = access_of(w->s, i);
	unsigned tbaa = LLVMGetMDKindIDInContext(w->s->ctx, "tbaa", 4);
	LLVMValueRef md = LLVMGetMetadata(i, tbaa);
	LLVMValueRef v = a->stores ? wide_operand(w, i, 0) : NULL;

	a->address = loop_address(w->s, a, w->k, w->next);
	LLVMPositionBuilderBefore(w->s->b, w->next);
	LLVMSetCurrentDebugLocation2(w->s->b, LLVMInstructionGetDebugLoc(i));
	v = v ? LLVMBuildStore(w->s->b, v, a->address) :
	    LLVMBuildLoad2(w->s->b, wide_type(w, LLVMTypeOf(i)), a->address,
	    "");
	LLVMSetAlignment(v, 1);
	if (md)
		LLVMSetMetadata(v, tbaa, md);
	return v;
}

/* A sum begins with what it was in the first part, and with what changes
 * nothing in the others. */
static void
wide_sum(struct widen *w, LLVMValueRef phi)
{
	struct loops *s = w->s;
	LLVMTypeRef t = LLVMTypeOf(phi);
	bool ones = LLVMGetInstructionOpcode(loop_next(s, phi)) == LLVMAnd;
	LLVMValueRef none = ones ? LLVMConstAllOnes(t) : LLVMConstNull(t);
	LLVMValueRef first, wide;

	LLVMPositionBuilderBefore(s->b,
	    LLVMGetBasicBlockTerminator(s->check));
	first = wide_begin(w, loop_first(s, phi), none);
	LLVMPositionBuilderBefore(s->b, w->k);
	wide = LLVMBuildPhi(s->b, LLVMTypeOf(first), "");
	LLVMAddIncoming(wide, &first, &s->check, 1);
	wide_note(w, phi, wide);
}

/* The parts of the sum are one again. */
static LLVMValueRef
wide_total(struct widen *w, LLVMValueRef phi)
{
	struct loops *s = w->s;
	LLVMValueRef x = loop_next(s, phi), all = wide_of(w, x), sum;
	unsigned n = LLVMGetVectorSize(LLVMTypeOf(phi));
	LLVMValueRef wide = wide_of(w, phi);

	LLVMAddIncoming(wide, &all, &w->block, 1);
	LLVMPositionBuilderBefore(s->b, LLVMGetBasicBlockTerminator(w->done));
	sum = wide_lanes(w, all, NULL, 0, n);
	for (unsigned k = 1; k < s->widen; k++)
		sum = LLVMBuildBinOp(s->b, LLVMGetInstructionOpcode(x), sum,
		    wide_lanes(w, all, NULL, k * n, n), "");
	return sum;
}

/* x is made: so are the phis that it will be in the next iteration. */
static void
wide_delayed(struct widen *w, LLVMValueRef x, LLVMValueRef wide)
{
	struct loops *s = w->s;
	LLVMValueRef phi = LLVMGetFirstInstruction(s->flow.blocks[s->header]);
	unsigned n = LLVMGetVectorSize(LLVMTypeOf(x));

	for (; LLVMIsAPHINode(phi); phi = LLVMGetNextInstruction(phi)) {
		LLVMValueRef in[2] = { NULL, wide }, was;
		LLVMBasicBlockRef from[2] = { s->check, w->block };

		if (loop_next(s, phi) != x || is_sum(s, phi))
			continue;
		LLVMPositionBuilderBefore(s->b,
		    LLVMGetBasicBlockTerminator(s->check));
		in[0] = wide_repeat(w, loop_first(s, phi));
		LLVMPositionBuilderBefore(s->b, w->k);
		was = LLVMBuildPhi(s->b, LLVMTypeOf(wide), "");
		LLVMAddIncoming(was, in, from, 2);
		LLVMPositionBuilderBefore(s->b, w->next);
		wide_note(w, phi, wide_lanes(w, was, wide,
		    (s->widen - 1) * n, s->widen * n));
	}
}

static void
wide_insn(struct widen *w, LLVMValueRef i)
{
	LLVMValueRef wide = LLVMIsALoadInst(i) || LLVMIsAStoreInst(i) ?
	    wide_access(w, i) : wide_operation(w, i);

	if (LLVMIsAStoreInst(i))
		return;
	wide_note(w, i, wide);
	wide_delayed(w, i, wide);
}

static void
wide_body(struct widen *w)
{
	LLVMValueRef i = LLVMGetFirstInstruction(w->s->flow.blocks[
	    w->s->header]);

	for (; i; i = LLVMGetNextInstruction(i)) {
		LLVMPositionBuilderBefore(w->s->b, w->next);
		LLVMSetCurrentDebugLocation2(w->s->b,
		    LLVMInstructionGetDebugLoc(i));
		if (LLVMIsAPHINode(i)) {
			if (is_vector(i) && is_sum(w->s, i))
				wide_sum(w, i);
		} else if (LLVMIsAStoreInst(i) || is_vector(i)) {
			wide_insn(w, i);
		}
	}
}

/* A block that goes around until k + f is the limit. */
static void
wide_frame(struct widen *w, LLVMValueRef limit)
{
	struct loops *s = w->s;
	LLVMBasicBlockRef head = s->flow.blocks[s->header];
	LLVMBasicBlockRef from[2] = { s->check, w->block };
	LLVMValueRef in[2] = { affine_int64(s, 0), NULL };

	LLVMPositionBuilderAtEnd(s->b, w->block);
	LLVMSetCurrentDebugLocation2(s->b, LLVMInstructionGetDebugLoc(
	    LLVMGetBasicBlockTerminator(head)));
	w->k = LLVMBuildPhi(s->b, s->i64, "");
	w->next = in[1] = LLVMBuildAdd(s->b, w->k,
	    affine_int64(s, s->widen), "");
	LLVMSetNUW(w->next, 1);
	LLVMSetNSW(w->next, 1);
	LLVMAddIncoming(w->k, in, from, 2);
	LLVMBuildCondBr(s->b, LLVMBuildICmp(s->b, LLVMIntEQ, w->next, limit,
	    ""), w->done, w->block);
	LLVMPositionBuilderAtEnd(s->b, w->done);
	LLVMBuildBr(s->b, head);
}

/* What the phi is in iteration `limit`, built in front of the loop as it was. */
static LLVMValueRef
wide_end(struct widen *w, LLVMValueRef phi, LLVMValueRef limit)
{
	struct loops *s = w->s;
	LLVMValueRef x = loop_next(s, phi);
	struct affine a;

	if (is_vector(phi) && is_sum(s, phi))
		return wide_total(w, phi);
	if (is_vector(phi)) {
		unsigned n = LLVMGetVectorSize(LLVMTypeOf(phi));

		return wide_lanes(w, wide_of(w, x), NULL,
		    (s->widen - 1) * n, n);
	}
	affine_of(s, phi, &a, 1);
	return loop_phi_at(s, phi, a.step, limit);
}

/* The loop as it was goes on where the wide one ended. */
static void
wide_rest(struct widen *w, LLVMValueRef limit)
{
	struct loops *s = w->s;
	LLVMValueRef i = LLVMGetFirstInstruction(s->flow.blocks[s->header]);

	for (; LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i)) {
		LLVMValueRef v;

		LLVMPositionBuilderBefore(s->b,
		    LLVMGetBasicBlockTerminator(w->done));
		v = wide_end(w, i, limit);
		LLVMAddIncoming(i, &v, &w->done, 1);
	}
}

void
widen_copy(struct loops *s, LLVMValueRef first, LLVMValueRef second)
{
	LLVMBasicBlockRef head = s->flow.blocks[s->header];
	struct widen w = { .s = s,
	    .block = LLVMInsertBasicBlockInContext(s->ctx, head, ""),
	    .done = LLVMInsertBasicBlockInContext(s->ctx, head, "") };
	LLVMValueRef limit;

	loop_enter(s, first, second, w.block);
	LLVMPositionBuilderBefore(s->b, LLVMGetBasicBlockTerminator(
	    s->check));
	limit = LLVMBuildAnd(s->b, s->n, affine_int64(s,
	    -(int64_t)s->widen), "");
	wide_frame(&w, limit);
	wide_body(&w);
	wide_rest(&w, limit);
}
