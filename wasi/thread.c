/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * thread.c: wasi-threads: "wasi" "thread-spawn".
 *
 * A thread of the guest is a thread of the host with an instance of its own,
 * made from the same imports, over the same shared memory.  It is made by the
 * thread that asks for it, so that what goes wrong is the guest's result.
 *
 * The end.  A thread that returns ends alone.  Whoever traps or exits first
 * ends all: it is remembered as the cause, nothing can be spawned any more,
 * and every other instance is killed, again and again until it is over, since
 * a thread that has just been made runs nothing yet that could be killed.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wasi.h"

enum { STACK_BYTES = 1 << 20, KILL_EVERY_NS = 5000000 };
/* tids are in [1, 2^29). */
enum { TID_END = 1 << 29 };

static const char start_name[] = "wasi_thread_start";

struct wasi_thread {
	struct wasi_thread *next;
	struct wrt_wasi *w;
	wrt_instance *inst;		/* NULL while it is being made */
	pthread_t id;
	bool started, done;		/* id is valid; it runs no more */
	int32_t tid, arg;
};

int
wasi_threads_init(struct wasi_threads *t)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	if (pthread_mutex_init(&t->lock, NULL) != 0)
		return -1;
	return pthread_cond_init(&t->changed, &a) == 0 ? 0 : -1;
}

/* ---- The list, under the lock ------------------------------------------- */

static void
drop(struct wasi_threads *ts, struct wasi_thread *t)
{
	struct wasi_thread **at = &ts->list;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	ts->n--;
	if (t->started)
		pthread_join(t->id, NULL);
	if (t->inst != ts->cause)
		wrt_instance_close(t->inst);
	free(t);
}

/* Those that have returned.  They are past their last use of the lock but one,
 * so that joining them takes no time. */
static void
reap(struct wasi_threads *ts)
{
	struct wasi_thread *t, *next;

	for (t = ts->list; t; t = next) {
		next = t->next;
		if (t->done)
			drop(ts, t);
	}
}

static bool
tid_taken(const struct wasi_threads *ts, int32_t tid)
{
	for (const struct wasi_thread *t = ts->list; t; t = t->next)
		if (t->tid == tid)
			return true;
	return false;
}

static int32_t
tid_next(struct wasi_threads *ts)
{
	do {
		if (++ts->last_tid >= TID_END)
			ts->last_tid = 1;
	} while (tid_taken(ts, ts->last_tid));
	return ts->last_tid;
}

static void
kill_threads(struct wasi_threads *ts, const struct wasi_thread *but)
{
	for (struct wasi_thread *t = ts->list; t; t = t->next)
		if (t != but && t->inst && t->started && !t->done)
			wrt_instance_kill(t->inst, WRT_TRAP_INTERRUPT);
}

static void
nap(struct wasi_threads *ts)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += KILL_EVERY_NS;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	pthread_cond_timedwait(&ts->changed, &ts->lock, &at);
}

/* ---- A thread's life ---------------------------------------------------- */

/* t has trapped or exited: the program is over. */
static void
end_program(struct wasi_threads *ts, struct wasi_thread *t)
{
	if (ts->over)
		return;
	ts->over = true;
	ts->cause = t->inst;
	while (!ts->main_is_back) {
		wrt_instance_kill(ts->main, WRT_TRAP_INTERRUPT);
		kill_threads(ts, t);
		nap(ts);
	}
}

static void *
thread_main(void *arg)
{
	struct wasi_thread *t = arg;
	struct wasi_threads *ts = &t->w->threads;
	wrt_val vals[2] = { { .i32 = t->tid }, { .i32 = t->arg } };
	int rc = wrt_instance_call(t->inst, start_name, vals, 2, NULL);

	pthread_mutex_lock(&ts->lock);
	if (rc != WRT_OK)
		end_program(ts, t);
	t->done = true;
	pthread_cond_broadcast(&ts->changed);
	pthread_mutex_unlock(&ts->lock);
	return NULL;
}

/* The host's signals are its own threads' business. */
static bool
thread_start(struct wasi_thread *t)
{
	pthread_attr_t a;
	sigset_t all, old;
	bool ok;

	if (pthread_attr_init(&a) != 0)
		return false;
	pthread_attr_setstacksize(&a, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	ok = pthread_create(&t->id, &a, thread_main, t) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&a);
	return ok;
}

/* A place in the list, which makes the end wait for us; or NULL. */
static struct wasi_thread *
reserve(struct wrt_wasi *w, int32_t arg)
{
	struct wasi_threads *ts = &w->threads;
	struct wasi_thread *t;

	reap(ts);
	if (ts->over || !ts->main || ts->n >= WASI_MAX_THREADS)
		return NULL;
	t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->w = w;
	t->arg = arg;
	t->tid = tid_next(ts);
	t->next = ts->list;
	ts->list = t;
	ts->n++;
	return t;
}

