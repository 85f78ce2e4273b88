/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_gc_array.c: arrays.  Element access and fill are code, copies and
 * what comes from segments are runtime calls.
 */
#include "lower_gc.h"

static struct vtype
l_elem(struct lower *l, uint32_t type)
{
	return l->m->types[type].fields[0].type;
}

static uint32_t
l_elem_bytes(struct lower *l, uint32_t type)
{
	return wabi_field_bytes(l_field_type(l, l_elem(l, type)));
}

static LLVMValueRef
l_length(struct lower *l, LLVMValueRef object)
{
	return l_tagged(l, LLVMBuildLoad2(l->b, l->i32, l_at(l, object, 4),
	    ""), ALIAS_HEAP_HEAD);
}

/* The address of element i, which exists, or is where the array ends. */
static LLVMValueRef
l_elem_at(struct lower *l, uint32_t type, LLVMValueRef object, LLVMValueRef i)
{
	LLVMValueRef at = l_zext64(l, i);

	return LLVMBuildGEP2(l->b, l_storage_type(l, l_elem(l, type)),
	    l_at(l, object, 8), &at, 1, "");
}

/* ---- New ones ---- */

static LLVMValueRef
l_new_array(struct lower *l, uint32_t type, LLVMValueRef n)
{
	uint32_t size = l_elem_bytes(l, type);
	uint32_t most = (WABI_HEAP_INLINE - 8) / size;
	LLVMValueRef bytes = LLVMBuildMul(l->b, n, l_i32(l, size), "");
	LLVMValueRef fits = LLVMBuildICmp(l->b, LLVMIntULE, n,
	    l_i32(l, most), "");

	bytes = LLVMBuildAdd(l->b, bytes, l_i32(l, 15), "");
	bytes = LLVMBuildAnd(l->b, bytes, l_i32(l, ~7u), "");
	return l_new_object(l, type, bytes, n, fits);
}

/* Store v to n elements from p on. */
static void
l_fill(struct lower *l, struct vtype t, LLVMValueRef p, LLVMValueRef n,
    LLVMValueRef v)
{
	LLVMBasicBlockRef from = LLVMGetInsertBlock(l->b), loop = l_bb(l, ""),
	    done = l_bb(l, "");
	LLVMTypeRef st = l_storage_type(l, t);
	LLVMValueRef i, at, next, zero = l_i64(l, 0);

	l_locate(l);
	n = l_zext64(l, n);
	LLVMBuildCondBr(l->b, LLVMBuildIsNull(l->b, n, ""), done, loop);
	LLVMPositionBuilderAtEnd(l->b, loop);
	i = LLVMBuildPhi(l->b, l->i64, "");
	at = LLVMBuildGEP2(l->b, st, p, &i, 1, "");
	l_field_store(l, t, at, v);
	next = LLVMBuildNUWAdd(l->b, i, l_i64(l, 1), "");
	LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntEQ, next, n, ""),
	    done, loop);
	LLVMAddIncoming(i, (LLVMValueRef[]){ zero, next },
	    (LLVMBasicBlockRef[]){ from, loop }, 2);
	LLVMPositionBuilderAtEnd(l->b, done);
}

void
l_array_new(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l), v = l_opaque(l, l_pop(l));
	LLVMValueRef ref = l_new_array(l, in->index, n);

	if (!LLVMIsConstant(v) || !LLVMIsNull(v))
		l_fill(l, l_elem(l, in->index),
		    l_at(l, l_object(l, ref), 8), n, v);
	l_push(l, ref);
}

void
l_array_new_default(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l);

	l_push(l, l_new_array(l, in->index, n));
}

void
l_array_new_fixed(struct lower *l, const struct insn *in)
{
	LLVMValueRef ref = l_new_array(l, in->index, l_i32(l, in->index2));
	LLVMValueRef p = l_object(l, ref);

	for (uint32_t i = in->index2; i-- > 0;)
		l_field_store(l, l_elem(l, in->index),
		    l_elem_at(l, in->index, p, l_i32(l, i)),
		    l_opaque(l, l_pop(l)));
	l_push(l, ref);
}

