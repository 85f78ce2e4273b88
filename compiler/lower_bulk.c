/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_bulk.c: memory.copy and memory.fill.
 *
 * C compilers write every copy of a structure and every memcpy as memory.copy,
 * and most are short.  What is no longer than MAX_INLINE bytes and lies within
 * the memories is done here; everything else, and what traps, is the runtime's.
 *
 *   length known      loads, then stores, of 16 bytes at most; the last ones
 *                     overlap those before
 *   length not known  a function of the part does the same by length,
 *                     wabi.copy(to, from, n) and wabi.fill(to, bytes, n)
 *
 * All is loaded before anything is stored, so that it does not matter how the
 * two overlap.  Nothing is stored unless all of it lies within, so that a trap
 * leaves memory as it was.
 */
#include <assert.h>
#include <string.h>

#include "lower.h"

enum { MAX_INLINE = 128, MAX_PIECES = MAX_INLINE / 16 };

/* Where pieces of a run of bytes begin. */
struct pieces {
	unsigned n;
	uint32_t bytes;			/* of each */
	LLVMTypeRef type;
	int64_t at[MAX_PIECES];		/* negative: from the run's end */
};

static struct pieces
pieces(struct lower *l, uint32_t n)
{
	struct pieces p = { .bytes = n >= 16 ? 16 : n >= 8 ? 8 : n >= 4 ? 4 :
	    n >= 2 ? 2 : 1 };

	p.type = p.bytes == 16 ? l->v128 :
	    LLVMIntTypeInContext(l->ctx, 8 * p.bytes);
	return p;
}

/* n bytes, n > 0. */
static struct pieces
pieces_of(struct lower *l, uint32_t n)
{
	struct pieces p = pieces(l, n);

	for (uint32_t at = 0; at + p.bytes <= n; at += p.bytes)
		p.at[p.n++] = at;
	if (n % p.bytes)
		p.at[p.n++] = (int64_t)n - p.bytes;
	return p;
}

/* From half to 2 * half bytes, half being a power of 2. */
static struct pieces
pieces_from(struct lower *l, uint32_t half)
{
	struct pieces p = pieces(l, half);

	for (uint32_t at = 0; at < half; at += p.bytes) {
		p.at[p.n++] = at;
		p.at[p.n++] = (int64_t)at - half;
	}
	return p;
}

static LLVMValueRef
piece_at(struct lower *l, LLVMValueRef p, LLVMValueRef n, int64_t at)
{
	LLVMValueRef end;

	if (at >= 0)
		return l_at(l, p, (uint64_t)at);
	end = LLVMBuildGEP2(l->b, l->i8, p, &n, 1, "");
	return l_at(l, end, (uint64_t)at);
}

static LLVMValueRef
tag(struct lower *l, LLVMValueRef access, int alias)
{
	LLVMSetAlignment(access, 1);
	return alias >= 0 ? l_tagged(l, access, (enum alias)alias) : access;
}

static void
copy_pieces(struct lower *l, struct pieces p, LLVMValueRef to,
    LLVMValueRef from, LLVMValueRef n, const int alias[2])
{
	LLVMValueRef v[MAX_PIECES];

	for (unsigned k = 0; k < p.n; k++)
		v[k] = tag(l, LLVMBuildLoad2(l->b, p.type,
		    piece_at(l, from, n, p.at[k]), ""), alias[1]);
	for (unsigned k = 0; k < p.n; k++)
		tag(l, LLVMBuildStore(l->b, v[k],
		    piece_at(l, to, n, p.at[k])), alias[0]);
}

/* bytes: the byte eight times. */
static void
fill_pieces(struct lower *l, struct pieces p, LLVMValueRef to,
    LLVMValueRef bytes, LLVMValueRef n, int alias)
{
	LLVMValueRef v = bytes, wide = LLVMGetUndef(l->v128);

	if (p.bytes < 8)
		v = LLVMBuildTrunc(l->b, bytes, p.type, "");
	for (uint32_t k = 0; p.bytes == 16 && k < 2; k++)
		v = wide = LLVMBuildInsertElement(l->b, wide, bytes,
		    l_i32(l, k), "");
	for (unsigned k = 0; k < p.n; k++)
		tag(l, LLVMBuildStore(l->b, v,
		    piece_at(l, to, n, p.at[k])), alias);
}

