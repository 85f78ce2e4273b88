/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * exn.c: exceptions, from throw to catch.
 *
 * An exception is made by the instance that throws it, and belongs to it.  The
 * clause that catches it ends it, unless there may be an exnref to it or it may
 * be thrown again; then it stays until nobody knows it.  That is found out
 * when new ones would take too much: by looking for anything that could be an
 * address of one on the guests' stacks, in saved registers, in the tables and
 * globals of the group, and in the payloads of those that are known.  What the
 * host was given stays as long as the instance.
 *
 * Objects of the collected heap may hold an exnref too: a group that has such
 * a heap keeps all captured exceptions, up to the limit.
 */
#include <stdlib.h>
#include <string.h>

#include "rt.h"

#define COLLECT_BYTES	(1ull << 20)
#define MAX_BYTES	(64ull << 20)

struct wrt__exn {
	struct wrt__exn *next, **at;	/* in the owner's list; at points here */
	wrt_instance *owner;
	uint32_t n;
	bool pinned, marked;
	wrt_val *host;			/* the payload as hosts see it, where
					 * that differs; or NULL */
	struct wabi_exn e;
};
_Static_assert(offsetof(struct wrt__exn, e) % 16 == 0, "payload");

static struct wrt__exn *
exn_of(struct wabi_exn *e)
{
	return (struct wrt__exn *)(void *)((char *)e -
	    offsetof(struct wrt__exn, e));
}

static uint64_t
bytes_of(uint32_t n)
{
	return sizeof(struct wrt__exn) + n * sizeof(union wabi_val);
}

static const uint8_t *
types_of(const struct wrt__exn *x)
{
	struct wrt_functype t;

	if (!wrt__type_func(((const struct wrt_tag *)x->e.tag)->type_id, &t))
		return NULL;
	return t.params;
}

static void
end(struct wrt__exn *x)
{
	*x->at = x->next;
	if (x->next)
		x->next->at = x->at;
	x->owner->exns.bytes -= bytes_of(x->n);
	wrt__free(x->host);
	wrt__free(x);
}

void
wrt__exns_free(wrt_instance *i)
{
	while (i->exns.first)
		end(i->exns.first);
}

/* Others may hold exceptions of a pinned instance. */
void
wrt__exns_reset(wrt_instance *i)
{
	if (!i->pinned)
		wrt__exns_free(i);
}

void
wrt__exns_pin(const uint8_t *types, uint32_t n, const wrt_val *vals)
{
	for (uint32_t k = 0; k < n; k++)
		if (types[k] == WABI_EXNREF && vals[k].ref)
			exn_of(vals[k].ref)->pinned = true;
}

void
wrt__exns_each(const wrt_instance *i, void (*fn)(void *arg,
    const union wabi_val *vals, const uint8_t *types, uint32_t n), void *arg)
{
	for (const struct wrt__exn *x = i->exns.first; x; x = x->next)
		fn(arg, x->e.vals, types_of(x), x->n);
}

/* e goes on in i, whose instance need not be linked with that which threw. */
void
wrt__exn_adopt(wrt_instance *i, struct wabi_exn *e)
{
	wrt_instance *owner = exn_of(e)->owner;

	if (wrt__group_of(&owner->group) == wrt__group_of(&i->group))
		return;
	owner->pinned = true;
	wrt__group_join(&i->group, &owner->group);
}

/* ---- Those that nobody knows -------------------------------------------- */

struct search {
	struct wrt__exn **all;		/* by address */
	size_t n;
	struct wrt__exn **todo;		/* marked, payload not looked at yet */
	size_t ntodo;
};

static int
by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)*(struct wrt__exn *const *)a;
	uintptr_t y = (uintptr_t)*(struct wrt__exn *const *)b;

	return (x > y) - (x < y);
}

static void
mark(struct search *s, struct wrt__exn *x)
{
	if (x->marked)
		return;
	x->marked = true;
	s->todo[s->ntodo++] = x;
}

/* The word may be an address in one of them: code may have kept one of its
 * payload only. */
static void
look_at(struct search *s, uint64_t word)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if ((uintptr_t)s->all[mid] <= word)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo && word - (uintptr_t)s->all[lo - 1] <=
	    bytes_of(s->all[lo - 1]->n))
		mark(s, s->all[lo - 1]);
}

