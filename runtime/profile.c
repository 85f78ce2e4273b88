/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * profile.c: what a module that counts has counted, written to a file.
 *
 * The counters are a memory of the guest's that it exports, with the head of
 * the file before them; see docs/PROFILES.md.  The guest's code does not reach
 * it but for counting, and yet nothing here depends on what is in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt.h"
#include "verify.h"

static const char export_name[] = "wasmc.profile";

/* FNV-1a, as compiler/profile.c reads it. */
static uint64_t
sum_of(const uint8_t *p, uint64_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (uint64_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

/* Beside the file, then renamed: what reads it sees a whole one. */
static int
write_file(const char *path, const uint8_t *p, uint64_t n,
    struct wrt_error *err)
{
	uint64_t sum = sum_of(p, n);
	char beside[4096];
	bool good;
	int fd;

	if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >=
	    sizeof beside)
		return wrt__fail(err, WRT_EINVAL, "the path is too long");
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return wrt__fail(err, WRT_EINVAL, "%s: %s", path,
		    strerror(errno));
	good = wrt__write_all(fd, p, n) &&
	    wrt__write_all(fd, &sum, sizeof sum) && fchmod(fd, 0644) == 0;
	good = close(fd) == 0 && good && rename(beside, path) == 0;
	if (good)
		return WRT_OK;
	wrt__fail(err, WRT_EINVAL, "%s: %s", path, strerror(errno));
	unlink(beside);
	return WRT_EINVAL;
}

int
wrt_instance_profile_write(wrt_instance *i, const char *path,
    struct wrt_error *err)
{
	uint8_t head[24];
	wrt_memory *m;
	uint64_t n;
	uint8_t *p;

	if (!i || !path)
		return wrt__fail(err, WRT_EINVAL, "an argument is NULL");
	if (wrt_instance_memory(i, export_name, sizeof export_name - 1, &m) !=
	    WRT_OK || wrt_memory_read(m, 0, head, sizeof head) != WRT_OK)
		return wrt__fail(err, WRT_ENOTFOUND, "it counts nothing: it "
		    "was not compiled with --profile-generate");
	memcpy(&n, head + 16, sizeof n);
	p = wrt_memory_at(m, 0, n);
	if (!p)
		return wrt__fail(err, WRT_ESTATE, "its counters are damaged");
	return write_file(path, p, n, err);
}
