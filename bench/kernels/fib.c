/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Fibonacci numbers by recursion. */
#include "kernel.h"

static uint32_t
fib(uint32_t n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t
kernel(unsigned long n)
{
	return fib((uint32_t)n);
}

KERNEL(41, 25)
