/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower.h: what the files of the lowering share.
 *
 *   lower.c        the part: declarations, one function after another
 *   lower_ir.c     types, attributes, alias classes, small builders
 *   lower_ctl.c    blocks and branches
 *   lower_call.c   calls, function references;  lower_tail.c  tail calls
 *   lower_fixed.c  calls through tables whose contents are known
 *   lower_exn.c    exceptions;  lower_cont.c  continuations
 *   lower_fuel.c   counting what is executed
 *   lower_num.c    integers;  lower_float.c  floating point
 *   lower_mem.c    linear memory: every access goes through l_addr()
 *   lower_bulk.c   but for copying and filling
 *   lower_var.c    locals, globals, constants, select, references, tables
 *   lower_gc*.c    structures, arrays, casts
 *   lower_exact.c  what keeps LLVM from losing a trap
 *   lower_profile.c   what a profile says
 *   lower_bitcode.c   host functions that are compiled in
 *   lower_loop.c lower_affine.c lower_fold.c lower_flow.c lower_wide.c
 *   lower_late.c lower_dispatch.c lower_live.c   passes of ours over the IR
 *   thunk.c        the code between the host and the guest
 *
 * The module is valid: nothing is checked here, only asserted.  A handler gets
 * one reachable instruction, takes its operands from the value stack and
 * leaves its results there.  Values are i32, i64, float, double, <2 x i64>,
 * i32 for references into the collected heap, and ptr for all others.
 */
#ifndef WC_LOWER_H
#define WC_LOWER_H

#include <llvm-c/DebugInfo.h>

#include "back.h"
#include "fuel.h"

/* What may alias what.  An own memory, table or global exists once and is no
 * other's; two imported ones may be the same.  What never changes in an
 * instance's life is loaded with !invariant.load instead. */
enum alias {
	ALIAS_STATE,			/* sizes of memories and tables */
	ALIAS_FUNC,			/* struct wabi_func */
	ALIAS_GLOBAL,			/* own globals, in vmctx */
	ALIAS_GLOBAL_IMP,		/* imported ones, anywhere */
	ALIAS_TABLE_IMP,
	ALIAS_MEMORY_IMP,
	ALIAS_HEAP_RUN,			/* struct wabi_heap */
	ALIAS_HEAP_HEAD,		/* objects' headers */
	ALIAS_HEAP_8,			/* their fields, by type */
	ALIAS_HEAP_16,
	ALIAS_HEAP_I32,
	ALIAS_HEAP_I64,
	ALIAS_HEAP_F32,
	ALIAS_HEAP_F64,
	ALIAS_HEAP_V128,
	ALIAS_HEAP_REF,
	ALIAS_HEAP_PTR,
	ALIAS_FUEL,
	ALIAS_TABLE,			/* + own table */
	ALIAS_MEMORY = ALIAS_TABLE + 8,	/* + own memory */
	NALIASES = ALIAS_MEMORY + 8	/* further ones share the last */
};

enum label_kind { LABEL_FUNC, LABEL_BLOCK, LABEL_LOOP, LABEL_IF, LABEL_ELSE,
		  LABEL_TRY_TABLE, LABEL_TRY, LABEL_CATCH };

/* What a block that catches has.  Exceptions arrive at `arrive`, as its phi
 * `exn`, from the landing pad of the calls in it and from where others that do
 * not handle them pass them on; all three are made when first needed. */
struct handler {
	LLVMBasicBlockRef pad, arrive;
	LLVMValueRef exn;
	const struct catch *catches;	/* try_table */
	uint32_t ncatches;
	LLVMBasicBlockRef next;		/* try: where the next clause begins;
					 * NULL behind a catch_all */
	LLVMValueRef free;		/* try: what ends the exception in this
					 * clause; NULL if it may be rethrown */
};

/* A block of the wasm that is open.  A branch to it goes to `target` and adds
 * its values to `phis`, one per value that the label takes. */
struct label {
	enum label_kind kind;
	LLVMBasicBlockRef target;	/* loop: its head; else its end */
	LLVMBasicBlockRef otherwise;	/* if: the else branch */
	LLVMValueRef *phis;
	LLVMValueRef *args;		/* if: the parameters' values */
	struct vtypes params, results;
	uint32_t height;		/* of the value stack under it */
	uint32_t nbranches;		/* to its end */
	uint32_t catcher;		/* the innermost label from here
					 * outward that catches now, its index
					 * + 1; or 0 */
	struct handler *h;		/* try_table, try, catch */
};

