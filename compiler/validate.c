/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate.c: the validating machine, and function bodies.
 *
 * One pass over each body with a stack of operand types and a stack of open
 * blocks, as the specification's appendix describes.  Neither stack is the C
 * stack: nesting is bounded by the body's size alone.
 * Specification: "Validation Algorithm".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "validate.h"

/* Operands beyond the body's bytes that a function may have at once.  Only
 * calls with many results can want more. */
#define OPERANDS_EXTRA	1000000u

_Noreturn void
v_fail(struct validator *v, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->c->failing = WASMC_EINVALID;
	wc_fail(v->c, v->in.offset, "%s", text);
}

/* ---- Types as text ---- */

static const char *
heap_name(uint32_t heap)
{
	switch (heap) {
	case HT_NOEXN: return "noexn";
	case HT_NOFUNC: return "nofunc";
	case HT_NOEXTERN: return "noextern";
	case HT_NONE: return "none";
	case HT_FUNC: return "func";
	case HT_EXTERN: return "extern";
	case HT_ANY: return "any";
	case HT_EQ: return "eq";
	case HT_I31: return "i31";
	case HT_STRUCT: return "struct";
	case HT_ARRAY: return "array";
	case HT_EXN: return "exn";
	case HT_CONT: return "cont";
	case HT_NOCONT: return "nocont";
	default: return "bot";
	}
}

static const char *
kind_name(uint8_t kind)
{
	switch (kind) {
	case T_I32: return "i32";
	case T_I64: return "i64";
	case T_F32: return "f32";
	case T_F64: return "f64";
	case T_V128: return "v128";
	case T_I8: return "i8";
	case T_I16: return "i16";
	default: return "any type";
	}
}

struct type_text
type_text(struct vtype t)
{
	const char *null = t.nullable ? "null " : "";
	struct type_text out;

	if (t.kind != T_REF)
		snprintf(out.s, sizeof out.s, "%s", kind_name(t.kind));
	else if (!(t.heap & HT_ABSTRACT))
		snprintf(out.s, sizeof out.s, "(ref %s%u)", null, t.heap);
	else if (t.nullable && (t.heap == HT_FUNC || t.heap == HT_EXTERN ||
	    t.heap == HT_ANY || t.heap == HT_EXN || t.heap == HT_EQ))
		snprintf(out.s, sizeof out.s, "%sref", heap_name(t.heap));
	else
		snprintf(out.s, sizeof out.s, "(ref %s%s)", null,
		    heap_name(t.heap));
	return out;
}

/* ---- Operands ---- */

static void
more_stack(struct validator *v)
{
	uint32_t room = v->stack_room ? 2 * v->stack_room : 1024;

	if (v->nstack >= v->stack_max)
		v_fail(v, "too many operands: more than %u", v->stack_max);
	v->stack = arena_grow(&v->c->arena, v->stack, v->nstack, room,
	    sizeof *v->stack);
	v->stack_room = room;
}

void
v_push(struct validator *v, struct vtype t)
{
	if (v->nstack == v->stack_room)
		more_stack(v);
	v->stack[v->nstack++] = t;
}

void
v_push_all(struct validator *v, struct vtypes t)
{
	for (uint32_t i = 0; i < t.n; i++)
		v_push(v, t.t[i]);
}

static inline struct frame *
top(struct validator *v)
{
	return &v->frames[v->nframes - 1];
}

/* The operand on top; T_BOT if there is none and the code is unreachable. */
static inline struct vtype
pop(struct validator *v, struct vtype want)
{
	struct frame *f = top(v);

	if (v->nstack > f->height)
		return v->stack[--v->nstack];
	if (f->unreachable)
		return T(T_BOT);
	if (want.kind == T_NONE)
		v_fail(v, "type mismatch: %s expects a value, and there is "
		    "none", opinfos[v->in.op].text);
	v_fail(v, "type mismatch: expected %s, found nothing (%s)",
	    TYPE_TEXT(want), opinfos[v->in.op].text);
}

struct vtype
v_pop_any(struct validator *v)
{
	return pop(v, T(T_NONE));
}

