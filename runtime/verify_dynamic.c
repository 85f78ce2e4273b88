/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * verify_dynamic.c: the dynamic section and what hangs on it: symbols, hash
 * tables, relocations, the note, the header of the unwind table.
 *
 * The system's loader believes all of this, and so do dladdr() and the
 * unwinder.  What holds afterwards: it finds nothing to run, nothing to bind to
 * other libraries, and no index or offset that leads out of a table.
 */
#include <string.h>

#include "verify.h"

#if defined(__x86_64__)
#define R_RELATIVE	R_X86_64_RELATIVE
#elif defined(__aarch64__)
#define R_RELATIVE	R_AARCH64_RELATIVE
#endif

static uint64_t
size_of(const struct wrt__file *f, enum wrt__section id)
{
	return f->sec[id] ? f->sec[id]->sh_size : 0;
}

/* ---- The dynamic section ---- */

/* X(tag, what its value must be): the address or size of a section, or a
 * number; for flags, the only bits allowed. */
enum what { ADDR, SIZE, NUMBER, FLAGS };
static const struct {
	int64_t tag;
	enum what what;
	uint64_t arg;			/* section, number or mask */
} dyn_rules[] = {
	{ DT_SYMTAB, ADDR, SEC_DYNSYM },
	{ DT_STRTAB, ADDR, SEC_DYNSTR },
	{ DT_STRSZ, SIZE, SEC_DYNSTR },
	{ DT_SYMENT, NUMBER, sizeof(Elf64_Sym) },
	{ DT_HASH, ADDR, SEC_HASH },
	{ DT_GNU_HASH, ADDR, SEC_GNU_HASH },
	{ DT_RELA, ADDR, SEC_RELA },
	{ DT_RELASZ, SIZE, SEC_RELA },
	{ DT_RELAENT, NUMBER, sizeof(Elf64_Rela) },
	{ DT_RELACOUNT, NUMBER, UINT64_MAX },
	{ DT_FLAGS, FLAGS, DF_BIND_NOW },
	{ DT_FLAGS_1, FLAGS, DF_1_NOW },
};
#define NDYN_RULES	(sizeof dyn_rules / sizeof *dyn_rules)

static const struct {
	int64_t tag;
	const char *text;
} dyn_forbidden[] = {
	{ DT_NEEDED, "it needs other libraries (DT_NEEDED)" },
	{ DT_INIT, "it has a constructor (DT_INIT)" },
	{ DT_INIT_ARRAY, "it has constructors (DT_INIT_ARRAY)" },
	{ DT_PREINIT_ARRAY, "it has constructors (DT_PREINIT_ARRAY)" },
	{ DT_FINI, "it has a destructor (DT_FINI)" },
	{ DT_FINI_ARRAY, "it has destructors (DT_FINI_ARRAY)" },
	{ DT_RPATH, "it has a search path (DT_RPATH)" },
	{ DT_RUNPATH, "it has a search path (DT_RUNPATH)" },
	{ DT_TEXTREL, "it relocates its code (DT_TEXTREL)" },
	{ DT_JMPREL, "it calls through a linkage table (DT_JMPREL)" },
	{ DT_VERSYM, "it has symbol versions (DT_VERSYM)" },
	{ DT_VERNEED, "it has symbol versions (DT_VERNEED)" },
	{ DT_VERDEF, "it has symbol versions (DT_VERDEF)" },
	{ DT_SONAME, "it has a name for other libraries (DT_SONAME)" },
};

static int
bad_dyn(struct wrt__file *f, int64_t tag)
{
	for (size_t i = 0; i < sizeof dyn_forbidden / sizeof *dyn_forbidden;
	    i++)
		if (dyn_forbidden[i].tag == tag)
			return wrt__alien(f, "%s", dyn_forbidden[i].text);
	return wrt__alien(f, "dynamic entry %#llx is not one of an artifact's",
	    (unsigned long long)tag);
}

