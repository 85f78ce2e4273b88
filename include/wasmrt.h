/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmrt.h: run WebAssembly modules that wasmc has compiled.
 *
 * Three kinds of object, made and ended in this order:
 *
 *   wrt_pool      where instances live: address space, stacks, limits
 *   wrt_module    one artifact, opened, verified and mapped; shared by threads
 *   wrt_instance  one running copy of a module: memory, globals, tables
 *
 * and wrt_imports, a list of what instances may import.
 *
 * Errors.  A function that can fail returns WRT_OK (0) or a negative
 * enum wrt_status, and leaves its out-parameters untouched on failure.  Where
 * it takes a struct wrt_error *, the text says what is wrong; NULL is allowed.
 * A trap is a result, not an error of the host: WRT_ETRAP, see wrt_trap_get().
 *
 * Threads.  A pool and a module may be used by any number of threads at once.
 * An instance, together with all instances it is linked with, is used by one
 * thread at a time, except for wrt_instance_kill().  Importing a memory whose
 * limits say shared does not link: that memory lives as long as somebody uses
 * it, whoever made it, and may be read, written and grown by any thread.
 *
 * Signals.  The first pool installs handlers for SIGSEGV, SIGBUS and SIGURG
 * (with which wrt_instance_kill() stops a thread); what is not a guest's goes
 * on to the handler that was there before.  A handler that the host installs
 * later must do the same, and those for other signals need SA_ONSTACK on
 * threads that run guests.  A thread that calls a guest gets an alternate signal
 * stack, if it has none of 64 KiB or more, and has these signals unblocked.
 *
 * Floating point.  Guests compute with the caller's rounding and flushing.
 *
 * Stacks.  A host may change stacks itself, as long as calls of one thread end
 * in the reverse order of their beginning.
 *
 * fork.  A child may not use the pools and instances of its parent: calls
 * return WRT_ESTATE, closing them is allowed.  It may exec, or make its own,
 * also of its parent's modules, whatever other threads did meanwhile.
 *
 * docs/HOSTS.md says more of these.
 */
#ifndef WASMRT_H
#define WASMRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef WRT_API
#define WRT_API __attribute__((visibility("default")))
#endif

#define WRT_VERSION "0.1.0"

/* X(NAME, number, text) */
#define WRT_STATUSES(X)							\
	X(ETRAP,	-1,  "the guest trapped")			\
	X(EINVAL,	-2,  "invalid argument")			\
	X(ENOMEM,	-3,  "out of memory or address space")		\
	X(ELOAD,	-4,  "not a usable artifact")			\
	X(ENOTFOUND,	-5,  "no such export")				\
	X(ETYPE,	-6,  "types differ")				\
	X(ESTATE,	-7,  "not allowed in this state")		\
	X(ELINK,	-8,  "unknown or incompatible import")		\
	X(ELIMIT,	-9,  "a limit is reached")			\
	X(EBOUNDS,	-10, "outside of guest memory")			\
	X(ESYS,		-11, "the operating system refused")

enum wrt_status {
	WRT_OK = 0,
	WRT_SUSPENDED = 1,		/* of a call: see wrt_instance_resume */
	WRT_YIELD = 2,			/* of a host function: see wrt_yield */
#define X(name, number, text) WRT_##name = number,
	WRT_STATUSES(X)
#undef X
};

struct wrt_error {
	int status;			/* enum wrt_status */
	char text[508];			/* one sentence, NUL-terminated */
};

/* The text of a status; never NULL. */
WRT_API const char *wrt_status_text(int status);

/* ---- Values and types ------------------------------------------------- */

enum wrt_type {				/* the binary format's bytes */
	WRT_I32 = 0x7f, WRT_I64 = 0x7e, WRT_F32 = 0x7d, WRT_F64 = 0x7c,
	WRT_V128 = 0x7b, WRT_FUNCREF = 0x70, WRT_EXTERNREF = 0x6f,
	WRT_ANYREF = 0x6e, WRT_EXNREF = 0x69,
	WRT_CONTREF = 0x68,		/* hosts may pass null only */
};

enum wrt_kind {
	WRT_FUNC = 0, WRT_TABLE = 1, WRT_MEMORY = 2, WRT_GLOBAL = 3,
	WRT_TAG = 4,
};

typedef struct wrt_func wrt_func;	/* a funcref; owned by its instance or
					 * wrt_imports, NULL is the null ref */

typedef union wrt_val {
	int32_t i32;
	int64_t i64;
	float f32;
	double f64;
	wrt_func *func;
	void *ref;			/* externref: any word; NULL is null */
	uint8_t v128[16];
	uint64_t u64[2];
} __attribute__((aligned(16))) wrt_val;

struct wrt_functype {
	uint32_t nparams, nresults;
	const uint8_t *params, *results;	/* enum wrt_type each */
};

struct wrt_limits {
	uint64_t min, max;		/* UINT64_MAX: none */
	uint8_t is64, shared, page_log2;
};

/* What an import asks for, or an export offers.  Strings belong to the module
 * and may hold any byte. */
struct wrt_extern_type {
	const char *module, *name;	/* module: imports only */
	size_t module_len, name_len;
	enum wrt_kind kind;
	struct wrt_functype func;	/* WRT_FUNC, WRT_TAG */
	uint8_t type, mut;		/* WRT_GLOBAL: content; WRT_TABLE:
					 * element */
	struct wrt_limits limits;	/* WRT_MEMORY, WRT_TABLE */
};

/* ---- Pool ---------------------------------------------------------------
 *
 * An instance lives in a slot of a pool.  Zero in a field takes the default.
 */
typedef struct wrt_pool wrt_pool;

