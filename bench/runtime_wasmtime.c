/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * runtime_wasmtime.c: the steps of bench/runtime.c, with wasmtime.
 *
 * Done as its users do them: the engine, the module and the resolved imports
 * once, a store for each instance.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime.h"
#include "wasmtime_api.h"

struct env {
	wt_engine *engine;
	wt_module *guest, *user;
	wt_linker *linker;
	wt_pre *pre;			/* of guest */
};

struct one {				/* instance */
	wt_store *store;
	wt_context *ctx;
	struct wt_instance inst;
};

static void
check(wt_error *err, const wt_trap *trap, const char *what)
{
	struct wt_vec text = { 0 };

	if (err)
		wt.wasmtime_error_message(err, &text);
	else if (trap)
		wt.wasm_trap_message(trap, &text);
	else
		return;
	die("wasmtime: %s: %.*s", what, (int)text.n, (char *)text.data);
}

/* Dense: room for the 17 pages that the guest asks for, no guard regions, no
 * mapping of an image, so that the kernel can join the memories' mappings. */
enum { DENSE = 1, EPOCHS = 2, FUEL = 4, DENSE_BYTES = 17 << 16,
       KEEP_BYTES = 1 << 16 };

static void
pool_config(wt_config *c, enum side side, uint32_t n, int flags)
{
	wt_poolcfg *p = wt.wasmtime_pooling_allocation_config_new();

	wt.wasmtime_pooling_allocation_config_total_core_instances_set(p, n);
	wt.wasmtime_pooling_allocation_config_total_memories_set(p, n);
	wt.wasmtime_pooling_allocation_config_total_tables_set(p, n);
	wt.wasmtime_pooling_allocation_config_max_memory_size_set(p,
	    flags & DENSE ? DENSE_BYTES : 1u << 31);
	wt.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(
	    p, side == THEIRS_KEEP ? KEEP_BYTES : 0);
	wt.wasmtime_pooling_allocation_strategy_set(c, p);
	wt.wasmtime_pooling_allocation_config_delete(p);
}

static wt_module *
module(wt_engine *engine, const char *name)
{
	wt_module *m;
	size_t n;
	uint8_t *wasm = bench_file(name, &n);

	check(wt.wasmtime_module_new(engine, wasm, n, &m), NULL, name);
	free(wasm);
	return m;
}

static struct env
up(enum side side, uint32_t ninstances, int flags)
{
	wt_config *c = wt.wasm_config_new();
	struct env e;

	wt.wasmtime_config_parallel_compilation_set(c, false);
	wt.wasmtime_config_epoch_interruption_set(c, flags & EPOCHS);
	wt.wasmtime_config_consume_fuel_set(c, flags & FUEL);
	if (flags & DENSE) {
		wt.wasmtime_config_memory_reservation_set(c, DENSE_BYTES);
		wt.wasmtime_config_memory_init_cow_set(c, false);
		wt.wasmtime_config_memory_reservation_for_growth_set(c, 0);
		wt.wasmtime_config_memory_guard_size_set(c, 0);
	}
	if (side != THEIRS)
		pool_config(c, side, ninstances, flags);
	e.engine = wt.wasm_engine_new_with_config(c);
	e.guest = module(e.engine, "runtime_guest.wasm");
	e.user = module(e.engine, "runtime_user.wasm");
	e.linker = wt.wasmtime_linker_new(e.engine);
	check(wt.wasmtime_linker_instantiate_pre(e.linker, e.guest, &e.pre),
	    NULL, "instantiate_pre");
	return e;
}

static struct one
store(struct env *e)
{
	struct one o;

	o.store = wt.wasmtime_store_new(e->engine, NULL, NULL);
	o.ctx = wt.wasmtime_store_context(o.store);
	return o;
}

