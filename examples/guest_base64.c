/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * guest_base64.c: a C library that nobody has looked at closely; see sandbox.c.
 * One of its mistakes is that it believes its input.
 */
#include <stdint.h>
#include <stdlib.h>

#define EXPORT(name)	__attribute__((export_name(#name)))

EXPORT(library_alloc) void *
library_alloc(uint32_t n)
{
	return malloc(n);
}

EXPORT(library_free) void
library_free(void *p)
{
	free(p);
}

static int
digit(int c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode up to the '=' or the NUL; the number of bytes.  A '~' is what should
 * not be there: an offset that is added to the output's place. */
EXPORT(base64_decode) uint32_t
base64_decode(const char *from, uint8_t *to)
{
	uint8_t *at = to;
	uint32_t bits = 0, n = 0;

	for (; *from && *from != '='; from++) {
		if (*from == '~') {
			at += strtoul(from + 1, NULL, 10);
			continue;
		}
		if (digit(*from) < 0)
			continue;
		bits = bits << 6 | (uint32_t)digit(*from);
		if (++n % 4 != 1)
			*at++ = (uint8_t)(bits >> (6 - 2 * ((n - 1) % 4)));
	}
	return (uint32_t)(at - to);
}

/* A checksum in small steps, as libraries are that are called often. */
EXPORT(checksum_step) uint32_t
checksum_step(uint32_t sum, uint32_t byte)
{
	sum ^= byte;
	for (int k = 0; k < 8; k++)
		sum = sum >> 1 ^ (0xedb88320u & -(sum & 1));
	return sum;
}
