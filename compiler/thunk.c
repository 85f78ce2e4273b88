/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * thunk.c: the code between the host and the guest, and constant expressions
 * that need code.
 *
 *   wabi.from_host.K(vmctx, code, vals)  C convention: call `code` of type K
 *   wabi.to_host.K                       of type K: call the runtime's HOSTCALL
 *   wabi.typed_from_host.K(typed, ...)   C convention: call what `typed` says
 *   wabi.typed_to_host.K                 of type K: call the runtime's HOSTFAST
 *   wabi.init.K(vmctx, val)              C convention: evaluate and store
 *
 *   wabi.entry.K                         of function K's type: call it, where
 *                                        functions are tailcc; see wabi.h
 *
 * They live in one part and are seen by the metadata, so they are hidden, not
 * internal.
 */
#include <stdio.h>

#include "lower.h"

static LLVMValueRef
l_thunk(struct lower *l, const char *fmt, uint32_t k, LLVMTypeRef t,
    struct vtypes results, uint64_t offset)
{
	char name[40];
	LLVMValueRef fn;

	snprintf(name, sizeof name, fmt, k);
	fn = l_new_func(l, name, t);
	l_open_func(l, fn, offset, name, results);
	return fn;
}

/* Thunks have no label to branch to: the function's is closed at once. */
static void
l_thunk_body(struct lower *l)
{
	LLVMDeleteBasicBlock(l->labels[0].target);
	l->nlabels = 0;
}

static void
l_from_host(struct lower *l, uint32_t type)
{
	const struct type *t = &l->m->types[type];
	struct vtypes none = { NULL, 0 };
	LLVMTypeRef p[3] = { l->ptr, l->ptr, l->ptr };
	LLVMValueRef fn = l_thunk(l, SYM_FROM_HOST, type,
	    LLVMFunctionType(l->void_t, p, 3, 0), none, 0);
	LLVMValueRef vals = LLVMGetParam(fn, 2), *args;

	l_thunk_body(l);
	args = ARENA_NEW(&l->c.scratch, t->params.n, LLVMValueRef);
	for (uint32_t i = 0; i < t->params.n; i++)
		args[i] = l_load_val(l, vals, i, t->params.t[i]);
	l_call_code(l, type, LLVMGetParam(fn, 1), l->vmctx, args);
	for (uint32_t i = 0; i < t->results.n; i++)
		l_store_val(l, vals, i, l->stack[i]);
	LLVMBuildRetVoid(l->b);
	l_close_func(l);
}

/* A host function's vmctx is a block of its own: a header like any vmctx's,
 * then the struct wabi_func. */
static void
l_to_host(struct lower *l, uint32_t type)
{
	const struct type *t = &l->m->types[type];
	uint32_t np = t->params.n, nr = t->results.n;
	struct vtypes none = { NULL, 0 };
	LLVMValueRef fn = l_thunk(l, SYM_TO_HOST, type, l_func_type(l, type),
	    none, 0);
	LLVMValueRef args[2], vals;

	LLVMSetFunctionCallConv(fn, LLVMFastCallConv);
	l_thunk_body(l);
	vals = nr > 1 && nr >= np ? LLVMGetParam(fn, np + 1) :
	    l_alloca(l, LLVMArrayType2(l->v128, np > nr ? np : nr), "vals");
	if (LLVMIsAAllocaInst(vals))
		LLVMSetAlignment(vals, 16);
	for (uint32_t i = 0; i < np; i++)
		l_store_val(l, vals, i, LLVMGetParam(fn, i + 1));
	args[0] = l_at(l, l->vmctx, WABI_VMCTX_HEADER);
	args[1] = vals;
	l_rt(l, WABI_RT_HOSTCALL, args, 2);
	for (uint32_t i = 0; i < nr && nr > 1 && nr < np; i++)
		l_store_val(l, LLVMGetParam(fn, np + 1), i,
		    l_load_val(l, vals, i, t->results.t[i]));
	if (nr == 1)
		LLVMBuildRet(l->b, l_load_val(l, vals, 0, t->results.t[0]));
	else
		LLVMBuildRetVoid(l->b);
	l_close_func(l);
}

/* R (first pointers, parameters) in C's convention. */
static LLVMTypeRef
l_c_type(struct lower *l, const struct type *t, unsigned nptrs)
{
	LLVMTypeRef p[2 + WABI_TYPED_FROM_INTS + WABI_TYPED_FLOATS];
	unsigned n = 0;

	while (n < nptrs)
		p[n++] = l->ptr;
	for (uint32_t i = 0; i < t->params.n; i++)
		p[n++] = l_type(l, t->params.t[i]);
	return LLVMFunctionType(t->results.n ? l_type(l, t->results.t[0]) :
	    l->void_t, p, n, 0);
}

