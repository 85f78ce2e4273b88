#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The examples do what they say."""
import os
import resource
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

EXAMPLES = os.path.join(TOP, OUT, "examples")


@case
def hello():
    so = os.path.join(EXAMPLES, "hello.so")
    equal(run(WASMRUN, so).must().out, "Hello, world!\n")
    equal(run(WASMRUN, so, "you").must().out, "Hello, you!\n")


@case
def embed():
    r = run(os.path.join(EXAMPLES, "embed"),
            os.path.join(EXAMPLES, "guest_embed.so")).must()
    equal(r.out, 'guest: counting\n4 words in "the quick brown fox"\n'
          "42 / 6 = 7\n42 / 0: integer divide by zero in divide\n"
          "42 / 7 = 6\n")


@case
def sandbox():
    r = run(os.path.join(EXAMPLES, "sandbox"),
            os.path.join(EXAMPLES, "guest_base64.so"),
            "SGVsbG8sIHdvcmxkIQ==", "SGk~4000000000QUFB", "TWFuTWFu").must()
    equal(r.out, "Hello, world! (ebe6c6e6)\n"
          "SGk~4000000000QUFB: out of bounds memory access\n"
          "ManMan (d3016ef6)\n")


def lines(s, n):
    text = b""
    while text.count(b"\n") < n:
        more = s.recv(1000)
        if not more:
            break
        text += more
    return text.decode()


@case
def async_server():
    n = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n + 100:
        skip(f"at most {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 100), hard))
    with subprocess.Popen([os.path.join(EXAMPLES, "async_server"),
                           os.path.join(EXAMPLES, "guest_async.so"), str(n)],
                          stdout=subprocess.PIPE, text=True) as p:
        try:
            at = ("127.0.0.1", int(p.stdout.readline()))
            s = [socket.create_connection(at, 60) for k in range(n)]
            s[0].sendall(b"spin 50000000\n")
            for k in range(1, n):
                s[k].sendall(b"%d" % k)         # it waits in the line
            for k in range(1, n):
                s[k].sendall(b"\n-1\n")
            for k in range(1, n):
                equal(lines(s[k], 2), f"{k}\n{k - 1}\n")
            equal(lines(s[0], 1), "0\n")
            for c in s:
                c.close()
            out = p.communicate(timeout=60)[0]
        finally:
            p.kill()
    words = out.split()
    equal([words[0], words[6], p.returncode], [str(n), "0", 0], out)
    equal(int(words[2]) >= n - 1, True, out)


main()
