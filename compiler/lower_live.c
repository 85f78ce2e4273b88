/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_live.c: what is cheap is made where it is needed.
 *
 * vmctx and the memory's base have a register each that native code has for
 * something else.  What LLVM moves out of loops and shares between blocks on
 * top of that goes to the stack in large functions: the pointer base + index
 * of every object beside its index, which the code needs anyway, and what was
 * loaded from vmctx for the sake of blocks that seldom run.  So, after all
 * passes:
 *
 *   addresses	of an access are made in its block, where they become part of
 *		the instruction.  Only the index is kept
 *   indices	are extended to 64 bits where they are made, once, for there
 *		that is part of the instruction
 *   constants	of vmctx are loaded where they are used, unless in a loop that
 *		calls nothing: from the stack they would be loaded too
 *   sums	with constants that LLVM moved in front of a loop that calls, the
 *		address of each variable of C's stack for one, and that few
 *		use, are made where they are used
 */
#include <stdlib.h>
#include <string.h>

#include "lower_flow.h"
#include "lower_late.h"

enum { MAX_MADE = 16, MAX_USERS = 4, MAX_DEPTH = 3 };

struct live {
	const struct plan *plan;
	LLVMContextRef ctx;
	LLVMBuilderRef b;
	LLVMTypeRef i8, i32, i64;
	unsigned md_invariant;
	LLVMValueRef fn;
	struct flow flow;
	uint32_t *loop;			/* per block: the innermost loop's
					 * header, or NO_BLOCK */
	bool *calls;			/* per header */
	bool known;			/* loop and calls are there */
	struct {			/* constants loaded in this block */
		LLVMValueRef of, value;
	} made[MAX_MADE];
	unsigned nmade;
	struct wide {			/* phis that become 64 bits wide */
		LLVMValueRef phi, to;
	} *wide;
	uint32_t nwide, wide_room;
	struct flow_map wide_at;
};

static bool
is_const(LLVMValueRef v)
{
	return LLVMIsAConstantInt(v) != NULL;
}

/* A step by a number of bytes. */
static bool
is_step(LLVMValueRef p)
{
	LLVMTypeRef t;

	if (!LLVMIsAGetElementPtrInst(p) || LLVMGetNumOperands(p) != 2)
		return false;
	t = LLVMGetGEPSourceElementType(p);
	return LLVMGetTypeKind(t) == LLVMIntegerTypeKind &&
	    LLVMGetIntTypeWidth(t) == 8 &&
	    LLVMGetTypeKind(LLVMTypeOf(p)) == LLVMPointerTypeKind;
}

/* ---- vmctx ---- */

static bool
is_fixed(struct live *l, uint64_t at)
{
	return at == offsetof(struct wabi_vmctx, rt) ||
	    at == offsetof(struct wabi_vmctx, heap) ||
	    (at >= l->plan->layout.memories && at < l->plan->layout.size);
}

static bool
is_base(struct live *l, uint64_t at)
{
	const struct wabi_layout *y = &l->plan->layout;

	return at >= y->memories && at < y->tables &&
	    (at - y->memories) % sizeof(struct wabi_memref) ==
	    offsetof(struct wabi_memref, base);
}

/* LLVM forgets that it is fixed when it moves a load to where it might not have
 * been executed. */
static void
live_remember(struct live *l, LLVMValueRef i)
{
	uint64_t at;

	if (LLVMIsALoadInst(i) && flow_reads_vmctx(i, &at) && is_fixed(l, at))
		LLVMSetMetadata(i, l->md_invariant, LLVMMetadataAsValue(l->ctx,
		    LLVMMDNodeInContext2(l->ctx, NULL, 0)));
}

/* ---- Loops ---- */

static bool
is_call(LLVMValueRef i)
{
	LLVMValueRef fn;

	if (LLVMIsAInvokeInst(i))
		return true;
	if (!LLVMIsACallInst(i))
		return false;
	fn = LLVMGetCalledValue(i);
	return !LLVMIsAInlineAsm(fn) &&
	    !(LLVMIsAFunction(fn) && LLVMGetIntrinsicID(fn));
}

static bool
block_calls(LLVMBasicBlockRef b)
{
	for (LLVMValueRef i = LLVMGetFirstInstruction(b); i;
	    i = LLVMGetNextInstruction(i))
		if (is_call(i))
			return true;
	return false;
}

/* The blocks from which the header is reached within its loop; those that are
 * in an inner one stay there. */
