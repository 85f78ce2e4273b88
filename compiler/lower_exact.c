/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_exact.c: keep LLVM from losing a trap.
 *
 * An access outside a memory traps by a fault, of which LLVM knows nothing: to
 * it a load whose value nobody needs is no work at all.  Marking every access
 * volatile costs vectorisation and is not needed: most optimisations neither
 * lose a load nor change what traps.  So:
 *
 *   1. Behind every load stands a mark: an empty assembler statement that takes
 *      the value, touches no memory and emits nothing.  With it LLVM may do to
 *      the load all that makes no difference, replace it by an equal value or
 *      an earlier load, but it cannot delete it, narrow it, or move it to where
 *      its value is used.
 *   2. After the passes that simplify, and before those that vectorise (whose
 *      replacing of loads is not a loss), the marks go.  A load that only a
 *      mark needed becomes volatile, and so does one that nothing in its own
 *      block computes with: what follows could still move it out of its loop.
 *   3. After the vectorisers every load of a vector becomes volatile, for what
 *      combines vectors would replace one of which not all is used by a narrower
 *      load, which traps less.
 *   4. After all passes every access that is left is made volatile: from here
 *      on, in instruction selection, narrowing, sinking and scheduling, each
 *      stays where it is and as wide as it is.  Addressing modes are folded
 *      all the same.
 *   5. But instructions that take part of a vector from memory (x86's pmovzx,
 *      aarch64's ld1r) are selected for volatile loads of the whole.  A load of
 *      which not all is surely used passes through an empty assembler statement,
 *      which keeps it an instruction of its own.
 *
 * A call of a function that only loads must not be deleted either: each has an
 * llvm.sideeffect, which emits nothing.  At levels 0 and 1 every load is volatile
 * from the start, for no loop vectorises there.  Passes that delete or sink
 * stores across what may fault (dead store elimination, merged load/store
 * motion, promotion in loops) or make library calls (idiom recognition) are
 * left out.
 *
 * Where bounds are checked explicitly nothing traps by a fault.  There are no
 * marks then.
 *
 * Stores are volatile already before the vectorisers, since a vector of them
 * that crosses the end of memory would leave out those before the end.  Loops
 * that store are vectorised where all they access was checked before they
 * begin (lower_loop.c), or in any case with plan->loose_stores.
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
#include "lower_flow.h"
#include "lower_late.h"

/* Up to this level of optimisation every load is volatile from the start. */
enum { VOLATILE_LEVEL = 1 };
/* How many steps from a mark to its load, and from there to its use, are gone. */
enum { KEEP_DEPTH = 4 };
/* How far the uses of a vector are followed. */
enum { NEED_DEPTH = 6 };

/* ---- While lowering: mark ---- */

void
l_exact_func(struct lower *l)
{
	l_intrinsic(l, "llvm.sideeffect", NULL, 0, NULL, 0);
}

/* Touches no memory that anybody knows, and comes back. */
static void
x_harmless(LLVMContextRef ctx, LLVMValueRef call)
{
	static const struct {
		const char *name;
		uint64_t value;
	} attrs[] = {
		{ "nounwind", 0 }, { "willreturn", 0 }, { "nosync", 0 },
		{ "nofree", 0 }, { "nocallback", 0 },
		{ "memory", 3 << 2 },	/* reads, writes what is inaccessible */
	};

	for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
		LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
		    LLVMCreateEnumAttribute(ctx,
			LLVMGetEnumAttributeKindForName(attrs[i].name,
			    strlen(attrs[i].name)), attrs[i].value));
}

/* A load of linear memory that may fault was built, at the block's end. */
void
l_exact_load(struct lower *l, LLVMValueRef load)
{
	LLVMTypeRef t = LLVMTypeOf(load), ft;

	if (l->plan->opt_level <= VOLATILE_LEVEL || l->fuel.copy) {
		LLVMSetVolatile(load, 1);
		return;
	}
	if (l->plan->explicit_bounds)
		return;
	ft = LLVMFunctionType(LLVMVoidTypeInContext(l->ctx), &t, 1, 0);
	x_harmless(l->ctx, LLVMBuildCall2(l->b, ft, LLVMGetInlineAsm(ft, "", 0,
	    "X", 1, 1, 0, LLVMInlineAsmDialectATT, 0), &load, 1, ""));
}

