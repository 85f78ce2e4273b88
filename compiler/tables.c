/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * tables.c: which tables hold, as long as an instance lives, what their element
 * segments put there.
 *
 * A C compiler's table of functions is written by segments alone.  If neither
 * the module's code nor anybody else writes such a table, and each entry is a
 * function of the module or null, then its contents are part of the code.
 * What must hold for that:
 *
 *   own          it is not imported, and the module does not export it
 *   unwritten    no body has a table.set, grow, fill, copy or init of it
 *   known        first value, places and items of its segments are constants,
 *                and all lie within it
 *   all or none  segments before its own cannot fail: an instance that was
 *                begun and not finished may still be called through tables of
 *                others
 *
 * An imported function may be in it if its type is final, for then it is known
 * which calls may go there: those of just that type.
 */
#include "tables.h"

/* Entries, beyond which a table is like any other. */
#define MAX_ENTRIES	(1u << 16)

static bool
is_exported(const struct module *m, uint32_t table)
{
	for (uint32_t i = 0; i < m->nexports; i++)
		if (m->exports[i].kind == KIND_TABLE &&
		    m->exports[i].index == table)
			return true;
	return false;
}

static bool
is_candidate(const struct module *m, uint32_t table)
{
	const struct table *t = &m->tables[table];

	return !t->imported && !t->written && t->type.kind == T_REF &&
	    (t->type.heap == HT_FUNC || (!(t->type.heap & HT_ABSTRACT) &&
		m->types[t->type.heap].comp == COMP_FUNC)) &&
	    t->limits.min > 0 && t->limits.min <= MAX_ENTRIES &&
	    !is_exported(m, table);
}

/* A reference that a constant expression makes. */
static bool
known_ref(const struct wabi_init *in, uint32_t *func)
{
	if (in->how == WABI_INIT_FUNC)
		*func = in->index;
	else if (in->how == WABI_INIT_CONST)
		*func = NO_IDX;		/* null */
	else
		return false;
	return true;
}

/* Where an active segment begins, if it lies within an own table for sure. */
static bool
known_place(const struct plan *p, uint32_t seg, uint64_t *at)
{
	const struct elem *e = &p->m->elems[seg];
	const struct table *t = &p->m->tables[e->table];
	const struct wabi_init *in = &p->ce.elem_at[seg];

	*at = t->limits.is64 ? in->val.i64 : in->val.i32;
	return in->how == WABI_INIT_CONST && !t->imported &&
	    *at <= t->limits.min && e->n <= t->limits.min - *at;
}

/* May the function be in such a table? */
static bool
is_plain(const struct module *m, uint32_t func)
{
	return func == NO_IDX || !m->funcs[func].imported ||
	    m->types[m->funcs[func].type].final;
}

static bool
put_item(const struct plan *p, uint32_t seg, uint32_t k, uint32_t *entry)
{
	const struct elem *e = &p->m->elems[seg];

	if (e->funcs)
		*entry = e->funcs[k];
	else if (!known_ref(&p->ce.elem_items[seg][k], entry))
		return false;
	return is_plain(p->m, *entry);
}

/* What the segments make of the table, in their order. */
static bool
put_segments(const struct plan *p, uint32_t table, uint32_t *funcs)
{
	const struct module *m = p->m;
	uint32_t last = 0;
	uint64_t at;

	for (uint32_t i = 0; i < m->nelems; i++)
		if (m->elems[i].mode == SEG_ACTIVE &&
		    m->elems[i].table == table)
			last = i + 1;
	for (uint32_t i = 0; i < last; i++) {
		const struct elem *e = &m->elems[i];

		if (e->mode != SEG_ACTIVE)
			continue;
		if (!known_place(p, i, &at))
			return false;
		for (uint32_t k = 0; e->table == table && k < e->n; k++)
			if (!put_item(p, i, k, &funcs[at + k]))
				return false;
	}
	return true;
}

static void
count_callees(struct compile *c, const struct plan *p, struct fixed_table *t)
{
	t->callees = ARENA_NEW(&c->arena, p->m->ntypes, struct fixed_callees);
	for (uint32_t k = 0; k < t->n; k++) {
		uint32_t f = t->funcs[k];
		struct fixed_callees *of;

		if (f == NO_IDX)
			continue;
		of = &t->callees[p->m->types[p->m->funcs[f].type].canon];
		if (of->n == 0 || of->last != f)
			of->n++;
		of->last = f;
		of->imported |= p->m->funcs[f].imported;
	}
}

static void
make_one(struct compile *c, struct plan *p, uint32_t table)
{
	const struct table *t = &p->m->tables[table];
	struct fixed_table *out = &p->fixed[table];
	uint32_t n = (uint32_t)t->limits.min, first = NO_IDX, *funcs;

	if (t->has_init && (!known_ref(&p->ce.tables[table -
	    p->m->ntables_imported], &first) || !is_plain(p->m, first)))
		return;
	funcs = ARENA_NEW(&c->arena, n, uint32_t);
	for (uint32_t k = 0; k < n; k++)
		funcs[k] = first;
	if (!put_segments(p, table, funcs))
		return;
	out->funcs = funcs;
	out->n = n;
	count_callees(c, p, out);
}

void
tables_make(struct compile *c, struct plan *p)
{
	p->fixed = ARENA_NEW(&c->arena, p->m->ntables, struct fixed_table);
	for (uint32_t i = p->m->ntables_imported; i < p->m->ntables; i++)
		if (is_candidate(p->m, i))
			make_one(c, p, i);
}

uint32_t
fixed_class(const struct plan *p, uint32_t func)
{
	return func == NO_IDX ? 0 : p->m->types[p->m->funcs[func].type].canon
	    + 1;
}

const struct fixed_callees *
fixed_callees(const struct plan *p, uint32_t table, uint32_t type)
{
	const struct fixed_table *t = &p->fixed[table];
	const struct fixed_callees *of;

	if (!t->funcs || !p->m->types[type].final)
		return NULL;
	of = &t->callees[p->m->types[type].canon];
	return of->n && !of->imported ? of : NULL;
}
