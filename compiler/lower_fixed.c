/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_fixed.c: call_indirect through tables whose contents are known
 * (tables.c).
 *
 * Such a table is a constant besides, with 8 bytes for each entry:
 *
 *   int32_t code;	from the table's beginning to the function's
 *   uint32_t class;	of its type, 0 for null; fixed_class()
 *
 * so that one comparison says that there is a function of the right type, and
 * its code is one load behind the index, instead of two and a load of its
 * vmctx.  What the host and other instructions see is the ordinary table, with
 * the same functions in it.
 *
 * A type of which the table has one function only is a direct call behind the
 * checks.  With two or three, or some small ones, the call is a switch over the
 * index, with direct calls that LLVM can put in place: an index that is none of
 * theirs traps, so that nothing else is to be checked.
 */
#include <stdio.h>

#include "lower.h"
#include "profile.h"
#include "tables.h"

enum {
	ENTRY_BYTES = 8, CLASS_AT = 4,
	FEW_CASES = 3,			/* entries called by a switch: any */
	MAX_CASES = 7,			/* and small ones, */
	SMALL_BODY = 64,		/* of so many bytes of wasm */
};

/* In a part that is alone it is nobody else's. */
static LLVMValueRef
l_table_const(struct lower *l, uint32_t table)
{
	uint32_t n = l->plan->fixed[table].n;
	char name[32];
	LLVMValueRef g;

	if (l->fixed[table])
		return l->fixed[table];
	snprintf(name, sizeof name, SYM_TABLE, table);
	g = LLVMAddGlobal(l->mod, LLVMArrayType2(l->i32, 2ull * n), name);
	LLVMSetGlobalConstant(g, 1);
	LLVMSetAlignment(g, ENTRY_BYTES);
	LLVMSetVisibility(g, LLVMHiddenVisibility);
	return l->fixed[table] = g;
}

/* Where the function is, seen from the table. */
static LLVMValueRef
l_distance(struct lower *l, uint32_t func, LLVMValueRef table)
{
	if (func == NO_IDX || l->m->funcs[func].imported)
		return l_i32(l, 0);	/* no call goes there */
	return LLVMConstTrunc(LLVMConstSub(
	    LLVMConstPtrToInt(l_func(l, func), l->i64),
	    LLVMConstPtrToInt(table, l->i64)), l->i32);
}

static void
l_define_table(struct lower *l, uint32_t table)
{
	const struct fixed_table *t = &l->plan->fixed[table];
	LLVMValueRef g = l_table_const(l, table);
	LLVMValueRef *v = ARENA_NEW(&l->c.scratch, 2ull * t->n, LLVMValueRef);

	for (uint32_t k = 0; k < t->n; k++) {
		v[2 * k] = l_distance(l, t->funcs[k], g);
		v[2 * k + 1] = l_i32(l, fixed_class(l->plan, t->funcs[k]));
	}
	LLVMSetInitializer(g, LLVMConstArray2(l->i32, v, 2ull * t->n));
	if (l->part->alone) {
		LLVMSetVisibility(g, LLVMDefaultVisibility);
		LLVMSetLinkage(g, LLVMInternalLinkage);
	}
	arena_reset(&l->c.scratch);
}

void
l_fixed_tables(struct lower *l)
{
	for (uint32_t i = 0; i < l->m->ntables; i++)
		if (l->plan->fixed[i].funcs && (l->fixed[i] ||
		    !l->part->alone))
			l_define_table(l, i);
}

/* The class is not the one that is called: null, or of another type. */
static void
l_class_trap(struct lower *l, LLVMValueRef have)
{
	l_trap(l, LLVMBuildSelect(l->b, LLVMBuildIsNull(l->b, have, ""),
	    l_i32(l, WABI_TRAP_UNINIT_ELEMENT),
	    l_i32(l, WABI_TRAP_INDIRECT_TYPE), ""));
}

static void
l_check_class(struct lower *l, LLVMValueRef have, uint32_t want)
{
	LLVMBasicBlockRef bad = l_bb(l, "trap"), good = l_bb(l, "");
	LLVMValueRef br;

	l_locate(l);
	br = LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntNE, have,
	    l_i32(l, want), ""), bad, good);
	LLVMSetMetadata(br, l->md_prof, l->unlikely);
	LLVMPositionBuilderAtEnd(l->b, bad);
	l_class_trap(l, have);
	LLVMPositionBuilderAtEnd(l->b, good);
}

