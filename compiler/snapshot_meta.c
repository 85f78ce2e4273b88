/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * snapshot_meta.c: the metadata of a snapshot.
 *
 * The old metadata is copied as it is, so that all offsets in it hold, and the
 * copy is changed in place; new lists are added behind it.  Lists are checked
 * before anything in them is looked at, and what leads to something is read in
 * the old one only: lists of a hostile one may overlap.
 *
 *   code          every reference is shifted
 *   start         none
 *   memories      size and image
 *   tables        size; their entries are new active segments
 *   globals       constants and functions
 *   segments      dropped ones keep their numbers and are empty
 *   exports       without the hidden ones
 *
 * What a snapshot has added begins at base_bytes of its mark; a snapshot of it
 * begins with what is before that.
 */
#include <string.h>

#include <openssl/sha.h>

#include "artifact.h"

/* The old metadata, which is followed, and the new, which is written. */
#define OLD(s)		((const struct wabi_meta *)(const void *)(s)->old.p)
#define NEW(s)		((struct wabi_meta *)(void *)(s)->meta.p)
#define AT(s, off, type) ((type *)(void *)((s)->meta.p + (off)))
#define LIST(s, list, type) AT(s, OLD(s)->list.off, type)
#define OLD_LIST(s, list, type)						\
	((const type *)(const void *)((s)->old.p + OLD(s)->list.off))
#define OLD_ELEMS(s)							\
	((const struct wabi_elem_info *)(const void *)			\
	    ((s)->old.p + (s)->elems.off))

#define NO_REF	UINT32_MAX

static bool
good_list(const struct snap *s, struct wabi_list l, size_t size, size_t align)
{
	return l.off <= s->old.n && l.n <= (s->old.n - l.off) / size &&
	    (!l.n || l.off % align == 0);
}
#define GOOD_LIST(s, l, type) good_list(s, l, sizeof(type), _Alignof(type))

/* Room for a list of so many bytes; its offset. */
static int
new_list(struct snap *s, size_t bytes, uint32_t *off)
{
	size_t at;

	buf_align(&s->meta, 16);
	at = buf_room(&s->meta, bytes);
	if (s->meta.failed)
		return snap_no_memory(s);
	if (s->meta.n > INT32_MAX)
		return snap_bad(s, "its metadata is too large");
	*off = (uint32_t)at;
	return WASMC_OK;
}

/* ---- Checks -------------------------------------------------------------- */

static int
check_lists(struct snap *s)
{
	const struct wabi_meta *m = OLD(s);
	const struct wabi_elem_info *e = OLD_ELEMS(s);
	const struct wabi_export_info *x = OLD_LIST(s, exports,
	    struct wabi_export_info);
	bool ok = GOOD_LIST(s, m->types, struct wabi_typeinfo) &&
	    GOOD_LIST(s, m->imports, struct wabi_import_info) &&
	    GOOD_LIST(s, m->exports, struct wabi_export_info) &&
	    GOOD_LIST(s, m->funcs, struct wabi_func_info) &&
	    GOOD_LIST(s, m->tables, struct wabi_table_info) &&
	    GOOD_LIST(s, m->memories, struct wabi_memory_info) &&
	    GOOD_LIST(s, m->globals, struct wabi_global_info) &&
	    GOOD_LIST(s, s->elems, struct wabi_elem_info) &&
	    GOOD_LIST(s, m->datas, struct wabi_data_info);

	for (uint32_t i = 0; ok && i < s->elems.n; i++)
		ok = GOOD_LIST(s, e[i].funcs, uint32_t) &&
		    GOOD_LIST(s, e[i].inits, struct wabi_init);
	for (uint32_t i = 0; ok && i < m->exports.n; i++)
		ok = GOOD_LIST(s, x[i].name, char);
	ok = ok && GOOD_LIST(s, m->levels, struct wabi_level) &&
	    m->levels.n < WABI_MAX_LEVELS;
	for (uint32_t i = 0; ok && i < m->levels.n; i++)
		ok = GOOD_LIST(s, OLD_LIST(s, levels, struct wabi_level)[i]
		    .funcs, struct wabi_func_info);
	return ok ? WASMC_OK : snap_bad(s, "its metadata leads outside");
}

