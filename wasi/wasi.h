/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasi.h: what the files of this folder share.
 *
 * A call goes: dispatch (wasi.c) -> handler wasi_<name>() -> helpers.  A
 * handler returns a WASI errno (0 for success), or a negative wrt_status that
 * ends the guest.  What it takes hold of with wasi_hold() and wasi_temp_fd() is
 * given back by the dispatcher, whichever way the handler ends.
 *
 * The order in every handler: descriptors (BADF), pointers (trap), flags
 * (INVAL), the work, and only then results.
 */
#ifndef WASI_H
#define WASI_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "wasmrt.h"
#include "wasmrt_wasi.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "guest structures are copied as they are");

enum wasi_errno {
#define E(name, number) WASI_##name = number,
#define W(name, number) WASI_##name = number,
#include "errno.def"
#undef E
#undef W
};

/* Host limits. */
enum {
	WASI_MAX_FDS = 1024,
	WASI_MAX_PATH = 4096,		/* with the NUL */
	WASI_MAX_IOVS = 1024,
	WASI_MAX_SUBS = 1024,
	WASI_MAX_THREADS = 1024,	/* alive at once, besides the first */
	WASI_CHUNK = 1 << 20,		/* guest bytes handed to one syscall */
	WASI_BUDGET = 128 << 20,	/* bytes that one call may move */
	WASI_LISTS = 128 << 20,		/* bytes of all directory snapshots */
};

enum wasi_snapshot { WASI_P0 = 1, WASI_P1 = 2 };

enum wasi_filetype {
	WASI_FT_UNKNOWN, WASI_FT_BLOCK, WASI_FT_CHAR, WASI_FT_DIR,
	WASI_FT_REGULAR, WASI_FT_DGRAM, WASI_FT_STREAM, WASI_FT_SYMLINK,
};

enum { WASI_FDF_APPEND = 1, WASI_FDF_DSYNC = 2, WASI_FDF_NONBLOCK = 4,
       WASI_FDF_RSYNC = 8, WASI_FDF_SYNC = 16, WASI_FDF_ALL = 31 };
enum { WASI_O_CREAT = 1, WASI_O_DIRECTORY = 2, WASI_O_EXCL = 4,
       WASI_O_TRUNC = 8, WASI_O_ALL = 15 };
enum { WASI_LOOKUP_FOLLOW = 1 };

/* Rights: bit numbers as in the witx. */
#define WASI_RIGHTS(X)							\
	X(FD_DATASYNC, 0) X(FD_READ, 1) X(FD_SEEK, 2)			\
	X(FD_FDSTAT_SET_FLAGS, 3) X(FD_SYNC, 4) X(FD_TELL, 5)		\
	X(FD_WRITE, 6) X(FD_ADVISE, 7) X(FD_ALLOCATE, 8)		\
	X(PATH_CREATE_DIRECTORY, 9) X(PATH_CREATE_FILE, 10)		\
	X(PATH_LINK_SOURCE, 11) X(PATH_LINK_TARGET, 12)			\
	X(PATH_OPEN, 13) X(FD_READDIR, 14) X(PATH_READLINK, 15)		\
	X(PATH_RENAME_SOURCE, 16) X(PATH_RENAME_TARGET, 17)		\
	X(PATH_FILESTAT_GET, 18) X(PATH_FILESTAT_SET_SIZE, 19)		\
	X(PATH_FILESTAT_SET_TIMES, 20) X(FD_FILESTAT_GET, 21)		\
	X(FD_FILESTAT_SET_SIZE, 22) X(FD_FILESTAT_SET_TIMES, 23)	\
	X(PATH_SYMLINK, 24) X(PATH_REMOVE_DIRECTORY, 25)		\
	X(PATH_UNLINK_FILE, 26) X(POLL_FD_READWRITE, 27)		\
	X(SOCK_SHUTDOWN, 28) X(SOCK_ACCEPT, 29)
enum wasi_right {
#define X(name, bit) WASI_R_##name = 1 << bit,
	WASI_RIGHTS(X)
#undef X
};

/* ---- Descriptors (fdtable.c) ------------------------------------------ */

enum wasi_kind { WASI_STDIO, WASI_FILE, WASI_DIR, WASI_SOCKET };

