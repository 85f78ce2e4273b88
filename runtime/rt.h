/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * rt.h: what the files of the runtime's core share; act.h is its part about
 * threads and calls.
 *
 *   pool.c       limits, and which memory mode the kernel allows
 *   slab.c       address space in equal slots
 *   pages.c      the pages of one memory: image, growth, reset, faults
 *   copy.c       pages copied and cleared
 *   stack.c      guest stacks
 *   park.c       closed instances that wait to be created again
 *   thread.c     what each thread has: alternate signal stack, cached stack
 *   switch_*.S   entering and leaving the guest, stubs of the runtime calls
 *   signal.c     faults and kill;  fork.c  what a forked child finds
 *   act.c        activations: claiming an instance, a stack, what is left
 *   timer.c      the thread that watches time limits; kills sent again
 *   limits.c     time limits of calls
 *   slice.c      guests suspended by time;  context.c  their registers
 *   call.c       one call, from the host's values to result or trap
 *   suspend.c    a call that stops in the middle and goes on later
 *   session.c    calls with parameters in registers, on a stack kept ready
 *   trap.c       what a trap leaves behind
 *   coredump.c   the same as a file
 *   builtins.c   the runtime calls;  wait.c  those that wait and notify
 *   hostcall.c   guest to host
 *   service.c    guest to guest, by no more than a call
 *   exn.c        exceptions: their life, throwing, the host's part
 *   landing.c    where an exception is caught
 *   cont.c       continuations: changing stacks;  cont_life.c  their life
 *   imports.c    what instances may import
 *   link.c       matching imports; instances that share something
 *   instance.c   create, reset, close
 *   clone.c      create from another instance's state;  image.c  a memory's
 *   memory.c, table.c, global.c   the objects, for builtins and hosts
 *   fuel.c       what an instance may still execute
 *   stats.c      what has been done, in numbers;  metrics.c  as text
 */
#ifndef WRT_RT_H
#define WRT_RT_H

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>

#include "load.h"
#include "stats.h"

struct wrt__act;
struct wrt__group;
struct wrt__hostfn;

#include "act.h"

/* ---- Memory ------------------------------------------------------------- */

enum wrt__mode { WRT__UFFD, WRT__PAGEMAP, WRT__MADVISE, WRT__PLAIN };

/* Address space in equal slots, each a memory's reservation. */
struct wrt__slab {
	enum wrt__mode mode;
	uint8_t *map;			/* all of it */
	size_t map_bytes;
	uint8_t *first;			/* base of slot 0 */
	uint64_t stride;
	uint64_t guard;			/* below each slot: the end of the one
					 * before; dense ones have none */
	uint32_t n;
	int fd;				/* userfaultfd, or /proc/self/pagemap,
					 * or -1 */
	_Atomic uint64_t *bits;		/* UFFD: a bit per resident page */
	size_t bits_bytes;
	size_t slot_words;		/* words of bits per slot */
	uint64_t *top;			/* per free slot: words of bits in use */
	uint32_t *kept;			/* per free slot: resident pages */
	_Atomic uint64_t *idle_bytes;	/* the pool's: of kept, too */
	struct wrt_memory *_Atomic *owner;	/* per slot, for the handler */
	pthread_mutex_t lock;
	uint32_t *free;			/* LIFO of free slots */
	uint32_t nfree;
};

/* dense: the stride, or 0 for slots with a guard. */
int wrt__slab_init(struct wrt__slab *s, enum wrt__mode mode, uint32_t n,
    uint64_t dense, struct wrt_error *err);
void wrt__slab_fini(struct wrt__slab *s);
/* A slot's number, or -1. */
long wrt__slab_take(struct wrt__slab *s);
void wrt__slab_give(struct wrt__slab *s, uint32_t slot);
/* UFFD: give back the pages of words [w, end) of a slot's bits. */
void wrt__slab_drop(const struct wrt__slab *s, uint32_t slot, uint64_t w,
    uint64_t end);
/* Give back free slots' pages, while idle_bytes is more than keep. */
void wrt__slab_trim(struct wrt__slab *s, uint64_t keep);

/* copy.c: memcpy and memset, for what is a page or a few.  Once, before. */
void wrt__copy_init(void);
void wrt__copy_page(uint8_t *to, const uint8_t *from, size_t n);
void wrt__clear_page(uint8_t *to, size_t n);

/* One run of the image, as addresses. */
struct wrt__run {
	uint64_t mem_off, bytes;
	const uint8_t *from;		/* as mapped with the module */
	off_t fd_off;
};

/* A piece of image that is zero, from mem_off on; NULL: there is none. */
const struct wrt__run *wrt__slab_zeros(struct wrt__run *run, uint64_t mem_off);

