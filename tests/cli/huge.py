#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 900
"""Functions above the budget of their level are compiled at a lower one, so
that the time for them is bounded, and do the same there.

At the level that was asked for a function of a megabyte takes many minutes:
what ends this test when the budget is lost is its own limit."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403
from libwasm import SHAPES, const, get, module  # noqa: E402

ONE_MB, LIMIT = 1 << 20, 200


def written(functions):
    path = os.path.join(scratch(), "huge.wasm")
    with open(path, "wb") as f:
        f.write(module(functions))
    return path


def compile_it(wasm, *options):
    """(artifact, {function: level} of those compiled lower)"""
    so = wasm + ".so"
    r = run(WASMC, "-q", "-j1", "--time-passes", *options, wasm, "-o", so,
            timeout=LIMIT).must()
    return so, {int(f): int(n) for f, n in re.findall(
        r"^ *(\d+)  function, compiled at -O(\d)", r.err, re.M)}


def called(so, name, *args):
    return run(WASMRUN, "--invoke", name, so, *args).must().out


def filled(size):
    """x + 1, in a body of this size: locals' count, nops, end."""
    code = get(0) + const(1) + b"\x6a"
    return ("filled", 0, b"\1" * (size - len(code) - 2) + code)


@case
def budgets():
    """Of each level, and that the neighbours are not touched."""
    for level, size in ("1", 128 << 10), ("2", 256 << 10), ("3", 256 << 10):
        wasm = written([filled(100), filled(size), filled(100),
                        filled(size + 1), filled(100)])
        so, lower = compile_it(wasm, "-O" + level)
        equal(lower, {3: 0}, "-O" + level)
        for i in range(5):
            equal(called(so, f"f{i}", "7"), "8\n", f"f{i}")
    equal(compile_it(wasm, "-O0")[1], {}, "-O0")


@case
def nesting():
    """Loops, ifs and tries in each other are counted, plain blocks are not."""
    def nested(op, n, more=b""):
        code = (more + op + b"\x40") * n + b"\x0b" * n + get(0)
        return ("nested", 0, code)
    block = nested(b"\x02", 3000)
    for op, more in (b"\x03", b""), (b"\x04", get(0)), (b"\x06", b""):
        wasm = written([nested(op, 1000, more), nested(op, 1001, more),
                        block])
        so, lower = compile_it(wasm, "-O1")
        equal(lower, {1: 0}, op.hex())
        for i in range(3):
            equal(called(so, f"f{i}", "7"), "7\n", f"f{i}")


@case
def as_text():
    """Where all is one part the function is not optimised either."""
    wasm = written([filled(100), filled((256 << 10) + 1)])
    run(WASMC, "-q", "--emit=llvm-ir", wasm, "-o", wasm + ".ll").must()
    with open(wasm + ".ll", encoding="utf-8") as f:
        text = f.read()
    marked = re.findall(r"^attributes (#\d+) = .*\boptnone\b", text, re.M)
    equal([len(re.findall(r"^define [^\n]*" + m + r"\b", text, re.M))
           for m in marked], [1])


def one_shape(name, make):
    def shape():
        wasm = written([("huge", *make(ONE_MB)), filled(100)])
        so, lower = compile_it(wasm, "-O2")
        equal(lower, {0: 0})
        equal(called(so, "f1", "7"), "8\n")
    shape.__name__ = "shape_" + name
    case(shape)


# The others take up to 13 s of CPU.
QUICK = "loads", "nest"

for row in SHAPES.items():
    if row[0] in QUICK or os.environ.get("LONG"):
        one_shape(*row)


@case
def small_is_large():
    """The same code, some of it optimised and some above the budget, gives
    the same."""
    for name in "loads", "constants":
        make = SHAPES[name]
        outs = []
        for level in "-O0", "-O1":
            wasm = written([("a", *make(40000)), ("b", *make(140000))])
            so, lower = compile_it(wasm, level)
            equal(lower, {1: 0} if level == "-O1" else {}, name)
            outs.append([called(so, f, "16") for f in ("f0", "f1")])
        equal(outs[0], outs[1], name)


main()
