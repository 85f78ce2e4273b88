/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * services.c: exports as imports of instances that are not linked with theirs.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "api.h"

enum { MS = 1000000, NTHREADS = 4 };

struct env {
	wrt_pool *p;
	wrt_module *mc, *mu;
	wrt_imports *lc, *lu;		/* the callee's, the users' */
	wrt_instance *callee, *user;
	int32_t (*cb)(struct env *, wrt_instance *, int32_t);
	_Atomic int stop;
	int n;
};

static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
static const struct wrt_functype i1_t = { 1, 1, i32s, i32s };

static int
cb(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	if (e->cb)
		v[0].i32 = e->cb(e, caller, v[0].i32);
	return WRT_OK;
}

static void
up_with(struct env *e, const struct wasmc_options *opt)
{
	memset(e, 0, sizeof *e);
	e->p = api_pool_of(16);
	e->mc = api_module_with("service", opt);
	e->mu = api_module_with("service_user", opt);
	CHECK_EQ(wrt_imports_create(&e->lc), 0);
	CHECK_EQ(wrt_imports_func(e->lc, "env", "cb", &i1_t, cb, e), 0);
	CHECK_EQ(wrt_imports_create(&e->lu), 0);
	e->callee = api_instance(e->p, e->mc, e->lc);
}

static void
up(struct env *e)
{
	up_with(e, NULL);
}

/* The user, whose svc.f and svc.g are the callee's exports. */
static void
serve(struct env *e, const char *f, const char *g,
    const struct wrt_service_options *o)
{
	CHECK_EQ(wrt_imports_service(e->lu, "svc", "f", e->callee, f, o), 0);
	CHECK_EQ(wrt_imports_service(e->lu, "svc", "g", e->callee, g, o), 0);
	if (!e->user)
		e->user = api_instance(e->p, e->mu, e->lu);
}

static void
down(struct env *e)
{
	wrt_instance_close(e->user);
	wrt_instance_close(e->callee);
	wrt_module_close(e->mc);
	wrt_module_close(e->mu);
	wrt_imports_destroy(e->lc);
	wrt_imports_destroy(e->lu);
	wrt_pool_destroy(e->p);
}

static int32_t
ok2(wrt_instance *i, const char *name, int32_t a, int32_t b)
{
	int32_t x = -1;

	CHECK_EQ(api_call(i, name, 2, a, b, 0, &x), WRT_OK);
	return x;
}

static void
trap_is(wrt_instance *i, int code, const char *text)
{
	struct wrt_trap t;

	CHECK_EQ(wrt_trap_get(i, &t), WRT_OK);
	CHECK_EQ(t.code, code);
	CHECK_STR(t.text, text);
}

static void
traps2(wrt_instance *i, const char *name, int32_t a, int32_t b, int code,
    const char *text)
{
	CHECK_EQ(api_call(i, name, 2, a, b, 0, NULL), WRT_ETRAP);
	trap_is(i, code, text);
}

/* ---- Values ------------------------------------------------------------- */

TEST(called_by_one_and_by_another)
{
	wrt_instance *second;
	wrt_global *g;
	struct env e;

	up(&e);
	serve(&e, "add", "poke", NULL);
	second = api_instance(e.p, e.mu, e.lu);
	CHECK_EQ(ok2(e.user, "f", 40, 2), 42);
	CHECK_EQ(ok2(second, "f1", -40, 2), -37);
	CHECK_EQ(ok2(e.user, "times", 1000, 3), 3000);
	CHECK_EQ(ok2(e.callee, "add", 1, 1), 2);
	CHECK_EQ(wrt_instance_global(e.callee, "n", 1, &g), 0);
	CHECK_EQ(wrt_global_get(g).i32, 1003);
	CHECK_EQ(ok2(e.user, "g", 64, 5), 0);
	CHECK_EQ(ok2(second, "g", 64, 6), 5);
	wrt_instance_close(second);
	down(&e);
}

static void
up_types(struct env *e)
{
	up(e);
	wrt_module_close(e->mu);
	e->mu = api_module("service_types");
	CHECK_EQ(wrt_imports_service(e->lu, "svc", "mix", e->callee, "mix",
	    NULL), 0);
	CHECK_EQ(wrt_imports_service(e->lu, "svc", "none", e->callee, "none",
	    NULL), 0);
	CHECK_EQ(wrt_imports_service(e->lu, "svc", "ref", e->callee, "ref",
	    NULL), 0);
	e->user = api_instance(e->p, e->mu, e->lu);
}

