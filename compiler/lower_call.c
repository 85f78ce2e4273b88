/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_call.c: calls.
 *
 * Own functions are called directly, imported ones through vmctx's imports,
 * references through the struct wabi_func they point to.  The convention is
 * wabi.h's: fastcc, vmctx first, two or more results through an array; where
 * the module makes tail calls, its own functions are tailcc.
 */
#include <assert.h>

#include "lower.h"

/* ---- Arrays of union wabi_val ---- */

void
l_store_val(struct lower *l, LLVMValueRef array, uint32_t i, LLVMValueRef v)
{
	LLVMSetAlignment(LLVMBuildStore(l->b, v, l_at(l, array, 16ull * i)),
	    16);
}

LLVMValueRef
l_load_val(struct lower *l, LLVMValueRef array, uint32_t i, struct vtype t)
{
	LLVMValueRef v = LLVMBuildLoad2(l->b, l_type(l, t),
	    l_at(l, array, 16ull * i), "");

	LLVMSetAlignment(v, 16);
	return v;
}

LLVMValueRef
l_result_array(struct lower *l, uint32_t n)
{
	if (n > l->nresults) {
		LLVMTypeRef t = LLVMArrayType2(l->v128, n);
		l->results = l_alloca(l, t, "results");
		LLVMSetAlignment(l->results, 16);
		l->nresults = n;
	}
	return l->results;
}

/* ---- The call itself ---- */

void
l_call_cc(struct lower *l, unsigned cc, uint32_t type, LLVMValueRef code,
    LLVMValueRef vmctx, const LLVMValueRef *args)
{
	const struct type *t = &l->m->types[type];
	uint32_t n = 0, nresults = t->results.n;
	LLVMValueRef *a = ARENA_NEW(&l->c.scratch, t->params.n + 2,
	    LLVMValueRef);
	LLVMValueRef call;

	a[n++] = vmctx;
	for (uint32_t i = 0; i < t->params.n; i++)
		a[n++] = args[i];
	if (nresults > 1)
		a[n++] = l_result_array(l, nresults);
	l_locate(l);
	call = l_build_call(l, l_func_type(l, type), code, a, n, cc);
	if (nresults == 1)
		l_push(l, call);
	for (uint32_t i = 0; nresults > 1 && i < nresults; i++)
		l_push(l, l_load_val(l, l->results, i, t->results.t[i]));
}

void
l_call_code(struct lower *l, uint32_t type, LLVMValueRef code,
    LLVMValueRef vmctx, const LLVMValueRef *args)
{
	l_call_cc(l, FASTCC, type, code, vmctx, args);
}

void
l_call_own(struct lower *l, uint32_t func, const LLVMValueRef *args)
{
	l_call_cc(l, l->own_cc, l->m->funcs[func].type, l_func(l, func),
	    l->vmctx, args);
}

LLVMValueRef *
l_pop_args(struct lower *l, uint32_t type)
{
	uint32_t n = l->m->types[type].params.n;
	LLVMValueRef *args = ARENA_NEW(&l->c.scratch, n, LLVMValueRef);

	while (n-- > 0)
		args[n] = l_opaque(l, l_pop(l));
	return args;
}

LLVMValueRef
l_import_field(struct lower *l, uint32_t func, uint64_t at)
{
	return l_fixed(l, l->ptr, l->vmctx, l->plan->layout.imports
	    + sizeof(struct wabi_import) * (uint64_t)func + at);
}

void
l_call(struct lower *l, const struct insn *in)
{
	uint32_t type = l->m->funcs[in->index].type;
	LLVMValueRef *args = l_pop_args(l, type);
	LLVMValueRef code, vmctx;

	if (!l->m->funcs[in->index].imported) {
		l_call_own(l, in->index, args);
		return;
	}
	if (l_call_bitcode(l, in->index, args))
		return;
	code = l_import_field(l, in->index, offsetof(struct wabi_import,
	    code));
	vmctx = l_import_field(l, in->index, offsetof(struct wabi_import,
	    vmctx));
	l_call_code(l, type, code, vmctx, args);
}

/* ---- Calls through references ---- */

LLVMValueRef
l_func_field(struct lower *l, LLVMTypeRef t, LLVMValueRef func, uint64_t at)
{
	return l_tagged(l, LLVMBuildLoad2(l->b, t, l_at(l, func, at), ""),
	    ALIAS_FUNC);
}

