/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * typed.c: parameters in registers, from the host and to it, and sessions.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"

#define I WRT_I32
#define L WRT_I64
#define F WRT_F32
#define D WRT_F64
static const uint8_t mixp[] = { I, F, L, D }, fourp[] = { I, L, I, L };
static const uint8_t fivep[] = { I, L, I, L, I };
static const uint8_t eightp[] = { F, D, F, D, F, D, F, D };
static const uint8_t ip[] = { I, I, I, I, I, I }, lp[] = { L }, fp[] = { F };
static const uint8_t dp[] = { D }, refp[] = { WRT_EXTERNREF };
static const struct wrt_functype mix_t = { 4, 1, mixp, dp };
static const struct wrt_functype four_t = { 4, 1, fourp, lp };
static const struct wrt_functype five_t = { 5, 1, fivep, lp };
static const struct wrt_functype eight_t = { 8, 1, eightp, fp };
static const struct wrt_functype i5_t = { 5, 1, ip, ip }, v_t = { 0 };
static const struct wrt_functype i1_t = { 1, 1, ip, ip };
static const struct wrt_functype i2_t = { 2, 1, ip, ip };
static const struct wrt_functype i6_t = { 6, 1, ip, ip };
static const struct wrt_functype v2_t = { 0, 2, ip, ip };
static const struct wrt_functype ref_t = { 1, 0, refp, ip };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
	int32_t (*cb)(struct env *, wrt_instance *, int32_t);
	int n;
};

static double
mix(void *data, wrt_instance *caller, int32_t a, float b, int64_t c, double d)
{
	CHECK_EQ(((struct env *)data)->m == wrt_instance_module(caller), 1);
	return a * 1000.0 + (double)b * 100 + (double)c * 10 + d;
}

static int64_t
four(void *data, wrt_instance *caller, int32_t a, int64_t b, int32_t c,
    int64_t d)
{
	return a + 2 * b + 3ll * c + 4 * d;
}

static int32_t
fits_not(void *data, wrt_instance *caller, int32_t a, int32_t b, int32_t c,
    int32_t d, int32_t e)
{
	return a * 10000 + b * 1000 + c * 100 + d * 10 + e;
}

static float
eight(void *data, wrt_instance *caller, float a, double b, float c, double d,
    float e, double f, float g, double h)
{
	return (float)(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g +
	    8 * h);
}

static void
none(void *data, wrt_instance *caller)
{
	((struct env *)data)->n++;
}

static int32_t
cb(void *data, wrt_instance *caller, int32_t a)
{
	struct env *e = data;

	return e->cb(e, caller, a);
}

#define HOST(e, name, type) CHECK_EQ(wrt_imports_typed((e)->l, "env", #name, \
	type, (void (*)(void))name, e), 0)

