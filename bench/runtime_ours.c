/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* runtime_ours.c: the steps of bench/runtime.c, with libwasmrt. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wasmrt.h>

#include "runtime.h"

static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
static const struct wrt_functype add_type = { 2, 1, i32s, i32s };

struct env {
	wrt_pool *pool;
	wrt_module *guest, *user;
};

static wrt_module *
module(const char *path)
{
	struct wrt_error err = { 0 };
	wrt_module *m;

	if (wrt_module_open(&m, path, &err) != WRT_OK)
		die("%s", err.text);
	return m;
}

/* 17 pages of 64 KiB are what the guests have. */
static struct env
up(uint32_t ninstances)
{
	struct wrt_pool_config c = {
		.max_instances = ninstances, .max_memories = 1,
	};
	struct wrt_error err = { 0 };
	struct env e;

	if (wrt_pool_create(&e.pool, &c, &err) != WRT_OK)
		die("%s", err.text);
	e.guest = module("build/bench/runtime_guest.so");
	e.user = module("build/bench/runtime_user.so");
	return e;
}

static wrt_instance *
instance(struct env *e, wrt_module *m, wrt_imports *l)
{
	struct wrt_error err = { 0 };
	wrt_instance *i;

	if (wrt_instance_create(&i, e->pool, m, l, &err) != WRT_OK)
		die("%s", err.text);
	return i;
}

static wrt_func *
func(wrt_instance *i, const char *name)
{
	struct wrt_functype t;
	wrt_func *f;

	if (wrt_instance_func(i, name, strlen(name), &f, &t) != WRT_OK)
		die("no export %s", name);
	return f;
}

static void
touch(wrt_instance *i, long pages)
{
	wrt_val v = { .i32 = (int32_t)pages };

	if (wrt_func_call(func(i, "touch"), &v, 1, &v) != WRT_OK)
		die("touch failed");
}

/* ---- Life cycles --------------------------------------------------------- */

static void
cycle(struct env *e, long pages)
{
	wrt_instance *i = instance(e, e->guest, NULL);

	touch(i, pages);
	wrt_instance_close(i);
}

double
ours_create_warm(enum side side, long pages)
{
	struct env e = up(4);

	return NS_EACH(20000, cycle(&e, pages));
}

/* Slots that nobody had before. */
double
ours_create_cold(enum side side, long pages)
{
	enum { N = 1000 };
	struct env e = up(N);
	wrt_instance *i[N];
	double start = cpu_ns();

	for (int k = 0; k < N; k++) {
		i[k] = instance(&e, e.guest, NULL);
		touch(i[k], pages);
	}
	for (int k = 0; k < N; k++)
		wrt_instance_close(i[k]);
	return (cpu_ns() - start) / N;
}

struct many {
	struct env e;
	long pages;
};

static void
cycles(void *arg, long n)
{
	struct many *m = arg;

	for (long k = 0; k < n; k++)
		cycle(&m->e, m->pages);
}

double
ours_threads(enum side side, long pages)
{
	struct many m = { up(4), pages };

	return two_against_one(cycles, &m, 50000);
}

double
ours_reset(enum side side, long pages)
{
	struct env e = up(4);
	wrt_instance *i = instance(&e, e.guest, NULL);

	return NS_EACH(50000, {
		touch(i, pages);
		wrt_instance_reset(i, NULL);
	});
}

/* ---- Calls --------------------------------------------------------------- */

double
ours_call_untyped(enum side side, long arg)
{
	struct env e = up(4);
	wrt_func *f = func(instance(&e, e.guest, NULL), "add");
	wrt_val v[2] = { { .i32 = 1 }, { .i32 = 2 } };

	return NS_EACH(2000000, wrt_func_call(f, v, 2, v));
}

