/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * instance.c: create, reset, close.
 *
 * The order of instantiation is the specification's: imports, then globals and
 * tables, then active element segments, active data segments, the start
 * function.  Reset goes through the same steps after it has brought memories
 * and tables back.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rt.h"

struct wabi_func *
wrt__instance_funcref(wrt_instance *i, uint32_t idx)
{
	const struct wrt_module *m = i->module;
	uint32_t k;

	if (idx < m->nimported[WABI_KIND_FUNC])
		return i->funcs[idx];
	k = WRT__META(m, funcs)[idx].funcref;
	return k == UINT32_MAX ? NULL : wrt__vm_funcs(i) + k;
}

/* ---- Allocation --------------------------------------------------------- */

static uint32_t
count_runs(const struct wrt_module *m)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < m->meta->memories.n; k++)
		n += WRT__META(m, memories)[k].image.n;
	return n;
}

/* An array of n in the one allocation; without base, only its place. */
static void *
carve(uint8_t *base, size_t *at, size_t n, size_t size)
{
	void *p = base ? base + *at : NULL;

	*at += (n * size + 15) & ~(size_t)15;
	return p;
}

/* Give i its arrays, which lie behind base.  Returns the bytes of all. */
static size_t
lay_out(wrt_instance *i, const struct wrt_module *m, uint8_t *base)
{
	const struct wabi_meta *meta = m->meta;
	uint32_t nfuncs = m->nimported[WABI_KIND_FUNC];
	size_t at = 0;

	i->l = wabi_layout_of(&meta->counts);
	carve(base, &at, 1, sizeof *i);
	i->vmctx = carve(base, &at, 1, i->l.size);
	i->own_mems = carve(base, &at, meta->memories.n, sizeof *i->own_mems);
	i->own_tables = carve(base, &at, meta->tables.n,
	    sizeof *i->own_tables);
	i->funcs = carve(base, &at, nfuncs, sizeof *i->funcs);
	i->hosts = carve(base, &at, nfuncs, sizeof *i->hosts);
	i->mems = carve(base, &at, m->nmemories, sizeof *i->mems);
	i->tables = carve(base, &at, m->ntables, sizeof *i->tables);
	i->globals = carve(base, &at, m->nglobals, sizeof *i->globals);
	i->tags = carve(base, &at, m->ntags, sizeof *i->tags);
	i->own_tags = carve(base, &at, m->ntags, sizeof *i->own_tags);
	i->runs = carve(base, &at, count_runs(m), sizeof *i->runs);
	i->elem_vals = carve(base, &at, meta->elems.n, sizeof *i->elem_vals);
	i->elem_dropped = carve(base, &at, meta->elems.n, 1);
	i->data_dropped = carve(base, &at, meta->datas.n, 1);
	return at;
}

/* A description and its arrays, all zero but for the places. */
static wrt_instance *
allocate(const struct wrt_module *m)
{
	wrt_instance size, *i;
	size_t n = lay_out(&size, m, NULL);

	i = wrt__calloc_lines(n);
	if (!i)
		return NULL;
	lay_out(i, m, (uint8_t *)i);
	i->alloc_bytes = n;
	i->group = wrt__group_new();
	if (!i->group) {
		wrt__free(i);
		return NULL;
	}
	i->group->members = i;
	return i;
}

/* As declared: an exporter's memory may be gone by now. */
static bool
is_shared(const struct wrt_module *m, uint32_t mem)
{
	uint32_t nimported = m->nimported[WABI_KIND_MEMORY];

	return mem < nimported ?
	    m->imported[WABI_KIND_MEMORY][mem]->limits.shared :
	    WRT__META(m, memories)[mem - nimported].limits.shared;
}

