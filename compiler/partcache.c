/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * partcache.c: the folder of objects, see partcache.h.
 *
 *   DIR/ab/cdef...   an object: struct entry_head, then its bytes
 *   DIR/tmp.*        being written; whole files are renamed to their place
 *
 * A file's time of change is when it was last used, by which the oldest are
 * deleted.  Everything about the cache but opening it is done as far as it
 * goes: what cannot be read is compiled, what cannot be written is not kept.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "emit.h"
#include "partcache.h"

#define ENTRY_MAGIC	"wasmc part 1\n\0\0"	/* 16 bytes with its NUL */
#define MAX_OBJECT	(1ull << 31)
#define STALE_SECONDS	3600		/* a file that nobody writes any more */

struct entry_head {
	char magic[16];
	uint64_t n;			/* bytes of the object */
	uint8_t digest[32];		/* of the key, then the object */
};

/* ---- Digests ---- */

static bool
digest(const struct partcache_piece *piece, size_t n, uint8_t out[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	unsigned len = 0;

	for (size_t i = 0; ok && i < n; i++) {
		uint64_t size = piece[i].n;

		ok = EVP_DigestUpdate(ctx, &size, sizeof size) &&
		    EVP_DigestUpdate(ctx, piece[i].p, piece[i].n);
	}
	ok = ok && EVP_DigestFinal_ex(ctx, out, &len) && len == 32;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static bool
entry_digest(const struct partcache_key *k, const void *p, size_t n,
    uint8_t out[32])
{
	struct partcache_piece piece[] = { { k, sizeof *k }, { p, n } };

	return digest(piece, 2, out);
}

/* ---- Who made the objects ---- */

/* The build id of the program or library that has this address. */
struct id_search {
	uintptr_t at;
	struct partcache_id *out;
};

static void
read_note(const uint8_t *p, size_t n, struct partcache_id *out)
{
	while (n >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *h = (const void *)p;
		size_t name = (h->n_namesz + 3ull) & ~3ull;
		size_t desc = (h->n_descsz + 3ull) & ~3ull;
		size_t all = sizeof *h + name + desc;

		if (all > n)
			return;
		if (h->n_type == NT_GNU_BUILD_ID && h->n_namesz == 4 &&
		    !memcmp(h + 1, "GNU", 4) &&
		    h->n_descsz <= sizeof out->bytes) {
			memcpy(out->bytes, p + sizeof *h + name, h->n_descsz);
			out->n = h->n_descsz;
			return;
		}
		p += all;
		n -= all;
	}
}

static int
find_id(struct dl_phdr_info *info, size_t size, void *data)
{
	struct id_search *s = data;
	bool here = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		here |= ph->p_type == PT_LOAD &&
		    s->at - info->dlpi_addr - ph->p_vaddr < ph->p_memsz;
	}
	for (int i = 0; here && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_NOTE && s->out->n == 0)
			read_note((const uint8_t *)(info->dlpi_addr +
			    ph->p_vaddr), ph->p_memsz, s->out);
	}
	return here;
}

static bool
build_id(const void *at, struct partcache_id *out)
{
	struct id_search s = { (uintptr_t)at, out };

	dl_iterate_phdr(find_id, &s);
	return out->n > 0;
}

/* ---- The folder ---- */

int
partcache_open(struct partcache *c, const char *path, uint64_t max_bytes,
    const void *in_llvm, struct wasmc_error *err)
{
	static const char here;
	struct stat st;

	*c = (struct partcache){ .dir = -1,
	    .max_bytes = max_bytes ? max_bytes : PARTCACHE_BYTES };
	if (!path || !*path)
		return WASMC_OK;
	if (!build_id(&here, &c->self) || !build_id(in_llvm, &c->llvm))
		return back_fail(err, WASMC_EOPTION, "no cache: libwasmc or "
		    "LLVM was linked without a build id");
	if (mkdir(path, 0700) && errno != EEXIST)
		return back_fail(err, WASMC_EIO, "cannot make the cache %s: "
		    "%s", path, strerror(errno));
	c->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir < 0 || fstat(c->dir, &st))
		return back_fail(err, WASMC_EIO, "cannot open the cache %s: "
		    "%s", path, strerror(errno));
	if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return WASMC_OK;
	close(c->dir);
	c->dir = -1;
	return back_fail(err, WASMC_EIO, "the cache %s is not used: others "
	    "may write to it", path);
}

/* "ab/cdef...", of which [slash] = 0 is the folder. */
enum { SLASH = 2, PATH_BYTES = 66 };

static void
entry_path(const struct partcache_key *k, char path[PATH_BYTES])
{
	char *p = path;

	for (int i = 0; i < 32; i++)
		p += sprintf(p, i == 1 ? "/%02x" : "%02x", k->digest[i]);
}

