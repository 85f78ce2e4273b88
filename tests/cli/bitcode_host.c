/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * bitcode_host.c: a host that gives data to a function which is compiled in,
 * and stands for it where it is called through a table.
 */
#include <stdio.h>

#include "wasmrt.h"

static int
count(void *data, wrt_instance *caller, int x)
{
	(void)caller;
	return 1000 + *(int *)data + 0 * x;
}

static int
call(wrt_instance *i, const char *name, int x)
{
	wrt_val v = { .i32 = x }, r = { 0 };

	if (wrt_instance_call(i, name, &v, 1, &r) != WRT_OK)
		return -2;
	return (int)r.i32;
}

int
main(int argc, char **argv)
{
	uint8_t i32 = WRT_I32;
	struct wrt_functype type = { .params = &i32, .nparams = 1,
	    .results = &i32, .nresults = 1 };
	struct wrt_error err = { 0 };
	wrt_imports *imports = NULL;
	wrt_module *m = NULL;
	wrt_instance *i = NULL;
	wrt_pool *pool = NULL;
	int data = 10, run, other;

	if (argc < 2 || wrt_pool_create(&pool, NULL, &err) ||
	    wrt_module_open(&m, argv[1], &err) ||
	    wrt_imports_create(&imports) ||
	    wrt_imports_typed(imports, "env", "count", &type,
	    (void (*)(void))count, &data) ||
	    wrt_instance_create(&i, pool, m, imports, &err)) {
		printf("%s\n", err.text);
		return 1;
	}
	run = call(i, "run", 5);
	other = call(i, "other", 7);
	printf("run %d, other %d, data %d\n", run, other, data);
	wrt_instance_close(i);
	wrt_imports_destroy(imports);
	wrt_module_close(m);
	wrt_pool_destroy(pool);
	return 0;
}
