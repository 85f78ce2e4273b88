#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 900
"""Random modules do the same at every -O, with both ways of checking bounds,
and in wasmtime; in two ways more that differ from module to module, for any of
the CPUs that this machine can stand in for.

    tests/fuzz/diff.py [FIRST [COUNT]]

binaryen makes a module of random bytes, the same for the same number.  What
differs is left in build/fuzz/diff-NUMBER.wasm.  DIFF_MODULES is how many are
made without arguments: 12, with --long 400.
"""
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from libtest import *
import libembed

WAYS = [(0, "guard"), (2, "guard"), (3, "guard"), (1, "explicit")]
FEATURES = ["--enable-" + f for f in (
    "simd", "bulk-memory", "sign-ext", "mutable-globals",
    "nontrapping-float-to-int", "multivalue")]
INTS = [0, 1, 2, 3, 7, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 32767,
        65535, 65536, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
        0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff]
FLOATS = {libembed.F32: [0, 0x80000000, 0x3f800000, 0xbf800000, 0x4f000000,
                         0xcf000000, 0x5f000000, 0x7f800000, 1, 0x3fc00000],
          libembed.F64: [0, 1 << 63, 0x3ff << 52, 0xbff << 52, 0x41e << 52,
                         0xc1e << 52, 0x43e << 52, 0x7ff << 52, 1,
                         0x3ff8 << 48]}
CPUS = libembed.host_cpus()
FOLDER = os.path.join(TOP, "build/fuzz")


def generate(number, path):
    """Write module `number`; some of them optimised, which makes other
    shapes."""
    rnd = random.Random(number)
    seed = path + ".in"
    with open(seed, "wb") as f:
        f.write(rnd.randbytes(rnd.choice((3000, 8000, 16000))))
    argv = ["wasm-opt", "-ttf", seed, "-o", path, "--denan", *FEATURES]
    if number % 3 == 1:
        argv.append("-O2")
    if number % 4 == 2:
        argv.append("--flatten")
    p = subprocess.run(argv, capture_output=True, check=False)
    os.unlink(seed)
    return p.returncode == 0


def argument(rnd, ty):
    if ty in FLOATS:
        return rnd.choice(FLOATS[ty])
    if ty == libembed.I32:
        return (rnd.choice(INTS) + rnd.choice((-1, 0, 0, 1))) & 0xffffffff
    if ty == libembed.I64:
        return rnd.choice(INTS)
    return 0


def plan(number, wasm, so):
    """The calls to make."""
    rnd = random.Random(number)
    calls = []
    why = libembed.compile_ours(wasm, so, 0, "guard")
    if why:
        raise RuntimeError(why)
    for name, params in libembed.exports(so):
        if name.startswith("hangLimit"):
            continue
        for _ in range(2 if params else 1):
            calls.append(("hangLimitInitializer", []))
            calls.append((name, [argument(rnd, t) for t in params]))
    return calls


def ways(number):
    rnd = random.Random(-number)
    more = [(rnd.choice((0, 1, 2, 2, 3, 3)), rnd.choice(("guard", "explicit")),
             rnd.choice(CPUS)) for _ in range(2)]
    return [(*way, None) for way in WAYS] + more


def check(number):
    """How many modules were compared."""
    path = os.path.join(FOLDER, f"diff-{number}.wasm")
    if not generate(number, path):
        return 0
    with open(path, "rb") as f:
        wasm = f.read()
    so = path[:-5] + ".so"
    calls = libembed.apart(plan, number, wasm, so)
    expected = libembed.apart(libembed.observe_wasmtime, wasm, calls)
    for level, bounds, cpu in ways(number):
        how = f"-O{level} {bounds} {cpu or ''}"
        try:
            got = libembed.apart(libembed.observe_ours, wasm, so, level,
                                 bounds, calls, cpu)
        except Failed as e:
            fail(f"{path} {how}: {e}")
        finally:
            if os.path.exists(so):
                os.unlink(so)
        why = libembed.first_difference(expected, got)
        if why:
            fail(f"{path}: wasmtime / {how}: {why}")
    os.unlink(path)
    return 1


def main():
    if not shutil.which("wasm-opt"):
        print("skip all: no wasm-opt (the package binaryen)")
        return 0
    os.makedirs(FOLDER, exist_ok=True)
    return numbered(check, "module", long_or_not(400, 12))


use_oracle()
sys.exit(main())
