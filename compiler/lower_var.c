/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_var.c: constants, locals, globals, select, references, tables.
 *
 * Locals are stack slots; LLVM's first pass makes values of them.
 */
#include <string.h>

#include "lower.h"

/* ---- Constants and the stack ---- */

static LLVMValueRef
l_const_of(struct lower *l, char type, uint64_t bits)
{
	switch (type) {
	case 'i': return l_i32(l, (uint32_t)bits);
	case 'l': return l_i64(l, bits);
	case 'f': return LLVMConstBitCast(l_i32(l, (uint32_t)bits), l->f32);
	default: return LLVMConstBitCast(l_i64(l, bits), l->f64);
	}
}

void
l_const(struct lower *l, const struct insn *in)
{
	l_push(l, l_const_of(l, opinfos[in->op].sig[1], in->num));
}

void
l_nop(struct lower *l, const struct insn *in)
{
}

void
l_drop(struct lower *l, const struct insn *in)
{
	l_pop(l);
}

void
l_select(struct lower *l, const struct insn *in)
{
	LLVMValueRef cond = l_pop(l), b = l_opaque(l, l_pop(l));
	LLVMValueRef a = l_opaque(l, l_pop(l));

	cond = LLVMBuildIsNotNull(l->b, cond, "");
	l_push(l, LLVMBuildSelect(l->b, cond, a, b, ""));
}

/* ---- Locals ---- */

void
l_local_get(struct lower *l, const struct insn *in)
{
	l_push(l, LLVMBuildLoad2(l->b, l->local_types[in->index],
	    l->locals[in->index], ""));
}

void
l_local_set(struct lower *l, const struct insn *in)
{
	LLVMBuildStore(l->b, l_opaque(l, l_pop(l)), l->locals[in->index]);
}

void
l_local_tee(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_opaque(l, l_pop(l));

	LLVMBuildStore(l->b, v, l->locals[in->index]);
	l_push(l, v);
}

/* ---- Globals ---- */

/* The address of a global's cell: in vmctx, or in the exporter's. */
static LLVMValueRef
l_global_cell(struct lower *l, uint32_t g)
{
	uint64_t at = l->plan->layout.globals + 16ull * g;

	return l->m->globals[g].imported ? l_fixed(l, l->ptr, l->vmctx, at) :
	    l_at(l, l->vmctx, at);
}

static enum alias
l_global_alias(struct lower *l, uint32_t g)
{
	return l->m->globals[g].imported ? ALIAS_GLOBAL_IMP : ALIAS_GLOBAL;
}

/* The value of an own immutable global, if it is known already. */
static LLVMValueRef
l_global_const(struct lower *l, uint32_t g)
{
	const struct global *gl = &l->m->globals[g];
	const struct wabi_init *init;

	if (gl->imported || gl->mut || gl->type.kind == T_V128
	    || gl->type.kind == T_REF || !l->plan->ce.globals)
		return NULL;
	init = &l->plan->ce.globals[g - l->m->nglobals_imported];
	if (init->how != WABI_INIT_CONST)
		return NULL;
	return l_const_of(l, gl->type.kind == T_I32 ? 'i' :
	    gl->type.kind == T_I64 ? 'l' : gl->type.kind == T_F32 ? 'f' : 'd',
	    init->val.i64);
}

void
l_global_get(struct lower *l, const struct insn *in)
{
	const struct global *g = &l->m->globals[in->index];
	LLVMValueRef v = l_global_const(l, in->index);

	if (!v) {
		v = LLVMBuildLoad2(l->b, l_type(l, g->type),
		    l_global_cell(l, in->index), "");
		if (!g->mut)
			LLVMSetMetadata(v, l->md_invariant, l->invariant);
		else
			l_tagged(l, v, l_global_alias(l, in->index));
	}
	l_push(l, v);
}

void
l_global_set(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_opaque(l, l_pop(l));

	l_locate(l);
	l_tagged(l, LLVMBuildStore(l->b, v, l_global_cell(l, in->index)),
	    l_global_alias(l, in->index));
}

/* ---- References ---- */

void
l_ref_null(struct lower *l, const struct insn *in)
{
	l_push(l, LLVMConstNull(l_type(l, in->type)));
}

void
l_ref_is_null(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = LLVMBuildIsNull(l->b, l_pop(l), "");

	l_push(l, LLVMBuildZExt(l->b, v, l->i32, ""));
}

void
l_ref_eq(struct lower *l, const struct insn *in)
{
	LLVMValueRef b = l_pop(l), a = l_pop(l);
	LLVMValueRef v = LLVMBuildICmp(l->b, LLVMIntEQ, a, b, "");

	l_push(l, LLVMBuildZExt(l->b, v, l->i32, ""));
}

void
l_ref_as_non_null(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l);

	l_trap_if(l, LLVMBuildIsNull(l->b, v, ""), WABI_TRAP_NULL_REF);
	l_push(l, v);
}

/* A function has one identity in the process: an imported one's is the
 * exporter's. */
