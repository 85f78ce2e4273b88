/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * knobs.h: which of LLVM's passes generate code, and whose turn it is.
 *
 * LLVM's C interface chooses them by options of the whole process only.  So
 * code is generated between knobs_enter() and knobs_leave(): any number of
 * threads at once with the same set of options, and with another set when they
 * are done.
 */
#ifndef WC_KNOBS_H
#define WC_KNOBS_H

enum knobs {
	KNOBS_ALL,		/* LLVM's own choice */
	KNOBS_FEW,		/* what is worth its time at level 1 */
};

/* Wait until LLVM's options are those of the set, and keep them so until
 * knobs_leave(), from the same thread or another.  Between the two nothing is
 * done that could wait for another thread's knobs_enter().  Who waits gets its
 * turn after those who are in: nobody overtakes for ever.  Cannot fail. */
void knobs_enter(enum knobs);
void knobs_leave(void);

#endif
