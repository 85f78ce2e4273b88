#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 600
"""Loops of 128-bit vectors, which become wider where the CPU has more: random
bodies, with arrays that overlap in every way, and at the edges of memory.  What
memory holds after each call is the same at every -O, on every level of the
architecture that this machine has, and in wasmtime.

    tests/exact/vectors.py [FIRST [COUNT]]

Each number is a module of some loops; with --long there are 40 of them.
"""
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fuzz"))
from libtest import *
import libembed

END = 65536
LOOPS = 12
NUMBER = "(i32.add (local.get $i) (i32.const 4))"
FOLDER = os.path.join(TOP, "build/fuzz")
CPUS = libembed.host_cpus()

# ---- Bodies -----------------------------------------------------------------

INT = {8: "i8x16", 16: "i16x8", 32: "i32x4", 64: "i64x2"}
EVERY = ["add", "sub", "eq", "ne", "lt_s", "gt_s", "le_s", "ge_s"]
SMALL = ["min_s", "min_u", "max_s", "max_u", "lt_u", "gt_u", "le_u", "ge_u"]
OPS = {8: EVERY + SMALL + ["add_sat_s", "add_sat_u", "sub_sat_s", "sub_sat_u",
                           "avgr_u"],
       16: EVERY + SMALL + ["mul", "add_sat_s", "sub_sat_u", "avgr_u",
                            "q15mulr_sat_s"],
       32: EVERY + SMALL + ["mul"], 64: EVERY + ["mul"]}
BITS = ["and", "or", "xor", "andnot"]
FLOAT = ["add", "sub", "mul", "min", "max", "pmin", "pmax", "lt", "ge"]
FLOAT1 = ["abs", "neg", "ceil", "floor", "nearest", "trunc"]


class Body:
    """The loop's text, from a number; values are made of loads, of the load of
    the iteration before, and of what does not change."""

    def __init__(self, rnd):
        self.rnd = rnd
        self.last = rnd.random() < 0.4      # is there one of the last round?
        self.sums = rnd.random() < 0.3
        self.narrow = rnd.random() < 0.2    # loads of 8 bytes

    def address(self, array, more=0):
        return f"(i32.add (local.get ${array}) (i32.const {more}))"

    def leaf(self):
        r = self.rnd
        kind = r.randrange(10)
        if kind < 1:
            return "(local.get $s)"
        if kind < 2:
            return "(v128.const i64x2 %d %d)" % (r.getrandbits(63),
                                                 r.getrandbits(63))
        if kind < 3:
            return "(i32x4.splat (local.get $n))"
        if kind < 4 and self.sums and r.random() < 0.4:
            return "(local.get $r)"
        if kind < 5 and self.last:
            return r.choice(("(local.get $p)", "(i8x16.shuffle 8 9 10 11 12 13 "
                             "14 15 16 17 18 19 20 21 22 23 (local.get $p) "
                             "(local.get $q))", "(local.get $q)"))
        array = r.choice("aab")
        more = r.choice((0, 0, 0, 16, -16, 32, 4, -8, 1, 48))
        if self.narrow and array == "a":
            return f"(v128.load{r.choice(('8x8', '16x4', '32x2'))}_" \
                   f"{r.choice('su')} offset={abs(more)} (local.get $h))"
        return f"(v128.load {self.address(array, more)})"

    def value(self, depth):
        r = self.rnd
        if depth == 0 or r.random() < 0.15:
            return self.leaf()
        bits = r.choice((8, 16, 32, 64))
        kind = r.randrange(12)
        x = self.value(depth - 1)
        if kind < 6:
            return f"({INT[bits]}.{r.choice(OPS[bits])} {x} " \
                   f"{self.value(depth - 1)})"
        if kind < 7:
            return f"(v128.{r.choice(BITS)} {x} {self.value(depth - 1)})"
        if kind < 8:
            return self.one_operand(r.randrange(6), bits, x)
        if kind < 9:
            lanes = " ".join(str(r.randrange(32)) for _ in range(16))
            return f"(i8x16.shuffle {lanes} {x} {self.value(depth - 1)})"
        if kind < 10:
            return f"(v128.bitselect {x} {self.value(depth - 1)} " \
                   f"{self.value(0)})"
        return self.floats(x)

    def one_operand(self, kind, bits, x):
        r = self.rnd
        if kind == 0:
            return f"(v128.not {x})"
        if kind == 1:
            how = r.choice(("shl", "shr_s", "shr_u"))
            return f"({INT[bits]}.{how} {x} (i32.const {r.randrange(70)}))"
        if kind == 2:
            return f"({INT[bits]}.{r.choice(('abs', 'neg'))} {x})"
        if kind == 3:
            return f"(i8x16.popcnt {x})"
        wide = r.choice((16, 32, 64))
        return f"({INT[wide]}.extend_{r.choice(('low', 'high'))}_" \
               f"{INT[wide // 2]}_{r.choice('su')} {x})"

    def floats(self, x):
        """Of whole numbers, so that none is a NaN, and back."""
        r = self.rnd
        y = self.value(0)
        f, g = (f"(f32x4.convert_i32x4_{r.choice('su')} {v})" for v in (x, y))
        op = r.choice(FLOAT + FLOAT1)
        if r.random() < 0.3:
            f, g = (f"(f64x2.convert_low_i32x4_s {v})" for v in (x, y))
            back = "(i32x4.trunc_sat_f64x2_s_zero %s)"
            shape = "f64x2"
        else:
            back, shape = "(i32x4.trunc_sat_f32x4_s %s)", "f32x4"
        if op in FLOAT1:
            return back % f"({shape}.{op} {f})"
        if op in ("lt", "ge"):
            return f"({shape}.{op} {f} {g})"
        return back % f"({shape}.{op} {f} {g})"

    def stores(self):
        r = self.rnd
        text = ""
        if self.last:
            text += f"(local.set $q (v128.load {self.address('a')}))"
        if self.sums:
            text += self.sum("r") + self.sum("r2")
        for _ in range(r.choice((0, 0, 1, 2)) if self.sums else
                       r.choice((1, 1, 1, 2, 2, 3))):
            array = r.choice("bbba")
            more = r.choice((0, 0, 0, 0, 16, -16, 4, 64))
            text += f"(v128.store {self.address(array, more)} " \
                    f"{self.value(r.randrange(1, 4))})"
        if self.last:
            text += "(local.set $p (local.get $q))"
        return text

    @staticmethod
    def running(first):
        """What a sum has been until now is stored: it cannot be in parts."""
        text = ["(local.set $r (i32x4.add (local.get $r) (v128.load "
                "(local.get $a))))", "(v128.store (local.get $b) "
                "(local.get $r))"]
        return text[first] + text[1 - first]

    def sum(self, var):
        """Twice the same operation, of one shape."""
        r = self.rnd
        shape, op = r.choice((("i8x16", "add"), ("i16x8", "add"),
                              ("i32x4", "add"), ("i64x2", "add"),
                              ("v128", r.choice(BITS[:3])),
                              ("v128", "and"), ("i32x4", r.choice(("mul", "min_s", "sub")))))
        value = self.value(2)
        if op in ("and", "or"):         # some bits are to be left
            value = f"(v128.{'or' if op == 'and' else 'and'} {value} " \
                    "(v128.const i32x4 0x0ff00f0f 0xff0ff0f0 -0x3333334 " \
                    "0x11111111))"
        new = f"({shape}.{op} (local.get ${var}) {value})"
        if r.random() < 0.4:
            new = f"({shape}.{op} {self.value(1)} {new})"
        if r.random() < 0.2:
            new = f"({shape}.{op} {new} (local.get ${var}))"
        return f"(local.set ${var} {new})"

    def loop(self, stores=None):
        step = "".join(f"(local.set ${v} (i32.add (local.get ${v}) "
                       f"(i32.const {by})))" for v, by in
                       (("a", 16), ("b", 16), ("h", 8)))
        how = self.rnd.choice((
            "(local.tee $n (i32.sub (local.get $n) (i32.const 1)))",
            "(i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) "
            "(local.get $n))",
            "(i32.ne (local.get $b) (local.get $e))"))
        return f"""(local.set $s (i8x16.splat (local.get $n)))
            (local.set $h (local.get $a))
            (local.set $e (i32.add (local.get $b) (i32.shl (local.get $n)
              (i32.const 4))))
            (local.set $p (local.get $s)) (local.set $r (v128.not
              (local.get $s)))
            (loop $l {stores or self.stores()} {step} (br_if $l {how}))
            (v128.store (i32.const 32) (local.get $r))
            (v128.store (i32.const 48) (local.get $r2))"""


