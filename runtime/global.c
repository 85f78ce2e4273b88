/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * global.c: globals as hosts see them.
 */
#include <string.h>

#include "rt.h"

static bool
narrow(uint8_t type)
{
	return type == WABI_I32 || type == WABI_F32;
}

static struct wrt__group *
group_of(const wrt_global *g)
{
	wrt_global *m = (wrt_global *)g;

	return wrt__group_of(g->owner ? &m->owner->group : &m->group);
}

int
wrt__ref_check(const struct wabi_valtype *vt, const uint32_t *ids,
    const wrt_val *v)
{
	const struct wabi_func *f = (const struct wabi_func *)v->func;

	if (!v->ref)
		return vt->nullable ? WRT_OK : WRT_ETYPE;
	if (vt->type == WABI_CONTREF)
		return WRT_ETYPE;	/* what it is of is not known */
	if (vt->has_heap)
		return wrt__type_is_subtype(f->type_id, ids[vt->heap]) ?
		    WRT_OK : WRT_ETYPE;
	/* A bottom type has no values but null. */
	return vt->heap == vt->type ? WRT_OK : WRT_ETYPE;
}

uint8_t
wrt_global_type(const wrt_global *g, int *mut)
{
	if (!g)
		return 0;
	if (mut)
		*mut = g->mut;
	return g->type.type;
}

/* Generated code writes only the bytes of its type. */
wrt_val
wrt_global_get(const wrt_global *g)
{
	wrt_val v;

	memset(&v, 0, sizeof v);
	if (!g)
		return v;
	if (narrow(g->type.type))
		v.u64[0] = g->cell->i32;
	else if (g->type.type == WABI_V128)
		memcpy(&v, g->cell, sizeof v);
	else if (g->type.type == WABI_ANYREF)
		v.u64[0] = wrt__ref_to_host(group_of(g)->heap, g->cell->i32);
	else
		v.u64[0] = g->cell->i64;
	wrt__exns_pin(&g->type.type, 1, &v);
	return v;
}

int
wrt_global_set(wrt_global *g, wrt_val val)
{
	uint8_t type;

	if (!g)
		return WRT_EINVAL;
	type = g->type.type;
	if (!g->mut)
		return WRT_ETYPE;
	if (type < WABI_V128 && type != WABI_ANYREF &&
	    wrt__ref_check(&g->type, g->ids, &val) != WRT_OK)
		return WRT_ETYPE;
	if (type == WABI_FUNCREF && val.func)
		wrt__group_escape(g->owner ? &g->owner->group : &g->group,
		    (const struct wabi_func *)val.func);
	if (type == WABI_ANYREF) {
		uint32_t ref;
		int rc = wrt__ref_from_host(g->owner ? &g->owner->group :
		    &g->group, val.u64[0], &g->type, g->ids, &ref);

		if (rc != WRT_OK)
			return rc;
		val.u64[0] = ref;
	}
	if (g->type.type != WABI_V128)
		val.u64[1] = 0;
	if (narrow(g->type.type))
		val.u64[0] &= UINT32_MAX;
	memcpy(g->cell, &val, sizeof val);
	return WRT_OK;
}
