/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The walk from saved registers sees the frames that an ordinary walk sees.
 *
 * The functions here stand for the guest: one of them notes its registers in
 * the middle, as a trap would, and the walk is begun from those.
 */
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
