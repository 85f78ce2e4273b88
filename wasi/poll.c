/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * poll.c: poll_oneoff, the one call that waits for several things.
 *
 * Subscriptions are copied before anything blocks.  All clocks become absolute
 * deadlines at once and are asked again after every wake-up, so that a sleep is
 * never shorter than asked for and not longer for being interrupted by I/O.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "wasi.h"

enum { EV_CLOCK, EV_FD_READ, EV_FD_WRITE };
enum { SUB_ABSTIME = 1, EVENT_HANGUP = 1 };

/* A wall clock may be set while we wait for it: look at it this often. */
#define REALTIME_SLICE_NS UINT64_C(1000000000)
#define WAIT_MAX_NS (UINT64_C(1000000000) * 1000000)

struct sub1 {
	uint64_t userdata;
	uint8_t tag, pad[7];
	union {
		struct {
			uint32_t id;
			uint64_t timeout, precision;
			uint16_t flags;
		} clock;
		uint32_t fd;
	};
};
/* Preview 0 puts a name nobody reads before the clock. */
struct sub0 {
	uint64_t userdata;
	uint8_t tag, pad[7];
	union {
		struct {
			uint64_t name;
			uint32_t id;
			uint64_t timeout, precision;
			uint16_t flags;
		} clock;
		uint32_t fd;
	};
};
_Static_assert(sizeof(struct sub1) == 48, "witx: subscription");
_Static_assert(sizeof(struct sub0) == 56, "witx: subscription, preview 0");

struct event {
	uint64_t userdata;
	uint16_t error;
	uint8_t type, pad[5];
	uint64_t nbytes;
	uint16_t flags;
	uint8_t pad2[6];
};
_Static_assert(sizeof(struct event) == 32, "witx: event");

struct sub {				/* ours */
	uint64_t userdata;
	uint8_t tag;
	clockid_t clock;		/* EV_CLOCK */
	uint64_t deadline;
	struct wasi_fd *f;		/* EV_FD_* */
	struct pollfd *poll;		/* NULL: always ready */
};

struct wait {
	struct wasi_call *c;
	uint32_t nsubs;
	nfds_t npolls;
	struct sub *subs;
	struct pollfd *polls;
};

static uint64_t
now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- Subscriptions ---------------------------------------------------- */

static int
sub_clock(struct sub *s, const struct sub1 *in)
{
	int rc = wasi_clock(in->clock.id, &s->clock);

	if (rc || in->clock.flags & ~SUB_ABSTIME)
		return WASI_INVAL;
	s->deadline = in->clock.timeout;
	if (in->clock.flags & SUB_ABSTIME)
		return 0;
	s->clock = CLOCK_MONOTONIC;	/* a span of time, by any clock */
	if (__builtin_add_overflow(now_ns(CLOCK_MONOTONIC), s->deadline,
	    &s->deadline))
		s->deadline = UINT64_MAX;
	return 0;
}

static int
sub_fd(struct wait *w, struct sub *s, uint32_t fd)
{
	s->f = wasi_table_get(&w->c->w->table, fd);
	if (!s->f || s->f->kind == WASI_DIR)
		return WASI_BADF;
	if (s->f->regular)
		return 0;
	s->poll = &w->polls[w->npolls++];
	s->poll->fd = s->f->host;
	s->poll->events = s->tag == EV_FD_READ ? POLLIN : POLLOUT;
	return 0;
}

static int
sub_add(struct wait *w, struct sub *s, const struct sub1 *in)
{
	s->userdata = in->userdata;
	s->tag = in->tag;
	switch (in->tag) {
	case EV_CLOCK:
		return sub_clock(s, in);
	case EV_FD_READ:
	case EV_FD_WRITE:
		return sub_fd(w, s, in->fd);
	default:
		return WASI_INVAL;
	}
}

static void
sub_modern(struct sub1 *to, const struct sub0 *from)
{
	memset(to, 0, sizeof *to);
	to->userdata = from->userdata;
	to->tag = from->tag;
	if (from->tag == EV_CLOCK) {
		to->clock.id = from->clock.id;
		to->clock.timeout = from->clock.timeout;
		to->clock.precision = from->clock.precision;
		to->clock.flags = from->clock.flags;
	} else {
		to->fd = from->fd;
	}
}

static int
subs_read(struct wait *w, uint32_t addr)
{
	bool old = w->c->snapshot == WASI_P0;
	uint32_t size = old ? sizeof(struct sub0) : sizeof(struct sub1);

	for (uint32_t i = 0; i < w->nsubs; i++, addr += size) {
		struct sub1 in;
		struct sub0 in0;
		int rc = wasi_guest_read(w->c, addr, old ? (void *)&in0 : &in,
		    size, 8);

		if (rc)
			return rc;
		if (old)
			sub_modern(&in, &in0);
		if ((rc = sub_add(w, &w->subs[i], &in)))
			return rc;
	}
	return 0;
}