struct wrt_pool_config {
	uint32_t max_instances;		/* default 1000 */
	uint64_t max_memory_bytes;	/* per memory; default 4 GiB */
	uint32_t max_memories;		/* per instance; default 4 */
	uint64_t max_table_entries;	/* per table; default 10,000,000 */
	uint64_t stack_bytes;		/* guest stack; default 1 MiB */
	uint32_t flags;			/* WRT_POOL_* */
	uint64_t gc_heap_bytes;		/* collected heap of an instance and
					 * those it is linked with; default 1
					 * GiB.  All of a pool have 3.75 GiB */
	uint64_t call_wall_ns;		/* time limits of calls; default none, */
	uint64_t call_cpu_ns;		/* see wrt_instance_set_timeout() */
	uint64_t idle_bytes;		/* that closed instances and free slots
					 * may keep resident, for the next;
					 * default 256 MiB.  Each thread may
					 * keep a sixteenth of it besides */
	uint64_t fuel;			/* what instances begin with, before
					 * their start function, and after a
					 * reset; default no end */
	uint32_t max_continuations;	/* per instance; default 2^20 */
	uint64_t continuation_bytes;	/* of their stacks, per instance;
					 * default 4 GiB */
};

enum {
	/* Memories are plain mappings of their own, grown by mprotect, huge
	 * pages allowed: for single programs with large memories. */
	WRT_POOL_PLAIN = 1,
	/* Slots of max_memory_bytes, rounded up to 64 KiB, without guards: for
	 * 100,000 and more small instances, of modules that were compiled with
	 * --bounds=explicit and of no others. */
	WRT_POOL_DENSE = 2,
	/* Measure the CPU time of calls, for wrt_pool_stats() and others: two
	 * system calls more for each, about 0.5 us.  Typed calls in a session
	 * are then ordinary calls. */
	WRT_POOL_CPU_TIME = 4,
};

/* How a pool keeps its slots' pages: the best that the kernel allows; the
 * environment variable WASMRT_MEMORY forces one by its name. */
#define WRT_MEMORY_MODES(X)						\
	X(UFFD, "userfaultfd")	/* faults served in the faulting thread */ \
	X(PAGEMAP, "pagemap")	/* PAGEMAP_SCAN finds what was written */ \
	X(MADVISE, "madvise")	/* MADV_DONTNEED */			\
	X(PLAIN, "plain")	/* mprotect */

/* Create a pool.  config may be NULL.  On success *out is to be ended with
 * wrt_pool_destroy() after everything that lives in it; what was closed and
 * lives on for the sake of instances of other pools does not count. */
WRT_API int wrt_pool_create(wrt_pool **out, const struct wrt_pool_config *config,
    struct wrt_error *err);
WRT_API void wrt_pool_destroy(wrt_pool *);

/* Give memory back to the system that is kept for instances to come, as long as
 * it is more than keep_bytes: 0 for all.  It costs the next creations what it
 * cost the first.  Returns how many bytes were given back.  From any thread, at
 * any time; allocates nothing. */
WRT_API uint64_t wrt_pool_trim(wrt_pool *, uint64_t keep_bytes);

/* The memory mode's name, for messages and tests. */
WRT_API const char *wrt_pool_memory_mode(const wrt_pool *);

/* ---- Module -------------------------------------------------------------
 *
 * Open the artifact at `path`: verify every header and all metadata, then map
 * it from the same descriptor.  A file that is not an artifact, is damaged, was
 * made by another ABI version, or needs CPU features that are missing is
 * WRT_ELOAD with a sentence that says which; nothing of it is executed.
 * The module is closed when the last reference to it is gone: each instance
 * holds one. */
typedef struct wrt_module wrt_module;

WRT_API int wrt_module_open(wrt_module **out, const char *path,
    struct wrt_error *err);
/* The same for an open descriptor, which stays the caller's.  `name` is for
 * messages. */
WRT_API int wrt_module_open_fd(wrt_module **out, int fd, const char *name,
    struct wrt_error *err);
WRT_API void wrt_module_close(wrt_module *);

/* The descriptor of the file that was verified and is mapped; the module's own,
 * not to be closed. */
WRT_API int wrt_module_fd(const wrt_module *);

WRT_API size_t wrt_module_nimports(const wrt_module *);
WRT_API size_t wrt_module_nexports(const wrt_module *);
/* Describe import or export i; WRT_EINVAL if there is none. */
WRT_API int wrt_module_import(const wrt_module *, size_t i,
    struct wrt_extern_type *out);
WRT_API int wrt_module_export(const wrt_module *, size_t i,
    struct wrt_extern_type *out);
/* The name in the module's name section, or "". */
WRT_API const char *wrt_module_name(const wrt_module *);
/* The CPU that the code in use was compiled for, as `wasmc --cpu` names it, or
 * the machine's own if that was "native".  Of a file with code for several CPUs
 * it was chosen when the module was opened: the best one that this CPU, less
 * what $WASMRT_CPU takes away ("-avx512f,-avx2"), can run.  The string lives as
 * long as the module. */
WRT_API const char *wrt_module_cpu(const wrt_module *);

/* ---- Imports ------------------------------------------------------------
 *
 * A set of named things that instances may import.  It may be shared by many
 * instances and must outlive them; adding to it while another thread creates
 * instances from it is not allowed.  A second definition of a name replaces
 * the first for instances made later.
 */
typedef struct wrt_imports wrt_imports;
typedef struct wrt_instance wrt_instance;

/* A host function.  args and results are the same array: parameters on entry,
 * results on return.  It runs on the host's stack, on the thread that called
 * the guest; `caller` is the instance that called, whose memory it may use; if
 * the function went on through a table or an export, the one that imported it.
 * It must return: not longjmp or throw over the guest.
 * Returns WRT_OK, WRT_ETRAP after wrt_trap_set() or wrt_exit() to end the
 * guest, or WRT_YIELD to suspend it, see wrt_yield(); any other value ends it
 * with the trap "host function failed". */
typedef int (*wrt_host_fn)(void *data, wrt_instance *caller, wrt_val *vals);

WRT_API int wrt_imports_create(wrt_imports **out);
WRT_API void wrt_imports_destroy(wrt_imports *);

