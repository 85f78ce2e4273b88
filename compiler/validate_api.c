/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate_api.c: wasmc_validate().
 */
#include "compile.h"

WASMC_API int
wasmc_validate(const void *wasm, size_t n, const struct wasmc_options *options,
    struct wasmc_error *err)
{
	struct wasmc_error local;
	struct compile c;
	int rc;

	if (n && !wasm) {
		if (err)
			*err = (struct wasmc_error){ WASMC_EOPTION, UINT64_MAX,
			    UINT32_MAX, "an argument is NULL" };
		return WASMC_EOPTION;
	}
	compile_open(&c, options, err ? err : &local);
	rc = front_run(&c, wasm, n);
	compile_close(&c);
	return rc;
}
