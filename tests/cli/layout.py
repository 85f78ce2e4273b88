#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 300
"""tools/layout.sh: a program whose code was laid out is the same program, and
one that cannot be laid out is taken as it is."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

LAYOUT = os.path.join(TOP, "tools/layout.sh")
BOLT = shutil.which(os.environ.get("BOLT", "llvm-bolt-22"))
LINKED = os.path.join(TOP, OUT, "release/obj/wasmc")

# Runs as wasmc would, with its arguments, and has something to count.
PROGRAM = r"""
#include <stdio.h>
int main(int argc, char **argv)
{
	unsigned x = 1;
	for (unsigned i = 0; i < 100000; i++)
		x = x * 1103515245u + (x & 64 ? 12345 : (unsigned)argc);
	printf("%s %d %u\n", argc > 1 ? argv[1] : "", argc, x);
	return 0;
}
"""


def program():
    """A program that was linked with its relocations, and what it prints."""
    folder = scratch()
    source = os.path.join(folder, "p.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(PROGRAM)
    exe = os.path.join(folder, "p")
    run(os.environ.get("CLANG", "clang-22"), "-O1", "-fuse-ld=lld",
        "-Wl,--emit-relocs", source, "-o", exe).must()
    return exe, run(exe, "x").must().out


def read(path):
    with open(path, "rb") as f:
        return f.read()


@case
def counted_and_applied():
    if not BOLT:
        skip("no llvm-bolt-22")
    exe, says = program()
    profile, out = exe + ".profile", exe + ".out"
    run(LAYOUT, "profile", exe, profile, "a.wasm").must()
    holds(read(profile).decode(), "main")
    r = run(LAYOUT, "apply", exe, profile, out).must()
    equal(r.err, "")
    if read(out) == read(exe):
        fail("nothing was laid out")
    equal(run(out, "x").must().out, says)


@case
def no_profile():
    exe, says = program()
    run(LAYOUT, "apply", exe, "", exe + ".out").must()
    equal(read(exe + ".out"), read(exe))


@case
def no_use():
    """A profile that cannot be read, or no program that could: said, and the
    program is there."""
    exe, says = program()
    with open(exe + ".profile", "w", encoding="utf-8") as f:
        f.write("1 main zero\n")
    for env in ({}, {"BOLT": "/nonexistent"}):
        r = run(LAYOUT, "apply", exe, exe + ".profile", exe + ".out",
                env={**os.environ, **env}).must()
        holds(r.err, "layout: as it is")
        equal(run(exe + ".out", "x").must().out, says)


@case
def profile_of_nothing():
    exe, _ = program()
    r = run(LAYOUT, "profile", exe, exe + ".profile", "a.wasm",
            env={**os.environ, "BOLT": "/nonexistent"})
    equal(r.code, 1)
    holds(r.err, "layout:")
    if os.path.exists(exe + ".profile"):
        fail("there is a profile")


@case
def same_artifacts():
    if not os.path.exists(LINKED) or read(LINKED) == read(WASMC):
        skip("this wasmc was not laid out")
    for level in range(4):
        made = []
        for exe in (LINKED, WASMC):
            so = os.path.join(scratch(), "m.so")
            run(exe, "-q", f"-O{level}", "--cache-dir=", WAT("api"), "-o",
                so).must()
            made.append(read(so))
        equal(made[0] == made[1], True, f"-O{level}")


main()
