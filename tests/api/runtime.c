/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * runtime.c: wasmrt.h on compiled modules: calls, traps, imports, links, reset.
 */
#include "api.h"

static const uint8_t i32_i64_f32_f64[] = { WRT_I32, WRT_I64, WRT_F32, WRT_F64 };
static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
static const uint8_t i32_i64[] = { WRT_I32, WRT_I64 };

static int
host_two(void *data, wrt_instance *caller, wrt_val *v)
{
	int32_t x = v[0].i32;

	CHECK(caller);
	CHECK_STR((char *)data, "two");
	v[0].i32 = x + 1;
	v[1].i64 = (int64_t)x << 40;
	return WRT_OK;
}

static int32_t
c_func(void *data, wrt_instance *caller, int32_t a, int64_t b, float c,
    double d)
{
	CHECK(caller);
	return *(int32_t *)data + a * 1000 + (int32_t)b * 100 +
	    (int32_t)c * 10 + (int32_t)d;
}

static int32_t five = 50000;

static wrt_imports *
imports(void)
{
	const struct wrt_functype h = { 4, 1, i32_i64_f32_f64, i32s };
	const struct wrt_functype two = { 1, 2, i32s, i32_i64 };
	wrt_imports *l;

	CHECK_EQ(wrt_imports_create(&l), 0);
	CHECK_EQ(wrt_imports_cfunc(l, "env", "h", &h, (void (*)(void))c_func,
	    &five), 0);
	CHECK_EQ(wrt_imports_func(l, "env", "two", &two, host_two,
	    (void *)"two"), 0);
	return l;
}

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
};