static void
loop_fill(struct live *l, uint32_t head, uint32_t *stack)
{
	const struct flow *f = &l->flow;
	uint32_t n = 0, b;
	bool *seen = calloc(f->n, sizeof *seen);

	if (!seen)
		return;
	for (uint32_t k = f->pred_first[head]; k < f->pred_first[head + 1]; k++)
		if (flow_dominates(f, head, f->preds[k]) &&
		    !seen[f->preds[k]]) {
			seen[f->preds[k]] = true;
			stack[n++] = f->preds[k];
		}
	while (n > 0) {
		b = stack[--n];
		if (l->loop[b] == NO_BLOCK)
			l->loop[b] = head;
		l->calls[head] = l->calls[head] ||
		    block_calls(f->blocks[b]);
		for (uint32_t k = f->pred_first[b]; b != head &&
		    k < f->pred_first[b + 1]; k++)
			if (!seen[f->preds[k]]) {
				seen[f->preds[k]] = true;
				stack[n++] = f->preds[k];
			}
	}
	free(seen);
}

static bool
is_head(const struct flow *f, uint32_t b)
{
	for (uint32_t k = f->pred_first[b]; k < f->pred_first[b + 1]; k++)
		if (flow_dominates(f, b, f->preds[k]))
			return true;
	return false;
}

static void
live_loops(struct live *l)
{
	uint32_t n = l->flow.n, *stack = calloc(n, sizeof *stack);

	l->loop = malloc(n * sizeof *l->loop);
	l->calls = calloc(n, sizeof *l->calls);
	l->known = stack && l->loop && l->calls;
	if (l->known) {
		memset(l->loop, 0xff, n * sizeof *l->loop);
		for (uint32_t b = n; b-- > 0;)
			if (is_head(&l->flow, b))
				loop_fill(l, b, stack);
	}
	free(stack);
}

/* ---- Constants of vmctx ---- */

/* Is v one that is to be loaded again in that block? */
static bool
is_loaded_again(struct live *l, LLVMValueRef v, uint32_t block)
{
	uint64_t at;

	return LLVMIsALoadInst(v) && l->known &&
	    LLVMGetInstructionParent(v) != l->flow.blocks[block] &&
	    (l->loop[block] == NO_BLOCK || l->calls[l->loop[block]]) &&
	    LLVMGetMetadata(v, l->md_invariant) && flow_reads_vmctx(v, &at) &&
	    is_fixed(l, at) && !is_base(l, at);
}

static LLVMValueRef
load_again(struct live *l, LLVMValueRef v, LLVMValueRef before)
{
	LLVMValueRef at, p;
	uint64_t offset;

	for (unsigned k = 0; k < l->nmade; k++)
		if (l->made[k].of == v)
			return l->made[k].value;
	flow_reads_vmctx(v, &offset);
	LLVMPositionBuilderBefore(l->b, before);
	at = LLVMConstInt(l->i64, offset, 0);
	p = LLVMBuildGEP2(l->b, l->i8, LLVMGetParam(l->fn, 0), &at, 1, "");
	p = LLVMBuildLoad2(l->b, LLVMTypeOf(v), p, "");
	LLVMSetAlignment(p, LLVMGetAlignment(v));
	live_remember(l, p);
	if (l->nmade < MAX_MADE) {
		l->made[l->nmade].of = v;
		l->made[l->nmade++].value = p;
	}
	return p;
}

static void
live_constants(struct live *l, LLVMValueRef i, uint32_t block)
{
	for (int k = 0; k < LLVMGetNumOperands(i); k++) {
		LLVMValueRef v = LLVMGetOperand(i, (unsigned)k);

		if (is_loaded_again(l, v, block))
			LLVMSetOperand(i, (unsigned)k, load_again(l, v, i));
	}
	if (is_call(i))
		l->nmade = 0;
}

/* ---- Sums with constants ---- */

/* One with a constant; or an extension, without which the number itself need
 * not be kept beside it. */
static bool
is_sum(struct live *l, LLVMValueRef v)
{
	if (LLVMIsAZExtInst(v))
		return LLVMTypeOf(v) == l->i64;
	if (!LLVMIsABinaryOperator(v) || !is_const(LLVMGetOperand(v, 1)))
		return false;
	switch (LLVMGetInstructionOpcode(v)) {
	case LLVMAdd: case LLVMSub: case LLVMAnd: case LLVMOr: case LLVMShl:
	case LLVMLShr:
		return true;
	default:
		return false;
	}
}

static bool
has_few_users(LLVMValueRef v)
{
	LLVMUseRef u = LLVMGetFirstUse(v);
	unsigned n = 0;

	for (; u && n <= MAX_USERS; u = LLVMGetNextUse(u))
		n++;
	return n <= MAX_USERS;
}

