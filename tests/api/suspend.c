/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * suspend.c: host functions suspend their guest, and hosts resume it: soon or
 * late, on any thread, or never.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "api.h"

static const uint8_t i32s[] = { WRT_I32 };
static const uint8_t anys[] = { WRT_ANYREF };
static const uint8_t up5[] = { WRT_I32, WRT_I64, WRT_F32, WRT_F64, WRT_V128 };
static const uint8_t down5[] = { WRT_V128, WRT_F64, WRT_F32, WRT_I64, WRT_I32 };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
	int plain;			/* await: return WRT_YIELD and no more */
	int nested;			/* await: call a guest that awaits */
	wrt_instance *other;
};

static int
await(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;
	wrt_val r, one = { .i32 = 1 }, zero = { .i32 = 0 };
	int rc;

	if (e->nested) {
		e->nested = 0;
		rc = wrt_instance_call(e->other ? e->other : caller, "sum",
		    &one, 1, &r);
		CHECK_EQ(rc, WRT_ETRAP);
		v[0] = zero;
		return WRT_OK;
	}
	return e->plain ? WRT_YIELD : wrt_yield(caller, v[0]);
}

static int
none(void *data, wrt_instance *caller, wrt_val *v)
{
	(void)v;
	return wrt_yield(caller, (wrt_val){ .u64 = { 0, 0 } });
}

static int
many(void *data, wrt_instance *caller, wrt_val *v)
{
	return wrt_yield(caller, v[1]);
}

static void
up(struct env *e)
{
	const struct wrt_functype t = { 1, 1, i32s, i32s }, v = { 0 };
	const struct wrt_functype ta = { 1, 1, anys, anys };
	const struct wrt_functype t5 = { 5, 5, up5, down5 };

	memset(e, 0, sizeof *e);
	e->p = api_pool_of(16);
	e->m = api_module("yield");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "await", &t, await, e), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "none", &v, none, e), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "many", &t5, many, e), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "any", &ta, none, e), 0);
	e->i = api_instance(e->p, e->m, e->l);
}

