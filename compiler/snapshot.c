/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * snapshot.c: an artifact again, with another beginning.
 *
 * Code, unwind tables, symbols and debug information stay as they are, byte for
 * byte and address for address.  What instances begin with (.wabi.meta, .data,
 * .image) is made anew and put into a read-only segment behind all others, and
 * the sections' headers lead there.  The segment's header takes the place of
 * PT_PHDR, which nobody needs in a shared object; a snapshot of a snapshot
 * replaces the segment.  Where the old ones were there are zeros.  Addresses in
 * .wabi.meta and .wabi.pcmap are relative to .wabi.meta, which has moved.
 *
 * The artifact may be hostile: its headers are checked here as far as they are
 * followed, and its digest; the metadata is snapshot_meta.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "artifact.h"

#define MAX_ALIGN	(2ull << 20)
#define MAX_SPAN	(1ull << 40)

int
snap_bad(struct snap *s, const char *why)
{
	return back_fail(s->err, WASMC_EINVALID, "not a usable artifact: %s",
	    why);
}

int
snap_no_memory(struct snap *s)
{
	return back_fail(s->err, WASMC_ENOMEM, "out of memory");
}

static bool
inside(uint64_t off, uint64_t n, uint64_t size)
{
	return off <= size && n <= size - off;
}

static uint64_t
round_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) & ~(align - 1);
}

/* ---- What is there ------------------------------------------------------- */

static int
open_headers(struct snap *s)
{
	Elf64_Ehdr *e = &s->eh;

	if (s->n < sizeof *e)
		return snap_bad(s, "it is cut short");
	memcpy(e, s->in, sizeof *e);
	if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 ||
	    e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_ident[EI_DATA] != ELFDATA2LSB || e->e_type != ET_DYN)
		return snap_bad(s, "it is no ELF shared object");
	if (e->e_phentsize != sizeof(Elf64_Phdr) || !e->e_phnum ||
	    e->e_phnum > SNAP_SEGMENTS || e->e_phoff % 8 ||
	    e->e_shentsize != sizeof(Elf64_Shdr) || e->e_shnum < 2 ||
	    e->e_shnum > SNAP_SECTIONS || e->e_shoff % 8 ||
	    e->e_shstrndx == 0 || e->e_shstrndx >= e->e_shnum)
		return snap_bad(s, "its ELF header is odd");
	if (!inside(e->e_phoff, e->e_phnum * sizeof *s->ph, s->n) ||
	    !inside(e->e_shoff, e->e_shnum * sizeof *s->sh, s->n))
		return snap_bad(s, "it is cut short");
	memcpy(s->ph, s->in + e->e_phoff, e->e_phnum * sizeof *s->ph);
	memcpy(s->sh, s->in + e->e_shoff, e->e_shnum * sizeof *s->sh);
	s->nsh = e->e_shnum;
	return WASMC_OK;
}

