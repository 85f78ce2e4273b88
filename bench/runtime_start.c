/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * runtime_start.c: the steps of bench/runtime.c that start a program: QuickJS,
 * a reactor, until it has evaluated an expression.
 *
 * In the first step all is done anew, from the file on; in the second the
 * module stays open, and there has been an instance before.  What a snapshot
 * has behind it is _initialize and qjs_init.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wasmrt.h>
#include <wasmrt_wasi.h>

#include "runtime.h"
#include "wasmtime_api.h"

static const char source[] = "[3, 1, 2].sort().map(x => x ** 2).join()";
static const char answer[] = "1,4,9";
enum { NAGAIN = 50 };

/* ---- QuickJS by whichever side ------------------------------------------- */

struct js {
	int32_t (*call)(struct js *, const char *name, size_t n,
	    const int32_t *args);
	char *(*at)(struct js *, int32_t addr);
	void *instance;
	wt_context *ctx;
	struct wt_instance theirs;
};

#define CALL(j, name, ...)						\
	j->call(j, name, sizeof((int32_t[]){ __VA_ARGS__ }) /		\
	    sizeof(int32_t), (int32_t[]){ __VA_ARGS__ })

static int32_t
to_guest(struct js *j, const char *s)
{
	int32_t n = (int32_t)strlen(s) + 1, p = CALL(j, "malloc", n);

	memcpy(j->at(j, p), s, (size_t)n);
	return p;
}

static void
js_init(struct js *j)
{
	j->call(j, "_initialize", 0, NULL);
	j->call(j, "qjs_init", 0, NULL);
}

static void
evaluate(struct js *j)
{
	int32_t code = to_guest(j, source), file = to_guest(j, "<host>");
	int32_t value = CALL(j, "qjs_eval", code, (int32_t)strlen(source),
	    file, 0);

	if (strcmp(j->at(j, CALL(j, "qjs_get_string", value)), answer) != 0)
		die("QuickJS is wrong");
}

/* ---- Ours ---------------------------------------------------------------- */

static int32_t
our_call(struct js *j, const char *name, size_t n, const int32_t *args)
{
	wrt_val v[5] = { 0 }, r = { 0 };

	for (size_t k = 0; k < n; k++)
		v[k].i32 = args[k];
	if (wrt_instance_call(j->instance, name, v, n, &r) != WRT_OK)
		die("%s failed", name);
	return r.i32;
}

static char *
our_at(struct js *j, int32_t addr)
{
	wrt_memory *m;

	if (wrt_instance_memory_at(j->instance, 0, &m) != WRT_OK)
		die("no memory");
	return wrt_memory_at(m, (uint32_t)addr, 4096);
}

struct ours {
	wrt_pool *pool;
	wrt_imports *imports;
	wrt_module *module;
	struct wrt_error err;
};

static struct ours
our_pool(void)
{
	const struct wrt_pool_config c = { .max_instances = 4,
		.max_memories = 1 };
	struct ours o = { 0 };
	wrt_wasi *w;

	if (wrt_pool_create(&o.pool, &c, &o.err) != WRT_OK ||
	    wrt_wasi_create(&w, NULL, &o.err) != WRT_OK ||
	    wrt_imports_create(&o.imports) != WRT_OK ||
	    wrt_wasi_imports(w, o.imports) != WRT_OK)
		die("%s", o.err.text);
	wrt_imports_unknown(o.imports, WRT_UNKNOWN_DEFAULT);
	return o;
}

static const char *const our_files[] = {
	[START_COLD] = "quickjs.so", [START_SNAPSHOT] = "quickjs.warm.so",
};

static void
our_open(struct ours *o, long how)
{
	char path[64];

	snprintf(path, sizeof path, "build/bench/%s", our_files[how]);
	if (wrt_module_open(&o->module, path, &o->err) != WRT_OK)
		die("%s", o->err.text);
}

static struct js
our_start(struct ours *o, long how)
{
	struct js j = { .call = our_call, .at = our_at };
	wrt_instance *i;

	if (wrt_instance_create(&i, o->pool, o->module, o->imports, &o->err)
	    != WRT_OK)
		die("%s", o->err.text);
	j.instance = i;
	if (how == START_COLD)
		js_init(&j);
	return j;
}

double
ours_start(enum side side, long how)
{
	struct ours o = our_pool();
	struct js j;
	double start;

	if (!bench_has(our_files[how]))
		return NAN;
	start = cpu_ns();
	our_open(&o, how);
	j = our_start(&o, how);
	evaluate(&j);
	return (cpu_ns() - start) / 1000;
}

double
ours_start_again(enum side side, long how)
{
	struct ours o = our_pool();

	if (!bench_has(our_files[how]))
		return NAN;
	our_open(&o, how);
	return NS_EACH(NAGAIN, {
		struct js j = our_start(&o, how);

		evaluate(&j);
		wrt_instance_close(j.instance);
	}) / 1000;
}

double
ours_start_clone(enum side side, long arg)
{
	struct ours o = our_pool();
	struct js first, j;

	if (!bench_has(our_files[START_COLD]))
		return NAN;
	our_open(&o, START_COLD);
	first = our_start(&o, START_COLD);
	j = first;
	return NS_EACH(NAGAIN, {
		wrt_instance *i;

		if (wrt_instance_clone(&i, first.instance, o.pool, &o.err) !=
		    WRT_OK)
			die("%s", o.err.text);
		j.instance = i;
		evaluate(&j);
		wrt_instance_close(i);
	}) / 1000;
}