void
v_pop(struct validator *v, struct vtype want)
{
	struct vtype got = pop(v, want);

	if (got.kind == want.kind && got.kind != T_REF)
		return;
	if (!vtype_sub(v->m, got, want))
		v_fail(v, "type mismatch: expected %s, found %s (%s)",
		    TYPE_TEXT(want), TYPE_TEXT(got), opinfos[v->in.op].text);
}

void
v_pop_all(struct validator *v, struct vtypes t)
{
	for (uint32_t i = t.n; i-- > 0;)
		v_pop(v, t.t[i]);
}

struct vtype
v_pop_ref(struct validator *v)
{
	struct vtype t = v_pop_any(v);

	if (t.kind != T_REF && t.kind != T_BOT)
		v_fail(v, "type mismatch: expected a reference, found %s (%s)",
		    TYPE_TEXT(t), opinfos[v->in.op].text);
	return t;
}

void
v_unreachable(struct validator *v)
{
	struct frame *f = top(v);

	v->nstack = f->height;
	f->unreachable = true;
}

/* ---- Blocks ---- */

struct frame *
v_label(struct validator *v, uint32_t depth)
{
	if (depth >= v->nframes)
		v_fail(v, "unknown label %u", depth);
	return &v->frames[v->nframes - 1 - depth];
}

struct vtypes
v_frame_params(struct validator *v, struct frame *f)
{
	if (f->type.how == BT_TYPE && f != v->frames)
		return v->m->types[f->type.type].params;
	return (struct vtypes){ NULL, 0 };
}

struct vtypes
v_frame_results(struct validator *v, struct frame *f)
{
	if (f == v->frames)
		return v->results;
	if (f->type.how == BT_TYPE)
		return v->m->types[f->type.type].results;
	if (f->type.how == BT_VALUE)
		return (struct vtypes){ &f->type.value, 1 };
	return (struct vtypes){ NULL, 0 };
}

/* What a branch to the block takes along. */
struct vtypes
v_label_types(struct validator *v, struct frame *f)
{
	return f->op == OP_LOOP ? v_frame_params(v, f) : v_frame_results(v, f);
}

static struct frame *
new_frame(struct validator *v)
{
	if (v->nframes == v->frames_room) {
		uint32_t room = v->frames_room ? 2 * v->frames_room : 256;

		v->frames = arena_grow(&v->c->arena, v->frames, v->nframes,
		    room, sizeof *v->frames);
		v->frames_room = room;
	}
	return &v->frames[v->nframes++];
}

/* The instruction's block type exists. */
void
v_block_type(struct validator *v)
{
	const struct blocktype *b = &v->in.block;

	if (b->how == BT_TYPE) {
		v_func_type(v, b->type);
		v->m->features_used |= FEAT_BIT(FEAT_MULTI_VALUE);
	} else if (b->how == BT_VALUE) {
		v_vtype(v, b->value);
	}
}

/* Open a block of the instruction's type: its parameters move into it. */
void
v_open(struct validator *v, enum op op)
{
	const struct blocktype *b = &v->in.block;
	struct vtypes params = { NULL, 0 };
	struct frame *f;

	v_block_type(v);
	if (b->how == BT_TYPE)
		params = v->m->types[b->type].params;
	v_pop_all(v, params);
	f = new_frame(v);
	*f = (struct frame){ *b, (uint16_t)op, false, v->nstack, v->ninits };
	v_push_all(v, params);
	if (op != OP_BLOCK && ++v->nest > v->most_nest)
		v->most_nest = v->nest;
}

/* Forget which locals the block has set. */
static void
undo_inits(struct validator *v, uint32_t to)
{
	while (v->ninits > to)
		v->set_in[v->inits[--v->ninits]] = 0;
}

/* The block's end or its next part: its results and nothing else are there. */
static void
check_results(struct validator *v, struct frame *f)
{
	v_pop_all(v, v_frame_results(v, f));
	if (v->nstack != f->height)
		v_fail(v, "type mismatch: %u values too many at the end of "
		    "the block, the last of type %s", v->nstack - f->height,
		    TYPE_TEXT(v->stack[v->nstack - 1]));
}