static unsigned *
place_of(struct snap *s, const char *name)
{
	const struct {
		const char *name;
		unsigned *at;
	} t[] = {
		{ WABI_SEC_META, &s->at_meta }, { WABI_SEC_DATA, &s->at_data },
		{ WABI_SEC_IMAGE, &s->at_image },
		{ WABI_SEC_PCMAP, &s->at_pcmap },
		{ WABI_SEC_DIGEST, &s->at_digest },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (!strcmp(name, t[i].name))
			return t[i].at;
	return NULL;
}

static int
open_sections(struct snap *s)
{
	const Elf64_Shdr *names = &s->sh[s->eh.e_shstrndx];

	for (unsigned i = 0; i < s->nsh; i++) {
		const Elf64_Shdr *h = &s->sh[i];

		if (h->sh_type != SHT_NOBITS &&
		    !inside(h->sh_offset, h->sh_size, s->n))
			return snap_bad(s, "it is cut short");
		if (h->sh_addralign & (h->sh_addralign - 1) ||
		    h->sh_addralign > MAX_ALIGN)
			return snap_bad(s, "a section is misaligned");
	}
	if (names->sh_type != SHT_STRTAB || !names->sh_size ||
	    names->sh_flags & SHF_ALLOC ||
	    s->in[names->sh_offset + names->sh_size - 1])
		return snap_bad(s, "its section names are odd");
	buf_add(&s->names, s->in + names->sh_offset, names->sh_size);
	if (s->names.failed)
		return snap_no_memory(s);
	for (unsigned i = 1; i < s->nsh; i++) {
		unsigned *at;

		if (s->sh[i].sh_name >= s->names.n)
			return snap_bad(s, "a section has no name");
		at = place_of(s, (char *)s->names.p + s->sh[i].sh_name);
		if (!at)
			continue;
		if (*at || s->sh[i].sh_type != SHT_PROGBITS)
			return snap_bad(s, "its sections are odd");
		*at = i;
	}
	if (s->sh[0].sh_name || !s->at_meta || !s->at_digest ||
	    s->sh[s->at_digest].sh_size != 32)
		return snap_bad(s, "it is no artifact of wasmc's");
	return WASMC_OK;
}

static int
check_digest(struct snap *s)
{
	uint8_t got[32];

	if (artifact_digest(s->in, s->sh, s->nsh, (char *)s->names.p, got))
		return snap_no_memory(s);
	return memcmp(got, s->in + s->sh[s->at_digest].sh_offset, 32) == 0 ?
	    WASMC_OK : snap_bad(s, "its headers or metadata were altered");
}

static int
check_meta_head(struct snap *s)
{
	const Elf64_Shdr *h = &s->sh[s->at_meta];
	struct wabi_meta m;

	if (h->sh_size < sizeof m || h->sh_size > INT32_MAX)
		return snap_bad(s, "its metadata is of an odd size");
	memcpy(&m, s->in + h->sh_offset, sizeof m);
	if (m.magic != WABI_MAGIC || m.version != WABI_VERSION)
		return snap_bad(s, "it was made by another version");
	if (m.size != h->sh_size || m.snapshot.n > 1)
		return snap_bad(s, "its metadata is odd");
	return WASMC_OK;
}

/* ---- Where the new segment goes ------------------------------------------ */

static bool
is_snapshot(const struct snap *s)
{
	struct wabi_meta m;

	memcpy(&m, s->in + s->sh[s->at_meta].sh_offset, sizeof m);
	return m.snapshot.n != 0;
}

/* Make room in the headers: PT_PHDR goes, or the segment of a snapshot that was
 * made before. */
static int
free_header(struct snap *s)
{
	unsigned n = s->eh.e_phnum, last = n, phdr = n;

	for (unsigned i = 0; i < n; i++) {
		if (s->ph[i].p_type == PT_LOAD)
			last = i;
		if (s->ph[i].p_type == PT_PHDR)
			phdr = i;
	}
	if (last == n)
		return snap_bad(s, "it has no segments");
	s->load = last;
	if (is_snapshot(s)) {
		const Elf64_Phdr *p = &s->ph[last];

		return p->p_flags == PF_R && last && p->p_vaddr ==
		    s->sh[s->at_meta].sh_addr ? WASMC_OK :
		    snap_bad(s, "its segments are odd");
	}
	if (phdr > last)
		return snap_bad(s, "there is no room for a segment");
	memmove(&s->ph[phdr], &s->ph[phdr + 1],
	    (last - phdr) * sizeof *s->ph);
	return WASMC_OK;
}

static int
place_segment(struct snap *s)
{
	uint64_t align = WABI_IMAGE_ALIGN, end = 0;
	int rc = free_header(s);

	if (rc)
		return rc;
	for (unsigned i = 0; i < s->load; i++) {
		const Elf64_Phdr *p = &s->ph[i];

		if (p->p_type != PT_LOAD)
			continue;
		if (!inside(p->p_offset, p->p_filesz, s->n) ||
		    !inside(p->p_vaddr, p->p_memsz, MAX_SPAN) ||
		    p->p_align & (p->p_align - 1) || p->p_align > MAX_ALIGN)
			return snap_bad(s, "a segment is odd");
		if (p->p_align > align)
			align = p->p_align;
		if (p->p_vaddr + p->p_memsz > end)
			end = p->p_vaddr + p->p_memsz;
		if (p->p_offset + p->p_filesz > s->kept)
			s->kept = p->p_offset + p->p_filesz;
	}
	if (!inside(s->eh.e_phoff, s->eh.e_phnum * sizeof *s->ph, s->kept) ||
	    s->kept < sizeof s->eh)
		return snap_bad(s, "its headers are in no segment");
	s->addr = round_up(end, align);
	s->off = round_up(s->kept, align);
	s->ph[s->load] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R,
	    .p_offset = s->off, .p_vaddr = s->addr, .p_paddr = s->addr,
	    .p_align = align };
	s->shift = (int64_t)(s->sh[s->at_meta].sh_addr - s->addr);
	return WASMC_OK;
}

