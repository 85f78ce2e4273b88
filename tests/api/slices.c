/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slices.c: guests that are suspended by time at any instruction, and go on
 * later, on this thread or on another, as if nothing had been.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "wasmrt_wasi.h"
#include "api.h"

enum { US = 1000, MS = 1000000, NINST = 12 };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_wasi *w;
	wrt_instance *i;
};

static const uint8_t i64s[] = { WRT_I64 }, f64s[] = { WRT_F64 };

static int
host(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i64 = v[0].i64 * 3 + 1;
	return WRT_OK;
}

static double
hostf(void *data, wrt_instance *caller, double x)
{
	return x * 0.999 + 2;
}

static void
up(struct env *e)
{
	const struct wrt_functype ti = { 1, 1, i64s, i64s };
	const struct wrt_functype tf = { 1, 1, f64s, f64s };
	struct wrt_pool_config c = { .max_instances = NINST + 2,
		.max_memories = 1 };

	CHECK_EQ(wrt_pool_create(&e->p, &c, NULL), 0);
	e->m = api_module("slices");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_wasi_create(&e->w, NULL, NULL), 0);
	CHECK_EQ(wrt_wasi_imports(e->w, e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "host", &ti, host, NULL), 0);
	CHECK_EQ(wrt_imports_cfunc(e->l, "env", "hostf", &tf,
	    (void (*)(void))hostf, NULL), 0);
	e->i = api_instance(e->p, e->m, e->l);
}

static void
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_wasi_destroy(e->w);
	wrt_pool_destroy(e->p);
}

static const struct work {
	const char *name;
	int64_t n;
} works[] = {
	{ "mix", 400000 }, { "vector", 400 }, { "objects", 20000 },
	{ "throws", 6000 }, { "bulk", 600 }, { "hosts", 60000 },
};
enum { NWORKS = sizeof works / sizeof *works };

static int64_t
result_of(wrt_instance *i, const struct work *w)
{
	wrt_val a = { .i64 = w->n }, r;

	CHECK_EQ(wrt_instance_set_slice(i, 0), 0);
	CHECK_EQ(wrt_instance_call(i, w->name, &a, 1, &r), 0);
	return r.i64;
}

/* ---- On one thread -------------------------------------------------------- */

/* How often it was suspended. */
static int
run_sliced(wrt_instance *i, const struct work *w, uint64_t ns, int64_t expected)
{
	wrt_val a = { .i64 = w->n }, r = { .i64 = 0 };
	int rc, n = 0;

	CHECK_EQ(wrt_instance_set_slice(i, ns), 0);
	rc = wrt_instance_call(i, w->name, &a, 1, &r);
	for (; rc == WRT_SUSPENDED; n++) {
		CHECK_EQ(wrt_instance_suspended(i), 2);
		rc = wrt_instance_resume(i, NULL, 0, &r);
	}
	CHECK_EQ(rc, 0);
	if (r.i64 != expected)
		test_end('F', "%s, suspended %d times: %llx, not %llx",
		    w->name, n, (long long)r.i64, (long long)expected);
	return n;
}

static void
survive(const char *name)
{
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	for (int k = 0; k < NWORKS; k++) {
		const struct work *w = &works[k];
		int64_t expected;
		int n = 0;

		if (strcmp(w->name, name) != 0)
			continue;
		expected = result_of(e.i, w);
		for (int j = 0; n < 1000 || j < 5; j++)
			n += run_sliced(e.i, w, (uint64_t)(1 + j % 50) * US,
			    expected);
	}
	down(&e);
}

TEST(registers_of_all_kinds) { survive("mix"); }
TEST(in_a_vectorised_loop) { survive("vector"); }
TEST(in_allocations) { survive("objects"); }
TEST(in_exceptions) { survive("throws"); }
TEST(in_bulk_operations) { survive("bulk"); }
TEST(in_host_calls) { survive("hosts"); }

/* ---- On several ------------------------------------------------------------ */

static struct {
	pthread_mutex_t lock;
	wrt_instance *i;
	int rc, turns;
	wrt_val result;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The rounding mode, without libm. */
#if defined(__x86_64__)
enum { UP = 0x5f80, DOWN = 0x3f80, ZERO = 0x7f80, MODE = 0x6000 };

static unsigned
rounding(void)
{
	return __builtin_ia32_stmxcsr() & MODE;
}

static void
set_rounding(unsigned x)
{
	__builtin_ia32_ldmxcsr(x);
}
#elif defined(__aarch64__)
enum { UP = 0x400000, DOWN = 0x800000, ZERO = 0xc00000, MODE = 0xc00000 };

static unsigned
rounding(void)
{
	uint64_t x;

	__asm__ volatile("mrs %0, fpcr" : "=r"(x));
	return x & MODE;
}

static void
set_rounding(unsigned x)
{
	__asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)x));
}
#endif

