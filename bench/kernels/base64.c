/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Base64 there and back, 256 KiB, n times. */
#include "kernel.h"

enum { SIZE = 3 * 87381 };

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint8_t plain[SIZE], value[256];
static char coded[SIZE / 3 * 4];

static void
encode(void)
{
	char *o = coded;

	for (size_t i = 0; i < SIZE; i += 3) {
		uint32_t x = (uint32_t)plain[i] << 16 | plain[i + 1] << 8 |
		    plain[i + 2];

		*o++ = digits[x >> 18];
		*o++ = digits[x >> 12 & 63];
		*o++ = digits[x >> 6 & 63];
		*o++ = digits[x & 63];
	}
}

static void
decode(void)
{
	uint8_t *o = plain;

	for (size_t i = 0; i < sizeof coded; i += 4) {
		uint32_t x = 0;

		for (int k = 0; k < 4; k++)
			x = x << 6 | value[(uint8_t)coded[i + k]];
		*o++ = (uint8_t)(x >> 16);
		*o++ = (uint8_t)(x >> 8);
		*o++ = (uint8_t)x;
	}
}

static uint64_t
kernel(unsigned long n)
{
	for (int i = 0; i < 64; i++)
		value[(uint8_t)digits[i]] = (uint8_t)i;
	for (size_t i = 0; i < SIZE; i++)
		plain[i] = (uint8_t)kernel_random();
	for (unsigned long i = 0; i < n; i++) {
		encode();
		coded[i % sizeof coded] = digits[i % 64];
		decode();
	}
	return kernel_sum(0, plain, SIZE);
}

KERNEL(1000, 10)
