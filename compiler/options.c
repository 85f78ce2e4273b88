/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * options.c: the options' meaning, and the version.
 */
#include <stdio.h>
#include <string.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <llvm/Config/llvm-config.h>

#include "emit.h"
#include "options.h"
#include "target.h"


int
options_level(const struct wasmc_options *o)
{
	return o->opt_level == 0 ? 2 : o->opt_level < 0 ? 0 : o->opt_level;
}

int
options_check(const struct wasmc_options *o, struct wasmc_error *err)
{
	const char *bad;
	uint64_t set;

	if (o->opt_level < -1 || o->opt_level > 3)
		return back_fail(err, WASMC_EOPTION,
		    "optimisation level %d is not one of 0 to 3",
		    o->opt_level);
	if (o->wasm_opt_level < -1 || o->wasm_opt_level > 4)
		return back_fail(err, WASMC_EOPTION,
		    "wasm-opt level %d is not one of 0 to 4",
		    o->wasm_opt_level);
	if ((unsigned)o->emit > WASMC_EMIT_HEADER)
		return back_fail(err, WASMC_EOPTION, "unknown kind of output");
	if ((unsigned)o->bounds > WASMC_BOUNDS_EXPLICIT)
		return back_fail(err, WASMC_EOPTION, "unknown bounds checks");
	if (!features_parse(o->features, &set, &bad))
		return back_fail(err, WASMC_EOPTION,
		    "unknown feature \"%.*s\"", (int)strcspn(bad, ", "), bad);
	return WASMC_OK;
}

WASMC_API const char *
wasmc_version(void)
{
	return WASMC_VERSION " (LLVM " LLVM_VERSION_STRING ")";
}

/* The digest of some files, as text; empty if there are none. */
static void
files_key(const struct wasmc_file *f, size_t nfiles, const char *what,
    char out[96])
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	int n = sprintf(out, "%s", nfiles ? what : "");
	SHA256_CTX ctx;

	if (!nfiles)
		return;
	SHA256_Init(&ctx);
	for (size_t i = 0; i < nfiles; i++) {
		SHA256_Update(&ctx, &f[i].n, sizeof f[i].n);
		SHA256_Update(&ctx, f[i].p, f[i].n);
	}
	SHA256_Final(md, &ctx);
	for (size_t i = 0; i < sizeof md; i++)
		n += sprintf(out + n, "%02x", md[i]);
}

WASMC_API size_t
wasmc_options_key(const struct wasmc_options *options, char *buf, size_t size)
{
	struct wasmc_options o = { 0 };
	struct wasmc_error err;
	struct target t[WABI_MAX_LEVELS];
	const char *bad;
	char bitcode[96], profile[96];
	uint64_t set = 0;
	unsigned nlevels;
	int n, more;

	if (options)
		o = *options;
	if (!buf)
		size = 0;
	features_parse(o.features, &set, &bad);
	files_key(o.bitcode, o.nbitcode, "; bitcode ", bitcode);
	files_key(o.profiles, o.nprofiles, "; profile ", profile);
	if (targets_of(&o, t, &nlevels, &err))	/* such a compile fails */
		return (size_t)snprintf(buf, size, "%s; %s",
		    wasmc_version(), err.text);
	n = snprintf(buf, size, "%s; abi %u; %s; %s; %s; -O%d; "
	    "emit %d; bounds %d; wasm-opt %d; features %llx%s%s%s%s%s%s%s",
	    wasmc_version(), WABI_VERSION, t->triple, t->tune,
	    t->features, options_level(&o), o.emit, o.bounds,
	    o.wasm_opt_level > 0 ? o.wasm_opt_level : 0,
	    (unsigned long long)set,
	    o.relaxed_deterministic ? "; relaxed-det" : "",
	    o.nan_canonicalize ? "; nan-canon" : "",
	    o.fuel ? "; fuel" : "", options_level(&o) == 1 &&
	    o.keep_llvm_options ? "; all passes" : "", bitcode, profile,
	    o.profile_generate ? "; counting" : "");
	for (unsigned i = 1; i < nlevels && n >= 0; i++) {
		size_t at = (size_t)n < size ? (size_t)n : size;

		more = snprintf(buf ? buf + at : NULL, size - at, "; level %s; %s",
		    t[i].tune, t[i].features);
		n = more < 0 ? more : n + more;
	}
	return n < 0 ? 0 : (size_t)n;
}
