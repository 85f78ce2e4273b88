/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * imports.c: the list of what instances may import.
 *
 * A definition that is replaced stays with the list until its end, as earlier
 * instances may use the memory, table or global it owns.
 */
#include <string.h>

#include "rt.h"

/* A global of the host's. */
struct own_global {
	struct wrt_global g;
	union wabi_val cell;
};

static uint32_t
hash_of(const char *a, size_t na, const char *b, size_t nb)
{
	uint32_t h = 2166136261u;

	for (size_t k = 0; k < na; k++)
		h = (h ^ (uint8_t)a[k]) * 16777619u;
	h = (h ^ 0xff) * 16777619u;
	for (size_t k = 0; k < nb; k++)
		h = (h ^ (uint8_t)b[k]) * 16777619u;
	return h;
}

static struct wrt__def **
find(wrt_imports *l, uint32_t hash, const char *module, size_t module_len,
    const char *name, size_t name_len)
{
	struct wrt__def **at = &l->buckets[hash % WRT__BUCKETS], *d;

	for (; (d = *at); at = &d->next)
		if (d->hash == hash && d->module_len == module_len &&
		    d->name_len == name_len &&
		    !memcmp(d->module, module, module_len) &&
		    !memcmp(d->name, name, name_len))
			break;
	return at;
}

const struct wrt__def *
wrt__imports_find(const wrt_imports *l, const char *module, size_t module_len,
    const char *name, size_t name_len)
{
	if (!l)
		return NULL;
	return *find((wrt_imports *)l, hash_of(module, module_len, name,
	    name_len), module, module_len, name, name_len);
}

int
wrt_imports_has(const wrt_imports *l, const char *module, size_t module_len,
    const char *name, size_t name_len)
{
	return module && name &&
	    wrt__imports_find(l, module, module_len, name, name_len) != NULL;
}

/* ---- Definitions -------------------------------------------------------- */

static void
own_free(struct wrt__def *d)
{
	struct own_global *g = d->own;

	if (!d->own)
		return;
	if (d->kind == WRT_MEMORY) {
		wrt__memory_put(d->mem);
		return;
	} else if (d->kind == WRT_TAG) {
		/* nothing but its place */
	} else if (d->kind == WRT_TABLE) {
		wrt__group_close(&d->table->group);
		wrt__group_put(&d->table->group);
		wrt__table_close(d->table);
	} else {
		wrt__group_close(&g->g.group);
		wrt__group_put(&g->g.group);
	}
	wrt__free(d->own);
}

static void
def_free(struct wrt__def *d)
{
	if (!d)
		return;
	own_free(d);
	if (d->holds_mem)
		wrt__memory_put(d->mem);
	wrt__hostfn_put(d->host);
	wrt__free(d->module);
	wrt__free(d->name);
	wrt__free(d);
}

static char *
copy(const char *s, size_t n)
{
	char *p = wrt__calloc(n + 1, 1);

	if (p)
		memcpy(p, s, n);
	return p;
}

static struct wrt__def *
def_new(const char *module, size_t module_len, const char *name,
    size_t name_len, enum wrt_kind kind)
{
	struct wrt__def *d = wrt__calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->kind = kind;
	d->module_len = module_len;
	d->name_len = name_len;
	d->hash = hash_of(module, module_len, name, name_len);
	d->module = copy(module, module_len);
	d->name = copy(name, name_len);
	if (!d->module || !d->name) {
		def_free(d);
		return NULL;
	}
	return d;
}

void
wrt__imports_hold(wrt_imports *l)
{
	if (l)
		atomic_fetch_add(&l->refs, 1);
}

void
wrt__imports_put(wrt_imports *l)
{
	if (l && atomic_fetch_sub(&l->refs, 1) == 1)
		wrt__free(l);
}

/* Instances that were made before and wait to be made again are of no use. */
static void
changed(wrt_imports *l)
{
	atomic_fetch_add(&l->changes, 1);
	if (atomic_load(&l->uses))
		wrt__park_sweep(NULL, NULL, l, UINT32_MAX);
}

