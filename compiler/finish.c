/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * finish.c: the last touches to a linked artifact.
 *
 *   functions  addresses and sizes, by their symbols; those that LLVM inlined
 *              everywhere and deleted get the address of wabi.gone
 *   .wabi.pcmap   from .debug_line, whose lines are byte offsets in the wasm,
 *                 less what struct part calls its base
 *   .wabi.source  the module's own line table, if it has one; then .debug_line
 *                 is written again with the sources' lines, and likewise
 *                 where lines lacked a base
 *   .wabi.digest  over all the rest, see wabi.h
 *
 * These sections are not loaded: they go behind the linker's sections, with
 * new tables of names and of section headers.  The linker is trusted, but a
 * shape that it never had is an error and not a crash.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "artifact.h"
#include "dwarf.h"

struct fin {
	const struct plan *p;		/* per level; the first serves where
					 * they do not differ */
	unsigned nlevels;
	const struct meta *m;
	const uint32_t *bases;		/* per function, of its lines */
	struct buf *so;
	struct wasmc_error *err;
	Elf64_Shdr *sh;			/* a copy, with room for ours */
	unsigned nsh;
	unsigned names;			/* the section of names */
	struct buf namebuf, pcmap;
	struct sources sources;
	struct symbol *symbols;		/* functions, by name */
	size_t nsymbols;
};

#define NEW_SECTIONS	3u

static int
odd(struct fin *f, const char *what)
{
	return back_fail(f->err, WASMC_EBACKEND,
	    "the linker made an odd file: %s", what);
}

static Elf64_Ehdr *
header(const struct fin *f)
{
	return (Elf64_Ehdr *)(void *)f->so->p;
}

static bool
inside(uint64_t off, uint64_t n, uint64_t size)
{
	return off <= size && n <= size - off;
}

