/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_num.c: integer arithmetic, comparisons, conversions between integers.
 * Handlers serve i32 and i64 alike; the operands' type says which.
 */
#include <string.h>

#include "lower.h"

/* An operation that LLVM has as it is. */
#define PLAIN(X)							\
	X(add, Add) X(sub, Sub) X(mul, Mul) X(and, And) X(or, Or) X(xor, Xor)

#define X(name, Op)							\
void									\
l_##name(struct lower *l, const struct insn *in)			\
{									\
	LLVMValueRef b = l_pop(l), a = l_pop(l);			\
									\
	l_push(l, LLVMBuild##Op(l->b, a, b, ""));			\
}
PLAIN(X)
#undef X

/* wasm takes the count modulo the width, where LLVM's result would be
 * poison. */
static LLVMValueRef
l_count(struct lower *l, LLVMValueRef n)
{
	LLVMTypeRef t = LLVMTypeOf(n);
	unsigned width = LLVMGetIntTypeWidth(t);

	return LLVMBuildAnd(l->b, n, LLVMConstInt(t, width - 1, 0), "");
}

#define SHIFTS(X) X(shl, Shl) X(shr_s, AShr) X(shr_u, LShr)

#define X(name, Op)							\
void									\
l_##name(struct lower *l, const struct insn *in)			\
{									\
	LLVMValueRef n = l_count(l, l_pop(l)), a = l_pop(l);		\
									\
	l_push(l, LLVMBuild##Op(l->b, a, n, ""));			\
}
SHIFTS(X)
#undef X

static void
l_funnel(struct lower *l, const char *name)
{
	LLVMValueRef n = l_pop(l), a = l_pop(l), args[3] = { a, a, n };
	LLVMTypeRef t = LLVMTypeOf(a);

	l_push(l, l_intrinsic(l, name, &t, 1, args, 3));
}

void
l_rotl(struct lower *l, const struct insn *in)
{
	l_funnel(l, "llvm.fshl");
}

void
l_rotr(struct lower *l, const struct insn *in)
{
	l_funnel(l, "llvm.fshr");
}

/* ---- Division ---- */

static LLVMValueRef
l_is(struct lower *l, LLVMValueRef v, uint64_t x)
{
	return LLVMBuildICmp(l->b, LLVMIntEQ, v,
	    LLVMConstInt(LLVMTypeOf(v), x, 1), "");
}

static void
l_check_divisor(struct lower *l, LLVMValueRef d)
{
	l_trap_if(l, l_is(l, d, 0), WABI_TRAP_DIV_BY_ZERO);
}

/* sdiv is undefined for a zero divisor and for INT_MIN / -1, where wasm
 * traps.  Both tests come first. */
void
l_div_s(struct lower *l, const struct insn *in)
{
	LLVMValueRef d = l_pop(l), n = l_pop(l);
	unsigned width = LLVMGetIntTypeWidth(LLVMTypeOf(n));
	LLVMValueRef over;

	l_check_divisor(l, d);
	over = LLVMBuildAnd(l->b, l_is(l, n, -1ull << (width - 1)),
	    l_is(l, d, -1ull), "");
	l_trap_if(l, over, WABI_TRAP_INT_OVERFLOW);
	l_push(l, LLVMBuildSDiv(l->b, n, d, ""));
}

void
l_div_u(struct lower *l, const struct insn *in)
{
	LLVMValueRef d = l_pop(l), n = l_pop(l);

	l_check_divisor(l, d);
	l_push(l, LLVMBuildUDiv(l->b, n, d, ""));
}

/* INT_MIN % -1 is 0 in wasm and undefined in LLVM; so is anything % 1, and
 * there LLVM agrees. */
void
l_rem_s(struct lower *l, const struct insn *in)
{
	LLVMValueRef d = l_pop(l), n = l_pop(l);
	LLVMValueRef one = LLVMConstInt(LLVMTypeOf(d), 1, 0);

	l_check_divisor(l, d);
	d = LLVMBuildSelect(l->b, l_is(l, d, -1ull), one, d, "");
	l_push(l, LLVMBuildSRem(l->b, n, d, ""));
}

void
l_rem_u(struct lower *l, const struct insn *in)
{
	LLVMValueRef d = l_pop(l), n = l_pop(l);

	l_check_divisor(l, d);
	l_push(l, LLVMBuildURem(l->b, n, d, ""));
}

/* ---- Counting bits ---- */

static void
l_count_bits(struct lower *l, const char *name, unsigned nargs)
{
	LLVMValueRef v = l_pop(l);
	LLVMValueRef args[2] = { v, LLVMConstInt(l->i1, 0, 0) };
	LLVMTypeRef t = LLVMTypeOf(v);

	l_push(l, l_intrinsic(l, name, &t, 1, args, nargs));
}

void
l_clz(struct lower *l, const struct insn *in)
{
	l_count_bits(l, "llvm.ctlz", 2);
}

void
l_ctz(struct lower *l, const struct insn *in)
{
	l_count_bits(l, "llvm.cttz", 2);
}

void
l_popcnt(struct lower *l, const struct insn *in)
{
	l_count_bits(l, "llvm.ctpop", 1);
}

/* ---- Comparisons ---- */

static void
l_push_bool(struct lower *l, LLVMValueRef v)
{
	l_push(l, LLVMBuildZExt(l->b, v, l->i32, ""));
}

void
l_eqz(struct lower *l, const struct insn *in)
{
	l_push_bool(l, l_is(l, l_pop(l), 0));
}

/* In the order of the opcodes, for i32 and for i64. */
static const LLVMIntPredicate int_preds[] = {
	LLVMIntEQ, LLVMIntNE, LLVMIntSLT, LLVMIntULT, LLVMIntSGT, LLVMIntUGT,
	LLVMIntSLE, LLVMIntULE, LLVMIntSGE, LLVMIntUGE,
};

void
l_icmp(struct lower *l, const struct insn *in)
{
	LLVMValueRef b = l_pop(l), a = l_pop(l);
	enum op first = in->op >= OP_I64_EQ ? OP_I64_EQ : OP_I32_EQ;

	l_push_bool(l, LLVMBuildICmp(l->b, int_preds[in->op - first], a, b,
	    ""));
}

/* ---- Widths ---- */

void
l_wrap(struct lower *l, const struct insn *in)
{
	l_push(l, LLVMBuildTrunc(l->b, l_pop(l), l->i32, ""));
}

void
l_extend(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);

	l_push(l, in->op == OP_I64_EXTEND_I32_S ?
	    LLVMBuildSExt(l->b, v, l->i64, "") : l_zext64(l, v));
}

void
l_sign_ext(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);
	const char *text = opinfos[in->op].text;
	LLVMTypeRef from = strstr(text, "d8") ? l->i8 :
	    strstr(text, "d16") ? l->i16 : l->i32;

	l_push(l, LLVMBuildSExt(l->b, LLVMBuildTrunc(l->b, v, from, ""),
	    LLVMTypeOf(v), ""));
}

