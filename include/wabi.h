/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wabi.h: the contract between generated code and the runtime.
 *
 * Neither side owns it: the compiler writes artifacts to it, the runtime loads
 * them, and docs/ABI.md explains it.  It is not installed.  Whatever changes
 * the meaning of a byte here raises WABI_VERSION; new tables rows and new
 * fields go at the end, in room that today must be zero.
 *
 * The parts:
 *   traps            what can end a guest, with the spec suite's words
 *   runtime calls    what generated code may ask of the runtime
 *   vmctx            the instance as generated code sees it
 *   functions        calling convention, funcrefs
 *   metadata         what an artifact says about itself
 */
#ifndef WABI_H
#define WABI_H

#include <stddef.h>
#include <stdint.h>

#define WABI_VERSION	2
#define WABI_MAGIC	0x49424157u		/* "WABI" */
#define WABI_PAGE_BYTES	65536u			/* a wasm page */

/* ---- Traps -------------------------------------------------------------
 *
 * X(NAME, number, text).  The text begins with the words of the spec suite.
 * Numbers are stable.
 */
#define WABI_TRAPS(X)							\
	X(UNREACHABLE,		1, "unreachable")			\
	X(DIV_BY_ZERO,		2, "integer divide by zero")		\
	X(INT_OVERFLOW,		3, "integer overflow")			\
	X(BAD_CONVERSION,	4, "invalid conversion to integer")	\
	X(MEMORY_OOB,		5, "out of bounds memory access")	\
	X(TABLE_OOB,		6, "out of bounds table access")	\
	X(UNDEFINED_ELEMENT,	7, "undefined element")			\
	X(UNINIT_ELEMENT,	8, "uninitialized element")		\
	X(INDIRECT_TYPE,	9, "indirect call type mismatch")	\
	X(STACK_OVERFLOW,	10, "call stack exhausted")		\
	X(NULL_REF,		11, "null reference")			\
	X(NULL_FUNC_REF,	12, "null function reference")		\
	X(NULL_STRUCT_REF,	13, "null structure reference")		\
	X(NULL_ARRAY_REF,	14, "null array reference")		\
	X(NULL_I31_REF,		15, "null i31 reference")		\
	X(NULL_EXN_REF,		16, "null exception reference")		\
	X(CAST,			17, "cast failure")			\
	X(ARRAY_OOB,		18, "out of bounds array access")	\
	X(UNALIGNED_ATOMIC,	19, "unaligned atomic")			\
	X(EXPECTED_SHARED,	20, "expected shared memory")		\
	X(EXCEPTION,		21, "uncaught exception")		\
	X(UNKNOWN_IMPORT,	22, "unknown import called")		\
	X(INTERRUPT,		23, "interrupted")			\
	X(TIMEOUT,		24, "time limit exceeded")		\
	X(FUEL,			25, "fuel exhausted")			\
	X(HOST,			26, "host function failed")		\
	X(HEAP,			27, "garbage-collected heap exhausted")	\
	X(EXIT,			28, "exit")				\
	X(UNHANDLED_TAG,	29, "unhandled tag")			\
	X(CONT_CONSUMED,	30, "continuation already consumed")	\
	X(NULL_CONT_REF,	31, "null continuation reference")	\
	X(CPU_TIME,		32, "CPU time limit exceeded")

enum wabi_trap {
#define X(name, number, text) WABI_TRAP_##name = number,
	WABI_TRAPS(X)
#undef X
};

/* ---- Value and reference types ----------------------------------------
 *
 * Numeric types carry the binary format's byte.  Every reference is one
 * 64-bit word in globals, tables and call arrays; null is 0.
 *   funcref     pointer to a struct wabi_func
 *   externref   a word the host chose, never 0; or a heap reference that
 *               extern.convert_any has tagged, see WABI_EXTERN_TAG
 *   anyref and all below it   a heap reference, zero-extended
 *   contref     a word that only the runtime reads, see Continuations
 */
enum wabi_type {
	WABI_I32 = 0x7f,
	WABI_I64 = 0x7e,
	WABI_F32 = 0x7d,
	WABI_F64 = 0x7c,
	WABI_V128 = 0x7b,
	WABI_FUNCREF = 0x70,
	WABI_EXTERNREF = 0x6f,
	WABI_ANYREF = 0x6e,
	WABI_EXNREF = 0x69,
	WABI_CONTREF = 0x68,
};

