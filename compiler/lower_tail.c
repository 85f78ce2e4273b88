/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_tail.c: tail calls.
 *
 * fastcc cannot promise them for any number of parameters, tailcc does.  So a
 * module that makes tail calls has tailcc for its own functions, and gives
 * others a fastcc entry for each that they can know.  A callee that is known
 * by a struct wabi_func has its tailcc code there too, or it is of a module
 * that makes no tail calls, or the host's: then it is called as usual, and
 * leaves the stack as deep as it was.
 *
 * musttail keeps optimisation from parting a call from its return.  LLVM 22's
 * code for it on x86 is wrong where the callee has more parameters on the stack
 * than the caller: it does not store them.  Its code for an ordinary tail call
 * is right, and with tailcc no less of a promise, so that for the last step
 * the one becomes the other.
 *
 * Nor do its callers and callees on x86 agree on how much the callee takes off
 * the stack: with a vector there, callers round it up to 16 bytes and then to
 * 8 more than a multiple of 16, callees only to that.  So for the last step
 * callers pass such vectors as halves, which lie where the vector does.
 *
 * What was called with some bytes on the stack may have made a tail call of
 * something with more or fewer, so that our stack pointer cannot be told from
 * where our callee's frame is.  So for unwinding there is a frame pointer in
 * functions that call and do not end with it, and behind a landing pad they
 * set the stack pointer themselves.
 *
 * The array for two or more results is the one that our caller gave us, never
 * one in the frame that ends here.  An exception of the callee's is our
 * caller's: within a try, too, these are calls and not invokes.
 */
#include <assert.h>
#include <string.h>

#include "lower.h"

/* Call code and return what it returns. */
static void
l_tail_code(struct lower *l, uint32_t type, LLVMValueRef code,
    LLVMValueRef vmctx, const LLVMValueRef *args, bool tail)
{
	const struct type *t = &l->m->types[type];
	uint32_t n = 0;
	LLVMValueRef *a = ARENA_NEW(&l->c.scratch, t->params.n + 2,
	    LLVMValueRef), call;

	a[n++] = vmctx;
	for (uint32_t i = 0; i < t->params.n; i++)
		a[n++] = args[i];
	if (t->results.n > 1)
		a[n++] = LLVMGetParam(l->fn, LLVMCountParams(l->fn) - 1);
	l_locate(l);
	call = LLVMBuildCall2(l->b, l_func_type(l, type), code, a, n, "");
	LLVMSetInstructionCallConv(call, tail ? TAILCC : FASTCC);
	LLVMSetTailCallKind(call, tail ? LLVMTailCallKindMustTail :
	    LLVMTailCallKindNoTail);
	if (t->results.n == 1)
		LLVMBuildRet(l->b, call);
	else
		LLVMBuildRetVoid(l->b);
}

/* Through a struct wabi_func. */
static void
l_tail_func(struct lower *l, uint32_t type, LLVMValueRef func,
    const LLVMValueRef *args)
{
	LLVMValueRef tail = l_func_field(l, l->ptr, func,
	    offsetof(struct wabi_func, tail));
	LLVMValueRef vmctx = l_func_field(l, l->ptr, func,
	    offsetof(struct wabi_func, vmctx));
	LLVMBasicBlockRef usual = l_bb(l, "usual"), jump = l_bb(l, "tail");

	LLVMBuildCondBr(l->b, LLVMBuildIsNull(l->b, tail, ""), usual, jump);
	LLVMPositionBuilderAtEnd(l->b, usual);
	l_tail_code(l, type, l_func_field(l, l->ptr, func,
	    offsetof(struct wabi_func, code)), vmctx, args, false);
	LLVMPositionBuilderAtEnd(l->b, jump);
	l_tail_code(l, type, tail, vmctx, args, true);
	l->dead = true;
}

void
l_return_call(struct lower *l, const struct insn *in)
{
	uint32_t type = l->m->funcs[in->index].type;
	LLVMValueRef *args = l_pop_args(l, type);

	l_locate(l);
	if (l_call_bitcode(l, in->index, args)) {
		l_jump(l, &l->labels[0]);
		return;
	}
	if (l->m->funcs[in->index].imported) {
		l_tail_func(l, type, l_import_field(l, in->index,
		    offsetof(struct wabi_import, func)), args);
		return;
	}
	l_tail_code(l, type, l_func(l, in->index), l->vmctx, args, true);
	l->dead = true;
}

