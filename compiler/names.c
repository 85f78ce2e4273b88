/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * names.c: the name section and branch hints.
 *
 * Both are custom sections, whose damage is never an error: what comes before
 * the damage counts, the rest is ignored.
 * Specification: "Custom Sections", "Name Section"; branch hinting proposal.
 */
#include <string.h>

#include "arena.h"
#include "compile.h"
#include "reader.h"

/* A reader that says false instead of ending the compile. */
struct cursor {
	const uint8_t *p, *end;
};

static bool
nm_byte(struct cursor *k, uint8_t *out)
{
	if (k->p == k->end)
		return false;
	*out = *k->p++;
	return true;
}

static bool
nm_u32(struct cursor *k, uint32_t *out)
{
	uint32_t x = 0;
	uint8_t b;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (!nm_byte(k, &b) || (shift == 28 && b > 0x0f))
			return false;
		x |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*out = x;
			return true;
		}
	}
	return false;
}

/* The next n bytes, n being read first. */
static bool
nm_sub(struct cursor *k, struct cursor *out)
{
	uint32_t n;

	if (!nm_u32(k, &n) || n > (size_t)(k->end - k->p))
		return false;
	*out = (struct cursor){ k->p, k->p + n };
	k->p += n;
	return true;
}

static bool
nm_name(struct cursor *k, struct slice *out)
{
	struct cursor s;

	if (!nm_sub(k, &s) || !utf8_valid(s.p, (size_t)(s.end - s.p)))
		return false;
	*out = (struct slice){ s.p, (size_t)(s.end - s.p) };
	return true;
}

static bool
nm_funcs(struct module *m, struct cursor k)
{
	uint32_t n, func;
	struct slice name;

	if (!nm_u32(&k, &n))
		return false;
	while (n-- > 0) {
		if (!nm_u32(&k, &func) || !nm_name(&k, &name))
			return false;
		if (func < m->nfuncs && !m->funcs[func].name.n)
			m->funcs[func].name = name;
	}
	return true;
}

/* Array and room of a list that grows by doubling. */
static void *
nm_room(struct compile *c, void *array, uint32_t n, uint32_t *room,
    size_t size)
{
	if (n < *room)
		return array;
	*room = n ? 2 * n : 64;
	return arena_grow(&c->arena, array, n, *room, size);
}

static bool
nm_local_map(struct compile *c, struct cursor *k, uint32_t func,
    uint32_t *room)
{
	struct module *m = &c->module;
	struct local_name l = { func, 0, { NULL, 0 } };
	uint32_t n;

	if (!nm_u32(k, &n))
		return false;
	while (n-- > 0) {
		if (!nm_u32(k, &l.local) || !nm_name(k, &l.name))
			return false;
		m->local_names = nm_room(c, m->local_names, m->nlocal_names,
		    room, sizeof *m->local_names);
		m->local_names[m->nlocal_names++] = l;
	}
	return true;
}

static bool
nm_locals(struct compile *c, struct cursor k)
{
	uint32_t n, func, room = 0;

	if (!nm_u32(&k, &n) || c->module.nlocal_names)
		return false;
	while (n-- > 0)
		if (!nm_u32(&k, &func) || !nm_local_map(c, &k, func, &room))
			return false;
	return true;
}

static void
nm_section(struct compile *c, struct slice s)
{
	struct cursor k = { s.p, s.p + s.n }, sub;
	uint8_t id;
	bool good = true;

	while (good && nm_byte(&k, &id) && nm_sub(&k, &sub)) {
		if (id == 0)
			good = nm_name(&sub, &c->module.name);
		else if (id == 1)
			good = nm_funcs(&c->module, sub);
		else if (id == 2)
			good = nm_locals(c, sub);
	}
}

/* Hints stand in ascending order of function and offset. */
static bool
nm_func_hints(struct compile *c, struct cursor *k, uint32_t func,
    uint32_t *room)
{
	struct module *m = &c->module;
	uint32_t n, off, size, before = 0;
	uint8_t value;

	if (!nm_u32(k, &n))
		return false;
	while (n-- > 0) {
		if (!nm_u32(k, &off) || !nm_u32(k, &size) || size != 1 ||
		    !nm_byte(k, &value) || value > 1 || off <= before ||
		    off >= m->funcs[func].body.n)
			return false;
		before = off;
		m->hints = nm_room(c, m->hints, m->nhints, room,
		    sizeof *m->hints);
		m->hints[m->nhints++] = (struct branch_hint){ func,
		    m->funcs[func].offset + off, value };
	}
	return true;
}

static void
nm_hints(struct compile *c, struct slice s)
{
	struct cursor k = { s.p, s.p + s.n };
	const struct module *m = &c->module;
	uint32_t n, func, room = 0, first = m->nfuncs_imported;

	if (m->nhints || !nm_u32(&k, &n))
		return;
	while (n-- > 0) {
		if (!nm_u32(&k, &func) || func < first || func >= m->nfuncs ||
		    !nm_func_hints(c, &k, func, &room))
			return;
		first = func + 1;
	}
}

void
names_read(struct compile *c)
{
	struct module *m = &c->module;

	for (uint32_t i = 0; i < m->ncustoms; i++) {
		const struct custom *cu = &m->customs[i];

		if (slice_is(cu->name, "name"))
			nm_section(c, cu->bytes);
		else if (slice_is(cu->name, "metadata.code.branch_hint"))
			nm_hints(c, cu->bytes);
	}
}
