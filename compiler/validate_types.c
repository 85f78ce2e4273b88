/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate_types.c: the type section: equality and subtyping of types.
 *
 * Types are equal if their recursion groups are equal as wholes: same number
 * of members, same structure, references inside the group at the same place,
 * references out of it to equal types.  Groups are taken in order; each is
 * looked up in a hash table of those before it, and type.canon names the first
 * type of the module that is equal.  From then on types are compared by canon
 * alone.
 * Specification: "Validation", "Types", "Matching".
 */
#include <string.h>
#include <sys/random.h>

#include "arena.h"
#include "validate.h"

/* Engines agree on this bound; it also makes every subtype test short. */
#define MAX_SUB_DEPTH	63

/* ---- Matching ---- */

static bool
abstract_sub(uint32_t a, uint32_t b)
{
	switch (a) {
	case HT_BOT:
		return true;
	case HT_I31: case HT_STRUCT: case HT_ARRAY:
		return b == HT_EQ || b == HT_ANY;
	case HT_EQ:
		return b == HT_ANY;
	case HT_NONE:
		return b == HT_I31 || b == HT_STRUCT || b == HT_ARRAY ||
		    b == HT_EQ || b == HT_ANY;
	case HT_NOFUNC:
		return b == HT_FUNC;
	case HT_NOEXTERN:
		return b == HT_EXTERN;
	case HT_NOEXN:
		return b == HT_EXN;
	case HT_NOCONT:
		return b == HT_CONT;
	default:
		return false;
	}
}

/* The abstract type just above a defined one, and the one below it. */
static uint32_t
above(const struct type *t)
{
	switch (t->comp) {
	case COMP_FUNC: return HT_FUNC;
	case COMP_STRUCT: return HT_STRUCT;
	case COMP_ARRAY: return HT_ARRAY;
	default: return HT_CONT;
	}
}

static uint32_t
below(const struct type *t)
{
	switch (t->comp) {
	case COMP_FUNC: return HT_NOFUNC;
	case COMP_CONT: return HT_NOCONT;
	default: return HT_NONE;
	}
}

static bool
defined_sub(const struct module *m, uint32_t a, uint32_t b)
{
	uint32_t canon = m->types[b].canon;

	for (; a != NO_IDX; a = m->types[a].super)
		if (m->types[a].canon == canon)
			return true;
	return false;
}

bool
heap_sub(const struct module *m, uint32_t a, uint32_t b)
{
	if (a == b || a == HT_BOT)
		return true;
	if (!(b & HT_ABSTRACT)) {
		if (!(a & HT_ABSTRACT))
			return defined_sub(m, a, b);
		return a == below(&m->types[b]);
	}
	if (!(a & HT_ABSTRACT)) {
		a = above(&m->types[a]);
		if (a == b)
			return true;
	}
	return abstract_sub(a, b);
}

bool
vtype_sub(const struct module *m, struct vtype a, struct vtype b)
{
	if (a.kind == T_BOT)
		return true;
	if (a.kind != b.kind)
		return false;
	return a.kind != T_REF || ((b.nullable || !a.nullable) &&
	    heap_sub(m, a.heap, b.heap));
}

bool
vtype_equal(const struct module *m, struct vtype a, struct vtype b)
{
	return vtype_sub(m, a, b) && vtype_sub(m, b, a);
}

bool
vtypes_sub(const struct module *m, struct vtypes a, struct vtypes b)
{
	if (a.n != b.n)
		return false;
	for (uint32_t i = 0; i < a.n; i++)
		if (!vtype_sub(m, a.t[i], b.t[i]))
			return false;
	return true;
}

bool
func_sub(const struct module *m, const struct type *a, const struct type *b)
{
	return vtypes_sub(m, b->params, a->params) &&
	    vtypes_sub(m, a->results, b->results);
}

static bool
field_sub(const struct module *m, struct field a, struct field b)
{
	return a.mut == b.mut && (a.mut ? vtype_equal(m, a.type, b.type) :
	    vtype_sub(m, a.type, b.type));
}

/* May a be declared a subtype of b? */
static bool
comp_sub(const struct module *m, const struct type *a, const struct type *b)
{
	if (a->comp != b->comp)
		return false;
	if (a->comp == COMP_FUNC)
		return func_sub(m, a, b);
	if (a->comp == COMP_CONT)
		return heap_sub(m, a->cont, b->cont);
	if (a->nfields < b->nfields)
		return false;
	for (uint32_t i = 0; i < b->nfields; i++)
		if (!field_sub(m, a->fields[i], b->fields[i]))
			return false;
	return true;
}

/* ---- Indices ---- */

