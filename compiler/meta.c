/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * meta.c: the metadata, as bytes.
 *
 * Lists and strings are appended to the buffer, which moves when it grows: a
 * table is filled in a copy, or by offsets.  References to code are zero here
 * and listed for the relocations; those to functions that LLVM may delete are
 * filled in after the link (finish.c).
 */
#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "emit.h"
#include "fuel.h"

struct mw {
	struct compile *c;
	const struct plan *p;
	const struct module *m;
	const struct image *im;
	bool alone;
	struct meta *out;
};

#define AT(w, off, type)	((type *)(void *)((w)->out->bytes.p + (off)))

static void
mw_check(struct mw *w)
{
	if (w->out->bytes.failed || w->out->data.failed ||
	    w->out->refs.failed)
		w->c->arena.fail(w->c->arena.fail_data);
}

static size_t
mw_list(struct mw *w, size_t n, size_t size)
{
	size_t at;

	buf_align(&w->out->bytes, 16);
	at = buf_room(&w->out->bytes, n * size);
	mw_check(w);
	if (w->out->bytes.n > INT32_MAX) {
		w->c->failing = WASMC_EUNSUPPORTED;
		wc_fail(w->c, UINT64_MAX, "the metadata is too large");
	}
	return at;
}

static wabi_str
mw_bytes(struct mw *w, const void *p, size_t n)
{
	wabi_str s = { 0, (uint32_t)n };

	if (!n)
		return s;
	s.off = (uint32_t)buf_add(&w->out->bytes, p, n);
	buf_room(&w->out->bytes, 1);
	mw_check(w);
	return s;
}

static wabi_str
mw_slice(struct mw *w, struct slice s)
{
	return mw_bytes(w, s.p, s.n);
}

static wabi_str
mw_str(struct mw *w, const char *s)
{
	return mw_bytes(w, s, strlen(s));
}

/* The field at this offset is the address of the symbol. */
static void
mw_ref(struct mw *w, size_t at, const char *symbol)
{
	struct code_ref r = { (uint32_t)at, symbol };

	buf_add(&w->out->refs, &r, sizeof r);
	mw_check(w);
}

static void
mw_ref_numbered(struct mw *w, size_t at, const char *fmt, uint32_t k,
    const char *suffix)
{
	size_t room = 40 + strlen(suffix);
	char *s = ARENA_NEW(&w->c->arena, room, char);
	int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(s, 40, fmt, k);
#pragma GCC diagnostic pop
	memcpy(s + n, suffix, strlen(suffix) + 1);
	mw_ref(w, at, s);
}

/* ---- Types ---- */

static uint8_t
top_of(const struct mw *w, uint32_t heap)
{
	switch (heap) {
	case HT_FUNC: case HT_NOFUNC:
		return WABI_FUNCREF;
	case HT_EXTERN: case HT_NOEXTERN:
		return WABI_EXTERNREF;
	case HT_EXN: case HT_NOEXN:
		return WABI_EXNREF;
	case HT_CONT: case HT_NOCONT:
		return WABI_CONTREF;
	}
	if (heap & HT_ABSTRACT)
		return WABI_ANYREF;
	return w->m->types[heap].comp == COMP_FUNC ? WABI_FUNCREF :
	    w->m->types[heap].comp == COMP_CONT ? WABI_CONTREF : WABI_ANYREF;
}

static struct wabi_valtype
mw_type(const struct mw *w, struct vtype t)
{
	if (t.kind != T_REF)
		return (struct wabi_valtype){ .type = t.kind };
	return (struct wabi_valtype){
		.type = top_of(w, t.heap),
		.nullable = t.nullable,
		.has_heap = !(t.heap & HT_ABSTRACT),
		.heap = t.heap & ~HT_ABSTRACT,
	};
}

static struct wabi_list
mw_vtypes(struct mw *w, struct vtypes t)
{
	size_t at = mw_list(w, t.n, sizeof(struct wabi_valtype));

	for (uint32_t i = 0; i < t.n; i++)
		AT(w, at, struct wabi_valtype)[i] = mw_type(w, t.t[i]);
	return (struct wabi_list){ (uint32_t)at, t.n };
}

