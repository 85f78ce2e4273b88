/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_ir.c: types, attributes, alias classes and the small builders that
 * every handler uses.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lower.h"
#include "lower_flow.h"

/* ---- Attributes ---- */

static void
l_attr(struct lower *l, const char *name, uint64_t value)
{
	unsigned k = LLVMGetEnumAttributeKindForName(name, strlen(name));

	assert(l->nattrs < sizeof l->attrs / sizeof *l->attrs);
	l->attrs[l->nattrs++] = LLVMCreateEnumAttribute(l->ctx, k, value);
}

static void
l_attr_str(struct lower *l, const char *name, const char *value)
{
	assert(l->nattrs < sizeof l->attrs / sizeof *l->attrs);
	l->attrs[l->nattrs++] = LLVMCreateStringAttribute(l->ctx, name,
	    (unsigned)strlen(name), value, (unsigned)strlen(value));
}

static LLVMAttributeRef
l_enum_attr(struct lower *l, const char *name)
{
	return LLVMCreateEnumAttribute(l->ctx,
	    LLVMGetEnumAttributeKindForName(name, strlen(name)), 0);
}

/* What every function has.
 *
 *   disable-tail-calls  runaway recursion must end the stack, so it may become
 *                       neither a jump nor a loop; where there are tail calls
 *                       the other calls are marked one by one
 *   probe-stack         a frame larger than half the guard touches each piece
 *                       of itself, so that no frame steps over the guard
 *   no-builtins         no loop becomes a call of memset or memcpy, which an
 *                       artifact does not have
 *   uwtable             an .eh_frame entry exact at every instruction
 *   nounwind            unless the module knows exceptions: those of others go
 *                       through its frames without its doing
 *
 * willreturn and mustprogress are never given: a wasm loop may be endless. */
static void
l_attrs_init(struct lower *l)
{
	char probe[16];

	if (!l->plan->exceptions)
		l_attr(l, "nounwind", 0);
	l_attr(l, "uwtable", 2);
	if (!l->plan->tail)
		l_attr_str(l, "disable-tail-calls", "true");
	l_attr_str(l, "probe-stack", "inline-asm");
	snprintf(probe, sizeof probe, "%u", WABI_STACK_GUARD / 2);
	l_attr_str(l, "stack-probe-size", probe);
	l_attr_str(l, "no-builtins", "");
	l_attr_str(l, "frame-pointer", "none");
	l_attr_str(l, "no-trapping-math", "true");
	if (l->plan->cpu && *l->plan->cpu)
		l_attr_str(l, "target-cpu", l->plan->cpu);
	if (l->plan->cpu_features && *l->plan->cpu_features)
		l_attr_str(l, "target-features", l->plan->cpu_features);
	l->nomerge = l_enum_attr(l, "nomerge");
	l->noreturn = l_enum_attr(l, "noreturn");
	l->cold = l_enum_attr(l, "cold");
	l->nounwind = l_enum_attr(l, "nounwind");
	l->noinline = l_enum_attr(l, "noinline");
}

/* ---- Metadata ---- */

static LLVMMetadataRef
l_md_str(struct lower *l, const char *s)
{
	return LLVMMDStringInContext2(l->ctx, s, strlen(s));
}

static LLVMMetadataRef
l_md_int(struct lower *l, LLVMTypeRef t, uint64_t x)
{
	return LLVMValueAsMetadata(LLVMConstInt(t, x, 0));
}

/* A scalar TBAA tag: a type of its own under the root. */
static LLVMValueRef
l_tbaa(struct lower *l, LLVMMetadataRef root, const char *name)
{
	LLVMMetadataRef zero = l_md_int(l, l->i64, 0);
	LLVMMetadataRef t[3] = { l_md_str(l, name), root, zero };
	LLVMMetadataRef type = LLVMMDNodeInContext2(l->ctx, t, 3);
	LLVMMetadataRef tag[3] = { type, type, zero };

	return LLVMMetadataAsValue(l->ctx,
	    LLVMMDNodeInContext2(l->ctx, tag, 3));
}

