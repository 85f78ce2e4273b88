/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wopt.h: binaryen's passes.
 */
#ifndef WC_WOPT_H
#define WC_WOPT_H

#include "emit.h"

/* The valid module, optimised at the level 1 to 4, into out. */
int wopt_run(const struct module *, int level, struct buf *out,
    struct wasmc_error *err);

#endif
