/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wopt.c: --wasm-opt, binaryen's passes on the module before it is compiled.
 *
 * Binaryen ends the process when it meets what it does not know, and keeps its
 * options in globals: so it runs in a child, after a check of the features that
 * it is known to read.  The child writes to an anonymous file.
 *
 * It also carries a piece of an old LLVM, whose symbols are those of ours: the
 * child loads it by dlopen(), bound to its own symbols, and nothing links it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <binaryen-c.h>

#include "insn.h"
#include "wopt.h"

/* Features that binaryen 108 reads and writes as the specification has them by
 * now; its garbage collection and exceptions are older drafts. */
static const struct {
	enum feature feature;
	const char *flag;		/* the function that says its bit */
	bool free;			/* may be put to use where it was not */
} known[] = {
	{ FEAT_MVP, "BinaryenFeatureMVP", true },
	{ FEAT_MUTABLE_GLOBAL, "BinaryenFeatureMutableGlobals", true },
	{ FEAT_SIGN_EXT, "BinaryenFeatureSignExt", true },
	{ FEAT_SAT_CONV, "BinaryenFeatureNontrappingFPToInt", true },
	{ FEAT_MULTI_VALUE, "BinaryenFeatureMultivalue", true },
	{ FEAT_BULK, "BinaryenFeatureBulkMemory", true },
	{ FEAT_REF_TYPES, "BinaryenFeatureReferenceTypes", true },
	{ FEAT_SIMD, "BinaryenFeatureSIMD128", false },
	{ FEAT_THREADS, "BinaryenFeatureAtomics", false },
	{ FEAT_TAIL_CALL, "BinaryenFeatureTailCall", false },
};

static int
wopt_check(const struct module *m, struct wasmc_error *err)
{
	uint64_t left = m->features_used;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		left &= ~FEAT_BIT(known[i].feature);
	if (!left)
		return WASMC_OK;
	return back_fail(err, WASMC_EUNSUPPORTED, "--wasm-opt: binaryen does "
	    "not know the feature %s, which the module uses; compile without "
	    "--wasm-opt", feature_name(__builtin_ctzll(left)));
}

enum { CHILD_OK, CHILD_FAILED, CHILD_NO_LIBRARY };

static void *
wopt_symbol(void *lib, const char *name)
{
	void *p = lib ? dlsym(lib, name) : NULL;

	if (!p)
		_exit(CHILD_NO_LIBRARY);
	return p;
}

/* Declare a function of binaryen's as a local variable. */
#define DOOR(name)	__typeof__(name) *const f_##name =		\
	(__typeof__(name) *)wopt_symbol(lib, #name)

static BinaryenFeatures
wopt_features(void *lib, const struct module *m)
{
	BinaryenFeatures set = 0;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint64_t bit = FEAT_BIT(known[i].feature);
		BinaryenFeatures (*flag)(void) =
		    (BinaryenFeatures (*)(void))wopt_symbol(lib,
		    known[i].flag);

		if ((m->features_used & bit) ||
		    (known[i].free && (m->features & bit)))
			set |= flag();
	}
	return set;
}

/* In the child. */
_Noreturn static void
wopt_child(const struct module *m, int level, int fd)
{
	void *lib = dlopen("libbinaryen.so",
	    RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	DOOR(BinaryenModuleRead);
	DOOR(BinaryenModuleSetFeatures);
	DOOR(BinaryenSetOptimizeLevel);
	DOOR(BinaryenSetShrinkLevel);
	DOOR(BinaryenSetDebugInfo);
	DOOR(BinaryenModuleOptimize);
	DOOR(BinaryenModuleAllocateAndWrite);
	BinaryenModuleAllocateAndWriteResult r;
	BinaryenModuleRef b;

	/* What it says of its troubles is not ours to print. */
	dup2(memory_file("words", "", 0), 1);
	dup2(1, 2);
	signal(SIGABRT, SIG_DFL);
	b = f_BinaryenModuleRead((char *)(uintptr_t)m->file.p, m->file.n);
	f_BinaryenModuleSetFeatures(b, wopt_features(lib, m));
	f_BinaryenSetOptimizeLevel(level);
	f_BinaryenSetShrinkLevel(0);
	f_BinaryenSetDebugInfo(true);	/* keep names */
	f_BinaryenModuleOptimize(b);
	r = f_BinaryenModuleAllocateAndWrite(b, NULL);
	_exit(write_all(fd, r.binary, r.binaryBytes) ? CHILD_OK :
	    CHILD_FAILED);
}

/* What the child's end means. */
static int
wopt_result(int status, int fd, struct buf *out, struct wasmc_error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NO_LIBRARY)
		return back_fail(err, WASMC_EBACKEND, "--wasm-opt: there is "
		    "no libbinaryen.so; install binaryen");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != CHILD_OK)
		return back_fail(err, WASMC_EBACKEND, "--wasm-opt: binaryen "
		    "cannot optimise this module; compile without --wasm-opt");
	if (read_file(fd, out))
		return back_fail(err, WASMC_EIO,
		    "--wasm-opt: cannot read the result: %m");
	return WASMC_OK;
}

int
wopt_run(const struct module *m, int level, struct buf *out,
    struct wasmc_error *err)
{
	int rc = wopt_check(m, err), fd, status;
	pid_t pid;

	if (rc)
		return rc;
	fd = memory_file("wasm-opt", "", 0);
	pid = fd < 0 ? -1 : fork();
	if (pid == 0)
		wopt_child(m, level, fd);
	if (pid < 0) {
		if (fd >= 0)
			close(fd);
		return back_fail(err, WASMC_ENOMEM,
		    "--wasm-opt: cannot start a process: %m");
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	rc = wopt_result(status, fd, out, err);
	close(fd);
	return rc;
}