/* Names are NUL-terminated and copied.  A name that holds a NUL itself can only
 * be had from an instance, by wrt_imports_instance(). */
WRT_API int wrt_imports_func(wrt_imports *, const char *module,
    const char *name, const struct wrt_functype *type, wrt_host_fn fn,
    void *data);

/* A host function called as an ordinary C function:
 * R fn(void *data, wrt_instance *caller, A...).  At most one result; numeric
 * and reference types.  One with up to 4 integers and 8 floating-point numbers,
 * and nothing else, is called directly, with the guest's registers; others
 * through libffi.  It ends the guest with wrt_trap_set(), wrt_exit() or
 * wrt_throw(), or suspends it with wrt_yield(), which take effect when it
 * returns; its result is then of no meaning. */
WRT_API int wrt_imports_typed(wrt_imports *, const char *module,
    const char *name, const struct wrt_functype *type, void (*fn)(void),
    void *data);
/* The older name of the same. */
WRT_API int wrt_imports_cfunc(wrt_imports *, const char *module,
    const char *name, const struct wrt_functype *type, void (*fn)(void),
    void *data);

/* An export `export_name` of `from`, under another name.  The instance must
 * stay open as long as it is in the list. */
WRT_API int wrt_imports_export(wrt_imports *, const char *module,
    const char *name, wrt_instance *from, const char *export_name);
/* All exports of `from`, under `module`. */
WRT_API int wrt_imports_instance(wrt_imports *, const char *module,
    wrt_instance *from);

/* ---- Services -----------------------------------------------------------
 *
 * A service is an export of one instance, the callee, as an import of others,
 * with nothing between them but values: each has its memory, its stack, its
 * limits and its fuel, and none is kept alive by the other.  docs/SERVICES.md
 * tells it at length.
 *
 * A call of a service claims the callee for the caller's thread and runs it on
 * a stack of its own size.  It may end otherwise than by returning: */
enum wrt_service_end {
	WRT_SERVICE_TRAPPED = 0,	/* the callee did, or was killed */
	WRT_SERVICE_BUSY = 1,		/* it runs, on this thread or another,
					 * or is suspended: nothing was run */
	WRT_SERVICE_DEPTH = 2,		/* max_depth: nothing was run */
	WRT_SERVICE_CLOSED = 3,		/* it is: nothing was run */
	WRT_SERVICE_ENDS = 4,
};

/* What the caller has of that.  Zero in a field takes the default.
 *
 * As a rule the caller traps too: with the callee's code, or, if that ended by
 * wrt_exit() or an exception, and for BUSY and CLOSED, with WRT_TRAP_HOST; for
 * DEPTH with WRT_TRAP_STACK_OVERFLOW.  The text is "service MODULE.NAME: " and
 * why.  The callee keeps its own trap, with the frames. */
struct wrt_service_options {
	uint32_t max_depth;		/* of services that call services, this
					 * one included; default 16 */
	uint32_t results;		/* bits 1 << enum wrt_service_end: the
					 * caller goes on, and gets ... */
	wrt_val result[WRT_SERVICE_ENDS];	/* this for the first result,
					 * zero for others.  The function's
					 * results are numbers then, at least
					 * one (WRT_ETYPE) */
};

/* The exported function `export_name` of callee, as a service under another
 * name.  options may be NULL and are copied.  Instances import it as they
 * import a host function, by its type.  One with references other than
 * externref among its parameters and results is refused when it is imported
 * (WRT_ELINK); an externref that is the host's own word is passed as it is, one
 * that stands for an object of the sandbox it comes from traps the caller.
 *
 * The callee may be closed, by any thread, whenever it does not run.  A caller
 * that is killed, or over its time, while the callee runs ends both.  A limit
 * of CPU time that the callee has counts for the callee, and what it takes not
 * for the caller; without one it takes the caller's.  The callee cannot be
 * suspended in a service: wrt_yield() is refused, and a time slice of the
 * caller ends as the service returns.
 *
 * WRT_ENOTFOUND: no such function; WRT_EINVAL also if it is a host function,
 * which is imported as itself; WRT_ENOMEM. */
WRT_API int wrt_imports_service(wrt_imports *, const char *module,
    const char *name, wrt_instance *callee, const char *export_name,
    const struct wrt_service_options *options);

/* Memory, table and global of the host's own, which live as long as the list.
 * The pool gives the memory its place. */
WRT_API int wrt_imports_memory(wrt_imports *, wrt_pool *, const char *module,
    const char *name, const struct wrt_limits *limits, struct wrt_error *err);
WRT_API int wrt_imports_table(wrt_imports *, wrt_pool *, const char *module,
    const char *name, uint8_t type, const struct wrt_limits *limits,
    wrt_val init, struct wrt_error *err);
WRT_API int wrt_imports_global(wrt_imports *, const char *module,
    const char *name, uint8_t type, int mut, wrt_val init);
/* Is there a definition of that name, of whatever type?  1 or 0. */
WRT_API int wrt_imports_has(const wrt_imports *, const char *module,
    size_t module_len, const char *name, size_t name_len);
/* What an import that nobody defined becomes: refused (default), a function
 * that traps when called, or one that returns zeros, or traps if its results
 * have no null. */
enum wrt_unknown { WRT_UNKNOWN_ERROR = 0, WRT_UNKNOWN_TRAP = 1,
		   WRT_UNKNOWN_DEFAULT = 2 };
WRT_API void wrt_imports_unknown(wrt_imports *, enum wrt_unknown);

/* ---- Instance -----------------------------------------------------------
 *
 *   create -> READY <-> RUNNING        call
 *             RUNNING <-> SUSPENDED    wrt_yield(), wrt_instance_resume()
 *             READY  -> TRAPPED        a call trapped
 *   any but RUNNING  -> READY          reset
 *   any but RUNNING  -> closed         close
 *
 * After a trap the instance may be called again, as the specification has it;
 * memory and globals are as the trap left them.  wrt_instance_reset() brings
 * back the state after instantiation's data and element segments, before the
 * start function, which it runs again. */

