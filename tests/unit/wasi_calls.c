/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * WASI function by function, on a made-up guest: see wasi/mock.h.  Paths are in
 * wasi_paths.c, hostile arguments in wasi_fuzz.c.
 */
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "wasi/mock.h"

TEST(registers_both_snapshots)
{
	size_t n[2] = { 0, 0 };

	world_begin();
	for (size_t i = 0; i < mock_nfns; i++) {
		bool p1 = !strcmp(mock_fns[i].module, "wasi_snapshot_preview1");

		n[p1]++;
		CHECK_EQ(mock_fns[i].nresults,
		    strcmp(mock_fns[i].name, "proc_exit") != 0);
	}
	CHECK_EQ(n[1], 46);
	CHECK_EQ(n[0], 45);		/* sock_accept came later */
	world_end();
}

TEST(args_and_environ)
{
	const char *argv[] = { "prog", "", "b c" }, *env[] = { "A=1", "B=" };
	struct wrt_wasi_config config = { .argc = 3, .argv = argv, .nenv = 2,
					  .env = env };

	world_config = &config;
	world_begin();
	IS(CALL(args_sizes_get, OUT, OUT2), SUCCESS);
	CHECK_EQ(U32(OUT), 3);
	CHECK_EQ(U32(OUT2), 5 + 1 + 4);
	IS(CALL(args_get, OUT, BUF), SUCCESS);
	CHECK(!memcmp(mock_mem.bytes + BUF, "prog\0\0b c", 10));
	CHECK_EQ(U32(OUT), BUF);
	CHECK_EQ(U32(OUT + 4), BUF + 5);
	CHECK_EQ(U32(OUT + 8), BUF + 6);
	IS(CALL(environ_sizes_get, OUT, OUT2), SUCCESS);
	CHECK_EQ(U32(OUT), 2);
	CHECK_EQ(U32(OUT2), 7);
	IS(CALL(environ_get, OUT, BUF), SUCCESS);
	CHECK_STR(TEXT, "A=1");
	CHECK_EQ(CALL(args_get, OUT, MEM_SIZE - 9), TRAPPED);
	CHECK_EQ(CALL(args_get, MEM_SIZE - 8, BUF), TRAPPED);
	IS(CALL(args_get, OUT, MEM_SIZE - 10), SUCCESS);
	world_end();
}

TEST(clocks)
{
	uint64_t a, b;

	world_begin();
	for (uint64_t id = 0; id < 4; id++) {
		IS(CALL(clock_res_get, id, OUT), SUCCESS);
		CHECK(U64(OUT) > 0);
		IS(CALL(clock_time_get, id, 0, OUT), SUCCESS);
		a = U64(OUT);
		IS(CALL(clock_time_get, id, UINT64_MAX, OUT), SUCCESS);
		b = U64(OUT);
		CHECK(b >= a && a > 0);
	}
	IS(CALL(clock_time_get, 4, 0, OUT), INVAL);
	IS(CALL(clock_res_get, UINT32_MAX, OUT), INVAL);
	CHECK_EQ(CALL(clock_time_get, 0, 0, OUT + 4), TRAPPED);
	world_end();
}

TEST(coarse_clock)
{
	struct wrt_wasi_config config = { .clock_granularity_ns = 1000000 };

	world_config = &config;
	world_begin();
	IS(CALL(clock_time_get, 1, 0, OUT), SUCCESS);
	CHECK_EQ(U64(OUT) % 1000000, 0);
	IS(CALL(clock_res_get, 1, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), 1000000);
	world_end();
}

TEST(random_bytes)
{
	world_begin();
	IS(CALL(random_get, BUF, 0), SUCCESS);
	CHECK_EQ(U64(BUF), 0);
	IS(CALL(random_get, BUF, 100000), SUCCESS);
	CHECK(U64(BUF) != 0 && U64(BUF + 99992) != 0);
	CHECK_EQ(U64(BUF + 100000), 0);
	CHECK_EQ(CALL(random_get, MEM_SIZE - 1, 2), TRAPPED);
	CHECK_EQ(CALL(random_get, 16, UINT32_MAX), TRAPPED);
	world_end();
}

TEST(ends)
{
	world_begin();
	CHECK_EQ(CALL(proc_exit, 7), TRAPPED);
	CHECK_EQ(mock_inst.trap, WRT_TRAP_EXIT);
	CHECK_EQ(mock_inst.exit_code, 7);
	IS(CALL(proc_raise, 6), NOTSUP);
	IS(mock_call("sched_yield", NULL, 0), SUCCESS);
	mock_no_memory = true;
	CHECK_EQ(CALL(random_get, 0, 1), TRAPPED);
	world_end();
}

/* ---- Descriptors ------------------------------------------------------ */

TEST(preopens)
{
	world_begin();
	memset(mock_mem.bytes + OUT, 0xaa, 16);
	IS(CALL(fd_prestat_get, RW, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), (uint64_t)1 << 32);	/* padding is zero */
	IS(CALL(fd_prestat_get, RO, OUT), SUCCESS);
	CHECK_EQ(U32(OUT + 4), 3);
	for (int fd = 0; fd < 3; fd++)
		IS(CALL(fd_prestat_get, fd, OUT), BADF);
	IS(CALL(fd_prestat_get, 5, OUT), BADF);
	IS(CALL(fd_prestat_dir_name, RO, BUF, 2), NAMETOOLONG);
	memset(mock_mem.bytes + BUF, 'x', 8);
	IS(CALL(fd_prestat_dir_name, RO, BUF, 8), SUCCESS);
	CHECK(!memcmp(TEXT, "/roxxxxx", 8));
	IS(xclose(RO), SUCCESS);
	IS(xclose(RO), BADF);
	IS(CALL(fd_prestat_get, RO, OUT), BADF);
	world_end();
}

