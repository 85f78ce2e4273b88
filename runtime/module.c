/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * module.c: open an artifact, check it, map it, and say what is in it.
 *
 * One descriptor serves from beginning to end: what was checked is what is
 * mapped, whatever happens to the path meanwhile.  The system's loader takes it
 * as /proc/PID/fd/N, a name under which debuggers and profilers find the file
 * too.  A file that somebody else could write to between the check and the
 * mapping is first copied to a sealed memory file; one that only its owner can
 * change, who is us or root, is not, so that its pages are shared.
 *
 * The loader maps an inode once.  So do we: a second open of a file that is
 * open gives the same module again.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u
#endif

/* Held while a module's mapping is made or ended. */
pthread_mutex_t wrt__modules_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wrt_module *all;

/* ---- The descriptor ---- */

static int
sys_fail(struct wrt_error *err, const char *name, const char *what)
{
	return wrt__fail(err, WRT_ESYS, "%s: %s: %s", name, what,
	    strerror(errno));
}

/* A copy that nobody can change, or -1. */
static int
sealed_copy(int fd, uint64_t size)
{
	int to = memfd_create("wasmrt", MFD_CLOEXEC | MFD_ALLOW_SEALING |
	    MFD_EXEC);
	char buf[65536];

	if (to < 0 && errno == EINVAL)	/* before Linux 6.3 */
		to = memfd_create("wasmrt", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (to < 0)
		return -1;
	for (uint64_t at = 0; at < size;) {
		size_t n = size - at < sizeof buf ? size - at : sizeof buf;

		if (!wrt__pread_all(fd, buf, n, at) ||
		    !wrt__write_all(to, buf, n))
			goto fail;
		at += n;
	}
	if (fcntl(to, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW |
	    F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
		return to;
fail:
	close(to);
	return -1;
}

static bool
others_may_write(const struct stat *st)
{
	return (st->st_uid != 0 && st->st_uid != geteuid()) ||
	    st->st_mode & (S_IWGRP | S_IWOTH);
}

/* Make *fd one whose content will stay; *size is its size. */
static int
settle(int *fd, const char *name, uint64_t *size, struct wrt_error *err)
{
	struct stat st;
	int copy;

	if (fstat(*fd, &st) < 0)
		return sys_fail(err, name, "cannot be examined");
	if (!S_ISREG(st.st_mode))
		return wrt__fail(err, WRT_ELOAD, "%s: not a wasmc artifact: "
		    "it is no regular file", name);
	*size = (uint64_t)st.st_size;
	if (!others_may_write(&st))
		return WRT_OK;
	copy = sealed_copy(*fd, *size);
	if (copy < 0)
		return sys_fail(err, name, "cannot be copied to memory");
	close(*fd);
	*fd = copy;
	return WRT_OK;
}

/* ---- Mapping ---- */

/* The descriptor of a module that has the same file open, or m's own. */
static int
first_fd(const struct wrt_module *m)
{
	struct stat st, other;

	if (fstat(m->fd, &st) < 0)
		return m->fd;
	for (const struct wrt_module *t = all; t; t = t->next)
		if (fstat(t->fd, &other) == 0 && other.st_dev == st.st_dev &&
		    other.st_ino == st.st_ino)
			return t->fd;
	return m->fd;
}

/* The loader knows a mapping by every name that it was asked for by, for ever,
 * and takes a name for what it meant first.  So each is asked for by one name,
 * of a descriptor that is not closed before. */
static int
map(struct wrt_module *m, const struct wrt__file *f)
{
	char path[64];
	const char *why;

	snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(),
	    first_fd(m));
	m->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (m->dl)
		return WRT_OK;
	why = dlerror();
	return wrt__fail(f->err, WRT_ELOAD, "%s: cannot be mapped: %s",
	    f->name, why ? why : "no reason given");
}

/* The metadata's head, as if the level for this CPU were the only one. */
static void
use_level(struct wrt_module *m, uint32_t level)
{
	const struct wabi_level *v;

	memcpy(&m->head, m->base, sizeof m->head);
	m->meta = &m->head;
	if (level == 0)
		return;
	v = wrt__list(m, m->head.levels);
	m->head.cpu = v[level - 1].cpu;
	m->head.cpu_features = v[level - 1].cpu_features;
	m->head.funcs = v[level - 1].funcs;
}

/* Is what is mapped what was checked?  The loader reads the file again. */
static int
locate(struct wrt_module *m, const struct wrt__file *f)
{
	const Elf64_Shdr *meta = f->sec[SEC_META], *img = f->sec[SEC_IMAGE];
	const Elf64_Shdr *data = f->sec[SEC_DATA], *pc = f->sec[SEC_PCMAP];
	const Elf64_Shdr *source = f->sec[SEC_SOURCE];
	const Elf64_Shdr *except = f->sec[SEC_EXCEPT];
	struct link_map *lm;
	const char *at;

	if (dlinfo(m->dl, RTLD_DI_LINKMAP, &lm) != 0)
		return wrt__fail(f->err, WRT_ELOAD, "%s: cannot be found in "
		    "memory", f->name);
	at = (const char *)lm->l_addr;
	m->base = at + meta->sh_addr;
	if (except) {
		m->except = (const uint8_t *)at + except->sh_addr;
		m->except_bytes = except->sh_size;
	}
	if (memcmp(at, &f->eh, sizeof f->eh) != 0 ||
	    memcmp(at + f->eh.e_phoff, f->ph,
		f->eh.e_phnum * sizeof *f->ph) != 0 ||
	    memcmp(m->base, f->bytes[SEC_META], meta->sh_size) != 0)
		return wrt__fail(f->err, WRT_ELOAD, "%s: was changed while it "
		    "was being loaded: load it again", f->name);
	use_level(m, f->level);
	if (img && img->sh_size) {
		m->image = (const uint8_t *)at + img->sh_addr;
		m->image_bytes = img->sh_size;
		m->image_off = (off_t)img->sh_offset;
	}
	if (data && data->sh_size) {
		m->data = (const uint8_t *)at + data->sh_addr;
		m->data_bytes = data->sh_size;
	}
	if (pc) {
		m->pcmap_off = (off_t)pc->sh_offset;
		m->pcmap_bytes = pc->sh_size;
	}
	if (source) {
		m->source_off = (off_t)source->sh_offset;
		m->source_bytes = source->sh_size;
	}
	m->text_start = (uintptr_t)at + f->text->p_vaddr;
	m->text_end = m->text_start + f->text->p_memsz;
	return WRT_OK;
}

/* ---- Indexes ---- */

static int
by_type_id(const void *a, const void *b, void *arg)
{
	const uint32_t *ids = arg, x = *(const uint32_t *)a;
	const uint32_t y = *(const uint32_t *)b;

	return ids[x] != ids[y] ? (ids[x] > ids[y]) - (ids[x] < ids[y]) :
	    (x > y) - (x < y);
}

/* A thunk stands with one of the module's equal types; find it for each. */
static void
spread(const struct wrt_module *m, const uint32_t *order, size_t field,
    int32_t *out)
{
	const char *t = (const char *)WRT__META(m, types) + field;
	uint32_t n = m->meta->types.n;

	for (uint32_t i = 0, end; i < n; i = end) {
		int32_t thunk = 0;

		for (end = i; end < n && m->type_ids[order[end]] ==
		    m->type_ids[order[i]]; end++)
			if (!thunk)
				thunk = *(const int32_t *)(const void *)(t +
				    order[end] * sizeof(struct wabi_typeinfo));
		for (uint32_t k = i; k < end; k++)
			out[order[k]] = thunk;
	}
}

static int
index_thunks(struct wrt_module *m)
{
	uint32_t n = m->meta->types.n, *order;

	m->from_host = wrt__calloc(n, sizeof *m->from_host);
	m->to_host = wrt__calloc(n, sizeof *m->to_host);
	m->typed_from_host = wrt__calloc(n, sizeof *m->typed_from_host);
	m->typed_to_host = wrt__calloc(n, sizeof *m->typed_to_host);
	order = wrt__calloc(n, sizeof *order);
	if (!m->from_host || !m->to_host || !m->typed_from_host ||
	    !m->typed_to_host || !order) {
		wrt__free(order);
		return WRT_ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof *order, by_type_id, m->type_ids);
	spread(m, order, offsetof(struct wabi_typeinfo, from_host),
	    m->from_host);
	spread(m, order, offsetof(struct wabi_typeinfo, to_host), m->to_host);
	spread(m, order, offsetof(struct wabi_typeinfo, typed_from_host),
	    m->typed_from_host);
	spread(m, order, offsetof(struct wabi_typeinfo, typed_to_host),
	    m->typed_to_host);
	wrt__free(order);
	return WRT_OK;
}

static int
index_imports(struct wrt_module *m)
{
	const struct wabi_import_info *im = WRT__META(m, imports);
	const struct wabi_counts *n = &m->meta->counts;
	uint32_t seen[5] = { 0 };

	for (uint32_t i = 0; i < m->meta->imports.n; i++)
		m->nimported[im[i].kind]++;
	m->nfuncs = m->meta->funcs.n;
	m->ntables = n->ntables;
	m->nmemories = n->nmemories;
	m->nglobals = n->nglobals;
	m->ntags = n->ntags;
	for (int k = 0; k < 5; k++) {
		m->imported[k] = wrt__calloc(m->nimported[k],
		    sizeof *m->imported[k]);
		if (!m->imported[k])
			return WRT_ENOMEM;
	}
	for (uint32_t i = 0; i < m->meta->imports.n; i++)
		m->imported[im[i].kind][seen[im[i].kind]++] = &im[i];
	return WRT_OK;
}

static int
compare_names(const char *a, size_t an, const char *b, size_t bn)
{
	int c = memcmp(a, b, an < bn ? an : bn);

	return c ? c : (an > bn) - (an < bn);
}

static int
by_name(const void *a, const void *b, void *arg)
{
	const struct wrt_module *m = arg;
	const struct wabi_export_info *e = WRT__META(m, exports);
	const struct wabi_export_info *x = &e[((const struct wrt__name *)a)->i];
	const struct wabi_export_info *y = &e[((const struct wrt__name *)b)->i];

	return compare_names(wrt__str(m, x->name), x->name.n,
	    wrt__str(m, y->name), y->name.n);
}

static int
index_exports(struct wrt_module *m)
{
	const struct wabi_export_info *e = WRT__META(m, exports);
	uint32_t n = m->meta->exports.n;

	m->exports_by_name = wrt__calloc(n, sizeof *m->exports_by_name);
	if (!m->exports_by_name)
		return WRT_ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		m->exports_by_name[i] = (struct wrt__name){
		    wrt__name_prefix(wrt__str(m, e[i].name), e[i].name.n),
		    e[i].name.n, i };
	qsort_r(m->exports_by_name, n, sizeof *m->exports_by_name, by_name, m);
	return WRT_OK;
}

/* What the host calls needs a way in, what it may provide a way out. */
static bool
has_thunks(const struct wrt_module *m)
{
	const struct wabi_func_info *f = WRT__META(m, funcs);
	const struct wabi_export_info *e = WRT__META(m, exports);
	uint32_t nimp = m->nimported[WABI_KIND_FUNC], start = m->meta->start;

	for (uint32_t i = 0; i < m->meta->exports.n; i++)
		if (e[i].kind == WABI_KIND_FUNC && e[i].index >= nimp &&
		    !m->from_host[f[e[i].index].type_idx])
			return false;
	for (uint32_t i = 0; i < nimp; i++)
		if (!m->to_host[f[i].type_idx])
			return false;
	return start == UINT32_MAX || start < nimp ||
	    m->from_host[f[start].type_idx];
}

static int
make_indexes(struct wrt_module *m, const struct wrt__file *f)
{
	int rc;

	m->uses_heap = strstr(wrt__str(m, m->meta->wasm_features), "gc");
	m->type_ids = wrt__calloc(m->meta->types.n, sizeof *m->type_ids);
	rc = m->type_ids ? wrt__types_of_meta((const void *)m->base,
	    m->type_ids) :
	    WRT_ENOMEM;
	if (rc == WRT_OK)
		rc = index_thunks(m);
	if (rc == WRT_OK)
		rc = index_imports(m);
	if (rc == WRT_OK)
		rc = index_exports(m);
	if (rc)
		return wrt__fail(f->err, rc, "%s: %s", f->name,
		    rc == WRT_ENOMEM ? "out of memory" :
		    "too many types in this process");
	if (!has_thunks(m))
		return wrt__damaged(f, "metadata: a thunk is missing");
	return WRT_OK;
}

/* ---- Open and close ---- */

/* The mapping is ended here too: under the lock. */
static void
destroy(struct wrt_module *m)
{
	if (m->dl)
		dlclose(m->dl);
	if (m->fd >= 0)
		close(m->fd);
	wrt__places_free(atomic_load(&m->places));
	for (int k = 0; k < 5; k++)
		wrt__free(m->imported[k]);
	wrt__free(m->exports_by_name);
	wrt__free(m->from_host);
	wrt__free(m->to_host);
	wrt__free(m->typed_from_host);
	wrt__free(m->typed_to_host);
	wrt__free(m->type_ids);
	wrt__free(m->path);
	wrt__free(m);
}

/* The module that has this mapping already, or NULL. */
static struct wrt_module *
twin_of(const struct wrt_module *m)
{
	struct wrt_module *t = all;

	while (t && t->dl != m->dl)
		t = t->next;
	return t;
}

/* Map m, which has its descriptor and path, or find its twin. */
static int
enter(struct wrt_module **m, const struct wrt__file *f)
{
	struct wrt_module *t;
	int rc = map(*m, f);

	if (rc)
		return rc;
	memcpy((*m)->digest, f->bytes[SEC_DIGEST], 32);
	t = twin_of(*m);
	if (t) {
		if (memcmp(t->digest, (*m)->digest, 32) != 0)
			return wrt__fail(f->err, WRT_ELOAD, "%s: was written "
			    "over while it is in use: close it everywhere "
			    "first", f->name);
		wrt__module_ref(t);
		atomic_fetch_add(&t->nopen, 1);
		destroy(*m);
		*m = t;
		return WRT_OK;
	}
	rc = locate(*m, f);
	if (rc == WRT_OK)
		rc = make_indexes(*m, f);
	if (rc == WRT_OK && wrt__registry_add(*m) != WRT_OK)
		rc = wrt__fail(f->err, WRT_ENOMEM, "%s: out of memory",
		    f->name);
	if (rc == WRT_OK) {
		(*m)->next = all;
		all = *m;
	}
	return rc;
}

/* Takes fd in any case. */
static int
open_taken(struct wrt_module **out, int fd, const char *name,
    struct wrt_error *err)
{
	struct wrt_module *m = wrt__calloc(1, sizeof *m);
	struct wrt__file f = { .name = name, .err = err };
	int rc;

	if (!m || !wrt__fork_init()) {
		close(fd);
		wrt__free(m);
		return wrt__fail(err, WRT_ENOMEM, "%s: out of memory", name);
	}
	m->fd = fd;
	atomic_init(&m->refs, 1);
	atomic_init(&m->nopen, 1);
	rc = settle(&m->fd, name, &f.size, err);
	if (rc)
		goto out;
	m->path = wrt__calloc(strlen(name) + 1, 1);
	if (!m->path) {
		rc = wrt__fail(err, WRT_ENOMEM, "%s: out of memory", name);
		goto out;
	}
	memcpy(m->path, name, strlen(name));
	f.fd = m->fd;
	rc = wrt__verify_elf(&f);
out:
	pthread_mutex_lock(&wrt__modules_lock);
	if (rc == WRT_OK)
		rc = enter(&m, &f);
	if (rc)
		destroy(m);
	pthread_mutex_unlock(&wrt__modules_lock);
	wrt__file_free(&f);
	if (rc == WRT_OK)
		*out = m;
	return rc;
}

int
wrt_module_open(wrt_module **out, const char *path, struct wrt_error *err)
{
	int fd;

	if (!out || !path)
		return wrt__fail(err, WRT_EINVAL, "an argument is NULL");
	/* A FIFO must not hold us up before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return sys_fail(err, path, "cannot be opened");
	return open_taken(out, fd, path, err);
}

int
wrt_module_open_fd(wrt_module **out, int fd, const char *name,
    struct wrt_error *err)
{
	int own;

	if (!out || !name)
		return wrt__fail(err, WRT_EINVAL, "an argument is NULL");
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return sys_fail(err, name, "cannot be used");
	return open_taken(out, own, name, err);
}

int
wrt_module_fd(const wrt_module *m)
{
	return m ? m->fd : -1;
}

void
wrt__module_ref(struct wrt_module *m)
{
	atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
}

void
wrt__module_put(struct wrt_module *m)
{
	unsigned refs = m ? atomic_load(&m->refs) : 0;
	struct wrt_module **p = &all;

	if (!m)
		return;
	/* All but the last need no lock. */
	while (refs > 1)
		if (atomic_compare_exchange_weak(&m->refs, &refs, refs - 1))
			return;
	pthread_mutex_lock(&wrt__modules_lock);
	if (atomic_fetch_sub(&m->refs, 1) == 1) {
		while (*p != m)
			p = &(*p)->next;
		*p = m->next;
		wrt__registry_remove(m);
		destroy(m);
	}
	pthread_mutex_unlock(&wrt__modules_lock);
}

/* What is parked of it would be of no more use. */
void
wrt_module_close(struct wrt_module *m)
{
	if (!m)
		return;
	if (atomic_fetch_sub(&m->nopen, 1) == 1)
		wrt__park_sweep(NULL, m, NULL, UINT32_MAX);
	wrt__module_put(m);
}
