/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * front_validate.c: messages, features, names and rules that the suite of the
 * specification does not reach.
 */
#include "compile.h"
#include "insn.h"
#include "front.h"

static void
check_bytes(const char *p, size_t n, const char *features, const char *want)
{
	struct mod m = { 0 };

	m_bytes(&m, p, n);
	m_check(&m, features, want);
}
#define WHOLE(s, want)	check_bytes((s), sizeof (s) - 1, NULL, (want))

TEST(files_that_are_no_modules)
{
	WHOLE("", "unexpected end: the file is empty");
	WHOLE("(module)", "magic header not detected: this is the text format");
	WHOLE("\n ;; text\n(module)", "magic header not detected: this is the "
	    "text format");
	WHOLE("\177ELF\2\1\1", "magic header not detected: this is an ELF");
	WHOLE("\x1f\x8b\x08", "magic header not detected: this is a compr");
	WHOLE("!<arch>\n", "magic header not detected: this is an archive");
	WHOLE("BC\xc0\xde", "magic header not detected: this is LLVM");
	WHOLE("#!/bin/sh", "magic header not detected: no WebAssembly");
	WHOLE("\0as", "unexpected end");
	WHOLE("\0asm\x0d\0\1\0", "unknown binary version: this is a component");
	WHOLE("\0asm\2\0\0\0", "unknown binary version 00000002");
	WHOLE("\0asm\1\0\0\0", NULL);
}

/* Offset, section, function and its name; the name section comes later in the
 * file than the fault. */
TEST(message_says_where)
{
	static const char bytes[] = "\0asm\1\0\0\0"
	    "\x01\x05\x01\x60\x00\x01\x7f"	/* [] -> [i32] */
	    "\x03\x02\x01\x00"
	    "\x0a\x06\x01\x04\x00\x42\x00\x0b"	/* i64.const 0, end */
	    "\x00\x0b\x04name\x01\x04\x01\x00\x01" "f";
	struct wasmc_error err;
	int rc = wasmc_validate(bytes, sizeof bytes - 1, NULL, &err);

	CHECK_EQ(rc, WASMC_EINVALID);
	CHECK_EQ(err.status, WASMC_EINVALID);
	CHECK_EQ(err.func_idx, 0);
	CHECK_EQ(err.offset, 0x1a);
	CHECK_STR(err.text, "type mismatch: expected i32, found i64 (end) "
	    "(at byte 0x1a, code section, function 0 \"f\")");
}

TEST(names_are_cut_and_cleaned)
{
	struct mod m = { 0 }, code = { 0 }, body = { 0 }, name = { 0 };
	struct mod sub = { 0 };
	struct wasmc_error err;

	m_header(&m);
	LIT(&m, "\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00");
	LIT(&body, "\x00\x1a\x0b");		/* drop of nothing */
	m_byte(&code, 1);
	m_sized(&code, &body);
	m_section(&m, 10, &code);
	LIT(&sub, "\x01\x00");
	m_u32(&sub, 100000);
	m_fill(&sub, '\n', 100000);
	LIT(&name, "\x04name\x01");
	m_sized(&name, &sub);
	m_section(&m, 0, &name);
	CHECK_EQ(wasmc_validate(m.p, m.n, NULL, &err), WASMC_EINVALID);
	CHECK(!strchr(err.text, '\n'));
	CHECK(strlen(err.text) < 300);
	CHECK_HAS(err.text, "...\")");
	free(m.p);
}

/* ---- Features ---- */

static void
feature_case(const char *code, size_t n, const char *features,
    const char *want)
{
	struct mod body = { 0 }, m;

	m_byte(&body, 0);
	m_bytes(&body, code, n);
	m_byte(&body, 0x0b);
	m = m_one_func(&body);
	m_check(&m, features, want);
}
#define FEATURE(code, features, want)					\
	feature_case((code), sizeof (code) - 1, (features), (want))

TEST(features_gate_instructions)
{
	static const char sat[] = "\x43\0\0\0\0\xfc\x00\x1a";
	static const char ext[] = "\x41\0\xc0\x1a";
	static const char v128[] =
	    "\xfd\x0c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1a";
	static const char wide[] =
	    "\x42\0\x42\0\x42\0\x42\0\xfc\x13\x1a\x1a";

	FEATURE(sat, "mvp", "illegal opcode fc: i32.trunc_sat_f32_s needs the "
	    "feature nontrapping-fptoint (--features +nontrapping-fptoint");
	FEATURE(sat, "mvp,+nontrapping-fptoint", NULL);
	FEATURE(ext, "-sign-ext", "illegal opcode c0: i32.extend8_s needs");
	FEATURE(ext, NULL, NULL);
	FEATURE(v128, "-simd", "illegal opcode fd");
	FEATURE(v128, NULL, NULL);
	FEATURE(wide, "all,-wide-arithmetic", "illegal opcode fc");
	FEATURE(wide, NULL, NULL);
	FEATURE("\xd0\x70\x1a", "mvp", "illegal opcode d0");
	FEATURE("\xd0\x6f\x1a", "all,-gc", NULL);
	FEATURE("\xd0\x6e\x1a", "all,-gc", "malformed reference type: the "
	    "feature gc is off");
	FEATURE("\x06\x40\x19\x0b", "-legacy-exceptions", "illegal opcode 06");
	FEATURE("\x06\x40\x19\x0b", NULL, NULL);
	FEATURE("\xe0\x00", NULL, "illegal opcode e0: cont.new needs");
	FEATURE("\xff", "all", "illegal opcode ff");
	FEATURE("\xfd\x9a\x01", "all", "illegal opcode fd 9a");
}