static void
check_idx(struct validator *v, uint32_t idx, uint32_t end)
{
	if (!(idx & HT_ABSTRACT) && idx >= end)
		v_fail(v, "unknown type %u", idx);
}

static void
check_vtype_idx(struct validator *v, struct vtype t, uint32_t end)
{
	if (t.kind == T_REF)
		check_idx(v, t.heap, end);
	else if (t.kind == T_I8 || t.kind == T_I16)
		return;
	if (t.kind != T_REF || t.heap & HT_ABSTRACT || t.heap < v->m->ntypes)
		v_vtype(v, t);
}

/* References reach to the end of the group, a supertype lies before. */
static void
check_indices(struct validator *v, uint32_t idx)
{
	const struct type *t = &v->m->types[idx];
	uint32_t end = t->rec_first + t->rec_n;

	for (uint32_t i = 0; i < t->params.n; i++)
		check_vtype_idx(v, t->params.t[i], end);
	for (uint32_t i = 0; i < t->results.n; i++)
		check_vtype_idx(v, t->results.t[i], end);
	for (uint32_t i = 0; i < t->nfields; i++)
		check_vtype_idx(v, t->fields[i].type, end);
	if (t->comp == COMP_CONT) {
		check_idx(v, t->cont, end);
		if (v->m->types[t->cont].comp != COMP_FUNC)
			v_fail(v, "type mismatch: type %u is no function type",
			    t->cont);
	}
	if (t->super != NO_IDX && t->super >= idx)
		v_fail(v, "unknown type %u", t->super);
}

/* ---- Hash of a group ---- */

struct hash {
	const struct module *m;
	uint32_t first, n;		/* the group */
	uint64_t h, seed;
};

static void
mix(struct hash *h, uint64_t x)
{
	__uint128_t p = (__uint128_t)(h->h ^ x ^ h->seed) *
	    (0x9e3779b97f4a7c15ull ^ (h->seed << 1));

	h->h = (uint64_t)p ^ (uint64_t)(p >> 64) ^ (x << 17 | x >> 47);
}

/* A reference as it counts for equality: inside the group by position, else
 * by canon; abstract ones as they are. */
static uint64_t
ref_key(const struct hash *h, uint32_t idx)
{
	if (idx & HT_ABSTRACT)
		return idx;		/* NO_IDX too */
	if (idx - h->first < h->n)
		return 1ull << 32 | (idx - h->first);
	return h->m->types[idx].canon;
}

static uint64_t
vtype_key(const struct hash *h, struct vtype t)
{
	if (t.kind != T_REF)
		return (uint64_t)t.kind << 40;
	return (uint64_t)t.kind << 40 | (uint64_t)t.nullable << 39 |
	    ref_key(h, t.heap);
}

static uint64_t
field_key(const struct hash *h, struct field f)
{
	return vtype_key(h, f.type) | (uint64_t)f.mut << 38;
}

static uint64_t
hash_group(const struct module *m, uint32_t first, uint64_t seed)
{
	struct hash h = { m, first, m->types[first].rec_n, seed, seed };

	for (uint32_t i = first; i < first + h.n; i++) {
		const struct type *t = &m->types[i];

		mix(&h, (uint64_t)t->comp << 1 | t->final);
		mix(&h, ref_key(&h, t->super));
		mix(&h, (uint64_t)t->params.n << 32 | t->results.n);
		for (uint32_t k = 0; k < t->params.n; k++)
			mix(&h, vtype_key(&h, t->params.t[k]));
		for (uint32_t k = 0; k < t->results.n; k++)
			mix(&h, vtype_key(&h, t->results.t[k]));
		mix(&h, t->nfields);
		for (uint32_t k = 0; k < t->nfields; k++)
			mix(&h, field_key(&h, t->fields[k]));
		if (t->comp == COMP_CONT)
			mix(&h, ref_key(&h, t->cont));
	}
	return h.h;
}

/* ---- Equality of groups ---- */

static bool
same_vtypes(const struct hash *a, struct vtypes x, const struct hash *b,
    struct vtypes y)
{
	if (x.n != y.n)
		return false;
	for (uint32_t i = 0; i < x.n; i++)
		if (vtype_key(a, x.t[i]) != vtype_key(b, y.t[i]))
			return false;
	return true;
}

static bool
same_type(const struct hash *a, const struct type *x, const struct hash *b,
    const struct type *y)
{
	if (x->comp != y->comp || x->final != y->final ||
	    x->nfields != y->nfields ||
	    ref_key(a, x->super) != ref_key(b, y->super) ||
	    !same_vtypes(a, x->params, b, y->params) ||
	    !same_vtypes(a, x->results, b, y->results))
		return false;
	for (uint32_t i = 0; i < x->nfields; i++)
		if (field_key(a, x->fields[i]) != field_key(b, y->fields[i]))
			return false;
	return x->comp != COMP_CONT ||
	    ref_key(a, x->cont) == ref_key(b, y->cont);
}

