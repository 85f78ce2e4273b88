/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * clone.c: clones of an instance have its state and then go their own way.
 *
 * Each test runs in every memory mode that the machine has.  The long one does
 * random calls on a family of clones and keeps a log for each; a fresh instance
 * to which the log is replayed must answer alike.
 */
#include <dirent.h>

#include "mirror.h"

static wrt_pool *
pool_in(const char *mode, const struct wrt_pool_config *c)
{
	struct wrt_error err;
	wrt_pool *p;

	setenv("WASMRT_MEMORY", mode, 1);
	if (wrt_pool_create(&p, c, &err) != WRT_OK)
		SKIP("%s", err.text);
	return p;
}

/* What the host function gives: the caller's word, and what is in its memory. */
static int
h(void *data, wrt_instance *caller, wrt_val *v)
{
	int32_t x = 0;
	wrt_memory *m;

	CHECK_EQ(wrt_instance_memory_at(caller, 0, &m), 0);
	CHECK_EQ(wrt_memory_read(m, 8, &x, sizeof x), 0);
	v[0].i32 = x + (int32_t)(intptr_t)wrt_instance_data(caller);
	return WRT_OK;
}

struct world {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
};

static struct world
world(const char *mode)
{
	static const uint8_t i32[] = { WRT_I32 };
	const struct wrt_functype t = { 0, 1, NULL, i32 };
	struct wrt_pool_config c = { .max_instances = 64, .max_memories = 3 };
	struct world w = { .p = pool_in(mode, &c), .m = api_module("clone") };

	CHECK_EQ(wrt_imports_create(&w.l), 0);
	CHECK_EQ(wrt_imports_func(w.l, "env", "h", &t, h, NULL), 0);
	return w;
}

static void
end(struct world *w)
{
	wrt_module_close(w->m);
	wrt_imports_destroy(w->l);
	wrt_pool_destroy(w->p);
}

static wrt_instance *
clone_of(wrt_instance *src, wrt_pool *p)
{
	struct wrt_error err;
	wrt_instance *i;

	if (wrt_instance_clone(&i, src, p, &err) != WRT_OK)
		test_end('F', "clone: %s", err.text);
	return i;
}

static int32_t
ask(wrt_instance *i, const char *name, size_t n, int32_t a, int32_t b)
{
	int32_t x = -1;

	CHECK_EQ(api_call(i, name, n, a, b, 0, &x), 0);
	return x;
}

static void
refuses(wrt_instance *src, wrt_pool *p, int rc, const char *why)
{
	struct wrt_error err = { .text = "" };
	wrt_instance *i = NULL;

	CHECK_EQ(wrt_instance_clone(&i, src, p, &err), rc);
	CHECK(!i);
	CHECK_HAS(err.text, why);
}

/* ---- One thing after the other ------------------------------------------- */