/* Whoever has the lock resumes.  Each thread has a rounding mode of its own,
 * which the guest, that began with the default one, must not see, nor leave. */
static void *
resumer(void *arg)
{
	static const unsigned modes[] = { UP, DOWN, ZERO };
	unsigned mode = modes[(intptr_t)arg];

	set_rounding(mode);
	for (bool go = true; go; sched_yield()) {
		pthread_mutex_lock(&shared.lock);
		go = shared.rc == WRT_SUSPENDED;
		if (go) {
			shared.rc = wrt_instance_resume(shared.i, NULL, 0,
			    &shared.result);
			shared.turns++;
			CHECK_EQ(rounding(), mode & MODE);
		}
		pthread_mutex_unlock(&shared.lock);
	}
	return NULL;
}

/* In how many turns was it done? */
static int
run_crowded(struct env *e, const struct work *w, int64_t expected)
{
	wrt_val a = { .i64 = w->n };
	pthread_t t[3];

	shared.turns = 0;
	shared.rc = wrt_instance_call(e->i, w->name, &a, 1, &shared.result);
	for (intptr_t j = 0; j < 3; j++)
		CHECK_EQ(pthread_create(&t[j], NULL, resumer, (void *)j), 0);
	for (int j = 0; j < 3; j++)
		pthread_join(t[j], NULL);
	CHECK_EQ(shared.rc, 0);
	CHECK_EQ(shared.result.i64, expected);
	return shared.turns;
}

/* Where processors are short the timer may come when all is done. */
TEST(resumed_on_other_threads)
{
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	shared.i = e.i;
	for (int k = 0; k < NWORKS; k++) {
		int64_t expected = result_of(e.i, &works[k]);
		int tries = 0;

		if (!strcmp(works[k].name, "hosts"))
			continue;	/* its host rounds as it likes */
		CHECK_EQ(wrt_instance_set_slice(e.i, 100 * US), 0);
		while (!run_crowded(&e, &works[k], expected))
			CHECK(++tries < 1000);
	}
	down(&e);
}

static atomic_bool stop;
static atomic_int promised;

static void *
preempter(void *arg)
{
	uint32_t x = 2463534242u;

	while (!atomic_load(&stop)) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		nanosleep(&(struct timespec){ 0, x % 200 * US }, NULL);
		if (wrt_instance_preempt(arg) == WRT_OK)
			atomic_fetch_add(&promised, 1);
	}
	return NULL;
}