struct wrt_memory {
	struct wabi_memory m;		/* first: generated code points here */
	struct wabi_limits limits;	/* as declared */
	uint64_t limit_pages;		/* the host's, <= what is reserved */
	enum wrt__mode mode;
	wrt_pool *pool;
	long slot;			/* in the pool's slab, or -1 */
	uint8_t *map;			/* own reservation, or NULL */
	size_t map_bytes;
	uint64_t reserved;		/* bytes above base that may be used */
	uint64_t start_bytes;		/* size at instantiation */
	uint64_t open_bytes;		/* mapped modes: readable and writable */
	const struct wrt__run *runs;
	uint32_t nruns;
	int fd;				/* of the image */
	bool copied;			/* image copied, could not be mapped */
	bool dense;			/* no guard: for checked accesses only */
	_Atomic uint64_t *bits;		/* UFFD: this slot's */
	_Atomic uint64_t nresident;	/* UFFD: pages served */
	_Atomic uint64_t top_word;	/* UFFD: words of bits in use */
	_Atomic uint64_t far;		/* UFFD: where, beyond the size, there
					 * is a page table; 0: nowhere */
	uint64_t fence;			/* UFFD: inaccessible from here on; 0:
					 * nowhere */
	uint8_t ntraps;			/* UFFD: by its guests, a few */
	struct wrt__usual *usual;	/* UFFD: its image's, or NULL */
	bool begun, watched;		/* since it had no pages: see usual.c */
	pthread_mutex_t lock;		/* growth, limits */
	atomic_uint refs;		/* memories of their own, see below */
	struct wrt_module *module;	/* whose image it is */
	struct wrt__run *own_runs;
	struct wrt__image *frozen;	/* what it held at the last clone, or
					 * NULL */
	bool touched;			/* by the host, since then */
	wrt__count nfaults;		/* UFFD: served; an instance's own */
};

/* image.c: what a memory holds at one time, in a sealed file of memory that
 * any number of instances map or are served from.  Never changed; counted. */
struct wrt__image {
	atomic_uint refs;
	int fd;				/* offsets are the memory's */
	const uint8_t *map;
	size_t map_bytes;
	uint64_t pages;			/* the memory's size, in its pages */
	struct wrt__run *runs;
	uint32_t nruns;
	struct wrt__usual usual;
};

/* The image of mem, which nobody uses meanwhile. */
int wrt__image_take(struct wrt_memory *mem, struct wrt__image **out,
    struct wrt_error *err);
void wrt__image_put(struct wrt__image *image);

/* pages.c: make the memory's pages, of `pages` wasm pages with this image. */
int wrt__pages_open(struct wrt_memory *mem, wrt_pool *pool,
    const struct wabi_limits *limits, const struct wrt__run *runs,
    uint32_t nruns, int fd, struct wrt_error *err);
void wrt__pages_close(struct wrt_memory *mem);
/* Back to the image and the first size. */
int wrt__pages_reset(struct wrt_memory *mem);
/* A guest is about to run that may be the first to touch it: what is usual
 * comes without a fault. */
void wrt__pages_begin(struct wrt_memory *mem);
/* Undo wrt_memory_limit(). */
void wrt__pages_unlimit(struct wrt_memory *mem);
/* About how many bytes are there. */
uint64_t wrt__pages_resident(const struct wrt_memory *mem);
/* The same for who wants to know: where it is not known, the size. */
uint64_t wrt__pages_held(const struct wrt_memory *mem);
int wrt__pages_grow(struct wrt_memory *mem, uint64_t new_bytes);
/* Make [off, off + n), within the memory, present for the kernel. */
int wrt__pages_present(struct wrt_memory *mem, uint64_t off, uint64_t n);
/* From the handlers: make the page at addr present if it is inside the memory
 * and absent. */
bool wrt__pages_serve(struct wrt_memory *mem, uint64_t off);
/* UFFD: a guest trapped at addr, beyond the size and before any fence, and may
 * have left a page table there: give it back, or see to it that the next such
 * trap is cheaper. */
void wrt__pages_trapped(void *addr);

/* What the handlers search.  A fault at addr: *mem is the memory whose
 * reservation it is in (NULL for a slot that nobody owns), *off relative to its
 * base.  False: not one of ours. */
bool wrt__ranges_find(uintptr_t addr, struct wrt_memory **mem, int64_t *off);
int wrt__ranges_add(uintptr_t lo, uintptr_t hi, struct wrt__slab *slab,
    struct wrt_memory *mem);
void wrt__ranges_remove(uintptr_t lo);

int64_t wrt__memory_grow(struct wrt_memory *mem, uint64_t delta);