static LLVMValueRef
l_weights(struct lower *l, uint32_t yes, uint32_t no)
{
	LLVMMetadataRef t[3] = { l_md_str(l, "branch_weights"),
	    l_md_int(l, l->i32, yes), l_md_int(l, l->i32, no) };

	return LLVMMetadataAsValue(l->ctx, LLVMMDNodeInContext2(l->ctx, t, 3));
}

static void
l_metadata_init(struct lower *l)
{
	static const char *const fixed[] = { "state", "func", "global",
	    "global.imported", "table.imported", "memory.imported",
	    "heap.run", "heap.head", "heap.i8", "heap.i16", "heap.i32",
	    "heap.i64", "heap.f32", "heap.f64", "heap.v128", "heap.ref",
	    "heap.ptr", "fuel" };
	LLVMMetadataRef name = l_md_str(l, "wasm");
	LLVMMetadataRef root = LLVMMDNodeInContext2(l->ctx, &name, 1);
	char buf[32];

	l->md_invariant = LLVMGetMDKindIDInContext(l->ctx, "invariant.load",
	    14);
	l->md_tbaa = LLVMGetMDKindIDInContext(l->ctx, "tbaa", 4);
	l->md_prof = LLVMGetMDKindIDInContext(l->ctx, "prof", 4);
	l->invariant = LLVMMetadataAsValue(l->ctx,
	    LLVMMDNodeInContext2(l->ctx, NULL, 0));
	l->unlikely = l_weights(l, 1, 1 << 20);
	l->likely = l_weights(l, 1 << 20, 1);
	for (int i = 0; i < ALIAS_TABLE; i++)
		l->alias[i] = l_tbaa(l, root, fixed[i]);
	for (int i = ALIAS_TABLE; i < NALIASES; i++) {
		snprintf(buf, sizeof buf, i < ALIAS_MEMORY ? "table.%d" :
		    "memory.%d", (i - ALIAS_TABLE) % 8);
		l->alias[i] = l_tbaa(l, root, buf);
	}
}

LLVMValueRef
l_tagged(struct lower *l, LLVMValueRef access, enum alias a)
{
	LLVMSetMetadata(access, l->md_tbaa, l->alias[a]);
	return access;
}

/* ---- Types ---- */

/* Rounding to an integral value is one instruction since SSE4.1; before, LLVM
 * calls the C library, which an artifact does not have. */
static bool
l_lacks_rounding(const struct plan *p)
{
	static const char *const old[] = { "", "generic", "x86-64", "k8",
	    "opteron", "athlon64", "athlon-fx", "k8-sse3", "opteron-sse3",
	    "athlon64-sse3", "amdfam10", "barcelona", "nocona", "core2" };
	const char *f = p->cpu_features ? p->cpu_features : "";
	const char *cpu = p->cpu ? p->cpu : "";
	static const char *const since[] = { "+sse4.1", "+sse4.2", "+avx",
	    "+avx2" };

	if (!p->is_x86)
		return false;
	if (strstr(f, "-sse4.1"))
		return true;
	for (size_t i = 0; i < sizeof since / sizeof *since; i++) {
		const char *at = strstr(f, since[i]);
		size_t n = strlen(since[i]);
		if (at && (at[n] == '\0' || at[n] == ','))
			return false;
	}
	for (size_t i = 0; i < sizeof old / sizeof *old; i++)
		if (!strcmp(cpu, old[i]))
			return true;
	return false;
}

void
l_ir_init(struct lower *l, LLVMTargetMachineRef tm)
{
	LLVMTargetDataRef td = LLVMCreateTargetDataLayout(tm);

	LLVMSetModuleDataLayout(l->mod, td);
	LLVMDisposeTargetData(td);
	LLVMSetTarget(l->mod, l->plan->triple);
	l->i1 = LLVMInt1TypeInContext(l->ctx);
	l->i8 = LLVMInt8TypeInContext(l->ctx);
	l->i16 = LLVMInt16TypeInContext(l->ctx);
	l->i32 = LLVMInt32TypeInContext(l->ctx);
	l->i64 = LLVMInt64TypeInContext(l->ctx);
	l->i128 = LLVMInt128TypeInContext(l->ctx);
	l->f32 = LLVMFloatTypeInContext(l->ctx);
	l->f64 = LLVMDoubleTypeInContext(l->ctx);
	l->v128 = LLVMVectorType(l->i64, 2);
	l->ptr = LLVMPointerTypeInContext(l->ctx, 0);
	l->void_t = LLVMVoidTypeInContext(l->ctx);
	l->hand_rounding = l_lacks_rounding(l->plan);
	l->own_cc = l->plan->tail ? TAILCC : FASTCC;
	l_attrs_init(l);
	l_metadata_init(l);
}

