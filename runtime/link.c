/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * link.c: matching a module's imports, and instances that share something.
 *
 * Instances that may hold pointers into each other are in one group.  An
 * instance into which nobody can hold one (nothing of it was imported, none of
 * its functions went elsewhere) ends when it is closed; the others end
 * together, when the host has closed the last of them.  An instance whose
 * creation failed after its functions got into somebody's table stays in the
 * group without being open.
 *
 * The instances of a group are used by one thread at a time, so nothing here
 * locks.
 */
#include <stdio.h>
#include <string.h>

#include "rt.h"

/* ---- Groups ------------------------------------------------------------- */

struct wrt__group *
wrt__group_new(void)
{
	struct wrt__group *g = wrt__calloc(1, sizeof *g);

	if (g)
		g->refs = 1;
	return g;
}

static void
put(struct wrt__group *g)
{
	while (g && --g->refs == 0) {
		struct wrt__group *into = g->into;

		assert(!g->members && !g->nopen);
		wrt__heap_free(g->heap);
		wrt__free(g);
		g = into;
	}
}

void
wrt__group_put(struct wrt__group **g)
{
	put(*g);
	*g = NULL;
}

/* The group *g was merged into, if it was. */
struct wrt__group *
wrt__group_of(struct wrt__group **g)
{
	while ((*g)->into) {
		struct wrt__group *into = (*g)->into;

		into->refs++;
		put(*g);
		*g = into;
	}
	return *g;
}

void
wrt__group_join(struct wrt__group **pa, struct wrt__group **pb)
{
	struct wrt__group *a = wrt__group_of(pa), *b = wrt__group_of(pb);
	wrt_instance **end = &a->members;

	if (a == b)
		return;
	while (*end)
		end = &(*end)->next;
	*end = b->members;
	b->members = NULL;
	a->nopen += b->nopen;
	b->nopen = 0;
	if (!a->heap) {
		a->heap = b->heap;
	} else if (b->heap) {
		wrt__heap_merge(a->heap, b->heap);
	}
	b->heap = NULL;
	b->into = a;
	a->refs++;
}

void
wrt__group_open(struct wrt__group **g)
{
	wrt__group_of(g)->nopen++;
}

/* One open thing less; at none all members end. */
void
wrt__group_close(struct wrt__group **pg)
{
	struct wrt__group *g = wrt__group_of(pg);
	wrt_instance *i;

	assert(g->nopen);
	if (--g->nopen)
		return;
	g->refs++;
	while ((i = g->members)) {
		g->members = i->next;
		wrt__instance_free(i);
	}
	put(g);
}

void
wrt__group_escape(struct wrt__group **g, const struct wabi_func *func)
{
	wrt_instance *owner = wrt__instance_of(func->vmctx);

	if (g == &owner->group)
		return;
	owner->pinned = true;
	wrt__group_join(g, &owner->group);
}

/* Take i out of its group, which goes on without it. */
void
wrt__instance_unlink(wrt_instance *i)
{
	struct wrt__group *g = wrt__group_of(&i->group);

	for (wrt_instance **at = &g->members; *at; at = &(*at)->next)
		if (*at == i) {
			*at = i->next;
			return;
		}
}

void
wrt__vals_escape(wrt_instance *to, const uint8_t *types, uint32_t n,
    const wrt_val *vals)
{
	for (uint32_t k = 0; k < n; k++)
		if (types[k] == WRT_FUNCREF && vals[k].func)
			wrt__group_escape(&to->group,
			    (const struct wabi_func *)vals[k].func);
}

/* ---- Words for messages ------------------------------------------------- */

struct text {
	char s[300];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void
say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n += (size_t)n;
	if (t->n >= sizeof t->s)
		t->n = sizeof t->s - 1;
}