/* The entry's distance from the table, after a check, and its class. */
static LLVMValueRef
l_fixed_entry(struct lower *l, uint32_t table, LLVMValueRef i,
    LLVMValueRef *class)
{
	LLVMValueRef p;

	i = l->m->tables[table].limits.is64 ? i : l_zext64(l, i);
	l_trap_if(l, LLVMBuildICmp(l->b, LLVMIntUGE, i,
	    l_i64(l, l->plan->fixed[table].n), ""),
	    WABI_TRAP_UNDEFINED_ELEMENT);
	i = LLVMBuildMul(l->b, i, l_i64(l, ENTRY_BYTES), "");
	p = LLVMBuildGEP2(l->b, l->i8, l_table_const(l, table), &i, 1, "");
	*class = l_fixed(l, l->i32, p, CLASS_AT);
	return i;
}

LLVMValueRef
l_fixed_callee(struct lower *l, const struct insn *in, LLVMValueRef **args)
{
	uint32_t table = in->index2;
	const struct fixed_callees *of = fixed_callees(l->plan, table,
	    in->index);
	LLVMValueRef i, class, a[2];

	if (!of)
		return NULL;
	i = l_pop(l);
	*args = l_pop_args(l, in->index);
	i = l_fixed_entry(l, table, i, &class);
	l_check_class(l, class, l->m->types[in->index].canon + 1);
	if (of->n == 1)
		return l_func(l, of->last);
	a[0] = l_table_const(l, table);
	a[1] = i;
	return l_intrinsic(l, "llvm.load.relative", &l->i64, 1, a, 2);
}

/* ---- A switch ---- */

/* The entries that a call of the type may reach, if they are few enough. */
static uint32_t
l_few_entries(struct lower *l, const struct insn *in,
    uint32_t entries[MAX_CASES])
{
	const struct fixed_table *t = &l->plan->fixed[in->index2];
	const struct fixed_callees *of = fixed_callees(l->plan, in->index2,
	    in->index);
	uint32_t n = 0, small = 0;

	if (!of || of->n > MAX_CASES)
		return 0;
	for (uint32_t k = 0; k < t->n; k++) {
		if (fixed_class(l->plan, t->funcs[k]) !=
		    l->m->types[in->index].canon + 1)
			continue;
		if (n == MAX_CASES)
			return 0;
		small += l->m->funcs[t->funcs[k]].body.n <= SMALL_BODY;
		entries[n++] = k;
	}
	return n == small || n <= FEW_CASES ? n : 0;
}

/* An index at which there is nothing to call. */
static void
l_no_case(struct lower *l, uint32_t table, LLVMValueRef i)
{
	LLVMValueRef class;

	l_fixed_entry(l, table, i, &class);
	l_class_trap(l, class);
}

/* A call of the function for each entry; all go on in one place, with the result
 * if there is one. */
static void
l_cases(struct lower *l, const struct insn *in, LLVMValueRef sw,
    const uint32_t *entries, uint32_t n, const LLVMValueRef *args)
{
	const uint32_t *funcs = l->plan->fixed[in->index2].funcs;
	bool result = l->m->types[in->index].results.n == 1;
	LLVMTypeRef t = LLVMTypeOf(LLVMGetOperand(sw, 0));
	LLVMBasicBlockRef on = l_bb(l, ""), from[MAX_CASES];
	LLVMValueRef v[MAX_CASES], phi;

	for (uint32_t k = 0; k < n; k++) {
		from[k] = l_bb(l, "");
		LLVMAddCase(sw, LLVMConstInt(t, entries[k], 0), from[k]);
		LLVMPositionBuilderAtEnd(l->b, from[k]);
		l_call_own(l, funcs[entries[k]], args);
		v[k] = result ? l_pop(l) : NULL;
		from[k] = LLVMGetInsertBlock(l->b);
		LLVMBuildBr(l->b, on);
	}
	LLVMPositionBuilderAtEnd(l->b, on);
	if (!result)
		return;
	phi = LLVMBuildPhi(l->b, LLVMTypeOf(v[0]), "");
	LLVMAddIncoming(phi, v, from, n);
	l_push(l, phi);
}

bool
l_fixed_switch(struct lower *l, const struct insn *in)
{
	uint32_t entries[MAX_CASES], n = l_few_entries(l, in, entries);
	LLVMBasicBlockRef none;
	LLVMValueRef i, *args, sw;

	if (n < 2 || l->plan->opt_level < 2 ||
	    l->m->types[in->index].results.n > 1 ||
	    profile_find(l->plan->profile, in->offset))
		return false;
	i = l_pop(l);
	args = l_pop_args(l, in->index);
	none = l_bb(l, "");
	l_locate(l);
	sw = LLVMBuildSwitch(l->b, i, none, n);
	LLVMPositionBuilderAtEnd(l->b, none);
	l_no_case(l, in->index2, i);
	l_cases(l, in, sw, entries, n, args);
	return true;
}
