/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_loop.h: what lower_loop.c, which copies loops, lower_affine.c, which
 * does the arithmetic, lower_widen.c, which makes vectors longer,
 * lower_halves.c, which halves copies, and lower_compare.c, which compares
 * bytes, share.
 */
#ifndef WC_LOWER_LOOP_H
#define WC_LOWER_LOOP_H

#include "lower_flow.h"

enum {
	MAX_BLOCKS = 24,
	MAX_INSTRUCTIONS = 200,
	MAX_ACCESSES = 40,
	MAX_STEP = 1 << 20,
	MIN_ITERATIONS = 16,
	AFFINE_DEPTH = 12,
	MAX_MADE = 128,
	MAX_ANCHORS = 16,
	LOW_BITS = 15,			/* of an aligned stack pointer */
};
#define MAX_PLUS	(1ll << 40)

/* In iteration k: start + plus + step * k, modulo the type's width.  Where the
 * start is constant it is 0. */
struct affine {
	LLVMValueRef start;
	int64_t plus, step;
};

/* Values built in front of the loop, so as to find them again. */
struct made {
	LLVMOpcode op;
	LLVMValueRef x, y, value;
};
struct anchor {				/* start + plus, extended to 64 bits */
	LLVMValueRef start, extended;
	int64_t plus;
	bool is_signed;
};

struct access {
	LLVMValueRef insn, base;
	struct affine at;		/* 64 bits */
	int64_t low;			/* least that must not be negative, */
	int64_t high;			/* and end of the access, from at */
	int64_t constant;		/* added to at, plus included */
	uint64_t size;
	uint32_t mem;
	bool stores;
	bool halved;			/* by lower_halves.c */
	LLVMValueRef start, address;	/* of the copy: base + at.start; all */
};

struct loops {
	const struct plan *plan;
	LLVMModuleRef mod;
	LLVMTargetDataRef td;
	LLVMContextRef ctx;
	LLVMTypeRef i8, i32, i64, ptr;
	LLVMBuilderRef b;		/* in front of the loop */
	unsigned md_loop;
	unsigned widen;			/* vectors at once; 0: as they are */
	struct flow flow;
	bool *is_header;

	/* The loop at hand. */
	uint32_t header, latch, preheader;
	LLVMBasicBlockRef exit, check;
	uint32_t blocks[MAX_BLOCKS];	/* ascending: the header first */
	uint32_t nblocks;
	LLVMValueRef ok;		/* all conditions so far */
	LLVMValueRef n;			/* iterations - 1 */
	struct access accesses[MAX_ACCESSES];
	uint32_t naccesses;
	bool stores;
	bool often;			/* may the loop as it was run often? */
	struct made made[MAX_MADE];
	uint32_t nmade;
	struct anchor anchors[MAX_ANCHORS];
	uint32_t nanchors;
	struct flow_map clones;		/* value -> index in clone */
	LLVMValueRef *clone;
};

/* ---- lower_loop.c ---- */

bool loop_is_invariant(const struct loops *, LLVMValueRef);
/* What comes to the phi from that block, which it has. */
LLVMValueRef loop_incoming(LLVMValueRef phi, LLVMBasicBlockRef from);
/* What the header's phi is when the loop begins, and in the next iteration. */
LLVMValueRef loop_first(const struct loops *, LLVMValueRef phi);
LLVMValueRef loop_next(const struct loops *, LLVMValueRef phi);
/* One more condition: two accesses of one memory never meet. */
void loop_require_apart(struct loops *, const struct access *,
    const struct access *);
/* Where the access is in iteration k, built before `head`; those before it in
 * s->accesses are built already. */
LLVMValueRef loop_address(struct loops *, struct access *, LLVMValueRef k,
    LLVMValueRef head);
void loop_enter(struct loops *, LLVMValueRef first, LLVMValueRef second,
    LLVMBasicBlockRef to);
/* What the phi, which grows by step, is in iteration k. */
LLVMValueRef loop_phi_at(const struct loops *, LLVMValueRef phi, int64_t step,
    LLVMValueRef k);
/* s->n, and in the preheader whether there are that many iterations; further
 * conditions go to the end of s->check.  False if it cannot be said. */
bool loop_count(struct loops *, int64_t least, LLVMValueRef *enough);
/* Take a pointer apart, into what grows and what is constant. */
bool loop_pointer(struct loops *, struct access *, LLVMValueRef);
/* Require that the access lies inside its memory in all iterations. */
void loop_inside(struct loops *, const struct access *);
/* What stands for the loop's instruction in the copy; what is not in it is
 * itself. */
LLVMValueRef loop_clone(const struct loops *, LLVMValueRef);
/* The loop with this branch back is not unrolled. */
void loop_tame(struct loops *, LLVMValueRef back);

/* ---- lower_halves.c ---- */

/* In the copy, two copies of four bytes for each of eight that would wait. */
void loop_halves(struct loops *);

/* ---- lower_compare.c ---- */

/* Put a loop that takes eight bytes in front of one that compares bytes. */
void loop_compare(struct loops *);

/* ---- lower_affine.c ---- */

unsigned affine_width(LLVMValueRef);	/* 0 if it is no integer */
LLVMValueRef affine_int64(const struct loops *, int64_t);
/* One more condition, in front of the loop, for the copy to run. */
void affine_require(struct loops *, LLVMValueRef cond);
/* step * n, exact for what the conditions let pass. */
LLVMValueRef affine_way(struct loops *, int64_t step);
/* The value as such a number, its start built in front of the loop; false if
 * it is none. */
bool affine_of(struct loops *, LLVMValueRef, struct affine *,
    unsigned depth);
bool affine_index(struct loops *, LLVMValueRef, struct affine *, bool *wraps);
/* s->n, from the latch's condition; false if that does not say it. */
bool affine_count(struct loops *);

/* ---- lower_widen.c ---- */

/* Can the loop's vectors be s->widen times as long, and is it worth it? */
bool widen_fits(struct loops *);
/* The conditions for it, behind the others; false if it cannot be. */
bool widen_require(struct loops *);
/* The wide loop, in front of the loop as it was, which does the rest. */
void widen_copy(struct loops *, LLVMValueRef first, LLVMValueRef second);

#endif
