/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_gc_cast.c: i31, tests and casts, conversion to and from externref.
 *
 * A test looks at the object's header.  For null and for an i31 it looks at
 * offset 0 of the heap instead, where there is no object and all is zero, so
 * that it needs no branch.  A final type is its number alone; any other is
 * looked up among the supertypes of what is there, at the place that its own
 * depth gives.
 */
#include "lower_gc.h"

/* ---- i31 ---- */

void
l_ref_i31(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = LLVMBuildShl(l->b, l_pop(l), l_i32(l, 1), "");

	l_push(l, LLVMBuildOr(l->b, v, l_i32(l, 1), ""));
}

void
l_i31_get(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);

	l_trap_if(l, LLVMBuildIsNull(l->b, v, ""), WABI_TRAP_NULL_I31_REF);
	l_push(l, in->op == OP_I31_GET_S ?
	    LLVMBuildAShr(l->b, v, l_i32(l, 1), "") :
	    LLVMBuildLShr(l->b, v, l_i32(l, 1), ""));
}

static LLVMValueRef
l_is_i31(struct lower *l, LLVMValueRef v)
{
	return LLVMBuildTrunc(l->b, v, l->i1, "");
}

/* ---- Headers ---- */

/* The object, or offset 0 for an i31. */
static LLVMValueRef
l_boxed(struct lower *l, LLVMValueRef v)
{
	return l_object(l, LLVMBuildSelect(l->b, l_is_i31(l, v), l_i32(l, 0),
	    v, ""));
}

static LLVMValueRef
l_head_of(struct lower *l, LLVMValueRef v)
{
	return l_tagged(l, LLVMBuildLoad2(l->b, l->i32, l_boxed(l, v), ""),
	    ALIAS_HEAP_HEAD);
}

static LLVMValueRef
l_is_kind(struct lower *l, LLVMValueRef head, uint32_t kind)
{
	head = LLVMBuildAnd(l->b, head, l_i32(l, WABI_HEAD_KIND), "");
	return LLVMBuildICmp(l->b, LLVMIntEQ, head, l_i32(l, kind), "");
}

/* ---- Tests: i1, of what is not null; null is no case of any ---- */

static uint32_t
l_depth(struct lower *l, uint32_t type)
{
	uint32_t n = 0;

	while ((type = l->m->types[type].super) != NO_IDX)
		n++;
	return n;
}

/* Is the type with this number the one named or below it?  0 is below none. */
static LLVMValueRef
l_id_is(struct lower *l, LLVMValueRef id, uint32_t type)
{
	uint32_t depth = l_depth(l, type);
	LLVMValueRef want = l_fixed(l, l->i32, l->vmctx,
	    l->plan->layout.types + 4ull * type);
	LLVMValueRef args[2] = { id, l_i32(l, type) }, row;

	if (l->m->types[type].final)
		return LLVMBuildICmp(l->b, LLVMIntEQ, id, want, "");
	if (depth >= WABI_RTT_DEPTH)
		return LLVMBuildIsNotNull(l->b,
		    l_rt(l, WABI_RT_SUBTYPE, args, 2), "");
	row = l_zext64(l, id);
	row = LLVMBuildGEP2(l->b, LLVMArrayType2(l->i32, WABI_RTT_DEPTH),
	    l_fixed(l, l->ptr, l_heap(l), offsetof(struct wabi_heap, rtt)),
	    &row, 1, "");
	return LLVMBuildICmp(l->b, LLVMIntEQ, l_fixed(l, l->i32, row,
	    4ull * depth), want, "");
}

/* The referenced function's type; vmctx stands in for null, whose answer is
 * not used. */
static LLVMValueRef
l_func_is(struct lower *l, LLVMValueRef v, uint32_t type)
{
	LLVMValueRef none = LLVMBuildIsNull(l->b, v, "");
	LLVMValueRef at = LLVMBuildSelect(l->b, none, l->vmctx, v, "");
	LLVMValueRef id = LLVMBuildLoad2(l->b, l->i32,
	    l_at(l, at, offsetof(struct wabi_func, type_id)), "");

	id = LLVMBuildSelect(l->b, none, l_i32(l, 0), id, "");
	return l_id_is(l, id, type);
}

static LLVMValueRef
l_object_is(struct lower *l, LLVMValueRef v, uint32_t type)
{
	LLVMValueRef id = LLVMBuildAnd(l->b, l_head_of(l, v),
	    l_i32(l, WABI_HEAD_ID), "");

	return l_id_is(l, id, type);
}

