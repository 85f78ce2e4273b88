/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * rt_oom.c: the whole life of linked instances, with each allocation failing
 * once, and with ever more address space.
 *
 * Bug class 14 (CVE-2022-23636, GHSA-q554): half of an instance was torn down
 * as if it were whole.  In a sanitizer build a leak is a failure too.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "api/api.h"
#include "load.h"

static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
static const uint8_t i32_i64_f32_f64[] = { WRT_I32, WRT_I64, WRT_F32, WRT_F64 };
static const uint8_t i32_i64[] = { WRT_I32, WRT_I64 };

static int
two(void *data, wrt_instance *caller, wrt_val *v)
{
	v[1].i64 = 2;
	return WRT_OK;
}

static int32_t
h(void *data, wrt_instance *caller, int32_t a, int64_t b, float c, double d)
{
	return a + (int32_t)b + (int32_t)c + (int32_t)d;
}

struct life {
	char so[64], user_so[64];
	wrt_pool *p;
	wrt_module *m, *mu;
	wrt_imports *l, *lu;
	wrt_instance *i, *u, *s, *c;	/* s, and its clone */
	int rc;				/* of the step that failed */
};

static bool
step(struct life *a, int rc)
{
	a->rc = rc;
	return rc == WRT_OK;
}

static bool
make_imports(struct life *a)
{
	const struct wrt_functype th = { 4, 1, i32_i64_f32_f64, i32s };
	const struct wrt_functype t2 = { 1, 2, i32s, i32_i64 };
	const struct wrt_limits one = { .min = 1, .max = 2, .page_log2 = 16 };
	wrt_val zero = { .u64 = { 0, 0 } };

	return step(a, wrt_imports_create(&a->l)) &&
	    step(a, wrt_imports_cfunc(a->l, "env", "h", &th, (void (*)(void))h,
	    NULL)) &&
	    step(a, wrt_imports_func(a->l, "env", "two", &t2, two, NULL)) &&
	    step(a, wrt_imports_memory(a->l, a->p, "env", "m", &one, NULL)) &&
	    step(a, wrt_imports_table(a->l, a->p, "env", "t", WRT_FUNCREF, &one,
	    zero, NULL)) &&
	    step(a, wrt_imports_global(a->l, "env", "g", WRT_I32, 1, zero));
}

