/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * disasm.c: instructions and types as text.
 *
 * Works on decoded modules, validated or not: every index is checked before
 * it is followed.
 */
#include <inttypes.h>
#include <string.h>

#include "disasm.h"

/* ---- Types ---- */

static const char *
heap_text(uint32_t heap)
{
	static const struct { uint32_t heap; const char *text; } t[] = {
		{ HT_NOEXN, "noexn" }, { HT_NOFUNC, "nofunc" },
		{ HT_NOEXTERN, "noextern" }, { HT_NONE, "none" },
		{ HT_FUNC, "func" }, { HT_EXTERN, "extern" },
		{ HT_ANY, "any" }, { HT_EQ, "eq" }, { HT_I31, "i31" },
		{ HT_STRUCT, "struct" }, { HT_ARRAY, "array" },
		{ HT_EXN, "exn" }, { HT_CONT, "cont" }, { HT_NOCONT, "nocont" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (t[i].heap == heap)
			return t[i].text;
	return "?";
}

static void
print_heap(FILE *out, uint32_t heap)
{
	if (heap & HT_ABSTRACT)
		fputs(heap_text(heap), out);
	else
		fprintf(out, "%u", heap);
}

void
disasm_vtype(FILE *out, struct vtype t)
{
	switch (t.kind) {
	case T_I32: fputs("i32", out); return;
	case T_I64: fputs("i64", out); return;
	case T_F32: fputs("f32", out); return;
	case T_F64: fputs("f64", out); return;
	case T_V128: fputs("v128", out); return;
	case T_I8: fputs("i8", out); return;
	case T_I16: fputs("i16", out); return;
	case T_REF: break;
	default: fputs("?", out); return;
	}
	if (t.nullable && (t.heap == HT_FUNC || t.heap == HT_EXTERN ||
	    t.heap == HT_ANY || t.heap == HT_EXN)) {
		fprintf(out, "%sref", heap_text(t.heap));
		return;
	}
	fprintf(out, "(ref %s", t.nullable ? "null " : "");
	print_heap(out, t.heap);
	fputc(')', out);
}

static void
print_vtypes(FILE *out, struct vtypes t)
{
	fputc('(', out);
	for (uint32_t i = 0; i < t.n; i++) {
		if (i)
			fputs(", ", out);
		disasm_vtype(out, t.t[i]);
	}
	fputc(')', out);
}

static void
print_field(FILE *out, const struct field *f)
{
	if (f->mut)
		fputs("mut ", out);
	disasm_vtype(out, f->type);
}

void
disasm_type(FILE *out, const struct type *t)
{
	if (t->super != NO_IDX)
		fprintf(out, "sub %u ", t->super);
	if (!t->final)
		fputs("open ", out);
	switch (t->comp) {
	case COMP_FUNC:
		fputs("func ", out);
		print_vtypes(out, t->params);
		fputs(" -> ", out);
		print_vtypes(out, t->results);
		return;
	case COMP_CONT:
		fprintf(out, "cont %u", t->cont);
		return;
	case COMP_ARRAY:
		fputs("array ", out);
		break;
	case COMP_STRUCT:
		fputs("struct ", out);
		break;
	}
	fputc('{', out);
	for (uint32_t i = 0; i < t->nfields; i++) {
		if (i)
			fputs(", ", out);
		print_field(out, &t->fields[i]);
	}
	fputc('}', out);
}

void
disasm_limits(FILE *out, const struct limits *l)
{
	fprintf(out, "%s%" PRIu64 "..", l->is64 ? "i64 " : "", l->min);
	if (l->has_max)
		fprintf(out, "%" PRIu64, l->max);
	if (l->shared)
		fputs(" shared", out);
	if (l->page_log2 != 16)
		fprintf(out, " pagesize 2^%u", l->page_log2);
}

void
disasm_name(FILE *out, struct slice name)
{
	fputc('"', out);
	for (size_t i = 0; i < name.n; i++) {
		uint8_t b = name.p[i];

		if (b < 0x20 || b == 0x7f || b == '"' || b == '\\')
			fprintf(out, "\\%02x", b);
		else
			fputc(b, out);
	}
	fputc('"', out);
}

/* ---- Immediates ---- */

static void
print_block(FILE *out, const struct blocktype *b)
{
	if (b->how == BT_TYPE)
		fprintf(out, " (type %u)", b->type);
	if (b->how == BT_VALUE) {
		fputs(" (result ", out);
		disasm_vtype(out, b->value);
		fputc(')', out);
	}
}

static void
print_func(FILE *out, const struct module *m, uint32_t idx)
{
	fprintf(out, " %u", idx);
	if (idx < m->nfuncs && m->funcs[idx].name.n) {
		fputs(" ;; ", out);
		disasm_name(out, m->funcs[idx].name);
	}
}

static void
print_memarg(FILE *out, const struct insn *in)
{
	const struct memarg *a = &in->memarg;

	if (a->mem)
		fprintf(out, " %u", a->mem);
	if (a->offset)
		fprintf(out, " offset=%" PRIu64, a->offset);
	if (a->align != opinfos[in->op].align)
		fprintf(out, " align=%llu", 1ull << (a->align & 63));
}

static void
print_catches(FILE *out, const struct insn *in)
{
	static const char *const names[] = { "catch", "catch_ref", "catch_all",
	    "catch_all_ref" };

	for (uint32_t i = 0; i < in->ncatches; i++) {
		const struct catch *c = &in->catches[i];

		fprintf(out, " (%s", names[c->kind & 3]);
		if (c->kind <= CATCH_REF)
			fprintf(out, " %u", c->tag);
		fprintf(out, " %u)", c->label);
	}
}

static void
print_handlers(FILE *out, const struct insn *in)
{
	for (uint32_t i = 0; i < in->ncatches; i++) {
		if (in->catches[i].kind == CATCH)
			fprintf(out, " (on %u %u)", in->catches[i].tag,
			    in->catches[i].label);
		else
			fprintf(out, " (on %u switch)", in->catches[i].tag);
	}
}

/* Floats in hexadecimal, which is exact; NaNs with their bits. */
static void
print_f32(FILE *out, uint64_t num)
{
	uint32_t bits = (uint32_t)num;
	float f;

	memcpy(&f, &bits, sizeof f);
	if (f != f)
		fprintf(out, " %snan:0x%x", bits >> 31 ? "-" : "",
		    bits & 0x7fffff);
	else
		fprintf(out, " %a", (double)f);
}

static void
print_f64(FILE *out, uint64_t bits)
{
	double f;

	memcpy(&f, &bits, sizeof f);
	if (f != f)
		fprintf(out, " %snan:0x%" PRIx64, bits >> 63 ? "-" : "",
		    bits & 0xfffffffffffff);
	else
		fprintf(out, " %a", f);
}

static void
print_v128(FILE *out, const struct insn *in)
{
	fputs(in->op == OP_V128_CONST ? " i8x16" : "", out);
	for (unsigned i = 0; i < 16; i++)
		fprintf(out, " %u", in->v128[i]);
}

static void
print_immediates(FILE *out, const struct module *m, const struct insn *in)
{
	switch ((enum imm)opinfos[in->op].imm) {
	case IMM_NONE: case IMM_FENCE:
		break;
	case IMM_BLOCK:
		print_block(out, &in->block);
		break;
	case IMM_BR_TABLE:
		for (uint32_t i = 0; i < in->nlabels; i++)
			fprintf(out, " %u", in->labels[i]);
		break;
	case IMM_FUNC:
		print_func(out, m, in->index);
		break;
	case IMM_LABEL: case IMM_TYPE: case IMM_LOCAL: case IMM_GLOBAL:
	case IMM_TABLE: case IMM_ELEM: case IMM_DATA: case IMM_TAG:
		fprintf(out, " %u", in->index);
		break;
	case IMM_MEM:
		if (in->index)
			fprintf(out, " %u", in->index);
		break;
	case IMM_CALL_INDIRECT:
		if (in->index2)
			fprintf(out, " %u", in->index2);
		fprintf(out, " (type %u)", in->index);
		break;
	case IMM_MEM_INIT: case IMM_TABLE_INIT:	/* as written: what, where */
		fprintf(out, " %u %u", in->index2, in->index);
		break;
	case IMM_TABLE_COPY: case IMM_MEM_COPY: case IMM_FIELD:
	case IMM_TYPE_N: case IMM_TYPE_TYPE: case IMM_TYPE_DATA:
	case IMM_TYPE_ELEM: case IMM_TYPE_TAG:
		fprintf(out, " %u %u", in->index, in->index2);
		break;
	case IMM_MEMARG:
		print_memarg(out, in);
		break;
	case IMM_MEMARG_LANE:
		print_memarg(out, in);
		fprintf(out, " %u", in->lane);
		break;
	case IMM_LANE:
		fprintf(out, " %u", in->lane);
		break;
	case IMM_SHUFFLE: case IMM_V128:
		print_v128(out, in);
		break;
	case IMM_I32: case IMM_I64:
		fprintf(out, " %" PRId64, (int64_t)in->num);
		break;
	case IMM_F32:
		print_f32(out, in->num);
		break;
	case IMM_F64:
		print_f64(out, in->num);
		break;
	case IMM_SELECT_T:
		fputs(" (result", out);
		for (uint32_t i = 0; i < in->types.n; i++) {
			fputc(' ', out);
			disasm_vtype(out, in->types.t[i]);
		}
		fputc(')', out);
		break;
	case IMM_HEAP:
		fputc(' ', out);
		if (in->op == OP_REF_NULL)
			print_heap(out, in->type.heap);
		else
			disasm_vtype(out, in->type);
		break;
	case IMM_BR_ON_CAST:
		fprintf(out, " %u ", in->index);
		disasm_vtype(out, in->type);
		fputc(' ', out);
		disasm_vtype(out, in->type2);
		break;
	case IMM_TRY_TABLE:
		print_block(out, &in->block);
		print_catches(out, in);
		break;
	case IMM_RESUME:
		fprintf(out, " %u", in->index);
		print_handlers(out, in);
		break;
	case IMM_RESUME_THROW:
		fprintf(out, " %u %u", in->index, in->index2);
		print_handlers(out, in);
		break;
	}
}

void
disasm_insn(FILE *out, const struct module *m, const struct insn *in)
{
	fputs(opinfos[in->op].text, out);
	print_immediates(out, m, in);
}
