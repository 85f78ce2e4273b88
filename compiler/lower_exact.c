/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_exact.c: keep LLVM from losing a trap.
 *
 * An access outside a memory traps by a fault, of which LLVM knows nothing: to
 * it a load whose value nobody needs is no work at all.  Marking every access
 * volatile costs vectorisation and is not needed: most optimisations neither
 * lose a load nor change what traps.  So:
 *
 *   1. Every load is lowered as an ordinary one, and a debug record "variable
 *      n has this value" is put behind it.  Records do not influence what LLVM
 *      does, but it keeps them up to date: where a load is replaced by an equal
 *      value the record names that, and where it is deleted or moved away the
 *      record is left without a value.
 *   2. After the passes that simplify, and before those that vectorise (whose
 *      replacing of loads is not a loss), the loads whose records have no
 *      value, or are gone from a copy of their function (its own body, or where
 *      it was inlined), are those that were lost.  The part is lowered again
 *      with exactly these volatile, until none is lost.
 *   3. After all passes every access that is left is made volatile: from here
 *      on, in instruction selection, narrowing, sinking and scheduling, each
 *      stays where it is and as wide as it is.  Addressing modes are folded
 *      all the same.
 *
 * A call of a function that only loads must not be deleted either: each has an
 * llvm.sideeffect, which emits nothing.  At levels 0 and 1 every load is volatile
 * from the start: one round, and no loop of theirs vectorises anyhow.  Passes that delete or sink stores across what may fault (dead
 * store elimination, merged load/store motion, promotion in loops) or make
 * library calls (idiom recognition) are left out.
 *
 * Stores are volatile already before the vectorisers, since a vector of them
 * that crosses the end of memory would leave out those before the end.  So
 * loops that store do not vectorise, those that only load do.  On programs
 * that live by such loops this is dear (a stencil 1.65): plan->loose_stores
 * lets them.
 *
 * What remains inexact: a load that runs in any case may be moved up, and trap
 * before a store that provably does not touch what it reads.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Support.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "lower.h"

/* Rounds that look for lost loads; then every load is forced. */
enum { MAX_ROUNDS = LOWER_ROUNDS - 1 };

/* Up to this level of optimisation every load is, from the start. */
enum { FORCED_LEVEL = 1 };

enum { FORCED = 1, SEEN = 2, LOST = 4 };

/* What is remembered about a part from one lowering to the next. */
struct exact {
	uint8_t *loads;			/* FORCED.., in the order of lowering */
	uint32_t nloads, room;
	struct exact_func {
		uint32_t func;		/* its index */
		uint32_t first, end;	/* its loads */
		bool unused;		/* nothing refers to it */
		LLVMMetadataRef scope;	/* its subprogram */
	} *funcs;			/* those that load */
	uint32_t nfuncs, funcs_room;
	unsigned rounds;
	LLVMMetadataRef type, expr;	/* of the variables */
	struct sight {
		LLVMMetadataRef scope, at;
		uint32_t load;		/* or NO_LOAD */
	} *sights;			/* see x_see() */
	size_t nsights, sights_room;
	bool blind;			/* no memory for them */
};

#define NO_LOAD	UINT32_MAX

/* ---- While lowering ---- */

__attribute__((noreturn)) static void
x_no_memory(struct lower *l)
{
	l->c.failing = WASMC_ENOMEM;
	wc_fail(&l->c, UINT64_MAX, "out of memory");
}

void
l_exact_init(struct lower *l)
{
	struct exact *e = l->part->exact;

	if (!e)
		e = l->part->exact = calloc(1, sizeof *e);
	if (!e)
		x_no_memory(l);
	l->exact = e;
	e->nloads = e->nfuncs = 0;
	e->type = LLVMDIBuilderCreateBasicType(l->db, "load", 4, 64, 7,
	    LLVMDIFlagZero);
	e->expr = LLVMDIBuilderCreateExpression(l->db, NULL, 0);
}

void
l_exact_func(struct lower *l)
{
	l_intrinsic(l, "llvm.sideeffect", NULL, 0, NULL, 0);
}

static void
x_grow(struct lower *l, struct exact *e)
{
	uint32_t room = 2 * e->room + 1024;
	uint8_t *p = realloc(e->loads, room);

	if (!p)
		x_no_memory(l);
	memset(p + e->room, 0, room - e->room);
	e->loads = p;
	e->room = room;
}

