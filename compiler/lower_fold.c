/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_fold.c: addresses as sums of 64 bits.
 *
 * wasm adds 32-bit numbers before it reaches for memory, at
 * base + zext(i32 sum) + offset, and a sum that may wrap is no part of an
 * addressing mode: each element of a[i - 1], a[i], a[i + 1] costs an addition
 * of its own, and nobody sees that they are neighbours.  But an access that has
 * happened says where its index is, and neighbours that are accessed later can
 * be reached from there.  Let z = zext(x) be an index that an access has used,
 * which did not trap, and let the next access be at zext(x + d) + offset, with
 * |d| <= 2^16 = D.  Memories end at 2^32 - D or below (flow_memory_full()), so
 * z < 2^32 - D.
 *
 *   d > 0   z + d < 2^32: the sum does not wrap and is the same in 64 bits.
 *   d < 0   If z >= -d, likewise.  Otherwise the 32-bit sum is at least
 *           2^32 - D and the access traps; with offset 0 the one at z + d
 *           begins between base - D and base, in WABI_GUARD_BEFORE, and traps
 *           too.  With an offset it might not, and is left alone.
 *
 * So the access becomes base + (z + d) + offset, and z, if it was reached from
 * another, that one and a distance, so that all begin at the first.  Its trap is
 * the same trap at the same instruction.  Memory never shrinks, so what has been
 * reached stays reachable, whatever is called between.
 *
 * Accesses are met in the order of a walk over the tree of dominators: those
 * before one in its block and in the blocks that dominate it have happened.
 */
#include <stdlib.h>
#include <string.h>

#include "lower_flow.h"

enum { MAX_TERMS = 5, MAX_FACTS = 64 };

/* constant + sum of factor * value, modulo 2^32; terms sorted by value. */
struct sum {
	struct {
		LLVMValueRef value;
		uint32_t factor;
	} terms[MAX_TERMS];
	unsigned n;
	uint32_t constant;
};

/* An access at base + z + something has happened, z being zext(sum).  It is also
 * root + from_root, root being the z of a fact before, or its own: as what
 * follows is written so too, all of them are seen to be neighbours. */
struct fact {
	LLVMValueRef base, z, root;
	struct sum sum;
	int64_t from_root;
	uint32_t block;
};

struct fold {
	const struct plan *plan;
	LLVMTargetDataRef td;
	LLVMBuilderRef b;
	LLVMContextRef ctx;
	struct flow flow;
	struct fact *facts;		/* of the block and those above it */
	uint32_t nfacts, room;
};

/* ---- Sums ---- */

static bool
sum_add_term(struct sum *s, LLVMValueRef v, uint32_t factor)
{
	unsigned i = 0;

	while (i < s->n && s->terms[i].value < v)
		i++;
	if (i < s->n && s->terms[i].value == v) {
		s->terms[i].factor += factor;
		if (s->terms[i].factor == 0)
			memmove(s->terms + i, s->terms + i + 1,
			    (--s->n - i) * sizeof *s->terms);
		return true;
	}
	if (s->n == MAX_TERMS)
		return false;
	memmove(s->terms + i + 1, s->terms + i,
	    (s->n++ - i) * sizeof *s->terms);
	s->terms[i].value = v;
	s->terms[i].factor = factor;
	return true;
}

static bool
is_const(LLVMValueRef v)
{
	return LLVMIsAConstantInt(v) != NULL;
}

/* What has the same lower 32 bits as v, which has them at least. */
static LLVMValueRef
same_low(LLVMValueRef v)
{
	for (;;) {
		LLVMValueRef x = LLVMIsAZExtInst(v) || LLVMIsATruncInst(v) ?
		    LLVMGetOperand(v, 0) : NULL;

		if (!x || LLVMGetIntTypeWidth(LLVMTypeOf(x)) < 32)
			return v;
		v = x;
	}
}

/* Add factor * v, of 32 bits or 64, taken apart as far as that goes. */
static bool
sum_add(struct sum *s, LLVMValueRef v, uint32_t factor, unsigned depth)
{
	LLVMValueRef x, y;

	v = same_low(v);
	if (is_const(v)) {
		s->constant += factor *
		    (uint32_t)LLVMConstIntGetZExtValue(v);
		return true;
	}
	if (depth == 0 || !LLVMIsABinaryOperator(v))
		return sum_add_term(s, v, factor);
	x = LLVMGetOperand(v, 0);
	y = LLVMGetOperand(v, 1);
	switch (LLVMGetInstructionOpcode(v)) {
	case LLVMOr:
		if (!LLVMGetIsDisjoint(v))
			break;
		/* fallthrough */
	case LLVMAdd:
		return sum_add(s, x, factor, depth - 1) &&
		    sum_add(s, y, factor, depth - 1);
	case LLVMSub:
		return sum_add(s, x, factor, depth - 1) &&
		    sum_add(s, y, -factor, depth - 1);
	case LLVMMul:
		if (is_const(y))
			return sum_add(s, x, factor * (uint32_t)
			    LLVMConstIntGetZExtValue(y), depth - 1);
		break;
	case LLVMShl:
		if (is_const(y) && LLVMConstIntGetZExtValue(y) < 32)
			return sum_add(s, x, factor <<
			    LLVMConstIntGetZExtValue(y), depth - 1);
		break;
	default:
		break;
	}
	return sum_add_term(s, v, factor);
}