/* Takes what there is; i is in no group's list any more. */
void
wrt__instance_free(wrt_instance *i)
{
	wrt__stats_end(i);
	wrt__trap_clear(i);
	wrt__conts_free(i);
	wrt__exns_free(i);
	wrt__free(i->context);
	/* A host function may end what it called before it passes on the trap. */
	for (struct wrt__act *a = wrt__act; a; a = a->prev)
		if (a->inner == i)
			a->inner = NULL;
	for (uint32_t k = 0; k < i->module->nmemories; k++)
		if (i->mems[k] && is_shared(i->module, k))
			wrt__memory_put(i->mems[k]);
	for (uint32_t k = 0; k < i->nown_mems; k++) {
		wrt__pages_close(&i->own_mems[k]);
		wrt__image_put(i->own_mems[k].frozen);
	}
	for (uint32_t k = 0; k < i->nown_tables; k++)
		wrt__table_close(&i->own_tables[k]);
	for (uint32_t k = 0; k < i->module->nimported[WABI_KIND_FUNC]; k++)
		wrt__hostfn_put(i->hosts[k].func.host);
	wrt__heap_leave(i);
	wrt__group_put(&i->group);
	for (uint32_t k = 0; k < i->module->meta->elems.n; k++)
		wrt__free(i->elem_vals[k]);
	wrt__origin_free(i->origin);
	wrt__imports_put(i->imports);
	wrt__module_put(i->module);
	atomic_fetch_sub(&i->pool->ninstances, 1);
	wrt__pool_put(i->pool);
	wrt__free(i);
}

/* ---- Memories, tables, globals: their places ---------------------------- */

/* A shared memory may outlive the instance, so it has its own description of
 * its image. */
static int
open_shared(wrt_instance *i, uint32_t k, const struct wabi_limits *limits,
    const struct wrt__run *runs, uint32_t n, struct wrt_error *err)
{
	struct wrt_memory *m = wrt__memory_new(i->pool);
	int rc;

	if (m)
		m->own_runs = wrt__calloc(n, sizeof *runs);
	if (!m || !m->own_runs) {
		wrt__memory_put(m);
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	}
	if (n)
		memcpy(m->own_runs, runs, n * sizeof *runs);
	wrt__module_ref(i->module);
	m->module = i->module;
	rc = wrt__pages_open(m, i->pool, limits, m->own_runs, n,
	    i->module->fd, err);
	if (rc == WRT_OK)
		i->mems[k] = m;
	else
		wrt__memory_put(m);
	return rc;
}

/* Own memory k: with the module's image, or with what a clone begins with. */
static int
open_own(wrt_instance *i, uint32_t k, const struct wabi_limits *limits,
    const struct wrt__run *runs, uint32_t n, struct wrt_error *err)
{
	struct wrt__image *image = i->origin ? i->origin->images[k] : NULL;
	struct wrt_memory *m = &i->own_mems[k];
	struct wabi_limits grown = *limits;

	m->usual = image ? &image->usual : k ? NULL : &i->module->usual;
	if (!image)
		return wrt__pages_open(m, i->pool, limits, runs, n,
		    i->module->fd, err);
	grown.min = image->pages;
	return wrt__pages_open(m, i->pool, &grown, image->runs, image->nruns,
	    image->fd, err);
}

static int
open_memories(wrt_instance *i, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;
	uint32_t first = m->nimported[WABI_KIND_MEMORY];
	struct wrt__run *run = i->runs;

	if (m->meta->memories.n > i->pool->cfg.max_memories)
		return wrt__fail(err, WRT_ELIMIT, "the module has %u memories, "
		    "the pool allows %u", m->meta->memories.n,
		    i->pool->cfg.max_memories);
	for (uint32_t k = 0; k < m->meta->memories.n; k++) {
		const struct wabi_memory_info *info =
		    &WRT__META(m, memories)[k];
		const struct wabi_image_run *r = wrt__list(m, info->image);
		struct wrt__run *begin = run;
		int rc;

		for (uint32_t j = 0; j < info->image.n; j++, run++) {
			run->mem_off = r[j].mem_off;
			run->bytes = r[j].bytes;
			run->from = m->image + r[j].image_off;
			run->fd_off = m->image_off + (off_t)r[j].image_off;
		}
		i->nown_mems = k + 1;
		i->own_mems[k].slot = -1;
		if (info->limits.shared) {
			rc = open_shared(i, first + k, &info->limits, begin,
			    info->image.n, err);
			if (rc != WRT_OK)
				return rc;
			continue;
		}
		rc = open_own(i, k, &info->limits, begin, info->image.n, err);
		if (rc != WRT_OK)
			return rc;
		i->mems[first + k] = &i->own_mems[k];
	}
	return WRT_OK;
}

