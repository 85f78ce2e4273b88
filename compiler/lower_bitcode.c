/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_bitcode.c: calls of host functions that are compiled in, and what their
 * code is given of the guest.  See bitcode.h.
 */
#include <string.h>

#include "bitcode.h"
#include "lower.h"

/* ---- Calls ---- */

/* R (void *data, wrt_guest *, parameters) in C's convention. */
static LLVMTypeRef
b_type(struct lower *l, const struct type *t)
{
	LLVMTypeRef *p = ARENA_NEW(&l->c.scratch, t->params.n + 2, LLVMTypeRef);
	unsigned n = 0;

	p[n++] = l->ptr;
	p[n++] = l->ptr;
	for (uint32_t i = 0; i < t->params.n; i++)
		p[n++] = l_type(l, t->params.t[i]);
	return LLVMFunctionType(t->results.n ? l_type(l, t->results.t[0]) :
	    l->void_t, p, n, 0);
}

/* The host's data is in the block that stands for its function. */
static LLVMValueRef
b_data(struct lower *l, uint32_t func)
{
	LLVMValueRef block = l_import_field(l, func, offsetof(
	    struct wabi_import, vmctx));

	return l_fixed(l, l->ptr, block, WABI_HOST_DATA);
}

bool
l_call_bitcode(struct lower *l, uint32_t func, const LLVMValueRef *args)
{
	const struct type *t = &l->m->types[l->m->funcs[func].type];
	char buf[32];
	const char *name = bitcode_symbol(l->plan, func, buf);
	LLVMTypeRef ft;
	LLVMValueRef fn, *a, call;

	if (!name)
		return false;
	ft = b_type(l, t);
	fn = LLVMGetNamedFunction(l->mod, name);
	if (!fn)
		fn = LLVMAddFunction(l->mod, name, ft);
	a = ARENA_NEW(&l->c.scratch, t->params.n + 2, LLVMValueRef);
	l_locate(l);
	a[0] = b_data(l, func);
	a[1] = l->vmctx;
	for (uint32_t i = 0; i < t->params.n; i++)
		a[i + 2] = args[i];
	call = l_build_call(l, ft, fn, a, t->params.n + 2, LLVMCCallConv);
	if (t->results.n)
		l_push(l, call);
	return true;
}

/* ---- What wasmrt_bitcode.h declares ---- */

/* They are made without a place in the wasm: once inlined, they have that of
 * the call. */
static void
b_open(struct lower *l, const char *name, LLVMTypeRef ret, bool two)
{
	LLVMTypeRef p[2] = { l->ptr, l->i32 };

	l->fn = l_new_func(l, name, LLVMFunctionType(ret, p, two ? 2 : 1, 0));
	l->vmctx = LLVMGetParam(l->fn, 0);
	LLVMPositionBuilderAtEnd(l->b, l_bb(l, "entry"));
	LLVMSetCurrentDebugLocation2(l->b, NULL);
	l->located = l->offset;		/* l_locate() does nothing */
}

/* The memory that the caller means; see docs/LINKING.md.  The global is the
 * guest's: whatever is in it, a memory of the module's is what comes of it. */
static LLVMValueRef
b_memref(struct lower *l)
{
	uint64_t at = l->plan->layout.memories;
	uint32_t global = l->plan->host_memory;
	LLVMValueRef i, good, base = l_at(l, l->vmctx, at);

	if (!global)
		return base;
	i = LLVMBuildLoad2(l->b, l->i32, l_at(l, l->vmctx,
	    l->plan->layout.globals + 16ull * (global - 1)), "");
	good = LLVMBuildICmp(l->b, LLVMIntULT, i,
	    l_i32(l, l->m->nmemories), "");
	i = l_zext64(l, LLVMBuildSelect(l->b, good, i, l_i32(l, 0), ""));
	i = LLVMBuildMul(l->b, i, l_i64(l, sizeof(struct wabi_memref)), "");
	return LLVMBuildGEP2(l->b, l->i8, base, &i, 1, "");
}

static void
b_memory(struct lower *l)
{
	b_open(l, SYM_GUEST_MEMORY, l->ptr, false);
	LLVMBuildRet(l->b, l->m->nmemories ? l_fixed(l, l->ptr, b_memref(l),
	    offsetof(struct wabi_memref, base)) : LLVMConstNull(l->ptr));
}

static void
b_bytes(struct lower *l)
{
	LLVMValueRef mem, n = l_i64(l, 0);

	b_open(l, SYM_GUEST_BYTES, l->i64, false);
	if (l->m->nmemories) {
		mem = l_fixed(l, l->ptr, b_memref(l), offsetof(
		    struct wabi_memref, mem));
		n = LLVMBuildLoad2(l->b, l->i64, l_at(l, mem, offsetof(
		    struct wabi_memory, bytes)), "");
		LLVMSetAlignment(n, 8);
		LLVMSetOrdering(n, LLVMAtomicOrderingMonotonic);
	}
	LLVMBuildRet(l->b, n);
}

static void
b_trap(struct lower *l)
{
	LLVMValueRef code, call;

	b_open(l, SYM_GUEST_TRAP, l->void_t, true);
	LLVMAddAttributeAtIndex(l->fn, LLVMAttributeFunctionIndex,
	    l->noreturn);
	code = LLVMGetParam(l->fn, 1);
	call = l_rt(l, WABI_RT_TRAP, &code, 1);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, l->nomerge);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
	    l->noreturn);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, l->cold);
	LLVMBuildUnreachable(l->b);
}

int
l_bitcode(struct lower *l)
{
	if (!l->plan->bitcode)
		return WASMC_OK;
	b_memory(l);
	b_bytes(l);
	b_trap(l);
	l_close_func(l);
	return bitcode_link(l->part, l->ctx, l->mod, l->attrs, l->nattrs);
}