TEST(values_of_every_type)
{
	wrt_val v[5] = { { .i32 = -5 }, { .f32 = 1.5f }, { .i64 = -(1ll << 40) },
		{ .f64 = 0.25 }, { .v128 = { 1, 2, 3, [15] = 16 } } }, r[5];
	wrt_global *g;
	struct env e;

	up_types(&e);
	CHECK_EQ(wrt_instance_call(e.user, "mix", v, 5, r), 0);
	CHECK(!memcmp(r[0].v128, v[4].v128, 16));
	CHECK(r[1].f64 == 0.25 && r[3].f32 == 1.5f);
	CHECK_EQ(r[2].i64, -(1ll << 40));
	CHECK_EQ(r[4].i32, -5);
	CHECK_EQ(wrt_instance_call(e.user, "none", NULL, 0, NULL), 0);
	CHECK_EQ(wrt_instance_global(e.callee, "n", 1, &g), 0);
	CHECK_EQ(wrt_global_get(g).i32, 77);
	down(&e);
}

TEST(words_of_the_host_pass_and_objects_do_not)
{
	wrt_val v = { .ref = &v }, r, seven = { .i32 = 7 };
	struct env e;

	up_types(&e);
	CHECK_EQ(wrt_instance_call(e.user, "ref", &v, 1, &r), 0);
	CHECK(r.ref == &v);
	v.ref = NULL;
	CHECK_EQ(wrt_instance_call(e.user, "ref", &v, 1, &r), 0);
	CHECK(r.ref == NULL);
	CHECK_EQ(wrt_instance_call(e.user, "box", &seven, 1, &r), WRT_ETRAP);
	trap_is(e.user, WRT_TRAP_HOST,
	    "service svc.ref: an object of another sandbox's heap");
	down(&e);
}

/* ---- What is refused ---------------------------------------------------- */

TEST(types_are_checked_when_imported)
{
	struct wrt_error err;
	wrt_instance *i;
	struct env e;

	up(&e);
	serve(&e, "add", "add", NULL);
	CHECK_EQ(wrt_imports_service(e.lu, "svc", "g", e.callee, "narrow",
	    NULL), 0);
	CHECK_EQ(wrt_instance_create(&i, e.p, e.mu, e.lu, &err), WRT_ELINK);
	CHECK_STR(err.text, "incompatible import type: \"svc\" \"g\" (function "
	    "(i32 i32) -> i32), found function (i32) -> i32");
	down(&e);
}

TEST(functions_as_arguments_are_refused)
{
	static const uint8_t bytes[] = "\0asm\1\0\0\0\1\5\1\x60\1\x70\0"
	    "\2\7\1\1s\1f\0\0";
	struct wasmc_error ce;
	struct wrt_error err;
	wrt_instance *i;
	wrt_module *m;
	char so[64];
	struct env e;

	up(&e);
	snprintf(so, sizeof so, "build/tests/api-funcs-%d.so", (int)getpid());
	CHECK_EQ(wasmc_compile(bytes, sizeof bytes - 1, "funcs", so, NULL,
	    &ce), 0);
	CHECK_EQ(wrt_module_open(&m, so, &err), 0);
	unlink(so);
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", e.callee, "funcs", NULL),
	    0);
	CHECK_EQ(wrt_instance_create(&i, e.p, m, e.lu, &err), WRT_ELINK);
	CHECK_STR(err.text, "\"s\" \"f\" cannot be a service: of all "
	    "references only an externref can be passed between sandboxes");
	wrt_module_close(m);
	down(&e);
}

TEST(arguments_of_the_host)
{
	struct wrt_service_options o = { .results = 1 };
	struct env e;

	up(&e);
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", e.callee, "no", NULL),
	    WRT_ENOTFOUND);
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", e.callee, "mem", NULL),
	    WRT_ENOTFOUND);
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", NULL, "add", NULL),
	    WRT_EINVAL);
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", e.callee, "none", &o),
	    WRT_ETYPE);
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", e.callee, "ref", &o),
	    WRT_ETYPE);
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", e.callee, "mix", &o),
	    WRT_ETYPE);
	o.results = 1 << WRT_SERVICE_ENDS;
	CHECK_EQ(wrt_imports_service(e.lu, "s", "f", e.callee, "add", &o),
	    WRT_ETYPE);
	CHECK_EQ(wrt_imports_has(e.lu, "s", 1, "f", 1), 0);
	down(&e);
}

