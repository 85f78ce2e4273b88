/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* stats.h: what a pool's instances have done, for people and for Prometheus. */
#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stdio.h>

#include "wasmrt.h"

void stats_print(FILE *f, wrt_pool *pool, bool prometheus);

#endif
