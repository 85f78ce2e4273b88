/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lifecycle.c: create, call, close, over and over.
 *
 *   lifecycle                times, with 0, 1, 4 and 16 pages written
 *   lifecycle -n CYCLES      that many, with memory and descriptors before and
 *                            after: both must be the same
 *   lifecycle -i INSTANCES   that many alive at once, each called once in random
 *                            order: what one takes
 *   -d dense slots, -m BYTES of memory per instance, -t THREADS
 */
#include <dirent.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wasmc.h"
#include "wasmrt.h"

/* (module
 *   (memory (export "mem") 1 64)
 *   (global (mut i32) (i32.const 5))
 *   (func (export "touch") (param i32) (result i32)	;; that many pages
 *     (local i32)
 *     (block (loop
 *       (br_if 1 (i32.ge_u (local.get 1) (local.get 0)))
 *       (i32.store8 (i32.shl (local.get 1) (i32.const 12)) (i32.const 1))
 *       (local.set 1 (i32.add (local.get 1) (i32.const 1)))
 *       (br 0)))
 *     (local.get 1))
 *   (data (i32.const 8) "image"))
 */
static const uint8_t wasm[] = {
	0, 'a', 's', 'm', 1, 0, 0, 0,
	1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f,
	3, 2, 1, 0,
	5, 4, 1, 1, 1, 64,
	6, 6, 1, 0x7f, 1, 0x41, 5, 0x0b,
	7, 15, 2, 3, 'm', 'e', 'm', 2, 0, 5, 't', 'o', 'u', 'c', 'h', 0, 0,
	10, 40, 1, 38, 1, 1, 0x7f,
	2, 0x40, 3, 0x40,
	0x20, 1, 0x20, 0, 0x4f, 0x0d, 1,
	0x20, 1, 0x41, 12, 0x74, 0x41, 1, 0x3a, 0, 0,
	0x20, 1, 0x41, 1, 0x6a, 0x21, 1,
	0x0c, 0,
	0x0b, 0x0b,
	0x20, 1, 0x0b,
	11, 11, 1, 0, 0x41, 8, 0x0b, 5, 'i', 'm', 'a', 'g', 'e',
};

static wrt_pool *pool;
static wrt_module *module;
static struct wrt_error err;