void
v_reset_frame(struct validator *v, struct frame *f)
{
	check_results(v, f);
	undo_inits(v, f->ninits);
	f->unreachable = false;
}

void
v_close(struct validator *v)
{
	struct frame *f = top(v);

	check_results(v, f);
	undo_inits(v, f->ninits);
	v->nest -= f->op != OP_BLOCK;
	v->nframes--;
	if (v->nframes == 0)
		v->done = true;
	else
		v_push_all(v, v_frame_results(v, f));
}

/* ---- Locals ---- */

static struct vtype
local_in_runs(const struct validator *v, uint32_t idx)
{
	uint32_t lo = 0, hi = v->nruns - 1;

	while (lo < hi) {		/* the first run that ends after idx */
		uint32_t mid = lo + (hi - lo) / 2;

		if (v->run_ends[mid] > idx)
			hi = mid;
		else
			lo = mid + 1;
	}
	return v->runs[lo].type;
}

struct vtype
v_local(struct validator *v, uint32_t idx)
{
	if (idx < v->params.n)
		return v->params.t[idx];
	if (idx >= v->nlocals)
		v_fail(v, "unknown local %u", idx);
	if (idx - v->params.n < v->nfast)
		return v->locals[idx - v->params.n];
	return local_in_runs(v, idx);
}

bool
v_local_is_set(struct validator *v, uint32_t idx, struct vtype t)
{
	return has_default(t) || idx < v->params.n ||
	    v->set_in[idx] == v->serial;
}

void
v_local_set(struct validator *v, uint32_t idx, struct vtype t)
{
	if (v_local_is_set(v, idx, t))
		return;
	if (v->ninits == v->inits_room) {
		uint32_t room = v->inits_room ? 2 * v->inits_room : 64;

		v->inits = arena_grow(&v->c->arena, v->inits, v->ninits, room,
		    sizeof *v->inits);
		v->inits_room = room;
	}
	v->set_in[idx] = v->serial;
	v->inits[v->ninits++] = idx;
}

static void
expand_locals(struct validator *v, uint32_t n)
{
	uint32_t k = 0;

	if (n > v->locals_room) {
		v->locals_room = 2 * n;
		v->locals = arena_grow(&v->c->arena, NULL, 0, v->locals_room,
		    sizeof *v->locals);
	}
	for (uint32_t i = 0; i < v->nruns && k < n; i++)
		for (uint32_t j = 0; j < v->runs[i].n && k < n; j++)
			v->locals[k++] = v->runs[i].type;
	v->nfast = k;
}

/* The locals that the body declares, whose bytes bound what is expanded. */
static void
read_locals(struct validator *v, size_t body_bytes)
{
	uint32_t end = v->params.n;
	bool tracked = false;

	v->nruns = locals_read(&v->r, v->params.n, &v->runs);
	v->run_ends = ARENA_NEW(&v->c->scratch, v->nruns, uint32_t);
	for (uint32_t i = 0; i < v->nruns; i++) {
		v_vtype(v, v->runs[i].type);
		tracked = tracked || !has_default(v->runs[i].type);
		end += v->runs[i].n;
		v->run_ends[i] = end;
	}
	v->nlocals = end;
	end -= v->params.n;
	expand_locals(v, body_bytes < end ? (uint32_t)body_bytes : end);
	if (tracked && !v->set_in)
		v->set_in = ARENA_NEW(&v->c->arena, MAX_LOCALS, uint32_t);
}

/* ---- Immediates, by their kind ---- */

static void
check_memarg(struct validator *v)
{
	const struct opinfo *info = &opinfos[v->in.op];
	const struct memarg *a = &v->in.memarg;
	const struct memory *m = v_memory(v, a->mem);

	if (a->align > info->align)
		v_fail(v, "alignment must not be larger than natural: "
		    "2^%u for %s", a->align, info->text);
	if (info->feature == FEAT_THREADS && a->align != info->align)
		v_fail(v, "atomic alignment must be natural: 2^%u for %s",
		    a->align, info->text);
	if (!m->limits.is64 && a->offset > UINT32_MAX)
		v_fail(v, "offset out of range: %llu",
		    (unsigned long long)a->offset);
}

