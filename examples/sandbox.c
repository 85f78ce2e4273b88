/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * sandbox.c: a C library in a sandbox, called by C prototypes.
 *
 * guest_base64.c is compiled to wasm and from there to an artifact; from the
 * same wasm `wasmc --emit=header` makes guest_base64.h, with a function for each
 * export.  Within a session such a call takes some nanoseconds.  What the
 * library does wrong it does to itself.
 *
 *	make examples
 *	build/examples/sandbox build/examples/guest_base64.so TEXT...
 */
#include <stdio.h>
#include <string.h>

#include <wasmrt.h>

#include "guest_base64.h"

struct sandbox {
	struct guest_base64 lib;
	wrt_instance *inst;
	wrt_memory *memory;
};

/* Room in the sandbox, with n bytes of ours in it; 0: none. */
static uint32_t
copy_in(struct sandbox *s, const void *from, uint32_t n)
{
	int32_t p = 0;

	if (guest_base64_library_alloc(&s->lib, (int32_t)n, &p) != WRT_OK ||
	    !p || (from && wrt_memory_write(s->memory, (uint32_t)p, from, n) !=
	    WRT_OK))
		return 0;
	return (uint32_t)p;
}

/* What the library says is checked, as everything that comes from there. */
static int
decode(struct sandbox *s, const char *text)
{
	uint32_t room = (uint32_t)strlen(text) + 1;
	uint32_t from = copy_in(s, text, room), to = copy_in(s, NULL, room);
	int32_t n = 0, sum = -1;
	const unsigned char *p;
	int rc;

	if (!from || !to)
		return WRT_ENOMEM;
	rc = guest_base64_base64_decode(&s->lib, (int32_t)from, (int32_t)to,
	    &n);
	if (rc != WRT_OK)
		return rc;
	if (n < 0 || (uint32_t)n > room ||
	    !(p = wrt_memory_at(s->memory, to, (uint32_t)n)))
		return WRT_EBOUNDS;
	printf("%.*s", (int)n, (const char *)p);
	for (int32_t k = 0; k < n && rc == WRT_OK; k++)
		rc = guest_base64_checksum_step(&s->lib, sum, p[k], &sum);
	if (rc == WRT_OK)
		printf(" (%08x)\n", ~(unsigned)sum);
	if (rc == WRT_OK)
		rc = guest_base64_library_free(&s->lib, (int32_t)from);
	if (rc == WRT_OK)
		rc = guest_base64_library_free(&s->lib, (int32_t)to);
	return rc;
}

/* After a mistake the library begins anew. */
static int
decode_all(struct sandbox *s, char **texts)
{
	struct wrt_trap trap;
	int rc = wrt_instance_enter(s->inst);

	for (; *texts && rc == WRT_OK; texts++) {
		rc = decode(s, *texts);
		if (rc == WRT_OK)
			continue;
		printf("%s: %s\n", *texts, rc == WRT_ETRAP &&
		    wrt_trap_get(s->inst, &trap) == WRT_OK ? trap.text :
		    wrt_status_text(rc));
		wrt_instance_leave(s->inst);
		rc = wrt_instance_reset(s->inst, NULL);
		if (rc == WRT_OK)
			rc = wrt_instance_enter(s->inst);
	}
	wrt_instance_leave(s->inst);
	return rc;
}

int
main(int argc, char **argv)
{
	struct wrt_error err = { 0 };
	struct sandbox s = { .inst = NULL };
	wrt_pool *pool = NULL;
	wrt_module *module = NULL;
	int rc;

	if (argc < 2) {
		fprintf(stderr, "usage: sandbox guest_base64.so TEXT...\n");
		return 2;
	}
	rc = wrt_pool_create(&pool, NULL, &err);
	if (rc == WRT_OK)
		rc = wrt_module_open(&module, argv[1], &err);
	if (rc == WRT_OK)
		rc = wrt_instance_create(&s.inst, pool, module, NULL, &err);
	if (rc == WRT_OK)
		rc = guest_base64_bind(&s.lib, s.inst);
	if (rc == WRT_OK)
		rc = wrt_instance_memory_at(s.inst, 0, &s.memory);
	if (rc == WRT_OK)
		rc = decode_all(&s, argv + 2);
	if (rc != WRT_OK)
		fprintf(stderr, "%s: %s\n", argv[1], *err.text ? err.text :
		    wrt_status_text(rc));
	wrt_instance_close(s.inst);
	wrt_module_close(module);
	if (pool)
		wrt_pool_destroy(pool);
	return rc == WRT_OK ? 0 : 1;
}