static int
open_file(struct fin *f)
{
	const Elf64_Ehdr *e = header(f);
	size_t bytes;

	if (f->so->n < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
		return odd(f, "no ELF");
	bytes = e->e_shnum * sizeof *f->sh;
	if (!e->e_shnum || !inside(e->e_shoff, bytes, f->so->n) ||
	    e->e_shstrndx >= e->e_shnum ||
	    !inside(e->e_phoff, e->e_phnum * sizeof(Elf64_Phdr), f->so->n))
		return odd(f, "its headers");
	f->nsh = e->e_shnum;
	f->names = e->e_shstrndx;
	f->sh = calloc(f->nsh + NEW_SECTIONS, sizeof *f->sh);
	if (!f->sh)
		return back_fail(f->err, WASMC_ENOMEM, "out of memory");
	memcpy(f->sh, f->so->p + e->e_shoff, bytes);
	for (unsigned i = 0; i < f->nsh; i++)
		if (f->sh[i].sh_type != SHT_NOBITS && !inside(
		    f->sh[i].sh_offset, f->sh[i].sh_size, f->so->n))
			return odd(f, "a section");
	buf_add(&f->namebuf, f->so->p + f->sh[f->names].sh_offset,
	    f->sh[f->names].sh_size);
	if (f->namebuf.n == 0 || f->namebuf.p[f->namebuf.n - 1])
		return odd(f, "its names");
	return WASMC_OK;
}

static const char *
name_of(const struct fin *f, const Elf64_Shdr *s)
{
	return s->sh_name < f->namebuf.n ?
	    (char *)f->namebuf.p + s->sh_name : "";
}

static const Elf64_Shdr *
section(const struct fin *f, const char *name)
{
	for (unsigned i = 1; i < f->nsh; i++)
		if (!strcmp(name_of(f, &f->sh[i]), name))
			return &f->sh[i];
	return NULL;
}

/* ---- Functions ---- */

struct symbol {
	const char *name;
	uint64_t addr, size;
	uint32_t base;			/* of its lines */
};

static int
by_name(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The functions among the symbols, sorted by name. */
static int
read_symbols(struct fin *f)
{
	const Elf64_Shdr *s = section(f, ".symtab"), *t;
	const Elf64_Sym *sym;
	struct symbol *all;
	size_t n, k = 0;

	if (!s || s->sh_link >= f->nsh)
		return odd(f, "no symbols");
	t = &f->sh[s->sh_link];
	if (t->sh_size == 0 || f->so->p[t->sh_offset + t->sh_size - 1])
		return odd(f, "its strings");
	sym = (const Elf64_Sym *)(void *)(f->so->p + s->sh_offset);
	n = s->sh_size / sizeof *sym;
	all = calloc(n + 1, sizeof *all);
	if (!all)
		return back_fail(f->err, WASMC_ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC &&
		    sym[i].st_name < t->sh_size)
			all[k++] = (struct symbol){
			    (char *)f->so->p + t->sh_offset + sym[i].st_name,
			    sym[i].st_value, sym[i].st_size, 0 };
	qsort(all, k, sizeof *all, by_name);
	f->symbols = all;
	f->nsymbols = k;
	return WASMC_OK;
}

struct whole_name {
	const char *name, *suffix;
};

static int
with_suffix(const void *a, const void *b)
{
	const struct whole_name *x = a;
	const struct symbol *y = b;
	size_t n = strlen(x->name);
	int c = strncmp(x->name, y->name, n);

	return c ? c : strcmp(x->suffix, y->name + n);
}

static struct symbol *
find(const struct fin *f, const char *name, const char *suffix)
{
	struct whole_name key = { name, suffix };

	return bsearch(&key, f->symbols, f->nsymbols, sizeof *f->symbols,
	    with_suffix);
}

static int
place_functions(struct fin *f, const Elf64_Shdr *meta, const struct plan *p)
{
	const struct module *m = p->m;
	const struct symbol *gone = find(f, SYM_GONE, "");
	struct wabi_func_info *info = (struct wabi_func_info *)(void *)
	    (f->so->p + meta->sh_offset + f->m->funcs_off[p->level]);

	if (!gone)
		return odd(f, "no " SYM_GONE);
	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
		struct symbol *s = find(f, p->sym.funcs[i], p->suffix);
		int64_t rel = (int64_t)((s ? s : gone)->addr - meta->sh_addr);

		if (rel > INT32_MAX || rel < INT32_MIN)
			return back_fail(f->err, WASMC_EUNSUPPORTED,
			    "the code is larger than 2 GiB");
		if (info[i].code && info[i].code != rel)
			return odd(f, "a function's address");
		info[i].code = (int32_t)rel;
		if (!p->tail)
			info[i].entry = (int32_t)rel;
		info[i].size = s ? (uint32_t)s->size : 0;
		if (s)
			s->base = f->bases[i];
	}
	return WASMC_OK;
}

static int
do_functions(struct fin *f)
{
	const Elf64_Shdr *meta = section(f, WABI_SEC_META);
	int rc = WASMC_OK;

	if (!meta || meta->sh_size < f->m->bytes.n || meta->sh_offset % 8)
		return odd(f, "no metadata");
	for (unsigned i = 0; !rc && i < f->nlevels; i++)
		rc = place_functions(f, meta, &f->p[i]);
	return rc;
}

/* ---- Map of addresses ---- */

struct place {
	uint64_t addr;
	size_t order;
	uint32_t off;
	bool end;
	const struct symbol *begins;	/* a function, from here on */
};

/* By address; where one sequence ends and another begins, the end first, then
 * the function that begins; of several rows the last counts. */
static int
by_addr(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->end != y->end)
		return x->end ? -1 : 1;
	if (!x->begins != !y->begins)
		return x->begins ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static void
add_places(struct fin *f, const struct place *pl, size_t n, uint64_t meta)
{
	struct wabi_pcmap_head h = { WABI_MAGIC, 0 };
	uint32_t last = UINT32_MAX;

	buf_room(&f->pcmap, sizeof h);
	for (size_t i = 0; i < n; i++) {
		int64_t rel = (int64_t)(pl[i].addr - meta);
		struct wabi_pcmap_entry e = { (int32_t)rel, pl[i].off };

		if ((i + 1 < n && pl[i + 1].addr == pl[i].addr) ||
		    e.wasm_off == last || rel != e.addr)
			continue;
		buf_add(&f->pcmap, &e, sizeof e);
		last = e.wasm_off;
		h.n++;
	}
	if (!f->pcmap.failed)
		memcpy(f->pcmap.p, &h, sizeof h);
}

/* Lines become offsets; what only says where a function begins goes.  Their
 * number then. */
static size_t
absolute(struct place *pl, size_t n)
{
	const struct symbol *in = NULL;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (pl[i].begins) {
			if (pl[i].begins->base || !in ||
			    pl[i].addr != in->addr)
				in = pl[i].begins;
			continue;
		}
		if (in && in->base && !pl[i].end && pl[i].off != UINT32_MAX)
			pl[i].off += in->base;
		pl[k++] = pl[i];
	}
	return k;
}