struct wasi_dirlist;			/* dir.c */

/* An open descriptor.  The table holds one reference, each call that uses it
 * another: a close during a blocking read frees the number at once and the
 * host's descriptor when the read is over. */
struct wasi_fd {
	atomic_uint refs;
	int host;
	enum wasi_kind kind;
	uint8_t filetype;		/* enum wasi_filetype */
	bool can_read, can_write;	/* as it was opened */
	bool read_only;			/* under a read-only preopen: for ever */
	bool regular;
	atomic_bool nonblock;		/* WASI_STDIO: kept here, since the
					 * host's terminal is shared */
	char *preopen;			/* guest's name, or NULL */
	uint32_t given;			/* the number that it had from the
					 * beginning, plus 1; 0: opened later */
	pthread_mutex_t lock;		/* guards list */
	struct wasi_dirlist *list;	/* WASI_DIR: snapshot for readdir */
};

struct wasi_table {
	pthread_mutex_t lock;
	struct wasi_fd **fds;		/* NULL: free; &wasi_reserved */
	uint32_t nfds, max;
};

/* ---- Threads (thread.c) ----------------------------------------------- */

struct wasi_thread;

struct wasi_threads {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	wrt_imports *imports;		/* what new instances are made from */
	wrt_pool *pool;
	wrt_module *module;
	wrt_instance *main;		/* NULL: no program runs */
	wrt_instance *cause;		/* whose trap or exit ended it, or
					 * NULL: main's own */
	bool over, main_is_back;
	struct wasi_thread *list;
	uint32_t n;
	int32_t last_tid;
};

int wasi_threads_init(struct wasi_threads *);
void wasi_threads_fini(struct wrt_wasi *);

struct wrt_wasi {
	char **argv, **env;		/* NULL-terminated */
	size_t argc, nenv;
	struct wasi_table table;
	bool no_openat2;
	uint64_t clock_granularity_ns;	/* at least 1 */
	_Atomic uint64_t cpu_ns;	/* the highest CPU time shown */
	_Atomic uint64_t list_bytes;	/* in directory snapshots now */
	struct wasi_binding *bindings;	/* data of the host functions */
	struct wasi_threads threads;
};

/* A new descriptor that owns `host`, with one reference; NULL without memory,
 * and then host is still the caller's. */
struct wasi_fd *wasi_fd_new(int host, enum wasi_kind kind, uint8_t filetype);
void wasi_fd_put(struct wasi_fd *);

int wasi_table_init(struct wasi_table *, uint32_t max);
void wasi_table_destroy(struct wasi_table *);
/* The descriptor with one more reference, or NULL. */
struct wasi_fd *wasi_table_get(struct wasi_table *, uint32_t fd);
/* Take the lowest free number, to be filled or given back: MFILE, NOMEM. */
int wasi_table_reserve(struct wasi_table *, uint32_t *fd);
void wasi_table_fill(struct wasi_table *, uint32_t fd, struct wasi_fd *);
void wasi_table_unreserve(struct wasi_table *, uint32_t fd);
/* A number whose descriptor was not there from the beginning. */
bool wasi_table_left_open(struct wasi_table *, uint32_t *fd);
int wasi_table_close(struct wasi_table *, uint32_t fd);
int wasi_table_renumber(struct wasi_table *, uint32_t from, uint32_t to);

/* ---- One call --------------------------------------------------------- */

struct wasi_call {
	struct wrt_wasi *w;
	wrt_instance *caller;
	wrt_memory *mem;		/* found at first use */
	const wrt_val *args;
	enum wasi_snapshot snapshot;
	uint64_t budget;
	unsigned nheld, ntemp;
	struct wasi_fd *held[2];
	int temp[4];
};

struct wasi_binding {
	struct wrt_wasi *w;
	int (*handler)(struct wasi_call *);
	enum wasi_snapshot snapshot;
	bool has_result;
};

static inline uint32_t
wasi_u32(const struct wasi_call *c, unsigned i)
{
	return (uint32_t)c->args[i].i32;
}

static inline uint64_t
wasi_u64(const struct wasi_call *c, unsigned i)
{
	return (uint64_t)c->args[i].i64;
}

