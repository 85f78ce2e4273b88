/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_atomic.c: threads: atomic accesses, wait, notify, fence.
 *
 * Every access is sequentially consistent.  One that is not aligned to its own
 * width traps, before its bounds are looked at.  LLVM deletes no atomic
 * access whose result is unused unless it is unordered, or a read-modify-write
 * that changes nothing; lower_exact.c sees to those.
 */
#include <stdio.h>
#include <string.h>

#include "lower.h"

/* "i64.atomic.rmw32.add_u": a 32-bit access, an i64 on the stack.  The
 * access's size is the row's natural alignment. */
struct access {
	uint32_t n;			/* bytes */
	LLVMTypeRef t, stack;
};

static struct access
l_access(struct lower *l, const struct insn *in)
{
	struct access a = { .n = 1u << opinfos[in->op].align };

	a.t = LLVMIntTypeInContext(l->ctx, 8 * a.n);
	a.stack = opinfos[in->op].text[1] == '3' ? l->i32 : l->i64;
	return a;
}

/* Trap unless index + offset is a multiple of n. */
static void
l_check_aligned(struct lower *l, const struct insn *in, LLVMValueRef index,
    uint32_t n)
{
	LLVMTypeRef t = LLVMTypeOf(index);
	LLVMValueRef low = LLVMBuildAdd(l->b, index,
	    LLVMConstInt(t, in->memarg.offset & (n - 1), 0), "");

	if (n == 1)
		return;
	low = LLVMBuildAnd(l->b, low, LLVMConstInt(t, n - 1, 0), "");
	l_locate(l);
	l_trap_if(l, LLVMBuildICmp(l->b, LLVMIntNE, low, LLVMConstNull(t), ""),
	    WABI_TRAP_UNALIGNED_ATOMIC);
}

static LLVMValueRef
l_atomic_addr(struct lower *l, const struct insn *in, LLVMValueRef index,
    uint32_t n)
{
	l_check_aligned(l, in, index, n);
	return l_addr(l, &in->memarg, index, n);
}

static LLVMValueRef
l_narrow(struct lower *l, LLVMValueRef v, struct access a)
{
	return a.t == a.stack ? v : LLVMBuildTrunc(l->b, v, a.t, "");
}

static void
l_push_wide(struct lower *l, LLVMValueRef v, struct access a)
{
	l_push(l, a.t == a.stack ? v : LLVMBuildZExt(l->b, v, a.stack, ""));
}

static void
l_mark(struct lower *l, const struct insn *in, LLVMValueRef access)
{
	l_tagged(l, access, l_memory_alias(l, in->memarg.mem));
}

void
l_atomic_load(struct lower *l, const struct insn *in)
{
	struct access a = l_access(l, in);
	LLVMValueRef p = l_atomic_addr(l, in, l_pop(l), a.n);
	LLVMValueRef v = LLVMBuildLoad2(l->b, a.t, p, "");

	LLVMSetOrdering(v, LLVMAtomicOrderingSequentiallyConsistent);
	LLVMSetAlignment(v, a.n);
	l_mark(l, in, v);
	l_push_wide(l, v, a);
}

void
l_atomic_store(struct lower *l, const struct insn *in)
{
	struct access a = l_access(l, in);
	LLVMValueRef v = l_narrow(l, l_pop(l), a);
	LLVMValueRef p = l_atomic_addr(l, in, l_pop(l), a.n);
	LLVMValueRef s = LLVMBuildStore(l->b, v, p);

	LLVMSetOrdering(s, LLVMAtomicOrderingSequentiallyConsistent);
	LLVMSetAlignment(s, a.n);
	l_mark(l, in, s);
}

static LLVMAtomicRMWBinOp
l_rmw_op(const char *text)
{
	static const struct {
		const char *name;
		LLVMAtomicRMWBinOp op;
	} ops[] = {
		{ ".add", LLVMAtomicRMWBinOpAdd },
		{ ".sub", LLVMAtomicRMWBinOpSub },
		{ ".and", LLVMAtomicRMWBinOpAnd },
		{ ".or", LLVMAtomicRMWBinOpOr },
		{ ".xor", LLVMAtomicRMWBinOpXor },
	};

	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (strstr(text, ops[i].name))
			return ops[i].op;
	return LLVMAtomicRMWBinOpXchg;
}

