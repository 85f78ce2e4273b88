/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * merge_write.c: the sections of the linked module.
 *
 * Debug information of the inputs is left out: its addresses are offsets in
 * their code, which is another one now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "merge.h"
#include "profile.h"

static void
put_header(struct bytes *out)
{
	put(out, "\0asm\1\0\0\0", 8);
}

static void
put_section(struct merge *g, uint8_t id, const struct bytes *body,
    struct bytes *out)
{
	if (body->n > UINT32_MAX)
		merge_fail(g, NULL, WASMC_EUNSUPPORTED,
		    "the modules are too large to be linked");
	put_byte(out, id);
	put_u64(out, body->n);
	put(out, body->p, body->n);
}

/* A section that is a list of n, if there are any. */
static void
put_list(struct merge *g, uint8_t id, uint32_t n, const struct bytes *items,
    struct bytes *out)
{
	struct bytes body = { .a = &g->c.arena };

	if (!n)
		return;
	put_u32(&body, n);
	put(&body, items->p, items->n);
	put_section(g, id, &body, out);
}

static void
put_custom(struct merge *g, const char *name, const struct bytes *content,
    struct bytes *out)
{
	struct bytes body = { .a = &g->c.arena };

	put_name(&body, (struct slice){ (const uint8_t *)name, strlen(name) });
	put(&body, content->p, content->n);
	put_section(g, 0, &body, out);
}

/* ---- Types ---- */

static void
put_vtypes(struct bytes *b, const struct merge_input *in, struct vtypes t)
{
	put_u32(b, t.n);
	for (uint32_t i = 0; i < t.n; i++)
		put_vtype(b, in, t.t[i]);
}

static void
put_type(struct bytes *b, const struct merge_input *in, const struct type *t)
{
	static const uint8_t codes[] = { [COMP_FUNC] = 0x60,
	    [COMP_STRUCT] = 0x5f, [COMP_ARRAY] = 0x5e, [COMP_CONT] = 0x5d };

	if (!t->final || t->super != NO_IDX) {
		put_byte(b, t->final ? 0x4f : 0x50);
		put_u32(b, t->super != NO_IDX);
		if (t->super != NO_IDX)
			put_u32(b, in->types + t->super);
	}
	put_byte(b, codes[t->comp]);
	if (t->comp == COMP_FUNC) {
		put_vtypes(b, in, t->params);
		put_vtypes(b, in, t->results);
	} else if (t->comp == COMP_CONT) {
		put_heap(b, in, t->cont);
	} else if (t->comp == COMP_STRUCT) {
		put_u32(b, t->nfields);
	}
	for (uint32_t i = 0; i < t->nfields; i++) {
		put_vtype(b, in, t->fields[i].type);
		put_byte(b, t->fields[i].mut);
	}
}

/* The type section's entries are recursion groups. */
static uint32_t
put_types(const struct merge_input *in, struct bytes *b)
{
	const struct module *m = &in->c.module;
	uint32_t ngroups = 0;

	for (uint32_t i = 0; i < m->ntypes; i++) {
		const struct type *t = &m->types[i];

		if (t->rec_first == i) {
			ngroups++;
			if (t->rec_n != 1) {
				put_byte(b, 0x4e);
				put_u32(b, t->rec_n);
			}
		}
		put_type(b, in, t);
	}
	return ngroups;
}

static void
put_type_section(struct merge *g, struct bytes *out)
{
	struct bytes items = { .a = &g->c.arena };
	uint32_t n = 0;

	for (size_t i = 0; i < g->nin; i++)
		n += put_types(&g->in[i], &items);
	if (g->profile) {			/* the helper's, behind all */
		put(&items, "\x60\x02\x7f\x7f\x00", 5);
		n++;
	}
	put_list(g, 1, n, &items, out);
}

void
merge_types(struct merge *g, struct bytes *out)
{
	put_header(out);
	put_type_section(g, out);
}

/* ---- Imports and declarations ---- */

