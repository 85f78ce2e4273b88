/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * module_info.c: what a module asks for and offers.
 *
 * Everything read here was checked when the module was opened.
 */
#include <assert.h>
#include <string.h>

#include "load.h"

/* ---- Index spaces ---- */

const struct wabi_valtype *
wrt__table_type(const struct wrt_module *m, uint32_t i,
    struct wabi_limits *limits)
{
	uint32_t n = m->nimported[WABI_KIND_TABLE];
	const struct wabi_import_info *im;
	const struct wabi_table_info *own;

	assert(i < m->ntables);
	if (i < n) {
		im = m->imported[WABI_KIND_TABLE][i];
		*limits = im->limits;
		return &im->type;
	}
	own = &WRT__META(m, tables)[i - n];
	*limits = own->limits;
	return &own->type;
}

void
wrt__memory_type(const struct wrt_module *m, uint32_t i,
    struct wabi_limits *limits)
{
	uint32_t n = m->nimported[WABI_KIND_MEMORY];

	assert(i < m->nmemories);
	*limits = i < n ? m->imported[WABI_KIND_MEMORY][i]->limits :
	    WRT__META(m, memories)[i - n].limits;
}

const struct wabi_valtype *
wrt__global_type(const struct wrt_module *m, uint32_t i, bool *mut)
{
	uint32_t n = m->nimported[WABI_KIND_GLOBAL];
	const struct wabi_import_info *im;
	const struct wabi_global_info *own;

	assert(i < m->nglobals);
	if (i < n) {
		im = m->imported[WABI_KIND_GLOBAL][i];
		*mut = im->mut;
		return &im->type;
	}
	own = &WRT__META(m, globals)[i - n];
	*mut = own->mut;
	return &own->type;
}

uint32_t
wrt__tag_type(const struct wrt_module *m, uint32_t i)
{
	assert(i < m->ntags);
	return WRT__META(m, tags)[i].type_idx;
}

/* ---- Exports by name ---- */

uint64_t
wrt__name_prefix(const char *name, size_t n)
{
	uint64_t x = 0;

	for (size_t k = 0; k < 8; k++)
		x = x << 8 | (k < n ? (unsigned char)name[k] : 0);
	return x;
}

/* Of two names with the same prefix, neither longer than that, the shorter one
 * is the other's beginning. */
static int
compare(const struct wrt_module *m, const struct wrt__name *a, const char *name,
    size_t n)
{
	const struct wabi_export_info *e = WRT__META(m, exports);
	int c = 0;

	if (a->n > 8 && n > 8)
		c = memcmp(wrt__str(m, e[a->i].name), name,
		    a->n < n ? a->n : n);
	return c ? c : (a->n > n) - (a->n < n);
}

long
wrt__find_export(const struct wrt_module *m, const char *name, size_t len)
{
	uint64_t prefix = wrt__name_prefix(name, len);
	size_t lo = 0, hi = m->meta->exports.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct wrt__name *e = &m->exports_by_name[mid];
		int c = e->prefix != prefix ? (e->prefix < prefix ? -1 : 1) :
		    compare(m, e, name, len);

		if (c == 0)
			return (long)e->i;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

/* ---- The public description ---- */

size_t
wrt_module_nimports(const wrt_module *m)
{
	return m ? m->meta->imports.n : 0;
}

size_t
wrt_module_nexports(const wrt_module *m)
{
	return m ? m->meta->exports.n : 0;
}

const char *
wrt_module_name(const wrt_module *m)
{
	return m ? wrt__str(m, m->meta->module_name) : "";
}

const char *
wrt_module_cpu(const wrt_module *m)
{
	return m ? wrt__str(m, m->meta->cpu) : "";
}

static struct wrt_limits
public_limits(const struct wabi_limits *l)
{
	return (struct wrt_limits){ l->min, l->max, l->is64, l->shared,
		l->page_log2 };
}

/* The type of the thing of this kind and index. */
static void
describe(const wrt_module *m, enum wabi_kind kind, uint32_t i,
    struct wrt_extern_type *out)
{
	struct wabi_limits l;
	bool mut;

	out->kind = (enum wrt_kind)kind;
	switch (kind) {
	case WABI_KIND_FUNC:
		wrt__type_func(m->type_ids[WRT__META(m, funcs)[i].type_idx],
		    &out->func);
		break;
	case WABI_KIND_TAG:
		wrt__type_func(m->type_ids[wrt__tag_type(m, i)], &out->func);
		break;
	case WABI_KIND_TABLE:
		out->type = wrt__table_type(m, i, &l)->type;
		out->limits = public_limits(&l);
		break;
	case WABI_KIND_MEMORY:
		wrt__memory_type(m, i, &l);
		out->limits = public_limits(&l);
		break;
	case WABI_KIND_GLOBAL:
		out->type = wrt__global_type(m, i, &mut)->type;
		out->mut = mut;
		break;
	}
}

int
wrt_module_import(const wrt_module *m, size_t i, struct wrt_extern_type *out)
{
	const struct wabi_import_info *im;

	if (!m || !out || i >= m->meta->imports.n)
		return WRT_EINVAL;
	im = WRT__META(m, imports);
	*out = (struct wrt_extern_type){
		.module = wrt__str(m, im[i].module),
		.module_len = im[i].module.n,
		.name = wrt__str(m, im[i].name),
		.name_len = im[i].name.n,
	};
	describe(m, im[i].kind, im[i].index, out);
	return WRT_OK;
}

int
wrt_module_export(const wrt_module *m, size_t i, struct wrt_extern_type *out)
{
	const struct wabi_export_info *e;

	if (!m || !out || i >= m->meta->exports.n)
		return WRT_EINVAL;
	e = WRT__META(m, exports);
	*out = (struct wrt_extern_type){
		.name = wrt__str(m, e[i].name),
		.name_len = e[i].name.n,
	};
	describe(m, e[i].kind, e[i].index, out);
	return WRT_OK;
}
