/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * signal.c: faults of guests, and the signal that stops one.
 *
 * The handlers act on what is ours and pass everything else on to the handler
 * that was there before.  Ours is
 *
 *   a fault in a memory at an absent page below its size, whoever touched it:
 *   the page is put there and the instruction runs again;
 *
 *   a fault of guest code in a memory's reservation, or in the guard of the
 *   stack it runs on: a trap;
 *
 *   the kill signal when somebody asked for it.
 *
 * To leave the guest a handler changes the context it returns to, so that the
 * kernel restores signal mask, floating-point state and signal stack.  A trap
 * is left at once instead where that is all the same (leave_fault()), which
 * takes half a microsecond less.  Nothing here allocates, locks or touches
 * lazily made thread-local storage.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "rt.h"

/* Ignored by default, so that one which comes late does no harm. */
#define KILL_SIGNAL SIGURG
#define KERNEL_RESTORER	0x04000000ul	/* the kernel's SA_RESTORER */

static const int ours[] = { SIGSEGV, SIGBUS, KILL_SIGNAL };
enum { NOURS = sizeof ours / sizeof *ours };
static struct sigaction before[NOURS];

/* After a kill: see on_kill(). */
void
wrt__kill_unblock(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, KILL_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int
wrt__kill_signal(void)
{
	return KILL_SIGNAL;
}

/* ---- The machine's context -------------------------------------------- */

#if defined(__x86_64__)
static uintptr_t
context_pc(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

static void
context_regs(const ucontext_t *uc, struct wrt__regs *r)
{
	const greg_t *g = uc->uc_mcontext.gregs;

	r->pc = (uint64_t)g[REG_RIP];
	r->sp = (uint64_t)g[REG_RSP];
	r->rbp = (uint64_t)g[REG_RBP];
	r->rbx = (uint64_t)g[REG_RBX];
	r->r12 = (uint64_t)g[REG_R12];
	r->r13 = (uint64_t)g[REG_R13];
	r->r14 = (uint64_t)g[REG_R14];
	r->r15 = (uint64_t)g[REG_R15];
}

static void
context_leave(ucontext_t *uc, struct wrt__act *a)
{
	greg_t *g = uc->uc_mcontext.gregs;

	g[REG_RIP] = (greg_t)(uintptr_t)wrt__leave;
	g[REG_RDI] = (greg_t)(uintptr_t)a;
	g[REG_RSP] = (greg_t)(uintptr_t)a->host_sp;
}
#elif defined(__aarch64__)
static uintptr_t
context_pc(const ucontext_t *uc)
{
	return uc->uc_mcontext.pc;
}

static void
context_regs(const ucontext_t *uc, struct wrt__regs *r)
{
	r->pc = uc->uc_mcontext.pc;
	r->sp = uc->uc_mcontext.sp;
	memcpy(r->x19_x30, &uc->uc_mcontext.regs[19], sizeof r->x19_x30);
}

static void
context_leave(ucontext_t *uc, struct wrt__act *a)
{
	uc->uc_mcontext.pc = (uintptr_t)wrt__leave;
	uc->uc_mcontext.regs[0] = (uintptr_t)a;
	uc->uc_mcontext.sp = (uintptr_t)a->host_sp;
}
#endif

/* ---- Passing on -------------------------------------------------------- */

/* The handler that was there, with the mask that it asked for.  The kernel sets
 * the mask back when we return. */
static void
call_before(struct sigaction *old, int sig, siginfo_t *si, void *uc)
{
	struct sigaction sa = *old;

	if (sa.sa_flags & SA_RESETHAND) {
		old->sa_flags = 0;
		old->sa_handler = SIG_DFL;
	}
	if (!(sa.sa_flags & SA_NODEFER))
		sigaddset(&sa.sa_mask, sig);
	pthread_sigmask(SIG_BLOCK, &sa.sa_mask, NULL);
	if (sa.sa_flags & SA_SIGINFO)
		sa.sa_sigaction(sig, si, uc);
	else
		sa.sa_handler(sig);
}

/* What would have happened without us. */
static void
pass_on(int sig, siginfo_t *si, void *uc)
{
	struct sigaction *old = NULL;

	for (int i = 0; i < NOURS; i++)
		if (ours[i] == sig)
			old = &before[i];
	if (old->sa_flags & SA_SIGINFO) {
		call_before(old, sig, si, uc);
	} else if (old->sa_handler == SIG_IGN && sig == KILL_SIGNAL) {
		return;
	} else if (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN) {
		/* The kernel does not let a fault be ignored either. */
		struct sigaction dfl;

		if (sig == KILL_SIGNAL)
			return;
		memset(&dfl, 0, sizeof dfl);
		dfl.sa_handler = SIG_DFL;
		sigaction(sig, &dfl, NULL);
		/* A fault comes again when the handler returns; a signal that
		 * was sent must be sent again. */
		if (si->si_code <= 0)
			syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
	} else {
		call_before(old, sig, si, uc);
	}
}

/* ---- Faults ------------------------------------------------------------ */

static bool
in_guest(const struct wrt__act *a, uintptr_t pc)
{
	struct wrt_module *m = a->inst->module;

	return wrt__module_at(&m, pc);
}

static void
trap_out(ucontext_t *uc, struct wrt__act *a, int code)
{
	a->code = code;
	a->is_return = 0;
	context_regs(uc, &a->regs);
	context_leave(uc, a);
}

/* As trap_out(), but without the kernel if it called us itself, which `back`
 * tells.  A handler that was installed after ours may have to do something
 * after us, or have signals blocked: it is returned to.  When we are called by
 * the kernel the mask is the guest's (see install()), but for one that
 * on_kill() changed above us: act_end() then sets it right.  The signal stack
 * is in use as long as the stack pointer says so. */
static void
leave_fault(ucontext_t *uc, struct wrt__act *a, int code, const void *back)
{
	trap_out(uc, a, code);
	if (back == wrt__restorer && wrt__context_leave(uc))
		wrt__leave(a);
}

/* False: not ours. */
static bool
fault(siginfo_t *si, ucontext_t *uc, const void *back)
{
	uintptr_t addr = (uintptr_t)si->si_addr;
	struct wrt__act *a = wrt__act;
	struct wrt_memory *mem;
	int64_t off;
	bool in_memory = wrt__ranges_find(addr, &mem, &off);

	if (in_memory && mem && off >= 0 &&
	    (uint64_t)off < wrt__mem_bytes(mem) &&
	    wrt__pages_serve(mem, (uint64_t)off))
		return true;
	if (!a || a->in_host || !in_guest(a, context_pc(uc)))
		return false;
	if (in_memory) {
		a->address = mem && off >= 0 ? (uint64_t)off : 0;
		a->fault_page = mem && mem->mode == WRT__UFFD &&
		    (!mem->fence || off < (int64_t)mem->fence) ?
		    si->si_addr : NULL;
		leave_fault(uc, a, WABI_TRAP_MEMORY_OOB, back);
		return true;
	}
	if (addr < (uintptr_t)a->stack->low &&
	    addr >= (uintptr_t)a->stack->low - WABI_STACK_GUARD) {
		leave_fault(uc, a, WABI_TRAP_STACK_OVERFLOW, back);
		return true;
	}
	return false;
}

/* From wrt__fault_entry.  What is left without return has not changed errno. */
void
wrt__on_fault(int sig, siginfo_t *si, void *uc, const void *back)
{
	int e = errno;

	/* si_code > 0: from the kernel, so si_addr is one. */
	if (si->si_code <= 0 || !fault(si, uc, back))
		pass_on(sig, si, uc);
	errno = e;
}

/* ---- Kill -------------------------------------------------------------- */

struct wrt__act *
wrt__killed(struct wrt__act *a)
{
	struct wrt__act *last = NULL;

	for (; a; a = a->prev)
		if (atomic_load_explicit(&a->inst->kill, memory_order_acquire)
		    >> 32)
			last = a;
	return last;
}

bool
wrt__must_end(struct wrt__act *a)
{
	return wrt__killed(a) || a->inst->pool->forks != wrt__forks;
}

bool
wrt__pc_in_window(uintptr_t pc)
{
	const int32_t *w = (const int32_t *)(const void *)wrt__stub_windows;
	const int32_t *end =
	    (const int32_t *)(const void *)wrt__stub_windows_end;

	if (pc >= (uintptr_t)wrt__enter_window &&
	    pc < (uintptr_t)wrt__enter_window_end)
		return true;
	for (; w < end; w += 2)
		if (pc >= (uintptr_t)wrt__stub_windows + (intptr_t)w[0] &&
		    pc < (uintptr_t)wrt__stub_windows + (intptr_t)w[1])
			return true;
	return false;
}

/* To leave this to pending would block the signal while the host function
 * waits. */
static bool
in_fast_entry(uintptr_t pc)
{
	return pc >= (uintptr_t)wrt__stub_HOSTFAST &&
	    pc < (uintptr_t)wrt__fast_entered;
}

/* A guest that was suspended goes on from here. */
static bool
resume(struct wrt__thread *t, ucontext_t *uc)
{
	if (!t->resume)
		return false;
	wrt__context_load(t->resume, uc);
	memcpy(&uc->uc_sigmask, &t->resume_mask, 8);	/* the kernel's size */
	t->resume = NULL;
	return true;
}

/* In guest code: leave at once.  In the runtime or the host: every way back
 * into guest code looks at pending first, and between that look and the guest
 * the pc is in a window, where one may leave too. */
static void
on_kill(int sig, siginfo_t *si, void *uc)
{
	struct wrt__act *a = wrt__act, *last;
	bool resumed = a && resume(a->thread, uc);
	bool by_timer = si->si_code == SI_TIMER;
	uintptr_t pc = context_pc(uc);
	int e = errno;

	wrt__limits_check(a);
	last = wrt__killed(a);
	if (!last) {
		/* If it was, it is on its way out, in the runtime. */
		bool was = a && a->suspended;
		bool asked = wrt__slice_signal(a, uc,
		    !resumed && a && in_guest(a, pc), by_timer);

		if (asked && a->suspended && !was) {
			context_regs(uc, &a->regs);
			a->is_return = 0;
			a->stack->call.regs = a->regs;
			context_leave(uc, a);
		}
		errno = e;
		if (!asked && !resumed)
			pass_on(sig, si, uc);
		return;
	}
	for (struct wrt__act *o = a;; o = o->prev) {
		atomic_store_explicit(&o->pending, 1, memory_order_relaxed);
		if (o == last)
			break;
	}
	wrt__wait_kill(a->thread);
	if (!a->in_host && (in_guest(a, pc) || in_fast_entry(pc))) {
		trap_out(uc, a, WABI_TRAP_INTERRUPT);
	} else if (!a->in_host && wrt__pc_in_window(pc)) {
		/* The stub has noted where the guest is; in wrt__enter it has
		 * not begun. */
		a->code = WABI_TRAP_INTERRUPT;
		context_leave(uc, a);
	} else if (a->in_host) {
		/* It may be about to wait in the kernel. */
		wrt__resend_start(a->thread, by_timer);
	} else {
		/* Perhaps in a handler, above guest code: come again when that
		 * returns and with it the guest's mask.  From a runtime call
		 * the guest leaves by pending, from a fault's handler by a
		 * trap; act_end() unblocks. */
		a->thread->held = true;
		sigaddset(&((ucontext_t *)uc)->uc_sigmask, KILL_SIGNAL);
		syscall(SYS_tgkill, getpid(), a->thread->tid, KILL_SIGNAL);
	}
	errno = e;
}

/* ---- Installing -------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool installed;

/* The same once more, but to end in our frame: then leave_fault() knows that
 * nobody stands between the kernel and us.  Where the C library's call did
 * something else than ours, as sanitizers' do, it stays as it is. */
static void
mark(int sig)
{
	struct { void (*fn)(void); unsigned long flags; const void *restorer;
	    uint64_t mask; } k;

	if (syscall(SYS_rt_sigaction, sig, NULL, &k, sizeof k.mask) < 0 ||
	    k.fn != (void (*)(void))wrt__fault_entry || k.mask)
		return;
	k.flags |= KERNEL_RESTORER;
	k.restorer = wrt__restorer;
	syscall(SYS_rt_sigaction, sig, &k, NULL, sizeof k.mask);
}

/* A kill is to end a system call of a host function's.  Faults come without
 * changing the mask at all. */
static void
install(void)
{
	wrt__context_init();
	wrt__copy_init();
	for (int i = 0; i < NOURS; i++) {
		struct sigaction sa;

		memset(&sa, 0, sizeof sa);
		sigemptyset(&sa.sa_mask);
		if (ours[i] == KILL_SIGNAL) {
			sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
			sa.sa_sigaction = on_kill;
		} else {
			sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
			sa.sa_sigaction = wrt__fault_entry;
		}
		if (sigaction(ours[i], &sa, &before[i]) < 0)
			return;
		if (ours[i] != KILL_SIGNAL)
			mark(ours[i]);
	}
	installed = true;
}

int
wrt__signals_init(struct wrt_error *err)
{
	pthread_once(&once, install);
	if (!installed || !wrt__fork_init())
		return wrt__fail(err, WRT_ESYS,
		    "cannot install signal handlers");
	return WRT_OK;
}
