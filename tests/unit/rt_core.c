/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * rt_core.c: the runtime's core with hand-made code, in every memory mode that
 * this kernel allows.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <time.h>

#include "rt_fake.h"
#include "test.h"

static const char *const modes[] = {
	"userfaultfd", "pagemap", "madvise", "plain",
};
enum { NMODES = 4 };

struct env {
	wrt_pool *pool;
	wrt_module *mod;
	wrt_imports *imp;
	wrt_instance *inst;
	wrt_memory *mem;
};

static int (*host_fn)(wrt_instance *, wrt_val *);

static int
host(void *data, wrt_instance *caller, wrt_val *v)
{
	(void)data;
	if (host_fn)
		return host_fn(caller, v);
	v[0].i32 += 1000;
	return WRT_OK;
}

/* False if the kernel does not have the mode. */
static bool
up_pool(struct env *e, const char *mode)
{
	struct wrt_error err;
	struct wrt_pool_config cfg = { .max_instances = 8, .max_memories = 1 };

	memset(e, 0, sizeof *e);
	setenv("WASMRT_MEMORY", mode, 1);
	if (wrt_pool_create(&e->pool, &cfg, &err) != WRT_OK) {
		fprintf(stderr, "%s: %s\n", mode, err.text);
		return false;
	}
	CHECK_STR(wrt_pool_memory_mode(e->pool), mode);
	return true;
}

static void
up_inst(struct env *e)
{
	static const uint8_t i32[] = { WRT_I32 };
	const struct wrt_functype t = { 1, 1, i32, i32 };
	static struct wrt_module *m;
	struct wrt_error err = { .text = "" };

	if (!m)
		m = fake_module();
	CHECK(m);
	e->mod = m;
	if (!e->imp) {
		CHECK_EQ(wrt_imports_create(&e->imp), 0);
		CHECK_EQ(wrt_imports_func(e->imp, "env", "host", &t, host,
		    NULL), 0);
	}
	if (wrt_instance_create(&e->inst, e->pool, m, e->imp, &err) != WRT_OK)
		test_end('F', "create: %s", err.text);
	CHECK_EQ(wrt_instance_memory_at(e->inst, 0, &e->mem), 0);
}

static bool
up(struct env *e, const char *mode)
{
	if (!up_pool(e, mode))
		return false;
	up_inst(e);
	return true;
}

static void
down(struct env *e)
{
	wrt_instance_close(e->inst);
	wrt_imports_destroy(e->imp);
	wrt_pool_destroy(e->pool);
	host_fn = NULL;
}

static int
call(struct env *e, const char *f, uint32_t a, uint32_t b, int n,
    uint32_t *out)
{
	wrt_val v[2], r[1];
	int rc;

	memset(v, 0xaa, sizeof v);
	memset(r, 0xaa, sizeof r);
	v[0].i32 = (int32_t)a;
	v[1].i32 = (int32_t)b;
	rc = wrt_instance_call(e->inst, f, v, (size_t)n, r);
	if (rc == WRT_OK && out) {
		CHECK_EQ(r[0].u64[0] >> 32, 0);
		*out = (uint32_t)r[0].i32;
	}
	return rc;
}

static struct wrt_trap
trap(struct env *e)
{
	struct wrt_trap t;

	CHECK_EQ(wrt_trap_get(e->inst, &t), 0);
	return t;
}

static uint8_t
image_at(uint32_t a)
{
	if (a < 4096 || a >= 4096 + IMAGE_PAGES * 4096)
		return 0;
	a -= 4096;
	return (uint8_t)(a / 4096 * 100 + a % 4096 % 97 + 1);
}