static struct wabi_list
mw_fields(struct mw *w, const struct type *t)
{
	size_t at = mw_list(w, t->nfields, sizeof(struct wabi_valtype));

	for (uint32_t i = 0; i < t->nfields; i++) {
		struct wabi_valtype v = mw_type(w, t->fields[i].type);

		v.exact = t->fields[i].mut;	/* a field's mutability */
		AT(w, at, struct wabi_valtype)[i] = v;
	}
	return (struct wabi_list){ (uint32_t)at, t->nfields };
}

_Static_assert((int)COMP_FUNC == WABI_COMP_FUNC &&
    (int)COMP_STRUCT == WABI_COMP_STRUCT && (int)COMP_ARRAY ==
    WABI_COMP_ARRAY && (int)COMP_CONT == WABI_COMP_CONT, "kinds of types");

/* What a type is made of, whatever it is. */
static void
mw_parts(struct mw *w, const struct type *t, struct wabi_typeinfo *info)
{
	struct vtype func = { T_REF, true, t->cont };

	if (t->comp == COMP_FUNC) {
		info->params = mw_vtypes(w, t->params);
		info->results = mw_vtypes(w, t->results);
	} else if (t->comp == COMP_CONT) {
		info->params = mw_vtypes(w, (struct vtypes){ &func, 1 });
	} else {
		info->params = mw_fields(w, t);
	}
}

static struct wabi_list
mw_types(struct mw *w)
{
	const struct module *m = w->m;
	size_t size = sizeof(struct wabi_typeinfo);
	size_t at = mw_list(w, m->ntypes, size);

	for (uint32_t i = 0; i < m->ntypes; i++) {
		const struct type *t = &m->types[i];
		size_t here = at + i * size;
		struct wabi_typeinfo info = {
			.comp = (uint8_t)t->comp,	/* the same numbers */
			.final = t->final,
			.super = t->super,
			.rec_first = t->rec_first, .rec_n = t->rec_n,
		};

		mw_parts(w, t, &info);
		*AT(w, here, struct wabi_typeinfo) = info;
		if (w->p->from_host[t->canon])
			mw_ref_numbered(w, here + offsetof(
			    struct wabi_typeinfo, from_host), SYM_FROM_HOST,
			    t->canon, "");
		if (w->p->to_host[t->canon])
			mw_ref_numbered(w, here + offsetof(
			    struct wabi_typeinfo, to_host), SYM_TO_HOST,
			    t->canon, "");
		if (w->p->from_host[t->canon] &&
		    plan_in_registers(t, WABI_TYPED_FROM_INTS))
			mw_ref_numbered(w, here + offsetof(
			    struct wabi_typeinfo, typed_from_host),
			    SYM_TYPED_FROM_HOST, t->canon, "");
		if (w->p->to_host[t->canon] &&
		    plan_in_registers(t, WABI_TYPED_TO_INTS))
			mw_ref_numbered(w, here + offsetof(
			    struct wabi_typeinfo, typed_to_host),
			    SYM_TYPED_TO_HOST, t->canon, "");
	}
	return (struct wabi_list){ (uint32_t)at, m->ntypes };
}

static struct wabi_limits
mw_limits(const struct limits *l, bool memory)
{
	return (struct wabi_limits){
		.min = l->min, .max = l->has_max ? l->max : UINT64_MAX,
		.is64 = l->is64, .shared = l->shared,
		.page_log2 = memory ? l->page_log2 : 0,
	};
}

/* ---- Imports and exports ---- */

