/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * park.c: closed instances that wait to be created again.
 *
 * An instance that nobody else can point into is brought back to its image
 * when it is closed and kept whole: description, vmctx, links, memory slot
 * with the pages that are there.  Creating one of the same module, pool and
 * list of imports takes it from here.  docs/POOLS.md tells the rules.
 *
 * Each thread keeps a few, in its own list, under a lock that only it takes as
 * a rule; what is too much, and what a thread leaves when it ends, goes to one
 * shelf for all.  Whoever closes a module, changes or ends a list of imports,
 * ends or trims a pool, or runs into one of its limits takes what it concerns
 * out of all lists.
 *
 * Locks, in this order: registry, a thread's, the shelf.  Instances are freed
 * under none of them.
 */
#include <sched.h>
#include <string.h>

#include "rt.h"

#define BUCKETS		256u

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wrt__parks *registry;	/* of all threads */

static struct {
	atomic_flag lock;
	atomic_uint n;
	wrt_instance *buckets[BUCKETS];
} shelf = { .lock = ATOMIC_FLAG_INIT };

/* How often somebody began, and has done with, moving instances from list to
 * list or freeing them: meanwhile they are in none. */
static atomic_uint began, done;

/* ---- Locks --------------------------------------------------------------
 *
 * Held for a few dozen instructions, by their owner but for the rare cases.
 */
static void
take_lock(atomic_flag *f)
{
	while (atomic_flag_test_and_set_explicit(f, memory_order_acquire))
		sched_yield();
}

static void
give_lock(atomic_flag *f)
{
	atomic_flag_clear_explicit(f, memory_order_release);
}

/* A forked child must find every list whole. */
static void
before_fork(void)
{
	pthread_mutex_lock(&registry_lock);
	for (struct wrt__parks *p = registry; p; p = p->next)
		take_lock(&p->lock);
	take_lock(&shelf.lock);
}

static void
after_fork(void)
{
	give_lock(&shelf.lock);
	for (struct wrt__parks *p = registry; p; p = p->next)
		give_lock(&p->lock);
	pthread_mutex_unlock(&registry_lock);
}

