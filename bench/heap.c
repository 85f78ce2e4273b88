/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * heap.c: the collected heap beside wasmtime's.
 *
 *	make bench-gc [ROUNDS=5] [OBJECTS=10000000]
 *
 * A heap of so many living objects, in which as many new ones are made as
 * there are, of which 0, 10 or 90 of 100 replace an old one.  Both sides are
 * called for 1000 allocations at a time and measured from outside, by the
 * thread's CPU time, in turns and in a child process each.  A pause is a call
 * that took half a millisecond more than the median one.
 */
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <wasmrt.h>

#include "wasmtime_api.h"

enum { BATCH = 1000, MAX_ROUNDS = 25 };
#define PAUSE_NS 500000.0

static int objects = 10000000;

static _Noreturn void __attribute__((format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bench-gc: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	_exit(1);
}

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- The sides ----------------------------------------------------------- */

struct heap {
	int32_t (*call)(struct heap *, const char *name, int32_t a, int32_t b);
	void (*collect)(struct heap *);
	wrt_instance *ours;
	wt_context *ctx;
	struct wt_instance theirs;
};

static int32_t
our_call(struct heap *h, const char *name, int32_t a, int32_t b)
{
	wrt_val v[2] = { { .i32 = a }, { .i32 = b } };
	size_t n = strcmp(name, "churn") ? 1 : 2;
	struct wrt_trap t;

	if (wrt_instance_call(h->ours, name, v, n, v) != WRT_OK)
		die("%s: %s", name, wrt_trap_get(h->ours, &t) == WRT_OK ?
		    t.text : "failed");
	return v[0].i32;
}

static void
our_collect(struct heap *h)
{
	if (wrt_gc(h->ours) != WRT_OK)
		die("no collection");
}

static struct heap
our_heap(void)
{
	struct heap h = { .call = our_call, .collect = our_collect };
	const struct wrt_pool_config c = { .max_instances = 1,
		.gc_heap_bytes = 3ull << 30 };
	struct wrt_error err;
	wrt_module *m;
	wrt_pool *p;

	if (wrt_pool_create(&p, &c, &err) != WRT_OK ||
	    wrt_module_open(&m, "build/bench/heap_guest.so", &err) != WRT_OK ||
	    wrt_instance_create(&h.ours, p, m, NULL, &err) != WRT_OK)
		die("%s", err.text);
	return h;
}

static void
check(wt_error *err, const wt_trap *trap, const char *what)
{
	struct wt_vec text = { 0 };

	if (err)
		wt.wasmtime_error_message(err, &text);
	else if (trap)
		wt.wasm_trap_message(trap, &text);
	else
		return;
	die("wasmtime: %s: %.*s", what, (int)text.n, (char *)text.data);
}

static int32_t
their_call(struct heap *h, const char *name, int32_t a, int32_t b)
{
	union wt_raw v[2] = { { .i32 = a }, { .i32 = b } };
	struct wt_extern ext;
	wt_trap *trap = NULL;

	if (!wt.wasmtime_instance_export_get(h->ctx, &h->theirs, name,
	    strlen(name), &ext))
		die("wasmtime: no export %s", name);
	check(wt.wasmtime_func_call_unchecked(h->ctx, &ext.of.func, v, 2,
	    &trap), trap, name);
	return v[0].i32;
}

static void
their_collect(struct heap *h)
{
	check(wt.wasmtime_context_gc(h->ctx), NULL, "gc");
}

static void *
read_whole(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	void *p = malloc(1 << 16);

	if (!f || !p)
		die("%s cannot be read", path);
	*n = fread(p, 1, 1 << 16, f);
	fclose(f);
	return p;
}

static struct heap
their_heap(void)
{
	struct heap h = { .call = their_call, .collect = their_collect };
	wt_config *c = wt.wasm_config_new();
	wt_trap *trap = NULL;
	wt_engine *engine;
	wt_linker *linker;
	wt_module *m;
	size_t n;
	void *wasm = read_whole("build/bench/heap_guest.wasm", &n);

	wt.wasmtime_config_wasm_function_references_set(c, true);
	wt.wasmtime_config_wasm_gc_set(c, true);
	engine = wt.wasm_engine_new_with_config(c);
	check(wt.wasmtime_module_new(engine, wasm, n, &m), NULL, "compile");
	linker = wt.wasmtime_linker_new(engine);
	h.ctx = wt.wasmtime_store_context(wt.wasmtime_store_new(engine, NULL,
	    NULL));
	check(wt.wasmtime_linker_instantiate(linker, h.ctx, m, &h.theirs,
	    &trap), trap, "instantiate");
	return h;
}

/* ---- What is measured ---------------------------------------------------- */

enum figure { FILL_NS, ALLOC_NS, PAUSES, MEAN_MS, MAX_MS, COLLECT_MS, PEAK_MB,
	      NFIGURES };
static const char *const names[NFIGURES] = {
	"ns an object, filling", "ns an allocation", "pauses", "mean, ms",
	"longest, ms", "collection asked for, ms", "peak, MB",
};

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ns is sorted. */
static void
find_pauses(const double *ns, int n, double *f)
{
	double typical = ns[n / 2], sum = 0;
	int k = n;

	while (k && ns[k - 1] > typical + PAUSE_NS)
		sum += ns[--k] - typical;
	f[PAUSES] = n - k;
	f[MEAN_MS] = k < n ? sum / (n - k) / 1e6 : 0;
	f[MAX_MS] = k < n ? (ns[n - 1] - typical) / 1e6 : 0;
}

static void
run(struct heap *h, int percent, double *f)
{
	int n = objects / BATCH;
	double *ns = calloc((size_t)n, sizeof *ns), start = cpu_ns(), sum = 0;
	struct rusage u;

	if (!ns || h->call(h, "fill", objects, 0) != objects)
		die("not filled");
	f[FILL_NS] = (cpu_ns() - start) / objects;
	for (int k = 0; k < n; k++) {
		start = cpu_ns();
		h->call(h, "churn", BATCH, percent);
		ns[k] = cpu_ns() - start;
		sum += ns[k];
	}
	f[ALLOC_NS] = sum / ((double)n * BATCH);
	qsort(ns, (size_t)n, sizeof *ns, by_value);
	find_pauses(ns, n, f);
	start = cpu_ns();
	h->collect(h);
	f[COLLECT_MS] = (cpu_ns() - start) / 1e6;
	getrusage(RUSAGE_SELF, &u);
	f[PEAK_MB] = (double)u.ru_maxrss / 1024;
}

/* In a child; false: it said why. */
static int
measure(int theirs, int percent, double *f)
{
	int fds[2], ok;
	pid_t pid;

	fflush(NULL);
	if (pipe2(fds, O_CLOEXEC) != 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		struct heap h = theirs ? their_heap() : our_heap();

		alarm(600);
		run(&h, percent, f);
		_exit(write(fds[1], f, NFIGURES * sizeof *f) < 0);
	}
	close(fds[1]);
	ok = pid > 0 && read(fds[0], f, NFIGURES * sizeof *f) ==
	    (ssize_t)(NFIGURES * sizeof *f);
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return ok;
}

static double v[2][NFIGURES][MAX_ROUNDS];

static void
print(int percent, int sides, int rounds, FILE *tsv)
{
	for (int k = 0; k < NFIGURES; k++) {
		printf("%3d %%  %-26s", percent, names[k]);
		fprintf(tsv, "%d\t%s", percent, names[k]);
		for (int s = 0; s < sides; s++) {
			double *x = v[s][k];

			qsort(x, (size_t)rounds, sizeof *x, by_value);
			printf(" %9.4g %9.4g", x[0], x[rounds / 2]);
			fprintf(tsv, "\t%.4g\t%.4g", x[0], x[rounds / 2]);
		}
		printf("\n");
		fprintf(tsv, "\n");
	}
}

/* heap ROUNDS [OBJECTS] */
int
main(int argc, char **argv)
{
	static const int percents[] = { 0, 10, 90 };
	int rounds = argc > 1 ? atoi(argv[1]) : 5, sides = 2;
	FILE *tsv = fopen("build/bench/heap.tsv", "w");
	const char *why = wt_load();

	if (argc > 2)
		objects = atoi(argv[2]);
	if (rounds < 1 || rounds > MAX_ROUNDS || objects < BATCH || !tsv)
		return 2;
	if (why)
		printf("wasmtime: absent: %s\n", why);
	printf("%d objects; wasmtime %s with its default collector; "
	    "%d rounds\n", objects, wt_version(), rounds);
	printf("%-33s %9s    median %9s    median\n", "survive", "ours",
	    "wasmtime");
	if (why)
		sides = 1;
	for (size_t p = 0; p < 3; p++) {
		for (int k = 0; k < rounds; k++)
			for (int s = 0; s < sides; s++) {
				double f[NFIGURES];

				if (!measure(s, percents[p], f))
					for (int j = 0; j < NFIGURES; j++)
						f[j] = NAN;
				for (int j = 0; j < NFIGURES; j++)
					v[s][j][k] = f[j];
			}
		print(percents[p], sides, rounds, tsv);
		fflush(stdout);
	}
	fclose(tsv);
	return 0;
}
