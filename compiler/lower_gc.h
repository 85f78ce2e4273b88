/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_gc.h: what the lowering of structures, arrays and casts shares.
 */
#ifndef WC_LOWER_GC_H
#define WC_LOWER_GC_H

#include "lower.h"

uint8_t l_field_type(struct lower *, struct vtype);
LLVMTypeRef l_storage_type(struct lower *, struct vtype);
enum alias l_field_alias(struct lower *, struct vtype);
LLVMValueRef l_heap(struct lower *);
LLVMValueRef l_object(struct lower *, LLVMValueRef ref);
LLVMValueRef l_checked_object(struct lower *, LLVMValueRef ref,
    enum wabi_trap);
LLVMValueRef l_field_load(struct lower *, struct vtype, LLVMValueRef at,
    bool is_signed);
void l_field_store(struct lower *, struct vtype, LLVMValueRef at,
    LLVMValueRef);
LLVMValueRef l_new_object(struct lower *, uint32_t type, LLVMValueRef bytes,
    LLVMValueRef length, LLVMValueRef fits);

#endif
