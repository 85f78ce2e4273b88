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

#include "inputs.h"
#include "progress.h"
#include "wasmc.h"

enum { EXIT_USAGE = 2 };

/* X(long name, letter or 0, argument's name or NULL, help) */
#define OPTIONS(X)							\
	X("output", 'o', "FILE", "write to FILE, or to standard output: -;\n" \
	    "default: the input's name with .so")			\
	X("optimize", 'O', "N", "optimise: 0, 1, 2 (default) or 3")	\
	X("emit", 0, "KIND", "so (default), obj, asm, llvm-ir, or\n" \
	    "header: C prototypes for hosts; or\n"			\
	    "wasm: the modules linked, not compiled")			\
	X("link", 0, "[NAME=]FILE", "\nlink this module too, behind those "\
	    "without --link")						\
	X("link-bitcode", 0, "FILE", "\nimports whose C code is in FILE, as "\
	    "LLVM bitcode,\nare compiled in: docs/LINKING.md")		\
	X("profile-generate", 0, NULL, "\ncount calls and branches; wasmrun "\
	    "writes them down")						\
	X("profile-use", 0, "FILE", "\noptimise for what was counted; may "\
	    "be given several times")					\
	X("exports", 0, "WHICH", "of several modules: first (default), all,\n"\
	    "or prefixed: all, as NAME:EXPORT behind the first")	\
	X("target", 0, "TRIPLE", "x86_64-linux-gnu or aarch64-linux-gnu;\n" \
	    "default: this machine")					\
	X("cpu", 0, "NAMES", "native (default without --target), x86-64,\n" \
	    "x86-64-v2, -v3, -v4, skylake, znver3, ..., generic;\n"	\
	    "of several, with commas, the best is chosen at load")	\
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
	X("cache-dir", 0, "DIR", "keep compiled parts of modules in DIR;\n" \
	    "default: $WASMC_CACHE_DIR, if set; \"\": nowhere")	\
	X("cache-size", 0, "MB", "delete the oldest of it above MB (1024)") \
	X("keep-llvm-options", 0, NULL, "\nat -O1 too with all of LLVM's " \
	    "passes that generate code:\nas for hosts that use LLVM "	\
	    "themselves")						\
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
	struct inputs in, linked;	/* linked: by --link */
	struct inputs bitcode, profiles;
	enum wasmc_link_exports exports;
	const char *out;
	bool validate, quiet, wasm;	/* wasm: --emit=wasm */
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
	printf("Usage: %s [options] [NAME=]FILE.wasm...\n\nCompile a "
	    "WebAssembly module to an ELF shared object. FILE may be - for\n"
	    "standard input. Several modules become one: their imports of "
	    "each other are\nlinked by NAME, or the file's name without "
	    ".wasm.\n\n", tool);
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
set_emit(struct args *a, int kind)
{
	a->wasm = kind > WASMC_EMIT_HEADER;
	a->o.emit = a->wasm ? WASMC_EMIT_SO : (enum wasmc_emit)kind;
}

