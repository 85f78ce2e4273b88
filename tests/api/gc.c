/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * gc.c: the collected heap as a host meets it: limits, what is given back,
 * references in its hands, instances that share objects, kills in the middle
 * of an allocation.
 */
#include <pthread.h>
#include <time.h>

#include "api.h"

#define MIB	(1ull << 20)

/* What garbage may leave of the heap.  The sanitizer's frames are large, and
 * old words in them keep blocks. */
#define MOST_LEFT	(16 * MIB)
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef MOST_LEFT
#define MOST_LEFT	(48 * MIB)
#endif
#endif

static int
call_back(void *data, wrt_instance *caller, wrt_val *vals)
{
	wrt_val n = { .i64 = 1000 }, keep = vals[0];

	(void)data;
	CHECK_EQ(wrt_ref_kind(caller, vals[0]), WRT_REF_STRUCT);
	vals[0].ref = NULL;
	CHECK_EQ(wrt_instance_call(caller, "churn", &n, 1, NULL), 0);
	CHECK_EQ(wrt_gc(caller), 0);
	CHECK_EQ(wrt_instance_call(caller, "churn", &n, 1, NULL), 0);
	vals[0] = keep;
	return WRT_OK;
}

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
};

static void
up(struct env *e, uint64_t limit)
{
	static const uint8_t any[1] = { WRT_ANYREF };
	const struct wrt_functype t = { 1, 1, any, any };
	struct wrt_pool_config c = { .max_instances = 4, .max_memories = 1,
		.gc_heap_bytes = limit };

	CHECK_EQ(wrt_pool_create(&e->p, &c, NULL), 0);
	e->m = api_module("gc");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "host", "call_back", &t, call_back,
	    NULL), 0);
	e->i = api_instance(e->p, e->m, e->l);
}

static void
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

static int
run(wrt_instance *i, const char *name, int64_t n)
{
	wrt_val v = { .i64 = n };

	return wrt_instance_call(i, name, &v, 1, NULL);
}

static int64_t
sum(wrt_instance *i)
{
	wrt_val r;

	CHECK_EQ(wrt_instance_call(i, "sum", NULL, 0, &r), 0);
	return r.i64;
}

static struct wrt_gc_stats
stats(wrt_instance *i)
{
	struct wrt_gc_stats s;

	CHECK_EQ(wrt_gc_stats(i, &s), 0);
	return s;
}

TEST(limit_is_a_trap)
{
	struct env e;
	struct wrt_trap t;

	up(&e, 16 * MIB);
	CHECK_EQ(stats(e.i).limit_bytes, 16 * MIB);
	for (int k = 0; k < 3; k++) {
		CHECK_EQ(run(e.i, "more", 10000000), WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(e.i, &t), 0);
		CHECK_EQ(t.code, WRT_TRAP_HEAP);
		CHECK(stats(e.i).heap_bytes <= 16 * MIB);
		CHECK(sum(e.i) > 400000);
		CHECK_EQ(wrt_instance_call(e.i, "drop", NULL, 0, NULL), 0);
		CHECK_EQ(run(e.i, "keep", 1000), 0);
		CHECK_EQ(sum(e.i), 499500);
		CHECK_EQ(run(e.i, "churn", 100000), 0);
	}
	down(&e);
}

TEST(garbage_is_collected)
{
	struct env e;
	wrt_val n = { .i32 = 1000 };

	up(&e, 64 * MIB);
	CHECK_EQ(run(e.i, "keep", 1000), 0);
	for (int k = 0; k < 20; k++)
		CHECK_EQ(run(e.i, "churn", 500000), 0);
	CHECK_EQ(wrt_instance_call(e.i, "garbage", &n, 1, NULL), 0);
	CHECK(stats(e.i).collections > 3);
	CHECK_EQ(sum(e.i), 499500);
	CHECK_EQ(wrt_gc(e.i), 0);
	CHECK(stats(e.i).live_bytes >= 24000);
	CHECK(stats(e.i).live_bytes < MIB);
	CHECK(stats(e.i).heap_bytes < MOST_LEFT);
	down(&e);
}

TEST(long_list)
{
	struct env e;

	up(&e, 256 * MIB);
	CHECK_EQ(run(e.i, "keep", 1000000), 0);
	CHECK_EQ(wrt_gc(e.i), 0);
	CHECK(stats(e.i).live_bytes >= 24000000);
	CHECK_EQ(sum(e.i), 499999500000);
	CHECK_EQ(wrt_instance_call(e.i, "drop", NULL, 0, NULL), 0);
	CHECK_EQ(wrt_gc(e.i), 0);
	CHECK(stats(e.i).live_bytes < MIB);
	CHECK_EQ(run(e.i, "keep", 1000), 0);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
	CHECK_EQ(sum(e.i), 0);
	CHECK_EQ(stats(e.i).heap_bytes, 0);
	CHECK_EQ(run(e.i, "keep", 1000), 0);
	CHECK_EQ(sum(e.i), 499500);
	down(&e);
}

