#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of docs/LIMITS.md as wasmrun has it: each row's option, message and
exit code.  A row without a test here, and a test without a row, fail."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403


def manual():
    """Limit -> (result, option, exit codes), as the manual has them."""
    rows = {}
    with open(os.path.join(TOP, "docs/LIMITS.md"), encoding="utf-8") as f:
        lines = f.read().split("| limit |", 1)[1].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [c.strip() for c in line.strip("|").split("|")]
        equal(len(cells), 6, line)
        rows[cells[0]] = cells[3:]
    return rows


# Limit: (option, export, argument) as often as the row has exit codes; "" as
# the option is the pool's own limit.
ROWS = "limit_rows"
TESTS = {
    "size of a memory": [
        ("--max-memory=64K", "once", "limit_memory", 0),
        ("--max-memory=256K", "memory_grow", ROWS, 4)],
    "entries of a table": [
        ("--max-table=1000", "once", "limit_table", 0),
        ("--max-table=50", "table_grow", ROWS, 50)],
    "collected heap": [("--max-heap=1M", "heap", ROWS, 1000000)],
    "exceptions that are referred to": [("", "exceptions", ROWS, 1000000)],
    "guest stack": [("--stack-size=64K", "deep", ROWS, 1000000)],
    "continuations": [("--max-table=10M", "continuations", "limit_conts",
                       1100000)],
    "their stacks": [("", "stacks", ROWS, 50000)],
    "time by the clock, of a call": [("--timeout=0.2", "spin", ROWS, 0)],
    "CPU time of a call": [("--cpu-time=0.1", "spin", ROWS, 0)],
    "fuel": [("--fuel=1000", "count", ROWS, 10000)],
}


def one(limit, test, result, code):
    option, export, module, arg = test
    r = run(WASMRUN, *([option] if option else []), "--features", "all",
            "--invoke", export, WAT(module), str(arg))
    if code == "the guest's":
        equal((r.code, r.out), (0, "-1\n"), limit)
        holds(result, "gives -1")
        return
    equal(r.code, int(code), f"{limit}: {r}")
    words = re.findall(r'trap \d+, "([^"]*)"', result)
    if words:
        holds(r.err, words[0])
    else:
        holds(result, "`WRT_ELIMIT`")
        holds(r.err, "cannot instantiate")


@case
def every_row_has_its_test():
    rows = manual()
    for limit, (_, option, code) in rows.items():
        if (limit in TESTS) != (option != "–"):
            fail(f"{limit}: tests and columns differ")
        equal(code == "–", option == "–", limit)
        if limit in TESTS:
            equal(len(TESTS[limit]), len(code.split(";")), limit)
    for limit in TESTS:
        if limit not in rows:
            fail(f"no row for: {limit}")


@case
def every_row_is_true():
    for limit, (result, _, code) in manual().items():
        for test, c in zip(TESTS.get(limit, []), code.split(";")):
            one(limit, test, result, c.strip())


@case
def every_memory_has_room():
    equal(run(WASMRUN, "--invoke", "once", WAT("limit_memories"), "0").code, 0)


@case
def options_are_those_of_the_manual():
    out = run(WASMRUN, "--help").must().out
    for limit, (_, option, _) in manual().items():
        for name in re.findall(r"`(--[a-z-]+)`", option):
            holds(out, name)
            if not any(t[0].startswith(name) for t in TESTS[limit]):
                fail(f"{limit}: {name} is not tested")


main()
