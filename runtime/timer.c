/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * timer.c: the two clocks that send the kill signal.
 *
 * The watchdog is one thread for the whole process, made when the first time
 * limit is set.  A call with a limit writes the time of its end into its
 * thread's alarm, and that is all unless it ends before everything that the
 * watchdog waits for: then it wakes it.  The watchdog sleeps until the earliest
 * alarm, looks at all threads, and signals those whose alarm is over.  It
 * decides nothing: the handler looks, on the thread itself, which calls are
 * over their time, so that a signal which comes late ends no other call.
 *
 * A thread's CPU time is read by the watchdog, so that a thread that sleeps is
 * not woken to be asked.
 *
 * The resend timer is a POSIX timer of a thread that was killed in a host
 * function: the signal ends the system call that waits, but not the one that is
 * just about to begin.  So it comes again, after 0.1 ms, 0.2 ms, and so on, so
 * that what cannot be interrupted so often is done in the end.
 *
 *   ordering: a call stores its alarm and then reads wakes_at; the watchdog
 *   stores wakes_at and then reads the alarms.  One of them sees the other.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt.h"

#define RESEND_FIRST_NS	100000u
#define RESEND_LAST_NS	1000000000u
#define STACK_BYTES	(64u << 10)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct wrt__thread *threads;	/* under the lock */
static bool running;			/* the watchdog is; under the lock */
static _Atomic uint64_t wakes_at = UINT64_MAX;
static _Atomic uint32_t turn;		/* a futex: look again */

uint64_t
wrt__now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct timespec
timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
	    .tv_nsec = (long)(ns % 1000000000) };
}

/* ---- Threads ------------------------------------------------------------- */

void
wrt__timer_add(struct wrt__thread *t)
{
	pthread_mutex_lock(&lock);
	t->next = threads;
	if (threads)
		threads->at = &t->next;
	t->at = &threads;
	threads = t;
	pthread_mutex_unlock(&lock);
}

void
wrt__timer_remove(struct wrt__thread *t)
{
	pthread_mutex_lock(&lock);
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	pthread_mutex_unlock(&lock);
	if (t->resend_timer >= 0)
		syscall(SYS_timer_delete, t->resend_timer);
}

/* In the child: there is one thread, which has no timers. */
void
wrt__timer_forked(struct wrt__thread *self)
{
	pthread_mutex_init(&lock, NULL);
	running = false;
	threads = NULL;
	atomic_store(&wakes_at, UINT64_MAX);
	if (!self)
		return;
	self->resend_timer = -1;
	self->resend_ns = 0;
	wrt__timer_add(self);
}

/* ---- Sending again -------------------------------------------------------- */

/* By system calls: the C library's timer_create() may allocate. */
static bool
resend_make(struct wrt__thread *t)
{
	struct sigevent ev;

	memset(&ev, 0, sizeof ev);
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev.sigev_signo = wrt__kill_signal();
	ev._sigev_un._tid = t->tid;
	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev,
	    &t->resend_timer) == 0;
}

static void
resend_set(struct wrt__thread *t)
{
	struct itimerspec it = { .it_value = timespec_of(t->resend_ns) };

	syscall(SYS_timer_settime, t->resend_timer, 0, &it, NULL);
}

void
wrt__resend_start(struct wrt__thread *t, bool again)
{
	/* Whoever kills again and again must not put it off for ever. */
	if (t->resend_ns && !again)
		return;
	if (t->resend_timer < 0 && !resend_make(t)) {
		t->resend_timer = -1;	/* as many as the user may have */
		return;
	}
	if (!t->resend_ns)
		t->resend_ns = RESEND_FIRST_NS;
	else if (t->resend_ns < RESEND_LAST_NS)
		t->resend_ns *= 2;
	resend_set(t);
}

void
wrt__resend_stop(struct wrt__thread *t)
{
	if (t->resend_ns == 0)
		return;
	t->resend_ns = 0;
	resend_set(t);
}

/* ---- The watchdog --------------------------------------------------------- */

/* The clock of a thread's CPU time, as the kernel numbers them. */
static clockid_t
cpu_clock(int tid)
{
	return (clockid_t)(~(unsigned)tid << 3 | 6);
}

static void
ring(struct wrt__thread *t, _Atomic uint64_t *alarm, uint64_t was)
{
	if (atomic_compare_exchange_strong(alarm, &was, 0))
		syscall(SYS_tgkill, getpid(), t->tid, wrt__kill_signal());
}

/* Signal whoever is over, and say when to look again. */
static uint64_t
look(void)
{
	uint64_t now = wrt__now_ns(CLOCK_MONOTONIC), next = UINT64_MAX;

	pthread_mutex_lock(&lock);
	for (struct wrt__thread *t = threads; t; t = t->next) {
		uint64_t wall = atomic_load(&t->wall_alarm);
		uint64_t slice = atomic_load(&t->slice_alarm);
		uint64_t cpu = atomic_load(&t->cpu_alarm), used;

		if (wall && wall <= now)
			ring(t, &t->wall_alarm, wall);
		else if (wall && wall < next)
			next = wall;
		if (slice && slice <= now)
			ring(t, &t->slice_alarm, slice);
		else if (slice && slice < next)
			next = slice;
		if (!cpu)
			continue;
		used = wrt__now_ns(cpu_clock(t->tid));
		if (used >= cpu)
			ring(t, &t->cpu_alarm, cpu);
		else if (cpu - used < next - now)
			next = now + (cpu - used);
	}
	pthread_mutex_unlock(&lock);
	return next;
}

static void *
watch(void *arg)
{
	(void)arg;
	for (;;) {
		uint32_t seen = atomic_load(&turn);
		uint64_t next, at = UINT64_MAX;
		struct timespec ts;

		atomic_store(&wakes_at, UINT64_MAX);
		next = look();
		/* A call that has lowered it meanwhile has changed turn too. */
		atomic_compare_exchange_strong(&wakes_at, &at, next);
		ts = timespec_of(next);
		syscall(SYS_futex, &turn, FUTEX_WAIT_BITSET |
		    FUTEX_PRIVATE_FLAG, seen, next == UINT64_MAX ? NULL : &ts,
		    NULL, FUTEX_BITSET_MATCH_ANY);
	}
	return NULL;
}

void
wrt__watchdog_at(uint64_t at)
{
	uint64_t wakes = atomic_load(&wakes_at);

	while (at < wakes)
		if (atomic_compare_exchange_weak(&wakes_at, &wakes, at)) {
			atomic_fetch_add(&turn, 1);
			syscall(SYS_futex, &turn, FUTEX_WAKE |
			    FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
			return;
		}
}

/* The host's signals are its own threads' business. */
static bool
watchdog_make(void)
{
	pthread_attr_t a;
	pthread_t id;
	sigset_t all, old;
	bool ok;

	if (pthread_attr_init(&a) != 0)
		return false;
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	ok = pthread_create(&id, &a, watch, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&a);
	return ok;
}

int
wrt__watchdog_start(void)
{
	bool ok;

	pthread_mutex_lock(&lock);
	ok = running = running || watchdog_make();
	pthread_mutex_unlock(&lock);
	return ok ? WRT_OK : WRT_ESYS;
}
