/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * parts.c: the module's functions in parts, each compiled alone.
 *
 * What LLVM needs in memory and time grows with what it is given at once, so a
 * part has a limited amount of code; its context is gone before the thread
 * takes the next one.  The cut is cut.c's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <llvm-c/BitWriter.h>
#include "bitcode.h"
#include "emit.h"
#include "knobs.h"
#include "options.h"
#include "partcache.h"
#include "parts.h"
#include "target.h"

#define STACK_BYTES	(256ull << 20)	/* LLVM recurses */

double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- One part ---- */

struct worker {
	struct parts *all;
	struct part *part;
	LLVMContextRef ctx;
	LLVMTargetMachineRef tm;
	LLVMModuleRef mod;
	double *seconds;
	struct partcache_key key;	/* where there is a cache */
};

static int
part_fail(struct part *p, const char *fmt, const char *arg)
{
	char s[800];

	snprintf(s, sizeof s, "%s", arg ? arg : "");
	s[strcspn(s, "\n")] = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	return back_fail(&p->err, WASMC_EBACKEND, fmt, s);
#pragma GCC diagnostic pop
}

/* LLVM's errors, warnings and remarks; the first error counts. */
static void
on_diagnostic(LLVMDiagnosticInfoRef d, void *data)
{
	struct part *p = data;
	char *s;

	if (LLVMGetDiagInfoSeverity(d) != LLVMDSError || p->err.status)
		return;
	s = LLVMGetDiagInfoDescription(d);
	part_fail(p, "LLVM: %s", s);
	LLVMDisposeMessage(s);
}

static LLVMAttributeRef
enum_attr(LLVMContextRef ctx, const char *name)
{
	return LLVMCreateEnumAttribute(ctx,
	    LLVMGetEnumAttributeKindForName(name, strlen(name)), 0);
}

/* The function that stands for deleted ones: so there always is some code. */
static void
add_gone(struct worker *w)
{
	LLVMTypeRef v = LLVMVoidTypeInContext(w->ctx);
	LLVMTypeRef t = LLVMFunctionType(v, NULL, 0, 0);
	LLVMValueRef fn = LLVMAddFunction(w->mod, SYM_GONE, t);
	LLVMBuilderRef b = LLVMCreateBuilderInContext(w->ctx);
	unsigned id = LLVMLookupIntrinsicID("llvm.trap", 9);
	LLVMValueRef trap = LLVMGetIntrinsicDeclaration(w->mod, id, NULL, 0);

	LLVMSetVisibility(fn, LLVMHiddenVisibility);
	LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
	    LLVMCreateEnumAttribute(w->ctx,
		LLVMGetEnumAttributeKindForName("uwtable", 7), 2));
	LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(w->ctx, fn,
	    ""));
	LLVMBuildCall2(b, LLVMIntrinsicGetType(w->ctx, id, NULL, 0), trap,
	    NULL, 0, "");
	LLVMBuildUnreachable(b);
	LLVMDisposeBuilder(b);
}

static void
add_aliases(struct worker *w)
{
	const struct plan *p = w->all->plan;
	const struct symbols *s = &p->sym;

	for (uint32_t i = 0; i < s->naliases; i++) {
		uint32_t func = s->aliases[i].func;
		LLVMValueRef fn, a;

		if (func < w->part->first || func >= w->part->end)
			continue;
		fn = LLVMGetNamedFunction(w->mod, s->funcs[func]);
		if (!fn || LLVMGetLinkage(fn) != LLVMExternalLinkage)
			continue;
		a = LLVMAddAlias2(w->mod, LLVMGlobalGetValueType(fn), 0, fn,
		    s->aliases[i].name);
		LLVMSetVisibility(a, LLVMHiddenVisibility);
	}
}

/* Functions above the budget, where all have to be in one part. */
static void
tame_huge(struct worker *w)
{
	for (uint32_t i = w->part->first; i < w->part->end; i++) {
		LLVMValueRef fn;

		if (cut_level(w->part->plan, i) == w->part->plan->opt_level)
			continue;
		fn = LLVMGetNamedFunction(w->mod, w->all->plan->sym.funcs[i]);
		if (!fn)
			continue;
		LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
		    enum_attr(w->ctx, "noinline"));
		LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
		    enum_attr(w->ctx, "optnone"));
	}
}

static void
dump(struct worker *w, char letter, const char *what)
{
	const char *letters = w->all->opt->dump;
	char *s;

	if (!letters || !strchr(letters, letter))
		return;
	s = LLVMPrintModuleToString(w->mod);
	flockfile(stderr);
	fprintf(stderr, "; part %u, %s\n%s", w->part->index, what, s);
	funlockfile(stderr);
	LLVMDisposeMessage(s);
}

