/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slab.c: address space in equal slots, and the list of all address space that
 * belongs to guests' memories, which the fault handler searches.
 *
 * A wide slot is 4 GiB and a guard.  The guard before a memory is the end of the
 * slot below it.  A dense one is as large as a memory may become, and has no
 * guard: only code that checks every access may use it.  With userfaultfd all slots are one readable and writable
 * mapping, so that an instance costs no mapping of its own and nothing changes
 * when it comes, grows or goes; else wide slots are inaccessible and pages.c
 * opens them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt.h"

#define PAGE		4096ull

/* ---- Ranges -------------------------------------------------------------
 *
 * Entries are written under the lock and read without: lo is stored last and
 * cleared first, and read again after the others.
 */
#define NRANGES 65536u

struct range {
	_Atomic uintptr_t lo;
	_Atomic uintptr_t hi;
	struct wrt__slab *_Atomic slab;
	struct wrt_memory *_Atomic mem;
};

static struct range ranges[NRANGES];
static atomic_uint nranges;
pthread_mutex_t wrt__ranges_lock = PTHREAD_MUTEX_INITIALIZER;

int
wrt__ranges_add(uintptr_t lo, uintptr_t hi, struct wrt__slab *slab,
    struct wrt_memory *mem)
{
	unsigned k;

	pthread_mutex_lock(&wrt__ranges_lock);
	for (k = 0; k < NRANGES && atomic_load(&ranges[k].lo); k++)
		;
	if (k < NRANGES) {
		atomic_store(&ranges[k].hi, hi);
		atomic_store(&ranges[k].slab, slab);
		atomic_store(&ranges[k].mem, mem);
		atomic_store(&ranges[k].lo, lo);
		if (k >= atomic_load(&nranges))
			atomic_store(&nranges, k + 1);
	}
	pthread_mutex_unlock(&wrt__ranges_lock);
	return k < NRANGES ? WRT_OK : WRT_ELIMIT;
}

void
wrt__ranges_remove(uintptr_t lo)
{
	pthread_mutex_lock(&wrt__ranges_lock);
	for (unsigned k = 0; k < atomic_load(&nranges); k++)
		if (atomic_load(&ranges[k].lo) == lo)
			atomic_store(&ranges[k].lo, 0);
	pthread_mutex_unlock(&wrt__ranges_lock);
}

/* The memory in whose slot addr lies.  The last bytes of a slot are the guard
 * before the next one. */
static struct wrt_memory *
slab_find(struct wrt__slab *s, uintptr_t addr, int64_t *off)
{
	uintptr_t first = (uintptr_t)s->first;
	uint64_t at = addr - first, slot = at / s->stride;
	struct wrt_memory *mem;

	if (addr < first || slot >= s->n)
		return NULL;
	mem = atomic_load(&s->owner[slot]);
	*off = (int64_t)(at - slot * s->stride);
	return *off < (int64_t)(s->stride - s->guard) ? mem : NULL;
}

bool
wrt__ranges_find(uintptr_t addr, struct wrt_memory **mem, int64_t *off)
{
	unsigned n = atomic_load(&nranges);

	*mem = NULL;
	*off = 0;
	for (unsigned k = 0; k < n; k++) {
		uintptr_t lo = atomic_load(&ranges[k].lo);
		struct wrt__slab *slab;

		if (!lo || addr < lo || addr >= atomic_load(&ranges[k].hi))
			continue;
		slab = atomic_load(&ranges[k].slab);
		*mem = atomic_load(&ranges[k].mem);
		if (atomic_load(&ranges[k].lo) != lo)
			continue;
		if (slab)
			*mem = slab_find(slab, addr, off);
		else if (*mem)
			*off = (int64_t)(addr - (uintptr_t)(*mem)->m.base);
		return true;
	}
	return false;
}

/* ---- Zeros ----------------------------------------------------------------
 *
 * What is never written takes no memory: all of it is the kernel's one page.
 */
enum { ZEROS = 64 * 4096 };
static const uint8_t *zeros;

