/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Paths: what they may name, how every operation answers, and that nothing
 * leads out.  Each test runs with openat2 and with the walk that replaces it.
 */
#include "wasi/mock.h"

struct path_case {
	const char *path;
	int oflags;
	uint64_t rights;
	int follow, want;
};

/* The tree that most tests look at. */
static void
tree(void)
{
	CHECK(mkdir(at("box/d"), 0777) == 0);
	CHECK(mkdir(at("box/d/n"), 0777) == 0);
	host_file("box/d/n/f", "deep");
	host_file("box/f", "file");
	CHECK(mkdir(at("box/empty"), 0777) == 0);
	CHECK(symlink("f", at("box/lf")) == 0);
	CHECK(symlink("d", at("box/ld")) == 0);
	CHECK(symlink("d/", at("box/lds")) == 0);
	CHECK(symlink("f/", at("box/lfs")) == 0);
	CHECK(symlink("missing", at("box/dangling")) == 0);
	CHECK(symlink("loop", at("box/loop")) == 0);
	CHECK(symlink("../outside/canary", at("box/climb")) == 0);
	CHECK(symlink("../outside", at("box/climbdir")) == 0);
	CHECK(symlink("../new", at("box/climbnew")) == 0);
	CHECK(symlink(at("outside"), at("box/abs")) == 0);
	CHECK(symlink("/etc/passwd", at("box/absfile")) == 0);
	CHECK(symlink("d/../../outside/canary", at("box/sly")) == 0);
	CHECK(symlink("../f", at("box/d/up")) == 0);
	CHECK(symlink("/proc/self/fd/0", at("box/magic")) == 0);
}

static void
check_cases(const struct path_case *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int rc = xtry(RW, t[i].path, t[i].oflags, t[i].rights,
		    t[i].follow);

		if (rc != t[i].want)
			test_end('F', "open \"%s\" oflags %d rights %d "
			    "follow %d: errno %d, not %d", t[i].path,
			    t[i].oflags, (int)t[i].rights, t[i].follow, rc,
			    t[i].want);
	}
}
#define CHECK_CASES(t) check_cases(t, sizeof(t) / sizeof *(t))

enum { C = WASI_O_CREAT, D = WASI_O_DIRECTORY, X = WASI_O_EXCL,
       T = WASI_O_TRUNC };

BOTH(what_a_path_may_be)
{
	static const struct path_case t[] = {
		{ "f", 0, R_READ, 0, WASI_SUCCESS },
		{ "", 0, R_READ, 0, WASI_NOENT },
		{ "/", 0, R_READ, 0, WASI_PERM },
		{ "/f", 0, R_READ, 0, WASI_PERM },
		{ "//etc/passwd", 0, R_READ, 0, WASI_PERM },
		{ ".", 0, R_READ, 0, WASI_SUCCESS },
		{ "./", 0, R_READ, 0, WASI_SUCCESS },
		{ "./d/.", 0, R_READ, 0, WASI_SUCCESS },
		{ "..", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "../", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "../box/f", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "d/..", 0, R_READ, 0, WASI_SUCCESS },
		{ "d/../..", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "d/../../box/f", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "d/../f", 0, R_READ, 0, WASI_SUCCESS },
		{ "d//n///f", 0, R_READ, 0, WASI_SUCCESS },
		{ "d/.//n/../../d/n/../n///./f", 0, R_READ, 0, WASI_SUCCESS },
		{ "missing/../f", 0, R_READ, 0, WASI_NOENT },
		{ "f/../f", 0, R_READ, 0, WASI_NOTDIR },
		{ "f/.", 0, R_READ, 0, WASI_NOTDIR },
		{ "f/", 0, R_READ, 0, WASI_NOTDIR },
		{ "f//", 0, R_READ, 0, WASI_NOTDIR },
		{ "d/", 0, R_READ, 0, WASI_SUCCESS },
		{ "\xff", 0, R_READ, 0, WASI_ILSEQ },
		{ "\xc0\xaf", 0, R_READ, 0, WASI_ILSEQ },
		{ "\xed\xa0\x80", 0, R_READ, 0, WASI_ILSEQ },
		{ "\xf4\x90\x80\x80", 0, R_READ, 0, WASI_ILSEQ },
		{ "\xe2\x82", 0, R_READ, 0, WASI_ILSEQ },
		{ "\xe2\x82\xac", 0, R_READ, 0, WASI_NOENT },
		{ "C:\\x", 0, R_READ, 0, WASI_NOENT },
	};
	char longest[5000];

	tree();
	CHECK_CASES(t);
	memcpy(mock_mem.bytes + PATH, "f\0x", 3);
	IS(CALL(path_open, RW, 0, PATH, 3, 0, 0, 0, 0, OUT), INVAL);
	IS(CALL(path_open, RW, 0, PATH, 2, 0, 0, 0, 0, OUT), INVAL);
	memset(longest, 'x', sizeof longest);
	longest[4999] = 0;
	IS(xtry(RW, longest, 0, R_READ, 0), NAMETOOLONG);
	longest[300] = 0;
	IS(xtry(RW, longest, 0, R_READ, 0), NAMETOOLONG);
	for (int i = 0; i < 2047; i++)
		memcpy(longest + 2 * i, "./", 2);
	strcpy(longest + 2 * 2047 - 1, "/f");
	IS(xtry(RW, longest, 0, R_READ, 0), SUCCESS);
}

