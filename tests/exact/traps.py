#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exact traps: every load and store at the end of memory, in every use that
might tempt the optimiser to lose, narrow, move or merge it, at every level.

Writes one .wast, has wast2json.py convert it, and runs spectest on it.  After
a trap the word at address 0 says which stores had happened.
"""
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.path.join(TOP, os.environ.get("OUT", "build"), "bin")
PYTHON = os.path.join(TOP, os.environ.get("WASMTIME_PYTHON",
                                          "build/venv/bin/python"))
DIR = os.path.join(TOP, os.environ.get("OUT", "build"), "tests/exact")
END = 65536

LOADS = [("i32.load", 4), ("i64.load", 8), ("f32.load", 4), ("f64.load", 8),
         ("i32.load8_s", 1), ("i32.load8_u", 1), ("i32.load16_s", 2),
         ("i32.load16_u", 2), ("i64.load8_s", 1), ("i64.load8_u", 1),
         ("i64.load16_s", 2), ("i64.load16_u", 2), ("i64.load32_s", 4),
         ("i64.load32_u", 4)]
STORES = [("i32.store", 4), ("i64.store", 8), ("f32.store", 4),
          ("f64.store", 8), ("i32.store8", 1), ("i32.store16", 2),
          ("i64.store8", 1), ("i64.store16", 2), ("i64.store32", 4)]
TO_I32 = {"i32": "%s", "i64": "(i32.wrap_i64 %s)",
          "f32": "(i32.reinterpret_f32 %s)",
          "f64": "(i32.wrap_i64 (i64.reinterpret_f64 %s))"}
SET = "(i32.store (i32.const 0) (i32.const %d))"

funcs, script = [], []


def case(name, body, arg, result=None, word=None, local="i32"):
    """result None: the access is out of bounds; word: what is then at 0."""
    funcs.append(f'(func (export "{name}") (param $p i32) (result i32) '
                 f'(local $x {local}) {body})')
    call = f'(invoke "{name}" (i32.const {arg}))'
    script.append('(assert_return (invoke "clear"))')
    if result is None:
        script.append(f'(assert_trap {call} "out of bounds memory access")')
    else:
        script.append(f'(assert_return {call} (i32.const {result}))')
    if word is not None:
        script.append(f'(assert_return (invoke "word") (i32.const {word}))')


def load_cases(op, n):
    ty, o, over = op[:3], op, END - n + 1
    ld = f"({op} (local.get $p))"
    v = TO_I32[ty] % ld
    funcs.append(f'(func $get_{o} (param $p i32) (result i32) {v})')
    seven = "(i32.const 7)"
    case(f"drop {o}", f"(drop {ld}) {seven}", over)
    case(f"drop far {o}", f"(drop {ld}) {seven}", 0x7fffffff)
    case(f"drop high {o}", f"(drop {ld}) {seven}", -1)
    case(f"drop inside {o}", f"(drop {ld}) {seven}", END - n, 7)
    case(f"twice {o}", f"(drop {ld}) (drop {ld}) {seven}", over)
    case(f"unused local {o}", f"(local.set $x {ld}) {seven}", over, local=ty)
    case(f"overwritten local {o}", f"(local.set $x {ld}) "
         f"(local.set $x ({ty}.const 3)) {seven}", over, local=ty)
    case(f"low byte {o}", f"(i32.and {v} (i32.const 255))", over)
    case(f"low bit {o}", f"(i32.and {v} (i32.const 1))", over)
    case(f"times 0 {o}", f"(i32.mul {v} (i32.const 0))", over)
    case(f"store8 of it {o}", f"(i32.store8 (i32.const 0) {v}) {seven}", over,
         word=0)
    case(f"store16 of it {o}", f"(i32.store16 (i32.const 0) {v}) {seven}",
         over, word=0)
    case(f"in one branch {o}", f"(local.set $x {v}) (if (result i32) "
         f"(i32.eq (local.get $p) (i32.const 5)) (then (local.get $x)) "
         f"(else {seven}))", over)
    case(f"selected {o}", f"(select {v} {seven} "
         f"(i32.eq (local.get $p) (i32.const 5)))", over)
    case(f"result of call dropped {o}", f"(drop (call $get_{o} "
         f"(local.get $p))) {seven}", over)
    case(f"callee ignores it {o}", f"(call $ignore (local.get $p) {v})", over)
    case(f"sum not used {o}", f"(loop $l (local.set $x (i32.add "
         f"(local.get $x) {v})) (local.set $p (i32.add (local.get $p) "
         f"(i32.const {n}))) (br_if $l (i32.lt_u (local.get $p) "
         f"(i32.const {END + 1})))) {seven}", END - 64)
    case(f"last of a loop used {o}", f"(loop $l (local.set $x {v}) "
         f"(local.set $p (i32.sub (local.get $p) (i32.const {n}))) (br_if $l "
         f"(i32.gt_u (local.get $p) (i32.const 64)))) (local.get $x)", over)
    case(f"then unreachable {o}", f"(drop {ld}) unreachable", over)
    case(f"store before {o}", f"{SET % 1} (drop {ld}) {SET % 2} {seven}",
         over, word=1)
    case(f"store before, used {o}", f"{SET % 1} (local.set $x {v}) {SET % 2} "
         "(local.get $x)", over, word=1)
    case(f"store after {o}", f"(drop {ld}) {SET % 2} {seven}", over, word=0)
    case(f"counted in memory {o}", f"(loop $l (i32.store (i32.const 0) "
         f"(i32.add (i32.load (i32.const 0)) (i32.const 1))) (local.set $x "
         f"(i32.add (local.get $x) {v})) (local.set $p (i32.add "
         f"(local.get $p) (i32.const 16384))) (br $l)) (local.get $x)", 0,
         word=5)


def store_cases(op, n):
    ty, o, over = op[:3], op, END - n + 1
    st = f"({op} (local.get $p) ({ty}.const 3))"
    case(o, f"{st} (i32.const 7)", over)
    case(f"twice {o}", f"{st} {st} (i32.const 7)", over)
    case(f"then unreachable {o}", f"{st} unreachable", over)
    case(f"stores around {o}", f"{SET % 1} {st} {SET % 2} (i32.const 7)",
         over, word=1)
    if op[3:] == ".store":
        case(f"of what is there {o}", f"({op} (local.get $p) "
             f"({ty}.load (local.get $p))) (i32.const 7)", over)


def write():
    for op, n in LOADS:
        load_cases(op, n)
    for op, n in STORES:
        store_cases(op, n)
    os.makedirs(DIR, exist_ok=True)
    with open(os.path.join(DIR, "exact.wast"), "w", encoding="utf-8") as f:
        f.write('(module (memory 1)\n'
                '(func $ignore (param i32 i32) (result i32) (local.get 0))\n'
                '(func (export "word") (result i32) '
                '(i32.load (i32.const 0)))\n'
                f'(func (export "clear") {SET % 0})\n'
                + "\n".join(funcs) + ")\n" + "\n".join(script) + "\n")


def main():
    write()
    subprocess.run([PYTHON, os.path.join(TOP, "tests/wast2json.py"),
                    os.path.join(DIR, "exact.wast"), DIR], check=True)
    for options in (["-O0"], ["-O1"], ["-O2"], ["-O3"],
                    ["-O2", "--bounds=explicit"]):
        r = subprocess.run([os.path.join(BIN, "spectest")] + options
                           + [os.path.join(DIR, "exact.json")], check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
        name = "exact traps " + " ".join(options)
        if r.returncode == 0 and ", 0 failed, 0 skipped" in r.stdout:
            print(f"ok {name}")
        else:
            print(f"not ok {name}: {r.stdout.strip()[-300:]!r}")


main()