/* Instantiate: match imports, place the module in a slot of `pool`, run
 * segments and the start function.  imports may be NULL.  WRT_ELINK if an
 * import is missing or of another type, before anything of the guest has run;
 * WRT_ETRAP if a segment does not fit or the start function trapped: the text
 * says why, effects on imported memories and tables persist, and *out is not
 * set. */
WRT_API int wrt_instance_create(wrt_instance **out, wrt_pool *pool,
    wrt_module *module, wrt_imports *imports, struct wrt_error *err);
/* Give the slot back.  NULL is allowed, and an instance that runs is left as it
 * is.  Instances that share functions,
 * memories, tables or globals keep what they need of each other: any order of
 * closing is right. */
WRT_API void wrt_instance_close(wrt_instance *);
/* WRT_ESTATE while it or an instance that it is linked with runs, or while
 * others use a shared memory that it defines. */
WRT_API int wrt_instance_reset(wrt_instance *, struct wrt_error *err);

/* Make an instance that begins as src is now: its memories as they are and as
 * large as they are, globals, tables, which segments were dropped, limits of
 * growth, stack size (at most the pool's) and the data word, which the host may
 * have to set anew.  It is linked to the same imports, so that their list must
 * outlive it too; funcrefs of src's own functions become its own.  No start
 * function is run, and src's trap is not taken over.  From then on the two have
 * nothing to do with each other and are closed in any order; if src is linked
 * with other instances, or with tables or reference globals of the host's, the
 * clone is too.  wrt_instance_reset() brings a clone back to how it began.
 *
 * Memory is copied page by page when it is needed.  For that, what src's
 * memories hold is frozen once; clones that follow share it as long as src is
 * not called, not reset, and no place in its memory is asked for by
 * wrt_memory_at().  Pointers from before that are not to be used for writing
 * afterwards.  Each frozen memory takes a file descriptor.
 *
 * WRT_ESTATE: src runs or is suspended; other instances import of it or may
 * have its functions; it has a collected heap, a shared memory of its own, or
 * references to exceptions or continuations in globals or tables.  WRT_ELIMIT: the pool is full, or its limits
 * are smaller than what src has.  WRT_ENOMEM.  One thread at a time for src and
 * all that it is linked with; the pool may be another than src's. */
WRT_API int wrt_instance_clone(wrt_instance **out, wrt_instance *src,
    wrt_pool *pool, struct wrt_error *err);

WRT_API wrt_module *wrt_instance_module(const wrt_instance *);

/* A word for the host's own use: what a host function needs to know about its
 * caller. */
WRT_API void wrt_instance_set_data(wrt_instance *, void *data);
WRT_API void *wrt_instance_data(const wrt_instance *);

/* Guest stack for calls into this instance, in bytes; WRT_ELIMIT above the
 * pool's. */
WRT_API int wrt_instance_set_stack(wrt_instance *, uint64_t bytes);

/* Find the exported function `name`.  The wrt_func lives as long as the
 * instance. */
WRT_API int wrt_instance_func(wrt_instance *, const char *name,
    size_t name_len, wrt_func **out, struct wrt_functype *type);

/* Call the export `name` and run it, on a guest stack, to its end.
 *
 *   args     one value per parameter, nargs of them
 *   results  room for the function's results; may be NULL if it has none
 *
 * Returns WRT_OK with results filled in; WRT_ETRAP if the guest trapped or
 * left through wrt_exit(), see wrt_trap_get(); WRT_ENOTFOUND, WRT_ETYPE or
 * WRT_ESTATE if nothing was run; WRT_SUSPENDED if it is to be resumed.  A host
 * function may call again into the instance that called it.  Allocates
 * nothing, but for the counters of an instance's first trap, which does without
 * them if it must. */
WRT_API int wrt_instance_call(wrt_instance *, const char *name,
    const wrt_val *args, size_t nargs, wrt_val *results);
/* The same for a funcref, of whatever instance: a trap is kept by the instance
 * that wrt_func_instance() names. */
WRT_API int wrt_func_call(wrt_func *, const wrt_val *args, size_t nargs,
    wrt_val *results);
/* The instance that defines it, or that imported it from the host. */
WRT_API wrt_instance *wrt_func_instance(const wrt_func *);
/* Its type; the arrays live as long as the function. */
WRT_API int wrt_func_type(const wrt_func *, struct wrt_functype *out);

/* ---- Sessions and typed calls -------------------------------------------
 *
 * A typed call passes its parameters in registers: a function whose parameters
 * are at most 5 integers and 8 floating-point numbers and that has at most one
 * result, a number, is called as
 *
 *   R r = ((R (*)(struct wrt_typed *, A...))t->call)(t, a...);
 *
 * with int32_t, int64_t, float, double for R and A, after which t->status is
 * what wrt_func_call() would have returned; if it is not WRT_OK, r is nothing.
 * `wasmc --emit=header` writes functions that do this.
 *
 * Within a session of the instance such a call costs a few nanoseconds.
 * Without one, or in the course of another call, it is an ordinary call.
 *
 * A struct wrt_typed is the host's, filled in by wrt_func_typed(); only status
 * is to be looked at.  Used by one thread at a time; valid as long as the
 * function.  WRT_ETYPE: the function has another type, or one that does not fit
 * registers. */
struct wrt_typed {
	void *code, *vmctx, *thunk;
	wrt_instance *instance;
	wrt_func *func;
	void (*call)(void);
	int status;			/* of the last call */
};
WRT_API int wrt_func_typed(wrt_func *, const struct wrt_functype *type,
    struct wrt_typed *out);

