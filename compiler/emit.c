/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * emit.c: metadata, data and image as a relocatable ELF object.
 *
 * A field of the metadata that refers to code becomes symbol - start of the
 * section: a pc-relative relocation whose addend is the field's own offset.
 * The shape is fixed and small, so it is written as structures of <elf.h>.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"

enum { S_NULL, S_META, S_RELA, S_DATA, S_IMAGE, S_STACK, S_SYMTAB, S_STRTAB,
       S_SHSTRTAB, NSECS };

static const char *const names[NSECS] = {
	"", WABI_SEC_META, (".rela" WABI_SEC_META), WABI_SEC_DATA,
	WABI_SEC_IMAGE, ".note.GNU-stack", ".symtab", ".strtab", ".shstrtab",
};

struct em {
	const struct plan *p;
	struct buf *out;
	struct buf sym, str, rela;
	Elf64_Shdr sh[NSECS];
};

static int
by_symbol(const void *a, const void *b)
{
	const struct code_ref *x = a, *y = b;
	int c = strcmp(x->symbol, y->symbol);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static void
em_symbol(struct em *e, const char *name, unsigned info, unsigned other,
    unsigned section)
{
	Elf64_Sym s = {
		.st_name = (Elf64_Word)buf_add(&e->str, name,
		    strlen(name) + 1),
		.st_info = (unsigned char)info,
		.st_other = (unsigned char)other,
		.st_shndx = (Elf64_Half)section,
	};

	buf_add(&e->sym, &s, sizeof s);
}

/* One symbol per name that is referred to, one relocation per reference. */
static void
em_refs(struct em *e, const struct meta *m)
{
	struct code_ref *r = (struct code_ref *)(void *)m->refs.p;
	size_t n = m->refs.n / sizeof *r;
	uint32_t type = e->p->is_x86 ? R_X86_64_PC32 : R_AARCH64_PREL32;

	buf_room(&e->str, 1);
	buf_room(&e->sym, sizeof(Elf64_Sym));
	em_symbol(e, SYM_META, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
	    STV_HIDDEN, S_META);
	if (n)
		qsort(r, n, sizeof *r, by_symbol);
	for (size_t i = 0; i < n; i++) {
		Elf64_Rela rel;

		if (i == 0 || strcmp(r[i].symbol, r[i - 1].symbol) != 0)
			em_symbol(e, r[i].symbol,
			    ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), STV_HIDDEN,
			    SHN_UNDEF);
		rel = (Elf64_Rela){ r[i].at, ELF64_R_INFO(
		    e->sym.n / sizeof(Elf64_Sym) - 1, type), r[i].at };
		buf_add(&e->rela, &rel, sizeof rel);
	}
}

static void
em_section(struct em *e, int s, uint32_t type, uint64_t flags, uint64_t align,
    const struct buf *bytes)
{
	Elf64_Shdr *sh = &e->sh[s];

	buf_align(e->out, align);
	sh->sh_type = type;
	sh->sh_flags = flags;
	sh->sh_addralign = align;
	sh->sh_offset = e->out->n;
	if (bytes) {
		sh->sh_size = bytes->n;
		buf_add(e->out, bytes->p, bytes->n);
	}
}

static void
em_names(struct em *e)
{
	struct buf b = { 0 };

	for (int i = 0; i < NSECS; i++)
		e->sh[i].sh_name = (Elf64_Word)buf_add(&b, names[i],
		    strlen(names[i]) + 1);
	em_section(e, S_SHSTRTAB, SHT_STRTAB, 0, 1, &b);
	e->out->failed = e->out->failed || b.failed;
	buf_free(&b);
}

static void
em_sections(struct em *e, const struct meta *m, const struct image *im)
{
	uint64_t kept = SHF_ALLOC;

	em_section(e, S_META, SHT_PROGBITS, kept, 16, &m->bytes);
	em_section(e, S_RELA, SHT_RELA, SHF_INFO_LINK, 8, &e->rela);
	e->sh[S_RELA].sh_link = S_SYMTAB;
	e->sh[S_RELA].sh_info = S_META;
	e->sh[S_RELA].sh_entsize = sizeof(Elf64_Rela);
	em_section(e, S_DATA, SHT_PROGBITS, m->data.n ? kept : 0, 16,
	    &m->data);
	em_section(e, S_IMAGE, SHT_PROGBITS, im->bytes.n ? kept : 0,
	    WABI_IMAGE_ALIGN, &im->bytes);
	em_section(e, S_STACK, SHT_PROGBITS, 0, 1, NULL);
	em_section(e, S_SYMTAB, SHT_SYMTAB, 0, 8, &e->sym);
	e->sh[S_SYMTAB].sh_link = S_STRTAB;
	e->sh[S_SYMTAB].sh_info = 1;
	e->sh[S_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
	em_section(e, S_STRTAB, SHT_STRTAB, 0, 1, &e->str);
	em_names(e);
	/* What is empty is not there. */
	if (!m->data.n)
		e->sh[S_DATA] = (Elf64_Shdr){ 0 };
	if (!im->bytes.n)
		e->sh[S_IMAGE] = (Elf64_Shdr){ 0 };
}

int
emit_object(const struct plan *p, const struct meta *m, const struct image *im,
    struct buf *out)
{
	struct em e = { .p = p, .out = out };
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		    ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = p->is_x86 ? EM_X86_64 : EM_AARCH64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof eh,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = NSECS,
		.e_shstrndx = S_SHSTRTAB,
	};
	int rc;

	em_refs(&e, m);
	buf_room(out, sizeof eh);
	em_sections(&e, m, im);
	buf_align(out, 8);
	eh.e_shoff = buf_add(out, e.sh, sizeof e.sh);
	rc = out->failed || e.sym.failed || e.str.failed || e.rela.failed ?
	    -1 : 0;
	if (rc == 0)
		memcpy(out->p, &eh, sizeof eh);
	buf_free(&e.sym);
	buf_free(&e.str);
	buf_free(&e.rela);
	return rc;
}
