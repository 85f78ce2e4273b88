/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * shared.c: instances on several threads over one shared memory: wait, notify,
 * kill, growth, first touches of the same pages, lifetime.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "api.h"

enum { NTHREADS = 4, PAGES = 1024 };
static const char *const modes[] = {
	"userfaultfd", "pagemap", "madvise", "plain",
};

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
};

static bool
up(struct env *e, const char *mode)
{
	const struct wrt_limits lim = { .min = PAGES, .max = 20000, .shared = 1,
		.page_log2 = 16 };
	struct wrt_pool_config c = { .max_instances = 32, .max_memories = 1 };

	setenv("WASMRT_MEMORY", mode, 1);
	if (wrt_pool_create(&e->p, &c, NULL) != WRT_OK)
		return false;
	e->m = api_module("shared");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_memory(e->l, e->p, "env", "mem", &lim, NULL), 0);
	return true;
}

static void
down(struct env *e)
{
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

static int
call(wrt_instance *i, const char *name, int32_t a, int32_t b, int64_t c,
    size_t n)
{
	wrt_val v[3] = { { .i32 = a }, { .i32 = b }, { .i64 = c } }, r;

	r.i32 = -1;
	if (wrt_instance_call(i, name, v, n, &r) != WRT_OK)
		return -1000;
	return r.i32;
}

/* A thread with an instance of its own, which makes one call. */
struct user {
	struct env *e;
	const char *name;
	int32_t a, b;
	int64_t c;
	size_t n;
	wrt_instance *i;
	int result, code;
	pthread_t id;
	atomic_bool over;
};

static atomic_bool hold;		/* so that all begin at once */

static void *
user_main(void *arg)
{
	struct user *u = arg;
	struct wrt_trap t;

	while (atomic_load(&hold))
		;

	u->result = call(u->i, u->name, u->a, u->b, u->c, u->n);
	u->code = wrt_trap_get(u->i, &t) == WRT_OK ? t.code : 0;
	atomic_store(&u->over, true);
	return NULL;
}

static void
start(struct user *u, struct env *e, const char *name, int32_t a, int32_t b,
    int64_t c, size_t n)
{
	*u = (struct user){ .e = e, .name = name, .a = a, .b = b, .c = c,
		.n = n };
	u->i = api_instance(e->p, e->m, e->l);
	CHECK_EQ(pthread_create(&u->id, NULL, user_main, u), 0);
}

static int
finish(struct user *u)
{
	pthread_join(u->id, NULL);
	wrt_instance_close(u->i);
	return u->result;
}

static void
nap(long ms)
{
	struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Notify until n waiters have been woken. */
static void
notify_all(wrt_instance *i, int32_t at, int n)
{
	while (n > 0) {
		int k = call(i, "notify", at, n, 0, 2);

		CHECK(k >= 0 && k <= n);
		n -= k;
		nap(1);
	}
}

TEST(wait_results)
{
	struct env e;
	wrt_instance *i;
	int64_t t;

	CHECK(up(&e, "plain"));
	i = api_instance(e.p, e.m, e.l);
	CHECK_EQ(call(i, "wait", 0, 1, -1, 3), 1);
	t = now_ms();
	CHECK_EQ(call(i, "wait", 0, 0, 50000000, 3), 2);
	CHECK(now_ms() - t >= 50 && now_ms() - t < 5000);
	CHECK_EQ(call(i, "wait", 0, 0, 0, 3), 2);
	CHECK_EQ(call(i, "notify", 0, -1, 0, 2), 0);
	wrt_instance_close(i);
	down(&e);
}

/* Each waiter is woken once, in the order of coming, none by another address. */
TEST(notify_wakes_as_many)
{
	struct user u[NTHREADS], other;
	wrt_instance *i;
	struct env e;
	int woken = 0;

	CHECK(up(&e, "plain"));
	i = api_instance(e.p, e.m, e.l);
	for (int k = 0; k < NTHREADS; k++)
		start(&u[k], &e, "wait", 64, 0, -1, 3);
	start(&other, &e, "wait", 128, 0, -1, 3);
	while (woken == 0) {
		woken = call(i, "notify", 64, 1, 0, 2);
		nap(1);
	}
	CHECK_EQ(woken, 1);
	/* Whatever else shares their place in a table. */
	for (int at = 256; at < 65536; at += 4)
		CHECK_EQ(call(i, "notify", at, -1, 0, 2), 0);
	notify_all(i, 64, NTHREADS - 1);
	for (int k = 0; k < NTHREADS; k++)
		CHECK_EQ(finish(&u[k]), 0);
	CHECK(!atomic_load(&other.over));
	notify_all(i, 128, 1);
	CHECK_EQ(finish(&other), 0);
	CHECK_EQ(call(i, "notify", 64, -1, 0, 2), 0);
	wrt_instance_close(i);
	down(&e);
}

TEST(kill_wakes_a_waiter)
{
	struct user u;
	wrt_instance *i;
	struct env e;

	NEEDS_SIGNALS();
	CHECK(up(&e, "plain"));
	i = api_instance(e.p, e.m, e.l);
	for (int k = 0; k < 100; k++) {
		start(&u, &e, "wait", 64, 0, k % 2 ? -1 : 60000000000, 3);
		if (k % 4 < 2)
			nap(1);
		while (wrt_instance_kill(u.i, k % 3 ? WRT_TRAP_INTERRUPT :
		    WRT_TRAP_TIMEOUT) != WRT_OK)
			;
		pthread_join(u.id, NULL);
		CHECK_EQ(u.result, -1000);
		CHECK_EQ(u.code, k % 3 ? WRT_TRAP_INTERRUPT :
		    WRT_TRAP_TIMEOUT);
		/* It is in no list any more, and can be called again. */
		CHECK_EQ(call(i, "notify", 64, -1, 0, 2), 0);
		CHECK_EQ(call(u.i, "wait", 64, 1, -1, 3), 1);
		wrt_instance_close(u.i);
	}
	wrt_instance_close(i);
	down(&e);
}

enum { GROWTHS = 4000 };

TEST(growth_is_seen_and_counted)
{
	for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
		struct user u[NTHREADS], see;
		int end = PAGES + NTHREADS * GROWTHS, sum = 0;
		wrt_instance *i;
		struct env e;

		if (!up(&e, modes[k]))
			continue;
		i = api_instance(e.p, e.m, e.l);
		start(&see, &e, "see_growth", end, 0, 0, 1);
		atomic_store(&hold, true);
		for (int n = 0; n < NTHREADS; n++)
			start(&u[n], &e, "grow_much", GROWTHS, 0, 0, 1);
		atomic_store(&hold, false);
		/* Each old size is somebody's, once. */
		for (int n = 0; n < NTHREADS; n++)
			sum += finish(&u[n]);
		CHECK_EQ(sum, (PAGES + end - 1) * (end - PAGES) / 2);
		finish(&see);
		CHECK_EQ(see.code, 0);
		CHECK_EQ(call(i, "size", 0, 0, 0, 0), end);
		CHECK_EQ(call(i, "load", end * 65536 - 4, 0, 0, 1), 0);
		CHECK_EQ(call(i, "load", end * 65536 - 3, 0, 0, 1), -1000);
		wrt_instance_close(i);
		down(&e);
	}
}

/* All at once on pages that nobody has touched: every one is there once. */
TEST(first_touch_by_several_threads)
{
	for (size_t k = 0; k < sizeof modes / sizeof *modes; k++)
		for (int round = 0; round < 2; round++) {
			struct user u[NTHREADS];
			wrt_memory *mem;
			wrt_instance *i;
			struct env e;

			if (!up(&e, modes[k]))
				break;
			i = api_instance(e.p, e.m, e.l);
			CHECK_EQ(wrt_instance_memory_at(i, 0, &mem), 0);
			atomic_store(&hold, true);
			for (int n = 0; n < NTHREADS; n++)
				start(&u[n], &e, "touch", PAGES * 16, 5 * n, 0, 2);
			atomic_store(&hold, false);
			for (int n = 0; n < NTHREADS; n++)
				CHECK_EQ(finish(&u[n]), 0);
			for (int at = 4; at < PAGES * 65536; at += 4096)
				CHECK_EQ(call(i, "load", at, 0, 0, 1),
				    NTHREADS);
			wrt_instance_close(i);
			down(&e);
		}
}

/* The owner goes first; and its slot is clean for who comes next. */
TEST(memory_outlives_its_owner)
{
	for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
		wrt_instance *owner, *a, *b;
		wrt_module *own;
		struct user u[NTHREADS];
		struct env e;
		struct wrt_error err;

		if (!up(&e, modes[k]))
			continue;
		own = api_module("shared_own");
		owner = api_instance(e.p, own, NULL);
		CHECK_EQ(wrt_imports_export(e.l, "env", "mem", owner, "mem"),
		    0);
		a = api_instance(e.p, e.m, e.l);
		CHECK_EQ(wrt_instance_reset(owner, &err), WRT_ESTATE);
		CHECK_HAS(err.text, "shared");
		atomic_store(&hold, true);
		for (int n = 0; n < NTHREADS; n++)
			start(&u[n], &e, "touch", PAGES * 16, 5 * n, 0, 2);
		atomic_store(&hold, false);
		for (int n = 0; n < NTHREADS; n++)
			CHECK_EQ(finish(&u[n]), 42 + 7);
		wrt_instance_close(owner);
		wrt_imports_destroy(e.l);
		wrt_module_close(own);
		CHECK_EQ(call(a, "load", 8192, 0, 0, 1), 42);
		CHECK_EQ(call(a, "load", 8196, 0, 0, 1), NTHREADS);
		wrt_instance_close(a);
		CHECK_EQ(wrt_imports_create(&e.l), 0);
		own = api_module("shared_own");
		b = api_instance(e.p, own, e.l);
		for (int at = 4; at < PAGES * 65536; at += 4096)
			CHECK_EQ(call(b, "load", at, 0, 0, 1), 0);
		CHECK_EQ(call(b, "touch", PAGES * 65536, 0, 0, 1), 0);
		CHECK_EQ(wrt_instance_reset(b, NULL), 0);
		CHECK_EQ(call(b, "load", 4, 0, 0, 1), 0);
		CHECK_EQ(call(b, "load", 8192, 0, 0, 1), 42);
		wrt_instance_close(b);
		wrt_module_close(own);
		down(&e);
	}
}

/* The size that a checked access compares with is read again after a wait. */
TEST(checked_access_after_growth)
{
	struct wasmc_options o = { .bounds = WASMC_BOUNDS_EXPLICIT };
	struct user u;
	wrt_instance *i;
	struct env e;

	CHECK(up(&e, "plain"));
	wrt_module_close(e.m);
	e.m = api_module_with("shared", &o);
	i = api_instance(e.p, e.m, e.l);
	start(&u, &e, "reach", PAGES * 65536 + 100, 0, 0, 1);
	nap(20);
	CHECK_EQ(call(i, "grow", 1, 0, 0, 1), PAGES);
	notify_all(i, 0, 1);
	CHECK_EQ(finish(&u), 0);
	wrt_instance_close(i);
	down(&e);
}

TEST_MAIN
