/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * async_server.c: many guests that wait, in one thread.
 *
 * Each connection has an instance of guest_async.c.  The guest's receive() and
 * transmit() are host functions that suspend it when the socket is not ready:
 * its call returns WRT_SUSPENDED, the loop goes on with others, and when epoll
 * says that the socket is, wrt_instance_resume() brings the guest what its
 * function returns.  A guest that computes for more than a millisecond is
 * suspended too, and waits for its next turn.
 *
 *	make examples
 *	build/examples/async_server build/examples/guest_async.so [N]
 *
 * prints the port of 127.0.0.1 where it listens.  With N it ends when as many
 * connections have ended.
 */
#define _GNU_SOURCE			/* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wasmrt.h>

enum { MAX_GUESTS = 4000, SLICE_NS = 1000000 };

struct server;

/* What a guest waits for. */
struct transfer {
	int out;			/* transmit, else receive */
	uint32_t addr, n;		/* in its memory */
};

struct conn {
	struct server *server;
	wrt_instance *inst;
	int fd;
	struct transfer wait;
	struct conn *next;		/* among those whose slice is over */
};

struct server {
	wrt_pool *pool;
	wrt_module *module;
	wrt_imports *imports;
	int listener, epoll;
	long until, ended, waiting, most, failed;
	struct conn *ready, **last;	/* to go on without an event */
};

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "async_server: %s: %s\n", what, why);
	exit(1);
}

static void
check(int rc, const struct wrt_error *err, const char *what)
{
	if (rc != WRT_OK)
		fail(what, err && *err->text ? err->text :
		    wrt_status_text(rc));
}

/* ---- The guest's imports ------------------------------------------------- */

/* Bytes done, -1 for an error, or -2: it would have to wait. */
static int32_t
transfer(const struct conn *c, const struct transfer *t)
{
	wrt_memory *memory;
	ssize_t n;
	void *p;

	if (wrt_instance_memory_at(c->inst, 0, &memory) != WRT_OK ||
	    !(p = wrt_memory_at(memory, t->addr, t->n)))
		return -1;
	n = t->out ? send(c->fd, p, t->n, MSG_NOSIGNAL | MSG_DONTWAIT) :
	    recv(c->fd, p, t->n, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -2 : -1;
	return (int32_t)n;
}

static int32_t
try_or_wait(wrt_instance *caller, int out, int32_t addr, int32_t n)
{
	struct conn *c = wrt_instance_data(caller);
	int32_t done;

	c->wait = (struct transfer){ out, (uint32_t)addr, (uint32_t)n };
	done = transfer(c, &c->wait);
	if (done == -2)			/* the result comes by the resume */
		wrt_yield(caller, (wrt_val){ .i32 = out });
	return done;
}

static int32_t
receive(void *data, wrt_instance *caller, int32_t addr, int32_t n)
{
	(void)data;
	return try_or_wait(caller, 0, addr, n);
}

static int32_t
transmit(void *data, wrt_instance *caller, int32_t addr, int32_t n)
{
	(void)data;
	return try_or_wait(caller, 1, addr, n);
}

/* ---- Connections --------------------------------------------------------- */

static void
conn_end(struct conn *c)
{
	c->server->ended++;
	wrt_instance_close(c->inst);
	close(c->fd);
	free(c);
}

static void
wait_for_socket(struct conn *c)
{
	struct epoll_event ev = { .data.ptr = c,
		.events = (c->wait.out ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT };
	struct server *s = c->server;

	if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev) < 0)
		fail("epoll_ctl", strerror(errno));
	if (++s->waiting > s->most)
		s->most = s->waiting;
}

static void
wait_for_turn(struct conn *c)
{
	struct server *s = c->server;

	c->next = NULL;
	*s->last = c;
	s->last = &c->next;
}

/* A call or a resume of the guest has come back. */
static void
came_back(struct conn *c, int rc, const wrt_val *result)
{
	struct wrt_trap trap;

	(void)result;			/* how many lines it was */
	if (rc == WRT_SUSPENDED) {
		if (wrt_instance_suspended(c->inst) == 2)
			wait_for_turn(c);
		else
			wait_for_socket(c);
		return;
	}
	if (rc == WRT_ETRAP && wrt_trap_get(c->inst, &trap) == WRT_OK)
		fprintf(stderr, "a guest ended: %s\n", trap.text);
	c->server->failed += rc != WRT_OK;
	conn_end(c);
}

