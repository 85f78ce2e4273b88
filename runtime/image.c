/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * image.c: what a memory holds, walked page by page, and frozen.
 *
 * A walk looks only at pages that may hold something: with userfaultfd those
 * that are present, and of the absent ones those of the memory's own image;
 * otherwise all, since reading a page that was never written costs a page of
 * zeros at most.
 *
 * A frozen image is a sealed file of memory with the memory's offsets, in which
 * pages of zeros are holes.  Its runs leave out long stretches of zeros only:
 * each run is a mapping in every instance that maps it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rt.h"

#define PAGE		4096ull
#define GAP		(16 * PAGE)	/* of zeros, between two runs */

static bool
is_zero(const uint8_t *p)
{
	return p[0] == 0 && memcmp(p, p + 1, PAGE - 1) == 0;
}

/* Where the page at off can be read, or NULL: it was never written.  *run: the
 * first of the memory's runs that may hold it. */
static const uint8_t *
page_at(const struct wrt_memory *m, uint64_t off, uint32_t *run)
{
	const struct wrt__run *r;

	if (m->mode != WRT__UFFD)
		return m->m.base + off;
	if (atomic_load_explicit(&m->bits[off / PAGE / 64],
	    memory_order_relaxed) >> (off / PAGE % 64) & 1)
		return m->m.base + off;
	while (*run < m->nruns &&
	    m->runs[*run].mem_off + m->runs[*run].bytes <= off)
		++*run;
	r = &m->runs[*run];
	return *run < m->nruns && r->mem_off <= off ?
	    r->from + (off - r->mem_off) : NULL;
}

/* Call fn for the runs of pages that are not all zeros, upward, each run in
 * one piece in memory.  The last may go on beyond the size, up to a page. */
static int
walk(const struct wrt_memory *m, int (*fn)(void *arg, uint64_t off,
    const void *p, size_t n), void *arg)
{
	const uint8_t *from = NULL;
	uint64_t off, at = 0, n = 0;
	uint32_t run = 0;
	int rc = WRT_OK;

	for (off = 0; off < wrt__mem_bytes(m) && rc == WRT_OK; off += PAGE) {
		const uint8_t *p = page_at(m, off, &run);

		if (!p || is_zero(p))
			continue;
		if (n && (at + n != off || from + n != p)) {
			rc = fn(arg, at, from, n);
			n = 0;
		}
		if (!n) {
			from = p;
			at = off;
		}
		n += PAGE;
	}
	return n && rc == WRT_OK ? fn(arg, at, from, n) : rc;
}

/* ---- Frozen images ------------------------------------------------------ */

static int
add_run(struct wrt__image *im, uint64_t off, uint64_t n)
{
	struct wrt__run *r = im->nruns ? &im->runs[im->nruns - 1] : NULL;

	if (r && off - (r->mem_off + r->bytes) <= GAP) {
		r->bytes = off + n - r->mem_off;
		return WRT_OK;
	}
	r = wrt__realloc(im->runs, im->nruns + 1ul, sizeof *r);
	if (!r)
		return WRT_ENOMEM;
	im->runs = r;
	r[im->nruns++] = (struct wrt__run){
	    .mem_off = off, .bytes = n, .fd_off = (off_t)off };
	return WRT_OK;
}

static int
freeze(void *arg, uint64_t off, const void *p, size_t n)
{
	struct wrt__image *im = arg;
	const char *from = p;
	int rc = add_run(im, off, n);

	while (rc == WRT_OK && n) {
		ssize_t done = pwrite(im->fd, from, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return WRT_ENOMEM;
		from += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return rc;
}

/* No more changes; and where it can be read. */
static int
seal(struct wrt__image *im)
{
	void *p;

	if (ftruncate(im->fd, (off_t)im->map_bytes) < 0 ||
	    fcntl(im->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW |
	    F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return WRT_ENOMEM;
	if (!im->nruns)
		return WRT_OK;
	p = mmap(NULL, im->map_bytes, PROT_READ, MAP_PRIVATE | MAP_NORESERVE,
	    im->fd, 0);
	if (p == MAP_FAILED)
		return WRT_ENOMEM;
	im->map = p;
	for (uint32_t k = 0; k < im->nruns; k++)
		im->runs[k].from = im->map + im->runs[k].mem_off;
	return WRT_OK;
}

int
wrt__image_take(struct wrt_memory *m, struct wrt__image **out,
    struct wrt_error *err)
{
	struct wrt__image *im = wrt__calloc(1, sizeof *im);
	int rc;

	if (!im)
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	atomic_init(&im->refs, 1);
	im->pages = wrt__mem_pages(m);
	im->map_bytes = (wrt__mem_bytes(m) + PAGE - 1) & ~(PAGE - 1);
	im->fd = memfd_create("wasm-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	rc = im->fd < 0 ? WRT_ENOMEM : walk(m, freeze, im);
	if (rc == WRT_OK)
		rc = seal(im);
	if (rc == WRT_OK)
		*out = im;
	else
		wrt__image_put(im);
	return rc == WRT_OK ? rc : wrt__fail(err, rc,
	    "no memory for the image of a memory of %llu bytes",
	    (unsigned long long)wrt__mem_bytes(m));
}

void
wrt__image_put(struct wrt__image *im)
{
	if (!im || atomic_fetch_sub(&im->refs, 1) != 1)
		return;
	if (im->map)
		munmap((void *)(uintptr_t)im->map, im->map_bytes);
	if (im->fd >= 0)
		close(im->fd);
	wrt__free(im->runs);
	wrt__free(im);
}

/* ---- For hosts ---------------------------------------------------------- */

int
wrt_memory_walk(const wrt_memory *m, int (*fn)(void *arg, uint64_t addr,
    const void *p, size_t n), void *arg)
{
	if (!m || !fn)
		return WRT_EINVAL;
	return walk(m, fn, arg);
}
