/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* stats.h: what a pool's instances have done, for people and for Prometheus. */
#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stdio.h>

#include "wasmrt.h"

/* cpu: what the code was compiled for. */
void stats_print(FILE *f, wrt_pool *pool, const char *cpu, bool prometheus);

#endif
