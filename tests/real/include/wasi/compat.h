/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * compat.h: what programs for POSIX use and wasi-libc leaves out, as far
 * as the tests' programs only need it to compile.
 */
#ifndef COMPAT_H
#define COMPAT_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>

#define fchmod(fd, mode)	((void)(mode), 0)
#define fchown(fd, u, g)	((void)(u), (void)(g), 0)
#define chmod(path, mode)	((void)(mode), 0)
#define chown(path, u, g)	((void)(u), (void)(g), 0)
#define system(s)		(-1)
#define tmpfile()		((FILE *)0)
#define tmpnam(s)		((char *)0)
#ifndef L_tmpnam
#define L_tmpnam		20
#endif

#endif
