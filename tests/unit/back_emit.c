/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * back_emit.c: the reader of .debug_line, symbols, targets, files.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "dwarf.h"
#include "target.h"
#include "test.h"

/* ---- .debug_line ---- */

/* A DWARF 4 unit: address 0x1000 line 5, +3 line 6, end at +8. */
static const uint8_t unit4[] = {
	52, 0, 0, 0, 4, 0, 25, 0, 0, 0,
	1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1,
	'a', 0, 0, 0, 0, 0, 0,
	0, 9, 2, 0, 0x10, 0, 0, 0, 0, 0, 0,	/* set_address */
	3, 4, 1,			/* advance_line, copy */
	13 + 3 * 14 + 6,		/* special: +3, +1 */
	2, 5, 0, 1, 1,			/* advance_pc, end_sequence */
};

static uint32_t
read_rows(const uint8_t *p, size_t n, struct line_row *out)
{
	struct buf rows = { 0 };
	uint32_t k;

	CHECK(dwarf_lines(&(struct line_sections){ .line = { p, n } }, &rows,
	    NULL) == 0);
	k = (uint32_t)(rows.n / sizeof *out);
	CHECK(k <= 16);
	if (rows.n)
		memcpy(out, rows.p, rows.n);
	buf_free(&rows);
	return k;
}

TEST(line_table)
{
	uint8_t two[2 * sizeof unit4];
	struct line_row r[16];

	/* A size that covers what follows it. */
	memcpy(two, unit4, sizeof unit4);
	two[0] = sizeof unit4 - 4;
	memcpy(two + sizeof unit4, two, sizeof unit4);
	CHECK_EQ(read_rows(two, sizeof two, r), 6);
	CHECK_EQ(r[0].addr, 0x1000);
	CHECK_EQ(r[0].line, 5);
	CHECK_EQ(r[1].addr, 0x1003);
	CHECK_EQ(r[1].line, 6);
	CHECK_EQ(r[2].addr, 0x1008);
	CHECK(r[2].end && !r[1].end);
	CHECK_EQ(r[3].line, 5);
}

TEST(line_table_damaged)
{
	struct line_row r[16];

	for (size_t n = 0; n < sizeof unit4; n++) {
		uint8_t *p = malloc(n + 1);

		memcpy(p, unit4, n);
		read_rows(p, n, r);
		free(p);
	}
	for (size_t i = 0; i < sizeof unit4; i++)
		for (int b = 0; b < 256; b += 5) {
			struct buf rows = { 0 };
			uint8_t *p = malloc(sizeof unit4);

			memcpy(p, unit4, sizeof unit4);
			p[i] = (uint8_t)b;
			dwarf_lines(&(struct line_sections){
			    .line = { p, sizeof unit4 } }, &rows, NULL);
			buf_free(&rows);
			free(p);
		}
}

/* What is written can be read, and names the files. */
TEST(line_table_written)
{
	static const struct code_line code[] = {
		{ 0x1000, 0, 10 }, { 0x1001, 0, 12 }, { 0x1400, 1, 3 },
		{ 0x1410, NO_IDX, 0 }, { 0x1420, 1, 70000 },
	};
	struct buf line = { 0 }, info = { 0 }, abbrev = { 0 }, rows = { 0 };
	struct line_files in = { 0 }, files = { 0 };
	const struct line_row *r;
	uint32_t at[] = { 0, 4 };

	buf_add(&in.names, "a.c\0/src/b.c", 13);
	buf_add(&in.at, at, sizeof at);
	in.n = 2;
	dwarf_write(code, 5, 0x1500, &in, "m.wasm", &line, &info, &abbrev);
	CHECK(dwarf_lines(&(struct line_sections){
	    .line = { line.p, line.n } }, &rows, &files) == 0);
	CHECK_EQ(files.n, 2);
	CHECK_STR((char *)files.names.p, "a.c");
	CHECK_STR((char *)files.names.p + 4, "/src/b.c");
	CHECK_EQ(rows.n, 6 * sizeof *r);
	r = (const void *)rows.p;
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(r[i].addr, code[i].addr);
		CHECK_EQ(r[i].end, code[i].file == NO_IDX);
		if (r[i].end)
			continue;
		CHECK_EQ(r[i].line, code[i].line);
		CHECK_EQ(r[i].file, code[i].file);
	}
	CHECK(r[5].end && r[5].addr == 0x1500);
	buf_free(&line);
	buf_free(&info);
	buf_free(&abbrev);
	buf_free(&rows);
	buf_free(&in.names);
	buf_free(&in.at);
	buf_free(&files.names);
	buf_free(&files.at);
}

/* A hundred thousand entries that name one long string cost little. */
TEST(line_table_names_are_bounded)
{
	static const uint8_t head[] = { 5, 0, 8, 0, 0, 0, 0, 0, 1, 1, 1,
	    0xfb, 14, 1, 0, 0, 1, 1, 0x0e, 0xa0, 0x8d, 0x06 };
	enum { N = 100000, LONG = 4000 };
	size_t n = 4 + sizeof head + 4 * (size_t)N;
	uint8_t *p = calloc(n, 1), *str = malloc(LONG);
	uint32_t unit = (uint32_t)n - 4;
	uint32_t header = unit - 8;		/* what follows its length */
	struct line_files files = { 0 };
	struct buf rows = { 0 };

	memcpy(p, &unit, 4);
	memcpy(p + 4, head, sizeof head);
	memcpy(p + 8, &header, 4);
	memset(str, 'a', LONG);
	str[LONG - 1] = 0;
	CHECK(dwarf_lines(&(struct line_sections){ .line = { p, n },
	    .str = { str, LONG } }, &rows, &files) == 0);
	CHECK(files.n > 1000);
	CHECK(files.names.n < (17u << 20));
	/* One that does not end ends the table. */
	str[LONG - 1] = 'a';
	buf_free(&files.names);
	buf_free(&files.at);
	files.n = 0;
	CHECK(dwarf_lines(&(struct line_sections){ .line = { p, n },
	    .str = { str, LONG } }, &rows, &files) == 0);
	CHECK_EQ(files.n, 0);
	buf_free(&rows);
	buf_free(&files.names);
	buf_free(&files.at);
	free(p);
	free(str);
}

