/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * values.c: values on a command line and in its output.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

static const struct {
	uint8_t type;
	const char *name;
} types[] = {
	{ WRT_I32, "i32" }, { WRT_I64, "i64" }, { WRT_F32, "f32" },
	{ WRT_F64, "f64" }, { WRT_V128, "v128" }, { WRT_FUNCREF, "funcref" },
	{ WRT_EXTERNREF, "externref" }, { WRT_ANYREF, "anyref" },
	{ WRT_EXNREF, "exnref" }, { WRT_CONTREF, "contref" },
};

const char *
value_type_name(uint8_t type)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == type)
			return types[i].name;
	return "ref";
}

/* An integer of `bits` bits, signed or unsigned, decimal or 0x. */
static bool
parse_int(const char *s, unsigned bits, uint64_t *out)
{
	uint64_t mask = bits == 64 ? UINT64_MAX : (1ull << bits) - 1, x;
	bool minus = *s == '-';
	const char *digits = s + (*s == '-' || *s == '+');
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	x = strtoull(digits, &end, digits[0] == '0' &&
	    (digits[1] | 32) == 'x' ? 16 : 10);
	if (errno || *end)
		return false;
	if (minus ? x > 1ull << (bits - 1) : x > mask)
		return false;
	*out = (minus ? 0 - x : x) & mask;
	return true;
}

static bool
parse_v128(const char *s, uint8_t out[16])
{
	unsigned __int128 x = 0, base = 10, top = ~(unsigned __int128)0;
	const char *digits = "0123456789abcdef";

	if (s[0] == '0' && (s[1] | 32) == 'x') {
		base = 16;
		s += 2;
	}
	if (!*s)
		return false;
	for (; *s; s++) {
		const char *d = memchr(digits, tolower((unsigned char)*s),
		    (size_t)base);

		if (!d)
			return false;
		unsigned digit = (unsigned)(d - digits);

		if (x > (top - digit) / base)
			return false;
		x = x * base + digit;
	}
	memcpy(out, &x, 16);
	return true;
}

bool
value_parse(const char *text, uint8_t type, wrt_val *out)
{
	wrt_val v = { .u64 = { 0 } };
	char *end = (char *)text;

	switch (type) {
	case WRT_I32:
		if (!parse_int(text, 32, &v.u64[0]))
			return false;
		break;
	case WRT_I64:
		if (!parse_int(text, 64, &v.u64[0]))
			return false;
		break;
	case WRT_F32:
		v.f32 = strtof(text, &end);
		if (end == text || *end)
			return false;
		break;
	case WRT_F64:
		v.f64 = strtod(text, &end);
		if (end == text || *end)
			return false;
		break;
	case WRT_V128:
		if (!parse_v128(text, v.v128))
			return false;
		break;
	default:
		if (strcmp(text, "null") != 0)
			return false;
	}
	*out = v;
	return true;
}

/* d.ddde[+-]x with its digits and exponent as a plain decimal. */
static void
plain_decimal(const char *sci, char *out)
{
	char digits[32];
	int n = 0, exponent;
	const char *s = sci;

	if (*s == '-')
		*out++ = *s++;
	for (; *s && *s != 'e'; s++)
		if (*s != '.')
			digits[n++] = *s;
	exponent = atoi(s + 1);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (exponent < 0) {
		out += sprintf(out, "0.");
		for (int i = -1; i > exponent; i--)
			*out++ = '0';
	}
	for (int i = 0; i < n || i <= exponent; i++) {
		if (i == exponent + 1 && exponent >= 0)
			*out++ = '.';
		*out++ = i < n ? digits[i] : '0';
	}
	*out = '\0';
}

static void
print_float(double x, bool single, char *out)
{
	char sci[40];

	if (isnan(x)) {
		strcpy(out, "NaN");
		return;
	}
	if (isinf(x)) {
		strcpy(out, x < 0 ? "-inf" : "inf");
		return;
	}
	for (int digits = 0; digits < 17; digits++) {
		snprintf(sci, sizeof sci, "%.*e", digits, x);
		if (single ? strtof(sci, NULL) == (float)x
			   : strtod(sci, NULL) == x)
			break;
	}
	plain_decimal(sci, out);
}

static void
print_u128(const uint8_t bytes[16], char *out)
{
	unsigned __int128 x;
	char digits[40];
	int n = 0;

	memcpy(&x, bytes, 16);
	do {
		digits[n++] = (char)('0' + (int)(x % 10));
		x /= 10;
	} while (x);
	while (n > 0)
		*out++ = digits[--n];
	*out = '\0';
}

void
value_print(uint8_t type, const wrt_val *val, char text[VALUE_TEXT_MAX])
{
	switch (type) {
	case WRT_I32:
		sprintf(text, "%" PRId32, val->i32);
		break;
	case WRT_I64:
		sprintf(text, "%" PRId64, val->i64);
		break;
	case WRT_F32:
		print_float(val->f32, true, text);
		break;
	case WRT_F64:
		print_float(val->f64, false, text);
		break;
	case WRT_V128:
		print_u128(val->v128, text);
		break;
	default:
		if (val->ref)
			sprintf(text, "<%s>", value_type_name(type));
		else
			strcpy(text, "<null-ref>");
	}
}
