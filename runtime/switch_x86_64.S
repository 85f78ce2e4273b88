/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * switch_x86_64.S: between the host's stack and the guest's.
 *
 * wrt__enter goes in by `call` and comes back by `ret`, so that return
 * prediction stays right.  The stubs are what generated code finds in
 * vmctx->rt: they note where the guest is, go over to the host's stack as
 * wrt__enter left it, and call the C function of the same name.
 *
 * Floating-point control is neither saved nor changed: guest code does not
 * change it, and after a fault the kernel restores what was there.
 */
#if defined(__x86_64__)

/* struct wrt__act */
#define HOST_SP		0
#define STACK_TOP	8
#define PENDING		16
#define IS_RETURN	24
#define PC		32
#define SP		40
#define RBP		48
#define RBX		56
#define R12		64
#define R13		72
#define R14		80
#define R15		88
#define RESULT		96

	.hidden wrt__act, wrt__pending

/* What wrt__enter and wrt__resume leave on the host's stack. */
	.macro SAVE
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq %r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq %r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq $8, %rsp			/* aligned for calls from here */
	.cfi_adjust_cfa_offset 8
	.endm

	.text

/* int wrt__enter(act, fn, x, y, z) */
	.globl wrt__enter
	.hidden wrt__enter
	.type wrt__enter, @function
	.p2align 4
wrt__enter:
	.cfi_startproc
	endbr64
	SAVE
	movq %rsp, HOST_SP(%rdi)
	.globl wrt__enter_window
	.hidden wrt__enter_window
wrt__enter_window:
	cmpl $0, PENDING(%rdi)		/* killed before it began? */
	jne 1f
	movq %rsi, %rax
	movq STACK_TOP(%rdi), %r10
	movq %rdx, %rdi
	movq %rcx, %rsi
	movq %r8, %rdx
	.cfi_remember_state
	.cfi_undefined %rip		/* the walk ends here */
	movq %r10, %rsp
	call *%rax
	.globl wrt__enter_window_end
	.hidden wrt__enter_window_end
wrt__enter_window_end:
	/* A call that was suspended returns to another activation than it was
	 * entered by. */
	movq wrt__act@gottpoff(%rip), %rax
	movq %fs:(%rax), %rax
	movq HOST_SP(%rax), %rsp
	.cfi_restore_state
	xorl %eax, %eax
	jmp 2f
1:	movl $1, %eax
2:	addq $8, %rsp
	.cfi_remember_state
	.cfi_adjust_cfa_offset -8
	popq %r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq %r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret

/* void wrt__leave(act): wrt__enter returns 1.  Also where the fault handler
 * sends the thread. */
	.globl wrt__leave
	.hidden wrt__leave
	.type wrt__leave, @function
wrt__leave:
	.cfi_restore_state
	endbr64
	movq HOST_SP(%rdi), %rsp
	cld
	jmp 1b
	.cfi_endproc
	.size wrt__enter, . - wrt__enter

/* int wrt__resume(act): wrt__enter's frame, then as the end of a stub. */
	.globl wrt__resume
	.hidden wrt__resume
	.type wrt__resume, @function
	.p2align 4
wrt__resume:
	.cfi_startproc
	endbr64
	SAVE
	movq %rsp, HOST_SP(%rdi)
8:	cmpl $0, PENDING(%rdi)		/* killed before it goes on? */
	jne 9f
	.cfi_remember_state
	.cfi_undefined %rip
	movq %rdi, %r10
	movq SP(%r10), %rsp
	movq RBP(%r10), %rbp
	movq RBX(%r10), %rbx
	movq R12(%r10), %r12
	movq R13(%r10), %r13
	movq R14(%r10), %r14
	movq R15(%r10), %r15
	movq RESULT(%r10), %rax
	movq %rax, %xmm0
	jmp *PC(%r10)
	.cfi_restore_state
9:	jmp wrt__leave
	.cfi_endproc
	.size wrt__resume, . - wrt__resume
	.section .rodata.wrt_windows, "a", @progbits
	.p2align 2
	.globl wrt__stub_windows, wrt__stub_windows_end
	.hidden wrt__stub_windows, wrt__stub_windows_end
wrt__stub_windows:
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows

/* A stub.  The arguments' registers stay as they are; rax, r10 and r11 are
 * free.  rbx holds the activation while the C function runs.  The frame is
 * described in terms of the activation: the caller's sp and rbx are there. */
	.macro STUB name
	.section .text.wrt_stubs, "ax", @progbits
	.globl wrt__stub_\name
	.hidden wrt__stub_\name, wrt__rt_\name
	.type wrt__stub_\name, @function
	.p2align 4
wrt__stub_\name:
	.cfi_startproc
	.cfi_signal_frame		/* debuggers: the stack may change */
	endbr64
	movq wrt__act@gottpoff(%rip), %rax
	movq %fs:(%rax), %rax
	leaq 8(%rsp), %r10
	movq (%rsp), %r11
	movq %r10, SP(%rax)
	movq %r11, PC(%rax)
	movq %rbp, RBP(%rax)
	movq %rbx, RBX(%rax)
	movq %r12, R12(%rax)
	movq %r13, R13(%rax)
	movq %r14, R14(%rax)
	movq %r15, R15(%rax)
	movl $1, IS_RETURN(%rax)
	movq %rax, %rbx
	/* CFA = *(rbx + SP); rbx at rbx + RBX; rip at CFA - 8 */
	.cfi_escape 0x0f, 3, 0x73, SP, 0x06
	.cfi_escape 0x10, 3, 2, 0x73, RBX
	movq HOST_SP(%rbx), %rsp
	call wrt__rt_\name
8:	cmpl $0, PENDING(%rbx)
	jne 9f
	movq SP(%rbx), %rsp
	movq RBX(%rbx), %rbx
	.cfi_def_cfa %rsp, 0
	.cfi_restore %rbx
	leaq -8(%rsp), %rsp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
9:	.cfi_startproc
	.cfi_undefined %rip
	movq %rbx, %rdi
	call wrt__pending
	.cfi_endproc
	.size wrt__stub_\name, . - wrt__stub_\name
	/* where a kill may leave at once: from the look at PENDING to the ret */
	.section .rodata.wrt_windows, "a", @progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows
	.endm

#include "stubs.h"

/* void wrt__land(act, exn): as the end of a stub, but to act->regs.  Leaving
 * for the guest's landing pad. */
	.text
	.globl wrt__land
	.hidden wrt__land
	.type wrt__land, @function
	.p2align 4
wrt__land:
	.cfi_startproc
	.cfi_signal_frame
	endbr64
	movq %rdi, %rbx
	movq %rsi, %rax
	/* CFA = *(rbx + SP), rip = *(rbx + PC): as if the pad had called us */
	.cfi_escape 0x0f, 3, 0x73, SP, 0x06
	.cfi_escape 0x10, 16, 2, 0x73, PC
	.cfi_escape 0x10, 3, 2, 0x73, RBX
8:	cmpl $0, PENDING(%rbx)
	jne 9f
	movq SP(%rbx), %rsp
	movq RBP(%rbx), %rbp
	movq R12(%rbx), %r12
	movq R13(%rbx), %r13
	movq R14(%rbx), %r14
	movq R15(%rbx), %r15
	movq PC(%rbx), %r11
	movq RBX(%rbx), %rbx
	.cfi_def_cfa %rsp, 0
	.cfi_restore %rbx
	.cfi_register %rip, %r11
	xorl %edx, %edx
	jmp *%r11
	.cfi_endproc
9:	.cfi_startproc
	.cfi_undefined %rip
	movq %rbx, %rdi
	call wrt__pending
	.cfi_endproc
	.size wrt__land, . - wrt__land
	.section .rodata.wrt_windows, "a", @progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows

/* Where a continuation's stack begins, with act->regs for registers: rbx(r12,
 * r13, r14), then the end of it.  Until rbx runs, act->regs say where the guest
 * is. */
	.text
	.globl wrt__cont_start
	.hidden wrt__cont_start
	.type wrt__cont_start, @function
	.p2align 4
	.cfi_startproc
	.cfi_undefined %rip		/* the walk ends here */
	nop				/* a pc before the start is one of us */
wrt__cont_start:
8:	endbr64
	movq %r12, %rdi
	movq %r13, %rsi
	movq %r14, %rdx
	call *%rbx
9:	call wrt__stub_CONT_END
	ud2
	.cfi_endproc
	.size wrt__cont_start, . - wrt__cont_start
	.section .rodata.wrt_windows, "a", @progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows

	.section .rodata.wrt_windows, "a", @progbits
wrt__stub_windows_end:
#endif

	.section .note.GNU-stack, "", %progbits
