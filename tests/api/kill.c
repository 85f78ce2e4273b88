/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * kill.c: a call is stopped at any moment, inside any operation, and neither
 * the runtime nor the instance is the worse for it.
 *
 * Bug class 15 (GHSA-2hw9, Lucet's kill race): kills that came inside of a bulk
 * operation, or between the guest and the host, left state half changed.
 * With LONG in the environment there are fifty times as many.
 */
#include "kills.h"

static const uint8_t i32s[] = { WRT_I32 };
static const char *const modes[] = {
	"userfaultfd", "pagemap", "madvise", "plain",
};

static pthread_mutex_t host_lock = PTHREAD_MUTEX_INITIALIZER;

/* What a host function may do must be whole: it is never left in the middle. */
static int
host(void *data, wrt_instance *caller, wrt_val *v)
{
	void *p;

	pthread_mutex_lock(&host_lock);
	p = malloc(100 + (size_t)(v[0].i32 & 0xfff));
	free(p);
	pthread_mutex_unlock(&host_lock);
	v[0].i32++;
	return p ? WRT_OK : WRT_EINVAL;
}

/* Calls back; a guest that traps inside is swallowed, unless it was killed. */
static int
nest(void *data, wrt_instance *caller, wrt_val *v)
{
	wrt_val r, a = v[0];
	struct wrt_trap t;
	int rc;

	if (v[0].i32 != -1) {
		rc = wrt_instance_call(caller, "leaf", &a, 1, &r);
		v[0] = r;
		return rc;
	}
	rc = wrt_instance_call(caller, "oob", NULL, 0, NULL);
	if (rc != WRT_ETRAP)
		return WRT_EINVAL;
	if (wrt_trap_get(caller, &t) == WRT_OK && t.code != WRT_TRAP_MEMORY_OOB)
		return rc;
	return WRT_OK;
}

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
};

static bool
up(struct env *e, const char *mode)
{
	const struct wrt_functype t = { 1, 1, i32s, i32s };
	struct wrt_pool_config c = { .max_instances = 4, .max_memories = 1 };

	setenv("WASMRT_MEMORY", mode, 1);
	if (wrt_pool_create(&e->p, &c, NULL) != WRT_OK)
		return false;
	e->m = api_module("kill");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "host", &t, host, NULL), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "nest", &t, nest, NULL), 0);
	e->i = api_instance(e->p, e->m, e->l);
	return true;
}

static void
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

static int
rounds(int n)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
	return n / 20;		/* each is a hundred times slower */
#endif
#endif
	if (getenv("LONG"))
		alarm(30 * TEST_SECONDS);
	return getenv("LONG") ? n * 50 : n;
}

/* What must hold after a call that was stopped. */
static void
check_whole(struct env *e, int k)
{
	wrt_memory *mem;
	struct wrt_trap t;
	wrt_table *tab;
	wrt_val v;
	int32_t x;

	CHECK_EQ(wrt_instance_memory(e->i, "mem", 3, &mem), 0);
	CHECK_EQ(wrt_memory_bytes(mem), wrt_memory_pages(mem) << 16);
	CHECK(wrt_memory_pages(mem) >= 4 && wrt_memory_pages(mem) <= 64);
	CHECK_EQ(wrt_instance_table(e->i, "tab", 3, &tab), 0);
	CHECK(wrt_table_size(tab) >= 100 && wrt_table_size(tab) <= 5000);
	CHECK_EQ(wrt_table_get(tab, wrt_table_size(tab) - 1, &v), 0);
	CHECK_EQ(pthread_mutex_trylock(&host_lock), 0);
	pthread_mutex_unlock(&host_lock);
	CHECK_EQ(api_call(e->i, "leaf", 1, k, 0, 0, &x), 0);
	CHECK_EQ(x, k + 1);
	if (k % 16)
		return;
	CHECK_EQ(api_call(e->i, "oob", 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e->i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_MEMORY_OOB);
	CHECK_EQ(wrt_instance_reset(e->i, NULL), 0);
	CHECK_EQ(wrt_memory_pages(mem), 4);
	CHECK(!memcmp(wrt_memory_at(mem, 8000, 9), "the image", 9));
	CHECK_EQ(*(char *)wrt_memory_at(mem, 20000, 1), 0);
	CHECK_EQ(wrt_table_size(tab), 100);
	CHECK_EQ(wrt_table_get(tab, 50, &v), 0);
	CHECK(!v.ref);
}

/* The call ended by a kill, and says so. */
static void
stopped(struct env *e, const char *f)
{
	struct wrt_trap t;

	CHECK_EQ(api_call(e->i, f, 0, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(e->i, &t), 0);
	if (t.code != WRT_TRAP_TIMEOUT)
		test_end('F', "%s ended by %s", f, t.text);
	for (size_t k = 0; k < t.nframes; k++)
		CHECK(t.frames[k].func);
}

/* ---- From another thread ------------------------------------------------ */

static void
kill_in(const char *const *funcs, int n)
{
	NEEDS_SIGNALS();
	for (size_t mode = 0; mode < 4; mode += 3) {
		struct env e;
		pthread_t t;

		if (!up(&e, modes[mode]))
			continue;
		victim = e.i;
		atomic_store(&wanted, 0);
		atomic_store(&done, 0);
		CHECK_EQ(pthread_create(&t, NULL, killer, NULL), 0);
		for (int k = 0; funcs[k]; k++)
			for (int j = 0; j < rounds(n); j++) {
				atomic_fetch_add(&wanted, 1);
				stopped(&e, funcs[k]);
				while (atomic_load(&done) <
				    atomic_load(&wanted))
					sched_yield();
				check_whole(&e, j);
			}
		atomic_store(&wanted, -1);
		pthread_join(t, NULL);
		down(&e);
	}
}

#define KILL_IN(n, ...) \
	static const char *const f[] = { __VA_ARGS__, NULL }; \
	kill_in(f, n)

TEST(in_guest_code) { KILL_IN(200, "spin", "count", "stores", "calls"); }
TEST(in_memory_operations) { KILL_IN(200, "fill", "copy", "init", "grow"); }
TEST(in_table_operations)
{
	KILL_IN(200, "table_fill", "table_copy", "table_init", "table_grow",
	    "drops");
}
TEST(in_host_calls) { KILL_IN(200, "hosts", "nests", "traps"); }

/* ---- From a timer, in the same thread ----------------------------------- */

TEST(from_a_timer)
{
	static const char *const f[] = { "spin", "stores", "fill", "copy",
		"grow", "table_fill", "table_copy", "table_grow", "calls",
		"hosts", "nests", "traps" };
	enum { N = sizeof f / sizeof *f };
	struct env e;
	int n = rounds(200) * N;

	NEEDS_SIGNALS();
	CHECK(up(&e, "plain"));
	victim = e.i;
	timer_make();
	for (int k = 0; k < n; k++) {
		timer_arm(k);
		stopped(&e, f[k % N]);
		if (k % 8 == 0)
			check_whole(&e, k / 8);
	}
	timer_delete(timer);
	down(&e);
}

TEST_MAIN
