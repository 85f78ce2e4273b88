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

#include "lower_loop.h"

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

bool
loop_is_invariant(const struct loops *s, LLVMValueRef v)
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

/* ---- What it accesses ---- */

/* Take the pointer apart: base + at + constant, one index and constants. */
bool
loop_pointer(struct loops *s, struct access *a, LLVMValueRef p)
{
	LLVMValueRef index = NULL;
	int64_t constant = 0;
	bool wraps = false;

	for (; LLVMIsAGetElementPtrInst(p); p = LLVMGetOperand(p, 0)) {
		LLVMValueRef i = LLVMGetOperand(p, 1);

		if (LLVMGetNumOperands(p) != 2 || affine_width(i) != 64 ||
		    LLVMGetGEPSourceElementType(p) != s->i8)
			return false;
		if (LLVMIsAConstantInt(i))
			constant += LLVMConstIntGetSExtValue(i);
		else if (index)
			return false;
		else
			index = i;
		if (constant > 1ll << 33 || constant < -(1ll << 33))
			return false;
	}
	if (!loop_is_invariant(s, p))
		return false;
	a->at = (struct affine){ affine_int64(s, 0), 0, 0 };
	if (index && !affine_index(s, index, &a->at, &wraps))
		return false;
	if (wraps && constant < 0)
		return false;
	a->constant = a->at.plus + constant;
	a->low = wraps ? a->at.plus : a->constant;
	a->high = a->constant + (int64_t)a->size;
	return true;
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
	    loop_is_invariant(s, LLVMGetOperand(i, 0));
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
	    .size = p.size, .stores = LLVMIsAStoreInst(i) != NULL };
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
	return true;
}

/* ---- The check ---- */

/* The memory's size now; it lies behind vmctx's pointer beside the base. */
static LLVMValueRef
memory_bytes(struct loops *s, const struct access *a)
{
	uint64_t at = s->plan->layout.memories + sizeof(struct wabi_memref)
	    * (uint64_t)a->mem + offsetof(struct wabi_memref, mem);
	LLVMValueRef i = affine_int64(s, (int64_t)at), p, v;
	unsigned kind = LLVMGetMDKindIDInContext(s->ctx, "invariant.load",
	    14);

	p = LLVMBuildGEP2(s->b, s->i8, LLVMGetParam(s->flow.fn, 0), &i, 1,
	    "");
	p = LLVMBuildLoad2(s->b, s->ptr, p, "");
	LLVMSetMetadata(p, kind, LLVMMetadataAsValue(s->ctx,
	    LLVMMDNodeInContext2(s->ctx, NULL, 0)));
	i = affine_int64(s, offsetof(struct wabi_memory, bytes));
	v = LLVMBuildLoad2(s->b, s->i64, LLVMBuildGEP2(s->b, s->i8, p, &i, 1,
	    ""), "");
	if (s->plan->m->memories[a->mem].limits.shared) {
		LLVMSetOrdering(v, LLVMAtomicOrderingMonotonic);
		LLVMSetAlignment(v, 8);
	}
	return v;
}

static LLVMValueRef
access_from(struct loops *s, const struct access *a, bool end)
{
	LLVMValueRef at = a->at.start;

	if (end == (a->at.step > 0))
		at = LLVMBuildAdd(s->b, at, affine_way(s, a->at.step), "");
	return LLVMBuildAdd(s->b, at, affine_int64(s, end ? a->high : a->low),
	    "");
}

void
loop_inside(struct loops *s, const struct access *a)
{
	LLVMValueRef bytes = memory_bytes(s, a);

	affine_require(s, LLVMBuildICmp(s->b, LLVMIntULE, a->at.start,
	    affine_int64(s, 1ll << 33), ""));
	affine_require(s, LLVMBuildICmp(s->b, LLVMIntSGE,
	    access_from(s, a, false), affine_int64(s, 0), ""));
	affine_require(s, LLVMBuildICmp(s->b, LLVMIntSLE,
	    access_from(s, a, true), bytes, ""));
}