/* A value in a call array, a global, a constant: 16 bytes, little end first;
 * what a type does not use is zero when the runtime writes it and ignored
 * when it reads.  An exnref points to a struct wabi_exn. */
union wabi_val {
	uint32_t i32;
	uint64_t i64;
	float f32;
	double f64;
	void *ref;
	uint64_t u64[2];
	uint8_t v128[16];
} __attribute__((aligned(16)));

/* ---- Runtime calls ------------------------------------------------------
 *
 * Generated code loads the function from vmctx->rt[WABI_RT_name] and calls it
 * with the platform's C convention; the entry there switches to the host's
 * stack first.  At most six arguments, all in integer registers; the first is
 * always the caller's vmctx.  A call that traps does not return.
 *
 * X(NAME, slot, "result:arguments") with v void, i i32, l i64, p pointer.
 * Slots are stable.  mem, table, elem, data are the module's indices.
 */
#define WABI_RTCALLS(X)							\
	/* trap(vmctx, enum wabi_trap): does not return */		\
	X(TRAP,		0, "v:pi")					\
	/* hostcall(vmctx, struct wabi_func *, union wabi_val *)	\
	 * arguments in, results out, in the same array */		\
	X(HOSTCALL,	1, "v:ppp")					\
	/* old size in pages, or -1: (vmctx, mem, delta pages) */	\
	X(MEMORY_GROW,	2, "l:pil")					\
	/* (vmctx, mem, dst, byte, n) */				\
	X(MEMORY_FILL,	3, "v:pilil")					\
	/* (vmctx, dst mem << 16 | src mem, dst, src, n) */		\
	X(MEMORY_COPY,	4, "v:pilll")					\
	/* (vmctx, mem, data, dst, src, n) */				\
	X(MEMORY_INIT,	5, "v:piilii")					\
	X(DATA_DROP,	6, "v:pi")					\
	/* old size in entries, or -1: (vmctx, table, init, delta) */	\
	X(TABLE_GROW,	7, "l:pill")					\
	/* (vmctx, table, dst, ref, n) */				\
	X(TABLE_FILL,	8, "v:pilll")					\
	/* (vmctx, dst table, src table, dst, src, n) */		\
	X(TABLE_COPY,	9, "v:piilll")					\
	/* (vmctx, table, elem, dst, src, n) */				\
	X(TABLE_INIT,	10, "v:piilii")					\
	X(ELEM_DROP,	11, "v:pi")					\
	/* struct wabi_exn *: (vmctx, tag, values); the values are the	\
	 * caller's to store */						\
	X(EXN_NEW,	40, "p:pii")					\
	/* (vmctx, struct wabi_exn *): caught, and not needed any more	\
	 * unless it was captured */					\
	X(EXN_FREE,	41, "v:pp")					\
	/* (vmctx, struct wabi_exn *): goes on at the innermost landing	\
	 * pad of the guest's frames; see Exceptions */			\
	X(THROW,	42, "v:pp")					\
	/* call_indirect of a callee whose type id differs from the	\
	 * one asked for: returns if it is a subtype, traps otherwise:	\
	 * (vmctx, struct wabi_func *, type index) */			\
	X(SIG_CHECK,	12, "v:ppi")					\
	/* memory.atomic.wait and notify, at index + offset, which is	\
	 * aligned: (vmctx, mem, address, expected, timeout ns) and	\
	 * (vmctx, mem, address, count) */				\
	X(ATOMIC_WAIT32, 13, "i:pilil")					\
	X(ATOMIC_WAIT64, 14, "i:pilll")					\
	X(ATOMIC_NOTIFY, 15, "i:pili")					\
	/* A host function that takes its parameters in registers:	\
	 * (host block, anything, parameters of the function's type),	\
	 * result as the type says */					\
	X(HOSTFAST,	16, "v:pp")					\
	/* The collected heap; references are heap offsets, see below.	\
	 * A new object of the type, its header written and an array's	\
	 * elements zero: (vmctx, type, length) */			\
	X(GC_ALLOC,	32, "i:pii")					\
	/* (vmctx, type, data or elem, src, n) */			\
	X(ARRAY_NEW_DATA, 33, "i:piiii")				\
	X(ARRAY_NEW_ELEM, 34, "i:piiii")				\
	/* (vmctx, dst array, dst, src array, src, n) */		\
	X(ARRAY_COPY,	35, "v:piiiii")					\
	/* (vmctx, array, dst, data or elem, src, n) */			\
	X(ARRAY_INIT_DATA, 36, "v:piiiii")				\
	X(ARRAY_INIT_ELEM, 37, "v:piiiii")				\
	/* an externref of the host's as an anyref: (vmctx, word) */	\
	X(EXTERN_BOX,	38, "i:pl")					\
	/* is a type id the same as or below a type of the module's:	\
	 * (vmctx, id, type) */						\
	X(SUBTYPE,	39, "i:pii")					\
	/* Continuations, see below.  A contref: (vmctx, struct		\
	 * wabi_func *, type of the contref) */				\
	X(CONT_NEW,	48, "p:ppi")					\
	/* contref: (vmctx, contref, values, number of them) */		\
	X(CONT_BIND,	49, "p:pppi")					\
	/* 0: it has returned, and vals are the results; k + 1: the	\
	 * clause k, and vals are what its label takes:			\
	 * (vmctx, contref, vals, clauses, number of arguments) */	\
	X(RESUME,	50, "i:ppppi")					\
	/* the same, but the exception is thrown in the continuation:	\
	 * (vmctx, contref, vals, clauses, struct wabi_exn *) */	\
	X(RESUME_THROW,	51, "i:ppppp")					\
	/* vals are then what it was resumed with:			\
	 * (vmctx, tag, vals, number of arguments) */			\
	X(SUSPEND,	52, "v:pipi")					\
	/* (vmctx, contref, tag, vals, number of arguments) */		\
	X(SWITCH,	53, "v:ppipi")

