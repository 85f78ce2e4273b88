/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * runopts.c: wasmrun's options, one row each: the parser, --help and the error
 * messages read the table.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runopts.h"

/* Give a list room for one more. */
static void *
grow(void *list, size_t n, size_t size)
{
	void *p = realloc(list, (n + 1) * size);

	if (!p) {
		fputs("wasmrun: out of memory\n", stderr);
		exit(EXIT_LOAD);
	}
	return p;
}

/* ---- One function per option: false if the value is wrong --------------- */

static bool
set_dir(struct runopts *o, char *arg)
{
	struct wrt_wasi_dir d = { .host = arg, .guest = arg };
	size_t n = strlen(arg);
	char *sep;

	if (n > 3 && strcmp(arg + n - 3, ":ro") == 0 && arg[n - 4] != ':') {
		arg[n - 3] = '\0';
		d.read_only = 1;
	}
	sep = strstr(arg, "::");
	if (sep) {
		*sep = '\0';
		d.guest = sep + 2;
	}
	if (!*d.host || !*d.guest)
		return false;
	o->dirs = grow(o->dirs, o->ndirs, sizeof *o->dirs);
	o->dirs[o->ndirs++] = d;
	return true;
}

static bool
set_env(struct runopts *o, char *arg)
{
	const char *entry = arg;

	if (*arg == '=' || !*arg)
		return false;
	if (!strchr(arg, '=')) {
		/* Our own variable: environ holds it as NAME=value. */
		const char *value = getenv(arg);

		if (!value)
			return true;
		entry = value - strlen(arg) - 1;
	}
	o->env = grow(o->env, o->nenv, sizeof *o->env);
	o->env[o->nenv++] = entry;
	return true;
}

static bool
set_invoke(struct runopts *o, char *arg)
{
	o->invoke = arg;
	return true;
}

static bool
set_snapshot(struct runopts *o, char *arg)
{
	o->snapshot = true;
	o->snapshot_func = arg;
	return !arg || *arg;
}

static bool
set_keep_init(struct runopts *o, char *arg)
{
	(void)arg;
	o->keep_init = true;
	return true;
}

static bool
set_output(struct runopts *o, char *arg)
{
	o->output = arg;
	return *arg != '\0';
}

static bool
set_profile(struct runopts *o, char *arg)
{
	o->profile = arg;
	return *arg;
}

static bool
set_coredump(struct runopts *o, char *arg)
{
	o->coredump = arg;
	return *arg;
}

static bool
set_stats(struct runopts *o, char *arg)
{
	o->stats = true;
	o->prometheus = arg && strcmp(arg, "prometheus") == 0;
	return !arg || o->prometheus || strcmp(arg, "text") == 0;
}

static bool
set_argv0(struct runopts *o, char *arg)
{
	o->argv0 = arg;
	return true;
}

static bool
set_preload(struct runopts *o, char *arg)
{
	char *eq = strchr(arg, '=');

	if (!eq || !eq[1])
		return false;
	*eq = '\0';
	o->preloads = grow(o->preloads, o->npreloads, sizeof *o->preloads);
	o->preloads[o->npreloads++] = (struct preload){ arg, eq + 1 };
	return true;
}

static bool
size_value(const char *s, uint64_t *out)
{
	static const char suffixes[] = "KMGT";
	const char *at;
	char *end;
	uint64_t x;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	x = strtoull(s, &end, 10);
	if (errno)
		return false;
	at = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (at) {
		unsigned shift = 10 * (unsigned)(at - suffixes + 1);

		if (x > UINT64_MAX >> shift)
			return false;
		x <<= shift;
		end++;
		if (end[0] == 'i')
			end++;
		if (end[0] == 'B')
			end++;
	}
	if (*end || x == 0)
		return false;
	*out = x;
	return true;
}

static bool
set_stack(struct runopts *o, char *arg)
{
	return size_value(arg, &o->stack_bytes);
}

static bool
set_memory(struct runopts *o, char *arg)
{
	return size_value(arg, &o->memory_bytes);
}

static bool
set_table(struct runopts *o, char *arg)
{
	return size_value(arg, &o->table_entries);
}

static bool
set_heap(struct runopts *o, char *arg)
{
	return size_value(arg, &o->heap_bytes);
}

static bool
set_fuel(struct runopts *o, char *arg)
{
	char *end;

	if (!isdigit((unsigned char)*arg))
		return false;
	errno = 0;
	o->fuel = strtoull(arg, &end, 10);
	o->has_fuel = true;
	o->compile.fuel = 1;
	return !errno && !*end && o->fuel <= INT64_MAX;
}