TEST(fdstat)
{
	world_begin();
	memset(mock_mem.bytes + OUT, 0xaa, 32);
	IS(CALL(fd_fdstat_get, RW, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), WASI_FT_DIR);	/* flags and padding zero */
	CHECK_EQ(__builtin_popcountll(U64(OUT + 8)), 16);
	CHECK_EQ(__builtin_popcountll(U64(OUT + 16)), 27);
	CHECK_EQ(U64(OUT + 8) & R_RW, 0);
	CHECK_EQ(U64(OUT + 16) & R_RW, R_RW);
	for (int fd = 0; fd < 3; fd++) {
		IS(CALL(fd_fdstat_get, fd, OUT), SUCCESS);
		CHECK_EQ(U8(OUT), WASI_FT_UNKNOWN);
		CHECK_EQ(U64(OUT + 8) & (WASI_R_FD_SEEK | WASI_R_FD_TELL), 0);
		CHECK_EQ(U64(OUT + 8) & R_RW, fd ? R_WRITE : R_READ);
	}
	IS(xopen(RW, "f", WASI_O_CREAT, R_WRITE, WASI_FDF_APPEND |
	    WASI_FDF_SYNC, 0), SUCCESS);
	IS(CALL(fd_fdstat_get, opened, OUT), SUCCESS);
	CHECK_EQ(U8(OUT), WASI_FT_REGULAR);
	CHECK_EQ(U16(OUT + 2), WASI_FDF_APPEND | WASI_FDF_SYNC);
	CHECK_EQ(U64(OUT + 8) & R_RW, R_WRITE);
	IS(CALL(fd_fdstat_set_flags, opened, WASI_FDF_NONBLOCK), SUCCESS);
	IS(CALL(fd_fdstat_get, opened, OUT), SUCCESS);
	CHECK_EQ(U16(OUT + 2), WASI_FDF_NONBLOCK | WASI_FDF_SYNC);
	IS(CALL(fd_fdstat_set_flags, opened, WASI_FDF_SYNC), INVAL);
	IS(CALL(fd_fdstat_set_flags, opened, WASI_FDF_DSYNC), INVAL);
	IS(CALL(fd_fdstat_set_flags, opened, 32), INVAL);
	IS(CALL(fd_fdstat_set_rights, opened, 0, 0), NOTSUP);
	IS(CALL(fd_fdstat_set_rights, 99, 0, 0), BADF);
	world_end();
}

static size_t
host_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* GHSA-3p27, CVE-2025-53901. */
TEST(renumber)
{
	size_t before;
	int a, b;

	world_begin();
	IS(xopen(RW, "a", WASI_O_CREAT, R_RW, 0, 0), SUCCESS);
	a = opened;
	IS(xopen(RW, "b", WASI_O_CREAT, R_RW, 0, 0), SUCCESS);
	b = opened;
	CHECK_EQ(a, 5);
	CHECK_EQ(b, 6);
	IS(CALL(fd_renumber, a, 127), BADF);
	IS(CALL(fd_renumber, a, UINT32_MAX), BADF);
	IS(CALL(fd_renumber, UINT32_MAX, a), BADF);
	IS(CALL(fd_renumber, a, a), SUCCESS);
	IS(CALL(fd_renumber, 99, 99), BADF);
	before = host_fds();
	for (int i = 0; i < 2000; i++) {
		IS(xopen(RW, "a", 0, R_READ, 0, 0), SUCCESS);
		CHECK_EQ(opened, 7);
		IS(CALL(fd_renumber, opened, b), SUCCESS);
		IS(CALL(fd_renumber, opened, b), BADF);
	}
	CHECK_EQ(host_fds(), before);
	IS(CALL(fd_renumber, b, 1), SUCCESS);	/* over stdout */
	IS(xwrite(1, "x"), BADF);
	IS(CALL(fd_renumber, a, RW), SUCCESS);	/* over a preopen */
	IS(CALL(fd_prestat_get, RW, OUT), BADF);
	IS(xclose(a), BADF);
	world_end();
}

TEST(numbers_and_limits)
{
	struct wrt_wasi_config config = { .max_fds = 8 };

	world_config = &config;
	world_begin();
	for (int fd = 5; fd < 8; fd++) {
		IS(xopen(RW, "f", WASI_O_CREAT, R_RW, 0, 0), SUCCESS);
		CHECK_EQ(opened, fd);
	}
	IS(xopen(RW, "new", WASI_O_CREAT, R_RW, 0, 0), MFILE);
	CHECK(access(at("box/new"), F_OK) != 0);
	IS(xclose(6), SUCCESS);
	IS(xopen(RW, "f", 0, R_RW, 0, 0), SUCCESS);
	CHECK_EQ(opened, 6);
	IS(xclose(6), SUCCESS);
	IS(xopen(RW, "missing", 0, R_RW, 0, 0), NOENT);
	IS(xopen(RW, "f", 0, R_RW, 0, 0), SUCCESS);
	CHECK_EQ(opened, 6);
	world_end();
}

