/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * meta_init.c: the part of the metadata that instances are made from: tables,
 * memories and their image, globals, initial values, segments.  See meta.c.
 */
#include <string.h>

#include "meta.h"

static bool
is_ref(uint8_t t)
{
	return t < WABI_V128;
}

/* ---- Initial values ---- */

/* The content type of global i, which is known to be there. */
static uint8_t
global_type(const struct wrt__metacheck *c, uint32_t i)
{
	const struct wabi_global_info *own =
	    (const void *)(c->base + c->m->globals.off);
	uint32_t n = c->nimported[WABI_KIND_GLOBAL];

	return i < n ? c->globals[i]->type.type : own[i - n].type.type;
}

/* How many globals an initial value may name is nglobals. */
static bool
good_init(const struct wrt__metacheck *c, const struct wabi_init *in,
    uint8_t type, uint32_t nglobals)
{
	if (!wrt__zero(in->pad, sizeof in->pad) || in->pad2 ||
	    (in->code != 0) != (in->how == WABI_INIT_CODE))
		return false;
	switch (in->how) {
	case WABI_INIT_CONST:
		/* No reference but null can be written down. */
		return !is_ref(type) || wrt__zero(&in->val, sizeof in->val);
	case WABI_INIT_GLOBAL:
		return in->index < nglobals &&
		    global_type(c, in->index) == type;
	case WABI_INIT_FUNC:
		return type == WABI_FUNCREF && in->index < c->m->funcs.n &&
		    c->funcs[in->index].funcref != UINT32_MAX;
	case WABI_INIT_CODE:
		return wrt__good_code(c, in->code, 0);
	}
	return false;
}

/* ---- Globals ---- */

/* What the global says is checked when it is used: code sets it. */
static int
check_host_memory(struct wrt__metacheck *c, const struct wabi_global_info *g,
    uint32_t first)
{
	uint32_t i = c->m->host_memory - 1;

	if (i < first || i - first >= c->m->globals.n ||
	    g[i - first].type.type != WABI_I32 || !g[i - first].mut)
		return wrt__badmeta(c, "the host's memory is odd");
	return WRT_OK;
}

static int
check_globals(struct wrt__metacheck *c)
{
	const struct wabi_global_info *g = wrt__checked_list(c, c->m->globals,
	    sizeof *g, _Alignof(struct wabi_global_info));
	uint32_t first = c->nimported[WABI_KIND_GLOBAL];

	if (!g)
		return wrt__badmeta(c, "the globals lead outside");
	for (uint32_t i = 0; i < c->m->globals.n; i++)
		/* A global names only those before it. */
		if (!wrt__good_valtype(c, &g[i].type) || g[i].mut > 1 ||
		    !wrt__zero(g[i].pad, sizeof g[i].pad) ||
		    !good_init(c, &g[i].init, g[i].type.type, first + i))
			return wrt__badmeta(c, "global %u is odd", first + i);
	return c->m->host_memory ? check_host_memory(c, g, first) : WRT_OK;
}

/* ---- Tables ---- */

static int
check_tables(struct wrt__metacheck *c)
{
	const struct wabi_table_info *t = wrt__checked_list(c, c->m->tables,
	    sizeof *t, _Alignof(struct wabi_table_info));

	if (!t)
		return wrt__badmeta(c, "the tables lead outside");
	for (uint32_t i = 0; i < c->m->tables.n; i++)
		if (!wrt__good_ref(c, &t[i].type) ||
		    !wrt__good_limits(&t[i].limits, WABI_KIND_TABLE) ||
		    !good_init(c, &t[i].init, t[i].type.type,
			c->m->counts.nglobals))
			return wrt__badmeta(c, "table %u is odd",
			    c->nimported[WABI_KIND_TABLE] + i);
	return WRT_OK;
}