static bool
time_value(const char *arg, uint64_t *out)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 },
		      { "m", 60 }, { "h", 3600 } };
	char *end;
	double x;

	if (!isdigit((unsigned char)*arg) && *arg != '.')
		return false;
	x = strtod(arg, &end);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		double ns = x * units[i].seconds * 1e9;

		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (!(ns >= 1 && ns < 9e18))
			return false;
		*out = (uint64_t)ns;
		return true;
	}
	return false;
}

static bool
set_timeout(struct runopts *o, char *arg)
{
	return time_value(arg, &o->timeout_ns);
}

static bool
set_cpu_time(struct runopts *o, char *arg)
{
	return time_value(arg, &o->cpu_ns);
}

static bool
set_unknown(struct runopts *o, char *arg)
{
	static const char *const names[] = { "error", "trap", "default" };

	for (int i = 0; i < 3; i++)
		if (strcmp(arg, names[i]) == 0) {
			o->unknown = (enum wrt_unknown)i;
			return true;
		}
	return false;
}

static bool
set_json(struct runopts *o, char *arg)
{
	(void)arg;
	o->json = true;
	return true;
}

/* ADDR is HOST:PORT or [HOST]:PORT, in numbers. */
static bool
set_listen(struct runopts *o, char *arg)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *ai;
	char *colon = strrchr(arg, ':'), *host = arg;
	int fd, on = 1;

	if (!colon || !colon[1])
		return false;
	*colon = '\0';
	if (*host == '[' && colon[-1] == ']') {
		host++;
		colon[-1] = '\0';
	}
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
		return false;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, 128) < 0) {
		fprintf(stderr, "Error: cannot listen on %s:%s: %s\n", arg,
		    colon + 1, strerror(errno));
		exit(EXIT_LOAD);
	}
	freeaddrinfo(ai);
	o->listen = grow(o->listen, o->nlisten, sizeof *o->listen);
	o->listen[o->nlisten++] = fd;
	return true;
}

static bool set_group_o(struct runopts *o, char *arg);
static bool set_group_w(struct runopts *o, char *arg);
static bool set_group_c(struct runopts *o, char *arg);
static bool set_group_d(struct runopts *o, char *arg);
static bool set_group_s(struct runopts *o, char *arg);

static bool
set_level(struct runopts *o, char *arg)
{
	if (strchr(arg, '='))
		return set_group_o(o, arg);
	if (strlen(arg) != 1 || *arg < '0' || *arg > '3')
		return false;
	o->compile.opt_level = *arg == '0' ? -1 : *arg - '0';
	return true;
}

static bool
set_cpu(struct runopts *o, char *arg)
{
	o->compile.cpu = arg;
	return true;
}

static bool
set_features(struct runopts *o, char *arg)
{
	o->compile.features = arg;
	return true;
}

static bool
set_bounds(struct runopts *o, char *arg)
{
	if (strcmp(arg, "explicit") == 0)
		o->compile.bounds = WASMC_BOUNDS_EXPLICIT;
	else if (strcmp(arg, "guard") == 0)
		o->compile.bounds = WASMC_BOUNDS_GUARD;
	else
		return false;
	return true;
}

static bool
set_relaxed(struct runopts *o, char *arg)
{
	(void)arg;
	o->compile.relaxed_deterministic = 1;
	return true;
}

static bool
set_nan(struct runopts *o, char *arg)
{
	(void)arg;
	o->compile.nan_canonicalize = 1;
	return true;
}

static bool
set_jobs(struct runopts *o, char *arg)
{
	o->compile.jobs = (unsigned)atoi(arg);
	return o->compile.jobs > 0;
}

static bool
set_no_cache(struct runopts *o, char *arg)
{
	(void)arg;
	o->no_cache = true;
	return true;
}

static bool show_version(struct runopts *o, char *arg);
static bool show_help(struct runopts *o, char *arg);

/* ---- The table ---------------------------------------------------------- */

