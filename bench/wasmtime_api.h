/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmtime_api.h: as much of wasmtime's C API as bench/runtime.c uses.
 *
 * The Python package `wasmtime` carries the library but no header.  What stands
 * here are its documented functions and the layouts of version 50, in our own
 * words; wt_load() refuses a package of another major version.
 */
#ifndef WASMTIME_API_H
#define WASMTIME_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WT_VERSION = 50 };

typedef struct wt_engine wt_engine;
typedef struct wt_config wt_config;
typedef struct wt_poolcfg wt_poolcfg;
typedef struct wt_module wt_module;
typedef struct wt_store wt_store;
typedef struct wt_context wt_context;
typedef struct wt_linker wt_linker;
typedef struct wt_pre wt_pre;
typedef struct wt_error wt_error;
typedef struct wt_trap wt_trap;
typedef struct wt_future wt_future;
typedef struct wt_caller wt_caller;
typedef struct wt_wasi wt_wasi;
typedef struct wt_valtype wt_valtype;
typedef struct wt_functype wt_functype;

struct wt_vec {				/* of bytes, of value types */
	size_t n;
	void *data;
};

struct wt_instance {
	uint64_t store;
	size_t index;
};

struct wt_func {
	uint64_t store;
	void *p;
};

union wt_raw {
	int32_t i32;
	int64_t i64;
	uint8_t v128[16];
	uint64_t words[2];
};

struct wt_val {
	uint8_t kind;			/* 0: i32 */
	union {
		int32_t i32;
		uint64_t words[3];
	} of;
};

struct wt_extern {
	uint8_t kind;			/* 0: function */
	union {
		struct wt_func func;
		uint64_t words[3];
	} of;
};

/* How an asynchronous host function goes on: callback says whether it is
 * done. */
struct wt_continuation {
	bool (*callback)(void *env);
	void *env;
	void (*finalizer)(void *env);
};

_Static_assert(sizeof(union wt_raw) == 16, "wasmtime_val_raw_t");
_Static_assert(sizeof(struct wt_val) == 32, "wasmtime_val_t");
_Static_assert(sizeof(struct wt_extern) == 32, "wasmtime_extern_t");

typedef wt_trap *wt_host_fn(void *env, wt_caller *, const struct wt_val *args,
    size_t nargs, struct wt_val *results, size_t nresults);
typedef wt_trap *wt_host_raw_fn(void *env, wt_caller *, union wt_raw *,
    size_t n);
typedef void wt_host_async_fn(void *env, wt_caller *, const struct wt_val *args,
    size_t nargs, struct wt_val *results, size_t nresults, wt_trap **,
    struct wt_continuation *);