static bool
same_group(const struct module *m, uint32_t p, uint32_t q)
{
	struct hash a = { .m = m, .first = p, .n = m->types[p].rec_n };
	struct hash b = { .m = m, .first = q, .n = m->types[q].rec_n };

	if (a.n != b.n)
		return false;
	for (uint32_t i = 0; i < a.n; i++)
		if (!same_type(&a, &m->types[p + i], &b, &m->types[q + i]))
			return false;
	return true;
}

/* ---- The section ---- */

/* Groups seen, by hash: open addressing, at most half full. */
struct groups {
	struct { uint64_t hash; uint32_t first; } *slot;
	size_t mask;
	uint64_t seed;
};

/* The first group that is equal to this one: perhaps itself. */
static uint32_t
find_group(struct groups *g, const struct module *m, uint32_t first)
{
	uint64_t h = hash_group(m, first, g->seed);
	size_t i = h & g->mask;

	for (; g->slot[i].first != NO_IDX; i = (i + 1) & g->mask)
		if (g->slot[i].hash == h &&
		    same_group(m, g->slot[i].first, first))
			return g->slot[i].first;
	g->slot[i].hash = h;
	g->slot[i].first = first;
	return first;
}

static void
open_groups(struct validator *v, struct groups *g)
{
	size_t n = 16;

	while (n < 2 * (size_t)v->m->ntypes)
		n *= 2;
	g->slot = arena_alloc(&v->c->scratch, n, sizeof *g->slot);
	for (size_t i = 0; i < n; i++)
		g->slot[i].first = NO_IDX;
	g->mask = n - 1;
	/* Nobody outside shall be able to make groups collide. */
	if (getrandom(&g->seed, sizeof g->seed, GRND_NONBLOCK) !=
	    (ssize_t)sizeof g->seed)
		g->seed = (uintptr_t)g->slot ^ 0x243f6a8885a308d3ull;
}

/* Depths first: they bound every walk from a type to its supertypes. */
static void
check_depth(struct validator *v, uint32_t idx, uint8_t *depth)
{
	uint32_t super = v->m->types[idx].super;

	depth[idx] = 0;
	if (super == NO_IDX)
		return;
	if (v->m->types[super].final)
		v_fail(v, "sub type: type %u is final", super);
	if (depth[super] == MAX_SUB_DEPTH)
		v_fail(v, "sub type: more than %u supertypes", MAX_SUB_DEPTH);
	depth[idx] = (uint8_t)(depth[super] + 1);
}

static void
check_super(struct validator *v, uint32_t idx)
{
	const struct type *t = &v->m->types[idx];

	if (t->super != NO_IDX &&
	    !comp_sub(v->m, t, &v->m->types[t->super]))
		v_fail(v, "sub type: type %u does not match its supertype %u",
		    idx, t->super);
}

static uint64_t
features_of(const struct type *t)
{
	uint64_t set = 0;

	if (t->rec_n > 1 || !t->final || t->super != NO_IDX ||
	    t->comp == COMP_STRUCT || t->comp == COMP_ARRAY)
		set |= FEAT_BIT(FEAT_GC);
	if (t->comp == COMP_CONT)
		set |= FEAT_BIT(FEAT_STACK_SWITCHING);
	if (t->results.n > 1)
		set |= FEAT_BIT(FEAT_MULTI_VALUE);
	return set;
}

static void
check_group(struct validator *v, struct groups *g, uint32_t first,
    uint8_t *depth)
{
	struct type *types = v->m->types;
	uint32_t end = first + types[first].rec_n, canon;

	for (uint32_t i = first; i < end; i++) {
		v->in.offset = types[i].offset;
		check_indices(v, i);
		check_depth(v, i, depth);
		v->m->features_used |= features_of(&types[i]);
	}
	canon = find_group(g, v->m, first);
	for (uint32_t i = first; i < end; i++)
		types[i].canon = canon + (i - first);
	for (uint32_t i = first; i < end; i++) {
		v->in.offset = types[i].offset;
		check_super(v, i);
	}
}

void
v_types(struct validator *v)
{
	struct groups g;
	uint8_t *depth;

	v->c->section = "type";
	open_groups(v, &g);
	depth = ARENA_NEW(&v->c->scratch, v->m->ntypes, uint8_t);
	for (uint32_t i = 0; i < v->m->ntypes; i += v->m->types[i].rec_n)
		check_group(v, &g, i, depth);
	arena_reset(&v->c->scratch);
}