/* ---- Input and output ------------------------------------------------- */

TEST(read_write_seek)
{
	int f, g;

	world_begin();
	IS(xopen(RW, "f", WASI_O_CREAT, R_RW, 0, 0), SUCCESS);
	f = opened;
	IS(xwrite(f, "hello world"), SUCCESS);
	CHECK_EQ(U32(OUT), 11);
	IS(xopen(RW, "f", 0, R_READ, 0, 0), SUCCESS);
	g = opened;
	IS(xread(g, 5), SUCCESS);
	CHECK_STR(TEXT, "hello");
	IS(CALL(fd_tell, g, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), 5);
	IS(xwrite(g, "x"), BADF);
	IS(CALL(fd_seek, g, -3ll, 2, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), 8);
	IS(CALL(fd_seek, g, -9ll, 1, OUT), INVAL);
	IS(CALL(fd_seek, g, 0, 3, OUT), INVAL);
	IS(CALL(fd_seek, g, 1000, 0, OUT), SUCCESS);
	IS(xread(g, 5), SUCCESS);
	CHECK_EQ(U32(OUT), 0);
	/* Two buffers, one of them empty, at a place of its own. */
	U32(IOV) = BUF, U32(IOV + 4) = 3;
	U32(IOV + 8) = BUF, U32(IOV + 12) = 0;
	U32(IOV + 16) = BUF + 3, U32(IOV + 20) = 100;
	IS(CALL(fd_pread, g, IOV, 3, 2, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 9);
	CHECK(!memcmp(TEXT, "llo world", 9));
	IS(CALL(fd_tell, g, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), 1000);
	IS(CALL(fd_pwrite, f, IOV, 1, 11, OUT), SUCCESS);
	IS(CALL(fd_pread, g, IOV, 3, -1ll, OUT), INVAL);
	IS(CALL(fd_read, g, IOV, 0, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 0);
	IS(CALL(fd_read, g, IOV, 1025, OUT), INVAL);
	IS(CALL(fd_filestat_get, f, OUT), SUCCESS);
	CHECK_EQ(U64(OUT + 32), 14);
	mock_snapshot = 0;		/* preview 0: CUR, END, SET */
	IS(CALL(fd_seek, f, 4, 2, OUT), SUCCESS);
	IS(CALL(fd_seek, f, 1, 0, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), 5);
	IS(CALL(fd_seek, f, 0, 1, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), 14);
	world_end();
}

TEST(append)
{
	world_begin();
	host_file("box/f", "one");
	IS(xopen(RW, "f", 0, R_RW, WASI_FDF_APPEND, 0), SUCCESS);
	IS(CALL(fd_seek, opened, 0, 0, OUT), SUCCESS);
	IS(xwrite(opened, "two"), SUCCESS);
	IS(CALL(fd_fdstat_set_flags, opened, 0), SUCCESS);
	IS(CALL(fd_seek, opened, 0, 0, OUT), SUCCESS);
	IS(xwrite(opened, "ONE"), SUCCESS);
	IS(CALL(fd_seek, opened, 0, 0, OUT), SUCCESS);
	IS(xread(opened, 100), SUCCESS);
	CHECK_STR(TEXT, "ONEtwo");
	world_end();
}

/* More than a chunk, in buffers of odd sizes. */
TEST(large_transfer)
{
	enum { N = 3000000 };

	world_begin();
	for (uint32_t i = 0; i < N; i++)
		U8(BUF + i) = (uint8_t)(i * 7 + i / 251);
	for (uint32_t i = 0; i < 30; i++) {
		U32(IOV + 8 * i) = BUF + i * (N / 30);
		U32(IOV + 8 * i + 4) = N / 30;
	}
	IS(xopen(RW, "f", WASI_O_CREAT, R_RW, 0, 0), SUCCESS);
	IS(CALL(fd_write, opened, IOV, 30, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), N);
	memset(mock_mem.bytes + BUF, 0, N);
	IS(CALL(fd_pread, opened, IOV, 30, 0, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), N);
	for (uint32_t i = 0; i < N; i++)
		if (U8(BUF + i) != (uint8_t)(i * 7 + i / 251))
			CHECK_EQ(i, N);
	world_end();
}

TEST(directory_is_no_file)
{
	world_begin();
	IS(xread(RW, 1), BADF);
	IS(xwrite(RW, "x"), BADF);
	IS(CALL(fd_pread, RW, IOV, 1, 0, OUT), BADF);
	IS(CALL(fd_pwrite, RW, IOV, 1, 0, OUT), BADF);
	IS(CALL(fd_seek, RW, 0, 0, OUT), BADF);
	IS(CALL(fd_tell, RW, OUT), BADF);
	IS(CALL(fd_filestat_set_size, RW, 0), BADF);
	IS(CALL(fd_advise, RW, 0, 0, 0), BADF);
	IS(CALL(fd_sync, RW), BADF);
	IS(CALL(fd_datasync, RW), BADF);
	IS(CALL(fd_allocate, RW, 0, 1), BADF);
	IS(CALL(sock_shutdown, RW, 1), NOTSOCK);
	IS(xopen(RW, "f", WASI_O_CREAT, R_RW, 0, 0), SUCCESS);
	IS(CALL(fd_readdir, opened, BUF, 100, 0, OUT), NOTDIR);
	IS(CALL(path_create_directory, opened, P1S("d")), NOTDIR);
	IS(xopen(opened, "f", 0, 0, 0, 0), NOTDIR);
	world_end();
}

TEST(sizes)
{
	int f;

	world_begin();
	IS(xopen(RW, "f", WASI_O_CREAT, R_RW, 0, 0), SUCCESS);
	f = opened;
	IS(xwrite(f, "abc"), SUCCESS);
	IS(CALL(fd_filestat_set_size, f, 100), SUCCESS);
	IS(CALL(fd_seek, f, 3, 0, OUT), SUCCESS);
	IS(xread(f, 200), SUCCESS);
	CHECK_EQ(U32(OUT), 97);
	for (int i = 0; i < 97; i++)
		CHECK_EQ(U8(BUF + i), 0);
	IS(CALL(fd_filestat_set_size, f, -1ll), INVAL);
	IS(CALL(fd_advise, f, 10, 1000, 3), SUCCESS);
	IS(CALL(fd_advise, f, 0, 0, 6), INVAL);
	IS(CALL(fd_advise, f, -1ll, 0, 0), INVAL);
	IS(CALL(fd_filestat_get, f, BUF), SUCCESS);
	CHECK_EQ(U64(BUF + 32), 100);
	if (CALL(fd_allocate, f, 50, 150) == 0) {
		IS(CALL(fd_filestat_get, f, BUF), SUCCESS);
		CHECK_EQ(U64(BUF + 32), 200);
		IS(CALL(fd_allocate, f, 0, 10), SUCCESS);
		IS(CALL(fd_filestat_get, f, BUF), SUCCESS);
		CHECK_EQ(U64(BUF + 32), 200);
	}
	IS(CALL(fd_allocate, f, 0, 0), INVAL);
	IS(CALL(fd_allocate, f, -1ll, 1), INVAL);
	IS(CALL(fd_sync, f), SUCCESS);
	IS(CALL(fd_datasync, f), SUCCESS);
	IS(CALL(fd_sync, 77), BADF);
	world_end();
}

/* ---- Files' times and identity ---------------------------------------- */

/* GHSA-mr2v, GHSA-j2g9. */
TEST(extreme_times)
{
	static const struct { int64_t sec; uint64_t ns; } t[] = {
		{ -1, 0 }, { -100000000000, 0 }, { 0, 0 },
		{ 16725225600, 16725225600000000000ull },	/* year 2500 */
		{ 18446744073, 18446744073000000000ull },
		{ 18446744074, UINT64_MAX }, { 100000000000, UINT64_MAX },
	};

	world_begin();
	host_file("box/f", "");
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct timespec ts[2] = { { t[i].sec, 0 }, { t[i].sec, 0 } };
		struct stat st;

		CHECK(utimensat(AT_FDCWD, at("box/f"), ts, 0) == 0);
		CHECK(stat(at("box/f"), &st) == 0);
		if (st.st_mtim.tv_sec != t[i].sec)
			continue;	/* the file system cannot keep it */
		IS(CALL(path_filestat_get, RW, 0, P1S("f"), BUF), SUCCESS);
		CHECK_EQ(U64(BUF + 48), t[i].ns);
	}
	IS(CALL(path_filestat_set_times, RW, 0, P1S("f"), UINT64_MAX,
	    UINT64_MAX, 5), SUCCESS);
	world_end();
}

BOTH(set_times)
{
	struct stat st;

	host_file("box/f", "");
	CHECK(symlink("f", at("box/l")) == 0);
	IS(CALL(path_filestat_set_times, RW, 0, P1S("f"), 1000000001,
	    2000000002, 5), SUCCESS);
	IS(CALL(path_filestat_get, RW, 0, P1S("f"), BUF), SUCCESS);
	CHECK_EQ(U64(BUF + 40), 1000000001);
	CHECK_EQ(U64(BUF + 48), 2000000002);
	IS(CALL(path_filestat_set_times, RW, 0, P1S("f"), 5, 5, 8), SUCCESS);
	IS(CALL(path_filestat_get, RW, 0, P1S("f"), BUF), SUCCESS);
	CHECK_EQ(U64(BUF + 40), 1000000001);
	CHECK(U64(BUF + 48) > 2000000002);
	IS(CALL(path_filestat_set_times, RW, 0, P1S("f"), 0, 0, 3), INVAL);
	IS(CALL(path_filestat_set_times, RW, 0, P1S("f"), 0, 0, 12), INVAL);
	IS(CALL(path_filestat_set_times, RW, 0, P1S("f"), 0, 0, 16), INVAL);
	IS(CALL(path_filestat_set_times, RW, 2, P1S("f"), 0, 0, 1), INVAL);
	/* The link itself, and what it names. */
	IS(CALL(path_filestat_set_times, RW, 0, P1S("l"), 0, 7, 4), SUCCESS);
	CHECK(lstat(at("box/l"), &st) == 0);
	CHECK_EQ(st.st_mtim.tv_nsec, 7);
	IS(CALL(path_filestat_set_times, RW, 1, P1S("l"), 0, 9, 4), SUCCESS);
	CHECK(stat(at("box/f"), &st) == 0);
	CHECK_EQ(st.st_mtim.tv_nsec, 9);
	IS(xopen(RW, "f", 0, R_RW, 0, 0), SUCCESS);
	IS(CALL(fd_filestat_set_times, opened, 3, 4, 5), SUCCESS);
	IS(CALL(fd_filestat_set_times, opened, 3, 4, 15), INVAL);
	IS(CALL(fd_filestat_get, opened, BUF), SUCCESS);
	CHECK_EQ(U64(BUF + 40), 3);
	IS(CALL(fd_filestat_set_times, 1, 3, 4, 5), BADF);
}

BOTH(filestat)
{
	uint64_t ino;

	host_file("box/f", "12345");
	CHECK(link(at("box/f"), at("box/g")) == 0);
	CHECK(symlink("f", at("box/l")) == 0);
	memset(mock_mem.bytes + BUF, 0xaa, 64);
	IS(CALL(path_filestat_get, RW, 0, P1S("f"), BUF), SUCCESS);
	ino = U64(BUF + 8);
	CHECK_EQ(U64(BUF + 16), WASI_FT_REGULAR);	/* padding too */
	CHECK_EQ(U64(BUF + 24), 2);
	CHECK_EQ(U64(BUF + 32), 5);
	IS(CALL(path_filestat_get, RW, 1, P1S("l"), BUF), SUCCESS);
	CHECK_EQ(U64(BUF + 8), ino);
	IS(CALL(path_filestat_get, RW, 0, P1S("l"), BUF), SUCCESS);
	CHECK_EQ(U64(BUF + 16), WASI_FT_SYMLINK);
	CHECK(U64(BUF + 8) != ino);
	IS(CALL(path_filestat_get, RW, 0, P1S("f/"), BUF), NOTDIR);
	IS(CALL(path_filestat_get, RW, 2, P1S("f"), BUF), INVAL);
	IS(CALL(path_filestat_get, RW, 0, P1S("."), BUF), SUCCESS);
	CHECK_EQ(U8(BUF + 16), WASI_FT_DIR);
	IS(CALL(path_filestat_get, RW, 0, P1S(".."), BUF), NOTCAPABLE);
	mock_snapshot = 0;		/* preview 0: nlink has 32 bits */
	memset(mock_mem.bytes + BUF, 0xaa, 64);
	IS(CALL(path_filestat_get, RW, 0, P1S("g"), BUF), SUCCESS);
	CHECK_EQ(U64(BUF + 8), ino);
	CHECK_EQ(U32(BUF + 16), WASI_FT_REGULAR);
	CHECK_EQ(U32(BUF + 20), 2);
	CHECK_EQ(U64(BUF + 24), 5);
	CHECK_EQ(U8(BUF + 56), 0xaa);
}

/* ---- Directories ------------------------------------------------------ */

struct dirent1 {
	uint64_t next, ino;
	uint32_t namlen;
	uint8_t type, pad[3];
};

/* Read all of `fd` with a buffer of n bytes; the names' count. */
static int
read_all(int fd, uint32_t n, bool remove)
{
	uint64_t cookie = 0;
	int names = 0;

	for (;;) {
		uint32_t used, p = BUF;

		memset(mock_mem.bytes + BUF, 0xaa, n + 8);
		IS(CALL(fd_readdir, fd, BUF, n, cookie, OUT), SUCCESS);
		used = U32(OUT);
		CHECK(used <= n);
		CHECK_EQ(U8(BUF + n), 0xaa);
		while (p + 24 <= BUF + used) {
			struct dirent1 d;
			char name[256];

			memcpy(&d, mock_mem.bytes + p, sizeof d);
			CHECK_EQ(d.pad[0] | d.pad[1] | d.pad[2], 0);
			if (p + 24 + d.namlen > BUF + used)
				break;
			memcpy(name, mock_mem.bytes + p + 24, d.namlen);
			name[d.namlen] = 0;
			CHECK_EQ(d.next, cookie + 1);
			cookie = d.next;
			p += 24 + d.namlen;
			names++;
			if (name[0] == '.')
				continue;
			IS(CALL(path_filestat_get, fd, 0, P1S(name), BUF -
			    0x100), SUCCESS);
			CHECK_EQ(U64(BUF - 0x100 + 8), d.ino);
			CHECK_EQ(U8(BUF - 0x100 + 16), d.type);
			if (remove)
				IS(CALL(path_unlink_file, fd, P1S(name)),
				    SUCCESS);
		}
		if (used < n)
			return names;
	}
}

TEST(readdir)
{
	char name[100];

	world_begin();
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "box/file-%d", i);
		host_file(name, "");
	}
	CHECK_EQ(read_all(RW, 256, false), 102);
	CHECK_EQ(read_all(RW, 100000, false), 102);
	CHECK_EQ(read_all(RW, 256, true), 102);
	CHECK_EQ(read_all(RW, 256, false), 2);
	IS(CALL(fd_readdir, RW, BUF, 0, 0, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 0);
	IS(CALL(fd_readdir, RW, BUF, 100, 50, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 0);
	IS(CALL(fd_readdir, RW, BUF, 100, -1ll, OUT), OVERFLOW);
	IS(CALL(fd_readdir, 0, BUF, 100, 0, OUT), NOTDIR);
	IS(CALL(fd_readdir, RW, BUF, 10, 0, OUT), SUCCESS);
	CHECK_EQ(U32(OUT), 10);
	CHECK_EQ(U64(BUF), 1);
	world_end();
}

/* ---- Standard streams, pipes, sockets --------------------------------- */

TEST(no_stdio)
{
	struct wrt_wasi_config config = { .argc = 0 };

	world_config = &config;
	world_begin();
	IS(xread(0, 10), SUCCESS);
	CHECK_EQ(U32(OUT), 0);
	IS(xwrite(1, "x"), SUCCESS);
	CHECK_EQ(U32(OUT), 1);
	IS(xwrite(0, "x"), BADF);
	IS(xread(1, 1), BADF);
	world_end();
}

static int
dup_of_stdin(void)
{
	struct wasi_fd *f = wasi_table_get(&wasi->table, 0);
	int fd = f->host;

	wasi_fd_put(f);
	return fd;
}

static void *
late_write(void *fd)
{
	usleep(50000);
	CHECK(write(*(int *)fd, "late", 4) == 4);
	return NULL;
}

TEST(stdio_pipes)
{
	pthread_t late;
	struct wrt_wasi_config config = { .argc = 0 };
	int in[2], out[2];
	char c;

	CHECK(pipe(in) == 0 && pipe(out) == 0);
	config.stdio[0] = in[0];
	config.stdio[1] = config.stdio[2] = out[1];
	world_config = &config;
	world_begin();
	close(out[1]);
	close(in[0]);
	IS(CALL(fd_seek, 0, 0, 1, OUT), SPIPE);
	IS(CALL(fd_pread, 0, IOV, 1, 0, OUT), SPIPE);
	IS(CALL(fd_pwrite, 1, IOV, 1, 0, OUT), SPIPE);
	IS(CALL(fd_pwrite, 0, IOV, 1, 0, OUT), BADF);
	IS(CALL(fd_sync, 1), BADF);
	IS(CALL(fd_advise, 0, 0, 0, 0), BADF);
	IS(CALL(fd_allocate, 1, 0, 1), BADF);
	IS(CALL(fd_filestat_set_size, 1, 0), BADF);
	IS(CALL(fd_filestat_get, 0, BUF), SUCCESS);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(U64(BUF + 8 * i), 0);
	/* The host's O_NONBLOCK is nothing the guest would see ... */
	CHECK(fcntl(in[1], F_SETFL, O_NONBLOCK) == 0);
	CHECK(fcntl(dup_of_stdin(), F_SETFL, O_NONBLOCK) == 0);
	CHECK(pthread_create(&late, NULL, late_write, &in[1]) == 0);
	IS(xread(0, 10), SUCCESS);
	CHECK_STR(TEXT, "late");
	pthread_join(late, NULL);
	/* ... and its own is its own. */
	IS(CALL(fd_fdstat_set_flags, 0, WASI_FDF_NONBLOCK), SUCCESS);
	IS(xread(0, 1), AGAIN);
	CHECK(write(in[1], "abc", 3) == 3);
	IS(xread(0, 10), SUCCESS);
	CHECK_STR(TEXT, "abc");
	IS(xwrite(1, "y"), SUCCESS);
	CHECK(read(out[0], &c, 1) == 1 && c == 'y');
	/* A reader that is gone is an error, not the host's death. */
	close(out[0]);
	IS(xwrite(2, "z"), PIPE);
	IS(xwrite(2, "z"), PIPE);
	world_end();
}

static int blocked_rc;
static uint8_t *blocked_bytes;

static void *
blocked_read(void *arg)
{
	const struct mock_fn *m = mock_find("fd_read");
	wrt_val v[4] = { { .i32 = 0 }, { .i32 = IOV }, { .i32 = 1 },
			 { .i32 = OUT2 } };

	mock_mem = (struct wrt_memory){ blocked_bytes, MEM_SIZE };
	blocked_rc = m->fn(m->data, &mock_inst, v) ? TRAPPED : v[0].i32;
	return NULL;
}

static void
nothing(int sig)
{
}

/* A close while another thread reads frees the number, and the file when the
 * read is over; a signal gives a blocked call back to the host. */
TEST(close_and_signal_while_reading)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct wrt_wasi_config config = { .argc = 0 };
	struct itimerval timer = { .it_value = { 0, 100000 } };
	pthread_t t;
	int in[2];

	CHECK(pipe(in) == 0);
	config.stdio[0] = in[0];
	config.stdio[1] = config.stdio[2] = -1;
	world_config = &config;
	world_begin();
	U32(IOV) = BUF;
	U32(IOV + 4) = 10;
	blocked_bytes = mock_mem.bytes;
	CHECK(pthread_create(&t, NULL, blocked_read, NULL) == 0);
	usleep(50000);
	IS(xclose(0), SUCCESS);
	host_file("box/f", "other");
	IS(xopen(RW, "f", 0, R_READ, 0, 0), SUCCESS);
	CHECK_EQ(opened, 0);
	CHECK(write(in[1], "pipe", 4) == 4);
	pthread_join(t, NULL);
	CHECK_EQ(blocked_rc, 0);
	CHECK(!memcmp(TEXT, "pipe", 4));
	world_end();

	mock_nfns = 0;
	world_begin();
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	IS(xread(0, 1), INTR);
	memset(mock_mem.bytes + BUF, 0, 48);
	U32(BUF + 16) = 1;
	U64(BUF + 24) = 10000000000;
	setitimer(ITIMER_REAL, &timer, NULL);
	IS(CALL(poll_oneoff, BUF, BUF + 0x1000, 1, OUT), INTR);
	world_end();
}