/* Remember where the function's loads begin. */
static void
x_enter(struct lower *l, struct exact *e)
{
	struct exact_func *p = e->funcs;

	if (e->nfuncs && p[e->nfuncs - 1].func == l->func_idx)
		return;
	if (e->nfuncs == e->funcs_room) {
		uint32_t room = 2 * e->funcs_room + 64;
		p = realloc(p, room * sizeof *p);
		if (!p)
			x_no_memory(l);
		e->funcs = p;
		e->funcs_room = room;
	}
	p[e->nfuncs++] = (struct exact_func){ l->func_idx, e->nloads, 0,
	    false, l->scope };
}

/* A load of linear memory that may fault was built, at the block's end. */
void
l_exact_load(struct lower *l, LLVMValueRef load)
{
	struct exact *e = l->exact;
	uint32_t n;
	LLVMMetadataRef var;

	if (l->plan->opt_level <= FORCED_LEVEL || e->rounds >= MAX_ROUNDS) {
		LLVMSetVolatile(load, 1);
		return;
	}
	x_enter(l, e);
	n = e->nloads++;
	if (n >= e->room)
		x_grow(l, e);
	e->loads[n] &= FORCED;
	if (e->loads[n]) {
		LLVMSetVolatile(load, 1);
		return;
	}
	var = LLVMDIBuilderCreateAutoVariable(l->db, l->scope, "", 0, l->file,
	    n, e->type, 0, LLVMDIFlagZero, 0);
	LLVMDIBuilderInsertDbgValueRecordAtEnd(l->db, load, var, e->expr,
	    LLVMGetCurrentDebugLocation2(l->b), LLVMGetInsertBlock(l->b));
}

void
lower_forget(struct part *p)
{
	if (p->exact) {
		free(p->exact->loads);
		free(p->exact->funcs);
	}
	free(p->exact);
	p->exact = NULL;
}

/* ---- After simplification: which loads are gone? ---- */

/* Something of a function was seen, in its own body or where it was inlined:
 * a load's record, or any instruction.  Each copy is to have all its loads. */
static void
x_see(struct exact *e, LLVMMetadataRef loc, uint32_t load)
{
	struct sight s = { NULL, NULL, load }, *p = e->sights;

	if (!loc)
		return;
	s.scope = LLVMDILocationGetScope(loc);
	s.at = LLVMDILocationGetInlinedAt(loc);
	if (load == NO_LOAD && e->nsights > 0 &&
	    p[e->nsights - 1].scope == s.scope && p[e->nsights - 1].at == s.at)
		return;
	if (e->nsights == e->sights_room) {
		size_t room = 2 * e->sights_room + 1024;
		p = realloc(p, room * sizeof *p);
		if (!p) {
			e->blind = true;
			return;
		}
		e->sights = p;
		e->sights_room = room;
	}
	p[e->nsights++] = s;
}

/* The load's number is its variable's line. */
static void
x_record(struct exact *e, LLVMDbgRecordRef r)
{
	LLVMValueRef v;
	uint32_t n;

	if (LLVMDbgRecordGetKind(r) != LLVMDbgRecordValue)
		return;
	n = LLVMDIVariableGetLine(LLVMDbgVariableRecordGetVariable(r));
	v = LLVMDbgVariableRecordGetValue(r, 0);
	if (n >= e->nloads)
		return;
	if (!v || LLVMIsUndef(v) || LLVMIsPoison(v)) {
		e->loads[n] |= LOST;
		return;
	}
	e->loads[n] |= SEEN;
	x_see(e, LLVMDbgRecordGetDebugLoc(r), n);
}

static void
x_read_records(struct exact *e, LLVMValueRef fn)
{
	LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(fn);

	for (; b; b = LLVMGetNextBasicBlock(b)) {
		LLVMValueRef i = LLVMGetFirstInstruction(b);
		for (; i; i = LLVMGetNextInstruction(i)) {
			LLVMDbgRecordRef r = LLVMGetFirstDbgRecord(i);
			for (; r; r = LLVMGetNextDbgRecord(r))
				x_record(e, r);
			x_see(e, LLVMInstructionGetDebugLoc(i), NO_LOAD);
		}
	}
}

static int
x_sight_order(const void *a, const void *b)
{
	const struct sight *x = a, *y = b;

	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->load < y->load ? -1 : x->load > y->load;
}

