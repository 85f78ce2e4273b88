/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * pipeline.c: wasmc_compile(), from bytes to the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bitcode.h"
#include "emit.h"
#include "insn.h"
#include "options.h"
#include "parts.h"
#include "profile.h"
#include "target.h"
#include "wopt.h"

/* One compile.  On the heap, so that nothing of it depends on registers when
 * a stage ends by longjmp(). */
struct job {
	const void *wasm;
	size_t n;
	const char *name, *out_path;
	struct wasmc_options opt;
	struct wasmc_error *err;
	struct compile c;
	struct target targets[WABI_MAX_LEVELS];
	struct plan plans[WABI_MAX_LEVELS];	/* of each target */
	char suffixes[WABI_MAX_LEVELS][72];
	const char *further[WABI_MAX_LEVELS];	/* suffixes but the first */
	unsigned nlevels;
	struct image image;
	struct meta meta;
	struct parts parts;
	void *counting;			/* the module with counters */
	struct buf optimised;		/* by binaryen */
	struct buf object, result;
	int *fds;			/* objects to link */
	unsigned nfds;
	double seconds[NSTAGES];
};

static void
job_progress(struct job *j, const char *stage)
{
	if (j->opt.progress)
		j->opt.progress(j->opt.progress_data, stage, 0, 0);
}

/* ---- Stages ---- */

static int
job_decode(struct job *j, const void *p, size_t n)
{
	compile_open(&j->c, &j->opt, j->err);
	j->c.module.file_name = j->name;
	return front_run(&j->c, p, n);
}

static int
job_front(struct job *j)
{
	int rc;

	job_progress(j, "read");
	if (j->opt.profile_generate) {
		rc = profile_generate(j->wasm, j->n, &j->opt, &j->counting,
		    &j->n, j->err);
		if (rc)
			return rc;
		j->wasm = j->counting;
	}
	rc = job_decode(j, j->wasm, j->n);
	if (rc || j->opt.wasm_opt_level <= 0)
		return rc;
	job_progress(j, "wasm-opt");
	rc = wopt_run(&j->c.module, j->opt.wasm_opt_level, &j->optimised,
	    j->err);
	if (rc)
		return rc;
	compile_close(&j->c);
	return job_decode(j, j->optimised.p, j->optimised.n);
}

static void
job_dump_sections(struct job *j)
{
	const struct module *m = &j->c.module;

	fprintf(stderr, "; %u types, %u imports, %u functions (%u imported), "
	    "%u tables, %u memories, %u globals, %u tags, %u exports, "
	    "%u element segments, %u data segments, %zu bytes of code\n",
	    m->ntypes, m->nimports, m->nfuncs, m->nfuncs_imported, m->ntables,
	    m->nmemories, m->nglobals, m->ntags, m->nexports, m->nelems,
	    m->ndatas, m->code_section.n);
	for (uint32_t i = 0; i < m->ncustoms; i++)
		fprintf(stderr, "; custom section \"%.*s\", %zu bytes\n",
		    (int)m->customs[i].name.n, m->customs[i].name.p,
		    m->customs[i].bytes.n);
}

static bool
is_text(const struct job *j)
{
	return j->opt.emit == WASMC_EMIT_ASM || j->opt.emit == WASMC_EMIT_IR;
}

/* ".x86_64_v3": what demanglers take for the name of a clone. */
static void
job_suffixes(struct job *j)
{
	for (unsigned i = 1; i < j->nlevels; i++) {
		char *s = j->suffixes[i];

		snprintf(s, sizeof j->suffixes[i], ".%s", j->targets[i].tune);
		for (; *s; s++)
			if (*s == '-')
				*s = '_';
		j->further[i - 1] = j->suffixes[i];
	}
	j->plans->sym.suffixes = j->further;
	j->plans->sym.nsuffixes = j->nlevels - 1;
}

/* The plans of further levels: the first one for other CPUs. */
static void
job_levels(struct job *j)
{
	for (unsigned i = 0; i < j->nlevels; i++) {
		struct plan *p = &j->plans[i];

		*p = j->plans[0];
		p->level = i;
		p->suffix = j->suffixes[i];
		p->cpu_features = j->targets[i].features;
		p->tune = j->targets[i].tune;
	}
}

