/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Fast Fourier transform of 2^16 points and back, n times. */
#include <math.h>

#include "kernel.h"

enum { LOG = 16, N = 1 << LOG };

struct complex {
	double re, im;
};

static struct complex data[N], root[N / 2];

/* cos and sin of pi / 2^k by halving the angle. */
static void
make_roots(void)
{
	root[0].re = 1;
	for (int half = N / 4, k = 1; half; half /= 2, k++) {
		double c = k == 1 ? 0 : sqrt((1 + root[2 * half].re) / 2);
		struct complex r = { c, -sqrt(1 - c * c) };

		root[half] = r;
	}
	for (int i = 1; i < N / 2; i++) {
		int low = i & -i;
		struct complex a = root[low], b = root[i - low];

		if (i == low)
			continue;
		root[i].re = a.re * b.re - a.im * b.im;
		root[i].im = a.re * b.im + a.im * b.re;
	}
}

static void
reorder(void)
{
	for (uint32_t i = 0, j = 0; i < N; i++) {
		if (i < j) {
			struct complex t = data[i];

			data[i] = data[j];
			data[j] = t;
		}
		for (uint32_t bit = N / 2; (j ^= bit) < bit; bit /= 2)
			;
	}
}

static void
transform(double sign)
{
	reorder();
	for (int len = 1; len < N; len *= 2)
		for (int at = 0; at < N; at += 2 * len)
			for (int k = 0; k < len; k++) {
				struct complex w = root[k * (N / 2 / len)];
				struct complex *p = &data[at + k];
				struct complex *q = p + len;
				double re, im;

				w.im *= sign;
				re = q->re * w.re - q->im * w.im;
				im = q->re * w.im + q->im * w.re;
				q->re = p->re - re;
				q->im = p->im - im;
				p->re += re;
				p->im += im;
			}
}

static uint64_t
kernel(unsigned long n)
{
	make_roots();
	for (int i = 0; i < N; i++)
		data[i].re = (double)(kernel_random() & 0xffff);
	for (unsigned long i = 0; i < n; i++) {
		transform(1);
		transform(-1);
		for (int k = 0; k < N; k++) {
			data[k].re /= N;
			data[k].im /= N;
		}
	}
	return kernel_sum(0, data, sizeof data);
}

KERNEL(200, 2)