static void
put_limits(struct bytes *b, const struct limits *l, bool memory)
{
	bool pages = memory && l->page_log2 != 16;

	put_byte(b, (uint8_t)(l->has_max | l->shared << 1 | l->is64 << 2 |
	    pages << 3));
	put_u64(b, l->min);
	if (l->has_max)
		put_u64(b, l->max);
	if (pages)
		put_u32(b, l->page_log2);
}

static void
put_table_type(struct bytes *b, const struct merge_input *in,
    const struct table *t)
{
	put_vtype(b, in, t->type);
	put_limits(b, &t->limits, false);
}

static void
put_global_type(struct bytes *b, const struct merge_input *in,
    const struct global *gl)
{
	put_vtype(b, in, gl->type);
	put_byte(b, gl->mut);
}

static void
put_tag(struct bytes *b, const struct merge_input *in, const struct tag *t)
{
	put_byte(b, 0);
	put_u32(b, in->types + t->type);
}

void
merge_import(struct merge *g, struct merge_input *in,
    const struct import *im, struct bytes *out)
{
	const struct module *m = &in->c.module;

	put_name(out, im->module);
	put_name(out, im->name);
	put_byte(out, (uint8_t)im->kind);
	switch (im->kind) {
	case KIND_FUNC:
		put_u32(out, in->types + m->funcs[im->index].type);
		break;
	case KIND_TABLE:
		put_table_type(out, in, &m->tables[im->index]);
		break;
	case KIND_MEMORY:
		put_limits(out, &m->memories[im->index].limits, true);
		break;
	case KIND_GLOBAL:
		put_global_type(out, in, &m->globals[im->index]);
		break;
	default:
		put_tag(out, in, &m->tags[im->index]);
		break;
	}
}

static struct bytes
new_bytes(struct merge *g)
{
	return (struct bytes){ .a = &g->c.arena };
}

/* The function that calls the start functions of several modules has the type
 * of the first of them. */
static uint32_t
count_starts(const struct merge *g, uint32_t *type)
{
	uint32_t n = 0;

	for (size_t i = 0; i < g->nin; i++) {
		const struct merge_input *in = g->order[i];
		const struct module *m = &in->c.module;

		if (m->start == NO_IDX)
			continue;
		if (n++ == 0)
			*type = in->types + m->funcs[m->start].type;
	}
	return n;
}

static void
put_funcs(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	uint32_t n = 0, type = 0;

	for (size_t i = 0; i < g->nin; i++) {
		const struct module *m = &g->in[i].c.module;

		for (uint32_t k = m->nfuncs_imported; k < m->nfuncs; k++, n++)
			put_u32(&b, g->in[i].types + m->funcs[k].type);
	}
	for (uint32_t i = 0; i < g->nwrappers; i++, n++)
		put_u32(&b, g->wrappers[i].type);
	if (g->profile) {
		put_u32(&b, g->ntypes);
		n++;
	}
	if (count_starts(g, &type) > 1) {
		put_u32(&b, type);
		n++;
	}
	put_list(g, 3, n, &b, out);
}

static void
put_tables(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	uint32_t n = 0;

	for (size_t i = 0; i < g->nin; i++) {
		struct merge_input *in = &g->in[i];
		const struct module *m = &in->c.module;

		for (uint32_t k = m->ntables_imported; k < m->ntables; k++) {
			const struct table *t = &m->tables[k];

			if (t->has_init)
				put(&b, "\x40", 2);
			put_table_type(&b, in, t);
			if (t->has_init)
				merge_constexpr(g, in, &t->init,
				    g->nimports[KIND_GLOBAL], &b);
			n++;
		}
	}
	put_list(g, 4, n, &b, out);
}

