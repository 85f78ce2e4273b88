/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * rt_fake.h: a module made by hand, with C functions for generated code, so
 * that the runtime's core can be tested without a compiler.
 */
#ifndef RT_FAKE_H
#define RT_FAKE_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rt.h"

#define GUEST __attribute__((section("wguest"), used, noinline,		\
	disable_sanitizer_instrumentation, no_stack_protector))
extern const char __start_wguest[], __stop_wguest[];

#define IMAGE_PAGES 2
#define MEM_PAGES 2u

static inline struct wabi_memory *
g_mem(void *vm)
{
	extern struct wabi_layout g_layout;

	return ((struct wabi_memref *)((char *)vm + g_layout.memories))->mem;
}
#define RT(vm, name, type) ((type)((struct wabi_vmctx *)(vm))->rt[WABI_RT_##name])
struct wabi_layout g_layout;

/* Thunks: () -> (), (i32) -> i32, (i32 i32) -> i32. */
GUEST static void
from_v(void *vm, void *code, union wabi_val *v)
{
	((void (*)(void *))code)(vm);
	(void)v;
	__asm__ volatile("");
}
GUEST static void
from_i(void *vm, void *code, union wabi_val *v)
{
	v[0].i32 = ((uint32_t (*)(void *, uint32_t))code)(vm, v[0].i32);
}
GUEST static void
from_ii(void *vm, void *code, union wabi_val *v)
{
	v[0].i32 = ((uint32_t (*)(void *, uint32_t, uint32_t))code)(vm,
	    v[0].i32, v[1].i32);
}
GUEST static uint32_t
to_i(void *vm, uint32_t x)
{
	union wabi_val v = { .i32 = x };

	RT(vm, HOSTCALL, void (*)(void *, void *, void *))(vm,
	    (char *)vm + WABI_VMCTX_HEADER, &v);
	return v.i32;
}

GUEST static uint32_t
g_add(void *vm, uint32_t a, uint32_t b)
{
	(void)vm;
	return a + b;
}
GUEST static uint32_t
g_load(void *vm, uint32_t a)
{
	return *(volatile uint8_t *)(g_mem(vm)->base + a);
}
GUEST static uint32_t
g_store(void *vm, uint32_t a, uint32_t b)
{
	*(volatile uint8_t *)(g_mem(vm)->base + a) = (uint8_t)b;
	return 0;
}
GUEST static uint32_t
g_div(void *vm, uint32_t a, uint32_t b)
{
	if (b == 0)
		RT(vm, TRAP, void (*)(void *, int))(vm,
		    WABI_TRAP_DIV_BY_ZERO);
	return a / b;
}
GUEST static uint32_t
g_deep(void *vm, uint32_t a)
{
	volatile char b[256];
	uint32_t (*volatile self)(void *, uint32_t) = g_deep;

	b[0] = (char)a;
	return self(vm, a + 1) + (uint32_t)b[0];
}
GUEST static uint32_t
g_host(void *vm, uint32_t a)
{
	struct wabi_import *im =
	    (struct wabi_import *)((char *)vm + g_layout.imports);

	return ((uint32_t (*)(void *, uint32_t))im->code)(im->vmctx, a);
}
GUEST static void
g_spin(void *vm)
{
	(void)vm;
	for (;;)
		__asm__ volatile("");
}
GUEST static uint32_t
g_grow(void *vm, uint32_t a)
{
	return (uint32_t)RT(vm, MEMORY_GROW, int64_t (*)(void *, uint32_t,
	    uint64_t))(vm, 0, a);
}
GUEST static void
g_fills(void *vm)
{
	for (;;)
		RT(vm, MEMORY_FILL, void (*)(void *, uint32_t, uint64_t,
		    uint32_t, uint64_t))(vm, 0, 0, 1, 4096);
}

enum { F_ADD = 1, F_LOAD, F_STORE, F_DIV, F_DEEP, F_HOST, F_SPIN, F_GROW,
       F_FILLS, NFUNCS };

static struct blob {
	struct wabi_meta meta;
	struct wabi_typeinfo types[3];
	struct wabi_valtype i32[2];
	struct wabi_import_info imports[1];
	struct wabi_export_info exports[NFUNCS - 1 + 1];
	struct wabi_func_info funcs[NFUNCS];
	struct wabi_memory_info memories[1];
	struct wabi_image_run runs[1];
	char names[400];
	uint32_t name_end;
} blob __attribute__((aligned(16)));

static int32_t
rel(void *p)
{
	return p ? (int32_t)((char *)p - (char *)&blob) : 0;
}

static struct wabi_list
list(void *p, uint32_t n)
{
	return (struct wabi_list){ (uint32_t)rel(p), n };
}

static wabi_str
name(const char *s)
{
	wabi_str r = { (uint32_t)rel(blob.names + blob.name_end),
		(uint32_t)strlen(s) };

	strcpy(blob.names + blob.name_end, s);
	blob.name_end += r.n + 1;
	return r;
}

