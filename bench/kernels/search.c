/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Substring search in text: by hand, then by skipping (Horspool), n times. */
#include "kernel.h"

enum { SIZE = 1 << 20 };

static char text[SIZE + 1];

static size_t
plain(const char *s, size_t n, const char *what, size_t m)
{
	size_t hits = 0;

	for (size_t i = 0; i + m <= n; i++) {
		size_t k = 0;

		while (k < m && s[i + k] == what[k])
			k++;
		hits += k == m;
	}
	return hits;
}

static size_t
horspool(const char *s, size_t n, const char *what, size_t m)
{
	size_t skip[256], hits = 0;

	for (int i = 0; i < 256; i++)
		skip[i] = m;
	for (size_t i = 0; i + 1 < m; i++)
		skip[(uint8_t)what[i]] = m - 1 - i;
	for (size_t i = 0; i + m <= n; i += skip[(uint8_t)s[i + m - 1]])
		hits += memcmp(s + i, what, m) == 0;
	return hits;
}

static uint64_t
kernel(unsigned long n)
{
	static const char *const words[] = { "ab", "abc", "cabba", "bacabca" };
	uint64_t sum = 0;

	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)('a' + kernel_random() % 3);
	while (n--)
		for (int w = 0; w < 4; w++) {
			size_t m = strlen(words[w]);

			sum = sum * 31 + plain(text, SIZE, words[w], m);
			sum = sum * 31 + horspool(text, SIZE, words[w], m);
		}
	return sum;
}

KERNEL(16, 1)
