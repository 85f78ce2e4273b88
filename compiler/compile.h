/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * compile.h: what one compile carries through all of its stages.
 */
#ifndef WC_COMPILE_H
#define WC_COMPILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include "arena.h"
#include "module.h"
#include "wasmc.h"

struct compile {
	const struct wasmc_options *opt;
	struct wasmc_error *err;	/* never NULL inside */
	struct arena arena;		/* lives as long as the compile */
	struct arena scratch;		/* reset after each function body */
	struct module module;
	uint32_t func_idx;		/* the function being read, or NO_IDX */
	const char *section;		/* the section being read, or NULL */
	enum wasmc_status failing;	/* what a failure now is: each stage
					 * sets it at its start */
	jmp_buf fail;			/* where wc_fail() goes */
};

/* End the compile: c->failing, the offset and a sentence that begins with the
 * spec suite's words go to c->err, with the function and section that c names.
 * Legal in the front end only, where nothing outside the arenas is live. */
_Noreturn void wc_fail(struct compile *c, uint64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Make *c ready and let go of what it holds.  opt may be NULL; err may not. */
void compile_open(struct compile *c, const struct wasmc_options *opt,
    struct wasmc_error *err);
void compile_close(struct compile *c);

/* The front end in one call: features, decode, names, validate.  Returns
 * WASMC_OK or the status, which c->err then explains. */
int front_run(struct compile *c, const void *wasm, size_t n);

/* The stages, in order.  Each fails through wc_fail(). */
void decode_module(struct compile *c, const uint8_t *p, size_t n);
void names_read(struct compile *c);	/* never fails but for memory */
void validate_module(struct compile *c);

/* Parse --features into *out: a comma-separated list of names with + or -,
 * "all", "none", "mvp".  False and a name in *bad if one is unknown. */
bool features_parse(const char *list, uint64_t *out, const char **bad);
uint64_t features_default(void);
const char *feature_name(int feature);

#endif