static const struct row {
	const char *name;		/* long; NULL: only the letter */
	char letter;
	const char *arg;		/* NULL: takes none; [: may have one */
	bool (*set)(struct runopts *, char *);
	const char *help;
} rows[] = {
	{ "dir", 0, "HOST[::GUEST][:ro]", set_dir,
	  "let the guest use a directory, under its own name or GUEST" },
	{ "env", 0, "NAME[=VALUE]", set_env,
	  "set a variable, or pass wasmrun's own on" },
	{ "argv0", 0, "NAME", set_argv0,
	  "the guest's argv[0]; default: the file's name" },
	{ "invoke", 0, "NAME", set_invoke,
	  "call this export with ARGS, print its results" },
	{ "snapshot", 0, "[=FUNC]", set_snapshot,
	  "call _initialize, then FUNC, and write what is there to -o" },
	{ "output", 'o', "FILE", set_output, "for --snapshot: the file" },
	{ "snapshot-keep-init", 0, NULL, set_keep_init,
	  "leave _initialize and FUNC among the snapshot's exports" },
	{ "preload", 0, "NAME=FILE", set_preload,
	  "instantiate FILE first; NAME's imports are its exports" },
	{ "unknown-imports", 0, "WHAT", set_unknown,
	  "error (default), trap when called, or default: return 0" },
	{ "tcplisten", 0, "ADDR:PORT", set_listen,
	  "give the guest a listening socket" },
	{ "stack-size", 0, "SIZE", set_stack,
	  "the guest's stack: bytes, or with K, M, G; default 8M" },
	{ "max-memory", 0, "SIZE", set_memory,
	  "what a memory may grow to" },
	{ "max-table", 0, "ENTRIES", set_table,
	  "what a table may grow to; default 10000000" },
	{ "max-heap", 0, "SIZE", set_heap,
	  "what collected objects may take; default 1G" },
	{ "fuel", 0, "N", set_fuel,
	  "trap after N instructions; a .so must be made by wasmc --fuel" },
	{ "timeout", 0, "TIME", set_timeout,
	  "end the guest after so many seconds, or 500ms, 2m" },
	{ "cpu-time", 0, "TIME", set_cpu_time,
	  "end the guest when one of its threads has computed so long" },
	{ "json", 0, NULL, set_json,
	  "the outcome as a JSON object: with --invoke on stdout, else on "
	  "stderr" },
	{ "profile-file", 0, "FILE", set_profile,
	    "where what was counted goes, if it was compiled with "
	  "--profile-generate; default: FILE.so's name with .profile" },
	{ "coredump", 0, "FILE", set_coredump,
	  "write the state after a trap to FILE, as a wasm core dump" },
	{ "stats", 0, "[=FORMAT]", set_stats,
	  "say at the end what was done, on stderr: text or prometheus" },
	{ NULL, 'O', "LEVEL", set_level,
	  "for a .wasm: optimisation, 0 to 3; default 2" },
	{ "cpu", 0, "NAME", set_cpu, "for a .wasm: the CPU; default this one" },
	{ "features", 0, "SET", set_features,
	  "for a .wasm: what it may use, as for wasmc" },
	{ "bounds", 0, "MODE", set_bounds,
	  "for a .wasm: guard (default) or explicit" },
	{ "relaxed-simd-deterministic", 0, NULL, set_relaxed,
	  "for a .wasm: relaxed SIMD is the same on every machine" },
	{ "nan-canonicalize", 0, NULL, set_nan,
	  "for a .wasm: NaNs that arithmetic makes are the canonical one" },
	{ "jobs", 'j', "N", set_jobs, "for a .wasm: threads to compile with" },
	{ "no-cache", 0, NULL, set_no_cache,
	  "for a .wasm: compile it, keep nothing" },
	{ NULL, 'W', "NAME[=VALUE],...", set_group_w,
	  "wasmtime's names for some of these: see docs/WASMRUN.md" },
	{ NULL, 'C', "NAME[=VALUE],...", set_group_c, "likewise" },
	{ NULL, 'D', "NAME[=VALUE],...", set_group_d, "likewise" },
	{ NULL, 'S', "NAME[=VALUE],...", set_group_s, "likewise" },
	{ "version", 'V', NULL, show_version, "print the version" },
	{ "help", 'h', NULL, show_help, "print this" },
};

#define NROWS	(sizeof rows / sizeof *rows)

static bool
show_version(struct runopts *o, char *arg)
{
	(void)o;
	(void)arg;
	printf("wasmrun %s\n", wasmc_version());
	exit(0);
}

