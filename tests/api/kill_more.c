/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * kill_more.c: kills of a guest that waits, that throws, that allocates
 * objects; and of one that has not begun or has just ended.  One call of
 * wrt_instance_kill() suffices for each, whatever the guest does.
 *
 * With LONG in the environment there are many more: see kill.c.
 */
#include "kills.h"

/* Waits in the kernel until it is interrupted. */
static void
sleep_here(wrt_instance *caller)
{
	struct timespec hour = { 3600, 0 };

	(void)caller;
	nanosleep(&hour, NULL);
}

static void
up(struct waits *e, uint32_t flags)
{
	pause_fn = sleep_here;
	waits_up(e, (struct wrt_pool_config){ .gc_heap_bytes = 8 << 20,
	    .flags = flags });
	CHECK_EQ(api_call(e->i, "keep", 0, 0, 0, 0, NULL), 0);
}

static int
rounds(int n)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
	return n / 5;
#endif
#endif
	if (getenv("LONG"))
		alarm(20 * TEST_SECONDS);
	return getenv("LONG") ? n * 100 : n;
}

/* What must hold after a call that was stopped. */
static void
check_whole(struct waits *e, int k)
{
	wrt_val r;

	CHECK_EQ(wrt_instance_call(e->i, "whole", NULL, 0, &r), 0);
	CHECK_EQ(r.i64, 500500 + 500500 + 7);
	if (k % 64)
		return;
	CHECK_EQ(wrt_gc(e->i), 0);
	CHECK_EQ(wrt_instance_call(e->i, "whole", NULL, 0, &r), 0);
	CHECK_EQ(r.i64, 500500 + 500500 + 7);
	if (k % 256)
		return;
	CHECK_EQ(wrt_instance_reset(e->i, NULL), 0);
	CHECK_EQ(api_call(e->i, "keep", 0, 0, 0, 0, NULL), 0);
}

/* ---- From another thread ------------------------------------------------ */

static int
numbered(int k)
{
	return 1000 + k;
}

static void
kill_in(const char *const *funcs, int n)
{
	struct wrt_trap t;
	struct waits e;
	pthread_t id;
	int total = 0;

	NEEDS_SIGNALS();
	up(&e, 0);
	victim = e.i;
	kill_code = numbered;
	CHECK_EQ(pthread_create(&id, NULL, killer, NULL), 0);
	for (int k = 0; funcs[k]; k++)
		for (int j = 0; j < rounds(n); j++) {
			atomic_fetch_add(&wanted, 1);
			CHECK_EQ(api_call(e.i, funcs[k], 0, 0, 0, 0, NULL),
			    WRT_ETRAP);
			CHECK_EQ(wrt_trap_get(e.i, &t), 0);
			if (t.code != 1000 + total)
				test_end('F', "%s ended by %d: %s", funcs[k],
				    t.code, t.text);
			total++;
			while (atomic_load(&done) < total)
				sched_yield();
			check_whole(&e, j);
		}
	atomic_store(&wanted, -1);
	pthread_join(id, NULL);
	waits_down(&e);
}

#define KILL_IN(n, ...) \
	static const char *const f[] = { __VA_ARGS__, NULL }; \
	kill_in(f, n)

TEST(in_throws_and_allocations)
{
	KILL_IN(200, "throws", "objects", "large_objects");
}
TEST(in_atomic_waits) { KILL_IN(200, "waits", "short_waits"); }
TEST(in_wasi_waits)
{
	KILL_IN(200, "sleeps", "reads", "one_sleep", "one_read");
}
TEST(in_a_waiting_host_function) { KILL_IN(200, "pauses"); }

/* ---- Before the start and after the end ---------------------------------- */

static atomic_int ended, kills;
static atomic_bool stop;

/* Kills whenever there is something to be killed, and then waits for its end:
 * as many calls end so as kills were promised. */
static void *
random_killer(void *arg)
{
	uint32_t x = 88172645u;

	(void)arg;
	while (!atomic_load(&stop)) {
		int before = atomic_load(&ended);

		for (uint32_t n = next_random(&x) % 2000; n; n--)
			atomic_signal_fence(memory_order_seq_cst);
		if (wrt_instance_kill(victim, WRT_TRAP_INTERRUPT) != WRT_OK)
			continue;
		atomic_fetch_add(&kills, 1);
		while (atomic_load(&ended) == before)
			sched_yield();
	}
	return NULL;
}

TEST(around_short_calls)
{
	int n = rounds(500);
	struct wrt_trap t;
	struct waits e;
	pthread_t id;

	NEEDS_SIGNALS();
	up(&e, 0);
	victim = e.i;
	CHECK_EQ(pthread_create(&id, NULL, random_killer, NULL), 0);
	while (atomic_load(&ended) < n) {
		int32_t x = 0;
		int rc = api_call(e.i, "once", 0, 0, 0, 0, &x);

		if (rc == WRT_OK) {
			CHECK_EQ(x, 42);
			continue;
		}
		CHECK_EQ(rc, WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, WRT_TRAP_INTERRUPT);
		atomic_fetch_add(&ended, 1);
	}
	atomic_store(&stop, true);
	atomic_fetch_add(&ended, 1);	/* it may wait for the last */
	/* What it still promises, a call must keep. */
	for (int k = 0; k < 1000; k++)
		if (api_call(e.i, "once", 0, 0, 0, 0, NULL) == WRT_ETRAP)
			atomic_fetch_add(&ended, 1);
	pthread_join(id, NULL);
	for (int k = 0; k < 10; k++)
		CHECK_EQ(api_call(e.i, "once", 0, 0, 0, 0, NULL), 0);
	CHECK_EQ(atomic_load(&ended) - 1, atomic_load(&kills));
	CHECK_EQ(wrt_instance_kill(e.i, 1), WRT_ESTATE);
	CHECK_EQ(wrt_instance_kill(e.i, 0), WRT_EINVAL);
	waits_down(&e);
}

/* ---- From a timer, in the same thread ----------------------------------- */

TEST(from_a_timer)
{
	static const char *const f[] = { "throws", "objects", "large_objects",
		"waits", "short_waits", "sleeps", "one_sleep", "reads",
		"one_read", "pauses" };
	enum { N = sizeof f / sizeof *f };
	struct wrt_trap t;
	struct waits e;
	int n = rounds(100) * N;

	NEEDS_SIGNALS();
	up(&e, WRT_POOL_PLAIN);
	victim = e.i;
	timer_make();
	for (int k = 0; k < n; k++) {
		timer_arm(k);
		CHECK_EQ(api_call(e.i, f[k % N], 0, 0, 0, 0, NULL),
		    WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, WRT_TRAP_TIMEOUT);
		if (k % 8 == 0)
			check_whole(&e, k / 8);
	}
	timer_delete(timer);
	waits_down(&e);
}

TEST_MAIN
