/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * kill_states.c: kills at random moments of everything that a call can be in
 * the midst of, beside kill.c's and kill_more.c's: sessions, fast host
 * functions, continuations, suspensions, slices, start functions, calls within
 * calls, traps, exceptions.
 *
 * At most one kill is on its way at a time, and each has a code of its own, so
 * that every wrt_instance_kill() that gave WRT_OK is seen to end just one call,
 * and no call ends otherwise than it should.  Whatever returns is compared with
 * the value it must have; another thread computes all the while.
 *
 * With LONG in the environment there are a million, or so many for each state,
 * way and memory mode.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "api.h"

static const uint8_t i32s[] = { WRT_I32 }, f64s[] = { WRT_F64 };
static const struct wrt_functype i1_t = { 1, 1, i32s, i32s };
static const struct wrt_functype f1_t = { 1, 1, f64s, f64s };
static const struct wrt_functype i0_t = { 0, 1, i32s, i32s };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i, *inner, *bystander;
	struct wrt_typed typed[3];
	bool starting;			/* the start function is to spin */
	int32_t mix7;			/* mix(7) */
};

/* ---- Kills, one at a time ------------------------------------------------ */

enum { FIRST_CODE = 1000 };

static wrt_instance *victim;
static atomic_int kills, ended;
static atomic_bool stop;
static bool timed;			/* from a timer, not a thread */
static timer_t timer;
static volatile long delay;
static uint32_t seed = 2463534242u;	/* the timer's thread's */

static bool
kill_once(void)
{
	if (wrt_instance_kill(victim, FIRST_CODE + atomic_load(&kills)) !=
	    WRT_OK)
		return false;
	atomic_fetch_add(&kills, 1);
	return true;
}

/* Sleeps while it waits, or it would have to share a processor with those that
 * it is to disturb: a thread that wakes up is run at once. */
static void *
killer(void *arg)
{
	const struct timespec little = { .tv_nsec = 1000 };
	uint32_t x = 88172645u;

	(void)arg;
	while (!atomic_load(&stop)) {
		for (uint32_t n = next_random(&x) % 4000; n; n--)
			atomic_signal_fence(memory_order_seq_cst);
		if (!kill_once())
			nanosleep(&little, NULL);
		while (atomic_load(&ended) < atomic_load(&kills) &&
		    !atomic_load(&stop))
			nanosleep(&little, NULL);
	}
	return NULL;
}

static void
arm(long ns)
{
	const struct itimerspec it = { .it_value = { .tv_nsec = ns } };

	timer_settime(timer, 0, &it, NULL);
}

/* Nobody runs: again, after ever longer times, up to a few milliseconds, so that
 * calls get on also where signals take long. */
static void
on_timer(int sig)
{
	int e = errno;

	(void)sig;
	if (!kill_once()) {
		if (delay < 2000000)
			delay *= 2;
		arm(delay + next_random(&seed) % 100000);
	}
	errno = e;
}

static void
arm_anew(void)
{
	if (timed)
		arm(delay = 10000 + next_random(&seed) % 50000);
}

/* Did the call of i end by the kill that is on its way? */
static bool
killed(wrt_instance *i, int rc)
{
	struct wrt_trap t;

	if (rc != WRT_ETRAP)
		return false;
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	if (t.code < FIRST_CODE)
		return false;
	CHECK_EQ(t.code, FIRST_CODE + atomic_load(&ended));
	for (size_t k = 0; k < t.nframes; k++)
		CHECK(t.frames[k].func);
	atomic_fetch_add(&ended, 1);
	arm_anew();
	return true;
}

/* ---- Host functions ------------------------------------------------------ */

static int
starts(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 = ((struct env *)data)->starting;
	return WRT_OK;
}

static int32_t
fast(void *data, wrt_instance *caller, int32_t x)
{
	return x + 1;
}

static double
fastf(void *data, wrt_instance *caller, double x)
{
	return x + 1;
}

static int
await(void *data, wrt_instance *caller, wrt_val *v)
{
	return wrt_yield(caller, v[0]);
}

