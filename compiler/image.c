/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * image.c: what instantiation would copy into memories, done at compile time.
 *
 * Data segments are applied in order, a later one over an earlier one, and the
 * first that is out of bounds ends the instantiation with those before it
 * applied.  So segments go into the image as long as they are passive, or
 * active for an own memory, at a constant place, and inside its smallest size;
 * from the first on that is not, all are left to the runtime.  Pages of zeros
 * are left out, so that the image's size follows the data's.
 */
#include <stdlib.h>
#include <string.h>

#include "emit.h"

#define PAGE	WABI_IMAGE_ALIGN

static uint64_t
min_bytes(const struct memory *mem)
{
	const struct limits *l = &mem->limits;

	if (l->min > UINT64_MAX >> 1 >> l->page_log2)
		return UINT64_MAX >> 1;
	return l->min << l->page_log2;
}

static uint64_t
place_of(const struct plan *p, uint32_t i)
{
	const struct wabi_init *at = &p->ce.data_at[i];

	return p->m->memories[p->m->datas[i].memory].limits.is64 ?
	    at->val.i64 : at->val.i32;
}

static bool
fits(const struct plan *p, uint32_t i)
{
	const struct data *d = &p->m->datas[i];
	const struct memory *mem = &p->m->memories[d->memory];
	uint64_t at;

	if (d->mode != SEG_ACTIVE)
		return true;
	if (mem->imported || p->ce.data_at[i].how != WABI_INIT_CONST)
		return false;
	at = place_of(p, i);
	return at <= min_bytes(mem) && d->bytes.n <= min_bytes(mem) - at;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool
in_image(const struct image *im, const struct plan *p, uint32_t i,
    uint32_t mem)
{
	const struct data *d = &p->m->datas[i];

	return i < im->ndatas && d->mode == SEG_ACTIVE && d->memory == mem &&
	    d->bytes.n;
}

/* Numbers of the pages that the memory's segments touch: ascending, each
 * once. */
static uint64_t *
touched(struct compile *c, const struct plan *p, const struct image *im,
    uint32_t mem, size_t *count)
{
	size_t n = 0, k = 0;
	uint64_t *pages;

	for (uint32_t i = 0; i < im->ndatas; i++)
		if (in_image(im, p, i, mem))
			n += p->m->datas[i].bytes.n / PAGE + 2;
	pages = ARENA_NEW(&c->arena, n, uint64_t);
	n = 0;
	for (uint32_t i = 0; i < im->ndatas; i++) {
		if (!in_image(im, p, i, mem))
			continue;
		uint64_t at = place_of(p, i);
		uint64_t last = (at + p->m->datas[i].bytes.n - 1) / PAGE;

		for (uint64_t pg = at / PAGE; pg <= last; pg++)
			pages[n++] = pg;
	}
	if (n)
		qsort(pages, n, sizeof *pages, by_number);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || pages[i] != pages[i - 1])
			pages[k++] = pages[i];
	*count = k;
	return pages;
}

static void
fill(const struct plan *p, uint32_t i, const uint64_t *pages, size_t n,
    uint8_t *bytes)
{
	const struct data *d = &p->m->datas[i];
	uint64_t at = place_of(p, i), first = at / PAGE;
	const uint64_t *pg = bsearch(&first, pages, n, sizeof *pages,
	    by_number);

	/* The pages of one segment follow each other. */
	memcpy(bytes + (size_t)(pg - pages) * PAGE + at % PAGE, d->bytes.p,
	    d->bytes.n);
}

static bool
is_zero(const uint8_t *p)
{
	return p[0] == 0 && !memcmp(p, p + 1, PAGE - 1);
}

/* Drop the pages of zeros, and make runs of the rest. */
static void
make_runs(struct compile *c, struct image *im, uint32_t own,
    const uint64_t *pages, size_t n, size_t base)
{
	struct wabi_image_run *r = ARENA_NEW(&c->arena, n,
	    struct wabi_image_run);
	uint8_t *bytes = im->bytes.p + base;
	size_t k = 0;
	uint32_t nr = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_zero(bytes + i * PAGE))
			continue;
		if (k != i)
			memcpy(bytes + k * PAGE, bytes + i * PAGE, PAGE);
		if (nr && r[nr - 1].mem_off + r[nr - 1].bytes ==
		    pages[i] * PAGE)
			r[nr - 1].bytes += PAGE;
		else
			r[nr++] = (struct wabi_image_run){ pages[i] * PAGE,
			    base + k * PAGE, PAGE };
		k++;
	}
	im->bytes.n = base + k * PAGE;
	im->runs[own] = r;
	im->nruns[own] = nr;
}

void
image_make(struct compile *c, const struct plan *p, struct image *im)
{
	const struct module *m = p->m;
	uint32_t first = m->nmemories_imported, nown = m->nmemories - first;

	im->runs = ARENA_NEW(&c->arena, nown, struct wabi_image_run *);
	im->nruns = ARENA_NEW(&c->arena, nown, uint32_t);
	while (im->ndatas < m->ndatas && fits(p, im->ndatas))
		im->ndatas++;
	for (uint32_t own = 0; own < nown; own++) {
		size_t n, base = im->bytes.n;
		uint64_t *pages = touched(c, p, im, first + own, &n);

		buf_room(&im->bytes, n * PAGE);
		if (im->bytes.failed)
			c->arena.fail(c->arena.fail_data);
		for (uint32_t i = 0; n && i < im->ndatas; i++)
			if (in_image(im, p, i, first + own))
				fill(p, i, pages, n, im->bytes.p + base);
		make_runs(c, im, own, pages, n, base);
	}
}
