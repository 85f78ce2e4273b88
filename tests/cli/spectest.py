#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""spectest: every kind of command of the suites' form passes where it should,
and fails where it should not pass."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

MAIN = """(module
  (type $f (func)) (type $k (cont $f)) (tag $e) (tag $s)
  (memory (export "m") 1)
  (global (export "g") i32 (i32.const 6))
  (elem declare func $suspends)
  (func $suspends (suspend $s))
  (func (export "seven") (result i32) (i32.const 7))
  (func (export "nan") (result f32) (f32.const nan:0x400001))
  (func (export "v") (result v128) (v128.const f32x4 1 nan 3 4))
  (func (export "id") (param externref) (result externref) (local.get 0))
  (func (export "null") (result anyref) (ref.null none))
  (func (export "trap") (unreachable))
  (func (export "oob") (drop (i32.load (i32.const -1))))
  (func $deep (export "deep") (result i32)
    (i32.add (i32.const 1) (call $deep)))
  (func (export "throw") (throw $e))
  (func (export "suspend") (resume $k (cont.new $k (ref.func $suspends))))
  (func (export "nullref") (drop (call_ref $f (ref.null $f)))))"""
MODULES = {
    "main": MAIN.replace('(drop (call_ref $f (ref.null $f)))',
                         '(call_ref $f (ref.null $f))'),
    "user": '(module (import "reg" "seven" (func (result i32))) '
            '(export "again" (func 0)))',
    "byname": '(module (import "M" "seven" (func (result i32))) '
              '(export "again" (func 0)))',
    "nolink": '(module (import "reg" "seven" (func (result i64))))',
    "start": "(module (func unreachable) (start 0))",
    "huge": "(module (table i64 0x2000_0000_0000_0000 funcref))",
    "invalid": "(module (func (result i32)))",
    "mem": '(module (memory (export "shared") 1 1 shared))',
    "thread": '(module (import "mem" "shared" (memory 1 1 shared)) '
              '(func (export "f") (result i32) (i32.load (i32.const 0))))',
}
folder = None


def build():
    global folder
    if folder:
        return
    folder = os.path.join(scratch(), "set/file")
    os.makedirs(folder)
    paths = []
    for name, text in MODULES.items():
        paths.append(os.path.join(folder, name + ".wat"))
        with open(paths[-1], "w", encoding="utf-8") as f:
            f.write(text)
    if not os.path.exists(ORACLE):
        skip("wasmtime's Python package is not installed")
    run(ORACLE, os.path.join(TOP, "tests/wat2wasm"), folder, *paths).must()
    with open(os.path.join(folder, "bad.wasm"), "wb") as f:
        f.write(b"\0asm\2\0\0\0")


def number(ty, value):
    return {"type": ty, "value": str(value)}


def file(kind, stem, **more):
    return {"type": kind, "filename": stem + ".wasm", "module_type": "binary",
            **more}


def call(kind, field, args=(), action="invoke", module=None, **more):
    a = {"type": action, "field": field, "args": list(args)}
    if module:
        a["module"] = module
    return {"type": kind, "action": a, **more}


def spectest(*commands):
    """(passed, failed) of a file with these commands."""
    build()
    path = os.path.join(folder, "file.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"source_filename": "file.wast", "commands": [
            {"line": i + 1, **c} for i, c in enumerate(commands)]}, f)
    out = run(SPECTEST, path).out.strip().split("\n")[-1].split()
    return int(out[0]), int(out[2])


