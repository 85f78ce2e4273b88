/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * buf.c: bytes that grow, and failures of the stages behind validation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"

size_t
buf_room(struct buf *b, size_t n)
{
	size_t at = b->n;

	if (b->failed)
		return 0;
	if (n > b->room - b->n) {
		size_t room = b->room + b->room / 2 + n + 256;
		uint8_t *p = room < n ? NULL : realloc(b->p, room);

		if (!p) {
			b->failed = true;
			return 0;
		}
		b->p = p;
		b->room = room;
	}
	if (n)
		memset(b->p + at, 0, n);
	b->n += n;
	return at;
}

size_t
buf_add(struct buf *b, const void *p, size_t n)
{
	size_t at = buf_room(b, n);

	if (!b->failed && n)
		memcpy(b->p + at, p, n);
	return at;
}

void
buf_align(struct buf *b, size_t align)
{
	buf_room(b, (align - b->n % align) % align);
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

int
back_fail(struct wasmc_error *err, int status, const char *fmt, ...)
{
	va_list ap;

	err->status = status;
	err->offset = UINT64_MAX;
	err->func_idx = UINT32_MAX;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return status;
}
