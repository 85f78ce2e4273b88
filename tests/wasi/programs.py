#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C programs on WASI, compiled, run by wasmrun, their output compared with
tests/wasi/c/*.out; with openat2 and without."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                ".."))
from libtest import *  # noqa: E402,F403

HERE = os.path.dirname(os.path.abspath(__file__))


def source(name):
    with open(os.path.join(HERE, "c", name + ".c"), encoding="utf-8") as f:
        return f.read()


def expected(name):
    with open(os.path.join(HERE, "c", name + ".out"), encoding="utf-8") as f:
        return f.read()


def program(name, *flags):
    return compile_c("wasi-" + name, source(name), *flags)


def both(fn):
    """A case for each resolver; fn gets the environment that chooses it."""
    for suffix, env in (("", {}), ("_walk", {"WASMRT_NO_OPENAT2": "1"})):
        def one(env=env):
            fn(env)
        one.__name__ = fn.__name__ + suffix
        case(one)


@both
def files(env):
    r = run(WASMRUN, "--dir", scratch() + "::/t", program("files"), env=env)
    equal(r.out, expected("files"))
    r.must(3)


@both
def preview0(env):
    r = run(WASMRUN, "--dir", scratch() + "::/t",
            program("preview0", "-nostartfiles"), env=env)
    equal(r.out, expected("preview0"))
    r.must(9)


@case
def process():
    r = run(WASMRUN, "--env", "A=1", "--env", "B=two words", "--env", "C=",
            program("process"), "a b", "", input="in1\nin2\n")
    equal(r.out, expected("process"))
    equal(r.err, "to stderr\n")
    r.must(42)


@case
def no_directory_without_dir():
    """wasmer#4267: nothing of the host's is there unless asked for."""
    r = run(WASMRUN, program("files"), cwd=scratch()).must(5)
    equal(r.out, "cannot write: Capabilities insufficient\n")


@case
def read_only_directory():
    folder = scratch()
    with open(os.path.join(folder, "a"), "w", encoding="utf-8") as f:
        f.write("as it was")
    r = run(WASMRUN, "--dir", folder + "::/t:ro", program("files")).must(5)
    equal(r.out, "cannot write: Operation not permitted\n")
    with open(os.path.join(folder, "a"), encoding="utf-8") as f:
        equal(f.read(), "as it was")
    equal(os.listdir(folder), ["a"])


@case
def bad_pointers_trap():
    for what, text in (("0", "out of bounds"), ("1", "aligned"),
                       ("2", "out of bounds")):
        r = run(WASMRUN, program("traps"), what).must(134)
        equal(r.out, "before\n")
        holds(r.err, text)


def blocked(how, stdin):
    start = time.monotonic()
    p = subprocess.run([WASMRUN, "--timeout", "1s", program("process"), how],
                       stdin=stdin, capture_output=True, timeout=60,
                       check=False)
    took = time.monotonic() - start
    equal(p.returncode, 124, repr(p.stderr))
    if not 0.9 < took < 30:
        fail(f"took {took:.1f} s")


@case
def timeout_ends_a_blocked_read():
    r, w = os.pipe()
    try:
        blocked("block", r)
    finally:
        os.close(r)
        os.close(w)


@case
def timeout_ends_a_sleep():
    blocked("sleep", subprocess.DEVNULL)


@case
def closed_stdout_is_an_error_not_a_death():
    p = subprocess.Popen([WASMRUN, program("process")],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    p.stdout.close()
    equal(p.wait(60), 42)


main()