/* Claim the instance for this thread, until wrt_instance_leave(), and keep a
 * guest stack ready.  Only this thread can use it then, by calls of any kind;
 * calls within a session cannot be suspended.  Sessions of several instances
 * may be open at once, and end in any order.  A trap does not end one.  A thread
 * that ends leaves its sessions, a forked child has none.
 * WRT_ESTATE if it runs, is suspended, has a session already or a time limit,
 * which each call would have to begin; WRT_ENOMEM. */
WRT_API int wrt_instance_enter(wrt_instance *);
/* End the session.  WRT_ETRAP: wrt_instance_kill() had been called since the
 * last call, and this is what it ended.  WRT_ESTATE: this thread has no session
 * of the instance, or is within a call. */
WRT_API int wrt_instance_leave(wrt_instance *);

/* ---- Suspending ---------------------------------------------------------
 *
 * A host function may suspend the guest that called it: instead of results it
 * returns WRT_YIELD, and the host's call of the guest returns WRT_SUSPENDED.
 * The instance keeps the guest's stack.  wrt_instance_resume() brings what the
 * host function would have returned, on this thread or on another, at any
 * time, and then is itself as the call was: it returns WRT_OK with the call's
 * results, WRT_ETRAP, or WRT_SUSPENDED again.  Any number of instances may be
 * suspended at once.  Nothing is allocated.
 *
 * Only the host's outermost call on a guest stack can be suspended: not one
 * that a host function made in the course of another call, not a start
 * function, not a call within a session.  Of a suspended instance functions
 * cannot be called (WRT_ESTATE), of those it is linked with they can; those
 * cannot be reset while it is suspended.  Closing it, or resetting it, ends
 * what was suspended without running any of it.  wrt_instance_kill() does not
 * reach it (WRT_ESTATE): a kill that comes as it is suspended ends it as a
 * kill, with WRT_ETRAP.
 *
 * Suspend the guest when this host function returns WRT_YIELD (or, if it is one
 * that has its C prototype, whatever it returns).  val is for the host, which
 * gets it from wrt_instance_yielded(); a reference in it keeps nothing alive.
 * A host function may as well just return WRT_YIELD: val is 0 then.
 * Returns WRT_YIELD; WRT_ESTATE if the guest cannot be suspended: a host
 * function that returns WRT_YIELD all the same traps ("host function failed"). */
WRT_API int wrt_yield(wrt_instance *caller, wrt_val val);
/* What the guest of a suspended call yielded.  The instance is the one that was
 * called.  WRT_ESTATE if it is not suspended. */
WRT_API int wrt_instance_yielded(wrt_instance *, wrt_val *out);
/* Go on, with vals, nvals of them, for the results of the host function that
 * suspended, and room for the results of the call.  WRT_OK, WRT_ETRAP,
 * WRT_SUSPENDED as above; WRT_ESTATE if it is not suspended, or if its functions
 * could not be called either; WRT_ETYPE if nvals is another number or a
 * reference is not of the type, WRT_ELIMIT if there is no room for one: it
 * stays suspended. */
WRT_API int wrt_instance_resume(wrt_instance *, const wrt_val *vals,
    size_t nvals, wrt_val *results);
/* 1 if it yielded, 2 if its slice was used up or it was preempted, else 0. */
WRT_API int wrt_instance_suspended(const wrt_instance *);

/* ---- Time slices --------------------------------------------------------
 *
 * A guest may also be suspended by time, at whatever instruction it is: the
 * call returns WRT_SUSPENDED, and wrt_instance_resume() with no values goes on,
 * on any thread.  All its registers are kept.  A host function or a runtime
 * call is finished first; a system call that a host function waits in may give
 * EINTR once, see wrt_preempted().  Calls that a host function could not
 * suspend by wrt_yield() are not suspended, but run on.  While an instance is
 * suspended so, the heap that it shares with others is not collected.
 *
 * Suspend calls into the instance, from the next one or resumption on, when
 * they have run for so many nanoseconds by the clock, about 0.1 ms more or
 * less; 0: not at all.  WRT_ESTATE while it runs, WRT_ENOMEM, WRT_ESYS as for
 * wrt_instance_set_timeout(). */
WRT_API int wrt_instance_set_slice(wrt_instance *, uint64_t ns);
/* Suspend the call that runs now, from another thread.  WRT_ESTATE if none
 * runs; WRT_ENOMEM.  After WRT_OK the call is suspended as soon as it can be,
 * unless it ends before.  The first time for an instance allocates: after that,
 * or if it has had a slice, it may be done by a signal handler too. */
WRT_API int wrt_instance_preempt(wrt_instance *);
/* For host functions whose system call gave EINTR: 1 if the guest is to be
 * suspended and goes on some time, so that the system call should be made
 * again; 0 if it is to end, or the signal was somebody else's. */
WRT_API int wrt_preempted(wrt_instance *caller);

/* ---- Traps ------------------------------------------------------------ */

enum wrt_trap_code {			/* numbers as in docs/ABI.md */
	WRT_TRAP_UNREACHABLE = 1, WRT_TRAP_DIV_BY_ZERO, WRT_TRAP_INT_OVERFLOW,
	WRT_TRAP_BAD_CONVERSION, WRT_TRAP_MEMORY_OOB, WRT_TRAP_TABLE_OOB,
	WRT_TRAP_UNDEFINED_ELEMENT, WRT_TRAP_UNINIT_ELEMENT,
	WRT_TRAP_INDIRECT_TYPE, WRT_TRAP_STACK_OVERFLOW, WRT_TRAP_NULL_REF,
	WRT_TRAP_EXCEPTION = 21, WRT_TRAP_UNKNOWN_IMPORT, WRT_TRAP_INTERRUPT, WRT_TRAP_TIMEOUT,
	WRT_TRAP_FUEL, WRT_TRAP_HOST, WRT_TRAP_HEAP, WRT_TRAP_EXIT,
	WRT_TRAP_UNHANDLED_TAG = 29, WRT_TRAP_CONT_CONSUMED = 30,
	WRT_TRAP_NULL_CONT_REF = 31, WRT_TRAP_CPU_TIME = 32,
};

