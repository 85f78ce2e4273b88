#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasmrun --coredump: what the file holds, read by a decoder of our own, by
wasmdump, and by wasmtime as the module that it is."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

VALIDATE = """
import sys, wasmtime
with open(sys.argv[1], "rb") as f:
    data = f.read()
config = wasmtime.Config()
config.wasm_memory64 = config.wasm_multi_memory = True
store = wasmtime.Store(wasmtime.Engine(config))
wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
print("good")
"""


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def take(self, n):
        if n > len(self.data) - self.at:
            fail("the file is too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self):
        x, shift = 0, 0
        while True:
            b = self.byte()
            x |= (b & 0x7f) << shift
            shift += 7
            if not b & 0x80:
                return x

    def s(self):
        x, shift = 0, 0
        while True:
            b = self.byte()
            x |= (b & 0x7f) << shift
            shift += 7
            if not b & 0x80:
                return x - (1 << shift) if b & 0x40 else x

    def name(self):
        return self.take(self.u()).decode()

    def vec(self, fn):
        return [fn() for _ in range(self.u())]

    def kind(self):
        equal(self.byte(), 0, "kind")


def value(b):
    return {1: lambda: None, 0x7f: b.s, 0x7e: b.s}[b.byte()]()


def frame(b):
    b.kind()
    return {"instance": b.u(), "func": b.u(), "offset": b.u(),
            "locals": b.vec(lambda: value(b)),
            "stack": b.vec(lambda: value(b))}


def instance(b):
    b.kind()
    return {"module": b.u(), "memories": b.vec(b.u), "globals": b.vec(b.u)}


def named(b):
    b.kind()
    return b.name()


def stack(b):
    b.kind()
    equal(b.name(), "main", "thread")
    return b.vec(lambda: frame(b))


def constant(b):
    op = b.byte()
    v = {0x41: b.s, 0x42: b.s, 0x43: lambda: struct.unpack("<f", b.take(4))[0],
         0x44: lambda: struct.unpack("<d", b.take(8))[0],
         0xd0: lambda: "null " + hex(b.byte()),
         0xfd: lambda: (equal(b.u(), 12), b.take(16).hex())[1]}[op]()
    equal(b.byte(), 0x0b, "end")
    return v


def memory(b):
    flags = b.byte()
    pages = b.u()
    return flags, pages, b.u() if flags & 8 else 16


def data(b, core):
    flag = b.u()
    mem = b.u() if flag == 2 else 0
    off = constant(b)
    chunk = b.take(b.u())
    core["segments"].append((mem, off, len(chunk)))
    # A 32-bit address is written as a signed number.
    core["bytes"].setdefault(mem, {})[off & (1 << 64) - 1 if
                                      core["memories"][mem][0] & 4 else
                                      off & 0xffffffff] = chunk


def read_core(path):
    with open(path, "rb") as f:
        b = Bytes(f.read())
    equal(b.take(8), b"\0asm\1\0\0\0")
    core = {"segments": [], "bytes": {}}
    order = []
    while b.at < len(b.data):
        ident = b.byte()
        s = Bytes(b.take(b.u()))
        if ident == 0:
            name = s.name()
            order.append(name)
            core[name] = {"core": lambda: named(s), "corestack":
                          lambda: stack(s), "coremodules":
                          lambda: s.vec(lambda: named(s)), "coreinstances":
                          lambda: s.vec(lambda: instance(s))}[name]()
        elif ident == 5:
            core["memories"] = s.vec(lambda: memory(s))
        elif ident == 6:
            core["globals"] = s.vec(lambda: (s.byte(), s.byte(), constant(s)))
        elif ident == 11:
            s.vec(lambda: data(s, core))
        else:
            fail(f"section {ident}")
        equal(s.at, len(s.data), f"section {ident}'s length")
    equal(sorted(order), ["core", "coreinstances", "coremodules",
                          "corestack"])
    return core


def at(core, mem, addr, n):
    for off, chunk in core["bytes"].get(mem, {}).items():
        if off <= addr and addr + n <= off + len(chunk):
            return chunk[addr - off:addr - off + n]
    return bytes(n)


def dumped(name, export, *args, options=(), code=134):
    path = os.path.join(scratch(), "core.wasm")
    r = run(WASMRUN, "--coredump", path, *options, "--invoke", export,
            WAT(name), *args)
    r.must(code)
    return path, r


def is_module(path):
    holds(run(WASMDUMP, "--validate", path).must(0).out, "valid")
    r = run(WASMDUMP, "-x", path).must(0)
    if os.path.exists(ORACLE):
        equal(run(ORACLE, "-c", VALIDATE, path).must(0).out, "good\n")
    return r.out


@case
def state_of_a_trap():
    path, _ = dumped("core", "run", "7")
    core = read_core(path)
    equal(core["core"], "core")
    equal(core["coremodules"], ["core"])
    equal(core["coreinstances"], [{"module": 0, "memories": [0, 1],
                                   "globals": list(range(7))}])
    equal([f["func"] for f in core["corestack"]], [0, 1])
    equal([len(f["locals"]) for f in core["corestack"]], [2, 1])
    equal([f["locals"][0] for f in core["corestack"]], [None, None])
    equal(core["memories"], [(0, 3, 16), (4, 1, 16)])
    equal(core["globals"], [
        (0x7f, 1, 7), (0x7e, 1, -5000000000), (0x7d, 0, 1.5),
        (0x7c, 0, -0.25), (0x7b, 0, "01000000000000000200000000000000"),
        (0x70, 0, "null 0x70"), (0x6f, 1, "null 0x6f")])
    equal(at(core, 0, 16, 5), b"hello")
    equal(at(core, 0, 131072, 4), struct.pack("<I", 7))
    equal(at(core, 0, 196604, 4), struct.pack("<I", 0xdeadbeef))
    equal(at(core, 1, 65528, 8), struct.pack("<Q", 99))
    equal(sorted(core["segments"]), [(0, 0, 4096), (0, 131072, 4096),
                                     (0, 192512, 4096), (1, 61440, 4096)])
    text = is_module(path)
    holds(text, "frame[1] instance 0 function 1 offset 0x")
    holds(text, "locals ? ?")
    holds(text, "instance[0] of module 0: memories 0,1 globals 0,1,2,3,4,5,6")


@case
def offsets_are_those_of_the_backtrace():
    # Optimised, one function is within the other.
    path, r = dumped("core", "run", "7", options=["-O", "0"])
    core = read_core(path)
    listing = run(WASMDUMP, "-d", WAT("core")).must(0).out
    places = []
    for line in r.err.split("\n"):
        word = line.split()
        if len(word) > 2 and word[0].endswith(":") and word[2] == "-" and \
                word[1].startswith("0x"):
            places.append(int(word[1], 16))
    equal(len(places), 2)
    # A body begins with the number of its locals, here one byte.
    bodies = [int(line.split(":")[0], 16) - 1 for line in listing.split("\n")
              if line.endswith(":   local.get 0") or
              line.endswith(":   i32.const 2")]
    for f, place in zip(core["corestack"], places):
        holds(listing, f"  {place:08x}:   ")
        equal(place - f["offset"] in bodies, True, f"{place:#x}")


@case
def several_instances():
    path, _ = dumped("cli_import", "sum", options=["--preload", "lib=" +
                                                   WAT("cli"), "--fuel", "9"])
    core = read_core(path)
    equal(core["coremodules"], ["cli_import.wasm", "cli"])
    equal([f["instance"] for f in core["corestack"]], [1, 0])
    equal(len(core["coreinstances"]), 2)
    is_module(path)


@case
def nothing_without_a_trap():
    folder = scratch()
    path = os.path.join(folder, "core.wasm")
    run(WASMRUN, "--coredump", path, "--invoke", "add", WAT("cli"), "1",
        "2").must(0)
    equal(os.listdir(folder), [])


@case
def beside_and_renamed():
    path, _ = dumped("core", "run", "7")
    equal(os.listdir(os.path.dirname(path)), ["core.wasm"])
    size = os.path.getsize(path)
    with open(path, "ab") as f:
        f.write(bytes(100000))
    run(WASMRUN, "--coredump", path, "--invoke", "run", WAT("core"),
        "7").must(134)
    equal(os.path.getsize(path), size)
    r = run(WASMRUN, "--coredump", "/nonexistent/core", "--invoke", "run",
            WAT("core"), "7").must(134)
    holds(r.err, "/nonexistent/core")
    holds(r.err, "unreachable")


@case
def hostile_core_dumps():
    path, _ = dumped("core", "run", "7")
    with open(path, "rb") as f:
        good = f.read()
    end = good.index(b"corestack") + 60
    bad = os.path.join(os.path.dirname(path), "bad.wasm")
    for i in range(8, end):
        for flip in (0x01, 0x7f, 0x80):
            with open(bad, "wb") as f:
                f.write(good[:i] + bytes([good[i] ^ flip]) + good[i + 1:])
            if run(WASMDUMP, "-x", bad).code not in (0, 1):
                fail(f"byte {i} ^ {flip:#x}")


main()
