/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * walk.c: openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS) without openat2, for
 * old kernels and for seccomp filters that do not know the call.
 *
 * Walks one component at a time.  Each is opened with O_PATH|O_NOFOLLOW and
 * looked at afterwards, so what was checked is what is used; symlinks are read
 * from that descriptor and put in front of the rest of the path.  The
 * directories on the way stay open on a stack, and ".." pops it: where a
 * directory is moved to meanwhile makes no difference.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wasi.h"

enum {
	WALK_MAX_LINKS = 40,		/* as the kernel's */
	WALK_MAX_RACES = 128,
	WALK_MAX_NAME = 255,
};

struct walk {
	int *dirs;			/* dirs[0] is the caller's */
	size_t ndirs, room;
	char rest[2 * WASI_MAX_PATH];	/* what is still to be walked */
	char *at;
	unsigned nlinks;
};

static int
walk_top(const struct walk *k)
{
	return k->dirs[k->ndirs - 1];
}

static int
walk_push(struct walk *k, int fd)
{
	if (k->ndirs == k->room) {
		size_t room = k->room ? k->room * 2 : 16;
		int *dirs = realloc(k->dirs, room * sizeof *dirs);

		if (!dirs)
			return -ENOMEM;
		k->dirs = dirs;
		k->room = room;
	}
	k->dirs[k->ndirs++] = fd;
	return 0;
}

static int
walk_pop(struct walk *k)
{
	if (k->ndirs == 1)
		return -EXDEV;
	close(k->dirs[--k->ndirs]);
	return 0;
}

static void
walk_end(struct walk *k)
{
	while (k->ndirs > 1)
		close(k->dirs[--k->ndirs]);
	free(k->dirs);
}

/* Put the target of the symlink `fd` in front of the rest. */
static int
walk_link(struct walk *k, int fd)
{
	char target[WASI_MAX_PATH];
	size_t rest = strlen(k->at);
	ssize_t n;

	if (++k->nlinks > WALK_MAX_LINKS)
		return -ELOOP;
	n = readlinkat(fd, "", target, sizeof target);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	if (target[0] == '/')
		return -EXDEV;
	if ((size_t)n == sizeof target || (size_t)n + rest >= sizeof k->rest)
		return -ENAMETOOLONG;
	memmove(k->rest + n, k->at, rest + 1);
	memcpy(k->rest, target, (size_t)n);
	k->at = k->rest;
	return 0;
}

/* Take the next component off the rest.  *slash: something, if only a slash,
 * follows; *last: no other component does. */
static int
walk_next(struct walk *k, char *name, bool *slash, bool *last)
{
	char *end = k->at + strcspn(k->at, "/");
	size_t n = (size_t)(end - k->at);

	if (n > WALK_MAX_NAME)
		return -ENAMETOOLONG;
	memcpy(name, k->at, n);
	name[n] = '\0';
	*slash = *end == '/';
	k->at = end;
	*last = end[strspn(end, "/")] == '\0';
	return 0;
}

/* The path ends in the directory on top of the stack. */
static int
walk_open_top(const struct walk *k, int flags)
{
	int fd;

	if (flags & O_CREAT)
		return flags & O_EXCL ? -EEXIST : -EISDIR;
	fd = openat(walk_top(k), ".", flags);
	return fd < 0 ? -errno : fd;
}

/* Open the last component, which was not a symlink when it was looked at:
 * should it have become one, that is -EAGAIN. */
static int
walk_open_last(const struct walk *k, const char *name, int flags, mode_t mode)
{
	struct stat st;
	int fd = openat(walk_top(k), name, flags | O_NOFOLLOW, mode);

	if (fd < 0)
		return errno == ELOOP ? -EAGAIN : -errno;
	/* O_PATH|O_NOFOLLOW opens a symlink itself. */
	if ((flags & O_PATH) && !(flags & O_NOFOLLOW) &&
	    fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
		close(fd);
		return -EAGAIN;
	}
	return fd;
}

/* What is it that the last component names, when it is a symlink and the call
 * is not to follow it? */
static int
walk_open_link(const struct walk *k, const char *name, int flags)
{
	int fd;

	if (flags & O_CREAT && flags & O_EXCL)
		return -EEXIST;
	fd = openat(walk_top(k), name, flags | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* One component.  A descriptor: the walk is over.  -EINPROGRESS: go on.  Any
 * other negative: the error. */
static int
walk_step(struct walk *k, int flags, mode_t mode)
{
	bool nofollow = flags & O_NOFOLLOW ||
	    (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	char name[WALK_MAX_NAME + 1];
	bool slash, last;
	struct stat st;
	int fd, rc = walk_next(k, name, &slash, &last);

	if (rc)
		return rc;
	if (!strcmp(name, ".") || !strcmp(name, "..")) {
		if (name[1])
			rc = walk_pop(k);
		if (rc == 0 && last)
			return walk_open_top(k, flags);
		return rc ? rc : -EINPROGRESS;
	}
	if (slash && last && flags & O_CREAT)
		return -EISDIR;		/* whatever it is, as the kernel */
	fd = openat(walk_top(k), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT || !last || !(flags & O_CREAT))
			return -errno;
		return walk_open_last(k, name, flags, mode);
	}
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (S_ISLNK(st.st_mode) && last && !slash && nofollow)
		rc = walk_open_link(k, name, flags);
	else if (S_ISLNK(st.st_mode))
		rc = (rc = walk_link(k, fd)) ? rc : -EINPROGRESS;
	else if ((slash || !last) && !S_ISDIR(st.st_mode))
		rc = -ENOTDIR;
	else if (S_ISDIR(st.st_mode) && (slash || !last)) {
		rc = walk_push(k, fd);
		if (rc == 0)
			return last ? walk_open_top(k, flags) : -EINPROGRESS;
	} else
		rc = walk_open_last(k, name, flags, mode);
	close(fd);
	return rc;
}

static int
walk_once(int dirfd, const char *path, int flags, mode_t mode)
{
	struct walk k = { .nlinks = 0 };
	int rc;

	if (path[0] == '/')
		return -EXDEV;
	if (strlen(path) >= WASI_MAX_PATH)
		return -ENAMETOOLONG;
	strcpy(k.rest, path);
	k.at = k.rest;
	rc = walk_push(&k, dirfd);
	if (rc == 0)
		do {
			k.at += strspn(k.at, "/");
			rc = walk_step(&k, flags, mode);
		} while (rc == -EINPROGRESS);
	walk_end(&k);
	return rc;
}

int
wasi_walk_open(int dirfd, const char *path, int flags, mode_t mode)
{
	int rc, again = 0;

	do
		rc = walk_once(dirfd, path, flags, mode);
	while (rc == -EINTR || (rc == -EAGAIN && again++ < WALK_MAX_RACES));
	return rc == -EAGAIN ? -ELOOP : rc;
}
