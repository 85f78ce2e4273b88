/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * constexpr.c: sort constant expressions into what the metadata can say, and
 * those that need code.
 */
#include <string.h>

#include "back.h"
#include "insn.h"

struct ce {
	struct compile *c;
	struct constexprs *out;
	uint32_t room;			/* of out->code */
};

static void
ce_code(struct ce *ce, const struct constexpr *e, struct vtype type,
    struct wabi_init *in)
{
	struct constexprs *out = ce->out;

	if (out->ncode == ce->room) {
		ce->room = ce->room ? 2 * ce->room : 16;
		out->code = arena_grow(&ce->c->arena, out->code, out->ncode,
		    ce->room, sizeof *out->code);
	}
	in->how = WABI_INIT_CODE;
	in->index = out->ncode;
	out->code[out->ncode].expr = e;
	out->code[out->ncode++].type = type;
}

/* Does this instruction alone say the value? */
static bool
ce_simple(const struct insn *op, struct wabi_init *in)
{
	switch (op->op) {
	case OP_I32_CONST:
	case OP_F32_CONST:
		in->val.i32 = (uint32_t)op->num;
		return true;
	case OP_I64_CONST:
	case OP_F64_CONST:
		in->val.i64 = op->num;
		return true;
	case OP_V128_CONST:
		memcpy(in->val.v128, op->v128, 16);
		return true;
	case OP_REF_NULL:
		return true;
	case OP_GLOBAL_GET:
		in->how = WABI_INIT_GLOBAL;
		in->index = op->index;
		return true;
	case OP_REF_FUNC:
		in->how = WABI_INIT_FUNC;
		in->index = op->index;
		return true;
	default:
		return false;
	}
}

static struct wabi_init
ce_one(struct ce *ce, const struct constexpr *e, struct vtype type)
{
	struct wabi_init in = { .how = WABI_INIT_CONST };
	struct reader r = rd_open(ce->c, e->code);
	struct insn op, end;

	insn_read(&r, &op);
	if (ce_simple(&op, &in)) {
		insn_read(&r, &end);
		if (end.op == OP_END)
			return in;
		in = (struct wabi_init){ .how = WABI_INIT_CONST };
	}
	ce_code(ce, e, type, &in);
	return in;
}

static struct vtype
ce_address(bool is64)
{
	return (struct vtype){ is64 ? T_I64 : T_I32, false, 0 };
}

static void
ce_tables(struct ce *ce)
{
	const struct module *m = &ce->c->module;
	uint32_t first = m->ntables_imported;

	ce->out->tables = ARENA_NEW(&ce->c->arena, m->ntables - first,
	    struct wabi_init);
	for (uint32_t i = first; i < m->ntables; i++)
		if (m->tables[i].has_init)
			ce->out->tables[i - first] = ce_one(ce,
			    &m->tables[i].init, m->tables[i].type);
}

static void
ce_globals(struct ce *ce)
{
	const struct module *m = &ce->c->module;
	uint32_t first = m->nglobals_imported;

	ce->out->globals = ARENA_NEW(&ce->c->arena, m->nglobals - first,
	    struct wabi_init);
	for (uint32_t i = first; i < m->nglobals; i++)
		ce->out->globals[i - first] = ce_one(ce, &m->globals[i].init,
		    m->globals[i].type);
}

static void
ce_elem(struct ce *ce, uint32_t i)
{
	const struct module *m = &ce->c->module;
	const struct elem *e = &m->elems[i];

	if (e->mode == SEG_ACTIVE)
		ce->out->elem_at[i] = ce_one(ce, &e->at,
		    ce_address(m->tables[e->table].limits.is64));
	if (!e->inits)
		return;
	ce->out->elem_items[i] = ARENA_NEW(&ce->c->arena, e->n,
	    struct wabi_init);
	for (uint32_t k = 0; k < e->n; k++)
		ce->out->elem_items[i][k] = ce_one(ce, &e->inits[k], e->type);
}

void
constexprs_make(struct compile *c, struct constexprs *out)
{
	const struct module *m = &c->module;
	struct ce ce = { c, out, 0 };

	ce_tables(&ce);
	ce_globals(&ce);
	out->elem_at = ARENA_NEW(&c->arena, m->nelems, struct wabi_init);
	out->elem_items = ARENA_NEW(&c->arena, m->nelems, struct wabi_init *);
	for (uint32_t i = 0; i < m->nelems; i++)
		ce_elem(&ce, i);
	out->data_at = ARENA_NEW(&c->arena, m->ndatas, struct wabi_init);
	for (uint32_t i = 0; i < m->ndatas; i++)
		if (m->datas[i].mode == SEG_ACTIVE)
			out->data_at[i] = ce_one(&ce, &m->datas[i].at,
			    ce_address(
				m->memories[m->datas[i].memory].limits.is64));
	arena_reset(&c->scratch);
}
