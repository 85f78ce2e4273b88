/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * limit_rows.c: the table of docs/LIMITS.md, row by row: each limit, set by the
 * pool and by the instance, ends as the row says, and the instance is as good
 * as before.  A row without a test here fails, and so does a test without a
 * row; what wasmrun makes of them is in tests/cli/limits.py.
 */
#include <pthread.h>

#include "wasmrt_wasi.h"
#include "api.h"

enum { MS = 1000000 };

/* ---- The table in the manual --------------------------------------------- */

enum { LIMIT, POOL, INSTANCE, RESULT, OPTION, CODE, NCELLS, NROWS = 40 };

static struct cells {
	char *cell[NCELLS];
} manual[NROWS];
static int nrows;

/* The cell at *p, trimmed; *p is left behind its end. */
static char *
next_cell(char **p)
{
	char *from = *p + strspn(*p, " "), *end = strchr(from, '|');

	CHECK(end);
	*p = end + 1;
	while (end > from && end[-1] == ' ')
		end--;
	*end = '\0';
	return from;
}

static void
read_manual(void)
{
	size_t n = 0;
	char *text = api_read("docs/LIMITS.md", &n), *line, *save;

	text[n] = '\0';
	line = strstr(text, "| limit |");
	CHECK(line);
	line = strtok_r(line, "\n", &save);
	strtok_r(NULL, "\n", &save);
	while ((line = strtok_r(NULL, "\n", &save)) && *line == '|') {
		CHECK(nrows < NROWS);
		line++;
		for (int k = 0; k < NCELLS; k++)
			manual[nrows].cell[k] = next_cell(&line);
		nrows++;
	}
}

/* ---- Means ----------------------------------------------------------------- */

static const char *result;		/* the row's */
static wrt_module *module;
static wrt_pool *pool;
static wrt_imports *imports;
static wrt_instance *inst;

static wrt_module *
compile(const char *name, int fuel)
{
	const struct wasmc_options opt = { .features = "all", .fuel = fuel };

	return api_module_with(name, &opt);
}

