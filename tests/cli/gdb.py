#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasmrun under gdb, as docs/HOSTS.md says: guests stop at breakpoints, are
seen in backtraces, and their signals pass."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

PASS = "handle SIGSEGV SIGBUS SIGURG nostop noprint pass"


def gdb(commands, *wasmrun):
    program = shutil.which("gdb")
    if not program:
        skip("there is no gdb")
    so = os.path.join(scratch(), "gdb.so")
    run(WASMC, WAT("gdb"), "-o", so).must()
    args = [x for c in commands for x in ("-ex", c)]
    r = run(program, "-nx", "-q", "-batch", *args, "--args", WASMRUN,
            *[so if x == "SO" else x for x in wasmrun], timeout=200)
    if "ptrace" in r.err or "Operation not permitted" in r.err + r.out:
        skip("gdb may not trace")
    return r


def in_order(text, *parts):
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            fail(f"{text!r:.900} is without {part!r}, in this order")
        at = found


@case
def breakpoint_and_backtrace():
    r = gdb([PASS, "set breakpoint pending on", "break inner", "run", "bt",
             "up", "info symbol $pc", "delete", "continue"],
            "--invoke", "outer", "SO", "100")
    in_order(r.out, "Breakpoint 1", "inner", "#0 ", "inner", "#1 ", "middle",
             "#2 ", "outer", " wrt.enter", "outer in section .text")
    holds(r.out, "gdb.wasm:")
    holds(r.out, "\n3\n")
    holds(r.out, "exited normally")


@case
def stop_at_a_fault():
    r = gdb(["run", "bt"], "--invoke", "outer", "SO", "-8")
    in_order(r.out, "SIGSEGV", "#0 ", "inner", "#1 ", "middle", "#2 ", "outer")


@case
def traps_pass():
    r = gdb([PASS, "run"], "--invoke", "outer", "SO", "-8")
    holds(r.err + r.out, "out of bounds memory access")
    holds(r.out, "exited with code 0206")
    assert "received signal" not in r.out, r


@case
def time_limits_pass():
    r = gdb([PASS, "run"], "--timeout=0.2", "--invoke", "spin", "SO")
    holds(r.out, "exited with code 0174")
    assert "received signal" not in r.out, r


main()
