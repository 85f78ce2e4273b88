/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* runtime_ours.c: the steps of bench/runtime.c, with libwasmrt. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wasmrt.h>
#include <wasmrt_wasi.h>

#include "runtime.h"

static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
static const struct wrt_functype add_type = { 2, 1, i32s, i32s };

struct env {
	wrt_pool *pool;
	wrt_module *guest, *user;
};

static wrt_module *
module(const char *path)
{
	struct wrt_error err = { 0 };
	wrt_module *m;

	if (wrt_module_open(&m, path, &err) != WRT_OK)
		die("%s", err.text);
	return m;
}

static struct env
up_in(const struct wrt_pool_config *c, const char *guest)
{
	struct wrt_error err = { 0 };
	struct env e;

	if (wrt_pool_create(&e.pool, c, &err) != WRT_OK)
		die("%s", err.text);
	e.guest = module(guest);
	e.user = module("build/bench/runtime_user.so");
	return e;
}

static struct env
up(uint32_t ninstances)
{
	const struct wrt_pool_config c = {
		.max_instances = ninstances, .max_memories = 1,
	};

	return up_in(&c, "build/bench/runtime_guest.so");
}

/* 17 pages of 64 KiB are what the guest has. */
static struct env
up_dense(uint32_t ninstances)
{
	const struct wrt_pool_config c = {
		.max_instances = ninstances, .max_memories = 1,
		.max_memory_bytes = 17 << 16, .flags = WRT_POOL_DENSE,
	};

	return up_in(&c, "build/bench/runtime_guest.dense.so");
}

static wrt_instance *
instance(struct env *e, wrt_module *m, wrt_imports *l)
{
	struct wrt_error err;
	wrt_instance *i;

	if (wrt_instance_create(&i, e->pool, m, l, &err) != WRT_OK)
		die("%s", err.text);
	return i;
}

static wrt_func *
func(wrt_instance *i, const char *name)
{
	wrt_func *f;

	if (wrt_instance_func(i, name, strlen(name), &f, NULL) != WRT_OK)
		die("no export %s", name);
	return f;
}

static void
touch(wrt_instance *i, long pages)
{
	wrt_val v = { .i32 = (int32_t)pages };

	if (wrt_func_call(func(i, "touch"), &v, 1, &v) != WRT_OK)
		die("touch failed");
}

/* ---- Life cycles --------------------------------------------------------- */

static void
cycle(struct env *e, long pages)
{
	wrt_instance *i = instance(e, e->guest, NULL);

	touch(i, pages);
	wrt_instance_close(i);
}

double
ours_create_warm(enum side side, long pages)
{
	struct env e = up(4);

	return NS_EACH(100000, cycle(&e, pages));
}

double
ours_dense_warm(enum side side, long pages)
{
	struct env e = up_dense(4);

	return NS_EACH(100000, cycle(&e, pages));
}

/* Slots that nobody had before. */
enum { NCOLD = 1000 };

static double
cold(struct env e, long pages)
{
	static wrt_instance *i[NCOLD];
	double start = cpu_ns();

	for (int k = 0; k < NCOLD; k++) {
		i[k] = instance(&e, e.guest, NULL);
		touch(i[k], pages);
	}
	for (int k = 0; k < NCOLD; k++)
		wrt_instance_close(i[k]);
	return (cpu_ns() - start) / NCOLD;
}

double
ours_create_cold(enum side side, long pages)
{
	return cold(up(NCOLD), pages);
}

double
ours_dense_cold(enum side side, long pages)
{
	return cold(up_dense(NCOLD), pages);
}

struct many {
	struct env e;
	long pages;
};

static void
cycles(void *arg, long n)
{
	struct many *m = arg;

	for (long k = 0; k < n; k++)
		cycle(&m->e, m->pages);
}

double
ours_threads(enum side side, long pages)
{
	struct many m = { up(4), pages };

	return two_against_one(cycles, &m, 300000);
}

double
ours_reset(enum side side, long pages)
{
	struct env e = up(4);
	wrt_instance *i = instance(&e, e.guest, NULL);

	return NS_EACH(50000, {
		touch(i, pages);
		wrt_instance_reset(i, NULL);
	});
}