static void
up(const char *name, struct wrt_pool_config c)
{
	struct wrt_error err;

	module = compile(name, c.fuel != 0);
	if (wrt_pool_create(&pool, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	inst = api_instance(pool, module, imports);
}

static void
down(void)
{
	wrt_instance_close(inst);
	wrt_module_close(module);
	wrt_pool_destroy(pool);
	wrt_imports_destroy(imports);
	inst = NULL;
	imports = NULL;
}

static void
works(void)
{
	int32_t x = 0;

	CHECK_EQ(api_call(inst, "once", 1, 0, 0, 0, &x), 0);
	CHECK_EQ(x, 42);
}

static void
fits(const char *f, int32_t arg, int32_t expected)
{
	int32_t x = 0;
	int rc = api_call(inst, f, 1, arg, 0, 0, &x);

	if (rc != WRT_OK || x != expected)
		test_end('F', "%s(%d): status %d, %d", f, arg, rc, x);
}

/* Ends by the trap that the row names. */
static void
ended(int rc, const char *f)
{
	char text[100];
	struct wrt_trap t;

	if (rc != WRT_ETRAP)
		test_end('F', "%s: status %d, not %s", f, rc, result);
	CHECK_EQ(wrt_trap_get(inst, &t), 0);
	snprintf(text, sizeof text, "trap %d, \"%s\"", t.code, t.text);
	CHECK_HAS(result, text);
}

static void
ends(const char *f, int32_t arg)
{
	ended(api_call(inst, f, 1, arg, 0, 0, NULL), f);
	CHECK_EQ(wrt_instance_reset(inst, NULL), 0);
}

static void
refused(wrt_pool *p, wrt_module *m, const char *why)
{
	struct wrt_error err;
	wrt_instance *i = NULL;

	CHECK_EQ(wrt_instance_create(&i, p, m, NULL, &err), WRT_ELIMIT);
	CHECK(!i);
	CHECK_HAS(err.text, why);
	CHECK_HAS(result, "`WRT_ELIMIT`");
}

/* A pool in which the module has no place. */
static void
refuses(const char *name, struct wrt_pool_config c, const char *why)
{
	wrt_module *m = compile(name, 0);
	wrt_pool *p;

	CHECK_EQ(wrt_pool_create(&p, &c, NULL), 0);
	refused(p, m, why);
	wrt_module_close(m);
	wrt_pool_destroy(p);
}

#define ROWS(...) up("limit_rows", (struct wrt_pool_config){ __VA_ARGS__ })

/* ---- A function or two for each row ---------------------------------------- */

static void
instances(void)
{
	ROWS(.max_instances = 1);
	works();
	refused(pool, module, "the pool is full");
	CHECK_HAS(result, "the pool is full");
	down();
}

static void
memories(void)
{
	refuses("limit_memories", (struct wrt_pool_config){ .max_memories = 4 },
	    "5 memories");
	up("limit_memories", (struct wrt_pool_config){ .max_memories = 5,
	    .max_instances = 2 });
	works();
	down();
}

static void
memory_of_pool(void)
{
	refuses("limit_memory", (struct wrt_pool_config){
	    .max_memory_bytes = 1 << 20 }, "than the pool's");
	ROWS(.max_memory_bytes = 4 << 16);
	fits("memory_grow", 3, 1);
	fits("memory_grow", 1, -1);
	CHECK_HAS(result, "`memory.grow` gives -1");
	down();
}

static void
memory_of_instance(void)
{
	wrt_memory *mem;

	ROWS(0);
	CHECK_EQ(wrt_instance_memory_at(inst, 0, &mem), 0);
	wrt_memory_limit(mem, 4 << 16);
	fits("memory_grow", 3, 1);
	fits("memory_grow", 1, -1);
	down();
}

static void
table_of_pool(void)
{
	refuses("limit_table", (struct wrt_pool_config){
	    .max_table_entries = 1000 }, "than the pool's");
	ROWS(.max_table_entries = 50);
	fits("table_grow", 49, 1);
	fits("table_grow", 1, -1);
	CHECK_HAS(result, "`table.grow` gives -1");
	down();
}

static void
table_of_instance(void)
{
	wrt_table *t;

	ROWS(0);
	CHECK_EQ(wrt_instance_table(inst, "tab", 3, &t), 0);
	wrt_table_limit(t, 50);
	fits("table_grow", 49, 1);
	fits("table_grow", 1, -1);
	down();
}

static void
heap_of_pool(void)
{
	ROWS(.gc_heap_bytes = 1 << 20);
	fits("heap", 1000, 42);
	ends("heap", 1000000);
	fits("heap", 1000, 42);
	down();
}

static void
heap_of_instance(void)
{
	ROWS(0);
	CHECK_EQ(wrt_gc_limit(inst, 1 << 20), 0);
	fits("heap", 1000, 42);
	ends("heap", 1000000);
	down();
}

static void
exceptions(void)
{
	ROWS(0);
	fits("exceptions", 1000, 42);
	ends("exceptions", 1000000);
	fits("exceptions", 1000, 42);
	down();
}

static void
stack_of_pool(void)
{
	ROWS(.stack_bytes = 64 << 10);
	fits("deep", 100, 42);
	ends("deep", 1000000);
	works();
	down();
}

static void
stack_of_instance(void)
{
	ROWS(.stack_bytes = 256 << 20);
	fits("deep", 1000000, 42);
	CHECK_EQ(wrt_instance_set_stack(inst, 64 << 10), 0);
	ends("deep", 1000000);
	works();
	down();
}

/* A host function that calls the guest that called it, and so on. */
static int
again(void *data, wrt_instance *caller, wrt_val *v)
{
	wrt_val a = v[0];

	(void)data;
	return wrt_instance_call(caller, "cb", &a, 1, v);
}

static void *
nest(void *arg)
{
	static const uint8_t i32[] = { WRT_I32 };
	static const struct wrt_functype i1_t = { 1, 1, i32, i32 };

	(void)arg;
	CHECK_EQ(wrt_imports_create(&imports), 0);
	wrt_imports_unknown(imports, WRT_UNKNOWN_DEFAULT);
	CHECK_EQ(wrt_imports_func(imports, "env", "cb", &i1_t, again, NULL),
	    0);
	up("typed", (struct wrt_pool_config){ .stack_bytes = 1 << 30 });
	ended(api_call(inst, "cb", 1, 0, 0, 0, NULL), "cb");
	down();
	return NULL;
}

/* The thread's stack is the one that ends. */
static void
nesting(void)
{
	pthread_attr_t a;
	pthread_t t;

	CHECK_EQ(pthread_attr_init(&a), 0);
	CHECK_EQ(pthread_attr_setstacksize(&a, 512 << 10), 0);
	CHECK_EQ(pthread_create(&t, &a, nest, NULL), 0);
	pthread_join(t, NULL);
}

static void
continuations_of_pool(void)
{
	ROWS(.max_continuations = 100);
	fits("continuations", 90, 42);
	ends("continuations", 20);
	fits("continuations", 90, 42);
	down();
}

static void
continuations_of_instance(void)
{
	ROWS(0);
	CHECK_EQ(wrt_cont_limit(inst, 100, 0), WRT_OK);
	CHECK_EQ(wrt_cont_limit(inst, 1000, 0), WRT_OK);	/* no higher */
	fits("continuations", 90, 42);
	ends("continuations", 20);
	fits("continuations", 90, 42);
	CHECK_EQ(wrt_cont_limit(NULL, 1, 1), WRT_EINVAL);
	down();
}

static void
stacks_of_pool(void)
{
	ROWS(.continuation_bytes = 10 << 18);
	fits("stacks", 9, 42);
	ends("stacks", 2);
	fits("stacks", 9, 42);
	down();
}

static void
stacks_of_instance(void)
{
	ROWS(0);
	CHECK_EQ(wrt_cont_limit(inst, 0, 10 << 18), WRT_OK);
	CHECK_EQ(wrt_cont_limit(inst, 0, 0), WRT_OK);
	fits("stacks", 9, 42);
	ends("stacks", 2);
	fits("stacks", 9, 42);
	down();
}

static void
wall_of_pool(void)
{
	ROWS(.call_wall_ns = 5 * MS);
	ends("spin", 0);
	down();
}

static void
wall_of_instance(void)
{
	ROWS(0);
	CHECK_EQ(wrt_instance_set_timeout(inst, 5 * MS, 0), 0);
	ends("spin", 0);
	down();
}

static void
cpu_of_pool(void)
{
	ROWS(.call_cpu_ns = 5 * MS);
	ends("spin", 0);
	down();
}

static void
cpu_of_instance(void)
{
	ROWS(0);
	CHECK_EQ(wrt_instance_set_timeout(inst, 0, 5 * MS), 0);
	ends("spin", 0);
	down();
}

static void
fuel_of_pool(void)
{
	ROWS(.fuel = 1000);
	fits("count", 10, 42);
	ends("count", 10000);
	fits("count", 10, 42);
	down();
}

static void
fuel_of_instance(void)
{
	ROWS(.fuel = INT64_MAX);
	fits("count", 10000, 42);
	CHECK_EQ(wrt_instance_set_fuel(inst, 1000), 0);
	ends("count", 10000);
	down();
}

static void *
kill_it(void *arg)
{
	while (wrt_instance_kill(arg, WRT_TRAP_INTERRUPT) != WRT_OK)
		usleep(100);
	return NULL;
}

static void
patience(void)
{
	pthread_t t;

	ROWS(0);
	CHECK_EQ(pthread_create(&t, NULL, kill_it, inst), 0);
	ended(api_call(inst, "spin", 1, 0, 0, 0, NULL), "spin");
	pthread_join(t, NULL);
	works();
	down();
}

/* ---- Rows ------------------------------------------------------------------ */

static const struct row {
	const char *limit;
	void (*pool)(void), (*own)(void);
} rows[] = {
	{ "instances", instances, NULL },
	{ "memories of an instance", memories, NULL },
	{ "size of a memory", memory_of_pool, memory_of_instance },
	{ "entries of a table", table_of_pool, table_of_instance },
	{ "collected heap", heap_of_pool, heap_of_instance },
	{ "exceptions that are referred to", exceptions, NULL },
	{ "guest stack", stack_of_pool, stack_of_instance },
	{ "calls from guest to host to guest", nesting, NULL },
	{ "continuations", continuations_of_pool, continuations_of_instance },
	{ "their stacks", stacks_of_pool, stacks_of_instance },
	{ "time by the clock, of a call", wall_of_pool, wall_of_instance },
	{ "CPU time of a call", cpu_of_pool, cpu_of_instance },
	{ "fuel", fuel_of_pool, fuel_of_instance },
	{ "the host's patience", NULL, patience },
};
enum { N = sizeof rows / sizeof *rows };

static const struct row *
row_of(const char *limit)
{
	for (int k = 0; k < N; k++)
		if (!strcmp(rows[k].limit, limit))
			return &rows[k];
	return NULL;
}

/* Every column that says where a limit is set has a test, and no other. */
TEST(every_row_has_its_tests)
{
	read_manual();
	for (int k = 0; k < nrows; k++) {
		char **c = manual[k].cell;
		const struct row *r = row_of(c[LIMIT]);

		if (!r)
			test_end('F', "no test for: %s", c[LIMIT]);
		if (!r->pool != !strcmp(c[POOL], "–") ||
		    !r->own != !strcmp(c[INSTANCE], "–"))
			test_end('F', "%s: tests and columns differ",
			    c[LIMIT]);
	}
	CHECK_EQ(nrows, N);
}

static void
run(bool own)
{
	NEEDS_SIGNALS();
	read_manual();
	for (int k = 0; k < nrows; k++) {
		const struct row *r = row_of(manual[k].cell[LIMIT]);

		result = manual[k].cell[RESULT];
		if (r && own && r->own)
			r->own();
		if (r && !own && r->pool)
			r->pool();
	}
}

TEST(limits_of_pools) { run(false); }
TEST(limits_of_instances) { run(true); }

TEST_MAIN
