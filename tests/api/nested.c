/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * nested.c: calls within calls, and what a host does in the middle of them:
 * end the instance that trapped, kill, fork, use up the guest's stack.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "api.h"

static const uint8_t i32s[] = { WRT_I32 };
static const struct wrt_functype i32_i32 = { 1, 1, i32s, i32s };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i, *other;
	wrt_host_fn fn;
	int n;
};

static int
cb(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	return e->fn(e, caller, v);
}

static void
up(struct env *e, wrt_host_fn fn)
{
	wrt_val at = { .i32 = 40000 };

	memset(e, 0, sizeof *e);
	e->fn = fn;
	e->p = api_pool();
	e->m = api_module("nested");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "cb", &i32_i32, cb, e), 0);
	CHECK_EQ(wrt_imports_global(e->l, "env", "at", WRT_I32, 0, at), 0);
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

/* ---- The guest's stack -------------------------------------------------- */

static int
call_leaf(void *data, wrt_instance *caller, wrt_val *v)
{
	return wrt_instance_call(caller, "leaf", v, 1, v);
}

/* At some depth what is left of the stack is enough for the call of the host
 * and not for the call back: a trap, wherever that is. */
TEST(calls_back_at_every_depth)
{
	int trapped = 0;
	struct env e;

	up(&e, call_leaf);
	CHECK_EQ(wrt_instance_set_stack(e.i, 16384), 0);
	for (int depth = 0; trapped < 10; depth++) {
		if (api_call(e.i, "deep", 1, depth, 0, 0, NULL) == WRT_OK)
			continue;
		CHECK_EQ(trap_code(e.i), WRT_TRAP_STACK_OVERFLOW);
		trapped++;
	}
	down(&e);
}

/* ---- The instance that trapped goes away -------------------------------- */

static int
call_and_close(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;
	int rc = wrt_instance_call(e->other, "oob", v, 1, v);

	wrt_instance_close(e->other);
	e->other = NULL;
	return rc;
}