static void
put_memories(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	uint32_t n = 0;

	for (size_t i = 0; i < g->nin; i++) {
		const struct module *m = &g->in[i].c.module;

		for (uint32_t k = m->nmemories_imported; k < m->nmemories;
		    k++, n++)
			put_limits(&b, &m->memories[k].limits, true);
	}
	if (g->profile) {
		struct limits l = { .min = profile_pages(g),
		    .max = profile_pages(g), .has_max = true,
		    .page_log2 = 16 };

		put_limits(&b, &l, true);
		n++;
	}
	put_list(g, 5, n, &b, out);
}

static void
put_tags(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	uint32_t n = 0;

	for (size_t i = 0; i < g->nin; i++) {
		const struct module *m = &g->in[i].c.module;

		for (uint32_t k = m->ntags_imported; k < m->ntags; k++, n++)
			put_tag(&b, &g->in[i], &m->tags[k]);
	}
	put_list(g, 13, n, &b, out);
}

static void
put_globals(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	uint32_t n = 0;

	for (size_t i = 0; i < g->nin; i++) {
		struct merge_input *in = g->order[i];
		const struct module *m = &in->c.module;

		for (uint32_t k = m->nglobals_imported; k < m->nglobals; k++) {
			put_global_type(&b, in, &m->globals[k]);
			merge_constexpr(g, in, &m->globals[k].init,
			    g->nimports[KIND_GLOBAL] + n++, &b);
		}
	}
	if (g->host_memory) {
		put(&b, "\x7f\x01\x41\x00\x0b", 5);	/* mut i32: 0 */
		n++;
	}
	put_list(g, 6, n, &b, out);
}

/* ---- Exports ---- */

struct exported {
	struct slice name;
	const struct merge_input *in;
};

static int
by_export(const void *a, const void *b)
{
	const struct exported *x = a, *y = b;
	int cmp = slice_compare(x->name, y->name);

	return cmp ? cmp : (x->in > y->in) - (x->in < y->in);
}

static void
check_clashes(struct merge *g, struct exported *e, uint32_t n)
{
	if (n)
		qsort(e, n, sizeof *e, by_export);
	for (uint32_t i = 1; i < n; i++) {
		const struct exported *a = &e[i - 1], *b = &e[i];

		if (slice_compare(a->name, b->name))
			continue;
		merge_fail(g, b->in, WASMC_EINVALID, "duplicate export "
		    "name \"%.*s\": \"%.*s\" has it too; --exports=first "
		    "keeps the first module's, --exports=prefixed both",
		    SLICE_SHOWN(a->name), SLICE_SHOWN(a->in->name));
	}
}

/* "module:name", where there are several. */
static struct slice
prefixed(struct merge *g, const struct merge_input *in, struct slice name)
{
	struct bytes b = new_bytes(g);

	if (g->nin == 1)
		return name;
	put(&b, in->name.p, in->name.n);
	put_byte(&b, ':');
	put(&b, name.p, name.n);
	return (struct slice){ b.p, b.n };
}

static void
put_exports(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	uint32_t n = 0, room = 0;
	struct exported *all;

	for (size_t i = 0; i < g->nin; i++)
		room += g->in[i].c.module.nexports;
	all = ARENA_NEW(&g->c.arena, room, struct exported);
	for (size_t i = 0; i < g->nin; i++) {
		struct merge_input *in = &g->in[i];
		const struct module *m = &in->c.module;

		for (uint32_t k = 0; k < m->nexports; k++) {
			const struct export *e = &m->exports[k];
			uint32_t now = in->map[e->kind][e->index];
			struct slice name = e->name;

			if (i && g->exports == WASMC_EXPORTS_FIRST) {
				if (e->kind == KIND_FUNC)
					g->dropped[now] = true;
				continue;
			}
			if (i && g->exports == WASMC_EXPORTS_PREFIXED)
				name = prefixed(g, in, name);
			put_name(&b, name);
			put_byte(&b, (uint8_t)e->kind);
			put_u32(&b, now);
			all[n++] = (struct exported){ name, in };
		}
	}
	if (g->profile) {
		put_name(&b, (struct slice){ (const uint8_t *)PROFILE_EXPORT,
		    strlen(PROFILE_EXPORT) });
		put_byte(&b, KIND_MEMORY);
		put_u32(&b, g->profile_memory);
		n++;
	}
	check_clashes(g, all, n - g->profile);
	put_list(g, 7, n, &b, out);
}

