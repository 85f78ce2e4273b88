/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower.c: a part of a validated module becomes an LLVM module.
 *
 * One pass over each function's instructions, each handed to the handler that
 * its row in ops.def names.  The part has a reader state and arenas of its
 * own, so that parts can be lowered on several threads; failures in the
 * reader, which can only be lack of memory by now, and instructions that are
 * not lowered yet come back here by longjmp.  No LLVM frame is crossed.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>

#include "lower.h"

static l_handler *const handlers[NOPS] = {
#define OP(code, NAME, text, imm, sig, align, feature, lowering)	\
	[OP_##NAME] = l_##lowering,
#include "ops.def"
#undef OP
};

/* ---- The value stack ---- */

void
l_push(struct lower *l, LLVMValueRef v)
{
	if (l->nstack == l->stack_room) {
		uint32_t room = 2 * l->stack_room + 64;
		l->stack = arena_grow(&l->c.scratch, l->stack, l->nstack,
		    room, sizeof *l->stack);
		l->stack_room = room;
	}
	l->stack[l->nstack++] = v;
}

LLVMValueRef
l_pop(struct lower *l)
{
	assert(l->nstack > 0);
	return l->stack[--l->nstack];
}

/* ---- Failures ---- */

static __attribute__((noreturn)) void
l_no_memory(void *data)
{
	struct compile *c = data;

	c->err->status = WASMC_ENOMEM;
	c->err->offset = UINT64_MAX;
	c->err->func_idx = c->func_idx;
	snprintf(c->err->text, sizeof c->err->text, "out of memory");
	longjmp(c->fail, 1);
}

/* ---- One instruction after another ---- */

/* Where nothing is reachable only the nesting of blocks matters. */
static bool
l_skips(struct lower *l, const struct insn *in)
{
	if (!l->dead)
		return false;
	switch (in->op) {
	case OP_BLOCK: case OP_LOOP: case OP_IF: case OP_TRY:
	case OP_TRY_TABLE:
		l->skipped++;
		return true;
	case OP_END: case OP_DELEGATE:
		if (l->skipped == 0)
			return false;
		l->skipped--;
		return true;
	case OP_ELSE: case OP_CATCH: case OP_CATCH_ALL:
		return l->skipped > 0;
	default:
		return true;
	}
}

void
l_insn(struct lower *l, const struct insn *in)
{
	handlers[in->op](l, in);
}

void
l_body(struct lower *l, struct reader *r)
{
	struct insn in;

	while (l->nlabels > 0) {
		l_fuel_head(l, r);
		insn_read(r, &in);
		l->offset = in.offset;
		l_fuel_step(l, &in);
		if (!l_skips(l, &in))
			l_insn(l, &in);
		l_fuel_done(l, &in);
	}
}

/* ---- One function ---- */

static LLVMMetadataRef
l_subprogram(struct lower *l, LLVMValueRef fn, const char *name,
    uint64_t offset)
{
	size_t n = strlen(name);
	LLVMMetadataRef sp;

	sp = LLVMDIBuilderCreateFunction(l->db, l->file, name, n, "", 0,
	    l->file, l_line(l, offset), l->subtype,
	    LLVMGetLinkage(fn) == LLVMInternalLinkage, 1, l_line(l, offset),
	    LLVMDIFlagZero, l->plan->opt_level > 0);
	LLVMSetSubprogram(fn, sp);
	return sp;
}

/* The entry block holds stack slots and values loaded once; it ends with a
 * branch to the first block of the body. */
void
l_open_func(struct lower *l, LLVMValueRef fn, uint64_t offset,
    const char *name, struct vtypes results)
{
	struct vtypes none = { NULL, 0 };
	LLVMBasicBlockRef first;

	l->fn = fn;
	l->vmctx = LLVMGetParam(fn, 0);
	l->scope = l_subprogram(l, fn, name, offset);
	l->offset = offset;
	l->located = UINT64_MAX;
	l->nstack = l->stack_room = l->nlabels = l->label_room = 0;
	l->stack = NULL;
	l->labels = NULL;
	l->nlocals = l->nresults = l->skipped = 0;
	l->fuel.var = NULL;
	l->dead = false;
	l->mem_base = ARENA_NEW(&l->c.scratch, l->m->nmemories, LLVMValueRef);
	l->entry = l_bb(l, "entry");
	first = l_bb(l, "");
	LLVMPositionBuilderAtEnd(l->b, l->entry);
	l_locate(l);
	l->entry_end = LLVMBuildBr(l->b, first);
	LLVMPositionBuilderAtEnd(l->b, first);
	l_exact_func(l);
	l_label_push(l, LABEL_FUNC, none, results);
}

void
l_close_func(struct lower *l)
{
	LLVMClearInsertionPosition(l->b);
	LLVMSetCurrentDebugLocation2(l->b, NULL);
	arena_reset(&l->c.scratch);
}

static void
l_add_local(struct lower *l, LLVMTypeRef t, LLVMValueRef init)
{
	uint32_t i = l->nlocals++;

	l->local_types[i] = t;
	l->locals[i] = l_alloca(l, t, "");
	LLVMBuildStore(l->b, init ? init : LLVMConstNull(t), l->locals[i]);
}

/* Parameters, then the locals the body declares. */
static void
l_make_locals(struct lower *l, const struct type *t, struct reader *r)
{
	struct reader count = *r;
	uint64_t n = t->params.n;

	for (uint32_t left = rd_u32(&count); left > 0; left--) {
		n += rd_u32(&count);
		rd_vtype(&count);
	}
	l->locals = ARENA_NEW(&l->c.scratch, n, LLVMValueRef);
	l->local_types = ARENA_NEW(&l->c.scratch, n, LLVMTypeRef);
	for (uint32_t i = 0; i < t->params.n; i++)
		l_add_local(l, l_type(l, t->params.t[i]),
		    LLVMGetParam(l->fn, i + 1));
	for (uint32_t left = rd_u32(r); left > 0; left--) {
		uint32_t k = rd_u32(r);
		LLVMTypeRef type = l_type(l, rd_vtype(r));
		while (k-- > 0)
			l_add_local(l, type, NULL);
	}
}

static void
l_build_return(struct lower *l, struct vtypes results)
{
	LLVMValueRef array;

	if (l->dead)
		return;
	l_locate(l);
	if (results.n > 1) {
		array = LLVMGetParam(l->fn, LLVMCountParams(l->fn) - 1);
		for (uint32_t i = 0; i < results.n; i++)
			l_store_val(l, array, i, l->stack[i]);
	}
	if (results.n == 1)
		LLVMBuildRet(l->b, l->stack[0]);
	else
		LLVMBuildRetVoid(l->b);
}

static void
l_one_func(struct lower *l, uint32_t idx)
{
	const struct func *f = &l->m->funcs[idx];
	const struct type *t = &l->m->types[f->type];
	const char *name = l->plan->sym.funcs[idx];
	struct reader r = rd_open(&l->c, f->body);

	l->func_idx = l->c.func_idx = idx;
	if (f->name.n > 0) {
		char *s = ARENA_NEW(&l->c.scratch, f->name.n + 1, char);
		memcpy(s, f->name.p, f->name.n);
		name = s;
	}
	l_open_func(l, l_func(l, idx), f->offset, name, t->results);
	l_fuel_open(l);
	l_make_locals(l, t, &r);
	l_body(l, &r);
	l_fuel_close(l);
	l_build_return(l, t->results);
	l_close_func(l);
}

/* ---- The part ---- */

static void
l_debug_init(struct lower *l)
{
	const char *name = l->m->file_name ? l->m->file_name : "module.wasm";

	l->db = LLVMCreateDIBuilder(l->mod);
	l->file = LLVMDIBuilderCreateFile(l->db, name, strlen(name), "", 0);
	LLVMDIBuilderCreateCompileUnit(l->db, LLVMDWARFSourceLanguageC99,
	    l->file, "wasmc", 5, l->plan->opt_level > 0, "", 0, 0, "", 0,
	    LLVMDWARFEmissionLineTablesOnly, 0, 1, 0, "", 0, "", 0);
	l->subtype = LLVMDIBuilderCreateSubroutineType(l->db, l->file, NULL, 0,
	    LLVMDIFlagZero);
	LLVMAddModuleFlag(l->mod, LLVMModuleFlagBehaviorWarning,
	    "Debug Info Version", 18,
	    LLVMValueAsMetadata(l_i32(l, LLVMDebugMetadataVersion())));
	LLVMAddModuleFlag(l->mod, LLVMModuleFlagBehaviorWarning,
	    "Dwarf Version", 13, LLVMValueAsMetadata(l_i32(l, 4)));
}

static void
l_init(struct lower *l, struct part *part, LLVMContextRef ctx,
    LLVMTargetMachineRef tm)
{
	const char *name = part->plan->m->file_name;

	l->part = part;
	l->plan = part->plan;
	l->m = part->plan->m;
	l->ctx = ctx;
	l->c = *part->plan->c;
	l->c.err = &part->err;
	l->c.func_idx = NO_IDX;
	l->c.section = NULL;
	l->c.failing = WASMC_EBACKEND;
	l->c.arena = l->c.scratch = (struct arena){ .fail = l_no_memory };
	l->c.arena.fail_data = l->c.scratch.fail_data = &l->c;
	l->mod = LLVMModuleCreateWithNameInContext(name ? name : "", ctx);
	LLVMSetSourceFileName(l->mod, name ? name : "",
	    name ? strlen(name) : 0);
	l->b = LLVMCreateBuilderInContext(ctx);
	l_ir_init(l, tm);
	l_debug_init(l);
}

static void
l_all(struct lower *l)
{
	l->types = ARENA_NEW(&l->c.arena, l->m->ntypes, LLVMTypeRef);
	l->funcs = ARENA_NEW(&l->c.arena, l->m->nfuncs, LLVMValueRef);
	l->fixed = ARENA_NEW(&l->c.arena, l->m->ntables, LLVMValueRef);
	for (uint32_t i = l->part->first; i < l->part->end; i++)
		l_one_func(l, i);
	l->c.func_idx = l->func_idx = NO_IDX;
	if (l->part->with_thunks) {
		l_thunks(l);
		l_fixed_tables(l);
	}
	l_bulk_functions(l);
	l_trap_define(l);
	LLVMDIBuilderFinalize(l->db);
}

static int
l_verify(struct lower *l)
{
	char *why = NULL;
	int rc = WASMC_OK;

	if (LLVMVerifyModule(l->mod, LLVMReturnStatusAction, &why)) {
		rc = l->part->err.status = WASMC_EBACKEND;
		l->part->err.offset = UINT64_MAX;
		l->part->err.func_idx = UINT32_MAX;
		snprintf(l->part->err.text, sizeof l->part->err.text,
		    "the generated code is not valid: %s", why);
	}
	LLVMDisposeMessage(why);
	return rc;
}

int
lower_part(struct part *part, LLVMContextRef ctx, LLVMTargetMachineRef tm,
    LLVMModuleRef *out)
{
	struct lower *l = calloc(1, sizeof *l);
	int rc = WASMC_OK;

	if (!l) {
		part->err = (struct wasmc_error){ .status = WASMC_ENOMEM,
		    .offset = UINT64_MAX, .func_idx = UINT32_MAX,
		    .text = "out of memory" };
		return WASMC_ENOMEM;
	}
	l_init(l, part, ctx, tm);
	if (setjmp(l->c.fail) == 0)
		l_all(l);
	else
		rc = part->err.status;
	if (rc == WASMC_OK)
		rc = l_bitcode(l);
	if (rc == WASMC_OK && l->c.opt && l->c.opt->verify)
		rc = l_verify(l);
	LLVMDisposeDIBuilder(l->db);
	LLVMDisposeBuilder(l->b);
	if (rc == WASMC_OK)
		*out = l->mod;
	else
		LLVMDisposeModule(l->mod);
	arena_free(&l->c.arena);
	arena_free(&l->c.scratch);
	free(l);
	return rc;
}