static void
def_add(wrt_imports *l, struct wrt__def *d)
{
	struct wrt__def **at = find(l, d->hash, d->module, d->module_len,
	    d->name, d->name_len);
	struct wrt__def *old = *at;

	changed(l);
	d->next = old ? old->next : NULL;
	*at = d;
	if (!old)
		return;
	if (old->own) {
		old->next = l->retired;
		l->retired = old;
	} else {
		def_free(old);
	}
}

int
wrt_imports_create(wrt_imports **out)
{
	wrt_imports *l;

	if (!out)
		return WRT_EINVAL;
	l = wrt__fork_init() ? wrt__calloc(1, sizeof *l) : NULL;
	if (!l)
		return WRT_ENOMEM;
	atomic_init(&l->refs, 1);
	*out = l;
	return WRT_OK;
}

void
wrt_imports_destroy(wrt_imports *l)
{
	struct wrt__def *d, *next;

	if (!l)
		return;
	changed(l);
	for (size_t k = 0; k < WRT__BUCKETS; k++)
		for (d = l->buckets[k]; d; d = next) {
			next = d->next;
			def_free(d);
		}
	for (d = l->retired; d; d = next) {
		next = d->next;
		def_free(d);
	}
	wrt__imports_put(l);
}

void
wrt_imports_unknown(wrt_imports *l, enum wrt_unknown what)
{
	if (!l)
		return;
	changed(l);
	l->unknown = what;
}

/* ---- Host functions ----------------------------------------------------- */

static bool
is_type(const struct wrt_functype *t)
{
	return t && (!t->nparams || t->params) && (!t->nresults || t->results);
}

static int
add_host(wrt_imports *l, const char *module, const char *name,
    const struct wrt_functype *type, wrt_host_fn fn, void (*cfn)(void),
    void *data)
{
	struct wrt__def *d;
	int rc = WRT_OK;

	if (!l || !module || !name || !is_type(type) || (!fn && !cfn))
		return WRT_EINVAL;
	d = def_new(module, strlen(module), name, strlen(name), WRT_FUNC);
	if (!d)
		return WRT_ENOMEM;
	d->host = wrt__hostfn_new(type, fn, data);
	if (!d->host)
		rc = WRT_ENOMEM;
	else if (cfn)
		rc = wrt__cfunc_prepare(d->host, cfn);
	if (rc == WRT_OK)
		def_add(l, d);
	else
		def_free(d);
	return rc;
}

int
wrt_imports_func(wrt_imports *l, const char *module, const char *name,
    const struct wrt_functype *type, wrt_host_fn fn, void *data)
{
	return add_host(l, module, name, type, fn, NULL, data);
}

int
wrt_imports_cfunc(wrt_imports *l, const char *module, const char *name,
    const struct wrt_functype *type, void (*fn)(void), void *data)
{
	return add_host(l, module, name, type, NULL, fn, data);
}

int
wrt_imports_typed(wrt_imports *l, const char *module, const char *name,
    const struct wrt_functype *type, void (*fn)(void), void *data)
{
	return add_host(l, module, name, type, NULL, fn, data);
}

/* ---- Services ----------------------------------------------------------- */

int
wrt_imports_service(wrt_imports *l, const char *module, const char *name,
    wrt_instance *callee, const char *export_name,
    const struct wrt_service_options *options)
{
	struct wrt_functype type;
	struct wabi_func *f;
	struct wrt__def *d;
	wrt_func *func;
	int rc;

	if (!l || !module || !name || !callee || !export_name)
		return WRT_EINVAL;
	rc = wrt_instance_func(callee, export_name, strlen(export_name), &func,
	    &type);
	if (rc != WRT_OK)
		return rc;
	f = (struct wabi_func *)func;
	if (f->host)
		return WRT_EINVAL;
	d = def_new(module, strlen(module), name, strlen(name), WRT_FUNC);
	if (!d)
		return WRT_ENOMEM;
	d->host = wrt__hostfn_new(&type, NULL, NULL);
	rc = d->host ? wrt__service_make(d->host, callee, f, module, name,
	    options) : WRT_ENOMEM;
	if (rc == WRT_OK)
		def_add(l, d);
	else
		def_free(d);
	return rc;
}