LLVMTypeRef
l_type(struct lower *l, struct vtype t)
{
	switch (t.kind) {
	case T_I32: return l->i32;
	case T_I64: return l->i64;
	case T_F32: return l->f32;
	case T_F64: return l->f64;
	case T_V128: return l->v128;
	default: return l_is_heap_ref(l, t) ? l->i32 : l->ptr;
	}
}

/* vmctx, the parameters, and for two or more results the array for them. */
LLVMTypeRef
l_func_type(struct lower *l, uint32_t type)
{
	const struct type *t = &l->m->types[l->m->types[type].canon];
	LLVMTypeRef *p, ret = l->void_t;
	uint32_t n = 0;

	type = l->m->types[type].canon;
	if (l->types[type])
		return l->types[type];
	p = ARENA_NEW(&l->c.arena, t->params.n + 2, LLVMTypeRef);
	p[n++] = l->ptr;
	for (uint32_t i = 0; i < t->params.n; i++)
		p[n++] = l_type(l, t->params.t[i]);
	if (t->results.n > 1)
		p[n++] = l->ptr;
	if (t->results.n == 1)
		ret = l_type(l, t->results.t[0]);
	return l->types[type] = LLVMFunctionType(ret, p, n, 0);
}

/* ---- Functions ---- */

static void
l_param_attr(struct lower *l, LLVMValueRef fn, const char *name, uint64_t v)
{
	LLVMAddAttributeAtIndex(fn, 1, LLVMCreateEnumAttribute(l->ctx,
	    LLVMGetEnumAttributeKindForName(name, strlen(name)), v));
}

/* vmctx is not noalias: a call through an import may come back into this
 * instance, with a vmctx that LLVM could not connect with ours. */
LLVMValueRef
l_new_func(struct lower *l, const char *name, LLVMTypeRef t)
{
	LLVMValueRef fn = LLVMAddFunction(l->mod, name, t);

	for (uint32_t i = 0; i < l->nattrs; i++)
		LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
		    l->attrs[i]);
	LLVMSetVisibility(fn, LLVMHiddenVisibility);
	return fn;
}

/* The function's declaration.  In a part that is alone, functions that nobody
 * can name from outside are internal. */
LLVMValueRef
l_func(struct lower *l, uint32_t func)
{
	const struct func *f = &l->m->funcs[func];
	LLVMValueRef fn;

	if (l->funcs[func])
		return l->funcs[func];
	fn = l_new_func(l, l->plan->sym.funcs[func], l_func_type(l, f->type));
	LLVMSetFunctionCallConv(fn, l->own_cc);
	l_param_attr(l, fn, "nonnull", 0);
	l_param_attr(l, fn, "noundef", 0);
	l_param_attr(l, fn, "dereferenceable", l->plan->layout.size);
	l_param_attr(l, fn, "align", 16);
	LLVMAddAttributeAtIndex(fn, 1, LLVMCreateStringAttribute(l->ctx,
	    ATTR_VMCTX, sizeof ATTR_VMCTX - 1, "", 0));
	l_profile_func(l, fn, func);
	if (l->part->alone && !f->referenced && func != l->m->start) {
		LLVMSetVisibility(fn, LLVMDefaultVisibility);
		LLVMSetLinkage(fn, LLVMInternalLinkage);
	}
	return l->funcs[func] = fn;
}

/* ---- Values ---- */

