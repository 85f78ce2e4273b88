/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * tables.h: tables whose contents are known; see tables.c.
 */
#ifndef WC_TABLES_H
#define WC_TABLES_H

#include "back.h"

/* Fill in plan->fixed, when the constant expressions are sorted. */
void tables_make(struct compile *, struct plan *);

/* What stands for a function's type beside its code: 0 for none, NO_IDX, else
 * equal for equal types. */
uint32_t fixed_class(const struct plan *, uint32_t func);

/* What a call of the type through the table can reach.  NULL: nothing, or the
 * table is not fixed, or not all of it is the module's. */
const struct fixed_callees *fixed_callees(const struct plan *, uint32_t table,
    uint32_t type);

#endif
