/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * artifact.h: an artifact in memory, to be damaged and opened.
 *
 * The sample is compiled from the module below; WRT_TEST_ARTIFACT names a file
 * to take instead.  After a change artifact_seal() makes the digest right
 * again, by an implementation of its own.
 */
#ifndef ARTIFACT_H
#define ARTIFACT_H

#include <elf.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include "load.h"
#include "test.h"
#include "wasmc.h"

/* (module $sample
 *   (type $v (func))
 *   (type $ii (func (param i32 i32) (result i32)))
 *   (import "env" "imp" (func $imp (type $ii)))
 *   (import "env" "g" (global $ig i32))
 *   (memory (export "memory") 2 10)
 *   (table (export "table") 4 8 funcref)
 *   (global $own (mut i64) (i64.const 42))
 *   (global $own2 i32 (global.get $ig))
 *   (func $inner (param i32) (result i32) local.get 0 i32.load offset=8)
 *   (func $outer (export "outer") (param i32) (result i32)
 *     local.get 0 call $inner i32.const 1 i32.add)
 *   (func (export "noname") (type $ii) local.get 0 local.get 1 call $imp)
 *   (func (export "init") i32.const 100 i32.const 0 i32.const 5 memory.init 1)
 *   (elem (i32.const 1) func $inner $outer)
 *   (elem func $inner)
 *   (data (i32.const 5000) "image bytes")
 *   (data "hello")
 *   (start $start)
 *   (func $start (type $v)))
 */
static const uint8_t sample_wasm[] = {
	0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x03, 0x60,
	0x00, 0x00, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x01,
	0x7f, 0x02, 0x14, 0x02, 0x03, 0x65, 0x6e, 0x76, 0x03, 0x69, 0x6d, 0x70,
	0x00, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x01, 0x67, 0x03, 0x7f, 0x00, 0x03,
	0x06, 0x05, 0x02, 0x02, 0x01, 0x00, 0x00, 0x04, 0x05, 0x01, 0x70, 0x01,
	0x04, 0x08, 0x05, 0x04, 0x01, 0x01, 0x02, 0x0a, 0x06, 0x0b, 0x02, 0x7e,
	0x01, 0x42, 0x2a, 0x0b, 0x7f, 0x00, 0x23, 0x00, 0x0b, 0x07, 0x2a, 0x05,
	0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x05, 0x74, 0x61,
	0x62, 0x6c, 0x65, 0x01, 0x00, 0x05, 0x6f, 0x75, 0x74, 0x65, 0x72, 0x00,
	0x02, 0x06, 0x6e, 0x6f, 0x6e, 0x61, 0x6d, 0x65, 0x00, 0x03, 0x04, 0x69,
	0x6e, 0x69, 0x74, 0x00, 0x04, 0x08, 0x01, 0x05, 0x09, 0x0c, 0x02, 0x00,
	0x41, 0x01, 0x0b, 0x02, 0x01, 0x02, 0x01, 0x00, 0x01, 0x01, 0x0c, 0x01,
	0x02, 0x0a, 0x2d, 0x05, 0x07, 0x00, 0x20, 0x00, 0x28, 0x02, 0x08, 0x0b,
	0x09, 0x00, 0x20, 0x00, 0x10, 0x01, 0x41, 0x01, 0x6a, 0x0b, 0x08, 0x00,
	0x20, 0x00, 0x20, 0x01, 0x10, 0x00, 0x0b, 0x0d, 0x00, 0x41, 0xe4, 0x00,
	0x41, 0x00, 0x41, 0x05, 0xfc, 0x08, 0x01, 0x00, 0x0b, 0x02, 0x00, 0x0b,
	0x0b, 0x19, 0x02, 0x00, 0x41, 0x88, 0x27, 0x0b, 0x0b, 0x69, 0x6d, 0x61,
	0x67, 0x65, 0x20, 0x62, 0x79, 0x74, 0x65, 0x73, 0x01, 0x05, 0x68, 0x65,
	0x6c, 0x6c, 0x6f, 0x00, 0x47, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x00, 0x07,
	0x06, 0x73, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x01, 0x1b, 0x04, 0x00, 0x03,
	0x69, 0x6d, 0x70, 0x01, 0x05, 0x69, 0x6e, 0x6e, 0x65, 0x72, 0x02, 0x05,
	0x6f, 0x75, 0x74, 0x65, 0x72, 0x05, 0x05, 0x73, 0x74, 0x61, 0x72, 0x74,
	0x04, 0x08, 0x02, 0x00, 0x01, 0x76, 0x01, 0x02, 0x69, 0x69, 0x07, 0x10,
	0x03, 0x00, 0x02, 0x69, 0x67, 0x01, 0x03, 0x6f, 0x77, 0x6e, 0x02, 0x04,
	0x6f, 0x77, 0x6e, 0x32,
};

struct artifact {
	uint8_t *b;
	size_t n;
	char path[256];			/* where artifact_write() puts it */
};

__attribute__((unused)) static void
artifact_read(struct artifact *a, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	a->n = (size_t)st.st_size;
	a->b = calloc(a->n + 1, 1);
	CHECK(read(fd, a->b, a->n) == (ssize_t)a->n);
	close(fd);
}

