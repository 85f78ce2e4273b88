/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * errno.c: the host's error numbers as WASI's.
 */
#include <errno.h>

#include "wasi.h"

int
wasi_errno(int host_errno)
{
	switch (host_errno) {
#define E(name, number)	case E##name: return number;
#define W(name, number)
#include "errno.def"
#undef E
#undef W
	case 0:
		return WASI_SUCCESS;
	default:
		return WASI_IO;
	}
}
