/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * copy.c: pages brought back to what they were.
 *
 * The C library copies and clears a page by a string instruction wherever the
 * processor has fast ones.  These take some 20 cycles to begin, a sixth of what
 * a page takes that is in the first cache, as that of an instance which was
 * just used is.
 */
#include <string.h>

#include "verify.h"
#include "rt.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { STEP = 128 };
static bool wide;

void
wrt__copy_init(void)
{
	size_t n;

	wide = !wrt__cpu_missing("+avx2", &n);
}

/* n is a multiple of STEP.  The statements keep it from being found out what
 * the loops do, and replaced by calls. */
__attribute__((target("avx2"))) static void
copy_wide(uint8_t *to, const uint8_t *from, size_t n)
{
	for (size_t k = 0; k < n; k += STEP) {
		const __m256i_u *f = (const void *)(from + k);
		__m256i_u *t = (void *)(to + k);
		__m256i a = f[0], b = f[1], c = f[2], d = f[3];

		t[0] = a, t[1] = b, t[2] = c, t[3] = d;
		__asm__ volatile("" : : : "memory");
	}
}

__attribute__((target("avx2"))) static void
clear_wide(uint8_t *to, size_t n)
{
	const __m256i zero = _mm256_setzero_si256();

	for (size_t k = 0; k < n; k += STEP) {
		__m256i_u *t = (void *)(to + k);

		t[0] = zero, t[1] = zero, t[2] = zero, t[3] = zero;
		__asm__ volatile("" : : : "memory");
	}
}

void
wrt__copy_page(uint8_t *to, const uint8_t *from, size_t n)
{
	if (!wide || n % STEP)
		memcpy(to, from, n);
	else
		copy_wide(to, from, n);
}

void
wrt__clear_page(uint8_t *to, size_t n)
{
	if (!wide || n % STEP)
		memset(to, 0, n);
	else
		clear_wide(to, n);
}
#else
void
wrt__copy_init(void)
{
}

void
wrt__copy_page(uint8_t *to, const uint8_t *from, size_t n)
{
	memcpy(to, from, n);
}

void
wrt__clear_page(uint8_t *to, size_t n)
{
	memset(to, 0, n);
}
#endif
