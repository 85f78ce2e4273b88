/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * spec_values.c: the test suite's values.  Integers are signed decimals,
 * floats the decimals of their bit patterns, vectors have such values by lane,
 * references are a number that the host chose, null, or just "not null".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

struct numtype {
	const char *name;
	uint8_t type;
	unsigned bytes;
	uint64_t nan_quiet;	/* the quiet bit; 0: an integer */
	uint64_t nan_infinity;	/* the exponent's bits */
};

static const struct numtype numtypes[] = {
	{ "i8", 0, 1, 0, 0 },
	{ "i16", 0, 2, 0, 0 },
	{ "i32", WRT_I32, 4, 0, 0 },
	{ "i64", WRT_I64, 8, 0, 0 },
	{ "f32", WRT_F32, 4, 0x00400000, 0x7f800000 },
	{ "f64", WRT_F64, 8, 0x0008000000000000, 0x7ff0000000000000 },
};

struct reftype {
	const char *name;
	uint8_t type;		/* of the result; 0: any reference */
	bool null;		/* the name alone means null */
	unsigned kinds;		/* 1 << enum wrt_ref_kind: what it may be, or
				 * 0 */
};

#define KIND(k)	(1u << WRT_REF_##k)

static const struct reftype reftypes[] = {
	{ "externref", WRT_EXTERNREF, false, 0 },
	{ "anyref", WRT_ANYREF, false, KIND(I31) | KIND(STRUCT) | KIND(ARRAY) |
	    KIND(HOST) },
	{ "funcref", WRT_FUNCREF, false, 0 },
	{ "exnref", WRT_EXNREF, false, 0 },
	{ "contref", WRT_CONTREF, false, 0 },
	{ "eqref", WRT_ANYREF, false, KIND(I31) | KIND(STRUCT) | KIND(ARRAY) },
	{ "structref", WRT_ANYREF, false, KIND(STRUCT) },
	{ "arrayref", WRT_ANYREF, false, KIND(ARRAY) },
	{ "i31ref", WRT_ANYREF, false, KIND(I31) },
	{ "nullref", 0, true, 0 },
	{ "nullfuncref", 0, true, 0 },
	{ "nullexternref", 0, true, 0 },
	{ "nullexnref", 0, true, 0 },
	{ "nullcontref", 0, true, 0 },
	{ "refnull", 0, true, 0 },
};

static const struct numtype *
num_of(const char *name)
{
	for (size_t i = 0; i < sizeof numtypes / sizeof *numtypes; i++)
		if (strcmp(numtypes[i].name, name) == 0)
			return &numtypes[i];
	return NULL;
}

static const struct reftype *
ref_of(const char *name)
{
	for (size_t i = 0; i < sizeof reftypes / sizeof *reftypes; i++)
		if (strcmp(reftypes[i].name, name) == 0)
			return &reftypes[i];
	return NULL;
}

static const char *
member(const json_t *json, const char *key)
{
	const char *s = json_string_value(json_object_get(json, key));

	return s ? s : "";
}

/* Host reference n as the word that the host passes: never 0. */
static uint64_t
host_ref(const char *number)
{
	return strtoull(number, NULL, 10) + 1;
}

static uint64_t
number(const char *s)
{
	return s[0] == '-' ? (uint64_t)strtoll(s, NULL, 10)
			   : strtoull(s, NULL, 10);
}

static bool
v128_value(const json_t *json, uint8_t out[16])
{
	const struct numtype *t = num_of(member(json, "lane_type"));
	const json_t *lanes = json_object_get(json, "value");

	if (!t || json_array_size(lanes) * t->bytes != 16)
		return false;
	for (unsigned i = 0; i < 16 / t->bytes; i++) {
		const char *s = json_string_value(json_array_get(lanes, i));
		uint64_t x = s ? number(s) : 0;

		memcpy(out + i * t->bytes, &x, t->bytes);
	}
	return true;
}