/* What other threads were moving is lost to the child. */
static void
in_child(void)
{
	atomic_store(&done, atomic_load(&began));
	after_fork();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool fork_safe;

static void
init(void)
{
	fork_safe = pthread_atfork(before_fork, after_fork, in_child) == 0;
}

/* Also by threads that have called no guest. */
static void
lock_registry(void)
{
	pthread_once(&once, init);
	pthread_mutex_lock(&registry_lock);
}

/* ---- The shelf ---------------------------------------------------------- */

static wrt_instance **
bucket(const wrt_pool *pool, const struct wrt_module *m, const wrt_imports *l)
{
	uint64_t h = (uintptr_t)pool ^ (uintptr_t)m << 1 ^ (uintptr_t)l << 2;

	return &shelf.buckets[h * 0x9e3779b97f4a7c15u >> 56];
}

static bool
is_for(const wrt_instance *i, const wrt_pool *pool,
    const struct wrt_module *m, const wrt_imports *l)
{
	return i->pool == pool && i->module == m && i->imports == l;
}

/* May i be taken by others from now on?  Looked at with the lock of the list
 * held that i is put into: whoever changes the answer looks through all lists
 * afterwards. */
static bool
is_wanted(const wrt_instance *i)
{
	return !atomic_load_explicit(&i->pool->closed, memory_order_relaxed) &&
	    atomic_load_explicit(&i->module->nopen, memory_order_relaxed) &&
	    (!i->imports || atomic_load_explicit(&i->imports->changes,
	    memory_order_relaxed) == i->imports_seen);
}

/* Put i there if the pool's limit allows it. */
static bool
shelve(wrt_instance *i)
{
	wrt_pool *p = i->pool;
	wrt_instance **b = bucket(p, i->module, i->imports);
	bool ok = false;

	if (atomic_fetch_add(&p->idle_bytes, i->idle_bytes) + i->idle_bytes >
	    p->cfg.idle_bytes) {
		atomic_fetch_sub(&p->idle_bytes, i->idle_bytes);
		return false;
	}
	take_lock(&shelf.lock);
	if (is_wanted(i)) {
		i->parked_next = *b;
		*b = i;
		atomic_fetch_add(&shelf.n, 1);
		ok = true;
	}
	give_lock(&shelf.lock);
	if (!ok)
		atomic_fetch_sub(&p->idle_bytes, i->idle_bytes);
	return ok;
}

static void
shelf_remove(wrt_instance **at)
{
	wrt_instance *i = *at;

	*at = i->parked_next;
	i->parked_next = NULL;
	atomic_fetch_sub(&shelf.n, 1);
	atomic_fetch_sub(&i->pool->idle_bytes, i->idle_bytes);
}

static wrt_instance *
unshelve(const wrt_pool *pool, const struct wrt_module *m,
    const wrt_imports *l)
{
	wrt_instance **at, *i;

	if (!atomic_load_explicit(&shelf.n, memory_order_relaxed))
		return NULL;
	take_lock(&shelf.lock);
	for (at = bucket(pool, m, l); (i = *at); at = &i->parked_next)
		if (is_for(i, pool, m, l)) {
			shelf_remove(at);
			break;
		}
	give_lock(&shelf.lock);
	return i;
}

/* ---- Threads' lists ----------------------------------------------------- */

/* Oldest first; the youngest one's pages are the likeliest to be in caches. */
static wrt_instance *
remove_at(struct wrt__parks *p, uint32_t k)
{
	wrt_instance *i = p->e[k].inst;

	p->bytes -= i->idle_bytes;
	p->n--;
	if (k < p->n)
		memmove(&p->e[k], &p->e[k + 1], (p->n - k) * sizeof *p->e);
	return i;
}

static void
shelve_or_free(wrt_instance *i)
{
	if (!shelve(i))
		wrt__instance_free_alone(i);
}

bool
wrt__parks_open(struct wrt__parks *p)
{
	pthread_once(&once, init);
	if (!fork_safe)
		return false;
	atomic_flag_clear(&p->lock);
	lock_registry();
	p->next = registry;
	registry = p;
	p->open = true;
	pthread_mutex_unlock(&registry_lock);
	return true;
}

/* The thread ends. */
void
wrt__parks_close(struct wrt__parks *p)
{
	struct wrt__parks **at = &registry;

	if (!p->open)
		return;
	lock_registry();
	atomic_fetch_add(&began, 1);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	pthread_mutex_unlock(&registry_lock);
	/* Nobody else can see it now. */
	for (uint32_t k = 0; k < p->n; k++)
		shelve_or_free(p->e[k].inst);
	p->n = 0;
	atomic_fetch_add(&done, 1);
}

wrt_instance *
wrt__park_take(struct wrt__parks *p, const wrt_pool *pool,
    const struct wrt_module *m, const wrt_imports *l)
{
	wrt_instance *i = NULL;

	take_lock(&p->lock);
	for (uint32_t k = p->n; k-- && !i;)
		if (p->e[k].pool == pool && p->e[k].module == m &&
		    p->e[k].imports == l)
			i = remove_at(p, k);
	give_lock(&p->lock);
	return i ? i : unshelve(pool, m, l);
}

/* The oldest half goes, when the list is full or has too many bytes. */
static uint32_t
make_room(struct wrt__parks *p, const wrt_instance *i, wrt_instance **out)
{
	uint64_t share = i->pool->cfg.idle_bytes / 16;
	uint32_t n = 0;

	if (p->n < WRT__PARKS && p->bytes + i->idle_bytes <= share)
		return 0;
	while (n < (p->n + 1) / 2)
		out[n] = p->e[n].inst, p->bytes -= out[n]->idle_bytes, n++;
	p->n -= n;
	memmove(p->e, p->e + n, p->n * sizeof *p->e);
	return n;
}

bool
wrt__park_put(struct wrt__parks *p, wrt_instance *i)
{
	wrt_instance *out[WRT__PARKS];
	uint32_t n;
	bool ok;

	take_lock(&p->lock);
	n = make_room(p, i, out);
	if (n)
		atomic_fetch_add(&began, 1);
	ok = is_wanted(i) && i->idle_bytes <= i->pool->cfg.idle_bytes / 16;
	if (ok) {
		p->e[p->n++] = (struct wrt__parked){ i->pool, i->module,
		    i->imports, i };
		p->bytes += i->idle_bytes;
	}
	give_lock(&p->lock);
	for (uint32_t k = 0; k < n; k++)
		shelve_or_free(out[k]);
	if (n)
		atomic_fetch_add(&done, 1);
	return ok || shelve(i);
}

uint64_t
wrt__park_bytes(const wrt_pool *pool)
{
	uint64_t n = 0;

	lock_registry();
	for (struct wrt__parks *p = registry; p; p = p->next) {
		take_lock(&p->lock);
		for (uint32_t k = 0; k < p->n; k++)
			if (p->e[k].pool == pool)
				n += p->e[k].inst->idle_bytes;
		give_lock(&p->lock);
	}
	pthread_mutex_unlock(&registry_lock);
	return n;
}

/* ---- Taking out --------------------------------------------------------- */

static bool
concerns(const wrt_instance *i, const wrt_pool *pool,
    const struct wrt_module *m, const wrt_imports *l)
{
	return (!pool || i->pool == pool) && (!m || i->module == m) &&
	    (!l || i->imports == l);
}

static uint32_t
sweep_thread(struct wrt__parks *p, const wrt_pool *pool,
    const struct wrt_module *m, const wrt_imports *l, uint32_t max,
    wrt_instance **dead)
{
	uint32_t n = 0;

	take_lock(&p->lock);
	for (uint32_t k = 0; k < p->n && n < max;) {
		wrt_instance *i = p->e[k].inst;

		if (!concerns(i, pool, m, l)) {
			k++;
			continue;
		}
		remove_at(p, k);
		i->parked_next = *dead;
		*dead = i;
		n++;
	}
	give_lock(&p->lock);
	return n;
}

static uint32_t
sweep_shelf(const wrt_pool *pool, const struct wrt_module *m,
    const wrt_imports *l, uint32_t max, wrt_instance **dead)
{
	uint32_t n = 0;

	take_lock(&shelf.lock);
	for (uint32_t b = 0; b < BUCKETS; b++)
		for (wrt_instance **at = &shelf.buckets[b], *i; (i = *at) &&
		    n < max;) {
			if (!concerns(i, pool, m, l)) {
				at = &i->parked_next;
				continue;
			}
			shelf_remove(at);
			i->parked_next = *dead;
			*dead = i;
			n++;
		}
	give_lock(&shelf.lock);
	return n;
}

uint32_t
wrt__park_sweep(const wrt_pool *pool, const struct wrt_module *m,
    const wrt_imports *l, uint32_t max)
{
	wrt_instance *dead = NULL, *i;
	uint32_t n;

	lock_registry();
	atomic_fetch_add(&began, 1);
	n = sweep_shelf(pool, m, l, max, &dead);
	for (struct wrt__parks *p = registry; p && n < max; p = p->next)
		n += sweep_thread(p, pool, m, l, max - n, &dead);
	pthread_mutex_unlock(&registry_lock);
	while ((i = dead)) {
		dead = i->parked_next;
		i->parked_next = NULL;
		wrt__instance_free_alone(i);
	}
	atomic_fetch_add(&done, 1);
	return n;
}

/* Only what nobody moved while we looked is an answer. */
bool
wrt__park_reclaim(const wrt_pool *pool)
{
	enum { BATCH = 16 };
	unsigned ended = atomic_load(&done), begun = atomic_load(&began);

	if (wrt__park_sweep(pool, NULL, NULL, BATCH))
		return true;
	if (begun == ended && atomic_load(&began) == begun + 1)
		return false;		/* the one was ours */
	sched_yield();
	return true;
}
