/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * call.c: one call, from the host's values to results or a trap.
 *
 * An instance is claimed by the thread that runs it; the claim is what makes
 * misuse from another thread a WRT_ESTATE.  The kill word says who runs it, so
 * that wrt_instance_kill() sends its signal to that thread and to no other: a
 * signal that comes late finds no instance marked and does nothing.
 */
#include <alloca.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt.h"

#define MAX_VALS 4096u
#define NESTED_GAP 256u			/* red zone, and a little */
#define NESTED_ROOM 2048u		/* for what enters a nested call */

/* ---- Activations -------------------------------------------------------- */

static int
claim(wrt_instance *i, struct wrt__thread *t)
{
	struct wrt__thread *none = NULL;

	if (i->pool->forks != wrt__forks)
		return WRT_ESTATE;
	if (!atomic_compare_exchange_strong_explicit(&i->thread, &none, t,
	    memory_order_acquire, memory_order_relaxed) && none != t)
		return WRT_ESTATE;
	if (i->depth++ == 0) {
		i->state = WRT__RUNNING;
		i->ran = true;
		atomic_store_explicit(&i->kill, (uint32_t)t->tid,
		    memory_order_release);
	}
	return WRT_OK;
}

/* Returns the code of a kill, or 0. */
static int
unclaim(wrt_instance *i, enum wrt__state state)
{
	uint64_t word;

	if (--i->depth > 0)
		return 0;
	word = atomic_exchange_explicit(&i->kill, 0, memory_order_acq_rel);
	i->state = word >> 32 ? WRT__TRAPPED : state;
	atomic_store_explicit(&i->thread, NULL, memory_order_release);
	return (int)(word >> 32);
}

/* A nested activation goes on where the guest called the host, on the same
 * stack, clear of what the guest may use below its stack pointer. */
static int
act_stack(struct wrt__act *a)
{
	struct wrt__act *p = a->prev;

	if (p && p->stack) {
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

static int
act_begin(struct wrt__act *a, wrt_instance *i)
{
	int rc;

	/* Of regs, which stubs and faults fill in, only what says that there
	 * are none. */
	a->host_sp = a->stack_top = NULL;
	atomic_init(&a->pending, 0);
	a->is_return = 0;
	a->regs.pc = a->regs.sp = 0;
	memset(&a->inst, 0, sizeof *a - offsetof(struct wrt__act, inst));
	a->prev = wrt__act;
	if (a->prev && !a->prev->in_host)
		return WRT_ESTATE;	/* from a signal handler */
	a->thread = wrt__thread_get();
	if (!a->thread)
		return WRT_ENOMEM;
	a->inst = i;
	rc = claim(i, a->thread);
	if (rc != WRT_OK)
		return rc;
	if (i->depth == 1 && i->trap.code)
		wrt__trap_clear(i);
	return WRT_OK;
}

static int
act_end(struct wrt__act *a, bool trapped)
{
	wrt_instance *i = a->inst;
	int kill = unclaim(i, trapped ? WRT__TRAPPED : WRT__READY);

	if (kill)
		wrt__kill_unblock();
	if (trapped && !a->code)
		a->code = WABI_TRAP_INTERRUPT;	/* before it began */
	if (kill && !trapped) {
		/* It came as the guest was done; it was promised. */
		trapped = true;
		a->code = kill;
		a->regs.pc = 0;
	} else if (kill && a->code == WABI_TRAP_INTERRUPT) {
		a->code = kill;
	}
	if (trapped) {
		wrt__heap_repair(i);
		wrt__trap_keep(a);
		if (a->prev)
			a->prev->inner = i;
	}
	if (a->own_stack && !a->thread->stack)
		a->thread->stack = a->stack;	/* NULL: the trap keeps it */
	else if (a->own_stack)
		wrt__stack_give(a->thread, a->stack);
	if (a->fault_page)
		wrt__pages_unmap_table(a->fault_page);
	return trapped ? WRT_ETRAP : WRT_OK;
}

/* A kill between claim() and here found no activation to end. */
static void
act_was_killed(struct wrt__act *a)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&a->inst->kill, memory_order_acquire) >> 32 ||
	    (a->prev && atomic_load_explicit(&a->prev->pending,
	    memory_order_relaxed)))
		atomic_store_explicit(&a->pending, 1, memory_order_relaxed);
}

