/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * decode_segments.c: element and data segments in the binary format.
 */
#include "arena.h"
#include "decode.h"

/* An element segment's flags; an explicit index is that of the table for
 * active segments, and says "declared" for the others. */
enum { ELEM_NOT_ACTIVE = 1, ELEM_EXPLICIT = 2, ELEM_EXPRS = 4 };

static void
dec_elem_funcs(struct reader *r, struct elem *e)
{
	uint32_t *f;

	e->n = dec_count(r, UINT32_MAX, "functions");
	f = ARENA_NEW(&r->c->arena, e->n, uint32_t);
	for (uint32_t i = 0; i < e->n; i++)
		f[i] = rd_u32(r);
	e->funcs = f;
}

static void
dec_elem_exprs(struct reader *r, struct elem *e)
{
	struct constexpr *x;

	e->n = dec_count(r, UINT32_MAX, "expressions");
	x = ARENA_NEW(&r->c->arena, e->n, struct constexpr);
	for (uint32_t i = 0; i < e->n; i++)
		x[i] = dec_constexpr(r);
	e->inits = x;
}

/* The kind or type that all but the shortest forms carry. */
static struct vtype
dec_elem_type(struct reader *r, uint32_t flags)
{
	uint64_t at = rd_pos(r);
	bool nullable = flags & ELEM_EXPRS;

	if (!(flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT)))
		return (struct vtype){ T_REF, nullable, HT_FUNC };
	if (flags & ELEM_EXPRS)
		return rd_ref_type(r);
	if (rd_byte(r) != 0)
		rd_fail(r, at, "malformed element kind");
	return (struct vtype){ T_REF, false, HT_FUNC };
}

static void
dec_elem(struct reader *r, struct elem *e)
{
	uint32_t flags;

	e->offset = rd_pos(r);
	flags = rd_u32(r);
	if (flags > 7)
		rd_fail(r, e->offset, "malformed elements segment kind");
	if (flags)
		rd_need(r, e->offset, FEAT_BULK,
		    "malformed elements segment kind");
	if (flags & ELEM_NOT_ACTIVE) {
		e->mode = flags & ELEM_EXPLICIT ? SEG_DECLARED : SEG_PASSIVE;
	} else {
		e->mode = SEG_ACTIVE;
		e->table = flags & ELEM_EXPLICIT ? rd_u32(r) : 0;
		e->at = dec_constexpr(r);
	}
	e->type = dec_elem_type(r, flags);
	if (flags & ELEM_EXPRS)
		dec_elem_exprs(r, e);
	else
		dec_elem_funcs(r, e);
}

void
dec_elems(struct reader *r)
{
	struct module *m = &r->c->module;

	m->nelems = dec_count(r, MAX_ELEMS, "element segments");
	m->elems = ARENA_NEW(&r->c->arena, m->nelems, struct elem);
	for (uint32_t i = 0; i < m->nelems; i++)
		dec_elem(r, &m->elems[i]);
}

static void
dec_data(struct reader *r, struct data *d)
{
	uint32_t flags, n;
	uint64_t at;

	d->offset = rd_pos(r);
	flags = rd_u32(r);
	if (flags > 2)
		rd_fail(r, d->offset, "malformed data segment kind");
	if (flags)
		rd_need(r, d->offset, FEAT_BULK,
		    "malformed data segment kind");
	d->mode = flags == 1 ? SEG_PASSIVE : SEG_ACTIVE;
	d->memory = flags == 2 ? rd_u32(r) : 0;
	if (d->mode == SEG_ACTIVE)
		d->at = dec_constexpr(r);
	at = rd_pos(r);
	n = rd_u32(r);
	if (n > rd_left(r))
		rd_fail(r, at, "unexpected end of section or function: "
		    "a segment of %u bytes", n);
	d->bytes = rd_bytes(r, n);
}

void
dec_datas(struct reader *r)
{
	struct module *m = &r->c->module;

	m->ndatas = dec_count(r, MAX_DATAS, "data segments");
	m->datas = ARENA_NEW(&r->c->arena, m->ndatas, struct data);
	for (uint32_t i = 0; i < m->ndatas; i++)
		dec_data(r, &m->datas[i]);
}
