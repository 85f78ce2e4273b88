/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasi.c: a view of the system is made, offered as imports, and ended; and
 * every call of the guest comes in here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wasi.h"

enum { P0 = WASI_P0, P1 = WASI_P1 };

static const struct function {
	const char *name, *params;
	int snapshots;
	int (*handler)(struct wasi_call *);
} functions[] = {
#define F(name, params, snapshots) { #name, params, snapshots, wasi_##name },
#include "functions.def"
#undef F
};

static const struct snapshot {
	enum wasi_snapshot bit;
	const char *module;
} snapshots[] = {
	{ WASI_P1, "wasi_snapshot_preview1" },
	{ WASI_P0, "wasi_unstable" },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- Calls ------------------------------------------------------------ */

static int
call_once(const struct wasi_binding *b, wrt_instance *caller, wrt_val *vals)
{
	struct wasi_call c = {
		.w = b->w,
		.caller = caller,
		.args = vals,
		.snapshot = b->snapshot,
		.budget = WASI_BUDGET,
	};
	int rc = b->handler(&c);

	while (c.nheld)
		wasi_fd_put(c.held[--c.nheld]);
	while (c.ntemp)
		close(c.temp[--c.ntemp]);
	return rc;
}

/* A guest that is only to wait for its turn learns nothing of that. */
static int
call_dispatch(void *data, wrt_instance *caller, wrt_val *vals)
{
	const struct wasi_binding *b = data;
	int rc;

	do
		rc = call_once(b, caller, vals);
	while (rc == WASI_INTR && wrt_preempted(caller));
	if (rc < 0)
		return rc;
	if (b->has_result)
		vals[0] = (wrt_val){ .i64 = rc };
	return WRT_OK;
}

int
wasi_hold(struct wasi_call *c, unsigned i, struct wasi_fd **out)
{
	struct wasi_fd *f = wasi_table_get(&c->w->table, wasi_u32(c, i));

	if (!f)
		return WASI_BADF;
	c->held[c->nheld++] = f;
	*out = f;
	return 0;
}

int
wasi_hold_dir(struct wasi_call *c, unsigned i, struct wasi_fd **out)
{
	int rc = wasi_hold(c, i, out);

	if (rc == 0 && (*out)->kind != WASI_DIR)
		return WASI_NOTDIR;
	return rc;
}

void
wasi_temp_fd(struct wasi_call *c, int fd)
{
	c->temp[c->ntemp++] = fd;
}

int
wasi_charge(struct wasi_call *c, uint64_t n)
{
	if (n > c->budget)
		return WASI_NOMEM;
	c->budget -= n;
	return 0;
}

/* ---- A view is made --------------------------------------------------- */

int
wasi_fail(struct wrt_error *err, int status, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->status = status;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof err->text, fmt, ap);
		va_end(ap);
	}
	return status;
}

/* A NULL-terminated copy of n strings; NULL without memory. */
static char **
strings_copy(const char *const *from, size_t n)
{
	char **to = calloc(n + 1, sizeof *to);

	for (size_t i = 0; to && i < n; i++) {
		to[i] = strdup(from[i]);
		if (!to[i]) {
			while (i--)
				free(to[i]);
			free(to);
			return NULL;
		}
	}
	return to;
}

