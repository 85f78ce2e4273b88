/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dir.c: reading directories.
 *
 * Reading from cookie 0 takes a snapshot of the names; a cookie is a position
 * in it, so positions stay good while entries come and go, and a guest may
 * delete what it reads.  "." and ".." are made up and come first; ".." shows
 * the directory's own inode, since what is above is none of the guest's
 * business.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wasi.h"

struct entry {
	size_t name;			/* offset in names */
	uint64_t ino;			/* the host's, should stat fail */
	uint8_t type;			/* DT_* */
};

struct wasi_dirlist {
	_Atomic uint64_t *account;	/* the view's, for all its lists */
	uint64_t bytes;			/* charged to it */
	struct entry *entries;
	size_t nentries, room;
	char *names;
	size_t nnames, names_room;	/* bytes */
};

struct dirent1 {			/* followed by the name */
	uint64_t next, ino;
	uint32_t namlen;
	uint8_t type, pad[3];
};
_Static_assert(sizeof(struct dirent1) == 24, "witx: dirent");

void
wasi_dirlist_free(struct wasi_dirlist *l)
{
	if (!l)
		return;
	atomic_fetch_sub(l->account, l->bytes);
	free(l->entries);
	free(l->names);
	free(l);
}

/* A guest can open many directories and read each: all lists of a view
 * together have a limit. */
static int
list_charge(struct wasi_dirlist *l, uint64_t bytes)
{
	if (atomic_fetch_add(l->account, bytes) + bytes > WASI_LISTS) {
		atomic_fetch_sub(l->account, bytes);
		return WASI_NOMEM;
	}
	l->bytes += bytes;
	return 0;
}

/* Room for n more of `size` bytes each. */
static int
list_room(struct wasi_dirlist *l, void **array, size_t *room, size_t used,
    size_t n, size_t size)
{
	size_t want = *room ? *room * 2 : 64;
	void *p;

	if (used + n <= *room)
		return 0;
	if (want < used + n)
		want = used + n;
	if (list_charge(l, (want - *room) * size))
		return WASI_NOMEM;
	p = realloc(*array, want * size);
	if (!p)
		return WASI_NOMEM;
	*array = p;
	*room = want;
	return 0;
}

static int
list_add(struct wasi_dirlist *l, const char *name, uint64_t ino, uint8_t type)
{
	size_t n = strlen(name) + 1;
	void *entries = l->entries, *names = l->names;
	int rc = list_room(l, &entries, &l->room, l->nentries, 1,
	    sizeof *l->entries);

	l->entries = entries;
	if (rc == 0)
		rc = list_room(l, &names, &l->names_room, l->nnames, n, 1);
	l->names = names;
	if (rc)
		return rc;
	memcpy(l->names + l->nnames, name, n);
	l->entries[l->nentries++] = (struct entry){ l->nnames, ino, type };
	l->nnames += n;
	return 0;
}

static int
list_fill(struct wasi_dirlist *l, DIR *d)
{
	int rc = list_add(l, ".", 0, DT_DIR);

	if (rc == 0)
		rc = list_add(l, "..", 0, DT_DIR);
	while (rc == 0) {
		struct dirent *e;

		errno = 0;
		e = readdir(d);
		if (!e)
			return wasi_errno(errno);
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = list_add(l, e->d_name, e->d_ino, e->d_type);
	}
	return rc;
}

/* Take a snapshot of f.  Its own open file: the position is not shared. */
static int
list_take(struct wrt_wasi *w, struct wasi_fd *f)
{
	struct wasi_dirlist *l;
	int fd = openat(f->host, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int rc;

	if (!d) {
		rc = wasi_errno(errno);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	wasi_dirlist_free(f->list);
	f->list = NULL;
	l = calloc(1, sizeof *l);
	rc = WASI_NOMEM;
	if (l) {
		l->account = &w->list_bytes;
		rc = list_fill(l, d);
	}
	closedir(d);
	if (rc) {
		wasi_dirlist_free(l);
		return rc;
	}
	f->list = l;
	return 0;
}

/* ---- Entries as the guest sees them ----------------------------------- */

static uint8_t
filetype_of_dt(uint8_t type)
{
	switch (type) {
	case DT_REG:	return WASI_FT_REGULAR;
	case DT_DIR:	return WASI_FT_DIR;
	case DT_LNK:	return WASI_FT_SYMLINK;
	case DT_CHR:	return WASI_FT_CHAR;
	case DT_BLK:	return WASI_FT_BLOCK;
	case DT_SOCK:	return WASI_FT_STREAM;
	default:	return WASI_FT_UNKNOWN;
	}
}

/* The inode is asked of the entry itself: at a mount point, and on some file
 * systems everywhere, the directory tells another.  An entry that is gone
 * keeps what the snapshot knows. */
static struct dirent1
entry_show(const struct wasi_fd *f, const struct stat *dir, size_t i)
{
	const struct entry *e = &f->list->entries[i];
	const char *name = f->list->names + e->name;
	struct stat st = *dir;
	struct dirent1 d = {
		.next = i + 1,
		.namlen = (uint32_t)strlen(name),
		.type = filetype_of_dt(e->type),
	};

	if (i >= 2) {
		if (fstatat(f->host, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			d.type = wasi_filetype_of(st.st_mode);
		else
			st.st_ino = e->ino;
	}
	d.ino = wasi_hash_ino(&st);
	return d;
}

/* Append as much of the n bytes as fits.  False when something did not. */
static bool
append(char *buf, uint32_t len, uint32_t *used, const void *from, size_t n)
{
	size_t room = len - *used;

	memcpy(buf + *used, from, n < room ? n : room);
	*used += (uint32_t)(n < room ? n : room);
	return n <= room;
}

static int
entries_copy(const struct wasi_fd *f, uint64_t cookie, char *buf,
    uint32_t len, uint32_t *used)
{
	struct stat dir;

	if (fstat(f->host, &dir) < 0)
		return wasi_errno(errno);
	for (size_t i = cookie; i < f->list->nentries && *used < len; i++) {
		struct dirent1 d = entry_show(f, &dir, i);

		if (!append(buf, len, used, &d, sizeof d) ||
		    !append(buf, len, used, f->list->names +
		    f->list->entries[i].name, d.namlen))
			break;
	}
	return 0;
}

int
wasi_fd_readdir(struct wasi_call *c)
{
	uint32_t addr = wasi_u32(c, 1), len = wasi_u32(c, 2), used = 0;
	uint64_t cookie = wasi_u64(c, 3);
	struct wasi_fd *f;
	void *buf;
	int rc;

	if ((rc = wasi_hold_dir(c, 0, &f)) ||
	    (rc = wasi_guest_check(c, addr, len, 1)) ||
	    (rc = wasi_guest_check(c, wasi_u32(c, 4), 4, 4)) ||
	    (rc = wasi_charge(c, len)) ||
	    (rc = wasi_guest_view(c, addr, len, 1, &buf)))
		return rc;
	if (cookie > UINT32_MAX)
		return WASI_OVERFLOW;
	pthread_mutex_lock(&f->lock);
	if (cookie == 0 || !f->list)
		rc = list_take(c->w, f);
	if (rc == 0)
		rc = entries_copy(f, cookie, buf, len, &used);
	pthread_mutex_unlock(&f->lock);
	return rc ? rc : wasi_put_u32(c, wasi_u32(c, 4), used);
}
