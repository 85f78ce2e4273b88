#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 600
"""Random loops in C, compiled to wasm as programs are, do the same at every -O,
on every level of the architecture that this machine has, and in wasmtime: what
they return, and all of memory after each call, trap or not, with arrays that
overlap in every way and end at the end of memory.

    tests/fuzz/c_loops.py [FIRST [COUNT]]

Each number is a file of some functions.  What differs is left in
build/fuzz/c_loops-NUMBER.c and .wasm.  One thing may differ rightly: a load may
trap before a store that is before it (docs/CODEGEN.md).
"""
import os
import random
import resource
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from libtest import *
import libcloops
import libembed

END = 65536
COUNT = 14
CPU_SECONDS = 10
FOLDER = os.path.join(TOP, "build/fuzz")
CPUS = libembed.host_cpus()
FLAGS = [["-O1"], ["-O2"], ["-O3"], ["-Os"], ["-O2", "-msimd128"],
         ["-O3", "-msimd128"], ["-O2", "-fno-vectorize", "-fno-slp-vectorize"],
         ["-O3", "-mbulk-memory", "-msign-ext"],
         ["-O2", "-msimd128", "-fno-unroll-loops"], ["-O1", "-msimd128"]]
LINK = ["-nostdlib", "-Wl,--no-entry", f"-Wl,--initial-memory={END}",
        f"-Wl,--max-memory={END}", "-Wl,-z,stack-size=1024",
        "-Wl,--stack-first", "-Wl,--export-memory", "-fwrapv",
        "-fno-delete-null-pointer-checks", "-fno-strict-aliasing", "-w",
        "-fno-builtin-strlen", "-fno-builtin-wcslen", "-ffp-contract=off"]
COUNTS = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 18, 31, 33, 64, 65, 100, 257, 1000]
PLACES = [(4096, 8192, 16384), (4096, 4096, 4096), (4096, 8192, 8192),
          (4096, 4097, 4100), (4100, 4096, 4098), (4096, 8192, 4128),
          (4096, 8192, 4080), (4096, 8192, 4095), (4099, 8191, 16385),
          (END - 100, 8192, 16384), (8192, END - 100, 16384),
          (8192, 16384, END - 100), (END - 64, END - 128, 4096),
          (4096, 8192, END - 64), (END - 1, 64, 4096), (64, 4096, END - 3),
          (-64, 8192, 16384), (8192, 16384, -32), (0, 512, 1024),
          (512, 1536, 60000), (END - 520, END - 1032, END - 264)]


def calls_of(rnd):
    calls = []
    for k in range(COUNT):
        for place in PLACES:
            n = rnd.choice(COUNTS)
            calls += [("reset", []),
                      (str(k), [v & 0xffffffff for v in (*place, n)]),
                      ("sum", [])]
    return calls


def ways(rnd):
    return [(2, "guard", "native"),
            (rnd.choice((2, 3)), "guard", rnd.choice(CPUS)),
            (rnd.choice((0, 1, 3)), rnd.choice(("guard", "explicit")),
             rnd.choice(CPUS))]


def generate(rnd, path):
    with open(path + ".c", "w", encoding="utf-8") as f:
        f.write(libcloops.source(rnd, COUNT, END))
    flags = rnd.choice(FLAGS)
    run(*WASM_CC, *flags, *LINK, "-o", path + ".wasm", path + ".c").must()
    with open(path + ".wasm", "rb") as f:
        return flags, f.read()


def observe_wasmtime(wasm, calls):
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    return libembed.observe_wasmtime(wasm, calls)


def check(number):
    rnd = random.Random(number)
    path = os.path.join(FOLDER, f"c_loops-{number}")
    flags, wasm = generate(rnd, path)
    calls = calls_of(rnd)
    try:
        expected = libembed.apart(observe_wasmtime, wasm, calls)
    except Failed:              # some loops have no end
        expected = None
    done = expected is not None
    if done:
        compare(rnd, path, flags, wasm, calls, expected)
    os.unlink(path + ".c")
    os.unlink(path + ".wasm")
    return done


def compare(rnd, path, flags, wasm, calls, expected):
    for way in ways(rnd):
        try:
            libembed.same_calls(wasm, path + ".so", way, calls, expected)
        except Failed as e:
            fail(f"{' '.join(flags)}: {e}")
        finally:
            if os.path.exists(path + ".so"):
                os.unlink(path + ".so")


def main():
    os.makedirs(FOLDER, exist_ok=True)
    return numbered(check, "file", long_or_not(300, 5))


use_oracle()
sys.exit(main())