/* The one ends before the other begins, in all iterations. */
void
loop_require_apart(struct loops *s, const struct access *a,
    const struct access *b)
{
	affine_require(s, LLVMBuildOr(s->b,
	    LLVMBuildICmp(s->b, LLVMIntSLE, access_from(s, a, true),
	    access_from(s, b, false), ""),
	    LLVMBuildICmp(s->b, LLVMIntSLE, access_from(s, b, true),
	    access_from(s, a, false), ""), ""));
}

/* What is loaded again in each iteration, because a store might have changed
 * it, keeps the copy from being better unless no store does. */
static void
check_apart(struct loops *s, const struct access *a, const struct access *b)
{
	if (a->at.step != 0 || a->stores || !b->stores || b->at.step == 0 ||
	    a->base != b->base)
		return;
	s->often = true;
	loop_require_apart(s, a, b);
}

/* Accesses of one array are checked as one that begins with the first and ends
 * with the last. */
static bool
check_merge(struct access *groups, uint32_t n, const struct access *a)
{
	for (uint32_t i = 0; i < n; i++) {
		struct access *g = &groups[i];

		if (g->base != a->base || g->at.start != a->at.start ||
		    g->at.step != a->at.step)
			continue;
		g->stores |= a->stores;
		g->low = a->low < g->low ? a->low : g->low;
		g->high = a->high > g->high ? a->high : g->high;
		return true;
	}
	return false;
}

static bool
loop_check(struct loops *s)
{
	struct access groups[MAX_ACCESSES];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->naccesses; i++) {
		struct access *a = &s->accesses[i];
		LLVMValueRef insn = a->insn;

		if (!loop_pointer(s, a, LLVMGetOperand(insn,
		    LLVMIsALoadInst(insn) ? 0 : 1)))
			return false;
		if (!check_merge(groups, n, a))
			groups[n++] = *a;
	}
	for (uint32_t i = 0; i < n; i++)
		loop_inside(s, &groups[i]);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < n; k++)
			check_apart(s, &groups[i], &groups[k]);
	return true;
}

/* ---- The copy ---- */

LLVMValueRef
loop_clone(const struct loops *s, LLVMValueRef v)
{
	uint32_t k = flow_map_get(&s->clones, v);

	return k == UINT32_MAX ? v : s->clone[k];
}

static LLVMBasicBlockRef
clone_block(const struct loops *s, LLVMBasicBlockRef b)
{
	return LLVMValueAsBasicBlock(loop_clone(s, LLVMBasicBlockAsValue(b)));
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
		LLVMValueRef v = loop_clone(s, LLVMGetIncomingValue(phi, k));

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
		if (LLVMIsASwitchInst(i))
			LLVMSetOperand(copy, 0, loop_clone(s,
			    LLVMGetOperand(i, 0)));
		else if (LLVMIsConditional(i))
			LLVMSetCondition(copy, loop_clone(s,
			    LLVMGetCondition(i)));
		return;
	}
	for (int k = 0; k < LLVMGetNumOperands(i); k++)
		LLVMSetOperand(copy, (unsigned)k,
		    loop_clone(s, LLVMGetOperand(i, (unsigned)k)));
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
	next = LLVMBuildAdd(s->b, k, affine_int64(s, 1), "");
	LLVMSetNUW(next, 1);
	LLVMSetNSW(next, 1);
	in[0] = affine_int64(s, 0);
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

/* base + start, made in front, once for all accesses that have it.  Through an
 * integer, so that different starts are different objects to LLVM: of those it
 * compares where they begin and end, but within one object it wants to know
 * every distance. */
static LLVMValueRef
address_start(struct loops *s, const struct access *a)
{
	LLVMValueRef at = LLVMBuildPtrToInt(s->b, a->base, s->i64, "");

	at = LLVMBuildAdd(s->b, at, a->at.start, "");
	return LLVMBuildIntToPtr(s->b, at, s->ptr, "");
}

