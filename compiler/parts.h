/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * parts.h: cut a module into parts (cut.c) and compile them, several at once.
 */
#ifndef WC_PARTS_H
#define WC_PARTS_H

#include "back.h"
#include "partcache.h"
#include "target.h"

enum stage { STAGE_FRONT, STAGE_PLAN, STAGE_LOWER, STAGE_OPTIMISE,
	     STAGE_CODEGEN, STAGE_LINK, STAGE_FINISH, NSTAGES };

struct parts {
	const struct plan *plan;
	const struct plan *plans;	/* per level: the same at -O0 to -O3 */
	unsigned nlevels;
	const struct wasmc_options *opt;
	struct part *parts;		/* all of one level, then the next's */
	int *fds;			/* each one's object; -1: not yet */
	unsigned n;
	uint32_t *line_bases;		/* per function, its part's */
	struct partcache cache;
	char options_key[WABI_MAX_LEVELS][8192];
	double seconds[NSTAGES];	/* summed over the threads */
};

/* The cut, the same for each level.  one: into one part, whatever its size.
 * wc_fail(). */
void parts_cut(struct compile *, const struct plan *levels, unsigned nlevels,
    bool one, struct parts *);
/* The level that the function is compiled at: p->opt_level or below. */
int cut_level(const struct plan *p, uint32_t func);
/* Compile all.  Each fd is then an open anonymous file. */
int parts_run(struct parts *, const struct target *levels,
    struct wasmc_error *err);
void parts_close(struct parts *);

unsigned parts_threads(const struct wasmc_options *);
double seconds_now(void);

#endif
