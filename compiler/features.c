/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * features.c: names of features and --features.
 */
#include <string.h>

#include "compile.h"
#include "insn.h"

static const struct {
	const char *name;
	bool on;
} features[NFEATURES] = {
#define X(NAME, name, on, text)	[FEAT_##NAME] = { name, on },
	FEATURES(X)
#undef X
};

/* Other names in use for the same thing. */
static const struct {
	const char *name;
	enum feature feature;
} aliases[] = {
	{ "simd", FEAT_SIMD },
	{ "atomics", FEAT_THREADS },
	{ "exceptions", FEAT_EXCEPTIONS },
	{ "multi-value", FEAT_MULTI_VALUE },
	{ "sign-extension", FEAT_SIGN_EXT },
	{ "saturating-float-to-int", FEAT_SAT_CONV },
	{ "bulk-memory-opt", FEAT_BULK },
	{ "call-indirect-overlong", FEAT_REF_TYPES },
	{ "multimemory", FEAT_MULTI_MEMORY },
};

/* A feature brings along those it is built upon, and they take it away. */
static const struct {
	enum feature feature, needs;
} needs[] = {
	{ FEAT_RELAXED_SIMD, FEAT_SIMD },
	{ FEAT_FUNC_REFS, FEAT_REF_TYPES },
	{ FEAT_GC, FEAT_FUNC_REFS },
	{ FEAT_STACK_SWITCHING, FEAT_FUNC_REFS },
	{ FEAT_STACK_SWITCHING, FEAT_EXCEPTIONS },
};
#define LEN(a)	(sizeof (a) / sizeof *(a))

const char *
feature_name(int feature)
{
	return features[feature].name;
}

uint64_t
features_default(void)
{
	uint64_t set = 0;

	for (unsigned f = 0; f < NFEATURES; f++)
		if (features[f].on)
			set |= FEAT_BIT(f);
	return set;
}

static uint64_t
with(uint64_t set, unsigned f)
{
	set |= FEAT_BIT(f);
	for (size_t i = LEN(needs); i-- > 0;)
		if (set & FEAT_BIT(needs[i].feature))
			set |= FEAT_BIT(needs[i].needs);
	return set;
}

static uint64_t
without(uint64_t set, unsigned f)
{
	set &= ~FEAT_BIT(f) | FEAT_BIT(FEAT_MVP);
	for (size_t i = 0; i < LEN(needs); i++)
		if (!(set & FEAT_BIT(needs[i].needs)))
			set &= ~FEAT_BIT(needs[i].feature);
	return set;
}

static bool
is(const char *name, const char *p, size_t n)
{
	return strlen(name) == n && !memcmp(name, p, n);
}

static int
find(const char *p, size_t n)
{
	for (unsigned f = 0; f < NFEATURES; f++)
		if (is(features[f].name, p, n))
			return (int)f;
	for (size_t i = 0; i < LEN(aliases); i++)
		if (is(aliases[i].name, p, n))
			return (int)aliases[i].feature;
	return -1;
}

/* The words that stand for a whole set. */
static bool
whole_set(const char *p, size_t n, uint64_t *set)
{
	if (is("all", p, n))
		*set = FEAT_BIT(NFEATURES) - 1;
	else if (is("default", p, n))
		*set = features_default();
	else if (is("mvp", p, n) || is("none", p, n))
		*set = FEAT_BIT(FEAT_MVP);
	else
		return false;
	return true;
}

bool
features_parse(const char *list, uint64_t *out, const char **bad)
{
	uint64_t set = features_default();

	for (const char *p = list ? list : ""; *p;) {
		size_t n = strcspn(p, ", ");
		const char *name = p;
		bool minus = *p == '-';

		p += n;
		if (*p)
			p++;
		if (!n || whole_set(name, n, &set))
			continue;
		if (*name == '+' || *name == '-')
			name++, n--;
		int f = find(name, n);
		if (f < 0) {
			*bad = name;
			return false;
		}
		set = minus ? without(set, (unsigned)f) :
		    with(set, (unsigned)f);
	}
	*out = set;
	return true;
}