/* Forget what an earlier snapshot has added. */
static int
cut_snapshot(struct snap *s)
{
	struct wabi_list l = OLD(s)->snapshot;
	struct wabi_snapshot mark;

	s->elems = OLD(s)->elems;
	if (!l.n)
		return WASMC_OK;
	if (!GOOD_LIST(s, l, struct wabi_snapshot))
		return snap_bad(s, "its metadata leads outside");
	memcpy(&mark, s->old.p + l.off, sizeof mark);
	if (mark.base_bytes < sizeof(struct wabi_meta) ||
	    mark.base_bytes > l.off)
		return snap_bad(s, "its mark of a snapshot is odd");
	s->elems = mark.elems;
	s->old.n = mark.base_bytes;
	return WASMC_OK;
}

static int
open_meta(struct snap *s)
{
	const Elf64_Shdr *h = &s->sh[s->at_meta];
	int rc;

	buf_add(&s->old, s->in + h->sh_offset, h->sh_size);
	if (s->old.failed)
		return snap_no_memory(s);
	rc = cut_snapshot(s);
	if (rc == WASMC_OK)
		rc = check_lists(s);
	buf_add(&s->meta, s->old.p, s->old.n);
	return rc == WASMC_OK && s->meta.failed ? snap_no_memory(s) : rc;
}

static const char *
kind_name(uint8_t kind)
{
	return kind == WABI_KIND_MEMORY ? "memory" :
	    kind == WABI_KIND_TABLE ? "table" : "global";
}

/* All that changes must be the module's own. */
static int
check_imports(struct snap *s)
{
	for (uint32_t i = 0; i < OLD(s)->imports.n; i++) {
		const struct wabi_import_info *im = OLD_LIST(s, imports,
		    struct wabi_import_info) + i;

		if (im->kind != WABI_KIND_FUNC && im->kind != WABI_KIND_TAG)
			return back_fail(s->err, WASMC_EUNSUPPORTED,
			    "%s %u is imported: what it holds is not the "
			    "module's", kind_name(im->kind), im->index);
	}
	return WASMC_OK;
}

static int
check_state(struct snap *s)
{
	const struct wabi_meta *m = OLD(s);
	const struct wasmc_state *st = s->st;

	if (st->nmemories != m->memories.n || st->ntables != m->tables.n ||
	    st->nglobals != m->globals.n || st->ndatas != m->datas.n ||
	    st->nelems != OLD(s)->elems.n || s->elems.n > st->nelems)
		return back_fail(s->err, WASMC_EOPTION,
		    "the state is another module's");
	return WASMC_OK;
}

/* ---- Code ---------------------------------------------------------------- */

static bool
shift(const struct snap *s, int32_t *rel)
{
	int64_t to = *rel + s->shift;

	if (!*rel)
		return true;
	*rel = (int32_t)to;
	return to && to >= INT32_MIN && to <= INT32_MAX;
}

static bool
shift_inits(const struct snap *s, struct wabi_list l)
{
	struct wabi_init *in = AT(s, l.off, struct wabi_init);

	for (uint32_t k = 0; k < l.n; k++)
		if (!shift(s, &in[k].code))
			return false;
	return true;
}

static bool
shift_funcs(const struct snap *s, struct wabi_list l)
{
	struct wabi_func_info *f = AT(s, l.off, struct wabi_func_info);

	for (uint32_t i = 0; i < l.n; i++)
		if (!shift(s, &f[i].code) || !shift(s, &f[i].entry) ||
		    !shift(s, &f[i].tail))
			return false;
	return true;
}

