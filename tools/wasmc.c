/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmc: compile a WebAssembly module to an ELF shared object.
 *
 * Exit status: 0, 1 if the compile failed, 2 for a wrong command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "wasmc.h"

enum { EXIT_USAGE = 2 };

/* X(long name, letter or 0, argument's name or NULL, help) */
#define OPTIONS(X)							\
	X("output", 'o', "FILE", "write to FILE, or to standard output: -;\n" \
	    "default: the input's name with .so")			\
	X("optimize", 'O', "N", "optimise: 0, 1, 2 (default) or 3")	\
	X("emit", 0, "KIND", "so (default), obj, asm, llvm-ir, or\n" \
	    "header: C prototypes for hosts")	\
	X("target", 0, "TRIPLE", "x86_64-linux-gnu or aarch64-linux-gnu;\n" \
	    "default: this machine")					\
	X("cpu", 0, "NAME", "native (default without --target), x86-64,\n" \
	    "x86-64-v2, -v3, -v4, skylake, znver3, ..., generic")	\
	X("features", 0, "LIST", "allow or forbid: all,-simd128,+threads") \
	X("bounds", 0, "HOW", "memory checks: guard (default) or explicit") \
	X("relaxed-simd-deterministic", 0, NULL,			\
	    "\nrelaxed SIMD gives the same results on every machine")	\
	X("nan-canonicalize", 0, NULL,					\
	    "NaNs that arithmetic makes are the canonical one")		\
	X("fuel", 0, NULL, "count instructions, for wasmrun --fuel")	\
	X("wasm-opt", 0, "N", "run binaryen's passes first, level 0 to 4") \
	X("validate", 0, NULL, "only check the module; write nothing")	\
	X("jobs", 'j', "N", "use N threads; default: one per CPU")	\
	X("time-passes", 0, NULL, "say how long each stage took")	\
	X("dump", 0, "LETTERS", "print to stderr: s sections, i IR before\n" \
	    "and o IR after optimisation")				\
	X("quiet", 'q', NULL, "no progress on a terminal")		\
	X("version", 0, NULL, "print the version")			\
	X("help", 'h', NULL, "print this")

enum {
	/* Long options without a letter, in the table's order. */
	OPT_FIRST = 256,
};

struct option_row {
	const char *name;
	char letter;
	const char *arg, *help;
};
static const struct option_row rows[] = {
#define X(name, letter, arg, help) { name, letter, arg, help },
	OPTIONS(X)
#undef X
};
#define NROWS	(sizeof rows / sizeof *rows)

struct args {
	struct wasmc_options o;
	const char *in, *out;
	bool validate, quiet;
};

static const char *tool = "wasmc";

__attribute__((noreturn, format(printf, 1, 2))) static void
usage_error(const char *fmt, ...)
{
	__builtin_va_list ap;

	fprintf(stderr, "%s: ", tool);
	__builtin_va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	__builtin_va_end(ap);
	fprintf(stderr, "\n%s: try --help\n", tool);
	exit(EXIT_USAGE);
}

/* An option and what it does, whose further lines stand under the first. */
static void
print_row(const char *left, const char *help)
{
	const char *nl = strchr(help, '\n');

	printf("  %-24s %.*s\n", left, nl ? (int)(nl - help) :
	    (int)strlen(help), help);
	if (nl)
		print_row("", nl + 1);
}

static void
print_help(void)
{
	printf("Usage: %s [options] FILE.wasm\n\nCompile a WebAssembly module "
	    "to an ELF shared object. FILE may be - for\nstandard input.\n\n",
	    tool);
	for (size_t i = 0; i < NROWS; i++) {
		char left[64], letter[8] = "    ";

		if (rows[i].letter)
			snprintf(letter, sizeof letter, "-%c, ",
			    rows[i].letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, rows[i].name,
		    rows[i].arg ? "=" : "", rows[i].arg ? rows[i].arg : "");
		print_row(left, rows[i].help);
	}
}

/* ---- Values ---- */

static int
number(const char *what, const char *s, int min, int max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (errno || end == s || *end || n < min || n > max)
		usage_error("%s: \"%s\" is no number from %d to %d", what, s,
		    min, max);
	return (int)n;
}

static int
word(const char *what, const char *s, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(s, words[i]))
			return i;
	usage_error("%s: unknown value \"%s\"", what, s);
}

static void
set_option(struct args *a, const char *name, const char *v)
{
	static const char *const emits[] = { "so", "obj", "asm", "llvm-ir",
	    "header", NULL };
	static const char *const bounds[] = { "guard", "explicit", NULL };
	struct wasmc_options *o = &a->o;

	if (!strcmp(name, "output"))
		a->out = strcmp(v, "-") ? v : "/dev/stdout";
	else if (!strcmp(name, "optimize"))
		o->opt_level = number("-O", v, 0, 3) ?: -1;
	else if (!strcmp(name, "emit"))
		o->emit = (enum wasmc_emit)word("--emit", v, emits);
	else if (!strcmp(name, "target"))
		o->target = v;
	else if (!strcmp(name, "cpu"))
		o->cpu = v;
	else if (!strcmp(name, "features"))
		o->features = v;
	else if (!strcmp(name, "relaxed-simd-deterministic"))
		o->relaxed_deterministic = 1;
	else if (!strcmp(name, "nan-canonicalize"))
		o->nan_canonicalize = 1;
	else if (!strcmp(name, "fuel"))
		o->fuel = 1;
	else if (!strcmp(name, "bounds"))
		o->bounds = (enum wasmc_bounds)word("--bounds", v, bounds);
	else if (!strcmp(name, "wasm-opt"))
		o->wasm_opt_level = number("--wasm-opt", v, 0, 4);
	else if (!strcmp(name, "validate"))
		a->validate = true;
	else if (!strcmp(name, "jobs"))
		o->jobs = (unsigned)number("-j", v, 1, 256);
	else if (!strcmp(name, "time-passes"))
		o->time_passes = 1;
	else if (!strcmp(name, "dump"))
		o->dump = v;
	else if (!strcmp(name, "quiet"))
		a->quiet = true;
}