/* Stacks are read as they are, also where address sanitizers mind. */
__attribute__((no_sanitize("address"))) static void
look_through(void *arg, const void *from, const void *to)
{
	uintptr_t at = ((uintptr_t)from + 7) & ~(uintptr_t)7;

	for (; at + 8 <= (uintptr_t)to; at += 8)
		look_at(arg, *(const uint64_t *)at);
}

static void
look_at_stacks(struct search *s)
{
	wrt__words_of_acts(look_through, s);
	for (struct wrt__act *a = wrt__act; a; a = a->prev)
		look_at(s, (uint64_t)(uintptr_t)a->exn);
}

static void
look_at_instance(struct search *s, const wrt_instance *i)
{
	const struct wrt_module *m = i->module;

	look_at(s, (uint64_t)(uintptr_t)i->trap.exn);
	wrt__words_of_call(i->suspended, look_through, s);
	for (uint32_t k = 0; k < m->nglobals; k++)
		if (i->globals[k].cell && i->globals[k].type.type ==
		    WABI_EXNREF)
			look_at(s, i->globals[k].cell->i64);
	for (uint32_t k = 0; k < m->ntables; k++)
		if (i->tables[k] && i->tables[k]->type.type == WABI_EXNREF)
			look_through(s, i->tables[k]->t.base,
			    i->tables[k]->t.base + i->tables[k]->t.size);
	/* What others threw may hold what this one has thrown. */
	for (const struct wrt__exn *x = i->exns.first; x; x = x->next)
		if (!x->marked && x->pinned)
			look_through(s, x->e.vals, x->e.vals + x->n);
}

static void
collect(wrt_instance *i)
{
	struct wrt__group *g = wrt__group_of(&i->group);
	struct wrt__exns *l = &i->exns;
	struct search s = { .n = 0 };
	size_t n = 0;

	if (wrt__suspended_anywhere(g))
		return;
	for (struct wrt__exn *x = l->first; x; x = x->next)
		n++;
	s.all = wrt__calloc(2 * n + 1, sizeof *s.all);
	if (!s.all)
		return;			/* later, perhaps */
	s.todo = s.all + n;
	for (struct wrt__exn *x = l->first; x; x = x->next) {
		x->marked = false;
		s.all[s.n++] = x;
	}
	qsort(s.all, n, sizeof *s.all, by_address);
	for (size_t k = 0; k < n; k++)
		if (s.all[k]->pinned || (g->heap && s.all[k]->e.captured))
			mark(&s, s.all[k]);
	look_at_stacks(&s);
	for (const wrt_instance *j = g->members; j; j = j->next) {
		look_at_instance(&s, j);
		wrt__words_of_conts(j, look_through, &s);
		/* Exceptions of others, known or not: they may come to an end
		 * later than ours. */
		for (const struct wrt__exn *x = j == i ? NULL :
		    j->exns.first; x; x = x->next)
			look_through(&s, x->e.vals, x->e.vals + x->n);
	}
	while (s.ntodo) {
		const struct wrt__exn *x = s.todo[--s.ntodo];

		look_through(&s, x->e.vals, x->e.vals + x->n);
	}
	for (size_t k = 0; k < n; k++)
		if (!s.all[k]->marked)
			end(s.all[k]);
	wrt__free(s.all);
	l->collect_at = 2 * l->bytes > COLLECT_BYTES ? 2 * l->bytes :
	    COLLECT_BYTES;
}

/* ---- New ones ----------------------------------------------------------- */

static struct wrt__exn *
make(wrt_instance *i, void *tag, uint32_t n)
{
	struct wrt__exns *l = &i->exns;
	uint64_t bytes = bytes_of(n);
	struct wrt__exn *x;

	if (l->bytes + bytes > (l->collect_at ? l->collect_at : COLLECT_BYTES))
		collect(i);
	if (l->bytes + bytes > MAX_BYTES)
		return NULL;
	x = wrt__calloc(1, bytes);
	if (!x)
		return NULL;
	x->next = l->first;
	x->at = &l->first;
	if (x->next)
		x->next->at = &x->next;
	l->first = x;
	l->bytes += bytes;
	x->owner = i;
	x->n = n;
	x->e.tag = tag;
	return x;
}

struct wabi_exn *
wrt__rt_EXN_NEW(void *vmctx, uint32_t tag, uint32_t n)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	struct wrt__exn *x = make(i, i->tags[tag], n);

	if (!x)
		wrt__trap(WABI_TRAP_HEAP);
	return &x->e;
}

