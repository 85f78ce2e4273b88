/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmrun: run a WebAssembly program.
 *
 *	wasmrun [options] FILE.so|FILE.wasm [ARGS...]
 *
 * Opens the file (compiling it to a cache if it is a .wasm), gives it WASI and
 * what --preload names, and calls _start; or, with --invoke, _initialize if
 * there is one and then the named export.
 *
 * With --snapshot it calls _initialize and the named export, and writes what the
 * instance then holds as another artifact.
 *
 *   runopts.c   the command line
 *   snapshot.c  an instance's state as an artifact
 *   cache.c     .wasm to artifact
 *   outcome.c   what is printed at the end;  stats.c  and with --stats
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "outcome.h"
#include "runopts.h"
#include "snapshot.h"
#include "stats.h"
#include "values.h"

#define DEFAULT_STACK_BYTES	(8u << 20)
#define MAX_THREADS		1024u
/* How long a guest that must end may stay in a system call. */
#define GRACE_NS		1000000000ull

static struct runopts opt;

static const char *const kind_names[] = {
	[WRT_FUNC] = "function", [WRT_TABLE] = "table",
	[WRT_MEMORY] = "memory", [WRT_GLOBAL] = "global", [WRT_TAG] = "tag",
};

/* What lives during the run; ended in the reverse order. */
static struct {
	wrt_pool *pool;
	wrt_imports *imports;
	wrt_wasi *wasi;
	wrt_module **modules;		/* preloads, then the main one */
	wrt_instance **instances;
	size_t n;
} run;

static FILE *
outcome_file(void)
{
	return opt.json && opt.invoke ? stdout : stderr;
}

static int
load_error(const char *what, const char *file, const char *text)
{
	outcome_error(outcome_file(), opt.json, file, what, text, EXIT_LOAD);
	return EXIT_LOAD;
}

/* ---- Time limit --------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool running, over, expired;
	wrt_instance *inst;		/* to be ended; NULL: none yet */
} timer = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct timespec
after(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns += (uint64_t)t.tv_nsec;
	t.tv_sec += (time_t)(ns / 1000000000);
	t.tv_nsec = (long)(ns % 1000000000);
	return t;
}

/* Wait until the run is over or the time is.  The lock is held. */
static bool
over_within(uint64_t ns)
{
	struct timespec until = after(ns);

	while (!timer.over)
		if (pthread_cond_timedwait(&timer.changed, &timer.lock,
		    &until) == ETIMEDOUT)
			break;
	return timer.over;
}

static void *
timer_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&timer.lock);
	if (!over_within(opt.timeout_ns)) {
		timer.expired = true;
		/* Between two calls there is nothing to be ended yet. */
		for (uint64_t ns = 0; ns < GRACE_NS; ns += 10000000) {
			if (timer.inst)
				wrt_instance_kill(timer.inst,
				    WRT_TRAP_TIMEOUT);
			if (over_within(10000000))
				break;
		}
	}
	if (!timer.over) {
		/* It waits in a system call, or still compiles. */
		outcome_error(outcome_file(), opt.json, opt.file, "running",
		    "time limit exceeded", EXIT_TIMEOUT);
		fflush(NULL);
		_exit(EXIT_TIMEOUT);
	}
	pthread_mutex_unlock(&timer.lock);
	return NULL;
}

static void
timer_start(void)
{
	pthread_condattr_t attr;
	sigset_t all, old;

	if (!opt.timeout_ns)
		return;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&timer.changed, &attr);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	timer.running = pthread_create(&timer.thread, NULL, timer_main,
	    NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!timer.running)
		exit(load_error("running", opt.file, "no thread for a timer"));
}

static void
timer_watch(wrt_instance *inst)
{
	pthread_mutex_lock(&timer.lock);
	timer.inst = inst;
	pthread_mutex_unlock(&timer.lock);
}

static void
timer_stop(void)
{
	if (!timer.running)
		return;
	pthread_mutex_lock(&timer.lock);
	timer.over = true;
	pthread_cond_signal(&timer.changed);
	pthread_mutex_unlock(&timer.lock);
	pthread_join(timer.thread, NULL);
	timer.running = false;
}

/* ---- Calls -------------------------------------------------------------- */

/* Written beside, and renamed when it is whole. */
static void
write_core(wrt_instance *inst)
{
	struct wrt_error err = { 0 };
	char *beside = NULL;
	int fd = -1;

	if (asprintf(&beside, "%s.%d.tmp", opt.coredump, (int)getpid()) < 0)
		return;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		snprintf(err.text, sizeof err.text, "%s", strerror(errno));
	else if (wrt_trap_coredump(inst, fd, &err) == WRT_OK &&
	    rename(beside, opt.coredump) < 0)
		snprintf(err.text, sizeof err.text, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && *err.text)
		unlink(beside);
	if (*err.text)
		fprintf(stderr, "wasmrun: %s: %s\n", opt.coredump, err.text);
	free(beside);
}

