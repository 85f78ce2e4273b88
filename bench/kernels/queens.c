/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* All ways to place n queens. */
#include "kernel.h"

static uint64_t
place(uint32_t all, uint32_t columns, uint32_t left, uint32_t right)
{
	uint32_t open = all & ~(columns | left | right);
	uint64_t ways = columns == all;

	while (open) {
		uint32_t bit = open & -open;

		open ^= bit;
		ways += place(all, columns | bit, (left | bit) << 1,
		    (right | bit) >> 1);
	}
	return ways;
}

static uint64_t
kernel(unsigned long n)
{
	return place((1u << n) - 1, 0, 0, 0);
}

KERNEL(15, 8)
