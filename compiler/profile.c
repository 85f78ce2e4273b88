/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * profile.c: the places of a body that are counted, and profiles read.
 *
 * A profile is a file that anybody may have written: every number in it is
 * checked before it leads anywhere.  A function is known again by its index and
 * the hash of its body, or, where others have come before it, by the hash
 * alone if no other function has it.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "profile.h"

/* ---- Places ---- */

uint32_t
profile_counters(const struct module *m, const struct insn *in)
{
	switch (in->op) {
	case OP_IF: case OP_BR_IF:
		return 2;
	case OP_BR_TABLE:
		return in->nlabels;
	case OP_CALL_INDIRECT:
		return m->tables[in->index2].limits.is64 ? 0 : PROFILE_CALL;
	default:
		return 0;
	}
}

uint32_t
profile_func_counters(struct compile *c, const struct func *f)
{
	struct reader r = rd_open(c, f->body);
	const struct local_run *runs;
	struct insn in;
	uint32_t n = 1;

	locals_read(&r, 0, &runs);
	while (!rd_end(&r)) {
		insn_read(&r, &in);
		n += profile_counters(&c->module, &in);
	}
	arena_reset(&c->scratch);
	return n;
}

/* ---- Files ---- */

struct input {
	struct compile *c;
	const uint8_t *p;
	const char *name;
	struct profile_head head;
	struct profile_func *funcs;	/* sorted by hash, then index */
	bool known;			/* a function of the module's is in it */
};

static _Noreturn void
bad_file(struct input *in, const char *what)
{
	in->c->failing = WASMC_EINVALID;
	wc_fail(in->c, UINT64_MAX, "%s: %s", in->name, what);
}

static int
by_hash(const void *a, const void *b)
{
	const struct profile_func *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static void
open_input(struct input *in, const struct wasmc_file *f)
{
	static const char magic[8] = PROFILE_MAGIC;
	uint64_t sum, left;

	in->p = f->p;
	in->name = f->name;
	if (f->n < sizeof in->head + sizeof sum ||
	    memcmp(in->p, magic, sizeof magic))
		bad_file(in, "this is no profile, as runs of what was "
		    "compiled with --profile-generate write them");
	memcpy(&in->head, in->p, sizeof in->head);
	memcpy(&sum, in->p + f->n - sizeof sum, sizeof sum);
	left = f->n - sizeof sum;
	if (in->head.bytes != left ||
	    sum != slice_hash((struct slice){ in->p, left }) ||
	    in->head.nfuncs > (left - sizeof in->head) / sizeof *in->funcs)
		bad_file(in, "the profile is damaged");
	in->funcs = ARENA_NEW(&in->c->arena, in->head.nfuncs,
	    struct profile_func);
	memcpy(in->funcs, in->p + sizeof in->head,
	    in->head.nfuncs * sizeof *in->funcs);
	for (uint32_t i = 0; i < in->head.nfuncs; i++)
		if (in->funcs[i].at % 8 || in->funcs[i].at > left ||
		    in->funcs[i].n > (left - in->funcs[i].at) / 8)
			bad_file(in, "the profile is damaged");
	qsort(in->funcs, in->head.nfuncs, sizeof *in->funcs, by_hash);
}

static int
has_hash(const void *key, const void *elem)
{
	uint64_t hash = *(const uint64_t *)key;
	const struct profile_func *f = elem;

	return (hash > f->hash) - (hash < f->hash);
}

/* The one of that index; of another, if it is the only one of that hash. */
static const struct profile_func *
find_func(const struct input *in, uint64_t hash, uint32_t index)
{
	const struct profile_func key = { .hash = hash, .index = index };
	const struct profile_func *end = in->funcs + in->head.nfuncs;
	const struct profile_func *f;

	if (!in->head.nfuncs)
		return NULL;
	f = bsearch(&key, in->funcs, in->head.nfuncs, sizeof key, by_hash);
	if (f)
		return f;
	f = bsearch(&hash, in->funcs, in->head.nfuncs, sizeof key, has_hash);
	if (!f || (f > in->funcs && f[-1].hash == hash) ||
	    (f + 1 < end && f[1].hash == hash))
		return NULL;
	return f;
}

/* ---- Counts ---- */

static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX / 4 - b / 4 ? UINT64_MAX / 4 : a + b;
}

/* Pairs of keys and counts are joined: the least of ours gives way. */
static void
add_key(uint64_t *ours, uint64_t key, uint64_t n)
{
	uint64_t *least = ours;

	for (unsigned i = 0; key && i < PROFILE_KEYS; i++) {
		uint64_t *o = ours + 2 * i;

		if (o[0] == key || o[0] == 0) {
			o[0] = key;
			o[1] = sum(o[1], n);
			return;
		}
		if (o[1] < least[1])
			least = o;
	}
	if (key && n > least[1]) {
		least[0] = key;
		least[1] = n;
	}
}

static void
add_counts(const struct insn *in, uint64_t *to, const uint64_t *from,
    uint32_t n)
{
	bool call = in->op == OP_CALL_INDIRECT;

	for (uint32_t i = 0; i < (call ? 1 : n); i++)
		to[i] = sum(to[i], from[i]);
	for (uint32_t i = 1; call && i < n; i += 2)
		add_key(to + 1, from[i], from[i + 1]);
}

