/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * embed.c: a host with libwasmrt.
 *
 * The guest, guest_embed.c, exports functions and imports one; this program
 * gives it that function, calls it, passes a string through its memory, and
 * survives its mistakes.
 *
 *	make examples && build/examples/embed build/examples/guest_embed.so
 */
#include <stdio.h>
#include <string.h>

#include <wasmrt.h>

/* The guest's import host.log(ptr, len): a host function sees its caller's
 * memory only. */
static int
host_log(void *data, wrt_instance *caller, wrt_val *vals)
{
	uint32_t ptr = (uint32_t)vals[0].i32, len = (uint32_t)vals[1].i32;
	wrt_memory *memory;
	const char *text;

	if (wrt_instance_memory_at(caller, 0, &memory) != WRT_OK)
		return WRT_EINVAL;
	text = wrt_memory_at(memory, ptr, len);
	if (!text) {
		wrt_trap_set(caller, WRT_TRAP_HOST, "log: outside of memory");
		return WRT_ETRAP;
	}
	printf("%s%.*s\n", (const char *)data, (int)len, text);
	return WRT_OK;
}

/* Put a string where the guest's function buffer() says, and let it be
 * counted. */
static int
count_words(wrt_instance *inst, const char *text)
{
	wrt_val v[2] = { 0 };
	wrt_memory *memory;
	size_t n = strlen(text);
	int rc;

	rc = wrt_instance_call(inst, "buffer", NULL, 0, v);
	if (rc == WRT_OK)
		rc = wrt_instance_memory(inst, "memory", 6, &memory);
	if (rc == WRT_OK)
		rc = wrt_memory_write(memory, (uint32_t)v[0].i32, text, n);
	if (rc != WRT_OK)
		return rc;
	v[0].i32 = (int32_t)n;
	rc = wrt_instance_call(inst, "count_words", v, 1, v);
	if (rc == WRT_OK)
		printf("%d words in \"%s\"\n", v[0].i32, text);
	return rc;
}

/* A guest's mistake is a result. */
static void
divide(wrt_instance *inst, int32_t a, int32_t b)
{
	wrt_val args[2] = { { .i32 = a }, { .i32 = b } }, result;
	struct wrt_trap trap;
	int rc = wrt_instance_call(inst, "divide", args, 2, &result);

	if (rc == WRT_OK) {
		printf("%d / %d = %d\n", a, b, result.i32);
	} else if (rc == WRT_ETRAP && wrt_trap_get(inst, &trap) == WRT_OK) {
		printf("%d / %d: %s", a, b, trap.text);
		if (trap.nframes)
			printf(" in %s", trap.frames[0].func);
		putchar('\n');
	} else {
		printf("divide: %s\n", wrt_status_text(rc));
	}
}

int
main(int argc, char **argv)
{
	static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
	struct wrt_functype log_type = { .nparams = 2, .params = i32s };
	struct wrt_error err = { 0 };
	wrt_pool *pool = NULL;
	wrt_module *module = NULL;
	wrt_imports *imports = NULL;
	wrt_instance *inst = NULL;
	int rc;

	if (argc != 2) {
		fprintf(stderr, "usage: embed guest_embed.so\n");
		return 2;
	}
	rc = wrt_pool_create(&pool, NULL, &err);
	if (rc == WRT_OK)
		rc = wrt_module_open(&module, argv[1], &err);
	if (rc == WRT_OK)
		rc = wrt_imports_create(&imports);
	if (rc == WRT_OK)
		rc = wrt_imports_func(imports, "host", "log", &log_type,
		    host_log, "guest: ");
	if (rc == WRT_OK)
		rc = wrt_instance_create(&inst, pool, module, imports, &err);
	if (rc == WRT_OK)
		rc = count_words(inst, "the quick brown fox");
	if (rc == WRT_OK) {
		divide(inst, 42, 6);
		divide(inst, 42, 0);
		divide(inst, 42, 7);
	} else {
		fprintf(stderr, "%s: %s\n", argv[1],
		    *err.text ? err.text : wrt_status_text(rc));
	}
	wrt_instance_close(inst);
	if (imports)
		wrt_imports_destroy(imports);
	wrt_module_close(module);
	if (pool)
		wrt_pool_destroy(pool);
	return rc == WRT_OK ? 0 : 1;
}
