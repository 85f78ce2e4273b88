/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * gc.c: one collection.  Mark what can be reached, then let the allocator find
 * the rest; see docs/GC.md.
 *
 * It runs inside a runtime call, or from wrt_gc(), on the host's stack.  Roots
 * are exact where types are known: globals, tables, element segments.  On the
 * stacks every aligned 32-bit word that leads into an object keeps it: the
 * guest's stacks in use by this thread, those of suspended continuations, the
 * registers that the stubs have saved, and the host's stack below the outermost
 * call, so that the runtime's own variables and those of host functions count
 * too.  The collector's own frames do not: what earlier calls have left there
 * is no variable of anybody.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "heap.h"

struct gc {
	struct wrt__heap *h;
	struct wrt__arena *a;
	uint32_t *sp;			/* of the marking stack */
	const void *host_low;		/* where the caller's frames begin */
	uint64_t live;
	uint32_t id;			/* the type looked up last */
	const struct wrt__gctype *type;
};

/* ---- Marking ---- */

/* Bits of marks and starts. */
static inline bool
bit_get(const uint64_t *bits, uint32_t ref)
{
	return bits[ref / 512] >> ref / 8 % 64 & 1;
}

static inline void
bit_set(uint64_t *bits, uint32_t ref)
{
	bits[ref / 512] |= 1ull << ref / 8 % 64;
}

/* An object is pushed once, when it is marked: the stack has room for all. */
static inline void
mark(struct gc *g, uint32_t ref)
{
	if (!ref || (ref & 1) || bit_get(g->a->marks, ref))
		return;
	bit_set(g->a->marks, ref);
	__builtin_prefetch(g->a->base + ref);
	*g->sp++ = ref;
}

static inline void
mark_extern(struct gc *g, uint64_t word)
{
	if (word >> 32 == WABI_EXTERN_TAG)
		mark(g, (uint32_t)word);
}

static void
trace_array(struct gc *g, const struct wrt__gctype *t, const struct gc_head *o)
{
	const uint32_t *refs = (const uint32_t *)(o + 1);
	const uint64_t *words = (const uint64_t *)(o + 1);

	if (t->elem_ref == WRT__GCREF_HEAP)
		for (uint32_t k = 0; k < o->length; k++)
			mark(g, refs[k]);
	else if (t->elem_ref == WRT__GCREF_EXTERN)
		for (uint32_t k = 0; k < o->length; k++)
			mark_extern(g, words[k]);
}

static const struct wrt__gctype *
type_of(struct gc *g, uint32_t id)
{
	if (g->id != id) {
		g->id = id;
		g->type = wrt__type_gc(id);
	}
	return g->type;
}

static void
trace(struct gc *g, uint32_t ref)
{
	const struct gc_head *o = gc_at(g->a, ref);
	const struct wrt__gctype *t;

	switch (o->head & WABI_HEAD_KIND) {
	case WABI_HEAD_STRUCT:
		t = type_of(g, o->head & WABI_HEAD_ID);
		g->live += t->size;
		break;
	case WABI_HEAD_ARRAY:
		t = type_of(g, o->head & WABI_HEAD_ID);
		g->live += gc_round(8 + (uint64_t)o->length * t->elem_bytes);
		trace_array(g, t, o);
		return;
	default:
		g->live += gc_size(o);
		return;
	}
	for (uint32_t k = 0; k < t->nrefs; k++) {
		const void *at = (const uint8_t *)o +
		    (t->refs[k] & ~(uint32_t)WRT__GCREF_MASK);

		if (t->refs[k] & WRT__GCREF_HEAP)
			mark(g, *(const uint32_t *)at);
		else
			mark_extern(g, *(const uint64_t *)at);
	}
}

static void
drain(struct gc *g)
{
	while (g->sp != g->h->stack)
		trace(g, *--g->sp);
}

/* ---- Words that may be references ---- */

/* Where objects begin in block b. */
static void
index_block(struct wrt__arena *a, uint32_t b)
{
	uint32_t at = b << GC_BLOCK_LOG2, end = at + GC_BLOCK;

	memset((uint8_t *)a->starts + (size_t)b * GC_MARK_BYTES, 0,
	    GC_MARK_BYTES);
	while (at < end) {
		const struct gc_head *o = gc_at(a, at);

		if (o->head)
			bit_set(a->starts, at);
		at += gc_size(o);
	}
	a->blocks[b].indexed = true;
}

/* The last start at or before `at` in its block; 0: none. */
static uint32_t
last_start(const struct wrt__arena *a, uint32_t at)
{
	uint32_t w = at / 512, first = (at >> GC_BLOCK_LOG2) *
	    (GC_BLOCK / 512);
	uint64_t bits = a->starts[w] & (~0ull >> (63 - at / 8 % 64));

	while (!bits) {
		if (w == first)
			return 0;
		bits = a->starts[--w];
	}
	return w * 512 + 8 * (63 - (uint32_t)__builtin_clzll(bits));
}

