/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * meta.h: what the two files that check metadata share.
 */
#ifndef WRT_META_H
#define WRT_META_H

#include "verify.h"

/* The metadata being checked, and what has been established so far. */
struct wrt__metacheck {
	const struct wrt__file *f;
	const char *base;		/* the verified copy */
	uint32_t size;
	const struct wabi_meta *m;
	const struct wabi_level *levels;	/* m->levels.n of them */
	int64_t text_lo, text_hi;	/* code, relative to .wabi.meta */
	uint64_t image_bytes, data_bytes;

	/* Lists whose bounds are known to be right. */
	const struct wabi_typeinfo *types;
	const struct wabi_import_info *imports;
	const struct wabi_func_info *funcs;
	uint32_t nimported[5];
	uint32_t level;			/* as struct wrt__file's */
	const struct wabi_import_info **tables;	/* imported ones */
	const struct wabi_import_info **globals;
	const struct wabi_import_info **memories;
};

#define wrt__badmeta(c, fmt, ...)					\
	wrt__damaged((c)->f, "metadata: " fmt, ##__VA_ARGS__)

/* The list's elements, or NULL if it leads outside or is misaligned. */
const void *wrt__checked_list(const struct wrt__metacheck *c,
    struct wabi_list l, size_t size, size_t align);
bool wrt__good_str(const struct wrt__metacheck *c, wabi_str s);
/* Is it code, and `size` bytes of it? */
bool wrt__good_code(const struct wrt__metacheck *c, int32_t rel,
    uint32_t size);
/* A value type outside of type definitions. */
bool wrt__good_valtype(const struct wrt__metacheck *c,
    const struct wabi_valtype *t);
bool wrt__good_ref(const struct wrt__metacheck *c,
    const struct wabi_valtype *t);
bool wrt__good_limits(const struct wabi_limits *l, enum wabi_kind kind);
bool wrt__zero(const void *p, size_t n);

/* meta_init.c: tables, memories, globals, segments. */
int wrt__check_objects(struct wrt__metacheck *c);

#endif
