/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pcmap.c: from a program counter to a function and a place in the wasm.
 *
 * Only traps need this, so that everything is made at the first one: the map
 * is read from the file, functions are sorted by address, exports give names to
 * functions that have none.  Without memory, or with a map that makes no sense,
 * less is known and nothing else happens.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

struct wrt__places {
	uint32_t *by_code;		/* own functions, by address */
	uint32_t nfuncs;
	struct wabi_pcmap_entry *map;	/* or NULL */
	uint32_t nmap;
	const char **exports;		/* per function: its first export's
					 * name or NULL; or NULL */
	void *source;			/* .wabi.source, or NULL */
	const struct wabi_source_row *rows;
	uint32_t nrows, nfiles;
	const uint32_t *files;		/* where each one's name begins */
	const char *names;
};

static int
by_code(const void *a, const void *b, void *arg)
{
	const struct wabi_func_info *f = arg;
	int32_t x = f[*(const uint32_t *)a].code;
	int32_t y = f[*(const uint32_t *)b].code;

	return (x > y) - (x < y);
}

static bool
sort_funcs(struct wrt__places *p, const struct wrt_module *m)
{
	uint32_t nimp = m->nimported[WABI_KIND_FUNC];
	const struct wabi_func_info *f = WRT__META(m, funcs);

	p->by_code = wrt__calloc(m->nfuncs - nimp, sizeof *p->by_code);
	if (!p->by_code)
		return false;
	for (uint32_t i = nimp; i < m->nfuncs; i++)
		if (f[i].code && f[i].size)	/* not inlined everywhere */
			p->by_code[p->nfuncs++] = i;
	qsort_r(p->by_code, p->nfuncs, sizeof *p->by_code, by_code,
	    (void *)f);
	return true;
}

static void
read_map(struct wrt__places *p, const struct wrt_module *m)
{
	struct wabi_pcmap_head head;
	uint64_t bytes;

	if (m->pcmap_bytes < sizeof head || !wrt__pread_all(m->fd, &head,
	    sizeof head, (uint64_t)m->pcmap_off))
		return;
	bytes = (uint64_t)head.n * sizeof *p->map;
	if (head.magic != WABI_MAGIC || bytes > m->pcmap_bytes - sizeof head)
		return;
	p->map = wrt__calloc(head.n, sizeof *p->map);
	if (p->map && wrt__pread_all(m->fd, p->map, bytes,
	    (uint64_t)m->pcmap_off + sizeof head))
		p->nmap = head.n;
}

/* Are the names where the head says they are, and do they end? */
static bool
source_fits(const struct wabi_source_head *h, uint64_t bytes)
{
	uint64_t need = sizeof *h +
	    (uint64_t)h->nrows * sizeof(struct wabi_source_row) +
	    (uint64_t)h->nfiles * 4 + h->names_bytes;

	return h->magic == WABI_MAGIC && need == bytes && h->names_bytes &&
	    ((const char *)h)[bytes - 1] == '\0';
}

static void
read_source(struct wrt__places *p, const struct wrt_module *m)
{
	const struct wabi_source_head *h;

	if (m->source_bytes < sizeof *h)
		return;
	p->source = wrt__calloc(m->source_bytes, 1);
	h = p->source;
	if (!h || !wrt__pread_all(m->fd, p->source, m->source_bytes,
	    (uint64_t)m->source_off) || !source_fits(h, m->source_bytes))
		return;
	p->nrows = h->nrows;
	p->nfiles = h->nfiles;
	p->rows = (const void *)(h + 1);
	p->files = (const void *)(p->rows + p->nrows);
	p->names = (const void *)(p->files + p->nfiles);
	for (uint32_t i = 0; i < p->nfiles; i++)
		if (p->files[i] >= h->names_bytes)
			p->nrows = 0;
}

static void
name_by_exports(struct wrt__places *p, const struct wrt_module *m)
{
	const struct wabi_export_info *e = WRT__META(m, exports);

	p->exports = wrt__calloc(m->nfuncs, sizeof *p->exports);
	for (uint32_t i = 0; p->exports && i < m->meta->exports.n; i++)
		if (e[i].kind == WABI_KIND_FUNC && !p->exports[e[i].index])
			p->exports[e[i].index] = wrt__str(m, e[i].name);
}

