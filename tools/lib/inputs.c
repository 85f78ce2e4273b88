/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * inputs.c: the modules that wasmc is given, and several of them as one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inputs.h"

static void *
must(void *p)
{
	if (!p) {
		perror("wasmc");
		exit(1);
	}
	return p;
}

/* The file's name without folders and .wasm. */
static char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t n = strlen(base);

	if (n > 5 && !strcmp(base + n - 5, ".wasm"))
		n -= 5;
	return must(strndup(base, n));
}

void
inputs_take(struct inputs *in, const struct input_file *f)
{
	in->f = must(realloc(in->f, (in->n + 1) * sizeof *in->f));
	in->f[in->n++] = *f;
}

void
inputs_add(struct inputs *in, const char *arg)
{
	const char *eq = strchr(arg, '=');
	struct input_file f = { .path = arg };

	if (eq && eq > arg && eq[1] && access(arg, F_OK) != 0) {
		f.name = must(strndup(arg, (size_t)(eq - arg)));
		f.path = eq + 1;
	} else {
		f.name = base_name(arg);
	}
	inputs_take(in, &f);
}

/* The whole file, or NULL with errno. */
static unsigned char *
slurp(const char *path, size_t *n)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	unsigned char *p = NULL;
	size_t room = 0, got;

	*n = 0;
	if (!f)
		return NULL;
	do {
		if (*n == room) {
			unsigned char *q = realloc(p, room = 2 * room + 65536);

			if (!q) {
				free(p);
				return NULL;
			}
			p = q;
		}
		errno = 0;
		got = fread(p + *n, 1, room - *n, f);
		*n += got;
	} while (got);
	if (ferror(f)) {
		free(p);
		p = NULL;
	}
	if (f != stdin) {
		int e = errno;

		fclose(f);
		errno = e;
	}
	return p;
}

/* A text module begins with white space, a comment or a parenthesis. */
static bool
is_text(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\t' ||
	    p[i] == '\r'))
		i++;
	return i < n && (p[i] == '(' || (p[i] == ';' && i + 1 < n &&
	    p[i + 1] == ';'));
}

const char *
inputs_read(struct inputs *in, size_t *which)
{
	for (size_t i = 0; i < in->n; i++) {
		struct input_file *f = &in->f[i];

		*which = i;
		f->p = slurp(f->path, &f->n);
		if (!f->p)
			return strerror(errno);
		if (is_text(f->p, f->n))
			return "this is the text format: assemble it first, "
			    "as with wat2wasm";
	}
	return NULL;
}

int
inputs_link(struct inputs *in, enum wasmc_link_exports exports,
    const struct wasmc_options *options, size_t *which,
    struct wasmc_error *err)
{
	struct wasmc_link_input *list = must(calloc(in->n, sizeof *list));
	void *out;
	size_t n;
	int rc;

	for (size_t i = 0; i < in->n; i++)
		list[i] = (struct wasmc_link_input){ in->f[i].p, in->f[i].n,
		    in->f[i].name };
	rc = wasmc_link(list, in->n, exports, options, &out, &n, which, err);
	free(list);
	if (rc == WASMC_OK) {
		free(in->f[0].p);
		in->f[0].p = out;
		in->f[0].n = n;
	}
	return rc;
}

char *
inputs_title(const struct inputs *in)
{
	size_t n = 1;
	char *s;

	for (size_t i = 0; i < in->n; i++)
		n += strlen(in->f[i].path) + 1;
	s = must(calloc(n, 1));
	for (size_t i = 0; i < in->n; i++) {
		if (i)
			strcat(s, "+");
		strcat(s, in->f[i].path);
	}
	return s;
}

void
inputs_free(struct inputs *in)
{
	for (size_t i = 0; i < in->n; i++) {
		free(in->f[i].name);
		free(in->f[i].p);
	}
	free(in->f);
	*in = (struct inputs){ 0 };
}
