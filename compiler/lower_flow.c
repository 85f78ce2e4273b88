/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_flow.c: blocks, dominators, and which memory an access touches.
 *
 * LLVM's C interface gives neither dominators nor loops, so they are computed
 * here, after Cooper, Harvey and Kennedy.  Nothing is kept up to date: a pass
 * makes them anew for each function and changes the function at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "lower_flow.h"

/* ---- Numbers of objects ---- */

static uint32_t
map_slot(const struct flow_map *m, const void *key)
{
	uint32_t h = (uint32_t)((uintptr_t)key >> 4) * 2654435761u;

	h &= m->room - 1;
	while (m->keys[h] && m->keys[h] != key)
		h = (h + 1) & (m->room - 1);
	return h;
}

static bool
map_grow(struct flow_map *m)
{
	struct flow_map old = *m;

	m->room = old.room ? 2 * old.room : 64;
	m->keys = calloc(m->room, sizeof *m->keys);
	m->values = calloc(m->room, sizeof *m->values);
	if (!m->keys || !m->values) {
		free(m->keys);
		free(m->values);
		*m = old;
		return false;
	}
	for (uint32_t i = 0; i < old.room; i++) {
		uint32_t h;

		if (!old.keys[i])
			continue;
		h = map_slot(m, old.keys[i]);
		m->keys[h] = old.keys[i];
		m->values[h] = old.values[i];
	}
	free(old.keys);
	free(old.values);
	return true;
}

bool
flow_map_put(struct flow_map *m, const void *key, uint32_t value)
{
	uint32_t h;

	if (2 * m->n >= m->room && !map_grow(m))
		return false;
	h = map_slot(m, key);
	m->n += !m->keys[h];
	m->keys[h] = key;
	m->values[h] = value;
	return true;
}

uint32_t
flow_map_get(const struct flow_map *m, const void *key)
{
	uint32_t h;

	if (!m->room)
		return UINT32_MAX;
	h = map_slot(m, key);
	return m->keys[h] ? m->values[h] : UINT32_MAX;
}

void *
flow_room(void *array, uint32_t n, uint32_t *room, size_t size)
{
	void *p = array;

	if (n == *room) {
		p = realloc(array, (2 * (size_t)n + 64) * size);
		if (p)
			*room = 2 * n + 64;
	}
	return p;
}

/* ---- Blocks ---- */

/* Postorder without recursion: a function may have 10^5 blocks in a row. */
static bool
flow_order(struct flow *f, uint32_t total)
{
	LLVMBasicBlockRef *stack = calloc(total, sizeof *stack);
	uint32_t *next = calloc(total, sizeof *next), depth = 0, n = total;
	bool ok = stack && next;

	if (ok) {
		stack[depth++] = LLVMGetEntryBasicBlock(f->fn);
		ok = flow_map_put(&f->index, stack[0], 0);
	}
	while (ok && depth > 0) {
		LLVMBasicBlockRef b = stack[depth - 1], s;
		LLVMValueRef t = LLVMGetBasicBlockTerminator(b);

		if (next[depth - 1] == LLVMGetNumSuccessors(t)) {
			f->blocks[--n] = b;
			depth--;
			continue;
		}
		s = LLVMGetSuccessor(t, next[depth - 1]++);
		if (flow_map_get(&f->index, s) != UINT32_MAX)
			continue;
		ok = flow_map_put(&f->index, s, 0);
		next[depth] = 0;
		stack[depth++] = s;
	}
	free(stack);
	free(next);
	f->n = total - n;
	memmove(f->blocks, f->blocks + n, f->n * sizeof *f->blocks);
	for (uint32_t i = 0; ok && i < f->n; i++)
		ok = flow_map_put(&f->index, f->blocks[i], i);
	return ok;
}

