/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pool_refused.c: what containers forbid: the kernel refuses userfaultfd, and
 * then PAGEMAP_SCAN too, by a real filter.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "api.h"

#define PAGEMAP_SCAN	0xc0606610u	/* linux/fs.h, since 6.7 */

static bool
forbid(uint32_t call, uint32_t cmd, int error)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, cmd, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, cmd, 0, cmd ? 1 : 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof f / sizeof *f, f };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) == 0;
}

/* The mode that is left, in which instances come and go. */
static const char *
mode_left(uint32_t flags)
{
	struct wasmc_options o = { .bounds = flags & WRT_POOL_DENSE ?
	    WASMC_BOUNDS_EXPLICIT : WASMC_BOUNDS_GUARD };
	struct wrt_pool_config c = { .max_instances = 4, .max_memories = 1,
	    .max_memory_bytes = 1 << 20, .flags = flags };
	wrt_module *m = api_module_with("pool_other", &o);
	const char *mode;
	struct wrt_error err;
	wrt_pool *p;
	int32_t r;

	if (wrt_pool_create(&p, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	mode = wrt_pool_memory_mode(p);
	for (int n = 0; n < 8; n++) {
		wrt_instance *i = api_instance(p, m, NULL);

		CHECK_EQ(api_call(i, "grow", 1, 7, 0, 0, &r), WRT_OK);
		CHECK_EQ(api_call(i, "count", 1, 8 * 65536, 0, 0, &r), WRT_OK);
		CHECK_EQ(r, 0);
		CHECK_EQ(api_call(i, "fill", 1, 3, 0, 0, NULL), WRT_OK);
		wrt_instance_close(i);
	}
	wrt_module_close(m);
	wrt_pool_destroy(p);
	return mode;
}

static void
refused_with(int error)
{
	const char *mode;

	unsetenv("WASMRT_MEMORY");
	if (!forbid(SYS_userfaultfd, 0, error))
		SKIP("no seccomp filters here: %s", strerror(errno));
	mode = mode_left(0);
	CHECK(!strcmp(mode, "pagemap") || !strcmp(mode, "madvise"));
	CHECK_STR(mode_left(WRT_POOL_DENSE), mode);
	CHECK(forbid(SYS_ioctl, PAGEMAP_SCAN, ENOTTY));
	CHECK_STR(mode_left(0), "madvise");
	CHECK_STR(mode_left(WRT_POOL_DENSE), "madvise");
}

TEST(userfaultfd_eperm)
{
	refused_with(EPERM);
}

TEST(userfaultfd_enosys)
{
	refused_with(ENOSYS);
}

TEST_MAIN
