/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_late.h: passes of ours behind all of LLVM's.
 */
#ifndef WC_LOWER_LATE_H
#define WC_LOWER_LATE_H

#include "back.h"

/* Write out what the machine does better; see lower_late.c. */
void lower_late(const struct plan *, LLVMModuleRef);

/* Interpreters' switches as jumps to computed addresses; see
 * lower_dispatch.c. */
void lower_dispatch(LLVMModuleRef);

#endif