/* The number of lanes stands in the name: i8x16.extract_lane_s. */
static void
check_lane(struct validator *v, uint32_t nlanes)
{
	if (v->in.lane >= nlanes)
		v_fail(v, "invalid lane index %u", v->in.lane);
}

static void
check_shuffle(struct validator *v)
{
	for (unsigned i = 0; i < 16; i++)
		if (v->in.v128[i] >= 32)
			v_fail(v, "invalid lane index %u", v->in.v128[i]);
}

static void
check_immediates(struct validator *v, const struct opinfo *info)
{
	switch (info->imm) {
	case IMM_MEMARG_LANE:
		check_memarg(v);
		check_lane(v, 16u >> info->align);
		break;
	case IMM_MEMARG:
		check_memarg(v);
		break;
	case IMM_LANE:
		check_lane(v, (uint32_t)atoi(strchr(info->text, 'x') + 1));
		break;
	case IMM_SHUFFLE:
		check_shuffle(v);
		break;
	case IMM_MEM:
		v_memory(v, v->in.index);
		break;
	case IMM_MEM_INIT:
		v_memory(v, v->in.index2);
		v_data(v, v->in.index);
		break;
	case IMM_MEM_COPY:
		v_memory(v, v->in.index);
		v_memory(v, v->in.index2);
		break;
	case IMM_DATA:
		v_data(v, v->in.index);
		break;
	case IMM_ELEM:
		v_elem(v, v->in.index);
		break;
	case IMM_TABLE:
		v_table(v, v->in.index);
		break;
	default:
		break;
	}
}

/* ---- Signatures ---- */

static struct vtype
address_type(const struct validator *v, const struct opinfo *info)
{
	uint32_t mem = info->imm == IMM_MEM ? v->in.index :
	    info->imm == IMM_MEM_INIT ? v->in.index2 : v->in.memarg.mem;

	return T(v->m->memories[mem].limits.is64 ? T_I64 : T_I32);
}

static inline struct vtype
sig_type(const struct validator *v, const struct opinfo *info, char s)
{
	switch (s) {
	case 'i': return T(T_I32);
	case 'l': return T(T_I64);
	case 'f': return T(T_F32);
	case 'd': return T(T_F64);
	case 'v': return T(T_V128);
	case 'a': return address_type(v, info);
	default:  return T(v->m->tables[v->in.index].limits.is64 ?
	    T_I64 : T_I32);
	}
}

/* The rule most instructions share, read off the table. */
static void
v_by_sig(struct validator *v, const struct opinfo *info)
{
	const char *s = info->sig;

	while (*s != ':')
		s++;
	for (const char *p = s; p > info->sig;)
		v_pop(v, sig_type(v, info, *--p));
	for (s++; *s; s++)
		v_push(v, sig_type(v, info, *s));
}

/* ---- Instructions ---- */

