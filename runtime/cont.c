/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cont.c: continuations: changing from one guest stack to another.
 *
 * Generated code asks by a runtime call, whose stub has noted in act->regs all
 * that the guest needs to go on.  So a change of stacks is: keep act->regs,
 * take those of where it goes on, and leave for there as for a landing pad.
 * act->stack is always the stack that the guest runs on.
 *
 * What runs is a chain: act->cont is the innermost, parent leads to who resumed
 * it, NULL is the stack where the call began.  Each keeps where its resumer
 * goes on (from) and the clauses of that resume.  A suspend looks along the
 * chain for a clause; what is between is cut off together and is one suspended
 * continuation: known by the outermost, which keeps where the innermost goes
 * on.  A chain belongs to one activation, so frames of the host are never
 * between.
 *
 * The life of continuations and of their references is cont_life.c's;
 * docs/CONTINUATIONS.md tells the whole.
 */
#include <string.h>

#include "rt.h"

static void
copy_vals(union wabi_val *to, const union wabi_val *from, uint32_t n)
{
	if (n)
		memcpy(to, from, n * sizeof *to);
}

/* ---- From references to continuations ----------------------------------- */

/* The reference is used up by this. */
static struct wrt__cont *
take(const void *ref)
{
	struct wrt__cont *k;

	if (!ref)
		wrt__trap(WABI_TRAP_NULL_CONT_REF);
	k = wrt__cont_of(ref);
	if (!k)
		wrt__trap(WABI_TRAP_CONT_CONSUMED);
	wrt__cont_renew(k);
	return k;
}

/* ---- Beginning ---------------------------------------------------------- */

static void
start_regs(struct wrt__cont *k, void *sp)
{
	struct wrt__regs *r = &k->regs;

	memset(r, 0, sizeof *r);
	r->pc = (uint64_t)(uintptr_t)wrt__cont_start;
	r->sp = (uint64_t)(uintptr_t)sp;
#if defined(__x86_64__)
	r->rbx = (uint64_t)(uintptr_t)k->thunk;
	r->r12 = (uint64_t)(uintptr_t)k->func->vmctx;
	r->r13 = (uint64_t)(uintptr_t)k->func->code;
	r->r14 = (uint64_t)(uintptr_t)sp;
#elif defined(__aarch64__)
	r->x19_x30[0] = (uint64_t)(uintptr_t)k->thunk;
	r->x19_x30[1] = (uint64_t)(uintptr_t)k->func->vmctx;
	r->x19_x30[2] = (uint64_t)(uintptr_t)k->func->code;
	r->x19_x30[3] = (uint64_t)(uintptr_t)sp;
#endif
}

/* k has its function only: give it a stack, with an array for parameters and
 * results at its top. */
static void
start(struct wrt__cont *k)
{
	uint32_t n = k->nparams > k->nresults ? k->nparams : k->nresults;
	union wabi_val *vals;

	wrt__cont_stack(k);
	if (n * sizeof *vals > k->stack->bytes / 2) {
		wrt__cont_end(k);
		wrt__trap(WABI_TRAP_STACK_OVERFLOW);
	}
	vals = (union wabi_val *)(void *)k->stack->top - n;
	copy_vals(vals, k->vals, k->nbound);
	wrt__free(k->vals);
	k->vals = vals;
	k->inner = k;
	start_regs(k, vals);
}

/* ---- Going to and fro --------------------------------------------------- */

/* a's guest waits until k returns or suspends. */
static void
wait_for(struct wrt__act *a, struct wrt__cont *k, void *vmctx,
    union wabi_val *to, const struct wabi_clauses *clauses)
{
	k->parent = a->cont;
	k->from_stack = a->stack;
	k->from = a->regs;
	k->clauses = clauses;
	k->tags = wrt__instance_of(vmctx)->tags;
	k->to = to;
}

static void
go_into(struct wrt__act *a, struct wrt__cont *k)
{
	k->suspended = false;
	a->cont = k->inner;
	a->stack = k->inner->stack;
	a->regs = k->regs;
}

