/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * reader.h: read the primitives of the binary format.
 *
 * A reading function returns what it read or does not return: it ends the
 * compile with the offset of the fault, as malformed.  Nothing here allocates.
 * Specification: "Binary Format", "Values".
 */
#ifndef WC_READER_H
#define WC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "module.h"

struct arena;
struct compile;

struct reader {
	struct compile *c;
	const uint8_t *p, *end;
	const uint8_t *file;		/* offset 0 */
	struct arena *arena;		/* for insn_read(): c->scratch, unless
					 * the caller has its own */
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
size_t rd_left(const struct reader *r);
bool utf8_valid(const uint8_t *p, size_t n);

/* End the compile: the bytes are no module.  rd_need() ends it too if the
 * feature (enum feature) is off; what is the thing that asks for it. */
_Noreturn void rd_fail(const struct reader *r, uint64_t offset,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void rd_need(const struct reader *r, uint64_t offset, int feature,
    const char *what);

/* Types (decode_types.c). */
struct vtype rd_vtype(struct reader *r);
struct vtype rd_ref_type(struct reader *r);
uint32_t rd_heap_type(struct reader *r);

#endif
