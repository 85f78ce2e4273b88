/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * types.c: one number per type in the whole process.
 *
 * Two types are the same if their recursion groups are the same, place by
 * place, where a reference to a type inside the group counts as its place in
 * it and any other as the type it means (spec, 3.1.2).  So a group is written
 * down as a row of words, its key, in which types outside are already numbers,
 * and equal keys are equal groups: one table of keys is all there is.
 *
 * Nothing is ever removed, so that a number, once given, can be used without a
 * lock or a count.  The table grows with the distinct types that the process
 * has seen, up to MAX_TYPES.
 */
#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "load.h"

enum { CHUNK = 1024, NCHUNKS = 4096 };
#define MAX_TYPES	((uint32_t)CHUNK * NCHUNKS)	/* number 0 is none */

struct ctype {
	uint8_t comp;
	uint32_t super;			/* number, or 0 */
	struct wrt_functype func;	/* WABI_COMP_FUNC */
	bool func_refs;			/* it takes or gives references */
	struct wrt__gctype gc;		/* the others */
};

struct group {
	struct group *next;		/* in its bucket */
	uint32_t hash, first, nwords;
	uint32_t key[];
};

/* Written under the lock, read without: a chunk stays where it is, and its
 * address is published before a number in it is given to anybody. */
static _Atomic(struct ctype *) chunks[NCHUNKS];

/* Per type its supertypes and itself, for casts in generated code: address
 * space for all types there can be. */
static uint32_t (*rtt)[WABI_RTT_DEPTH];

pthread_mutex_t wrt__types_lock = PTHREAD_MUTEX_INITIALIZER;
static struct group **buckets;
static uint32_t nbuckets, ngroups, ntypes = 1;

static struct ctype *
ctype_of(uint32_t id)
{
	struct ctype *c = atomic_load_explicit(&chunks[id / CHUNK],
	    memory_order_acquire);

	assert(id && c);
	return &c[id % CHUNK];
}

/* ---- Keys ---- */

/* A growing row of words. */
struct words {
	uint32_t *w;
	uint32_t n, room;
	bool failed;
};

static void
put(struct words *k, uint32_t word)
{
	if (k->n == k->room && !k->failed) {
		uint32_t room = k->room ? 2 * k->room : 64;
		uint32_t *w = wrt__realloc(k->w, room, sizeof *w);

		if (w) {
			k->w = w;
			k->room = room;
		}
		k->failed = !w;
	}
	if (!k->failed)
		k->w[k->n++] = word;
}

/* A group about to be looked up: types [first, first + n) of a metadata. */
struct source {
	const char *base;
	const struct wabi_typeinfo *types;
	const uint32_t *ids;		/* of the types before the group */
	uint32_t first, n;
};

/* Two words: inside or outside, and which. */
static void
put_ref(struct words *k, const struct source *s, uint32_t idx)
{
	bool inside = idx >= s->first;

	put(k, inside);
	put(k, inside ? idx - s->first : s->ids[idx]);
}

static void
put_valtypes(struct words *k, const struct source *s, struct wabi_list l)
{
	const struct wabi_valtype *v = (const void *)(s->base + l.off);

	put(k, l.n);
	for (uint32_t i = 0; i < l.n; i++) {
		put(k, (uint32_t)v[i].type | (uint32_t)v[i].nullable << 8 |
		    (uint32_t)v[i].exact << 16 |
		    (uint32_t)v[i].has_heap << 24);
		if (v[i].has_heap)
			put_ref(k, s, v[i].heap);
		else
			put(k, v[i].heap);
	}
}

static void
make_key(struct words *k, const struct source *s)
{
	put(k, s->n);
	for (uint32_t i = 0; i < s->n; i++) {
		const struct wabi_typeinfo *t = &s->types[s->first + i];

		put(k, (uint32_t)t->comp | (uint32_t)t->final << 8 |
		    (t->super != UINT32_MAX ? 1u << 16 : 0));
		if (t->super != UINT32_MAX)
			put_ref(k, s, t->super);
		put_valtypes(k, s, t->params);
		put_valtypes(k, s, t->results);
	}
}

static uint32_t
hash_of(const struct words *k)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < k->n; i++)
		h = (h ^ k->w[i]) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