void
wrt__rt_EXN_FREE(void *vmctx, struct wabi_exn *e)
{
	(void)vmctx;
	if (!e->captured && !exn_of(e)->pinned)
		end(exn_of(e));
}

/* ---- Throwing ----------------------------------------------------------- */

/* Go on at the pad, in k, which those further in have not reached. */
_Noreturn static void
land(struct wrt__act *a, const struct wrt__cont *k,
    const struct wrt__regs *pad, struct wabi_exn *e)
{
	while (a->cont != k)
		wrt__cont_leave(a);
	a->regs = *pad;
	a->exn = NULL;
	a->inner = NULL;
	a->ends = 0;
	a->code = 0;
	wrt__land(a, e);
}

void
wrt__throw(struct wrt__act *a, struct wabi_exn *e)
{
	struct wrt__regs regs = a->regs;
	struct wrt__cont *k = a->cont;

	/* What is not caught in a continuation ends it, and goes on where it
	 * was resumed.  If nobody catches it, all stays as it is. */
	for (;; regs = k->from, k = k->parent) {
		if (wrt__find_landing(&regs))
			land(a, k, &regs, e);
		if (!k)
			break;
	}
	a->exn = e;
	wrt__trap(WABI_TRAP_EXCEPTION);
}

void
wrt__rt_THROW(void *vmctx, struct wabi_exn *e)
{
	(void)vmctx;
	wrt__throw(wrt__act, e);
}

/* ---- The host's part ---------------------------------------------------- */

static const wrt_val *
host_vals(struct wrt__exn *x, const struct wrt_functype *t)
{
	if (!x->host)
		x->host = wrt__calloc(x->n, sizeof *x->host);
	if (x->host) {
		memcpy(x->host, x->e.vals, x->n * sizeof *x->host);
		wrt__vals_to_host(x->owner, t->params, x->n, x->host);
	}
	return x->host;
}

int
wrt_exception_get(wrt_instance *i, struct wrt_exception *out)
{
	struct wrt_functype t;
	const wrt_val *vals;
	struct wabi_exn *e;

	if (!i || !out)
		return WRT_EINVAL;
	e = i->trap.code == WABI_TRAP_EXCEPTION ? i->trap.exn : NULL;
	if (!e || !wrt__type_func(((wrt_tag *)e->tag)->type_id, &t))
		return WRT_ESTATE;
	vals = (const wrt_val *)(const void *)e->vals;
	if (t.nparams && memchr(t.params, WABI_ANYREF, t.nparams)) {
		vals = host_vals(exn_of(e), &t);
		if (!vals)
			return WRT_ENOMEM;
	}
	wrt__exns_pin(t.params, t.nparams, vals);
	out->tag = e->tag;
	out->type = t;
	out->vals = vals;
	return WRT_OK;
}

int
wrt_throw(wrt_instance *caller, wrt_tag *tag, const wrt_val *vals)
{
	struct wrt__act *a = wrt__act;
	struct wrt_functype t;
	struct wrt__exn *x;
	int rc;

	if (!caller || !tag || !wrt__type_func(tag->type_id, &t) ||
	    (t.nparams && !vals))
		return WRT_EINVAL;
	if (!a || !a->in_host)
		return WRT_ESTATE;
	x = make(caller, tag, t.nparams);
	if (!x)
		return WRT_ELIMIT;
	if (t.nparams)
		memcpy(x->e.vals, vals, t.nparams * sizeof *vals);
	/* Its payload is no root for the collector until it is the guest's. */
	x->n = 0;
	rc = wrt__vals_from_host(caller, t.params, t.nparams,
	    (wrt_val *)(void *)x->e.vals);
	x->n = t.nparams;
	if (rc != WRT_OK) {
		end(x);
		return rc;
	}
	wrt__vals_escape(caller, t.params, t.nparams, vals);
	a->exn = &x->e;
	a->throwing = true;
	return WRT_ETRAP;
}

int
wrt_instance_tag(wrt_instance *i, const char *name, size_t name_len,
    wrt_tag **out)
{
	const struct wabi_export_info *e;
	long k;

	if (!i || !name || !out)
		return WRT_EINVAL;
	k = wrt__find_export(i->module, name, name_len);
	if (k < 0)
		return WRT_ENOTFOUND;
	e = &WRT__META(i->module, exports)[k];
	if (e->kind != WABI_KIND_TAG)
		return WRT_ENOTFOUND;
	*out = i->tags[e->index];
	return WRT_OK;
}
