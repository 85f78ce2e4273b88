/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * decode_types.c: types in the binary format, and the type section.
 *
 * Nothing here asks whether a type index exists: validate_types.c does.
 * Specification: "Binary Format", "Types".
 */
#include "arena.h"
#include "decode.h"

/* ---- Value types ---- */

enum feature
heap_feature(uint32_t heap)
{
	switch (heap) {
	case HT_FUNC:
		return FEAT_MVP;
	case HT_EXTERN:
		return FEAT_REF_TYPES;
	case HT_EXN: case HT_NOEXN:
		return FEAT_EXCEPTIONS;
	case HT_CONT: case HT_NOCONT:
		return FEAT_STACK_SWITCHING;
	default:
		return heap & HT_ABSTRACT ? FEAT_GC : FEAT_FUNC_REFS;
	}
}

static bool
is_abstract(uint8_t b)
{
	return b >= 0x68 && b <= 0x75;
}

static uint32_t
abstract_heap(struct reader *r, uint64_t at, uint8_t b)
{
	uint32_t heap = HT_ABSTRACT | b;

	rd_need(r, at, heap_feature(heap), "malformed reference type");
	return heap;
}

uint32_t
rd_heap_type(struct reader *r)
{
	uint64_t at = rd_pos(r);
	uint8_t first = rd_peek(r);
	int64_t x;

	if (is_abstract(first)) {
		r->p++;
		return abstract_heap(r, at, first);
	}
	x = rd_s33(r);
	if (x < 0 || x >= HT_ABSTRACT)
		rd_fail(r, at, x < 0 ? "malformed heap type" : "unknown type");
	rd_need(r, at, FEAT_FUNC_REFS, "malformed heap type");
	return (uint32_t)x;
}

/* 0x63 and 0x64 before a heap type, or a heap type alone. */
static struct vtype
ref_type(struct reader *r, const char *bad)
{
	uint64_t at = rd_pos(r);
	uint8_t b = rd_byte(r);

	if (b == 0x63 || b == 0x64) {
		rd_need(r, at, FEAT_FUNC_REFS, bad);
		return (struct vtype){ T_REF, b == 0x63, rd_heap_type(r) };
	}
	if (!is_abstract(b))
		rd_fail(r, at, "%s", bad);
	return (struct vtype){ T_REF, true, abstract_heap(r, at, b) };
}

struct vtype
rd_ref_type(struct reader *r)
{
	return ref_type(r, "malformed reference type");
}

struct vtype
rd_vtype(struct reader *r)
{
	uint8_t b = rd_peek(r);

	switch (b) {
	case T_V128:
		rd_need(r, rd_pos(r), FEAT_SIMD, "malformed value type");
		/* fall through */
	case T_I32: case T_I64: case T_F32: case T_F64:
		r->p++;
		return (struct vtype){ b, false, 0 };
	default:
		return ref_type(r, "malformed value type");
	}
}

/* ---- The type section ---- */

static struct vtypes
dec_vtypes(struct reader *r, const char *what)
{
	uint32_t n = dec_count(r, MAX_PARAMS, what);
	struct vtype *t = ARENA_NEW(&r->c->arena, n, struct vtype);

	for (uint32_t i = 0; i < n; i++)
		t[i] = rd_vtype(r);
	return (struct vtypes){ t, n };
}

bool
dec_mut(struct reader *r)
{
	uint64_t at = rd_pos(r);
	uint8_t b = rd_byte(r);

	if (b > 1)
		rd_fail(r, at, "malformed mutability");
	return b;
}

static struct field
dec_field(struct reader *r)
{
	struct field f;
	uint8_t b = rd_peek(r);

	if (b == T_I8 || b == T_I16) {
		r->p++;
		f.type = (struct vtype){ b, false, 0 };
	} else {
		f.type = rd_vtype(r);
	}
	f.mut = dec_mut(r);
	return f;
}

static void
dec_fields(struct reader *r, struct type *t, uint32_t n)
{
	struct field *f = ARENA_NEW(&r->c->arena, n, struct field);

	for (uint32_t i = 0; i < n; i++)
		f[i] = dec_field(r);
	t->fields = f;
	t->nfields = n;
}

static void
dec_comp_type(struct reader *r, struct type *t)
{
	uint64_t at = rd_pos(r);

	switch (rd_byte(r)) {
	case 0x60:
		t->comp = COMP_FUNC;
		t->params = dec_vtypes(r, "parameters");
		t->results = dec_vtypes(r, "results");
		if (t->results.n > 1)
			rd_need(r, at, FEAT_MULTI_VALUE,
			    "invalid result arity");
		break;
	case 0x5f:
		rd_need(r, at, FEAT_GC, "malformed type");
		t->comp = COMP_STRUCT;
		dec_fields(r, t, dec_count(r, MAX_FIELDS, "fields"));
		break;
	case 0x5e:
		rd_need(r, at, FEAT_GC, "malformed type");
		t->comp = COMP_ARRAY;
		dec_fields(r, t, 1);
		break;
	case 0x5d:
		rd_need(r, at, FEAT_STACK_SWITCHING, "malformed type");
		t->comp = COMP_CONT;
		t->cont = rd_heap_type(r);
		if (t->cont & HT_ABSTRACT)
			rd_fail(r, at, "malformed heap type");
		break;
	default:
		rd_fail(r, at, "malformed type");
	}
}

/* At most one supertype: the format has a list, validation allows one. */
static uint32_t
dec_super(struct reader *r)
{
	uint64_t at = rd_pos(r);
	uint32_t n = rd_u32(r);

	if (n > 1)
		rd_fail(r, at, "sub type: more than one supertype");
	return n ? rd_u32(r) : NO_IDX;
}

static void
dec_sub_type(struct reader *r, struct type *t)
{
	uint8_t b = rd_peek(r);

	t->final = b != 0x50;
	t->super = NO_IDX;
	if (b == 0x50 || b == 0x4f) {
		rd_need(r, rd_pos(r), FEAT_GC, "malformed type");
		r->p++;
		t->super = dec_super(r);
	}
	dec_comp_type(r, t);
}

/* Room for n more types; their number doubles, so that all copying together
 * is linear. */
static struct type *
more_types(struct compile *c, uint32_t n, uint32_t *room)
{
	struct module *m = &c->module;
	uint32_t first = m->ntypes;

	if (n > *room - first) {
		*room = 2 * (first + n);
		m->types = arena_grow(&c->arena, m->types, first, *room,
		    sizeof *m->types);
	}
	m->ntypes += n;
	return m->types + first;
}

static void
dec_rec(struct reader *r, uint32_t *room)
{
	struct module *m = &r->c->module;
	uint64_t at = rd_pos(r);
	uint32_t first = m->ntypes, n = 1;
	struct type *t;

	if (rd_peek(r) == 0x4e) {
		rd_need(r, at, FEAT_GC, "malformed type");
		r->p++;
		n = dec_count(r, MAX_TYPES, "types");
	}
	if (n > MAX_TYPES - first)
		dec_too_many(r, at, MAX_TYPES, "types");
	t = more_types(r->c, n, room);
	for (uint32_t i = 0; i < n; i++) {
		t[i].rec_first = first;
		t[i].rec_n = n;
		t[i].offset = rd_pos(r);
		dec_sub_type(r, &t[i]);
	}
}

void
dec_types(struct reader *r)
{
	uint32_t n = dec_count(r, MAX_TYPES, "types");
	uint32_t room = n;

	r->c->module.types = ARENA_NEW(&r->c->arena, n, struct type);
	while (n-- > 0)
		dec_rec(r, &room);
}