BOTH(open_answers)
{
	static const struct path_case t[] = {
		{ "lf", 0, R_READ, 0, WASI_LOOP },
		{ "lf", 0, R_READ, 1, WASI_SUCCESS },
		{ "lf", D, R_READ, 0, WASI_NOTDIR },
		{ "lf/", 0, R_READ, 0, WASI_NOTDIR },
		{ "ld", 0, R_READ, 0, WASI_LOOP },
		{ "ld", D, R_READ, 0, WASI_NOTDIR },
		{ "ld", D, R_READ, 1, WASI_SUCCESS },
		{ "ld/", 0, R_READ, 0, WASI_SUCCESS },
		{ "ld/n/f", 0, R_READ, 0, WASI_SUCCESS },
		{ "lds/n/f", 0, R_READ, 0, WASI_SUCCESS },
		{ "lds", 0, R_READ, 1, WASI_SUCCESS },
		{ "lfs", 0, R_READ, 1, WASI_NOTDIR },
		{ "d/up", 0, R_READ, 1, WASI_SUCCESS },
		{ "dangling", 0, R_READ, 1, WASI_NOENT },
		{ "dangling", 0, R_READ, 0, WASI_LOOP },
		{ "loop", 0, R_READ, 1, WASI_LOOP },
		{ "loop", 0, R_READ, 0, WASI_LOOP },
		{ "loop/x", 0, R_READ, 0, WASI_LOOP },
		{ "climb", 0, R_READ, 1, WASI_NOTCAPABLE },
		{ "climb", 0, R_READ, 0, WASI_LOOP },
		{ "climbdir/canary", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "climbdir/", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "climbnew", C, R_RW, 1, WASI_NOTCAPABLE },
		{ "abs", 0, R_READ, 1, WASI_NOTCAPABLE },
		{ "abs/canary", 0, R_READ, 0, WASI_NOTCAPABLE },
		{ "absfile", 0, R_READ, 1, WASI_NOTCAPABLE },
		{ "magic", 0, R_READ, 1, WASI_NOTCAPABLE },
		{ "sly", 0, R_READ, 1, WASI_NOTCAPABLE },
		{ "f", D, R_READ, 0, WASI_NOTDIR },
		{ "d", D, R_READ, 0, WASI_SUCCESS },
		{ "d", D, R_RW, 0, WASI_ISDIR },
		{ "d", 0, R_WRITE, 0, WASI_ISDIR },
		{ "d", C, R_READ, 0, WASI_ISDIR },
		{ "d", C | D, R_READ, 0, WASI_INVAL },
		{ "new", C | D, R_READ, 0, WASI_INVAL },
		{ "d", X | D, R_READ, 0, WASI_INVAL },
		{ "d", T | D, R_READ, 0, WASI_INVAL },
		{ "f", 16, R_READ, 0, WASI_INVAL },
		{ "f", 0, R_READ, 2, WASI_INVAL },
		{ "f", C, R_READ, 0, WASI_SUCCESS },
		{ "f", C | X, R_READ, 0, WASI_EXIST },
		{ "f", X, R_READ, 0, WASI_SUCCESS },
		{ "lf", C | X, R_READ, 1, WASI_EXIST },
		{ "lf", C | X, R_READ, 0, WASI_EXIST },
		{ "lf", C, R_READ, 0, WASI_LOOP },
		{ "dangling", C | X, R_READ, 1, WASI_EXIST },
		{ "d", C | X, R_READ, 0, WASI_EXIST },
		{ "new/", C, R_RW, 0, WASI_ISDIR },
		{ "f/", C, R_RW, 0, WASI_ISDIR },
		{ "missing/new", C, R_RW, 0, WASI_NOENT },
		{ "f/new", C, R_RW, 0, WASI_NOTDIR },
		{ "d/new", C | X, R_RW, 0, WASI_SUCCESS },
		{ "d/new", C | X, R_RW, 0, WASI_EXIST },
		{ "dangling", C, R_RW, 1, WASI_SUCCESS },
		{ "missing", 0, R_READ, 0, WASI_SUCCESS },
		{ "f", T, R_RW, 0, WASI_SUCCESS },
	};
	struct stat st;

	tree();
	CHECK_CASES(t);
	CHECK(access(at("new"), F_OK) != 0);
	CHECK(access(at("box/new"), F_OK) != 0);
	CHECK(stat(at("box/f"), &st) == 0 && st.st_size == 0);
	/* A FIFO does not hold up the host. */
	CHECK(mkfifo(at("box/fifo"), 0600) == 0);
	IS(xopen(RW, "fifo", 0, R_READ, 0, 0), SUCCESS);
	IS(CALL(fd_fdstat_get, opened, OUT), SUCCESS);
	CHECK_EQ(U16(OUT + 2), 0);
	IS(xopen(RW, "d", 0, R_READ, WASI_FDF_NONBLOCK, 0), SUCCESS);
	IS(xopen(RW, "f", 0, R_READ, 32, 0), INVAL);
	/* Access is by rights. */
	IS(xopen(RW, "f", 0, 0, 0, 0), SUCCESS);
	IS(xread(opened, 1), SUCCESS);
	IS(xwrite(opened, "x"), BADF);
	IS(xopen(RW, "f", 0, R_WRITE, 0, 0), SUCCESS);
	IS(xread(opened, 1), BADF);
	IS(xwrite(opened, "x"), SUCCESS);
}

