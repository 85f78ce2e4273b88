/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * limits.c: the largest of everything is served or refused in a sentence.
 *
 * Bug classes 33 (CVE-2026-44216, GHSA-wjc8: tables beyond the address space,
 * recursion over long chains) and 21 (CVE-2020-35859: globals and signal stack
 * shared a page).
 */
#include <pthread.h>

#include "api.h"

static int
create(wrt_pool *p, wrt_module *m, wrt_imports *l, struct wrt_error *err)
{
	wrt_instance *i;
	int rc = wrt_instance_create(&i, p, m, l, err);

	if (rc == WRT_OK)
		wrt_instance_close(i);
	return rc;
}

static wrt_pool *
pool_with(struct wrt_pool_config c)
{
	struct wrt_error err;
	wrt_pool *p;

	if (!c.max_memories)
		c.max_memories = 1;
	if (!c.max_instances)
		c.max_instances = 2;
	if (wrt_pool_create(&p, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	return p;
}

/* ---- Tables ------------------------------------------------------------- */

TEST(table_beyond_the_limit)
{
	wrt_pool *p = pool_with((struct wrt_pool_config){ 0 });
	wrt_module *m = api_module("limit_table");
	struct wrt_error err;

	CHECK_EQ(create(p, m, NULL, &err), WRT_ELIMIT);
	CHECK_STR(err.text, "a table of 4294967295 entries is more than the "
	    "pool's limit of 10000000");
	wrt_pool_destroy(p);
	wrt_module_close(m);
}

/* With a limit that no machine can give. */
TEST(table_beyond_the_address_space)
{
	wrt_pool *p = pool_with((struct wrt_pool_config){
	    .max_table_entries = 1ull << 40 });
	wrt_module *m = api_module("limit_table");
	struct wrt_error err;
	int rc = create(p, m, NULL, &err);

	CHECK(rc == WRT_OK || rc == WRT_ENOMEM);
	if (rc == WRT_ENOMEM)
		CHECK_HAS(err.text, "no memory for a table");
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

TEST(table_grows_to_the_limit)
{
	wrt_pool *p = pool_with((struct wrt_pool_config){
	    .max_table_entries = 1000 });
	wrt_module *m = api_module("limit_tables");
	wrt_instance *i = api_instance(p, m, NULL);
	static const int32_t no[] = { 1000, 1001, INT32_MAX, INT32_MIN, -1 };
	int32_t x;

	for (size_t k = 0; k < sizeof no / sizeof *no; k++) {
		CHECK_EQ(api_call(i, "grow", 1, no[k], 0, 0, &x), 0);
		CHECK_EQ(x, -1);
	}
	CHECK_EQ(api_call(i, "grow", 1, 999, 0, 0, &x), 0);
	CHECK_EQ(x, 1);
	CHECK_EQ(api_call(i, "grow", 1, 1, 0, 0, &x), 0);
	CHECK_EQ(x, -1);
	CHECK_EQ(api_call(i, "size", 0, 0, 0, 0, &x), 0);
	CHECK_EQ(x, 1000);
	CHECK_EQ(api_call(i, "fill", 2, 999, 1, 0, NULL), 0);
	CHECK_EQ(api_call(i, "fill", 2, 999, 2, 0, NULL), WRT_ETRAP);
	CHECK_EQ(api_call(i, "fill", 2, 1, -1, 0, NULL), WRT_ETRAP);
	CHECK_EQ(api_call(i, "fill", 2, -1, 1, 0, NULL), WRT_ETRAP);
	CHECK_EQ(api_call(i, "fill", 2, 1000, 0, 0, NULL), 0);
	wrt_instance_close(i);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* ---- Memories ----------------------------------------------------------- */

TEST(memory_of_four_gigabytes)
{
	wrt_pool *p = pool_with((struct wrt_pool_config){ 0 });
	wrt_module *m = api_module("limit_memory");
	wrt_instance *i = api_instance(p, m, NULL);
	wrt_memory *mem;
	int32_t x;

	CHECK_EQ(api_call(i, "touch", 1, -1, 0, 0, NULL), 0);
	CHECK_EQ(api_call(i, "touch", 1, INT32_MIN, 0, 0, NULL), 0);
	CHECK_EQ(wrt_instance_memory(i, "mem", 3, &mem), 0);
	CHECK_EQ(wrt_memory_bytes(mem), 1ull << 32);
	CHECK_EQ(*(char *)wrt_memory_at(mem, UINT32_MAX, 1), 1);
	CHECK(!wrt_memory_at(mem, UINT32_MAX, 2));
	CHECK(!wrt_memory_at(mem, 1ull << 32, 1));
	CHECK_EQ(api_call(i, "grow", 1, 0, 0, 0, &x), 0);
	CHECK_EQ(x, 65536);
	CHECK_EQ(api_call(i, "grow", 1, 1, 0, 0, &x), 0);
	CHECK_EQ(x, -1);
	CHECK_EQ(wrt_instance_reset(i, NULL), 0);
	CHECK_EQ(*(char *)wrt_memory_at(mem, UINT32_MAX, 1), 0);
	wrt_instance_close(i);
	wrt_pool_destroy(p);
	p = pool_with((struct wrt_pool_config){ .max_memory_bytes = 1 << 20 });
	struct wrt_error err;
	CHECK_EQ(create(p, m, NULL, &err), WRT_ELIMIT);
	CHECK_HAS(err.text, "a memory of 65536 pages is more than the pool's");
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* ---- Depth -------------------------------------------------------------- */

static int
base(void *data, wrt_instance *caller, wrt_val *v)
{
	return WRT_OK;
}

static wrt_imports *
list(wrt_pool *p, wrt_instance *before)
{
	static const uint8_t i32[] = { WRT_I32 };
	const struct wrt_functype t = { 1, 1, i32, i32 };
	const struct wrt_limits one = { .min = 1, .max = UINT64_MAX };
	wrt_val null = { .ref = NULL };
	wrt_imports *l;

	CHECK_EQ(wrt_imports_create(&l), 0);
	if (before) {
		CHECK_EQ(wrt_imports_instance(l, "before", before), 0);
		return l;
	}
	CHECK_EQ(wrt_imports_func(l, "before", "f", &t, base, NULL), 0);
	CHECK_EQ(wrt_imports_table(l, p, "before", "t", WRT_FUNCREF, &one, null,
	    NULL), 0);
	return l;
}

/* Each keeps the one before: a call through all of them, and an end that does
 * not recurse. */
enum { CHAIN = 20000 };

static void
chain(int order)
{
	static wrt_instance *i[CHAIN];
	static wrt_imports *l[CHAIN];
	wrt_pool *p = pool_with((struct wrt_pool_config){
	    .max_instances = CHAIN, .stack_bytes = 64 << 20,
	    .flags = WRT_POOL_PLAIN });
	wrt_module *m = api_module("limit_link");
	int32_t x;

	for (int k = 0; k < CHAIN; k++) {
		l[k] = list(p, k ? i[k - 1] : NULL);
		i[k] = api_instance(p, m, l[k]);
	}
	CHECK_EQ(api_call(i[CHAIN - 1], "f", 1, 5, 0, 0, &x), 0);
	CHECK_EQ(x, 5 + CHAIN);
	wrt_module_close(m);
	for (int k = CHAIN; k-- > 1;)
		wrt_imports_destroy(l[k]);
	for (int k = 0; k < CHAIN; k++)
		wrt_instance_close(i[order == 0 ? k : order == 1 ?
		    CHAIN - 1 - k : k * 7919 % CHAIN]);
	wrt_imports_destroy(l[0]);
	wrt_pool_destroy(p);
}

TEST(chain_closed_from_its_start) { chain(0); }
TEST(chain_closed_from_its_end) { chain(1); }
TEST(chain_closed_in_disorder) { chain(2); }

TEST(a_million_calls_deep)
{
	wrt_pool *p = pool_with((struct wrt_pool_config){
	    .stack_bytes = 1 << 30 });
	wrt_module *m = api_module("limit_depth");
	wrt_instance *i = api_instance(p, m, NULL);
	wrt_val v[3] = { { .i64 = 1 }, { .f64 = 0.5 }, { .i32 = 1000000 } }, r;
	struct wrt_trap t;
	int32_t x;

	CHECK_EQ(api_call(i, "f", 1, 1000000, 0, 0, &x), 0);
	CHECK_EQ(x, 1000000);
	CHECK_EQ(wrt_instance_call(i, "p", v, 3, &r), 0);
	CHECK(r.f64 == 0.5);
	v[2].i32 = -1;
	CHECK_EQ(wrt_instance_call(i, "p", v, 3, &r), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_STACK_OVERFLOW);
	CHECK(t.nframes_total >= 100000);	/* as far as it looks */
	CHECK_EQ(t.nframes, 64);
	wrt_instance_close(i);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* ---- Globals and the signal stack --------------------------------------- */

static size_t
leb(uint8_t *p, uint32_t x)
{
	size_t n = 0;

	do {
		p[n++] = (uint8_t)((x & 0x7f) | (x > 0x7f ? 0x80 : 0));
	} while (x >>= 7);
	return n;
}

/* n mutable i32 globals of value 3, and
 *   (memory 1)
 *   (func (export "f") (drop (i32.load (i32.const -1))))
 *   (func (export "g") (result i32) (global.get n-1)) */
static uint8_t *
module_of_globals(uint32_t n, size_t *size)
{
	static const uint8_t head[] = { 0, 'a', 's', 'm', 1, 0, 0, 0,
		1, 8, 2, 0x60, 0, 0, 0x60, 0, 1, 0x7f,	/* types */
		3, 3, 2, 0, 1,				/* functions */
		5, 3, 1, 0, 1, 6 };			/* memory; globals */
	static const uint8_t exports[] = { 7, 9, 2, 1, 'f', 0, 0, 1, 'g', 0,
		1 };
	static const uint8_t f[] = { 8, 0, 0x41, 0x7f, 0x28, 2, 0, 0x1a, 0x0b };
	static const uint8_t global[] = { 0x7f, 1, 0x41, 3, 0x0b };
	uint8_t *w = malloc(100 + n * sizeof global), *p = w, count[5], idx[5];
	size_t nc = leb(count, n), ni = leb(idx, n - 1);

	CHECK(w);
	p = (uint8_t *)memcpy(p, head, sizeof head) + sizeof head;
	p += leb(p, (uint32_t)(nc + n * sizeof global));
	memcpy(p, count, nc);
	p += nc;
	for (uint32_t k = 0; k < n; k++, p += sizeof global)
		memcpy(p, global, sizeof global);
	p = (uint8_t *)memcpy(p, exports, sizeof exports) + sizeof exports;
	*p++ = 10;
	*p++ = (uint8_t)(1 + sizeof f + 4 + ni);
	*p++ = 2;
	p = (uint8_t *)memcpy(p, f, sizeof f) + sizeof f;
	*p++ = (uint8_t)(3 + ni);
	*p++ = 0;
	*p++ = 0x23;
	p = (uint8_t *)memcpy(p, idx, ni) + ni;
	*p++ = 0x0b;
	*size = (size_t)(p - w);
	return w;
}

static wrt_module *
open_globals(uint32_t n)
{
	char so[64];
	struct wasmc_error ce;
	struct wrt_error err;
	wrt_module *m;
	size_t size;
	uint8_t *w = module_of_globals(n, &size);

	snprintf(so, sizeof so, "build/tests/globals-%d.so", (int)getpid());
	if (wasmc_compile(w, size, "globals", so, NULL, &ce) != WASMC_OK)
		test_end('F', "%u globals: %s", n, ce.text);
	free(w);
	if (wrt_module_open(&m, so, &err) != WRT_OK)
		test_end('F', "%u globals: %s", n, err.text);
	unlink(so);
	return m;
}

static void
trap_with_globals(wrt_pool *p, wrt_module *m)
{
	wrt_instance *i = api_instance(p, m, NULL);
	int32_t x;

	for (int k = 0; k < 3; k++) {
		CHECK_EQ(api_call(i, "f", 0, 0, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(api_call(i, "g", 0, 0, 0, 0, &x), 0);
		CHECK_EQ(x, 3);
	}
	wrt_instance_close(i);
}

/* A thread with a signal stack of its own, too small for our handler. */
static void *
with_small_stack(void *arg)
{
	enum { SMALL = 8192, AROUND = 4096 };
	uint8_t *p = malloc(SMALL + 2 * AROUND);
	stack_t ss = { .ss_sp = p + AROUND, .ss_size = SMALL }, off = {
		.ss_flags = SS_DISABLE };
	void **a = arg;

	CHECK(p);
	memset(p, 0xa5, SMALL + 2 * AROUND);
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	trap_with_globals(a[0], a[1]);
	sigaltstack(&off, NULL);
	for (int k = 0; k < AROUND; k++) {
		CHECK_EQ(p[k], 0xa5);
		CHECK_EQ(p[AROUND + SMALL + k], 0xa5);
	}
	free(p);
	return NULL;
}

TEST(many_globals_and_signals)
{
	static const uint32_t n[] = { 1, 255, 256, 257, 4096, 65536, 1000000 };
	wrt_pool *p = pool_with((struct wrt_pool_config){ 0 });

	for (size_t k = 0; k < sizeof n / sizeof *n; k++) {
		wrt_module *m = open_globals(n[k]);
		void *a[2] = { p, m };
		pthread_t t;

		trap_with_globals(p, m);
		CHECK_EQ(pthread_create(&t, NULL, with_small_stack, a), 0);
		pthread_join(t, NULL);
		wrt_module_close(m);
	}
	wrt_pool_destroy(p);
}

TEST_MAIN