static struct wrt_module *
fake_module(void)
{
	static const struct { const char *n; void *f; uint32_t type; } fs[] = {
		{ "host", NULL, 1 }, { "add", g_add, 2 }, { "load", g_load, 1 },
		{ "store", g_store, 2 }, { "div", g_div, 2 },
		{ "deep", g_deep, 1 }, { "callhost", g_host, 1 },
		{ "spin", g_spin, 0 }, { "grow", g_grow, 1 },
		{ "fills", g_fills, 0 },
	};
	static struct wrt_module m;
	static const struct wabi_import_info *funcs[1] = { blob.imports };
	static uint32_t ids[3];
	static int32_t from[3], to[3], typed[3];
	static struct wrt__name names[NFUNCS];
	static uint32_t by[NFUNCS];
	static uint8_t image[IMAGE_PAGES * 4096] __attribute__((aligned(4096)));
	int fd = memfd_create("image", MFD_CLOEXEC);

	for (size_t k = 0; k < sizeof image; k++)
		image[k] = (uint8_t)(k / 4096 * 100 + k % 4096 % 97 + 1);
	if (fd < 0 || write(fd, image, sizeof image) != sizeof image)
		return NULL;
	blob.i32[0].type = blob.i32[1].type = WABI_I32;
	for (int k = 0; k < 3; k++) {
		blob.types[k].final = 1;
		blob.types[k].super = UINT32_MAX;
		blob.types[k].rec_first = (uint32_t)k;
		blob.types[k].rec_n = 1;
		blob.types[k].params = list(blob.i32, (uint32_t)k);
		blob.types[k].results = list(blob.i32, k > 0);
	}
	from[0] = rel(from_v);
	from[1] = rel(from_i);
	from[2] = rel(from_ii);
	to[1] = rel(to_i);
	blob.imports[0] = (struct wabi_import_info){ .module = name("env"),
		.name = name("host"), .kind = WABI_KIND_FUNC, .type_idx = 1 };
	for (uint32_t k = 0; k < NFUNCS; k++) {
		blob.funcs[k] = (struct wabi_func_info){ .code = rel(fs[k].f),
			.entry = rel(fs[k].f),
			.type_idx = fs[k].type, .funcref = k,
			.name = name(fs[k].n) };
		if (k)
			blob.exports[k - 1] = (struct wabi_export_info){
				.name = name(fs[k].n), .kind = WABI_KIND_FUNC,
				.index = k };
	}
	blob.exports[NFUNCS - 1] = (struct wabi_export_info){
		.name = name("memory"), .kind = WABI_KIND_MEMORY };
	blob.runs[0] = (struct wabi_image_run){ 4096, 0, sizeof image };
	blob.memories[0] = (struct wabi_memory_info){
		.limits = { .min = MEM_PAGES, .max = 8, .page_log2 = 16 },
		.image = list(blob.runs, 1) };
	blob.meta.magic = WABI_MAGIC;
	blob.meta.counts = (struct wabi_counts){ .nmemories = 1, .nimports = 1,
		.ntypes = 3, .nfuncrefs = NFUNCS };
	blob.meta.types = list(blob.types, 3);
	blob.meta.imports = list(blob.imports, 1);
	blob.meta.exports = list(blob.exports, NFUNCS);
	blob.meta.funcs = list(blob.funcs, NFUNCS);
	blob.meta.memories = list(blob.memories, 1);
	blob.meta.start = UINT32_MAX;
	g_layout = wabi_layout_of(&blob.meta.counts);
	atomic_init(&m.refs, 1);
	m.fd = fd;
	m.path = (char *)"fake";
	m.base = (const char *)&blob;
	m.meta = &blob.meta;
	m.image = image;
	m.image_bytes = sizeof image;
	m.text_start = (uintptr_t)__start_wguest;
	m.text_end = (uintptr_t)__stop_wguest;
	m.nimported[WABI_KIND_FUNC] = 1;
	m.nfuncs = NFUNCS;
	m.nmemories = 1;
	m.imported[WABI_KIND_FUNC] = funcs;
	m.type_ids = ids;
	m.from_host = from;
	m.to_host = to;
	m.typed_from_host = m.typed_to_host = typed;
	/* Insertion sort of the exports' names. */
	for (uint32_t k = 0; k < NFUNCS; k++) {
		uint32_t j = k;

		for (; j && strcmp((char *)&blob + blob.exports[by[j - 1]].name.off,
		    (char *)&blob + blob.exports[k].name.off) > 0; j--)
			by[j] = by[j - 1];
		by[j] = k;
	}
	for (uint32_t k = 0; k < NFUNCS; k++) {
		const struct wabi_export_info *e = &blob.exports[by[k]];

		names[k] = (struct wrt__name){ wrt__name_prefix((char *)&blob +
		    e->name.off, e->name.n), e->name.n, by[k] };
	}
	m.exports_by_name = names;
	if (wrt__types_of_meta(&blob.meta, ids) != WRT_OK ||
	    wrt__registry_add(&m) != WRT_OK)
		return NULL;
	return &m;
}

#endif