/* -1: run the inner one until somebody else is killed; otherwise until it is. */
static int
nest(void *data, wrt_instance *caller, wrt_val *v)
{
	struct env *e = data;
	struct wrt_trap t;
	int rc = api_call(e->inner, "spin", 1, 0, 0, 0, NULL);

	CHECK_EQ(rc, WRT_ETRAP);
	if (v[0].i32 != -1) {
		CHECK(killed(e->inner, rc));
		return WRT_OK;
	}
	CHECK_EQ(wrt_trap_get(e->inner, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_INTERRUPT);
	return WRT_EINVAL;
}

static void
up(struct env *e, const char *mode)
{
	const struct wasmc_options opt = { .features = "all" };
	struct wrt_pool_config c = { .max_instances = 8, .max_memories = 1,
		.stack_bytes = 32 << 10 };	/* or overflows take long */
	static const char *const typed[] = { "mix", "fasts", "conts" };

	memset(e, 0, sizeof *e);
	setenv("WASMRT_MEMORY", mode, 1);
	if (wrt_pool_create(&e->p, &c, NULL) != WRT_OK)
		SKIP("the kernel has no memory mode \"%s\"", mode);
	e->m = api_module_with("kill_states", &opt);
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "starts", &i0_t, starts, e), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "await", &i1_t, await, e), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "nest", &i1_t, nest, e), 0);
	CHECK_EQ(wrt_imports_typed(e->l, "env", "fast", &i1_t,
	    (void (*)(void))fast, e), 0);
	CHECK_EQ(wrt_imports_typed(e->l, "env", "fastf", &f1_t,
	    (void (*)(void))fastf, e), 0);
	e->i = api_instance(e->p, e->m, e->l);
	e->inner = api_instance(e->p, e->m, e->l);
	e->bystander = api_instance(e->p, e->m, e->l);
	CHECK_EQ(api_call(e->inner, "mix", 1, 7, 0, 0, &e->mix7), 0);
	for (int k = 0; k < 3; k++) {
		wrt_func *f;

		CHECK_EQ(wrt_instance_func(e->i, typed[k], strlen(typed[k]),
		    &f, NULL), 0);
		CHECK_EQ(wrt_func_typed(f, &i1_t, &e->typed[k]), 0);
	}
}

static void
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_instance_close(e->inner);
	wrt_instance_close(e->bystander);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

/* ---- States --------------------------------------------------------------
 *
 * Each function makes a call, or some, which are killed or not.
 */
static void
calls(struct env *e, const char *f, int32_t arg, int32_t expected)
{
	int32_t x = 0;
	int rc = api_call(e->i, f, 1, arg, 0, 0, &x);

	if (killed(e->i, rc))
		return;
	CHECK_EQ(rc, WRT_OK);
	CHECK_EQ(x, expected);
}

static void short_calls(struct env *e) { calls(e, "mix", 7, e->mix7); }
static void fast_hosts(struct env *e) { calls(e, "fasts", 7, 25); }
static void continuations(struct env *e) { calls(e, "conts", 7, 34); }

/* The trap that it is, unless it is killed. */
static void
traps(struct env *e, const char *f, int32_t arg, int code)
{
	struct wrt_exception ex;
	struct wrt_trap t;
	int rc = api_call(e->i, f, 1, arg, 0, 0, NULL);

	CHECK_EQ(rc, WRT_ETRAP);
	if (killed(e->i, rc))
		return;
	CHECK_EQ(wrt_trap_get(e->i, &t), 0);
	if (t.code != code)
		test_end('F', "%s ended by %d: %s", f, t.code, t.text);
	if (code != WRT_TRAP_EXCEPTION)
		return;
	CHECK_EQ(wrt_exception_get(e->i, &ex), 0);
	CHECK_EQ(ex.vals[0].i32, arg);
}

static void
faults(struct env *e)
{
	traps(e, "oob", 0, WRT_TRAP_MEMORY_OOB);
}

/* The counter tells how it ended: to ask for the trap is to walk over all of a
 * deep stack, which takes much longer than to fill it. */