static bool
show_help(struct runopts *o, char *arg)
{
	(void)o;
	(void)arg;
	puts("usage: wasmrun [options] FILE.so|FILE.wasm [ARGS...]\n\n"
	     "Run a WebAssembly program.  A .wasm is compiled to a cache "
	     "first.\n");
	for (size_t i = 0; i < NROWS; i++) {
		const struct row *r = &rows[i];
		char left[80];
		int n = 0;

		if (r->letter)
			n = snprintf(left, sizeof left, "-%c%s", r->letter,
			    r->name ? ", " : "");
		snprintf(left + n, sizeof left - (size_t)n, "%s%s%s%s",
		    r->name ? "--" : "", r->name ? r->name : "",
		    r->arg && *r->arg != '[' ? " " : "",
		    r->arg ? r->arg : "");
		printf("  %-26s  %s\n", left, r->help);
	}
	puts("\nThe guest's exit code is wasmrun's.  134: trap, 124: timeout, "
	     "2: usage,\n1: the file cannot be run.");
	exit(0);
}

void
runopts_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("wasmrun: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nTry 'wasmrun --help'.\n", stderr);
	exit(EXIT_USAGE);
}

static void
apply(struct runopts *o, const struct row *r, char *arg)
{
	char *copy = arg ? strdup(arg) : NULL;

	if (!r->set(o, arg)) {
		if (r->name)
			runopts_usage("--%s: \"%s\" is not %s", r->name, copy,
			    r->arg);
		runopts_usage("-%c: \"%s\" is not %s", r->letter, copy, r->arg);
	}
	free(copy);
}

/* ---- wasmtime's groups --------------------------------------------------- */

/* VALUE: as it is; FLAG: only if it is on; OFF: only if it is off; FIXED: with
 * `value`, if it is on; NOTHING: it is so anyway, and has to be on. */
enum how { VALUE, FLAG, OFF, FIXED, NOTHING };

static const struct alias {
	char group;
	const char *name;
	enum how how;
	const char *option, *value;	/* ours: a row's name, or its letter */
} aliases[] = {
	{ 'W', "fuel", VALUE, "fuel", NULL },
	{ 'W', "timeout", VALUE, "timeout", NULL },
	{ 'W', "max-memory-size", VALUE, "max-memory", NULL },
	{ 'W', "max-table-elements", VALUE, "max-table", NULL },
	{ 'W', "max-wasm-stack", VALUE, "stack-size", NULL },
	{ 'W', "nan-canonicalization", FLAG, "nan-canonicalize", NULL },
	{ 'W', "relaxed-simd-deterministic", FLAG,
	  "relaxed-simd-deterministic", NULL },
	{ 'W', "unknown-imports-trap", FIXED, "unknown-imports", "trap" },
	{ 'W', "unknown-imports-default", FIXED, "unknown-imports",
	  "default" },
	{ 'O', "opt-level", VALUE, "O", NULL },
	{ 'C', "cache", OFF, "no-cache", NULL },
	{ 'D', "coredump", VALUE, "coredump", NULL },
	{ 'S', "tcplisten", VALUE, "tcplisten", NULL },
	{ 'S', "threads", NOTHING, NULL, NULL },
	{ 'S', "cli", NOTHING, NULL, NULL },
};

static const struct row *
row_named(const char *name)
{
	for (size_t i = 0; i < NROWS; i++)
		if (rows[i].name ? !strcmp(rows[i].name, name) :
		    rows[i].letter == *name && !name[1])
			return &rows[i];
	return NULL;
}

/* "", y, yes, true; n, no, false; -1: neither. */
static int
is_on(const char *value)
{
	static const char *const words[] = { "n", "no", "false", "y", "yes",
	    "true" };

	if (!value)
		return 1;
	for (int i = 0; i < 6; i++)
		if (!strcmp(value, words[i]))
			return i >= 3;
	return -1;
}

/* Behind those that were named before; whether they are features the compiler
 * says. */
static void
add_feature(struct runopts *o, const char *name, bool on)
{
	const char *old = o->compile.features ? o->compile.features : "";
	char *list;

	if (asprintf(&list, "%s%s%s%s", old, *old ? "," : "", on ? "" : "-",
	    name) < 0)
		runopts_usage("out of memory");
	o->compile.features = list;
}

static bool
inherit_env(struct runopts *o, int on)
{
	for (char **e = environ; on > 0 && *e; e++)
		if (**e != '=' && strchr(*e, '=') && !set_env(o, *e))
			return false;
	return on >= 0;
}

