#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 1800
"""Random modules of WebAssembly 3.0 (collected objects, exceptions, tail calls,
typed references, several memories, SIMD, wide arithmetic) do the same at every
-O, with both ways of checking bounds, and in wasmtime.

    tests/fuzz/modern.py [FIRST [COUNT]]

A recent binaryen, of the npm registry, makes the modules.  What they import is
a module of ours, which both engines run: it adds up what it is told, and the
sum is compared after every call.  What differs is left in
build/fuzz/modern-NUMBER.wasm.
"""
import os
import random
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from libtest import *  # noqa: E402,F403
import libembed  # noqa: E402
from libembed import END, F32, F64, I32, I64, show_all  # noqa: E402
import libmodern  # noqa: E402

WAYS = [(0, "guard", " legacy"), (2, "guard", ""), (3, "guard", " legacy"),
        (1, "explicit", "")]
FEATURES = ["--mvp-features"] + ["--enable-" + f for f in """sign-ext mutable-globals nontrapping-float-to-int simd bulk-memory
    bulk-memory-opt call-indirect-overlong exception-handling tail-call
    reference-types multivalue gc extended-const multimemory wide-arithmetic
    memory64""".split()]
FOLDER = os.path.join(TOP, "build/fuzz")
BINARYEN = os.environ.get("BINARYEN", os.path.join(
    TOP, "build/real/npm-binaryen/package/bin/wasm-opt"))


def generate(number, path):
    rnd = random.Random(number)
    seed = path + ".in"
    with open(seed, "wb") as f:
        f.write(rnd.randbytes(rnd.choice((2000, 5000, 12000))))
    argv = ["node", BINARYEN, "-ttf", seed, "-o", path, "--denan", *FEATURES]
    if number % 3 == 1:
        argv.append("-O2")
    p = subprocess.run(argv, capture_output=True, check=False)
    os.unlink(seed)
    return p.returncode == 0


def translated(path):
    """The module with the exceptions that are standard now."""
    new = path[:-5] + ".new.wasm"
    subprocess.run(["node", BINARYEN, path, "-o", new, *FEATURES,
                    "--translate-to-exnref"], capture_output=True, check=True)
    with open(new, "rb") as f:
        wasm = f.read()
    os.unlink(new)
    return wasm


def check(number):
    """How many modules were compared that did more than trap."""
    path = os.path.join(FOLDER, f"modern-{number}.wasm")
    if not generate(number, path):
        return 0
    support = libmodern.support(WASMDUMP, path)
    if support is None:
        os.unlink(path)
        return 0
    with open(path, "rb") as f:
        legacy = f.read()
    wasm = translated(path)
    so = path[:-5] + ".so"
    calls = libembed.apart(libmodern.plan, number, wasm, so)
    expected = libembed.apart(libmodern.observe_wasmtime, wasm, support,
                              calls)
    for level, bounds, which in WAYS:
        try:
            got = libembed.apart(
                libmodern.observe_ours, legacy if which else wasm, support, so,
                level, bounds, calls)
        except Failed as e:
            fail(f"{path} -O{level} {bounds}{which}: {e}")
        finally:
            if os.path.exists(so):
                os.unlink(so)
        why = libembed.first_difference(expected, got)
        if why:
            fail(f"{path}: wasmtime / -O{level} {bounds}{which}: {why}")
    if not os.environ.get("KEEP"):
        os.unlink(path)
    return any("trap" not in line for line in expected)


def main():
    if not shutil.which("node"):
        print("skip all: no node")
        return 0
    if "BINARYEN" not in os.environ:
        p = subprocess.run([os.path.join(TOP, "tests/real/fetch"), "binaryen"],
                           capture_output=True, text=True, check=False)
        if p.returncode:
            print("skip all:", p.stderr.strip())
            return 0
    os.makedirs(FOLDER, exist_ok=True)
    return numbered(check, "module", long_or_not(300, 10))


use_oracle()
sys.exit(main())