static void
down(struct env *e)
{
	wrt_instance_close(e->other);
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

static int32_t
yielded(wrt_instance *i)
{
	wrt_val v;

	CHECK_EQ(wrt_instance_yielded(i, &v), 0);
	return v.i32;
}

static int
resume(wrt_instance *i, int32_t x, int32_t *out)
{
	wrt_val v = { .i32 = x }, r = { .i32 = -1 };
	int rc = wrt_instance_resume(i, &v, 1, &r);

	if (rc == WRT_OK)
		*out = r.i32;
	return rc;
}

/* ---- Values ------------------------------------------------------------- */

TEST(sum_of_what_the_host_gives)
{
	int32_t x = 0;
	struct env e;

	up(&e);
	CHECK_EQ(api_call(e.i, "sum", 1, 10, 0, 0, NULL), WRT_SUSPENDED);
	for (int k = 0; k < 9; k++) {
		CHECK_EQ(wrt_instance_suspended(e.i), 1);
		CHECK_EQ(yielded(e.i), k);
		CHECK_EQ(resume(e.i, k * k, &x), WRT_SUSPENDED);
	}
	CHECK_EQ(resume(e.i, 81, &x), WRT_OK);
	CHECK_EQ(x, 285);
	CHECK_EQ(wrt_instance_suspended(e.i), 0);
	CHECK_EQ(api_call(e.i, "deep", 1, 100, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(resume(e.i, 3, &x), WRT_OK);
	CHECK_EQ(x, 103);
	down(&e);
}

TEST(function_without_values)
{
	wrt_global *g;
	struct env e;

	up(&e);
	CHECK_EQ(wrt_instance_global(e.i, "n", 1, &g), 0);
	CHECK_EQ(api_call(e.i, "void", 0, 0, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(wrt_global_get(g).i32, 0);
	CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, NULL), WRT_OK);
	CHECK_EQ(wrt_global_get(g).i32, 1);
	down(&e);
}

TEST(more_values_than_registers)
{
	wrt_val v[12], r[12], zero = { .i32 = 0 };
	struct env e;

	up(&e);
	for (int k = 0; k < 12; k++)
		v[k].i64 = 1000 + k;
	CHECK_EQ(wrt_instance_call(e.i, "twelve", v, 12, r), WRT_SUSPENDED);
	memset(v, 0xff, sizeof v);
	CHECK_EQ(wrt_instance_resume(e.i, &zero, 1, r), WRT_OK);
	for (int k = 0; k < 12; k++)
		CHECK_EQ(r[k].i64, 1011 - k);
	down(&e);
}

TEST(values_of_every_type)
{
	wrt_val v[5] = { { .i32 = 1 }, { .i64 = 2 }, { .f32 = 3 }, { .f64 = 4 } };
	wrt_val w[5], r[5];
	struct env e;

	up(&e);
	CHECK_EQ(wrt_instance_call(e.i, "all", v, 5, r), WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_yielded(e.i, &w[0]), 0);
	CHECK_EQ(w[0].i64, 2);
	memset(w, 0, sizeof w);
	for (int k = 0; k < 16; k++)
		w[0].v128[k] = (uint8_t)(k + 1);
	w[1].f64 = 0.5;
	w[2].f32 = 0.25f;
	w[3].i64 = -3;
	w[4].i32 = -4;
	CHECK_EQ(wrt_instance_resume(e.i, w, 5, r), WRT_OK);
	CHECK(!memcmp(r[0].v128, w[0].v128, 16));
	CHECK(r[1].f64 == 0.5 && r[2].f32 == 0.25f);
	CHECK_EQ(r[3].i64, -3);
	CHECK_EQ(r[4].i32, -4);
	down(&e);
}

/* ---- What is not allowed ------------------------------------------------ */

TEST(wrong_state)
{
	wrt_val v[2] = { { .i32 = 0 }, { .i32 = 0 } }, r;
	wrt_instance *clone;
	struct env e;
	int32_t x;

	up(&e);
	CHECK_EQ(resume(e.i, 0, &x), WRT_ESTATE);
	CHECK_EQ(wrt_instance_yielded(e.i, &r), WRT_ESTATE);
	CHECK_EQ(wrt_yield(e.i, v[0]), WRT_ESTATE);
	CHECK_EQ(api_call(e.i, "sum", 1, 1, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(api_call(e.i, "sum", 1, 1, 0, 0, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_TIMEOUT), WRT_ESTATE);
	CHECK_EQ(wrt_instance_clone(&clone, e.i, e.p, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_resume(e.i, v, 2, &r), WRT_ETYPE);
	CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, &r), WRT_ETYPE);
	CHECK_EQ(wrt_instance_resume(e.i, v, 1, NULL), WRT_ETYPE);
	CHECK_EQ(wrt_instance_resume(NULL, v, 1, &r), WRT_EINVAL);
	CHECK_EQ(resume(e.i, 6, &x), WRT_OK);
	CHECK_EQ(x, 6);
	CHECK_EQ(resume(e.i, 0, &x), WRT_ESTATE);
	down(&e);
}

/* A call that a host function made is on the stack of the one it is in. */
TEST(nested_call_is_not_suspended)
{
	struct wrt_trap t;
	struct env e;
	int32_t x;

	for (int plain = 0; plain < 2; plain++)
		for (int other = 0; other < 2; other++) {
			up(&e);
			if (other)
				e.other = api_instance(e.p, e.m, e.l);
			e.plain = plain;
			e.nested = 1;
			CHECK_EQ(api_call(e.i, "sum", 1, 2, 0, 0, NULL),
			    WRT_SUSPENDED);
			CHECK_EQ(wrt_trap_get(other ? e.other : e.i, &t), 0);
			CHECK_EQ(t.code, WRT_TRAP_HOST);
			if (plain)
				CHECK_HAS(t.text, "cannot be suspended");
			CHECK_EQ(resume(e.i, 6, &x), WRT_OK);
			CHECK_EQ(x, 6);
			down(&e);
		}
}

TEST(start_function_is_not_suspended)
{
	struct wrt_error err;
	wrt_module *m = api_module("yield_start");
	wrt_instance *i;
	struct env e;

	up(&e);
	CHECK_EQ(wrt_instance_create(&i, e.p, m, e.l, &err), WRT_ETRAP);
	CHECK_STR(err.text, "host function failed (start function 1)");
	wrt_module_close(m);
	down(&e);
}

/* ---- Ends --------------------------------------------------------------- */

TEST(close_and_reset_what_is_suspended)
{
	struct env e;
	int32_t x = 0;

	up(&e);
	for (int k = 0; k < 200; k++) {
		CHECK_EQ(api_call(e.i, "deep", 1, 50, 0, 0, NULL),
		    WRT_SUSPENDED);
		CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
		CHECK_EQ(wrt_instance_suspended(e.i), 0);
		CHECK_EQ(api_call(e.i, "deep", 1, 50, 0, 0, NULL),
		    WRT_SUSPENDED);
		CHECK_EQ(resume(e.i, 1, &x), WRT_OK);
		CHECK_EQ(x, 51);
		CHECK_EQ(api_call(e.i, "sum", 1, 1, 0, 0, NULL), WRT_SUSPENDED);
		wrt_instance_close(e.i);
		e.i = api_instance(e.p, e.m, e.l);
	}
	down(&e);
}

TEST(trap_after_resuming)
{
	struct wrt_trap t;
	struct env e;
	int32_t x = 0;

	up(&e);
	CHECK_EQ(api_call(e.i, "div", 1, 1, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(resume(e.i, 0, &x), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_DIV_BY_ZERO);
	CHECK_EQ(t.nframes, 1);
	CHECK_STR(t.frames[0].func, "div");
	CHECK_EQ(api_call(e.i, "oob", 1, 1, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(resume(e.i, 0, &x), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_MEMORY_OOB);
	CHECK_EQ(t.address, 0x10000000);
	CHECK_EQ(api_call(e.i, "div", 1, 1, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(resume(e.i, 5, &x), WRT_OK);
	CHECK_EQ(x, 20);
	down(&e);
}

/* ---- Threads ------------------------------------------------------------ */

enum { CROWD = 12, ROUNDS = 40 };

struct crowd {
	wrt_instance *i[CROWD];
	int round;
};

static void *
resume_all(void *arg)
{
	struct crowd *c = arg;
	int32_t x = -1;

	for (int k = CROWD - 1; k >= 0; k--) {
		CHECK_EQ(yielded(c->i[k]), c->round);
		CHECK_EQ(resume(c->i[k], k, &x),
		    c->round == ROUNDS - 1 ? WRT_OK : WRT_SUSPENDED);
		if (c->round == ROUNDS - 1)
			CHECK_EQ(x, k * ROUNDS);
	}
	return NULL;
}

TEST(crowd_goes_on_each_time_on_another_thread)
{
	struct crowd c;
	pthread_t t;
	struct env e;

	up(&e);
	for (int k = 0; k < CROWD; k++) {
		c.i[k] = api_instance(e.p, e.m, e.l);
		CHECK_EQ(api_call(c.i[k], "sum", 1, ROUNDS, 0, 0, NULL),
		    WRT_SUSPENDED);
	}
	for (c.round = 0; c.round < ROUNDS; c.round++) {
		CHECK_EQ(pthread_create(&t, NULL, resume_all, &c), 0);
		CHECK_EQ(pthread_join(t, NULL), 0);
	}
	for (int k = 0; k < CROWD; k++)
		wrt_instance_close(c.i[k]);
	down(&e);
}

static void *
close_it(void *arg)
{
	wrt_instance_close(arg);
	return NULL;
}

TEST(closed_on_another_thread)
{
	pthread_t t;
	struct env e;

	up(&e);
	CHECK_EQ(api_call(e.i, "sum", 1, 1, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(pthread_create(&t, NULL, close_it, e.i), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	e.i = NULL;
	down(&e);
}

static void *
kill_it(void *arg)
{
	usleep(2000);
	while (wrt_instance_kill(arg, WRT_TRAP_TIMEOUT) != WRT_OK)
		usleep(100);
	return NULL;
}

TEST(killed_after_resuming)
{
	struct wrt_trap t;
	pthread_t th;
	struct env e;
	int32_t x;

	NEEDS_SIGNALS();
	up(&e);
	CHECK_EQ(api_call(e.i, "spin", 1, 1, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(pthread_create(&th, NULL, kill_it, e.i), 0);
	CHECK_EQ(resume(e.i, 1, &x), WRT_ETRAP);
	CHECK_EQ(pthread_join(th, NULL), 0);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_TIMEOUT);
	CHECK_EQ(t.nframes, 1);
	down(&e);
}

/* Kill at any moment of a guest that is suspended and resumed: a kill that was
 * taken ends a call, several may end the same one. */
static atomic_int stop, kills;

static void *
kill_often(void *arg)
{
	while (!atomic_load(&stop)) {
		if (wrt_instance_kill(arg, WRT_TRAP_TIMEOUT) == WRT_OK)
			atomic_fetch_add(&kills, 1);
		usleep(20);
	}
	return NULL;
}

TEST(killed_at_any_moment)
{
	int rc = WRT_OK, traps = 0;
	struct wrt_trap t;
	pthread_t th;
	struct env e;
	int32_t x = 0;

	NEEDS_SIGNALS();
	up(&e);
	CHECK_EQ(pthread_create(&th, NULL, kill_often, e.i), 0);
	for (int k = 0; k < 20000 || traps < 50; k++) {
		if (rc != WRT_SUSPENDED)
			rc = api_call(e.i, "sum", 1, 3, 0, 0, &x);
		else
			rc = resume(e.i, 5, &x);
		CHECK(rc == WRT_OK || rc == WRT_SUSPENDED || rc == WRT_ETRAP);
		if (rc == WRT_OK)
			CHECK_EQ(x, 15);
		if (rc != WRT_ETRAP)
			continue;
		traps++;
		CHECK_EQ(wrt_instance_suspended(e.i), 0);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, WRT_TRAP_TIMEOUT);
	}
	atomic_store(&stop, 1);
	CHECK_EQ(pthread_join(th, NULL), 0);
	CHECK(traps <= atomic_load(&kills));
	down(&e);
}

/* ---- Roots -------------------------------------------------------------- */

TEST(suspended_stack_keeps_objects)
{
	wrt_module *mo = api_module("yield_other");
	wrt_val v = { .i32 = 100000 }, r;
	struct env e;
	int32_t x = 0;

	up(&e);
	CHECK_EQ(wrt_imports_instance(e.l, "lib", e.i), 0);
	e.other = api_instance(e.p, mo, e.l);
	CHECK_EQ(api_call(e.i, "keep", 1, 41, 0, 0, NULL), WRT_SUSPENDED);
	for (int k = 0; k < 3; k++) {
		CHECK_EQ(wrt_gc(e.i), 0);
		CHECK_EQ(wrt_instance_call(e.other, "garbage", &v, 1, NULL), 0);
	}
	CHECK_EQ(resume(e.i, 0, &x), WRT_OK);
	CHECK_EQ(x, 41);
	/* what the host gives back is checked to be of the group's heap */
	CHECK_EQ(wrt_instance_call(e.i, "make", &v, 1, &r), WRT_OK);
	CHECK_EQ(wrt_instance_call(e.i, "given", NULL, 0, &v), WRT_SUSPENDED);
	v.u64[0] = 0xfff6c0de00000002u + (5u << 20);
	CHECK_EQ(wrt_instance_resume(e.i, &v, 1, &v), WRT_ETYPE);
	CHECK_EQ(wrt_instance_suspended(e.i), 1);
	CHECK_EQ(wrt_instance_resume(e.i, &r, 1, &v), WRT_OK);
	CHECK_EQ(v.i32, 100000);
	wrt_module_close(mo);
	down(&e);
}

TEST(suspended_stack_keeps_exceptions)
{
	wrt_module *mt = api_module("yield_thrower");
	wrt_module *mc = api_module("yield_catcher");
	wrt_val v = { .i64 = 0x123456789 }, n = { .i32 = 40000 }, r;
	wrt_instance *thrower, *catcher;
	struct env e;

	up(&e);
	thrower = api_instance(e.p, mt, NULL);
	CHECK_EQ(wrt_imports_instance(e.l, "lib", thrower), 0);
	catcher = api_instance(e.p, mc, e.l);
	/* so that its place is one that the allocator uses again */
	CHECK_EQ(api_call(thrower, "churn", 1, 100, 0, 0, NULL), WRT_OK);
	CHECK_EQ(wrt_instance_call(catcher, "hold", &v, 1, &r), WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_call(thrower, "churn", &n, 1, NULL), WRT_OK);
	CHECK_EQ(wrt_instance_reset(thrower, NULL), WRT_ESTATE);
	wrt_instance_close(thrower);
	CHECK_EQ(wrt_instance_resume(catcher, &n, 1, &r), WRT_OK);
	CHECK_EQ(r.i64, v.i64);
	wrt_instance_close(catcher);
	wrt_module_close(mt);
	wrt_module_close(mc);
	down(&e);
}

TEST_MAIN
