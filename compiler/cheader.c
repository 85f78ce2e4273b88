/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cheader.c: a module's functions as C prototypes, for hosts.
 *
 * For every exported function a static inline one that calls it, with its
 * parameters in registers where they fit and by an array of values where they
 * do not; for the imported functions a structure of what the host is to
 * provide.  It compiles as C and as C++.
 *
 * Names become identifiers: a byte that is no letter, digit or underscore is
 * written _xHH, as is an x that follows an underscore, so that different names
 * stay different; of long ones the end is cut and replaced by _xL and a number.
 * Nothing of a name is ever copied into the text as it is.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"

#define NAME_MAX_BYTES	160u		/* of a name, before escapes */

struct cheader {
	const struct module *m;
	struct buf *b;
	const char *prefix;
};

__attribute__((format(printf, 2, 3))) static void
say(struct cheader *h, const char *fmt, ...)
{
	char s[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof s)
		buf_add(h->b, s, (size_t)n);
	else
		h->b->failed = true;
}

/* ---- Names ---- */

struct ident {
	char s[4 * NAME_MAX_BYTES + 40];
};

static void
ident_add(struct ident *id, const uint8_t *p, size_t n, uint32_t number)
{
	size_t keep = n > NAME_MAX_BYTES ? NAME_MAX_BYTES : n;
	char *out = id->s + strlen(id->s);

	for (size_t i = 0; i < keep; i++) {
		bool after = out > id->s && out[-1] == '_';

		if (isascii(p[i]) && (isalnum(p[i]) || p[i] == '_') &&
		    !(p[i] == 'x' && after)) {
			*out++ = (char)p[i];
			*out = 0;
		} else {
			out += sprintf(out, "_x%02x", p[i]);
		}
	}
	if (keep < n)
		sprintf(out, "_xL%u", number);
}

/* An export's; the names that we use ourselves get a mark. */
static struct ident
export_ident(const struct module *m, uint32_t i)
{
	struct ident id = { "" };

	ident_add(&id, m->exports[i].name.p, m->exports[i].name.n, i);
	if (!strcmp(id.s, "bind") || !strcmp(id.s, "imports_add"))
		strcat(id.s, "_x");
	return id;
}

/* "..." as C writes it, whatever is in it. */
static void
say_string(struct cheader *h, struct slice s)
{
	say(h, "\"");
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '?')
			say(h, "\\%03o", c);
		else
			say(h, "%c", c);
	}
	say(h, "\"");
}

/* ---- Types ---- */

/* As enum wrt_type has it. */
static uint8_t
type_byte(const struct module *m, struct vtype t)
{
	if (t.kind != T_REF)
		return t.kind;
	if (!(t.heap & HT_ABSTRACT))
		return m->types[t.heap].comp == COMP_FUNC ? WABI_FUNCREF :
		    WABI_ANYREF;
	switch (t.heap) {
	case HT_FUNC: case HT_NOFUNC:
		return WABI_FUNCREF;
	case HT_EXTERN: case HT_NOEXTERN:
		return WABI_EXTERNREF;
	case HT_EXN: case HT_NOEXN:
		return WABI_EXNREF;
	default:
		return WABI_ANYREF;
	}
}

struct ctype {
	const char *name, *member;	/* member of wrt_val; "": all of it */
};

static struct ctype
ctype_of(struct vtype t)
{
	switch (t.kind) {
	case T_I32: return (struct ctype){ "int32_t", ".i32" };
	case T_I64: return (struct ctype){ "int64_t", ".i64" };
	case T_F32: return (struct ctype){ "float", ".f32" };
	case T_F64: return (struct ctype){ "double", ".f64" };
	default: return (struct ctype){ "wrt_val", "" };
	}
}

static const char *
result_name(const struct type *t)
{
	return t->results.n ? ctype_of(t->results.t[0]).name : "void";
}

