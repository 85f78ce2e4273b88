/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmrt_bitcode.h: host functions that are compiled into an artifact.
 *
 *	#include <wasmrt_bitcode.h>
 *
 *	int32_t scale(void *data, wrt_guest *g, int32_t x)
 *	    WRT_IMPORT("env", "scale");
 *
 *	int32_t
 *	scale(void *data, wrt_guest *g, int32_t x)
 *	{
 *		return x * *(const int32_t *)data;
 *	}
 *
 *	clang-22 -O2 -emit-llvm -c env.c -o env.bc
 *	wasmc app.wasm --link-bitcode=env.bc -o app.so
 *
 * The guest's calls of the import env.scale are then inlined.  The functions
 * are those of wrt_imports_typed(): `data` is what the host gave when it
 * defined an import of that name, NULL if it defined none.  docs/LINKING.md
 * tells what such code may do.  It runs on the guest's stack, in the guest's time: it may
 * be ended at any instruction, so it takes no locks; it calls nothing but
 * functions in its own file and those below.
 *
 * It is the host's code and trusted as such: nothing checks what it does with
 * pointers.  Addresses that come from the guest go through wrt_guest_at().
 */
#ifndef WASMRT_BITCODE_H
#define WASMRT_BITCODE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Says of a declaration which import it is for. */
#define WRT_IMPORT(module, name) __asm__(module "." name)

/* The instance that calls. */
typedef struct wrt_guest wrt_guest;

/* Numbers of traps: those of enum wrt_trap in wasmrt.h. */
#define WRT_GUEST_TRAP_MEMORY_OOB	5
#define WRT_GUEST_TRAP_HOST		26

/* The beginning of the memory that the caller means, see wrt_caller_memory(),
 * and its size in bytes, which may grow but not shrink.  NULL and 0 if there is
 * none.  The beginning stays the same as long as the instance lives. */
void *wrt_guest_memory(wrt_guest *);
uint64_t wrt_guest_memory_bytes(wrt_guest *);

/* End the guest with a trap, at the place of its call. */
__attribute__((noreturn)) void wrt_guest_trap(wrt_guest *, uint32_t trap);

/* The guest's bytes [addr, addr + n), or NULL if they are not all within its
 * memory. */
static inline void *
wrt_guest_at(wrt_guest *g, uint64_t addr, uint64_t n)
{
	uint64_t size = wrt_guest_memory_bytes(g);

	if (n > size || addr > size - n)
		return NULL;
	return (uint8_t *)wrt_guest_memory(g) + addr;
}

/* The same; ends the guest as an access outside of its memory does. */
static inline void *
wrt_guest_must(wrt_guest *g, uint64_t addr, uint64_t n)
{
	void *p = wrt_guest_at(g, addr, n);

	if (!p)
		wrt_guest_trap(g, WRT_GUEST_TRAP_MEMORY_OOB);
	return p;
}

#ifdef __cplusplus
}
#endif

#endif
