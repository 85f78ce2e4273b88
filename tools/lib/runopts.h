/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* runopts.h: wasmrun's command line. */
#ifndef RUNOPTS_H
#define RUNOPTS_H

#include <stdbool.h>

#include "wasmc.h"
#include "wasmrt_wasi.h"

#define EXIT_LOAD	1
#define EXIT_USAGE	2
#define EXIT_TIMEOUT	124
#define EXIT_TRAP	134		/* as a shell says it of SIGABRT */

struct preload {
	const char *name, *file;
};

struct runopts {
	struct wasmc_options compile;
	struct wrt_wasi_dir *dirs;
	size_t ndirs;
	const char **env;
	size_t nenv;
	struct preload *preloads;
	size_t npreloads;
	int *listen;
	size_t nlisten;
	const char *invoke, *argv0, *file, *coredump, *profile;
	bool stats, prometheus;
	const char *snapshot_func, *output;
	bool snapshot, keep_init;
	/* 0: default, none */
	uint64_t stack_bytes, memory_bytes, table_entries, heap_bytes;
	uint64_t timeout_ns, cpu_ns;
	enum wrt_unknown unknown;
	uint64_t fuel;			/* if has_fuel */
	bool json, no_cache, has_fuel;
	char **args;			/* the guest's, without argv[0] */
	size_t nargs;
};

/* Read the command line.  Ends the process for --help, --version and for what
 * is wrong. */
void runopts_parse(struct runopts *o, int argc, char **argv);
void runopts_free(struct runopts *o);

__attribute__((noreturn, format(printf, 1, 2))) void
runopts_usage(const char *fmt, ...);

#endif
