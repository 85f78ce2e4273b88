/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * guest_async.c: what async_server.c runs, one instance per connection.  It
 * reads numbers, a line each, and answers with their sum so far.  "spin N" is
 * a request that takes long.
 *
 * It waits wherever it likes: to it receive() and transmit() are functions that
 * return when they have something to return.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name)	__attribute__((export_name(#name)))
#define IMPORT(name)	__attribute__((import_module("net"), \
    import_name(#name)))

IMPORT(receive) int32_t receive(void *to, uint32_t n);	/* 0: end, < 0: error */
IMPORT(transmit) int32_t transmit(const void *from, uint32_t n);

struct input {
	char bytes[64];
	uint32_t at, n;
};

static int
next_byte(struct input *in)
{
	if (in->at == in->n) {
		int32_t n = receive(in->bytes, sizeof in->bytes);

		if (n <= 0)
			return -1;
		in->at = 0;
		in->n = (uint32_t)n;
	}
	return (unsigned char)in->bytes[in->at++];
}

static int
read_line(struct input *in, char *line, size_t room)
{
	size_t n = 0;
	int c;

	while ((c = next_byte(in)) >= 0 && c != '\n')
		if (n + 1 < room)
			line[n++] = (char)c;
	line[n] = '\0';
	return c >= 0;
}

static int
write_all(const char *s, size_t n)
{
	while (n) {
		int32_t done = transmit(s, (uint32_t)n);

		if (done <= 0)
			return 0;
		s += done;
		n -= (size_t)done;
	}
	return 1;
}

/* The number and a newline, at the end of the room; without stdio, which would
 * have to be imported. */
static const char *
number_line(long long x, char *room, size_t n)
{
	unsigned long long u = x < 0 ? -(unsigned long long)x : x;
	char *p = room + n;

	*--p = '\0';
	*--p = '\n';
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (x < 0)
		*--p = '-';
	return p;
}

static uint32_t
spin(uint32_t n)
{
	volatile uint32_t x = 1;

	while (n--)
		x = x * 1664525 + 1013904223;
	return x;
}

EXPORT(serve) int
serve(void)
{
	struct input in = { .n = 0 };
	char line[64];
	int lines = 0;
	long long sum = 0;
	const char *answer;

	while (read_line(&in, line, sizeof line)) {
		if (strncmp(line, "spin ", 5) == 0)
			spin((uint32_t)atoi(line + 5));
		else
			sum += atoll(line);
		answer = number_line(sum, line, sizeof line);
		if (!write_all(answer, strlen(answer)))
			break;
		lines++;
	}
	return lines;
}
