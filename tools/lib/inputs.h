/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * inputs.h: the modules that wasmc is given, and several of them as one.
 */
#ifndef INPUTS_H
#define INPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "wasmc.h"

struct input_file {
	char *name;			/* under which others import from it */
	const char *path;
	unsigned char *p;
	size_t n;
};

struct inputs {
	struct input_file *f;
	size_t n;
};

/* Take FILE or NAME=FILE; without a name it is that of the file, without folder
 * and .wasm.  A file whose name holds '=' is recognised by being there. */
void inputs_add(struct inputs *, const char *arg);

/* Take one over from another list. */
void inputs_take(struct inputs *, const struct input_file *);

/* Read all.  NULL, or what is wrong with the input *which. */
const char *inputs_read(struct inputs *, size_t *which);

/* Make one module of them, in the place of the first.  Returns a wasmc_status;
 * *which as wasmc_link() says. */
int inputs_link(struct inputs *, enum wasmc_link_exports,
    const struct wasmc_options *, size_t *which, struct wasmc_error *);

/* What to call the module in debug information: "a.wasm", "a.wasm+b.wasm". */
char *inputs_title(const struct inputs *);

void inputs_free(struct inputs *);

#endif
