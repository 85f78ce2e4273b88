/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* xz: n times 256 KiB of text, preset 6, there and back. */
#include <lzma.h>

#include "text.h"

static uint64_t
kernel(unsigned long n)
{
	size_t size = n << 18, room = lzma_stream_buffer_bound(size);
	uint8_t *text = (uint8_t *)make_text(size);
	uint8_t *packed = kernel_alloc(room), *back = kernel_alloc(size);
	size_t m = 0, in = 0, out = 0;
	uint64_t limit = UINT64_MAX;

	if (lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, text, size,
	    packed, &m, room) != LZMA_OK)
		return 0;
	for (int i = 0; i < 5; i++) {
		in = out = 0;
		if (lzma_stream_buffer_decode(&limit, 0, NULL, packed, &in, m,
		    back, &out, size) != LZMA_OK)
			return 0;
	}
	return memcmp(text, back, size) == 0 ? kernel_sum(m, packed, m) : 0;
}

KERNEL(4, 1)
