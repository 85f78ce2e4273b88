/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * back_knobs.c: whose turn it is to choose LLVM's options.
 */
#include <pthread.h>
#include <llvm-c/Support.h>

#include "knobs.h"
#include "test.h"

static unsigned inside[2], most[2], entered;

/* In place of LLVM's: the first of the options that were set last. */
static const char *option;

void
LLVMParseCommandLineOptions(int n, const char *const *args, const char *about)
{
	option = args[1];
}

#define GET(x)	__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define ADD(x, n)	__atomic_add_fetch(&(x), (n), __ATOMIC_SEQ_CST)

static void
enter(enum knobs set)
{
	unsigned n;

	knobs_enter(set);
	n = ADD(inside[set], 1);
	CHECK_EQ(GET(inside[!set]), 0);
	if (n > GET(most[set]))
		__atomic_store_n(&most[set], n, __ATOMIC_SEQ_CST);
	ADD(entered, 1);
}

static void
leave(enum knobs set)
{
	CHECK_EQ(GET(inside[!set]), 0);
	ADD(inside[set], -1u);
	knobs_leave();
}

static void *
often(void *arg)
{
	unsigned nth = (unsigned)(intptr_t)arg;

	for (unsigned i = 0; i < 500; i++) {
		enum knobs set = (nth + i / 7) % 2 ? KNOBS_FEW : KNOBS_ALL;

		enter(set);
		if (i % 16 == nth)
			usleep(50);
		leave(set);
	}
	return NULL;
}

TEST(never_both)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&t[i], NULL, often,
		    (void *)(intptr_t)i) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(entered, 8 * 500);
	CHECK(most[0] > 1 && most[1] > 1);
}

static void *
once_all(void *arg)
{
	enter(KNOBS_ALL);
	leave(KNOBS_ALL);
	return arg;
}

static void *
once_few(void *arg)
{
	enter(KNOBS_FEW);
	leave(KNOBS_FEW);
	return arg;
}

static pthread_t
start(void *(*fn)(void *))
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fn, NULL) == 0);
	return t;
}

/* Those of one set go in together; when somebody waits for the other one, who
 * comes later waits behind it. */
TEST(turns)
{
	pthread_t all, few;

	enter(KNOBS_FEW);
	few = start(once_few);
	pthread_join(few, NULL);	/* it went in besides */
	all = start(once_all);
	usleep(50000);
	few = start(once_few);
	usleep(50000);
	CHECK_EQ(GET(entered), 2);
	leave(KNOBS_FEW);
	pthread_join(all, NULL);
	pthread_join(few, NULL);
	CHECK_EQ(entered, 4);
}

TEST(set_back)
{
	enter(KNOBS_FEW);
	CHECK_STR(option, "-disable-x86-lea-opt=true");
	enter(KNOBS_FEW);
	leave(KNOBS_FEW);
	CHECK_STR(option, "-disable-x86-lea-opt=true");
	leave(KNOBS_FEW);
	CHECK_STR(option, "-disable-x86-lea-opt=false");
}

TEST_MAIN
