/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * call.c: one call, from the host's values to results or a trap.
 */
#include <alloca.h>
#include <string.h>

#include "rt.h"

#define MAX_VALS 4096u

/* ---- Host functions ----------------------------------------------------- */

/* A host function that the host calls: no stack to change to. */
static int
run_host(wrt_instance *i, struct wrt__hostfn *h, wrt_val *vals)
{
	struct wrt__act a;
	int rc = wrt__act_begin(&a, i, false);

	if (rc != WRT_OK)
		return rc;
	wrt__add(&i->counts.done.calls, 1);
	if (a.prev) {
		a.stack = a.prev->stack;
		a.regs = a.prev->regs;
	}
	a.in_host = true;
	wrt__act_link(&a);
	if (atomic_load_explicit(&a.pending, memory_order_relaxed) &&
	    wrt__must_end(&a)) {
		a.code = WABI_TRAP_INTERRUPT;
		rc = WRT_ETRAP;
	} else {
		rc = wrt__hostfn_call(h, i, vals);
		if (rc != WRT_OK || a.ends)
			wrt__hostfn_code(&a, rc);
	}
	wrt__act = a.prev;
	a.regs.pc = 0;
	rc = wrt__act_end(&a, rc != WRT_OK || a.ends);
	wrt__act_release(&a);
	return rc;
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

/* As wide as the types are, the rest zero.  Just so wide is what the guest stored
 * a moment ago: a wider load would have to wait for that. */
static void
copy_vals(wrt_val *to, const wrt_val *from, const uint8_t *types, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		if (types[k] == WRT_V128) {
			to[k] = from[k];
			continue;
		}
		to[k].u64[0] = types[k] == WRT_I32 || types[k] == WRT_F32 ?
		    (uint32_t)from[k].i32 : from[k].u64[0];
		to[k].u64[1] = 0;
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

int
wrt__call_end(struct wrt__act *a, bool left, struct wabi_func *f,
    wrt_val *vals, wrt_val *results)
{
	wrt_instance *i = a->inst;
	bool refs;
	const struct wrt_functype *t = wrt__type_of_call(f->type_id, &refs);
	int rc = wrt__act_end(a, left);

	if (rc == WRT_OK) {
		if (refs)
			wrt__vals_to_host(i, t->results, t->nresults, vals);
		copy_vals(results, vals, t->results, t->nresults);
		if (refs)
			wrt__exns_pin(t->results, t->nresults, results);
	}
	wrt__act_release(a);
	return rc;
}

int
wrt__call_in(struct wrt__act *a, struct wabi_func *f, wrt_val *vals)
{
	void *thunk = thunk_of(wrt__instance_of(f->vmctx), f);
	bool refs;
	const struct wrt_functype *t = wrt__type_of_call(f->type_id, &refs);
	wrt_val *at;
	int rc = wrt__act_stack(a, t->nparams > t->nresults ? t->nparams :
	    t->nresults, &at);

	if (rc != WRT_OK)
		return rc;
	copy_vals(at, vals, t->params, t->nparams);
	return wrt__call_end(a, wrt__act_enter(a, thunk, f->vmctx, f->code,
	    at), f, at, vals);
}

/* The values are kept on the guest's stack, where they are as long as the call,
 * which may be longer than we are.  There are n, args' references taken. */
static int
call_guest(wrt_instance *i, struct wabi_func *f, const struct wrt_functype *t,
    const wrt_val *args, uint32_t n, wrt_val *results)
{
	void *thunk = thunk_of(wrt__instance_of(f->vmctx), f);
	struct wrt__act a;
	wrt_val *vals;
	int rc;

	if (!thunk)
		return WRT_ETYPE;
	rc = wrt__act_begin(&a, i, false);
	if (rc != WRT_OK)
		return rc;
	rc = wrt__act_stack(&a, n, &vals);
	if (rc != WRT_OK)
		return rc;
	wrt__add(&i->counts.done.calls, 1);
	for (uint32_t k = 0; k < t->nparams; k++)
		vals[k] = args[k];
	a.may_suspend = !i->session;
	a.func = f;
	a.vals = vals;
	return wrt__call_end(&a, wrt__act_enter(&a, thunk, f->vmctx, f->code,
	    vals), f, vals, results);
}

static int
call_host(wrt_instance *i, struct wabi_func *f, const struct wrt_functype *t,
    wrt_val *vals, bool refs, wrt_val *results)
{
	int rc = run_host(i, f->host, vals);

	if (rc != WRT_OK)
		return rc;
	copy_vals(results, vals, t->results, t->nresults);
	if (refs)
		wrt__exns_pin(t->results, t->nresults, results);
	return WRT_OK;
}

/* i is the instance that was called, which keeps the trap. */
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
	if (!refs && !f->host)
		return call_guest(i, f, t, args, n, results);
	if (n > sizeof few / sizeof *few)
		vals = alloca(n * sizeof *vals);
	copy_vals(vals, args, t->params, t->nparams);
	if (refs && (rc = take_refs(f, t, vals)) != WRT_OK)
		return rc;
	return f->host ? call_host(i, f, t, vals, refs, results) :
	    call_guest(i, f, t, vals, n, results);
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

