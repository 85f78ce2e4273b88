/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * clock.c: clocks.  A host that serves strangers may make them coarse.
 */
#include <errno.h>

#include "wasi.h"

enum { CLOCK_ID_REALTIME, CLOCK_ID_MONOTONIC, CLOCK_ID_PROCESS,
       CLOCK_ID_THREAD };

int
wasi_clock(uint32_t id, clockid_t *out)
{
	switch (id) {
	case CLOCK_ID_REALTIME:
		*out = CLOCK_REALTIME;
		return 0;
	case CLOCK_ID_MONOTONIC:
		*out = CLOCK_MONOTONIC;
		return 0;
	default:
		return WASI_INVAL;
	}
}

/* The CPU time of the guest is that of the thread it runs on: the process's
 * would tell of the host and of other guests.  Should the guest move to a
 * younger thread, its clock stands still rather than going back. */
static uint64_t
clock_cpu(struct wrt_wasi *w, uint64_t now)
{
	uint64_t seen = atomic_load(&w->cpu_ns);

	while (now > seen &&
	    !atomic_compare_exchange_weak(&w->cpu_ns, &seen, now))
		;
	return now > seen ? now : seen;
}

static int
clock_of_call(struct wasi_call *c, clockid_t *out)
{
	uint32_t id = wasi_u32(c, 0);

	if (id == CLOCK_ID_PROCESS || id == CLOCK_ID_THREAD) {
		*out = CLOCK_THREAD_CPUTIME_ID;
		return 0;
	}
	return wasi_clock(id, out);
}

static uint64_t
nanoseconds(const struct timespec *ts)
{
	return ts->tv_sec < 0 ? 0 :
	    (uint64_t)ts->tv_sec * 1000000000 + (uint64_t)ts->tv_nsec;
}

int
wasi_clock_res_get(struct wasi_call *c)
{
	uint64_t coarse = c->w->clock_granularity_ns, ns;
	uint32_t out = wasi_u32(c, 1);
	struct timespec ts;
	clockid_t id;
	int rc;

	if ((rc = wasi_guest_check(c, out, 8, 8)) ||
	    (rc = clock_of_call(c, &id)))
		return rc;
	if (clock_getres(id, &ts) < 0)
		return wasi_errno(errno);
	ns = nanoseconds(&ts);
	return wasi_put_u64(c, out, ns > coarse ? ns : coarse);
}

int
wasi_clock_time_get(struct wasi_call *c)
{
	uint64_t coarse = c->w->clock_granularity_ns, ns;
	uint32_t out = wasi_u32(c, 2);
	struct timespec ts;
	clockid_t id;
	int rc;

	if ((rc = wasi_guest_check(c, out, 8, 8)) ||
	    (rc = clock_of_call(c, &id)))
		return rc;
	if (clock_gettime(id, &ts) < 0)
		return wasi_errno(errno);
	ns = nanoseconds(&ts);
	if (id == CLOCK_THREAD_CPUTIME_ID)
		ns = clock_cpu(c->w, ns);
	return wasi_put_u64(c, out, ns - ns % coarse);
}
