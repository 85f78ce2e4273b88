/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* setjmp as clang's -wasm-enable-sjlj calls it; sjlj.c has the rest. */
#ifndef SETJMP_H
#define SETJMP_H

typedef struct {
	void *call;		/* the call of the function that did setjmp */
	unsigned label;		/* which setjmp in it, from 1 */
	struct {
		void *env;
		int value;
	} thrown;		/* what the exception points to */
} jmp_buf[1];

int setjmp(jmp_buf) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf, int);

#endif
