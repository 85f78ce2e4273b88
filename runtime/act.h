/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * act.h: threads, guest stacks, activations, and what interrupts these.
 *
 * A part of rt.h, which includes it.
 */
#ifndef WRT_ACT_H
#define WRT_ACT_H

/* ---- Threads and stacks ------------------------------------------------ */

/* How a call was suspended, and so how it goes on. */
enum wrt__suspended_how {
	WRT__BY_HOSTCALL = 1,		/* results go to an array */
	WRT__BY_HOSTFAST,		/* the result goes to a register */
	WRT__BY_SIGNAL,			/* anywhere: the instance's context */
	WRT__BY_PENDING,		/* as a runtime call returned */
};

/* A call that does not run: all there is of it beside its stack, in whose
 * record it is kept, so that suspending allocates nothing. */
struct wrt__suspended {
	enum wrt__suspended_how how;
	struct wrt__regs regs;		/* as at a runtime call */
	void *stack_top;		/* the activation's */
	struct wabi_func *func;		/* that the host called, and ... */
	wrt_val *call_vals;		/* ... its values, on the stack */
	wrt_instance *caller;		/* of the host function */
	struct wrt_functype type;	/* the host function's */
	wrt_val *vals;			/* where its results go */
	wrt_val yielded;
	struct wrt__cont *cont;		/* the activation's */
	uint64_t result[2];		/* BY_PENDING: the runtime call's */
};

struct wrt__stack;

/* Closed instances that this thread would create again; see park.c. */
enum { WRT__PARKS = 32 };

struct wrt__parked {
	const wrt_pool *pool;
	const struct wrt_module *module;
	const wrt_imports *imports;
	wrt_instance *inst;
};

struct wrt__parks {
	atomic_flag lock;
	bool open;
	uint32_t n;
	uint64_t bytes;			/* what they take, in sum */
	struct wrt__parks *next;	/* another thread's */
	struct wrt__parked e[WRT__PARKS];	/* oldest first */
};

bool wrt__parks_open(struct wrt__parks *p);
void wrt__parks_close(struct wrt__parks *p);
/* One that is at its image, initialise() still to be done; or NULL. */
wrt_instance *wrt__park_take(struct wrt__parks *p, const wrt_pool *pool,
    const struct wrt_module *m, const wrt_imports *l);
/* Free some of the pool's.  False: there are none; else it is worth trying
 * again what failed. */
bool wrt__park_reclaim(const wrt_pool *pool);
/* Bytes of those of the pool in all threads' lists. */
uint64_t wrt__park_bytes(const wrt_pool *pool);
/* i is closed and at its image.  False: it has to be freed. */
bool wrt__park_put(struct wrt__parks *p, wrt_instance *i);

struct wrt__thread {
	int tid;
	struct wrt__thread *next, **at;	/* in timer.c's list */
	/* When, by the monotonic clock and by the thread's CPU time, a call's
	 * limit is to be looked at; 0: never.  Set by the thread, taken away by
	 * it or by the watchdog. */
	_Atomic uint64_t wall_alarm, cpu_alarm, slice_alarm;
	struct wrt__context *volatile resume;	/* for the handler to load */
	sigset_t resume_mask;		/* the guest's, with it */
	int resend_timer;		/* the kernel's id, or -1: none yet */
	uint64_t resend_ns;		/* until the next one; 0: not running */
	volatile bool held;		/* the kill signal may be blocked, see
					 * on_kill() */
	void *alt_stack;		/* ours, or NULL: the host's own */
	size_t alt_bytes;		/* with its guard */
	uintptr_t host_low, host_high;	/* the thread's own stack */
	struct wrt__stack *stack;	/* kept for the next call, or NULL */
	struct wrt__waiter *volatile waiter;	/* memory.atomic.wait's */
	struct wrt__trapmore *spare;	/* for the next trap, or NULL */
	struct wrt__parks parks;
	struct wrt__act *sessions;	/* open ones, by next_session */
};

extern _Thread_local struct wrt__thread *wrt__thread
    __attribute__((tls_model("initial-exec")));