/* Where k was resumed. */
static void
go_back(struct wrt__act *a, const struct wrt__cont *k)
{
	a->cont = k->parent;
	a->stack = k->from_stack;
	a->regs = k->from;
}

void
wrt__cont_leave(struct wrt__act *a)
{
	struct wrt__cont *k = a->cont;

	go_back(a, k);
	wrt__cont_end(k);
}

struct wrt__stack *
wrt__chain_end(struct wrt__cont *c, struct wrt__stack *s)
{
	struct wrt__cont *parent;

	for (; c; c = parent) {
		parent = c->parent;
		s = c->from_stack;
		wrt__cont_end(c);
	}
	return s;
}

/* a's guest, with all that waits for it up to k, is suspended; vals is where it
 * wants what it is resumed with. */
static void
suspend(struct wrt__act *a, wrt_instance *i, struct wrt__cont *k,
    union wabi_val *vals)
{
	wrt__cont_adopt(i, k);
	k->inner = a->cont;
	k->regs = a->regs;
	k->vals = vals;
	k->nbound = 0;
	k->suspended = true;
}

/* The innermost continuation whose resume has a clause for the tag. */
static struct wrt__cont *
find(const struct wrt__act *a, const void *tag, bool is_switch,
    uint32_t *clause)
{
	for (struct wrt__cont *k = a->cont; k; k = k->parent)
		for (uint32_t j = 0; j < k->clauses->n; j++) {
			const struct wabi_clause *c = &k->clauses->clause[j];

			if (c->is_switch == is_switch &&
			    k->tags[c->tag] == tag) {
				*clause = j;
				return k;
			}
		}
	wrt__trap(WABI_TRAP_UNHANDLED_TAG);
}

/* ---- The runtime calls -------------------------------------------------- */

void *
wrt__rt_CONT_NEW(void *vmctx, struct wabi_func *f, uint32_t type)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	const struct wrt_module *m = i->module;
	const struct wabi_valtype *func = wrt__list(m,
	    WRT__META(m, types)[type].params);
	struct wrt__cont *k = wrt__cont_new(i, f);
	struct wrt_functype t = { 0 };

	wrt__type_func(m->type_ids[func->heap], &t);
	k->nparams = t.nparams;
	k->nresults = t.nresults;
	k->thunk = wrt__code(m, m->from_host[func->heap]);
	return wrt__cont_ref(k);
}

void *
wrt__rt_CONT_BIND(void *vmctx, void *ref, const union wabi_val *vals,
    uint32_t n)
{
	struct wrt__cont *k = take(ref);

	(void)vmctx;
	if (n && !k->vals)
		k->vals = wrt__calloc(k->nparams, sizeof *vals);
	if (n && !k->vals)
		wrt__trap(WABI_TRAP_HEAP);
	copy_vals(k->vals + k->nbound, vals, n);
	k->nbound += n;
	return wrt__cont_ref(k);
}

uint32_t
wrt__rt_RESUME(void *vmctx, void *ref, union wabi_val *vals,
    const struct wabi_clauses *clauses, uint32_t n)
{
	struct wrt__act *a = wrt__act;
	struct wrt__cont *k = take(ref);

	if (!k->stack)
		start(k);
	copy_vals(k->vals + k->nbound, vals, n);
	wait_for(a, k, vmctx, vals, clauses);
	go_into(a, k);
	wrt__land(a, NULL);
}

/* One that has not begun never does. */
uint32_t
wrt__rt_RESUME_THROW(void *vmctx, void *ref, union wabi_val *vals,
    const struct wabi_clauses *clauses, struct wabi_exn *e)
{
	struct wrt__act *a = wrt__act;
	struct wrt__cont *k = take(ref);

	if (!k->stack) {
		wrt__cont_end(k);
		wrt__throw(a, e);
	}
	wait_for(a, k, vmctx, vals, clauses);
	go_into(a, k);
	wrt__throw(a, e);
}

