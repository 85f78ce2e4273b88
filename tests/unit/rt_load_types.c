/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Type numbers: equal types have equal ones, across modules; others do not.
 * And the registry of code ranges, with readers and writers at once.
 */
#include <pthread.h>

#include "load.h"
#include "test.h"

#define NONE UINT32_MAX

/* A metadata with types only. */
struct fake {
	struct wabi_meta meta;
	struct wabi_typeinfo types[16];
	struct wabi_valtype vals[64];
	uint32_t nvals;
};

static struct fake *
fake_new(void)
{
	struct fake *f = calloc(1, sizeof *f);

	f->meta.types.off = offsetof(struct fake, types);
	return f;
}

#define NUM(t)	((struct wabi_valtype){ .type = (t) })
#define REF(top, idx)	((struct wabi_valtype){ .type = (top), .nullable = 1, \
	.has_heap = 1, .heap = (idx) })
#define ABS(top, h, null)	((struct wabi_valtype){ .type = (top), \
	.nullable = (null), .heap = (h) })

static struct wabi_list
list(struct fake *f, const struct wabi_valtype *v, uint32_t n)
{
	struct wabi_list l = { (uint32_t)(offsetof(struct fake, vals) +
	    f->nvals * sizeof *v), n };

	for (uint32_t i = 0; i < n; i++)
		f->vals[f->nvals++] = v[i];
	return l;
}

/* A type in a group of rec_n that begins at rec_first. */
static struct wabi_typeinfo *
add(struct fake *f, uint8_t comp, uint32_t first, uint32_t rec_n,
    uint32_t super, const struct wabi_valtype *params, uint32_t n)
{
	struct wabi_typeinfo *t = &f->types[f->meta.types.n++];

	*t = (struct wabi_typeinfo){ .comp = comp, .final = super == NONE,
		.super = super, .rec_first = first, .rec_n = rec_n };
	t->params = list(f, params, n);
	t->results = list(f, NULL, 0);
	return t;
}

TEST(functions)
{
	static const uint8_t ii[] = { WRT_I32, WRT_I32 };
	static const uint8_t if_[] = { WRT_I32, WRT_F32 };
	static const uint8_t r[] = { WRT_FUNCREF };
	struct wrt_functype none = { 0, 0, NULL, NULL };
	struct wrt_functype a = { 2, 0, ii, NULL }, b = { 0, 2, NULL, ii };
	struct wrt_functype c = { 1, 1, ii, ii }, d = { 2, 0, if_, NULL };
	struct wrt_functype e = { 1, 0, r, NULL }, got;
	const struct wrt_functype *all[] = { &none, &a, &b, &c, &d, &e };
	uint32_t id[6];

	for (int i = 0; i < 6; i++) {
		id[i] = wrt__type_of_func(all[i]);
		CHECK(id[i]);
		for (int k = 0; k < i; k++)
			CHECK(id[k] != id[i]);
	}
	for (int i = 0; i < 6; i++)
		CHECK_EQ(wrt__type_of_func(all[i]), id[i]);
	CHECK(wrt__type_func(id[4], &got));
	CHECK_EQ(got.nparams, 2);
	CHECK_EQ(got.params[1], WRT_F32);
	CHECK_EQ(wrt__type_of_func(&(struct wrt_functype){ 1, 0,
	    (const uint8_t[]){ 0x12 }, NULL }), 0);
}

TEST(host_and_module_agree)
{
	struct fake *f = fake_new();
	struct wabi_valtype v[] = { NUM(WABI_I32), NUM(WABI_F64),
		ABS(WABI_FUNCREF, 0x70, 1) };
	static const uint8_t t[] = { WRT_I32, WRT_F64, WRT_FUNCREF };
	uint32_t ids[16];

	add(f, WABI_COMP_FUNC, 0, 1, NONE, v, 3);
	add(f, WABI_COMP_FUNC, 1, 1, NONE, v, 2);
	add(f, WABI_COMP_FUNC, 2, 1, NONE, v, 3);
	CHECK_EQ(wrt__types_of_meta(&f->meta, ids), WRT_OK);
	CHECK_EQ(ids[0], ids[2]);
	CHECK(ids[0] != ids[1]);
	CHECK_EQ(wrt__type_of_func(&(struct wrt_functype){ 3, 0, t, NULL }),
	    ids[0]);
	free(f);
}