/* ---- The functions ---- */

static void
add_attr(struct lower *l, LLVMValueRef fn, const char *name, uint64_t v)
{
	LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
	    LLVMCreateEnumAttribute(l->ctx,
		LLVMGetEnumAttributeKindForName(name, strlen(name)), v));
}

/* Declared when first used; l_bulk_functions() gives it a body. */
static LLVMValueRef
bulk_function(struct lower *l, LLVMValueRef *fn, const char *name,
    LLVMTypeRef second)
{
	static const char *const attrs[] = { "nounwind", "willreturn",
	    "nosync", "nofree", "nocallback", "noinline" };
	LLVMTypeRef t[3] = { l->ptr, second, l->i64 };

	if (*fn)
		return *fn;
	*fn = l_new_func(l, name, LLVMFunctionType(l->void_t, t, 3, 0));
	LLVMSetFunctionCallConv(*fn, FASTCC);
	LLVMSetVisibility(*fn, LLVMDefaultVisibility);
	LLVMSetLinkage(*fn, LLVMInternalLinkage);
	for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
		add_attr(l, *fn, attrs[i], 0);
	add_attr(l, *fn, "memory", 3);	/* reads, writes what args point to */
	return *fn;
}

static LLVMValueRef
copy_function(struct lower *l)
{
	return bulk_function(l, &l->copy, "wabi.copy", l->ptr);
}

static LLVMValueRef
fill_function(struct lower *l)
{
	return bulk_function(l, &l->fill, "wabi.fill", l->i64);
}

static void
define(struct lower *l, LLVMValueRef fn)
{
	LLVMValueRef to = LLVMGetParam(fn, 0), what = LLVMGetParam(fn, 1);
	LLVMValueRef n = LLVMGetParam(fn, 2);
	static const int none[2] = { -1, -1 };

	l->fn = fn;
	LLVMSetCurrentDebugLocation2(l->b, NULL);
	LLVMPositionBuilderAtEnd(l->b, l_bb(l, "entry"));
	for (uint32_t half = MAX_INLINE / 2; half > 0; half /= 2) {
		LLVMBasicBlockRef this = l_bb(l, ""), next = l_bb(l, "");
		struct pieces p = pieces_from(l, half);

		LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntUGE, n,
		    l_i64(l, half), ""), this, next);
		LLVMPositionBuilderAtEnd(l->b, this);
		if (fn == l->copy)
			copy_pieces(l, p, to, what, n, none);
		else
			fill_pieces(l, p, to, what, n, -1);
		LLVMBuildRetVoid(l->b);
		LLVMPositionBuilderAtEnd(l->b, next);
	}
	LLVMBuildRetVoid(l->b);
	LLVMClearInsertionPosition(l->b);
}

void
l_bulk_functions(struct lower *l)
{
	if (l->copy)
		define(l, l->copy);
	if (l->fill)
		define(l, l->fill);
}

/* ---- The instructions ---- */

/* Are these bytes within the memory?  Sums of numbers of 32 bits in 64. */
static LLVMValueRef
is_inside(struct lower *l, uint32_t mem, LLVMValueRef at, LLVMValueRef n)
{
	return LLVMBuildICmp(l->b, LLVMIntULE, LLVMBuildAdd(l->b, at, n, ""),
	    l_mem_state(l, mem, offsetof(struct wabi_memory, bytes), true),
	    "");
}

/* Is it one for this file?  n: the length, or 0 if it is not known. */
static bool
is_short(struct lower *l, uint32_t mem, LLVMValueRef len, uint32_t *n)
{
	uint64_t x = 0;

	if (l->plan->opt_level == 0 || l->m->memories[mem].limits.is64)
		return false;
	if (LLVMIsAConstantInt(len)) {
		x = LLVMConstIntGetZExtValue(len);
		if (x == 0 || x > MAX_INLINE)
			return false;
	}
	*n = (uint32_t)x;
	return true;
}

/* Go on in a block where ok holds; *slow is for the runtime's call, and both
 * are to lead to the block that is the result. */