/* ---- wasmtime: it has no snapshots, and starts as ever ------------------- */

static void
check(wt_error *err, const wt_trap *trap, const char *what)
{
	if (err || trap)
		die("wasmtime: %s failed", what);
}

static int32_t
their_call(struct js *j, const char *name, size_t n, const int32_t *args)
{
	union wt_raw v[5] = { 0 };
	struct wt_extern ext;
	wt_trap *trap = NULL;

	for (size_t k = 0; k < n; k++)
		v[k].i32 = args[k];
	if (!wt.wasmtime_instance_export_get(j->ctx, &j->theirs, name,
	    strlen(name), &ext) || ext.kind != 0)
		die("wasmtime: no export %s", name);
	check(wt.wasmtime_func_call_unchecked(j->ctx, &ext.of.func, v,
	    n ? n : 1, &trap), trap, name);
	return v[0].i32;
}

static char *
their_at(struct js *j, int32_t addr)
{
	struct wt_extern ext;

	if (!wt.wasmtime_instance_export_get(j->ctx, &j->theirs, "memory", 6,
	    &ext))
		die("wasmtime: no memory");
	return (char *)wt.wasmtime_memory_data(j->ctx, &ext.of) +
	    (uint32_t)addr;
}

struct theirs {
	wt_engine *engine;
	wt_module *module;
	wt_linker *linker;
	wt_pre *pre;
};

static wt_engine *
their_engine(enum side side)
{
	wt_config *c = wt.wasm_config_new();
	wt_poolcfg *p;

	wt.wasmtime_config_parallel_compilation_set(c, false);
	if (side != THEIRS) {
		p = wt.wasmtime_pooling_allocation_config_new();
		wt.wasmtime_pooling_allocation_config_total_core_instances_set(
		    p, 4);
		wt.wasmtime_pooling_allocation_config_total_memories_set(p, 4);
		wt.wasmtime_pooling_allocation_config_total_tables_set(p, 4);
		wt.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(
		    p, side == THEIRS_KEEP ? 1 << 16 : 0);
		wt.wasmtime_pooling_allocation_strategy_set(c, p);
		wt.wasmtime_pooling_allocation_config_delete(p);
	}
	return wt.wasm_engine_new_with_config(c);
}

/* What was compiled before is mapped, as an artifact is. */
static const char *
their_file(wt_engine *engine)
{
	static char path[64];
	struct wt_vec code;
	size_t n;
	uint8_t *wasm = bench_file("quickjs.wasm", &n);
	wt_module *m;
	FILE *f;

	check(wt.wasmtime_module_new(engine, wasm, n, &m), NULL, "compile");
	check(wt.wasmtime_module_serialize(m, &code), NULL, "serialize");
	snprintf(path, sizeof path, "build/bench/quickjs.%d.cwasm",
	    (int)getpid());
	f = fopen(path, "wb");
	if (!f || fwrite(code.data, code.n, 1, f) != 1 || fclose(f) != 0)
		die("%s cannot be written", path);
	return path;
}

static void
their_open(struct theirs *t, const char *path)
{
	check(wt.wasmtime_module_deserialize_file(t->engine, path,
	    &t->module), NULL, "deserialize");
	t->linker = wt.wasmtime_linker_new(t->engine);
	check(wt.wasmtime_linker_define_wasi(t->linker), NULL, "wasi");
	check(wt.wasmtime_linker_define_unknown_imports_as_traps(t->linker,
	    t->module), NULL, "imports");
	check(wt.wasmtime_linker_instantiate_pre(t->linker, t->module,
	    &t->pre), NULL, "instantiate_pre");
}

static struct js
their_start(struct theirs *t)
{
	struct js j = { .call = their_call, .at = their_at };
	wt_store *store = wt.wasmtime_store_new(t->engine, NULL, NULL);
	wt_trap *trap = NULL;

	j.instance = store;
	j.ctx = wt.wasmtime_store_context(store);
	check(wt.wasmtime_context_set_wasi(j.ctx, wt.wasi_config_new()), NULL,
	    "set_wasi");
	check(wt.wasmtime_instance_pre_instantiate(t->pre, j.ctx, &j.theirs,
	    &trap), trap, "instantiate");
	js_init(&j);
	return j;
}

double
theirs_start(enum side side, long how)
{
	struct theirs t = { .engine = NULL };
	const char *path;
	struct js j;
	double start;

	if (!bench_has("quickjs.wasm"))
		return NAN;
	t.engine = their_engine(side);
	path = their_file(t.engine);
	start = cpu_ns();
	their_open(&t, path);
	j = their_start(&t);
	evaluate(&j);
	unlink(path);
	return (cpu_ns() - start) / 1000;
}

double
theirs_start_again(enum side side, long how)
{
	struct theirs t = { .engine = NULL };
	const char *path;

	if (!bench_has("quickjs.wasm"))
		return NAN;
	t.engine = their_engine(side);
	path = their_file(t.engine);
	their_open(&t, path);
	unlink(path);
	return NS_EACH(NAGAIN, {
		struct js j = their_start(&t);

		evaluate(&j);
		wt.wasmtime_store_delete(j.instance);
	}) / 1000;
}
