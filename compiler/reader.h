/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * reader.h: read the primitives of the binary format.
 *
 * A reading function returns what it read or does not return: it ends the
 * compile with the offset of the fault.  Nothing here allocates.
 * Specification: "Binary Format", "Values".
 */
#ifndef WC_READER_H
#define WC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "module.h"

struct compile;

struct reader {
	struct compile *c;
	const uint8_t *p, *end;
	const uint8_t *file;		/* offset 0 */
};

struct reader rd_open(struct compile *c, struct slice s);
uint64_t rd_pos(const struct reader *r);	/* offset in the file */
bool rd_end(const struct reader *r);
uint8_t rd_peek(struct reader *r);
uint8_t rd_byte(struct reader *r);
uint32_t rd_u32(struct reader *r);
uint64_t rd_u64(struct reader *r);
int32_t rd_s32(struct reader *r);
int64_t rd_s33(struct reader *r);
int64_t rd_s64(struct reader *r);
uint32_t rd_f32(struct reader *r);		/* bits */
uint64_t rd_f64(struct reader *r);
struct slice rd_bytes(struct reader *r, size_t n);
struct slice rd_name(struct reader *r);		/* checked UTF-8 */

#endif
