/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * leak.c: nothing of an instance is seen by the next one in its place, nor by
 * itself after a reset.
 *
 * Bug class 13 (CVE-2022-39393, CVE-2026-34988): pools handed out slots that
 * still held an earlier tenant's memory or table.
 */
#include <fcntl.h>

#include "api.h"

#define SECRET 0x5ec2e75ec2e75ec2ull

static const char *const modes[] = {
	"userfaultfd", "pagemap", "madvise", "plain",
};
enum { NMODES = 4 };

/* With room for one instance: the next one takes its place. */
static wrt_pool *
one_slot(const char *mode)
{
	struct wrt_pool_config c = { .max_instances = 1, .max_memories = 1 };
	wrt_pool *p;

	setenv("WASMRT_MEMORY", mode, 1);
	if (wrt_pool_create(&p, &c, NULL) != WRT_OK)
		return NULL;		/* not in this kernel */
	CHECK_STR(wrt_pool_memory_mode(p), mode);
	return p;
}

static wrt_memory *
mem_of(wrt_instance *i)
{
	wrt_memory *m;

	CHECK_EQ(wrt_instance_memory(i, "mem", 3, &m), 0);
	return m;
}

static wrt_table *
table_of(wrt_instance *i, const char *name)
{
	wrt_table *t;

	CHECK_EQ(wrt_instance_table(i, name, strlen(name), &t), 0);
	return t;
}

static wrt_global *
global_of(wrt_instance *i, int k)
{
	char name[] = { 'g', (char)('0' + k), '\0' };
	wrt_global *g;

	CHECK_EQ(wrt_instance_global(i, name, 2, &g), 0);
	return g;
}

/* ---- Secrets ------------------------------------------------------------ */

/* How much of the memory gets them. */
enum spread { ONE_PAGE, SCATTERED, HALF, ALL_GROWN, BY_THE_KERNEL, NSPREADS };

static void
hide_in_memory(wrt_instance *i, enum spread how)
{
	wrt_memory *m = mem_of(i);
	int fd, fds[2];
	void *p;

	switch (how) {
	case ONE_PAGE:
		CHECK_EQ(api_call(i, "fill", 2, 4090, 30, 0, NULL), 0);
		break;
	case SCATTERED:
		CHECK_EQ(wrt_memory_grow(m, 14), 2);
		for (int32_t at = 0; at < 16 << 16; at += 3 * 4096 + 5)
			CHECK_EQ(api_call(i, "touch", 1, at, 0, 0, NULL), 0);
		break;
	case HALF:
		CHECK_EQ(api_call(i, "fill", 2, 65536, 65536, 0, NULL), 0);
		break;
	case ALL_GROWN:
		CHECK_EQ(wrt_memory_grow(m, 14), 2);
		CHECK_EQ(api_call(i, "fill", 2, 0, 16 << 16, 0, NULL), 0);
		break;
	default:
		p = wrt_memory_at(m, 100000, 30000);
		CHECK(p);
		CHECK_EQ(pipe(fds), 0);
		fd = open("/dev/urandom", O_RDONLY);
		CHECK(fd >= 0 && read(fd, p, 30000) == 30000);
		close(fd);
		CHECK_EQ(wrt_memory_grow(m, 3), 2);
		p = wrt_memory_at(m, 4 << 16, 65536);
		CHECK_EQ(write(fds[1], "secret", 6), 6);
		CHECK(p && read(fds[0], p, 65536) == 6);
		close(fds[0]);
		close(fds[1]);
	}
}

static void
hide(wrt_instance *i, enum spread how)
{
	wrt_val v = { .u64 = { SECRET, SECRET } };
	wrt_table *t = table_of(i, "ref");
	int32_t n = how == ONE_PAGE ? 10 : how == HALF ? 500 : 1900;

	hide_in_memory(i, how);
	for (int k = 0; k < 4; k++)
		CHECK_EQ(wrt_global_set(global_of(i, k), v), 0);
	CHECK_EQ(api_call(i, "setv", 0, 0, 0, 0, NULL), 0);
	CHECK_EQ(wrt_table_grow(t, (uint64_t)n, v), 10);
	for (uint64_t k = 0; k < wrt_table_size(t); k++)
		CHECK_EQ(wrt_table_set(t, k, v), 0);
	CHECK_EQ(api_call(i, "funcs", 1, n, 0, 0, NULL), 0);
	CHECK_EQ(wrt_table_size(table_of(i, "func")), 100 + n);
	CHECK_EQ(api_call(i, "drop", 0, 0, 0, 0, NULL), 0);
}

/* ---- The search --------------------------------------------------------- */

struct piece {
	uint32_t at;
	const char *text;
};

static void
check_memory(wrt_instance *i, const struct piece *image)
{
	static uint8_t expected[16 << 16];
	wrt_memory *m = mem_of(i);
	uint64_t start = wrt_memory_pages(m);
	uint8_t *p;

	memset(expected, 0, sizeof expected);
	for (; image->text; image++)
		memcpy(expected + image->at, image->text, strlen(image->text));
	p = wrt_memory_at(m, 0, start << 16);
	CHECK(p);
	CHECK(!memcmp(p, expected, start << 16));
	CHECK_EQ(wrt_memory_grow(m, 16 - start), start);
	p = wrt_memory_at(m, 0, 16 << 16);
	CHECK(p);
	CHECK(!memcmp(p, expected, 16 << 16));
}