/* ---- Waiting ---------------------------------------------------------- */

/* How long until the first deadline?  0: something is ready now. */
static uint64_t
wait_span(const struct wait *w)
{
	uint64_t span = WAIT_MAX_NS;

	for (uint32_t i = 0; i < w->nsubs; i++) {
		const struct sub *s = &w->subs[i];
		uint64_t now, left;

		if (s->tag != EV_CLOCK) {
			if (!s->poll)
				return 0;
			continue;
		}
		now = now_ns(s->clock);
		left = s->deadline > now ? s->deadline - now : 0;
		if (s->clock == CLOCK_REALTIME && left > REALTIME_SLICE_NS)
			left = REALTIME_SLICE_NS;
		if (left < span)
			span = left;
	}
	return span;
}

static bool
sub_ready(const struct sub *s)
{
	if (s->tag == EV_CLOCK)
		return now_ns(s->clock) >= s->deadline;
	return !s->poll || s->poll->revents != 0;
}

static int
wait_any(struct wait *w)
{
	for (;;) {
		uint64_t span = wait_span(w);
		struct timespec ts = {
			.tv_sec = (time_t)(span / 1000000000),
			.tv_nsec = (long)(span % 1000000000),
		};
		int n = 0;

		if (span > 0 || w->npolls > 0)
			n = ppoll(w->polls, w->npolls, &ts, NULL);
		if (n < 0 && errno == EINTR && wrt_preempted(w->c->caller))
			continue;
		if (n < 0)
			return wasi_errno(errno);
		for (uint32_t i = 0; i < w->nsubs; i++)
			if (sub_ready(&w->subs[i]))
				return 0;
	}
}

/* ---- Events ----------------------------------------------------------- */

static void
event_regular(const struct sub *s, struct event *e)
{
	off_t pos = lseek(s->f->host, 0, SEEK_CUR);
	struct stat st;

	if (s->tag != EV_FD_READ)
		e->nbytes = 1;
	else if (fstat(s->f->host, &st) == 0 && pos >= 0 && st.st_size > pos)
		e->nbytes = (uint64_t)(st.st_size - pos);
	else
		e->flags = EVENT_HANGUP;
}

static void
event_stream(const struct sub *s, struct event *e)
{
	int n = 0;

	if (s->poll->revents & POLLNVAL)
		e->error = WASI_BADF;
	if (s->poll->revents & (POLLHUP | POLLERR))
		e->flags = EVENT_HANGUP;
	/* A listening socket cannot say how many; more than none. */
	if (s->tag == EV_FD_WRITE || ioctl(s->f->host, FIONREAD, &n) < 0)
		n = 1;
	e->nbytes = n > 0 ? (uint64_t)n : 0;
}

static int
events_write(struct wait *w, uint32_t addr, uint32_t count_out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->nsubs; i++) {
		const struct sub *s = &w->subs[i];
		struct event e = { .userdata = s->userdata, .type = s->tag };
		int rc;

		if (!sub_ready(s))
			continue;
		if (s->tag != EV_CLOCK && s->poll)
			event_stream(s, &e);
		else if (s->tag != EV_CLOCK)
			event_regular(s, &e);
		rc = wasi_guest_write(w->c, addr + n++ * (uint32_t)sizeof e,
		    &e, sizeof e, 8);
		if (rc)
			return rc;
	}
	return wasi_put_u32(w->c, count_out, n);
}

/* in, out, nsubs, nevents. */
int
wasi_poll_oneoff(struct wasi_call *c)
{
	uint32_t in = wasi_u32(c, 0), out = wasi_u32(c, 1);
	uint64_t size = c->snapshot == WASI_P0 ? sizeof(struct sub0) :
	    sizeof(struct sub1);
	struct wait w = { .c = c, .nsubs = wasi_u32(c, 2) };
	int rc;

	if ((rc = wasi_guest_check(c, in, size * w.nsubs, 8)) ||
	    (rc = wasi_guest_check(c, out, sizeof(struct event) *
	    (uint64_t)w.nsubs, 8)) ||
	    (rc = wasi_guest_check(c, wasi_u32(c, 3), 4, 4)))
		return rc;
	if (w.nsubs == 0 || w.nsubs > WASI_MAX_SUBS)
		return WASI_INVAL;
	w.subs = calloc(w.nsubs, sizeof *w.subs);
	w.polls = calloc(w.nsubs, sizeof *w.polls);
	rc = w.subs && w.polls ? subs_read(&w, in) : WASI_NOMEM;
	if (rc == 0)
		rc = wait_any(&w);
	if (rc == 0)
		rc = events_write(&w, out, wasi_u32(c, 3));
	for (uint32_t i = 0; w.subs && i < w.nsubs; i++)
		wasi_fd_put(w.subs[i].f);
	free(w.subs);
	free(w.polls);
	return rc;
}
