/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Eratosthenes' sieve up to 2^20, n times. */
#include "kernel.h"

enum { LIMIT = 1 << 20 };

static uint8_t composite[LIMIT];

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	while (n--) {
		memset(composite, 0, LIMIT);
		for (uint32_t i = 2; i * i < LIMIT; i++)
			if (!composite[i])
				for (uint32_t j = i * i; j < LIMIT; j += i)
					composite[j] = 1;
		for (uint32_t i = 2; i < LIMIT; i++)
			if (!composite[i])
				sum += i;
	}
	return sum;
}

KERNEL(200, 2)