static void
everything(const char *mode)
{
	struct world w = world(mode);
	wrt_instance *s = api_instance(w.p, w.m, w.l), *c, *d;

	wrt_instance_set_data(s, (void *)500);
	CHECK_EQ(api_call(s, "st0", 2, 0, 11, 0, NULL), 0);
	CHECK_EQ(api_call(s, "st0", 2, 8, 22, 0, NULL), 0);
	CHECK_EQ(ask(s, "gr1", 1, 3, 0), 2);
	CHECK_EQ(api_call(s, "st1", 2, 5 * 65536 - 4, 33, 0, NULL), 0);
	CHECK_EQ(ask(s, "gr2", 1, 2, 0), 1);
	CHECK_EQ(api_call(s, "st2", 2, 3 * 65536 - 4, 44, 0, NULL), 0);
	CHECK_EQ(api_call(s, "setg", 1, 12345, 0, 0, NULL), 0);
	CHECK_EQ(ask(s, "tgrow", 1, 90, 0), 6);
	CHECK_EQ(api_call(s, "tinit", 3, 10, 0, 3, NULL), 0);
	CHECK_EQ(ask(s, "lgrow", 1, 4, 0), 3);
	CHECK_EQ(api_call(s, "lset", 2, 6, 1, 0, NULL), 0);
	CHECK_EQ(ask(s, "ngrow", 1, 1, 0), 2);
	CHECK_EQ(api_call(s, "ddrop", 0, 0, 0, 0, NULL), 0);
	c = clone_of(s, w.p);
	wrt_instance_set_data(c, (void *)600);

	CHECK_EQ(ask(c, "sizes", 0, 0, 0), 1 + 5000 + 3000000);
	CHECK_EQ(ask(c, "ld0", 1, 4096, 0), 77);
	CHECK_EQ(ask(c, "ld0", 1, 100, 0), 0x6c6c6568);
	CHECK_EQ(ask(c, "ld1", 1, 5 * 65536 - 4, 0), 33);
	CHECK_EQ(ask(c, "ld1", 1, 131000, 0), 0x72656874);
	CHECK_EQ(ask(c, "ld2", 1, 3 * 65536 - 4, 0), 44);
	CHECK_EQ(ask(c, "getg", 0, 0, 0), ask(s, "getg", 0, 0, 0));
	CHECK_EQ(ask(c, "tsize", 0, 0, 0), 96);
	CHECK_EQ(api_call(c, "tcall", 1, 0, 0, 0, NULL), WRT_ETRAP);
	/* Functions are the clone's own. */
	CHECK_EQ(api_call(s, "st0", 2, 0, 111, 0, NULL), 0);
	CHECK_EQ(api_call(s, "setg", 1, 1, 0, 0, NULL), 0);
	CHECK_EQ(ask(c, "tcall", 1, 1, 0), 12);
	CHECK_EQ(ask(c, "tcall", 1, 95, 0), 13345);
	CHECK_EQ(ask(c, "tcall", 1, 10, 0), 622);	/* the host's */
	CHECK_EQ(ask(s, "tcall", 1, 10, 0), 522);
	CHECK_EQ(ask(c, "lcall", 1, 6, 0), 12);
	CHECK_EQ(ask(c, "ncall", 1, 2, 0), 13345);
	CHECK_EQ(ask(c, "callr", 0, 0, 0), 13345);
	CHECK_EQ(api_call(c, "minit", 3, 0, 0, 1, NULL), WRT_ETRAP);
	/* They go their own ways. */
	CHECK_EQ(api_call(c, "st0", 2, 4096, 5, 0, NULL), 0);
	CHECK_EQ(ask(s, "ld0", 1, 4096, 0), 77);
	CHECK_EQ(ask(s, "gr0", 1, 1, 0), 1);
	CHECK_EQ(api_call(c, "st0", 2, 65536, 5, 0, NULL), WRT_ETRAP);
	d = clone_of(c, w.p);
	wrt_instance_close(s);
	CHECK_EQ(ask(d, "ld0", 1, 4096, 0), 5);
	CHECK_EQ(ask(c, "gr0", 1, 39, 0), 1);
	CHECK_EQ(api_call(c, "st0", 2, 65536, 5, 0, NULL), 0);
	CHECK_EQ(ask(c, "ld0", 1, 65536, 0), 5);
	CHECK_EQ(ask(c, "gr0", 1, 1, 0), -1);
	wrt_instance_close(c);
	CHECK_EQ(ask(d, "ld1", 1, 131000, 0), 0x72656874);
	wrt_instance_close(d);
	end(&w);
}

/* A reset brings back what the clone began with; the start function, which adds
 * one to a global, is not run again. */