struct wrt__thread *wrt__thread_new(void);

/* This thread's; NULL if out of memory the first time. */
static inline struct wrt__thread *
wrt__thread_get(void)
{
	return wrt__thread ? wrt__thread : wrt__thread_new();
}

void wrt__thread_forked(void);
/* Is there room on the host's stack for one more level of nested calls? */
bool wrt__thread_has_room(const struct wrt__thread *t);

struct wrt__stack *wrt__stack_take(struct wrt__thread *t, uint64_t bytes);
void wrt__stack_give(struct wrt__thread *t, struct wrt__stack *s);
void wrt__stack_free(struct wrt__stack *s);

/* ---- Activations --------------------------------------------------------
 *
 * One call from the host into guest code, on the host's stack as long as the
 * call lasts.  The innermost one of a thread is wrt__act.  Nested calls (guest,
 * host function, guest) go on below on the same guest stack.  A call that is
 * suspended ends its activation and goes on in another one.  The first fields
 * are known to switch_*.S.
 */
struct wrt__act {
	void *host_sp;			/* where wrt__leave goes back to */
	void *stack_top;		/* where the guest begins */
	_Atomic uint32_t pending;	/* kill: look when leaving the host */
	union {
		uint32_t ends;		/* any of: by the host function */
		struct {
			bool trap_set;	/* wrt_trap_set or wrt_exit */
			bool throwing;	/* wrt_throw: exn */
			bool yielding;	/* wrt_yield */
		};
	};
	uint32_t is_return;		/* regs.pc is a return address */
	uint32_t in_host;		/* a host function runs */
	struct wrt__regs regs;		/* at a runtime call, or at the fault */
	uint64_t result[2];		/* what wrt__resume returns there, in
					 * the registers for integers, floats;
					 * result[0] is the host block while
					 * HOSTFAST runs */
	wrt_instance *inner;		/* nested call that trapped last */
	struct wrt__thread *thread;
	uint32_t typed;			/* a session's: see wrt__typed_left */

	struct wrt__act *prev;
	wrt_instance *inst;		/* whose function was called */
	struct wrt__stack *stack;
	int code;			/* enum wabi_trap, once it trapped */
	uint64_t address;		/* of a memory fault, in its memory */
	void *fault_page;		/* where there may be a page table to
					 * give back, or NULL */
	bool own_stack;			/* not the enclosing activation's */
	bool may_suspend;		/* a call whose host can resume it */
	bool suspended;			/* it left to be resumed */
	struct wabi_func *func;		/* if it may: what was called, with */
	wrt_val *vals;
	struct wrt__act *next_session;
	struct wrt__service *service;	/* that is called, or NULL */
	uint32_t nservices;		/* such calls, up to here */
	struct wabi_exn *exn;		/* not caught here; with code */
	struct wrt__cont *cont;		/* the continuation that runs; NULL: on
					 * the stack where the call began */
};

/* A guest stack: `bytes` usable ones from low up to top, and a guard of
 * WABI_STACK_GUARD below low. */
struct wrt__stack {
	struct wrt__stack *next;
	uint8_t *low, *top;
	uint64_t bytes;
	struct wrt__suspended call;	/* of the instance that it is kept by */
	struct wrt__act session;	/* likewise, see session.c */
};