/* Relative to another directory than the preopen: as sealed. */
BOTH(beneath_an_opened_directory)
{
	int d;

	tree();
	IS(xopen(RW, "d", D, R_READ, 0, 0), SUCCESS);
	d = opened;
	IS(xtry(d, "n/f", 0, R_READ, 0), SUCCESS);
	IS(xtry(d, "../f", 0, R_READ, 0), NOTCAPABLE);
	IS(xtry(d, "up", 0, R_READ, 1), NOTCAPABLE);
	IS(xtry(d, "n/../..", 0, R_READ, 1), NOTCAPABLE);
	IS(CALL(path_unlink_file, d, P1S("../f")), NOTCAPABLE);
	IS(CALL(path_rename, d, P1S("n/f"), RW, P2S("moved")), SUCCESS);
	IS(xtry(RW, "moved", 0, R_READ, 0), SUCCESS);
}

/* ---- Changes ---------------------------------------------------------- */

struct name_case {
	const char *path;
	int mkdir, rmdir, unlink;
};

BOTH(mkdir_rmdir_unlink)
{
	enum { OK = 0 };
	/* What fails, fails without an effect, so one tree serves all. */
	static const struct name_case t[] = {
		{ ".", WASI_EXIST, WASI_INVAL, WASI_ISDIR },
		{ "./", WASI_EXIST, WASI_INVAL, WASI_ISDIR },
		{ "d/.", WASI_EXIST, WASI_INVAL, WASI_ISDIR },
		{ "d/..", WASI_EXIST, WASI_NOTEMPTY, WASI_ISDIR },
		{ "..", WASI_NOTCAPABLE, WASI_NOTCAPABLE, WASI_NOTCAPABLE },
		{ "../", WASI_NOTCAPABLE, WASI_NOTCAPABLE, WASI_NOTCAPABLE },
		{ "../x", WASI_NOTCAPABLE, WASI_NOTCAPABLE, WASI_NOTCAPABLE },
		{ "/x", WASI_PERM, WASI_PERM, WASI_PERM },
		{ "", WASI_NOENT, WASI_NOENT, WASI_NOENT },
		{ "d", WASI_EXIST, WASI_NOTEMPTY, WASI_ISDIR },
		{ "d/", WASI_EXIST, WASI_NOTEMPTY, WASI_ISDIR },
		{ "f/", WASI_EXIST, WASI_NOTDIR, WASI_NOTDIR },
		{ "ld", WASI_EXIST, WASI_NOTDIR, -1 },
		{ "ld/", WASI_EXIST, WASI_NOTDIR, WASI_NOTDIR },
		{ "lf/", WASI_EXIST, WASI_NOTDIR, WASI_NOTDIR },
		{ "dangling", WASI_EXIST, WASI_NOTDIR, -1 },
		{ "climbdir/canary", WASI_NOTCAPABLE, WASI_NOTCAPABLE,
		  WASI_NOTCAPABLE },
		{ "abs/canary", WASI_NOTCAPABLE, WASI_NOTCAPABLE,
		  WASI_NOTCAPABLE },
		{ "climbdir", WASI_EXIST, WASI_NOTDIR, -1 },
		{ "missing/", -1, WASI_NOENT, WASI_NOENT },
		{ "missing", -1, WASI_NOENT, WASI_NOENT },
		{ "missing/x", WASI_NOENT, WASI_NOENT, WASI_NOENT },
		{ "f/x", WASI_NOTDIR, WASI_NOTDIR, WASI_NOTDIR },
		{ "\xff", WASI_ILSEQ, WASI_ILSEQ, WASI_ILSEQ },
	};

	tree();
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const int want[3] = { t[i].mkdir, t[i].rmdir, t[i].unlink };

		for (int op = 0; op < 3; op++) {
			int rc = want[op] < 0 ? -1 : op == 0 ?
			    CALL(path_create_directory, RW, P1S(t[i].path)) :
			    op == 1 ?
			    CALL(path_remove_directory, RW, P1S(t[i].path)) :
			    CALL(path_unlink_file, RW, P1S(t[i].path));

			if (rc != want[op])
				test_end('F', "op %d \"%s\": %d, not %d", op,
				    t[i].path, rc, want[op]);
		}
	}
	IS(CALL(path_create_directory, RW, P1S("new/")), SUCCESS);
	IS(CALL(path_remove_directory, RW, P1S("new/")), SUCCESS);
	IS(CALL(path_create_directory, RW, P1S("d/new//")), SUCCESS);
	IS(CALL(path_remove_directory, RW, P1S("ld/new")), SUCCESS);
	IS(CALL(path_unlink_file, RW, P1S("climb")), SUCCESS);
	IS(CALL(path_unlink_file, RW, P1S("dangling")), SUCCESS);
	CHECK(access(at("outside/canary"), F_OK) == 0);
}

