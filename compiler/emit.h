/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * emit.h: from objects to the artifact.
 *
 *   image.c   active data segments laid out as pages of the initial memory
 *   meta.c    struct wabi_meta and its tables, with references to code
 *   emit.c    these as a relocatable object
 *   link.c    the linker; output.c the file
 *   finish.c  what is known only after the link: addresses and sizes of
 *             functions, the map of addresses, the digest
 *   dwarf*.c, source.c   line tables, see dwarf.h
 */
#ifndef WC_EMIT_H
#define WC_EMIT_H

#include "back.h"

/* Bytes that grow.  After a failed allocation nothing is added any more and
 * failed is set. */
struct buf {
	uint8_t *p;
	size_t n, room;
	bool failed;
};
/* Room for n more bytes, zeroed; their offset.  0 if failed. */
size_t buf_room(struct buf *, size_t n);
size_t buf_add(struct buf *, const void *p, size_t n);
void buf_align(struct buf *, size_t align);
void buf_free(struct buf *);

/* ---- image.c ---- */

struct image {
	struct buf bytes;		/* .wabi.image */
	struct wabi_image_run **runs;	/* per own memory */
	uint32_t *nruns;
	uint32_t ndatas;		/* the first so many data segments are
					 * in it, if active */
};
void image_make(struct compile *, const struct plan *, struct image *);

/* ---- meta.c ---- */

/* A field of the metadata that is the address of a symbol. */
struct code_ref {
	uint32_t at;
	const char *symbol;
};

struct meta {
	struct buf bytes;		/* .wabi.meta */
	struct buf data;		/* .wabi.data */
	struct buf refs;		/* struct code_ref */
	uint32_t funcs_off[WABI_MAX_LEVELS];	/* struct wabi_func_info [] */
};
/* wasm is what was compiled.  wc_fail(). */
void meta_make(struct compile *, const struct plan *levels, unsigned nlevels,
    const struct image *, bool alone, struct meta *);
void meta_free(struct meta *);

/* ---- emit.c ---- */

/* The relocatable object.  -1: out of memory. */
int emit_object(const struct plan *, const struct meta *,
    const struct image *, struct buf *out);

/* ---- link.c ---- */

/* Link the objects, which are open files, to out_fd.  `relocatable`: only join
 * them.  Returns a status with the sentence in err. */
int link_objects(const int *fds, unsigned n, int out_fd, bool relocatable,
    bool x86, unsigned threads, struct wasmc_error *err);

/* ---- finish.c ---- */

/* line_bases: per function, what its part's lines lack, see struct part. */
int finish(const struct plan *levels, unsigned nlevels, const struct meta *,
    const uint32_t *line_bases, struct buf *so, struct wasmc_error *err);

/* ---- cheader.c ---- */

/* Prototypes for hosts.  path names the module or the file; false if out of
 * memory. */
bool cheader_make(const struct module *m, const char *path, struct buf *out);

/* ---- output.c ---- */

/* Write the file: whole, or not at all.  Regular files are written beside and
 * renamed. */
int output_write(const char *path, const void *p, size_t n, bool program,
    struct wasmc_error *err);
/* An anonymous file with these bytes, or -1. */
int memory_file(const char *name, const void *p, size_t n);
/* All n bytes to an open file; false and errno if they do not go. */
bool write_all(int fd, const void *p, size_t n);
/* All of an open file. */
int read_file(int fd, struct buf *out);

/* Fill err and return status. */
int back_fail(struct wasmc_error *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
