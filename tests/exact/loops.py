#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 600
"""Loops that store, and neighbouring accesses, near every edge: what memory
holds after each call, be it that the call trapped, is the same at every -O and
in wasmtime.
"""
import multiprocessing
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fuzz"))
from libtest import *
import libembed

END = 65536
WAYS = [(0, "guard"), (1, "guard"), (2, "guard"), (3, "guard"),
        (2, "explicit")]
TOP32 = 1 << 32

# ---- Loops: $a, $b are addresses, $n a number, $i, $x free ------------------

INC = "(local.set $%s (i32.add (local.get $%s) (i32.const %d)))"


def inc(var, by):
    return INC % (var, var, by)


def elem(array, log, extra=0):
    """array + (i << log) + extra"""
    at = f"(i32.add (local.get ${array}) (i32.shl (local.get $i) " \
         f"(i32.const {log})))"
    return f"(i32.add {at} (i32.const {extra}))" if extra else at


def upto(cond, body, by=1, first=0):
    """i = first; do body while (i += by) cond n"""
    return f"(local.set $i (i32.const {first})) (loop $l {body} " \
           f"{inc('i', by)} (br_if $l ({cond} (local.get $i) " \
           "(local.get $n))))"


def up_to_zero(at, by=32):
    """Four neighbours, the last first, of what lies at a constant: its index
    has low bits that are known.  The first of the rounds differs in size."""
    def place(k):
        return f"(i32.add (local.get $x) (i32.const {4096 + at + 8 * k}))"
    lanes = "".join(f"(local.set $j (i64.add (i64.mul (local.get $j) "
                    f"(i64.const 31)) (i64.load {place(k)}))) (i64.store "
                    f"offset={8 * k} (local.get $b) (local.get $j))"
                    for k in (3, 2, 1, 0))
    return f"(local.set $x (i32.const -{4096 // by * by})) (loop $l {lanes} " \
           f"(br_if $l {inc('x', by).replace('set', 'tee')}))"


def rotate(first, moved, more=""):
    """Words move on by one place, copied by eights as C compilers do, and two
    of them change; `more` in front: $x is where they lie."""
    def at(k):
        return "(local.get $x)" if k == 0 else moved
    return f"(local.set $x {first}) " + upto(
        "i32.lt_u",
        f"{more}(local.set $j (i64.load {at(0)})) "
        f"(local.set $k (i64.load offset=8 {at(0)})) "
        f"(i32.store offset=16 {at(1)} (i32.load offset=16 {at(0)})) "
        f"(i64.store offset=8 align=4 {at(1)} (local.get $k)) "
        f"(i64.store align=4 {at(1)} (local.get $j)) "
        f"(i32.store {at(0)} (i32.add (local.get $i) (i32.load offset=20 "
        f"{at(0)}))) (i32.store offset=8 {at(0)} (i32.add (i32.load "
        f"offset=8 {at(0)}) (i32.load {elem('a', 2)})))")