static int
open_tables(wrt_instance *i, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;
	uint32_t first = m->nimported[WABI_KIND_TABLE];

	for (uint32_t k = 0; k < m->meta->tables.n; k++) {
		const struct wabi_table_info *info = &WRT__META(m, tables)[k];
		struct wrt_table *t = &i->own_tables[k];
		struct wabi_limits limits = info->limits;
		int rc;

		if (i->origin)
			limits.min = i->origin->tables[k].n;
		i->nown_tables = k + 1;
		rc = wrt__table_open(t, i->pool, &info->type, m->type_ids,
		    &limits, 0, err);
		if (rc != WRT_OK)
			return rc;
		t->owner = i;
		i->tables[first + k] = t;
	}
	return WRT_OK;
}

static void
place_globals(wrt_instance *i)
{
	const struct wrt_module *m = i->module;
	uint32_t first = m->nimported[WABI_KIND_GLOBAL];

	for (uint32_t k = 0; k < first; k++)
		wrt__vm_global(i, k)->ref = i->globals[k].cell;
	for (uint32_t k = 0; k < m->meta->globals.n; k++) {
		const struct wabi_global_info *info = &WRT__META(m, globals)[k];
		struct wrt_global *g = &i->globals[first + k];

		g->cell = wrt__vm_global(i, first + k);
		g->type = info->type;
		g->ids = m->type_ids;
		g->mut = info->mut != 0;
		g->owner = i;
	}
}

/* Everything in vmctx that keeps its value. */
static void
fill_vmctx(wrt_instance *i)
{
	const struct wrt_module *m = i->module;
	struct wabi_vmctx *head = (struct wabi_vmctx *)(void *)i->vmctx;
	struct wabi_memref *mems = (void *)(i->vmctx + i->l.memories);
	struct wabi_tableref *tables = (void *)(i->vmctx + i->l.tables);
	struct wabi_import *imports = (void *)(i->vmctx + i->l.imports);
	void **tags = (void *)(i->vmctx + i->l.tags);

	head->rt = wrt__rt_table;
	head->instance = i;
	head->heap = &i->gc;
	wrt__fuel_init(i);
	for (uint32_t k = 0; k < m->nmemories; k++) {
		mems[k].base = i->mems[k]->m.base;
		mems[k].mem = &i->mems[k]->m;
	}
	for (uint32_t k = 0; k < m->ntables; k++) {
		tables[k].base = i->tables[k]->t.base;
		tables[k].tab = &i->tables[k]->t;
	}
	for (uint32_t k = 0; k < m->nimported[WABI_KIND_FUNC]; k++) {
		imports[k].code = i->funcs[k]->code;
		imports[k].vmctx = i->funcs[k]->vmctx;
		imports[k].func = i->funcs[k];
	}
	memcpy(i->vmctx + i->l.types, m->type_ids,
	    m->meta->types.n * sizeof *m->type_ids);
	/* A tag's identity is the address of what describes it. */
	for (uint32_t k = 0; k < m->ntags; k++) {
		if (k >= m->nimported[WABI_KIND_TAG]) {
			i->own_tags[k].type_id =
			    m->type_ids[wrt__tag_type(m, k)];
			i->tags[k] = &i->own_tags[k];
		}
		tags[k] = i->tags[k];
	}
}

static void
fill_funcs(wrt_instance *i)
{
	const struct wrt_module *m = i->module;
	const struct wabi_func_info *info = WRT__META(m, funcs);

	for (uint32_t k = 0; k < m->nfuncs; k++) {
		struct wabi_func *f;

		if (info[k].funcref == UINT32_MAX)
			continue;
		f = wrt__vm_funcs(i) + info[k].funcref;
		if (k < m->nimported[WABI_KIND_FUNC]) {
			*f = *i->funcs[k];
			continue;
		}
		f->code = wrt__code(m, info[k].entry);
		f->tail = wrt__code(m, info[k].tail);
		f->vmctx = i->vmctx;
		f->type_id = m->type_ids[info[k].type_idx];
		f->func_idx = k;
	}
}