static void
reset(const char *mode)
{
	struct world w = world(mode);
	wrt_instance *s = api_instance(w.p, w.m, w.l), *c;

	CHECK_EQ(api_call(s, "st0", 2, 0, 11, 0, NULL), 0);
	CHECK_EQ(ask(s, "gr1", 1, 1, 0), 2);
	CHECK_EQ(ask(s, "tgrow", 1, 4, 0), 6);
	CHECK_EQ(api_call(s, "edrop", 0, 0, 0, 0, NULL), 0);
	c = clone_of(s, w.p);
	wrt_instance_close(s);
	for (int round = 0; round < 3; round++) {
		CHECK_EQ(ask(c, "tcall", 1, 1, 0), 12);
		CHECK_EQ(ask(c, "tcall", 1, 9, 0), 1008);
		CHECK_EQ(api_call(c, "tinit", 3, 0, 0, 1, NULL), WRT_ETRAP);
		CHECK_EQ(api_call(c, "minit", 3, 0, 0, 1, NULL), 0);
		CHECK_EQ(api_call(c, "ddrop", 0, 0, 0, 0, NULL), 0);
		CHECK_EQ(ask(c, "gr1", 1, 1, 0), 3);
		CHECK_EQ(api_call(c, "st1", 2, 4 * 65536 - 4, 9, 0, NULL), 0);
		CHECK_EQ(api_call(c, "fill", 3, 0, round + 1, 196608, NULL),
		    0);
		CHECK_EQ(ask(c, "tgrow", 1, 100, 0), 10);
		CHECK_EQ(api_call(c, "tnull", 1, 1, 0, 0, NULL), 0);
		CHECK_EQ(api_call(c, "setg", 1, round, 0, 0, NULL), 0);
		CHECK_EQ(wrt_instance_reset(c, NULL), 0);
		CHECK_EQ(ask(c, "tsize", 0, 0, 0), 10);
		CHECK_EQ(ask(c, "ld1", 1, 131000, 0), 0x72656874);
		CHECK_EQ(ask(c, "ld1", 1, 4096, 0), 0);
		CHECK_EQ(api_call(c, "ld1", 1, 196608, 0, 0, NULL),
		    WRT_ETRAP);
	}
	wrt_instance_close(c);
	end(&w);
}

static size_t
nfds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* The image is shared while nobody has changed the source, and by nobody else.
 * Seen by the descriptors that images have. */
static void
shared_image(const char *mode)
{
	struct world w = world(mode);
	wrt_instance *s = api_instance(w.p, w.m, w.l), *c[20];
	wrt_memory *mem;
	int32_t x = 55;
	size_t before = nfds(), with;

	c[0] = clone_of(s, w.p);
	with = nfds();
	CHECK_EQ(with, before + 3);
	for (int k = 1; k < 8; k++)
		c[k] = clone_of(k % 2 ? s : c[k - 1], w.p);
	CHECK_EQ(nfds(), with);
	/* Reading changes nothing, writing by the host does. */
	CHECK_EQ(wrt_instance_memory_at(s, 0, &mem), 0);
	CHECK_EQ(wrt_memory_read(mem, 0, &x, sizeof x), 0);
	c[8] = clone_of(s, w.p);
	CHECK_EQ(nfds(), with);
	x = 55;
	CHECK_EQ(wrt_memory_write(mem, 0, &x, sizeof x), 0);
	c[9] = clone_of(s, w.p);
	CHECK_EQ(ask(c[9], "ld0", 1, 0, 0), 55);
	CHECK_EQ(nfds(), with + 1);
	*(int32_t *)wrt_memory_at(mem, 0, 4) = 66;
	c[10] = clone_of(s, w.p);
	CHECK_EQ(ask(c[10], "ld0", 1, 0, 0), 66);
	CHECK_EQ(wrt_memory_grow(mem, 1), 1);
	c[11] = clone_of(s, w.p);
	CHECK_EQ(api_call(c[11], "ld0", 1, 65536, 0, 0, NULL), 0);
	CHECK_EQ(api_call(s, "st0", 2, 0, 77, 0, NULL), 0);
	c[12] = clone_of(s, w.p);
	CHECK_EQ(ask(c[12], "ld0", 1, 0, 0), 77);
	CHECK_EQ(wrt_instance_reset(s, NULL), 0);
	c[13] = clone_of(s, w.p);
	CHECK_EQ(ask(c[13], "ld0", 1, 0, 0), 0);
	CHECK_EQ(ask(c[9], "ld0", 1, 0, 0), 55);
	CHECK_EQ(ask(c[3], "ld0", 1, 0, 0), 0);
	wrt_instance_close(s);
	for (int k = 0; k < 14; k++)
		wrt_instance_close(c[k]);
	CHECK_EQ(nfds(), before);
	end(&w);
}

