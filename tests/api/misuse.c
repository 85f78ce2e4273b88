/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * misuse.c: every public function called with what it must refuse: NULL, an
 * object of the wrong type or in the wrong state.  It says so and does not
 * crash, and leaves its out-parameters alone.  The last test reads the headers:
 * a function that is called nowhere here is an error.
 */
#include <ctype.h>

#include "wasmrt_wasi.h"
#include "api.h"

#define REFUSED(call)	CHECK_EQ((call), WRT_EINVAL)

static int
noop(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)data;
	(void)caller;
	(void)vals;
	return WRT_OK;
}

static void
c_noop(void)
{
}

static int
walked(void *arg, uint64_t addr, const void *p, size_t n)
{
	(void)arg;
	(void)addr;
	(void)p;
	(void)n;
	return 0;
}

static struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
} e;

static void
up(void)
{
	const struct wrt_functype type = { 0, 0, NULL, NULL };
	struct wrt_pool_config c = { .max_instances = 16 };

	CHECK_EQ(wrt_pool_create(&e.p, &c, NULL), WRT_OK);
	e.m = api_module("misuse");
	CHECK_EQ(wrt_imports_create(&e.l), WRT_OK);
	CHECK_EQ(wrt_imports_func(e.l, "host", "f", &type, noop, NULL),
	    WRT_OK);
	e.i = api_instance(e.p, e.m, e.l);
}

static void
down(void)
{
	wrt_instance_close(e.i);
	wrt_imports_destroy(e.l);
	wrt_module_close(e.m);
	wrt_pool_destroy(e.p);
}

TEST(pools_and_modules)
{
	struct wrt_extern_type x;
	struct wrt_error err;
	wrt_module *m = (wrt_module *)1;

	up();
	REFUSED(wrt_pool_create(NULL, NULL, &err));
	REFUSED(wrt_pool_create(NULL, NULL, NULL));
	wrt_pool_destroy(NULL);
	CHECK(wrt_pool_memory_mode(NULL));
	CHECK_EQ(wrt_pool_trim(NULL, 0), 0);
	CHECK_EQ(wrt_module_fd(NULL), -1);
	REFUSED(wrt_module_open(NULL, "x", &err));
	REFUSED(wrt_module_open(&m, NULL, &err));
	REFUSED(wrt_module_open_fd(NULL, 0, "x", NULL));
	CHECK(wrt_module_open_fd(&m, -1, "x", NULL) < 0);
	CHECK(wrt_module_open_fd(&m, -1, NULL, NULL) < 0);
	CHECK(m == (wrt_module *)1);
	wrt_module_close(NULL);
	CHECK_EQ(wrt_module_nimports(NULL), 0);
	CHECK_EQ(wrt_module_nexports(NULL), 0);
	REFUSED(wrt_module_import(NULL, 0, &x));
	REFUSED(wrt_module_import(e.m, 0, NULL));
	REFUSED(wrt_module_import(e.m, 99, &x));
	REFUSED(wrt_module_export(NULL, 0, &x));
	REFUSED(wrt_module_export(e.m, 0, NULL));
	REFUSED(wrt_module_export(e.m, SIZE_MAX, &x));
	CHECK_STR(wrt_module_name(NULL), "");
	CHECK_STR(wrt_module_cpu(NULL), "");
	CHECK_EQ(wrt_module_has_fuel(NULL), 0);
	CHECK(wrt_status_text(12345));
	CHECK(wrt_status_text(-12345));
	down();
}