/* Groups that look alike at other indices are the same; a reference into the
 * group is not one to an equal type outside of it. */
TEST(recursion_groups)
{
	struct fake *f = fake_new(), *g = fake_new();
	struct wabi_valtype v;
	uint32_t a[16], b[16];

	v = REF(WABI_ANYREF, 0);
	add(f, WABI_COMP_STRUCT, 0, 1, NONE, &v, 1);	/* itself */
	v = REF(WABI_ANYREF, 0);
	add(f, WABI_COMP_STRUCT, 1, 1, NONE, &v, 1);	/* the one before */
	v = REF(WABI_ANYREF, 3);
	add(f, WABI_COMP_STRUCT, 2, 2, NONE, &v, 1);	/* each other */
	v = REF(WABI_ANYREF, 2);
	add(f, WABI_COMP_STRUCT, 2, 2, NONE, &v, 1);

	add(g, WABI_COMP_FUNC, 0, 1, NONE, NULL, 0);
	v = REF(WABI_ANYREF, 2);
	add(g, WABI_COMP_STRUCT, 1, 2, NONE, &v, 1);
	v = REF(WABI_ANYREF, 1);
	add(g, WABI_COMP_STRUCT, 1, 2, NONE, &v, 1);
	v = REF(WABI_ANYREF, 3);
	add(g, WABI_COMP_STRUCT, 3, 1, NONE, &v, 1);

	/* The second place refers to itself: another group than f's. */
	v = REF(WABI_ANYREF, 5);
	add(g, WABI_COMP_STRUCT, 4, 2, NONE, &v, 1);
	v = REF(WABI_ANYREF, 5);
	add(g, WABI_COMP_STRUCT, 4, 2, NONE, &v, 1);

	CHECK_EQ(wrt__types_of_meta(&f->meta, a), WRT_OK);
	CHECK_EQ(wrt__types_of_meta(&g->meta, b), WRT_OK);
	CHECK(a[0] != a[1] && a[1] != a[2] && a[2] != a[3]);
	CHECK(b[4] != a[2] && b[5] != a[3]);
	CHECK_EQ(b[1], a[2]);
	CHECK_EQ(b[2], a[3]);
	CHECK_EQ(b[3], a[0]);
	free(f);
	free(g);
}

TEST(subtypes)
{
	struct fake *f = fake_new();
	struct wabi_valtype x = ABS(WABI_ANYREF, 0x6d, 1), y;
	uint32_t id[16];

	add(f, WABI_COMP_STRUCT, 0, 1, NONE, NULL, 0)->final = 0;
	add(f, WABI_COMP_STRUCT, 1, 1, 0, NULL, 0);
	add(f, WABI_COMP_STRUCT, 2, 1, 1, NULL, 0);
	add(f, WABI_COMP_STRUCT, 3, 1, NONE, NULL, 0);
	add(f, WABI_COMP_FUNC, 4, 1, NONE, NULL, 0);
	CHECK_EQ(wrt__types_of_meta(&f->meta, id), WRT_OK);
	CHECK(wrt__type_is_subtype(id[2], id[0]));
	CHECK(wrt__type_is_subtype(id[2], id[2]));
	CHECK(!wrt__type_is_subtype(id[0], id[2]));
	CHECK(!wrt__type_is_subtype(id[3], id[0]));	/* final differs */

	y = REF(WABI_ANYREF, 2);
	CHECK(wrt__valtype_is_subtype(&y, id, &x, id));
	CHECK(!wrt__valtype_is_subtype(&x, id, &y, id));
	x = ABS(WABI_ANYREF, 0x71, 1);			/* none */
	CHECK(wrt__valtype_is_subtype(&x, id, &y, id));
	y.nullable = 0;
	CHECK(!wrt__valtype_is_subtype(&x, id, &y, id));
	x = ABS(WABI_ANYREF, 0x6a, 1);			/* array */
	CHECK(!wrt__valtype_is_subtype(&y, id, &x, id));
	x = REF(WABI_FUNCREF, 4);
	y = ABS(WABI_FUNCREF, 0x70, 1);
	CHECK(wrt__valtype_is_subtype(&x, id, &y, id));
	CHECK(!wrt__valtype_is_subtype(&y, id, &x, id));
	x = NUM(WABI_I32);
	CHECK(!wrt__valtype_is_subtype(&x, id, &y, id));
	CHECK(wrt__valtype_is_subtype(&x, id, &x, id));
	free(f);
}

