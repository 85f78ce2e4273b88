/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * front_reader.c: tests of primitives, tables, features and the arena.
 */
#include "compile.h"
#include "insn.h"
#include "validate.h"
#include "test.h"

enum what { U32, U64, S32, S33, S64 };

struct leb_case {
	enum what what;
	const char *bytes;
	size_t n;
	int64_t want;
	const char *err;
};

static int64_t
read_as(struct reader *r, enum what what)
{
	switch (what) {
	case U32: return rd_u32(r);
	case U64: return (int64_t)rd_u64(r);
	case S32: return rd_s32(r);
	case S33: return rd_s33(r);
	default: return rd_s64(r);
	}
}

static void
check_leb(const struct leb_case *t)
{
	struct slice s = { (const uint8_t *)t->bytes, t->n };
	struct wasmc_error err;
	struct compile c;
	struct reader r;

	compile_open(&c, NULL, &err);
	c.module.file = s;
	if (setjmp(c.fail)) {
		if (!t->err)
			test_end('F', "%s", err.text);
		CHECK_HAS(err.text, t->err);
		CHECK_EQ(err.status, WASMC_EMALFORMED);
	} else {
		r = rd_open(&c, s);
		CHECK_EQ(read_as(&r, t->what), t->want);
		CHECK(!t->err);
		CHECK(rd_end(&r));
	}
	compile_close(&c);
}

