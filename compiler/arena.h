/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * arena.h: memory that is freed all at once.
 *
 * Out of memory does not return: it ends the compile through arena.fail.
 */
#ifndef WC_ARENA_H
#define WC_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;	/* newest first */
	size_t used, size;		/* of the newest block */
	size_t total_bytes;		/* asked of the system */
	void (*fail)(void *) __attribute__((noreturn));	/* no memory */
	void *fail_data;
};

/* n * size zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *, size_t n, size_t size);
/* A larger copy of an array: old_n elements kept, the rest zeroed. */
void *arena_grow(struct arena *, const void *old, size_t old_n, size_t n,
    size_t size);
/* Free all but one block, for reuse. */
void arena_reset(struct arena *);
void arena_free(struct arena *);

#define ARENA_NEW(a, n, type) ((type *)arena_alloc((a), (n), sizeof(type)))

#endif
