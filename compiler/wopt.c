/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wopt.c: --wasm-opt, binaryen's passes on the module before it is compiled.
 *
 * Binaryen ends the process when it meets what it does not know, and keeps its
 * options in globals: so it runs in a child, after a check of the features that
 * it is known to read.  The child writes to an anonymous file.
 */
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
	BinaryenFeatures (*flag)(void);
} known[] = {
	{ FEAT_MVP, BinaryenFeatureMVP },
	{ FEAT_MUTABLE_GLOBAL, BinaryenFeatureMutableGlobals },
	{ FEAT_SIGN_EXT, BinaryenFeatureSignExt },
	{ FEAT_SAT_CONV, BinaryenFeatureNontrappingFPToInt },
	{ FEAT_MULTI_VALUE, BinaryenFeatureMultivalue },
	{ FEAT_BULK, BinaryenFeatureBulkMemory },
	{ FEAT_REF_TYPES, BinaryenFeatureReferenceTypes },
	{ FEAT_SIMD, BinaryenFeatureSIMD128 },
	{ FEAT_THREADS, BinaryenFeatureAtomics },
	{ FEAT_TAIL_CALL, BinaryenFeatureTailCall },
};

static int
wopt_features(const struct module *m, BinaryenFeatures *out,
    struct wasmc_error *err)
{
	uint64_t left = m->features_used;

	*out = 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		left &= ~FEAT_BIT(known[i].feature);
		if (m->features_used & FEAT_BIT(known[i].feature))
			*out |= known[i].flag();
	}
	if (!left)
		return WASMC_OK;
	return back_fail(err, WASMC_EUNSUPPORTED, "--wasm-opt: binaryen does "
	    "not know the feature %s, which the module uses; compile without "
	    "--wasm-opt", feature_name(__builtin_ctzll(left)));
}

/* In the child. */
_Noreturn static void
wopt_child(const struct module *m, int level, BinaryenFeatures features,
    int fd)
{
	BinaryenModuleAllocateAndWriteResult r;
	BinaryenModuleRef b;
	const char *p;
	size_t n;

	signal(SIGABRT, SIG_DFL);
	b = BinaryenModuleRead((char *)(uintptr_t)m->file.p, m->file.n);
	BinaryenModuleSetFeatures(b, features);
	BinaryenSetOptimizeLevel(level);
	BinaryenSetShrinkLevel(0);
	BinaryenSetDebugInfo(true);	/* keep names */
	BinaryenModuleOptimize(b);
	r = BinaryenModuleAllocateAndWrite(b, NULL);
	for (p = r.binary, n = r.binaryBytes; n;) {
		ssize_t got = write(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			_exit(1);
		p += got;
		n -= (size_t)got;
	}
	_exit(0);
}

int
wopt_run(const struct module *m, int level, struct buf *out,
    struct wasmc_error *err)
{
	BinaryenFeatures features;
	int rc = wopt_features(m, &features, err), fd, status;
	pid_t pid;

	if (rc)
		return rc;
	fd = memory_file("wasm-opt", "", 0);
	pid = fd < 0 ? -1 : fork();
	if (pid == 0) {
		/* What it says of its troubles is not ours to print. */
		dup2(memory_file("words", "", 0), 2);
		wopt_child(m, level, features, fd);
	}
	if (pid < 0) {
		if (fd >= 0)
			close(fd);
		return back_fail(err, WASMC_ENOMEM,
		    "--wasm-opt: cannot start a process: %m");
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		rc = back_fail(err, WASMC_EBACKEND, "--wasm-opt: binaryen "
		    "cannot optimise this module; compile without --wasm-opt");
	else if (read_file(fd, out))
		rc = back_fail(err, WASMC_EIO,
		    "--wasm-opt: cannot read the result: %m");
	close(fd);
	return rc;
}