static void
put_start(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	uint32_t type, n = count_starts(g, &type);

	if (!n)
		return;
	for (size_t i = 0; n == 1 && i < g->nin; i++) {
		const struct merge_input *in = g->order[i];

		if (in->c.module.start != NO_IDX)
			put_u32(&b, in->map[KIND_FUNC][in->c.module.start]);
	}
	if (n > 1)
		put_u32(&b, g->total[KIND_FUNC]);
	put_section(g, 8, &b, out);
}

/* ---- Segments ---- */

static void
put_elem(struct merge *g, struct merge_input *in, const struct elem *e,
    struct bytes *b)
{
	uint32_t table = e->mode == SEG_ACTIVE ?
	    in->map[KIND_TABLE][e->table] : 0;
	uint32_t flags = e->mode == SEG_PASSIVE ? 1 :
	    e->mode == SEG_DECLARED ? 3 : table || e->inits ? 2 : 0;

	put_u32(b, flags | (e->inits ? 4 : 0));
	if (flags == 2)
		put_u32(b, table);
	if (e->mode == SEG_ACTIVE)
		merge_constexpr(g, in, &e->at, g->total[KIND_GLOBAL], b);
	if (e->inits)
		put_vtype(b, in, e->type);
	else if (flags)
		put_byte(b, 0);
	put_u32(b, e->n);
	for (uint32_t i = 0; i < e->n; i++)
		if (e->inits)
			merge_constexpr(g, in, &e->inits[i],
			    g->total[KIND_GLOBAL], b);
		else
			put_u32(b, in->map[KIND_FUNC][e->funcs[i]]);
}

/* Functions that code refers to must be declared: those that were only by an
 * export which is left out are so by a segment. */
static uint32_t
put_declared(struct merge *g, struct bytes *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->total[KIND_FUNC]; i++)
		n += g->reffed[i] && g->dropped[i];
	if (!n)
		return 0;
	put(b, "\x03", 2);		/* declared, of functions */
	put_u32(b, n);
	for (uint32_t i = 0; i < g->total[KIND_FUNC]; i++)
		if (g->reffed[i] && g->dropped[i])
			put_u32(b, i);
	return 1;
}

static void
put_elems(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);

	for (size_t i = 0; i < g->nin; i++) {
		struct merge_input *in = g->order[i];

		for (uint32_t k = 0; k < in->c.module.nelems; k++)
			put_elem(g, in, &in->c.module.elems[k], &b);
	}
	put_list(g, 9, g->nelems + put_declared(g, &b), &b, out);
}

static void
put_datacount(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);
	bool has = false;

	for (size_t i = 0; i < g->nin; i++)
		has |= g->in[i].c.module.has_datacount;
	put_u32(&b, g->ndatas + g->profile);
	if (has)
		put_section(g, 12, &b, out);
}

static void
put_datas(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);

	for (size_t i = 0; i < g->nin; i++) {
		struct merge_input *in = g->order[i];

		for (uint32_t k = 0; k < in->c.module.ndatas; k++) {
			const struct data *d = &in->c.module.datas[k];
			uint32_t mem = d->mode == SEG_ACTIVE ?
			    in->map[KIND_MEMORY][d->memory] : 0;

			put_u32(&b, d->mode != SEG_ACTIVE ? 1 : mem ? 2 : 0);
			if (mem)
				put_u32(&b, mem);
			if (d->mode == SEG_ACTIVE)
				merge_constexpr(g, in, &d->at,
				    g->total[KIND_GLOBAL], &b);
			put_name(&b, d->bytes);
		}
	}
	if (g->profile) {
		put_byte(&b, g->profile_memory ? 2 : 0);
		if (g->profile_memory)
			put_u32(&b, g->profile_memory);
		put(&b, "\x41\x00\x0b", 3);
		profile_data(g, &b);
	}
	put_list(g, 11, g->ndatas + g->profile, &b, out);
}