/* ---- Values ------------------------------------------------------------- */

int
wrt__init_value(wrt_instance *i, const struct wabi_init *init,
    union wabi_val *out)
{
	memset(out, 0, sizeof *out);
	switch (init->how) {
	case WABI_INIT_CONST:
		*out = init->val;
		return WRT_OK;
	case WABI_INIT_GLOBAL:
		*out = *i->globals[init->index].cell;
		return WRT_OK;
	case WABI_INIT_FUNC:
		out->ref = wrt__instance_funcref(i, init->index);
		return WRT_OK;
	case WABI_INIT_CODE:
		return wrt__run(i, wrt__code(i->module, init->code), i->vmctx,
		    out, NULL);
	}
	return WRT_ELOAD;
}

/* A trap while instantiating, as an error. */
static int
fail_trap(wrt_instance *i, int code, struct wrt_error *err, const char *fmt,
    uint32_t k)
{
	const char *text = wrt__trap_text(code);
	char where[64];

	snprintf(where, sizeof where, fmt, k);
	if (i->trap.code == code && i->trap.more && i->trap.more->text[0])
		text = i->trap.more->text;
	i->trap.code = code;
	return wrt__fail(err, WRT_ETRAP, "%s (%s)", text, where);
}

static int
fail_value(wrt_instance *i, int rc, struct wrt_error *err, const char *what,
    uint32_t k)
{
	if (rc == WRT_ETRAP)
		return fail_trap(i, i->trap.code, err, what, k);
	return wrt__fail(err, rc, "%s: %s", what, wrt_status_text(rc));
}

static int
init_globals(wrt_instance *i, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;
	uint32_t first = m->nimported[WABI_KIND_GLOBAL];

	for (uint32_t k = 0; k < m->meta->globals.n; k++) {
		union wabi_val v;
		int rc = wrt__init_value(i, &WRT__META(m, globals)[k].init, &v);

		if (rc != WRT_OK)
			return fail_value(i, rc, err, "global %u", first + k);
		*wrt__vm_global(i, first + k) = v;
	}
	return WRT_OK;
}

static int
init_tables(wrt_instance *i, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;

	for (uint32_t k = 0; k < m->meta->tables.n; k++) {
		union wabi_val v;
		int rc = wrt__init_value(i, &WRT__META(m, tables)[k].init, &v);

		if (rc != WRT_OK)
			return fail_value(i, rc, err, "table %u", k);
		wrt__table_reset(&i->own_tables[k], v.u64[0]);
	}
	return WRT_OK;
}

/* ---- Segments and start ------------------------------------------------- */

static uint64_t
offset_of(const struct wabi_limits *l, union wabi_val v)
{
	return l->is64 ? v.i64 : v.i32;
}

/* Items that take code to make are made once: each is one object, however
 * often the segment is used. */
static int
make_elems(wrt_instance *i, uint32_t seg)
{
	const struct wabi_elem_info *e = &WRT__META(i->module, elems)[seg];
	const struct wabi_init *in = wrt__list(i->module, e->inits);
	uint32_t k = 0;
	int rc = WRT_OK;

	while (k < e->inits.n && in[k].how != WABI_INIT_CODE)
		k++;
	if (k == e->inits.n)
		return WRT_OK;
	if (!i->elem_vals[seg])
		i->elem_vals[seg] = wrt__calloc(e->inits.n, sizeof(uint64_t));
	if (!i->elem_vals[seg])
		return WRT_ENOMEM;
	for (k = 0; k < e->inits.n && rc == WRT_OK; k++) {
		union wabi_val v;

		rc = wrt__init_value(i, &in[k], &v);
		if (rc == WRT_OK)
			i->elem_vals[seg][k] = v.u64[0];
	}
	return rc;
}

