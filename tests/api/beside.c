/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * beside.c: guests in a host that has signal handlers, signal stacks, rounding
 * modes, fibers and forks of its own: what docs/HOSTS.md promises.
 */
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "api.h"

enum { MS = 1000000 };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i;
};

static int32_t (*host_fn)(wrt_instance *caller, int32_t x);

static int
host(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 = host_fn ? host_fn(caller, v[0].i32) : v[0].i32;
	return WRT_OK;
}

static void
up_with(struct env *e, wrt_module *m)
{
	static const uint8_t i32[] = { WRT_I32 };
	static const struct wrt_functype t = { 1, 1, i32, i32 };

	e->p = api_pool();
	e->m = m;
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "host", &t, host, NULL), 0);
	e->i = api_instance(e->p, e->m, e->l);
}

static void
up(struct env *e)
{
	up_with(e, api_module("beside"));
}

static void
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

static void
traps(wrt_instance *i, const char *f, int code)
{
	struct wrt_trap t;

	CHECK_EQ(api_call(i, f, f[0] == 'd' || f[0] == 'p', 0, 0, 0, NULL),
	    WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	CHECK_EQ(t.code, code);
}

static int64_t
mix(wrt_instance *i)
{
	wrt_val n = { .i64 = 200000 }, r = { .i64 = 0 };

	CHECK_EQ(wrt_instance_call(i, "mix", &n, 1, &r), 0);
	return r.i64;
}

/* ---- Handlers for the signals that are ours too -------------------------- */

static char *page;			/* the host's own, which faults */
static volatile int faults;
static sigset_t mask_in_handler;
static struct sigaction ours;

static void
mend(siginfo_t *si)
{
	if ((char *)si->si_addr < page || (char *)si->si_addr >= page + 4096)
		_exit(50);		/* a guest's fault is not the host's */
	faults++;
	pthread_sigmask(SIG_BLOCK, NULL, &mask_in_handler);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void
on_own_fault(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	mend(si);
}

/* Of a host that knows its own page and passes on the rest. */
static void
on_fault_first(int sig, siginfo_t *si, void *uc)
{
	if ((char *)si->si_addr >= page && (char *)si->si_addr < page + 4096)
		mend(si);
	else
		ours.sa_sigaction(sig, si, uc);
}

static void
handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags,
    struct sigaction *old)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | flags };

	sa.sa_sigaction = fn;
	sigaddset(&sa.sa_mask, SIGUSR1);
	CHECK_EQ(sigaction(sig, &sa, old), 0);
}

static void
touch_page(void)
{
	CHECK_EQ(mprotect(page, 4096, PROT_NONE), 0);
	*(volatile char *)page = 1;
}

static void
guests_and_faults(void)
{
	struct env e;
	sigset_t now;

	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	up(&e);
	if (ours.sa_flags)		/* the host's is to be the first */
		handle(SIGSEGV, on_fault_first, SA_ONSTACK, &ours);
	for (int k = 0; k < 20; k++) {
		traps(e.i, "oob", WRT_TRAP_MEMORY_OOB);
		traps(e.i, "deep", WRT_TRAP_STACK_OVERFLOW);
		CHECK_EQ(faults, k);
		touch_page();
		CHECK_EQ(faults, k + 1);
		/* As the kernel would have called it. */
		CHECK(sigismember(&mask_in_handler, SIGUSR1));
		CHECK(sigismember(&mask_in_handler, SIGSEGV));
		pthread_sigmask(SIG_BLOCK, NULL, &now);
		CHECK(!sigismember(&now, SIGUSR1));
		CHECK(!sigismember(&now, SIGSEGV));
	}
	down(&e);
}

TEST(handler_from_before)
{
	handle(SIGSEGV, on_own_fault, 0, NULL);
	guests_and_faults();
}

TEST(handler_from_later_that_passes_on)
{
	ours.sa_flags = 1;
	guests_and_faults();
}

/* Runs fn in a child, which a signal is to end. */
static int
signal_of_child(void (*fn)(struct env *))
{
	struct env e;
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		alarm(20);
		up(&e);
		traps(e.i, "oob", WRT_TRAP_MEMORY_OOB);
		fn(&e);
		_exit(51);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	return WTERMSIG(status);
}