/* ---- Code ---- */

/* Say whose memory is meant, call, and say what was said before: the host may
 * have called other functions meanwhile. */
static void
put_wrapper(struct merge *g, const struct wrapper *w, struct bytes *out)
{
	const struct type *t = &g->types.module.types[w->type];
	struct bytes b = { .a = &g->c.scratch };
	uint32_t said = g->host_memory_global;

	put(&b, "\x01\x01\x7f\x23", 4);		/* a local; global.get */
	put_u32(&b, said);
	put_byte(&b, 0x21);			/* local.set */
	put_u32(&b, t->params.n);
	put_byte(&b, 0x41);			/* i32.const */
	put_s64(&b, w->memory);
	put_byte(&b, 0x24);			/* global.set */
	put_u32(&b, said);
	for (uint32_t i = 0; i < t->params.n; i++) {
		put_byte(&b, 0x20);		/* local.get */
		put_u32(&b, i);
	}
	put_byte(&b, 0x10);			/* call */
	put_u32(&b, w->import);
	put_byte(&b, 0x20);
	put_u32(&b, t->params.n);
	put_byte(&b, 0x24);
	put_u32(&b, said);
	put_byte(&b, 0x0b);
	put_u64(out, b.n);
	put(out, b.p, b.n);
	arena_reset(&g->c.scratch);
}

static void
put_starter(struct merge *g, struct bytes *out)
{
	struct bytes b = { .a = &g->c.scratch };

	put_byte(&b, 0);
	for (size_t i = 0; i < g->nin; i++) {
		const struct merge_input *in = g->order[i];

		if (in->c.module.start == NO_IDX)
			continue;
		put_byte(&b, 0x10);
		put_u32(&b, in->map[KIND_FUNC][in->c.module.start]);
	}
	put_byte(&b, 0x0b);
	put_u64(out, b.n);
	put(out, b.p, b.n);
	arena_reset(&g->c.scratch);
}

static uint32_t
put_bodies(struct merge *g, struct bytes *b)
{
	uint32_t n = g->nwrappers, type;

	for (size_t i = 0; i < g->nin; i++) {
		const struct module *m = &g->in[i].c.module;

		for (uint32_t k = m->nfuncs_imported; k < m->nfuncs; k++, n++)
			merge_body(g, &g->in[i], k, b);
	}
	for (uint32_t i = 0; i < g->nwrappers; i++)
		put_wrapper(g, &g->wrappers[i], b);
	if (g->profile) {
		profile_helper(g, b);
		n++;
	}
	if (count_starts(g, &type) > 1) {
		put_starter(g, b);
		n++;
	}
	return n;
}

/* ---- Names ---- */

/* "module:function"; what has no name is called as it is exported, or by its
 * number. */
static struct slice
func_name(struct merge *g, const struct merge_input *in, uint32_t i,
    const uint32_t *first)
{
	const struct module *m = &in->c.module;
	char number[24];
	struct slice s = m->funcs[i].name;

	if (!s.n && first[i])
		s = m->exports[first[i] - 1].name;
	if (!s.n) {
		snprintf(number, sizeof number, "func_%u", i);
		s = (struct slice){ (const uint8_t *)number, strlen(number) };
	}
	return prefixed(g, in, s);
}

static void
put_func_names(struct merge *g, const struct merge_input *in,
    struct bytes *b, uint32_t *n)
{
	const struct module *m = &in->c.module;
	uint32_t *first = ARENA_NEW(&g->c.arena, m->nfuncs, uint32_t);

	for (uint32_t i = 0; i < m->nexports; i++)
		if (m->exports[i].kind == KIND_FUNC &&
		    !first[m->exports[i].index])
			first[m->exports[i].index] = i + 1;
	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
		if (g->nin == 1 && !m->funcs[i].name.n)
			continue;		/* it stays without */
		put_u32(b, in->map[KIND_FUNC][i]);
		put_name(b, func_name(g, in, i, first));
		++*n;
	}
}

