/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * spec_commands.c: run the commands of one file of the converted test suite.
 *
 * A module that needs a feature which is not compiled yet skips what depends
 * on it and nothing else: the commands up to the next module, those that name
 * it, and modules that import from it.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spec.h"

/* What a file's commands share, threads included. */
struct run {
	const char *dir, *tmp;
	const struct spec_options *options;
	struct spec_report *report;
	pthread_mutex_t lock;		/* report, nfiles, stdout */
	wrt_pool *pool;
	unsigned nfiles;		/* artifacts written */
};

/* A module or instance, and the name it is known by. */
struct unit {
	struct unit *next;		/* older */
	char *name;			/* "" if it has none */
	wrt_module *module;
	wrt_instance *inst;		/* NULL for a mere definition */
	bool skipped;
	bool shared;			/* another context's, which closes it */
};

struct thread {
	struct thread *next;
	pthread_t id;
	char *name;
	struct context *context;
	const json_t *commands;
};

/* A store and its registry. */
struct context {
	struct run *run;
	wrt_imports *imports;
	struct unit *units;		/* newest first */
	struct unit *current;
	struct unit *definition;	/* the last */
	char **skipped;			/* registered names without instance */
	size_t nskipped;
	char **registered;		/* names that the script registered */
	size_t nregistered;
	struct thread *threads;
	int line;
};

/* How a command came out. */
enum outcome { PASSED, FAILED, SKIPPED, UNCOUNTED };

static enum outcome run_commands(struct context *c, const json_t *commands);

static const char *
member(const json_t *json, const char *key)
{
	const char *s = json_string_value(json_object_get(json, key));

	return s ? s : "";
}

__attribute__((format(printf, 2, 3))) static enum outcome
failed(struct context *c, const char *fmt, ...)
{
	struct spec_report *r = c->run->report;
	char text[250];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&c->run->lock);
	if (!*r->failure)
		snprintf(r->failure, sizeof r->failure, "line %d: %s", c->line,
		    text);
	printf("  line %d: %s\n", c->line, text);
	fflush(stdout);
	pthread_mutex_unlock(&c->run->lock);
	return FAILED;
}

static enum outcome
skipped(struct context *c, const char *reason)
{
	struct spec_report *r = c->run->report;

	if (c->run->options->strict)
		return failed(c, "%s", reason);
	if (c->run->options->verbose)
		printf("  line %d skipped: %s\n", c->line, reason);
	if (!*r->reason)
		snprintf(r->reason, sizeof r->reason, "%s", reason);
	return SKIPPED;
}

/* The expected text is the beginning of ours or ours of it. */
static bool
text_fits(const char *expected, const char *got)
{
	size_t a = strlen(expected), b = strlen(got);

	return b > 0 && strncmp(expected, got, a < b ? a : b) == 0;
}

/* Does the text name a trap as the specification does?  What other engines'
 * scripts expect besides is advice. */
static bool
is_spec_text(const char *text)
{
	static const char *const texts[] = {
		"unreachable", "integer divide by zero", "integer overflow",
		"invalid conversion to integer", "out of bounds",
		"undefined element", "uninitialized element",
		"indirect call type mismatch", "call stack exhausted",
		"cast failure", "unaligned atomic", "expected shared memory",
		"unhandled", "continuation already consumed",
		"uncaught exception",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strncmp(text, texts[i], strlen(texts[i])) == 0)
			return true;
	return false;
}

/* Is the trap one that the text may mean?  A text that is not the
 * specification's may mean any, but none that has a command of its own; and
 * all nulls are called "null reference" somewhere. */
static bool
trap_fits(const char *text, const struct wrt_trap *trap)
{
	if (!trap->text)
		return false;
	if (text_fits(text, trap->text))
		return true;
	if (strncmp(text, "null ", 5) == 0)
		return strncmp(trap->text, "null ", 5) == 0;
	return !is_spec_text(text) && trap->code != WRT_TRAP_STACK_OVERFLOW &&
	    trap->code != WRT_TRAP_EXCEPTION &&
	    trap->code != WRT_TRAP_UNHANDLED_TAG;
}

