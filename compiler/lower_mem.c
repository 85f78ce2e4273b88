/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_mem.c: linear memory.
 *
 * Every access gets its address from l_addr(), which is the one place that
 * knows how bounds are kept:
 *
 *   guard     a 32-bit memory: base + zext(index) + offset.  Whatever lies
 *             beyond the memory faults; offsets larger than the guard are
 *             checked as below.
 *   explicit  64-bit memories, those with small pages, whose end is not the
 *             end of a machine page, and --bounds=explicit: compare with the
 *             size, trap by a branch, and mask the index by the outcome of the same
 *             compare, computed where LLVM cannot see that the branch has
 *             decided it.  A wrongly predicted branch thus reads at base +
 *             offset at most, and at base if the offset is not within the
 *             memory's first size: never what is not the guest's.
 */
#include <string.h>

#include "lower.h"

/* ---- Addresses ---- */

static uint64_t
l_memref_at(struct lower *l, uint32_t mem)
{
	return l->plan->layout.memories
	    + sizeof(struct wabi_memref) * (uint64_t)mem;
}

/* The base is loaded once a function: it never changes. */
static LLVMValueRef
l_base(struct lower *l, uint32_t mem)
{
	LLVMBasicBlockRef at = LLVMGetInsertBlock(l->b);

	if (!l->mem_base[mem]) {
		LLVMPositionBuilderBefore(l->b, l->entry_end);
		l->mem_base[mem] = l_fixed(l, l->ptr, l->vmctx,
		    l_memref_at(l, mem) + offsetof(struct wabi_memref, base));
		LLVMPositionBuilderAtEnd(l->b, at);
		l->located = UINT64_MAX;	/* it is the entry's now */
	}
	return l->mem_base[mem];
}

/* A size field of a memory, which grows; if it is shared, at any time and by
 * another thread's hand. */
LLVMValueRef
l_mem_state(struct lower *l, uint32_t mem, uint64_t field, bool check)
{
	LLVMValueRef p = l_fixed(l, l->ptr, l->vmctx,
	    l_memref_at(l, mem) + offsetof(struct wabi_memref, mem));
	LLVMValueRef v = LLVMBuildLoad2(l->b, l->i64, l_at(l, p, field), "");

	if (l->m->memories[mem].limits.shared && check && l->plan->is_x86 &&
	    l->plan->opt_level <= 1) {
		/* The same instruction, and one that FastISel knows. */
		LLVMSetVolatile(v, 1);
	} else if (l->m->memories[mem].limits.shared) {
		LLVMSetOrdering(v, check ? LLVMAtomicOrderingMonotonic :
		    LLVMAtomicOrderingSequentiallyConsistent);
		LLVMSetAlignment(v, 8);
	}
	return l_tagged(l, v, ALIAS_STATE);
}

/* ~0 if ok, else 0, in a way that LLVM does not see through.  The assembly is
 * empty and has no side effects: it can be moved and merged. */
static LLVMValueRef
l_hidden_mask(struct lower *l, LLVMValueRef ok)
{
	LLVMTypeRef t = LLVMFunctionType(l->i64, &l->i64, 1, 0);
	LLVMValueRef mask = LLVMBuildSExt(l->b, ok, l->i64, "");
	LLVMValueRef a = LLVMGetInlineAsm(t, "", 0, "=r,0", 4, 0, 0,
	    LLVMInlineAsmDialectATT, 0);

	return LLVMBuildCall2(l->b, t, a, &mask, 1, "");
}

/* Is [offset, offset + n) always within the memory? */
static bool
l_offset_inside(struct lower *l, const struct memarg *a, uint32_t n)
{
	const struct limits *lim = &l->m->memories[a->mem].limits;

	return a->offset <= UINT64_MAX - n &&
	    (a->offset + n - 1) >> lim->page_log2 < lim->min;
}

/* index, 64 bits wide, after a check that index + offset + n <= size: the sum
 * cannot overflow as it is formed after that only.  An offset that may lead out
 * of the memory on its own is in the result, for the mask must cover it, and
 * *offset is 0 then. */
static LLVMValueRef
l_checked(struct lower *l, const struct memarg *a, LLVMValueRef index,
    uint32_t n, uint64_t *offset)
{
	LLVMValueRef size = l_mem_state(l, a->mem,
	    offsetof(struct wabi_memory, bytes), true);
	LLVMValueRef need, room, ok, mask;

	if (a->offset > UINT64_MAX - n)
		need = l_i64(l, UINT64_MAX);	/* more than any memory has */
	else
		need = l_i64(l, a->offset + n);
	room = LLVMBuildSub(l->b, size, need, "");
	ok = LLVMBuildAnd(l->b,
	    LLVMBuildICmp(l->b, LLVMIntUGE, size, need, ""),
	    LLVMBuildICmp(l->b, LLVMIntULE, index, room, ""), "");
	mask = l_hidden_mask(l, ok);
	l_trap_if(l, LLVMBuildNot(l->b, ok, ""), WABI_TRAP_MEMORY_OOB);
	if (!l_offset_inside(l, a, n)) {
		index = LLVMBuildAdd(l->b, index, l_i64(l, a->offset), "");
		*offset = 0;
	}
	return LLVMBuildAnd(l->b, index, mask, "");
}