/* Wrappers are called as what they wrap is where it is imported. */
static uint32_t
put_made_names(struct merge *g, struct bytes *b)
{
	uint32_t i = g->total[KIND_FUNC] - g->nwrappers, type;

	if (g->profile) {
		put_u32(b, g->profile_func);
		put_name(b, (struct slice){ (const uint8_t *)"wasmc.count",
		    11 });
		return 1;
	}
	for (uint32_t k = 0; k < g->nwrappers; k++) {
		put_u32(b, i + k);
		put_name(b, prefixed(g, g->wrappers[k].in,
		    g->wrappers[k].name));
	}
	if (count_starts(g, &type) < 2)
		return g->nwrappers;
	put_u32(b, g->total[KIND_FUNC]);
	put_name(b, (struct slice){ (const uint8_t *)"start functions", 15 });
	return g->nwrappers + 1;
}

static void
put_local_names(const struct merge_input *in, struct bytes *b, uint32_t *n)
{
	const struct module *m = &in->c.module;

	for (uint32_t i = 0, end; i < m->nlocal_names; i = end) {
		uint32_t f = m->local_names[i].func;

		for (end = i; end < m->nlocal_names &&
		    m->local_names[end].func == f;)
			end++;
		if (f < m->nfuncs_imported || f >= m->nfuncs)
			continue;
		put_u32(b, in->map[KIND_FUNC][f]);
		put_u32(b, end - i);
		for (uint32_t k = i; k < end; k++) {
			put_u32(b, m->local_names[k].local);
			put_name(b, m->local_names[k].name);
		}
		++*n;
	}
}

static void
put_names(struct merge *g, struct bytes *out)
{
	struct bytes all = new_bytes(g), funcs = new_bytes(g);
	struct bytes locals = new_bytes(g), name = new_bytes(g);
	const struct merge_input *in = g->in;
	uint32_t n = 0, nlocals = 0;

	put_name(&name, in->c.module.name.n ? in->c.module.name : in->name);
	put_section(g, 0, &name, &all);
	for (size_t i = 0; i < g->nin; i++) {
		put_func_names(g, &g->in[i], &funcs, &n);
		put_local_names(&g->in[i], &locals, &nlocals);
	}
	n += put_made_names(g, &funcs);
	put_list(g, 1, n, &funcs, &all);
	put_list(g, 2, nlocals, &locals, &all);
	put_custom(g, "name", &all, out);
}

/* ---- The module ---- */

static void
put_hints(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);

	if (!g->nhint_funcs)
		return;
	put_u32(&b, g->nhint_funcs);
	put(&b, g->hints.p, g->hints.n);
	put_custom(g, "metadata.code.branch_hint", &b, out);
}

/* Says to meta.c which global says whose memory is meant: 4 bytes. */
static void
put_host_memory(struct merge *g, struct bytes *out)
{
	struct bytes b = new_bytes(g);

	if (!g->host_memory)
		return;
	put(&b, &g->host_memory_global, 4);
	put_custom(g, MERGE_HOST_MEMORY, &b, out);
}

/* The code is made before the segments are written, which depend on it. */
void
merge_write(struct merge *g, struct bytes *out)
{
	struct bytes code = new_bytes(g);
	uint32_t nbodies;

	put_header(out);
	put_type_section(g, out);
	put_list(g, 2, g->nimport_entries, &g->imports, out);
	put_funcs(g, out);
	put_tables(g, out);
	put_memories(g, out);
	put_tags(g, out);
	put_globals(g, out);
	put_exports(g, out);
	put_start(g, out);
	nbodies = put_bodies(g, &code);
	put_elems(g, out);
	put_datacount(g, out);
	put_hints(g, out);
	put_list(g, 10, nbodies, &code, out);
	put_datas(g, out);
	put_names(g, out);
	put_host_memory(g, out);
}
