/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * coredump.c: the state that a trap has left, as a WebAssembly module.
 *
 * The format is that of the tool conventions, "Coredump": custom sections
 * "core", "coremodules", "coreinstances" and "corestack" beside memory, global
 * and data sections of the usual kind.  All instances are described that the
 * one which trapped is linked with, each memory and global once.  Memories are
 * sparse: pages of zeros are left out.  Where locals and operands are kept is
 * not known, so that parameters are "missing" and there is nothing else.
 *
 * Sections of known size are made in memory; the data section, whose size is
 * known only when all pages have been looked at, run by run, and its head last.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "rt.h"

enum { SEC_CUSTOM = 0, SEC_MEMORY = 5, SEC_GLOBAL = 6, SEC_DATA = 11 };
enum { LEB5 = 5 };			/* bytes of a number written later */

struct bytes {
	uint8_t *p;
	size_t n, room;
	bool failed;
};

struct dump {
	wrt_instance *inst;
	struct wrt_module **modules;
	wrt_instance **insts;
	struct wrt_memory **mems;
	struct wrt_global **globals;
	uint32_t nmodules, ninsts, nmems, nglobals;
	struct bytes out;		/* not written yet */
	int fd;
	uint64_t at;			/* where in the file out begins */
	int rc;
};

/* ---- Bytes -------------------------------------------------------------- */