static int
init_elems(wrt_instance *i, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;

	for (uint32_t k = 0; k < m->meta->elems.n; k++) {
		int rc = make_elems(i, k);

		if (rc != WRT_OK)
			return fail_value(i, rc, err, "element segment %u", k);
	}
	for (uint32_t k = 0; k < m->meta->elems.n; k++) {
		const struct wabi_elem_info *e = &WRT__META(m, elems)[k];
		union wabi_val off;
		int rc = WRT_OK;

		if (e->mode == WABI_SEG_ACTIVE) {
			rc = wrt__init_value(i, &e->offset, &off);
			if (rc != WRT_OK)
				return fail_value(i, rc, err,
				    "element segment %u", k);
			rc = wrt__table_init(i, e->table, k, offset_of(
			    &i->tables[e->table]->limits, off), 0,
			    e->funcs.n ? e->funcs.n : e->inits.n);
			if (rc)
				return fail_trap(i, rc, err,
				    "element segment %u", k);
		}
		if (e->mode != WABI_SEG_PASSIVE)
			i->elem_dropped[k] = 1;
	}
	return WRT_OK;
}

static int
init_datas(wrt_instance *i, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;

	for (uint32_t k = 0; k < m->meta->datas.n; k++) {
		const struct wabi_data_info *d = &WRT__META(m, datas)[k];
		union wabi_val off;
		int rc = WRT_OK;

		if (d->mode == WABI_SEG_ACTIVE) {
			rc = wrt__init_value(i, &d->offset, &off);
			if (rc != WRT_OK)
				return fail_value(i, rc, err,
				    "data segment %u", k);
			rc = wrt__memory_init(i, d->memory, k, offset_of(
			    &i->mems[d->memory]->limits, off), 0,
			    (uint32_t)d->bytes);
			if (rc)
				return fail_trap(i, rc, err,
				    "data segment %u", k);
		}
		if (d->mode != WABI_SEG_PASSIVE)
			i->data_dropped[k] = 1;
	}
	return WRT_OK;
}

static int
run_start(wrt_instance *i, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;
	uint32_t idx = m->meta->start;
	void *thunk;
	wrt_val none[1];
	int rc;

	if (idx == UINT32_MAX)
		return WRT_OK;
	if (idx < m->nimported[WABI_KIND_FUNC]) {
		rc = wrt_func_call((wrt_func *)i->funcs[idx], NULL, 0, NULL);
	} else {
		const struct wabi_func_info *f = &WRT__META(m, funcs)[idx];

		thunk = wrt__code(m, m->from_host[f->type_idx]);
		if (!thunk)
			return wrt__fail(err, WRT_ELOAD,
			    "the artifact has no way to call its start function");
		rc = wrt__run(i, thunk, i->vmctx, wrt__code(m, f->entry), none);
	}
	if (rc == WRT_ETRAP) {
		wrt_instance *at = idx < m->nimported[WABI_KIND_FUNC] ?
		    wrt__instance_of(i->funcs[idx]->vmctx) : i;

		if (at != i && at->trap.more && wrt__trap_text_of(i))
			memcpy(i->trap.more->text, at->trap.more->text,
			    WRT__TEXT);
		return fail_trap(i, at->trap.code, err, "start function %u",
		    idx);
	}
	if (rc != WRT_OK)
		return wrt__fail(err, rc, "start function: %s",
		    wrt_status_text(rc));
	return WRT_OK;
}

static int
initialise(wrt_instance *i, struct wrt_error *err)
{
	int rc;

	if (i->origin) {
		wrt__clone_thaw(i);
		return WRT_OK;
	}
	if (i->module->meta->elems.n)
		memset(i->elem_dropped, 0, i->module->meta->elems.n);
	if (i->module->meta->datas.n)
		memset(i->data_dropped, 0, i->module->meta->datas.n);
	if ((rc = init_globals(i, err)) != WRT_OK ||
	    (rc = init_tables(i, err)) != WRT_OK ||
	    (rc = init_elems(i, err)) != WRT_OK ||
	    (rc = init_datas(i, err)) != WRT_OK)
		return rc;
	return run_start(i, err);
}

