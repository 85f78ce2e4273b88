/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * target.c: which machine the code is for, and LLVM's work on one module.
 *
 * Code is generated for a base CPU and an explicit list of features, so that
 * the list in the metadata is all that the code can need; the CPU that was
 * asked for only chooses how instructions are scheduled.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>

#include "target.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_llvm(void)
{
	LLVMInitializeX86TargetInfo();
	LLVMInitializeX86Target();
	LLVMInitializeX86TargetMC();
	LLVMInitializeX86AsmPrinter();
	LLVMInitializeX86AsmParser();
	LLVMInitializeAArch64TargetInfo();
	LLVMInitializeAArch64Target();
	LLVMInitializeAArch64TargetMC();
	LLVMInitializeAArch64AsmPrinter();
	LLVMInitializeAArch64AsmParser();
}

/* ---- CPUs ---- */

#define V1	""
#define V2	"+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt"
#define V3	V2 ",+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe"
#define V4	V3 ",+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl"

/* The features that code is ever generated for. */
#define X86_FEATURES	V4
#define ARM_FEATURES	"+lse"

static const struct {
	const char *name, *features;
	bool x86;
} cpus[] = {
	{ "generic", "", false },
	{ "generic", V1, true },
	{ "x86-64", V1, true },
	{ "x86-64-v2", V2, true },
	{ "x86-64-v3", V3, true },
	{ "x86-64-v4", V4, true },
	{ "nehalem", V2, true },
	{ "westmere", V2, true },
	{ "sandybridge", V2 ",+avx", true },
	{ "ivybridge", V2 ",+avx,+f16c", true },
	{ "haswell", V3, true },
	{ "broadwell", V3, true },
	{ "skylake", V3, true },
	{ "skylake-avx512", V4, true },
	{ "cascadelake", V4, true },
	{ "icelake-client", V4, true },
	{ "icelake-server", V4, true },
	{ "tigerlake", V4, true },
	{ "alderlake", V3, true },
	{ "sapphirerapids", V4, true },
	{ "graniterapids", V4, true },
	{ "znver1", V3, true },
	{ "znver2", V3, true },
	{ "znver3", V3, true },
	{ "znver4", V4, true },
	{ "znver5", V4, true },
	{ "cortex-a53", "", false },
	{ "cortex-a57", "", false },
	{ "cortex-a72", "", false },
	{ "cortex-a76", "+lse", false },
	{ "neoverse-n1", "+lse", false },
	{ "neoverse-n2", "+lse", false },
	{ "neoverse-v1", "+lse", false },
	{ "neoverse-v2", "+lse", false },
	{ "apple-m1", "+lse", false },
};
#define NCPUS	(sizeof cpus / sizeof *cpus)

static bool
host_is_x86(void)
{
#if defined(__x86_64__)
	return true;
#else
	return false;
#endif
}

/* Is "+name" (n bytes) an item of the list? */
static bool
has_item(const char *list, const char *item, size_t n)
{
	for (const char *p = list; (p = strstr(p, item)); p++)
		if ((p == list || p[-1] == ',') &&
		    (p[n] == ',' || p[n] == 0))
			return true;
	return false;
}

/* Of the features known here, those that this machine has. */
static void
host_features(bool x86, char *out, size_t size)
{
	char *host = LLVMGetHostCPUFeatures();
	size_t n = 0;

	*out = 0;
	for (const char *p = x86 ? X86_FEATURES : ARM_FEATURES; *p;) {
		size_t len = strcspn(p, ",");
		char item[32];

		snprintf(item, sizeof item, "%.*s", (int)len, p);
		if (has_item(host, item, len) && n + len + 2 < size)
			n += (size_t)sprintf(out + n, "%s%s", n ? "," : "",
			    item);
		p += len + (p[len] == ',');
	}
	LLVMDisposeMessage(host);
}

static int
bad_option(struct wasmc_error *err, const char *fmt, const char *arg)
{
	err->status = WASMC_EOPTION;
	err->offset = UINT64_MAX;
	err->func_idx = UINT32_MAX;
	snprintf(err->text, sizeof err->text, fmt, arg);
	return WASMC_EOPTION;
}

/* ---- Choice ---- */

static bool
starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static int
choose_triple(const char *t, struct target *out, struct wasmc_error *err)
{
	bool linux_elf = !t || !strchr(t, '-') || strstr(t, "linux");

	out->x86 = t ? starts(t, "x86_64") || starts(t, "amd64") :
	    host_is_x86();
	if (!linux_elf || (t && !out->x86 && !starts(t, "aarch64-") &&
	    strcmp(t, "aarch64") && !starts(t, "arm64")))
		return bad_option(err, "unknown target \"%s\": known are "
		    "x86_64-linux-gnu and aarch64-linux-gnu", t);
	out->triple = out->x86 ? "x86_64-unknown-linux-gnu" :
	    "aarch64-unknown-linux-gnu";
	return WASMC_OK;
}

static int
choose_native(struct target *out, struct wasmc_error *err)
{
	char *name;

	if (out->x86 != host_is_x86())
		return bad_option(err, "the CPU \"%s\" is not one of that "
		    "target", "native");
	name = LLVMGetHostCPUName();
	snprintf(out->tune, sizeof out->tune, "%s", name);
	LLVMDisposeMessage(name);
	host_features(out->x86, out->features, sizeof out->features);
	return WASMC_OK;
}

