/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * compile.c: the life of one compile's state, and how it fails.
 */
#include <stdio.h>
#include <string.h>

#include "compile.h"
#include "insn.h"

__attribute__((noreturn)) static void
wc_no_memory(void *data)
{
	struct compile *c = data;

	c->failing = WASMC_ENOMEM;
	wc_fail(c, UINT64_MAX, "out of memory");
}

void
compile_open(struct compile *c, const struct wasmc_options *opt,
    struct wasmc_error *err)
{
	memset(c, 0, sizeof *c);
	c->opt = opt;
	c->err = err;
	c->func_idx = NO_IDX;
	c->arena.fail = c->scratch.fail = wc_no_memory;
	c->arena.fail_data = c->scratch.fail_data = c;
	memset(err, 0, sizeof *err);
	err->offset = UINT64_MAX;
	err->func_idx = NO_IDX;
}

void
compile_close(struct compile *c)
{
	arena_free(&c->arena);
	arena_free(&c->scratch);
}

/* Append to a text of a fixed size; cuts what does not fit. */
__attribute__((format(printf, 3, 4))) static void
append(char *text, size_t size, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, size - n, fmt, ap);
	va_end(ap);
}

/* A name from the module: quoted, cut, control characters as dots. */
static void
append_name(char *text, size_t size, struct slice name)
{
	char s[128];
	size_t n = name.n < sizeof s - 1 ? name.n : sizeof s - 1;

	for (size_t i = 0; i < n; i++)
		s[i] = name.p[i] < 0x20 || name.p[i] == 0x7f ? '.' :
		    (char)name.p[i];
	while (n < name.n && n > 0 && (name.p[n] & 0xc0) == 0x80)
		n--;			/* not inside a character */
	s[n] = 0;
	append(text, size, " \"%s%s\"", s, n < name.n ? "..." : "");
}

void
wc_fail(struct compile *c, uint64_t offset, const char *fmt, ...)
{
	struct wasmc_error *e = c->err;
	const struct module *m = &c->module;
	const char *sep = " (";
	va_list ap;

	e->status = c->failing;
	e->offset = offset;
	e->func_idx = c->func_idx;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text - 300, fmt, ap);
	va_end(ap);
	if (offset != UINT64_MAX) {
		append(e->text, sizeof e->text, "%sat byte 0x%llx", sep,
		    (unsigned long long)offset);
		sep = ", ";
	}
	if (c->section) {
		append(e->text, sizeof e->text, "%s%s section", sep,
		    c->section);
		sep = ", ";
	}
	if (c->func_idx != NO_IDX) {
		append(e->text, sizeof e->text, "%sfunction %u", sep,
		    c->func_idx);
		if (c->func_idx < m->nfuncs && m->funcs[c->func_idx].name.n)
			append_name(e->text, sizeof e->text,
			    m->funcs[c->func_idx].name);
		sep = ", ";
	}
	if (*sep == ',')
		append(e->text, sizeof e->text, ")");
	longjmp(c->fail, 1);
}

int
front_run(struct compile *c, const void *wasm, size_t n)
{
	const char *bad;

	if (setjmp(c->fail))
		return c->err->status;
	c->failing = WASMC_EOPTION;
	if (!features_parse(c->opt ? c->opt->features : NULL,
	    &c->module.features, &bad))
		wc_fail(c, UINT64_MAX, "unknown feature \"%.*s\"",
		    (int)strcspn(bad, ", "), bad);
	decode_module(c, wasm, n);
	names_read(c);
	validate_module(c);
	arena_reset(&c->scratch);
	return WASMC_OK;
}
