/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmc_of_host.c: wasmc.h for programs that run under qemu-user.
 *
 * Code for the other architecture is to come from the cross compiler, so there
 * wasmc_compile() asks the wasmc of the machine that qemu runs on, which the
 * variable WASMC names: qemu-user hands execve to the real kernel.  Validation
 * is the front end's own, compiled for the other architecture.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wasmc.h"

#define TARGET "aarch64-linux-gnu"

const char *
wasmc_version(void)
{
	return WASMC_VERSION " (for " TARGET ")";
}

/* What shapes the code, as arguments of wasmc. */
static size_t
arguments(const struct wasmc_options *o, char *buf, size_t size)
{
	static const struct wasmc_options none;

	o = o ? o : &none;
	return (size_t)snprintf(buf, size, "--target=" TARGET " -O%d%s%s%s%s%s%s",
	    o->opt_level < 0 ? 0 : o->opt_level ? o->opt_level : 2,
	    o->bounds == WASMC_BOUNDS_EXPLICIT ? " --bounds=explicit" : "",
	    o->fuel ? " --fuel" : "",
	    o->features ? " --features=" : "", o->features ? o->features : "",
	    o->cpu ? " --cpu=" : "", o->cpu ? o->cpu : "");
}

size_t
wasmc_options_key(const struct wasmc_options *o, char *buf, size_t size)
{
	return arguments(o, buf, size);
}

__attribute__((noreturn)) static void
run_wasmc(char *args, const char *in, const char *out, int messages)
{
	const char *wasmc = getenv("WASMC");
	const char *argv[16] = { "wasmc", "-o", out, in };
	char *save = NULL;
	int n = 4;

	for (char *s = strtok_r(args, " ", &save); s && n < 15;
	    s = strtok_r(NULL, " ", &save))
		argv[n++] = s;
	dup2(messages, STDERR_FILENO);
	execv(wasmc ? wasmc : "build/bin/wasmc", (char *const *)argv);
	dprintf(STDERR_FILENO, "WASMC names no compiler");
	_exit(127);
}

/* What it said, without the end of the line.  Returns its exit status. */
static int
ask_wasmc(char *args, const char *in, const char *out, char *text, size_t size)
{
	int fds[2], status = -1;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run_wasmc(args, in, out, fds[1]);
	close(fds[1]);
	while (n + 1 < size && (got = read(fds[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	close(fds[0]);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
write_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f)
		return -1;
	size_t put = fwrite(data, 1, n, f);

	return fclose(f) == 0 && put == n ? 0 : -1;
}

static int
fail(struct wasmc_error *err, int status, const char *text)
{
	err->status = status;
	err->offset = UINT64_MAX;
	err->func_idx = UINT32_MAX;
	snprintf(err->text, sizeof err->text, "%s", text);
	return status;
}

int
wasmc_compile(const void *wasm, size_t n, const char *name,
    const char *out_path, const struct wasmc_options *options,
    struct wasmc_error *err)
{
	struct wasmc_error local;
	char in[4096], args[1000], text[1000];
	int rc;

	(void)name;
	err = err ? err : &local;
	rc = wasmc_validate(wasm, n, options, err);
	if (rc != WASMC_OK)
		return rc;
	if ((size_t)snprintf(in, sizeof in, "%s.wasm", out_path) >= sizeof in ||
	    arguments(options, args, sizeof args) >= sizeof args)
		return fail(err, WASMC_EOPTION, "too long");
	if (write_file(in, wasm, n) < 0)
		return fail(err, WASMC_EIO, "cannot write the module");
	rc = ask_wasmc(args, in, out_path, text, sizeof text);
	unlink(in);
	if (rc == 0)
		return WASMC_OK;
	/* "wasmc: FILE: text" */
	const char *file = strstr(text, in);

	return fail(err, strstr(text, "not compiled yet") ?
	    WASMC_EUNSUPPORTED : WASMC_EBACKEND,
	    file ? file + strlen(in) + 2 : text);
}

int
wasmc_snapshot_write(const void *artifact, size_t n,
    const struct wasmc_state *state, const char *out_path,
    struct wasmc_error *err)
{
	(void)artifact, (void)n, (void)state, (void)out_path;
	if (err) {
		memset(err, 0, sizeof *err);
		err->status = WASMC_EUNSUPPORTED;
		snprintf(err->text, sizeof err->text,
		    "this compiler, of another machine, writes no snapshots");
	}
	return WASMC_EUNSUPPORTED;
}
