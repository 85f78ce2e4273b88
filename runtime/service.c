/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * service.c: an export of one instance as an import of others that are not
 * linked with it.
 *
 * To its callers a service is a host function.  What that does is a call of the
 * callee, as a host's, but for three things: it is on a stack of its own though
 * it is nested; how it may end is a table of four rows; and the claim of the
 * callee lasts until its trap has been looked at, since other threads wait for
 * it.
 *
 * Nobody keeps the callee alive.  The service points to it until it is closed;
 * that pointer is read and taken away under the service's lock, which a call
 * holds until it has claimed the callee.  Closing claims it too, so that it and
 * a call know of each other.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "rt.h"

enum { MAX_DEPTH = 16, MAX_VALS = 4096 };

struct wrt__service {
	atomic_flag lock;		/* of callee */
	wrt_instance *callee;		/* NULL: it is closed */
	struct wrt__service *next;	/* the callee's, wrt__services_lock */
	struct wabi_func *func;
	const struct wrt_functype *type;
	struct wrt_service_options opt;
	char name[];			/* for messages: MODULE.NAME */
};

pthread_mutex_t wrt__services_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- Locks -------------------------------------------------------------- */

static void
take_lock(struct wrt__service *s)
{
	while (atomic_flag_test_and_set_explicit(&s->lock,
	    memory_order_acquire))
		sched_yield();
}

static void
give_lock(struct wrt__service *s)
{
	atomic_flag_clear_explicit(&s->lock, memory_order_release);
}

/* ---- Calls -------------------------------------------------------------- */

/* An externref that is an object of its sandbox's heap means nothing in
 * another one. */
static bool
refs_pass(const uint8_t *types, uint32_t n, const wrt_val *vals)
{
	for (uint32_t k = 0; k < n; k++)
		if (types[k] == WRT_EXTERNREF &&
		    vals[k].u64[0] >> 32 == WABI_EXTERN_TAG)
			return false;
	return true;
}

/* It did not return: what the caller has of that. */
static int
ended(const struct wrt__service *s, wrt_instance *caller, wrt_val *vals,
    enum wrt_service_end how, int code, const char *why)
{
	char text[WRT__TEXT];

	if (wrt__must_end(wrt__act))	/* and not by us */
		return wrt_trap_set(caller, WABI_TRAP_INTERRUPT, NULL);
	if (s->opt.results >> how & 1) {
		memset(vals, 0, s->type->nresults * sizeof *vals);
		vals[0] = s->opt.result[how];
		return WRT_OK;
	}
	snprintf(text, sizeof text, "service %.60s: %.180s", s->name, why);
	return wrt_trap_set(caller, code, text);
}

/* The callee's trap, while it is ours; the exit or the exception of one sandbox
 * is nothing of the kind in another. */
static int
trapped(const struct wrt__service *s, struct wrt__act *a, wrt_instance *caller,
    wrt_val *vals)
{
	const struct wrt__trapinfo *t = &a->inst->trap;
	int code = t->code;
	char why[WRT__TEXT];

	if (code == WABI_TRAP_EXIT)
		snprintf(why, sizeof why, "exited with code %d", t->exit_code);
	else
		snprintf(why, sizeof why, "%s", t->more && t->more->text[0] ?
		    t->more->text : wrt__trap_text(code));
	if (code == WABI_TRAP_EXIT || code == WABI_TRAP_EXCEPTION)
		code = WABI_TRAP_HOST;
	wrt__service_release(a);
	return ended(s, caller, vals, WRT_SERVICE_TRAPPED, code, why);
}

/* Claim the callee: WRT_OK, WRT_ENOMEM, or WRT_ESTATE and why not. */
static int
begin(struct wrt__service *s, struct wrt__act *a, enum wrt_service_end *why)
{
	uint32_t depth = wrt__act->nservices + 1;
	int rc = WRT_ESTATE;

	*why = WRT_SERVICE_DEPTH;
	if (depth > s->opt.max_depth)
		return WRT_ESTATE;
	*why = WRT_SERVICE_CLOSED;
	take_lock(s);
	if (s->callee) {
		*why = WRT_SERVICE_BUSY;
		rc = wrt__act_begin(a, s->callee, false);
	}
	give_lock(s);
	if (rc != WRT_OK)
		return rc;
	a->service = s;
	a->nservices = depth;
	if (wrt__act_outermost(a->inst))
		return WRT_OK;
	wrt__act_cancel(a);
	return WRT_ESTATE;
}

static int
not_begun(const struct wrt__service *s, wrt_instance *caller, wrt_val *vals,
    int rc, enum wrt_service_end why)
{
	static const char *const text[] = {
		[WRT_SERVICE_BUSY] = "the callee runs already",
		[WRT_SERVICE_DEPTH] = "too many services call each other",
		[WRT_SERVICE_CLOSED] = "the callee is closed",
	};

	if (rc != WRT_ESTATE)
		return ended(s, caller, vals, WRT_SERVICE_TRAPPED,
		    WABI_TRAP_HOST, wrt_status_text(rc));
	return ended(s, caller, vals, why, why == WRT_SERVICE_DEPTH ?
	    WABI_TRAP_STACK_OVERFLOW : WABI_TRAP_HOST, text[why]);
}

