/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * gc_calls.c: what generated code asks of the runtime about structures and
 * arrays.  References in arguments are not null: the code has looked.
 *
 * A collection can only happen where something is allocated.  An array that
 * is filled here is kept by this function's own variable, as the host's stack
 * is scanned.
 */
#include <string.h>

#include "heap.h"

/* Is [at, at + n) not within size? */
static bool
outside(uint64_t at, uint64_t n, uint64_t size)
{
	return n > size || at > size - n;
}

static struct gc_head *
object(const wrt_instance *i, uint32_t ref)
{
	return (struct gc_head *)(void *)(i->gc.base + ref);
}

static uint32_t
elem_bytes(const struct gc_head *o)
{
	return wrt__type_gc(o->head & WABI_HEAD_ID)->elem_bytes;
}

static uint8_t *
elem_at(struct gc_head *o, uint32_t k)
{
	return (uint8_t *)(o + 1) + (uint64_t)k * elem_bytes(o);
}

/* A new object of a type of i's module, or the trap. */
static uint32_t
new_object(wrt_instance *i, uint32_t type, uint32_t length)
{
	uint32_t id = i->module->type_ids[type], ref;
	const struct wrt__gctype *t = wrt__type_gc(id);

	if (t->comp == WABI_COMP_STRUCT)
		ref = wrt__heap_alloc(i, id | WABI_HEAD_STRUCT, 0, t->size);
	else
		ref = wrt__heap_alloc(i, id | WABI_HEAD_ARRAY, length,
		    (8 + (uint64_t)length * t->elem_bytes + 7) & ~7ull);
	if (!ref)
		wrt__trap(WABI_TRAP_HEAP);
	return ref;
}

uint32_t
wrt__rt_GC_ALLOC(void *vmctx, uint32_t type, uint32_t length)
{
	return new_object(wrt__instance_of(vmctx), type, length);
}

uint32_t
wrt__rt_EXTERN_BOX(void *vmctx, uint64_t word)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	uint32_t ref = wrt__heap_alloc(i, WABI_HEAD_EXTERN, 0, 16);

	if (!ref)
		wrt__trap(WABI_TRAP_HEAP);
	memcpy(object(i, ref) + 1, &word, sizeof word);
	return ref;
}

/* ---- From data segments ---- */

/* Bytes [src, src + n * size) of a data segment, or NULL. */
static const uint8_t *
data_bytes(const wrt_instance *i, uint32_t data, uint32_t src, uint64_t bytes)
{
	const struct wabi_data_info *d = &WRT__META(i->module, datas)[data];
	uint64_t have = i->data_dropped[data] ? 0 : d->bytes;

	if (outside(src, bytes, have))
		return NULL;
	/* A segment that is dropped or empty may have no bytes at all. */
	return bytes ? i->module->data + d->data_off + src :
	    (const uint8_t *)"";
}

uint32_t
wrt__rt_ARRAY_NEW_DATA(void *vmctx, uint32_t type, uint32_t data, uint32_t src,
    uint32_t n)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	uint64_t bytes = (uint64_t)n *
	    wrt__type_gc(i->module->type_ids[type])->elem_bytes;
	const uint8_t *p = data_bytes(i, data, src, bytes);
	uint32_t ref;

	if (!p)
		wrt__trap(WABI_TRAP_MEMORY_OOB);
	ref = new_object(i, type, n);
	memcpy(elem_at(object(i, ref), 0), p, bytes);
	return ref;
}

void
wrt__rt_ARRAY_INIT_DATA(void *vmctx, uint32_t array, uint32_t dst,
    uint32_t data, uint32_t src, uint32_t n)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	struct gc_head *o = object(i, array);
	uint64_t bytes = (uint64_t)n * elem_bytes(o);
	const uint8_t *p;

	if (outside(dst, n, o->length))
		wrt__trap(WABI_TRAP_ARRAY_OOB);
	p = data_bytes(i, data, src, bytes);
	if (!p)
		wrt__trap(WABI_TRAP_MEMORY_OOB);
	memcpy(elem_at(o, dst), p, bytes);
}

/* ---- From element segments ---- */

static bool
has_elems(const wrt_instance *i, uint32_t elem, uint32_t src, uint32_t n)
{
	const struct wabi_elem_info *e = &WRT__META(i->module, elems)[elem];
	uint32_t all = e->funcs.n ? e->funcs.n : e->inits.n;

	return !outside(src, n, i->elem_dropped[elem] ? 0 : all);
}

static void
store_elems(wrt_instance *i, struct gc_head *o, uint32_t dst, uint32_t elem,
    uint32_t src, uint32_t n)
{
	const struct wabi_elem_info *e = &WRT__META(i->module, elems)[elem];
	uint32_t size = elem_bytes(o);

	for (uint32_t k = 0; k < n; k++) {
		uint64_t v;

		if (wrt__elem_value(i, e, elem, src + k, &v) != WRT_OK)
			wrt__trap(WABI_TRAP_HOST);
		memcpy(elem_at(o, dst + k), &v, size);
	}
}

uint32_t
wrt__rt_ARRAY_NEW_ELEM(void *vmctx, uint32_t type, uint32_t elem, uint32_t src,
    uint32_t n)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	uint32_t ref;

	if (!has_elems(i, elem, src, n))
		wrt__trap(WABI_TRAP_TABLE_OOB);
	ref = new_object(i, type, n);
	store_elems(i, object(i, ref), 0, elem, src, n);
	return ref;
}

void
wrt__rt_ARRAY_INIT_ELEM(void *vmctx, uint32_t array, uint32_t dst,
    uint32_t elem, uint32_t src, uint32_t n)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	struct gc_head *o = object(i, array);

	if (outside(dst, n, o->length))
		wrt__trap(WABI_TRAP_ARRAY_OOB);
	if (!has_elems(i, elem, src, n))
		wrt__trap(WABI_TRAP_TABLE_OOB);
	store_elems(i, o, dst, elem, src, n);
}

/* ---- Others ---- */

void
wrt__rt_ARRAY_COPY(void *vmctx, uint32_t to, uint32_t dst, uint32_t from,
    uint32_t src, uint32_t n)
{
	wrt_instance *i = wrt__instance_of(vmctx);
	struct gc_head *d = object(i, to), *s = object(i, from);

	if (outside(dst, n, d->length) || outside(src, n, s->length))
		wrt__trap(WABI_TRAP_ARRAY_OOB);
	memmove(elem_at(d, dst), elem_at(s, src),
	    (uint64_t)n * elem_bytes(d));
}

uint32_t
wrt__rt_SUBTYPE(void *vmctx, uint32_t id, uint32_t type)
{
	const wrt_instance *i = wrt__instance_of(vmctx);

	return wrt__type_is_subtype(id, i->module->type_ids[type]);
}
