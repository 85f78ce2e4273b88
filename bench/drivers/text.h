/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* text.h: made-up text that compresses as text does. */
#ifndef TEXT_H
#define TEXT_H

#include "../kernels/kernel.h"

__attribute__((unused)) static char *
make_text(size_t n)
{
	static char words[512][12];
	char *p = kernel_alloc(n + 16);
	size_t at = 0;

	for (int i = 0; i < 512; i++)
		for (uint32_t k = 2 + kernel_random() % 9; k-- > 0;)
			words[i][k] = (char)('a' + kernel_random() % 26);
	while (at < n) {
		/* Some words are more frequent than others. */
		uint32_t r = kernel_random() & kernel_random();
		const char *w = words[r % 512];

		while (*w && at < n)
			p[at++] = *w++;
		p[at++] = kernel_random() % 12 ? ' ' : '\n';
	}
	return p;
}

#endif
