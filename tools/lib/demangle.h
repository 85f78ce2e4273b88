/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* demangle.h: names of functions as they stand in the source. */
#ifndef DEMANGLE_H
#define DEMANGLE_H

#include <stddef.h>

/* C++'s and Rust's, both of the latter's kinds; without hashes.  Other names,
 * and those longer than fits, as they are.  Returns name or buf. */
const char *demangle(const char *name, char *buf, size_t size);

#endif
