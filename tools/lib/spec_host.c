/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * spec_host.c: the host module "spectest" of the specification's test suite.
 * Its functions take values and do nothing; its table and memory are written
 * by tests, so every file gets fresh ones.
 */
#include "spec.h"

#define MODULE	"spectest"

static int
print(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)data;
	(void)caller;
	(void)vals;
	return WRT_OK;
}

static int
collect(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)data;
	(void)vals;
	return wrt_gc(caller);
}

static const struct {
	const char *name;
	uint32_t nparams;
	uint8_t params[2];
} funcs[] = {
	{ "print", 0, { 0 } },
	{ "print_i32", 1, { WRT_I32 } },
	{ "print_i64", 1, { WRT_I64 } },
	{ "print_f32", 1, { WRT_F32 } },
	{ "print_f64", 1, { WRT_F64 } },
	{ "print_i32_f32", 2, { WRT_I32, WRT_F32 } },
	{ "print_f64_f64", 2, { WRT_F64, WRT_F64 } },
};

static const struct {
	const char *name;
	uint8_t type;
	uint64_t bits;
} globals[] = {
	{ "global_i32", WRT_I32, 666 },
	{ "global_i64", WRT_I64, 666 },
	{ "global_f32", WRT_F32, 0x4426a666 },
	{ "global_f64", WRT_F64, 0x4084d4cccccccccd },
};

static int
memories_and_tables(wrt_imports *imports, wrt_pool *pool,
    struct wrt_error *err)
{
	struct wrt_limits memory = { .min = 1, .max = 2, .page_log2 = 16 };
	struct wrt_limits table = { .min = 10, .max = 20 };
	wrt_val null = { .u64 = { 0 } };
	int rc;

	rc = wrt_imports_memory(imports, pool, MODULE, "memory", &memory, err);
	if (rc == WRT_OK)
		rc = wrt_imports_table(imports, pool, MODULE, "table",
		    WRT_FUNCREF, &table, null, err);
	if (rc != WRT_OK)
		return rc;
	/* What is not there yet is missed by the modules that import it. */
	table.is64 = 1;
	wrt_imports_table(imports, pool, MODULE, "table64", WRT_FUNCREF,
	    &table, null, NULL);
	memory.max = 1;
	memory.shared = 1;
	wrt_imports_memory(imports, pool, MODULE, "shared_memory", &memory,
	    NULL);
	return WRT_OK;
}

int
spec_host(wrt_imports *imports, wrt_pool *pool, struct wrt_error *err)
{
	struct wrt_functype none = { 0 };
	int rc;

	for (size_t i = 0; i < sizeof funcs / sizeof *funcs; i++) {
		struct wrt_functype t = { .nparams = funcs[i].nparams,
			.params = funcs[i].params };

		rc = wrt_imports_func(imports, MODULE, funcs[i].name, &t,
		    print, NULL);
		if (rc != WRT_OK)
			return rc;
	}
	/* Suites that test collection ask for one. */
	rc = wrt_imports_func(imports, "wasmtime", "gc", &none, collect, NULL);
	if (rc != WRT_OK)
		return rc;
	for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
		wrt_val v = { .u64 = { globals[i].bits } };

		rc = wrt_imports_global(imports, MODULE, globals[i].name,
		    globals[i].type, 0, v);
		if (rc != WRT_OK)
			return rc;
	}
	return memories_and_tables(imports, pool, err);
}
