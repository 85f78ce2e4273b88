/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasmtime_api.c: find and load wasmtime's library. */
#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmtime_api.h"

#define SITE	"build/venv/lib/python3*/site-packages/"

struct wt_api wt;

static char version[32];

/* The one file that a pattern matches, or NULL. */
static char *
glob_one(const char *pattern)
{
	glob_t g;
	char *path = NULL;

	if (glob(pattern, 0, NULL, &g) == 0)
		path = strdup(g.gl_pathv[0]);
	globfree(&g);
	return path;
}

/* The library does not tell its version; the package's folder does. */
static const char *
check_version(void)
{
	static char why[80];
	char *dist = glob_one(SITE "wasmtime-*.dist-info");
	int major = 0;

	if (!dist)
		return "the Python package wasmtime is not in build/venv";
	if (sscanf(strrchr(dist, '/'), "/wasmtime-%31[0-9.]", version) == 1) {
		size_t n = strlen(version);

		if (n && version[n - 1] == '.')
			version[n - 1] = 0;
		major = atoi(version);
	}
	free(dist);
	if (major == WT_VERSION)
		return NULL;
	snprintf(why, sizeof why, "wasmtime %s, but bench/ knows version %d",
	    version, WT_VERSION);
	return why;
}

static const char *
load_symbols(void *lib)
{
	static char why[120];

#define X(result, name, params)						\
	*(void **)&wt.name = dlsym(lib, #name);				\
	if (!wt.name) {							\
		snprintf(why, sizeof why, "no %s in the library", #name); \
		return why;						\
	}
	WT_FUNCTIONS(X)
#undef X
	return NULL;
}

const char *
wt_load(void)
{
	static const char *why = "";
	char *path = getenv("WASMTIME_LIB");
	void *lib;

	if (!why || *why)
		return why;
	if (path) {
		path = strdup(path);
	} else {
		why = check_version();
		if (why)
			return why;
		path = glob_one(SITE "wasmtime/linux-*/_libwasmtime.so");
	}
	lib = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	free(path);
	why = lib ? load_symbols(lib) : "wasmtime's library cannot be loaded";
	return why;
}

const char *
wt_version(void)
{
	return version;
}
