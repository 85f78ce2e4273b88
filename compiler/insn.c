/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * insn.c: read one instruction, and the locals of a body.
 *
 * Specification: "Binary Format", "Instructions".
 */
#include "arena.h"
#include "compile.h"
#include "insn.h"

static struct blocktype
read_blocktype(struct reader *r)
{
	struct blocktype b = { BT_NONE, { 0 }, 0 };
	uint8_t first = rd_peek(r);
	uint64_t at = rd_pos(r);
	int64_t x;

	if (first == 0x40) {
		r->p++;
	} else if ((first & 0xc0) == 0x40) {
		b.how = BT_VALUE;
		b.value = rd_vtype(r);
	} else {
		x = rd_s33(r);
		if (x < 0)
			rd_fail(r, at, "malformed block type");
		rd_need(r, at, FEAT_MULTI_VALUE, "block with a function type");
		b.how = BT_TYPE;
		b.type = (uint32_t)x;
	}
	return b;
}

/* The first byte holds the alignment and, in bit 6, whether the number of the
 * memory follows. */
static struct memarg
read_memarg(struct reader *r)
{
	struct memarg m = { 0 };
	uint64_t at = rd_pos(r);
	uint32_t flags = rd_u32(r);

	if (flags >= 0x80)
		rd_fail(r, at, "malformed memop flags");
	m.align = flags & 0x3f;
	if (flags & 0x40) {
		rd_need(r, at, FEAT_MULTI_MEMORY, "malformed memop flags");
		m.mem = rd_u32(r);
	}
	m.offset = rd_u64(r);
	return m;
}

/* The index of a memory or a table, a zero byte before they could be many. */
static uint32_t
read_space(struct reader *r, enum feature feature)
{
	uint64_t at = rd_pos(r);

	if (!(r->c->module.features & FEAT_BIT(feature)) && rd_peek(r) != 0)
		rd_fail(r, at, "zero byte expected: the feature %s is off "
		    "(--features +%s turns it on)", feature_name(feature),
		    feature_name(feature));
	return rd_u32(r);
}

static uint32_t
read_mem(struct reader *r)
{
	return read_space(r, FEAT_MULTI_MEMORY);
}

static uint32_t
read_count(struct reader *r)
{
	uint64_t at = rd_pos(r);
	uint32_t n = rd_u32(r);

	if (n > rd_left(r))
		rd_fail(r, at, "unexpected end of section or function");
	return n;
}

static void
read_br_table(struct reader *r, struct insn *in)
{
	uint32_t n = read_count(r);
	uint32_t *labels = ARENA_NEW(r->arena, (size_t)n + 1, uint32_t);

	for (uint32_t i = 0; i < n; i++)
		labels[i] = rd_u32(r);
	labels[n] = rd_u32(r);
	in->labels = labels;
	in->nlabels = n + 1;
}

static void
read_select_types(struct reader *r, struct insn *in)
{
	uint32_t n = read_count(r);
	struct vtype *t = ARENA_NEW(r->arena, n, struct vtype);

	for (uint32_t i = 0; i < n; i++)
		t[i] = rd_vtype(r);
	in->types = (struct vtypes){ t, n };
}

static void
read_catches(struct reader *r, struct insn *in)
{
	uint32_t n = read_count(r);
	struct catch *c = ARENA_NEW(r->arena, n, struct catch);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = rd_pos(r);

		c[i].kind = rd_byte(r);
		if (c[i].kind > CATCH_ALL_REF)
			rd_fail(r, at, "malformed catch clause");
		if (c[i].kind == CATCH || c[i].kind == CATCH_REF)
			c[i].tag = rd_u32(r);
		c[i].label = rd_u32(r);
	}
	in->catches = c;
	in->ncatches = n;
}

/* Handlers of resume: (on tag label) or (on tag switch). */
static void
read_handlers(struct reader *r, struct insn *in)
{
	uint32_t n = read_count(r);
	struct catch *c = ARENA_NEW(r->arena, n, struct catch);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = rd_pos(r);

		c[i].kind = rd_byte(r);
		if (c[i].kind > CATCH_REF)
			rd_fail(r, at, "malformed handler clause");
		c[i].tag = rd_u32(r);
		if (c[i].kind == CATCH)
			c[i].label = rd_u32(r);
	}
	in->catches = c;
	in->ncatches = n;
}

static void
read_br_on_cast(struct reader *r, struct insn *in)
{
	uint64_t at = rd_pos(r);
	uint8_t flags = rd_byte(r);

	if (flags > 3)
		rd_fail(r, at, "malformed cast flags");
	in->index = rd_u32(r);
	in->type = (struct vtype){ T_REF, flags & 1, rd_heap_type(r) };
	in->type2 = (struct vtype){ T_REF, flags >> 1, rd_heap_type(r) };
}

static void
read_two(struct reader *r, struct insn *in)
{
	in->index = rd_u32(r);
	in->index2 = rd_u32(r);
}

static void
read_v128(struct reader *r, struct insn *in)
{
	const uint8_t *p = rd_bytes(r, 16).p;

	for (unsigned i = 0; i < 16; i++)
		in->v128[i] = p[i];
}

