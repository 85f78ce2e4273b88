/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * runtime.c: what the runtime's steps cost, beside wasmtime's.
 *
 *	make bench-runtime [ROUNDS=9] [BENCH='NAME...']
 *
 * Each row is done in turns by ours, by wasmtime, and by wasmtime with its
 * pool, each time in a child process of its own, so that neither the signal
 * handlers nor the memory of one are in the other's way.  docs/BENCH.md says
 * how to read it.
 */
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <wasmrt.h>

#include "runtime.h"
#include "wasmtime_api.h"

enum { NSECONDS = 120, MAX_ROUNDS = 100 };

struct row {
	const char *name, *unit;
	bench_step *ours, *theirs;
	long arg;
	double goal;			/* 0: none; as good as this */
	double times;			/* 0: none; so many times as good as
					 * wasmtime */
	int heavy;			/* one round only */
};

static double
absent(enum side side, long arg)
{
	return NAN;
}

#define STEP(step) .ours = ours_##step, .theirs = theirs_##step
#define OURS_ONLY(step) .ours = ours_##step, .theirs = absent
static const struct row rows[] = {
	{ "create, write 1 page, destroy", "ns", STEP(create_warm),
	    .arg = 1, .goal = 200, .times = 25 },
	{ "... 4 pages", "ns", STEP(create_warm), .arg = 4, .goal = 400 },
	{ "... 16 pages", "ns", STEP(create_warm), .arg = 16, .goal = 3000 },
	{ "dense, 1 page", "ns", STEP(dense_warm), .arg = 1, .goal = 200 },
	{ "dense, 4 pages", "ns", STEP(dense_warm), .arg = 4, .goal = 400 },
	{ "dense, 16 pages", "ns", STEP(dense_warm), .arg = 16, .goal = 3000 },
	{ "cold create, write 1 page, destroy", "ns", STEP(create_cold),
	    .arg = 1 },
	{ "... 4 pages, cold", "ns", STEP(create_cold), .arg = 4 },
	{ "... 16 pages, cold", "ns", STEP(create_cold), .arg = 16 },
	{ "cold, dense, 1 page", "ns", STEP(dense_cold), .arg = 1 },
	{ "cold, dense, 16 pages", "ns", STEP(dense_cold), .arg = 16 },
	{ "create 1 page, two threads / one", "x", STEP(threads),
	    .arg = 1, .goal = 1.7 },
	{ "create 16 pages, two threads / one", "x", STEP(threads),
	    .arg = 16, .goal = 1.7 },
	{ "call, write 1 page, reset", "ns", STEP(reset), .arg = 1 },
	{ "... 16 pages, reset", "ns", STEP(reset), .arg = 16 },
	{ "typed call in a session", "ns", STEP(call_session), .goal = 5 },
	{ "typed call", "ns", STEP(call_typed) },
	{ "untyped call", "ns", STEP(call_untyped) },
	{ "host call, typed", "ns", STEP(host_typed), .goal = 3 },
	{ "host call, untyped", "ns", STEP(host_untyped) },
	{ "call of a linked instance", "ns", STEP(linked) },
	{ "call of a service", "ns", OURS_ONLY(service), .goal = 100 },
	{ "yield and resume", "ns", STEP(yield) },
	{ "time slice and resume", "ns", STEP(slice) },
	{ "a bare fault and its signal", "ns", OURS_ONLY(fault) },
	{ "trap, software", "ns", STEP(trap),
	    .arg = TRAP_SOFTWARE, .goal = 2000 },
	{ "trap, memory", "ns", STEP(trap), .arg = TRAP_MEMORY, .goal = 2000 },
	{ "trap, stack", "ns", STEP(trap), .arg = TRAP_STACK },
	{ "kill to return, tight loop", "ns", STEP(kill) },
	{ "kill to return, WASI read", "ns", OURS_ONLY(kill_wasi) },
	{ "clone, write 1 page, close", "ns", OURS_ONLY(clone), .arg = 1 },
	{ "clone, write 16 pages, close", "ns", OURS_ONLY(clone), .arg = 16 },
	{ "fuel: calls", "%", STEP(fuel), .arg = FUEL_FIB },
	{ "fuel: loops", "%", STEP(fuel), .arg = FUEL_SIEVE },
	{ "idle instance, wide", "B", STEP(idle_bytes), .arg = IDLE_WIDE },
	{ "idle instance, dense", "B", STEP(idle_bytes),
	    .arg = IDLE_DENSE, .goal = 12288 },
	{ "live at once, of 100,000", "n", STEP(live_count),
	    .goal = 1e5, .heavy = 1 },
	{ "create one of them", "ns", STEP(live_create), .heavy = 1 },
	{ "call one of them, at random", "ns", STEP(live_call), .heavy = 1 },
	{ "QuickJS: open, start, evaluate", "us", STEP(start),
	    .arg = START_COLD },
	{ "... from its snapshot", "us", STEP(start), .arg = START_SNAPSHOT },
	{ "QuickJS: start again, evaluate", "us", STEP(start_again),
	    .arg = START_COLD },
	{ "... from its snapshot again", "us", STEP(start_again),
	    .arg = START_SNAPSHOT },
	{ "... from a clone", "us", .ours = ours_start_clone,
	    .theirs = theirs_start_again },
};
enum { NROWS = sizeof rows / sizeof *rows };

