/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * path_ops.c: opening files, and everything that changes a directory.
 *
 * Changes are made to (parent, name) from wasi_split(): the name has no slash,
 * and none of the calls used here follows a symlink in it.  Slashes after the
 * name are remembered as "must be a directory" and answered here, since for
 * such names systems differ and the rules do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wasi.h"

static int
result(int rc)
{
	return rc < 0 ? wasi_errno(errno) : 0;
}

/* ---- path_open -------------------------------------------------------- */

struct request {
	uint32_t lookup, oflags, fdflags;
	uint64_t rights;
};

static int
open_flags(const struct request *q, bool read_only, int *out)
{
	bool write = q->rights & WASI_R_FD_WRITE;
	int flags = !write ? O_RDONLY :
	    q->rights & WASI_R_FD_READ ? O_RDWR : O_WRONLY;

	if (q->lookup & ~WASI_LOOKUP_FOLLOW || q->oflags & ~WASI_O_ALL ||
	    q->fdflags & ~WASI_FDF_ALL)
		return WASI_INVAL;
	/* Kernels before 6.4 make a file of CREAT|DIRECTORY. */
	if (q->oflags & WASI_O_DIRECTORY && q->oflags & ~WASI_O_DIRECTORY)
		return WASI_INVAL;
	if (read_only && (write || q->oflags & (WASI_O_CREAT | WASI_O_TRUNC)))
		return WASI_PERM;
	if (!(q->lookup & WASI_LOOKUP_FOLLOW))
		flags |= O_NOFOLLOW;
	if (q->oflags & WASI_O_CREAT)
		flags |= q->oflags & WASI_O_EXCL ? O_CREAT | O_EXCL : O_CREAT;
	if (q->oflags & WASI_O_DIRECTORY)
		flags |= O_DIRECTORY;
	if (q->oflags & WASI_O_TRUNC)
		flags |= O_TRUNC;
	if (q->fdflags & WASI_FDF_APPEND)
		flags |= O_APPEND;
	if (q->fdflags & WASI_FDF_DSYNC)
		flags |= O_DSYNC;
	if (q->fdflags & (WASI_FDF_SYNC | WASI_FDF_RSYNC))
		flags |= O_SYNC;
	*out = flags;
	return 0;
}

/* Make the open host file a descriptor for the guest; takes host over. */
static int
open_adopt(const struct wasi_fd *dir, const struct request *q, int host,
    int flags, struct wasi_fd **out)
{
	struct wasi_fd *f = NULL;
	struct stat st;

	/* Files were opened with O_NONBLOCK so that a FIFO or a device does
	 * not hold up the host.  F_SETFL leaves O_SYNC as it is. */
	if (fstat(host, &st) < 0 ||
	    (!(q->fdflags & WASI_FDF_NONBLOCK) &&
	    fcntl(host, F_SETFL, flags & O_APPEND) < 0)) {
		int rc = wasi_errno(errno);

		close(host);
		return rc;
	}
	f = wasi_fd_new(host, S_ISDIR(st.st_mode) ? WASI_DIR : WASI_FILE,
	    wasi_filetype_of(st.st_mode));
	if (!f) {
		close(host);
		return WASI_NOMEM;
	}
	f->regular = S_ISREG(st.st_mode);
	f->can_read = (flags & O_ACCMODE) != O_WRONLY;
	f->can_write = (flags & O_ACCMODE) != O_RDONLY;
	f->read_only = dir->read_only;
	*out = f;
	return 0;
}

static int
open_in(struct wasi_call *c, const struct wasi_fd *dir, const char *path,
    const struct request *q, int flags, struct wasi_fd **out)
{
	int host = wasi_open_beneath(c->w, dir->host, path,
	    flags | O_NONBLOCK | O_NOCTTY, 0666);
	if (host < 0)
		return wasi_path_errno(-host);
	return open_adopt(dir, q, host, flags, out);
}

/* fd, dirflags, path, len, oflags, rights, inheriting, fdflags, out.  The
 * number is taken before the file is opened: a full table creates nothing. */