static wrt_val
make(wrt_instance *i, const char *name)
{
	wrt_val v = { .i64 = 42 }, r;

	CHECK_EQ(wrt_instance_call(i, name, &v, !strcmp(name, "node"), &r), 0);
	return r;
}

TEST(references_of_hosts)
{
	struct env e;
	wrt_val r, v, null = { .u64 = { 0 } };
	wrt_global *g;
	wrt_table *t;
	int word;

	up(&e, 0);
	CHECK_EQ(wrt_ref_kind(e.i, make(e.i, "node")), WRT_REF_STRUCT);
	CHECK_EQ(wrt_ref_kind(e.i, make(e.i, "array")), WRT_REF_ARRAY);
	CHECK_EQ(wrt_ref_kind(e.i, make(e.i, "i31")), WRT_REF_I31);
	CHECK_EQ(wrt_ref_kind(e.i, null), WRT_REF_NULL);
	v = make(e.i, "node");
	CHECK_EQ(wrt_instance_call(e.i, "value", &v, 1, &r), 0);
	CHECK_EQ(r.i64, 42);
	/* What is no $node is refused, as is what is nothing at all. */
	CHECK_EQ(wrt_instance_call(e.i, "value", &null, 1, &r), WRT_ETYPE);
	v = make(e.i, "other");
	CHECK_EQ(wrt_instance_call(e.i, "value", &v, 1, &r), WRT_ETYPE);
	v = make(e.i, "i31");
	CHECK_EQ(wrt_instance_call(e.i, "value", &v, 1, &r), WRT_ETYPE);
	v.ref = &word;
	CHECK_EQ(wrt_instance_call(e.i, "value", &v, 1, &r), WRT_ETYPE);
	v = make(e.i, "node");
	v.u64[0] += 1ull << 26;
	CHECK_EQ(wrt_instance_call(e.i, "same", &v, 1, &r), WRT_ETYPE);
	v.ref = &word;
	CHECK_EQ(wrt_instance_call(e.i, "same", &v, 1, &r), 0);
	CHECK(r.ref == &word);
	CHECK_EQ(wrt_ref_kind(e.i, r), WRT_REF_HOST);
	/* Globals and tables. */
	CHECK_EQ(wrt_instance_global(e.i, "any", 3, &g), 0);
	CHECK_EQ(wrt_global_set(g, v), 0);
	CHECK_EQ(wrt_gc(e.i), 0);
	CHECK(wrt_global_get(g).ref == &word);
	CHECK_EQ(wrt_instance_global(e.i, "kept", 4, &g), 0);
	CHECK_EQ(wrt_global_set(g, v), WRT_ETYPE);
	CHECK_EQ(wrt_global_set(g, make(e.i, "other")), WRT_ETYPE);
	CHECK_EQ(wrt_global_set(g, make(e.i, "node")), 0);
	CHECK_EQ(wrt_gc(e.i), 0);
	CHECK_EQ(sum(e.i), 42);
	CHECK_EQ(wrt_instance_table(e.i, "table", 5, &t), 0);
	CHECK_EQ(wrt_table_set(t, 1, make(e.i, "node")), 0);
	CHECK_EQ(wrt_table_set(t, 0, v), 0);
	CHECK_EQ(wrt_gc(e.i), 0);
	CHECK_EQ(wrt_table_get(t, 0, &r), 0);
	CHECK(r.ref == &word);
	CHECK_EQ(wrt_table_get(t, 1, &v), 0);
	CHECK_EQ(wrt_instance_call(e.i, "value", &v, 1, &r), 0);
	CHECK_EQ(r.i64, 42);
	/* Kept by nothing but the host function's variable. */
	v.i64 = 77;
	CHECK_EQ(wrt_instance_call(e.i, "via_host", &v, 1, &r), 0);
	CHECK_EQ(r.i64, 77);
	down(&e);
}