TEST(preempted_by_another_thread)
{
	NEEDS_SIGNALS();
	int64_t expected[NWORKS];
	struct env e;
	pthread_t t;
	int n = 0;

	up(&e);
	for (int k = 0; k < NWORKS; k++)
		expected[k] = result_of(e.i, &works[k]);
	CHECK_EQ(pthread_create(&t, NULL, preempter, e.i), 0);
	while (n < 300)
		for (int k = 0; k < NWORKS; k++)
			n += run_sliced(e.i, &works[k], 0, expected[k]);
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	CHECK(n <= atomic_load(&promised));
	CHECK_EQ(wrt_instance_preempt(e.i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_preempt(NULL), WRT_EINVAL);
	down(&e);
}

static struct {
	pthread_t thread;
	wrt_instance *i;
	volatile int begun, ended;
	atomic_int turn;
} preempted;

static void
on_alarm(int sig)
{
	preempted.begun++;
	wrt_instance_preempt(preempted.i);
	preempted.ended++;
}

/* One a turn, soon after it has begun. */
static void *
alarms(void *arg)
{
	for (int seen = 0; !atomic_load(&stop);) {
		int turn = atomic_load(&preempted.turn);

		if (turn == seen)
			continue;
		for (volatile int n = turn % 100 * 50; n > 0; n--)
			;
		pthread_kill(preempted.thread, SIGALRM);
		seen = turn;
	}
	return NULL;
}

/* By a handler of the host's, which may come when the guest is just about to go
 * on: it runs to its end before that does. */
TEST(preempted_by_a_handler)
{
	struct env e;
	pthread_t t;
	int begun, rc;

	NEEDS_SIGNALS();
	up(&e);
	CHECK_EQ(wrt_instance_set_slice(e.i, MS), 0);
	preempted.thread = pthread_self();
	preempted.i = e.i;
	CHECK(signal(SIGALRM, on_alarm) != SIG_ERR);
	CHECK_EQ(pthread_create(&t, NULL, alarms, NULL), 0);
	rc = wrt_instance_call(e.i, "count", NULL, 0, NULL);
	for (int k = 0; k < 5000; k++) {
		CHECK_EQ(rc, WRT_SUSPENDED);
		atomic_fetch_add(&preempted.turn, 1);
		rc = wrt_instance_resume(e.i, NULL, 0, NULL);
	}
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	begun = preempted.begun;
	CHECK(begun > 1000);
	CHECK_EQ(preempted.ended, begun);
	raise(SIGALRM);			/* it is not blocked */
	CHECK_EQ(preempted.ended, begun + 1);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	down(&e);
}

/* ---- A scheduler ------------------------------------------------------------ */

static int64_t
count_of(wrt_instance *i)
{
	wrt_global *g;

	CHECK_EQ(wrt_instance_global(i, "n", 1, &g), 0);
	return wrt_global_get(g).i64;
}

/* Endless guests in turn on one thread: each gets on, though not in a turn that
 * was over before it had a processor. */
TEST(round_robin)
{
	wrt_instance *i[NINST];
	int64_t first[NINST], last[NINST];
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	for (int k = 0; k < NINST; k++) {
		i[k] = api_instance(e.p, e.m, e.l);
		CHECK_EQ(wrt_instance_set_slice(i[k], MS), 0);
		CHECK_EQ(wrt_instance_call(i[k], "count", NULL, 0, NULL),
		    WRT_SUSPENDED);
		first[k] = last[k] = count_of(i[k]);
	}
	for (int round = 0; round < 20; round++)
		for (int k = 0; k < NINST; k++) {
			CHECK_EQ(wrt_instance_resume(i[k], NULL, 0, NULL),
			    WRT_SUSPENDED);
			CHECK(count_of(i[k]) >= last[k]);
			last[k] = count_of(i[k]);
		}
	for (int k = 0; k < NINST; k++) {
		CHECK_EQ(count_of(i[k]), last[k]);
		CHECK(last[k] > first[k]);
		wrt_instance_close(i[k]);
	}
	down(&e);
}

/* ---- States ------------------------------------------------------------------ */

TEST(what_a_suspended_one_refuses)
{
	wrt_val v = { .i64 = 1 }, r;
	struct wrt_trap t;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, NULL), WRT_ESTATE);
	for (int k = 0; k < 3; k++) {
		CHECK_EQ(wrt_instance_set_slice(e.i, 200 * US), 0);
		CHECK_EQ(wrt_instance_call(e.i, "count", NULL, 0, NULL),
		    WRT_SUSPENDED);
		CHECK_EQ(wrt_instance_suspended(e.i), 2);
		CHECK_EQ(wrt_instance_yielded(e.i, &r), 0);
		CHECK_EQ(r.i64, 0);
		CHECK_EQ(wrt_instance_call(e.i, "count", NULL, 0, NULL),
		    WRT_ESTATE);
		CHECK_EQ(wrt_instance_resume(e.i, &v, 1, NULL), WRT_ETYPE);
		CHECK_EQ(wrt_instance_kill(e.i, 1), WRT_ESTATE);
		CHECK_EQ(wrt_instance_preempt(e.i), WRT_ESTATE);
		CHECK_EQ(wrt_instance_set_timeout(e.i, MS, 0), WRT_ESTATE);
		CHECK_EQ(wrt_gc(e.i), WRT_ESTATE);
		CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, NULL),
		    WRT_SUSPENDED);
		CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
		CHECK_EQ(wrt_instance_suspended(e.i), 0);
		CHECK_EQ(count_of(e.i), 0);
		CHECK_EQ(wrt_gc(e.i), 0);
	}
	/* With the slice taken away it runs to its end. */
	CHECK_EQ(wrt_instance_call(e.i, "count", NULL, 0, NULL),
	    WRT_SUSPENDED);
	CHECK_EQ(wrt_instance_set_slice(e.i, 0), 0);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	CHECK_EQ(wrt_instance_set_timeout(e.i, 5 * MS, 0), 0);
	CHECK_EQ(wrt_instance_call(e.i, "count", NULL, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_TIMEOUT);
	down(&e);
}