static const char *
type_name(uint8_t type)
{
	switch (type) {
	case WABI_I32: return "i32";
	case WABI_I64: return "i64";
	case WABI_F32: return "f32";
	case WABI_F64: return "f64";
	case WABI_V128: return "v128";
	case WABI_FUNCREF: return "funcref";
	case WABI_EXTERNREF: return "externref";
	case WABI_ANYREF: return "anyref";
	case WABI_EXNREF: return "exnref";
	case WABI_CONTREF: return "contref";
	}
	return "?";
}

static void
say_types(struct text *t, const uint8_t *types, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		say(t, "%s%s", k ? " " : "", type_name(types[k]));
}

static void
say_func(struct text *t, uint32_t id)
{
	struct wrt_functype f;

	if (!wrt__type_func(id, &f)) {
		say(t, "function");
		return;
	}
	say(t, "function (");
	say_types(t, f.params, f.nparams);
	say(t, f.nresults > 1 ? ") -> (" : ") -> ");
	if (!f.nresults)
		say(t, "()");
	say_types(t, f.results, f.nresults);
	if (f.nresults > 1)
		say(t, ")");
}

static void
say_limits(struct text *t, const struct wabi_limits *l, uint64_t size)
{
	say(t, " %s%llu", l->is64 ? "i64 " : "", (unsigned long long)size);
	if (l->max != UINT64_MAX)
		say(t, " %llu", (unsigned long long)l->max);
	if (l->shared)
		say(t, " shared");
}

static void
say_name(struct text *t, const struct wrt_module *m, wabi_str s)
{
	const char *p = wrt__str(m, s);

	say(t, "\"");
	for (uint32_t k = 0; k < s.n && k < 64; k++) {
		uint8_t c = (uint8_t)p[k];

		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			say(t, "\\%02x", c);
		else
			say(t, "%c", c);
	}
	say(t, s.n > 64 ? "...\"" : "\"");
}

/* What is imported, as text: "env" "f" (function (i32) -> ()) */
static void
say_wanted(struct text *t, const struct wrt_module *m,
    const struct wabi_import_info *im)
{
	switch (im->kind) {
	case WABI_KIND_FUNC:
		say_func(t, m->type_ids[im->type_idx]);
		break;
	case WABI_KIND_TABLE:
		say(t, "table %s", type_name(im->type.type));
		say_limits(t, &im->limits, im->limits.min);
		break;
	case WABI_KIND_MEMORY:
		say(t, "memory");
		say_limits(t, &im->limits, im->limits.min);
		break;
	case WABI_KIND_GLOBAL:
		say(t, "global %s%s", im->mut ? "mut " : "",
		    type_name(im->type.type));
		break;
	default:
		say(t, "tag");
	}
}

static void
say_found(struct text *t, const struct wrt__def *d)
{
	switch (d->kind) {
	case WRT_FUNC:
		say_func(t, d->host ? d->host->type_id : d->func->type_id);
		break;
	case WRT_TABLE:
		say(t, "table %s", type_name(d->table->type.type));
		say_limits(t, &d->table->limits, d->table->t.size);
		break;
	case WRT_MEMORY:
		say(t, "memory");
		say_limits(t, &d->mem->limits, wrt__mem_pages(d->mem));
		break;
	case WRT_GLOBAL:
		say(t, "global %s%s", d->global->mut ? "mut " : "",
		    type_name(d->global->type.type));
		break;
	default:
		say(t, "tag");
	}
}

static int
fail_import(struct wrt_error *err, const struct wrt_module *m,
    const struct wabi_import_info *im, const struct wrt__def *d)
{
	struct text t = { .n = 0 };

	say_name(&t, m, im->module);
	say(&t, " ");
	say_name(&t, m, im->name);
	say(&t, " (");
	say_wanted(&t, m, im);
	if (d) {
		say(&t, "), found ");
		say_found(&t, d);
	} else {
		say(&t, ")");
	}
	return wrt__fail(err, WRT_ELINK, "%s: %s", d ?
	    "incompatible import type" : "unknown import", t.s);
}