bool
partcache_key(const struct partcache *c, const struct partcache_piece *piece,
    size_t n, struct partcache_key *k)
{
	struct partcache_piece all[12] = {
		{ ENTRY_MAGIC, sizeof ENTRY_MAGIC },
		{ c->self.bytes, c->self.n }, { c->llvm.bytes, c->llvm.n } };

	if (n > sizeof all / sizeof *all - 3)
		return false;
	memcpy(all + 3, piece, n * sizeof *piece);
	return digest(all, n + 3, k->digest);
}

/* ---- Get ---- */

static bool
is_entry(const struct partcache_key *k, const struct buf *b)
{
	struct entry_head h;
	uint8_t is[32];

	if (b->n < sizeof h)
		return false;
	memcpy(&h, b->p, sizeof h);
	return !memcmp(h.magic, ENTRY_MAGIC, sizeof h.magic) &&
	    h.n == b->n - sizeof h &&
	    entry_digest(k, b->p + sizeof h, h.n, is) &&
	    !memcmp(h.digest, is, sizeof is);
}

int
partcache_get(struct partcache *c, const struct partcache_key *k)
{
	size_t head = sizeof(struct entry_head);
	struct buf b = { 0 };
	char path[PATH_BYTES];
	struct stat st;
	int fd, object = -1;

	entry_path(k, path);
	fd = openat(c->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size < (off_t)MAX_OBJECT && read_file(fd, &b) == 0 &&
	    is_entry(k, &b)) {
		object = memory_file("part", b.p + head, b.n - head);
		futimens(fd, NULL);
	}
	close(fd);
	buf_free(&b);
	if (object >= 0)
		__atomic_add_fetch(&c->hits, 1, __ATOMIC_RELAXED);
	return object;
}

/* ---- Put ---- */

void
partcache_put(struct partcache *c, const struct partcache_key *k,
    const void *p, size_t n)
{
	static unsigned serial;
	struct entry_head h = { ENTRY_MAGIC, n, { 0 } };
	char path[PATH_BYTES], tmp[48];
	bool ok;
	int fd;

	if (n >= MAX_OBJECT - sizeof h || !entry_digest(k, p, n, h.digest))
		return;
	snprintf(tmp, sizeof tmp, "tmp.%ld.%u", (long)getpid(),
	    __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
	fd = openat(c->dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	ok = write_all(fd, &h, sizeof h) && write_all(fd, p, n);
	ok = close(fd) == 0 && ok;
	entry_path(k, path);
	path[SLASH] = 0;
	mkdirat(c->dir, path, 0700);
	path[SLASH] = '/';
	if (ok && renameat(c->dir, tmp, c->dir, path) == 0)
		__atomic_add_fetch(&c->stored, 1, __ATOMIC_RELAXED);
	else
		unlinkat(c->dir, tmp, 0);
}

/* ---- The limit ---- */

struct entry {
	char path[PATH_BYTES];
	struct timespec used;
	uint64_t n;
};

static int
by_use(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) -
	    (x->used.tv_nsec < y->used.tv_nsec);
}

static DIR *
open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
	    O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* The files of one folder "ab", or of the one that has them all: there only
 * those that were left half-written, which are deleted. */
static void
list_folder(int at, const char *name, struct buf *out)
{
	DIR *d = open_folder(at, name);
	time_t now = time(NULL);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		struct entry x = { .n = 0 };
		struct stat st;

		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		if (!strcmp(name, ".")) {
			if (!strncmp(e->d_name, "tmp.", 4) &&
			    now - st.st_mtim.tv_sec > STALE_SECONDS)
				unlinkat(dirfd(d), e->d_name, 0);
			continue;
		}
		if (strlen(e->d_name) != PATH_BYTES - SLASH - 2)
			continue;
		snprintf(x.path, sizeof x.path, "%s/%.62s", name, e->d_name);
		x.used = st.st_mtim;
		x.n = (uint64_t)st.st_size;
		buf_add(out, &x, sizeof x);
	}
	if (d)
		closedir(d);
}

/* Delete the oldest, and somewhat more than must be, so that not every compile
 * has to. */
static void
trim(struct partcache *c)
{
	struct buf list = { 0 };
	struct entry *e;
	uint64_t total = 0;
	char name[3];

	list_folder(c->dir, ".", &list);
	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "%02x", i);
		list_folder(c->dir, name, &list);
	}
	e = (struct entry *)(void *)list.p;
	for (size_t i = 0; i < list.n / sizeof *e; i++)
		total += e[i].n;
	if (!list.failed && total > c->max_bytes) {
		qsort(e, list.n / sizeof *e, sizeof *e, by_use);
		for (size_t i = 0; i < list.n / sizeof *e &&
		    total > c->max_bytes / 4 * 3; i++) {
			total -= e[i].n;
			unlinkat(c->dir, e[i].path, 0);
		}
	}
	buf_free(&list);
}

void
partcache_close(struct partcache *c)
{
	if (c->dir < 0)
		return;
	if (c->stored)
		trim(c);
	close(c->dir);
	c->dir = -1;
}
