/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fuzz_validate.c: any bytes through the whole front end, with all features
 * and with those of the first version.  A module that the smaller set accepts
 * the larger one accepts too.
 */
#include <stdlib.h>
#include <string.h>

#include "wasmc.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct wasmc_options all = { .features = "all" };
	static const struct wasmc_options mvp = { .features = "mvp" };
	struct wasmc_error err;
	int with_all = wasmc_validate(p, n, &all, &err);

	if ((with_all != WASMC_OK) != (err.text[0] != 0))
		abort();
	if (strnlen(err.text, sizeof err.text) == sizeof err.text)
		abort();
	if (wasmc_validate(p, n, &mvp, NULL) == WASMC_OK && with_all)
		abort();
	return 0;
}
