/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * merge.h: what the files that make one module of several share.
 *
 *   merge.c         order of the modules, imports resolved, index spaces
 *   merge_code.c    instructions and constant expressions, renumbered
 *   merge_write.c   sections
 *
 * All inputs are decoded and validated; they are only read.  What comes out is
 * a module in the binary format, which goes the way of any other.  Every index
 * space of it is: what the host gives, in the order of the modules; then what
 * the modules define.
 */
#ifndef WC_MERGE_H
#define WC_MERGE_H

#include "compile.h"
#include "insn.h"

/* The custom section that names the global which says whose memory is meant
 * by the arguments of host functions. */
#define MERGE_HOST_MEMORY	"wasmc.host_memory"

/* Bytes that grow, in an arena. */
struct bytes {
	struct arena *a;
	uint8_t *p;
	size_t n, room;
};

/* The place of something in one of the inputs. */
struct place {
	struct merge_input *in;
	uint32_t index;
};

struct merge_input {
	struct compile c;
	struct slice name;		/* by which others import from it */
	uint32_t nth;			/* as given */
	bool entered;			/* while the order is found */
	bool uses_host;			/* imports functions of the host */

	/* Where its things are in the result; of functions, tables, memories,
	 * globals and tags one by one, of the others from there on. */
	uint32_t *map[NKINDS];
	uint32_t types, elems, datas;
	uint32_t hint;			/* the next one, as bodies are written */
	uint32_t *import_of[NKINDS];	/* imported thing -> imports[] */
	const struct export **by_name;	/* sorted */
};

/* A function import of the host, called through a function that says whose
 * memory is meant. */
struct wrapper {
	uint32_t type, import, memory;	/* of the result */
	const struct merge_input *in;
	struct slice name;		/* of the import */
};

struct merge {
	struct compile c;		/* of the result; its module stays empty */
	struct compile types;		/* all type sections as one */
	struct merge_input *in;
	size_t nin;
	struct merge_input **order;	/* of instantiation */
	enum wasmc_link_exports exports;
	size_t *which;			/* the input that is to blame */

	uint32_t nimports[NKINDS];	/* of the host, by kind */
	uint32_t total[NKINDS];
	uint32_t ntypes, nelems, ndatas;
	struct bytes imports;		/* entries of that section */
	uint32_t nimport_entries;

	struct wrapper *wrappers;
	uint32_t nwrappers, wrappers_room;
	bool host_memory;		/* wrappers are needed ... */
	uint32_t host_memory_global;	/* ... and this global */

	/* --profile-generate; see profile_make.c */
	bool profile;
	struct profile_func *profile_funcs;	/* per own function */
	uint64_t profile_bytes;
	uint32_t profile_memory, profile_func;	/* of the result */

	bool *reffed;			/* by ref.func in code, by function */
	bool *dropped;			/* an export of it was left out */
	struct bytes hints;		/* branch hints, functions of them */
	uint32_t nhint_funcs;
};

/* End the linking: the input that is to blame, and a sentence. */
_Noreturn void merge_fail(struct merge *g, const struct merge_input *in,
    enum wasmc_status status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* What a thing really is: that of the module that defines it, or an import of
 * the host. */
struct place merge_resolve(struct merge *g, struct merge_input *in,
    enum kind kind, uint32_t index);
/* The input that an import is from; NULL: the host. */
struct merge_input *merge_source(struct merge *g, const struct import *im);

/* ---- merge_code.c ---- */

void put(struct bytes *b, const void *p, size_t n);
void put_byte(struct bytes *b, uint8_t x);
void put_u32(struct bytes *b, uint32_t x);
void put_u64(struct bytes *b, uint64_t x);
void put_s64(struct bytes *b, int64_t x);
void put_name(struct bytes *b, struct slice s);
void put_vtype(struct bytes *b, const struct merge_input *in, struct vtype t);
void put_heap(struct bytes *b, const struct merge_input *in, uint32_t heap);

/* A constant expression, `end` included.  Globals with a number below `visible`
 * may stand in it. */
void merge_constexpr(struct merge *g, struct merge_input *in,
    const struct constexpr *e, uint32_t visible, struct bytes *out);
/* Function `index` of the module: its entry of the code section. */
void merge_body(struct merge *g, struct merge_input *in, uint32_t index,
    struct bytes *out);

/* ---- profile_make.c ---- */

#define WC_PAGE_BYTES	65536u

/* Where a body's counters are, and its locals for counting. */
struct profile_cursor {
	uint64_t at;
	uint32_t local;
};
void profile_layout(struct merge *g);
void profile_data(struct merge *g, struct bytes *out);
uint64_t profile_pages(const struct merge *g);
void profile_entry(struct merge *g, struct profile_cursor *, struct bytes *);
/* Before this instruction. */
void profile_place(struct merge *g, struct profile_cursor *,
    const struct insn *, struct bytes *);
void profile_helper(struct merge *g, struct bytes *out);

/* ---- merge.c ---- */

/* wasmc_link(), or, of one module, one that counts. */
int merge_run(const struct wasmc_link_input *, size_t nin,
    enum wasmc_link_exports, bool profile, const struct wasmc_options *,
    void **out, size_t *out_n, size_t *which, struct wasmc_error *err);

/* ---- merge_write.c ---- */

/* All type sections as one, as a module of its own. */
void merge_types(struct merge *g, struct bytes *out);
/* One entry of the import section. */
void merge_import(struct merge *g, struct merge_input *in,
    const struct import *im, struct bytes *out);
void merge_write(struct merge *g, struct bytes *out);

#endif
