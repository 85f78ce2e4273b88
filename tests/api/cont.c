/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cont.c: continuations as a host meets them: its frames between, backtraces,
 * exceptions, limits, kills, what is left for later calls.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "api.h"

static const uint8_t i32s[] = { WRT_I32 };
static const struct wrt_functype i32_i32 = { 1, 1, i32s, i32s };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
	wrt_host_fn fn;
	int rc, code;			/* what a host function saw */
};

static int
cb(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	return e->fn ? e->fn(e, caller, v) : WRT_OK;
}

static void
up(struct env *e, wrt_host_fn fn)
{
	const struct wasmc_options opt = { .features = "all" };

	memset(e, 0, sizeof *e);
	e->fn = fn;
	e->p = api_pool();
	e->m = api_module_with("cont", &opt);
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "cb", &i32_i32, cb, e), 0);
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

static void
traps(struct env *e, const char *name, int x, int code)
{
	CHECK_EQ(api_call(e->i, name, 1, x, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(e->i), code);
}

static void
gives(struct env *e, const char *name, int x, int want)
{
	int32_t r = 0;

	CHECK_EQ(api_call(e->i, name, 1, x, 0, 0, &r), 0);
	CHECK_EQ(r, want);
}

/* ---- Host frames -------------------------------------------------------- */

static int
call_wait(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;

	e->rc = wrt_instance_call(caller, "wait", NULL, 0, v);
	e->code = trap_code(caller);
	return e->rc;
}

/* The nested call has continuations of its own, on the stack of one of ours. */
static int
call_host(void *data, wrt_instance *caller, wrt_val *v)
{
	wrt_val a = { .i32 = v[0].i32 - 1 };

	v[0].i32 = 7;
	return a.i32 < 0 ? WRT_OK : wrt_instance_call(caller, "host2", &a, 1,
	    v);
}

TEST(host_frames_are_a_barrier)
{
	struct env e;

	up(&e, call_wait);
	traps(&e, "host", 1, WRT_TRAP_UNHANDLED_TAG);
	CHECK_EQ(e.rc, WRT_ETRAP);
	CHECK_EQ(e.code, WRT_TRAP_UNHANDLED_TAG);
	traps(&e, "host2", 1, WRT_TRAP_UNHANDLED_TAG);
	e.fn = NULL;
	gives(&e, "host2", 5, 20);
	down(&e);
}

TEST(nested_calls_from_continuations)
{
	struct env e;

	up(&e, call_host);
	gives(&e, "host2", 0, 7);
	gives(&e, "host2", 3, 9 + 6 + 3 + 7);
	gives(&e, "host2", 20, 3 * (20 * 21 / 2) + 7);
	down(&e);
}

static int
throw(void *data, wrt_instance *caller, wrt_val *v)
{
	wrt_tag *tag;

	CHECK_EQ(wrt_instance_tag(caller, "e", 1, &tag), 0);
	v[0].i32 += 100;
	return wrt_throw(caller, tag, v);
}

TEST(a_host_throws_through_continuations)
{
	struct wrt_exception x;
	struct env e;

	up(&e, throw);
	gives(&e, "catch", 4, 104);
	traps(&e, "host2", 5, WRT_TRAP_EXCEPTION);
	CHECK_EQ(wrt_exception_get(e.i, &x), 0);
	CHECK_EQ(x.vals[0].i32, 105);
	e.fn = NULL;
	gives(&e, "host2", 5, 20);
	down(&e);
}

/* ---- What a trap tells -------------------------------------------------- */

TEST(backtraces_go_through_continuations)
{
	static const char *const names[] = { "divide", "inner", "run",
		"middle", "run", "outer" };
	const struct wasmc_options opt = { .features = "all",
		.opt_level = -1 };
	struct wrt_trap t;
	struct env e;

	up(&e, NULL);
	wrt_instance_close(e.i);
	wrt_module_close(e.m);
	e.m = api_module_with("cont", &opt);
	e.i = api_instance(e.p, e.m, e.l);
	traps(&e, "divide", 0, WRT_TRAP_DIV_BY_ZERO);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.nframes, 6);
	CHECK_EQ(t.nframes_total, 6);
	for (int k = 0; k < 6; k++)
		CHECK_STR(t.frames[k].func, names[k]);
	gives(&e, "divide", 10, 13);
	traps(&e, "throw", 3, WRT_TRAP_EXCEPTION);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.nframes, 3);
	CHECK_STR(t.frames[0].func, "throws");
	down(&e);
}