LLVMValueRef
l_i32(struct lower *l, uint32_t x)
{
	return LLVMConstInt(l->i32, x, 0);
}

LLVMValueRef
l_i64(struct lower *l, uint64_t x)
{
	return LLVMConstInt(l->i64, x, 0);
}

LLVMValueRef
l_at(struct lower *l, LLVMValueRef p, uint64_t offset)
{
	LLVMValueRef i = l_i64(l, offset);

	return offset ? LLVMBuildGEP2(l->b, l->i8, p, &i, 1, "") : p;
}

LLVMValueRef
l_fixed(struct lower *l, LLVMTypeRef t, LLVMValueRef p, uint64_t offset)
{
	LLVMValueRef v = LLVMBuildLoad2(l->b, t, l_at(l, p, offset), "");

	LLVMSetMetadata(v, l->md_invariant, l->invariant);
	return v;
}

LLVMValueRef
l_zext64(struct lower *l, LLVMValueRef v)
{
	return LLVMBuildZExt(l->b, v, l->i64, "");
}

LLVMValueRef
l_intrinsic(struct lower *l, const char *name, LLVMTypeRef *over,
    unsigned nover, LLVMValueRef *args, unsigned nargs)
{
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
	LLVMValueRef fn = LLVMGetIntrinsicDeclaration(l->mod, id, over, nover);
	LLVMTypeRef t = LLVMIntrinsicGetType(l->ctx, id, over, nover);

	return LLVMBuildCall2(l->b, t, fn, args, nargs, "");
}

/* Stack slots stand in the entry block, which runs once. */
LLVMValueRef
l_alloca(struct lower *l, LLVMTypeRef t, const char *name)
{
	LLVMBasicBlockRef at = LLVMGetInsertBlock(l->b);
	LLVMValueRef v;

	LLVMPositionBuilderBefore(l->b, l->entry_end);
	v = LLVMBuildAlloca(l->b, t, name);
	LLVMPositionBuilderAtEnd(l->b, at);
	l->located = UINT64_MAX;	/* it is the entry's now */
	return v;
}

LLVMBasicBlockRef
l_bb(struct lower *l, const char *name)
{
	return LLVMAppendBasicBlockInContext(l->ctx, l->fn, name);
}

/* The line is the instruction's offset in the .wasm. */
void
l_locate(struct lower *l)
{
	if (l->located == l->offset)
		return;
	l->located = l->offset;
	LLVMSetCurrentDebugLocation2(l->b, LLVMDIBuilderCreateDebugLocation(
	    l->ctx, l_line(l, l->offset), 0, l->scope, NULL));
}

/* ---- The runtime ---- */

static const char *const rt_sigs[WABI_RT_SLOTS] = {
#define X(name, slot, sig) [slot] = sig,
	WABI_RTCALLS(X)
#undef X
};

static LLVMTypeRef
l_sig_type(struct lower *l, char c)
{
	return c == 'v' ? l->void_t : c == 'i' ? l->i32 : c == 'l' ? l->i64 :
	    l->ptr;
}

static LLVMValueRef
l_rt_arg(struct lower *l, LLVMValueRef v, char want)
{
	LLVMTypeRef t = LLVMTypeOf(v);

	if (want == 'l' && t == l->ptr)
		return LLVMBuildPtrToInt(l->b, v, l->i64, "");
	return want == 'l' && t == l->i32 ? l_zext64(l, v) : v;
}

/* May an exception come out of the runtime call, into a try of this function?
 * (The others that throw are in no try, or are told where to go.) */
static bool
l_rt_throws(enum wabi_rtcall slot)
{
	return slot == WABI_RT_RESUME || slot == WABI_RT_RESUME_THROW ||
	    slot == WABI_RT_SUSPEND || slot == WABI_RT_SWITCH;
}

