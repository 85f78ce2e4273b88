/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * exceptions.c: exceptions and hosts: to see them, to throw them, and to be in
 * between of two guests.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "api.h"

static const uint8_t i32s[] = { WRT_I32 }, pair[] = { WRT_I32, WRT_I64 };
static const struct wrt_functype i32_i32 = { 1, 1, i32s, i32s };
static const struct wrt_functype tag_type = { 2, 0, pair, NULL };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_tag *tag;
	wrt_instance *i, *other;
	wrt_host_fn fn;
	int n;
	atomic_bool begun;		/* throw_it() was called */
};

static int
cb(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	return e->fn(e, caller, v);
}

static int32_t
throw_c(struct env *e, wrt_instance *caller, int32_t x)
{
	wrt_val v[2] = { { .i32 = x }, { .i64 = 5 } };

	CHECK_EQ(wrt_throw(caller, e->tag, v), WRT_ETRAP);
	return 0;
}

static int
throw_it(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;
	wrt_val vals[2] = { { .i32 = v[0].i32 }, { .i64 = 5 } };

	atomic_store(&e->begun, true);
	return wrt_throw(caller, e->tag, vals);
}

static void
up(struct env *e, wrt_host_fn fn)
{
	memset(e, 0, sizeof *e);
	e->fn = fn;
	e->p = api_pool();
	e->m = api_module("exn");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "cb", &i32_i32, cb, e), 0);
	CHECK_EQ(wrt_imports_cfunc(e->l, "env", "ccb", &i32_i32,
	    (void (*)(void))throw_c, e), 0);
	CHECK_EQ(wrt_imports_tag(e->l, "env", "tag", &tag_type, &e->tag), 0);
	e->i = api_instance(e->p, e->m, e->l);
	e->other = api_instance(e->p, e->m, e->l);
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

/* Is the exception that i's last call ended with the host's, of this value? */
static void
check_thrown(struct env *e, wrt_instance *i, int32_t x, int64_t y)
{
	struct wrt_exception exn;

	CHECK_EQ(trap_code(i), WRT_TRAP_EXCEPTION);
	CHECK_EQ(wrt_exception_get(i, &exn), WRT_OK);
	CHECK(exn.tag == e->tag);
	CHECK_EQ(exn.type.nparams, 2);
	CHECK_EQ(exn.type.nresults, 0);
	CHECK_EQ(exn.type.params[1], WRT_I64);
	CHECK_EQ(exn.vals[0].i32, x);
	CHECK_EQ(exn.vals[1].i64, y);
}

TEST(host_sees_what_nobody_catches)
{
	struct wrt_exception exn;
	struct wrt_trap t;
	wrt_tag *own, *others;
	struct env e;

	up(&e, throw_it);
	CHECK_EQ(wrt_exception_get(e.i, &exn), WRT_ESTATE);
	CHECK_EQ(api_call(e.i, "leaf", 1, 12, 0, 0, NULL), WRT_ETRAP);
	check_thrown(&e, e.i, 12, 7);
	CHECK_EQ(wrt_trap_get(e.i, &t), WRT_OK);
	CHECK_STR(t.text, "uncaught exception");
	CHECK_EQ(t.nframes, 1);
	CHECK_STR(t.frames[0].func, "leaf");
	CHECK_EQ(wrt_instance_call(e.i, "own_throw", NULL, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_exception_get(e.i, &exn), WRT_OK);
	CHECK_EQ(wrt_instance_tag(e.i, "own", 3, &own), WRT_OK);
	CHECK_EQ(wrt_instance_tag(e.other, "own", 3, &others), WRT_OK);
	CHECK(exn.tag == own && own != others);
	CHECK_EQ(exn.type.nparams, 4);
	CHECK(exn.vals[0].f64 == 1.5 && exn.vals[1].u64[1] == 4);
	CHECK(wrt_func_instance(exn.vals[2].func) == e.i);
	CHECK(exn.vals[3].ref == NULL);
	CHECK_EQ(wrt_instance_tag(e.i, "leaf", 4, &own), WRT_ENOTFOUND);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), WRT_OK);
	CHECK_EQ(wrt_exception_get(e.i, &exn), WRT_ESTATE);
	down(&e);
}

