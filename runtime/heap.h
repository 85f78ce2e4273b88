/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * heap.h: the collected heap, as its files share it; docs/GC.md is the essay.
 *
 *   heap.c       the arena's blocks, a heap's blocks, finding free runs
 *   gc.c         a collection: roots, marking, what is left free
 *   gc_calls.c   the runtime calls on structures and arrays
 *   gc_host.c    references as hosts see them
 *
 * An arena is 4 GiB of address space, one per pool.  Its unit is the block.  A
 * heap belongs to a group of instances and owns blocks; so heaps of groups
 * that are joined become one by handing over their blocks, and no reference
 * changes.
 */
#ifndef WRT_HEAP_H
#define WRT_HEAP_H

#include "rt.h"

#define GC_BLOCK	32768u
#define GC_BLOCK_LOG2	15
#define GC_NBLOCKS	(1u << (32 - GC_BLOCK_LOG2))
/* Small integers must not look like references: the first 256 MiB are never
 * used. */
#define GC_FIRST	(256u << 20 >> GC_BLOCK_LOG2)
#define GC_SMALL	(GC_BLOCK / 2)	/* larger ones have their own blocks */
#define GC_MARK_BYTES	(GC_BLOCK / 64)	/* of marks per block */

enum gc_kind {
	GC_NONE,			/* nobody's, or empty */
	GC_OBJECTS,			/* objects and gaps, end to end */
	GC_LARGE,			/* the first of one object's */
	GC_TAIL				/* a further one */
};

struct gc_block {
	struct wrt__heap *heap;
	uint32_t n;			/* LARGE: blocks; TAIL: since the
					 * first */
	uint8_t kind;
	bool swept;			/* its gaps are known to be gaps */
	bool indexed;			/* starts are right, this collection */
};

struct wrt__arena {
	uint8_t *base;			/* multiple of 4 GiB */
	uint8_t *map;
	size_t map_bytes;
	/* A bit per 8 bytes of the arena: marked objects; starts of objects,
	 * in blocks that are indexed. */
	uint64_t *marks, *starts;
	uint64_t *used;			/* a bit per block */
	struct gc_block *blocks;
	uint32_t hint;			/* where to look for blocks first */
	atomic_uint refs;		/* the pool's, and its heaps' */
	unsigned forks;			/* when it was made */
	pthread_mutex_t lock;		/* used, hint */
};

struct wrt__heap {
	const void *host_low;		/* while allocating: where the frames of
					 * the allocator's caller begin */
	struct wrt__arena *arena;
	pthread_mutex_t lock;		/* everything here; for instances that
					 * share memories on several threads */
	uint64_t bytes;			/* of all its blocks */
	uint64_t limit, threshold;	/* collect when bytes would pass it */
	uint64_t live;			/* after the last collection */
	uint32_t *blocks, nblocks;	/* OBJECTS and LARGE; room for all */
	uint32_t *empty, nempty;	/* kept for use; likewise */
	uint32_t sweep, sweep_off;	/* block in blocks, where in it */
	uint32_t *stack;		/* marking's; mapped */
	size_t stack_bytes;
	const wrt_val *args;		/* of a host, being converted */
	uint32_t nargs;
	uint64_t ncollections, pause_ns, max_pause_ns;
	bool zeal;			/* collect at every allocation */
	bool full;			/* almost nothing was garbage */
	/* A funcref that the host carried from one pool to another has made
	 * their groups one.  Nothing is collected in such a group. */
	struct wrt__heap *other;	/* of another arena */
	bool mixed;
};

/* What an object begins with. */
struct gc_head {
	uint32_t head, length;
};

static inline struct gc_head *
gc_at(const struct wrt__arena *a, uint32_t ref)
{
	return (struct gc_head *)(void *)(a->base + ref);
}

static inline uint32_t
gc_round(uint64_t n)
{
	return (uint32_t)((n + 7) & ~7ull);
}

/* Bytes of an object, or of a gap; not for those of more than 4 GiB, which
 * there are none of. */
static inline uint32_t
gc_size(const struct gc_head *h)
{
	const struct wrt__gctype *t;

	switch (h->head & WABI_HEAD_KIND) {
	case 0:
		return h->length;
	case WABI_HEAD_EXTERN:
		return 16;
	}
	t = wrt__type_gc(h->head & WABI_HEAD_ID);
	if ((h->head & WABI_HEAD_KIND) == WABI_HEAD_STRUCT)
		return t->size;
	return gc_round(8 + (uint64_t)h->length * t->elem_bytes);
}

static inline void
gc_gap(const struct wrt__arena *a, uint32_t from, uint32_t to)
{
	if (from == to)
		return;
	gc_at(a, from)->head = 0;
	gc_at(a, from)->length = to - from;
}

/* heap.c */
uint32_t wrt__blocks_take(struct wrt__arena *a, uint32_t n);
void wrt__blocks_give(struct wrt__arena *a, uint32_t first, uint32_t n);
/* As many blocks as that, from the one at hand on; those that are half done
 * are done then. */
void wrt__heap_sweep(struct wrt__heap *h, uint32_t n);
/* The run's rest becomes a gap. */
void wrt__heap_flush(struct wrt__heap *h, struct wabi_heap *run);
/* Room for an object of `bytes`, a multiple of 8; run, if not NULL, is left
 * with what may be cut inline.  With the lock held.  0: exhausted. */
uint32_t wrt__heap_take(struct wrt__heap *h, wrt_instance *i, uint64_t bytes,
    bool *zeroed);
/* A new object of i, header written and all else zero; 0: exhausted. */
uint32_t wrt__heap_alloc(wrt_instance *i, uint32_t head, uint32_t length,
    uint64_t bytes);

/* gc.c: collect the group's garbage.  False: not now, as other threads run in
 * the group, or memory is short. */
bool wrt__gc(struct wrt__heap *h, struct wrt__group *g);

#endif
