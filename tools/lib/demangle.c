/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * demangle.c: names of functions as they stand in the source.
 *
 *   _ZN...17h<hash>E   Rust's older form: Itanium's, with escapes
 *   _R...              Rust's newer form, RFC 2603
 *   _Z...              C++: the standard library's own function, if it is there
 *
 * Names come from a file that nobody vouches for: what is not understood, too
 * deep or too long is left as it was.
 */
#include <ctype.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"

enum { DEPTH_MAX = 100, STEPS_MAX = 10000, HASH = 19 };	/* 17h and 16 digits */

struct dem {
	const char *begin, *s;		/* behind the prefix; where we are */
	char *out;
	size_t n, size;
	bool failed, open;
	unsigned depth, steps, silent;	/* silent: nothing is printed */
	uint64_t bound;			/* lifetimes that binders have named */
};

static void
put(struct dem *d, const char *s, size_t n)
{
	if (d->silent || d->failed)
		return;
	if (n >= d->size - d->n) {
		d->failed = true;
		return;
	}
	memcpy(d->out + d->n, s, n);
	d->n += n;
	d->out[d->n] = '\0';
}

static void
put_str(struct dem *d, const char *s)
{
	put(d, s, strlen(s));
}

static bool
take(struct dem *d, char c)
{
	if (d->failed || *d->s != c)
		return false;
	d->s++;
	return true;
}

/* ---- Rust, the older form ----------------------------------------------- */

static const struct {
	const char *code, *text;
} escapes[] = {
	{ "$SP$", "@" }, { "$BP$", "*" }, { "$RF$", "&" }, { "$LT$", "<" },
	{ "$GT$", ">" }, { "$LP$", "(" }, { "$RP$", ")" }, { "$C$", "," },
	{ "..", "::" },
};

/* $u20$: a character by its number.  Returns how many bytes it took. */
static size_t
numbered(struct dem *d, const char *s, size_t n)
{
	char *end;
	unsigned long c;

	if (n < 4 || s[1] != 'u' || !isxdigit((unsigned char)s[2]))
		return 0;
	c = strtoul(s + 2, &end, 16);
	if (end >= s + n || *end != '$' || c < 0x20 || c > 0x7e)
		return 0;
	put(d, &(char){ (char)c }, 1);
	return (size_t)(end + 1 - s);
}

static void
old_part(struct dem *d, const char *s, size_t n)
{
	if (n > 1 && s[0] == '_' && s[1] == '$')
		s++, n--;
	while (n > 0) {
		size_t k = *s == '$' ? numbered(d, s, n) : 0;

		for (size_t i = 0; !k && i < sizeof escapes / sizeof *escapes;
		    i++) {
			size_t len = strlen(escapes[i].code);

			if (len <= n && !memcmp(s, escapes[i].code, len)) {
				put_str(d, escapes[i].text);
				k = len;
			}
		}
		if (!k)
			put(d, s, k = 1);
		s += k;
		n -= k;
	}
}

static bool
is_hash(const char *s)
{
	for (int i = 0; i < 16; i++)
		if (!isxdigit((unsigned char)s[3 + i]))
			return false;
	return !strncmp(s, "17h", 3);
}

/* Digits of a length, and that it is within the text. */
static bool
length(struct dem *d, size_t *out)
{
	size_t n = 0;

	if (!isdigit((unsigned char)*d->s))
		return false;
	/* No number but 0 begins with it; another may follow. */
	if (*d->s == '0') {
		d->s++;
		*out = 0;
		return true;
	}
	while (isdigit((unsigned char)*d->s) && n < 10000)
		n = 10 * n + (size_t)(*d->s++ - '0');
	*out = n;
	return n <= strlen(d->s);
}

static bool
old_rust(struct dem *d)
{
	size_t n;

	for (bool first = true; ; first = false) {
		if (!first && strlen(d->s) >= HASH + 1 && is_hash(d->s) &&
		    d->s[HASH] == 'E')
			return true;
		if (!length(d, &n) || n == 0)
			return false;
		if (!first)
			put_str(d, "::");
		old_part(d, d->s, n);
		d->s += n;
	}
}

/* ---- Rust, the newer form ----------------------------------------------- */