static struct wabi_import_info
mw_import(struct mw *w, const struct import *i)
{
	const struct module *m = w->m;
	struct wabi_import_info info = { .kind = i->kind, .index = i->index };

	info.provided = i->kind == KIND_FUNC && w->p->bitcode &&
	    w->p->bitcode[i->index];
	info.module = mw_slice(w, i->module);
	info.name = mw_slice(w, i->name);
	switch (i->kind) {
	case KIND_FUNC:
		info.type_idx = m->funcs[i->index].type;
		break;
	case KIND_TAG:
		info.type_idx = m->tags[i->index].type;
		break;
	case KIND_GLOBAL:
		info.type = mw_type(w, m->globals[i->index].type);
		info.mut = m->globals[i->index].mut;
		break;
	case KIND_TABLE:
		info.type = mw_type(w, m->tables[i->index].type);
		info.limits = mw_limits(&m->tables[i->index].limits, false);
		break;
	default:
		info.limits = mw_limits(&m->memories[i->index].limits, true);
		break;
	}
	return info;
}

static struct wabi_list
mw_imports(struct mw *w)
{
	size_t at = mw_list(w, w->m->nimports,
	    sizeof(struct wabi_import_info));

	for (uint32_t i = 0; i < w->m->nimports; i++) {
		struct wabi_import_info info = mw_import(w,
		    &w->m->imports[i]);

		AT(w, at, struct wabi_import_info)[i] = info;
	}
	return (struct wabi_list){ (uint32_t)at, w->m->nimports };
}

static struct wabi_list
mw_exports(struct mw *w)
{
	size_t at = mw_list(w, w->m->nexports,
	    sizeof(struct wabi_export_info));

	for (uint32_t i = 0; i < w->m->nexports; i++) {
		const struct export *e = &w->m->exports[i];
		struct wabi_export_info info = { .name = mw_slice(w, e->name),
		    .kind = e->kind, .index = e->index };

		AT(w, at, struct wabi_export_info)[i] = info;
	}
	return (struct wabi_list){ (uint32_t)at, w->m->nexports };
}

/* ---- Functions ---- */

/* The function's name at the level. */
static const char *
mw_func_name(struct mw *w, const struct plan *p, uint32_t i)
{
	const char *name = p->sym.funcs[i];
	size_t n = strlen(name) + strlen(p->suffix) + 1;
	char *s;

	if (!*p->suffix)
		return name;
	s = ARENA_NEW(&w->c->arena, n, char);
	snprintf(s, n, "%s%s", name, p->suffix);
	return s;
}

/* References to the level's code of function i, whose description is at `here`.
 * What LLVM may delete is left to finish.c. */
static void
mw_func_code(struct mw *w, const struct plan *p, uint32_t i, size_t here)
{
	const char *name = mw_func_name(w, p, i);
	size_t code = here + offsetof(struct wabi_func_info, code);
	size_t entry = here + offsetof(struct wabi_func_info, entry);

	if (w->alone && !w->m->funcs[i].referenced && i != w->m->start)
		return;
	mw_ref(w, code, name);
	if (plan_has_entry(w->p, i)) {
		mw_ref_numbered(w, entry, SYM_ENTRY, i, p->suffix);
		mw_ref(w, here + offsetof(struct wabi_func_info, tail), name);
	} else if (!w->p->tail) {
		mw_ref(w, entry, name);
	}
}

static struct wabi_list
mw_funcs(struct mw *w)
{
	const struct module *m = w->m;
	size_t size = sizeof(struct wabi_func_info);
	size_t at = mw_list(w, m->nfuncs, size);

	w->out->funcs_off[0] = (uint32_t)at;
	for (uint32_t i = 0; i < m->nfuncs; i++) {
		const struct func *f = &m->funcs[i];
		struct wabi_func_info info = {
			.type_idx = f->type,
			.funcref = w->p->funcref_idx[i],
			.name = mw_slice(w, f->name),
		};

		if (!f->imported) {
			info.wasm_off = (uint32_t)f->offset;
			info.wasm_size = (uint32_t)f->body.n;
		}
		AT(w, at, struct wabi_func_info)[i] = info;
		if (!f->imported)
			mw_func_code(w, w->p, i, at + i * size);
	}
	return (struct wabi_list){ (uint32_t)at, m->nfuncs };
}

