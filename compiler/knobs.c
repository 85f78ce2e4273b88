/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * knobs.c: LLVM's options that choose among its passes, see knobs.h.
 *
 * What each saves and costs is in docs/COMPILING.md.  Only options are here
 *
 *   - that nothing but code generation reads, so that lowering and the passes
 *     on IR need no turn;
 *   - whose value can be set back: some only know "as the target likes" until
 *     they were given once, and the register allocator's name is read once in
 *     a process;
 *   - that LLVM 22 has, and with its default: what it does not know it passes
 *     over in silence.  tests/cli/knobs.py asks llc.
 *
 * Only at a change of sets are they given to LLVM's parser, which sets those
 * that are named and leaves all others as they are.  When nobody is in they are
 * as a host of libwasmc knows them.
 */
#include <pthread.h>
#include <stdint.h>

#include <llvm-c/Support.h>

#include "knobs.h"

/* K(option, its default, its value for KNOBS_FEW) */
#define KNOBS(K)							\
	/* x86: forms of instructions */				\
	K("disable-x86-lea-opt", "false", "true")			\
	K("disable-x86-domain-reassignment", "false", "true")		\
	K("x86-machine-combiner", "true", "false")			\
	/* Before instructions are selected */				\
	K("disable-lsr", "false", "true")				\
	K("disable-cgp", "false", "true")				\
	K("disable-mergeicmps", "false", "true")			\
	K("disable-partial-libcall-inlining", "false", "true")		\
	/* Before registers are allocated */				\
	K("disable-machine-cse", "false", "true")			\
	K("disable-machine-dce", "false", "true")			\
	K("disable-machine-licm", "false", "true")			\
	K("disable-machine-sink", "false", "true")			\
	K("disable-early-ifcvt", "false", "true")			\
	K("enable-misched", "true", "false")				\
	/* The allocator: splits at blocks, not over regions of them */	\
	K("grow-region-complexity-budget", "10000", "30")		\
	/* After it */							\
	K("disable-ssc", "false", "true")				\
	K("disable-postra-machine-licm", "false", "true")		\
	K("disable-postra-machine-sink", "false", "true")		\
	K("disable-copyprop", "false", "true")				\
	K("disable-post-ra", "false", "true")				\
	K("disable-tail-duplicate", "false", "true")			\
	K("tail-merge-threshold", "150", "0")

static const char *const args_all[] = { "wasmc",
#define K(name, all, few)	"-" name "=" all,
	KNOBS(K)
#undef K
};
static const char *const args_few[] = { "wasmc",
#define K(name, all, few)	"-" name "=" few,
	KNOBS(K)
#undef K
};
#define NARGS	((int)(sizeof args_all / sizeof *args_all))

/* Who is in has the set; who comes goes in with them if nobody waits for the
 * other one, and otherwise waits.  The last to leave lets those in who wait
 * for the other set, all at once, and counts them as users already. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t turn;
	enum knobs set;			/* the process begins with KNOBS_ALL */
	unsigned users;
	unsigned waiting[2];		/* by set */
	uint64_t turns[2];
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.turn = PTHREAD_COND_INITIALIZER };

static void
change_to(enum knobs set)
{
	if (gate.set == set)
		return;
	gate.set = set;
	LLVMParseCommandLineOptions(NARGS, set == KNOBS_ALL ? args_all :
	    args_few, "");
}

void
knobs_enter(enum knobs set)
{
	pthread_mutex_lock(&gate.lock);
	if (gate.users == 0) {
		change_to(set);
		gate.users = 1;
	} else if (gate.set == set && gate.waiting[!set] == 0) {
		gate.users++;
	} else {
		uint64_t turn = gate.turns[set];

		gate.waiting[set]++;
		while (gate.turns[set] == turn)
			pthread_cond_wait(&gate.turn, &gate.lock);
	}
	pthread_mutex_unlock(&gate.lock);
}

/* Nobody waits for the set that is in use unless somebody does for the other. */
void
knobs_leave(void)
{
	enum knobs next;

	pthread_mutex_lock(&gate.lock);
	next = gate.set == KNOBS_ALL ? KNOBS_FEW : KNOBS_ALL;
	if (--gate.users) {
		/* The last one does it. */
	} else if (gate.waiting[next] == 0) {
		change_to(KNOBS_ALL);
	} else {
		change_to(next);
		gate.users = gate.waiting[next];
		gate.waiting[next] = 0;
		gate.turns[next]++;
		pthread_cond_broadcast(&gate.turn);
	}
	pthread_mutex_unlock(&gate.lock);
}