/* ---- The new file -------------------------------------------------------- */

/* Nothing of the old ones stays behind. */
static void
wipe(struct snap *s, unsigned at)
{
	const Elf64_Shdr *h = &s->sh[at];

	if (at && inside(h->sh_offset, h->sh_size, s->out.n))
		memset(s->out.p + h->sh_offset, 0, h->sh_size);
}

/* Symbols of a section that has moved. */
static void
move_symbols(struct snap *s, uint8_t *p, size_t n, unsigned at, uint64_t by)
{
	for (size_t i = 0; at && i + sizeof(Elf64_Sym) <= n;
	    i += sizeof(Elf64_Sym)) {
		Elf64_Sym sym;

		memcpy(&sym, p + i, sizeof sym);
		if (sym.st_shndx != at)
			continue;
		sym.st_value += by;
		memcpy(p + i, &sym, sizeof sym);
	}
}

/* Put a section into the new segment; make its header, if there is none. */
static void
put_loaded(struct snap *s, unsigned *at, const char *name,
    const struct buf *b, uint64_t align, uint64_t *by)
{
	Elf64_Shdr *h;

	*by = 0;
	if (!*at && !b->n)
		return;
	if (!*at) {
		*at = s->nsh++;
		s->sh[*at] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
		    .sh_flags = SHF_ALLOC, .sh_addralign = align,
		    .sh_name = (Elf64_Word)buf_add(&s->names, name,
			strlen(name) + 1) };
	}
	h = &s->sh[*at];
	buf_align(&s->out, align);
	*by = s->addr + (s->out.n - s->off) - h->sh_addr;
	h->sh_addr += *by;
	h->sh_offset = s->out.n;
	h->sh_size = b->n;
	buf_add(&s->out, b->p, b->n);
}

static int
shift_places(struct snap *s, uint8_t *p, size_t n)
{
	struct wabi_pcmap_head head;
	struct wabi_pcmap_entry e;

	if (n < sizeof head)
		return snap_bad(s, "its map of addresses is odd");
	memcpy(&head, p, sizeof head);
	if (head.magic != WABI_MAGIC || (n - sizeof head) / sizeof e != head.n)
		return snap_bad(s, "its map of addresses is odd");
	for (size_t i = sizeof head; i + sizeof e <= n; i += sizeof e) {
		int64_t addr;

		memcpy(&e, p + i, sizeof e);
		addr = e.addr + s->shift;
		if (addr < INT32_MIN || addr > INT32_MAX)
			return snap_bad(s, "it is larger than 2 GiB");
		e.addr = (int32_t)addr;
		memcpy(p + i, &e, sizeof e);
	}
	return WASMC_OK;
}

/* The sections that are not loaded, behind the segments. */
static int
put_others(struct snap *s, uint64_t moved[3])
{
	const unsigned at[3] = { s->at_meta, s->at_data, s->at_image };
	int rc = WASMC_OK;

	for (unsigned i = 1; i < s->nsh && rc == WASMC_OK; i++) {
		Elf64_Shdr *h = &s->sh[i];
		const struct buf *b = i == s->eh.e_shstrndx ? &s->names : NULL;
		uint64_t from = h->sh_offset;

		if (h->sh_flags & SHF_ALLOC || h->sh_type == SHT_NOBITS)
			continue;
		buf_align(&s->out, h->sh_addralign ? h->sh_addralign : 1);
		h->sh_offset = s->out.n;
		if (b)
			h->sh_size = b->n;
		buf_add(&s->out, b ? b->p : s->in + from, h->sh_size);
		if (s->out.failed)
			return snap_no_memory(s);
		if (i == s->at_pcmap)
			rc = shift_places(s, s->out.p + h->sh_offset,
			    h->sh_size);
		for (int k = 0; k < 3 && h->sh_type == SHT_SYMTAB; k++)
			move_symbols(s, s->out.p + h->sh_offset, h->sh_size,
			    at[k], moved[k]);
	}
	return rc;
}