TEST(unknown_feature_is_an_option_error)
{
	struct wasmc_options opt = { .features = "+gc,+telepathy" };
	struct wasmc_error err;

	CHECK_EQ(wasmc_validate("\0asm\1\0\0\0", 8, &opt, &err),
	    WASMC_EOPTION);
	CHECK_STR(err.text, "unknown feature \"telepathy\"");
}

TEST(features_used)
{
	struct mod m = m_file("tests/fuzz/fuzz_validate/gc.wasm");
	struct wasmc_error err;
	struct compile c;

	compile_open(&c, NULL, &err);
	CHECK_EQ(front_run(&c, m.p, m.n), WASMC_OK);
	CHECK(c.module.features_used & FEAT_BIT(FEAT_GC));
	CHECK(!(c.module.features_used & FEAT_BIT(FEAT_SIMD)));
	CHECK(!(c.module.features_used & FEAT_BIT(FEAT_THREADS)));
	CHECK(c.module.funcs[0].referenced);	/* exported */
	compile_close(&c);
	free(m.p);
}

/* ---- Types ---- */

/* Types 0 and 1 are equal, 2 is not; a second group repeats the first. */
TEST(canonical_types)
{
	struct mod m = { 0 }, t = { 0 };
	struct wasmc_error err;
	struct compile c;

	LIT(&t, "\x06"
	    "\x60\x01\x7f\x00" "\x60\x01\x7f\x00" "\x60\x01\x7e\x00"
	    "\x4e\x02\x5f\x01\x63\x04\x00\x5f\x01\x63\x03\x01"
	    "\x4e\x02\x5f\x01\x63\x06\x00\x5f\x01\x63\x05\x01"
	    "\x5f\x01\x63\x04\x00");	/* as 3, but alone */
	m_header(&m);
	m_section(&m, 1, &t);
	compile_open(&c, NULL, &err);
	if (front_run(&c, m.p, m.n))
		test_end('F', "%s", err.text);
	CHECK_EQ(c.module.ntypes, 8);
	CHECK_EQ(c.module.types[1].canon, 0);
	CHECK_EQ(c.module.types[2].canon, 2);
	CHECK_EQ(c.module.types[3].canon, 3);
	CHECK_EQ(c.module.types[5].canon, 3);
	CHECK_EQ(c.module.types[6].canon, 4);
	CHECK_EQ(c.module.types[7].canon, 7);
	compile_close(&c);
	free(m.p);
}

/* ---- Names and hints: damage is no error ---- */

static void
name_case(const char *section, size_t n, const char *func, const char *module)
{
	struct mod body = { 0 }, m, s = { 0 };
	struct wasmc_error err;
	struct compile c;

	LIT(&body, "\x00\x0b");
	m = m_one_func(&body);
	LIT(&s, "\x04name");
	m_bytes(&s, section, n);
	m_section(&m, 0, &s);
	compile_open(&c, NULL, &err);
	if (front_run(&c, m.p, m.n))
		test_end('F', "%s", err.text);
	CHECK_EQ(c.module.funcs[0].name.n, strlen(func));
	CHECK(!memcmp(c.module.funcs[0].name.p ? c.module.funcs[0].name.p :
	    (const uint8_t *)"", func, strlen(func)));
	CHECK_EQ(c.module.name.n, strlen(module));
	compile_close(&c);
	free(m.p);
}
#define NAMES(s, func, module)						\
	name_case((s), sizeof (s) - 1, (func), (module))

TEST(damaged_names_are_ignored)
{
	NAMES("\x00\x02\x01m\x01\x04\x01\x00\x01" "f", "f", "m");
	NAMES("\x00\x02\x01m\x01\x04\x01\x00\x05" "f", "", "m");
	NAMES("\x00\x02\x01m\x01\x7f\x01\x00\x01" "f", "", "m");
	NAMES("\x00\x02\x01\xff\x01\x04\x01\x00\x01" "f", "", "");
	NAMES("\x01\x06\x02\x00\x01" "f\x00\x01" "g", "f", "");	/* cut */
	NAMES("\x01\x04\x01\x63\x01" "f", "", "");	/* no such function */
	NAMES("\x01\xff\xff\xff\xff\xff\xff", "", "");
	NAMES("", "", "");
}

