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
 * change it, and after a fault the handler or the kernel restores what was
 * there.
 */
#if defined(__x86_64__)

/* struct wrt__act */
#define HOST_SP		0
#define STACK_TOP	8
#define PENDING		16
#define IS_RETURN	24
#define IN_HOST		28
#define PC		32
#define SP		40
#define RBP		48
#define RBX		56
#define R12		64
#define R13		72
#define R14		80
#define R15		88
#define RESULT		96
#define INNER		112
#define THREAD		120
#define TYPED		128
/* struct wrt_instance */
#define I_SESSION	0
#define I_KILL_CODE	12
#define I_CALLS		16
/* struct wrt_typed */
#define T_THUNK		16
#define T_INSTANCE	24
#define T_STATUS	48
/* struct wrt__hostblock */
#define B_INSTANCE	8
#define B_FAST		104
#define B_DATA		112
/* struct wrt__typed_regs */
#define R_INT(n)	(8 * (n))
#define R_FLOAT(n)	(40 + 8 * (n))
#define R_RESULT	104

	.hidden wrt__act, wrt__thread, wrt__pending, wrt__fast_ended
	.hidden wrt__typed_left, wrt__typed_array

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

	.macro RESTORE
	addq $8, %rsp
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
	.endm

/* rax = wrt__act, and where the guest is, whose call of us this is. */
	.macro NOTE
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
	.endm

/* The end of a stub: back to the guest, which rbx says where to find. */
	.macro BACK
	movq SP(%rbx), %rsp
	movq RBX(%rbx), %rbx
	.cfi_def_cfa %rsp, 0
	.cfi_restore %rbx
	leaq -8(%rsp), %rsp
	.cfi_def_cfa %rsp, 8
	ret
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
2:	RESTORE
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
	cmpl $0, TYPED(%rdi)
	je 1b
	movq (%rsp), %rdi		/* entered by wrt__typed_call */
	call wrt__typed_left
	xorl %eax, %eax
	jmp 2b
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
	movq RESULT+8(%r10), %xmm0
	xorl %edx, %edx			/* for landing pads */
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

/* R wrt__typed_call(struct wrt_typed *, parameters): as wrt__enter, to the
 * session's activation, with the parameters' registers as they are. */
	.text
	.globl wrt__typed_call
	.hidden wrt__typed_call
	.type wrt__typed_call, @function
	.p2align 4
wrt__typed_call:
	.cfi_startproc
	endbr64
	movq T_INSTANCE(%rdi), %r10
	movq I_SESSION(%r10), %rax
	testq %rax, %rax
	je wrt__typed_slow
	movq wrt__thread@gottpoff(%rip), %r11
	movq %fs:(%r11), %r11
	cmpq %r11, THREAD(%rax)		/* another's session? */
	jne wrt__typed_slow
	movq wrt__act@gottpoff(%rip), %r11
	cmpq $0, %fs:(%r11)		/* within another call? */
	jne wrt__typed_slow
	SAVE
	movq %rdi, (%rsp)
	movq %rsp, HOST_SP(%rax)
	movq $0, PC(%rax)		/* no place of the last call's */
	movq %rax, %fs:(%r11)
	incq I_CALLS(%r10)
8:	cmpl $0, I_KILL_CODE(%r10)	/* killed before it began? */
	jne 9f
	.cfi_remember_state
	.cfi_undefined %rip
	movq STACK_TOP(%rax), %rsp
	call *T_THUNK(%rdi)
7:	movq wrt__act@gottpoff(%rip), %r11
	movq %fs:(%r11), %r10
	movq HOST_SP(%r10), %rsp
	.cfi_restore_state
	movq $0, %fs:(%r11)
	movq (%rsp), %rdi
	movl $0, T_STATUS(%rdi)
	RESTORE
	ret
	.cfi_restore_state
9:	movq %rax, %rdi
	jmp wrt__leave
	.cfi_endproc
	.size wrt__typed_call, . - wrt__typed_call
	.section .rodata.wrt_windows, "a", @progbits
	.long 8b - wrt__stub_windows, 7b - wrt__stub_windows

/* The same by an array of values: wrt__typed_array(typed, registers). */
	.text
	.globl wrt__typed_slow
	.hidden wrt__typed_slow
	.type wrt__typed_slow, @function
	.p2align 4