struct lower {
	struct part *part;
	const struct plan *plan;
	const struct module *m;
	struct compile c;		/* the part's own, for the reader */

	LLVMContextRef ctx;
	LLVMModuleRef mod;
	LLVMBuilderRef b;
	LLVMDIBuilderRef db;
	LLVMMetadataRef file, subtype;

	LLVMTypeRef i1, i8, i16, i32, i64, i128, f32, f64, v128, ptr, void_t;
	LLVMAttributeRef attrs[24];	/* of every function */
	uint32_t nattrs;
	LLVMAttributeRef nomerge, noreturn, cold, nounwind, noinline;
	unsigned own_cc;		/* convention of the module's own */
	unsigned md_invariant, md_tbaa, md_prof;
	LLVMValueRef alias[NALIASES], invariant, unlikely, likely;
	LLVMTypeRef *types;		/* per type, or NULL */
	LLVMValueRef *funcs;		/* per function, or NULL */
	LLVMValueRef *fixed;		/* per table: its constant, or NULL */
	LLVMValueRef copy, fill;	/* lower_bulk.c's, or NULL */
	LLVMValueRef trap;		/* see l_trap(), or NULL */
	uint32_t **places;		/* per structure type, or NULL; see
					 * lower_gc.c */
	LLVMValueRef personality;	/* or NULL, not used yet */
	LLVMTypeRef rt_types[WABI_RT_SLOTS];
	bool hand_rounding;		/* the CPU rounds only by libm */

	/* The function at hand. */
	uint32_t func_idx;
	LLVMValueRef fn, vmctx;
	LLVMMetadataRef scope;		/* its DISubprogram */
	LLVMBasicBlockRef entry;	/* allocas and cached loads, no more */
	LLVMValueRef entry_end;		/* entry's terminator */
	LLVMValueRef *mem_base;		/* per memory, or NULL: loaded once */
	LLVMValueRef results;		/* scratch for calls with >= 2 */
	uint32_t nresults;		/* that it has room for */
	LLVMValueRef *locals;
	LLVMTypeRef *local_types;
	uint32_t nlocals;
	LLVMValueRef *stack;
	uint32_t nstack, stack_room;
	struct label *labels;
	uint32_t nlabels, label_room;
	bool dead;			/* what follows is unreachable */
	uint32_t skipped;		/* blocks opened since */
	uint64_t offset, located;	/* of the instruction; last location */

	struct {			/* lower_fuel.c */
		LLVMValueRef var;	/* or NULL: not counted */
		uint32_t entry;		/* to be paid with the first stretch */
		uint32_t left;		/* instructions left of the stretch */
		uint64_t rest;		/* what they cost */
		bool copy;		/* in a copy that ends in the trap */
		bool out;		/* the trap is FUEL */
	} fuel;
};

enum { FASTCC = LLVMFastCallConv, TAILCC = 18 };	/* conventions */

typedef void l_handler(struct lower *, const struct insn *);

/* ---- lower_ir.c ---- */

void l_ir_init(struct lower *, LLVMTargetMachineRef);
LLVMTypeRef l_type(struct lower *, struct vtype);
LLVMTypeRef l_func_type(struct lower *, uint32_t type);
LLVMValueRef l_func(struct lower *, uint32_t func);
/* A new function with every attribute, `name` hidden. */
LLVMValueRef l_new_func(struct lower *, const char *name, LLVMTypeRef);
LLVMValueRef l_i32(struct lower *, uint32_t);
LLVMValueRef l_i64(struct lower *, uint64_t);
LLVMValueRef l_at(struct lower *, LLVMValueRef ptr, uint64_t offset);
/* Load what never changes. */
LLVMValueRef l_fixed(struct lower *, LLVMTypeRef, LLVMValueRef ptr,
    uint64_t offset);
LLVMValueRef l_tagged(struct lower *, LLVMValueRef access, enum alias);
LLVMValueRef l_intrinsic(struct lower *, const char *name, LLVMTypeRef *over,
    unsigned nover, LLVMValueRef *args, unsigned nargs);
/* Call the runtime.  Arguments after vmctx; i32 becomes i64 by zero extension
 * and a pointer an integer where the signature says so. */