/* The host function that a service is. */
static int
service_call(void *data, wrt_instance *caller, wrt_val *vals)
{
	const char *refused = "an object of another sandbox's heap";
	struct wrt__service *s = data;
	struct wrt__act *outer = wrt__act, a;
	enum wrt_service_end why;
	bool paused;
	int rc;

	if (!refs_pass(s->type->params, s->type->nparams, vals))
		return ended(s, caller, vals, WRT_SERVICE_TRAPPED,
		    WABI_TRAP_HOST, refused);
	rc = begin(s, &a, &why);
	if (rc != WRT_OK)
		return not_begun(s, caller, vals, rc, why);
	paused = a.inst->lim.cpu_ns && wrt__limits_pause(outer->inst, a.thread);
	rc = wrt__call_in(&a, s->func, vals);
	if (paused)
		wrt__limits_go_on(outer->inst, a.thread);
	if (rc == WRT_ETRAP)
		return trapped(s, &a, caller, vals);
	wrt__service_release(&a);
	if (rc != WRT_OK)
		return not_begun(s, caller, vals, rc, why);
	if (!refs_pass(s->type->results, s->type->nresults, vals))
		return ended(s, caller, vals, WRT_SERVICE_TRAPPED,
		    WABI_TRAP_HOST, refused);
	return WRT_OK;
}

/* ---- The callee's life -------------------------------------------------- */

static bool
options_ok(const struct wrt_service_options *o, const struct wrt_functype *t)
{
	if (!o->results)
		return true;
	for (uint32_t k = 0; k < t->nresults; k++)
		if (t->results[k] < WRT_V128)
			return false;
	return t->nresults && t->results[0] != WRT_V128;
}

int
wrt__service_make(struct wrt__hostfn *h, wrt_instance *callee,
    struct wabi_func *f, const char *module, const char *name,
    const struct wrt_service_options *options)
{
	size_t n = strlen(module) + strlen(name) + 2;
	struct wrt__service *s;

	if (options && (options->results >> WRT_SERVICE_ENDS ||
	    !options_ok(options, &h->type)))
		return WRT_ETYPE;
	s = wrt__calloc(1, sizeof *s + n);
	if (!s)
		return WRT_ENOMEM;
	snprintf(s->name, n, "%s.%s", module, name);
	if (options)
		s->opt = *options;
	if (!s->opt.max_depth)
		s->opt.max_depth = MAX_DEPTH;
	atomic_flag_clear(&s->lock);
	s->func = f;
	s->type = &h->type;
	s->callee = callee;
	h->type_id = f->type_id;	/* it may be a subtype of others */
	h->fn = service_call;
	h->data = h->service = s;
	pthread_mutex_lock(&wrt__services_lock);
	s->next = callee->services;
	callee->services = s;
	pthread_mutex_unlock(&wrt__services_lock);
	return WRT_OK;
}

/* Nobody calls it any more. */
void
wrt__service_free(struct wrt__service *s)
{
	struct wrt__service *at;

	if (!s)
		return;
	pthread_mutex_lock(&wrt__services_lock);
	if (s->callee && s->callee->services == s) {
		s->callee->services = s->next;
	} else if (s->callee) {
		for (at = s->callee->services; at->next != s;)
			at = at->next;
		at->next = s->next;
	}
	pthread_mutex_unlock(&wrt__services_lock);
	wrt__free(s);
}

const char *
wrt__service_refused(const struct wrt__hostfn *h)
{
	const struct wrt_functype *t = &h->type;

	if (!h->service)
		return NULL;
	if (t->nparams > MAX_VALS || t->nresults > MAX_VALS)
		return "it has too many parameters or results";
	for (uint32_t k = 0; k < t->nparams + t->nresults; k++) {
		uint8_t type = k < t->nparams ? t->params[k] :
		    t->results[k - t->nparams];

		if (type < WRT_V128 && type != WRT_EXTERNREF)
			return "of all references only an externref can be "
			    "passed between sandboxes";
	}
	return NULL;
}

/* In a forked child nobody else calls, and a lock may be held for ever. */
static void
detach(wrt_instance *i, bool locks)
{
	struct wrt__service *s;

	while ((s = i->services)) {
		i->services = s->next;
		if (locks)
			take_lock(s);
		s->callee = NULL;
		if (locks)
			give_lock(s);
	}
}

bool
wrt__services_close(wrt_instance *i)
{
	static struct wrt__thread closing;
	struct wrt__thread *none = NULL;
	bool ok = true;

	if (!i->services)
		return true;
	pthread_mutex_lock(&wrt__services_lock);
	if (i->pool->forks != wrt__forks) {
		detach(i, false);
	} else if (atomic_compare_exchange_strong_explicit(&i->thread, &none,
	    &closing, memory_order_acquire, memory_order_relaxed)) {
		detach(i, true);
		atomic_store_explicit(&i->thread, NULL, memory_order_release);
	} else {
		ok = false;
	}
	pthread_mutex_unlock(&wrt__services_lock);
	return ok;
}
