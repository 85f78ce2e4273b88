/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * mock.h: the part of wasmrt.h that WASI stands on, made of a byte array, so
 * that every WASI function can be called like a C function.
 *
 * A test begins with world_begin() and ends with world_end().  The world is a
 * temporary directory with `box`, which the guest sees as fd 3, read-write,
 * and as fd 4, read-only; and `outside`, which nothing the guest does may
 * touch.
 */
#ifndef MOCK_H
#define MOCK_H

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "test.h"
#include "wasi.h"

enum { MEM_SIZE = 4 << 20 };
enum { OUT = 0x100, OUT2 = 0x140, IOV = 0x200, PATH = 0x10000,
       PATH2 = 0x14000, BUF = 0x20000 };
enum { RW = 3, RO = 4 };
enum { R_READ = WASI_R_FD_READ, R_WRITE = WASI_R_FD_WRITE, R_RW = R_READ |
       R_WRITE };
#define TRAPPED (-1)

struct wrt_memory { uint8_t *bytes; uint64_t size; };
struct wrt_instance { int trap, exit_code; };
struct wrt_imports { int unused; };

struct mock_fn {
	char module[32], name[32];
	uint32_t nparams, nresults;
	wrt_host_fn fn;
	void *data;
};

static struct mock_fn mock_fns[128];
static size_t mock_nfns;
static _Thread_local struct wrt_memory mock_mem;
static _Thread_local struct wrt_instance mock_inst;
static bool mock_no_memory;

int
wrt_imports_func(wrt_imports *im, const char *module, const char *name,
    const struct wrt_functype *type, wrt_host_fn fn, void *data)
{
	struct mock_fn *m = &mock_fns[mock_nfns++];

	snprintf(m->module, sizeof m->module, "%s", module);
	snprintf(m->name, sizeof m->name, "%s", name);
	m->nparams = type->nparams;
	m->nresults = type->nresults;
	m->fn = fn;
	m->data = data;
	return WRT_OK;
}

int
wrt_caller_memory(wrt_instance *in, wrt_memory **out)
{
	if (mock_no_memory)
		return WRT_ENOTFOUND;
	*out = &mock_mem;
	return WRT_OK;
}

int
wrt_instance_memory(wrt_instance *in, const char *name, size_t n,
    wrt_memory **out)
{
	return WRT_ENOTFOUND;
}

uint64_t
wrt_memory_bytes(const wrt_memory *m)
{
	return m->size;
}

void *
wrt_memory_at(wrt_memory *m, uint64_t addr, uint64_t n)
{
	return addr > m->size || n > m->size - addr ? NULL : m->bytes + addr;
}

int
wrt_trap_set(wrt_instance *in, int code, const char *text)
{
	in->trap = code;
	return WRT_OK;
}

int
wrt_exit(wrt_instance *in, int code)
{
	in->trap = WRT_TRAP_EXIT;
	in->exit_code = code;
	return WRT_OK;
}

const char *
wrt_status_text(int status)
{
	return "a status";
}

/* Threads need the real runtime: tests/wasi/threads.py.  Here none begins. */
int
wrt_instance_create(wrt_instance **out, wrt_pool *p, wrt_module *m,
    wrt_imports *im, struct wrt_error *err)
{
	return WRT_ELIMIT;
}

int
wrt_instance_call(wrt_instance *in, const char *name, const wrt_val *args,
    size_t nargs, wrt_val *results)
{
	return WRT_ESTATE;
}

int
wrt_preempted(wrt_instance *in)
{
	return false;
}

int
wrt_instance_kill(wrt_instance *in, int code)
{
	return WRT_ESTATE;
}

void
wrt_instance_close(wrt_instance *in)
{
}

int
wrt_module_import(const wrt_module *m, size_t i, struct wrt_extern_type *out)
{
	return WRT_EINVAL;
}

int
wrt_module_export(const wrt_module *m, size_t i, struct wrt_extern_type *out)
{
	return WRT_EINVAL;
}

int
wrt_imports_memory(wrt_imports *im, wrt_pool *p, const char *module,
    const char *name, const struct wrt_limits *limits, struct wrt_error *err)
{
	return WRT_ELIMIT;
}

/* ---- Calls ------------------------------------------------------------ */

static int mock_snapshot = 1;

static const struct mock_fn *
mock_find(const char *name)
{
	const char *module = mock_snapshot ? "wasi_snapshot_preview1" :
	    "wasi_unstable";

	for (size_t i = 0; i < mock_nfns; i++)
		if (!strcmp(mock_fns[i].name, name) &&
		    !strcmp(mock_fns[i].module, module))
			return &mock_fns[i];
	test_end('F', "no function %s.%s", module, name);
}

/* The errno, or TRAPPED. */
static int
mock_call(const char *name, const uint64_t *args, size_t n)
{
	const struct mock_fn *m = mock_find(name);
	wrt_val vals[16];

	if (m->nparams != n)
		test_end('F', "%s has %u parameters", name, m->nparams);
	memset(vals, 0xa5, sizeof vals);
	for (size_t i = 0; i < n; i++)
		vals[i].i64 = (int64_t)args[i];
	if (m->fn(m->data, &mock_inst, vals) != WRT_OK)
		return TRAPPED;
	return m->nresults ? vals[0].i32 : 0;
}
#define CALL(name, ...) mock_call(#name, (const uint64_t[]){ __VA_ARGS__ }, \
	sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

