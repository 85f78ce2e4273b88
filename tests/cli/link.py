#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several modules in one artifact: wasmc a.wasm b.wasm.

Modules are written here as text and assembled by wasmtime, which also
validates what --emit=wasm writes."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403


def assemble(folder, **modules):
    """FOLDER/NAME.wasm for each; their paths, in order."""
    paths = []
    for name, text in modules.items():
        paths.append(os.path.join(folder, name + ".wat"))
        with open(paths[-1], "w", encoding="utf-8") as f:
            f.write(f"(module {text})")
    run(ORACLE, os.path.join(TOP, "tests/wat2wasm"), folder, *paths).must()
    return [p[:-3] + "wasm" for p in paths]


def is_valid(path):
    run(ORACLE, "-c", """
import sys, wasmtime
wasmtime.Module.from_file(wasmtime.Engine(), sys.argv[1])""", path).must()


def linked(*options, **modules):
    """The artifact of these modules, whose names are the keywords."""
    if not os.path.exists(ORACLE):
        skip("no Python with wasmtime (make check-build)")
    d = scratch()
    paths = assemble(d, **modules)
    out = os.path.join(d, "linked")
    run(WASMC, "-q", "--emit=wasm", *options, *paths, "-o",
        out + ".wasm").must()
    is_valid(out + ".wasm")
    run(WASMC, "-q", *options, *paths, "-o", out + ".so").must()
    return out + ".so"


def call(so, name, *args):
    return run(WASMRUN, "--invoke", name, so, *args)


def gives(so, name, *args_and_result):
    *args, result = [str(x) for x in args_and_result]
    equal(call(so, name, *args).must().out.split(), result.split(), name)


def refused(part, *options, **modules):
    if not os.path.exists(ORACLE):
        skip("no Python with wasmtime (make check-build)")
    d = scratch()
    r = run(WASMC, "-q", *options, *assemble(d, **modules), "-o",
            os.path.join(d, "x.so")).must(1)
    holds(r.err, part)
    return r.err


ADD = """(func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))"""


@case
def calls_are_inlined():
    so = linked(app="""
        (import "lib" "add" (func $add (param i32 i32) (result i32)))
        (func (export "three") (param i32) (result i32)
          (call $add (local.get 0)
            (call $add (local.get 0) (local.get 0))))""", lib=ADD)
    gives(so, "three", 14, 42)
    text = run("objdump", "-d", "--no-show-raw-insn", so).must().out
    code = re.search(r"<app:three>:\n(.*?)\n\n", text, re.S)[1]
    equal(re.findall(r"\bcall\b", code), [])


@case
def in_a_circle():
    so = linked(
        even="""(import "odd" "odd" (func $odd (param i32) (result i32)))
        (func (export "even") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (call $odd (i32.sub (local.get 0) (i32.const 1))))
            (else (i32.const 1))))""",
        odd="""(import "even" "even" (func $even (param i32) (result i32)))
        (func (export "odd") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (call $even (i32.sub (local.get 0) (i32.const 1))))
            (else (i32.const 0))))""")
    gives(so, "even", 10, 1)
    gives(so, "even", 7, 0)


@case
def each_has_its_own():
    """Memory, table, globals, segments: by the same numbers, not the same."""
    body = """(memory 1) (table 2 funcref) (global $g (mut i32) (i32.const %d))
        (data (i32.const 0) "%c") (data $p "%s") (elem $e func $f)
        (func $f (result i32) (i32.const %d))
        (elem (i32.const 1) $f)
        (func (export "%s") (result i32 i32 i32 i32 i32)
          (global.set $g (i32.add (global.get $g) (i32.const 1)))
          (memory.init $p (i32.const 5) (i32.const 0) (i32.const 1))
          (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
          (global.get $g) (i32.load8_u (i32.const 0))
          (i32.load8_u (i32.const 5))
          (call_indirect (result i32) (i32.const 0))
          (call_indirect (result i32) (i32.const 1)))"""
    so = linked("--exports=all", a=body % (10, "A", "x", 100, "ask_a"),
                b=body % (20, "B", "y", 200, "ask_b"))
    gives(so, "ask_a", f"11 {ord('A')} {ord('x')} 100 100")
    gives(so, "ask_b", f"21 {ord('B')} {ord('y')} 200 200")


