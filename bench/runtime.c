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
#include <poll.h>
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
	int heavy;			/* one round only */
};

#define STEP(step) ours_##step, theirs_##step
static const struct row rows[] = {
	{ "create, write 1 page, destroy", "ns", STEP(create_warm), 1, 0 },
	{ "... 4 pages", "ns", STEP(create_warm), 4, 0 },
	{ "... 16 pages", "ns", STEP(create_warm), 16, 0 },
	{ "cold create, write 1 page, destroy", "ns", STEP(create_cold), 1, 0 },
	{ "... 4 pages, cold", "ns", STEP(create_cold), 4, 0 },
	{ "... 16 pages, cold", "ns", STEP(create_cold), 16, 0 },
	{ "create 1 page, two threads / one", "x", STEP(threads), 1, 0 },
	{ "create 16 pages, two threads / one", "x", STEP(threads), 16, 0 },
	{ "call, write 1 page, reset", "ns", STEP(reset), 1, 0 },
	{ "... 16 pages, reset", "ns", STEP(reset), 16, 0 },
	{ "typed call in a session", "ns", STEP(call_session), 0, 0 },
	{ "typed call", "ns", STEP(call_typed), 0, 0 },
	{ "untyped call", "ns", STEP(call_untyped), 0, 0 },
	{ "host call, typed", "ns", STEP(host_typed), 0, 0 },
	{ "host call, untyped", "ns", STEP(host_untyped), 0, 0 },
	{ "yield and resume", "ns", STEP(yield), 0, 0 },
	{ "trap, software", "ns", STEP(trap), TRAP_SOFTWARE, 0 },
	{ "trap, memory", "ns", STEP(trap), TRAP_MEMORY, 0 },
	{ "trap, stack", "ns", STEP(trap), TRAP_STACK, 0 },
	{ "call of another instance", "ns", STEP(service), 0, 0 },
	{ "kill to return", "ns", STEP(kill), 0, 0 },
	{ "idle instance, wide", "B", STEP(idle_bytes), IDLE_WIDE, 0 },
	{ "idle instance, dense", "B", STEP(idle_bytes), IDLE_DENSE, 0 },
	{ "live at once, of 100,000", "n", STEP(live_count), 0, 1 },
	{ "create one of them", "ns", STEP(live_create), 0, 1 },
	{ "call one of them, at random", "ns", STEP(live_call), 0, 1 },
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

struct crew {
	void (*fn)(void *arg, long n);
	void *arg;
	long n;
	pthread_barrier_t start;
};

static void *
crew_member(void *p)
{
	struct crew *c = p;

	c->fn(c->arg, c->n / 10);
	pthread_barrier_wait(&c->start);
	c->fn(c->arg, c->n);
	return NULL;
}

/* Wall time in which nthreads did n each. */
static double
crew_run(struct crew *c, unsigned nthreads)
{
	pthread_t t[2];
	double start;

	pthread_barrier_init(&c->start, NULL, nthreads + 1);
	for (unsigned i = 0; i < nthreads; i++)
		if (pthread_create(&t[i], NULL, crew_member, c) != 0)
			die("no thread");
	pthread_barrier_wait(&c->start);
	start = wall_ns();
	for (unsigned i = 0; i < nthreads; i++)
		pthread_join(t[i], NULL);
	return wall_ns() - start;
}

double
two_against_one(void (*fn)(void *arg, long n), void *arg, long n)
{
	struct crew c = { .fn = fn, .arg = arg, .n = n };
	double one = crew_run(&c, 1);

	return 2 * one / crew_run(&c, 2);
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

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

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

/* Ours divided by the best of wasmtime's. */
static double
ratio(const struct row *r, const struct figure f[NSIDES])
{
	double best = NAN;

	for (int s = THEIRS; s < NSIDES; s++) {
		double v = f[s].best;

		if (isfinite(v) && (isnan(best) ||
		    (more_is_better(r) ? v > best : v < best)))
			best = v;
	}
	return isfinite(f[OURS].best) ? f[OURS].best / best : NAN;
}

static void
print_row(const struct row *r, const struct figure f[NSIDES], FILE *tsv)
{
	char buf[32];
	double q = ratio(r, f);

	printf("%-35s %-2s", r->name, r->unit);
	fprintf(tsv, "%s\t%s", r->name, r->unit);
	for (int s = 0; s < NSIDES; s++) {
		printf(" %9s", number(f[s].best, buf, sizeof buf));
		printf(" %9s", isfinite(f[s].best) ?
		    number(f[s].median, buf, sizeof buf) : "");
		fprintf(tsv, "\t%.4g\t%.4g", f[s].best, f[s].median);
	}
	if (isnan(q))
		printf("        -\n");
	else
		printf(" %8.3g\n", q);
	fprintf(tsv, "\t%.4g\n", q);
	fflush(stdout);
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
	FILE *tsv = fopen("build/bench/runtime.tsv", "w");

	if (rounds < 1 || rounds > MAX_ROUNDS || !tsv) {
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
	printf("%-38s", "");
	fprintf(tsv, "step\tunit");
	for (int s = 0; s < NSIDES; s++) {
		printf(" %9s    median", side_names[s]);
		fprintf(tsv, "\t%s\tmedian", side_names[s]);
	}
	printf("    ratio\n");
	fprintf(tsv, "\tratio\n");
	for (int i = 0; i < NROWS; i++) {
		if (!selected(&rows[i], argc, argv))
			continue;
		run_row(&rows[i], rounds, sides, f);
		print_row(&rows[i], f, tsv);
	}
	fclose(tsv);
	return 0;
}