/* A function of six bytes with an `if` at offset 3, and a section of hints. */
static void
hint_case(const char *section, size_t n, uint32_t nhints)
{
	struct mod body = { 0 }, m, s = { 0 };
	struct wasmc_error err;
	struct compile c;

	LIT(&body, "\x00\x41\x00\x04\x40\x0b\x0b");
	m = m_one_func(&body);
	LIT(&s, "\x19metadata.code.branch_hint");
	m_bytes(&s, section, n);
	m_section(&m, 0, &s);
	compile_open(&c, NULL, &err);
	if (front_run(&c, m.p, m.n))
		test_end('F', "%s", err.text);
	CHECK_EQ(c.module.nhints, nhints);
	if (nhints) {
		CHECK_EQ(c.module.hints[0].func, 0);
		CHECK_EQ(c.module.hints[0].offset,
		    c.module.funcs[0].offset + 3);
		CHECK(c.module.hints[0].likely);
		CHECK_EQ(m.p[c.module.hints[0].offset], 0x04);
	}
	compile_close(&c);
	free(m.p);
}
#define HINTS(s, n)	hint_case((s), sizeof (s) - 1, (n))

TEST(branch_hints)
{
	HINTS("\x01\x00\x01\x03\x01\x01", 1);
	HINTS("\x01\x00\x02\x03\x01\x01\x04\x01\x00", 2);
	HINTS("\x01\x00\x02\x03\x01\x01\x03\x01\x00", 1);	/* order */
	HINTS("\x01\x00\x02\x03\x01\x01\x20\x01\x00", 1);	/* beyond */
	HINTS("\x01\x00\x01\x03\x01\x02", 0);	/* no such value */
	HINTS("\x01\x00\x01\x03\x02\x01\x01", 0);	/* size */
	HINTS("\x01\x01\x01\x03\x01\x01", 0);	/* no such function */
	HINTS("\x02\x00\x01\x03\x01\x01\x00\x01\x04\x01\x01", 1);
	HINTS("\x01\x00\xff\xff\xff\xff\x0f\x03\x01\x01", 1);	/* cut */
	HINTS("", 0);
}

TEST(local_names)
{
	struct mod m = m_file("tests/fuzz/fuzz_validate/imports.wasm");
	struct wasmc_error err;
	struct compile c;

	compile_open(&c, NULL, &err);
	CHECK_EQ(front_run(&c, m.p, m.n), WASMC_OK);
	CHECK_EQ(c.module.nlocal_names, 1);
	CHECK_EQ(c.module.local_names[0].func, 1);
	CHECK_EQ(c.module.local_names[0].local, 0);
	CHECK(c.module.local_names[0].name.n == 1 &&
	    *c.module.local_names[0].name.p == 'x');
	CHECK(c.module.name.n == 5 && !memcmp(c.module.name.p, "named", 5));
	CHECK(c.module.funcs[0].name.n == 1);	/* an import has one too */
	compile_close(&c);
	free(m.p);
}

/* ---- Rules ---- */

TEST(code_may_not_follow_its_end)
{
	struct mod body = { 0 };

	LIT(&body, "\x00\x0b\x01\x0b");
	m_check_func(&body, "section size mismatch");
	LIT(&body, "\x00\x01");
	m_check_func(&body, "unexpected end of section or function");
	LIT(&body, "\x00\x05\x0b");
	m_check_func(&body, "END opcode expected");
}

/* A reference out of unreachable code is still no number. */
TEST(bottom_reference)
{
	struct mod body = { 0 };

	LIT(&body, "\x00\x00\xd4\x1a\x0b");
	m_check_func(&body, NULL);
	LIT(&body, "\x00\x00\xd4\x45\x1a\x0b");	/* i32.eqz of it */
	m_check_func(&body, "type mismatch: expected i32, found (ref bot)");
}

TEST(locals_are_set_per_block)
{
	struct mod body = { 0 };
	static const char head[] = "\x01\x01\x64\x70";	/* (ref func) */

	m_bytes(&body, head, sizeof head - 1);
	LIT(&body, "\x20\x00\x1a\x0b");
	m_check_func(&body, "uninitialized local 0");
	m_bytes(&body, head, sizeof head - 1);
	LIT(&body, "\x02\x40\x00\x21\x00\x20\x00\x1a\x0b\x0b");
	m_check_func(&body, NULL);
	m_bytes(&body, head, sizeof head - 1);
	LIT(&body, "\x02\x40\xd0\x70\xd4\x21\x00\x0b\x20\x00\x1a\x0b");
	m_check_func(&body, "uninitialized local 0");
}

TEST_MAIN