/* A memory that belongs to no instance: the host's, and every shared one, which
 * instances on several threads use without being linked otherwise.  Each of
 * them, and each list it is in, holds a reference.  New ones are not opened. */
struct wrt_memory *wrt__memory_new(wrt_pool *pool);
void wrt__memory_hold(struct wrt_memory *mem);
void wrt__memory_put(struct wrt_memory *mem);

/* The current size.  Another thread may grow a shared memory at any time. */
static inline uint64_t
wrt__mem_pages(const struct wrt_memory *mem)
{
	return __atomic_load_n(&mem->m.pages, __ATOMIC_ACQUIRE);
}

static inline uint64_t
wrt__mem_bytes(const struct wrt_memory *mem)
{
	return __atomic_load_n(&mem->m.bytes, __ATOMIC_ACQUIRE);
}

/* ---- Runtime calls --------------------------------------------------------
 *
 * Called by the stubs, on the host's stack, during an activation.
 */
void wrt__rt_TRAP(void *vmctx, int code);
void wrt__rt_HOSTCALL(void *vmctx, struct wabi_func *f, union wabi_val *vals);
int64_t wrt__rt_MEMORY_GROW(void *vmctx, uint32_t mem, uint64_t delta);
void wrt__rt_MEMORY_FILL(void *vmctx, uint32_t mem, uint64_t dst, uint32_t byte,
    uint64_t n);
void wrt__rt_MEMORY_COPY(void *vmctx, uint32_t mems, uint64_t dst, uint64_t src,
    uint64_t n);
void wrt__rt_MEMORY_INIT(void *vmctx, uint32_t mem, uint32_t data,
    uint64_t dst, uint32_t src, uint32_t n);
void wrt__rt_DATA_DROP(void *vmctx, uint32_t data);
int64_t wrt__rt_TABLE_GROW(void *vmctx, uint32_t table, uint64_t init,
    uint64_t delta);
void wrt__rt_TABLE_FILL(void *vmctx, uint32_t table, uint64_t dst,
    uint64_t ref, uint64_t n);
void wrt__rt_TABLE_COPY(void *vmctx, uint32_t to, uint32_t from, uint64_t dst,
    uint64_t src, uint64_t n);
void wrt__rt_TABLE_INIT(void *vmctx, uint32_t table, uint32_t elem,
    uint64_t dst, uint32_t src, uint32_t n);
void wrt__rt_ELEM_DROP(void *vmctx, uint32_t elem);
void *wrt__rt_CONT_NEW(void *vmctx, struct wabi_func *f, uint32_t type);
void *wrt__rt_CONT_BIND(void *vmctx, void *ref, const union wabi_val *vals,
    uint32_t n);
uint32_t wrt__rt_RESUME(void *vmctx, void *ref, union wabi_val *vals,
    const struct wabi_clauses *clauses, uint32_t n);
uint32_t wrt__rt_RESUME_THROW(void *vmctx, void *ref, union wabi_val *vals,
    const struct wabi_clauses *clauses, struct wabi_exn *e);
void wrt__rt_SUSPEND(void *vmctx, uint32_t tag, union wabi_val *vals,
    uint32_t n);
void wrt__rt_SWITCH(void *vmctx, void *ref, uint32_t tag, union wabi_val *vals,
    uint32_t n);
/* Not for generated code: wrt__cont_start's. */
void wrt__rt_CONT_END(void);
struct wabi_exn *wrt__rt_EXN_NEW(void *vmctx, uint32_t tag, uint32_t n);
void wrt__rt_EXN_FREE(void *vmctx, struct wabi_exn *e);
void wrt__rt_THROW(void *vmctx, struct wabi_exn *e);
void wrt__rt_SIG_CHECK(void *vmctx, struct wabi_func *f, uint32_t type);
uint32_t wrt__rt_GC_ALLOC(void *vmctx, uint32_t type, uint32_t length);
uint32_t wrt__rt_ARRAY_NEW_DATA(void *vmctx, uint32_t type, uint32_t data,
    uint32_t src, uint32_t n);
uint32_t wrt__rt_ARRAY_NEW_ELEM(void *vmctx, uint32_t type, uint32_t elem,
    uint32_t src, uint32_t n);
void wrt__rt_ARRAY_COPY(void *vmctx, uint32_t to, uint32_t dst, uint32_t from,
    uint32_t src, uint32_t n);
void wrt__rt_ARRAY_INIT_DATA(void *vmctx, uint32_t array, uint32_t dst,
    uint32_t data, uint32_t src, uint32_t n);
void wrt__rt_ARRAY_INIT_ELEM(void *vmctx, uint32_t array, uint32_t dst,
    uint32_t elem, uint32_t src, uint32_t n);