struct wrt_frame {
	const char *module;		/* its name, or its file's */
	const char *func;		/* name section, export, or "" */
	uint32_t func_idx;
	uint32_t wasm_off;		/* in the .wasm; UINT32_MAX unknown */
	uint32_t func_off;		/* wasm_off minus the body's start */
	const char *file;		/* the source's, if the module has
					 * DWARF; else NULL */
	uint32_t line;
};

struct wrt_trap {
	int code;			/* enum wrt_trap_code */
	int exit_code;			/* WRT_TRAP_EXIT */
	const char *text;		/* the spec's words, or the host's */
	uint64_t address;		/* MEMORY_OOB by signal: offset in the
					 * memory that was touched, else 0 */
	size_t nframes;			/* innermost first, at most 64 */
	const struct wrt_frame *frames;
	size_t nframes_total;		/* how deep the stack was */
};

/* The last trap of this instance.  What it points to is valid until the next
 * call, reset or close.  WRT_ESTATE if there was none. */
WRT_API int wrt_trap_get(wrt_instance *, struct wrt_trap *out);

/* Write what the last trap has left to the file, as a core dump in the form of
 * WebAssembly's tool conventions: a module with sections core, coremodules,
 * coreinstances and corestack, and the memories and globals of the instance and
 * all it is linked with.  fd, which stays the caller's, is of a regular file,
 * written from its begin; memories of zeros take no place in it.  Frames beyond
 * the 64 innermost are left out; what locals hold is not known.  WRT_ESTATE if
 * there was no trap, WRT_ESYS if the file cannot be written. */
WRT_API int wrt_trap_coredump(wrt_instance *, int fd, struct wrt_error *err);

/* For host functions, before returning WRT_ETRAP.  text is copied, and may be
 * NULL. */
WRT_API int wrt_trap_set(wrt_instance *caller, int code, const char *text);
/* End the guest, from whatever depth, with an exit code. */
WRT_API int wrt_exit(wrt_instance *caller, int exit_code);

/* ---- Exceptions ---------------------------------------------------------
 *
 * An exception that no guest catches ends the call as a trap does, with
 * WRT_TRAP_EXCEPTION.  A host function that called a guest may handle it, or
 * return WRT_ETRAP, which throws it again in the guest that called the
 * function. */
typedef struct wrt_tag wrt_tag;		/* compared by address */

struct wrt_exception {
	wrt_tag *tag;
	struct wrt_functype type;	/* the payload's types are its params */
	const wrt_val *vals;
};

/* The exception of the instance's last trap.  What it points to is valid until
 * the next call, reset or close.  WRT_ESTATE if it was none. */
WRT_API int wrt_exception_get(wrt_instance *, struct wrt_exception *out);
/* For host functions, before returning WRT_ETRAP (or, called by libffi, at
 * all): throw in the guest that called.  vals, one for each parameter of the
 * tag, are copied and may be NULL if there are none.  Returns WRT_ETRAP;
 * WRT_ELIMIT if there is no room for it, WRT_ETYPE if a reference is not of the
 * instance's heap. */
WRT_API int wrt_throw(wrt_instance *caller, wrt_tag *, const wrt_val *vals);
/* An exported tag; it lives as long as the instance. */
WRT_API int wrt_instance_tag(wrt_instance *, const char *name,
    size_t name_len, wrt_tag **out);
/* A tag of the host's own, which lives as long as the list.  type has no
 * results.  out may be NULL. */
WRT_API int wrt_imports_tag(wrt_imports *, const char *module,
    const char *name, const struct wrt_functype *type, wrt_tag **out);

/* Stop the call into this instance that runs now, from another thread or a
 * signal handler: the call returns WRT_ETRAP with `code`, WRT_TRAP_INTERRUPT or
 * WRT_TRAP_TIMEOUT or whatever positive number.  A guest stops at once, also
 * one that waits in memory.atomic.wait.  If it runs a host function, it ends
 * when that returns; what that waits for in the kernel ends with EINTR, also
 * what it is just about to begin: the signal is sent again until the call is
 * over.  WRT_ESTATE if it is not running; after WRT_OK just one call ends so.
 * Allocates nothing. */
WRT_API int wrt_instance_kill(wrt_instance *, int code);

/* Limit each call into the instance from now on to so much time, the thread's
 * CPU time and time by the clock, host functions included: a call that is over
 * it ends as if it were killed, with WRT_TRAP_CPU_TIME or WRT_TRAP_TIMEOUT.
 * 0: no limit.  A new instance has its pool's; its start function and its
 * segments' code count as calls of their own.  The end comes within about 0.1
 * ms of the limit.  A call without limits pays nothing, one with a wall limit a
 * look at the clock, one with a CPU limit a system call.  Time in which a call
 * is suspended does not count.  WRT_ESTATE while it runs or is suspended;
 * WRT_ESYS if there is no thread for the clock, of which the process
 * needs one. */
WRT_API int wrt_instance_set_timeout(wrt_instance *, uint64_t wall_ns,
    uint64_t cpu_ns);

/* ---- Fuel ---------------------------------------------------------------
 *
 * Code compiled with wasmc --fuel counts the instructions it executes (which
 * count, and what each costs: docs/ABI.md, "Fuel").  Before the first one that
 * its instance cannot pay it traps with WRT_TRAP_FUEL: what comes before has
 * been done, nothing after.  Each instance pays for its own functions, whoever
 * calls them; host functions cost nothing.  Other artifacts do not count, and
 * these functions return WRT_ESTATE.
 *
 * Let the instance execute `units` from now on, INT64_MAX at most (WRT_EINVAL
 * above).  Allowed after a trap, and for host functions. */
WRT_API int wrt_instance_set_fuel(wrt_instance *, uint64_t units);
/* Was the module compiled with --fuel?  1 or 0. */
WRT_API int wrt_module_has_fuel(const wrt_module *);
/* What is left.  Exact when no call runs, in host functions, and after every
 * trap but STACK_OVERFLOW and those of wrt_instance_kill(), after which the
 * stretch of code that was running has been paid for in full. */