/* The exit status of a call that did not return, and the report of it. */
static int
ended(wrt_instance *inst, const char *what)
{
	struct wrt_trap trap;
	int status = EXIT_TRAP;

	if (wrt_trap_get(inst, &trap) != WRT_OK)
		return load_error("running", opt.file, "it trapped");
	if (trap.code == WRT_TRAP_EXIT) {
		if (opt.json)
			outcome_exit(outcome_file(), trap.exit_code & 0xff);
		return trap.exit_code & 0xff;
	}
	if (trap.code == WRT_TRAP_TIMEOUT || trap.code == WRT_TRAP_CPU_TIME)
		status = EXIT_TIMEOUT;
	fflush(stdout);
	if (opt.coredump)
		write_core(inst);
	outcome_trap(outcome_file(), opt.json, opt.file, what, &trap, status);
	return status;
}

/* Call, and end the threads that the call has started.  If one of them has
 * ended the program, the result is its and *inst becomes its instance. */
static int
call(wrt_instance **inst, const char *name, const wrt_val *args, size_t nargs,
    wrt_val *results)
{
	wrt_instance *other;
	int rc;

	wrt_wasi_threads_begin(run.wasi, *inst);
	rc = wrt_instance_call(*inst, name, args, nargs, results);
	other = wrt_wasi_threads_end(run.wasi);
	if (!other)
		return rc;
	*inst = other;
	return WRT_ETRAP;
}

/* Call an export that takes and gives nothing, if there is one: 0, or the
 * status to end with. */
static int
call_plain(wrt_instance *inst, const char *name, bool *found)
{
	struct wrt_functype type;
	wrt_func *f;
	int rc;

	*found = wrt_instance_func(inst, name, strlen(name), &f, &type) ==
	    WRT_OK && type.nparams == 0 && type.nresults == 0;
	if (!*found)
		return 0;
	rc = call(&inst, name, NULL, 0, NULL);
	if (rc == WRT_ETRAP)
		return ended(inst, name);
	if (rc != WRT_OK)
		return load_error("running", opt.file, wrt_status_text(rc));
	return 0;
}

static void
parse_args(const struct wrt_functype *type, wrt_val *vals)
{
	if (opt.nargs != type->nparams)
		runopts_usage("%s takes %u arguments, not %zu", opt.invoke,
		    type->nparams, opt.nargs);
	for (uint32_t i = 0; i < type->nparams; i++)
		if (!value_parse(opt.args[i], type->params[i], &vals[i]))
			runopts_usage("argument %u of %s: \"%s\" is not an %s",
			    i + 1, opt.invoke, opt.args[i],
			    value_type_name(type->params[i]));
}

static int
invoke(wrt_instance *inst)
{
	struct wrt_functype type;
	wrt_val *args, *results;
	wrt_func *f;
	int rc, status = 0;

	if (wrt_instance_func(inst, opt.invoke, strlen(opt.invoke), &f, &type)
	    != WRT_OK)
		return load_error("no exported function in", opt.file,
		    opt.invoke);
	args = calloc(type.nparams + 1, sizeof *args);
	results = calloc(type.nresults + 1, sizeof *results);
	if (!args || !results) {
		status = load_error("running", opt.file, "out of memory");
		goto out;
	}
	parse_args(&type, args);
	rc = call(&inst, opt.invoke, args, type.nparams, results);
	if (rc == WRT_OK)
		outcome_results(stdout, opt.json, &type, results);
	else if (rc == WRT_ETRAP)
		status = ended(inst, opt.invoke);
	else
		status = load_error("running", opt.file, wrt_status_text(rc));
out:
	free(args);
	free(results);
	return status;
}

/* Call an export before the state is written down, which must return. */
static int
warm_up(wrt_instance *inst, const char *name, bool *found)
{
	struct wrt_functype type;
	struct wrt_trap trap;
	wrt_val *results;
	wrt_func *f;
	int rc;

	*found = wrt_instance_func(inst, name, strlen(name), &f, &type) ==
	    WRT_OK && type.nparams == 0;
	if (!*found)
		return 0;
	results = calloc(type.nresults + 1, sizeof *results);
	rc = results ? call(&inst, name, NULL, 0, results) : WRT_ENOMEM;
	free(results);
	if (rc == WRT_ETRAP && wrt_trap_get(inst, &trap) == WRT_OK &&
	    trap.code == WRT_TRAP_EXIT)
		return load_error("no snapshot of", opt.file,
		    "the program has called exit");
	if (rc == WRT_ETRAP)
		return ended(inst, name);
	return rc == WRT_OK ? 0 : load_error("running", opt.file,
	    wrt_status_text(rc));
}

