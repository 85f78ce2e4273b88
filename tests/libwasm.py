# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Modules written byte by byte, for tests that need large ones."""
import random
import struct


def uleb(n):
    out = bytearray()
    while True:
        b, n = n & 127, n >> 7
        out.append(b | 128 if n else b)
        if not n:
            return bytes(out)


def sleb(n):
    out = bytearray()
    while True:
        b, n = n & 127, n >> 7
        done = (n == 0 and not b & 64) or (n == -1 and b & 64)
        out.append(b if done else b | 128)
        if done:
            return bytes(out)


def section(number, content):
    return bytes([number]) + uleb(len(content)) + content


def vec(items):
    return uleb(len(items)) + b"".join(items)


def string(s):
    return uleb(len(s)) + s.encode()


def get(i):
    return b"\x20" + uleb(i)


def put(i):
    return b"\x21" + uleb(i)


def const(n):
    return b"\x41" + sleb(n)


def module(functions):
    """(name, number of i32 locals, code) of functions i32 -> i32, all of them
    exported as f0, f1 ...; a memory of one page."""
    bodies = []
    for _, nlocals, code in functions:
        body = (b"\1" + uleb(nlocals) + b"\x7f" if nlocals else b"\0") + \
            code + b"\x0b"
        bodies.append(uleb(len(body)) + body)
    exports = [string(f"f{i}") + b"\0" + uleb(i)
               for i in range(len(functions))]
    names = vec([uleb(i) + string(f[0]) for i, f in enumerate(functions)])
    return b"\0asm\1\0\0\0" + section(1, vec([b"\x60\1\x7f\1\x7f"])) + \
        section(3, vec([b"\0"] * len(functions))) + \
        section(5, b"\1\0\1") + section(7, vec(exports)) + \
        section(10, vec(bodies)) + \
        section(0, string("name") + b"\1" + uleb(len(names)) + names)


# ---- Large functions ----
# Each gives (number of locals, code) of about so many bytes.

def loads(n):
    """One block of loads."""
    r = random.Random(1)
    return 0, const(0) + b"".join(
        get(0) + b"\x28\2" + uleb(r.randrange(60000) & ~3) + b"\x6a"
        for _ in range(n // 8))


def mixed_locals(n, nlocals=2000):
    """Thousands of variables, each read and written in many places."""
    r, out, size = random.Random(2), [], 0
    while size < n:
        a, b, d = (r.randrange(nlocals) + 1 for _ in range(3))
        x = get(a) + get(b) + b"\x48\x04\x40" + get(a) + get(d) + b"\x6a" + \
            put(b) + b"\x05" + get(d) + const(7) + b"\x6c" + put(a) + b"\x0b"
        out.append(x)
        size += len(x)
    return nlocals, b"".join(out) + get(1)


def switch(n, nlocals=40):
    """An interpreter: loop { switch (word of memory) { ... } }, which ends at
    a word that is no case."""
    r, cases, size = random.Random(3), [], 0
    while size < n:
        x = b""
        for _ in range(r.randrange(2, 8)):
            a, b, d = (r.randrange(1, nlocals + 1) for _ in range(3))
            x += get(a) + get(b) + r.choice(
                [b"\x6a", b"\x6b", b"\x6c", b"\x71", b"\x73"]) + put(d) + \
                get(d) + const(0xfffc) + b"\x71" + get(a) + b"\x36\2" + \
                uleb(r.randrange(1000) & ~3)
        cases.append(x)
        size += len(x) + 8
    k = len(cases)
    out = b"\x03\x40" + b"\x02\x40" * (k + 1) + get(0) + const(4) + \
        b"\x6a\x22\0" + const(0xfffc) + b"\x71\x28\2\0\x0e" + uleb(k) + \
        b"".join(uleb(i) for i in range(k)) + uleb(k)
    for i, x in enumerate(cases):
        out += b"\x0b" + x + b"\x0c" + uleb(k - i)
    return nlocals, out + b"\x0b\x0b" + get(1)


def expression(n):
    """One value of very many."""
    r, k = random.Random(4), n // 7
    return 0, b"".join(get(0) + b"\x28\2" + uleb(r.randrange(8192, 60000) & ~3)
                       for _ in range(k)) + b"\x6a" * (k - 1)


def calls(n):
    return 0, get(0) + (b"\x10\0" + const(3) + b"\x6a") * (n // 5)


def loops(n, nlocals=200):
    """Loops one after the other."""
    r, out, size = random.Random(5), [], 0
    while size < n:
        a, b, d = (r.randrange(1, nlocals + 1) for _ in range(3))
        x = b"\x03\x40" + get(a) + get(b) + b"\x6a\x21" + uleb(d) + get(d) + \
            const(0xfffc) + b"\x71" + get(a) + b"\x36\2\0" + get(b) + \
            const(1) + b"\x6b\x22" + uleb(b) + b"\x0d\0\x0b"
        out.append(x)
        size += len(x)
    return nlocals, b"".join(out) + get(1)


def nest(n, nlocals=50):
    """Loops and conditions inside each other."""
    r, pre, post, size = random.Random(6), [], [], 0
    while size < n:
        a, b, e = (r.randrange(1, nlocals + 1) for _ in range(3))
        loop = len(pre) % 4 == 0
        pre.append(get(a) + get(b) + b"\x6a\x22" + uleb(e) +
                   (b"\x1a\x03\x40" if loop else b"\x04\x40"))
        post.append((get(a) + const(1) + b"\x6b\x22" + uleb(a) + b"\x0d\0"
                     if loop else b"") + b"\x0b")
        size += len(pre[-1]) + len(post[-1])
    return nlocals, b"".join(pre) + b"".join(reversed(post)) + get(1)


def constants(n):
    """What fills a table of numbers."""
    r = random.Random(7)
    return 0, b"".join(
        get(0) + b"\x44" + struct.pack("<d", r.random()) + b"\x39\3" +
        uleb(i * 8 % 60000) for i in range(n // 14)) + get(0)


SHAPES = {f.__name__: f for f in (loads, mixed_locals, switch, expression,
                                  calls, loops, nest, constants)}
