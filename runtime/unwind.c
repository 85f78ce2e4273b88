/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * unwind.c: walk the guest's frames from the registers that a trap saved.
 *
 * The walk is done later and elsewhere: on the host's stack, with the guest's
 * stack as the trap left it.  libgcc's unwinder begins at its caller, so its
 * caller is a stub whose unwind description says that it was called from the
 * guest: the CFA is the guest's sp, and every register that calls preserve is
 * in the struct wrt__regs that one of the stub's own such registers points to.
 * From there it goes on by the artifact's .eh_frame, which it finds as for any
 * shared object.  The stub's frame is marked as a signal's, so that the pc is
 * taken as it is; a return address is made to point into its call first.
 */
#include <unwind.h>

#include "load.h"

struct walk {
	wrt__frame_fn fn;
	void *arg;
	size_t max, n;
	bool is_return;			/* of the first frame */
	bool in_guest;			/* the stub's frame is behind us */
};

/* unwind_*.S: _Unwind_Backtrace(step, w) as if called by the guest. */
_Unwind_Reason_Code wrt__unwind_from(const struct wrt__regs *regs,
    _Unwind_Trace_Fn step, void *w);

static _Unwind_Reason_Code
step(struct _Unwind_Context *context, void *arg)
{
	struct walk *w = arg;
	uintptr_t pc = _Unwind_GetIP(context);
	bool is_return = true;

	if (!w->in_guest) {
		w->in_guest = true;
		return _URC_NO_REASON;
	}
	if (pc == 0 || w->n == w->max)
		return _URC_END_OF_STACK;
	if (w->n++ == 0) {
		is_return = w->is_return;
		pc += is_return;	/* undo wrt__unwind's step back */
	}
	return w->fn(w->arg, pc, is_return) ? _URC_NO_REASON :
	    _URC_END_OF_STACK;
}

size_t
wrt__unwind(const struct wrt__regs *regs, bool is_return, size_t max,
    wrt__frame_fn fn, void *arg)
{
	struct walk w = { fn, arg, max, 0, is_return, false };
	struct wrt__regs r = *regs;

	r.pc -= is_return;
	wrt__unwind_from(&r, step, &w);
	return w.n;
}

/* ---- Backtraces ---- */

struct backtrace {
	struct wrt_frame *frames;
	size_t room, nframes, total;
};

static bool
collect(void *arg, uintptr_t pc, bool is_return)
{
	struct backtrace *b = arg;
	struct wrt_module *m;
	struct wrt_frame f[WRT__PLACE_FRAMES];
	unsigned n;

	/* Frames of the runtime and of thunks lie between those of wasm. */
	if (!wrt__registry_find(pc - is_return, &m))
		return true;
	n = wrt__symbolise(m, pc, is_return, f);
	for (unsigned i = 0; i < n; i++, b->total++)
		if (b->nframes < b->room)
			b->frames[b->nframes++] = f[i];
	return true;
}

size_t
wrt__backtrace(const struct wrt__regs *regs, bool is_return,
    struct wrt_frame *frames, size_t room, size_t *nframes)
{
	struct backtrace b = { frames, room, 0, 0 };

	wrt__unwind(regs, is_return, WRT__UNWIND_MAX, collect, &b);
	*nframes = b.nframes;
	return b.total;
}