static void
lap(struct worker *w, enum stage s, double *since)
{
	double now = seconds_now();

	w->seconds[s] += now - *since;
	*since = now;
}

static int
part_lower(struct worker *w)
{
	const struct plan *p = w->part->plan;
	double t = seconds_now();
	int rc = lower_part(w->part, w->ctx, w->tm, &w->mod);

	if (rc)
		return rc;
	if (w->part->with_thunks && p->level == 0)
		add_gone(w);
	add_aliases(w);
	target_tune(w->mod, p);
	if (w->part->alone)
		tame_huge(w);
	lap(w, STAGE_LOWER, &t);
	dump(w, 'i', "before optimisation");
	return WASMC_OK;
}

static int
part_optimise(struct worker *w)
{
	double t = seconds_now();
	int rc = lower_optimise(w->part, w->mod, w->tm);

	if (rc == WASMC_OK)
		bitcode_finish(w->part->plan, w->mod);
	if (rc == WASMC_OK && w->part->plan->tail)
		lower_tails(w->part->plan, w->mod);
	lap(w, STAGE_OPTIMISE, &t);
	dump(w, 'o', "after optimisation");
	return rc;
}

/* LLVM puts the reference to the personality function into writable data.  A
 * name as long makes it data that is read-only once it is relocated. */
static void
part_rename(char *p, size_t n)
{
	static const char from[] = ".data.DW.ref." SYM_PERSONALITY;
	static const char to[] = ".data.rel.ro." SYM_PERSONALITY;
	char *end = p + n;

	_Static_assert(sizeof from == sizeof to, "in place");
	while ((p = memmem(p, (size_t)(end - p), from, sizeof from)))
		memcpy(p, to, sizeof to);
}

/* Store what LLVM generated, in the cache too. */
static void
part_store(struct worker *w, LLVMMemoryBufferRef b)
{
	char *p = (char *)(uintptr_t)LLVMGetBufferStart(b);
	size_t n = LLVMGetBufferSize(b);

	if (w->all->plan->exceptions && w->all->opt->emit != WASMC_EMIT_ASM)
		part_rename(p, n);
	w->all->fds[w->part->index] = memory_file("part", p, n);
	if (w->all->cache.dir >= 0 && !w->part->err.status)
		partcache_put(&w->all->cache, &w->key, p, n);
}

static void
add_suffix(LLVMValueRef v, const char *suffix)
{
	size_t n, k = strlen(suffix);
	const char *name = LLVMGetValueName2(v, &n);
	char *s;

	if ((n >= 5 && !memcmp(name, "llvm.", 5)) ||
	    (n == sizeof SYM_PERSONALITY - 1 &&
	     !memcmp(name, SYM_PERSONALITY, n)))
		return;
	s = malloc(n + k);
	if (!s)
		abort();		/* as LLVM does */
	memcpy(s, name, n);
	memcpy(s + n, suffix, k);
	LLVMSetValueName2(v, s, n + k);
	free(s);
}

/* Code of another level is called so. */
static void
part_suffix(struct worker *w)
{
	const char *s = w->part->plan->suffix;
	LLVMValueRef v;

	if (!*s)
		return;
	for (v = LLVMGetFirstFunction(w->mod); v; v = LLVMGetNextFunction(v))
		add_suffix(v, s);
	for (v = LLVMGetFirstGlobal(w->mod); v; v = LLVMGetNextGlobal(v))
		add_suffix(v, s);
	for (v = LLVMGetFirstGlobalAlias(w->mod); v;
	    v = LLVMGetNextGlobalAlias(v))
		add_suffix(v, s);
}

/* LLVM's generation of code: true with the reason if it failed. */
static bool
part_generate(struct worker *w, LLVMMemoryBufferRef *out, char **why)
{
	const struct plan *p = w->part->plan;
	bool failed;

	knobs_enter(p->opt_level == 1 && !w->all->opt->keep_llvm_options ?
	    KNOBS_FEW : KNOBS_ALL);
	failed = LLVMTargetMachineEmitToMemoryBuffer(w->tm, w->mod,
	    w->all->opt->emit == WASMC_EMIT_ASM ? LLVMAssemblyFile :
	    LLVMObjectFile, why, out);
	knobs_leave();
	return failed;
}