LLVMValueRef l_rt(struct lower *, enum wabi_rtcall, LLVMValueRef *args,
    unsigned nargs);
LLVMBasicBlockRef l_bb(struct lower *, const char *name);
void l_trap(struct lower *, LLVMValueRef code);	/* ends the block */
void l_trap_define(struct lower *);		/* its function, at the end */
void l_trap_if(struct lower *, LLVMValueRef cond, enum wabi_trap);
/* Give what is built next the instruction's location. */
void l_locate(struct lower *);
/* The debug line of an offset, see struct part. */
static inline unsigned
l_line(const struct lower *l, uint64_t offset)
{
	return (unsigned)(offset - l->part->line_base);
}
LLVMValueRef l_zext64(struct lower *, LLVMValueRef);
LLVMValueRef l_alloca(struct lower *, LLVMTypeRef, const char *name);

/* ---- The value stack (lower.c) ---- */

void l_push(struct lower *, LLVMValueRef);
LLVMValueRef l_pop(struct lower *);

/* ---- Functions (lower.c, lower_ctl.c, lower_call.c) ---- */

/* Open a function for lowering: its entry block, its outermost label.  */
void l_open_func(struct lower *, LLVMValueRef fn, uint64_t offset,
    const char *name, struct vtypes results);
/* Lower instructions up to the end that closes the outermost label; the
 * results are then on the stack, unless l->dead. */
void l_body(struct lower *, struct reader *);
void l_close_func(struct lower *);
/* Lower one instruction. */
void l_insn(struct lower *, const struct insn *);

struct label *l_label_push(struct lower *, enum label_kind,
    struct vtypes params, struct vtypes results);
struct label *l_label(struct lower *, uint32_t depth);
/* A block of the instruction's type begins. */
struct label *l_block_op(struct lower *, const struct insn *,
    enum label_kind);
/* What was reachable inside the label goes to its end. */
void l_fall_out(struct lower *, struct label *);
void l_jump(struct lower *, struct label *);
/* Branch if cond, with the stack's top values; go on behind it otherwise. */
LLVMValueRef l_jump_if(struct lower *, LLVMValueRef cond, struct label *);
void l_ctl_end(struct lower *);

/* Store to and load from an array of union wabi_val. */
void l_store_val(struct lower *, LLVMValueRef array, uint32_t i, LLVMValueRef);
LLVMValueRef l_load_val(struct lower *, LLVMValueRef array, uint32_t i,
    struct vtype);
/* Room for n values that a call gives back, shared by all of the function. */
LLVMValueRef l_result_array(struct lower *, uint32_t n);
/* Call code of the type with the arguments and push its results; in the
 * convention of others', or in cc. */
void l_call_code(struct lower *, uint32_t type, LLVMValueRef code,
    LLVMValueRef vmctx, const LLVMValueRef *args);
void l_call_cc(struct lower *, unsigned cc, uint32_t type, LLVMValueRef code,
    LLVMValueRef vmctx, const LLVMValueRef *args);
/* Take the arguments of a call of the type from the stack. */
LLVMValueRef *l_pop_args(struct lower *, uint32_t type);
/* A field of a struct wabi_func. */
LLVMValueRef l_func_field(struct lower *, LLVMTypeRef, LLVMValueRef func,
    uint64_t at);
/* A field of the imported function's struct wabi_import. */
LLVMValueRef l_import_field(struct lower *, uint32_t func, uint64_t at);
/* Pop and check what call_indirect and call_ref call; then the arguments. */
LLVMValueRef l_indirect_callee(struct lower *, const struct insn *,
    LLVMValueRef **args);
LLVMValueRef l_ref_callee(struct lower *, const struct insn *,
    LLVMValueRef **args);

/* ---- lower_fixed.c ---- */

/* If all that the call_indirect can reach is known: pop and check what it
 * calls, then the arguments.  The result is code of the module's, which takes
 * this vmctx; NULL, with nothing done, for any other call. */
LLVMValueRef l_fixed_callee(struct lower *, const struct insn *,
    LLVMValueRef **args);
/* The whole call_indirect as a switch over the few entries that it can reach.
 * False, with nothing done, for any other call. */
bool l_fixed_switch(struct lower *, const struct insn *);
/* In the part that has the thunks. */
void l_fixed_tables(struct lower *);

