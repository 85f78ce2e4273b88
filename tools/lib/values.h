/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* values.h: WebAssembly values as text, for people. */
#ifndef VALUES_H
#define VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "wasmrt.h"

#define VALUE_TEXT_MAX	1200		/* the longest double in full */

/* "i32", "funcref"; never NULL. */
const char *value_type_name(uint8_t type);
/* Read a number of the type, or "null" for a reference; the whole text. */
bool value_parse(const char *text, uint8_t type, wrt_val *out);
/* Write it as value_parse() reads it; floats with the fewest digits that give
 * the same number, never with an exponent; references as <funcref>. */
void value_print(uint8_t type, const wrt_val *val, char text[VALUE_TEXT_MAX]);

#endif