static void new_path(struct dem *d, bool in_type);
static void new_type(struct dem *d);
static void new_const(struct dem *d);

/* Every rule that may come within itself begins so. */
static bool
deeper(struct dem *d)
{
	if (d->failed || ++d->steps > STEPS_MAX || d->depth >= DEPTH_MAX) {
		d->failed = true;
		return false;
	}
	d->depth++;
	return true;
}

/* Base 62: "_" is 0, "0_" is 1. */
static uint64_t
base62(struct dem *d)
{
	uint64_t x = 0;

	if (take(d, '_'))
		return 0;
	for (; !d->failed; d->s++) {
		char c = *d->s;
		int k = isdigit((unsigned char)c) ? c - '0' : c >= 'a' &&
		    c <= 'z' ? c - 'a' + 10 : c >= 'A' && c <= 'Z' ?
		    c - 'A' + 36 : -1;

		if (take(d, '_'))
			return x + 1;	/* may come round: of no use then */
		if (k < 0 || __builtin_mul_overflow(x, 62, &x) ||
		    __builtin_add_overflow(x, (uint64_t)k, &x))
			d->failed = true;
	}
	return 0;
}

static uint64_t
disambiguator(struct dem *d)
{
	return take(d, 's') ? base62(d) + 1 : 0;
}

/* A name; those that are not ASCII stay in their code. */
static bool
identifier(struct dem *d, const char **name, size_t *n)
{
	take(d, 'u');
	if (!length(d, n)) {
		d->failed = true;
		return false;
	}
	if (take(d, '_') && *n > strlen(d->s))
		d->failed = true;
	*name = d->s;
	d->s += d->failed ? 0 : *n;
	return !d->failed;
}

static void
put_identifier(struct dem *d)
{
	const char *name;
	size_t n;

	if (identifier(d, &name, &n))
		put(d, name, n);
}

/* Go on where it was said before. */
static void
backref(struct dem *d, void (*rule)(struct dem *))
{
	const char *at = d->s - 1, *back;
	uint64_t off = base62(d);

	back = d->s;
	if (d->failed || off >= (uint64_t)(at - d->begin)) {
		d->failed = true;
		return;
	}
	if (d->silent)
		return;
	d->s = d->begin + off;
	rule(d);
	d->s = back;
}

static void
value_path(struct dem *d)
{
	new_path(d, false);
}

static void
type_path(struct dem *d)
{
	new_path(d, true);
}

static void
lifetime(struct dem *d, uint64_t index)
{
	uint64_t depth = d->bound - index;

	put_str(d, "'");
	if (index == 0)
		put_str(d, "_");
	else if (index > d->bound)
		d->failed = true;
	else if (depth < 26)
		put(d, &(char){ (char)('a' + depth) }, 1);
	else
		put_str(d, "_");
}

/* Arguments up to E, with commas. */
static unsigned
list(struct dem *d, void (*rule)(struct dem *))
{
	unsigned n = 0;

	while (!d->failed && !take(d, 'E')) {
		if (n++)
			put_str(d, ", ");
		rule(d);
	}
	return n;
}

static void
generic_arg(struct dem *d)
{
	if (take(d, 'L'))
		lifetime(d, base62(d));
	else if (take(d, 'K'))
		new_const(d);
	else
		new_type(d);
}

/* Namespaces in capitals are the compiler's: closures, shims. */
static void
nested(struct dem *d, bool in_type)
{
	char space = *d->s ? *d->s++ : '\0', text[40];
	const char *name;
	uint64_t dis;
	size_t n;

	if (!isalpha((unsigned char)space)) {
		d->failed = true;
		return;
	}
	new_path(d, in_type);
	dis = disambiguator(d);
	if (!identifier(d, &name, &n))
		return;
	if (islower((unsigned char)space)) {
		if (n)
			put_str(d, "::");
		put(d, name, n);
		return;
	}
	put_str(d, "::{");
	if (space == 'C')
		put_str(d, "closure");
	else if (space == 'S')
		put_str(d, "shim");
	else
		put(d, &space, 1);
	if (n)
		put_str(d, ":");
	put(d, name, n);
	snprintf(text, sizeof text, "#%llu}", (unsigned long long)dis);
	put_str(d, text);
}

