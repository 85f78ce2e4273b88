/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Ackermann's function of 3 and numbers up to n. */
#include "kernel.h"

static uint32_t
ackermann(uint32_t m, uint32_t n)
{
	if (m == 0)
		return n + 1;
	if (n == 0)
		return ackermann(m - 1, 1);
	return ackermann(m - 1, ackermann(m, n - 1));
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	for (unsigned long i = 1; i <= n; i++)
		sum = sum * 31 + ackermann(3, (uint32_t)i);
	return sum;
}

KERNEL(12, 5)