/* Each edge counted at its target; then written there. */
static bool
flow_preds(struct flow *f)
{
	uint32_t edges = 0;

	f->pred_first = calloc((size_t)f->n + 2, sizeof *f->pred_first);
	if (!f->pred_first)
		return false;
	for (int write = 0; write < 2; write++) {
		for (uint32_t i = 0; i < f->n; i++) {
			LLVMValueRef t = LLVMGetBasicBlockTerminator(
			    f->blocks[i]);
			unsigned k = LLVMGetNumSuccessors(t);

			for (unsigned s = 0; s < k; s++) {
				uint32_t to = flow_map_get(&f->index,
				    LLVMGetSuccessor(t, s));
				if (write)
					f->preds[f->pred_first[to + 1]++] = i;
				else
					f->pred_first[to + 2]++;
			}
			edges += k;
		}
		if (write)
			break;
		for (uint32_t i = 2; i < f->n + 2; i++)
			f->pred_first[i] += f->pred_first[i - 1];
		f->preds = calloc((size_t)edges + 1, sizeof *f->preds);
		if (!f->preds)
			return false;
	}
	return true;
}

/* ---- Dominators ---- */

static uint32_t
flow_common(const struct flow *f, uint32_t a, uint32_t b)
{
	while (a != b) {
		while (a > b)
			a = f->idom[a];
		while (b > a)
			b = f->idom[b];
	}
	return a;
}

static void
flow_idoms(struct flow *f)
{
	bool changed = true;

	for (uint32_t i = 1; i < f->n; i++)
		f->idom[i] = NO_BLOCK;
	f->idom[0] = 0;
	while (changed) {
		changed = false;
		for (uint32_t b = 1; b < f->n; b++) {
			uint32_t d = NO_BLOCK;

			for (uint32_t k = f->pred_first[b];
			    k < f->pred_first[b + 1]; k++) {
				uint32_t p = f->preds[k];

				if (f->idom[p] != NO_BLOCK)
					d = d == NO_BLOCK ? p :
					    flow_common(f, p, d);
			}
			changed |= f->idom[b] != d;
			f->idom[b] = d;
		}
	}
}

/* A block's number on entry is one more than those of all blocks before it in
 * the walk; children come in order of their numbers. */
static bool
flow_walk(struct flow *f)
{
	uint32_t *size = calloc(f->n, sizeof *size);
	uint32_t *used = calloc(f->n, sizeof *used);
	bool ok = size && used;

	for (uint32_t b = f->n; ok && b-- > 0;) {
		size[b]++;
		if (b > 0)
			size[f->idom[b]] += size[b];
	}
	for (uint32_t b = 0; ok && b < f->n; b++) {
		uint32_t d = f->idom[b];

		f->enter[b] = b ? f->enter[d] + 1 + used[d] : 0;
		f->leave[b] = f->enter[b] + size[b];
		if (b > 0)
			used[d] += size[b];
	}
	free(size);
	free(used);
	return ok;
}

bool
flow_make(struct flow *f, LLVMValueRef fn)
{
	uint32_t total = LLVMCountBasicBlocks(fn);

	memset(f, 0, sizeof *f);
	f->fn = fn;
	f->blocks = calloc(total, sizeof *f->blocks);
	if (!f->blocks || !flow_order(f, total) || !flow_preds(f))
		return false;
	f->idom = calloc(f->n, sizeof *f->idom);
	f->enter = calloc(f->n, sizeof *f->enter);
	f->leave = calloc(f->n, sizeof *f->leave);
	if (!f->idom || !f->enter || !f->leave)
		return false;
	flow_idoms(f);
	return flow_walk(f);
}

void
flow_free(struct flow *f)
{
	free(f->blocks);
	free(f->index.keys);
	free(f->index.values);
	free(f->idom);
	free(f->enter);
	free(f->leave);
	free(f->preds);
	free(f->pred_first);
	memset(f, 0, sizeof *f);
}

bool
flow_dominates(const struct flow *f, uint32_t a, uint32_t b)
{
	return f->enter[a] <= f->enter[b] && f->enter[b] < f->leave[a];
}

/* ---- Accesses ---- */

LLVMValueRef
flow_root(LLVMValueRef p)
{
	while (LLVMIsAGetElementPtrInst(p))
		p = LLVMGetOperand(p, 0);
	return p;
}

/* The function's vmctx, or NULL if its first parameter is something else. */
static LLVMValueRef
flow_vmctx(LLVMValueRef fn)
{
	return LLVMCountParams(fn) > 0 && LLVMGetStringAttributeAtIndex(fn, 1,
	    ATTR_VMCTX, sizeof ATTR_VMCTX - 1) ? LLVMGetParam(fn, 0) : NULL;
}

