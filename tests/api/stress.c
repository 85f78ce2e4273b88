/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * stress.c: threads that create, call, reset, clone, trap, kill, suspend and
 * close instances of several modules in shared pools, wide and dense, all at
 * the same time.  Every instance knows who it is, all over its memory, so that
 * whatever reaches from one into another is seen by value.
 *
 * Suspended instances go from thread to thread.  A thread of its own kills what
 * runs, trims the pools, opens and closes modules.
 *
 * With LONG in the environment, for so many seconds (60 if it is no number).
 * ThreadSanitizer cannot deliver kills (docs/THREADS.md); there are none then.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "api.h"

enum { NTHREADS = 10, NOWN = 6, NPASSED = 16, NPOOLS = 3, KILLED = 77 };

static const uint8_t i32s[] = { WRT_I32 };
static const struct wrt_functype i1_t = { 1, 1, i32s, i32s };

static struct env {
	wrt_pool *p[NPOOLS];
	wrt_module *m[NPOOLS];		/* for each pool */
	wrt_module *gc;
	wrt_imports *l;
	int32_t mix7;
} env;

static atomic_bool stop;

/* What a thread has. */
struct own {
	wrt_instance *i;
	bool gc;
	int32_t id;
	int32_t first;			/* what a reset makes of id */
	int32_t arg;			/* suspended: of "yields", else 0 */
	int awaited;			/* resumed so often */
};

struct worker {
	pthread_t thread;
	uint32_t seed;
	pthread_mutex_t lock;		/* running, which may be killed */
	wrt_instance *running;
	struct own own[NOWN];
	atomic_uint calls, kills, moved;
};
static struct worker workers[NTHREADS];

/* Suspended ones, for whoever comes. */
static struct {
	pthread_mutex_t lock;
	struct own own[NPASSED];
} passed = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int
await(void *data, wrt_instance *caller, wrt_val *v)
{
	return wrt_yield(caller, v[0]);
}

static int32_t
fast(void *data, wrt_instance *caller, int32_t x)
{
	return x + 3;
}

/* ---- Calls ---------------------------------------------------------------- */

static void
runs(struct worker *w, wrt_instance *i)
{
	pthread_mutex_lock(&w->lock);
	w->running = i;
	pthread_mutex_unlock(&w->lock);
}

static bool
killed(struct worker *w, wrt_instance *i, int rc)
{
	struct wrt_trap t;

	if (rc != WRT_ETRAP)
		return false;
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	if (t.code != KILLED)
		return false;
	w->kills++;
	return true;
}

static int
call(struct worker *w, struct own *o, const char *f, int32_t arg, int32_t *x)
{
	int rc;

	runs(w, o->i);
	rc = api_call(o->i, f, 1, arg, 0, 0, x);
	runs(w, NULL);
	w->calls++;
	return rc;
}

/* The value, however often it is killed. */
static void
gives(struct worker *w, struct own *o, const char *f, int32_t arg,
    int32_t expected)
{
	int32_t x = 0;
	int rc;

	do
		rc = call(w, o, f, arg, &x);
	while (killed(w, o->i, rc));
	if (rc != WRT_OK || x != expected)
		test_end('F', "%s(%d) of %d: status %d, %d, not %d", f, arg,
		    o->id, rc, x, expected);
}

static void
traps(struct worker *w, struct own *o, const char *f, int32_t arg, int code)
{
	struct wrt_trap t;
	int rc = call(w, o, f, arg, NULL);

	CHECK_EQ(rc, WRT_ETRAP);
	if (killed(w, o->i, rc))
		return;
	CHECK_EQ(wrt_trap_get(o->i, &t), 0);
	if (t.code != code)
		test_end('F', "%s(%d) of %d: %s", f, arg, o->id, t.text);
	CHECK(t.nframes > 0 && t.frames[0].func[0]);
}

/* ---- What a thread does --------------------------------------------------- */

static void
close_own(struct worker *w, struct own *o)
{
	(void)w;
	wrt_instance_close(o->i);
	memset(o, 0, sizeof *o);
}

/* May be refused when the pool is full. */
static void
create(struct worker *w, struct own *o)
{
	uint32_t k = next_random(&w->seed) % (NPOOLS + 1);
	struct wrt_error err;
	int rc;

	memset(o, 0, sizeof *o);
	o->gc = k == NPOOLS;
	rc = wrt_instance_create(&o->i, env.p[k % NPOOLS], o->gc ? env.gc :
	    env.m[k], env.l, &err);
	if (rc == WRT_ELIMIT) {
		memset(o, 0, sizeof *o);
		return;
	}
	if (rc != WRT_OK)
		test_end('F', "create: %s", err.text);
	if (!o->gc)
		gives(w, o, "who", 0, 0);
}

static void
stamp(struct worker *w, struct own *o)
{
	int32_t id = (int32_t)(next_random(&w->seed) >> 2 | 1);

	gives(w, o, o->gc ? "keep" : "stamp", id, id);
	o->id = id;
}