/* The end of an array: code that runs through one may have nothing else of it
 * left.  Other objects are not found by their ends: the end of a run is one. */
static void
visit_end(struct gc *g, uint32_t at)
{
	uint32_t b = (at - 8) >> GC_BLOCK_LOG2, s;

	if (at % 8)
		return;
	if (!g->a->blocks[b].indexed)
		index_block(g->a, b);
	s = last_start(g->a, at - 8);
	if (s && (gc_at(g->a, s)->head & WABI_HEAD_KIND) == WABI_HEAD_ARRAY &&
	    at - s == gc_size(gc_at(g->a, s)))
		mark(g, s);
}

static void
visit_small(struct gc *g, uint32_t at)
{
	uint32_t b = at >> GC_BLOCK_LOG2, s;

	if (!g->a->blocks[b].indexed)
		index_block(g->a, b);
	s = last_start(g->a, at);
	if (s && at - s < gc_size(gc_at(g->a, s)))
		mark(g, s);
	if (at % GC_BLOCK)
		visit_end(g, at);
}

static void
visit(struct gc *g, uint32_t at)
{
	uint32_t b = at >> GC_BLOCK_LOG2;
	const struct gc_block *bl = &g->a->blocks[b];

	if (bl->heap != g->h)
		return;
	if (bl->kind == GC_OBJECTS)
		visit_small(g, at);
	else if (bl->kind == GC_LARGE)
		mark(g, b << GC_BLOCK_LOG2);
	else if (bl->kind == GC_TAIL)
		mark(g, (b - bl->n) << GC_BLOCK_LOG2);
}

/* A word at the end of a block may be the end of what is in the block before
 * it. */
static void
visit_word(struct gc *g, uint32_t at)
{
	const struct gc_block *before = &g->a->blocks[(at - 1) >> GC_BLOCK_LOG2];

	visit(g, at);
	if (at % GC_BLOCK || before->heap != g->h)
		return;
	if (before->kind == GC_OBJECTS)
		visit_end(g, at);
	else
		visit(g, at - 1);
}

__attribute__((no_sanitize("address"))) static void
visit_range(void *arg, const void *from, const void *to)
{
	const uint32_t *p = (const void *)((uintptr_t)from & ~(uintptr_t)3);

	for (; p < (const uint32_t *)to; p++)
		if (*p >> GC_BLOCK_LOG2 >= GC_FIRST)
			visit_word(arg, *p);
}

/* ---- Roots ---- */

/* From where the caller's frames and registers are, up to the outermost
 * call's. */
static void
visit_host_stack(struct gc *g)
{
	struct wrt__act *a = wrt__act;

	if (!a)
		return;
	while (a->prev)
		a = a->prev;
	visit_range(g, g->host_low, a + 1);
}

static void
mark_word(struct gc *g, const struct wabi_valtype *t, uint64_t word)
{
	if (t->type == WABI_ANYREF)
		mark(g, (uint32_t)word);
	else if (t->type == WABI_EXTERNREF)
		mark_extern(g, word);
}

static void
mark_payload(void *arg, const union wabi_val *vals, const uint8_t *types,
    uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		struct wabi_valtype t = { .type = types[k] };

		mark_word(arg, &t, vals[k].i64);
	}
}

static void
mark_segments(struct gc *g, const wrt_instance *i)
{
	const struct wabi_elem_info *e = WRT__META(i->module, elems);

	for (uint32_t k = 0; i->elem_vals && k < i->module->meta->elems.n; k++)
		for (uint32_t j = 0; i->elem_vals[k] && j < e[k].inits.n; j++)
			mark_word(g, &e[k].type, i->elem_vals[k][j]);
}

static void
mark_instance(struct gc *g, const wrt_instance *i)
{
	for (uint32_t k = 0; k < i->module->nglobals; k++)
		if (i->globals[k].cell)
			mark_word(g, &i->globals[k].type,
			    i->globals[k].cell->i64);
	for (uint32_t k = 0; k < i->module->ntables; k++) {
		const struct wrt_table *t = i->tables[k];
		bool refs = t && (t->type.type == WABI_ANYREF ||
		    t->type.type == WABI_EXTERNREF);

		for (uint64_t j = 0; refs && j < t->t.size; j++)
			mark_word(g, &t->type, t->t.base[j]);
	}
	mark_segments(g, i);
	wrt__exns_each(i, mark_payload, g);
}

static void
mark_roots(struct gc *g, const struct wrt__group *group)
{
	for (const wrt_instance *i = group->members; i; i = i->next) {
		mark_instance(g, i);
		wrt__words_of_conts(i, visit_range, g);
		wrt__words_of_call(i->suspended, visit_range, g);
	}
	for (uint32_t k = 0; k < g->h->nargs; k++)
		mark_extern(g, g->h->args[k].u64[0]);
	wrt__words_of_acts(visit_range, g);
	visit_host_stack(g);
}