/* Trap, look at the frames, go on. */
static bool
use(struct life *a)
{
	struct wrt_trap t;
	int32_t x = 0;
	int rc = api_call(a->i, "add", 2, 2, 40, 0, &x);

	if (rc == WRT_ENOMEM)
		return step(a, rc);	/* a thread's first call */
	CHECK_EQ(rc, WRT_OK);
	CHECK_EQ(x, 42);
	rc = api_call(a->i, "div", 2, 1, 0, 0, NULL);
	if (rc == WRT_ENOMEM)
		return step(a, rc);
	CHECK_EQ(rc, WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(a->i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_DIV_BY_ZERO);
	return step(a, wrt_instance_reset(a->i, NULL)) &&
	    step(a, api_call(a->u, "add3", 1, 4, 0, 0, &x)) && x == 7;
}

/* A clone, linked to nobody. */
static bool
clones(struct life *a)
{
	struct wrt_error err;
	int32_t x = 0;

	return step(a, wrt_instance_create(&a->s, a->p, a->m, a->l, &err)) &&
	    step(a, wrt_instance_clone(&a->c, a->s, a->p, &err)) &&
	    step(a, api_call(a->c, "load", 1, 100, 0, 0, &x)) && x == 'h' &&
	    step(a, wrt_instance_reset(a->c, NULL));
}

static bool
live(struct life *a)
{
	struct wrt_pool_config c = { .max_instances = 4, .max_memories = 1 };
	struct wrt_error err;

	return step(a, wrt_pool_create(&a->p, &c, &err)) &&
	    step(a, wrt_module_open(&a->m, a->so, &err)) &&
	    step(a, wrt_module_open(&a->mu, a->user_so, &err)) &&
	    make_imports(a) &&
	    step(a, wrt_instance_create(&a->i, a->p, a->m, a->l, &err)) &&
	    step(a, wrt_imports_create(&a->lu)) &&
	    step(a, wrt_imports_instance(a->lu, "lib", a->i)) &&
	    step(a, wrt_instance_create(&a->u, a->p, a->mu, a->lu, &err)) &&
	    use(a) && clones(a);
}

static void
die(struct life *a)
{
	wrt_instance_close(a->c);
	wrt_instance_close(a->s);
	wrt_instance_close(a->u);
	wrt_instance_close(a->i);
	wrt_imports_destroy(a->lu);
	wrt_imports_destroy(a->l);
	wrt_module_close(a->mu);
	wrt_module_close(a->m);
	wrt_pool_destroy(a->p);
}

/* Compile to a file that stays until end(). */
static void
artifact(const char *name, char *so, size_t n)
{
	char in[256];
	struct wasmc_error ce;
	size_t len = 0;
	void *wasm;

	snprintf(in, sizeof in, "build/tests/wat/%s.wasm", name);
	snprintf(so, n, "build/tests/oom-%s-%d.so", name, (int)getpid());
	wasm = api_read(in, &len);
	if (wasmc_compile(wasm, len, name, so, NULL, &ce) != WASMC_OK)
		test_end('F', "%s: %s", in, ce.text);
	free(wasm);
}

static struct life
begin(void)
{
	struct life a = { .rc = 0 };

	artifact("api", a.so, sizeof a.so);
	artifact("api_user", a.user_so, sizeof a.user_so);
	return a;
}

static void
end(struct life *a)
{
	unlink(a->so);
	unlink(a->user_so);
}

static void
each_fails_once(const char *mode)
{
	struct life first = begin();
	int failed = 0;

	setenv("WASMRT_MEMORY", mode, 1);
	for (long n = 1;; n++) {
		struct life a = first;
		bool ok;

		atomic_store(&wrt__alloc_fail_in, n);
		ok = live(&a);
		if (atomic_exchange(&wrt__alloc_fail_in, 0) > 0) {
			CHECK(ok);
			die(&a);
			break;
		}
		if (!ok) {
			if (a.rc != WRT_ENOMEM)
				test_end('F', "allocation %ld: %s", n,
				    wrt_status_text(a.rc));
			failed++;
		}
		die(&a);
	}
	CHECK(failed > 60);
	end(&first);
}

TEST(each_allocation_fails_once_plain) { each_fails_once("plain"); }
TEST(each_allocation_fails_once_pooled) { each_fails_once("madvise"); }

/* A core dump is written as a whole or not at all; a trap that cannot be
 * counted by its kind is one of the others. */
TEST(dumps_and_counters)
{
	struct life a = begin();
	struct wrt_stats s;
	FILE *f = tmpfile();
	long n = 0, left;
	int rc;

	CHECK(f);
	CHECK(live(&a));
	CHECK_EQ(api_call(a.c, "load", 1, -1, 0, 0, NULL), WRT_ETRAP);
	do {
		atomic_store(&wrt__alloc_fail_in, ++n);
		rc = wrt_trap_coredump(a.c, fileno(f), NULL);
		left = atomic_exchange(&wrt__alloc_fail_in, 0);
		CHECK(left > 0 ? rc == WRT_OK : rc == WRT_ENOMEM);
	} while (left <= 0);
	CHECK(n > 10);
	CHECK_EQ(wrt_instance_stats(a.c, &s, sizeof s), WRT_OK);
	CHECK_EQ(s.traps[WRT_TRAP_MEMORY_OOB], 1);
	atomic_store(&wrt__alloc_fail_in, 1);
	CHECK_EQ(api_call(a.s, "load", 1, -1, 0, 0, NULL), WRT_ETRAP);
	atomic_store(&wrt__alloc_fail_in, 0);
	CHECK_EQ(wrt_instance_stats(a.s, &s, sizeof s), WRT_OK);
	CHECK_EQ(s.ended_by_trap, 1);
	CHECK_EQ(s.traps[0], 1);
	fclose(f);
	die(&a);
	end(&a);
}

TEST(a_call_allocates_nothing)
{
	struct life a = begin();
	struct wrt_trap t;

	setenv("WASMRT_MEMORY", "plain", 1);
	CHECK(live(&a));
	CHECK_EQ(api_call(a.i, "div", 2, 1, 0, 0, NULL), WRT_ETRAP);
	for (int k = 0; k < 100; k++) {
		atomic_store(&wrt__alloc_fail_in, 1);
		CHECK_EQ(api_call(a.i, "add", 2, 1, 2, 0, NULL), 0);
		CHECK_EQ(api_call(a.i, "hc", 0, 0, 0, 0, NULL), 0);
		CHECK_EQ(api_call(a.i, "load", 1, -1, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(wrt_trap_get(a.i, &t), 0);
		CHECK_EQ(wrt_instance_reset(a.i, NULL), 0);
		CHECK_EQ(atomic_exchange(&wrt__alloc_fail_in, 0), 1);
	}
	die(&a);
	end(&a);
}

/* ---- Address space ------------------------------------------------------ */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_LIMITS 1
#endif
#endif

static uint64_t
address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(f && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	return (uint64_t)pages * 4096;
}

TEST(address_space_ends_anywhere)
{
	struct life first = begin(), a;
	struct rlimit old, lim;
	uint64_t now;
	int failed = 0;

#ifdef NO_LIMITS
	SKIP("the sanitizer has taken the address space");
#endif
	setenv("WASMRT_MEMORY", "plain", 1);
	a = first;
	CHECK(live(&a));		/* what is allocated only once is there */
	die(&a);
	CHECK_EQ(getrlimit(RLIMIT_AS, &old), 0);
	now = address_space();
	for (uint64_t room = 0; room < 24ull << 30; room += room < 4 << 20 ?
	    4096 * 7 : room / 16) {
		bool ok;

		lim = old;
		lim.rlim_cur = now + room;
		a = first;
		CHECK_EQ(setrlimit(RLIMIT_AS, &lim), 0);
		ok = live(&a);
		setrlimit(RLIMIT_AS, &old);
		if (!ok && a.rc != WRT_ENOMEM && a.rc != WRT_ELOAD)
			test_end('F', "with %llu bytes: %s",
			    (unsigned long long)room, wrt_status_text(a.rc));
		failed += !ok;
		die(&a);
	}
	CHECK(failed > 20);
	a = first;
	CHECK(live(&a));
	die(&a);
	end(&first);
}

TEST_MAIN
