/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * reader.c: the primitives of the binary format.
 */
#include <stdio.h>

#include "compile.h"
#include "insn.h"
#include "reader.h"

struct reader
rd_open(struct compile *c, struct slice s)
{
	return (struct reader){ c, s.p, s.p + s.n, c->module.file.p,
	    &c->scratch };
}

void
rd_fail(const struct reader *r, uint64_t offset, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->c->failing = WASMC_EMALFORMED;
	wc_fail(r->c, offset, "%s", text);
}

void
rd_need(const struct reader *r, uint64_t offset, int feature, const char *what)
{
	if (!(r->c->module.features & FEAT_BIT(feature)))
		rd_fail(r, offset, "%s: the feature %s is off "
		    "(--features +%s turns it on)", what,
		    feature_name(feature), feature_name(feature));
}

uint64_t
rd_pos(const struct reader *r)
{
	return (uint64_t)(r->p - r->file);
}

bool
rd_end(const struct reader *r)
{
	return r->p == r->end;
}

size_t
rd_left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}

static _Noreturn void
rd_cut(const struct reader *r)
{
	rd_fail(r, rd_pos(r), r->c->section ?
	    "unexpected end of section or function" : "unexpected end");
}

uint8_t
rd_peek(struct reader *r)
{
	if (r->p == r->end)
		rd_cut(r);
	return *r->p;
}

uint8_t
rd_byte(struct reader *r)
{
	if (r->p == r->end)
		rd_cut(r);
	return *r->p++;
}

static _Noreturn void
rd_bad_leb(const struct reader *r, uint8_t last)
{
	rd_fail(r, rd_pos(r) - 1, last & 0x80 ?
	    "integer representation too long" : "integer too large");
}

/* LEB128, unsigned: the last byte that fits carries only a few bits. */
static uint64_t
rd_uleb(struct reader *r, unsigned bits)
{
	uint64_t x = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t b = rd_byte(r);

		if (shift + 7 > bits && b >> (bits - shift))
			rd_bad_leb(r, b);
		x |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return x;
	}
}

/* Signed: in the last byte the bits above the number repeat its sign. */
static int64_t
rd_sleb(struct reader *r, unsigned bits)
{
	uint64_t x = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t b = rd_byte(r);

		if (shift + 7 >= bits) {
			unsigned n = bits - shift;	/* 1..7 of use */
			uint8_t top = (b & 0x7f) >> (n - 1);

			if (b & 0x80 || (top != 0 && top != 0x7f >> (n - 1)))
				rd_bad_leb(r, b);
		}
		x |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		if (b & 0x40 && shift + 7 < 64)
			x |= ~0ull << (shift + 7);
		return (int64_t)x;
	}
}

uint32_t
rd_u32(struct reader *r)
{
	if (r->p < r->end && *r->p < 0x80)
		return *r->p++;
	return (uint32_t)rd_uleb(r, 32);
}

uint64_t
rd_u64(struct reader *r)
{
	return rd_uleb(r, 64);
}

int32_t
rd_s32(struct reader *r)
{
	return (int32_t)rd_sleb(r, 32);
}

int64_t
rd_s33(struct reader *r)
{
	return rd_sleb(r, 33);
}

int64_t
rd_s64(struct reader *r)
{
	return rd_sleb(r, 64);
}

static uint64_t
rd_fixed(struct reader *r, unsigned n)
{
	const uint8_t *p = rd_bytes(r, n).p;
	uint64_t x = 0;

	for (unsigned i = 0; i < n; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

uint32_t
rd_f32(struct reader *r)
{
	return (uint32_t)rd_fixed(r, 4);
}

uint64_t
rd_f64(struct reader *r)
{
	return rd_fixed(r, 8);
}

struct slice
rd_bytes(struct reader *r, size_t n)
{
	struct slice s = { r->p, n };

	if (n > rd_left(r)) {
		r->p = r->end;
		rd_cut(r);
	}
	r->p += n;
	return s;
}

/* Length of the UTF-8 character at p, 0 if there is none.  Surrogates, longer
 * forms than needed and numbers above 0x10ffff are none. */
static unsigned
utf8_char(const uint8_t *p, size_t n)
{
	uint32_t x;
	unsigned len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] < 0xe0)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] < 0xf0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] < 0xf5)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	x = p[0] & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		x = x << 6 | (p[i] & 0x3f);
	}
	if (len == 3 && (x < 0x800 || (x >= 0xd800 && x < 0xe000)))
		return 0;
	if (len == 4 && (x < 0x10000 || x > 0x10ffff))
		return 0;
	return len;
}

bool
utf8_valid(const uint8_t *p, size_t n)
{
	while (n) {
		unsigned len = utf8_char(p, n);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

struct slice
rd_name(struct reader *r)
{
	uint64_t at = rd_pos(r);
	uint32_t n = rd_u32(r);
	struct slice s;

	if (n > rd_left(r))
		rd_fail(r, at, "length out of bounds");
	s = rd_bytes(r, n);
	if (!utf8_valid(s.p, s.n))
		rd_fail(r, at, "malformed UTF-8 encoding");
	return s;
}
