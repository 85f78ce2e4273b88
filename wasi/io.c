/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * io.c: reading and writing, straight between guest memory and the host's
 * descriptor, with no buffer between.
 *
 * A call moves at most WASI_BUDGET bytes, in pieces of at most WASI_CHUNK:
 * guest memory is made present only as far as data comes to fill it.  A signal
 * ends a call that has moved nothing with INTR, so that a host that wants to
 * stop the guest gets it back.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wasi.h"

struct transfer {
	struct wasi_call *c;
	struct wasi_fd *f;
	bool write;
	int64_t offset;			/* -1: at the descriptor's position */
	uint64_t done;
	uint32_t niovs, at;		/* the buffer in turn */
	uint32_t skip;			/* and where in it */
	struct wasi_iov *iovs;
};

/* The next piece as host buffers.  Returns its size in *size. */
static int
io_piece(struct transfer *t, struct iovec *out, int *n, size_t *size)
{
	uint64_t room = WASI_BUDGET - t->done;
	uint32_t at = t->at, skip = t->skip;

	if (room > WASI_CHUNK)
		room = WASI_CHUNK;
	*n = 0;
	*size = 0;
	for (; at < t->niovs && room > 0; at++, skip = 0) {
		uint32_t len = t->iovs[at].len - skip;
		int rc;

		if (len > room)
			len = (uint32_t)room;
		if (len == 0)
			continue;
		rc = wasi_guest_view(t->c, t->iovs[at].buf + skip, len, 1,
		    &out[*n].iov_base);
		if (rc)
			return rc;
		out[(*n)++].iov_len = len;
		*size += len;
		room -= len;
	}
	return 0;
}

static void
io_advance(struct transfer *t, size_t n)
{
	t->done += n;
	while (n > 0) {
		uint32_t left = t->iovs[t->at].len - t->skip;

		if (n < left) {
			t->skip += (uint32_t)n;
			return;
		}
		n -= left;
		t->at++;
		t->skip = 0;
	}
}

/* Standard streams share their O_NONBLOCK with whoever started the host, so
 * the guest's is acted out. */
static bool
io_would_block(const struct transfer *t)
{
	struct pollfd p = { .fd = t->f->host,
			    .events = t->write ? POLLOUT : POLLIN };

	return t->f->kind == WASI_STDIO && atomic_load(&t->f->nonblock) &&
	    poll(&p, 1, 0) == 0;
}

/* Whoever started the host may have made the stream non-blocking, and the guest
 * knows nothing of it: wait.  False when a signal came instead. */
static bool
io_wait(const struct transfer *t)
{
	struct pollfd p = { .fd = t->f->host,
			    .events = t->write ? POLLOUT : POLLIN };

	return poll(&p, 1, -1) > 0;
}

/* writev(), but a reader that is gone is an error and never a SIGPIPE that
 * ends the host.  Files, most often written to, are spared the trouble. */
static ssize_t
io_writev(const struct wasi_fd *f, const struct iovec *iov, int n)
{
	static const struct timespec now;
	sigset_t pipe, old, pending;
	ssize_t done;
	int e;

	if (f->regular)
		return writev(f->host, iov, n);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	done = writev(f->host, iov, n);
	e = errno;
	if (done < 0 && e == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return done;
}

static ssize_t
io_syscall(const struct transfer *t, struct iovec *iov, int n)
{
	int fd = t->f->host;
	off_t offset = (off_t)(t->offset + (int64_t)t->done);

	if (t->offset >= 0)
		return t->write ? pwritev(fd, iov, n, offset) :
		    preadv(fd, iov, n, offset);
	if (t->f->kind == WASI_SOCKET && t->write) {
		struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)n };

		return sendmsg(fd, &m, MSG_NOSIGNAL);
	}
	return t->write ? io_writev(t->f, iov, n) : readv(fd, iov, n);
}

/* Piece after piece, until one is short.  What a stream has to read comes in
 * one piece only: the next could block. */
static int
io_run(struct transfer *t)
{
	struct iovec iov[WASI_MAX_IOVS];
	size_t size;
	ssize_t done;
	int n, rc;

	_Static_assert(WASI_MAX_IOVS <= IOV_MAX, "one vector is one call");
	do {
		if ((rc = io_piece(t, iov, &n, &size)))
			return rc;
		if (size == 0 && t->done > 0)
			return 0;
		if (io_would_block(t))
			return t->done ? 0 : WASI_AGAIN;
		done = io_syscall(t, iov, n);
		while (done < 0 && errno == EAGAIN &&
		    t->f->kind == WASI_STDIO && io_wait(t))
			done = io_syscall(t, iov, n);
		if (done < 0)
			return t->done ? 0 : wasi_errno(errno);
		io_advance(t, (size_t)done);
	} while (size > 0 && (size_t)done == size &&
	    (t->write || t->f->regular));
	return 0;
}

/* fd_read, fd_write: fd, iovs, niovs, [offset,] result. */
static int
io_call(struct wasi_call *c, bool write, bool positional)
{
	uint32_t out = wasi_u32(c, positional ? 4 : 3);
	struct wasi_iov iovs[WASI_MAX_IOVS];
	struct transfer t = { .c = c, .write = write, .offset = -1,
			      .niovs = wasi_u32(c, 2), .iovs = iovs };
	int rc;

	if ((rc = wasi_hold(c, 0, &t.f)))
		return rc;
	if (t.f->kind == WASI_DIR)
		return WASI_BADF;
	if ((rc = wasi_guest_iovs(c, wasi_u32(c, 1), t.niovs, iovs)) ||
	    (rc = wasi_guest_check(c, out, 4, 4)))
		return rc;
	if (!(write ? t.f->can_write : t.f->can_read))
		return WASI_BADF;
	if (positional) {
		if (t.f->kind != WASI_FILE)
			return WASI_SPIPE;
		if (wasi_u64(c, 3) > INT64_MAX - WASI_BUDGET)
			return WASI_INVAL;
		t.offset = (int64_t)wasi_u64(c, 3);
	}
	if ((rc = io_run(&t)))
		return rc;
	return wasi_put_u32(c, out, (uint32_t)t.done);
}

int
wasi_fd_read(struct wasi_call *c)
{
	return io_call(c, false, false);
}

int
wasi_fd_write(struct wasi_call *c)
{
	return io_call(c, true, false);
}

int
wasi_fd_pread(struct wasi_call *c)
{
	return io_call(c, false, true);
}

int
wasi_fd_pwrite(struct wasi_call *c)
{
	return io_call(c, true, true);
}