enum wabi_rtcall {
#define X(name, slot, sig) WABI_RT_##name = slot,
	WABI_RTCALLS(X)
#undef X
	WABI_RT_SLOTS = 128		/* the table's size; the rest is zero */
};

/* ---- The instance as generated code sees it ----------------------------
 *
 * vmctx is the first argument of every function.  After the header come, in
 * this order, arrays whose places struct wabi_layout gives; both sides compute
 * it with wabi_layout_of() from the module's counts alone.
 *
 *   globals   16 bytes each, in index order.  Own: the value.  Imported: the
 *             address of the exporter's cell.
 *   memories  struct wabi_memref each
 *   tables    struct wabi_tableref each
 *   imports   struct wabi_import per imported function
 *   types     uint32_t per type of the module: its canonical id, the same in
 *             the whole process for the same type; never 0
 *   tags      void * per tag: its identity
 *   funcs     struct wabi_func per function that the module can make a
 *             reference to or that is exported, in index order
 *
 * What may change while guest code runs: globals, the size fields behind
 * memories[].mem and tables[].tab.  Everything else keeps its value for the
 * instance's life, so that loads of it may be moved freely: a memory's base
 * and a table's base never move.
 */
struct wabi_memory {			/* shared by importers and exporter */
	uint8_t *base;
	uint64_t bytes;			/* current size */
	uint64_t pages;			/* current size in the memory's pages */
	uint64_t max_pages;		/* declared, or what the host allows */
};

struct wabi_memref {
	uint8_t *base;			/* == mem->base */
	struct wabi_memory *mem;
};

struct wabi_table {
	uint64_t *base;			/* one word per reference */
	uint64_t size;			/* current, in entries */
	uint64_t max;
};

struct wabi_tableref {
	uint64_t *base;			/* == tab->base */
	struct wabi_table *tab;
};

/* What a funcref points to.  code has the internal convention: LLVM's fastcc,
 * vmctx first, then the parameters; one result is returned, two or more are
 * written to an array of union wabi_val whose address is the last argument. */
struct wabi_func {
	void *code;
	void *vmctx;
	uint32_t type_id;		/* canonical */
	uint32_t func_idx;		/* in its module; ~0 for a host function */
	void *tail;			/* tailcc entry, or NULL */
	void *host;			/* the runtime's, for host functions */
};

