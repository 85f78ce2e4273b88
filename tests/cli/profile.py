#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Profiles: wasmc --profile-generate, a run, wasmc --profile-use."""
import os
import random
import re
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

BODY = """(type $t (func (param i32) (result i32)))
  (table 3 funcref) (elem (i32.const 0) $a $b $c)
  (memory 1) (data (i32.const 0) "\\05")
  (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
  (func $b (type $t) (i32.add (local.get 0) (i32.const 2)))
  (func $c (type $t) (i32.add (local.get 0) (i32.const 3)))
  (func $never (export "never") (result i32) (i32.const 1))
  (func $run (export "run") (param $n i32) (result i32) (local $s i32)
    (loop $l
      (local.set $s (call_indirect (type $t) (local.get $s)
        (if (result i32) (i32.rem_u (local.get $n) (i32.const 10))
          (then (i32.const 1)) (else (i32.const 2)))))
      (block $x (block $y (block $z
        (br_table $x $y $z (i32.rem_u (local.get $n)
          (i32.load8_u (i32.const 0))))) (nop)) (nop))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s))
  (func $traps (export "traps") (param i32) (result i32)
    (if (local.get 0) (then (unreachable)))
    (i32.const 7))
  (func (export "swap") (table.set (i32.const 1) (ref.func $c)))"""


def assemble(d, name, text):
    if not os.path.exists(ORACLE):
        skip("no Python with wasmtime (make check-build)")
    wat = os.path.join(d, name + ".wat")
    with open(wat, "w", encoding="utf-8") as f:
        f.write(f"(module {text})")
    run(ORACLE, os.path.join(TOP, "tests/wat2wasm"), d, wat).must()
    return wat[:-3] + "wasm"


def counted(d, wasm, name="run", args=("1000",), options=(), code=0):
    so = os.path.join(d, "counts.so")
    run(WASMC, "-q", "--profile-generate", *options, wasm, "-o", so).must()
    path = os.path.join(d, "counts.profile")
    if os.path.exists(path):
        os.remove(path)
    run(WASMRUN, "--invoke", name, so, *args).must(code)
    return path


def read(path):
    """Counters of each function, by its index."""
    with open(path, "rb") as f:
        data = f.read()
    magic, n, zero, size, _ = struct.unpack_from("<8sIIQQ", data)
    equal((magic, zero, size), (b"WPROF\1\0\0", 0, len(data) - 8))
    funcs = {}
    for i in range(n):
        _, index, k, at = struct.unpack_from("<QIIQ", data, 32 + 24 * i)
        funcs[index] = struct.unpack_from(f"<{k}Q", data, at)
    return funcs


def with_sum(data):
    h = 0xcbf29ce484222325
    for b in data:
        h = (h ^ b) * 0x100000001b3 & (1 << 64) - 1
    return data + struct.pack("<Q", h)


def ir(d, wasm, *options):
    out = os.path.join(d, "x.ll")
    run(WASMC, "-q", "-O0", "--emit=llvm-ir", wasm, *options, "-o",
        out).must()
    with open(out, encoding="utf-8") as f:
        return f.read()


def weights(text):
    return {tuple(int(x) for x in re.findall(r"i32 (\d+)", m))
            for m in re.findall(r"!\{!\"branch_weights\", ([^}]*)\}", text)}


@case
def everything_is_counted():
    d = scratch()
    wasm = assemble(d, "m", BODY)
    for options in [], ["-O0"], ["-O3"], ["--bounds=explicit"], ["--fuel"]:
        got = read(counted(d, wasm, options=options))
        equal(got[0], (0,))
        equal(got[1], (900,))
        equal(got[2], (100,))
        equal(got[3], (0,))
        taken, call, table, loop = got[4][1:3], got[4][3:12], \
            got[4][12:15], got[4][15:17]
        equal(got[4][0], 1)
        equal(taken, (900, 100))
        equal((call[0], dict(zip(call[1::2], call[2::2]))),
              (1000, {3: 100, 2: 900, 0: 0}))
        equal(table, (200, 200, 600))
        equal(loop, (999, 1))


@case
def frequent_callees_stay():
    """More callees than there is room for."""
    d = scratch()
    wasm = assemble(d, "m", """(table funcref (elem %s))
      (func $f) (func (export "run") (param $n i32)
        (loop $l
          (call_indirect (i32.rem_u (local.get $n) (i32.const 20)))
          (call_indirect (if (result i32) (i32.and (local.get $n)
            (i32.const 1)) (then (i32.rem_u (local.get $n)
              (i32.const 20))) (else (i32.const 13))))
          (br_if $l (local.tee $n (i32.sub (local.get $n)
            (i32.const 1))))))""" % ("$f " * 20))
    got = read(counted(d, wasm))[1]
    keys = dict(zip(got[13::2], got[14::2]))
    equal(got[12], 1000)
    equal(keys.get(14, 0) >= 500, True, repr(got))