static LLVMValueRef
l_is_abstract(struct lower *l, LLVMValueRef v, uint32_t heap)
{
	LLVMValueRef some = LLVMBuildIsNotNull(l->b, v, "");

	switch (heap) {
	case HT_EQ:
		return LLVMBuildAnd(l->b, some, LLVMBuildNot(l->b,
		    l_is_kind(l, l_head_of(l, v), WABI_HEAD_EXTERN), ""), "");
	case HT_I31:
		return l_is_i31(l, v);
	case HT_STRUCT:
		return l_is_kind(l, l_head_of(l, v), WABI_HEAD_STRUCT);
	case HT_ARRAY:
		return l_is_kind(l, l_head_of(l, v), WABI_HEAD_ARRAY);
	case HT_NONE: case HT_NOFUNC: case HT_NOEXTERN: case HT_NOEXN:
		return LLVMConstInt(l->i1, 0, 0);
	default:
		return some;		/* a top */
	}
}

/* Is the value of the type, null included if the type allows it? */
static LLVMValueRef
l_is(struct lower *l, LLVMValueRef v, struct vtype t)
{
	LLVMValueRef yes;

	if (t.heap & HT_ABSTRACT)
		yes = l_is_abstract(l, v, t.heap);
	else if (l->m->types[t.heap].comp == COMP_FUNC)
		yes = l_func_is(l, v, t.heap);
	else
		yes = l_object_is(l, v, t.heap);
	return t.nullable ? LLVMBuildOr(l->b, yes,
	    LLVMBuildIsNull(l->b, v, ""), "") : yes;
}

/* ---- Instructions ---- */

void
l_ref_test(struct lower *l, const struct insn *in)
{
	l_locate(l);
	l_push(l, LLVMBuildZExt(l->b, l_is(l, l_pop(l), in->type), l->i32,
	    ""));
}

void
l_ref_cast(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);

	l_locate(l);
	l_trap_if(l, LLVMBuildNot(l->b, l_is(l, v, in->type), ""),
	    WABI_TRAP_CAST);
	l_push(l, v);
}

/* The value goes both ways as it is. */
void
l_br_on_cast(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l->stack[l->nstack - 1];

	l_locate(l);
	l_jump_if(l, l_is(l, v, in->type2), l_label(l, in->index));
}

void
l_br_on_cast_fail(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l->stack[l->nstack - 1];

	l_locate(l);
	l_jump_if(l, LLVMBuildNot(l->b, l_is(l, v, in->type2), ""),
	    l_label(l, in->index));
}

/* ---- externref ---- */

/* What was an object comes back as it; the host's words are boxed. */
void
l_any_convert_extern(struct lower *l, const struct insn *in)
{
	LLVMValueRef w = LLVMBuildPtrToInt(l->b, l_pop(l), l->i64, "");
	LLVMValueRef high = LLVMBuildLShr(l->b, w, l_i64(l, 32), "");
	LLVMBasicBlockRef from = LLVMGetInsertBlock(l->b),
	    host = l_bb(l, "host"), done = l_bb(l, "");
	LLVMValueRef ref[2], is_host;

	l_locate(l);
	ref[0] = LLVMBuildTrunc(l->b, w, l->i32, "");
	is_host = LLVMBuildAnd(l->b, LLVMBuildIsNotNull(l->b, w, ""),
	    LLVMBuildICmp(l->b, LLVMIntNE, high, l_i64(l, WABI_EXTERN_TAG),
	    ""), "");
	LLVMBuildCondBr(l->b, is_host, host, done);
	LLVMPositionBuilderAtEnd(l->b, host);
	ref[1] = l_rt(l, WABI_RT_EXTERN_BOX, &w, 1);
	LLVMBuildBr(l->b, done);
	LLVMPositionBuilderAtEnd(l->b, done);
	w = LLVMBuildPhi(l->b, l->i32, "");
	LLVMAddIncoming(w, ref, (LLVMBasicBlockRef[]){ from, host }, 2);
	l_push(l, w);
}

void
l_extern_convert_any(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l), p = l_boxed(l, v), head, word, own;

	head = l_tagged(l, LLVMBuildLoad2(l->b, l->i32, p, ""),
	    ALIAS_HEAP_HEAD);
	word = l_tagged(l, LLVMBuildLoad2(l->b, l->i64, l_at(l, p, 8), ""),
	    ALIAS_HEAP_HEAD);
	own = LLVMBuildOr(l->b, l_zext64(l, v),
	    l_i64(l, (uint64_t)WABI_EXTERN_TAG << 32), "");
	own = LLVMBuildSelect(l->b, LLVMBuildIsNull(l->b, v, ""),
	    l_i64(l, 0), own, "");
	word = LLVMBuildSelect(l->b, l_is_kind(l, head, WABI_HEAD_EXTERN),
	    word, own, "");
	l_push(l, LLVMBuildIntToPtr(l->b, word, l->ptr, ""));
}