uint32_t wrt__rt_EXTERN_BOX(void *vmctx, uint64_t word);
uint32_t wrt__rt_SUBTYPE(void *vmctx, uint32_t id, uint32_t type);
int wrt__rt_ATOMIC_WAIT32(void *vmctx, uint32_t mem, uint64_t addr,
    uint32_t expected, int64_t timeout_ns);
int wrt__rt_ATOMIC_WAIT64(void *vmctx, uint32_t mem, uint64_t addr,
    uint64_t expected, int64_t timeout_ns);
uint32_t wrt__rt_ATOMIC_NOTIFY(void *vmctx, uint32_t mem, uint64_t addr,
    uint32_t count);

/* wait.c, for the kill signal's handler and a forked child. */
void wrt__wait_kill(struct wrt__thread *t);
void wrt__wait_forked(void);

/* ---- Pool --------------------------------------------------------------- */

struct wrt_pool {
	struct wrt_pool_config cfg;
	enum wrt__mode mode;
	struct wrt__slab slab;		/* mode other than PLAIN */
	struct wrt__arena *_Atomic arena;	/* made when first needed */
	atomic_uint ninstances;
	atomic_uint refs;		/* the host's, and of what lives here */
	atomic_bool closed;		/* the host's is gone */
	/* Resident bytes of free slots and of instances on the shelf. */
	_Atomic uint64_t idle_bytes;
	unsigned forks;

	/* stats.c's */
	wrt_instance *listed;		/* of all descriptions, by in_pool */
	struct wrt_stats gone;		/* of those that were freed */
	wrt__count shared_faults;
};

void wrt__pool_hold(wrt_pool *p);
void wrt__pool_put(wrt_pool *p);
/* Bytes that free slots and parked instances keep. */
uint64_t wrt__pool_kept(wrt_pool *p);

/* ---- The collected heap, see heap.h -------------------------------------- */

struct wrt__heap;

void wrt__pool_arena_free(wrt_pool *p);
/* Give i's group a heap and i a place to allocate from, if its module needs
 * one. */
int wrt__heap_join(wrt_instance *i, struct wrt_error *err);
/* Could instances of the pool use the group's heap, if it has one? */
bool wrt__heap_fits(const struct wrt__group *g, wrt_pool *p);
/* After a trap: leave every run of the group in order. */
void wrt__heap_repair(wrt_instance *inst);
/* i is about to end. */
void wrt__heap_leave(wrt_instance *i);
/* b's objects become a's, which takes b over. */
void wrt__heap_merge(struct wrt__heap *a, struct wrt__heap *b);
void wrt__heap_free(struct wrt__heap *h);
/* i starts anew: nothing refers to its objects any more.  False: others do. */
bool wrt__heap_reset(wrt_instance *i);
/* Undo wrt_gc_limit(); true. */
bool wrt__heap_unlimit(wrt_instance *i);

/* References of anyref's hierarchy, between the guest's form and the host's.
 * With vt, which may be NULL, what comes from the host is checked to be of
 * this type.  WRT_OK, WRT_ETYPE, WRT_ELIMIT. */
uint64_t wrt__ref_to_host(struct wrt__heap *h, uint32_t ref);
int wrt__ref_from_host(struct wrt__group **g, uint64_t word,
    const struct wabi_valtype *vt, const uint32_t *ids, uint32_t *out);
/* The arguments of a call of f; all of the results, or parameters. */
int wrt__args_from_host(struct wabi_func *f, const struct wrt_functype *t,
    wrt_val *vals);
void wrt__vals_to_host(wrt_instance *i, const uint8_t *types, uint32_t n,
    wrt_val *vals);
int wrt__vals_from_host(wrt_instance *i, const uint8_t *types, uint32_t n,
    wrt_val *vals);
/* Entry k of an element segment, in the guest's form. */
int wrt__elem_value(wrt_instance *i, const struct wabi_elem_info *e,
    uint32_t seg, uint32_t k, uint64_t *out);

/* ---- Tables, globals ---------------------------------------------------- */

struct wrt_table {
	struct wabi_table t;		/* first: generated code points here */
	struct wabi_valtype type;
	const uint32_t *ids;		/* canonical ids type refers to */
	struct wabi_limits limits;	/* as declared */
	size_t map_bytes;		/* of base; 0: allocated */
	bool closed;			/* not exported: code may know what
					 * is in it, nobody sets it */
	wrt_instance *owner;		/* or, of a host's list: */
	struct wrt__group *group;
};

int wrt__table_open(struct wrt_table *t, wrt_pool *pool,
    const struct wabi_valtype *type, const uint32_t *ids,
    const struct wabi_limits *limits, uint64_t init, struct wrt_error *err);