static int
snapshot(wrt_instance *inst)
{
	const char *hide[2];
	char ran[600] = "";
	struct snapshot_how how = { .out = opt.output, .ran = ran,
	    .hide = hide };
	struct wrt_error err = { 0 };
	bool found;
	int status = warm_up(inst, "_initialize", &found);

	if (status == 0 && found)
		hide[how.nhide++] = "_initialize";
	if (status == 0 && opt.snapshot_func) {
		status = warm_up(inst, opt.snapshot_func, &found);
		if (!found)
			return load_error("no exported function without "
			    "parameters in", opt.file,
			    opt.snapshot_func);
		hide[how.nhide++] = opt.snapshot_func;
	}
	if (status)
		return status;
	for (size_t i = 0; i < how.nhide; i++)
		snprintf(ran + strlen(ran), sizeof ran - strlen(ran), "%s%s",
		    i ? " " : "", hide[i]);
	if (opt.keep_init)
		how.nhide = 0;
	if (!snapshot_write(inst, run.wasi, &how, &err))
		return load_error("no snapshot of", opt.file, err.text);
	return 0;
}

static int
run_main(wrt_instance *inst)
{
	bool found;
	int status;

	if (opt.snapshot)
		return snapshot(inst);
	if (opt.invoke) {
		status = call_plain(inst, "_initialize", &found);
		return status ? status : invoke(inst);
	}
	status = call_plain(inst, "_start", &found);
	if (!found)
		status = call_plain(inst, "_initialize", &found);
	if (status == 0 && opt.json)
		outcome_exit(outcome_file(), 0);
	return status;
}

/* ---- Setting up --------------------------------------------------------- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int
make_wasi(void)
{
	const char **argv = calloc(opt.nargs + 1, sizeof *argv);
	struct wrt_wasi_config config = {
		.argc = opt.invoke ? 1 : opt.nargs + 1, .argv = argv,
		.nenv = opt.nenv, .env = opt.env,
		.ndirs = opt.ndirs, .dirs = opt.dirs,
		.nlisten = opt.nlisten, .listen_fds = opt.listen,
		.inherit_stdio = 1,
	};
	struct wrt_error err = { 0 };
	int rc;

	if (!argv)
		return load_error("running", opt.file, "out of memory");
	argv[0] = opt.argv0 ? opt.argv0 : base_name(opt.file);
	for (size_t i = 0; i < opt.nargs; i++)
		argv[i + 1] = opt.args[i];
	rc = wrt_wasi_create(&run.wasi, &config, &err);
	free(argv);
	if (rc == WRT_OK)
		rc = wrt_wasi_imports(run.wasi, run.imports);
	if (rc != WRT_OK)
		return load_error("setting up WASI for", opt.file,
		    *err.text ? err.text : wrt_status_text(rc));
	return 0;
}

static int
setup(void)
{
	struct wrt_pool_config config = {
		.max_instances = (uint32_t)opt.npreloads + 1 + MAX_THREADS,
		.max_memory_bytes = opt.memory_bytes,
		.max_memories = 100,	/* what wasmc takes at most */
		.stack_bytes = opt.stack_bytes ? opt.stack_bytes
					       : DEFAULT_STACK_BYTES,
		.max_table_entries = opt.table_entries,
		.gc_heap_bytes = opt.heap_bytes,
		.call_cpu_ns = opt.cpu_ns,
		.flags = WRT_POOL_PLAIN |
		    (opt.stats ? WRT_POOL_CPU_TIME : 0),
		/* Nothing is paid with one unit but a start function that
		 * does nothing. */
		.fuel = opt.has_fuel && opt.fuel == 0 ? 1 : opt.fuel,
	};
	struct wrt_error err = { 0 };

	run.modules = calloc(opt.npreloads + 1, sizeof *run.modules);
	run.instances = calloc(opt.npreloads + 1, sizeof *run.instances);
	if (!run.modules || !run.instances)
		return load_error("running", opt.file, "out of memory");
	if (wrt_pool_create(&run.pool, &config, &err) != WRT_OK)
		return load_error("running", opt.file, err.text);
	if (wrt_imports_create(&run.imports) != WRT_OK)
		return load_error("running", opt.file, "out of memory");
	wrt_imports_unknown(run.imports, opt.unknown);
	return make_wasi();
}

/* All imports that nobody defines, a line each; NULL if there are not several.
 * The runtime's own error names the first one, and its type. */
