#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--features switches every proposal on and off.

For each feature a few modules that need it and nothing else that could be off:
valid with everything, refused without the feature and by WebAssembly 1.0, with
a message that names it; valid again with only what stands beside it.
"""
import os
import re
import subprocess
import sys
import tempfile

try:
    import wasmtime
except ImportError:
    python = os.environ.get("WASMTIME_PYTHON", "build/venv/bin/python")
    if os.environ.get("FEATURES_PY") or not os.path.exists(python):
        print("skip features: no Python with wasmtime (make check-build)")
        sys.exit(0)
    os.environ["FEATURES_PY"] = "1"
    os.execv(python, [python, *sys.argv])

TOOL = os.path.join(os.environ.get("BIN", "build/bin"), "wasmdump")

MEM = "(memory 1)"
CONT = "(type $f (func)) (type $k (cont $f)) (tag $t) "
# Feature, other names it has, and modules.
CASES = [
    ("mutable-globals", ["mutable-global"], [
        '(import "m" "g" (global (mut i32)))',
        '(global (export "g") (mut i32) (i32.const 0))']),
    ("sign-ext", ["sign-extension"], [
        "(func (result i32) (i32.extend8_s (i32.const 1)))",
        "(func (result i64) (i64.extend32_s (i64.const 1)))"]),
    ("nontrapping-fptoint", ["saturating-float-to-int",
                             "nontrapping-float-to-int"], [
        "(func (result i32) (i32.trunc_sat_f32_s (f32.const 1)))",
        "(func (result i64) (i64.trunc_sat_f64_u (f64.const 1)))"]),
    ("multivalue", ["multi-value"], [
        "(func (result i32 i32) (i32.const 1) (i32.const 2))",
        "(func (i32.const 1) (block (param i32) (drop)))"]),
    ("bulk-memory", ["bulk-memory-opt"], [
        MEM + "(func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
        MEM + "(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        MEM + '(data "passive")',
        "(table 1 funcref) (elem func 0) (func)"]),
    ("reference-types", ["call-indirect-overlong"], [
        "(func (param externref))",
        "(table 1 externref)", "(table 1 funcref) (table 1 funcref)",
        "(table 1 funcref) (func (result i32) (table.size 0))",
        "(func (select (result i32) (i32.const 1) (i32.const 1) (i32.const 1))"
        " (drop))"]),
    ("extended-const", [], [
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        "(global i64 (i64.mul (i64.const 1) (i64.const 2)))"]),
    ("simd128", ["simd"], [
        "(func (param v128))", "(func (drop (v128.const i64x2 0 0)))",
        MEM + "(func (drop (v128.load (i32.const 0))))"]),
    ("relaxed-simd", [], [
        "(func (param v128 v128) (drop (i8x16.relaxed_swizzle (local.get 0)"
        " (local.get 1))))"]),
    ("tail-call", [], [
        "(func (return_call 0))",
        "(table 1 funcref) (func (return_call_indirect (i32.const 0)))"]),
    ("exception-handling", ["exceptions"], [
        "(func (try_table))", "(func (throw_ref (unreachable)))",
        "(func (param exnref))"]),
    ("legacy-exceptions", [], [
        "(func try catch_all end)", "(func try catch_all rethrow 0 end)",
        "(func try try delegate 0 catch_all end)"]),
    ("memory64", [], [
        "(memory i64 1)", "(table i64 1 funcref)",
        '(import "m" "m" (memory i64 1))']),
    ("multi-memory", ["multimemory"], [
        "(memory 1) (memory 1)",
        '(import "m" "m" (memory 1)) (memory 1)']),
    ("custom-page-sizes", [], ["(memory 1 (pagesize 1))"]),
    ("wide-arithmetic", [], [
        "(func (param i64) (result i64 i64) (i64.mul_wide_u (local.get 0)"
        " (local.get 0)))"]),
    ("function-references", ["typed-function-references"], [
        "(type $f (func)) (func (param (ref $f)))",
        "(type $f (func)) (func (call_ref $f (unreachable)))",
        "(func (param funcref) (drop (ref.as_non_null (local.get 0))))"]),
    ("gc", [], [
        "(type (struct))", "(type (array i8))", "(rec (type (func)))",
        "(type (sub (func)))", "(func (param anyref))",
        "(func (drop (ref.i31 (i32.const 1))))",
        "(func (param anyref) (drop (ref.test i31ref (local.get 0))))"]),
    ("threads", ["atomics"], [
        "(memory 1 1 shared)", "(func (atomic.fence))",
        MEM + "(func (drop (i32.atomic.load (i32.const 0))))"]),
    ("stack-switching", ["typed-continuations"], [
        CONT, "(func (param contref))", CONT + "(func (suspend $t))"]),
    ("compact-imports", ["compact-import-section"], [
        '(import "m" (item "f" (func)) (item "g" (global i32)))',
        '(import "m" (item "f") (item "g") (func))']),
]
# What a feature is built upon comes and goes with it; that a module's other
# needs are not this feature's is seen with them on.
ALL = [c[0] for c in CASES]


def validate(features, paths):
    out = subprocess.run([TOOL, "--validate", "--features", features, *paths],
                         stdout=subprocess.PIPE, check=False)
    lines = out.stdout.decode().splitlines()
    return [line[len(path) + 2:] for path, line in zip(paths, lines)]


def names_it(message, feature):
    return feature in re.findall(r"--features \+([a-z0-9-]+)", message)


def problems(feature, others, paths):
    for name in [feature, *others]:
        for set_, valid in [("all", True), ("mvp," + ",".join(ALL), True),
                            ("all,-" + name, False), ("mvp", False)]:
            for i, said in enumerate(validate(set_, paths)):
                # mvp may lack something else besides.
                if valid != (said == "valid") or (set_ == "all,-" + name and
                                                  not names_it(said, feature)):
                    yield f"module {i}, {set_}: {said}"


def listed():
    """What `wasmc --features` knows."""
    with open("compiler/insn.h", encoding="utf-8") as f:
        rows = re.findall(r'\tX\([A-Z0-9_]+,\s*"([a-z0-9-]+)"', f.read())
    return set(rows) - {"mvp"}


def sets(folder):
    def one(text):
        path = f"{folder}/set.wasm"
        with open(path, "wb") as f:
            f.write(wasmtime.wat2wasm(f"(module {text})"))
        return path
    for name, good, bad in [
            ("wasm1", "(func)", "(func (param v128))"),
            ("wasm2", "(func (param v128))", "(func (return_call 0))"),
            ("wasm3", "(type (struct)) (func (return_call 0))",
             "(memory 1 1 shared)"),
            ("lime1", "(func (drop (i32.extend8_s (i32.const 1))))",
             "(func (param v128))"),
            ("none", "(func)", "(func (drop (i32.extend8_s (i32.const 1))))"),
            ("default", "(memory 1 1 shared)", "(type $f (func))"
             "(type (cont $f))")]:
        if validate(name, [one(good)]) != ["valid"] or \
                validate(name, [one(bad)]) == ["valid"]:
            print(f"not ok set-{name}")
        else:
            print(f"ok set-{name}")
    said = validate("all,-nonsense", [one("")])[0]
    print("ok unknown" if said.startswith('unknown feature "nonsense"')
          else f"not ok unknown: {said}")


def main():
    if listed() != set(ALL):
        print(f"not ok table: {listed() ^ set(ALL)} differ")
    with tempfile.TemporaryDirectory() as folder:
        for feature, others, texts in CASES:
            paths = []
            for i, text in enumerate(texts):
                paths.append(f"{folder}/{feature}-{i}.wasm")
                with open(paths[-1], "wb") as f:
                    f.write(wasmtime.wat2wasm(f"(module {text})"))
            why = list(problems(feature, others, paths))
            print(f"not ok {feature}: {why[0]}" if why else f"ok {feature}")
        sets(folder)


main()