_Static_assert(offsetof(struct wrt__act, host_sp) == 0, "switch.S");
_Static_assert(offsetof(struct wrt__act, stack_top) == 8, "switch.S");
_Static_assert(offsetof(struct wrt__act, pending) == 16, "switch.S");
_Static_assert(offsetof(struct wrt__act, ends) == 20, "switch.S");
_Static_assert(offsetof(struct wrt__act, is_return) == 24, "switch.S");
_Static_assert(offsetof(struct wrt__act, in_host) == 28, "switch.S");
_Static_assert(offsetof(struct wrt__act, regs) == 32, "switch.S");
#if defined(__x86_64__)
_Static_assert(offsetof(struct wrt__act, regs.rbx) == 56, "switch.S");
_Static_assert(offsetof(struct wrt__act, result) == 96, "switch.S");
_Static_assert(offsetof(struct wrt__act, inner) == 112, "switch.S");
_Static_assert(offsetof(struct wrt__act, thread) == 120, "switch.S");
_Static_assert(offsetof(struct wrt__act, typed) == 128, "switch.S");
#elif defined(__aarch64__)
_Static_assert(offsetof(struct wrt__act, regs.x19_x30) == 48, "switch.S");
_Static_assert(offsetof(struct wrt__act, result) == 208, "switch.S");
_Static_assert(offsetof(struct wrt__act, inner) == 224, "switch.S");
_Static_assert(offsetof(struct wrt__act, thread) == 232, "switch.S");
_Static_assert(offsetof(struct wrt__act, typed) == 240, "switch.S");
#endif

extern _Thread_local struct wrt__act *wrt__act
    __attribute__((tls_model("initial-exec")));

/* switch_*.S.  wrt__enter calls fn(x, y, z) on the stack act->stack_top; 0 when
 * it returned, 1 when the guest left through wrt__leave, or was to be killed
 * before it began. */
int wrt__enter(struct wrt__act *act, void *fn, void *x, void *y, void *z);
/* The same, but go on at act->regs, a runtime call's return, with act->result
 * in the registers for results. */
int wrt__resume(struct wrt__act *act);
_Noreturn void wrt__leave(struct wrt__act *act);
/* What struct wrt_typed's call is: with a session on this thread that idles,
 * straight into the guest; else, or always, by wrt__typed_array. */
extern const char wrt__typed_call[], wrt__typed_slow[];
/* From a runtime call: go on in the guest with act->regs, two further registers
 * holding exn and 0. */
_Noreturn void wrt__land(struct wrt__act *act, struct wabi_exn *exn);
/* Instructions where the guest may be left as if it were guest code: after the
 * last look at act->pending. */
extern const char wrt__enter_window[], wrt__enter_window_end[];
extern const char wrt__stub_windows[], wrt__stub_windows_end[];
bool wrt__pc_in_window(uintptr_t pc);
/* HOSTFAST, up to where a host function runs: still as guest code, since what
 * follows does not look at act->pending. */
extern const char wrt__stub_HOSTFAST[], wrt__fast_entered[];

/* The handler of faults, and the end of a signal's frame that is ours. */
void wrt__fault_entry(int sig, siginfo_t *si, void *uc);
void wrt__on_fault(int sig, siginfo_t *si, void *uc, const void *back);
extern const char wrt__restorer[];

/* Where a continuation begins: calls fn(x, y, z), which are in registers that
 * calls preserve (see start_regs() in cont.c), and then CONT_END. */
extern const char wrt__cont_start[];

/* The table that vmctx->rt points to. */
extern void *const wrt__rt_table[WABI_RT_SLOTS];

/* End the innermost activation with this trap.  On the host's stack only. */
_Noreturn void wrt__trap(int code);
/* From the stubs: act->pending was set, and act->result is what the runtime
 * call returned.  Returns if it is not set any more. */
void wrt__pending(struct wrt__act *act);

/* act.c.  wrt__act_begin claims inst for this thread: WRT_OK, WRT_ESTATE,
 * WRT_ENOMEM; `resuming` what is suspended and nothing else.  wrt__act_stack
 * gives it a stack, with n values at its top (*vals); on failure the claim is
 * given back.  wrt__act_end, after the guest returned or `left`: WRT_OK,
 * WRT_ETRAP with the trap kept in inst, WRT_SUSPENDED; that of a service's call
 * leaves the claim to wrt__service_release.  wrt__act_release then gives back
 * the stack. */