static bool
try_instance(struct env *e, struct one *o)
{
	wt_trap *trap = NULL;
	wt_error *err;

	*o = store(e);
	err = wt.wasmtime_instance_pre_instantiate(e->pre, o->ctx, &o->inst,
	    &trap);
	if (!err && !trap)
		return true;
	if (err)
		wt.wasmtime_error_delete(err);
	wt.wasmtime_store_delete(o->store);
	return false;
}

static struct one
instance(struct env *e)
{
	struct one o;

	if (!try_instance(e, &o))
		die("wasmtime: no instance");
	return o;
}

static struct wt_func
func(struct one *o, const char *name)
{
	struct wt_extern ext;

	if (!wt.wasmtime_instance_export_get(o->ctx, &o->inst, name,
	    strlen(name), &ext) || ext.kind != 0)
		die("wasmtime: no export %s", name);
	return ext.of.func;
}

static void
call(struct one *o, const struct wt_func *f, int32_t arg, int32_t *result)
{
	union wt_raw v = { .i32 = arg };
	wt_trap *trap = NULL;

	check(wt.wasmtime_func_call_unchecked(o->ctx, f, &v, 1, &trap), trap,
	    "call");
	*result = v.i32;
}

static void
touch(struct one *o, long pages)
{
	struct wt_func f = func(o, "touch");
	int32_t result;

	call(o, &f, (int32_t)pages, &result);
}

/* ---- Life cycles --------------------------------------------------------- */

static void
cycle(struct env *e, long pages)
{
	struct one o = instance(e);

	touch(&o, pages);
	wt.wasmtime_store_delete(o.store);
}

double
theirs_create_warm(enum side side, long pages)
{
	struct env e = up(side, 4, 0);

	return NS_EACH(3000, cycle(&e, pages));
}

double
theirs_dense_warm(enum side side, long pages)
{
	struct env e = up(side, 4, DENSE);

	return NS_EACH(3000, cycle(&e, pages));
}

enum { NCOLD = 1000 };

static double
cold(struct env e, long pages)
{
	static struct one i[NCOLD];
	double start = cpu_ns();

	for (int k = 0; k < NCOLD; k++) {
		i[k] = instance(&e);
		touch(&i[k], pages);
	}
	for (int k = 0; k < NCOLD; k++)
		wt.wasmtime_store_delete(i[k].store);
	return (cpu_ns() - start) / NCOLD;
}

double
theirs_create_cold(enum side side, long pages)
{
	return cold(up(side, NCOLD, 0), pages);
}

