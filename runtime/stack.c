/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * stack.c: guest stacks.
 *
 * A stack belongs to a call that runs, or to a trap whose frames nobody has
 * asked for yet.  In between a thread keeps one, and the process the rest, so
 * that neither an idle instance nor a call costs a mapping.  The guard is made
 * with MADV_GUARD_INSTALL where the kernel has it (6.13), which needs no
 * mapping of its own, else with mprotect.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rt.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define STACK_KEEP 64			/* free stacks the process keeps */

pthread_mutex_t wrt__stacks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wrt__stack *spare;
static unsigned nspare;

/* Emulators answer that they took an advice which they do not know.  The kernel
 * tells: a name in the guard cannot be read. */
static bool
guard_install(uint8_t *p)
{
	return madvise(p, WABI_STACK_GUARD, MADV_GUARD_INSTALL) == 0 &&
	    access((const char *)p, F_OK) < 0 && errno == EFAULT;
}

static struct wrt__stack *
stack_map(uint64_t bytes)
{
	struct wrt__stack *s = wrt__calloc(1, sizeof *s);
	size_t all = bytes + WABI_STACK_GUARD;
	uint8_t *p;

	if (!s)
		return NULL;
	p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
	    | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (p == MAP_FAILED) {
		wrt__free(s);
		return NULL;
	}
	madvise(p, all, MADV_NOHUGEPAGE);
	if (!guard_install(p) &&
	    mprotect(p, WABI_STACK_GUARD, PROT_NONE) < 0) {
		munmap(p, all);
		wrt__free(s);
		return NULL;
	}
	s->low = p + WABI_STACK_GUARD;
	s->top = p + all;
	s->bytes = bytes;
	return s;
}

void
wrt__stack_free(struct wrt__stack *s)
{
	if (!s)
		return;
	munmap(s->low - WABI_STACK_GUARD, s->bytes + WABI_STACK_GUARD);
	wrt__free(s);
}

static struct wrt__stack *
stack_spare(uint64_t bytes)
{
	struct wrt__stack *s, **at;

	pthread_mutex_lock(&wrt__stacks_lock);
	for (at = &spare; (s = *at); at = &s->next)
		if (s->bytes == bytes) {
			*at = s->next;
			nspare--;
			break;
		}
	pthread_mutex_unlock(&wrt__stacks_lock);
	return s;
}

/* A stack of just this size: its guard is where the guest's stack ends. */
struct wrt__stack *
wrt__stack_take(struct wrt__thread *t, uint64_t bytes)
{
	struct wrt__stack *s = t->stack;

	if (s && s->bytes == bytes) {
		t->stack = NULL;
		return s;
	}
	s = stack_spare(bytes);
	return s ? s : stack_map(bytes);
}

/* t may be NULL: the thread is ending. */
void
wrt__stack_give(struct wrt__thread *t, struct wrt__stack *s)
{
	if (!s)
		return;
	if (t && !t->stack) {
		t->stack = s;
		return;
	}
	pthread_mutex_lock(&wrt__stacks_lock);
	if (nspare < STACK_KEEP) {
		s->next = spare;
		spare = s;
		nspare++;
		s = NULL;
	}
	pthread_mutex_unlock(&wrt__stacks_lock);
	wrt__stack_free(s);
}
