/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_late.h: passes of ours behind all of LLVM's.
 */
#ifndef WC_LOWER_LATE_H
#define WC_LOWER_LATE_H

#include "back.h"

/* Write out what the machine does better; see lower_late.c. */
void lower_late(const struct plan *, LLVMModuleRef);

/* What comes before the instruction goes to a new block, to which all jump that
 * jumped to its block.  So the phis of the blocks behind stay as they are. */
LLVMBasicBlockRef late_split(LLVMContextRef, LLVMBuilderRef, LLVMValueRef at);

/* Say again of loads from vmctx that what they read is fixed. */
void lower_remember(const struct plan *, LLVMModuleRef);
/* Make what is cheap where it is needed; see lower_live.c. */
void lower_live(const struct plan *, LLVMModuleRef);

/* Interpreters' switches as jumps to computed addresses; see
 * lower_dispatch.c. */
void lower_dispatch(LLVMModuleRef);

/* ---- lower_order.c ---- */

/* In small loops, what the next iteration waits for before the rest. */
void lower_order(const struct plan *, LLVMModuleRef);

#endif
