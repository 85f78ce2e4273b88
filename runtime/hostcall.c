/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * hostcall.c: guest to host.  The one door to libffi.
 *
 * The guest's thunk has put the parameters into an array on its stack; we are
 * on the host's stack already.
 */
#include <ffi.h>
#include <string.h>

#include "rt.h"

struct wrt__cfunc {
	void (*fn)(void);
	ffi_cif cif;
	ffi_type *types[];		/* data, caller, parameters */
};

/* ---- Definitions -------------------------------------------------------- */

struct wrt__hostfn *
wrt__hostfn_new(const struct wrt_functype *type, wrt_host_fn fn, void *data)
{
	struct wrt__hostfn *h = wrt__calloc(1, sizeof *h);

	if (!h)
		return NULL;
	atomic_init(&h->refs, 1);
	h->type_id = wrt__type_of_func(type);
	if (!h->type_id || !wrt__type_func(h->type_id, &h->type)) {
		wrt__free(h);
		return NULL;
	}
	wrt__type_of_call(h->type_id, &h->has_refs);
	h->fn = fn;
	h->data = data;
	return h;
}

void
wrt__hostfn_put(struct wrt__hostfn *h)
{
	if (!h || atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	wrt__cfunc_free(h->cfunc);
	wrt__service_free(h->service);
	wrt__free(h->text);
	wrt__free(h);
}

bool
wrt__in_registers(const struct wrt_functype *t, unsigned ints)
{
	unsigned nints = 0, nfloats = 0;

	for (uint32_t k = 0; k < t->nparams; k++) {
		if (t->params[k] < WRT_F64)
			return false;
		if (t->params[k] >= WRT_I64)
			nints++;
		else
			nfloats++;
	}
	return nints <= ints && nfloats <= WABI_TYPED_FLOATS &&
	    t->nresults <= 1 && (t->nresults == 0 || t->results[0] >= WRT_F64);
}

static ffi_type *
ffi_of(uint8_t type)
{
	switch (type) {
	case WRT_I32: return &ffi_type_sint32;
	case WRT_I64: return &ffi_type_sint64;
	case WRT_F32: return &ffi_type_float;
	case WRT_F64: return &ffi_type_double;
	case WRT_FUNCREF: case WRT_EXTERNREF: case WRT_ANYREF:
		return &ffi_type_pointer;
	}
	return NULL;
}

int
wrt__cfunc_prepare(struct wrt__hostfn *h, void (*fn)(void))
{
	uint32_t n = h->type.nparams;
	ffi_type *result = &ffi_type_void;
	struct wrt__cfunc *c;

	if (h->type.nresults > 1)
		return WRT_ETYPE;
	c = wrt__calloc(1, sizeof *c + (n + 2) * sizeof *c->types);
	if (!c)
		return WRT_ENOMEM;
	c->fn = fn;
	c->types[0] = c->types[1] = &ffi_type_pointer;
	for (uint32_t k = 0; k < n; k++)
		if (!(c->types[k + 2] = ffi_of(h->type.params[k])))
			goto bad;
	if (h->type.nresults && !(result = ffi_of(h->type.results[0])))
		goto bad;
	if (ffi_prep_cif(&c->cif, FFI_DEFAULT_ABI, n + 2, result, c->types)
	    != FFI_OK)
		goto bad;
	h->cfunc = c;
	if (wrt__in_registers(&h->type, WABI_TYPED_TO_INTS))
		h->fast = fn;
	return WRT_OK;
bad:
	wrt__free(c);
	return WRT_ETYPE;
}

void
wrt__cfunc_free(struct wrt__cfunc *c)
{
	wrt__free(c);
}

/* ---- Calls -------------------------------------------------------------- */

enum { CFUNC_MAX = 1000 };

static int
cfunc_call(struct wrt__hostfn *h, wrt_instance *caller, wrt_val *vals)
{
	struct wrt__cfunc *c = h->cfunc;
	void *args[CFUNC_MAX + 2];
	union {
		ffi_arg word;
		wrt_val val;
	} r;

	if (h->type.nparams > CFUNC_MAX)
		return WRT_ELIMIT;
	args[0] = &h->data;
	args[1] = &caller;
	for (uint32_t k = 0; k < h->type.nparams; k++)
		args[k + 2] = &vals[k];
	memset(&r, 0, sizeof r);
	ffi_call(&c->cif, c->fn, &r, args);
	if (h->type.nresults) {
		/* libffi widens small integers to a word. */
		if (h->type.results[0] == WRT_I32)
			r.val.u64[0] = (uint32_t)r.word;
		vals[0] = r.val;
	}
	return WRT_OK;
}

int
wrt__hostfn_call(struct wrt__hostfn *h, wrt_instance *caller, wrt_val *vals)
{
	if (h->cfunc)
		return cfunc_call(h, caller, vals);
	return h->fn(h->data, caller, vals);
}

/* Which trap a host function's failure is. */
void
wrt__hostfn_code(struct wrt__act *a, int rc)
{
	if (a->trap_set) {
		a->inner = NULL;	/* it said itself what is wrong */
		return;
	}
	if (a->throwing) {
		a->inner = NULL;
		a->code = WABI_TRAP_EXCEPTION;
		return;
	}
	if (rc == WRT_ETRAP && a->inner) {
		a->code = a->inner->trap.code;
		a->exn = a->inner->trap.exn;
		return;
	}
	a->inner = NULL;
	a->code = WABI_TRAP_HOST;
}

/* The guest does not go on as it is: it is suspended, an exception is thrown
 * in it, or it ends. */
_Noreturn static void
not_on(struct wrt__act *a, wrt_instance *caller, struct wrt__hostfn *h, int rc,
    wrt_val *vals)
{
	if (!a->trap_set && !a->throwing && (rc == WRT_YIELD ||
	    (rc == WRT_OK && a->yielding)))
		wrt__suspend(a, caller, h, vals);
	wrt__hostfn_code(a, rc);
	if (a->code == WABI_TRAP_EXCEPTION && a->exn && !a->trap_set) {
		wrt__exn_adopt(caller, a->exn);
		wrt__throw(a, a->exn);
	}
	wrt__leave(a);
}

void
wrt__fast_ended(struct wrt__act *a, uint64_t x, uint64_t f)
{
	struct wrt__hostblock *b = (void *)(uintptr_t)a->result[0];

	if (a->ends)			/* who leaves here needs neither */
		not_on(a, b->head.instance, b->func.host, WRT_OK, NULL);
	a->result[0] = x;
	a->result[1] = f;
	wrt__pending(a);
}

void
wrt__rt_HOSTCALL(void *vmctx, struct wabi_func *f, union wabi_val *v)
{
	struct wrt__act *a = wrt__act;
	struct wrt__hostfn *h = f->host;
	wrt_instance *caller = wrt__instance_of(vmctx);
	wrt_val *vals = (wrt_val *)(void *)v;
	int rc;

	a->ends = 0;
	a->exn = NULL;
	a->inner = NULL;
	a->in_host = true;
	/* A kill that came before that left the signal blocked. */
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&a->pending, memory_order_relaxed) &&
	    wrt__must_end(a))
		wrt__trap(WABI_TRAP_INTERRUPT);
	if (h->has_refs) {
		wrt__exns_pin(h->type.params, h->type.nparams, vals);
		wrt__vals_to_host(caller, h->type.params, h->type.nparams,
		    vals);
	}
	rc = wrt__hostfn_call(h, caller, vals);
	a->in_host = false;
	if (h->has_refs && rc == WRT_OK && !a->ends)
		rc = wrt__vals_from_host(caller, h->type.results,
		    h->type.nresults, vals);
	if (rc != WRT_OK || a->ends)
		not_on(a, caller, h, rc, vals);
	a->inner = NULL;
	if (h->has_refs)
		wrt__vals_escape(caller, h->type.results, h->type.nresults,
		    vals);
}
