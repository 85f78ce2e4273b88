/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * snapshot.c: the runtime says what an instance holds, the compiler writes it
 * down; here the one is told to the other.
 *
 * What leads out of the instance (the host's references, other instances'
 * functions, exceptions, objects, open files) cannot be written down and is
 * refused by its place.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot.h"

struct reader {
	wrt_instance *inst;
	wrt_module *module;
	struct wrt_error *why;
	struct wasmc_state st;
	struct wasmc_state_memory *memories;
	struct wasmc_state_table *tables;
	struct wasmc_state_global *globals;
	uint8_t *dropped[2];		/* by enum wrt_segment */
};

__attribute__((format(printf, 2, 3))) static bool
refuse(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	r->why->status = WRT_ESTATE;
	va_start(ap, fmt);
	vsnprintf(r->why->text, sizeof r->why->text, fmt, ap);
	va_end(ap);
	return false;
}

/* Room for one more element of a list that doubles. */
static bool
room(struct reader *r, void *list, size_t n, size_t size)
{
	void **p = list, *q;

	if (n & (n - 1))
		return true;
	q = realloc(*p, (n ? 2 * n : 1) * size);
	if (!q)
		return refuse(r, "out of memory");
	*p = q;
	return true;
}

/* ---- Imports ------------------------------------------------------------- */

static bool
read_imports(struct reader *r)
{
	static const char *const names[] = { "function", "table", "memory",
	    "global", "tag" };
	struct wrt_extern_type t;

	for (size_t k = 0; wrt_module_import(r->module, k, &t) == WRT_OK; k++) {
		if (t.kind != WRT_FUNC && t.kind != WRT_TAG)
			return refuse(r, "%s \"%.100s\" is imported from "
			    "\"%.100s\": what it holds is not the module's",
			    names[t.kind], t.name, t.module);
	}
	return true;
}

/* ---- Memories ------------------------------------------------------------ */

struct runs {
	struct reader *r;
	struct wasmc_state_run *runs;
	size_t n;
};

static int
add_run(void *arg, uint64_t addr, const void *p, size_t n)
{
	struct runs *l = arg;

	if (!room(l->r, &l->runs, l->n, sizeof *l->runs))
		return WRT_ENOMEM;
	l->runs[l->n++] = (struct wasmc_state_run){ addr, n, p };
	return 0;
}

static bool
read_memories(struct reader *r)
{
	wrt_memory *m;

	for (size_t k = 0; wrt_instance_memory_at(r->inst, k, &m) == WRT_OK;
	    k++) {
		struct runs l = { .r = r };

		if (!room(r, &r->memories, k, sizeof *r->memories))
			return false;
		r->memories[k] = (struct wasmc_state_memory){
		    .pages = wrt_memory_pages(m) };
		r->st.nmemories = k + 1;
		if (wrt_memory_walk(m, add_run, &l) != WRT_OK) {
			free(l.runs);
			return false;
		}
		r->memories[k].runs = l.runs;
		r->memories[k].nruns = l.n;
	}
	return true;
}

/* ---- References ---------------------------------------------------------- */

/* The number of the function that a reference leads to, if it can be written
 * down; `where` for the message. */
static bool
read_ref(struct reader *r, uint8_t type, wrt_val v, uint32_t *func,
    const char *where)
{
	*func = WASMC_STATE_NULL;
	if (!v.ref)
		return true;
	switch (type) {
	case WRT_FUNCREF:
		return wrt_instance_func_index(r->inst, v.func, func) ==
		    WRT_OK || refuse(r, "%s holds a function of the host's or "
		    "of another instance", where);
	case WRT_EXTERNREF:
		return refuse(r, "%s holds a reference of the host's", where);
	case WRT_EXNREF:
		return refuse(r, "%s holds an exception", where);
	case WRT_ANYREF:
		return refuse(r, "%s holds an object of the collected heap",
		    where);
	}
	return refuse(r, "%s holds a continuation", where);
}

static bool
read_globals(struct reader *r)
{
	wrt_global *g;

	for (size_t k = 0; wrt_instance_global_at(r->inst, k, &g) == WRT_OK;
	    k++) {
		uint8_t type = wrt_global_type(g, NULL);
		struct wasmc_state_global *to;
		wrt_val v = wrt_global_get(g);
		char where[40];

		if (!room(r, &r->globals, k, sizeof *to))
			return false;
		to = &r->globals[k];
		*to = (struct wasmc_state_global){ .func = WASMC_STATE_NULL };
		r->st.nglobals = k + 1;
		snprintf(where, sizeof where, "global %zu", k);
		if (type >= WRT_V128)
			memcpy(to->bits, &v, sizeof to->bits);
		else if (!read_ref(r, type, v, &to->func, where))
			return false;
	}
	return true;
}

