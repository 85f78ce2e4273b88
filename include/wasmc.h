/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmc.h: compile WebAssembly modules to ELF shared objects.
 *
 * One call does all: read, decode, validate, lower through LLVM, link, write.
 * A process may run several compiles at once on several threads; each has its
 * own state.
 */
#ifndef WASMC_H
#define WASMC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef WASMC_API
#define WASMC_API __attribute__((visibility("default")))
#endif

#define WASMC_VERSION "0.1.0"

/* "0.1.0 (LLVM 22.1.8)" */
WASMC_API const char *wasmc_version(void);

enum wasmc_status {
	WASMC_OK = 0,
	WASMC_EMALFORMED = -1,		/* the bytes are no module */
	WASMC_EINVALID = -2,		/* the module breaks a rule */
	WASMC_EUNSUPPORTED = -3,	/* valid, but not compiled yet */
	WASMC_EOPTION = -4,		/* an option's value */
	WASMC_EIO = -5,			/* a file cannot be read or written */
	WASMC_ENOMEM = -6,
	WASMC_EBACKEND = -7,		/* LLVM or the linker failed */
};

/* Where and why a compile failed. text is one line without the file's name:
 *   "type mismatch: expected i32, found i64 (at byte 0x2f, function 3 "f")" */
struct wasmc_error {
	int status;			/* enum wasmc_status */
	uint64_t offset;		/* in the file; UINT64_MAX if none */
	uint32_t func_idx;		/* UINT32_MAX if none */
	char text[1012];
};

enum wasmc_emit { WASMC_EMIT_SO, WASMC_EMIT_OBJ, WASMC_EMIT_ASM,
		  WASMC_EMIT_IR,
		  WASMC_EMIT_HEADER };	/* C prototypes for hosts */
enum wasmc_bounds { WASMC_BOUNDS_GUARD, WASMC_BOUNDS_EXPLICIT };

/* A file's bytes, which stay the caller's. */
struct wasmc_file {
	const void *p;
	size_t n;
	const char *name;		/* of the file, for messages */
};

/* Zero in every field is the default. */
struct wasmc_options {
	int opt_level;			/* -1 for 0, else 1..3; 0 means 2 */
	enum wasmc_emit emit;
	enum wasmc_bounds bounds;
	const char *target;		/* triple; NULL: the host */
	const char *cpu;		/* NULL: the baseline of the target if
					 * one is given, else the host's CPU;
					 * or up to 8 with commas: code for
					 * each, of which the best is chosen
					 * when the file is opened */
	const char *features;		/* "all,-simd,+threads"; NULL: default */
	unsigned jobs;			/* threads; 0: as many as CPUs */
	int wasm_opt_level;		/* binaryen -O0..4; 0 or -1: off */
	int time_passes;		/* report stages on stderr */
	const char *dump;		/* letters, see docs; NULL: nothing */
	int verify;			/* verify the IR (debug builds do) */
	/* Called now and then from the compiling thread: done of total units
	 * of stage `stage`.  May be NULL. */
	void (*progress)(void *data, const char *stage, uint64_t done,
	    uint64_t total);
	void *progress_data;
	/* Relaxed SIMD gives the results of the specification's deterministic
	 * profile, on every machine; otherwise those that the target computes
	 * fastest among the allowed ones. */
	int relaxed_deterministic;
	/* Every NaN that arithmetic makes is the canonical, positive one. */
	int nan_canonicalize;
	/* The code counts what it executes, and traps when its fuel is used
	 * up; see wrt_instance_set_fuel(). */
	int fuel;
	/* LLVM bitcode of host functions that are compiled in; docs/LINKING.md
	 * and wasmrt_bitcode.h say what it may be.  NULL: none. */
	const struct wasmc_file *bitcode;
	size_t nbitcode;
	/* The code counts calls, branches and whom indirect calls call, for
	 * wrt_instance_profile_write(); or is made for what such files say.
	 * docs/PROFILES.md. */
	int profile_generate;
	const struct wasmc_file *profiles;
	size_t nprofiles;
	/* A folder in which the compiled parts of modules are kept, made if
	 * there is none; NULL: nothing is kept.  A part that was compiled
	 * before, from the same code with the same options by the same
	 * compiler, is taken from there: the result is the same, byte for
	 * byte.  It must be the user's own and nobody else's to write to: who
	 * can write there can choose the code.  Any number of compiles, also
	 * of several processes, may use it at once.  What cannot be read or
	 * written there is compiled and not kept; only a folder that cannot
	 * be opened fails the compile (WASMC_EIO). */
	const char *cache_dir;
	/* Its files in bytes, at about which those that were not used for the
	 * longest time are deleted; 0: 1 GiB. */
	uint64_t cache_max_bytes;
	/* Level 1 generates code with fewer of LLVM's passes, which LLVM lets
	 * one choose for the whole process only: while parts of modules are
	 * generated at level 1, other levels wait, and what else in the process
	 * generates code by the same copy of LLVM is generated so too: right,
	 * but less optimised.  A host that does not want that sets this, and
	 * level 1 takes about twice as long; the code is another, somewhat
	 * faster.  docs/COMPILING.md. */
	int keep_llvm_options;
};

