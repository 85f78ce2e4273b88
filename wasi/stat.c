/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * stat.c: what is known about files, in WASI's words, and times.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wasi.h"

/* Preview 1's layout; preview 0 has a 32-bit link count. */
struct filestat1 {
	uint64_t dev, ino;
	uint8_t filetype, pad[7];
	uint64_t nlink, size, atim, mtim, ctim;
};
struct filestat0 {
	uint64_t dev, ino;
	uint8_t filetype, pad[3];
	uint32_t nlink;
	uint64_t size, atim, mtim, ctim;
};
_Static_assert(sizeof(struct filestat1) == 64, "witx: filestat");
_Static_assert(sizeof(struct filestat0) == 56, "witx: filestat, preview 0");

enum { FST_ATIM = 1, FST_ATIM_NOW = 2, FST_MTIM = 4, FST_MTIM_NOW = 8 };

uint8_t
wasi_filetype_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:	return WASI_FT_REGULAR;
	case S_IFDIR:	return WASI_FT_DIR;
	case S_IFLNK:	return WASI_FT_SYMLINK;
	case S_IFCHR:	return WASI_FT_CHAR;
	case S_IFBLK:	return WASI_FT_BLOCK;
	case S_IFSOCK:	return WASI_FT_STREAM;
	default:	return WASI_FT_UNKNOWN;
	}
}

/* A bijection of 64-bit numbers (the finalizer of splitmix64), so that what
 * was unique stays unique. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t
hash_dev(const struct stat *st)
{
	return mix((uint64_t)st->st_dev + 0x9e3779b97f4a7c15);
}

uint64_t
wasi_hash_ino(const struct stat *st)
{
	return mix((uint64_t)st->st_ino ^ hash_dev(st));
}

/* Times before 1970 and after 2554 are shown as the nearest that a guest can
 * understand. */
static uint64_t
saturated_ns(const struct timespec *ts)
{
	uint64_t sec = (uint64_t)ts->tv_sec, ns;

	if (ts->tv_sec < 0)
		return 0;
	if (__builtin_mul_overflow(sec, 1000000000u, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)ts->tv_nsec, &ns))
		return UINT64_MAX;
	return ns;
}

int
wasi_check_filestat(struct wasi_call *c, uint32_t addr)
{
	return wasi_guest_check(c, addr, c->snapshot == WASI_P0 ?
	    sizeof(struct filestat0) : sizeof(struct filestat1), 8);
}

int
wasi_put_filestat(struct wasi_call *c, uint32_t addr, const struct stat *st)
{
	struct filestat1 f = {
		.dev = hash_dev(st),
		.ino = wasi_hash_ino(st),
		.filetype = wasi_filetype_of(st->st_mode),
		.nlink = st->st_nlink,
		.size = (uint64_t)st->st_size,
		.atim = saturated_ns(&st->st_atim),
		.mtim = saturated_ns(&st->st_mtim),
		.ctim = saturated_ns(&st->st_ctim),
	};
	struct filestat0 old = {
		.dev = f.dev, .ino = f.ino, .filetype = f.filetype,
		.nlink = f.nlink > UINT32_MAX ? UINT32_MAX :
		    (uint32_t)f.nlink,
		.size = f.size, .atim = f.atim, .mtim = f.mtim,
		.ctim = f.ctim,
	};

	if (c->snapshot == WASI_P0)
		return wasi_guest_write(c, addr, &old, sizeof old, 8);
	return wasi_guest_write(c, addr, &f, sizeof f, 8);
}

int
wasi_get_times(uint64_t atim, uint64_t mtim, uint32_t flags,
    struct timespec ts[2])
{
	const uint64_t ns[2] = { atim, mtim };

	if (flags > (FST_ATIM | FST_ATIM_NOW | FST_MTIM | FST_MTIM_NOW))
		return WASI_INVAL;
	for (int i = 0; i < 2; i++) {
		bool set = flags & (i ? FST_MTIM : FST_ATIM);
		bool now = flags & (i ? FST_MTIM_NOW : FST_ATIM_NOW);

		if (set && now)
			return WASI_INVAL;
		ts[i].tv_sec = set ? (time_t)(ns[i] / 1000000000) : 0;
		ts[i].tv_nsec = set ? (long)(ns[i] % 1000000000) :
		    now ? UTIME_NOW : UTIME_OMIT;
	}
	return 0;
}

