/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pool_dense.c: slots without guards: who may use them, and where they end.
 */
#include "api.h"

static const char *const modes[] = {
	"userfaultfd", "pagemap", "madvise", "plain"
};
enum { NMODES = sizeof modes / sizeof *modes, N = 8 };

static wrt_pool *
dense_pool(const char *mode)
{
	struct wrt_pool_config c = {
		.max_instances = N, .max_memories = 1,
		.max_memory_bytes = 4 * 65536, .flags = WRT_POOL_DENSE
	};
	wrt_pool *p;

	if (mode)
		setenv("WASMRT_MEMORY", mode, 1);
	return wrt_pool_create(&p, &c, NULL) == WRT_OK ? p : NULL;
}

static wrt_module *
explicit_module(const char *name)
{
	struct wasmc_options o = { .bounds = WASMC_BOUNDS_EXPLICIT };

	return api_module_with(name, &o);
}

static wrt_memory *
memory(wrt_instance *i)
{
	wrt_memory *m;

	CHECK_EQ(wrt_instance_memory(i, "mem", 3, &m), WRT_OK);
	return m;
}

TEST(who_relies_on_guards_is_refused)
{
	const struct wrt_limits lim = { .min = 1, .max = 4, .page_log2 = 16 };
	wrt_pool *dense = dense_pool(NULL), *wide = api_pool();
	wrt_module *guard = api_module("pool_other");
	wrt_module *importer = api_module("pool_mem");
	wrt_module *careful = explicit_module("pool_mem");
	struct wrt_error err;
	wrt_imports *l;
	wrt_instance *i;
	int32_t r;

	CHECK(dense);
	CHECK_EQ(wrt_instance_create(&i, dense, guard, NULL, &err), WRT_EINVAL);
	CHECK_HAS(err.text, "--bounds=explicit");
	CHECK_EQ(wrt_imports_create(&l), WRT_OK);
	CHECK_EQ(wrt_imports_memory(l, dense, "env", "mem", &lim, &err), 0);
	/* In whatever pool it lives itself. */
	CHECK_EQ(wrt_instance_create(&i, wide, importer, l, &err), WRT_ELINK);
	CHECK_HAS(err.text, "--bounds=explicit");
	CHECK_EQ(wrt_instance_create(&i, dense, importer, l, &err), WRT_ELINK);
	i = api_instance(wide, careful, l);
	CHECK_EQ(api_call(i, "load", 1, 65535, 0, 0, &r), WRT_OK);
	CHECK_EQ(api_call(i, "load", 1, 65536, 0, 0, &r), WRT_ETRAP);
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_module_close(guard);
	wrt_module_close(importer);
	wrt_module_close(careful);
	wrt_pool_destroy(dense);
	wrt_pool_destroy(wide);
}

static void
check_filled(wrt_instance *i, uint8_t with)
{
	const uint8_t *p = wrt_memory_at(memory(i), 0, 4 * 65536);

	CHECK(p);
	for (size_t k = 0; k < 4 * 65536; k++)
		if (p[k] != with)
			test_end('F', "byte %zu is %#x, not %#x", k, p[k],
			    with);
}

/* All slots full to the last byte; some are emptied, and made anew. */
TEST(neighbours_stay_as_they_are)
{
	for (int m = 0; m < NMODES; m++) {
		wrt_pool *p = dense_pool(modes[m]);
		wrt_module *mod = explicit_module("pool_other");
		wrt_instance *i[N], *more;
		int32_t r;

		if (!p)
			continue;
		for (int k = 0; k < N; k++)
			i[k] = api_instance(p, mod, NULL);
		CHECK_EQ(wrt_instance_create(&more, p, mod, NULL, NULL),
		    WRT_ELIMIT);
		for (int round = 0; round < 4; round++) {
			for (int k = 0; k < N; k++) {
				CHECK_EQ(api_call(i[k], "grow", 1, 3, 0, 0,
				    &r), WRT_OK);
				CHECK_EQ(r, 1);
				CHECK_EQ(api_call(i[k], "grow", 1, 1, 0, 0,
				    &r), WRT_OK);
				CHECK_EQ(r, -1);
				CHECK_EQ(api_call(i[k], "count", 1, 4 * 65536,
				    0, 0, &r), WRT_OK);
				CHECK_EQ(r, 0);
				CHECK_EQ(api_call(i[k], "fill", 1, 10 + k, 0,
				    0, NULL), WRT_OK);
				CHECK_EQ(api_call(i[k], "count", 1,
				    4 * 65536 + 1, 0, 0, &r), WRT_ETRAP);
			}
			for (int k = 0; k < N; k += 2) {
				wrt_instance_close(i[k]);
				if (round % 2)
					wrt_pool_trim(p, 0);
				i[k] = api_instance(p, mod, NULL);
			}
			for (int k = 1; k < N; k += 2)
				check_filled(i[k], (uint8_t)(10 + k));
			for (int k = 0; k < N; k++)
				CHECK_EQ(wrt_instance_reset(i[k], NULL), 0);
		}
		for (int k = 0; k < N; k++)
			wrt_instance_close(i[k]);
		wrt_module_close(mod);
		wrt_pool_destroy(p);
	}
}

TEST(memories_of_64_bits)
{
	wrt_pool *p = dense_pool(NULL);
	wrt_module *m = explicit_module("pool_64");
	wrt_instance *a = api_instance(p, m, NULL);
	wrt_instance *b = api_instance(p, m, NULL);
	int32_t r;

	/* They are in slots of the pool, side by side. */
	CHECK_EQ((uintptr_t)wrt_memory_at(memory(b), 0, 1) -
	    (uintptr_t)wrt_memory_at(memory(a), 0, 1), 4 * 65536);
	CHECK_EQ(api_call(a, "far", 1, 0, 0, 0, &r), WRT_ETRAP);
	CHECK_EQ(api_call(a, "farther", 1, 0, 0, 0, &r), WRT_ETRAP);
	CHECK_EQ(api_call(a, "farther", 1, 16, 0, 0, &r), WRT_ETRAP);
	CHECK_EQ(api_call(a, "grow", 1, 3, 0, 0, &r), WRT_OK);
	CHECK_EQ(api_call(a, "store", 2, 4 * 65536 - 1, 9, 0, NULL), WRT_OK);
	CHECK_EQ(api_call(a, "far", 1, 3 * 65536 - 1, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 9);
	CHECK_EQ(api_call(a, "far", 1, 3 * 65536, 0, 0, &r), WRT_ETRAP);
	CHECK_EQ(api_call(a, "store", 2, 4 * 65536, 9, 0, NULL), WRT_ETRAP);
	CHECK_EQ(api_call(b, "load", 1, 0, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 0);
	wrt_instance_close(a);
	wrt_instance_close(b);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

TEST(plain_and_dense)
{
	struct wrt_pool_config c = { .flags = WRT_POOL_DENSE | WRT_POOL_PLAIN };
	wrt_pool *p;

	CHECK_EQ(wrt_pool_create(&p, &c, NULL), WRT_EINVAL);
}

TEST_MAIN
