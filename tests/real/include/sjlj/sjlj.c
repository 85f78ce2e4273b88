/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The run time of clang's -wasm-enable-sjlj: longjmp throws, the function that
 * did setjmp catches and asks whether the buffer is its own. */
#include <setjmp.h>

__asm__(".globl __c_longjmp\n.tagtype __c_longjmp i32\n__c_longjmp:\n");

void
__wasm_setjmp(void *env, unsigned label, void *call)
{
	jmp_buf *b = env;

	(*b)->call = call;
	(*b)->label = label;
}

unsigned
__wasm_setjmp_test(void *env, void *call)
{
	jmp_buf *b = env;

	return (*b)->call == call ? (*b)->label : 0;
}

void
__wasm_longjmp(void *env, int value)
{
	jmp_buf *b = env;

	(*b)->thrown.env = env;
	(*b)->thrown.value = value ? value : 1;
	__builtin_wasm_throw(1, &(*b)->thrown);
}
