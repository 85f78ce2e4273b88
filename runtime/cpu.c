/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cpu.c: does this CPU have what the code was compiled for?
 *
 * An artifact lists the features its code needs by LLVM's names.  The tables
 * here say how each is found out.  A name that is not in them is one that this
 * CPU is not known to have.  On x86 a feature with registers of its own also
 * needs an operating system that saves them.  What $WASMRT_CPU takes away, for
 * tests of lower levels, counts as not there.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "verify.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <pthread.h>

enum reg { A, B, C, D };

/* What the system must save, as bits of XCR0. */
enum { OS_ANY = 0, OS_AVX = 0x6, OS_AVX512 = 0xe6, OS_AMX = 0x60000 };

/* X("name", leaf, subleaf, register, bit, state) */
#define FEATURES(X)							\
	X("fxsr", 1, 0, D, 24, OS_ANY)					\
	X("cx8", 1, 0, D, 8, OS_ANY)					\
	X("cmov", 1, 0, D, 15, OS_ANY)					\
	X("mmx", 1, 0, D, 23, OS_ANY)					\
	X("x87", 1, 0, D, 0, OS_ANY)					\
	X("sse", 1, 0, D, 25, OS_ANY)					\
	X("sse2", 1, 0, D, 26, OS_ANY)					\
	X("sse3", 1, 0, C, 0, OS_ANY)					\
	X("pclmul", 1, 0, C, 1, OS_ANY)					\
	X("ssse3", 1, 0, C, 9, OS_ANY)					\
	X("fma", 1, 0, C, 12, OS_AVX)					\
	X("cx16", 1, 0, C, 13, OS_ANY)					\
	X("sse4.1", 1, 0, C, 19, OS_ANY)				\
	X("sse4.2", 1, 0, C, 20, OS_ANY)				\
	X("crc32", 1, 0, C, 20, OS_ANY)					\
	X("movbe", 1, 0, C, 22, OS_ANY)					\
	X("popcnt", 1, 0, C, 23, OS_ANY)				\
	X("aes", 1, 0, C, 25, OS_ANY)					\
	X("xsave", 1, 0, C, 27, OS_ANY)					\
	X("avx", 1, 0, C, 28, OS_AVX)					\
	X("f16c", 1, 0, C, 29, OS_AVX)					\
	X("rdrnd", 1, 0, C, 30, OS_ANY)					\
	X("fsgsbase", 7, 0, B, 0, OS_ANY)				\
	X("sgx", 7, 0, B, 2, OS_ANY)					\
	X("bmi", 7, 0, B, 3, OS_ANY)					\
	X("avx2", 7, 0, B, 5, OS_AVX)					\
	X("bmi2", 7, 0, B, 8, OS_ANY)					\
	X("invpcid", 7, 0, B, 10, OS_ANY)				\
	X("rtm", 7, 0, B, 11, OS_ANY)					\
	X("avx512f", 7, 0, B, 16, OS_AVX512)				\
	X("evex512", 7, 0, B, 16, OS_AVX512)				\
	X("avx512dq", 7, 0, B, 17, OS_AVX512)				\
	X("rdseed", 7, 0, B, 18, OS_ANY)				\
	X("adx", 7, 0, B, 19, OS_ANY)					\
	X("avx512ifma", 7, 0, B, 21, OS_AVX512)				\
	X("clflushopt", 7, 0, B, 23, OS_ANY)				\
	X("clwb", 7, 0, B, 24, OS_ANY)					\
	X("avx512cd", 7, 0, B, 28, OS_AVX512)				\
	X("sha", 7, 0, B, 29, OS_ANY)					\
	X("avx512bw", 7, 0, B, 30, OS_AVX512)				\
	X("avx512vl", 7, 0, B, 31, OS_AVX512)				\
	X("avx512vbmi", 7, 0, C, 1, OS_AVX512)				\
	X("pku", 7, 0, C, 4, OS_ANY)					\
	X("waitpkg", 7, 0, C, 5, OS_ANY)				\
	X("avx512vbmi2", 7, 0, C, 6, OS_AVX512)				\
	X("shstk", 7, 0, C, 7, OS_ANY)					\
	X("gfni", 7, 0, C, 8, OS_ANY)					\
	X("vaes", 7, 0, C, 9, OS_AVX)					\
	X("vpclmulqdq", 7, 0, C, 10, OS_AVX)				\
	X("avx512vnni", 7, 0, C, 11, OS_AVX512)				\
	X("avx512bitalg", 7, 0, C, 12, OS_AVX512)			\
	X("avx512vpopcntdq", 7, 0, C, 14, OS_AVX512)			\
	X("rdpid", 7, 0, C, 22, OS_ANY)					\
	X("cldemote", 7, 0, C, 25, OS_ANY)				\
	X("movdiri", 7, 0, C, 27, OS_ANY)				\
	X("movdir64b", 7, 0, C, 28, OS_ANY)				\
	X("enqcmd", 7, 0, C, 29, OS_ANY)				\
	X("uintr", 7, 0, D, 5, OS_ANY)					\
	X("avx512vp2intersect", 7, 0, D, 8, OS_AVX512)			\
	X("serialize", 7, 0, D, 14, OS_ANY)				\
	X("tsxldtrk", 7, 0, D, 16, OS_ANY)				\
	X("pconfig", 7, 0, D, 18, OS_ANY)				\
	X("amx-bf16", 7, 0, D, 22, OS_AMX)				\
	X("avx512fp16", 7, 0, D, 23, OS_AVX512)				\
	X("amx-tile", 7, 0, D, 24, OS_AMX)				\
	X("amx-int8", 7, 0, D, 25, OS_AMX)				\
	X("sha512", 7, 1, A, 0, OS_AVX)					\
	X("sm3", 7, 1, A, 1, OS_AVX)					\
	X("sm4", 7, 1, A, 2, OS_AVX)					\
	X("raoint", 7, 1, A, 3, OS_ANY)					\
	X("avxvnni", 7, 1, A, 4, OS_AVX)				\
	X("avx512bf16", 7, 1, A, 5, OS_AVX512)				\
	X("cmpccxadd", 7, 1, A, 7, OS_ANY)				\
	X("amx-fp16", 7, 1, A, 21, OS_AMX)				\
	X("hreset", 7, 1, A, 22, OS_ANY)				\
	X("avxifma", 7, 1, A, 23, OS_AVX)				\
	X("movrs", 7, 1, A, 31, OS_ANY)					\
	X("avxvnniint8", 7, 1, D, 4, OS_AVX)				\
	X("avxneconvert", 7, 1, D, 5, OS_AVX)				\
	X("amx-complex", 7, 1, D, 8, OS_AMX)				\
	X("avxvnniint16", 7, 1, D, 10, OS_AVX)				\
	X("prefetchi", 7, 1, D, 14, OS_ANY)				\
	X("usermsr", 7, 1, D, 15, OS_ANY)				\
	X("xsaveopt", 13, 1, A, 0, OS_ANY)				\
	X("xsavec", 13, 1, A, 1, OS_ANY)				\
	X("xsaves", 13, 1, A, 3, OS_ANY)				\
	X("ptwrite", 0x14, 0, B, 4, OS_ANY)				\
	X("sahf", 0x80000001, 0, C, 0, OS_ANY)				\
	X("lzcnt", 0x80000001, 0, C, 5, OS_ANY)				\
	X("sse4a", 0x80000001, 0, C, 6, OS_ANY)				\
	X("prfchw", 0x80000001, 0, C, 8, OS_ANY)			\
	X("xop", 0x80000001, 0, C, 11, OS_AVX)				\
	X("lwp", 0x80000001, 0, C, 15, OS_ANY)				\
	X("fma4", 0x80000001, 0, C, 16, OS_AVX)				\
	X("tbm", 0x80000001, 0, C, 21, OS_ANY)				\
	X("mwaitx", 0x80000001, 0, C, 29, OS_ANY)			\
	X("64bit", 0x80000001, 0, D, 29, OS_ANY)			\
	X("clzero", 0x80000008, 0, B, 0, OS_ANY)			\
	X("rdpru", 0x80000008, 0, B, 4, OS_ANY)				\
	X("wbnoinvd", 0x80000008, 0, B, 9, OS_ANY)

