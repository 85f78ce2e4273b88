/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * heap.c: the arena's blocks, a heap's blocks, and where the next object goes.
 *
 * Blocks of small objects are parsable: objects and gaps follow each other
 * without a hole, a gap saying its length as an object does.  What a
 * collection has not marked becomes gaps when the allocator comes by
 * (sweeping), and all that is left before the next collection.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "heap.h"

#define GC_GUARD	(1ull << 20)	/* fields behind the last reference */
#define GC_MIN_RUN	128u		/* smaller gaps wait for neighbours */
#define GC_MIN_HEAP	(8ull << 20)	/* no collection below */
#define ARENA_BYTES	(1ull << 32)
#define LISTS_BYTES	(2 * GC_NBLOCKS * sizeof(uint32_t))

/* ---- Arena ---- */

static void *
map_zero(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
unmap(void *p, size_t n)
{
	if (p)
		munmap(p, n);
}

static void
arena_put(struct wrt__arena *a)
{
	if (!a || atomic_fetch_sub(&a->refs, 1) != 1)
		return;
	unmap(a->map, a->map_bytes);
	unmap(a->marks, ARENA_BYTES / 64);
	unmap(a->starts, ARENA_BYTES / 64);
	unmap(a->used, GC_NBLOCKS / 8);
	unmap(a->blocks, GC_NBLOCKS * sizeof *a->blocks);
	pthread_mutex_destroy(&a->lock);
	wrt__free(a);
}

static struct wrt__arena *
arena_new(void)
{
	struct wrt__arena *a = wrt__calloc(1, sizeof *a);

	if (!a)
		return NULL;
	atomic_init(&a->refs, 1);
	a->forks = wrt__forks;
	pthread_mutex_init(&a->lock, NULL);
	a->map_bytes = 2 * ARENA_BYTES + GC_GUARD;
	a->map = map_zero(a->map_bytes);
	a->marks = map_zero(ARENA_BYTES / 64);
	a->starts = map_zero(ARENA_BYTES / 64);
	a->used = map_zero(GC_NBLOCKS / 8);
	a->blocks = map_zero(GC_NBLOCKS * sizeof *a->blocks);
	if (!a->map || !a->marks || !a->starts || !a->used || !a->blocks) {
		arena_put(a);
		return NULL;
	}
	a->base = (uint8_t *)(((uintptr_t)a->map + ARENA_BYTES - 1) &
	    ~(uintptr_t)(ARENA_BYTES - 1));
	a->hint = GC_FIRST;
	return a;
}

static bool
is_used(const struct wrt__arena *a, uint32_t b)
{
	return a->used[b / 64] >> b % 64 & 1;
}

/* The first of n free blocks in a row, all in [from, to); or 0. */
static uint32_t
find_blocks(const struct wrt__arena *a, uint32_t from, uint32_t to, uint32_t n)
{
	uint32_t first = from;

	for (uint32_t b = from; b < to; b++) {
		if (b % 64 == 0 && a->used[b / 64] == UINT64_MAX) {
			b += 63;
			first = b + 1;
		} else if (is_used(a, b)) {
			first = b + 1;
		} else if (b + 1 - first == n) {
			return first;
		}
	}
	return 0;
}

/* n blocks in a row, all zero.  The last block stays free, so that a limit
 * never wraps. */
uint32_t
wrt__blocks_take(struct wrt__arena *a, uint32_t n)
{
	uint32_t first;

	pthread_mutex_lock(&a->lock);
	first = find_blocks(a, a->hint, GC_NBLOCKS - 1, n);
	if (!first)
		first = find_blocks(a, GC_FIRST, GC_NBLOCKS - 1, n);
	for (uint32_t k = 0; first && k < n; k++)
		a->used[(first + k) / 64] |= 1ull << (first + k) % 64;
	if (first)
		a->hint = first + n;
	pthread_mutex_unlock(&a->lock);
	return first;
}

/* A forked child does not give back what is its parent's: see fork.c. */
void
wrt__blocks_give(struct wrt__arena *a, uint32_t first, uint32_t n)
{
	if (a->forks != wrt__forks)
		return;
	madvise(a->base + (uint64_t)first * GC_BLOCK, (size_t)n * GC_BLOCK,
	    MADV_DONTNEED);
	memset(&a->blocks[first], 0, n * sizeof *a->blocks);
	pthread_mutex_lock(&a->lock);
	for (uint32_t k = 0; k < n; k++)
		a->used[(first + k) / 64] &= ~(1ull << (first + k) % 64);
	if (first < a->hint)
		a->hint = first;
	pthread_mutex_unlock(&a->lock);
}

/* ---- A heap's blocks ---- */

static void
empty_drop(struct wrt__heap *h)
{
	while (h->nempty) {
		wrt__blocks_give(h->arena, h->empty[--h->nempty], 1);
		h->bytes -= GC_BLOCK;
	}
}

/* n blocks for this heap, entered in its list; 0 if there are none. */
static uint32_t
take_blocks(struct wrt__heap *h, uint32_t n, bool *zeroed)
{
	struct wrt__arena *a = h->arena;
	uint32_t b;

	if (n == 1 && h->nempty) {
		b = h->empty[--h->nempty];
		*zeroed = false;
	} else {
		b = wrt__blocks_take(a, n);
		if (!b)
			return 0;
		h->bytes += (uint64_t)n * GC_BLOCK;
		*zeroed = true;
	}
	h->blocks[h->nblocks++] = b;
	for (uint32_t k = 0; k < n; k++)
		a->blocks[b + k] = (struct gc_block){ .heap = h,
		    .kind = k ? GC_TAIL : GC_OBJECTS, .n = k, .swept = true };
	return b;
}

/* ---- Sweeping ---- */

/* The first mark at or after `at`, before `end`; or end.  Both are offsets of
 * one block. */
static uint32_t
next_mark(const struct wrt__arena *a, uint32_t at, uint32_t end)
{
	while (at < end) {
		uint64_t w = a->marks[at / 512] >> at / 8 % 64;

		if (w) {
			at += 8 * (uint32_t)__builtin_ctzll(w);
			return at < end ? at : end;
		}
		at = (at | 511) + 1;
	}
	return end;
}

/* In the test mode what is free looks like nothing that is alive. */
static void
poison(const struct wrt__heap *h, uint32_t from, uint32_t to)
{
	if (h->zeal && to - from > 8)
		memset(h->arena->base + from + 8, 0xdb, to - from - 8);
}

/* The next gap of at least min bytes in block b from *at on.  Smaller ones on
 * the way are marked as gaps.  False: none; the block is swept. */
static bool
next_gap(struct wrt__heap *h, uint32_t b, uint32_t *at, uint32_t min,
    uint32_t *end)
{
	const struct wrt__arena *a = h->arena;
	uint32_t stop = (b + 1) << GC_BLOCK_LOG2;

	while (*at < stop) {
		uint32_t m = next_mark(a, *at, stop);

		if (m - *at >= min) {
			*end = m;
			return true;
		}
		gc_gap(a, *at, m);
		poison(h, *at, m);
		*at = m < stop ? m + gc_size(gc_at(a, m)) : stop;
	}
	h->arena->blocks[b].swept = true;
	return false;
}

/* A run of at least `need` bytes among what a collection left. */
static bool
sweep_run(struct wrt__heap *h, uint32_t need, uint32_t *from, uint32_t *to)
{
	uint32_t min = need > GC_MIN_RUN ? need : GC_MIN_RUN;

	for (; h->sweep < h->nblocks; h->sweep++, h->sweep_off = 0) {
		uint32_t b = h->blocks[h->sweep];
		uint32_t at = (b << GC_BLOCK_LOG2) + h->sweep_off;

		if (h->arena->blocks[b].kind != GC_OBJECTS ||
		    h->arena->blocks[b].swept)
			continue;
		if (!next_gap(h, b, &at, min, to))
			continue;
		*from = at;
		h->sweep_off = *to - (b << GC_BLOCK_LOG2);
		if (h->sweep_off == GC_BLOCK) {
			h->arena->blocks[b].swept = true;
			h->sweep++;
			h->sweep_off = 0;
		}
		return true;
	}
	return false;
}

void
wrt__heap_sweep(struct wrt__heap *h, uint32_t n)
{
	for (; n && h->sweep < h->nblocks; n--, h->sweep++, h->sweep_off = 0) {
		uint32_t b = h->blocks[h->sweep], end;
		uint32_t at = (b << GC_BLOCK_LOG2) + h->sweep_off;

		if (h->arena->blocks[b].kind == GC_OBJECTS &&
		    !h->arena->blocks[b].swept)
			next_gap(h, b, &at, GC_BLOCK + 1, &end);
	}
}

/* Where the objects that code has finished end, in a run that it was thrown
 * out of: there a header is still zero. */
static uint32_t
run_end(const struct wrt__heap *h, uint32_t at, uint32_t limit)
{
	while (at < limit) {
		const struct gc_head *o = gc_at(h->arena, at);

		if (!o->head)
			break;
		at += gc_size(o);
	}
	return at;
}

/* A trap by signal may come between the instructions of an allocation. */
void
wrt__heap_repair(wrt_instance *inst)
{
	struct wrt__group *g = wrt__group_of(&inst->group);

	if (!g->heap)
		return;
	for (wrt_instance *i = g->members; i; i = i->next) {
		const struct wrt__thread *t = atomic_load(&i->thread);

		if (i->gc.limit <= 8 || (t && t != wrt__thread))
			continue;	/* others' that share a memory */
		i->gc.cursor = run_end(g->heap, i->gc_run, i->gc.limit);
		wrt__heap_flush(g->heap, &i->gc);
	}
}

void
wrt__heap_flush(struct wrt__heap *h, struct wabi_heap *run)
{
	gc_gap(h->arena, run->cursor, run->limit);
	run->cursor = run->limit = 8;
}

/* ---- Where the next object goes ---- */

static void
set_threshold(struct wrt__heap *h)
{
	h->threshold = 2 * h->live;
	if (h->threshold < GC_MIN_HEAP)
		h->threshold = GC_MIN_HEAP;
	if (h->threshold > h->limit)
		h->threshold = h->limit;
}

/* May the heap become larger by n bytes?  One that collects and collects for
 * the last of its limit is as good as exhausted. */
static bool
may_grow(struct wrt__heap *h, wrt_instance *i, uint64_t n, bool *collected)
{
	if (h->bytes + n <= h->threshold)
		return true;
	if (!*collected) {
		*collected = true;
		if (wrt__gc(h, wrt__group_of(&i->group))) {
			set_threshold(h);
			h->full = h->live > h->limit - h->limit / 32;
			return false;
		}
	}
	if (h->full)
		return false;
	if (h->bytes + n > h->limit)
		empty_drop(h);
	if (h->bytes + n > h->limit)
		return false;
	h->threshold = h->bytes + n > h->threshold + h->threshold / 4 ?
	    h->bytes + n : h->threshold + h->threshold / 4;
	if (h->threshold > h->limit)
		h->threshold = h->limit;
	return true;
}

static uint32_t
take_large(struct wrt__heap *h, wrt_instance *i, uint64_t bytes, bool *zeroed)
{
	uint32_t n = (uint32_t)((bytes + GC_BLOCK - 1) >> GC_BLOCK_LOG2), b;
	bool collected = false;

	while (!may_grow(h, i, (uint64_t)n << GC_BLOCK_LOG2, &collected))
		if (h->full || (h->bytes + ((uint64_t)n << GC_BLOCK_LOG2) >
		    h->limit && !h->nempty))
			return 0;
	b = take_blocks(h, n, zeroed);
	if (!b)
		return 0;
	h->arena->blocks[b].kind = GC_LARGE;
	h->arena->blocks[b].n = n;
	return b << GC_BLOCK_LOG2;
}

/* The run gets at least `need` bytes. */
static bool
refill(struct wrt__heap *h, wrt_instance *i, struct wabi_heap *run,
    uint32_t need)
{
	bool collected = false, zeroed;
	uint32_t from = 0, to = 0, b;	/* a collection sees them */

	wrt__heap_flush(h, run);
	zeroed = false;
	for (;;) {
		if (collected && h->full)
			return false;
		if (sweep_run(h, need, &from, &to))
			break;
		if (h->nempty || may_grow(h, i, GC_BLOCK, &collected)) {
			b = take_blocks(h, 1, &zeroed);
			if (!b)
				return false;
			from = b << GC_BLOCK_LOG2;
			to = from + GC_BLOCK;
			break;
		}
		if (h->bytes + GC_BLOCK > h->limit && !h->nempty &&
		    h->sweep >= h->nblocks)
			return false;
	}
	/* In the test mode a run is for one object. */
	if (h->zeal && to - from > need) {
		gc_gap(h->arena, from + need, to);
		to = from + need;
	}
	if (!zeroed)
		memset(h->arena->base + from, 0, to - from);
	run->cursor = i->gc_run = from;
	run->limit = to;
	return true;
}

uint32_t
wrt__heap_take(struct wrt__heap *h, wrt_instance *i, uint64_t bytes,
    bool *zeroed)
{
	struct wabi_heap *run = &i->gc;
	uint32_t at;

	*zeroed = false;
	if (bytes > h->limit)
		return 0;
	if (h->zeal)
		wrt__gc(h, wrt__group_of(&i->group));
	if (bytes > GC_SMALL)
		return take_large(h, i, bytes, zeroed);
	if (run->limit - run->cursor < bytes &&
	    !refill(h, i, run, (uint32_t)bytes))
		return 0;
	at = run->cursor;
	run->cursor += (uint32_t)bytes;
	if (h->zeal)
		wrt__heap_flush(h, run);
	return at;
}

__attribute__((noinline)) static uint32_t
alloc(wrt_instance *i, uint32_t head, uint32_t length, uint64_t bytes,
    const void *host_low)
{
	struct wrt__heap *h = wrt__group_of(&i->group)->heap;
	struct gc_head *o;
	bool zeroed;
	uint32_t ref;

	while (h && h->arena->base != i->gc.base)
		h = h->other;
	if (!h)
		return 0;
	pthread_mutex_lock(&h->lock);
	h->host_low = host_low;
	ref = wrt__heap_take(h, i, bytes, &zeroed);
	h->host_low = NULL;
	if (ref) {
		o = gc_at(h->arena, ref);
		o->head = head;
		o->length = length;
		if (!zeroed && bytes > GC_SMALL)
			memset(o + 1, 0, bytes - sizeof *o);
	}
	pthread_mutex_unlock(&h->lock);
	return ref;
}

/* What the allocator has in its own variables, bounds of runs above all, would
 * pass for references: a collection begins above them.  The registers that
 * calls preserve may hold references of the caller: they are put in this
 * frame, above `low`. */
uint32_t
wrt__heap_alloc(wrt_instance *i, uint32_t head, uint32_t length,
    uint64_t bytes)
{
	const void *volatile low = NULL;

	__builtin_unwind_init();
	return alloc(i, head, length, bytes, (const void *)&low);
}

/* ---- Heaps and their instances ---- */

static struct wrt__arena *
pool_arena(wrt_pool *p)
{
	struct wrt__arena *a = atomic_load(&p->arena), *other = NULL;

	if (a)
		return a;
	a = arena_new();
	if (a && !atomic_compare_exchange_strong(&p->arena, &other, a)) {
		arena_put(a);
		a = other;
	}
	return a;
}

void
wrt__pool_arena_free(wrt_pool *p)
{
	arena_put(atomic_load(&p->arena));
}

static struct wrt__heap *
heap_new(wrt_pool *p)
{
	struct wrt__arena *a = pool_arena(p);
	struct wrt__heap *h = a ? wrt__calloc(1, sizeof *h) : NULL;
	const char *mode = getenv("WASMRT_GC");

	if (!h)
		return NULL;
	h->blocks = map_zero(LISTS_BYTES);
	if (!h->blocks) {
		wrt__free(h);
		return NULL;
	}
	h->empty = h->blocks + GC_NBLOCKS;
	pthread_mutex_init(&h->lock, NULL);
	atomic_fetch_add(&a->refs, 1);
	h->arena = a;
	h->limit = p->cfg.gc_heap_bytes;
	h->zeal = mode && !strcmp(mode, "zeal");
	set_threshold(h);
	return h;
}

bool
wrt__heap_fits(const struct wrt__group *g, wrt_pool *p)
{
	return !g || !g->heap || g->heap->arena == atomic_load(&p->arena);
}

int
wrt__heap_join(wrt_instance *i, struct wrt_error *err)
{
	struct wrt__group *g = wrt__group_of(&i->group);

	i->gc.cursor = i->gc.limit = 8;
	if (!i->module->uses_heap)
		return WRT_OK;
	if (!g->heap)
		g->heap = heap_new(i->pool);
	if (!g->heap)
		return wrt__fail(err, WRT_ENOMEM,
		    "no address space for a collected heap");
	i->gc.base = g->heap->arena->base;
	i->gc.rtt = wrt__type_rtt();
	return WRT_OK;
}

void
wrt__heap_leave(wrt_instance *i)
{
	struct wrt__heap *h;

	if (!i->group || !i->gc.base)
		return;
	h = wrt__group_of(&i->group)->heap;
	if (h)
		wrt__heap_flush(h, &i->gc);
}

static void
give_all(struct wrt__heap *h)
{
	struct wrt__arena *a = h->arena;

	for (uint32_t k = 0; k < h->nblocks; k++) {
		struct gc_block *b = &a->blocks[h->blocks[k]];

		wrt__blocks_give(a, h->blocks[k],
		    b->kind == GC_LARGE ? b->n : 1);
	}
	h->nblocks = h->sweep = h->sweep_off = 0;
	empty_drop(h);
	h->bytes = h->live = 0;
}

void
wrt__heap_free(struct wrt__heap *h)
{
	if (!h)
		return;
	wrt__heap_free(h->other);
	give_all(h);
	unmap(h->stack, h->stack_bytes);
	unmap(h->blocks, LISTS_BYTES);
	arena_put(h->arena);
	pthread_mutex_destroy(&h->lock);
	wrt__free(h);
}

/* Only the whole group's references can be gone. */
bool
wrt__heap_reset(wrt_instance *i)
{
	struct wrt__group *g = wrt__group_of(&i->group);

	if (!g->heap || g->heap->mixed || g->members != i || i->next || i->pinned)
		return !g->heap;
	i->gc.cursor = i->gc.limit = 8;
	give_all(g->heap);
	set_threshold(g->heap);
	return true;
}

bool
wrt__heap_unlimit(wrt_instance *i)
{
	struct wrt__heap *h = wrt__group_of(&i->group)->heap;

	if (h) {
		h->limit = i->pool->cfg.gc_heap_bytes;
		set_threshold(h);
	}
	return true;
}

void
wrt__heap_merge(struct wrt__heap *a, struct wrt__heap *b)
{
	if (a->arena != b->arena) {
		a->mixed = b->mixed = true;
		while (a->other)
			a = a->other;
		a->other = b;
		return;
	}
	pthread_mutex_lock(&a->lock);
	wrt__heap_sweep(b, UINT32_MAX);
	for (uint32_t k = 0; k < b->nblocks; k++) {
		uint32_t first = b->blocks[k];
		struct gc_block *bl = &a->arena->blocks[first];
		uint32_t n = bl->kind == GC_LARGE ? bl->n : 1;

		a->blocks[a->nblocks++] = first;
		for (uint32_t j = 0; j < n; j++)
			bl[j].heap = a;
	}
	b->nblocks = 0;
	b->bytes -= (uint64_t)b->nempty * GC_BLOCK;
	a->bytes += b->bytes;
	for (uint32_t k = 0; k < b->nempty; k++)
		wrt__blocks_give(b->arena, b->empty[k], 1);
	b->nempty = 0;
	a->live += b->live;
	set_threshold(a);
	pthread_mutex_unlock(&a->lock);
	wrt__heap_free(b);
}

void
wrt__heap_words(const struct wrt__heap *h, wrt__words_fn *fn, void *arg)
{
	const struct wrt__arena *a = h->arena;

	for (uint32_t k = 0; k < h->nblocks; k++) {
		uint32_t b = h->blocks[k];
		uint32_t n = a->blocks[b].kind == GC_LARGE ? a->blocks[b].n : 1;
		const uint8_t *at = a->base + ((uint64_t)b << GC_BLOCK_LOG2);

		fn(arg, at, at + ((uint64_t)n << GC_BLOCK_LOG2));
	}
}