/* The table's type and limits; i is known to be there. */
static const struct wabi_valtype *
table_of(const struct wrt__metacheck *c, uint32_t i, bool *is64)
{
	const struct wabi_table_info *own =
	    (const void *)(c->base + c->m->tables.off);
	uint32_t n = c->nimported[WABI_KIND_TABLE];

	*is64 = i < n ? c->tables[i]->limits.is64 : own[i - n].limits.is64;
	return i < n ? &c->tables[i]->type : &own[i - n].type;
}

/* ---- Memories ---- */

static bool
good_runs(const struct wrt__metacheck *c, const struct wabi_memory_info *m)
{
	const struct wabi_image_run *r = wrt__checked_list(c, m->image,
	    sizeof *r, _Alignof(struct wabi_image_run));
	uint64_t size, end = 0;

	if (!r)
		return false;
	/* In bytes, up to a page of the image; a size beyond 64 bits is as
	 * good as any. */
	if (m->limits.min > UINT64_MAX >> (m->limits.page_log2 + 1))
		size = UINT64_MAX >> 1;
	else
		size = m->limits.min << m->limits.page_log2;
	size = (size + WABI_IMAGE_ALIGN - 1) & ~(uint64_t)(WABI_IMAGE_ALIGN - 1);
	for (uint32_t i = 0; i < m->image.n; i++) {
		if ((r[i].mem_off | r[i].image_off | r[i].bytes) %
		    WABI_IMAGE_ALIGN || r[i].bytes == 0 ||
		    r[i].mem_off < end ||
		    !wrt__inside(r[i].mem_off, r[i].bytes, size) ||
		    !wrt__inside(r[i].image_off, r[i].bytes, c->image_bytes))
			return false;
		end = r[i].mem_off + r[i].bytes;
	}
	return true;
}

static int
check_memories(struct wrt__metacheck *c)
{
	const struct wabi_memory_info *m = wrt__checked_list(c,
	    c->m->memories, sizeof *m, _Alignof(struct wabi_memory_info));
	const Elf64_Shdr *img = c->f->sec[SEC_IMAGE];

	if (!m)
		return wrt__badmeta(c, "the memories lead outside");
	if (img && ((img->sh_addr | img->sh_offset) % WABI_IMAGE_ALIGN))
		return wrt__badmeta(c, "the memory image is misaligned");
	for (uint32_t i = 0; i < c->m->memories.n; i++) {
		uint32_t idx = c->nimported[WABI_KIND_MEMORY] + i;

		if (!wrt__good_limits(&m[i].limits, WABI_KIND_MEMORY))
			return wrt__badmeta(c, "memory %u is odd", idx);
		if (!good_runs(c, &m[i]))
			return wrt__badmeta(c, "the image of memory %u is odd",
			    idx);
	}
	return WRT_OK;
}

static bool
memory_is64(const struct wrt__metacheck *c, uint32_t i)
{
	const struct wabi_memory_info *own =
	    (const void *)(c->base + c->m->memories.off);
	uint32_t n = c->nimported[WABI_KIND_MEMORY];

	return i < n ? c->memories[i]->limits.is64 : own[i - n].limits.is64;
}

/* ---- Segments ---- */

static bool
good_data(const struct wrt__metacheck *c, const struct wabi_data_info *d)
{
	if (!wrt__zero(d->pad, sizeof d->pad))
		return false;
	switch (d->mode) {
	case WABI_SEG_IMAGE:
		return d->memory < c->m->counts.nmemories &&
		    d->data_off == 0 && d->bytes == 0;
	case WABI_SEG_ACTIVE:
		if (d->memory >= c->m->counts.nmemories ||
		    !good_init(c, &d->offset, memory_is64(c, d->memory) ?
			WABI_I64 : WABI_I32, c->m->counts.nglobals))
			return false;
		break;
	case WABI_SEG_PASSIVE:
		break;
	default:
		return false;
	}
	/* memory.init counts in 32 bits. */
	return d->bytes <= UINT32_MAX &&
	    wrt__inside(d->data_off, d->bytes, c->data_bytes);
}

