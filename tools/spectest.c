/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * spectest: run the converted test suite of the WebAssembly specification.
 *
 *	spectest [options] FILE.json|DIR...
 *
 * Every file runs in a process of its own, with a time limit, so that a crash
 * is one failure.  For each file a line in the protocol of tests/run:
 *
 *	ok core/i32: 460 passed
 *	not ok core/call: 88 passed, 1 failed: line 33: ...
 *	skip core/simd_abs: 3 passed, 40 skipped: SIMD is not compiled yet
 *
 * and at last "N passed, N failed, N skipped", which counts commands.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spec.h"

struct file {
	char *path;
	char name[200];			/* set/name */
	struct spec_report *report;	/* shared with the child */
	FILE *out;			/* what the child printed */
	pid_t pid;			/* 0: not running */
	time_t deadline;
	char tmp[64];
};

static struct {
	struct spec_options spec;
	const char *skip;
	const char *features;
	int jobs, seconds;
} opt = { .spec = { .compile = { .opt_level = 1, .jobs = 1 } }, .jobs = 2,
	  .seconds = 300 };

static struct file *files;
static size_t nfiles;

static const char usage_text[] =
"usage: spectest [options] FILE.json|DIR...\n"
"  -v              print texts that differ and what is skipped\n"
"  -j N            files at a time (2)\n"
"  -O0 .. -O3      optimisation level (1)\n"
"  --bounds=MODE   guard or explicit\n"
"  --pool=SLOTS    wide (default), plain, or dense with --bounds=explicit\n"
"  --relaxed-simd-deterministic, --nan-canonicalize, --fuel, --cpu=NAMES\n"
"                  as for wasmc\n"
"  --features=SET  as for wasmc; default: by the file's folder\n"
"  --skip LIST     a file of names, one a line, or names with commas\n"
"  --profile-generate  as for wasmc\n"
"  --relink        link each module with another one before it is compiled\n"
"  --strict        what is not supported yet has failed\n"
"  --timeout N     seconds for each file (300)\n";

__attribute__((noreturn)) static void
usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

/* ---- Which files -------------------------------------------------------- */

static void
add_file(const char *path)
{
	struct file *f;
	const char *base = path;
	int slashes = 0;

	files = realloc(files, (nfiles + 1) * sizeof *files);
	if (!files)
		abort();
	f = &files[nfiles++];
	memset(f, 0, sizeof *f);
	f->path = strdup(path);
	/* SET/NAME/NAME.json is called SET/NAME. */
	for (const char *s = path + strlen(path); s > path; s--)
		if (s[-1] == '/' && ++slashes == 3) {
			base = s;
			break;
		}
	snprintf(f->name, sizeof f->name, "%s", base);
	char *slash = strrchr(f->name, '/');
	if (slash)
		*slash = '\0';
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void
add_path(const char *path)
{
	struct dirent **list;
	struct stat st;
	int n;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "spectest: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		if (ends_in(path, ".json"))
			add_file(path);
		return;
	}
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char sub[4096];

		snprintf(sub, sizeof sub, "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && (ends_in(sub, ".json") ||
		    (stat(sub, &st) == 0 && S_ISDIR(st.st_mode))))
			add_path(sub);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static char *
