/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * spec.h: the parts of spectest, which runs the converted test suite of the
 * specification.
 *
 *   tools/spectest.c     options, one process per file, the report
 *   spec_commands.c      the commands of one file
 *   spec_values.c        arguments and expected results
 *   spec_host.c          the module "spectest" that tests import
 */
#ifndef SPEC_H
#define SPEC_H

#include <jansson.h>
#include <stdbool.h>

#include "wasmc.h"
#include "wasmrt.h"

struct spec_options {
	struct wasmc_options compile;
	bool verbose;			/* differing error texts, skips */
	bool strict;			/* nothing is skipped */
	uint32_t pool;			/* WRT_POOL_PLAIN, _DENSE or 0 */
	bool relink;			/* every module is linked with
					 * another one first */
};

/* What came of a file.  It lies in memory shared with the parent process, so
 * that a crash leaves what was known. */
struct spec_report {
	unsigned passed, failed, skipped;
	unsigned texts_differ;		/* advisory */
	int line;			/* of the command at work; 0: none */
	bool done;
	char reason[200];		/* of the first skip */
	char failure[300];		/* the first */
};

/* Run all commands of the file `path`, writing artifacts to the folder `tmp`,
 * and what failed to stdout. */
void spec_run_file(const char *path, const char *tmp,
    const struct spec_options *options, struct spec_report *report);

/* Read an argument into *out; false if its type is not known. */
bool spec_value(const json_t *json, wrt_val *out);
/* Does a result of inst, of type `type`, match what is expected?  If not, why says what
 * was expected and what came. */
bool spec_match(const json_t *expected, wrt_instance *inst, uint8_t type,
    const wrt_val *val, char *why, size_t size);

/* Define the module "spectest" in the list, afresh. */
int spec_host(wrt_imports *imports, wrt_pool *pool, struct wrt_error *err);

#endif
