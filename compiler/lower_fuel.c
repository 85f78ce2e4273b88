/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_fuel.c: counting what is executed (--fuel).
 *
 * At the head of each stretch (fuel.h) its whole cost is subtracted.  While
 * enough is left that is all.  If not, the stretch cannot come to its end: it
 * is lowered a second time, with a test before each instruction that traps or
 * changes something, and that copy ends in the trap.  It never comes back into
 * the ordinary code, and so the ordinary code pays one subtraction and one
 * branch a stretch, and the trap is exact all the same.  Stretches in which
 * nothing can be seen from outside need no copy.
 *
 * The count is a local variable of the function.  vmctx->fuel gets it where
 * somebody could look: before calls, at returns, before accesses that fault,
 * and is read again behind calls and where exceptions land.  At a trap the
 * unused part of the stretch is given back: by the code that traps, or, for a
 * fault, by the runtime, which finds it in the metadata.
 */
#include <string.h>

#include "lower.h"

#define FUEL_AT	offsetof(struct wabi_vmctx, fuel)

static LLVMValueRef
l_fuel_var(struct lower *l)
{
	return LLVMBuildLoad2(l->b, l->i64, l->fuel.var, "");
}

static void
l_fuel_keep(struct lower *l, LLVMValueRef v)
{
	l_tagged(l, LLVMBuildStore(l->b, v, l_at(l, l->vmctx, FUEL_AT)),
	    ALIAS_FUEL);
}

void
l_fuel_reload(struct lower *l)
{
	if (!l->fuel.var)
		return;
	LLVMBuildStore(l->b, l_tagged(l, LLVMBuildLoad2(l->b, l->i64,
	    l_at(l, l->vmctx, FUEL_AT), "fuel"), ALIAS_FUEL), l->fuel.var);
}

void
l_fuel_open(struct lower *l)
{
	memset(&l->fuel, 0, sizeof l->fuel);
	if (!l->plan->fuel)
		return;
	l->fuel.var = l_alloca(l, l->i64, "fuel");
	l->fuel.entry = FUEL_ENTRY;
	l_fuel_reload(l);
}

/* Before the function returns. */
void
l_fuel_close(struct lower *l)
{
	if (l->fuel.var && !l->dead)
		l_fuel_keep(l, l_fuel_var(l));
}

/* Before a trap: what of the stretch comes after it is not used. */
void
l_fuel_trap(struct lower *l)
{
	if (!l->fuel.var)
		return;
	l_fuel_keep(l, l->fuel.out ? l_i64(l, 0) : LLVMBuildAdd(l->b,
	    l_fuel_var(l), l_i64(l, l->fuel.rest), ""));
}

static void
l_fuel_out(struct lower *l)
{
	l->fuel.out = true;
	l_trap(l, l_i32(l, WABI_TRAP_FUEL));
	l->fuel.out = false;
}

/* In the copy: can the instruction that comes now, and all before it, be
 * paid? */
static void
l_fuel_test(struct lower *l)
{
	LLVMValueRef left = LLVMBuildAdd(l->b, l_fuel_var(l),
	    l_i64(l, l->fuel.rest), "");

	l->fuel.out = true;
	l_trap_if(l, LLVMBuildICmp(l->b, LLVMIntSLT, left, l_i64(l, 0), ""),
	    WABI_TRAP_FUEL);
	l->fuel.out = false;
}

/* The copy of the stretch's first instructions, then the trap. */
static void
l_fuel_copy(struct lower *l, struct reader r, const struct stretch *s)
{
	uint64_t rest = l->fuel.rest;
	uint32_t nlabels = l->nlabels, nstack = l->nstack;
	/* No instruction in a stretch takes more than four values. */
	uint32_t n = s->ntouch < nstack / 4 ? 4 * s->ntouch : nstack;
	LLVMValueRef *top = ARENA_NEW(&l->c.scratch, n, LLVMValueRef);

	if (n)
		memcpy(top, l->stack + nstack - n, n * sizeof *top);
	l->fuel.copy = true;
	for (uint32_t i = 0; i < s->ntouch; i++) {
		struct insn in;

		insn_read(&r, &in);
		l->offset = in.offset;
		l->fuel.rest -= fuel_cost(in.op);
		if (fuel_class(in.op) == FUEL_TOUCHES)
			l_fuel_test(l);
		l_insn(l, &in);
	}
	l->fuel.copy = false;
	l->fuel.rest = rest;
	l_fuel_out(l);
	while (l->nlabels > nlabels)
		LLVMDeleteBasicBlock(l->labels[--l->nlabels].target);
	if (n)
		memcpy(l->stack + nstack - n, top, n * sizeof *top);
	l->nstack = nstack;
}

static void
l_fuel_pay(struct lower *l, const struct reader *r, const struct stretch *s,
    uint64_t units)
{
	LLVMBasicBlockRef out = l_bb(l, "fuel"), on = l_bb(l, "");
	LLVMValueRef left, br;

	l_locate(l);
	left = LLVMBuildSub(l->b, l_fuel_var(l), l_i64(l, units), "fuel");
	LLVMBuildStore(l->b, left, l->fuel.var);
	if (s->visible)
		l_fuel_keep(l, left);
	br = LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntSLT, left,
	    l_i64(l, 0), ""), out, on);
	LLVMSetMetadata(br, l->md_prof, l->unlikely);
	LLVMPositionBuilderAtEnd(l->b, out);
	l_fuel_copy(l, *r, s);
	LLVMPositionBuilderAtEnd(l->b, on);
}

/* Before the instruction at r: at a stretch's head, pay for it. */
void
l_fuel_head(struct lower *l, const struct reader *r)
{
	struct stretch s;
	uint64_t units;

	if (!l->fuel.var || l->dead || l->fuel.left > 0)
		return;
	s = fuel_stretch(*r);
	l->offset = rd_pos(r);
	l->fuel.left = s.n;
	l->fuel.rest = s.cost;
	units = s.cost + l->fuel.entry;
	l->fuel.entry = 0;
	if (units > 0)
		l_fuel_pay(l, r, &s, units);
}

/* The instruction comes now. */
void
l_fuel_step(struct lower *l, const struct insn *in)
{
	if (!l->fuel.var || l->fuel.left == 0)
		return;
	l->fuel.left--;
	l->fuel.rest -= fuel_cost(in->op);
}

/* The instruction is lowered. */
void
l_fuel_done(struct lower *l, const struct insn *in)
{
	if (l->fuel.var && !l->dead && fuel_class(in->op) == FUEL_LEAVES)
		l_fuel_reload(l);
}