static void
say_functype(struct cheader *h, const struct type *t)
{
	say(h, "\t\tstatic const uint8_t v[] = { ");
	for (uint32_t i = 0; i < t->params.n; i++)
		say(h, "%u, ", type_byte(h->m, t->params.t[i]));
	for (uint32_t i = 0; i < t->results.n; i++)
		say(h, "%u, ", type_byte(h->m, t->results.t[i]));
	say(h, "0 };\n\t\tconst struct wrt_functype t = { %u, %u, v, v + %u "
	    "};\n", t->params.n, t->results.n, t->params.n);
}

/* Parameters' types, after what comes before them. */
static void
say_params(struct cheader *h, const char *first, const struct type *t,
    bool names)
{
	say(h, "(%s", first);
	for (uint32_t i = 0; i < t->params.n; i++) {
		say(h, ", %s", ctype_of(t->params.t[i]).name);
		if (names)
			say(h, " a%u", i);
	}
}

/* ---- Exports ---- */

static const struct type *
export_type(const struct module *m, uint32_t i)
{
	return m->exports[i].kind == KIND_FUNC ?
	    &m->types[m->funcs[m->exports[i].index].type] : NULL;
}

static bool
is_typed(const struct type *t)
{
	return plan_in_registers(t, WABI_TYPED_FROM_INTS);
}

static void
say_struct(struct cheader *h)
{
	say(h, "/* An instance and its exported functions: see %s_bind(). */\n"
	    "struct %s {\n\twrt_instance *instance;\n", h->prefix, h->prefix);
	for (uint32_t i = 0; i < h->m->nexports; i++) {
		const struct type *t = export_type(h->m, i);
		struct ident id = export_ident(h->m, i);

		if (t)
			say(h, "\t%sf_%s;\n", is_typed(t) ?
			    "struct wrt_typed " : "wrt_func *", id.s);
	}
	say(h, "};\n\n");
}

static void
say_bind_one(struct cheader *h, uint32_t i, const struct type *t)
{
	struct ident id = export_ident(h->m, i);

	say(h, "\t{\n");
	say_functype(h, t);
	say(h, "\t\tstruct wrt_functype u;\n\n"
	    "\t\trc = wrt_instance_func(instance,\n\t\t    ");
	say_string(h, h->m->exports[i].name);
	say(h, ", %zu, &f, &u);\n\t\tif (rc != WRT_OK)\n\t\t\treturn rc;\n",
	    h->m->exports[i].name.n);
	if (is_typed(t)) {
		say(h, "\t\trc = wrt_func_typed(f, &t, &m->f_%s);\n"
		    "\t\tif (rc != WRT_OK)\n\t\t\treturn rc;\n", id.s);
	} else {
		say(h, "\t\tif (u.nparams != t.nparams ||\n"
		    "\t\t    u.nresults != t.nresults ||\n"
		    "\t\t    memcmp(u.params, t.params, t.nparams) != 0 ||\n"
		    "\t\t    memcmp(u.results, t.results, t.nresults) != 0)\n"
		    "\t\t\treturn WRT_ETYPE;\n\t\tm->f_%s = f;\n", id.s);
	}
	say(h, "\t}\n");
}

static void
say_bind(struct cheader *h)
{
	bool any = false;

	for (uint32_t i = 0; i < h->m->nexports; i++)
		any = any || export_type(h->m, i);
	say(h, "/* Find the instance's functions.  WRT_OK; WRT_ENOTFOUND or "
	    "WRT_ETYPE if it is\n * of another module. */\n"
	    "static inline int\n%s_bind(struct %s *m, wrt_instance *instance)"
	    "\n{\n", h->prefix, h->prefix);
	if (any)
		say(h, "\twrt_func *f;\n\tint rc;\n\n");
	say(h, "\tm->instance = instance;\n");
	for (uint32_t i = 0; i < h->m->nexports; i++)
		if (export_type(h->m, i))
			say_bind_one(h, i, export_type(h->m, i));
	say(h, "\treturn WRT_OK;\n}\n\n");
}

