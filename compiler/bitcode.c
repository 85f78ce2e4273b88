/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * bitcode.c: host functions that are compiled in, as LLVM bitcode.
 *
 * The files are read twice: once in a context of their own, to check all that
 * can be wrong with them, and again in every part that calls one of their
 * functions, where they are known to be good.  Code of theirs is the host's and
 * is trusted as such; what is checked is that an artifact can hold it, which
 * has no variables and calls nothing outside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/BitReader.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/Linker.h>
#include <llvm/Config/llvm-config.h>

#include "bitcode.h"
#include "emit.h"
#include "target.h"

/* What wasmrt_bitcode.h declares, and what that is here. */
static const struct {
	const char *declared, *here;
} helpers[] = {
	{ "wrt_guest_memory", SYM_GUEST_MEMORY },
	{ "wrt_guest_memory_bytes", SYM_GUEST_BYTES },
	{ "wrt_guest_trap", SYM_GUEST_TRAP },
};
#define WC_STR_(x)	#x
#define WC_STR(x)	WC_STR_(x)
#define NHELPERS	(sizeof helpers / sizeof *helpers)

struct check {
	struct compile *c;
	struct plan *p;
	const struct wasmc_file *file;
	struct wasmc_error *err;
	LLVMContextRef ctx;
	LLVMModuleRef mod;
	char said[300];			/* LLVM's words */
};

#define FAIL(k, fmt, ...)						\
	back_fail((k)->err, WASMC_EINVALID, "%s: " fmt, (k)->file->name,	\
	    __VA_ARGS__)

/* Without the mark that says "as it stands". */
static const char *
plain(const char *name)
{
	return *name == 1 ? name + 1 : name;
}

static const char *
name_of(LLVMValueRef v)
{
	size_t n;

	return plain(LLVMGetValueName2(v, &n));
}

/* ---- The file ---- */

static void
on_diagnostic(LLVMDiagnosticInfoRef d, void *data)
{
	struct check *k = data;
	char *s;

	if (LLVMGetDiagInfoSeverity(d) != LLVMDSError || *k->said)
		return;
	s = LLVMGetDiagInfoDescription(d);
	snprintf(k->said, sizeof k->said, "%s", s);
	LLVMDisposeMessage(s);
}

static LLVMModuleRef
parse(LLVMContextRef ctx, const struct wasmc_file *f)
{
	LLVMMemoryBufferRef b = LLVMCreateMemoryBufferWithMemoryRangeCopy(
	    f->p, f->n, f->name);
	LLVMModuleRef mod = NULL;

	if (LLVMParseBitcodeInContext2(ctx, b, &mod))
		mod = NULL;
	LLVMDisposeMemoryBuffer(b);
	return mod;
}

static int
check_parse(struct check *k)
{
	const unsigned char *p = k->file->p;
	bool wrapped = k->file->n >= 4 && !memcmp(p, "\xde\xc0\x17\x0b", 4);

	if (k->file->n < 4 || (memcmp(p, "BC\xc0\xde", 4) && !wrapped))
		return FAIL(k, "%s", "no LLVM bitcode: compile it with "
		    "clang-" WC_STR(LLVM_VERSION_MAJOR) " -O2 -emit-llvm -c");
	LLVMContextSetDiagnosticHandler(k->ctx, on_diagnostic, k);
	k->mod = parse(k->ctx, k->file);
	if (!k->mod)
		return FAIL(k, "LLVM %s cannot read it: %s; compile it with "
		    "clang-%d", LLVM_VERSION_STRING,
		    *k->said ? k->said : "it is damaged", LLVM_VERSION_MAJOR);
	return WASMC_OK;
}

/* "clang version 22.1.8 (...)", perhaps with a vendor's name before it. */
static int
check_maker(struct check *k)
{
	unsigned n = LLVMGetNamedMetadataNumOperands(k->mod, "llvm.ident");
	LLVMValueRef node, s;
	const char *text = "", *v;
	unsigned len = 0;

	if (n) {
		LLVMValueRef *ops = calloc(n, sizeof *ops);

		if (!ops)
			return back_fail(k->err, WASMC_ENOMEM,
			    "out of memory");
		LLVMGetNamedMetadataOperands(k->mod, "llvm.ident", ops);
		node = ops[0];
		free(ops);
		if (LLVMGetMDNodeNumOperands(node) == 1) {
			LLVMGetMDNodeOperands(node, &s);
			text = LLVMGetMDString(s, &len);
		}
	}
	v = text ? strstr(text, "version ") : NULL;
	if (v && atoi(v + 8) == LLVM_VERSION_MAJOR)
		return WASMC_OK;
	return FAIL(k, "made by \"%.*s\", and LLVM's bitcode is only good for "
	    "the same version: compile it with clang-%d", (int)len,
	    text ? text : "", LLVM_VERSION_MAJOR);
}