void
l_atomic_rmw(struct lower *l, const struct insn *in)
{
	struct access a = l_access(l, in);
	LLVMValueRef v = l_narrow(l, l_pop(l), a);
	LLVMValueRef p = l_atomic_addr(l, in, l_pop(l), a.n);

	v = LLVMBuildAtomicRMW(l->b, l_rmw_op(opinfos[in->op].text), p, v,
	    LLVMAtomicOrderingSequentiallyConsistent, 0);
	LLVMSetVolatile(v, 1);		/* see x_seal_rmw() */
	l_mark(l, in, v);
	l_push_wide(l, v, a);
}

/* An expected value with bits above the access's width never matches: the
 * access still happens, and gives what is there. */
void
l_atomic_cmpxchg(struct lower *l, const struct insn *in)
{
	struct access a = l_access(l, in);
	LLVMValueRef new = l_narrow(l, l_pop(l), a), wide = l_pop(l);
	LLVMValueRef want = l_narrow(l, wide, a);
	LLVMValueRef p = l_atomic_addr(l, in, l_pop(l), a.n), v;

	if (a.t != a.stack) {
		LLVMBasicBlockRef can = l_bb(l, ""), cannot = l_bb(l, "");
		LLVMBasicBlockRef done = l_bb(l, "");
		LLVMValueRef got[2];

		LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntEQ, wide,
		    LLVMBuildZExt(l->b, want, a.stack, ""), ""), can, cannot);
		LLVMPositionBuilderAtEnd(l->b, can);
		l_locate(l);
		v = LLVMBuildAtomicCmpXchg(l->b, p, want, new,
		    LLVMAtomicOrderingSequentiallyConsistent,
		    LLVMAtomicOrderingSequentiallyConsistent, 0);
		l_mark(l, in, v);
		got[0] = LLVMBuildExtractValue(l->b, v, 0, "");
		LLVMBuildBr(l->b, done);
		LLVMPositionBuilderAtEnd(l->b, cannot);
		got[1] = LLVMBuildLoad2(l->b, a.t, p, "");
		LLVMSetOrdering(got[1],
		    LLVMAtomicOrderingSequentiallyConsistent);
		LLVMSetAlignment(got[1], a.n);
		l_mark(l, in, got[1]);
		LLVMBuildBr(l->b, done);
		LLVMPositionBuilderAtEnd(l->b, done);
		v = LLVMBuildPhi(l->b, a.t, "");
		LLVMAddIncoming(v, got, (LLVMBasicBlockRef[]){ can, cannot },
		    2);
	} else {
		v = LLVMBuildAtomicCmpXchg(l->b, p, want, new,
		    LLVMAtomicOrderingSequentiallyConsistent,
		    LLVMAtomicOrderingSequentiallyConsistent, 0);
		l_mark(l, in, v);
		v = LLVMBuildExtractValue(l->b, v, 0, "");
	}
	l_push_wide(l, v, a);
}

void
l_atomic_fence(struct lower *l, const struct insn *in)
{
	LLVMBuildFence(l->b, LLVMAtomicOrderingSequentiallyConsistent, 0, "");
}

/* ---- Wait and notify: the runtime's work ---- */

/* index + offset as 64 bits.  A sum that has no place in them is beyond every
 * memory, as is the highest aligned address. */
static LLVMValueRef
l_wait_address(struct lower *l, const struct insn *in, LLVMValueRef index,
    uint32_t n)
{
	LLVMValueRef offset = l_i64(l, in->memarg.offset), sum, over;

	l_check_aligned(l, in, index, n);
	if (!l->m->memories[in->memarg.mem].limits.is64)
		return LLVMBuildAdd(l->b, l_zext64(l, index), offset, "");
	sum = LLVMBuildAdd(l->b, index, offset, "");
	over = LLVMBuildICmp(l->b, LLVMIntULT, sum, index, "");
	return LLVMBuildSelect(l->b, over, l_i64(l, -(uint64_t)n), sum, "");
}

void
l_atomic_wait(struct lower *l, const struct insn *in)
{
	uint32_t n = 1u << opinfos[in->op].align;
	LLVMValueRef timeout = l_pop(l), expected = l_pop(l);
	LLVMValueRef args[4] = { l_i32(l, in->memarg.mem),
	    l_wait_address(l, in, l_pop(l), n), expected, timeout };

	l_push(l, l_rt(l, n == 4 ? WABI_RT_ATOMIC_WAIT32 :
	    WABI_RT_ATOMIC_WAIT64, args, 4));
}

void
l_atomic_notify(struct lower *l, const struct insn *in)
{
	LLVMValueRef count = l_pop(l);
	LLVMValueRef args[3] = { l_i32(l, in->memarg.mem),
	    l_wait_address(l, in, l_pop(l), 4), count };

	l_push(l, l_rt(l, WABI_RT_ATOMIC_NOTIFY, args, 3));
}
