/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * act.c: activations, from the claim of an instance to what is left of them.
 *
 * An instance is claimed by the thread that runs it; the claim is what makes
 * misuse from another thread a WRT_ESTATE.  The kill word says who runs it, so
 * that wrt_instance_kill() sends its signal to that thread and to no other: a
 * signal that comes late finds no instance marked and does nothing.
 */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt.h"

#define NESTED_GAP 256u			/* red zone, and a little */
#define NESTED_ROOM 2048u		/* for what enters a nested call */

/* ---- Activations -------------------------------------------------------- */

/* Since it was created. */
static void
first_run(wrt_instance *i)
{
	i->ran = true;
	for (uint32_t k = 0; k < i->nown_mems; k++)
		wrt__pages_begin(&i->own_mems[k]);
}

static int
claim(wrt_instance *i, struct wrt__thread *t, bool resuming)
{
	struct wrt__thread *none = NULL;

	if (i->pool->forks != wrt__forks)
		return WRT_ESTATE;
	if (!atomic_compare_exchange_strong_explicit(&i->thread, &none, t,
	    memory_order_acquire, memory_order_relaxed) && none != t)
		return WRT_ESTATE;
	if ((i->suspended != NULL) != resuming) {
		if (!none)
			atomic_store_explicit(&i->thread, NULL,
			    memory_order_release);
		return WRT_ESTATE;
	}
	if (i->depth++ == 0) {
		i->state = WRT__RUNNING;
		if (!i->ran)
			first_run(i);
		atomic_store_explicit(&i->kill, (uint32_t)t->tid,
		    memory_order_release);
	}
	return WRT_OK;
}

/* Is the claim all of i's, or its session's that is between two calls? */
bool
wrt__act_outermost(const wrt_instance *i)
{
	return i->depth == 1 || (i->depth == 2 && i->session &&
	    !wrt__session_runs(i->session));
}

/* Returns the code of a kill, or 0.  Others may use i after release(). */
static int
unclaim(wrt_instance *i, enum wrt__state state)
{
	bool last = wrt__act_outermost(i);
	uint64_t word;

	if (--i->depth > 0) {
		if (!last)
			return 0;
		word = atomic_fetch_and_explicit(&i->kill, UINT32_MAX,
		    memory_order_acq_rel);
		return (int)(word >> 32);
	}
	word = atomic_exchange_explicit(&i->kill, 0, memory_order_acq_rel);
	i->state = word >> 32 ? WRT__TRAPPED : state;
	return (int)(word >> 32);
}

static void
release(wrt_instance *i)
{
	if (!i->depth)
		atomic_store_explicit(&i->thread, NULL, memory_order_release);
}

/* A nested activation goes on where the guest called the host, on the same
 * stack, clear of what the guest may use below its stack pointer. */
static int
take_stack(struct wrt__act *a)
{
	struct wrt__act *p = a->prev;

	if (p && p->stack && !a->service) {
		a->stack = p->stack;
		a->stack_top = (void *)((p->regs.sp - NESTED_GAP) & ~15ull);
		return WRT_OK;
	}
	a->stack = a->thread->stack;
	if (a->stack && a->stack->bytes == a->inst->stack_bytes)
		a->thread->stack = NULL;
	else
		a->stack = wrt__stack_take(a->thread, a->inst->stack_bytes);
	if (!a->stack)
		return WRT_ENOMEM;
	a->stack_top = a->stack->top;
	a->own_stack = true;
	return WRT_OK;
}

int
wrt__act_stack(struct wrt__act *a, uint32_t n, wrt_val **vals)
{
	int rc = take_stack(a);
	uintptr_t top = (uintptr_t)a->stack_top, bytes = n * sizeof **vals;

	if (rc != WRT_OK) {
		wrt__act_cancel(a);
		return rc;
	}
	if (top - (uintptr_t)a->stack->low < bytes + NESTED_ROOM) {
		a->code = WABI_TRAP_STACK_OVERFLOW;
		rc = wrt__act_end(a, true);
		wrt__act_release(a);
		return rc;
	}
	a->stack_top = (void *)(top - bytes);
	*vals = a->stack_top;
	return WRT_OK;
}

int
wrt__act_begin(struct wrt__act *a, wrt_instance *i, bool resuming)
{
	int rc;

	/* Of regs, which stubs and faults fill in, only what says that there
	 * are none. */
	a->host_sp = a->stack_top = NULL;
	atomic_init(&a->pending, 0);
	a->ends = a->is_return = a->in_host = 0;
	a->regs.pc = a->regs.sp = 0;
	memset(&a->result, 0, sizeof *a - offsetof(struct wrt__act, result));
	a->prev = wrt__act;
	if (a->prev) {
		if (!a->prev->in_host)
			return WRT_ESTATE;	/* from a signal handler */
		a->nservices = a->prev->nservices;
	}
	a->thread = wrt__thread_get();
	if (!a->thread)
		return WRT_ENOMEM;
	a->inst = i;
	rc = claim(i, a->thread, resuming);
	if (rc != WRT_OK)
		return rc;
	if (i->trap.code && wrt__act_outermost(i))
		wrt__trap_clear(i);
	return WRT_OK;
}

void
wrt__act_cancel(struct wrt__act *a)
{
	wrt_instance *i = a->inst;

	/* A kill of what did not run ends nothing. */
	if (unclaim(i, i->suspended ? WRT__SUSPENDED : WRT__READY)) {
		i->state = i->suspended ? WRT__SUSPENDED : WRT__READY;
		wrt__kill_unblock();
	}
	if (!a->service)
		release(i);
}

/* The kill signal may be blocked, and on its way again; so it has to be if an
 * outer call is to end too. */
