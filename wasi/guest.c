/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * guest.c: the only file that turns guest addresses into host pointers.
 *
 * Takes nothing for granted about addresses and lengths.  A pointer outside of
 * memory, or one that is not aligned as its type demands, ends the guest with a
 * trap, as the WASI documents want it: nothing has been written by then.  A
 * memory never shrinks, so what was checked once in a call stays valid.
 */
#include <string.h>

#include "wasi.h"

static int
guest_memory(struct wasi_call *c)
{
	if (c->mem)
		return 0;
	if (wrt_caller_memory(c->caller, &c->mem) == WRT_OK ||
	    wrt_instance_memory(c->caller, "memory", 6, &c->mem) == WRT_OK)
		return 0;
	c->mem = NULL;
	wrt_trap_set(c->caller, WRT_TRAP_HOST,
	    "missing required memory export");
	return WRT_ETRAP;
}

int
wasi_guest_check(struct wasi_call *c, uint32_t addr, uint64_t n,
    uint32_t align)
{
	uint64_t size;
	int rc = guest_memory(c);

	if (rc)
		return rc;
	size = wrt_memory_bytes(c->mem);
	if (n > size || addr > size - n) {
		wrt_trap_set(c->caller, WRT_TRAP_MEMORY_OOB, NULL);
		return WRT_ETRAP;
	}
	if (addr % align) {
		wrt_trap_set(c->caller, WRT_TRAP_HOST,
		    "pointer not aligned for WASI call");
		return WRT_ETRAP;
	}
	return 0;
}

int
wasi_guest_view(struct wasi_call *c, uint32_t addr, uint64_t n,
    uint32_t align, void **out)
{
	static char nothing[16];
	int rc = wasi_guest_check(c, addr, n, align);

	if (rc)
		return rc;
	*out = n ? wrt_memory_at(c->mem, addr, n) : nothing;
	if (!*out) {
		wrt_trap_set(c->caller, WRT_TRAP_MEMORY_OOB, NULL);
		return WRT_ETRAP;
	}
	return 0;
}

int
wasi_guest_read(struct wasi_call *c, uint32_t addr, void *to, uint64_t n,
    uint32_t align)
{
	void *p;
	int rc = wasi_guest_view(c, addr, n, align, &p);

	if (rc == 0)
		memcpy(to, p, n);
	return rc;
}

int
wasi_guest_write(struct wasi_call *c, uint32_t addr, const void *from,
    uint64_t n, uint32_t align)
{
	void *p;
	int rc = wasi_guest_view(c, addr, n, align, &p);

	if (rc == 0)
		memcpy(p, from, n);
	return rc;
}

int
wasi_put_u32(struct wasi_call *c, uint32_t addr, uint32_t value)
{
	return wasi_guest_write(c, addr, &value, 4, 4);
}

int
wasi_put_u64(struct wasi_call *c, uint32_t addr, uint64_t value)
{
	return wasi_guest_write(c, addr, &value, 8, 8);
}

int
wasi_guest_iovs(struct wasi_call *c, uint32_t addr, uint32_t n,
    struct wasi_iov *iovs)
{
	int rc = wasi_guest_check(c, addr, (uint64_t)n * sizeof *iovs, 4);

	if (rc)
		return rc;
	if (n > WASI_MAX_IOVS)
		return WASI_INVAL;
	rc = wasi_guest_read(c, addr, iovs, (uint64_t)n * sizeof *iovs, 4);
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = wasi_guest_check(c, iovs[i].buf, iovs[i].len, 1);
	return rc;
}