static void
say_typed_body(struct cheader *h, const struct type *t, const char *id)
{
	say(h, "\t%s%s((%s (*)", t->results.n ? result_name(t) : "",
	    t->results.n ? " r = " : "", result_name(t));
	say_params(h, "struct wrt_typed *", t, false);
	say(h, "))\n\t    m->f_%s.call)(&m->f_%s", id, id);
	for (uint32_t i = 0; i < t->params.n; i++)
		say(h, ", a%u", i);
	say(h, ");\n\n");
	if (t->results.n)
		say(h, "\tif (m->f_%s.status == WRT_OK)\n\t\t*r0 = r;\n", id);
	say(h, "\treturn m->f_%s.status;\n", id);
}

static void
say_array_body(struct cheader *h, const struct type *t, const char *id)
{
	say(h, "\twrt_val v[%u], r[%u];\n\tint rc;\n\n",
	    t->params.n ? t->params.n : 1, t->results.n ? t->results.n : 1);
	for (uint32_t i = 0; i < t->params.n; i++)
		say(h, "\tv[%u]%s = a%u;\n", i,
		    ctype_of(t->params.t[i]).member, i);
	say(h, "\trc = wrt_func_call(m->f_%s, v, %u, r);\n", id, t->params.n);
	if (t->results.n)
		say(h, "\tif (rc != WRT_OK)\n\t\treturn rc;\n");
	for (uint32_t i = 0; i < t->results.n; i++)
		say(h, "\t*r%u = r[%u]%s;\n", i, i,
		    ctype_of(t->results.t[i]).member);
	say(h, "\treturn rc;\n");
}

static void
say_calls(struct cheader *h)
{
	for (uint32_t i = 0; i < h->m->nexports; i++) {
		const struct type *t = export_type(h->m, i);
		struct ident id = export_ident(h->m, i);
		char first[300];

		if (!t)
			continue;
		snprintf(first, sizeof first, "struct %s *m", h->prefix);
		say(h, "static inline int\n%s_%s", h->prefix, id.s);
		say_params(h, first, t, true);
		for (uint32_t k = 0; k < t->results.n; k++)
			say(h, ", %s *r%u", ctype_of(t->results.t[k]).name, k);
		say(h, ")\n{\n");
		if (is_typed(t))
			say_typed_body(h, t, id.s);
		else
			say_array_body(h, t, id.s);
		say(h, "}\n\n");
	}
}

/* ---- Imports ---- */

/* Has the host function a C prototype?  All numbers, at most one result. */
static bool
has_prototype(const struct type *t)
{
	for (uint32_t i = 0; i < t->params.n; i++)
		if (t->params.t[i].kind < T_F64)
			return false;
	return t->results.n == 0 || (t->results.n == 1 &&
	    t->results.t[0].kind >= T_F64);
}

struct member {
	struct ident id;
	uint32_t import;
};

static int
by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int d = strcmp(x->id.s, y->id.s);

	return d ? d : x->import < y->import ? -1 : 1;
}

static int
by_import(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return x->import < y->import ? -1 : 1;
}

/* The functions among the imports, each with a name of its own. */
static struct member *
members(const struct module *m, uint32_t *n)
{
	struct member *l = calloc(m->nimports + 1, sizeof *l);

	*n = 0;
	for (uint32_t i = 0; l && i < m->nimports; i++) {
		const struct import *im = &m->imports[i];
		struct member *x = &l[*n];

		if (im->kind != KIND_FUNC)
			continue;
		if (im->module.n == 0 || isdigit(im->module.p[0]))
			strcpy(x->id.s, "_");
		ident_add(&x->id, im->module.p, im->module.n < 60 ?
		    im->module.n : 60, i);
		strcat(x->id.s, "_");
		ident_add(&x->id, im->name.p, im->name.n < 90 ? im->name.n :
		    90, i);
		x->import = i;
		(*n)++;
	}
	if (!l)
		return NULL;
	qsort(l, *n, sizeof *l, by_name);
	for (uint32_t i = *n; i-- > 1;)
		if (!strcmp(l[i].id.s, l[i - 1].id.s))
			sprintf(l[i].id.s + strlen(l[i].id.s), "_xi%u",
			    l[i].import);
	qsort(l, *n, sizeof *l, by_import);
	return l;
}