TEST(leb_boundaries)
{
	static const struct leb_case t[] = {
		{ U32, "\x00", 1, 0, NULL },
		{ U32, "\x80\x00", 2, 0, NULL },	/* padding is legal */
		{ U32, "\xff\xff\xff\xff\x0f", 5, UINT32_MAX, NULL },
		{ U32, "\xff\xff\xff\xff\x1f", 5, 0, "integer too large" },
		{ U32, "\x80\x80\x80\x80\x80\x00", 6, 0,
		    "integer representation too long" },
		{ U32, "\x80", 1, 0, "unexpected end" },
		{ U32, "", 0, 0, "unexpected end" },
		{ U64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, -1,
		    NULL },
		{ U64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, 0,
		    "integer too large" },
		{ S32, "\x7f", 1, -1, NULL },
		{ S32, "\xff\xff\xff\xff\x7f", 5, -1, NULL },
		{ S32, "\x80\x80\x80\x80\x78", 5, INT32_MIN, NULL },
		{ S32, "\xff\xff\xff\xff\x07", 5, INT32_MAX, NULL },
		{ S32, "\xff\xff\xff\xff\x0f", 5, 0, "integer too large" },
		{ S32, "\x80\x80\x80\x80\x70", 5, 0, "integer too large" },
		{ S32, "\x80\x80\x80\x80\x80\x00", 6, 0,
		    "integer representation too long" },
		{ S33, "\xff\xff\xff\xff\x0f", 5, UINT32_MAX, NULL },
		{ S33, "\x80\x80\x80\x80\x70", 5, -(1ll << 32), NULL },
		{ S33, "\xff\xff\xff\xff\x1f", 5, 0, "integer too large" },
		{ S64, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", 10,
		    INT64_MIN, NULL },
		{ S64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 10,
		    INT64_MAX, NULL },
		{ S64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 0,
		    "integer too large" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		check_leb(&t[i]);
}

TEST(utf8)
{
	static const struct { const char *s; bool good; } t[] = {
		{ "", true }, { "abc", true }, { "\xc3\xa4", true },
		{ "\xe2\x82\xac", true }, { "\xf0\x9f\x98\x80", true },
		{ "\xf4\x8f\xbf\xbf", true }, { "\xef\xbf\xbf", true },
		{ "\x80", false }, { "\xc0\x80", false }, { "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false }, { "\xed\xa0\x80", false },
		{ "\xf0\x8f\xbf\xbf", false }, { "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false }, { "\xe2\x82", false },
		{ "\xc3", false }, { "\xc3\x28", false }, { "a\xff", false },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (utf8_valid((const uint8_t *)t[i].s, strlen(t[i].s)) !=
		    t[i].good)
			test_end('F', "case %zu", i);
}

/* Every row is found by its opcode, and has a signature or a rule. */
TEST(table_of_instructions)
{
	for (unsigned op = 0; op < NOPS; op++) {
		const struct opinfo *i = &opinfos[op];
		enum op found = i->code >> 16 ?
		    op_prefixed((uint8_t)(i->code >> 16), i->code & 0xffff) :
		    op_plain((uint8_t)i->code);

		CHECK_EQ(found, op);
		CHECK(i->text && *i->text);
		if ((i->sig != NULL) == validate_has_rule((enum op)op))
			test_end('F', "%s: signature or rule", i->text);
		CHECK(!i->sig || strchr(i->sig, ':'));
	}
}

TEST(opcodes_that_are_none)
{
	CHECK_EQ(op_plain(0x16), NOPS);
	CHECK_EQ(op_plain(0xff), NOPS);
	CHECK_EQ(op_plain(0xfc), NOPS);
	CHECK_EQ(op_prefixed(0xfb, 31), NOPS);
	CHECK_EQ(op_prefixed(0xfc, 0x12), NOPS);
	CHECK_EQ(op_prefixed(0xfd, 0x9a), NOPS);
	CHECK_EQ(op_prefixed(0xfd, 0x114), NOPS);
	CHECK_EQ(op_prefixed(0xfd, UINT32_MAX), NOPS);
	CHECK_EQ(op_prefixed(0xfe, 4), NOPS);
	CHECK_EQ(op_prefixed(0xfe, 0x4f), NOPS);
}

TEST(features)
{
	const char *bad = NULL;
	uint64_t set;

	CHECK(features_parse(NULL, &set, &bad));
	CHECK_EQ(set, features_default());
	CHECK(set & FEAT_BIT(FEAT_SIMD));
	CHECK(!(set & FEAT_BIT(FEAT_STACK_SWITCHING)));
	CHECK(features_parse("all,-simd,+threads", &set, &bad));
	CHECK(!(set & FEAT_BIT(FEAT_SIMD)));
	CHECK(!(set & FEAT_BIT(FEAT_RELAXED_SIMD)));	/* needs simd */
	CHECK(set & FEAT_BIT(FEAT_THREADS));
	CHECK(set & FEAT_BIT(FEAT_STACK_SWITCHING));
	CHECK(features_parse("mvp,+gc", &set, &bad));
	CHECK(set & FEAT_BIT(FEAT_FUNC_REFS));		/* gc needs it */
	CHECK(set & FEAT_BIT(FEAT_REF_TYPES));
	CHECK(!(set & FEAT_BIT(FEAT_BULK)));
	CHECK(!features_parse("mvp,+nonsense,+gc", &set, &bad));
	CHECK(!strncmp(bad, "nonsense,", 9));
}

static jmp_buf no_memory;

__attribute__((noreturn)) static void
out_of_memory(void *data)
{
	(void)data;
	longjmp(no_memory, 1);
}

TEST(arena)
{
	struct arena a = { .fail = out_of_memory };
	uint8_t *p, *q;

	p = arena_alloc(&a, 3, 1);
	memset(p, 0xff, 3);
	q = arena_alloc(&a, 1000000, 1);
	CHECK_EQ((uintptr_t)q % 16, 0);
	memset(q, 0xff, 1000000);
	for (unsigned i = 0; i < 100; i++) {
		arena_reset(&a);
		p = arena_alloc(&a, 100000, 1);
		CHECK_EQ(p[0] | p[99999], 0);	/* zeroed again */
		memset(p, 0xff, 100000);
		CHECK(a.total_bytes < 3000000);	/* and used again */
	}
	q = arena_grow(&a, p, 4, 8, 1);
	CHECK(q[3] == 0xff && q[4] == 0);
	if (!setjmp(no_memory)) {
		arena_alloc(&a, SIZE_MAX / 2, 4);
		CHECK(false);
	}
	if (!setjmp(no_memory)) {
		arena_alloc(&a, SIZE_MAX - 8, 1);
		CHECK(false);
	}
	arena_free(&a);
	CHECK(!a.blocks);
}

TEST_MAIN