TEST(call_and_traps)
{
	for (int k = 0; k < NMODES; k++) {
		struct env e;
		uint32_t r;

		if (!up(&e, modes[k]))
			continue;
		CHECK_EQ(call(&e, "add", 2, 40, 2, &r), 0);
		CHECK_EQ(r, 42);
		CHECK_EQ(call(&e, "add", 2, 40, 1, &r), WRT_ETYPE);
		CHECK_EQ(call(&e, "nope", 2, 40, 1, &r), WRT_ENOTFOUND);
		CHECK_EQ(call(&e, "div", 2, 0, 2, &r), WRT_ETRAP);
		CHECK_EQ(trap(&e).code, WRT_TRAP_DIV_BY_ZERO);
		CHECK_STR(trap(&e).text, "integer divide by zero");
		CHECK_EQ(call(&e, "div", 42, 2, 2, &r), 0);
		CHECK_EQ(r, 21);
		for (int n = 0; n < 3; n++) {
			CHECK_EQ(call(&e, "deep", 0, 0, 1, &r), WRT_ETRAP);
			CHECK_EQ(trap(&e).code, WRT_TRAP_STACK_OVERFLOW);
		}
		CHECK_EQ(call(&e, "callhost", 5, 0, 1, &r), 0);
		CHECK_EQ(r, 1005);
		down(&e);
	}
}

TEST(memory_bounds)
{
	static const uint32_t at[] = { 0, 1, 4095, 4096, 8191, 8192, 12287,
		12288, 65535, 65536, MEM_PAGES * 65536 - 1 };
	static const uint32_t oob[] = { MEM_PAGES * 65536, 1u << 20, 1u << 31,
		UINT32_MAX };

	for (int k = 0; k < NMODES; k++) {
		struct env e;
		uint32_t r;

		if (!up(&e, modes[k]))
			continue;
		for (size_t n = 0; n < sizeof at / sizeof *at; n++) {
			CHECK_EQ(call(&e, "load", at[n], 0, 1, &r), 0);
			CHECK_EQ(r, image_at(at[n]));
			CHECK_EQ(call(&e, "store", at[n], 7, 2, NULL), 0);
			CHECK_EQ(call(&e, "load", at[n], 0, 1, &r), 0);
			CHECK_EQ(r, 7);
		}
		for (size_t n = 0; n < sizeof oob / sizeof *oob; n++) {
			CHECK_EQ(call(&e, "load", oob[n], 0, 1, &r), WRT_ETRAP);
			CHECK_EQ(trap(&e).code, WRT_TRAP_MEMORY_OOB);
			CHECK_EQ(trap(&e).address, oob[n]);
		}
		CHECK_EQ(call(&e, "grow", 7, 0, 1, &r), 0);
		CHECK_EQ(r, UINT32_MAX);
		CHECK_EQ(call(&e, "grow", 6, 0, 1, &r), 0);
		CHECK_EQ(r, 2);
		CHECK_EQ(call(&e, "load", oob[0], 0, 1, &r), 0);
		CHECK_EQ(r, 0);
		CHECK_EQ(call(&e, "load", 8 * 65536 - 1, 0, 1, &r), 0);
		CHECK_EQ(call(&e, "load", 8 * 65536, 0, 1, &r), WRT_ETRAP);
		down(&e);
	}
}

/* Write to `pages` pages all over, grow, reset: everything as at first, and
 * what was grown is out of bounds again. */