static int
x_func_order(const void *a, const void *b)
{
	const struct exact_func *x = a, *y = b;

	return x->scope < y->scope ? -1 : x->scope > y->scope;
}

/* Before the passes: which functions can only be removed? */
static void
x_find_unused(struct part *p, LLVMModuleRef mod)
{
	struct exact *e = p->exact;

	for (uint32_t f = 0; f < e->nfuncs; f++) {
		LLVMValueRef fn = LLVMGetNamedFunction(mod,
		    p->plan->sym.funcs[e->funcs[f].func]);

		e->funcs[f].unused = !fn ||
		    (LLVMGetLinkage(fn) == LLVMInternalLinkage &&
		    !LLVMGetFirstUse(fn));
	}
}

static bool
x_lose(struct exact *e, uint32_t n)
{
	bool first = !(e->loads[n] & FORCED);

	e->loads[n] |= FORCED;
	return first;
}

/* The loads [first, end) that the copy of their function at *p has no record
 * of.  *p goes to the next copy. */
static uint32_t
x_count_copy(struct exact *e, uint32_t first, uint32_t end,
    const struct sight **p)
{
	const struct sight *s = *p, *stop = e->sights + e->nsights;
	uint32_t lost = 0, n = first;

	for (; s < stop && s->scope == (*p)->scope && s->at == (*p)->at; s++) {
		for (; n < end && n < s->load; n++)
			lost += x_lose(e, n);
		if (n == s->load)
			n++;
	}
	for (; n < end; n++)
		lost += x_lose(e, n);
	*p = s;
	return lost;
}

/* A record is also gone when its block was found unreachable, which is no
 * loss, but cannot be told from a block that was removed because nothing but
 * the record was left in it.  So every copy of a function that has left
 * anything, were it the llvm.sideeffect alone, must have all its records; and
 * one that is called, one copy at least. */
static uint32_t
x_count_lost(struct exact *e)
{
	const struct sight *s = e->sights, *stop = s + e->nsights;
	uint32_t lost = 0, f = 0;

	for (f = 0; f < e->nfuncs; f++) {
		e->funcs[f].end = f + 1 < e->nfuncs ? e->funcs[f + 1].first :
		    e->nloads;
		for (uint32_t n = e->funcs[f].first; n < e->funcs[f].end; n++)
			if ((e->loads[n] & LOST) || (!e->funcs[f].unused &&
			    !(e->loads[n] & SEEN)))
				lost += x_lose(e, n);
	}
	if (e->nfuncs == 0 || e->nsights == 0)
		return lost;
	qsort(e->funcs, e->nfuncs, sizeof *e->funcs, x_func_order);
	qsort(e->sights, e->nsights, sizeof *e->sights, x_sight_order);
	for (f = 0; s < stop;) {
		while (f < e->nfuncs && e->funcs[f].scope < s->scope)
			f++;
		if (f < e->nfuncs && e->funcs[f].scope == s->scope)
			lost += x_count_copy(e, e->funcs[f].first,
			    e->funcs[f].end, &s);
		else
			s++;
	}
	return lost;
}

static uint32_t
x_check(struct part *p, LLVMModuleRef mod)
{
	struct exact *e = p->exact;
	LLVMValueRef fn;
	uint32_t lost;

	if (p->plan->opt_level <= FORCED_LEVEL || e->rounds >= MAX_ROUNDS)
		return 0;
	e->rounds++;
	e->nsights = 0;
	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		x_read_records(e, fn);
	lost = x_count_lost(e);
	free(e->sights);
	e->sights = NULL;
	e->sights_room = 0;
	if (!e->blind)
		return lost;
	e->rounds = MAX_ROUNDS;		/* force all */
	return 1;
}

/* ---- At the end: seal ---- */

static bool
x_is_own_stack(LLVMValueRef p)
{
	while (LLVMIsAGetElementPtrInst(p))
		p = LLVMGetOperand(p, 0);
	return LLVMIsAAllocaInst(p) != NULL;
}

/* An atomic read-modify-write that changes nothing and whose result is unused
 * would become a fence: it must still touch its memory.  So its operand must
 * not look like the constant that it is. */