/* ---- The table ---- */

static bool
grow_buckets(void)
{
	uint32_t n = nbuckets ? 2 * nbuckets : 256;
	struct group **b;

	if (ngroups < nbuckets)
		return true;
	b = wrt__calloc(n, sizeof *b);
	if (!b)
		return nbuckets != 0;	/* slower, not wrong */
	for (uint32_t i = 0; i < nbuckets; i++)
		for (struct group *g = buckets[i], *next; g; g = next) {
			next = g->next;
			g->next = b[g->hash & (n - 1)];
			b[g->hash & (n - 1)] = g;
		}
	wrt__free(buckets);
	buckets = b;
	nbuckets = n;
	return true;
}

static struct group *
find(const struct words *k, uint32_t hash)
{
	if (!nbuckets)
		return NULL;
	for (struct group *g = buckets[hash & (nbuckets - 1)]; g; g = g->next)
		if (g->hash == hash && g->nwords == k->n &&
		    !memcmp(g->key, k->w, k->n * sizeof *k->w))
			return g;
	return NULL;
}

/* Room for n more numbers. */
static bool
grow_chunks(uint32_t n)
{
	for (uint32_t c = ntypes / CHUNK; c <= (ntypes + n - 1) / CHUNK; c++) {
		struct ctype *p;

		if (atomic_load(&chunks[c]))
			continue;
		p = wrt__calloc(CHUNK, sizeof *p);
		if (!p)
			return false;
		atomic_store_explicit(&chunks[c], p, memory_order_release);
	}
	return true;
}

static bool
fill_func(struct ctype *c, const struct source *s,
    const struct wabi_typeinfo *t)
{
	const struct wabi_valtype *p = (const void *)(s->base + t->params.off);
	const struct wabi_valtype *r = (const void *)(s->base + t->results.off);
	uint8_t *b = wrt__calloc((size_t)t->params.n + t->results.n, 1);

	if (!b)
		return false;
	c->func.params = b;
	c->func.nparams = t->params.n;
	for (uint32_t i = 0; i < t->params.n; i++)
		*b++ = p[i].type;
	c->func.results = b;
	c->func.nresults = t->results.n;
	for (uint32_t i = 0; i < t->results.n; i++)
		*b++ = r[i].type;
	for (b = (uint8_t *)c->func.params; b < c->func.results + t->results.n;
	    b++)
		c->func_refs = c->func_refs || *b < WABI_V128;
	return true;
}

/* Where an object's references are. */
static uint8_t
gcref_of(uint8_t type)
{
	return type == WABI_ANYREF ? WRT__GCREF_HEAP :
	    type == WABI_EXTERNREF ? WRT__GCREF_EXTERN : 0;
}

static bool
fill_gc(struct ctype *c, const struct source *s,
    const struct wabi_typeinfo *t)
{
	const struct wabi_valtype *f = (const void *)(s->base + t->params.off);
	struct wrt__gctype *g = &c->gc;
	uint32_t at = 8;

	g->comp = t->comp;
	if (t->comp == WABI_COMP_ARRAY) {
		g->elem_bytes = (uint8_t)wabi_field_bytes(f->type);
		g->elem_ref = gcref_of(f->type);
		return true;
	}
	g->refs = wrt__calloc(t->params.n, sizeof *g->refs);
	if (!g->refs)
		return false;
	for (uint32_t i = 0; i < t->params.n; i++) {
		at = wabi_field_place(at, f[i].type);
		if (gcref_of(f[i].type))
			g->refs[g->nrefs++] = at | gcref_of(f[i].type);
		at += wabi_field_bytes(f[i].type);
	}
	g->size = (at + 7) & ~7u;
	return true;
}

static void
fill_rtt(uint32_t id, uint32_t super)
{
	uint32_t depth = 0;

	for (uint32_t k = super; k; k = ctype_of(k)->super)
		depth++;
	memset(rtt[id], 0, sizeof *rtt);
	if (super)
		memcpy(rtt[id], rtt[super], sizeof *rtt);
	if (depth < WABI_RTT_DEPTH)
		rtt[id][depth] = id;
}