/* ---- Random calls --------------------------------------------------------- */

static void
replay(struct world *w, struct mirrored *m, size_t n)
{
	int32_t x;

	wrt_instance_close(m->twin);
	m->twin = api_instance(w->p, w->m, w->l);
	for (size_t k = 0; k < n; k++)
		run(m->twin, m, k, &x);
	m->n = n;
}

static void
random_family(const char *mode)
{
	enum { FAMILY = 6 };
	struct world w = world(mode);
	struct mirrored *f = calloc(FAMILY, sizeof *f);

	CHECK(f);
	for (int k = 0; k < FAMILY; k++) {
		f[k].i = api_instance(w.p, w.m, w.l);
		f[k].twin = api_instance(w.p, w.m, w.l);
	}
	for (int round = 0; round < 60; round++) {
		struct mirrored *a = &f[rnd(FAMILY)], *b = &f[rnd(FAMILY)];

		for (int k = 0; k < 20; k++)
			random_call(&f[rnd(FAMILY)]);
		if (a != b && rnd(3)) {		/* b becomes a's clone */
			wrt_instance_close(b->i);
			b->i = clone_of(a->i, w.p);
			memcpy(b->log, a->log, sizeof a->log);
			b->base = a->n;
			replay(&w, b, a->n);
		} else if (a->n) {		/* a begins again */
			CHECK_EQ(wrt_instance_reset(a->i, NULL), 0);
			replay(&w, a, a->base);
		}
		same_memories(a->i, a->twin);
		same_memories(b->i, b->twin);
	}
	for (int k = 0; k < FAMILY; k++) {
		same_memories(f[k].i, f[k].twin);
		wrt_instance_close(f[k].i);
		wrt_instance_close(f[k].twin);
	}
	free(f);
	end(&w);
}

/* ---- Limits, pools, refusals ---------------------------------------------- */

static void
settings(const char *mode)
{
	struct world w = world(mode);
	struct wrt_pool_config small = { .max_instances = 2, .max_memories = 3,
	    .max_memory_bytes = 4 * 65536, .stack_bytes = 65536 },
	    fewer = { .max_instances = 2, .max_memories = 2 };
	wrt_pool *other = pool_in(mode, &small), *few = pool_in(mode, &fewer);
	wrt_instance *s = api_instance(w.p, w.m, w.l), *c, *d;
	wrt_memory *m;

	CHECK_EQ(wrt_instance_memory_at(s, 0, &m), 0);
	wrt_memory_limit(m, 3 * 65536);
	c = clone_of(s, w.p);
	CHECK_EQ(ask(c, "gr0", 1, 3, 0), -1);
	CHECK_EQ(ask(c, "gr0", 1, 2, 0), 1);
	CHECK_EQ(wrt_instance_reset(c, NULL), 0);
	CHECK_EQ(ask(c, "gr0", 1, 3, 0), -1);
	d = clone_of(s, other);
	CHECK_EQ(ask(d, "gr1", 1, 3, 0), -1);
	CHECK_EQ(ask(d, "gr1", 1, 2, 0), 2);
	wrt_instance_close(d);
	CHECK_EQ(ask(s, "gr1", 1, 10, 0), 2);
	refuses(s, other, WRT_ELIMIT, "more than the pool's limit");
	refuses(s, few, WRT_ELIMIT, "the pool allows 2");
	wrt_instance_close(s);
	wrt_instance_close(c);
	wrt_pool_destroy(other);
	wrt_pool_destroy(few);
	end(&w);
}

