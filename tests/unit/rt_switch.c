/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Do the host's registers survive a guest that returns, and one that leaves
 * from where it is with all of them spoilt?
 */
#include "rt.h"
#include "test.h"

/* probe(act, fn, regs): load the registers that calls preserve from regs, enter
 * fn(act), store them behind.  spoil(act): leave with all of them changed. */
#if defined(__x86_64__)
enum { NREGS = 6 };
__asm__(
"	.text\n"
"probe:	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n"
"	push %r14\n	push %r15\n	push %rdx\n"
"	mov (%rdx), %rbx\n	mov 8(%rdx), %rbp\n	mov 16(%rdx), %r12\n"
"	mov 24(%rdx), %r13\n	mov 32(%rdx), %r14\n	mov 40(%rdx), %r15\n"
"	mov %rdi, %rdx\n"
"	call wrt__enter\n"
"	pop %rdx\n"
"	mov %rbx, 48(%rdx)\n	mov %rbp, 56(%rdx)\n	mov %r12, 64(%rdx)\n"
"	mov %r13, 72(%rdx)\n	mov %r14, 80(%rdx)\n	mov %r15, 88(%rdx)\n"
"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n"
"	pop %rbx\n	pop %rbp\n	ret\n"
"spoil:	xor %ebx, %ebx\n	xor %ebp, %ebp\n	xor %r12d, %r12d\n"
"	xor %r13d, %r13d\n	xor %r14d, %r14d\n	xor %r15d, %r15d\n"
"	call wrt__leave\n");
#elif defined(__aarch64__)
enum { NREGS = 18 };
__asm__(
"	.text\n"
"	.macro each op, at, off\n"
"	\\op x19, x20, [\\at, #\\off]\n	\\op x21, x22, [\\at, #\\off + 16]\n"
"	\\op x23, x24, [\\at, #\\off + 32]\n"
"	\\op x25, x26, [\\at, #\\off + 48]\n"
"	\\op x27, x28, [\\at, #\\off + 64]\n"
"	\\op d8, d9, [\\at, #\\off + 80]\n	\\op d10, d11, [\\at, #\\off + 96]\n"
"	\\op d12, d13, [\\at, #\\off + 112]\n"
"	\\op d14, d15, [\\at, #\\off + 128]\n"
"	.endm\n"
"probe:	sub sp, sp, #176\n"
"	stp x29, x30, [sp]\n"
"	str x2, [sp, #160]\n"
"	each stp, sp, 16\n"
"	each ldp, x2, 0\n"
"	mov x2, x0\n"
"	bl wrt__enter\n"
"	ldr x2, [sp, #160]\n"
"	each stp, x2, 144\n"
"	each ldp, sp, 16\n"
"	ldp x29, x30, [sp]\n"
"	add sp, sp, #176\n"
"	ret\n"
"spoil:	.irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
"	mov x\\r, #0\n"
"	.endr\n"
"	.irp r, 8, 9, 10, 11, 12, 13, 14, 15\n"
"	movi d\\r, #0\n"
"	.endr\n"
"	bl wrt__leave\n");
#endif

int probe(struct wrt__act *act, void *fn, uint64_t *regs);
void spoil(struct wrt__act *act);

static uint8_t stack[65536] __attribute__((aligned(16)));
static uintptr_t seen;

static void
fair(struct wrt__act *act)
{
	(void)act;
	seen = (uintptr_t)__builtin_frame_address(0);
}

static void
check(void (*fn)(struct wrt__act *), uint32_t pending, int expected)
{
	struct wrt__act a = { .stack_top = stack + sizeof stack };
	uint64_t regs[2 * NREGS];

	atomic_init(&a.pending, pending);
	for (int k = 0; k < NREGS; k++)
		regs[k] = 0x1111111111111111ull * (unsigned)(k + 1) + 1;
	wrt__act = &a;
	CHECK_EQ(probe(&a, (void *)fn, regs), expected);
	wrt__act = NULL;
	for (int k = 0; k < NREGS; k++)
		CHECK_EQ(regs[NREGS + k], regs[k]);
}

TEST(guest_that_returns)
{
	check(fair, 0, 0);
	CHECK(seen > (uintptr_t)stack &&
	    seen <= (uintptr_t)stack + sizeof stack);
}

TEST(guest_that_leaves) { check(spoil, 0, 1); }

TEST(killed_before_it_began)
{
	check(fair, 1, 1);
	CHECK_EQ(seen, 0);
}

TEST_MAIN