TEST(host_throws)
{
	int32_t r = 0;
	struct env e;

	up(&e, throw_it);
	CHECK_EQ(api_call(e.i, "catch", 1, 40, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 45);
	CHECK_EQ(api_call(e.i, "ccatch", 1, 41, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 41);
	CHECK_EQ(api_call(e.i, "call", 1, 42, 0, 0, &r), WRT_ETRAP);
	check_thrown(&e, e.i, 42, 5);
	CHECK_EQ(wrt_throw(e.i, e.tag, NULL), WRT_EINVAL);
	down(&e);
}

static int
trap_it(void *data, wrt_instance *caller, wrt_val *v)
{
	return wrt_trap_set(caller, WRT_TRAP_HOST, "a trap");
}

static int
fail_it(void *data, wrt_instance *caller, wrt_val *v)
{
	return WRT_EINVAL;
}

static int
exit_it(void *data, wrt_instance *caller, wrt_val *v)
{
	return wrt_exit(caller, 3);
}

TEST(traps_of_the_host_are_not_caught)
{
	static const wrt_host_fn fns[] = { trap_it, fail_it, exit_it };
	struct env e;

	for (size_t k = 0; k < 3; k++) {
		up(&e, fns[k]);
		CHECK_EQ(api_call(e.i, "catch", 1, 1, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), k == 2 ? WRT_TRAP_EXIT :
		    WRT_TRAP_HOST);
		down(&e);
	}
}

/* ---- Between two guests ------------------------------------------------- */

static int
call_other(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	return wrt_instance_call(e->other, "leaf", v, 1, v);
}

static int
call_other_and_close(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;
	int rc = wrt_instance_call(e->other, "leaf", v, 1, v);

	wrt_instance_close(e->other);
	e->other = NULL;
	return rc;
}

static int
handle(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;
	struct wrt_exception exn;

	CHECK_EQ(wrt_instance_call(e->other, "leaf", v, 1, v), WRT_ETRAP);
	CHECK_EQ(wrt_exception_get(e->other, &exn), WRT_OK);
	v[0].i32 = exn.vals[0].i32 + 1;
	return WRT_OK;
}

/* Guest, host, guest: the exception of the inner one goes on in the outer. */
TEST(exceptions_pass_through_the_host)
{
	int32_t r = 0;
	struct env e;

	up(&e, call_other);
	CHECK_EQ(api_call(e.i, "catch", 1, 30, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 37);
	CHECK_EQ(api_call(e.i, "call", 1, 31, 0, 0, &r), WRT_ETRAP);
	check_thrown(&e, e.i, 31, 7);
	e.fn = handle;
	CHECK_EQ(api_call(e.i, "call", 1, 32, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 33);
	/* Nothing of the handled one is left for a failure of another kind. */
	e.fn = fail_it;
	CHECK_EQ(api_call(e.i, "catch", 1, 1, 0, 0, &r), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_HOST);
	down(&e);
}

/* An exnref to an exception of an instance that the host has closed. */
TEST(kept_longer_than_its_instance)
{
	struct env e;

	up(&e, call_other);
	CHECK_EQ(api_call(e.i, "keep", 1, 50, 0, 0, NULL), WRT_OK);
	wrt_instance_close(e.other);
	e.other = NULL;
	CHECK_EQ(wrt_instance_call(e.i, "again", NULL, 0, NULL), WRT_ETRAP);
	check_thrown(&e, e.i, 50, 7);
	down(&e);
}

TEST(closed_by_the_host_in_between)
{
	int32_t r = 0;
	struct env e;

	up(&e, call_other_and_close);
	CHECK_EQ(api_call(e.i, "catch", 1, 30, 0, 0, &r), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_HOST);
	down(&e);
}

/* ---- Kill --------------------------------------------------------------- */

static void *
killer(void *arg)
{
	struct env *e = arg;
	struct timespec t = { 0, 200000 + 7777 * (e->n % 40) };

	while (!atomic_load(&e->begun))
		sched_yield();
	nanosleep(&t, NULL);
	while (wrt_instance_kill(e->i, WRT_TRAP_INTERRUPT) == WRT_ESTATE)
		;
	return NULL;
}

/* At any moment of throwing and catching, also on the way to the pad. */
TEST(killed_while_throwing)
{
	struct wrt_trap t;
	pthread_t id;
	struct env e;

	NEEDS_SIGNALS();
	up(&e, throw_it);
	for (e.n = 0; e.n < 300; e.n++) {
		atomic_store(&e.begun, false);
		CHECK_EQ(pthread_create(&id, NULL, killer, &e), 0);
		CHECK_EQ(api_call(e.i, "spin", 1, 1, 0, 0, NULL), WRT_ETRAP);
		pthread_join(id, NULL);
		CHECK_EQ(wrt_trap_get(e.i, &t), WRT_OK);
		CHECK_EQ(t.code, WRT_TRAP_INTERRUPT);
		CHECK(t.nframes >= 1);
	}
	down(&e);
}

TEST_MAIN