@case
def things_are_shared():
    so = linked(user="""
        (import "owner" "memory" (memory 1))
        (import "owner" "table" (table 1 funcref))
        (import "owner" "count" (global $count (mut i32)))
        (import "owner" "base" (global $base i32))
        (import "owner" "tag" (tag $tag (param i32)))
        (import "owner" "throws" (func $throws))
        (memory $own 1)
        (data (global.get $base) "Z")
        (elem (i32.const 1) func $mine)
        (func $mine (result i32) (i32.const 77))
        (func (export "byte") (result i32)
          (i32.load8_u (i32.const 64)))
        (func (export "own") (result i32)
          (i32.load8_u $own (i32.const 64)))
        (func (export "indirect") (param i32) (result i32)
          (call_indirect (result i32) (local.get 0)))
        (func (export "counted") (result i32)
          (global.set $count (i32.add (global.get $count) (i32.const 1)))
          (global.get $count))
        (func (export "caught") (result i32)
          (block $h (result i32)
            (try_table (catch $tag $h) (call $throws))
            (i32.const 0)))""", owner="""
        (memory (export "memory") 1)
        (table (export "table") 4 funcref)
        (elem (i32.const 0) func $theirs)
        (func $theirs (result i32) (i32.const 66))
        (global (export "count") (mut i32) (i32.const 5))
        (global (export "base") i32 (i32.const 64))
        (tag $tag (export "tag") (param i32))
        (func (export "throws") (throw $tag (i32.const 9)))""")
    gives(so, "byte", ord("Z"))
    gives(so, "own", 0)
    gives(so, "indirect", 0, 66)
    gives(so, "indirect", 1, 77)
    gives(so, "counted", 6)
    gives(so, "caught", 9)


@case
def functions_that_are_referred_to():
    """Declared only by an export that is left out."""
    so = linked(app="""
        (import "lib" "get" (func $get (result funcref)))
        (table $t 1 funcref)
        (func (export "run") (result i32)
          (table.set $t (i32.const 0) (call $get))
          (call_indirect (result i32) (i32.const 0)))""", lib="""
        (func $f (export "f") (result i32) (i32.const 4))
        (func (export "get") (result funcref) (ref.func $f))""")
    gives(so, "run", 4)


@case
def types_of_the_collected_heap():
    point = """(rec (type $p (sub (struct (field i32))))
                    (type $q (sub $p (struct (field i32) (field (ref null $p)
                    )))))"""
    so = linked(app=f"""(type (func)) {point}
        (import "lib" "make" (func $make (param i32) (result (ref $p))))
        (import "lib" "one" (global $one (ref $p)))
        (func (export "run") (result i32)
          (i32.add (struct.get $p 0 (call $make (i32.const 40)))
            (i32.add (struct.get $p 0 (global.get $one))
              (ref.test (ref $q) (call $make (i32.const 1))))))""",
                lib=f"""{point}
        (global (export "one") (ref $p) (struct.new $p (i32.const 1)))
        (func (export "make") (param i32) (result (ref $p))
          (struct.new $q (local.get 0) (ref.null $p)))""")
    gives(so, "run", 42)


@case
def starts_in_order():
    """Those that are imported from come first, whatever the order given."""
    start = """(import "log" "add" (func $add (param i32)))
        (func $s (call $add (i32.const %d))) (start $s)"""
    so = linked(app="""(import "late" "x" (func)) (import "log" "all"
        (func $all (result i32))) %s (export "all" (func $all))""" %
                start % 3,
                late="""%s (func (export "x"))""" % start % 2,
                log="""(global $all (mut i32) (i32.const 0))
        (func $s (global.set $all (i32.const 1))) (start $s)
        (func (export "all") (result i32) (global.get $all))
        (func (export "add") (param i32) (global.set $all (i32.add
          (i32.mul (global.get $all) (i32.const 10)) (local.get 0))))""")
    gives(so, "all", 123)


WASI = """%s (import "wasi_snapshot_preview1" "fd_write"
      (func $w (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "%s\\n")
    (data (i32.const 0) "\\08\\00\\00\\00\\05\\00\\00\\00")
    (func $say (export "say") (drop (call $w (i32.const 1) (i32.const 0)
      (i32.const 1) (i32.const 20))))"""


@case
def wasi_takes_the_callers_memory():
    so = linked(app=WASI % ('(import "lib" "say" (func $lib))', "from") + """
        (func (export "_start") (call $lib) (call $say) (call $lib))""",
                lib=WASI % ("", "libs"))
    equal(run(WASMRUN, so).must().out, "libs\nfrom\nlibs\n")


@case
def traps_name_the_module():
    so = linked(app="""(import "lib" "div" (func $div (param i32 i32)
        (result i32)))
        (func $outer (export "run") (param i32) (result i32)
          (call $div (i32.const 1) (local.get 0)))""", lib="""
        (func $div (export "div") (param i32 i32) (result i32)
          (i32.div_s (local.get 0) (local.get 1)))""")
    r = call(so, "run", 0)
    holds(r.err, "integer divide by zero")
    holds(r.err, "lib:div")
    holds(r.err, "app:outer")


@case
def exports_of_all():
    two = {"a": '(func (export "f") (result i32) (i32.const 1))',
           "b": '(func (export "f") (result i32) (i32.const 2))'}
    gives(linked(**two), "f", 1)
    refused('duplicate export name "f": "a" has it too', "--exports=all",
            **two)
    so = linked("--exports=prefixed", **two)
    gives(so, "f", 1)
    gives(so, "b:f", 2)


