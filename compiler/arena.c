/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * arena.c: memory that is freed all at once.
 *
 * Blocks grow with what was asked before, so that their number stays small.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define ALIGN		16u
#define BLOCK_FIRST	(64u << 10)
#define BLOCK_MAX	(16u << 20)

struct arena_block {
	struct arena_block *next;
	size_t size;			/* of data */
	_Alignas(ALIGN) unsigned char data[];
};

static struct arena_block *
arena_block(struct arena *a, size_t bytes)
{
	size_t size = a->total_bytes < BLOCK_FIRST ? BLOCK_FIRST :
	    a->total_bytes > BLOCK_MAX ? BLOCK_MAX : a->total_bytes;
	struct arena_block *b = NULL;

	if (size < bytes)
		size = bytes;
	if (size <= SIZE_MAX - sizeof *b)
		b = malloc(sizeof *b + size);
	if (!b)
		a->fail(a->fail_data);
	b->next = a->blocks;
	b->size = size;
	a->blocks = b;
	a->used = 0;
	a->size = size;
	a->total_bytes += size;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    bytes > SIZE_MAX / 2)
		a->fail(a->fail_data);
	bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!a->blocks || bytes > a->size - a->used)
		arena_block(a, bytes);
	p = a->blocks->data + a->used;
	a->used += bytes;
	return memset(p, 0, bytes);
}

void *
arena_grow(struct arena *a, const void *old, size_t old_n, size_t n,
    size_t size)
{
	void *p = arena_alloc(a, n, size);

	if (old_n)
		memcpy(p, old, old_n * size);
	return p;
}

/* The block that stays is the newest, which is the largest or nearly so. */
void
arena_reset(struct arena *a)
{
	struct arena_block *b = a->blocks;

	if (!b)
		return;
	for (struct arena_block *old = b->next, *next; old; old = next) {
		next = old->next;
		free(old);
	}
	b->next = NULL;
	a->used = 0;
	a->size = b->size;
	a->total_bytes = b->size;
}

void
arena_free(struct arena *a)
{
	arena_reset(a);
	free(a->blocks);
	a->blocks = NULL;
	a->used = a->size = a->total_bytes = 0;
}
