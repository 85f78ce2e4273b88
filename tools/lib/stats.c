/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * stats.c: the counters of a run, a line each.
 */
#include <inttypes.h>

#include "stats.h"

static int
write_to(void *f, const char *text, size_t n)
{
	return fwrite(text, 1, n, f) == n ? 0 : -1;
}

void
stats_print(FILE *f, wrt_pool *pool, const char *cpu, bool prometheus)
{
	struct wrt_stats s;

	if (prometheus) {
		wrt_pool_prometheus(pool, NULL, write_to, f);
		return;
	}
	if (wrt_pool_stats(pool, &s, sizeof s) != WRT_OK)
		return;
	const struct {
		const char *what;
		uint64_t n;
	} rows[] = {
		{ "instances created", s.created },
		{ "calls", s.calls },
		{ "calls ended by a trap", s.ended_by_trap },
		{ "page faults served", s.page_faults },
		{ "memory.grow", s.memory_grows },
		{ "fuel used", s.fuel_used },
		{ "memory bytes", s.resident_bytes },
	};

	fputs("Statistics:\n", f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		fprintf(f, "  %-22s %12" PRIu64 "\n", rows[i].what, rows[i].n);
	fprintf(f, "  %-22s %12.6f\n", "CPU seconds", (double)s.cpu_ns / 1e9);
	fprintf(f, "  %-22s %12s\n", "code for", cpu);
}
