/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cut.c: which functions make a part, and how much work each part is worth.
 *
 * The cut depends on the module and the level alone, never on the number of
 * threads: the same input gives the same bytes.  Where a part ends is chosen
 * by the names of the functions around there, so that a change of one function
 * moves no boundary but its own: the other parts stay the same, and a cache
 * has them (partcache.c).
 *
 * LLVM's time on one function grows faster than its size, and with the square
 * of how deep loops and conditions are nested.  A function above the budget of
 * its level is a part of its own and gets the next lower level whose budget it
 * is below: docs/COMPILING.md.
 */
#include "parts.h"

#define ALONE_BYTES	(1u << 20)	/* up to here one part */
#define MIN_BYTES	(256u << 10)	/* of a part */
#define MAX_BYTES	(768u << 10)

/* The largest body that is compiled at each level, in bytes. */
static const uint64_t budget[4] = {
	UINT64_MAX, 128 << 10, 256 << 10, 256 << 10
};
#define MAX_NEST	1000u

struct cut {
	struct parts *out;
	const struct module *m;
	bool lines_as_are;		/* nothing of ours is done after the
					 * link */
};

static uint64_t
own_bytes(const struct module *m)
{
	uint64_t n = 0;

	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++)
		n += m->funcs[i].body.n;
	return n;
}

/* ---- Budget ---- */

int
cut_level(const struct plan *p, uint32_t func)
{
	const struct func *f = &p->m->funcs[func];
	int level = f->nest > MAX_NEST ? 0 : p->opt_level;

	while (f->body.n > budget[level])
		level--;
	return level;
}

/* ---- Boundaries ---- */

/* Of what stays when a function's body changes: its name; without one the
 * body must do. */
static uint64_t
cut_hash(const struct func *f)
{
	uint64_t h = slice_hash(f->name.n ? f->name : f->body);

	h ^= h >> 32;
	return h * 0x9e3779b97f4a7c15ull;
}

/* Where the part that begins with `first` ends: before the function with the
 * smallest hash, of those that make the part neither small nor large. */
static uint32_t
cut_end(const struct module *m, uint32_t first, uint32_t end)
{
	uint64_t bytes = 0, least = UINT64_MAX;
	uint32_t best = end;

	for (uint32_t i = first; i < end; i++) {
		uint64_t h;

		if (i > first && bytes >= MIN_BYTES &&
		    (h = cut_hash(&m->funcs[i])) < least) {
			least = h;
			best = i;
		}
		bytes += m->funcs[i].body.n;
		if (bytes > MAX_BYTES)
			return best < end ? best : i + 1;
	}
	return end;
}

static void
cut_add(struct cut *k, uint32_t first, uint32_t end, int level)
{
	struct part *p = &k->out->parts[k->out->n];

	*p = (struct part){ .plan = &k->out->plans[level],
	    .index = k->out->n, .first = first, .end = end,
	    .with_thunks = k->out->n == 0 };
	for (uint32_t i = first; i < end; i++)
		p->bytes += k->m->funcs[i].body.n;
	if (k->out->n++ > 0 && !k->lines_as_are)
		p->line_base = (uint32_t)k->m->funcs[first].offset - 1;
}

/* Functions [first, end), none of them above its budget. */
static void
cut_run(struct cut *k, uint32_t first, uint32_t end)
{
	while (first < end) {
		uint32_t next = cut_end(k->m, first, end);

		cut_add(k, first, next, k->out->plan->opt_level);
		first = next;
	}
}

/* All in one part; what is above the budget is tamed there (parts.c). */
static void
cut_one(struct cut *k)
{
	cut_add(k, k->m->nfuncs_imported, k->m->nfuncs,
	    k->out->plan->opt_level);
	k->out->parts[0].alone = true;
}

static void
cut_many(struct cut *k)
{
	const struct plan *p = k->out->plan;
	uint32_t first = k->m->nfuncs_imported;

	for (uint32_t i = first; i < k->m->nfuncs; i++) {
		int level = cut_level(p, i);

		if (level == p->opt_level)
			continue;
		cut_run(k, first, i);
		cut_add(k, i, i + 1, level);
		first = i + 1;
	}
	cut_run(k, first, k->m->nfuncs);
}

/* A plan for each level, of CPUs and of optimisation. */
static void
make_plans(struct compile *c, const struct plan *levels, struct parts *out)
{
	struct plan *plans = ARENA_NEW(&c->arena, 4 * out->nlevels,
	    struct plan);

	for (unsigned i = 0; i < 4 * out->nlevels; i++) {
		plans[i] = levels[i / 4];
		plans[i].opt_level = (int)(i % 4);
	}
	out->plans = plans;
}

/* The first level's parts for the others too. */
static void
repeat_parts(struct parts *out)
{
	unsigned n = out->n;

	for (unsigned i = n; i < n * out->nlevels; i++) {
		out->parts[i] = out->parts[i - n];
		out->parts[i].index = i;
		out->parts[i].plan += 4;
	}
	out->n = n * out->nlevels;
}

void
parts_cut(struct compile *c, const struct plan *p, unsigned nlevels, bool one,
    struct parts *out)
{
	const struct module *m = p->m;
	struct cut k = { out, m, c->opt->emit != WASMC_EMIT_SO };
	uint64_t total = own_bytes(m);
	uint32_t nhuge = 0;

	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++)
		nhuge += cut_level(p, i) != p->opt_level;
	out->plan = p;
	out->nlevels = nlevels;
	make_plans(c, p, out);
	out->parts = ARENA_NEW(&c->arena, nlevels *
	    (total / MIN_BYTES + 2ull * nhuge + 2), struct part);
	if (one || (total <= ALONE_BYTES && nhuge == 0))
		cut_one(&k);
	else
		cut_many(&k);
	out->line_bases = ARENA_NEW(&c->arena, m->nfuncs, uint32_t);
	for (unsigned i = 0; i < out->n; i++)
		for (uint32_t f = out->parts[i].first; f < out->parts[i].end;
		    f++)
			out->line_bases[f] = out->parts[i].line_base;
	repeat_parts(out);
	out->fds = ARENA_NEW(&c->arena, out->n, int);
	for (unsigned i = 0; i < out->n; i++)
		out->fds[i] = -1;
}
