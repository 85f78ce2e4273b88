/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * verify_segments.c: the program headers, by which the system's loader maps
 * an artifact.
 *
 * What holds afterwards: the PT_LOADs are ascending, share no page, are r, rx
 * (one) or rw (at most one), lie in the file, and the file begins with the
 * first; there is one PT_DYNAMIC, a PT_GNU_STACK that asks for no executable
 * stack, and nothing else that the loader acts on but the relro range, which
 * is in the writable segment.
 */
#include <unistd.h>

#include "verify.h"

#define MAX_SPAN	(1ull << 40)
#define MAX_ALIGN	(2ull << 20)

static uint64_t
page_up(uint64_t x, uint64_t page)
{
	return (x + page - 1) & ~(page - 1);
}

static int
check_load_bounds(struct wrt__file *f, const Elf64_Phdr *p, uint64_t page)
{
	if (!wrt__inside(p->p_offset, p->p_filesz, f->size))
		return wrt__damaged(f, "it is cut short");
	if (p->p_align < page || p->p_align > MAX_ALIGN ||
	    p->p_align & (p->p_align - 1))
		return wrt__alien(f, "a segment's alignment is %llu",
		    (unsigned long long)p->p_align);
	if (p->p_offset % p->p_align != p->p_vaddr % p->p_align)
		return wrt__alien(f, "a segment is misaligned");
	if (p->p_filesz > p->p_memsz || p->p_memsz == 0 ||
	    !wrt__inside(p->p_vaddr, p->p_memsz, MAX_SPAN))
		return wrt__alien(f, "a segment's size is odd");
	/* Zero bytes behind the file's are for the writable one alone, where
	 * the linker pads the relro range to a page. */
	if (p->p_filesz != p->p_memsz &&
	    (p->p_flags != (PF_R | PF_W) ||
	     p->p_memsz - p->p_filesz > 2 * MAX_ALIGN))
		return wrt__alien(f, "a segment grows in memory");
	return WRT_OK;
}

static int
check_load(struct wrt__file *f, const Elf64_Phdr *p)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int rc;

	if ((p->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
		return wrt__alien(f,
		    "a segment is both writable and executable");
	rc = check_load_bounds(f, p, page);
	if (rc)
		return rc;
	if (f->span == 0) {
		if (p->p_offset || p->p_vaddr || p->p_flags != PF_R)
			return wrt__alien(f, "its first segment is odd");
	} else if (p->p_vaddr < page_up(f->span, page)) {
		return wrt__alien(f, "two segments share a page");
	}
	f->span = p->p_vaddr + p->p_memsz;

	switch (p->p_flags) {
	case PF_R:
		return WRT_OK;
	case PF_R | PF_X:
		if (f->text)
			return wrt__alien(f, "two executable segments");
		f->text = p;
		return WRT_OK;
	case PF_R | PF_W:
		if (f->data)
			return wrt__alien(f, "two writable segments");
		f->data = p;
		return WRT_OK;
	}
	return wrt__alien(f, "a segment has flags %#x", p->p_flags);
}

/* Segments other than PT_LOAD: each type at most once. */
static const struct {
	uint32_t type;
	uint64_t must_be_in_load;
	const char *name;
} others[] = {
	{ PT_PHDR, 1, "PT_PHDR" },
	{ PT_DYNAMIC, 1, "PT_DYNAMIC" },
	{ PT_NOTE, 1, "PT_NOTE" },
	{ PT_GNU_EH_FRAME, 1, "PT_GNU_EH_FRAME" },
	{ PT_GNU_STACK, 0, "PT_GNU_STACK" },
	{ PT_GNU_RELRO, 1, "PT_GNU_RELRO" },
};
#define NOTHERS	(sizeof others / sizeof *others)

static bool
in_a_load(const struct wrt__file *f, const Elf64_Phdr *p)
{
	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *l = &f->ph[i];

		if (l->p_type == PT_LOAD && p->p_vaddr >= l->p_vaddr &&
		    wrt__inside(p->p_vaddr - l->p_vaddr, p->p_memsz,
			l->p_memsz) &&
		    wrt__inside(p->p_vaddr - l->p_vaddr, p->p_filesz,
			l->p_filesz) &&
		    p->p_offset - l->p_offset == p->p_vaddr - l->p_vaddr)
			return true;
	}
	return false;
}

static int
check_other(struct wrt__file *f, const Elf64_Phdr *p,
    const Elf64_Phdr *seen[NOTHERS])
{
	size_t k = 0;

	while (k < NOTHERS && others[k].type != p->p_type)
		k++;
	if (k == NOTHERS)
		return wrt__alien(f, "%s", p->p_type == PT_INTERP ?
		    "it asks for an interpreter (PT_INTERP)" :
		    p->p_type == PT_TLS ?
		    "it has thread-local storage (PT_TLS)" :
		    "it has an unknown segment");
	if (seen[k])
		return wrt__alien(f, "two segments %s", others[k].name);
	seen[k] = p;
	if (p->p_flags & PF_X)
		return wrt__alien(f, "segment %s is executable",
		    others[k].name);
	if (others[k].must_be_in_load && !in_a_load(f, p))
		return wrt__alien(f, "segment %s is not in memory",
		    others[k].name);
	if (p->p_type != PT_GNU_RELRO && p->p_filesz != p->p_memsz)
		return wrt__alien(f, "segment %s is odd", others[k].name);
	/* dl_iterate_phdr() shows its callers this address. */
	if (p->p_type == PT_PHDR && (p->p_offset != f->eh.e_phoff ||
	    p->p_memsz != f->eh.e_phnum * sizeof *f->ph))
		return wrt__alien(f, "segment PT_PHDR is odd");
	return WRT_OK;
}

/* The loader write-protects the pages of this range: they must be those of the
 * writable segment and no others. */
static int
check_relro(struct wrt__file *f, const Elf64_Phdr *p)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!f->data || p->p_vaddr < f->data->p_vaddr ||
	    page_up(p->p_vaddr + p->p_memsz, page) >
	    page_up(f->data->p_vaddr + f->data->p_memsz, page))
		return wrt__alien(f, "its relro range is odd");
	return WRT_OK;
}

int
wrt__verify_segments(struct wrt__file *f)
{
	const Elf64_Phdr *seen[NOTHERS] = { NULL };

	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		int rc;

		if (f->ph[i].p_type != PT_LOAD)
			continue;
		rc = check_load(f, &f->ph[i]);
		if (rc)
			return rc;
	}
	if (!f->text)
		return wrt__alien(f, "it has no code");
	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		int rc;

		if (f->ph[i].p_type == PT_LOAD)
			continue;
		rc = check_other(f, &f->ph[i], seen);
		if (rc == WRT_OK && f->ph[i].p_type == PT_GNU_RELRO)
			rc = check_relro(f, &f->ph[i]);
		if (rc)
			return rc;
	}
	for (size_t k = 0; k < NOTHERS; k++)
		if (!seen[k] && (others[k].type == PT_DYNAMIC ||
		    others[k].type == PT_GNU_EH_FRAME ||
		    others[k].type == PT_GNU_STACK))
			/* Without PT_GNU_STACK the loader would make the
			 * process's stacks executable. */
			return wrt__alien(f, "it has no segment %s",
			    others[k].name);
	return WRT_OK;
}
