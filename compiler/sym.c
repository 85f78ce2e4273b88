/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * sym.c: one ELF symbol per function, by which nm, gdb and perf know it.
 *
 * A function is called what the name section says, else what it is exported
 * as, else wasm_func_N; further exports are aliases.  Names come from whoever
 * wrote the module, so they are made harmless here:
 *
 *   bytes      NUL, control bytes, '@' (symbol versions), '%' and a leading '.'
 *              or '$' (local labels, mapping symbols) become %XX
 *   prefixes   "llvm." is LLVM's own and "wabi." is ours: %XX too
 *   taken      names that the linker or LLVM's code generator give a meaning
 *              to get a suffix, as does the second of two equal names, and
 *              what ends as the names of another level do
 */
#include <stdio.h>
#include <string.h>

#include "back.h"

/* Names with a meaning for the linker ("0" is what it is given as the entry),
 * and functions that LLVM's code generator may call: were one of them to
 * be the module's, such a call would go to it instead of failing the link. */
static const char *const taken[] = {
	"0", "_DYNAMIC", "_GLOBAL_OFFSET_TABLE_", "_PROCEDURE_LINKAGE_TABLE_",
	"_init", "_fini", "_end", "end", "_etext", "etext", "_edata", "edata",
	"__bss_start", "__dso_handle", "__ehdr_start", "__executable_start",
	"__global_pointer$", "_TLS_MODULE_BASE_", "__tls_get_addr",
	"__rela_iplt_start", "__rela_iplt_end", "__init_array_start",
	"__init_array_end", "__fini_array_start", "__fini_array_end",
	"__preinit_array_start", "__preinit_array_end", "__stack_chk_fail",
	"__stack_chk_guard", "__morestack", "__chkstk", "__eh_frame_start",
	"__GNU_EH_FRAME_HDR",
	"memcpy", "memmove", "memset", "memcmp", "bcmp", "bzero", "strlen",
	"abort", "fmod", "fmodf", "ceil", "ceilf", "floor", "floorf", "trunc",
	"truncf", "rint", "rintf", "nearbyint", "nearbyintf", "round",
	"roundf", "roundeven", "roundevenf", "sqrt", "sqrtf", "fma", "fmaf",
	"fmin", "fminf", "fmax", "fmaxf", "fminimum", "fmaximum", "sin",
	"sinf", "cos", "cosf", "sincos", "sincosf", "tan", "tanf", "exp",
	"expf", "exp2", "exp2f", "exp10", "exp10f", "log", "logf", "log2",
	"log2f", "log10", "log10f", "pow", "powf", "ldexp", "ldexpf", "frexp",
	"frexpf", "modf", "modff", "lround", "lroundf", "lrint", "lrintf",
};

/* Compiler support functions: __divti3, __aarch64_cas8_acq, ... */
static bool
is_support_name(const char *s)
{
	static const char *const stems[] = { "__aarch64_", "__atomic_",
	    "__sync_", "__fix", "__float", "__extend", "__trunc" };
	size_t n = strlen(s);

	for (size_t i = 0; i < sizeof stems / sizeof *stems; i++)
		if (!strncmp(s, stems[i], strlen(stems[i])))
			return true;
	return s[0] == '_' && s[1] == '_' && n > 4 && (s[n - 1] == '2' ||
	    s[n - 1] == '3' || s[n - 1] == '4') &&
	    (s[n - 2] == 'i' || s[n - 2] == 'f');
}

/* Does it end with what tells the levels apart? */
static bool
is_level_name(const struct symbols *y, const char *s)
{
	size_t n = strlen(s);

	for (unsigned i = 0; i < y->nsuffixes; i++) {
		size_t k = strlen(y->suffixes[i]);

		if (n >= k && !strcmp(s + n - k, y->suffixes[i]))
			return true;
	}
	return false;
}

/* A set of strings: open addressing. */
struct names {
	const char **slots;
	uint32_t mask;
};

static uint32_t
sym_hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h ^ h >> 15;
}

