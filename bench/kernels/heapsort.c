/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Heap sort of 2^18 numbers, n times. */
#include "kernel.h"

static void
sift(uint32_t *a, size_t at, size_t n)
{
	uint32_t x = a[at];

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && a[child + 1] > a[child])
			child++;
		if (a[child] <= x)
			break;
		a[at] = a[child];
	}
	a[at] = x;
}

static uint64_t
kernel(unsigned long n)
{
	enum { N = 1 << 18 };
	uint32_t *a = kernel_alloc(N * 4);
	uint64_t sum = 0;

	while (n--) {
		for (size_t i = 0; i < N; i++)
			a[i] = kernel_random();
		for (size_t i = N / 2; i-- > 0;)
			sift(a, i, N);
		for (size_t i = N; --i > 0;) {
			uint32_t t = a[0];

			a[0] = a[i];
			a[i] = t;
			sift(a, 0, i);
		}
		sum = kernel_sum(sum, a, N);
	}
	return sum;
}

KERNEL(25, 1)