void wrt__table_close(struct wrt_table *t);
void wrt__table_reset(struct wrt_table *t, uint64_t init);
/* Undo wrt_table_limit(). */
void wrt__table_unlimit(struct wrt_table *t, const wrt_pool *pool);
int64_t wrt__table_grow(struct wrt_table *t, uint64_t delta, uint64_t init);

/* May a host give this word, of another hierarchy than anyref's, for the type?
 * The public types say less than the module's own: WRT_OK or WRT_ETYPE. */
int wrt__ref_check(const struct wabi_valtype *vt, const uint32_t *ids,
    const wrt_val *v);

struct wrt_global {
	union wabi_val *cell;
	struct wabi_valtype type;
	const uint32_t *ids;
	bool mut;
	wrt_instance *owner;		/* or, of a host's list: */
	struct wrt__group *group;
};

/* ---- Exceptions ---------------------------------------------------------- */

/* What a tag's identity points to; the instance's that defines it, or a
 * host's list's. */
struct wrt_tag {
	uint32_t type_id;
};

/* The exceptions that an instance has made and that are not ended yet. */
struct wrt__exns {
	struct wrt__exn *first;
	uint64_t bytes, collect_at;
};

/* Throw e in the guest that called us, or end it. */
_Noreturn void wrt__throw(struct wrt__act *a, struct wabi_exn *e);
void wrt__exn_adopt(wrt_instance *i, struct wabi_exn *e);
/* End those that nobody can know any more. */
void wrt__exns_reset(wrt_instance *i);
void wrt__exns_free(wrt_instance *i);
/* Values that the host gets: it may keep them until the instance ends. */
void wrt__exns_pin(const uint8_t *types, uint32_t n, const wrt_val *vals);
/* Tell about all payloads, for they hold references. */
void wrt__exns_each(const wrt_instance *i, void (*fn)(void *arg,
    const union wabi_val *vals, const uint8_t *types, uint32_t n), void *arg);

/* ---- Continuations, see cont.c ------------------------------------------- */

struct wrt__cont {
	struct wrt__cont *next, **at;	/* in the owner's list; at points here */
	wrt_instance *owner;		/* NULL: it is no more, and this runs */
	uint32_t slot;			/* as its reference says it */
	bool suspended;			/* somebody may have a reference: this,
					 * and who runs on it up to inner */
	bool marked;
	union wabi_val *vals;		/* suspended: what it is resumed with
					 * goes here, behind nbound of them */
	uint32_t nbound;

	/* Its function.  What is bound before it begins is ours, in vals. */
	struct wabi_func *func;
	void *thunk;
	uint32_t nparams, nresults;
	struct wrt__stack *stack;	/* NULL: it has not begun */

	struct wrt__cont *inner;	/* suspended: where it goes on, at */
	struct wrt__regs regs;

	/* Running, or within a suspended one: who resumed it. */
	struct wrt__cont *parent;	/* NULL: what act began with */
	struct wrt__stack *from_stack;
	struct wrt__regs from;
	const struct wabi_clauses *clauses;
	void *const *tags;		/* of the module whose clauses they are */
	union wabi_val *to;		/* where it wants values */
};

/* The continuations that an instance has made and that are not ended yet. */
struct wrt__conts {
	struct wrt__cont *first;
	uint32_t n, collect_n;		/* collect when there would be more */
	uint64_t bytes, collect_bytes;	/* of their stacks */
	uint32_t max_n;
	uint64_t max_bytes;
};

/* Words that may be references of any kind are in [from, to). */
typedef void wrt__words_fn(void *arg, const void *from, const void *to);

/* cont.c: a, whose regs are where its guest is, goes on where the running
 * continuation was resumed.  That one has ended. */
void wrt__cont_leave(struct wrt__act *a);
/* A call that ran on s, in c or NULL, is over: end c and those that wait for
 * it.  The stack where the call began. */
struct wrt__stack *wrt__chain_end(struct wrt__cont *c, struct wrt__stack *s);
/* The guest's stacks and registers of this thread's activations; those of one
 * activation's continuations, without its innermost; those of a suspended one,
 * of an instance's suspended ones; those of a suspended call, on its stack or
 * NULL. */
void wrt__words_of_acts(wrt__words_fn *fn, void *arg);
void wrt__words_of_chain(const struct wrt__cont *c, wrt__words_fn *fn,
    void *arg);
void wrt__words_of_cont(const struct wrt__cont *k, wrt__words_fn *fn,
    void *arg);
void wrt__words_of_conts(const wrt_instance *i, wrt__words_fn *fn, void *arg);
void wrt__words_of_call(const struct wrt__stack *s, wrt__words_fn *fn,
    void *arg);