/* May one more call be nested?  The first push on the guest's stack is made by
 * wrt__enter, where a fault would not be a guest's. */
static bool
has_room(const struct wrt__act *a)
{
	if (!a->prev)
		return true;
	return (uintptr_t)a->stack_top >= (uintptr_t)a->stack->low +
	    NESTED_ROOM && wrt__thread_has_room(a->thread);
}

int
wrt__run(wrt_instance *i, void *fn, void *x, void *y, void *z)
{
	struct wrt__act a;
	int rc = act_begin(&a, i);
	bool left;

	if (rc != WRT_OK)
		return rc;
	rc = act_stack(&a);
	if (rc != WRT_OK) {
		unclaim(i, WRT__READY);
		return rc;
	}
	if (!has_room(&a)) {
		a.code = WABI_TRAP_STACK_OVERFLOW;
		return act_end(&a, true);
	}
	wrt__act = &a;
	act_was_killed(&a);
	left = wrt__enter(&a, fn, x, y, z) != 0;
	wrt__act = a.prev;
	return act_end(&a, left);
}

/* A host function that the host calls: no stack to change to. */
static int
run_host(wrt_instance *i, struct wrt__hostfn *h, wrt_val *vals)
{
	struct wrt__act a;
	int rc = act_begin(&a, i);

	if (rc != WRT_OK)
		return rc;
	if (a.prev) {
		a.stack = a.prev->stack;
		a.regs = a.prev->regs;
	}
	a.in_host = true;
	wrt__act = &a;
	rc = wrt__hostfn_call(h, i, vals);
	wrt__act = a.prev;
	if (rc != WRT_OK || a.trap_set || a.throwing)
		wrt__hostfn_code(&a, rc);
	a.regs.pc = 0;
	return act_end(&a, rc != WRT_OK || a.trap_set || a.throwing);
}

/* ---- Calls -------------------------------------------------------------- */

static void *
thunk_of(const wrt_instance *owner, const struct wabi_func *f)
{
	const struct wrt_module *m = owner->module;

	assert(f->func_idx < m->nfuncs);
	return wrt__code(m,
	    m->from_host[WRT__META(m, funcs)[f->func_idx].type_idx]);
}

/* i is the instance that was called, which keeps the trap. */
static int
call_vals(wrt_instance *i, struct wabi_func *f, wrt_val *vals)
{
	void *thunk;

	if (f->host)
		return run_host(i, f->host, vals);
	thunk = thunk_of(wrt__instance_of(f->vmctx), f);
	if (!thunk)
		return WRT_ETYPE;
	return wrt__run(i, thunk, f->vmctx, f->code, vals);
}

/* Results of narrow types come with the rest of the word as it was. */
static void
copy_results(wrt_val *to, const wrt_val *from, const struct wrt_functype *t)
{
	for (uint32_t k = 0; k < t->nresults; k++) {
		to[k] = from[k];
		if (t->results[k] == WRT_V128)
			continue;
		to[k].u64[1] = 0;
		if (t->results[k] == WRT_I32 || t->results[k] == WRT_F32)
			to[k].u64[0] &= UINT32_MAX;
	}
}

/* References that the host passes: funcrefs become known to the callee, which
 * may also ask for more than their public types say. */
static int
take_refs(struct wabi_func *f, const struct wrt_functype *t, wrt_val *vals)
{
	wrt_instance *owner = wrt__instance_of(f->vmctx);
	const struct wrt_module *m = owner->module;
	const struct wabi_typeinfo *type;
	int rc = WRT_OK;

	wrt__vals_escape(owner, t->params, t->nparams, vals);
	if (f->host)
		return WRT_OK;
	type = &WRT__META(m, types)[WRT__META(m, funcs)[f->func_idx].type_idx];
	for (uint32_t k = 0; k < t->nparams && rc == WRT_OK; k++)
		if (t->params[k] < WRT_V128 && t->params[k] != WRT_ANYREF)
			rc = wrt__ref_check((const struct wabi_valtype *)
			    wrt__list(m, type->params) + k, m->type_ids,
			    &vals[k]);
	return rc == WRT_OK ? wrt__args_from_host(f, t, vals) : rc;
}

