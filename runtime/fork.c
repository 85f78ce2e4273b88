/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fork.c: a forked child has the thread that forked, and the memory as it was.
 *
 * What the process has once and for all, its modules, types, stacks, is the
 * child's too, so that it can make its own pools.  Another thread may have been
 * about to change it, so that before a fork all locks over such things are
 * taken, and given back on both sides.  park.c does the same for its lists.
 * What is about threads (timer.c, wait.c) the child begins anew.
 *
 * The parent's pools and instances are not the child's: their locks may be held
 * by threads that are not there.  Nothing of the child's touches them.
 *
 *   the locks are in the order in which they nest
 */
#include "rt.h"

unsigned wrt__forks;

static pthread_mutex_t *const locks[] = {
	&wrt__modules_lock, &wrt__types_lock, &wrt__registry_lock,
	&wrt__ranges_lock, &wrt__stacks_lock, &wrt__conts_lock,
	&wrt__services_lock, &wrt__stats_lock,
};
enum { NLOCKS = sizeof locks / sizeof *locks };

static void
before(void)
{
	for (int k = 0; k < NLOCKS; k++)
		pthread_mutex_lock(locks[k]);
}

static void
after(void)
{
	for (int k = NLOCKS; k-- > 0;)
		pthread_mutex_unlock(locks[k]);
}

/* A guest must not go on after the host function that forked: its memory is the
 * parent's. */
static void
in_child(void)
{
	after();
	wrt__forks++;
	for (struct wrt__act *a = wrt__act; a; a = a->prev)
		atomic_store(&a->pending, 1);
	wrt__registry_forked();
	wrt__thread_forked();
	wrt__timer_forked(wrt__thread);
	wrt__wait_forked();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool installed;

static void
install(void)
{
	installed = pthread_atfork(before, after, in_child) == 0;
}

bool
wrt__fork_init(void)
{
	pthread_once(&once, install);
	return installed;
}
