/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * session.c: calls with their parameters in registers.
 *
 * A session is a claim and an activation that are kept from one call to the
 * next, with a stack of their own in whose record the activation is.  A typed
 * call then has only the stack to change: wrt__typed_call notes the host's,
 * makes the activation the thread's, looks whether it was killed, and calls
 * the module's thunk of the type, which finds its arguments where the host put
 * them.  No locked instruction, no array.  What is left to C is everything
 * else: a trap, a call in the course of another, a call without a session.
 *
 * The kill word stays the session's as long as it lasts.  A kill between two
 * calls ends the next one, or the session.
 */
#include <string.h>

#include "rt.h"

/* ---- Sessions ----------------------------------------------------------- */

static void
session_open(wrt_instance *i, struct wrt__thread *t, struct wrt__stack *s)
{
	struct wrt__act *a = &s->session;

	memset(a, 0, sizeof *a);
	a->thread = t;
	a->typed = 1;
	a->inst = i;
	a->stack = s;
	a->stack_top = s->top;
	a->own_stack = true;
	a->next_session = t->sessions;
	t->sessions = a;
	i->session = a;
}

static void
session_unlink(struct wrt__act *s)
{
	for (struct wrt__act **at = &s->thread->sessions; *at;
	    at = &(*at)->next_session)
		if (*at == s) {
			*at = s->next_session;
			break;
		}
	s->inst->session = NULL;
}

bool
wrt__session_runs(const struct wrt__act *s)
{
	for (const struct wrt__act *a = wrt__act; a; a = a->prev)
		if (a == s)
			return true;
	return false;
}

int
wrt_instance_enter(wrt_instance *i)
{
	struct wrt__stack *s;
	struct wrt__act a;
	int rc;

	if (!i)
		return WRT_EINVAL;
	if (i->session || i->lim.wall_ns || i->lim.cpu_ns || i->lim.slice_ns)
		return WRT_ESTATE;
	rc = wrt__act_begin(&a, i, false);
	if (rc != WRT_OK)
		return rc;
	s = i->depth == 1 ? wrt__stack_take(a.thread, i->stack_bytes) : NULL;
	if (!s) {
		rc = i->depth == 1 ? WRT_ENOMEM : WRT_ESTATE;
		wrt__act_cancel(&a);
		return rc;
	}
	session_open(i, a.thread, s);
	return WRT_OK;
}

static int
session_close(struct wrt__act *s)
{
	struct wrt__act a = *s;
	int rc;

	session_unlink(s);
	rc = wrt__act_end(&a, false);
	wrt__act_release(&a);
	return rc;
}

int
wrt_instance_leave(wrt_instance *i)
{
	struct wrt__act *s;

	if (!i)
		return WRT_EINVAL;
	s = i->session;
	if (!s || s->thread != wrt__thread || i->depth != 1 ||
	    wrt__session_runs(s))
		return WRT_ESTATE;
	return session_close(s);
}

void
wrt__sessions_end(struct wrt__thread *t)
{
	while (t->sessions)
		session_close(t->sessions);
}

void
wrt__sessions_forked(struct wrt__thread *t)
{
	while (t->sessions)
		session_unlink(t->sessions);
}

/* ---- Typed calls -------------------------------------------------------- */

static bool
same_types(const struct wrt_functype *a, const struct wrt_functype *b)
{
	return a->nparams == b->nparams && a->nresults == b->nresults &&
	    (!a->nparams || !memcmp(a->params, b->params, a->nparams)) &&
	    (!a->nresults || !memcmp(a->results, b->results, a->nresults));
}

int
wrt_func_typed(wrt_func *func, const struct wrt_functype *type,
    struct wrt_typed *out)
{
	const struct wabi_func *f = (const struct wabi_func *)func;
	const struct wrt_module *m;
	struct wrt_functype t;
	wrt_instance *i;

	if (!f || !type || !out)
		return WRT_EINVAL;
	if (!wrt__type_func(f->type_id, &t) || !same_types(&t, type) ||
	    !wrt__in_registers(&t, WABI_TYPED_FROM_INTS))
		return WRT_ETYPE;
	i = wrt__instance_of(f->vmctx);
	m = i->module;
	memset(out, 0, sizeof *out);
	out->code = f->code;
	out->vmctx = f->vmctx;
	out->instance = i;
	out->func = func;
	if (!f->host)
		out->thunk = wrt__code(m, m->typed_from_host[
		    WRT__META(m, funcs)[f->func_idx].type_idx]);
	/* The fast way has no place to look at a clock. */
	out->call = (void (*)(void))(uintptr_t)(out->thunk &&
	    !i->lim.count_cpu ? wrt__typed_call : wrt__typed_slow);
	return WRT_OK;
}

/* Registers as values, in the order of the parameters. */
static void
from_registers(const struct wrt_functype *t, const struct wrt__typed_regs *r,
    wrt_val *vals)
{
	unsigned nints = 0, nfloats = 0;

	for (uint32_t k = 0; k < t->nparams; k++) {
		uint64_t x = t->params[k] == WRT_I32 || t->params[k] == WRT_I64
		    ? r->ints[nints++] : r->floats[nfloats++];

		if (t->params[k] == WRT_I32 || t->params[k] == WRT_F32)
			x = (uint32_t)x;
		vals[k].u64[0] = x;
		vals[k].u64[1] = 0;
	}
}

void
wrt__typed_array(struct wrt_typed *t, struct wrt__typed_regs *r)
{
	wrt_val vals[WABI_TYPED_FROM_INTS + WABI_TYPED_FLOATS], result;
	struct wrt_functype type;

	r->result = 0;
	if (wrt_func_type(t->func, &type) != WRT_OK) {
		t->status = WRT_EINVAL;
		return;
	}
	from_registers(&type, r, vals);
	t->status = wrt_func_call(t->func, vals, type.nparams, &result);
	if (t->status == WRT_OK && type.nresults)
		r->result = result.u64[0];
}

/* What a trap leaves to be walked goes with its stack, and the session gets
 * another; if there is none, the trap is walked at once. */
void
wrt__typed_left(struct wrt_typed *t)
{
	struct wrt__act *s = wrt__act, a = *s;
	wrt_instance *i = a.inst;
	struct wrt__stack *other = wrt__stack_take(a.thread, a.stack->bytes);

	wrt__act = NULL;
	a.own_stack = other != NULL;
	i->depth++;
	t->status = wrt__act_end(&a, true);
	if (i->session != s) {			/* the child of a fork */
		wrt__stack_give(a.thread, other);
		return;
	}
	session_unlink(s);
	if (a.stack)
		session_open(i, a.thread, a.stack);
	else
		session_open(i, a.thread, other);
	if (a.stack)
		wrt__stack_give(a.thread, other);
}