bool
flow_reads_vmctx(LLVMValueRef load, uint64_t *at)
{
	LLVMValueRef q = LLVMGetOperand(load, 0), step;
	LLVMTypeRef i8 = LLVMInt8TypeInContext(LLVMGetTypeContext(
	    LLVMTypeOf(load)));

	*at = 0;
	for (; LLVMIsAGetElementPtrInst(q); q = LLVMGetOperand(q, 0)) {
		step = LLVMGetOperand(q, 1);
		if (LLVMGetNumOperands(q) != 2 || !LLVMIsAConstantInt(step) ||
		    LLVMGetGEPSourceElementType(q) != i8)
			return false;
		*at += LLVMConstIntGetZExtValue(step);
	}
	return q == flow_vmctx(LLVMGetBasicBlockParent(
	    LLVMGetInstructionParent(load)));
}

/* The memory whose base is loaded from vmctx at this offset. */
static uint32_t
flow_memory_at(const struct plan *p, uint64_t at)
{
	uint64_t first = p->layout.memories;

	if (at < first || (at - first) % sizeof(struct wabi_memref) != 0 ||
	    (at - first) / sizeof(struct wabi_memref) >= p->m->nmemories)
		return UINT32_MAX;
	return (uint32_t)((at - first) / sizeof(struct wabi_memref));
}

/* Is it the load of a memory's base, whose address is vmctx + constant? */
static uint32_t
flow_base(const struct plan *p, LLVMValueRef v)
{
	LLVMValueRef at, fn;
	unsigned kind;

	if (!LLVMIsALoadInst(v))
		return UINT32_MAX;
	fn = LLVMGetBasicBlockParent(LLVMGetInstructionParent(v));
	kind = LLVMGetMDKindIDInContext(LLVMGetTypeContext(LLVMTypeOf(v)),
	    "invariant.load", 14);
	at = LLVMGetOperand(v, 0);
	if (!LLVMGetMetadata(v, kind) || !LLVMIsAGetElementPtrInst(at) ||
	    LLVMGetNumOperands(at) != 2 ||
	    LLVMGetOperand(at, 0) != LLVMGetParam(fn, 0) ||
	    !LLVMIsAConstantInt(LLVMGetOperand(at, 1)) ||
	    LLVMGetGEPSourceElementType(at) !=
	    LLVMInt8TypeInContext(LLVMGetTypeContext(LLVMTypeOf(v))))
		return UINT32_MAX;
	return flow_memory_at(p, LLVMConstIntGetZExtValue(
	    LLVMGetOperand(at, 1)));
}

bool
flow_access(const struct plan *p, LLVMTargetDataRef td, LLVMValueRef i,
    struct place *out)
{
	bool load = LLVMIsALoadInst(i) != NULL;

	if (p->explicit_bounds || (!load && !LLVMIsAStoreInst(i)) ||
	    LLVMGetOrdering(i) != LLVMAtomicOrderingNotAtomic)
		return false;
	out->pointer = LLVMGetOperand(i, load ? 0 : 1);
	out->base = flow_root(out->pointer);
	out->mem = flow_base(p, out->base);
	if (out->mem == UINT32_MAX || p->m->memories[out->mem].limits.is64 ||
	    p->m->memories[out->mem].limits.page_log2 < 16)
		return false;
	out->type = load ? LLVMTypeOf(i) : LLVMTypeOf(LLVMGetOperand(i, 0));
	out->size = LLVMStoreSizeOfType(td, out->type);
	return true;
}

/* The runtime lets no memory grow to 2^16 pages whose type does not say that
 * it may have them: see docs/ABI.md. */
bool
flow_memory_full(const struct plan *p, uint32_t mem)
{
	const struct memory *m = &p->m->memories[mem];
	uint64_t pages = (uint64_t)1 << (32 - m->limits.page_log2);

	if (m->limits.has_max)
		return m->limits.max >= pages;
	return m->imported || m->limits.min >= pages - 1;
}
