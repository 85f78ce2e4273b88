/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * module.h: a decoded WebAssembly module.
 *
 * decode.c makes it, validate.c checks it, everything after reads it; nobody
 * changes it.  All memory belongs to the compile's arena, all slices point into
 * the input.  After decoding every slice lies inside the file and every count
 * matches its array; after validation every index is in range and every rule
 * of the specification holds.
 *
 * In every index space the imported entities come first.
 */
#ifndef WC_MODULE_H
#define WC_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_IDX	UINT32_MAX

/* Bytes of the input, or of the arena. */
struct slice {
	const uint8_t *p;
	size_t n;
};

/* Are these the bytes? */
bool slice_is(struct slice, const char *text);
/* By bytes, then length: < 0, 0, > 0. */
int slice_compare(struct slice, struct slice);
/* FNV-1a, 64 bits. */
uint64_t slice_hash(struct slice);
/* The first part of a name, for "%.*s" in messages. */
#define SLICE_SHOWN(s)	(int)((s).n < 100 ? (s).n : 100), (const char *)(s).p

/* Heap types: an index into types[], or one of the abstract types, whose value
 * is the byte of the binary format with this bit set. */
#define HT_ABSTRACT	0x80000000u
enum {
	HT_NOEXN = HT_ABSTRACT | 0x74, HT_NOFUNC = HT_ABSTRACT | 0x73,
	HT_NOEXTERN = HT_ABSTRACT | 0x72, HT_NONE = HT_ABSTRACT | 0x71,
	HT_FUNC = HT_ABSTRACT | 0x70, HT_EXTERN = HT_ABSTRACT | 0x6f,
	HT_ANY = HT_ABSTRACT | 0x6e, HT_EQ = HT_ABSTRACT | 0x6d,
	HT_I31 = HT_ABSTRACT | 0x6c, HT_STRUCT = HT_ABSTRACT | 0x6b,
	HT_ARRAY = HT_ABSTRACT | 0x6a, HT_EXN = HT_ABSTRACT | 0x69,
	HT_CONT = HT_ABSTRACT | 0x68, HT_NOCONT = HT_ABSTRACT | 0x75,
};

enum vkind {				/* the binary format's bytes */
	T_NONE = 0,			/* no type; for storage: see packed */
	T_BOT = 1,			/* validator: any type, unreachable */
	T_I32 = 0x7f, T_I64 = 0x7e, T_F32 = 0x7d, T_F64 = 0x7c, T_V128 = 0x7b,
	T_I8 = 0x78, T_I16 = 0x77,	/* packed: fields only */
	T_REF = 0x64,			/* heap and nullable say which */
};

/* A value type (or, with T_I8 and T_I16, a storage type). */
struct vtype {
	uint8_t kind;			/* enum vkind */
	bool nullable;			/* T_REF */
	uint32_t heap;			/* T_REF */
};

struct vtypes {				/* a sequence of them */
	const struct vtype *t;
	uint32_t n;
};

struct field {
	struct vtype type;
	bool mut;
};

enum comp { COMP_FUNC, COMP_STRUCT, COMP_ARRAY, COMP_CONT };

struct type {
	enum comp comp;
	bool final;
	uint32_t super;			/* type index, or NO_IDX */
	uint32_t rec_first, rec_n;	/* the recursion group it stands in */
	uint32_t canon;			/* first type of this module that is
					 * equal to this one (validate.c) */
	struct vtypes params, results;	/* COMP_FUNC */
	const struct field *fields;	/* COMP_STRUCT; COMP_ARRAY: one */
	uint32_t nfields;
	uint32_t cont;			/* COMP_CONT: its function type */
	uint64_t offset;		/* in the file */
};

struct limits {
	uint64_t min, max;
	bool has_max, shared, is64;
	uint8_t page_log2;		/* memories: 16 unless custom */
};

enum kind { KIND_FUNC, KIND_TABLE, KIND_MEMORY, KIND_GLOBAL, KIND_TAG, NKINDS };

struct import {
	struct slice module, name;
	enum kind kind;
	uint32_t index;			/* in its index space */
	uint64_t offset;		/* in the file */
};

struct export {
	struct slice name;
	enum kind kind;
	uint32_t index;
	uint64_t offset;
};

/* A constant expression, `end` included. */
struct constexpr {
	struct slice code;
	uint64_t offset;		/* of code in the file */
};

struct func {
	uint32_t type;			/* type index */
	bool imported;
	bool referenced;		/* may become a funcref or is exported:
					 * declared by elem, global, export */
	struct slice body;		/* locals and code; own functions */
	uint64_t offset;		/* of body in the file */
	struct slice name;		/* name section; n == 0: none */
	uint32_t nest;			/* loops, ifs and tries that are in each
					 * other (validate.c) */
};

struct table {
	struct vtype type;
	struct limits limits;
	bool imported, has_init;
	bool written;			/* a body sets, grows, fills, copies
					 * to or inits it (validate.c) */
	struct constexpr init;
};

struct memory {
	struct limits limits;
	bool imported;
};

struct global {
	struct vtype type;
	bool mut, imported;
	struct constexpr init;
};

struct tag {
	uint32_t type;			/* a function type */
	bool imported;
};

enum seg_mode { SEG_ACTIVE, SEG_PASSIVE, SEG_DECLARED };

struct elem {
	enum seg_mode mode;
	uint32_t table;			/* SEG_ACTIVE */
	struct constexpr at;		/* SEG_ACTIVE */
	struct vtype type;
	uint32_t n;
	const uint32_t *funcs;		/* function indices, or NULL and ... */
	const struct constexpr *inits;	/* one expression each */
	uint64_t offset;
};

struct data {
	enum seg_mode mode;
	uint32_t memory;
	struct constexpr at;
	struct slice bytes;
	uint64_t offset;
};

struct custom {
	struct slice name, bytes;
	uint64_t offset;		/* of bytes in the file */
	int after;			/* id of the section before it, or 0 */
};

/* What names.c reads from the name section, and branch hints. A name section
 * that is damaged is ignored from the damage on, as the specification asks. */
struct local_name {
	uint32_t func, local;
	struct slice name;
};

struct branch_hint {
	uint32_t func;
	uint64_t offset;		/* of the branch in the file */
	bool likely;
};

struct module {
	struct slice file;
	const char *file_name;
	uint64_t features;		/* enum feature bits allowed */

	struct type *types;		uint32_t ntypes;
	struct import *imports;		uint32_t nimports;
	struct export *exports;		uint32_t nexports;
	struct func *funcs;		uint32_t nfuncs, nfuncs_imported;
	struct table *tables;		uint32_t ntables, ntables_imported;
	struct memory *memories;	uint32_t nmemories, nmemories_imported;
	struct global *globals;		uint32_t nglobals, nglobals_imported;
	struct tag *tags;		uint32_t ntags, ntags_imported;
	struct elem *elems;		uint32_t nelems;
	struct data *datas;		uint32_t ndatas;
	struct custom *customs;		uint32_t ncustoms;
	struct branch_hint *hints;	uint32_t nhints;
	struct local_name *local_names;	uint32_t nlocal_names;

	struct slice name;		/* of the module; n == 0: none */
	uint32_t start;			/* function index, or NO_IDX */
	bool has_datacount;
	uint32_t datacount;
	struct slice code_section;	/* contents, for DWARF's addresses */
	uint64_t code_offset;		/* in the file */
	uint64_t features_used;		/* by what was decoded and validated */
};

#endif