static void
fault_at_null(struct env *e)
{
	(void)e;
	*(volatile int *)8 = 1;
}

static void
fault_again(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	if (faults++)
		_exit(52);
	*(volatile int *)16 = 1;
}

/* A crash handler that crashes is not called again. */
TEST(fault_in_the_hosts_handler)
{
	handle(SIGSEGV, fault_again, 0, NULL);
	CHECK_EQ(signal_of_child(fault_at_null), SIGSEGV);
}

static void
note(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	if (faults++)
		_exit(52);
}

/* One that is for one time, and returns so that the fault comes again. */
TEST(handler_for_one_time)
{
	handle(SIGSEGV, note, (int)SA_RESETHAND, NULL);
	CHECK_EQ(signal_of_child(fault_at_null), SIGSEGV);
}

static void
send_segv(struct env *e)
{
	traps(e->i, "deep", WRT_TRAP_STACK_OVERFLOW);
	kill(getpid(), SIGSEGV);
	usleep(100000);
}

TEST(signals_that_somebody_sent)
{
	signal(SIGSEGV, SIG_DFL);	/* sanitizers have theirs */
	CHECK_EQ(signal_of_child(send_segv), SIGSEGV);
	CHECK_EQ(signal_of_child(fault_at_null), SIGSEGV);
}

static void
count(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	faults++;
}

/* SIGURG means urgent data to the host, which had it before us. */
TEST(hosts_own_sigurg)
{
	struct env e;

	handle(SIGURG, count, SA_RESTART, NULL);
	up(&e);
	for (int k = 0; k < 10; k++) {
		raise(SIGURG);
		CHECK_EQ(faults, k + 1);
		CHECK(mix(e.i) == mix(e.i));
	}
	down(&e);
}

/* ---- Handlers above guests ----------------------------------------------- */

static volatile uintptr_t handler_sp;
static volatile double junk = 1.25;

static void
on_tick(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	handler_sp = (uintptr_t)__builtin_frame_address(0);
	for (int k = 0; k < 20; k++)
		junk = junk * 1.000001 + 0.5 / junk;
	faults++;
}