@case
def weights_are_those_of_the_run():
    d = scratch()
    wasm = assemble(d, "m", BODY)
    path = counted(d, wasm)
    text = ir(d, wasm, "--profile-use", path)
    equal({(901, 101), (1000, 2), (601, 201, 201), (1001, 251)} <=
          weights(text), True, repr(weights(text)))
    twice = weights(ir(d, wasm, "--profile-use", path, "--profile-use",
                       path))
    equal({(1801, 201), (1999, 3), (1201, 401, 401)} <= twice, True,
          repr(twice))
    cold = re.search(r"define[^@]*@never\([^#]*#(\d+)", text)[1]
    holds(re.search(rf"attributes #{cold} = {{(.*)}}", text)[1], "cold ")


@case
def usual_callees_are_called_by_name():
    d = scratch()
    wasm = assemble(d, "m", BODY)
    path = counted(d, wasm)
    out = os.path.join(d, "x.so")
    for options in ["-O0"], ["-O2"], ["-O3", "--fuel"], ["--bounds=explicit"]:
        run(WASMC, "-q", *options, wasm, "--profile-use", path, "-o",
            out).must()
        equal(run(WASMRUN, "--invoke", "run", out, "1000").must().out,
              "2100\n")
    holds(ir(d, wasm, "--profile-use", path), "call fastcc i32 @b(")
    # What is in the table then is what counts.
    wasm = assemble(d, "n", BODY + """(func (export "both") (param i32)
        (result i32) (call 6) (call 4 (local.get 0)))""")
    run(WASMC, "-q", wasm, "--profile-use", path, "-o", out).must()
    equal(run(WASMRUN, "--invoke", "both", out, "1000").must().out, "3000\n")


@case
def also_in_tables_that_nobody_writes():
    d = scratch()
    wasm = assemble(d, "m", BODY[:BODY.index('(func (export "swap")')])
    path = counted(d, wasm)
    out = os.path.join(d, "x.so")
    for options in ["-O0"], ["-O2"], ["--fuel"]:
        run(WASMC, "-q", *options, wasm, "--profile-use", path, "-o",
            out).must()
        equal(run(WASMRUN, "--invoke", "run", out, "1000").must().out,
              "2100\n")
    holds(ir(d, wasm, "--profile-use", path), "call fastcc i32 @b(")


@case
def other_functions_may_change():
    d = scratch()
    path = counted(d, assemble(d, "m", BODY))
    more = assemble(d, "n", BODY.replace(
        "(func $a", "(func $new (result i32) (i32.const 5)) (func $a", 1))
    equal((901, 101) in weights(ir(d, more, "--profile-use", path)), True)
    less = assemble(d, "o", BODY.replace("i32.const 10)", "i32.const 11)"))
    equal((901, 101) in weights(ir(d, less, "--profile-use", path)), False)


@case
def traps_are_written_down_too():
    d = scratch()
    wasm = assemble(d, "m", BODY)
    path = counted(d, wasm, "traps", ("1",), code=134)
    equal(read(path)[5], (1, 1, 0))


@case
def named_by_the_option():
    d = scratch()
    so = os.path.join(d, "c.so")
    run(WASMC, "-q", "--profile-generate", assemble(d, "m", BODY), "-o",
        so).must()
    path = os.path.join(d, "there")
    run(WASMRUN, "--profile-file", path, "--invoke", "run", so, "3").must()
    equal(read(path)[4][0], 1)
    equal(os.path.exists(os.path.join(d, "c.profile")), False)
    r = run(WASMRUN, "--profile-file", "/nowhere/x", "--invoke", "run", so,
            "3").must()
    holds(r.err, "no profile: /nowhere/x")


@case
def what_is_no_profile():
    d = scratch()
    wasm = assemble(d, "m", BODY)
    path = counted(d, wasm)
    bad = os.path.join(d, "bad")
    with open(path, "rb") as f:
        good = f.read()
    for data, part in ((b"", "no profile"), (b"\0asm" * 20, "no profile"),
                       (good[:-1], "damaged"), (good[:100], "damaged"),
                       (good[:50] + b"x" + good[51:], "damaged"),
                       (good[:-20] + b"x" + good[-19:], "damaged")):
        with open(bad, "wb") as f:
            f.write(data)
        r = run(WASMC, "-q", wasm, "--profile-use", bad, "-o",
                os.path.join(d, "x.so")).must(1)
        holds(r.err, part)
    other = assemble(d, "p", '(func (export "x") (param i64))')
    r = run(WASMC, "-q", other, "--profile-use", path, "-o",
            os.path.join(d, "x.so")).must(1)
    holds(r.err, "another module's")


@case
def any_numbers_will_do():
    """Damage that has the right sum: whatever it says, nothing breaks."""
    d = scratch()
    wasm = assemble(d, "m", BODY)
    with open(counted(d, wasm), "rb") as f:
        good = f.read()[:-8]
    bad, out = os.path.join(d, "bad"), os.path.join(d, "x.ll")
    r = random.Random(7)
    for _ in range(80):
        data = bytearray(good)
        for _ in range(r.randrange(1, 9)):
            at = r.randrange(8, len(data))
            data[at:at + 1] = bytes([r.choice((0, 1, 127, 255))])
        with open(bad, "wb") as f:
            f.write(with_sum(bytes(data)))
        got = run(WASMC, "-q", "-O1", "--emit=llvm-ir", wasm,
                  "--profile-use", bad, "-o", out)
        equal(got.code in (0, 1), True, repr(got))


main()