/* Where an implementation stands is not said. */
static void
impl_path(struct dem *d)
{
	d->silent++;
	disambiguator(d);
	new_path(d, false);
	d->silent--;
}

static void
new_path(struct dem *d, bool in_type)
{
	char c;

	if (!deeper(d))
		return;
	c = *d->s ? *d->s++ : '\0';
	switch (c) {
	case 'C':
		disambiguator(d);
		put_identifier(d);
		break;
	case 'N':
		nested(d, in_type);
		break;
	case 'M': case 'X': case 'Y':
		if (c != 'Y')
			impl_path(d);
		put_str(d, "<");
		new_type(d);
		if (c != 'M') {
			put_str(d, " as ");
			new_path(d, true);
		}
		put_str(d, ">");
		break;
	case 'I':
		new_path(d, in_type);
		put_str(d, in_type ? "<" : "::<");
		list(d, generic_arg);
		put_str(d, ">");
		break;
	case 'B':
		backref(d, in_type ? type_path : value_path);
		break;
	default:
		d->failed = true;
	}
	d->depth--;
}

static const char *
basic_type(char c)
{
	static const char *const names['z' - 'a' + 1] = {
		"i8", "bool", "char", "f64", "str", "f32", NULL, "u8", "isize",
		"usize", NULL, "i32", "u32", "i128", "u128", "_", NULL, NULL,
		"i16", "u16", "()", "...", NULL, "i64", "u64", "!",
	};

	return c >= 'a' && c <= 'z' ? names[c - 'a'] : NULL;
}

/* for<'a, 'b>: how many there are. */
static uint64_t
binder(struct dem *d)
{
	uint64_t n = take(d, 'G') ? base62(d) + 1 : 0;

	if (n > 64) {
		d->failed = true;
		return 0;
	}
	if (n)
		put_str(d, "for<");
	for (uint64_t k = 0; k < n; k++) {
		d->bound++;
		if (k)
			put_str(d, ", ");
		lifetime(d, 1);
	}
	if (n)
		put_str(d, "> ");
	return n;
}

static void
fn_type(struct dem *d)
{
	uint64_t n = binder(d);
	const char *abi;
	size_t len;

	if (take(d, 'U'))
		put_str(d, "unsafe ");
	if (take(d, 'K')) {
		put_str(d, "extern \"");
		if (take(d, 'C'))
			put_str(d, "C");
		else if (identifier(d, &abi, &len))
			for (size_t k = 0; k < len; k++)
				put(d, abi[k] == '_' ? "-" : abi + k, 1);
		put_str(d, "\" ");
	}
	put_str(d, "fn(");
	list(d, new_type);
	put_str(d, ")");
	if (!take(d, 'u')) {
		put_str(d, " -> ");
		new_type(d);
	}
	d->bound -= n;
}

/* d->open: the brackets of its arguments are left open. */
static void
dyn_head(struct dem *d)
{
	d->open = false;
	if (take(d, 'B')) {
		backref(d, dyn_head);
	} else if (take(d, 'I')) {
		new_path(d, true);
		put_str(d, "<");
		list(d, generic_arg);
		d->open = true;
	} else {
		new_path(d, true);
	}
}

/* A trait, with its associated types within its own brackets. */
static void
dyn_trait(struct dem *d)
{
	bool open;

	dyn_head(d);
	for (open = d->open; take(d, 'p'); open = true) {
		put_str(d, open ? ", " : "<");
		put_identifier(d);
		put_str(d, " = ");
		new_type(d);
	}
	if (open)
		put_str(d, ">");
}

static void
dyn_type(struct dem *d)
{
	uint64_t n, at;

	put_str(d, "dyn ");
	n = binder(d);
	for (bool first = true; !d->failed && !take(d, 'E'); first = false) {
		if (!first)
			put_str(d, " + ");
		dyn_trait(d);
	}
	d->bound -= n;
	if (!take(d, 'L')) {
		d->failed = true;
		return;
	}
	at = base62(d);
	if (at) {
		put_str(d, " + ");
		lifetime(d, at);
	}
}

static void
reference(struct dem *d, const char *mut)
{
	put_str(d, "&");
	if (take(d, 'L')) {
		uint64_t at = base62(d);

		if (at) {
			lifetime(d, at);
			put_str(d, " ");
		}
	}
	put_str(d, mut);
	new_type(d);
}

