/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_flow.h: the shape of a function, and where its accesses go, for the
 * passes of ours that run between LLVM's.
 */
#ifndef WC_LOWER_FLOW_H
#define WC_LOWER_FLOW_H

#include "back.h"

#define NO_BLOCK	UINT32_MAX

/* What the parameter has that is the instance's vmctx. */
#define ATTR_VMCTX	"wabi-vmctx"

/* A table from LLVM's objects to numbers. */
struct flow_map {
	const void **keys;
	uint32_t *values;
	uint32_t room, n;
};
bool flow_map_put(struct flow_map *, const void *key, uint32_t value);
/* UINT32_MAX if it is not there. */
uint32_t flow_map_get(const struct flow_map *, const void *key);

/* The array of n elements of `size` bytes with room for one more, perhaps at
 * another place; NULL if there is no memory, and it is as it was. */
void *flow_room(void *array, uint32_t n, uint32_t *room, size_t size);

/* The reachable blocks in reverse postorder, so that a block's dominator has a
 * smaller number, and the tree of dominators. */
struct flow {
	LLVMValueRef fn;
	uint32_t n;
	LLVMBasicBlockRef *blocks;
	struct flow_map index;
	uint32_t *idom;			/* the entry's is itself */
	uint32_t *enter, *leave;	/* in a walk of the tree */
	uint32_t *preds, *pred_first;	/* of b: [pred_first[b], [b + 1]) */
};

/* False if there is no memory; flow_free() in any case. */
bool flow_make(struct flow *, LLVMValueRef fn);
void flow_free(struct flow *);
bool flow_dominates(const struct flow *, uint32_t a, uint32_t b);

/* An access of linear memory: `size` bytes at base + index + offset. */
struct place {
	LLVMValueRef base;		/* the load of the memory's base */
	uint32_t mem;
	LLVMValueRef pointer;
	LLVMTypeRef type;
	uint64_t size;
};

/* Is the instruction a load or store of a memory whose addresses are 32 bits
 * and unchecked? */
bool flow_access(const struct plan *, LLVMTargetDataRef, LLVMValueRef,
    struct place *);
/* Does the load read vmctx itself, and where? */
bool flow_reads_vmctx(LLVMValueRef load, uint64_t *at);
/* What the pointer is added to at last: behind all getelementptr. */
LLVMValueRef flow_root(LLVMValueRef pointer);
/* May the memory have 2^32 bytes?  If not it ends below 2^32 - 2^16. */
bool flow_memory_full(const struct plan *, uint32_t mem);

/* ---- The passes ---- */

/* Write addresses as sums of 64 bits; see lower_fold.c. */
void lower_fold(const struct plan *, LLVMModuleRef);
/* Products of 128 bits from those of their halves; see lower_wide.c. */
void lower_wide(LLVMModuleRef);
/* Loops that store, once more without traps; see lower_loop.c. */
void lower_loops(const struct plan *, LLVMModuleRef);

#endif