static void
look(struct worker *w, struct own *o)
{
	if (o->gc)
		gives(w, o, "sums", 5, o->id ? (int32_t)((uint32_t)o->id * 500u)
		    + 2500 : 2500);
	else
		gives(w, o, "who", 0, o->id);
}

static void
compute(struct worker *w, struct own *o)
{
	if (o->gc)
		return;
	gives(w, o, "mix", 7, env.mix7);
	gives(w, o, "hosts", 7, 67);
	gives(w, o, "caught", 4711, 4711);
}

static void
grow(struct worker *w, struct own *o)
{
	wrt_memory *mem;
	int64_t pages;
	int32_t x;
	int rc;

	if (o->gc)
		return;
	CHECK_EQ(wrt_instance_memory_at(o->i, 0, &mem), 0);
	pages = (int64_t)wrt_memory_pages(mem);
	rc = call(w, o, "grow", 1, &x);
	if (killed(w, o->i, rc)) {
		stamp(w, o);		/* it may have been in the midst */
		return;
	}
	CHECK_EQ(rc, 0);
	CHECK(x == -1 ? pages == 20 : x == pages);
	CHECK_EQ(wrt_memory_pages(mem), pages + (x != -1));
}

static void
trap(struct worker *w, struct own *o)
{
	if (o->gc) {
		traps(w, o, "null", 0, 13);
		return;
	}
	for (int32_t k = 0; k < 5; k++)
		traps(w, o, "oob", k * 70000, WRT_TRAP_MEMORY_OOB);
	traps(w, o, "deep", 0, WRT_TRAP_STACK_OVERFLOW);
}

static void
reset(struct worker *w, struct own *o)
{
	CHECK_EQ(wrt_instance_reset(o->i, NULL), 0);
	o->id = o->first;
	look(w, o);
}

static void
copy(struct worker *w, struct own *o)
{
	struct own c = *o, *to = NULL;
	struct wrt_error err;
	int rc;

	for (int k = 0; k < NOWN && !to; k++)
		to = w->own[k].i ? NULL : &w->own[k];
	if (o->gc || !to)
		return;
	rc = wrt_instance_clone(&c.i, o->i, env.p[(unsigned)o->id % 2], &err);
	if (rc == WRT_ELIMIT || rc == WRT_EINVAL || rc == WRT_ELOAD)
		return;			/* full; or dense, and it is not */
	if (rc != WRT_OK)
		test_end('F', "clone: %d, %s", rc, err.text);
	c.first = c.id;
	*to = c;
	look(w, to);
	stamp(w, to);
	look(w, o);
	look(w, to);
}

/* Until it waits, or is killed. */
static void
suspend(struct worker *w, struct own *o)
{
	int rc;

	if (o->gc)
		return;
	rc = call(w, o, "yields", 9, NULL);
	if (killed(w, o->i, rc))
		return;
	CHECK_EQ(rc, WRT_SUSPENDED);
	o->arg = 9;
	o->awaited = 0;
}

static void
resume(struct worker *w, struct own *o)
{
	wrt_val v = { .i32 = 100 << o->awaited }, r = { .i32 = 0 };
	int rc;

	runs(w, o->i);
	rc = wrt_instance_resume(o->i, &v, 1, &r);
	runs(w, NULL);
	if (killed(w, o->i, rc)) {
		o->arg = 0;
	} else if (++o->awaited < 2) {
		CHECK_EQ(rc, WRT_SUSPENDED);
	} else {
		CHECK_EQ(rc, WRT_OK);
		CHECK_EQ(r.i32, o->id + 9 + 300);
		o->arg = 0;
		look(w, o);
	}
}

/* Give what is suspended to another thread, and take what one has given. */
static void
pass(struct worker *w, struct own *o)
{
	struct own *slot = &passed.own[next_random(&w->seed) % NPASSED], had;

	pthread_mutex_lock(&passed.lock);
	had = *slot;
	*slot = *o;
	*o = had;
	pthread_mutex_unlock(&passed.lock);
	w->moved++;
}

static void (*const acts[])(struct worker *, struct own *) = {
	stamp, look, look, compute, compute, grow, trap, reset, copy, copy,
	suspend, suspend, close_own,
};
enum { NACTS = sizeof acts / sizeof *acts };

static void *
work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&stop)) {
		struct own *o = &w->own[next_random(&w->seed) % NOWN];
		uint32_t r = next_random(&w->seed) >> 8;

		if (!o->i)
			create(w, o);
		else if (o->arg && r % 8 == 0)
			close_own(w, o);
		else if (o->arg && r % 2)
			pass(w, o);
		else if (o->arg)
			resume(w, o);
		else
			acts[r % NACTS](w, o);
	}
	for (int k = 0; k < NOWN; k++)
		close_own(w, &w->own[k]);
	return NULL;
}

/* ---- Beside them ----------------------------------------------------------- */