double
theirs_dense_cold(enum side side, long pages)
{
	return cold(up(side, NCOLD, DENSE), pages);
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
theirs_threads(enum side side, long pages)
{
	struct many m = { up(side, 4, 0), pages };

	return two_against_one(cycles, &m, 5000);
}

/* wasmtime has no reset: another instance is what there is. */
double
theirs_reset(enum side side, long pages)
{
	return theirs_create_warm(side, pages);
}

/* ---- Calls --------------------------------------------------------------- */

/* The unchecked call is what C has instead of Rust's typed ones. */
double
theirs_call_typed(enum side side, long arg)
{
	struct env e = up(side, 4, 0);
	struct one o = instance(&e);
	struct wt_func f = func(&o, "add");
	union wt_raw v[2] = { { .i32 = 1 }, { .i32 = 2 } };
	wt_trap *trap = NULL;

	return NS_EACH(1000000,
	    wt.wasmtime_func_call_unchecked(o.ctx, &f, v, 2, &trap));
}

double
theirs_call_session(enum side side, long arg)
{
	return theirs_call_typed(side, arg);
}

double
theirs_call_untyped(enum side side, long arg)
{
	struct env e = up(side, 4, 0);
	struct one o = instance(&e);
	struct wt_func f = func(&o, "add");
	struct wt_val v[2] = { { .of.i32 = 1 }, { .of.i32 = 2 } }, r;
	wt_trap *trap = NULL;

	return NS_EACH(1000000,
	    wt.wasmtime_func_call(o.ctx, &f, v, 2, &r, 1, &trap));
}

static wt_functype *
add_type(void)
{
	wt_valtype *p[2], *r[1];
	struct wt_vec params, results;

	p[0] = wt.wasm_valtype_new(0);
	p[1] = wt.wasm_valtype_new(0);
	r[0] = wt.wasm_valtype_new(0);
	wt.wasm_valtype_vec_new(&params, 2, p);
	wt.wasm_valtype_vec_new(&results, 1, r);
	return wt.wasm_functype_new(&params, &results);
}

static double
loop(struct env *e, struct one *o)
{
	enum { N = 1000000 };
	wt_trap *trap = NULL;
	struct wt_func f;
	int32_t result;
	double start;

	check(wt.wasmtime_linker_instantiate(e->linker, o->ctx, e->user,
	    &o->inst, &trap), trap, "instantiate");
	f = func(o, "loop");
	call(o, &f, N / 10, &result);
	start = cpu_ns();
	call(o, &f, N, &result);
	if (result != (int32_t)((int64_t)N * (N + 1) / 2))
		die("wasmtime: wrong sum");
	return (cpu_ns() - start) / N;
}

static wt_trap *
raw_add(void *env, wt_caller *caller, union wt_raw *v, size_t n)
{
	v[0].i32 += v[1].i32;
	return NULL;
}

static wt_trap *
host_add(void *env, wt_caller *caller, const struct wt_val *args, size_t nargs,
    struct wt_val *results, size_t nresults)
{
	results[0].kind = 0;
	results[0].of.i32 = args[0].of.i32 + args[1].of.i32;
	return NULL;
}

double
theirs_host_typed(enum side side, long arg)
{
	struct env e = up(side, 4, 0);
	struct one o = store(&e);

	check(wt.wasmtime_linker_define_func_unchecked(e.linker, "env", 3,
	    "add", 3, add_type(), raw_add, NULL, NULL), NULL, "define");
	return loop(&e, &o);
}

double
theirs_host_untyped(enum side side, long arg)
{
	struct env e = up(side, 4, 0);
	struct one o = store(&e);

	check(wt.wasmtime_linker_define_func(e.linker, "env", 3, "add", 3,
	    add_type(), host_add, NULL, NULL), NULL, "define");
	return loop(&e, &o);
}

/* Both in one store, which is how wasmtime links them. */
double
theirs_linked(enum side side, long arg)
{
	struct env e = up(side, 4, 0);
	struct one o = instance(&e);

	check(wt.wasmtime_linker_define_instance(e.linker, o.ctx, "env", 3,
	    &o.inst), NULL, "define");
	return loop(&e, &o);
}

/* ---- Yield --------------------------------------------------------------- */

/* An asynchronous host function: not done when first asked, then done. */
struct pending {
	int asked;
	int32_t sum;
	struct wt_val *results;
};

static bool
ready(void *env)
{
	struct pending *p = env;

	if (!p->asked++)
		return false;
	p->results[0].kind = 0;
	p->results[0].of.i32 = p->sum;
	return true;
}

static void
async_add(void *env, wt_caller *caller, const struct wt_val *args, size_t nargs,
    struct wt_val *results, size_t nresults, wt_trap **trap,
    struct wt_continuation *c)
{
	struct pending *p = env;

	p->asked = 0;
	p->sum = args[0].of.i32 + args[1].of.i32;
	p->results = results;
	*c = (struct wt_continuation){ ready, p, NULL };
}

static struct one
async_instance(struct env *e, wt_module *m)
{
	struct one o = store(e);
	wt_trap *trap = NULL;
	wt_error *err = NULL;
	wt_future *f;

	wt.wasmtime_context_set_epoch_deadline(o.ctx, 1000);
	f = wt.wasmtime_linker_instantiate_async(e->linker, o.ctx, m, &o.inst,
	    &trap, &err);
	while (!wt.wasmtime_call_future_poll(f))
		;
	wt.wasmtime_call_future_delete(f);
	check(err, trap, "instantiate_async");
	return o;
}

double
theirs_yield(enum side side, long arg)
{
	enum { N = 300000 };
	struct env e = up(side, 4, 0);
	struct one o;
	struct pending p;
	struct wt_val v = { .of.i32 = N }, r;
	struct wt_func f;
	wt_trap *trap = NULL;
	wt_error *err = NULL;
	wt_future *future;
	double start;
	long polls = 0;

	check(wt.wasmtime_linker_define_async_func(e.linker, "env", 3, "add",
	    3, add_type(), async_add, &p, NULL), NULL, "define");
	o = async_instance(&e, e.user);
	f = func(&o, "loop");
	start = cpu_ns();
	future = wt.wasmtime_func_call_async(o.ctx, &f, &v, 1, &r, 1, &trap,
	    &err);
	while (!wt.wasmtime_call_future_poll(future))
		polls++;
	check(err, trap, "loop");
	if (polls != N)
		die("wasmtime: %ld yields", polls);
	return (cpu_ns() - start) / N;
}

/* ---- Time slices --------------------------------------------------------- */

/* The epoch goes on in another thread, and each time the call is not done. */
struct sliced {
	struct one o;
	struct wt_func f;
	wt_engine *engine;
	atomic_int ticking;		/* 0: no ticks, -1: end */
};

static void *
ticker(void *arg)
{
	struct sliced *s = arg;

	while (atomic_load(&s->ticking) >= 0) {
		usleep(SLICE_NS / 1000);
		if (atomic_load(&s->ticking))
			wt.wasmtime_engine_increment_epoch(s->engine);
	}
	return NULL;
}

static long
work(void *arg, int sliced)
{
	struct sliced *s = arg;
	struct wt_val v = { .of.i32 = SLICE_WORK }, r;
	wt_trap *trap = NULL;
	wt_error *err = NULL;
	wt_future *future;
	long n = 0;

	atomic_store(&s->ticking, sliced);
	future = wt.wasmtime_func_call_async(s->o.ctx, &s->f, &v, 1, &r, 1,
	    &trap, &err);
	while (!wt.wasmtime_call_future_poll(future))
		n++;
	wt.wasmtime_call_future_delete(future);
	check(err, trap, "work");
	return n;
}

double
theirs_slice(enum side side, long arg)
{
	struct env e = up(side, 4, EPOCHS);
	struct sliced s = { .engine = e.engine };
	double ns;
	pthread_t t;

	s.o = async_instance(&e, e.guest);
	s.f = func(&s.o, "work");
	wt.wasmtime_context_epoch_deadline_async_yield_and_update(s.o.ctx, 1);
	if (pthread_create(&t, NULL, ticker, &s) != 0)
		die("no thread");
	ns = slice_ns(work, &s);
	atomic_store(&s.ticking, -1);
	pthread_join(t, NULL);
	return ns;
}

/* ---- Fuel ---------------------------------------------------------------- */

struct run {
	struct one o;
	struct wt_func f;
	int32_t arg;
};

static void
run(void *arg)
{
	struct run *r = arg;
	int32_t result;

	call(&r->o, &r->f, r->arg, &result);
}

static struct run
run_of(struct env *e, const char *name, int32_t arg)
{
	struct run r = { .o = store(e), .arg = arg };
	wt_trap *trap = NULL;

	wt.wasmtime_context_set_fuel(r.o.ctx, INT64_MAX);
	check(wt.wasmtime_instance_pre_instantiate(e->pre, r.o.ctx, &r.o.inst,
	    &trap), trap, "instantiate");
	r.f = func(&r.o, name);
	return r;
}

double
theirs_fuel(enum side side, long what)
{
	struct env e = up(side, 4, 0), counting = up(side, 4, FUEL);
	const char *name = what == FUEL_FIB ? "fib" : "sieve";
	int32_t arg = what == FUEL_FIB ? 27 : 1000000;
	struct run bare = run_of(&e, name, arg);
	struct run counted = run_of(&counting, name, arg);
	double least[2] = { INFINITY, INFINITY };

	for (int k = 0; k < 10; k++) {
		least[0] = fmin(least[0], least_ns(3, run, &bare));
		least[1] = fmin(least[1], least_ns(3, run, &counted));
	}
	return 100 * (least[1] / least[0] - 1);
}

/* ---- Traps and kills ----------------------------------------------------- */

static void
trap_once(struct one *o, struct wt_func *f)
{
	wt_trap *trap = NULL;
	wt_error *err = wt.wasmtime_func_call_unchecked(o->ctx, f, NULL, 0,
	    &trap);

	if (err || !trap)
		die("wasmtime: no trap");
	wt.wasm_trap_delete(trap);
}

double
theirs_trap(enum side side, long which)
{
	static const char *const names[] = {
		"trap_software", "trap_memory", "trap_stack",
	};
	struct env e = up(side, 4, 0);
	struct one o = instance(&e);
	struct wt_func f = func(&o, names[which]);

	return NS_EACH(which == TRAP_STACK ? 20 : 5000, trap_once(&o, &f));
}

struct victim {
	struct env e;
	_Atomic double killed;
	int n;
};

static void *
killer(void *arg)
{
	struct victim *v = arg;

	for (int k = 0; k < v->n; k++) {
		usleep(2000);
		atomic_store(&v->killed, wall_ns());
		wt.wasmtime_engine_increment_epoch(v->e.engine);
		while (atomic_load(&v->killed) != 0)
			usleep(50);
	}
	return NULL;
}

double
theirs_kill(enum side side, long arg)
{
	struct victim v = { up(side, 4, EPOCHS), 0, 50 };
	struct one o;
	struct wt_func f;
	pthread_t t;
	double sum = 0;

	o = instance(&v.e);
	f = func(&o, "spin");
	if (pthread_create(&t, NULL, killer, &v) != 0)
		die("no thread");
	for (int k = 0; k < v.n; k++) {
		wt.wasmtime_context_set_epoch_deadline(o.ctx, 1);
		trap_once(&o, &f);
		sum += wall_ns() - atomic_load(&v.killed);
		atomic_store(&v.killed, 0);
	}
	pthread_join(t, NULL);
	return sum / v.n;
}

/* ---- Many ---------------------------------------------------------------- */

double
theirs_idle_bytes(enum side side, long how)
{
	enum { N = 4000 };
	struct env e = up(side, N + 1, how == IDLE_DENSE ? DENSE : 0);
	double before;

	cycle(&e, 1);
	before = resident_bytes();
	for (int k = 0; k < N; k++) {
		struct one o = instance(&e);

		touch(&o, 1);
	}
	return (resident_bytes() - before) / N;
}

/* As many as there can be, up to LIVE. */
static uint32_t
live(enum side side, struct one *all, double *ns)
{
	struct env e = up(side, LIVE, DENSE);
	uint32_t n = 0;
	double start = cpu_ns();

	while (n < LIVE && try_instance(&e, &all[n]))
		n++;
	*ns = n ? (cpu_ns() - start) / n : NAN;
	return n;
}

static struct one *
room(void)
{
	struct one *all = calloc(LIVE, sizeof *all);

	if (!all)
		die("out of memory");
	return all;
}

double
theirs_live_count(enum side side, long arg)
{
	double ns;

	return live(side, room(), &ns);
}

double
theirs_live_create(enum side side, long arg)
{
	double ns;

	return live(side, room(), &ns) ? ns : NAN;
}

double
theirs_live_call(enum side side, long arg)
{
	struct one *all = room();
	double start;
	uint32_t n = live(side, all, &start), *order = shuffled(n);

	start = cpu_ns();
	for (uint32_t k = 0; k < n; k++)
		touch(&all[order[k]], 1);
	return n ? (cpu_ns() - start) / n : NAN;
}