/* Every reference to code that the metadata has. */
static int
shift_code(struct snap *s)
{
	const struct wabi_meta *m = OLD(s);
	struct wabi_typeinfo *t = LIST(s, types, struct wabi_typeinfo);
	struct wabi_table_info *tab = LIST(s, tables, struct wabi_table_info);
	const struct wabi_elem_info *e = OLD_ELEMS(s);
	const struct wabi_level *v = OLD_LIST(s, levels, struct wabi_level);
	bool ok = shift_funcs(s, m->funcs);

	for (uint32_t i = 0; i < m->types.n; i++)
		ok &= shift(s, &t[i].from_host) && shift(s, &t[i].to_host) &&
		    shift(s, &t[i].typed_from_host) &&
		    shift(s, &t[i].typed_to_host);
	for (uint32_t i = 0; i < m->levels.n; i++)
		ok &= shift_funcs(s, v[i].funcs);
	for (uint32_t i = 0; i < m->tables.n; i++)
		ok &= shift(s, &tab[i].init.code);
	for (uint32_t i = 0; i < s->elems.n; i++)
		ok &= shift_inits(s, e[i].inits);
	return ok ? WASMC_OK : snap_bad(s, "its code is out of reach");
}

/* ---- Memories ------------------------------------------------------------ */

static int
odd_state(struct snap *s, const char *what, uint32_t i)
{
	return back_fail(s->err, WASMC_EOPTION, "the state of %s %u is odd",
	    what, i);
}

static int
put_runs(struct snap *s, uint32_t i, uint64_t bytes)
{
	const struct wasmc_state_memory *st = &s->st->memories[i];
	uint64_t end = 0;
	uint32_t off, n = 0;
	int rc;

	if (st->nruns > UINT32_MAX / sizeof(struct wabi_image_run))
		return odd_state(s, "memory", i);
	rc = new_list(s, st->nruns * sizeof(struct wabi_image_run), &off);
	bytes = (bytes + WABI_IMAGE_ALIGN - 1) & ~(WABI_IMAGE_ALIGN - 1ull);
	for (size_t k = 0; k < st->nruns && rc == WASMC_OK; k++) {
		const struct wasmc_state_run *r = &st->runs[k];
		struct wabi_image_run *to = AT(s, off, struct wabi_image_run);

		if ((r->addr | r->n) % WABI_IMAGE_ALIGN || !r->n ||
		    r->addr < end || r->addr > bytes ||
		    r->n > bytes - r->addr)
			return odd_state(s, "memory", i);
		if (n && end == r->addr)
			to[n - 1].bytes += r->n;
		else
			to[n++] = (struct wabi_image_run){ r->addr,
			    s->image.n, r->n };
		end = r->addr + r->n;
		buf_add(&s->image, r->p, r->n);
		if (s->image.failed)
			return snap_no_memory(s);
	}
	LIST(s, memories, struct wabi_memory_info)[i].image =
	    (struct wabi_list){ off, n };
	return rc;
}

static int
do_memories(struct snap *s)
{
	int rc = WASMC_OK;

	for (uint32_t i = 0; i < OLD(s)->memories.n && !rc; i++) {
		const struct wabi_limits *l = &OLD_LIST(s, memories,
		    struct wabi_memory_info)[i].limits;
		uint64_t pages = s->st->memories[i].pages;

		if (l->shared)
			return back_fail(s->err, WASMC_EUNSUPPORTED,
			    "memory %u is shared: its threads would be "
			    "missing", i);
		if (l->page_log2 > 16 || pages < l->min || pages > l->max ||
		    pages > UINT64_MAX >> 1 >> l->page_log2)
			return odd_state(s, "memory", i);
		LIST(s, memories, struct wabi_memory_info)[i].limits.min =
		    pages;
		rc = put_runs(s, i, pages << l->page_log2);
	}
	return rc;
}

/* ---- Functions in globals and tables ------------------------------------- */

static int
check_func(struct snap *s, uint32_t func, const char *what, uint32_t i)
{
	if (func >= OLD(s)->funcs.n)
		return odd_state(s, what, i);
	if (OLD_LIST(s, funcs, struct wabi_func_info)[func].funcref == NO_REF)
		return back_fail(s->err, WASMC_EUNSUPPORTED,
		    "%s %u holds function %u, to which the module makes no "
		    "reference", what, i, func);
	return WASMC_OK;
}