/* Nothing else in the code is an assembler statement without a result. */
static bool
x_is_mark(LLVMValueRef i)
{
	return LLVMIsACallInst(i) &&
	    LLVMIsAInlineAsm(LLVMGetCalledValue(i)) &&
	    LLVMGetTypeKind(LLVMTypeOf(i)) == LLVMVoidTypeKind;
}

/* ---- After simplification: which loads does nobody need? ---- */

/* What only computes: it is as needed as its value. */
static bool
x_is_pure(LLVMValueRef i)
{
	return LLVMIsACastInst(i) || LLVMIsABinaryOperator(i) ||
	    LLVMIsAExtractElementInst(i) || LLVMIsAShuffleVectorInst(i);
}

/* Does more than marks need v, and, with `here`, something in that block?  A
 * phi does not need its operand where the operand is made.  A load that LLVM
 * found to be an earlier one of another type leaves a cast for its mark. */
static bool
x_is_needed(LLVMValueRef v, LLVMBasicBlockRef here, unsigned depth)
{
	for (LLVMUseRef u = LLVMGetFirstUse(v); u; u = LLVMGetNextUse(u)) {
		LLVMValueRef user = LLVMGetUser(u);
		if (here && (LLVMGetInstructionParent(user) != here ||
		    LLVMIsAPHINode(user)))
			continue;
		if (!x_is_mark(user) && (depth == 0 || !x_is_pure(user) ||
		    x_is_needed(user, NULL, depth - 1)))
			return true;
	}
	return false;
}

/* A load that the mark was for; LLVM may have replaced it by a phi of loads, of
 * which those that it put there itself have no mark, or by part of one. */
static void
x_keep(LLVMValueRef v, unsigned depth)
{
	if (LLVMIsALoadInst(v) &&
	    !x_is_needed(v, LLVMGetInstructionParent(v), KEEP_DEPTH))
		LLVMSetVolatile(v, 1);
	if (depth == 0)
		return;
	if (LLVMIsAPHINode(v))
		for (unsigned k = 0; k < LLVMCountIncoming(v); k++)
			x_keep(LLVMGetIncomingValue(v, k), depth - 1);
	else if (LLVMIsAInstruction(v) && x_is_pure(v))
		for (int k = 0; k < LLVMGetNumOperands(v); k++)
			x_keep(LLVMGetOperand(v, (unsigned)k), depth - 1);
}

