/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * test.h: tests in C.
 *
 *   TEST(name) { CHECK(1 + 1 == 2); CHECK_STR(s, "expected"); }
 *   TEST_MAIN
 *
 * Every test runs in a child process of its own with a time limit, so that a
 * crash is one failure.  The program prints, for each, "ok NAME",
 * "not ok NAME: why" or "skip NAME: why", and ends with 1 if one failed.
 * Arguments name the tests to run; none means all.
 */
#ifndef TEST_H
#define TEST_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct test {
	const char *name;
	void (*fn)(void);
	struct test *next;
};
static struct test *test_first, **test_last = &test_first;
static int test_pipe = -1;

#define TEST_SECONDS	120

#define TEST(id)							\
	static void test_##id(void);					\
	__attribute__((constructor)) static void test_add_##id(void)	\
	{								\
		static struct test t = { #id, test_##id, NULL };	\
		*test_last = &t;					\
		test_last = &t.next;					\
	}								\
	static void test_##id(void)

/* End this test: kind is 'F' for failed, 'S' for skipped. */
__attribute__((noreturn, format(printf, 2, 3), unused)) static void
test_end(char kind, const char *fmt, ...)
{
	char s[2000] = { kind };
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	int n = vsnprintf(s + 1, sizeof s - 1, fmt, ap);
	__builtin_va_end(ap);
	if (n > (int)sizeof s - 2)
		n = sizeof s - 2;
	if (write(test_pipe, s, (size_t)n + 1) < 0)
		_exit(3);
	_exit(kind == 'S' ? 77 : 1);
}

#define CHECK(cond)							\
	((cond) ? (void)0 : test_end('F', "%s:%d: %s", __FILE__,	\
	    __LINE__, #cond))
#define CHECK_EQ(a, b)	do {						\
	unsigned long long a_ = (unsigned long long)(a);		\
	unsigned long long b_ = (unsigned long long)(b);		\
	if (a_ != b_)							\
		test_end('F', "%s:%d: %s is %llu (%#llx), not %llu (%#llx)", \
		    __FILE__, __LINE__, #a, a_, a_, b_, b_);		\
} while (0)
#define CHECK_STR(a, b)	do {						\
	const char *a_ = (a), *b_ = (b);				\
	if (strcmp(a_, b_) != 0)					\
		test_end('F', "%s:%d: %s is \"%s\", not \"%s\"",	\
		    __FILE__, __LINE__, #a, a_, b_);			\
} while (0)
#define CHECK_HAS(a, b)	do {						\
	const char *a_ = (a), *b_ = (b);				\
	if (!strstr(a_, b_))						\
		test_end('F', "%s:%d: %s is \"%s\", without \"%s\"",	\
		    __FILE__, __LINE__, #a, a_, b_);			\
} while (0)
#define SKIP(...)	test_end('S', __VA_ARGS__)

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER	1
#endif
#endif
#ifndef THREAD_SANITIZER
#define THREAD_SANITIZER	0
#endif
/* It keeps asynchronous signals until the program calls into its library, which
 * guests do not: they cannot be stopped. */
#define NEEDS_SIGNALS()	do {						\
	if (THREAD_SANITIZER)						\
		SKIP("the thread sanitizer delays signals to guests");	\
} while (0)

static int
test_run(const struct test *t)
{
	int fds[2], status;
	char why[2000] = "";
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	if (pipe(fds) < 0 || (pid = fork()) < 0) {
		perror("test");
		exit(2);
	}
	if (pid == 0) {
		close(fds[0]);
		test_pipe = fds[1];
		alarm(TEST_SECONDS);
		t->fn();
		fflush(NULL);
		exit(0);	/* runs the leak check of sanitizer builds */
	}
	close(fds[1]);
	n = read(fds[0], why, sizeof why - 1);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("ok %s\n", t->name);
		return 0;
	}
	if (n > 0 && why[0] == 'S') {
		printf("skip %s: %s\n", t->name, why + 1);
		return 0;
	}
	if (n > 0)
		printf("not ok %s: %s\n", t->name, why + 1);
	else if (WIFSIGNALED(status))
		printf("not ok %s: killed by signal %d (%s)\n", t->name,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		printf("not ok %s: exit %d\n", t->name, WEXITSTATUS(status));
	return 1;
}

static int
test_main(int argc, char **argv)
{
	int failed = 0;

	for (const struct test *t = test_first; t; t = t->next) {
		bool wanted = argc < 2;

		for (int i = 1; i < argc; i++)
			wanted = wanted || !strcmp(argv[i], t->name);
		if (wanted)
			failed |= test_run(t);
	}
	return failed;
}

#define TEST_MAIN							\
	int main(int argc, char **argv) { return test_main(argc, argv); }

#endif
