/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fdtable.c: the guest's descriptor numbers.
 *
 * Numbers are given out lowest first, as POSIX has it.  One lock guards the
 * array; descriptors themselves are counted, so that no host descriptor is
 * closed, and its number taken by another file, while a call still uses it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "wasi.h"

/* Marks a number that is promised to a call that is still opening its file.
 * To everybody else the number is neither open nor free. */
static struct wasi_fd reserved;

struct wasi_fd *
wasi_fd_new(int host, enum wasi_kind kind, uint8_t filetype)
{
	struct wasi_fd *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	atomic_init(&f->refs, 1);
	f->host = host;
	f->kind = kind;
	f->filetype = filetype;
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void
wasi_fd_put(struct wasi_fd *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	if (f->host >= 0)
		close(f->host);
	wasi_dirlist_free(f->list);
	pthread_mutex_destroy(&f->lock);
	free(f->preopen);
	free(f);
}

int
wasi_table_init(struct wasi_table *t, uint32_t max)
{
	t->max = max;
	return pthread_mutex_init(&t->lock, NULL);
}

void
wasi_table_destroy(struct wasi_table *t)
{
	for (uint32_t i = 0; i < t->nfds; i++)
		if (t->fds[i] != &reserved)
			wasi_fd_put(t->fds[i]);
	free(t->fds);
	pthread_mutex_destroy(&t->lock);
}

/* The open descriptor at a number, or NULL.  Under the lock. */
static struct wasi_fd *
table_at(const struct wasi_table *t, uint32_t fd)
{
	if (fd >= t->nfds || t->fds[fd] == &reserved)
		return NULL;
	return t->fds[fd];
}

struct wasi_fd *
wasi_table_get(struct wasi_table *t, uint32_t fd)
{
	struct wasi_fd *f;

	pthread_mutex_lock(&t->lock);
	f = table_at(t, fd);
	if (f)
		atomic_fetch_add(&f->refs, 1);
	pthread_mutex_unlock(&t->lock);
	return f;
}

/* Make room for more numbers.  Under the lock. */
static int
table_grow(struct wasi_table *t)
{
	uint32_t n = t->nfds ? t->nfds * 2 : 16;
	struct wasi_fd **fds;

	if (n > t->max)
		n = t->max;
	if (n == t->nfds)
		return WASI_MFILE;
	fds = realloc(t->fds, n * sizeof *fds);
	if (!fds)
		return WASI_NOMEM;
	for (uint32_t i = t->nfds; i < n; i++)
		fds[i] = NULL;
	t->fds = fds;
	t->nfds = n;
	return 0;
}

int
wasi_table_reserve(struct wasi_table *t, uint32_t *fd)
{
	uint32_t i = 0;
	int rc = 0;

	pthread_mutex_lock(&t->lock);
	while (i < t->nfds && t->fds[i])
		i++;
	if (i == t->nfds)
		rc = table_grow(t);
	if (rc == 0) {
		t->fds[i] = &reserved;
		*fd = i;
	}
	pthread_mutex_unlock(&t->lock);
	return rc;
}

void
wasi_table_fill(struct wasi_table *t, uint32_t fd, struct wasi_fd *f)
{
	pthread_mutex_lock(&t->lock);
	t->fds[fd] = f;
	pthread_mutex_unlock(&t->lock);
}

void
wasi_table_unreserve(struct wasi_table *t, uint32_t fd)
{
	wasi_table_fill(t, fd, NULL);
}

int
wasi_table_close(struct wasi_table *t, uint32_t fd)
{
	struct wasi_fd *f;

	pthread_mutex_lock(&t->lock);
	f = table_at(t, fd);
	if (f)
		t->fds[fd] = NULL;
	pthread_mutex_unlock(&t->lock);
	wasi_fd_put(f);
	return f ? 0 : WASI_BADF;
}

bool
wasi_table_left_open(struct wasi_table *t, uint32_t *fd)
{
	bool found = false;

	pthread_mutex_lock(&t->lock);
	for (uint32_t i = 0; i < t->nfds && !found; i++) {
		const struct wasi_fd *f = table_at(t, i);

		found = f && f->given != i + 1;
		if (found)
			*fd = i;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* Both numbers must be open: a guest cannot choose numbers of its own, and the
 * table cannot be made to grow to 2^32 entries. */
int
wasi_table_renumber(struct wasi_table *t, uint32_t from, uint32_t to)
{
	struct wasi_fd *f, *old;

	pthread_mutex_lock(&t->lock);
	f = table_at(t, from);
	old = table_at(t, to);
	if (f && old && from != to) {
		t->fds[to] = f;
		t->fds[from] = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	if (!f || !old)
		return WASI_BADF;
	if (from != to)
		wasi_fd_put(old);
	return 0;
}