static void
tick(long us)
{
	const struct itimerval it = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

TEST(handlers_above_guests_change_nothing)
{
	int64_t expected;
	struct env e;

	handle(SIGALRM, on_tick, SA_ONSTACK | SA_RESTART, NULL);
	up(&e);
	expected = mix(e.i);
	tick(500);
	while (faults < 100)
		CHECK_EQ(mix(e.i), expected);
	tick(0);
	down(&e);
}

static void *
on_own_stack(void *arg)
{
	enum { BYTES = 256 << 10 };
	struct env *e = arg;
	char *p = malloc(BYTES);
	stack_t ss = { .ss_sp = p, .ss_size = BYTES }, now, off = {
		.ss_flags = SS_DISABLE };

	CHECK(p);
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	traps(e->i, "oob", WRT_TRAP_MEMORY_OOB);
	traps(e->i, "deep", WRT_TRAP_STACK_OVERFLOW);
	CHECK_EQ(sigaltstack(NULL, &now), 0);
	CHECK(now.ss_sp == p && now.ss_size == BYTES && !now.ss_flags);
	for (int n = 0; n < 20; n++) {
		int before = faults;

		tick(1000);
		while (faults == before)
			mix(e->i);
		tick(0);
		CHECK(handler_sp >= (uintptr_t)p);
		CHECK(handler_sp < (uintptr_t)p + BYTES);
	}
	sigaltstack(&off, NULL);
	free(p);
	return NULL;
}

/* One as large as ours stays, and is used. */
TEST(hosts_own_signal_stack)
{
	sigset_t alarms;
	struct env e;
	pthread_t t;

	NEEDS_SIGNALS();
	up(&e);
	handle(SIGALRM, on_tick, SA_ONSTACK | SA_RESTART, NULL);
	CHECK_EQ(pthread_create(&t, NULL, on_own_stack, &e), 0);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	pthread_join(t, NULL);
	down(&e);
}

/* Ours ends at a guard: below it nothing can be written. */
TEST(signal_stack_has_a_guard)
{
	stack_t ss;
	struct env e;
	int fds[2];

	up(&e);
	CHECK(mix(e.i) == mix(e.i));
	CHECK_EQ(sigaltstack(NULL, &ss), 0);
	CHECK(!(ss.ss_flags & SS_DISABLE) && ss.ss_size >= 64 << 10);
	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(write(fds[1], "xy", 2), 2);
	CHECK_EQ(read(fds[0], ss.ss_sp, 1), 1);
	CHECK(read(fds[0], (char *)ss.ss_sp - 1, 1) < 0 && errno == EFAULT);
	CHECK(read(fds[0], (char *)ss.ss_sp - 65536, 1) < 0);
	down(&e);
}

/* ---- Floating point ------------------------------------------------------ */

static int32_t
rounding_in_host(wrt_instance *caller, int32_t x)
{
	(void)caller;
	(void)x;
	return fegetround();
}

static void
rounds_as(int mode, double guests)
{
	volatile double one = 1, three = 3;

	CHECK_EQ(fegetround(), mode);
	CHECK(one / three == guests);
}

TEST(rounding_is_the_callers)
{
	static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
		FE_TOWARDZERO };
	double got[4];
	struct env e;
	int32_t x;

	NEEDS_SIGNALS();
	up(&e);
	host_fn = rounding_in_host;
	CHECK_EQ(wrt_instance_set_timeout(e.i, 2 * MS, 0), 0);
	for (int k = 0; k < 4; k++) {
		wrt_val v = { .f64 = 1 }, r;

		CHECK_EQ(fesetround(modes[k]), 0);
		while (wrt_instance_call(e.i, "third", &v, 1, &r) != 0)
			;
		got[k] = r.f64;
		rounds_as(modes[k], got[k]);
		traps(e.i, "oob", WRT_TRAP_MEMORY_OOB);
		rounds_as(modes[k], got[k]);
		traps(e.i, "spin", WRT_TRAP_TIMEOUT);
		rounds_as(modes[k], got[k]);
		while (api_call(e.i, "plus", 1, 0, 0, 0, &x) != 0)
			;
		CHECK_EQ(x, modes[k] + 100);
	}
	fesetround(FE_TONEAREST);
	CHECK(got[0] == 1.0 / 3);
	CHECK(got[1] > got[2]);
	CHECK(got[2] == got[3]);
	down(&e);
}

/* ---- Fibers -------------------------------------------------------------- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static ucontext_t main_fiber, fiber;
static struct env *fiber_env;
static int32_t fiber_result;
static bool fiber_traps, fiber_done;

static int32_t
leave_fiber(wrt_instance *caller, int32_t x)
{
	if (caller != fiber_env->i)
		return x;
	CHECK_EQ(swapcontext(&fiber, &main_fiber), 0);
	return x + 1;
}

static void
in_fiber(void)
{
	fiber_result = -1;
	if (fiber_traps)
		traps(fiber_env->i, "plus_then_oob", WRT_TRAP_MEMORY_OOB);
	else
		CHECK_EQ(api_call(fiber_env->i, "plus", 1, 7, 0, 0,
		    &fiber_result), 0);
	fiber_done = true;
}

/* A guest on a fiber calls the host, which goes on with another fiber, which
 * calls another guest: calls end in the reverse order of their beginning. */
TEST(guests_on_fibers)
{
	enum { BYTES = 512 << 10 };
	char *stack = malloc(BYTES);
	wrt_instance *other;
	struct env e;
	int32_t x;

#ifdef SANITIZED
	SKIP("sanitizers do not know of makecontext()'s stacks");
#endif
	CHECK(stack);
	up(&e);
	fiber_env = &e;
	host_fn = leave_fiber;
	other = api_instance(e.p, e.m, e.l);
	for (int k = 0; k < 10; k++) {
		fiber_traps = k & 1;
		fiber_done = false;
		CHECK_EQ(getcontext(&fiber), 0);
		fiber.uc_stack.ss_sp = stack;
		fiber.uc_stack.ss_size = BYTES;
		fiber.uc_link = &main_fiber;
		makecontext(&fiber, in_fiber, 0);
		CHECK_EQ(swapcontext(&main_fiber, &fiber), 0);
		CHECK(!fiber_done);
		CHECK(mix(other) == mix(other));
		CHECK_EQ(api_call(other, "plus", 1, 3, 0, 0, &x), 0);
		CHECK_EQ(x, 103);
		traps(other, "oob", WRT_TRAP_MEMORY_OOB);
		traps(other, "deep", WRT_TRAP_STACK_OVERFLOW);
		CHECK_EQ(swapcontext(&main_fiber, &fiber), 0);
		CHECK(fiber_done);
		CHECK_EQ(fiber_result, fiber_traps ? -1 : 108);
	}
	wrt_instance_close(other);
	down(&e);
	free(stack);
}