/* ---- The public life ---------------------------------------------------- */

/* What the host may have set, as it is at first. */
static void
host_settings(wrt_instance *i)
{
	i->data = NULL;
	i->stack_bytes = i->pool->cfg.stack_bytes;
	i->conts.max_n = i->pool->cfg.max_continuations;
	i->conts.max_bytes = i->pool->cfg.continuation_bytes;
	memset(&i->lim, 0, sizeof i->lim);
	i->lim.wall_ns = i->pool->cfg.call_wall_ns;
	i->lim.cpu_ns = i->pool->cfg.call_cpu_ns;
	i->lim.count_cpu = i->pool->cfg.flags & WRT_POOL_CPU_TIME;
	wrt__limits_changed(i);
}

/* Count one more; parked ones make room. */
static int
admit(wrt_pool *pool, struct wrt_error *err)
{
	unsigned n = atomic_load(&pool->ninstances);

	for (;;) {
		if (n < pool->cfg.max_instances) {
			if (atomic_compare_exchange_weak(&pool->ninstances, &n,
			    n + 1))
				return WRT_OK;
			continue;
		}
		if (!wrt__park_reclaim(pool) &&
		    (n = atomic_load(&pool->ninstances)) >=
		    pool->cfg.max_instances)
			return wrt__fail(err, WRT_ELIMIT, "the pool is full: "
			    "it has %u instances", pool->cfg.max_instances);
		n = atomic_load(&pool->ninstances);
	}
}

static int
begin(wrt_instance **out, wrt_pool *pool, wrt_module *module,
    wrt_imports *imports, struct wrt_error *err)
{
	wrt_instance *i;
	int rc = admit(pool, err);

	if (rc != WRT_OK)
		return rc;
	i = allocate(module);
	if (!i) {
		atomic_fetch_sub(&pool->ninstances, 1);
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	}
	wrt__pool_hold(pool);
	i->pool = pool;
	i->module = module;
	wrt__module_ref(module);
	wrt__imports_hold(imports);
	i->imports = imports;
	host_settings(i);
	i->open = true;
	wrt__group_open(&i->group);
	*out = i;
	return WRT_OK;
}

/* Is it one that may be parked, as far as its module and imports tell? */
static bool
may_park(const wrt_instance *i)
{
	wrt_imports *l = i->imports;

	if (i->origin)
		return false;
	for (uint32_t k = 0; k < i->module->nmemories; k++)
		if (is_shared(i->module, k))
			return false;
	/* A list that is made for one instance is not waited for. */
	if (l && !atomic_load_explicit(&l->uses, memory_order_relaxed)) {
		atomic_store(&l->uses, 1);
		return false;
	}
	return true;
}

/* All but what initialise() does. */
static int
build(wrt_instance *i, wrt_instance *src, struct wrt_error *err)
{
	int rc;

	if (i->pool->cfg.flags & WRT_POOL_DENSE && i->module->meta->memories.n
	    && i->module->meta->bounds != WABI_BOUNDS_EXPLICIT)
		return wrt__fail(err, WRT_EINVAL, "the pool is dense: its "
		    "modules must be compiled with --bounds=explicit");
	if (i->imports)
		i->imports_seen = atomic_load(&i->imports->changes);
	rc = src ? wrt__clone_link(i, src, err) :
	    wrt__link(i, i->imports, err);
	if (rc != WRT_OK || (rc = open_memories(i, err)) != WRT_OK ||
	    (rc = open_tables(i, err)) != WRT_OK ||
	    (rc = wrt__heap_join(i, err)) != WRT_OK)
		return rc;
	place_globals(i);
	fill_vmctx(i);
	fill_funcs(i);
	i->parkable = may_park(i);
	return WRT_OK;
}

