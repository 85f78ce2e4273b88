/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pages.c: the pages of one memory.
 *
 *   userfaultfd  Every page of the slot may be written; an absent one raises
 *                SIGBUS in the thread that touches it, and the handler puts it
 *                there, from the image or zero, if it is below the memory's
 *                size.  bits says which pages are there.  Growing is a store.
 *                Reset copies the image back over the pages that are there, or
 *                gives them back if they are many.  Invariant: no page at or
 *                above the size is present.
 *   others       The image is mapped copy-on-write, the rest is anonymous;
 *                what is beyond the size is inaccessible.  Reset drops the
 *                private pages, or, with PAGEMAP_SCAN, copies back the few
 *                that were written.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rt.h"
#include "pagemap.h"

#define PAGE		4096ull
#define COPY_MAX	64u		/* pages copied back; more are given up */
#define HUNGRY		16u		/* pages after which we serve by the 16 */
#define TABLE		(2ull << 20)	/* what one page table is for */
#define FENCE_TRAPS	2u		/* after which there is a fence */
#define MAX_FENCES	1024u		/* of the process */
#define GREEDY		256u		/* and by the 64 */

static uint64_t
round_page(uint64_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

/* ---- The image ---------------------------------------------------------- */

/* The run that holds off, or NULL; *end: how far this answer holds. */
static const struct wrt__run *
run_at(const struct wrt_memory *m, uint64_t off, uint64_t *end)
{
	uint32_t lo = 0, hi = m->nruns;

	while (lo < hi) {		/* first run that ends after off */
		uint32_t mid = lo + (hi - lo) / 2;

		if (m->runs[mid].mem_off + m->runs[mid].bytes <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == m->nruns) {
		*end = UINT64_MAX;
		return NULL;
	}
	if (m->runs[lo].mem_off > off) {
		*end = m->runs[lo].mem_off;
		return NULL;
	}
	*end = m->runs[lo].mem_off + m->runs[lo].bytes;
	return &m->runs[lo];
}

/* Make present pages [off, end) what they were at the start. */
static void
restore(struct wrt_memory *m, uint64_t off, uint64_t end)
{
	while (off < end) {
		uint64_t stop;
		const struct wrt__run *r = run_at(m, off, &stop);

		if (stop > end)
			stop = end;
		if (r)
			wrt__copy_page(m->m.base + off,
			    r->from + (off - r->mem_off), stop - off);
		else
			wrt__clear_page(m->m.base + off, stop - off);
		off = stop;
	}
}

/* ---- userfaultfd -------------------------------------------------------- */

static bool
bit_get(const struct wrt_memory *m, uint64_t page)
{
	return atomic_load_explicit(&m->bits[page / 64], memory_order_relaxed)
	    >> (page % 64) & 1;
}

static void
bits_set(struct wrt_memory *m, uint64_t page, uint64_t n)
{
	uint64_t top = (page + n + 63) / 64;
	uint64_t old = atomic_load(&m->top_word), fresh = 0;

	for (uint64_t k = page; k < page + n; k++) {
		uint64_t bit = 1ull << (k % 64);

		if (!(atomic_fetch_or_explicit(&m->bits[k / 64], bit,
		    memory_order_relaxed) & bit))
			fresh++;
	}
	while (old < top && !atomic_compare_exchange_weak(&m->top_word, &old,
	    top))
		;
	atomic_fetch_add(&m->nresident, fresh);
}

/* Put pages [off, end) there; they are all of the image or all zero.  Other
 * threads may do the same at the same time: the kernel then stops at the first
 * page that is there, and says how many bytes it did before. */
static bool
uffd_fill(struct wrt_memory *m, const struct wrt__run *r, uint64_t off,
    uint64_t end)
{
	int fd = m->pool->slab.fd, rc;
	int64_t done;

	do {
		if (r) {
			struct uffdio_copy c = {
				.dst = (uintptr_t)m->m.base + off,
				.src = (uintptr_t)r->from + (off - r->mem_off),
				.len = end - off,
			};
			rc = ioctl(fd, UFFDIO_COPY, &c);
			done = c.copy;
		} else {
			struct uffdio_zeropage z = {
				.range = { (uintptr_t)m->m.base + off,
				    end - off },
			};
			rc = ioctl(fd, UFFDIO_ZEROPAGE, &z);
			done = z.zeropage;
		}
	} while (rc < 0 && errno == EAGAIN && end - off == PAGE);
	if (rc < 0 && (errno != EEXIST || end - off != PAGE)) {
		if (done > 0)
			bits_set(m, off / PAGE, (uint64_t)done / PAGE);
		return false;
	}
	bits_set(m, off / PAGE, (end - off) / PAGE);
	return true;
}

/* The absent pages around off that may come at once: [*from, *to). */
static void
uffd_chunk(const struct wrt_memory *m, uint64_t off, uint64_t limit,
    uint64_t *from, uint64_t *to)
{
	uint64_t chunk = PAGE * (m->nresident >= GREEDY ? 64 : 16);
	uint64_t lo = off & ~(chunk - 1), hi = lo + chunk;

	if (hi > limit)
		hi = limit;
	*from = off;
	while (*from > lo && !bit_get(m, *from / PAGE - 1))
		*from -= PAGE;
	*to = off + PAGE;
	while (*to < hi && !bit_get(m, *to / PAGE))
		*to += PAGE;
}

/* Memories that belong to no instance count with their pool. */
static void
served(struct wrt_memory *m)
{
	wrt__count *n = atomic_load_explicit(&m->refs, memory_order_relaxed) ?
	    &m->pool->shared_faults : &m->nfaults;

	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

/* Is page k usual, absent, and are there pages this far? */
static bool
is_due(const struct wrt_memory *m, uint64_t k, uint64_t npages)
{
	return k < npages && k < WRT__USUAL && atomic_load_explicit(
	    &m->usual->pages[k / 64], memory_order_relaxed) >> (k % 64) & 1 &&
	    !bit_get(m, k);
}

/* What memories of this image usually need: all at once takes little more than
 * one page.  Pages without an image are likely to be written, so that the
 * kernel's page of zeros would only make for a second fault. */
static void
uffd_usual(struct wrt_memory *m, uint64_t npages)
{
	for (uint64_t k = 0, end; k < npages && k < WRT__USUAL; k = end) {
		const struct wrt__run *r;
		struct wrt__run zeros;
		uint64_t stop;

		end = k + 1;
		if (k % 64 == 0 && !m->usual->pages[k / 64])
			end = k + 64;
		if (!is_due(m, k, npages))
			continue;
		r = run_at(m, k * PAGE, &stop);
		if (!r && (r = wrt__slab_zeros(&zeros, k * PAGE)) &&
		    stop > zeros.mem_off + zeros.bytes)
			stop = zeros.mem_off + zeros.bytes;
		while (end < stop / PAGE && is_due(m, end, npages))
			end++;
		uffd_fill(m, r, k * PAGE, end * PAGE);
	}
}

/* Of its guests the first touches it, or is about to. */
static void
uffd_begin(struct wrt_memory *m, uint64_t bytes)
{
	m->begun = true;
	m->watched = wrt__usual_begin(m->usual);
	if (!m->watched)
		uffd_usual(m, round_page(bytes) / PAGE);
}

void
wrt__pages_begin(struct wrt_memory *m)
{
	if (m->mode == WRT__UFFD && m->usual && !m->begun)
		uffd_begin(m, wrt__mem_bytes(m));
}

/* True if that was it. */
static bool
uffd_first(struct wrt_memory *m, uint64_t off, uint64_t bytes)
{
	uffd_begin(m, bytes);
	return bit_get(m, off / PAGE);
}

static void
uffd_note(const struct wrt_memory *m, uint64_t from, uint64_t to)
{
	if (m->watched)
		wrt__usual_note(m->usual, from / PAGE, (to - from) / PAGE);
}

/* From signal handlers. */
bool
wrt__pages_serve(struct wrt_memory *m, uint64_t off)
{
	uint64_t bytes = wrt__mem_bytes(m), from, to, stop;
	const struct wrt__run *r;
	int e = errno;
	bool ok;

	/* In a forked child the descriptor still means the parent's memory. */
	if (m->mode != WRT__UFFD || off >= bytes ||
	    m->pool->forks != wrt__forks)
		return false;
	off &= ~(PAGE - 1);
	if (m->usual && !m->begun && uffd_first(m, off, bytes)) {
		served(m);
		errno = e;
		return true;
	}
	if (atomic_load(&m->nresident) >= HUNGRY) {
		uffd_chunk(m, off, round_page(bytes), &from, &to);
		r = run_at(m, from, &stop);
		if (stop >= to && uffd_fill(m, r, from, to)) {
			served(m);
			uffd_note(m, from, to);
			errno = e;
			return true;
		}
	}
	r = run_at(m, off, &stop);
	ok = uffd_fill(m, r, off, off + PAGE);
	if (ok) {
		served(m);
		uffd_note(m, off, off + PAGE);
	}
	errno = e;
	return ok;
}

static int
uffd_present(struct wrt_memory *m, uint64_t off, uint64_t n)
{
	uint64_t end = off + n;

	for (off &= ~(PAGE - 1); off < end; off += PAGE)
		if (!bit_get(m, off / PAGE) && !wrt__pages_serve(m, off))
			return WRT_ENOMEM;
	return WRT_OK;
}

/* Where a fault beyond the size has left a page table for nothing: it goes with
 * the last page of its 2 MiB, on kernels that have PT_RECLAIM; elsewhere this
 * changes nothing.  One such place may stay for each memory, since a guest that
 * faults there may do so again, and a table that is there makes it half as
 * dear.  Of a shared memory nothing can be given back before its end: another
 * thread may have grown it there. */
static void
table_drop(struct wrt_memory *m)
{
	const struct wrt__slab *s = &m->pool->slab;
	uint64_t off = m->far, size;

	if (!off)
		return;
	m->far = 0;
	size = round_page(wrt__mem_bytes(m));
	if (m->limits.shared) {
		off = off < size ? size : off;
		madvise(m->m.base + off, s->stride - s->guard - off,
		    MADV_DONTNEED);
	} else if (off >= size) {
		madvise(m->m.base + off, TABLE, MADV_DONTNEED);
	}
}

/* All of it must be beyond the memory's size, and of the same slot. */
static void
table_note(struct wrt_memory *m, int64_t off)
{
	if (off <= 0 || (uint64_t)off < round_page(wrt__mem_bytes(m)) ||
	    (uint64_t)off + TABLE > m->pool->slab.stride)
		return;
	if (m->limits.shared) {
		uint64_t old = atomic_load(&m->far);

		while ((!old || (uint64_t)off < old) &&
		    !atomic_compare_exchange_weak(&m->far, &old,
		    (uint64_t)off))
			;
	} else if (m->far != (uint64_t)off) {
		table_drop(m);
		m->far = (uint64_t)off;
	}
}

/* ---- Fences ---------------------------------------------------------------
 *
 * Where a page is userfaultfd's the kernel makes one before it finds that it
 * must not give it, twice as dear as to find nothing mapped.  So a memory whose
 * guests fault beyond its size again is made inaccessible there: it takes two
 * mappings more, of which a process has not many, until the memory grows or its
 * slot is another's.  A reset leaves the fence where it is.
 */
static atomic_uint nfences;

static uint64_t
fence_end(const struct wrt_memory *m)
{
	const struct wrt__slab *s = &m->pool->slab;

	return s->stride - s->guard;
}

static void
fence_put(struct wrt_memory *m)
{
	uint64_t off = round_page(wrt__mem_bytes(m)), end = fence_end(m);

	if (m->dense || m->limits.shared || !off || off >= end)
		return;
	if (atomic_fetch_add(&nfences, 1) >= MAX_FENCES) {
		atomic_fetch_sub(&nfences, 1);
		return;
	}
	table_drop(m);
	if (mprotect(m->m.base + off, end - off, PROT_NONE) < 0)
		atomic_fetch_sub(&nfences, 1);
	else
		m->fence = off;
}

static int
fence_remove(struct wrt_memory *m)
{
	uint64_t off = m->fence, end = fence_end(m);

	if (!off)
		return WRT_OK;
	if (mprotect(m->m.base + off, end - off, PROT_READ | PROT_WRITE) < 0)
		return WRT_ENOMEM;
	m->fence = 0;
	m->ntraps = 0;
	atomic_fetch_sub(&nfences, 1);
	return WRT_OK;
}

/* By the thread that has the claim of the instance that trapped: nobody grows
 * the memory meanwhile, unless it is shared. */
void
wrt__pages_trapped(void *addr)
{
	uintptr_t p = (uintptr_t)addr & ~(TABLE - 1);
	struct wrt_memory *m;
	int64_t off;

	if (!wrt__ranges_find((uintptr_t)addr, &m, &off) || !m ||
	    m->mode != WRT__UFFD || m->pool->forks != wrt__forks)
		return;
	table_note(m, off - (int64_t)((uintptr_t)addr - p));
	if (m->ntraps < FENCE_TRAPS && ++m->ntraps == FENCE_TRAPS)
		fence_put(m);
}

static void
uffd_drop(struct wrt_memory *m, uint64_t w, uint64_t end)
{
	wrt__slab_drop(&m->pool->slab, (uint32_t)m->slot, w, end);
}

/* Pages at or above the size must not be there. */
static void
uffd_cut(struct wrt_memory *m, uint64_t bytes)
{
	uint64_t page = round_page(bytes) / PAGE, w = page / 64;
	uint64_t top = m->top_word;

	if (w >= top)
		return;
	if (page % 64 && m->bits[w] >> (page % 64)) {
		uint64_t end = (w + 1) * 64 * PAGE;

		if (end > m->pool->slab.stride)
			end = m->pool->slab.stride;
		madvise(m->m.base + page * PAGE, end - page * PAGE,
		    MADV_DONTNEED);
		m->bits[w] &= (1ull << (page % 64)) - 1;
	}
	uffd_drop(m, page % 64 ? w + 1 : w, top);
	m->top_word = page % 64 ? w + 1 : w;
}

static uint64_t
uffd_count(const struct wrt_memory *m)
{
	uint64_t n = 0;

	for (uint64_t w = 0; w < m->top_word; w++)
		n += (uint64_t)__builtin_popcountll(m->bits[w]);
	return n;
}

/* Bring a slot's pages, whatever they hold, to the image. */
static void
uffd_reset(struct wrt_memory *m, uint64_t bytes)
{
	uint64_t n;

	uffd_cut(m, bytes);
	table_drop(m);
	n = uffd_count(m);
	if (n > COPY_MAX) {
		uffd_drop(m, 0, m->top_word);
		n = m->top_word = 0;
	}
	/* Nobody else is there: no barrier. */
	atomic_store_explicit(&m->nresident, n, memory_order_relaxed);
	if (!n) {
		m->begun = m->watched = false;
		return;
	}
	for (uint64_t w = 0; w < m->top_word; w++)
		for (uint64_t b = m->bits[w]; b; b &= b - 1) {
			uint64_t page = w * 64 +
			    (uint64_t)__builtin_ctzll(b);

			restore(m, page * PAGE, (page + 1) * PAGE);
		}
}

/* ---- Mapped ------------------------------------------------------------- */

static int
mapped_image(struct wrt_memory *m)
{
	m->copied = m->dense;		/* no mapping of its own */
	for (uint32_t k = 0; k < m->nruns && !m->copied; k++) {
		const struct wrt__run *r = &m->runs[k];

		if (mmap(m->m.base + r->mem_off, r->bytes,
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED |
		    MAP_NORESERVE, m->fd, r->fd_off) == MAP_FAILED)
			m->copied = true;	/* larger pages, say */
	}
	if (m->copied)
		for (uint32_t k = 0; k < m->nruns; k++)
			memcpy(m->m.base + m->runs[k].mem_off,
			    m->runs[k].from, m->runs[k].bytes);
	return WRT_OK;
}

static int
mapped_grow(struct wrt_memory *m, uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	bytes = (bytes + page - 1) & ~(page - 1);
	if (bytes <= m->open_bytes)
		return WRT_OK;
	if (!m->dense && mprotect(m->m.base + m->open_bytes, bytes - m->open_bytes,
	    PROT_READ | PROT_WRITE) < 0)
		return WRT_ENOMEM;
	m->open_bytes = bytes;
	return WRT_OK;
}

/* Close what is beyond bytes and forget what was there. */
static int
mapped_cut(struct wrt_memory *m, uint64_t bytes)
{
	uint8_t *p;

	bytes = round_page(bytes);
	if (m->open_bytes <= bytes)
		return WRT_OK;
	if (m->dense) {
		if (madvise(m->m.base + bytes, m->open_bytes - bytes,
		    MADV_DONTNEED) < 0)
			return WRT_ESYS;
		m->open_bytes = bytes;
		return WRT_OK;
	}
	p = mmap(m->m.base + bytes, m->open_bytes - bytes, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED)
		return WRT_ENOMEM;
	if (m->slot >= 0)
		madvise(p, m->open_bytes - bytes, MADV_NOHUGEPAGE);
	m->open_bytes = bytes;
	return WRT_OK;
}

/* Copy back the pages that were written; false if they are too many, or the
 * kernel does not say. */
static bool
pagemap_reset(struct wrt_memory *m)
{
	struct pagemap_region r[COPY_MAX];
	long n = m->copied && !m->dense ? -1 : pagemap_dirty(m->pool->slab.fd, m->m.base,
	    m->open_bytes, r, COPY_MAX);

	for (long k = 0; k < n; k++)
		restore(m, r[k].start - (uintptr_t)m->m.base,
		    r[k].end - (uintptr_t)m->m.base);
	return n >= 0;
}

static int
mapped_reset(struct wrt_memory *m)
{
	int rc = mapped_cut(m, m->start_bytes);

	if (rc != WRT_OK || !m->open_bytes)
		return rc;
	if (m->mode == WRT__PAGEMAP && pagemap_reset(m))
		return WRT_OK;
	if (madvise(m->m.base, m->open_bytes, MADV_DONTNEED) < 0)
		return WRT_ESYS;
	return m->copied ? mapped_image(m) : WRT_OK;
}

/* ---- One memory's life -------------------------------------------------- */

/* What the memory may ever have, in bytes. */
static uint64_t
reserve_of(const wrt_pool *pool, const struct wabi_limits *l)
{
	uint64_t cap = pool->cfg.max_memory_bytes;

	if (l->max <= cap >> l->page_log2)
		cap = l->max << l->page_log2;
	if (!l->is64 && cap > 4ull << 30)
		cap = 4ull << 30;
	return cap >> l->page_log2 << l->page_log2;
}

static int
map_own(struct wrt_memory *m, struct wrt_error *err)
{
	uint64_t above = WABI_RESERVE;

	if (m->limits.is64)
		above = round_page(m->reserved) + WABI_GUARD_AFTER;
	m->map_bytes = WABI_GUARD_BEFORE + above;
	m->map = mmap(NULL, m->map_bytes, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return wrt__fail(err, WRT_ENOMEM,
		    "no address space for a memory: %s", strerror(errno));
	}
	m->m.base = m->map + WABI_GUARD_BEFORE;
	if (wrt__ranges_add((uintptr_t)m->map, (uintptr_t)m->map +
	    m->map_bytes, NULL, m) != WRT_OK)
		return wrt__fail(err, WRT_ELIMIT, "too many memories");
	return WRT_OK;
}

static int
take_slot(struct wrt_memory *m, struct wrt_error *err)
{
	struct wrt__slab *s = &m->pool->slab;

	while ((m->slot = wrt__slab_take(s)) < 0)
		if (!wrt__park_reclaim(m->pool))
			break;
	if (m->slot < 0)
		return wrt__fail(err, WRT_ELIMIT,
		    "the pool has no free memory slot (it has %u)", s->n);
	m->m.base = s->first + (uint64_t)m->slot * s->stride;
	m->dense = !s->guard;
	if (m->mode == WRT__UFFD) {
		m->bits = s->bits + (uint64_t)m->slot * s->slot_words;
		m->top_word = s->top[m->slot];
	}
	return WRT_OK;
}

static int
pages_place(struct wrt_memory *m, struct wrt_error *err)
{
	int rc;

	if (m->mode == WRT__PLAIN)
		rc = map_own(m, err);
	else
		rc = take_slot(m, err);
	if (rc != WRT_OK)
		return rc;
	if (m->mode == WRT__UFFD) {
		uffd_reset(m, m->start_bytes);
	} else if (mapped_grow(m, m->start_bytes) != WRT_OK ||
	    mapped_image(m) != WRT_OK) {
		return wrt__fail(err, WRT_ENOMEM,
		    "no memory for %llu bytes of guest memory",
		    (unsigned long long)m->start_bytes);
	}
	return WRT_OK;
}

/* What the memory may grow to.  Code for a memory of 32-bit addresses that
 * declares no maximum takes for granted that it ends a page before 2^32. */
static uint64_t
limit_of(const struct wrt_memory *m, const struct wabi_limits *limits)
{
	uint64_t pages = m->reserved >> limits->page_log2;
	uint64_t most = (1ull << 32) / WABI_PAGE_BYTES - 1;

	if (limits->is64 || limits->page_log2 != 16 ||
	    limits->max != UINT64_MAX || limits->min >= most)
		return pages;
	return pages < most ? pages : most;
}

/* mem is all zero; after a failure it may be given to wrt__pages_close. */
int
wrt__pages_open(struct wrt_memory *m, wrt_pool *pool,
    const struct wabi_limits *limits, const struct wrt__run *runs,
    uint32_t nruns, int fd, struct wrt_error *err)
{
	int rc;

	pthread_mutex_init(&m->lock, NULL);
	m->pool = pool;
	m->limits = *limits;
	m->slot = -1;
	m->mode = limits->is64 && !(pool->cfg.flags & WRT_POOL_DENSE) ?
	    WRT__PLAIN : pool->mode;
	m->runs = runs;
	m->nruns = nruns;
	m->fd = fd;
	m->reserved = reserve_of(pool, limits);
	if (limits->min > m->reserved >> limits->page_log2)
		return wrt__fail(err, WRT_ELIMIT, "a memory of %llu pages is "
		    "more than the pool's limit of %llu bytes",
		    (unsigned long long)limits->min,
		    (unsigned long long)pool->cfg.max_memory_bytes);
	m->start_bytes = limits->min << limits->page_log2;
	m->limit_pages = limit_of(m, limits);
	rc = pages_place(m, err);
	if (rc != WRT_OK)
		return rc;
	m->m.max_pages = m->limit_pages;
	m->m.pages = limits->min;
	m->m.bytes = m->start_bytes;
	if (m->slot >= 0)
		atomic_store(&pool->slab.owner[m->slot], m);
	return WRT_OK;
}

/* The next one brings the pages that stay to its own image. */
static void
uffd_leave(struct wrt_memory *m)
{
	struct wrt__slab *s = &m->pool->slab;
	uint64_t n = uffd_count(m);

	table_drop(m);
	if (atomic_load(s->idle_bytes) + n * PAGE > m->pool->cfg.idle_bytes) {
		uffd_drop(m, 0, m->top_word);
		m->top_word = n = 0;
	}
	s->top[m->slot] = m->top_word;
	s->kept[m->slot] = (uint32_t)n;
}

void
wrt__pages_close(struct wrt_memory *m)
{
	if (m->map) {
		wrt__ranges_remove((uintptr_t)m->map);
		munmap(m->map, m->map_bytes);
		m->map = NULL;
	}
	/* A forked child keeps off its parent's slots: see fork.c. */
	if (m->slot >= 0 && m->pool && m->pool->forks == wrt__forks) {
		struct wrt__slab *s = &m->pool->slab;

		atomic_store(&s->owner[m->slot], NULL);
		if (fence_remove(m) != WRT_OK)
			return;		/* never used again */
		if (m->mode == WRT__UFFD)
			uffd_leave(m);
		else if (mapped_cut(m, 0) != WRT_OK)
			return;
		wrt__slab_give(s, (uint32_t)m->slot);
	}
	m->slot = -1;
}

int
wrt__pages_reset(struct wrt_memory *m)
{
	int rc = WRT_OK;

	/* Who counts bytes may be looking. */
	__atomic_store_n(&m->m.bytes, m->start_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&m->m.pages, m->limits.min, __ATOMIC_RELAXED);
	if (m->mode == WRT__UFFD)
		uffd_reset(m, m->start_bytes);
	else
		rc = mapped_reset(m);
	return rc;
}

void
wrt__pages_unlimit(struct wrt_memory *m)
{
	m->limit_pages = m->m.max_pages = limit_of(m, &m->limits);
}

uint64_t
wrt__pages_resident(const struct wrt_memory *m)
{
	if (m->mode == WRT__UFFD)
		return m->nresident * PAGE;
	return m->mode == WRT__PAGEMAP ? COPY_MAX * PAGE : 0;
}

uint64_t
wrt__pages_held(const struct wrt_memory *m)
{
	return m->mode == WRT__UFFD ? atomic_load_explicit(&m->nresident,
	    memory_order_relaxed) * PAGE : wrt__mem_bytes(m);
}

int
wrt__pages_grow(struct wrt_memory *m, uint64_t bytes)
{
	if (m->mode != WRT__UFFD)
		return mapped_grow(m, bytes);
	return bytes > m->fence ? fence_remove(m) : WRT_OK;
}

int
wrt__pages_present(struct wrt_memory *m, uint64_t off, uint64_t n)
{
	return m->mode == WRT__UFFD ? uffd_present(m, off, n) : WRT_OK;
}
