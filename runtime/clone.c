/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * clone.c: an instance that begins with another's state; and that state, for
 * whoever writes it down.
 *
 * A clone is made as any instance is, but for three things: it is linked to
 * what its source is linked to, its memories' images and sizes are the
 * source's, and instead of running initial values, segments and the start
 * function it copies globals, tables and what was dropped.  All this is its
 * origin, which it keeps, so that a reset brings it back.
 *
 * Images are shared: with the source's later clones, as long as the source has
 * not run and nobody has asked for a place in its memory, and with clones of
 * the clone.
 *
 * Funcrefs of the source's own functions, and of the host functions that it
 * imports, become the clone's; those of other instances stay what they are: the
 * clone is in their group, see link.c.
 */
#include <string.h>

#include "rt.h"

/* ---- What cannot be cloned ----------------------------------------------- */

/* A reference that is only good where it was made. */
static bool
is_bound(const struct wabi_valtype *t, uint64_t word)
{
	return word && t->type < WABI_V128 && t->type != WABI_FUNCREF &&
	    t->type != WABI_EXTERNREF;
}

static int
check_refs(wrt_instance *i, struct wrt_error *err)
{
	uint32_t first = i->module->nimported[WABI_KIND_GLOBAL];

	for (uint32_t k = first; k < i->module->nglobals; k++)
		if (is_bound(&i->globals[k].type, i->globals[k].cell->i64))
			return wrt__fail(err, WRT_ESTATE, "global %u holds a "
			    "reference that cannot be cloned", k);
	for (uint32_t k = 0; k < i->nown_tables; k++) {
		const struct wrt_table *t = &i->own_tables[k];

		for (uint64_t j = 0; t->type.type != WABI_FUNCREF &&
		    j < t->t.size; j++)
			if (is_bound(&t->type, t->t.base[j]))
				return wrt__fail(err, WRT_ESTATE, "table %u "
				    "holds references that cannot be cloned",
				    i->module->nimported[WABI_KIND_TABLE] + k);
	}
	return WRT_OK;
}

static int
check_source(wrt_instance *i, struct wrt_error *err)
{
	uint32_t first = i->module->nimported[WABI_KIND_MEMORY];

	if (!i->open || i->suspended || wrt__instance_runs(i))
		return wrt__fail(err, WRT_ESTATE, "the instance, or one that "
		    "it is linked with, is running or suspended");
	if (i->pool->forks != wrt__forks)
		return wrt__fail(err, WRT_ESTATE,
		    "the pool belongs to the process that forked this one");
	if (i->pinned)
		return wrt__fail(err, WRT_ESTATE, "the instance cannot be "
		    "cloned: others may refer to it");
	if (i->gc.base || wrt__group_of(&i->group)->heap)
		return wrt__fail(err, WRT_ESTATE, "the instance cannot be "
		    "cloned: it has a collected heap");
	for (uint32_t k = first; k < i->module->nmemories; k++)
		if (i->mems[k]->limits.shared)
			return wrt__fail(err, WRT_ESTATE, "the instance "
			    "cannot be cloned: its memory %u is shared", k);
	return check_refs(i, err);
}

/* ---- The origin ---------------------------------------------------------- */

/* The same function in i as f is in src. */
static uint64_t
own_func(wrt_instance *i, wrt_instance *src, uint64_t word)
{
	uintptr_t f = (uintptr_t)word;
	uintptr_t lo = (uintptr_t)wrt__vm_funcs(src);
	uint32_t n = src->module->meta->counts.nfuncrefs;

	if (f >= lo && f < lo + n * sizeof(struct wabi_func))
		return (uintptr_t)wrt__vm_funcs(i) + (f - lo);
	lo = (uintptr_t)src->hosts;
	n = src->module->nimported[WABI_KIND_FUNC];
	if (f >= lo && f < lo + n * sizeof *src->hosts)
		return (uintptr_t)i->hosts + (f - lo);
	return word;
}

static int
take_images(wrt_instance *i, wrt_instance *src, struct wrt_error *err)
{
	struct wrt__origin *o = i->origin;
	int rc = WRT_OK;

	for (uint32_t k = 0; k < src->nown_mems && rc == WRT_OK; k++) {
		struct wrt_memory *m = &src->own_mems[k];

		if (!m->frozen || src->ran || m->touched) {
			wrt__image_put(m->frozen);
			m->frozen = NULL;
			rc = wrt__image_take(m, &m->frozen, err);
			if (rc != WRT_OK)
				break;
			m->touched = false;
		}
		atomic_fetch_add(&m->frozen->refs, 1);
		o->images[o->nimages++] = m->frozen;
	}
	/* Those that were not reached are no longer what src holds. */
	for (uint32_t k = o->nimages; k < src->nown_mems; k++)
		src->own_mems[k].touched = true;
	src->ran = false;
	return rc;
}