static int
check_target(struct check *k)
{
	const char *triple = LLVMGetTarget(k->mod);
	const char *layout = LLVMGetDataLayoutStr(k->mod);
	char *why = NULL, *want;
	LLVMTargetMachineRef tm = target_machine(k->p, &why);
	LLVMTargetDataRef td;
	bool same;

	if (!tm) {
		LLVMDisposeMessage(why);
		return back_fail(k->err, WASMC_EBACKEND, "LLVM: no target");
	}
	td = LLVMCreateTargetDataLayout(tm);
	want = LLVMCopyStringRepOfTargetData(td);
	same = !strcmp(layout, want);
	LLVMDisposeMessage(want);
	LLVMDisposeTargetData(td);
	LLVMDisposeTargetMachine(tm);
	if (!same || strncmp(triple, k->p->triple, strcspn(k->p->triple, "-")))
		return FAIL(k, "made for the target %s, and this artifact is "
		    "for %s", *triple ? triple : "(none)", k->p->triple);
	return WASMC_OK;
}

/* ---- What is in it ---- */

static int
check_variables(struct check *k)
{
	size_t n;

	for (LLVMValueRef g = LLVMGetFirstGlobal(k->mod); g;
	    g = LLVMGetNextGlobal(g)) {
		const char *name = name_of(g);

		if (!strcmp(name, "llvm.used") ||
		    !strcmp(name, "llvm.compiler.used"))
			continue;
		if (LLVMIsDeclaration(g))
			return FAIL(k, "uses the variable \"%s\", which is not "
			    "in it: an artifact refers to nothing outside",
			    name);
		if (!LLVMIsGlobalConstant(g) || LLVMIsThreadLocal(g) ||
		    LLVMGetLinkage(g) == LLVMAppendingLinkage)
			return FAIL(k, "has the variable \"%s\", which can be "
			    "written: keep such things in what `data` points "
			    "to", name);
	}
	if (LLVMGetFirstGlobalAlias(k->mod) ||
	    LLVMGetFirstGlobalIFunc(k->mod) ||
	    *LLVMGetModuleInlineAsm(k->mod, &n))
		return FAIL(k, "%s", "has aliases or assembler outside of "
		    "functions");
	return WASMC_OK;
}

static bool
is_helper(const char *name)
{
	for (size_t i = 0; i < NHELPERS; i++)
		if (!strcmp(name, helpers[i].declared))
			return true;
	return false;
}

/* Every "+feature" that the function was compiled for, the target has. */
static int
check_features(struct check *k, LLVMValueRef fn)
{
	static const char base[] = "+cx8,+fxsr,+mmx,+sse,+sse2,+x87,+x86,"
	    "+64bit,+cmov,+fp-armv8,+neon,+outline-atomics,+v8a,+crc32,";
	LLVMAttributeRef a = LLVMGetStringAttributeAtIndex(fn,
	    LLVMAttributeFunctionIndex, "target-features", 15);
	unsigned n = 0;
	const char *p = a ? LLVMGetStringAttributeValue(a, &n) : "", *end;
	char have[1200];

	snprintf(have, sizeof have, "%s%s,", base, k->p->cpu_features);
	for (end = p + n; p < end;) {
		size_t len = strcspn(p, ",");
		char item[64];

		if (len > (size_t)(end - p))
			len = (size_t)(end - p);
		snprintf(item, sizeof item, "%.*s,", (int)len, p);
		if (*p == '+' && !strstr(have, item))
			return FAIL(k, "\"%s\" is compiled for CPUs with %.*s, "
			    "and this artifact is not: give clang the -march "
			    "that wasmc's --cpu is", name_of(fn),
			    (int)len - 1, p + 1);
		p += len + 1;
	}
	return WASMC_OK;
}

static bool
type_is(LLVMTypeRef t, struct vtype v)
{
	switch (v.kind) {
	case T_I32:
		return LLVMGetTypeKind(t) == LLVMIntegerTypeKind &&
		    LLVMGetIntTypeWidth(t) == 32;
	case T_I64:
		return LLVMGetTypeKind(t) == LLVMIntegerTypeKind &&
		    LLVMGetIntTypeWidth(t) == 64;
	case T_F32:
		return LLVMGetTypeKind(t) == LLVMFloatTypeKind;
	case T_F64:
		return LLVMGetTypeKind(t) == LLVMDoubleTypeKind;
	default:
		return false;
	}
}

