/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * artifact.h: finished artifacts, as bytes.
 */
#ifndef WC_ARTIFACT_H
#define WC_ARTIFACT_H

#include <elf.h>

#include "emit.h"

/* The digest of a file whose headers are known to be in order: all but the
 * section headers lie in `file`, names are NUL-terminated.  -1: no memory. */
int artifact_digest(const uint8_t *file, const Elf64_Shdr *sh, unsigned n,
    const char *names, uint8_t out[32]);

/* ---- Snapshots: snapshot.c, snapshot_meta.c ---- */

enum { SNAP_SEGMENTS = 16, SNAP_SECTIONS = 254 };

struct snap {
	const uint8_t *in;		/* the artifact, hostile */
	size_t n;
	const struct wasmc_state *st;
	struct wasmc_error *err;

	Elf64_Ehdr eh;
	Elf64_Phdr ph[SNAP_SEGMENTS];
	Elf64_Shdr sh[SNAP_SECTIONS + 2];
	unsigned nsh;
	struct buf names;
	/* Section numbers; 0: there is none. */
	unsigned at_meta, at_data, at_image, at_pcmap, at_digest;

	unsigned load;			/* the new segment's place in ph */
	uint64_t kept;			/* bytes of the file that stay */
	uint64_t addr, off;		/* of the new segment: its metadata */
	int64_t shift;			/* of references relative to that */

	struct buf old;			/* metadata, without what a snapshot
					 * has added */
	struct wabi_list elems;		/* in it: the module's own segments */
	struct buf meta, data, image;	/* the new ones */
	struct buf out;
};

/* Make meta, data and image from the old ones and the state. */
int snap_meta(struct snap *);

/* "not a usable artifact: WHY". */
int snap_bad(struct snap *, const char *why);
int snap_no_memory(struct snap *);

#endif
