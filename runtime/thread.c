/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * thread.c: what a thread has once it has called a guest: an alternate signal
 * stack large enough for our handlers, its own stack's bounds, a guest stack.
 *
 * It also lets through the signals that guests need: a blocked SIGSEGV would
 * end the process instead of the guest.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt.h"

#define ALT_BYTES	(64u << 10)
#define ALT_GUARD	(64u << 10)	/* below: a multiple of any page */
#define HOST_ROOM	(192u << 10)	/* for a host function and its callees */
#define NESTED_MAX	1000		/* on stacks whose end is not known */

_Thread_local struct wrt__act *wrt__act
    __attribute__((tls_model("initial-exec")));
_Thread_local struct wrt__thread *wrt__thread
    __attribute__((tls_model("initial-exec")));

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_ok;

static void
thread_free(void *p)
{
	struct wrt__thread *t = p;
	stack_t off = { .ss_flags = SS_DISABLE }, now;

	wrt__thread = t;		/* a key's destructor may come late */
	wrt__sessions_end(t);
	wrt__timer_remove(t);
	wrt__thread = NULL;
	if (t->alt_stack) {
		if (sigaltstack(NULL, &now) == 0 && now.ss_sp ==
		    (uint8_t *)t->alt_stack + ALT_GUARD)
			sigaltstack(&off, NULL);
		munmap(t->alt_stack, t->alt_bytes);
	}
	wrt__parks_close(&t->parks);
	wrt__stack_give(NULL, t->stack);
	wrt__free(t->spare);
	wrt__free(t);
}

static void
key_make(void)
{
	key_ok = pthread_key_create(&key, thread_free) == 0;
}

/* A host's own alternate stack is used if it is as large as ours.  Ours ends at
 * a guard: handlers of the host's that need more must not write elsewhere. */
static bool
alt_stack(struct wrt__thread *t)
{
	stack_t now, ss;

	if (sigaltstack(NULL, &now) < 0)
		return false;
	if (!(now.ss_flags & SS_DISABLE) && now.ss_size >= ALT_BYTES)
		return true;
	t->alt_bytes = ALT_GUARD + ALT_BYTES;
	t->alt_stack = mmap(NULL, t->alt_bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->alt_stack == MAP_FAILED) {
		t->alt_stack = NULL;
		return false;
	}
	if (mprotect(t->alt_stack, ALT_GUARD, PROT_NONE) < 0)
		return false;
	ss.ss_sp = (uint8_t *)t->alt_stack + ALT_GUARD;
	ss.ss_size = ALT_BYTES;
	ss.ss_flags = 0;
	return sigaltstack(&ss, NULL) == 0;
}

static void
host_stack(struct wrt__thread *t)
{
	pthread_attr_t a;
	void *low;
	size_t n;

	if (pthread_getattr_np(pthread_self(), &a) != 0)
		return;
	if (pthread_attr_getstack(&a, &low, &n) == 0) {
		t->host_low = (uintptr_t)low;
		t->host_high = (uintptr_t)low + n;
	}
	pthread_attr_destroy(&a);
}

struct wrt__thread *
wrt__thread_new(void)
{
	struct wrt__thread *t;
	sigset_t set;

	pthread_once(&once, key_make);
	t = key_ok ? wrt__calloc(1, sizeof *t) : NULL;
	if (!t)
		return NULL;
	t->tid = (int)syscall(SYS_gettid);
	t->resend_timer = -1;
	host_stack(t);
	wrt__timer_add(t);
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigaddset(&set, SIGBUS);
	sigaddset(&set, wrt__kill_signal());
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	t->spare = wrt__calloc(1, sizeof *t->spare);
	if (!t->spare || !wrt__parks_open(&t->parks) || !alt_stack(t) ||
	    pthread_setspecific(key, t) != 0) {
		thread_free(t);
		return NULL;
	}
	wrt__thread = t;
	return t;
}

/* In a forked child. */
void
wrt__thread_forked(void)
{
	if (!wrt__thread)
		return;
	wrt__thread->tid = (int)syscall(SYS_gettid);
	wrt__sessions_forked(wrt__thread);
}

/* A guest that calls a host function that calls the guest, and so on, must end
 * as a trap and not in the host's guard page. */
bool
wrt__thread_has_room(const struct wrt__thread *t)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	unsigned n = 0;

	if (sp > t->host_low && sp <= t->host_high)
		return sp - t->host_low > HOST_ROOM;
	for (const struct wrt__act *a = wrt__act; a; a = a->prev)
		n++;
	return n < NESTED_MAX;
}