/* base + start + constant, made in front, + step * k, at the head.  In this
 * order LLVM sees that none of the sums wraps.  The same for the same. */
LLVMValueRef
loop_address(struct loops *s, struct access *a, LLVMValueRef k,
    LLVMValueRef head)
{
	LLVMValueRef i = affine_int64(s, a->constant), p = NULL;

	for (struct access *b = s->accesses; b < a; b++) {
		if (b->base != a->base || b->at.start != a->at.start)
			continue;
		p = a->start = b->start;
		if (b->constant == a->constant && b->at.step == a->at.step)
			return b->address;
	}
	LLVMPositionBuilderBefore(s->b,
	    LLVMGetBasicBlockTerminator(s->check));
	if (!p)
		p = a->start = address_start(s, a);
	if (a->constant)
		p = LLVMBuildInBoundsGEP2(s->b, s->i8, p, &i, 1, "");
	if (a->at.step) {
		LLVMPositionBuilderBefore(s->b, head);
		i = LLVMBuildMul(s->b, k, affine_int64(s, a->at.step), "");
		LLVMSetNSW(i, 1);
		p = LLVMBuildInBoundsGEP2(s->b, s->i8, p, &i, 1, "");
	}
	return p;
}

static LLVMValueRef
first_not_phi(LLVMBasicBlockRef b)
{
	LLVMValueRef i = LLVMGetFirstInstruction(b);

	while (LLVMIsAPHINode(i))
		i = LLVMGetNextInstruction(i);
	return i;
}

static void
clone_accesses(struct loops *s, LLVMValueRef k)
{
	LLVMValueRef head = first_not_phi(clone_block(s,
	    s->flow.blocks[s->header]));

	for (uint32_t i = 0; i < s->naccesses; i++) {
		struct access *a = &s->accesses[i];
		LLVMValueRef copy = loop_clone(s, a->insn);

		a->address = loop_address(s, a, k, head);
		LLVMSetOperand(copy, LLVMIsALoadInst(copy) ? 0 : 1,
		    a->address);
		LLVMSetVolatile(copy, 0);
	}
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
			v = loop_clone(s, LLVMGetIncomingValue(phi, k));
			LLVMAddIncoming(phi, &v, &from, 1);
			break;
		}
}

void
loop_tame(struct loops *s, LLVMValueRef back)
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
	LLVMSetMetadata(back, s->md_loop, LLVMMetadataAsValue(s->ctx, node));
}

LLVMValueRef
loop_incoming(LLVMValueRef phi, LLVMBasicBlockRef b)
{
	unsigned k = 0;

	while (LLVMGetIncomingBlock(phi, k) != b)
		k++;
	return LLVMGetIncomingValue(phi, k);
}

LLVMValueRef
loop_first(const struct loops *s, LLVMValueRef phi)
{
	return loop_incoming(phi, s->flow.blocks[s->preheader]);
}

LLVMValueRef
loop_next(const struct loops *s, LLVMValueRef phi)
{
	return loop_incoming(phi, s->flow.blocks[s->latch]);
}

LLVMValueRef
loop_phi_at(const struct loops *s, LLVMValueRef phi, int64_t step,
    LLVMValueRef k)
{
	LLVMTypeRef t = LLVMTypeOf(phi);

	if (t != s->i64)
		k = LLVMBuildTrunc(s->b, k, t, "");
	k = LLVMBuildMul(s->b, k, LLVMConstInt(t, (uint64_t)step, 1), "");
	return LLVMBuildAdd(s->b, loop_first(s, phi), k, "");
}