static int
job_plan(struct job *j)
{
	struct plan *p = j->plans;
	int rc;

	if (j->opt.dump && strchr(j->opt.dump, 's'))
		job_dump_sections(j);
	if (setjmp(j->c.fail))
		return j->err->status;
	p->opt_level = options_level(&j->opt);
	p->explicit_bounds = j->opt.bounds == WASMC_BOUNDS_EXPLICIT;
	p->relaxed_deterministic = j->opt.relaxed_deterministic != 0;
	p->nan_canonical = j->opt.nan_canonicalize != 0;
	p->fuel = j->opt.fuel != 0;
	p->is_x86 = j->targets->x86;
	p->triple = (char *)(uintptr_t)j->targets->triple;
	p->cpu = (char *)(uintptr_t)j->targets->base;
	p->cpu_features = j->targets->features;
	p->tune = j->targets->tune;
	job_suffixes(j);
	if (j->opt.nprofiles)
		p->profile = profile_read(&j->c, j->opt.profiles,
		    j->opt.nprofiles);
	plan_make(&j->c, p);
	rc = bitcode_open(&j->c, &j->opt, p, j->err);
	if (rc)
		return rc;
	job_levels(j);
	parts_cut(&j->c, p, j->nlevels, is_text(j), &j->parts);
	j->parts.opt = &j->opt;
	j->c.failing = WASMC_EUNSUPPORTED;
	image_make(&j->c, p, &j->image);
	meta_make(&j->c, p, j->nlevels, &j->image, j->parts.parts[0].alone,
	    &j->meta);
	return WASMC_OK;
}

/* Objects of the parts and of the metadata, as open files. */
static int
job_objects(struct job *j)
{
	int fd;

	j->fds = calloc(j->parts.n + 1, sizeof *j->fds);
	if (!j->fds || emit_object(j->plans, &j->meta, &j->image, &j->object))
		return back_fail(j->err, WASMC_ENOMEM, "out of memory");
	buf_free(&j->image.bytes);
	memcpy(j->fds, j->parts.fds, j->parts.n * sizeof *j->fds);
	j->nfds = j->parts.n;
	fd = memory_file("meta", j->object.p, j->object.n);
	buf_free(&j->object);
	if (fd < 0)
		return back_fail(j->err, WASMC_EIO,
		    "cannot store an object: %m");
	j->fds[j->nfds++] = fd;
	return WASMC_OK;
}

static int
job_link(struct job *j)
{
	int out, rc;

	job_progress(j, "link");
	rc = job_objects(j);
	if (rc)
		return rc;
	out = memory_file("out", "", 0);
	if (out < 0)
		return back_fail(j->err, WASMC_EIO,
		    "cannot store the result: %m");
	rc = link_objects(j->fds, j->nfds, out,
	    j->opt.emit == WASMC_EMIT_OBJ, j->plans->is_x86,
	    parts_threads(&j->opt), j->err);
	if (rc == WASMC_OK && read_file(out, &j->result))
		rc = back_fail(j->err, WASMC_EIO, "cannot read the result: %m");
	close(out);
	return rc;
}

static int
job_parts(struct job *j)
{
	int rc = parts_run(&j->parts, j->targets, j->err);

	for (int i = 0; i < NSTAGES; i++)
		j->seconds[i] += j->parts.seconds[i];
	return rc;
}

static int
job_finish(struct job *j)
{
	bool so = j->opt.emit == WASMC_EMIT_SO;
	int rc = so ? finish(j->plans, j->nlevels, &j->meta, j->parts.line_bases,
	    &j->result, j->err) : WASMC_OK;

	return rc ? rc : output_write(j->out_path, j->result.p, j->result.n,
	    so, j->err);
}

/* Text of the only part. */
static int
job_text(struct job *j)
{
	if (read_file(j->parts.fds[0], &j->result))
		return back_fail(j->err, WASMC_EIO, "cannot read the result: %m");
	return output_write(j->out_path, j->result.p, j->result.n, false,
	    j->err);
}

