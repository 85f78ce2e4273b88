/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * calls.c: what it costs to get into a guest and out of it.
 *
 *	make bench-calls
 *
 * Nanoseconds of CPU time each, the least of some rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wasmrt.h>

enum { ROUNDS = 15 };

struct bench {
	wrt_instance *i, *callee;
	wrt_func *add, *none, *div, *loop[5];
	struct wrt_typed t_add;
	int32_t sum;
};

static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
static const struct wrt_functype ii_i = { 2, 1, i32s, i32s };
static const struct wrt_functype i_i = { 1, 1, i32s, i32s };

static void
check(int rc, const char *what)
{
	if (rc == WRT_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, wrt_status_text(rc));
	exit(1);
}

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* ---- What the guest calls ----------------------------------------------- */

static int
plus_array(void *data, wrt_instance *caller, wrt_val *v)
{
	(void)data, (void)caller;
	v[0].i32++;
	return WRT_OK;
}

static int32_t
plus_typed(void *data, wrt_instance *caller, int32_t a)
{
	(void)data, (void)caller;
	return a + 1;
}

static int
plus_yield(void *data, wrt_instance *caller, wrt_val *v)
{
	(void)data, (void)caller, (void)v;
	return WRT_YIELD;
}

/* ---- What is measured --------------------------------------------------- */

static int32_t
add(struct wrt_typed *t, int32_t a, int32_t b)
{
	return ((int32_t (*)(struct wrt_typed *, int32_t, int32_t))t->call)(t,
	    a, b);
}

static void
typed(struct bench *b, long n)
{
	for (long k = 0; k < n; k++)
		b->sum = add(&b->t_add, b->sum, (int32_t)k);
	check(b->t_add.status, "add");
}

static void
typed_in_session(struct bench *b, long n)
{
	check(wrt_instance_enter(b->i), "enter");
	typed(b, n);
	check(wrt_instance_leave(b->i), "leave");
}

static void
untyped(struct bench *b, long n)
{
	wrt_val v[2], r;

	for (long k = 0; k < n; k++) {
		v[0].i32 = b->sum;
		v[1].i32 = (int32_t)k;
		check(wrt_func_call(b->add, v, 2, &r), "add");
		b->sum = r.i32;
	}
}

static void
session(struct bench *b, long n)
{
	for (long k = 0; k < n; k++) {
		check(wrt_instance_enter(b->i), "enter");
		check(wrt_instance_leave(b->i), "leave");
	}
}

static void
loop(struct bench *b, int which, long n)
{
	wrt_val v = { .i32 = (int32_t)n }, r;
	int rc = wrt_func_call(b->loop[which], &v, 1, &r);

	while (rc == WRT_SUSPENDED) {
		v.i32++;
		rc = wrt_instance_resume(b->i, &v, 1, &r);
	}
	check(rc, "loop");
	b->sum = r.i32;
}

static void host_none(struct bench *b, long n) { loop(b, 0, n); }
static void host_array(struct bench *b, long n) { loop(b, 1, n); }
static void host_typed(struct bench *b, long n) { loop(b, 2, n); }
static void yield(struct bench *b, long n) { loop(b, 3, n); }
static void service(struct bench *b, long n) { loop(b, 4, n); }

static void
trap(struct bench *b, long n)
{
	wrt_val v[2] = { { .i32 = 1 }, { .i32 = 0 } }, r;

	for (long k = 0; k < n; k++)
		if (wrt_func_call(b->div, v, 2, &r) != WRT_ETRAP)
			exit(1);
}

static const struct row {
	const char *name;
	void (*fn)(struct bench *, long n);
	long n;
} rows[] = {
	{ "typed call in a session", typed_in_session, 1000000 },
	{ "typed call without one", typed, 300000 },
	{ "untyped call", untyped, 300000 },
	{ "session, entered and left", session, 300000 },
	{ "guest's own function", host_none, 1000000 },
	{ "host call, typed", host_typed, 1000000 },
	{ "host call, array", host_array, 1000000 },
	{ "yield and resume", yield, 300000 },
	{ "service of another instance", service, 300000 },
	{ "trap, not looked at", trap, 100000 },
};

static void
measure(struct bench *b, const struct row *r)
{
	double best = 1e18;

	for (int k = 0; k < ROUNDS; k++) {
		double t = now_ns();

		r->fn(b, r->n);
		t = (now_ns() - t) / (double)r->n;
		best = t < best ? t : best;
	}
	printf("%-32s %8.2f ns\n", r->name, best);
}

static wrt_func *
func(wrt_instance *i, const char *name)
{
	wrt_func *f;

	check(wrt_instance_func(i, name, strlen(name), &f, NULL), name);
	return f;
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	wrt_imports *l;
	wrt_module *m;
	wrt_pool *p;

	if (argc != 2)
		return 2;
	check(wrt_pool_create(&p, NULL, NULL), "pool");
	check(wrt_module_open(&m, argv[1], NULL), argv[1]);
	check(wrt_imports_create(&l), "imports");
	check(wrt_imports_func(l, "env", "array", &i_i, plus_array, NULL), "");
	check(wrt_imports_typed(l, "env", "typed", &i_i,
	    (void (*)(void))plus_typed, NULL), "");
	check(wrt_imports_func(l, "env", "yield", &i_i, plus_yield, NULL), "");
	wrt_imports_unknown(l, WRT_UNKNOWN_TRAP);
	check(wrt_instance_create(&b.callee, p, m, l, NULL), "callee");
	check(wrt_imports_service(l, "env", "service", b.callee, "plus", NULL),
	    "service");
	check(wrt_instance_create(&b.i, p, m, l, NULL), "instance");
	b.add = func(b.i, "add");
	b.div = func(b.i, "div");
	b.loop[0] = func(b.i, "loop_own");
	b.loop[1] = func(b.i, "loop_array");
	b.loop[2] = func(b.i, "loop_typed");
	b.loop[3] = func(b.i, "loop_yield");
	b.loop[4] = func(b.i, "loop_service");
	check(wrt_func_typed(b.add, &ii_i, &b.t_add), "typed");
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
		measure(&b, &rows[k]);
	wrt_instance_close(b.i);
	wrt_instance_close(b.callee);
	wrt_module_close(m);
	wrt_imports_destroy(l);
	wrt_pool_destroy(p);
	return 0;
}
