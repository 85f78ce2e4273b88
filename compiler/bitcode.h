/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * bitcode.h: host functions that are compiled in, as LLVM bitcode.
 *
 * Their code is linked into each part that calls them, and inlined there.  See
 * docs/LINKING.md and wasmrt_bitcode.h, which it is written with.
 */
#ifndef WC_BITCODE_H
#define WC_BITCODE_H

#include "back.h"

/* What a function for import k is called in the LLVM module, and the functions
 * that wasmrt_bitcode.h declares, there and in the bitcode. */
#define SYM_BITCODE		"wabi.bitcode.%u"
#define SYM_GUEST_MEMORY	"wabi.guest.memory"
#define SYM_GUEST_BYTES		"wabi.guest.bytes"
#define SYM_GUEST_TRAP		"wabi.guest.trap"

/* Read and check the files of the options; which import has a function in one
 * of them.  A status, with the sentence in err. */
int bitcode_open(struct compile *, const struct wasmc_options *,
    struct plan *, struct wasmc_error *err);

/* Add the functions that the part calls to its module.  Its helpers, the three
 * above, are there if it calls any. */
int bitcode_link(struct part *, LLVMContextRef, LLVMModuleRef,
    const LLVMAttributeRef *attrs, uint32_t nattrs);

/* After optimisation: copies in memory, which must not become calls of the C
 * library. */
void bitcode_finish(const struct plan *, LLVMModuleRef);

/* Is this imported function compiled in?  What it is called, in buf. */
const char *bitcode_symbol(const struct plan *, uint32_t func, char buf[32]);

#endif
