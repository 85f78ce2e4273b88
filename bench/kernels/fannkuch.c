/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Turning pancakes: the most turns of all permutations of n. */
#include "kernel.h"

static int
turns(const int *perm, int n)
{
	int p[16], count = 0;

	memcpy(p, perm, (size_t)n * sizeof *p);
	for (int first; (first = p[0]) != 0; count++)
		for (int i = 0, j = first; i < j; i++, j--) {
			int t = p[i];

			p[i] = p[j];
			p[j] = t;
		}
	return count;
}

/* The next permutation by rotating ever longer beginnings. */
static int
next(int *perm, int *left, int n)
{
	for (int r = 1; r < n; r++) {
		int first = perm[0];

		for (int i = 0; i < r; i++)
			perm[i] = perm[i + 1];
		perm[r] = first;
		if (--left[r] > 0)
			return 1;
		left[r] = r + 1;
	}
	return 0;
}

static uint64_t
kernel(unsigned long n)
{
	int perm[16], left[16], most = 0, size = n > 12 ? 12 : (int)n;
	uint64_t k = 0;
	int64_t sum = 0;

	for (int i = 0; i < size; i++) {
		perm[i] = i;
		left[i] = i + 1;
	}
	do {
		int t = turns(perm, size);

		most = t > most ? t : most;
		sum += k++ & 1 ? -t : t;
	} while (next(perm, left, size));
	return (uint64_t)most << 48 ^ (uint64_t)sum;
}

KERNEL(10, 8)
