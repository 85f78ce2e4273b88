/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * gc_host.c: references as hosts see them, and what hosts may ask of a heap.
 *
 * In the guest an anyref is 32 bits.  A host has one 64-bit form for anyref
 * and externref: its own word, or a heap reference with WABI_EXTERN_TAG above
 * it, which is also what extern.convert_any makes.  So a host's word that
 * comes in as an anyref is boxed, and unboxed on the way out.
 */
#include <string.h>

#include "heap.h"

static uint64_t
tagged(uint32_t ref)
{
	return (uint64_t)WABI_EXTERN_TAG << 32 | ref;
}

uint64_t
wrt__ref_to_host(struct wrt__heap *h, uint32_t ref)
{
	const struct gc_head *o;
	uint64_t word;

	if (!ref)
		return 0;
	if ((ref & 1) || !h)
		return tagged(ref);
	o = gc_at(h->arena, ref);
	if ((o->head & WABI_HEAD_KIND) != WABI_HEAD_EXTERN)
		return tagged(ref);
	memcpy(&word, o + 1, sizeof word);
	return word;
}

/* A host could make any word up.  What does not lead to an object of this heap
 * is refused as far as that is cheap to see. */
static bool
is_object(const struct wrt__heap *h, uint32_t ref)
{
	const struct gc_block *b;
	uint32_t kind;

	if (!h || ref % 8)
		return false;
	b = &h->arena->blocks[ref >> GC_BLOCK_LOG2];
	if (b->heap != h || (b->kind != GC_OBJECTS && b->kind != GC_LARGE))
		return false;
	kind = gc_at(h->arena, ref)->head & WABI_HEAD_KIND;
	return kind == WABI_HEAD_STRUCT || kind == WABI_HEAD_ARRAY;
}

/* Is a reference that is not null of the abstract type? */
static bool
is_abstract(uint32_t heap, uint32_t kind)
{
	switch (heap) {
	case 0x6e:			/* any */
		return true;
	case 0x6d:			/* eq */
		return kind != WABI_HEAD_EXTERN;
	case 0x6c:			/* i31 */
		return kind == 0;
	case 0x6b:
		return kind == WABI_HEAD_STRUCT;
	case 0x6a:
		return kind == WABI_HEAD_ARRAY;
	}
	return false;			/* none */
}

static bool
fits(const struct wrt__heap *h, uint32_t ref, const struct wabi_valtype *vt,
    const uint32_t *ids)
{
	uint32_t head = ref & 1 ? 0 : gc_at(h->arena, ref)->head;

	if (!vt->has_heap)
		return is_abstract(vt->heap, head & WABI_HEAD_KIND);
	return (head & WABI_HEAD_KIND) && (head & WABI_HEAD_KIND) !=
	    WABI_HEAD_EXTERN && wrt__type_is_subtype(head & WABI_HEAD_ID,
	    ids[vt->heap]);
}

/* Any instance of the group can allocate for all. */
static uint32_t
box(struct wrt__group *g, uint64_t word)
{
	wrt_instance *i = g->members;
	uint32_t ref;

	while (i && !i->gc.base)
		i = i->next;
	ref = i ? wrt__heap_alloc(i, WABI_HEAD_EXTERN, 0, 16) : 0;
	if (ref)
		memcpy(gc_at(g->heap->arena, ref) + 1, &word, sizeof word);
	return ref;
}

int
wrt__ref_from_host(struct wrt__group **pg, uint64_t word,
    const struct wabi_valtype *vt, const uint32_t *ids, uint32_t *out)
{
	struct wrt__group *g = wrt__group_of(pg);
	uint32_t ref = (uint32_t)word;

	if (!word) {
		*out = 0;
		return vt && !vt->nullable ? WRT_ETYPE : WRT_OK;
	}
	if (word >> 32 == WABI_EXTERN_TAG) {
		if (!(ref & 1) && !is_object(g->heap, ref))
			return WRT_ETYPE;
		if (vt && !fits(g->heap, ref, vt, ids))
			return WRT_ETYPE;
		*out = ref;
		return WRT_OK;
	}
	if (vt && (vt->has_heap || vt->heap != WABI_ANYREF))
		return WRT_ETYPE;
	ref = box(g, word);
	if (!ref)
		return g->heap ? WRT_ELIMIT : WRT_ETYPE;
	*out = ref;
	return WRT_OK;
}

/* ---- Values of calls ---- */

