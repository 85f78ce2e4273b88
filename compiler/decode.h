/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * decode.h: what the files of the decoder share, and the limits.
 *
 * The limits are those that engines agree upon for the web where they fit;
 * programs that exceed some of them exist, so those are larger.  A count is
 * also bounded by the bytes that are left, since every element takes one.
 */
#ifndef WC_DECODE_H
#define WC_DECODE_H

#include "compile.h"
#include "insn.h"

#define MAX_TYPES	1000000u
#define MAX_FUNCS	1000000u
#define MAX_IMPORTS	1000000u
#define MAX_EXPORTS	1000000u
#define MAX_GLOBALS	1000000u
#define MAX_TAGS	1000000u
#define MAX_DATAS	1000000u
#define MAX_ELEMS	1000000u
#define MAX_TABLES	100000u
#define MAX_MEMORIES	100u
#define MAX_PARAMS	1000u		/* and results */
#define MAX_FIELDS	10000u

/* Read how many `what` follow. */
uint32_t dec_count(struct reader *r, uint32_t limit, const char *what);
_Noreturn void dec_too_many(struct reader *r, uint64_t offset, uint32_t limit,
    const char *what);

bool dec_mut(struct reader *r);
void dec_types(struct reader *r);
struct limits dec_table_limits(struct reader *r);
struct limits dec_memory_limits(struct reader *r);
struct constexpr dec_constexpr(struct reader *r);

/* Sections of their own file: decode_segments.c. */
void dec_elems(struct reader *r);
void dec_datas(struct reader *r);

#endif