static int
fail_service(struct wrt_error *err, const struct wrt_module *m,
    const struct wabi_import_info *im, const struct wrt__def *d)
{
	struct text t = { .n = 0 };

	say_name(&t, m, im->module);
	say(&t, " ");
	say_name(&t, m, im->name);
	return wrt__fail(err, WRT_ELINK, "%s cannot be a service: %s", t.s,
	    wrt__service_refused(d->host));
}

/* ---- Matching ------------------------------------------------------------
 *
 * https://webassembly.github.io/spec/core/valid/matching.html
 */
static bool
match_limits(const struct wabi_limits *want, const struct wabi_limits *have,
    uint64_t size)
{
	return size >= want->min && have->is64 == want->is64 &&
	    have->shared == want->shared &&
	    have->page_log2 == want->page_log2 &&
	    (want->max == UINT64_MAX || have->max <= want->max);
}

static bool
match(const struct wrt_module *m, const struct wabi_import_info *im,
    const struct wrt__def *d)
{
	const struct wrt_global *g = d->global;

	if ((uint8_t)d->kind != im->kind)
		return false;
	switch (im->kind) {
	case WABI_KIND_FUNC:
		return wrt__type_is_subtype(d->host ? d->host->type_id :
		    d->func->type_id, m->type_ids[im->type_idx]);
	case WABI_KIND_TABLE:
		return match_limits(&im->limits, &d->table->limits,
		    d->table->t.size) && wrt__valtype_equal(&d->table->type,
		    d->table->ids, &im->type, m->type_ids);
	case WABI_KIND_MEMORY:
		return match_limits(&im->limits, &d->mem->limits,
		    wrt__mem_pages(d->mem));
	case WABI_KIND_GLOBAL:
		if (g->mut != (im->mut != 0))
			return false;
		return g->mut ? wrt__valtype_equal(&g->type, g->ids,
		    &im->type, m->type_ids) : wrt__valtype_is_subtype(&g->type,
		    g->ids, &im->type, m->type_ids);
	case WABI_KIND_TAG:
		return d->tag_type == m->type_ids[im->type_idx];
	}
	return false;
}

/* ---- Unknown imports ---------------------------------------------------- */

static int
unknown_trap(void *data, wrt_instance *caller, wrt_val *vals)
{
	const struct wrt__hostfn *h = data;

	(void)vals;
	return wrt_trap_set(caller, WABI_TRAP_UNKNOWN_IMPORT, h->text);
}

static int
unknown_zero(void *data, wrt_instance *caller, wrt_val *vals)
{
	const struct wrt__hostfn *h = data;

	(void)caller;
	if (h->type.nresults)
		memset(vals, 0, h->type.nresults * sizeof *vals);
	return WRT_OK;
}

/* Is zero a value of all the type's results? */
static bool
has_zeros(const struct wrt_module *m, uint32_t type)
{
	const struct wabi_typeinfo *t = &WRT__META(m, types)[type];
	const struct wabi_valtype *r = wrt__list(m, t->results);

	for (uint32_t k = 0; k < t->results.n; k++)
		if (r[k].type < WABI_V128 && !r[k].nullable)
			return false;
	return true;
}

static struct wrt__hostfn *
unknown_func(const struct wrt_module *m, const struct wabi_import_info *im,
    enum wrt_unknown how)
{
	struct text t = { .n = 0 };
	struct wrt_functype type;
	struct wrt__hostfn *h;

	if (!wrt__type_func(m->type_ids[im->type_idx], &type))
		return NULL;
	h = wrt__hostfn_new(&type, how == WRT_UNKNOWN_TRAP ||
	    !has_zeros(m, im->type_idx) ? unknown_trap : unknown_zero, NULL);
	if (!h)
		return NULL;
	h->data = h;
	say(&t, "unknown import called: ");
	say_name(&t, m, im->module);
	say(&t, " ");
	say_name(&t, m, im->name);
	h->text = wrt__calloc(t.n + 1, 1);
	if (h->text)
		memcpy(h->text, t.s, t.n);
	return h;
}

/* ---- Binding ------------------------------------------------------------ */