static void
check_table(wrt_table *t, uint64_t max, uint64_t set)
{
	wrt_val v, null = { .u64 = { 0, 0 } };
	uint64_t n = wrt_table_size(t);

	CHECK_EQ(wrt_table_grow(t, max - n, null), n);
	for (uint64_t k = 0; k < max; k++) {
		CHECK_EQ(wrt_table_get(t, k, &v), 0);
		CHECK_EQ(v.u64[0] != 0, k == set);
		CHECK_EQ(v.u64[1], 0);
	}
}

static void
check_globals(wrt_instance *i, uint64_t g0, uint64_t g1, double g2, uint64_t v0,
    uint64_t v1)
{
	wrt_val r[2];

	CHECK_EQ(wrt_global_get(global_of(i, 0)).u64[0], g0);
	CHECK_EQ(wrt_global_get(global_of(i, 1)).u64[0], g1);
	CHECK(wrt_global_get(global_of(i, 2)).f64 == g2);
	CHECK(!wrt_global_get(global_of(i, 3)).ref);
	for (int k = 0; k < 4; k++)
		CHECK_EQ(wrt_global_get(global_of(i, k)).u64[1], 0);
	CHECK_EQ(wrt_instance_call(i, "v", NULL, 0, r), 0);
	CHECK_EQ(r[0].u64[0], v0);
	CHECK_EQ(r[1].u64[0], v1);
	CHECK_EQ(r[0].u64[1] | r[1].u64[1], 0);
}

static void
check_fresh_a(wrt_instance *i)
{
	static const struct piece image[] = { { 4100, "the image of a" },
		{ 70000, "and more of it" }, { 0, NULL } };

	check_globals(i, 11, 12, 13, 14, 15);
	check_memory(i, image);
	check_table(table_of(i, "ref"), 2000, UINT64_MAX);
	check_table(table_of(i, "func"), 2000, 3);
	/* Its segments are there again. */
	CHECK_EQ(api_call(i, "init", 0, 0, 0, 0, NULL), 0);
	CHECK(!memcmp(wrt_memory_at(mem_of(i), 0, 7), "passive", 7));
}

static void
check_fresh_b(wrt_instance *i)
{
	static const struct piece image[] = { { 12300, "the image of b" },
		{ 0, NULL } };
	wrt_val r;

	check_globals(i, 0, 0, 0, 0, 0);
	check_memory(i, image);
	check_table(table_of(i, "ref"), 1000, UINT64_MAX);
	check_table(table_of(i, "func"), 3000, UINT64_MAX);
	CHECK_EQ(wrt_instance_call(i, "locals", NULL, 0, &r), 0);
	CHECK_EQ(r.u64[0], 0);
}

/* ---- Tests -------------------------------------------------------------- */

static void
slot_by_slot(const char *mode, wrt_module *ma, wrt_module *mb)
{
	wrt_pool *p = one_slot(mode);

	if (!p)
		return;
	for (int how = 0; how < NSPREADS * 2; how++) {
		wrt_instance *i = api_instance(p, ma, NULL);

		check_fresh_a(i);
		CHECK_EQ(wrt_instance_reset(i, NULL), 0);
		hide(i, (enum spread)(how % NSPREADS));
		wrt_instance_close(i);
		i = api_instance(p, mb, NULL);
		check_fresh_b(i);
		wrt_instance_close(i);
	}
	wrt_pool_destroy(p);
}

TEST(next_in_the_slot)
{
	wrt_module *ma = api_module("leak_a"), *mb = api_module("leak_b");

	for (int k = 0; k < NMODES; k++)
		slot_by_slot(modes[k], ma, mb);
	wrt_module_close(ma);
	wrt_module_close(mb);
}

TEST(after_reset)
{
	wrt_module *ma = api_module("leak_a");

	for (int k = 0; k < NMODES; k++) {
		wrt_pool *p = one_slot(modes[k]);
		wrt_instance *i;

		if (!p)
			continue;
		i = api_instance(p, ma, NULL);
		for (int how = 0; how < NSPREADS * 2; how++) {
			hide(i, (enum spread)(how % NSPREADS));
			CHECK_EQ(wrt_instance_reset(i, NULL), 0);
			check_fresh_a(i);
			CHECK_EQ(wrt_instance_reset(i, NULL), 0);
		}
		wrt_instance_close(i);
		wrt_pool_destroy(p);
	}
	wrt_module_close(ma);
}

/* A trap leaves the slot in the middle of things. */
TEST(after_a_trap)
{
	wrt_module *ma = api_module("leak_a"), *mb = api_module("leak_b");

	for (int k = 0; k < NMODES; k++) {
		wrt_pool *p = one_slot(modes[k]);
		wrt_instance *i;

		if (!p)
			continue;
		i = api_instance(p, ma, NULL);
		hide(i, SCATTERED);
		CHECK_EQ(api_call(i, "touch", 1, -1, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(api_call(i, "touch", 1, 16 << 16, 0, 0, NULL),
		    WRT_ETRAP);
		CHECK_EQ(api_call(i, "fill", 2, 0, -1, 0, NULL), WRT_ETRAP);
		wrt_instance_close(i);
		i = api_instance(p, mb, NULL);
		check_fresh_b(i);
		wrt_instance_close(i);
		wrt_pool_destroy(p);
	}
	wrt_module_close(ma);
	wrt_module_close(mb);
}

TEST_MAIN