/* ---- Other instances' exports ------------------------------------------- */

static int
add_export(wrt_imports *l, const char *module, size_t module_len,
    const char *name, size_t name_len, wrt_instance *from, long k)
{
	const struct wabi_export_info *e = &WRT__META(from->module, exports)[k];
	struct wrt__def *d = def_new(module, module_len, name, name_len,
	    (enum wrt_kind)e->kind);

	if (!d)
		return WRT_ENOMEM;
	d->from = from;
	switch (e->kind) {
	case WABI_KIND_FUNC:
		d->func = wrt__instance_funcref(from, e->index);
		break;
	case WABI_KIND_TABLE:
		d->table = from->tables[e->index];
		break;
	case WABI_KIND_MEMORY:
		d->mem = from->mems[e->index];
		d->holds_mem = d->mem->limits.shared;
		if (d->holds_mem)
			wrt__memory_hold(d->mem);
		break;
	case WABI_KIND_GLOBAL:
		d->global = &from->globals[e->index];
		break;
	case WABI_KIND_TAG:
		d->tag = from->tags[e->index];
		d->tag_type = from->module->type_ids[
		    wrt__tag_type(from->module, e->index)];
		break;
	}
	def_add(l, d);
	return WRT_OK;
}

int
wrt_imports_export(wrt_imports *l, const char *module, const char *name,
    wrt_instance *from, const char *export_name)
{
	long k;

	if (!l || !module || !name || !from || !export_name)
		return WRT_EINVAL;
	k = wrt__find_export(from->module, export_name, strlen(export_name));
	if (k < 0)
		return WRT_ENOTFOUND;
	return add_export(l, module, strlen(module), name, strlen(name), from,
	    k);
}

int
wrt_imports_instance(wrt_imports *l, const char *module, wrt_instance *from)
{
	int rc = WRT_OK;

	if (!l || !module || !from)
		return WRT_EINVAL;
	for (uint32_t k = 0; k < from->module->meta->exports.n &&
	    rc == WRT_OK; k++) {
		const struct wabi_export_info *e =
		    &WRT__META(from->module, exports)[k];

		rc = add_export(l, module, strlen(module),
		    wrt__str(from->module, e->name), e->name.n, from, (long)k);
	}
	return rc;
}

/* ---- The host's own objects --------------------------------------------- */

static struct wabi_limits
limits_of(const struct wrt_limits *l)
{
	struct wabi_limits r = {
		.min = l->min, .max = l->max, .is64 = l->is64,
		.shared = l->shared, .page_log2 = l->page_log2,
	};

	return r;
}

static int
host_type(uint8_t type, struct wabi_valtype *out)
{
	memset(out, 0, sizeof *out);
	out->type = type;
	switch (type) {
	case WRT_FUNCREF: case WRT_EXTERNREF: case WRT_ANYREF: case WRT_EXNREF:
		out->nullable = 1;
		out->heap = type;
		/* fall through */
	case WRT_I32: case WRT_I64: case WRT_F32: case WRT_F64: case WRT_V128:
		return WRT_OK;
	}
	return WRT_EINVAL;
}

