/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* zstd: n MiB of text, levels 1, 5 and 15, there and back. */
#include <zstd.h>

#include "text.h"

static uint64_t
kernel(unsigned long n)
{
	static const int levels[] = { 1, 5, 15 };
	size_t size = n << 20, room = ZSTD_compressBound(size);
	char *text = make_text(size), *packed = kernel_alloc(room);
	char *back = kernel_alloc(size);
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++) {
		size_t m = ZSTD_compress(packed, room, text, size, levels[i]);

		sum = kernel_sum(sum + m, packed, m);
		for (int k = 0; k < 4; k++)
			if (ZSTD_decompress(back, size, packed, m) != size)
				return 0;
		if (memcmp(text, back, size) != 0)
			return 0;
	}
	return sum;
}

KERNEL(3, 1)