LOOPS = {
    "copy": upto("i32.ne", f"(i32.store {elem('b', 2)} "
                 f"(i32.load {elem('a', 2)}))"),
    "copy-slt": upto("i32.lt_s", f"(i32.store {elem('b', 2)} "
                     f"(i32.load {elem('a', 2)}))"),
    "copy-ult": upto("i32.lt_u", f"(i64.store {elem('b', 3)} "
                     f"(i64.load {elem('a', 3)}))"),
    "copy-le": upto("i32.le_s", f"(i32.store16 {elem('b', 1)} "
                    f"(i32.load16_u {elem('a', 1)}))"),
    "add-bytes": upto("i32.lt_u", f"(i32.store8 {elem('b', 0)} (i32.add "
                      f"(i32.load8_u {elem('a', 0)}) (i32.const 3)))"),
    "pointers": "(local.set $x (i32.add (local.get $a) (i32.shl "
                "(local.get $n) (i32.const 2)))) (loop $l (i32.store "
                "(local.get $b) (i32.add (i32.load (local.get $a)) "
                f"(i32.const 1))) {inc('b', 4)} {inc('a', 4)} (br_if $l "
                "(i32.ne (local.get $a) (local.get $x))))",
    "down": "(loop $l (i64.store offset=8 (local.get $b) (i64.load "
            f"(local.get $a))) {inc('b', -8)} {inc('a', -8)} (br_if $l "
            f"(local.tee $n (i32.sub (local.get $n) (i32.const 1)))))",
    "down, two": "(loop $l (i32.store (local.get $b) (i32.sub (i32.load "
                 "(local.get $a)) (i32.load (i32.sub (local.get $a) "
                 f"(i32.const 4))))) {inc('b', -4)} {inc('a', -4)} (br_if $l "
                 "(local.tee $n (i32.sub (local.get $n) (i32.const 1)))))",
    "down-gt": f"(loop $l (i32.store {elem('b', 2).replace('$i', '$n')} "
               f"(local.get $n)) {inc('n', -1)} (br_if $l (i32.gt_s "
               "(local.get $n) (i32.const 0))))",
    "down-ge": f"(loop $l (i32.store8 {elem('b', 0).replace('$i', '$n')} "
               f"(i32.load8_u {elem('a', 0).replace('$i', '$n')})) "
               f"{inc('n', -3)} (br_if $l (i32.ge_u (local.get $n) "
               "(i32.const 7))))",
    "stencil": upto("i32.lt_s", f"(i32.store {elem('b', 2)} (i32.add "
                    f"(i32.add (i32.load {elem('a', 2, -4)}) (i32.load "
                    f"{elem('a', 2)})) (i32.load {elem('a', 2, 4)})))"),
    "stride-3": upto("i32.lt_u", f"(i32.store {elem('b', 2)} "
                     f"(i32.add (local.get $i) (i32.load {elem('a', 2)})))",
                     by=3),
    "stride-12": "(local.set $x (i32.add (local.get $b) (i32.mul "
                 "(local.get $n) (i32.const 12)))) (loop $l (i32.store "
                 "offset=4 (local.get $b) (i32.load offset=8 "
                 f"(local.get $b))) {inc('b', 12)} (br_if $l (i32.ne "
                 "(local.get $b) (local.get $x))))",
    "not-divided": "(local.set $x (i32.add (local.get $b) (i32.const 802))) "
                   "(loop $l (i32.store (local.get $b) (i32.const 7)) "
                   f"{inc('b', 4)} (br_if $l (i32.ne (local.get $b) "
                   "(local.get $x))))",
    "if": upto("i32.lt_s", f"(if (i32.gt_s (i32.load {elem('a', 2)}) "
               f"(i32.load {elem('b', 2)})) (then (i32.store "
               f"{elem('b', 2)} (i32.load {elem('a', 2)}))))"),
    "switch": upto("i32.lt_u", "(block $d (block $2 (block $1 (block $0 "
                   "(br_table $0 $1 $2 $d (i32.and (i32.load "
                   f"{elem('a', 2)}) (i32.const 7)))) (i32.store8 "
                   f"{elem('b', 2)} (i32.const 3)) (br $d)) (i32.store16 "
                   f"{elem('b', 2)} (i32.const 5)) (br $d)) (i32.store "
                   f"{elem('b', 2)} (i32.const 7)))"),
    "two": upto("i32.lt_s", f"(i32.store {elem('a', 2)} (local.get $i)) "
                f"(i32.store16 {elem('b', 1)} (local.get $i))"),
    "sum-and-store": upto("i32.lt_s", "(local.set $x (i32.add "
                          f"(local.get $x) (i32.load {elem('a', 2)}))) "
                          f"(i32.store {elem('b', 2)} (local.get $x))"),
    "fill-i64": "(local.set $j (i64.const 0)) (loop $l (f64.store "
                "(i32.wrap_i64 (i64.add (i64.extend_i32_u (local.get $b)) "
                "(i64.shl (local.get $j) (i64.const 3)))) (f64.const 1.5)) "
                "(local.set $j (i64.add (local.get $j) (i64.const 1))) "
                "(br_if $l (i64.lt_s (local.get $j) (i64.extend_i32_s "
                "(local.get $n)))))",
    "same-place": upto("i32.lt_s", "(i32.store (local.get $b) (i32.add "
                       "(i32.load (local.get $b)) (i32.load "
                       f"{elem('a', 2)})))"),
    "struct": upto("i32.lt_s", "(f32.store offset=12 (i32.add (local.get $b) "
                   "(i32.mul (local.get $i) (i32.const 20))) (f32.load "
                   "offset=4 (i32.add (local.get $a) (i32.mul "
                   "(local.get $i) (i32.const 20)))))"),
    "unrolled": upto("i32.lt_s", f"(i64.store {elem('b', 3)} (i64.add "
                     f"(i64.load {elem('a', 3)}) (i64.const 5))) (i64.store "
                     f"{elem('b', 3, 8)} (i64.load {elem('a', 3, 8)}))",
                     by=2),
    "end on the left": "(local.set $n (i32.and (local.get $n) (i32.const "
                       "0x7ffffffc))) (loop $l (i32.store "
                       f"{elem('b', 2)} (i32.load {elem('a', 2, -4)})) "
                       f"(i32.store {elem('b', 2, 4)} (i32.load "
                       f"{elem('a', 2)})) {inc('i', 2)} (br_if $l (i32.ne "
                       "(local.get $n) (local.get $i))))",
    "up to zero": "(local.set $x (i32.const -4000)) (loop $l (f64.store "
                  "(i32.add (local.get $b) (i32.add (local.get $x) "
                  "(i32.const 4000))) (f64.load offset=8 (i32.add "
                  "(local.get $a) (i32.add (local.get $x) (i32.const "
                  f"4008))))) (br_if $l {inc('x', 8).replace('set', 'tee')}"
                  "))",
    "up to zero, constant": "(local.set $x (i32.const -4000)) (loop $l "
                            "(f64.store (i32.add (local.get $x) (i32.const "
                            "16384)) (f64.load (i32.add (local.get $x) "
                            "(i32.const 24568)))) (br_if $l "
                            f"{inc('x', 8).replace('set', 'tee')}))",
    "up to zero, lanes": up_to_zero(16384),
    "up to zero, lanes over the end": up_to_zero(END - 40),
    "up to zero, lanes from below": up_to_zero(-16),
    "up to zero, lanes apart": up_to_zero(16388, 40),
    "low bits cleared": "(loop $l (i32.store (i32.and (local.get $b) "
                        "(i32.const -4)) (i32.load (i32.and (local.get $a) "
                        f"(i32.const -8)))) {inc('b', 4)} {inc('a', 8)} "
                        f"{inc('i', 1)} (br_if $l (i32.lt_u (local.get $i) "
                        "(local.get $n))))",
    "wrapped i64": "(loop $l (i32.store (i32.wrap_i64 (i64.and (i64.add "
                   "(i64.extend_i32_u (local.get $b)) (local.get $j)) "
                   "(i64.const 0xfffffffc))) (local.get $i)) (local.set $j "
                   "(i64.add (local.get $j) (i64.const 4))) "
                   f"{inc('i', 1)} (br_if $l (i32.lt_u (local.get $i) "
                   "(local.get $n))))",
    "loaded again": upto("i32.lt_s", f"(i32.store {elem('b', 2)} (i32.add "
                         "(i32.load (local.get $a)) (i32.load "
                         f"{elem('b', 2)})))"),
    "loaded again, within": upto("i32.lt_s", f"(i32.store {elem('b', 2)} "
                                 "(i32.add (i32.load offset=40 "
                                 "(local.get $b)) (local.get $i)))"),
    "loaded ahead": "(loop $l (i64.store (local.get $a) (i64.add (i64.load "
                    "(local.get $a)) (i64.load (local.get $b)))) (i64.store "
                    "(local.get $a) (i64.const 5)) (i64.store (i32.add "
                    "(local.get $b) (i32.const 32)) (i64.load (i32.add "
                    f"(local.get $b) (i32.const 8)))) {inc('a', 8)} "
                    f"{inc('b', 8)} (br_if $l (local.tee $n (i32.sub "
                    "(local.get $n) (i32.const 1)))))",
    "words moved on": rotate("(local.get $b)", "(i32.add (local.get $x) "
                             "(i32.const 4))"),
    # The sum is one where the low bits are clear: not at every place.
    "words moved on, or": rotate("(local.get $b)", "(i32.or (local.get $x) "
                                 "(i32.const 4))"),
    "words moved on, or, at 8": rotate("(i32.and (local.get $b) (i32.const "
                                       "-8))", "(i32.or (local.get $x) "
                                       "(i32.const 4))"),
    "words moved back": rotate("(i32.add (local.get $b) (i32.const 4))",
                               "(i32.sub (local.get $x) (i32.const 4))"),
    "words and a byte": rotate("(local.get $b)", "(i32.add (local.get $x) "
                               "(i32.const 4))", "(i32.store8 offset=5 "
                               "(local.get $x) (local.get $i)) "),
    "words and all": rotate("(local.get $b)", "(i32.add (local.get $x) "
                            "(i32.const 4))", "(i64.store offset=8 "
                            "(local.get $x) (i64.add (i64.load offset=8 "
                            "(local.get $x)) (i64.load offset=4 (local.get "
                            "$x)))) "),
    "or, growing": upto("i32.lt_s", f"(i32.store (i32.or (i32.shl (local.get "
                        "$i) (i32.const 2)) (i32.const 4)) (i32.load "
                        f"{elem('a', 2)}))"),
    "with-global": upto("i32.lt_s", f"(i32.store {elem('b', 2)} (i32.add "
                        f"(global.get $g) (i32.load {elem('a', 2)})))"),
}