static void
l_call_func(struct lower *l, uint32_t type, LLVMValueRef func,
    const LLVMValueRef *args)
{
	LLVMValueRef code = l_func_field(l, l->ptr, func,
	    offsetof(struct wabi_func, code));
	LLVMValueRef vmctx = l_func_field(l, l->ptr, func,
	    offsetof(struct wabi_func, vmctx));

	l_call_code(l, type, code, vmctx, args);
}

/* The callee's type must be the one named, or a subtype of it.  Canonical ids
 * are equal for equal types; what is left for the runtime is real subtyping,
 * which a final type rules out. */
static void
l_check_type(struct lower *l, LLVMValueRef func, uint32_t type)
{
	LLVMValueRef have = l_func_field(l, l->i32, func,
	    offsetof(struct wabi_func, type_id));
	LLVMValueRef want = l_fixed(l, l->i32, l->vmctx,
	    l->plan->layout.types + 4ull * type);
	LLVMValueRef differ = LLVMBuildICmp(l->b, LLVMIntNE, have, want, "");
	LLVMValueRef args[2] = { func, l_i32(l, type) }, br;
	LLVMBasicBlockRef ask, good;

	if (l->m->types[type].final) {
		l_trap_if(l, differ, WABI_TRAP_INDIRECT_TYPE);
		return;
	}
	ask = l_bb(l, "subtype");
	good = l_bb(l, "");
	br = LLVMBuildCondBr(l->b, differ, ask, good);
	LLVMSetMetadata(br, l->md_prof, l->unlikely);
	LLVMPositionBuilderAtEnd(l->b, ask);
	l_rt(l, WABI_RT_SIG_CHECK, args, 2);
	LLVMBuildBr(l->b, good);
	LLVMPositionBuilderAtEnd(l->b, good);
}

/* Is every function in the table of the type, by the table's own type? */
static bool
l_table_proves(struct lower *l, uint32_t table, uint32_t type)
{
	uint32_t heap = l->m->tables[table].type.heap;

	return !(heap & HT_ABSTRACT)
	    && l->m->types[heap].canon == l->m->types[type].canon;
}

/* What the table has, which is not checked yet; then the arguments. */
static LLVMValueRef
l_table_func(struct lower *l, const struct insn *in, LLVMValueRef **args)
{
	LLVMValueRef index = l_pop(l), entry;

	*args = l_pop_args(l, in->index);
	entry = l_table_entry(l, in->index2, index,
	    WABI_TRAP_UNDEFINED_ELEMENT);
	return l_tagged(l, LLVMBuildLoad2(l->b, l->ptr, entry, ""),
	    l_table_alias(l, in->index2));
}

static void
l_check_func(struct lower *l, const struct insn *in, LLVMValueRef func)
{
	l_trap_if(l, LLVMBuildIsNull(l->b, func, ""),
	    WABI_TRAP_UNINIT_ELEMENT);
	if (!l_table_proves(l, in->index2, in->index))
		l_check_type(l, func, in->index);
}

LLVMValueRef
l_indirect_callee(struct lower *l, const struct insn *in, LLVMValueRef **args)
{
	LLVMValueRef func = l_table_func(l, in, args);

	l_check_func(l, in, func);
	return func;
}

static void
l_checked_call(struct lower *l, const struct insn *in, LLVMValueRef func,
    LLVMValueRef *args)
{
	l_check_func(l, in, func);
	l_call_func(l, in->index, func, args);
}

/* The code, of the right type. */
static void
l_fixed_call(struct lower *l, const struct insn *in, LLVMValueRef code,
    LLVMValueRef *args)
{
	l_call_cc(l, l->own_cc, in->index, code, l->vmctx, args);
}

void
l_call_indirect(struct lower *l, const struct insn *in)
{
	LLVMValueRef *args, code, func;

	if (l_fixed_switch(l, in))
		return;
	code = l_fixed_callee(l, in, &args);
	if (code) {
		if (!l_profile_call(l, in, code, true, args, l_fixed_call))
			l_fixed_call(l, in, code, args);
		return;
	}
	func = l_table_func(l, in, &args);
	if (!l_profile_call(l, in, func, false, args, l_checked_call))
		l_checked_call(l, in, func, args);
}

LLVMValueRef
l_ref_callee(struct lower *l, const struct insn *in, LLVMValueRef **args)
{
	LLVMValueRef func = l_pop(l);

	*args = l_pop_args(l, in->index);
	l_trap_if(l, LLVMBuildIsNull(l->b, func, ""),
	    WABI_TRAP_NULL_FUNC_REF);
	return func;
}

void
l_call_ref(struct lower *l, const struct insn *in)
{
	LLVMValueRef *args, func = l_ref_callee(l, in, &args);

	l_call_func(l, in->index, func, args);
}
