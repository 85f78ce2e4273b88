/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Parse a JSON document of about 200 KB into a tree, sum it up, n times. */
#include "kernel.h"

enum kind { NUL, BOOL, NUMBER, STRING, ARRAY, OBJECT };

struct value {
	enum kind kind;
	double number;
	const char *text;		/* also the key's, in an object */
	uint32_t len;
	struct value *first, *next;
};

static char doc[400000];
static struct value arena[100000];
static size_t used;
static const char *at;

static void
skip(void)
{
	while (*at == ' ' || *at == '\n')
		at++;
}

static void
string(struct value *v)
{
	v->kind = STRING;
	v->text = ++at;
	while (*at != '"')
		at += *at == '\\' ? 2 : 1;
	v->len = (uint32_t)(at++ - v->text);
}

static void
number(struct value *v)
{
	double sign = 1, scale = 1;

	v->kind = NUMBER;
	if (*at == '-') {
		sign = -1;
		at++;
	}
	while (*at >= '0' && *at <= '9')
		v->number = v->number * 10 + (*at++ - '0');
	if (*at == '.')
		while (*++at >= '0' && *at <= '9')
			v->number += (*at - '0') * (scale /= 10);
	v->number *= sign;
}

static struct value *parse(void);

/* What is in brackets; in an object every other value is a key. */
static void
list(struct value *v, char end)
{
	struct value **tail = &v->first;

	v->kind = end == ']' ? ARRAY : OBJECT;
	for (at++; skip(), *at != end;) {
		*tail = parse();
		tail = &(*tail)->next;
		skip();
		if (*at == ',' || *at == ':')
			at++;
	}
	at++;
}

static struct value *
parse(void)
{
	struct value *v = &arena[used++];

	memset(v, 0, sizeof *v);
	skip();
	switch (*at) {
	case '"': string(v); break;
	case '[': list(v, ']'); break;
	case '{': list(v, '}'); break;
	case 't': v->kind = BOOL; v->number = 1; at += 4; break;
	case 'f': v->kind = BOOL; at += 5; break;
	case 'n': at += 4; break;
	default: number(v);
	}
	return v;
}

static uint64_t
sum_of(const struct value *v)
{
	uint64_t sum = (uint64_t)v->kind * 7 + (uint64_t)(int64_t)v->number;

	for (uint32_t i = 0; i < v->len; i++)
		sum = sum * 33 + (uint8_t)v->text[i];
	for (const struct value *c = v->first; c; c = c->next)
		sum = sum * 31 + sum_of(c);
	return sum;
}

static void
make_doc(void)
{
	char *p = doc;

	p += sprintf(p, "[");
	for (int i = 0; i < 2000; i++)
		p += sprintf(p, "%s{\"id\": %d, \"name\": \"item \\\"%u\\\"\", "
		    "\"price\": %d.%02d, \"tags\": [\"a\", \"bc\", null, true],"
		    " \"at\": {\"x\": -%d, \"y\": %d.5}}", i ? ",\n" : "", i,
		    (unsigned)kernel_random(), i * 7, i % 100, i, i * 3);
	sprintf(p, "]");
}

static uint64_t
kernel(unsigned long n)
{
	uint64_t sum = 0;

	make_doc();
	while (n--) {
		at = doc;
		used = 0;
		sum = sum * 31 + sum_of(parse());
	}
	return sum;
}

KERNEL(1000, 5)