COUNTS = [1, 15, 16, 17, 33, 64, 100, 1000, 0, -1, 0x7fffffff]
# Of both arrays: inside, overlapping each way, over the end by some elements,
# from below 0 and over 2^32.
PLACES = [(16, -32), (0, 8192), (8192, 0), (4096, 4100), (4100, 4096), (4096, 4096),
          (0, END - 400), (END - 400, 0), (END - 402, END - 300),
          (0, END - 64), (0, -40), (-40, 0), (-400, -392), (16, END - 1),
          (0x80000000, 0), (0, 0x7ffffff8), (-0x7fffffff, 64), (0, END - 100),
          (END - 36, 4096), (66, 4097), (252, 16384)]

# ---- Neighbours: a store or load at x and others near it --------------------

NEAR = [-65537, -65536, -65535, -8, -4, -1, 1, 4, 8, 65535, 65536, 65537]
AT = [0, 1, 3, 4, 7, 8, 65535, 65536, END - 12, END - 8, END - 5, END - 4, -1,
      -4, -8, -65536, -65540, 0x7fffffff, 0x80000000]


def near(d, offset, store):
    x = "(local.get $a)"
    y = f"(i32.add {x} (i32.const {d}))"
    if store:
        body = f"(i32.store {x} (local.get $n)) (i32.store " \
               f"offset={offset} {y} (i32.const 5))"
    else:
        body = f"(local.set $x (i32.load {x})) (local.set $x (i32.add " \
               f"(local.get $x) (i32.load offset={offset} {y})))"
    return body