static void
l_typed_from_host(struct lower *l, uint32_t type)
{
	const struct type *t = &l->m->types[type];
	struct vtypes none = { NULL, 0 };
	LLVMValueRef fn = l_thunk(l, SYM_TYPED_FROM_HOST, type,
	    l_c_type(l, t, 1), none, 0);
	LLVMValueRef typed = LLVMGetParam(fn, 0), code, vmctx;
	LLVMValueRef args[WABI_TYPED_FROM_INTS + WABI_TYPED_FLOATS];

	l_thunk_body(l);
	code = LLVMBuildLoad2(l->b, l->ptr, l_at(l, typed,
	    offsetof(struct wabi_typed, code)), "");
	vmctx = LLVMBuildLoad2(l->b, l->ptr, l_at(l, typed,
	    offsetof(struct wabi_typed, vmctx)), "");
	for (uint32_t i = 0; i < t->params.n; i++)
		args[i] = LLVMGetParam(fn, i + 1);
	l_call_code(l, type, code, vmctx, args);
	if (t->results.n)
		LLVMBuildRet(l->b, l->stack[0]);
	else
		LLVMBuildRetVoid(l->b);
	l_close_func(l);
}

/* The second argument is for the runtime to fill in.  The runtime returns to
 * the caller: the frame in between would be a call and a return for nothing, a
 * fifth of all that a host call takes. */
static void
l_typed_to_host(struct lower *l, uint32_t type)
{
	const struct type *t = &l->m->types[type];
	LLVMTypeRef ct = l_c_type(l, t, 2);
	struct vtypes none = { NULL, 0 };
	LLVMValueRef fn = l_thunk(l, SYM_TYPED_TO_HOST, type,
	    l_func_type(l, type), none, 0), table, code, call;
	LLVMValueRef args[2 + WABI_TYPED_TO_INTS + WABI_TYPED_FLOATS];

	LLVMSetFunctionCallConv(fn, LLVMFastCallConv);
	LLVMRemoveStringAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
	    "disable-tail-calls", 18);
	l_thunk_body(l);
	table = l_fixed(l, l->ptr, l->vmctx, offsetof(struct wabi_vmctx, rt));
	code = l_fixed(l, l->ptr, table, 8ull * WABI_RT_HOSTFAST);
	args[0] = l->vmctx;
	args[1] = LLVMGetUndef(l->ptr);
	for (uint32_t i = 0; i < t->params.n; i++)
		args[i + 2] = LLVMGetParam(fn, i + 1);
	l_locate(l);
	call = LLVMBuildCall2(l->b, ct, code, args, t->params.n + 2, "");
	LLVMSetTailCallKind(call, LLVMTailCallKindTail);
	if (t->results.n)
		LLVMBuildRet(l->b, call);
	else
		LLVMBuildRetVoid(l->b);
	l_close_func(l);
}

static void
l_init_code(struct lower *l, uint32_t k)
{
	const struct constexpr *e = l->plan->ce.code[k].expr;
	struct vtypes one = { &l->plan->ce.code[k].type, 1 };
	LLVMTypeRef p[2] = { l->ptr, l->ptr };
	LLVMValueRef fn = l_thunk(l, SYM_INIT, k,
	    LLVMFunctionType(l->void_t, p, 2, 0), one, e->offset);
	struct reader r = rd_open(&l->c, e->code);

	l_body(l, &r);
	if (!l->dead) {
		l_store_val(l, LLVMGetParam(fn, 1), 0, l->stack[0]);
		LLVMBuildRetVoid(l->b);
	}
	l_close_func(l);
}

/* What is known outside of a module whose functions are tailcc. */
static void
l_entry(struct lower *l, uint32_t func)
{
	LLVMTypeRef t = l_func_type(l, l->m->funcs[func].type);
	struct vtypes none = { NULL, 0 };
	LLVMValueRef fn = l_thunk(l, SYM_ENTRY, func, t, none, 0), call;
	unsigned n = LLVMCountParams(fn);
	LLVMValueRef *args = ARENA_NEW(&l->c.scratch, n, LLVMValueRef);

	LLVMSetFunctionCallConv(fn, FASTCC);
	l_thunk_body(l);
	LLVMGetParams(fn, args);
	call = LLVMBuildCall2(l->b, t, l_func(l, func), args, n, "");
	LLVMSetInstructionCallConv(call, l->own_cc);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
	    l->noinline);
	if (LLVMGetReturnType(t) == l->void_t)
		LLVMBuildRetVoid(l->b);
	else
		LLVMBuildRet(l->b, call);
	l_close_func(l);
}

static void
l_shared_thunks(struct lower *l)
{
	for (uint32_t i = 0; i < l->m->ntypes; i++) {
		const struct type *t = &l->m->types[i];

		if (l->plan->from_host[i])
			l_from_host(l, i);
		if (l->plan->to_host[i])
			l_to_host(l, i);
		if (l->plan->from_host[i] &&
		    plan_in_registers(t, WABI_TYPED_FROM_INTS))
			l_typed_from_host(l, i);
		if (l->plan->to_host[i] &&
		    plan_in_registers(t, WABI_TYPED_TO_INTS))
			l_typed_to_host(l, i);
	}
	for (uint32_t k = 0; k < l->plan->ce.ncode; k++)
		l_init_code(l, k);
	l_exn_personality(l);
}

void
l_thunks(struct lower *l)
{
	if (l->plan->level == 0)
		l_shared_thunks(l);
	for (uint32_t i = l->m->nfuncs_imported; i < l->m->nfuncs; i++)
		if (plan_has_entry(l->plan, i))
			l_entry(l, i);
}
