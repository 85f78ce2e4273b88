/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* WebP: a picture of n x n points without loss, and lossy pictures decoded. */
#include <webp/decode.h>
#include <webp/encode.h>

#include "text.h"

static uint8_t *
picture(int n)
{
	uint8_t *p = kernel_alloc((size_t)n * (size_t)n * 3);

	for (int y = 0; y < n; y++)
		for (int x = 0; x < n; x++) {
			uint8_t *q = p + 3 * (y * n + x);

			q[0] = (uint8_t)(x * 255 / n);
			q[1] = (uint8_t)((x * x + y * y) / (n + 1));
			q[2] = (uint8_t)(y + kernel_random() % 9 * (x > y));
		}
	return p;
}

static uint64_t
kernel(unsigned long size)
{
	int n = (int)size, w, h;
	uint8_t *rgb = picture(n), *file = NULL, *back;
	uint64_t sum = 0;

	/* What is encoded depends on the C library's log(). */
	size_t len = WebPEncodeLosslessRGB(rgb, n, n, n * 3, &file);

	for (int i = 0; i < 5; i++) {
		back = WebPDecodeRGB(file, len, &w, &h);
		if (!back || w != n || h != n)
			return 0;
		sum = kernel_sum(sum, back, (size_t)n * (size_t)n * 3);
		WebPFree(back);
	}
	WebPFree(file);
	for (int i = 0; i < 3; i++) {
		len = WebPEncodeRGB(rgb, n, n, n * 3, 75, &file);
		back = WebPDecodeRGB(file, len, &w, &h);
		sum += back && w == n && h == n;
		WebPFree(back);
		WebPFree(file);
	}
	return sum;
}

KERNEL(500, 60)
