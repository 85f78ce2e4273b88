/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * proc.c: arguments, environment, the end of the program, randomness.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>

#include "wasi.h"

enum { RANDOM_CHUNK = 64 << 10 };

static int
strings_sizes(struct wasi_call *c, char *const *list, size_t n)
{
	uint32_t count_ptr = wasi_u32(c, 0), size_ptr = wasi_u32(c, 1);
	uint64_t size = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		size += strlen(list[i]) + 1;
	if ((rc = wasi_guest_check(c, count_ptr, 4, 4)) ||
	    (rc = wasi_guest_check(c, size_ptr, 4, 4)))
		return rc;
	if (n > UINT32_MAX / 4 || size > UINT32_MAX)
		return WASI_OVERFLOW;
	if ((rc = wasi_put_u32(c, count_ptr, (uint32_t)n)))
		return rc;
	return wasi_put_u32(c, size_ptr, (uint32_t)size);
}

static int
strings_get(struct wasi_call *c, char *const *list, size_t n)
{
	uint32_t ptrs = wasi_u32(c, 0), buf = wasi_u32(c, 1);
	uint64_t size = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		size += strlen(list[i]) + 1;
	if ((rc = wasi_guest_check(c, ptrs, (uint64_t)n * 4, 4)) ||
	    (rc = wasi_guest_check(c, buf, size, 1)) ||
	    (rc = wasi_charge(c, size + (uint64_t)n * 4)))
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		uint32_t len = (uint32_t)strlen(list[i]) + 1;

		rc = wasi_guest_write(c, buf, list[i], len, 1);
		if (rc == 0)
			rc = wasi_put_u32(c, ptrs + 4 * (uint32_t)i, buf);
		buf += len;
	}
	return rc;
}

int
wasi_args_sizes_get(struct wasi_call *c)
{
	return strings_sizes(c, c->w->argv, c->w->argc);
}

int
wasi_args_get(struct wasi_call *c)
{
	return strings_get(c, c->w->argv, c->w->argc);
}

int
wasi_environ_sizes_get(struct wasi_call *c)
{
	return strings_sizes(c, c->w->env, c->w->nenv);
}

int
wasi_environ_get(struct wasi_call *c)
{
	return strings_get(c, c->w->env, c->w->nenv);
}

/* The code is handed on as it is; what it means to a shell is the host
 * program's business. */
int
wasi_proc_exit(struct wasi_call *c)
{
	wrt_exit(c->caller, (int)wasi_u32(c, 0));
	return WRT_ETRAP;
}

int
wasi_proc_raise(struct wasi_call *c)
{
	return WASI_NOTSUP;
}

int
wasi_sched_yield(struct wasi_call *c)
{
	sched_yield();
	return 0;
}

int
wasi_random_get(struct wasi_call *c)
{
	uint32_t addr = wasi_u32(c, 0), len = wasi_u32(c, 1);
	int rc = wasi_guest_check(c, addr, len, 1);

	if (rc || (rc = wasi_charge(c, len)))
		return rc;
	while (len > 0) {
		uint32_t n = len < RANDOM_CHUNK ? len : RANDOM_CHUNK;
		ssize_t got;
		void *p;

		if ((rc = wasi_guest_view(c, addr, n, 1, &p)))
			return rc;
		got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return wasi_errno(errno);
		addr += (uint32_t)got;
		len -= (uint32_t)got;
	}
	return 0;
}