TEST(import_lists)
{
	const struct wrt_functype v = { 0, 0, NULL, NULL };
	const struct wrt_functype odd = { 1, 0, NULL, NULL };
	static const uint8_t none[] = { 1 };
	const struct wrt_functype bogus = { 1, 0, none, NULL };
	const struct wrt_limits lim = { 0, 1, 0, 0, 16 };
	const wrt_val z = { 0 };
	wrt_tag *tag;

	up();
	REFUSED(wrt_imports_create(NULL));
	wrt_imports_destroy(NULL);
	wrt_imports_unknown(NULL, WRT_UNKNOWN_TRAP);
	REFUSED(wrt_imports_func(NULL, "m", "n", &v, noop, NULL));
	REFUSED(wrt_imports_func(e.l, NULL, "n", &v, noop, NULL));
	REFUSED(wrt_imports_func(e.l, "m", NULL, &v, noop, NULL));
	REFUSED(wrt_imports_func(e.l, "m", "n", NULL, noop, NULL));
	REFUSED(wrt_imports_func(e.l, "m", "n", &odd, noop, NULL));
	REFUSED(wrt_imports_func(e.l, "m", "n", &v, NULL, NULL));
	REFUSED(wrt_imports_cfunc(NULL, "m", "n", &v, c_noop, NULL));
	REFUSED(wrt_imports_cfunc(e.l, NULL, "n", &v, c_noop, NULL));
	REFUSED(wrt_imports_cfunc(e.l, "m", "n", NULL, c_noop, NULL));
	REFUSED(wrt_imports_cfunc(e.l, "m", "n", &v, NULL, NULL));
	REFUSED(wrt_imports_cfunc(e.l, "m", "n", &odd, c_noop, NULL));
	REFUSED(wrt_imports_typed(NULL, "m", "n", &v, c_noop, NULL));
	REFUSED(wrt_imports_typed(e.l, "m", "n", &odd, c_noop, NULL));
	REFUSED(wrt_imports_typed(e.l, "m", "n", &v, NULL, NULL));
	REFUSED(wrt_imports_tag(e.l, "m", "n", &odd, &tag));
	CHECK_EQ(wrt_imports_func(e.l, "m", "n", &bogus, noop, NULL),
	    WRT_ENOMEM);
	REFUSED(wrt_imports_export(NULL, "m", "n", e.i, "run"));
	REFUSED(wrt_imports_export(e.l, NULL, "n", e.i, "run"));
	REFUSED(wrt_imports_export(e.l, "m", NULL, e.i, "run"));
	REFUSED(wrt_imports_export(e.l, "m", "n", NULL, "run"));
	REFUSED(wrt_imports_export(e.l, "m", "n", e.i, NULL));
	CHECK_EQ(wrt_imports_export(e.l, "m", "n", e.i, "none"),
	    WRT_ENOTFOUND);
	REFUSED(wrt_imports_service(NULL, "m", "n", e.i, "run", NULL));
	REFUSED(wrt_imports_service(e.l, NULL, "n", e.i, "run", NULL));
	REFUSED(wrt_imports_service(e.l, "m", NULL, e.i, "run", NULL));
	REFUSED(wrt_imports_service(e.l, "m", "n", NULL, "run", NULL));
	REFUSED(wrt_imports_service(e.l, "m", "n", e.i, NULL, NULL));
	CHECK_EQ(wrt_imports_service(e.l, "m", "n", e.i, "none", NULL),
	    WRT_ENOTFOUND);
	REFUSED(wrt_imports_instance(NULL, "m", e.i));
	REFUSED(wrt_imports_instance(e.l, NULL, e.i));
	REFUSED(wrt_imports_instance(e.l, "m", NULL));
	REFUSED(wrt_imports_memory(NULL, e.p, "m", "n", &lim, NULL));
	REFUSED(wrt_imports_memory(e.l, NULL, "m", "n", &lim, NULL));
	REFUSED(wrt_imports_memory(e.l, e.p, NULL, "n", &lim, NULL));
	REFUSED(wrt_imports_memory(e.l, e.p, "m", NULL, &lim, NULL));
	REFUSED(wrt_imports_memory(e.l, e.p, "m", "n", NULL, NULL));
	REFUSED(wrt_imports_table(NULL, e.p, "m", "n", WRT_FUNCREF, &lim, z,
	    NULL));
	REFUSED(wrt_imports_table(e.l, NULL, "m", "n", WRT_FUNCREF, &lim, z,
	    NULL));
	REFUSED(wrt_imports_table(e.l, e.p, "m", "n", WRT_I32, &lim, z,
	    NULL));
	REFUSED(wrt_imports_table(e.l, e.p, "m", "n", WRT_FUNCREF, NULL, z,
	    NULL));
	REFUSED(wrt_imports_global(NULL, "m", "n", WRT_I32, 0, z));
	REFUSED(wrt_imports_global(e.l, NULL, "n", WRT_I32, 0, z));
	REFUSED(wrt_imports_global(e.l, "m", "n", 3, 0, z));
	REFUSED(wrt_imports_tag(NULL, "m", "n", &v, &tag));
	REFUSED(wrt_imports_tag(e.l, NULL, "n", &v, &tag));
	REFUSED(wrt_imports_tag(e.l, "m", "n", NULL, &tag));
	CHECK_EQ(wrt_imports_has(NULL, "m", 1, "n", 1), 0);
	CHECK_EQ(wrt_imports_has(e.l, NULL, 0, "n", 1), 0);
	CHECK_EQ(wrt_imports_has(e.l, "m", 1, NULL, 0), 0);
	CHECK_EQ(wrt_imports_has(e.l, "m", 1, "n", 1), 0);
	down();
}