/* v made again where it is used, if it was moved in front of a loop that calls;
 * else v. */
static LLVMValueRef
live_sum(struct live *l, LLVMValueRef v, LLVMValueRef before,
    uint32_t block, unsigned depth)
{
	uint32_t head = l->known ? l->loop[block] : NO_BLOCK, at;
	LLVMValueRef c;

	if (head == NO_BLOCK || !l->calls[head] || depth == 0 || !is_sum(l, v))
		return v;
	at = flow_map_get(&l->flow.index, LLVMGetInstructionParent(v));
	if (at >= head || !has_few_users(v))
		return v;
	c = LLVMInstructionClone(v);
	LLVMPositionBuilderBefore(l->b, before);
	LLVMInsertIntoBuilder(l->b, c);
	LLVMSetOperand(c, 0, live_sum(l, LLVMGetOperand(c, 0), c, block,
	    depth - 1));
	return c;
}

static void
live_sums(struct live *l, LLVMValueRef i, uint32_t block)
{
	for (int k = 0; k < LLVMGetNumOperands(i); k++) {
		LLVMValueRef v = LLVMGetOperand(i, (unsigned)k);
		LLVMValueRef c = live_sum(l, v, i, block, MAX_DEPTH);

		if (c != v)
			LLVMSetOperand(i, (unsigned)k, c);
	}
}

/* ---- Addresses ---- */

/* The pointer in steps of this block: first the index, then the constant. */
static LLVMValueRef
live_address(struct live *l, LLVMValueRef p, LLVMValueRef access,
    uint32_t block)
{
	LLVMBasicBlockRef here = LLVMGetInstructionParent(access);
	LLVMValueRef index = NULL, q = p, step;
	bool elsewhere = false;
	uint64_t offset = 0;

	for (; is_step(q); q = LLVMGetOperand(q, 0)) {
		step = LLVMGetOperand(q, 1);
		if (is_const(step))
			offset += LLVMConstIntGetZExtValue(step);
		else if (index || LLVMTypeOf(step) != l->i64)
			break;
		else
			index = step;
		elsewhere |= LLVMGetInstructionParent(q) != here;
	}
	if (is_loaded_again(l, q, block))
		q = load_again(l, q, access);
	else if (!elsewhere)
		return p;
	LLVMPositionBuilderBefore(l->b, access);
	if (index) {
		index = live_sum(l, index, access, block, MAX_DEPTH);
		LLVMPositionBuilderBefore(l->b, access);
		q = LLVMBuildGEP2(l->b, l->i8, q, &index, 1, "");
	}
	step = LLVMConstInt(l->i64, offset, 0);
	return offset ? LLVMBuildGEP2(l->b, l->i8, q, &step, 1, "") : q;
}

static void
live_access(struct live *l, LLVMValueRef i, uint32_t block)
{
	unsigned k = LLVMIsALoadInst(i) ? 0 : 1;

	if (LLVMIsALoadInst(i) || LLVMIsAStoreInst(i))
		LLVMSetOperand(i, k, live_address(l, LLVMGetOperand(i, k), i,
		    block));
}

/* ---- Indices ---- */

/* The instruction behind v's, where v can be used; NULL if it is an argument
 * or ends its block. */
static LLVMValueRef
behind(LLVMValueRef v)
{
	LLVMValueRef i;

	if (!LLVMIsAInstruction(v) || LLVMIsATerminatorInst(v))
		return NULL;
	i = LLVMGetNextInstruction(v);
	while (i && LLVMIsAPHINode(i))
		i = LLVMGetNextInstruction(i);
	return i && LLVMIsALandingPadInst(i) ? LLVMGetNextInstruction(i) : i;
}

/* The first of the extensions moves to what it extends; the others are it. */
static void
live_index(struct live *l, LLVMValueRef z)
{
	LLVMValueRef v = LLVMGetOperand(z, 0), at, user;
	LLVMUseRef u, next;

	if (!LLVMGetFirstUse(z) || LLVMTypeOf(v) != l->i32 ||
	    LLVMTypeOf(z) != l->i64 || !LLVMIsAInstruction(v) ||
	    LLVMGetInstructionParent(v) == LLVMGetInstructionParent(z))
		return;
	at = behind(v);
	if (!at)
		return;
	LLVMSetNNeg(z, 0);		/* it may hold later only */
	LLVMInstructionRemoveFromParent(z);
	LLVMPositionBuilderBefore(l->b, at);
	LLVMInsertIntoBuilder(l->b, z);
	for (u = LLVMGetFirstUse(v); u; u = next) {
		next = LLVMGetNextUse(u);
		user = LLVMGetUser(u);
		if (user != z && LLVMIsAZExtInst(user) &&
		    LLVMTypeOf(user) == l->i64)
			LLVMReplaceAllUsesWith(user, z);
	}
}

