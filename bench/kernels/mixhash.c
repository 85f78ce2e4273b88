/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A hash of four lanes with multiplications and rotations, as fast ones of
 * today are made, over n times 64 KiB. */
#include "kernel.h"

static const uint64_t p1 = 0x9e3779b185ebca87, p2 = 0xc2b2ae3d27d4eb4f;

static uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static uint64_t
hash(const uint8_t *p, size_t n, uint64_t seed)
{
	uint64_t lane[4] = { seed + p1 + p2, seed + p2, seed, seed - p1 }, h;

	for (; n >= 32; n -= 32, p += 32)
		for (int i = 0; i < 4; i++) {
			uint64_t x;

			memcpy(&x, p + 8 * i, 8);
			lane[i] = rotl(lane[i] + x * p2, 31) * p1;
		}
	h = rotl(lane[0], 1) + rotl(lane[1], 7) + rotl(lane[2], 12) +
	    rotl(lane[3], 18);
	h = (h ^ h >> 33) * p2;
	h = (h ^ h >> 29) * p1;
	return h ^ h >> 32;
}

static uint64_t
kernel(unsigned long n)
{
	static uint8_t data[65536];
	uint64_t h = 0;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)kernel_random();
	while (n--)
		h = hash(data, sizeof data, h);
	return h;
}

KERNEL(100000, 1000)
