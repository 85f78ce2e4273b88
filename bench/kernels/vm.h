/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vm.h: a register machine's program, for two interpreters. */
#ifndef VM_H
#define VM_H

#include "kernel.h"

enum op { LOADI, MOVE, ADD, SUB, MUL, XOR, SHR, AND, LOAD, STORE, JNZ, JLT,
	  HALT };

struct insn {
	uint8_t op, a, b, c;
	int32_t imm;
};

/* Fills an array, sorts it by insertion, and sums it up. */
static const struct insn program[] = {
	{ LOADI, 0, 0, 0, 12345 },		/* r0: random */
	{ LOADI, 1, 0, 0, 0 },			/* r1: index */
	{ LOADI, 2, 0, 0, 200 },		/* r2: length */
	{ LOADI, 3, 0, 0, 1103515 },
	{ LOADI, 4, 0, 0, 1 },
	{ LOADI, 5, 0, 0, 7 },
	/* 6: */
	{ MUL, 0, 0, 3, 0 },
	{ ADD, 0, 0, 5, 0 },
	{ SHR, 6, 0, 5, 0 },
	{ STORE, 6, 1, 0, 0 },
	{ ADD, 1, 1, 4, 0 },
	{ JLT, 1, 2, 0, 6 },
	{ MOVE, 1, 4, 0, 0 },			/* r1 = 1 */
	/* 13: */
	{ LOAD, 7, 1, 0, 0 },
	{ MOVE, 8, 1, 0, 0 },
	/* 15: */
	{ SUB, 9, 8, 4, 0 },
	{ LOAD, 10, 9, 0, 0 },
	{ JLT, 10, 7, 0, 21 },
	{ STORE, 10, 8, 0, 0 },
	{ MOVE, 8, 9, 0, 0 },
	{ JNZ, 8, 0, 0, 15 },
	/* 21: */
	{ STORE, 7, 8, 0, 0 },
	{ ADD, 1, 1, 4, 0 },
	{ JLT, 1, 2, 0, 13 },
	{ LOADI, 1, 0, 0, 0 },
	{ LOADI, 11, 0, 0, 0 },
	/* 26: */
	{ LOAD, 7, 1, 0, 0 },
	{ XOR, 11, 11, 7, 0 },
	{ ADD, 11, 11, 1, 0 },
	{ ADD, 1, 1, 4, 0 },
	{ JLT, 1, 2, 0, 26 },
	{ HALT, 11, 0, 0, 0 },
};

static uint32_t memory[256];

#endif