static int
check_datas(struct wrt__metacheck *c)
{
	const struct wabi_data_info *d = wrt__checked_list(c, c->m->datas,
	    sizeof *d, _Alignof(struct wabi_data_info));

	if (!d)
		return wrt__badmeta(c, "the data segments lead outside");
	for (uint32_t i = 0; i < c->m->datas.n; i++)
		if (!good_data(c, &d[i]))
			return wrt__badmeta(c, "data segment %u is odd", i);
	return WRT_OK;
}

static bool
good_items(const struct wrt__metacheck *c, const struct wabi_elem_info *e)
{
	const uint32_t *f = wrt__checked_list(c, e->funcs, sizeof *f,
	    _Alignof(uint32_t));
	const struct wabi_init *in = wrt__checked_list(c, e->inits, sizeof *in,
	    _Alignof(struct wabi_init));

	if (!f || !in || (e->funcs.n && e->inits.n) ||
	    (e->funcs.n && e->type.type != WABI_FUNCREF))
		return false;
	for (uint32_t i = 0; i < e->funcs.n; i++)
		if (f[i] >= c->m->funcs.n ||
		    c->funcs[f[i]].funcref == UINT32_MAX)
			return false;
	for (uint32_t i = 0; i < e->inits.n; i++)
		if (!good_init(c, &in[i], e->type.type,
		    c->m->counts.nglobals))
			return false;
	return true;
}

static bool
good_elem(const struct wrt__metacheck *c, const struct wabi_elem_info *e)
{
	bool is64;

	if (e->mode > WABI_SEG_DECLARED || !wrt__zero(e->pad, sizeof e->pad) ||
	    !wrt__good_ref(c, &e->type))
		return false;
	if (e->mode == WABI_SEG_ACTIVE) {
		if (e->table >= c->m->counts.ntables ||
		    table_of(c, e->table, &is64)->type != e->type.type ||
		    !good_init(c, &e->offset, is64 ? WABI_I64 : WABI_I32,
			c->m->counts.nglobals))
			return false;
	}
	return good_items(c, e);
}

static int
check_elems(struct wrt__metacheck *c)
{
	const struct wabi_elem_info *e = wrt__checked_list(c, c->m->elems,
	    sizeof *e, _Alignof(struct wabi_elem_info));

	if (!e)
		return wrt__badmeta(c, "the element segments lead outside");
	for (uint32_t i = 0; i < c->m->elems.n; i++)
		if (!good_elem(c, &e[i]))
			return wrt__badmeta(c, "element segment %u is odd", i);
	return WRT_OK;
}

/* ---- All of it ---- */

/* Imports of one kind by their index. */
static const struct wabi_import_info **
by_index(const struct wrt__metacheck *c, enum wabi_kind kind)
{
	const struct wabi_import_info **t =
	    wrt__calloc(c->nimported[kind], sizeof *t);

	if (!t)
		return NULL;
	for (uint32_t i = 0, k = 0; i < c->m->imports.n; i++)
		if (c->imports[i].kind == kind)
			t[k++] = &c->imports[i];
	return t;
}

int
wrt__check_objects(struct wrt__metacheck *c)
{
	int (*const steps[])(struct wrt__metacheck *) = {
		check_globals, check_tables, check_memories, check_datas,
		check_elems,
	};
	int rc = WRT_OK;

	c->globals = by_index(c, WABI_KIND_GLOBAL);
	c->tables = by_index(c, WABI_KIND_TABLE);
	c->memories = by_index(c, WABI_KIND_MEMORY);
	if (!c->globals || !c->tables || !c->memories)
		rc = wrt__fail(c->f->err, WRT_ENOMEM, "%s: out of memory",
		    c->f->name);
	for (size_t i = 0; rc == WRT_OK && i < sizeof steps / sizeof *steps;
	    i++)
		rc = steps[i](c);
	wrt__free(c->globals);
	wrt__free(c->tables);
	wrt__free(c->memories);
	return rc;
}
