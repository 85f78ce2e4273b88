/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fuel.c: giving fuel, and what is left of it; tests/fuel has what it counts.
 */
#include "api.h"

static int
count_host(void *data, wrt_instance *caller, wrt_val *vals)
{
	uint64_t *left = data;

	(void)vals;
	CHECK_EQ(wrt_instance_fuel(caller, left), WRT_OK);
	return WRT_OK;
}

static int
refuel_host(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)vals;
	return wrt_instance_set_fuel(caller, *(uint64_t *)data);
}

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
};

static wrt_imports *
with_h(wrt_host_fn h, void *data)
{
	const struct wrt_functype v = { 0, 0, NULL, NULL };
	wrt_imports *l;

	CHECK_EQ(wrt_imports_create(&l), WRT_OK);
	CHECK_EQ(wrt_imports_func(l, "env", "h", &v, h, data), WRT_OK);
	return l;
}

static struct env
up(wrt_host_fn h, void *data)
{
	const struct wasmc_options opt = { .fuel = 1 };
	struct env e = { .p = api_pool(), .l = with_h(h, data) };

	e.m = api_module_with("fuel", &opt);
	e.i = api_instance(e.p, e.m, e.l);
	return e;
}

static void
down(struct env e)
{
	wrt_instance_close(e.i);
	wrt_module_close(e.m);
	wrt_imports_destroy(e.l);
	wrt_pool_destroy(e.p);
}

static uint64_t
left(wrt_instance *i)
{
	uint64_t n = 0;

	CHECK_EQ(wrt_instance_fuel(i, &n), WRT_OK);
	return n;
}

static int
n_of(wrt_instance *i)
{
	wrt_global *g;

	CHECK_EQ(wrt_instance_global(i, "n", 1, &g), WRT_OK);
	return wrt_global_get(g).i32;
}

TEST(without_limit_at_first)
{
	uint64_t seen;
	struct env e = up(count_host, &seen);

	CHECK_EQ(left(e.i), (uint64_t)INT64_MAX - 3);
	CHECK_EQ(api_call(e.i, "count", 1, 1000, 0, 0, NULL), WRT_OK);
	CHECK_EQ(left(e.i), (uint64_t)INT64_MAX - 3 - 9001);
	CHECK_EQ(wrt_module_has_fuel(e.m), 1);
	down(e);
}

TEST(a_trap_and_again)
{
	uint64_t seen;
	struct env e = up(count_host, &seen);
	struct wrt_trap t;

	CHECK_EQ(wrt_instance_set_fuel(e.i, 1 + 9 * 5 + 4), WRT_OK);
	CHECK_EQ(api_call(e.i, "count", 1, 100, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e.i, &t), WRT_OK);
	CHECK_EQ(t.code, WRT_TRAP_FUEL);
	CHECK_EQ(n_of(e.i), 1 + 6);
	CHECK_EQ(left(e.i), 0);
	CHECK_EQ(api_call(e.i, "set", 1, 5, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(n_of(e.i), 1 + 6);
	CHECK_EQ(wrt_instance_set_fuel(e.i, 3), WRT_OK);
	CHECK_EQ(api_call(e.i, "set", 1, 5, 0, 0, NULL), WRT_OK);
	CHECK_EQ(n_of(e.i), 5);
	CHECK_EQ(left(e.i), 0);
	down(e);
}

TEST(host_functions_see_and_give)
{
	uint64_t n = 0;
	struct env e = up(count_host, &n);

	CHECK_EQ(wrt_instance_set_fuel(e.i, 10), WRT_OK);
	CHECK_EQ(api_call(e.i, "host", 0, 0, 0, 0, NULL), WRT_OK);
	CHECK_EQ(n, 7);			/* entry, two calls */
	down(e);
	n = 100;
	e = up(refuel_host, &n);
	CHECK_EQ(wrt_instance_set_fuel(e.i, 2), WRT_OK);
	CHECK_EQ(api_call(e.i, "host", 0, 0, 0, 0, NULL), WRT_OK);
	CHECK_EQ(left(e.i), 100);
	down(e);
}

TEST(whose_code_runs_pays)
{
	const struct wasmc_options opt = { .fuel = 1 };
	uint64_t seen;
	struct env e = up(count_host, &seen);
	wrt_module *m = api_module_with("fuel_user", &opt);
	wrt_imports *l;
	wrt_instance *i;

	CHECK_EQ(wrt_imports_create(&l), WRT_OK);
	CHECK_EQ(wrt_imports_export(l, "env", "set", e.i, "set"), WRT_OK);
	i = api_instance(e.p, m, l);
	CHECK_EQ(wrt_instance_set_fuel(i, 10), WRT_OK);
	CHECK_EQ(wrt_instance_set_fuel(e.i, 10), WRT_OK);
	CHECK_EQ(api_call(i, "run", 0, 0, 0, 0, NULL), WRT_OK);
	CHECK_EQ(left(i), 7);
	CHECK_EQ(left(e.i), 7);
	CHECK_EQ(wrt_instance_set_fuel(e.i, 2), WRT_OK);
	CHECK_EQ(api_call(i, "run", 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(left(i), 4);
	CHECK_EQ(left(e.i), 0);
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_module_close(m);
	down(e);
}

/* The pool's, which also a start function pays from. */
TEST(what_a_pool_gives)
{
	struct wrt_pool_config c = { .max_instances = 2, .max_memories = 1,
	    .fuel = 5 };
	const struct wasmc_options opt = { .fuel = 1 };
	struct wrt_error err;
	uint64_t seen;
	struct env e = { .l = with_h(count_host, &seen) };

	e.m = api_module_with("fuel", &opt);
	CHECK_EQ(wrt_pool_create(&e.p, &c, &err), WRT_OK);
	e.i = api_instance(e.p, e.m, e.l);
	CHECK_EQ(left(e.i), 2);
	CHECK_EQ(wrt_instance_set_fuel(e.i, 0), WRT_OK);
	CHECK_EQ(wrt_instance_reset(e.i, &err), WRT_OK);
	CHECK_EQ(left(e.i), 2);
	wrt_instance_close(e.i);
	wrt_pool_destroy(e.p);
	c.fuel = 2;
	CHECK_EQ(wrt_pool_create(&e.p, &c, &err), WRT_OK);
	CHECK_EQ(wrt_instance_create(&e.i, e.p, e.m, e.l, &err), WRT_ETRAP);
	CHECK(strstr(err.text, "fuel exhausted"));
	e.i = NULL;
	down(e);
}

TEST(refusals)
{
	uint64_t n = 77;
	struct env e = up(count_host, &n);
	wrt_module *m = api_module("fuel");
	wrt_instance *i = api_instance(e.p, m, e.l);

	CHECK_EQ(wrt_instance_set_fuel(i, 5), WRT_ESTATE);
	CHECK_EQ(wrt_instance_fuel(i, &n), WRT_ESTATE);
	CHECK_EQ(wrt_instance_set_fuel(NULL, 5), WRT_EINVAL);
	CHECK_EQ(wrt_instance_set_fuel(e.i, 1ull << 63), WRT_EINVAL);
	CHECK_EQ(wrt_instance_fuel(e.i, NULL), WRT_EINVAL);
	CHECK_EQ(wrt_instance_fuel(NULL, &n), WRT_EINVAL);
	CHECK_EQ(n, 77);
	CHECK_EQ(wrt_module_has_fuel(m), 0);
	CHECK_EQ(wrt_module_has_fuel(NULL), 0);
	wrt_instance_close(i);
	wrt_module_close(m);
	down(e);
}

TEST_MAIN
