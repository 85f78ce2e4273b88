/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * options.h: what struct wasmc_options means.
 */
#ifndef WC_OPTIONS_H
#define WC_OPTIONS_H

#include "wasmc.h"

/* WASMC_EOPTION and a sentence if a value makes no sense. */
int options_check(const struct wasmc_options *, struct wasmc_error *);
int options_level(const struct wasmc_options *);	/* 0..3 */

#endif
