/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * profile_make.c: --profile-generate, a module that counts what it executes.
 *
 * The module is written anew, as if it were linked with nothing, and code that
 * counts goes before the places of profile.h.  The counters are in a memory of
 * their own, behind the module's, which begins as the file is to be: a run ends
 * with its contents written down.  So neither the artifact nor the runtime
 * knows of counters.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "merge.h"
#include "profile.h"

enum { I32 = 0x7f, I64 = 0x7e };
enum { LOCAL_GET = 0x20, LOCAL_SET = 0x21, LOCAL_TEE = 0x22 };

static void
op_u32(struct bytes *b, uint8_t op, uint32_t x)
{
	put_byte(b, op);
	put_u32(b, x);
}

/* i32.const of an address, which may look negative. */
static void
op_address(struct bytes *b, uint32_t x)
{
	put_byte(b, 0x41);
	put_s64(b, (int32_t)x);
}

/* i64.load or i64.store of the counters' memory. */
static void
op_access(struct merge *g, struct bytes *b, uint8_t op, uint64_t offset)
{
	put_byte(b, op);
	put_byte(b, 3 | (g->profile_memory ? 0x40 : 0));
	if (g->profile_memory)
		put_u32(b, g->profile_memory);
	put_u64(b, offset);
}

enum { LOAD = 0x29, STORE = 0x37 };

/* The counter at the address in the local `at`, and `offset` behind it, rises
 * by one. */
static void
count_at(struct merge *g, struct bytes *b, uint32_t at, uint64_t offset)
{
	op_u32(b, LOCAL_GET, at);
	op_u32(b, LOCAL_GET, at);
	op_access(g, b, LOAD, offset);
	put(b, "\x42\x01\x7c", 3);		/* i64.const 1, i64.add */
	op_access(g, b, STORE, offset);
}

/* ---- Layout ---- */

void
profile_layout(struct merge *g)
{
	struct merge_input *in = g->in;
	const struct module *m = &in->c.module;
	uint32_t n = m->nfuncs - m->nfuncs_imported;
	uint64_t at = sizeof(struct profile_head) +
	    n * sizeof(struct profile_func);

	g->profile_funcs = ARENA_NEW(&g->c.arena, n, struct profile_func);
	for (uint32_t i = 0; i < n; i++) {
		const struct func *f = &m->funcs[m->nfuncs_imported + i];

		g->profile_funcs[i] = (struct profile_func){
		    .hash = slice_hash(f->body),
		    .index = m->nfuncs_imported + i,
		    .n = profile_func_counters(&in->c, f), .at = at };
		at += 8ull * g->profile_funcs[i].n;
	}
	if (at > UINT32_MAX - WC_PAGE_BYTES)
		merge_fail(g, NULL, WASMC_EUNSUPPORTED,
		    "the module is too large for --profile-generate");
	g->profile_bytes = at;
}

/* The memory as it begins, as a data segment's bytes. */
void
profile_data(struct merge *g, struct bytes *out)
{
	const struct module *m = &g->in->c.module;
	uint32_t n = m->nfuncs - m->nfuncs_imported;
	struct profile_head h = { .magic = PROFILE_MAGIC, .nfuncs = n,
	    .bytes = g->profile_bytes };

	put_u64(out, sizeof h + n * sizeof *g->profile_funcs);
	put(out, &h, sizeof h);
	put(out, g->profile_funcs, n * sizeof *g->profile_funcs);
}

uint64_t
profile_pages(const struct merge *g)
{
	return (g->profile_bytes + WC_PAGE_BYTES - 1) / WC_PAGE_BYTES;
}

/* ---- Places ---- */

/* Two locals of ours stand behind the function's own: what the instruction
 * takes, and an address. */
void
profile_entry(struct merge *g, struct profile_cursor *k, struct bytes *b)
{
	op_address(b, (uint32_t)k->at);
	op_u32(b, LOCAL_SET, k->local + 1);
	count_at(g, b, k->local + 1, 0);
	k->at += 8;
}

static void
at_branch(struct merge *g, struct profile_cursor *k, struct bytes *b)
{
	op_u32(b, LOCAL_TEE, k->local);
	op_u32(b, LOCAL_GET, k->local);
	put(b, "\x45\x41\x03\x74", 4);		/* i32.eqz, 8 times that */
	op_address(b, (uint32_t)k->at);
	put_byte(b, 0x6a);			/* i32.add */
	op_u32(b, LOCAL_SET, k->local + 1);
	count_at(g, b, k->local + 1, 0);
}