static int
do_pcmap(struct fin *f)
{
	const Elf64_Shdr *s = section(f, ".debug_line");
	uint64_t meta = section(f, WABI_SEC_META)->sh_addr;
	struct line_sections in = { 0 };
	struct buf rows = { 0 };
	const struct line_row *r;
	struct place *pl;
	size_t n;

	if (s && s->sh_type == SHT_PROGBITS) {
		in.line = (struct slice){ f->so->p + s->sh_offset,
		    s->sh_size };
		dwarf_lines(&in, &rows, NULL);
	}
	r = (const struct line_row *)(void *)rows.p;
	n = rows.n / sizeof *r;
	pl = calloc(n + 2 * f->nsymbols + 1, sizeof *pl);
	if (pl) {
		for (size_t i = 0; i < n; i++)
			pl[i] = (struct place){ r[i].addr, i, r[i].end ||
			    r[i].line == 0 ? UINT32_MAX : r[i].line,
			    r[i].end, NULL };
		/* What follows a function is another's, or no wasm at all. */
		for (size_t i = 0; i < f->nsymbols; i++) {
			const struct symbol *y = &f->symbols[i];

			pl[n++] = (struct place){ y->addr + y->size, 0,
			    UINT32_MAX, true, NULL };
			pl[n++] = (struct place){ y->addr, i, 0, false, y };
		}
		qsort(pl, n, sizeof *pl, by_addr);
		add_places(f, pl, absolute(pl, n), meta);
	}
	free(pl);
	buf_free(&rows);
	return pl && !f->pcmap.failed ? WASMC_OK :
	    back_fail(f->err, WASMC_ENOMEM, "out of memory");
}

/* ---- Sources ---- */

/* What stands in the line table for a byte of the wasm.  The module's own
 * source; or, if it has none, the module itself and the offset. */
static struct code_line
source_line(const struct fin *f, uint64_t addr, uint32_t off)
{
	const struct source_row *r;

	if (off == UINT32_MAX)
		return (struct code_line){ addr, NO_IDX, 0 };
	if (!f->sources.files.n)
		return (struct code_line){ addr, 0, off };
	r = sources_find(&f->sources, off);
	return (struct code_line){ addr, r ? r->file : NO_IDX,
	    r ? r->line : 0 };
}

/* The code's lines, from the map. */
static int
source_lines(struct fin *f, struct buf *out)
{
	uint64_t meta = section(f, WABI_SEC_META)->sh_addr;
	const struct wabi_pcmap_entry *e = (const void *)(f->pcmap.p +
	    sizeof(struct wabi_pcmap_head));
	size_t n = (f->pcmap.n - sizeof(struct wabi_pcmap_head)) / sizeof *e;
	struct code_line last = { 0, NO_IDX - 1, 0 };

	for (size_t i = 0; i < n; i++) {
		struct code_line c = source_line(f,
		    meta + (uint64_t)(int64_t)e[i].addr, e[i].wasm_off);

		if (c.file != last.file || c.line != last.line)
			buf_add(out, &c, sizeof c);
		last = c;
	}
	return out->failed ? -1 : 0;
}

/* Give a debug section other bytes, at the file's end. */
static void
replace(struct fin *f, const char *name, const struct buf *b)
{
	Elf64_Shdr *s = (Elf64_Shdr *)section(f, name);

	if (!s)
		return;
	s->sh_flags &= ~(Elf64_Xword)(SHF_MERGE | SHF_STRINGS |
	    SHF_COMPRESSED);
	s->sh_entsize = 0;
	s->sh_offset = f->so->n;
	s->sh_size = b ? b->n : 0;
	if (b)
		buf_add(f->so, b->p, b->n);
}

/* The linker's headers are the file's end, and are written anew. */
static void
drop_headers(struct fin *f)
{
	if (header(f)->e_shoff + header(f)->e_shnum * sizeof *f->sh ==
	    f->so->n)
		f->so->n = header(f)->e_shoff;
}

/* The line table anew, which makes the rest of the debug information wrong. */
static int
write_lines(struct fin *f, const struct buf *rows, uint64_t end,
    const struct line_files *files, const char *name)
{
	static const char *const others[] = { ".debug_str", ".debug_line_str",
	    ".debug_str_offsets", ".debug_addr", ".debug_rnglists",
	    ".debug_ranges", ".debug_aranges", ".debug_loclists" };
	struct buf line = { 0 }, info = { 0 }, abbrev = { 0 };
	bool failed;

	dwarf_write((const void *)rows->p, rows->n / sizeof(struct code_line),
	    end, files, name, &line, &info, &abbrev);
	replace(f, ".debug_line", &line);
	replace(f, ".debug_info", &info);
	replace(f, ".debug_abbrev", &abbrev);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		replace(f, others[i], NULL);
	failed = line.failed || info.failed || abbrev.failed || f->so->failed;
	buf_free(&line);
	buf_free(&info);
	buf_free(&abbrev);
	return failed ? -1 : 0;
}

