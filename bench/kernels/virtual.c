/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Calls through tables of functions: shapes of five kinds, n rounds. */
#include "kernel.h"

struct shape;
struct methods {
	double (*area)(const struct shape *);
	void (*grow)(struct shape *, double);
	uint32_t (*tag)(const struct shape *);
};

struct shape {
	const struct methods *m;
	double a, b;
};

static double square_area(const struct shape *s) { return s->a * s->a; }
static double rect_area(const struct shape *s) { return s->a * s->b; }
static double round_area(const struct shape *s) { return 3.1415 * s->a * s->a; }
static double tri_area(const struct shape *s) { return s->a * s->b / 2; }
static double ring_area(const struct shape *s)
{
	return 3.1415 * (s->a * s->a - s->b * s->b);
}
static void grow_a(struct shape *s, double f) { s->a = s->a * f + 0.25; }
static void grow_b(struct shape *s, double f) { s->b = s->b * f + 0.5; }
static uint32_t tag_0(const struct shape *s) { return 17; }
static uint32_t tag_1(const struct shape *s) { return s->a > s->b; }

static const struct methods kinds[] = {
	{ square_area, grow_a, tag_0 }, { rect_area, grow_b, tag_1 },
	{ round_area, grow_a, tag_1 }, { tri_area, grow_b, tag_0 },
	{ ring_area, grow_a, tag_1 },
};

static uint64_t
kernel(unsigned long n)
{
	enum { N = 1000 };
	static struct shape s[N];
	uint64_t sum = 0;

	for (int i = 0; i < N; i++) {
		s[i].m = &kinds[kernel_random() % 5];
		s[i].a = s[i].b = 1 + (double)(i % 7);
	}
	while (n--)
		for (int i = 0; i < N; i++) {
			s[i].m->grow(&s[i], 0.75);
			sum += (uint64_t)(int64_t)(s[i].m->area(&s[i]) * 64) +
			    s[i].m->tag(&s[i]);
		}
	return sum;
}

KERNEL(60000, 600)