static LLVMBasicBlockRef
fork_short(struct lower *l, LLVMValueRef ok, LLVMBasicBlockRef *slow)
{
	LLVMBasicBlockRef fast = l_bb(l, "short"), end = l_bb(l, "");

	*slow = l_bb(l, "long");
	LLVMBuildCondBr(l->b, ok, fast, *slow);
	LLVMPositionBuilderAtEnd(l->b, fast);
	return end;
}

/* The runtime's call, in the block for it; then on behind both. */
static void
join_long(struct lower *l, LLVMBasicBlockRef slow, LLVMBasicBlockRef end,
    enum wabi_rtcall rt, LLVMValueRef *args)
{
	LLVMBuildBr(l->b, end);
	LLVMPositionBuilderAtEnd(l->b, slow);
	l_rt(l, rt, args, 4);
	LLVMBuildBr(l->b, end);
	LLVMPositionBuilderAtEnd(l->b, end);
}

static void
call_short(struct lower *l, LLVMValueRef fn, LLVMValueRef to,
    LLVMValueRef what, LLVMValueRef n)
{
	LLVMValueRef a[3] = { to, what, n };
	LLVMValueRef call = LLVMBuildCall2(l->b, LLVMGlobalGetValueType(fn),
	    fn, a, 3, "");

	LLVMSetInstructionCallConv(call, FASTCC);
}

static LLVMValueRef
both(struct lower *l, LLVMValueRef a, LLVMValueRef b)
{
	return LLVMBuildAnd(l->b, a, b, "");
}

void
l_memory_copy(struct lower *l, const struct insn *in)
{
	LLVMValueRef len = l_pop(l), src = l_pop(l), dst = l_pop(l), ok;
	uint32_t to = in->index, from = in->index2, n;
	LLVMValueRef args[4] = { l_i32(l, to << 16 | from), dst, src, len };
	int alias[2] = { (int)l_memory_alias(l, to),
	    (int)l_memory_alias(l, from) };
	LLVMBasicBlockRef slow, end;

	assert(to < 1 << 16 && from < 1 << 16);
	l_locate(l);
	if (!is_short(l, to, len, &n) ||
	    l->m->memories[from].limits.is64) {
		l_rt(l, WABI_RT_MEMORY_COPY, args, 4);
		return;
	}
	dst = l_zext64(l, dst);
	src = l_zext64(l, src);
	len = l_zext64(l, len);
	ok = both(l, is_inside(l, to, dst, len), is_inside(l, from, src, len));
	if (n == 0)
		ok = both(l, ok, LLVMBuildICmp(l->b, LLVMIntULE, len,
		    l_i64(l, MAX_INLINE), ""));
	end = fork_short(l, ok, &slow);
	dst = l_memory_at(l, to, dst);
	src = l_memory_at(l, from, src);
	if (n > 0)
		copy_pieces(l, pieces_of(l, n), dst, src, len, alias);
	else
		call_short(l, copy_function(l), dst, src, len);
	join_long(l, slow, end, WABI_RT_MEMORY_COPY, args);
}

void
l_memory_fill(struct lower *l, const struct insn *in)
{
	LLVMValueRef len = l_pop(l), byte = l_pop(l), dst = l_pop(l), ok;
	LLVMValueRef args[4] = { l_i32(l, in->index), dst, byte, len };
	LLVMBasicBlockRef slow, end;
	uint32_t n;

	l_locate(l);
	if (!is_short(l, in->index, len, &n)) {
		l_rt(l, WABI_RT_MEMORY_FILL, args, 4);
		return;
	}
	dst = l_zext64(l, dst);
	len = l_zext64(l, len);
	ok = is_inside(l, in->index, dst, len);
	if (n == 0)
		ok = both(l, ok, LLVMBuildICmp(l->b, LLVMIntULE, len,
		    l_i64(l, MAX_INLINE), ""));
	end = fork_short(l, ok, &slow);
	dst = l_memory_at(l, in->index, dst);
	byte = LLVMBuildAnd(l->b, l_zext64(l, byte), l_i64(l, 0xff), "");
	byte = LLVMBuildMul(l->b, byte, l_i64(l, 0x0101010101010101), "");
	if (n > 0)
		fill_pieces(l, pieces_of(l, n), dst, byte, len,
		    (int)l_memory_alias(l, in->index));
	else
		call_short(l, fill_function(l), dst, byte, len);
	join_long(l, slow, end, WABI_RT_MEMORY_FILL, args);
}
