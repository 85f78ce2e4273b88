/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * meta.c: every offset, count and index in the metadata, checked once.
 *
 * The digest has shown that the metadata is as it was written, not that a
 * sane compiler wrote it.  Here: the head, types, imports, exports, functions;
 * meta_init.c has what an instance is made from.  Time is linear in the
 * metadata's size.
 */
#include <string.h>

#include "meta.h"

bool
wrt__zero(const void *p, size_t n)
{
	const char *s = p;

	for (size_t i = 0; i < n; i++)
		if (s[i])
			return false;
	return true;
}

const void *
wrt__checked_list(const struct wrt__metacheck *c, struct wabi_list l,
    size_t size, size_t align)
{
	if (!wrt__inside(l.off, (uint64_t)l.n * size, c->size) ||
	    (l.n && l.off % align))
		return NULL;
	return c->base + l.off;
}

bool
wrt__good_str(const struct wrt__metacheck *c, wabi_str s)
{
	return s.n == 0 || (wrt__inside(s.off, s.n + 1ull, c->size) &&
	    c->base[(uint64_t)s.off + s.n] == 0);
}

bool
wrt__good_code(const struct wrt__metacheck *c, int32_t rel, uint32_t size)
{
	return rel != 0 && rel >= c->text_lo && rel < c->text_hi &&
	    size <= (uint64_t)(c->text_hi - rel);
}

/* ---- Value types ---- */

static bool
is_number(uint8_t t)
{
	return t >= WABI_V128 && t <= WABI_I32;
}

/* The abstract heap types under each top. */
static const char *
heaps_of(uint8_t top)
{
	switch (top) {
	case WABI_FUNCREF:
		return "\x70\x73";			/* func, nofunc */
	case WABI_EXTERNREF:
		return "\x6f\x72";			/* extern, noextern */
	case WABI_ANYREF:
		/* any, eq, i31, struct, array, none */
		return "\x6e\x6d\x6c\x6b\x6a\x71";
	case WABI_EXNREF:
		return "\x69\x74";			/* exn, noexn */
	case WABI_CONTREF:
		return "\x68\x75";			/* cont, nocont */
	}
	return "";
}

/* ntypes: how many types may be named; field: packed types and a mark of
 * mutability are allowed. */
static bool
good_type(const struct wrt__metacheck *c, const struct wabi_valtype *t,
    uint32_t ntypes, bool field)
{
	uint8_t comp;

	if (t->exact > field || t->nullable > 1 || t->has_heap > 1)
		return false;
	if (is_number(t->type) ||
	    (field && (t->type == 0x78 || t->type == 0x77)))
		return !t->nullable && !t->has_heap && !t->heap;
	if (!t->has_heap)
		return t->heap && t->heap < 0x80 &&
		    strchr(heaps_of(t->type), (int)t->heap);
	if (t->heap >= ntypes)
		return false;
	comp = c->types[t->heap].comp;
	return t->type == (comp == WABI_COMP_FUNC ? WABI_FUNCREF :
	    comp == WABI_COMP_CONT ? WABI_CONTREF : WABI_ANYREF);
}

bool
wrt__good_valtype(const struct wrt__metacheck *c, const struct wabi_valtype *t)
{
	return good_type(c, t, c->m->types.n, false);
}

bool
wrt__good_ref(const struct wrt__metacheck *c, const struct wabi_valtype *t)
{
	return !is_number(t->type) && wrt__good_valtype(c, t);
}

/* A function type whose lists are good: see struct wabi_typed. */
static bool
in_registers(const struct wrt__metacheck *c, const struct wabi_typeinfo *t,
    unsigned ints)
{
	const struct wabi_valtype *p = (const void *)(c->base + t->params.off);
	const struct wabi_valtype *r = (const void *)(c->base + t->results.off);
	unsigned nints = 0, nfloats = 0;

	for (uint32_t k = 0; k < t->params.n; k++) {
		if (p[k].type < WABI_F64)
			return false;
		if (p[k].type >= WABI_I64)
			nints++;
		else
			nfloats++;
	}
	return nints <= ints && nfloats <= WABI_TYPED_FLOATS &&
	    t->results.n <= 1 && (t->results.n == 0 || r->type >= WABI_F64);
}