/* ---- lower_exn.c ---- */

/* A call that may throw, in the convention cc. */
LLVMValueRef l_build_call(struct lower *, LLVMTypeRef, LLVMValueRef code,
    LLVMValueRef *args, unsigned n, unsigned cc);
/* A new exception of the tag with the values. */
LLVMValueRef l_new_exn(struct lower *, uint32_t tag, LLVMValueRef *vals);
/* The end of a label that catches, which is closed already: what of its
 * exceptions is not handled. */
void l_exn_end(struct lower *, struct label *);
/* In the part that has the thunks. */
void l_exn_personality(struct lower *);

/* The address of an access of n bytes; see lower_mem.c. */
LLVMValueRef l_addr(struct lower *, const struct memarg *, LLVMValueRef index,
    uint32_t n);
enum alias l_memory_alias(struct lower *, uint32_t mem);
/* The memory's base and an index of 64 bits. */
LLVMValueRef l_memory_at(struct lower *, uint32_t mem, LLVMValueRef index);
/* A field of its struct wabi_memory, `check` if only to compare with. */
LLVMValueRef l_mem_state(struct lower *, uint32_t mem, uint64_t field,
    bool check);

/* ---- lower_bulk.c ---- */

/* What short runs of bytes are copied with, if it was used; at the end. */
void l_bulk_functions(struct lower *);

/* The address of a table's entry, checked to exist. */
LLVMValueRef l_table_entry(struct lower *, uint32_t table, LLVMValueRef index,
    enum wabi_trap);
enum alias l_table_alias(struct lower *, uint32_t table);

/* A float constant that LLVM must not see as the neutral element of an
 * operation, or v itself; see lower_float.c. */
LLVMValueRef l_opaque(struct lower *, LLVMValueRef v);
/* v, a float or a vector of floats that an operation has just made, with every
 * NaN the canonical one if the options ask for that. */
LLVMValueRef l_canonical(struct lower *, LLVMValueRef v);

/* ---- lower_gc.c ---- */

/* Is it a reference into the collected heap: anyref or below? */
bool l_is_heap_ref(struct lower *, struct vtype);

/* ---- lower_exact.c ---- */

void l_exact_load(struct lower *, LLVMValueRef load);
void l_exact_func(struct lower *);	/* at a function's start */

/* ---- lower_fuel.c; nothing is done where fuel is not counted ---- */

void l_fuel_open(struct lower *);
void l_fuel_close(struct lower *);
void l_fuel_head(struct lower *, const struct reader *);
void l_fuel_step(struct lower *, const struct insn *);
void l_fuel_done(struct lower *, const struct insn *);
void l_fuel_reload(struct lower *);
void l_fuel_trap(struct lower *);

/* ---- lower_profile.c; nothing is done where nothing is known ---- */

/* Weights of the branch at an offset.  False: none are known. */
bool l_profile_branch(struct lower *, LLVMValueRef br, uint64_t offset);
void l_profile_switch(struct lower *, LLVMValueRef sw, uint64_t offset,
    uint32_t nlabels);
void l_profile_func(struct lower *, LLVMValueRef fn, uint32_t func);
/* Call what a table had, a reference or, if it is fixed, code: the usual callee
 * by name if it is that one, else by `other`, which checks references too.
 * False: nothing was done. */
typedef void l_other_call(struct lower *, const struct insn *,
    LLVMValueRef callee, LLVMValueRef *args);
bool l_profile_call(struct lower *, const struct insn *, LLVMValueRef callee,
    bool is_code, LLVMValueRef *args, l_other_call *other);
/* lower_call.c: call one of the module's own functions. */
void l_call_own(struct lower *, uint32_t func, const LLVMValueRef *args);

/* ---- lower_bitcode.c ---- */

/* Call the imported function if it is compiled in; else false. */
bool l_call_bitcode(struct lower *, uint32_t func, const LLVMValueRef *args);
/* Add those functions to the module.  A status, with the sentence in the
 * part's error. */
int l_bitcode(struct lower *);

/* ---- thunk.c ---- */

void l_thunks(struct lower *);

/* ---- Handlers, one per name in the last column of ops.def ---- */
#define OP(code, NAME, text, imm, sig, align, feature, lowering)	\
	l_handler l_##lowering;
#include "ops.def"
#undef OP

#endif