/* A source that has written 16 pages; its image is frozen once. */
double
ours_clone(enum side side, long pages)
{
	struct env e = up(4);
	wrt_instance *src = instance(&e, e.guest, NULL), *i;
	struct wrt_error err = { 0 };

	touch(src, 16);
	return NS_EACH(5000, {
		if (wrt_instance_clone(&i, src, e.pool, &err) != WRT_OK)
			die("%s", err.text);
		touch(i, pages);
		wrt_instance_close(i);
	});
}

/* ---- Calls --------------------------------------------------------------- */

double
ours_call_untyped(enum side side, long arg)
{
	struct env e = up(4);
	wrt_func *f = func(instance(&e, e.guest, NULL), "add");
	wrt_val v[2] = { { .i32 = 1 }, { .i32 = 2 } };

	return NS_EACH(2000000, wrt_func_call(f, v, 2, v));
}

/* The host's function, as a loop of the guest's calls it. */
static double
loop(struct env *e, wrt_imports *l)
{
	enum { N = 2000000 };
	wrt_func *f = func(instance(e, e->user, l), "loop");
	wrt_val v = { .i32 = N / 10 };
	double start;

	if (wrt_func_call(f, &v, 1, &v) != WRT_OK)
		die("loop failed");
	v.i32 = N;
	start = cpu_ns();
	if (wrt_func_call(f, &v, 1, &v) != WRT_OK ||
	    v.i32 != (int32_t)((int64_t)N * (N + 1) / 2))
		die("loop failed");
	return (cpu_ns() - start) / N;
}

static wrt_imports *
imports(void)
{
	wrt_imports *l;

	if (wrt_imports_create(&l) != WRT_OK)
		die("out of memory");
	return l;
}

static int
host_add(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 += v[1].i32;
	return WRT_OK;
}

double
ours_host_untyped(enum side side, long arg)
{
	struct env e = up(4);
	wrt_imports *l = imports();

	if (wrt_imports_func(l, "env", "add", &add_type, host_add, NULL) !=
	    WRT_OK)
		die("no import");
	return loop(&e, l);
}

static int32_t
typed_add(void *data, wrt_instance *caller, int32_t a, int32_t b)
{
	return a + b;
}

double
ours_host_typed(enum side side, long arg)
{
	struct env e = up(4);
	wrt_imports *l = imports();

	if (wrt_imports_typed(l, "env", "add", &add_type,
	    (void (*)(void))typed_add, NULL) != WRT_OK)
		die("no import");
	return loop(&e, l);
}

double
ours_linked(enum side side, long arg)
{
	struct env e = up(4);
	wrt_imports *l = imports();

	if (wrt_imports_instance(l, "env", instance(&e, e.guest, NULL)) !=
	    WRT_OK)
		die("no import");
	return loop(&e, l);
}

double
ours_service(enum side side, long arg)
{
	struct env e = up(4);
	wrt_imports *l = imports();

	if (wrt_imports_service(l, "env", "add", instance(&e, e.guest, NULL),
	    "add", NULL) != WRT_OK)
		die("no import");
	return loop(&e, l);
}

static double
typed(wrt_instance *i)
{
	struct wrt_typed t;
	int32_t sum = 0;
	double ns;

	if (wrt_func_typed(func(i, "add"), &add_type, &t) != WRT_OK)
		die("no typed call");
	ns = NS_EACH(2000000,
	    sum = ((int32_t (*)(struct wrt_typed *, int32_t, int32_t))
	    t.call)(&t, sum, 1));
	if (t.status != WRT_OK || sum != 2200000)
		die("wrong sum");
	return ns;
}

double
ours_call_typed(enum side side, long arg)
{
	struct env e = up(4);

	return typed(instance(&e, e.guest, NULL));
}

double
ours_call_session(enum side side, long arg)
{
	struct env e = up(4);
	wrt_instance *i = instance(&e, e.guest, NULL);

	if (wrt_instance_enter(i) != WRT_OK)
		die("no session");
	return typed(i);
}

