/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * verify.c: is this file an artifact of ours, whole and unaltered?
 *
 * The ELF header, the sections and the digest; verify_segments.c and
 * verify_dynamic.c go on with what the system's loader will read, meta.c with
 * the metadata.  The file is parsed here by hand: an artifact is one narrow
 * shape of ELF64, little-endian as this host is, and a refusal of all other
 * shapes is shorter than the use of a general library, which would in its turn
 * have to be trusted with hostile bytes.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The functions by their own names: EVP's would set OpenSSL up, configuration
 * and all, which takes longer than to verify most artifacts. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "verify.h"

#if defined(__x86_64__)
#define HOST_MACHINE	EM_X86_64
#define HOST_NAME	"x86_64"
#elif defined(__aarch64__)
#define HOST_MACHINE	EM_AARCH64
#define HOST_NAME	"aarch64"
#endif

enum { MAX_SECTIONS = 256, MAX_SEGMENTS = 16 };

/* Names and the like; far above what the linker writes. */
#define MAX_KEPT_BYTES	(1ull << 31)

struct sec_rule {
	const char *name;
	uint32_t type;
	uint64_t flags;
	char seg;
	const char *opts;
};

static const struct sec_rule rules[NSECTIONS] = {
#define X(id, name, type, flags, seg, opts)				\
	[SEC_##id] = { name, type, flags, seg, opts },
	WRT__SECTIONS(X)
#undef X
};

bool
wrt__pread_all(int fd, void *to, uint64_t n, uint64_t off)
{
	char *p = to;

	while (n) {
		size_t piece = n < (1u << 30) ? n : 1u << 30;
		ssize_t got = pread(fd, p, piece, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		off += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return true;
}

bool
wrt__write_all(int fd, const void *from, uint64_t n)
{
	const char *p = from;

	while (n) {
		size_t piece = n < (1u << 30) ? n : 1u << 30;
		ssize_t done = write(fd, p, piece);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (uint64_t)done;
	}
	return true;
}

static bool
has(const struct sec_rule *r, char opt)
{
	return strchr(r->opts, opt) != NULL;
}

static int
no_memory(struct wrt__file *f)
{
	return wrt__fail(f->err, WRT_ENOMEM, "%s: out of memory", f->name);
}

/* A copy of [off, off + n) of the file, with a NUL behind it. */
static int
read_copy(struct wrt__file *f, uint64_t off, uint64_t n, void **out)
{
	char *p;

	if (n > MAX_KEPT_BYTES)
		return wrt__damaged(f, "a table of %llu bytes",
		    (unsigned long long)n);
	p = wrt__calloc(n + 1, 1);
	if (!p)
		return no_memory(f);
	if (!wrt__pread_all(f->fd, p, n, off)) {
		wrt__free(p);
		return wrt__damaged(f, "it cannot be read to its end");
	}
	*out = p;
	return WRT_OK;
}

static int
check_ident(struct wrt__file *f)
{
	static const unsigned char wasm[4] = { 0, 'a', 's', 'm' };
	const unsigned char *id = f->eh.e_ident;

	if (!memcmp(id, wasm, sizeof wasm))
		return wrt__fail(f->err, WRT_ELOAD, "%s: not a wasmc "
		    "artifact: it is WebAssembly: compile it with wasmc first",
		    f->name);
	if (memcmp(id, ELFMAG, SELFMAG) != 0)
		return wrt__alien(f, "it is no ELF file");
	if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB)
		return wrt__alien(f, "it is not 64-bit little-endian ELF");
	if (id[EI_VERSION] != EV_CURRENT || f->eh.e_version != EV_CURRENT)
		return wrt__alien(f, "its ELF version is unknown");
	if (id[EI_OSABI] != ELFOSABI_NONE)
		return wrt__alien(f, "its OS ABI is %u", id[EI_OSABI]);
	for (int i = EI_ABIVERSION; i < EI_NIDENT; i++)
		if (id[i])
			return wrt__alien(f, "its ELF identification is odd");
	return WRT_OK;
}

static int
check_machine(struct wrt__file *f)
{
	unsigned m = f->eh.e_machine;

	if (m == HOST_MACHINE)
		return WRT_OK;
	if (m == EM_X86_64 || m == EM_AARCH64)
		return wrt__fail(f->err, WRT_ELOAD, "%s: made for %s, this "
		    "machine is " HOST_NAME ": compile it again with --target "
		    HOST_NAME "-linux-gnu", f->name,
		    m == EM_X86_64 ? "x86_64" : "aarch64");
	return wrt__alien(f, "its machine is number %u", m);
}

static int
check_header(struct wrt__file *f)
{
	const Elf64_Ehdr *e = &f->eh;
	int rc;

	if (f->size == 0)
		return wrt__alien(f, "it is empty");
	if (!wrt__pread_all(f->fd, &f->eh,
	    f->size < sizeof f->eh ? f->size : sizeof f->eh, 0))
		return wrt__fail(f->err, WRT_ESYS, "%s: cannot be read: %s",
		    f->name, strerror(errno));
	if (f->size < sizeof f->eh && f->size >= SELFMAG &&
	    !memcmp(e->e_ident, ELFMAG, SELFMAG))
		return wrt__damaged(f, "it is cut short");
	rc = check_ident(f);
	if (rc)
		return rc;
	if (e->e_type != ET_DYN)
		return wrt__alien(f, "it is no shared object");
	rc = check_machine(f);
	if (rc)
		return rc;
	if (e->e_ehsize != sizeof(Elf64_Ehdr) ||
	    e->e_phentsize != sizeof(Elf64_Phdr) ||
	    e->e_shentsize != sizeof(Elf64_Shdr) || e->e_flags || e->e_entry)
		return wrt__alien(f, "its ELF header is odd");
	if (e->e_phnum == 0 || e->e_phnum > MAX_SEGMENTS ||
	    e->e_shnum < 2 || e->e_shnum > MAX_SECTIONS ||
	    e->e_shstrndx == 0 || e->e_shstrndx >= e->e_shnum)
		return wrt__alien(f, "%u segments, %u sections", e->e_phnum,
		    e->e_shnum);
	if (e->e_phoff % 8 || e->e_shoff % 8)
		return wrt__alien(f, "its headers are misaligned");
	if (!wrt__inside(e->e_phoff, e->e_phnum * sizeof *f->ph, f->size) ||
	    !wrt__inside(e->e_shoff, e->e_shnum * sizeof *f->sh, f->size))
		return wrt__damaged(f, "it is cut short");
	return WRT_OK;
}

static int
read_tables(struct wrt__file *f)
{
	const Elf64_Shdr *names;
	void *p = NULL;
	int rc;

	rc = read_copy(f, f->eh.e_phoff, f->eh.e_phnum * sizeof *f->ph, &p);
	if (rc)
		return rc;
	f->ph = p;
	rc = read_copy(f, f->eh.e_shoff, f->eh.e_shnum * sizeof *f->sh, &p);
	if (rc)
		return rc;
	f->sh = p;
	for (unsigned i = 0; i < f->eh.e_shnum; i++) {
		const Elf64_Shdr *s = &f->sh[i];

		if (s->sh_type != SHT_NOBITS &&
		    !wrt__inside(s->sh_offset, s->sh_size, f->size))
			return wrt__damaged(f, "it is cut short");
		/* The system's loader never sees these; tools do. */
		if (s->sh_link >= f->eh.e_shnum)
			return wrt__alien(f, "a section's link is odd");
	}
	names = &f->sh[f->eh.e_shstrndx];
	if (names->sh_type != SHT_STRTAB || names->sh_size == 0)
		return wrt__alien(f, "it has no section names");
	rc = read_copy(f, names->sh_offset, names->sh_size, &p);
	if (rc)
		return rc;
	f->bytes[SEC_SHSTRTAB] = p;
	return WRT_OK;
}

static int
find_rule(const char *name)
{
	for (int i = 0; i < NSECTIONS; i++) {
		size_t n = strlen(rules[i].name);

		if (has(&rules[i], 'P') ? !strncmp(name, rules[i].name, n)
		    : !strcmp(name, rules[i].name))
			return i;
	}
	return -1;
}

/* The segment of letter c that holds this section whole. */
static bool
in_segment(const struct wrt__file *f, const Elf64_Shdr *s, char c)
{
	uint32_t want = c == 'x' ? PF_R | PF_X : c == 'w' ? PF_R | PF_W : PF_R;

	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &f->ph[i];
		uint64_t size = s->sh_type == SHT_NOBITS ? p->p_memsz
		    : p->p_filesz;

		if (p->p_type != PT_LOAD || p->p_flags != want ||
		    s->sh_addr < p->p_vaddr ||
		    !wrt__inside(s->sh_addr - p->p_vaddr, s->sh_size, size))
			continue;
		if (s->sh_type == SHT_NOBITS ||
		    s->sh_offset - p->p_offset == s->sh_addr - p->p_vaddr)
			return true;
	}
	return false;
}

static int
check_section(struct wrt__file *f, const Elf64_Shdr *s, int id,
    const char *name)
{
	const struct sec_rule *r = &rules[id];
	uint64_t loose = SHF_MERGE | SHF_STRINGS | SHF_INFO_LINK |
	    (r->seg == '-' ? SHF_COMPRESSED : 0) |
	    (r->seg == '*' ? SHF_WRITE : 0);

	/* x86-64 has a type of its own for .eh_frame. */
	if (s->sh_type != r->type &&
	    !(id == SEC_EH_FRAME && s->sh_type == SHT_X86_64_UNWIND))
		return wrt__alien(f, "section %s is of type %#x", name,
		    s->sh_type);
	if ((s->sh_flags & ~loose) != r->flags)
		return wrt__alien(f, "section %s has flags %#llx", name,
		    (unsigned long long)s->sh_flags);
	if (s->sh_addralign & (s->sh_addralign - 1))
		return wrt__alien(f, "section %s is misaligned", name);
	if (r->seg == '-')
		return s->sh_addr ? wrt__alien(f, "section %s has an address",
		    name) : WRT_OK;
	if (in_segment(f, s, r->seg == '*' ? 'r' : r->seg) ||
	    (r->seg == '*' && in_segment(f, s, 'w')))
		return WRT_OK;
	return wrt__alien(f, "section %s is not in a segment of its kind",
	    name);
}

static int
check_sections(struct wrt__file *f)
{
	const Elf64_Shdr *names = &f->sh[f->eh.e_shstrndx];
	int rc;

	for (unsigned i = 0; i < f->eh.e_shnum; i++) {
		const Elf64_Shdr *s = &f->sh[i];
		const char *name = (char *)f->bytes[SEC_SHSTRTAB] + s->sh_name;
		int id;

		if (s->sh_name >= names->sh_size)
			return wrt__alien(f, "section %u has no name", i);
		id = find_rule(name);
		if (id < 0 || (id == SEC_NULL) != (i == 0))
			return wrt__alien(f, "section \"%.40s\" is not one of "
			    "an artifact's", name);
		rc = check_section(f, s, id, name);
		if (rc)
			return rc;
		if (f->sec[id] && !has(&rules[id], 'P'))
			return wrt__alien(f, "two sections %s", name);
		f->sec[id] = s;
	}
	if (f->sec[SEC_SHSTRTAB] != names)
		return wrt__alien(f, "its section names are odd");
	for (int i = 0; i < NSECTIONS; i++)
		if (has(&rules[i], '!') && !f->sec[i])
			return wrt__alien(f, "it has no section %s",
			    rules[i].name);
	return WRT_OK;
}

static int
read_kept(struct wrt__file *f)
{
	for (int i = 0; i < NSECTIONS; i++) {
		int rc;

		if (!has(&rules[i], 'K') || !f->sec[i] || f->bytes[i])
			continue;
		rc = read_copy(f, f->sec[i]->sh_offset, f->sec[i]->sh_size,
		    &f->bytes[i]);
		if (rc)
			return rc;
	}
	return WRT_OK;
}

/* The version comes before everything that its change may have changed. */
static int
check_version(struct wrt__file *f)
{
	const struct wabi_meta *m = f->bytes[SEC_META];

	if (f->sec[SEC_META]->sh_size < sizeof(struct wabi_meta) &&
	    f->sec[SEC_META]->sh_size < 8)
		return wrt__damaged(f, "its metadata is cut short");
	if (m->magic != WABI_MAGIC)
		return wrt__alien(f, "its metadata has another beginning");
	if (m->version != WABI_VERSION)
		return wrt__fail(f->err, WRT_ELOAD, "%s: made by ABI version "
		    "%u, this runtime needs %u: compile it again", f->name,
		    m->version, WABI_VERSION);
	if (f->sec[SEC_META]->sh_size < sizeof(struct wabi_meta))
		return wrt__damaged(f, "its metadata is cut short");
	return WRT_OK;
}

/* ---- Digest ---- */

static bool
digest_section(struct wrt__file *f, SHA256_CTX *ctx, const Elf64_Shdr *s)
{
	const char *name = (char *)f->bytes[SEC_SHSTRTAB] + s->sh_name;
	int id = find_rule(name);
	uint64_t off = s->sh_offset, left = s->sh_size;
	char buf[16384];

	if (s->sh_type == SHT_NOBITS || has(&rules[id], 'D'))
		return true;
	/* What was read is what must be right, not what is there by now. */
	if (f->bytes[id])
		return SHA256_Update(ctx, f->bytes[id], left);
	while (left) {
		size_t n = left < sizeof buf ? left : sizeof buf;

		if (!wrt__pread_all(f->fd, buf, n, off) ||
		    !SHA256_Update(ctx, buf, n))
			return false;
		off += n;
		left -= n;
	}
	return true;
}

static int
check_digest(struct wrt__file *f)
{
	unsigned char got[SHA256_DIGEST_LENGTH];
	SHA256_CTX ctx;
	bool ok;

	if (f->sec[SEC_DIGEST]->sh_size != sizeof got)
		return wrt__alien(f, "its digest has another length");
	ok = SHA256_Init(&ctx) &&
	    SHA256_Update(&ctx, &f->eh, sizeof f->eh) &&
	    SHA256_Update(&ctx, f->ph, f->eh.e_phnum * sizeof *f->ph) &&
	    SHA256_Update(&ctx, f->sh, f->eh.e_shnum * sizeof *f->sh);
	for (unsigned i = 0; ok && i < f->eh.e_shnum; i++)
		ok = digest_section(f, &ctx, &f->sh[i]);
	ok = ok && SHA256_Final(got, &ctx);
	if (!ok)
		return wrt__damaged(f, "its digest cannot be computed");
	if (memcmp(got, f->bytes[SEC_DIGEST], sizeof got) != 0)
		return wrt__damaged(f, "its headers or metadata were altered");
	return WRT_OK;
}

int
wrt__verify_elf(struct wrt__file *f)
{
	int (*const steps[])(struct wrt__file *) = {
		check_header, read_tables, wrt__verify_segments,
		check_sections, read_kept, check_version, check_digest,
		wrt__verify_dynamic,
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int rc = steps[i](f);

		if (rc)
			return rc;
	}
	return wrt__verify_meta(f);
}

void
wrt__file_free(struct wrt__file *f)
{
	for (int i = 0; i < NSECTIONS; i++)
		wrt__free(f->bytes[i]);
	wrt__free(f->ph);
	wrt__free(f->sh);
}