void
l_return_call_indirect(struct lower *l, const struct insn *in)
{
	LLVMValueRef *args, func = l_fixed_callee(l, in, &args);

	if (func) {
		l_tail_code(l, in->index, func, l->vmctx, args, true);
		l->dead = true;
		return;
	}
	func = l_indirect_callee(l, in, &args);
	l_tail_func(l, in->index, func, args);
}

void
l_return_call_ref(struct lower *l, const struct insn *in)
{
	LLVMValueRef *args, func = l_ref_callee(l, in, &args);

	l_tail_func(l, in->index, func, args);
}

/* ---- Calls on x86 ---- */

enum {
	X86_INTS = 6, X86_FLOATS = 8,		/* registers for parameters */
	X86_ARGS = 1016,	/* the decoder's 1000, and what we or LLVM add */
};

/* The arguments of a call as they go to registers and to the stack. */
struct x86_args {
	LLVMBuilderRef b;
	LLVMTypeRef f64;
	unsigned n, nints, nfloats, nstack;	/* nstack: of 8 bytes */
	bool split;
	LLVMValueRef v[3 * X86_ARGS];
	LLVMTypeRef t[3 * X86_ARGS];
};

static void
x86_put(struct x86_args *a, LLVMValueRef v)
{
	a->t[a->n] = LLVMTypeOf(v);
	a->v[a->n++] = v;
}

/* A vector on the stack as halves, at a multiple of 16 bytes. */
static void
x86_split(struct x86_args *a, LLVMValueRef v)
{
	LLVMTypeRef halves = LLVMVectorType(a->f64, 2);
	LLVMTypeRef i32 = LLVMInt32TypeInContext(LLVMGetTypeContext(a->f64));

	a->split = true;
	if (a->nstack++ % 2) {
		x86_put(a, LLVMGetUndef(a->f64));
		a->nstack++;
	}
	a->nstack++;
	v = LLVMBuildBitCast(a->b, v, halves, "");
	for (unsigned i = 0; i < 2; i++)
		x86_put(a, LLVMBuildExtractElement(a->b, v,
		    LLVMConstInt(i32, i, 0), ""));
}

static void
x86_arg(struct x86_args *a, LLVMValueRef v)
{
	switch (LLVMGetTypeKind(LLVMTypeOf(v))) {
	case LLVMVectorTypeKind:
		if (a->nfloats >= X86_FLOATS) {
			x86_split(a, v);
			return;
		}
		/* fall through */
	case LLVMFloatTypeKind:
	case LLVMDoubleTypeKind:
		a->nstack += a->nfloats++ >= X86_FLOATS;
		break;
	default:
		a->nstack += a->nints++ >= X86_INTS;
	}
	x86_put(a, v);
}

/* The same call, or invoke, with other arguments. */
static void
x86_replace(struct x86_args *a, LLVMValueRef call)
{
	LLVMTypeRef t = LLVMFunctionType(LLVMGetReturnType(
	    LLVMGetCalledFunctionType(call)), a->t, a->n, 0);
	LLVMValueRef code = LLVMGetCalledValue(call), new;

	if (LLVMIsAInvokeInst(call)) {
		new = LLVMBuildInvoke2(a->b, t, code, a->v, a->n,
		    LLVMGetNormalDest(call), LLVMGetUnwindDest(call), "");
	} else {
		new = LLVMBuildCall2(a->b, t, code, a->v, a->n, "");
		LLVMSetTailCallKind(new, LLVMGetTailCallKind(call));
	}
	LLVMSetInstructionCallConv(new, TAILCC);
	LLVMReplaceAllUsesWith(call, new);
	LLVMInstructionEraseFromParent(call);
}