void
l_ref_func(struct lower *l, const struct insn *in)
{
	const struct wabi_layout *at = &l->plan->layout;

	if (l->m->funcs[in->index].imported)
		l_push(l, l_fixed(l, l->ptr, l->vmctx, at->imports
		    + sizeof(struct wabi_import) * (uint64_t)in->index
		    + offsetof(struct wabi_import, func)));
	else
		l_push(l, l_at(l, l->vmctx, at->funcs
		    + sizeof(struct wabi_func)
		    * (uint64_t)l->plan->funcref_idx[in->index]));
}

/* ---- Tables ---- */

static LLVMValueRef
l_tableref(struct lower *l, uint32_t table, uint64_t field)
{
	return l_fixed(l, l->ptr, l->vmctx, l->plan->layout.tables
	    + sizeof(struct wabi_tableref) * (uint64_t)table + field);
}

enum alias
l_table_alias(struct lower *l, uint32_t table)
{
	uint32_t own = table - l->m->ntables_imported;

	if (l->m->tables[table].imported)
		return ALIAS_TABLE_IMP;
	return ALIAS_TABLE + (own < 7 ? own : 7);
}

/* The current size; that of an own table that cannot grow is known. */
static LLVMValueRef
l_table_length(struct lower *l, uint32_t table)
{
	const struct table *t = &l->m->tables[table];
	LLVMValueRef tab, v;

	if (!t->imported && t->limits.has_max
	    && t->limits.min == t->limits.max)
		return l_i64(l, t->limits.min);
	tab = l_tableref(l, table, offsetof(struct wabi_tableref, tab));
	v = LLVMBuildLoad2(l->b, l->i64,
	    l_at(l, tab, offsetof(struct wabi_table, size)), "");
	return l_tagged(l, v, ALIAS_STATE);
}

/* The address of a table's entry, which is checked to exist. */
LLVMValueRef
l_table_entry(struct lower *l, uint32_t table, LLVMValueRef index,
    enum wabi_trap trap)
{
	LLVMValueRef i = l->m->tables[table].limits.is64 ? index :
	    l_zext64(l, index);
	LLVMValueRef base = l_tableref(l, table,
	    offsetof(struct wabi_tableref, base));

	l_trap_if(l, LLVMBuildICmp(l->b, LLVMIntUGE, i,
	    l_table_length(l, table), ""), trap);
	return LLVMBuildGEP2(l->b, l->i64, base, &i, 1, "");
}

void
l_table_get(struct lower *l, const struct insn *in)
{
	LLVMValueRef p = l_table_entry(l, in->index, l_pop(l),
	    WABI_TRAP_TABLE_OOB);

	l_push(l, l_tagged(l, LLVMBuildLoad2(l->b, l_type(l,
	    l->m->tables[in->index].type), p, ""),
	    l_table_alias(l, in->index)));
}

void
l_table_set(struct lower *l, const struct insn *in)
{
	LLVMValueRef v = l_pop(l), i = l_pop(l);
	LLVMValueRef p = l_table_entry(l, in->index, i, WABI_TRAP_TABLE_OOB);

	if (LLVMTypeOf(v) == l->i32)
		v = l_zext64(l, v);	/* an entry is 64 bits */
	l_tagged(l, LLVMBuildStore(l->b, v, p), l_table_alias(l, in->index));
}

static LLVMValueRef
l_as_index(struct lower *l, LLVMValueRef v, uint32_t table)
{
	return l->m->tables[table].limits.is64 ? v :
	    LLVMBuildTrunc(l->b, v, l->i32, "");
}

void
l_table_size(struct lower *l, const struct insn *in)
{
	l_push(l, l_as_index(l, l_table_length(l, in->index), in->index));
}

void
l_table_grow(struct lower *l, const struct insn *in)
{
	LLVMValueRef delta = l_pop(l), init = l_pop(l);
	LLVMValueRef args[3] = { l_i32(l, in->index), init, delta };

	l_push(l, l_as_index(l, l_rt(l, WABI_RT_TABLE_GROW, args, 3),
	    in->index));
}

void
l_table_fill(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l), ref = l_pop(l), dst = l_pop(l);
	LLVMValueRef args[4] = { l_i32(l, in->index), dst, ref, n };

	l_rt(l, WABI_RT_TABLE_FILL, args, 4);
}

void
l_table_copy(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l), src = l_pop(l), dst = l_pop(l);
	LLVMValueRef args[5] = { l_i32(l, in->index), l_i32(l, in->index2),
	    dst, src, n };

	l_rt(l, WABI_RT_TABLE_COPY, args, 5);
}

void
l_table_init(struct lower *l, const struct insn *in)
{
	LLVMValueRef n = l_pop(l), src = l_pop(l), dst = l_pop(l);
	LLVMValueRef args[5] = { l_i32(l, in->index2), l_i32(l, in->index),
	    dst, src, n };

	l_rt(l, WABI_RT_TABLE_INIT, args, 5);
}

void
l_elem_drop(struct lower *l, const struct insn *in)
{
	LLVMValueRef seg = l_i32(l, in->index);

	l_rt(l, WABI_RT_ELEM_DROP, &seg, 1);
}
