/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * insn.h: instructions, their table, and the decoder of one instruction.
 *
 * The table is ops.def, one row an instruction:
 *
 *   OP(code, NAME, text, immediates, signature, align, feature, lowering)
 *
 *   code        opcode; prefixed ones as prefix << 16 | number
 *   NAME        OP_NAME is its name in C
 *   text        its name in the text format
 *   immediates  IMM_*: what follows the opcode
 *   signature   "params:results", i l f d v for the number types, or NULL:
 *               the validator has a function of its own for it
 *   align       log2 of the natural alignment for memory accesses, else 0
 *   feature     FEAT_*
 *   lowering    name of the handler: l_<lowering> in lower*.c
 *
 * In signatures a memory's address is a, a table's index t, which stand for i
 * or l as the memory or table has it.
 */
#ifndef WC_INSN_H
#define WC_INSN_H

#include "module.h"
#include "reader.h"

enum op {
#define OP(code, NAME, text, imm, sig, align, feature, lowering) OP_##NAME,
#include "ops.def"
#undef OP
	NOPS
};

enum imm {
	IMM_NONE,
	IMM_BLOCK,		/* block type */
	IMM_LABEL,		/* index: label */
	IMM_BR_TABLE,		/* labels, nlabels; the last is the default */
	IMM_FUNC,		/* index: function */
	IMM_TYPE,		/* index: type */
	IMM_CALL_INDIRECT,	/* index: type, index2: table */
	IMM_LOCAL,		/* index */
	IMM_GLOBAL,		/* index */
	IMM_TABLE,		/* index */
	IMM_TABLE_COPY,		/* index: destination, index2: source */
	IMM_TABLE_INIT,		/* index: elem, index2: table */
	IMM_ELEM,		/* index */
	IMM_MEM,		/* index: memory */
	IMM_MEM_COPY,		/* index: destination, index2: source */
	IMM_MEM_INIT,		/* index: data, index2: memory */
	IMM_DATA,		/* index */
	IMM_MEMARG,		/* memarg */
	IMM_MEMARG_LANE,	/* memarg, lane */
	IMM_LANE,		/* lane */
	IMM_SHUFFLE,		/* v128: 16 lanes */
	IMM_I32, IMM_I64,	/* num, sign-extended */
	IMM_F32, IMM_F64,	/* num: bits */
	IMM_V128,		/* v128 */
	IMM_SELECT_T,		/* types */
	IMM_HEAP,		/* heap: ref.null, ref.test, ref.cast */
	IMM_BR_ON_CAST,		/* index: label, type, type2 */
	IMM_TAG,		/* index: tag */
	IMM_TRY_TABLE,		/* block, catches */
	IMM_FIELD,		/* index: type, index2: field */
	IMM_TYPE_N,		/* index: type, index2: count */
	IMM_TYPE_TYPE,		/* index, index2: types */
	IMM_TYPE_DATA,		/* index: type, index2: data */
	IMM_TYPE_ELEM,		/* index: type, index2: elem */
	IMM_TYPE_TAG,		/* index: type, index2: tag */
	IMM_RESUME,		/* index: type, handlers (as catches) */
	IMM_RESUME_THROW,	/* index: type, index2: tag, handlers */
	IMM_FENCE,		/* one zero byte */
};

