/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_exn.c: exceptions.
 *
 * Nothing is done for a try that is not needed: a call inside of one is an
 * LLVM invoke, whose landing pad is entered by the runtime's THROW.  All pads
 * catch everything; which clause an exception is for is decided by comparing
 * its tag's identity, and what no clause takes goes on to the next handler
 * outward: by a branch inside of the function, by THROW out of it.  A throw
 * inside of a try of the same function is a branch as well.
 *
 * Who ends an exception: the clause that catches it, unless it hands it out as
 * an exnref (captured) or may throw it again (rethrow).  The runtime finds
 * those that nobody knows any more.
 *
 * Traps are not exceptions: the runtime's calls are no invokes.
 */
#include <assert.h>

#include "lower.h"

#define PAYLOAD(i)	(sizeof(struct wabi_exn) + 16ull * (i))

/* ---- Where exceptions go ---- */

static struct label *
l_catcher(struct lower *l, uint32_t index)
{
	return index ? &l->labels[index - 1] : NULL;
}

/* The label that catches what happens now, or NULL. */
static struct label *
l_innermost(struct lower *l)
{
	return l->nlabels ? l_catcher(l, l->labels[l->nlabels - 1].catcher) :
	    NULL;
}

static void
l_throw_out(struct lower *l, LLVMValueRef exn)
{
	LLVMValueRef call = l_rt(l, WABI_RT_THROW, &exn, 1);

	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
	    l->noreturn);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, l->cold);
	LLVMBuildUnreachable(l->b);
}

/* End the block: the exception goes to the label, or out of the function. */
static void
l_pass_on(struct lower *l, LLVMValueRef exn, struct label *to)
{
	LLVMBasicBlockRef here = LLVMGetInsertBlock(l->b);
	struct handler *h = to ? to->h : NULL;

	l_locate(l);
	if (!h) {
		l_throw_out(l, exn);
		return;
	}
	if (!h->arrive) {
		h->arrive = l_bb(l, "catch");
		LLVMPositionBuilderAtEnd(l->b, h->arrive);
		h->exn = LLVMBuildPhi(l->b, l->ptr, "exn");
		LLVMPositionBuilderAtEnd(l->b, here);
	}
	LLVMBuildBr(l->b, h->arrive);
	LLVMAddIncoming(h->exn, &exn, &here, 1);
}

/* ---- Calls inside of a try ---- */

/* Its body is of no use: nobody calls it but an unwinder other than the
 * runtime's, which it tells to go on. */
static LLVMValueRef
l_personality(struct lower *l)
{
	if (!l->personality) {
		l->personality = LLVMAddFunction(l->mod, SYM_PERSONALITY,
		    LLVMFunctionType(l->i32, NULL, 0, 0));
		LLVMSetVisibility(l->personality, LLVMHiddenVisibility);
	}
	return l->personality;
}

void
l_exn_personality(struct lower *l)
{
	enum { URC_CONTINUE_UNWIND = 8 };
	LLVMValueRef fn;

	if (!l->plan->exceptions)
		return;
	fn = l_personality(l);
	for (uint32_t i = 0; i < l->nattrs; i++)
		LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
		    l->attrs[i]);
	LLVMPositionBuilderAtEnd(l->b, LLVMAppendBasicBlockInContext(l->ctx,
	    fn, ""));
	LLVMBuildRet(l->b, l_i32(l, URC_CONTINUE_UNWIND));
	LLVMClearInsertionPosition(l->b);
}

static LLVMBasicBlockRef
l_pad(struct lower *l, struct label *b)
{
	LLVMBasicBlockRef here = LLVMGetInsertBlock(l->b);
	LLVMTypeRef two[2] = { l->ptr, l->i32 };
	LLVMValueRef pad;

	if (b->h->pad)
		return b->h->pad;
	b->h->pad = l_bb(l, "pad");
	LLVMPositionBuilderAtEnd(l->b, b->h->pad);
	pad = LLVMBuildLandingPad(l->b, LLVMStructTypeInContext(l->ctx, two, 2,
	    0), l_personality(l), 1, "");
	LLVMAddClause(pad, LLVMConstNull(l->ptr));
	l_fuel_reload(l);
	l_pass_on(l, LLVMBuildExtractValue(l->b, pad, 0, ""), b);
	LLVMPositionBuilderAtEnd(l->b, here);
	return b->h->pad;
}

