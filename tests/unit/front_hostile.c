/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * front_hostile.c: modules that are cut, altered, or made to exhaust the
 * compiler.  Each must end soon, with an answer, in little memory.
 */
#include <sys/resource.h>

#include "front.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

static const char *const seeds[] = { "atomics", "calls", "control", "eh", "gc",
    "imports", "mem", "simd", "tables", "wide" };
#define NSEEDS	(sizeof seeds / sizeof *seeds)

static struct mod
seed(size_t i)
{
	char path[100];

	snprintf(path, sizeof path, "tests/fuzz/fuzz_validate/%s.wasm",
	    seeds[i]);
	return m_file(path);
}

static void
limit(int what, rlim_t n)
{
	struct rlimit l = { n, n };

	CHECK(setrlimit(what, &l) == 0);
}

/* Little memory and time, but not for sanitizers, which need much. */
static void
limit_all(size_t megabytes, unsigned seconds)
{
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
	limit(RLIMIT_AS, megabytes << 20);
	limit(RLIMIT_CPU, seconds);
	limit(RLIMIT_STACK, 256 << 10);
#endif
	(void)limit;
	(void)megabytes;
	(void)seconds;
}

/* The bytes are copied to a block of their own size: a read behind them is
 * seen by the address sanitizer. */
static int
validate_exactly(const uint8_t *p, size_t n, struct wasmc_error *err)
{
	static const struct wasmc_options all = { .features = "all" };
	uint8_t *copy = malloc(n);
	int rc;

	CHECK(copy || !n);
	if (n)
		memcpy(copy, p, n);
	rc = wasmc_validate(copy, n, &all, err);
	free(copy);
	CHECK((rc == WASMC_OK) == (err->text[0] == 0));
	return rc;
}

/* Cut anywhere, a module is refused, but between two sections. */
TEST(truncated_at_every_byte)
{
	struct wasmc_error err;

	for (size_t i = 0; i < NSEEDS; i++) {
		struct mod m = seed(i);
		unsigned accepted = 0;

		CHECK_EQ(validate_exactly(m.p, m.n, &err), WASMC_OK);
		for (size_t n = 0; n < m.n; n++) {
			if (validate_exactly(m.p, n, &err) == WASMC_OK)
				accepted++;
			else
				CHECK(err.offset <= n);
		}
		CHECK(accepted <= 10);
		free(m.p);
	}
}

TEST(every_byte_altered)
{
	struct wasmc_error err;

	for (size_t i = 0; i < NSEEDS; i++) {
		struct mod m = seed(i);

		for (size_t at = 0; at < m.n; at++)
			for (unsigned x = 1; x < 256; x++) {
				m.p[at] ^= (uint8_t)x;
				validate_exactly(m.p, m.n, &err);
				m.p[at] ^= (uint8_t)x;
			}
		free(m.p);
	}
}

/* ---- Counts ---- */

/* A section that says it holds more than there can be, and holds nothing. */
TEST(huge_counts)
{
	static const uint8_t ids[] = { 1, 2, 3, 4, 5, 6, 7, 9, 11, 13 };

	limit_all(64, 5);
	for (size_t i = 0; i < sizeof ids; i++) {
		struct mod m = { 0 }, s = { 0 };

		m_header(&m);
		m_u32(&s, UINT32_MAX);
		m_section(&m, ids[i], &s);
		m_check(&m, "all", "too many ");
		m_header(&m);
		m_u32(&s, 100);
		m_section(&m, ids[i], &s);
		m_check(&m, "all", "unexpected end of section or function");
	}
}

TEST(huge_counts_in_code)
{
	struct mod body = { 0 };

	limit_all(64, 5);
	LIT(&body, "\xff\xff\xff\xff\x0f");		/* runs of locals */
	m_check_func(&body, "unexpected end");
	LIT(&body, "\x00\x41\x00\x0e\xff\xff\xff\xff\x0f\x00\x0b");
	m_check_func(&body, "unexpected end");		/* br_table */
	LIT(&body, "\x00\x1c\xff\xff\xff\xff\x0f\x0b");
	m_check_func(&body, "unexpected end");		/* select */
	LIT(&body, "\x00\x1f\x40\xff\xff\xff\xff\x0f\x0b\x0b");
	m_check_func(&body, "unexpected end");		/* try_table */
}

TEST(locals_bomb)
{
	struct mod body = { 0 };

	limit_all(64, 5);
	LIT(&body, "\x02\xff\xff\xff\xff\x0f\x7f\xff\xff\xff\xff\x0f\x7e\x0b");
	m_check_func(&body, "too many locals");
	LIT(&body, "\x01\xd0\x86\x03\x7f\x20\xcf\x86\x03\x1a\x0b");
	m_check_func(&body, NULL);			/* 50,000 */
	LIT(&body, "\x01\xd1\x86\x03\x7f\x0b");
	m_check_func(&body, "too many locals");
}

