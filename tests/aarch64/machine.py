#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Artifacts meet the machines they are for, and others."""
import os
import sys

from libqemu import CROSS, OUT, QEMU, TOP, prepare

prepare()
NATIVE = os.path.join(TOP, os.environ.get("OUT", "build"), "bin")
os.environ["OUT"] = OUT
sys.path.insert(0, os.path.join(TOP, "tests"))
from libtest import *  # noqa: E402,F403


def hello():
    with open(os.path.join(TOP, "examples/hello.c"), encoding="utf-8") as f:
        return compile_c("aarch64-hello", f.read())


def artifact(*options):
    so = os.path.join(scratch(), "a.so")
    run(WASMC, *options, hello(), "-o", so).must()
    return so


@case
def hello_world():
    equal(run(WASMRUN, artifact()).must().out, "Hello, world!\n")


@case
def another_machine():
    r = run(os.path.join(NATIVE, "wasmrun"), artifact()).must(1)
    holds(r.err, "made for aarch64, this machine is")
    so = os.path.join(scratch(), "a.so")
    run(os.path.join(NATIVE, "wasmc"), hello(), "-o", so).must()
    holds(run(WASMRUN, so).must(1).err, "this machine is aarch64")


@case
def a_lesser_cpu():
    so = artifact("--cpu=neoverse-n1")
    equal(run(WASMRUN, so).must().out, "Hello, world!\n")
    r = run(*QEMU, "-cpu", "cortex-a53", os.path.join(CROSS, "bin/wasmrun"),
            so).must(1)
    holds(r.err, "needs lse, which this CPU lacks")
    equal(r.out, "")


@case
def what_is_told_is_the_same():
    """Traps, their frames, values: as on the machine that compiles."""
    for code, name, *args in [
            (134, "outer"), (134, "divide", "1", "0"), (134, "unreachable"),
            (134, "load", "-1"), (134, "load", "65533"), (0, "half", "-0.1"),
            (0, "third", "nan"), (0, "pair"), (0, "load", "65532")]:
        here = run(os.path.join(NATIVE, "wasmrun"), "--invoke", name,
                   WAT("cli"), *args).must(code)
        there = run(WASMRUN, "--invoke", name, WAT("cli"), *args)
        equal((there.code, there.out, there.err),
              (here.code, here.out, here.err), name)


main()
