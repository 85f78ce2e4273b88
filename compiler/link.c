/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * link.c: run the linker, LLVM's.
 *
 * It reads the objects from, and writes its result to, anonymous files that it
 * inherits, so that no name of ours gets into the result and nothing is left
 * behind.  $WASMC_LD names another linker than the ld.lld of LLVM 22.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emit.h"

extern char **environ;

static const char *const shared_args[] = {
	"-shared", "-nostdlib", "--no-dynamic-linker", "--build-id=sha1",
	"--eh-frame-hdr", "--hash-style=gnu", "-z", "now", "-z", "noexecstack",
	"-z", "defs",
	/* The module's own _init and _fini are none, and 0 no function. */
	"-init=wabi.no.init", "-fini=wabi.no.fini", "-e", "0",
	"--no-gc-sections",
};

struct ld {
	char *path;
	char **argv;
	size_t n;
	char *names;			/* of the inputs */
	posix_spawn_file_actions_t fa;
};

static void
ld_arg(struct ld *l, const char *s)
{
	l->argv[l->n++] = (char *)(uintptr_t)s;
}

static char *
ld_path(void)
{
	static const char *const found[] = { "ld.lld-22", "ld.lld" };
	const char *env = getenv("WASMC_LD"), *path = getenv("PATH");
	char *s = NULL;

	if (env && *env)
		return strchr(env, '/') ? realpath(env, NULL) : strdup(env);
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		for (const char *p = path ? path : "/usr/bin"; *p;) {
			size_t n = strcspn(p, ":");

			if (asprintf(&s, "%.*s/%s", (int)n, p, found[i]) < 0)
				return NULL;
			if (*p == '/' && access(s, X_OK) == 0)
				return s;
			free(s);
			p += n + (p[n] == ':');
		}
	}
	return NULL;
}

#define NAME_BYTES	40u

static int
ld_args(struct ld *l, const int *fds, unsigned n, bool relocatable, bool x86,
    unsigned threads)
{
	l->names = calloc(n + 1, NAME_BYTES);
	l->argv = calloc(n + 64, sizeof *l->argv);
	if (!l->names || !l->argv)
		return -1;
	ld_arg(l, l->path);
	ld_arg(l, "-m");
	ld_arg(l, x86 ? "elf_x86_64" : "aarch64linux");
	if (relocatable)
		ld_arg(l, "-r");
	for (size_t i = 0; !relocatable && i < sizeof shared_args /
	    sizeof *shared_args; i++)
		ld_arg(l, shared_args[i]);
	snprintf(l->names, NAME_BYTES, "--threads=%u", threads ? threads : 1);
	ld_arg(l, l->names);
	ld_arg(l, "-o");
	ld_arg(l, "-");
	for (unsigned i = 0; i < n; i++) {
		char *s = l->names + (i + 1) * NAME_BYTES;

		snprintf(s, NAME_BYTES, "/proc/self/fd/%d", fds[i]);
		ld_arg(l, s);
	}
	return 0;
}

/* The child inherits the objects; its output and its words go to files of
 * ours, and it stands where a file called "-" is of no concern. */
static int
ld_spawn(struct ld *l, const int *fds, unsigned n, int out, int words,
    pid_t *pid)
{
	int e = posix_spawn_file_actions_addopen(&l->fa, 0, "/dev/null",
	    O_RDONLY, 0);

	e = e ? e : posix_spawn_file_actions_adddup2(&l->fa, out, 1);
	e = e ? e : posix_spawn_file_actions_adddup2(&l->fa, words, 2);
	for (unsigned i = 0; i < n && !e; i++)
		e = posix_spawn_file_actions_adddup2(&l->fa, fds[i], fds[i]);
	e = e ? e : posix_spawn_file_actions_addchdir_np(&l->fa, "/");
	return e ? e : posix_spawnp(pid, l->path, &l->fa, NULL, l->argv,
	    environ);
}

/* What the linker said, as one line without its own name. */
static int
ld_failed(int words, int status, struct wasmc_error *err)
{
	char s[600] = "";
	ssize_t n = pread(words, s, sizeof s - 1, 0);
	char *text = s, *p;

	if (n <= 0)
		return back_fail(err, WASMC_EBACKEND, WIFSIGNALED(status) ?
		    "the linker was killed by signal %d" :
		    "the linker failed with status %d", WIFSIGNALED(status) ?
		    WTERMSIG(status) : WEXITSTATUS(status));
	s[n] = 0;
	s[strcspn(s, "\n")] = 0;
	p = strstr(s, "error: ");
	if (p)
		text = p + 7;
	/* Our names of its inputs mean nothing to anybody. */
	if (!strncmp(text, "/proc/self/fd/", 14) && (p = strstr(text, ": ")))
		text = p + 2;
	return back_fail(err, WASMC_EBACKEND, "the linker failed: %s", text);
}

static int
ld_run(struct ld *l, const int *fds, unsigned n, int out, int words,
    struct wasmc_error *err)
{
	int status, e;
	pid_t pid;

	e = ld_spawn(l, fds, n, out, words, &pid);
	if (e)
		return back_fail(err, WASMC_EBACKEND,
		    "cannot run the linker %s: %s", l->path, strerror(e));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return back_fail(err, WASMC_EBACKEND,
			    "the linker is lost: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return WASMC_OK;
	return ld_failed(words, status, err);
}

int
link_objects(const int *fds, unsigned n, int out_fd, bool relocatable,
    bool x86, unsigned threads, struct wasmc_error *err)
{
	struct ld l = { .path = ld_path() };
	int words = memory_file("words", "", 0), rc;

	if (!l.path)
		rc = back_fail(err, WASMC_EBACKEND, "no linker: install lld "
		    "22, or let WASMC_LD name an ld.lld");
	else if (words < 0 || posix_spawn_file_actions_init(&l.fa) ||
	    ld_args(&l, fds, n, relocatable, x86, threads))
		rc = back_fail(err, WASMC_ENOMEM, "out of memory");
	else
		rc = ld_run(&l, fds, n, out_fd, words, err);
	if (l.argv)
		posix_spawn_file_actions_destroy(&l.fa);
	if (words >= 0)
		close(words);
	free(l.names);
	free(l.argv);
	free(l.path);
	return rc;
}