/* The preheader and the check branch to the loop as it was or on, to `to`. */
void
loop_enter(struct loops *s, LLVMValueRef first, LLVMValueRef second,
    LLVMBasicBlockRef to)
{
	LLVMBasicBlockRef pre = s->flow.blocks[s->preheader];
	LLVMBasicBlockRef head = s->flow.blocks[s->header];
	LLVMValueRef old = LLVMGetBasicBlockTerminator(pre), i;

	LLVMPositionBuilderBefore(s->b, old);
	LLVMBuildCondBr(s->b, first, s->check, head);
	LLVMInstructionEraseFromParent(old);
	LLVMPositionBuilderAtEnd(s->b, s->check);
	LLVMBuildCondBr(s->b, second, to, head);
	i = LLVMGetFirstInstruction(head);
	for (; LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i)) {
		LLVMValueRef v = loop_first(s, i);

		LLVMAddIncoming(i, &v, &s->check, 1);
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
			clone_operands(s, i, loop_clone(s, i));
	}
	k = clone_counter(s);
	clone_exit(s);
	loop_enter(s, first, second, clone_block(s,
	    s->flow.blocks[s->header]));
	clone_accesses(s, k);
	loop_halves(s);
}

/* ---- One loop ---- */

bool
loop_count(struct loops *s, int64_t least, LLVMValueRef *enough)
{
	LLVMValueRef few;

	s->n = s->ok = NULL;
	s->nmade = s->nanchors = 0;
	s->often = false;
	LLVMPositionBuilderBefore(s->b, LLVMGetBasicBlockTerminator(
	    s->flow.blocks[s->preheader]));
	LLVMSetCurrentDebugLocation2(s->b, LLVMInstructionGetDebugLoc(
	    LLVMGetBasicBlockTerminator(s->flow.blocks[s->latch])));
	if (!affine_count(s))
		return false;
	few = LLVMBuildSub(s->b, s->n, affine_int64(s, least - 1), "");
	affine_require(s, LLVMBuildICmp(s->b, LLVMIntULT, few,
	    affine_int64(s, 1ll << 32), ""));
	*enough = s->ok;
	s->ok = NULL;
	LLVMPositionBuilderAtEnd(s->b, s->check);
	return true;
}

/* Conditions in front: enough iterations, in the preheader; the rest in a
 * block of its own.  Nothing is changed yet but for what nobody uses. */
static bool
loop_conditions(struct loops *s, LLVMValueRef *first)
{
	return loop_count(s, MIN_ITERATIONS, first) && loop_check(s) && s->ok;
}

/* The copy, wide if that fits; false if it would be of no use. */
static bool
loop_make(struct loops *s, LLVMValueRef first, bool fits)
{
	LLVMValueRef second = s->ok;
	bool often = s->often;

	if (fits && widen_require(s)) {
		widen_copy(s, first, s->ok);
	} else if (!s->stores) {
		return false;
	} else {
		s->often = often;
		clone_insns(s);
		loop_copy(s, first, second);
	}
	if (!s->often)		/* the loop as it was runs seldom */
		loop_tame(s, LLVMGetBasicBlockTerminator(
		    s->flow.blocks[s->latch]));
	return true;
}

static void
loop_try(struct loops *s, uint32_t header)
{
	LLVMValueRef first;
	bool one_exit, fits;

	s->check = NULL;
	if (!loop_ends(s, header) || !loop_body(s))
		return;
	one_exit = loop_exit(s);	/* and s->blocks in order */
	if (!loop_insns(s))
		return;
	if (!one_exit) {
		loop_compare(s);
		return;
	}
	fits = widen_fits(s);
	if (!s->stores && !fits)
		return;
	s->check = LLVMInsertBasicBlockInContext(s->ctx,
	    s->flow.blocks[header], "");
	if (!clone_numbers(s) || !loop_conditions(s, &first) ||
	    !loop_make(s, first, fits))
		LLVMDeleteBasicBlock(s->check);
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

/* How many vectors of wasm's one of the CPU's is.  LLVM is told to prefer those
 * of 256 bits where there are some of 512 (target.c). */
static unsigned
loops_widen(const struct plan *p)
{
	return p->is_x86 && strstr(p->cpu_features, "+avx2") ? 2 : 0;
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
	    .widen = loops_widen(p),
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
