/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* LZ4: n MiB of text, fast and thorough, there and back. */
#include <lz4.h>
#include <lz4hc.h>

#include "text.h"

static uint64_t
kernel(unsigned long n)
{
	int size = (int)(n << 20), room = LZ4_compressBound(size);
	char *text = make_text((size_t)size);
	char *packed = kernel_alloc((size_t)room);
	char *back = kernel_alloc((size_t)size);
	uint64_t sum = 0;

	for (int i = 0; i < 4; i++) {
		int m = i < 3 ? LZ4_compress_default(text, packed, size, room) :
		    LZ4_compress_HC(text, packed, size, room, 9);

		for (int k = 0; k < 5; k++)
			if (LZ4_decompress_safe(packed, back, m, size) != size)
				return 0;
		if (memcmp(text, back, (size_t)size) != 0)
			return 0;
		/* how it is packed depends on the word's size */
		sum = kernel_sum(sum, back, (size_t)size);
	}
	return sum;
}

KERNEL(8, 1)
