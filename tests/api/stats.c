/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * stats.c: the counters of instances, modules and pools.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "api.h"

static const struct wrt_functype nothing = { 0, 0, NULL, NULL };

static struct wrt_stats
of_instance(wrt_instance *i)
{
	struct wrt_stats s;

	CHECK_EQ(wrt_instance_stats(i, &s, sizeof s), WRT_OK);
	return s;
}

static struct wrt_stats
of_module(wrt_module *m)
{
	struct wrt_stats s;

	CHECK_EQ(wrt_module_stats(m, &s, sizeof s), WRT_OK);
	return s;
}

static struct wrt_stats
of_pool(wrt_pool *p)
{
	struct wrt_stats s;

	CHECK_EQ(wrt_pool_stats(p, &s, sizeof s), WRT_OK);
	return s;
}

static wrt_pool *
pool_with(const struct wrt_pool_config *c)
{
	struct wrt_error err;
	wrt_pool *p;

	if (wrt_pool_create(&p, c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	return p;
}

static void
same(const struct wrt_stats *a, const struct wrt_stats *b)
{
	CHECK_EQ(a->created, b->created);
	CHECK_EQ(a->closed, b->closed);
	CHECK_EQ(a->live, b->live);
	CHECK_EQ(a->parked, b->parked);
	CHECK_EQ(a->calls, b->calls);
	CHECK_EQ(a->ended_by_trap, b->ended_by_trap);
	CHECK_EQ(a->resets, b->resets);
	CHECK_EQ(a->memory_grows, b->memory_grows);
	CHECK_EQ(a->fuel_used, b->fuel_used);
	CHECK_EQ(a->resident_bytes, b->resident_bytes);
	CHECK(!memcmp(a->traps, b->traps, sizeof a->traps));
}

/* One instance after the other in the same description: each begins at 0. */
TEST(lives)
{
	wrt_pool *p = api_pool();
	wrt_module *m = api_module("cli");
	struct wrt_stats s, t;
	wrt_instance *i;

	for (unsigned k = 0; k < 5; k++) {
		i = api_instance(p, m, NULL);
		s = of_instance(i);
		CHECK_EQ(s.created, 1);
		CHECK_EQ(s.live, 1);
		CHECK_EQ(s.calls + s.resets + s.ended_by_trap, 0);
		CHECK_EQ(s.memory_grows + s.fuel_used + s.cpu_ns, 0);
		for (unsigned c = 0; c <= k; c++)
			CHECK_EQ(api_call(i, "add", 2, 1, 2, 0,
			    &(int32_t){ 0 }), WRT_OK);
		CHECK_EQ(api_call(i, "divide", 2, 1, 0, 0, &(int32_t){ 0 }),
		    WRT_ETRAP);
		CHECK_EQ(api_call(i, "grow", 1, 1, 0, 0, &(int32_t){ 0 }),
		    WRT_OK);
		CHECK_EQ(api_call(i, "grow", 1, 1 << 20, 0, 0,
		    &(int32_t){ 0 }), WRT_OK);
		CHECK_EQ(wrt_instance_reset(i, NULL), WRT_OK);
		s = of_instance(i);
		CHECK_EQ(s.calls, k + 4);
		CHECK_EQ(s.ended_by_trap, 1);
		CHECK_EQ(s.traps[WRT_TRAP_DIV_BY_ZERO], 1);
		CHECK_EQ(s.traps[0], 0);
		CHECK_EQ(s.memory_grows, 1);
		CHECK_EQ(s.resets, 1);
		CHECK_EQ(s.closed + s.parked, 0);
		wrt_instance_close(i);
	}
	s = of_pool(p);
	t = of_module(m);
	same(&s, &t);
	CHECK_EQ(s.created, 5);
	CHECK_EQ(s.closed, 5);
	CHECK_EQ(s.live, 0);
	CHECK_EQ(s.parked, 1);
	CHECK_EQ(s.calls, 5 * 3 + 15);
	CHECK_EQ(s.traps[WRT_TRAP_DIV_BY_ZERO], 5);
	CHECK_EQ(s.memory_grows, 5);
	CHECK_EQ(s.resets, 5);
	CHECK_EQ(s.resident_bytes, 0);
	/* Nothing is forgotten with the description. */
	wrt_pool_trim(p, 0);
	t = of_pool(p);
	CHECK_EQ(t.parked, 0);
	CHECK_EQ(t.idle_bytes, 0);
	t.parked = 1;
	same(&s, &t);
	t = of_module(m);
	t.parked = 1;
	same(&s, &t);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

TEST(kinds_of_traps)
{
	const struct wrt_pool_config c = { .max_instances = 4 };
	wrt_pool *p = pool_with(&c);
	wrt_module *m = api_module("misuse");
	wrt_imports *l;
	wrt_instance *i;
	struct wrt_stats s;

	CHECK_EQ(wrt_imports_create(&l), WRT_OK);
	wrt_imports_unknown(l, WRT_UNKNOWN_TRAP);
	i = api_instance(p, m, l);
	for (int k = 0; k < 3; k++)
		CHECK_EQ(wrt_instance_call(i, "trap", NULL, 0, NULL),
		    WRT_ETRAP);
	CHECK_EQ(wrt_instance_call(i, "run", NULL, 0, NULL), WRT_ETRAP);
	s = of_instance(i);
	CHECK_EQ(s.ended_by_trap, 4);
	CHECK_EQ(s.traps[WRT_TRAP_UNREACHABLE], 3);
	CHECK_EQ(s.traps[WRT_TRAP_UNKNOWN_IMPORT], 1);
	wrt_instance_close(i);
	s = of_pool(p);
	CHECK_EQ(s.traps[WRT_TRAP_UNREACHABLE], 3);
	wrt_imports_destroy(l);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* Codes of the host's own are others. */
static int
own_code(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)vals;
	return wrt_trap_set(caller, *(int *)data, "mine");
}

TEST(other_traps)
{
	const struct wrt_pool_config c = { .max_instances = 4 };
	const int codes[] = { 33, 63, 64, 100000, WRT_TRAP_HOST };
	wrt_pool *p = pool_with(&c);
	wrt_module *m = api_module("misuse");
	struct wrt_stats s;
	wrt_imports *l;
	wrt_instance *i;
	int code;

	CHECK_EQ(wrt_imports_create(&l), WRT_OK);
	CHECK_EQ(wrt_imports_func(l, "host", "f", &nothing, own_code, &code),
	    WRT_OK);
	i = api_instance(p, m, l);
	for (size_t k = 0; k < sizeof codes / sizeof *codes; k++) {
		code = codes[k];
		CHECK_EQ(wrt_instance_call(i, "run", NULL, 0, NULL),
		    WRT_ETRAP);
	}
	s = of_instance(i);
	CHECK_EQ(s.ended_by_trap, 5);
	CHECK_EQ(s.traps[0], 4);
	CHECK_EQ(s.traps[WRT_TRAP_HOST], 1);
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* A typed call in a session, the fastest there is, counts too. */
TEST(typed_calls)
{
	static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
	const struct wrt_functype type = { 2, 1, i32s, i32s };
	typedef int32_t add_fn(struct wrt_typed *, int32_t, int32_t);

	for (uint32_t flags = 0; flags <= WRT_POOL_CPU_TIME;
	    flags += WRT_POOL_CPU_TIME) {
		const struct wrt_pool_config c = { .max_instances = 4,
			.flags = flags };
		wrt_pool *p = pool_with(&c);
		wrt_module *m = api_module("cli");
		wrt_instance *i = api_instance(p, m, NULL);
		struct wrt_typed t;
		struct wrt_stats s;
		wrt_func *f;

		CHECK_EQ(wrt_instance_func(i, "add", 3, &f, NULL), WRT_OK);
		CHECK_EQ(wrt_func_typed(f, &type, &t), WRT_OK);
		CHECK_EQ(((add_fn *)t.call)(&t, 1, 2), 3);
		CHECK_EQ(wrt_instance_enter(i), WRT_OK);
		for (int k = 0; k < 1000; k++)
			CHECK_EQ(((add_fn *)t.call)(&t, k, 1), k + 1);
		s = of_instance(i);
		CHECK_EQ(s.calls, 1001);
		CHECK_EQ(s.cpu_ns > 0, flags != 0);
		CHECK_EQ(wrt_instance_leave(i), WRT_OK);
		CHECK_EQ(of_instance(i).calls, 1001);
		wrt_instance_close(i);
		wrt_module_close(m);
		wrt_pool_destroy(p);
	}
}

/* It is the thread's, of the calls alone, and only where it is asked for. */
TEST(cpu_time)
{
	const struct wrt_pool_config c = { .max_instances = 4,
		.flags = WRT_POOL_CPU_TIME };
	wrt_pool *p = pool_with(&c), *q = api_pool();
	wrt_module *m = api_module("cli");
	wrt_instance *i = api_instance(p, m, NULL), *j;
	struct timespec from, to;
	struct wrt_stats s;
	uint64_t ns;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (int k = 0; k < 100; k++)
		CHECK_EQ(api_call(i, "deep", 1, 1000, 0, 0, &(int32_t){ 0 }),
		    WRT_OK);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	ns = (uint64_t)(to.tv_sec - from.tv_sec) * 1000000000 +
	    (uint64_t)to.tv_nsec - (uint64_t)from.tv_nsec;
	s = of_instance(i);
	CHECK(s.cpu_ns > 0 && s.cpu_ns <= ns);
	/* A session is no call. */
	CHECK_EQ(wrt_instance_enter(i), WRT_OK);
	CHECK_EQ(wrt_instance_leave(i), WRT_OK);
	CHECK_EQ(of_instance(i).cpu_ns, s.cpu_ns);
	wrt_instance_close(i);
	CHECK_EQ(of_pool(p).cpu_ns, s.cpu_ns);
	j = api_instance(q, m, NULL);
	CHECK_EQ(api_call(j, "deep", 1, 9, 0, 0, &(int32_t){ 0 }), WRT_OK);
	CHECK_EQ(of_instance(j).cpu_ns, 0);
	wrt_instance_close(j);
	wrt_module_close(m);
	wrt_pool_destroy(p);
	wrt_pool_destroy(q);
}

static int
no_op(void *data, wrt_instance *caller, wrt_val *vals)
{
	(void)data;
	(void)caller;
	(void)vals;
	return WRT_OK;
}

/* The start function uses 3, set() as many.  What is given anew, and by a
 * reset, changes nothing in what was used. */
TEST(fuel)
{
	const struct wasmc_options opt = { .fuel = 1 };
	const struct wrt_pool_config limited = { .max_instances = 4,
		.fuel = 1000 };
	wrt_imports *l;
	wrt_module *m = api_module_with("fuel", &opt);

	CHECK_EQ(wrt_imports_create(&l), WRT_OK);
	CHECK_EQ(wrt_imports_func(l, "env", "h", &nothing, no_op, NULL),
	    WRT_OK);
	for (int k = 0; k < 2; k++) {
		wrt_pool *p = k ? pool_with(&limited) : api_pool();
		uint64_t sum = 0, left;

		for (int life = 0; life < 4; life++) {
			wrt_instance *i = api_instance(p, m, l);

			CHECK_EQ(of_instance(i).fuel_used, 3);
			CHECK_EQ(wrt_instance_fuel(i, &left), WRT_OK);
			CHECK_EQ(left, (k ? 1000 : INT64_MAX) - 3);
			CHECK_EQ(api_call(i, "set", 1, 5, 0, 0, NULL), WRT_OK);
			CHECK_EQ(of_instance(i).fuel_used, 6);
			CHECK_EQ(wrt_instance_set_fuel(i, 50), WRT_OK);
			CHECK_EQ(of_instance(i).fuel_used, 6);
			CHECK_EQ(api_call(i, "count", 1, 9, 0, 0, NULL),
			    WRT_ETRAP);
			CHECK_EQ(wrt_instance_fuel(i, &left), WRT_OK);
			CHECK_EQ(of_instance(i).fuel_used, 56 - left);
			CHECK_EQ(wrt_instance_reset(i, NULL), WRT_OK);
			CHECK_EQ(of_instance(i).fuel_used, 59 - left);
			CHECK_EQ(of_instance(i).traps[WRT_TRAP_FUEL], 1);
			sum += 59 - left;
			CHECK_EQ(of_pool(p).fuel_used, sum);
			wrt_instance_close(i);
			CHECK_EQ(of_pool(p).fuel_used, sum);
		}
		wrt_pool_destroy(p);
		CHECK(of_module(m).fuel_used >= sum);
	}
	wrt_imports_destroy(l);
	wrt_module_close(m);
}

/* All pages of a memory, by the host. */
TEST(pages)
{
	const struct wrt_pool_config c = { .max_instances = 4 };
	wrt_pool *p = pool_with(&c);
	wrt_module *m = api_module("cli");
	bool uffd = !strcmp(wrt_pool_memory_mode(p), "userfaultfd");
	struct wrt_stats before, s;
	wrt_instance *i;
	wrt_memory *mem;

	i = api_instance(p, m, NULL);
	CHECK_EQ(wrt_instance_memory_at(i, 0, &mem), WRT_OK);
	before = of_instance(i);
	CHECK(wrt_memory_bytes(mem) >= 65536);
	for (uint64_t at = 0; at < 65536; at += 4096)
		CHECK_EQ(wrt_memory_write(mem, at, "x", 1), WRT_OK);
	s = of_instance(i);
	if (uffd) {
		CHECK(s.page_faults > before.page_faults);
		CHECK(s.resident_bytes >= 65536);
		CHECK(s.resident_bytes % 4096 == 0);
	} else {
		CHECK_EQ(s.page_faults, 0);
		CHECK_EQ(s.resident_bytes, wrt_memory_bytes(mem));
	}
	CHECK_EQ(of_pool(p).resident_bytes, s.resident_bytes);
	CHECK_EQ(of_module(m).page_faults, s.page_faults);
	wrt_instance_close(i);
	CHECK_EQ(of_pool(p).resident_bytes, 0);
	CHECK_EQ(of_pool(p).page_faults, s.page_faults);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

/* One that never was, and one whose start function trapped. */
TEST(failures)
{
	const struct wrt_pool_config c = { .max_instances = 1 };
	wrt_pool *p = pool_with(&c);
	wrt_module *m = api_module("cli_start_trap"), *x = api_module("misuse");
	struct wrt_stats s;
	wrt_instance *i;

	CHECK_EQ(wrt_instance_create(&i, p, x, NULL, NULL), WRT_ELINK);
	s = of_pool(p);
	CHECK_EQ(s.created + s.closed, 0);
	CHECK_EQ(wrt_instance_create(&i, p, m, NULL, NULL), WRT_ETRAP);
	s = of_pool(p);
	CHECK_EQ(s.created, 1);
	CHECK_EQ(s.closed, 1);
	CHECK_EQ(s.calls, 1);
	CHECK_EQ(s.ended_by_trap, 1);
	wrt_module_close(m);
	wrt_module_close(x);
	wrt_pool_destroy(p);
}

/* A host that knows less, or more, than the library. */
TEST(sizes)
{
	struct { struct wrt_stats s; uint64_t more[4]; } big;
	wrt_pool *p = api_pool();
	struct wrt_stats s;

	memset(&big, 0xff, sizeof big);
	memset(&s, 0xff, sizeof s);
	CHECK_EQ(wrt_pool_stats(p, &big.s, sizeof big), WRT_OK);
	CHECK_EQ(big.more[0] | big.more[3], 0);
	CHECK_EQ(big.s.traps[63], 0);
	CHECK_EQ(wrt_pool_stats(p, &s, 16), WRT_OK);
	CHECK_EQ(s.created + s.closed, 0);
	CHECK_EQ(s.calls, UINT64_MAX);
	wrt_pool_destroy(p);
}

/* Linked ones stay until all are closed; clones are instances too. */
TEST(linked_and_cloned)
{
	const struct wrt_pool_config c = { .max_instances = 8 };
	wrt_pool *p = pool_with(&c);
	wrt_module *m = api_module("cli"), *mu = api_module("cli_import");
	wrt_instance *i = api_instance(p, m, NULL), *u, *k;
	struct wrt_stats s;
	wrt_imports *l;
	int32_t x;

	CHECK_EQ(wrt_instance_clone(&k, i, p, NULL), WRT_OK);
	CHECK_EQ(of_instance(k).created, 1);
	CHECK_EQ(of_pool(p).live, 2);
	wrt_instance_close(k);
	CHECK_EQ(wrt_imports_create(&l), WRT_OK);
	CHECK_EQ(wrt_imports_instance(l, "lib", i), WRT_OK);
	u = api_instance(p, mu, l);
	wrt_imports_destroy(l);
	wrt_instance_close(i);
	CHECK_EQ(api_call(u, "sum", 0, 0, 0, 0, &x), WRT_OK);
	s = of_pool(p);
	CHECK_EQ(s.live, 1);
	CHECK_EQ(s.parked, 0);
	CHECK_EQ(of_module(m).live, 0);
	CHECK_EQ(of_module(mu).calls, 1);
	wrt_instance_close(u);
	s = of_pool(p);
	CHECK_EQ(s.created, 3);
	CHECK_EQ(s.closed, 3);
	CHECK_EQ(s.calls, 1);
	wrt_module_close(m);
	wrt_module_close(mu);
	wrt_pool_destroy(p);
}

/* ---- Threads ------------------------------------------------------------- */

enum { THREADS = 3, LIVES = 300, CALLS = 20 };

struct shared {
	wrt_pool *p;
	wrt_module *m;
	atomic_bool over;
};

static void *
work(void *arg)
{
	struct shared *sh = arg;

	for (int k = 0; k < LIVES; k++) {
		wrt_instance *i[2];

		for (int n = 0; n < 2; n++)
			i[n] = api_instance(sh->p, sh->m, NULL);
		for (int c = 0; c < CALLS; c++)
			CHECK_EQ(api_call(i[c & 1], "add", 2, c, 1, 0,
			    &(int32_t){ 0 }), WRT_OK);
		CHECK_EQ(api_call(i[0], "unreachable", 0, 0, 0, 0, NULL),
		    WRT_ETRAP);
		for (int n = 0; n < 2; n++)
			wrt_instance_close(i[n]);
	}
	return NULL;
}

/* Numbers only grow, whatever happens between. */
static void *
watch(void *arg)
{
	struct shared *sh = arg;
	struct wrt_stats a, b = { 0 };

	while (!atomic_load(&sh->over)) {
		a = b;
		b = of_pool(sh->p);
		CHECK(b.created >= a.created && b.closed >= a.closed);
		CHECK(b.calls >= a.calls && b.resets >= a.resets);
		CHECK(b.ended_by_trap >= a.ended_by_trap);
		CHECK(b.traps[1] >= a.traps[1]);
		CHECK(b.page_faults >= a.page_faults);
		/* Not all are read at one moment. */
		CHECK(b.live == b.created - b.closed && b.live <= b.created);
		wrt_pool_trim(sh->p, 0);
	}
	return NULL;
}

TEST(threads)
{
	const struct wrt_pool_config c = { .max_instances = 64 };
	struct shared sh = { .p = pool_with(&c), .m = api_module("cli") };
	pthread_t t[THREADS], w;
	struct wrt_stats s;

	CHECK_EQ(pthread_create(&w, NULL, watch, &sh), 0);
	for (int k = 0; k < THREADS; k++)
		CHECK_EQ(pthread_create(&t[k], NULL, work, &sh), 0);
	for (int k = 0; k < THREADS; k++)
		pthread_join(t[k], NULL);
	atomic_store(&sh.over, true);
	pthread_join(w, NULL);
	s = of_pool(sh.p);
	CHECK_EQ(s.created, 2 * THREADS * LIVES);
	CHECK_EQ(s.closed, s.created);
	CHECK_EQ(s.calls, THREADS * LIVES * (CALLS + 1));
	CHECK_EQ(s.traps[WRT_TRAP_UNREACHABLE], THREADS * LIVES);
	wrt_module_close(sh.m);
	wrt_pool_destroy(sh.p);
}

/* A child's own pools, while the parent's threads hold locks. */
TEST(forks)
{
	const struct wrt_pool_config c = { .max_instances = 64 };
	struct shared sh = { .p = pool_with(&c), .m = api_module("cli") };
	pthread_t w;

	CHECK_EQ(pthread_create(&w, NULL, watch, &sh), 0);
	for (int k = 0; k < 50; k++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			wrt_pool *p = pool_with(&c);
			wrt_instance *i = api_instance(p, sh.m, NULL);

			alarm(60);
			wrt_instance_close(i);
			_exit(of_pool(p).created == 1 ? 0 : 1);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
	atomic_store(&sh.over, true);
	pthread_join(w, NULL);
	wrt_module_close(sh.m);
	wrt_pool_destroy(sh.p);
}

TEST_MAIN