/* All counters of a function, of all files; NULL: in none. */
static uint64_t *
counts_of(struct compile *c, struct input *files, size_t nfiles, uint32_t f,
    uint32_t n)
{
	const struct func *fn = &c->module.funcs[f];
	uint64_t hash = slice_hash(fn->body);
	uint64_t *all = NULL, *one = NULL;

	for (size_t i = 0; i < nfiles; i++) {
		const struct profile_func *p = find_func(&files[i], hash, f);
		struct reader r = rd_open(c, fn->body);
		const struct local_run *runs;
		struct insn in;
		uint32_t at = 1;

		files[i].known |= p != NULL;
		if (!p || p->n != n)
			continue;
		if (!all)
			all = ARENA_NEW(&c->arena, n, uint64_t);
		one = ARENA_NEW(&c->arena, n, uint64_t);
		memcpy(one, files[i].p + p->at, 8ull * n);
		all[0] = sum(all[0], one[0]);
		locals_read(&r, 0, &runs);
		while (!rd_end(&r)) {
			uint32_t k;

			insn_read(&r, &in);
			k = profile_counters(&c->module, &in);
			add_counts(&in, all + at, one + at, k);
			at += k;
		}
		arena_reset(&c->scratch);
	}
	return all;
}

/* ---- Whom indirect calls call ---- */

/* The function that the table has at an index at first, if a segment says
 * so; the last one that does counts. */
static uint32_t
table_entry(struct compile *c, uint32_t table, uint64_t index)
{
	const struct module *m = &c->module;

	for (uint32_t i = m->nelems; i-- > 0;) {
		const struct elem *e = &m->elems[i];
		struct reader r;
		struct insn in, end;
		uint32_t at;

		if (e->mode != SEG_ACTIVE || e->table != table || !e->funcs)
			continue;
		r = rd_open(c, e->at.code);
		insn_read(&r, &in);
		if (in.op != OP_I32_CONST)
			continue;
		insn_read(&r, &end);
		at = (uint32_t)in.num;
		if (end.op == OP_END && index >= at && index - at < e->n)
			return e->funcs[index - at];
	}
	return NO_IDX;
}

/* Worth a test of its own: at least half of some calls. */
static uint32_t
usual_target(struct compile *c, const struct insn *in, const uint64_t *count)
{
	const struct module *m = &c->module;
	const uint64_t *most = count + 1;
	uint32_t f;

	for (unsigned i = 1; i < PROFILE_KEYS; i++)
		if (count[2 + 2 * i] > most[1])
			most = count + 1 + 2 * i;
	if (!most[0] || count[0] < 16 || most[1] < count[0] / 2)
		return NO_IDX;
	f = table_entry(c, in->index2, most[0] - 1);
	if (f == NO_IDX || m->funcs[f].imported ||
	    m->types[m->funcs[f].type].canon != m->types[in->index].canon)
		return NO_IDX;
	return f;
}

static void
add_sites(struct compile *c, struct profile *p, size_t *room, uint32_t f,
    uint64_t *count)
{
	struct reader r = rd_open(c, c->module.funcs[f].body);
	const struct local_run *runs;
	struct insn in;

	p->calls[f] = *count++;
	p->most = p->calls[f] > p->most ? p->calls[f] : p->most;
	locals_read(&r, 0, &runs);
	while (!rd_end(&r)) {
		uint32_t n;

		insn_read(&r, &in);
		n = profile_counters(&c->module, &in);
		if (!n)
			continue;
		if (p->nsites == *room) {
			*room = 2 * *room + 256;
			p->sites = arena_grow(&c->arena, p->sites, p->nsites,
			    *room, sizeof *p->sites);
		}
		p->sites[p->nsites++] = (struct profile_site){ in.offset,
		    count, n, in.op == OP_CALL_INDIRECT ?
		    usual_target(c, &in, count) : NO_IDX };
		count += n;
	}
	arena_reset(&c->scratch);
}

struct profile *
profile_read(struct compile *c, const struct wasmc_file *list, size_t n)
{
	const struct module *m = &c->module;
	struct profile *p = ARENA_NEW(&c->arena, 1, struct profile);
	struct input *files = ARENA_NEW(&c->arena, n, struct input);
	size_t room = 0;

	for (size_t i = 0; i < n; i++) {
		files[i].c = c;
		open_input(&files[i], &list[i]);
	}
	p->calls = ARENA_NEW(&c->arena, m->nfuncs, uint64_t);
	for (uint32_t f = 0; f < m->nfuncs; f++) {
		uint64_t *count;

		p->calls[f] = UINT64_MAX;
		if (f < m->nfuncs_imported)
			continue;
		count = counts_of(c, files, n, f,
		    profile_func_counters(c, &m->funcs[f]));
		if (count)
			add_sites(c, p, &room, f, count);
	}
	for (size_t i = 0; i < n; i++)
		if (!files[i].known && m->nfuncs > m->nfuncs_imported)
			bad_file(&files[i], "the profile is another module's: "
			    "none of its functions is in this one");
	return p;
}

static int
at_offset(const void *key, const void *elem)
{
	uint64_t offset = *(const uint64_t *)key;
	const struct profile_site *s = elem;

	return (offset > s->offset) - (offset < s->offset);
}

const struct profile_site *
profile_find(const struct profile *p, uint64_t offset)
{
	return p && p->nsites ? bsearch(&offset, p->sites, p->nsites,
	    sizeof *p->sites, at_offset) : NULL;
}
