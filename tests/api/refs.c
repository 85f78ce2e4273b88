/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * refs.c: a host cannot make a guest believe a reference to be what it is not.
 * Its types say funcref or externref where the module's may say which function
 * type, or that there is no null.
 */
#include "api.h"

static wrt_func *
func_of(wrt_instance *i, const char *name)
{
	wrt_func *f;

	CHECK_EQ(wrt_instance_func(i, name, strlen(name), &f, NULL), 0);
	return f;
}

TEST(arguments_are_of_the_modules_types)
{
	wrt_pool *p = api_pool();
	wrt_module *m = api_module("refs");
	wrt_val v = { .u64 = { 0 } }, r;
	wrt_instance *i;
	wrt_imports *l;

	CHECK_EQ(wrt_imports_create(&l), 0);
	wrt_imports_unknown(l, WRT_UNKNOWN_TRAP);
	i = api_instance(p, m, l);
	v.func = func_of(i, "leaf");
	CHECK_EQ(wrt_instance_call(i, "call_it", &v, 1, &r), 0);
	CHECK_EQ(r.i32, 2);
	v.func = func_of(i, "nothing");
	CHECK_EQ(wrt_instance_call(i, "call_it", &v, 1, &r), WRT_ETYPE);
	CHECK_EQ(wrt_instance_call(i, "bottom", &v, 1, &r), WRT_ETYPE);
	v.func = NULL;
	CHECK_EQ(wrt_instance_call(i, "call_it", &v, 1, &r), WRT_ETYPE);
	CHECK_EQ(wrt_instance_call(i, "is_null", &v, 1, &r), WRT_ETYPE);
	CHECK_EQ(wrt_instance_call(i, "bottom", &v, 1, &r), 0);
	v.ref = &v;
	CHECK_EQ(wrt_instance_call(i, "is_null", &v, 1, &r), 0);
	CHECK_EQ(r.i32, 0);
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* A function that nobody defined cannot return a null where there is none. */
TEST(default_of_an_unknown_import)
{
	wrt_pool *p = api_pool();
	wrt_module *m = api_module("refs");
	struct wrt_trap t;
	wrt_instance *i;
	wrt_imports *l;
	wrt_val r;

	CHECK_EQ(wrt_imports_create(&l), 0);
	wrt_imports_unknown(l, WRT_UNKNOWN_DEFAULT);
	i = api_instance(p, m, l);
	CHECK_EQ(wrt_instance_call(i, "call_got", NULL, 0, &r), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_UNKNOWN_IMPORT);
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

TEST_MAIN
