/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pool.c: what comes after what: an instance that is created where another was
 * must not be told from the first one of all, in every memory mode.
 */
#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>

#include "api.h"

enum { PATTERN = 0xa5 };

static const char *const modes[] = {
	"userfaultfd", "pagemap", "madvise", "plain"
};
enum { NMODES = sizeof modes / sizeof *modes };
static const uint8_t i32s[] = { WRT_I32 };
static const struct wrt_functype i_i = { 1, 1, i32s, i32s };

/* ---- One environment ---------------------------------------------------- */

struct env {
	wrt_pool *p;
	wrt_module *m, *other;
	wrt_imports *l;
};

static int
plus_data(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 += (int32_t)(intptr_t)data;
	return WRT_OK;
}

static void
define(struct env *e, intptr_t add)
{
	CHECK_EQ(wrt_imports_func(e->l, "env", "h", &i_i, plus_data,
	    (void *)add), WRT_OK);
}

static bool
up(struct env *e, const char *mode, const struct wrt_pool_config *c)
{
	struct wasmc_options o = {
		.bounds = c && c->flags & WRT_POOL_DENSE ?
		    WASMC_BOUNDS_EXPLICIT : WASMC_BOUNDS_GUARD
	};
	struct wrt_error err;

	if (mode)
		setenv("WASMRT_MEMORY", mode, 1);
	if (wrt_pool_create(&e->p, c, &err) != WRT_OK)
		return false;
	e->m = api_module_with("pool", &o);
	e->other = api_module_with("pool_other", &o);
	CHECK_EQ(wrt_imports_create(&e->l), WRT_OK);
	define(e, 1);
	return true;
}

static void
down(struct env *e)
{
	wrt_imports_destroy(e->l);
	wrt_module_close(e->m);
	wrt_module_close(e->other);
	wrt_pool_destroy(e->p);
}

/* ---- What a new instance is --------------------------------------------- */

static wrt_global *
global(wrt_instance *i, const char *name)
{
	wrt_global *g;

	CHECK_EQ(wrt_instance_global(i, name, strlen(name), &g), WRT_OK);
	return g;
}

static wrt_table *
table(wrt_instance *i, const char *name)
{
	wrt_table *t;

	CHECK_EQ(wrt_instance_table(i, name, strlen(name), &t), WRT_OK);
	return t;
}

static void
check_memory(wrt_instance *i)
{
	wrt_memory *m;
	const uint8_t *p;
	size_t n;

	CHECK_EQ(wrt_instance_memory(i, "mem", 3, &m), WRT_OK);
	n = wrt_memory_bytes(m);
	CHECK_EQ(n, 2 * 65536);
	p = wrt_memory_at(m, 0, n);
	CHECK(p);
	for (size_t k = 0; k < n; k++)
		if (k - 100 < 5)
			CHECK_EQ(p[k], "hello"[k - 100]);
		else if (k - 70000 < 5)
			CHECK_EQ(p[k], "there"[k - 70000]);
		else if (p[k])
			test_end('F', "byte %zu is %#x", k, p[k]);
}

static void
check_tables(wrt_instance *i)
{
	static const char *const names[] = { "tab", "big", "fun" };
	wrt_val v;

	for (int t = 0; t < 3; t++) {
		uint64_t n = wrt_table_size(table(i, names[t]));

		CHECK_EQ(n, t == 2 ? 4 : 8);
		for (uint64_t k = 0; k < n; k++) {
			CHECK_EQ(wrt_table_get(table(i, names[t]), k, &v), 0);
			CHECK_EQ(v.ref != NULL, t == 2 && (k == 1 || k == 2));
		}
	}
}