/* The limits are of the call and not of its slices. */
TEST(limits_go_on_over_slices)
{
	static const uint64_t limits[][2] = { { 0, 5 * MS }, { 5 * MS, 0 } };
	struct wrt_trap t;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	for (int k = 0; k < 2; k++) {
		int rc, n = 0;

		CHECK_EQ(wrt_instance_set_timeout(e.i, limits[k][0],
		    limits[k][1]), 0);
		CHECK_EQ(wrt_instance_set_slice(e.i, 300 * US), 0);
		rc = wrt_instance_call(e.i, "count", NULL, 0, NULL);
		for (; rc == WRT_SUSPENDED && n < 100000; n++)
			rc = wrt_instance_resume(e.i, NULL, 0, NULL);
		CHECK_EQ(rc, WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, k ? WRT_TRAP_TIMEOUT : WRT_TRAP_CPU_TIME);
		CHECK(t.nframes > 0);
		CHECK_STR(t.frames[0].func, "count");
	}
	down(&e);
}

/* A guest learns nothing of slices that come while it waits. */
TEST(waits_are_not_cut_short)
{
	struct timespec a, b;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	for (int k = 0; k < 4; k++) {
		int32_t x = -1;
		wrt_val r = { .i64 = 0 };
		int rc;

		clock_gettime(CLOCK_MONOTONIC, &a);
		CHECK_EQ(wrt_instance_set_slice(e.i, 2 * MS), 0);
		rc = wrt_instance_call(e.i, k % 2 ? "wait" : "sleep", NULL, 0,
		    &r);
		while (rc == WRT_SUSPENDED)
			rc = wrt_instance_resume(e.i, NULL, 0, &r);
		CHECK_EQ(rc, 0);
		x = r.i32;
		clock_gettime(CLOCK_MONOTONIC, &b);
		CHECK_EQ(x, k % 2 ? 2 : 0);
		CHECK((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec -
		    a.tv_nsec >= 20 * MS);
	}
	down(&e);
}

/* Traps of a guest that was suspended are as they were. */
TEST(traps_after_going_on)
{
	wrt_val v = { .i64 = 1 }, r;
	struct wrt_trap t;
	struct env e;

	NEEDS_SIGNALS();
	up(&e);
	for (int k = 0; k < 20; k++) {
		int rc;

		CHECK_EQ(wrt_instance_set_slice(e.i, 50 * US), 0);
		v.i64 = k % 2 ? 3000000 : 1;
		rc = wrt_instance_call(e.i, k % 2 ? "oob" : "deep", &v, 1, &r);
		while (rc == WRT_SUSPENDED)
			rc = wrt_instance_resume(e.i, NULL, 0, &r);
		CHECK_EQ(rc, WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, k % 2 ? WRT_TRAP_MEMORY_OOB :
		    WRT_TRAP_STACK_OVERFLOW);
		CHECK_STR(t.frames[0].func, k % 2 ? "oob" : "deep");
	}
	down(&e);
}

/* ---- Kill --------------------------------------------------------------------- */

static void *
killer(void *arg)
{
	while (!atomic_load(&stop))
		for (volatile int n = 0; n < 3000; n++)
			if (n == 2999)
				wrt_instance_kill(arg, 77);
	return NULL;
}

/* Kills and slices at once. */
TEST(killed_while_sliced)
{
	struct wrt_trap t;
	struct env e;
	pthread_t id;
	int64_t expected;

	NEEDS_SIGNALS();
	up(&e);
	expected = result_of(e.i, &works[2]);
	CHECK_EQ(wrt_instance_set_slice(e.i, 20 * US), 0);
	CHECK_EQ(pthread_create(&id, NULL, killer, e.i), 0);
	for (int k = 0; k < 2000; k++) {
		wrt_val a = { .i64 = 1000000000 }, r;
		const struct work *w = &works[k % NWORKS];
		int rc = wrt_instance_call(e.i, w->name, &a, 1, &r);

		while (rc == WRT_SUSPENDED)
			rc = wrt_instance_resume(e.i, NULL, 0, &r);
		CHECK_EQ(rc, WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, 77);
	}
	atomic_store(&stop, true);
	pthread_join(id, NULL);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	CHECK_EQ(result_of(e.i, &works[2]), expected);
	down(&e);
}

TEST_MAIN