static void
map_zeros(void)
{
	void *p = mmap(NULL, ZEROS, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
	    MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return;
	madvise(p, ZEROS, MADV_NOHUGEPAGE);
	zeros = p;
}

const struct wrt__run *
wrt__slab_zeros(struct wrt__run *run, uint64_t mem_off)
{
	*run = (struct wrt__run){ mem_off, ZEROS, zeros, 0 };
	return zeros ? run : NULL;
}

/* ---- Slabs -------------------------------------------------------------- */

static int
uffd_open(void)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int
uffd_register(struct wrt__slab *s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct uffdio_register r = {
		.range = { (uintptr_t)s->map, s->map_bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	pthread_once(&once, map_zeros);
	s->fd = uffd_open();
	return s->fd < 0 ? -1 : ioctl(s->fd, UFFDIO_REGISTER, &r);
}

/* As many of the slots that were asked for as the address space has. */
static int
slab_map(struct wrt__slab *s)
{
	int prot = s->mode == WRT__UFFD || !s->guard ? PROT_READ | PROT_WRITE :
	    PROT_NONE;

	for (;; s->n /= 2) {
		if (s->n == 0)
			return -1;
		s->map_bytes = s->guard + s->n * s->stride;
		s->map = mmap(NULL, s->map_bytes, prot, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (s->map != MAP_FAILED)
			break;
	}
	madvise(s->map, s->map_bytes, MADV_NOHUGEPAGE);
	madvise(s->map, s->map_bytes, MADV_DONTDUMP);
	s->first = s->map + s->guard;
	return 0;
}

static int
slab_arrays(struct wrt__slab *s)
{
	s->owner = wrt__calloc(s->n, sizeof *s->owner);
	s->free = wrt__calloc(s->n, sizeof *s->free);
	s->top = wrt__calloc(s->n, sizeof *s->top);
	s->kept = wrt__calloc(s->n, sizeof *s->kept);
	if (!s->owner || !s->free || !s->top || !s->kept)
		return -1;
	for (uint32_t k = 0; k < s->n; k++)
		s->free[k] = s->n - 1 - k;
	s->nfree = s->n;
	if (s->mode != WRT__UFFD)
		return 0;
	s->slot_words = s->guard ? (4ull << 30) / PAGE / 64 :
	    (s->stride / PAGE + 63) / 64;
	s->bits_bytes = s->n * s->slot_words * sizeof *s->bits;
	s->bits = mmap(NULL, s->bits_bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return s->bits == MAP_FAILED ? -1 : 0;
}

/* s is all zero before, and after a failure. */
int
wrt__slab_init(struct wrt__slab *s, enum wrt__mode mode, uint32_t n,
    uint64_t dense, struct wrt_error *err)
{
	int rc;

	s->mode = mode;
	s->fd = -1;
	s->stride = dense ? dense : WABI_RESERVE;
	s->guard = dense ? 0 : WABI_GUARD_BEFORE;
	s->n = n;
	pthread_mutex_init(&s->lock, NULL);
	if (slab_map(s) < 0) {
		s->map = NULL;
		rc = wrt__fail(err, WRT_ENOMEM,
		    "no address space for the pool: %s", strerror(errno));
		goto bad;
	}
	if (mode == WRT__UFFD && uffd_register(s) < 0) {
		rc = wrt__fail(err, WRT_ESYS, "userfaultfd: %s",
		    strerror(errno));
		goto bad;
	}
	if (mode == WRT__PAGEMAP)
		s->fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (slab_arrays(s) < 0 || wrt__ranges_add((uintptr_t)s->map,
	    (uintptr_t)s->map + s->map_bytes, s, NULL) != WRT_OK) {
		rc = wrt__fail(err, WRT_ENOMEM, "no memory for the pool");
		goto bad;
	}
	return WRT_OK;
bad:
	wrt__slab_fini(s);
	return rc;
}

void
wrt__slab_fini(struct wrt__slab *s)
{
	if (s->map) {
		wrt__ranges_remove((uintptr_t)s->map);
		munmap(s->map, s->map_bytes);
	}
	if (s->bits && (void *)s->bits != MAP_FAILED)
		munmap((void *)s->bits, s->bits_bytes);
	if (s->fd >= 0)
		close(s->fd);
	wrt__free((void *)s->owner);
	wrt__free(s->free);
	wrt__free(s->top);
	wrt__free(s->kept);
	pthread_mutex_destroy(&s->lock);
	memset(s, 0, sizeof *s);
	s->fd = -1;
}

/* The slot given back last: its pages are the likeliest to be there. */
long
wrt__slab_take(struct wrt__slab *s)
{
	long slot = -1;
	uint32_t kept = 0;

	pthread_mutex_lock(&s->lock);
	if (s->nfree) {
		slot = (long)s->free[--s->nfree];
		kept = s->kept[slot];
		s->kept[slot] = 0;
	}
	pthread_mutex_unlock(&s->lock);
	if (kept)
		atomic_fetch_sub(s->idle_bytes, kept * PAGE);
	return slot;
}

void
wrt__slab_give(struct wrt__slab *s, uint32_t slot)
{
	pthread_mutex_lock(&s->lock);
	assert(s->nfree < s->n);
	atomic_fetch_add(s->idle_bytes, s->kept[slot] * PAGE);
	s->free[s->nfree++] = slot;
	pthread_mutex_unlock(&s->lock);
}

/* ---- Giving pages back -------------------------------------------------- */

void
wrt__slab_drop(const struct wrt__slab *s, uint32_t slot, uint64_t w,
    uint64_t end)
{
	_Atomic uint64_t *bits = s->bits + slot * s->slot_words;
	uint8_t *base = s->first + slot * s->stride;

	while (w < end) {
		uint64_t from, to;

		while (w < end && !bits[w])
			w++;
		for (from = w; w < end && bits[w]; w++)
			bits[w] = 0;
		from *= 64 * PAGE;
		to = w * 64 * PAGE;
		if (to > s->stride)	/* the next slot is another's */
			to = s->stride;
		if (to > from)
			madvise(base + from, to - from, MADV_DONTNEED);
	}
}

/* The lock is given to others now and then.  What was taken or given meanwhile
 * is at the other end of the list. */
void
wrt__slab_trim(struct wrt__slab *s, uint64_t keep)
{
	enum { BATCH = 64 };
	uint32_t k = 0, end = 1;

	while (k < end && atomic_load(s->idle_bytes) > keep) {
		pthread_mutex_lock(&s->lock);
		end = s->nfree;
		for (uint32_t n = 0; n < BATCH && k < end; k++) {
			uint32_t slot = s->free[k];

			if (!s->kept[slot])
				continue;
			wrt__slab_drop(s, slot, 0, s->top[slot]);
			atomic_fetch_sub(s->idle_bytes, s->kept[slot] * PAGE);
			s->kept[slot] = 0;
			s->top[slot] = 0;
			n++;
		}
		pthread_mutex_unlock(&s->lock);
	}
}