int
wrt__instance_make(wrt_instance **out, wrt_pool *pool, wrt_module *module,
    wrt_imports *imports, wrt_instance *src, struct wrt_error *err)
{
	struct wrt__thread *t;
	wrt_instance *i;
	int rc = WRT_OK;

	if (pool->forks != wrt__forks)
		return wrt__fail(err, WRT_ESTATE,
		    "the pool belongs to the process that forked this one");
	/* Segments touch the memory: its faults must not be blocked. */
	t = wrt__thread_get();
	if (!t)
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	i = src ? NULL : wrt__park_take(&t->parks, pool, module, imports);
	if (i) {
		i->open = true;
		i->state = WRT__READY;
		if (wrt_module_has_fuel(module))
			wrt__fuel_init(i);
		wrt__stats_again(i);
	} else {
		rc = begin(&i, pool, module, imports, err);
		if (rc != WRT_OK)
			return rc;
		rc = build(i, src, err);
		if (rc == WRT_OK)
			wrt__stats_open(i);
	}
	if (rc == WRT_OK)
		rc = initialise(i, err);
	if (rc != WRT_OK) {
		wrt_instance_close(i);
		return rc;
	}
	if (src)
		wrt__clone_settings(i, src);
	*out = i;
	return WRT_OK;
}

int
wrt_instance_create(wrt_instance **out, wrt_pool *pool, wrt_module *module,
    wrt_imports *imports, struct wrt_error *err)
{
	if (!out || !pool || !module)
		return wrt__fail(err, WRT_EINVAL, "an argument is NULL");
	return wrt__instance_make(out, pool, module, imports, NULL, err);
}

/* Nobody else is in its group, or has an open thing there. */
static bool
is_alone(const wrt_instance *i)
{
	const struct wrt__group *g = i->group;

	return !i->pinned && !g->into && g->refs == 1 && g->nopen == 1 &&
	    g->members == i && !i->next;
}

static int
reset_memories(wrt_instance *i, uint32_t *which)
{
	uint32_t first = i->module->nimported[WABI_KIND_MEMORY];
	int rc = WRT_OK;

	for (uint32_t k = 0; k < i->nown_mems && rc == WRT_OK; k++) {
		*which = k;
		rc = wrt__pages_reset(i->mems[first + k]);
	}
	return rc;
}

static uint64_t
idle_bytes(const wrt_instance *i)
{
	uint64_t n = i->alloc_bytes;

	for (uint32_t k = 0; k < i->nown_mems; k++)
		n += wrt__pages_resident(&i->own_mems[k]);
	for (uint32_t k = 0; k < i->nown_tables; k++)
		n += i->own_tables[k].t.size * sizeof(uint64_t);
	return n;
}

/* Nothing of what the guest or the host left stays. */
static bool
scrub(wrt_instance *i)
{
	const struct wrt_module *m = i->module;
	uint32_t k;

	wrt__trap_clear(i);
	wrt__conts_free(i);
	wrt__exns_free(i);
	i->exns = (struct wrt__exns){ NULL, 0, 0 };
	if (reset_memories(i, &k) != WRT_OK)
		return false;
	for (k = 0; k < i->nown_mems; k++) {
		struct wrt_memory *mem = &i->own_mems[k];

		wrt__pages_unlimit(mem);
		wrt__image_put(mem->frozen);
		mem->frozen = NULL;
		mem->touched = false;
	}
	i->ran = false;
	for (k = 0; k < i->nown_tables; k++) {
		wrt__table_reset(&i->own_tables[k], 0);
		wrt__table_unlimit(&i->own_tables[k], i->pool);
	}
	memset(wrt__vm_global(i, m->nimported[WABI_KIND_GLOBAL]), 0,
	    m->meta->globals.n * sizeof(union wabi_val));
	host_settings(i);
	if (!i->gc.base)
		return true;
	for (k = 0; k < m->meta->elems.n; k++) {
		wrt__free(i->elem_vals[k]);
		i->elem_vals[k] = NULL;
	}
	return wrt__heap_reset(i) && wrt__heap_unlimit(i);
}

static bool
park(wrt_instance *i)
{
	struct wrt__thread *t = wrt__thread;

	if (!t || !i->parkable || !is_alone(i) ||
	    i->pool->forks != wrt__forks || !scrub(i))
		return false;
	i->idle_bytes = idle_bytes(i);
	return wrt__park_put(&t->parks, i);
}