static void
overflows(struct env *e)
{
	struct wrt_stats before, after;

	CHECK_EQ(wrt_instance_stats(e->i, &before, sizeof before), 0);
	CHECK_EQ(api_call(e->i, "deep", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_instance_stats(e->i, &after, sizeof after), 0);
	if (after.traps[WRT_TRAP_STACK_OVERFLOW] ==
	    before.traps[WRT_TRAP_STACK_OVERFLOW])
		CHECK(killed(e->i, WRT_ETRAP));
}

static void
exceptions(struct env *e)
{
	traps(e, "throw", 4711, WRT_TRAP_EXCEPTION);
}

/* Ends by a kill only. */
static void
for_ever(struct env *e, const char *f, int32_t arg)
{
	traps(e, f, arg, -1);
}

static void spinning(struct env *e) { for_ever(e, "spin", 0); }
static void fast_for_ever(struct env *e) { for_ever(e, "fasts_for_ever", 0); }
static void conts_for_ever(struct env *e) { for_ever(e, "conts_for_ever", 0); }
static void thrown(struct env *e) { for_ever(e, "thrown_for_ever", 0); }
static void outer_killed(struct env *e) { for_ever(e, "nest", -1); }
static void outer_in_cont(struct env *e) { for_ever(e, "nest_in_cont", -1); }

static void
inner_killed(struct env *e)
{
	int32_t x;

	victim = e->inner;
	CHECK_EQ(api_call(e->i, "nest", 1, 7, 0, 0, &x), 0);
	CHECK_EQ(x, 8);
}

static void
inner_in_cont(struct env *e)
{
	int32_t x;

	victim = e->inner;
	CHECK_EQ(api_call(e->i, "nest_in_cont", 1, 7, 0, 0, &x), 0);
	CHECK_EQ(x, 8);
}

static void
suspensions(struct env *e)
{
	wrt_val r = { .i32 = 0 }, v = { .i32 = 10 }, y;
	int32_t x;
	int rc = api_call(e->i, "yields", 1, 5, 0, 0, &x);

	for (int k = 1; k <= 2 && rc == WRT_SUSPENDED; k++, v.i32 += 10) {
		CHECK_EQ(wrt_instance_kill(e->i, 1), WRT_ESTATE);
		CHECK_EQ(wrt_instance_yielded(e->i, &y), 0);
		CHECK_EQ(y.i32, k);
		rc = wrt_instance_resume(e->i, &v, 1, &r);
	}
	CHECK_EQ(wrt_instance_suspended(e->i), 0);
	if (killed(e->i, rc))
		return;
	CHECK_EQ(rc, WRT_OK);
	CHECK_EQ(r.i32, 35);
}

static void
slices(struct env *e)
{
	wrt_val r;
	int rc;

	CHECK_EQ(wrt_instance_set_slice(e->i, 20000), 0);
	rc = api_call(e->i, "fasts_for_ever", 1, 0, 0, 0, NULL);
	while (rc == WRT_SUSPENDED)
		rc = wrt_instance_resume(e->i, NULL, 0, &r);
	CHECK(killed(e->i, rc));
	CHECK_EQ(wrt_instance_set_slice(e->i, 0), 0);
}

static void
sessions(struct env *e)
{
	const int32_t expected[] = { e->mix7, 25, 34 };

	CHECK_EQ(wrt_instance_enter(e->i), 0);
	for (int k = 0; k < 30; k++) {
		struct wrt_typed *t = &e->typed[k % 3];
		int32_t x = ((int32_t (*)(struct wrt_typed *, int32_t))
		    t->call)(t, 7);

		if (killed(e->i, t->status))
			continue;
		CHECK_EQ(t->status, WRT_OK);
		CHECK_EQ(x, expected[k % 3]);
	}
	if (!killed(e->i, wrt_instance_leave(e->i)))
		CHECK_EQ(wrt_instance_leave(e->i), WRT_ESTATE);
}

static void
session_for_ever(struct env *e)
{
	CHECK_EQ(wrt_instance_enter(e->i), 0);
	for_ever(e, "fasts_for_ever", 0);
	short_calls(e);
	killed(e->i, wrt_instance_leave(e->i));
}

/* A start function that is run again. */
static void
resets(struct env *e)
{
	struct wrt_error err;
	int rc;

	e->starting = true;
	rc = wrt_instance_reset(e->i, &err);
	CHECK(killed(e->i, rc));
	e->starting = false;
	do
		rc = wrt_instance_reset(e->i, &err);
	while (killed(e->i, rc));
	CHECK_EQ(rc, 0);
}

/* ---- What must hold afterwards ------------------------------------------- */

/* These may be killed too, and are then made again. */
static void
gives(struct env *e, const char *f, int32_t arg, int32_t expected)
{
	int32_t x = 0;
	int rc;

	do
		rc = api_call(e->i, f, 1, arg, 0, 0, &x);
	while (killed(e->i, rc));
	CHECK_EQ(rc, WRT_OK);
	CHECK_EQ(x, expected);
}

static void
check_whole(struct env *e, int k)
{
	wrt_memory *mem;
	wrt_instance *c;
	int32_t x;
	int rc;

	gives(e, "once", k, k + 1);
	gives(e, "mix", 7, e->mix7);
	gives(e, "conts", 7, 34);
	CHECK_EQ(wrt_instance_memory(e->i, "mem", 3, &mem), 0);
	CHECK_EQ(wrt_memory_pages(mem), 2);
	if (k % 16)
		return;
	do
		rc = wrt_instance_reset(e->i, NULL);
	while (killed(e->i, rc));
	CHECK_EQ(rc, 0);
	CHECK_EQ(wrt_instance_clone(&c, e->i, e->p, NULL), 0);
	CHECK_EQ(api_call(c, "mix", 1, 7, 0, 0, &x), 0);
	CHECK_EQ(x, e->mix7);
	wrt_instance_close(c);
	CHECK_EQ(wrt_instance_kill(e->inner, 1), WRT_ESTATE);
}

/* Has nothing to do with all that, and goes on. */
static void *
bystander(void *arg)
{
	struct env *e = arg;
	wrt_instance *i = e->bystander;
	struct wrt_trap t;
	int32_t x;

	while (!atomic_load(&stop)) {
		CHECK_EQ(api_call(i, "mix", 1, 7, 0, 0, &x), 0);
		CHECK_EQ(x, e->mix7);
		CHECK_EQ(api_call(i, "conts", 1, 7, 0, 0, &x), 0);
		CHECK_EQ(x, 34);
		CHECK_EQ(api_call(i, "oob", 1, 0, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(i, &t), 0);
		CHECK_EQ(t.code, WRT_TRAP_MEMORY_OOB);
		usleep(100);
	}
	return NULL;
}

/* ---- All of it ------------------------------------------------------------ */

static int
rounds(void)
{
	NEEDS_SIGNALS();
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
	return 10;
#endif
#endif
	if (!getenv("LONG"))
		return 50;
	alarm(60 * TEST_SECONDS);
	return atoi(getenv("LONG")) > 1 ? atoi(getenv("LONG")) : 15000;
}

static void
make_timer(void)
{
	struct sigaction sa = { .sa_handler = on_timer,
		.sa_flags = SA_RESTART | SA_ONSTACK };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR1 };

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &timer), 0);
}

