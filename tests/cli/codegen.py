#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the optimiser is told, and what it makes of loops: by the IR of
tests/wat/codegen.wat."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403


def ir(level, cpu="x86-64-v3"):
    """The text of each function, and of the metadata by number."""
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "x.ll")
        run(WASMC, "-q", "-O" + level, "--target", "x86_64-linux-gnu",
            "--cpu", cpu, "--emit=llvm-ir", WAT("codegen"), "-o",
            out).must()
        with open(out, encoding="utf-8") as f:
            text = f.read()
    funcs = {m[1]: m[2] for m in re.finditer(
        r"^define [^@]*@(\w+)\([^\n]*\n(.*?)^}", text, re.M | re.S)}
    return funcs, dict(re.findall(r"^(!\d+) = (.*)", text, re.M))


def weights(func, funcs, nodes):
    """Of its conditional branches, in order; None for one without."""
    found = []
    for line in re.findall(r"^ *br i1 .*", funcs[func], re.M):
        m = re.search(r"!prof (!\d+)", line)
        found.append(m and tuple(int(x) for x in re.findall(
            r"i32 (\d+)", nodes[m[1]])))
    return found


@case
def hints_become_weights():
    many = 1 << 20
    for name, want in (("likely", (many, 1)), ("unlikely", (1, many)),
                       ("br_unlikely", (1, many)), ("plain", None)):
        equal(weights(name, *ir("0")), [want], name)


@case
def traps_are_unlikely():
    equal(weights("divide", *ir("0")), [(1, 1 << 20)])


def vectorised(func, funcs):
    return bool(re.search(r"store volatile <\d+ x (i32|double)>", funcs[func]))


@case
def loops_are_vectorised():
    funcs, _ = ir("2")
    for name in "copy", "unrolled", "to_zero":
        equal(vectorised(name, funcs), True, name)
    equal(vectorised("chain", funcs), False, "chain")


@case
def copies_that_would_wait_are_halved():
    funcs, _ = ir("2")
    for name, want in ("moved_on", True), ("moved_on_bytes", False):
        # What is left is in the loop as it was.
        found = re.findall(r"load volatile i64, ptr %\d+, align 1\b",
                           funcs[name])
        equal(len(found) == 1, want, name)


@case
def bytes_are_compared_as_words():
    funcs, _ = ir("2")
    for name, want in ("compare", True), ("compare_and_count", False):
        found = funcs[name].count("load volatile i64, ptr") >= 2 and \
            "llvm.cttz.i64" in funcs[name]
        equal(found, want, name)


@case
def sizes_of_shared_memories_are_plain_loads():
    """At the levels whose selector of instructions knows no atomic loads."""
    for level, want in ("0", False), ("1", False), ("2", True):
        r = run(WASMC, "-q", "-O" + level, "--target", "x86_64-linux-gnu",
                "--bounds=explicit", "--emit=llvm-ir", WAT("shared"), "-o",
                "-").must()
        equal(bool(re.search(r"load atomic i64, .* monotonic|"
                             r"load atomic volatile i64, .* monotonic",
                             r.out)), want, level)


def assembly(name):
    """The function's, for -O2."""
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "x.s")
        run(WASMC, "-q", "-O2", "--target", "x86_64-linux-gnu", "--cpu",
            "x86-64-v3", "--emit=asm", WAT("codegen"), "-o", out).must()
        with open(out, encoding="utf-8") as f:
            text = f.read()
    return re.search(rf"^{name}:\n(.*?)^\.Lfunc_end", text, re.M | re.S)[1]


@case
def choices_by_data_stay_moves():
    sift = assembly("sift")
    equal(len(re.findall(r"\tcmov", sift)) >= 1, True, sift)


@case
def small_functions_begin_with_a_line():
    with tempfile.TemporaryDirectory() as d:
        so = os.path.join(d, "x.so")
        run(WASMC, "-q", "-O2", WAT("codegen"), "-o", so).must()
        text = run("nm", so).must().out
    at = {m[2]: int(m[1], 16) for m in re.finditer(
        r"^(\w+) t (\w+)$", text, re.M)}
    for name in "likely", "unlikely", "br_unlikely", "plain", "divide":
        equal(at[name] % 64, 0, name)


@case
def what_takes_longer_comes_first():
    steps = assembly("steps")
    order = re.findall(r"\t(lea|shr)q", steps)
    equal(order, ["lea", "shr"], steps)
    # By chance it may be so in any case.
    funcs, _ = ir("2")
    equal('asm "", "=r,=r,0,1"' in funcs["steps"], True, "steps")


@case
def vectors_are_as_long_as_the_cpus():
    for cpu, want in ("x86-64-v3", True), ("x86-64-v4", True), \
            ("x86-64-v2", False):
        funcs, _ = ir("2", cpu)
        for name in "wide", "wide_delayed":
            equal("fmul <4 x double>" in funcs[name], want, f"{cpu} {name}")
        equal("mul <8 x i32>" in funcs["wide_sum"], want, f"{cpu} sum")
        for name in "wide_chain", "float_sum":
            equal("<4 x double>" in funcs[name], False, name)


@case
def lanes_have_one_index():
    funcs, _ = ir("2")
    found = re.findall(r"getelementptr i8, ptr %\d+, i64 (%\d+)",
                       funcs["lanes"])
    equal(len(set(found)), 1, "indices")
    # As far below the memory as its guard goes, whatever runs first.
    far = re.findall(r"getelementptr i8, ptr %\d+, i64 (-\d+)", funcs["far"])
    equal(sorted({int(d) for d in far}), [-65536], "distances")


@case
def bytes_need_no_bound():
    funcs, _ = ir("2")
    equal("indirectbr ptr" in funcs["interpret"], True, "indirectbr")
    for word in "icmp", "select", "switch":
        equal(word in funcs["interpret"], False, word)


# At the fast level it would cost more than it gives.
@case
def calls_are_inlined_at_2():
    for level, want in ("1", True), ("2", False):
        funcs, _ = ir(level)
        equal("call fastcc i32" in funcs["caller"], want, "-O" + level)


main()