/* X(result, name, parameters) */
#define WT_FUNCTIONS(X)							\
	X(wt_config *, wasm_config_new, (void))				\
	X(wt_engine *, wasm_engine_new_with_config, (wt_config *))	\
	X(void, wasm_engine_delete, (wt_engine *))			\
	X(void, wasmtime_config_epoch_interruption_set,			\
	    (wt_config *, bool))					\
	X(void, wasmtime_config_wasm_gc_set, (wt_config *, bool))	\
	X(void, wasmtime_config_wasm_function_references_set,		\
	    (wt_config *, bool))					\
	X(wt_error *, wasmtime_context_gc, (wt_context *))		\
	X(void, wasmtime_config_consume_fuel_set, (wt_config *, bool))	\
	X(wt_error *, wasmtime_context_set_fuel, (wt_context *, uint64_t)) \
	X(void, wasmtime_context_epoch_deadline_async_yield_and_update, \
	    (wt_context *, uint64_t delta))				\
	X(wt_error *, wasmtime_linker_define_unknown_imports_as_traps,	\
	    (wt_linker *, wt_module *))					\
	X(void, wasmtime_config_parallel_compilation_set,		\
	    (wt_config *, bool))					\
	X(void, wasmtime_config_memory_reservation_set,			\
	    (wt_config *, uint64_t))					\
	X(void, wasmtime_config_memory_reservation_for_growth_set,	\
	    (wt_config *, uint64_t))					\
	X(void, wasmtime_config_memory_guard_size_set,			\
	    (wt_config *, uint64_t))					\
	X(void, wasmtime_config_memory_init_cow_set, (wt_config *, bool)) \
	X(wt_poolcfg *, wasmtime_pooling_allocation_config_new, (void))	\
	X(void, wasmtime_pooling_allocation_config_delete,		\
	    (wt_poolcfg *))						\
	X(void, wasmtime_pooling_allocation_config_total_core_instances_set, \
	    (wt_poolcfg *, uint32_t))					\
	X(void, wasmtime_pooling_allocation_config_total_memories_set,	\
	    (wt_poolcfg *, uint32_t))					\
	X(void, wasmtime_pooling_allocation_config_total_tables_set,	\
	    (wt_poolcfg *, uint32_t))					\
	X(void, wasmtime_pooling_allocation_config_total_stacks_set,	\
	    (wt_poolcfg *, uint32_t))					\
	X(void, wasmtime_pooling_allocation_config_max_memory_size_set,	\
	    (wt_poolcfg *, size_t))					\
	X(void, wasmtime_pooling_allocation_config_max_unused_warm_slots_set, \
	    (wt_poolcfg *, uint32_t))					\
	X(void,								\
	    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set, \
	    (wt_poolcfg *, size_t))					\
	X(void, wasmtime_pooling_allocation_strategy_set,		\
	    (wt_config *, const wt_poolcfg *))				\
	X(wt_error *, wasmtime_module_new,				\
	    (wt_engine *, const uint8_t *, size_t, wt_module **))	\
	X(void, wasmtime_module_delete, (wt_module *))			\
	X(wt_error *, wasmtime_module_serialize,			\
	    (wt_module *, struct wt_vec *))				\
	X(wt_error *, wasmtime_module_deserialize_file,			\
	    (wt_engine *, const char *path, wt_module **))		\
	X(wt_wasi *, wasi_config_new, (void))				\
	X(bool, wasi_config_set_argv, (wt_wasi *, size_t, const char **)) \
	X(void, wasi_config_inherit_stdin, (wt_wasi *))			\
	X(void, wasi_config_inherit_stdout, (wt_wasi *))		\
	X(void, wasi_config_inherit_stderr, (wt_wasi *))		\
	X(bool, wasi_config_preopen_dir,				\
	    (wt_wasi *, const char *host, const char *guest, bool writable)) \
	X(wt_error *, wasmtime_linker_define_wasi, (wt_linker *))	\
	X(wt_error *, wasmtime_context_set_wasi, (wt_context *, wt_wasi *)) \
	X(bool, wasmtime_error_exit_status, (const wt_error *, int *))	\
	X(wt_store *, wasmtime_store_new,				\
	    (wt_engine *, void *data, void (*finalizer)(void *)))	\
	X(wt_context *, wasmtime_store_context, (wt_store *))		\
	X(void, wasmtime_store_delete, (wt_store *))			\
	X(void, wasmtime_context_set_epoch_deadline,			\
	    (wt_context *, uint64_t ticks))				\
	X(void, wasmtime_engine_increment_epoch, (wt_engine *))		\
	X(wt_linker *, wasmtime_linker_new, (wt_engine *))		\
	X(void, wasmtime_linker_delete, (wt_linker *))			\
	X(wt_error *, wasmtime_linker_define_func,			\
	    (wt_linker *, const char *, size_t, const char *, size_t,	\
	    const wt_functype *, wt_host_fn *, void *env,		\
	    void (*finalizer)(void *)))					\
	X(wt_error *, wasmtime_linker_define_func_unchecked,		\
	    (wt_linker *, const char *, size_t, const char *, size_t,	\
	    const wt_functype *, wt_host_raw_fn *, void *env,		\
	    void (*finalizer)(void *)))					\
	X(wt_error *, wasmtime_linker_define_async_func,		\
	    (wt_linker *, const char *, size_t, const char *, size_t,	\
	    const wt_functype *, wt_host_async_fn *, void *env,		\
	    void (*finalizer)(void *)))					\
	X(wt_error *, wasmtime_linker_define_instance,			\
	    (wt_linker *, wt_context *, const char *, size_t,		\
	    const struct wt_instance *))				\
	X(wt_error *, wasmtime_linker_instantiate,			\
	    (const wt_linker *, wt_context *, const wt_module *,	\
	    struct wt_instance *, wt_trap **))				\
	X(wt_error *, wasmtime_linker_instantiate_pre,			\
	    (const wt_linker *, const wt_module *, wt_pre **))		\
	X(wt_future *, wasmtime_linker_instantiate_async,		\
	    (const wt_linker *, wt_context *, const wt_module *,	\
	    struct wt_instance *, wt_trap **, wt_error **))		\
	X(void, wasmtime_instance_pre_delete, (wt_pre *))		\
	X(wt_error *, wasmtime_instance_pre_instantiate,		\
	    (const wt_pre *, wt_context *, struct wt_instance *,	\
	    wt_trap **))						\
	X(bool, wasmtime_instance_export_get,				\
	    (wt_context *, const struct wt_instance *, const char *,	\
	    size_t, struct wt_extern *))				\
	X(uint8_t *, wasmtime_memory_data,				\
	    (const wt_context *, const void *memory))			\
	X(wt_error *, wasmtime_func_call,				\
	    (wt_context *, const struct wt_func *, const struct wt_val *, \
	    size_t, struct wt_val *, size_t, wt_trap **))		\
	X(wt_error *, wasmtime_func_call_unchecked,			\
	    (wt_context *, const struct wt_func *, union wt_raw *, size_t, \
	    wt_trap **))						\
	X(wt_future *, wasmtime_func_call_async,			\
	    (wt_context *, const struct wt_func *, const struct wt_val *, \
	    size_t, struct wt_val *, size_t, wt_trap **, wt_error **))	\
	X(bool, wasmtime_call_future_poll, (wt_future *))		\
	X(void, wasmtime_call_future_delete, (wt_future *))		\
	X(void, wasmtime_error_message, (const wt_error *, struct wt_vec *)) \
	X(void, wasmtime_error_delete, (wt_error *))			\
	X(void, wasm_byte_vec_delete, (struct wt_vec *))		\
	X(void, wasm_trap_delete, (wt_trap *))				\
	X(void, wasm_trap_message, (const wt_trap *, struct wt_vec *))	\
	X(wt_valtype *, wasm_valtype_new, (uint8_t kind))		\
	X(void, wasm_valtype_vec_new,					\
	    (struct wt_vec *, size_t, wt_valtype *const *))		\
	X(wt_functype *, wasm_functype_new,				\
	    (struct wt_vec *params, struct wt_vec *results))		\
	X(void, wasm_functype_delete, (wt_functype *))

/* wt.NAME(...): the functions by their own names. */
struct wt_api {
#define X(result, name, params) result (*name) params;
	WT_FUNCTIONS(X)
#undef X
};
extern struct wt_api wt;

/* Load the library, once: the file WASMTIME_LIB, or that of the Python package
 * in build/venv.  NULL when it is ready to be used, else why it is absent. */
const char *wt_load(void);
/* The version that was loaded, as text, or "". */
const char *wt_version(void);

#endif