void
wrt__instance_free_alone(wrt_instance *i)
{
	struct wrt__group *g = wrt__group_of(&i->group);

	g->refs++;
	wrt__instance_unlink(i);
	wrt__instance_free(i);
	wrt__group_close(&g);
	wrt__group_put(&g);
}

void
wrt_instance_close(wrt_instance *i)
{
	if (!i || !i->open || !wrt__services_close(i) || i->depth)
		return;
	wrt__suspended_drop(i);
	i->open = false;
	i->state = WRT__CLOSED;
	wrt__add(&i->counts.closed, 1);
	if (park(i))
		return;
	wrt__add(&i->counts.kept, i->pinned);
	if (i->pinned)
		wrt__group_close(&i->group);
	else
		wrt__instance_free_alone(i);
}

/* What code makes anew at a reset must not be found by a collection before. */
static void
forget_refs(wrt_instance *i)
{
	const struct wrt_module *m = i->module;

	if (!i->gc.base)
		return;
	for (uint32_t k = 0; k < m->meta->globals.n; k++)
		memset(wrt__vm_global(i, m->nimported[WABI_KIND_GLOBAL] + k),
		    0, sizeof(union wabi_val));
	for (uint32_t k = 0; k < i->nown_tables; k++)
		wrt__table_reset(&i->own_tables[k], 0);
	for (uint32_t k = 0; k < m->meta->elems.n; k++) {
		wrt__free(i->elem_vals[k]);
		i->elem_vals[k] = NULL;
	}
	wrt__heap_reset(i);
}

/* Frames of i may be on the stack when the call was into another instance of
 * the group. */
bool
wrt__instance_runs(wrt_instance *i)
{
	for (wrt_instance *j = wrt__group_of(&i->group)->members; j;
	    j = j->next)
		if (j->depth || (j != i && j->suspended))
			return true;
	return false;
}

int
wrt_instance_reset(wrt_instance *i, struct wrt_error *err)
{
	uint32_t first, which;
	int rc;

	if (!i)
		return wrt__fail(err, WRT_EINVAL, "instance is NULL");
	if (!wrt__thread_get())
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	if (!i->open || wrt__instance_runs(i))
		return wrt__fail(err, WRT_ESTATE, "the instance, or one that "
		    "it is linked with, runs, or the latter is "
		    "suspended");
	if (i->pool->forks != wrt__forks)
		return wrt__fail(err, WRT_ESTATE,
		    "the pool belongs to the process that forked this one");
	first = i->module->nimported[WABI_KIND_MEMORY];
	for (uint32_t k = first; k < i->module->nmemories; k++)
		if (i->mems[k]->limits.shared &&
		    atomic_load(&i->mems[k]->refs) > 1)
			return wrt__fail(err, WRT_ESTATE, "memory %u is "
			    "shared, and others use it", k);
	wrt__suspended_drop(i);
	wrt__trap_clear(i);
	i->ran = true;
	rc = reset_memories(i, &which);
	if (rc != WRT_OK)
		return wrt__fail(err, rc, "memory %u: %s", which,
		    wrt_status_text(rc));
	wrt__conts_free(i);
	wrt__exns_reset(i);
	forget_refs(i);
	wrt__fuel_init(i);
	i->state = WRT__READY;
	wrt__add(&i->counts.done.resets, 1);
	return initialise(i, err);
}

wrt_module *
wrt_instance_module(const wrt_instance *i)
{
	return i ? i->module : NULL;
}

void
wrt_instance_set_data(wrt_instance *i, void *data)
{
	if (i)
		i->data = data;
}

void *
wrt_instance_data(const wrt_instance *i)
{
	return i ? i->data : NULL;
}

int
wrt_instance_set_stack(wrt_instance *i, uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!i)
		return WRT_EINVAL;
	if (bytes > i->pool->cfg.stack_bytes)
		return WRT_ELIMIT;
	if (bytes < 16384)
		bytes = 16384;
	i->stack_bytes = (bytes + page - 1) & ~(page - 1);
	return WRT_OK;
}