/* ---- Targets ---- */

TEST(targets)
{
	struct wasmc_options o = { .target = "x86_64-linux-gnu" };
	struct wasmc_error err;
	struct target t;
	unsigned n;

	CHECK_EQ(targets_of(&o, &t, &n, &err), WASMC_OK);
	CHECK_HAS(t.features, "+popcnt");
	CHECK(!strstr(t.features, "avx"));
	o.cpu = "x86-64-v3";
	CHECK_EQ(targets_of(&o, &t, &n, &err), WASMC_OK);
	CHECK_HAS(t.features, "+avx2");
	o.target = "aarch64-linux-gnu";
	CHECK_EQ(targets_of(&o, &t, &n, &err), WASMC_EOPTION);
	CHECK_HAS(err.text, "x86-64-v3");
	o.cpu = NULL;
	CHECK_EQ(targets_of(&o, &t, &n, &err), WASMC_OK);
	CHECK_STR(t.features, "");
	o.target = "x86_64-pc-windows-msvc";
	CHECK_EQ(targets_of(&o, &t, &n, &err), WASMC_EOPTION);
	o.target = "riscv64-linux-gnu";
	CHECK_EQ(targets_of(&o, &t, &n, &err), WASMC_EOPTION);
}

/* Several at once: those with few features come first. */
TEST(target_levels)
{
	struct wasmc_options o = { .target = "x86_64-linux-gnu",
	    .cpu = "x86-64-v4,x86-64,skylake,sandybridge" };
	struct target t[WABI_MAX_LEVELS];
	char key[1024], first[1024];
	struct wasmc_error err;
	unsigned n;

	CHECK_EQ(targets_of(&o, t, &n, &err), WASMC_OK);
	CHECK_EQ(n, 4);
	CHECK_STR(t[0].cpu, "x86-64");
	CHECK_STR(t[1].tune, "sandybridge");
	CHECK_STR(t[2].tune, "skylake");
	CHECK_STR(t[3].tune, "x86-64-v4");
	wasmc_options_key(&o, key, sizeof key);
	CHECK_HAS(key, "level sandybridge");
	o.cpu = "x86-64";
	wasmc_options_key(&o, first, sizeof first);
	CHECK(!strncmp(key, first, strlen(first)) && strcmp(key, first));
	o.cpu = "x86-64-v3,haswell";
	CHECK_EQ(targets_of(&o, t, &n, &err), WASMC_EOPTION);
	CHECK_HAS(err.text, "just the features of \"haswell\"");
	o.cpu = "x86-64,cortex-a72";
	CHECK_EQ(targets_of(&o, t, &n, &err), WASMC_EOPTION);
	CHECK_HAS(err.text, "cortex-a72");
	o.cpu = "x86-64,";
	CHECK_EQ(targets_of(&o, t, &n, &err), WASMC_EOPTION);
	o.target = "aarch64-linux-gnu";
	o.cpu = "neoverse-n1,generic";
	CHECK_EQ(targets_of(&o, t, &n, &err), WASMC_OK);
	CHECK_STR(t[0].tune, "generic");
	CHECK_STR(t[1].features, "+lse");
}

TEST(options_key)
{
	struct wasmc_options a = { 0 }, b = { .opt_level = 2 };
	struct wasmc_options c = { .opt_level = 3 };
	struct wasmc_options d = { .features = "-simd128" };
	char ka[1024], kb[1024], kc[1024], kd[1024];

	CHECK(wasmc_options_key(NULL, ka, sizeof ka) < sizeof ka);
	wasmc_options_key(&a, kb, sizeof kb);
	CHECK_STR(ka, kb);
	wasmc_options_key(&b, kb, sizeof kb);
	CHECK_STR(ka, kb);
	wasmc_options_key(&c, kc, sizeof kc);
	CHECK(strcmp(ka, kc) != 0);
	wasmc_options_key(&d, kd, sizeof kd);
	CHECK(strcmp(ka, kd) != 0);
	CHECK_EQ(wasmc_options_key(&a, NULL, 0), strlen(ka));
	CHECK_HAS(ka, wasmc_version());
}

/* ---- Files ---- */

TEST(output_replaces_and_follows_links)
{
	char dir[] = "/tmp/wasmc-test-XXXXXX", file[64], link[64], s[8] = "";
	struct wasmc_error err;
	struct stat st;
	int fd;

	CHECK(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/f", dir);
	snprintf(link, sizeof link, "%s/l", dir);
	CHECK(symlink("f", link) == 0);
	CHECK_EQ(output_write(file, "one", 3, true, &err), WASMC_OK);
	CHECK_EQ(output_write(link, "two!", 4, true, &err), WASMC_OK);
	CHECK(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
	fd = open(file, O_RDONLY);
	CHECK(read(fd, s, sizeof s) == 4 && !strcmp(s, "two!"));
	CHECK_EQ(output_write("/dev/null", "x", 1, true, &err), WASMC_OK);
	CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
	CHECK_EQ(output_write(dir, "x", 1, true, &err), WASMC_EIO);
	unlink(file);
	unlink(link);
	CHECK(rmdir(dir) == 0);		/* and nothing else is in it */
}

TEST_MAIN