/* ---- Types ---- */

static int
check_type(struct wrt__metacheck *c, uint32_t i)
{
	const struct wabi_typeinfo *t = &c->types[i];
	struct wabi_list parts[2] = { t->params, t->results };
	uint32_t n = c->m->types.n;

	if (t->comp > WABI_COMP_CONT || t->final > 1 ||
	    !wrt__zero(t->pad, sizeof t->pad) ||
	    (t->super != UINT32_MAX && t->super >= i))
		return wrt__badmeta(c, "type %u is odd", i);
	/* Groups follow each other: the first of each says how long it is. */
	if (t->rec_n == 0 || t->rec_n > n - i + (i - t->rec_first) ||
	    t->rec_first > i || i - t->rec_first >= t->rec_n ||
	    (i > t->rec_first && (c->types[i - 1].rec_first != t->rec_first ||
	     c->types[i - 1].rec_n != t->rec_n)) ||
	    (i == t->rec_first && i && c->types[i - 1].rec_first +
	     c->types[i - 1].rec_n != i))
		return wrt__badmeta(c, "type %u is in no group", i);
	if (t->comp != WABI_COMP_FUNC && (t->results.n || t->from_host ||
	    t->to_host || t->typed_from_host || t->typed_to_host))
		return wrt__badmeta(c, "type %u is no function", i);
	if (t->comp == WABI_COMP_ARRAY && t->params.n != 1)
		return wrt__badmeta(c, "type %u is no array", i);
	if (t->comp == WABI_COMP_CONT && t->params.n != 1)
		return wrt__badmeta(c, "type %u is no continuation", i);
	for (int k = 0; k < 2; k++) {
		const struct wabi_valtype *v = wrt__checked_list(c, parts[k],
		    sizeof *v, _Alignof(struct wabi_valtype));

		if (!v)
			return wrt__badmeta(c, "type %u leads outside", i);
		for (uint32_t j = 0; j < parts[k].n; j++)
			if (!good_type(c, &v[j], t->rec_first + t->rec_n,
			    t->comp != WABI_COMP_FUNC) ||
			    (t->comp == WABI_COMP_CONT && (!v[j].has_heap ||
			    v[j].type != WABI_FUNCREF)))
				return wrt__badmeta(c, "type %u has an odd "
				    "part %u", i, j);
	}
	if ((t->from_host && !wrt__good_code(c, t->from_host, 0)) ||
	    (t->to_host && !wrt__good_code(c, t->to_host, 0)) ||
	    (t->typed_from_host && !wrt__good_code(c, t->typed_from_host, 0)) ||
	    (t->typed_to_host && !wrt__good_code(c, t->typed_to_host, 0)))
		return wrt__badmeta(c, "type %u has thunks outside of code",
		    i);
	if ((t->typed_from_host &&
	    !in_registers(c, t, WABI_TYPED_FROM_INTS)) ||
	    (t->typed_to_host && !in_registers(c, t, WABI_TYPED_TO_INTS)))
		return wrt__badmeta(c, "type %u has typed thunks, and does not "
		    "fit registers", i);
	return WRT_OK;
}

static int
check_types(struct wrt__metacheck *c)
{
	uint32_t n = c->m->types.n;

	c->types = wrt__checked_list(c, c->m->types, sizeof *c->types,
	    _Alignof(struct wabi_typeinfo));
	if (!c->types)
		return wrt__badmeta(c, "the types lead outside");
	for (uint32_t i = 0; i < n; i++) {
		int rc = check_type(c, i);

		if (rc)
			return rc;
	}
	if (n && c->types[n - 1].rec_first + c->types[n - 1].rec_n != n)
		return wrt__badmeta(c, "the last group has no end");
	/* Only now every comp is known to be one. */
	for (uint32_t i = 0; i < n; i++)
		if (c->types[i].super != UINT32_MAX &&
		    c->types[c->types[i].super].comp != c->types[i].comp)
			return wrt__badmeta(c, "type %u has an odd super", i);
	return WRT_OK;
}

