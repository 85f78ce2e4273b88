/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Heat in a plate: n sweeps of a five-point stencil. */
#include "kernel.h"

enum { W = 500, H = 400 };

static double from[H][W], to[H][W];

static void
sweep(double (*restrict out)[W], double (*restrict in)[W])
{
	for (int y = 1; y < H - 1; y++)
		for (int x = 1; x < W - 1; x++)
			out[y][x] = 0.5 * in[y][x] + 0.125 *
			    (in[y - 1][x] + in[y + 1][x] + in[y][x - 1] +
			    in[y][x + 1]);
}

static uint64_t
kernel(unsigned long n)
{
	for (int x = 0; x < W; x++)
		from[0][x] = to[0][x] = 100 + x;
	for (unsigned long i = 0; i < n; i++) {
		sweep(to, from);
		sweep(from, to);
	}
	return kernel_sum(0, from, sizeof from);
}

KERNEL(2500, 20)
