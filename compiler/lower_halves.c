/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_halves.c: copies of eight bytes that would wait for a store of four.
 *
 * A CPU gives a load what an earlier store wrote before that has reached the
 * cache only if the one store wrote all of it; else the load waits for all
 * stores before it, a dozen cycles and more.  C compilers write memmove() of a
 * small array as copies of eight bytes, and a loop that moves its words on and
 * then changes one of them, as hash functions do, waits so in each iteration.
 *
 * In the copy of a loop that cannot trap (lower_loop.c) such a copy becomes two
 * of four bytes, if that is what it needs.  It is about places that are the
 * same in each iteration:
 *
 *   - a load of eight bytes of which nothing is wanted but to store it;
 *   - a store that meets it and does not cover it;
 *   - once all such copies are halved, each half lies inside each store that it
 *     meets, and no other load was covered by a store that is halved now.
 *
 * That nothing traps is what allows it: half a copy would be seen otherwise.
 * Where values of 64 bits meet other accesses as two is left open by wasm, of
 * which shared memories alone know.
 *
 * The halves' loads are volatile, so that LLVM does not make one load of them.
 */
#include <llvm-c/DebugInfo.h>

#include "lower_loop.h"

enum { WHOLE = 8, HALF = 4 };

static bool
h_same_place(const struct access *a, const struct access *b)
{
	return a->at.step == 0 && b->at.step == 0 && a->mem == b->mem &&
	    a->base == b->base && a->at.start == b->at.start;
}

static bool
h_meet(int64_t a, int64_t na, int64_t b, int64_t nb)
{
	return a < b + nb && b < a + na;
}

static bool
h_covers(int64_t a, int64_t na, int64_t b, int64_t nb)
{
	return a <= b && b + nb <= a + na;
}

/* The access that stores what this one loads, and nothing else does; NULL. */
static struct access *
h_store_of(struct loops *s, const struct access *load)
{
	LLVMUseRef u = LLVMGetFirstUse(load->insn);

	if (load->stores || load->size != WHOLE || load->at.step != 0 ||
	    LLVMTypeOf(load->insn) != s->i64 || !u || LLVMGetNextUse(u))
		return NULL;
	for (uint32_t i = 0; i < s->naccesses; i++) {
		struct access *a = &s->accesses[i];

		if (a->stores && a->insn == LLVMGetUser(u) &&
		    LLVMGetOperand(a->insn, 0) == load->insn)
			return a->size == WHOLE && a->at.step == 0 ? a : NULL;
	}
	return NULL;
}

/* Does the load wait for a store as all is now? */
static bool
h_waits(const struct loops *s, const struct access *load)
{
	for (uint32_t i = 0; i < s->naccesses; i++) {
		const struct access *a = &s->accesses[i];
		int64_t n = (int64_t)a->size;

		if (a->stores && h_same_place(a, load) &&
		    h_meet(a->constant, n, load->constant, WHOLE) &&
		    !h_covers(a->constant, n, load->constant, WHOLE))
			return true;
	}
	return false;
}

/* Would it, `size` bytes from at, if the stores of halved copies were two? */
static bool
h_would_wait(const struct loops *s, const struct access *load, int64_t at,
    int64_t size)
{
	for (uint32_t i = 0; i < s->naccesses; i++) {
		const struct access *a = &s->accesses[i];
		int64_t step = a->halved ? HALF : (int64_t)a->size;

		if (!a->stores || !h_same_place(a, load))
			continue;
		for (int64_t k = 0; k < (int64_t)a->size; k += step)
			if (h_meet(a->constant + k, step, at, size) &&
			    !h_covers(a->constant + k, step, at, size))
				return true;
	}
	return false;
}

/* All that may be halved, if it is of use to one. */
static bool
h_choose(struct loops *s)
{
	bool any = false;

	for (uint32_t i = 0; i < s->naccesses; i++) {
		struct access *load = &s->accesses[i], *to;

		to = h_store_of(s, load);
		if (!to || !h_waits(s, load))
			continue;
		load->halved = to->halved = true;
		any = true;
	}
	return any;
}

static bool
h_is_good(const struct loops *s)
{
	for (uint32_t i = 0; i < s->naccesses; i++) {
		const struct access *a = &s->accesses[i];

		if (a->stores)
			continue;
		if (a->halved && (h_would_wait(s, a, a->constant, HALF) ||
		    h_would_wait(s, a, a->constant + HALF, HALF)))
			return false;
		if (!a->halved && a->at.step == 0 && h_would_wait(s, a,
		    a->constant, (int64_t)a->size))
			return false;
	}
	return true;
}

static LLVMValueRef
h_half(struct loops *s, LLVMValueRef p, unsigned k)
{
	LLVMValueRef i = affine_int64(s, k * HALF);

	return k ? LLVMBuildInBoundsGEP2(s->b, s->i8, p, &i, 1, "") : p;
}

/* What the copy's instruction said of its memory goes for its halves. */
static void
h_like(LLVMValueRef half, LLVMValueRef whole, unsigned k)
{
	unsigned align = LLVMGetAlignment(whole);

	LLVMSetAlignment(half, align > HALF && k ? HALF : align);
	LLVMInstructionSetDebugLoc(half, LLVMInstructionGetDebugLoc(whole));
}

static void
h_split(struct loops *s, LLVMValueRef load, LLVMValueRef store)
{
	LLVMValueRef v[2];

	LLVMPositionBuilderBefore(s->b, load);
	for (unsigned k = 0; k < 2; k++) {
		v[k] = LLVMBuildLoad2(s->b, s->i32, h_half(s,
		    LLVMGetOperand(load, 0), k), "");
		h_like(v[k], load, k);
		LLVMSetVolatile(v[k], 1);
	}
	LLVMPositionBuilderBefore(s->b, store);
	for (unsigned k = 0; k < 2; k++)
		h_like(LLVMBuildStore(s->b, v[k], h_half(s,
		    LLVMGetOperand(store, 1), k)), store, k);
	LLVMInstructionEraseFromParent(store);
	LLVMInstructionEraseFromParent(load);
}

void
loop_halves(struct loops *s)
{
	if (!h_choose(s) || !h_is_good(s))
		return;
	for (uint32_t i = 0; i < s->naccesses; i++) {
		struct access *load = &s->accesses[i];

		if (load->halved && !load->stores)
			h_split(s, loop_clone(s, load->insn), loop_clone(s,
			    h_store_of(s, load)->insn));
	}
}