void
wrt__rt_SUSPEND(void *vmctx, uint32_t tag, union wabi_val *vals, uint32_t n)
{
	struct wrt__act *a = wrt__act;
	wrt_instance *i = wrt__instance_of(vmctx);
	uint32_t clause;
	struct wrt__cont *k = find(a, i->tags[tag], false, &clause);

	suspend(a, i, k, vals);
	go_back(a, k);
	k->parent = NULL;
	copy_vals(k->to, vals, n);
	k->to[n].u64[0] = (uint64_t)(uintptr_t)wrt__cont_ref(k);
	wrt__land(a, (void *)(uintptr_t)(clause + 1));
}

/* The one that is switched to takes the place of the one that switches: the
 * same resume waits for it. */
void
wrt__rt_SWITCH(void *vmctx, void *ref, uint32_t tag, union wabi_val *vals,
    uint32_t n)
{
	struct wrt__act *a = wrt__act;
	wrt_instance *i = wrt__instance_of(vmctx);
	struct wrt__cont *to = take(ref), *k;
	uint32_t clause;

	k = find(a, i->tags[tag], true, &clause);
	if (!to->stack)
		start(to);
	suspend(a, i, k, vals);
	to->parent = k->parent;
	to->from_stack = k->from_stack;
	to->from = k->from;
	to->clauses = k->clauses;
	to->tags = k->tags;
	to->to = k->to;
	k->parent = NULL;
	copy_vals(to->vals + to->nbound, vals, n);
	to->vals[to->nbound + n].u64[0] =
	    (uint64_t)(uintptr_t)wrt__cont_ref(k);
	go_into(a, to);
	wrt__land(a, NULL);
}

/* The running continuation's function has returned. */
void
wrt__rt_CONT_END(void)
{
	struct wrt__act *a = wrt__act;
	struct wrt__cont *k = a->cont;

	copy_vals(k->to, (union wabi_val *)(void *)k->stack->top -
	    (k->nparams > k->nresults ? k->nparams : k->nresults),
	    k->nresults);
	wrt__cont_leave(a);
	wrt__land(a, NULL);
}

/* ---- Words that may be references --------------------------------------- */

static void
words_of_stack(const struct wrt__stack *s, const struct wrt__regs *r,
    wrt__words_fn *fn, void *arg)
{
	uintptr_t sp = r->sp;

	fn(arg, r, r + 1);
	/* Where it is not known how far down the stack is in use, all of it. */
	if (sp < (uintptr_t)s->low || sp > (uintptr_t)s->top)
		sp = (uintptr_t)s->low;
	fn(arg, (const void *)sp, s->top);
}

void
wrt__words_of_chain(const struct wrt__cont *c, wrt__words_fn *fn, void *arg)
{
	for (; c; c = c->parent)
		words_of_stack(c->from_stack, &c->from, fn, arg);
}

/* Nested activations share a stack, of which the innermost's part holds those
 * of the others. */
void
wrt__words_of_acts(wrt__words_fn *fn, void *arg)
{
	const struct wrt__stack *seen = NULL;

	for (const struct wrt__act *a = wrt__act; a; a = a->prev) {
		if (a->stack && a->stack != seen)
			words_of_stack(a->stack, &a->regs, fn, arg);
		else
			fn(arg, &a->regs, &a->regs + 1);
		seen = a->cont ? NULL : a->stack;
		wrt__words_of_chain(a->cont, fn, arg);
	}
}

void
wrt__words_of_cont(const struct wrt__cont *k, wrt__words_fn *fn, void *arg)
{
	if (!k->stack) {
		if (k->vals)
			fn(arg, k->vals, k->vals + k->nbound);
		return;
	}
	words_of_stack(k->inner->stack, &k->regs, fn, arg);
	for (const struct wrt__cont *c = k->inner; c != k; c = c->parent)
		words_of_stack(c->from_stack, &c->from, fn, arg);
}

void
wrt__words_of_call(const struct wrt__stack *s, wrt__words_fn *fn, void *arg)
{
	if (!s)
		return;
	words_of_stack(s, &s->call.regs, fn, arg);
	wrt__words_of_chain(s->call.cont, fn, arg);
}

void
wrt__words_of_conts(const wrt_instance *i, wrt__words_fn *fn, void *arg)
{
	for (const struct wrt__cont *k = i->conts.first; k; k = k->next)
		if (k->suspended)
			wrt__words_of_cont(k, fn, arg);
}