int wrt__act_begin(struct wrt__act *a, wrt_instance *inst, bool resuming);
/* Is the claim all of i's, or its session's that is between two calls? */
bool wrt__act_outermost(const wrt_instance *i);
int wrt__act_stack(struct wrt__act *a, uint32_t n, wrt_val **vals);
int wrt__act_end(struct wrt__act *a, bool left);
void wrt__act_release(struct wrt__act *a);
void wrt__service_release(struct wrt__act *a);
/* Make it the thread's innermost one, which the handlers find. */
void wrt__act_link(struct wrt__act *a);
/* Give back a claim, nothing having run. */
void wrt__act_cancel(struct wrt__act *a);
/* After wrt__act_stack: enter the guest as wrt__enter does, if there is room;
 * or go on, as wrt__resume does. */
bool wrt__act_enter(struct wrt__act *a, void *fn, void *x, void *y, void *z);
bool wrt__act_resume(struct wrt__act *a);

/* Run fn(x, y, z) as an activation of inst.  WRT_OK, WRT_ETRAP with the trap
 * kept in inst, WRT_ESTATE, WRT_ENOMEM. */
int wrt__run(wrt_instance *inst, void *fn, void *x, void *y, void *z);

/* call.c: run f, in a's instance, which is claimed, to vals.  Gives back the
 * stack; and the claim, too, unless it is a service's. */
int wrt__call_in(struct wrt__act *a, struct wabi_func *f, wrt_val *vals);
/* call.c: the end of a call of f with vals; gives back the stack. */
int wrt__call_end(struct wrt__act *a, bool left, struct wabi_func *f,
    wrt_val *vals, wrt_val *results);

/* session.c: the argument registers of a typed call, as wrt__typed_slow finds
 * and leaves them. */
struct wrt__typed_regs {
	uint64_t ints[WABI_TYPED_FROM_INTS];
	uint64_t floats[WABI_TYPED_FLOATS];
	uint64_t result;
};
_Static_assert(offsetof(struct wrt__typed_regs, floats) == 40, "switch.S");
_Static_assert(offsetof(struct wrt__typed_regs, result) == 104, "switch.S");
_Static_assert(offsetof(struct wrt_typed, thunk) == 16, "switch.S");
_Static_assert(offsetof(struct wrt_typed, instance) == 24, "switch.S");
_Static_assert(offsetof(struct wrt_typed, status) == 48, "switch.S");
void wrt__typed_array(struct wrt_typed *t, struct wrt__typed_regs *r);
/* The guest that t called left: the session's activation is this thread's. */
void wrt__typed_left(struct wrt_typed *t);
/* Does the session's activation run, on this thread? */
bool wrt__session_runs(const struct wrt__act *s);
/* The thread ends, or was forked: what it has open is lost. */
void wrt__sessions_end(struct wrt__thread *t);
void wrt__sessions_forked(struct wrt__thread *t);

/* hostcall.c: do they fit registers, see struct wabi_typed? */
bool wrt__in_registers(const struct wrt_functype *t, unsigned ints);
/* From the stub of HOSTFAST: the host function returned these in its result
 * registers, but act->pending or act->ends.  If there is nothing to be done
 * after all, they are in act->result. */
void wrt__fast_ended(struct wrt__act *act, uint64_t x, uint64_t f);

/* suspend.c: from HOSTCALL, leave the guest; h's results will go to vals, or,
 * if that is NULL, to the result registers.  A trap if it may not be. */
_Noreturn void wrt__suspend(struct wrt__act *a, wrt_instance *caller,
    const struct wrt__hostfn *h, wrt_val *vals);
/* Note the activation as suspended where act->regs say. */
void wrt__suspend_as(struct wrt__act *a, enum wrt__suspended_how how);
/* Is one of the group suspended where its references cannot be found? */
bool wrt__suspended_anywhere(const struct wrt__group *g);
/* End what is suspended, if it is. */
void wrt__suspended_drop(wrt_instance *i);

/* ---- Signals ------------------------------------------------------------ */

/* Install the handlers, once per process. */
int wrt__signals_init(struct wrt_error *err);
/* The signal that wrt_instance_kill sends. */
int wrt__kill_signal(void);
void wrt__kill_unblock(void);
/* The outermost activation from a outwards that is to end, or NULL. */
struct wrt__act *wrt__killed(struct wrt__act *a);
/* May the guest not go on, for a kill or a fork? */
bool wrt__must_end(struct wrt__act *a);