static int
check_dyn(struct wrt__file *f, const Elf64_Dyn *d, uint64_t *seen)
{
	uint64_t v = d->d_un.d_val;
	const Elf64_Shdr *s;
	size_t k = 0;
	bool ok = false;

	while (k < NDYN_RULES && dyn_rules[k].tag != d->d_tag)
		k++;
	if (k == NDYN_RULES)
		return bad_dyn(f, d->d_tag);
	if (*seen & 1ull << k)
		return wrt__alien(f, "dynamic entry %#llx is there twice",
		    (unsigned long long)d->d_tag);
	*seen |= 1ull << k;
	s = dyn_rules[k].what < NUMBER ? f->sec[dyn_rules[k].arg] : NULL;
	switch (dyn_rules[k].what) {
	case ADDR:
		ok = s && s->sh_addr == v;
		break;
	case SIZE:
		ok = s && s->sh_size == v;
		break;
	case NUMBER:
		ok = v == (d->d_tag == DT_RELACOUNT ?
		    size_of(f, SEC_RELA) / sizeof(Elf64_Rela) :
		    dyn_rules[k].arg);
		break;
	case FLAGS:
		ok = (v & ~dyn_rules[k].arg) == 0;
		break;
	}
	return ok ? WRT_OK : wrt__alien(f, "dynamic entry %#llx has value "
	    "%#llx", (unsigned long long)d->d_tag, (unsigned long long)v);
}

static bool
saw(uint64_t seen, int64_t tag)
{
	for (size_t k = 0; k < NDYN_RULES; k++)
		if (dyn_rules[k].tag == tag)
			return seen >> k & 1;
	return false;
}

static int
check_entries(struct wrt__file *f)
{
	const Elf64_Dyn *d = f->bytes[SEC_DYNAMIC];
	size_t n = size_of(f, SEC_DYNAMIC) / sizeof *d, i;
	uint64_t seen = 0;

	if (size_of(f, SEC_DYNAMIC) % sizeof *d || n > 1000)
		return wrt__alien(f, "its dynamic section is odd");
	for (i = 0; i < n && d[i].d_tag != DT_NULL; i++) {
		int rc = check_dyn(f, &d[i], &seen);

		if (rc)
			return rc;
	}
	if (i == n)
		return wrt__alien(f, "its dynamic section has no end");
	if (!saw(seen, DT_SYMTAB) || !saw(seen, DT_STRTAB) ||
	    !saw(seen, DT_STRSZ) || !saw(seen, DT_SYMENT) ||
	    !(saw(seen, DT_HASH) || saw(seen, DT_GNU_HASH)) ||
	    saw(seen, DT_RELA) != saw(seen, DT_RELASZ) ||
	    saw(seen, DT_RELA) != saw(seen, DT_RELAENT) ||
	    saw(seen, DT_RELA) != (f->sec[SEC_RELA] != NULL))
		return wrt__alien(f, "its dynamic section lacks an entry");
	return WRT_OK;
}

static int
check_place(struct wrt__file *f)
{
	const Elf64_Shdr *s = f->sec[SEC_DYNAMIC];

	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &f->ph[i];
		const Elf64_Shdr *t = p->p_type == PT_DYNAMIC ? s :
		    p->p_type == PT_GNU_EH_FRAME ? f->sec[SEC_EH_FRAME_HDR] :
		    p->p_type == PT_NOTE ? f->sec[SEC_BUILD_ID] : NULL;
		bool must = p->p_type == PT_DYNAMIC || p->p_type == PT_NOTE ||
		    p->p_type == PT_GNU_EH_FRAME;

		if (must && (!t || p->p_vaddr != t->sh_addr ||
		    p->p_offset != t->sh_offset || p->p_memsz != t->sh_size))
			return wrt__alien(f, "a segment is not its section");
		/* The loader writes to the dynamic section if its segment
		 * says that it may. */
		if (p->p_type == PT_DYNAMIC && p->p_flags & PF_W &&
		    (!f->data || s->sh_addr < f->data->p_vaddr))
			return wrt__alien(f, "its dynamic section is said to "
			    "be writable");
	}
	return s->sh_addr % 8 ? wrt__alien(f, "its dynamic section is "
	    "misaligned") : WRT_OK;
}

/* ---- Symbols ---- */

