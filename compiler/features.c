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
	{ "mutable-global", FEAT_MUTABLE_GLOBAL },
	{ "nontrapping-float-to-int", FEAT_SAT_CONV },
	{ "typed-function-references", FEAT_FUNC_REFS },
	{ "typed-continuations", FEAT_STACK_SWITCHING },
	{ "compact-import-section", FEAT_COMPACT_IMPORTS },
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

/* The words that stand for a whole set: versions of the specification, and
 * what toolchains call "Lime". */
#define B(NAME)	FEAT_BIT(FEAT_##NAME)
#define SET_1	(B(MVP) | B(MUTABLE_GLOBAL))
#define SET_2	(SET_1 | B(SIGN_EXT) | B(SAT_CONV) | B(MULTI_VALUE) | \
	B(BULK) | B(REF_TYPES) | B(SIMD))
#define SET_3	(SET_2 | B(EXT_CONST) | B(RELAXED_SIMD) | B(TAIL_CALL) | \
	B(EXCEPTIONS) | B(MEMORY64) | B(MULTI_MEMORY) | B(FUNC_REFS) | B(GC))
#define SET_LIME1	(SET_1 | B(SIGN_EXT) | B(SAT_CONV) | B(MULTI_VALUE) | \
	B(BULK) | B(EXT_CONST))

static const struct {
	const char *name;
	uint64_t set;
} sets[] = {
	{ "all", FEAT_BIT(NFEATURES) - 1 },
	{ "mvp", B(MVP) },
	{ "none", B(MVP) },
	{ "wasm1", SET_1 },
	{ "wasm2", SET_2 },
	{ "wasm3", SET_3 },
	{ "lime1", SET_LIME1 },
};

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

static bool
whole_set(const char *p, size_t n, uint64_t *set)
{
	if (is("default", p, n)) {
		*set = features_default();
		return true;
	}
	for (size_t i = 0; i < LEN(sets); i++)
		if (is(sets[i].name, p, n)) {
			*set = sets[i].set;
			return true;
		}
	return false;
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
