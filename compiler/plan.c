/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * plan.c: all that the parts of a compile share, decided once.
 */
#include <string.h>

#include "back.h"
#include "insn.h"
#include "merge.h"
#include "tables.h"

/* Above this number of types, thunks to the host are made only for those that
 * something uses. */
#define MANY_TYPES	500u

static void
make_counts(struct plan *p)
{
	const struct module *m = p->m;

	p->counts = (struct wabi_counts){
		.nglobals = m->nglobals,
		.nmemories = m->nmemories,
		.ntables = m->ntables,
		.nimports = m->nfuncs_imported,
		.ntypes = m->ntypes,
		.ntags = m->ntags,
	};
}

/* What a reference can be made to, and what is exported, has a place in vmctx
 * funcs. */
static void
make_funcrefs(struct compile *c, struct plan *p)
{
	const struct module *m = p->m;
	bool *need = ARENA_NEW(&c->scratch, m->nfuncs, bool);

	for (uint32_t i = 0; i < m->nfuncs; i++)
		need[i] = m->funcs[i].referenced;
	for (uint32_t i = 0; i < m->nexports; i++)
		if (m->exports[i].kind == KIND_FUNC)
			need[m->exports[i].index] = true;
	for (uint32_t i = 0; i < m->nelems; i++)
		for (uint32_t k = 0; m->elems[i].funcs && k < m->elems[i].n;
		    k++)
			need[m->elems[i].funcs[k]] = true;
	p->funcref_idx = ARENA_NEW(&c->arena, m->nfuncs, uint32_t);
	for (uint32_t i = 0; i < m->nfuncs; i++)
		p->funcref_idx[i] = need[i] ? p->counts.nfuncrefs++ : NO_IDX;
	arena_reset(&c->scratch);
}

/* The host calls what it can get a reference to, and the start function.  A
 * guest calls host functions as imports, and through tables and references of
 * any type that it has. */
static void
make_thunks(struct compile *c, struct plan *p)
{
	const struct module *m = p->m;

	p->from_host = ARENA_NEW(&c->arena, m->ntypes, bool);
	p->to_host = ARENA_NEW(&c->arena, m->ntypes, bool);
	for (uint32_t i = 0; i < m->nfuncs; i++) {
		const struct func *f = &m->funcs[i];
		uint32_t t = m->types[f->type].canon;

		if (p->funcref_idx[i] != NO_IDX || i == m->start)
			p->from_host[t] = true;
		if (f->imported || p->funcref_idx[i] != NO_IDX)
			p->to_host[t] = true;
	}
	/* The runtime calls a continuation's function as the host does. */
	for (uint32_t i = 0; i < m->ntypes; i++)
		if (m->types[i].comp == COMP_CONT)
			p->from_host[m->types[m->types[i].cont].canon] = true;
	for (uint32_t i = 0; i < m->ntypes && m->ntypes < MANY_TYPES; i++)
		if (m->types[i].comp == COMP_FUNC)
			p->to_host[m->types[i].canon] = true;
}

static bool
is_number(struct vtype t)
{
	return t.kind == T_I32 || t.kind == T_I64 || t.kind == T_F32 ||
	    t.kind == T_F64;
}

bool
plan_in_registers(const struct type *t, unsigned ints)
{
	unsigned nints = 0, nfloats = 0;

	for (uint32_t i = 0; i < t->params.n; i++) {
		struct vtype p = t->params.t[i];

		if (!is_number(p))
			return false;
		if (p.kind == T_I32 || p.kind == T_I64)
			nints++;
		else
			nfloats++;
	}
	return nints <= ints && nfloats <= WABI_TYPED_FLOATS &&
	    t->results.n <= 1 &&
	    (t->results.n == 0 || is_number(t->results.t[0]));
}

/* Of modules that were linked: the custom section that merge_write.c makes.
 * Whoever else writes it gets what it says, if that is possible. */
static uint32_t
host_memory(const struct module *m)
{
	uint32_t global = 0;

	for (uint32_t i = 0; i < m->ncustoms; i++) {
		struct slice s = m->customs[i].bytes;

		if (s.n != 4 ||
		    !slice_is(m->customs[i].name, MERGE_HOST_MEMORY))
			continue;
		memcpy(&global, s.p, 4);
		if (global >= m->nglobals_imported && global < m->nglobals &&
		    m->globals[global].mut &&
		    m->globals[global].type.kind == T_I32)
			return global + 1;
	}
	return 0;
}

void
plan_make(struct compile *c, struct plan *p)
{
	p->c = c;
	p->m = &c->module;
	sym_make(c, &p->sym);
	constexprs_make(c, &p->ce);
	tables_make(c, p);
	make_counts(p);
	make_funcrefs(c, p);
	make_thunks(c, p);
	p->tail = p->m->features_used & FEAT_BIT(FEAT_TAIL_CALL);
	p->exceptions = p->m->features_used & (FEAT_BIT(FEAT_EXCEPTIONS) |
	    FEAT_BIT(FEAT_LEGACY_EXCEPTIONS) |
	    FEAT_BIT(FEAT_STACK_SWITCHING));
	p->layout = wabi_layout_of(&p->counts);
	p->host_memory = host_memory(p->m);
}