static int
check_symbol(struct wrt__file *f, const Elf64_Sym *s)
{
	unsigned type = ELF64_ST_TYPE(s->st_info);
	unsigned bind = ELF64_ST_BIND(s->st_info);

	if (s->st_shndx == SHN_UNDEF)
		return wrt__alien(f, "it has an undefined symbol");
	if (s->st_shndx >= f->eh.e_shnum)
		return wrt__alien(f, "a symbol has no section");
	if (type == STT_GNU_IFUNC)
		return wrt__alien(f, "it has an indirect function (ifunc)");
	if (type != STT_NOTYPE && type != STT_OBJECT && type != STT_FUNC)
		return wrt__alien(f, "a symbol is of type %u", type);
	/* STB_GNU_UNIQUE would keep the artifact in memory for ever. */
	if (bind > STB_WEAK)
		return wrt__alien(f, "a symbol is bound by rule %u", bind);
	if (s->st_name >= size_of(f, SEC_DYNSTR))
		return wrt__alien(f, "a symbol has no name");
	return s->st_value > f->span ? wrt__alien(f, "a symbol lies outside")
	    : WRT_OK;
}

static int
check_symbols(struct wrt__file *f)
{
	static const Elf64_Sym zero;
	const Elf64_Sym *s = f->bytes[SEC_DYNSYM];
	const char *str = f->bytes[SEC_DYNSTR];
	uint64_t size = size_of(f, SEC_DYNSYM), nstr = size_of(f, SEC_DYNSTR);

	if (size == 0 || size % sizeof *s || size / sizeof *s > UINT32_MAX ||
	    f->sec[SEC_DYNSYM]->sh_addr % 8 ||
	    memcmp(s, &zero, sizeof zero) != 0 ||
	    nstr == 0 || str[0] || str[nstr - 1])
		return wrt__alien(f, "its symbol table is odd");
	for (uint64_t i = 1; i < size / sizeof *s; i++) {
		int rc = check_symbol(f, &s[i]);

		if (rc)
			return rc;
	}
	return WRT_OK;
}

/* System V hash: nbucket, nchain, buckets, chains.  Each symbol is in at most
 * one chain, so that walks end. */
static int
check_hash(struct wrt__file *f)
{
	const uint32_t *h = f->bytes[SEC_HASH];
	uint64_t size = size_of(f, SEC_HASH);
	uint32_t nsyms = (uint32_t)(size_of(f, SEC_DYNSYM) / sizeof(Elf64_Sym));
	uint64_t words = size / 4;
	uint8_t *met;
	bool ok = true;

	if (!h)
		return WRT_OK;
	if (size % 4 || words < 2 || f->sec[SEC_HASH]->sh_addr % 4 ||
	    h[0] == 0 || h[1] != nsyms || words != 2ull + h[0] + h[1])
		return wrt__alien(f, "its hash table is odd");
	met = wrt__calloc(nsyms, 1);
	if (!met)
		return wrt__fail(f->err, WRT_ENOMEM, "%s: out of memory",
		    f->name);
	/* Two pointers to one symbol are two chains that meet. */
	for (uint64_t i = 2; ok && i < words; i++) {
		ok = h[i] < nsyms && !(h[i] && met[h[i]]);
		if (ok)
			met[h[i]] = 1;
	}
	wrt__free(met);
	return ok ? WRT_OK : wrt__alien(f, "its hash table is odd");
}

/* GNU hash: nbuckets, first symbol, bloom words and shift, the bloom filter,
 * buckets, and one word per symbol whose lowest bit ends a chain. */
static int
check_gnu_hash(struct wrt__file *f)
{
	const uint32_t *h = f->bytes[SEC_GNU_HASH];
	uint64_t size = size_of(f, SEC_GNU_HASH);
	uint64_t nsyms = size_of(f, SEC_DYNSYM) / sizeof(Elf64_Sym);
	uint64_t nbuckets, first, nbloom, nchain;

	if (!h)
		return WRT_OK;
	if (size % 4 || size < 16 || f->sec[SEC_GNU_HASH]->sh_addr % 8)
		return wrt__alien(f, "its hash table is odd");
	nbuckets = h[0];
	first = h[1];
	nbloom = h[2];
	nchain = nsyms - first;
	if (nbuckets == 0 || first == 0 || first > nsyms || nbloom == 0 ||
	    nbloom & (nbloom - 1) || h[3] > 63 ||
	    size != 16 + 8 * nbloom + 4 * nbuckets + 4 * nchain)
		return wrt__alien(f, "its hash table is odd");
	h += 4 + 2 * nbloom;
	for (uint64_t i = 0; i < nbuckets; i++)
		if (h[i] && (h[i] < first || h[i] >= nsyms))
			return wrt__alien(f, "its hash table is odd");
	if (nchain && !(h[nbuckets + nchain - 1] & 1))
		return wrt__alien(f, "its hash table is odd");
	return WRT_OK;
}