/* Very many functions with very many locals: nobody writes them all down. */
TEST(locals_bomb_many_functions)
{
	struct mod m = { 0 }, funcs = { 0 }, code = { 0 };
	const uint32_t n = 300000;

	limit_all(256, 10);
	m_header(&m);
	LIT(&m, "\x01\x04\x01\x60\x00\x00");
	m_u32(&funcs, n);
	m_fill(&funcs, 0, n);
	m_section(&m, 3, &funcs);
	m_u32(&code, n);
	for (uint32_t i = 0; i < n; i++)
		LIT(&code, "\x0a\x01\xd0\x86\x03\x64\x70\x01\x01\x01\x0b");
	m_section(&m, 10, &code);
	m_check(&m, "all", NULL);
}

/* ---- Depth ---- */

static void
nest(const char *open, size_t n, uint32_t depth)
{
	struct mod body = { 0 };

	m_byte(&body, 0);
	for (uint32_t i = 0; i < depth; i++)
		m_bytes(&body, open, n);
	m_fill(&body, 0x0b, depth + 1);
	m_check_func(&body, NULL);
}

TEST(deep_nesting)
{
	limit_all(512, 20);
	nest("\x02\x40", 2, 1000000);
	nest("\x03\x40", 2, 1000000);
	nest("\x41\x00\x04\x40", 4, 1000000);
	nest("\x06\x40", 2, 1000000);
	nest("\x1f\x40\x00", 3, 1000000);
}

TEST(deep_nesting_unclosed)
{
	struct mod body = { 0 };

	limit_all(512, 20);
	m_byte(&body, 0);
	for (uint32_t i = 0; i < 1000000; i++)
		LIT(&body, "\x02\x40");
	m_check_func(&body, "unexpected end of section or function");
}

TEST(deep_constant_expression)
{
	struct mod m = { 0 }, g = { 0 };

	limit_all(256, 10);
	m_header(&m);
	LIT(&g, "\x01\x7f\x00");
	for (uint32_t i = 0; i < 1000000; i++)
		LIT(&g, "\x41\x01");
	m_fill(&g, 0x6a, 999999);
	m_byte(&g, 0x0b);
	m_section(&m, 6, &g);
	m_check(&m, "all", NULL);
}

/* ---- Operands ---- */

/* Calls with a thousand results: two bytes for eight thousand. */
TEST(operand_bomb)
{
	struct mod m = { 0 }, t = { 0 }, code = { 0 }, body = { 0 };

	limit_all(512, 20);
	m_header(&m);
	LIT(&t, "\x01\x60\x00\xe8\x07");
	m_fill(&t, 0x7f, 1000);
	m_section(&m, 1, &t);
	LIT(&m, "\x03\x02\x01\x00");
	m_byte(&body, 0);
	for (uint32_t i = 0; i < 1000000; i++)
		LIT(&body, "\x10\x00");
	m_byte(&body, 0x0b);
	m_byte(&code, 1);
	m_sized(&code, &body);
	m_section(&m, 10, &code);
	m_check(&m, "all", "too many operands");
}

/* array.new_fixed pops what it says, which nothing in unreachable code
 * bounds. */
TEST(fixed_array_in_unreachable_code)
{
	struct mod m = { 0 }, t = { 0 }, code = { 0 }, body = { 0 };

	limit_all(64, 5);
	m_header(&m);
	LIT(&t, "\x02\x60\x00\x00\x5e\x7f\x00");
	m_section(&m, 1, &t);
	LIT(&m, "\x03\x02\x01\x00");
	LIT(&body, "\x00\x00");
	for (uint32_t i = 0; i < 100000; i++)
		LIT(&body, "\xfb\x08\x01\xff\xff\xff\xff\x0f\x1a");
	m_byte(&body, 0x0b);
	m_byte(&code, 1);
	m_sized(&code, &body);
	m_section(&m, 10, &code);
	m_check(&m, "all", NULL);
}

TEST(large_br_table)
{
	for (uint32_t log2 = 1; log2 <= 17; log2++) {
		struct mod body = { 0 };
		uint32_t n = 1u << log2;

		LIT(&body, "\x00\x02\x40\x41\x00\x0e");
		m_u32(&body, n);
		for (uint32_t i = 0; i < n; i++)
			m_byte(&body, i & 1);
		LIT(&body, "\x00\x0b\x0b");
		m_check_func(&body, NULL);
	}
}

/* ---- Memory ---- */

/* What does not fit ends with ENOMEM, whichever allocation it is that fails:
 * the limit rises by a page or two until all is well. */