static const struct type *
import_type(const struct module *m, const struct member *x)
{
	return &m->types[m->funcs[m->imports[x->import].index].type];
}

static void
say_members(struct cheader *h, const struct member *l, uint32_t n)
{
	say(h, "/* What the module imports: host functions, those whose types "
	    "C does not have\n * by an array of values.  NULL: defined "
	    "elsewhere. */\nstruct %s_imports {\n", h->prefix);
	for (uint32_t i = 0; i < n; i++) {
		const struct type *t = import_type(h->m, &l[i]);

		if (!has_prototype(t)) {
			say(h, "\twrt_host_fn %s;\n", l[i].id.s);
			continue;
		}
		say(h, "\t%s (*%s)", result_name(t), l[i].id.s);
		say_params(h, "void *data, wrt_instance *caller", t, true);
		say(h, ");\n");
	}
	say(h, "};\n\n");
}

static void
say_imports(struct cheader *h)
{
	uint32_t n;
	struct member *l = members(h->m, &n);

	if (!l)
		h->b->failed = true;
	if (!l || n == 0)
		goto out;
	say_members(h, l, n);
	say(h, "/* Add them to the list, each with `data`. */\n"
	    "static inline int\n%s_imports_add(wrt_imports *l, "
	    "const struct %s_imports *f, void *data)\n{\n\tint rc;\n\n",
	    h->prefix, h->prefix);
	for (uint32_t i = 0; i < n; i++) {
		const struct type *t = import_type(h->m, &l[i]);
		const struct import *im = &h->m->imports[l[i].import];
		bool c = has_prototype(t);

		if (memchr(im->module.p, 0, im->module.n) ||
		    memchr(im->name.p, 0, im->name.n))
			continue;	/* no host can define it */
		say(h, "\tif (f->%s) {\n", l[i].id.s);
		say_functype(h, t);
		say(h, "\n\t\trc = wrt_imports_%s(l, ", c ? "typed" : "func");
		say_string(h, im->module);
		say(h, ",\n\t\t    ");
		say_string(h, im->name);
		say(h, ", &t, %sf->%s, data);\n\t\tif (rc != WRT_OK)\n"
		    "\t\t\treturn rc;\n\t}\n", c ? "(void (*)(void))" : "",
		    l[i].id.s);
	}
	say(h, "\t(void)rc;\n\treturn WRT_OK;\n}\n\n");
out:
	free(l);
}

/* ---- The file ---- */

/* The file's name, without folder and suffix, as an identifier. */
static struct ident
prefix_of(const char *path)
{
	const char *base = strrchr(path, '/'), *dot;
	struct ident id = { "" };
	size_t n;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	if (n == 0 || isdigit((unsigned char)*base))
		strcpy(id.s, "wasm_");
	ident_add(&id, (const uint8_t *)base, n < 60 ? n : 60, 0);
	return id;
}

bool
cheader_make(const struct module *m, const char *path, struct buf *out)
{
	struct ident prefix = prefix_of(path);
	struct cheader h = { m, out, prefix.s };

	say(&h, "/* Made by wasmc " WASMC_VERSION ".  The functions return an "
	    "enum wrt_status; results are\n * stored if it is WRT_OK. */\n"
	    "#ifndef WASM_%s_H\n#define WASM_%s_H\n\n#include <string.h>\n\n"
	    "#include <wasmrt.h>\n\n", prefix.s, prefix.s);
	say_struct(&h);
	say_bind(&h);
	say_calls(&h);
	say_imports(&h);
	say(&h, "#endif\n");
	return !out->failed;
}
