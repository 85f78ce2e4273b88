/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* snapshot.h: an instance's state as an artifact; see docs/SNAPSHOTS.md. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>

#include "wasmc.h"
#include "wasmrt_wasi.h"

struct snapshot_how {
	const char *out;		/* the file */
	const char *ran;		/* what was called, for the mark */
	const char *const *hide;	/* exports to leave out */
	size_t nhide;
};

/* Write the state of an instance that does not run, and whose WASI is w (NULL:
 * none).  The result has been verified by the runtime's rules, or there is
 * none.  false: `why` says what cannot be written down, or what failed. */
bool snapshot_write(wrt_instance *, wrt_wasi *w, const struct snapshot_how *,
    struct wrt_error *why);

#endif
