/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * trap.c: what a trap leaves behind, and its telling.
 *
 * The outermost call of a thread leaves its stack to the instance, and the
 * frames are found when somebody asks.  A nested call shares its stack with
 * the guest that goes on after it, so its frames are found at once.
 */
#include <stdio.h>
#include <string.h>

#include "rt.h"

const char *
wrt__trap_text(int code)
{
	switch (code) {
#define X(name, number, text) case number: return text;
	WABI_TRAPS(X)
#undef X
	}
	return "unknown trap";
}

/* i has no trap any more, or is no more: who called it must not look there for
 * why. */
static void
forget_inner(const wrt_instance *i)
{
	for (struct wrt__act *a = wrt__act; a; a = a->prev)
		if (a->inner == i)
			a->inner = NULL;
}

/* Where frames and text go; NULL: no memory for them. */
static struct wrt__trapmore *
more_of(struct wrt__trapinfo *t)
{
	struct wrt__thread *th = wrt__thread_get();

	if (t->more)
		return t->more;
	if (th && th->spare) {
		t->more = th->spare;
		th->spare = NULL;
		t->more->text[0] = '\0';
		t->more->nframes = t->more->total = 0;
	} else {
		t->more = wrt__calloc(1, sizeof *t->more);
	}
	return t->more;
}

static void
more_give(struct wrt__trapinfo *t)
{
	struct wrt__thread *th = wrt__thread_get();

	if (th && !th->spare)
		th->spare = t->more;
	else
		wrt__free(t->more);
	t->more = NULL;
}

char *
wrt__trap_text_of(wrt_instance *i)
{
	struct wrt__trapmore *m = more_of(&i->trap);

	return m ? m->text : NULL;
}

void
wrt__trap_say(wrt_instance *i, const char *text)
{
	char *to = text ? wrt__trap_text_of(i) : NULL;

	if (to)
		snprintf(to, WRT__TEXT, "%s", text);
	else if (i->trap.more)
		i->trap.more->text[0] = '\0';
}

void
wrt__trap_clear(wrt_instance *i)
{
	struct wrt__trapinfo *t = &i->trap;

	forget_inner(i);
	if (t->stack)
		wrt__stack_give(wrt__thread_get(), t->stack);
	if (t->more)
		more_give(t);
	memset(t, 0, sizeof *t);
}

/* Find the frames, after those that are there already. */
static void
trap_walk(struct wrt__trapinfo *t)
{
	struct wrt__trapmore *m = t->regs.pc ? more_of(t) : NULL;
	size_t n = 0;

	if (!m)
		return;
	m->total += wrt__backtrace(&t->regs, t->is_return,
	    m->frames + m->nframes, WRT__MAX_FRAMES - m->nframes, &n);
	m->nframes += n;
}

/* The guest was in continuations, which end with the call: find the frames of
 * each, innermost first, then those where the call began. */
static void
trap_walk_conts(struct wrt__act *a)
{
	struct wrt__trapinfo *t = &a->inst->trap;

	for (;;) {
		if (!t->more || t->more->total < WRT__UNWIND_MAX)
			trap_walk(t);
		if (!a->cont)
			break;
		wrt__cont_leave(a);
		t->regs = a->regs;
		t->is_return = true;
	}
}

/* The frames of a nested call that trapped, and so ended this one, come
 * first. */
static void
trap_inherit(struct wrt__act *a)
{
	struct wrt__trapinfo *t = &a->inst->trap;
	const struct wrt__trapinfo *from;

	if (!a->inner) {
		if (t->more)
			t->more->nframes = t->more->total = 0;
		if (!a->trap_set) {
			if (t->more)
				t->more->text[0] = '\0';
			t->exit_code = 0;
		}
		return;
	}
	if (a->inner == a->inst)
		return;
	from = &a->inner->trap;
	t->address = from->address;
	if (!a->trap_set)
		t->exit_code = from->exit_code;
	if (from->more && more_of(t)) {
		if (!a->trap_set)
			memcpy(t->more->text, from->more->text, WRT__TEXT);
		t->more->nframes = from->more->nframes;
		t->more->total = from->more->total;
		memcpy(t->more->frames, from->more->frames,
		    sizeof t->more->frames);
	} else if (t->more) {
		t->more->nframes = t->more->total = 0;
		if (!a->trap_set)
			t->more->text[0] = '\0';
	}
}

void
wrt__trap_keep(struct wrt__act *a)
{
	struct wrt__trapinfo *t = &a->inst->trap;

	/* Of an earlier call of the same session. */
	if (t->stack)
		wrt__stack_give(a->thread, t->stack);
	t->stack = NULL;
	trap_inherit(a);
	t->code = a->code;
	t->exn = a->code == WABI_TRAP_EXCEPTION ? a->exn : NULL;
	if (!a->inner)
		t->address = a->address;
	t->regs = a->regs;
	t->is_return = a->is_return;
	if (a->cont) {
		trap_walk_conts(a);
	} else if (!a->own_stack) {
		trap_walk(t);
	} else if (a->regs.pc) {
		t->stack = a->stack;
		a->stack = NULL;
	}
}

int
wrt_trap_get(wrt_instance *i, struct wrt_trap *out)
{
	const struct wrt__trapmore *m;
	struct wrt__trapinfo *t;

	if (!i || !out)
		return WRT_EINVAL;
	t = &i->trap;
	if (!t->code)
		return WRT_ESTATE;
	if (t->stack) {
		trap_walk(t);
		wrt__stack_give(wrt__thread_get(), t->stack);
		t->stack = NULL;
	}
	m = t->more;
	out->code = t->code;
	out->exit_code = t->exit_code;
	out->text = m && m->text[0] ? m->text : wrt__trap_text(t->code);
	out->address = t->address;
	out->nframes = m ? m->nframes : 0;
	out->frames = m ? m->frames : NULL;
	out->nframes_total = m ? m->total : 0;
	return WRT_OK;
}

/* The activation whose host function we are in, or NULL. */
static struct wrt__act *
host_act(wrt_instance *caller)
{
	struct wrt__act *a = wrt__act;

	return caller && a && a->in_host ? a : NULL;
}

int
wrt_trap_set(wrt_instance *caller, int code, const char *text)
{
	struct wrt__act *a = host_act(caller);

	if (!a)
		return WRT_ESTATE;
	if (code <= 0)
		return WRT_EINVAL;
	a->trap_set = true;
	a->code = code;
	a->inst->trap.exit_code = 0;
	wrt__trap_say(a->inst, text);
	return WRT_ETRAP;
}

int
wrt_exit(wrt_instance *caller, int exit_code)
{
	struct wrt__act *a = host_act(caller);

	if (!a)
		return WRT_ESTATE;
	a->trap_set = true;
	a->code = WABI_TRAP_EXIT;
	a->inst->trap.exit_code = exit_code;
	wrt__trap_say(a->inst, NULL);
	return WRT_ETRAP;
}

/* On the host's stack: end the innermost activation. */
void
wrt__trap(int code)
{
	struct wrt__act *a = wrt__act;

	a->code = code;
	wrt__leave(a);
}

/* Whoever asks sets pending after what he asks for. */
void
wrt__pending(struct wrt__act *a)
{
	atomic_store_explicit(&a->pending, 0, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (wrt__must_end(a)) {
		a->code = WABI_TRAP_INTERRUPT;
		wrt__leave(a);
	}
	if (wrt__slice_wanted(a)) {
		wrt__suspend_as(a, WRT__BY_PENDING);
		wrt__leave(a);
	}
}