static bool
read_table(struct reader *r, wrt_table *t, size_t k)
{
	uint64_t n = wrt_table_size(t);
	uint32_t *funcs = calloc(n + 1, sizeof *funcs);

	r->tables[k] = (struct wasmc_state_table){ n, funcs };
	if (!funcs)
		return refuse(r, "out of memory");
	for (uint64_t j = 0; j < n; j++) {
		char where[60];
		wrt_val v;

		snprintf(where, sizeof where, "entry %llu of table %zu",
		    (unsigned long long)j, k);
		if (wrt_table_get(t, j, &v) != WRT_OK)
			return refuse(r, "%s cannot be read", where);
		if (!read_ref(r, wrt_table_type(t), v, &funcs[j], where))
			return false;
	}
	return true;
}

static bool
read_tables(struct reader *r)
{
	wrt_table *t;

	for (size_t k = 0; wrt_instance_table_at(r->inst, k, &t) == WRT_OK;
	    k++) {
		if (!room(r, &r->tables, k, sizeof *r->tables))
			return false;
		r->st.ntables = k + 1;
		if (!read_table(r, t, k))
			return false;
	}
	return true;
}

static bool
read_segments(struct reader *r, enum wrt_segment kind, size_t *n)
{
	int is;

	for (*n = 0; (is = wrt_instance_dropped(r->inst, kind, *n)) >= 0;
	    ++*n) {
		if (!room(r, &r->dropped[kind], *n, 1))
			return false;
		r->dropped[kind][*n] = (uint8_t)is;
	}
	return true;
}

static bool
read_state(struct reader *r)
{
	return read_imports(r) && read_memories(r) && read_globals(r) &&
	    read_tables(r) &&
	    read_segments(r, WRT_SEGMENT_DATA, &r->st.ndatas) &&
	    read_segments(r, WRT_SEGMENT_ELEM, &r->st.nelems);
}

static void
reader_free(struct reader *r)
{
	for (size_t k = 0; k < r->st.nmemories; k++)
		free((void *)r->memories[k].runs);
	for (size_t k = 0; k < r->st.ntables; k++)
		free((void *)r->tables[k].funcs);
	free(r->memories);
	free(r->tables);
	free(r->globals);
	free(r->dropped[0]);
	free(r->dropped[1]);
}

/* ---- Files --------------------------------------------------------------- */

/* The artifact that was verified and is mapped. */
static uint8_t *
artifact_of(struct reader *r, size_t *n)
{
	int fd = wrt_module_fd(r->module);
	off_t size = lseek(fd, 0, SEEK_END);
	uint8_t *p = size > 0 ? malloc((size_t)size) : NULL;

	for (*n = 0; p && *n < (size_t)size;) {
		ssize_t got = pread(fd, p + *n, (size_t)size - *n, (off_t)*n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			free(p);
			p = NULL;
			break;
		}
		*n += (size_t)got;
	}
	if (!p)
		refuse(r, "the artifact cannot be read");
	return p;
}

/* Written beside, verified, renamed. */
static bool
write_verified(struct reader *r, const uint8_t *p, size_t n, const char *out)
{
	struct wrt_error err;
	struct wasmc_error cerr;
	wrt_module *m = NULL;
	char *tmp = NULL;
	bool ok;

	if (asprintf(&tmp, "%s.new", out) < 0)
		return refuse(r, "out of memory");
	ok = wasmc_snapshot_write(p, n, &r->st, tmp, &cerr) == WASMC_OK ||
	    refuse(r, "%.500s", cerr.text);
	if (ok) {
		ok = wrt_module_open(&m, tmp, &err) == WRT_OK ||
		    refuse(r, "%s", err.text);
		wrt_module_close(m);
		if (ok && rename(tmp, out) != 0)
			ok = refuse(r, "cannot write %.400s: %s", out,
			    strerror(errno));
		if (!ok)
			unlink(tmp);
	}
	free(tmp);
	return ok;
}

bool
snapshot_write(wrt_instance *inst, wrt_wasi *w,
    const struct snapshot_how *how, struct wrt_error *why)
{
	struct reader r = { .inst = inst, .why = why,
	    .module = wrt_instance_module(inst) };
	uint8_t *p = NULL;
	uint32_t fd;
	size_t n;
	bool ok;

	if (w && wrt_wasi_left_open(w, &fd))
		return refuse(&r, "the program has left its descriptor %u "
		    "open", fd);
	ok = read_state(&r) && (p = artifact_of(&r, &n));
	if (ok) {
		r.st.memories = r.memories;
		r.st.tables = r.tables;
		r.st.globals = r.globals;
		r.st.data_dropped = r.dropped[WRT_SEGMENT_DATA];
		r.st.elem_dropped = r.dropped[WRT_SEGMENT_ELEM];
		r.st.hide = how->hide;
		r.st.nhide = how->nhide;
		r.st.ran = how->ran;
		ok = write_verified(&r, p, n, how->out);
	}
	free(p);
	reader_free(&r);
	return ok;
}