static void
x_seal_rmw(LLVMValueRef i)
{
	LLVMValueRef v = LLVMGetOperand(i, 1), a;
	LLVMTypeRef t = LLVMTypeOf(v);
	LLVMBuilderRef b;

	LLVMSetVolatile(i, 1);
	if (LLVMGetFirstUse(i) || !LLVMIsConstant(v))
		return;
	b = LLVMCreateBuilderInContext(LLVMGetTypeContext(t));
	LLVMPositionBuilderBefore(b, i);
	a = LLVMGetInlineAsm(LLVMFunctionType(t, &t, 1, 0), "", 0, "=r,0", 4,
	    0, 0, LLVMInlineAsmDialectATT, 0);
	LLVMSetOperand(i, 1, LLVMBuildCall2(b, LLVMFunctionType(t, &t, 1, 0),
	    a, &v, 1, ""));
	LLVMDisposeBuilder(b);
}

/* What is sealed: atomic operations always. */
enum seal { SEAL_ATOMICS, SEAL_STORES, SEAL_ALL };

static void
x_seal(LLVMValueRef i, unsigned invariant, enum seal what)
{
	LLVMOpcode op = LLVMGetInstructionOpcode(i);

	if (what == SEAL_ALL && op == LLVMLoad && !LLVMGetMetadata(i, invariant)
	    && !x_is_own_stack(LLVMGetOperand(i, 0)))
		LLVMSetVolatile(i, 1);
	if (op == LLVMAtomicRMW)
		x_seal_rmw(i);
	if (what != SEAL_ATOMICS && op == LLVMStore
	    && !x_is_own_stack(LLVMGetOperand(i, 1)))
		LLVMSetVolatile(i, 1);
}

static void
x_seal_all(LLVMModuleRef mod, enum seal what)
{
	unsigned invariant = LLVMGetMDKindIDInContext(
	    LLVMGetModuleContext(mod), "invariant.load", 14);
	LLVMValueRef fn, i;
	LLVMBasicBlockRef b;

	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		for (b = LLVMGetFirstBasicBlock(fn); b;
		    b = LLVMGetNextBasicBlock(b))
			for (i = LLVMGetFirstInstruction(b); i;
			    i = LLVMGetNextInstruction(i))
				x_seal(i, invariant, what);
}

/* ---- The passes ---- */

#define CFG	"bonus-inst-threshold=1;no-forward-switch-cond;"	\
		"no-switch-to-lookup;keep-loops;speculate-blocks"
#define SIMPLIFY_CFG	"simplifycfg<" CFG ">"
#define COMBINE	"instcombine<max-iterations=1;no-verify-fixpoint>"

/* Level 1: what makes most of the difference for a tenth of the time. */
#define FAST								\
	"function(sroa<modify-cfg>,early-cse<>," SIMPLIFY_CFG ","	\
	COMBINE "),cgscc(inline),globaldce"
#define FAST_LATE							\
	"function(early-cse<memssa>," SIMPLIFY_CFG "),"			\
	"strip-nonlinetable-debuginfo"

/* LLVM's own default<O2>, without what wasm has no use for (coroutines,
 * exceptions, libraries) and what would not be exact, see above. */
#define EARLY								\
	"function<eager-inv>(sroa<modify-cfg>,early-cse<>),"		\
	"ipsccp,globalopt,"						\
	"function<eager-inv>(" COMBINE "," SIMPLIFY_CFG "),"		\
	"require<globals-aa>,function(invalidate<aa>),"			\
	"require<profile-summary>,"

#define CLEAN_2(unswitch)						\
	"sroa<modify-cfg>,early-cse<memssa>,jump-threading,"		\
	"correlated-propagation," SIMPLIFY_CFG "," COMBINE ","		\
	"aggressive-instcombine," SIMPLIFY_CFG ",reassociate,"		\
	"constraint-elimination,"					\
	"loop-mssa(loop-instsimplify,loop-simplifycfg,"			\
	"licm<no-allowspeculation>,loop-rotate<header-duplication;"	\
	"no-prepare-for-lto>,licm<allowspeculation>,"			\
	"simple-loop-unswitch<" unswitch ";trivial>),"			\
	SIMPLIFY_CFG "," COMBINE ","					\
	"loop(indvars,extra-simple-loop-unswitch-passes,loop-deletion,"	\
	"loop-unroll-full),sroa<modify-cfg>,vector-combine,gvn<>,sccp,"	\
	"bdce," COMBINE ",jump-threading,correlated-propagation,adce,"	\
	"loop-mssa(licm<allowspeculation>),"				\
	"simplifycfg<" CFG ";switch-range-to-icmp;hoist-common-insts;"	\
	"sink-common-insts>," COMBINE