static int
do_globals(struct snap *s)
{
	for (uint32_t i = 0; i < OLD(s)->globals.n; i++) {
		struct wabi_global_info *g = LIST(s, globals,
		    struct wabi_global_info) + i;
		const struct wasmc_state_global *st = &s->st->globals[i];
		struct wabi_init in = { .how = WABI_INIT_CONST };
		int rc;

		if (g->type.type >= WABI_V128) {
			memcpy(&in.val, st->bits, sizeof in.val);
		} else if (st->func != WASMC_STATE_NULL) {
			rc = check_func(s, st->func, "global", i);
			if (rc || g->type.type != WABI_FUNCREF)
				return rc ? rc : odd_state(s, "global", i);
			in.how = WABI_INIT_FUNC;
			in.index = st->func;
		} else if (!g->type.nullable) {
			return odd_state(s, "global", i);
		}
		g->init = in;
	}
	return WASMC_OK;
}

/* The functions [from, to) of a table as a segment. */
static int
put_segment(struct snap *s, struct wabi_elem_info *e, uint32_t table,
    uint64_t from, uint64_t to)
{
	const uint32_t *funcs = s->st->tables[table].funcs;
	const struct wabi_table_info *t;
	uint32_t off;
	int rc;

	if (to - from > UINT32_MAX)
		return odd_state(s, "table", table);
	rc = new_list(s, (size_t)(to - from) * sizeof *funcs, &off);
	for (uint64_t k = from; k < to && rc == WASMC_OK; k++)
		rc = check_func(s, funcs[k], "table", table);
	if (rc != WASMC_OK)
		return rc;
	memcpy(s->meta.p + off, funcs + from, (size_t)(to - from) * 4);
	t = LIST(s, tables, struct wabi_table_info) + table;
	*e = (struct wabi_elem_info){ .mode = WABI_SEG_ACTIVE, .table = table,
	    .type = t->type, .funcs = { off, (uint32_t)(to - from) },
	    .offset = { .how = WABI_INIT_CONST, .val = { .i64 = from } } };
	return WASMC_OK;
}

/* The segments of all tables, one for each run of functions, added to segs. */
static int
table_segments(struct snap *s, struct buf *segs)
{
	int rc = WASMC_OK;

	for (uint32_t i = 0; i < OLD(s)->tables.n; i++) {
		const struct wasmc_state_table *st = &s->st->tables[i];
		bool is_func = LIST(s, tables, struct wabi_table_info)[i]
		    .type.type == WABI_FUNCREF;
		uint64_t from, to;

		for (from = 0; from < st->size && !rc; from = to) {
			struct wabi_elem_info e;

			for (to = from; to < st->size && st->funcs[to] !=
			    WASMC_STATE_NULL; to++)
				;
			if (to == from) {
				to++;
				continue;
			}
			if (!is_func)
				return odd_state(s, "table", i);
			rc = put_segment(s, &e, i, from, to);
			buf_add(segs, &e, sizeof e);
		}
	}
	return rc;
}

static int
do_tables(struct snap *s)
{
	for (uint32_t i = 0; i < OLD(s)->tables.n; i++) {
		struct wabi_table_info *t = LIST(s, tables,
		    struct wabi_table_info) + i;
		uint64_t size = s->st->tables[i].size;

		if (size < t->limits.min || size > t->limits.max)
			return odd_state(s, "table", i);
		t->limits.min = size;
		if (t->type.nullable)
			t->init = (struct wabi_init){ .how = WABI_INIT_CONST };
	}
	return WASMC_OK;
}

/* ---- Segments ------------------------------------------------------------ */

static int
do_elems(struct snap *s)
{
	struct buf segs = { 0 };
	struct wabi_list l = s->elems;
	uint32_t off = 0;
	int rc = table_segments(s, &segs);

	for (uint32_t i = 0; i < l.n; i++) {
		struct wabi_elem_info *e = AT(s, l.off,
		    struct wabi_elem_info) + i;

		if (!s->st->elem_dropped[i] && e->mode != WABI_SEG_PASSIVE)
			rc = odd_state(s, "element segment", i);
		if (!s->st->elem_dropped[i])
			continue;
		*e = (struct wabi_elem_info){ .mode = WABI_SEG_DECLARED,
		    .type = e->type };
	}
	if (rc == WASMC_OK && segs.failed)
		rc = snap_no_memory(s);
	if (rc == WASMC_OK)
		rc = new_list(s, l.n * sizeof(struct wabi_elem_info) + segs.n,
		    &off);
	if (rc == WASMC_OK) {
		size_t old = l.n * sizeof(struct wabi_elem_info);

		memcpy(s->meta.p + off, s->meta.p + l.off, old);
		if (segs.n)
			memcpy(s->meta.p + off + old, segs.p, segs.n);
		NEW(s)->elems = (struct wabi_list){ off, l.n +
		    (uint32_t)(segs.n / sizeof(struct wabi_elem_info)) };
	}
	buf_free(&segs);
	return rc;
}

