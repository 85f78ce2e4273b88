/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Product of two n x n matrices of doubles. */
#include "kernel.h"

static void
multiply(double *restrict c, const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			double x = a[i * n + k];

			for (size_t j = 0; j < n; j++)
				c[i * n + j] += x * b[k * n + j];
		}
}

static uint64_t
kernel(unsigned long n)
{
	double *a = kernel_alloc(n * n * 8), *b = kernel_alloc(n * n * 8);
	double *c = kernel_alloc(n * n * 8);

	for (size_t i = 0; i < n * n; i++) {
		a[i] = (double)(kernel_random() % 1000) / 8;
		b[i] = (double)(kernel_random() % 1000) / 16;
	}
	multiply(c, a, b, n);
	return kernel_sum(0, c, n * n * 8);
}

KERNEL(1200, 100)