/* Error texts are advice: say where they differ. */
static enum outcome
passed_text(struct context *c, const char *expected, const char *got)
{
	if (strstr(got, expected))
		return PASSED;
	c->run->report->texts_differ++;
	if (c->run->options->verbose)
		printf("  line %d text differs: expected \"%s\", got \"%s\"\n",
		    c->line, expected, got);
	return PASSED;
}

/* ---- Modules ------------------------------------------------------------ */

/* The command's file, or NULL if it is text. */
static const char *
binary_file(const json_t *cmd)
{
	const char *name = member(cmd, "binary_filename");
	size_t n;

	if (!*name)
		name = member(cmd, "filename");
	n = strlen(name);
	return n > 4 && strcmp(name + n - 4, ".wat") == 0 ? NULL : name;
}

static void *
read_file(const char *dir, const char *name, size_t *n)
{
	char path[4096];
	void *data = NULL;
	long size;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0) {
		rewind(f);
		data = malloc((size_t)size + 1);
		*n = data ? fread(data, 1, (size_t)size, f) : 0;
	}
	fclose(f);
	return data;
}

/* A module with one or two of everything, linked before each module with
 * --relink: all numbers in that one change, and what it does must not.
 *
 *	(import "spectest" "print" (func $p))
 *	(func $a (param i32) (result i32) (local.get 0))  (func $b)
 *	(table 1 1 funcref)  (memory 1 1)  (tag)  (global i32 (i32.const 7))
 *	(elem func $a $b)  (data "companion") */
static const uint8_t companion[] = {
	0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x09, 0x02,
	0x60, 0x00, 0x00, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x02, 0x12, 0x01,
	0x08, 0x73, 0x70, 0x65, 0x63, 0x74, 0x65, 0x73, 0x74, 0x05, 0x70,
	0x72, 0x69, 0x6e, 0x74, 0x00, 0x00, 0x03, 0x03, 0x02, 0x01, 0x00,
	0x04, 0x05, 0x01, 0x70, 0x01, 0x01, 0x01, 0x05, 0x04, 0x01, 0x01,
	0x01, 0x01, 0x0d, 0x03, 0x01, 0x00, 0x00, 0x06, 0x06, 0x01, 0x7f,
	0x00, 0x41, 0x07, 0x0b, 0x09, 0x06, 0x01, 0x01, 0x00, 0x02, 0x01,
	0x02, 0x0a, 0x09, 0x02, 0x04, 0x00, 0x20, 0x00, 0x0b, 0x02, 0x00,
	0x0b, 0x0b, 0x0c, 0x01, 0x01, 0x09, 0x63, 0x6f, 0x6d, 0x70, 0x61,
	0x6e, 0x69, 0x6f, 0x6e,
};

static int
relink(void **wasm, size_t *n, const struct wasmc_options *o,
    struct wasmc_error *err)
{
	struct wasmc_link_input in[] = {
		{ companion, sizeof companion, "\1companion" },
		{ *wasm, *n, "\1module" },
	};
	void *out;
	int rc = wasmc_link(in, 2, WASMC_EXPORTS_ALL, o, &out, n, NULL, err);

	if (rc)
		return rc;
	free(*wasm);
	*wasm = out;
	return WASMC_OK;
}

/* Compile and open the command's module.  PASSED, or SKIPPED and FAILED with
 * the reason given. */
