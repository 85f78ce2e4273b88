/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * seams.c: where sessions, calls in registers, suspending, time slices and
 * kills meet.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api.h"

#define I WRT_I32
#define L WRT_I64
#define F WRT_F32
#define D WRT_F64
static const uint8_t mixp[] = { I, F, L, D }, fourp[] = { I, L, I, L };
static const uint8_t eightp[] = { F, D, F, D, F, D, F, D };
static const uint8_t ip[] = { I, I, I, I, I }, lp[] = { L }, fp[] = { F };
static const uint8_t dp[] = { D };
static const struct wrt_functype mix_t = { 4, 1, mixp, dp };
static const struct wrt_functype four_t = { 4, 1, fourp, lp };
static const struct wrt_functype eight_t = { 8, 1, eightp, fp };
static const struct wrt_functype i5_t = { 5, 1, ip, ip }, v_t = { 0 };
static const struct wrt_functype i1_t = { 1, 1, ip, ip };
static const struct wrt_functype i2_t = { 2, 1, ip, ip };

enum { MS = 1000000 };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
	void (*do_it)(struct env *, wrt_instance *);	/* all functions do */
	_Atomic int stop, killed, n;
};

static void
do_it(struct env *e, wrt_instance *caller)
{
	e->n++;
	if (e->do_it)
		e->do_it(e, caller);
}

static double
mix(void *data, wrt_instance *caller, int32_t a, float b, int64_t c, double d)
{
	do_it(data, caller);
	return a + (double)b + (double)c + d;
}

static int64_t
four(void *data, wrt_instance *caller, int32_t a, int64_t b, int32_t c,
    int64_t d)
{
	do_it(data, caller);
	return a + b + c + d;
}

static int32_t
fits_not(void *data, wrt_instance *caller, int32_t a, int32_t b, int32_t c,
    int32_t d, int32_t e)
{
	do_it(data, caller);
	return a + b + c + d + e;
}

static float
eight(void *data, wrt_instance *caller, float a, double b, float c, double d,
    float e, double f, float g, double h)
{
	do_it(data, caller);
	return (float)(a + b + c + d + e + f + g + h);
}

static void
none(void *data, wrt_instance *caller)
{
	do_it(data, caller);
}

static int32_t
cb(void *data, wrt_instance *caller, int32_t a)
{
	do_it(data, caller);
	return a;
}

#define HOST(e, name, type) CHECK_EQ(wrt_imports_typed((e)->l, "env", #name, \
	type, (void (*)(void))name, e), 0)

static void
up_with(struct env *e, const struct wasmc_options *opt)
{
	memset(e, 0, sizeof *e);
	e->p = api_pool();
	e->m = api_module_with("typed", opt);
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	HOST(e, mix, &mix_t);
	HOST(e, four, &four_t);
	HOST(e, fits_not, &i5_t);
	HOST(e, eight, &eight_t);
	HOST(e, none, &v_t);
	HOST(e, cb, &i1_t);
	e->i = api_instance(e->p, e->m, e->l);
}

static void
up(struct env *e, void (*fn)(struct env *, wrt_instance *))
{
	up_with(e, NULL);
	e->do_it = fn;
}

static void
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

/* ---- What a host function did, and what it asked for --------------------- */

static void
preempt(struct env *e, wrt_instance *caller)
{
	CHECK_EQ(wrt_instance_preempt(caller), 0);
}

/* The call of `name` is suspended n times, as `how`, and then goes on. */
static wrt_val
suspended(struct env *e, const char *name, const wrt_val *v, size_t nargs,
    int how, const wrt_val *with)
{
	wrt_val r = { .u64 = { 0, 0 } };
	int rc = wrt_instance_call(e->i, name, v, nargs, &r);

	CHECK_EQ(rc, WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_suspended(e->i), how);
	CHECK_EQ(wrt_instance_resume(e->i, with, with != NULL, &r), 0);
	return r;
}

static wrt_val
i32(int32_t x)
{
	return (wrt_val){ .i32 = x };
}