static void
take_globals(wrt_instance *i, wrt_instance *src)
{
	uint32_t first = src->module->nimported[WABI_KIND_GLOBAL];

	for (uint32_t k = first; k < src->module->nglobals; k++) {
		union wabi_val *v = &i->origin->globals[k - first];

		*v = *wrt__vm_global(src, k);
		if (src->globals[k].type.type == WABI_FUNCREF)
			v->u64[0] = own_func(i, src, v->u64[0]);
	}
}

static int
take_tables(wrt_instance *i, wrt_instance *src)
{
	for (uint32_t k = 0; k < src->nown_tables; k++) {
		const struct wrt_table *t = &src->own_tables[k];
		struct wrt__words *w = &i->origin->tables[k];

		w->word = wrt__calloc(t->t.size, sizeof *w->word);
		if (!w->word)
			return WRT_ENOMEM;
		i->origin->ntables = k + 1;
		w->n = t->t.size;
		for (uint64_t j = 0; j < w->n; j++)
			w->word[j] = t->type.type == WABI_FUNCREF ?
			    own_func(i, src, t->t.base[j]) : t->t.base[j];
	}
	return WRT_OK;
}

/* Values of segments that took code to make. */
static int
take_elems(wrt_instance *i, wrt_instance *src)
{
	for (uint32_t k = 0; k < src->module->meta->elems.n; k++) {
		const struct wabi_elem_info *e =
		    &WRT__META(src->module, elems)[k];

		if (!src->elem_vals[k])
			continue;
		i->elem_vals[k] = wrt__calloc(e->inits.n, sizeof(uint64_t));
		if (!i->elem_vals[k])
			return WRT_ENOMEM;
		for (uint32_t j = 0; j < e->inits.n; j++)
			i->elem_vals[k][j] = e->type.type == WABI_FUNCREF ?
			    own_func(i, src, src->elem_vals[k][j]) :
			    src->elem_vals[k][j];
	}
	return WRT_OK;
}

static int
take_origin(wrt_instance *i, wrt_instance *src)
{
	const struct wabi_meta *meta = src->module->meta;
	struct wrt__origin *o = i->origin = wrt__calloc(1, sizeof *o);

	if (!o)
		return WRT_ENOMEM;
	o->images = wrt__calloc(meta->memories.n, sizeof(void *));
	o->globals = wrt__calloc(meta->globals.n, sizeof *o->globals);
	o->tables = wrt__calloc(meta->tables.n, sizeof *o->tables);
	o->dropped = wrt__calloc((size_t)meta->elems.n + meta->datas.n, 1);
	if (!o->images || !o->globals || !o->tables || !o->dropped)
		return WRT_ENOMEM;
	memcpy(o->dropped, src->elem_dropped, meta->elems.n);
	memcpy(o->dropped + meta->elems.n, src->data_dropped, meta->datas.n);
	o->fuel = ((const struct wabi_vmctx *)(void *)src->vmctx)->fuel;
	take_globals(i, src);
	return take_tables(i, src) == WRT_OK ? take_elems(i, src) : WRT_ENOMEM;
}

void
wrt__origin_free(struct wrt__origin *o)
{
	if (!o)
		return;
	for (uint32_t k = 0; k < o->nimages; k++)
		wrt__image_put(o->images[k]);
	for (uint32_t k = 0; k < o->ntables; k++)
		wrt__free(o->tables[k].word);
	wrt__free(o->images);
	wrt__free(o->globals);
	wrt__free(o->tables);
	wrt__free(o->dropped);
	wrt__free(o);
}

/* ---- Making one ---------------------------------------------------------- */

int
wrt__clone_link(wrt_instance *i, wrt_instance *src, struct wrt_error *err)
{
	int rc = wrt__link_same(i, src, err);

	if (rc != WRT_OK)
		return rc;
	if (take_origin(i, src) != WRT_OK)
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	return take_images(i, src, err);
}

void
wrt__clone_thaw(wrt_instance *i)
{
	const struct wabi_meta *meta = i->module->meta;
	const struct wrt__origin *o = i->origin;
	uint32_t first = i->module->nimported[WABI_KIND_GLOBAL];

	for (uint32_t k = 0; k < meta->globals.n; k++)
		*wrt__vm_global(i, first + k) = o->globals[k];
	for (uint32_t k = 0; k < i->nown_tables; k++) {
		struct wrt_table *t = &i->own_tables[k];

		wrt__table_reset(t, 0);
		memcpy(t->t.base, o->tables[k].word,
		    o->tables[k].n * sizeof *t->t.base);
	}
	memcpy(i->elem_dropped, o->dropped, meta->elems.n);
	memcpy(i->data_dropped, o->dropped + meta->elems.n, meta->datas.n);
	wrt__fuel_set(i, o->fuel);
}

