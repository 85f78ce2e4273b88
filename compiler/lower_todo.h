/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * lower_todo.h: handlers that do not exist yet.  Their instructions end the
 * compile with WASMC_EUNSUPPORTED.  Writing one deletes its line here.
 *
 * There are none now.  A line is
 *
 *	#define l_NAME l_unsupported
 */
#ifndef WC_LOWER_TODO_H
#define WC_LOWER_TODO_H

l_handler l_unsupported;

#endif