LLVMValueRef
l_build_call(struct lower *l, LLVMTypeRef t, LLVMValueRef code,
    LLVMValueRef *args, unsigned n, unsigned cc)
{
	struct label *b = l_innermost(l);
	LLVMBasicBlockRef then;
	LLVMValueRef call;

	if (b) {
		then = l_bb(l, "");
		call = LLVMBuildInvoke2(l->b, t, code, args, n, then,
		    l_pad(l, b), "");
		LLVMPositionBuilderAtEnd(l->b, then);
	} else {
		call = LLVMBuildCall2(l->b, t, code, args, n, "");
		if (l->plan->tail)
			LLVMSetTailCallKind(call, LLVMTailCallKindNoTail);
	}
	LLVMSetInstructionCallConv(call, cc);
	return call;
}

/* ---- Throwing ---- */

static void
l_throw_exn(struct lower *l, LLVMValueRef exn)
{
	l_pass_on(l, exn, l_innermost(l));
	l->dead = true;
}

LLVMValueRef
l_new_exn(struct lower *l, uint32_t tag, LLVMValueRef *vals)
{
	uint32_t n = l->m->types[l->m->tags[tag].type].params.n;
	LLVMValueRef args[2] = { l_i32(l, tag), l_i32(l, n) };
	LLVMValueRef exn = l_rt(l, WABI_RT_EXN_NEW, args, 2);

	for (uint32_t i = 0; i < n; i++)
		l_store_val(l, l_at(l, exn, PAYLOAD(0)), i, vals[i]);
	return exn;
}

void
l_throw(struct lower *l, const struct insn *in)
{
	l_throw_exn(l, l_new_exn(l, in->index,
	    l_pop_args(l, l->m->tags[in->index].type)));
}

void
l_throw_ref(struct lower *l, const struct insn *in)
{
	LLVMValueRef exn = l_pop(l);

	(void)in;
	l_trap_if(l, LLVMBuildIsNull(l->b, exn, ""), WABI_TRAP_NULL_EXN_REF);
	l_throw_exn(l, exn);
}

/* ---- Catching ---- */

static void
l_capture(struct lower *l, LLVMValueRef exn)
{
	LLVMBuildStore(l->b, l_i64(l, 1), l_at(l, exn,
	    offsetof(struct wabi_exn, captured)));
}

/* Go on where the exception has the tag; where it has not is returned. */
static LLVMBasicBlockRef
l_match(struct lower *l, LLVMValueRef exn, uint32_t tag)
{
	LLVMValueRef want = l_fixed(l, l->ptr, l->vmctx,
	    l->plan->layout.tags + 8ull * tag);
	LLVMValueRef have = LLVMBuildLoad2(l->b, l->ptr, exn, "");
	LLVMBasicBlockRef yes = l_bb(l, ""), no = l_bb(l, "");

	_Static_assert(offsetof(struct wabi_exn, tag) == 0, "the first field");
	LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntEQ, have, want, ""),
	    yes, no);
	LLVMPositionBuilderAtEnd(l->b, yes);
	return no;
}

static void
l_push_payload(struct lower *l, LLVMValueRef exn, uint32_t tag)
{
	struct vtypes t = l->m->types[l->m->tags[tag].type].params;

	for (uint32_t i = 0; i < t.n; i++)
		l_push(l, l_load_val(l, l_at(l, exn, PAYLOAD(0)), i, t.t[i]));
}

static struct label *
l_open_try(struct lower *l, const struct insn *in, enum label_kind kind)
{
	struct label *b = l_block_op(l, in, kind);

	b->h = ARENA_NEW(&l->c.scratch, 1, struct handler);
	return b;
}

/* ---- try_table ---- */

void
l_try_table(struct lower *l, const struct insn *in)
{
	struct label *b = l_open_try(l, in, LABEL_TRY_TABLE);

	b->h->catches = in->catches;
	b->h->ncatches = in->ncatches;
}

