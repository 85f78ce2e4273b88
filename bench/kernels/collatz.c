/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The longest of the Collatz sequences that begin below n. */
#include "kernel.h"

static uint64_t
kernel(unsigned long n)
{
	uint64_t best = 0, total = 0;

	for (unsigned long i = 1; i < n; i++) {
		uint64_t x = i, len = 1;

		for (; x != 1; len++)
			x = x & 1 ? 3 * x + 1 : x / 2;
		total += len;
		if (len > best >> 32)
			best = len << 32 | i;
	}
	return best ^ total;
}

KERNEL(3000000, 30000)
