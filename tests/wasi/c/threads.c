/* A program of threads without a library: 4 threads hash pieces of a buffer
 * and meet at a lock and a barrier made of wait and notify. */
typedef unsigned int u32;
typedef unsigned long long u64;

__attribute__((import_module("wasi"), import_name("thread-spawn")))
int spawn(void *arg);
__attribute__((import_module("wasi_snapshot_preview1"),
    import_name("fd_write")))
int fd_write(int fd, const void *iov, int n, u32 *done);

enum { THREADS = 4, STACK = 16384, ROUNDS = 2000, BYTES = 1 << 20 };

struct job {
	char *stack_top;		/* read by the entry, first */
	int number;
};
static struct job jobs[THREADS];
static char stacks[THREADS][STACK] __attribute__((aligned(16)));
static unsigned char data[BYTES];
static int lock, arrived, round;
static u64 sum;
static u32 total;

/* The stack pointer is a global of the instance: each thread sets its own. */
__asm__(".globaltype __stack_pointer, i32\n"
	".globl wasi_thread_start\n"
	".export_name wasi_thread_start, wasi_thread_start\n"
	".functype thread_body (i32, i32) -> ()\n"
	"wasi_thread_start:\n"
	".functype wasi_thread_start (i32, i32) -> ()\n"
	"local.get 1\n"
	"i32.load 0\n"
	"global.set __stack_pointer\n"
	"local.get 0\n"
	"local.get 1\n"
	"call thread_body\n"
	"end_function\n");

static void
lock_take(void)
{
	int was = 0;

	if (__atomic_compare_exchange_n(&lock, &was, 1, 0, 5, 5))
		return;
	while (__atomic_exchange_n(&lock, 2, 5))
		__builtin_wasm_memory_atomic_wait32(&lock, 2, -1);
}

static void
lock_give(void)
{
	if (__atomic_exchange_n(&lock, 0, 5) == 2)
		__builtin_wasm_memory_atomic_notify(&lock, 1);
}

static void
barrier(void)
{
	int now = __atomic_load_n(&round, 5);

	if (__atomic_add_fetch(&arrived, 1, 5) == THREADS + 1) {
		__atomic_store_n(&arrived, 0, 5);
		__atomic_add_fetch(&round, 1, 5);
		__builtin_wasm_memory_atomic_notify(&round, 1000);
		return;
	}
	while (__atomic_load_n(&round, 5) == now)
		__builtin_wasm_memory_atomic_wait32(&round, now, -1);
}

__attribute__((used)) void
thread_body(int tid, struct job *j)
{
	volatile char on_stack[1024];	/* of this thread's own */
	u64 h = 0;
	int i;

	for (i = 0; i < 1024; i++)
		on_stack[i] = (char)j->number;
	barrier();
	for (i = j->number; i < BYTES; i += THREADS)
		h += (u64)data[i] * (u32)(i + 1);
	for (i = 0; i < ROUNDS; i++) {
		lock_take();
		total++;
		lock_give();
	}
	for (i = 0; i < 1024; i++)
		if (on_stack[i] != j->number)
			__builtin_trap();
	lock_take();
	sum += h;
	lock_give();
	barrier();
	for (;;)			/* main ends us */
		barrier();
}

static void
put(u64 x)
{
	char s[24], *p = s + sizeof s;
	struct { const char *p; u32 n; } iov;
	u32 done;

	*--p = '\n';
	do
		*--p = (char)('0' + x % 10);
	while (x /= 10);
	iov.p = p;
	iov.n = (u32)(s + sizeof s - p);
	fd_write(1, &iov, 1, &done);
}

void
_start(void)
{
	u64 want = 0;
	int i;

	for (i = 0; i < BYTES; i++) {
		data[i] = (unsigned char)(i * 7 >> 3);
		want += (u64)data[i] * (u32)(i + 1);
	}
	for (i = 0; i < THREADS; i++) {
		jobs[i].stack_top = stacks[i] + STACK;
		jobs[i].number = i;
		if (spawn(&jobs[i]) <= 0)
			__builtin_trap();
	}
	barrier();
	barrier();
	put(total);
	put(sum);
	put(want == sum);
}