/* cont_life.c */
/* What the reference is of; NULL if that is used up. */
struct wrt__cont *wrt__cont_of(const void *ref);
/* The continuation becomes known by a new reference; the old one is used up. */
void wrt__cont_renew(struct wrt__cont *k);
void *wrt__cont_ref(const struct wrt__cont *k);
/* A new one for f, or the trap. */
struct wrt__cont *wrt__cont_new(wrt_instance *i, struct wabi_func *f);
/* If k has no owner any more, it is i's now. */
void wrt__cont_adopt(wrt_instance *i, struct wrt__cont *k);
/* Give k, which is about to begin, its stack, or trap. */
void wrt__cont_stack(struct wrt__cont *k);
/* End k alone; nobody runs on it. */
void wrt__cont_end(struct wrt__cont *k);
/* i ends, or starts anew: so do its continuations. */
void wrt__conts_free(wrt_instance *i);

/* Every word of the group's heap, whatever it is. */
void wrt__heap_words(const struct wrt__heap *h, wrt__words_fn *fn, void *arg);

/* ---- Host functions ----------------------------------------------------- */

/* A host function as it was defined; shared by all that import it. */
struct wrt__hostfn {
	atomic_uint refs;
	uint32_t type_id;
	struct wrt_functype type;	/* lives for ever, see load.h */
	bool has_refs;			/* any among them */
	wrt_host_fn fn;
	void *data;
	struct wrt__cfunc *cfunc;	/* libffi's, or NULL */
	void (*fast)(void);		/* it takes registers only; or NULL */
	char *text;			/* unknown import: what to say */
	struct wrt__service *service;	/* what data is; or NULL */
};

struct wrt__hostfn *wrt__hostfn_new(const struct wrt_functype *type,
    wrt_host_fn fn, void *data);
void wrt__hostfn_put(struct wrt__hostfn *h);
int wrt__cfunc_prepare(struct wrt__hostfn *h, void (*fn)(void));
void wrt__cfunc_free(struct wrt__cfunc *c);
/* Call it on the stack we are on.  Negative: as wrt_host_fn. */
int wrt__hostfn_call(struct wrt__hostfn *h, wrt_instance *caller,
    wrt_val *vals);

/* service.c.  Make h, which is new, a service; WRT_ENOMEM. */
int wrt__service_make(struct wrt__hostfn *h, wrt_instance *callee,
    struct wabi_func *f, const char *module, const char *name,
    const struct wrt_service_options *options);
void wrt__service_free(struct wrt__service *s);
/* Why it cannot be one, or NULL. */
const char *wrt__service_refused(const struct wrt__hostfn *h);
/* The host closes i: what calls it gets to know.  False: i runs, or another
 * thread is about to. */
bool wrt__services_close(wrt_instance *i);
extern pthread_mutex_t wrt__services_lock;

/* Set a's trap code after its host function returned rc, or set a trap. */
void wrt__hostfn_code(struct wrt__act *a, int rc);

/* What generated code takes for the vmctx of a host function: its thunk finds
 * the funcref behind the header. */
struct wrt__hostblock {
	struct wabi_vmctx head;
	struct wabi_func func;
	void (*fast)(void);		/* for HOSTFAST, with ... */
	void *data;
};
_Static_assert(offsetof(struct wrt__hostblock, fast) == 104, "switch.S");
_Static_assert(offsetof(struct wrt__hostblock, data) == WABI_HOST_DATA,
    "switch.S");
_Static_assert(offsetof(struct wrt__hostblock, func) == WABI_VMCTX_HEADER,
    "to_host thunks");

/* ---- Imports ------------------------------------------------------------ */

struct wrt__def {
	struct wrt__def *next;
	uint32_t hash;
	char *module, *name;
	size_t module_len, name_len;
	enum wrt_kind kind;
	struct wrt__hostfn *host;	/* WRT_FUNC of the host */
	wrt_instance *from;		/* or an export of an instance */
	struct wabi_func *func;
	struct wrt_memory *mem;
	struct wrt_table *table;
	struct wrt_global *global;
	void *tag;
	uint32_t tag_type;
	void *own;			/* object to end with the list */
	bool holds_mem;			/* mem is shared, and held for us */
};

#define WRT__BUCKETS 256u

struct wrt_imports {
	struct wrt__def *buckets[WRT__BUCKETS];
	struct wrt__def *retired;	/* replaced: others may point at them */
	enum wrt_unknown unknown;
	atomic_uint refs;		/* the host's, and instances' */
	atomic_uint changes;		/* counts them; the host's end too */
	atomic_uint uses;		/* creations, the first few */
};