static void
check_new(wrt_instance *i)
{
	static const int32_t four[] = { 1, 2, 3, 4 };
	struct wrt_trap t;
	int32_t r;
	wrt_val v;

	CHECK_EQ(wrt_trap_get(i, &t), WRT_ESTATE);
	CHECK(!wrt_instance_data(i));
	check_memory(i);
	check_tables(i);
	CHECK_EQ(wrt_global_get(global(i, "g0")).i32, 7);
	CHECK_EQ(wrt_global_get(global(i, "g1")).i64, 8);
	v = wrt_global_get(global(i, "g2"));
	CHECK(!memcmp(&v, four, 16));
	CHECK(!wrt_global_get(global(i, "g3")).ref);
	CHECK_EQ(api_call(i, "init", 0, 0, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 'p');
}

/* What is beyond the first size is empty too. */
static void
check_grown(wrt_instance *i)
{
	wrt_memory *m;
	const uint8_t *p;
	wrt_val null = { .u64 = { 0, 0 } }, v;

	CHECK_EQ(wrt_instance_memory(i, "mem", 3, &m), WRT_OK);
	CHECK_EQ(wrt_memory_grow(m, 6), 2);
	p = wrt_memory_at(m, 2 * 65536, 6 * 65536);
	CHECK(p);
	for (size_t k = 0; k < 6 * 65536; k++)
		if (p[k])
			test_end('F', "grown byte %zu is %#x", k, p[k]);
	CHECK_EQ(wrt_table_grow(table(i, "big"), 15000, null), 8);
	for (uint64_t k = 0; k < 15008; k++) {
		CHECK_EQ(wrt_table_get(table(i, "big"), k, &v), 0);
		CHECK(!v.ref);
	}
}

/* All that a tenant can write to, as far as the pool lets it grow. */
static void
spoil(wrt_instance *i, bool grow)
{
	wrt_val v[2] = { { .u64 = { 0x5a5a5a5a5a5a5a5a, 0 } } };
	wrt_memory *m;
	int32_t r;

	CHECK_EQ(wrt_instance_memory(i, "mem", 3, &m), WRT_OK);
	if (grow)
		CHECK_EQ(api_call(i, "grow", 1, 6, 0, 0, &r), WRT_OK);
	CHECK_EQ(api_call(i, "fill", 1, PATTERN, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, grow ? 8 : 2);
	CHECK_EQ(wrt_instance_call(i, "fill_tables", v, 1, NULL), WRT_OK);
	wrt_memory_limit(m, 3 * 65536);
	wrt_table_limit(table(i, "big"), 9);
	CHECK_EQ(wrt_instance_set_timeout(i, 1000000000, 1000000000), WRT_OK);
	wrt_instance_set_data(i, &v);
	CHECK_EQ(wrt_instance_set_stack(i, 16384), WRT_OK);
	CHECK_EQ(api_call(i, "trap", 0, 0, 0, 0, NULL), WRT_ETRAP);
}

static void
check_other(wrt_instance *i)
{
	int32_t r;

	CHECK_EQ(api_call(i, "grow", 1, 7, 0, 0, &r), WRT_OK);
	CHECK_EQ(api_call(i, "count", 1, 8 * 65536, 0, 0, &r), WRT_OK);
	CHECK_EQ(r, 0);
	CHECK_EQ(api_call(i, "fill", 1, 0xc3, 0, 0, NULL), WRT_OK);
}

static void
nothing_survives(const char *mode, const struct wrt_pool_config *c)
{
	struct env e;

	if (!up(&e, mode, c))
		return;
	for (int round = 0; round < 12; round++) {
		wrt_instance *i = api_instance(e.p, e.m, e.l), *k;

		check_new(i);
		if (round % 4 == 3)
			check_grown(i);
		else
			spoil(i, round % 2);
		wrt_instance_close(i);
		k = api_instance(e.p, e.other, NULL);
		check_other(k);
		wrt_instance_close(k);
		if (round % 5 == 4)
			wrt_pool_trim(e.p, 0);
	}
	down(&e);
}

TEST(nothing_of_a_tenant_survives)
{
	for (int k = 0; k < NMODES; k++)
		nothing_survives(modes[k], NULL);
}

TEST(nothing_of_a_tenant_survives_dense)
{
	const struct wrt_pool_config c = {
		.max_instances = 3, .max_memories = 1,
		.max_memory_bytes = 1 << 20, .flags = WRT_POOL_DENSE
	};

	for (int k = 0; k < NMODES; k++)
		nothing_survives(modes[k], &c);
}

TEST(nothing_is_kept_where_nothing_may_be)
{
	const struct wrt_pool_config c = { .max_instances = 3,
		.max_memories = 1, .idle_bytes = 1 };
	struct env e;

	nothing_survives(NULL, &c);
	CHECK(up(&e, NULL, &c));
	for (int n = 0; n < 4; n++)
		wrt_instance_close(api_instance(e.p, e.other, NULL));
	CHECK_EQ(wrt_pool_trim(e.p, 0), 0);
	down(&e);
}

TEST(trimming_gives_all_back)
{
	struct env e;
	wrt_instance *i[8];

	CHECK(up(&e, NULL, NULL));
	for (int round = 0; round < 3; round++) {
		for (int k = 0; k < 8; k++) {
			i[k] = api_instance(e.p, e.other, NULL);
			CHECK_EQ(api_call(i[k], "fill", 1, 1, 0, 0, NULL), 0);
		}
		for (int k = 0; k < 8; k++)
			wrt_instance_close(i[k]);
		CHECK_EQ(wrt_pool_trim(e.p, UINT64_MAX), 0);
		/* Each had 16 pages at least, if pages are kept at all. */
		CHECK(wrt_pool_trim(e.p, 0) >= 8 * (strcmp(
		    wrt_pool_memory_mode(e.p), "userfaultfd") ? 1 : 65536));
		CHECK_EQ(wrt_pool_trim(e.p, 0), 0);
	}
	down(&e);
}

/* Code for a memory that declares no maximum relies on its end. */
TEST(a_memory_without_a_maximum_ends_below_4_gib)
{
	wrt_pool *p = api_pool();
	wrt_module *mod = api_module("pool_open");
	wrt_memory *m;

	for (int round = 0; round < 3; round++) {
		wrt_instance *i = api_instance(p, mod, NULL);
		int64_t pages;

		CHECK_EQ(wrt_instance_memory_at(i, 0, &m), WRT_OK);
		pages = (int64_t)wrt_memory_pages(m);
		CHECK_EQ(wrt_memory_grow(m, 65536 - (uint64_t)pages), -1);
		CHECK_EQ(wrt_memory_grow(m, 65535 - (uint64_t)pages), pages);
		wrt_instance_close(i);
	}
	wrt_module_close(mod);
	wrt_pool_destroy(p);
}

/* ---- Faults far beyond the size ------------------------------------------ */

static long
page_tables_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kb = -1;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmPTE: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Does the kernel free a page table with its last page? */
static bool
tables_go(void)
{
	enum { N = 64, TWO = 2 << 20 };
	uint8_t *p = mmap(NULL, N * TWO, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long before = page_tables_kb(), most;

	CHECK(p != MAP_FAILED);
	madvise(p, N * TWO, MADV_NOHUGEPAGE);
	for (int k = 0; k < N; k++)
		p[k * TWO] = 1;
	most = page_tables_kb();
	for (int k = 0; k < N; k++)
		madvise(p + k * TWO, TWO, MADV_DONTNEED);
	return most > before + 100 && page_tables_kb() < before + 100;
}

/* A guest must not fill the host with page tables. */
TEST(far_faults_leave_little)
{
	wrt_pool *p = api_pool();
	wrt_module *mod = api_module("pool_open");
	wrt_instance *i = api_instance(p, mod, NULL);
	long before;

	if (!tables_go())
		test_end('S', "the kernel keeps empty page tables");
	api_call(i, "load", 1, 1 << 20, 0, 0, NULL);
	before = page_tables_kb();
	for (int64_t k = 1; k < 2000; k++)
		CHECK_EQ(api_call(i, "store", 1, (int32_t)(k << 21), 0, 0,
		    NULL), WRT_ETRAP);
	CHECK(page_tables_kb() < before + 200);
	wrt_instance_close(i);
	wrt_module_close(mod);
	wrt_pool_destroy(p);
}

/* Where a fault was, there may be memory later. */
TEST(far_faults_take_nothing_away)
{
	wrt_pool *p = api_pool();
	wrt_module *mod = api_module("pool_open");

	for (int round = 0; round < 3; round++) {
		wrt_instance *i = api_instance(p, mod, NULL);
		wrt_memory *m;
		int32_t at = 8 << 20, r = 0;

		CHECK_EQ(wrt_instance_memory_at(i, 0, &m), WRT_OK);
		CHECK_EQ(api_call(i, "store", 1, at, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(wrt_memory_grow(m, 200), 1);
		CHECK_EQ(api_call(i, "load", 1, at, 0, 0, &r), WRT_OK);
		CHECK_EQ(r, 0);
		CHECK_EQ(api_call(i, "store", 1, at, 0, 0, NULL), WRT_OK);
		CHECK_EQ(api_call(i, "store", 1, 3 * at, 0, 0, NULL),
		    WRT_ETRAP);
		CHECK_EQ(api_call(i, "load", 1, at, 0, 0, &r), WRT_OK);
		CHECK_EQ(r, 77);
		if (round == 1)
			CHECK_EQ(wrt_instance_reset(i, NULL), WRT_OK);
		wrt_instance_close(i);
	}
	wrt_module_close(mod);
	wrt_pool_destroy(p);
}

/* ---- What instances of a module usually touch ---------------------------- */

static bool
is_there(const uint8_t *page)
{
	unsigned char there = 0;

	CHECK(mincore((void *)(uintptr_t)page, 4096, &there) == 0);
	return there & 1;
}

/* Page k, by the way that makes it present. */
static uint8_t *
page_of(wrt_instance *i, uint64_t k)
{
	wrt_memory *m;
	uint8_t *p;

	CHECK_EQ(wrt_instance_memory_at(i, 0, &m), WRT_OK);
	p = wrt_memory_at(m, k * 4096, 1);
	CHECK(p);
	return p;
}

/* The first page that a memory needs brings those that others needed, but for
 * what only one of them did. */
TEST(usual_pages_come_together)
{
	enum { N = 40, WATCHED = 16 };
	const struct wrt_pool_config c = { .max_instances = N,
		.max_memories = 1 };
	wrt_module *mod = api_module("pool_open");
	wrt_pool *pool;

	CHECK_EQ(wrt_pool_create(&pool, &c, NULL), WRT_OK);
	if (strcmp(wrt_pool_memory_mode(pool), "userfaultfd"))
		SKIP("no userfaultfd here");
	for (int k = 0; k < N; k++) {
		wrt_instance *i = api_instance(pool, mod, NULL);
		uint8_t *p = page_of(i, 0);
		bool together = k % WATCHED != 0;

		CHECK_EQ(is_there(p + 2 * 4096), together);
		CHECK_EQ(is_there(p + 5 * 4096), together);
		CHECK_EQ(is_there(p + 9 * 4096), together && k < 2 * WATCHED);
		CHECK(!is_there(p + 3 * 4096));
		CHECK(!memcmp(page_of(i, 2) + 8, "usual", 5));
		for (int b = 0; b < 4096; b++)
			CHECK_EQ(page_of(i, 5)[b], 0);
		memset(page_of(i, 2), 0xa5, 4096);
		memset(page_of(i, 5), 0xa5, 4096);
		if (k == 0)
			page_of(i, 9);
	}
}

/* A guest that is called the first time finds them there, and no others. */
TEST(usual_pages_come_before_the_first_call)
{
	enum { N = 20, WATCHED = 16 };
	const struct wrt_pool_config c = { .max_instances = N,
		.max_memories = 1 };
	wrt_module *mod = api_module("pool_open");
	struct wrt_stats s;
	wrt_pool *pool;
	int32_t r;

	CHECK_EQ(wrt_pool_create(&pool, &c, NULL), WRT_OK);
	if (strcmp(wrt_pool_memory_mode(pool), "userfaultfd"))
		SKIP("no userfaultfd here");
	for (int k = 0; k < N; k++) {
		wrt_instance *i = api_instance(pool, mod, NULL);
		bool watched = k % WATCHED == 0;

		CHECK_EQ(wrt_instance_stats(i, &s, sizeof s), WRT_OK);
		CHECK_EQ(s.resident_bytes, 0);
		for (int at = 2; at >= 0; at -= 2) {
			CHECK_EQ(api_call(i, "load", 1, at * 4096 + 64, 0, 0,
			    &r), WRT_OK);
			CHECK_EQ(r, 0);
			CHECK_EQ(api_call(i, "store", 1, at * 4096 + 64, 0, 0,
			    NULL), WRT_OK);
		}
		CHECK_EQ(wrt_instance_stats(i, &s, sizeof s), WRT_OK);
		CHECK_EQ(s.page_faults, watched ? 2 : 0);
		CHECK_EQ(s.resident_bytes, 2 * 4096);
	}
}

/* One had more memory than another has. */
TEST(usual_pages_stay_below_the_size)
{
	wrt_pool *p = api_pool();
	wrt_module *mod = api_module("pool_open");
	wrt_instance *i[2];
	int32_t r;

	for (int k = 0; k < 2; k++) {
		wrt_memory *m;

		i[k] = api_instance(p, mod, NULL);
		CHECK_EQ(api_call(i[k], "store", 1, 0, 0, 0, NULL), WRT_OK);
		CHECK_EQ(api_call(i[k], "load", 1, 70000, 0, 0, &r), WRT_ETRAP);
		CHECK_EQ(wrt_instance_memory_at(i[k], 0, &m), WRT_OK);
		CHECK_EQ(wrt_memory_grow(m, 1), 1);
		CHECK_EQ(api_call(i[k], "load", 1, 70000, 0, 0, &r), WRT_OK);
		CHECK_EQ(r, 0);
		CHECK_EQ(api_call(i[k], "store", 1, 70000, 0, 0, NULL), WRT_OK);
	}
	wrt_instance_close(i[0]);
	wrt_instance_close(i[1]);
	wrt_module_close(mod);
	wrt_pool_destroy(p);
}

/* ---- Links -------------------------------------------------------------- */

static int32_t
host_result(struct env *e)
{
	wrt_instance *i = api_instance(e->p, e->m, e->l);
	int32_t r;

	CHECK_EQ(api_call(i, "host", 1, 10, 0, 0, &r), WRT_OK);
	wrt_instance_close(i);
	return r;
}

TEST(changed_imports_are_seen)
{
	struct env e;

	CHECK(up(&e, NULL, NULL));
	for (intptr_t k = 1; k < 20; k++) {
		define(&e, k);
		for (int n = 0; n < 4; n++)
			CHECK_EQ(host_result(&e), 10 + k);
	}
	/* And another list. */
	wrt_imports_destroy(e.l);
	CHECK_EQ(wrt_imports_create(&e.l), WRT_OK);
	define(&e, 100);
	for (int n = 0; n < 4; n++)
		CHECK_EQ(host_result(&e), 110);
	down(&e);
}

/* The list goes before the instance: not allowed, and yet no crash. */
TEST(imports_may_be_changed_under_instances)
{
	struct env e;
	wrt_instance *i;

	CHECK(up(&e, NULL, NULL));
	CHECK_EQ(host_result(&e), 11);
	i = api_instance(e.p, e.m, e.l);
	define(&e, 5);
	wrt_instance_close(i);
	CHECK_EQ(host_result(&e), 15);
	i = api_instance(e.p, e.m, e.l);
	down(&e);
	wrt_instance_close(i);
}

/* ---- Limits ------------------------------------------------------------- */

static void *
create_one(void *arg)
{
	struct env *e = arg;

	wrt_instance_close(api_instance(e->p, e->m, e->l));
	wrt_instance_close(api_instance(e->p, e->other, NULL));
	return NULL;
}

/* What waits to be created again does not count. */
TEST(closed_instances_make_room)
{
	struct wrt_pool_config c = { .max_instances = 2, .max_memories = 1 };
	struct env e;

	for (int k = 0; k < NMODES; k++) {
		wrt_instance *a, *b, *x;

		if (!up(&e, modes[k], &c))
			continue;
		for (int round = 0; round < 20; round++) {
			pthread_t t;

			a = api_instance(e.p, e.m, e.l);
			b = api_instance(e.p, round % 2 ? e.m : e.other, e.l);
			CHECK_EQ(wrt_instance_create(&x, e.p, e.m, e.l, NULL),
			    WRT_ELIMIT);
			wrt_instance_close(a);
			CHECK_EQ(pthread_create(&t, NULL, create_one, &e), 0);
			pthread_join(t, NULL);
			wrt_instance_close(b);
		}
		down(&e);
	}
}

static int
mapped_artifacts(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096];
	int n = 0;

	while (fgets(line, sizeof line, f))
		n += strstr(line, "api-") != NULL;
	fclose(f);
	return n;
}

TEST(a_closed_module_is_gone)
{
	struct env e;

	CHECK(up(&e, NULL, NULL));
	for (int n = 0; n < 3; n++)
		CHECK_EQ(host_result(&e), 11);
	wrt_instance_close(api_instance(e.p, e.other, NULL));
	CHECK(mapped_artifacts() > 0);
	wrt_module_close(e.m);
	wrt_module_close(e.other);
	CHECK_EQ(mapped_artifacts(), 0);
	wrt_imports_destroy(e.l);
	wrt_pool_destroy(e.p);
}

/* ---- Threads ------------------------------------------------------------ */

enum { NTHREADS = 4, CYCLES = 2000 };

struct baton {
	struct env *e;
	pthread_mutex_t lock;
	wrt_instance *passed[16];	/* to be closed by anybody */
	unsigned seed;
};

static void *
create_and_close(void *arg)
{
	struct baton *b = arg;
	unsigned seed;

	pthread_mutex_lock(&b->lock);
	seed = ++b->seed;
	pthread_mutex_unlock(&b->lock);
	for (int n = 0; n < CYCLES; n++) {
		bool ours = rand_r(&seed) % 2;
		wrt_instance *i = api_instance(b->e->p, ours ? b->e->m :
		    b->e->other, ours ? b->e->l : NULL), *old;
		unsigned at = (unsigned)rand_r(&seed) % 16;
		int32_t r;

		if (ours)
			CHECK_EQ(api_call(i, "load", 1, 100, 0, 0, &r), 0);
		pthread_mutex_lock(&b->lock);
		old = b->passed[at];
		b->passed[at] = i;
		pthread_mutex_unlock(&b->lock);
		wrt_instance_close(old);
		if (n % 500 == 77)
			wrt_pool_trim(b->e->p, 1 << 20);
	}
	return NULL;
}

TEST(threads_pass_instances_on)
{
	struct wrt_pool_config c = { .max_instances = 20, .max_memories = 1 };
	struct env e;
	struct baton b = { .e = &e };
	pthread_t t[NTHREADS];

	CHECK(up(&e, NULL, &c));
	pthread_mutex_init(&b.lock, NULL);
	for (int k = 0; k < NTHREADS; k++)
		CHECK_EQ(pthread_create(&t[k], NULL, create_and_close, &b), 0);
	for (int k = 0; k < NTHREADS; k++)
		pthread_join(t[k], NULL);
	for (int k = 0; k < 16; k++)
		wrt_instance_close(b.passed[k]);
	down(&e);
}

/* A child finds the lists in order, whatever other threads did. */
TEST(fork_between)
{
	struct env e;
	struct baton b = { .e = &e };
	pthread_t t;

	if (THREAD_SANITIZER)
		SKIP("the sanitizer misses the parent's threads");
	CHECK(up(&e, NULL, NULL));
	pthread_mutex_init(&b.lock, NULL);
	CHECK_EQ(pthread_create(&t, NULL, create_and_close, &b), 0);
	for (int n = 0; n < 20; n++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			wrt_instance *i;
			struct env mine;

			alarm(20);
			if (wrt_instance_create(&i, e.p, e.m, e.l, NULL) !=
			    WRT_ESTATE || !up(&mine, NULL, NULL))
				_exit(1);
			for (int k = 0; k < 5; k++)
				if (host_result(&mine) != 11)
					_exit(2);
			down(&mine);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
	}
	pthread_join(t, NULL);
	for (int k = 0; k < 16; k++)
		wrt_instance_close(b.passed[k]);
	down(&e);
}

TEST_MAIN