static const struct feature {
	const char *name;
	uint32_t leaf, subleaf;
	enum reg reg;
	uint8_t bit;
	uint64_t state;
} features[] = {
#define X(name, leaf, subleaf, reg, bit, state)				\
	{ name, leaf, subleaf, reg, bit, state },
	FEATURES(X)
#undef X
};

/* What CPUID says, asked once: under a hypervisor each question is dear. */
static struct leaf {
	uint32_t leaf, subleaf;
	uint32_t r[4];
} leaves[] = {
	{ 1, 0, { 0 } }, { 7, 0, { 0 } }, { 7, 1, { 0 } }, { 13, 1, { 0 } },
	{ 0x14, 0, { 0 } }, { 0x80000001, 0, { 0 } }, { 0x80000008, 0, { 0 } },
};
static uint64_t saved_state;		/* XCR0 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
ask_cpu(void)
{
	uint32_t lo, hi;

	for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
		struct leaf *l = &leaves[i];

		/* A leaf that the CPU does not have stays zero. */
		__get_cpuid_count(l->leaf, l->subleaf, &l->r[A], &l->r[B],
		    &l->r[C], &l->r[D]);
	}
	if (leaves[0].r[C] >> 27 & 1) {		/* OSXSAVE */
		__asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
		saved_state = (uint64_t)hi << 32 | lo;
	}
}