static bool
sum_same_terms(const struct sum *a, const struct sum *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->terms[i].value != b->terms[i].value ||
		    a->terms[i].factor != b->terms[i].factor)
			return false;
	return true;
}

/* ---- Low bits ---- */

/* How many of them are 0. */
static unsigned
zeros(uint64_t x)
{
	return x & UINT32_MAX ? (unsigned)__builtin_ctzll(x) : 32;
}

static unsigned low_bits(LLVMValueRef, uint64_t *, unsigned depth);

/* What begins with a known number, and grows by one. */
static unsigned
low_bits_phi(LLVMValueRef phi, uint64_t *low, unsigned depth)
{
	unsigned n = 32, m;
	bool begun = false;

	if (LLVMCountIncoming(phi) > 2)
		return 0;
	for (unsigned i = 0; i < LLVMCountIncoming(phi); i++) {
		LLVMValueRef v = same_low(LLVMGetIncomingValue(phi, i));
		uint64_t x = 0;

		if (LLVMIsABinaryOperator(v) && is_const(LLVMGetOperand(v, 1))
		    && LLVMGetInstructionOpcode(v) == LLVMAdd &&
		    same_low(LLVMGetOperand(v, 0)) == phi) {
			m = zeros(LLVMConstIntGetZExtValue(
			    LLVMGetOperand(v, 1)));
		} else {
			m = low_bits(v, &x, depth);
			if (begun && zeros(x ^ *low) < m)
				m = zeros(x ^ *low);
			*low = x;
			begun = true;
		}
		n = m < n ? m : n;
	}
	return begun ? n : 0;
}

/* v is *low modulo 2 to the power of the result, which is at most 32. */
static unsigned
low_bits(LLVMValueRef v, uint64_t *low, unsigned depth)
{
	uint64_t c;
	unsigned n;

	v = same_low(v);
	*low = is_const(v) ? LLVMConstIntGetZExtValue(v) : 0;
	if (is_const(v))
		return 32;
	if (depth == 0)
		return 0;
	if (LLVMIsAPHINode(v))
		return low_bits_phi(v, low, depth - 1);
	if (!LLVMIsABinaryOperator(v) || !is_const(LLVMGetOperand(v, 1)))
		return 0;
	n = low_bits(LLVMGetOperand(v, 0), low, depth - 1);
	c = LLVMConstIntGetZExtValue(LLVMGetOperand(v, 1));
	switch (LLVMGetInstructionOpcode(v)) {
	case LLVMAdd:
		*low += c;
		return n;
	case LLVMShl:
		*low = c < 32 ? *low << c : 0;
		return n + c < 32 ? n + (unsigned)c : 32;
	default:
		return 0;
	}
}

/* Is v zext(trunc(v's operand 0)), from 32 bits to 64?  LLVM writes it as a
 * mask, and leaves out of that what it knows to be 0. */
static bool
is_low_word(LLVMValueRef v)
{
	uint64_t cleared, low;
	unsigned n;

	if (LLVMIsAZExtInst(v))
		return LLVMGetIntTypeWidth(LLVMTypeOf(LLVMGetOperand(v, 0)))
		    == 32;
	if (!LLVMIsABinaryOperator(v) ||
	    LLVMGetInstructionOpcode(v) != LLVMAnd ||
	    !is_const(LLVMGetOperand(v, 1)))
		return false;
	cleared = LLVMConstIntGetZExtValue(LLVMGetOperand(v, 1)) ^ UINT32_MAX;
	if (cleared == 0)
		return true;
	n = low_bits(LLVMGetOperand(v, 0), &low, 6);
	return cleared >> n == 0 && (cleared & low) == 0;
}

/* ---- Pointers ---- */

/* The only index behind the pointer that is no constant, if it is a number of
 * 32 bits and the rest adds up to a small constant that is not negative. */
static LLVMValueRef
fold_index(LLVMValueRef p, uint64_t *offset)
{
	LLVMValueRef z = NULL;

	*offset = 0;
	for (; LLVMIsAGetElementPtrInst(p); p = LLVMGetOperand(p, 0)) {
		LLVMTypeRef t = LLVMGetGEPSourceElementType(p);
		LLVMValueRef i = LLVMGetOperand(p, 1);

		if (LLVMGetNumOperands(p) != 2 ||
		    LLVMGetTypeKind(t) != LLVMIntegerTypeKind ||
		    LLVMGetIntTypeWidth(t) != 8)
			return NULL;
		if (is_const(i)) {
			*offset += LLVMConstIntGetZExtValue(i);
			if (*offset > WABI_GUARD_AFTER)
				return NULL;
			continue;
		}
		if (z || !is_low_word(i))
			return NULL;
		z = i;
	}
	return z;
}

