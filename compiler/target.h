/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * target.h: the machine that code is generated for.
 */
#ifndef WC_TARGET_H
#define WC_TARGET_H

#include "back.h"

struct target {
	bool x86;			/* else aarch64 */
	const char *triple;
	const char *base;		/* LLVM's CPU */
	char features[512];		/* "+a,+b" */
	char tune[64];			/* CPU to schedule for */
	char cpu[64];			/* as in the options; "" if not there */
};

/* The options' targets, those with few features first: *n of them, at most
 * WABI_MAX_LEVELS.  WASMC_EOPTION if there is no such one. */
int targets_of(const struct wasmc_options *, struct target *, unsigned *n,
    struct wasmc_error *);

/* A machine of the thread's own; NULL and a message to be disposed of. */
LLVMTargetMachineRef target_machine(const struct plan *, char **why);
/* Give the functions the attributes that say how to schedule. */
void target_tune(LLVMModuleRef, const struct plan *);

#endif