MODULE = file("module", "main", name="M")
LANES = [str(0x3f800000), "nan:canonical", str(0x40400000), str(0x40800000)]
GOOD = [
    call("action", "seven"),
    call("assert_return", "seven", expected=[number("i32", 7)]),
    call("assert_return", "seven", module="M", expected=[number("i32", 7)]),
    call("assert_return", "g", action="get", expected=[number("i32", 6)]),
    call("assert_return", "nan", expected=[number("f32", "nan:arithmetic")]),
    call("assert_return", "nan", expected=[number("f32", 0x7fc00001)]),
    call("assert_return", "v", expected=[
        {"type": "v128", "lane_type": "f32", "value": LANES}]),
    call("assert_return", "v", expected=[{"type": "either", "values": [
        {"type": "v128", "lane_type": "i64", "value": ["1", "2"]},
        {"type": "v128", "lane_type": "f32", "value": LANES}]}]),
    call("assert_return", "id", [number("externref", 4)],
         expected=[number("externref", 4)]),
    call("assert_return", "id", [number("externref", 4)],
         expected=[{"type": "externref"}]),
    call("assert_return", "id", [number("externref", "null")],
         expected=[number("externref", "null")]),
    call("assert_return", "null", expected=[{"type": "nullref"}]),
    call("assert_trap", "trap", text="unreachable"),
    call("assert_trap", "trap", text="wasm `unreachable` was executed"),
    call("assert_trap", "oob", text="out of bounds memory access"),
    call("assert_trap", "nullref", text="null reference"),
    call("assert_exhaustion", "deep", text="call stack exhausted"),
    call("assert_exception", "throw"),
    call("assert_suspension", "suspend", text="unhandled"),
    file("module_definition", "main", name="D"),
    {"type": "module_instance", "instance": "I", "module": "D"},
    {"type": "module_instance", "instance": "J"},
    call("assert_return", "seven", module="I", expected=[number("i32", 7)]),
    {"type": "register", "as": "reg", "name": "M"},
    file("module", "user"),
    call("assert_return", "again", expected=[number("i32", 7)]),
    file("module", "byname"),
    file("assert_unlinkable", "nolink", text="incompatible import type"),
    file("assert_uninstantiable", "start", text="unreachable"),
    file("assert_uninstantiable", "huge", text="table too large"),
    file("assert_invalid", "invalid", text="type mismatch"),
    file("assert_malformed", "bad", text="unknown binary version"),
    file("module", "mem", name="S"),
    {"type": "thread", "name": "T", "shared_module": "S", "commands": [
        {"line": 90, "type": "register", "as": "mem", "name": "S"},
        {"line": 91, **file("module", "thread")},
        {"line": 92, **call("assert_return", "f",
                            expected=[number("i32", 0)])}]},
    {"type": "wait", "thread": "T"},
]
BAD = [
    call("action", "trap"), call("action", "nothing"),
    call("assert_return", "seven", expected=[number("i32", 8)]),
    call("assert_return", "seven", expected=[number("i64", 7)]),
    call("assert_return", "seven", expected=[]),
    call("assert_return", "trap", expected=[]),
    call("assert_return", "nan", expected=[number("f32", "nan:canonical")]),
    call("assert_return", "v", expected=[
        {"type": "v128", "lane_type": "f32", "value": LANES[::-1]}]),
    call("assert_return", "v", expected=[{"type": "either", "values": [
        {"type": "v128", "lane_type": "i64", "value": ["1", "2"]}]}]),
    call("assert_return", "id", [number("externref", 4)],
         expected=[number("externref", 5)]),
    call("assert_return", "id", [number("externref", "null")],
         expected=[{"type": "externref"}]),
    call("assert_return", "seven", module="N", expected=[number("i32", 7)]),
    call("assert_trap", "seven", text="unreachable"),
    call("assert_trap", "trap", text="out of bounds memory access"),
    call("assert_trap", "throw", text="some other engine's words"),
    call("assert_trap", "deep", text="some other engine's words"),
    call("assert_exhaustion", "trap", text="call stack exhausted"),
    call("assert_exception", "trap"),
    call("assert_exception", "seven"),
    call("assert_suspension", "throw", text="unhandled"),
    file("module", "invalid"), file("module", "start"),
    {"type": "module_instance", "instance": "K", "module": "none"},
    {"type": "register", "as": "reg", "name": "none"},
    file("assert_unlinkable", "main", text="unknown import"),
    file("assert_uninstantiable", "main", text="unreachable"),
    file("assert_uninstantiable", "huge", text="out of bounds table access"),
    file("assert_uninstantiable", "nolink", text="unreachable"),
    file("assert_invalid", "main", text="type mismatch"),
    file("assert_malformed", "invalid", text="unexpected end"),
    {"type": "assert_nothing"},
]


@case
def passes():
    passed, failed = spectest(MODULE, *GOOD)
    equal((passed, failed), (1 + len(GOOD) + 3, 0))


@case
def fails():
    for bad in BAD:
        passed, failed = spectest(MODULE, bad)
        equal((passed, failed), (1, 1), json.dumps(bad))


@case
def text_is_not_counted():
    text = {"type": "assert_malformed", "filename": "x.wat",
            "module_type": "text", "text": "unknown operator"}
    equal(spectest(MODULE, text), (1, 0))
    # ... unless it was assembled.
    equal(spectest(dict(MODULE, filename="x.wat", module_type="text",
                        binary_filename="main.wasm")), (1, 0))


@case
def a_registered_name_goes_first():
    """A script's name serves for imports only where none is registered."""
    equal(spectest(MODULE, file("module", "user"),), (1, 1))
    equal(spectest(MODULE, {"type": "register", "as": "reg"},
                   file("module", "start", name="reg"),
                   file("module", "user")), (3, 1))


main()
