/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * kills.h: what kill.c, kill_more.c and timeouts.c share: who kills, from
 * another thread or by a timer, and an instance of tests/wat/kill_more.wat with
 * what it may wait for.
 */
#ifndef KILLS_H
#define KILLS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "wasmrt_wasi.h"
#include "api.h"

static wrt_instance *victim;

/* ---- From another thread ------------------------------------------------ */

static atomic_int wanted, done;
static int (*kill_code)(int k);		/* of the kth kill; NULL: a timeout */

/* One kill for each call, and not one more, until wanted is negative. */
__attribute__((unused)) static void *
killer(void *arg)
{
	uint32_t x = 2463534242u;

	(void)arg;
	for (int k = 0;; k++) {
		int w, code = kill_code ? kill_code(k) : WRT_TRAP_TIMEOUT;

		while ((w = atomic_load(&wanted)) == k)
			sched_yield();
		if (w < 0)
			return NULL;
		for (uint32_t n = next_random(&x) % 4000; n; n--)
			atomic_signal_fence(memory_order_seq_cst);
		while (wrt_instance_kill(victim, code) == WRT_ESTATE)
			sched_yield();
		atomic_fetch_add(&done, 1);
	}
}

/* ---- From a timer, in the same thread ----------------------------------- */

static timer_t timer;
static volatile long delay;		/* ns until the next signal */

static void
arm(long ns)
{
	const struct itimerspec it = { .it_value = { .tv_nsec = ns } };

	timer_settime(timer, 0, &it, NULL);
}

/* The timer comes at any instruction, also of the runtime's and of the test's: a
 * kill that finds nobody running does nothing.  Then it comes again, after ever
 * longer times, so that the program gets on where signals take long. */
static void
on_timer(int sig)
{
	int e = errno;

	(void)sig;
	if (wrt_instance_kill(victim, WRT_TRAP_TIMEOUT) != WRT_OK)
		arm(delay < 250000000 ? delay *= 2 : delay);
	errno = e;
}

__attribute__((unused)) static void
timer_make(void)
{
	struct sigaction sa = { .sa_handler = on_timer,
		.sa_flags = SA_RESTART | SA_ONSTACK };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR1 };

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &timer), 0);
}

/* For the kth call: in 20 to 60 us, each time another. */
__attribute__((unused)) static void
timer_arm(int k)
{
	arm(delay = 20000 + k * 7919 % 40000);
}

/* ---- One that waits ------------------------------------------------------ */

struct waits {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_wasi *w;
	wrt_instance *i;
	int pipe[2];			/* its standard input: nothing comes */
};

/* What the guest's import "pause" does. */
static void (*pause_fn)(wrt_instance *caller);

static int
waits_pause(void *data, wrt_instance *caller, wrt_val *v)
{
	if (pause_fn)
		pause_fn(caller);
	return WRT_OK;
}

__attribute__((unused)) static void
waits_up(struct waits *e, struct wrt_pool_config c)
{
	static const struct wrt_functype none;
	struct wrt_wasi_config wc = { 0 };
	struct wrt_error err;

	CHECK_EQ(pipe(e->pipe), 0);
	wc.stdio[0] = e->pipe[0];
	wc.stdio[1] = 1;
	wc.stdio[2] = 2;
	c.max_instances = 4;
	c.max_memories = 1;
	if (wrt_pool_create(&e->p, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	e->m = api_module("kill_more");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_wasi_create(&e->w, &wc, NULL), 0);
	CHECK_EQ(wrt_wasi_imports(e->w, e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "pause", &none, waits_pause,
	    NULL), 0);
	e->i = api_instance(e->p, e->m, e->l);
}

__attribute__((unused)) static void
waits_down(struct waits *e)
{
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_wasi_destroy(e->w);
	wrt_pool_destroy(e->p);
	close(e->pipe[0]);
	close(e->pipe[1]);
}

#endif