#define RENAME(a, b) CALL(path_rename, RW, P1S(a), RW, P2S(b))

BOTH(rename_answers)
{
	tree();
	IS(RENAME("missing", "x"), NOENT);
	IS(RENAME("missing/", "x"), NOENT);
	IS(RENAME("f/", "x"), NOTDIR);
	IS(RENAME("f", "x/"), NOTDIR);
	IS(RENAME("lf/", "x"), NOTDIR);
	IS(RENAME("ld/", "x"), NOTDIR);
	IS(RENAME("ld", "x/"), NOTDIR);
	IS(RENAME("f", "d"), ISDIR);
	IS(RENAME("d", "f"), NOTDIR);
	IS(RENAME("d", "f/"), NOTDIR);
	IS(RENAME("empty", "d"), NOTEMPTY);
	IS(RENAME("d", "d/n/x"), INVAL);
	IS(RENAME(".", "x"), BUSY);
	IS(RENAME("d/..", "x"), BUSY);
	IS(RENAME("f", "."), BUSY);
	IS(RENAME("f", "../x"), NOTCAPABLE);
	IS(RENAME("../outside/canary", "x"), NOTCAPABLE);
	IS(RENAME("f", "climbdir/x"), NOTCAPABLE);
	IS(RENAME("climbdir/canary", "x"), NOTCAPABLE);
	IS(RENAME("f", "/x"), PERM);
	IS(RENAME("/f", "x"), PERM);
	IS(RENAME("d/", "x"), SUCCESS);
	IS(RENAME("x", "y/"), SUCCESS);
	IS(RENAME("y/", "d/"), SUCCESS);
	IS(RENAME("d", "empty"), SUCCESS);
	IS(RENAME("empty", "d"), SUCCESS);
	IS(RENAME("f", "f"), SUCCESS);
	IS(RENAME("f", "g"), SUCCESS);
	IS(RENAME("climb", "lf"), SUCCESS);	/* links themselves */
	IS(CALL(path_filestat_get, RW, 0, P1S("lf"), BUF), SUCCESS);
	CHECK_EQ(U8(BUF + 16), WASI_FT_SYMLINK);
	IS(CALL(path_rename, RW, P1S("g"), 99, P2S("h")), BADF);
	IS(CALL(path_rename, RW, P1S("g"), 1, P2S("h")), NOTDIR);
}