static void
x86_call(LLVMBuilderRef b, LLVMValueRef call)
{
	unsigned n = LLVMGetNumArgOperands(call);
	struct x86_args a;

	if (!LLVMIsAInvokeInst(call) &&
	    LLVMGetTailCallKind(call) == LLVMTailCallKindMustTail)
		LLVMSetTailCallKind(call, LLVMTailCallKindTail);
	if (n <= X86_FLOATS)
		return;
	assert(n <= X86_ARGS);
	LLVMPositionBuilderBefore(b, call);
	a.b = b;
	a.f64 = LLVMDoubleTypeInContext(LLVMGetTypeContext(LLVMTypeOf(call)));
	a.n = a.nints = a.nfloats = a.nstack = 0;
	a.split = false;
	for (unsigned i = 0; i < n; i++)
		x86_arg(&a, LLVMGetOperand(call, i));
	if (a.split)
		x86_replace(&a, call);
}

/* ---- The last step ---- */

/* llvm.stacksave or llvm.stackrestore, where the builder is. */
static LLVMValueRef
stack_pointer(LLVMBuilderRef b, LLVMModuleRef mod, const char *name,
    LLVMValueRef *saved)
{
	LLVMTypeRef ptr = LLVMPointerTypeInContext(LLVMGetModuleContext(mod),
	    0);
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
	LLVMValueRef fn = LLVMGetIntrinsicDeclaration(mod, id, &ptr, 1);

	return LLVMBuildCall2(b, LLVMGlobalGetValueType(fn), fn, saved,
	    saved != NULL, "");
}

/* What is behind the landing pads of fn has the stack pointer that fn began
 * with. */
static void
keep_stack_pointer(LLVMBuilderRef b, LLVMModuleRef mod, LLVMValueRef fn)
{
	LLVMValueRef i, saved = NULL;
	LLVMBasicBlockRef bb;

	for (bb = LLVMGetFirstBasicBlock(fn); bb; bb = LLVMGetNextBasicBlock(bb)) {
		for (i = LLVMGetFirstInstruction(bb); i &&
		    LLVMIsAPHINode(i);)
			i = LLVMGetNextInstruction(i);
		if (!i || !LLVMIsALandingPadInst(i))
			continue;
		if (!saved) {
			LLVMPositionBuilderBefore(b, LLVMGetFirstInstruction(
			    LLVMGetEntryBasicBlock(fn)));
			saved = stack_pointer(b, mod, "llvm.stacksave", NULL);
		}
		LLVMPositionBuilderBefore(b, LLVMGetNextInstruction(i));
		stack_pointer(b, mod, "llvm.stackrestore", &saved);
	}
}

static void
add_attribute(LLVMValueRef fn, const char *name, const char *value)
{
	LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
	    LLVMCreateStringAttribute(LLVMGetTypeContext(LLVMTypeOf(fn)),
	    name, (unsigned)strlen(name), value, (unsigned)strlen(value)));
}

static bool
is_tailcc(LLVMValueRef i)
{
	return (LLVMIsACallInst(i) || LLVMIsAInvokeInst(i)) &&
	    LLVMGetInstructionCallConv(i) == TAILCC;
}

/* Whether there is a call that comes back. */
static bool
tail_func(const struct plan *p, LLVMBuilderRef b, LLVMValueRef fn)
{
	LLVMValueRef i, next;
	LLVMBasicBlockRef bb;
	bool calls = false;

	for (bb = LLVMGetFirstBasicBlock(fn); bb; bb = LLVMGetNextBasicBlock(bb))
		for (i = LLVMGetFirstInstruction(bb); i; i = next) {
			next = LLVMGetNextInstruction(i);
			if (!is_tailcc(i))
				continue;
			calls |= LLVMIsAInvokeInst(i) ||
			    LLVMGetFunctionCallConv(fn) != TAILCC ||
			    LLVMGetTailCallKind(i) == LLVMTailCallKindNone ||
			    LLVMGetTailCallKind(i) == LLVMTailCallKindNoTail;
			if (p->is_x86)
				x86_call(b, i);
		}
	return calls;
}

void
lower_tails(const struct plan *p, LLVMModuleRef mod)
{
	LLVMBuilderRef b = LLVMCreateBuilderInContext(
	    LLVMGetModuleContext(mod));

	for (LLVMValueRef fn = LLVMGetFirstFunction(mod); fn;
	    fn = LLVMGetNextFunction(fn))
		if (tail_func(p, b, fn)) {
			add_attribute(fn, "frame-pointer", "all");
			add_attribute(fn, "no-realign-stack", "");
			keep_stack_pointer(b, mod, fn);
		}
	LLVMDisposeBuilder(b);
}