NEIGHBOURS = {f"near {d} {o} {'store' if s else 'load'}": near(d, o, s)
              for d in NEAR for o in (0, 1, 4, 16) for s in (0, 1)}
NEIGHBOURS |= {
    "element and next": f"(local.set $i (local.get $n)) (i32.store "
    f"{elem('a', 2)} (i32.load {elem('a', 2, 4)})) (i32.store "
    f"{elem('a', 2, -4)} (i32.const 3))",
    "low bits cleared, then not": "(local.set $j (i64.mul "
    "(i64.extend_i32_u (local.get $a)) (i64.const 3))) (local.set $x "
    "(i32.load (i32.wrap_i64 (i64.and (local.get $j) (i64.const "
    "0xfffffffc))))) (local.set $x (i32.add (local.get $x) (i32.load "
    "(i32.add (i32.wrap_i64 (local.get $j)) (i32.const 8)))))",
    "down, with offsets": "(local.set $x (i32.load (local.get $a)))" + "".join(
        f"(i32.store offset={o} (i32.add (local.get $a) (i32.const {d})) "
        f"(i32.const {o + 1}))" for d, o in
        ((-65536, 0), (-65540, 0), (-4, 0), (-8, 4), (-16, 0), (-12, 8))),
    "negative alone": "(i32.store (i32.sub (local.get $a) (i32.const 4)) "
                      "(i32.const 9))",
    "in a branch": "(if (i32.load8_u (i32.const 5)) (then (drop (i32.load "
                   "(local.get $a))))) (i32.store (i32.sub (local.get $a) "
                   "(i32.const 4)) (i32.const 9)) (drop (i32.load (i32.add "
                   "(local.get $a) (i32.const 4))))",
}


def module(limits):
    funcs = [f'(func (export "{name}") (param $a i32) (param $b i32) '
             "(param $n i32) (result i32) (local $i i32) (local $x i32) "
             f"(local $j i64) (local $k i64) {body} (local.get $x))"
             for name, body in (LOOPS | NEIGHBOURS).items()]
    return f"""(module (memory (export "memory") {limits})
      (global $g (mut i32) (i32.const 77))
      {libembed.fill_and_sum(END, "(local.get $i)")}
      {" ".join(funcs)})"""


def calls_of(names, args):
    calls = [("reset", [])]
    for name in names:
        for a in args:
            calls += [(name, [v & TOP32 - 1 for v in a]), ("sum", [])]
    return calls


def compare(limits, names, args):
    import wasmtime
    wasm = bytes(wasmtime.wat2wasm(module(limits)))
    calls = calls_of(names, args)
    expected = libembed.observe_wasmtime(wasm, calls)
    with tempfile.TemporaryDirectory() as tmp:
        for level, bounds in WAYS:
            so = os.path.join(tmp, f"{level}{bounds}.so")
            # An instance's address space is given back by the process.
            with multiprocessing.get_context("fork").Pool(1) as child:
                got = child.apply(libembed.observe_ours, (wasm, so, level,
                                                          bounds, calls))
            libembed.same_lines(f"-O{level} {bounds}", calls, expected, got)


@case
def loops_in_one_page():
    compare("1 1", list(LOOPS), [(a, b, n) for a, b in PLACES
                                 for n in COUNTS])


@case
def loops_in_a_memory_without_maximum():
    compare("1", list(LOOPS), [(a, b, 50) for a, b in PLACES])


@case
def neighbours():
    for limits in ("1 1", "1", "1 65535"):
        compare(limits, list(NEIGHBOURS), [(a, 0, n) for a in AT
                                           for n in (0, 2)])


use_oracle()
main()