#define LINK(a, b) CALL(path_link, RW, 0, P1S(a), RW, P2S(b))

BOTH(link_answers)
{
	tree();
	IS(CALL(path_link, RW, 1, P1S("f"), RW, P2S("x")), INVAL);
	IS(CALL(path_link, RW, 2, P1S("f"), RW, P2S("x")), INVAL);
	IS(LINK("f", "x"), SUCCESS);
	IS(LINK("f", "x"), EXIST);
	IS(LINK("f", "f"), EXIST);
	IS(LINK("f", "dangling"), EXIST);
	IS(LINK("f", "."), EXIST);
	IS(LINK("d", "y"), PERM);
	IS(LINK("d/", "y"), PERM);
	IS(LINK(".", "y"), PERM);
	IS(LINK("f/", "y"), NOTDIR);
	IS(LINK("missing", "y"), NOENT);
	IS(LINK("missing/", "y"), NOENT);
	IS(LINK("f", "y/"), NOENT);
	IS(LINK("f", "d/"), EXIST);
	IS(LINK("dangling", "dangling2"), SUCCESS);
	IS(LINK("loop", "loop2"), SUCCESS);
	IS(LINK("climb", "climb2"), SUCCESS);
	IS(LINK("climbdir/canary", "y"), NOTCAPABLE);
	IS(LINK("../outside/canary", "y"), NOTCAPABLE);
	IS(LINK("f", "../y"), NOTCAPABLE);
	IS(CALL(path_filestat_get, RW, 0, P1S("climb2"), BUF), SUCCESS);
	CHECK_EQ(U8(BUF + 16), WASI_FT_SYMLINK);
}