#define INLINE(clean)							\
	"cgscc(devirt<4>(inline,function<eager-inv;no-rerun>(" clean	\
	"))),deadargelim,globalopt,globaldce"

#define LATE(vectorise)							\
	"function<eager-inv>(float2int,lower-constant-intrinsics,"	\
	"loop(loop-rotate<header-duplication;no-prepare-for-lto>,"	\
	"loop-deletion)," vectorise					\
	"sroa<preserve-cfg>,infer-alignment," COMBINE ","		\
	"loop-mssa(licm<allowspeculation>),loop-sink,instsimplify,"	\
	"div-rem-pairs,simplifycfg<" CFG ";switch-range-to-icmp;"	\
	"speculate-unpredictables>),globaldce,constmerge,"		\
	"strip-nonlinetable-debuginfo"

#define VECTORISE(level)						\
	"loop-distribute,loop-vectorize,infer-alignment,"		\
	"loop-load-elim," COMBINE ",simplifycfg<bonus-inst-threshold=1;" \
	"forward-switch-cond;switch-range-to-icmp;switch-to-lookup;"	\
	"no-keep-loops;hoist-common-insts;sink-common-insts;"		\
	"speculate-blocks>,slp-vectorizer,vector-combine," COMBINE ","	\
	"loop-unroll<" level ">,"

static const char *const passes[4][2] = {
	{ NULL, "strip-nonlinetable-debuginfo" },
	{ FAST, FAST_LATE },
	{ EARLY INLINE(CLEAN_2("no-nontrivial")), LATE(VECTORISE("O2")) },
	{ EARLY INLINE(CLEAN_2("nontrivial")), LATE(VECTORISE("O3")) },
};

/* What cannot be said in the passes' text.  Promotion would keep stores of a
 * loop back to its end; sinking moves loads to where they are used, so that
 * most would be lowered again; and x86's conditional moves from memory, which
 * fault whatever the condition, would be made branches around the load.
 * Arguments must not be pushed: a landing pad is entered with the stack pointer
 * that the call had.  No variable is described in an artifact, so that the
 * dear way of following variables through the code would be for nothing. */
static void
x_options(void)
{
	static const char *const args[] = { "wasmc", "-disable-licm-promotion",
	    "-instcombine-code-sinking=false",
	    "-x86-cmov-converter-force-mem-operand=false",
	    "-no-x86-call-frame-opt",
	    "-experimental-debug-variable-locations=false" };

	LLVMParseCommandLineOptions(sizeof args / sizeof *args, args, "");
}

static int
x_run(struct part *p, LLVMModuleRef mod, LLVMTargetMachineRef tm, int phase)
{
	const char *text = passes[p->plan->opt_level][phase];
	LLVMPassBuilderOptionsRef o;
	LLVMErrorRef e;
	char *why;

	if (!text)
		return WASMC_OK;
	o = LLVMCreatePassBuilderOptions();
	e = LLVMRunPasses(mod, text, tm, o);
	LLVMDisposePassBuilderOptions(o);
	if (!e)
		return WASMC_OK;
	why = LLVMGetErrorMessage(e);
	p->err = (struct wasmc_error){ .status = WASMC_EBACKEND,
	    .offset = UINT64_MAX, .func_idx = UINT32_MAX };
	snprintf(p->err.text, sizeof p->err.text, "LLVM: %s", why);
	LLVMDisposeErrorMessage(why);
	return WASMC_EBACKEND;
}

int
lower_optimise(struct part *p, LLVMModuleRef mod, LLVMTargetMachineRef tm,
    uint32_t *lost)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc;

	*lost = 0;
	pthread_once(&once, x_options);
	x_find_unused(p, mod);
	rc = x_run(p, mod, tm, 0);
	if (rc == WASMC_OK)
		*lost = x_check(p, mod);
	if (rc != WASMC_OK || *lost > 0)
		return rc;
	if (!p->plan->loose_stores && p->plan->opt_level > 0)
		x_seal_all(mod, SEAL_STORES);
	rc = x_run(p, mod, tm, 1);
	if (rc == WASMC_OK)
		x_seal_all(mod, p->plan->opt_level > 0 ? SEAL_ALL :
		    SEAL_ATOMICS);
	return rc;
}
