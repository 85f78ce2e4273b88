/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * switch_aarch64.S: between the host's stack and the guest's.
 *
 * wrt__enter goes in by `blr` and comes back by `ret`, so that return
 * prediction stays right.  The stubs are what generated code finds in
 * vmctx->rt: they note where the guest is, go over to the host's stack as
 * wrt__enter left it, and call the C function of the same name.
 *
 * d8 to d15 belong to the caller too, so that wrt__enter keeps them for the
 * host.  Floating-point control is neither saved nor changed: guest code does
 * not change it, and signal handlers begin with what was there.
 */
#if defined(__aarch64__)

/* struct wrt__act */
#define HOST_SP		0
#define STACK_TOP	8
#define PENDING		16
#define IS_RETURN	24
#define IN_HOST		28
#define PC		32
#define SP		40
#define X(n)		(48 + 8 * (n - 19))
#define D(n)		(144 + 8 * (n - 8))
#define RESULT		208
#define INNER		224
#define THREAD		232
#define TYPED		240
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

#define BTI_C		hint #34

/* what wrt__enter keeps on the host's stack */
#define FRAME		176
#define F_X(n)		(8 * (n - 19))
#define F_D(n)		(96 + 8 * (n - 8))
#define F_TYPED		160		/* wrt__typed_call's first argument */

	.hidden wrt__act, wrt__thread, wrt__pending, wrt__fast_ended
	.hidden wrt__typed_left, wrt__typed_array