void
wrt__places_free(struct wrt__places *p)
{
	if (!p)
		return;
	wrt__free(p->by_code);
	wrt__free(p->map);
	wrt__free(p->exports);
	wrt__free(p->source);
	wrt__free(p);
}

/* The module's places; NULL if out of memory. */
static const struct wrt__places *
places_of(struct wrt_module *m)
{
	struct wrt__places *p = atomic_load(&m->places), *other = NULL;

	if (p)
		return p;
	p = wrt__calloc(1, sizeof *p);
	if (!p || !sort_funcs(p, m)) {
		wrt__places_free(p);
		return NULL;
	}
	read_map(p, m);
	read_source(p, m);
	name_by_exports(p, m);
	if (atomic_compare_exchange_strong(&m->places, &other, p))
		return p;
	wrt__places_free(p);		/* another thread was faster */
	return other;
}

/* The function whose code holds rel, or NULL. */
static const struct wabi_func_info *
find_func(const struct wrt__places *p, const struct wrt_module *m, int64_t rel)
{
	const struct wabi_func_info *f = WRT__META(m, funcs);
	uint32_t lo = 0, hi = p->nfuncs;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (f[p->by_code[mid]].code <= rel)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return NULL;
	f += p->by_code[lo - 1];
	return rel - f->code < f->size ? f : NULL;
}

static uint32_t
find_wasm_off(const struct wrt__places *p, int64_t rel)
{
	uint32_t lo = 0, hi = p->nmap;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->map[mid].addr <= rel)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? p->map[lo - 1].wasm_off : UINT32_MAX;
}

static void
add_source(const struct wrt__places *p, struct wrt_frame *out)
{
	uint32_t lo = 0, hi = p->nrows;

	out->file = NULL;
	out->line = 0;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->rows[mid].wasm_off <= out->wasm_off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || out->wasm_off == UINT32_MAX ||
	    p->rows[lo - 1].file >= p->nfiles)
		return;
	out->file = p->names + p->files[p->rows[lo - 1].file];
	out->line = p->rows[lo - 1].line;
}

const char *
wrt__label(const struct wrt_module *m)
{
	const char *name = wrt__str(m, m->meta->module_name);
	const char *slash = strrchr(m->path, '/');

	return *name ? name : slash ? slash + 1 : m->path;
}

static void
describe(const struct wrt__places *p, const struct wrt_module *m,
    const struct wabi_func_info *f, uint32_t off, struct wrt_frame *out)
{
	out->module = wrt__label(m);
	out->func_idx = (uint32_t)(f - WRT__META(m, funcs));
	out->func = wrt__str(m, f->name);
	if (!*out->func && p->exports && p->exports[out->func_idx])
		out->func = p->exports[out->func_idx];
	out->wasm_off = off;
	out->func_off = off == UINT32_MAX ? UINT32_MAX : off - f->wasm_off;
	add_source(p, out);
}

static bool
has_wasm_off(const struct wabi_func_info *f, uint32_t off)
{
	return off >= f->wasm_off && off - f->wasm_off < f->wasm_size;
}

/* The function whose body in the wasm holds this offset, or NULL.  Bodies stand
 * in index order. */
static const struct wabi_func_info *
find_body(const struct wrt_module *m, uint32_t off)
{
	const struct wabi_func_info *f = WRT__META(m, funcs);
	uint32_t first = m->nimported[WABI_KIND_FUNC], lo = first;
	uint32_t hi = m->nfuncs;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (f[mid].wasm_off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > first && has_wasm_off(&f[lo - 1], off) ? &f[lo - 1] : NULL;
}

unsigned
wrt__symbolise(struct wrt_module *m, uintptr_t pc, bool is_return,
    struct wrt_frame out[WRT__PLACE_FRAMES])
{
	const struct wrt__places *p = places_of(m);
	int64_t rel = (int64_t)(pc - is_return - (uintptr_t)m->base);
	const struct wabi_func_info *f = p ? find_func(p, m, rel) : NULL;
	const struct wabi_func_info *in = f;
	uint32_t off;

	if (!f)
		return 0;
	off = find_wasm_off(p, rel);
	if (!has_wasm_off(f, off)) {
		in = find_body(m, off);
		if (!in || in == f) {
			in = f;
			off = UINT32_MAX;
		}
	}
	describe(p, m, in, off, &out[0]);
	if (in == f)
		return 1;
	describe(p, m, f, UINT32_MAX, &out[1]);
	return 2;
}
