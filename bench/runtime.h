/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * runtime.h: what the sides of bench/runtime.c share.
 *
 * A step is a function that sets itself up, warms up, and returns one figure
 * in the row's unit: nanoseconds for one operation, bytes for one instance, a
 * ratio, a count.  It runs in a child process of its own and may leave
 * everything lying about.  NAN: this side has no such thing.  What cannot go on
 * calls die().
 */
#ifndef BENCH_RUNTIME_H
#define BENCH_RUNTIME_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* wasmtime with its on-demand allocator, with its pool, and with a pool that
 * keeps 64 KiB of each memory and clears them (the default keeps none). */
enum side { OURS, THEIRS, THEIRS_POOL, THEIRS_KEEP, NSIDES };

typedef double bench_step(enum side, long arg);

#define BENCH_STEPS(X)							\
	X(create_warm) X(create_cold) X(dense_warm) X(dense_cold)	\
	X(threads) X(reset) X(call_typed) X(call_session)		\
	X(call_untyped) X(host_typed) X(host_untyped) X(yield)		\
	X(linked) X(slice) X(trap) X(kill) X(fuel) X(idle_bytes)	\
	X(live_count) X(live_create) X(live_call)			\
	X(start) X(start_again)

#define X(name) bench_step ours_##name, theirs_##name;
BENCH_STEPS(X)
#undef X

/* What wasmtime has nothing like.  ours_fault is what the kernel takes for a
 * fault and its signal: no trap by signal can be faster. */
bench_step ours_fault, ours_kill_wasi, ours_clone, ours_start_clone,
    ours_service;

/* arg of trap, idle_bytes, fuel, start */
enum { TRAP_SOFTWARE, TRAP_MEMORY, TRAP_STACK };
enum { IDLE_WIDE, IDLE_DENSE };
enum { FUEL_FIB, FUEL_SIEVE };
enum { START_COLD, START_SNAPSHOT };

enum { LIVE = 100000 };			/* instances in live_* */

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* build/bench/NAME, read whole. */
void *bench_file(const char *name, size_t *n);
/* Is there such a file? */
int bench_has(const char *name);

/* CPU time of this thread: under load, truer than the wall clock. */
double cpu_ns(void);
double wall_ns(void);

/* Memory of this process now, page tables included, in bytes. */
double resident_bytes(void);

/* A permutation of 0 .. n - 1, always the same. */
uint32_t *shuffled(uint32_t n);

/* The least CPU time of one fn(arg), of n of them, in ns. */
double least_ns(int n, void (*fn)(void *arg), void *arg);

/* Work in time slices: fn(arg, sliced) does so many steps, in slices of so many
 * ns or at one go, and returns how often it was suspended.  What a suspension
 * and its resumption cost: the median of so many pairs. */
enum { SLICE_WORK = 10000000, SLICE_NS = 100000, SLICE_PAIRS = 41 };
double slice_ns(long (*fn)(void *arg, int sliced), void *arg);

/* Two threads run fn(arg, n) at once, against one: how many times as much they
 * do in the same time. */
double two_against_one(void (*fn)(void *arg, long n), void *arg, long n);

/* The time of n operations, each, after a tenth of them for warmth. */
#define NS_EACH(n, what) __extension__ ({				\
	double start_ = 0;						\
	long n_ = (n);							\
	for (long k_ = -(n_ / 10); k_ < n_; k_++) {			\
		if (k_ == 0)						\
			start_ = cpu_ns();				\
		what;							\
	}								\
	(cpu_ns() - start_) / (double)n_;				\
})

#endif