/* ---- Exceptions ---------------------------------------------------------
 *
 * THROW walks the frames outward by .eh_frame.  Code that catches has a table
 * of call sites as C++ has (the LSDA in .gcc_except_table, with offsets from
 * the function's start; actions and types are not looked at): the first frame
 * whose call site has a landing pad is entered there, with the struct wabi_exn
 * in the first exception register (rax, x0) and 0 in the second (rdx, x1), and
 * with the registers that calls preserve as that frame had them.  Code tells
 * by the tag whether it handles the exception, and throws it again if not.
 * HOSTCALL may throw too, and so may RESUME, RESUME_THROW, SUSPEND and SWITCH;
 * no other runtime call does.
 */
struct wabi_exn {
	void *tag;			/* its identity: vmctx tags[] */
	uint64_t captured;		/* 1: there may be an exnref */
	union wabi_val vals[];		/* as the tag's parameters */
};
_Static_assert(sizeof(struct wabi_exn) == 16, "exception");

/* ---- Continuations -------------------------------------------------------
 *
 * A continuation runs on a stack of its own; the runtime calls change from one
 * to another.  Values pass through an array in the frame of whoever calls,
 * which has room for what is passed and for what comes back, a contref behind
 * a clause's values included.  A contref is used up by the call it is given to:
 * what is suspended again is known by another.
 */
struct wabi_clauses {			/* the handlers of a resume */
	uint32_t n;
	struct wabi_clause {
		uint32_t tag;		/* of the module */
		uint32_t is_switch;	/* (on tag switch) */
	} clause[];
};

/* What typed_from_host calls: begins what the runtime keeps for such calls.
 * Typed thunks exist for types whose parameters are numbers that go into
 * registers on every target, in a C function with what comes before them, and
 * that have at most one result, a number too. */
#define WABI_TYPED_FROM_INTS	5u
#define WABI_TYPED_TO_INTS	4u
#define WABI_TYPED_FLOATS	8u

struct wabi_typed {
	void *code;			/* wabi_func.code */
	void *vmctx;
};

/* In the block that a host function's vmctx is, behind the struct wabi_func
 * and the runtime's own word: the host's data. */
#define WABI_HOST_DATA	112u

struct wabi_import {
	void *code;			/* == func->code */
	void *vmctx;			/* == func->vmctx */
	struct wabi_func *func;
	uint64_t reserved;
};

struct wabi_vmctx {
	void *const *rt;		/* runtime calls, WABI_RT_SLOTS of them */
	void *instance;			/* the runtime's own */
	struct wabi_heap *heap;		/* see below */
	int64_t fuel;			/* left; see docs/ABI.md, Fuel */
	uint64_t reserved[4];
};

#define WABI_VMCTX_HEADER	64u
_Static_assert(sizeof(struct wabi_vmctx) == WABI_VMCTX_HEADER, "vmctx header");
_Static_assert(sizeof(struct wabi_func) == 40, "funcref");
_Static_assert(sizeof(struct wabi_import) == 32, "import");

struct wabi_counts {
	uint32_t nglobals;		/* imported ones included, as all here */
	uint32_t nmemories;
	uint32_t ntables;
	uint32_t nimports;		/* imported functions */
	uint32_t ntypes;
	uint32_t ntags;
	uint32_t nfuncrefs;		/* entries of the funcs array */
	uint32_t reserved;
};

struct wabi_layout {			/* byte offsets from vmctx */
	uint64_t globals, memories, tables, imports, types, tags, funcs;
	uint64_t size;			/* multiple of 16 */
};

static inline struct wabi_layout
wabi_layout_of(const struct wabi_counts *n)
{
	struct wabi_layout l;

	l.globals = WABI_VMCTX_HEADER;
	l.memories = l.globals + 16ull * n->nglobals;
	l.tables = l.memories + sizeof(struct wabi_memref) * n->nmemories;
	l.imports = l.tables + sizeof(struct wabi_tableref) * n->ntables;
	l.types = l.imports + sizeof(struct wabi_import) * n->nimports;
	l.tags = (l.types + 4ull * n->ntypes + 7) & ~7ull;
	l.funcs = (l.tags + 8ull * n->ntags + 15) & ~15ull;
	l.size = (l.funcs + sizeof(struct wabi_func) * (uint64_t)n->nfuncrefs
	    + 15) & ~15ull;
	return l;
}

