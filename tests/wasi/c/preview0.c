/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi_unstable, imported by hand: the calls whose layout differs. */
#include <stdint.h>
#include <string.h>

#define P0(name) __attribute__((import_module("wasi_unstable"),		\
	import_name(#name))) int32_t p0_##name
P0(fd_write)(int32_t, const void *, int32_t, void *);
P0(fd_seek)(int32_t, int64_t, int32_t, void *);
P0(path_open)(int32_t, int32_t, const char *, int32_t, int32_t, int64_t,
    int64_t, int32_t, void *);
P0(fd_filestat_get)(int32_t, void *);
P0(poll_oneoff)(const void *, void *, int32_t, void *);
__attribute__((noreturn, import_module("wasi_unstable"),
    import_name("proc_exit"))) void p0_proc_exit(int32_t);

static void
out(const char *what, uint64_t n)
{
	char s[100];
	size_t len = strlen(what), i = sizeof s;
	uint32_t iov[2], done;

	s[--i] = '\n';
	do
		s[--i] = (char)('0' + n % 10);
	while (n /= 10);
	s[--i] = ' ';
	memcpy(s + (i -= len), what, len);
	iov[0] = (uint32_t)(uintptr_t)(s + i);
	iov[1] = sizeof s - i;
	p0_fd_write(1, iov, 1, &done);
}

void
_start(void)
{
	struct {
		uint64_t dev, ino;
		uint8_t type, pad[3];
		uint32_t nlink;
		uint64_t size, atim, mtim, ctim;
	} st;
	struct {
		uint64_t userdata;
		uint8_t tag, pad[7];
		uint64_t name;
		uint32_t id;
		uint64_t timeout, precision;
		uint16_t flags;
	} sub = { 77, 0, { 0 }, 5, 1, 1000000, 0, 0 };
	struct {
		uint64_t userdata;
		uint16_t error;
		uint8_t type;
		uint64_t nbytes, flags;
	} ev;
	uint32_t fd, iov[2], n;
	uint64_t pos;

	out("open", (uint32_t)p0_path_open(3, 0, "p0", 2, 1, 0x400066, 0, 0,
	    &fd));
	iov[0] = (uint32_t)(uintptr_t)"hello";
	iov[1] = 5;
	out("write", (uint32_t)p0_fd_write((int32_t)fd, iov, 1, &n));
	out("seek cur", (uint32_t)p0_fd_seek((int32_t)fd, -2, 0, &pos));
	out("pos", pos);
	out("seek end", (uint32_t)p0_fd_seek((int32_t)fd, 3, 1, &pos));
	out("pos", pos);
	out("seek set", (uint32_t)p0_fd_seek((int32_t)fd, 1, 2, &pos));
	out("pos", pos);
	out("stat", (uint32_t)p0_fd_filestat_get((int32_t)fd, &st));
	out("type", st.type);
	out("nlink", st.nlink);
	out("size", st.size);
	out("poll", (uint32_t)p0_poll_oneoff(&sub, &ev, 1, &n));
	out("userdata", ev.userdata);
	out("error", ev.error);
	p0_proc_exit(9);
}
