/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * context.c: all registers of a guest, taken out of a signal handler's frame
 * and put into another one.
 *
 * The kernel has saved them when it called the handler, and loads them from the
 * frame when that returns.  So a guest is resumed, on whatever thread, by a
 * handler that replaces its own frame's registers by the guest's.  What belongs
 * to the thread and not to the guest stays: segments, the signal mask,
 * protection keys.
 *
 * The room is made in advance, as large as the machine's registers can be;
 * nothing here allocates in a handler.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "rt.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM	(1u << 31)	/* linux/signal.h */
#endif

#if defined(__x86_64__)
#include <cpuid.h>

enum { FXSAVE = 512, SW_AT = 464, HEADER_AT = 512, HEADER = 64,
       EXTENDED_AT = HEADER_AT + HEADER, PKRU = 9, KEYS_MAX = 64 };
#define FXSAVE_MAGIC1	0x46505853u
#define X87_FLAGS	0xffu		/* exceptions */
#define X87_NEW		0x37fu		/* the control word, see fninit */

/* What the kernel writes at SW_AT of the floating-point area. */
struct sw_bytes {
	uint32_t magic1, extended_bytes;
	uint64_t features;
	uint32_t xsave_bytes;
};

struct wrt__context {
	greg_t regs[REG_EFL + 1];	/* R8 to RSP, RIP, EFLAGS */
	uint64_t features;
	size_t room, bytes;		/* of x: XSAVE's standard format */
	size_t keys_at, nkeys;		/* there, the thread's protection keys;
					 * 0: nowhere */
	uint8_t x[];
};

static size_t
machine_bytes(void)
{
	uint32_t a, b, c, d;

	if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d) && b > FXSAVE)
		return b;
	return FXSAVE;
}

/* Asked for here and not in the handler: a virtual machine's CPUID takes as
 * long as everything else together. */
static void
find_keys(struct wrt__context *x)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid_count(0xd, PKRU, &a, &b, &c, &d) || !b ||
	    a > KEYS_MAX)
		return;
	x->keys_at = b;
	x->nkeys = a;
}

/* Where protection keys are in XSAVE's area, if the kernel has turned them on;
 * 0: it has not. */
static size_t machine_keys_at;

void
wrt__context_init(void)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & bit_OSPKE))
		return;
	machine_keys_at = SIZE_MAX / 2;	/* somewhere: ask the kernel */
	if (__get_cpuid_count(0xd, PKRU, &a, &b, &c, &d) && b)
		machine_keys_at = b;
}

struct wrt__context *
wrt__context_new(void)
{
	size_t room = machine_bytes();
	struct wrt__context *c = wrt__calloc(1, sizeof *c + room);

	if (c) {
		c->room = room;
		find_keys(c);
	}
	return c;
}

static struct sw_bytes
sw_of(const uint8_t *fp)
{
	struct sw_bytes sw;

	memcpy(&sw, fp + SW_AT, sizeof sw);
	if (sw.magic1 != FXSAVE_MAGIC1)
		sw = (struct sw_bytes){ .xsave_bytes = FXSAVE, .features = 3 };
	return sw;
}

bool
wrt__context_save(struct wrt__context *c, const ucontext_t *uc)
{
	const uint8_t *fp = (const uint8_t *)uc->uc_mcontext.fpregs;
	struct sw_bytes sw;

	if (!fp)
		return false;
	sw = sw_of(fp);
	if (sw.xsave_bytes > c->room)
		return false;
	memcpy(c->regs, uc->uc_mcontext.gregs, sizeof c->regs);
	memcpy(c->x, fp, sw.xsave_bytes);
	c->bytes = sw.xsave_bytes;
	c->features = sw.features;
	return true;
}

/* The part after FXSAVE's.  What the frame has no room for guests do not use:
 * it belongs to features that a thread must ask for. */
static void
load_extended(const struct wrt__context *c, uint8_t *fp, struct sw_bytes sw)
{
	size_t n = c->bytes < sw.xsave_bytes ? c->bytes : sw.xsave_bytes;
	uint64_t has, own, key_bit = 1ull << PKRU;
	size_t nkeys = c->nkeys, at = c->keys_at;
	uint8_t keys[KEYS_MAX];

	if (n < EXTENDED_AT)
		return;
	memcpy(&own, fp + HEADER_AT, sizeof own);
	memcpy(&has, c->x + HEADER_AT, sizeof has);
	has &= sw.features & ~key_bit;
	has |= own & key_bit;
	if (at + nkeys > sw.xsave_bytes)
		at = nkeys = 0;
	memcpy(keys, fp + at, nkeys);
	memcpy(fp + EXTENDED_AT, c->x + EXTENDED_AT, n - EXTENDED_AT);
	memcpy(fp + at, keys, nkeys);
	memcpy(fp + HEADER_AT, &has, sizeof has);
}

void
wrt__context_load(const struct wrt__context *c, ucontext_t *uc)
{
	uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;

	memcpy(uc->uc_mcontext.gregs, c->regs, sizeof c->regs);
	memcpy(fp, c->x, SW_AT);
	load_extended(c, fp, sw_of(fp));
}

static uint32_t
keys_now(void)
{
	uint32_t a, d;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee"	/* rdpkru */
	    : "=a"(a), "=d"(d) : "c"(0));
	return a;
}

/* Did the kernel change the thread's protection keys for the handler? */
static bool
keys_changed(const uint8_t *fp)
{
	struct sw_bytes sw = sw_of(fp);
	uint32_t keys = 0;
	uint64_t has;

	if (!machine_keys_at)
		return false;
	if (machine_keys_at + sizeof keys > sw.xsave_bytes)
		return true;
	memcpy(&has, fp + HEADER_AT, sizeof has);
	if (has >> PKRU & 1)
		memcpy(&keys, fp + machine_keys_at, sizeof keys);
	return keys != keys_now();
}

