/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wait.c: memory.atomic.wait and notify.
 *
 * A thread that waits stands in the list of its address, in a table of fixed
 * size, with a record on its own stack: as many records as threads wait, and
 * nothing is allocated.  The value is compared under the list's lock, which
 * notify takes too, so that no notification is lost between the comparison and
 * the sleep.
 *
 * A waiter's state leaves WAITING once, by a compare-and-exchange: to NOTIFIED
 * under the lock, or to KILLED by the kill signal's handler, which runs on the
 * waiter's own thread and takes no lock.  The sleep is a futex on the state, so
 * that a signal which comes just before it is not lost either.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rt.h"

#define NBUCKETS	256u

enum { WAITING, NOTIFIED, KILLED };
enum { RESULT_OK = 0, RESULT_NOT_EQUAL = 1, RESULT_TIMED_OUT = 2 };

struct wrt__waiter {
	struct wrt__waiter *prev, *next;
	const void *addr;
	_Atomic uint32_t state;
};

/* First come, first notified. */
static struct bucket {
	pthread_mutex_t lock;
	struct wrt__waiter *first, *last;
} buckets[NBUCKETS] = {
	[0 ... NBUCKETS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};

static struct bucket *
bucket_of(const void *addr)
{
	uint64_t h = (uint64_t)(uintptr_t)addr * 0x9e3779b97f4a7c15ull;

	return &buckets[h >> 56];
}

static void
append(struct bucket *b, struct wrt__waiter *w)
{
	w->prev = b->last;
	w->next = NULL;
	if (b->last)
		b->last->next = w;
	else
		b->first = w;
	b->last = w;
}

static void
unlink_waiter(struct bucket *b, struct wrt__waiter *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		b->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		b->last = w->prev;
}

/* WAITING to another state; false if it has left it already. */
static bool
settle(struct wrt__waiter *w, uint32_t state)
{
	uint32_t waiting = WAITING;

	return atomic_compare_exchange_strong(&w->state, &waiting, state);
}

static long
futex(_Atomic uint32_t *word, int op, uint32_t val, const struct timespec *at)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, at, NULL,
	    FUTEX_BITSET_MATCH_ANY);
}

/* In the forked child nobody waits, and no lock is held. */
void
wrt__wait_forked(void)
{
	for (unsigned k = 0; k < NBUCKETS; k++) {
		pthread_mutex_init(&buckets[k].lock, NULL);
		buckets[k].first = buckets[k].last = NULL;
	}
}

/* From the kill signal's handler: wake this very thread. */
void
wrt__wait_kill(struct wrt__thread *t)
{
	struct wrt__waiter *w = t->waiter;

	if (w)
		settle(w, KILLED);
}

/* The time at which to give up; NULL: never. */
static const struct timespec *
deadline(int64_t timeout_ns, struct timespec *at)
{
	uint64_t ns = (uint64_t)timeout_ns;

	if (timeout_ns < 0)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, at);
	ns += (uint64_t)at->tv_nsec;
	at->tv_sec += (time_t)(ns / 1000000000);
	at->tv_nsec = (long)(ns % 1000000000);
	return at;
}

static void
sleep_until(struct wrt__waiter *w, const struct timespec *at)
{
	while (atomic_load(&w->state) == WAITING)
		if (futex(&w->state, FUTEX_WAIT_BITSET, WAITING, at) < 0 &&
		    errno == ETIMEDOUT)
			return;
}

/* Stand in the list until notified, killed, or out of time. */
static int
wait_listed(struct bucket *b, struct wrt__waiter *w, const struct timespec *at)
{
	struct wrt__act *a = wrt__act;

	a->thread->waiter = w;
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_load(&a->pending))	/* it came before that */
		settle(w, KILLED);
	sleep_until(w, at);
	atomic_signal_fence(memory_order_seq_cst);
	a->thread->waiter = NULL;
	pthread_mutex_lock(&b->lock);
	if (atomic_load(&w->state) != NOTIFIED)
		unlink_waiter(b, w);
	pthread_mutex_unlock(&b->lock);
	return atomic_load(&w->state) == NOTIFIED ? RESULT_OK :
	    RESULT_TIMED_OUT;
}

static bool
is_equal(const void *p, uint64_t expected, unsigned bytes)
{
	if (bytes == 4)
		return atomic_load((const _Atomic uint32_t *)p) ==
		    (uint32_t)expected;
	return atomic_load((const _Atomic uint64_t *)p) == expected;
}

/* The place of an access of n bytes, which is aligned; generated code has seen
 * to that. */
static void *
place(void *vmctx, uint32_t mem, uint64_t addr, unsigned n,
    struct wrt_memory **m)
{
	uint64_t size;

	*m = wrt__instance_of(vmctx)->mems[mem];
	size = wrt__mem_bytes(*m);
	if (n > size || addr > size - n)
		wrt__trap(WABI_TRAP_MEMORY_OOB);
	return (*m)->m.base + addr;
}

static int
wait_on(void *vmctx, uint32_t mem, uint64_t addr, uint64_t expected,
    int64_t timeout_ns, unsigned bytes)
{
	struct wrt_memory *m;
	const void *p = place(vmctx, mem, addr, bytes, &m);
	struct wrt__waiter w = { .addr = p };
	struct bucket *b = bucket_of(p);
	struct timespec at;
	const struct timespec *until;

	if (!m->limits.shared)
		wrt__trap(WABI_TRAP_EXPECTED_SHARED);
	until = deadline(timeout_ns, &at);
	pthread_mutex_lock(&b->lock);
	if (!is_equal(p, expected, bytes)) {
		pthread_mutex_unlock(&b->lock);
		return RESULT_NOT_EQUAL;
	}
	append(b, &w);
	pthread_mutex_unlock(&b->lock);
	return wait_listed(b, &w, until);
}

int
wrt__rt_ATOMIC_WAIT32(void *vmctx, uint32_t mem, uint64_t addr,
    uint32_t expected, int64_t timeout_ns)
{
	return wait_on(vmctx, mem, addr, expected, timeout_ns, 4);
}

int
wrt__rt_ATOMIC_WAIT64(void *vmctx, uint32_t mem, uint64_t addr,
    uint64_t expected, int64_t timeout_ns)
{
	return wait_on(vmctx, mem, addr, expected, timeout_ns, 8);
}

/* Nobody waits on a memory that is not shared.  The wake-up is sent under the
 * lock: until it is released, the waiter and its record are there. */
uint32_t
wrt__rt_ATOMIC_NOTIFY(void *vmctx, uint32_t mem, uint64_t addr, uint32_t count)
{
	struct wrt_memory *m;
	const void *p = place(vmctx, mem, addr, 4, &m);
	struct bucket *b = bucket_of(p);
	struct wrt__waiter *w, *next;
	uint32_t n = 0;

	if (!m->limits.shared)
		return 0;
	pthread_mutex_lock(&b->lock);
	for (w = b->first; w && n < count; w = next) {
		next = w->next;
		if (w->addr != p || !settle(w, NOTIFIED))
			continue;
		unlink_waiter(b, w);
		futex(&w->state, FUTEX_WAKE_BITSET, 1, NULL);
		n++;
	}
	pthread_mutex_unlock(&b->lock);
	return n;
}