static bool
is_func_type(const struct wrt__metacheck *c, uint32_t i)
{
	return i < c->m->types.n && c->types[i].comp == WABI_COMP_FUNC;
}

/* ---- Imports ---- */

bool
wrt__good_limits(const struct wabi_limits *l, enum wabi_kind kind)
{
	bool table = kind == WABI_KIND_TABLE;
	uint64_t top;

	if (l->is64 > 1 || l->shared > 1 || !wrt__zero(l->pad, sizeof l->pad))
		return false;
	if (table ? l->page_log2 != 0 || l->shared :
	    l->page_log2 != 16 && l->page_log2 != 0)
		return false;
	if (table)
		top = l->is64 ? UINT64_MAX : UINT32_MAX;
	else if (l->is64)
		top = l->page_log2 ? 1ull << 48 : UINT64_MAX;
	else	/* a 1-byte page: 2^32 - 1 is what the binary format can say */
		top = 1ull << (32 - l->page_log2);
	if (l->min > top || (l->shared && l->max == UINT64_MAX))
		return false;
	return l->max == UINT64_MAX || (l->max >= l->min && l->max <= top);
}

static bool
good_import(const struct wrt__metacheck *c, const struct wabi_import_info *i)
{
	if (!wrt__good_str(c, i->module) || !wrt__good_str(c, i->name) ||
	    i->kind > WABI_KIND_TAG || i->mut > 1 || i->pad ||
	    i->provided > (i->kind == WABI_KIND_FUNC) ||
	    i->index != c->nimported[i->kind])
		return false;
	switch (i->kind) {
	case WABI_KIND_FUNC:
	case WABI_KIND_TAG:
		return is_func_type(c, i->type_idx);
	case WABI_KIND_TABLE:
		return wrt__good_ref(c, &i->type) &&
		    wrt__good_limits(&i->limits, WABI_KIND_TABLE);
	case WABI_KIND_MEMORY:
		return wrt__good_limits(&i->limits, WABI_KIND_MEMORY);
	}
	return wrt__good_valtype(c, &i->type);
}

static int
check_imports(struct wrt__metacheck *c)
{
	c->imports = wrt__checked_list(c, c->m->imports, sizeof *c->imports,
	    _Alignof(struct wabi_import_info));
	if (!c->imports)
		return wrt__badmeta(c, "the imports lead outside");
	for (uint32_t i = 0; i < c->m->imports.n; i++) {
		if (!good_import(c, &c->imports[i]))
			return wrt__badmeta(c, "import %u is odd", i);
		c->nimported[c->imports[i].kind]++;
	}
	return WRT_OK;
}

/* ---- Counts ---- */