/* ---- Suspending ---------------------------------------------------------- */

static int
yield_sum(void *data, wrt_instance *caller, wrt_val *v)
{
	*(int32_t *)data = v[0].i32 + v[1].i32;
	return WRT_YIELD;
}

double
ours_yield(enum side side, long arg)
{
	enum { N = 1000000 };
	struct env e = up(4);
	wrt_imports *l = imports();
	wrt_val v = { .i32 = N }, r;
	wrt_instance *i;
	int32_t sum;
	double start;
	long n = 0;
	int rc;

	if (wrt_imports_func(l, "env", "add", &add_type, yield_sum, &sum) !=
	    WRT_OK)
		die("no import");
	i = instance(&e, e.user, l);
	start = cpu_ns();
	rc = wrt_func_call(func(i, "loop"), &v, 1, &r);
	for (; rc == WRT_SUSPENDED; n++) {
		v.i32 = sum;
		rc = wrt_instance_resume(i, &v, 1, &r);
	}
	if (rc != WRT_OK || n != N)
		die("%ld yields", n);
	return (cpu_ns() - start) / N;
}

struct sliced {
	wrt_instance *i;
	wrt_func *f;
};

static long
work(void *arg, int sliced)
{
	struct sliced *s = arg;
	wrt_val v = { .i32 = SLICE_WORK };
	long n = 0;
	int rc;

	if (wrt_instance_set_slice(s->i, sliced ? SLICE_NS : 0) != WRT_OK)
		die("no slices");
	for (rc = wrt_func_call(s->f, &v, 1, &v); rc == WRT_SUSPENDED; n++)
		rc = wrt_instance_resume(s->i, NULL, 0, &v);
	if (rc != WRT_OK)
		die("work failed");
	return n;
}

double
ours_slice(enum side side, long arg)
{
	struct env e = up(4);
	struct sliced s = { .i = instance(&e, e.guest, NULL) };

	s.f = func(s.i, "work");
	return slice_ns(work, &s);
}

/* ---- Traps and kills ----------------------------------------------------- */

static sigjmp_buf after_fault;

static void
on_fault(int sig, siginfo_t *si, void *uc)
{
	siglongjmp(after_fault, 1);
}

double
ours_fault(enum side side, long arg)
{
	static char stack[1 << 16];
	const stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack };
	const struct sigaction sa = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	volatile char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);

	if (sigaltstack(&ss, NULL) != 0 || sigaction(SIGSEGV, &sa, NULL) != 0)
		die("no signals");
	return NS_EACH(20000, {
		if (sigsetjmp(after_fault, 0) == 0)
			*p = 1;
	});
}

double
ours_trap(enum side side, long which)
{
	static const char *const names[] = {
		"trap_software", "trap_memory", "trap_stack",
	};
	struct env e = up(4);
	wrt_func *f = func(instance(&e, e.guest, NULL), names[which]);

	if (wrt_func_call(f, NULL, 0, NULL) != WRT_ETRAP)
		die("no trap");
	return NS_EACH(which == TRAP_STACK ? 500 : 20000,
	    wrt_func_call(f, NULL, 0, NULL));
}

struct victim {
	wrt_instance *i;
	_Atomic double killed;
	double sum;
	int n;
};

static void *
killer(void *arg)
{
	struct victim *v = arg;

	for (int k = 0; k < v->n; k++) {
		usleep(2000);
		atomic_store(&v->killed, wall_ns());
		while (wrt_instance_kill(v->i, WRT_TRAP_INTERRUPT) != WRT_OK)
			usleep(50);
		while (atomic_load(&v->killed) != 0)
			usleep(50);
	}
	return NULL;
}

static double
kills(wrt_instance *i, const char *name)
{
	struct victim v = { .i = i, .n = 50 };
	wrt_func *f = func(i, name);
	wrt_val r;
	pthread_t t;

	if (pthread_create(&t, NULL, killer, &v) != 0)
		die("no thread");
	for (int k = 0; k < v.n; k++) {
		if (wrt_func_call(f, NULL, 0, &r) != WRT_ETRAP)
			die("not killed");
		v.sum += wall_ns() - atomic_load(&v.killed);
		atomic_store(&v.killed, 0);
	}
	pthread_join(t, NULL);
	return v.sum / v.n;
}