int
wasi_path_open(struct wasi_call *c)
{
	struct request q = { wasi_u32(c, 1), wasi_u32(c, 4), wasi_u32(c, 7),
			     wasi_u64(c, 5) };
	char path[WASI_MAX_PATH];
	struct wasi_fd *dir, *f;
	uint32_t number;
	int flags, rc;

	if ((rc = wasi_hold_dir(c, 0, &dir)) ||
	    (rc = wasi_guest_check(c, wasi_u32(c, 8), 4, 4)) ||
	    (rc = open_flags(&q, dir->read_only, &flags)) ||
	    (rc = wasi_path_get(c, wasi_u32(c, 2), wasi_u32(c, 3), path)) ||
	    (rc = wasi_table_reserve(&c->w->table, &number)))
		return rc;
	rc = open_in(c, dir, path, &q, flags, &f);
	if (rc) {
		wasi_table_unreserve(&c->w->table, number);
		return rc;
	}
	wasi_table_fill(&c->w->table, number, f);
	return wasi_put_u32(c, wasi_u32(c, 8), number);
}

/* ---- Changes to directories ------------------------------------------- */

/* The path in arguments ptr, ptr+1, split, in a directory that may be changed.
 * buf has room for WASI_MAX_PATH and holds the name. */
static int
name_get(struct wasi_call *c, struct wasi_fd *dir, unsigned ptr, char *buf,
    struct wasi_name *out)
{
	int rc = wasi_path_get(c, wasi_u32(c, ptr), wasi_u32(c, ptr + 1), buf);

	if (rc)
		return rc;
	return dir->read_only ? WASI_PERM : wasi_split(c, dir, buf, out);
}

static int
name_stat(const struct wasi_name *n, struct stat *st)
{
	return result(fstatat(n->dirfd, n->name, st, AT_SYMLINK_NOFOLLOW));
}

/* Nothing but mkdir and rename can make a name that ends in a slash: what is
 * there decides how it fails. */
static int
name_slash_error(const struct wasi_name *n, int if_dir)
{
	struct stat st;
	int rc = name_stat(n, &st);

	return rc ? rc : S_ISDIR(st.st_mode) ? if_dir : WASI_NOTDIR;
}

int
wasi_path_create_directory(struct wasi_call *c)
{
	char buf[WASI_MAX_PATH];
	struct wasi_fd *dir;
	struct wasi_name n;
	int rc;

	if ((rc = wasi_hold_dir(c, 0, &dir)) ||
	    (rc = name_get(c, dir, 1, buf, &n)))
		return rc;
	return n.dots ? WASI_EXIST : result(mkdirat(n.dirfd, n.name, 0777));
}

int
wasi_path_remove_directory(struct wasi_call *c)
{
	char buf[WASI_MAX_PATH];
	struct wasi_fd *dir;
	struct wasi_name n;
	int rc;

	if ((rc = wasi_hold_dir(c, 0, &dir)) ||
	    (rc = name_get(c, dir, 1, buf, &n)))
		return rc;
	if (n.dots)
		return n.dots == 1 ? WASI_INVAL : WASI_NOTEMPTY;
	return result(unlinkat(n.dirfd, n.name, AT_REMOVEDIR));
}

int
wasi_path_unlink_file(struct wasi_call *c)
{
	char buf[WASI_MAX_PATH];
	struct wasi_fd *dir;
	struct wasi_name n;
	int rc;

	if ((rc = wasi_hold_dir(c, 0, &dir)) ||
	    (rc = name_get(c, dir, 1, buf, &n)))
		return rc;
	if (n.dots)
		return WASI_ISDIR;
	if (n.requires_dir)
		return name_slash_error(&n, WASI_ISDIR);
	return result(unlinkat(n.dirfd, n.name, 0));
}

