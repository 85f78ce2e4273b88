/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pagemap.h: which pages of private memory were written, by the kernel's
 * PAGEMAP_SCAN (Linux 6.7).  Older headers do not have it.
 */
#ifndef WRT_PAGEMAP_H
#define WRT_PAGEMAP_H

#include <stddef.h>
#include <stdint.h>

struct pagemap_region {
	uint64_t start, end, categories;
};

/* The pages of [p, p + n) that are the process's own, not the file's and not
 * the zero page, as at most `room` regions of together at most `room` pages.
 * How many regions, or -1: more, or not to be had. */
long pagemap_dirty(int fd, const void *p, size_t n, struct pagemap_region *r,
    size_t room);

#endif
