/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dwarf.c: the rows of .debug_line, in DWARF 2 to 5.
 *
 * Only addresses and lines are of interest: the tables of files are skipped by
 * the header's length.  Every read is checked; a unit that makes no sense ends
 * with the rows it gave so far.
 */
#include <string.h>

#include "emit.h"

struct lr {
	const uint8_t *p, *end;
	bool bad;
};

static uint64_t
lr_uint(struct lr *r, unsigned n)
{
	uint64_t x = 0;

	if ((size_t)(r->end - r->p) < n) {
		r->bad = true;
		r->p = r->end;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		x |= (uint64_t)r->p[i] << 8 * i;
	r->p += n;
	return x;
}

static uint64_t
lr_uleb(struct lr *r)
{
	uint64_t x = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t b = (uint8_t)lr_uint(r, 1);

		if (shift < 64)
			x |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80) || r->bad)
			return x;
	}
}

static int64_t
lr_sleb(struct lr *r)
{
	uint64_t x = 0;

	for (unsigned shift = 0;;) {
		uint8_t b = (uint8_t)lr_uint(r, 1);

		if (shift < 64)
			x |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if ((b & 0x80) && !r->bad)
			continue;
		if ((b & 0x40) && shift < 64)
			x |= ~0ull << shift;
		return (int64_t)x;
	}
}

static struct lr
lr_sub(struct lr *r, uint64_t n)
{
	struct lr s = { r->p, r->p, false };

	if (n > (uint64_t)(r->end - r->p)) {
		r->bad = s.bad = true;
		n = (uint64_t)(r->end - r->p);
	}
	s.end = r->p + n;
	r->p += n;
	return s;
}

struct unit {
	unsigned min_insn, line_range, opcode_base;
	int line_base;
	uint8_t lengths[256];
	struct buf *rows;
	uint64_t addr, line;		/* the state machine's */
};

static void
row(struct unit *u, bool end)
{
	struct line_row r = { u->addr, (uint32_t)u->line, end };

	buf_add(u->rows, &r, sizeof r);
}

static void
extended(struct unit *u, struct lr *r)
{
	uint64_t n = lr_uleb(r);
	struct lr s = lr_sub(r, n);

	switch (n ? lr_uint(&s, 1) : 0) {
	case 1:					/* end_sequence */
		row(u, true);
		u->addr = 0;
		u->line = 1;
		break;
	case 2:					/* set_address */
		u->addr = lr_uint(&s, n - 1 > 8 ? 8 : (unsigned)(n - 1));
		break;
	}
}

static void
standard(struct unit *u, struct lr *r, unsigned op)
{
	switch (op) {
	case 1:					/* copy */
		row(u, false);
		return;
	case 2:					/* advance_pc */
		u->addr += lr_uleb(r) * u->min_insn;
		return;
	case 3:					/* advance_line */
		u->line += (uint64_t)lr_sleb(r);
		return;
	case 8:					/* const_add_pc */
		u->addr += (255 - u->opcode_base) / u->line_range *
		    u->min_insn;
		return;
	case 9:					/* fixed_advance_pc */
		u->addr += lr_uint(r, 2);
		return;
	}
	for (unsigned i = 0; i < u->lengths[op] && !r->bad; i++)
		lr_uleb(r);
}

static void
program(struct unit *u, struct lr *r)
{
	u->addr = 0;
	u->line = 1;
	while (r->p < r->end && !r->bad) {
		unsigned op = (unsigned)lr_uint(r, 1);

		if (op == 0) {
			extended(u, r);
		} else if (op < u->opcode_base) {
			standard(u, r, op);
		} else {
			unsigned k = op - u->opcode_base;

			u->addr += k / u->line_range * u->min_insn;
			u->line += (uint64_t)(u->line_base +
			    (int)(k % u->line_range));
			row(u, false);
		}
	}
}

static void
unit(struct lr *r, bool dwarf64, struct buf *rows)
{
	struct unit u = { .rows = rows };
	unsigned version = (unsigned)lr_uint(r, 2);
	struct lr head;

	if (version < 2 || version > 5)
		return;
	if (version >= 5)
		lr_uint(r, 2);			/* address and segment size */
	head = lr_sub(r, lr_uint(r, dwarf64 ? 8 : 4));
	u.min_insn = (unsigned)lr_uint(&head, 1);
	if (version >= 4)
		lr_uint(&head, 1);		/* operations per instruction */
	lr_uint(&head, 1);			/* default_is_stmt */
	u.line_base = (int8_t)lr_uint(&head, 1);
	u.line_range = (unsigned)lr_uint(&head, 1);
	u.opcode_base = (unsigned)lr_uint(&head, 1);
	for (unsigned i = 1; i < u.opcode_base; i++)
		u.lengths[i] = (uint8_t)lr_uint(&head, 1);
	if (head.bad || u.line_range == 0 || u.opcode_base == 0)
		return;
	program(&u, r);
}

int
dwarf_lines(const uint8_t *debug_line, size_t n, struct buf *rows)
{
	struct lr all = { debug_line, debug_line + n, false };

	while (all.p < all.end && !all.bad) {
		uint64_t size = lr_uint(&all, 4);
		bool dwarf64 = size == 0xffffffff;
		struct lr u;

		if (dwarf64)
			size = lr_uint(&all, 8);
		u = lr_sub(&all, size);
		unit(&u, dwarf64, rows);
	}
	return rows->failed ? -1 : 0;
}
