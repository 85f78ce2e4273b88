/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * quickjs_host.c: a host for QuickJS compiled as a reactor: its exports are
 * called from C, its imports are C functions.
 *
 *	quickjs_host quickjs.so 'JavaScript'
 *
 * prints the expression's value as a string.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmrt.h"
#include "wasmrt_wasi.h"

static wrt_instance *inst;
static wrt_memory *memory;

static void
die(const char *what, const char *why)
{
	struct wrt_trap t;

	if (inst && wrt_trap_get(inst, &t) == WRT_OK)
		why = t.text;
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* Call an export of i32s. */
static int32_t
call(const char *name, size_t n, const int32_t *in)
{
	wrt_val args[8] = { 0 }, results[1] = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++)
		args[i].i32 = in[i];
	rc = wrt_instance_call(inst, name, args, n, results);
	if (rc != WRT_OK)
		die(name, wrt_status_text(rc));
	return results[0].i32;
}

#define CALL(name, ...)							\
	call(name, sizeof((int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t), \
	    (int32_t[]){ __VA_ARGS__ })

/* What JavaScript asks of its host: nothing here. */
static int
zero(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)data;
	(void)caller;
	vals[0].i32 = 0;
	return WRT_OK;
}

static void
define_imports(wrt_imports *imports)
{
	static const uint8_t i32s[5] = { WRT_I32, WRT_I32, WRT_I32, WRT_I32,
		WRT_I32 };
	static const struct {
		const char *name;
		uint32_t nparams, nresults;
	} fns[] = {
		{ "host_get_timezone_offset", 2, 1 },
		{ "host_interrupt", 0, 1 },
		{ "host_promise_rejection", 3, 0 },
		{ "host_module_normalize", 2, 1 },
		{ "host_module_load", 2, 1 },
		{ "host_call", 5, 1 },
	};

	for (size_t i = 0; i < sizeof fns / sizeof *fns; i++) {
		struct wrt_functype t = { fns[i].nparams, fns[i].nresults,
			i32s, i32s };

		if (wrt_imports_func(imports, "env", fns[i].name, &t, zero,
		    NULL) != WRT_OK)
			die(fns[i].name, "cannot be defined");
	}
}

static int32_t
to_guest(const char *s)
{
	int32_t n = (int32_t)strlen(s) + 1;
	int32_t p = CALL("malloc", n);

	if (wrt_memory_write(memory, (uint32_t)p, s, (size_t)n) != WRT_OK)
		die("malloc", "outside of memory");
	return p;
}

static void
evaluate(const char *source)
{
	int32_t code = to_guest(source), file = to_guest("<host>");
	int32_t value, string;
	const char *text;

	value = CALL("qjs_eval", code, (int32_t)strlen(source), file, 0);
	if (CALL("qjs_is_exception", value)) {
		value = call("qjs_get_exception", 0, NULL);
		printf("exception: ");
	}
	string = CALL("qjs_get_string", value);
	text = wrt_memory_at(memory, (uint32_t)string, 1);
	if (!text)
		die("qjs_get_string", "outside of memory");
	puts(text);
	CALL("qjs_free_cstring", string);
	CALL("qjs_free_value", value);
	CALL("free", code);
	CALL("free", file);
}

int
main(int argc, char **argv)
{
	struct wrt_error err = { 0 };
	struct wrt_wasi_config config = { .inherit_stdio = 1 };
	wrt_module *module = NULL;
	wrt_imports *imports;
	wrt_wasi *wasi = NULL;
	wrt_pool *pool = NULL;

	if (argc < 3)
		return 2;
	if (wrt_pool_create(&pool, NULL, &err) != WRT_OK ||
	    wrt_module_open(&module, argv[1], &err) != WRT_OK ||
	    wrt_wasi_create(&wasi, &config, &err) != WRT_OK)
		die(argv[1], err.text);
	if (wrt_imports_create(&imports) != WRT_OK ||
	    wrt_wasi_imports(wasi, imports) != WRT_OK)
		die("imports", "out of memory");
	define_imports(imports);
	if (wrt_instance_create(&inst, pool, module, imports, &err) != WRT_OK)
		die(argv[1], err.text);
	if (wrt_instance_memory(inst, "memory", 6, &memory) != WRT_OK)
		die("memory", "not exported");
	call("_initialize", 0, NULL);
	call("qjs_init", 0, NULL);
	for (int i = 2; i < argc; i++)
		evaluate(argv[i]);
	call("qjs_destroy", 0, NULL);
	wrt_instance_close(inst);
	wrt_imports_destroy(imports);
	wrt_wasi_destroy(wasi);
	wrt_module_close(module);
	wrt_pool_destroy(pool);
	return 0;
}
