/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * load.h: from a file that nobody vouches for to a checked, mapped module, and
 * from a program counter back to the place in the wasm.
 *
 *   module.c     open, map, share, close; what the module imports and exports
 *   verify*.c    the file as ELF: a whitelist, everything else is refused
 *   meta*.c      the metadata: every offset, count and index checked once
 *   cpu.c        does this CPU have what the code needs
 *   types.c      one number per type in the whole process
 *   registry.c   which module a pc belongs to, from signal handlers too
 *   pcmap.c      pc -> function and wasm offset
 *   unwind.*     the guest's frames, from the registers a trap saved
 *   alloc.c      memory that a test can make fail; error.c: error texts
 *
 * After wrt_module_open() has succeeded every offset, index and count in the
 * metadata is right, so that the rest of the runtime only asserts.
 */
#ifndef WRT_LOAD_H
#define WRT_LOAD_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wabi.h"
#include "wasmrt.h"

/* ---- Errors and memory ------------------------------------------------ */

/* Fill err, which may be NULL, and return status. */
__attribute__((format(printf, 3, 4)))
int wrt__fail(struct wrt_error *err, int status, const char *fmt, ...);

/* calloc, realloc, free; NULL only if the system has no more, or if a test
 * asked for it: wrt__alloc_fail_in = n makes the n-th allocation from now on
 * fail, once, and is 0 otherwise. */
void *wrt__calloc(size_t n, size_t size);
/* In whole cache lines: no other thread's words are in them. */
void *wrt__calloc_lines(size_t bytes);
void *wrt__realloc(void *p, size_t n, size_t size);
void wrt__free(void *p);
extern atomic_long wrt__alloc_fail_in;

/* ---- Types -------------------------------------------------------------
 *
 * Canonical ids: the same type (the spec's equality of recursive types) has the
 * same id in the whole process.  Ids start at 1 and are never given back; what
 * they take is bounded by what distinct types the process's modules have.
 */
/* Ids of all types of a checked metadata.  WRT_OK, WRT_ENOMEM, WRT_ELIMIT. */
int wrt__types_of_meta(const struct wabi_meta *meta, uint32_t *ids);
/* The id of a function type of abstract value types; 0 if out of memory or one
 * of the bytes is no type. */
uint32_t wrt__type_of_func(const struct wrt_functype *type);
/* Is `id` the same as or a declared subtype of `super`?  Lock-free. */
bool wrt__type_is_subtype(uint32_t id, uint32_t super);
/* Parameters and results of a function type; false for another type.  The
 * arrays live for ever.  Lock-free. */
bool wrt__type_func(uint32_t id, struct wrt_functype *out);
/* The same for what is known to be a function; *refs: are there references
 * among parameters and results? */
const struct wrt_functype *wrt__type_of_call(uint32_t id, bool *refs);
/* How the collector sees objects of a type. */
struct wrt__gctype {
	uint8_t comp;			/* WABI_COMP_* */
	uint8_t elem_bytes;		/* ARRAY */
	uint8_t elem_ref;		/* ARRAY: 0, or as in refs */
	uint32_t size;			/* STRUCT: header and all */
	uint32_t nrefs;
	uint32_t *refs;			/* STRUCT: offsets of what may refer to
					 * objects, the lowest bits GCREF_* */
};
enum { WRT__GCREF_HEAP = 1, WRT__GCREF_EXTERN = 2, WRT__GCREF_MASK = 3 };
const struct wrt__gctype *wrt__type_gc(uint32_t id);
/* struct wabi_heap's rtt; NULL before there is a type. */
const uint32_t (*wrt__type_rtt(void))[WABI_RTT_DEPTH];
/* Do the two value types mean the same, or is a a subtype of b?  The ids are
 * those of the module each stands in. */
bool wrt__valtype_equal(const struct wabi_valtype *a, const uint32_t *a_ids,
    const struct wabi_valtype *b, const uint32_t *b_ids);
bool wrt__valtype_is_subtype(const struct wabi_valtype *a,
    const uint32_t *a_ids, const struct wabi_valtype *b,
    const uint32_t *b_ids);

/* ---- Modules ---------------------------------------------------------- */

struct wrt__places;

/* usual.c: what is known of an image's users, of their first pages. */
#define WRT__USUAL	1024u		/* pages that are looked at */
#define WRT__USUAL_MOST	256u		/* that are brought */
struct wrt__usual {
	atomic_uint n;			/* memories that were used */
	atomic_uint nwatched;		/* of them, that were watched */
	_Atomic uint8_t seen[WRT__USUAL];
	_Atomic uint64_t pages[WRT__USUAL / 64];	/* a bit each: usual */
};