/* ---- The collected heap --------------------------------------------------
 *
 * A reference is 32 bits: 0 is null, an odd value is an i31 (its bits above
 * the lowest), everything else the offset of an object from heap->base, a
 * multiple of 8.  An object begins with
 *
 *   uint32_t head       canonical type id | WABI_HEAD_*
 *   uint32_t length     of an array, in elements; else 0
 *
 * and its fields follow, each at the next multiple of its natural alignment
 * (v128: of 8), in the order of the type, so that a subtype begins as its
 * supertype does; an array's elements begin at 8.  A field that holds a
 * reference into the heap has 4 bytes, any other reference 8.  Sizes are
 * rounded up to 8.
 *
 * New objects are cut from [cursor, limit) while they fit; then, and for those
 * of more than WABI_HEAP_INLINE bytes, GC_ALLOC is asked.  Objects do not
 * move.  A collection can happen in a runtime call only; it finds references
 * on the guest's stack and in saved registers by their 32 bits, so base is a
 * multiple of 4 GiB: code may keep any pointer into an object, or to its end.
 */
struct wabi_heap {
	uint8_t *base;			/* base, rtt: fixed */
	const uint32_t (*rtt)[8];	/* per type id: the ids of its
					 * supertypes, outermost first, and
					 * itself, as far as they go */
	uint32_t cursor, limit;		/* never 0 */
};

#define WABI_RTT_DEPTH		8u
#define WABI_HEAP_INLINE	4096u
#define WABI_HEAD_ID		0x00ffffffu
#define WABI_HEAD_STRUCT	0x40000000u
#define WABI_HEAD_ARRAY		0x80000000u
#define WABI_HEAD_EXTERN	0xc0000000u	/* a host's word, at 8 */
#define WABI_HEAD_KIND		0xc0000000u

/* An externref whose upper half is this holds a heap reference in the lower. */
#define WABI_EXTERN_TAG		0xfff6c0deu

enum { WABI_I8 = 0x78, WABI_I16 = 0x77 };	/* packed fields */

/* Bytes of a field, by the type as in struct wabi_valtype. */
static inline uint32_t
wabi_field_bytes(uint8_t type)
{
	switch (type) {
	case WABI_I8: return 1;
	case WABI_I16: return 2;
	case WABI_I32: case WABI_F32: case WABI_ANYREF: return 4;
	case WABI_V128: return 16;
	default: return 8;
	}
}

/* Where a field goes, when `at` bytes are taken. */
static inline uint32_t
wabi_field_place(uint32_t at, uint8_t type)
{
	uint32_t n = wabi_field_bytes(type), align = n > 8 ? 8 : n;

	return (at + align - 1) & ~(align - 1);
}

/* ---- Memory geometry ----------------------------------------------------
 *
 * Bounds mode GUARD: for a 32-bit memory the code computes
 * base + zext(index) + offset without a check.  The runtime reserves, around
 * every memory such code may use, WABI_GUARD_BEFORE bytes below base and
 * WABI_RESERVE bytes above it, all of which fault beyond the memory's current
 * size.  An access with a larger constant offset than WABI_GUARD_AFTER is
 * checked explicitly.  EXPLICIT: every access is checked against mem->bytes.
 */
#define WABI_GUARD_BEFORE	(64ull << 10)
#define WABI_GUARD_AFTER	(32ull << 20)
#define WABI_RESERVE		((4ull << 30) + WABI_GUARD_AFTER)

/* Bytes of guest stack that code may use below the stack's end without a
 * probe; the guard under every stack is at least this large. */
#define WABI_STACK_GUARD	(64u << 10)

enum wabi_bounds { WABI_BOUNDS_GUARD = 0, WABI_BOUNDS_EXPLICIT = 1 };

