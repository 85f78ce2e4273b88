#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Host functions that are compiled in: wasmc --link-bitcode."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

CC = os.environ.get("CLANG", "clang-22")
HOST = os.path.join(TOP, "tests/cli/bitcode_host.c")
INC = "-I" + os.path.join(TOP, "include")

# What most of them begin with.
C = """#include <wasmrt_bitcode.h>
#define F(r, name, ...) r name(void *data, wrt_guest *g __VA_OPT__(,) \\
    __VA_ARGS__) WRT_IMPORT("env", #name); \\
    r name(void *data, wrt_guest *g __VA_OPT__(,) __VA_ARGS__)
"""
ADD = C + "F(int, add, int a, int b) { return a + b; }"
ADDER = """(import "env" "add" (func $add (param i32 i32) (result i32)))
    (func (export "run") (param i32) (result i32)
      (call $add (call $add (local.get 0) (i32.const 1)) (i32.const 2)))"""


def bitcode(d, source, *flags):
    c = os.path.join(d, "env.c")
    with open(c, "w", encoding="utf-8") as f:
        f.write(source)
    run(CC, "-O2", "-Wall", "-Werror", INC, *flags, "-emit-llvm", "-c", c,
        "-o", c[:-1] + "bc").must()
    return c[:-1] + "bc"


def assemble(d, text):
    if not os.path.exists(ORACLE):
        skip("no Python with wasmtime (make check-build)")
    wat = os.path.join(d, "app.wat")
    with open(wat, "w", encoding="utf-8") as f:
        f.write(f"(module {text})")
    run(ORACLE, os.path.join(TOP, "tests/wat2wasm"), d, wat).must()
    return wat[:-3] + "wasm"


def built(text, source, *options, flags=()):
    d = scratch()
    so = os.path.join(d, "app.so")
    run(WASMC, "-q", *options, assemble(d, text), "--link-bitcode",
        bitcode(d, source, *flags), "-o", so).must()
    return so


def call(so, name, *args):
    return run(WASMRUN, "--invoke", name, so, *args)


def refused(part, text, source, *options, flags=()):
    d = scratch()
    r = run(WASMC, "-q", *options, assemble(d, text), "--link-bitcode",
            bitcode(d, source, *flags), "-o", os.path.join(d, "x.so"))
    r.must(1)
    holds(r.err, part)


def code_of(so, name):
    text = run("objdump", "-d", "--no-show-raw-insn", so).must().out
    return re.search(rf"<{name}>:\n(.*?)\n\n", text, re.S)[1]


@case
def is_inlined():
    for level in "1", "2", "3":
        so = built(ADDER, ADD, "-O" + level)
        equal(call(so, "run", 4).must().out, "7\n")
        equal(re.findall(r"\bcall\b", code_of(so, "run")), [])
    so = built(ADDER, ADD, "-O0")
    equal(call(so, "run", 4).must().out, "7\n")
    so = built(ADDER, ADD, flags=["-O0", "-g"])
    equal(call(so, "run", 4).must().out, "7\n")


@case
def is_for_another_machine():
    d = scratch()
    so = os.path.join(d, "app.so")
    run(WASMC, "-q", "--target=aarch64-linux-gnu", assemble(d, ADDER),
        "--link-bitcode", bitcode(d, ADD, "--target=aarch64-linux-gnu",
                                  "-ffreestanding"),
        "-o", so).must()


MEMORY = """(import "env" "sum" (func $sum (param i32 i32) (result i64)))
    (memory 1) (data (i32.const 16) "\\01\\02\\03\\04")
    (func $outer (export "run") (param i32 i32) (result i64)
      (call $sum (local.get 0) (local.get 1)))"""
SUM = C + """F(int64_t, sum, uint32_t at, uint32_t n) {
    const uint8_t *p = wrt_guest_must(g, at, n);
    int64_t s = 0;
    for (uint32_t i = 0; i < n; i++) s += p[i];
    return s; }"""


@case
def memory_is_checked():
    for options in ["-O2"], ["-O0"], ["--bounds=explicit"], ["--fuel"]:
        so = built(MEMORY, SUM, *options)
        equal(call(so, "run", 16, 4).must().out, "10\n")
        equal(call(so, "run", 65535, 1).must().out, "0\n")
        for args in (65536, 1), (65535, 2), (16, -1), (-1, 1):
            r = call(so, "run", *args)
            holds(r.err, "out of bounds memory access")
            holds(r.err, "outer")


@case
def traps_and_stays_in_its_place():
    so = built("""(import "env" "no" (func $no (param f64)))
        (func $inner (export "run") (param f64)
          (call $no (local.get 0)))""", C + """
        static __attribute__((noinline)) void deep(wrt_guest *g, double x) {
          if (x > 1) wrt_guest_trap(g, WRT_GUEST_TRAP_HOST); }
        F(void, no, double x) { deep(g, x); }""")
    call(so, "run", "0.5").must()
    r = call(so, "run", "2")
    equal(r.code, 134, repr(r))
    holds(r.err, "host function failed")
    holds(r.err, "inner")


@case
def copies_need_no_library():
    so = built("""(import "env" "move" (func $m (param i32 i32 i32)))
        (import "env" "clear" (func $c (param i32 i32)))
        (memory 1) (data (i32.const 0) "abcdefgh")
        (func (export "run") (result i64)
          (call $m (i32.const 100) (i32.const 0) (i32.const 8))
          (call $c (i32.const 102) (i32.const 2))
          (i64.load (i32.const 100)))""", C + """#include <string.h>
        F(void, move, uint32_t to, uint32_t from, uint32_t n) {
          memcpy(wrt_guest_must(g, to, n), wrt_guest_must(g, from, n), n); }
        F(void, clear, uint32_t to, uint32_t n) {
          memset(wrt_guest_must(g, to, n), 0, n); }""")
    want = int.from_bytes(b"ab\0\0efgh", "little")
    equal(call(so, "run").must().out, f"{want}\n")