void wrt__imports_hold(wrt_imports *l);
void wrt__imports_put(wrt_imports *l);

const struct wrt__def *wrt__imports_find(const wrt_imports *l,
    const char *module, size_t module_len, const char *name, size_t name_len);

/* ---- Instances ---------------------------------------------------------- */

/* Instances that may hold pointers into each other.  They end together, when
 * the last one that the host has open is closed; see link.c. */
struct wrt__group {
	wrt_instance *members;
	struct wrt__group *into;	/* merged; members and counts are there */
	struct wrt__heap *heap;		/* NULL: nobody needs one yet */
	uint32_t refs;			/* who points here */
	uint32_t nopen;			/* open instances, hosts' objects */
};

struct wrt__group *wrt__group_new(void);
struct wrt__group *wrt__group_of(struct wrt__group **g);
void wrt__group_join(struct wrt__group **a, struct wrt__group **b);
void wrt__group_open(struct wrt__group **g);
void wrt__group_close(struct wrt__group **g);
void wrt__group_put(struct wrt__group **g);
/* func becomes reachable from group g. */
void wrt__group_escape(struct wrt__group **g, const struct wabi_func *func);

enum { WRT__MAX_FRAMES = 64, WRT__TEXT = 256 };

enum wrt__state { WRT__READY, WRT__RUNNING, WRT__SUSPENDED, WRT__TRAPPED,
		  WRT__CLOSED };

/* What only few instances have at a time.  Each thread keeps one in reserve, so
 * that a trap is told in full when memory is short. */
struct wrt__trapmore {
	char text[WRT__TEXT];		/* "" : the code's */
	size_t nframes, total;
	struct wrt_frame frames[WRT__MAX_FRAMES];
};

struct wrt__trapinfo {
	int code;			/* 0: none */
	int exit_code;
	struct wabi_exn *exn;		/* EXCEPTION */
	uint64_t address;
	struct wrt__regs regs;		/* to walk, if stack */
	bool is_return;
	struct wrt__stack *stack;	/* kept for the walk, or NULL */
	struct wrt__trapmore *more;	/* NULL: no frames, the code's text */
};

/* Kill: who runs, one word.  The low 31 bits are the thread, the high 32 the
 * code asked for, the one between asks for a suspension; 0 when nothing runs. */
typedef _Atomic uint64_t wrt__kill_word;
#define WRT__KILL_TID	0x7fffffffu
#define WRT__PREEMPT	0x80000000u

struct wrt_instance {
	struct wrt__act *session;	/* or NULL */
	wrt__kill_word kill;
	struct wrt__counts counts;
	struct wrt__service *_Atomic services;	/* whose callee it is */
	wrt_pool *pool;
	struct wrt_module *module;
	struct wrt__group *group;	/* by wrt__group_of(&group) */
	wrt_instance *next;		/* in the group */
	bool open;			/* the host has it */
	bool pinned;			/* others may point into it */
	bool parkable;			/* made whole, shares no memory */
	enum wrt__state state;
	struct wrt__thread *_Atomic thread;	/* that runs it */
	uint32_t depth;			/* nested activations */
	struct wrt__stack *suspended;	/* with the call on it, or NULL */
	struct wrt__context *_Atomic context;	/* room for registers, or NULL */
	struct wrt__limits lim;
	void *data;
	uint64_t stack_bytes;

	uint8_t *vmctx;
	struct wabi_layout l;
	struct wabi_heap gc;		/* what its code allocates from */
	uint32_t gc_run;		/* where that began */
	uint64_t **elem_vals;		/* per segment: values that took code
					 * to make, or NULL */
	struct wabi_func **funcs;	/* per imported function */
	struct wrt_memory **mems;	/* all */
	struct wrt_table **tables;
	struct wrt_global *globals;
	void **tags;
	struct wrt_tag *own_tags;
	struct wrt__exns exns;
	struct wrt__conts conts;
	struct wrt_memory *own_mems;
	struct wrt_table *own_tables;
	uint32_t nown_mems, nown_tables;	/* that are opened */
	struct wrt__run *runs;		/* of all own memories */
	struct wrt__hostblock *hosts;	/* per imported function */
	uint8_t *elem_dropped, *data_dropped;
	struct wrt__origin *origin;	/* a clone's beginning, else NULL: it
					 * begins as its module says */
	bool ran;			/* since it was last cloned */
	struct wrt__trapinfo trap;