static void
sub_clock(int i, uint64_t user, uint32_t id, uint64_t ns, int abs)
{
	uint32_t a = BUF + 48 * (uint32_t)i;

	memset(mock_mem.bytes + a, 0, 48);
	U64(a) = user;
	U32(a + 16) = id;
	U64(a + 24) = ns;
	U16(a + 40) = (uint16_t)abs;
}

static void
sub_fd(int i, uint64_t user, int tag, int fd)
{
	uint32_t a = BUF + 48 * (uint32_t)i;

	memset(mock_mem.bytes + a, 0, 48);
	U64(a) = user;
	U8(a + 8) = (uint8_t)tag;
	U32(a + 16) = (uint32_t)fd;
}

static uint64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

enum { EV = BUF + 0x10000 };
#define POLL(n) CALL(poll_oneoff, BUF, EV, n, OUT)

TEST(poll_clocks)
{
	struct timespec wall;
	uint64_t t;

	world_begin();
	IS(POLL(0), INVAL);
	sub_clock(0, 11, 1, 30000000, 0);
	sub_clock(1, 22, 0, 10000000000, 0);
	memset(mock_mem.bytes + EV, 0xaa, 64);
	t = now();
	IS(POLL(2), SUCCESS);
	CHECK(now() - t >= 30000000);
	CHECK_EQ(U32(OUT), 1);
	CHECK_EQ(U64(EV), 11);
	CHECK_EQ(U64(EV + 8), 0);
	CHECK_EQ(U64(EV + 16) | U64(EV + 24), 0);
	t = now();
	sub_clock(0, 1, 1, t + 20000000, 1);
	IS(POLL(1), SUCCESS);
	CHECK(now() >= t + 20000000);
	clock_gettime(CLOCK_REALTIME, &wall);
	sub_clock(0, 1, 0, (uint64_t)wall.tv_sec * 1000000000, 1);
	IS(POLL(1), SUCCESS);
	sub_clock(0, 1, 2, 0, 0);
	IS(POLL(1), INVAL);
	sub_clock(0, 1, 1, 0, 2);
	IS(POLL(1), INVAL);
	sub_clock(0, 1, 1, 0, 0);
	U8(BUF + 8) = 3;
	IS(POLL(1), INVAL);
	IS(POLL(1025), INVAL);
	for (int i = 0; i < 1000; i++) {
		sub_clock(0, 1, 1, 0, 0);
		sub_clock(1, 2, 1, UINT64_MAX, 0);
		IS(POLL(2), SUCCESS);
		CHECK_EQ(U32(OUT), 1);
	}
	mock_snapshot = 0;
	memset(mock_mem.bytes + BUF, 0, 56);
	U64(BUF) = 33;
	U64(BUF + 16) = 99;
	U32(BUF + 24) = 1;
	U64(BUF + 32) = 20000000;
	t = now();
	IS(POLL(1), SUCCESS);
	CHECK(now() - t >= 20000000);
	CHECK_EQ(U64(EV), 33);
	world_end();
}