/* ---- fork ---------------------------------------------------------------- */

static atomic_bool stop;

/* Whatever has a lock of the process's own. */
static void *
be_busy(void *arg)
{
	struct env *e = arg;
	int fd = wrt_module_fd(e->m);
	uint64_t bytes = 64 << 10;

	while (!atomic_load(&stop)) {
		struct wrt_error err;
		wrt_instance *i;
		wrt_module *m;

		bytes = bytes > 4 << 20 ? 64 << 10 : bytes + 4096;
		CHECK_EQ(wrt_module_open_fd(&m, fd, "beside", &err), 0);
		CHECK_EQ(wrt_instance_create(&i, e->p, m, e->l, &err), 0);
		CHECK_EQ(wrt_instance_set_stack(i, bytes > 1 << 20 ? 1 << 20 :
		    bytes), 0);
		traps(i, "oob", WRT_TRAP_MEMORY_OOB);
		CHECK_EQ(wrt_instance_reset(i, NULL), 0);
		wrt_instance_close(i);
		wrt_module_close(m);
	}
	return NULL;
}

static void
in_child(struct env *e)
{
	struct wrt_error err;
	struct env mine, twice;
	wrt_instance *i;
	wrt_module *m;

	alarm(TEST_SECONDS / 2);
	if (wrt_instance_create(&i, e->p, e->m, e->l, NULL) != WRT_ESTATE ||
	    api_call(e->i, "oob", 0, 0, 0, 0, NULL) != WRT_ESTATE ||
	    wrt_module_open_fd(&m, wrt_module_fd(e->m), "beside", &err) != 0)
		_exit(53);
	up_with(&mine, m);
	up(&twice);
	CHECK_EQ(mix(mine.i), mix(twice.i));
	traps(mine.i, "oob", WRT_TRAP_MEMORY_OOB);
	traps(mine.i, "deep", WRT_TRAP_STACK_OVERFLOW);
	CHECK_EQ(wrt_instance_set_timeout(mine.i, MS, 0), 0);
	traps(mine.i, "spin", WRT_TRAP_TIMEOUT);
	down(&twice);
	/* What is the parent's may be ended, whoever had it locked. */
	down(e);
	CHECK_EQ(wrt_instance_set_timeout(mine.i, 0, 0), 0);
	CHECK(mix(mine.i) == mix(mine.i));
	down(&mine);
	_exit(0);
}

TEST(fork_in_a_busy_host)
{
	int n = getenv("LONG") ? 500 : 40;
	pthread_t t[3];
	struct env e;
	time_t end;

	if (THREAD_SANITIZER)
		SKIP("the sanitizer misses the parent's threads");
	if (getenv("LONG"))
		alarm(20 * TEST_SECONDS);
	up(&e);
	for (int k = 0; k < 3; k++)
		CHECK_EQ(pthread_create(&t[k], NULL, be_busy, &e), 0);
	end = time(NULL) + (getenv("LONG") ? 600 : 10);
	for (int k = 0; k < n && (k < 2 || time(NULL) < end); k++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			in_child(&e);
		while (waitpid(pid, &status, 0) < 0)
			CHECK_EQ(errno, EINTR);
		if (status)
			test_end('F', "child %d: status %#x", k, status);
	}
	atomic_store(&stop, true);
	for (int k = 0; k < 3; k++)
		pthread_join(t[k], NULL);
	CHECK(mix(e.i) == mix(e.i));
	down(&e);
}

TEST_MAIN