LLVMValueRef
l_rt(struct lower *l, enum wabi_rtcall slot, LLVMValueRef *args,
    unsigned nargs)
{
	const char *sig = rt_sigs[slot];
	LLVMTypeRef t[7];
	LLVMValueRef a[7], table, code, call;

	l_locate(l);
	assert(strlen(sig) == nargs + 3 && nargs < 6);
	for (unsigned i = 0; i <= nargs; i++) {
		t[i] = l_sig_type(l, sig[i + 2]);
		a[i] = i ? l_rt_arg(l, args[i - 1], sig[i + 2]) : l->vmctx;
	}
	if (!l->rt_types[slot])
		l->rt_types[slot] = LLVMFunctionType(l_sig_type(l, sig[0]), t,
		    nargs + 1, 0);
	table = l_fixed(l, l->ptr, l->vmctx, offsetof(struct wabi_vmctx, rt));
	code = l_fixed(l, l->ptr, table, 8ull * slot);
	if (l_rt_throws(slot))
		return l_build_call(l, l->rt_types[slot], code, a, nargs + 1,
		    LLVMCCallConv);
	call = LLVMBuildCall2(l->b, l->rt_types[slot], code, a, nargs + 1, "");
	if (l->plan->exceptions && slot != WABI_RT_THROW &&
	    slot != WABI_RT_HOSTCALL)
		LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
		    l->nounwind);
	return call;
}

/* ---- Traps ---- */

/* Traps go through a function of the part's own, which jumps to the runtime's:
 * were the runtime's address loaded where a trap is, LLVM would load it before
 * loops in which traps are and keep it in a register there. */
static LLVMValueRef
l_trap_function(struct lower *l)
{
	LLVMTypeRef t[2] = { l->ptr, l->i32 };

	if (l->trap)
		return l->trap;
	l->trap = l_new_func(l, "wabi.trap", LLVMFunctionType(l->void_t, t, 2,
	    0));
	LLVMSetVisibility(l->trap, LLVMDefaultVisibility);
	LLVMSetLinkage(l->trap, LLVMInternalLinkage);
	LLVMAddAttributeAtIndex(l->trap, LLVMAttributeFunctionIndex,
	    l->noinline);
	LLVMAddAttributeAtIndex(l->trap, LLVMAttributeFunctionIndex, l->cold);
	return l->trap;
}

void
l_trap_define(struct lower *l)
{
	LLVMValueRef a[2], call, table;

	if (!l->trap)
		return;
	l->fn = l->trap;
	a[0] = LLVMGetParam(l->trap, 0);
	a[1] = LLVMGetParam(l->trap, 1);
	LLVMSetCurrentDebugLocation2(l->b, NULL);
	LLVMPositionBuilderAtEnd(l->b, l_bb(l, "entry"));
	table = l_fixed(l, l->ptr, a[0], offsetof(struct wabi_vmctx, rt));
	call = LLVMBuildCall2(l->b, LLVMGlobalGetValueType(l->trap),
	    l_fixed(l, l->ptr, table, 8ull * WABI_RT_TRAP), a, 2, "");
	LLVMSetTailCallKind(call, LLVMTailCallKindMustTail);
	LLVMBuildRetVoid(l->b);
	LLVMClearInsertionPosition(l->b);
}

/* Each trap has a call of its own, never merged with another's, so that its
 * return address names the instruction. */
void
l_trap(struct lower *l, LLVMValueRef code)
{
	LLVMValueRef a[2] = { l->vmctx, code }, fn = l_trap_function(l), call;

	l_fuel_trap(l);
	l_locate(l);
	call = LLVMBuildCall2(l->b, LLVMGlobalGetValueType(fn), fn, a, 2, "");
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
	    l->nounwind);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, l->nomerge);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
	    l->noreturn);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, l->cold);
	LLVMBuildUnreachable(l->b);
}

void
l_trap_if(struct lower *l, LLVMValueRef cond, enum wabi_trap trap)
{
	LLVMBasicBlockRef bad = l_bb(l, "trap"), good = l_bb(l, "");
	LLVMValueRef br;

	l_locate(l);
	br = LLVMBuildCondBr(l->b, cond, bad, good);
	LLVMSetMetadata(br, l->md_prof, l->unlikely);
	LLVMPositionBuilderAtEnd(l->b, bad);
	l_trap(l, l_i32(l, trap));
	LLVMPositionBuilderAtEnd(l->b, good);
}