TEST(result_of_the_one_that_was_preempted)
{
	wrt_val m[4] = { { .i32 = -3 }, { .f32 = 2.5f }, { .i64 = 1ll << 40 },
		{ .f64 = 0.25 } };
	wrt_val q[4] = { { .i32 = -3 }, { .i64 = 1ll << 40 }, { .i32 = 9 },
		{ .i64 = -(1ll << 50) } };
	wrt_val f[8];
	struct env e;

	NEEDS_SIGNALS();
	for (int k = 0; k < 8; k++)
		f[k] = k % 2 ? (wrt_val){ .f64 = k } : (wrt_val){ .f32 =
		    (float)k };
	up(&e, preempt);
	for (int k = 0; k < 100; k++) {
		CHECK(suspended(&e, "mix", m, 4, 2, NULL).f64 ==
		    -0.25 + (double)(1ll << 40));
		CHECK_EQ(suspended(&e, "four", q, 4, 2, NULL).i64, 6 +
		    (1ll << 40) - (1ll << 50));
		CHECK(suspended(&e, "eight", f, 8, 2, NULL).f32 == 28);
		CHECK_EQ(suspended(&e, "cb", &m[0], 1, 2, NULL).i32, -2);
		CHECK_EQ(suspended(&e, "fits_not", &m[0], 1, 2, NULL).i32, 11);
		suspended(&e, "none", NULL, 0, 2, NULL);
	}
	CHECK_EQ(e.n, 600);
	down(&e);
}

static void
preempt_and_yield(struct env *e, wrt_instance *caller)
{
	preempt(e, caller);
	CHECK_EQ(wrt_yield(caller, i32(5)), WRT_YIELD);
}

static void
preempt_and_trap(struct env *e, wrt_instance *caller)
{
	preempt(e, caller);
	wrt_trap_set(caller, 1234, NULL);
}

static void
preempt_and_throw(struct env *e, wrt_instance *caller)
{
	wrt_val v = { .i32 = 77 };
	wrt_tag *t;

	if (e->n == 1)
		preempt(e, caller);
	CHECK_EQ(wrt_instance_tag(caller, "t", 1, &t), 0);
	CHECK_EQ(wrt_throw(caller, t, &v), WRT_ETRAP);
}

static void
preempt_and_kill(struct env *e, wrt_instance *caller)
{
	preempt(e, caller);
	CHECK_EQ(wrt_instance_kill(caller, 999), 0);
}

TEST(preempted_and_something_else)
{
	wrt_val v = i32(8), nine = i32(9), y;
	struct env e;
	int32_t x;

	NEEDS_SIGNALS();
	up(&e, preempt_and_yield);
	CHECK_EQ(suspended(&e, "cb", &v, 1, 1, &nine).i32, 10);
	CHECK_EQ(api_call(e.i, "cb", 1, 8, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_yielded(e.i, &y), 0);
	CHECK_EQ(y.i32, 5);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	for (const char **f = (const char *[]){ "cb", "fits_not", NULL }; *f;
	    f++) {
		e.do_it = preempt_and_trap;
		CHECK_EQ(api_call(e.i, *f, 1, 8, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), 1234);
		e.do_it = preempt_and_kill;
		CHECK_EQ(api_call(e.i, *f, 1, 8, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), 999);
		e.do_it = NULL;
		CHECK_EQ(api_call(e.i, *f, 1, 8, 0, 0, &x), 0);
	}
	e.n = 0;
	e.do_it = preempt_and_throw;
	CHECK_EQ(suspended(&e, "catch", &v, 1, 2, NULL).i32, 77);
	e.do_it = NULL;
	CHECK_EQ(api_call(e.i, "catch", 1, 8, 0, 0, &x), 0);
	CHECK_EQ(x, 8);
	down(&e);
}

/* What ended, after what went on: nothing of the first is left. */
TEST(ends_after_the_resume)
{
	wrt_val v = i32(3), r, seven = i32(7);
	struct env e;

	NEEDS_SIGNALS();
	up(&e, preempt);
	CHECK_EQ(wrt_instance_call(e.i, "loop", &v, 1, &r), WRT_SUSPENDED);
	e.do_it = preempt_and_yield;
	CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, &r), WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_suspended(e.i), 1);
	e.do_it = preempt_and_trap;
	CHECK_EQ(wrt_instance_resume(e.i, &seven, 1, &r), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), 1234);
	e.do_it = preempt;
	CHECK_EQ(wrt_instance_call(e.i, "loop", &v, 1, &r), WRT_SUSPENDED);
	e.do_it = preempt_and_kill;
	CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, &r), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), 999);
	down(&e);
}

static void
yield(struct env *e, wrt_instance *caller)
{
	CHECK_EQ(wrt_yield(caller, i32(e->n)), WRT_YIELD);
}

struct elsewhere {
	struct env *e;
	wrt_val v, r;
	int rc;
};

static void *
resume_there(void *arg)
{
	struct elsewhere *x = arg;

	x->rc = wrt_instance_resume(x->e->i, &x->v, 1, &x->r);
	return NULL;
}