#define SYMLINK(t, p) CALL(path_symlink, P1S(t), RW, P2S(p))

BOTH(symlink_answers)
{
	struct stat st;

	tree();
	IS(SYMLINK("/etc/passwd", "s"), PERM);
	IS(SYMLINK("", "s"), NOENT);
	IS(SYMLINK("../..", "s"), SUCCESS);
	IS(xtry(RW, "s", 0, R_READ, 1), NOTCAPABLE);
	IS(xtry(RW, "s/etc/passwd", 0, R_READ, 1), NOTCAPABLE);
	IS(SYMLINK("f", "f"), EXIST);
	IS(SYMLINK("f", "dangling"), EXIST);
	IS(SYMLINK("f", "t/"), NOENT);
	IS(SYMLINK("f", "d/"), EXIST);
	IS(SYMLINK("f", "f/"), NOTDIR);
	IS(SYMLINK("f", "."), EXIST);
	IS(SYMLINK("f", "../t"), NOTCAPABLE);
	IS(SYMLINK("f", "climbdir/t"), NOTCAPABLE);
	IS(SYMLINK("missing", "t"), SUCCESS);
	CHECK(lstat(at("box/t"), &st) == 0 && S_ISLNK(st.st_mode));
	memset(mock_mem.bytes + BUF, 'x', 16);
	IS(CALL(path_readlink, RW, P1S("t"), BUF, 16, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 7);
	CHECK(!memcmp(TEXT, "missingxxx", 10));
	IS(CALL(path_readlink, RW, P1S("t"), BUF, 3, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 3);
	IS(CALL(path_readlink, RW, P1S("t"), BUF, 0, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 0);
	IS(CALL(path_readlink, RW, P1S("f"), BUF, 16, OUT), INVAL);
	IS(CALL(path_readlink, RW, P1S("d"), BUF, 16, OUT), INVAL);
	IS(CALL(path_readlink, RW, P1S("climb"), BUF, 100, OUT), SUCCESS);
	IS(CALL(path_readlink, RW, P1S("abs"), BUF, 100, OUT), PERM);
	IS(CALL(path_readlink, RW, P1S("climbdir/x"), BUF, 9, OUT), NOTCAPABLE);
}

/* ---- Read-only: operation by permission (CVE-2026-47261, -58494) ------- */

static int
mutate(int op, int fd, int other)
{
	switch (op) {
	case 0: return xtry(fd, "new", C, R_READ, 0);
	case 1: return xtry(fd, "f", C, R_READ, 0);
	case 2: return xtry(fd, "f", T, R_READ, 0);
	case 3: return xtry(fd, "f", 0, R_WRITE, 0);
	case 4: return xtry(fd, "f", 0, R_RW, 0);
	case 5: return CALL(path_create_directory, fd, P1S("nd"));
	case 6: return CALL(path_unlink_file, fd, P1S("victim"));
	case 7: return CALL(path_remove_directory, fd, P1S("empty"));
	case 8: return CALL(path_rename, fd, P1S("r1"), fd, P2S("r2"));
	case 9: return CALL(path_rename, other, P1S("r3"), fd, P2S("r4"));
	case 10: return CALL(path_rename, fd, P1S("r5"), other, P2S("r6"));
	case 11: return CALL(path_link, fd, 0, P1S("f"), fd, P2S("h1"));
	case 12: return CALL(path_link, other, 0, P1S("f"), fd, P2S("h2"));
	case 13: return CALL(path_link, fd, 0, P1S("f"), other, P2S("h3"));
	case 14: return CALL(path_symlink, P1S("f"), fd, P2S("s"));
	case 15: return CALL(path_filestat_set_times, fd, 0, P1S("f"), 1, 1,
	    5);
	default: return -2;
	}
}

static void
check_read_only_file(int fd)
{
	IS(xwrite(fd, "x"), BADF);
	IS(CALL(fd_filestat_set_size, fd, 0), PERM);
	IS(CALL(fd_filestat_set_times, fd, 1, 1, 5), PERM);
	IS(CALL(fd_allocate, fd, 0, 100), PERM);
	IS(xread(fd, 10), SUCCESS);
	CHECK_STR(TEXT, "file");
}

BOTH(read_only)
{
	struct stat before, after;
	int sub;

	tree();
	host_file("box/victim", "");
	host_file("box/r1", "");
	host_file("box/r3", "");
	host_file("box/r5", "");
	CHECK(stat(at("box/f"), &before) == 0);
	CHECK(mkdir(at("box/ro"), 0777) == 0);
	host_file("box/ro/f", "file");
	for (int op = 0; op < 16; op++) {
		int rc = mutate(op, RO, RW);

		if (rc != WASI_PERM)
			test_end('F', "op %d is %d", op, rc);
	}
	IS(xopen(RO, ".", D, R_READ, 0, 0), SUCCESS);
	sub = opened;			/* inherits */
	for (int op = 0; op < 16; op++) {
		int rc = mutate(op, sub, RW);

		if (rc != WASI_PERM)
			test_end('F', "sub: op %d is %d", op, rc);
	}
	IS(xopen(sub, "f", 0, R_READ, 0, 0), SUCCESS);
	check_read_only_file(opened);
	IS(CALL(fd_filestat_set_times, sub, 1, 1, 5), PERM);
	IS(CALL(fd_renumber, opened, sub), SUCCESS);
	IS(CALL(fd_seek, sub, 0, 0, OUT), SUCCESS);
	check_read_only_file(sub);
	IS(xtry(RO, "d/n/f", 0, R_READ, 0), SUCCESS);
	IS(CALL(path_readlink, RO, P1S("lf"), BUF, 10, OUT), SUCCESS);
	CHECK(stat(at("box/f"), &after) == 0);
	CHECK_EQ(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
	CHECK_EQ(after.st_nlink, before.st_nlink);
	/* The same on the writable side. */
	for (int op = 0; op < 16; op++) {
		int rc = mutate(op, RW, RW);

		if (rc != WASI_SUCCESS)
			test_end('F', "rw: op %d is %d", op, rc);
	}
}

/* ---- Renames while resolving ------------------------------------------ */

static atomic_bool racing;

static void *
race(void *arg)
{
	char *a = strdup(at("box/d/n")), *b = strdup(at("outside/n"));
	char *l = strdup(at("box/flip")), *t = strdup(at("box/flip2"));

	while (atomic_load(&racing)) {
		rename(a, b);
		rename(b, a);
		unlink(t);
		if (symlink("../outside", t) == 0)
			rename(t, l);
		mkdir(t, 0777);
		unlink(l);
		rename(t, l);
		rmdir(l);
	}
	free(a);
	free(b);
	free(l);
	free(t);
	return NULL;
}

BOTH(rename_race)
{
	pthread_t t;

	tree();
	host_file("outside/secret", "secret");
	atomic_store(&racing, true);
	CHECK(pthread_create(&t, NULL, race, NULL) == 0);
	for (int i = 0; i < 5000; i++) {
		CHECK(xtry(RW, "d/n/../../../outside/secret", 0, R_READ, 1));
		CHECK(xtry(RW, "d/n/../../secret", 0, R_READ, 1));
		CHECK(xtry(RW, "flip/secret", 0, R_READ, 1));
		CHECK(CALL(path_unlink_file, RW, P1S("flip/canary")));
	}
	atomic_store(&racing, false);
	pthread_join(t, NULL);
	CHECK(access(at("outside/canary"), F_OK) == 0);
}

TEST_MAIN