def module(number):
    rnd = random.Random(number)
    fixed = {LOOPS - 2 + k: Body.running(k) for k in range(2)}
    funcs = [f"""(func (export "{k}") (param $a i32) (param $b i32)
        (param $n i32) (local $i i32) (local $e i32) (local $h i32)
        (local $s v128) (local $p v128) (local $q v128)
        (local $r v128) (local $r2 v128)
        {Body(rnd).loop(fixed.get(k))})"""
             for k in range(LOOPS)]
    return f"""(module (memory (export "memory") 1 1)
      {libembed.fill_and_sum(END, NUMBER)}
      {" ".join(funcs)})"""


# ---- Calls ------------------------------------------------------------------

COUNTS = [1, 2, 15, 16, 17, 18, 19, 35, 64, 101]
PLACES = [(64, 8192), (8192, 64), (4096, 4096), (0, END - 400),
          (END - 400, 64), (64, END - 1648), (16, -64), (-64, 64),
          (END - 256, 4096)] + [
              (8192, 8192 + d) for d in (1, 4, 8, 12, 16, 17, 20, 31, 32, 33,
                                         40, 48, 64, 272, -1, -4, -8, -16, -17,
                                         -24, -31, -32, -33, -48, -64, -272)]


def calls_of(rnd):
    calls = []
    for k in range(LOOPS):
        for a, b in PLACES:
            n = rnd.choice(COUNTS)
            calls += [("reset", []),
                      (str(k), [v & 0xffffffff for v in (a, b, n)]),
                      ("sum", [])]
    return calls


def ways(rnd):
    return [(2, "guard", "native"), (3, "guard", rnd.choice(CPUS)),
            (2, "guard", rnd.choice(CPUS)),
            (rnd.choice((0, 1, 2)), rnd.choice(("guard", "explicit")),
             rnd.choice(CPUS))]


def check(number):
    import wasmtime
    rnd = random.Random(number)
    wasm = bytes(wasmtime.wat2wasm(module(number)))
    calls = calls_of(rnd)
    expected = libembed.apart(libembed.observe_wasmtime, wasm, calls)
    so = os.path.join(FOLDER, f"vectors-{number}.so")
    for way in ways(rnd):
        try:
            libembed.same_calls(wasm, so, way, calls, expected)
        finally:
            if os.path.exists(so):
                os.unlink(so)
    return 1


def main():
    os.makedirs(FOLDER, exist_ok=True)
    return numbered(check, "module", 40 if os.environ.get("LONG") else 4)


use_oracle()
sys.exit(main())
