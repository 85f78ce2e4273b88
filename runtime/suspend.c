/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * suspend.c: a call that stops in the middle and goes on later.
 *
 * A guest that called a host function is wholly on its own stack: frames,
 * preserved registers as the stub noted them, and the call's values.  To
 * suspend it is to note what the activation knew, in the stack's record, and
 * to leave as after a trap.  To resume it is a new activation that begins where
 * a stub ends.  No guest code keeps an address of a thread's or of the
 * activation's, so that any thread may do it.
 */
#include <alloca.h>
#include <stdio.h>
#include <string.h>

#include "rt.h"

/* ---- Suspending --------------------------------------------------------- */

static bool
can_suspend(const struct wrt__act *a)
{
	return a->may_suspend && a->own_stack && a->inst->depth == 1;
}

int
wrt_yield(wrt_instance *caller, wrt_val val)
{
	struct wrt__act *a = wrt__act;

	if (!caller || !a || !a->in_host || !a->stack || !can_suspend(a))
		return WRT_ESTATE;
	a->stack->call.yielded = val;
	a->yielding = true;
	return WRT_YIELD;
}

void
wrt__suspend_as(struct wrt__act *a, enum wrt__suspended_how how)
{
	struct wrt__suspended *s = &a->stack->call;

	memset(s, 0, sizeof *s);
	s->how = how;
	s->regs = a->regs;
	s->stack_top = a->stack_top;
	s->func = a->func;
	s->call_vals = a->vals;
	s->result[0] = a->result[0];
	s->result[1] = a->result[1];
	s->cont = a->cont;
	a->suspended = true;
}

static bool
by_time(const wrt_instance *i)
{
	enum wrt__suspended_how how = i->suspended->call.how;

	return how == WRT__BY_SIGNAL || how == WRT__BY_PENDING;
}

/* Registers may hold what is no reference any more or not yet, and pointers
 * before an object; what is returned is in no frame. */
bool
wrt__suspended_anywhere(const struct wrt__group *g)
{
	for (const wrt_instance *i = g->members; i; i = i->next)
		if (i->suspended && by_time(i))
			return true;
	return false;
}

void
wrt__suspend(struct wrt__act *a, wrt_instance *caller,
    const struct wrt__hostfn *h, wrt_val *vals)
{
	struct wrt__suspended *s;
	wrt_val yielded;

	if (!can_suspend(a)) {
		a->trap_set = true;
		a->code = WABI_TRAP_HOST;
		a->inner = NULL;
		wrt__trap_say(a->inst,
		    "host function failed: this call cannot be suspended");
		wrt__leave(a);
	}
	s = &a->stack->call;
	yielded = s->yielded;
	wrt__suspend_as(a, vals ? WRT__BY_HOSTCALL : WRT__BY_HOSTFAST);
	if (a->yielding)
		s->yielded = yielded;
	s->caller = caller;
	s->type = h->type;
	s->vals = vals;
	wrt__leave(a);
}

void
wrt__suspended_drop(wrt_instance *i)
{
	struct wrt__stack *s = i->suspended;

	if (!s)
		return;
	/* It may have been making an object. */
	wrt__heap_repair(i);
	/* In a continuation, its stack is that one's to end. */
	s = wrt__chain_end(s->call.cont, s);
	wrt__stack_give(wrt__thread_get(), s);
	i->suspended = NULL;
	i->lim.wall_left = i->lim.cpu_left = 0;
	i->state = WRT__READY;
}

int
wrt_instance_suspended(const wrt_instance *i)
{
	if (!i || !i->suspended)
		return 0;
	return by_time(i) ? 2 : 1;
}

int
wrt_instance_yielded(wrt_instance *i, wrt_val *out)
{
	if (!i || !out)
		return WRT_EINVAL;
	if (!i->suspended)
		return WRT_ESTATE;
	*out = i->suspended->call.yielded;
	return WRT_OK;
}

/* ---- Resuming ----------------------------------------------------------- */

/* The host's values, as the guest is to have them; *reg: what is to be in its
 * result registers. */
static int
take_vals(const struct wrt__suspended *s, const wrt_val *vals, size_t n,
    uint64_t *reg)
{
	const uint8_t *types = s->type.results;
	wrt_val *tmp;
	int rc;

	if (n != s->type.nresults || (n && !vals))
		return WRT_ETYPE;
	if (s->how == WRT__BY_HOSTFAST) {
		reg[0] = reg[1] = n ? vals[0].u64[0] : 0;
		return WRT_OK;
	}
	if (s->how != WRT__BY_HOSTCALL)
		return WRT_OK;			/* its own go on */
	tmp = alloca((n + 1) * sizeof *tmp);
	for (size_t k = 0; k < n; k++)
		tmp[k] = vals[k];
	rc = wrt__vals_from_host(s->caller, types, (uint32_t)n, tmp);
	if (rc != WRT_OK)
		return rc;
	for (size_t k = 0; k < n; k++)
		s->vals[k] = tmp[k];
	wrt__vals_escape(s->caller, types, (uint32_t)n, vals);
	return WRT_OK;
}

int
wrt_instance_resume(wrt_instance *i, const wrt_val *vals, size_t nvals,
    wrt_val *results)
{
	struct wrt__suspended *s;
	struct wrt__act a;
	bool refs, left;
	int rc;

	if (!i)
		return WRT_EINVAL;
	rc = wrt__act_begin(&a, i, true);
	if (rc != WRT_OK)
		return rc;
	s = &i->suspended->call;
	rc = WRT_ETYPE;
	if (results || !wrt__type_of_call(s->func->type_id, &refs)->nresults)
		rc = take_vals(s, vals, nvals, a.result);
	if (rc != WRT_OK) {
		wrt__act_cancel(&a);
		return rc;
	}
	a.stack = i->suspended;
	i->suspended = NULL;
	a.cont = s->cont;
	a.own_stack = a.may_suspend = true;
	a.stack_top = s->stack_top;
	a.regs = s->regs;
	a.is_return = true;
	a.func = s->func;
	a.vals = s->call_vals;
	if (s->how == WRT__BY_SIGNAL || s->how == WRT__BY_PENDING)
		memcpy(a.result, s->result, sizeof a.result);
	left = s->how == WRT__BY_SIGNAL ? wrt__context_enter(&a) :
	    wrt__act_resume(&a);
	return wrt__call_end(&a, left, a.func, a.vals, results);
}