TEST(out_of_memory)
{
	struct mod body = { 0 }, m;
	struct wasmc_error err;
	unsigned failed = 0;

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	SKIP("the address sanitizer has its own memory");
#endif
	m_byte(&body, 0);
	for (uint32_t i = 0; i < 300000; i++)
		LIT(&body, "\x02\x40");
	m_fill(&body, 0x0b, 300001);
	m = m_one_func(&body);
	for (size_t bytes = 4 << 20; bytes < 256 << 20; bytes += bytes / 16) {
		struct rlimit l = { bytes, RLIM_INFINITY };
		int rc;

		CHECK(setrlimit(RLIMIT_AS, &l) == 0);
		rc = wasmc_validate(m.p, m.n, NULL, &err);
		l.rlim_cur = RLIM_INFINITY;
		CHECK(setrlimit(RLIMIT_AS, &l) == 0);
		if (rc == WASMC_OK)
			break;
		CHECK_EQ(rc, WASMC_ENOMEM);
		CHECK_HAS(err.text, "out of memory");
		failed++;
	}
	CHECK(failed > 3);
	CHECK_EQ(wasmc_validate(m.p, m.n, NULL, &err), WASMC_OK);
	free(m.p);
}

/* The same for two of them that become one. */
TEST(out_of_memory_linking)
{
	struct mod body = { 0 }, m;
	struct wasmc_link_input in[2] = { { .name = "a" }, { .name = "b" } };
	struct wasmc_error err;
	unsigned failed = 0;
	size_t n;
	void *out = NULL;

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	SKIP("the address sanitizer has its own memory");
#endif
	m_byte(&body, 0);
	for (uint32_t i = 0; i < 300000; i++)
		LIT(&body, "\x02\x40");
	m_fill(&body, 0x0b, 300001);
	m = m_one_func(&body);
	in[0].wasm = in[1].wasm = m.p;
	in[0].n = in[1].n = m.n;
	for (size_t bytes = 4 << 20; bytes < 512 << 20; bytes += bytes / 16) {
		struct rlimit l = { bytes, RLIM_INFINITY };
		int rc;

		CHECK(setrlimit(RLIMIT_AS, &l) == 0);
		rc = wasmc_link(in, 2, WASMC_EXPORTS_FIRST, NULL, &out, &n,
		    NULL, &err);
		l.rlim_cur = RLIM_INFINITY;
		CHECK(setrlimit(RLIMIT_AS, &l) == 0);
		if (rc == WASMC_OK)
			break;
		CHECK_EQ(rc, WASMC_ENOMEM);
		CHECK_HAS(err.text, "out of memory");
		failed++;
	}
	CHECK(failed > 3 && out);
	CHECK_EQ(wasmc_validate(out, n, NULL, &err), WASMC_OK);
	free(out);
	free(m.p);
}

/* ---- Types ---- */

/* A chain of supertypes is cut before anything walks it again and again. */
TEST(deep_subtyping)
{
	struct mod m = { 0 }, t = { 0 };
	const uint32_t n = 200000;

	limit_all(256, 10);
	m_header(&m);
	LIT(&t, "\x01\x4e");
	m_u32(&t, n);
	for (uint32_t i = 0; i < n; i++) {
		m_byte(&t, 0x50);
		m_byte(&t, i > 0);
		if (i > 0)
			m_u32(&t, i - 1);
		LIT(&t, "\x5f\x01\x63");	/* one field: (ref null last) */
		m_u32(&t, n - 1);
		m_byte(&t, 0);
	}
	m_section(&m, 1, &t);
	m_check(&m, "all", "sub type: more than 63");
}

/* Equal types by the hundred thousand, singly and in groups. */
TEST(many_equal_types)
{
	struct mod m = { 0 }, t = { 0 };
	const uint32_t n = 100000;

	limit_all(256, 10);
	m_header(&m);
	m_u32(&t, 2 * n);
	for (uint32_t i = 0; i < n; i++) {
		LIT(&t, "\x60\x02\x7f\x7e\x01\x7d");
		LIT(&t, "\x4e\x02\x5f\x00\x5e\x78\x01");
	}
	m_section(&m, 1, &t);
	m_check(&m, "all", NULL);
}

/* ---- Exports ---- */

TEST(many_exports)
{
	struct mod m = { 0 }, e = { 0 };
	const uint32_t n = 200000;

	limit_all(256, 10);
	m_header(&m);
	LIT(&m, "\x05\x03\x01\x00\x00");
	m_u32(&e, n);
	for (uint32_t i = 0; i < n; i++) {
		char name[16];
		int len = snprintf(name, sizeof name, "%u", (i * 7919) % n);

		m_byte(&e, (uint8_t)len);
		m_bytes(&e, name, (size_t)len);
		LIT(&e, "\x02\x00");
	}
	m_section(&m, 7, &e);
	m_check(&m, "all", NULL);
}

TEST_MAIN