/* ---- Wide arithmetic ---- */

static LLVMValueRef
l_pop_pair(struct lower *l)
{
	LLVMValueRef high = l_pop(l), low = l_pop(l);

	high = LLVMBuildShl(l->b, LLVMBuildZExt(l->b, high, l->i128, ""),
	    LLVMConstInt(l->i128, 64, 0), "");
	return LLVMBuildOr(l->b, LLVMBuildZExt(l->b, low, l->i128, ""), high,
	    "");
}

static void
l_push_pair(struct lower *l, LLVMValueRef v)
{
	LLVMValueRef high = LLVMBuildLShr(l->b, v,
	    LLVMConstInt(l->i128, 64, 0), "");

	l_push(l, LLVMBuildTrunc(l->b, v, l->i64, ""));
	l_push(l, LLVMBuildTrunc(l->b, high, l->i64, ""));
}

void
l_add128(struct lower *l, const struct insn *in)
{
	LLVMValueRef b = l_pop_pair(l), a = l_pop_pair(l);

	l_push_pair(l, LLVMBuildAdd(l->b, a, b, ""));
}

void
l_sub128(struct lower *l, const struct insn *in)
{
	LLVMValueRef b = l_pop_pair(l), a = l_pop_pair(l);

	l_push_pair(l, LLVMBuildSub(l->b, a, b, ""));
}

void
l_mul_wide(struct lower *l, const struct insn *in)
{
	LLVMOpcode ext = in->op == OP_I64_MUL_WIDE_S ? LLVMSExt : LLVMZExt;
	LLVMValueRef b = l_pop(l), a = l_pop(l);

	a = LLVMBuildCast(l->b, ext, a, l->i128, "");
	b = LLVMBuildCast(l->b, ext, b, l->i128, "");
	l_push_pair(l, LLVMBuildMul(l->b, a, b, ""));
}
