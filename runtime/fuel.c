/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fuel.c: what an instance may still execute.
 *
 * The count is vmctx->fuel.  Generated code keeps it there wherever the host
 * can look; see docs/ABI.md, "Fuel".
 */
#include "rt.h"

static int64_t *
fuel_of(const wrt_instance *i)
{
	return &((struct wabi_vmctx *)(void *)i->vmctx)->fuel;
}

static uint64_t
left_of(const wrt_instance *i)
{
	int64_t left = __atomic_load_n(fuel_of(i), __ATOMIC_RELAXED);

	return left > 0 ? (uint64_t)left : 0;
}

/* What was used is what was given, in sum, less what is left.  Who reads both
 * while they change finds the number odd, or another one afterwards. */
void
wrt__fuel_set(wrt_instance *i, int64_t units)
{
	struct wrt__fuelcount *f = &i->fuel;
	uint64_t n = atomic_load_explicit(&f->changes, memory_order_relaxed);
	uint64_t used = wrt__fuel_used(i);

	atomic_store_explicit(&f->changes, n + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&f->given, used + (uint64_t)units,
	    memory_order_relaxed);
	__atomic_store_n(fuel_of(i), units, __ATOMIC_RELAXED);
	atomic_store_explicit(&f->changes, n + 2, memory_order_release);
}

uint64_t
wrt__fuel_used(const wrt_instance *i)
{
	const struct wrt__fuelcount *f = &i->fuel;
	uint64_t n, given, left;

	do {
		n = atomic_load_explicit(&f->changes, memory_order_acquire);
		given = atomic_load_explicit(&f->given, memory_order_relaxed);
		left = left_of(i);
		atomic_thread_fence(memory_order_acquire);
	} while (n & 1 || n != atomic_load_explicit(&f->changes,
	    memory_order_relaxed));
	return given > left ? given - left : 0;
}

void
wrt__fuel_init(wrt_instance *i)
{
	uint64_t units = i->pool->cfg.fuel;

	wrt__fuel_set(i, units && units < INT64_MAX ? (int64_t)units :
	    INT64_MAX);
}

/* What was paid for behind the instruction at this offset. */
static uint32_t
rest_of(const struct wrt_module *m, uint32_t wasm_off)
{
	const struct wabi_fuel_rest *e = WRT__META(m, fuel);
	uint32_t lo = 0, hi = m->meta->fuel.n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (e[mid].wasm_off < wasm_off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->meta->fuel.n && e[lo].wasm_off == wasm_off ?
	    e[lo].units : 0;
}

/* The instance whose code faulted is not known, only its module: if there are
 * several of it in the group, none gets anything back. */
void
wrt__fuel_fault(struct wrt__act *a)
{
	struct wrt_frame f[WRT__PLACE_FRAMES];
	wrt_instance *payer = NULL;
	struct wrt_module *m = a->inst->module;

	if (a->code != WABI_TRAP_MEMORY_OOB || a->is_return || !a->regs.pc ||
	    !wrt__module_at(&m, a->regs.pc) || !m->meta->fuel.n)
		return;
	for (wrt_instance *i = wrt__group_of(&a->inst->group)->members; i;
	    i = i->next) {
		if (i->module != m)
			continue;
		if (payer)
			return;
		payer = i;
	}
	if (payer && wrt__symbolise(m, a->regs.pc, false, f) > 0)
		*fuel_of(payer) += rest_of(m, f[0].wasm_off);
}

int
wrt_instance_set_fuel(wrt_instance *i, uint64_t units)
{
	if (!i || units > INT64_MAX)
		return WRT_EINVAL;
	if (!(i->module->meta->flags & WABI_META_FUEL))
		return WRT_ESTATE;
	wrt__fuel_set(i, (int64_t)units);
	return WRT_OK;
}

int
wrt_instance_fuel(const wrt_instance *i, uint64_t *out)
{
	if (!i || !out)
		return WRT_EINVAL;
	if (!(i->module->meta->flags & WABI_META_FUEL))
		return WRT_ESTATE;
	*out = left_of(i);
	return WRT_OK;
}

int
wrt_module_has_fuel(const wrt_module *m)
{
	return m && (m->meta->flags & WABI_META_FUEL);
}
