#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `wasmc --emit=header` writes compiles, in C and in C++, and calls the
module's functions, whatever they are called."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

CC = os.environ.get("CLANG", "clang-22")
HOST = os.path.join(TOP, "tests/cli/header_host.c")
WARN = ["-Wall", "-Wextra", "-Werror", "-I" + os.path.join(TOP, "include")]


def wasm(name):
    return os.path.join(TOP, "build/tests/wat", name + ".wasm")


def headers(d):
    for name in "typed", "names":
        run(WASMC, "-q", "--emit", "header", wasm(name), "-o",
            os.path.join(d, name + ".h")).must()


@case
def host_calls_by_prototypes():
    with tempfile.TemporaryDirectory() as d:
        headers(d)
        so = []
        for name in "typed", "names":
            so.append(os.path.join(d, name + ".so"))
            run(WASMC, "-q", wasm(name), "-o", so[-1]).must()
        lib = os.path.join(TOP, OUT, "lib")
        exe = os.path.join(d, "host")
        san = OUT.partition("san-")[2].replace("-", ",")
        run(CC, *WARN, "-pedantic", "-O1",
            *(["-fsanitize=" + san] if san else []), HOST, "-I" + d, "-o",
            exe, "-L" + lib, "-lwasmrt", "-Wl,-rpath," + lib).must()
        equal(run(exe, *so).must().out,
              "cb 6, mix 3.75, two 1 2, div 100\n1 2 3 4 5 6 6 8 9 0\n")


@case
def compiles_as_cpp():
    with tempfile.TemporaryDirectory() as d:
        headers(d)
        for std in "c++11", "c++20":
            run(CC, "-x", "c++", "-std=" + std, *WARN, "-fsyntax-only", "-I" + d,
                HOST).must()


@case
def default_name_and_standard_output():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "9-lives.wasm")
        shutil.copy(wasm("typed"), path)
        run(WASMC, "-q", "--emit=header", path).must()
        text = open(path[:-5] + ".h").read()
        equal("struct wasm_9_x2dlives {" in text, True)
        equal(run(WASMC, "-q", "--emit=header", path, "-o", "-").must().out,
              text)


@case
def no_name_gets_through():
    with tempfile.TemporaryDirectory() as d:
        headers(d)
        text = open(os.path.join(d, "names.h")).read()
        for bad in "??/", "\n\\":
            equal(bad in text, False, bad)


main()