/* The CPU of this name; NULL: what is not said. */
static int
choose_cpu(const struct wasmc_options *o, const char *cpu, struct target *out,
    struct wasmc_error *err)
{
	int rc;

	memset(out, 0, sizeof *out);
	snprintf(out->cpu, sizeof out->cpu, "%s", cpu ? cpu : "");
	rc = choose_triple(o->target, out, err);
	if (rc)
		return rc;
	out->base = out->x86 ? "x86-64" : "generic";
	if (!cpu)
		cpu = !o->target ? "native" : out->x86 ? "x86-64-v2" :
		    "generic";
	if (!strcmp(cpu, "native"))
		return choose_native(out, err);
	for (size_t i = 0; i < NCPUS; i++) {
		if (strcmp(cpus[i].name, cpu) != 0 || cpus[i].x86 != out->x86)
			continue;
		snprintf(out->tune, sizeof out->tune, "%s", cpu);
		snprintf(out->features, sizeof out->features, "%s",
		    cpus[i].features);
		return WASMC_OK;
	}
	return bad_option(err, "unknown CPU \"%s\" for this target; "
	    "x86-64, x86-64-v2, x86-64-v3, x86-64-v4, generic and native are "
	    "some of those known", cpu);
}

static unsigned
count_features(const char *list)
{
	unsigned n = 0;

	for (; *list; list++)
		n += *list == '+';
	return n;
}

/* Put t among the n, behind those with as many features; false if there is one
 * with the same.  Lists are all parts of one, in its order. */
static bool
insert_target(struct target *all, unsigned n, const struct target *t)
{
	unsigned at = n;

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(all[i].features, t->features))
			return false;
	while (at && count_features(all[at - 1].features) >
	    count_features(t->features)) {
		all[at] = all[at - 1];
		at--;
	}
	all[at] = *t;
	return true;
}

int
targets_of(const struct wasmc_options *o, struct target *out, unsigned *n,
    struct wasmc_error *err)
{
	int rc = WASMC_OK;

	pthread_once(&once, init_llvm);
	*n = 0;
	if (!o->cpu || !strchr(o->cpu, ',')) {
		*n = 1;
		return choose_cpu(o, o->cpu, out, err);
	}
	for (const char *p = o->cpu, *next; !rc && p; p = next) {
		struct target t;
		char name[64];

		next = strchr(p, ',');
		next = next ? next + 1 : NULL;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ","), p);
		rc = choose_cpu(o, name, &t, err);
		if (!rc && *n == WABI_MAX_LEVELS)
			rc = bad_option(err, "\"%s\" are more CPUs than one "
			    "artifact can be for", o->cpu);
		if (!rc && !insert_target(out, (*n)++, &t))
			rc = bad_option(err, "another CPU of the list has just "
			    "the features of \"%s\": give one of them", name);
	}
	return rc;
}

/* ---- LLVM's work ---- */

/* For tail calls not the lowest on aarch64: its register allocator reads what
 * it spilled between a call's return and the instruction that gives the stack
 * pointer back what the callee took off. */
static LLVMCodeGenOptLevel
codegen_level(const struct plan *p)
{
	int level = p->opt_level;

	if (level == 0 && p->tail && !p->is_x86)
		level = 1;
	return level == 0 ? LLVMCodeGenLevelNone : level == 1 ?
	    LLVMCodeGenLevelLess : level == 2 ? LLVMCodeGenLevelDefault :
	    LLVMCodeGenLevelAggressive;
}

LLVMTargetMachineRef
target_machine(const struct plan *p, char **why)
{
	LLVMTargetRef t;
	LLVMTargetMachineRef tm;

	if (LLVMGetTargetFromTriple(p->triple, &t, why))
		return NULL;
	tm = LLVMCreateTargetMachine(t, p->triple, p->cpu, p->cpu_features,
	    codegen_level(p), LLVMRelocPIC, LLVMCodeModelSmall);
	/* As level 0 has by itself; of instructions it does not know it leaves
	 * just those to the slow selector. */
	if (tm && p->opt_level == 1 && p->is_x86)
		LLVMSetTargetMachineFastISel(tm, 1);
	return tm;
}

static void
add_string_attr(LLVMContextRef ctx, LLVMValueRef fn, const char *k,
    const char *v)
{
	LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex,
	    LLVMCreateStringAttribute(ctx, k, (unsigned)strlen(k), v,
	    (unsigned)strlen(v)));
}

void
target_tune(LLVMModuleRef mod, const struct plan *p)
{
	LLVMContextRef ctx = LLVMGetModuleContext(mod);

	for (LLVMValueRef f = LLVMGetFirstFunction(mod); f;
	    f = LLVMGetNextFunction(f)) {
		if (LLVMIsDeclaration(f))
			continue;
		if (*p->tune)
			add_string_attr(ctx, f, "tune-cpu", p->tune);
		/* Wider vectors lose more programs than they win. */
		if (p->is_x86)
			add_string_attr(ctx, f, "prefer-vector-width", "256");
	}
}