static void
array(struct dem *d, bool sized)
{
	put_str(d, "[");
	new_type(d);
	if (sized) {
		put_str(d, "; ");
		new_const(d);
	}
	put_str(d, "]");
}

static void
tuple(struct dem *d)
{
	put_str(d, "(");
	if (list(d, new_type) == 1)
		put_str(d, ",");
	put_str(d, ")");
}

static void
pointer(struct dem *d, const char *kind)
{
	put_str(d, kind);
	new_type(d);
}

static void
new_type(struct dem *d)
{
	char c = *d->s;

	if (!deeper(d))
		return;
	if (c && strchr("CNMXYI", c)) {
		new_path(d, true);
		d->depth--;
		return;
	}
	d->s += c != '\0';
	switch (c) {
	case 'A': case 'S': array(d, c == 'A'); break;
	case 'T': tuple(d); break;
	case 'R': reference(d, ""); break;
	case 'Q': reference(d, "mut "); break;
	case 'P': pointer(d, "*const "); break;
	case 'O': pointer(d, "*mut "); break;
	case 'F': fn_type(d); break;
	case 'D': dyn_type(d); break;
	case 'B': backref(d, new_type); break;
	default:
		if (basic_type(c))
			put_str(d, basic_type(c));
		else
			d->failed = true;
	}
	d->depth--;
}

/* Numbers in hexadecimal digits; others than numbers are not understood. */
static void
new_const(struct dem *d)
{
	char type = *d->s, text[40];
	const char *begin;
	size_t n;

	if (!deeper(d))
		return;
	d->depth--;
	if (take(d, 'B')) {
		backref(d, new_const);
		return;
	}
	if (take(d, 'p')) {
		put_str(d, "_");
		return;
	}
	if (!basic_type(type) || !strchr("ahijlmnostxybc", type)) {
		d->failed = true;
		return;
	}
	d->s++;
	if (take(d, 'n'))
		put_str(d, "-");
	begin = d->s;
	while (isxdigit((unsigned char)*d->s))
		d->s++;
	n = (size_t)(d->s - begin);
	if (!take(d, '_')) {
		d->failed = true;
	} else if (type == 'b') {
		put_str(d, n == 1 && *begin == '1' ? "true" : "false");
	} else if (n > 16) {
		put_str(d, "0x");
		put(d, begin, n);
	} else {
		snprintf(text, sizeof text, "%llu", n ? strtoull(begin, NULL,
		    16) : 0);
		put_str(d, text);
	}
}

/* What may follow a name: who instantiated it, LLVM's additions. */
static bool
new_rust(struct dem *d)
{
	value_path(d);
	if (!d->failed && *d->s && *d->s != '.') {
		d->silent++;
		value_path(d);
		d->silent--;
	}
	return !d->failed && (!*d->s || *d->s == '.');
}

/* ---- C++ ---------------------------------------------------------------- */

static bool
cplusplus(const char *name, char *buf, size_t size)
{
	char *(*fn)(const char *, char *, size_t *, int *);
	int status = -1, n = -1;
	char *text;

	*(void **)&fn = dlsym(RTLD_DEFAULT, "__cxa_demangle");
	text = fn ? fn(name, NULL, NULL, &status) : NULL;
	if (text && status == 0)
		n = snprintf(buf, size, "%s", text);
	free(text);
	return n > 0 && (size_t)n < size;
}

static bool
rust(const char *name, size_t prefix, bool (*form)(struct dem *), char *buf,
    size_t size)
{
	struct dem d = { .begin = name + prefix, .s = name + prefix,
	    .out = buf, .size = size };

	return form(&d) && !d.failed && d.n;
}

const char *
demangle(const char *name, char *buf, size_t size)
{
	bool ok = false;

	if (!size)
		return name;
	if (!strncmp(name, "_R", 2))
		ok = rust(name, 2, new_rust, buf, size);
	else if (!strncmp(name, "_ZN", 3))
		ok = rust(name, 3, old_rust, buf, size);
	if (!ok && !strncmp(name, "_Z", 2))
		ok = cplusplus(name, buf, size);
	return ok ? buf : name;
}
