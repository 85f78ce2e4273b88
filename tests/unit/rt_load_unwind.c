/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The walk from saved registers sees the frames that an ordinary walk sees.
 *
 * The functions here stand for the guest: one of them notes its registers in
 * the middle, as a trap would, and the walk is begun from those.
 */
#include <setjmp.h>
#include <unwind.h>

#include "load.h"
#include "test.h"

enum { MAX = 64 };

struct seen {
	uintptr_t pc[MAX];
	size_t n, stop_at;
	bool first_is_return;
};

static struct seen ours, theirs;
static bool as_return;

static bool
note(void *arg, uintptr_t pc, bool is_return)
{
	struct seen *s = arg;

	if (s->n == 0)
		s->first_is_return = is_return;
	if (s->n < MAX)
		s->pc[s->n++] = pc;
	return s->n != s->stop_at;
}

static _Unwind_Reason_Code
note_theirs(struct _Unwind_Context *c, void *arg)
{
	note(arg, _Unwind_GetIP(c), true);
	return _URC_NO_REASON;
}

#if defined(__x86_64__)
#define SAVE(r)								\
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"			\
	    "movq %%rax, 0(%0)\n\tmovq %%rsp, 8(%0)\n\t"		\
	    "movq %%rbp, 16(%0)\n\tmovq %%rbx, 24(%0)\n\t"		\
	    "movq %%r12, 32(%0)\n\tmovq %%r13, 40(%0)\n\t"		\
	    "movq %%r14, 48(%0)\n\tmovq %%r15, 56(%0)\n1:\tnop"		\
	    : : "D"(r) : "rax", "memory")
#elif defined(__aarch64__)
#define SAVE(r)								\
	__asm__ volatile("adr x9, 1f\n\tmov x10, sp\n\t"		\
	    "stp x9, x10, [%0]\n\tstp x19, x20, [%0, #16]\n\t"		\
	    "stp x21, x22, [%0, #32]\n\tstp x23, x24, [%0, #48]\n\t"	\
	    "stp x25, x26, [%0, #64]\n\tstp x27, x28, [%0, #80]\n\t"	\
	    "stp x29, x30, [%0, #96]\n1:\tnop"				\
	    : : "r"(r) : "x9", "x10", "memory")
#endif

/* The walks happen while the frame whose registers were noted is alive. */
__attribute__((noinline)) static size_t
trap_here(unsigned long a, unsigned long b)
{
	struct wrt__regs r;
	size_t n;

	SAVE(&r);
	n = wrt__unwind(&r, as_return, 1000, note, &ours);
	_Unwind_Backtrace(note_theirs, &theirs);
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return n + (a != b + 1);
}

/* Something to save in every register that calls preserve. */
__attribute__((noinline)) static size_t
middle(unsigned long x, int depth)
{
	unsigned long a = x + 1, b = x + 2, c = x + 3, d = x + 4, e = x + 5;
	size_t n;

	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
	n = depth ? middle(a, depth - 1) : trap_here(b, a);
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
	CHECK_EQ(a + b + c + d + e, 5 * x + 15);
	return n;
}

static void
compare(void)
{
	/* Ours begins at the noted place in trap_here, theirs at a later
	 * return address in it; from there on they agree. */
	CHECK(ours.n > 8);
	CHECK(ours.pc[0] < theirs.pc[0]);
	CHECK(theirs.pc[0] - ours.pc[0] < 200);
	for (size_t i = 1; i < ours.n && theirs.pc[i]; i++)
		CHECK_EQ(ours.pc[i], theirs.pc[i]);
}

TEST(same_frames_from_an_instruction)
{
	size_t n = middle(1, 5);

	CHECK_EQ(n, ours.n);
	CHECK(!ours.first_is_return);
	compare();
}

TEST(same_frames_from_a_return_address)
{
	size_t n;

	as_return = true;
	n = middle(1, 5);
	CHECK_EQ(n, ours.n);
	CHECK(ours.first_is_return);
	compare();
}

TEST(stops_when_told)
{
	ours.stop_at = 3;
	CHECK_EQ(middle(1, 5), 3);
}

/* ---- Frames that hang on one register ----
 *
 * hang_REG(regs) notes its registers, with its CFA described by REG alone, and
 * calls walk(regs).  If REG is not taken from where it was noted, the walk
 * goes astray.  last(regs) calls walk_last() by its last instruction: the
 * return address is in the next function already, which has no caller.
 */
