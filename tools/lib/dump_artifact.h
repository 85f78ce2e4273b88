/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef DUMP_ARTIFACT_H
#define DUMP_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Print what the compiled module [p, p + n) says about itself.  Returns 0, or
 * 1 after a sentence on stderr if it is damaged or no artifact. */
int dump_artifact(const char *path, const uint8_t *p, size_t n, bool headers,
    bool meta, bool traps);

#endif