/* Could a value of the type lead others to a function, an exception or a
 * continuation of an instance of m?  An object of the collected heap may hold one, and every
 * reference may be one of an object. */
static bool
leads_back(const wrt_module *m, uint8_t type)
{
	return type == WRT_FUNCREF || type == WRT_EXNREF ||
	    type == WRT_CONTREF ||
	    (m->uses_heap && type < WRT_V128);
}

/* Could such a value of the importer's go through this import? */
static bool
leaks(const wrt_module *m, const struct wrt__def *d)
{
	struct wrt_functype f;

	switch (d->kind) {
	case WRT_FUNC:
		if (!d->func || !wrt__type_func(d->func->type_id, &f))
			return false;
		for (uint32_t k = 0; k < f.nparams; k++)
			if (leads_back(m, f.params[k]))
				return true;
		return false;
	case WRT_TABLE:
		return leads_back(m, d->table->type.type);
	case WRT_GLOBAL:
		return d->global->mut && leads_back(m, d->global->type.type);
	default:
		return false;
	}
}

/* What an import makes the importer one with; NULL: nothing. */
static struct wrt__group *
group_of(const struct wrt__def *d)
{
	if (d->from)
		return wrt__group_of(&d->from->group);
	if (d->kind == WRT_TABLE)
		return wrt__group_of(&d->table->group);
	if (d->kind == WRT_GLOBAL)
		return wrt__group_of(&d->global->group);
	return NULL;
}

static void
join(wrt_instance *i, const struct wrt__def *d)
{
	if (d->kind == WRT_MEMORY && d->mem->limits.shared)
		return;			/* held for itself */
	if (d->from) {
		d->from->pinned = true;
		wrt__group_join(&d->from->group, &i->group);
	} else if (d->kind == WRT_TABLE) {
		wrt__group_join(&d->table->group, &i->group);
	} else if (d->kind == WRT_GLOBAL && d->global->type.type < WABI_V128) {
		/* One that holds a number links nobody. */
		wrt__group_join(&d->global->group, &i->group);
	}
	if (leaks(i->module, d))
		i->pinned = true;
}

static int
bind_host(wrt_instance *i, const struct wabi_import_info *im,
    struct wrt__hostfn *h, struct wrt_error *err)
{
	struct wrt__hostblock *b = &i->hosts[im->index];

	b->head.rt = wrt__rt_table;
	b->head.instance = i;
	b->func.code = wrt__code(i->module, i->module->to_host[im->type_idx]);
	b->func.vmctx = b;
	b->func.type_id = h->type_id;
	b->func.func_idx = UINT32_MAX;
	b->func.host = h;
	b->fast = h->fast;
	b->data = h->fn == unknown_trap || h->fn == unknown_zero ? NULL :
	    h->data;
	if (h->fast && i->module->typed_to_host[im->type_idx])
		b->func.code = wrt__code(i->module,
		    i->module->typed_to_host[im->type_idx]);
	i->funcs[im->index] = &b->func;
	if (!b->func.code)
		return wrt__fail(err, WRT_ELOAD,
		    "the artifact has no way to call its import %u",
		    im->index);
	return WRT_OK;
}

static int
bind(wrt_instance *i, const struct wabi_import_info *im,
    const struct wrt__def *d, struct wrt_error *err)
{
	switch (im->kind) {
	case WABI_KIND_FUNC:
		if (!d->host) {
			i->funcs[im->index] = d->func;
			return WRT_OK;
		}
		atomic_fetch_add(&d->host->refs, 1);
		return bind_host(i, im, d->host, err);
	case WABI_KIND_TABLE:
		i->tables[im->index] = d->table;
		break;
	case WABI_KIND_MEMORY:
		i->mems[im->index] = d->mem;
		if (d->mem->limits.shared)
			wrt__memory_hold(d->mem);
		break;
	case WABI_KIND_GLOBAL:
		i->globals[im->index] = *d->global;
		break;
	case WABI_KIND_TAG:
		i->tags[im->index] = d->tag;
		break;
	}
	return WRT_OK;
}

