/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dwarf.c: the rows of .debug_line, in DWARF 2 to 5.
 *
 * Every read is checked; a unit that makes no sense ends with the rows it gave
 * so far.  The tables of files are dwarf_files.c's.
 */
#include <string.h>

#include "dwarf.h"

struct unit {
	unsigned min_insn, line_range, opcode_base;
	int line_base;
	uint8_t lengths[256];
	struct buf *rows;
	uint64_t addr, line, file;	/* the state machine's */
	uint32_t files, nfiles;		/* where the unit's begin in the list */
	unsigned file_base;		/* number of the first: 1 before v5 */
};

static void
row(struct unit *u, bool end)
{
	uint64_t file = u->file - u->file_base;
	struct line_row r = { u->addr, (uint32_t)u->line,
	    file < u->nfiles ? u->files + (uint32_t)file : NO_IDX, end };

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
		u->line = u->file = 1;
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
	case 4:					/* set_file */
		u->file = lr_uleb(r);
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
	u->line = u->file = 1;
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
unit(struct lr *r, bool dwarf64, const struct line_sections *s,
    struct buf *rows, struct line_files *files)
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
	u.file_base = version < 5;
	if (files) {
		u.files = files->n;
		dwarf_files(&head, version, dwarf64, s, files);
		u.nfiles = files->n - u.files;
	}
	program(&u, r);
}

int
dwarf_lines(const struct line_sections *s, struct buf *rows,
    struct line_files *files)
{
	struct lr all = { s->line.p, s->line.p + s->line.n, false };

	while (all.p < all.end && !all.bad) {
		uint64_t size = lr_uint(&all, 4);
		bool dwarf64 = size == 0xffffffff;
		struct lr u;

		if (dwarf64)
			size = lr_uint(&all, 8);
		u = lr_sub(&all, size);
		unit(&u, dwarf64, s, rows, files);
	}
	return rows->failed || (files && (files->at.failed ||
	    files->names.failed)) ? -1 : 0;
}
