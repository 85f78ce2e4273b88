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
 * checks.
 */
#include <stdio.h>

#include "lower.h"
#include "tables.h"

enum { ENTRY_BYTES = 8, CLASS_AT = 4 };

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

/* Null, or of another type: the trap that each is. */
static void
l_check_class(struct lower *l, LLVMValueRef have, uint32_t want)
{
	LLVMBasicBlockRef bad = l_bb(l, "trap"), good = l_bb(l, "");
	LLVMValueRef br, trap;

	l_locate(l);
	br = LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntNE, have,
	    l_i32(l, want), ""), bad, good);
	LLVMSetMetadata(br, l->md_prof, l->unlikely);
	LLVMPositionBuilderAtEnd(l->b, bad);
	trap = LLVMBuildSelect(l->b, LLVMBuildIsNull(l->b, have, ""),
	    l_i32(l, WABI_TRAP_UNINIT_ELEMENT),
	    l_i32(l, WABI_TRAP_INDIRECT_TYPE), "");
	l_trap(l, trap);
	LLVMPositionBuilderAtEnd(l->b, good);
}

LLVMValueRef
l_fixed_callee(struct lower *l, const struct insn *in, LLVMValueRef **args)
{
	uint32_t table = in->index2;
	const struct fixed_callees *of = fixed_callees(l->plan, table,
	    in->index);
	LLVMValueRef g, i, a[2];

	if (!of)
		return NULL;
	i = l_pop(l);
	*args = l_pop_args(l, in->index);
	i = l->m->tables[table].limits.is64 ? i : l_zext64(l, i);
	l_trap_if(l, LLVMBuildICmp(l->b, LLVMIntUGE, i,
	    l_i64(l, l->plan->fixed[table].n), ""),
	    WABI_TRAP_UNDEFINED_ELEMENT);
	g = l_table_const(l, table);
	i = LLVMBuildMul(l->b, i, l_i64(l, ENTRY_BYTES), "");
	a[0] = LLVMBuildGEP2(l->b, l->i8, g, &i, 1, "");
	l_check_class(l, l_fixed(l, l->i32, a[0], CLASS_AT),
	    l->m->types[in->index].canon + 1);
	if (of->n == 1)
		return l_func(l, of->last);
	a[0] = g;
	a[1] = i;
	return l_intrinsic(l, "llvm.load.relative", &l->i64, 1, a, 2);
}