static int
put_headers(struct snap *s)
{
	uint8_t digest[32];

	buf_align(&s->out, 8);
	s->eh.e_shoff = buf_add(&s->out, s->sh, s->nsh * sizeof *s->sh);
	s->eh.e_shnum = (Elf64_Half)s->nsh;
	if (s->out.failed || s->names.failed)
		return snap_no_memory(s);
	memcpy(s->out.p, &s->eh, sizeof s->eh);
	memcpy(s->out.p + s->eh.e_phoff, s->ph,
	    s->eh.e_phnum * sizeof *s->ph);
	if (artifact_digest(s->out.p, s->sh, s->nsh, (char *)s->names.p,
	    digest))
		return snap_no_memory(s);
	memcpy(s->out.p + s->sh[s->at_digest].sh_offset, digest, 32);
	return WASMC_OK;
}

static int
put_file(struct snap *s)
{
	uint64_t moved[3];
	int rc;

	for (unsigned i = 1; i < s->nsh; i++) {
		const Elf64_Shdr *h = &s->sh[i];
		bool ours = i == s->at_meta || i == s->at_data ||
		    i == s->at_image;

		if (h->sh_flags & SHF_ALLOC && h->sh_type != SHT_NOBITS &&
		    !ours && !inside(h->sh_offset, h->sh_size, s->kept))
			return snap_bad(s, "a section is in no segment");
	}
	buf_add(&s->out, s->in, s->kept);
	buf_room(&s->out, s->off - s->kept);
	if (s->out.failed)
		return snap_no_memory(s);
	wipe(s, s->at_meta);
	wipe(s, s->at_data);
	wipe(s, s->at_image);
	put_loaded(s, &s->at_meta, WABI_SEC_META, &s->meta, 16, &moved[0]);
	put_loaded(s, &s->at_data, WABI_SEC_DATA, &s->data, 16, &moved[1]);
	put_loaded(s, &s->at_image, WABI_SEC_IMAGE, &s->image,
	    WABI_IMAGE_ALIGN, &moved[2]);
	s->ph[s->load].p_filesz = s->ph[s->load].p_memsz =
	    s->out.n - s->off;
	if (s->out.failed || s->names.failed)
		return snap_no_memory(s);
	rc = put_others(s, moved);
	return rc == WASMC_OK ? put_headers(s) : rc;
}

static bool
lists_are_there(const struct wasmc_state *st)
{
	return (!st->nmemories || st->memories) &&
	    (!st->ntables || st->tables) && (!st->nglobals || st->globals) &&
	    (!st->ndatas || st->data_dropped) &&
	    (!st->nelems || st->elem_dropped) && (!st->nhide || st->hide);
}

WASMC_API int
wasmc_snapshot_write(const void *artifact, size_t n,
    const struct wasmc_state *state, const char *out_path,
    struct wasmc_error *err)
{
	int (*const steps[])(struct snap *) = { open_headers, open_sections,
	    check_digest, check_meta_head, place_segment, snap_meta,
	    put_file };
	struct wasmc_error dummy;
	struct snap *s;
	int rc = WASMC_OK;

	err = err ? err : &dummy;
	if ((n && !artifact) || !state || !out_path || !lists_are_there(state))
		return back_fail(err, WASMC_EOPTION, "an argument is NULL");
	s = calloc(1, sizeof *s);
	if (!s)
		return back_fail(err, WASMC_ENOMEM, "out of memory");
	s->in = artifact;
	s->n = n;
	s->st = state;
	s->err = err;
	for (size_t i = 0; !rc && i < sizeof steps / sizeof *steps; i++)
		rc = steps[i](s);
	if (rc == WASMC_OK)
		rc = output_write(out_path, s->out.p, s->out.n, true, err);
	buf_free(&s->names);
	buf_free(&s->old);
	buf_free(&s->meta);
	buf_free(&s->data);
	buf_free(&s->image);
	buf_free(&s->out);
	free(s);
	return rc;
}