TEST(poll_files)
{
	struct wrt_wasi_config config = { .argc = 0 };
	int in[2];

	CHECK(pipe(in) == 0);
	config.stdio[0] = in[0];
	config.stdio[1] = config.stdio[2] = in[1];
	world_config = &config;
	world_begin();
	sub_fd(0, 1, 1, 99);
	sub_clock(1, 2, 1, 0, 0);
	IS(POLL(2), BADF);
	sub_fd(0, 1, 1, 0);
	sub_clock(1, 2, 1, 10000000, 0);
	IS(POLL(2), SUCCESS);
	CHECK_EQ(U32(OUT), 1);
	CHECK_EQ(U64(EV), 2);
	CHECK(write(in[1], "abc", 3) == 3);
	sub_fd(0, 1, 1, 0);
	sub_fd(1, 2, 2, 1);
	sub_fd(2, 3, 2, 2);
	IS(POLL(3), SUCCESS);
	CHECK_EQ(U32(OUT), 3);
	CHECK_EQ(U64(EV), 1);
	CHECK_EQ(U8(EV + 10), 1);
	CHECK_EQ(U64(EV + 16), 3);
	CHECK_EQ(U16(EV + 8) | U16(EV + 40) | U16(EV + 72), 0);
	host_file("box/f", "12345");
	IS(xopen(RW, "f", 0, R_RW, 0, 0), SUCCESS);
	IS(xread(opened, 2), SUCCESS);
	sub_fd(0, 1, 1, opened);
	IS(POLL(1), SUCCESS);
	CHECK_EQ(U64(EV + 16), 3);
	CHECK_EQ(U16(EV + 24), 0);
	IS(xread(opened, 20), SUCCESS);
	sub_fd(0, 1, 1, opened);
	IS(POLL(1), SUCCESS);
	CHECK_EQ(U64(EV + 16), 0);
	CHECK_EQ(U16(EV + 24), 1);
	IS(xclose(1), SUCCESS);
	IS(xclose(2), SUCCESS);
	close(in[1]);
	IS(xread(0, 10), SUCCESS);
	sub_fd(0, 1, 1, 0);
	IS(POLL(1), SUCCESS);		/* end of input */
	CHECK_EQ(U16(EV + 24), 1);
	world_end();
}

