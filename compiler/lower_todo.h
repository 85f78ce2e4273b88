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

#endif