static bool
map_rtt(void)
{
	void *p;

	if (rtt)
		return true;
	p = mmap(NULL, sizeof *rtt * MAX_TYPES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	rtt = p;
	return true;
}

static bool
fill_comp(struct ctype *c, const struct source *s,
    const struct wabi_typeinfo *t)
{
	switch (t->comp) {
	case WABI_COMP_FUNC:
		return fill_func(c, s, t);
	case WABI_COMP_CONT:
		return true;
	default:
		return fill_gc(c, s, t);
	}
}

static bool
fill(const struct source *s)
{
	if (!map_rtt())
		return false;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct wabi_typeinfo *t = &s->types[s->first + i];
		struct ctype *c = ctype_of(ntypes + i);

		c->comp = t->comp;
		c->super = t->super == UINT32_MAX ? 0 :
		    t->super >= s->first ? ntypes + (t->super - s->first) :
		    s->ids[t->super];
		fill_rtt(ntypes + i, c->super);
		if (!fill_comp(c, s, t)) {
			while (i--) {
				c = ctype_of(ntypes + i);
				wrt__free((void *)c->func.params);
				wrt__free(c->gc.refs);
				memset(c, 0, sizeof *c);
			}
			return false;
		}
	}
	return true;
}

/* The group's first number, or a status.  Under the lock. */
static int
intern_locked(const struct source *s, const struct words *k, uint32_t *first)
{
	uint32_t hash = hash_of(k);
	struct group *g = find(k, hash);

	if (g) {
		*first = g->first;
		return WRT_OK;
	}
	if (s->n >= MAX_TYPES - ntypes)
		return WRT_ELIMIT;
	if (!grow_buckets() || !grow_chunks(s->n))
		return WRT_ENOMEM;
	g = wrt__calloc(1, sizeof *g + k->n * sizeof *k->w);
	if (!g || !fill(s)) {
		wrt__free(g);
		return WRT_ENOMEM;
	}
	memcpy(g->key, k->w, k->n * sizeof *k->w);
	g->nwords = k->n;
	g->hash = hash;
	g->first = *first = ntypes;
	g->next = buckets[hash & (nbuckets - 1)];
	buckets[hash & (nbuckets - 1)] = g;
	ngroups++;
	ntypes += s->n;
	return WRT_OK;
}

static int
intern(const struct source *s, uint32_t *first)
{
	struct words k = { 0 };
	int rc = WRT_ENOMEM;

	make_key(&k, s);
	if (!k.failed) {
		pthread_mutex_lock(&wrt__types_lock);
		rc = intern_locked(s, &k, first);
		pthread_mutex_unlock(&wrt__types_lock);
	}
	wrt__free(k.w);
	return rc;
}

/* ---- For the rest of the runtime ---- */

int
wrt__types_of_meta(const struct wabi_meta *meta, uint32_t *ids)
{
	struct source s = { .base = (const char *)meta, .ids = ids };

	s.types = (const void *)(s.base + meta->types.off);
	for (; s.first < meta->types.n; s.first += s.n) {
		uint32_t id = 0;
		int rc;

		s.n = s.types[s.first].rec_n;
		rc = intern(&s, &id);
		if (rc)
			return rc;
		for (uint32_t i = 0; i < s.n; i++)
			ids[s.first + i] = id + i;
	}
	return WRT_OK;
}

static bool
plain_valtypes(struct wabi_valtype *v, const uint8_t *types, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		v[i].type = types[i];
		switch (types[i]) {
		case WABI_I32: case WABI_I64: case WABI_F32: case WABI_F64:
		case WABI_V128:
			break;
		case WABI_FUNCREF: case WABI_EXTERNREF: case WABI_ANYREF:
		case WABI_EXNREF:
			v[i].nullable = 1;
			v[i].heap = types[i];
			break;
		default:
			return false;
		}
	}
	return true;
}

