/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * mirror.h: random calls of tests/wat/clone.wat's exports, which change all that
 * an instance can hold, done to an instance and to a twin of it that must
 * answer alike.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include "api/api.h"

static uint64_t seed = 88172645463325252;

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

struct op {
	const char *name;
	uint8_t n;
	uint32_t max[3];		/* arguments are below these */
};
static const struct op ops[] = {
	{ "st0", 2, { 300000, 99 } }, { "st1", 2, { 500000, 99 } },
	{ "st2", 2, { 300000, 99 } }, { "ld0", 1, { 300000 } },
	{ "ld1", 1, { 500000 } }, { "ld2", 1, { 300000 } },
	{ "gr0", 1, { 3 } }, { "gr1", 1, { 3 } }, { "gr2", 1, { 2 } },
	{ "sizes", 0, { 0 } }, { "setg", 1, { 1u << 30 } }, { "getg", 0, { 0 } },
	{ "setr", 1, { 12 } }, { "callr", 0, { 0 } }, { "tset", 2, { 20, 20 } },
	{ "tnull", 1, { 20 } }, { "tgrow", 1, { 9 } }, { "tsize", 0, { 0 } },
	{ "tcall", 1, { 30 } }, { "lset", 2, { 9, 20 } }, { "lgrow", 1, { 2 } },
	{ "lcall", 1, { 9 } }, { "nset", 1, { 4 } }, { "ngrow", 1, { 2 } },
	{ "ncall", 1, { 5 } }, { "minit", 3, { 65536, 9, 8 } },
	{ "uinit", 3, { 65536, 9, 8 } },
	{ "tinit", 3, { 12, 3, 3 } }, { "fill", 3, { 140000, 255, 30000 } },
	{ "copy", 3, { 70000, 140000, 9000 } },
	{ "ddrop", 0, { 0 } }, { "edrop", 0, { 0 } },
};
enum { NOPS = sizeof ops / sizeof *ops, MAX_LOG = 4000 };

struct mirrored {
	wrt_instance *i, *twin;		/* twin: fresh, and all replayed */
	struct { uint8_t op; int32_t arg[3]; } log[MAX_LOG];
	size_t n, base;			/* base: what it was cloned with */
};

static int
run(wrt_instance *i, const struct mirrored *m, size_t k, int32_t *x)
{
	const struct op *o = &ops[m->log[k].op];
	struct wrt_functype t;

	*x = 0;
	CHECK_EQ(wrt_instance_func(i, o->name, strlen(o->name), NULL, &t), 0);
	return api_call(i, o->name, o->n, m->log[k].arg[0], m->log[k].arg[1],
	    m->log[k].arg[2], t.nresults ? x : NULL);
}

__attribute__((unused)) static void
random_call(struct mirrored *m)
{
	size_t k = m->n++;
	int32_t x, y;
	int rc;

	CHECK(k < MAX_LOG);
	m->log[k].op = (uint8_t)rnd(NOPS - 2 + (rnd(40) == 0 ? 2 : 0));
	for (int j = 0; j < 3; j++)
		m->log[k].arg[j] = (int32_t)rnd(ops[m->log[k].op].max[j] + 1);
	rc = run(m->i, m, k, &x);
	CHECK_EQ(rc, run(m->twin, m, k, &y));
	if (x != y)
		test_end('F', "%s after %zu calls: %d, not %d",
		    ops[m->log[k].op].name, k, x, y);
}

__attribute__((unused)) static void
same_memories(wrt_instance *a, wrt_instance *b)
{
	wrt_memory *x, *y;

	for (size_t k = 0; wrt_instance_memory_at(a, k, &x) == WRT_OK; k++) {
		CHECK_EQ(wrt_instance_memory_at(b, k, &y), 0);
		CHECK_EQ(wrt_memory_bytes(x), wrt_memory_bytes(y));
		for (uint64_t at = 0; at < wrt_memory_bytes(x); at += 4096) {
			char p[4096], q[4096];

			CHECK_EQ(wrt_memory_read(x, at, p, sizeof p), 0);
			CHECK_EQ(wrt_memory_read(y, at, q, sizeof q), 0);
			CHECK(memcmp(p, q, sizeof p) == 0);
		}
	}
}

#endif