/* R (void *data, wrt_guest *, parameters). */
static bool
signature_is(LLVMValueRef fn, const struct type *t)
{
	LLVMTypeRef ft = LLVMGlobalGetValueType(fn);
	LLVMTypeRef ret = LLVMGetReturnType(ft), *p;
	unsigned n = LLVMCountParamTypes(ft);
	bool good = n == t->params.n + 2 && !LLVMIsFunctionVarArg(ft) &&
	    t->results.n <= 1;

	if (!good || !(p = calloc(n, sizeof *p)))
		return false;
	LLVMGetParamTypes(ft, p);
	good = LLVMGetTypeKind(p[0]) == LLVMPointerTypeKind &&
	    LLVMGetTypeKind(p[1]) == LLVMPointerTypeKind;
	for (unsigned i = 2; good && i < n; i++)
		good = type_is(p[i], t->params.t[i - 2]);
	free(p);
	if (t->results.n)
		return good && type_is(ret, t->results.t[0]);
	return good && LLVMGetTypeKind(ret) == LLVMVoidTypeKind;
}

/* Is this "module.name"? */
static bool
names_import(const char *s, const struct import *im)
{
	size_t n = strlen(s), m = im->module.n;

	return n == m + 1 + im->name.n && !memcmp(s, im->module.p, m) &&
	    s[m] == '.' && !memcmp(s + m + 1, im->name.p, im->name.n);
}

/* The function may be what several imports are. */
static int
check_provides(struct check *k, LLVMValueRef fn)
{
	const struct module *m = k->p->m;
	const char *name = name_of(fn);
	uint32_t first = NO_IDX;

	for (uint32_t i = 0; i < m->nimports; i++) {
		const struct import *im = &m->imports[i];

		if (im->kind != KIND_FUNC || !names_import(name, im))
			continue;
		if (k->p->bitcode[im->index] && first == NO_IDX)
			return FAIL(k, "has \"%s\", which another file has "
			    "too", name);
		if (!signature_is(fn, &m->types[m->funcs[im->index].type]))
			return FAIL(k, "\"%s\" has not the type of the import: "
			    "it should be R (void *data, wrt_guest *, A...) "
			    "with the parameters and the result of the "
			    "import, which are numbers", name);
		first = first == NO_IDX ? im->index : first;
		k->p->bitcode[im->index] = first + 1;
	}
	return WASMC_OK;
}

static int
check_functions(struct check *k)
{
	int rc = WASMC_OK;

	for (LLVMValueRef f = LLVMGetFirstFunction(k->mod); f && !rc;
	    f = LLVMGetNextFunction(f)) {
		const char *name = name_of(f);

		if (!LLVMIsDeclaration(f)) {
			rc = check_features(k, f);
			if (!rc)
				rc = check_provides(k, f);
		} else if (!LLVMGetIntrinsicID(f) && !is_helper(name)) {
			rc = FAIL(k, "calls \"%s\", which is not in it: an "
			    "artifact calls nothing outside", name);
		}
	}
	return rc;
}

static int
check_file(struct compile *c, struct plan *p, const struct wasmc_file *f,
    struct wasmc_error *err)
{
	int (*const steps[])(struct check *) = { check_parse, check_maker,
	    check_target, check_variables, check_functions };
	struct check k = { .c = c, .p = p, .file = f, .err = err,
	    .ctx = LLVMContextCreate() };
	int rc = WASMC_OK;

	for (size_t i = 0; !rc && i < sizeof steps / sizeof *steps; i++)
		rc = steps[i](&k);
	if (k.mod)
		LLVMDisposeModule(k.mod);
	LLVMContextDispose(k.ctx);
	return rc;
}

int
bitcode_open(struct compile *c, const struct wasmc_options *o,
    struct plan *p, struct wasmc_error *err)
{
	int rc = WASMC_OK;

	if (!o->nbitcode)
		return WASMC_OK;
	p->bitcode_files = o->bitcode;
	p->nbitcode_files = o->nbitcode;
	p->bitcode = ARENA_NEW(&c->arena, p->m->nfuncs_imported, uint32_t);
	for (size_t i = 0; i < o->nbitcode && !rc; i++)
		rc = check_file(c, p, &o->bitcode[i], err);
	return rc;
}

