/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * front.h: make modules byte by byte, for tests of the front end.
 */
#ifndef FRONT_H
#define FRONT_H

#include "test.h"
#include "wasmc.h"

struct mod {
	uint8_t *p;
	size_t n, room;
};

static inline void
m_bytes(struct mod *m, const void *p, size_t n)
{
	if (n > m->room - m->n) {
		m->room = 2 * (m->n + n) + 64;
		m->p = realloc(m->p, m->room);
		CHECK(m->p);
	}
	if (n)
		memcpy(m->p + m->n, p, n);
	m->n += n;
}

static inline void
m_byte(struct mod *m, uint8_t b)
{
	m_bytes(m, &b, 1);
}

static inline void
m_fill(struct mod *m, uint8_t b, size_t n)
{
	while (n-- > 0)
		m_byte(m, b);
}

static inline void
m_u32(struct mod *m, uint32_t x)
{
	for (; x >= 0x80; x >>= 7)
		m_byte(m, (uint8_t)(x | 0x80));
	m_byte(m, (uint8_t)x);
}

static inline void
m_header(struct mod *m)
{
	m_bytes(m, "\0asm\1\0\0\0", 8);
}

/* A section, or a body, whose contents are done; frees them. */
static inline void
m_sized(struct mod *m, struct mod *contents)
{
	m_u32(m, (uint32_t)contents->n);
	m_bytes(m, contents->p, contents->n);
	free(contents->p);
	*contents = (struct mod){ 0 };
}

static inline void
m_section(struct mod *m, uint8_t id, struct mod *contents)
{
	m_byte(m, id);
	m_sized(m, contents);
}

#define LIT(m, s)	m_bytes((m), (s), sizeof (s) - 1)

/* One function of type [] -> [] (or the type section given) with this body. */
static inline struct mod
m_one_func(struct mod *body)
{
	struct mod m = { 0 }, code = { 0 };

	m_header(&m);
	LIT(&m, "\x01\x04\x01\x60\x00\x00");
	LIT(&m, "\x03\x02\x01\x00");
	m_byte(&code, 1);
	m_sized(&code, body);
	m_section(&m, 10, &code);
	return m;
}

/* Validate and compare: want is the beginning of the message, NULL if the
 * module is valid. */
static inline void
m_check(struct mod *m, const char *features, const char *want)
{
	struct wasmc_options opt = { .features = features };
	struct wasmc_error err;
	int rc = wasmc_validate(m->p, m->n, &opt, &err);

	if (!want && rc)
		test_end('F', "refused: %s", err.text);
	if (want && !rc)
		test_end('F', "accepted, not \"%s\"", want);
	if (want && strncmp(err.text, want, strlen(want)))
		test_end('F', "\"%s\", not \"%s\"", err.text, want);
	free(m->p);
	*m = (struct mod){ 0 };
}

static inline void
m_check_func(struct mod *body, const char *want)
{
	struct mod m = m_one_func(body);

	m_check(&m, "all", want);
}

/* The whole of a file, for seeds; paths are from the project's folder. */
static inline struct mod
m_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct mod m = { 0 };
	int c;

	if (!f)
		SKIP("no %s", path);
	while ((c = getc(f)) != EOF)
		m_byte(&m, (uint8_t)c);
	fclose(f);
	return m;
}

#endif
