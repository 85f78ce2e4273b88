/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A pointer that is not in memory, or not aligned, ends the program. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((import_module("wasi_snapshot_preview1"),
    import_name("clock_time_get")))
int32_t clock_at(int32_t id, int64_t precision, uint32_t out);
__attribute__((import_module("wasi_snapshot_preview1"),
    import_name("fd_read")))
int32_t read_at(int32_t fd, uint32_t iovs, uint32_t n, uint32_t out);

int
main(int argc, char **argv)
{
	static uint32_t iov[2] = { 0xfffffff0, 16 };
	int what = argc > 1 ? atoi(argv[1]) : 0;

	printf("before\n");
	fflush(stdout);
	if (what == 0)
		clock_at(0, 0, 0xfffffff8);
	else if (what == 1)
		clock_at(0, 0, (uint32_t)(uintptr_t)iov + 1);
	else
		read_at(0, (uint32_t)(uintptr_t)iov, 1,
		    (uint32_t)(uintptr_t)&iov[1]);
	printf("after\n");
	return 0;
}