read_list(const char *list)
{
	FILE *f = fopen(list, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		return strdup(list);
	if (getdelim(&text, &size, '\0', f) < 0)
		text = strdup("");
	fclose(f);
	return text;
}

/* Take the files named in the list out; names are SET/NAME or NAME. */
static void
drop_skipped(const char *list)
{
	char *text = read_list(list), *save = NULL;
	size_t n = 0;

	for (char *s = strtok_r(text, ", \t\n", &save); s;
	    s = strtok_r(NULL, ", \t\n", &save))
		for (size_t i = 0; i < nfiles; i++) {
			const char *base = strrchr(files[i].name, '/');

			if (strcmp(files[i].name, s) == 0 ||
			    (base && strcmp(base + 1, s) == 0))
				files[i].path[0] = '\0';
		}
	for (size_t i = 0; i < nfiles; i++) {
		if (files[i].path[0])
			files[n++] = files[i];
		else
			free(files[i].path);
	}
	nfiles = n;
	free(text);
}

/* ---- Processes ---------------------------------------------------------- */

/* The core is tested as it comes.  Some files test a proposal against the
 * specification before 3.0. */
static const char *
features_of(const struct file *f)
{
	static const char old[] = "all,-multi-memory,-reference-types";
	static const struct {
		const char *prefix, *features;
	} sets[] = {
		{ "core/", "default" },
		{ "threads/imports", old },
		{ "threads/memory", old },
	};

	if (opt.features)
		return opt.features;
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		if (strncmp(f->name, sets[i].prefix, strlen(sets[i].prefix))
		    == 0)
			return sets[i].features;
	return "all";
}

static void
start(struct file *f)
{
	const char *base = getenv("TMPDIR");

	f->report = mmap(NULL, sizeof *f->report, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	f->out = tmpfile();
	snprintf(f->tmp, sizeof f->tmp, "%s/spectest-XXXXXX",
	    base && strlen(base) < 40 ? base : "/tmp");
	if (f->report == MAP_FAILED || !f->out || !mkdtemp(f->tmp)) {
		perror("spectest");
		exit(2);
	}
	f->deadline = time(NULL) + opt.seconds;
	fflush(NULL);
	f->pid = fork();
	if (f->pid < 0) {
		perror("spectest: fork");
		exit(2);
	}
	if (f->pid > 0)
		return;
	dup2(fileno(f->out), STDOUT_FILENO);
	dup2(fileno(f->out), STDERR_FILENO);
	opt.spec.compile.features = features_of(f);
	spec_run_file(f->path, f->tmp, &opt.spec, f->report);
	exit(0);
}

static void
remove_tmp(const char *dir)
{
	char path[512];
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static void
copy_output(FILE *f)
{
	char buf[8192];
	size_t n;

	rewind(f);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		fwrite(buf, 1, n, stdout);
}

static void
died(struct spec_report *r, const char *how)
{
	char where[40] = "after the last command";

	if (r->line)
		snprintf(where, sizeof where, "at line %d", r->line);
	r->failed++;
	snprintf(r->failure, sizeof r->failure, "%s %s", how, where);
}

static void
finish(struct file *f, int status, bool late)
{
	struct spec_report *r = f->report;
	char how[80];

	f->pid = 0;
	remove_tmp(f->tmp);
	copy_output(f->out);
	fclose(f->out);
	if (late)
		snprintf(how, sizeof how, "took more than %d s", opt.seconds);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) || !r->done)
		snprintf(how, sizeof how, "exit %d", WEXITSTATUS(status));
	else
		how[0] = '\0';
	if (*how)
		died(r, how);
	printf("%s %s: %u passed", r->failed ? "not ok" :
	    r->skipped ? "skip" : "ok", f->name, r->passed);
	if (r->failed)
		printf(", %u failed", r->failed);
	if (r->skipped)
		printf(", %u skipped", r->skipped);
	if (opt.spec.verbose && r->texts_differ)
		printf(", %u texts differ", r->texts_differ);
	if (r->failed)
		printf(": %s", r->failure);
	else if (r->skipped)
		printf(": %s", r->reason);
	putchar('\n');
	fflush(stdout);
}

static struct file *
by_pid(pid_t pid)
{
	for (size_t i = 0; i < nfiles; i++)
		if (files[i].pid == pid)
			return &files[i];
	return NULL;
}

/* Wait for one of the running files, and end those that take too long. */
static void
wait_one(void)
{
	struct timespec nap = { .tv_nsec = 5000000 };

	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		struct file *f = pid > 0 ? by_pid(pid) : NULL;

		if (f) {
			finish(f, status, f->deadline == 0);
			return;
		}
		for (size_t i = 0; i < nfiles; i++)
			if (files[i].pid > 0 && files[i].deadline &&
			    time(NULL) > files[i].deadline) {
				files[i].deadline = 0;
				kill(files[i].pid, SIGKILL);
			}
		nanosleep(&nap, NULL);
	}
}

