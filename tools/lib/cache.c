/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cache.c: open a file that is an artifact or a module to be compiled first.
 *
 * The cache is only as trustworthy as its folder: one that somebody else owns
 * or may write to is not used.  A file in it that does not load is made anew.
 * wasmc_compile() renames its finished output into place, so that two
 * processes that compile the same module do no harm to each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "progress.h"

struct input {
	const uint8_t *data;
	size_t n;
};

__attribute__((format(printf, 3, 4))) static int
fail(struct wrt_error *err, int status, const char *fmt, ...)
{
	va_list ap;

	err->status = status;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return status;
}

static int
map_file(const char *path, struct input *in, struct wrt_error *err)
{
	struct stat st;
	void *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = WRT_OK;

	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = fail(err, WRT_ELOAD, "%s", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		rc = fail(err, WRT_ELOAD, "not a regular file");
	} else if (st.st_size == 0) {
		rc = fail(err, WRT_ELOAD, "the file is empty");
	} else {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
		    0);
		if (p == MAP_FAILED) {
			rc = fail(err, WRT_ELOAD, "%s", strerror(errno));
		} else {
			in->data = p;
			in->n = (size_t)st.st_size;
		}
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool
is_wasm(const struct input *in)
{
	return in->n >= 4 && memcmp(in->data, "\0asm", 4) == 0;
}

/* A sentence for text formats, which are easily given by mistake. */
static bool
is_wat(const struct input *in)
{
	size_t i = 0;

	while (i < in->n && strchr(" \t\r\n", in->data[i]) && in->data[i])
		i++;
	return in->n - i > 2 && in->data[i] == '(' &&
	    (in->data[i + 1] == 'm' || in->data[i + 1] == ';');
}

/* Make the folder and those above it; true if it is ours alone. */
static bool
make_folder(char *path)
{
	struct stat st;

	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			*s = '/';
			return false;
		}
		*s = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return false;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
	    access(path, W_OK) == 0;
}

static bool
cache_folder(char *path, size_t size)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (xdg && *xdg == '/')
		n = snprintf(path, size, "%s/wasmc", xdg);
	else if (home && *home == '/')
		n = snprintf(path, size, "%s/.cache/wasmc", home);
	else
		return false;
	return n > 0 && (size_t)n < size && make_folder(path);
}

/* Name the artifact after all that shapes it. */
static bool
key_name(const struct input *in, const struct wasmc_options *options,
    char name[EVP_MAX_MD_SIZE * 2 + 4])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char key[1024];
	unsigned n = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = wasmc_options_key(options, key, sizeof key);
	const char *version = wasmc_version();
	bool ok = ctx && len < sizeof key &&
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	    EVP_DigestUpdate(ctx, version, strlen(version) + 1) &&
	    EVP_DigestUpdate(ctx, key, len + 1) &&
	    EVP_DigestUpdate(ctx, in->data, in->n) &&
	    EVP_DigestFinal_ex(ctx, md, &n);

	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; ok && i < n; i++)
		sprintf(name + 2 * i, "%02x", md[i]);
	if (ok)
		strcat(name, ".so");
	return ok;
}

static int
compile(const struct input *in, const char *name, const char *out,
    const struct wasmc_options *options, struct wrt_error *err)
{
	struct wasmc_options told = *options;
	struct wasmc_error cerr = { 0 };
	struct progress progress;
	int rc;

	progress_open(&progress, "wasmrun", &told);
	rc = wasmc_compile(in->data, in->n, name, out, &told, &cerr);
	progress_close(&progress);
	if (rc == WASMC_OK)
		return WRT_OK;
	return fail(err, WRT_ELOAD, "%.500s", cerr.text);
}

/* What has been compiled from `name`, under which it is spoken of. */
static int
open_artifact(wrt_module **out, const char *path, const char *name,
    struct wrt_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return fail(err, WRT_ELOAD, "%s: %s", path, strerror(errno));
	rc = wrt_module_open_fd(out, fd, name, err);
	close(fd);
	return rc;
}

/* Without a cache: a file that is gone once it is mapped. */
static int
open_uncached(wrt_module **out, const struct input *in, const char *name,
    const struct wasmc_options *options, struct wrt_error *err)
{
	const char *base = getenv("TMPDIR");
	char dir[PATH_MAX], path[PATH_MAX + 8];
	int rc;

	snprintf(dir, sizeof dir, "%s/wasmrun-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(dir))
		return fail(err, WRT_ESYS, "%s: %s", dir, strerror(errno));
	snprintf(path, sizeof path, "%s/a.so", dir);
	rc = compile(in, name, path, options, err);
	if (rc == WRT_OK)
		rc = open_artifact(out, path, name, err);
	unlink(path);
	rmdir(dir);
	return rc;
}

static int
open_wasm(wrt_module **out, const struct input *in, const char *name,
    const struct wasmc_options *options, bool use_cache, struct wrt_error *err)
{
	char dir[PATH_MAX], file[EVP_MAX_MD_SIZE * 2 + 4];
	char path[PATH_MAX + sizeof file + 1];
	int rc;

	if (!use_cache || !cache_folder(dir, sizeof dir) ||
	    !key_name(in, options, file))
		return open_uncached(out, in, name, options, err);
	snprintf(path, sizeof path, "%s/%s", dir, file);
	if (access(path, R_OK) == 0 &&
	    open_artifact(out, path, name, err) == WRT_OK)
		return WRT_OK;
	rc = compile(in, name, path, options, err);
	return rc == WRT_OK ? open_artifact(out, path, name, err) : rc;
}

int
cache_open(wrt_module **out, const char *path,
    const struct wasmc_options *options, bool use_cache,
    struct wrt_error *err)
{
	struct input in = { 0 };
	int rc = map_file(path, &in, err);

	if (rc != WRT_OK)
		return rc;
	if (is_wasm(&in))
		rc = open_wasm(out, &in, path, options, use_cache, err);
	else if (is_wat(&in))
		rc = fail(err, WRT_ELOAD, "this is WebAssembly text; "
		    "assemble it first, for example with wat2wasm");
	else
		rc = wrt_module_open(out, path, err);
	munmap((void *)in.data, in.n);
	return rc;
}