static enum outcome
open_module(struct context *c, const json_t *cmd, wrt_module **out)
{
	struct run *run = c->run;
	struct wasmc_options o = run->options->compile;
	const char *name = binary_file(cmd);
	struct wasmc_error cerr = { 0 };
	struct wrt_error err = { 0 };
	char path[4096];
	size_t n = 0;
	void *wasm;
	int rc;

	wasm = read_file(run->dir, name, &n);
	if (!wasm)
		return failed(c, "%s: cannot be read", name);
	pthread_mutex_lock(&run->lock);
	snprintf(path, sizeof path, "%s/%u.so", run->tmp, run->nfiles++);
	pthread_mutex_unlock(&run->lock);
	rc = WASMC_OK;
	if (run->options->relink) {
		o.features = "all";	/* which the companion needs */
		rc = relink(&wasm, &n, &o, &cerr);
	}
	if (rc == WASMC_OK)
		rc = wasmc_compile(wasm, n, name, path, &o, &cerr);
	free(wasm);
	if (rc == WASMC_EUNSUPPORTED)
		return skipped(c, cerr.text);
	if (rc != WASMC_OK)
		return failed(c, "%s does not compile: %s", name, cerr.text);
	rc = wrt_module_open(out, path, &err);
	unlink(path);
	if (rc != WRT_OK)
		return failed(c, "%s does not load: %s", name, err.text);
	return PASSED;
}

static struct unit *
add_unit(struct context *c, const char *name)
{
	struct unit *u = calloc(1, sizeof *u);

	if (!u || !(u->name = strdup(name)))
		abort();
	u->next = c->units;
	c->units = u;
	return u;
}

/* The newest unit of that name. */
static struct unit *
find_unit(struct context *c, const char *name, bool definition)
{
	struct unit *u = c->units;

	while (u && (strcmp(u->name, name) != 0 ||
	    (definition && !u->module && !u->skipped)))
		u = u->next;
	return u;
}

/* Does the module import from one that was skipped? */
static bool
imports_skipped(struct context *c, const wrt_module *m)
{
	struct wrt_extern_type t;

	for (size_t i = 0; i < wrt_module_nimports(m); i++) {
		if (wrt_module_import(m, i, &t) != WRT_OK)
			continue;
		for (size_t k = 0; k < c->nskipped; k++)
			if (strlen(c->skipped[k]) == t.module_len &&
			    memcmp(c->skipped[k], t.module, t.module_len) == 0)
				return true;
	}
	return false;
}

static enum outcome
instantiate(struct context *c, struct unit *u)
{
	struct wrt_error err = { 0 };
	int rc;

	if (imports_skipped(c, u->module)) {
		u->skipped = true;
		return skipped(c, "imports from a module that was skipped");
	}
	rc = wrt_instance_create(&u->inst, c->run->pool, u->module,
	    c->imports, &err);
	if (rc != WRT_OK)
		return failed(c, "not instantiated: %s (%s)", err.text,
		    wrt_status_text(rc));
	return PASSED;
}