/* Are there instances, or objects of hosts, that i shares something with? */
static bool
is_linked(wrt_instance *i)
{
	const struct wrt__group *g = wrt__group_of(&i->group);

	return g->members != i || i->next || g->nopen != 1;
}

int
wrt__link_same(wrt_instance *i, wrt_instance *src, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;
	const struct wabi_import_info *im = WRT__META(m, imports);
	int rc = WRT_OK;

	if (is_linked(src))
		wrt__group_join(&src->group, &i->group);
	for (uint32_t k = 0; k < m->meta->imports.n && rc == WRT_OK; k++) {
		uint32_t at = im[k].index;
		struct wrt__def d = { .kind = (enum wrt_kind)im[k].kind };

		switch (im[k].kind) {
		case WABI_KIND_FUNC:
			d.host = src->hosts[at].func.host;
			d.func = src->funcs[at];
			break;
		case WABI_KIND_TABLE:
			d.table = src->tables[at];
			break;
		case WABI_KIND_MEMORY:
			d.mem = src->mems[at];
			break;
		case WABI_KIND_GLOBAL:
			d.global = &src->globals[at];
			break;
		case WABI_KIND_TAG:
			d.tag = src->tags[at];
			break;
		}
		rc = bind(i, &im[k], &d, err);
	}
	return rc;
}

static const struct wrt__def *
lookup(const wrt_instance *i, const wrt_imports *l,
    const struct wabi_import_info *im)
{
	const struct wrt_module *m = i->module;

	return wrt__imports_find(l, wrt__str(m, im->module), im->module.n,
	    wrt__str(m, im->name), im->name.n);
}

/* A function that is compiled in is asked for only through tables. */
static bool
may_be_unknown(const wrt_imports *l, const struct wabi_import_info *im)
{
	return im->provided || (l && l->unknown != WRT_UNKNOWN_ERROR &&
	    im->kind == WABI_KIND_FUNC);
}

/* First everything is matched, then bound: a failure has no effect. */
int
wrt__link(wrt_instance *i, const wrt_imports *l, struct wrt_error *err)
{
	const struct wrt_module *m = i->module;
	const struct wabi_import_info *im = WRT__META(m, imports);
	uint32_t n = m->meta->imports.n;
	int rc = WRT_OK;

	for (uint32_t k = 0; k < n; k++) {
		const struct wrt__def *d = lookup(i, l, &im[k]);

		if (!d && may_be_unknown(l, &im[k]))
			continue;
		if (!d || !match(m, &im[k], d))
			return fail_import(err, m, &im[k], d);
		/* Its code takes the data out of the host's block. */
		if (im[k].provided && !d->host)
			return wrt__fail(err, WRT_ELINK, "import %u is "
			    "compiled in: only a host function can stand for "
			    "it", k);
		if (d->host && wrt__service_refused(d->host))
			return fail_service(err, m, &im[k], d);
		if (im[k].kind == WABI_KIND_MEMORY && d->mem->dense &&
		    m->meta->bounds != WABI_BOUNDS_EXPLICIT)
			return wrt__fail(err, WRT_ELINK, "a memory of a dense "
			    "pool: who imports it must be compiled with "
			    "--bounds=explicit");
		if (!wrt__heap_fits(group_of(d), i->pool))
			return wrt__fail(err, WRT_ELINK, "instances of "
			    "different pools cannot share a collected heap");
	}
	for (uint32_t k = 0; k < n && rc == WRT_OK; k++) {
		const struct wrt__def *d = lookup(i, l, &im[k]);
		struct wrt__hostfn *h;

		if (d) {
			join(i, d);
			rc = bind(i, &im[k], d, err);
			continue;
		}
		h = unknown_func(m, &im[k], im[k].provided ?
		    WRT_UNKNOWN_TRAP : l->unknown);
		rc = h ? bind_host(i, &im[k], h, err) :
		    wrt__fail(err, WRT_ENOMEM, "out of memory");
	}
	return rc;
}