static void
strings_free(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

/* Put a new descriptor for `host` at the next number; takes host over. */
static int
add_fd(struct wrt_wasi *w, int host, enum wasi_kind kind, uint8_t filetype,
    struct wasi_fd **out)
{
	uint32_t number;
	struct wasi_fd *f;

	if (wasi_table_reserve(&w->table, &number) != 0) {
		close(host);
		return WRT_ELIMIT;
	}
	f = wasi_fd_new(host, kind, filetype);
	if (!f) {
		close(host);
		wasi_table_unreserve(&w->table, number);
		return WRT_ENOMEM;
	}
	f->given = number + 1;
	wasi_table_fill(&w->table, number, f);
	*out = f;
	return WRT_OK;
}

/* Standard streams are 0 to 2, always: one that the host does not have is
 * empty and swallows everything. */
static int
add_stdio(struct wrt_wasi *w, const struct wrt_wasi_config *config,
    struct wrt_error *err)
{
	const int *stdio = config->stdio;
	bool none = stdio[0] == 0 && stdio[1] == 0 && stdio[2] == 0;

	for (int i = 0; i < 3; i++) {
		int from = config->inherit_stdio ? i : none ? -1 : stdio[i];
		int host = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 3);
		struct wasi_fd *f;
		struct stat st;
		int rc;

		if (host < 0)
			host = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (host < 0)
			return wasi_fail(err, WRT_ESYS,
			    "cannot open standard stream %d: %s", i,
			    strerror(errno));
		rc = add_fd(w, host, WASI_STDIO,
		    isatty(host) ? WASI_FT_CHAR : WASI_FT_UNKNOWN, &f);
		if (rc)
			return wasi_fail(err, rc, "standard stream %d: %s", i,
			    wrt_status_text(rc));
		f->can_read = i == 0;
		f->can_write = i != 0;
		f->regular = fstat(host, &st) == 0 && S_ISREG(st.st_mode);
	}
	return WRT_OK;
}

static int
add_dir(struct wrt_wasi *w, const struct wrt_wasi_dir *dir,
    struct wrt_error *err)
{
	int host = open(dir->host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct wasi_fd *f;
	int rc;

	if (host < 0)
		return wasi_fail(err, WRT_ESYS, "cannot open directory \"%s\": %s",
		    dir->host, strerror(errno));
	rc = add_fd(w, host, WASI_DIR, WASI_FT_DIR, &f);
	if (rc)
		return wasi_fail(err, rc, "directory \"%s\": %s", dir->host,
		    wrt_status_text(rc));
	f->can_read = true;
	f->read_only = dir->read_only != 0;
	f->preopen = strdup(dir->guest ? dir->guest : dir->host);
	if (!f->preopen)
		return wasi_fail(err, WRT_ENOMEM, "out of memory");
	return WRT_OK;
}

/* Listening sockets become the view's own only when all else has worked: until
 * then they are duplicates, and the originals are closed last. */
static int
add_listeners(struct wrt_wasi *w, const struct wrt_wasi_config *config,
    struct wrt_error *err)
{
	for (size_t i = 0; i < config->nlisten; i++) {
		int host = fcntl(config->listen_fds[i], F_DUPFD_CLOEXEC, 3);
		int type = 0;
		socklen_t len = sizeof type;
		struct wasi_fd *f;
		int rc;

		if (host < 0 || getsockopt(host, SOL_SOCKET, SO_TYPE, &type,
		    &len) < 0) {
			rc = wasi_fail(err, WRT_ESYS, "descriptor %d: %s",
			    config->listen_fds[i], strerror(errno));
			if (host >= 0)
				close(host);
			return rc;
		}
		rc = add_fd(w, host, WASI_SOCKET, type == SOCK_DGRAM ?
		    WASI_FT_DGRAM : WASI_FT_STREAM, &f);
		if (rc)
			return wasi_fail(err, rc, "listening sockets: %s",
			    wrt_status_text(rc));
		f->can_read = f->can_write = true;
	}
	for (size_t i = 0; i < config->nlisten; i++)
		close(config->listen_fds[i]);
	return WRT_OK;
}

static bool
openat2_unwanted(const struct wrt_wasi_config *config)
{
	const char *env = getenv("WASMRT_NO_OPENAT2");

	return config->no_openat2 || (env && *env && strcmp(env, "0") != 0) ||
	    !wasi_probe_openat2();
}

static bool
lists_are_there(const struct wrt_wasi_config *c)
{
	if ((c->argc && !c->argv) || (c->nenv && !c->env) ||
	    (c->ndirs && !c->dirs) || (c->nlisten && !c->listen_fds))
		return false;
	for (size_t i = 0; i < c->argc; i++)
		if (!c->argv[i])
			return false;
	for (size_t i = 0; i < c->nenv; i++)
		if (!c->env[i])
			return false;
	for (size_t i = 0; i < c->ndirs; i++)
		if (!c->dirs[i].host)
			return false;
	return true;
}

static int
view_fill(struct wrt_wasi *w, const struct wrt_wasi_config *config,
    struct wrt_error *err)
{
	int rc;