/* X(NAME, "name", default on, what it is) */
#define FEATURES(X)							\
	X(MVP,		"mvp",		1, "WebAssembly 1.0")		\
	X(MUTABLE_GLOBAL, "mutable-globals", 1, "imported mutable globals") \
	X(SIGN_EXT,	"sign-ext",	1, "sign extension")		\
	X(SAT_CONV,	"nontrapping-fptoint", 1, "saturating conversions") \
	X(MULTI_VALUE,	"multivalue",	1, "several results")		\
	X(BULK,		"bulk-memory",	1, "bulk memory")		\
	X(REF_TYPES,	"reference-types", 1, "reference types")	\
	X(EXT_CONST,	"extended-const", 1, "extended constants")	\
	X(SIMD,		"simd128",	1, "128-bit SIMD")		\
	X(RELAXED_SIMD,	"relaxed-simd",	1, "relaxed SIMD")		\
	X(TAIL_CALL,	"tail-call",	1, "tail calls")		\
	X(EXCEPTIONS,	"exception-handling", 1, "exceptions")		\
	X(LEGACY_EXCEPTIONS, "legacy-exceptions", 1, "legacy exceptions") \
	X(MEMORY64,	"memory64",	1, "64-bit memories and tables") \
	X(MULTI_MEMORY,	"multi-memory",	1, "several memories")		\
	X(CUSTOM_PAGES,	"custom-page-sizes", 1, "custom page sizes")	\
	X(WIDE_ARITH,	"wide-arithmetic", 1, "wide arithmetic")	\
	X(FUNC_REFS,	"function-references", 1, "typed references")	\
	X(GC,		"gc",		1, "garbage collection")	\
	X(THREADS,	"threads",	1, "threads and atomics")	\
	X(STACK_SWITCHING, "stack-switching", 0, "typed continuations")	\
	X(COMPACT_IMPORTS, "compact-imports", 1, "imports in groups")

enum feature {
#define X(NAME, name, on, text) FEAT_##NAME,
	FEATURES(X)
#undef X
	NFEATURES
};
#define FEAT_BIT(f)	(1ull << (f))

/* The feature that brought a heap type (decode_types.c). */
enum feature heap_feature(uint32_t heap);

/* One row of ops.def, as data. */
struct opinfo {
	uint32_t code;
	const char *text;
	const char *sig;		/* NULL: hand-written rule */
	uint8_t imm;			/* enum imm */
	uint8_t align;			/* log2 */
	uint8_t feature;		/* enum feature */
};
extern const struct opinfo opinfos[NOPS];

/* The instruction of an opcode, NOPS if there is none. */
enum op op_plain(uint8_t code);
enum op op_prefixed(uint8_t prefix, uint32_t number);
static inline bool
op_is_prefix(uint8_t code)
{
	return code >= 0xfb && code <= 0xfe;
}

struct memarg {
	uint32_t align;			/* log2, as written */
	uint32_t mem;
	uint64_t offset;
};

/* A block's type: none, one value, or a function type. */
struct blocktype {
	enum { BT_NONE, BT_VALUE, BT_TYPE } how;
	struct vtype value;
	uint32_t type;
};

enum catch_kind { CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF };
struct catch {				/* of try_table; or handler of resume:
					 * CATCH is (on tag label), CATCH_REF
					 * (on tag switch) */
	uint8_t kind;
	uint32_t tag, label;
};

/* One instruction.  Only the fields that its immediates name are set.  The
 * arrays are in the reader's arena and live until its reset. */
struct insn {
	enum op op;
	uint64_t offset;		/* of the opcode in the file */
	uint32_t index, index2;
	uint32_t lane;
	uint32_t nlabels;		/* br_table, the default included */
	const uint32_t *labels;
	uint32_t ncatches;
	const struct catch *catches;
	struct blocktype block;
	struct memarg memarg;
	struct vtypes types;		/* select t */
	struct vtype type, type2;	/* heap type immediates, casts */
	uint64_t num;
	uint8_t v128[16];
};

/* Read one instruction at r into *in; fails through the reader's compile.
 * Knows which opcodes exist and which features allow them, nothing of types. */
void insn_read(struct reader *r, struct insn *in);

/* A run of locals of one type, as a function body declares them. */
struct local_run {
	uint32_t n;
	struct vtype type;
};

#define MAX_LOCALS	50000u		/* parameters included */

/* Read the locals at the head of a body; returns the number of runs.  Their
 * sum and nparams is at most MAX_LOCALS. */
uint32_t locals_read(struct reader *r, uint32_t nparams,
    const struct local_run **runs);

#endif
