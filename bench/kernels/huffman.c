/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Huffman's code: count, build, encode, decode 512 KiB, n times. */
#include "kernel.h"

enum { SIZE = 1 << 19 };

struct node {
	uint32_t count;
	int16_t left, right;		/* -1: a leaf */
};

static uint8_t text[SIZE], bits[SIZE * 4], back[SIZE];
static struct node node[512];
static uint32_t code[256], length[256];

static int
least(const uint8_t *used, int n)
{
	int best = -1;

	for (int i = 0; i < n; i++)
		if (!used[i] && node[i].count &&
		    (best < 0 || node[i].count < node[best].count))
			best = i;
	return best;
}

static int
build(void)
{
	uint8_t used[512] = { 0 };
	int n = 256;

	for (int i = 0; i < 256; i++)
		node[i] = (struct node){ 0, -1, -1 };
	for (size_t i = 0; i < SIZE; i++)
		node[text[i]].count++;
	for (;;) {
		int a = least(used, n), b;

		used[a] = 1;
		b = least(used, n);
		if (b < 0)
			return a;
		used[b] = 1;
		node[n++] = (struct node){ node[a].count + node[b].count,
			(int16_t)a, (int16_t)b };
	}
}

static void
assign(int at, uint32_t bits_so_far, uint32_t n)
{
	if (node[at].left < 0) {
		code[at] = bits_so_far;
		length[at] = n;
		return;
	}
	assign(node[at].left, bits_so_far << 1, n + 1);
	assign(node[at].right, bits_so_far << 1 | 1, n + 1);
}

static size_t
encode(void)
{
	uint64_t acc = 0;
	uint32_t have = 0;
	size_t n = 0;

	for (size_t i = 0; i < SIZE; i++) {
		acc = acc << length[text[i]] | code[text[i]];
		for (have += length[text[i]]; have >= 8; have -= 8)
			bits[n++] = (uint8_t)(acc >> (have - 8));
	}
	bits[n++] = (uint8_t)(acc << (8 - have));
	return n;
}

static void
decode(int root)
{
	size_t at = 0;

	for (size_t i = 0; i < SIZE; i++) {
		int k = root;

		while (node[k].left >= 0) {
			int bit = bits[at >> 3] >> (7 - (at & 7)) & 1;

			k = bit ? node[k].right : node[k].left;
			at++;
		}
		back[i] = (uint8_t)k;
	}
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SIZE; i++)
		text[i] = (uint8_t)(kernel_random() & kernel_random() &
		    kernel_random());
	for (unsigned long r = 0; r < n; r++) {
		int root;

		text[r] = (uint8_t)r;
		root = build();
		assign(root, 0, 0);
		sum = sum * 31 + encode();
		decode(root);
		if (memcmp(text, back, SIZE) != 0)
			return 0;
	}
	return sum;
}

KERNEL(40, 1)
