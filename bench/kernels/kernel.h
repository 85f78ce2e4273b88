/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * kernel.h: what the kernels of bench/run.py share.
 *
 * A kernel is one file: uint64_t kernel(unsigned long n), which does work that
 * grows with n and returns a checksum of it, and KERNEL(full, quick), the n of
 * a measurement and of a trial.  argv[1] is another n.  No library function
 * that computes is used, so that native code and wasm print the same.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL(full, quick)						\
	int								\
	main(int argc, char **argv)					\
	{								\
		unsigned long n_ = argc > 1 ?				\
		    strtoul(argv[1], NULL, 10) : (full);		\
									\
		printf("%016llx\n", (unsigned long long)kernel(n_));	\
		return 0;						\
	}

static uint32_t kernel_seed = 12345;

__attribute__((unused)) static uint32_t
kernel_random(void)
{
	kernel_seed ^= kernel_seed << 13;
	kernel_seed ^= kernel_seed >> 17;
	kernel_seed ^= kernel_seed << 5;
	return kernel_seed;
}

__attribute__((unused)) static void *
kernel_alloc(size_t n)
{
	void *p = calloc(n ? n : 1, 1);

	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

/* Folds bytes into a checksum. */
__attribute__((unused)) static uint64_t
kernel_sum(uint64_t sum, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ b[i]) * 0x100000001b3;
	return sum;
}

#endif