bool
spec_value(const json_t *json, wrt_val *out)
{
	const char *type = member(json, "type"), *value = member(json, "value");
	const struct numtype *num = num_of(type);
	const struct reftype *ref = ref_of(type);
	wrt_val v = { .u64 = { 0 } };

	if (strcmp(type, "v128") == 0) {
		if (!v128_value(json, v.v128))
			return false;
	} else if (num && num->type) {
		uint64_t x = number(value);

		memcpy(&v, &x, num->bytes);
	} else if (ref && (ref->null || strcmp(value, "null") == 0)) {
		;
	} else if (ref && *value && (ref->type == WRT_EXTERNREF ||
	    ref->type == WRT_ANYREF)) {
		v.u64[0] = host_ref(value);
	} else {
		return false;
	}
	*out = v;
	return true;
}

/* One number, of a scalar or a lane, as bits. */
static bool
match_number(const struct numtype *t, const char *expected, uint64_t bits)
{
	uint64_t mask = t->bytes == 8 ? UINT64_MAX
				      : (1ull << t->bytes * 8) - 1;
	uint64_t sign = 1ull << (t->bytes * 8 - 1);

	if (strcmp(expected, "nan:canonical") == 0)
		return t->nan_quiet &&
		    (bits & ~sign) == (t->nan_infinity | t->nan_quiet);
	if (strcmp(expected, "nan:arithmetic") == 0)
		return t->nan_quiet && (bits & t->nan_infinity) ==
		    t->nan_infinity && (bits & t->nan_quiet);
	return (number(expected) & mask) == bits;
}

static bool
match_v128(const json_t *expected, const uint8_t got[16])
{
	const struct numtype *t = num_of(member(expected, "lane_type"));
	const json_t *lanes = json_object_get(expected, "value");

	if (!t || json_array_size(lanes) * t->bytes != 16)
		return false;
	for (unsigned i = 0; i < 16 / t->bytes; i++) {
		const char *s = json_string_value(json_array_get(lanes, i));
		uint64_t bits = 0;

		memcpy(&bits, got + i * t->bytes, t->bytes);
		if (!s || !match_number(t, s, bits))
			return false;
	}
	return true;
}

static bool
match_ref(const json_t *expected, const struct reftype *t,
    wrt_instance *inst, uint8_t type, wrt_val val)
{
	const char *value = member(expected, "value");
	uint64_t got = val.u64[0];

	/* A named type is what its head type says; the suite's spelling may
	 * be its supertype's. */
	if (type == WRT_I32 || type == WRT_I64 || type == WRT_F32 ||
	    type == WRT_F64 || type == WRT_V128)
		return false;
	if (t->null || strcmp(value, "null") == 0)
		return got == 0;
	if (*value)
		return got == host_ref(value);
	if (t->kinds && type == WRT_ANYREF)
		return wrt_ref_kind(inst, val) > 0 &&
		    t->kinds >> wrt_ref_kind(inst, val) & 1;
	return got != 0;
}

static bool
match(const json_t *expected, wrt_instance *inst, uint8_t type,
    const wrt_val *val)
{
	const char *name = member(expected, "type");
	const struct numtype *num = num_of(name);
	const struct reftype *ref = ref_of(name);
	uint64_t bits = 0;

	if (strcmp(name, "either") == 0) {
		size_t i;
		json_t *alternative;

		json_array_foreach(json_object_get(expected, "values"), i,
		    alternative)
			if (match(alternative, inst, type, val))
				return true;
		return false;
	}
	if (strcmp(name, "v128") == 0)
		return type == WRT_V128 && match_v128(expected, val->v128);
	if (num) {
		memcpy(&bits, val, num->bytes);
		return num->type == type &&
		    match_number(num, member(expected, "value"), bits);
	}
	return ref && match_ref(expected, ref, inst, type, *val);
}

bool
spec_match(const json_t *expected, wrt_instance *inst, uint8_t type,
    const wrt_val *val, char *why, size_t size)
{
	if (match(expected, inst, type, val))
		return true;
	char *text = json_dumps(expected, JSON_COMPACT);

	snprintf(why, size, "expected %s, got type 0x%02x 0x%" PRIx64
	    " 0x%" PRIx64, text ? text : "?", type, val->u64[0],
	    type == WRT_V128 ? val->u64[1] : 0);
	free(text);
	return false;
}
