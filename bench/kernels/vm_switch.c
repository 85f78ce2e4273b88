/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* An interpreter with a switch, n runs. */
#include "vm.h"

static uint32_t
run(const struct insn *code)
{
	uint32_t r[16] = { 0 };
	const struct insn *i = code;

	for (;; i++)
		switch (i->op) {
		case LOADI: r[i->a] = (uint32_t)i->imm; break;
		case MOVE: r[i->a] = r[i->b]; break;
		case ADD: r[i->a] = r[i->b] + r[i->c]; break;
		case SUB: r[i->a] = r[i->b] - r[i->c]; break;
		case MUL: r[i->a] = r[i->b] * r[i->c]; break;
		case XOR: r[i->a] = r[i->b] ^ r[i->c]; break;
		case SHR: r[i->a] = r[i->b] >> (r[i->c] & 31); break;
		case AND: r[i->a] = r[i->b] & r[i->c]; break;
		case LOAD: r[i->a] = memory[r[i->b] & 255]; break;
		case STORE: memory[r[i->b] & 255] = r[i->a]; break;
		case JNZ:
			if (r[i->a])
				i = code + i->imm - 1;
			break;
		case JLT:
			if (r[i->a] < r[i->b])
				i = code + i->imm - 1;
			break;
		default: return r[i->a];
		}
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	while (n--)
		sum = sum * 31 + run(program);
	return sum;
}

KERNEL(6000, 80)
