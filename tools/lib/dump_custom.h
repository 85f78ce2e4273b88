/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef DUMP_CUSTOM_H
#define DUMP_CUSTOM_H

#include "module.h"

/* Print what the custom sections say that tools know how to read: who made the
 * module (producers), what its code may need (target_features), which way its
 * branches go (as names_read() found it).  A section that is damaged is shown
 * up to the damage, which is named. */
void dump_customs(const struct module *m);

/* What a hint says of the branch at `offset` in the file: " likely",
 * " unlikely" or "". */
const char *dump_hint(const struct module *m, uint64_t offset);

#endif