#if defined(__x86_64__)
#define HANG(reg)							\
__asm__(".text\n.type hang_" #reg ", @function\nhang_" #reg ":\n"	\
    ".cfi_startproc\n"							\
    "push %" #reg "\n.cfi_adjust_cfa_offset 8\n"			\
    ".cfi_rel_offset %" #reg ", 0\n"					\
    "mov %rsp, %" #reg "\n.cfi_def_cfa_register %" #reg "\n"		\
    "sub $64, %rsp\nand $-16, %rsp\n"					\
    "lea 1f(%rip), %rax\n1: mov %rax, 0(%rdi)\nmov %rsp, 8(%rdi)\n"	\
    "mov %rbp, 16(%rdi)\nmov %rbx, 24(%rdi)\nmov %r12, 32(%rdi)\n"	\
    "mov %r13, 40(%rdi)\nmov %r14, 48(%rdi)\nmov %r15, 56(%rdi)\n"	\
    "call walk\n"							\
    "mov %" #reg ", %rsp\n.cfi_def_cfa_register %rsp\n"		\
    "pop %" #reg "\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n"	\
    ".size hang_" #reg ", . - hang_" #reg "\n");			\
void hang_##reg(struct wrt__regs *);
#define EACH(X) X(rbp) X(rbx) X(r12) X(r13) X(r14) X(r15)
__asm__(".text\n.type last, @function\nlast:\n.cfi_startproc\n"
    "sub $24, %rsp\n.cfi_adjust_cfa_offset 24\n"
    "lea 1f(%rip), %rax\nmov %rax, 0(%rdi)\nmov %rsp, 8(%rdi)\n"
    "mov %rbp, 16(%rdi)\nmov %rbx, 24(%rdi)\nmov %r12, 32(%rdi)\n"
    "mov %r13, 40(%rdi)\nmov %r14, 48(%rdi)\nmov %r15, 56(%rdi)\n"
    "call walk_last\n1:\n.cfi_endproc\n.size last, . - last\n"
    ".cfi_startproc\n.cfi_undefined %rip\nud2\n.cfi_endproc\n");
#elif defined(__aarch64__)
#define NOTE_ALL							\
    "adr x9, 1f\n1: mov x10, sp\nstp x9, x10, [x0]\n"			\
    "stp x19, x20, [x0, #16]\nstp x21, x22, [x0, #32]\n"		\
    "stp x23, x24, [x0, #48]\nstp x25, x26, [x0, #64]\n"		\
    "stp x27, x28, [x0, #80]\nstp x29, x30, [x0, #96]\n"
#define HANG(reg)							\
__asm__(".text\n.type hang_" #reg ", %function\nhang_" #reg ":\n"	\
    ".cfi_startproc\n"							\
    "stp " #reg ", x30, [sp, #-16]!\n.cfi_def_cfa_offset 16\n"		\
    ".cfi_offset " #reg ", -16\n.cfi_offset x30, -8\n"			\
    "mov " #reg ", sp\n.cfi_def_cfa_register " #reg "\n"		\
    "sub sp, sp, #64\n" NOTE_ALL "bl walk\n"				\
    "mov sp, " #reg "\n.cfi_def_cfa_register sp\n"			\
    "ldp " #reg ", x30, [sp], #16\n.cfi_def_cfa_offset 0\nret\n"	\
    ".cfi_endproc\n.size hang_" #reg ", . - hang_" #reg "\n");		\
void hang_##reg(struct wrt__regs *);
#define EACH(X) X(x19) X(x20) X(x21) X(x22) X(x23) X(x24) X(x25) X(x26)	\
	X(x27) X(x28) X(x29)
__asm__(".text\n.type last, %function\nlast:\n.cfi_startproc\n"
    "stp x29, x30, [sp, #-32]!\n.cfi_def_cfa_offset 32\n"
    ".cfi_offset x29, -32\n.cfi_offset x30, -24\n"
    "adr x9, 2f\nmov x10, sp\nstp x9, x10, [x0]\n"
    "stp x19, x20, [x0, #16]\nstp x21, x22, [x0, #32]\n"
    "stp x23, x24, [x0, #48]\nstp x25, x26, [x0, #64]\n"
    "stp x27, x28, [x0, #80]\nstp x29, x30, [x0, #96]\n"
    "bl walk_last\n2:\n.cfi_endproc\n.size last, . - last\n"
    ".cfi_startproc\n.cfi_undefined x30\nbrk #0\n.cfi_endproc\n");
#endif

EACH(HANG)
void last(struct wrt__regs *);
void walk(struct wrt__regs *r);
void walk_last(struct wrt__regs *r);

static jmp_buf back;

__attribute__((used)) void
walk(struct wrt__regs *r)
{
	memset(&ours, 0, sizeof ours);
	memset(&theirs, 0, sizeof theirs);
	wrt__unwind(r, false, 1000, note, &ours);
	_Unwind_Backtrace(note_theirs, &theirs);
	CHECK(ours.n > 3);
	/* theirs has this function too, and the end of the stack. */
	CHECK_EQ(theirs.n - (theirs.pc[theirs.n - 1] == 0), ours.n + 1);
	for (size_t i = 1; i < ours.n; i++)
		CHECK_EQ(ours.pc[i], theirs.pc[i + 1]);
}

TEST(every_register)
{
	struct wrt__regs r;

#define CALL(reg) hang_##reg(&r);
	EACH(CALL)
}

__attribute__((used)) void
walk_last(struct wrt__regs *r)
{
	wrt__unwind(r, true, 1000, note, &ours);
	longjmp(back, 1);
}

TEST(call_at_the_end_of_a_function)
{
	struct wrt__regs r;

	if (!setjmp(back))
		last(&r);
	CHECK(ours.n > 3);
	CHECK_EQ(ours.pc[0], r.pc);
}

static bool
all(void *arg, uintptr_t pc, bool is_return)
{
	(void)pc, (void)is_return;
	++*(size_t *)arg;
	return true;
}

__attribute__((noinline)) static size_t
deep(int depth)
{
	struct wrt__regs r;
	volatile size_t n = 0;

	if (depth) {
		n = deep(depth - 1);
		return n;
	}
	SAVE(&r);
	return wrt__unwind(&r, false, 1000, all, (void *)&n);
}

TEST(bounded)
{
	CHECK_EQ(deep(5000), 1000);
}

TEST_MAIN
