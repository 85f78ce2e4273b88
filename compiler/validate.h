/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * validate.h: what the files of the validator share.
 *
 *   validate.c          the machine: operand stack, blocks, locals, bodies
 *   validate_control.c  rules of control instructions
 *   validate_rules.c    rules of variables, tables, memories, references
 *   validate_gc.c       rules of structures, arrays, casts, continuations
 *   validate_types.c    defined types: equality, subtyping
 *   validate_module.c   everything outside function bodies
 *
 * An instruction whose row in ops.def has a signature is checked by it; the
 * others have a rule, a function of type v_rule.
 */
#ifndef WC_VALIDATE_H
#define WC_VALIDATE_H

#include "compile.h"
#include "insn.h"

/* Of any heap type: what a reference popped from unreachable code refers to. */
#define HT_BOT	HT_ABSTRACT

struct frame {				/* a block that is open */
	struct blocktype type;
	uint16_t op;			/* OP_BLOCK, ..., OP_CATCH once in it */
	bool unreachable;
	uint32_t height;		/* of the operand stack at its start */
	uint32_t ninits;		/* locals set before it */
};

struct validator {
	struct compile *c;
	struct module *m;
	struct reader r;
	struct insn in;

	struct vtype *stack;
	uint32_t nstack, stack_room, stack_max;
	struct frame *frames;
	uint32_t nframes, frames_room;
	uint32_t nest, most_nest;	/* of them, that are no `block` */

	/* Locals: parameters from the type, the next ones expanded, those
	 * beyond found in the runs, so that no more memory is touched than the
	 * body has bytes. */
	struct vtypes params, results;
	struct vtype *locals;
	uint32_t nlocals;		/* parameters included */
	uint32_t nfast, locals_room;
	const struct local_run *runs;
	uint32_t *run_ends;		/* local index after each run */
	uint32_t nruns;
	uint32_t *set_in;		/* number of the body that last set the
					 * local; those without default only */
	uint32_t serial;		/* number of this body */
	uint32_t *inits;		/* locals set, in order, for undoing */
	uint32_t ninits, inits_room;

	bool constant;			/* in a constant expression */
	uint32_t nglobals_visible;	/* in it */
	bool done;			/* the last frame was closed */
};

typedef void v_rule(struct validator *v);

/* ---- validate.c ---- */

#define T(kind)		((struct vtype){ (kind), false, 0 })
#define REF(heap)	((struct vtype){ T_REF, false, (heap) })
#define REF_NULL(heap)	((struct vtype){ T_REF, true, (heap) })

/* The module breaks a rule; at the instruction being checked. */
_Noreturn void v_fail(struct validator *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void v_push(struct validator *v, struct vtype t);
void v_push_all(struct validator *v, struct vtypes t);
struct vtype v_pop_any(struct validator *v);
void v_pop(struct validator *v, struct vtype want);
void v_pop_all(struct validator *v, struct vtypes t);
struct vtype v_pop_ref(struct validator *v);	/* any reference, or T_BOT */
void v_unreachable(struct validator *v);

struct frame *v_label(struct validator *v, uint32_t depth);
struct vtypes v_frame_params(struct validator *v, struct frame *f);
struct vtypes v_frame_results(struct validator *v, struct frame *f);
struct vtypes v_label_types(struct validator *v, struct frame *f);
void v_block_type(struct validator *v);
void v_open(struct validator *v, enum op op);
void v_close(struct validator *v);	/* check and pop the inmost frame */
void v_reset_frame(struct validator *v, struct frame *f);

struct vtype v_local(struct validator *v, uint32_t idx);
bool v_local_is_set(struct validator *v, uint32_t idx, struct vtype t);
void v_local_set(struct validator *v, uint32_t idx, struct vtype t);

void v_constexpr(struct validator *v, const struct constexpr *e,
    struct vtype want, uint32_t nglobals_visible);
void v_body(struct validator *v, uint32_t func);

/* "i32", "(ref null 3)"; good to the end of the full expression. */
struct type_text { char s[40]; };
struct type_text type_text(struct vtype t);
#define TYPE_TEXT(t)	(type_text(t).s)

/* Does an instruction without a signature have its rule? (for tests) */
bool validate_has_rule(enum op op);

/* ---- Rules, by instruction ---- */

v_rule v_unreachable_op, v_block, v_if, v_else, v_end, v_catch,
    v_catch_all, v_delegate, v_rethrow, v_throw, v_throw_ref, v_try_table,
    v_br, v_br_if, v_br_table, v_return, v_call, v_call_indirect, v_call_ref,
    v_return_call, v_return_call_indirect, v_return_call_ref, v_br_on_null,
    v_br_on_non_null, v_br_on_cast, v_br_on_cast_fail;
v_rule v_drop, v_select, v_select_t, v_local_get, v_local_set_op, v_local_tee,
    v_global_get, v_global_set, v_table_get, v_table_set, v_table_grow,
    v_table_fill, v_table_copy, v_table_init, v_memory_copy, v_ref_null,
    v_ref_is_null, v_ref_func, v_ref_eq, v_ref_as_non_null;
v_rule v_struct_new, v_struct_new_default, v_struct_get, v_struct_set,
    v_array_new, v_array_new_default, v_array_new_fixed, v_array_new_data,
    v_array_new_elem, v_array_get, v_array_set, v_array_len, v_array_fill,
    v_array_copy, v_array_init_data, v_array_init_elem, v_ref_test,
    v_ref_cast, v_any_convert_extern, v_extern_convert_any, v_ref_i31,
    v_i31_get, v_cont_new, v_cont_bind, v_suspend, v_resume, v_resume_throw,
    v_resume_throw_ref, v_switch;

/* ---- Things by index, or "unknown ..." ---- */

struct type *v_type(struct validator *v, uint32_t idx);
struct type *v_func_type(struct validator *v, uint32_t idx);
struct func *v_func(struct validator *v, uint32_t idx);
struct table *v_table(struct validator *v, uint32_t idx);
struct memory *v_memory(struct validator *v, uint32_t idx);
struct type *v_tag_type(struct validator *v, uint32_t idx);
struct elem *v_elem(struct validator *v, uint32_t idx);
void v_data(struct validator *v, uint32_t idx);
void v_vtype(struct validator *v, struct vtype t);	/* heap exists */
void v_heap(struct validator *v, uint32_t heap);
/* As v_heap(), and fails with "invalid cast" if nothing casts to it. */
void v_castable(struct validator *v, uint32_t heap);

/* ---- validate_types.c ---- */

void v_types(struct validator *v);
bool heap_sub(const struct module *m, uint32_t a, uint32_t b);
bool vtype_sub(const struct module *m, struct vtype a, struct vtype b);
bool vtype_equal(const struct module *m, struct vtype a, struct vtype b);
bool vtypes_sub(const struct module *m, struct vtypes a, struct vtypes b);
bool func_sub(const struct module *m, const struct type *a,
    const struct type *b);
static inline bool
has_default(struct vtype t)
{
	return t.kind != T_REF || t.nullable;
}

/* ---- validate_module.c ---- */

void v_module(struct validator *v);

#endif
