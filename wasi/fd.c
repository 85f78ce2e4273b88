/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fd.c: descriptors themselves: their state, numbers and position.  What goes
 * through them is io.c's, what they are is stat.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "wasi.h"

/* What a directory can do, and what can be done with what it opens.  The first
 * set is the one that C libraries and tests expect of a preopen; FD_WRITE is
 * not in it, or a guest that opens the directory once more would ask to open it
 * for writing. */
#define DIR_RIGHTS (WASI_R_PATH_CREATE_DIRECTORY | WASI_R_PATH_CREATE_FILE | \
	WASI_R_PATH_LINK_SOURCE | WASI_R_PATH_LINK_TARGET |		\
	WASI_R_PATH_OPEN | WASI_R_FD_READDIR | WASI_R_PATH_READLINK |	\
	WASI_R_PATH_RENAME_SOURCE | WASI_R_PATH_RENAME_TARGET |		\
	WASI_R_PATH_SYMLINK | WASI_R_PATH_REMOVE_DIRECTORY |		\
	WASI_R_PATH_UNLINK_FILE | WASI_R_PATH_FILESTAT_GET |		\
	WASI_R_PATH_FILESTAT_SET_TIMES | WASI_R_FD_FILESTAT_GET |	\
	WASI_R_FD_FILESTAT_SET_TIMES)
#define FILE_RIGHTS (WASI_R_FD_DATASYNC | WASI_R_FD_READ | WASI_R_FD_SEEK | \
	WASI_R_FD_FDSTAT_SET_FLAGS | WASI_R_FD_SYNC | WASI_R_FD_TELL |	\
	WASI_R_FD_WRITE | WASI_R_FD_ADVISE | WASI_R_FD_ALLOCATE |	\
	WASI_R_FD_FILESTAT_GET | WASI_R_FD_FILESTAT_SET_SIZE |		\
	WASI_R_FD_FILESTAT_SET_TIMES | WASI_R_POLL_FD_READWRITE)
/* No SEEK and TELL: C libraries take that for a terminal's mark. */
#define STREAM_RIGHTS (WASI_R_FD_READ | WASI_R_FD_WRITE |		\
	WASI_R_FD_FDSTAT_SET_FLAGS | WASI_R_FD_FILESTAT_GET |		\
	WASI_R_POLL_FD_READWRITE)
#define SOCKET_RIGHTS (STREAM_RIGHTS | WASI_R_SOCK_SHUTDOWN |		\
	WASI_R_SOCK_ACCEPT)

struct fdstat {
	uint8_t filetype, pad1;
	uint16_t flags;
	uint8_t pad2[4];
	uint64_t rights_base, rights_inheriting;
};
_Static_assert(sizeof(struct fdstat) == 24, "witx: fdstat");

static uint64_t
rights_of(const struct wasi_fd *f)
{
	uint64_t r = f->kind == WASI_DIR ? DIR_RIGHTS :
	    f->kind == WASI_FILE ? FILE_RIGHTS :
	    f->kind == WASI_SOCKET ? SOCKET_RIGHTS : STREAM_RIGHTS;

	if (!f->can_read)
		r &= ~(uint64_t)WASI_R_FD_READ;
	if (!f->can_write)
		r &= ~(uint64_t)WASI_R_FD_WRITE;
	return r;
}

static uint16_t
flags_of(const struct wasi_fd *f)
{
	int fl = fcntl(f->host, F_GETFL);
	uint16_t r = 0;

	if (f->kind == WASI_STDIO)
		return atomic_load(&f->nonblock) ? WASI_FDF_NONBLOCK : 0;
	if (fl < 0)
		return 0;
	if (fl & O_APPEND)
		r |= WASI_FDF_APPEND;
	if (fl & O_NONBLOCK)
		r |= WASI_FDF_NONBLOCK;
	if ((fl & O_SYNC) == O_SYNC)
		r |= WASI_FDF_SYNC;
	else if (fl & O_DSYNC)
		r |= WASI_FDF_DSYNC;
	return r;
}

int
wasi_fd_fdstat_get(struct wasi_call *c)
{
	struct fdstat s = { .filetype = 0 };
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	if (rc)
		return rc;
	s.filetype = f->filetype;
	s.flags = flags_of(f);
	s.rights_base = rights_of(f);
	if (f->kind == WASI_DIR)
		s.rights_inheriting = DIR_RIGHTS | FILE_RIGHTS;
	return wasi_guest_write(c, wasi_u32(c, 1), &s, sizeof s, 8);
}

int
wasi_fd_fdstat_set_flags(struct wasi_call *c)
{
	uint32_t flags = wasi_u32(c, 1);
	struct wasi_fd *f;
	int fl, rc = wasi_hold(c, 0, &f);

	if (rc)
		return rc;
	if (flags & ~(WASI_FDF_APPEND | WASI_FDF_NONBLOCK))
		return WASI_INVAL;
	if (f->kind == WASI_STDIO) {
		atomic_store(&f->nonblock, (flags & WASI_FDF_NONBLOCK) != 0);
		return 0;
	}
	fl = fcntl(f->host, F_GETFL);
	if (fl < 0)
		return wasi_errno(errno);
	fl &= ~(O_APPEND | O_NONBLOCK);
	if (flags & WASI_FDF_APPEND)
		fl |= O_APPEND;
	if (flags & WASI_FDF_NONBLOCK)
		fl |= O_NONBLOCK;
	return fcntl(f->host, F_SETFL, fl) < 0 ? wasi_errno(errno) : 0;
}

