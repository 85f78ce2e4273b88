/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * profile.h: what is counted in a run, and the file that says so.
 *
 *   profile.c       the places of a body; files read
 *   profile_make.c  --profile-generate: a module that counts
 *
 * docs/PROFILES.md describes both.  Counters are numbered by the wasm alone, so
 * that a profile is good for any target and any level.
 */
#ifndef WC_PROFILE_H
#define WC_PROFILE_H

#include "compile.h"
#include "insn.h"

#define PROFILE_MAGIC	"WPROF\1\0"	/* and a NUL: 8 bytes */
#define PROFILE_EXPORT	"wasmc.profile"

/* The file, and the memory that code counts in: the head, an entry for each
 * function, all counters.  Behind them, in the file, FNV-1a of all that. */
struct profile_head {
	char magic[8];
	uint32_t nfuncs, zero;
	uint64_t bytes;			/* without the sum */
	uint64_t reserved;
};
struct profile_func {
	uint64_t hash;			/* of the body: slice_hash() */
	uint32_t index;
	uint32_t n;			/* counters; the first: calls of it */
	uint64_t at;			/* of them, in bytes */
};

/* A place that is counted has
 *   if, br_if       taken (the condition is not 0), not taken
 *   br_table        one for each label, the default last
 *   call_indirect   calls; then the table's indices that were most frequent,
 *                   each with how often: PROFILE_KEYS pairs of index + 1, n */
#define PROFILE_KEYS	4u
#define PROFILE_CALL	(1u + 2u * PROFILE_KEYS)

/* How many counters an instruction has. */
uint32_t profile_counters(const struct module *, const struct insn *);
/* And a function, its entry included. */
uint32_t profile_func_counters(struct compile *, const struct func *);

/* ---- Use ---- */

/* A place whose counts are known. */
struct profile_site {
	uint64_t offset;		/* of the instruction in the file */
	const uint64_t *count;
	uint32_t n;
	uint32_t target;		/* call_indirect: the function that is
					 * called most, or NO_IDX */
};

struct profile {
	struct profile_site *sites;	/* by offset */
	size_t nsites;
	uint64_t *calls;		/* per function; UINT64_MAX: unknown */
	uint64_t most;			/* of any function */
};

/* Read and add up the files.  wc_fail(): one is damaged, or none of its
 * functions is in this module. */
struct profile *profile_read(struct compile *, const struct wasmc_file *,
    size_t n);
/* NULL: nothing is known. */
const struct profile_site *profile_find(const struct profile *,
    uint64_t offset);

/* ---- Generate ---- */

/* The same module, but that it counts, in a memory of its own that it exports
 * as PROFILE_EXPORT.  *out is the caller's to free(). */
int profile_generate(const void *wasm, size_t n,
    const struct wasmc_options *, void **out, size_t *out_n,
    struct wasmc_error *err);

#endif
