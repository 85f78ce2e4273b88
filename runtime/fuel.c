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

void
wrt__fuel_init(wrt_instance *i)
{
	uint64_t units = i->pool->cfg.fuel;

	*fuel_of(i) = units && units < INT64_MAX ? (int64_t)units : INT64_MAX;
}

int
wrt_instance_set_fuel(wrt_instance *i, uint64_t units)
{
	if (!i || units > INT64_MAX)
		return WRT_EINVAL;
	if (!(i->module->meta->flags & WABI_META_FUEL))
		return WRT_ESTATE;
	*fuel_of(i) = (int64_t)units;
	return WRT_OK;
}

int
wrt_instance_fuel(const wrt_instance *i, uint64_t *out)
{
	int64_t left;

	if (!i || !out)
		return WRT_EINVAL;
	if (!(i->module->meta->flags & WABI_META_FUEL))
		return WRT_ESTATE;
	left = *fuel_of(i);
	*out = left > 0 ? (uint64_t)left : 0;
	return WRT_OK;
}
