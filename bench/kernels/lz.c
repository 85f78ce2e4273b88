/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Compression by references to earlier text, and back, 1 MiB, n times. */
#include "kernel.h"

enum { SIZE = 1 << 20, HASH = 1 << 14, MIN = 4 };

static uint8_t text[SIZE], packed[SIZE * 2], back[SIZE];
static uint32_t last[HASH];

static uint32_t
word(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, 4);
	return x;
}

/* Literals: length below 128 and bytes; match: 128 + length - MIN, distance. */
static uint8_t *
put_literals(uint8_t *o, const uint8_t *p, size_t n)
{
	while (n) {
		size_t k = n < 127 ? n : 127;

		*o++ = (uint8_t)k;
		memcpy(o, p, k);
		o += k;
		p += k;
		n -= k;
	}
	return o;
}

static size_t
pack(void)
{
	uint8_t *o = packed;
	size_t i = 0, start = 0;

	memset(last, 0, sizeof last);
	while (i + MIN + 1 < SIZE) {
		uint32_t h = word(text + i) * 2654435761u >> 18;
		size_t from = last[h], k = 0;

		last[h] = (uint32_t)i;
		if (from < i && i - from < 65536)
			while (k < 127 + MIN && i + k < SIZE &&
			    text[from + k] == text[i + k])
				k++;
		if (k < MIN) {
			i++;
			continue;
		}
		o = put_literals(o, text + start, i - start);
		*o++ = (uint8_t)(128 + k - MIN);
		*o++ = (uint8_t)(i - from);
		*o++ = (uint8_t)((i - from) >> 8);
		i += k;
		start = i;
	}
	o = put_literals(o, text + start, SIZE - start);
	return (size_t)(o - packed);
}

static size_t
unpack(size_t n)
{
	uint8_t *o = back;

	for (size_t i = 0; i < n;) {
		size_t k = packed[i++];

		if (k < 128) {
			memcpy(o, packed + i, k);
			i += k;
			o += k;
			continue;
		}
		k = k - 128 + MIN;
		for (const uint8_t *p = o - (packed[i] | packed[i + 1] << 8);
		    k > 0; k--)
			*o++ = *p++;
		i += 2;
	}
	return (size_t)(o - back);
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SIZE;) {
		size_t from = i ? kernel_random() % i : 0;
		size_t k = kernel_random() % 12;

		text[i++] = (uint8_t)(kernel_random() % 64);
		while (k-- && i < SIZE)
			text[i++] = text[from++];
	}
	for (unsigned long r = 0; r < n; r++) {
		size_t m;

		text[r] = (uint8_t)r;
		m = pack();
		if (unpack(m) != SIZE || memcmp(text, back, SIZE) != 0)
			return 0;
		sum = sum * 31 + m;
	}
	return sum;
}

KERNEL(80, 1)