static void
x_unmark(LLVMModuleRef mod)
{
	LLVMValueRef fn, i, next;
	LLVMBasicBlockRef b;

	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		for (b = LLVMGetFirstBasicBlock(fn); b;
		    b = LLVMGetNextBasicBlock(b))
			for (i = LLVMGetFirstInstruction(b); i; i = next) {
				next = LLVMGetNextInstruction(i);
				if (!x_is_mark(i))
					continue;
				x_keep(LLVMGetOperand(i, 0), KEEP_DEPTH);
				LLVMInstructionEraseFromParent(i);
			}
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

/* Does something need all of vector v?  What takes lanes apart is taken not to,
 * unless the last is among those that it takes and all that it makes of them is
 * needed. */
static bool
x_needs_all(LLVMValueRef v, unsigned depth)
{
	for (LLVMUseRef u = depth ? LLVMGetFirstUse(v) : NULL; u;
	    u = LLVMGetNextUse(u)) {
		LLVMValueRef user = LLVMGetUser(u);
		bool last = !LLVMIsAShuffleVectorInst(user);

		for (unsigned k = 0; !last &&
		    k < LLVMGetNumMaskElements(user); k++) {
			unsigned n = LLVMGetVectorSize(LLVMTypeOf(v));
			int from = LLVMGetMaskValue(user, k);
			last = from >= 0 && (unsigned)from % n == n - 1 &&
			    LLVMGetOperand(user, (unsigned)from / n) == v;
		}
		if (!last || LLVMIsAExtractElementInst(user) ||
		    LLVMIsAInsertElementInst(user))
			continue;
		if (LLVMGetTypeKind(LLVMTypeOf(user)) != LLVMVectorTypeKind ||
		    LLVMIsAPHINode(user) || x_needs_all(user, depth - 1))
			return true;
	}
	return false;
}

/* x86 has instructions that take half of a vector from memory, or less, aarch64
 * one that takes a lane, and LLVM selects them for a volatile load of all of it.
 *   registers   the constraint for a copy in place */
static void
x_seal_vector(LLVMValueRef load, LLVMTargetDataRef layout,
    const char *registers)
{
	LLVMTypeRef t = LLVMTypeOf(load), ft;
	LLVMValueRef copy;
	LLVMBuilderRef b;

	if (LLVMGetTypeKind(t) != LLVMVectorTypeKind ||
	    LLVMStoreSizeOfType(layout, t) != 16 ||
	    !LLVMGetVolatile(load) || x_needs_all(load, NEED_DEPTH))
		return;
	b = LLVMCreateBuilderInContext(LLVMGetTypeContext(t));
	LLVMPositionBuilderBefore(b, LLVMGetNextInstruction(load));
	ft = LLVMFunctionType(t, &t, 1, 0);
	copy = LLVMBuildCall2(b, ft, LLVMGetInlineAsm(ft, "", 0, registers, 4,
	    0, 0, LLVMInlineAsmDialectATT, 0), &load, 1, "");
	LLVMReplaceAllUsesWith(load, copy);
	LLVMSetOperand(copy, 0, load);
	LLVMDisposeBuilder(b);
}

/* What is sealed: atomic operations always. */
enum seal { SEAL_ATOMICS, SEAL_STORES, SEAL_VECTORS, SEAL_ALL };

static void
x_seal(LLVMValueRef i, unsigned invariant, enum seal what)
{
	LLVMOpcode op = LLVMGetInstructionOpcode(i);
	uint64_t at;

	if (op == LLVMLoad && (what == SEAL_ALL || (what == SEAL_VECTORS &&
	    LLVMGetTypeKind(LLVMTypeOf(i)) == LLVMVectorTypeKind))
	    && !LLVMGetMetadata(i, invariant)
	    && !x_is_own_stack(LLVMGetOperand(i, 0))
	    && !flow_reads_vmctx(i, &at))
		LLVMSetVolatile(i, 1);
	if (op == LLVMAtomicRMW)
		x_seal_rmw(i);
	if (what != SEAL_ATOMICS && op == LLVMStore
	    && !x_is_own_stack(LLVMGetOperand(i, 1)))
		LLVMSetVolatile(i, 1);
}

static void
x_seal_vectors(LLVMModuleRef mod)
{
	LLVMTargetDataRef layout = LLVMGetModuleDataLayout(mod);
	const char *registers = strncmp(LLVMGetTarget(mod), "x86_64", 6) == 0 ?
	    "=x,0" : "=w,0";
	LLVMValueRef fn, i;
	LLVMBasicBlockRef b;

	for (fn = LLVMGetFirstFunction(mod); fn; fn = LLVMGetNextFunction(fn))
		for (b = LLVMGetFirstBasicBlock(fn); b;
		    b = LLVMGetNextBasicBlock(b))
			for (i = LLVMGetFirstInstruction(b); i;
			    i = LLVMGetNextInstruction(i))
				if (LLVMIsALoadInst(i))
					x_seal_vector(i, layout,
					    registers);
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

/* Level 1: what makes most of the difference for a tenth of the time.  Modules
 * come from compilers that inlined, combined instructions and reused values:
 * doing it again takes more time than it saves.  docs/COMPILING.md. */
#define FAST								\
	"function<eager-inv>(mem2reg," SIMPLIFY_CFG ",instsimplify),"

/* Host functions that are compiled in are there to be inlined, and come with
 * descriptions of variables. */
#define WITH_HOST	"cgscc(inline),"
#define NO_VARIABLES	"strip-nonlinetable-debuginfo"

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

#define VECTORISE							\
	"function<eager-inv>(float2int,lower-constant-intrinsics,"	\
	"loop(loop-rotate<header-duplication;no-prepare-for-lto>,"	\
	"loop-deletion),loop-distribute,loop-vectorize,infer-alignment,"	\
	"loop-load-elim," COMBINE ",simplifycfg<bonus-inst-threshold=1;" \
	"forward-switch-cond;switch-range-to-icmp;switch-to-lookup;"	\
	"no-keep-loops;hoist-common-insts;sink-common-insts;"		\
	"speculate-blocks>,slp-vectorizer)"

#define LATE(level)							\
	"function<eager-inv>(vector-combine," COMBINE ","		\
	"loop-unroll<" level ">,"					\
	"sroa<preserve-cfg>,infer-alignment," COMBINE ","		\
	"loop-mssa(licm<allowspeculation>),loop-sink,instsimplify,"	\
	"div-rem-pairs,simplifycfg<" CFG ";switch-range-to-icmp;"	\
	"speculate-unpredictables>),globaldce,constmerge,"		\
	NO_VARIABLES

/* Before our own, after it, and after the vectors are sealed: what combines them
 * would make a narrower load of one that is used in part, and does not know what
 * that leaves out. */
static const char *const passes[4][3] = {
	{ NULL },
	{ FAST "globaldce" },
	{ EARLY INLINE(CLEAN_2("no-nontrivial")), VECTORISE, LATE("O2") },
	{ EARLY INLINE(CLEAN_2("nontrivial")), VECTORISE, LATE("O3") },
};

static const char *const passes_with_host[2][3] = {
	{ NULL, NO_VARIABLES },
	{ FAST WITH_HOST "globaldce", NO_VARIABLES },
};

static const char *const *
x_passes(const struct plan *p)
{
	return p->bitcode && p->opt_level <= 1 ?
	    passes_with_host[p->opt_level] : passes[p->opt_level];
}

/* What cannot be said in the passes' text.  Promotion would keep stores of a
 * loop back to its end; sinking moves loads to where they are used, so that
 * most would be lowered again.  x86's conditional moves in loops stay what they
 * are: those from memory, which fault whatever the condition, would be made
 * branches around the load; and where the converter would like a branch, because
 * much depends on the result, a select in wasm depends on data as a rule, and is
 * predicted badly.  Arguments must not be pushed: a landing pad is entered with
 * the stack pointer that the call had.  No variable is described in an artifact,
 * so that the dear way of following variables through the code would be for
 * nothing.  Constants that LLVM hoists, so as to make them once, take registers
 * from the memory's base, or go to the stack, whence they are loaded.  Modules
 * come from compilers that inlined already: no more than small functions are
 * inlined once more (a mark behind each load makes them look larger). */
static void
x_options(void)
{
	static const char *const args[] = { "wasmc", "-disable-licm-promotion",
	    "-instcombine-code-sinking=false",
	    "-x86-cmov-converter=false",
	    "-no-x86-call-frame-opt",
	    "-experimental-debug-variable-locations=false",
	    "-disable-constant-hoisting",
	    "-inline-threshold=100" };

	LLVMParseCommandLineOptions(sizeof args / sizeof *args, args, "");
}

static int
x_run(struct part *p, LLVMModuleRef mod, LLVMTargetMachineRef tm,
    const char *text)
{
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

/* Between the two: what only wasm's addresses have. */
static int
x_addresses(struct part *p, LLVMModuleRef mod, LLVMTargetMachineRef tm)
{
	int rc = WASMC_OK;

	if (p->plan->opt_level > 0)
		lower_wide(mod);
	if (p->plan->opt_level >= 2) {
		rc = x_run(p, mod, tm, "function(loop-simplify,lcssa)");
		if (rc == WASMC_OK)
			lower_loops(p->plan, mod);
	}
	if (rc == WASMC_OK && p->plan->opt_level > 0)
		lower_fold(p->plan, mod);
	return rc;
}

int
lower_optimise(struct part *p, LLVMModuleRef mod, LLVMTargetMachineRef tm)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *const *text = x_passes(p->plan);
	int rc;

	pthread_once(&once, x_options);
	rc = x_run(p, mod, tm, text[0]);
	if (rc != WASMC_OK)
		return rc;
	if (p->plan->opt_level > VOLATILE_LEVEL)
		x_unmark(mod);
	if (p->plan->opt_level > 0)
		lower_remember(p->plan, mod);
	if (!p->plan->loose_stores && p->plan->opt_level > VOLATILE_LEVEL)
		x_seal_all(mod, SEAL_STORES);
	rc = x_addresses(p, mod, tm);
	if (rc == WASMC_OK)
		rc = x_run(p, mod, tm, text[1]);
	if (!p->plan->explicit_bounds && text[2])
		x_seal_all(mod, SEAL_VECTORS);
	if (rc == WASMC_OK)
		rc = x_run(p, mod, tm, text[2]);
	if (rc == WASMC_OK && p->plan->opt_level > 1)
		lower_fold(p->plan, mod);
	if (rc == WASMC_OK && p->plan->opt_level > 1) {
		lower_late(p->plan, mod);
		lower_dispatch(mod);
		lower_live(p->plan, mod);
		lower_order(p->plan, mod);
	}
	if (rc == WASMC_OK)
		x_seal_all(mod, p->plan->opt_level > 0 ? SEAL_ALL :
		    SEAL_ATOMICS);
	if (rc == WASMC_OK && !p->plan->explicit_bounds)
		x_seal_vectors(mod);
	return rc;
}