/* The first use of a memory.  True: it is to be watched; false: it may have
 * pages[] at once. */
bool wrt__usual_begin(struct wrt__usual *u);
/* A watched one has got n pages. */
void wrt__usual_note(struct wrt__usual *u, uint64_t page, uint64_t n);

/* An export's name as it is searched for: its first 8 bytes, filled up with
 * zeros, as a number of the same order; its length; the export. */
struct wrt__name {
	uint64_t prefix;
	uint32_t n, i;
};
uint64_t wrt__name_prefix(const char *name, size_t n);

struct wrt_module {
	atomic_uint refs;		/* the host's handles, and others' */
	atomic_uint nopen;		/* the host's handles alone */
	int fd;				/* what is mapped; WABI_SEC_IMAGE may be
					 * mapped again from it */
	char *path;			/* for messages */
	void *dl;
	const char *base;		/* start of .wabi.meta as mapped */
	const struct wabi_meta *meta;	/* &head */
	struct wabi_meta head;		/* the metadata's, with cpu and funcs of
					 * the level that is used */
	const uint8_t *image;		/* .wabi.image as mapped, or NULL */
	uint64_t image_bytes;
	off_t image_off;		/* in fd; multiple of WABI_IMAGE_ALIGN */
	const uint8_t *data;		/* .wabi.data as mapped, or NULL */
	uint64_t data_bytes;
	uintptr_t text_start, text_end;	/* the executable segment */
	const uint8_t *except;		/* .gcc_except_table, or NULL */
	uint64_t except_bytes;
	uint32_t nimported[5];		/* by enum wabi_kind */
	uint32_t nfuncs, ntables, nmemories, nglobals, ntags;
					/* own and imported */
	const struct wabi_import_info **imported[5];
					/* by kind and index */
	uint32_t *type_ids;		/* canonical, per type */
	bool uses_heap;			/* has code for the collected heap */
	int32_t *from_host, *to_host;	/* thunks per type: those of the first
					 * equal type; 0: there is none */
	int32_t *typed_from_host, *typed_to_host;

	/* module.c's and pcmap.c's own */
	struct wrt_module *next;	/* all open ones */
	uint8_t digest[32];
	struct wrt__name *exports_by_name;	/* sorted */
	off_t pcmap_off, source_off;
	uint64_t pcmap_bytes, source_bytes;	/* 0: there is none */
	_Atomic(struct wrt__places *) places;	/* made when first needed */

	/* stats.c's */
	struct wrt_instance *listed;	/* of it, by in_module */
	struct wrt_stats gone;		/* of those that were freed */
	struct wrt__usual usual;	/* of its first own memory */
};

void wrt__module_ref(struct wrt_module *m);
void wrt__module_put(struct wrt_module *m);

/* park.c: free at most max of those parked instances that are of the pool, the module and the imports,
 * NULL meaning any; returns how many. */
uint32_t wrt__park_sweep(const wrt_pool *pool, const struct wrt_module *m,
    const wrt_imports *l, uint32_t max);

/* Address of the code that the metadata gives as rel; NULL for 0. */
static inline void *
wrt__code(const struct wrt_module *m, int32_t rel)
{
	return rel ? (void *)(m->base + rel) : NULL;
}

/* The elements of a list, and a string, of the metadata. */
static inline const void *
wrt__list(const struct wrt_module *m, struct wabi_list l)
{
	return m->base + l.off;
}