wrt__typed_slow:
	.cfi_startproc
	endbr64
	subq $120, %rsp
	.cfi_adjust_cfa_offset 120
	movq %rsi, R_INT(0)(%rsp)
	movq %rdx, R_INT(1)(%rsp)
	movq %rcx, R_INT(2)(%rsp)
	movq %r8, R_INT(3)(%rsp)
	movq %r9, R_INT(4)(%rsp)
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	movsd %xmm\n, R_FLOAT(\n)(%rsp)
	.endr
	movq %rsp, %rsi
	call wrt__typed_array
	movq R_RESULT(%rsp), %rax
	movq %rax, %xmm0
	addq $120, %rsp
	.cfi_adjust_cfa_offset -120
	ret
	.cfi_endproc
	.size wrt__typed_slow, . - wrt__typed_slow

/* HOSTFAST(struct wrt__hostblock *, anything, parameters): as a stub, for the
 * function in the block. */
	.section .text.wrt_stubs, "ax", @progbits
	.globl wrt__stub_HOSTFAST
	.hidden wrt__stub_HOSTFAST
	.type wrt__stub_HOSTFAST, @function
	.p2align 4
wrt__stub_HOSTFAST:
	.cfi_startproc
	.cfi_signal_frame
	endbr64
	NOTE
	movq %rdi, RESULT(%rax)
	movl $1, IN_HOST(%rax)
	.globl wrt__fast_entered
	.hidden wrt__fast_entered
wrt__fast_entered:
	movq %rax, %rbx
	.cfi_escape 0x0f, 3, 0x73, SP, 0x06
	.cfi_escape 0x10, 3, 2, 0x73, RBX
	movq HOST_SP(%rbx), %rsp
	movq B_FAST(%rdi), %rax
	movq B_INSTANCE(%rdi), %rsi
	movq B_DATA(%rdi), %rdi
	call *%rax
	movq $0, INNER(%rbx)
	movl $0, IN_HOST(%rbx)
8:	cmpq $0, PENDING(%rbx)		/* and ends, beside it */
	jne 9f
	BACK
	.cfi_endproc
9:	.cfi_startproc
	.cfi_undefined %rip
	movq %rbx, %rdi
	movq %rax, %rsi
	movq %xmm0, %rdx
	call wrt__fast_ended
	movq RESULT(%rbx), %rax
	movq RESULT+8(%rbx), %xmm0
	jmp 8b
	.cfi_endproc
	.size wrt__stub_HOSTFAST, . - wrt__stub_HOSTFAST
	.section .rodata.wrt_windows, "a", @progbits
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
	NOTE
	movq %rax, %rbx
	/* CFA = *(rbx + SP); rbx at rbx + RBX; rip at CFA - 8 */
	.cfi_escape 0x0f, 3, 0x73, SP, 0x06
	.cfi_escape 0x10, 3, 2, 0x73, RBX
	movq HOST_SP(%rbx), %rsp
	call wrt__rt_\name
8:	cmpl $0, PENDING(%rbx)
	jne 9f
	BACK
	.cfi_endproc
9:	.cfi_startproc
	.cfi_undefined %rip
	movq %rax, RESULT(%rbx)
	movq %xmm0, RESULT+8(%rbx)
	movq %rbx, %rdi
	call wrt__pending
	movq RESULT(%rbx), %rax
	movq RESULT+8(%rbx), %xmm0
	jmp 8b				/* nothing to be done after all */
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
	movq %rax, RESULT(%rbx)
	movq %rbx, %rdi
	andq $-16, %rsp			/* nobody returns there */
	call wrt__pending
	movq RESULT(%rbx), %rax
	jmp 8b
	.cfi_endproc
	.size wrt__land, . - wrt__land
	.section .rodata.wrt_windows, "a", @progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows

/* Handler of faults: wrt__on_fault(sig, info, context, return address), which
 * is wrt__restorer if the kernel called us, and by our own registration. */
	.text
	.globl wrt__fault_entry
	.hidden wrt__fault_entry, wrt__on_fault
	.type wrt__fault_entry, @function
	.p2align 4
wrt__fault_entry:
	.cfi_startproc
	endbr64
	movq (%rsp), %rcx
	jmp wrt__on_fault
	.cfi_endproc
	.size wrt__fault_entry, . - wrt__fault_entry
	nop				/* a pc before the start is nobody's */
/* The return from it: rt_sigreturn, in the very instructions by which unwinders
 * and debuggers know a signal's frame. */
	.globl wrt__restorer
	.hidden wrt__restorer
	.type wrt__restorer, @function
wrt__restorer:
	movq $15, %rax
	syscall
	.size wrt__restorer, . - wrt__restorer

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