@case
def exceptions_and_tail_calls_around_it():
    so = built("""(import "env" "add" (func $add (param i32 i32)
        (result i32))) (tag $t (param i32))
        (func $f (param i32) (result i32)
          (return_call $add (local.get 0) (i32.const 5)))
        (func (export "run") (param i32) (result i32)
          (block $h (result i32)
            (try_table (result i32) (catch $t $h)
              (call $add (local.get 0) (i32.const 1))
              (throw $t (call $f (local.get 0))))))""", ADD)
    equal(call(so, "run", 1).must().out, "6\n")


@case
def the_callers_memory_when_linked():
    d = scratch()
    text = """(import "env" "sum" (func $sum (param i32 i32) (result i64)))
        (memory 1) (data (i32.const 0) "\\%02d")
        (func (export "%s") (result i64)
          (call $sum (i32.const 0) (i32.const 1)))"""
    os.mkdir(d + "/1")
    paths = [assemble(d, text % (7, "one")),
             assemble(d + "/1", text % (9, "two"))]
    so = os.path.join(d, "x.so")
    run(WASMC, "-q", "--exports=all", paths[0], "b=" + paths[1],
        "--link-bitcode", bitcode(d, SUM), "-o", so).must()
    equal(call(so, "one").must().out, "7\n")
    equal(call(so, "two").must().out, "9\n")


@case
def the_hosts_data():
    d = scratch()
    so = built("""(import "env" "count" (func $count (param i32)
        (result i32)))
        (table funcref (elem $count))
        (func (export "run") (param i32) (result i32)
          (call $count (local.get 0)))
        (func (export "other") (param i32) (result i32)
          (call_indirect (param i32) (result i32) (local.get 0)
            (i32.const 0)))""", C + """F(int, count, int x) {
        int *n = data; return n ? *n += x : -1; }""")
    equal(call(so, "run", 1).must().out, "-1\n")
    holds(call(so, "other", 1).err, "unknown import called")
    lib = os.path.join(TOP, OUT, "lib")
    exe = os.path.join(d, "host")
    san = OUT.partition("san-")[2].replace("-", ",")
    run(CC, "-Wall", "-Werror", "-O1", *(["-fsanitize=" + san] if san else []),
        INC, HOST, "-o", exe, "-L" + lib, "-lwasmrt",
        "-Wl,-rpath," + lib).must()
    equal(run(exe, so).must().out, "run 15, other 1015, data 15\n")


@case
def what_is_refused():
    for part, source, flags in (
            ('calls "puts", which is not in it',
             C + "int puts(const char *);"
             "F(int, add, int a, int b) { return puts(\"x\") + a + b; }", []),
            ('uses the variable "elsewhere"',
             C + "extern int elsewhere;"
             "F(int, add, int a, int b) { return elsewhere + a + b; }", []),
            ('has the variable "calls", which can be written',
             C + "int calls;"
             "F(int, add, int a, int b) { return ++calls; }", []),
            ("has not the type of the import",
             C + "F(int, add, int a, float b) { return a; }", []),
            ("has not the type of the import",
             C + "F(void, add, int a, int b) { }", []),
            ("made for the target", ADD, ["--target=aarch64-linux-gnu",
                                          "-ffreestanding"]),
            ("is compiled for CPUs with avx512",
             ADD, ["-march=x86-64-v4"])):
        refused(part, ADDER, source, "--target=x86_64-linux-gnu",
                "--cpu=x86-64-v3", flags=flags)


@case
def what_is_no_bitcode():
    d = scratch()
    wasm = assemble(d, ADDER)
    bc = bitcode(d, ADD)
    bad = os.path.join(d, "bad.bc")
    with open(bc, "rb") as f:
        good = f.read()
    for data, part in ((b"int main", "no LLVM bitcode"), (b"", "no LLVM"),
                       (good[:200], "cannot read it")):
        with open(bad, "wb") as f:
            f.write(data)
        r = run(WASMC, "-q", wasm, "--link-bitcode", bad, "-o",
                os.path.join(d, "x.so"))
        equal(r.code, 1)
        holds(r.err, part)
    # What says that another clang made it.
    ll = os.path.join(d, "env.ll")
    run(CC, "-O2", INC, "-emit-llvm", "-S", bc[:-2] + "c", "-o", ll).must()
    with open(ll, encoding="utf-8") as f:
        text = f.read()
    with open(ll, "w", encoding="utf-8") as f:
        f.write(re.sub(r"clang version \d+", "clang version 7", text))
    run(CC, "-x", "ir", "-emit-llvm", "-c", ll, "-o", bad).must()
    r = run(WASMC, "-q", wasm, "--link-bitcode", bad, "-o",
            os.path.join(d, "x.so")).must(1)
    holds(r.err, "clang version 7")
    r = run(WASMC, "-q", wasm, "--link-bitcode", bc, "--link-bitcode", bc,
            "-o", os.path.join(d, "x.so"))
    holds(r.err, "which another file has too")
    r = run(WASMC, "-q", wasm, "--link-bitcode", d + "/none.bc", "-o",
            os.path.join(d, "x.so")).must(1)
    holds(r.err, "none.bc: No such file")


main()
