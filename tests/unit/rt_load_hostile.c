/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Artifacts that were damaged or made by a malicious hand are refused, each
 * with a sentence that says why, and nothing of them is executed.
 */
#include "../hostile/artifact.h"

static struct artifact art;

/* Change the sample by the statement and see it refused for this reason. */
#define REFUSED(why, change) do {					\
	uint8_t *saved_ = malloc(art.n);				\
	memcpy(saved_, art.b, art.n);					\
	change;								\
	artifact_refused(&art, why);					\
	memcpy(art.b, saved_, art.n);					\
	free(saved_);							\
} while (0)

TEST(sample_is_good)
{
	struct wrt_error err;

	artifact_sample(&art);
	if (artifact_open(&art, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	artifact_seal(&art);
	if (artifact_open(&art, &err) != WRT_OK)
		test_end('F', "after seal: %s", err.text);
	artifact_free(&art);
}

/* ---- Damage ---- */

static void
flip_range(size_t from, size_t n, size_t step)
{
	struct wrt_error err;

	for (size_t i = from; i < from + n; i += step) {
		art.b[i] ^= (uint8_t)(1u << i % 8);
		if (artifact_open(&art, &err) == WRT_OK)
			test_end('F', "byte %#zx may be flipped", i);
		CHECK(strlen(err.text) > 10);
		art.b[i] ^= (uint8_t)(1u << i % 8);
	}
}

TEST(every_byte_of_headers_and_metadata)
{
	artifact_sample(&art);
	flip_range(0, sizeof(Elf64_Ehdr), 1);
	flip_range(art_eh(&art)->e_phoff,
	    art_eh(&art)->e_phnum * sizeof(Elf64_Phdr), 1);
	flip_range(art_eh(&art)->e_shoff,
	    art_eh(&art)->e_shnum * sizeof(Elf64_Shdr), 1);
	for (unsigned i = 0; i < art_eh(&art)->e_shnum; i++) {
		const Elf64_Shdr *s = &art_sh(&art)[i];

		if (art_in_digest(&art, s))
			flip_range(s->sh_offset, s->sh_size, 1);
	}
	flip_range(art_sec(&art, ".wabi.digest")->sh_offset, 32, 1);
	artifact_free(&art);
}

/* It is not looked at before a place is asked for, and then believed in
 * nothing. */
TEST(damaged_map_of_places)
{
	const Elf64_Shdr *s;
	struct wrt_error err;

	artifact_sample(&art);
	s = art_sec(&art, ".wabi.pcmap");
	for (size_t i = s->sh_offset; i < s->sh_offset + s->sh_size; i++) {
		struct wrt_frame f[WRT__PLACE_FRAMES];
		wrt_module *m;

		art.b[i] ^= 0xff;
		artifact_write(&art);
		if (wrt_module_open(&m, art.path, &err) != WRT_OK)
			test_end('F', "byte %#zx: %s", i, err.text);
		for (uintptr_t pc = m->text_start; pc < m->text_end; pc += 5)
			wrt__symbolise(m, pc, false, f);
		wrt_module_close(m);
		art.b[i] ^= 0xff;
	}
	artifact_free(&art);
}

TEST(truncated)
{
	struct wrt_error err;
	size_t whole;

	artifact_sample(&art);
	whole = art.n;
	/* What ends the file may be a string table that nobody misses. */
	for (art.n = 0; art.n + 64 < whole; art.n += 64)
		if (artifact_open(&art, &err) != WRT_ELOAD)
			test_end('F', "%zu bytes are enough", art.n);
	artifact_free(&art);
}

TEST(messages)
{
	struct wrt_error err;
	wrt_module *m;

	artifact_sample(&art);
	REFUSED("made by ABI version 99, this runtime needs 2: compile it "
	    "again", ((struct wabi_meta *)art_at(&art, ".wabi.meta"))->version
	    = 99);
	((struct wabi_meta *)art_at(&art, ".wabi.meta"))->wasm_size ^= 1;
	CHECK(artifact_open(&art, &err) == WRT_ELOAD);
	CHECK_HAS(err.text, "damaged: its headers or metadata were altered: "
	    "compile it again");
	art.n = 0;
	CHECK(artifact_open(&art, &err) == WRT_ELOAD);
	CHECK_HAS(err.text, "it is empty");
	memcpy(art.b, "\0asm\1\0\0\0", 8);
	art.n = 8;
	CHECK(artifact_open(&art, &err) == WRT_ELOAD);
	CHECK_HAS(err.text, "compile it with wasmc first");
	CHECK(wrt_module_open(&m, "/nonexistent", &err) == WRT_ESYS);
	CHECK_HAS(err.text, "No such file");
	CHECK(wrt_module_open(&m, "/", &err) == WRT_ELOAD);
	CHECK_HAS(err.text, "no regular file");
	CHECK(wrt_module_open(&m, "/proc/self/exe", &err) == WRT_ELOAD);
	artifact_free(&art);
}

/* ---- Malice: the digest is right ---- */

static Elf64_Dyn *
dyn(int64_t tag)
{
	Elf64_Dyn *d = art_at(&art, ".dynamic");

	while (d->d_tag != tag && d->d_tag != DT_NULL)
		d++;
	CHECK(d->d_tag == tag);
	return d;
}

TEST(elf_header)
{
	artifact_sample(&art);
	REFUSED("no shared object", art_eh(&art)->e_type = ET_EXEC);
	REFUSED("its machine is", art_eh(&art)->e_machine = EM_RISCV);
	REFUSED("this machine is", art_eh(&art)->e_machine =
	    art_eh(&art)->e_machine == EM_X86_64 ? EM_AARCH64 : EM_X86_64);
	REFUSED("64-bit", art.b[EI_CLASS] = ELFCLASS32);
	REFUSED("64-bit", art.b[EI_DATA] = ELFDATA2MSB);
	REFUSED("OS ABI", art.b[EI_OSABI] = ELFOSABI_GNU);
	REFUSED("header is odd", art_eh(&art)->e_entry = 0x1000);
	REFUSED("no ELF", art.b[1] = 'e');
	REFUSED("ELF version", art.b[EI_VERSION] = 2);
	REFUSED("ELF version", art_eh(&art)->e_version = 2);
	REFUSED("identification", art.b[EI_ABIVERSION] = 1);
	artifact_free(&art);
}

/* Take a segment out of the program headers. */
static void
drop_segment(uint32_t type)
{
	Elf64_Phdr *p = art_seg(&art, type, 0);
	Elf64_Phdr *phdr = art_seg(&art, PT_PHDR, 0);

	CHECK(p);
	*p = art_ph(&art)[--art_eh(&art)->e_phnum];
	if (phdr) {
		phdr->p_filesz -= sizeof *phdr;
		phdr->p_memsz -= sizeof *phdr;
	}
}

TEST(segments)
{
	Elf64_Phdr *other;

	artifact_sample(&art);
	REFUSED("writable and executable", art_seg(&art, PT_LOAD, PF_R | PF_X)
	    ->p_flags |= PF_W);
	REFUSED("executable", art_seg(&art, PT_GNU_STACK, 0)->p_flags |= PF_X);
	REFUSED("", art_seg(&art, PT_GNU_STACK, 0)->p_type = PT_NULL);
	other = art_seg(&art, PT_NOTE, 0);
	if (!other)
		other = art_seg(&art, PT_PHDR, 0);
	CHECK(other);
	REFUSED("PT_INTERP", other->p_type = PT_INTERP);
	REFUSED("PT_TLS", other->p_type = PT_TLS);
	REFUSED("two segments PT_DYNAMIC", *other =
	    *art_seg(&art, PT_DYNAMIC, 0));
	REFUSED("not in memory", art_seg(&art, PT_DYNAMIC, 0)->p_vaddr += 16);
	REFUSED("", art_seg(&art, PT_DYNAMIC, 0)->p_filesz += 16);
	REFUSED("not its section", {
		Elf64_Phdr *d = art_seg(&art, PT_DYNAMIC, 0);
		d->p_vaddr += 16;
		d->p_offset += 16;
		d->p_filesz = d->p_memsz -= 16;
	});
	REFUSED("is odd", art_seg(&art, PT_GNU_EH_FRAME, 0)->p_filesz -= 8);
	REFUSED("share a page", {
		Elf64_Phdr *x = art_seg(&art, PT_LOAD, PF_R | PF_X);
		x->p_vaddr = x->p_offset % x->p_align;
	});
	REFUSED("misaligned", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_vaddr += 8);
	REFUSED("grows in memory", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_memsz
	    += 4096);
	REFUSED("grows in memory", art_seg(&art, PT_LOAD, PF_R | PF_W)->p_memsz
	    += 1 << 30);
	REFUSED("alignment", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_align = 1);
	REFUSED("alignment", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_align =
	    0x3000);
	REFUSED("cut short", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_filesz =
	    1ull << 62);
	REFUSED("size is odd", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_memsz =
	    1);
	REFUSED("first segment", art_seg(&art, PT_LOAD, PF_R)->p_flags =
	    PF_R | PF_X);
	REFUSED("first segment", art_seg(&art, PT_LOAD, PF_R)->p_flags =
	    PF_R | PF_W);
	REFUSED("first segment", art_seg(&art, PT_LOAD, PF_R)->p_type =
	    PT_NULL);
	REFUSED("two executable", {
		Elf64_Phdr *w = art_seg(&art, PT_LOAD, PF_R | PF_W);
		w->p_memsz = w->p_filesz;
		w->p_flags = PF_R | PF_X;
	});
	REFUSED("two writable", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_flags =
	    PF_R | PF_W);
	REFUSED("no code", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_flags = PF_R);
	REFUSED("has flags", art_seg(&art, PT_LOAD, PF_R | PF_X)->p_flags =
	    PF_X);
	if (art_seg(&art, PT_GNU_RELRO, 0))
		REFUSED("relro", {
			Elf64_Phdr *r = art_seg(&art, PT_GNU_RELRO, 0);
			*r = *art_seg(&art, PT_LOAD, PF_R | PF_X);
			r->p_type = PT_GNU_RELRO;
			r->p_flags = PF_R;
		});
	REFUSED("no segment PT_GNU_STACK", drop_segment(PT_GNU_STACK));
	REFUSED("", art_eh(&art)->e_phnum--);
	artifact_free(&art);
}

TEST(sections)
{
	artifact_sample(&art);
	REFUSED("", art_sec(&art, ".eh_frame")->sh_type = SHT_INIT_ARRAY);
	REFUSED("flags", art_sec(&art, ".text")->sh_flags |= SHF_WRITE);
	REFUSED("flags", art_sec(&art, ".wabi.meta")->sh_flags |= SHF_WRITE);
	REFUSED("flags", art_sec(&art, ".dynsym")->sh_flags |= SHF_TLS);
	REFUSED("not in a segment", art_sec(&art, ".wabi.meta")->sh_addr += 16);
	REFUSED("not in a segment",
	    art_sec(&art, ".wabi.meta")->sh_offset += 16);
	REFUSED("not in a segment", art_sec(&art, ".text")->sh_addr =
	    art_sec(&art, ".wabi.meta")->sh_addr);
	REFUSED("is not one of", memcpy((char *)art_name(&art,
	    art_sec(&art, ".comment")), ".init", 6));
	REFUSED("", art_sec(&art, ".comment")->sh_name = UINT32_MAX);
	REFUSED("two sections", art_sec(&art, ".comment")->sh_name =
	    art_sec(&art, ".wabi.pcmap")->sh_name);
	REFUSED("", art_sec(&art, ".wabi.meta")->sh_size = 4);
	REFUSED("", art_sec(&art, ".wabi.pcmap")->sh_size = 1ull << 40);
	artifact_free(&art);
}

TEST(dynamic)
{
	static const struct {
		int64_t tag;
		const char *why;
	} t[] = {
		{ DT_INIT, "DT_INIT" }, { DT_FINI, "DT_FINI" },
		{ DT_INIT_ARRAY, "DT_INIT_ARRAY" },
		{ DT_FINI_ARRAY, "DT_FINI_ARRAY" },
		{ DT_NEEDED, "DT_NEEDED" }, { DT_RPATH, "DT_RPATH" },
		{ DT_RUNPATH, "DT_RUNPATH" }, { DT_TEXTREL, "DT_TEXTREL" },
		{ DT_JMPREL, "DT_JMPREL" }, { DT_VERSYM, "DT_VERSYM" },
		{ DT_SONAME, "DT_SONAME" }, { DT_AUDIT, "dynamic entry" },
		{ DT_RELR, "dynamic entry" },
	};

	artifact_sample(&art);
	/* Which entry it takes the place of does not matter. */
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		REFUSED(t[i].why, dyn(DT_STRSZ)->d_tag = t[i].tag);
	REFUSED("dynamic entry", dyn(DT_STRSZ)->d_un.d_val++);
	REFUSED("dynamic entry", dyn(DT_STRTAB)->d_un.d_val--);
	REFUSED("dynamic entry", dyn(DT_SYMTAB)->d_un.d_val = 0);
	REFUSED("lacks an entry", *dyn(DT_STRSZ) = *dyn(DT_NULL));
	REFUSED("is there twice", *dyn(DT_STRSZ) = *dyn(DT_SYMTAB));
	REFUSED("dynamic entry", *dyn(DT_STRSZ) =
	    ((Elf64_Dyn){ DT_FLAGS, { DF_TEXTREL } }));
	REFUSED("dynamic entry", *dyn(DT_STRSZ) =
	    ((Elf64_Dyn){ DT_FLAGS_1, { DF_1_NODELETE } }));
	artifact_free(&art);
}

/* Grow a section into nothing: a mutation of its first words is enough. */
TEST(tables_of_the_loader)
{
	artifact_sample(&art);
	if (art_sec(&art, ".gnu.hash")) {
		uint32_t *h = art_at(&art, ".gnu.hash");

		for (int i = 0; i < 4; i++) {
			REFUSED("hash table", h[i] = UINT32_MAX);
			REFUSED("hash table", h[i] += 64);
		}
		REFUSED("hash table", h[4 + 2 * h[2]] = 0x7fffffff);
	}
	if (art_sec(&art, ".hash")) {
		uint32_t *h = art_at(&art, ".hash");

		REFUSED("hash table", h[0] = 0);
		REFUSED("hash table", h[1] = UINT32_MAX);
		REFUSED("hash table", h[2] = UINT32_MAX);
	}
	REFUSED("symbol", *(uint8_t *)art_at(&art, ".dynsym") = 1);
	REFUSED("symbol", art_sec(&art, ".dynsym")->sh_size = 0);
	REFUSED("symbol", *(char *)art_at(&art, ".dynstr") = 'x');
	if (art_sec(&art, ".dynsym")->sh_size > sizeof(Elf64_Sym)) {
		Elf64_Sym *s = (Elf64_Sym *)art_at(&art, ".dynsym") + 1;

		REFUSED("undefined symbol", s->st_shndx = SHN_UNDEF);
		REFUSED("ifunc", s->st_info = ELF64_ST_INFO(STB_GLOBAL,
		    STT_GNU_IFUNC));
		REFUSED("of type", s->st_info = ELF64_ST_INFO(STB_GLOBAL,
		    STT_TLS));
		REFUSED("bound by", s->st_info = ELF64_ST_INFO(STB_GNU_UNIQUE,
		    STT_OBJECT));
		REFUSED("no name", s->st_name = UINT32_MAX);
		REFUSED("no section", s->st_shndx = SHN_ABS);
	}
	REFUSED("unwind table", *(uint8_t *)art_at(&art, ".eh_frame_hdr") = 2);
	REFUSED("unwind table",
	    ((uint32_t *)art_at(&art, ".eh_frame_hdr"))[1]++);
	REFUSED("unwind table",
	    ((uint32_t *)art_at(&art, ".eh_frame_hdr"))[2] = UINT32_MAX);
	REFUSED("unwind table",
	    ((uint32_t *)art_at(&art, ".eh_frame_hdr"))[3] = 0x7fffffff);
	artifact_free(&art);
}

/* ---- What the compiler never writes: symbols and relocations ----
 *
 * The page of the memory image becomes the loader's tables; the section of the
 * build id becomes .rela.dyn.
 */
static void
move_to_page(const char *name, size_t at, size_t size)
{
	const Elf64_Shdr *img = art_sec(&art, ".wabi.image");
	Elf64_Shdr *s = art_sec(&art, name);

	CHECK(s);
	s->sh_offset = img->sh_offset + at;
	s->sh_addr = img->sh_addr + at;
	s->sh_size = size;
}

static Elf64_Sym *forged_sym;
static Elf64_Rela *forged_rela;
static uint32_t *forged_hash;

static void
forge_tables(uint8_t *page)
{
	const Elf64_Shdr *text = art_sec(&art, ".text");

	forged_sym = (Elf64_Sym *)(void *)page;
	forged_sym[1] = (Elf64_Sym){ .st_value = text->sh_addr,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = (Elf64_Half)(text - art_sh(&art)) };
	move_to_page(".dynsym", 0, 2 * sizeof(Elf64_Sym));
	forged_hash = (uint32_t *)(void *)(page + 512);
	memcpy(forged_hash, ((uint32_t[]){ 1, 1, 1, 26, ~0u, ~0u, 1, 1 }), 32);
	move_to_page(".gnu.hash", 512, 32);
	forged_rela = (Elf64_Rela *)(void *)(page + 2048);
	*forged_rela = (Elf64_Rela){
		.r_offset = art_seg(&art, PT_LOAD, PF_R | PF_W)->p_vaddr,
		.r_info = ELF64_R_INFO(0, art_eh(&art)->e_machine ==
		    EM_X86_64 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE),
		.r_addend = (int64_t)text->sh_addr };
	move_to_page(".rela.dyn", 2048, sizeof *forged_rela);
}

static void
forge(void)
{
	Elf64_Phdr *pd = art_seg(&art, PT_DYNAMIC, 0);
	Elf64_Shdr *img = art_sec(&art, ".wabi.image");
	Elf64_Shdr *note = art_sec(&art, ".note.gnu.build-id");
	uint8_t *page = art.b + img->sh_offset;

	CHECK(img->sh_size >= 4096);
	memset(page, 0, 4096);
	drop_segment(PT_NOTE);
	memcpy((char *)art_name(&art, note), ".rela.dyn", 10);
	note->sh_type = SHT_RELA;
	forge_tables(page);
	Elf64_Dyn d[] = {
		{ DT_SYMTAB, { art_sec(&art, ".dynsym")->sh_addr } },
		{ DT_SYMENT, { sizeof(Elf64_Sym) } },
		{ DT_STRTAB, { art_sec(&art, ".dynstr")->sh_addr } },
		{ DT_STRSZ, { art_sec(&art, ".dynstr")->sh_size } },
		{ DT_GNU_HASH, { art_sec(&art, ".gnu.hash")->sh_addr } },
		{ DT_RELA, { note->sh_addr } },
		{ DT_RELASZ, { note->sh_size } },
		{ DT_RELAENT, { sizeof(Elf64_Rela) } },
		{ DT_RELACOUNT, { 1 } },
		{ DT_NULL, { 0 } },
	};
	memcpy(page + 1024, d, sizeof d);
	move_to_page(".dynamic", 1024, sizeof d);
	pd = art_seg(&art, PT_DYNAMIC, 0);
	pd->p_offset = art_sec(&art, ".dynamic")->sh_offset;
	pd->p_vaddr = pd->p_paddr = art_sec(&art, ".dynamic")->sh_addr;
	pd->p_filesz = pd->p_memsz = sizeof d;
	pd->p_flags = PF_R;
}

TEST(forged_tables)
{
	struct wrt_error err;
	Elf64_Sym *s;

	artifact_sample(&art);
	forge();
	s = &forged_sym[1];
	artifact_seal(&art);
	if (artifact_open(&art, &err) != WRT_OK)
		test_end('F', "the forgery: %s", err.text);

	REFUSED("undefined symbol", s->st_shndx = SHN_UNDEF);
	REFUSED("no section", s->st_shndx = SHN_ABS);
	REFUSED("no section", s->st_shndx = art_eh(&art)->e_shnum);
	REFUSED("ifunc", s->st_info = ELF64_ST_INFO(STB_GLOBAL,
	    STT_GNU_IFUNC));
	REFUSED("of type", s->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS));
	REFUSED("bound by", s->st_info = ELF64_ST_INFO(STB_GNU_UNIQUE,
	    STT_OBJECT));
	REFUSED("no name", s->st_name = UINT32_MAX);
	REFUSED("lies outside", s->st_value = 1ull << 62);
	REFUSED("hash table", forged_hash[6] = 2);
	REFUSED("hash table", forged_hash[7] = 0);
	REFUSED("of type", forged_rela->r_info = ELF64_R_INFO(0,
	    R_X86_64_IRELATIVE));
	REFUSED("of type", forged_rela->r_info = ELF64_R_INFO(1,
	    R_X86_64_64));
	REFUSED("what is not data", forged_rela->r_offset =
	    art_sec(&art, ".text")->sh_addr & ~7ull);
	REFUSED("what is not data", forged_rela->r_offset = -8ull);
	REFUSED("what is not data", forged_rela->r_offset += 1);
	REFUSED("leads outside", forged_rela->r_addend = INT64_MAX);
	REFUSED("leads outside", forged_rela->r_addend = -1);
	REFUSED("has value", art_sec(&art, ".rela.dyn")->sh_size = 23);
	REFUSED("has value", dyn(DT_RELACOUNT)->d_un.d_val = 2);
	REFUSED("has value", dyn(DT_RELAENT)->d_un.d_val = 12);
	REFUSED("lacks an entry", dyn(DT_RELAENT)->d_tag = DT_NULL);
	REFUSED("has no end", dyn(DT_NULL)->d_tag = DT_FLAGS);
	REFUSED("said to be writable", art_seg(&art, PT_DYNAMIC, 0)->p_flags |=
	    PF_W);
	artifact_free(&art);
}

/* ---- Metadata ---- */

static struct wabi_meta *
meta(void)
{
	return art_at(&art, ".wabi.meta");
}

static void *
item(struct wabi_list l)
{
	return (char *)meta() + l.off;
}

TEST(metadata_head)
{
	artifact_sample(&art);
	REFUSED("", meta()->magic++);
	REFUSED("metadata", meta()->size--);
	REFUSED("does not know", meta()->bounds = 7);
	REFUSED("does not know", meta()->flags = WABI_META_FUEL << 1);
	REFUSED("does not know", meta()->reserved[3] = 1);
	REFUSED("does not know", meta()->reserved32 = 1);
	REFUSED("host's memory", meta()->host_memory = UINT32_MAX);
	REFUSED("host's memory", meta()->host_memory =
	    meta()->counts.nglobals + 1);
	REFUSED("mark of a snapshot", meta()->snapshot.n = 2);
	REFUSED("mark of a snapshot", meta()->snapshot =
	    ((struct wabi_list){ meta()->size - 8, 1 }));
	REFUSED("mark of a snapshot", meta()->snapshot =
	    ((struct wabi_list){ 2, 1 }));
	REFUSED("mark of a snapshot", (meta()->snapshot =
	    (struct wabi_list){ meta()->types.off, 1 },
	    ((struct wabi_snapshot *)item(meta()->snapshot))->ran.n = 1u << 30));
	REFUSED("another size", meta()->vmctx_size += 16);
	REFUSED("start", meta()->start = meta()->funcs.n);
	for (uint32_t *n = &meta()->counts.nglobals;
	    n <= &meta()->counts.reserved; n++) {
		REFUSED("metadata", *n = UINT32_MAX);
		REFUSED("metadata", *n += 1);
	}
	for (wabi_str *s = &meta()->producer; s <= &meta()->module_name; s++) {
		REFUSED("strings", s->n = UINT32_MAX);
		REFUSED("strings", *s = ((wabi_str){ UINT32_MAX, 1 }));
		REFUSED("strings", *s = ((wabi_str){ meta()->size - 1, 1 }));
	}
	for (struct wabi_list *l = &meta()->types; l <= &meta()->datas; l++) {
		REFUSED("metadata", l->n = UINT32_MAX);
		REFUSED("metadata", *l = ((struct wabi_list){ meta()->size, 1 }));
		if (l->n)
			REFUSED("metadata", l->off += 1);
	}
	artifact_free(&art);
}

TEST(metadata_cpu)
{
	static const char want[] = "+avx9000";

	artifact_sample(&art);
	/* Any string that is long enough serves as the list. */
	REFUSED("needs avx9000, which this CPU lacks",
	    memcpy(item(meta()->producer), want, sizeof want);
	    meta()->cpu_features = meta()->producer;
	    meta()->cpu_features.n = sizeof want - 1;
	    meta()->producer.n = 0);
	artifact_free(&art);
}

/* Code for several CPUs: each level is checked, whichever is used. */
TEST(metadata_levels)
{
	struct wabi_level *v;
	struct wabi_func_info *f, *first;
	uint32_t last;

	artifact_sample_for(&art, SAMPLE_LEVELS);
	if (meta()->levels.n == 0)
		SKIP("the sample is for one CPU");
	v = item(meta()->levels);
	first = item(meta()->funcs);
	last = meta()->funcs.n - 1;
	REFUSED("levels lead outside", meta()->levels.n = 8);
	REFUSED("levels lead outside", meta()->levels.n = UINT32_MAX);
	REFUSED("levels lead outside", meta()->levels.off += 4);
	REFUSED("levels lead outside", meta()->levels.off = meta()->size);
	for (uint32_t k = 0; k < meta()->levels.n; k++) {
		REFUSED("is odd", v[k].reserved = 1);
		REFUSED("is odd", v[k].cpu.off = meta()->size);
		REFUSED("is odd", v[k].cpu_features.n = UINT32_MAX);
		REFUSED("lead outside", v[k].funcs.off = meta()->size - 8);
		REFUSED("lead outside", v[k].funcs.off += 2);
		REFUSED("lead outside", v[k].funcs.n--);
		REFUSED("lead outside", v[k].funcs.n++);
		f = item(v[k].funcs);
		REFUSED("of level", f->code = first[last].code);
		REFUSED("of level", f[last].code = 0);
		REFUSED("of level", f[last].code = INT32_MAX);
		REFUSED("of level", f[last].code = INT32_MIN);
		REFUSED("of level", f[last].size = UINT32_MAX);
		REFUSED("of level", f[last].entry = 0);
		REFUSED("of level", f[last].entry = INT32_MAX);
		REFUSED("of level", f[last].tail = f[last].code);
		REFUSED("of level", f[last].type_idx = 2);
		REFUSED("of level", f[last].type_idx = UINT32_MAX);
		REFUSED("of level", f[last].funcref = 0);
		REFUSED("of level", f[last].wasm_off++);
		REFUSED("of level", f[last].wasm_size--);
		REFUSED("of level", f[last].name.off++);
		REFUSED("of level", f[last].name.n = UINT32_MAX);
	}
	artifact_free(&art);
}

/* None can run: what the least of them needs is said. */
TEST(metadata_levels_cpu)
{
	static const char want[] = "+avx9000";
	struct wrt_error err;
	struct wabi_level *v;

	artifact_sample_for(&art, SAMPLE_LEVELS);
	if (meta()->levels.n == 0)
		SKIP("the sample is for one CPU");
	v = item(meta()->levels);
	memcpy(item(meta()->producer), want, sizeof want);
	meta()->cpu_features = (wabi_str){ meta()->producer.off,
	    sizeof want - 1 };
	meta()->producer.n = 0;
	/* The first is of no concern where a later one can run. */
	v[0].cpu_features.n = 0;
	artifact_seal(&art);
	CHECK_EQ(artifact_open(&art, &err), WRT_OK);
	for (uint32_t k = 0; k < meta()->levels.n; k++)
		v[k].cpu_features = meta()->cpu_features;
	REFUSED("needs at least avx9000, which this CPU lacks", ;);
	artifact_free(&art);
}

TEST(metadata_types)
{
	struct wabi_typeinfo *t;

	artifact_sample(&art);
	t = item(meta()->types);
	REFUSED("type 0", t->comp = 3);
	REFUSED("type 0", t->super = 0);
	REFUSED("type 0", t->rec_n = 0);
	REFUSED("type 0", t->rec_n = UINT32_MAX);
	REFUSED("type 0", t->rec_first = 1);
	REFUSED("type 0", t->from_host = INT32_MAX);
	REFUSED("type 0", t->to_host = INT32_MIN);
	REFUSED("outside of code", t->typed_from_host = INT32_MAX);
	REFUSED("outside of code", t->typed_to_host = INT32_MIN);
	REFUSED("does not fit registers", t->typed_to_host = t->to_host;
	    ((struct wabi_valtype *)item(t->params))->type = WABI_V128);
	REFUSED("does not fit registers", t->typed_from_host = t->to_host;
	    t->results.n = 2);
	REFUSED("type 0", t->params.n = UINT32_MAX);
	REFUSED("type 0", t->pad[1] = 1);
	REFUSED("type 0", t->comp = WABI_COMP_STRUCT);
	REFUSED("type 0", t->comp = WABI_COMP_ARRAY; t->from_host = 0;
	    t->to_host = t->typed_from_host = t->typed_to_host = 0; t->results.n = 0; t->params.n = 0);
	/* A group that is longer than the list. */
	REFUSED("is in no group", t[meta()->types.n - 1].rec_n++);
	REFUSED("metadata", for (uint32_t i = 0; i < meta()->types.n; i++) {
		t[i].rec_first = 0;
		t[i].rec_n = meta()->types.n;
	} meta()->types.n = --meta()->counts.ntypes);
	for (uint32_t i = 0; i < meta()->types.n; i++) {
		if (!t[i].params.n)
			continue;
		struct wabi_valtype *v = item(t[i].params);

		REFUSED("odd part", v->type = 0x40);
		REFUSED("odd part", v->heap = 1);
		REFUSED("odd part", v->nullable = 1);
		REFUSED("odd part", v->exact = 1);
		REFUSED("odd part", *v = ((struct wabi_valtype){
		    WABI_FUNCREF, 1, 0, 0, 0x6f }));
		REFUSED("odd part", *v = ((struct wabi_valtype){
		    WABI_ANYREF, 1, 0, 1, 0 }));
		REFUSED("odd part", *v = ((struct wabi_valtype){
		    WABI_FUNCREF, 1, 0, 1, UINT32_MAX }));
	}
	artifact_free(&art);
}

TEST(metadata_things)
{
	struct wabi_import_info *im;
	struct wabi_export_info *e;
	struct wabi_func_info *f;
	struct wabi_table_info *t;
	struct wabi_memory_info *m;
	struct wabi_global_info *g;
	uint32_t last;

	artifact_sample(&art);
	im = item(meta()->imports);
	e = item(meta()->exports);
	f = item(meta()->funcs);
	t = item(meta()->tables);
	m = item(meta()->memories);
	g = item(meta()->globals);
	last = meta()->funcs.n - 1;

	REFUSED("import 0", im->kind = 5);
	REFUSED("import 0", im->index = 1);
	REFUSED("import 0", im->provided = 2);
	REFUSED("import 0", im->pad = 1);
	for (uint32_t i = 0; i < meta()->imports.n; i++)
		if (im[i].kind != WABI_KIND_FUNC)
			REFUSED("import", im[i].provided = 1);
	REFUSED("import 0", im->type_idx = UINT32_MAX);
	REFUSED("import 0", im->name.n = UINT32_MAX);
	REFUSED("export 0", e->kind = 9);
	REFUSED("export 0", e->index = UINT32_MAX);
	REFUSED("export 0", e->name.off = UINT32_MAX);
	REFUSED("function 0", f->code = f[last].code);
	REFUSED("function", f[last].code = 0);
	REFUSED("function", f[last].code = INT32_MAX);
	REFUSED("function", f[last].code = INT32_MIN);
	REFUSED("function", f[last].size = UINT32_MAX);
	REFUSED("function", f[last].type_idx = UINT32_MAX);
	REFUSED("function", f[last].wasm_off = UINT32_MAX);
	REFUSED("function", f[last].funcref = 0);
	REFUSED("table", t->limits.max = t->limits.min - 1);
	REFUSED("table", t->limits.min = 1ull << 40);
	REFUSED("table", t->type.type = WABI_I32);
	REFUSED("table", t->init.how = 9);
	REFUSED("table", t->init.val.u64[0] = 0x1000);
	REFUSED("memory", m->limits.page_log2 = 63);
	REFUSED("memory", m->limits.min = 65537);
	REFUSED("memory", m->limits.is64 = 2);
	REFUSED("global", g->type.type = 0);
	REFUSED("global", g->mut = 2);
	REFUSED("global", g->init.how = WABI_INIT_CODE);
	REFUSED("global", g->init.how = WABI_INIT_GLOBAL;
	    g->init.index = meta()->counts.nglobals);
	REFUSED("global", g->init.how = WABI_INIT_CODE;
	    g->init.code = INT32_MAX);
	REFUSED("global", g->init.how = WABI_INIT_FUNC);
	REFUSED("global", g->init.pad2 = 1);
	REFUSED("table", t->init.how = WABI_INIT_FUNC;
	    t->init.index = UINT32_MAX);
	/* Of another type than the table. */
	REFUSED("table", t->init.how = WABI_INIT_GLOBAL; t->init.index = 0);
	/* One that is imported, one of 64 bits, one that is constant. */
	for (uint32_t i = 1; i <= 3; i++)
		REFUSED("host's memory", meta()->host_memory = i);
	/* Itself, which has no value yet. */
	REFUSED("global", g->init.how = WABI_INIT_GLOBAL; g->init.index = 1);
	artifact_free(&art);
}

TEST(metadata_segments)
{
	struct wabi_memory_info *m;
	struct wabi_image_run *r;
	struct wabi_data_info *d;
	struct wabi_elem_info *e;

	artifact_sample(&art);
	m = item(meta()->memories);
	d = item(meta()->datas);
	e = item(meta()->elems);
	CHECK(m->image.n);
	r = item(m->image);
	REFUSED("image", r->mem_off = 1);
	REFUSED("image", r->mem_off = 1ull << 40);
	REFUSED("image", r->mem_off = -4096ull);
	REFUSED("image", r->image_off = 1ull << 40);
	REFUSED("image", r->image_off = -4096ull);
	REFUSED("image", r->bytes = 0);
	REFUSED("image", r->bytes = 1ull << 40);
	REFUSED("image", r->bytes = -4096ull);
	REFUSED("image", m->image.n = UINT32_MAX);
	REFUSED("data segment 0", d->mode = 4);
	REFUSED("data segment 0", d->memory = 1);
	REFUSED("data segment 0", d->data_off = 1);
	REFUSED("data segment 0", d->mode = WABI_SEG_ACTIVE;
	    d->offset.how = 9);
	REFUSED("data segment 1", d[1].mode = WABI_SEG_DECLARED);
	REFUSED("data segment 1", d[1].pad[0] = 1);
	REFUSED("data segment 1", d[1].data_off = 1ull << 40);
	REFUSED("data segment 1", d[1].bytes = -1ull);
	REFUSED("data segment 1", d[1].bytes++);
	REFUSED("element segment 0", e->mode = 4);
	REFUSED("element segment 0", e->table = 1);
	REFUSED("element segment 0", e->type.type = WABI_I32);
	REFUSED("element segment 0", e->offset.how = WABI_INIT_FUNC);
	REFUSED("element segment 0", e->inits = ((struct wabi_list){ 0, 1 }));
	REFUSED("element segment 0", e->type = ((struct wabi_valtype){
	    WABI_EXTERNREF, 1, 0, 0, 0x6f }));
	if (e->funcs.n) {
		REFUSED("element segment 0", e->funcs.n = UINT32_MAX);
		REFUSED("element segment 0",
		    *(uint32_t *)item(e->funcs) = UINT32_MAX);
	}
	artifact_free(&art);
}

/* Words of the metadata turned into awkward numbers, with a right digest: open
 * may succeed, for a harmless word, and must never crash. */
static void
awkward_metadata(void)
{
	static const uint32_t awkward[] = { 0, 1, 0x7fffffff, 0x80000000,
		0xffffffff, 0xfffffff0 };
	struct wrt_error err;
	uint32_t n, *w;

	w = (uint32_t *)meta();
	n = meta()->size / 4;
	for (uint32_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof awkward / sizeof *awkward; k++) {
			uint32_t was = w[i];

			w[i] = awkward[k];
			artifact_seal(&art);
			artifact_open(&art, &err);
			w[i] = was;
		}
	artifact_free(&art);
}

TEST(metadata_words)
{
	artifact_sample(&art);
	awkward_metadata();
}

TEST(metadata_words_of_levels)
{
	artifact_sample_for(&art, SAMPLE_LEVELS);
	awkward_metadata();
}

/* The same for the words that the system's loader reads.  The ELF header itself
 * stays: the sealer believes it. */
static void
awkward_words(size_t from, size_t n)
{
	static const uint32_t awkward[] = { 0, 0x7fffffff, 0xffffffff, 0x1000 };
	uint8_t *saved = malloc(art.n);
	struct wrt_error err;

	memcpy(saved, art.b, art.n);
	for (size_t at = from; at + 4 <= from + n; at += 4)
		for (size_t k = 0; k < sizeof awkward / sizeof *awkward; k++) {
			memcpy(art.b + at, &awkward[k], 4);
			artifact_seal(&art);
			artifact_open(&art, &err);
			memcpy(art.b, saved, art.n);
		}
	free(saved);
}

TEST(header_words)
{
	static const char *const tables[] = { ".dynsym", ".dynstr", ".hash",
		".gnu.hash", ".rela.dyn", ".dynamic", ".eh_frame_hdr",
		".note.gnu.build-id" };

	artifact_sample(&art);
	awkward_words(art_eh(&art)->e_phoff,
	    art_eh(&art)->e_phnum * sizeof(Elf64_Phdr));
	awkward_words(art_eh(&art)->e_shoff,
	    art_eh(&art)->e_shnum * sizeof(Elf64_Shdr));
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const Elf64_Shdr *s = art_sec(&art, tables[i]);

		if (s)
			awkward_words(s->sh_offset, s->sh_size);
	}
	artifact_free(&art);
}

TEST_MAIN
