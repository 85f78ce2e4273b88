/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * builtins.c: what generated code asks of the runtime, WABI_RTCALLS.
 *
 * The stubs in switch_*.S come here on the host's stack.  Bounds are checked
 * before the first byte is written, as the specification has it.  A page of
 * the guest's that is absent is put there by the fault handler, whoever
 * touches it.
 */
#include <string.h>

#include "rt.h"

#define X(name, slot, sig) extern const char wrt__stub_##name[];
WABI_RTCALLS(X)
#undef X

/* void * of code, as the slots are read by generated code only. */
void *const wrt__rt_table[WABI_RT_SLOTS] = {
#define X(name, slot, sig) [slot] = (void *)wrt__stub_##name,
	WABI_RTCALLS(X)
#undef X
};

/* Is [at, at + n) not within size? */
static bool
outside(uint64_t at, uint64_t n, uint64_t size)
{
	return n > size || at > size - n;
}

void
wrt__rt_TRAP(void *vmctx, int code)
{
	(void)vmctx;
	wrt__trap(code);
}

/* ---- Memory ------------------------------------------------------------- */

static struct wrt_memory *
mem_of(void *vmctx, uint32_t mem)
{
	return wrt__instance_of(vmctx)->mems[mem];
}

int64_t
wrt__rt_MEMORY_GROW(void *vmctx, uint32_t mem, uint64_t delta)
{
	int64_t old = wrt__memory_grow(mem_of(vmctx, mem), delta);

	if (old >= 0 && delta)
		wrt__add(&wrt__instance_of(vmctx)->counts.done.grows, 1);
	return old;
}

void
wrt__rt_MEMORY_FILL(void *vmctx, uint32_t mem, uint64_t dst, uint32_t byte,
    uint64_t n)
{
	struct wrt_memory *m = mem_of(vmctx, mem);

	if (outside(dst, n, wrt__mem_bytes(m)))
		wrt__trap(WABI_TRAP_MEMORY_OOB);
	memset(m->m.base + dst, (int)(byte & 0xff), n);
}

void
wrt__rt_MEMORY_COPY(void *vmctx, uint32_t mems, uint64_t dst, uint64_t src,
    uint64_t n)
{
	struct wrt_memory *to = mem_of(vmctx, mems >> 16);
	struct wrt_memory *from = mem_of(vmctx, mems & 0xffff);

	if (outside(dst, n, wrt__mem_bytes(to)) ||
	    outside(src, n, wrt__mem_bytes(from)))
		wrt__trap(WABI_TRAP_MEMORY_OOB);
	memmove(to->m.base + dst, from->m.base + src, n);
}

int
wrt__memory_init(wrt_instance *i, uint32_t mem, uint32_t data, uint64_t dst,
    uint32_t src, uint32_t n)
{
	const struct wabi_data_info *d = &WRT__META(i->module, datas)[data];
	struct wrt_memory *m = i->mems[mem];
	uint64_t bytes = i->data_dropped[data] ? 0 : d->bytes;

	if (outside(src, n, bytes) || outside(dst, n, wrt__mem_bytes(m)))
		return WABI_TRAP_MEMORY_OOB;
	if (n)
		memcpy(m->m.base + dst, i->module->data + d->data_off + src, n);
	return 0;
}

void
wrt__rt_MEMORY_INIT(void *vmctx, uint32_t mem, uint32_t data, uint64_t dst,
    uint32_t src, uint32_t n)
{
	int code = wrt__memory_init(wrt__instance_of(vmctx), mem, data, dst,
	    src, n);

	if (code)
		wrt__trap(code);
}

void
wrt__rt_DATA_DROP(void *vmctx, uint32_t data)
{
	wrt__instance_of(vmctx)->data_dropped[data] = 1;
}

/* ---- Tables ------------------------------------------------------------- */

static struct wrt_table *
table_of(void *vmctx, uint32_t table)
{
	return wrt__instance_of(vmctx)->tables[table];
}

int64_t
wrt__rt_TABLE_GROW(void *vmctx, uint32_t table, uint64_t init, uint64_t delta)
{
	return wrt__table_grow(table_of(vmctx, table), delta, init);
}

void
wrt__rt_TABLE_FILL(void *vmctx, uint32_t table, uint64_t dst, uint64_t ref,
    uint64_t n)
{
	struct wrt_table *t = table_of(vmctx, table);

	if (outside(dst, n, t->t.size))
		wrt__trap(WABI_TRAP_TABLE_OOB);
	for (uint64_t k = 0; k < n; k++)
		t->t.base[dst + k] = ref;
}

void
wrt__rt_TABLE_COPY(void *vmctx, uint32_t to, uint32_t from, uint64_t dst,
    uint64_t src, uint64_t n)
{
	struct wrt_table *d = table_of(vmctx, to), *s = table_of(vmctx, from);

	if (outside(dst, n, d->t.size) || outside(src, n, s->t.size))
		wrt__trap(WABI_TRAP_TABLE_OOB);
	if (n)
		memmove(d->t.base + dst, s->t.base + src,
		    n * sizeof *d->t.base);
}

int
wrt__elem_value(wrt_instance *i, const struct wabi_elem_info *e, uint32_t seg,
    uint32_t k, uint64_t *out)
{
	union wabi_val v;
	int rc;

	if (e->funcs.n) {
		const uint32_t *f = wrt__list(i->module, e->funcs);

		*out = (uint64_t)(uintptr_t)wrt__instance_funcref(i, f[k]);
		return WRT_OK;
	}
	if (i->elem_vals[seg]) {
		*out = i->elem_vals[seg][k];
		return WRT_OK;
	}
	rc = wrt__init_value(i, (const struct wabi_init *)wrt__list(i->module,
	    e->inits) + k, &v);
	if (rc == WRT_OK)
		*out = v.u64[0];
	return rc;
}

int
wrt__table_init(wrt_instance *i, uint32_t table, uint32_t elem, uint64_t dst,
    uint32_t src, uint32_t n)
{
	const struct wabi_elem_info *e = &WRT__META(i->module, elems)[elem];
	uint32_t all = e->funcs.n ? e->funcs.n : e->inits.n;
	struct wrt_table *t = i->tables[table];

	if (i->elem_dropped[elem])
		all = 0;
	if (outside(src, n, all) || outside(dst, n, t->t.size))
		return WABI_TRAP_TABLE_OOB;
	for (uint32_t k = 0; k < n; k++)
		if (wrt__elem_value(i, e, elem, src + k,
		    &t->t.base[dst + k]) != WRT_OK)
			return WABI_TRAP_HOST;
	return 0;
}

void
wrt__rt_TABLE_INIT(void *vmctx, uint32_t table, uint32_t elem, uint64_t dst,
    uint32_t src, uint32_t n)
{
	int code = wrt__table_init(wrt__instance_of(vmctx), table, elem, dst,
	    src, n);

	if (code)
		wrt__trap(code);
}

void
wrt__rt_ELEM_DROP(void *vmctx, uint32_t elem)
{
	wrt__instance_of(vmctx)->elem_dropped[elem] = 1;
}

/* ---- Signatures --------------------------------------------------------- */

void
wrt__rt_SIG_CHECK(void *vmctx, struct wabi_func *f, uint32_t type)
{
	const wrt_instance *i = wrt__instance_of(vmctx);

	if (!wrt__type_is_subtype(f->type_id, i->module->type_ids[type]))
		wrt__trap(WABI_TRAP_INDIRECT_TYPE);
}
