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
};

/* The options' target; WASMC_EOPTION if there is no such one. */
int target_of(const struct wasmc_options *, struct target *,
    struct wasmc_error *);

/* A machine of the thread's own; NULL and a message to be disposed of. */
LLVMTargetMachineRef target_machine(const struct plan *, char **why);
/* Give the functions the attributes that say how to schedule. */
void target_tune(LLVMModuleRef, const struct plan *);

#endif
