/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * guest_embed.c: what embed.c runs.  A reactor: no main, functions to be
 * called.
 */
#include <stdint.h>
#include <string.h>

#define EXPORT(name)	__attribute__((export_name(#name)))

__attribute__((import_module("host"), import_name("log")))
void host_log(const char *text, uint32_t len);

static char text[4096];

EXPORT(buffer) char *
buffer(void)
{
	return text;
}

EXPORT(count_words) int
count_words(uint32_t len)
{
	int words = 0;

	host_log("counting", 8);
	for (uint32_t i = 0; i < len && i < sizeof text; i++)
		words += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
	return words;
}

EXPORT(divide) int
divide(int a, int b)
{
	return a / b;
}