double
ours_kill(enum side side, long arg)
{
	struct env e = up(4);

	return kills(instance(&e, e.guest, NULL), "spin");
}

/* The guest reads a pipe that nobody writes to. */
double
ours_kill_wasi(enum side side, long arg)
{
	struct env e = up(4);
	struct wrt_wasi_config c = { .stdio = { 0, 1, 2 } };
	wrt_imports *l = imports();
	wrt_wasi *w;
	int fds[2];

	if (pipe(fds) != 0)
		die("no pipe");
	c.stdio[0] = fds[0];
	if (wrt_wasi_create(&w, &c, NULL) != WRT_OK ||
	    wrt_wasi_imports(w, l) != WRT_OK)
		die("no WASI");
	return kills(instance(&e, module("build/bench/runtime_wasi.so"), l),
	    "read");
}

/* ---- Fuel ---------------------------------------------------------------- */

struct run {
	wrt_func *f;
	int32_t arg;
};

static void
run(void *arg)
{
	struct run *r = arg;
	wrt_val v = { .i32 = r->arg };

	if (wrt_func_call(r->f, &v, 1, &v) != WRT_OK)
		die("no result");
}

/* How much longer it takes if fuel is counted. */
double
ours_fuel(enum side side, long what)
{
	struct env e = up(4);
	wrt_instance *i = instance(&e, e.guest, NULL), *j;
	const char *name = what == FUEL_FIB ? "fib" : "sieve";
	int32_t arg = what == FUEL_FIB ? 27 : 1000000;
	struct run bare = { func(i, name), arg }, counted;
	double least[2] = { INFINITY, INFINITY };

	j = instance(&e, module("build/bench/runtime_guest.fuel.so"), NULL);
	if (wrt_instance_set_fuel(j, INT64_MAX) != WRT_OK)
		die("no fuel");
	counted = (struct run){ func(j, name), arg };
	for (int k = 0; k < 10; k++) {
		least[0] = fmin(least[0], least_ns(3, run, &bare));
		least[1] = fmin(least[1], least_ns(3, run, &counted));
	}
	return 100 * (least[1] / least[0] - 1);
}

/* ---- Many ---------------------------------------------------------------- */

double
ours_idle_bytes(enum side side, long how)
{
	enum { N = 4000 };
	struct env e = how == IDLE_DENSE ? up_dense(N) : up(N);
	double before;

	cycle(&e, 1);
	before = resident_bytes();
	for (int k = 0; k < N; k++)
		touch(instance(&e, e.guest, NULL), 1);
	return (resident_bytes() - before) / N;
}

/* As many as there can be, up to LIVE. */
static uint32_t
live(wrt_instance **all, double *ns)
{
	struct env e = up_dense(LIVE);
	uint32_t n = 0;
	double start = cpu_ns();

	while (n < LIVE && wrt_instance_create(&all[n], e.pool, e.guest, NULL,
	    NULL) == WRT_OK)
		n++;
	*ns = n ? (cpu_ns() - start) / n : NAN;
	return n;
}

static wrt_instance **
room(void)
{
	wrt_instance **all = calloc(LIVE, sizeof *all);

	if (!all)
		die("out of memory");
	return all;
}

/* Those that answer. */
double
ours_live_count(enum side side, long arg)
{
	wrt_instance **all = room();
	double ns;
	uint32_t n = live(all, &ns), *order = shuffled(n);

	for (uint32_t k = 0; k < n; k++)
		touch(all[order[k]], 1);
	return n;
}

double
ours_live_create(enum side side, long arg)
{
	double ns;

	return live(room(), &ns) ? ns : NAN;
}

double
ours_live_call(enum side side, long arg)
{
	wrt_instance **all = room();
	double start;
	uint32_t n = live(all, &start), *order = shuffled(n);

	start = cpu_ns();
	for (uint32_t k = 0; k < n; k++)
		touch(all[order[k]], 1);
	return n ? (cpu_ns() - start) / n : NAN;
}