/* ---- Artifact -----------------------------------------------------------
 *
 * An ELF shared object with, beside the usual sections:
 *
 *   .wabi.meta    (alloc, read-only, 16-aligned)  struct wabi_meta and what
 *                 it refers to.  All references are byte offsets from its
 *                 start; code references are (address of code - address of
 *                 .wabi.meta) as int32_t, resolved at link time.  Whoever
 *                 moves the section shifts them all: shift_code() in
 *                 compiler/snapshot_meta.c must know every one.
 *   .wabi.data    (alloc, read-only) bytes of data segments that are copied
 *                 at run time (passive, or active and not in the image)
 *   .wabi.image   (alloc, read-only, aligned to WABI_IMAGE_ALIGN) pages of
 *                 the initial memories
 *   .wabi.pcmap   (not alloc) struct wabi_pcmap_head and entries: code
 *                 address to wasm byte offset, sorted by address
 *   .wabi.source  (not alloc, may be absent) the module's own line table:
 *                 struct wabi_source_head, rows, names
 *   .wabi.digest  (not alloc) 32 bytes, see below
 *
 * Allowed beside them: .text, .rodata*, .eh_frame, .eh_frame_hdr,
 * .gcc_except_table, .dynamic, .dynsym, .dynstr, .hash, .gnu.hash, .rela.dyn with R_*_RELATIVE only,
 * .data.rel.ro, .note.gnu.build-id, .gnu_debuglink, .comment, .debug_*,
 * .symtab, .strtab, .shstrtab.  No undefined symbols, DT_NEEDED, DT_INIT*,
 * DT_FINI*, DT_RPATH/RUNPATH, DT_TEXTREL, PT_INTERP, PT_TLS, ifunc, segment
 * both writable and executable; DT_FLAGS/_1 only NOW.
 *
 * Digest: SHA-256 over, in this order, the ELF header, the program headers,
 * the section headers, and the contents of every section in index order whose
 * type is not SHT_NOBITS and whose name is neither .text, .wabi.image,
 * .wabi.data, .wabi.pcmap, .wabi.source, .wabi.digest, .symtab, .strtab nor
 * begins with .debug_ or .rodata.  So no header and no metadata byte can change
 * unnoticed; code and data are covered by the optional signature, and what only
 * tells where code comes from is looked at when somebody asks.
 */
#define WABI_SEC_META	".wabi.meta"
#define WABI_SEC_DATA	".wabi.data"
#define WABI_SEC_IMAGE	".wabi.image"
#define WABI_SEC_PCMAP	".wabi.pcmap"
#define WABI_SEC_SOURCE	".wabi.source"
#define WABI_SEC_DIGEST	".wabi.digest"
#define WABI_IMAGE_ALIGN	4096u

/* A list inside .wabi.meta: n elements at byte offset off. */
struct wabi_list {
	uint32_t off, n;
};

/* A string inside .wabi.meta: n bytes at off, followed by a NUL that n does
 * not count.  Names may hold any byte, NUL too. */
typedef struct wabi_list wabi_str;

enum wabi_kind {			/* as in the binary format */
	WABI_KIND_FUNC = 0, WABI_KIND_TABLE = 1, WABI_KIND_MEMORY = 2,
	WABI_KIND_GLOBAL = 3, WABI_KIND_TAG = 4,
};

/* A value type in metadata.  For a reference to a defined type, type is one of
 * WABI_FUNCREF.. only as its top, heap the module's type index. */
struct wabi_valtype {
	uint8_t type;			/* enum wabi_type */
	uint8_t nullable;		/* references */
	uint8_t exact;			/* 0 */
	uint8_t has_heap;		/* heap is a type index */
	uint32_t heap;			/* else an abstract heap type's byte */
};

/* A continuation type has its function type as the only one of params. */
enum { WABI_COMP_FUNC = 0, WABI_COMP_STRUCT = 1, WABI_COMP_ARRAY = 2,
       WABI_COMP_CONT = 3 };

struct wabi_typeinfo {
	uint8_t comp;			/* WABI_COMP_* */
	uint8_t final;
	uint8_t pad[2];
	uint32_t super;			/* type index, or ~0 */
	uint32_t rec_first, rec_n;	/* the recursion group it stands in */
	struct wabi_list params;	/* struct wabi_valtype; or fields */
	struct wabi_list results;
	int32_t from_host;		/* code: void (*)(vmctx, code, vals), C
					 * convention: calls a function of this
					 * type.  0: never needed */
	int32_t to_host;		/* code of this type, internal
					 * convention, that calls HOSTCALL with
					 * vmctx = its first argument, which is
					 * the struct wabi_func's vmctx.
					 * 0: never needed */
	int32_t typed_from_host;	/* code: R (*)(struct wabi_typed *,
					 * parameters), C convention, all in
					 * registers: calls a function of this
					 * type with them.  0: there is none */
	int32_t typed_to_host;		/* as to_host, for host functions that
					 * take their parameters in registers.
					 * 0: there is none */
};