static void
dirty_and_reset(struct env *e, uint32_t pages)
{
	uint32_t r;

	CHECK_EQ(call(e, "grow", 6, 0, 1, &r), 0);
	for (uint32_t k = 0; k < pages; k++)
		CHECK_EQ(call(e, "store", k * 4096 + k, 0xee, 2, NULL), 0);
	CHECK_EQ(wrt_instance_reset(e->inst, NULL), 0);
	CHECK_EQ(wrt_memory_bytes(e->mem), MEM_PAGES * 65536);
	for (uint32_t k = 0; k < MEM_PAGES * 16; k++)
		for (uint32_t off = 0; off < 4096; off += 511) {
			CHECK_EQ(call(e, "load", k * 4096 + off, 0, 1, &r), 0);
			CHECK_EQ(r, image_at(k * 4096 + off));
		}
	for (uint32_t k = MEM_PAGES * 16; k < 128; k++)
		CHECK_EQ(call(e, "load", k * 4096, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(call(e, "grow", 6, 0, 1, &r), 0);
	for (uint32_t k = MEM_PAGES * 16; k < 128; k++) {
		CHECK_EQ(call(e, "load", k * 4096 + k, 0, 1, &r), 0);
		CHECK_EQ(r, 0);
	}
}

TEST(reset_brings_back_the_image)
{
	for (int k = 0; k < NMODES; k++) {
		struct env e;

		if (!up(&e, modes[k]))
			continue;
		dirty_and_reset(&e, 5);
		dirty_and_reset(&e, 128);
		dirty_and_reset(&e, 40);
		down(&e);
	}
}

/* bug class 13: what an instance leaves in its slot is not seen by the next. */
TEST(slot_reuse_leaks_nothing)
{
	for (int k = 0; k < NMODES; k++) {
		struct env e;

		if (!up(&e, modes[k]))
			continue;
		for (int n = 0; n < 6; n++) {
			uint8_t *p;
			uint32_t top = n % 2 ? 8 : MEM_PAGES;

			wrt_memory_grow(e.mem, top - MEM_PAGES);
			p = wrt_memory_at(e.mem, 0, top * 65536);
			CHECK(p);
			memset(p, 0x5e, n < 3 ? 20000 : top * 65536);
			wrt_instance_close(e.inst);
			up_inst(&e);
			wrt_memory_grow(e.mem, 6);
			p = wrt_memory_at(e.mem, 0, 8 * 65536);
			for (uint32_t a = 0; a < 8 * 65536; a++)
				CHECK_EQ(p[a], image_at(a));
		}
		down(&e);
	}
}

/* The kernel may write where wrt_memory_at points, page by page. */
TEST(kernel_access)
{
	for (int k = 0; k < NMODES; k++) {
		struct env e;
		int fds[2];
		void *p;

		if (!up(&e, modes[k]))
			continue;
		CHECK_EQ(pipe(fds), 0);
		p = wrt_memory_at(e.mem, 3000, 60000);
		CHECK(p);
		CHECK_EQ(write(fds[1], p, 60000), 60000);
		p = wrt_memory_at(e.mem, 70000, 60000);
		CHECK(p);
		CHECK_EQ(read(fds[0], p, 60000), 60000);
		CHECK_EQ(((uint8_t *)p)[4096 + 50], image_at(3000 + 4096 + 50));
		CHECK(!wrt_memory_at(e.mem, 70000, 65536));
		CHECK(!wrt_memory_at(e.mem, UINT64_MAX, 2));
		close(fds[0]);
		close(fds[1]);
		down(&e);
	}
}

/* ---- Host functions ----------------------------------------------------- */

static struct env *nest_env;
static int depth_seen;

static int
nest(wrt_instance *caller, wrt_val *v)
{
	wrt_val a = { .i32 = v[0].i32 - 1 }, r;
	int rc;

	CHECK(caller == nest_env->inst);
	depth_seen++;
	if (v[0].i32 == 0)
		return WRT_OK;
	rc = wrt_instance_call(caller, "callhost", &a, 1, &r);
	v[0].i32 = r.i32 + 1;
	return rc;
}

TEST(nested_calls)
{
	struct env e;
	uint32_t r;

	CHECK(up(&e, "plain"));
	nest_env = &e;
	host_fn = nest;
	CHECK_EQ(call(&e, "callhost", 20, 0, 1, &r), 0);
	CHECK_EQ(r, 20);
	CHECK_EQ(depth_seen, 21);
	/* For ever: a trap, before either stack ends. */
	CHECK_EQ(call(&e, "callhost", 1u << 30, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(trap(&e).code, WRT_TRAP_STACK_OVERFLOW);
	CHECK_EQ(call(&e, "add", 2, 40, 2, &r), 0);
	down(&e);
}

static int
inner_trap(wrt_instance *caller, wrt_val *v)
{
	wrt_val a[2] = { { .i32 = 1 }, { .i32 = 0 } }, r;
	int rc = wrt_instance_call(caller, "div", a, 2, &r);

	CHECK_EQ(rc, WRT_ETRAP);
	if (v[0].i32 == 0)
		return rc;
	v[0].i32 = 77;		/* swallowed */
	return WRT_OK;
}

TEST(inner_traps)
{
	struct env e;
	uint32_t r;

	CHECK(up(&e, "plain"));
	host_fn = inner_trap;
	CHECK_EQ(call(&e, "callhost", 1, 0, 1, &r), 0);
	CHECK_EQ(r, 77);
	CHECK_EQ(call(&e, "callhost", 0, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(trap(&e).code, WRT_TRAP_DIV_BY_ZERO);
	down(&e);
}

static int
ends(wrt_instance *caller, wrt_val *v)
{
	switch (v[0].i32) {
	case 0: return wrt_exit(caller, 42);
	case 1: return wrt_trap_set(caller, WRT_TRAP_UNREACHABLE, "because");
	case 2: return WRT_EINVAL;
	}
	return WRT_ETRAP;
}

TEST(host_ends_guest)
{
	struct env e;
	uint32_t r;

	CHECK(up(&e, "plain"));
	host_fn = ends;
	CHECK_EQ(call(&e, "callhost", 0, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(trap(&e).code, WRT_TRAP_EXIT);
	CHECK_EQ(trap(&e).exit_code, 42);
	CHECK_EQ(call(&e, "callhost", 1, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(trap(&e).code, WRT_TRAP_UNREACHABLE);
	CHECK_STR(trap(&e).text, "because");
	CHECK_EQ(trap(&e).exit_code, 0);
	CHECK_EQ(call(&e, "callhost", 2, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(trap(&e).code, WRT_TRAP_HOST);
	CHECK_STR(trap(&e).text, "host function failed");
	CHECK_EQ(call(&e, "callhost", 3, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(trap(&e).code, WRT_TRAP_HOST);
	CHECK_EQ(wrt_exit(e.inst, 1), WRT_ESTATE);
	down(&e);
}

/* ---- Kill --------------------------------------------------------------- */

enum { KILLS = 60 };
static atomic_int killed;

/* One kill after the other, each once the one before has done its work. */
static void *
killer(void *arg)
{
	struct env *e = arg;
	struct timespec t = { 0, 0 };

	for (int k = 0; k < KILLS; k++) {
		while (atomic_load(&killed) < k)
			sched_yield();
		t.tv_nsec = (k * 7919) % 100000;
		nanosleep(&t, NULL);
		while (wrt_instance_kill(e->inst, WRT_TRAP_TIMEOUT) ==
		    WRT_ESTATE)
			sched_yield();
	}
	return NULL;
}

/* A kill that returned WRT_OK ends just one call, wherever it was. */
static void
kill_many(const char *f, int n)
{
	NEEDS_SIGNALS();
	for (int k = 0; k < NMODES; k += 3) {
		struct env e;
		pthread_t t;

		if (!up(&e, modes[k]))
			continue;
		atomic_store(&killed, 0);
		CHECK_EQ(wrt_instance_kill(e.inst, WRT_TRAP_TIMEOUT),
		    WRT_ESTATE);
		CHECK_EQ(pthread_create(&t, NULL, killer, &e), 0);
		while (atomic_load(&killed) < KILLS) {
			int rc = call(&e, f, 1, 0, n, NULL);

			if (rc == WRT_ETRAP) {
				CHECK_EQ(trap(&e).code, WRT_TRAP_TIMEOUT);
				atomic_fetch_add(&killed, 1);
			} else {
				CHECK_EQ(rc, 0);
			}
		}
		pthread_join(t, NULL);
		CHECK_EQ(call(&e, "add", 1, 2, 2, NULL), 0);
		down(&e);
	}
}

TEST(kill_loop) { kill_many("spin", 0); }
TEST(kill_builtins) { kill_many("fills", 0); }
TEST(kill_short_calls) { kill_many("load", 1); }
TEST(kill_host_calls) { kill_many("callhost", 1); }

/* ---- Signals that are not ours ------------------------------------------ */

static volatile sig_atomic_t chained;
static sigjmp_buf out;

static void
on_segv(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	chained++;
	siglongjmp(out, 1);
}

TEST(host_faults_are_chained)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };
	struct env e;
	uint32_t r;

	sa.sa_sigaction = on_segv;
	sigaction(SIGSEGV, &sa, NULL);
	CHECK(up(&e, "plain"));
	if (sigsetjmp(out, 1) == 0)
		*(volatile int *)8 = 1;
	CHECK_EQ(chained, 1);
	/* The host may not touch a guest's guard either. */
	if (sigsetjmp(out, 1) == 0)
		*(volatile char *)((char *)wrt_memory_at(e.mem, 0, 1) +
		    (1u << 30)) = 1;
	CHECK_EQ(chained, 2);
	CHECK_EQ(call(&e, "load", 1u << 30, 0, 1, &r), WRT_ETRAP);
	CHECK_EQ(chained, 2);
	down(&e);
}

TEST(host_faults_without_a_handler)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		struct env e;

		signal(SIGSEGV, SIG_DFL);
		if (!up(&e, "plain"))
			_exit(9);
		*(volatile int *)8 = 1;
		_exit(8);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void *
one_thread(void *arg)
{
	struct env e = *(struct env *)arg;
	uint32_t r;

	e.inst = NULL;
	e.imp = NULL;
	for (int k = 0; k < 50; k++) {
		up_inst(&e);
		CHECK_EQ(call(&e, "load", 4096, 0, 1, &r), 0);
		CHECK_EQ(r, image_at(4096));
		CHECK_EQ(call(&e, "load", 1u << 31, 0, 1, &r), WRT_ETRAP);
		CHECK_EQ(call(&e, "deep", 1, 0, 1, &r), WRT_ETRAP);
		wrt_instance_close(e.inst);
	}
	wrt_imports_destroy(e.imp);
	return NULL;
}

TEST(threads)
{
	for (int k = 0; k < NMODES; k++) {
		struct env e;
		pthread_t t[4];

		if (!up(&e, modes[k]))
			continue;
		for (int n = 0; n < 4; n++)
			CHECK_EQ(pthread_create(&t[n], NULL, one_thread, &e),
			    0);
		for (int n = 0; n < 4; n++)
			pthread_join(t[n], NULL);
		down(&e);
	}
}

/* bug class 14: whichever allocation fails, an instance is made whole or not
 * at all. */
TEST(every_allocation_fails_once)
{
	struct env e;
	struct wrt_error err;
	int failed = 0;
	uint32_t r;

	CHECK(up(&e, "plain"));
	for (long n = 1;; n++) {
		wrt_instance *i;
		int rc;

		atomic_store(&wrt__alloc_fail_in, n);
		rc = wrt_instance_create(&i, e.pool, e.mod, e.imp, &err);
		if (rc != WRT_OK) {
			CHECK_EQ(rc, WRT_ENOMEM);
			failed++;
			continue;
		}
		wrt_instance_close(i);
		if (atomic_exchange(&wrt__alloc_fail_in, 0) > 0)
			break;
	}
	CHECK(failed >= 2);	/* it is few allocations */
	CHECK_EQ(call(&e, "add", 2, 40, 2, &r), 0);
	down(&e);
	for (long n = 1;; n++) {
		struct wrt_pool_config cfg = { .max_instances = 2 };
		wrt_pool *p;
		int rc;

		unsetenv("WASMRT_MEMORY");
		atomic_store(&wrt__alloc_fail_in, n);
		rc = wrt_pool_create(&p, &cfg, &err);
		if (rc == WRT_OK)
			wrt_pool_destroy(p);
		if (atomic_exchange(&wrt__alloc_fail_in, 0) > 0)
			break;
	}
}

TEST_MAIN
