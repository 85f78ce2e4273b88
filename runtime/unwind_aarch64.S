/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * unwind_aarch64.S: the stub from which the unwinder goes on in the guest; see
 * unwind.c.
 *
 * The pc and x30 are two things here: a leaf function that trapped still has
 * its return address in x30.  So the stub's description gives the pc a column
 * of its own, 96, as the kernel's does for signal frames.
 *
 * _Unwind_Reason_Code wrt__unwind_from(const struct wrt__regs *regs,
 *     _Unwind_Trace_Fn step, void *w)
 */
#if defined(__aarch64__)

/* offsets in struct wrt__regs */
#define PC	0
#define SP	8
#define X(n)	(16 + 8 * (n - 19))
#define D(n)	(112 + 8 * (n - 8))

/* DW_CFA_expression reg: it is at x19 + off (DW_OP_breg19 off); an offset of
 * 64 or more takes two bytes of SLEB128 */
#define AT(reg, off)	.cfi_escape 0x10, reg, 2, 0x83, off
#define AT2(reg, off)	.cfi_escape 0x10, reg, 3, 0x83, (off & 127) | 128, \
				off >> 7

	.text
	.globl wrt__unwind_from
	.hidden wrt__unwind_from
	.type wrt__unwind_from, %function
	.p2align 4
wrt__unwind_from:
	.cfi_startproc
	.cfi_signal_frame
	.cfi_return_column 96
	hint #34			/* bti c */
	stp x29, x30, [sp, #-32]!
	.cfi_def_cfa_offset 32
	.cfi_offset x29, -32
	.cfi_offset x30, -24
	str x19, [sp, #16]
	.cfi_offset x19, -16
	mov x29, sp
	mov x19, x0			/* regs */
	mov x0, x1			/* step */
	mov x1, x2			/* w */
	/* CFA = *(x19 + SP): DW_CFA_def_cfa_expression, DW_OP_breg19, deref */
	.cfi_escape 0x0f, 3, 0x83, SP, 0x06
	AT(96, PC)
	AT(19, X(19))
	AT(20, X(20))
	AT(21, X(21))
	AT(22, X(22))
	AT(23, X(23))
	AT(24, X(24))
	AT2(25, X(25))
	AT2(26, X(26))
	AT2(27, X(27))
	AT2(28, X(28))
	AT2(29, X(29))
	AT2(30, X(30))
	AT2(72, D(8))			/* DWARF's number of d8 */
	AT2(73, D(9))
	AT2(74, D(10))
	AT2(75, D(11))
	AT2(76, D(12))
	AT2(77, D(13))
	AT2(78, D(14))
	AT2(79, D(15))
	bl _Unwind_Backtrace
	ldr x19, [sp, #16]
	ldp x29, x30, [sp], #32
	ret
	.cfi_endproc
	.size wrt__unwind_from, . - wrt__unwind_from
#endif

	.section .note.GNU-stack, "", %progbits