static bool
has_feature(const struct feature *f)
{
	pthread_once(&once, ask_cpu);
	for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
		if (leaves[i].leaf == f->leaf &&
		    leaves[i].subleaf == f->subleaf)
			return (leaves[i].r[f->reg] >> f->bit & 1) &&
			    (saved_state & f->state) == f->state;
	return false;
}

#elif defined(__aarch64__)

/* X("name", which word, bit): AT_HWCAP or AT_HWCAP2, as the kernel's ABI
 * numbers them. */
#define FEATURES(X)							\
	X("fp-armv8", AT_HWCAP, 0)					\
	X("neon", AT_HWCAP, 1)						\
	X("aes", AT_HWCAP, 3)						\
	X("sha2", AT_HWCAP, 6)						\
	X("crc", AT_HWCAP, 7)						\
	X("lse", AT_HWCAP, 8)						\
	X("fullfp16", AT_HWCAP, 10)					\
	X("rdm", AT_HWCAP, 12)						\
	X("jsconv", AT_HWCAP, 13)					\
	X("complxnum", AT_HWCAP, 14)					\
	X("rcpc", AT_HWCAP, 15)						\
	X("ccpp", AT_HWCAP, 16)						\
	X("sha3", AT_HWCAP, 17)						\
	X("sm4", AT_HWCAP, 19)						\
	X("dotprod", AT_HWCAP, 20)					\
	X("sve", AT_HWCAP, 22)						\
	X("fp16fml", AT_HWCAP, 23)					\
	X("dit", AT_HWCAP, 24)						\
	X("lse2", AT_HWCAP, 25)						\
	X("rcpc-immo", AT_HWCAP, 26)					\
	X("flagm", AT_HWCAP, 27)					\
	X("ssbs", AT_HWCAP, 28)						\
	X("sb", AT_HWCAP, 29)						\
	X("pauth", AT_HWCAP, 30)					\
	X("ccdp", AT_HWCAP2, 0)						\
	X("sve2", AT_HWCAP2, 1)						\
	X("sve-aes", AT_HWCAP2, 2)					\
	X("sve-bitperm", AT_HWCAP2, 4)					\
	X("sve-sha3", AT_HWCAP2, 5)					\
	X("sve-sm4", AT_HWCAP2, 6)					\
	X("altnzcv", AT_HWCAP2, 7)					\
	X("fptoint", AT_HWCAP2, 8)					\
	X("i8mm", AT_HWCAP2, 13)					\
	X("bf16", AT_HWCAP2, 14)					\
	X("rand", AT_HWCAP2, 16)					\
	X("bti", AT_HWCAP2, 17)						\
	X("mte", AT_HWCAP2, 18)						\
	X("ecv", AT_HWCAP2, 19)						\
	X("wfxt", AT_HWCAP2, 31)

static const struct feature {
	const char *name;
	unsigned long word;
	unsigned bit;
} features[] = {
#define X(name, word, bit) { name, word, bit },
	FEATURES(X)
#undef X
};

static bool
has_feature(const struct feature *f)
{
	return getauxval(f->word) >> f->bit & 1;
}

#endif

static const struct feature *
find_feature(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof features / sizeof *features; i++)
		if (strlen(features[i].name) == len &&
		    !memcmp(features[i].name, name, len))
			return &features[i];
	return NULL;
}

/* The next of a list with commas, which is what follows; NULL at its end. */
static const char *
next_name(const char **list, size_t *len)
{
	const char *s = *list;

	if (!s || !*s)
		return NULL;
	*len = strcspn(s, ",");
	*list = s + *len + (s[*len] == ',');
	return s;
}

const char *
wrt__cpu_odd_env(size_t *len)
{
	const char *list = getenv("WASMRT_CPU"), *s;

	while ((s = next_name(&list, len)))
		if (*len && (*s != '-' || !find_feature(s + 1, *len - 1)))
			return s;
	return NULL;
}

static bool
is_taken_away(const char *name, size_t len)
{
	const char *list = getenv("WASMRT_CPU"), *s;
	size_t n;

	while ((s = next_name(&list, &n)))
		if (n == len + 1 && *s == '-' && !memcmp(s + 1, name, len))
			return true;
	return false;
}

static bool
has_name(const char *name, size_t len)
{
	const struct feature *f = find_feature(name, len);

	return f && has_feature(f) && !is_taken_away(name, len);
}

const char *
wrt__cpu_missing(const char *list, size_t *len)
{
	const char *s;

	while ((s = next_name(&list, len))) {
		bool is_signed = *s == '-' || *s == '+';

		/* "-x" is code that does not need x. */
		if (!*len || *s == '-')
			continue;
		s += is_signed;
		*len -= is_signed;
		if (!has_name(s, *len))
			return s;
	}
	return NULL;
}