/* ---- Traps -------------------------------------------------------------- */

static const struct wrt_service_options all = {
	.results = (1 << WRT_SERVICE_ENDS) - 1,
	.result = { { .i32 = -10 }, { .i32 = -11 }, { .i32 = -12 },
		{ .i32 = -13 } },
};

static int32_t
leave(struct env *e, wrt_instance *caller, int32_t a)
{
	wrt_exit(caller, a);
	return 0;
}

TEST(trap_ends_the_caller_too)
{
	struct wrt_exception ex;
	struct wrt_trap t;
	struct env e;

	up(&e);
	serve(&e, "div", "throw", NULL);
	for (int k = 0; k < 100; k++) {
		CHECK_EQ(ok2(e.user, "f", 84, 2), 42);
		CHECK_EQ(api_call(e.user, "f", 2, 1, 0, 0, NULL), WRT_ETRAP);
		if (k % 2)
			continue;	/* nobody looks */
		CHECK_EQ(wrt_trap_get(e.user, &t), 0);
		CHECK_EQ(t.code, WRT_TRAP_DIV_BY_ZERO);
		CHECK_STR(t.text, "service svc.f: integer divide by zero");
		CHECK_EQ(t.nframes, 1);
		CHECK_STR(t.frames[0].func, "f");
		CHECK_EQ(wrt_trap_get(e.callee, &t), 0);
		CHECK_STR(t.text, "integer divide by zero");
		CHECK_EQ(t.nframes, 1);
		CHECK_STR(t.frames[0].func, "div");
	}
	traps2(e.user, "g", 1, 0, WRT_TRAP_HOST,
	    "service svc.g: uncaught exception");
	CHECK_EQ(wrt_exception_get(e.user, &ex), WRT_ESTATE);
	CHECK_EQ(wrt_exception_get(e.callee, &ex), 0);
	serve(&e, "throw", "cb", NULL);
	wrt_instance_close(e.user);
	e.user = api_instance(e.p, e.mu, e.lu);
	/* no exception of one sandbox in another */
	traps2(e.user, "catch", 1, 0, WRT_TRAP_HOST,
	    "service svc.f: uncaught exception");
	e.cb = leave;
	traps2(e.user, "g", 7, 0, WRT_TRAP_HOST,
	    "service svc.g: exited with code 7");
	CHECK_EQ(wrt_trap_get(e.callee, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_EXIT);
	CHECK_EQ(t.exit_code, 7);
	down(&e);
}

TEST(trap_as_a_result)
{
	struct env e;

	up(&e);
	serve(&e, "div", "deep", &all);
	for (int k = 0; k < 100; k++) {
		CHECK_EQ(ok2(e.user, "f", 84, 2), 42);
		CHECK_EQ(ok2(e.user, "f1", 1, 0), -9);
		trap_is(e.callee, WRT_TRAP_DIV_BY_ZERO,
		    "integer divide by zero");
	}
	CHECK_EQ(ok2(e.user, "g", 100, 0), 100);
	CHECK_EQ(ok2(e.user, "g", 100000000, 0), -10);
	trap_is(e.callee, WRT_TRAP_STACK_OVERFLOW, "call stack exhausted");
	CHECK_EQ(ok2(e.user, "g", 100, 0), 100);
	down(&e);
}

/* The callee's stack is its own, whatever is left of the caller's. */
TEST(stacks_are_separate)
{
	struct env e;

	up(&e);
	serve(&e, "deep", "add", &all);
	CHECK_EQ(wrt_instance_set_stack(e.user, 16384), 0);
	CHECK_EQ(ok2(e.user, "f", 5000, 0), 5000);
	CHECK_EQ(wrt_instance_set_stack(e.user, 1 << 20), 0);
	CHECK_EQ(wrt_instance_set_stack(e.callee, 16384), 0);
	CHECK_EQ(ok2(e.user, "f", 5000, 0), -10);
	down(&e);
}

/* ---- Closing ------------------------------------------------------------ */

TEST(callee_is_closed_first)
{
	struct env e;

	up(&e);
	serve(&e, "add", "div", NULL);
	CHECK_EQ(ok2(e.user, "f", 1, 2), 3);
	CHECK_EQ(api_call(e.user, "g", 2, 1, 0, 0, NULL), WRT_ETRAP);
	wrt_instance_close(e.callee);
	wrt_module_close(e.mc);
	e.mc = NULL;
	trap_is(e.user, WRT_TRAP_DIV_BY_ZERO,
	    "service svc.g: integer divide by zero");
	traps2(e.user, "f", 1, 2, WRT_TRAP_HOST,
	    "service svc.f: the callee is closed");
	/* one that is made now */
	wrt_instance_close(e.user);
	e.user = api_instance(e.p, e.mu, e.lu);
	traps2(e.user, "f", 1, 2, WRT_TRAP_HOST,
	    "service svc.f: the callee is closed");
	e.callee = NULL;
	down(&e);
}

TEST(closed_callee_as_a_result)
{
	struct env e;

	up(&e);
	serve(&e, "add", "add", &all);
	wrt_instance_close(e.callee);
	/* another one in the same place */
	e.callee = api_instance(e.p, e.mc, e.lc);
	CHECK_EQ(ok2(e.user, "f", 1, 2), -13);
	CHECK_EQ(ok2(e.callee, "add", 1, 2), 3);
	down(&e);
}

TEST(list_and_user_end_first)
{
	struct env e;

	up(&e);
	serve(&e, "add", "add", NULL);
	CHECK_EQ(wrt_imports_service(e.lu, "svc", "f", e.callee, "div", NULL),
	    0);		/* in place of the first */
	CHECK_EQ(ok2(e.user, "f", 6, 2), 8);
	wrt_instance_close(e.user);
	e.user = api_instance(e.p, e.mu, e.lu);
	CHECK_EQ(ok2(e.user, "f", 6, 2), 3);
	wrt_instance_close(e.user);
	e.user = NULL;
	wrt_imports_destroy(e.lu);
	CHECK_EQ(wrt_imports_create(&e.lu), 0);
	CHECK_EQ(ok2(e.callee, "add", 1, 2), 3);
	down(&e);
}

static int32_t
close_all(struct env *e, wrt_instance *caller, int32_t a)
{
	wrt_instance_close(e->callee);	/* both run: no effect */
	wrt_instance_close(e->user);
	return a + 1;
}

TEST(neither_is_closed_while_it_runs)
{
	struct env e;

	up(&e);
	e.cb = close_all;
	serve(&e, "cb", "add", NULL);
	CHECK_EQ(ok2(e.user, "f", 6, 0), 7);
	CHECK_EQ(ok2(e.user, "long", 6, 0), 13);
	down(&e);
}

TEST(reset_clone_and_parked_ones)
{
	wrt_instance *clone, *other;
	struct env e;

	up(&e);
	serve(&e, "poke", "add", NULL);
	CHECK_EQ(ok2(e.user, "f", 64, 5), 0);
	CHECK_EQ(wrt_instance_reset(e.callee, NULL), 0);
	CHECK_EQ(ok2(e.user, "f", 64, 6), 0);
	CHECK_EQ(wrt_instance_reset(e.user, NULL), 0);
	CHECK_EQ(ok2(e.user, "f", 64, 7), 6);
	/* a clone calls whom its source calls, and serves nobody */
	CHECK_EQ(wrt_instance_clone(&clone, e.user, e.p, NULL), 0);
	CHECK_EQ(ok2(clone, "f", 64, 8), 7);
	CHECK_EQ(wrt_instance_clone(&other, e.callee, e.p, NULL), 0);
	CHECK_EQ(ok2(other, "poke", 64, 9), 8);
	CHECK_EQ(ok2(e.user, "f", 64, 9), 8);
	wrt_instance_close(e.user);
	e.user = NULL;
	CHECK_EQ(ok2(clone, "f", 64, 10), 9);
	for (int k = 0; k < 5; k++) {	/* kept whole and made again */
		e.user = api_instance(e.p, e.mu, e.lu);
		CHECK_EQ(ok2(e.user, "f", 64, 11 + k), 10 + k);
		wrt_instance_close(e.user);
		e.user = NULL;
	}
	wrt_instance_close(other);
	wrt_instance_close(clone);
	down(&e);
}

/* ---- Busy, deep --------------------------------------------------------- */

static int32_t
call_user(struct env *e, wrt_instance *caller, int32_t a)
{
	return ok2(e->user, "g", a, 0);
}

TEST(recursion_is_busy)
{
	struct env e;

	up(&e);
	serve(&e, "cb", "add", &all);
	e.cb = call_user;
	CHECK_EQ(ok2(e.user, "f", 6, 0), -11);
	CHECK_EQ(ok2(e.user, "g", 6, 0), 6);
	wrt_instance_close(e.user);
	e.user = NULL;
	serve(&e, "cb", "add", NULL);
	e.cb = NULL;
	CHECK_EQ(ok2(e.user, "f", 6, 0), 6);
	down(&e);
}

static int32_t
yield(struct env *e, wrt_instance *caller, int32_t a)
{
	return wrt_yield(caller, (wrt_val){ .i32 = a });
}

TEST(suspended_callee_is_busy)
{
	wrt_val nine = { .i32 = 9 }, r;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	serve(&e, "add", "cb", &all);
	/* one with the C prototype suspends */
	CHECK_EQ(wrt_instance_set_slice(e.callee, MS), 0);
	CHECK_EQ(api_call(e.callee, "count", 2, 1000000000, 5, 0, NULL),
	    WRT_SUSPENDED);
	CHECK_EQ(ok2(e.user, "f", 1, 2), -11);
	CHECK_EQ(wrt_instance_suspended(e.callee), 2);
	CHECK_EQ(wrt_instance_reset(e.callee, NULL), 0);
	CHECK_EQ(ok2(e.user, "f", 1, 2), 3);
	/* a callee does not suspend in a service */
	CHECK_EQ(wrt_instance_set_slice(e.callee, 0), 0);
	e.cb = yield;
	CHECK_EQ(ok2(e.user, "g", 1, 2), WRT_ESTATE);
	CHECK_EQ(wrt_instance_resume(e.callee, &nine, 1, &r), WRT_ESTATE);
	down(&e);
}

TEST(callee_in_a_session)
{
	struct env e;

	up(&e);
	serve(&e, "div", "cb", &all);
	CHECK_EQ(wrt_instance_enter(e.callee), 0);
	CHECK_EQ(ok2(e.user, "f", 8, 2), 4);
	CHECK_EQ(ok2(e.user, "f", 8, 0), -10);
	CHECK_EQ(wrt_instance_kill(e.callee, WRT_TRAP_TIMEOUT), 0);
	CHECK_EQ(ok2(e.user, "f", 8, 2), -10);
	trap_is(e.callee, WRT_TRAP_TIMEOUT, "time limit exceeded");
	CHECK_EQ(ok2(e.user, "f", 8, 2), 4);
	CHECK_EQ(wrt_instance_enter(e.user), 0);
	CHECK_EQ(ok2(e.user, "f", 8, 2), 4);
	CHECK_EQ(wrt_instance_leave(e.callee), 0);
	CHECK_EQ(ok2(e.user, "f", 8, 2), 4);
	CHECK_EQ(wrt_instance_leave(e.user), 0);
	down(&e);
}

/* A row of users, each the service of the next one. */
TEST(depth_has_a_limit)
{
	struct wrt_service_options o = { .max_depth = 4 };
	wrt_instance *row[8];
	wrt_imports *l[8];
	struct env e;

	up(&e);
	serve(&e, "add", "add", &o);
	row[0] = e.user;
	for (int k = 1; k < 8; k++) {
		CHECK_EQ(wrt_imports_create(&l[k]), 0);
		CHECK_EQ(wrt_imports_service(l[k], "svc", "f", row[k - 1], "f",
		    &o), 0);
		CHECK_EQ(wrt_imports_service(l[k], "svc", "g", row[k - 1], "g",
		    &all), 0);
		row[k] = api_instance(e.p, e.mu, l[k]);
	}
	CHECK_EQ(ok2(row[3], "f", 1, 2), 3);
	traps2(row[4], "f", 1, 2, WRT_TRAP_STACK_OVERFLOW, "service svc.f: "
	    "service svc.f: service svc.f: service svc.f: service svc.f: too "
	    "many services call each other");
	CHECK_EQ(ok2(row[4], "g", 1, 2), -10);	/* row[1]'s call trapped */
	CHECK_EQ(ok2(row[3], "f", 1, 2), 3);
	for (int k = 7; k; k--) {
		wrt_instance_close(row[k]);
		wrt_imports_destroy(l[k]);
	}
	down(&e);
}

/* ---- Time, fuel, kill --------------------------------------------------- */

TEST(each_pays_with_its_own_fuel)
{
	const struct wasmc_options opt = { .fuel = 1 };
	uint64_t left;
	struct env e;

	up_with(&e, &opt);
	serve(&e, "count", "add", NULL);
	CHECK_EQ(wrt_instance_set_fuel(e.callee, 1000000), 0);
	CHECK_EQ(wrt_instance_set_fuel(e.user, 100), 0);
	CHECK_EQ(ok2(e.user, "f", 1000, 5), 5);
	CHECK_EQ(wrt_instance_fuel(e.user, &left), 0);
	CHECK(left > 90 && left < 100);
	CHECK_EQ(wrt_instance_fuel(e.callee, &left), 0);
	CHECK(left < 1000000 - 8000 && left > 1000000 - 20000);
	CHECK_EQ(wrt_instance_set_fuel(e.callee, 100), 0);
	traps2(e.user, "f", 1000, 5, WRT_TRAP_FUEL,
	    "service svc.f: fuel exhausted");
	CHECK_EQ(wrt_instance_fuel(e.user, &left), 0);
	CHECK(left > 80);
	CHECK_EQ(wrt_instance_set_fuel(e.callee, 100), 0);
	CHECK_EQ(wrt_instance_set_fuel(e.user, 2), 0);
	traps2(e.user, "f", 1, 5, WRT_TRAP_FUEL, "fuel exhausted");
	CHECK_EQ(wrt_instance_fuel(e.callee, &left), 0);
	CHECK_EQ(left, 100);
	down(&e);
}

TEST(limits_of_the_callee)
{
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	serve(&e, "spin", "add", &all);
	for (int k = 0; k < 3; k++) {
		CHECK_EQ(wrt_instance_set_timeout(e.callee, k % 2 ? MS : 0,
		    k % 2 ? 0 : MS), 0);
		CHECK_EQ(ok2(e.user, "f", 0, 0), -10);
		trap_is(e.callee, k % 2 ? WRT_TRAP_TIMEOUT : WRT_TRAP_CPU_TIME,
		    k % 2 ? "time limit exceeded" : "CPU time limit exceeded");
		CHECK_EQ(wrt_instance_set_timeout(e.callee, 0, 0), 0);
		CHECK_EQ(ok2(e.user, "g", 1, 2), 3);
	}
	down(&e);
}

TEST(limits_of_the_caller)
{
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	serve(&e, "spin", "add", &all);
	for (int k = 0; k < 3; k++) {
		CHECK_EQ(wrt_instance_set_timeout(e.user, k % 2 ? MS : 0,
		    k % 2 ? 0 : MS), 0);
		traps2(e.user, "f", 0, 0, k % 2 ? WRT_TRAP_TIMEOUT :
		    WRT_TRAP_CPU_TIME, k % 2 ? "time limit exceeded" :
		    "CPU time limit exceeded");
		CHECK_EQ(wrt_instance_set_timeout(e.user, 0, 0), 0);
		CHECK_EQ(ok2(e.user, "g", 1, 2), 3);
		CHECK_EQ(ok2(e.callee, "add", 1, 2), 3);
	}
	down(&e);
}

/* The callee takes far more than the caller may. */
TEST(cpu_time_is_the_callees)
{
	struct timespec t;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	serve(&e, "count", "spin", &all);
	CHECK_EQ(wrt_instance_set_timeout(e.user, 0, 20 * MS), 0);
	CHECK_EQ(wrt_instance_set_timeout(e.callee, 0, 60000ull * MS), 0);
	CHECK_EQ(ok2(e.user, "f", 100000000, 5), 5);
	CHECK_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	CHECK(t.tv_sec || t.tv_nsec > 40 * MS);
	/* and what the callee may does not help the caller */
	traps2(e.user, "spin", 1, 5, WRT_TRAP_CPU_TIME, "CPU time limit exceeded");
	CHECK_EQ(wrt_instance_set_timeout(e.callee, 0, 40 * MS), 0);
	CHECK_EQ(ok2(e.user, "g", 1, 5), -10);
	trap_is(e.callee, WRT_TRAP_CPU_TIME, "CPU time limit exceeded");
	down(&e);
}

static void *
kill_it(void *arg)
{
	struct env *e = arg;

	while (!atomic_load(&e->stop)) {
		wrt_instance_kill(e->n ? e->callee : e->user, 1000 + e->n);
		usleep(30);
	}
	return NULL;
}

static void
kill_often(int which)
{
	int traps = 0, results = 0, rc;
	pthread_t th;
	struct env e;
	int32_t x;

	NEEDS_SIGNALS();
	up(&e);
	serve(&e, "count", "spin", which ? &all : NULL);
	e.n = which;
	CHECK_EQ(pthread_create(&th, NULL, kill_it, &e), 0);
	for (int k = 0; k < 3000; k++) {
		rc = api_call(e.user, k % 50 ? "f" : "g", 2, 2000, 5, 0, &x);
		if (rc == WRT_OK && x == 5)
			continue;
		if (rc == WRT_OK) {
			CHECK_EQ(which, 1);
			CHECK_EQ(x, -10);
			results++;
			continue;
		}
		CHECK_EQ(rc, WRT_ETRAP);
		CHECK_EQ(which, 0);
		trap_is(e.user, 1000, "unknown trap");
		traps++;
	}
	atomic_store(&e.stop, 1);
	CHECK_EQ(pthread_join(th, NULL), 0);
	CHECK(which ? results >= 60 : traps >= 60);
	CHECK_EQ(ok2(e.user, "f", 2, 5), 5);
	down(&e);
}

TEST(caller_killed_at_any_moment) { kill_often(0); }
TEST(callee_killed_at_any_moment) { kill_often(1); }

TEST(caller_sliced_and_preempted)
{
	int32_t x = 0;
	wrt_val r;
	struct env e;
	int n = 0, rc;

	up(&e);
	serve(&e, "count", "add", NULL);
	CHECK_EQ(wrt_instance_set_slice(e.user, MS), 0);
	while (n < 20) {
		rc = api_call(e.user, "rounds", 2, 100, 20000, 0, &x);
		for (; rc == WRT_SUSPENDED; n++) {
			CHECK_EQ(wrt_instance_suspended(e.user), 2);
			CHECK_EQ(wrt_instance_suspended(e.callee), 0);
			CHECK_EQ(ok2(e.callee, "add", 1, 2), 3);
			rc = wrt_instance_resume(e.user, NULL, 0, &r);
			x = r.i32;
		}
		CHECK_EQ(rc, 0);
		CHECK_EQ(x, 20000);
	}
	down(&e);
}

/* ---- Threads ------------------------------------------------------------ */

static void *
use_it(void *arg)
{
	struct env *e = arg;
	wrt_instance *i = api_instance(e->p, e->mu, e->lu);
	int served = 0;

	for (int k = 0; k < 20000 || served < 100; k++) {
		int32_t x = ok2(i, k % 3 ? "f" : "g", 8, k % 5 ? 2 : 0);

		if (x == -13)
			break;		/* closed */
		CHECK(x == -11 || x == (k % 3 ? k % 5 ? 10 : 8 :
		    k % 5 ? 4 : -10));
		served += x != -11;
	}
	wrt_instance_close(i);
	return NULL;
}

static void
crowd(int closing)
{
	pthread_t th[NTHREADS];
	struct env e;

	up(&e);
	serve(&e, "add", "div", &all);
	for (int k = 0; k < NTHREADS; k++)
		CHECK_EQ(pthread_create(&th[k], NULL, use_it, &e), 0);
	while (closing && ok2(e.user, "f", 1, 2) != -13) {
		usleep(100);
		wrt_instance_close(e.callee);	/* unless it runs */
	}
	for (int k = 0; k < NTHREADS; k++)
		CHECK_EQ(pthread_join(th[k], NULL), 0);
	if (closing)
		e.callee = NULL;
	else
		CHECK_EQ(ok2(e.callee, "add", 1, 2), 3);
	down(&e);
}

TEST(crowd_of_callers) { crowd(0); }
TEST(closed_in_a_crowd) { crowd(1); }

TEST_MAIN
