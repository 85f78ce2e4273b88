/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Radix sort of 2^20 numbers, n times. */
#include "kernel.h"

enum { N = 1 << 20 };

static void
pass(uint32_t *to, const uint32_t *from, int shift)
{
	size_t start[257] = { 0 };

	for (size_t i = 0; i < N; i++)
		start[(from[i] >> shift & 0xff) + 1]++;
	for (int i = 0; i < 256; i++)
		start[i + 1] += start[i];
	for (size_t i = 0; i < N; i++)
		to[start[from[i] >> shift & 0xff]++] = from[i];
}

static uint64_t
kernel(unsigned long n)
{
	uint32_t *a = kernel_alloc(N * 4), *b = kernel_alloc(N * 4);
	uint64_t sum = 0;

	while (n--) {
		for (size_t i = 0; i < N; i++)
			a[i] = kernel_random();
		for (int shift = 0; shift < 32; shift += 16) {
			pass(b, a, shift);
			pass(a, b, shift + 8);
		}
		for (size_t i = 0; i < N; i += 4096)
			sum = sum * 31 + a[i];
	}
	return sum;
}

KERNEL(50, 1)
