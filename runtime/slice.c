/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slice.c: a guest is suspended wherever it is, and goes on later.
 *
 * Who asks, wrt_instance_preempt() or the watchdog when a slice is used up, sets
 * a bit in the kill word and sends the kill signal.  Where that finds
 *
 *   guest code: all registers are saved, and the thread leaves for the host;
 *
 *   a runtime call or a host function: the request is kept in act->pending, at
 *   which the stub looks before it returns to the guest, and there the call is
 *   suspended with what the runtime call returned;
 *
 *   neither (just entering, just resumed, in a stub, a handler of the host's
 *   above guest code): the signal is sent again a little later, so that every
 *   resumption gets on by something.
 *
 * What wrt__suspend() says of calls that cannot be suspended holds here too: the
 * request is dropped when such a call ends.
 */
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "rt.h"

bool
wrt__slice_wanted(const struct wrt__act *a)
{
	return a->may_suspend && a->own_stack && atomic_load_explicit(
	    &a->inst->kill, memory_order_acquire) & WRT__PREEMPT;
}

/* Another thread's, or the handler's own. */
static bool
request(wrt_instance *i, uint64_t *word)
{
	*word = atomic_load_explicit(&i->kill, memory_order_acquire);
	do {
		if (!(*word & WRT__KILL_TID))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&i->kill, word,
	    *word | WRT__PREEMPT, memory_order_acq_rel,
	    memory_order_acquire));
	return true;
}

void
wrt__slice_over(wrt_instance *i)
{
	uint64_t word;

	request(i, &word);
}

bool
wrt__slice_signal(struct wrt__act *a, ucontext_t *uc, bool in_guest,
    bool by_timer)
{
	bool any = false;

	for (struct wrt__act *o = a; o; o = o->prev)
		if (wrt__slice_wanted(o)) {
			atomic_store_explicit(&o->pending, 1,
			    memory_order_relaxed);
			any = true;
		}
	if (!any || !wrt__slice_wanted(a) || a->in_host || a->suspended)
		return any;
	if (!in_guest || !wrt__context_save(a->inst->context, uc)) {
		wrt__resend_start(a->thread, by_timer);
		return true;
	}
	wrt__suspend_as(a, WRT__BY_SIGNAL);
	return true;
}

/* ---- For the host --------------------------------------------------------- */

/* The first preemption may be asked for by another thread. */
static int
make_room(wrt_instance *i)
{
	struct wrt__context *none = NULL, *c;

	if (atomic_load_explicit(&i->context, memory_order_acquire))
		return WRT_OK;
	c = wrt__context_new();
	if (!c)
		return WRT_ENOMEM;
	if (!atomic_compare_exchange_strong(&i->context, &none, c))
		wrt__free(c);
	return WRT_OK;
}

int
wrt_instance_set_slice(wrt_instance *i, uint64_t ns)
{
	if (!i)
		return WRT_EINVAL;
	if (i->depth)
		return WRT_ESTATE;
	if (ns && make_room(i) != WRT_OK)
		return WRT_ENOMEM;
	if (ns && wrt__watchdog_start() != WRT_OK)
		return WRT_ESYS;
	i->lim.slice_ns = ns;
	wrt__limits_changed(i);
	return WRT_OK;
}

int
wrt_instance_preempt(wrt_instance *i)
{
	uint64_t word;

	if (!i)
		return WRT_EINVAL;
	if (make_room(i) != WRT_OK)
		return WRT_ENOMEM;
	if (!request(i, &word))
		return WRT_ESTATE;
	syscall(SYS_tgkill, getpid(), (int)(word & WRT__KILL_TID),
	    wrt__kill_signal());
	return WRT_OK;
}

int
wrt_preempted(wrt_instance *caller)
{
	struct wrt__act *a = wrt__act;

	return caller && a && a->in_host && !wrt__must_end(a) &&
	    wrt__slice_wanted(a);
}