int
wasi_fd_filestat_get(struct wasi_call *c)
{
	uint32_t out = wasi_u32(c, 1);
	struct wasi_fd *f;
	struct stat st;
	int rc;

	if ((rc = wasi_hold(c, 0, &f)) || (rc = wasi_check_filestat(c, out)))
		return rc;
	if (f->kind == WASI_STDIO) {
		/* Nothing about the host's files but the kind. */
		char zero[sizeof(struct filestat1)] = { 0 };

		zero[offsetof(struct filestat1, filetype)] = (char)f->filetype;
		return wasi_guest_write(c, out, zero, c->snapshot == WASI_P0 ?
		    sizeof(struct filestat0) : sizeof zero, 8);
	}
	if (fstat(f->host, &st) < 0)
		return wasi_errno(errno);
	return wasi_put_filestat(c, out, &st);
}

int
wasi_fd_filestat_set_size(struct wasi_call *c)
{
	uint64_t size = wasi_u64(c, 1);
	struct wasi_fd *f;
	int rc;

	if ((rc = wasi_hold(c, 0, &f)))
		return rc;
	if (f->kind != WASI_FILE)
		return WASI_BADF;
	if (f->read_only)
		return WASI_PERM;
	if (!f->can_write || size > INT64_MAX)
		return WASI_INVAL;
	do
		rc = ftruncate(f->host, (off_t)size);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? wasi_errno(errno) : 0;
}

int
wasi_fd_filestat_set_times(struct wasi_call *c)
{
	struct timespec ts[2];
	struct wasi_fd *f;
	int rc;

	if ((rc = wasi_hold(c, 0, &f)) || (rc = wasi_get_times(wasi_u64(c, 1),
	    wasi_u64(c, 2), wasi_u32(c, 3), ts)))
		return rc;
	if (f->kind != WASI_FILE && f->kind != WASI_DIR)
		return WASI_BADF;
	if (f->read_only)
		return WASI_PERM;
	return futimens(f->host, ts) < 0 ? wasi_errno(errno) : 0;
}

int
wasi_path_filestat_get(struct wasi_call *c)
{
	uint32_t flags = wasi_u32(c, 1), out = wasi_u32(c, 4);
	char path[WASI_MAX_PATH];
	struct wasi_fd *dir;
	struct stat st;
	int rc, fd;

	if ((rc = wasi_hold_dir(c, 0, &dir)) ||
	    (rc = wasi_check_filestat(c, out)) ||
	    (rc = wasi_path_get(c, wasi_u32(c, 2), wasi_u32(c, 3), path)))
		return rc;
	if (flags & ~WASI_LOOKUP_FOLLOW)
		return WASI_INVAL;
	rc = wasi_open_temp(c, dir, path, flags & WASI_LOOKUP_FOLLOW ?
	    O_PATH : O_PATH | O_NOFOLLOW, &fd);
	if (rc)
		return rc;
	if (fstatat(fd, "", &st, AT_EMPTY_PATH) < 0)
		return wasi_errno(errno);
	return wasi_put_filestat(c, out, &st);
}

int
wasi_path_filestat_set_times(struct wasi_call *c)
{
	uint32_t flags = wasi_u32(c, 1);
	char path[WASI_MAX_PATH];
	struct timespec ts[2];
	struct wasi_fd *dir;
	int rc, fd;

	if ((rc = wasi_hold_dir(c, 0, &dir)) ||
	    (rc = wasi_path_get(c, wasi_u32(c, 2), wasi_u32(c, 3), path)) ||
	    (rc = wasi_get_times(wasi_u64(c, 4), wasi_u64(c, 5),
	    wasi_u32(c, 6), ts)))
		return rc;
	if (flags & ~WASI_LOOKUP_FOLLOW)
		return WASI_INVAL;
	if (dir->read_only)
		return WASI_PERM;
	rc = wasi_open_temp(c, dir, path, flags & WASI_LOOKUP_FOLLOW ?
	    O_PATH : O_PATH | O_NOFOLLOW, &fd);
	if (rc)
		return rc;
	return utimensat(fd, "", ts, AT_EMPTY_PATH) < 0 ?
	    wasi_errno(errno) : 0;
}
