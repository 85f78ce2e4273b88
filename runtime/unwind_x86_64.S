/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * unwind_x86_64.S: the stub from which the unwinder goes on in the guest; see
 * unwind.c.
 *
 * _Unwind_Reason_Code wrt__unwind_from(const struct wrt__regs *regs,
 *     _Unwind_Trace_Fn step, void *w)
 */
#if defined(__x86_64__)

/* DWARF's numbers */
#define D_RBX	3
#define D_RBP	6
#define D_R12	12
#define D_R13	13
#define D_R14	14
#define D_R15	15
#define D_RIP	16

/* offsets in struct wrt__regs; all fit one byte of LEB128 */
#define PC	0
#define SP	8
#define RBP	16
#define RBX	24
#define R12	32
#define R13	40
#define R14	48
#define R15	56

/* DW_CFA_expression reg: it is at rbx + off (DW_OP_breg3 off) */
#define AT(reg, off)	.cfi_escape 0x10, reg, 2, 0x73, off

	.text
	.globl wrt__unwind_from
	.hidden wrt__unwind_from
	.type wrt__unwind_from, @function
	.p2align 4
wrt__unwind_from:
	.cfi_startproc
	.cfi_signal_frame
	endbr64
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	movq %rdi, %rbx			/* regs */
	movq %rsi, %rdi			/* step */
	movq %rdx, %rsi			/* w */
	.cfi_remember_state
	/* CFA = *(rbx + SP): DW_CFA_def_cfa_expression, DW_OP_breg3, deref */
	.cfi_escape 0x0f, 3, 0x73, SP, 0x06
	AT(D_RIP, PC)
	AT(D_RBP, RBP)
	AT(D_RBX, RBX)
	AT(D_R12, R12)
	AT(D_R13, R13)
	AT(D_R14, R14)
	AT(D_R15, R15)
	call _Unwind_Backtrace@PLT
	.cfi_restore_state
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	.cfi_restore %rip
	ret
	.cfi_endproc
	.size wrt__unwind_from, . - wrt__unwind_from
#endif

	.section .note.GNU-stack, "", %progbits
