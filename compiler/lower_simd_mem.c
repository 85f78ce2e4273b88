/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_simd_mem.c: loads and stores of 128-bit SIMD.  Addresses, alias
 * classes and exactness are those of lower_mem.c.
 */
#include <stdlib.h>
#include <string.h>

#include "lower_simd.h"

static LLVMValueRef
l_load_as(struct lower *l, const struct insn *in, LLVMTypeRef t, uint32_t n)
{
	LLVMValueRef p = l_addr(l, &in->memarg, l_pop(l), n);
	LLVMValueRef v = LLVMBuildLoad2(l->b, t, p, "");

	LLVMSetAlignment(v, 1);
	l_tagged(l, v, l_memory_alias(l, in->memarg.mem));
	l_exact_load(l, v);
	return v;
}

static void
l_store_as(struct lower *l, const struct insn *in, LLVMValueRef v, uint32_t n)
{
	LLVMValueRef p = l_addr(l, &in->memarg, l_pop(l), n);
	LLVMValueRef s = LLVMBuildStore(l->b, v, p);

	LLVMSetAlignment(s, 1);
	l_tagged(l, s, l_memory_alias(l, in->memarg.mem));
}

/* The access is as wide as its natural alignment. */
static uint32_t
l_width(const struct insn *in)
{
	return 1u << opinfos[in->op].align;
}

void
l_simd_load(struct lower *l, const struct insn *in)
{
	l_push(l, l_load_as(l, in, l->v128, 16));
}

void
l_simd_store(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);

	l_store_as(l, in, v, 16);
}

/* "v128.load16x4_s": eight bytes, widened. */
void
l_simd_load_extend(struct lower *l, const struct insn *in)
{
	const char *text = opinfos[in->op].text + strlen("v128.load");
	unsigned bits = (unsigned)atoi(text), n = 64 / bits;
	LLVMValueRef v = l_load_as(l, in, l_lanes(l, bits, n), 8);

	l_push_v(l, l_widen(l, v, n, 2 * bits, l_says_unsigned(in)));
}

static LLVMValueRef
l_load_int(struct lower *l, const struct insn *in)
{
	uint32_t n = l_width(in);

	return l_load_as(l, in, LLVMIntTypeInContext(l->ctx, 8 * n), n);
}

void
l_simd_load_splat(struct lower *l, const struct insn *in)
{
	l_push_v(l, l_splat(l, l_load_int(l, in), 16 / l_width(in)));
}

void
l_simd_load_zero(struct lower *l, const struct insn *in)
{
	uint32_t n = l_width(in);
	LLVMTypeRef t = l_lanes(l, 8 * n, 16 / n);
	LLVMValueRef v = l_load_int(l, in);

	l_push_v(l, LLVMBuildInsertElement(l->b, LLVMConstNull(t), v,
	    l_i32(l, 0), ""));
}

void
l_simd_load_lane(struct lower *l, const struct insn *in)
{
	uint32_t n = l_width(in);
	LLVMValueRef v = LLVMBuildBitCast(l->b, l_pop(l),
	    l_lanes(l, 8 * n, 16 / n), "");
	LLVMValueRef x = l_load_int(l, in);

	l_push_v(l, LLVMBuildInsertElement(l->b, v, x, l_i32(l, in->lane),
	    ""));
}

void
l_simd_store_lane(struct lower *l, const struct insn *in)
{
	uint32_t n = l_width(in);
	LLVMValueRef v = LLVMBuildBitCast(l->b, l_pop(l),
	    l_lanes(l, 8 * n, 16 / n), "");

	l_store_as(l, in, LLVMBuildExtractElement(l->b, v, l_i32(l, in->lane),
	    ""), n);
}
