/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fuzz_link.c: a module linked with itself under another name.  What comes out
 * of valid modules is valid.
 */
#include <stdlib.h>
#include <string.h>

#include "wasmc.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct wasmc_options all = { .features = "all" };
	struct wasmc_link_input in[] = { { p, n, "a" }, { p, n, "env" } };
	enum wasmc_link_exports how = n & 1 ? WASMC_EXPORTS_PREFIXED :
	    WASMC_EXPORTS_FIRST;
	struct wasmc_error err;
	size_t out_n, which;
	void *out;

	if (wasmc_link(in, 2, how, &all, &out, &out_n, &which, &err)) {
		if (!err.text[0] || (which >= 2 && which != SIZE_MAX))
			abort();
		return 0;
	}
	/* Two may be more than there is room for. */
	if (wasmc_validate(out, out_n, &all, &err) &&
	    !strstr(err.text, "too many"))
		abort();
	free(out);
	return 0;
}
