/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dwarf_write.c: a line table for an artifact whose module has sources.
 *
 * LLVM was told byte offsets instead of lines, since only those lead back to
 * the wasm.  For a debugger the table is written again with the module's own
 * files and lines: DWARF 4, one compile unit.
 */
#include <string.h>

#include "dwarf.h"

static void
u8(struct buf *b, unsigned x)
{
	uint8_t c = (uint8_t)x;

	buf_add(b, &c, 1);
}

static void
u16(struct buf *b, unsigned x)
{
	u8(b, x);
	u8(b, x >> 8);
}

static void
u32(struct buf *b, uint32_t x)
{
	u16(b, x);
	u16(b, x >> 16);
}

static void
u64(struct buf *b, uint64_t x)
{
	u32(b, (uint32_t)x);
	u32(b, (uint32_t)(x >> 32));
}

static void
uleb(struct buf *b, uint64_t x)
{
	for (; x >= 0x80; x >>= 7)
		u8(b, (unsigned)(x & 0x7f) | 0x80);
	u8(b, (unsigned)x);
}

static void
sleb(struct buf *b, int64_t x)
{
	while (x < -0x40 || x > 0x3f) {
		u8(b, (unsigned)(x & 0x7f) | 0x80);
		x >>= 7;
	}
	u8(b, (unsigned)(x & 0x7f));
}

static void
str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

/* A four-byte length whose value is known at the end. */
static size_t
open_length(struct buf *b)
{
	return buf_room(b, 4);
}

static void
close_length(struct buf *b, size_t at)
{
	uint32_t n = (uint32_t)(b->n - at - 4);

	if (!b->failed)
		memcpy(b->p + at, &n, 4);
}

/* ---- .debug_line ---- */

enum { LINE_BASE = -5, LINE_RANGE = 14, OPCODE_BASE = 13 };

static void
line_header(struct buf *b, const struct line_files *f)
{
	static const uint8_t lengths[OPCODE_BASE - 1] = { 0, 1, 1, 1, 1, 0, 0,
	    0, 1, 0, 0, 1 };
	const uint32_t *at = (const void *)f->at.p;
	size_t head;

	u16(b, 4);
	head = open_length(b);
	u8(b, 1);				/* smallest instruction */
	u8(b, 1);				/* operations in one */
	u8(b, 1);				/* rows are statements */
	u8(b, (unsigned)LINE_BASE);
	u8(b, LINE_RANGE);
	u8(b, OPCODE_BASE);
	buf_add(b, lengths, sizeof lengths);
	u8(b, 0);				/* no directories */
	for (uint32_t i = 0; i < f->n; i++) {
		str(b, (const char *)f->names.p + at[i]);
		u8(b, 0);
		u8(b, 0);
		u8(b, 0);
	}
	u8(b, 0);
	close_length(b, head);
}

/* Advance the address and the line and append a row, in one byte if it can
 * be. */
static void
line_row(struct buf *b, uint64_t daddr, int64_t dline)
{
	uint64_t op;

	if (dline < LINE_BASE || dline >= LINE_BASE + LINE_RANGE) {
		u8(b, 3);			/* advance_line */
		sleb(b, dline);
		dline = 0;
	}
	op = (uint64_t)(dline - LINE_BASE) + LINE_RANGE * daddr + OPCODE_BASE;
	if (daddr > 255 || op > 255) {
		u8(b, 2);			/* advance_pc */
		uleb(b, daddr);
		op = (uint64_t)(dline - LINE_BASE) + OPCODE_BASE;
	}
	u8(b, (unsigned)op);
}

static void
begin_sequence(struct buf *b, uint64_t addr)
{
	u8(b, 0);				/* set_address */
	uleb(b, 9);
	u8(b, 2);
	u64(b, addr);
}

static void
end_sequence(struct buf *b, uint64_t advance)
{
	u8(b, 2);				/* advance_pc */
	uleb(b, advance);
	u8(b, 0);
	uleb(b, 1);
	u8(b, 1);
}

/* Code without a source lies between two sequences. */
static void
line_program(struct buf *b, const struct code_line *r, size_t n, uint64_t end)
{
	uint64_t addr = 0;
	uint32_t file = 0, line = 1;
	bool open = false;

	for (size_t i = 0; i < n; i++) {
		if (r[i].file == NO_IDX) {
			if (open)
				end_sequence(b, r[i].addr - addr);
			open = false;
			continue;
		}
		if (!open) {
			begin_sequence(b, addr = r[i].addr);
			file = 0;
			line = 1;
		}
		open = true;
		if (r[i].file != file) {
			u8(b, 4);		/* set_file, from 1 */
			uleb(b, r[i].file + 1ull);
			file = r[i].file;
		}
		line_row(b, r[i].addr - addr, (int64_t)r[i].line - line);
		addr = r[i].addr;
		line = r[i].line;
	}
	if (open)
		end_sequence(b, end - addr);
}

/* ---- .debug_info, .debug_abbrev ---- */

static void
write_abbrev(struct buf *b)
{
	static const uint8_t unit[] = { 1, 0x11, 0,	/* compile_unit */
	    0x25, 0x08,				/* producer: string */
	    0x03, 0x08,				/* name: string */
	    0x10, 0x17,				/* stmt_list: sec_offset */
	    0x11, 0x01,				/* low_pc: addr */
	    0x12, 0x07,				/* high_pc: data8 */
	    0, 0, 0 };

	buf_add(b, unit, sizeof unit);
}

static void
write_info(struct buf *b, const char *name, uint64_t low, uint64_t high)
{
	size_t len = open_length(b);

	u16(b, 4);
	u32(b, 0);				/* of .debug_abbrev */
	u8(b, 8);				/* bytes of an address */
	u8(b, 1);
	str(b, "wasmc " WASMC_VERSION);
	str(b, name);
	u32(b, 0);				/* of .debug_line */
	u64(b, low);
	u64(b, high - low);
	close_length(b, len);
}

void
dwarf_write(const struct code_line *r, size_t n, uint64_t end,
    const struct line_files *files, const char *name, struct buf *line,
    struct buf *info, struct buf *abbrev)
{
	size_t len = open_length(line);

	line_header(line, files);
	line_program(line, r, n, end);
	close_length(line, len);
	write_abbrev(abbrev);
	write_info(info, name, n ? r[0].addr : end, end);
}
