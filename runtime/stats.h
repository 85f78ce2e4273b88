/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * stats.h: what is counted in the description of an instance; see stats.c.
 */
#ifndef WRT_STATS_H
#define WRT_STATS_H

#include "load.h"

/* A number that one thread adds to, and any reads. */
typedef _Atomic uint64_t wrt__count;

/* What the thread that uses the instance counts. */
struct wrt__done {
	wrt__count calls;		/* first: known to switch_*.S */
	wrt__count traps, resets, grows, cpu_ns;
};

struct wrt__counts {
	struct wrt__done done;
	wrt__count created, closed;	/* instances that it has been */
	wrt__count kept;		/* 1: closed, for others' sake */
};

/* What they were when the instance was created. */
struct wrt__begin {
	uint64_t calls, traps, resets, grows, cpu_ns, faults, fuel;
};

enum { WRT__TRAP_KINDS = WABI_TRAP_CPU_TIME + 1 };
_Static_assert(WRT__TRAP_KINDS <= WRT_STATS_TRAPS, "struct wrt_stats");

struct wrt__trapcounts {
	wrt__count n[WRT__TRAP_KINDS];
	uint64_t begin[WRT__TRAP_KINDS];
};

struct wrt__fuelcount {
	wrt__count changes;		/* odd: in the midst of one */
	wrt__count given;		/* in sum, also to earlier instances */
};

struct wrt__listed {
	wrt_instance *next, **at;
};

static inline void
wrt__add(wrt__count *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed)
	    + n, memory_order_relaxed);
}

/* A description begins to be an instance, the first time or again; is
 * freed. */
void wrt__stats_open(wrt_instance *i);
void wrt__stats_again(wrt_instance *i);
void wrt__stats_end(wrt_instance *i);
void wrt__stats_trap(wrt_instance *i, int code);


#endif