	w->argc = config->argc;
	w->nenv = config->nenv;
	w->argv = strings_copy(config->argv, config->argc);
	w->env = strings_copy(config->env, config->nenv);
	w->bindings = calloc(COUNT(functions) * COUNT(snapshots),
	    sizeof *w->bindings);
	if (!w->argv || !w->env || !w->bindings)
		return wasi_fail(err, WRT_ENOMEM, "out of memory");
	w->no_openat2 = openat2_unwanted(config);
	w->clock_granularity_ns = config->clock_granularity_ns ?
	    config->clock_granularity_ns : 1;
	rc = add_stdio(w, config, err);
	for (size_t i = 0; rc == WRT_OK && i < config->ndirs; i++)
		rc = add_dir(w, &config->dirs[i], err);
	return rc ? rc : add_listeners(w, config, err);
}

WRT_API int
wrt_wasi_create(wrt_wasi **out, const struct wrt_wasi_config *config,
    struct wrt_error *err)
{
	static const struct wrt_wasi_config nothing = {
		.stdio = { -1, -1, -1 },
	};
	struct wrt_wasi *w;
	int rc;

	if (!config)
		config = &nothing;
	if (!out || !lists_are_there(config))
		return wasi_fail(err, WRT_EINVAL, "an argument is NULL");
	w = calloc(1, sizeof *w);
	if (!w)
		return wasi_fail(err, WRT_ENOMEM, "out of memory");
	if (wasi_threads_init(&w->threads) != 0 ||
	    wasi_table_init(&w->table, config->max_fds ? config->max_fds :
	    WASI_MAX_FDS) != 0) {
		free(w);
		return wasi_fail(err, WRT_ENOMEM, "out of memory");
	}
	rc = view_fill(w, config, err);
	if (rc) {
		wrt_wasi_destroy(w);
		return rc;
	}
	*out = w;
	return WRT_OK;
}

WRT_API int
wrt_wasi_left_open(wrt_wasi *w, uint32_t *fd)
{
	return w && fd && wasi_table_left_open(&w->table, fd);
}

WRT_API void
wrt_wasi_destroy(wrt_wasi *w)
{
	if (!w)
		return;
	wasi_threads_fini(w);
	wasi_table_destroy(&w->table);
	strings_free(w->argv);
	strings_free(w->env);
	free(w->bindings);
	free(w);
}

/* ---- and offered ------------------------------------------------------ */

static int
define(struct wrt_imports *imports, const char *module,
    const struct function *fn, struct wasi_binding *b)
{
	static const uint8_t i32 = WRT_I32;
	uint8_t params[16];
	struct wrt_functype type = { .params = params, .results = &i32 };

	for (const char *p = fn->params; *p; p++)
		params[type.nparams++] = *p == 'I' ? WRT_I64 : WRT_I32;
	b->has_result = fn->handler != wasi_proc_exit;
	type.nresults = b->has_result;
	b->handler = fn->handler;
	return wrt_imports_func(imports, module, fn->name, &type,
	    call_dispatch, b);
}

WRT_API int
wrt_wasi_imports(wrt_wasi *w, wrt_imports *imports)
{
	struct wasi_binding *b;

	if (!w)
		return WRT_EINVAL;
	b = w->bindings;
	for (size_t s = 0; s < COUNT(snapshots); s++) {
		for (size_t i = 0; i < COUNT(functions); i++, b++) {
			int rc;

			if (!(functions[i].snapshots & snapshots[s].bit))
				continue;
			b->w = w;
			b->snapshot = snapshots[s].bit;
			rc = define(imports, snapshots[s].module,
			    &functions[i], b);
			if (rc)
				return rc;
		}
	}
	return WRT_OK;
}