/* One clause: leave for its label where it takes the exception. */
static void
l_clause(struct lower *l, struct label *b, const struct catch *c)
{
	LLVMValueRef exn = b->h->exn;
	bool tagged = c->kind == CATCH || c->kind == CATCH_REF;
	bool ref = c->kind == CATCH_REF || c->kind == CATCH_ALL_REF;

	b->h->next = tagged ? l_match(l, exn, c->tag) : NULL;
	l->nstack = b->height;
	if (tagged)
		l_push_payload(l, exn, c->tag);
	if (ref) {
		l_capture(l, exn);
		l_push(l, exn);
	} else {
		l_rt(l, WABI_RT_EXN_FREE, &exn, 1);
	}
	l_jump(l, l_label(l, c->label));
	if (b->h->next)
		LLVMPositionBuilderAtEnd(l->b, b->h->next);
}

static void
l_clauses(struct lower *l, struct label *b)
{
	b->h->next = b->h->arrive;
	LLVMPositionBuilderAtEnd(l->b, b->h->arrive);
	for (uint32_t i = 0; b->h->next && i < b->h->ncatches; i++)
		l_clause(l, b, &b->h->catches[i]);
}

/* ---- try, catch, delegate ---- */

void
l_try(struct lower *l, const struct insn *in)
{
	l_open_try(l, in, LABEL_TRY);
}

/* The end of the try's body, or of the clause before.  False if nothing is
 * ever thrown that would get as far as here. */
static bool
l_next_clause(struct lower *l, struct label *b)
{
	l_fall_out(l, b);
	if (b->kind == LABEL_TRY) {
		b->kind = LABEL_CATCH;
		b->catcher = b[-1].catcher;
		b->h->next = b->h->arrive;
	}
	l->nstack = b->height;
	l->dead = !b->h->next;
	if (l->dead)
		return false;
	LLVMPositionBuilderAtEnd(l->b, b->h->next);
	l_locate(l);
	return true;
}

void
l_catch(struct lower *l, const struct insn *in)
{
	struct label *b = l_label(l, 0);

	if (!l_next_clause(l, b))
		return;
	b->h->next = l_match(l, b->h->exn, in->index);
	l_push_payload(l, b->h->exn, in->index);
	b->h->free = l_rt(l, WABI_RT_EXN_FREE, &b->h->exn, 1);
}

void
l_catch_all(struct lower *l, const struct insn *in)
{
	struct label *b = l_label(l, 0);

	(void)in;
	if (!l_next_clause(l, b))
		return;
	b->h->next = NULL;
	b->h->free = l_rt(l, WABI_RT_EXN_FREE, &b->h->exn, 1);
}

/* The clause must not end its exception.  If a handler inside of the clause
 * catches it again, that one must not either. */
void
l_rethrow(struct lower *l, const struct insn *in)
{
	struct label *b = l_label(l, in->index);

	assert(b->kind == LABEL_CATCH);
	if (b->h->free) {
		LLVMInstructionEraseFromParent(b->h->free);
		b->h->free = NULL;
	}
	if (l->labels[l->nlabels - 1].catcher > b->catcher)
		l_capture(l, b->h->exn);
	l_throw_exn(l, b->h->exn);
}

/* The label counts from outside of the try. */
void
l_delegate(struct lower *l, const struct insn *in)
{
	struct label *b = l_label(l, 0);

	b->catcher = l_label(l, in->index + 1)->catcher;
	l_ctl_end(l);
}

/* ---- The end ---- */

/* What was not handled goes on outward; delegate has said where to. */
void
l_exn_end(struct lower *l, struct label *b)
{
	uint32_t out = b->catcher;

	if (b->kind == LABEL_TRY_TABLE && b->h->arrive)
		l_clauses(l, b);
	if (b->kind == LABEL_TRY)
		b->h->next = b->h->arrive;
	if (b->kind != LABEL_CATCH && out == (uint32_t)(b - l->labels) + 1)
		out = b[-1].catcher;
	if (!b->h->next)
		return;
	LLVMPositionBuilderAtEnd(l->b, b->h->next);
	l_pass_on(l, b->h->exn, l_catcher(l, out));
}