/* The functions of a further level: as the first one's, with other code. */
static struct wabi_list
mw_level_funcs(struct mw *w, const struct plan *p)
{
	const struct module *m = w->m;
	size_t size = sizeof(struct wabi_func_info);
	size_t at = mw_list(w, m->nfuncs, size);

	w->out->funcs_off[p->level] = (uint32_t)at;
	memcpy(w->out->bytes.p + at, w->out->bytes.p + w->out->funcs_off[0],
	    m->nfuncs * size);
	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++)
		mw_func_code(w, p, i, at + i * size);
	return (struct wabi_list){ (uint32_t)at, m->nfuncs };
}

static struct wabi_list
mw_levels(struct mw *w, const struct plan *levels, unsigned n)
{
	struct wabi_list l = { 0, n - 1 };

	if (l.n == 0)
		return l;
	l.off = (uint32_t)mw_list(w, l.n, sizeof(struct wabi_level));
	for (unsigned i = 0; i < l.n; i++) {
		const struct plan *p = &levels[i + 1];
		struct wabi_level v = { .cpu = mw_str(w, p->tune) };

		v.cpu_features = mw_str(w, p->cpu_features);
		v.funcs = mw_level_funcs(w, p);
		AT(w, l.off, struct wabi_level)[i] = v;
	}
	return l;
}

/* ---- What instances are made from ---- */

/* Store an initial value at an offset. */
static void
mw_init(struct mw *w, size_t at, const struct wabi_init *from)
{
	struct wabi_init in = *from;

	if (in.how == WABI_INIT_CODE) {
		mw_ref_numbered(w, at + offsetof(struct wabi_init, code),
		    SYM_INIT, in.index, "");
		in.index = 0;
	}
	*AT(w, at, struct wabi_init) = in;
}

static struct wabi_list
mw_tables(struct mw *w)
{
	const struct module *m = w->m;
	uint32_t first = m->ntables_imported, n = m->ntables - first;
	size_t size = sizeof(struct wabi_table_info);
	size_t at = mw_list(w, n, size);

	for (uint32_t i = 0; i < n; i++) {
		struct wabi_table_info *t = AT(w, at + i * size,
		    struct wabi_table_info);

		t->type = mw_type(w, m->tables[first + i].type);
		t->limits = mw_limits(&m->tables[first + i].limits, false);
		mw_init(w, at + i * size + offsetof(struct wabi_table_info,
		    init), &w->p->ce.tables[i]);
	}
	return (struct wabi_list){ (uint32_t)at, n };
}

static struct wabi_list
mw_memories(struct mw *w)
{
	const struct module *m = w->m;
	uint32_t first = m->nmemories_imported, n = m->nmemories - first;
	size_t at = mw_list(w, n, sizeof(struct wabi_memory_info));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t nr = w->im->nruns[i];
		size_t runs = mw_list(w, nr, sizeof(struct wabi_image_run));
		struct wabi_memory_info *mem = AT(w, at,
		    struct wabi_memory_info) + i;

		memcpy(w->out->bytes.p + runs, w->im->runs[i],
		    nr * sizeof(struct wabi_image_run));
		mem->limits = mw_limits(&m->memories[first + i].limits, true);
		mem->image = (struct wabi_list){ (uint32_t)runs, nr };
	}
	return (struct wabi_list){ (uint32_t)at, n };
}

static struct wabi_list
mw_globals(struct mw *w)
{
	const struct module *m = w->m;
	uint32_t first = m->nglobals_imported, n = m->nglobals - first;
	size_t size = sizeof(struct wabi_global_info);
	size_t at = mw_list(w, n, size);

	for (uint32_t i = 0; i < n; i++) {
		struct wabi_global_info *g = AT(w, at + i * size,
		    struct wabi_global_info);

		g->type = mw_type(w, m->globals[first + i].type);
		g->mut = m->globals[first + i].mut;
		mw_init(w, at + i * size + offsetof(struct wabi_global_info,
		    init), &w->p->ce.globals[i]);
	}
	return (struct wabi_list){ (uint32_t)at, n };
}

