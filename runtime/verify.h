/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * verify.h: what the files that check an artifact share.
 *
 * The file is hostile.  Whatever is believed is read from it once, into memory
 * of ours, and checked there.  The checks are all refusals: nothing is
 * repaired, and what is not on a list is not allowed.
 */
#ifndef WRT_VERIFY_H
#define WRT_VERIFY_H

#include <elf.h>

#include "load.h"

/* The sections an artifact may have, once each but for RODATA and DEBUG.
 * X(ID, name, type, flags it must have, segment it must be in, flags: K the
 * content is kept, D it is not in the digest, P name is only its beginning,
 * ! it must be there)
 * Segments: r read-only, x executable, w writable, - not in memory. */
#define WRT__SECTIONS(X)						\
	X(NULL, "", SHT_NULL, 0, '-', "")				\
	X(TEXT, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 'x', "D!") \
	X(RODATA, ".rodata", SHT_PROGBITS, SHF_ALLOC, 'r', "DP")	\
	X(EH_FRAME, ".eh_frame", SHT_PROGBITS, SHF_ALLOC, 'r', "!")	\
	X(EXCEPT, ".gcc_except_table", SHT_PROGBITS, SHF_ALLOC, 'r', "") \
	X(EH_FRAME_HDR, ".eh_frame_hdr", SHT_PROGBITS, SHF_ALLOC, 'r', "K!") \
	X(DYNAMIC, ".dynamic", SHT_DYNAMIC, SHF_ALLOC, '*', "K!")	\
	X(DYNSYM, ".dynsym", SHT_DYNSYM, SHF_ALLOC, 'r', "K!")		\
	X(DYNSTR, ".dynstr", SHT_STRTAB, SHF_ALLOC, 'r', "K!")		\
	X(HASH, ".hash", SHT_HASH, SHF_ALLOC, 'r', "K")			\
	X(GNU_HASH, ".gnu.hash", SHT_GNU_HASH, SHF_ALLOC, 'r', "K")	\
	X(RELA, ".rela.dyn", SHT_RELA, SHF_ALLOC, 'r', "K")		\
	X(RELRO, ".data.rel.ro", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 'w', "") \
	X(RELRO_PAD, ".relro_padding", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, \
	    'w', "")							\
	X(BUILD_ID, ".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, 'r', "K") \
	X(META, WABI_SEC_META, SHT_PROGBITS, SHF_ALLOC, 'r', "K!")	\
	X(DATA, WABI_SEC_DATA, SHT_PROGBITS, SHF_ALLOC, 'r', "D")	\
	X(IMAGE, WABI_SEC_IMAGE, SHT_PROGBITS, SHF_ALLOC, 'r', "D")	\
	X(PCMAP, WABI_SEC_PCMAP, SHT_PROGBITS, 0, '-', "D")		\
	X(SOURCE, WABI_SEC_SOURCE, SHT_PROGBITS, 0, '-', "D")		\
	X(DIGEST, WABI_SEC_DIGEST, SHT_PROGBITS, 0, '-', "KD!")		\
	X(SYMTAB, ".symtab", SHT_SYMTAB, 0, '-', "D")			\
	X(STRTAB, ".strtab", SHT_STRTAB, 0, '-', "D")			\
	X(SHSTRTAB, ".shstrtab", SHT_STRTAB, 0, '-', "K!")		\
	X(COMMENT, ".comment", SHT_PROGBITS, 0, '-', "")		\
	X(DEBUGLINK, ".gnu_debuglink", SHT_PROGBITS, 0, '-', "")	\
	X(DEBUG, ".debug_", SHT_PROGBITS, 0, '-', "DP")

enum wrt__section {
#define X(id, name, type, flags, seg, opts) SEC_##id,
	WRT__SECTIONS(X)
#undef X
	NSECTIONS
};

struct wrt__file {
	int fd;
	uint64_t size;
	const char *name;		/* for messages */
	struct wrt_error *err;

	Elf64_Ehdr eh;
	Elf64_Phdr *ph;
	Elf64_Shdr *sh;
	const Elf64_Shdr *sec[NSECTIONS];	/* NULL: not there */
	void *bytes[NSECTIONS];		/* contents of those marked K */

	/* Facts the segment checks establish. */
	const Elf64_Phdr *text;		/* the executable segment */
	const Elf64_Phdr *data;		/* the writable segment, or NULL */
	uint64_t span;			/* end of the last segment */

	/* Of the levels in the metadata, the one for this CPU; 0: its own. */
	uint32_t level;
};

/* Each returns WRT_OK, or WRT_ELOAD or another status with the sentence in
 * f->err. */
int wrt__verify_elf(struct wrt__file *f);	/* fills f; calls the next */
int wrt__verify_segments(struct wrt__file *f);
int wrt__verify_dynamic(struct wrt__file *f);
int wrt__verify_meta(struct wrt__file *f);
void wrt__file_free(struct wrt__file *f);

/* Read [off, off + n) of the file; false at its end or on an error. */
bool wrt__pread_all(int fd, void *to, uint64_t n, uint64_t off);
/* All n bytes, where the file is; false and errno if they do not go. */
bool wrt__write_all(int fd, const void *from, uint64_t n);

/* NULL if this CPU has all features of the list; else the first that it lacks,
 * of *len bytes. */
const char *wrt__cpu_missing(const char *features, size_t *len);
/* $WASMRT_CPU takes features away from this CPU: "-avx2,-bmi".  NULL if it says
 * nothing else; else what it should not say, of *len bytes. */
const char *wrt__cpu_odd_env(size_t *len);

/* Refusals.  "NAME: not a wasmc artifact: WHY" and
 * "NAME: damaged: WHY: compile it again". */
#define wrt__alien(f, fmt, ...)						\
	wrt__fail((f)->err, WRT_ELOAD, "%s: not a wasmc artifact: " fmt, \
	    (f)->name, ##__VA_ARGS__)
#define wrt__damaged(f, fmt, ...)					\
	wrt__fail((f)->err, WRT_ELOAD,					\
	    "%s: damaged: " fmt ": compile it again", (f)->name, ##__VA_ARGS__)

/* Is [off, off + n) inside [0, size)? */
static inline bool
wrt__inside(uint64_t off, uint64_t n, uint64_t size)
{
	return off <= size && n <= size - off;
}

#endif
