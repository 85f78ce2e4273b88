/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Quicksort of 2^20 numbers, n times. */
#include "kernel.h"

static void
sort(int32_t *a, long lo, long hi)
{
	while (lo < hi) {
		int32_t pivot = a[lo + (hi - lo) / 2];
		long i = lo, j = hi;

		while (i <= j) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j) {
				int32_t t = a[i];

				a[i++] = a[j];
				a[j--] = t;
			}
		}
		if (j - lo < hi - i) {
			sort(a, lo, j);
			lo = i;
		} else {
			sort(a, i, hi);
			hi = j;
		}
	}
}

static uint64_t
kernel(unsigned long n)
{
	enum { N = 1 << 20 };
	int32_t *a = kernel_alloc(N * 4);
	uint64_t sum = 0;

	while (n--) {
		for (int i = 0; i < N; i++)
			a[i] = (int32_t)kernel_random();
		sort(a, 0, N - 1);
		for (int i = 0; i < N; i += 4096)
			sum = sum * 31 + (uint32_t)a[i];
	}
	return sum;
}

KERNEL(10, 1)
