/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * path.c: from a guest's path to an open file beneath a preopened directory.
 *
 * Everything rests on one promise, kept here and in walk.c: no string of the
 * guest's that contains a slash reaches a system call other than openat2 with
 * RESOLVE_BENEATH.  The kernel then sees to it that "..", absolute paths and
 * symlinks do not lead out, also while others rename directories.  Calls that
 * take a parent and a name get the parent as a descriptor opened this way and a
 * name without a slash that is not "." or "..".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wasi.h"

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool
utf8_valid(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned char b = s[i];
		unsigned len = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 :
		    b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
		unsigned char lo = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
		unsigned char hi = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;

		if (len == 0 || len > n - i)
			return false;
		for (unsigned k = 1; k < len; k++, lo = 0x80, hi = 0xbf)
			if (s[i + k] < lo || s[i + k] > hi)
				return false;
		i += len;
	}
	return true;
}

int
wasi_path_get(struct wasi_call *c, uint32_t ptr, uint32_t len, char *buf)
{
	int rc = wasi_guest_check(c, ptr, len, 1);

	if (rc)
		return rc;
	if ((rc = wasi_charge(c, len)))
		return rc;
	if (len >= WASI_MAX_PATH)
		return WASI_NAMETOOLONG;
	if ((rc = wasi_guest_read(c, ptr, buf, len, 1)))
		return rc;
	buf[len] = '\0';
	if (memchr(buf, '\0', len))
		return WASI_INVAL;
	if (!utf8_valid((unsigned char *)buf, len))
		return WASI_ILSEQ;
	if (len == 0)
		return WASI_NOENT;
	return buf[0] == '/' ? WASI_PERM : 0;
}

/* ---- openat2 ---------------------------------------------------------- */

static int
sys_openat2(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

bool
wasi_probe_openat2(void)
{
	int fd = sys_openat2(AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);

	if (fd < 0)
		return errno != ENOSYS && errno != EPERM;
	close(fd);
	return true;
}

int
wasi_open_beneath(struct wrt_wasi *w, int dirfd, const char *path, int flags,
    mode_t mode)
{
	int fd, again = 0;

	flags |= O_CLOEXEC;
	if (w->no_openat2)
		return wasi_walk_open(dirfd, path, flags, mode);
	/* EAGAIN: a ".." met a rename and the kernel could not be sure. */
	do
		fd = sys_openat2(dirfd, path, flags, mode);
	while (fd < 0 && (errno == EINTR ||
	    (errno == EAGAIN && again++ < 128)));
	return fd < 0 ? -errno : fd;
}

/* EXDEV is the resolver's word for a path that leads outside; a rename or link
 * between file systems is another EXDEV and does not come here. */
int
wasi_path_errno(int host_errno)
{
	return host_errno == EXDEV ? WASI_NOTCAPABLE : wasi_errno(host_errno);
}

int
wasi_open_temp(struct wasi_call *c, const struct wasi_fd *dir,
    const char *path, int flags, int *out)
{
	int fd = wasi_open_beneath(c->w, dir->host, path, flags, 0);

	if (fd < 0)
		return wasi_path_errno(-fd);
	wasi_temp_fd(c, fd);
	*out = fd;
	return 0;
}

/* ---- Parent and name -------------------------------------------------- */

int
wasi_split(struct wasi_call *c, const struct wasi_fd *dir, char *path,
    struct wasi_name *out)
{
	size_t len = strlen(path);
	struct wasi_name n = { .dirfd = -1 };
	char *slash;
	int rc;

	while (len > 1 && path[len - 1] == '/') {
		path[--len] = '\0';
		n.requires_dir = true;
	}
	slash = strrchr(path, '/');
	n.name = slash ? slash + 1 : path;
	n.dots = !strcmp(n.name, ".") ? 1 : !strcmp(n.name, "..") ? 2 : 0;
	if (n.dots) {
		/* The directory must exist and be inside; then the caller
		 * answers without a system call. */
		rc = wasi_open_temp(c, dir, path, O_PATH | O_DIRECTORY,
		    &n.dirfd);
	} else if (slash) {
		*slash = '\0';
		rc = wasi_open_temp(c, dir, path, O_PATH | O_DIRECTORY,
		    &n.dirfd);
	} else {
		n.dirfd = dir->host;
		rc = 0;
	}
	if (rc == 0)
		*out = n;
	return rc;
}
