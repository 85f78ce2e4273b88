/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pool.c: where instances live, and which memory mode the kernel allows.
 *
 * The modes are tried from the best down: containers often forbid
 * userfaultfd, older kernels have no PAGEMAP_SCAN.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rt.h"
#include "pagemap.h"

static const char *const mode_names[] = {
#define X(name, text) [WRT__##name] = text,
	WRT_MEMORY_MODES(X)
#undef X
};
enum { NMODES = sizeof mode_names / sizeof *mode_names };

#define SLOTS_MAX	30000u		/* in 47 bits, beside all else */
#define DENSE_BYTES	(1ull << 46)	/* the same, in dense slots */

static void
config_defaults(struct wrt_pool_config *c)
{
	if (!c->max_instances)
		c->max_instances = 1000;
	if (!c->max_memory_bytes)
		c->max_memory_bytes = 4ull << 30;
	if (!c->max_memories)
		c->max_memories = 4;
	if (!c->max_table_entries)
		c->max_table_entries = 10000000;
	if (!c->stack_bytes)
		c->stack_bytes = 1 << 20;
	if (!c->gc_heap_bytes)
		c->gc_heap_bytes = 1 << 30;
	if (!c->idle_bytes)
		c->idle_bytes = 256 << 20;
	if (!c->max_continuations)
		c->max_continuations = 1 << 20;
	if (!c->continuation_bytes)
		c->continuation_bytes = 4ull << 30;
}

static int
config_check(struct wrt_pool_config *c, struct wrt_error *err)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (c->max_memory_bytes > 1ull << 46)
		return wrt__fail(err, WRT_EINVAL,
		    "max_memory_bytes is more than 64 TiB");
	if (c->flags & WRT_POOL_DENSE && c->flags & WRT_POOL_PLAIN)
		return wrt__fail(err, WRT_EINVAL,
		    "a pool is either plain or dense");
	if (c->max_table_entries > 1ull << 40)
		return wrt__fail(err, WRT_EINVAL,
		    "max_table_entries is more than 2^40");
	if (c->stack_bytes > 1ull << 40)
		return wrt__fail(err, WRT_EINVAL,
		    "stack_bytes is more than 1 TiB");
	if (c->stack_bytes < 16384)
		c->stack_bytes = 16384;
	c->stack_bytes = (c->stack_bytes + page - 1) & ~(page - 1);
	return WRT_OK;
}

static bool
have_pagemap(const struct wrt__slab *s)
{
	struct pagemap_region r[1];

	return pagemap_dirty(s->fd, s->map, 4096, r, 1) >= 0;
}

/* Of dense slots, or 0: multiples of a wasm page, so that each begins a page
 * table entry's bits anew. */
static uint64_t
dense_stride(const wrt_pool *p)
{
	if (!(p->cfg.flags & WRT_POOL_DENSE))
		return 0;
	return (p->cfg.max_memory_bytes + WABI_PAGE_BYTES - 1) &
	    ~(uint64_t)(WABI_PAGE_BYTES - 1);
}

static int
pool_mode(wrt_pool *p, enum wrt__mode mode, struct wrt_error *err)
{
	uint64_t n = (uint64_t)p->cfg.max_instances * p->cfg.max_memories;
	uint64_t dense = dense_stride(p), most;
	int rc;

	p->mode = mode;
	if (mode == WRT__PLAIN)
		return WRT_OK;
	if (sysconf(_SC_PAGESIZE) != 4096)
		return wrt__fail(err, WRT_ESYS, "%s needs pages of 4096 bytes",
		    mode_names[mode]);
	most = dense ? DENSE_BYTES / dense : SLOTS_MAX;
	if (n > most)
		n = most;
	if (n > UINT32_MAX)
		n = UINT32_MAX;
	p->slab.idle_bytes = &p->idle_bytes;
	rc = wrt__slab_init(&p->slab, mode, (uint32_t)n, dense, err);
	if (rc == WRT_OK && mode == WRT__PAGEMAP && !have_pagemap(&p->slab)) {
		wrt__slab_fini(&p->slab);
		rc = wrt__fail(err, WRT_ESYS,
		    "the kernel has no PAGEMAP_SCAN (Linux 6.7)");
	}
	return rc;
}

