/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * usual.c: which pages instances of a module usually touch.
 *
 * A page that is brought by the fault handler costs several times what it costs
 * among others, so a memory gets all that most memories of this image needed
 * when it is first used: by a call of its instance, which then has no fault at
 * all, or by a fault, if another's guest or the host was first.  One memory of
 * 16 is only watched: every page it faults on is counted.  What three of four
 * of the watched touched is usual, as long as it is no more than can be copied
 * back at a reset.
 *
 * Called from signal handlers, by any number of threads; all counts are
 * guesses, and a lost one does no harm.
 */
#include "rt.h"

enum { WATCH_EVERY = 16, HALVE_AT = 200 };

static void
choose(struct wrt__usual *u)
{
	uint32_t n = atomic_load_explicit(&u->nwatched, memory_order_relaxed);
	uint32_t room = WRT__USUAL_MOST;

	for (uint32_t w = 0; w < WRT__USUAL / 64; w++) {
		uint64_t bits = 0;

		for (uint32_t b = 0; b < 64 && room && n; b++)
			if (4u * atomic_load_explicit(&u->seen[w * 64 + b],
			    memory_order_relaxed) >= 3 * n)
				bits |= 1ull << b, room--;
		atomic_store_explicit(&u->pages[w], bits,
		    memory_order_relaxed);
	}
}

/* What was long ago counts less. */
static void
halve(struct wrt__usual *u)
{
	atomic_store_explicit(&u->nwatched, HALVE_AT / 2,
	    memory_order_relaxed);
	for (uint32_t k = 0; k < WRT__USUAL; k++)
		atomic_store_explicit(&u->seen[k], atomic_load_explicit(
		    &u->seen[k], memory_order_relaxed) / 2,
		    memory_order_relaxed);
}

bool
wrt__usual_begin(struct wrt__usual *u)
{
	uint32_t k = atomic_fetch_add_explicit(&u->n, 1, memory_order_relaxed);
	bool watch = k % WATCH_EVERY == 0;

	if (watch || !(k & (k - 1)))
		choose(u);
	if (watch && atomic_fetch_add_explicit(&u->nwatched, 1,
	    memory_order_relaxed) >= HALVE_AT)
		halve(u);
	return watch;
}

void
wrt__usual_note(struct wrt__usual *u, uint64_t page, uint64_t n)
{
	for (; n-- && page < WRT__USUAL; page++)
		atomic_fetch_add_explicit(&u->seen[page], 1,
		    memory_order_relaxed);
}