static struct wabi_list
mw_tags(struct mw *w)
{
	size_t at = mw_list(w, w->m->ntags, sizeof(struct wabi_tag_info));

	for (uint32_t i = 0; i < w->m->ntags; i++)
		AT(w, at, struct wabi_tag_info)[i].type_idx =
		    w->m->tags[i].type;
	return (struct wabi_list){ (uint32_t)at, w->m->ntags };
}

static void
mw_elem(struct mw *w, uint32_t i, size_t here)
{
	const struct elem *e = &w->m->elems[i];
	size_t isize = sizeof(struct wabi_init), items;
	struct wabi_elem_info info = {
		.mode = e->mode == SEG_ACTIVE ? WABI_SEG_ACTIVE :
		    e->mode == SEG_PASSIVE ? WABI_SEG_PASSIVE :
		    WABI_SEG_DECLARED,
		.table = e->mode == SEG_ACTIVE ? e->table : 0,
		.type = mw_type(w, e->type),
	};

	if (e->funcs) {
		items = mw_list(w, e->n, sizeof(uint32_t));
		memcpy(w->out->bytes.p + items, e->funcs, 4ull * e->n);
		info.funcs = (struct wabi_list){ (uint32_t)items, e->n };
	} else if (e->n) {
		items = mw_list(w, e->n, isize);
		for (uint32_t k = 0; k < e->n; k++)
			mw_init(w, items + k * isize,
			    &w->p->ce.elem_items[i][k]);
		info.inits = (struct wabi_list){ (uint32_t)items, e->n };
	}
	*AT(w, here, struct wabi_elem_info) = info;
	if (e->mode == SEG_ACTIVE)
		mw_init(w, here + offsetof(struct wabi_elem_info, offset),
		    &w->p->ce.elem_at[i]);
}

static struct wabi_list
mw_elems(struct mw *w)
{
	size_t size = sizeof(struct wabi_elem_info);
	size_t at = mw_list(w, w->m->nelems, size);

	for (uint32_t i = 0; i < w->m->nelems; i++)
		mw_elem(w, i, at + i * size);
	return (struct wabi_list){ (uint32_t)at, w->m->nelems };
}

static void
mw_data(struct mw *w, uint32_t i, size_t here)
{
	const struct data *d = &w->m->datas[i];
	struct wabi_data_info *info = AT(w, here, struct wabi_data_info);

	if (d->mode == SEG_ACTIVE)
		info->memory = d->memory;
	if (d->mode == SEG_ACTIVE && i < w->im->ndatas) {
		info->mode = WABI_SEG_IMAGE;
		return;
	}
	info->mode = d->mode == SEG_ACTIVE ? WABI_SEG_ACTIVE :
	    WABI_SEG_PASSIVE;
	info->data_off = buf_add(&w->out->data, d->bytes.p, d->bytes.n);
	info->bytes = d->bytes.n;
	mw_check(w);
	if (d->mode == SEG_ACTIVE)
		mw_init(w, here + offsetof(struct wabi_data_info, offset),
		    &w->p->ce.data_at[i]);
}

static struct wabi_list
mw_datas(struct mw *w)
{
	size_t size = sizeof(struct wabi_data_info);
	size_t at = mw_list(w, w->m->ndatas, size);

	for (uint32_t i = 0; i < w->m->ndatas; i++)
		mw_data(w, i, at + i * size);
	return (struct wabi_list){ (uint32_t)at, w->m->ndatas };
}

/* What faults give back; without guards nothing faults. */
static struct wabi_list
mw_fuel(struct mw *w)
{
	struct wabi_list l = { 0, 0 };

	if (!w->p->fuel || w->p->explicit_bounds)
		return l;
	l.off = (uint32_t)mw_list(w, 0, 1);
	l.n = fuel_rests(w->c, w->m, &w->out->bytes);
	mw_list(w, 0, 1);
	return l;
}

