/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * partcache.h: objects of parts, kept from one compile to the next.
 *
 * A folder with a file for each object, named after the SHA-256 of all that
 * decides what the object is.  Whoever may write into the folder may choose
 * what compiles give: it must be the user's own.  What is damaged is found by
 * a digest and not used.  Several processes may use one folder.
 */
#ifndef WC_PARTCACHE_H
#define WC_PARTCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wasmc.h"

#define PARTCACHE_BYTES	(1ull << 30)	/* unless another limit is given */

struct partcache {
	int dir;			/* the folder; -1: there is no cache */
	uint64_t max_bytes;
	struct partcache_id {		/* what made the objects */
		uint8_t bytes[64];
		size_t n;
	} self, llvm;
	/* Counted by several threads, atomically. */
	unsigned hits, stored;
};

struct partcache_key {
	uint8_t digest[32];
};
struct partcache_piece {		/* what a key is made of */
	const void *p;
	size_t n;
};

/* Open the folder, made if there is none.  path NULL: no cache, and no error.
 * in_llvm is any address in LLVM's code.  max_bytes 0: PARTCACHE_BYTES. */
int partcache_open(struct partcache *, const char *path, uint64_t max_bytes,
    const void *in_llvm, struct wasmc_error *err);
/* Let go of the folder, with the oldest deleted of what is above the limit. */
void partcache_close(struct partcache *);

/* False if out of memory. */
bool partcache_key(const struct partcache *, const struct partcache_piece *,
    size_t n, struct partcache_key *);
/* The object as an anonymous file, or -1. */
int partcache_get(struct partcache *, const struct partcache_key *);
/* Keep an object, if that can be done. */
void partcache_put(struct partcache *, const struct partcache_key *,
    const void *p, size_t n);

#endif