struct wabi_limits {
	uint64_t min, max;		/* max ~0: none declared */
	uint8_t is64, shared, page_log2, pad[5];
};

struct wabi_import_info {
	wabi_str module, name;
	uint8_t kind, mut;
	uint8_t provided;		/* 1: a function that is compiled in;
					 * the host may leave it out */
	uint8_t pad;
	uint32_t index;			/* in its kind's index space */
	uint32_t type_idx;		/* functions and tags */
	struct wabi_valtype type;	/* globals: content; tables: element */
	struct wabi_limits limits;	/* memories, tables */
};

struct wabi_export_info {
	wabi_str name;
	uint8_t kind, pad[3];
	uint32_t index;
};

/* Every function, imported ones included, in index order.  In a module that
 * makes tail calls functions have LLVM's tailcc; those that are known outside
 * have an entry with the internal convention. */
struct wabi_func_info {
	int32_t code;			/* the body; 0 for an import */
	uint32_t size;			/* bytes of code; 0 if not known */
	uint32_t type_idx;
	uint32_t funcref;		/* index in vmctx funcs, or ~0 */
	wabi_str name;			/* from the name section, or empty */
	uint32_t wasm_off, wasm_size;	/* the body in the .wasm */
	int32_t entry;			/* of the internal convention: code, or
					 * what calls it, or 0 if there is none */
	int32_t tail;			/* code, if it is tailcc and has an
					 * entry; else 0 */
};

/* How a value is made at instantiation. */
enum {
	WABI_INIT_CONST = 0,		/* val */
	WABI_INIT_GLOBAL = 1,		/* global index */
	WABI_INIT_FUNC = 2,		/* ref.func index */
	WABI_INIT_CODE = 3,		/* code: void (*)(vmctx, val *), C
					 * convention, run on a guest stack */
};
struct wabi_init {
	uint8_t how, pad[3];
	uint32_t index;			/* global or function */
	int32_t code;
	uint32_t pad2;
	union wabi_val val;
};

struct wabi_table_info {		/* own tables, after the imported ones */
	struct wabi_valtype type;
	struct wabi_limits limits;
	struct wabi_init init;		/* every entry's first value */
};

struct wabi_memory_info {		/* own memories */
	struct wabi_limits limits;
	struct wabi_list image;		/* struct wabi_image_run */
};

struct wabi_image_run {			/* ascending, disjoint */
	uint64_t mem_off;		/* multiple of WABI_IMAGE_ALIGN */
	uint64_t image_off;		/* in .wabi.image, likewise */
	uint64_t bytes;			/* likewise */
};

struct wabi_global_info {		/* own globals */
	struct wabi_valtype type;
	uint8_t mut, pad[7];
	struct wabi_init init;
};

enum { WABI_SEG_ACTIVE = 0, WABI_SEG_PASSIVE = 1, WABI_SEG_DECLARED = 2,
       WABI_SEG_IMAGE = 3 };		/* active, and already in the image */

struct wabi_data_info {			/* every data segment, in order */
	uint8_t mode, pad[3];
	uint32_t memory;
	uint64_t data_off, bytes;	/* in .wabi.data; IMAGE: both 0 */
	struct wabi_init offset;	/* ACTIVE */
};

struct wabi_elem_info {			/* every element segment, in order */
	uint8_t mode, pad[3];
	uint32_t table;
	struct wabi_valtype type;
	struct wabi_list funcs;		/* uint32_t function indices; or ... */
	struct wabi_list inits;		/* struct wabi_init */
	struct wabi_init offset;	/* ACTIVE */
};

struct wabi_tag_info {
	uint32_t type_idx;
};

enum { WABI_META_FUEL = 1 };		/* code counts in vmctx->fuel */