/* A handler begins with an x87 unit that is as new, and MXCSR likewise.  Flags
 * of exceptions that the host's x87 code raised only the kernel puts back. */
bool
wrt__context_leave(const ucontext_t *uc)
{
	const struct _libc_fpstate *fp = uc->uc_mcontext.fpregs;

	if (!fp || (uc->uc_stack.ss_flags & (int)SS_AUTODISARM) ||
	    fp->swd & X87_FLAGS || keys_changed((const uint8_t *)fp))
		return false;
	if (fp->cwd != X87_NEW)
		__asm__ volatile("fldcw %0" : : "m"(fp->cwd));
	__builtin_ia32_ldmxcsr(fp->mxcsr);
	return true;
}

static uint64_t
fp_control(void)
{
	return __builtin_ia32_stmxcsr();
}

static void
fp_control_set(uint64_t x)
{
	__builtin_ia32_ldmxcsr((uint32_t)x);
}
#elif defined(__aarch64__)
#include <asm/sigcontext.h>

struct wrt__context {
	uint64_t regs[31], sp, pc, pstate;
	size_t bytes;			/* of the records */
	uint8_t records[sizeof ((mcontext_t *)0)->__reserved]
	    __attribute__((aligned(16)));
};

struct wrt__context *
wrt__context_new(void)
{
	return wrt__calloc(1, sizeof(struct wrt__context));
}

/* Vector registers: all that a guest has. */
static bool
is_guests(const struct _aarch64_ctx *r)
{
	return r->magic == FPSIMD_MAGIC || r->magic == SVE_MAGIC;
}

static const struct _aarch64_ctx *
next(const struct _aarch64_ctx *r)
{
	return (const void *)((const uint8_t *)r + r->size);
}

/* False for registers so long that their record is elsewhere. */
bool
wrt__context_save(struct wrt__context *c, const ucontext_t *uc)
{
	const mcontext_t *m = &uc->uc_mcontext;
	const struct _aarch64_ctx *r = (const void *)m->__reserved;

	c->bytes = 0;
	for (; r->magic; r = next(r)) {
		if (r->magic == EXTRA_MAGIC)
			return false;
		if (!is_guests(r))
			continue;
		memcpy(c->records + c->bytes, r, r->size);
		c->bytes += r->size;
	}
	memcpy(c->regs, m->regs, sizeof c->regs);
	c->sp = m->sp;
	c->pc = m->pc;
	c->pstate = m->pstate;
	return true;
}

/* The kernel takes records in any order; those of the thread's own that are no
 * registers of a guest's it does not miss. */
void
wrt__context_load(const struct wrt__context *c, ucontext_t *uc)
{
	mcontext_t *m = &uc->uc_mcontext;

	memcpy(m->__reserved, c->records, c->bytes);
	memset(m->__reserved + c->bytes, 0, sizeof(struct _aarch64_ctx));
	memcpy(m->regs, c->regs, sizeof c->regs);
	m->sp = c->sp;
	m->pc = c->pc;
	m->pstate = c->pstate;
}

void
wrt__context_init(void)
{
}

/* A handler begins with the registers as they were, control included.  What
 * else the kernel changes for it there is a record of, which then is one that
 * older machines have not. */
bool
wrt__context_leave(const ucontext_t *uc)
{
	const struct _aarch64_ctx *r =
	    (const void *)uc->uc_mcontext.__reserved;

	for (; r->magic; r = next(r))
		if (!is_guests(r) && r->magic != ESR_MAGIC)
			return false;
	return !(uc->uc_stack.ss_flags & (int)SS_AUTODISARM);
}

static uint64_t
fp_control(void)
{
	uint64_t x;

	__asm__ volatile("mrs %0, fpcr" : "=r"(x));
	return x;
}

static void
fp_control_set(uint64_t x)
{
	__asm__ volatile("msr fpcr, %0" : : "r"(x));
}
#endif

/* ---- Going on ------------------------------------------------------------- */

/* On a piece of the host's stack, as the guest to be entered: have the handler
 * put the registers in place.  A kill that came before resume was set found
 * nothing to do but to set pending.  All other signals wait until then: the
 * registers take the place of those that the handler finds, which must not be
 * those of a handler of the host's. */
static void
go_on(void *x, void *top, void *z)
{
	struct wrt__act *a = x;
	struct wrt__thread *t = a->thread;
	sigset_t set;

	(void)z;
	a->stack_top = top;
	wrt__kill_unblock();
	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, &t->resume_mask);
	t->resume = a->inst->context;
	atomic_signal_fence(memory_order_seq_cst);
	if (wrt__must_end(a)) {
		t->resume = NULL;
		pthread_sigmask(SIG_SETMASK, &t->resume_mask, NULL);
		wrt__trap(WABI_TRAP_INTERRUPT);
	}
	sigdelset(&set, wrt__kill_signal());
	syscall(SYS_tgkill, getpid(), t->tid, wrt__kill_signal());
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	abort();			/* it has come */
}

bool
wrt__context_enter(struct wrt__act *a)
{
	uint8_t room[16384] __attribute__((aligned(16)));
	uint64_t control = fp_control();
	void *top = a->stack_top;
	bool left;

	a->stack_top = room + sizeof room;
	left = wrt__act_enter(a, (void *)go_on, a, top, NULL);
	a->stack_top = top;
	fp_control_set(control);
	return left;
}