/* Two heaps become one when a third instance imports from both. */
TEST(heaps_merge)
{
	struct env e;
	wrt_instance *two, *both;
	wrt_module *link = api_module("gc_link");
	wrt_val r;

	up(&e, 64 * MIB);
	two = api_instance(e.p, e.m, e.l);
	CHECK_EQ(run(e.i, "keep", 1000), 0);
	CHECK_EQ(run(two, "keep", 2000), 0);
	CHECK_EQ(wrt_imports_instance(e.l, "one", e.i), 0);
	CHECK_EQ(wrt_imports_instance(e.l, "two", two), 0);
	both = api_instance(e.p, link, e.l);
	CHECK_EQ(stats(e.i).heap_bytes, stats(two).heap_bytes);
	CHECK_EQ(wrt_instance_call(both, "cross", NULL, 0, NULL), 0);
	CHECK_EQ(run(e.i, "churn", 1000000), 0);
	CHECK_EQ(run(two, "churn", 1000000), 0);
	CHECK_EQ(wrt_gc(both), 0);
	CHECK(stats(both).collections > 1);
	/* They have changed lists. */
	CHECK_EQ(sum(e.i), 1999000);
	CHECK_EQ(sum(two), 499500);
	/* What one has made is kept by the other, when the one is closed. */
	wrt_instance_close(e.i);
	CHECK_EQ(wrt_gc(both), 0);
	CHECK_EQ(run(two, "churn", 1000000), 0);
	CHECK_EQ(sum(two), 499500);
	CHECK_EQ(wrt_instance_call(both, "sum_one", NULL, 0, &r), 0);
	CHECK_EQ(r.i64, 1999000);
	wrt_instance_close(two);
	e.i = both;
	wrt_module_close(link);
	down(&e);
}

TEST(pools_do_not_mix)
{
	struct env a, b;
	wrt_module *link = api_module("gc_link");
	struct wrt_error err;
	wrt_instance *i;

	up(&a, 0);
	up(&b, 0);
	CHECK_EQ(wrt_imports_instance(a.l, "one", a.i), 0);
	CHECK_EQ(wrt_imports_instance(a.l, "two", b.i), 0);
	CHECK_EQ(wrt_instance_create(&i, a.p, link, a.l, &err), WRT_ELINK);
	CHECK(strstr(err.text, "different pools"));
	wrt_module_close(link);
	down(&a);
	down(&b);
}

static void *
killer(void *arg)
{
	wrt_instance *i = arg;
	struct timespec t = { 0, 200000 };

	nanosleep(&t, NULL);
	while (wrt_instance_kill(i, WRT_TRAP_TIMEOUT) != WRT_OK)
		sched_yield();
	return NULL;
}

/* However a kill cuts an allocation short, the heap stays in order. */
TEST(killed_while_allocating)
{
	struct env e;
	pthread_t t;

	NEEDS_SIGNALS();
	up(&e, 64 * MIB);
	CHECK_EQ(run(e.i, "keep", 1000), 0);
	for (int k = 0; k < 300; k++) {
		CHECK_EQ(pthread_create(&t, NULL, killer, e.i), 0);
		CHECK_EQ(wrt_instance_call(e.i, "forever", NULL, 0, NULL),
		    WRT_ETRAP);
		pthread_join(t, NULL);
		CHECK_EQ(wrt_gc(e.i), 0);
		CHECK_EQ(sum(e.i), 499500);
		CHECK(stats(e.i).live_bytes < MIB);
	}
	down(&e);
}

/* An object that was passed as anyref holds a function of an instance that is
 * closed: the function stays callable. */
TEST(functions_in_objects_outlive_their_instance)
{
	wrt_module *keeper_m = api_module("gc_keeper");
	wrt_module *giver_m = api_module("gc_giver");
	const struct wrt_pool_config c = { .max_instances = 8,
		.max_memories = 1 };
	wrt_instance *keeper, *giver, *other;
	wrt_imports *l;
	wrt_pool *p;
	wrt_val r;

	CHECK_EQ(wrt_pool_create(&p, &c, NULL), 0);
	CHECK_EQ(wrt_imports_create(&l), 0);
	keeper = api_instance(p, keeper_m, NULL);
	CHECK_EQ(wrt_imports_instance(l, "keeper", keeper), 0);
	giver = api_instance(p, giver_m, l);
	CHECK_EQ(wrt_instance_call(giver, "give", NULL, 0, NULL), 0);
	wrt_instance_close(giver);
	other = api_instance(p, keeper_m, NULL);	/* takes a free slot */
	CHECK_EQ(wrt_instance_call(keeper, "call", NULL, 0, &r), 0);
	CHECK_EQ(r.i32, 42);
	wrt_instance_close(other);
	wrt_instance_close(keeper);
	wrt_imports_destroy(l);
	wrt_module_close(keeper_m);
	wrt_module_close(giver_m);
	wrt_pool_destroy(p);
}

TEST_MAIN