static void
die(const char *what)
{
	fprintf(stderr, "lifecycle: %s: %s\n", what, err.text);
	exit(1);
}

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long
status_kb(const char *file, const char *key)
{
	char line[256];
	FILE *f = fopen(file, "r");
	long kb = -1;

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)))
			kb = strtol(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static int
count_dir(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static int
count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void
load(int dense)
{
	char path[] = "/tmp/lifecycle-XXXXXX";
	struct wasmc_options o;
	struct wasmc_error ce;
	int fd = mkstemp(path);

	memset(&o, 0, sizeof o);
	o.opt_level = 2;
	o.bounds = dense ? WASMC_BOUNDS_EXPLICIT : WASMC_BOUNDS_GUARD;
	if (fd < 0 || wasmc_compile(wasm, sizeof wasm, "lifecycle", path, &o,
	    &ce) != WASMC_OK) {
		fprintf(stderr, "lifecycle: %s\n", ce.text);
		exit(1);
	}
	close(fd);
	if (wrt_module_open(&module, path, &err) != WRT_OK)
		die("module");
	unlink(path);
}

static wrt_instance *
create(void)
{
	wrt_instance *i;

	if (wrt_instance_create(&i, pool, module, NULL, &err) != WRT_OK)
		die("create");
	return i;
}

static void
touch(wrt_instance *i, int32_t pages)
{
	wrt_val v = { .i32 = pages }, r;

	if (wrt_instance_call(i, "touch", &v, 1, &r) != WRT_OK ||
	    r.i32 != pages)
		die("call");
}

static void
cycles(long n, int32_t pages)
{
	while (n--) {
		wrt_instance *i = create();

		touch(i, pages);
		wrt_instance_close(i);
	}
}

/* The best of many rounds, ns a cycle. */
static double
best(int32_t pages)
{
	enum { ROUNDS = 200, N = 500 };
	double min = 1e18;

	cycles(1000, pages);
	for (int k = 0; k < ROUNDS; k++) {
		double t = now_ns();

		cycles(N, pages);
		t = (now_ns() - t) / N;
		min = t < min ? t : min;
	}
	return min;
}

static pthread_barrier_t barrier;

struct racer {
	int32_t pages;
	double cpu_ns;			/* out: a cycle */
};

static void *
race(void *arg)
{
	enum { N = 300000 };
	struct racer *r = arg;
	struct timespec from, to;

	cycles(1000, r->pages);
	pthread_barrier_wait(&barrier);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	cycles(N, r->pages);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	r->cpu_ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 +
	    (double)(to.tv_nsec - from.tv_nsec)) / N;
	return NULL;
}

/* Cycles a nanosecond of so many threads at once, by the processor time that
 * each used: what else the machine does then matters less. */
static double
rate(int n, int32_t pages)
{
	double sum, most = 0;

	for (int round = 0; round < 5; round++) {
		struct racer r[64];
		pthread_t t[64];

		pthread_barrier_init(&barrier, NULL, (unsigned)n);
		for (int k = 0; k < n; k++) {
			r[k].pages = pages;
			pthread_create(&t[k], NULL, race, &r[k]);
		}
		sum = 0;
		for (int k = 0; k < n; k++) {
			pthread_join(t[k], NULL);
			sum += 1 / r[k].cpu_ns;
		}
		pthread_barrier_destroy(&barrier);
		most = sum > most ? sum : most;
	}
	return most;
}

static void
times(int threads)
{
	static const int32_t pages[] = { 0, 1, 4, 16 };

	printf("pages\tns\t%d threads against 1\n", threads);
	for (size_t k = 0; k < sizeof pages / sizeof *pages; k++) {
		double ns = best(pages[k]), one = rate(1, pages[k]);

		printf("%d\t%.0f\t%.2f\n", pages[k], ns,
		    rate(threads, pages[k]) / one);
	}
}

static void
tell(const char *when)
{
	printf("%s: %ld KB resident, %ld KB of page tables, %d mappings, "
	    "%d descriptors\n", when, status_kb("/proc/self/smaps_rollup",
	    "Rss:"), status_kb("/proc/self/status", "VmPTE:"), count_maps(),
	    count_dir("/proc/self/fd") - 3);
}

static void
many(long n)
{
	cycles(100000, 1);
	tell("before");
	for (long k = 0; k < 10; k++)
		cycles(n / 10, (int32_t)(k % 5));
	tell("after");
}

static void
idle(uint32_t n)
{
	wrt_instance **all = calloc(n, sizeof *all);
	long rss, pte;
	uint64_t x = 88172645463325252u;

	for (uint32_t k = 0; k < n; k++)
		all[k] = NULL;
	rss = status_kb("/proc/self/smaps_rollup", "Rss:");
	pte = status_kb("/proc/self/status", "VmPTE:");
	tell("before");
	for (uint32_t k = 0; k < n; k++)
		all[k] = create();
	tell("created");
	for (uint32_t k = n; k > 1; k--) {
		wrt_instance *t = all[k - 1];
		uint32_t j;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		j = (uint32_t)(x % k);
		all[k - 1] = all[j], all[j] = t;
	}
	for (uint32_t k = 0; k < n; k++)
		touch(all[k], 1);
	tell("called");
	printf("each: %.2f KB resident, %.2f KB of page tables\n",
	    (double)(status_kb("/proc/self/smaps_rollup", "Rss:") - rss) / n,
	    (double)(status_kb("/proc/self/status", "VmPTE:") - pte) / n);
	for (uint32_t k = 0; k < n; k++)
		wrt_instance_close(all[k]);
	free(all);
	tell("closed");
}

int
main(int argc, char **argv)
{
	struct wrt_pool_config c = { .max_instances = 1000, .max_memories = 1,
		.max_memory_bytes = 64 * 65536 };
	long n = 0, live = 0;
	int opt, dense = 0, threads = 2;

	while ((opt = getopt(argc, argv, "n:i:dm:t:")) != -1)
		switch (opt) {
		case 'n': n = atol(optarg); break;
		case 'i': live = atol(optarg); break;
		case 'd': dense = 1; break;
		case 'm': c.max_memory_bytes = strtoull(optarg, NULL, 0);
			break;
		case 't': threads = atoi(optarg); break;
		default: return 2;
		}
	if (threads < 1 || threads > 64)
		return 2;
	if (dense)
		c.flags = WRT_POOL_DENSE;
	if (live > 0)
		c.max_instances = (uint32_t)live;
	load(dense);
	if (wrt_pool_create(&pool, &c, &err) != WRT_OK)
		die("pool");
	printf("%s\n", wrt_pool_memory_mode(pool));
	if (n > 0)
		many(n);
	else if (live > 0)
		idle((uint32_t)live);
	else
		times(threads);
	wrt_pool_destroy(pool);
	wrt_module_close(module);
	return 0;
}