static bool
set_alias(struct runopts *o, const struct alias *a, char *value)
{
	int on = a->how == VALUE ? 1 : is_on(value);

	if (on < 0 || (a->how == VALUE && (!value || !*value)) ||
	    (a->how == NOTHING && !on))
		return false;
	if (a->how == NOTHING || (a->how == OFF ? on : !on))
		return true;
	if (a->how == FIXED)
		return row_named(a->option)->set(o, (char *)a->value);
	return row_named(a->option)->set(o, value);
}

static bool
set_one(struct runopts *o, char group, const char *name, char *value)
{
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (aliases[i].group == group &&
		    !strcmp(aliases[i].name, name))
			return set_alias(o, &aliases[i], value);
	if (group == 'S' && !strcmp(name, "inherit-env"))
		return inherit_env(o, is_on(value));
	if (group != 'W' || is_on(value) < 0)
		runopts_usage("-%c: there is no \"%s\"", group, name);
	if (!strcmp(name, "all-proposals"))
		name = "all";
	add_feature(o, name, is_on(value));
	return true;
}

/* NAME[=VALUE],...  A value is no longer than to the next comma. */
static bool
set_group(struct runopts *o, char group, char *list)
{
	for (char *next; list; list = next) {
		char *value;

		next = strchr(list, ',');
		if (next)
			*next++ = '\0';
		value = strchr(list, '=');
		if (value)
			*value++ = '\0';
		if (!set_one(o, group, list, value))
			runopts_usage("-%c %s: \"%s\" is no value for it",
			    group, list, value ? value : "");
	}
	return true;
}

static bool
set_group_o(struct runopts *o, char *arg)
{
	return set_group(o, 'O', arg);
}

static bool
set_group_w(struct runopts *o, char *arg)
{
	return set_group(o, 'W', arg);
}

static bool
set_group_c(struct runopts *o, char *arg)
{
	return set_group(o, 'C', arg);
}

static bool
set_group_d(struct runopts *o, char *arg)
{
	return set_group(o, 'D', arg);
}

static bool
set_group_s(struct runopts *o, char *arg)
{
	return set_group(o, 'S', arg);
}

/* getopt's view of the table; values from 256 on are rows. */
static void
make_getopt(struct option longs[NROWS + 1], char shorts[3 * NROWS + 3])
{
	size_t n = 0;

	*shorts++ = '+';		/* the guest's options are its own */
	*shorts++ = ':';
	for (size_t i = 0; i < NROWS; i++) {
		if (rows[i].name)
			longs[n++] = (struct option){ rows[i].name,
			    !rows[i].arg ? no_argument :
			    *rows[i].arg == '[' ? optional_argument :
			    required_argument,
			    NULL, 256 + (int)i };
		if (rows[i].letter) {
			*shorts++ = rows[i].letter;
			if (rows[i].arg)
				*shorts++ = ':';
		}
	}
	*shorts = '\0';
	longs[n] = (struct option){ 0 };
}

static const struct row *
row_of(int c)
{
	if (c >= 256)
		return &rows[c - 256];
	for (size_t i = 0; i < NROWS; i++)
		if (rows[i].letter == c)
			return &rows[i];
	return NULL;
}

/* Options up to the first word that is none. */
static void
parse_options(struct runopts *o, int argc, char **argv)
{
	struct option longs[NROWS + 1];
	char shorts[3 * NROWS + 3];
	int c;

	make_getopt(longs, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct row *r = row_of(c);

		if (c == ':')
			runopts_usage("%s needs a value", argv[optind - 1]);
		if (!r)
			runopts_usage("unknown option %s", argv[optind - 1]);
		apply(o, r, optarg);
	}
}

void
runopts_parse(struct runopts *o, int argc, char **argv)
{
	parse_options(o, argc, argv);
	if (optind == argc)
		runopts_usage("no file to run");
	o->file = argv[optind++];
	/* A program that is not run through has few options of its own: those
	 * that begin with a dash come after --. */
	if (o->snapshot)
		parse_options(o, argc, argv);
	o->args = argv + optind;
	o->nargs = (size_t)(argc - optind);
	if (o->snapshot != (o->output != NULL))
		runopts_usage(o->snapshot ? "--snapshot needs -o FILE" :
		    "-o is for --snapshot");
	if (o->snapshot && o->invoke)
		runopts_usage("--snapshot=%s, not --invoke", o->invoke);
}

void
runopts_free(struct runopts *o)
{
	free(o->dirs);
	free(o->env);
	free(o->preloads);
	free(o->listen);
}