static v_rule *const rules[NOPS] = {
	[OP_UNREACHABLE] = v_unreachable_op,
	[OP_BLOCK] = v_block, [OP_LOOP] = v_block, [OP_IF] = v_if,
	[OP_ELSE] = v_else, [OP_END] = v_end,
	[OP_TRY] = v_block, [OP_CATCH] = v_catch,
	[OP_CATCH_ALL] = v_catch_all, [OP_DELEGATE] = v_delegate,
	[OP_RETHROW] = v_rethrow, [OP_THROW] = v_throw,
	[OP_THROW_REF] = v_throw_ref, [OP_TRY_TABLE] = v_try_table,
	[OP_BR] = v_br, [OP_BR_IF] = v_br_if, [OP_BR_TABLE] = v_br_table,
	[OP_RETURN] = v_return, [OP_CALL] = v_call,
	[OP_CALL_INDIRECT] = v_call_indirect, [OP_CALL_REF] = v_call_ref,
	[OP_RETURN_CALL] = v_return_call,
	[OP_RETURN_CALL_INDIRECT] = v_return_call_indirect,
	[OP_RETURN_CALL_REF] = v_return_call_ref,
	[OP_BR_ON_NULL] = v_br_on_null,
	[OP_BR_ON_NON_NULL] = v_br_on_non_null,
	[OP_BR_ON_CAST] = v_br_on_cast,
	[OP_BR_ON_CAST_FAIL] = v_br_on_cast_fail,
	[OP_DROP] = v_drop, [OP_SELECT] = v_select, [OP_SELECT_T] = v_select_t,
	[OP_LOCAL_GET] = v_local_get, [OP_LOCAL_SET] = v_local_set_op,
	[OP_LOCAL_TEE] = v_local_tee, [OP_GLOBAL_GET] = v_global_get,
	[OP_GLOBAL_SET] = v_global_set,
	[OP_TABLE_GET] = v_table_get, [OP_TABLE_SET] = v_table_set,
	[OP_TABLE_GROW] = v_table_grow, [OP_TABLE_FILL] = v_table_fill,
	[OP_TABLE_COPY] = v_table_copy, [OP_TABLE_INIT] = v_table_init,
	[OP_MEMORY_COPY] = v_memory_copy,
	[OP_REF_NULL] = v_ref_null, [OP_REF_IS_NULL] = v_ref_is_null,
	[OP_REF_FUNC] = v_ref_func, [OP_REF_EQ] = v_ref_eq,
	[OP_REF_AS_NON_NULL] = v_ref_as_non_null,
	[OP_STRUCT_NEW] = v_struct_new,
	[OP_STRUCT_NEW_DEFAULT] = v_struct_new_default,
	[OP_STRUCT_GET] = v_struct_get, [OP_STRUCT_GET_S] = v_struct_get,
	[OP_STRUCT_GET_U] = v_struct_get, [OP_STRUCT_SET] = v_struct_set,
	[OP_ARRAY_NEW] = v_array_new,
	[OP_ARRAY_NEW_DEFAULT] = v_array_new_default,
	[OP_ARRAY_NEW_FIXED] = v_array_new_fixed,
	[OP_ARRAY_NEW_DATA] = v_array_new_data,
	[OP_ARRAY_NEW_ELEM] = v_array_new_elem,
	[OP_ARRAY_GET] = v_array_get, [OP_ARRAY_GET_S] = v_array_get,
	[OP_ARRAY_GET_U] = v_array_get, [OP_ARRAY_SET] = v_array_set,
	[OP_ARRAY_LEN] = v_array_len, [OP_ARRAY_FILL] = v_array_fill,
	[OP_ARRAY_COPY] = v_array_copy,
	[OP_ARRAY_INIT_DATA] = v_array_init_data,
	[OP_ARRAY_INIT_ELEM] = v_array_init_elem,
	[OP_REF_TEST] = v_ref_test, [OP_REF_TEST_NULL] = v_ref_test,
	[OP_REF_CAST] = v_ref_cast, [OP_REF_CAST_NULL] = v_ref_cast,
	[OP_ANY_CONVERT_EXTERN] = v_any_convert_extern,
	[OP_EXTERN_CONVERT_ANY] = v_extern_convert_any,
	[OP_REF_I31] = v_ref_i31, [OP_I31_GET_S] = v_i31_get,
	[OP_I31_GET_U] = v_i31_get,
	[OP_CONT_NEW] = v_cont_new, [OP_CONT_BIND] = v_cont_bind,
	[OP_SUSPEND] = v_suspend, [OP_RESUME] = v_resume,
	[OP_RESUME_THROW] = v_resume_throw,
	[OP_RESUME_THROW_REF] = v_resume_throw_ref, [OP_SWITCH] = v_switch,
};

bool
validate_has_rule(enum op op)
{
	return rules[op] != NULL;
}

/* Instructions that may stand in constant expressions: the feature that lets
 * them, or NFEATURES. */