static int
call(wrt_instance *i, struct wabi_func *f, const wrt_val *args, size_t nargs,
    wrt_val *results)
{
	const struct wrt_functype *t;
	wrt_val few[8], *vals = few;
	bool refs;
	uint32_t n;
	int rc;

	t = wrt__type_of_call(f->type_id, &refs);
	if (nargs != t->nparams || (nargs && !args) ||
	    (t->nresults && !results))
		return WRT_ETYPE;
	n = t->nparams > t->nresults ? t->nparams : t->nresults;
	if (n > MAX_VALS)
		return WRT_ELIMIT;
	if (n > sizeof few / sizeof *few)
		vals = alloca(n * sizeof *vals);
	for (uint32_t k = 0; k < nargs; k++)
		vals[k] = args[k];
	if (refs && (rc = take_refs(f, t, vals)) != WRT_OK)
		return rc;
	rc = call_vals(i, f, vals);
	if (rc != WRT_OK)
		return rc;
	if (refs && !f->host)
		wrt__vals_to_host(i, t->results, t->nresults, vals);
	copy_results(results, vals, t);
	if (refs)
		wrt__exns_pin(t->results, t->nresults, results);
	return WRT_OK;
}

int
wrt_func_call(wrt_func *func, const wrt_val *args, size_t nargs,
    wrt_val *results)
{
	struct wabi_func *f = (struct wabi_func *)func;

	if (!f)
		return WRT_EINVAL;
	return call(wrt__instance_of(f->vmctx), f, args, nargs, results);
}

wrt_instance *
wrt_func_instance(const wrt_func *func)
{
	const struct wabi_func *f = (const struct wabi_func *)func;

	return f ? wrt__instance_of(f->vmctx) : NULL;
}

int
wrt_func_type(const wrt_func *func, struct wrt_functype *out)
{
	const struct wabi_func *f = (const struct wabi_func *)func;

	if (!f || !out || !wrt__type_func(f->type_id, out))
		return WRT_EINVAL;
	return WRT_OK;
}

int
wrt_instance_func(wrt_instance *i, const char *name, size_t name_len,
    wrt_func **out, struct wrt_functype *type)
{
	const struct wabi_export_info *e;
	struct wabi_func *f;
	long k;

	if (!i || !name)
		return WRT_EINVAL;
	k = wrt__find_export(i->module, name, name_len);
	if (k < 0)
		return WRT_ENOTFOUND;
	e = &WRT__META(i->module, exports)[k];
	if (e->kind != WABI_KIND_FUNC)
		return WRT_ENOTFOUND;
	f = wrt__instance_funcref(i, e->index);
	if (!f)
		return WRT_ENOTFOUND;
	if (type && !wrt__type_func(f->type_id, type))
		return WRT_ETYPE;
	if (out)
		*out = (wrt_func *)f;
	return WRT_OK;
}

int
wrt_instance_call(wrt_instance *i, const char *name, const wrt_val *args,
    size_t nargs, wrt_val *results)
{
	wrt_func *f;
	int rc;

	if (!i || !name)
		return WRT_EINVAL;
	rc = wrt_instance_func(i, name, strlen(name), &f, NULL);
	return rc == WRT_OK ? call(i, (struct wabi_func *)f, args, nargs,
	    results) : rc;
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
		if (!(uint32_t)word)
			return WRT_ESTATE;
		if (word >> 32)
			break;		/* somebody was first */
	} while (!atomic_compare_exchange_weak_explicit(&i->kill, &word,
	    word | (uint64_t)(uint32_t)code << 32, memory_order_acq_rel,
	    memory_order_acquire));
	syscall(SYS_tgkill, getpid(), (int)(uint32_t)word, wrt__kill_signal());
	return WRT_OK;
}