/* WRT__META(m, funcs) is the array of struct wabi_func_info, and so on. */
#define wrt__meta_type_types	struct wabi_typeinfo
#define wrt__meta_type_imports	struct wabi_import_info
#define wrt__meta_type_exports	struct wabi_export_info
#define wrt__meta_type_funcs	struct wabi_func_info
#define wrt__meta_type_tables	struct wabi_table_info
#define wrt__meta_type_memories	struct wabi_memory_info
#define wrt__meta_type_globals	struct wabi_global_info
#define wrt__meta_type_tags	struct wabi_tag_info
#define wrt__meta_type_elems	struct wabi_elem_info
#define wrt__meta_type_datas	struct wabi_data_info
#define wrt__meta_type_fuel	struct wabi_fuel_rest
#define WRT__META(m, list)						\
	((const wrt__meta_type_##list *)wrt__list((m), (m)->meta->list))

static inline const char *
wrt__str(const struct wrt_module *m, wabi_str s)
{
	return s.n ? m->base + s.off : "";
}

/* The type of anything in the module's index spaces, imported or own. */
const struct wabi_valtype *wrt__table_type(const struct wrt_module *m,
    uint32_t i, struct wabi_limits *limits);
void wrt__memory_type(const struct wrt_module *m, uint32_t i,
    struct wabi_limits *limits);
const struct wabi_valtype *wrt__global_type(const struct wrt_module *m,
    uint32_t i, bool *mut);
uint32_t wrt__tag_type(const struct wrt_module *m, uint32_t i);

/* The index of the export of this name, or -1. */
long wrt__find_export(const struct wrt_module *m, const char *name,
    size_t len);

/* ---- From a pc to a place --------------------------------------------- */

/* Which open module's code is at pc?  From any context, signal handlers too.
 * The answer stays good as long as somebody holds a reference to the module,
 * as every instance whose code runs does. */
bool wrt__registry_find(uintptr_t pc, struct wrt_module **out);
/* Is it the likeliest one?  Without a search. */
static inline bool
wrt__in_module(const struct wrt_module *m, uintptr_t pc)
{
	return pc >= m->text_start && pc < m->text_end;
}
/* The likeliest one first; *m becomes it. */
static inline bool
wrt__module_at(struct wrt_module **m, uintptr_t pc)
{
	return wrt__in_module(*m, pc) || wrt__registry_find(pc, m);
}
int wrt__registry_add(struct wrt_module *m);
void wrt__registry_remove(struct wrt_module *m);
/* In a forked child, where nobody else searches. */
void wrt__registry_forked(void);

/* fork.c: from now on a forked child finds the process's modules and types in
 * order.  False: out of memory. */
bool wrt__fork_init(void);

/* The module's name, or its file's; the same string each time. */
const char *wrt__label(const struct wrt_module *m);
/* Describe the place.  is_return: pc is a return address, so that the place is
 * the call before it.  Returns how many frames the place is: 0 if no wasm
 * function is there, as in thunks; 2 if the instruction is one of a function
 * that was inlined into this one, first that one, then this one without an
 * offset.  (Functions between the two are not known.)  Not for signal handlers:
 * reads the map from the file the first time.  The strings live as long as the
 * module. */
enum { WRT__PLACE_FRAMES = 2 };
unsigned wrt__symbolise(struct wrt_module *m, uintptr_t pc, bool is_return,
    struct wrt_frame out[WRT__PLACE_FRAMES]);
void wrt__places_free(struct wrt__places *p);

/* ---- Unwinding --------------------------------------------------------
 *
 * The guest's registers at the place where it stopped: those that calls
 * preserve, pc and sp.  At a signal pc is the instruction that faulted; at a
 * runtime call it is the return address and sp is what it is after the return.
 * The order is known to assembly.
 */
struct wrt__regs {
#if defined(__x86_64__)
	uint64_t pc, sp, rbp, rbx, r12, r13, r14, r15;
#elif defined(__aarch64__)
	uint64_t pc, sp, x19_x30[12];	/* x29 is the frame pointer, x30 lr */
	uint64_t d8_d15[8];		/* at runtime calls only */
#else
#error "this architecture has no unwinder yet"
#endif
};

/* The innermost frame, from these registers outward, whose call has a landing
 * pad: *regs become that frame's, with pc at the pad.  False if there is
 * none. */
bool wrt__find_landing(struct wrt__regs *regs);

/* Called per frame, innermost first; false ends the walk. */
typedef bool (*wrt__frame_fn)(void *arg, uintptr_t pc, bool is_return);

/* Walk the guest's frames, whose stack must be as it was.  is_return as in
 * wrt__symbolise.  The walk ends at the first frame whose code belongs to no
 * open module and is no runtime code with a description, or whose return
 * address is undefined as in the entry stub, or after max frames.  Returns how
 * many frames were seen.  Not for signal handlers, not on a guest's stack. */
size_t wrt__unwind(const struct wrt__regs *regs, bool is_return, size_t max,
    wrt__frame_fn fn, void *arg);

/* The wasm frames among them: symbolised, the innermost `room` ones into
 * frames, the number stored in *nframes.  Returns how many wasm frames there
 * were, looking at no more than WRT__UNWIND_MAX. */
#define WRT__UNWIND_MAX	100000u
size_t wrt__backtrace(const struct wrt__regs *regs, bool is_return,
    struct wrt_frame *frames, size_t room, size_t *nframes);

#endif