/* The host's function, as a loop of the guest's calls it. */
static double
loop(struct env *e, wrt_imports *l)
{
	enum { N = 2000000 };
	wrt_func *f = func(instance(e, e->user, l), "loop");
	wrt_val v = { .i32 = N / 10 };
	double start;

	if (wrt_func_call(f, &v, 1, &v) != WRT_OK)
		die("loop failed");
	v.i32 = N;
	start = cpu_ns();
	if (wrt_func_call(f, &v, 1, &v) != WRT_OK ||
	    v.i32 != (int32_t)((int64_t)N * (N + 1) / 2))
		die("loop failed");
	return (cpu_ns() - start) / N;
}

static int
host_add(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 += v[1].i32;
	return WRT_OK;
}

double
ours_host_untyped(enum side side, long arg)
{
	struct env e = up(4);
	wrt_imports *l;

	if (wrt_imports_create(&l) != WRT_OK ||
	    wrt_imports_func(l, "env", "add", &add_type, host_add, NULL) !=
	    WRT_OK)
		die("no import");
	return loop(&e, l);
}

double
ours_service(enum side side, long arg)
{
	struct env e = up(4);
	wrt_imports *l;

	if (wrt_imports_create(&l) != WRT_OK ||
	    wrt_imports_instance(l, "env", instance(&e, e.guest, NULL)) !=
	    WRT_OK)
		die("no import");
	return loop(&e, l);
}

double
ours_call_typed(enum side side, long arg)
{
	return NAN;
}

double
ours_call_session(enum side side, long arg)
{
	return NAN;
}

double
ours_host_typed(enum side side, long arg)
{
	return NAN;
}

double
ours_yield(enum side side, long arg)
{
	return NAN;
}

/* ---- Traps and kills ----------------------------------------------------- */

double
ours_trap(enum side side, long which)
{
	static const char *const names[] = {
		"trap_software", "trap_memory", "trap_stack",
	};
	struct env e = up(4);
	wrt_func *f = func(instance(&e, e.guest, NULL), names[which]);

	if (wrt_func_call(f, NULL, 0, NULL) != WRT_ETRAP)
		die("no trap");
	return NS_EACH(which == TRAP_STACK ? 500 : 20000,
	    wrt_func_call(f, NULL, 0, NULL));
}

struct victim {
	wrt_instance *i;
	_Atomic double killed;
	double sum;
	int n;
};

static void *
killer(void *arg)
{
	struct victim *v = arg;

	for (int k = 0; k < v->n; k++) {
		usleep(2000);
		atomic_store(&v->killed, wall_ns());
		while (wrt_instance_kill(v->i, WRT_TRAP_INTERRUPT) != WRT_OK)
			usleep(50);
		while (atomic_load(&v->killed) != 0)
			usleep(50);
	}
	return NULL;
}

double
ours_kill(enum side side, long arg)
{
	struct env e = up(4);
	struct victim v = { .i = instance(&e, e.guest, NULL), .n = 50 };
	wrt_func *f = func(v.i, "spin");
	pthread_t t;

	if (pthread_create(&t, NULL, killer, &v) != 0)
		die("no thread");
	for (int k = 0; k < v.n; k++) {
		if (wrt_func_call(f, NULL, 0, NULL) != WRT_ETRAP)
			die("not killed");
		v.sum += wall_ns() - atomic_load(&v.killed);
		atomic_store(&v.killed, 0);
	}
	pthread_join(t, NULL);
	return v.sum / v.n;
}

/* ---- Many ---------------------------------------------------------------- */

double
ours_idle_bytes(enum side side, long how)
{
	enum { N = 4000 };
	struct env e = up(N);
	double before;

	if (how != IDLE_WIDE)
		return NAN;
	cycle(&e, 1);
	before = resident_bytes();
	for (int k = 0; k < N; k++)
		touch(instance(&e, e.guest, NULL), 1);
	return (resident_bytes() - before) / N;
}

static uint32_t
live(wrt_instance **all, struct env *e)
{
	return 0;
}

double
ours_live_count(enum side side, long arg)
{
	return live(NULL, NULL) ? LIVE : NAN;
}

double
ours_live_create(enum side side, long arg)
{
	return NAN;
}

double
ours_live_call(enum side side, long arg)
{
	return NAN;
}
