/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * progress.h: tell a terminal how far a compile is, once it takes longer than
 * two seconds.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>

#include "wasmc.h"

struct progress {
	const char *tool;
	double start;
	bool shown;
};

/* Have the compile tell *p, if standard error is a terminal. */
void progress_open(struct progress *p, const char *tool,
    struct wasmc_options *options);
/* Wipe what is on the terminal. */
void progress_close(struct progress *p);

#endif
