/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * back.h: what the stages behind validation share.
 *
 *   symbols (sym.c)      one unique ELF symbol per function and thunk
 *   parts (pipeline.c)   the module's functions cut into parts, each lowered
 *                        and compiled alone, several at once; the cut depends
 *                        on the module and the options only, never on the
 *                        number of threads
 *   lower (lower*.c)     a part becomes an LLVM module
 *   target (target.c)    an LLVM module becomes optimised, then an object
 *   meta, emit, link     metadata, ELF, the shared object
 *
 * Errors: int, an enum wasmc_status, with the sentence in c->err or, inside a
 * part, in the part's own struct wasmc_error.  A part only reads the compile:
 * the module, the options, the symbols; it may run on any thread.
 */
#ifndef WC_BACK_H
#define WC_BACK_H

#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>

#include "compile.h"
#include "wabi.h"

/* ---- Symbols ---- */

/* Names of all functions, unique in the artifact, safe for the linker.  Those of
 * a further level have the level's suffix besides; so do all other names of its
 * parts but SYM_PERSONALITY, once they are generated (parts.c). */
struct symbols {
	const char *const *suffixes;	/* of further levels */
	unsigned nsuffixes;
	const char **funcs;		/* one per own and imported function */
	struct alias_name {		/* further names: exports' */
		const char *name;
		uint32_t func;
	} *aliases;
	uint32_t naliases;
};
void sym_make(struct compile *c, struct symbols *out);	/* arena; wc_fail */

/* Fixed names; k is the type's index, or the constant expression's number. */
#define SYM_FROM_HOST	"wabi.from_host.%u"
#define SYM_TO_HOST	"wabi.to_host.%u"
#define SYM_TYPED_FROM_HOST	"wabi.typed_from_host.%u"
#define SYM_TYPED_TO_HOST	"wabi.typed_to_host.%u"
#define SYM_TABLE	"wabi.table.%u"	/* of table k, if it is fixed */
#define SYM_INIT	"wabi.init.%u"
#define SYM_ENTRY	"wabi.entry.%u"	/* of function k, see plan->tail */
#define SYM_PERSONALITY	"wabi.personality"
#define SYM_META	"wabi.meta"
#define SYM_GONE	"wabi.gone"	/* traps; stands for functions that were
					 * inlined everywhere and deleted */

/* ---- Constant expressions (constexpr.c) ---- */

/* How a constant expression is evaluated.  Those that need code are numbered
 * in the order: tables' inits, globals, element offsets and items, data
 * offsets; in index order each. */
struct constexprs {
	struct wabi_init *tables;	/* own tables */
	struct wabi_init *globals;	/* own globals */
	struct wabi_init *elem_at;	/* per segment */
	struct wabi_init **elem_items;	/* per segment with expressions */
	struct wabi_init *data_at;
	struct {
		const struct constexpr *expr;
		struct vtype type;
	} *code;			/* WABI_INIT_CODE: .index numbers it */
	uint32_t ncode;
};
void constexprs_make(struct compile *c, struct constexprs *out);

/* ---- Plan: everything the parts share ---- */

struct fixed_table {			/* tables.c */
	uint32_t *funcs;		/* of each entry, or NO_IDX; NULL if
					 * the contents are not known */
	uint32_t n;			/* entries */
	struct fixed_callees {		/* per type, for the first of equal
					 * ones: what a call of it reaches */
		uint32_t n;		/* functions; one that is there twice
					 * may count twice */
		uint32_t last;		/* one of them */
		bool imported;		/* some are not the module's */
	} *callees;
};

struct plan {
	unsigned level;			/* of how many features: docs/ABI.md */
	const char *suffix;		/* of its symbols; "" for the first */
	const struct compile *c;
	const struct module *m;
	struct symbols sym;
	struct constexprs ce;
	struct wabi_counts counts;
	struct wabi_layout layout;
	uint32_t *funcref_idx;		/* function -> index in vmctx funcs, or
					 * NO_IDX */
	struct fixed_table *fixed;	/* per table */
	bool *from_host, *to_host;	/* per type: thunk needed; only on the
					 * first of equal types (type.canon) */
	bool tail;			/* functions are tailcc; those known
					 * outside have an entry */
	bool exceptions;		/* functions may catch */
	int opt_level;			/* 0..3 */
	bool explicit_bounds;
	bool loose_stores;		/* vectorise stores: those before a
					 * trap may then be missing */
	bool relaxed_deterministic;	/* relaxed SIMD is the same anywhere */
	bool nan_canonical;		/* NaNs that arithmetic makes, too */
	bool fuel;			/* count instructions */
	bool is_x86;			/* else aarch64 */
	const struct profile *profile;	/* NULL: none */
	uint32_t host_memory;		/* as in struct wabi_meta */
	uint32_t *bitcode;		/* NULL, or per imported function: 0,
					 * or 1 + the number it goes by; see
					 * bitcode.h */
	const struct wasmc_file *bitcode_files;
	size_t nbitcode_files;
	char *triple, *cpu, *cpu_features;	/* LLVM's */
	const char *tune;		/* CPU to schedule for, or "" */
};

/* May a function of this type be called with its parameters in registers, at
 * most `ints` of them integers?  See struct wabi_typed. */
bool plan_in_registers(const struct type *t, unsigned ints);

/* Does the function, one of the module's own, have an entry of its own? */
static inline bool
plan_has_entry(const struct plan *p, uint32_t func)
{
	return p->tail && (p->funcref_idx[func] != NO_IDX ||
	    func == p->m->start);
}

/* Everything but the target, the options and sym's suffixes; wc_fail(). */
void plan_make(struct compile *, struct plan *);

/* ---- Parts ---- */

struct part {
	const struct plan *plan;
	uint32_t index;
	uint32_t first, end;		/* own functions, by function index */
	uint64_t bytes;			/* of their bodies */
	uint32_t line_base;		/* subtracted from all offsets that are
					 * debug lines, so that a part does not
					 * know where it stands; finish.c adds
					 * it again */
	bool with_thunks;		/* entries and tables are in it; in the
					 * first level thunks and init code */
	bool alone;			/* the only part: functions internal */
	struct wasmc_error err;
};

/* Lower a part.  On success *out is a module of `ctx`, the caller's.
 * Functions are fastcc, internal if the part is alone, else external and
 * hidden, named by plan->sym; every one has a DISubprogram, and debug
 * locations whose line is the wasm byte offset. */
int lower_part(struct part *, LLVMContextRef ctx, LLVMTargetMachineRef tm,
    LLVMModuleRef *out);

/* Optimise what lower_part() made, at the plan's level.  The module is ready
 * for code generation then and must not be optimised further; see
 * lower_exact.c. */
int lower_optimise(struct part *, LLVMModuleRef, LLVMTargetMachineRef);

/* Between optimisation and code generation, where plan->tail. */
void lower_tails(const struct plan *, LLVMModuleRef);

#endif
