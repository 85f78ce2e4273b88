/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * alloc.c: the runtime's memory, which a test can make run out.
 *
 * Every allocation of the runtime goes through here, so that a test can let
 * the first one fail, then the second, and so on to the end, and see that each
 * failure is reported and that nothing leaks.
 */
#include <stdlib.h>
#include <string.h>

#include "load.h"

atomic_long wrt__alloc_fail_in;

static bool
must_fail(void)
{
	long n = atomic_load_explicit(&wrt__alloc_fail_in,
	    memory_order_relaxed);

	/* The usual case costs one load of a line nobody writes. */
	if (n == 0)
		return false;
	return atomic_fetch_sub(&wrt__alloc_fail_in, 1) == 1;
}

void *
wrt__calloc(size_t n, size_t size)
{
	if (must_fail())
		return NULL;
	/* calloc(0) may give NULL, which must mean only one thing. */
	return calloc(n ? n : 1, size ? size : 1);
}

void *
wrt__calloc_lines(size_t bytes)
{
	size_t n = (bytes + 63) & ~(size_t)63;
	void *p = must_fail() || n < bytes ? NULL : aligned_alloc(64, n);

	return p ? memset(p, 0, n) : NULL;
}

void *
wrt__realloc(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (must_fail() || __builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return realloc(p, bytes ? bytes : 1);
}

void
wrt__free(void *p)
{
	free(p);
}
