/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * source.c: the module's own line table: wasm offset to source line.
 *
 * DWARF in a module is in custom sections of the usual names; its addresses
 * count from the start of the code section's contents.
 */
#include <stdlib.h>
#include <string.h>

#include "dwarf.h"

static struct slice
custom(const struct module *m, const char *name)
{
	for (uint32_t i = 0; i < m->ncustoms; i++)
		if (slice_is(m->customs[i].name, name))
			return m->customs[i].bytes;
	return (struct slice){ 0 };
}

struct keyed {
	struct source_row r;
	uint32_t order;
	bool end;
};

/* By offset; an end before a beginning; of several rows the last counts. */
static int
by_offset(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->r.wasm_off != y->r.wasm_off)
		return x->r.wasm_off < y->r.wasm_off ? -1 : 1;
	if (x->end != y->end)
		return x->end ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* A sequence at address 0, or outside of the code, is of a function that the
 * linker left out. */
static size_t
keep(const struct module *m, const struct line_row *r, size_t n,
    struct keyed *out)
{
	size_t k = 0, start = 0;

	for (size_t i = 0; i < n; i++) {
		bool dead = r[start].addr == 0;

		if (r[i].end)
			start = i + 1;
		if (dead || r[i].addr > m->code_section.n)
			continue;
		out[k] = (struct keyed){ { (uint32_t)(m->code_offset +
		    r[i].addr), r[i].file, r[i].line }, (uint32_t)k,
		    r[i].end };
		if (r[i].end || r[i].line == 0)
			out[k].r.file = NO_IDX;
		k++;
	}
	return k;
}

int
sources_read(const struct module *m, struct sources *out)
{
	struct line_sections s = { custom(m, ".debug_line"),
	    custom(m, ".debug_line_str"), custom(m, ".debug_str") };
	struct buf rows = { 0 };
	struct keyed *all;
	size_t n;

	*out = (struct sources){ 0 };
	if (s.line.n == 0)
		return 0;
	dwarf_lines(&s, &rows, &out->files);
	n = rows.n / sizeof(struct line_row);
	all = calloc(n + 1, sizeof *all);
	if (all) {
		n = keep(m, (const struct line_row *)(void *)rows.p, n, all);
		qsort(all, n, sizeof *all, by_offset);
		for (size_t i = 0; i < n; i++)
			if (i + 1 == n ||
			    all[i + 1].r.wasm_off != all[i].r.wasm_off)
				buf_add(&out->rows, &all[i].r,
				    sizeof all[i].r);
	}
	free(all);
	buf_free(&rows);
	return !all || out->rows.failed || out->files.names.failed ||
	    out->files.at.failed ? -1 : 0;
}

void
sources_free(struct sources *s)
{
	buf_free(&s->rows);
	buf_free(&s->files.names);
	buf_free(&s->files.at);
}

const struct source_row *
sources_find(const struct sources *s, uint32_t wasm_off)
{
	const struct source_row *r = (const void *)s->rows.p;
	size_t lo = 0, hi = s->rows.n / sizeof *r;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r[mid].wasm_off <= wasm_off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && r[lo - 1].file != NO_IDX ? &r[lo - 1] : NULL;
}

void
sources_section(const struct sources *s, struct buf *out)
{
	struct wabi_source_head h = { WABI_MAGIC, s->files.n,
	    (uint32_t)(s->rows.n / sizeof(struct source_row)),
	    (uint32_t)s->files.names.n };

	_Static_assert(sizeof(struct source_row) ==
	    sizeof(struct wabi_source_row), "rows are written as they are");
	buf_add(out, &h, sizeof h);
	buf_add(out, s->rows.p, s->rows.n);
	buf_add(out, s->files.at.p, s->files.at.n);
	buf_add(out, s->files.names.p, s->files.names.n);
}
