/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Five bodies under gravity, n steps. */
#include <math.h>

#include "kernel.h"

enum { N = 5 };

struct body {
	double x[3], v[3], mass;
};

static struct body b[N] = {
	{ { 0, 0, 0 }, { 0, 0, 0 }, 39.5 },
	{ { 4.8, -1.2, -0.1 }, { 0.6, 2.8, -0.02 }, 0.038 },
	{ { 8.3, 4.1, -0.4 }, { -1.0, 1.8, 0.008 }, 0.011 },
	{ { 12.9, -15.1, -0.2 }, { 1.1, 0.9, -0.01 }, 0.0017 },
	{ { 15.4, -25.9, 0.2 }, { 0.98, 0.6, -0.03 }, 0.002 },
};

static void
attract(struct body *p, struct body *q, double dt)
{
	double d[3], r2 = 0, f;

	for (int k = 0; k < 3; k++) {
		d[k] = p->x[k] - q->x[k];
		r2 += d[k] * d[k];
	}
	f = dt / (r2 * sqrt(r2));
	for (int k = 0; k < 3; k++) {
		p->v[k] -= d[k] * q->mass * f;
		q->v[k] += d[k] * p->mass * f;
	}
}

static uint64_t
kernel(unsigned long n)
{
	const double dt = 0.001;

	for (unsigned long i = 0; i < n; i++) {
		for (int j = 0; j < N; j++)
			for (int k = j + 1; k < N; k++)
				attract(&b[j], &b[k], dt);
		for (int j = 0; j < N; j++)
			for (int k = 0; k < 3; k++)
				b[j].x[k] += dt * b[j].v[k];
	}
	return kernel_sum(0, b, sizeof b);
}

KERNEL(10000000, 100000)