static unsigned
constant_feature(enum op op)
{
	switch (op) {
	case OP_I32_CONST: case OP_I64_CONST: case OP_F32_CONST:
	case OP_F64_CONST: case OP_V128_CONST: case OP_REF_NULL:
	case OP_REF_FUNC: case OP_GLOBAL_GET: case OP_END:
	case OP_STRUCT_NEW: case OP_STRUCT_NEW_DEFAULT: case OP_ARRAY_NEW:
	case OP_ARRAY_NEW_DEFAULT: case OP_ARRAY_NEW_FIXED:
	case OP_ANY_CONVERT_EXTERN: case OP_EXTERN_CONVERT_ANY:
	case OP_REF_I31:
		return FEAT_MVP;
	case OP_I32_ADD: case OP_I32_SUB: case OP_I32_MUL:
	case OP_I64_ADD: case OP_I64_SUB: case OP_I64_MUL:
		return FEAT_EXT_CONST;
	default:
		return NFEATURES;
	}
}

static void
check_constant(struct validator *v)
{
	unsigned f = constant_feature(v->in.op);
	const char *text = opinfos[v->in.op].text;

	if (f == NFEATURES)
		v_fail(v, "constant expression required: %s is not constant",
		    text);
	if (!(v->m->features & FEAT_BIT(f)))
		v_fail(v, "constant expression required: %s needs the feature "
		    "%s (--features +%s turns it on)", text,
		    feature_name((int)f), feature_name((int)f));
	v->m->features_used |= FEAT_BIT(f);
}

static void
check_insn(struct validator *v)
{
	const struct opinfo *info = &opinfos[v->in.op];

	v->m->features_used |= FEAT_BIT(info->feature);
	check_immediates(v, info);
	if (info->sig)
		v_by_sig(v, info);
	else
		rules[v->in.op](v);
}

static void
start(struct validator *v, struct slice code)
{
	v->r = rd_open(v->c, code);
	v->in.offset = rd_pos(&v->r);
	v->in.op = OP_END;
	v->nstack = 0;
	v->stack_max = code.n < UINT32_MAX / 2 - OPERANDS_EXTRA ?
	    (uint32_t)code.n + OPERANDS_EXTRA : UINT32_MAX / 2;
	v->nframes = 0;
	v->nest = v->most_nest = 0;
	v->ninits = 0;
	v->serial++;
	v->done = false;
	*new_frame(v) = (struct frame){ .op = OP_BLOCK };
}

void
v_constexpr(struct validator *v, const struct constexpr *e, struct vtype want,
    uint32_t nglobals_visible)
{
	struct vtype one = want;

	v->params = (struct vtypes){ NULL, 0 };
	v->results = (struct vtypes){ &one, 1 };
	v->nlocals = 0;
	v->constant = true;
	v->nglobals_visible = nglobals_visible;
	start(v, e->code);
	while (!v->done) {
		insn_read(&v->r, &v->in);
		check_constant(v);
		check_insn(v);
	}
	v->results = (struct vtypes){ NULL, 0 };
	arena_reset(&v->c->scratch);
}

static _Noreturn void
body_cut(struct validator *v)
{
	rd_fail(&v->r, rd_pos(&v->r), v->c->func_idx + 1 == v->m->nfuncs ?
	    "unexpected end of section or function: END opcode expected" :
	    "END opcode expected at the end of the function");
}

void
v_body(struct validator *v, uint32_t func)
{
	struct func *f = &v->m->funcs[func];
	const struct type *t = &v->m->types[f->type];

	v->c->func_idx = func;
	v->params = t->params;
	v->results = t->results;
	v->constant = false;
	start(v, f->body);
	read_locals(v, f->body.n);
	while (!v->done) {
		if (rd_end(&v->r))
			body_cut(v);
		insn_read(&v->r, &v->in);
		check_insn(v);
	}
	if (!rd_end(&v->r))
		rd_fail(&v->r, rd_pos(&v->r), "section size mismatch: "
		    "operators remaining after the function's end");
	f->nest = v->most_nest;
	arena_reset(&v->c->scratch);
}

void
validate_module(struct compile *c)
{
	struct validator v = { .c = c, .m = &c->module };

	c->failing = WASMC_EINVALID;
	v_module(&v);
	c->section = "code";
	for (uint32_t i = v.m->nfuncs_imported; i < v.m->nfuncs; i++)
		v_body(&v, i);
	c->func_idx = NO_IDX;
	c->section = NULL;
}