TEST(the_end_of_the_stack)
{
	struct wrt_trap t;
	struct env e;

	up(&e, NULL);
	for (int k = 0; k < 3; k++) {
		traps(&e, "recurse", 0, WRT_TRAP_STACK_OVERFLOW);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK(t.nframes_total > 1000);
		CHECK_EQ(t.nframes, 64);
		traps(&e, "endless", 0, WRT_TRAP_STACK_OVERFLOW);
		gives(&e, "divide", 10, 13);
	}
	down(&e);
}

/* ---- Limits ------------------------------------------------------------- */

static size_t
vm_bytes(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(f && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

TEST(dropped_ones_are_given_back)
{
	struct env e;
	size_t before;

	if (THREAD_SANITIZER)
		SKIP("it takes the sanitizer minutes");
	up(&e, NULL);
	CHECK_EQ(api_call(e.i, "dropped", 1, 1000, 0, 0, NULL), 0);
	before = vm_bytes();
	CHECK_EQ(api_call(e.i, "dropped", 1, 200000, 0, 0, NULL), 0);
	CHECK(vm_bytes() < before + (300u << 20));
	down(&e);
}

TEST(stacks_have_a_limit)
{
	struct env e;
	size_t before;

	if (THREAD_SANITIZER)
		SKIP("the sanitizer's mappings are counted too");
	up(&e, NULL);
	before = vm_bytes();
	CHECK_EQ(api_call(e.i, "alive", 1, 10000, 0, 0, NULL), 0);
	CHECK(vm_bytes() > before + (10000ull << 18));
	traps(&e, "alive", 40000, WRT_TRAP_STACK_OVERFLOW);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	CHECK(vm_bytes() < before + (100u << 20));
	/* Smaller ones, more of them. */
	CHECK_EQ(wrt_instance_set_stack(e.i, 65536), 0);
	CHECK_EQ(api_call(e.i, "alive", 1, 20000, 0, 0, NULL), 0);
	down(&e);
	CHECK(vm_bytes() < before + (100u << 20));
}

TEST(there_is_a_number_of_them)
{
	struct env e;

	up(&e, NULL);
	CHECK_EQ(api_call(e.i, "unbegun", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(e.i), WRT_TRAP_HEAP);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	gives(&e, "divide", 10, 13);
	down(&e);
}

/* ---- Across calls ------------------------------------------------------- */

static void *
go_on(void *arg)
{
	struct env *e = arg;

	gives(e, "go-on", 30, 42);
	return NULL;
}

TEST(suspended_ones_outlive_the_call)
{
	pthread_t other;
	struct env e;

	up(&e, NULL);
	CHECK_EQ(api_call(e.i, "leave", 1, 12, 0, 0, NULL), 0);
	CHECK_EQ(pthread_create(&other, NULL, go_on, &e), 0);
	pthread_join(other, NULL);
	traps(&e, "go-on", 1, WRT_TRAP_CONT_CONSUMED);
	CHECK_EQ(api_call(e.i, "leave", 1, 12, 0, 0, NULL), 0);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	traps(&e, "go-on", 1, WRT_TRAP_NULL_CONT_REF);
	CHECK_EQ(api_call(e.i, "leave", 1, 13, 0, 0, NULL), 0);
	traps(&e, "divide", 0, WRT_TRAP_DIV_BY_ZERO);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	CHECK_EQ(api_call(e.i, "leave", 1, 13, 0, 0, NULL), 0);
	down(&e);
}

TEST(hosts_cannot_pass_them)
{
	struct wrt_functype t;
	wrt_table *tab;
	wrt_func *give;
	struct env e;
	wrt_val v;

	up(&e, NULL);
	CHECK_EQ(wrt_instance_func(e.i, "give", 4, &give, &t), 0);
	CHECK_EQ(t.params[0], WRT_CONTREF);
	CHECK_EQ(api_call(e.i, "leave", 1, 12, 0, 0, NULL), 0);
	CHECK_EQ(wrt_instance_call(e.i, "get", NULL, 0, &v), 0);
	CHECK(v.ref);
	CHECK_EQ(wrt_func_call(give, &v, 1, NULL), WRT_ETYPE);
	CHECK_EQ(wrt_instance_table(e.i, "tab", 3, &tab), 0);
	CHECK_EQ(wrt_table_set(tab, 0, v), WRT_ETYPE);
	v.ref = NULL;
	CHECK_EQ(wrt_table_set(tab, 0, v), 0);
	CHECK_EQ(wrt_func_call(give, &v, 1, NULL), 0);
	down(&e);
}

/* A host function suspends its guest within continuations; the call goes on
 * later, on another thread, or is dropped. */
static int
yield(void *data, wrt_instance *caller, wrt_val *v)
{
	return wrt_yield(caller, v[0]);
}

static void *
resume(void *arg)
{
	struct env *e = arg;
	wrt_val r, v = { .i32 = 1000 };

	CHECK_EQ(wrt_instance_resume(e->i, &v, 1, &r), 0);
	CHECK_EQ(r.i32, 1015);
	return NULL;
}

TEST(a_host_suspends_all_of_it)
{
	pthread_t other;
	struct env e;

	up(&e, yield);
	CHECK_EQ(api_call(e.i, "host2", 1, 5, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(pthread_create(&other, NULL, resume, &e), 0);
	pthread_join(other, NULL);
	CHECK_EQ(api_call(e.i, "host2", 1, 5, 0, 0, NULL), WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	gives(&e, "divide", 10, 13);
	CHECK_EQ(api_call(e.i, "host2", 1, 5, 0, 0, NULL), WRT_SUSPENDED);
	down(&e);
}

/* ---- Kills -------------------------------------------------------------- */

struct killer {
	wrt_instance *i;
	atomic_bool stop;
};

static void *
kill_often(void *arg)
{
	struct killer *k = arg;

	for (unsigned n = 0; !atomic_load(&k->stop); n++) {
		struct timespec t = { 0, 1000 * (n * 37 % 211) };

		nanosleep(&t, NULL);
		wrt_instance_kill(k->i, WRT_TRAP_INTERRUPT);
	}
	return NULL;
}

TEST(kills)
{
	static const char *const names[] = { "spin", "churn", "short",
		"endless" };
	struct killer k = { .stop = false };
	struct env e;
	pthread_t t;
	int code;

	NEEDS_SIGNALS();
	up(&e, NULL);
	k.i = e.i;
	CHECK_EQ(pthread_create(&t, NULL, kill_often, &k), 0);
	for (int n = 0; n < 2000; n++) {
		CHECK_EQ(api_call(e.i, names[n % 4], 1, 1, 0, 0, NULL),
		    WRT_ETRAP);
		code = trap_code(e.i);
		CHECK(code == WRT_TRAP_INTERRUPT || (n % 4 == 3 &&
		    code == WRT_TRAP_STACK_OVERFLOW));
		if (n % 64 == 0)
			while (wrt_instance_reset(e.i, NULL) == WRT_ETRAP)
				;
	}
	atomic_store(&k.stop, true);
	pthread_join(t, NULL);
	gives(&e, "divide", 10, 13);
	gives(&e, "pairs", 1000, 5);
	down(&e);
}

TEST_MAIN
