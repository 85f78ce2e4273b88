/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * limits.c: how long a call may take.
 *
 * The limits hold for the outermost call into an instance and all that it
 * calls.  When the watchdog has sent its signal, the handler compares the
 * clocks with the ends of all calls of its thread, and what is over is killed
 * as wrt_instance_kill() would.
 *
 * A call inside of another puts its own alarm in place of the outer one's, if
 * it is earlier, and puts that back when it ends.
 */
#include "rt.h"

static uint64_t
later(uint64_t from, uint64_t ns)
{
	uint64_t at;

	return __builtin_add_overflow(from, ns, &at) ? UINT64_MAX : at;
}

/* What the alarm was before. */
static uint64_t
set_earlier(_Atomic uint64_t *alarm, uint64_t end)
{
	uint64_t before = atomic_load_explicit(alarm, memory_order_relaxed);

	if (!before || end < before)
		atomic_store(alarm, end);
	return before;
}

void
wrt__limits_begin(struct wrt__act *a)
{
	struct wrt__thread *t = a->thread;
	struct wrt__limits *l = &a->inst->lim;
	uint64_t now, first = UINT64_MAX;

	if (l->count_cpu)
		l->cpu_begin = wrt__now_ns(CLOCK_THREAD_CPUTIME_ID);
	if (!l->wall_ns && !l->cpu_ns && !l->slice_ns)
		return;
	now = wrt__now_ns(CLOCK_MONOTONIC);
	if (l->wall_ns) {
		first = l->wall_end = later(now, l->wall_left ? l->wall_left :
		    l->wall_ns);
		l->wall_before = set_earlier(&t->wall_alarm, l->wall_end);
	}
	if (l->cpu_ns) {
		uint64_t ns = l->cpu_left ? l->cpu_left : l->cpu_ns;

		l->cpu_end = later(wrt__now_ns(CLOCK_THREAD_CPUTIME_ID), ns);
		l->cpu_before = set_earlier(&t->cpu_alarm, l->cpu_end);
		if (later(now, ns) < first)
			first = later(now, ns);
	}
	if (l->slice_ns && a->may_suspend) {
		l->slice_end = later(now, l->slice_ns);
		l->slice_before = set_earlier(&t->slice_alarm, l->slice_end);
		if (l->slice_end < first)
			first = l->slice_end;
	}
	wrt__watchdog_at(first);
}

/* The watchdog's next look is not later than the alarm that it knows, unless it
 * has rung that. */
static void
restore(_Atomic uint64_t *alarm, uint64_t before)
{
	if (atomic_exchange(alarm, before) == 0 && before)
		wrt__watchdog_at(wrt__now_ns(CLOCK_MONOTONIC));
}

static uint64_t
left_until(uint64_t end, clockid_t clock)
{
	uint64_t now = wrt__now_ns(clock);

	return end > now ? end - now : 1;
}

void
wrt__limits_end(wrt_instance *i, struct wrt__thread *t, bool suspended)
{
	struct wrt__limits *l = &i->lim;

	/* A session's end is no call's. */
	if (l->cpu_begin)
		wrt__add(&i->counts.done.cpu_ns, wrt__now_ns(
		    CLOCK_THREAD_CPUTIME_ID) - l->cpu_begin);
	l->cpu_begin = 0;
	l->wall_left = l->cpu_left = 0;
	if (l->wall_end) {
		restore(&t->wall_alarm, l->wall_before);
		if (suspended)
			l->wall_left = left_until(l->wall_end,
			    CLOCK_MONOTONIC);
	}
	if (l->cpu_end) {
		restore(&t->cpu_alarm, l->cpu_before);
		if (suspended)
			l->cpu_left = left_until(l->cpu_end,
			    CLOCK_THREAD_CPUTIME_ID);
	}
	if (l->slice_end)
		restore(&t->slice_alarm, l->slice_before);
	l->wall_end = l->cpu_end = l->slice_end = 0;
}

/* The first of this thread's that counts. */
static uint64_t
first_cpu_end(void)
{
	uint64_t first = 0;

	for (const struct wrt__act *a = wrt__act; a; a = a->prev) {
		uint64_t end = a->inst->lim.cpu_end;

		if (end && (!first || end < first))
			first = end;
	}
	return first;
}

bool
wrt__limits_pause(wrt_instance *i, struct wrt__thread *t)
{
	struct wrt__limits *l = &i->lim;

	if (!l->cpu_end)
		return false;
	l->cpu_paused = left_until(l->cpu_end, CLOCK_THREAD_CPUTIME_ID);
	l->cpu_end = 0;
	atomic_store(&t->cpu_alarm, first_cpu_end());
	return true;
}

void
wrt__limits_go_on(wrt_instance *i, struct wrt__thread *t)
{
	struct wrt__limits *l = &i->lim;

	l->cpu_end = later(wrt__now_ns(CLOCK_THREAD_CPUTIME_ID),
	    l->cpu_paused);
	atomic_store(&t->cpu_alarm, first_cpu_end());
	wrt__watchdog_at(later(wrt__now_ns(CLOCK_MONOTONIC), l->cpu_paused));
}

static void
end_with(wrt_instance *i, int code)
{
	uint64_t word = atomic_load(&i->kill);

	/* Not over somebody else's kill, and not after unclaim(). */
	while (word && !(word >> 32))
		if (atomic_compare_exchange_weak(&i->kill, &word,
		    word | (uint64_t)(uint32_t)code << 32))
			break;
}

void
wrt__limits_check(struct wrt__act *a)
{
	for (; a; a = a->prev) {
		wrt_instance *i = a->inst;
		const struct wrt__limits *l = &i->lim;

		if (l->wall_end &&
		    wrt__now_ns(CLOCK_MONOTONIC) >= l->wall_end)
			end_with(i, WABI_TRAP_TIMEOUT);
		if (l->cpu_end &&
		    wrt__now_ns(CLOCK_THREAD_CPUTIME_ID) >= l->cpu_end)
			end_with(i, WABI_TRAP_CPU_TIME);
		if (l->slice_end &&
		    wrt__now_ns(CLOCK_MONOTONIC) >= l->slice_end)
			wrt__slice_over(i);
	}
}

void
wrt__limits_changed(wrt_instance *i)
{
	struct wrt__limits *l = &i->lim;

	l->set = l->wall_ns || l->cpu_ns || l->slice_ns || l->count_cpu;
}

int
wrt_instance_set_timeout(wrt_instance *i, uint64_t wall_ns, uint64_t cpu_ns)
{
	if (!i)
		return WRT_EINVAL;
	if ((wall_ns || cpu_ns) && wrt__watchdog_start() != WRT_OK)
		return WRT_ESYS;
	if (i->depth || i->suspended)
		return WRT_ESTATE;
	i->lim.wall_ns = wall_ns;
	i->lim.cpu_ns = cpu_ns;
	wrt__limits_changed(i);
	return WRT_OK;
}