/* The index, or the last one if that is less. */
static void
at_table(struct merge *g, struct profile_cursor *k, uint32_t n,
    struct bytes *b)
{
	op_u32(b, LOCAL_TEE, k->local);
	op_u32(b, LOCAL_GET, k->local);
	op_address(b, n - 1);
	op_u32(b, LOCAL_GET, k->local);
	op_address(b, n - 1);
	put(b, "\x49\x1b\x41\x03\x74", 5);	/* i32.lt_u, select, 8 times */
	op_address(b, (uint32_t)k->at);
	put_byte(b, 0x6a);
	op_u32(b, LOCAL_SET, k->local + 1);
	count_at(g, b, k->local + 1, 0);
}

static void
at_call(struct merge *g, struct profile_cursor *k, struct bytes *b)
{
	op_u32(b, LOCAL_TEE, k->local);
	op_address(b, (uint32_t)k->at);
	op_u32(b, LOCAL_GET, k->local);
	op_u32(b, 0x10, g->profile_func);
}

void
profile_place(struct merge *g, struct profile_cursor *k,
    const struct insn *in, struct bytes *b)
{
	uint32_t n = profile_counters(&g->in->c.module, in);

	if (in->op == OP_BR_IF || in->op == OP_IF)
		at_branch(g, k, b);
	else if (in->op == OP_BR_TABLE)
		at_table(g, k, n, b);
	else if (n)
		at_call(g, k, b);
	k->at += 8ull * n;
}

/* ---- Whom an indirect call calls ---- */

/* (func (param $place i32) (param $index i32)): counts the call, and looks for
 * the index among the pairs; the least frequent one gives way to a new index,
 * which begins with its count, so that those that matter stay. */
void
profile_helper(struct merge *g, struct bytes *out)
{
	enum { PLACE, INDEX, END, LEAST, KEY };
	struct bytes b = { .a = &g->c.scratch };

	put(&b, "\x02\x02\x7f\x01\x7e", 5);	/* END, LEAST i32; KEY i64 */
	count_at(g, &b, PLACE, 0);
	op_u32(&b, LOCAL_GET, INDEX);
	put(&b, "\xad\x42\x01\x7c", 4);		/* i64.extend_i32_u, + 1 */
	op_u32(&b, LOCAL_SET, KEY);
	op_u32(&b, LOCAL_GET, PLACE);
	put(&b, "\x41\x08\x6a", 3);		/* + 8 */
	op_u32(&b, LOCAL_TEE, PLACE);
	op_u32(&b, LOCAL_TEE, LEAST);
	put(&b, "\x41\xc0\x00\x6a", 4);		/* + 64: PROFILE_KEYS pairs */
	op_u32(&b, LOCAL_SET, END);
	put(&b, "\x03\x40", 2);			/* loop */
	op_u32(&b, LOCAL_GET, PLACE);
	op_access(g, &b, LOAD, 0);
	op_u32(&b, LOCAL_GET, KEY);
	put_byte(&b, 0x51);			/* i64.eq */
	op_u32(&b, LOCAL_GET, PLACE);
	op_access(g, &b, LOAD, 0);
	put(&b, "\x50\x72\x04\x40", 4);		/* i64.eqz, or; if */
	op_u32(&b, LOCAL_GET, PLACE);
	op_u32(&b, LOCAL_GET, KEY);
	op_access(g, &b, STORE, 0);
	count_at(g, &b, PLACE, 8);
	put(&b, "\x0f\x0b", 2);			/* return, end */
	op_u32(&b, LOCAL_GET, PLACE);
	op_access(g, &b, LOAD, 8);
	op_u32(&b, LOCAL_GET, LEAST);
	op_access(g, &b, LOAD, 8);
	put(&b, "\x54\x04\x40", 3);		/* i64.lt_u; if */
	op_u32(&b, LOCAL_GET, PLACE);
	op_u32(&b, LOCAL_SET, LEAST);
	put_byte(&b, 0x0b);
	op_u32(&b, LOCAL_GET, PLACE);
	put(&b, "\x41\x10\x6a", 3);		/* + 16 */
	op_u32(&b, LOCAL_TEE, PLACE);
	op_u32(&b, LOCAL_GET, END);
	put(&b, "\x47\x0d\x00\x0b", 4);		/* i32.ne; br_if 0; end */
	op_u32(&b, LOCAL_GET, LEAST);
	op_u32(&b, LOCAL_GET, KEY);
	op_access(g, &b, STORE, 0);
	count_at(g, &b, LEAST, 8);
	put_byte(&b, 0x0b);
	put_u64(out, b.n);
	put(out, b.p, b.n);
	arena_reset(&g->c.scratch);
}

_Static_assert(PROFILE_KEYS * 16 == 64, "profile_helper()");

int
profile_generate(const void *wasm, size_t n,
    const struct wasmc_options *options, void **out, size_t *out_n,
    struct wasmc_error *err)
{
	const struct wasmc_link_input in = { wasm, n, "module" };
	size_t which;

	return merge_run(&in, 1, WASMC_EXPORTS_FIRST, true, options, out,
	    out_n, &which, err);
}
