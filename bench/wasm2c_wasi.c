/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasm2c_wasi.c: the WASI that programs translated by wasm2c (wabt 1.0.32) get
 * in bench/run.py: arguments, standard streams, clocks; no files.  GUEST_H is
 * the header that wasm2c wrote.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include GUEST_H

#define WASI(type, name) type Z_wasi_snapshot_preview1Z_##name
typedef struct Z_wasi_snapshot_preview1_instance_t {
	wasm_rt_memory_t *memory;
	int argc;
	char **argv;
} *wasi;

enum { OK = 0, EBADF_ = 8, EINVAL_ = 28, EIO_ = 29, ENOSYS_ = 52,
       ESPIPE_ = 70, ENOTCAPABLE_ = 76 };

static void *
at(wasi w, u32 addr, u64 n)
{
	if (addr + n > w->memory->size)
		abort();
	return w->memory->data + addr;
}

static void
put32(wasi w, u32 addr, u32 v)
{
	memcpy(at(w, addr, 4), &v, 4);
}

static void
put64(wasi w, u32 addr, u64 v)
{
	memcpy(at(w, addr, 8), &v, 8);
}

static u32
get32(wasi w, u32 addr)
{
	u32 v;

	memcpy(&v, at(w, addr, 4), 4);
	return v;
}

WASI(u32, args_sizes_get)(wasi w, u32 argc, u32 bytes)
{
	u32 n = 0;

	for (int i = 0; i < w->argc; i++)
		n += (u32)strlen(w->argv[i]) + 1;
	put32(w, argc, (u32)w->argc);
	put32(w, bytes, n);
	return OK;
}

WASI(u32, args_get)(wasi w, u32 argv, u32 buf)
{
	for (int i = 0; i < w->argc; i++) {
		u32 n = (u32)strlen(w->argv[i]) + 1;

		put32(w, argv + 4 * (u32)i, buf);
		memcpy(at(w, buf, n), w->argv[i], n);
		buf += n;
	}
	return OK;
}

WASI(u32, environ_sizes_get)(wasi w, u32 n, u32 bytes)
{
	put32(w, n, 0);
	put32(w, bytes, 0);
	return OK;
}

WASI(u32, environ_get)(wasi w, u32 p, u32 buf)
{
	return OK;
}

static clockid_t
clock_of(u32 id)
{
	static const clockid_t ids[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
		CLOCK_THREAD_CPUTIME_ID,
	};

	return ids[id & 3];
}