@case
def named_on_the_command_line():
    if not os.path.exists(ORACLE):
        skip("no Python with wasmtime (make check-build)")
    d = scratch()
    app, lib = assemble(d, app="""(import "env" "add" (func $add
        (param i32 i32) (result i32))) (export "add" (func $add))""", lib=ADD)
    for args in ([app, "env=" + lib], ["--link", "env=" + lib, app]):
        so = os.path.join(d, "x.so")
        run(WASMC, "-q", *args, "-o", so).must()
        gives(so, "add", 1, 2, 3)
    holds(run(WASMC, "-q", app, "app=" + lib, "-o", so).must(2).err,
          'two modules are called "app"')
    # A file is a file, also if its name looks like that.
    odd = os.path.join(d, "a=b.wasm")
    os.rename(lib, odd)
    run(WASMC, "-q", odd, app, "-o", so).must()


@case
def what_does_not_match():
    cases = [
        ('(import "b" "f" (func))', "", 'unknown import: module "a" imports '
         '"f" from "b"'),
        ('(import "b" "f" (func))', '(memory (export "f") 1)',
         'incompatible import type: module "a" imports the function "f" from '
         '"b", which exports a memory'),
        ('(import "b" "f" (func (param i32)))', '(func (export "f"))',
         'incompatible import type: module "a" imports "f" from "b"'),
        ('(import "b" "f" (global i32))', '(global (export "f") i64 '
         '(i64.const 0))', "incompatible import type"),
        ('(import "b" "f" (global (mut i32)))', '(global (export "f") i32 '
         '(i32.const 0))', "incompatible import type"),
        ('(import "b" "f" (memory 2))', '(memory (export "f") 1)',
         "incompatible import type"),
        ('(import "b" "f" (memory 1 2))', '(memory (export "f") 1)',
         "incompatible import type"),
        ('(import "b" "f" (table 1 funcref))',
         '(table (export "f") 1 externref)', "incompatible import type"),
        ('(import "b" "f" (tag (param i32)))', '(tag (export "f"))',
         "incompatible import type"),
        ('(import "b" "f" (func $f)) (export "f" (func $f))',
         '(import "a" "f" (func $f)) (export "f" (func $f))',
         "comes back to itself"),
    ]
    for a, b, text in cases:
        err = refused(text, a=a, b=b)
        holds(err, "a.wasm: ")


@case
def what_matches_as_a_subtype():
    so = linked(a="""(import "b" "g" (global funcref))
        (import "b" "m" (memory 1 9)) (import "b" "t" (table 1 funcref))
        (func (export "size") (result i32) (memory.size))
        """, b="""(func $f) (global (export "g") (ref func) (ref.func $f))
        (memory (export "m") 2 8) (table (export "t") 3 5 funcref)""")
    gives(so, "size", 2)


@case
def the_right_file_is_named():
    if not os.path.exists(ORACLE):
        skip("no Python with wasmtime (make check-build)")
    d = scratch()
    a, b = assemble(d, a="(func)", b="(func (result i32) (i64.const 0))")
    r = run(WASMC, "-q", a, b, "-o", os.path.join(d, "x.so")).must(1)
    holds(r.err, "b.wasm: type mismatch")
    holds(r.err, "at byte 0x")


@case
def globals_in_constants():
    """By value, also around a circle; by place; and what cannot be."""
    so = linked(a="""(import "b" "two" (global $two i32))
        (global (export "one") i32 (i32.const 1))
        (global $sum i32 (i32.add (global.get $two) (i32.const 40)))
        (memory 1) (data (global.get $two) "x")
        (func (export "run") (result i32)
          (i32.add (global.get $sum) (i32.load8_u (i32.const 2))))""",
                b="""(import "a" "one" (global $one i32))
        (global (export "two") i32 (i32.const 2))
        (global i32 (global.get $one))""")
    gives(so, "run", 42 + ord("x"))
    refused("which is not known by then", a="""
        (import "b" "t" (global $t i32))
        (global (export "s") i32 (i32.add (global.get $t) (i32.const 1)))""",
            b="""(import "a" "s" (global $s i32))
        (global (export "t") i32 (i32.add (global.get $s) (i32.const 1)))""")


@case
def branch_hints_stay():
    """wabi's compiler turns them into weights; see codegen.py."""
    d = scratch()
    out = os.path.join(d, "x.ll")
    path = WAT("codegen")
    run(WASMC, "-q", "-O0", "--emit=llvm-ir", "other=" + WAT("cli"),
        "codegen=" + path, "-o", out).must()
    with open(out, encoding="utf-8") as f:
        text = f.read()
    body = re.search(r'^define [^\n]*@"codegen:likely"\([^\n]*\n(.*?)^}', text,
                     re.M | re.S)[1]
    equal(len(re.findall(r"br i1 [^\n]*!prof", body)), 1)


main()