#define F(name, params, snapshots) int wasi_##name(struct wasi_call *c);
#include "functions.def"
#undef F

/* The descriptor numbered by argument i, held until the call ends: BADF. */
int wasi_hold(struct wasi_call *, unsigned i, struct wasi_fd **out);
/* The same for a directory: NOTDIR. */
int wasi_hold_dir(struct wasi_call *, unsigned i, struct wasi_fd **out);
/* Have the host's descriptor closed when the call ends. */
void wasi_temp_fd(struct wasi_call *, int fd);
/* Charge n bytes to the call: NOMEM. */
int wasi_charge(struct wasi_call *, uint64_t n);

/* ---- Guest memory (guest.c) ------------------------------------------- */

/* All of these return 0 or end the guest (WRT_ETRAP): out of bounds, or not
 * aligned to `align`. */
int wasi_guest_check(struct wasi_call *, uint32_t addr, uint64_t n,
    uint32_t align);
/* A view of guest bytes that the kernel may touch too. */
int wasi_guest_view(struct wasi_call *, uint32_t addr, uint64_t n,
    uint32_t align, void **out);
int wasi_guest_read(struct wasi_call *, uint32_t addr, void *to, uint64_t n,
    uint32_t align);
int wasi_guest_write(struct wasi_call *, uint32_t addr, const void *from,
    uint64_t n, uint32_t align);
int wasi_put_u32(struct wasi_call *, uint32_t addr, uint32_t value);
int wasi_put_u64(struct wasi_call *, uint32_t addr, uint64_t value);

struct wasi_iov {			/* as it lies in guest memory */
	uint32_t buf, len;
};
/* Copy a vector of buffers in and check that all lie in memory.  iovs has room
 * for WASI_MAX_IOVS; INVAL above that. */
int wasi_guest_iovs(struct wasi_call *, uint32_t addr, uint32_t n,
    struct wasi_iov *iovs);

/* Fill err, which may be NULL, and return status. */
__attribute__((format(printf, 3, 4))) int
wasi_fail(struct wrt_error *err, int status, const char *fmt, ...);

/* ---- Errors, paths, files --------------------------------------------- */

int wasi_errno(int host_errno);

/* The path at (ptr, len), checked, relative; buf has room for WASI_MAX_PATH.
 * Serves for the target of a symlink too. */
int wasi_path_get(struct wasi_call *, uint32_t ptr, uint32_t len, char *buf);

/* Open `path` beneath dirfd.  A host descriptor or a negative host errno, in
 * which -EXDEV says that the path leads outside. */
int wasi_open_beneath(struct wrt_wasi *, int dirfd, const char *path,
    int flags, mode_t mode);
int wasi_walk_open(int dirfd, const char *path, int flags, mode_t mode);
/* What a guest is told of such an error. */
int wasi_path_errno(int host_errno);
/* wasi_open_beneath() with the error as WASI's, the descriptor in *out and
 * closed at the end of the call. */
int wasi_open_temp(struct wasi_call *, const struct wasi_fd *dir,
    const char *path, int flags, int *out);
bool wasi_probe_openat2(void);

/* A path split for calls that change a directory. */
struct wasi_name {
	int dirfd;			/* good until the call ends */
	const char *name;		/* without any slash */
	bool requires_dir;		/* slashes followed it */
	uint8_t dots;			/* 1: ".", 2: "..", else 0 */
};
/* Splits `path`, which it changes and which must outlive *out. */
int wasi_split(struct wasi_call *, const struct wasi_fd *dir, char *path,
    struct wasi_name *out);

uint64_t wasi_hash_ino(const struct stat *);
uint8_t wasi_filetype_of(mode_t mode);
/* Write a filestat in the call's snapshot's layout. */
int wasi_put_filestat(struct wasi_call *, uint32_t addr, const struct stat *);
int wasi_check_filestat(struct wasi_call *, uint32_t addr);
/* The two timespecs of fst_flags: INVAL. */
int wasi_get_times(uint64_t atim, uint64_t mtim, uint32_t fst_flags,
    struct timespec ts[2]);

void wasi_dirlist_free(struct wasi_dirlist *);
/* The guest's clock `id` as the host's: INVAL. */
int wasi_clock(uint32_t id, clockid_t *out);

#endif