static int
pool_probe(wrt_pool *p, struct wrt_error *err)
{
	const char *force = getenv("WASMRT_MEMORY");
	int rc = WRT_OK;

	if (force && *force) {
		for (int k = 0; k < NMODES; k++)
			if (!strcmp(force, mode_names[k]))
				return pool_mode(p, (enum wrt__mode)k, err);
		return wrt__fail(err, WRT_EINVAL, "WASMRT_MEMORY=%s: expected "
		    "userfaultfd, pagemap, madvise or plain", force);
	}
	if (p->cfg.flags & WRT_POOL_PLAIN)
		return pool_mode(p, WRT__PLAIN, err);
	for (int k = 0; k < NMODES; k++) {
		rc = pool_mode(p, (enum wrt__mode)k, err);
		if (rc == WRT_OK)
			break;
	}
	return rc;
}

int
wrt_pool_create(wrt_pool **out, const struct wrt_pool_config *config,
    struct wrt_error *err)
{
	wrt_pool *p;
	int rc;

	if (!out)
		return wrt__fail(err, WRT_EINVAL, "out is NULL");
	p = wrt__calloc(1, sizeof *p);
	if (!p)
		return wrt__fail(err, WRT_ENOMEM, "out of memory");
	p->slab.fd = -1;
	p->forks = wrt__forks;
	atomic_init(&p->refs, 1);
	if (config)
		p->cfg = *config;
	config_defaults(&p->cfg);
	rc = config_check(&p->cfg, err);
	if (rc == WRT_OK)
		rc = wrt__signals_init(err);
	if (rc == WRT_OK && (p->cfg.call_wall_ns || p->cfg.call_cpu_ns) &&
	    (rc = wrt__watchdog_start()) != WRT_OK)
		wrt__fail(err, rc, "cannot start a thread for time limits");
	if (rc == WRT_OK)
		rc = pool_probe(p, err);
	if (rc != WRT_OK) {
		wrt__free(p);
		return rc;
	}
	*out = p;
	return WRT_OK;
}

void
wrt__pool_hold(wrt_pool *p)
{
	atomic_fetch_add(&p->refs, 1);
}

void
wrt__pool_put(wrt_pool *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	if (p->slab.map)
		wrt__slab_fini(&p->slab);
	wrt__pool_arena_free(p);
	wrt__free(p);
}

/* An instance that others are linked with lives on when the host has closed it,
 * and so does its pool. */
void
wrt_pool_destroy(wrt_pool *p)
{
	if (!p)
		return;
	atomic_store(&p->closed, true);
	wrt__park_sweep(p, NULL, NULL, UINT32_MAX);
	wrt__pool_put(p);
}

const char *
wrt_pool_memory_mode(const wrt_pool *p)
{
	return p ? mode_names[p->mode] : "";
}

uint64_t
wrt__pool_kept(wrt_pool *p)
{
	return atomic_load(&p->idle_bytes) + wrt__park_bytes(p);
}

uint64_t
wrt_pool_trim(wrt_pool *p, uint64_t keep_bytes)
{
	uint64_t before, after;

	if (!p || p->forks != wrt__forks)
		return 0;
	before = after = wrt__pool_kept(p);
	while (after > keep_bytes) {
		if (p->slab.map)
			wrt__slab_trim(&p->slab, keep_bytes);
		after = wrt__pool_kept(p);
		if (after > keep_bytes && !wrt__park_sweep(p, NULL, NULL, 16))
			break;
	}
	return before > after ? before - after : 0;
}
