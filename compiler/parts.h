/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * parts.h: cut a module into parts and compile them, several at once.
 */
#ifndef WC_PARTS_H
#define WC_PARTS_H

#include "back.h"

enum stage { STAGE_FRONT, STAGE_PLAN, STAGE_LOWER, STAGE_OPTIMISE,
	     STAGE_CODEGEN, STAGE_LINK, STAGE_FINISH, NSTAGES };

struct parts {
	const struct plan *plan;
	const struct wasmc_options *opt;
	struct part *parts;
	int *fds;			/* each one's object; -1: not yet */
	unsigned n;
	double seconds[NSTAGES];	/* summed over the threads */
};

/* The cut.  one: into one part, whatever its size.  wc_fail(). */
void parts_cut(struct compile *, const struct plan *, bool one,
    struct parts *);
/* Compile all.  Each fd is then an open anonymous file. */
int parts_run(struct parts *, struct wasmc_error *err);
void parts_close(struct parts *);

unsigned parts_threads(const struct wasmc_options *);
double seconds_now(void);

#endif