TEST(sockets)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct wrt_wasi_config config = { .argc = 0 };
	socklen_t len = sizeof addr;
	int l = socket(AF_INET, SOCK_STREAM, 0), s, fd;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(l, (void *)&addr, sizeof addr) == 0 && listen(l, 5) == 0);
	getsockname(l, (void *)&addr, &len);
	config.nlisten = 1;
	config.listen_fds = &l;
	world_config = &config;
	world_begin();
	CHECK(fcntl(l, F_GETFD) < 0);	/* taken over */
	IS(CALL(fd_fdstat_get, 5, OUT), SUCCESS);
	CHECK_EQ(U8(OUT), WASI_FT_STREAM);
	s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(s, (void *)&addr, sizeof addr) == 0);
	IS(CALL(sock_accept, 5, 1, OUT), INVAL);
	IS(CALL(sock_accept, 5, WASI_FDF_NONBLOCK, OUT), SUCCESS);
	fd = (int)U32(OUT);
	CHECK_EQ(fd, 6);
	IS(CALL(fd_fdstat_get, fd, OUT), SUCCESS);
	CHECK_EQ(U16(OUT + 2), WASI_FDF_NONBLOCK);
	IS(xread(fd, 1), AGAIN);
	CHECK(send(s, "hello", 5, 0) == 5);
	sub_fd(0, 1, 1, fd);
	IS(POLL(1), SUCCESS);
	CHECK_EQ(U64(EV + 16), 5);
	U32(IOV) = BUF, U32(IOV + 4) = 100;
	IS(CALL(sock_recv, fd, IOV, 1, 1, OUT, OUT2), SUCCESS);
	CHECK_EQ(U32(OUT), 5);
	IS(CALL(sock_recv, fd, IOV, 1, 4, OUT, OUT2), INVAL);
	IS(CALL(sock_recv, fd, IOV, 1, 0, OUT, OUT2), SUCCESS);
	CHECK(!memcmp(TEXT, "hello", 5));
	U32(IOV + 4) = 5;
	IS(CALL(sock_send, fd, IOV, 1, 1, OUT), INVAL);
	IS(CALL(sock_send, fd, IOV, 1, 0, OUT), SUCCESS);
	IS(CALL(fd_seek, fd, 0, 0, OUT), SPIPE);
	IS(CALL(sock_shutdown, fd, 0), INVAL);
	IS(CALL(sock_shutdown, fd, 4), INVAL);
	IS(CALL(sock_shutdown, fd, 2), SUCCESS);
	IS(CALL(sock_send, fd, IOV, 1, 0, OUT), PIPE);
	IS(xwrite(fd, "x"), PIPE);
	IS(CALL(sock_accept, 0, 0, OUT), NOTSOCK);
	IS(CALL(sock_recv, 0, IOV, 1, 0, OUT, OUT2), NOTSOCK);
	IS(CALL(sock_send, 99, IOV, 1, 0, OUT), BADF);
	world_end();
}