static int
clones_itself(void *data, wrt_instance *caller, wrt_val *v)
{
	refuses(caller, data, WRT_ESTATE, "is running");
	v[0].i32 = 1;
	return WRT_OK;
}

static int
yields(void *data, wrt_instance *caller, wrt_val *v)
{
	return WRT_YIELD;
}

static void
refusals(const char *mode)
{
	static const uint8_t i32[] = { WRT_I32 };
	const struct wrt_functype t = { 0, 1, NULL, i32 };
	struct world w = world(mode);
	wrt_module *mu = api_module("clone_user"), *ms = api_module("shared_own");
	wrt_imports *l;
	wrt_instance *lib, *u, *c, *x, *s;
	int32_t sum;

	CHECK_EQ(wrt_instance_clone(NULL, NULL, NULL, NULL), WRT_EINVAL);
	/* While it runs. */
	CHECK_EQ(wrt_imports_func(w.l, "env", "h", &t, clones_itself, w.p), 0);
	lib = api_instance(w.p, w.m, w.l);
	CHECK_EQ(api_call(lib, "tinit", 3, 0, 0, 1, NULL), 0);
	CHECK_EQ(ask(lib, "tcall", 1, 0, 0), 1);
	/* While it is suspended. */
	CHECK_EQ(wrt_imports_func(w.l, "env", "h", &t, yields, NULL), 0);
	x = api_instance(w.p, w.m, w.l);
	CHECK_EQ(api_call(x, "tinit", 3, 0, 0, 1, NULL), 0);
	CHECK_EQ(api_call(x, "tcall", 1, 0, 0, 0, NULL), WRT_SUSPENDED);
	refuses(x, w.p, WRT_ESTATE, "running or suspended");
	wrt_instance_close(x);
	/* After a trap it can be cloned. */
	CHECK_EQ(api_call(lib, "tcall", 1, 99, 0, 0, NULL), WRT_ETRAP);
	x = clone_of(lib, w.p);
	CHECK_EQ(wrt_trap_get(x, &(struct wrt_trap){ 0 }), WRT_ESTATE);
	wrt_instance_close(x);
	/* Others import of it; its importers can be cloned, and go on using it
	 * when it is closed. */
	CHECK_EQ(wrt_imports_create(&l), 0);
	CHECK_EQ(wrt_imports_instance(l, "lib", lib), 0);
	u = api_instance(w.p, mu, l);
	refuses(lib, w.p, WRT_ESTATE, "others may refer to it");
	CHECK_EQ(api_call(u, "put", 2, 0, 5, 0, NULL), 0);
	CHECK_EQ(api_call(u, "far", 2, 0, 100, 0, NULL), 0);
	x = clone_of(u, w.p);
	CHECK_EQ(wrt_instance_reset(u, NULL), 0);
	c = clone_of(u, w.p);
	CHECK_EQ(ask(x, "get", 1, 0, 0), 105);
	CHECK_EQ(ask(c, "get", 1, 0, 0), 100);
	CHECK_EQ(api_call(c, "put", 2, 0, 5, 0, NULL), 0);
	wrt_instance_close(x);
	CHECK_EQ(api_call(u, "put", 2, 0, 6, 0, NULL), 0);
	CHECK_EQ(ask(c, "get", 1, 0, 0), 105);
	CHECK_EQ(api_call(c, "far", 2, 0, 200, 0, NULL), 0);
	wrt_imports_destroy(l);
	wrt_instance_close(lib);
	CHECK_EQ(ask(u, "get", 1, 0, 0), 206);
	wrt_instance_close(u);
	CHECK_EQ(api_call(c, "get", 1, 0, 0, 0, &sum), 0);
	CHECK_EQ(sum, 205);
	wrt_instance_close(c);
	/* A shared memory of its own. */
	s = api_instance(w.p, ms, NULL);
	refuses(s, w.p, WRT_ESTATE, "is shared");
	wrt_instance_close(s);
	wrt_module_close(mu);
	wrt_module_close(ms);
	end(&w);
}

