/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * kills.c: how long from wrt_instance_kill() in one thread until the call that
 * it ends has returned in another, of N kills (5000) of
 *
 *   a tight loop                    fd_read of a pipe that nobody writes to
 *
 *     build/bench/kills [N]
 *
 * at random moments, as percentiles.  On a machine that does other things too it
 * is the scheduler that answers: so both threads ask for real-time priority, each
 * for a processor of its own, and it is said whether they got that.
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <wasmrt.h>
#include <wasmrt_wasi.h>

static wrt_pool *pool;
static wrt_instance *victim;
static atomic_int turn;			/* the call that is to be killed next */
static _Atomic double killed_at;
static atomic_bool ready, over;
static bool quick;			/* the last killer */

_Noreturn static void __attribute__((format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* This thread before all others, on that processor; false: it may not. */
static bool
be_quick(unsigned processor)
{
	const struct sched_param p = { .sched_priority = 10 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	return sched_setscheduler(0, SCHED_FIFO, &p) == 0 &&
	    sched_setaffinity(0, sizeof set, &set) == 0;
}

/* So that others get on, too: the kernel would see to that, in the midst. */
static void
nap(long ns)
{
	const struct timespec t = { .tv_nsec = ns };

	nanosleep(&t, NULL);
}

static void *
killer(void *arg)
{
	unsigned x = 88172645u;
	int done = 0;

	(void)arg;
	quick = be_quick(1);
	atomic_store(&ready, true);
	while (!atomic_load(&over)) {
		if (atomic_load(&turn) == done) {
			nap(50000);
			continue;
		}
		x = x * 1664525u + 1013904223u;
		nap(100000 + (long)(x >> 8) % 400000);
		do
			atomic_store(&killed_at, now_ns());
		while (wrt_instance_kill(victim, WRT_TRAP_INTERRUPT) != WRT_OK);
		done++;
	}
	return NULL;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Threads inherit priority and place, and this one might never let the other
 * begin. */
static void
start(pthread_t *t)
{
	const struct sched_param p = { 0 };

	sched_setscheduler(0, SCHED_OTHER, &p);
	atomic_store(&ready, false);
	atomic_store(&over, false);
	atomic_store(&turn, 0);
	if (pthread_create(t, NULL, killer, NULL) != 0)
		die("no thread");
	while (!atomic_load(&ready))
		nap(50000);
	quick = be_quick(0) && quick;
}

static void
measure(const char *what, wrt_instance *i, const char *name, int n)
{
	double *us = calloc((size_t)n, sizeof *us);
	wrt_func *f;
	wrt_val r;
	pthread_t t;

	victim = i;
	if (!us || wrt_instance_func(i, name, strlen(name), &f, NULL) !=
	    WRT_OK)
		die("%s: cannot begin", what);
	start(&t);
	for (int k = 0; k < n; k++) {
		atomic_fetch_add(&turn, 1);
		if (wrt_func_call(f, NULL, 0, &r) != WRT_ETRAP)
			die("%s: not killed", what);
		us[k] = (now_ns() - atomic_load(&killed_at)) / 1e3;
		nap(500000);
	}
	atomic_store(&over, true);
	pthread_join(t, NULL);
	qsort(us, (size_t)n, sizeof *us, by_size);
	printf("%-20s %8.1f %8.1f %8.1f %8.1f %8.1f  %s\n", what, us[n / 2],
	    us[n * 9 / 10], us[n * 99 / 100], us[n * 999 / 1000], us[n - 1],
	    quick ? "real-time priority" : "priority as anybody's");
	free(us);
}

static wrt_instance *
instance(const char *path, wrt_imports *l)
{
	struct wrt_error err = { 0 };
	wrt_instance *i;
	wrt_module *m;

	if (wrt_module_open(&m, path, &err) != WRT_OK ||
	    wrt_instance_create(&i, pool, m, l, &err) != WRT_OK)
		die("%s", err.text);
	return i;
}

static wrt_imports *
wasi(void)
{
	struct wrt_wasi_config c = { .stdio = { 0, 1, 2 } };
	wrt_imports *l;
	wrt_wasi *w;
	int fds[2];

	if (pipe(fds) != 0)
		die("no pipe");
	c.stdio[0] = fds[0];
	if (wrt_imports_create(&l) != WRT_OK || wrt_wasi_create(&w, &c,
	    NULL) != WRT_OK || wrt_wasi_imports(w, l) != WRT_OK)
		die("no WASI");
	return l;
}

int
main(int argc, char **argv)
{
	const struct wrt_pool_config c = { .max_instances = 2,
		.max_memories = 1 };
	int n = argc > 1 ? atoi(argv[1]) : 5000;
	double load = 0;

	if (n < 1 || wrt_pool_create(&pool, &c, NULL) != WRT_OK)
		die("usage: kills [N]");
	getloadavg(&load, 1);
	printf("%d kills; load %.1f\n", n, load);
	printf("%-20s %8s %8s %8s %8s %8s\n", "us", "median", "p90", "p99",
	    "p99.9", "most");
	measure("tight loop", instance("build/bench/runtime_guest.so", NULL),
	    "spin", n);
	measure("WASI read", instance("build/bench/runtime_wasi.so", wasi()),
	    "read", n);
	return 0;
}