/* ---- Phis of indices ---- */

/* A variable that counts is left to LLVM, which knows it in this form. */
static bool
counts(LLVMValueRef phi)
{
	for (unsigned k = 0; k < LLVMCountIncoming(phi); k++) {
		LLVMValueRef v = LLVMGetIncomingValue(phi, k);

		if (LLVMIsABinaryOperator(v) &&
		    (LLVMGetOperand(v, 0) == phi ||
		    LLVMGetOperand(v, 1) == phi))
			return true;
	}
	return false;
}

/* Can all that comes in be extended where it is made? */
static bool
can_widen(struct live *l, LLVMValueRef phi)
{
	if (!LLVMIsAPHINode(phi) || LLVMTypeOf(phi) != l->i32 || counts(phi))
		return false;
	for (unsigned k = 0; k < LLVMCountIncoming(phi); k++) {
		LLVMValueRef v = LLVMGetIncomingValue(phi, k);

		if (LLVMIsAInstruction(v) ? !behind(v) :
		    !LLVMIsAArgument(v) && !is_const(v) && !LLVMIsUndef(v))
			return false;
	}
	return true;
}

static bool
is_extended(struct live *l, LLVMValueRef v)
{
	for (LLVMUseRef u = LLVMGetFirstUse(v); u; u = LLVMGetNextUse(u))
		if (LLVMIsAZExtInst(LLVMGetUser(u)) &&
		    LLVMTypeOf(LLVMGetUser(u)) == l->i64)
			return true;
	return false;
}

/* Note the phi, to be widened, and those that lead to it. */
static void
widen_note(struct live *l, LLVMValueRef phi)
{
	struct wide *p;

	if (flow_map_get(&l->wide_at, phi) != UINT32_MAX ||
	    !can_widen(l, phi))
		return;
	p = flow_room(l->wide, l->nwide, &l->wide_room, sizeof *p);
	if (!p)
		return;
	l->wide = p;
	if (!flow_map_put(&l->wide_at, phi, l->nwide))
		return;
	l->wide[l->nwide++].phi = phi;
}

/* v, extended where it is made. */
static LLVMValueRef
extended(struct live *l, LLVMValueRef v)
{
	LLVMBasicBlockRef b = LLVMGetEntryBasicBlock(l->fn);
	uint32_t k = flow_map_get(&l->wide_at, v);
	LLVMValueRef z;

	if (k != UINT32_MAX)
		return l->wide[k].to;
	if (LLVMIsUndef(v))
		return LLVMConstNull(l->i64);	/* its upper half is 0 */
	if (is_const(v))
		return LLVMConstInt(l->i64, LLVMConstIntGetZExtValue(v), 0);
	if (LLVMIsAInstruction(v))
		b = LLVMGetInstructionParent(v);
	for (LLVMUseRef u = LLVMGetFirstUse(v); u; u = LLVMGetNextUse(u)) {
		z = LLVMGetUser(u);
		if (LLVMIsAZExtInst(z) && LLVMTypeOf(z) == l->i64 &&
		    LLVMGetInstructionParent(z) == b) {
			LLVMSetNNeg(z, 0);
			return z;
		}
	}
	LLVMPositionBuilderBefore(l->b, LLVMIsAInstruction(v) ? behind(v) :
	    LLVMGetBasicBlockTerminator(b));
	return LLVMBuildZExt(l->b, v, l->i64, "");
}

/* What needs all 64 bits takes the wide one, the rest its lower half. */
static void
widen_uses(struct live *l, struct wide *w)
{
	LLVMUseRef u, next;
	LLVMValueRef user;

	for (u = LLVMGetFirstUse(w->phi); u; u = next) {
		next = LLVMGetNextUse(u);
		user = LLVMGetUser(u);
		if (LLVMIsAZExtInst(user) && LLVMTypeOf(user) == l->i64)
			LLVMReplaceAllUsesWith(user, w->to);
	}
	LLVMPositionBuilderBefore(l->b, behind(w->phi));
	LLVMReplaceAllUsesWith(w->phi, LLVMBuildTrunc(l->b, w->to, l->i32,
	    ""));
}