/* CPU features the code was compiled for, which the loading CPU must have:
 * LLVM's names separated by commas, as in "+avx2,+bmi2". */
struct wabi_meta {
	uint32_t magic, version;
	uint32_t size;			/* of .wabi.meta */
	uint32_t bounds;		/* enum wabi_bounds */
	uint8_t wasm_sha256[32];
	uint64_t wasm_size;
	wabi_str producer;		/* "wasmc 0.1.0 (LLVM 22.1.8)" */
	wabi_str options;		/* those that shape the code */
	wabi_str target;		/* triple */
	wabi_str cpu;
	wabi_str cpu_features;		/* required of the host, see above */
	wabi_str wasm_features;		/* names, comma separated */
	wabi_str module_name;		/* from the name section, or empty */
	struct wabi_counts counts;
	uint64_t vmctx_size;		/* == wabi_layout_of(&counts).size */
	struct wabi_list types;		/* struct wabi_typeinfo */
	struct wabi_list imports;	/* struct wabi_import_info */
	struct wabi_list exports;	/* struct wabi_export_info */
	struct wabi_list funcs;		/* struct wabi_func_info */
	struct wabi_list tables;	/* struct wabi_table_info */
	struct wabi_list memories;	/* struct wabi_memory_info */
	struct wabi_list globals;	/* struct wabi_global_info */
	struct wabi_list tags;		/* struct wabi_tag_info */
	struct wabi_list elems;		/* struct wabi_elem_info */
	struct wabi_list datas;		/* struct wabi_data_info */
	uint32_t start;			/* function index, or ~0 */
	uint32_t flags;			/* WABI_META_* */
	struct wabi_list snapshot;	/* struct wabi_snapshot: none or one */
	struct wabi_list fuel;		/* struct wabi_fuel_rest, by offset */
	uint32_t host_memory;		/* 1 + the own global, i32 and mutable,
					 * that holds the index of the memory
					 * that host functions are to use;
					 * 0: it is memory 0 */
	uint32_t reserved32;
	struct wabi_list levels;	/* struct wabi_level */
	uint64_t reserved[4];
};

/* Code may be there several times, each for CPUs that have more: the first is
 * cpu, cpu_features and funcs above, the further ones are listed.  Of those
 * whose features the loading CPU has, the last is used, and the others not at
 * all.  Thunks and initial values are the first one's.  The functions are
 * described as in the first list, but for code, size, entry and tail. */
#define WABI_MAX_LEVELS	8u		/* the first included */
struct wabi_level {
	wabi_str cpu;
	wabi_str cpu_features;
	struct wabi_list funcs;		/* struct wabi_func_info */
	uint64_t reserved;
};

/* Says that the artifact begins with the state that instances of another one
 * had come to; see docs/SNAPSHOTS.md. */
struct wabi_snapshot {
	uint8_t of_sha256[32];		/* of that artifact, the whole file */
	wabi_str ran;			/* the exports that were called, as
					 * names separated by spaces */
	/* For a snapshot of it, what is not of this one: */
	struct wabi_list elems;		/* the module's own segments */
	uint32_t base_bytes;		/* how far the metadata goes */
};

/* Code that counts pays for a stretch of instructions at once.  An access that
 * faults in the midst of one has the rest of it paid already. */
struct wabi_fuel_rest {
	uint32_t wasm_off;		/* of the access */
	uint32_t units;			/* to be given back */
};

/* .wabi.pcmap: n entries sorted by addr.  An entry holds from its address to
 * the next one's.  addr is relative to .wabi.meta's address; wasm_off ~0 says
 * that the code belongs to no wasm instruction. */
struct wabi_pcmap_head {
	uint32_t magic, n;
};
struct wabi_pcmap_entry {
	int32_t addr;
	uint32_t wasm_off;
};

/* .wabi.source: the head, nrows rows sorted by offset, nfiles uint32_t that are
 * offsets of names, and names_bytes of names that each end with a NUL.  A row
 * holds from its offset to the next one's; file ~0 is no source. */
struct wabi_source_head {
	uint32_t magic, nfiles, nrows, names_bytes;
};
struct wabi_source_row {
	uint32_t wasm_off, file, line;
};

#endif
