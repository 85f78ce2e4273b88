/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * sock.c: sockets that the host has opened, and what they accept.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wasi.h"

enum { RI_PEEK = 1, RI_WAITALL = 2, RO_TRUNCATED = 1, SD_RD = 1, SD_WR = 2 };

static int
sock_hold(struct wasi_call *c, struct wasi_fd **out)
{
	int rc = wasi_hold(c, 0, out);

	if (rc == 0 && (*out)->kind != WASI_SOCKET)
		return WASI_NOTSOCK;
	return rc;
}

/* fd, fdflags, out. */
int
wasi_sock_accept(struct wasi_call *c)
{
	uint32_t flags = wasi_u32(c, 1), out = wasi_u32(c, 2), number;
	struct wasi_fd *listener, *f;
	int host, rc;

	if ((rc = sock_hold(c, &listener)) ||
	    (rc = wasi_guest_check(c, out, 4, 4)))
		return rc;
	if (flags & ~WASI_FDF_NONBLOCK)
		return WASI_INVAL;
	if ((rc = wasi_table_reserve(&c->w->table, &number)))
		return rc;
	host = accept4(listener->host, NULL, NULL, SOCK_CLOEXEC |
	    (flags & WASI_FDF_NONBLOCK ? SOCK_NONBLOCK : 0));
	if (host < 0) {
		rc = wasi_errno(errno);
		wasi_table_unreserve(&c->w->table, number);
		return rc;
	}
	f = wasi_fd_new(host, WASI_SOCKET, WASI_FT_STREAM);
	if (!f) {
		close(host);
		wasi_table_unreserve(&c->w->table, number);
		return WASI_NOMEM;
	}
	f->can_read = f->can_write = true;
	wasi_table_fill(&c->w->table, number, f);
	return wasi_put_u32(c, out, number);
}

/* Guest buffers as the host's, cut to one chunk: a short count is allowed. */
static int
sock_buffers(struct wasi_call *c, uint32_t addr, uint32_t n,
    struct iovec *out, size_t *nout)
{
	struct wasi_iov iovs[WASI_MAX_IOVS];
	uint32_t room = WASI_CHUNK;
	int rc = wasi_guest_iovs(c, addr, n, iovs);

	*nout = 0;
	for (uint32_t i = 0; rc == 0 && i < n && room > 0; i++) {
		uint32_t len = iovs[i].len < room ? iovs[i].len : room;

		if (len == 0)
			continue;
		rc = wasi_guest_view(c, iovs[i].buf, len, 1,
		    &out[*nout].iov_base);
		out[(*nout)++].iov_len = len;
		room -= len;
	}
	return rc;
}

/* fd, iovs, niovs, flags, out size, out flags. */
int
wasi_sock_recv(struct wasi_call *c)
{
	uint32_t flags = wasi_u32(c, 3), size_out = wasi_u32(c, 4);
	uint32_t flags_out = wasi_u32(c, 5);
	struct iovec iov[WASI_MAX_IOVS];
	struct msghdr m = { .msg_iov = iov };
	struct wasi_fd *f;
	uint16_t told;
	ssize_t n;
	int rc;

	if ((rc = sock_hold(c, &f)) ||
	    (rc = sock_buffers(c, wasi_u32(c, 1), wasi_u32(c, 2), iov,
	    &m.msg_iovlen)) ||
	    (rc = wasi_guest_check(c, size_out, 4, 4)) ||
	    (rc = wasi_guest_check(c, flags_out, 2, 2)))
		return rc;
	if (flags & ~(RI_PEEK | RI_WAITALL))
		return WASI_INVAL;
	n = recvmsg(f->host, &m, (flags & RI_PEEK ? MSG_PEEK : 0) |
	    (flags & RI_WAITALL ? MSG_WAITALL : 0));
	if (n < 0)
		return wasi_errno(errno);
	told = m.msg_flags & MSG_TRUNC ? RO_TRUNCATED : 0;
	if ((rc = wasi_guest_write(c, flags_out, &told, 2, 2)))
		return rc;
	return wasi_put_u32(c, size_out, (uint32_t)n);
}

/* fd, iovs, niovs, flags, out size. */
int
wasi_sock_send(struct wasi_call *c)
{
	struct iovec iov[WASI_MAX_IOVS];
	struct msghdr m = { .msg_iov = iov };
	struct wasi_fd *f;
	ssize_t n;
	int rc;

	if ((rc = sock_hold(c, &f)) ||
	    (rc = sock_buffers(c, wasi_u32(c, 1), wasi_u32(c, 2), iov,
	    &m.msg_iovlen)) ||
	    (rc = wasi_guest_check(c, wasi_u32(c, 4), 4, 4)))
		return rc;
	if (wasi_u32(c, 3) != 0)
		return WASI_INVAL;
	n = sendmsg(f->host, &m, MSG_NOSIGNAL);
	if (n < 0)
		return wasi_errno(errno);
	return wasi_put_u32(c, wasi_u32(c, 4), (uint32_t)n);
}

int
wasi_sock_shutdown(struct wasi_call *c)
{
	static const int how[] = { -1, SHUT_RD, SHUT_WR, SHUT_RDWR };
	uint32_t what = wasi_u32(c, 1);
	struct wasi_fd *f;
	int rc = sock_hold(c, &f);

	if (rc)
		return rc;
	if (what < SD_RD || what > (SD_RD | SD_WR))
		return WASI_INVAL;
	return shutdown(f->host, how[what]) < 0 ? wasi_errno(errno) : 0;
}