static void
up(struct env *e)
{
	memset(e, 0, sizeof *e);
	e->p = api_pool();
	e->m = api_module("typed");
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
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

static int32_t
call2(struct wrt_typed *t, int32_t a, int32_t b)
{
	return ((int32_t (*)(struct wrt_typed *, int32_t, int32_t))t->call)(t,
	    a, b);
}

static void
call0(struct wrt_typed *t)
{
	((void (*)(struct wrt_typed *))t->call)(t);
}

/* ---- Values ------------------------------------------------------------- */

static void
every_register(struct env *e)
{
	struct wrt_typed m = typed(e->i, "mix", &mix_t);
	struct wrt_typed f4 = typed(e->i, "four", &four_t);
	struct wrt_typed f5 = typed(e->i, "five", &five_t);
	struct wrt_typed f8 = typed(e->i, "eight", &eight_t);
	struct wrt_typed v = typed(e->i, "none", &v_t);
	struct wrt_typed no = typed(e->i, "fits_not", &i1_t);
	double d = ((double (*)(struct wrt_typed *, int32_t, float, int64_t,
	    double))m.call)(&m, -3, 2.5f, 1ll << 40, 0.25);
	int64_t x = ((int64_t (*)(struct wrt_typed *, int32_t, int64_t, int32_t,
	    int64_t))f4.call)(&f4, -1, 1ll << 40, 7, -5), y;
	float f = ((float (*)(struct wrt_typed *, float, double, float, double,
	    float, double, float, double))f8.call)(&f8, 1, 2, 3, 4, 5, 6, 7, 8);

	CHECK(d == -3000 + 250 + 10.0 * (1ll << 40) + 0.25);
	CHECK_EQ(m.status, 0);
	CHECK_EQ(x, -1 + (2ll << 40) + 21 - 20);
	CHECK(f == 204);
	y = ((int64_t (*)(struct wrt_typed *, int32_t, int64_t, int32_t,
	    int64_t, int32_t))f5.call)(&f5, -1, 1ll << 40, 7, -5, -9);
	CHECK_EQ(y, -9 - x);
	call0(&v);
	CHECK_EQ(e->n, 1);
	CHECK_EQ(call1(&no, 1), 12345);
	CHECK_EQ(f4.status | f5.status | f8.status | v.status | no.status, 0);
	e->n = 0;
}

TEST(every_register_in_a_session_and_outside)
{
	struct env e;

	up(&e);
	every_register(&e);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	every_register(&e);
	every_register(&e);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	every_register(&e);
	down(&e);
}

TEST(types_that_do_not_fit)
{
	struct wrt_typed t;
	wrt_func *f;
	struct env e;

	up(&e);
	CHECK_EQ(wrt_instance_func(e.i, "six", 3, &f, NULL), 0);
	CHECK_EQ(wrt_func_typed(f, &i6_t, &t), WRT_ETYPE);
	CHECK_EQ(wrt_instance_func(e.i, "two", 3, &f, NULL), 0);
	CHECK_EQ(wrt_func_typed(f, &v2_t, &t), WRT_ETYPE);
	CHECK_EQ(wrt_instance_func(e.i, "ref", 3, &f, NULL), 0);
	CHECK_EQ(wrt_func_typed(f, &ref_t, &t), WRT_ETYPE);
	CHECK_EQ(wrt_instance_func(e.i, "div", 3, &f, NULL), 0);
	CHECK_EQ(wrt_func_typed(f, &i1_t, &t), WRT_ETYPE);
	CHECK_EQ(wrt_func_typed(NULL, &i2_t, &t), WRT_EINVAL);
	down(&e);
}

/* ---- Traps -------------------------------------------------------------- */

TEST(traps_in_a_session)
{
	struct wrt_typed div, deep, oob;
	struct wrt_trap t;
	struct env e;

	up(&e);
	div = typed(e.i, "div", &i2_t);
	deep = typed(e.i, "deep", &i1_t);
	oob = typed(e.i, "oob", &i1_t);
	for (int session = 0; session < 2; session++) {
		if (session)
			CHECK_EQ(wrt_instance_enter(e.i), 0);
		for (int k = 0; k < 100; k++) {
			CHECK_EQ(call2(&div, 42, 7), 6);
			CHECK_EQ(div.status, WRT_OK);
			call2(&div, 1, 0);
			CHECK_EQ(div.status, WRT_ETRAP);
			if (k % 2) {	/* nobody looks, every other time */
				CHECK_EQ(wrt_trap_get(e.i, &t), 0);
				CHECK_EQ(t.code, WRT_TRAP_DIV_BY_ZERO);
				CHECK_EQ(t.nframes, 1);
				CHECK_STR(t.frames[0].func, "div");
			}
			call1(&oob, 5);
			CHECK_EQ(oob.status, WRT_ETRAP);
			CHECK_EQ(wrt_trap_get(e.i, &t), 0);
			CHECK_EQ(t.address, 0x20000005);
		}
		call1(&deep, 1);
		CHECK_EQ(deep.status, WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), WRT_TRAP_STACK_OVERFLOW);
		CHECK_EQ(call2(&div, 42, 7), 6);
	}
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

static int32_t
refuse(struct env *e, wrt_instance *caller, int32_t a)
{
	CHECK_EQ(wrt_trap_set(caller, 1234, "no such thing"), WRT_ETRAP);
	return a;
}

static int32_t
leave(struct env *e, wrt_instance *caller, int32_t a)
{
	CHECK_EQ(wrt_exit(caller, a), WRT_ETRAP);
	return a;
}

static int32_t
throw(struct env *e, wrt_instance *caller, int32_t a)
{
	wrt_val v = { .i32 = a + 1 };
	wrt_tag *t;

	CHECK_EQ(wrt_instance_tag(caller, "t", 1, &t), 0);
	CHECK_EQ(wrt_throw(caller, t, &v), WRT_ETRAP);
	return 0;
}

TEST(host_function_ends_its_guest)
{
	struct wrt_typed f, c;
	struct wrt_trap t;
	struct env e;

	up(&e);
	f = typed(e.i, "cb", &i1_t);
	c = typed(e.i, "catch", &i1_t);
	for (int session = 0; session < 2; session++) {
		if (session)
			CHECK_EQ(wrt_instance_enter(e.i), 0);
		e.cb = refuse;
		call1(&f, 1);
		CHECK_EQ(f.status, WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, 1234);
		CHECK_STR(t.text, "no such thing");
		CHECK_EQ(t.nframes, 1);
		e.cb = leave;
		call1(&f, 7);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, WRT_TRAP_EXIT);
		CHECK_EQ(t.exit_code, 7);
		e.cb = throw;
		CHECK_EQ(call1(&c, 7), 8);
		CHECK_EQ(c.status, 0);
		call1(&f, 7);
		CHECK_EQ(f.status, WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), WRT_TRAP_EXCEPTION);
	}
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

