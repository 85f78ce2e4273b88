/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Shortest paths between all of n points: Floyd and Warshall. */
#include "kernel.h"

static uint64_t
kernel(unsigned long n)
{
	int32_t *d = kernel_alloc(n * n * 4);

	for (size_t i = 0; i < n * n; i++)
		d[i] = (int32_t)(kernel_random() % 10000 + 1);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++) {
				int32_t via = d[i * n + k] + d[k * n + j];

				if (via < d[i * n + j])
					d[i * n + j] = via;
			}
	return kernel_sum(0, d, n * n * 4);
}

KERNEL(900, 100)