static bool
is_in(char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void
add_name(char ***names, size_t *n, const char *name)
{
	*names = realloc(*names, (*n + 1) * sizeof **names);
	if (!*names || !((*names)[*n] = strdup(name)))
		abort();
	(*n)++;
}

static void
free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* Scripts from elsewhere import from instances by the names they have in the
 * script, without a register: those names serve where none is registered. */
static void
offer_by_name(struct context *c, const struct unit *u)
{
	if (*u->name && strcmp(u->name, "spectest") != 0 &&
	    !is_in(c->registered, c->nregistered, u->name))
		wrt_imports_instance(c->imports, u->name, u->inst);
}

static enum outcome
do_module(struct context *c, const json_t *cmd)
{
	struct unit *u = add_unit(c, member(cmd, "name"));
	enum outcome out = open_module(c, cmd, &u->module);

	c->current = u;
	u->skipped = out == SKIPPED;
	if (out == PASSED)
		out = instantiate(c, u);
	if (out == PASSED)
		offer_by_name(c, u);
	return out;
}

static enum outcome
do_definition(struct context *c, const json_t *cmd)
{
	struct unit *u = add_unit(c, member(cmd, "name"));
	enum outcome out = open_module(c, cmd, &u->module);

	c->definition = u;
	u->skipped = out == SKIPPED;
	return out;
}

static enum outcome
do_instance(struct context *c, const json_t *cmd)
{
	const char *name = member(cmd, "module");
	struct unit *def = *name ? find_unit(c, name, true) : c->definition;
	struct unit *u = add_unit(c, member(cmd, "instance"));

	c->current = u;
	if (def && def->skipped) {
		u->skipped = true;
		return skipped(c, "the module was skipped");
	}
	if (!def || !def->module)
		return failed(c, "no module \"%s\"", name);
	/* The definition keeps the module open. */
	struct wrt_error err = { 0 };
	int rc = wrt_instance_create(&u->inst, c->run->pool, def->module,
	    c->imports, &err);

	return rc == WRT_OK ? PASSED : failed(c, "not instantiated: %s",
	    err.text);
}

/* The instance that a command is about, or NULL and the outcome. */
static wrt_instance *
instance_of(struct context *c, const json_t *json, const char *key,
    enum outcome *out)
{
	const char *name = member(json, key);
	struct unit *u = *name ? find_unit(c, name, false) : c->current;

	if (u && u->inst)
		return u->inst;
	*out = u && u->skipped ? skipped(c, "the module was skipped")
			       : failed(c, "no instance \"%s\"", name);
	return NULL;
}

static enum outcome
do_register(struct context *c, const json_t *cmd)
{
	const char *as = member(cmd, "as");
	enum outcome out = PASSED;
	wrt_instance *inst = instance_of(c, cmd, "name", &out);

	if (!inst) {
		add_name(&c->skipped, &c->nskipped, as);
		return out;
	}
	add_name(&c->registered, &c->nregistered, as);
	int rc = wrt_imports_instance(c->imports, as, inst);

	return rc == WRT_OK ? PASSED
			    : failed(c, "register: %s", wrt_status_text(rc));
}

/* ---- Actions ------------------------------------------------------------ */

struct result {
	int rc;				/* enum wrt_status */
	uint32_t n;
	uint8_t types[1024];
	wrt_val vals[1024];
	struct wrt_trap trap;
	wrt_instance *inst;		/* that was asked */
};

static enum outcome
do_get(struct context *c, wrt_instance *inst, const char *field, size_t len,
    struct result *r)
{
	wrt_global *g;
	int mut;

	r->rc = wrt_instance_global(inst, field, len, &g);
	if (r->rc != WRT_OK)
		return failed(c, "get %s: %s", field, wrt_status_text(r->rc));
	r->n = 1;
	r->types[0] = wrt_global_type(g, &mut);
	r->vals[0] = wrt_global_get(g);
	return PASSED;
}

static enum outcome
do_invoke(struct context *c, wrt_instance *inst, const char *field,
    size_t len, const json_t *args, struct result *r)
{
	struct wrt_functype type;
	wrt_val vals[1024];
	wrt_func *f;
	json_t *arg;
	size_t i;

	r->rc = wrt_instance_func(inst, field, len, &f, &type);
	if (r->rc != WRT_OK)
		return failed(c, "invoke %s: %s", field,
		    wrt_status_text(r->rc));
	if (type.nresults > 1024 || json_array_size(args) > 1024)
		return failed(c, "invoke %s: too many values", field);
	json_array_foreach(args, i, arg)
		if (!spec_value(arg, &vals[i]))
			return failed(c, "invoke %s: unknown argument type %s",
			    field, member(arg, "type"));
	r->n = type.nresults;
	if (r->n)
		memcpy(r->types, type.results, r->n);
	/* By name, so that the trap is this instance's; but names with NUL,
	 * which are no C strings, only by function. */
	r->rc = strlen(field) == len
	    ? wrt_instance_call(inst, field, vals, json_array_size(args),
	    r->vals) : wrt_func_call(f, vals, json_array_size(args), r->vals);
	if (r->rc == WRT_ETRAP && wrt_trap_get(wrt_func_instance(f),
	    &r->trap) != WRT_OK)
		return failed(c, "invoke %s: trapped, but has no trap", field);
	if (r->rc != WRT_OK && r->rc != WRT_ETRAP)
		return failed(c, "invoke %s: %s", field,
		    wrt_status_text(r->rc));
	return PASSED;
}

/* PASSED: performed, with whatever end. */
static enum outcome
perform(struct context *c, const json_t *cmd, struct result *r)
{
	const json_t *action = json_object_get(cmd, "action");
	const json_t *field = json_object_get(action, "field");
	const char *name = json_string_value(field);
	enum outcome out = PASSED;
	wrt_instance *inst = instance_of(c, action, "module", &out);

	if (!inst)
		return out;
	r->inst = inst;
	if (!name)
		return failed(c, "an action without a field");
	memset(&r->trap, 0, sizeof r->trap);
	if (strcmp(member(action, "type"), "get") == 0)
		return do_get(c, inst, name, json_string_length(field), r);
	return do_invoke(c, inst, name, json_string_length(field),
	    json_object_get(action, "args"), r);
}

static enum outcome
do_action(struct context *c, const json_t *cmd)
{
	static __thread struct result r;
	enum outcome out = perform(c, cmd, &r);

	if (out == PASSED && r.rc != WRT_OK)
		return failed(c, "trap: %s", r.trap.text);
	return out;
}

static enum outcome
do_assert_return(struct context *c, const json_t *cmd)
{
	static __thread struct result r;
	const json_t *expected = json_object_get(cmd, "expected");
	enum outcome out = perform(c, cmd, &r);
	char why[200];

	if (out != PASSED)
		return out;
	if (r.rc != WRT_OK)
		return failed(c, "%s: trap: %s",
		    member(json_object_get(cmd, "action"), "field"),
		    r.trap.text);
	if (json_array_size(expected) != r.n)
		return failed(c, "%u results, not %zu", r.n,
		    json_array_size(expected));
	for (uint32_t i = 0; i < r.n; i++)
		if (!spec_match(json_array_get(expected, i), r.inst,
		    r.types[i], &r.vals[i], why, sizeof why))
			return failed(c, "%s: %s",
			    member(json_object_get(cmd, "action"), "field"),
			    why);
	return PASSED;
}

static enum outcome
ends_with(struct context *c, const json_t *cmd, const char *text)
{
	static __thread struct result r;
	enum outcome out = perform(c, cmd, &r);
	const char *field = member(json_object_get(cmd, "action"), "field");

	if (out != PASSED)
		return out;
	if (r.rc == WRT_OK)
		return failed(c, "%s: returned, expected: %s", field, text);
	if (!trap_fits(text, &r.trap))
		return failed(c, "%s: trap: %s, expected: %s", field,
		    r.trap.text ? r.trap.text : "(no text)", text);
	return passed_text(c, text, r.trap.text);
}

static enum outcome
do_assert_trap(struct context *c, const json_t *cmd)
{
	return ends_with(c, cmd, member(cmd, "text"));
}

static enum outcome
do_assert_exhaustion(struct context *c, const json_t *cmd)
{
	return ends_with(c, cmd, "call stack exhausted");
}

static enum outcome
do_assert_exception(struct context *c, const json_t *cmd)
{
	return ends_with(c, cmd, "uncaught exception");
}

static enum outcome
do_assert_suspension(struct context *c, const json_t *cmd)
{
	return ends_with(c, cmd, "unhandled tag");
}

/* ---- Modules that must be refused --------------------------------------- */

static enum outcome
do_assert_bad(struct context *c, const json_t *cmd)
{
	const char *name = binary_file(cmd);
	bool malformed = strcmp(member(cmd, "type"), "assert_malformed") == 0;
	struct wasmc_error err = { 0 };
	size_t n = 0;
	void *wasm;
	int rc;

	wasm = read_file(c->run->dir, name, &n);
	if (!wasm)
		return failed(c, "%s: cannot be read", name);
	rc = wasmc_validate(wasm, n, &c->run->options->compile, &err);
	free(wasm);
	if (rc == WASMC_EMALFORMED || (rc == WASMC_EINVALID && !malformed))
		return passed_text(c, member(cmd, "text"), err.text);
	if (rc == WASMC_OK)
		return failed(c, "%s: accepted, expected: %s", name,
		    member(cmd, "text"));
	if (rc == WASMC_EUNSUPPORTED)
		return skipped(c, err.text);
	return failed(c, "%s: %s (status %d), expected: %s", name, err.text,
	    rc, member(cmd, "text"));
}

/* A trap; or too little room, if the text is of another engine's limits. */
static bool
uninstantiable(int rc, const char *text)
{
	return rc == WRT_ETRAP || (!is_spec_text(text) &&
	    (rc == WRT_ELIMIT || rc == WRT_ENOMEM));
}

/* Instantiation must fail: at the imports, or by a trap. */
static enum outcome
do_assert_not_instantiated(struct context *c, const json_t *cmd)
{
	bool link = strcmp(member(cmd, "type"), "assert_unlinkable") == 0;
	const char *text = member(cmd, "text");
	struct wrt_error err = { 0 };
	struct unit *u = add_unit(c, "");
	enum outcome out = open_module(c, cmd, &u->module);
	int rc;

	/* The current module stays. */
	if (out != PASSED)
		return out;
	if (imports_skipped(c, u->module))
		return skipped(c, "imports from a module that was skipped");
	rc = wrt_instance_create(&u->inst, c->run->pool, u->module,
	    c->imports, &err);
	if (rc == WRT_OK)
		return failed(c, "instantiated, expected: %s", text);
	if (link ? rc != WRT_ELINK : !uninstantiable(rc, text))
		return failed(c, "%s (%s), expected: %s", err.text,
		    wrt_status_text(rc), text);
	if (!link && is_spec_text(text) && !strstr(err.text, text))
		return failed(c, "%s, expected: %s", err.text, text);
	return passed_text(c, text, err.text);
}

/* ---- Threads ------------------------------------------------------------ */

static struct context *
create_context(struct run *run)
{
	struct context *c = calloc(1, sizeof *c);

	if (!c || wrt_imports_create(&c->imports) != WRT_OK)
		abort();
	c->run = run;
	return c;
}

static void
destroy_context(struct context *c)
{
	/* Newest first: but any order would be right. */
	for (struct unit *u = c->units, *next; u; u = next) {
		next = u->next;
		if (!u->shared) {
			wrt_instance_close(u->inst);
			wrt_module_close(u->module);
		}
		free(u->name);
		free(u);
	}
	wrt_imports_destroy(c->imports);
	free_names(c->skipped, c->nskipped);
	free_names(c->registered, c->nregistered);
	free(c);
}

static void *
thread_main(void *arg)
{
	struct thread *t = arg;

	run_commands(t->context, t->commands);
	return NULL;
}

static enum outcome
do_thread(struct context *c, const json_t *cmd)
{
	const char *shared = member(cmd, "shared_module");
	struct unit *u = find_unit(c, shared, false);
	struct thread *t;

	if (*shared && (!u || !u->inst))
		return u && u->skipped ? skipped(c, "the module was skipped")
				       : failed(c, "no instance %s", shared);
	t = calloc(1, sizeof *t);
	if (!t || !(t->name = strdup(member(cmd, "name"))))
		abort();
	t->context = create_context(c->run);
	t->commands = json_object_get(cmd, "commands");
	if (*shared) {
		struct unit *same = add_unit(t->context, shared);

		same->inst = u->inst;
		same->shared = true;
		offer_by_name(t->context, same);
	}
	if (pthread_create(&t->id, NULL, thread_main, t) != 0)
		abort();
	t->next = c->threads;
	c->threads = t;
	return PASSED;
}

static enum outcome
do_wait(struct context *c, const json_t *cmd)
{
	for (struct thread **p = &c->threads; *p; p = &(*p)->next) {
		struct thread *t = *p;

		if (strcmp(t->name, member(cmd, "thread")) != 0)
			continue;
		pthread_join(t->id, NULL);
		*p = t->next;
		destroy_context(t->context);
		free(t->name);
		free(t);
		return PASSED;
	}
	return skipped(c, "the thread was skipped");
}

/* ---- Commands ----------------------------------------------------------- */

static enum outcome
not_tested(struct context *c, const json_t *cmd)
{
	(void)c;
	(void)cmd;
	return UNCOUNTED;
}

static const struct command {
	const char *type;
	enum outcome (*run)(struct context *, const json_t *);
	bool has_module;
} commands[] = {
	{ "module", do_module, true },
	{ "module_definition", do_definition, true },
	{ "module_instance", do_instance, false },
	{ "register", do_register, false },
	{ "action", do_action, false },
	{ "assert_return", do_assert_return, false },
	{ "assert_trap", do_assert_trap, false },
	{ "assert_exhaustion", do_assert_exhaustion, false },
	{ "assert_exception", do_assert_exception, false },
	{ "assert_suspension", do_assert_suspension, false },
	{ "assert_invalid", do_assert_bad, true },
	{ "assert_malformed", do_assert_bad, true },
	{ "assert_invalid_custom", not_tested, true },
	{ "assert_malformed_custom", not_tested, true },
	{ "assert_unlinkable", do_assert_not_instantiated, true },
	{ "assert_uninstantiable", do_assert_not_instantiated, true },
	{ "thread", do_thread, false },
	{ "wait", do_wait, false },
};

static enum outcome
run_command(struct context *c, const json_t *cmd)
{
	const char *type = member(cmd, "type");

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(commands[i].type, type) != 0)
			continue;
		if (commands[i].has_module && !binary_file(cmd))
			return UNCOUNTED;	/* text: no parser here */
		return commands[i].run(c, cmd);
	}
	return failed(c, "unknown command %s", type);
}