static int
check_counts(struct wrt__metacheck *c)
{
	const struct wabi_counts *n = &c->m->counts;
	const struct {
		uint64_t want, got;
		const char *what;
	} t[] = {
		{ n->nglobals, (uint64_t)c->nimported[WABI_KIND_GLOBAL] +
		    c->m->globals.n, "globals" },
		{ n->nmemories, (uint64_t)c->nimported[WABI_KIND_MEMORY] +
		    c->m->memories.n, "memories" },
		{ n->ntables, (uint64_t)c->nimported[WABI_KIND_TABLE] +
		    c->m->tables.n, "tables" },
		{ n->ntags, c->m->tags.n, "tags" },
		{ n->nimports, c->nimported[WABI_KIND_FUNC], "imports" },
		{ n->ntypes, c->m->types.n, "types" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (t[i].want != t[i].got)
			return wrt__badmeta(c, "%llu %s, not %llu",
			    (unsigned long long)t[i].got, t[i].what,
			    (unsigned long long)t[i].want);
	if (c->m->funcs.n < n->nimports || n->nfuncrefs > c->m->funcs.n ||
	    n->reserved)
		return wrt__badmeta(c, "its counts are odd");
	if (c->m->vmctx_size != wabi_layout_of(n).size)
		return wrt__badmeta(c, "the instance has another size");
	return WRT_OK;
}

/* ---- Functions ---- */

static bool
good_func(const struct wrt__metacheck *c, uint32_t i, uint32_t *nrefs)
{
	const struct wabi_func_info *f = &c->funcs[i];

	if (!is_func_type(c, f->type_idx) || !wrt__good_str(c, f->name))
		return false;
	if (f->funcref != UINT32_MAX && f->funcref != (*nrefs)++)
		return false;
	if (i < c->m->counts.nimports)
		return f->code == 0 && f->size == 0 && f->entry == 0 &&
		    f->tail == 0;
	if (!wrt__inside(f->wasm_off, f->wasm_size, c->m->wasm_size))
		return false;
	/* One that was inlined everywhere has no code of its own. */
	if (f->code == 0)
		return f->size == 0 && f->funcref == UINT32_MAX &&
		    f->entry == 0 && f->tail == 0;
	if (f->entry == 0 ? f->funcref != UINT32_MAX || f->tail != 0 :
	    !wrt__good_code(c, f->entry, 0))
		return false;
	if (f->tail != 0 && f->tail != f->code)
		return false;
	return wrt__good_code(c, f->code, f->size);
}

static int
check_funcs(struct wrt__metacheck *c)
{
	uint32_t nrefs = 0, imported = 0;

	c->funcs = wrt__checked_list(c, c->m->funcs, sizeof *c->funcs,
	    _Alignof(struct wabi_func_info));
	if (!c->funcs)
		return wrt__badmeta(c, "the functions lead outside");
	for (uint32_t i = 0; i < c->m->funcs.n; i++)
		if (!good_func(c, i, &nrefs))
			return wrt__badmeta(c, "function %u is odd", i);
	if (nrefs != c->m->counts.nfuncrefs)
		return wrt__badmeta(c, "%u function references, not %u", nrefs,
		    c->m->counts.nfuncrefs);
	for (uint32_t i = 0; i < c->m->imports.n; i++)
		if (c->imports[i].kind == WABI_KIND_FUNC &&
		    c->imports[i].type_idx != c->funcs[imported++].type_idx)
			return wrt__badmeta(c, "import %u has two types", i);
	return WRT_OK;
}

/* All but where the code is. */
static bool
same_func(const struct wabi_func_info *a, const struct wabi_func_info *b)
{
	return a->type_idx == b->type_idx && a->funcref == b->funcref &&
	    a->name.off == b->name.off && a->name.n == b->name.n &&
	    a->wasm_off == b->wasm_off && a->wasm_size == b->wasm_size &&
	    !a->entry == !b->entry && !a->tail == !b->tail;
}

/* So what is checked of the first level's functions holds for the others'. */
static int
check_levels(struct wrt__metacheck *c)
{
	const struct wabi_func_info *first = c->funcs;
	int rc = WRT_OK;

	for (uint32_t k = 0; !rc && k < c->m->levels.n; k++) {
		uint32_t nrefs = 0;

		c->funcs = wrt__checked_list(c, c->levels[k].funcs,
		    sizeof *first, _Alignof(struct wabi_func_info));
		if (!c->funcs || c->levels[k].funcs.n != c->m->funcs.n)
			rc = wrt__badmeta(c, "the functions of level %u lead "
			    "outside", k + 1);
		for (uint32_t i = 0; !rc && i < c->m->funcs.n; i++)
			if (!good_func(c, i, &nrefs) ||
			    !same_func(&c->funcs[i], &first[i]))
				rc = wrt__badmeta(c, "function %u of level %u "
				    "is odd", i, k + 1);
	}
	c->funcs = first;
	return rc;
}

static int
check_start(struct wrt__metacheck *c)
{
	const struct wabi_typeinfo *t;

	if (c->m->start == UINT32_MAX)
		return WRT_OK;
	if (c->m->start >= c->m->funcs.n)
		return wrt__badmeta(c, "there is no start function %u",
		    c->m->start);
	t = &c->types[c->funcs[c->m->start].type_idx];
	if (t->params.n || t->results.n ||
	    (c->m->start >= c->m->counts.nimports &&
	     c->funcs[c->m->start].entry == 0))
		return wrt__badmeta(c, "the start function has another type");
	return WRT_OK;
}

/* ---- Exports ---- */

static int
check_exports(struct wrt__metacheck *c)
{
	const struct wabi_counts *n = &c->m->counts;
	const uint32_t counts[5] = { c->m->funcs.n, n->ntables, n->nmemories,
	    n->nglobals, n->ntags };
	const struct wabi_export_info *e = wrt__checked_list(c, c->m->exports,
	    sizeof *e, _Alignof(struct wabi_export_info));

	if (!e)
		return wrt__badmeta(c, "the exports lead outside");
	for (uint32_t i = 0; i < c->m->exports.n; i++) {
		if (!wrt__good_str(c, e[i].name) ||
		    e[i].kind > WABI_KIND_TAG ||
		    !wrt__zero(e[i].pad, sizeof e[i].pad) ||
		    e[i].index >= counts[e[i].kind])
			return wrt__badmeta(c, "export %u is odd", i);
		if (e[i].kind == WABI_KIND_FUNC &&
		    c->funcs[e[i].index].funcref == UINT32_MAX)
			return wrt__badmeta(c, "export %u has no reference",
			    i);
	}
	return WRT_OK;
}

static int
check_tags(struct wrt__metacheck *c)
{
	const struct wabi_tag_info *t = wrt__checked_list(c, c->m->tags,
	    sizeof *t, _Alignof(struct wabi_tag_info));
	uint32_t n = 0;

	if (!t)
		return wrt__badmeta(c, "the tags lead outside");
	for (uint32_t i = 0; i < c->m->tags.n; i++)
		if (!is_func_type(c, t[i].type_idx))
			return wrt__badmeta(c, "tag %u is odd", i);
	/* The list has every tag, the imported ones first. */
	for (uint32_t i = 0; i < c->m->imports.n; i++)
		if (c->imports[i].kind == WABI_KIND_TAG &&
		    (n >= c->m->tags.n ||
		     c->imports[i].type_idx != t[n++].type_idx))
			return wrt__badmeta(c, "import %u has two types", i);
	return WRT_OK;
}

/* ---- The head ---- */

/* As wrt__cpu_missing(), for a string of the metadata. */
static const char *
missing(const struct wrt__metacheck *c, wabi_str features, size_t *len)
{
	return features.n ? wrt__cpu_missing(c->base + features.off, len) :
	    NULL;
}

/* The last level that this CPU can run; 0, and what the first needs, of *len
 * bytes, if there is none. */
static uint32_t
choose_level(const struct wrt__metacheck *c, const char **lack, size_t *len)
{
	for (uint32_t k = c->m->levels.n; k > 0; k--)
		if (!missing(c, c->levels[k - 1].cpu_features, len)) {
			*lack = NULL;
			return k;
		}
	*lack = missing(c, c->m->cpu_features, len);
	return 0;
}

static int
check_cpu(struct wrt__metacheck *c)
{
	size_t len = 0;
	const char *lack = wrt__cpu_odd_env(&len);

	if (lack)
		return wrt__fail(c->f->err, WRT_EINVAL, "WASMRT_CPU: \"%.*s\": "
		    "expected -FEATURE, as in -avx512f,-avx2", (int)len, lack);
	c->level = choose_level(c, &lack, &len);
	if (!lack)
		return WRT_OK;
	return wrt__fail(c->f->err, WRT_ELOAD, "%s: needs %s%.*s, which this "
	    "CPU lacks: compile it again here, or with --cpu for this one",
	    c->f->name, c->m->levels.n ? "at least " : "", (int)len, lack);
}

static int
check_level_list(struct wrt__metacheck *c)
{
	c->levels = wrt__checked_list(c, c->m->levels, sizeof *c->levels,
	    _Alignof(struct wabi_level));
	if (!c->levels || c->m->levels.n >= WABI_MAX_LEVELS)
		return wrt__badmeta(c, "its levels lead outside");
	for (uint32_t k = 0; k < c->m->levels.n; k++)
		if (!wrt__good_str(c, c->levels[k].cpu) ||
		    !wrt__good_str(c, c->levels[k].cpu_features) ||
		    c->levels[k].reserved)
			return wrt__badmeta(c, "level %u is odd", k + 1);
	return WRT_OK;
}

static int
check_head(struct wrt__metacheck *c)
{
	const struct wabi_meta *m = c->m;
	const wabi_str *strs[] = { &m->producer, &m->options, &m->target,
	    &m->cpu, &m->cpu_features, &m->wasm_features, &m->module_name };

	const struct wabi_snapshot *mark = wrt__checked_list(c, m->snapshot,
	    sizeof *mark, _Alignof(struct wabi_snapshot));

	if (m->size != c->size)
		return wrt__badmeta(c, "%u bytes, not %u", c->size, m->size);
	if (m->bounds > WABI_BOUNDS_EXPLICIT || (m->flags & ~WABI_META_FUEL) ||
	    m->reserved32 || !wrt__zero(m->reserved, sizeof m->reserved))
		return wrt__fail(c->f->err, WRT_ELOAD, "%s: uses something "
		    "that this runtime does not know: use a newer runtime, or "
		    "compile it again", c->f->name);
	if (!wrt__checked_list(c, m->fuel, sizeof(struct wabi_fuel_rest),
	    _Alignof(struct wabi_fuel_rest)))
		return wrt__badmeta(c, "its fuel leads outside");
	for (size_t i = 0; i < sizeof strs / sizeof *strs; i++)
		if (!wrt__good_str(c, *strs[i]))
			return wrt__badmeta(c, "its strings lead outside");
	if (!mark || m->snapshot.n > 1 ||
	    (m->snapshot.n && !wrt__good_str(c, mark->ran)))
		return wrt__badmeta(c, "its mark of a snapshot is odd");
	return WRT_OK;
}

int
wrt__verify_meta(struct wrt__file *f)
{
	const Elf64_Shdr *s = f->sec[SEC_META];
	struct wrt__metacheck c = {
		.f = f,
		.base = f->bytes[SEC_META],
		.size = (uint32_t)s->sh_size,
		.m = f->bytes[SEC_META],
		.text_lo = (int64_t)(f->text->p_vaddr - s->sh_addr),
		.text_hi = (int64_t)(f->text->p_vaddr + f->text->p_filesz -
		    s->sh_addr),
		.image_bytes = f->sec[SEC_IMAGE] ?
		    f->sec[SEC_IMAGE]->sh_size : 0,
		.data_bytes = f->sec[SEC_DATA] ? f->sec[SEC_DATA]->sh_size : 0,
	};
	int (*const steps[])(struct wrt__metacheck *) = {
		check_head, check_level_list, check_cpu, check_types,
		check_imports, check_counts, check_funcs, check_levels,
		check_start, check_exports, check_tags, wrt__check_objects,
	};

	if (s->sh_size > UINT32_MAX || s->sh_addr % 16)
		return wrt__badmeta(&c, "its section is odd");
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int rc = steps[i](&c);

		if (rc)
			return rc;
	}
	f->level = c.level;
	return WRT_OK;
}