WRT_API int wrt_instance_fuel(const wrt_instance *, uint64_t *out);

/* ---- Counters -----------------------------------------------------------
 *
 * What an instance has done, all instances of a module, all of a pool.  They
 * cost next to nothing and are always there, but for the CPU time.  May be
 * asked for by any thread, while the object is open; numbers that change
 * meanwhile are one or two too old.  Asking for a pool's or a module's takes
 * some nanoseconds for each of their instances, for which no new one can be
 * created but from closed ones.  Nothing is allocated.
 *
 * The structure grows at its end: out has `size` bytes, sizeof *out, of which a
 * library that knows fewer fills the rest with zeros.  WRT_EINVAL. */
#define WRT_STATS_TRAPS 64

struct wrt_stats {
	/* Only ever more. */
	uint64_t created, closed;	/* instances; also those whose start
					 * trapped */
	uint64_t calls;			/* by the host, nested ones, start
					 * functions too; not resumptions */
	uint64_t ended_by_trap;		/* of these; also by wrt_exit() and
					 * wrt_instance_kill().  A trap that a
					 * host function passes on ends two */
	uint64_t resets;
	uint64_t page_faults;		/* times that the runtime put pages of
					 * a memory there: mode userfaultfd.
					 * Shared memories and the host's are
					 * in the pool's alone */
	uint64_t memory_grows;		/* memory.grow that gave pages */
	uint64_t cpu_ns;		/* of the thread, in calls, with host
					 * functions: WRT_POOL_CPU_TIME; else
					 * 0.  Not of those that run now */
	uint64_t fuel_used;		/* of modules compiled with --fuel */
	/* Now. */
	uint64_t live;			/* instances that are open */
	uint64_t parked;		/* closed, kept to be created again */
	uint64_t resident_bytes;	/* memories of open instances; their
					 * sizes where what is resident is not
					 * known: not mode userfaultfd.  Without
					 * shared ones */
	uint64_t idle_bytes;		/* pool: what wrt_pool_trim() would
					 * give back; else 0 */
	/* ended_by_trap by enum wrt_trap_code; [0]: others */
	uint64_t traps[WRT_STATS_TRAPS];
};
/* Since its creation. */
WRT_API int wrt_instance_stats(const wrt_instance *, struct wrt_stats *out,
    size_t size);
/* Of all instances of it, in whatever pool, since it was first opened. */
WRT_API int wrt_module_stats(wrt_module *, struct wrt_stats *out, size_t size);
WRT_API int wrt_pool_stats(wrt_pool *, struct wrt_stats *out, size_t size);

/* Takes the next n bytes of a text, which does not end with a NUL.  Anything
 * but 0 ends the writing. */
typedef int wrt_write_fn(void *arg, const char *text, size_t n);

/* What is written about: its numbers, sizeof *stats, and labels as name, value,
 * name, value, NULL, or NULL. */
struct wrt_metrics {
	const struct wrt_stats *stats;
	size_t size;
	const char *const *labels;
};
/* Write the numbers of n things in Prometheus' text format (0.0.4), by calls of
 * `write` with up to 512 bytes.  Metrics are called PREFIX_calls_total and so
 * on; traps have a label "kind" of their own.  Values of labels are escaped,
 * and what is not UTF-8 in them is replaced.  Returns what write did if that is
 * not 0; WRT_EINVAL, nothing written, if the prefix or a label's name is none,
 * or a label is there twice.  Allocates nothing. */
WRT_API int wrt_stats_prometheus(const char *prefix, const struct wrt_metrics *,
    size_t n, wrt_write_fn *write, void *arg);
/* A pool's, as wasmrt_calls_total{pool="NAME"} and so on; without a label if
 * name is NULL. */
WRT_API int wrt_pool_prometheus(wrt_pool *, const char *name,
    wrt_write_fn *write, void *arg);

/* ---- Profiles ----------------------------------------------------------- */

/* Write what the instance, compiled with --profile-generate, has counted since
 * it was created or reset: for wasmc --profile-use.  The file appears whole or
 * not at all.  While no call runs in the instance; also after a trap.
 * WRT_ENOTFOUND: it counts nothing.  WRT_EINVAL: the file cannot be written. */
WRT_API int wrt_instance_profile_write(wrt_instance *, const char *path,
    struct wrt_error *);

/* ---- Memory, tables, globals ------------------------------------------ */

typedef struct wrt_memory wrt_memory;
typedef struct wrt_table wrt_table;
typedef struct wrt_global wrt_global;

/* Exported ones by name. WRT_ENOTFOUND.  They live as long as the instance. */
WRT_API int wrt_instance_memory(wrt_instance *, const char *name,
    size_t name_len, wrt_memory **out);
WRT_API int wrt_instance_table(wrt_instance *, const char *name,
    size_t name_len, wrt_table **out);
WRT_API int wrt_instance_global(wrt_instance *, const char *name,
    size_t name_len, wrt_global **out);
/* Memory i, exported or not: what WASI and other ABIs mean by "the memory" is
 * memory 0. */
WRT_API int wrt_instance_memory_at(wrt_instance *, size_t i, wrt_memory **out);
/* The memory that the guest means which has called a host function: memory 0;
 * if several modules were compiled as one (wasmc A.wasm B.wasm), memory 0 of the
 * one whose call this is.  To be asked while the host function runs, with its
 * `caller`.  WRT_ENOTFOUND: there is none. */
WRT_API int wrt_caller_memory(wrt_instance *caller, wrt_memory **out);

WRT_API uint64_t wrt_memory_bytes(const wrt_memory *);
WRT_API uint64_t wrt_memory_pages(const wrt_memory *);
/* Old size in pages, or -1: over its maximum or the host's limit. */
WRT_API int64_t wrt_memory_grow(wrt_memory *, uint64_t delta_pages);
/* Lower the host's limit for growth, in bytes.  A memory that is larger stays
 * so. */