/* Many types: the table grows, numbers stay; threads see the same ones. */
static void *
many(void *arg)
{
	uint32_t *ids = arg;
	uint8_t p[12];

	for (uint32_t i = 0; i < 4096; i++) {
		for (int k = 0; k < 12; k++)
			p[k] = i >> k & 1 ? WRT_I32 : WRT_I64;
		ids[i] = wrt__type_of_func(&(struct wrt_functype){ 12, 0, p,
		    NULL });
	}
	return NULL;
}

TEST(many_types_on_two_threads)
{
	static uint32_t a[4096], b[4096];
	struct wrt_functype t;
	pthread_t th;

	CHECK(pthread_create(&th, NULL, many, a) == 0);
	many(b);
	pthread_join(th, NULL);
	for (uint32_t i = 0; i < 4096; i++) {
		CHECK(a[i] && a[i] == b[i]);
		CHECK(wrt__type_func(a[i], &t));
		for (int k = 0; k < 12; k++)
			CHECK_EQ(t.params[k], i >> k & 1 ? WRT_I32 : WRT_I64);
	}
}

/* Every allocation fails once: no number is lost or wrong. */
TEST(out_of_memory)
{
	struct fake *f = fake_new();
	struct wabi_valtype v[20];
	uint32_t ids[16], again[16];
	int rc = WRT_ENOMEM;

	for (int i = 0; i < 20; i++)
		v[i] = NUM(WABI_F32);
	add(f, WABI_COMP_FUNC, 0, 1, NONE, v, 20);
	add(f, WABI_COMP_FUNC, 1, 2, NONE, v, 19);
	add(f, WABI_COMP_FUNC, 1, 2, NONE, v, 18);
	for (int n = 1; rc && n < 100; n++) {
		atomic_store(&wrt__alloc_fail_in, n);
		rc = wrt__types_of_meta(&f->meta, ids);
		CHECK(rc == WRT_OK || rc == WRT_ENOMEM);
		atomic_store(&wrt__alloc_fail_in, 0);
	}
	CHECK_EQ(rc, WRT_OK);
	CHECK_EQ(wrt__types_of_meta(&f->meta, again), WRT_OK);
	CHECK(!memcmp(ids, again, 3 * sizeof *ids));
	CHECK(ids[2] == ids[1] + 1 && ids[0] != ids[1]);
	free(f);
}

/* ---- Registry ---- */

static atomic_bool stop;
static struct wrt_module fixed = { .text_start = 1000, .text_end = 2000 };

static void *
search(void *arg)
{
	struct wrt_module *m;

	(void)arg;
	while (!atomic_load(&stop)) {
		CHECK(wrt__registry_find(1000, &m) && m == &fixed);
		CHECK(wrt__registry_find(1999, &m) && m == &fixed);
		CHECK(!wrt__registry_find(2000, &m));
		CHECK(!wrt__registry_find(999, &m));
	}
	return NULL;
}

TEST(registry)
{
	static struct wrt_module m[100];
	struct wrt_module *got;
	pthread_t th;

	CHECK(!wrt__registry_find(1500, &got));
	CHECK(wrt__registry_add(&fixed) == WRT_OK);
	CHECK(pthread_create(&th, NULL, search, NULL) == 0);
	for (int round = 0; round < 50; round++) {
		for (uintptr_t i = 0; i < 100; i++) {
			m[i].text_start = 10000 - 50 * i;
			m[i].text_end = m[i].text_start + 50;
			CHECK(wrt__registry_add(&m[i]) == WRT_OK);
		}
		for (uintptr_t i = 0; i < 100; i++) {
			CHECK(wrt__registry_find(10000 - 50 * i + 49, &got));
			CHECK(got == &m[i]);
			/* Removal cannot fail. */
			atomic_store(&wrt__alloc_fail_in, i % 3 == 0);
			wrt__registry_remove(&m[i]);
			atomic_store(&wrt__alloc_fail_in, 0);
			CHECK(!wrt__registry_find(10000 - 50 * i + 49, NULL));
		}
	}
	atomic_store(&stop, true);
	pthread_join(th, NULL);
	wrt__registry_remove(&fixed);
	CHECK(!wrt__registry_find(1500, NULL));
}

TEST_MAIN