TEST(host_closes_the_instance_that_trapped)
{
	struct env e;

	up(&e, call_and_close);
	e.other = api_instance(e.p, e.m, e.l);
	CHECK_EQ(api_call(e.i, "once", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_HOST);
	down(&e);
}

static int
call_and_reset(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;
	int rc = wrt_instance_call(e->other, "oob", v, 1, v);

	CHECK_EQ(wrt_instance_reset(e->other, NULL), 0);
	return rc;
}

/* The two import the same number, which does not link them. */
TEST(host_resets_the_instance_that_trapped)
{
	struct env e;

	up(&e, call_and_reset);
	e.other = api_instance(e.p, e.m, e.l);
	CHECK_EQ(api_call(e.i, "once", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_HOST);
	down(&e);
}

/* ---- Kill --------------------------------------------------------------- */

static int
kill_and_spin(void *data, wrt_instance *caller, wrt_val *v)
{
	CHECK_EQ(wrt_instance_kill(caller, WRT_TRAP_TIMEOUT), 0);
	return wrt_instance_call(caller, "spin", v, 1, v);
}

/* A guest that is to end must not live on in a call back. */
TEST(killed_in_the_host_before_a_call_back)
{
	struct env e;

	up(&e, kill_and_spin);
	alarm(10);
	CHECK_EQ(api_call(e.i, "once", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_TIMEOUT);
	e.fn = call_leaf;
	CHECK_EQ(api_call(e.i, "once", 1, 0, 0, 0, NULL), 0);
	down(&e);
}

static _Atomic int stop, rounds;

static void *
killer(void *arg)
{
	struct env *e = arg;

	for (int seen = -1, now; !stop;) {
		now = rounds;
		if (now != seen &&
		    wrt_instance_kill(e->i, WRT_TRAP_INTERRUPT) == WRT_OK)
			seen = now;
	}
	return NULL;
}

/* The kill comes between the claim and the guest's first instruction; a stack
 * that has to be mapped makes that long. */
TEST(killed_before_it_began)
{
	struct env e;
	pthread_t t;

	NEEDS_SIGNALS();
	up(&e, call_leaf);
	alarm(20);
	CHECK_EQ(pthread_create(&t, NULL, killer, &e), 0);
	for (int k = 0; k < 400; k++) {
		CHECK_EQ(wrt_instance_set_stack(e.i, (uint64_t)(4 + k % 200) *
		    4096), 0);
		CHECK_EQ(api_call(e.i, "spin", 1, 0, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), WRT_TRAP_INTERRUPT);
		rounds++;
	}
	stop = 1;
	pthread_join(t, NULL);
	down(&e);
}

/* ---- Linked instances --------------------------------------------------- */

static int
reset_self(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	e->n = wrt_instance_reset(e->i, NULL);
	return WRT_OK;
}

/* It runs, though the call was into another. */
TEST(reset_of_what_runs_as_part_of_another)
{
	wrt_instance *user;
	wrt_imports *l;
	wrt_module *m;
	struct env e;

	up(&e, reset_self);
	m = api_module("nested_user");
	CHECK_EQ(wrt_imports_create(&l), 0);
	CHECK_EQ(wrt_imports_instance(l, "other", e.i), 0);
	user = api_instance(e.p, m, l);
	CHECK_EQ(api_call(user, "go", 1, 0, 0, 0, NULL), 0);
	CHECK_EQ((unsigned)e.n, (unsigned)WRT_ESTATE);
	wrt_instance_close(user);
	wrt_module_close(m);
	wrt_imports_destroy(l);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	down(&e);
}

/* What was closed may stay for the sake of the others; so may its pool. */
TEST(pool_ends_before_the_others)
{
	wrt_instance *user;
	wrt_imports *l;
	wrt_module *m;
	wrt_pool *p2;
	struct env e;

	up(&e, call_leaf);
	p2 = api_pool();
	m = api_module("nested_user");
	CHECK_EQ(wrt_imports_create(&l), 0);
	CHECK_EQ(wrt_imports_instance(l, "other", e.i), 0);
	user = api_instance(p2, m, l);
	wrt_instance_close(e.i);
	e.i = NULL;
	wrt_module_close(e.m);
	e.m = NULL;
	wrt_pool_destroy(e.p);
	e.p = NULL;
	CHECK_EQ(api_call(user, "go", 1, 7, 0, 0, &e.n), 0);
	CHECK_EQ(e.n, 8);
	wrt_instance_close(user);
	wrt_module_close(m);
	wrt_imports_destroy(l);
	wrt_pool_destroy(p2);
	down(&e);
}

/* ---- A thread with every signal blocked --------------------------------- */

static void *
create_blocked(void *arg)
{
	struct env *e = arg;
	wrt_memory *mem;
	char s[8];
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	e->other = api_instance(e->p, e->m, e->l);
	CHECK_EQ(wrt_instance_memory_at(e->other, 0, &mem), 0);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	CHECK_EQ(wrt_memory_read(mem, 40000, s, 6), 0);
	CHECK(!memcmp(s, "copied", 6));
	CHECK_EQ(wrt_memory_read(mem, 4096, s, 1), 0);
	CHECK_EQ(wrt_memory_write(mem, 8192, s, 1), 0);
	return NULL;
}

TEST(signals_blocked_in_the_thread_that_creates)
{
	struct env e;
	pthread_t t;

	up(&e, call_leaf);
	CHECK_EQ(pthread_create(&t, NULL, create_blocked, &e), 0);
	pthread_join(t, NULL);
	down(&e);
}

/* ---- fork --------------------------------------------------------------- */

/* A child that goes on to use its parent's memory must not reach into the
 * parent through the descriptor they share. */
TEST(child_does_not_touch_its_parents_memory)
{
	wrt_memory *mem;
	struct env e;
	int status;
	pid_t pid;

	up(&e, call_leaf);
	if (strcmp(wrt_pool_memory_mode(e.p), "userfaultfd") != 0)
		SKIP("only userfaultfd's descriptor reaches from child to parent");
	CHECK_EQ(wrt_instance_memory_at(e.i, 0, &mem), 0);
	pid = fork();
	if (pid == 0) {
		wrt_memory_grow(mem, 1);
		_exit(wrt_memory_at(mem, 65536, 100) != NULL);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(api_call(e.i, "oob", 1, 65536 - 0x10000000, 0, 0, NULL),
	    WRT_ETRAP);
	down(&e);
}

static int
fork_here(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	e->n = (int)fork();
	return WRT_OK;
}

/* The guest does not go on in the child. */
TEST(fork_in_a_host_function)
{
	struct env e;
	int rc, status;

	up(&e, fork_here);
	rc = api_call(e.i, "once", 1, 0, 0, 0, NULL);
	if (e.n == 0)
		_exit(rc == WRT_ETRAP ? 0 : 1);
	CHECK_EQ(rc, 0);
	CHECK(waitpid(e.n, &status, 0) == e.n);
	CHECK_EQ(status, 0);
	down(&e);
}

/* ---- Limits ------------------------------------------------------------- */

TEST(grow_by_nothing_under_a_lower_limit)
{
	wrt_memory *mem;
	struct env e;

	up(&e, call_leaf);
	CHECK_EQ(wrt_instance_memory_at(e.i, 0, &mem), 0);
	CHECK_EQ(wrt_memory_grow(mem, 3), 1);
	wrt_memory_limit(mem, 2 << 16);
	CHECK_EQ(wrt_memory_grow(mem, 1), -1);
	CHECK_EQ(wrt_memory_grow(mem, 0), 4);
	down(&e);
}

TEST_MAIN
