/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * timeouts.c: time limits of calls, and the limits that an instance may have
 * below its pool's.  How soon a limit ends a call is not looked at here.
 */
#include "kills.h"

enum { MS = 1000000 };

/* The call ends by its limit and leaves all in order. */
static void
ends(wrt_instance *i, const char *f, int code, const char *text)
{
	struct wrt_trap t;
	int32_t x;

	CHECK_EQ(api_call(i, f, 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	CHECK_STR(t.text, text);
	CHECK_EQ(t.code, code);
	/* A machine that stops us for as long as the limit is no fault. */
	while (api_call(i, "once", 0, 0, 0, 0, &x) != 0) {
		CHECK_EQ(wrt_trap_get(i, &t), 0);
		CHECK(t.code == WRT_TRAP_TIMEOUT || t.code ==
		    WRT_TRAP_CPU_TIME);
	}
	CHECK_EQ(x, 42);
}

static const char *const wall_text = "time limit exceeded";
static const char *const cpu_text = "CPU time limit exceeded";

TEST(wall_limit_ends_every_wait)
{
	static const char *const f[] = { "spin", "objects", "throws", "waits",
		"short_waits", "sleeps", "reads", "one_sleep", "one_read",
		"pauses" };
	struct waits e;

	NEEDS_SIGNALS();
	waits_up(&e, (struct wrt_pool_config){ 0 });
	CHECK_EQ(wrt_instance_set_timeout(e.i, 3 * MS, 0), 0);
	for (size_t k = 0; k < 3 * sizeof f / sizeof *f; k++)
		ends(e.i, f[k / 3], WRT_TRAP_TIMEOUT, wall_text);
	waits_down(&e);
}

TEST(cpu_limit_ends_what_computes)
{
	static const char *const f[] = { "spin", "objects", "throws",
		"pauses" };
	struct waits e;

	NEEDS_SIGNALS();
	waits_up(&e, (struct wrt_pool_config){ 0 });
	CHECK_EQ(wrt_instance_set_timeout(e.i, 0, 3 * MS), 0);
	for (size_t k = 0; k < 3 * sizeof f / sizeof *f; k++)
		ends(e.i, f[k / 3], WRT_TRAP_CPU_TIME, cpu_text);
	/* The earlier of the two; sleeping takes no CPU time. */
	CHECK_EQ(wrt_instance_set_timeout(e.i, 20 * MS, 2 * MS), 0);
	ends(e.i, "waits", WRT_TRAP_TIMEOUT, wall_text);
	ends(e.i, "one_sleep", WRT_TRAP_TIMEOUT, wall_text);
	CHECK_EQ(wrt_instance_set_timeout(e.i, 3600000ull * MS, 2 * MS), 0);
	ends(e.i, "spin", WRT_TRAP_CPU_TIME, cpu_text);
	CHECK_EQ(wrt_instance_set_timeout(e.i, 2 * MS, 3600000ull * MS), 0);
	ends(e.i, "spin", WRT_TRAP_TIMEOUT, wall_text);
	CHECK_EQ(wrt_instance_set_timeout(e.i, UINT64_MAX, UINT64_MAX), 0);
	CHECK_EQ(api_call(e.i, "once", 0, 0, 0, 0, NULL), 0);
	waits_down(&e);
}

/* Calls within their limit, very many while the watchdog looks, are let be. */
TEST(limit_counts_for_each_call_anew)
{
	struct timespec a, b;
	struct waits e;
	int32_t x;

	NEEDS_SIGNALS();
	waits_up(&e, (struct wrt_pool_config){ .call_wall_ns = 50 * MS,
	    .call_cpu_ns = 50 * MS });
	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		for (int k = 0; k < 100; k++) {
			int rc = api_call(e.i, "once", 0, 0, 0, 0, &x);
			struct wrt_trap t;

			if (rc == WRT_ETRAP) {
				CHECK_EQ(wrt_trap_get(e.i, &t), 0);
				CHECK_EQ(t.code, WRT_TRAP_TIMEOUT);
			} else {
				CHECK_EQ(rc, 0);
				CHECK_EQ(x, 42);
			}
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
	} while (b.tv_sec - a.tv_sec < 2);
	ends(e.i, "spin", WRT_TRAP_TIMEOUT, wall_text);
	CHECK_EQ(wrt_instance_set_timeout(e.i, 0, 0), 0);
	CHECK_EQ(api_call(e.i, "once", 0, 0, 0, 0, &x), 0);
	waits_down(&e);
}

/* ---- Calls inside of calls ----------------------------------------------- */

static struct waits *env;
static wrt_instance *inner;
static int inner_rc;
static int pauses;

static void
call_inner(wrt_instance *caller)
{
	struct wrt_trap t;

	CHECK_EQ(wrt_instance_set_timeout(caller, 1, 1), WRT_ESTATE);
	if (pauses++)
		return;
	inner_rc = api_call(inner, "spin", 0, 0, 0, 0, NULL);
	CHECK_EQ(inner_rc, WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(inner, &t), 0);
	inner_rc = t.code;
}

static void
nest(uint64_t outer_wall, uint64_t inner_wall, int inner_code)
{
	static struct waits e;
	struct wrt_trap t;

	NEEDS_SIGNALS();
	waits_up(&e, (struct wrt_pool_config){ 0 });
	env = &e;
	inner = api_instance(e.p, e.m, e.l);
	CHECK_EQ(wrt_instance_set_timeout(e.i, outer_wall, 0), 0);
	CHECK_EQ(wrt_instance_set_timeout(inner, inner_wall, 0), 0);
	pause_fn = call_inner;
	pauses = 0;
	CHECK_EQ(api_call(e.i, "pauses", 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_TIMEOUT);
	CHECK_EQ(inner_rc, inner_code);
	pause_fn = NULL;
	/* Neither has left an alarm behind. */
	CHECK_EQ(wrt_instance_set_timeout(e.i, 0, 0), 0);
	usleep(30000);
	CHECK_EQ(api_call(e.i, "once", 0, 0, 0, 0, NULL), 0);
	wrt_instance_close(inner);
	waits_down(&e);
}

TEST(inner_limit_is_earlier) { nest(300 * MS, 2 * MS, WRT_TRAP_TIMEOUT); }
TEST(outer_limit_is_earlier)
{
	nest(2 * MS, 300 * MS, WRT_TRAP_INTERRUPT);
}
TEST(inner_has_no_limit) { nest(2 * MS, 0, WRT_TRAP_INTERRUPT); }

/* The outer call is over its time and its host function waits again. */
static void
wait_twice(wrt_instance *caller)
{
	struct timespec hour = { 3600, 0 };
	struct wrt_trap t;

	if (pauses++)
		return;
	CHECK_EQ(api_call(inner, "spin", 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(inner, &t), 0);
	CHECK(nanosleep(&hour, NULL) < 0);
	CHECK_EQ(errno, EINTR);
	CHECK(nanosleep(&hour, NULL) < 0);
	CHECK(nanosleep(&hour, NULL) < 0);
	/* Nor is a guest begun any more. */
	CHECK_EQ(api_call(inner, "spin", 0, 0, 0, 0, NULL), WRT_ETRAP);
}

TEST(host_function_waits_again)
{
	struct wrt_trap t;
	struct waits e;

	waits_up(&e, (struct wrt_pool_config){ 0 });
	inner = api_instance(e.p, e.m, e.l);
	CHECK_EQ(wrt_instance_set_timeout(e.i, 2 * MS, 0), 0);
	pause_fn = wait_twice;
	pauses = 0;
	CHECK_EQ(api_call(e.i, "pauses", 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_TIMEOUT);
	wrt_instance_close(inner);
	waits_down(&e);
}

/* ---- Threads and processes ------------------------------------------------ */

static void *
thread(void *arg)
{
	struct waits *e = arg;
	wrt_instance *i = api_instance(e->p, e->m, e->l);

	for (int k = 0; k < 20; k++) {
		CHECK_EQ(wrt_instance_set_timeout(i, k % 2 ? MS : 0,
		    k % 2 ? 0 : MS), 0);
		ends(i, "spin", k % 2 ? WRT_TRAP_TIMEOUT : WRT_TRAP_CPU_TIME,
		    k % 2 ? wall_text : cpu_text);
	}
	wrt_instance_close(i);
	return NULL;
}

TEST(threads_have_their_own_limits)
{
	pthread_t t[3];
	struct waits e;

	NEEDS_SIGNALS();
	waits_up(&e, (struct wrt_pool_config){ 0 });
	for (int round = 0; round < 3; round++) {
		for (int k = 0; k < 3; k++)
			CHECK_EQ(pthread_create(&t[k], NULL, thread, &e), 0);
		for (int k = 0; k < 3; k++)
			pthread_join(t[k], NULL);
	}
	waits_down(&e);
}

/* fork in a host with threads: the child has no watchdog, and makes one. */
TEST(limits_in_a_forked_child)
{
	struct waits e, c;
	int status;
	pid_t pid;

	NEEDS_SIGNALS();
	waits_up(&e, (struct wrt_pool_config){ 0 });
	CHECK_EQ(wrt_instance_set_timeout(e.i, MS, 0), 0);
	ends(e.i, "spin", WRT_TRAP_TIMEOUT, wall_text);
	CHECK((pid = fork()) >= 0);
	if (pid == 0) {
		CHECK_EQ(api_call(e.i, "once", 0, 0, 0, 0, NULL), WRT_ESTATE);
		waits_up(&c, (struct wrt_pool_config){ .call_wall_ns = 2 * MS });
		ends(c.i, "spin", WRT_TRAP_TIMEOUT, wall_text);
		CHECK_EQ(wrt_instance_set_timeout(c.i, 0, MS), 0);
		ends(c.i, "spin", WRT_TRAP_CPU_TIME, cpu_text);
		waits_down(&c);
		_exit(0);
	}
	ends(e.i, "sleeps", WRT_TRAP_TIMEOUT, wall_text);
	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	waits_down(&e);
}

/* The start function is a call of its own. */
TEST(limit_of_a_start_function)
{
	static const uint8_t wasm[] = { 0, 'a', 's', 'm', 1, 0, 0, 0,
		1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 8, 1, 0,
		10, 9, 1, 7, 0, 3, 0x40, 0x0c, 0, 0x0b, 0x0b };
	struct wrt_pool_config c = { .max_instances = 1, .max_memories = 1,
		.call_cpu_ns = 3 * MS };
	struct wasmc_error ce;
	struct wrt_error err;
	wrt_instance *i = NULL;
	wrt_module *m;
	wrt_pool *p;
	char so[64];

	NEEDS_SIGNALS();
	snprintf(so, sizeof so, "build/tests/start-%d.so", (int)getpid());
	if (wasmc_compile(wasm, sizeof wasm, "start", so, NULL, &ce) !=
	    WASMC_OK)
		test_end('F', "%s", ce.text);
	CHECK_EQ(wrt_module_open(&m, so, NULL), 0);
	unlink(so);
	CHECK_EQ(wrt_pool_create(&p, &c, NULL), 0);
	CHECK_EQ(wrt_instance_create(&i, p, m, NULL, &err), WRT_ETRAP);
	CHECK_STR(err.text, "CPU time limit exceeded (start function 0)");
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* ---- Other limits of one instance ----------------------------------------- */

TEST(table_and_memory_limits_of_an_instance)
{
	wrt_memory *mem;
	wrt_table *t;
	struct waits e;
	int32_t x;

	waits_up(&e, (struct wrt_pool_config){ 0 });
	CHECK_EQ(wrt_instance_table(e.i, "tab", 3, &t), 0);
	wrt_table_limit(t, 50);
	wrt_table_limit(t, 70);
	for (int k = 0; k < 2; k++) {
		CHECK_EQ(api_call(e.i, "grow_table", 1, 50, 0, 0, &x), 0);
		CHECK_EQ(x, -1);
		CHECK_EQ(api_call(e.i, "grow_table", 1, 49, 0, 0, &x), 0);
		CHECK_EQ(x, 1);
		CHECK_EQ(wrt_table_grow(t, 1, (wrt_val){ .ref = NULL }), -1);
		CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	}
	CHECK_EQ(wrt_instance_memory(e.i, "memory", 6, &mem), 0);
	wrt_memory_limit(mem, 2 << 16);
	CHECK_EQ(api_call(e.i, "grow_memory", 1, 2, 0, 0, &x), 0);
	CHECK_EQ(x, -1);
	CHECK_EQ(api_call(e.i, "grow_memory", 1, 1, 0, 0, &x), 0);
	CHECK_EQ(x, 1);
	CHECK_EQ(wrt_memory_grow(mem, 1), -1);
	waits_down(&e);
}

TEST(heap_limit_of_an_instance)
{
	struct wrt_gc_stats s;
	struct wrt_trap t;
	struct waits e;

	waits_up(&e, (struct wrt_pool_config){ 0 });
	CHECK_EQ(wrt_gc_limit(e.i, 64 << 20), 0);
	CHECK_EQ(wrt_gc_limit(e.i, 1 << 30), 0);
	CHECK_EQ(wrt_gc_stats(e.i, &s), 0);
	CHECK_EQ(s.limit_bytes, 64 << 20);
	CHECK_EQ(api_call(e.i, "keep", 0, 0, 0, 0, NULL), 0);
	CHECK_EQ(wrt_gc_limit(e.i, 32768), 0);
	CHECK_EQ(api_call(e.i, "keep", 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_HEAP);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	CHECK_EQ(api_call(e.i, "once", 0, 0, 0, 0, NULL), 0);
	CHECK_EQ(wrt_gc_limit(NULL, 1), WRT_EINVAL);
	waits_down(&e);
}

TEST_MAIN