/* (arg) -> tid, or a negative error. */
static int
spawn(void *data, wrt_instance *caller, wrt_val *vals)
{
	struct wrt_wasi *w = data;
	struct wasi_threads *ts = &w->threads;
	struct wasi_thread *t;
	wrt_instance *inst = NULL;
	int32_t result = -WASI_AGAIN;

	pthread_mutex_lock(&ts->lock);
	t = reserve(w, vals[0].i32);
	pthread_mutex_unlock(&ts->lock);
	if (t) {
		wrt_instance_create(&inst, ts->pool, ts->module, ts->imports,
		    NULL);
		pthread_mutex_lock(&ts->lock);
		t->inst = inst;
		t->started = inst && !ts->over && thread_start(t);
		if (t->started)
			result = t->tid;
		else
			drop(ts, t);
		pthread_cond_broadcast(&ts->changed);
		pthread_mutex_unlock(&ts->lock);
	}
	vals[0] = (wrt_val){ .i32 = result };
	return WRT_OK;
}

/* ---- For the host ------------------------------------------------------- */

static bool
is_name(const char *s, size_t n, const char *want)
{
	return n == strlen(want) && memcmp(s, want, n) == 0;
}

static bool
imports_spawn(const wrt_module *m)
{
	struct wrt_extern_type t;

	for (size_t i = 0; wrt_module_import(m, i, &t) == WRT_OK; i++)
		if (t.kind == WRT_FUNC && is_name(t.module, t.module_len,
		    "wasi") && is_name(t.name, t.name_len, "thread-spawn"))
			return true;
	return false;
}

static bool
exports_start(const wrt_module *m)
{
	struct wrt_extern_type t;

	for (size_t i = 0; wrt_module_export(m, i, &t) == WRT_OK; i++)
		if (t.kind == WRT_FUNC && is_name(t.name, t.name_len,
		    start_name))
			return t.func.nparams == 2 && t.func.nresults == 0 &&
			    t.func.params[0] == WRT_I32 &&
			    t.func.params[1] == WRT_I32;
	return false;
}

/* The shared memories that the module imports, of the very type it wants. */
static int
define_memories(wrt_imports *l, wrt_pool *p, const wrt_module *m,
    struct wrt_error *err)
{
	struct wrt_extern_type t;

	for (size_t i = 0; wrt_module_import(m, i, &t) == WRT_OK; i++) {
		int rc;

		if (t.kind != WRT_MEMORY || !t.limits.shared ||
		    strlen(t.module) != t.module_len ||
		    strlen(t.name) != t.name_len)
			continue;
		rc = wrt_imports_memory(l, p, t.module, t.name, &t.limits,
		    err);
		if (rc != WRT_OK)
			return rc;
	}
	return WRT_OK;
}

WRT_API int
wrt_wasi_threads(wrt_wasi *w, wrt_imports *imports, wrt_pool *pool,
    wrt_module *module, struct wrt_error *err)
{
	static const uint8_t i32 = WRT_I32;
	const struct wrt_functype type = { 1, 1, &i32, &i32 };
	int rc;

	if (!w || !imports || !pool || !module)
		return wasi_fail(err, WRT_EINVAL, "an argument is NULL");
	if (!imports_spawn(module))
		return WRT_ENOTFOUND;
	if (!exports_start(module))
		return wasi_fail(err, WRT_ELINK, "the module imports "
		    "\"thread-spawn\", but does not export \"%s\" of type "
		    "(i32, i32) -> ()", start_name);
	rc = define_memories(imports, pool, module, err);
	if (rc == WRT_OK)
		rc = wrt_imports_func(imports, "wasi", "thread-spawn", &type,
		    spawn, w);
	if (rc != WRT_OK)
		return rc;
	w->threads.imports = imports;
	w->threads.pool = pool;
	w->threads.module = module;
	return WRT_OK;
}

WRT_API void
wrt_wasi_threads_begin(wrt_wasi *w, wrt_instance *main)
{
	struct wasi_threads *ts;

	if (!w)
		return;
	ts = &w->threads;
	pthread_mutex_lock(&ts->lock);
	wrt_instance_close(ts->cause);
	ts->cause = NULL;
	ts->main = main;
	ts->main_is_back = ts->over = false;
	pthread_mutex_unlock(&ts->lock);
}

WRT_API wrt_instance *
wrt_wasi_threads_end(wrt_wasi *w)
{
	struct wasi_threads *ts;
	wrt_instance *cause;

	if (!w)
		return NULL;
	ts = &w->threads;
	pthread_mutex_lock(&ts->lock);
	ts->over = ts->main_is_back = true;
	pthread_cond_broadcast(&ts->changed);
	for (reap(ts); ts->n; reap(ts)) {
		kill_threads(ts, NULL);
		nap(ts);
	}
	cause = ts->main ? ts->cause : NULL;
	ts->main = NULL;
	pthread_mutex_unlock(&ts->lock);
	return cause;
}

void
wasi_threads_fini(struct wrt_wasi *w)
{
	wrt_wasi_threads_end(w);
	wrt_instance_close(w->threads.cause);
	pthread_cond_destroy(&w->threads.changed);
	pthread_mutex_destroy(&w->threads.lock);
}
