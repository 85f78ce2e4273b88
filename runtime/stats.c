/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * stats.c: what instances, modules and pools have done, as numbers.
 *
 * Everything is counted in the description of an instance, by the thread that
 * uses it, with plain additions that any thread may read.  A description is
 * used for one instance after the other (park.c), and its counters go on: what
 * a new instance shows is what came after `begin`.  Descriptions are listed by
 * pool and by module while they exist; when one is freed, its counters are
 * added to the pool's and the module's.  So a pool's numbers are those of the
 * list and of what has left it, and neither calls nor creating from parked
 * ones take a lock or a locked instruction.
 *
 * The lock is for the lists and for what was added up.  It is held for a walk
 * of all instances when somebody asks, and no other lock is taken under it.
 */
#include <string.h>

#include "rt.h"

pthread_mutex_t wrt__stats_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t
get(const wrt__count *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* Of its own memories. */
static uint64_t
faults(const wrt_instance *i)
{
	uint64_t n = 0;

	for (uint32_t k = 0; k < i->nown_mems; k++)
		n += get(&i->own_mems[k].nfaults);
	return n;
}

/* ---- An instance's life ------------------------------------------------- */

/* What has been counted, as one instance's. */
static void
begin(wrt_instance *i)
{
	struct wrt__done *d = &i->counts.done;
	struct wrt__trapcounts *t = i->trap_counts;
	bool trapped = get(&d->traps) != i->begin.traps;

	/* One by one: a wide load would have to wait for narrow stores. */
	i->begin.calls = get(&d->calls);
	i->begin.traps = get(&d->traps);
	i->begin.resets = get(&d->resets);
	i->begin.grows = get(&d->grows);
	i->begin.cpu_ns = get(&d->cpu_ns);
	wrt__add(&i->counts.created, 1);
	i->begin.faults = faults(i);
	if (wrt_module_has_fuel(i->module))
		i->begin.fuel = wrt__fuel_used(i);
	if (!trapped)
		return;
	for (int k = 0; t && k < WRT__TRAP_KINDS; k++)
		t->begin[k] = get(&t->n[k]);
}

void
wrt__stats_open(wrt_instance *i)
{
	wrt_pool *p = i->pool;
	struct wrt_module *m = i->module;

	begin(i);
	pthread_mutex_lock(&wrt__stats_lock);
	i->in_pool.next = p->listed;
	if (p->listed)
		p->listed->in_pool.at = &i->in_pool.next;
	p->listed = i;
	i->in_pool.at = &p->listed;
	i->in_module.next = m->listed;
	if (m->listed)
		m->listed->in_module.at = &i->in_module.next;
	m->listed = i;
	i->in_module.at = &m->listed;
	pthread_mutex_unlock(&wrt__stats_lock);
}

void
wrt__stats_again(wrt_instance *i)
{
	begin(i);
}

/* ---- Adding up ---------------------------------------------------------- */

static void
add_traps(struct wrt_stats *to, const wrt_instance *i)
{
	const struct wrt__trapcounts *t =
	    atomic_load_explicit(&i->trap_counts, memory_order_acquire);

	for (int k = 0; t && k < WRT__TRAP_KINDS; k++)
		to->traps[k] += get(&t->n[k]);
}

/* What has been counted in a description, with the lives before. */
static void
add_counts(struct wrt_stats *to, const wrt_instance *i)
{
	const struct wrt__counts *c = &i->counts;
	const struct wrt__done *d = &c->done;

	/* In this order there are never more closed than created. */
	to->closed += get(&c->closed);
	to->created += get(&c->created);
	to->calls += get(&d->calls);
	to->resets += get(&d->resets);
	to->memory_grows += get(&d->grows);
	to->cpu_ns += get(&d->cpu_ns);
	to->page_faults += faults(i);
	if (wrt_module_has_fuel(i->module))
		to->fuel_used += wrt__fuel_used(i);
	to->ended_by_trap += get(&d->traps);
	add_traps(to, i);
}

static uint64_t
resident(const wrt_instance *i)
{
	uint64_t n = 0;

	for (uint32_t k = 0; k < i->nown_mems; k++)
		n += wrt__pages_held(&i->own_mems[k]);
	return n;
}

static void
add_state(struct wrt_stats *to, const wrt_instance *i)
{
	const struct wrt__counts *c = &i->counts;

	if (get(&c->closed) != get(&c->created))
		to->resident_bytes += resident(i);
	else if (!get(&c->kept))
		to->parked++;
}

void
wrt__stats_end(wrt_instance *i)
{
	pthread_mutex_lock(&wrt__stats_lock);
	if (!i->in_pool.at)		/* it was never opened */
		goto out;
	*i->in_pool.at = i->in_pool.next;
	if (i->in_pool.next)
		i->in_pool.next->in_pool.at = i->in_pool.at;
	*i->in_module.at = i->in_module.next;
	if (i->in_module.next)
		i->in_module.next->in_module.at = i->in_module.at;
	add_counts(&i->pool->gone, i);
	add_counts(&i->module->gone, i);
out:
	pthread_mutex_unlock(&wrt__stats_lock);
	wrt__free(i->trap_counts);
}

/* ---- Traps -------------------------------------------------------------- */

/* Out of memory the kind is not known: it is among the others. */
void
wrt__stats_trap(wrt_instance *i, int code)
{
	struct wrt__trapcounts *t = i->trap_counts;

	wrt__add(&i->counts.done.traps, 1);
	if (!t) {
		t = wrt__calloc(1, sizeof *t);
		if (!t)
			return;
		atomic_store_explicit(&i->trap_counts, t,
		    memory_order_release);
	}
	if (code > 0 && code < WRT__TRAP_KINDS)
		wrt__add(&t->n[code], 1);
}

/* traps[0] are those of no known kind. */
static void
other_traps(struct wrt_stats *s)
{
	uint64_t known = 0;

	for (int k = 1; k < WRT__TRAP_KINDS; k++)
		known += s->traps[k];
	s->traps[0] = s->ended_by_trap > known ? s->ended_by_trap - known : 0;
}

/* ---- Asking ------------------------------------------------------------- */

/* The host's structure may be an older or a newer one. */
static int
give(struct wrt_stats *out, size_t size, struct wrt_stats *s)
{
	s->live = s->created - s->closed;
	other_traps(s);
	if (size > sizeof *s)
		memset((char *)out + sizeof *s, 0, size - sizeof *s);
	memcpy(out, s, size < sizeof *s ? size : sizeof *s);
	return WRT_OK;
}

int
wrt_pool_stats(wrt_pool *p, struct wrt_stats *out, size_t size)
{
	struct wrt_stats s;

	if (!p || !out || !size)
		return WRT_EINVAL;
	pthread_mutex_lock(&wrt__stats_lock);
	s = p->gone;
	for (const wrt_instance *i = p->listed; i; i = i->in_pool.next) {
		add_counts(&s, i);
		add_state(&s, i);
	}
	pthread_mutex_unlock(&wrt__stats_lock);
	s.page_faults += get(&p->shared_faults);
	s.idle_bytes = wrt__pool_kept(p);
	return give(out, size, &s);
}

int
wrt_module_stats(wrt_module *m, struct wrt_stats *out, size_t size)
{
	struct wrt_stats s;

	if (!m || !out || !size)
		return WRT_EINVAL;
	pthread_mutex_lock(&wrt__stats_lock);
	s = m->gone;
	for (const wrt_instance *i = m->listed; i; i = i->in_module.next) {
		add_counts(&s, i);
		add_state(&s, i);
	}
	pthread_mutex_unlock(&wrt__stats_lock);
	return give(out, size, &s);
}

int
wrt_instance_stats(const wrt_instance *i, struct wrt_stats *out, size_t size)
{
	const struct wrt__trapcounts *t;
	struct wrt_stats s;

	if (!i || !out || !size)
		return WRT_EINVAL;
	memset(&s, 0, sizeof s);
	add_counts(&s, i);
	s.created = 1;
	s.closed = 0;
	s.calls -= i->begin.calls;
	s.resets -= i->begin.resets;
	s.memory_grows -= i->begin.grows;
	s.cpu_ns -= i->begin.cpu_ns;
	s.ended_by_trap -= i->begin.traps;
	s.page_faults -= i->begin.faults;
	s.fuel_used -= i->begin.fuel;
	t = atomic_load_explicit(&i->trap_counts, memory_order_acquire);
	for (int k = 0; t && k < WRT__TRAP_KINDS; k++)
		s.traps[k] -= t->begin[k];
	s.resident_bytes = resident(i);
	return give(out, size, &s);
}