static char *
missing_imports(const wrt_module *m)
{
	struct wrt_extern_type e;
	char *text = NULL;
	size_t size, n = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputs("unknown imports:", f);
	for (size_t i = 0; wrt_module_import(m, i, &e) == WRT_OK; i++) {
		if (wrt_imports_has(run.imports, e.module, e.module_len,
		    e.name, e.name_len))
			continue;
		fprintf(f, "\n    \"%s\" \"%s\" (%s)", e.module, e.name,
		    kind_names[e.kind]);
		n++;
	}
	if (fclose(f) != 0 || n < 2) {
		free(text);
		return NULL;
	}
	return text;
}

/* linking: the runtime's own refusal, nobody's before it. */
static int
instantiate_error(const wrt_module *m, const char *file, int rc, bool linking,
    const struct wrt_error *err)
{
	char *all = rc == WRT_ELINK && linking ? missing_imports(m) : NULL;

	load_error("cannot instantiate", file, all ? all : *err->text ?
	    err->text : wrt_status_text(rc));
	free(all);
	return rc == WRT_ETRAP ? EXIT_TRAP : EXIT_LOAD;
}

/* Open and instantiate a file as number run.n. */
static int
load(const char *file)
{
	struct wrt_error err = { 0 };
	wrt_module **m = &run.modules[run.n];
	wrt_instance **inst = &run.instances[run.n];
	bool linking;
	int rc;

	if (cache_open(m, file, &opt.compile, !opt.no_cache, &err) != WRT_OK)
		return load_error("cannot load", file, err.text);
	run.n++;
	if (opt.has_fuel && !wrt_module_has_fuel(*m))
		return load_error("cannot load", file, "it was compiled "
		    "without --fuel, which --fuel needs");
	rc = wrt_wasi_threads(run.wasi, run.imports, run.pool, *m, &err);
	linking = rc == WRT_OK || rc == WRT_ENOTFOUND;
	if (linking)
		rc = wrt_instance_create(inst, run.pool, *m, run.imports,
		    &err);
	if (rc == WRT_OK) {
		if (opt.has_fuel && opt.fuel == 0)
			wrt_instance_set_fuel(*inst, 0);
		return 0;
	}
	return instantiate_error(*m, file, rc, linking, &err);
}

static int
load_preloads(void)
{
	for (size_t i = 0; i < opt.npreloads; i++) {
		const struct preload *p = &opt.preloads[i];
		int status = load(p->file);
		bool found;

		if (status == 0) {
			timer_watch(run.instances[i]);
			status = call_plain(run.instances[i], "_initialize",
			    &found);
		}
		if (status)
			return status;
		if (wrt_imports_instance(run.imports, p->name,
		    run.instances[i]) != WRT_OK)
			return load_error("cannot preload", p->file,
			    "out of memory");
	}
	return 0;
}

/* What a program that counts has counted, whatever its end: the file's name
 * with .profile for .so. */
static void
write_profile(wrt_instance *i)
{
	size_t n = strlen(opt.file);
	struct wrt_error err = { 0 };
	wrt_memory *m;
	char *path = NULL;
	int rc;

	if (wrt_instance_memory(i, "wasmc.profile", 13, &m) != WRT_OK)
		return;
	if (n > 3 && !strcmp(opt.file + n - 3, ".so"))
		n -= 3;
	if (opt.profile)
		path = strdup(opt.profile);
	else if (asprintf(&path, "%.*s.profile", (int)n, opt.file) < 0)
		path = NULL;
	rc = path ? wrt_instance_profile_write(i, path, &err) : WRT_ENOMEM;
	if (rc != WRT_OK)
		fprintf(stderr, "wasmrun: no profile: %s\n", *err.text ?
		    err.text : wrt_status_text(rc));
	free(path);
}

static void
teardown(void)
{
	for (size_t i = run.n; i-- > 0;) {
		wrt_instance_close(run.instances[i]);
		wrt_module_close(run.modules[i]);
	}
	wrt_imports_destroy(run.imports);
	wrt_wasi_destroy(run.wasi);
	wrt_pool_destroy(run.pool);
	free(run.modules);
	free(run.instances);
	runopts_free(&opt);
}

int
main(int argc, char **argv)
{
	int status;

	runopts_parse(&opt, argc, argv);
	/* A closed pipe is the guest's EPIPE. */
	signal(SIGPIPE, SIG_IGN);
	timer_start();
	status = setup();
	if (status == 0)
		status = load_preloads();
	if (status == 0)
		status = load(opt.file);
	if (status == 0) {
		timer_watch(run.instances[run.n - 1]);
		status = run_main(run.instances[run.n - 1]);
		write_profile(run.instances[run.n - 1]);
	}
	timer_watch(NULL);
	timer_stop();
	if (opt.stats && run.pool)
		stats_print(stderr, run.pool, run.n ? wrt_module_cpu(
		    run.modules[run.n - 1]) : "", opt.prometheus);
	teardown();
	if (fflush(stdout) != 0 && status == 0)
		status = EXIT_LOAD;
	return status;
}
