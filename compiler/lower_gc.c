/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_gc.c: objects of the collected heap: their places, new ones,
 * structures.  lower_gc_array.c has arrays, lower_gc_cast.c casts.
 *
 * A reference is an i32, see wabi.h; its object is at heap->base + reference.
 * New objects are cut from [cursor, limit) here.  The runtime clears such a
 * run, so what is zero need not be stored.  Stores to cursor and header have
 * no alias class: LLVM keeps them before whatever makes the object known, so
 * that a kill between two instructions leaves the heap in order.
 */
#include <assert.h>

#include "lower_gc.h"

/* ---- Types and places ---- */

bool
l_is_heap_ref(struct lower *l, struct vtype t)
{
	if (t.kind != T_REF)
		return false;
	switch (t.heap) {
	case HT_ANY: case HT_EQ: case HT_I31: case HT_STRUCT: case HT_ARRAY:
	case HT_NONE:
		return true;
	}
	return !(t.heap & HT_ABSTRACT) &&
	    (l->m->types[t.heap].comp == COMP_STRUCT ||
	    l->m->types[t.heap].comp == COMP_ARRAY);
}

/* The type as metadata and wabi_field_bytes() know it. */
uint8_t
l_field_type(struct lower *l, struct vtype t)
{
	if (t.kind != T_REF)
		return t.kind;
	return l_is_heap_ref(l, t) ? WABI_ANYREF : WABI_EXTERNREF;
}

LLVMTypeRef
l_storage_type(struct lower *l, struct vtype t)
{
	return t.kind == T_I8 ? l->i8 : t.kind == T_I16 ? l->i16 :
	    l_type(l, t);
}

enum alias
l_field_alias(struct lower *l, struct vtype t)
{
	switch (t.kind) {
	case T_I8: return ALIAS_HEAP_8;
	case T_I16: return ALIAS_HEAP_16;
	case T_I32: return ALIAS_HEAP_I32;
	case T_I64: return ALIAS_HEAP_I64;
	case T_F32: return ALIAS_HEAP_F32;
	case T_F64: return ALIAS_HEAP_F64;
	case T_V128: return ALIAS_HEAP_V128;
	default:
		return l_is_heap_ref(l, t) ? ALIAS_HEAP_REF : ALIAS_HEAP_PTR;
	}
}

/* Where a structure's fields are, and behind them its size. */
static const uint32_t *
l_places(struct lower *l, uint32_t type)
{
	const struct type *t = &l->m->types[type];
	uint32_t at = 8, *p;

	if (!l->places)
		l->places = ARENA_NEW(&l->c.arena, l->m->ntypes, uint32_t *);
	if (l->places[type])
		return l->places[type];
	p = ARENA_NEW(&l->c.arena, t->nfields + 1, uint32_t);
	for (uint32_t i = 0; i < t->nfields; i++) {
		uint8_t ft = l_field_type(l, t->fields[i].type);

		p[i] = wabi_field_place(at, ft);
		at = p[i] + wabi_field_bytes(ft);
	}
	p[t->nfields] = (at + 7) & ~7u;
	return l->places[type] = p;
}

/* ---- Access ---- */

LLVMValueRef
l_heap(struct lower *l)
{
	return l_fixed(l, l->ptr, l->vmctx, offsetof(struct wabi_vmctx, heap));
}

LLVMValueRef
l_object(struct lower *l, LLVMValueRef ref)
{
	LLVMValueRef i = l_zext64(l, ref);
	LLVMValueRef base = l_fixed(l, l->ptr, l_heap(l),
	    offsetof(struct wabi_heap, base));

	return LLVMBuildGEP2(l->b, l->i8, base, &i, 1, "");
}

/* The address of the object, which must not be null. */
LLVMValueRef
l_checked_object(struct lower *l, LLVMValueRef ref, enum wabi_trap trap)
{
	l_trap_if(l, LLVMBuildIsNull(l->b, ref, ""), trap);
	return l_object(l, ref);
}

LLVMValueRef
l_field_load(struct lower *l, struct vtype t, LLVMValueRef at, bool is_signed)
{
	LLVMValueRef v = LLVMBuildLoad2(l->b, l_storage_type(l, t), at, "");

	l_tagged(l, v, l_field_alias(l, t));
	if (t.kind == T_V128)
		LLVMSetAlignment(v, 8);
	if (t.kind != T_I8 && t.kind != T_I16)
		return v;
	return is_signed ? LLVMBuildSExt(l->b, v, l->i32, "") :
	    LLVMBuildZExt(l->b, v, l->i32, "");
}

void
l_field_store(struct lower *l, struct vtype t, LLVMValueRef at, LLVMValueRef v)
{
	if (t.kind == T_I8 || t.kind == T_I16)
		v = LLVMBuildTrunc(l->b, v, l_storage_type(l, t), "");
	v = LLVMBuildStore(l->b, v, at);
	l_tagged(l, v, l_field_alias(l, t));
	if (t.kind == T_V128)
		LLVMSetAlignment(v, 8);
}

