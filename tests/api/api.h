/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * api.h: artifacts for the tests of the public interface, compiled from
 * build/tests/wat/NAME.wasm when they are asked for.
 */
#ifndef API_H
#define API_H

#include <stdint.h>
#include <sys/stat.h>

#include "wasmc.h"
#include "wasmrt.h"
#include "test.h"

static void *
api_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	void *p = NULL;
	struct stat st;

	if (!f)
		test_end('F', "%s: %s (make wat)", path, strerror(errno));
	if (fstat(fileno(f), &st) == 0 && (p = malloc((size_t)st.st_size + 1)))
		*n = fread(p, 1, (size_t)st.st_size, f);
	fclose(f);
	CHECK(p);
	return p;
}

__attribute__((unused)) static wrt_module *
api_module_with(const char *name, const struct wasmc_options *opt)
{
	char in[256], out[256];
	struct wasmc_error ce;
	struct wrt_error err;
	wrt_module *m;
	size_t n = 0;
	void *wasm;

	snprintf(in, sizeof in, "build/tests/wat/%s.wasm", name);
	snprintf(out, sizeof out, "build/tests/api-%s-%d.so", name,
	    (int)getpid());
	wasm = api_read(in, &n);
	if (wasmc_compile(wasm, n, name, out, opt, &ce) != WASMC_OK)
		test_end('F', "%s: %s", in, ce.text);
	free(wasm);
	if (wrt_module_open(&m, out, &err) != WRT_OK) {
		unlink(out);
		test_end('F', "%s: %s", out, err.text);
	}
	unlink(out);
	return m;
}

__attribute__((unused)) static wrt_module *
api_module(const char *name)
{
	return api_module_with(name, NULL);
}

__attribute__((unused)) static wrt_pool *
api_pool_of(uint32_t instances)
{
	struct wrt_pool_config c = { .max_instances = instances,
		.max_memories = 1 };
	struct wrt_error err;
	wrt_pool *p;

	if (wrt_pool_create(&p, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	return p;
}

__attribute__((unused)) static wrt_pool *
api_pool(void)
{
	return api_pool_of(4);
}

__attribute__((unused)) static wrt_instance *
api_instance(wrt_pool *p, wrt_module *m, wrt_imports *l)
{
	struct wrt_error err;
	wrt_instance *i;

	if (wrt_instance_create(&i, p, m, l, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	return i;
}

/* A call with up to three i32, and at most one i32 back. */
__attribute__((unused)) static int
api_call(wrt_instance *i, const char *name, size_t n, int32_t a, int32_t b,
    int32_t c, int32_t *out)
{
	wrt_val v[3] = { { .i32 = a }, { .i32 = b }, { .i32 = c } }, r[2];
	int rc = wrt_instance_call(i, name, v, n, r);

	if (rc == WRT_OK && out)
		*out = r[0].i32;
	return rc;
}

/* The code of the trap that i's last call ended with, or 0. */
__attribute__((unused)) static int
trap_code(wrt_instance *i)
{
	struct wrt_trap t;

	return wrt_trap_get(i, &t) == WRT_OK ? t.code : 0;
}

__attribute__((unused)) static struct wrt_typed
typed(wrt_instance *i, const char *name, const struct wrt_functype *type)
{
	struct wrt_typed t;
	wrt_func *f;

	CHECK_EQ(wrt_instance_func(i, name, strlen(name), &f, NULL), 0);
	CHECK_EQ(wrt_func_typed(f, type, &t), 0);
	return t;
}

__attribute__((unused)) static int32_t
call1(struct wrt_typed *t, int32_t a)
{
	return ((int32_t (*)(struct wrt_typed *, int32_t))t->call)(t, a);
}

/* The next of xorshift's; *x is not 0. */
__attribute__((unused)) static uint32_t
next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

#endif