static void
go_on(struct conn *c)
{
	wrt_val v = { .i32 = 0 }, result;

	if (wrt_instance_suspended(c->inst) == 2) {
		came_back(c, wrt_instance_resume(c->inst, NULL, 0, &result),
		    &result);
		return;
	}
	c->server->waiting--;
	v.i32 = transfer(c, &c->wait);
	if (v.i32 == -2) {		/* nothing after all */
		wait_for_socket(c);
		return;
	}
	came_back(c, wrt_instance_resume(c->inst, &v, 1, &result), &result);
}

static void
begin(struct server *s, int fd)
{
	struct epoll_event ev = { .events = 0 };
	struct conn *c = calloc(1, sizeof *c);
	struct wrt_error err = { 0 };
	wrt_val result;

	if (!c)
		fail("a connection", "out of memory");
	c->server = s;
	c->fd = fd;
	ev.data.ptr = c;
	if (wrt_instance_create(&c->inst, s->pool, s->module, s->imports, &err)
	    != WRT_OK || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		fprintf(stderr, "no room for a guest: %s\n", err.text);
		s->failed++;
		conn_end(c);
		return;
	}
	wrt_instance_set_data(c->inst, c);
	wrt_instance_set_slice(c->inst, SLICE_NS);
	came_back(c, wrt_instance_call(c->inst, "serve", NULL, 0, &result),
	    &result);
}

/* ---- The loop ------------------------------------------------------------ */

static void
accept_all(struct server *s)
{
	int fd;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		begin(s, fd);
}

/* Those whose slice was over, once each. */
static void
take_turns(struct server *s)
{
	struct conn *c = s->ready, *next;

	s->ready = NULL;
	s->last = &s->ready;
	for (; c; c = next) {
		next = c->next;
		go_on(c);
	}
}

static void
loop(struct server *s)
{
	struct epoll_event ev[64];

	while (!s->until || s->ended < s->until) {
		int n = epoll_wait(s->epoll, ev, 64, s->ready ? 0 : -1);

		if (n < 0 && errno != EINTR)
			fail("epoll_wait", strerror(errno));
		for (int k = 0; k < n; k++)
			if (ev[k].data.ptr)
				go_on(ev[k].data.ptr);
			else
				accept_all(s);
		take_turns(s);
	}
}

static void
listen_somewhere(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN };
	socklen_t n = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->listener < 0 || s->epoll < 0 ||
	    bind(s->listener, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(s->listener, MAX_GUESTS) < 0 ||
	    getsockname(s->listener, (struct sockaddr *)&a, &n) < 0 ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &ev) < 0)
		fail("listen", strerror(errno));
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
}

static void
set_up(struct server *s, const char *path)
{
	static const uint8_t i32s[] = { WRT_I32, WRT_I32 };
	static const struct wrt_functype type = { 2, 1, i32s, i32s };
	struct wrt_pool_config config = { .max_instances = MAX_GUESTS,
		.max_memory_bytes = 1 << 20, .stack_bytes = 64 << 10 };
	struct wrt_error err = { 0 };

	check(wrt_pool_create(&s->pool, &config, &err), &err, "pool");
	check(wrt_module_open(&s->module, path, &err), &err, path);
	check(wrt_imports_create(&s->imports), NULL, "imports");
	check(wrt_imports_typed(s->imports, "net", "receive", &type,
	    (void (*)(void))receive, NULL), NULL, "receive");
	check(wrt_imports_typed(s->imports, "net", "transmit", &type,
	    (void (*)(void))transmit, NULL), NULL, "transmit");
}

int
main(int argc, char **argv)
{
	struct server s = { .last = &s.ready };

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: async_server guest_async.so [N]\n");
		return 2;
	}
	s.until = argc > 2 ? atol(argv[2]) : 0;
	set_up(&s, argv[1]);
	listen_somewhere(&s);
	loop(&s);
	printf("%ld guests, %ld waiting at once, %ld failed\n", s.ended,
	    s.most, s.failed);
	close(s.listener);
	close(s.epoll);
	wrt_module_close(s.module);
	wrt_imports_destroy(s.imports);
	wrt_pool_destroy(s.pool);
	return s.failed != 0;
}
