/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Spectral norm of an infinite matrix cut off at n. */
#include <math.h>

#include "kernel.h"

static double
element(unsigned long i, unsigned long j)
{
	uint32_t s = (uint32_t)(i + j);

	return 1.0 / (double)(s * (s + 1) / 2 + (uint32_t)i + 1);
}

static void
times(double *out, const double *v, unsigned long n, int transposed)
{
	for (unsigned long i = 0; i < n; i++) {
		double sum = 0;

		for (unsigned long j = 0; j < n; j++)
			sum += v[j] * (transposed ? element(j, i) :
			    element(i, j));
		out[i] = sum;
	}
}

static uint64_t
kernel(unsigned long n)
{
	double *u = kernel_alloc(n * 8), *v = kernel_alloc(n * 8);
	double *t = kernel_alloc(n * 8), uv = 0, vv = 0, norm;

	for (unsigned long i = 0; i < n; i++)
		u[i] = 1;
	for (int k = 0; k < 10; k++) {
		times(t, u, n, 0);
		times(v, t, n, 1);
		times(t, v, n, 0);
		times(u, t, n, 1);
	}
	for (unsigned long i = 0; i < n; i++) {
		uv += u[i] * v[i];
		vv += v[i] * v[i];
	}
	norm = sqrt(uv / vv);
	return kernel_sum(0, &norm, 8);
}

KERNEL(2500, 200)