static int
part_write(struct worker *w)
{
	enum wasmc_emit emit = w->all->opt->emit;
	int *fd = &w->all->fds[w->part->index];
	double t = seconds_now();
	LLVMMemoryBufferRef b;
	char *why = NULL, *s;

	if (emit == WASMC_EMIT_IR) {
		s = LLVMPrintModuleToString(w->mod);
		*fd = memory_file("part", s, strlen(s));
		LLVMDisposeMessage(s);
	} else if (part_generate(w, &b, &why)) {
		part_fail(w->part, "LLVM: %s", why);
		LLVMDisposeMessage(why);
		return WASMC_EBACKEND;
	} else {
		part_store(w, b);
		LLVMDisposeMemoryBuffer(b);
	}
	lap(w, STAGE_CODEGEN, &t);
	if (w->part->err.status)
		return w->part->err.status;
	return *fd >= 0 ? WASMC_OK : part_fail(w->part,
	    "cannot store an object: %s", strerror(errno));
}

/* ---- The cache ---- */

/* What decides the object besides the IR: the options, and what of the module
 * the passes of lower_optimise() and lower_tails() look at.  A pass that looks
 * at more belongs here. */
static bool
part_environment(const struct plan *p, struct buf *b)
{
	const struct module *m = p->m;
	uint8_t flags[] = { (uint8_t)p->opt_level, p->tail, p->exceptions,
	    p->explicit_bounds, p->loose_stores, p->relaxed_deterministic,
	    p->nan_canonical, p->fuel, p->is_x86 };

	buf_add(b, flags, sizeof flags);
	buf_add(b, &p->layout, sizeof p->layout);
	buf_add(b, p->suffix, strlen(p->suffix) + 1);
	for (uint32_t i = 0; i < m->nmemories; i++) {
		const struct limits *l = &m->memories[i].limits;
		uint64_t x[] = { l->min, l->has_max ? l->max : 0, l->has_max,
		    l->shared, l->is64, l->page_log2,
		    m->memories[i].imported };

		buf_add(b, x, sizeof x);
	}
	return !b->failed;
}

/* Is the object in the cache?  Then it is stored as the part's. */
static bool
part_cached(struct worker *w)
{
	int *fd = &w->all->fds[w->part->index];
	const struct plan *p = w->part->plan;
	const char *options = w->all->options_key[p->level];
	struct buf env = { 0 };
	double t = seconds_now();
	LLVMMemoryBufferRef ir;

	if (w->all->cache.dir < 0)
		return false;
	ir = LLVMWriteBitcodeToMemoryBuffer(w->mod);
	if (part_environment(p, &env)) {
		struct partcache_piece piece[] = {
			{ options, strlen(options) }, { env.p, env.n },
			{ LLVMGetBufferStart(ir), LLVMGetBufferSize(ir) } };

		if (partcache_key(&w->all->cache, piece, 3, &w->key))
			*fd = partcache_get(&w->all->cache, &w->key);
	}
	LLVMDisposeMemoryBuffer(ir);
	buf_free(&env);
	lap(w, STAGE_LOWER, &t);
	return *fd >= 0;
}

static int
part_module(struct worker *w)
{
	int rc = part_lower(w);

	if (rc || part_cached(w))
		return rc;
	rc = part_optimise(w);
	if (rc)
		return rc;
	part_suffix(w);
	return part_write(w);
}

static int
part_compile(struct worker *w)
{
	char *why = NULL;
	int rc;

	w->ctx = LLVMContextCreate();
	LLVMContextSetDiagnosticHandler(w->ctx, on_diagnostic, w->part);
	w->tm = target_machine(w->part->plan, &why);
	if (!w->tm) {
		rc = part_fail(w->part, "LLVM: %s", why);
		LLVMDisposeMessage(why);
	} else {
		rc = part_module(w);
	}
	if (w->mod)
		LLVMDisposeModule(w->mod);
	if (w->tm)
		LLVMDisposeTargetMachine(w->tm);
	LLVMContextDispose(w->ctx);
	return rc;
}

/* ---- All parts ---- */

struct pool {
	struct parts *all;
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct part **order;		/* the heaviest first */
	unsigned next, done, alive;
	unsigned failed;		/* the first part that did, or n */
};