void
wrt__vals_to_host(wrt_instance *i, const uint8_t *types, uint32_t n,
    wrt_val *vals)
{
	for (uint32_t k = 0; k < n; k++)
		if (types[k] == WRT_ANYREF) {
			vals[k].u64[0] = wrt__ref_to_host(
			    wrt__group_of(&i->group)->heap,
			    (uint32_t)vals[k].u64[0]);
			vals[k].u64[1] = 0;
		}
}

/* All values are roots while some of them are boxed, in either form: those
 * that are done are in the same array. */
static int
vals_from_host(wrt_instance *i, const uint8_t *types,
    const struct wabi_valtype *vt, const uint32_t *ids, uint32_t n,
    wrt_val *vals)
{
	struct wrt__heap *h = wrt__group_of(&i->group)->heap;
	int rc = WRT_OK;

	if (h) {
		h->args = vals;
		h->nargs = n;
	}
	for (uint32_t k = 0; k < n && rc == WRT_OK; k++) {
		uint32_t ref;

		if (types[k] != WRT_ANYREF)
			continue;
		rc = wrt__ref_from_host(&i->group, vals[k].u64[0],
		    vt ? &vt[k] : NULL, ids, &ref);
		if (rc == WRT_OK)
			vals[k].u64[0] = tagged(ref);
	}
	if (h)
		h->args = NULL, h->nargs = 0;
	for (uint32_t k = 0; k < n && rc == WRT_OK; k++)
		if (types[k] == WRT_ANYREF)
			vals[k].u64[0] &= UINT32_MAX;
	return rc;
}

int
wrt__vals_from_host(wrt_instance *i, const uint8_t *types, uint32_t n,
    wrt_val *vals)
{
	return vals_from_host(i, types, NULL, NULL, n, vals);
}

int
wrt__args_from_host(struct wabi_func *f, const struct wrt_functype *t,
    wrt_val *vals)
{
	wrt_instance *i = wrt__instance_of(f->vmctx);
	const struct wrt_module *m = i->module;
	const struct wabi_typeinfo *type;

	if (!memchr(t->params, WRT_ANYREF, t->nparams))
		return WRT_OK;
	type = &WRT__META(m, types)[WRT__META(m, funcs)[f->func_idx].type_idx];
	return vals_from_host(i, t->params, wrt__list(m, type->params),
	    m->type_ids, t->nparams, vals);
}

/* ---- For hosts ---- */

int
wrt_gc(wrt_instance *i)
{
	struct wrt__heap *h;
	bool done = true;

	if (!i)
		return WRT_EINVAL;
	h = wrt__group_of(&i->group)->heap;
	if (!h)
		return WRT_OK;
	pthread_mutex_lock(&h->lock);
	done = wrt__gc(h, wrt__group_of(&i->group));
	pthread_mutex_unlock(&h->lock);
	return done ? WRT_OK : WRT_ESTATE;
}

int
wrt_gc_stats(wrt_instance *i, struct wrt_gc_stats *out)
{
	const struct wrt__heap *h;

	if (!i || !out)
		return WRT_EINVAL;
	memset(out, 0, sizeof *out);
	h = wrt__group_of(&i->group)->heap;
	if (!h)
		return WRT_OK;
	out->heap_bytes = h->bytes;
	out->limit_bytes = h->limit;
	out->live_bytes = h->live;
	out->collections = h->ncollections;
	out->pause_ns = h->pause_ns;
	out->max_pause_ns = h->max_pause_ns;
	return WRT_OK;
}

int
wrt_gc_limit(wrt_instance *i, uint64_t bytes)
{
	struct wrt__heap *h;

	if (!i)
		return WRT_EINVAL;
	h = wrt__group_of(&i->group)->heap;
	if (!h || bytes >= h->limit)
		return WRT_OK;
	h->limit = bytes;
	if (h->threshold > bytes)
		h->threshold = bytes;
	return WRT_OK;
}

int
wrt_ref_kind(wrt_instance *i, wrt_val val)
{
	const struct wrt__heap *h;
	uint32_t ref = (uint32_t)val.u64[0];

	if (!val.u64[0])
		return WRT_REF_NULL;
	if (val.u64[0] >> 32 != WABI_EXTERN_TAG)
		return WRT_REF_HOST;
	if (ref & 1)
		return WRT_REF_I31;
	h = i ? wrt__group_of(&i->group)->heap : NULL;
	if (!is_object(h, ref))
		return WRT_EINVAL;
	return (gc_at(h->arena, ref)->head & WABI_HEAD_KIND) ==
	    WABI_HEAD_STRUCT ? WRT_REF_STRUCT : WRT_REF_ARRAY;
}
