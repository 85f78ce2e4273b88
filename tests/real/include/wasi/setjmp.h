/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* setjmp without exceptions: a longjmp ends the program. */
#ifndef SETJMP_H
#define SETJMP_H

typedef int jmp_buf[1];
#define setjmp(b)	((void)(b), 0)
#define longjmp(b, n)	((void)(b), __builtin_trap())

#endif