/* Are there lines that lack a base? */
static bool
has_bases(const struct fin *f)
{
	for (size_t i = 0; i < f->nsymbols; i++)
		if (f->symbols[i].base)
			return true;
	return false;
}

static int
do_sources(struct fin *f)
{
	const char *name = f->p->m->file_name ? f->p->m->file_name : "";
	struct line_files self = { .n = 1 }, *files = &f->sources.files;
	const Elf64_Shdr *text = section(f, ".text");
	struct buf rows = { 0 };
	int rc = sources_read(f->p->m, &f->sources);

	drop_headers(f);
	if (rc == 0 && !files->n && has_bases(f)) {
		uint32_t at = 0;

		buf_add(&self.names, name, strlen(name) + 1);
		buf_add(&self.at, &at, sizeof at);
		rc = self.names.failed || self.at.failed ? -1 : 0;
		files = &self;
	}
	if (rc == 0 && files->n && text)
		rc = source_lines(f, &rows);
	if (rc == 0 && rows.n && section(f, ".debug_line"))
		rc = write_lines(f, &rows, text->sh_addr + text->sh_size,
		    files, name);
	buf_free(&rows);
	buf_free(&self.names);
	buf_free(&self.at);
	return rc == 0 ? WASMC_OK :
	    back_fail(f->err, WASMC_ENOMEM, "out of memory");
}

/* ---- Sections ---- */

static Elf64_Shdr *
append(struct fin *f, const char *name, const void *p, size_t n)
{
	Elf64_Shdr *s = &f->sh[f->nsh++];

	buf_align(f->so, 8);
	*s = (Elf64_Shdr){
		.sh_name = (Elf64_Word)buf_add(&f->namebuf, name,
		    strlen(name) + 1),
		.sh_type = SHT_PROGBITS,
		.sh_offset = f->so->n,
		.sh_size = n,
		.sh_addralign = 8,
	};
	buf_add(f->so, p, n);
	return s;
}

static int
do_sections(struct fin *f)
{
	Elf64_Ehdr *e;
	Elf64_Shdr *digest;
	const uint8_t zero[32] = { 0 };
	struct buf source = { 0 };
	size_t at;

	append(f, WABI_SEC_PCMAP, f->pcmap.p, f->pcmap.n);
	if (f->sources.files.n) {
		sources_section(&f->sources, &source);
		append(f, WABI_SEC_SOURCE, source.p, source.n);
		f->so->failed |= source.failed;
		buf_free(&source);
	}
	digest = append(f, WABI_SEC_DIGEST, zero, sizeof zero);
	f->sh[f->names].sh_offset = f->so->n;
	f->sh[f->names].sh_size = f->namebuf.n;
	buf_add(f->so, f->namebuf.p, f->namebuf.n);
	buf_align(f->so, 8);
	at = buf_add(f->so, f->sh, f->nsh * sizeof *f->sh);
	if (f->so->failed || f->namebuf.failed)
		return back_fail(f->err, WASMC_ENOMEM, "out of memory");
	e = header(f);
	e->e_shoff = at;
	e->e_shnum = (Elf64_Half)f->nsh;
	if (artifact_digest(f->so->p, f->sh, f->nsh, (char *)f->namebuf.p,
	    f->so->p + digest->sh_offset))
		return back_fail(f->err, WASMC_ENOMEM, "out of memory");
	return WASMC_OK;
}

int
finish(const struct plan *p, unsigned nlevels, const struct meta *m,
    const uint32_t *bases, struct buf *so, struct wasmc_error *err)
{
	int (*const steps[])(struct fin *) = { open_file, read_symbols,
	    do_functions, do_pcmap, do_sources, do_sections };
	struct fin f = { .p = p, .nlevels = nlevels, .m = m, .bases = bases,
	    .so = so, .err = err };
	int rc = WASMC_OK;

	for (size_t i = 0; !rc && i < sizeof steps / sizeof *steps; i++)
		rc = steps[i](&f);
	free(f.sh);
	buf_free(&f.namebuf);
	buf_free(&f.pcmap);
	sources_free(&f.sources);
	free(f.symbols);
	return rc;
}