static void
set_option(struct args *a, const char *name, const char *v)
{
	static const char *const emits[] = { "so", "obj", "asm", "llvm-ir",
	    "header", "wasm", NULL };
	static const char *const bounds[] = { "guard", "explicit", NULL };
	static const char *const exports[] = { "first", "all", "prefixed",
	    NULL };
	struct wasmc_options *o = &a->o;

	if (!strcmp(name, "output"))
		a->out = strcmp(v, "-") ? v : "/dev/stdout";
	else if (!strcmp(name, "optimize"))
		o->opt_level = number("-O", v, 0, 3) ?: -1;
	else if (!strcmp(name, "emit"))
		set_emit(a, word("--emit", v, emits));
	else if (!strcmp(name, "link"))
		inputs_add(&a->linked, v);
	else if (!strcmp(name, "link-bitcode"))
		inputs_add(&a->bitcode, v);
	else if (!strcmp(name, "profile-generate"))
		o->profile_generate = 1;
	else if (!strcmp(name, "profile-use"))
		inputs_add(&a->profiles, v);
	else if (!strcmp(name, "exports"))
		a->exports = (enum wasmc_link_exports)word("--exports", v,
		    exports);
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
	else if (!strcmp(name, "cache-dir"))
		o->cache_dir = v;
	else if (!strcmp(name, "cache-size"))
		o->cache_max_bytes = (uint64_t)number("--cache-size", v, 1,
		    1 << 30) << 20;
	else if (!strcmp(name, "keep-llvm-options"))
		o->keep_llvm_options = 1;
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
	for (int i = optind; i < argc; i++)
		inputs_add(&a->in, argv[i]);
	for (size_t i = 0; i < a->linked.n; i++)
		inputs_take(&a->in, &a->linked.f[i]);
	free(a->linked.f);
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
	const char *in = a->in.f[0].path;
	size_t n = strlen(in);
	char *s = NULL;

	if (!strcmp(in, "-"))
		usage_error("standard input needs -o");
	if (a->wasm)
		usage_error("--emit=wasm needs -o");
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

/* The linked module itself. */
static int
write_wasm(const char *path, const unsigned char *p, size_t n)
{
	FILE *f = fopen(path, "wbe");
	int bad;

	if (!f)
		return fail(path, strerror(errno));
	bad = fwrite(p, 1, n, f) != n;
	bad |= fclose(f) != 0;
	return bad ? fail(path, strerror(errno)) : 0;
}

/* ---- Progress ---- */

static int
compile(struct args *a, struct wasmc_error *err)
{
	const struct input_file *f = &a->in.f[0];
	struct progress progress = { 0 };
	char *title;
	int rc;

	if (!a->quiet)
		progress_open(&progress, tool, &a->o);
	title = inputs_title(&a->in);
	if (a->validate)
		rc = wasmc_validate(f->p, f->n, &a->o, err);
	else
		rc = wasmc_compile(f->p, f->n, title, a->out, &a->o, err);
	free(title);
	progress_close(&progress);
	return rc;
}

static int
run(struct args *a)
{
	struct wasmc_error err = { 0 };
	size_t which = 0;
	int rc = WASMC_OK;

	if (a->in.n > 1 || a->wasm)
		rc = inputs_link(&a->in, a->exports, &a->o, &which, &err);
	if (rc == WASMC_OK && a->wasm && !a->validate)
		return write_wasm(a->out, a->in.f[0].p, a->in.f[0].n);
	if (rc == WASMC_OK)
		rc = compile(a, &err);
	if (rc == WASMC_EOPTION)
		usage_error("%s", err.text);
	return rc ? fail(a->in.f[which < a->in.n ? which : 0].path,
	    err.text) : 0;
}

/* Read the files of an option and give them to the compiler. */
static const struct wasmc_file *
give_files(struct inputs *in, size_t *n)
{
	struct wasmc_file *f = calloc(in->n + 1, sizeof *f);
	size_t which;
	const char *bad = f ? inputs_read(in, &which) : strerror(ENOMEM);

	if (bad)
		exit(fail(f ? in->f[which].path : tool, bad));
	for (size_t i = 0; i < in->n; i++)
		f[i] = (struct wasmc_file){ in->f[i].p, in->f[i].n,
		    in->f[i].path };
	*n = in->n;
	return f;
}

int
main(int argc, char **argv)
{
	struct args a = { .o.cache_dir = getenv("WASMC_CACHE_DIR") };
	const char *bad;
	size_t which;
	int rc;

	parse(argc, argv, &a);
	bad = inputs_read(&a.in, &which);
	if (bad)
		return fail(a.in.f[which].path, bad);
	a.o.bitcode = give_files(&a.bitcode, &a.o.nbitcode);
	a.o.profiles = give_files(&a.profiles, &a.o.nprofiles);
	if (!a.out && !a.validate)
		a.out = default_output(&a);
	rc = run(&a);
	inputs_free(&a.in);
	inputs_free(&a.bitcode);
	inputs_free(&a.profiles);
	free((void *)(uintptr_t)a.o.bitcode);
	free((void *)(uintptr_t)a.o.profiles);
	return rc;
}