static void
put(struct bytes *b, const void *p, size_t n)
{
	if (b->failed)
		return;
	if (n > b->room - b->n) {
		size_t room = 2 * b->room + n + 1024;
		uint8_t *q = wrt__calloc(1, room);

		if (!q) {
			b->failed = true;
			return;
		}
		if (b->n)
			memcpy(q, b->p, b->n);
		wrt__free(b->p);
		b->p = q;
		b->room = room;
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void
put_byte(struct bytes *b, uint8_t x)
{
	put(b, &x, 1);
}

static void
put_u64(struct bytes *b, uint64_t x)
{
	do {
		put_byte(b, (uint8_t)((x & 0x7f) | (x > 0x7f ? 0x80 : 0)));
		x >>= 7;
	} while (x);
}

static void
put_s64(struct bytes *b, int64_t x)
{
	for (;;) {
		uint8_t low = x & 0x7f;

		x >>= 7;
		if ((x == 0 && !(low & 0x40)) || (x == -1 && low & 0x40)) {
			put_byte(b, low);
			return;
		}
		put_byte(b, low | 0x80);
	}
}

static void
put_str(struct bytes *b, const char *s)
{
	put_u64(b, strlen(s));
	put(b, s, strlen(s));
}

/* A number in as many bytes as fit any. */
static void
leb5(uint8_t to[LEB5], uint32_t x)
{
	for (int i = 0; i < LEB5; i++, x >>= 7)
		to[i] = (uint8_t)((x & 0x7f) | (i < LEB5 - 1 ? 0x80 : 0));
}

static void
put_section(struct bytes *to, uint8_t id, const char *name,
    struct bytes *content)
{
	struct bytes head = { 0 };

	if (name)
		put_str(&head, name);
	put_byte(to, id);
	put_u64(to, head.n + content->n);
	put(to, head.p, head.n);
	put(to, content->p, content->n);
	to->failed |= head.failed || content->failed;
	wrt__free(head.p);
	wrt__free(content->p);
	*content = (struct bytes){ 0 };
}

/* ---- The file ----------------------------------------------------------- */

static void
write_at(struct dump *d, const uint8_t *p, size_t n, uint64_t at)
{
	while (d->rc == WRT_OK && n > 0) {
		ssize_t k = pwrite(d->fd, p, n, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			d->rc = WRT_ESYS;
			return;
		}
		p += k;
		n -= (size_t)k;
		at += (uint64_t)k;
	}
}

static void
flush(struct dump *d)
{
	if (d->out.failed && d->rc == WRT_OK)
		d->rc = WRT_ENOMEM;
	write_at(d, d->out.p, d->out.n, d->at);
	d->at += d->out.n;
	d->out.n = 0;
}

/* ---- What there is ------------------------------------------------------- */

static uint32_t
index_of(void *const *list, uint32_t n, const void *x)
{
	uint32_t i = 0;

	while (i < n && list[i] != x)
		i++;
	return i;
}

static void
add(void **list, uint32_t *n, void *x)
{
	if (index_of(list, *n, x) == *n)
		list[(*n)++] = x;
}

/* A global is one cell, whoever imports it. */
static uint32_t
global_index(const struct dump *d, const struct wrt_global *g)
{
	uint32_t i = 0;

	while (i < d->nglobals && d->globals[i]->cell != g->cell)
		i++;
	return i;
}

/* The instance that trapped is number 0. */
static bool
collect(struct dump *d)
{
	wrt_instance *first = wrt__group_of(&d->inst->group)->members;
	size_t ni = 0, nm = 0, ng = 0;

	for (wrt_instance *i = first; i; i = i->next) {
		ni++;
		nm += i->module->nmemories;
		ng += i->module->nglobals;
	}
	d->insts = wrt__calloc(ni + 1, sizeof *d->insts);
	d->modules = wrt__calloc(ni + 1, sizeof *d->modules);
	d->mems = wrt__calloc(nm + 1, sizeof *d->mems);
	d->globals = wrt__calloc(ng + 1, sizeof *d->globals);
	if (!d->insts || !d->modules || !d->mems || !d->globals)
		return false;
	add((void **)d->insts, &d->ninsts, d->inst);
	for (wrt_instance *i = first; i; i = i->next)
		add((void **)d->insts, &d->ninsts, i);
	for (uint32_t k = 0; k < d->ninsts; k++) {
		wrt_instance *i = d->insts[k];

		add((void **)d->modules, &d->nmodules, i->module);
		for (uint32_t m = 0; m < i->module->nmemories; m++)
			if (i->mems[m])
				add((void **)d->mems, &d->nmems, i->mems[m]);
		for (uint32_t g = 0; g < i->module->nglobals; g++)
			if (i->globals[g].cell &&
			    global_index(d, &i->globals[g]) == d->nglobals)
				d->globals[d->nglobals++] = &i->globals[g];
	}
	return true;
}

/* ---- Custom sections ---------------------------------------------------- */

static void
put_core(struct dump *d)
{
	struct bytes b = { 0 };

	put_byte(&b, 0);
	put_str(&b, wrt__label(d->inst->module));
	put_section(&d->out, SEC_CUSTOM, "core", &b);
}

static void
put_modules(struct dump *d)
{
	struct bytes b = { 0 };

	put_u64(&b, d->nmodules);
	for (uint32_t i = 0; i < d->nmodules; i++) {
		put_byte(&b, 0);
		put_str(&b, wrt__label(d->modules[i]));
	}
	put_section(&d->out, SEC_CUSTOM, "coremodules", &b);
}

static void
put_instances(struct dump *d)
{
	struct bytes b = { 0 };

	put_u64(&b, d->ninsts);
	for (uint32_t k = 0; k < d->ninsts; k++) {
		wrt_instance *i = d->insts[k];

		put_byte(&b, 0);
		put_u64(&b, index_of((void **)d->modules, d->nmodules,
		    i->module));
		put_u64(&b, i->module->nmemories);
		for (uint32_t m = 0; m < i->module->nmemories; m++)
			put_u64(&b, index_of((void **)d->mems, d->nmems,
			    i->mems[m]));
		put_u64(&b, i->module->nglobals);
		for (uint32_t g = 0; g < i->module->nglobals; g++)
			put_u64(&b, global_index(d, &i->globals[g]));
	}
	put_section(&d->out, SEC_CUSTOM, "coreinstances", &b);
}

/* Frames name their module by a string of its own.  Of several instances of
 * one module the first is meant, which is the one that trapped if it is among
 * them. */
static uint32_t
instance_of(const struct dump *d, const struct wrt_frame *f)
{
	for (uint32_t k = 0; k < d->ninsts; k++)
		if (wrt__label(d->insts[k]->module) == f->module)
			return k;
	return 0;
}

static void
put_frame(struct dump *d, struct bytes *b, const struct wrt_frame *f)
{
	uint32_t k = instance_of(d, f), n = 0;
	const struct wrt_module *m = d->insts[k]->module;

	if (f->func_idx < m->nfuncs)
		n = WRT__META(m, types)[WRT__META(m, funcs)[f->func_idx]
		    .type_idx].params.n;
	put_byte(b, 0);
	put_u64(b, k);
	put_u64(b, f->func_idx);
	put_u64(b, f->func_off == UINT32_MAX ? 0 : f->func_off);
	put_u64(b, n);
	while (n-- > 0)
		put_byte(b, 1);		/* missing */
	put_u64(b, 0);
}

static void
put_stack(struct dump *d, const struct wrt_trap *t)
{
	struct bytes b = { 0 };

	put_byte(&b, 0);
	put_str(&b, "main");
	put_u64(&b, t->nframes);
	for (size_t i = 0; i < t->nframes; i++)
		put_frame(d, &b, &t->frames[i]);
	put_section(&d->out, SEC_CUSTOM, "corestack", &b);
}

/* ---- Memories, globals -------------------------------------------------- */

static void
put_memories(struct dump *d)
{
	struct bytes b = { 0 };

	put_u64(&b, d->nmems);
	for (uint32_t i = 0; i < d->nmems; i++) {
		const struct wrt_memory *m = d->mems[i];
		bool small = m->limits.page_log2 != 16;

		put_byte(&b, (uint8_t)((m->limits.is64 ? 4 : 0) |
		    (small ? 8 : 0)));
		put_u64(&b, wrt__mem_pages(m));
		if (small)
			put_u64(&b, m->limits.page_log2);
	}
	put_section(&d->out, SEC_MEMORY, NULL, &b);
}

/* What a reference refers to is not in the file. */
static void
put_global(struct bytes *b, const struct wrt_global *g)
{
	uint8_t type = g->type.type;

	put_byte(b, type);
	put_byte(b, g->mut);
	switch (type) {
	case WABI_I32:
		put_byte(b, 0x41);
		put_s64(b, (int32_t)g->cell->i32);
		break;
	case WABI_I64:
		put_byte(b, 0x42);
		put_s64(b, (int64_t)g->cell->i64);
		break;
	case WABI_F32:
		put_byte(b, 0x43);
		put(b, g->cell, 4);
		break;
	case WABI_F64:
		put_byte(b, 0x44);
		put(b, g->cell, 8);
		break;
	case WABI_V128:
		put(b, "\xfd\x0c", 2);
		put(b, g->cell, 16);
		break;
	default:
		put_byte(b, 0xd0);
		put_byte(b, type);
	}
	put_byte(b, 0x0b);
}

static void
put_globals(struct dump *d)
{
	struct bytes b = { 0 };

	put_u64(&b, d->nglobals);
	for (uint32_t i = 0; i < d->nglobals; i++)
		put_global(&b, d->globals[i]);
	put_section(&d->out, SEC_GLOBAL, NULL, &b);
}

/* ---- Data --------------------------------------------------------------- */

static void
put_segment(struct dump *d, uint32_t mem, uint64_t off, const uint8_t *p,
    size_t n)
{
	struct bytes *b = &d->out;

	put_u64(b, mem ? 2 : 0);
	if (mem)
		put_u64(b, mem);
	put_byte(b, d->mems[mem]->limits.is64 ? 0x42 : 0x41);
	put_s64(b, d->mems[mem]->limits.is64 ? (int64_t)off :
	    (int32_t)(uint32_t)off);
	put_byte(b, 0x0b);
	put_u64(b, n);
	put(b, p, n);
}

struct walk {
	struct dump *d;
	uint32_t mem, segments;
	uint64_t bytes;			/* of the memory */
};

/* The last run may be longer than the memory. */
static int
on_run(void *arg, uint64_t addr, const void *p, size_t n)
{
	struct walk *w = arg;

	if (addr >= w->bytes)
		return WRT_OK;
	if (n > w->bytes - addr)
		n = (size_t)(w->bytes - addr);
	put_segment(w->d, w->mem, addr, p, n);
	w->segments++;
	flush(w->d);
	return w->d->rc;
}

static uint32_t
put_memory(struct dump *d, uint32_t mem)
{
	struct walk w = { d, mem, 0, wrt__mem_bytes(d->mems[mem]) };
	int rc = wrt_memory_walk(d->mems[mem], on_run, &w);

	if (d->rc == WRT_OK)
		d->rc = rc;
	return w.segments;
}

static void
put_data(struct dump *d)
{
	uint8_t head[1 + 2 * LEB5] = { SEC_DATA };
	uint32_t segments = 0;
	uint64_t start;

	flush(d);
	start = d->at;
	d->at += sizeof head;
	for (uint32_t i = 0; i < d->nmems && d->rc == WRT_OK; i++)
		segments += put_memory(d, i);
	if (d->rc == WRT_OK && d->at - start - 1 - LEB5 > UINT32_MAX)
		d->rc = WRT_ELIMIT;
	leb5(head + 1, (uint32_t)(d->at - start - 1 - LEB5));
	leb5(head + 1 + LEB5, segments);
	write_at(d, head, sizeof head, start);
	/* What was there before is longer. */
	if (d->rc == WRT_OK && ftruncate(d->fd, (off_t)d->at) < 0)
		d->rc = WRT_ESYS;
}

/* ---- All of it ---------------------------------------------------------- */

static void
put_all(struct dump *d, const struct wrt_trap *t)
{
	put(&d->out, "\0asm\1\0\0\0", 8);
	put_core(d);
	put_modules(d);
	put_instances(d);
	put_stack(d, t);
	put_memories(d);
	put_globals(d);
	put_data(d);
}

int
wrt_trap_coredump(wrt_instance *i, int fd, struct wrt_error *err)
{
	struct dump d = { .inst = i, .fd = fd };
	struct wrt_trap t;

	if (!i || fd < 0)
		return wrt__fail(err, WRT_EINVAL, "no instance or no file");
	if (wrt_trap_get(i, &t) != WRT_OK)
		return wrt__fail(err, WRT_ESTATE, "it has not trapped");
	if (collect(&d))
		put_all(&d, &t);
	else
		d.rc = WRT_ENOMEM;
	wrt__free(d.out.p);
	wrt__free(d.insts);
	wrt__free(d.modules);
	wrt__free(d.mems);
	wrt__free(d.globals);
	if (d.rc == WRT_OK)
		return WRT_OK;
	return wrt__fail(err, d.rc, "the core dump is not written: %s",
	    d.rc == WRT_ESYS ? strerror(errno) : d.rc == WRT_ELIMIT ?
	    "more than 4 GiB of memory in use" : wrt_status_text(d.rc));
}