/* ---- One access after another ---- */

/* base + z + constant in place of the instruction's address. */
static void
fold_rewrite(struct fold *f, LLVMValueRef access, LLVMValueRef base,
    LLVMValueRef z, int64_t constant)
{
	LLVMTypeRef i64 = LLVMInt64TypeInContext(f->ctx);
	LLVMTypeRef i8 = LLVMInt8TypeInContext(f->ctx);
	LLVMValueRef at = LLVMConstInt(i64, (uint64_t)constant, 1), p;

	LLVMPositionBuilderBefore(f->b, access);
	p = LLVMBuildGEP2(f->b, i8, base, &z, 1, "");
	p = LLVMBuildGEP2(f->b, i8, p, &at, 1, "");
	LLVMSetOperand(access, LLVMIsALoadInst(access) ? 0 : 1, p);
}

/* What is the constant distance from the fact's index, if it is small? */
static bool
fold_distance(const struct fact *fact, LLVMValueRef base,
    const struct sum *sum, uint64_t offset, int32_t *d)
{
	if (fact->base != base || !sum_same_terms(&fact->sum, sum))
		return false;
	*d = (int32_t)(sum->constant - fact->sum.constant);
	return (*d >= 0 && *d <= (int32_t)WABI_GUARD_BEFORE &&
	    *d + offset <= WABI_GUARD_AFTER - 16) ||
	    (*d < 0 && *d >= -(int32_t)WABI_GUARD_BEFORE && offset == 0);
}

/* LLVM may put the access in front of those that prove it: even then it touches
 * no more than the guards.  So the first's index serves as long as it is near. */
static void
fold_root(struct fact *new, const struct fact *near, int32_t d,
    uint64_t offset)
{
	int64_t far = near->from_root + d;

	if (far >= -(int64_t)WABI_GUARD_BEFORE &&
	    far + (int64_t)offset <= (int64_t)WABI_GUARD_AFTER - 16) {
		new->root = near->root;
		new->from_root = far;
	} else {
		new->root = near->z;
		new->from_root = d;
	}
}

static void
fold_learn(struct fold *f, const struct fact *new)
{
	struct fact *p = flow_room(f->facts, f->nfacts, &f->room, sizeof *p);

	if (!p)
		return;
	f->facts = p;
	f->facts[f->nfacts++] = *new;
}

static void
fold_access(struct fold *f, LLVMValueRef access, uint32_t block)
{
	struct fact new = { .block = block };
	struct place place;
	uint64_t offset;
	uint32_t tried = 0;
	int32_t d;

	if (!flow_access(f->plan, f->td, access, &place) ||
	    flow_memory_full(f->plan, place.mem))
		return;
	new.base = place.base;
	new.z = fold_index(place.pointer, &offset);
	if (!new.z || !sum_add(&new.sum, LLVMGetOperand(new.z, 0), 1, 6))
		return;
	new.root = new.z;
	for (uint32_t i = f->nfacts; i-- > 0 && tried++ < MAX_FACTS;) {
		const struct fact *near = &f->facts[i];

		if (!fold_distance(near, place.base, &new.sum, offset, &d))
			continue;
		fold_root(&new, near, d, offset);
		if (new.root != new.z)
			fold_rewrite(f, access, place.base, new.root,
			    new.from_root + (int64_t)offset);
		if (d >= 0)
			return;		/* says nothing new */
		break;
	}
	fold_learn(f, &new);
}

/* Blocks in the order of the walk; facts of those left are forgotten. */
static void
fold_function(struct fold *f)
{
	uint32_t *order = calloc(f->flow.n, sizeof *order);

	if (!order)
		return;
	for (uint32_t b = 0; b < f->flow.n; b++)
		order[f->flow.enter[b]] = b;
	f->nfacts = 0;
	for (uint32_t k = 0; k < f->flow.n; k++) {
		uint32_t b = order[k];
		LLVMValueRef i, next;

		while (f->nfacts > 0 && !flow_dominates(&f->flow,
		    f->facts[f->nfacts - 1].block, b))
			f->nfacts--;
		i = LLVMGetFirstInstruction(f->flow.blocks[b]);
		for (; i; i = next) {
			next = LLVMGetNextInstruction(i);
			fold_access(f, i, b);
		}
	}
	free(order);
}

void
lower_fold(const struct plan *p, LLVMModuleRef mod)
{
	struct fold f = { .plan = p, .td = LLVMGetModuleDataLayout(mod),
	    .ctx = LLVMGetModuleContext(mod) };
	LLVMValueRef fn;

	if (p->explicit_bounds || p->m->nmemories == 0)
		return;
	f.b = LLVMCreateBuilderInContext(f.ctx);
	for (fn = LLVMGetFirstFunction(mod); fn;
	    fn = LLVMGetNextFunction(fn)) {
		if (LLVMIsDeclaration(fn))
			continue;
		if (flow_make(&f.flow, fn))
			fold_function(&f);
		flow_free(&f.flow);
	}
	free(f.facts);
	LLVMDisposeBuilder(f.b);
}
