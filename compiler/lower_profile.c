/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_profile.c: what a profile says, as LLVM takes it.
 *
 *   branches         weights
 *   functions        never called: cold; called most: worth inlining
 *   call_indirect    a test for the usual callee and a call of it by name,
 *                    which can be inlined
 */
#include <string.h>

#include "lower.h"
#include "profile.h"

/* Weights have 32 bits, and none is 0: what did not happen in one run may in
 * another. */
static void
p_weights(struct lower *l, LLVMValueRef br, const uint64_t *count,
    const uint32_t *order, uint32_t n)
{
	LLVMMetadataRef *t = ARENA_NEW(&l->c.scratch, n + 1, LLVMMetadataRef);
	uint64_t most = 0;
	unsigned shift = 0;

	for (uint32_t i = 0; i < n; i++)
		most = count[i] > most ? count[i] : most;
	if (!most)
		return;
	while (most >> shift >= UINT32_MAX / 2)
		shift++;
	t[0] = LLVMMDStringInContext2(l->ctx, "branch_weights", 14);
	for (uint32_t i = 0; i < n; i++)
		t[i + 1] = LLVMValueAsMetadata(l_i32(l, (uint32_t)(
		    count[order ? order[i] : i] >> shift) + 1));
	LLVMSetMetadata(br, l->md_prof, LLVMMetadataAsValue(l->ctx,
	    LLVMMDNodeInContext2(l->ctx, t, n + 1)));
}

bool
l_profile_branch(struct lower *l, LLVMValueRef br, uint64_t offset)
{
	const struct profile_site *s = profile_find(l->plan->profile, offset);

	if (!s || s->n != 2)
		return false;
	p_weights(l, br, s->count, NULL, 2);
	return true;
}

/* LLVM has the default first. */
void
l_profile_switch(struct lower *l, LLVMValueRef sw, uint64_t offset,
    uint32_t nlabels)
{
	const struct profile_site *s = profile_find(l->plan->profile, offset);
	uint32_t *order;

	if (!s || s->n != nlabels || nlabels < 2)
		return;
	order = ARENA_NEW(&l->c.scratch, nlabels, uint32_t);
	order[0] = nlabels - 1;
	for (uint32_t i = 1; i < nlabels; i++)
		order[i] = i - 1;
	p_weights(l, sw, s->count, order, nlabels);
}

/* A hundredth of the function that is called most, and some calls. */
void
l_profile_func(struct lower *l, LLVMValueRef fn, uint32_t func)
{
	const struct profile *p = l->plan->profile;
	const char *name = NULL;

	if (!p || p->calls[func] == UINT64_MAX)
		return;
	if (p->calls[func] == 0)
		name = "cold";
	else if (p->calls[func] >= 1000 && p->calls[func] >= p->most / 100)
		name = "inlinehint";
	if (name)
		LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
		    LLVMCreateEnumAttribute(l->ctx,
		    LLVMGetEnumAttributeKindForName(name, strlen(name)), 0));
}

/* The place of an own function's reference, which is the only one that there
 * is of it. */
static LLVMValueRef
p_reference(struct lower *l, uint32_t func)
{
	return l_at(l, l->vmctx, l->plan->layout.funcs +
	    sizeof(struct wabi_func) *
	    (uint64_t)l->plan->funcref_idx[func]);
}

/* Is there a callee worth a test?  Of fixed code that is one function by now
 * there is no doubt. */
static bool
p_has_target(struct lower *l, const struct profile_site *s,
    const struct insn *in, LLVMValueRef callee, bool is_code)
{
	if (!s || s->target == NO_IDX || l->m->types[in->index].results.n > 1)
		return false;
	return is_code ? !LLVMIsAFunction(callee) :
	    l->plan->funcref_idx[s->target] != NO_IDX;
}

bool
l_profile_call(struct lower *l, const struct insn *in, LLVMValueRef callee,
    bool is_code, LLVMValueRef *args, l_other_call *other_call)
{
	const struct profile_site *s = profile_find(l->plan->profile,
	    in->offset);
	uint32_t nresults = l->m->types[in->index].results.n;
	uint64_t weights[2];
	LLVMBasicBlockRef direct, other, on, from[2];
	LLVMValueRef same, br, v[2] = { NULL, NULL }, phi;

	if (!p_has_target(l, s, in, callee, is_code))
		return false;
	direct = l_bb(l, "usual");
	other = l_bb(l, "");
	on = l_bb(l, "");
	l_locate(l);
	same = LLVMBuildICmp(l->b, LLVMIntEQ, callee, is_code ?
	    l_func(l, s->target) : p_reference(l, s->target), "");
	br = LLVMBuildCondBr(l->b, same, direct, other);
	weights[0] = s->count[0];
	weights[1] = s->count[0] / 4;
	p_weights(l, br, weights, NULL, 2);
	LLVMPositionBuilderAtEnd(l->b, direct);
	l_call_own(l, s->target, args);
	v[0] = nresults ? l_pop(l) : NULL;
	from[0] = LLVMGetInsertBlock(l->b);
	LLVMBuildBr(l->b, on);
	LLVMPositionBuilderAtEnd(l->b, other);
	other_call(l, in, callee, args);
	v[1] = nresults ? l_pop(l) : NULL;
	from[1] = LLVMGetInsertBlock(l->b);
	LLVMBuildBr(l->b, on);
	LLVMPositionBuilderAtEnd(l->b, on);
	if (nresults) {
		phi = LLVMBuildPhi(l->b, LLVMTypeOf(v[0]), "");
		LLVMAddIncoming(phi, v, from, 2);
		l_push(l, phi);
	}
	return true;
}