/* Rights are what a descriptor was opened with, and are not given up. */
int
wasi_fd_fdstat_set_rights(struct wasi_call *c)
{
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	return rc ? rc : WASI_NOTSUP;
}

int
wasi_fd_close(struct wasi_call *c)
{
	return wasi_table_close(&c->w->table, wasi_u32(c, 0));
}

int
wasi_fd_renumber(struct wasi_call *c)
{
	return wasi_table_renumber(&c->w->table, wasi_u32(c, 0),
	    wasi_u32(c, 1));
}

/* ---- Preopens --------------------------------------------------------- */

int
wasi_fd_prestat_get(struct wasi_call *c)
{
	struct { uint8_t tag, pad[3]; uint32_t name_len; } s = { .tag = 0 };
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	if (rc)
		return rc;
	if (!f->preopen)
		return WASI_BADF;
	s.name_len = (uint32_t)strlen(f->preopen);
	return wasi_guest_write(c, wasi_u32(c, 1), &s, sizeof s, 4);
}

int
wasi_fd_prestat_dir_name(struct wasi_call *c)
{
	uint32_t buf = wasi_u32(c, 1), len = wasi_u32(c, 2);
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);
	size_t n;

	if (rc)
		return rc;
	if (!f->preopen)
		return WASI_BADF;
	if ((rc = wasi_guest_check(c, buf, len, 1)))
		return rc;
	n = strlen(f->preopen);
	if (len < n)
		return WASI_NAMETOOLONG;
	return wasi_guest_write(c, buf, f->preopen, n, 1);
}

/* ---- Position --------------------------------------------------------- */

/* Only files have one; lseek() on a directory would succeed. */
static int
fd_lseek(struct wasi_call *c, const struct wasi_fd *f, int64_t offset,
    int whence, uint32_t out)
{
	off_t pos;
	int rc = wasi_guest_check(c, out, 8, 8);

	if (rc)
		return rc;
	if (f->kind == WASI_DIR)
		return WASI_BADF;
	if (f->kind != WASI_FILE)
		return WASI_SPIPE;
	pos = lseek(f->host, offset, whence);
	if (pos < 0)
		return wasi_errno(errno);
	return wasi_put_u64(c, out, (uint64_t)pos);
}

int
wasi_fd_seek(struct wasi_call *c)
{
	static const int order1[] = { SEEK_SET, SEEK_CUR, SEEK_END };
	static const int order0[] = { SEEK_CUR, SEEK_END, SEEK_SET };
	uint32_t whence = wasi_u32(c, 2);
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	if (rc)
		return rc;
	if (whence > 2)
		return WASI_INVAL;
	return fd_lseek(c, f, (int64_t)wasi_u64(c, 1),
	    (c->snapshot == WASI_P0 ? order0 : order1)[whence],
	    wasi_u32(c, 3));
}

int
wasi_fd_tell(struct wasi_call *c)
{
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	return rc ? rc : fd_lseek(c, f, 0, SEEK_CUR, wasi_u32(c, 1));
}

/* ---- Hints and guarantees --------------------------------------------- */

int
wasi_fd_advise(struct wasi_call *c)
{
	static const int advice[] = {
		POSIX_FADV_NORMAL, POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
		POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE,
	};
	uint64_t offset = wasi_u64(c, 1), len = wasi_u64(c, 2);
	uint32_t kind = wasi_u32(c, 3);
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	if (rc)
		return rc;
	if (kind >= sizeof advice / sizeof *advice || offset > INT64_MAX ||
	    len > INT64_MAX)
		return WASI_INVAL;
	if (f->kind != WASI_FILE)
		return WASI_BADF;
	return wasi_errno(posix_fadvise(f->host, (off_t)offset, (off_t)len,
	    advice[kind]));
}

int
wasi_fd_allocate(struct wasi_call *c)
{
	uint64_t offset = wasi_u64(c, 1), len = wasi_u64(c, 2);
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	if (rc)
		return rc;
	if (f->kind != WASI_FILE)
		return WASI_BADF;
	if (f->read_only)
		return WASI_PERM;
	if (!f->can_write)
		return WASI_BADF;
	if (offset > INT64_MAX || len > INT64_MAX)
		return WASI_INVAL;
	/* Not posix_fallocate(): where the file system cannot do it, the C
	 * library would write to every block instead. */
	rc = fallocate(f->host, 0, (off_t)offset, (off_t)len);
	return rc < 0 ? wasi_errno(errno) : 0;
}

static int
fd_flush(struct wasi_call *c, int (*flush)(int))
{
	struct wasi_fd *f;
	int rc = wasi_hold(c, 0, &f);

	if (rc)
		return rc;
	/* Standard output may be a file, too. */
	if (f->kind != WASI_FILE && !f->regular)
		return WASI_BADF;
	return flush(f->host) < 0 ? wasi_errno(errno) : 0;
}

int
wasi_fd_sync(struct wasi_call *c)
{
	return fd_flush(c, fsync);
}

int
wasi_fd_datasync(struct wasi_call *c)
{
	return fd_flush(c, fdatasync);
}
