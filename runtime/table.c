/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * table.c: tables.  The base never moves, so what a table may grow to is
 * reserved when it is made: address space only.
 */
#include <string.h>
#include <sys/mman.h>

#include "rt.h"

#define SMALL 64u			/* entries that calloc gives */
#define CLEAR 8192u			/* no more are cleared by hand */

static void
fill(struct wrt_table *t, uint64_t from, uint64_t to, uint64_t init)
{
	if (init)
		for (uint64_t k = from; k < to; k++)
			t->t.base[k] = init;
}

static int
table_place(struct wrt_table *t, uint64_t entries)
{
	void *p;

	if (entries <= SMALL) {
		t->t.base = wrt__calloc(entries ? entries : 1,
		    sizeof *t->t.base);
		return t->t.base ? WRT_OK : WRT_ENOMEM;
	}
	p = mmap(NULL, entries * sizeof *t->t.base, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return WRT_ENOMEM;
	t->t.base = p;
	t->map_bytes = entries * sizeof *t->t.base;
	return WRT_OK;
}

/* t is all zero before; after a failure it may be closed. */
int
wrt__table_open(struct wrt_table *t, wrt_pool *pool,
    const struct wabi_valtype *type, const uint32_t *ids,
    const struct wabi_limits *limits, uint64_t init, struct wrt_error *err)
{
	uint64_t max = pool->cfg.max_table_entries;

	t->type = *type;
	t->ids = ids;
	t->limits = *limits;
	if (limits->min > max)
		return wrt__fail(err, WRT_ELIMIT, "a table of %llu entries is "
		    "more than the pool's limit of %llu",
		    (unsigned long long)limits->min, (unsigned long long)max);
	if (limits->max < max)
		max = limits->max;
	if (table_place(t, max) != WRT_OK)
		return wrt__fail(err, WRT_ENOMEM,
		    "no memory for a table of %llu entries",
		    (unsigned long long)max);
	t->t.size = limits->min;
	t->t.max = max;
	fill(t, 0, t->t.size, init);
	return WRT_OK;
}

void
wrt__table_close(struct wrt_table *t)
{
	if (t->map_bytes)
		munmap(t->t.base, t->map_bytes);
	else
		wrt__free(t->t.base);
	t->t.base = NULL;
	t->map_bytes = 0;
}

void
wrt__table_reset(struct wrt_table *t, uint64_t init)
{
	if (t->t.size > CLEAR && t->map_bytes)
		madvise(t->t.base, t->map_bytes, MADV_DONTNEED);
	else
		memset(t->t.base, 0, t->t.size * sizeof *t->t.base);
	t->t.size = t->limits.min;
	fill(t, 0, t->t.size, init);
}

void
wrt__table_unlimit(struct wrt_table *t, const wrt_pool *pool)
{
	uint64_t max = pool->cfg.max_table_entries;

	t->t.max = t->limits.max < max ? t->limits.max : max;
}

int64_t
wrt__table_grow(struct wrt_table *t, uint64_t delta, uint64_t init)
{
	uint64_t old = t->t.size;

	if (delta > t->t.max || old > t->t.max - delta)
		return -1;
	fill(t, old, old + delta, init);
	t->t.size = old + delta;
	return (int64_t)old;
}

static struct wrt__group **
group_of(wrt_table *t)
{
	return t->owner ? &t->owner->group : &t->group;
}

/* The word as it is kept there, if the host may put it there.  A table of
 * typed references takes only what is of its type. */
static int
check_ref(wrt_table *t, wrt_val *v)
{
	uint32_t ref;
	int rc;

	if (t->type.type == WABI_ANYREF) {
		rc = wrt__ref_from_host(group_of(t), v->u64[0], &t->type,
		    t->ids, &ref);
		if (rc == WRT_OK)
			v->u64[0] = ref;
		return rc;
	}
	rc = wrt__ref_check(&t->type, t->ids, v);
	if (rc == WRT_OK && v->func && t->type.type == WABI_FUNCREF)
		wrt__group_escape(group_of(t),
		    (const struct wabi_func *)v->func);
	return rc;
}

uint64_t
wrt_table_size(const wrt_table *t)
{
	return t ? t->t.size : 0;
}

uint8_t
wrt_table_type(const wrt_table *t)
{
	return t ? t->type.type : 0;
}

int
wrt_table_get(const wrt_table *t, uint64_t k, wrt_val *out)
{
	if (!t || !out)
		return WRT_EINVAL;
	if (k >= t->t.size)
		return WRT_EBOUNDS;
	memset(out, 0, sizeof *out);
	out->u64[0] = t->t.base[k];
	if (t->type.type == WABI_ANYREF)
		out->u64[0] = wrt__ref_to_host(wrt__group_of(
		    group_of((wrt_table *)t))->heap, (uint32_t)out->u64[0]);
	wrt__exns_pin(&t->type.type, 1, out);
	return WRT_OK;
}

int
wrt_table_set(wrt_table *t, uint64_t k, wrt_val val)
{
	int rc;

	if (!t)
		return WRT_EINVAL;
	if (k >= t->t.size)
		return WRT_EBOUNDS;
	if (t->closed)
		return WRT_ETYPE;
	rc = check_ref(t, &val);
	if (rc == WRT_OK)
		t->t.base[k] = val.u64[0];
	return rc;
}

int64_t
wrt_table_grow(wrt_table *t, uint64_t delta, wrt_val init)
{
	if (!t || t->closed || check_ref(t, &init) != WRT_OK)
		return -1;
	return wrt__table_grow(t, delta, init.u64[0]);
}

void
wrt_table_limit(wrt_table *t, uint64_t entries)
{
	if (t && entries < t->t.max)
		t->t.max = entries;
}