static int
do_datas(struct snap *s)
{
	const Elf64_Shdr *h = s->at_data ? &s->sh[s->at_data] : NULL;

	for (uint32_t i = 0; i < OLD(s)->datas.n; i++) {
		struct wabi_data_info *d = LIST(s, datas,
		    struct wabi_data_info) + i;
		uint64_t off = d->data_off, n = d->bytes;

		if (s->st->data_dropped[i]) {
			*d = (struct wabi_data_info){ .memory = d->memory,
			    .mode = d->mode == WABI_SEG_PASSIVE ?
			    WABI_SEG_PASSIVE : WABI_SEG_IMAGE };
			continue;
		}
		if (d->mode != WABI_SEG_PASSIVE)
			return odd_state(s, "data segment", i);
		if (n && (!h || off > h->sh_size || n > h->sh_size - off))
			return snap_bad(s, "a data segment leads outside");
		d->data_off = n ? buf_add(&s->data, s->in + h->sh_offset + off,
		    n) : 0;
		if (s->data.failed)
			return snap_no_memory(s);
	}
	return WASMC_OK;
}

/* ---- The rest ------------------------------------------------------------ */

static bool
is_hidden(const struct snap *s, const struct wabi_export_info *e)
{
	for (size_t k = 0; k < s->st->nhide; k++)
		if (e->kind == WABI_KIND_FUNC &&
		    strlen(s->st->hide[k]) == e->name.n &&
		    !memcmp(s->old.p + e->name.off, s->st->hide[k],
			e->name.n))
			return true;
	return false;
}

static int
do_exports(struct snap *s)
{
	const struct wabi_export_info *e = OLD_LIST(s, exports,
	    struct wabi_export_info);
	uint32_t n = 0;

	for (uint32_t i = 0; i < OLD(s)->exports.n; i++)
		if (!is_hidden(s, &e[i]))
			LIST(s, exports, struct wabi_export_info)[n++] = e[i];
	NEW(s)->exports.n = n;
	NEW(s)->start = UINT32_MAX;
	return WASMC_OK;
}

/* The mark: what it was made of, and how. */
static int
do_mark(struct snap *s)
{
	const char *ran = s->st->ran ? s->st->ran : "";
	struct wabi_snapshot mark = { .ran = { 0, (uint32_t)strlen(ran) },
	    .elems = s->elems, .base_bytes = (uint32_t)s->old.n };
	uint32_t off;
	int rc = new_list(s, sizeof mark + mark.ran.n + 1ul, &off);

	if (rc != WASMC_OK)
		return rc;
	SHA256(s->in, s->n, mark.of_sha256);
	mark.ran.off = off + (uint32_t)sizeof mark;
	memcpy(s->meta.p + off, &mark, sizeof mark);
	memcpy(s->meta.p + mark.ran.off, ran, mark.ran.n);
	buf_align(&s->meta, 16);
	if (s->meta.failed)
		return snap_no_memory(s);
	NEW(s)->snapshot = (struct wabi_list){ off, 1 };
	NEW(s)->size = (uint32_t)s->meta.n;
	return WASMC_OK;
}

int
snap_meta(struct snap *s)
{
	int (*const steps[])(struct snap *) = { open_meta, check_imports,
	    check_state, shift_code, do_memories, do_globals, do_elems,
	    do_tables, do_datas, do_exports, do_mark };
	int rc = WASMC_OK;

	for (size_t i = 0; !rc && i < sizeof steps / sizeof *steps; i++)
		rc = steps[i](s);
	return rc;
}