static void
l_array_new_from(struct lower *l, const struct insn *in, enum wabi_rtcall how)
{
	LLVMValueRef n = l_pop(l), src = l_pop(l);
	LLVMValueRef args[4] = { l_i32(l, in->index), l_i32(l, in->index2),
	    src, n };

	l_push(l, l_rt(l, how, args, 4));
}

void
l_array_new_data(struct lower *l, const struct insn *in)
{
	l_array_new_from(l, in, WABI_RT_ARRAY_NEW_DATA);
}

void
l_array_new_elem(struct lower *l, const struct insn *in)
{
	l_array_new_from(l, in, WABI_RT_ARRAY_NEW_ELEM);
}

/* ---- Elements ---- */

static LLVMValueRef
l_checked_elem(struct lower *l, uint32_t type, LLVMValueRef ref,
    LLVMValueRef i)
{
	LLVMValueRef p = l_checked_object(l, ref, WABI_TRAP_NULL_ARRAY_REF);

	l_trap_if(l, LLVMBuildICmp(l->b, LLVMIntUGE, i, l_length(l, p), ""),
	    WABI_TRAP_ARRAY_OOB);
	return l_elem_at(l, type, p, i);
}

void
l_array_get(struct lower *l, const struct insn *in)
{
	LLVMValueRef i = l_pop(l), ref = l_pop(l);

	l_push(l, l_field_load(l, l_elem(l, in->index),
	    l_checked_elem(l, in->index, ref, i), in->op == OP_ARRAY_GET_S));
}

void
l_array_set(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_opaque(l, l_pop(l)), i = l_pop(l), ref = l_pop(l);

	l_field_store(l, l_elem(l, in->index),
	    l_checked_elem(l, in->index, ref, i), v);
}

void
l_array_len(struct lower *l, const struct insn *in)
{
	l_push(l, l_length(l, l_checked_object(l, l_pop(l),
	    WABI_TRAP_NULL_ARRAY_REF)));
}

/* ---- Many elements ---- */

void
l_array_fill(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l), v = l_opaque(l, l_pop(l)), i = l_pop(l);
	LLVMValueRef p = l_checked_object(l, l_pop(l),
	    WABI_TRAP_NULL_ARRAY_REF);
	LLVMValueRef end = LLVMBuildAdd(l->b, l_zext64(l, i),
	    l_zext64(l, n), "");

	l_trap_if(l, LLVMBuildICmp(l->b, LLVMIntUGT, end,
	    l_zext64(l, l_length(l, p)), ""), WABI_TRAP_ARRAY_OOB);
	l_fill(l, l_elem(l, in->index), l_elem_at(l, in->index, p, i), n, v);
}

static void
l_not_null(struct lower *l, LLVMValueRef ref)
{
	l_trap_if(l, LLVMBuildIsNull(l->b, ref, ""), WABI_TRAP_NULL_ARRAY_REF);
}

void
l_array_copy(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l), src = l_pop(l), from = l_pop(l);
	LLVMValueRef dst = l_pop(l), to = l_pop(l);
	LLVMValueRef args[5] = { to, dst, from, src, n };

	l_not_null(l, to);
	l_not_null(l, from);
	l_rt(l, WABI_RT_ARRAY_COPY, args, 5);
}

static void
l_array_init_from(struct lower *l, const struct insn *in,
    enum wabi_rtcall how)
{
	LLVMValueRef n = l_pop(l), src = l_pop(l), dst = l_pop(l);
	LLVMValueRef ref = l_pop(l);
	LLVMValueRef args[5] = { ref, dst, l_i32(l, in->index2), src, n };

	l_not_null(l, ref);
	l_rt(l, how, args, 5);
}

void
l_array_init_data(struct lower *l, const struct insn *in)
{
	l_array_init_from(l, in, WABI_RT_ARRAY_INIT_DATA);
}

void
l_array_init_elem(struct lower *l, const struct insn *in)
{
	l_array_init_from(l, in, WABI_RT_ARRAY_INIT_ELEM);
}
