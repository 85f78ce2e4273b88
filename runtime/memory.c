/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * memory.c: a memory as hosts and memory.grow see it.
 */
#include <string.h>

#include "rt.h"

struct wrt_memory *
wrt__memory_new(wrt_pool *pool)
{
	struct wrt_memory *m = wrt__calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->slot = -1;
	m->pool = pool;
	atomic_init(&m->refs, 1);
	wrt__pool_hold(pool);
	return m;
}

void
wrt__memory_hold(struct wrt_memory *m)
{
	atomic_fetch_add(&m->refs, 1);
}

void
wrt__memory_put(struct wrt_memory *m)
{
	if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
		return;
	wrt__pages_close(m);
	wrt__pool_put(m->pool);
	wrt__module_put(m->module);
	wrt__free(m->own_runs);
	wrt__free(m);
}

/* The pages are open before anybody can see that there are more.  The lock is
 * for shared memories; others pay a few nanoseconds for it. */
int64_t
wrt__memory_grow(struct wrt_memory *m, uint64_t delta)
{
	uint64_t old, bytes;
	int64_t rc = -1;

	pthread_mutex_lock(&m->lock);
	old = m->m.pages;
	if (delta && (delta > m->m.max_pages || old > m->m.max_pages - delta))
		goto out;
	bytes = (old + delta) << m->limits.page_log2;
	if (delta && wrt__pages_grow(m, bytes) != WRT_OK)
		goto out;
	__atomic_store_n(&m->m.bytes, bytes, __ATOMIC_SEQ_CST);
	__atomic_store_n(&m->m.pages, old + delta, __ATOMIC_SEQ_CST);
	rc = (int64_t)old;
out:
	pthread_mutex_unlock(&m->lock);
	return rc;
}

uint64_t
wrt_memory_bytes(const wrt_memory *m)
{
	return m ? wrt__mem_bytes(m) : 0;
}

uint64_t
wrt_memory_pages(const wrt_memory *m)
{
	return m ? wrt__mem_pages(m) : 0;
}

static bool
is_inside(const wrt_memory *m, uint64_t addr, uint64_t n)
{
	uint64_t bytes = wrt_memory_bytes(m);

	return m && n <= bytes && addr <= bytes - n;
}

/* The host may write: an image that was taken is no longer what it holds.
 * Shared memories have none. */
static void
touch(wrt_memory *m)
{
	if (!m->limits.shared)
		m->touched = true;
}

int64_t
wrt_memory_grow(wrt_memory *m, uint64_t delta_pages)
{
	if (!m)
		return -1;
	touch(m);
	return wrt__memory_grow(m, delta_pages);
}

void
wrt_memory_limit(wrt_memory *m, uint64_t bytes)
{
	uint64_t pages;

	if (!m)
		return;
	pages = bytes >> m->limits.page_log2;
	pthread_mutex_lock(&m->lock);
	if (pages < m->limit_pages)
		m->limit_pages = m->m.max_pages = pages;
	pthread_mutex_unlock(&m->lock);
}

static void *
bytes_at(wrt_memory *m, uint64_t addr, uint64_t n)
{
	if (!is_inside(m, addr, n))
		return NULL;
	if (n && wrt__pages_present(m, addr, n) != WRT_OK)
		return NULL;
	return m->m.base + addr;
}

void *
wrt_memory_at(wrt_memory *m, uint64_t addr, uint64_t n)
{
	void *p = bytes_at(m, addr, n);

	if (p)
		touch(m);
	return p;
}

int
wrt_memory_read(wrt_memory *m, uint64_t addr, void *to, size_t n)
{
	const void *p;

	if (!m || (n && !to))
		return WRT_EINVAL;
	p = bytes_at(m, addr, n);
	if (!p)
		return is_inside(m, addr, n) ? WRT_ENOMEM : WRT_EBOUNDS;
	if (n)
		memcpy(to, p, n);
	return WRT_OK;
}

int
wrt_memory_write(wrt_memory *m, uint64_t addr, const void *from, size_t n)
{
	void *p;

	if (!m || (n && !from))
		return WRT_EINVAL;
	p = wrt_memory_at(m, addr, n);
	if (!p)
		return is_inside(m, addr, n) ? WRT_ENOMEM : WRT_EBOUNDS;
	if (n)
		memcpy(p, from, n);
	return WRT_OK;
}

static int
find_export(wrt_instance *i, const char *name, size_t len, uint8_t kind,
    uint32_t *index)
{
	const struct wabi_export_info *e;
	long k;

	if (!i || !name)
		return WRT_EINVAL;
	k = wrt__find_export(i->module, name, len);
	if (k < 0)
		return WRT_ENOTFOUND;
	e = &WRT__META(i->module, exports)[k];
	*index = e->index;
	return e->kind == kind ? WRT_OK : WRT_ENOTFOUND;
}

int
wrt_instance_memory(wrt_instance *i, const char *name, size_t name_len,
    wrt_memory **out)
{
	uint32_t k;
	int rc = out ? find_export(i, name, name_len, WABI_KIND_MEMORY, &k) :
	    WRT_EINVAL;

	if (rc == WRT_OK)
		*out = i->mems[k];
	return rc;
}

int
wrt_instance_table(wrt_instance *i, const char *name, size_t name_len,
    wrt_table **out)
{
	uint32_t k;
	int rc = out ? find_export(i, name, name_len, WABI_KIND_TABLE, &k) :
	    WRT_EINVAL;

	if (rc == WRT_OK)
		*out = i->tables[k];
	return rc;
}

int
wrt_instance_global(wrt_instance *i, const char *name, size_t name_len,
    wrt_global **out)
{
	uint32_t k;
	int rc = out ? find_export(i, name, name_len, WABI_KIND_GLOBAL, &k) :
	    WRT_EINVAL;

	if (rc == WRT_OK)
		*out = &i->globals[k];
	return rc;
}

int
wrt_instance_memory_at(wrt_instance *i, size_t k, wrt_memory **out)
{
	if (!i || !out)
		return WRT_EINVAL;
	if (k >= i->module->nmemories)
		return WRT_ENOTFOUND;
	*out = i->mems[k];
	return WRT_OK;
}

int
wrt_caller_memory(wrt_instance *i, wrt_memory **out)
{
	uint32_t said;

	if (!i || !out)
		return WRT_EINVAL;
	said = i->module->meta->host_memory;
	return wrt_instance_memory_at(i, said ?
	    wrt__vm_global(i, said - 1)->i32 : 0, out);
}