TEST(yields_and_goes_on_elsewhere)
{
	wrt_val m[4] = { { .i32 = -3 }, { .f32 = 2.5f }, { .i64 = 1 },
		{ .f64 = 0.25 } };
	struct elsewhere x;
	struct env e;
	pthread_t th;

	up(&e, yield);
	x.e = &e;
	for (int k = 0; k < 50; k++) {
		CHECK_EQ(wrt_instance_call(e.i, "mix", m, 4, &x.r),
		    WRT_SUSPENDED);
		x.v.f64 = k * 0.125;
		CHECK_EQ(pthread_create(&th, NULL, resume_there, &x), 0);
		pthread_join(th, NULL);
		CHECK_EQ(x.rc, 0);
		CHECK(x.r.f64 == k * 0.125);
		CHECK_EQ(wrt_instance_call(e.i, "cb", m, 1, &x.r),
		    WRT_SUSPENDED);
		x.v.i32 = -k;
		CHECK_EQ(pthread_create(&th, NULL, resume_there, &x), 0);
		pthread_join(th, NULL);
		CHECK_EQ(x.rc, 0);
		CHECK_EQ(x.r.i32, 1 - k);
	}
	down(&e);
}

/* ---- Sessions ----------------------------------------------------------- */

TEST(session_is_not_preempted)
{
	struct wrt_typed f;
	struct env e;
	int32_t x;

	NEEDS_SIGNALS();
	up(&e, preempt);
	f = typed(e.i, "loop", &i1_t);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	for (int k = 0; k < 100; k++) {
		CHECK_EQ(call1(&f, 3), 6);
		CHECK_EQ(f.status, 0);
		CHECK_EQ(api_call(e.i, "loop", 1, 3, 0, 0, &x), 0);
		CHECK_EQ(x, 6);
		CHECK_EQ(wrt_instance_preempt(e.i), 0);	/* between two */
	}
	CHECK_EQ(wrt_instance_suspended(e.i), 0);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	e.do_it = NULL;
	CHECK_EQ(call1(&f, 3), 6);	/* nothing is left of it */
	CHECK_EQ(f.status, 0);
	e.do_it = preempt;
	call1(&f, 1);
	CHECK_EQ(f.status, WRT_SUSPENDED);
	down(&e);
}

static void *
preempt_often(void *arg)
{
	struct env *e = arg;

	while (!atomic_load(&e->stop)) {
		wrt_instance_preempt(e->i);
		usleep(50);
	}
	return NULL;
}

TEST(session_preempted_from_elsewhere)
{
	struct wrt_typed f;
	struct env e;
	pthread_t th;
	int32_t x;

	NEEDS_SIGNALS();
	up(&e, NULL);
	f = typed(e.i, "loop", &i1_t);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(pthread_create(&th, NULL, preempt_often, &e), 0);
	for (int k = 0; k < 3000; k++) {
		CHECK_EQ(call1(&f, 100), 5050);
		CHECK_EQ(f.status, 0);
		CHECK_EQ(api_call(e.i, "loop", 1, 100, 0, 0, &x), 0);
		CHECK_EQ(x, 5050);
	}
	atomic_store(&e.stop, 1);
	pthread_join(th, NULL);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

static void
throw(struct env *e, wrt_instance *caller)
{
	wrt_val v = { .i32 = 77 };
	wrt_tag *t;

	CHECK_EQ(wrt_instance_tag(caller, "t", 1, &t), 0);
	CHECK_EQ(wrt_throw(caller, t, &v), WRT_ETRAP);
}

/* An exception that was caught is nothing of the next call's. */
TEST(killed_after_a_caught_exception)
{
	struct wrt_typed c, f;
	struct env e;

	NEEDS_SIGNALS();
	up(&e, throw);
	c = typed(e.i, "catch", &i1_t);
	f = typed(e.i, "cb", &i1_t);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(call1(&c, 1), 77);
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_TIMEOUT), 0);
	e.do_it = NULL;
	call1(&f, 1);
	CHECK_EQ(f.status, WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_TIMEOUT);
	CHECK_EQ(call1(&f, 1), 2);
	CHECK_EQ(f.status, 0);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