/* ---- Pointers --------------------------------------------------------- */

TEST(bad_pointers_trap)
{
	world_begin();
	host_file("box/f", "12345");
	IS(xopen(RW, "f", 0, R_RW, 0, 0), SUCCESS);
	U32(IOV) = MEM_SIZE - 4, U32(IOV + 4) = 5;
	CHECK_EQ(CALL(fd_read, opened, IOV, 1, OUT), TRAPPED);
	CHECK_EQ(mock_inst.trap, WRT_TRAP_MEMORY_OOB);
	CHECK_EQ(CALL(fd_write, opened, IOV, 1, OUT), TRAPPED);
	U32(IOV) = BUF;
	CHECK_EQ(CALL(fd_read, opened, IOV + 1, 1, OUT), TRAPPED);
	CHECK_EQ(CALL(fd_read, opened, IOV, 1, OUT + 2), TRAPPED);
	CHECK_EQ(CALL(fd_read, opened, IOV, 1, MEM_SIZE), TRAPPED);
	CHECK_EQ(CALL(fd_read, opened, IOV, UINT32_MAX, OUT), TRAPPED);
	IS(CALL(fd_read, 99, IOV + 1, 1, OUT), BADF);
	/* Nothing has been read or opened by those. */
	IS(CALL(fd_tell, opened, OUT), SUCCESS);
	CHECK_EQ(U64(OUT), 0);
	CHECK_EQ(CALL(path_open, RW, 0, P1S("new"), 1, 0, 0, 0, OUT + 1),
	    TRAPPED);
	CHECK(access(at("box/new"), F_OK) != 0);
	CHECK_EQ(CALL(path_open, RW, 0, MEM_SIZE - 1, 2, 1, 0, 0, 0, OUT),
	    TRAPPED);
	CHECK_EQ(CALL(fd_filestat_get, RW, BUF + 4), TRAPPED);
	CHECK_EQ(CALL(fd_filestat_get, RW, MEM_SIZE - 56), TRAPPED);
	CHECK_EQ(CALL(fd_fdstat_get, RW, BUF + 4), TRAPPED);
	CHECK_EQ(CALL(poll_oneoff, BUF + 4, EV, 1, OUT), TRAPPED);
	CHECK_EQ(CALL(fd_readdir, RW, MEM_SIZE - 9, 10, 0, OUT), TRAPPED);
	CHECK_EQ(CALL(fd_prestat_dir_name, RW, MEM_SIZE, 1), TRAPPED);
	IS(CALL(random_get, MEM_SIZE, 0), SUCCESS);
	world_end();
}

TEST_MAIN
