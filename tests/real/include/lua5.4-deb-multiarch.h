/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What Debian's build of Lua generates: where C modules would be. */
#define DEB_HOST_MULTIARCH "none"