/* Named after the file, or, if that is no header, after the module's. */
static int
job_header(struct job *j)
{
	size_t n = strlen(j->out_path);
	bool named = n > 2 && !strcmp(j->out_path + n - 2, ".h");
	int rc = job_front(j);

	if (rc)
		return rc;
	if (!cheader_make(&j->c.module, named ? j->out_path : j->name,
	    &j->result))
		return back_fail(j->err, WASMC_ENOMEM, "out of memory");
	return output_write(j->out_path, j->result.p, j->result.n, false,
	    j->err);
}

static int
job_run(struct job *j)
{
	static const struct {
		int stage;		/* -1: it counts its own time */
		int (*run)(struct job *);
	} steps[] = {
		{ STAGE_FRONT, job_front }, { STAGE_PLAN, job_plan },
		{ -1, job_parts }, { STAGE_LINK, job_link },
		{ STAGE_FINISH, job_finish },
	};
	bool text = is_text(j);

	if (text && j->nlevels > 1)
		return back_fail(j->err, WASMC_EOPTION, "assembler and IR are "
		    "for one CPU: \"%s\" are several", j->opt.cpu);
	if (j->opt.emit == WASMC_EMIT_HEADER)
		return job_header(j);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		double t = seconds_now();
		int rc = steps[i].run(j);

		if (steps[i].stage >= 0)
			j->seconds[steps[i].stage] += seconds_now() - t;
		if (rc)
			return rc;
		if (text && steps[i].run == job_parts)
			return job_text(j);
	}
	return WASMC_OK;
}

static void
job_times(const struct job *j, double total)
{
	static const char *const names[NSTAGES] = { "read and validate",
	    "plan", "lower", "optimise", "generate", "link", "finish" };

	for (int i = 0; i < NSTAGES; i++)
		fprintf(stderr, "%9.3f s  %s\n", j->seconds[i], names[i]);
	fprintf(stderr, "%9.3f s  in all, %u part%s on %u threads\n", total,
	    j->parts.n, j->parts.n == 1 ? "" : "s", parts_threads(&j->opt));
	for (unsigned i = 0; i < j->parts.n; i++) {
		const struct part *p = &j->parts.parts[i];

		if (p->plan->opt_level < j->plans->opt_level)
			fprintf(stderr, "%11u  function, compiled at -O%d: %llu "
			    "bytes\n", p->first, p->plan->opt_level,
			    (unsigned long long)p->bytes);
	}
	if (j->opt.cache_dir)
		fprintf(stderr, "%11u  parts from the cache, %u new in it\n",
		    j->parts.cache.hits, j->parts.cache.stored);
}

static void
job_close(struct job *j)
{
	if (j->nfds)
		close(j->fds[j->nfds - 1]);	/* the rest are the parts' */
	parts_close(&j->parts);
	free(j->fds);
	meta_free(&j->meta);
	buf_free(&j->image.bytes);
	free(j->counting);
	buf_free(&j->optimised);
	buf_free(&j->object);
	buf_free(&j->result);
	compile_close(&j->c);
	free(j);
}

WASMC_API int
wasmc_compile(const void *wasm, size_t n, const char *name,
    const char *out_path, const struct wasmc_options *options,
    struct wasmc_error *err)
{
	struct wasmc_error local;
	double t = seconds_now();
	struct job *j;
	int rc;

	err = err ? err : &local;
	memset(err, 0, sizeof *err);
	if ((n && !wasm) || !out_path)
		return back_fail(err, WASMC_EOPTION, "an argument is NULL");
	j = calloc(1, sizeof *j);
	if (!j)
		return back_fail(err, WASMC_ENOMEM, "out of memory");
	if (options)
		j->opt = *options;
	j->wasm = wasm;
	j->n = n;
	j->name = name ? name : "module.wasm";
	j->out_path = out_path;
	j->err = err;
	rc = options_check(&j->opt, err);
	if (rc == WASMC_OK)
		rc = targets_of(&j->opt, j->targets, &j->nlevels, err);
	if (rc == WASMC_OK)
		rc = job_run(j);
	if (rc == WASMC_OK && j->opt.time_passes)
		job_times(j, seconds_now() - t);
	job_close(j);
	return rc;
}