static void
widen_all(struct live *l)
{
	for (uint32_t k = 0; k < l->nwide; k++) {
		LLVMPositionBuilderBefore(l->b, l->wide[k].phi);
		l->wide[k].to = LLVMBuildPhi(l->b, l->i64, "");
	}
	for (uint32_t k = 0; k < l->nwide; k++) {
		LLVMValueRef phi = l->wide[k].phi, v;

		for (unsigned i = 0; i < LLVMCountIncoming(phi); i++) {
			LLVMBasicBlockRef b = LLVMGetIncomingBlock(phi, i);

			v = extended(l, LLVMGetIncomingValue(phi, i));
			LLVMAddIncoming(l->wide[k].to, &v, &b, 1);
		}
	}
	for (uint32_t k = 0; k < l->nwide; k++)
		widen_uses(l, &l->wide[k]);
	for (uint32_t k = 0; k < l->nwide; k++)
		LLVMInstructionEraseFromParent(l->wide[k].phi);
}

static void
live_phis(struct live *l)
{
	LLVMValueRef i;

	for (uint32_t b = 0; b < l->flow.n; b++)
		for (i = LLVMGetFirstInstruction(l->flow.blocks[b]);
		    i && LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i))
			if (is_extended(l, i))
				widen_note(l, i);
	for (uint32_t k = 0; k < l->nwide; k++) {
		i = l->wide[k].phi;
		for (unsigned v = 0; v < LLVMCountIncoming(i); v++)
			widen_note(l, LLVMGetIncomingValue(i, v));
	}
	widen_all(l);
	l->nwide = 0;
}

/* ---- All of a function ---- */

static void
live_block(struct live *l, uint32_t block)
{
	LLVMValueRef i = LLVMGetFirstInstruction(l->flow.blocks[block]);

	l->nmade = 0;
	for (; i; i = LLVMGetNextInstruction(i)) {
		if (LLVMIsAPHINode(i))
			continue;
		live_access(l, i, block);
		live_constants(l, i, block);
		live_sums(l, i, block);
	}
}

static void
live_function(struct live *l)
{
	const struct flow *f = &l->flow;
	LLVMValueRef i, next;

	live_loops(l);
	live_phis(l);
	for (uint32_t b = 0; b < f->n; b++)
		for (i = LLVMGetFirstInstruction(f->blocks[b]); i; i = next) {
			next = LLVMGetNextInstruction(i);
			live_remember(l, i);
			if (LLVMIsAZExtInst(i))
				live_index(l, i);
		}
	for (uint32_t b = 0; b < f->n; b++)
		live_block(l, b);
	free(l->loop);
	free(l->calls);
	free(l->wide);
	free(l->wide_at.keys);
	free(l->wide_at.values);
	l->wide = NULL;
	l->wide_room = 0;
	l->wide_at = (struct flow_map){ 0 };
}

static struct live
live_open(const struct plan *p, LLVMModuleRef mod)
{
	LLVMContextRef ctx = LLVMGetModuleContext(mod);

	return (struct live){ .plan = p, .ctx = ctx,
	    .b = LLVMCreateBuilderInContext(ctx),
	    .i8 = LLVMInt8TypeInContext(ctx),
	    .i32 = LLVMInt32TypeInContext(ctx),
	    .i64 = LLVMInt64TypeInContext(ctx),
	    .md_invariant = LLVMGetMDKindIDInContext(ctx, "invariant.load",
	    14) };
}

void
lower_remember(const struct plan *p, LLVMModuleRef mod)
{
	struct live l = live_open(p, mod);
	LLVMBasicBlockRef b;
	LLVMValueRef i;

	for (l.fn = LLVMGetFirstFunction(mod); l.fn;
	    l.fn = LLVMGetNextFunction(l.fn))
		for (b = LLVMGetFirstBasicBlock(l.fn); b;
		    b = LLVMGetNextBasicBlock(b))
			for (i = LLVMGetFirstInstruction(b); i;
			    i = LLVMGetNextInstruction(i))
				live_remember(&l, i);
	LLVMDisposeBuilder(l.b);
}

void
lower_live(const struct plan *p, LLVMModuleRef mod)
{
	struct live l = live_open(p, mod);

	for (l.fn = LLVMGetFirstFunction(mod); l.fn;
	    l.fn = LLVMGetNextFunction(l.fn)) {
		if (LLVMIsDeclaration(l.fn))
			continue;
		if (flow_make(&l.flow, l.fn))
			live_function(&l);
		flow_free(&l.flow);
	}
	LLVMDisposeBuilder(l.b);
}
