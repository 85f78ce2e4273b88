/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * disasm.h: instructions and types as text, for the dumper and for messages.
 */
#ifndef WC_DISASM_H
#define WC_DISASM_H

#include <stdio.h>

#include "insn.h"

/* Print the instruction with its immediates, near the text format. */
void disasm_insn(FILE *out, const struct module *m, const struct insn *in);

void disasm_vtype(FILE *out, struct vtype t);
void disasm_type(FILE *out, const struct type *t);
void disasm_limits(FILE *out, const struct limits *l);
/* A name from the module in quotes; what is not printable as \xx. */
void disasm_name(FILE *out, struct slice name);

#endif