static void
clone_me(struct env *e, wrt_instance *caller)
{
	wrt_instance *c;

	CHECK_EQ(wrt_instance_clone(&c, caller, e->p, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_slice(caller, MS), WRT_ESTATE);
}

static int
no_page(void *arg, uint64_t addr, const void *p, size_t n)
{
	return 5;
}

TEST(what_a_session_refuses)
{
	wrt_instance *c;
	wrt_memory *mem;
	struct wrt_typed f;
	struct env e;
	int32_t x;

	NEEDS_SIGNALS();
	up(&e, clone_me);
	f = typed(e.i, "cb", &i1_t);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(call1(&f, 1), 2);
	CHECK_EQ(wrt_instance_clone(&c, e.i, e.p, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_slice(e.i, MS), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_timeout(e.i, MS, 0), WRT_ESTATE);
	CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, NULL), WRT_ESTATE);
	/* its state may be read between two calls */
	CHECK_EQ(wrt_instance_memory(e.i, "mem", 3, &mem), 0);
	CHECK_EQ(wrt_memory_write(mem, 0, "x", 1), 0);
	CHECK_EQ(wrt_memory_walk(mem, no_page, NULL), 5);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	CHECK_EQ(wrt_instance_clone(&c, e.i, e.p, NULL), 0);
	CHECK_EQ(wrt_instance_enter(c), 0);
	CHECK_EQ(wrt_instance_leave(c), 0);
	wrt_instance_close(c);
	e.do_it = preempt;
	CHECK_EQ(api_call(e.i, "cb", 1, 8, 0, 0, &x), WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_enter(e.i), WRT_ESTATE);
	call1(&f, 1);
	CHECK_EQ(f.status, WRT_ESTATE);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	CHECK_EQ(wrt_instance_set_timeout(e.i, 1000ull * MS, 0), 0);
	CHECK_EQ(wrt_instance_enter(e.i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_timeout(e.i, 0, 0), 0);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

/* Closed, kept whole, made again, and entered by another thread. */
static void *
life(void *arg)
{
	struct env *e = arg;

	for (int k = 0; k < 200; k++) {
		wrt_instance *i = api_instance(e->p, e->m, e->l);
		struct wrt_typed f = typed(i, "loop", &i1_t);
		struct wrt_typed d = typed(i, "div", &i2_t);

		CHECK_EQ(wrt_instance_enter(i), 0);
		CHECK_EQ(call1(&f, 3), 6);
		((int32_t (*)(struct wrt_typed *, int32_t, int32_t))d.call)(&d,
		    1, 0);
		CHECK_EQ(d.status, WRT_ETRAP);
		CHECK_EQ(wrt_instance_leave(i), 0);
		wrt_instance_close(i);
	}
	return NULL;
}

TEST(sessions_of_parked_ones)
{
	pthread_t th[3];
	struct env e;

	up(&e, NULL);
	for (int k = 0; k < 3; k++)
		CHECK_EQ(pthread_create(&th[k], NULL, life, &e), 0);
	for (int k = 0; k < 3; k++)
		pthread_join(th[k], NULL);
	down(&e);
}

static void *
enter_trap_and_end(void *arg)
{
	wrt_instance **i = arg;

	for (int k = 0; k < 3; k++) {
		struct wrt_typed d = typed(i[k], "div", &i2_t);

		CHECK_EQ(wrt_instance_enter(i[k]), 0);
		((int32_t (*)(struct wrt_typed *, int32_t, int32_t))d.call)(&d,
		    1, 0);
		CHECK_EQ(d.status, WRT_ETRAP);
		if (k == 1)
			wrt_instance_kill(i[k], 5);
	}
	return NULL;
}

TEST(thread_that_ends_in_several_sessions)
{
	wrt_instance *i[3];
	pthread_t th;
	struct env e;

	up(&e, NULL);
	for (int k = 0; k < 3; k++)
		i[k] = api_instance(e.p, e.m, e.l);
	CHECK_EQ(pthread_create(&th, NULL, enter_trap_and_end, i), 0);
	pthread_join(th, NULL);
	for (int k = 0; k < 3; k++) {
		struct wrt_typed f = typed(i[k], "cb", &i1_t);

		CHECK_EQ(trap_code(i[k]), k == 1 ? 5 : WRT_TRAP_DIV_BY_ZERO);
		CHECK_EQ(call1(&f, 4), 5);
		CHECK_EQ(f.status, 0);
		wrt_instance_close(i[k]);
	}
	down(&e);
}

/* ---- Fork --------------------------------------------------------------- */

static void
fork_here(struct env *e, wrt_instance *caller)
{
	pid_t pid = fork();
	int status;

	e->n = pid != 0;
	if (pid) {
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

TEST(fork_in_a_function_in_registers)
{
	struct wrt_typed f;
	struct env e;
	int rc;

	for (int session = 0; session < 2; session++) {
		up(&e, fork_here);
		f = typed(e.i, "cb", &i1_t);
		if (session)
			CHECK_EQ(wrt_instance_enter(e.i), 0);
		call1(&f, 4);
		if (!e.n)		/* the child's guest has ended */
			_exit(f.status != WRT_ETRAP ||
			    (call1(&f, 4), f.status != WRT_ESTATE));
		CHECK_EQ(f.status, 0);
		rc = wrt_instance_leave(e.i);
		CHECK_EQ(rc, session ? WRT_OK : WRT_ESTATE);
		down(&e);
	}
}

/* ---- Kill --------------------------------------------------------------- */

static void
kill_me(struct env *e, wrt_instance *caller)
{
	CHECK_EQ(wrt_instance_kill(caller, 999), 0);
}

TEST(killed_in_a_function_in_registers)
{
	struct wrt_typed f;
	struct env e;

	NEEDS_SIGNALS();
	up(&e, kill_me);
	f = typed(e.i, "cb", &i1_t);
	for (int session = 0; session < 2; session++) {
		if (session)
			CHECK_EQ(wrt_instance_enter(e.i), 0);
		for (int k = 0; k < 100; k++) {
			e.do_it = k % 2 ? NULL : kill_me;
			CHECK_EQ(call1(&f, 1), k % 2 ? 2 : 0);
			CHECK_EQ(f.status, k % 2 ? WRT_OK : WRT_ETRAP);
			CHECK_EQ(trap_code(e.i), k % 2 && !session ? 0 : 999);
		}
	}
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

/* Who is killed must not wait long in the kernel, wherever the signal came. */
static void
wait_if_killed(struct env *e, wrt_instance *caller)
{
	struct timespec t = { .tv_sec = 20 };

	if (atomic_load(&e->killed))
		CHECK_EQ(nanosleep(&t, NULL), -1);
}

static void *
kill_one_call(void *arg)
{
	struct env *e = arg;
	uint32_t x = 12345;

	while (!atomic_load(&e->stop)) {
		x = x * 1664525 + 1013904223;
		for (uint32_t k = x >> 20; k; k--)
			atomic_signal_fence(memory_order_seq_cst);
		atomic_store(&e->killed, 1);
		while (wrt_instance_kill(e->i, 999) != WRT_OK &&
		    !atomic_load(&e->stop))
			sched_yield();
		while (atomic_load(&e->killed))
			sched_yield();
	}
	return NULL;
}

TEST(killed_on_the_way_to_a_function_that_waits)
{
	struct wrt_typed f;
	struct env e;
	pthread_t th;
	int kills = 0;

	up(&e, wait_if_killed);
	f = typed(e.i, "loop", &i1_t);
	CHECK_EQ(pthread_create(&th, NULL, kill_one_call, &e), 0);
	while (kills < 2000) {
		call1(&f, 1000000);
		if (f.status != WRT_ETRAP)
			continue;
		kills++;
		CHECK_EQ(trap_code(e.i), 999);
		atomic_store(&e.killed, 0);
	}
	atomic_store(&e.stop, 1);
	atomic_store(&e.killed, 0);
	pthread_join(th, NULL);
	down(&e);
}

/* ---- Fuel --------------------------------------------------------------- */

static uint64_t fuel_seen;

static void
look_at_fuel(struct env *e, wrt_instance *caller)
{
	CHECK_EQ(wrt_instance_fuel(caller, &fuel_seen), 0);
	if (e->n == 3)
		CHECK_EQ(wrt_instance_set_fuel(caller, 1), 0);
}

TEST(fuel_of_calls_in_registers)
{
	const struct wasmc_options opt = { .fuel = 1 };
	struct wrt_typed f;
	uint64_t left;
	struct env e;

	up_with(&e, &opt);
	f = typed(e.i, "cb", &i1_t);
	e.do_it = look_at_fuel;
	for (int session = 0; session < 2; session++) {
		if (session)
			CHECK_EQ(wrt_instance_enter(e.i), 0);
		e.n = 0;
		CHECK_EQ(wrt_instance_set_fuel(e.i, 100), 0);
		CHECK_EQ(call1(&f, 1), 2);
		CHECK_EQ(fuel_seen, 100 - 3);	/* enter, local.get, call */
		CHECK_EQ(wrt_instance_fuel(e.i, &left), 0);
		CHECK_EQ(left, 100 - 5);
		CHECK_EQ(wrt_instance_set_fuel(e.i, 5), 0);
		CHECK_EQ(call1(&f, 1), 2);
		CHECK_EQ(f.status, 0);
		CHECK_EQ(wrt_instance_set_fuel(e.i, 100), 0);
		call1(&f, 1);		/* taken away as it runs */
		CHECK_EQ(f.status, WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), WRT_TRAP_FUEL);
	}
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

TEST_MAIN
