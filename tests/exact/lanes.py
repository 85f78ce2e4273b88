#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 600
"""A load of a vector that lies over the end of memory traps, whichever part of
it an instruction takes: as each operand of every instruction on vectors, with
all or half of the result used, at every -O, on every level of the architecture
that this machine has.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fuzz"))
from libtest import *
import libembed

END = 65536
PARTS = 8               # modules, each compiled for one CPU at each level
LETTERS = {"i": "i32", "l": "i64", "f": "f32", "d": "f64", "v": "v128"}
LOADS = [("v128.load", 16)] + [
    (f"v128.load{k}_{s}", 8) for k in ("8x8", "16x4", "32x2") for s in "su"] + [
    (f"v128.load{bits}_{how}", bits // 8) for how, sizes in
    (("splat", (8, 16, 32, 64)), ("zero", (32, 64))) for bits in sizes]
# What is left of a result, as a vector or a number.
USES = {"v": ["(v128.store (i32.const 0) %s)",
              "(i64.store (i32.const 0) (i64x2.extract_lane 0 %s))",
              "(i64.store (i32.const 0) (i64x2.extract_lane 1 %s))",
              "(v128.store64_lane 1 (i32.const 0) %s)",
              "(f32.store (i32.const 0) (f32x4.extract_lane 0 %s))",
              "(drop %s)"]}
USES |= {k: [f"({LETTERS[k]}.store (i32.const 0) %s)"] for k in "ilfd"}
# In a loop LLVM has more to do, and a compare needs its value in a register.
SHAPES = ["%s", "(loop $l %s (local.set $p (i32.add (local.get $p) (i32.const "
          "16))) (br_if $l (local.tee $n (i32.sub (local.get $n) "
          "(i32.const 1)))))"]


def instructions():
    """(text, operands, result, kind of immediate) from the compiler's table."""
    with open(os.path.join(TOP, "compiler/ops.def"), encoding="utf-8") as f:
        text = f.read()
    row = r'OP\(0xfd\w+,\s*\w+,\s*"(\S+)",\s*IMM_(\w+),\s*"(\w+):(\w)?"'
    for name, imm, operands, result in re.findall(row, text):
        if "v" in operands and result and "relaxed" not in name and \
                "dot_i8x16_i7x16" not in name:
            yield name, operands, result, imm


def immediates(name, imm):
    if imm == "NONE":
        return [""]
    if imm == "LANE":
        lanes = int(name.split(".")[0].split("x")[1])
        return sorted({"0", "1", str(lanes // 2), str(lanes - 1)})
    # Shuffles: the low half, the high one, some from each, one lane.
    return [" ".join(map(str, lanes)) for lanes in (
        range(8), range(8, 16), range(4), (0, 1, 16, 17, 2, 3, 18, 19),
        range(16, 24), range(24, 32), (5,), (28, 29, 30, 31))
        for lanes in [[lanes[k % len(lanes)] for k in range(16)]]]


def operand(letter):
    return f"(local.get ${letter})"


def bodies():
    """(what is done with a load, its kind of result)"""
    yield "LOAD", "v"
    for name, operands, result, imm in instructions():
        if imm not in ("NONE", "LANE", "SHUFFLE"):
            continue
        for extra in immediates(name, imm):
            for k, letter in enumerate(operands):
                if letter == "v":
                    args = [operand(x) for x in operands]
                    args[k] = "LOAD"
                    yield f"({name} {extra} {' '.join(args)})", result


def functions():
    """(export's body, size of its load)"""
    for body, result in bodies():
        for use in USES[result]:
            for shape in SHAPES:
                yield shape % use % body.replace(
                    "LOAD", "(v128.load (local.get $p))"), 16
    for load, size in LOADS:
        for use in USES["v"]:
            yield use % f"({load} (local.get $p))", size
    for bits in (8, 16, 32, 64):
        lane = f"{bits}_lane {128 // bits - 1} (local.get $p) (local.get $v)"
        yield f"(v128.store{lane})", bits // 8
        for use in USES["v"]:
            yield use % f"(v128.load{lane})", bits // 8


def module(part):
    text = [f'(func (export "{k}") (param $p i32) (param $n i32) '
            "(local $v v128) (local $i i32) (local $l i64) (local $f f32) "
            "(local $d f64) (local.set $v (v128.load (i32.const 64))) "
            f"(local.set $i (i32.load (i32.const 64))) {body})"
            for k, (body, _) in enumerate(part)]
    return '(module (memory (export "memory") 1 1)' + "\n".join(text) + ")"


def calls_of(part):
    """Over the end by each half and quarter, and by one byte; once inside."""
    return [(str(k), [END - size + over, 1]) for k, (_, size) in
            enumerate(part) for over in sorted(
                {min(over, size) for over in (0, 1, 4, 8, 12, 16)})]


def differs(part, calls, got):
    for (name, args), line in zip(calls, got):
        body, size = part[int(name)]
        expected = "" if args[0] + size <= END else "trap: memory"
        if line != f"{name}: {expected}":
            return f"{body} at {args[0]}: {line}, not {expected}"
    return None if len(got) == len(calls) + 1 else "too few lines"


def check(number, cpu):
    import wasmtime
    part = list(functions())[number::PARTS]
    wasm = bytes(wasmtime.wat2wasm(module(part)))
    calls = calls_of(part)
    for level, bounds in ((0, "guard"), (1, "guard"), (2, "guard"),
                          (3, "guard"), (2, "explicit")):
        so = os.path.join(scratch(), "lanes.so")
        got = libembed.apart(libembed.observe_ours, wasm, so, level, bounds,
                             calls, cpu)
        os.unlink(so)
        why = differs(part, calls, got)
        if why:
            fail(f"-O{level} {bounds} {cpu}: {why}")


def add_cases():
    cpus = libembed.host_cpus()
    for number in range(PARTS):
        cpu = cpus[number % len(cpus)]
        for c in cpus if os.environ.get("LONG") else [cpu]:
            def fn(number=number, c=c):
                check(number, c)
            fn.__name__ = f"part_{number}_{c}"
            case(fn)


use_oracle()
add_cases()
main()