static void
read_fence(struct reader *r)
{
	uint64_t at = rd_pos(r);

	if (rd_byte(r) != 0)
		rd_fail(r, at, "zero byte expected");
}

static void
read_immediates(struct reader *r, struct insn *in, enum imm imm)
{
	switch (imm) {
	case IMM_NONE:
		break;
	case IMM_BLOCK:
		in->block = read_blocktype(r);
		break;
	case IMM_LABEL: case IMM_FUNC: case IMM_TYPE: case IMM_LOCAL:
	case IMM_GLOBAL: case IMM_TABLE: case IMM_ELEM: case IMM_DATA:
	case IMM_TAG:
		in->index = rd_u32(r);
		break;
	case IMM_BR_TABLE:
		read_br_table(r, in);
		break;
	case IMM_CALL_INDIRECT:
		in->index = rd_u32(r);
		in->index2 = read_space(r, FEAT_REF_TYPES);
		break;
	case IMM_TABLE_COPY: case IMM_TABLE_INIT: case IMM_FIELD:
	case IMM_TYPE_N: case IMM_TYPE_TYPE: case IMM_TYPE_DATA:
	case IMM_TYPE_ELEM: case IMM_TYPE_TAG:
		read_two(r, in);
		break;
	case IMM_MEM:
		in->index = read_mem(r);
		break;
	case IMM_MEM_COPY:
		in->index = read_mem(r);
		in->index2 = read_mem(r);
		break;
	case IMM_MEM_INIT:
		in->index = rd_u32(r);
		in->index2 = read_mem(r);
		break;
	case IMM_MEMARG:
		in->memarg = read_memarg(r);
		break;
	case IMM_MEMARG_LANE:
		in->memarg = read_memarg(r);
		in->lane = rd_byte(r);
		break;
	case IMM_LANE:
		in->lane = rd_byte(r);
		break;
	case IMM_SHUFFLE: case IMM_V128:
		read_v128(r, in);
		break;
	case IMM_I32:
		in->num = (uint64_t)(int64_t)rd_s32(r);
		break;
	case IMM_I64:
		in->num = (uint64_t)rd_s64(r);
		break;
	case IMM_F32:
		in->num = rd_f32(r);
		break;
	case IMM_F64:
		in->num = rd_f64(r);
		break;
	case IMM_SELECT_T:
		read_select_types(r, in);
		break;
	case IMM_HEAP:
		in->type = (struct vtype){ T_REF, in->op == OP_REF_NULL ||
		    in->op == OP_REF_TEST_NULL || in->op == OP_REF_CAST_NULL,
		    rd_heap_type(r) };
		break;
	case IMM_BR_ON_CAST:
		read_br_on_cast(r, in);
		break;
	case IMM_TRY_TABLE:
		in->block = read_blocktype(r);
		read_catches(r, in);
		break;
	case IMM_RESUME:
		in->index = rd_u32(r);
		read_handlers(r, in);
		break;
	case IMM_RESUME_THROW:
		read_two(r, in);
		read_handlers(r, in);
		break;
	case IMM_FENCE:
		read_fence(r);
		break;
	}
}

/* The feature is on that the row asks for.  Both exception proposals have
 * throw. */
static void
check_feature(const struct reader *r, const struct insn *in)
{
	const struct opinfo *info = &opinfos[in->op];
	uint64_t on = r->c->module.features;

	if (on & FEAT_BIT(info->feature) ||
	    (in->op == OP_THROW && on & FEAT_BIT(FEAT_LEGACY_EXCEPTIONS)))
		return;
	rd_fail(r, in->offset, "illegal opcode %02x: %s needs the feature %s "
	    "(--features +%s turns it on)",
	    info->code >> 16 ? info->code >> 16 : info->code, info->text,
	    feature_name(info->feature), feature_name(info->feature));
}

void
insn_read(struct reader *r, struct insn *in)
{
	uint8_t code = rd_byte(r);

	in->offset = rd_pos(r) - 1;
	if (op_is_prefix(code)) {
		uint32_t number = rd_u32(r);

		in->op = op_prefixed(code, number);
		if (in->op == NOPS)
			rd_fail(r, in->offset, "illegal opcode %02x %02x",
			    code, number);
	} else {
		in->op = op_plain(code);
		if (in->op == NOPS)
			rd_fail(r, in->offset, "illegal opcode %02x", code);
	}
	check_feature(r, in);
	read_immediates(r, in, (enum imm)opinfos[in->op].imm);
}

uint32_t
locals_read(struct reader *r, uint32_t nparams, const struct local_run **runs)
{
	uint32_t n = read_count(r);
	struct local_run *run = ARENA_NEW(r->arena, n, struct local_run);
	uint64_t sum = nparams;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = rd_pos(r);

		run[i].n = rd_u32(r);
		sum += run[i].n;
		if (sum > MAX_LOCALS)
			rd_fail(r, at, "too many locals: %llu, the limit is %u",
			    (unsigned long long)sum, MAX_LOCALS);
		run[i].type = rd_vtype(r);
	}
	*runs = run;
	return n;
}
