/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cache.h: artifacts of .wasm files, compiled once.
 *
 * They lie in $XDG_CACHE_HOME/wasmc or ~/.cache/wasmc under the hash of the
 * bytes, the compiler's version and the options that shape the code.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdbool.h>

#include "wasmc.h"
#include "wasmrt.h"

/* Open `path`, an artifact or a module; compile the latter as `options` say
 * unless the cache has it.  Returns WRT_OK or a status with the reason in
 * err. */
int cache_open(wrt_module **out, const char *path,
    const struct wasmc_options *options, bool use_cache,
    struct wrt_error *err);

#endif
