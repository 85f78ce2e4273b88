/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * finish.c: the last touches to a linked artifact.
 *
 *   functions  addresses and sizes, by their symbols; those that LLVM inlined
 *              everywhere and deleted get the address of wabi.gone
 *   .wabi.pcmap   from .debug_line, whose lines are byte offsets in the wasm
 *   .wabi.digest  over all the rest, see wabi.h
 *
 * The two sections are not loaded: they go behind the linker's sections, with
 * new tables of names and of section headers.  The linker is trusted, but a
 * shape that it never had is an error and not a crash.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "emit.h"

struct fin {
	const struct plan *p;
	const struct meta *m;
	struct buf *so;
	struct wasmc_error *err;
	Elf64_Shdr *sh;			/* a copy, with room for two more */
	unsigned nsh;
	unsigned names;			/* the section of names */
	struct buf namebuf, pcmap;
};

#define NEW_SECTIONS	2u

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
};

static int
by_name(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The functions among the symbols, sorted by name. */
static int
read_symbols(struct fin *f, struct symbol **out, size_t *count)
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
			    sym[i].st_value, sym[i].st_size };
	qsort(all, k, sizeof *all, by_name);
	*out = all;
	*count = k;
	return WASMC_OK;
}

static const struct symbol *
find(const struct symbol *all, size_t n, const char *name)
{
	struct symbol key = { name, 0, 0 };

	return bsearch(&key, all, n, sizeof *all, by_name);
}

static int
place_functions(struct fin *f, const Elf64_Shdr *meta,
    const struct symbol *all, size_t n)
{
	const struct module *m = f->p->m;
	const struct symbol *gone = find(all, n, SYM_GONE);
	struct wabi_func_info *info = (struct wabi_func_info *)(void *)
	    (f->so->p + meta->sh_offset + f->m->funcs_off);

	if (!gone)
		return odd(f, "no " SYM_GONE);
	for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
		const struct symbol *s = find(all, n, f->p->sym.funcs[i]);
		int64_t rel = (int64_t)((s ? s : gone)->addr - meta->sh_addr);

		if (rel > INT32_MAX || rel < INT32_MIN)
			return back_fail(f->err, WASMC_EUNSUPPORTED,
			    "the code is larger than 2 GiB");
		if (info[i].code && info[i].code != rel)
			return odd(f, "a function's address");
		info[i].code = (int32_t)rel;
		info[i].size = s ? (uint32_t)s->size : 0;
	}
	return WASMC_OK;
}

static int
do_functions(struct fin *f)
{
	const Elf64_Shdr *meta = section(f, WABI_SEC_META);
	struct symbol *all = NULL;
	size_t n;
	int rc;

	if (!meta || meta->sh_size < f->m->bytes.n || meta->sh_offset % 8)
		return odd(f, "no metadata");
	rc = read_symbols(f, &all, &n);
	if (rc == WASMC_OK)
		rc = place_functions(f, meta, all, n);
	free(all);
	return rc;
}

/* ---- Map of addresses ---- */

struct place {
	uint64_t addr;
	size_t order;
	uint32_t off;
	bool end;
};

/* By address; where one sequence ends and another begins, the end first; of
 * several rows the last counts. */
static int
by_addr(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->end != y->end)
		return x->end ? -1 : 1;
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

static int
do_pcmap(struct fin *f)
{
	const Elf64_Shdr *s = section(f, ".debug_line");
	uint64_t meta = section(f, WABI_SEC_META)->sh_addr;
	struct buf rows = { 0 };
	const struct line_row *r;
	struct place *pl;
	size_t n;

	if (s && s->sh_type == SHT_PROGBITS)
		dwarf_lines(f->so->p + s->sh_offset, s->sh_size, &rows);
	r = (const struct line_row *)(void *)rows.p;
	n = rows.n / sizeof *r;
	pl = calloc(n + 1, sizeof *pl);
	if (pl) {
		for (size_t i = 0; i < n; i++)
			pl[i] = (struct place){ r[i].addr, i, r[i].end ||
			    r[i].line == 0 ? UINT32_MAX : r[i].line,
			    r[i].end };
		qsort(pl, n, sizeof *pl, by_addr);
		add_places(f, pl, n, meta);
	}
	free(pl);
	buf_free(&rows);
	return pl && !f->pcmap.failed ? WASMC_OK :
	    back_fail(f->err, WASMC_ENOMEM, "out of memory");
}

/* ---- Sections and digest ---- */

static void
append(struct fin *f, Elf64_Shdr *s, const char *name, const void *p, size_t n)
{
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
}

static bool
in_digest(const char *name)
{
	static const char *const left_out[] = { ".text", WABI_SEC_IMAGE,
	    WABI_SEC_DATA, WABI_SEC_DIGEST, ".symtab", ".strtab" };

	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (!strcmp(name, left_out[i]))
			return false;
	return strncmp(name, ".debug_", 7) != 0 &&
	    strncmp(name, ".rodata", 7) != 0;
}

static int
do_digest(struct fin *f, uint8_t *out)
{
	const Elf64_Ehdr *e = header(f);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned n = 0;
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	    EVP_DigestUpdate(ctx, e, sizeof *e) &&
	    EVP_DigestUpdate(ctx, f->so->p + e->e_phoff,
		e->e_phnum * sizeof(Elf64_Phdr)) &&
	    EVP_DigestUpdate(ctx, f->sh, f->nsh * sizeof *f->sh);

	for (unsigned i = 0; ok && i < f->nsh; i++) {
		const Elf64_Shdr *s = &f->sh[i];

		if (s->sh_type != SHT_NOBITS && in_digest(name_of(f, s)))
			ok = EVP_DigestUpdate(ctx, f->so->p + s->sh_offset,
			    s->sh_size);
	}
	ok = ok && EVP_DigestFinal_ex(ctx, out, &n) && n == 32;
	EVP_MD_CTX_free(ctx);
	return ok ? WASMC_OK : back_fail(f->err, WASMC_EBACKEND,
	    "the digest cannot be computed");
}

static int
do_sections(struct fin *f)
{
	Elf64_Ehdr *e = header(f);
	Elf64_Shdr *digest = &f->sh[f->nsh + 1];
	const uint8_t zero[32] = { 0 };
	size_t at;

	/* The linker's headers are the file's end. */
	if (e->e_shoff + f->nsh * sizeof *f->sh == f->so->n)
		f->so->n = e->e_shoff;
	append(f, &f->sh[f->nsh], WABI_SEC_PCMAP, f->pcmap.p, f->pcmap.n);
	append(f, digest, WABI_SEC_DIGEST, zero, sizeof zero);
	f->nsh += NEW_SECTIONS;
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
	return do_digest(f, f->so->p + digest->sh_offset);
}

int
finish(const struct plan *p, const struct meta *m, struct buf *so,
    struct wasmc_error *err)
{
	int (*const steps[])(struct fin *) = { open_file, do_functions,
	    do_pcmap, do_sections };
	struct fin f = { .p = p, .m = m, .so = so, .err = err };
	int rc = WASMC_OK;

	for (size_t i = 0; !rc && i < sizeof steps / sizeof *steps; i++)
		rc = steps[i](&f);
	free(f.sh);
	buf_free(&f.namebuf);
	buf_free(&f.pcmap);
	return rc;
}
