/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmrt_wasi.h: WASI preview 1 (and preview 0) for wasmrt instances.
 *
 * A wrt_wasi is one program's view of the system: arguments, environment,
 * standard streams, preopened directories, file descriptors.  It uses nothing
 * but wasmrt.h's public functions.
 *
 *   wrt_wasi *w;
 *   wrt_wasi_create(&w, &config, &err);
 *   wrt_wasi_imports(w, imports);
 *   wrt_instance_create(&inst, pool, module, imports, &err);
 *   rc = wrt_instance_call(inst, "_start", NULL, 0, NULL);
 *
 * proc_exit(n) ends the call with WRT_ETRAP and WRT_TRAP_EXIT, exit_code n,
 * whatever n is.
 *
 * Instances on several threads may share a view.  A call that blocks (fd_read,
 * poll_oneoff, sock_accept ...) gives the guest the error INTR when a signal
 * whose handler has no SA_RESTART comes before anything was transferred; that
 * is how wrt_instance_kill() gets hold of it.
 *
 * A path never leads out of its directory: the kernel resolves it
 * (openat2, RESOLVE_BENEATH), and in its absence a walk of single components.
 * One that would is NOTCAPABLE, an absolute one PERM.  Under a read-only
 * directory everything that changes files, their times or names is PERM.
 * Pointers outside of memory or not aligned end the guest with a trap.
 */
#ifndef WASMRT_WASI_H
#define WASMRT_WASI_H

#include "wasmrt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wrt_wasi wrt_wasi;

struct wrt_wasi_dir {
	const char *host;		/* path of the host's directory */
	const char *guest;		/* its name for the guest */
	int read_only;
};

/* Zero is a usable default: no arguments, no environment, no directories, and
 * standard streams that are empty. */
struct wrt_wasi_config {
	size_t argc;
	const char *const *argv;
	size_t nenv;
	const char *const *env;		/* "NAME=value" */
	size_t ndirs;
	const struct wrt_wasi_dir *dirs;
	size_t nlisten;
	const int *listen_fds;		/* preopened listening sockets; taken
					 * over on success */
	int inherit_stdio;		/* else stdio[i], -1 for none */
	int stdio[3];			/* duplicated, the caller's stay open;
					 * all three 0: none, too */
	uint32_t max_fds;		/* default 1024 */
	int no_openat2;			/* resolve paths component by component;
					 * also WASMRT_NO_OPENAT2=1 */
	uint32_t clock_granularity_ns;	/* clocks are rounded down to this;
					 * default 1 */
};

/* Create a view; config may be NULL.  Everything in config is copied or opened
 * before return.  WRT_ESYS names the directory that could not be opened. */
WRT_API int wrt_wasi_create(wrt_wasi **out,
    const struct wrt_wasi_config *config, struct wrt_error *err);
/* Close all its descriptors.  After the instances that use it. */
WRT_API void wrt_wasi_destroy(wrt_wasi *);

/* Define all functions of wasi_snapshot_preview1 and wasi_unstable in the
 * list. */
WRT_API int wrt_wasi_imports(wrt_wasi *, wrt_imports *);

#ifdef __cplusplus
}
#endif

#endif
