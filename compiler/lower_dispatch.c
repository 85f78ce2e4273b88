/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_dispatch.c: the heads of interpreters.
 *
 * An interpreter's loop goes through one br_table: wasm has no address of a
 * label, so that also what was written with a jump for each instruction of the
 * interpreted code comes here as many blocks that go to one switch.  LLVM leaves
 * a switch alone, but copies a jump to computed addresses into each block that
 * leads to it, after registers are given out, as it does for C's `goto *`.  So
 * such a switch becomes a table of addresses and a jump.
 *
 * With more targets LLVM leaves the jump alone too.  It is shorter all the
 * same: a switch's own table has distances, which are extended and added to
 * where it is.
 *
 * The index must lie in the table: it does by what it is made of (a byte, for
 * which there are 256 entries; so many low bits), or it is compared.  If the
 * jump is to be copied, the smaller of it and the entry behind the last is
 * taken, which leads to the default, so that all is in one block; else a branch
 * goes to the default.
 */
#include <stdlib.h>

#include "lower_flow.h"
#include "lower_late.h"

enum {
	MIN_CASES = 8,
	MAX_COPIED = 16,		/* more targets LLVM would not copy */
	MAX_TARGETS = 512,
	MAX_ENTRIES = 1024,
	MIN_BACK = 4,			/* blocks that come back to it */
	MAX_SIZE = 24,			/* instructions, without phis */
};

struct dispatch {
	LLVMModuleRef mod;
	LLVMContextRef ctx;
	LLVMBuilderRef b;
	LLVMTypeRef i64, ptr;
	LLVMValueRef fn, sw;
	LLVMBasicBlockRef *to;		/* per entry */
	uint64_t n;			/* entries */
};