/* SIGUSR1 is for the thread that runs what is killed. */
static void
thread(pthread_t *t, void *(*fn)(void *), void *arg)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	CHECK_EQ(pthread_create(t, NULL, fn, arg), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void
run(struct env *e, void (*state)(struct env *), int n)
{
	pthread_t k, b;

	victim = e->i;
	atomic_store(&stop, false);
	atomic_store(&kills, 0);
	atomic_store(&ended, 0);
	if (timed)
		make_timer();
	else
		thread(&k, killer, NULL);
	thread(&b, bystander, e);
	arm_anew();
	for (int seen = 0; atomic_load(&ended) < n;) {
		state(e);
		if (atomic_load(&ended) > seen) {
			check_whole(e, seen);
			seen = atomic_load(&ended);
		}
	}
	if (timed)
		timer_delete(timer);
	atomic_store(&stop, true);
	if (!timed)
		pthread_join(k, NULL);
	pthread_join(b, NULL);
	CHECK_EQ(atomic_load(&ended), atomic_load(&kills));
	CHECK_EQ(wrt_instance_kill(e->i, 1), WRT_ESTATE);
	gives(e, "mix", 7, e->mix7);
}

static void
kill_in(void (*state)(struct env *))
{
	static const char *const modes[] = { "userfaultfd", "plain" };
	int n = rounds();

	for (int k = 0; k < 4; k++) {
		struct env e;

		if ((k == 1 || k == 2) && !getenv("LONG"))
			continue;
		timed = k & 1;
		up(&e, modes[k / 2]);
		run(&e, state, n);
		down(&e);
	}
}

#define KILL_IN(state) TEST(in_##state) { kill_in(state); }
KILL_IN(spinning)
KILL_IN(short_calls)
KILL_IN(fast_hosts)
KILL_IN(fast_for_ever)
KILL_IN(continuations)
KILL_IN(conts_for_ever)
KILL_IN(thrown)
KILL_IN(faults)
KILL_IN(overflows)
KILL_IN(exceptions)
KILL_IN(outer_killed)
KILL_IN(outer_in_cont)
KILL_IN(inner_killed)
KILL_IN(inner_in_cont)
KILL_IN(suspensions)
KILL_IN(slices)
KILL_IN(sessions)
KILL_IN(session_for_ever)
KILL_IN(resets)

TEST_MAIN
