/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * digest.c: the digest of an artifact, over what wabi.h says.
 */
#include <string.h>

#include <openssl/evp.h>

#include "emit.h"
#include "artifact.h"

static bool
in_digest(const char *name)
{
	static const char *const left_out[] = { ".text", WABI_SEC_IMAGE,
	    WABI_SEC_DATA, WABI_SEC_PCMAP, WABI_SEC_SOURCE, WABI_SEC_DIGEST,
	    ".symtab", ".strtab" };

	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (!strcmp(name, left_out[i]))
			return false;
	return strncmp(name, ".debug_", 7) != 0 &&
	    strncmp(name, ".rodata", 7) != 0;
}

int
artifact_digest(const uint8_t *file, const Elf64_Shdr *sh, unsigned n,
    const char *names, uint8_t out[32])
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)(const void *)file;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	    EVP_DigestUpdate(ctx, e, sizeof *e) &&
	    EVP_DigestUpdate(ctx, file + e->e_phoff,
		e->e_phnum * sizeof(Elf64_Phdr)) &&
	    EVP_DigestUpdate(ctx, sh, n * sizeof *sh);

	for (unsigned i = 0; ok && i < n; i++)
		if (sh[i].sh_type != SHT_NOBITS &&
		    in_digest(names + sh[i].sh_name))
			ok = EVP_DigestUpdate(ctx, file + sh[i].sh_offset,
			    sh[i].sh_size);
	ok = ok && EVP_DigestFinal_ex(ctx, out, &len) && len == 32;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}