void
wrt__clone_settings(wrt_instance *i, const wrt_instance *src)
{
	i->data = src->data;
	i->lim.wall_ns = src->lim.wall_ns;
	i->lim.cpu_ns = src->lim.cpu_ns;
	wrt__limits_changed(i);
	if (src->stack_bytes < i->stack_bytes)
		i->stack_bytes = src->stack_bytes;
	wrt_cont_limit(i, src->conts.max_n, src->conts.max_bytes);
	for (uint32_t k = 0; k < i->nown_mems; k++) {
		struct wrt_memory *m = &i->own_mems[k];

		if (src->own_mems[k].limit_pages < m->limit_pages)
			m->limit_pages = m->m.max_pages =
			    src->own_mems[k].limit_pages;
		/* It holds just that: its own clones share it too. */
		m->frozen = i->origin->images[k];
		atomic_fetch_add(&m->frozen->refs, 1);
	}
	for (uint32_t k = 0; k < i->nown_tables; k++)
		if (src->own_tables[k].t.max < i->own_tables[k].t.max)
			i->own_tables[k].t.max = src->own_tables[k].t.max;
}

int
wrt_instance_clone(wrt_instance **out, wrt_instance *src, wrt_pool *pool,
    struct wrt_error *err)
{
	int rc;

	if (!out || !src || !pool)
		return wrt__fail(err, WRT_EINVAL, "an argument is NULL");
	rc = check_source(src, err);
	return rc == WRT_OK ? wrt__instance_make(out, pool, src->module, NULL,
	    src, err) : rc;
}

/* ---- State, for hosts ---------------------------------------------------- */

/* A table that the module does not export is in nobody's hands but through
 * here. */
static bool
is_exported(const struct wrt_module *m, uint8_t kind, size_t index)
{
	const struct wabi_export_info *e = WRT__META(m, exports);

	for (uint32_t i = 0; i < m->meta->exports.n; i++)
		if (e[i].kind == kind && e[i].index == index)
			return true;
	return false;
}

int
wrt_instance_table_at(wrt_instance *i, size_t k, wrt_table **out)
{
	if (!i || !out)
		return WRT_EINVAL;
	if (k >= i->module->ntables)
		return WRT_ENOTFOUND;
	*out = i->tables[k];
	if (k >= i->module->nimported[WABI_KIND_TABLE] &&
	    !is_exported(i->module, WABI_KIND_TABLE, k))
		(*out)->closed = true;
	return WRT_OK;
}

int
wrt_instance_global_at(wrt_instance *i, size_t k, wrt_global **out)
{
	if (!i || !out)
		return WRT_EINVAL;
	if (k >= i->module->nglobals)
		return WRT_ENOTFOUND;
	*out = &i->globals[k];
	return WRT_OK;
}

int
wrt_instance_func_index(wrt_instance *i, const wrt_func *func, uint32_t *out)
{
	const struct wabi_func *f = (const struct wabi_func *)func;
	uint32_t nimported;

	if (!i || !f || !out)
		return WRT_EINVAL;
	if (f->vmctx == i->vmctx && f->func_idx < i->module->nfuncs) {
		*out = f->func_idx;
		return WRT_OK;
	}
	/* Of an imported one there are two descriptions: its own, and a copy
	 * among the instance's. */
	nimported = i->module->nimported[WABI_KIND_FUNC];
	for (uint32_t k = 0; k < nimported; k++) {
		uint32_t at = WRT__META(i->module, funcs)[k].funcref;

		if (f == i->funcs[k] || (at != UINT32_MAX &&
		    f == wrt__vm_funcs(i) + at)) {
			*out = k;
			return WRT_OK;
		}
	}
	return WRT_ENOTFOUND;
}

int
wrt_instance_dropped(wrt_instance *i, enum wrt_segment kind, size_t k)
{
	if (!i)
		return WRT_EINVAL;
	if (k >= (kind == WRT_SEGMENT_DATA ? i->module->meta->datas.n :
	    i->module->meta->elems.n))
		return WRT_ENOTFOUND;
	return (kind == WRT_SEGMENT_DATA ? i->data_dropped :
	    i->elem_dropped)[k];
}
