/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pagemap.c: see pagemap.h.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "pagemap.h"

/* As in linux/fs.h since 6.7. */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask;
	uint64_t return_mask;
};
#define SCAN		_IOWR('f', 16, struct scan_arg)
#define IS_FILE		(1u << 2)
#define IS_PRESENT	(1u << 3)
#define IS_SWAPPED	(1u << 4)
#define IS_PFNZERO	(1u << 5)

long
pagemap_dirty(int fd, const void *p, size_t n, struct pagemap_region *r,
    size_t room)
{
	struct scan_arg a;
	long got;

	if (fd < 0)
		return -1;
	memset(&a, 0, sizeof a);
	a.size = sizeof a;
	a.start = (uintptr_t)p;
	a.end = a.start + n;
	a.vec = (uintptr_t)r;
	a.vec_len = room;
	a.max_pages = room;
	a.category_inverted = a.category_mask = IS_FILE | IS_PFNZERO;
	a.category_anyof_mask = IS_PRESENT | IS_SWAPPED;
	a.return_mask = IS_PRESENT;
	got = ioctl(fd, SCAN, &a);
	if (got < 0 || a.walk_end < a.end)
		return -1;
	return got;
}
