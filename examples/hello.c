/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * hello.c: the first program.
 *
 *	clang-22 --target=wasm32-wasi --sysroot=/usr -O2 -o hello.wasm hello.c
 *	wasmc hello.wasm -o hello.so
 *	wasmrun hello.so you
 */
#include <stdio.h>

int
main(int argc, char **argv)
{
	printf("Hello, %s!\n", argc > 1 ? argv[1] : "world");
	return 0;
}
