/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Numbers to text and back: whole ones and fractions, n of them. */
#include "kernel.h"

static char *
put_unsigned(char *p, uint64_t x)
{
	char buf[20];
	int n = 0;

	do
		buf[n++] = (char)('0' + x % 10);
	while (x /= 10);
	while (n)
		*p++ = buf[--n];
	return p;
}

static char *
put_double(char *p, double x)
{
	uint64_t whole = (uint64_t)x;

	p = put_unsigned(p, whole);
	*p++ = '.';
	x -= (double)whole;
	for (int i = 0; i < 9; i++) {
		x *= 10;
		*p++ = (char)('0' + (int)x);
		x -= (int)x;
	}
	return p;
}

static const char *
get_double(const char *p, double *out)
{
	double x = 0, scale = 1;

	for (; *p >= '0' && *p <= '9'; p++)
		x = x * 10 + (*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++)
			x += (*p - '0') * (scale /= 10);
	*out = x;
	return p;
}

static uint64_t
kernel(unsigned long n)
{
	char line[64];
	uint64_t sum = 0;

	for (unsigned long i = 0; i < n; i++) {
		uint64_t x = (uint64_t)kernel_random() << (i % 32);
		double a, b;
		const char *p;
		char *end = put_unsigned(line, x);

		*end++ = ' ';
		end = put_double(end, (double)kernel_random() / 65536);
		*end = 0;
		p = get_double(line, &a);
		get_double(p + 1, &b);
		sum += (uint64_t)a ^ (uint64_t)(b * 1024) ^
		    (uint64_t)(end - line);
	}
	return sum;
}

KERNEL(4000000, 40000)
