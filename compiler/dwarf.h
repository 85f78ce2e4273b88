/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dwarf.h: line tables.
 *
 *   dwarf.c        reads the rows of .debug_line
 *   dwarf_files.c  reads the names of their files
 *   dwarf_write.c  writes a line table of one's own
 *   source.c       the module's own sources: which wasm offset is which line
 */
#ifndef WC_DWARF_H
#define WC_DWARF_H

#include "emit.h"

/* What is left of some DWARF; bad once a read went past its end. */
struct lr {
	const uint8_t *p, *end;
	bool bad;
};
uint64_t lr_uint(struct lr *, unsigned bytes);
uint64_t lr_uleb(struct lr *);
int64_t lr_sleb(struct lr *);
struct lr lr_sub(struct lr *, uint64_t bytes);

struct line_sections {
	struct slice line;		/* .debug_line */
	struct slice line_str, str;	/* .debug_line_str, .debug_str */
};

struct line_files {
	struct buf names;		/* each ends with a NUL */
	struct buf at;			/* uint32_t: where each begins */
	uint32_t n;
};

struct line_row {
	uint64_t addr;
	uint32_t line, file;		/* file: in line_files, or NO_IDX */
	bool end;			/* the address behind a sequence */
};

/* All rows of all line programs, in their order.  Tables that cannot be read
 * are left out; so are the files' names if files is NULL.  -1: out of
 * memory. */
int dwarf_lines(const struct line_sections *, struct buf *rows,
    struct line_files *files);
void dwarf_files(struct lr *, unsigned version, bool dwarf64,
    const struct line_sections *, struct line_files *);

/* ---- source.c ---- */

struct source_row {
	uint32_t wasm_off, file, line;	/* file NO_IDX: no source */
};

struct sources {
	struct buf rows;		/* struct source_row, by wasm_off */
	struct line_files files;
};
/* Read the module's own line table, if it has one: *out is empty otherwise.
 * -1: out of memory. */
int sources_read(const struct module *, struct sources *out);
void sources_free(struct sources *);
const struct source_row *sources_find(const struct sources *,
    uint32_t wasm_off);
/* The content of .wabi.source. */
void sources_section(const struct sources *, struct buf *out);

/* ---- dwarf_write.c ---- */

struct code_line {			/* from addr on */
	uint64_t addr;
	uint32_t file, line;		/* file NO_IDX: no line */
};
/* DWARF 4 for code whose lines are the n rows, sorted, up to end: one compile
 * unit called name. */
void dwarf_write(const struct code_line *, size_t n, uint64_t end,
    const struct line_files *, const char *name, struct buf *line,
    struct buf *info, struct buf *abbrev);

#endif