static void
was_stopped(struct wrt__act *a)
{
	wrt__resend_stop(a->thread);
	a->thread->held = false;
	wrt__kill_unblock();
	if (wrt__killed(a->prev))
		wrt__resend_start(a->thread, false);
}

/* A kill that was promised is what ended the call, even if a trap of the
 * guest's own was first. */
static void
keep_trap(struct wrt__act *a, int kill)
{
	wrt_instance *i = a->inst;

	wrt__heap_repair(i);
	wrt__fuel_fault(a);
	if (kill)
		a->code = kill;
	wrt__trap_keep(a);
	wrt__stats_trap(i, a->code);
	if (a->fault_page)
		wrt__pages_trapped(a->fault_page);
	if (kill) {
		wrt__trap_say(i, NULL);
		i->trap.exit_code = 0;
		i->trap.address = 0;
	}
	if (a->prev)
		a->prev->inner = i;
}

static int
act_end(struct wrt__act *a, bool left)
{
	wrt_instance *i = a->inst;
	bool suspended = left && a->suspended, trapped = left && !suspended;
	int kill;

	if (i->lim.set && wrt__act_outermost(i))
		wrt__limits_end(i, a->thread, suspended);
	kill = unclaim(i, trapped ? WRT__TRAPPED : suspended ?
	    WRT__SUSPENDED : WRT__READY);
	if (trapped && !a->code)
		a->code = WABI_TRAP_INTERRUPT;	/* before it began */
	if (kill || a->code == WABI_TRAP_INTERRUPT || a->thread->resend_ns ||
	    a->thread->held)
		was_stopped(a);
	if (kill && !trapped) {
		/* It came as the guest was done; it was promised. */
		trapped = true;
		i->lim.wall_left = i->lim.cpu_left = 0;
		if (!suspended)
			a->regs.pc = 0;
	}
	if (trapped) {
		keep_trap(a, kill);
		return WRT_ETRAP;
	}
	if (!suspended)
		return WRT_OK;
	i->suspended = a->stack;
	a->stack = NULL;
	return WRT_SUSPENDED;
}

int
wrt__act_end(struct wrt__act *a, bool left)
{
	int rc = act_end(a, left);

	if (!a->service)
		release(a->inst);
	return rc;
}

void
wrt__service_release(struct wrt__act *a)
{
	release(a->inst);
}

void
wrt__act_release(struct wrt__act *a)
{
	if (a->own_stack && !a->thread->stack)
		a->thread->stack = a->stack;	/* NULL: somebody keeps it */
	else if (a->own_stack)
		wrt__stack_give(a->thread, a->stack);
}

/* A kill between claim() and here found no activation to end. */
void
wrt__act_link(struct wrt__act *a)
{
	wrt__act = a;
	if (a->inst->lim.set && wrt__act_outermost(a->inst))
		wrt__limits_begin(a);
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&a->inst->kill, memory_order_acquire) >> 32 ||
	    (a->prev && atomic_load_explicit(&a->prev->pending,
	    memory_order_relaxed) && wrt__must_end(a->prev)))
		atomic_store_explicit(&a->pending, 1, memory_order_relaxed);
}

/* It left because somebody wants it suspended before it has begun: let it begin.
 * The signal comes again. */
static bool
not_begun(struct wrt__act *a)
{
	if (a->code || a->suspended)
		return false;
	atomic_store_explicit(&a->pending, 0, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	return !wrt__must_end(a);
}

bool
wrt__act_enter(struct wrt__act *a, void *fn, void *x, void *y, void *z)
{
	bool left;

	if (a->prev && !wrt__thread_has_room(a->thread)) {
		a->code = WABI_TRAP_STACK_OVERFLOW;
		return true;
	}
	wrt__act_link(a);
	do
		left = wrt__enter(a, fn, x, y, z) != 0;
	while (left && not_begun(a));
	wrt__act = a->prev;
	return left;
}

bool
wrt__act_resume(struct wrt__act *a)
{
	bool left;

	if (a->prev && !wrt__thread_has_room(a->thread)) {
		a->code = WABI_TRAP_STACK_OVERFLOW;
		return true;
	}
	wrt__act_link(a);
	do
		left = wrt__resume(a) != 0;
	while (left && not_begun(a));
	wrt__act = a->prev;
	return left;
}

int
wrt__run(wrt_instance *i, void *fn, void *x, void *y, void *z)
{
	struct wrt__act a;
	wrt_val *none;
	int rc = wrt__act_begin(&a, i, false);

	if (rc == WRT_OK)
		rc = wrt__act_stack(&a, 0, &none);
	if (rc != WRT_OK)
		return rc;
	wrt__add(&i->counts.done.calls, 1);
	rc = wrt__act_end(&a, wrt__act_enter(&a, fn, x, y, z));
	wrt__act_release(&a);
	return rc;
}

/* ---- Kill --------------------------------------------------------------- */

int
wrt_instance_kill(wrt_instance *i, int code)
{
	uint64_t word;

	if (!i || code <= 0)
		return WRT_EINVAL;
	word = atomic_load_explicit(&i->kill, memory_order_acquire);
	do {
		if (!(word & WRT__KILL_TID))
			return WRT_ESTATE;
		if (word >> 32)
			break;		/* somebody was first */
	} while (!atomic_compare_exchange_weak_explicit(&i->kill, &word,
	    word | (uint64_t)(uint32_t)code << 32, memory_order_acq_rel,
	    memory_order_acquire));
	syscall(SYS_tgkill, getpid(), (int)(word & WRT__KILL_TID),
	    wrt__kill_signal());
	return WRT_OK;
}
