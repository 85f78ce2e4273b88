/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * levels.c: compiles at several levels, one after the other and at once.
 *
 * Level 1 sets options that hold for all of LLVM (compiler/knobs.c): what else
 * is compiled must be the same as without.
 */
#include <pthread.h>

#include "api.h"

static const char *const modules[] = { "switches", "stress", "codegen" };
enum { NMODULES = 3, KEPT = 2, NKINDS = 5 };

/* A level as in the options; KEPT is level 1 with all of LLVM's passes. */
struct file {
	void *p;
	size_t n;
};

static void
compile_as(enum wasmc_emit emit, int kind, const char *name, int nth,
    struct file *out)
{
	static const int levels[NKINDS] = { -1, 1, 1, 2, 3 };
	struct wasmc_options o = { .opt_level = levels[kind], .jobs = 1,
		.emit = emit, .keep_llvm_options = kind == KEPT };
	struct wasmc_error ce;
	char in[256], so[256];
	void *wasm;
	size_t n = 0;

	snprintf(in, sizeof in, "build/tests/wat/%s.wasm", name);
	snprintf(so, sizeof so, "build/tests/api-levels-%d-%d.so",
	    (int)getpid(), nth);
	wasm = api_read(in, &n);
	if (wasmc_compile(wasm, n, name, so, &o, &ce) != WASMC_OK)
		test_end('F', "%s: %s", in, ce.text);
	free(wasm);
	out->p = api_read(so, &out->n);
	unlink(so);
}

static void
compile(int kind, const char *name, int nth, struct file *out)
{
	compile_as(WASMC_EMIT_SO, kind, name, nth, out);
}

static bool
same(const struct file *a, const struct file *b)
{
	return a->n == b->n && !memcmp(a->p, b->p, a->n);
}

/* All modules of a kind, each compared with what it was. */
static void
compare(int kind, int nth, struct file was[NMODULES])
{
	for (int i = 0; i < NMODULES; i++) {
		struct file is;

		compile(kind, modules[i], nth, &is);
		if (!same(&is, &was[i]))
			test_end('F', "%s, kind %d: other bytes", modules[i],
			    kind);
		free(is.p);
	}
}

static void
compile_all(int kind, struct file out[NMODULES])
{
	for (int i = 0; i < NMODULES; i++)
		compile(kind, modules[i], 0, &out[i]);
}

static struct file alone[NKINDS][NMODULES];

/* What level 1 sets it sets back: the first round of the other kinds is before
 * anything was set.  And it sets something. */
TEST(set_back)
{
	struct file few, all;

	for (int kind = 0; kind < NKINDS; kind++)
		if (kind != 1)
			compile_all(kind, alone[kind]);
	compile_all(1, alone[1]);
	compile_as(WASMC_EMIT_ASM, 1, modules[0], 0, &few);
	compile_as(WASMC_EMIT_ASM, KEPT, modules[0], 0, &all);
	CHECK(!same(&few, &all));
	free(few.p);
	free(all.p);
	for (int kind = 0; kind < NKINDS; kind++)
		compare(kind, 0, alone[kind]);
}

static void *
one_thread(void *arg)
{
	int nth = (int)(intptr_t)arg;

	for (int round = 0; round < 4; round++)
		compare((nth + round) % NKINDS, nth, alone[(nth + round) %
		    NKINDS]);
	return NULL;
}

TEST(at_once)
{
	pthread_t t[6];

	for (int kind = 0; kind < NKINDS; kind++)
		compile_all(kind, alone[kind]);
	for (int i = 0; i < 6; i++)
		CHECK(pthread_create(&t[i], NULL, one_thread,
		    (void *)(intptr_t)i) == 0);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
}

/* The key knows which code it is; at other levels there is no difference. */
TEST(key)
{
	for (int level = -1; level <= 3; level++) {
		struct wasmc_options o = { .opt_level = level };
		char a[4096], b[4096];

		wasmc_options_key(&o, a, sizeof a);
		o.keep_llvm_options = 1;
		wasmc_options_key(&o, b, sizeof b);
		CHECK_EQ(strcmp(a, b) != 0, level == 1);
	}
}

TEST_MAIN
