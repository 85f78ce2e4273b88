/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dwarf_files.c: the tables of directories and files in a line program's
 * header, and the primitives of DWARF.
 */
#include <string.h>

#include "dwarf.h"

/* ---- Primitives ---- */

uint64_t
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

uint64_t
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

int64_t
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

struct lr
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

/* Many entries may name one string: without these limits a small table would
 * make much work and large lists. */
enum { MAX_NAME = 4096, MAX_NAMES = 16 << 20 };

/* A string that ends with a NUL before the end of what r has. */
static struct slice
lr_string(struct lr *r)
{
	size_t left = (size_t)(r->end - r->p);
	const uint8_t *p = r->p, *nul;

	nul = left ? memchr(p, 0, left < MAX_NAME ? left : MAX_NAME) : NULL;
	if (!nul) {
		r->bad = true;
		return (struct slice){ r->p, 0 };
	}
	r->p = nul + 1;
	return (struct slice){ p, (size_t)(nul - p) };
}

static struct slice
string_at(struct lr *table, struct slice section, uint64_t off)
{
	struct lr r = { section.p, section.p + section.n, false };
	struct slice s;

	lr_sub(&r, off);
	s = lr_string(&r);
	table->bad |= r.bad;
	return s;
}

/* ---- Names ---- */

/* Directories past these have no name: a file then has only its own. */
enum { MAX_DIRS = 4096 };

struct dirs {
	struct slice d[MAX_DIRS];
	uint64_t n;
};

static void
add_part(struct line_files *f, struct slice s)
{
	if (s.n)
		buf_add(&f->names, s.p, s.n);
	if (s.n && s.p[s.n - 1] != '/')
		buf_add(&f->names, "/", 1);
}

/* The file's name after its directory's, where they are relative. */
static void
add_file(struct line_files *f, const struct dirs *dirs, uint64_t dir,
    struct slice name, bool v5)
{
	uint32_t at = (uint32_t)f->names.n;
	struct slice d = dir < dirs->n ? dirs->d[dir] : (struct slice){ 0 };

	if (name.n == 0 || name.p[0] != '/') {
		if (v5 && dir && dirs->n && (d.n == 0 || d.p[0] != '/'))
			add_part(f, dirs->d[0]);
		add_part(f, d);
	}
	buf_add(&f->names, name.p, name.n);
	buf_add(&f->names, "", 1);
	buf_add(&f->at, &at, sizeof at);
	f->n++;
}

/* Versions 2 to 4: lists of strings that an empty one ends.  Directory 0 is
 * the compiler's own, which is not named here. */
static void
files_4(struct lr *r, struct dirs *dirs, struct line_files *f)
{
	struct slice s;

	dirs->d[0] = (struct slice){ 0 };
	for (dirs->n = 1; (s = lr_string(r)).n && !r->bad;)
		if (dirs->n < MAX_DIRS)
			dirs->d[dirs->n++] = s;
	while ((s = lr_string(r)).n && !r->bad && f->names.n < MAX_NAMES) {
		uint64_t dir = lr_uleb(r);

		lr_uleb(r);			/* time */
		lr_uleb(r);			/* size */
		add_file(f, dirs, dir, s, false);
	}
}

enum { MAX_FORMATS = 16 };

struct entry {
	struct slice path;
	uint64_t dir;
};

struct format {
	unsigned n;
	uint64_t what[MAX_FORMATS], form[MAX_FORMATS];
};

static void
read_format(struct lr *r, struct format *f)
{
	f->n = (unsigned)lr_uint(r, 1);
	if (f->n > MAX_FORMATS)
		r->bad = true;
	for (unsigned i = 0; i < f->n && !r->bad; i++) {
		f->what[i] = lr_uleb(r);
		f->form[i] = lr_uleb(r);
	}
}

/* One value of a form that such tables use; any other ends the table. */
static uint64_t
read_form(struct lr *r, uint64_t form, bool dwarf64,
    const struct line_sections *s, struct slice *str)
{
	switch (form) {
	case 0x08:				/* string */
		*str = lr_string(r);
		return 0;
	case 0x1f:				/* line_strp */
		*str = string_at(r, s->line_str, lr_uint(r, dwarf64 ? 8 : 4));
		return 0;
	case 0x0e:				/* strp */
		*str = string_at(r, s->str, lr_uint(r, dwarf64 ? 8 : 4));
		return 0;
	case 0x0b: return lr_uint(r, 1);	/* data1, 2, 4, 8 */
	case 0x05: return lr_uint(r, 2);
	case 0x06: return lr_uint(r, 4);
	case 0x07: return lr_uint(r, 8);
	case 0x0f: return lr_uleb(r);		/* udata */
	case 0x1e:				/* data16 */
		lr_sub(r, 16);
		return 0;
	case 0x09:				/* block */
		lr_sub(r, lr_uleb(r));
		return 0;
	}
	r->bad = true;
	return 0;
}

static struct entry
read_entry(struct lr *r, const struct format *f, bool dwarf64,
    const struct line_sections *s)
{
	struct entry e = { 0 };

	for (unsigned i = 0; i < f->n && !r->bad; i++) {
		struct slice str = { 0 };
		uint64_t x = read_form(r, f->form[i], dwarf64, s, &str);

		if (f->what[i] == 1)		/* path */
			e.path = str;
		else if (f->what[i] == 2)	/* directory_index */
			e.dir = x;
	}
	return e;
}

static void
files_5(struct lr *r, bool dwarf64, const struct line_sections *s,
    struct dirs *dirs, struct line_files *files)
{
	struct format f;
	uint64_t n;

	read_format(r, &f);
	n = lr_uleb(r);
	for (dirs->n = 0; n && f.n && !r->bad; n--) {
		struct entry e = read_entry(r, &f, dwarf64, s);

		if (dirs->n < MAX_DIRS)
			dirs->d[dirs->n++] = e.path;
	}
	read_format(r, &f);
	n = lr_uleb(r);
	for (; n && f.n && !r->bad && files->names.n < MAX_NAMES; n--) {
		struct entry e = read_entry(r, &f, dwarf64, s);

		if (!r->bad)
			add_file(files, dirs, e.dir, e.path, true);
	}
}

void
dwarf_files(struct lr *r, unsigned version, bool dwarf64,
    const struct line_sections *s, struct line_files *files)
{
	struct dirs dirs;

	if (version < 5)
		files_4(r, &dirs, files);
	else
		files_5(r, dwarf64, s, &dirs, files);
}