/* old_fd, old, len, new_fd, new, len. */
int
wasi_path_rename(struct wasi_call *c)
{
	char old_buf[WASI_MAX_PATH], new_buf[WASI_MAX_PATH];
	struct wasi_fd *old_dir, *new_dir;
	struct wasi_name old, new;
	struct stat st;
	int rc;

	if ((rc = wasi_hold_dir(c, 0, &old_dir)) ||
	    (rc = wasi_hold_dir(c, 3, &new_dir)) ||
	    (rc = name_get(c, old_dir, 1, old_buf, &old)) ||
	    (rc = name_get(c, new_dir, 4, new_buf, &new)))
		return rc;
	if (old.dots || new.dots)
		return WASI_BUSY;
	if (old.requires_dir || new.requires_dir) {
		if ((rc = name_stat(&old, &st)))
			return rc;
		if (!S_ISDIR(st.st_mode))
			return WASI_NOTDIR;
	}
	return result(renameat(old.dirfd, old.name, new.dirfd, new.name));
}

/* old_fd, flags, old, len, new_fd, new, len. */
int
wasi_path_link(struct wasi_call *c)
{
	char old_buf[WASI_MAX_PATH], new_buf[WASI_MAX_PATH];
	struct wasi_fd *old_dir, *new_dir;
	struct wasi_name old, new;
	int rc;

	if ((rc = wasi_hold_dir(c, 0, &old_dir)) ||
	    (rc = wasi_hold_dir(c, 4, &new_dir)))
		return rc;
	/* A hard link to what a symlink names: not served. */
	if (wasi_u32(c, 1) != 0)
		return WASI_INVAL;
	if ((rc = name_get(c, old_dir, 2, old_buf, &old)) ||
	    (rc = name_get(c, new_dir, 5, new_buf, &new)))
		return rc;
	if (old.dots)
		return WASI_PERM;
	if (old.requires_dir)
		return name_slash_error(&old, WASI_PERM);
	if (new.dots)
		return WASI_EXIST;
	if (new.requires_dir)
		return name_slash_error(&new, WASI_EXIST);
	return result(linkat(old.dirfd, old.name, new.dirfd, new.name, 0));
}

/* target, len, fd, path, len.  A target may dangle or climb: it is followed
 * only beneath some directory.  An absolute one would mean something else to
 * the host's other programs. */
int
wasi_path_symlink(struct wasi_call *c)
{
	char target[WASI_MAX_PATH], buf[WASI_MAX_PATH];
	struct wasi_fd *dir;
	struct wasi_name n;
	int rc;

	if ((rc = wasi_hold_dir(c, 2, &dir)) ||
	    (rc = wasi_path_get(c, wasi_u32(c, 0), wasi_u32(c, 1), target)) ||
	    (rc = name_get(c, dir, 3, buf, &n)))
		return rc;
	if (n.dots)
		return WASI_EXIST;
	if (n.requires_dir)
		return name_slash_error(&n, WASI_EXIST);
	return result(symlinkat(target, n.dirfd, n.name));
}

/* fd, path, len, buf, len, used.  A long target is cut without a word; what it
 * does not fill of the buffer stays as it was. */
int
wasi_path_readlink(struct wasi_call *c)
{
	uint32_t addr = wasi_u32(c, 3), len = wasi_u32(c, 4);
	char path[WASI_MAX_PATH], target[WASI_MAX_PATH];
	struct wasi_fd *dir;
	struct stat st;
	ssize_t n;
	int fd, rc;

	if ((rc = wasi_hold_dir(c, 0, &dir)) ||
	    (rc = wasi_guest_check(c, addr, len, 1)) ||
	    (rc = wasi_guest_check(c, wasi_u32(c, 5), 4, 4)) ||
	    (rc = wasi_path_get(c, wasi_u32(c, 1), wasi_u32(c, 2), path)) ||
	    (rc = wasi_open_temp(c, dir, path, O_PATH | O_NOFOLLOW, &fd)))
		return rc;
	if (fstat(fd, &st) < 0)
		return wasi_errno(errno);
	if (!S_ISLNK(st.st_mode))
		return WASI_INVAL;
	n = readlinkat(fd, "", target, sizeof target);
	if (n < 0)
		return wasi_errno(errno);
	if (n > 0 && target[0] == '/')
		return WASI_PERM;	/* tells of the host's tree */
	if ((uint32_t)n > len)
		n = len;
	if ((rc = wasi_guest_write(c, addr, target, (uint64_t)n, 1)))
		return rc;
	return wasi_put_u32(c, wasi_u32(c, 5), (uint32_t)n);
}
