/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * rt_fork.c: a fork while another thread holds a lock of the runtime's.  The
 * child has no such thread, and must neither wait for it nor find what it was
 * about to change half changed.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "rt_fake.h"
#include "test.h"

static pthread_mutex_t *held;
static atomic_int state;		/* 1: held; 2: let go */

/* Until told, or, as the runtime waits for it before a fork, for a while. */
static void *
hold(void *arg)
{
	(void)arg;
	pthread_mutex_lock(held);
	atomic_store(&state, 1);
	for (int k = 0; k < 20 && atomic_load(&state) == 1; k++)
		usleep(10000);
	pthread_mutex_unlock(held);
	return NULL;
}

static pid_t
fork_while_held(pthread_mutex_t *lock, pthread_t *t)
{
	pid_t pid;

	held = lock;
	atomic_store(&state, 0);
	CHECK_EQ(pthread_create(t, NULL, hold, NULL), 0);
	while (!atomic_load(&state))
		usleep(100);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		alarm(10);
	return pid;
}

static void
join(pid_t pid, pthread_t t, const char *what)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status)
		test_end('F', "%s: the child ends with %#x", what, status);
	atomic_store(&state, 2);
	pthread_join(t, NULL);
}

static int
host(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 += 1000;
	return WRT_OK;
}

static wrt_imports *
imports(void)
{
	static const uint8_t i32[] = { WRT_I32 };
	const struct wrt_functype t = { 1, 1, i32, i32 };
	wrt_imports *l;

	CHECK_EQ(wrt_imports_create(&l), 0);
	CHECK_EQ(wrt_imports_func(l, "env", "host", &t, host, NULL), 0);
	return l;
}

/* Emulators have little room. */
static const struct wrt_pool_config small = { .max_instances = 2,
	.max_memories = 1 };

static void
use_own_pool(wrt_module *m)
{
	wrt_imports *l = imports();
	wrt_instance *i;
	wrt_pool *p;
	wrt_val v[2] = { { .i32 = 4096 } }, r[1];

	CHECK_EQ(wrt_pool_create(&p, &small, NULL), 0);
	CHECK_EQ(wrt_instance_create(&i, p, m, l, NULL), 0);
	CHECK_EQ(wrt_instance_call(i, "load", v, 1, r), 0);
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_pool_destroy(p);
}

TEST(locks_of_the_process)
{
	static const struct {
		const char *name;
		pthread_mutex_t *lock;
	} t[] = {
		{ "modules", &wrt__modules_lock },
		{ "types", &wrt__types_lock },
		{ "registry", &wrt__registry_lock },
		{ "ranges", &wrt__ranges_lock },
		{ "stacks", &wrt__stacks_lock },
		{ "continuations", &wrt__conts_lock },
	};
	wrt_module *m = fake_module();

	CHECK(m);
	CHECK(wrt__fork_init());
	for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
		pthread_t th;
		pid_t pid = fork_while_held(t[k].lock, &th);

		if (pid == 0) {
			if (pthread_mutex_trylock(t[k].lock) != 0)
				_exit(1);
			pthread_mutex_unlock(t[k].lock);
			use_own_pool(m);
			_exit(0);
		}
		join(pid, th, t[k].name);
		CHECK_EQ(pthread_mutex_trylock(t[k].lock), 0);
		pthread_mutex_unlock(t[k].lock);
	}
	use_own_pool(m);
}

/* A child may end what is its parent's; it gives nothing back to it. */
TEST(lock_of_a_pool)
{
	static const char *const modes[] = { "userfaultfd", "madvise" };
	wrt_module *m = fake_module();

	CHECK(m);
	for (int k = 0; k < 2; k++) {
		wrt_imports *l = imports();
		wrt_instance *i;
		pthread_t th;
		wrt_pool *p;
		pid_t pid;

		setenv("WASMRT_MEMORY", modes[k], 1);
		if (wrt_pool_create(&p, &small, NULL) != WRT_OK)
			continue;
		CHECK_EQ(wrt_instance_create(&i, p, m, l, NULL), 0);
		pid = fork_while_held(&p->slab.lock, &th);
		if (pid == 0) {
			wrt_instance_close(i);
			wrt_imports_destroy(l);
			wrt_pool_destroy(p);
			use_own_pool(m);
			_exit(0);
		}
		join(pid, th, modes[k]);
		wrt_instance_close(i);
		wrt_imports_destroy(l);
		wrt_pool_destroy(p);
	}
}

TEST_MAIN