/* ---- New objects ---- */

/* The header, all in one word. */
static LLVMValueRef
l_head(struct lower *l, uint32_t type, LLVMValueRef length)
{
	LLVMValueRef id = l_fixed(l, l->i32, l->vmctx,
	    l->plan->layout.types + 4ull * type);

	id = LLVMBuildOr(l->b, id, l_i32(l,
	    l->m->types[type].comp == COMP_STRUCT ? WABI_HEAD_STRUCT :
	    WABI_HEAD_ARRAY), "");
	length = LLVMBuildShl(l->b, l_zext64(l, length), l_i64(l, 32), "");
	return LLVMBuildOr(l->b, l_zext64(l, id), length, "");
}

static LLVMValueRef
l_run_load(struct lower *l, LLVMValueRef heap, uint64_t field)
{
	return l_tagged(l, LLVMBuildLoad2(l->b, l->i32, l_at(l, heap, field),
	    ""), ALIAS_HEAP_RUN);
}

/* A new object of `bytes`, a multiple of 8, if `fits`, which may be NULL, else
 * by the runtime. */
LLVMValueRef
l_new_object(struct lower *l, uint32_t type, LLVMValueRef bytes,
    LLVMValueRef length, LLVMValueRef fits)
{
	LLVMBasicBlockRef fast = l_bb(l, ""), slow = l_bb(l, "alloc"),
	    done = l_bb(l, "");
	LLVMValueRef heap = l_heap(l), cursor, room, ref[2], br, p;
	LLVMValueRef args[2] = { l_i32(l, type), length };

	l_locate(l);
	cursor = l_run_load(l, heap, offsetof(struct wabi_heap, cursor));
	room = LLVMBuildSub(l->b, l_run_load(l, heap,
	    offsetof(struct wabi_heap, limit)), cursor, "");
	room = LLVMBuildICmp(l->b, LLVMIntUGE, room, bytes, "");
	if (fits)
		room = LLVMBuildAnd(l->b, room, fits, "");
	br = LLVMBuildCondBr(l->b, room, fast, slow);
	LLVMSetMetadata(br, l->md_prof, l->likely);
	LLVMPositionBuilderAtEnd(l->b, fast);
	LLVMBuildStore(l->b, LLVMBuildAdd(l->b, cursor, bytes, ""),
	    l_at(l, heap, offsetof(struct wabi_heap, cursor)));
	p = l_object(l, cursor);
	LLVMBuildStore(l->b, l_head(l, type, length), p);
	ref[0] = cursor;
	LLVMBuildBr(l->b, done);
	LLVMPositionBuilderAtEnd(l->b, slow);
	ref[1] = l_rt(l, WABI_RT_GC_ALLOC, args, 2);
	LLVMBuildBr(l->b, done);
	LLVMPositionBuilderAtEnd(l->b, done);
	p = LLVMBuildPhi(l->b, l->i32, "");
	LLVMAddIncoming(p, ref, (LLVMBasicBlockRef[]){ fast, slow }, 2);
	return p;
}

static LLVMValueRef
l_new_struct(struct lower *l, uint32_t type)
{
	uint32_t size = l_places(l, type)[l->m->types[type].nfields];
	LLVMValueRef args[2] = { l_i32(l, type), l_i32(l, 0) };

	if (size > WABI_HEAP_INLINE)
		return l_rt(l, WABI_RT_GC_ALLOC, args, 2);
	return l_new_object(l, type, l_i32(l, size), l_i32(l, 0), NULL);
}

void
l_struct_new(struct lower *l, const struct insn *in)
{
	const struct type *t = &l->m->types[in->index];
	const uint32_t *places = l_places(l, in->index);
	LLVMValueRef ref = l_new_struct(l, in->index), p = l_object(l, ref);

	for (uint32_t i = t->nfields; i-- > 0;)
		l_field_store(l, t->fields[i].type, l_at(l, p, places[i]),
		    l_opaque(l, l_pop(l)));
	l_push(l, ref);
}

void
l_struct_new_default(struct lower *l, const struct insn *in)
{
	l_push(l, l_new_struct(l, in->index));
}

void
l_struct_get(struct lower *l, const struct insn *in)
{
	const struct type *t = &l->m->types[in->index];
	LLVMValueRef p = l_checked_object(l, l_pop(l),
	    WABI_TRAP_NULL_STRUCT_REF);

	l_push(l, l_field_load(l, t->fields[in->index2].type,
	    l_at(l, p, l_places(l, in->index)[in->index2]),
	    in->op == OP_STRUCT_GET_S));
}

void
l_struct_set(struct lower *l, const struct insn *in)
{
	const struct type *t = &l->m->types[in->index];
	LLVMValueRef v = l_opaque(l, l_pop(l));
	LLVMValueRef p = l_checked_object(l, l_pop(l),
	    WABI_TRAP_NULL_STRUCT_REF);

	l_field_store(l, t->fields[in->index2].type,
	    l_at(l, p, l_places(l, in->index)[in->index2]), v);
}
