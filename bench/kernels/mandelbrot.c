/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Mandelbrot's set, n x n points, 50 steps each. */
#include "kernel.h"

static int
steps(double cr, double ci)
{
	double r = 0, i = 0;
	int k;

	for (k = 0; k < 50 && r * r + i * i < 4; k++) {
		double t = r * r - i * i + cr;

		i = 2 * r * i + ci;
		r = t;
	}
	return k;
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	for (unsigned long y = 0; y < n; y++)
		for (unsigned long x = 0; x < n; x++)
			sum = sum * 31 + (uint64_t)steps(
			    3.0 * (double)x / (double)n - 2.0,
			    2.0 * (double)y / (double)n - 1.0);
	return sum;
}

KERNEL(3000, 150)
