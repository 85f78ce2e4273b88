/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The same by threaded code: each instruction jumps to the next one's. */
#include "vm.h"

#define NEXT goto *where[i->op]

static uint32_t
run(const struct insn *code)
{
	static const void *const where[] = {
		[LOADI] = &&loadi, [MOVE] = &&move, [ADD] = &&add,
		[SUB] = &&sub, [MUL] = &&mul, [XOR] = &&xor, [SHR] = &&shr,
		[AND] = &&and, [LOAD] = &&load, [STORE] = &&store,
		[JNZ] = &&jnz, [JLT] = &&jlt, [HALT] = &&halt,
	};
	uint32_t r[16] = { 0 };
	const struct insn *i = code;

	NEXT;
loadi:	r[i->a] = (uint32_t)i->imm; i++; NEXT;
move:	r[i->a] = r[i->b]; i++; NEXT;
add:	r[i->a] = r[i->b] + r[i->c]; i++; NEXT;
sub:	r[i->a] = r[i->b] - r[i->c]; i++; NEXT;
mul:	r[i->a] = r[i->b] * r[i->c]; i++; NEXT;
xor:	r[i->a] = r[i->b] ^ r[i->c]; i++; NEXT;
shr:	r[i->a] = r[i->b] >> (r[i->c] & 31); i++; NEXT;
and:	r[i->a] = r[i->b] & r[i->c]; i++; NEXT;
load:	r[i->a] = memory[r[i->b] & 255]; i++; NEXT;
store:	memory[r[i->b] & 255] = r[i->a]; i++; NEXT;
jnz:	i = r[i->a] ? code + i->imm : i + 1; NEXT;
jlt:	i = r[i->a] < r[i->b] ? code + i->imm : i + 1; NEXT;
halt:	return r[i->a];
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	while (n--)
		sum = sum * 31 + run(program);
	return sum;
}

KERNEL(8000, 80)