static void
kill_one(struct worker *w)
{
	if (THREAD_SANITIZER)
		return;
	pthread_mutex_lock(&w->lock);
	if (w->running)
		wrt_instance_kill(w->running, KILLED);
	pthread_mutex_unlock(&w->lock);
}

static void
disturb(uint32_t *seed, unsigned n)
{
	struct wrt_error err;
	wrt_module *again;

	for (int k = 0; k < 3; k++)
		kill_one(&workers[next_random(seed) % NTHREADS]);
	if (n % 16 == 0)
		wrt_pool_trim(env.p[n / 16 % NPOOLS], 0);
	if (n % 8)
		return;
	if (wrt_module_open_fd(&again, wrt_module_fd(env.m[n / 8 % NPOOLS]),
	    "stress", &err) != WRT_OK)
		test_end('F', "open: %s", err.text);
	wrt_module_close(again);
}

static wrt_module *
module(const char *name, enum wasmc_bounds bounds)
{
	const struct wasmc_options opt = { .features = "all",
		.bounds = bounds };

	return api_module_with(name, &opt);
}

static wrt_pool *
pool(uint32_t n, uint32_t flags)
{
	struct wrt_pool_config c = { .max_instances = n, .max_memories = 1,
		.max_memory_bytes = 20 << 16, .flags = flags,
		.gc_heap_bytes = 16 << 20, .idle_bytes = 8 << 20 };
	struct wrt_error err;
	wrt_pool *p;

	if (wrt_pool_create(&p, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	return p;
}

/* The first and second may have the same modules, and are nearly too small. */
static void
up(void)
{
	wrt_instance *i;

	env.p[0] = pool(40, 0);
	env.p[1] = pool(30, WRT_POOL_PLAIN);
	env.p[2] = pool(40, WRT_POOL_DENSE);
	env.m[0] = module("stress", WASMC_BOUNDS_GUARD);
	env.m[1] = module("stress", WASMC_BOUNDS_GUARD);
	env.m[2] = module("stress", WASMC_BOUNDS_EXPLICIT);
	env.gc = module("stress_gc", WASMC_BOUNDS_EXPLICIT);
	CHECK_EQ(wrt_imports_create(&env.l), 0);
	CHECK_EQ(wrt_imports_func(env.l, "env", "await", &i1_t, await, NULL),
	    0);
	CHECK_EQ(wrt_imports_typed(env.l, "env", "fast", &i1_t,
	    (void (*)(void))fast, NULL), 0);
	i = api_instance(env.p[0], env.m[0], env.l);
	CHECK_EQ(api_call(i, "mix", 1, 7, 0, 0, &env.mix7), 0);
	wrt_instance_close(i);
}

static void
down(void)
{
	for (int k = 0; k < NPASSED; k++)
		wrt_instance_close(passed.own[k].i);
	for (int k = 0; k < NPOOLS; k++) {
		/* Every slot has come back. */
		wrt_instance *i[40];
		int n = k == 1 ? 30 : 40;

		for (int j = 0; j < n; j++)
			i[j] = api_instance(env.p[k], env.m[k], env.l);
		for (int j = 0; j < n; j++)
			wrt_instance_close(i[j]);
		wrt_module_close(env.m[k]);
	}
	wrt_module_close(env.gc);
	wrt_imports_destroy(env.l);
	for (int k = 0; k < NPOOLS; k++)
		wrt_pool_destroy(env.p[k]);
}

static unsigned
seconds(void)
{
	const char *s = getenv("LONG");

	if (!s)
		return 3;
	return atoi(s) > 1 ? (unsigned)atoi(s) : 60;
}

/* Has each thread done something, however slow the machine? */
static bool
all_did(void)
{
	unsigned kills = 0, moved = 0;

	for (int k = 0; k < NTHREADS; k++) {
		if (atomic_load(&workers[k].calls) < 100)
			return false;
		kills += atomic_load(&workers[k].kills);
		moved += atomic_load(&workers[k].moved);
	}
	return (kills || THREAD_SANITIZER) && moved;
}

TEST(everything_at_once)
{
	unsigned calls = 0, kills = 0, moved = 0, n = 0;
	uint32_t seed = 2463534242u;
	time_t end = time(NULL) + seconds();

	alarm(seconds() + TEST_SECONDS);
	up();
	for (int k = 0; k < NTHREADS; k++) {
		workers[k].seed = 88172645u + (uint32_t)k * 7919;
		pthread_mutex_init(&workers[k].lock, NULL);
		CHECK_EQ(pthread_create(&workers[k].thread, NULL, work,
		    &workers[k]), 0);
	}
	do {
		disturb(&seed, n++);
		usleep(300);
	} while (time(NULL) < end || !all_did());
	atomic_store(&stop, true);
	for (int k = 0; k < NTHREADS; k++) {
		struct worker *w = &workers[k];

		pthread_join(w->thread, NULL);
		calls += w->calls;
		kills += w->kills;
		moved += w->moved;
	}
	down();
	fprintf(stderr, "%u calls, %u killed, %u passed on\n", calls, kills,
	    moved);
}

TEST_MAIN