/* ---- Nested ------------------------------------------------------------- */

static struct wrt_typed inner;

static int32_t
call_div(struct env *e, wrt_instance *caller, int32_t a)
{
	int32_t r = call2(&inner, 100, a);

	return inner.status == WRT_OK ? r : -inner.status;
}

TEST(typed_call_within_a_typed_call)
{
	struct wrt_typed f;
	struct env e;

	up(&e);
	f = typed(e.i, "cb", &i1_t);
	inner = typed(e.i, "div", &i2_t);
	e.cb = call_div;
	for (int session = 0; session < 2; session++) {
		if (session)
			CHECK_EQ(wrt_instance_enter(e.i), 0);
		CHECK_EQ(call1(&f, 4), 26);
		CHECK_EQ(call1(&f, 0), -WRT_ETRAP + 1);
		CHECK_EQ(f.status, 0);
		/* the guest's trap that the host function swallowed is not
		 * that of the next one */
		CHECK_EQ(call1(&f, 5), 21);
		e.cb = refuse;
		call1(&f, 5);
		CHECK_EQ(trap_code(e.i), 1234);
		e.cb = call_div;
	}
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

static int32_t
sessions_are_busy(struct env *e, wrt_instance *caller, int32_t a)
{
	CHECK_EQ(wrt_instance_leave(caller), WRT_ESTATE);
	CHECK_EQ(wrt_instance_enter(caller), WRT_ESTATE);
	CHECK_EQ(wrt_yield(caller, (wrt_val){ .i32 = 0 }), WRT_ESTATE);
	CHECK_EQ(wrt_instance_reset(caller, NULL), WRT_ESTATE);
	wrt_instance_close(caller);
	return a;
}

static void *
elsewhere(void *arg)
{
	struct env *e = arg;
	struct wrt_typed d = typed(e->i, "div", &i2_t);

	CHECK_EQ(wrt_instance_leave(e->i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_enter(e->i), WRT_ESTATE);
	call2(&d, 1, 1);
	CHECK_EQ(d.status, WRT_ESTATE);
	CHECK_EQ(api_call(e->i, "div", 2, 1, 1, 0, NULL), WRT_ESTATE);
	return NULL;
}

TEST(session_states)
{
	wrt_instance *other;
	struct wrt_typed f;
	pthread_t th;
	struct env e;
	int32_t x;

	up(&e);
	f = typed(e.i, "cb", &i1_t);
	e.cb = sessions_are_busy;
	other = api_instance(e.p, e.m, e.l);
	CHECK_EQ(wrt_instance_leave(e.i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_enter(NULL), WRT_EINVAL);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(wrt_instance_enter(e.i), WRT_ESTATE);
	CHECK_EQ(call1(&f, 9), 10);
	CHECK_EQ(api_call(e.i, "cb", 1, 9, 0, 0, &x), 0);
	CHECK_EQ(pthread_create(&th, NULL, elsewhere, &e), 0);
	pthread_join(th, NULL);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), WRT_ESTATE);
	wrt_instance_close(e.i);	/* has no effect */
	CHECK_EQ(wrt_instance_enter(other), 0);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	CHECK_EQ(wrt_instance_leave(other), 0);
	wrt_instance_close(other);
	down(&e);
}

static void *
enter_and_end(void *arg)
{
	CHECK_EQ(wrt_instance_enter(arg), 0);
	return NULL;
}

TEST(thread_that_ends_in_a_session)
{
	struct wrt_typed d;
	pthread_t th;
	struct env e;

	up(&e);
	CHECK_EQ(pthread_create(&th, NULL, enter_and_end, e.i), 0);
	pthread_join(th, NULL);
	d = typed(e.i, "div", &i2_t);
	CHECK_EQ(call2(&d, 8, 2), 4);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

TEST(fork_in_a_session)
{
	struct wrt_typed d;
	struct env e;
	int status;
	pid_t pid;

	up(&e);
	d = typed(e.i, "div", &i2_t);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(call2(&d, 8, 2), 4);
	pid = fork();
	if (pid == 0) {
		call2(&d, 8, 2);
		_exit(d.status == WRT_ESTATE &&
		    wrt_instance_leave(e.i) == WRT_ESTATE ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(call2(&d, 8, 2), 4);
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	down(&e);
}

/* ---- Suspending --------------------------------------------------------- */

static int32_t
yield(struct env *e, wrt_instance *caller, int32_t a)
{
	wrt_val v = { .i32 = a };

	CHECK_EQ(wrt_yield(caller, v), WRT_YIELD);
	return -1;
}

TEST(typed_host_function_suspends)
{
	wrt_val v = { .i32 = 0 }, r;
	struct wrt_typed f;
	struct env e;
	int rc;

	up(&e);
	e.cb = yield;
	f = typed(e.i, "loop", &i1_t);
	call1(&f, 3);
	CHECK_EQ(f.status, WRT_SUSPENDED);
	for (int k = 3; k; k--) {
		CHECK_EQ(wrt_instance_yielded(e.i, &v), 0);
		CHECK_EQ(v.i32, k);
		v.i32 = k * k;
		rc = wrt_instance_resume(e.i, &v, 1, &r);
		CHECK_EQ(rc, k == 1 ? WRT_OK : WRT_SUSPENDED);
	}
	CHECK_EQ(r.i32, 14);
	down(&e);
}

/* ---- Kill --------------------------------------------------------------- */

static atomic_int stop;

static void *
kill_often(void *arg)
{
	while (!atomic_load(&stop)) {
		wrt_instance_kill(arg, WRT_TRAP_TIMEOUT);
		usleep(20);
	}
	return NULL;
}

static int32_t
plus(struct env *e, wrt_instance *caller, int32_t a)
{
	return a;
}

TEST(killed_at_any_moment_of_a_session)
{
	struct wrt_typed f, spin;
	int traps = 0, rc;
	pthread_t th;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	e.cb = plus;
	f = typed(e.i, "loop", &i1_t);
	spin = typed(e.i, "spin", &v_t);
	CHECK_EQ(pthread_create(&th, NULL, kill_often, e.i), 0);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	for (int k = 0; k < 20000 || traps < 50; k++) {
		int32_t x;

		if (k % 1000 == 0) {
			call0(&spin);
			CHECK_EQ(spin.status, WRT_ETRAP);
			CHECK_EQ(trap_code(e.i), WRT_TRAP_TIMEOUT);
		}
		x = call1(&f, 3);
		if (f.status == WRT_OK) {
			CHECK_EQ(x, 6);
			continue;
		}
		CHECK_EQ(f.status, WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), WRT_TRAP_TIMEOUT);
		traps++;
	}
	atomic_store(&stop, 1);
	CHECK_EQ(pthread_join(th, NULL), 0);
	rc = wrt_instance_leave(e.i);
	CHECK(rc == WRT_OK || rc == WRT_ETRAP);
	CHECK_EQ(call1(&f, 3), 6);
	CHECK_EQ(f.status, 0);
	down(&e);
}

TEST(killed_between_two_calls)
{
	struct wrt_typed d;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	d = typed(e.i, "div", &i2_t);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	CHECK_EQ(call2(&d, 8, 2), 4);
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_TIMEOUT), 0);
	call2(&d, 8, 2);
	CHECK_EQ(d.status, WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_TIMEOUT);
	CHECK_EQ(call2(&d, 8, 2), 4);
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_TIMEOUT), 0);
	CHECK_EQ(api_call(e.i, "div", 2, 8, 2, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_TIMEOUT);
	CHECK_EQ(call2(&d, 8, 2), 4);
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_TIMEOUT), 0);
	CHECK_EQ(wrt_instance_leave(e.i), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_TIMEOUT);
	CHECK_EQ(call2(&d, 8, 2), 4);
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_TIMEOUT), WRT_ESTATE);
	down(&e);
}

TEST_MAIN