/* What wrt__enter and wrt__resume leave on the host's stack. */
	.macro SAVE
	sub sp, sp, #FRAME
	.cfi_adjust_cfa_offset FRAME
	stp x29, x30, [sp, #F_X(29)]
	.cfi_rel_offset x29, F_X(29)
	.cfi_rel_offset x30, F_X(30)
	stp x19, x20, [sp, #F_X(19)]
	.cfi_rel_offset x19, F_X(19)
	.cfi_rel_offset x20, F_X(20)
	stp x21, x22, [sp, #F_X(21)]
	.cfi_rel_offset x21, F_X(21)
	.cfi_rel_offset x22, F_X(22)
	stp x23, x24, [sp, #F_X(23)]
	.cfi_rel_offset x23, F_X(23)
	.cfi_rel_offset x24, F_X(24)
	stp x25, x26, [sp, #F_X(25)]
	.cfi_rel_offset x25, F_X(25)
	.cfi_rel_offset x26, F_X(26)
	stp x27, x28, [sp, #F_X(27)]
	.cfi_rel_offset x27, F_X(27)
	.cfi_rel_offset x28, F_X(28)
	stp d8, d9, [sp, #F_D(8)]
	.cfi_rel_offset d8, F_D(8)
	.cfi_rel_offset d9, F_D(9)
	stp d10, d11, [sp, #F_D(10)]
	.cfi_rel_offset d10, F_D(10)
	.cfi_rel_offset d11, F_D(11)
	stp d12, d13, [sp, #F_D(12)]
	.cfi_rel_offset d12, F_D(12)
	.cfi_rel_offset d13, F_D(13)
	stp d14, d15, [sp, #F_D(14)]
	.cfi_rel_offset d14, F_D(14)
	.cfi_rel_offset d15, F_D(15)
	.endm

	.macro RESTORE
	ldp d14, d15, [sp, #F_D(14)]
	ldp d12, d13, [sp, #F_D(12)]
	ldp d10, d11, [sp, #F_D(10)]
	ldp d8, d9, [sp, #F_D(8)]
	ldp x27, x28, [sp, #F_X(27)]
	ldp x25, x26, [sp, #F_X(25)]
	ldp x23, x24, [sp, #F_X(23)]
	ldp x21, x22, [sp, #F_X(21)]
	ldp x19, x20, [sp, #F_X(19)]
	ldp x29, x30, [sp, #F_X(29)]
	.cfi_remember_state
	.irp r, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30
	.cfi_restore \r
	.endr
	.irp r, d8, d9, d10, d11, d12, d13, d14, d15
	.cfi_restore \r
	.endr
	add sp, sp, #FRAME
	.cfi_adjust_cfa_offset -FRAME
	.endm

/* x9 = wrt__act */
	.macro GET_ACT
	mrs x9, tpidr_el0
	adrp x10, :gottprel:wrt__act
	ldr x10, [x10, :gottprel_lo12:wrt__act]
	ldr x9, [x9, x10]
	.endm

/* x9 = wrt__act, and where the guest is, whose call of us this is; w10 = 1. */
	.macro NOTE
	GET_ACT
	mov x11, sp
	str x30, [x9, #PC]
	str x11, [x9, #SP]
	stp x19, x20, [x9, #X(19)]
	stp x21, x22, [x9, #X(21)]
	stp x23, x24, [x9, #X(23)]
	stp x25, x26, [x9, #X(25)]
	stp x27, x28, [x9, #X(27)]
	stp x29, x30, [x9, #X(29)]
	stp d8, d9, [x9, #D(8)]		/* for landing pads */
	stp d10, d11, [x9, #D(10)]
	stp d12, d13, [x9, #D(12)]
	stp d14, d15, [x9, #D(14)]
	mov w10, #1
	str w10, [x9, #IS_RETURN]
	.endm

/* The end of a stub: back to the guest, which x19 says where to find. */
	.macro BACK
	ldr x30, [x19, #PC]
	ldr x10, [x19, #SP]
	mov sp, x10
	ldr x19, [x19, #X(19)]
	.cfi_def_cfa sp, 0
	.cfi_restore x19
	.cfi_restore x30
	ret
	.endm

	.text

/* int wrt__enter(act, fn, x, y, z) */
	.globl wrt__enter
	.hidden wrt__enter
	.type wrt__enter, %function
	.p2align 4
wrt__enter:
	.cfi_startproc
	BTI_C
	SAVE
	mov x9, sp
	str x9, [x0, #HOST_SP]
	.globl wrt__enter_window
	.hidden wrt__enter_window
wrt__enter_window:
	ldr w9, [x0, #PENDING]		/* killed before it began? */
	cbnz w9, 1f
	mov x9, x1
	ldr x10, [x0, #STACK_TOP]
	mov x0, x2
	mov x1, x3
	mov x2, x4
	.cfi_remember_state
	.cfi_undefined x30		/* the walk ends here */
	mov x29, #0			/* for those who follow x29 */
	mov sp, x10
	blr x9
	.globl wrt__enter_window_end
	.hidden wrt__enter_window_end
wrt__enter_window_end:
	/* A call that was suspended returns to another activation than it was
	 * entered by. */
	GET_ACT
	ldr x9, [x9, #HOST_SP]
	mov sp, x9
	.cfi_restore_state
	mov w0, #0
	b 2f
1:	mov w0, #1
2:	RESTORE
	ret

/* void wrt__leave(act): wrt__enter returns 1.  Also where the fault handler
 * sends the thread. */
	.globl wrt__leave
	.hidden wrt__leave
	.type wrt__leave, %function
wrt__leave:
	.cfi_restore_state
	BTI_C
	ldr x9, [x0, #HOST_SP]
	mov sp, x9
	ldr w10, [x0, #TYPED]
	cbz w10, 1b
	ldr x0, [sp, #F_TYPED]		/* entered by wrt__typed_call */
	bl wrt__typed_left
	mov x0, #0
	b 2b
	.cfi_endproc
	.size wrt__enter, . - wrt__enter

/* int wrt__resume(act): wrt__enter's frame, then as the end of a stub. */
	.globl wrt__resume
	.hidden wrt__resume
	.type wrt__resume, %function
	.p2align 4
wrt__resume:
	.cfi_startproc
	BTI_C
	SAVE
	mov x9, sp
	str x9, [x0, #HOST_SP]
8:	ldr w9, [x0, #PENDING]		/* killed before it goes on? */
	cbnz w9, 9f
	.cfi_remember_state
	.cfi_undefined x30
	mov x9, x0
	ldr x10, [x9, #SP]
	mov sp, x10
	ldp d8, d9, [x9, #D(8)]
	ldp d10, d11, [x9, #D(10)]
	ldp d12, d13, [x9, #D(12)]
	ldp d14, d15, [x9, #D(14)]
	ldp x19, x20, [x9, #X(19)]
	ldp x21, x22, [x9, #X(21)]
	ldp x23, x24, [x9, #X(23)]
	ldp x25, x26, [x9, #X(25)]
	ldp x27, x28, [x9, #X(27)]
	ldr x29, [x9, #X(29)]
	ldr x30, [x9, #PC]
	ldr x0, [x9, #RESULT]
	ldr d0, [x9, #RESULT + 8]
	mov x1, #0			/* for landing pads */
	ret
	.cfi_restore_state
9:	b wrt__leave
	.cfi_endproc
	.size wrt__resume, . - wrt__resume
	.section .rodata.wrt_windows, "a", %progbits
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
	.type wrt__typed_call, %function
	.p2align 4
wrt__typed_call:
	.cfi_startproc
	BTI_C
	ldr x10, [x0, #T_INSTANCE]
	ldr x9, [x10, #I_SESSION]
	cbz x9, wrt__typed_slow
	mrs x11, tpidr_el0
	adrp x12, :gottprel:wrt__thread
	ldr x12, [x12, :gottprel_lo12:wrt__thread]
	ldr x12, [x11, x12]
	ldr x13, [x9, #THREAD]
	cmp x12, x13			/* another's session? */
	b.ne wrt__typed_slow
	adrp x12, :gottprel:wrt__act
	ldr x12, [x12, :gottprel_lo12:wrt__act]
	ldr x13, [x11, x12]
	cbnz x13, wrt__typed_slow	/* within another call? */
	SAVE
	str x0, [sp, #F_TYPED]
	mov x13, sp
	str x13, [x9, #HOST_SP]
	str xzr, [x9, #PC]		/* no place of the last call's */
	str x9, [x11, x12]
	ldr x13, [x10, #I_CALLS]
	add x13, x13, #1
	str x13, [x10, #I_CALLS]
8:	ldr w13, [x10, #I_KILL_CODE]	/* killed before it began? */
	cbnz w13, 9f
	ldr x13, [x9, #STACK_TOP]
	ldr x10, [x0, #T_THUNK]
	.cfi_remember_state
	.cfi_undefined x30
	mov x29, #0
	mov sp, x13
	blr x10
7:	mrs x11, tpidr_el0
	adrp x12, :gottprel:wrt__act
	ldr x12, [x12, :gottprel_lo12:wrt__act]
	ldr x9, [x11, x12]
	ldr x10, [x9, #HOST_SP]
	mov sp, x10
	.cfi_restore_state
	str xzr, [x11, x12]
	ldr x10, [sp, #F_TYPED]
	str wzr, [x10, #T_STATUS]
	RESTORE
	ret
	.cfi_restore_state
9:	mov x0, x9
	b wrt__leave
	.cfi_endproc
	.size wrt__typed_call, . - wrt__typed_call
	.section .rodata.wrt_windows, "a", %progbits
	.long 8b - wrt__stub_windows, 7b - wrt__stub_windows

/* The same by an array of values: wrt__typed_array(typed, registers). */
	.text
	.globl wrt__typed_slow
	.hidden wrt__typed_slow
	.type wrt__typed_slow, %function
	.p2align 4
wrt__typed_slow:
	.cfi_startproc
	BTI_C
	sub sp, sp, #128
	.cfi_adjust_cfa_offset 128
	stp x29, x30, [sp, #112]
	.cfi_rel_offset x29, 112
	.cfi_rel_offset x30, 120
	stp x1, x2, [sp, #R_INT(0)]
	stp x3, x4, [sp, #R_INT(2)]
	str x5, [sp, #R_INT(4)]
	stp d0, d1, [sp, #R_FLOAT(0)]
	stp d2, d3, [sp, #R_FLOAT(2)]
	stp d4, d5, [sp, #R_FLOAT(4)]
	stp d6, d7, [sp, #R_FLOAT(6)]
	mov x1, sp
	bl wrt__typed_array
	ldr x0, [sp, #R_RESULT]
	fmov d0, x0
	ldp x29, x30, [sp, #112]
	.cfi_restore x29
	.cfi_restore x30
	add sp, sp, #128
	.cfi_adjust_cfa_offset -128
	ret
	.cfi_endproc
	.size wrt__typed_slow, . - wrt__typed_slow

/* HOSTFAST(struct wrt__hostblock *, anything, parameters): as a stub, for the
 * function in the block. */
	.section .text.wrt_stubs, "ax", %progbits
	.globl wrt__stub_HOSTFAST
	.hidden wrt__stub_HOSTFAST
	.type wrt__stub_HOSTFAST, %function
	.p2align 4
wrt__stub_HOSTFAST:
	.cfi_startproc
	.cfi_signal_frame
	BTI_C
	NOTE
	str x0, [x9, #RESULT]
	str w10, [x9, #IN_HOST]		/* 1 */
	.globl wrt__fast_entered
	.hidden wrt__fast_entered
wrt__fast_entered:
	mov x19, x9
	.cfi_escape 0x0f, 3, 0x83, SP, 0x06
	.cfi_escape 0x10, 19, 2, 0x83, X(19)
	.cfi_escape 0x10, 30, 2, 0x83, PC
	ldr x10, [x19, #HOST_SP]
	mov sp, x10
	ldr x16, [x0, #B_FAST]
	ldr x1, [x0, #B_INSTANCE]
	ldr x0, [x0, #B_DATA]
	blr x16
	str xzr, [x19, #INNER]
	str wzr, [x19, #IN_HOST]
8:	ldr x10, [x19, #PENDING]	/* and ends, beside it */
	cbnz x10, 9f
	BACK
	.cfi_endproc
9:	.cfi_startproc
	.cfi_undefined x30
	mov x1, x0
	fmov x2, d0
	mov x0, x19
	bl wrt__fast_ended
	ldr x0, [x19, #RESULT]
	ldr d0, [x19, #RESULT + 8]
	b 8b
	.cfi_endproc
	.size wrt__stub_HOSTFAST, . - wrt__stub_HOSTFAST
	.section .rodata.wrt_windows, "a", %progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows

/* A stub.  The arguments' registers stay as they are; x9 to x17 are free.  x19
 * holds the activation while the C function runs.  The frame is described in
 * terms of the activation: the caller's sp, x19 and return address are
 * there. */
	.macro STUB name
	.section .text.wrt_stubs, "ax", %progbits
	.globl wrt__stub_\name
	.hidden wrt__stub_\name, wrt__rt_\name
	.type wrt__stub_\name, %function
	.p2align 4
wrt__stub_\name:
	.cfi_startproc
	.cfi_signal_frame		/* debuggers: the stack may change */
	BTI_C
	NOTE
	mov x19, x9
	/* CFA = *(x19 + SP); x19 at x19 + X(19); x30 at x19 + PC */
	.cfi_escape 0x0f, 3, 0x83, SP, 0x06
	.cfi_escape 0x10, 19, 2, 0x83, X(19)
	.cfi_escape 0x10, 30, 2, 0x83, PC
	ldr x10, [x19, #HOST_SP]
	mov sp, x10
	bl wrt__rt_\name
8:	ldr w10, [x19, #PENDING]
	cbnz w10, 9f
	BACK
	.cfi_endproc
9:	.cfi_startproc
	.cfi_undefined x30
	str x0, [x19, #RESULT]
	str d0, [x19, #RESULT + 8]
	mov x0, x19
	bl wrt__pending
	ldr x0, [x19, #RESULT]
	ldr d0, [x19, #RESULT + 8]
	b 8b				/* nothing to be done after all */
	.cfi_endproc
	.size wrt__stub_\name, . - wrt__stub_\name
	/* where a kill may leave at once: from the look at PENDING to the ret */
	.section .rodata.wrt_windows, "a", %progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows
	.endm

#include "stubs.h"

/* void wrt__land(act, exn): as the end of a stub, but to act->regs.  Leaving
 * for the guest's landing pad. */
	.text
	.globl wrt__land
	.hidden wrt__land
	.type wrt__land, %function
	.p2align 4
wrt__land:
	.cfi_startproc
	.cfi_signal_frame
	BTI_C
	mov x19, x0
	mov x0, x1
	mov x1, #0
	/* CFA = *(x19 + SP), x30 = *(x19 + PC): as if the pad had called us */
	.cfi_escape 0x0f, 3, 0x83, SP, 0x06
	.cfi_escape 0x10, 19, 2, 0x83, X(19)
	.cfi_escape 0x10, 30, 2, 0x83, PC
8:	ldr w10, [x19, #PENDING]
	cbnz w10, 9f
	ldr x10, [x19, #SP]
	mov sp, x10
	ldp d8, d9, [x19, #D(8)]
	ldp d10, d11, [x19, #D(10)]
	ldp d12, d13, [x19, #D(12)]
	ldp d14, d15, [x19, #D(14)]
	ldp x21, x22, [x19, #X(21)]
	ldp x23, x24, [x19, #X(23)]
	ldp x25, x26, [x19, #X(25)]
	ldp x27, x28, [x19, #X(27)]
	ldr x29, [x19, #X(29)]
	ldr x20, [x19, #X(20)]
	ldr x16, [x19, #PC]
	ldr x19, [x19, #X(19)]
	.cfi_def_cfa sp, 0
	.cfi_restore x19
	.cfi_register x30, x16
	br x16
	.cfi_endproc
9:	.cfi_startproc
	.cfi_undefined x30
	str x0, [x19, #RESULT]
	mov x0, x19
	bl wrt__pending
	ldr x0, [x19, #RESULT]
	mov x1, #0
	b 8b
	.cfi_endproc
	.size wrt__land, . - wrt__land
	.section .rodata.wrt_windows, "a", %progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows

/* Handler of faults: wrt__on_fault(sig, info, context, return address), which
 * is wrt__restorer if the kernel called us, and by our own registration. */
	.text
	.globl wrt__fault_entry
	.hidden wrt__fault_entry, wrt__on_fault
	.type wrt__fault_entry, %function
	.p2align 4
wrt__fault_entry:
	.cfi_startproc
	BTI_C
	mov x3, x30
	b wrt__on_fault
	.cfi_endproc
	.size wrt__fault_entry, . - wrt__fault_entry
	nop				/* a pc before the start is nobody's */
/* The return from it: rt_sigreturn, in the very instructions by which unwinders
 * and debuggers know a signal's frame. */
	.globl wrt__restorer
	.hidden wrt__restorer
	.type wrt__restorer, %function
wrt__restorer:
	mov x8, #139
	svc #0
	.size wrt__restorer, . - wrt__restorer

/* Where a continuation's stack begins, with act->regs for registers: x19(x20,
 * x21, x22), then the end of it.  Until x19 runs, act->regs say where the guest
 * is. */
	.text
	.globl wrt__cont_start
	.hidden wrt__cont_start
	.type wrt__cont_start, %function
	.p2align 4
	.cfi_startproc
	.cfi_undefined x30		/* the walk ends here */
	nop				/* a pc before the start is one of us */
wrt__cont_start:
8:	hint #36			/* bti j */
	mov x0, x20
	mov x1, x21
	mov x2, x22
	blr x19
9:	bl wrt__stub_CONT_END
	brk #0
	.cfi_endproc
	.size wrt__cont_start, . - wrt__cont_start
	.section .rodata.wrt_windows, "a", %progbits
	.long 8b - wrt__stub_windows, 9b - wrt__stub_windows

	.section .rodata.wrt_windows, "a", %progbits
wrt__stub_windows_end:
#endif

	.section .note.GNU-stack, "", %progbits