/* ---- Before and after ---- */

/* Nobody else may be at work in the group. */
static bool
alone(const struct wrt__group *group)
{
	const struct wrt__thread *self = wrt__thread;

	if (wrt__suspended_anywhere(group))
		return false;
	for (const wrt_instance *i = group->members; i; i = i->next) {
		const struct wrt__thread *t = atomic_load(&i->thread);

		if (t && t != self)
			return false;
	}
	return true;
}

/* Room for every object there can be: the smallest has 8 bytes. */
static bool
stack_room(struct wrt__heap *h)
{
	size_t n = (size_t)h->bytes / 2 + 4096;
	void *p;

	if (n <= h->stack_bytes)
		return true;
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
	    MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	if (h->stack)
		munmap(h->stack, h->stack_bytes);
	h->stack = p;
	h->stack_bytes = n;
	return true;
}

/* What lives in a block that was not swept since the last collection is what
 * was marked then.  That is its index; the dead must not be found again, for
 * what they refer to may be gone. */
static void
unmark(struct wrt__arena *a, uint32_t b)
{
	struct gc_block *bl = &a->blocks[b];
	size_t at = (size_t)b * GC_MARK_BYTES;

	bl->indexed = bl->kind == GC_OBJECTS && !bl->swept;
	if (bl->indexed)
		memcpy((uint8_t *)a->starts + at, (uint8_t *)a->marks + at,
		    GC_MARK_BYTES);
	memset((uint8_t *)a->marks + at, 0, GC_MARK_BYTES);
}

/* No run is in use, nothing is marked. */
static void
prepare(struct wrt__heap *h, struct wrt__group *group)
{
	struct wrt__arena *a = h->arena;

	for (wrt_instance *i = group->members; i; i = i->next)
		wrt__heap_flush(h, &i->gc);
	wrt__heap_sweep(h, 1);
	for (uint32_t k = 0; k < h->nblocks; k++)
		unmark(a, h->blocks[k]);
}

static bool
is_unmarked(const struct wrt__arena *a, uint32_t b)
{
	const uint64_t *m = a->marks + (size_t)b * (GC_MARK_BYTES / 8);

	for (uint32_t k = 0; k < GC_MARK_BYTES / 8; k++)
		if (m[k])
			return false;
	return true;
}

/* In the test mode what is free looks like nothing that is alive. */
static void
poison(const struct wrt__heap *h, uint32_t b)
{
	if (h->zeal)
		memset(h->arena->base + ((uint64_t)b << GC_BLOCK_LOG2), 0xdb,
		    GC_BLOCK);
}

/* Blocks without a marked object are free: large ones go back to the arena,
 * some of the others stay with the heap, which will want them soon. */
static void
release(struct wrt__heap *h, uint64_t live)
{
	struct wrt__arena *a = h->arena;
	uint32_t kept = 0;

	for (uint32_t k = 0; k < h->nblocks; k++) {
		uint32_t b = h->blocks[k];
		struct gc_block *bl = &a->blocks[b];
		uint32_t n = bl->kind == GC_LARGE ? bl->n : 1;

		if (!is_unmarked(a, b)) {
			bl->swept = false;
			h->blocks[kept++] = b;
		} else if (bl->kind == GC_LARGE || h->bytes > 2 * live +
		    (8u << 20)) {
			wrt__blocks_give(a, b, n);
			h->bytes -= (uint64_t)n << GC_BLOCK_LOG2;
		} else {
			poison(h, b);
			bl->kind = GC_NONE;
			h->empty[h->nempty++] = b;
		}
	}
	h->nblocks = kept;
	h->sweep = h->sweep_off = 0;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void
count(struct wrt__heap *h, uint64_t ns)
{
	h->ncollections++;
	h->pause_ns += ns;
	if (ns > h->max_pause_ns)
		h->max_pause_ns = ns;
}

__attribute__((noinline)) static bool
collect(struct wrt__heap *h, struct wrt__group *group, const void *host_low)
{
	struct gc g = { .h = h, .a = h->arena, .host_low = host_low };
	uint64_t begin = now_ns();

	if (h->mixed || !alone(group) || !stack_room(h))
		return false;
	g.sp = h->stack;
	prepare(h, group);
	mark_roots(&g, group);
	drain(&g);
	h->live = g.live;
	release(h, g.live);
	if (h->live > 64u << 20)
		madvise(h->stack, h->stack_bytes, MADV_DONTNEED);
	count(h, now_ns() - begin);
	return true;
}

/* As wrt__heap_alloc() does, for a collection that the host asks for. */
bool
wrt__gc(struct wrt__heap *h, struct wrt__group *group)
{
	const void *volatile low = NULL;

	__builtin_unwind_init();
	return collect(h, group, h->host_low ? h->host_low :
	    (const void *)&low);
}