uint32_t
wrt__type_of_func(const struct wrt_functype *type)
{
	struct wabi_typeinfo t = {
		.comp = WABI_COMP_FUNC, .final = 1, .super = UINT32_MAX,
		.rec_n = 1,
		.params = { 0, type->nparams },
		.results = { 0, type->nresults },
	};
	struct wabi_valtype *v;
	uint32_t id = 0;

	/* What the list's offsets, 32 bits of bytes, can say. */
	if ((uint64_t)type->nparams + type->nresults > 1u << 24)
		return 0;
	t.results.off = type->nparams * (uint32_t)sizeof *v;
	v = wrt__calloc((size_t)type->nparams + type->nresults, sizeof *v);
	if (!v)
		return 0;
	if (plain_valtypes(v, type->params, type->nparams) &&
	    plain_valtypes(v + type->nparams, type->results, type->nresults)) {
		struct source s = { .base = (const char *)v, .types = &t,
			.n = 1 };

		if (intern(&s, &id))
			id = 0;
	}
	wrt__free(v);
	return id;
}

bool
wrt__type_is_subtype(uint32_t id, uint32_t super)
{
	/* A supertype stands before its subtypes: this ends. */
	while (id && id != super)
		id = ctype_of(id)->super;
	return id != 0;
}

const struct wrt__gctype *
wrt__type_gc(uint32_t id)
{
	return &ctype_of(id)->gc;
}

const uint32_t
(*wrt__type_rtt(void))[WABI_RTT_DEPTH]
{
	return (const uint32_t (*)[WABI_RTT_DEPTH])rtt;
}

const struct wrt_functype *
wrt__type_of_call(uint32_t id, bool *refs)
{
	const struct ctype *c = ctype_of(id);

	*refs = c->func_refs;
	return &c->func;
}

bool
wrt__type_func(uint32_t id, struct wrt_functype *out)
{
	const struct ctype *c = ctype_of(id);

	if (c->comp != WABI_COMP_FUNC)
		return false;
	*out = c->func;
	return true;
}

/* ---- Value types ---- */

bool
wrt__valtype_equal(const struct wabi_valtype *a, const uint32_t *a_ids,
    const struct wabi_valtype *b, const uint32_t *b_ids)
{
	if (a->type != b->type || a->nullable != b->nullable ||
	    a->has_heap != b->has_heap)
		return false;
	return a->has_heap ? a_ids[a->heap] == b_ids[b->heap] :
	    a->heap == b->heap;
}

/* Abstract heap types: what stands directly above each; 0 for a top. */
static uint32_t
heap_above(uint32_t h)
{
	switch (h) {
	case 0x6d:			/* eq: any */
		return 0x6e;
	case 0x6c: case 0x6b: case 0x6a:	/* i31, struct, array: eq */
		return 0x6d;
	}
	return 0;
}

/* The bottom of a hierarchy, by its top. */
static uint32_t
heap_bottom(uint8_t top)
{
	switch (top) {
	case WABI_FUNCREF:
		return 0x73;
	case WABI_EXTERNREF:
		return 0x72;
	case WABI_ANYREF:
		return 0x71;
	case WABI_EXNREF:
		return 0x74;
	case WABI_CONTREF:
		return 0x75;
	}
	return 0;
}

static bool
heap_is_subtype(const struct wabi_valtype *a, const uint32_t *a_ids,
    const struct wabi_valtype *b, const uint32_t *b_ids)
{
	uint32_t h = a->heap;

	if (!a->has_heap && h == heap_bottom(a->type))
		return true;
	if (a->has_heap && b->has_heap)
		return wrt__type_is_subtype(a_ids[h], b_ids[b->heap]);
	if (b->has_heap)
		return false;
	if (a->has_heap) {
		uint8_t comp = ctype_of(a_ids[h])->comp;

		h = comp == WABI_COMP_FUNC ? 0x70 :
		    comp == WABI_COMP_STRUCT ? 0x6b :
		    comp == WABI_COMP_ARRAY ? 0x6a : 0x68;
	}
	while (h && h != b->heap)
		h = heap_above(h);
	return h != 0;
}

bool
wrt__valtype_is_subtype(const struct wabi_valtype *a, const uint32_t *a_ids,
    const struct wabi_valtype *b, const uint32_t *b_ids)
{
	/* type is the top of the hierarchy, which both must share. */
	if (a->type != b->type)
		return false;
	if (a->type >= WABI_V128)
		return true;
	if (a->nullable && !b->nullable)
		return false;
	return heap_is_subtype(a, a_ids, b, b_ids);
}
