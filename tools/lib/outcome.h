/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* outcome.h: what came of a run, for people and as JSON. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdio.h>

#include "wasmrt.h"

/* An error before anything ran. */
void outcome_error(FILE *f, int json, const char *file, const char *what,
    const char *text, int status);
/* The guest trapped in `what`, "_start" or an export's name. */
void outcome_trap(FILE *f, int json, const char *file, const char *what,
    const struct wrt_trap *trap, int status);
/* It called exit, or _start returned; only JSON says so. */
void outcome_exit(FILE *f, int status);
/* An export returned. */
void outcome_results(FILE *f, int json, const struct wrt_functype *type,
    const wrt_val *results);

#endif
