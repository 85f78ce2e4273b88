/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Euclid's algorithm for all pairs below n. */
#include "kernel.h"

static uint32_t
gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i < n; i++)
		for (uint32_t j = 1; j < n; j++)
			sum = sum * 3 + gcd(i, j);
	return sum;
}

KERNEL(4000, 300)