static struct env
up(void)
{
	struct env e = { api_pool_of(8), api_module("api"), imports(), NULL };

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

static void
check_trap(wrt_instance *i, int rc, int code, const char *text)
{
	struct wrt_trap t;

	CHECK_EQ(rc, WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	CHECK_EQ(t.code, code);
	CHECK_STR(t.text, text);
	CHECK(t.nframes > 0);
}

TEST(calls)
{
	struct env e = up();
	wrt_val a = { .i32 = 5 }, r[2];
	int32_t x;

	CHECK_EQ(api_call(e.i, "add", 2, 2, 40, 0, &x), 0);
	CHECK_EQ(x, 42);
	CHECK_EQ(api_call(e.i, "hc", 0, 0, 0, 0, &x), 0);
	CHECK_EQ(x, 51234);
	CHECK_EQ(wrt_instance_call(e.i, "tw", &a, 1, r), 0);
	CHECK_EQ(r[0].i32, 6);
	CHECK_EQ(r[1].i64, 5ll << 40);
	CHECK_EQ(api_call(e.i, "ind", 1, 1, 0, 0, &x), 0);
	CHECK_EQ(x, 9);
	CHECK_EQ(api_call(e.i, "mem", 0, 0, 0, 0, &x), WRT_ENOTFOUND);
	CHECK_EQ(api_call(e.i, "add", 3, 0, 0, 0, &x), WRT_ETYPE);
	CHECK_EQ(wrt_func_call(NULL, NULL, 0, NULL), WRT_EINVAL);
	down(e);
}

TEST(traps_and_frames)
{
	struct env e = up();
	struct wrt_trap t;

	CHECK_EQ(wrt_trap_get(e.i, &t), WRT_ESTATE);
	check_trap(e.i, api_call(e.i, "div", 2, 1, 0, 0, NULL),
	    WRT_TRAP_DIV_BY_ZERO, "integer divide by zero");
	check_trap(e.i, api_call(e.i, "div", 2, INT32_MIN, -1, 0, NULL),
	    WRT_TRAP_INT_OVERFLOW, "integer overflow");
	check_trap(e.i, api_call(e.i, "load", 1, 65536, 0, 0, NULL),
	    WRT_TRAP_MEMORY_OOB, "out of bounds memory access");
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.address, 65536);
	CHECK_STR(t.frames[0].func, "load");
	check_trap(e.i, api_call(e.i, "ind", 1, 3, 0, 0, NULL),
	    WRT_TRAP_UNINIT_ELEMENT, "uninitialized element");
	check_trap(e.i, api_call(e.i, "ind", 1, 4, 0, 0, NULL),
	    WRT_TRAP_UNDEFINED_ELEMENT, "undefined element");
	check_trap(e.i, api_call(e.i, "rec", 1, 0, 0, 0, NULL),
	    WRT_TRAP_STACK_OVERFLOW, "call stack exhausted");
	CHECK_EQ(wrt_trap_get(e.i, &t), 0);
	CHECK_EQ(t.nframes, 64);
	CHECK(t.nframes_total > 1000);
	CHECK_STR(t.frames[0].func, "rec");
	check_trap(e.i, api_call(e.i, "init", 3, 65530, 0, 7, NULL),
	    WRT_TRAP_MEMORY_OOB, "out of bounds memory access");
	CHECK_EQ(api_call(e.i, "add", 2, 1, 1, 0, NULL), 0);
	CHECK_EQ(wrt_trap_get(e.i, &t), WRT_ESTATE);
	down(e);
}

TEST(memory_globals_tables)
{
	struct env e = up();
	wrt_memory *mem;
	wrt_global *g;
	wrt_table *t;
	wrt_val v, r;
	char buf[8];
	int mut;

	CHECK_EQ(wrt_instance_memory(e.i, "mem", 3, &mem), 0);
	CHECK_EQ(wrt_memory_read(mem, 100, buf, 5), 0);
	CHECK(!memcmp(buf, "hello", 5));
	CHECK_EQ(wrt_memory_write(mem, 65535, "ab", 2), WRT_EBOUNDS);
	CHECK_EQ(api_call(e.i, "init", 3, 0, 0, 7, NULL), 0);
	CHECK(!memcmp(wrt_memory_at(mem, 0, 7), "passive", 7));
	CHECK_EQ(wrt_memory_grow(mem, 1), 1);
	wrt_memory_limit(mem, 3 << 16);
	CHECK_EQ(wrt_memory_grow(mem, 2), -1);
	CHECK_EQ(wrt_memory_pages(mem), 2);
	CHECK_EQ(wrt_instance_global(e.i, "g", 1, &g), 0);
	CHECK_EQ(wrt_global_type(g, &mut), WRT_I32);
	CHECK_EQ(wrt_global_get(g).i32, 7);
	memset(&v, 0xff, sizeof v);
	CHECK_EQ(wrt_global_set(g, v), 0);
	CHECK_EQ(wrt_global_get(g).u64[0], UINT32_MAX);
	CHECK_EQ(wrt_instance_table(e.i, "tab", 3, &t), 0);
	CHECK_EQ(wrt_table_size(t), 4);
	CHECK_EQ(wrt_table_get(t, 1, &v), 0);
	wrt_val args[2] = { { .i32 = 20 }, { .i32 = 3 } };
	CHECK_EQ(wrt_func_call(v.func, args, 2, &r), 0);
	CHECK_EQ(r.i32, 23);
	CHECK_EQ(wrt_table_grow(t, 6, v), 4);
	CHECK_EQ(wrt_table_grow(t, 1, v), -1);
	CHECK_EQ(wrt_table_get(t, 10, &v), WRT_EBOUNDS);
	CHECK_EQ(api_call(e.i, "ind", 1, 9, 0, 0, &r.i32), 0);
	CHECK_EQ(r.i32, 9);
	down(e);
}

TEST(reset)
{
	struct env e = up();
	wrt_memory *mem;
	wrt_global *g;
	int32_t x;

	for (int k = 0; k < 3; k++) {
		CHECK_EQ(wrt_instance_memory(e.i, "mem", 3, &mem), 0);
		CHECK_EQ(wrt_instance_global(e.i, "g", 1, &g), 0);
		CHECK_EQ(wrt_global_get(g).i32, 7);
		CHECK(!memcmp(wrt_memory_at(mem, 100, 5), "hello", 5));
		CHECK_EQ(api_call(e.i, "init", 3, 0, 0, 7, NULL), 0);
		CHECK_EQ(api_call(e.i, "drop", 0, 0, 0, 0, NULL), 0);
		CHECK_EQ(api_call(e.i, "init", 3, 0, 0, 7, NULL), WRT_ETRAP);
		CHECK_EQ(api_call(e.i, "setg", 1, 99, 0, 0, NULL), 0);
		CHECK_EQ(api_call(e.i, "grow", 1, 3, 0, 0, &x), 0);
		CHECK_EQ(x, 1);
		memset(wrt_memory_at(mem, 0, 4 << 16), 0xcc, 4 << 16);
		CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
		CHECK_EQ(wrt_memory_pages(mem), 1);
		CHECK_EQ(*(char *)wrt_memory_at(mem, 0, 1), 0);
	}
	down(e);
}

TEST(start_runs_and_runs_again)
{
	wrt_pool *p = api_pool();
	wrt_module *m = api_module("api_start");
	wrt_instance *i = api_instance(p, m, NULL);
	struct wrt_error err;
	int32_t x;

	for (int k = 0; k < 3; k++) {
		CHECK_EQ(api_call(i, "n", 0, 0, 0, 0, &x), 0);
		CHECK_EQ(x, 1);
		CHECK_EQ(wrt_instance_reset(i, &err), 0);
	}
	wrt_instance_close(i);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* ---- Links -------------------------------------------------------------- */

static int
link_error(wrt_pool *p, wrt_module *m, wrt_imports *l, struct wrt_error *err)
{
	wrt_instance *i = NULL;
	int rc = wrt_instance_create(&i, p, m, l, err);

	CHECK(!i);
	return rc;
}

TEST(import_errors)
{
	struct env e = up();
	struct wrt_error err;
	wrt_imports *l;
	const struct wrt_functype v = { 0, 0, NULL, NULL };

	CHECK_EQ(link_error(e.p, e.m, NULL, &err), WRT_ELINK);
	CHECK_STR(err.text, "unknown import: \"env\" \"h\" "
	    "(function (i32 i64 f32 f64) -> i32)");
	l = imports();
	CHECK_EQ(wrt_imports_func(l, "env", "two", &v, host_two, NULL), 0);
	CHECK_EQ(link_error(e.p, e.m, l, &err), WRT_ELINK);
	CHECK_STR(err.text, "incompatible import type: \"env\" \"two\" "
	    "(function (i32) -> (i32 i64)), found function () -> ()");
	wrt_imports_destroy(l);
	CHECK_EQ(wrt_imports_create(&l), 0);
	wrt_imports_unknown(l, WRT_UNKNOWN_TRAP);
	wrt_instance *i = api_instance(e.p, e.m, l);
	check_trap(i, api_call(i, "hc", 0, 0, 0, 0, NULL),
	    WRT_TRAP_UNKNOWN_IMPORT, "unknown import called: \"env\" \"h\"");
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	down(e);
}

/* bug class 22: any order of closing is right, and what is shared works as
 * long as somebody has it open. */
TEST(close_in_any_order)
{
	struct env e = up();
	wrt_module *mu = api_module("api_user"), *mf = api_module("api_fail");

	for (int order = 0; order < 6; order++) {
		static const uint8_t perm[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
			{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
		wrt_instance *i[3];
		struct wrt_error err;
		wrt_imports *l;
		int32_t x;

		i[0] = api_instance(e.p, e.m, e.l);
		CHECK_EQ(wrt_imports_create(&l), 0);
		CHECK_EQ(wrt_imports_instance(l, "lib", i[0]), 0);
		i[1] = api_instance(e.p, mu, l);
		i[2] = api_instance(e.p, mu, l);
		CHECK_EQ(link_error(e.p, mf, l, &err), WRT_ETRAP);
		CHECK_HAS(err.text, "out of bounds memory access");
		wrt_imports_destroy(l);
		/* The failed one's function lives in the table. */
		CHECK_EQ(api_call(i[0], "ind", 1, 3, 0, 0, &x), 0);
		CHECK_EQ(x, 1006);
		CHECK_EQ(api_call(i[0], "ind", 1, 0, 0, 0, &x), 0);
		CHECK_EQ(x, 6 * 3 + 7);
		CHECK_EQ(api_call(i[1], "bump", 0, 0, 0, 0, NULL), 0);
		CHECK_EQ(api_call(i[1], "add3", 1, 4, 0, 0, &x), 0);
		CHECK_EQ(x, 7);
		for (int k = 0; k < 3; k++) {
			wrt_instance_close(i[perm[order][k]]);
			if (k < 2 && perm[order][2] != 0) {
				wrt_instance *last = i[perm[order][2]];

				CHECK_EQ(api_call(last, "peek", 1, 200, 0, 0,
				    &x), 0);
				CHECK_EQ(x, 'u');
				CHECK_EQ(api_call(last, "add3", 1, 4, 0, 0,
				    &x), 0);
			} else if (k < 2) {
				CHECK_EQ(api_call(i[0], "ind", 1, 0, 0, 0, &x),
				    0);
				CHECK_EQ(x, 6 * 3 + 8);
			}
		}
	}
	wrt_module_close(mu);
	wrt_module_close(mf);
	down(e);
}


/* A re-exported function traps: the instance that was called keeps it, or, for
 * a bare funcref, the one it belongs to. */
TEST(trap_of_a_reexport)
{
	struct env e = up();
	wrt_module *mu = api_module("api_user");
	wrt_val a[2] = { { .i32 = 1 }, { .i32 = 0 } }, r;
	struct wrt_trap t;
	wrt_imports *l;
	wrt_instance *u;
	wrt_func *f;

	CHECK_EQ(wrt_imports_create(&l), 0);
	CHECK_EQ(wrt_imports_instance(l, "lib", e.i), 0);
	u = api_instance(e.p, mu, l);
	check_trap(u, api_call(u, "rdiv", 2, 1, 0, 0, NULL),
	    WRT_TRAP_DIV_BY_ZERO, "integer divide by zero");
	CHECK_EQ(wrt_trap_get(e.i, &t), WRT_ESTATE);
	CHECK_EQ(wrt_instance_func(u, "rdiv", 4, &f, NULL), 0);
	CHECK(wrt_func_instance(f) == e.i);
	check_trap(e.i, wrt_func_call(f, a, 2, &r), WRT_TRAP_DIV_BY_ZERO,
	    "integer divide by zero");
	wrt_instance_close(e.i);
	wrt_instance_close(u);
	e.i = NULL;
	wrt_imports_destroy(l);
	wrt_module_close(mu);
	down(e);
}

static wrt_instance *to_kill;

static void
on_alarm(int sig)
{
	(void)sig;
	wrt_instance_kill(to_kill, WRT_TRAP_TIMEOUT);
}

TEST(kill_from_a_signal_handler)
{
	struct env e = up();

	NEEDS_SIGNALS();
	to_kill = e.i;
	CHECK_EQ(wrt_instance_kill(e.i, WRT_TRAP_TIMEOUT), WRT_ESTATE);
	signal(SIGALRM, on_alarm);
	alarm(1);
	check_trap(e.i, api_call(e.i, "spin", 0, 0, 0, 0, NULL),
	    WRT_TRAP_TIMEOUT, "time limit exceeded");
	CHECK_EQ(api_call(e.i, "add", 2, 1, 1, 0, NULL), 0);
	down(e);
}

TEST(forked_child_is_refused)
{
	struct env e = up();
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(api_call(e.i, "add", 2, 1, 1, 0, NULL) == WRT_ESTATE ?
		    0 : 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(api_call(e.i, "add", 2, 1, 1, 0, NULL), 0);
	down(e);
}

TEST(pool_limit)
{
	struct wrt_pool_config c = { .max_instances = 2, .max_memories = 1 };
	wrt_module *m = api_module("api_start");
	struct wrt_error err;
	wrt_instance *a, *b;
	wrt_pool *p;

	CHECK_EQ(wrt_pool_create(&p, &c, &err), 0);
	a = api_instance(p, m, NULL);
	b = api_instance(p, m, NULL);
	CHECK_EQ(link_error(p, m, NULL, &err), WRT_ELIMIT);
	CHECK_HAS(err.text, "the pool is full");
	wrt_instance_close(a);
	a = api_instance(p, m, NULL);
	wrt_instance_close(b);
	wrt_instance_close(a);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* The descriptor of a second opening is given away when that is closed, and the
 * next file may get its number. */
TEST(opened_again_and_another_file)
{
	struct env e = up();
	struct wrt_error err;
	wrt_module *again, *other;

	for (int k = 0; k < 3; k++) {
		CHECK_EQ(wrt_module_open_fd(&again, wrt_module_fd(e.m), "again",
		    &err), 0);
		wrt_module_close(again);
		other = api_module("api_start");
		CHECK(wrt_module_nexports(other) !=
		    wrt_module_nexports(e.m));
		wrt_module_close(other);
	}
	down(e);
}

TEST_MAIN
