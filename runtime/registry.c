/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * registry.c: whose code is at this address?
 *
 * Signal handlers ask, on any thread and at any moment, so that readers take no
 * lock and do not wait.  They search a sorted array that is never changed:
 * whoever opens or closes a module publishes a new one.  An old array is freed
 * when no reader is inside a search, which is looked at each time one is
 * published; until then it waits in a list.
 */
#include <pthread.h>
#include <string.h>

#include "load.h"

struct range {
	uintptr_t start, end;
	struct wrt_module *module;
};

struct table {
	struct table *next;		/* retired */
	size_t n;
	struct range ranges[];		/* sorted, disjoint */
};

static _Atomic(struct table *) current;
static atomic_ulong readers;

pthread_mutex_t wrt__registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct table *retired;

/* How many ranges begin at or below pc. */
static size_t
count_below(const struct table *t, uintptr_t pc)
{
	size_t lo = 0, hi = t ? t->n : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->ranges[mid].start <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
wrt__registry_find(uintptr_t pc, struct wrt_module **out)
{
	const struct table *t;
	size_t i;
	bool found;

	/* The order of these two, and of the writer's two in publish(), is
	 * what keeps the array: sequentially consistent. */
	atomic_fetch_add(&readers, 1);
	t = atomic_load(&current);
	i = count_below(t, pc);
	found = i && pc < t->ranges[i - 1].end;
	if (found && out)
		*out = t->ranges[i - 1].module;
	atomic_fetch_sub(&readers, 1);
	return found;
}

/* Under the lock. */
static void
publish(struct table *t)
{
	struct table *old = atomic_exchange(&current, t);

	if (old) {
		old->next = retired;
		retired = old;
	}
	if (atomic_load(&readers))
		return;
	while (retired) {
		old = retired;
		retired = old->next;
		wrt__free(old);
	}
}

/* What is left without m and without what could not be removed before. */
static void
copy_without(struct table *t, const struct table *old,
    const struct wrt_module *m)
{
	for (size_t i = 0; old && i < old->n; i++)
		if (old->ranges[i].module != m &&
		    old->ranges[i].end > old->ranges[i].start)
			t->ranges[t->n++] = old->ranges[i];
}

int
wrt__registry_add(struct wrt_module *m)
{
	struct table *t, *old;
	size_t n, at;

	pthread_mutex_lock(&wrt__registry_lock);
	old = atomic_load(&current);
	n = old ? old->n : 0;
	t = wrt__calloc(1, sizeof *t + (n + 1) * sizeof *t->ranges);
	if (t) {
		copy_without(t, old, NULL);
		at = count_below(t, m->text_start);
		memmove(&t->ranges[at + 1], &t->ranges[at],
		    (t->n++ - at) * sizeof *t->ranges);
		t->ranges[at] = (struct range){ m->text_start, m->text_end, m };
		publish(t);
	}
	pthread_mutex_unlock(&wrt__registry_lock);
	return t ? WRT_OK : WRT_ENOMEM;
}

void
wrt__registry_remove(struct wrt_module *m)
{
	struct table *t, *old;
	size_t at = 0;

	pthread_mutex_lock(&wrt__registry_lock);
	old = atomic_load(&current);
	while (old && at < old->n && old->ranges[at].module != m)
		at++;
	if (old && at < old->n) {
		/* Closing must not fail: without memory for a new array the
		 * entry becomes an empty range in place, which no search
		 * finds. */
		t = old->n == 1 ? NULL : wrt__calloc(1,
		    sizeof *t + (old->n - 1) * sizeof *t->ranges);
		if (t)
			copy_without(t, old, m);
		if (t || old->n == 1)
			publish(t);
		else
			((volatile struct range *)old->ranges)[at].end =
			    old->ranges[at].start;
	}
	pthread_mutex_unlock(&wrt__registry_lock);
}

void
wrt__registry_forked(void)
{
	atomic_store(&readers, 0);
}
