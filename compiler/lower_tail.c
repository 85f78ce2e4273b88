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
 * The array for two or more results is the one that our caller gave us, never
 * one in the frame that ends here.  An exception of the callee's is our
 * caller's: within a try, too, these are calls and not invokes.
 */
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
	LLVMValueRef *args, func = l_indirect_callee(l, in, &args);

	l_tail_func(l, in->index, func, args);
}

void
l_return_call_ref(struct lower *l, const struct insn *in)
{
	LLVMValueRef *args, func = l_ref_callee(l, in, &args);

	l_tail_func(l, in->index, func, args);
}

void
lower_tails(const struct plan *p, LLVMModuleRef mod)
{
	LLVMValueRef fn, i;
	LLVMBasicBlockRef b;

	if (!p->is_x86)
		return;
	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		for (b = LLVMGetFirstBasicBlock(fn); b;
		    b = LLVMGetNextBasicBlock(b))
			for (i = LLVMGetFirstInstruction(b); i;
			    i = LLVMGetNextInstruction(i))
				if (LLVMIsACallInst(i) &&
				    LLVMGetTailCallKind(i) ==
				    LLVMTailCallKindMustTail)
					LLVMSetTailCallKind(i,
					    LLVMTailCallKindTail);
}
