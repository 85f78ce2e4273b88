/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * faults.c: traps that come as signals.  The handler leaves for the host without
 * going back to the kernel where it may, and what the kernel would have put in
 * order must be in order; memories whose guests fault again and again get a
 * fence, which must be nobody else's.
 */
#include <fenv.h>
#include <pthread.h>
#include <sys/mman.h>

#include "api.h"

static const uint8_t i32s[] = { WRT_I32 };
static const struct wrt_functype i1_t = { 1, 1, i32s, i32s };

enum { KIB64 = 65536, FAR = 0x10000000 };

struct env {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	wrt_instance *i, *inner;
};

static int32_t (*host_fn)(struct env *e, int32_t x);

static int
host(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 = host_fn ? host_fn(data, v[0].i32) : v[0].i32;
	return WRT_OK;
}

static void
up(struct env *e, uint32_t ninstances)
{
	struct wrt_pool_config c = { .max_instances = ninstances,
		.max_memories = 1 };
	struct wrt_error err;

	if (wrt_pool_create(&e->p, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	e->m = api_module("faults");
	CHECK_EQ(wrt_imports_create(&e->l), 0);
	CHECK_EQ(wrt_imports_func(e->l, "env", "host", &i1_t, host, e), 0);
	e->i = api_instance(e->p, e->m, e->l);
	e->inner = ninstances > 1 ? api_instance(e->p, e->m, e->l) : NULL;
}

static void
down(struct env *e)
{
	wrt_instance_close(e->i);
	wrt_instance_close(e->inner);
	wrt_module_close(e->m);
	wrt_imports_destroy(e->l);
	wrt_pool_destroy(e->p);
}

static void
traps_at(wrt_instance *i, uint32_t addr)
{
	struct wrt_trap t;

	CHECK_EQ(api_call(i, "poke", 2, (int32_t)addr, 1, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	CHECK_EQ(t.code, WRT_TRAP_MEMORY_OOB);
	CHECK_EQ(t.address, addr);
	CHECK_EQ(t.nframes, 1);
	CHECK_EQ(api_call(i, "peek", 1, (int32_t)addr, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(i), WRT_TRAP_MEMORY_OOB);
}

static void
overflows(wrt_instance *i)
{
	CHECK_EQ(api_call(i, "deep", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(trap_code(i), WRT_TRAP_STACK_OVERFLOW);
}

static int32_t
peek(wrt_instance *i, int32_t addr)
{
	int32_t x;

	CHECK_EQ(api_call(i, "peek", 1, addr, 0, 0, &x), 0);
	return x;
}

static void
poke(wrt_instance *i, int32_t addr, int32_t byte)
{
	CHECK_EQ(api_call(i, "poke", 2, addr, byte, 0, NULL), 0);
	CHECK_EQ(peek(i, addr), byte);
}

static void
grow(wrt_instance *i, int32_t pages, int32_t was)
{
	int32_t x;

	CHECK_EQ(api_call(i, "grow", 1, pages, 0, 0, &x), 0);
	CHECK_EQ(x, was);
}

/* ---- What the kernel puts in order --------------------------------------- */

static struct sigaction ours[2];	/* for SIGSEGV, SIGBUS */
static volatile int passed, returned;

static void
pass_by_jump(int sig, siginfo_t *si, void *uc)
{
	passed++;
	ours[sig == SIGBUS].sa_sigaction(sig, si, uc);
}

static void
pass_and_return(int sig, siginfo_t *si, void *uc)
{
	passed++;
	ours[sig == SIGBUS].sa_sigaction(sig, si, uc);
	returned++;
}

static void
handle_faults(void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sa.sa_sigaction = fn;
	sigaddset(&sa.sa_mask, SIGUSR1);
	CHECK_EQ(sigaction(SIGSEGV, &sa, &ours[0]), 0);
	CHECK_EQ(sigaction(SIGBUS, &sa, &ours[1]), 0);
}

/* Sets of signals have bits that mean nothing. */
static void
same_mask(const sigset_t *expected)
{
	sigset_t now;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	for (int sig = 1; sig < 65; sig++)
		if (sigismember(&now, sig) != sigismember(expected, sig))
			test_end('F', "signal %d", sig);
}

TEST(signal_mask)
{
	sigset_t mask;
	struct env e;

	up(&e, 2);
	overflows(e.i);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	for (int k = 0; k < 3; k++) {
		traps_at(e.i, FAR);
		same_mask(&mask);
		overflows(e.i);
		same_mask(&mask);
	}
	handle_faults(pass_by_jump);
	for (int k = 0; k < 3; k++) {
		traps_at(e.inner, FAR);
		same_mask(&mask);
		overflows(e.inner);
		same_mask(&mask);
	}
	CHECK(passed >= 9);
	down(&e);
}

/* A handler of the host's that comes first may have something to put away. */
TEST(handler_from_later_is_returned_to)
{
	struct env e;

	up(&e, 2);
	handle_faults(pass_and_return);
	for (int k = 0; k < 3; k++) {
		traps_at(e.i, FAR);
		overflows(e.i);
		CHECK(passed >= 3 * (k + 1));
		CHECK_EQ(returned, passed);
	}
	down(&e);
}

static void
raise_on_the_x87(void)
{
#if defined(__x86_64__)
	volatile long double zero = 0, x = 1 / zero;

	CHECK(x > 1);
#endif
}

TEST(floating_point_flags_and_control)
{
	struct env e;
	fenv_t all;

	up(&e, 2);
	CHECK_EQ(fegetenv(&all), 0);
	for (int k = 0; k < 8; k++) {
		CHECK_EQ(fesetround(k & 1 ? FE_UPWARD : FE_TOWARDZERO), 0);
		feclearexcept(FE_ALL_EXCEPT);
		if (k & 2)
			feraiseexcept(FE_OVERFLOW);
		if (k & 4)
			raise_on_the_x87();
		traps_at(e.i, FAR);
		overflows(e.i);
		CHECK_EQ(fegetround(), k & 1 ? FE_UPWARD : FE_TOWARDZERO);
		CHECK_EQ(fetestexcept(FE_OVERFLOW) != 0, (k & 2) != 0);
#if defined(__x86_64__)
		unsigned short control;

		CHECK_EQ(fetestexcept(FE_DIVBYZERO) != 0, (k & 4) != 0);
		__asm__ volatile("fnstcw %0" : "=m"(control));
		CHECK_EQ(control >> 10 & 3, k & 1 ? 2 : 3);
		/* Denormals are zero, results are flushed. */
		__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
		traps_at(e.i, FAR);
		CHECK_EQ(__builtin_ia32_stmxcsr() & 0x8040, 0x8040);
		__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() & ~0x8040u);
#endif
	}
	fesetenv(&all);
	down(&e);
}

/* A signal stack that the kernel takes away while a handler runs, and gives
 * back when that returns. */
TEST(signal_stack_that_disarms_itself)
{
	enum { BYTES = 256 << 10, AUTODISARM = (int)(1u << 31) };
	stack_t ss = { .ss_size = BYTES, .ss_flags = AUTODISARM }, now;
	struct env e;

	ss.ss_sp = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(ss.ss_sp != MAP_FAILED);
	if (sigaltstack(&ss, NULL) != 0)
		SKIP("no such signal stacks here: %s", strerror(errno));
	up(&e, 2);
	for (int k = 0; k < 3; k++) {
		traps_at(e.i, FAR);
		CHECK_EQ(sigaltstack(NULL, &now), 0);
		CHECK(now.ss_sp == ss.ss_sp && now.ss_size == BYTES);
		CHECK(!(now.ss_flags & SS_DISABLE));
		overflows(e.i);
	}
	down(&e);
}

/* ---- A kill at the same time --------------------------------------------- */

static wrt_instance *victim;

static void
kill_and_pass(int sig, siginfo_t *si, void *uc)
{
	if (victim && wrt_instance_kill(victim, 1234) != WRT_OK)
		_exit(50);
	victim = NULL;
	pass_and_return(sig, si, uc);
}

static int32_t
inner_traps(struct env *e, int32_t x)
{
	sigset_t now;

	victim = e->i;
	overflows(e->inner);
	CHECK(!victim);
	/* The host waits, say: the kill must reach it. */
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	CHECK(!sigismember(&now, SIGURG));
	return x;
}

TEST(outer_call_is_killed_as_the_inner_traps)
{
	struct env e;

	up(&e, 2);
	overflows(e.inner);
	handle_faults(kill_and_pass);
	host_fn = inner_traps;
	for (int k = 0; k < 20; k++) {
		CHECK_EQ(api_call(e.i, "plus", 1, k, 0, 0, NULL), WRT_ETRAP);
		CHECK_EQ(trap_code(e.i), 1234);
	}
	down(&e);
}

/* ---- Fences --------------------------------------------------------------- */

/* At many places, so often that there is a fence. */
static void
traps_beyond(wrt_instance *i, uint32_t pages)
{
	for (int k = 0; k < 3; k++) {
		traps_at(i, pages * KIB64);
		traps_at(i, pages * KIB64 + 5000);
		traps_at(i, 0x7ffffff0);
		traps_at(i, UINT32_MAX);
	}
}

TEST(memory_grows_beyond_its_fence)
{
	wrt_memory *mem;
	struct env e;

	up(&e, 2);
	CHECK_EQ(wrt_instance_memory(e.i, "mem", 3, &mem), 0);
	for (int k = 0; k < 3; k++) {
		traps_beyond(e.i, 1);
		grow(e.i, 0, 1);
		traps_beyond(e.i, 1);
		grow(e.i, 9, 1);
		for (int32_t p = 1; p < 10; p++) {
			CHECK_EQ(peek(e.i, p * KIB64 + 8), 0);
			poke(e.i, p * KIB64 + 7, p);
		}
		CHECK_EQ(peek(e.i, 16), 't');
		traps_beyond(e.i, 10);
		CHECK_EQ(wrt_memory_grow(mem, 390), 10);
		traps_beyond(e.i, 400);
		CHECK_EQ(*(uint8_t *)wrt_memory_at(mem, 399 * KIB64, KIB64), 0);
		CHECK_EQ(peek(e.i, 9 * KIB64 + 7), 9);
		poke(e.i, 400 * KIB64 - 1, 7);
		CHECK_EQ(wrt_instance_reset(e.i, NULL), 0);
		traps_at(e.i, 9 * KIB64 + 7);
		CHECK_EQ(peek(e.i, 16), 't');
	}
	down(&e);
}

static void
clones(struct env *e)
{
	wrt_instance *c;

	CHECK_EQ(wrt_instance_clone(&c, e->i, e->p, NULL), 0);
	traps_beyond(c, 3);
	CHECK_EQ(peek(c, 2 * KIB64), 5);
	grow(c, 2, 3);
	poke(c, 4 * KIB64, 1);
	traps_beyond(c, 5);
	wrt_instance_close(c);
}

TEST(next_instance_has_no_fence_of_the_last)
{
	wrt_instance *large;
	wrt_module *m;
	struct env e;

	up(&e, 2);
	m = api_module("faults_large");
	for (int k = 0; k < 5; k++) {
		traps_beyond(e.i, 1);
		wrt_instance_close(e.i);
		/* parked, or not */
		e.i = api_instance(e.p, e.m, e.l);
		traps_beyond(e.i, 1);
		grow(e.i, 2, 1);
		poke(e.i, 2 * KIB64, 5);
		traps_beyond(e.i, 3);
		wrt_instance_close(e.inner);
		clones(&e);
		traps_beyond(e.i, 3);
		wrt_instance_close(e.i);
		e.i = api_instance(e.p, m, NULL);
		large = api_instance(e.p, m, NULL);
		for (int32_t p = 0; p < 40; p++) {
			poke(e.i, p * KIB64 + 9, p);
			poke(large, p * KIB64 + 9, p);
		}
		traps_beyond(e.i, 40);
		wrt_instance_close(large);
		wrt_instance_close(e.i);
		e.i = api_instance(e.p, e.m, e.l);
		e.inner = api_instance(e.p, e.m, e.l);
	}
	wrt_module_close(m);
	down(&e);
}

TEST(fences_in_a_session)
{
	struct wrt_typed peeks;
	struct env e;

	up(&e, 2);
	peeks = typed(e.i, "peek", &i1_t);
	CHECK_EQ(wrt_instance_enter(e.i), 0);
	for (int k = 0; k < 10; k++) {
		call1(&peeks, FAR + k * KIB64);
		CHECK_EQ(peeks.status, WRT_ETRAP);
		CHECK_EQ(call1(&peeks, 16), 't');
		CHECK_EQ(peeks.status, WRT_OK);
	}
	CHECK_EQ(wrt_instance_leave(e.i), 0);
	grow(e.i, 3, 1);
	poke(e.i, 3 * KIB64, 1);
	down(&e);
}

static int
mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0;

	CHECK(f);
	for (int c; (c = getc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

/* A process may have 65,530 mappings, and others want some. */
TEST(fences_are_not_too_many)
{
	enum { N = 1500 };
	static wrt_instance *all[N];
	struct env e;
	int before;

	if (THREAD_SANITIZER)
		SKIP("the sanitizer has taken the address space");
	up(&e, 2);
	if (strcmp(wrt_pool_memory_mode(e.p), "userfaultfd"))
		SKIP("no fences in memory mode %s",
		    wrt_pool_memory_mode(e.p));
	down(&e);
	up(&e, N + 2);
	before = mappings();
	for (int k = 0; k < N; k++) {
		all[k] = api_instance(e.p, e.m, e.l);
		for (int j = 0; j < 3; j++)
			CHECK_EQ(api_call(all[k], "peek", 1, FAR, 0, 0, NULL),
			    WRT_ETRAP);
	}
	CHECK(mappings() - before < 2200);
	for (int k = 0; k < N; k++) {
		grow(all[k], 1, 1);
		poke(all[k], KIB64 + k, k & 255);
		wrt_instance_close(all[k]);
	}
	CHECK(mappings() - before < 200);
	down(&e);
}

TEST_MAIN