WRT_API void wrt_memory_limit(wrt_memory *, uint64_t bytes);

/* The guest's bytes [addr, addr + n) as a pointer, present in memory so that
 * the kernel may read and write them too, or NULL if they are not all within
 * the memory.  Valid until the guest runs again or the instance ends; another
 * thread may change a shared memory at any time. */
WRT_API void *wrt_memory_at(wrt_memory *, uint64_t addr, uint64_t n);
/* Copies; WRT_EBOUNDS, or WRT_ENOMEM if there is no page for it. */
WRT_API int wrt_memory_read(wrt_memory *, uint64_t addr, void *to, size_t n);
WRT_API int wrt_memory_write(wrt_memory *, uint64_t addr, const void *from,
    size_t n);

WRT_API uint64_t wrt_table_size(const wrt_table *);
WRT_API uint8_t wrt_table_type(const wrt_table *);	/* of an entry */
WRT_API int wrt_table_get(const wrt_table *, uint64_t i, wrt_val *out);
WRT_API int wrt_table_set(wrt_table *, uint64_t i, wrt_val val);
WRT_API int64_t wrt_table_grow(wrt_table *, uint64_t delta, wrt_val init);
/* Lower the host's limit for growth.  A table that is larger stays so. */
WRT_API void wrt_table_limit(wrt_table *, uint64_t entries);

WRT_API uint8_t wrt_global_type(const wrt_global *, int *mut);
WRT_API wrt_val wrt_global_get(const wrt_global *);
/* WRT_ETYPE if it is immutable. */
WRT_API int wrt_global_set(wrt_global *, wrt_val val);

/* ---- All of an instance's state -----------------------------------------
 *
 * For those who write it down, such as wasmc_snapshot_write()'s callers.
 * Indices are the module's, imported ones first.  One thread, while the
 * instance does not run. */

/* Table or global k, exported or not; WRT_ENOTFOUND behind the last one.  A
 * table that is neither exported nor imported can be looked at only: code may
 * have been made for what is in it, so that setting an entry is WRT_ETYPE, and
 * growing it fails. */
WRT_API int wrt_instance_table_at(wrt_instance *, size_t k, wrt_table **out);
WRT_API int wrt_instance_global_at(wrt_instance *, size_t k,
    wrt_global **out);
/* The number of a function in the instance's module, imported or own, to which
 * this funcref leads; WRT_ENOTFOUND if it is another instance's or the
 * host's. */
WRT_API int wrt_instance_func_index(wrt_instance *, const wrt_func *,
    uint32_t *out);
/* Has segment k been dropped, as active ones are once they are applied?  1 or
 * 0; WRT_ENOTFOUND behind the last one. */
enum wrt_segment { WRT_SEGMENT_DATA = 0, WRT_SEGMENT_ELEM = 1 };
WRT_API int wrt_instance_dropped(wrt_instance *, enum wrt_segment, size_t k);
/* Call fn for all runs of pages (4096 bytes) that are not zeros, upward: the
 * bytes at p are the guest's from addr on.  The last run may be up to a page
 * longer than the memory, with zeros.  Ends with the first result other than 0,
 * and returns it.  Pages that were never touched stay so where the memory mode
 * knows them. */
WRT_API int wrt_memory_walk(const wrt_memory *, int (*fn)(void *arg,
    uint64_t addr, const void *p, size_t n), void *arg);

/* ---- References to collected objects -----------------------------------
 *
 * A host sees an externref, and an anyref or anything below it, as one 64-bit
 * word: null is 0; what a host once gave away it gets back; everything else,
 * structures, arrays and i31s, is a word whose upper 32 bits are 0xfff6c0de,
 * which the host's own words must not have.
 *
 * Such a word holds while a host function runs that was given it or found it,
 * as long as it is in that function's variables, and from a call's return to
 * the next call into the instance or one it is linked with.  To keep an object
 * longer, put it into a global or a table of the guest's.  It means nothing to
 * instances that are not linked with its own. */
enum wrt_ref_kind { WRT_REF_NULL = 0, WRT_REF_HOST = 1, WRT_REF_I31 = 2,
		    WRT_REF_STRUCT = 3, WRT_REF_ARRAY = 4 };
/* What kind of reference an externref or anyref of the instance is; negative
 * if it is none. */
WRT_API int wrt_ref_kind(wrt_instance *, wrt_val);

/* Collect the garbage of the instance and all it is linked with.  May be called
 * from host functions.  WRT_ESTATE if another thread runs one of them. */
WRT_API int wrt_gc(wrt_instance *);

struct wrt_gc_stats {
	uint64_t heap_bytes;		/* now, garbage included */
	uint64_t limit_bytes;
	uint64_t live_bytes;		/* after the last collection */
	uint64_t collections;
	uint64_t pause_ns, max_pause_ns;	/* in sum; the longest */
};
WRT_API int wrt_gc_stats(wrt_instance *, struct wrt_gc_stats *out);

/* Lower the limit of the heap that the instance shares with all it is linked
 * with, in bytes; it is given out in pieces of 32 KiB.  Allocating beyond it
 * traps, WRT_TRAP_HEAP.  A higher one than now changes nothing.  By the thread
 * that uses the instance. */
WRT_API int wrt_gc_limit(wrt_instance *, uint64_t bytes);

/* Lower the instance's limits of its continuations: how many that are not over,
 * started or not, and how many bytes their stacks may have; 0 leaves a limit as
 * it is, and so does more than now.  One more traps, WRT_TRAP_HEAP; a stack more
 * traps, WRT_TRAP_STACK_OVERFLOW.  By the thread that uses the instance. */
WRT_API int wrt_cont_limit(wrt_instance *, uint32_t n, uint64_t stack_bytes);

#ifdef __cplusplus
}
#endif

#endif
