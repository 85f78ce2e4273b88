/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Check and count UTF-8 text of 1 MiB, n times. */
#include "kernel.h"

enum { SIZE = 1 << 20 };

static uint8_t text[SIZE + 4];

static size_t
make_text(void)
{
	size_t n = 0;

	while (n < SIZE) {
		uint32_t r = kernel_random(), c;

		c = n < 64 || r % 8 ? r % 128 : r % 16 ? r % 0x700 + 0x80 :
		    r % 32 ? r % 0x5000 + 0x800 : r % 0x10000 + 0x10000;
		if (c < 0x80) {
			text[n++] = (uint8_t)c;
		} else if (c < 0x800) {
			text[n++] = (uint8_t)(0xc0 | c >> 6);
			text[n++] = 0x80 | (c & 0x3f);
		} else if (c < 0x10000) {
			text[n++] = (uint8_t)(0xe0 | c >> 12);
			text[n++] = 0x80 | (c >> 6 & 0x3f);
			text[n++] = 0x80 | (c & 0x3f);
		} else {
			text[n++] = (uint8_t)(0xf0 | c >> 18);
			text[n++] = 0x80 | (c >> 12 & 0x3f);
			text[n++] = 0x80 | (c >> 6 & 0x3f);
			text[n++] = 0x80 | (c & 0x3f);
		}
	}
	return n;
}

/* The number of characters, or -1. */
static long
count(const uint8_t *p, const uint8_t *end)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	long chars = 0;

	while (p < end) {
		uint32_t c = *p++;
		int more = c < 0x80 ? 0 : c < 0xc2 ? -1 : c < 0xe0 ? 1 :
		    c < 0xf0 ? 2 : c < 0xf5 ? 3 : -1;

		chars++;
		if (more == 0)
			continue;
		if (more < 0 || end - p < more)
			return -1;
		c &= 0x3fu >> more;
		for (int i = 0; i < more; i++) {
			if ((*p & 0xc0) != 0x80)
				return -1;
			c = c << 6 | (*p++ & 0x3f);
		}
		if (c < least[more] || c - 0xd800 < 0x800 || c > 0x10ffff)
			return -1;
	}
	return chars;
}

static uint64_t
kernel(unsigned long n)
{
	size_t size = make_text();
	uint64_t sum = 0;

	for (unsigned long i = 0; i < n; i++) {
		text[i % 64] = (uint8_t)('a' + i % 26);
		sum = sum * 31 + (uint64_t)count(text, text + size);
	}
	return sum;
}

KERNEL(150, 3)
