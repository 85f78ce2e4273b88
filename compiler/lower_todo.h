/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_todo.h: handlers that do not exist yet.  Their instructions end the
 * compile with WASMC_EUNSUPPORTED.  Writing one deletes its line here.
 */
#ifndef WC_LOWER_TODO_H
#define WC_LOWER_TODO_H

#define l_cont_new l_unsupported
#define l_cont_bind l_unsupported
#define l_suspend l_unsupported
#define l_resume l_unsupported
#define l_resume_throw l_unsupported
#define l_resume_throw_ref l_unsupported
#define l_switch l_unsupported
#define l_struct_new l_unsupported
#define l_struct_new_default l_unsupported
#define l_struct_get l_unsupported
#define l_struct_set l_unsupported
#define l_array_new l_unsupported
#define l_array_new_default l_unsupported
#define l_array_new_fixed l_unsupported
#define l_array_new_data l_unsupported
#define l_array_new_elem l_unsupported
#define l_array_get l_unsupported
#define l_array_set l_unsupported
#define l_array_len l_unsupported
#define l_array_fill l_unsupported
#define l_array_copy l_unsupported
#define l_array_init_data l_unsupported
#define l_array_init_elem l_unsupported
#define l_ref_test l_unsupported
#define l_ref_cast l_unsupported
#define l_br_on_cast l_unsupported
#define l_br_on_cast_fail l_unsupported
#define l_any_convert_extern l_unsupported
#define l_extern_convert_any l_unsupported
#define l_ref_i31 l_unsupported
#define l_i31_get l_unsupported

#endif