/* The address of an access of n bytes at index.  The offset is applied last,
 * so that it can become part of the machine's addressing mode. */
LLVMValueRef
l_addr(struct lower *l, const struct memarg *a, LLVMValueRef index, uint32_t n)
{
	const struct limits *lim = &l->m->memories[a->mem].limits;
	LLVMValueRef p = l_base(l, a->mem), i;
	uint64_t offset = a->offset;

	l_locate(l);
	i = lim->is64 ? index : l_zext64(l, index);
	if (lim->is64 || lim->page_log2 < 16 || l->plan->explicit_bounds
	    || offset > WABI_GUARD_AFTER - 16)
		i = l_checked(l, a, i, n, &offset);
	p = LLVMBuildGEP2(l->b, l->i8, p, &i, 1, "");
	return l_at(l, p, offset);
}

LLVMValueRef
l_memory_at(struct lower *l, uint32_t mem, LLVMValueRef index)
{
	return LLVMBuildGEP2(l->b, l->i8, l_base(l, mem), &index, 1, "");
}

/* Own memories are no other's; further than the table reaches they share. */
enum alias
l_memory_alias(struct lower *l, uint32_t mem)
{
	uint32_t own = mem - l->m->nmemories_imported;

	if (l->m->memories[mem].imported)
		return ALIAS_MEMORY_IMP;
	return ALIAS_MEMORY + (own < 7 ? own : 7);
}

/* ---- Loads and stores ---- */

/* The row says it all: "i64.load16_s", its signature, its natural alignment,
 * which is the access's size. */
void
l_load(struct lower *l, const struct insn *in)
{
	const struct opinfo *o = &opinfos[in->op];
	char c = strchr(o->sig, ':')[1];
	uint32_t n = 1u << o->align;
	LLVMTypeRef to = c == 'i' ? l->i32 : c == 'l' ? l->i64 :
	    c == 'f' ? l->f32 : l->f64;
	bool whole = c == 'f' || c == 'd' || n == (c == 'i' ? 4 : 8);
	LLVMTypeRef t = whole ? to : LLVMIntTypeInContext(l->ctx, 8 * n);
	LLVMValueRef p = l_addr(l, &in->memarg, l_pop(l), n);
	LLVMValueRef v = LLVMBuildLoad2(l->b, t, p, "");

	LLVMSetAlignment(v, 1);
	l_tagged(l, v, l_memory_alias(l, in->memarg.mem));
	l_exact_load(l, v);
	if (!whole)
		v = o->text[strlen(o->text) - 1] == 's' ?
		    LLVMBuildSExt(l->b, v, to, "") :
		    LLVMBuildZExt(l->b, v, to, "");
	l_push(l, v);
}

void
l_store(struct lower *l, const struct insn *in)
{
	uint32_t n = 1u << opinfos[in->op].align;
	LLVMValueRef v = l_pop(l), index = l_pop(l), p, s;
	LLVMTypeRef t = LLVMTypeOf(v);

	p = l_addr(l, &in->memarg, index, n);
	if ((t == l->i32 && n < 4) || (t == l->i64 && n < 8))
		v = LLVMBuildTrunc(l->b, v,
		    LLVMIntTypeInContext(l->ctx, 8 * n), "");
	s = LLVMBuildStore(l->b, v, p);
	LLVMSetAlignment(s, 1);
	l_tagged(l, s, l_memory_alias(l, in->memarg.mem));
}

/* ---- Size, growth, bulk operations ---- */

static LLVMValueRef
l_as_address(struct lower *l, LLVMValueRef v, bool is64)
{
	return is64 ? v : LLVMBuildTrunc(l->b, v, l->i32, "");
}

void
l_memory_size(struct lower *l, const struct insn *in)
{
	l_push(l, l_as_address(l, l_mem_state(l, in->index,
	    offsetof(struct wabi_memory, pages), false),
	    l->m->memories[in->index].limits.is64));
}

void
l_memory_grow(struct lower *l, const struct insn *in)
{
	LLVMValueRef args[2] = { l_i32(l, in->index), l_pop(l) };

	l_push(l, l_as_address(l, l_rt(l, WABI_RT_MEMORY_GROW, args, 2),
	    l->m->memories[in->index].limits.is64));
}

void
l_memory_init(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l), src = l_pop(l), dst = l_pop(l);
	LLVMValueRef args[5] = { l_i32(l, in->index2), l_i32(l, in->index),
	    dst, src, n };

	l_rt(l, WABI_RT_MEMORY_INIT, args, 5);
}

void
l_data_drop(struct lower *l, const struct insn *in)
{
	LLVMValueRef seg = l_i32(l, in->index);

	l_rt(l, WABI_RT_DATA_DROP, &seg, 1);
}