TEST(instances)
{
	wrt_instance *i = (wrt_instance *)1;
	const uint8_t i32 = WRT_I32;
	struct wrt_typed typed;
	struct wrt_functype t;
	wrt_func *f;
	wrt_val v = { 0 };
	int n = 0;

	up();
	REFUSED(wrt_instance_create(NULL, e.p, e.m, e.l, NULL));
	REFUSED(wrt_instance_create(&i, NULL, e.m, e.l, NULL));
	REFUSED(wrt_instance_create(&i, e.p, NULL, e.l, NULL));
	REFUSED(wrt_instance_clone(NULL, e.i, e.p, NULL));
	REFUSED(wrt_instance_clone(&i, NULL, e.p, NULL));
	CHECK(i == (wrt_instance *)1);
	wrt_instance_close(NULL);
	REFUSED(wrt_instance_reset(NULL, NULL));
	CHECK(!wrt_instance_module(NULL));
	wrt_instance_set_data(NULL, &n);
	CHECK(!wrt_instance_data(NULL));
	REFUSED(wrt_instance_set_stack(NULL, 1 << 20));
	CHECK_EQ(wrt_instance_set_stack(e.i, UINT64_MAX), WRT_ELIMIT);
	REFUSED(wrt_instance_set_timeout(NULL, 0, 0));
	REFUSED(wrt_instance_func(NULL, "run", 3, &f, &t));
	REFUSED(wrt_instance_func(e.i, NULL, 3, &f, &t));
	CHECK_EQ(wrt_instance_func(e.i, "run", 3, NULL, NULL), WRT_OK);
	CHECK_EQ(wrt_instance_func(e.i, "memory", 6, &f, &t), WRT_ENOTFOUND);
	REFUSED(wrt_instance_call(NULL, "run", &v, 1, NULL));
	REFUSED(wrt_instance_call(e.i, NULL, &v, 1, NULL));
	CHECK_EQ(wrt_instance_call(e.i, "take", NULL, 1, &v), WRT_ETYPE);
	CHECK_EQ(wrt_instance_call(e.i, "take", &v, 0, &v), WRT_ETYPE);
	CHECK_EQ(wrt_instance_call(e.i, "take", &v, 2, &v), WRT_ETYPE);
	CHECK_EQ(wrt_instance_call(e.i, "take", &v, 1, NULL), WRT_ETYPE);
	CHECK_EQ(wrt_instance_call(e.i, "memory", &v, 1, &v), WRT_ENOTFOUND);
	REFUSED(wrt_func_call(NULL, NULL, 0, NULL));
	CHECK(!wrt_func_instance(NULL));
	REFUSED(wrt_func_type(NULL, &t));
	CHECK_EQ(wrt_instance_func(e.i, "run", 3, &f, NULL), WRT_OK);
	REFUSED(wrt_func_type(f, NULL));
	CHECK_EQ(wrt_func_type(f, &t), WRT_OK);
	REFUSED(wrt_func_typed(NULL, &t, &typed));
	REFUSED(wrt_func_typed(f, NULL, &typed));
	REFUSED(wrt_func_typed(f, &t, NULL));
	t.nparams = 1;
	t.params = &i32;
	CHECK_EQ(wrt_func_typed(f, &t, &typed), WRT_ETYPE);
	REFUSED(wrt_instance_enter(NULL));
	REFUSED(wrt_instance_leave(NULL));
	CHECK_EQ(wrt_instance_leave(e.i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_enter(e.i), WRT_OK);
	CHECK_EQ(wrt_instance_enter(e.i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_leave(e.i), WRT_OK);
	REFUSED(wrt_instance_set_slice(NULL, 1));
	REFUSED(wrt_instance_preempt(NULL));
	CHECK_EQ(wrt_instance_preempt(e.i), WRT_ESTATE);
	CHECK_EQ(wrt_preempted(NULL), 0);
	CHECK_EQ(wrt_preempted(e.i), 0);
	down();
}

/* Nothing runs, is suspended, or has trapped. */
TEST(nothing_has_happened)
{
	struct wrt_exception x;
	struct wrt_trap t;
	wrt_val v = { 0 };

	up();
	REFUSED(wrt_trap_get(NULL, &t));
	REFUSED(wrt_trap_get(e.i, NULL));
	CHECK_EQ(wrt_trap_get(e.i, &t), WRT_ESTATE);
	REFUSED(wrt_trap_coredump(NULL, 1, NULL));
	REFUSED(wrt_trap_coredump(e.i, -1, NULL));
	CHECK_EQ(wrt_trap_coredump(e.i, 1, NULL), WRT_ESTATE);
	CHECK(wrt_trap_set(NULL, 1, "x") < 0);
	CHECK_EQ(wrt_trap_set(e.i, 1, "x"), WRT_ESTATE);
	CHECK(wrt_exit(NULL, 1) < 0);
	CHECK_EQ(wrt_exit(e.i, 1), WRT_ESTATE);
	REFUSED(wrt_exception_get(NULL, &x));
	REFUSED(wrt_exception_get(e.i, NULL));
	CHECK_EQ(wrt_exception_get(e.i, &x), WRT_ESTATE);
	CHECK(wrt_throw(NULL, NULL, NULL) < 0);
	CHECK(wrt_throw(e.i, NULL, NULL) < 0);
	REFUSED(wrt_instance_kill(NULL, WRT_TRAP_INTERRUPT));
	REFUSED(wrt_instance_kill(e.i, 0));
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_INTERRUPT), WRT_ESTATE);
	CHECK(wrt_yield(NULL, v) < 0);
	CHECK_EQ(wrt_yield(e.i, v), WRT_ESTATE);
	CHECK(wrt_instance_yielded(NULL, &v) < 0);
	CHECK(wrt_instance_yielded(e.i, &v) < 0);
	CHECK(wrt_instance_resume(NULL, NULL, 0, NULL) < 0);
	CHECK_EQ(wrt_instance_resume(e.i, NULL, 0, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_suspended(NULL), 0);
	REFUSED(wrt_instance_set_fuel(NULL, 1));
	CHECK_EQ(wrt_instance_set_fuel(e.i, 1), WRT_ESTATE);
	REFUSED(wrt_instance_fuel(NULL, NULL));
	down();
}

TEST(exports)
{
	wrt_memory *m = (wrt_memory *)1;
	wrt_table *t = (wrt_table *)1;
	wrt_global *g = (wrt_global *)1;
	wrt_tag *tag = (wrt_tag *)1;
	uint32_t n = 77;

	up();
	REFUSED(wrt_instance_memory(NULL, "memory", 6, &m));
	REFUSED(wrt_instance_memory(e.i, NULL, 6, &m));
	REFUSED(wrt_instance_memory(e.i, "memory", 6, NULL));
	REFUSED(wrt_instance_table(NULL, "t", 1, &t));
	REFUSED(wrt_instance_table(e.i, NULL, 1, &t));
	REFUSED(wrt_instance_table(e.i, "t", 1, NULL));
	REFUSED(wrt_instance_global(NULL, "g", 1, &g));
	REFUSED(wrt_instance_global(e.i, NULL, 1, &g));
	REFUSED(wrt_instance_global(e.i, "g", 1, NULL));
	REFUSED(wrt_instance_tag(NULL, "t", 1, &tag));
	REFUSED(wrt_instance_tag(e.i, NULL, 1, &tag));
	REFUSED(wrt_instance_tag(e.i, "t", 1, NULL));
	CHECK_EQ(wrt_instance_memory(e.i, "run", 3, &m), WRT_ENOTFOUND);
	CHECK_EQ(wrt_instance_table(e.i, "memory", 6, &t), WRT_ENOTFOUND);
	REFUSED(wrt_instance_memory_at(NULL, 0, &m));
	REFUSED(wrt_instance_memory_at(e.i, 0, NULL));
	CHECK_EQ(wrt_instance_memory_at(e.i, 9, &m), WRT_ENOTFOUND);
	REFUSED(wrt_caller_memory(NULL, &m));
	REFUSED(wrt_caller_memory(e.i, NULL));
	REFUSED(wrt_instance_profile_write(NULL, "x", NULL));
	REFUSED(wrt_instance_profile_write(e.i, NULL, NULL));
	CHECK_EQ(wrt_instance_profile_write(e.i, "x", NULL), WRT_ENOTFOUND);
	REFUSED(wrt_instance_table_at(NULL, 0, &t));
	REFUSED(wrt_instance_table_at(e.i, 0, NULL));
	REFUSED(wrt_instance_global_at(NULL, 0, &g));
	REFUSED(wrt_instance_global_at(e.i, 0, NULL));
	REFUSED(wrt_instance_func_index(NULL, NULL, &n));
	CHECK(wrt_instance_func_index(e.i, NULL, &n) < 0);
	CHECK(wrt_instance_dropped(NULL, 0, 0) < 0);
	CHECK(m == (wrt_memory *)1 && t == (wrt_table *)1);
	CHECK(g == (wrt_global *)1 && tag == (wrt_tag *)1 && n == 77);
	down();
}

TEST(objects)
{
	wrt_val v = { 0 };
	wrt_memory *m;
	char b[8];
	int mut = 9;

	up();
	CHECK_EQ(wrt_instance_memory(e.i, "memory", 6, &m), WRT_OK);
	CHECK_EQ(wrt_memory_bytes(NULL), 0);
	CHECK_EQ(wrt_memory_pages(NULL), 0);
	CHECK_EQ(wrt_memory_grow(NULL, 1), -1);
	wrt_memory_limit(NULL, 1);
	CHECK(!wrt_memory_at(NULL, 0, 1));
	CHECK(!wrt_memory_at(m, UINT64_MAX, 2));
	REFUSED(wrt_memory_read(NULL, 0, b, 1));
	REFUSED(wrt_memory_read(m, 0, NULL, 1));
	REFUSED(wrt_memory_write(NULL, 0, b, 1));
	REFUSED(wrt_memory_write(m, 0, NULL, 1));
	CHECK_EQ(wrt_memory_read(m, UINT64_MAX, b, 2), WRT_EBOUNDS);
	CHECK_EQ(wrt_memory_write(m, 1, b, SIZE_MAX), WRT_EBOUNDS);
	REFUSED(wrt_memory_walk(NULL, walked, NULL));
	REFUSED(wrt_memory_walk(m, NULL, NULL));
	CHECK(!wrt_memory_at(m, 65536, 1));
	CHECK_EQ(wrt_memory_grow(m, UINT64_MAX), -1);
	CHECK_EQ(wrt_table_type(NULL), 0);
	CHECK_EQ(wrt_table_size(NULL), 0);
	REFUSED(wrt_table_get(NULL, 0, &v));
	REFUSED(wrt_table_set(NULL, 0, v));
	CHECK_EQ(wrt_table_grow(NULL, 1, v), -1);
	wrt_table_limit(NULL, 1);
	CHECK_EQ(wrt_global_type(NULL, &mut), 0);
	CHECK_EQ(wrt_global_get(NULL).i64, 0);
	REFUSED(wrt_global_set(NULL, v));
	CHECK(wrt_ref_kind(NULL, v) <= 0);
	CHECK(wrt_gc(NULL) < 0);
	CHECK(wrt_gc_stats(NULL, NULL) < 0);
	CHECK(wrt_gc_limit(NULL, 1) < 0);
	CHECK(wrt_cont_limit(NULL, 1, 1) < 0);
	down();
}

/* Values that are not of the type. */
TEST(values)
{
	wrt_val v = { 0 }, f = { 0 };
	wrt_table *t, *typed;
	wrt_global *g;

	up();
	CHECK_EQ(wrt_instance_func(e.i, "run", 3, &f.func, NULL), WRT_OK);
	CHECK_EQ(wrt_instance_table(e.i, "t", 1, &t), WRT_OK);
	CHECK_EQ(wrt_instance_table(e.i, "typed", 5, &typed), WRT_OK);
	REFUSED(wrt_table_get(t, 0, NULL));
	CHECK_EQ(wrt_table_get(t, 2, &v), WRT_EBOUNDS);
	CHECK_EQ(wrt_table_set(t, UINT64_MAX, v), WRT_EBOUNDS);
	CHECK_EQ(wrt_table_grow(t, UINT64_MAX, v), -1);
	CHECK_EQ(wrt_table_set(typed, 0, f), WRT_ETYPE);
	CHECK_EQ(wrt_table_grow(typed, 1, f), -1);
	CHECK_EQ(wrt_instance_global(e.i, "const", 5, &g), WRT_OK);
	CHECK_EQ(wrt_global_set(g, v), WRT_ETYPE);
	CHECK_EQ(wrt_global_type(g, NULL), WRT_I32);
	CHECK_EQ(wrt_instance_global(e.i, "typed_g", 7, &g), WRT_OK);
	CHECK_EQ(wrt_global_set(g, f), WRT_ETYPE);
	v.u64[0] = 0xfff6c0de00000008;	/* an object, but there is no heap */
	CHECK(wrt_ref_kind(NULL, v) < 0);
	CHECK(wrt_ref_kind(e.i, v) < 0);
	down();
}

/* ---- While it runs ------------------------------------------------------- */

/* data: the caller that is given. */
static int
meddle(void *data, wrt_instance *caller, wrt_val *vals)
{
	wrt_instance *other;

	(void)data;
	(void)vals;
	wrt_instance_close(caller);	/* is left as it is */
	CHECK_EQ(wrt_instance_reset(caller, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_clone(&other, caller, e.p, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_resume(caller, NULL, 0, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_timeout(caller, 1, 0), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_slice(caller, 1000), WRT_ESTATE);
	CHECK_EQ(wrt_instance_leave(caller), WRT_ESTATE);
	CHECK_EQ(wrt_instance_enter(caller), WRT_ESTATE);
	REFUSED(wrt_trap_set(caller, 0, "x"));
	REFUSED(wrt_throw(caller, NULL, NULL));
	return WRT_OK;
}

/* What is no status of a host function ends the guest. */
static int
nonsense(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)caller;
	(void)vals;
	return *(int *)data;
}

TEST(while_it_runs)
{
	const struct wrt_functype type = { 0, 0, NULL, NULL };
	const int values[] = { 1, 3, -1, -99, 12345 };
	struct wrt_trap t;
	wrt_instance *i;
	int rc;

	up();
	CHECK_EQ(wrt_imports_func(e.l, "host", "f", &type, meddle, NULL),
	    WRT_OK);
	i = api_instance(e.p, e.m, e.l);
	CHECK_EQ(wrt_instance_call(i, "run", NULL, 0, NULL), WRT_OK);
	wrt_instance_close(i);
	CHECK_EQ(wrt_imports_func(e.l, "host", "f", &type, nonsense, &rc),
	    WRT_OK);
	i = api_instance(e.p, e.m, e.l);
	for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
		rc = values[k];
		CHECK_EQ(wrt_instance_call(i, "run", NULL, 0, NULL), WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(i, &t), WRT_OK);
		CHECK_EQ(t.code, WRT_TRAP_HOST);
	}
	wrt_instance_close(i);
	down();
}

static int
suspend(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)data;
	(void)caller;
	(void)vals;
	return WRT_YIELD;
}

TEST(while_it_is_suspended)
{
	const struct wrt_functype type = { 0, 0, NULL, NULL };
	wrt_instance *i, *other;
	wrt_val v = { 0 };

	up();
	CHECK_EQ(wrt_imports_func(e.l, "host", "f", &type, suspend, NULL),
	    WRT_OK);
	i = api_instance(e.p, e.m, e.l);
	CHECK_EQ(wrt_instance_call(i, "run", NULL, 0, NULL), WRT_SUSPENDED);
	REFUSED(wrt_instance_yielded(i, NULL));
	CHECK_EQ(wrt_instance_call(i, "run", NULL, 0, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_enter(i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_clone(&other, i, e.p, NULL), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_timeout(i, 1, 0), WRT_ESTATE);
	CHECK_EQ(wrt_instance_kill(i, WRT_TRAP_INTERRUPT), WRT_ESTATE);
	CHECK_EQ(wrt_instance_preempt(i), WRT_ESTATE);
	CHECK_EQ(wrt_instance_resume(i, &v, 1, NULL), WRT_ETYPE);
	CHECK_EQ(wrt_instance_resume(i, NULL, 0, NULL), WRT_OK);
	wrt_instance_close(i);
	down();
}

/* ---- WASI, the compiler -------------------------------------------------- */

/* What is written, counted. */
static int
count(void *arg, const char *text, size_t n)
{
	(void)text;
	*(size_t *)arg += n;
	return 0;
}

static int
refuse(void *arg, const char *text, size_t n)
{
	(void)text;
	(void)n;
	return ++*(int *)arg == 3 ? 17 : 0;
}

TEST(counters)
{
	static const char *const bad[][5] = {
		{ "", "x" }, { "1a", "x" }, { "a-b", "x" }, { "a:b", "x" },
		{ "__a", "x" }, { "kind", "x" }, { "a", "x", "a", "y" },
		{ "a", NULL }, { "a", "x", "b", NULL },
	};
	struct wrt_stats s = { .calls = 77 };
	struct wrt_metrics m = { &s, sizeof s, NULL };
	size_t n = 0;
	int calls = 0;

	up();
	REFUSED(wrt_pool_stats(NULL, &s, sizeof s));
	REFUSED(wrt_pool_stats(e.p, NULL, sizeof s));
	REFUSED(wrt_pool_stats(e.p, &s, 0));
	REFUSED(wrt_module_stats(NULL, &s, sizeof s));
	REFUSED(wrt_module_stats(e.m, NULL, sizeof s));
	REFUSED(wrt_module_stats(e.m, &s, 0));
	REFUSED(wrt_instance_stats(NULL, &s, sizeof s));
	REFUSED(wrt_instance_stats(e.i, NULL, sizeof s));
	REFUSED(wrt_instance_stats(e.i, &s, 0));
	CHECK_EQ(s.calls, 77);
	REFUSED(wrt_pool_prometheus(NULL, "x", count, &n));
	REFUSED(wrt_pool_prometheus(e.p, "x", NULL, &n));
	REFUSED(wrt_stats_prometheus(NULL, &m, 1, count, &n));
	REFUSED(wrt_stats_prometheus("a b", &m, 1, count, &n));
	REFUSED(wrt_stats_prometheus("a", NULL, 1, count, &n));
	REFUSED(wrt_stats_prometheus("a", &m, 1, NULL, &n));
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		m.labels = bad[k];
		REFUSED(wrt_stats_prometheus("a", &m, 1, count, &n));
	}
	m = (struct wrt_metrics){ NULL, sizeof s, NULL };
	REFUSED(wrt_stats_prometheus("a", &m, 1, count, &n));
	CHECK_EQ(n, 0);
	CHECK_EQ(wrt_pool_prometheus(e.p, NULL, count, &n), WRT_OK);
	CHECK(n > 500);
	CHECK_EQ(wrt_pool_prometheus(e.p, "x", refuse, &calls), 17);
	CHECK_EQ(calls, 3);
	down();
}

TEST(wasi)
{
	const char *const hole[] = { NULL };
	const struct wrt_wasi_dir nowhere[] = { { .guest = "/" } };
	const struct wrt_wasi_config bad[] = {
		{ .argc = 1 }, { .nenv = 1 }, { .ndirs = 1 }, { .nlisten = 1 },
		{ .argc = 1, .argv = hole }, { .nenv = 1, .env = hole },
		{ .ndirs = 1, .dirs = nowhere },
	};
	wrt_wasi *w = (wrt_wasi *)1;
	uint32_t fd = 77;

	up();
	REFUSED(wrt_wasi_create(NULL, NULL, NULL));
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		REFUSED(wrt_wasi_create(&w, &bad[k], NULL));
	CHECK(w == (wrt_wasi *)1);
	CHECK_EQ(wrt_wasi_create(&w, NULL, NULL), WRT_OK);
	REFUSED(wrt_wasi_imports(NULL, e.l));
	REFUSED(wrt_wasi_imports(w, NULL));
	CHECK_EQ(wrt_wasi_left_open(NULL, &fd), 0);
	CHECK_EQ(wrt_wasi_left_open(w, NULL), 0);
	CHECK_EQ(fd, 77);
	REFUSED(wrt_wasi_threads(NULL, e.l, e.p, e.m, NULL));
	REFUSED(wrt_wasi_threads(w, NULL, e.p, e.m, NULL));
	REFUSED(wrt_wasi_threads(w, e.l, NULL, e.m, NULL));
	REFUSED(wrt_wasi_threads(w, e.l, e.p, NULL, NULL));
	wrt_wasi_threads_begin(NULL, e.i);
	CHECK(!wrt_wasi_threads_end(NULL));
	CHECK(!wrt_wasi_threads_end(w));	/* nothing has begun */
	wrt_wasi_destroy(w);
	wrt_wasi_destroy(NULL);
	down();
}

TEST(compiler)
{
	static const char empty[] = "\0asm\1\0\0";
	const struct wasmc_state holes[] = {
		{ .nmemories = 1 }, { .ntables = 1 }, { .nglobals = 1 },
		{ .ndatas = 1 }, { .nelems = 1 }, { .nhide = 1 },
	};
	const struct wasmc_options odd = { .features = "none-such" };
	const struct wasmc_state st = { 0 };
	struct wasmc_error err;

	CHECK(*wasmc_version());
	CHECK_EQ(wasmc_compile(NULL, 8, "x", "x.so", NULL, &err),
	    WASMC_EOPTION);
	CHECK_EQ(err.status, WASMC_EOPTION);
	CHECK_EQ(wasmc_compile(empty, 8, "x", NULL, NULL, NULL),
	    WASMC_EOPTION);
	CHECK_EQ(wasmc_compile(NULL, 0, NULL, "x.so", NULL, NULL),
	    WASMC_EMALFORMED);
	CHECK_EQ(wasmc_validate(NULL, 8, NULL, &err), WASMC_EOPTION);
	CHECK_EQ(err.status, WASMC_EOPTION);
	CHECK_EQ(wasmc_validate(NULL, 8, NULL, NULL), WASMC_EOPTION);
	CHECK_EQ(wasmc_validate(NULL, 0, NULL, NULL), WASMC_EMALFORMED);
	CHECK_EQ(wasmc_validate(empty, 8, NULL, NULL), WASMC_OK);
	CHECK(wasmc_options_key(NULL, NULL, 0) > 0);
	CHECK(wasmc_options_key(NULL, NULL, 99) > 0);
	CHECK(wasmc_options_key(&odd, NULL, 0) > 0);
	CHECK_EQ(wasmc_snapshot_write(NULL, 8, &st, "x.so", &err),
	    WASMC_EOPTION);
	CHECK_EQ(wasmc_snapshot_write(empty, 8, NULL, "x.so", &err),
	    WASMC_EOPTION);
	CHECK_EQ(wasmc_snapshot_write(empty, 8, &st, NULL, NULL),
	    WASMC_EOPTION);
	for (size_t k = 0; k < sizeof holes / sizeof *holes; k++)
		CHECK_EQ(wasmc_snapshot_write(empty, 8, &holes[k], "x.so",
		    &err), WASMC_EOPTION);
	CHECK_EQ(wasmc_snapshot_write(empty, 8, &st, "x.so", &err),
	    WASMC_EINVALID);
}

TEST(linker)
{
	static const char empty[] = "\0asm\1\0\0";
	const struct wasmc_options odd = { .features = "none-such" };
	struct wasmc_link_input in[] = { { empty, 8, "a" }, { empty, 8, "b" } };
	struct wasmc_error err;
	void *out = (void *)1;
	size_t n = 77, which;

#define LINK(inputs, count, how, opt, p, size)				\
	wasmc_link(inputs, count, (enum wasmc_link_exports)(how), opt, p,	\
	    size, &which, &err)
	CHECK_EQ(LINK(NULL, 1, 0, NULL, &out, &n), WASMC_EOPTION);
	CHECK_EQ(LINK(in, 0, 0, NULL, &out, &n), WASMC_EOPTION);
	CHECK_EQ(LINK(in, 2, 3, NULL, &out, &n), WASMC_EOPTION);
	CHECK_EQ(LINK(in, 2, 0, &odd, &out, &n), WASMC_EOPTION);
	CHECK_EQ(LINK(in, 2, 0, NULL, NULL, &n), WASMC_EOPTION);
	CHECK_EQ(LINK(in, 2, 0, NULL, &out, NULL), WASMC_EOPTION);
	in[1].name = NULL;
	CHECK_EQ(LINK(in, 2, 0, NULL, &out, &n), WASMC_EOPTION);
	in[1].name = "\xff";
	CHECK_EQ(LINK(in, 2, 0, NULL, &out, &n), WASMC_EOPTION);
	CHECK_EQ(which, 1);
	in[1].name = "a";
	CHECK_EQ(LINK(in, 2, 0, NULL, &out, &n), WASMC_EOPTION);
	in[1].name = "b";
	in[1].wasm = NULL;
	CHECK_EQ(LINK(in, 2, 0, NULL, &out, &n), WASMC_EOPTION);
	in[1].n = 0;
	CHECK_EQ(LINK(in, 2, 0, NULL, &out, &n), WASMC_EMALFORMED);
	CHECK_EQ(which, 1);
	CHECK(out == (void *)1 && n == 77);
	CHECK_EQ(wasmc_link(in, 1, WASMC_EXPORTS_FIRST, NULL, &out, &n, NULL,
	    NULL), WASMC_OK);
	CHECK_EQ(wasmc_validate(out, n, NULL, NULL), WASMC_OK);
	free(out);
#undef LINK
}

/* ---- Is that all? -------------------------------------------------------- */

static char *
text_of(const char *path)
{
	size_t n;
	char *p = api_read(path, &n);

	p[n] = '\0';
	return p;
}

/* The name of the function declared at p: what stands before its first
 * parenthesis.  Struct members and types have no business there. */
static void
name_at(const char *p, char *out, size_t size)
{
	const char *end = strchr(p, '('), *begin;
	size_t n;

	CHECK(end);
	begin = end;
	while (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')
		begin--;
	n = (size_t)(end - begin);
	CHECK(n > 4 && n + 2 < size);
	snprintf(out, size, "%.*s(", (int)n, begin);
}

TEST(every_function_is_here)
{
	static const char *const headers[][2] = {
		{ "include/wasmrt.h", "\nWRT_API " },
		{ "include/wasmrt_wasi.h", "\nWRT_API " },
		{ "include/wasmc.h", "\nWASMC_API " },
	};
	char *here = text_of("tests/api/misuse.c"), name[100];
	unsigned n = 0;

	for (size_t k = 0; k < 3; k++) {
		char *text = text_of(headers[k][0]), *p = text;

		for (; (p = strstr(p, headers[k][1])); p++, n++) {
			name_at(p, name, sizeof name);
			if (!strstr(here, name))
				test_end('F', "%s) is not tried", name);
		}
		free(text);
	}
	CHECK(n > 90);
	free(here);
}

TEST_MAIN
