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
 * A clone of an instance (wrt_instance_clone) is linked to the same functions,
 * and so has the same view: one table of descriptors, arguments, environment.
 * It knows the numbers of descriptors that its source had opened, and what one
 * of them closes is closed for all.
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
/* Close all its descriptors, end its threads.  After the instances that use it,
 * before their pool. */
WRT_API void wrt_wasi_destroy(wrt_wasi *);

/* Define all functions of wasi_snapshot_preview1 and wasi_unstable in the
 * list. */
WRT_API int wrt_wasi_imports(wrt_wasi *, wrt_imports *);

/* Has the guest opened something, or moved a descriptor to another number, that
 * is still open?  Then 1, and its number in *fd; else 0: there are the standard
 * streams, preopened directories and sockets, or fewer.  For who writes down
 * the guest's state. */
WRT_API int wrt_wasi_left_open(wrt_wasi *, uint32_t *fd);

/* ---- Threads --------------------------------------------------------------
 *
 * wasi-threads: the guest starts threads with the import "wasi" "thread-spawn".
 * Each runs the module's export "wasi_thread_start" in an instance of its own,
 * made by the same imports, on a thread of the host, of which at most 1024 live
 * at once.
 *
 *   rc = wrt_wasi_threads(w, imports, pool, module, &err);
 *   rc = wrt_instance_create(&inst, pool, module, imports, &err);
 *   wrt_wasi_threads_begin(w, inst);
 *   rc = wrt_instance_call(inst, "_start", NULL, 0, NULL);
 *   other = wrt_wasi_threads_end(w);
 *
 * A thread that returns ends alone.  The first that traps or exits, or the end
 * of the call above, ends all.
 */

/* Prepare for a module that imports thread-spawn: define that in the list, and
 * with it each shared memory that the module imports, of the type it asks for.
 * List, pool and module must outlive the view.  WRT_ENOTFOUND, and nothing is
 * done, if the module has no use for it; WRT_ELINK if it does not export
 * wasi_thread_start; WRT_ELIMIT for a memory that the pool does not allow. */
WRT_API int wrt_wasi_threads(wrt_wasi *, wrt_imports *, wrt_pool *,
    wrt_module *, struct wrt_error *err);

/* From here on threads can be spawned; `main` is killed (WRT_TRAP_INTERRUPT)
 * when one of them ends the program. */
WRT_API void wrt_wasi_threads_begin(wrt_wasi *, wrt_instance *main);

/* After the call: end all threads, also those that wait, sleep, read or spin,
 * and wait for that.  Returns the instance whose trap or exit, to be had by
 * wrt_trap_get(), ended the program; it stays open until the next
 * wrt_wasi_threads_begin() or the end of the view.  NULL: none but the call
 * itself. */
WRT_API wrt_instance *wrt_wasi_threads_end(wrt_wasi *);

#ifdef __cplusplus
}
#endif

#endif
