/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * merge_code.c: instructions with the numbers of the linked module.
 *
 * What names nothing by number is copied as it stands.  The rest is written
 * anew, by what its row in ops.def says of its immediates.
 */
#include <string.h>

#include "arena.h"
#include "merge.h"
#include "profile.h"

/* ---- Bytes ---- */

void
put(struct bytes *b, const void *p, size_t n)
{
	if (n > b->room - b->n) {
		b->room = 2 * b->room + n + 256;
		b->p = arena_grow(b->a, b->p, b->n, b->room, 1);
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
put_byte(struct bytes *b, uint8_t x)
{
	put(b, &x, 1);
}

void
put_u64(struct bytes *b, uint64_t x)
{
	for (; x >= 0x80; x >>= 7)
		put_byte(b, (uint8_t)(x | 0x80));
	put_byte(b, (uint8_t)x);
}

void
put_u32(struct bytes *b, uint32_t x)
{
	put_u64(b, x);
}

void
put_s64(struct bytes *b, int64_t x)
{
	for (; x < -0x40 || x >= 0x40; x >>= 7)
		put_byte(b, (uint8_t)(x | 0x80));
	put_byte(b, (uint8_t)(x & 0x7f));
}

void
put_name(struct bytes *b, struct slice s)
{
	put_u64(b, s.n);
	put(b, s.p, s.n);
}

/* ---- Types ---- */

void
put_heap(struct bytes *b, const struct merge_input *in, uint32_t heap)
{
	if (heap & HT_ABSTRACT)
		put_byte(b, (uint8_t)heap);
	else
		put_s64(b, in->types + heap);
}

void
put_vtype(struct bytes *b, const struct merge_input *in, struct vtype t)
{
	if (t.kind != T_REF) {
		put_byte(b, t.kind);
		return;
	}
	if (!t.nullable || !(t.heap & HT_ABSTRACT))
		put_byte(b, t.nullable ? 0x63 : 0x64);
	put_heap(b, in, t.heap);
}

static void
put_blocktype(struct bytes *b, const struct merge_input *in,
    const struct blocktype *t)
{
	if (t->how == BT_NONE)
		put_byte(b, 0x40);
	else if (t->how == BT_VALUE)
		put_vtype(b, in, t->value);
	else
		put_s64(b, in->types + t->type);
}

/* ---- Instructions ---- */

struct rewrite {
	struct merge *g;
	struct merge_input *in;
	struct bytes *out;
	const uint8_t *start, *end;	/* of the instruction being written */
};

static void
rw_thing(struct rewrite *w, enum kind kind, uint32_t index)
{
	put_u32(w->out, w->in->map[kind][index]);
}

static void
rw_type(struct rewrite *w, uint32_t index)
{
	put_u32(w->out, w->in->types + index);
}

static void
rw_elem(struct rewrite *w, uint32_t index)
{
	put_u32(w->out, w->in->elems + index);
}

static void
rw_data(struct rewrite *w, uint32_t index)
{
	put_u32(w->out, w->in->datas + index);
}

static void
rw_memarg(struct rewrite *w, const struct insn *i)
{
	uint32_t mem = w->in->map[KIND_MEMORY][i->memarg.mem];

	put_u32(w->out, i->memarg.align | (mem ? 0x40 : 0));
	if (mem)
		put_u32(w->out, mem);
	put_u64(w->out, i->memarg.offset);
	if (opinfos[i->op].imm == IMM_MEMARG_LANE)
		put_byte(w->out, (uint8_t)i->lane);
}

static void
rw_catches(struct rewrite *w, const struct insn *i)
{
	put_u32(w->out, i->ncatches);
	for (uint32_t k = 0; k < i->ncatches; k++) {
		const struct catch *c = &i->catches[k];

		put_byte(w->out, c->kind);
		if (c->kind == CATCH || c->kind == CATCH_REF)
			rw_thing(w, KIND_TAG, c->tag);
		put_u32(w->out, c->label);
	}
}

static void
rw_handlers(struct rewrite *w, const struct insn *i)
{
	put_u32(w->out, i->ncatches);
	for (uint32_t k = 0; k < i->ncatches; k++) {
		const struct catch *c = &i->catches[k];

		put_byte(w->out, c->kind);
		rw_thing(w, KIND_TAG, c->tag);
		if (c->kind == CATCH)
			put_u32(w->out, c->label);
	}
}

static void
rw_br_on_cast(struct rewrite *w, const struct insn *i)
{
	put_byte(w->out, (uint8_t)(i->type.nullable | i->type2.nullable << 1));
	put_u32(w->out, i->index);
	put_heap(w->out, w->in, i->type.heap);
	put_heap(w->out, w->in, i->type2.heap);
}

static void
rw_select(struct rewrite *w, const struct insn *i)
{
	put_u32(w->out, i->types.n);
	for (uint32_t k = 0; k < i->types.n; k++)
		put_vtype(w->out, w->in, i->types.t[k]);
}

static void
rw_func(struct rewrite *w, const struct insn *i)
{
	uint32_t f = w->in->map[KIND_FUNC][i->index];

	if (i->op == OP_REF_FUNC)
		w->g->reffed[f] = true;
	put_u32(w->out, f);
}

/* Immediates that name things.  False: there are none. */
static bool
rw_immediates(struct rewrite *w, const struct insn *i)
{
	switch ((enum imm)opinfos[i->op].imm) {
	case IMM_BLOCK:
		put_blocktype(w->out, w->in, &i->block);
		return true;
	case IMM_FUNC:
		rw_func(w, i);
		return true;
	case IMM_TYPE:
		rw_type(w, i->index);
		return true;
	case IMM_CALL_INDIRECT:
		rw_type(w, i->index);
		rw_thing(w, KIND_TABLE, i->index2);
		return true;
	case IMM_GLOBAL:
		rw_thing(w, KIND_GLOBAL, i->index);
		return true;
	case IMM_TABLE:
		rw_thing(w, KIND_TABLE, i->index);
		return true;
	case IMM_TABLE_COPY:
		rw_thing(w, KIND_TABLE, i->index);
		rw_thing(w, KIND_TABLE, i->index2);
		return true;
	case IMM_TABLE_INIT:
		rw_elem(w, i->index);
		rw_thing(w, KIND_TABLE, i->index2);
		return true;
	case IMM_ELEM:
		rw_elem(w, i->index);
		return true;
	case IMM_MEM:
		rw_thing(w, KIND_MEMORY, i->index);
		return true;
	case IMM_MEM_COPY:
		rw_thing(w, KIND_MEMORY, i->index);
		rw_thing(w, KIND_MEMORY, i->index2);
		return true;
	case IMM_MEM_INIT:
		rw_data(w, i->index);
		rw_thing(w, KIND_MEMORY, i->index2);
		return true;
	case IMM_DATA:
		rw_data(w, i->index);
		return true;
	case IMM_MEMARG: case IMM_MEMARG_LANE:
		rw_memarg(w, i);
		return true;
	case IMM_SELECT_T:
		rw_select(w, i);
		return true;
	case IMM_HEAP:
		put_heap(w->out, w->in, i->type.heap);
		return true;
	case IMM_BR_ON_CAST:
		rw_br_on_cast(w, i);
		return true;
	case IMM_TAG:
		rw_thing(w, KIND_TAG, i->index);
		return true;
	case IMM_TRY_TABLE:
		put_blocktype(w->out, w->in, &i->block);
		rw_catches(w, i);
		return true;
	case IMM_FIELD: case IMM_TYPE_N:
		rw_type(w, i->index);
		put_u32(w->out, i->index2);
		return true;
	case IMM_TYPE_TYPE:
		rw_type(w, i->index);
		rw_type(w, i->index2);
		return true;
	case IMM_TYPE_DATA:
		rw_type(w, i->index);
		rw_data(w, i->index2);
		return true;
	case IMM_TYPE_ELEM:
		rw_type(w, i->index);
		rw_elem(w, i->index2);
		return true;
	case IMM_TYPE_TAG:
		rw_type(w, i->index);
		rw_thing(w, KIND_TAG, i->index2);
		return true;
	case IMM_RESUME:
		rw_type(w, i->index);
		rw_handlers(w, i);
		return true;
	case IMM_RESUME_THROW:
		rw_type(w, i->index);
		rw_thing(w, KIND_TAG, i->index2);
		rw_handlers(w, i);
		return true;
	case IMM_NONE: case IMM_LABEL: case IMM_BR_TABLE: case IMM_LOCAL:
	case IMM_LANE: case IMM_SHUFFLE: case IMM_I32: case IMM_I64:
	case IMM_F32: case IMM_F64: case IMM_V128: case IMM_FENCE:
		break;
	}
	return false;
}

/* The opcode is put first, and taken back where all is to be copied. */
static void
rw_insn(struct rewrite *w, const struct insn *i)
{
	uint32_t code = opinfos[i->op].code;
	size_t at = w->out->n;

	put_byte(w->out, (uint8_t)(code >> 16 ? code >> 16 : code));
	if (code >> 16)
		put_u32(w->out, code & 0xffff);
	if (rw_immediates(w, i))
		return;
	w->out->n = at;
	put(w->out, w->start, (size_t)(w->end - w->start));
}

static void
rw_next(struct rewrite *w, struct reader *r, struct insn *i)
{
	w->start = r->p;
	insn_read(r, i);
	w->end = r->p;
}

/* ---- Constant expressions ---- */

/* How far a global's value is followed through others. */
#define MAX_STEPS	64

/* The only instruction of an expression.  False if it has more. */
static bool
only_insn(struct merge_input *in, const struct constexpr *e, struct insn *i,
    struct rewrite *w)
{
	struct reader r = rd_open(&in->c, e->code);
	struct insn end;

	w->in = in;
	rw_next(w, &r, i);
	if (i->op == OP_END)
		return false;
	insn_read(&r, &end);
	return end.op == OP_END;
}

/* What a global that another module defines begins with is put in its place,
 * if one instruction says it: then the order of the globals does not matter,
 * and offsets of segments stay constants. */
static bool
put_value(struct merge *g, struct merge_input *in, uint32_t index,
    struct bytes *out)
{
	struct rewrite w = { .g = g, .out = out };

	for (int steps = 0; steps < MAX_STEPS; steps++) {
		struct place p = merge_resolve(g, in, KIND_GLOBAL, index);
		const struct global *gl = &p.in->c.module.globals[p.index];
		struct insn i;

		if (gl->imported || gl->mut ||
		    !only_insn(p.in, &gl->init, &i, &w))
			return false;
		if (i.op != OP_GLOBAL_GET) {
			if (opinfos[i.op].feature == FEAT_GC)
				return false;
			rw_insn(&w, &i);
			return true;
		}
		in = p.in;
		index = i.index;
	}
	return false;
}

static void
const_global(struct merge *g, struct merge_input *in, uint32_t index,
    uint32_t visible, struct bytes *out)
{
	uint32_t now = in->map[KIND_GLOBAL][index];

	if (index < in->c.module.nglobals_imported &&
	    now >= g->nimports[KIND_GLOBAL] && put_value(g, in, index, out))
		return;
	if (now >= visible)
		merge_fail(g, in, WASMC_EUNSUPPORTED, "linking: a constant "
		    "expression needs the value of a global that another "
		    "module defines, which is not known by then");
	put_byte(out, (uint8_t)opinfos[OP_GLOBAL_GET].code);
	put_u32(out, now);
}

void
merge_constexpr(struct merge *g, struct merge_input *in,
    const struct constexpr *e, uint32_t visible, struct bytes *out)
{
	struct rewrite w = { .g = g, .in = in, .out = out };
	struct reader r = rd_open(&in->c, e->code);
	struct insn i;

	while (!rd_end(&r)) {
		rw_next(&w, &r, &i);
		if (i.op == OP_GLOBAL_GET)
			const_global(g, in, i.index, visible, out);
		else
			rw_insn(&w, &i);
	}
	arena_reset(&in->c.scratch);
}

/* ---- Bodies ---- */

/* The hints of one function, as the body is written. */
struct hints {
	struct bytes out;
	uint32_t n;
};

/* Hints are sorted by offset, and bodies are written in that order. */
static void
hint_at(struct hints *h, struct merge_input *in, uint64_t offset, size_t now)
{
	const struct module *m = &in->c.module;

	while (in->hint < m->nhints && m->hints[in->hint].offset < offset)
		in->hint++;
	if (in->hint == m->nhints || m->hints[in->hint].offset != offset)
		return;
	put_u64(&h->out, now);
	put_u32(&h->out, 1);
	put_byte(&h->out, m->hints[in->hint].likely);
	h->n++;
}

/* With two more if it counts.  Returns the number of the function's own. */
static uint32_t
put_locals(struct merge *g, struct merge_input *in, struct reader *r,
    uint32_t nparams, struct bytes *out)
{
	const struct local_run *runs;
	uint32_t n = locals_read(r, nparams, &runs), sum = nparams;

	put_u32(out, n + g->profile);
	for (uint32_t i = 0; i < n; i++) {
		put_u32(out, runs[i].n);
		put_vtype(out, in, runs[i].type);
		sum += runs[i].n;
	}
	if (g->profile)
		put(out, "\x02\x7f", 2);
	return sum;
}

void
merge_body(struct merge *g, struct merge_input *in, uint32_t index,
    struct bytes *out)
{
	const struct module *m = &in->c.module;
	const struct func *f = &m->funcs[index];
	struct bytes body = { .a = &g->c.scratch };
	struct rewrite w = { .g = g, .in = in, .out = &body };
	struct hints h = { .out.a = &g->c.scratch };
	struct reader r = rd_open(&in->c, f->body);
	struct profile_cursor k = { 0 };
	struct insn i;

	k.local = put_locals(g, in, &r, m->types[f->type].params.n, &body);
	if (g->profile) {
		k.at = g->profile_funcs[index - m->nfuncs_imported].at;
		profile_entry(g, &k, &body);
	}
	while (!rd_end(&r)) {
		rw_next(&w, &r, &i);
		if (g->profile)
			profile_place(g, &k, &i, &body);
		hint_at(&h, in, i.offset, body.n);
		rw_insn(&w, &i);
	}
	put_u64(out, body.n);
	put(out, body.p, body.n);
	if (h.n) {
		put_u32(&g->hints, in->map[KIND_FUNC][index]);
		put_u32(&g->hints, h.n);
		put(&g->hints, h.out.p, h.out.n);
		g->nhint_funcs++;
	}
	arena_reset(&in->c.scratch);
	arena_reset(&g->c.scratch);
}