#define IN_EVERY_MODE(fn)						\
	TEST(fn##_userfaultfd) { fn("userfaultfd"); }			\
	TEST(fn##_pagemap) { fn("pagemap"); }				\
	TEST(fn##_madvise) { fn("madvise"); }				\
	TEST(fn##_plain) { fn("plain"); }
IN_EVERY_MODE(everything)
IN_EVERY_MODE(reset)
IN_EVERY_MODE(shared_image)
IN_EVERY_MODE(random_family)
IN_EVERY_MODE(settings)
IN_EVERY_MODE(refusals)

/* ---- References ------------------------------------------------------------ */

/* Compiled code takes for granted what is in a table of its own. */
TEST(tables_of_its_own)
{
	struct world w = world("plain");
	wrt_instance *i = api_instance(w.p, w.m, w.l);
	wrt_table *t;
	wrt_val null = { .ref = NULL }, seen;

	CHECK_EQ(wrt_instance_table_at(i, 3, &t), 0);
	CHECK_EQ(wrt_table_get(t, 1, &seen), 0);
	CHECK(seen.func != NULL);
	CHECK_EQ(wrt_table_set(t, 1, seen), WRT_ETYPE);
	CHECK_EQ(wrt_table_set(t, 2, seen), WRT_EBOUNDS);
	CHECK_EQ(wrt_table_grow(t, 1, seen), -1);
	CHECK_EQ(wrt_instance_table_at(i, 0, &t), 0);
	CHECK_EQ(wrt_table_set(t, 1, null), 0);
	CHECK_EQ(wrt_table_grow(t, 1, null), 6);
	wrt_instance_close(i);
	end(&w);
}

/* Words of the host are copied as they are. */
TEST(host_references)
{
	struct world w = world("plain");
	wrt_instance *s = api_instance(w.p, w.m, w.l), *c;
	wrt_table *t;
	wrt_global *g;
	wrt_val v = { .ref = &w };

	CHECK_EQ(wrt_instance_table(s, "x", 1, &t), 0);
	CHECK_EQ(wrt_table_set(t, 1, v), 0);
	CHECK_EQ(wrt_instance_global(s, "e", 1, &g), 0);
	CHECK_EQ(wrt_global_set(g, v), 0);
	c = clone_of(s, w.p);
	wrt_instance_close(s);
	CHECK_EQ(wrt_instance_table(c, "x", 1, &t), 0);
	CHECK_EQ(wrt_table_get(t, 1, &v), 0);
	CHECK(v.ref == &w);
	CHECK_EQ(wrt_table_get(t, 0, &v), 0);
	CHECK(!v.ref);
	CHECK_EQ(wrt_instance_global(c, "e", 1, &g), 0);
	CHECK(wrt_global_get(g).ref == &w);
	wrt_instance_close(c);
	end(&w);
}

TEST(collected_heap)
{
	struct wrt_pool_config c = { .max_instances = 4 };
	wrt_pool *p = pool_in("plain", &c);
	wrt_module *m = api_module("gc_keeper");
	struct wrt_error err;
	wrt_imports *l;
	wrt_instance *i;

	CHECK_EQ(wrt_imports_create(&l), 0);
	wrt_imports_unknown(l, WRT_UNKNOWN_TRAP);
	if (wrt_instance_create(&i, p, m, l, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	refuses(i, p, WRT_ESTATE, "collected heap");
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

TEST_MAIN