static const char *const side_names[] = {
	"ours", "wasmtime", "its pool", "and keep",
};

/* ---- What the steps use -------------------------------------------------- */

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bench-runtime: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	_exit(1);
}

void *
bench_file(const char *name, size_t *n)
{
	char path[256];
	FILE *f;
	void *p;

	snprintf(path, sizeof path, "build/bench/%s", name);
	f = fopen(path, "rb");
	p = malloc(1 << 20);
	if (!f || !p)
		die("%s cannot be read", path);
	*n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

int
bench_has(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "build/bench/%s", name);
	return access(path, R_OK) == 0;
}

static double
clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double
cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

double
wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

double
resident_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	double kb = 0;
	long v;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &v) == 1 ||
		    sscanf(line, "VmPTE: %ld", &v) == 1)
			kb += (double)v;
	if (f)
		fclose(f);
	return kb * 1024;
}

uint32_t *
shuffled(uint32_t n)
{
	uint32_t *p = malloc(n * sizeof *p + 1), x = 1;

	if (!p)
		die("out of memory");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k;

		x = x * 1664525 + 1013904223;
		k = (uint32_t)((uint64_t)x * (i + 1) >> 32);
		p[i] = p[k];
		p[k] = i;
	}
	return p;
}

double
least_ns(int n, void (*fn)(void *arg), void *arg)
{
	double least = INFINITY;

	while (n--) {
		double t = cpu_ns();

		fn(arg);
		t = cpu_ns() - t;
		least = t < least ? t : least;
	}
	return least;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
slice_ns(long (*fn)(void *arg, int sliced), void *arg)
{
	double cost[SLICE_PAIRS];
	size_t pairs = 0;

	fn(arg, 1);
	for (int k = 0; k < SLICE_PAIRS; k++) {
		double start = cpu_ns(), whole;
		long n;

		fn(arg, 0);
		whole = cpu_ns() - start;
		start = cpu_ns();
		n = fn(arg, 1);
		/* On a busy machine who asks for it may not get to it. */
		if (n >= 3)
			cost[pairs++] = (cpu_ns() - start - whole) / (double)n;
	}
	if (pairs < 5)
		die("only %zu runs were interrupted", pairs);
	qsort(cost, pairs, sizeof *cost, by_value);
	return cost[pairs / 2];
}

struct crew {
	void (*fn)(void *arg, long n);
	void *arg;
	long n;
	pthread_barrier_t start;
};

/* How long this thread has waited for a processor that others had. */
static double
waited_ns(void)
{
	FILE *f = fopen("/proc/thread-self/schedstat", "r");
	double ran, waited = 0;

	if (f && fscanf(f, "%lf %lf", &ran, &waited) != 2)
		waited = 0;
	if (f)
		fclose(f);
	return waited;
}

struct member {
	struct crew *crew;
	double ns;			/* out: without what it waited */
};

static void *
crew_member(void *p)
{
	struct member *m = p;
	struct crew *c = m->crew;
	double waited;

	c->fn(c->arg, c->n / 10);
	pthread_barrier_wait(&c->start);
	waited = waited_ns();
	m->ns = wall_ns();
	c->fn(c->arg, c->n);
	m->ns = wall_ns() - m->ns;
	m->ns -= waited_ns() - waited;
	return NULL;
}

/* Cycles a nanosecond of all threads together. */
static double
crew_rate(struct crew *c, unsigned nthreads)
{
	struct member m[2] = { { c, 0 }, { c, 0 } };
	pthread_t t[2];
	double rate = 0;

	pthread_barrier_init(&c->start, NULL, nthreads);
	for (unsigned i = 0; i < nthreads; i++)
		if (pthread_create(&t[i], NULL, crew_member, &m[i]) != 0)
			die("no thread");
	for (unsigned i = 0; i < nthreads; i++) {
		pthread_join(t[i], NULL);
		rate += (double)c->n / m[i].ns;
	}
	pthread_barrier_destroy(&c->start);
	return rate;
}

double
two_against_one(void (*fn)(void *arg, long n), void *arg, long n)
{
	struct crew c = { .fn = fn, .arg = arg, .n = n };
	double one = crew_rate(&c, 1);

	return crew_rate(&c, 2) / one;
}

/* ---- Rounds -------------------------------------------------------------- */

/* In the child: the figure goes through the pipe. */
static _Noreturn void
child(const struct row *r, enum side side, int fd)
{
	double v;

	alarm(NSECONDS);
	v = side == OURS ? r->ours(side, r->arg) : r->theirs(side, r->arg);
	_exit(write(fd, &v, sizeof v) == sizeof v ? 0 : 1);
}

/* NAN: there is no such thing; INFINITY: the child died. */
static double
measure(const struct row *r, enum side side)
{
	double v = INFINITY;
	int fds[2], status;
	pid_t pid;

	fflush(NULL);
	if (pipe2(fds, O_CLOEXEC) != 0)
		return INFINITY;
	pid = fork();
	if (pid == 0)
		child(r, side, fds[1]);
	close(fds[1]);
	if (pid < 0 || read(fds[0], &v, sizeof v) != sizeof v)
		v = INFINITY;
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return v;
}

struct figure {
	double best, median;
};

/* Of these units more is better. */
static int
more_is_better(const struct row *r)
{
	return r->unit[0] == 'x' || strcmp(r->unit, "n") == 0;
}

static struct figure
summary(const struct row *r, double *v, int n)
{
	struct figure f = { v[0], v[0] };

	for (int i = 0; i < n; i++)
		if (!isfinite(v[i]))
			return (struct figure){ v[i], v[i] };
	qsort(v, (size_t)n, sizeof *v, by_value);
	f.best = more_is_better(r) ? v[n - 1] : v[0];
	f.median = n & 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	return f;
}

static void
run_row(const struct row *r, int rounds, int sides, struct figure f[NSIDES])
{
	static double v[NSIDES][MAX_ROUNDS];

	if (r->heavy)
		rounds = 1;
	for (int k = 0; k < rounds; k++)
		for (int s = 0; s < sides; s++)
			/* What is not there once is never there. */
			v[s][k] = k && !isfinite(v[s][0]) ? v[s][0] :
			    measure(r, (enum side)s);
	for (int s = 0; s < NSIDES; s++)
		f[s] = s < sides ? summary(r, v[s], rounds) :
		    (struct figure){ NAN, NAN };
}

/* ---- The table ----------------------------------------------------------- */

static const char *
number(double v, char *buf, size_t n)
{
	if (isnan(v))
		return "absent";
	if (isinf(v))
		return "failed";
	snprintf(buf, n, v < 100 ? "%.2f" : "%.0f", v);
	return buf;
}

/* How many times as good ours is as the best of wasmtime's. */
static double
times(const struct row *r, const struct figure f[NSIDES])
{
	double best = NAN;

	for (int s = THEIRS; s < NSIDES; s++) {
		double v = f[s].best;

		if (isfinite(v) && (isnan(best) ||
		    (more_is_better(r) ? v > best : v < best)))
			best = v;
	}
	if (!isfinite(f[OURS].best) || r->unit[0] == '%')
		return NAN;
	return more_is_better(r) ? f[OURS].best / best : best / f[OURS].best;
}

/* "met" or "missed", by the best of the rounds; "" if there is no goal. */
static const char *
verdict(const struct row *r, double ours, double q)
{
	if (!r->goal && !r->times)
		return "";
	if (isnan(ours) || (r->times && isnan(q)))
		return "?";
	if (isinf(ours) || (r->times && q < r->times) || (r->goal &&
	    (more_is_better(r) ? ours < r->goal : ours > r->goal)))
		return "missed";
	return "met";
}

static const char *
goal_text(const struct row *r, char *buf, size_t n)
{
	int k = 0;

	buf[0] = 0;
	if (r->goal)
		k = snprintf(buf, n, "%.6g", r->goal);
	if (r->times)
		snprintf(buf + k, n - (size_t)k, ", %.3gx", r->times);
	return buf;
}

struct out {
	FILE *tsv, *md;
};

static void
print_row(const struct row *r, const struct figure f[NSIDES],
    const struct out *o)
{
	char buf[32], goal[32];
	double q = times(r, f);
	const char *met = verdict(r, f[OURS].best, q);

	goal_text(r, goal, sizeof goal);
	printf("%-35s %-2s", r->name, r->unit);
	fprintf(o->tsv, "%s\t%s", r->name, r->unit);
	fprintf(o->md, "| %s | %s |", r->name, r->unit);
	for (int s = 0; s < NSIDES; s++) {
		int there = isfinite(f[s].best);

		printf(" %9s", number(f[s].best, buf, sizeof buf));
		fprintf(o->md, " %s", there ? buf : "–");
		printf(" %9s", there ? number(f[s].median, buf, sizeof buf) :
		    "");
		fprintf(o->md, "%s%s |", there ? " / " : "", there ? buf : "");
		fprintf(o->tsv, "\t%.6g\t%.6g", f[s].best, f[s].median);
	}
	snprintf(buf, sizeof buf, isnan(q) ? "–" : "%.3g", q);
	printf(" %8s  %-8s %s\n", isnan(q) ? "-" : buf, goal, met);
	fprintf(o->md, " %s | %s%s%s |\n", buf, goal, *met ? " " : "", met);
	fprintf(o->tsv, "\t%.4g\t%s\t%s\n", q, goal, met);
	fflush(NULL);
}

static void
print_heads(const struct out *o)
{
	printf("%-38s", "");
	fprintf(o->tsv, "step\tunit");
	fprintf(o->md, "| | |");
	for (int s = 0; s < NSIDES; s++) {
		printf(" %9s    median", side_names[s]);
		fprintf(o->tsv, "\t%s\tmedian", side_names[s]);
		fprintf(o->md, " %s |", side_names[s]);
	}
	printf("    times  goal\n");
	fprintf(o->tsv, "\ttimes\tgoal\tmet\n");
	fprintf(o->md, " times | goal |\n|---|---|---|---|---|---|---|---|\n");
}

static void
print_machine(void)
{
	char line[256] = "", mode[40] = "?";
	struct utsname u;
	double load = 0;
	FILE *f = fopen("/proc/cpuinfo", "r");
	wrt_pool *pool;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "model name", 10) == 0)
			break;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = 0;
	uname(&u);
	getloadavg(&load, 1);
	if (wrt_pool_create(&pool, NULL, NULL) == WRT_OK) {
		snprintf(mode, sizeof mode, "%s", wrt_pool_memory_mode(pool));
		wrt_pool_destroy(pool);
	}
	printf("%ld CPUs%s; %s %s; load %.1f; memory by %s\n",
	    sysconf(_SC_NPROCESSORS_ONLN), strchr(line, ':') ?
	    strchr(line, ':') : "", u.sysname, u.release, load, mode);
}

static int
selected(const struct row *r, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strstr(r->name, argv[i]))
			return 1;
	return argc <= 2;
}

/* runtime ROUNDS [NAME...]: rows whose name contains one of the names */
int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5, sides = NSIDES;
	struct figure f[NSIDES];
	const char *why;
	struct out o = { fopen("build/bench/runtime.tsv", "w"),
		fopen("build/bench/runtime.md", "w") };

	if (rounds < 1 || rounds > MAX_ROUNDS || !o.tsv || !o.md) {
		fprintf(stderr, "usage: runtime ROUNDS [NAME...], where "
		    "build/bench is\n");
		return 2;
	}
	print_machine();
	why = wt_load();
	if (why) {
		printf("wasmtime: absent: %s\n", why);
		sides = 1;
	} else {
		printf("wasmtime %s; %d rounds\n", wt_version(), rounds);
	}
	print_heads(&o);
	for (int i = 0; i < NROWS; i++) {
		if (!selected(&rows[i], argc, argv))
			continue;
		run_row(&rows[i], rounds, sides, f);
		print_row(&rows[i], f, &o);
	}
	fclose(o.tsv);
	fclose(o.md);
	return 0;
}