/* How large can v be?  The bound for v of that many bits at worst. */
static uint64_t
value_max(LLVMValueRef v)
{
	unsigned bits = LLVMGetIntTypeWidth(LLVMTypeOf(v));
	LLVMValueRef c;

	if (LLVMIsAZExtInst(v))
		return value_max(LLVMGetOperand(v, 0));
	if (LLVMIsAInstruction(v) &&
	    LLVMGetInstructionOpcode(v) == LLVMAnd &&
	    LLVMIsAConstantInt(c = LLVMGetOperand(v, 1)))
		return LLVMConstIntGetZExtValue(c);
	return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

static unsigned
block_size(LLVMBasicBlockRef b)
{
	unsigned n = 0;

	for (LLVMValueRef i = LLVMGetFirstInstruction(b); i;
	    i = LLVMGetNextInstruction(i))
		n += !LLVMIsAPHINode(i);
	return n;
}

/* How many blocks come back to the head by way of b, counted before what would
 * be copied into them with it: small blocks that only go on. */
static unsigned
comes_back(const struct flow *f, uint32_t head, uint32_t b, unsigned size)
{
	unsigned n = 0;

	size += block_size(f->blocks[b]);
	if (size > MAX_SIZE)
		return 0;
	for (uint32_t k = f->pred_first[b]; k < f->pred_first[b + 1]; k++) {
		uint32_t p = f->preds[k];
		unsigned more = 0;

		if (p == head || !flow_dominates(f, head, p))
			continue;
		if (LLVMGetNumSuccessors(LLVMGetBasicBlockTerminator(
		    f->blocks[p])) == 1)
			more = comes_back(f, head, p, size);
		n += more ? more : 1;
	}
	return n;
}

/* Does the switch at the block's end choose what an interpreter does next? */
static bool
is_dispatch(const struct flow *f, uint32_t block, LLVMValueRef sw)
{
	return LLVMGetNumSuccessors(sw) > MIN_CASES &&
	    LLVMGetNumSuccessors(sw) <= MAX_TARGETS &&
	    LLVMGetIntTypeWidth(LLVMTypeOf(LLVMGetOperand(sw, 0))) <= 64 &&
	    comes_back(f, block, block, 0) >= MIN_BACK;
}

/* The largest case, or UINT64_MAX. */
static uint64_t
last_case(LLVMValueRef sw)
{
	uint64_t last = 0;

	for (unsigned k = 1; k < LLVMGetNumSuccessors(sw); k++) {
		uint64_t x = LLVMConstIntGetZExtValue(
		    LLVMGetSwitchCaseValue(sw, k));

		last = x > last ? x : last;
	}
	return last;
}

/* Which block each value leads to. */
static bool
make_entries(struct dispatch *d, uint64_t n)
{
	d->n = n;
	d->to = calloc(n, sizeof *d->to);
	if (!d->to)
		return false;
	for (uint64_t k = 0; k < n; k++)
		d->to[k] = LLVMGetSwitchDefaultDest(d->sw);
	for (unsigned k = 1; k < LLVMGetNumSuccessors(d->sw); k++) {
		uint64_t x = LLVMConstIntGetZExtValue(
		    LLVMGetSwitchCaseValue(d->sw, k));

		if (x < n)
			d->to[x] = LLVMGetSuccessor(d->sw, k);
	}
	return true;
}

static LLVMValueRef
make_table(struct dispatch *d)
{
	LLVMValueRef *v = calloc(d->n, sizeof *v), g;

	if (!v)
		return NULL;
	for (uint64_t k = 0; k < d->n; k++)
		v[k] = LLVMBlockAddress(d->fn, d->to[k]);
	g = LLVMAddGlobal(d->mod, LLVMArrayType2(d->ptr, d->n), "");
	LLVMSetInitializer(g, LLVMConstArray2(d->ptr, v, d->n));
	LLVMSetGlobalConstant(g, 1);
	LLVMSetLinkage(g, LLVMPrivateLinkage);
	LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
	free(v);
	return g;
}

static LLVMValueRef
clamp(struct dispatch *d, LLVMValueRef i, uint64_t last)
{
	LLVMValueRef max = LLVMConstInt(LLVMTypeOf(i), last, 0);

	return LLVMBuildSelect(d->b, LLVMBuildICmp(d->b, LLVMIntULT, i, max,
	    ""), i, max, "");
}

/* All that jump to the block jump to one before it, which gets what is in it
 * but the switch, and goes to the default if the index is not in the table. */
static void
branch_out(struct dispatch *d)
{
	LLVMValueRef i = LLVMGetOperand(d->sw, 0), phi, v;
	LLVMBasicBlockRef other = LLVMGetSwitchDefaultDest(d->sw), head;
	LLVMBasicBlockRef here = LLVMGetInstructionParent(d->sw);

	head = late_split(d->ctx, d->b, d->sw);
	LLVMPositionBuilderAtEnd(d->b, head);
	LLVMBuildCondBr(d->b, LLVMBuildICmp(d->b, LLVMIntULT, i,
	    LLVMConstInt(LLVMTypeOf(i), d->n - 1, 0), ""), here, other);
	for (phi = LLVMGetFirstInstruction(other); LLVMIsAPHINode(phi);
	    phi = LLVMGetNextInstruction(phi))
		for (unsigned k = 0; k < LLVMCountIncoming(phi); k++)
			if (LLVMGetIncomingBlock(phi, k) == here) {
				v = LLVMGetIncomingValue(phi, k);
				LLVMAddIncoming(phi, &v, &head, 1);
				break;
			}
}

/* Is all that leads to the block an instruction? */
static bool
can_branch_out(LLVMValueRef sw)
{
	LLVMUseRef u = LLVMGetFirstUse(LLVMBasicBlockAsValue(
	    LLVMGetInstructionParent(sw)));

	for (; u; u = LLVMGetNextUse(u))
		if (!LLVMIsAInstruction(LLVMGetUser(u)))
			return false;
	return true;
}

/* Edges stay as many as they were, for the phis behind them. */
static void
replace(struct dispatch *d, bool inside)
{
	LLVMValueRef i = LLVMGetOperand(d->sw, 0), g = make_table(d), p, jump;
	unsigned n = LLVMGetNumSuccessors(d->sw);

	if (!g)
		return;
	LLVMPositionBuilderBefore(d->b, d->sw);
	if (!inside && (n <= MAX_COPIED || !can_branch_out(d->sw)))
		i = clamp(d, i, d->n - 1);
	else if (!inside)
		branch_out(d);
	LLVMPositionBuilderBefore(d->b, d->sw);
	if (LLVMTypeOf(i) != d->i64)
		i = LLVMBuildZExt(d->b, i, d->i64, "");
	p = LLVMBuildGEP2(d->b, d->ptr, g, &i, 1, "");
	p = LLVMBuildLoad2(d->b, d->ptr, p, "");
	LLVMSetMetadata(p, LLVMGetMDKindIDInContext(d->ctx, "invariant.load",
	    14), LLVMMetadataAsValue(d->ctx,
	    LLVMMDNodeInContext2(d->ctx, NULL, 0)));
	jump = LLVMBuildIndirectBr(d->b, p, n);
	for (unsigned k = 0; k < n; k++)
		LLVMAddDestination(jump, LLVMGetSuccessor(d->sw, k));
	LLVMInstructionEraseFromParent(d->sw);
}

static void
dispatch_switch(struct dispatch *d)
{
	uint64_t max = value_max(LLVMGetOperand(d->sw, 0));
	uint64_t last = last_case(d->sw), n;
	bool inside = max <= UINT8_MAX || (max < MAX_ENTRIES &&
	    max < 4 * last + 64);

	if (last >= MAX_ENTRIES - 1 ||
	    last > 4ull * LLVMGetNumSuccessors(d->sw))
		return;
	n = inside ? max + 1 : last + 2;
	if (make_entries(d, n))
		replace(d, inside);
	free(d->to);
}

static void
dispatch_function(struct dispatch *d, const struct flow *f)
{
	for (uint32_t k = 0; k < f->n; k++) {
		d->sw = LLVMGetBasicBlockTerminator(f->blocks[k]);
		if (LLVMIsASwitchInst(d->sw) && is_dispatch(f, k, d->sw))
			dispatch_switch(d);
	}
}

void
lower_dispatch(LLVMModuleRef mod)
{
	LLVMContextRef ctx = LLVMGetModuleContext(mod);
	struct dispatch d = { .mod = mod, .ctx = ctx,
	    .b = LLVMCreateBuilderInContext(ctx),
	    .i64 = LLVMInt64TypeInContext(ctx),
	    .ptr = LLVMPointerTypeInContext(ctx, 0) };
	struct flow f;

	for (d.fn = LLVMGetFirstFunction(mod); d.fn;
	    d.fn = LLVMGetNextFunction(d.fn)) {
		if (LLVMIsDeclaration(d.fn))
			continue;
		if (flow_make(&f, d.fn))
			dispatch_function(&d, &f);
		flow_free(&f);
	}
	LLVMDisposeBuilder(d.b);
}
