#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C programs from Debian's sources, against themselves compiled natively."""
# timeout: 900
import os
import random
import sys

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403


def data(n):
    """Text that compresses, and some that does not."""
    r = random.Random(7)
    words = [bytes(r.randrange(97, 123) for _ in range(r.randrange(2, 9)))
             for _ in range(500)]
    return b" ".join(r.choice(words) for _ in range(n // 6)) + r.randbytes(n)


def c(name):
    return os.path.join(REAL, "c", name)


@case
def zlib():
    fetch("zlib")
    so = artifact(c("minigzip.wasm"))
    plain = data(400000)
    packed = wasmrun(so, input=plain).must().out
    same_as_native(c("minigzip"), so, "-9", input=plain)
    same_as_native(c("minigzip"), so, "-d", input=packed)
    equal(wasmrun(so, "-d", input=packed).must().out == plain, True)


@case
def bzip2():
    fetch("bzip2")
    so = artifact(c("bzip2.wasm"))
    plain = data(400000)
    packed = wasmrun(so, "-c", input=plain).must().out
    same_as_native(c("bzip2"), so, "-c", input=plain)
    equal(wasmrun(so, "-dc", input=packed).must().out == plain, True)
    wasmrun(so, "-dc", input=packed[:-20] + b"x" * 20).must(2)


LUA = b"""
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
print(fib(22), _VERSION, 1 << 62, 7 // 2, 7.5 % 2, 2 ^ 0.5)
local t = {}
for i = 1, 2000 do t[#t + 1] = string.format("%05d:%x", i * 7919 % 2003, i) end
table.sort(t)
print(t[1], t[1000], t[2000], #table.concat(t))
for k, v in ("a=1, b=22, c=333"):gmatch("(%w+)=(%w+)") do io.write(k, v, ";") end
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
print(("x"):rep(10, "-"), co and "co", utf8.char(228, 8364, 128512))
print(math.maxinteger, math.mininteger, 0x7fffffffffffffff + 1, 1e300 * 1e10)
print(string.pack("<i4d", -2, 1.5):byte(1, -1))
goto done
print("never")
::done::
os.exit(3)
"""


@case
def lua():
    fetch("lua")
    so = artifact(c("lua.wasm"))
    same_as_native(c("lua"), so, "-", input=LUA)


main()