static enum outcome
run_commands(struct context *c, const json_t *list)
{
	struct spec_report *r = c->run->report;
	json_t *cmd;
	size_t i;

	json_array_foreach(list, i, cmd) {
		c->line = (int)json_integer_value(json_object_get(cmd, "line"));
		r->line = c->line;
		enum outcome out = run_command(c, cmd);

		pthread_mutex_lock(&c->run->lock);
		r->passed += out == PASSED;
		r->failed += out == FAILED;
		r->skipped += out == SKIPPED;
		pthread_mutex_unlock(&c->run->lock);
	}
	r->line = 0;
	return PASSED;
}

/* How many instances a file may make: each command at most one. */
static uint32_t
count_instances(const json_t *list)
{
	uint32_t n = 0;
	json_t *cmd;
	size_t i;

	json_array_foreach(list, i, cmd) {
		const char *type = member(cmd, "type");

		n += strncmp(type, "module", 6) == 0 ||
		    strncmp(type, "assert_un", 9) == 0;
		n += count_instances(json_object_get(cmd, "commands"));
	}
	return n;
}

static void
run_list(struct run *run, const json_t *list)
{
	uint32_t n = count_instances(list) + 4;
	/* 64-bit memories are larger than 4 GiB only in files with few. */
	struct wrt_pool_config config = {
		.max_instances = n,
		.max_memories = 16,
		.max_memory_bytes = n < 64 ? 16ull << 30 : 0,
		.flags = run->options->pool,
	};
	struct wrt_error err = { 0 };
	struct context *c = create_context(run);

	if (wrt_pool_create(&run->pool, &config, &err) != WRT_OK) {
		failed(c, "no pool: %s", err.text);
		run->report->failed++;
	} else if (spec_host(c->imports, run->pool, &err) != WRT_OK) {
		failed(c, "no module spectest: %s", err.text);
		run->report->failed++;
	} else {
		run_commands(c, list);
	}
	destroy_context(c);
	wrt_pool_destroy(run->pool);
}

void
spec_run_file(const char *path, const char *tmp,
    const struct spec_options *options, struct spec_report *report)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
	struct run run = { .tmp = tmp, .options = options, .report = report,
		.dir = slash ? dir : "." };
	json_error_t jerr;
	json_t *file = json_load_file(path, JSON_ALLOW_NUL, &jerr);

	if (slash)
		*slash = '\0';
	pthread_mutex_init(&run.lock, NULL);
	if (file) {
		run_list(&run, json_object_get(file, "commands"));
	} else {
		printf("  %s:%d: %s\n", path, jerr.line, jerr.text);
		snprintf(report->failure, sizeof report->failure, "%s",
		    jerr.text);
		report->failed++;
	}
	json_decref(file);
	free(dir);
	report->done = true;
}
