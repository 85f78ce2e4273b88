/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * rt_pages.c: the record of which pages are there, when threads that fill the
 * same pages come between each other.  A page that is there and is not in the
 * record would keep its content over a reset.
 */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "rt.h"
#include "test.h"

enum { PAGE = 4096 };

static bool
noted(const struct wrt_memory *m, unsigned page)
{
	return m->bits[page / 64] >> (page % 64) & 1;
}

/* What another thread does that has not noted it yet. */
static void
fill_behind(struct wrt_memory *m, unsigned page)
{
	struct uffdio_zeropage z = {
		.range = { (uintptr_t)m->m.base + page * PAGE, PAGE },
	};

	CHECK(ioctl(m->pool->slab.fd, UFFDIO_ZEROPAGE, &z) == 0);
}

TEST(pages_filled_before_one_that_is_there)
{
	const struct wabi_limits lim = { .min = 16, .max = 16, .shared = 1,
		.page_log2 = 16 };
	struct wrt_memory *m;
	wrt_pool *p;

	setenv("WASMRT_MEMORY", "userfaultfd", 1);
	if (wrt_pool_create(&p, NULL, NULL) != WRT_OK)
		SKIP("no userfaultfd here");
	m = wrt__memory_new(p);
	CHECK(m && wrt__pages_open(m, p, &lim, NULL, 0, -1, NULL) == WRT_OK);
	/* So many that more come at once. */
	for (unsigned k = 64; k < 128; k++)
		CHECK(wrt__pages_serve(m, k * PAGE));
	fill_behind(m, 7);
	CHECK(wrt__pages_serve(m, 2 * PAGE));
	for (unsigned k = 0; k < 16; k++)
		m->m.base[k * PAGE] = 1;
	CHECK(wrt__pages_serve(m, 7 * PAGE));
	for (unsigned k = 0; k < 16; k++)
		CHECK(noted(m, k));
	CHECK_EQ(wrt__pages_reset(m), WRT_OK);
	for (unsigned k = 0; k < 16; k++)
		CHECK_EQ(m->m.base[k * PAGE], 0);
	wrt__memory_put(m);
	wrt_pool_destroy(p);
}

/* Just the bytes that were meant, whatever their number and places. */
TEST(pages_copied_and_cleared)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 129, 384, 4000, PAGE,
		PAGE + 128, 3 * PAGE };
	static uint8_t from[4 * PAGE], to[4 * PAGE];

	wrt__copy_init();
	for (size_t k = 0; k < sizeof from; k++)
		from[k] = (uint8_t)(k % 251 + 1);
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
		for (size_t off = 1; off <= 64; off *= 4) {
			size_t n = sizes[k];

			memset(to, 0, sizeof to);
			wrt__copy_page(to + off, from + 2 * off, n);
			CHECK(memcmp(to + off, from + 2 * off, n) == 0);
			CHECK(to[off - 1] == 0 && to[off + n] == 0);
			memset(to, 0xff, sizeof to);
			wrt__clear_page(to + off, n);
			for (size_t b = 0; b < n; b++)
				CHECK(to[off + b] == 0);
			CHECK(to[off - 1] == 0xff && to[off + n] == 0xff);
		}
}

TEST_MAIN
