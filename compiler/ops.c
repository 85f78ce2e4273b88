/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * ops.c: ops.def as data, and the way from an opcode to its row.
 */
#include "insn.h"

const struct opinfo opinfos[NOPS] = {
#define OP(code, NAME, text, imm, sig, align, feature, lowering)	\
	[OP_##NAME] = { code, text, sig, imm, align, feature },
#include "ops.def"
#undef OP
};

/* Opcodes are dense behind each prefix, so one table serves them all: the
 * plain ones first, then a range for each prefix. */
enum {
	FB_SLOTS = 0x20, FC_SLOTS = 0x20, FD_SLOTS = 0x114, FE_SLOTS = 0x50,
	FB_AT = 0x100,
	FC_AT = FB_AT + FB_SLOTS,
	FD_AT = FC_AT + FC_SLOTS,
	FE_AT = FD_AT + FD_SLOTS,
	SLOTS = FE_AT + FE_SLOTS
};

#define SLOT(code)							\
	(((code) >> 16) == 0 ? (code) :					\
	 ((code) >> 16) == 0xfb ? FB_AT + ((code) & 0xffff) :		\
	 ((code) >> 16) == 0xfc ? FC_AT + ((code) & 0xffff) :		\
	 ((code) >> 16) == 0xfd ? FD_AT + ((code) & 0xffff) :		\
	 ((code) >> 16) == 0xfe ? FE_AT + ((code) & 0xffff) : SLOTS)

/* The row's number plus one; 0 where there is no instruction. */
static const uint16_t rows[SLOTS] = {
#define OP(code, NAME, text, imm, sig, align, feature, lowering)	\
	[SLOT(code)] = OP_##NAME + 1,
#include "ops.def"
#undef OP
};

static enum op
row(uint32_t slot)
{
	return rows[slot] ? (enum op)(rows[slot] - 1) : NOPS;
}

enum op
op_plain(uint8_t code)
{
	return row(code);
}

enum op
op_prefixed(uint8_t prefix, uint32_t number)
{
	switch (prefix) {
	case 0xfb: return number < FB_SLOTS ? row(FB_AT + number) : NOPS;
	case 0xfc: return number < FC_SLOTS ? row(FC_AT + number) : NOPS;
	case 0xfd: return number < FD_SLOTS ? row(FD_AT + number) : NOPS;
	case 0xfe: return number < FE_SLOTS ? row(FE_AT + number) : NOPS;
	default: return NOPS;
	}
}