int
wrt_imports_memory(wrt_imports *l, wrt_pool *pool, const char *module,
    const char *name, const struct wrt_limits *limits, struct wrt_error *err)
{
	struct wabi_limits lim;
	struct wrt__def *d;
	int rc;

	if (!l || !pool || !module || !name || !limits)
		return wrt__fail(err, WRT_EINVAL, "an argument is NULL");
	lim = limits_of(limits);
	if (lim.page_log2 != 16 && lim.page_log2 != 0)
		return wrt__fail(err, WRT_EINVAL, "page_log2 is %u, not 16",
		    lim.page_log2);
	d = def_new(module, strlen(module), name, strlen(name), WRT_MEMORY);
	if (!d || !(d->own = d->mem = wrt__memory_new(pool))) {
		def_free(d);
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	}
	rc = wrt__pages_open(d->mem, pool, &lim, NULL, 0, -1, err);
	if (rc != WRT_OK) {
		def_free(d);
		return rc;
	}
	def_add(l, d);
	return WRT_OK;
}

int
wrt_imports_table(wrt_imports *l, wrt_pool *pool, const char *module,
    const char *name, uint8_t type, const struct wrt_limits *limits,
    wrt_val init, struct wrt_error *err)
{
	struct wabi_valtype vt;
	struct wabi_limits lim;
	struct wrt__def *d;
	int rc;

	if (!l || !pool || !module || !name || !limits)
		return wrt__fail(err, WRT_EINVAL, "an argument is NULL");
	if (host_type(type, &vt) != WRT_OK || !vt.nullable)
		return wrt__fail(err, WRT_EINVAL, "not a reference type");
	lim = limits_of(limits);
	d = def_new(module, strlen(module), name, strlen(name), WRT_TABLE);
	if (!d || !(d->table = wrt__calloc(1, sizeof *d->table)))
		goto nomem;
	d->table->group = wrt__group_new();
	if (!d->table->group)
		goto nomem;
	wrt__group_open(&d->table->group);
	d->own = d->table;
	rc = wrt__table_open(d->table, pool, &vt, NULL, &lim, init.u64[0],
	    err);
	if (rc != WRT_OK) {
		def_free(d);
		return rc;
	}
	if (type == WRT_FUNCREF && init.func)
		wrt__group_escape(&d->table->group,
		    (const struct wabi_func *)init.func);
	def_add(l, d);
	return WRT_OK;
nomem:
	if (d)
		wrt__free(d->table);
	def_free(d);
	return wrt__fail(err, WRT_ENOMEM, "out of memory");
}

int
wrt_imports_tag(wrt_imports *l, const char *module, const char *name,
    const struct wrt_functype *type, wrt_tag **out)
{
	struct wrt__def *d;
	struct wrt_tag *tag;
	int rc;

	if (!l || !module || !name || !is_type(type) || type->nresults)
		return WRT_EINVAL;
	d = def_new(module, strlen(module), name, strlen(name), WRT_TAG);
	tag = d ? wrt__calloc(1, sizeof *tag) : NULL;
	if (tag)
		tag->type_id = wrt__type_of_func(type);
	if (!tag || !tag->type_id) {
		rc = tag ? WRT_ETYPE : WRT_ENOMEM;
		wrt__free(tag);
		def_free(d);
		return rc;
	}
	d->tag = d->own = tag;
	d->tag_type = tag->type_id;
	def_add(l, d);
	if (out)
		*out = tag;
	return WRT_OK;
}

int
wrt_imports_global(wrt_imports *l, const char *module, const char *name,
    uint8_t type, int mut, wrt_val init)
{
	struct own_global *g;
	struct wabi_valtype vt;
	struct wrt__def *d;

	if (!l || !module || !name || host_type(type, &vt) != WRT_OK)
		return WRT_EINVAL;
	d = def_new(module, strlen(module), name, strlen(name), WRT_GLOBAL);
	g = d ? wrt__calloc(1, sizeof *g) : NULL;
	if (!g || !(g->g.group = wrt__group_new())) {
		wrt__free(g);
		def_free(d);
		return WRT_ENOMEM;
	}
	wrt__group_open(&g->g.group);
	g->g.cell = &g->cell;
	g->g.type = vt;
	g->g.mut = true;		/* for the first value */
	d->global = &g->g;
	d->own = g;
	wrt_global_set(&g->g, init);
	g->g.mut = mut != 0;
	def_add(l, d);
	return WRT_OK;
}