	wrt_imports *imports;		/* it was made with, or NULL */
	uint32_t imports_seen;		/* their changes then */
	uint64_t alloc_bytes;		/* of this and the arrays behind it */
	uint64_t idle_bytes;		/* parked: what it takes */
	wrt_instance *parked_next;
	struct wrt__begin begin;
	struct wrt__trapcounts *_Atomic trap_counts;	/* NULL: no traps */
	struct wrt__fuelcount fuel;
	struct wrt__listed in_pool, in_module;	/* at NULL: in none */
};

/* clone.c.  What a clone begins with, and goes back to when it is reset. */
struct wrt__origin {
	struct wrt__image **images;	/* per own memory */
	uint32_t nimages;
	union wabi_val *globals;	/* own ones */
	struct wrt__words {
		uint64_t *word, n;
	} *tables;			/* own ones; functions are the clone's */
	uint32_t ntables;
	uint8_t *dropped;		/* element segments, then data */
	int64_t fuel;
};

/* Link i to what src is linked to, and take src's state. */
int wrt__clone_link(wrt_instance *i, wrt_instance *src, struct wrt_error *err);
/* What of src is neither in the origin nor ever changes again. */
void wrt__clone_settings(wrt_instance *i, const wrt_instance *src);
/* Globals, tables and segments are the origin's again. */
void wrt__clone_thaw(wrt_instance *i);
void wrt__origin_free(struct wrt__origin *o);
/* instance.c: make an instance of src's module and state, or, if src is NULL,
 * of the module's and the imports. */
int wrt__instance_make(wrt_instance **out, wrt_pool *pool, wrt_module *module,
    wrt_imports *imports, wrt_instance *src, struct wrt_error *err);
/* Does i, or one that it is linked with, run? */
bool wrt__instance_runs(wrt_instance *i);

_Static_assert(offsetof(wrt_instance, session) == 0, "switch.S");
_Static_assert(offsetof(wrt_instance, kill) == 8, "switch.S");
_Static_assert(offsetof(wrt_instance, counts.done.calls) == 16, "switch.S");

static inline wrt_instance *
wrt__instance_of(const void *vmctx)
{
	return ((const struct wabi_vmctx *)vmctx)->instance;
}

static inline union wabi_val *
wrt__vm_global(wrt_instance *i, uint32_t idx)
{
	return (union wabi_val *)(void *)(i->vmctx + i->l.globals) + idx;
}

static inline struct wabi_func *
wrt__vm_funcs(wrt_instance *i)
{
	return (struct wabi_func *)(void *)(i->vmctx + i->l.funcs);
}

/* The funcref of function idx; NULL if the module never makes one. */
struct wabi_func *wrt__instance_funcref(wrt_instance *i, uint32_t idx);
/* Free all, whatever is there. */
void wrt__instance_free(wrt_instance *i);
/* The same for one into which nobody points: its group goes on without it. */
void wrt__instance_free_alone(wrt_instance *i);
/* link.c: fill funcs, mems, tables, globals, tags with what is imported. */
int wrt__link(wrt_instance *i, const wrt_imports *l, struct wrt_error *err);
/* The same with what src, of the same module, imports. */
int wrt__link_same(wrt_instance *i, wrt_instance *src, struct wrt_error *err);
/* Could somebody else hold a pointer into i?  It then ends with its group. */
void wrt__instance_unlink(wrt_instance *i);
/* Values that cross instances by the host's hand. */
void wrt__vals_escape(wrt_instance *to, const uint8_t *types, uint32_t n,
    const wrt_val *vals);

/* An initial value; may run guest code.  WRT_OK, WRT_ETRAP, WRT_ELOAD. */
int wrt__init_value(wrt_instance *i, const struct wabi_init *init,
    union wabi_val *out);
/* Segments; 0 or an enum wabi_trap. */
int wrt__table_init(wrt_instance *i, uint32_t table, uint32_t elem,
    uint64_t dst, uint32_t src, uint32_t n);
int wrt__memory_init(wrt_instance *i, uint32_t mem, uint32_t data,
    uint64_t dst, uint32_t src, uint32_t n);

/* fuel.c: what a new or reset instance begins with; what a fault has left
 * over, when the frames are known. */
void wrt__fuel_init(wrt_instance *i);
void wrt__fuel_set(wrt_instance *i, int64_t units);
uint64_t wrt__fuel_used(const wrt_instance *i);
void wrt__fuel_fault(struct wrt__act *a);

const char *wrt__trap_text(int code);
void wrt__trap_clear(wrt_instance *i);
/* The trap's text, WRT__TEXT bytes to write to; NULL: no memory for it. */
char *wrt__trap_text_of(wrt_instance *i);
/* Set it; NULL: the code's words. */
void wrt__trap_say(wrt_instance *i, const char *text);
/* Keep what the activation, which trapped, left behind. */
void wrt__trap_keep(struct wrt__act *a);

#endif