static void
parse(int argc, char **argv, struct args *a)
{
	struct option longs[NROWS + 1] = { 0 };
	char letters[2 * NROWS + 2] = ":", *p = letters + 1;
	int c;

	for (size_t i = 0; i < NROWS; i++) {
		longs[i] = (struct option){ rows[i].name, rows[i].arg != NULL,
		    NULL, OPT_FIRST + (int)i };
		if (!rows[i].letter)
			continue;
		*p++ = rows[i].letter;
		if (rows[i].arg)
			*p++ = ':';
	}
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		size_t i = (size_t)(c - OPT_FIRST);

		if (c == '?' && optopt > 0 && optopt < OPT_FIRST)
			usage_error("unknown option \"-%c\"", optopt);
		if (c == '?' || c == ':')
			usage_error(c == '?' ? "unknown option \"%s\"" :
			    "option \"%s\" needs a value", argv[optind - 1]);
		if (c < OPT_FIRST)
			for (i = 0; rows[i].letter != c;)
				i++;
		if (!strcmp(rows[i].name, "help")) {
			print_help();
			exit(0);
		}
		if (!strcmp(rows[i].name, "version")) {
			printf("wasmc %s\n", wasmc_version());
			exit(0);
		}
		set_option(a, rows[i].name, optarg);
	}
	if (optind == argc)
		usage_error("no input file");
	if (optind + 1 < argc)
		usage_error("one input file at a time, not also \"%s\"",
		    argv[optind + 1]);
	a->in = argv[optind];
}

/* ---- Files ---- */

static bool
ends(const char *s, const char *with)
{
	size_t n = strlen(s), k = strlen(with);

	return n >= k && !strcmp(s + n - k, with);
}

/* The output's name if none was given. */
static const char *
default_output(const struct args *a)
{
	static const char *const suffixes[] = { ".so", ".o", ".s", ".ll", ".h" };
	const char *in = a->in;
	size_t n = strlen(in);
	char *s = NULL;

	if (!strcmp(in, "-"))
		usage_error("standard input needs -o");
	if (ends(in, ".wasm"))
		n -= 5;
	if (asprintf(&s, "%.*s%s", (int)n, in, suffixes[a->o.emit]) < 0)
		exit(1);
	return s;
}

static int
fail(const char *file, const char *text)
{
	fprintf(stderr, "%s: %s: %s\n", tool, file, text);
	return 1;
}

/* The whole file, or NULL with errno. */
static unsigned char *
slurp(const char *path, size_t *n)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	unsigned char *p = NULL;
	size_t room = 0, got;

	*n = 0;
	if (!f)
		return NULL;
	do {
		if (*n == room) {
			unsigned char *q = realloc(p, room = 2 * room + 65536);

			if (!q) {
				free(p);
				return NULL;
			}
			p = q;
		}
		errno = 0;
		got = fread(p + *n, 1, room - *n, f);
		*n += got;
	} while (got);
	if (ferror(f)) {
		free(p);
		p = NULL;
	}
	if (f != stdin) {
		int e = errno;

		fclose(f);
		errno = e;
	}
	return p;
}

/* A text module begins with white space, a comment or a parenthesis. */
static bool
is_text(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\t' ||
	    p[i] == '\r'))
		i++;
	return i < n && (p[i] == '(' || (p[i] == ';' && i + 1 < n &&
	    p[i + 1] == ';'));
}

/* ---- Progress ---- */

static int
run(struct args *a, const unsigned char *p, size_t n)
{
	struct progress progress = { 0 };
	struct wasmc_error err;
	int rc;

	if (!a->quiet)
		progress_open(&progress, tool, &a->o);
	if (a->validate)
		rc = wasmc_validate(p, n, &a->o, &err);
	else
		rc = wasmc_compile(p, n, a->in, a->out, &a->o, &err);
	progress_close(&progress);
	if (rc == WASMC_EOPTION)
		usage_error("%s", err.text);
	return rc ? fail(a->in, err.text) : 0;
}

int
main(int argc, char **argv)
{
	struct args a = { 0 };
	unsigned char *p;
	size_t n;
	int rc;

	parse(argc, argv, &a);
	p = slurp(a.in, &n);
	if (!p)
		return fail(a.in, strerror(errno));
	if (is_text(p, n))
		return fail(a.in, "this is the text format: assemble it first, "
		    "as with wat2wasm");
	if (!a.out && !a.validate)
		a.out = default_output(&a);
	rc = run(&a, p, n);
	free(p);
	return rc;
}
