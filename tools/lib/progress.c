/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * progress.c: one line on standard error, written over and over.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
show(void *data, const char *stage, uint64_t done, uint64_t total)
{
	struct progress *p = data;
	double s = now() - p->start;

	if (s < 2)
		return;
	if (total)
		fprintf(stderr, "\r\033[K%s: %s %llu of %llu, %.0f s",
		    p->tool, stage, (unsigned long long)done,
		    (unsigned long long)total, s);
	else
		fprintf(stderr, "\r\033[K%s: %s, %.0f s", p->tool, stage, s);
	p->shown = true;
}

void
progress_open(struct progress *p, const char *tool,
    struct wasmc_options *options)
{
	*p = (struct progress){ tool, now(), false };
	if (!isatty(2))
		return;
	options->progress = show;
	options->progress_data = p;
}

void
progress_close(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}