/* Compile the bytes [wasm, wasm + n) to the file `out_path`, which appears
 * whole or not at all.  `name` is the input's name, for debug information.
 * options may be NULL. */
WASMC_API int wasmc_compile(const void *wasm, size_t n, const char *name,
    const char *out_path, const struct wasmc_options *options,
    struct wasmc_error *err);

/* Only decode and validate. */
WASMC_API int wasmc_validate(const void *wasm, size_t n,
    const struct wasmc_options *options, struct wasmc_error *err);

/* ---- Several modules ------------------------------------------------------
 *
 * Modules that import from each other become one, which is then compiled as
 * any other; see docs/LINKING.md. */
struct wasmc_link_input {
	const void *wasm;
	size_t n;
	const char *name;		/* under which others import from it;
					 * UTF-8, each once */
};

enum wasmc_link_exports {
	WASMC_EXPORTS_FIRST,		/* the first module's */
	WASMC_EXPORTS_ALL,		/* all; the same name twice is an
					 * error */
	WASMC_EXPORTS_PREFIXED,		/* the first module's, and those of the
					 * others as "name:export" */
};

/* Make one module of nin.  Imports whose module's name is that of an input are
 * that input's exports, also in a circle; the other imports stay.  Of the
 * options the features count; options may be NULL.
 *
 * Returns WASMC_OK with the new module's bytes in *out, to be given to free(),
 * and their number in *out_n.  On failure these are untouched, and *which, if
 * not NULL, is the input that the error is about, or SIZE_MAX.
 * WASMC_EINVALID: a module is not valid, an import is not exported or has
 * another type, an export's name is taken.  WASMC_EOPTION: two modules have the
 * same name.  May be called on several threads at once. */
WASMC_API int wasmc_link(const struct wasmc_link_input *in, size_t nin,
    enum wasmc_link_exports exports, const struct wasmc_options *options,
    void **out, size_t *out_n, size_t *which, struct wasmc_error *err);

/* A string that names everything which shapes the code these options give:
 * version, target, CPU, level, features.  For cache keys.  Returns its length,
 * as snprintf does. */
WASMC_API size_t wasmc_options_key(const struct wasmc_options *options,
    char *buf, size_t size);

/* ---- Snapshots ------------------------------------------------------------
 *
 * The state of an instance, as a program that runs it finds it out, for
 * instance with what wasmrt.h says under "All of an instance's state".  Indices
 * are those of the module's own memories, tables and globals, without imported
 * ones; functions are numbered as in the module. */
#define WASMC_STATE_NULL UINT32_MAX	/* no function: null */

struct wasmc_state_run {		/* bytes of a memory */
	uint64_t addr;			/* both multiples of 4096 */
	uint64_t n;
	const void *p;
};
struct wasmc_state_memory {
	uint64_t pages;			/* the size */
	const struct wasmc_state_run *runs;	/* ascending, disjoint; the
						 * rest is zero */
	size_t nruns;
};
struct wasmc_state_table {
	uint64_t size;
	const uint32_t *funcs;		/* or WASMC_STATE_NULL */
};
struct wasmc_state_global {
	uint8_t bits[16];		/* numbers: little end first, then 0 */
	uint32_t func;			/* references */
};
struct wasmc_state {
	size_t nmemories, ntables, nglobals;
	const struct wasmc_state_memory *memories;
	const struct wasmc_state_table *tables;
	const struct wasmc_state_global *globals;
	size_t ndatas, nelems;
	const uint8_t *data_dropped, *elem_dropped;	/* per segment */
	size_t nhide;
	const char *const *hide;	/* exported functions to leave out */
	const char *ran;		/* what was called, to be noted; NULL:
					 * nothing */
};

/* Write to out_path the artifact [artifact, artifact + n) changed so that its
 * instances begin with this state: no segments to be applied, no start
 * function.  Code, symbols, unwind and debug information stay the same, byte
 * for byte.  The same artifact and state give the same bytes.  The file appears
 * whole or not at all.
 *
 * WASMC_EINVALID: not an artifact of this version, or a damaged one.
 * WASMC_EUNSUPPORTED: it imports memories, tables or globals, or has a shared
 * memory.  WASMC_EOPTION: the state cannot be this artifact's. */
WASMC_API int wasmc_snapshot_write(const void *artifact, size_t n,
    const struct wasmc_state *state, const char *out_path,
    struct wasmc_error *err);

#ifdef __cplusplus
}
#endif

#endif
