/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Arguments, environment, clocks, standard input, and how a program ends. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int
deep(int n)
{
	volatile char frame[64] = { (char)n };

	if (n == 0)
		exit(42);
	return deep(n - 1) + frame[0];
}

static void
slept(long ms)
{
	struct timespec a, b, ts = { ms / 1000, ms % 1000 * 1000000 };
	long long ns;

	clock_gettime(CLOCK_MONOTONIC, &a);
	nanosleep(&ts, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ns = (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec;
	printf("slept %s\n", ns >= ms * 1000000 ? "enough" : "too little");
}

static void
input(void)
{
	struct pollfd p = { .fd = 0, .events = POLLRDNORM };
	char buf[100];
	ssize_t n;

	printf("poll %d\n", poll(&p, 1, 5000));
	while ((n = read(0, buf, sizeof buf)) > 0)
		printf("got %d: %.*s", (int)n, (int)n, buf);
}

int
main(int argc, char **argv)
{
	unsigned char random[300] = { 0 };
	int nonzero = 0;

	if (argc > 1 && !strcmp(argv[1], "block")) {
		char c;

		return (int)read(0, &c, 1);
	}
	if (argc > 1 && !strcmp(argv[1], "sleep"))
		return (int)sleep(100);
	for (int i = 1; i < argc; i++)
		printf("arg \"%s\"\n", argv[i]);
	for (char **e = environ; *e; e++)
		printf("env \"%s\"\n", *e);
	printf("after 2020: %d\n", time(NULL) > 1577836800);
	slept(20);
	if (getentropy(random, 200) == 0)
		for (int i = 0; i < 300; i++)
			nonzero += random[i] != 0;
	printf("random %d\n", nonzero > 150 && nonzero <= 200);
	input();
	fflush(stdout);
	fprintf(stderr, "to stderr\n");
	return deep(1000);
}
