/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * output.c: files, anonymous and final.
 *
 * Everything on the way is in anonymous files, which are gone when the process
 * is.  The result is written without a name too where the file system allows
 * it, and gets its place by a rename, so that nothing half-written and hardly
 * ever anything else is left behind, whenever the process is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emit.h"

bool
write_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		ssize_t got = write(fd, s, n < 1u << 30 ? n : 1u << 30);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		s += got;
		n -= (size_t)got;
	}
	return true;
}

int
memory_file(const char *name, const void *p, size_t n)
{
	int low = memfd_create(name, MFD_CLOEXEC), fd;

	if (low < 0)
		return -1;
	/* Not one of the standard descriptors, should those be closed. */
	fd = fcntl(low, F_DUPFD_CLOEXEC, 10);
	close(low);
	if (fd >= 0 && !write_all(fd, p, n)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
read_file(int fd, struct buf *out)
{
	struct stat st;
	size_t at = 0;

	if (fstat(fd, &st))
		return -1;
	buf_room(out, (size_t)st.st_size);
	if (out->failed)
		return -1;
	while (at < out->n) {
		ssize_t got = pread(fd, out->p + at, out->n - at, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += (size_t)got;
	}
	return 0;
}

static mode_t
file_mode(bool program)
{
	mode_t mask = umask(0);

	umask(mask);
	return (program ? 0777 : 0666) & ~mask;
}

/* The folder that a path's last name is in. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A nameless file in that folder gets the name tmp. */
static int
write_nameless(const char *path, const char *tmp, const void *p, size_t n,
    mode_t mode)
{
	char *dir = folder_of(path), self[40];
	int fd = dir ? open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
	int rc = -1;

	free(dir);
	if (fd < 0)
		return 1;		/* the file system cannot */
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (write_all(fd, p, n) && fchmod(fd, mode) == 0)
		rc = linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW);
	if (rc && (errno == ENOENT || errno == EOPNOTSUPP))
		rc = 1;			/* no /proc */
	close(fd);
	return rc;
}

static int
write_named(const char *tmp, const void *p, size_t n, mode_t mode)
{
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good;
	int e;

	if (fd < 0)
		return -1;
	good = write_all(fd, p, n) && fchmod(fd, mode) == 0;
	e = errno;
	if (close(fd) == 0 && good)
		return 0;
	if (good)
		e = errno;
	unlink(tmp);
	errno = e;
	return -1;
}

static int
write_beside(const char *path, const void *p, size_t n, mode_t mode)
{
	static unsigned serial;
	char *tmp = NULL;
	int rc, e;

	if (asprintf(&tmp, "%s.%ld.%u.tmp", path, (long)getpid(),
	    __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED)) < 0)
		return -1;
	unlink(tmp);			/* of a process that is no more */
	rc = write_nameless(path, tmp, p, n, mode);
	if (rc == 1)
		rc = write_named(tmp, p, n, mode);
	if (rc == 0 && rename(tmp, path)) {
		e = errno;
		unlink(tmp);
		errno = e;
		rc = -1;
	}
	free(tmp);
	return rc;
}

/* Devices and pipes cannot be replaced. */
static int
write_in_place(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return -1;
	good = write_all(fd, p, n);
	return close(fd) == 0 && good ? 0 : -1;
}

int
output_write(const char *path, const void *p, size_t n, bool program,
    struct wasmc_error *err)
{
	char *real = realpath(path, NULL);	/* links stay links */
	const char *to = real ? real : path;
	struct stat st;
	int rc;

	if (stat(to, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR, rc = -1;
	else if (!strncmp(path, "/dev/", 5) ||
	    (stat(to, &st) == 0 && !S_ISREG(st.st_mode)))
		rc = write_in_place(to, p, n);
	else
		rc = write_beside(to, p, n, file_mode(program));
	if (rc)
		rc = back_fail(err, WASMC_EIO, "cannot write %s: %s", path,
		    strerror(errno));
	free(real);
	return rc;
}
