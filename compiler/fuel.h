/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fuel.h: what instructions cost, and stretches of code that are paid at once.
 *
 * A stretch is a run of instructions that are all executed if the first one is
 * and nothing traps.  It ends behind an instruction that branches, where a
 * branch may arrive, or behind one that leaves the function's own code: calls
 * and what the runtime does.  docs/ABI.md, "Fuel", says what each costs.
 */
#ifndef WC_FUEL_H
#define WC_FUEL_H

#include "insn.h"

struct buf;

enum fuel_class {
	FUEL_PLAIN,			/* neither traps nor changes anything
					 * that outlives the function */
	FUEL_TOUCHES,			/* does, by itself */
	FUEL_BRANCHES,			/* ends a stretch */
	FUEL_LEAVES,			/* ends it, and may use fuel itself */
};

enum fuel_class fuel_class(enum op op);
uint32_t fuel_cost(enum op op);		/* 0 or 1 */

/* Entering a function costs one unit, paid with its first stretch. */
enum { FUEL_ENTRY = 1 };

struct stretch {
	uint32_t n;			/* instructions */
	uint64_t cost;			/* of all of them */
	uint32_t ntouch;		/* leading instructions up to the last
					 * that touches and is not the last one
					 * that costs; 0 if there is none */
	bool visible;			/* anything touches, or leaves */
};

/* The stretch that begins at r. */
struct stretch fuel_stretch(struct reader r);

/* Append struct wabi_fuel_rest for every access of linear memory that has
 * something behind it in its stretch.  Returns how many. */
uint32_t fuel_rests(struct compile *c, const struct module *m,
    struct buf *out);

#endif
