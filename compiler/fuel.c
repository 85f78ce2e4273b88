/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fuel.c: what instructions cost; see fuel.h.
 *
 * What is not named here ends a stretch, so that an instruction that this file
 * has never heard of is counted right.
 */
#include "emit.h"
#include "fuel.h"

uint32_t
fuel_cost(enum op op)
{
	switch (op) {
	case OP_NOP: case OP_DROP: case OP_BLOCK: case OP_LOOP: case OP_ELSE:
	case OP_END: case OP_UNREACHABLE: case OP_RETURN: case OP_TRY:
	case OP_CATCH: case OP_CATCH_ALL: case OP_DELEGATE:
		return 0;
	default:
		return 1;
	}
}

static bool
is_branch(enum op op)
{
	switch (op) {
	case OP_LOOP: case OP_IF: case OP_ELSE: case OP_END: case OP_BR:
	case OP_BR_IF: case OP_BR_TABLE: case OP_RETURN: case OP_UNREACHABLE:
	case OP_TRY: case OP_CATCH: case OP_CATCH_ALL: case OP_DELEGATE:
	case OP_TRY_TABLE: case OP_BR_ON_NULL: case OP_BR_ON_NON_NULL:
	case OP_BR_ON_CAST: case OP_BR_ON_CAST_FAIL:
		return true;
	default:
		return false;
	}
}

/* Traps, or changes a global, a table, the heap, without the runtime. */
static bool
touches(enum op op)
{
	switch (op) {
	case OP_I32_DIV_S: case OP_I32_DIV_U: case OP_I32_REM_S:
	case OP_I32_REM_U: case OP_I64_DIV_S: case OP_I64_DIV_U:
	case OP_I64_REM_S: case OP_I64_REM_U:
	case OP_I32_TRUNC_F32_S: case OP_I32_TRUNC_F32_U:
	case OP_I32_TRUNC_F64_S: case OP_I32_TRUNC_F64_U:
	case OP_I64_TRUNC_F32_S: case OP_I64_TRUNC_F32_U:
	case OP_I64_TRUNC_F64_S: case OP_I64_TRUNC_F64_U:
	case OP_GLOBAL_SET: case OP_TABLE_GET: case OP_TABLE_SET:
	case OP_REF_AS_NON_NULL: case OP_STRUCT_GET: case OP_STRUCT_GET_S:
	case OP_STRUCT_GET_U: case OP_STRUCT_SET: case OP_ARRAY_GET:
	case OP_ARRAY_GET_S: case OP_ARRAY_GET_U: case OP_ARRAY_SET:
	case OP_ARRAY_LEN: case OP_I31_GET_S: case OP_I31_GET_U:
		return true;
	default:
		return false;
	}
}

static bool
is_plain(enum op op)
{
	switch (op) {
	case OP_NOP: case OP_BLOCK: case OP_DROP: case OP_SELECT:
	case OP_SELECT_T: case OP_LOCAL_GET: case OP_LOCAL_SET:
	case OP_LOCAL_TEE: case OP_GLOBAL_GET: case OP_MEMORY_SIZE:
	case OP_TABLE_SIZE: case OP_REF_NULL: case OP_REF_IS_NULL:
	case OP_REF_FUNC: case OP_REF_EQ: case OP_REF_I31:
		return true;
	default:
		break;
	}
	switch (opinfos[op].imm) {	/* arithmetic, by the general rule */
	case IMM_NONE: case IMM_I32: case IMM_I64: case IMM_F32: case IMM_F64:
	case IMM_V128: case IMM_LANE: case IMM_SHUFFLE:
		return opinfos[op].sig != NULL;
	default:
		return false;
	}
}

enum fuel_class
fuel_class(enum op op)
{
	bool access = opinfos[op].imm == IMM_MEMARG ||
	    opinfos[op].imm == IMM_MEMARG_LANE;

	if (is_branch(op))
		return FUEL_BRANCHES;
	switch (op) {
	case OP_MEMORY_ATOMIC_NOTIFY: case OP_MEMORY_ATOMIC_WAIT32:
	case OP_MEMORY_ATOMIC_WAIT64:
		return FUEL_LEAVES;
	default:
		if (access || touches(op))
			return FUEL_TOUCHES;
		return is_plain(op) ? FUEL_PLAIN : FUEL_LEAVES;
	}
}

struct stretch
fuel_stretch(struct reader r)
{
	struct stretch s = { 0 };
	enum fuel_class class;
	uint64_t paid_at = 0;		/* cost up to what touches */
	uint32_t last = 0, before = 0;	/* the last two that touch, + 1 */

	do {
		struct insn in;

		insn_read(&r, &in);
		class = fuel_class(in.op);
		s.n++;
		s.cost += fuel_cost(in.op);
		if (class == FUEL_TOUCHES) {
			before = last;
			last = s.n;
			paid_at = s.cost;
		}
	} while (class == FUEL_PLAIN || class == FUEL_TOUCHES);
	s.ntouch = paid_at < s.cost ? last : before;
	s.visible = last > 0 || class == FUEL_LEAVES;
	return s;
}

static uint32_t
stretch_rests(struct reader *r, struct buf *out)
{
	struct stretch s = fuel_stretch(*r);
	uint32_t n = 0;

	for (uint32_t i = 0; i < s.n; i++) {
		struct wabi_fuel_rest e;
		struct insn in;

		insn_read(r, &in);
		s.cost -= fuel_cost(in.op);
		if (s.cost == 0 || fuel_class(in.op) != FUEL_TOUCHES ||
		    (opinfos[in.op].imm != IMM_MEMARG &&
		    opinfos[in.op].imm != IMM_MEMARG_LANE))
			continue;
		e = (struct wabi_fuel_rest){ (uint32_t)in.offset,
		    (uint32_t)s.cost };
		buf_add(out, &e, sizeof e);
		n++;
	}
	return n;
}

uint32_t
fuel_rests(struct compile *c, const struct module *m, struct buf *out)
{
	uint32_t n = 0;

	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
		const struct func *f = &m->funcs[i];
		struct reader r = rd_open(c, f->body);
		const struct local_run *runs;

		locals_read(&r, m->types[f->type].params.n, &runs);
		while (!rd_end(&r))
			n += stretch_rests(&r, out);
		arena_reset(&c->scratch);
	}
	return n;
}