#define SNAP(type, addr) (*(type *)(mock_mem.bytes + (addr)))
#define U8(addr)  SNAP(uint8_t, addr)
#define U16(addr) SNAP(uint16_t, addr)
#define U32(addr) SNAP(uint32_t, addr)
#define U64(addr) SNAP(uint64_t, addr)

/* ---- World ------------------------------------------------------------ */

static char world[200];
static wrt_wasi *wasi;
static bool no_openat2;
static const struct wrt_wasi_config *world_config;

static char *
at(const char *rel)
{
	static char buf[4][8192];
	static int i;

	i = (i + 1) % 4;
	snprintf(buf[i], sizeof buf[i], "%s/%s", world, rel);
	return buf[i];
}

static void
host_file(const char *rel, const char *text)
{
	FILE *f = fopen(at(rel), "w");

	CHECK(f != NULL);
	fputs(text, f);
	fclose(f);
}

static void
mock_memory(void)
{
	mock_mem.size = MEM_SIZE;
	mock_mem.bytes = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mock_mem.bytes != MAP_FAILED);
}

static void
world_begin(void)
{
	const char *tmp = getenv("TMPDIR");
	struct wrt_wasi_dir dirs[2];
	struct wrt_wasi_config config = { .stdio = { -1, -1, -1 } };
	struct wrt_error err;
	int rc;

	if (world_config)
		config = *world_config;
	snprintf(world, sizeof world, "%s/wasi-test-XXXXXX",
	    tmp ? tmp : "/tmp");
	CHECK(mkdtemp(world) != NULL);
	CHECK(mkdir(at("box"), 0777) == 0);
	CHECK(mkdir(at("outside"), 0777) == 0);
	host_file("outside/canary", "canary");
	dirs[0] = (struct wrt_wasi_dir){ strdup(at("box")), "/", 0 };
	dirs[1] = (struct wrt_wasi_dir){ strdup(at("box")), "/ro", 1 };
	config.dirs = dirs;
	config.ndirs = 2;
	config.no_openat2 = no_openat2;
	rc = wrt_wasi_create(&wasi, &config, &err);
	if (rc)
		test_end('F', "wrt_wasi_create: %s", err.text);
	free((void *)dirs[0].host);
	free((void *)dirs[1].host);
	CHECK(wrt_wasi_imports(wasi, NULL) == WRT_OK);
	mock_memory();
}

static void
world_end(void)
{
	char cmd[300];

	wrt_wasi_destroy(wasi);
	munmap(mock_mem.bytes, MEM_SIZE);
	snprintf(cmd, sizeof cmd, "chmod -R u+rwx '%s'; rm -rf '%s'", world,
	    world);
	CHECK(system(cmd) == 0);
}

/* A test that runs with both resolvers. */
#define BOTH(id)							\
	static void both_##id(void);					\
	TEST(id) { world_begin(); both_##id(); world_end(); }		\
	TEST(id##_walk)							\
	{								\
		no_openat2 = true;					\
		world_begin();						\
		both_##id();						\
		world_end();						\
	}								\
	static void both_##id(void)

/* ---- Short forms ------------------------------------------------------ */

static uint32_t
put(uint32_t addr, const char *s)
{
	uint32_t n = (uint32_t)strlen(s);

	memcpy(mock_mem.bytes + addr, s, n);
	return n;
}
#define P1S(s) PATH, put(PATH, s)
#define P2S(s) PATH2, put(PATH2, s)

static int opened;

__attribute__((unused)) static int
xopen(int fd, const char *path, int oflags, uint64_t rights, int fdflags,
    int follow)
{
	int rc = CALL(path_open, fd, follow, P1S(path), oflags, rights, 0,
	    fdflags, OUT);

	if (rc == 0)
		opened = (int)U32(OUT);
	return rc;
}

__attribute__((unused)) static int
xclose(int fd)
{
	return CALL(fd_close, fd);
}

/* Open and close: is it there? */
__attribute__((unused)) static int
xtry(int fd, const char *path, int oflags, uint64_t rights, int follow)
{
	int rc = xopen(fd, path, oflags, rights, 0, follow);

	if (rc == 0)
		CHECK_EQ(xclose(opened), 0);
	return rc;
}

__attribute__((unused)) static int
xwrite(int fd, const char *s)
{
	U32(IOV) = BUF;
	U32(IOV + 4) = put(BUF, s);
	return CALL(fd_write, fd, IOV, 1, OUT);
}

/* Read at most n bytes to BUF, NUL-terminated. */
__attribute__((unused)) static int
xread(int fd, uint32_t n)
{
	int rc;

	U32(IOV) = BUF;
	U32(IOV + 4) = n;
	rc = CALL(fd_read, fd, IOV, 1, OUT);
	if (rc == 0)
		U8(BUF + U32(OUT)) = 0;
	return rc;
}
#define TEXT ((char *)mock_mem.bytes + BUF)

#define IS(expr, errno_name) CHECK_EQ(expr, WASI_##errno_name)

#endif