WASI(u32, clock_time_get)(wasi w, u32 id, u64 precision, u32 out)
{
	struct timespec t;

	clock_gettime(clock_of(id), &t);
	put64(w, out, (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec);
	return OK;
}

WASI(u32, clock_res_get)(wasi w, u32 id, u32 out)
{
	put64(w, out, 1);
	return OK;
}

WASI(u32, random_get)(wasi w, u32 buf, u32 n)
{
	return getrandom(at(w, buf, n), n, 0) == (ssize_t)n ? OK : EIO_;
}

/* ---- Standard streams, and no other descriptors -------------------------- */

static u32
transfer(wasi w, u32 fd, u32 iov, u32 n, u32 out, int writes)
{
	u32 done = 0;

	if (fd > 2)
		return EBADF_;
	for (u32 i = 0; i < n; i++, iov += 8) {
		u32 len = get32(w, iov + 4);
		void *p = at(w, get32(w, iov), len);
		ssize_t k = writes ? write((int)fd, p, len) :
		    read((int)fd, p, len);

		if (k < 0)
			return EIO_;
		done += (u32)k;
		if ((u32)k < len)
			break;
	}
	put32(w, out, done);
	return OK;
}

WASI(u32, fd_write)(wasi w, u32 fd, u32 iov, u32 n, u32 out)
{
	return transfer(w, fd, iov, n, out, 1);
}

WASI(u32, fd_read)(wasi w, u32 fd, u32 iov, u32 n, u32 out)
{
	return transfer(w, fd, iov, n, out, 0);
}

WASI(u32, fd_close)(wasi w, u32 fd)
{
	return fd > 2 ? EBADF_ : OK;
}

WASI(u32, fd_seek)(wasi w, u32 fd, u64 to, u32 whence, u32 out)
{
	return fd > 2 ? EBADF_ : ESPIPE_;
}

/* Regular files, with all rights but that to seek, so that they are
 * buffered. */
WASI(u32, fd_fdstat_get)(wasi w, u32 fd, u32 out)
{
	if (fd > 2)
		return EBADF_;
	memset(at(w, out, 24), 0, 24);
	*(u8 *)at(w, out, 1) = 4;
	put64(w, out + 8, ~0x24ull);
	return OK;
}

WASI(u32, fd_fdstat_set_flags)(wasi w, u32 fd, u32 flags)
{
	return fd > 2 ? EBADF_ : OK;
}

WASI(u32, fd_filestat_get)(wasi w, u32 fd, u32 out)
{
	if (fd > 2)
		return EBADF_;
	memset(at(w, out, 64), 0, 64);
	*(u8 *)at(w, out + 16, 1) = 4;
	return OK;
}

WASI(u32, fd_prestat_get)(wasi w, u32 fd, u32 out)
{
	return EBADF_;
}

WASI(u32, fd_prestat_dir_name)(wasi w, u32 fd, u32 p, u32 n)
{
	return EBADF_;
}

WASI(u32, sched_yield)(wasi w)
{
	return OK;
}

WASI(void, proc_exit)(wasi w, u32 code)
{
	exit((int)code);
}

/* ---- What they do not get ------------------------------------------------ */

#define NONE(name, ...)							\
	WASI(u32, name)(wasi w, __VA_ARGS__) { return ENOTCAPABLE_; }

NONE(fd_advise, u32 a, u64 b, u64 c, u32 d)
NONE(fd_allocate, u32 a, u64 b, u64 c)
NONE(fd_datasync, u32 a)
NONE(fd_sync, u32 a)
NONE(fd_tell, u32 a, u32 b)
NONE(fd_renumber, u32 a, u32 b)
NONE(fd_filestat_set_size, u32 a, u64 b)
NONE(fd_filestat_set_times, u32 a, u64 b, u64 c, u32 d)
NONE(fd_pread, u32 a, u32 b, u32 c, u64 d, u32 e)
NONE(fd_pwrite, u32 a, u32 b, u32 c, u64 d, u32 e)
NONE(fd_readdir, u32 a, u32 b, u32 c, u64 d, u32 e)
NONE(path_create_directory, u32 a, u32 b, u32 c)
NONE(path_filestat_get, u32 a, u32 b, u32 c, u32 d, u32 e)
NONE(path_filestat_set_times, u32 a, u32 b, u32 c, u32 d, u64 e, u64 f, u32 g)
NONE(path_link, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f, u32 g)
NONE(path_open, u32 a, u32 b, u32 c, u32 d, u32 e, u64 f, u64 g, u32 h, u32 i)
NONE(path_readlink, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f)
NONE(path_remove_directory, u32 a, u32 b, u32 c)
NONE(path_rename, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f)
NONE(path_symlink, u32 a, u32 b, u32 c, u32 d, u32 e)
NONE(path_unlink_file, u32 a, u32 b, u32 c)
NONE(poll_oneoff, u32 a, u32 b, u32 c, u32 d)

int
main(int argc, char **argv)
{
	struct Z_wasi_snapshot_preview1_instance_t w = { NULL, argc, argv };
	Z_guest_instance_t guest;

	wasm_rt_init();
	Z_guest_init_module();
	/* No start function runs that could ask for it before. */
	w.memory = Z_guestZ_memory(&guest);
	Z_guest_instantiate(&guest, &w);
	Z_guestZ__start(&guest);
	return 0;
}
