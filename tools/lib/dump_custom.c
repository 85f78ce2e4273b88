/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * dump_custom.c: producers, target features and branch hints, for wasmdump.
 *
 * Custom sections are conventions of toolchains.  Nothing checks them, so
 * every number is doubted here, and damage is said where it begins.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "disasm.h"
#include "dump_custom.h"

struct cursor {
	const uint8_t *p, *end;
};

static bool
cu_u32(struct cursor *k, uint32_t *out)
{
	uint32_t x = 0;

	for (unsigned shift = 0; shift < 35 && k->p < k->end; shift += 7) {
		uint8_t b = *k->p++;

		x |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*out = x;
			return true;
		}
	}
	return false;
}

static bool
cu_name(struct cursor *k, struct slice *out)
{
	uint32_t n;

	if (!cu_u32(k, &n) || n > (size_t)(k->end - k->p))
		return false;
	*out = (struct slice){ k->p, n };
	k->p += n;
	return true;
}

/* ---- producers: fields, each with names and versions ---- */

static bool
producer_values(struct cursor *k, struct slice field)
{
	struct slice name, version;
	uint32_t n;

	if (!cu_u32(k, &n))
		return false;
	while (n-- > 0) {
		if (!cu_name(k, &name) || !cu_name(k, &version))
			return false;
		printf("  ");
		disasm_name(stdout, field);
		printf(": ");
		disasm_name(stdout, name);
		if (version.n) {
			fputc(' ', stdout);
			disasm_name(stdout, version);
		}
		fputc('\n', stdout);
	}
	return true;
}

static bool
producers(struct cursor *k)
{
	struct slice field;
	uint32_t n;

	printf("Producers:\n");
	if (!cu_u32(k, &n))
		return false;
	while (n-- > 0)
		if (!cu_name(k, &field) || !producer_values(k, field))
			return false;
	return true;
}

/* ---- target_features: a sign and a name each ---- */

static bool
target_features(struct cursor *k)
{
	struct slice name;
	uint32_t n;

	printf("Target features:\n");
	if (!cu_u32(k, &n))
		return false;
	while (n-- > 0) {
		uint8_t sign = k->p < k->end ? *k->p++ : 0;

		/* '=' was "required" in earlier versions of the convention. */
		if (!sign || !strchr("+-=", sign) || !cu_name(k, &name))
			return false;
		printf("  %c ", sign);
		disasm_name(stdout, name);
		fputc('\n', stdout);
	}
	return true;
}

/* ---- Branch hints ---- */

static void
branch_hints(const struct module *m)
{
	if (m->nhints)
		printf("Branch hints:\n");
	for (uint32_t i = 0; i < m->nhints; i++)
		printf("  func[%u] at 0x%08" PRIx64 " %s\n", m->hints[i].func,
		    m->hints[i].offset,
		    m->hints[i].likely ? "likely" : "unlikely");
}

const char *
dump_hint(const struct module *m, uint64_t offset)
{
	for (uint32_t lo = 0, hi = m->nhints; lo < hi;) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (m->hints[mid].offset == offset)
			return m->hints[mid].likely ? " likely" : " unlikely";
		if (m->hints[mid].offset < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return "";
}

static const struct {
	const char *name;
	bool (*show)(struct cursor *);
} known[] = {
	{ "producers", producers },
	{ "target_features", target_features },
};

void
dump_customs(const struct module *m)
{
	for (uint32_t i = 0; i < m->ncustoms; i++) {
		const struct custom *cu = &m->customs[i];
		struct cursor k = { cu->bytes.p, cu->bytes.p + cu->bytes.n };

		for (size_t j = 0; j < sizeof known / sizeof *known; j++)
			if (cu->name.n == strlen(known[j].name) &&
			    !memcmp(cu->name.p, known[j].name, cu->name.n) &&
			    !known[j].show(&k))
				printf("  damaged at byte 0x%" PRIx64 "\n",
				    cu->offset +
				    (uint64_t)(k.p - cu->bytes.p));
	}
	branch_hints(m);
}