/* A private directory for this test's files, whatever else runs. */
__attribute__((unused)) static void
artifact_sample_for(struct artifact *a, const char *cpu)
{
	struct wasmc_options opt = { .cpu = cpu };
	const char *given = getenv("WRT_TEST_ARTIFACT");
	const char *tmp = getenv("TMPDIR");
	struct wasmc_error err;

	snprintf(a->path, sizeof a->path, "%s/wrt-load-%ld.so",
	    tmp ? tmp : "/tmp", (long)getpid());
	if (given) {
		artifact_read(a, given);
		return;
	}
	if (wasmc_compile(sample_wasm, sizeof sample_wasm, "sample.wasm",
	    a->path, &opt, &err) != WASMC_OK)
		test_end('F', "sample: %s", err.text);
	artifact_read(a, a->path);
	unlink(a->path);
}

__attribute__((unused)) static void
artifact_sample(struct artifact *a)
{
	artifact_sample_for(a, NULL);
}

#if defined(__x86_64__)
#define SAMPLE_LEVELS "x86-64,x86-64-v2,x86-64-v3"
#else
#define SAMPLE_LEVELS "generic,neoverse-n1"
#endif

__attribute__((unused)) static void
artifact_free(struct artifact *a)
{
	unlink(a->path);
	free(a->b);
}

/* A new file each time: the old one may still be mapped. */
__attribute__((unused)) static void
artifact_write(const struct artifact *a)
{
	int fd;

	unlink(a->path);
	fd = open(a->path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	CHECK(fd >= 0 && write(fd, a->b, a->n) == (ssize_t)a->n);
	close(fd);
}

/* ---- Parts ---- */

static Elf64_Ehdr *
art_eh(const struct artifact *a)
{
	return (Elf64_Ehdr *)(void *)a->b;
}

static Elf64_Phdr *
art_ph(const struct artifact *a)
{
	return (Elf64_Phdr *)(void *)(a->b + art_eh(a)->e_phoff);
}

static Elf64_Shdr *
art_sh(const struct artifact *a)
{
	return (Elf64_Shdr *)(void *)(a->b + art_eh(a)->e_shoff);
}

static const char *
art_name(const struct artifact *a, const Elf64_Shdr *s)
{
	const Elf64_Shdr *str = &art_sh(a)[art_eh(a)->e_shstrndx];

	if (str->sh_offset > a->n || s->sh_name >= a->n - str->sh_offset)
		return "";
	return (const char *)a->b + str->sh_offset + s->sh_name;
}

__attribute__((unused)) static Elf64_Shdr *
art_sec(const struct artifact *a, const char *name)
{
	for (unsigned i = 0; i < art_eh(a)->e_shnum; i++)
		if (!strcmp(art_name(a, &art_sh(a)[i]), name))
			return &art_sh(a)[i];
	return NULL;
}

__attribute__((unused)) static void *
art_at(const struct artifact *a, const char *section)
{
	const Elf64_Shdr *s = art_sec(a, section);

	CHECK(s);
	return a->b + s->sh_offset;
}

__attribute__((unused)) static Elf64_Phdr *
art_seg(const struct artifact *a, uint32_t type, uint32_t flags)
{
	for (unsigned i = 0; i < art_eh(a)->e_phnum; i++)
		if (art_ph(a)[i].p_type == type &&
		    (type != PT_LOAD || art_ph(a)[i].p_flags == flags))
			return &art_ph(a)[i];
	return NULL;
}

static bool
art_in_digest(const struct artifact *a, const Elf64_Shdr *s)
{
	static const char *const not[] = { ".text", ".wabi.image",
		".wabi.data", ".wabi.pcmap", ".wabi.source", ".wabi.digest",
		".symtab", ".strtab" };
	const char *name = art_name(a, s);

	if (s->sh_type == SHT_NOBITS || !strncmp(name, ".debug_", 7) ||
	    !strncmp(name, ".rodata", 7))
		return false;
	for (size_t i = 0; i < sizeof not / sizeof *not; i++)
		if (!strcmp(name, not[i]))
			return false;
	return true;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
__attribute__((unused)) static void
artifact_seal(struct artifact *a)
{
	const Elf64_Ehdr *e = art_eh(a);
	const Elf64_Shdr *d = art_sec(a, ".wabi.digest");
	SHA256_CTX c;

	if (!d || d->sh_offset > a->n - 32)
		return;
	SHA256_Init(&c);
	SHA256_Update(&c, e, sizeof *e);
	SHA256_Update(&c, art_ph(a), e->e_phnum * sizeof(Elf64_Phdr));
	SHA256_Update(&c, art_sh(a), e->e_shnum * sizeof(Elf64_Shdr));
	for (unsigned i = 0; i < e->e_shnum; i++) {
		const Elf64_Shdr *s = &art_sh(a)[i];

		if (!art_in_digest(a, s) || s->sh_offset > a->n ||
		    s->sh_size > a->n - s->sh_offset)
			continue;
		SHA256_Update(&c, a->b + s->sh_offset, s->sh_size);
	}
	SHA256_Final(a->b + d->sh_offset, &c);
}
#pragma GCC diagnostic pop

/* ---- Opening ---- */

/* Open the bytes; the sentence goes to err. */
__attribute__((unused)) static int
artifact_open(const struct artifact *a, struct wrt_error *err)
{
	wrt_module *m;
	int rc;

	err->text[0] = 0;
	artifact_write(a);
	rc = wrt_module_open(&m, a->path, err);
	if (rc == WRT_OK)
		wrt_module_close(m);
	return rc;
}

/* Seal, open, and insist on this refusal. */
__attribute__((unused)) static void
artifact_refused(struct artifact *a, const char *why)
{
	struct wrt_error err;

	artifact_seal(a);
	if (artifact_open(a, &err) != WRT_ELOAD)
		test_end('F', "not refused for \"%s\"", why);
	CHECK_HAS(err.text, why);
}

#endif