/* ---- The head ---- */

static wabi_str
mw_features(struct mw *w)
{
	char s[1024] = "";
	size_t n = 0;

	for (int f = 0; f < NFEATURES; f++)
		if (w->m->features_used & FEAT_BIT(f))
			n += (size_t)snprintf(s + n, sizeof s - n, "%s%s",
			    n ? "," : "", feature_name(f));
	return mw_str(w, s);
}

static wabi_str
mw_options(struct mw *w)
{
	char s[256];
	int wopt = w->c->opt ? w->c->opt->wasm_opt_level : 0;
	int n = snprintf(s, sizeof s, "-O%d --bounds=%s%s%s%s%s%s%s%s",
	    w->p->opt_level,
	    w->p->explicit_bounds ? "explicit" : "guard",
	    w->p->relaxed_deterministic ? " --relaxed-simd-deterministic" : "",
	    w->p->nan_canonical ? " --nan-canonicalize" : "",
	    w->p->fuel ? " --fuel" : "",
	    w->p->opt_level == 1 && w->c->opt && w->c->opt->keep_llvm_options ?
	    " --keep-llvm-options" : "",
	    w->p->bitcode ? " --link-bitcode" : "",
	    w->p->profile ? " --profile-use" : "",
	    w->c->opt && w->c->opt->profile_generate ?
	    " --profile-generate" : "");

	if (wopt > 0)
		snprintf(s + n, sizeof s - (size_t)n, " --wasm-opt=%d", wopt);
	return mw_str(w, s);
}

static void
mw_head(struct mw *w, struct wabi_meta *h)
{
	char producer[96];

	*h = (struct wabi_meta){
		.magic = WABI_MAGIC, .version = WABI_VERSION,
		.bounds = w->p->explicit_bounds ? WABI_BOUNDS_EXPLICIT :
		    WABI_BOUNDS_GUARD,
		.wasm_size = w->m->file.n,
		.counts = w->p->counts,
		.vmctx_size = w->p->layout.size,
		.start = w->m->start == NO_IDX ? UINT32_MAX : w->m->start,
		.flags = w->p->fuel ? WABI_META_FUEL : 0,
		.host_memory = w->p->host_memory,
	};
	SHA256(w->m->file.p, w->m->file.n, h->wasm_sha256);
	snprintf(producer, sizeof producer, "wasmc %s", wasmc_version());
	h->producer = mw_str(w, producer);
	h->options = mw_options(w);
	h->target = mw_str(w, w->p->triple);
	h->cpu = mw_str(w, *w->p->tune ? w->p->tune : w->p->cpu);
	h->cpu_features = mw_str(w, w->p->cpu_features);
	h->wasm_features = mw_features(w);
	h->module_name = mw_slice(w, w->m->name);
}

void
meta_make(struct compile *c, const struct plan *p, unsigned nlevels,
    const struct image *im, bool alone, struct meta *out)
{
	struct mw w = { c, p, p->m, im, alone, out };
	struct wabi_meta h;
	size_t at = mw_list(&w, 1, sizeof h);

	mw_head(&w, &h);
	h.types = mw_types(&w);
	h.imports = mw_imports(&w);
	h.exports = mw_exports(&w);
	h.funcs = mw_funcs(&w);
	h.tables = mw_tables(&w);
	h.memories = mw_memories(&w);
	h.globals = mw_globals(&w);
	h.tags = mw_tags(&w);
	h.elems = mw_elems(&w);
	h.datas = mw_datas(&w);
	h.fuel = mw_fuel(&w);
	h.levels = mw_levels(&w, p, nlevels);
	buf_align(&out->bytes, 16);
	mw_check(&w);
	h.size = (uint32_t)out->bytes.n;
	memcpy(out->bytes.p + at, &h, sizeof h);
}

void
meta_free(struct meta *m)
{
	buf_free(&m->bytes);
	buf_free(&m->data);
	buf_free(&m->refs);
}