static void *
pool_thread(void *arg)
{
	struct pool *pool = arg;
	struct parts *all = pool->all;
	double seconds[NSTAGES] = { 0 };

	pthread_mutex_lock(&pool->lock);
	while (pool->next < all->n && pool->failed == all->n) {
		struct worker w = { .all = all, .seconds = seconds,
		    .part = pool->order[pool->next++] };
		int rc;

		pthread_mutex_unlock(&pool->lock);
		rc = part_compile(&w);
		pthread_mutex_lock(&pool->lock);
		if (rc && w.part->index < pool->failed)
			pool->failed = w.part->index;
		pool->done++;
		pthread_cond_signal(&pool->news);
	}
	for (int i = 0; i < NSTAGES; i++)
		all->seconds[i] += seconds[i];
	pool->alive--;
	pthread_cond_signal(&pool->news);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

unsigned
parts_threads(const struct wasmc_options *o)
{
	long n = o->jobs ? (long)o->jobs : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
}

/* Wait for the end and tell about progress. */
static void
pool_wait(struct pool *pool)
{
	const struct wasmc_options *o = pool->all->opt;

	pthread_mutex_lock(&pool->lock);
	while (pool->alive) {
		struct timespec t;
		unsigned done = pool->done;

		if (o->progress) {
			pthread_mutex_unlock(&pool->lock);
			o->progress(o->progress_data, "compile", done,
			    pool->all->n);
			pthread_mutex_lock(&pool->lock);
			if (!pool->alive)
				break;
		}
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 200000000;
		t.tv_sec += t.tv_nsec / 1000000000;
		t.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&pool->news, &pool->lock, &t);
	}
	pthread_mutex_unlock(&pool->lock);
}

static unsigned
pool_start(struct pool *pool, pthread_t *threads, unsigned want)
{
	pthread_attr_t attr;
	unsigned n = 0;

	if (pthread_attr_init(&attr))
		return 0;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_mutex_lock(&pool->lock);
	while (n < want && pthread_create(&threads[n], &attr, pool_thread,
	    pool) == 0)
		n++;
	pool->alive = n;
	pthread_mutex_unlock(&pool->lock);
	pthread_attr_destroy(&attr);
	return n;
}

/* The heaviest part last would be waited for alone. */
static int
by_work(const void *a, const void *b)
{
	const struct part *x = *(struct part *const *)a;
	const struct part *y = *(struct part *const *)b;
	uint64_t i = x->bytes << 2 * x->plan->opt_level;
	uint64_t k = y->bytes << 2 * y->plan->opt_level;

	if (i != k)
		return i > k ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static int
run_pool(struct parts *all, struct part **order, struct wasmc_error *err)
{
	struct pool pool = { .all = all, .failed = all->n, .order = order,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .news = PTHREAD_COND_INITIALIZER };
	unsigned n = parts_threads(all->opt);
	pthread_t threads[256];

	for (unsigned i = 0; i < all->n; i++)
		order[i] = &all->parts[i];
	qsort(order, all->n, sizeof(*order), by_work);
	n = pool_start(&pool, threads, n < all->n ? n : all->n);
	if (n == 0)
		return back_fail(err, WASMC_ENOMEM,
		    "cannot start a thread: %s", strerror(errno));
	pool_wait(&pool);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&pool.lock);
	pthread_cond_destroy(&pool.news);
	if (pool.failed == all->n)
		return WASMC_OK;
	*err = all->parts[pool.failed].err;
	return err->status;
}

/* Texts are not kept, and who dumps wants to see all stages.  Options that do
 * not fit are not told apart. */
static int
open_cache(struct parts *all, const struct target *levels,
    struct wasmc_error *err)
{
	struct wasmc_options one = *all->opt;
	const struct wasmc_options *o = all->opt;
	size_t room = sizeof all->options_key[0];
	bool use = !o->dump && (o->emit == WASMC_EMIT_SO ||
	    o->emit == WASMC_EMIT_OBJ);

	for (unsigned i = 0; i < all->nlevels; i++) {
		one.cpu = *levels[i].cpu ? levels[i].cpu : NULL;
		if (wasmc_options_key(&one, all->options_key[i], room) >= room)
			use = false;
	}
	return partcache_open(&all->cache, use ? o->cache_dir : NULL,
	    o->cache_max_bytes, (const void *)LLVMContextCreate, err);
}

int
parts_run(struct parts *all, const struct target *levels,
    struct wasmc_error *err)
{
	struct part **order = calloc(all->n + 1, sizeof(*order));
	int rc = order ? open_cache(all, levels, err) :
	    back_fail(err, WASMC_ENOMEM, "out of memory");

	if (rc == WASMC_OK) {
		rc = run_pool(all, order, err);
		partcache_close(&all->cache);
	}
	free(order);
	return rc;
}

void
parts_close(struct parts *all)
{
	for (unsigned i = 0; i < all->n; i++)
		if (all->fds[i] >= 0)
			close(all->fds[i]);
}