const char *
bitcode_symbol(const struct plan *p, uint32_t func, char buf[32])
{
	if (!p->bitcode || func >= p->m->nfuncs_imported || !p->bitcode[func])
		return NULL;
	snprintf(buf, 32, SYM_BITCODE, p->bitcode[func] - 1);
	return buf;
}

/* ---- In a part ---- */

/* What clang says of functions that is not so here. */
static void
strip_attributes(LLVMValueRef fn)
{
	static const char *const strings[] = { "target-cpu", "tune-cpu",
	    "target-features", "probe-stack", "stack-probe-size",
	    "stack-protector-buffer-size", "frame-pointer",
	    "no-trapping-math", "no-builtins", "min-legal-vector-width" };
	static const char *const enums[] = { "ssp", "sspstrong", "sspreq",
	    "safestack", "optnone", "uwtable", "sanitize_address",
	    "sanitize_thread", "sanitize_memory", "nounwind" };
	LLVMAttributeIndex at = (LLVMAttributeIndex)LLVMAttributeFunctionIndex;
	unsigned optnone = LLVMGetEnumAttributeKindForName("optnone", 7);

	/* Without optimisation clang forbids all inlining. */
	if (LLVMGetEnumAttributeAtIndex(fn, at, optnone))
		LLVMRemoveEnumAttributeAtIndex(fn, at,
		    LLVMGetEnumAttributeKindForName("noinline", 8));
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		LLVMRemoveStringAttributeAtIndex(fn, at, strings[i],
		    (unsigned)strlen(strings[i]));
	for (size_t i = 0; i < sizeof enums / sizeof *enums; i++)
		LLVMRemoveEnumAttributeAtIndex(fn, at,
		    LLVMGetEnumAttributeKindForName(enums[i],
		    strlen(enums[i])));
}

/* The import that the function is for, or NO_IDX. */
static uint32_t
import_of(const struct plan *p, const char *name)
{
	for (uint32_t i = 0; i < p->m->nimports; i++) {
		const struct import *im = &p->m->imports[i];

		if (im->kind == KIND_FUNC && names_import(name, im))
			return im->index;
	}
	return NO_IDX;
}

