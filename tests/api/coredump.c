/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * coredump.c: files that wrt_trap_coredump() is given; what it writes is
 * tests/cli/coredump.py's.
 */
#include <fcntl.h>

#include "api.h"

static struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_instance *i;
} e;

static void
up(void)
{
	const struct wrt_pool_config c = { .max_instances = 4 };
	int32_t x = 0;

	CHECK_EQ(wrt_pool_create(&e.p, &c, NULL), WRT_OK);
	e.m = api_module("core");
	e.i = api_instance(e.p, e.m, NULL);
	CHECK_EQ(api_call(e.i, "run", 1, 7, 0, 0, &x), WRT_ETRAP);
}

static void
down(void)
{
	wrt_instance_close(e.i);
	wrt_module_close(e.m);
	wrt_pool_destroy(e.p);
}

static int
scratch_file(int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "build/tests/api-core-%d", (int)getpid());
	close(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	fd = open(path, flags);
	CHECK(fd >= 0);
	unlink(path);
	return fd;
}

/* What was in the file is gone, also behind; wherever it is read. */
TEST(files_that_hold_something)
{
	static char a[65536], b[65536];
	int fd = scratch_file(O_RDWR);
	ssize_t n, k;

	up();
	CHECK_EQ(wrt_trap_coredump(e.i, fd, NULL), WRT_OK);
	n = pread(fd, a, sizeof a, 0);
	CHECK(n > 1000 && n < (ssize_t)sizeof a);
	for (size_t at = 0; at < sizeof b; at++)
		b[at] = 'x';
	CHECK_EQ(pwrite(fd, b, sizeof b, 0), (ssize_t)sizeof b);
	CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
	CHECK_EQ(wrt_trap_coredump(e.i, fd, NULL), WRT_OK);
	k = pread(fd, b, sizeof b, 0);
	CHECK_EQ(k, n);
	CHECK(!memcmp(a, b, (size_t)n));
	close(fd);
	down();
}

TEST(files_that_cannot_be_written)
{
	struct wrt_error err;
	int fd = scratch_file(O_RDONLY), ends[2];

	up();
	CHECK_EQ(wrt_trap_coredump(e.i, fd, &err), WRT_ESYS);
	CHECK_STR(err.text,
	    "the core dump is not written: Bad file descriptor");
	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(wrt_trap_coredump(e.i, ends[1], &err), WRT_ESYS);
	close(ends[0]);
	close(ends[1]);
	close(fd);
	down();
}

/* Of the last trap alone. */
TEST(traps_that_are_over)
{
	int fd = scratch_file(O_RDWR);

	up();
	CHECK_EQ(wrt_trap_coredump(e.i, fd, NULL), WRT_OK);
	CHECK_EQ(wrt_trap_coredump(e.i, fd, NULL), WRT_OK);
	CHECK_EQ(wrt_instance_reset(e.i, NULL), WRT_OK);
	CHECK_EQ(wrt_trap_coredump(e.i, fd, NULL), WRT_ESTATE);
	close(fd);
	down();
}

TEST_MAIN
