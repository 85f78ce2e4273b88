/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slice.c: names and bodies, as bytes of the input.
 */
#include <string.h>

#include "module.h"

bool
slice_is(struct slice s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

int
slice_compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int cmp = n ? memcmp(a.p, b.p, n) : 0;

	return cmp ? cmp : (a.n > b.n) - (a.n < b.n);
}

uint64_t
slice_hash(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 0x100000001b3ull;
	return h;
}
