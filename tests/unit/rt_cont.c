/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * rt_cont.c: continuations, with each allocation failing once.  In a sanitizer
 * build a leak is a failure too.
 */
#include "api/api.h"
#include "load.h"

static const uint8_t i32s[] = { WRT_I32 };

static int
cb(void *data, wrt_instance *caller, wrt_val *v)
{
	return WRT_OK;
}

/* What the call does when the n-th allocation fails: it returns, or traps for
 * want of memory.  True: nothing failed, as there are no more. */
static bool
fails_at(wrt_instance *i, const char *name, int32_t arg, long n)
{
	struct wrt_trap t;
	bool done;
	int rc;

	atomic_store(&wrt__alloc_fail_in, n);
	rc = api_call(i, name, 1, arg, 0, 0, NULL);
	done = atomic_exchange(&wrt__alloc_fail_in, 0) > 0;
	CHECK(rc == WRT_OK || rc == WRT_ETRAP || rc == WRT_ENOMEM);
	if (rc == WRT_ETRAP) {
		CHECK(!done);
		CHECK_EQ(wrt_trap_get(i, &t), 0);
		CHECK(t.code == WRT_TRAP_HEAP ||
		    t.code == WRT_TRAP_STACK_OVERFLOW);
	}
	CHECK_EQ(api_call(i, "divide", 1, 10, 0, 0, NULL), 0);
	return done;
}

TEST(no_memory)
{
	static const struct {
		const char *name;
		int32_t arg;
	} calls[] = { { "runs", 3 }, { "pairs", 10 }, { "alive", 30 },
		{ "dropped", 1500 }, { "host2", 3 }, { "bound", 2 } };
	const struct wrt_functype t = { 1, 1, i32s, i32s };
	const struct wasmc_options opt = { .features = "all" };
	wrt_imports *l;
	wrt_pool *p = api_pool();
	wrt_module *m = api_module_with("cont", &opt);
	wrt_instance *i;

	CHECK_EQ(wrt_imports_create(&l), 0);
	CHECK_EQ(wrt_imports_func(l, "env", "cb", &t, cb, NULL), 0);
	i = api_instance(p, m, l);
	for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
		long n = 1;

		while (!fails_at(i, calls[k].name, calls[k].arg, n))
			n += 1 + n / 16;
		CHECK_EQ(wrt_instance_reset(i, NULL), 0);
	}
	wrt_instance_close(i);
	wrt_module_close(m);
	wrt_imports_destroy(l);
	wrt_pool_destroy(p);
}

TEST_MAIN