/* False if it is there. */
static bool
names_add(struct names *t, const char *s)
{
	uint32_t i = sym_hash(s) & t->mask;

	for (; t->slots[i]; i = (i + 1) & t->mask)
		if (!strcmp(t->slots[i], s))
			return false;
	t->slots[i] = s;
	return true;
}

static bool
must_escape(const struct slice *s, size_t i)
{
	uint8_t b = s->p[i];

	if (b < 0x20 || b == 0x7f || b == '@' || b == '%')
		return true;
	if (i)
		return false;
	return b == '.' || b == '$' ||
	    (s->n >= 5 && (!memcmp(s->p, "llvm.", 5) ||
	     !memcmp(s->p, "wabi.", 5)));
}

#define MAX_NAME	4000u		/* of C++ templates; cut behind that */

static char *
escape(struct compile *c, struct slice s)
{
	size_t n = s.n < MAX_NAME ? s.n : MAX_NAME;
	char *out = ARENA_NEW(&c->arena, 3 * n + 16, char), *p = out;

	for (size_t i = 0; i < n; i++) {
		if (must_escape(&s, i))
			p += sprintf(p, "%%%02X", s.p[i]);
		else
			*p++ = (char)s.p[i];
	}
	*p = 0;
	return out;
}

static const char *
unique(struct compile *c, const struct symbols *y, struct names *t,
    const char *name, uint32_t func)
{
	size_t n = strlen(name) + 32;
	char *s;

	if (!is_support_name(name) && !is_level_name(y, name) &&
	    names_add(t, name))
		return name;
	s = ARENA_NEW(&c->arena, n, char);
	snprintf(s, n, "%s.%u", name, func);
	for (unsigned k = 0; !names_add(t, s); k++)
		snprintf(s, n, "%s.%u.%u", name, func, k);
	return s;
}

static void
names_open(struct compile *c, struct names *t, uint64_t n)
{
	uint64_t size = 1024;

	while (size < 2 * n)
		size *= 2;
	t->slots = ARENA_NEW(&c->arena, size, const char *);
	t->mask = (uint32_t)(size - 1);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		names_add(t, taken[i]);
}

/* The first export of each function, as index + 1. */
static uint32_t *
first_exports(struct compile *c)
{
	const struct module *m = &c->module;
	uint32_t *first = ARENA_NEW(&c->arena, m->nfuncs, uint32_t);

	for (uint32_t i = 0; i < m->nexports; i++)
		if (m->exports[i].kind == KIND_FUNC &&
		    !first[m->exports[i].index])
			first[m->exports[i].index] = i + 1;
	return first;
}

static void
make_aliases(struct compile *c, struct names *t, struct symbols *out)
{
	const struct module *m = &c->module;

	out->aliases = ARENA_NEW(&c->arena, m->nexports, struct alias_name);
	for (uint32_t i = 0; i < m->nexports; i++) {
		const struct export *e = &m->exports[i];
		const char *name;

		if (e->kind != KIND_FUNC || m->funcs[e->index].imported ||
		    !e->name.n)
			continue;
		name = escape(c, e->name);
		if (!is_support_name(name) && !is_level_name(out, name) &&
		    names_add(t, name))
			out->aliases[out->naliases++] =
			    (struct alias_name){ name, e->index };
	}
}

void
sym_make(struct compile *c, struct symbols *out)
{
	const struct module *m = &c->module;
	const uint32_t *first = first_exports(c);
	struct names t;

	names_open(c, &t, (uint64_t)m->nfuncs + m->nexports +
	    sizeof taken / sizeof *taken);
	out->funcs = ARENA_NEW(&c->arena, m->nfuncs, const char *);
	for (uint32_t i = 0; i < m->nfuncs; i++) {
		struct slice s = m->funcs[i].name;
		char *name;

		if (!s.n && first[i])
			s = m->exports[first[i] - 1].name;
		name = escape(c, s);
		if (!s.n)
			sprintf(name, "wasm_func_%u", i);
		out->funcs[i] = unique(c, out, &t, name, i);
	}
	make_aliases(c, &t, out);
}