/* ---- Time slices --------------------------------------------------------- */

/* Room for all registers; NULL: out of memory. */
struct wrt__context *wrt__context_new(void);
/* From the handler's frame; false if there is more than fits. */
bool wrt__context_save(struct wrt__context *c, const ucontext_t *uc);
void wrt__context_load(const struct wrt__context *c, ucontext_t *uc);
/* Once, before there are handlers. */
void wrt__context_init(void);
/* In a handler that will not return: give the thread the floating-point control
 * that it had.  False, if the kernel must do that, or anything else. */
bool wrt__context_leave(const ucontext_t *uc);
/* Go on with the instance's context, as wrt__act_enter. */
bool wrt__context_enter(struct wrt__act *a);

/* Is the activation to be suspended? */
bool wrt__slice_wanted(const struct wrt__act *a);
/* From the handler: a slice is used up; then, what is to be done about all
 * requests, false if there are none.  by_timer: it is a signal sent again. */
void wrt__slice_over(wrt_instance *i);
bool wrt__slice_signal(struct wrt__act *a, ucontext_t *uc, bool in_guest,
    bool by_timer);
/* Counts forks seen in this process, as the child: pools do not survive. */
extern unsigned wrt__forks;
/* For fork.c: modules, types, registry.c, address ranges, stacks, slots of
 * continuations, counters. */
extern pthread_mutex_t wrt__modules_lock, wrt__types_lock, wrt__registry_lock,
    wrt__ranges_lock, wrt__stacks_lock, wrt__conts_lock,
    wrt__stats_lock;

/* ---- Time --------------------------------------------------------------- */

void wrt__timer_add(struct wrt__thread *t);
void wrt__timer_remove(struct wrt__thread *t);
void wrt__timer_forked(struct wrt__thread *self);
/* Have the kill signal sent to this thread again, after ever longer times,
 * until it is stopped.  `again`: it was now.  Both may be called by the
 * handler. */
void wrt__resend_start(struct wrt__thread *t, bool again);
void wrt__resend_stop(struct wrt__thread *t);
/* Start the watchdog if there is none.  WRT_OK or WRT_ESYS. */
int wrt__watchdog_start(void);
/* It is to look at the threads' alarms at that time, or earlier. */
void wrt__watchdog_at(uint64_t monotonic_ns);
uint64_t wrt__now_ns(clockid_t clock);

/* A call's time limits, and where it stands.  The limits that hold during a
 * call are those that were set when it began. */
struct wrt__limits {
	bool set;			/* one of the next four is not 0 */
	bool count_cpu;			/* stats are to have the CPU time */
	uint64_t wall_ns, cpu_ns;	/* of each call; 0: none */
	uint64_t slice_ns;		/* until it is suspended; 0: never */
	uint64_t cpu_begin;		/* the clock, as this call began; or 0 */
	uint64_t wall_end, cpu_end;	/* of this call; 0: none */
	uint64_t wall_left, cpu_left;	/* of a suspended call; 0: none is */
	uint64_t cpu_paused;		/* likewise, of one that calls a
					 * service */
	uint64_t slice_end;
	/* the thread's alarms before */
	uint64_t wall_before, cpu_before, slice_before;
};

/* Set `set`. */
void wrt__limits_changed(wrt_instance *i);
/* The instance's outermost activation begins, linked, or has ended, or was
 * suspended: what it had left is kept. */
void wrt__limits_begin(struct wrt__act *a);
void wrt__limits_end(wrt_instance *i, struct wrt__thread *t, bool suspended);
/* The CPU time of i's call, which runs, does not count until it goes on.
 * False: it has no such limit. */
bool wrt__limits_pause(wrt_instance *i, struct wrt__thread *t);
void wrt__limits_go_on(wrt_instance *i, struct wrt__thread *t);
/* From the handler: mark what is over its time as killed. */
void wrt__limits_check(struct wrt__act *a);

#endif