static void
run_all(void)
{
	int running = 0;

	for (size_t i = 0; i < nfiles; i++) {
		if (running == opt.jobs) {
			wait_one();
			running--;
		}
		start(&files[i]);
		running++;
	}
	for (; running; running--)
		wait_one();
}

/* ---- Options ------------------------------------------------------------ */

enum { O_BOUNDS = 256, O_FEATURES, O_SKIP, O_STRICT, O_TIMEOUT,
       O_RELAXED, O_NAN, O_FUEL, O_CPU, O_POOL, O_RELINK, O_PROFILE };

static const struct option options[] = {
	{ "bounds", required_argument, NULL, O_BOUNDS },
	{ "relaxed-simd-deterministic", no_argument, NULL, O_RELAXED },
	{ "nan-canonicalize", no_argument, NULL, O_NAN },
	{ "fuel", no_argument, NULL, O_FUEL },
	{ "cpu", required_argument, NULL, O_CPU },
	{ "pool", required_argument, NULL, O_POOL },
	{ "features", required_argument, NULL, O_FEATURES },
	{ "profile-generate", no_argument, NULL, O_PROFILE },
	{ "relink", no_argument, NULL, O_RELINK },
	{ "skip", required_argument, NULL, O_SKIP },
	{ "strict", no_argument, NULL, O_STRICT },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static void
set_level(const char *s)
{
	if (strlen(s) != 1 || *s < '0' || *s > '3')
		usage();
	opt.spec.compile.opt_level = *s == '0' ? -1 : *s - '0';
}

/* Dense slots have no guard pages. */
static void
set_pool(const char *s)
{
	if (strcmp(s, "dense") == 0) {
		opt.spec.pool = WRT_POOL_DENSE;
		opt.spec.compile.bounds = WASMC_BOUNDS_EXPLICIT;
	} else if (strcmp(s, "plain") == 0) {
		opt.spec.pool = WRT_POOL_PLAIN;
	} else if (strcmp(s, "wide") == 0) {
		opt.spec.pool = 0;
	} else {
		usage();
	}
}

static void
parse(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "vj:O:", options, NULL)) != -1) {
		switch (c) {
		case 'v': opt.spec.verbose = true; break;
		case 'j': opt.jobs = atoi(optarg); break;
		case 'O': set_level(optarg); break;
		case O_BOUNDS:
			if (strcmp(optarg, "explicit") == 0)
				opt.spec.compile.bounds = WASMC_BOUNDS_EXPLICIT;
			else if (strcmp(optarg, "guard") != 0)
				usage();
			break;
		case O_FEATURES: opt.features = optarg; break;
		case O_RELAXED:
			opt.spec.compile.relaxed_deterministic = 1;
			break;
		case O_NAN: opt.spec.compile.nan_canonicalize = 1; break;
		case O_FUEL: opt.spec.compile.fuel = 1; break;
		case O_CPU: opt.spec.compile.cpu = optarg; break;
		case O_POOL: set_pool(optarg); break;
		case O_SKIP: opt.skip = optarg; break;
		case O_PROFILE: opt.spec.compile.profile_generate = 1; break;
		case O_RELINK: opt.spec.relink = true; break;
		case O_STRICT: opt.spec.strict = true; break;
		case O_TIMEOUT: opt.seconds = atoi(optarg); break;
		default: usage();
		}
	}
	if (optind == argc || opt.jobs < 1 || opt.seconds < 1)
		usage();
}

int
main(int argc, char **argv)
{
	unsigned long passed = 0, failed = 0, skipped = 0, differ = 0;

	parse(argc, argv);
	for (int i = optind; i < argc; i++)
		add_path(argv[i]);
	if (opt.skip)
		drop_skipped(opt.skip);
	run_all();
	for (size_t i = 0; i < nfiles; i++) {
		passed += files[i].report->passed;
		failed += files[i].report->failed;
		skipped += files[i].report->skipped;
		differ += files[i].report->texts_differ;
		free(files[i].path);
	}
	if (opt.spec.verbose)
		printf("%lu texts differ\n", differ);
	printf("%lu passed, %lu failed, %lu skipped\n", passed, failed,
	    skipped);
	free(files);
	return failed || !passed;
}