/* ---- Relocations, note, unwind header ---- */

static int
check_relocations(struct wrt__file *f)
{
	const Elf64_Rela *r = f->bytes[SEC_RELA];
	uint64_t size = size_of(f, SEC_RELA);

	if (size % sizeof *r || (size && f->sec[SEC_RELA]->sh_addr % 8))
		return wrt__alien(f, "its relocations are odd");
	for (uint64_t i = 0; i < size / sizeof *r; i++) {
		uint64_t at = r[i].r_offset;

		if (r[i].r_info != ELF64_R_INFO(0, R_RELATIVE))
			return wrt__alien(f, "it has a relocation of type %u",
			    (unsigned)ELF64_R_TYPE(r[i].r_info));
		if (!f->data || at < f->data->p_vaddr || at % 8 ||
		    !wrt__inside(at - f->data->p_vaddr, 8, f->data->p_filesz))
			return wrt__alien(f, "it relocates what is not data");
		/* The dynamic section is in that segment too. */
		if (at + 8 > f->sec[SEC_DYNAMIC]->sh_addr &&
		    at < f->sec[SEC_DYNAMIC]->sh_addr +
		    size_of(f, SEC_DYNAMIC))
			return wrt__alien(f, "it relocates its relocations");
		if ((uint64_t)r[i].r_addend > f->span)
			return wrt__alien(f, "a relocation leads outside");
	}
	return WRT_OK;
}

static int
check_note(struct wrt__file *f)
{
	const Elf64_Nhdr *n = f->bytes[SEC_BUILD_ID];
	uint64_t size = size_of(f, SEC_BUILD_ID);

	if (!n)
		return WRT_OK;
	if (size < sizeof *n + 4 || n->n_type != NT_GNU_BUILD_ID ||
	    n->n_namesz != 4 || memcmp(n + 1, "GNU", 4) != 0 ||
	    n->n_descsz > 64 ||
	    size != sizeof *n + 4 + ((n->n_descsz + 3ull) & ~3ull))
		return wrt__alien(f, "its build id is odd");
	return WRT_OK;
}

/* The search table of the unwinder: version 1, a pointer to .eh_frame relative
 * to itself, a count, and pairs relative to the section's start, sorted. */
struct eh_hdr {
	uint8_t version, ptr_enc, count_enc, table_enc;
	int32_t eh_frame;
	uint32_t count;
	struct { int32_t loc, fde; } table[];
};

static int
check_eh_frame_hdr(struct wrt__file *f)
{
	const struct eh_hdr *h = f->bytes[SEC_EH_FRAME_HDR];
	const Elf64_Shdr *s = f->sec[SEC_EH_FRAME_HDR];
	const Elf64_Shdr *eh = f->sec[SEC_EH_FRAME];
	uint64_t size = s->sh_size;

	if (size < sizeof *h || s->sh_addr % 4 || h->version != 1 ||
	    h->ptr_enc != 0x1b || h->count_enc != 0x03 ||
	    h->table_enc != 0x3b || size != sizeof *h + 8ull * h->count ||
	    s->sh_addr + 4 + (uint64_t)(int64_t)h->eh_frame != eh->sh_addr)
		return wrt__alien(f, "its unwind table is odd");
	for (uint32_t i = 0; i < h->count; i++) {
		uint64_t loc = s->sh_addr + (uint64_t)(int64_t)h->table[i].loc;
		uint64_t fde = s->sh_addr + (uint64_t)(int64_t)h->table[i].fde;

		if (loc < f->text->p_vaddr ||
		    loc - f->text->p_vaddr >= f->text->p_memsz ||
		    fde < eh->sh_addr ||
		    !wrt__inside(fde - eh->sh_addr, 8, eh->sh_size) ||
		    (i && h->table[i].loc < h->table[i - 1].loc))
			return wrt__alien(f, "its unwind table is odd");
	}
	return WRT_OK;
}

int
wrt__verify_dynamic(struct wrt__file *f)
{
	int (*const steps[])(struct wrt__file *) = {
		check_place, check_entries, check_symbols, check_hash,
		check_gnu_hash, check_relocations, check_note,
		check_eh_frame_hdr,
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int rc = steps[i](f);

		if (rc)
			return rc;
	}
	return WRT_OK;
}