static void
prepare_function(const struct plan *p, LLVMValueRef fn,
    const LLVMAttributeRef *attrs, uint32_t nattrs)
{
	char buf[32];
	uint32_t func;

	for (size_t i = 0; i < NHELPERS; i++)
		if (!strcmp(name_of(fn), helpers[i].declared))
			LLVMSetValueName2(fn, helpers[i].here,
			    strlen(helpers[i].here));
	if (LLVMIsDeclaration(fn))
		return;
	strip_attributes(fn);
	for (uint32_t i = 0; i < nattrs; i++)
		LLVMAddAttributeAtIndex(fn,
		    (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attrs[i]);
	LLVMSetDLLStorageClass(fn, LLVMDefaultStorageClass);
	func = import_of(p, name_of(fn));
	if (func == NO_IDX) {
		LLVMSetVisibility(fn, LLVMDefaultVisibility);
		LLVMSetLinkage(fn, LLVMInternalLinkage);
		return;
	}
	LLVMSetLinkage(fn, LLVMExternalLinkage);
	if (bitcode_symbol(p, func, buf))
		LLVMSetValueName2(fn, buf, strlen(buf));
}

static int
add_file(struct part *part, LLVMContextRef ctx, LLVMModuleRef mod,
    const struct wasmc_file *f, const LLVMAttributeRef *attrs,
    uint32_t nattrs)
{
	LLVMModuleRef src = parse(ctx, f);

	if (!src)
		return back_fail(&part->err, WASMC_EBACKEND,
		    "%s: cannot be read", f->name);
	LLVMStripModuleDebugInfo(src);
	LLVMSetTarget(src, part->plan->triple);
	for (LLVMValueRef g = LLVMGetFirstGlobal(src); g;
	    g = LLVMGetNextGlobal(g))
		if (LLVMGetLinkage(g) != LLVMPrivateLinkage &&
		    LLVMGetLinkage(g) != LLVMAppendingLinkage) {
			LLVMSetVisibility(g, LLVMDefaultVisibility);
			LLVMSetLinkage(g, LLVMInternalLinkage);
		}
	for (LLVMValueRef fn = LLVMGetFirstFunction(src); fn;
	    fn = LLVMGetNextFunction(fn))
		prepare_function(part->plan, fn, attrs, nattrs);
	if (LLVMLinkModules2(mod, src))
		return part->err.status ? part->err.status :
		    back_fail(&part->err, WASMC_EBACKEND,
		    "%s: cannot be linked", f->name);
	return WASMC_OK;
}

/* Nobody else's any more, so that they are inlined and then gone. */
static void
hide(LLVMModuleRef mod)
{
	unsigned always = LLVMGetEnumAttributeKindForName("alwaysinline", 12);
	unsigned never = LLVMGetEnumAttributeKindForName("noinline", 8);
	LLVMAttributeIndex at = (LLVMAttributeIndex)LLVMAttributeFunctionIndex;

	for (LLVMValueRef fn = LLVMGetFirstFunction(mod); fn;
	    fn = LLVMGetNextFunction(fn)) {
		const char *name = name_of(fn);

		if (LLVMIsDeclaration(fn) ||
		    (strncmp(name, "wabi.bitcode.", 13) &&
		    strncmp(name, "wabi.guest.", 11)))
			continue;
		LLVMSetVisibility(fn, LLVMDefaultVisibility);
		LLVMSetLinkage(fn, LLVMInternalLinkage);
		if (!LLVMGetEnumAttributeAtIndex(fn, at, never))
			LLVMAddAttributeAtIndex(fn, at,
			    LLVMCreateEnumAttribute(
			    LLVMGetModuleContext(mod), always, 0));
	}
}

static bool
calls_any(const struct plan *p, LLVMModuleRef mod)
{
	char buf[32];

	for (uint32_t i = 0; i < p->m->nfuncs_imported; i++)
		if (bitcode_symbol(p, i, buf) && LLVMGetNamedFunction(mod, buf))
			return true;
	return false;
}

int
bitcode_link(struct part *part, LLVMContextRef ctx, LLVMModuleRef mod,
    const LLVMAttributeRef *attrs, uint32_t nattrs)
{
	const struct plan *p = part->plan;
	int rc = WASMC_OK;

	if (!p->bitcode || !calls_any(p, mod))
		return WASMC_OK;
	for (size_t i = 0; i < p->nbitcode_files && !rc; i++)
		rc = add_file(part, ctx, mod, &p->bitcode_files[i], attrs,
		    nattrs);
	hide(mod);
	return rc;
}

/* ---- Copies ---- */

static LLVMValueRef
inline_copy(LLVMModuleRef mod, LLVMBuilderRef b, LLVMValueRef call,
    const char *name, unsigned ntypes)
{
	LLVMValueRef args[4];
	LLVMTypeRef types[3];
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name));

	for (unsigned i = 0; i < 4; i++)
		args[i] = LLVMGetOperand(call, i);
	types[0] = LLVMTypeOf(args[0]);
	types[1] = LLVMTypeOf(args[ntypes == 3 ? 1 : 2]);
	types[2] = LLVMTypeOf(args[2]);
	LLVMPositionBuilderBefore(b, call);
	return LLVMBuildCall2(b, LLVMIntrinsicGetType(
	    LLVMGetModuleContext(mod), id, types, ntypes),
	    LLVMGetIntrinsicDeclaration(mod, id, types, ntypes), args, 4, "");
}

static void
copies_of(LLVMModuleRef mod, LLVMBuilderRef b, LLVMValueRef i)
{
	LLVMValueRef fn = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
	const char *name = fn && LLVMIsAFunction(fn) ? name_of(fn) : "";

	if (!strncmp(name, "llvm.memcpy.p", 13))
		inline_copy(mod, b, i, "llvm.memcpy.inline", 3);
	else if (!strncmp(name, "llvm.memset.p", 13))
		inline_copy(mod, b, i, "llvm.memset.inline", 2);
	else
		return;
	LLVMInstructionEraseFromParent(i);
}

void
bitcode_finish(const struct plan *p, LLVMModuleRef mod)
{
	LLVMBuilderRef b;

	if (!p->bitcode)
		return;
	b = LLVMCreateBuilderInContext(LLVMGetModuleContext(mod));
	for (LLVMValueRef f = LLVMGetFirstFunction(mod); f;
	    f = LLVMGetNextFunction(f))
		for (LLVMBasicBlockRef bb = LLVMGetFirstBasicBlock(f); bb;
		    bb = LLVMGetNextBasicBlock(bb))
			for (LLVMValueRef i = LLVMGetFirstInstruction(bb),
			    next; i; i = next) {
				next = LLVMGetNextInstruction(i);
				copies_of(mod, b, i);
			}
	LLVMDisposeBuilder(b);
}
