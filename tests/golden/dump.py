#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasmdump's output for the fuzzers' seeds, against tests/golden/dump/*.txt.

make bless rewrites the files.
"""
import glob
import os
import subprocess

TOOL = os.path.join(os.environ.get("BIN", "build/bin"), "wasmdump")
GOLDEN = "tests/golden/dump"


def first_difference(want, got):
    want, got = want.splitlines(), got.splitlines()
    for i, (a, b) in enumerate(zip(want, got)):
        if a != b:
            return f"line {i + 1} is {b!r}, not {a!r}"
    return f"{len(got)} lines, not {len(want)}"


def check(path):
    name = os.path.splitext(os.path.basename(path))[0]
    golden = f"{GOLDEN}/{name}.txt"
    out = subprocess.run([TOOL, "-h", "-x", "-d", path], check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    got = out.stdout.decode("utf-8", "replace")
    if out.returncode:
        print(f"not ok {name}: exit {out.returncode}: {got[-200:]!r}")
        return
    if os.environ.get("BLESS"):
        with open(golden, "w", encoding="utf-8") as f:
            f.write(got)
    if not os.path.exists(golden):
        print(f"not ok {name}: no {golden} (make bless)")
        return
    with open(golden, encoding="utf-8") as f:
        want = f.read()
    if want == got:
        print(f"ok {name}")
    else:
        print(f"not ok {name}: {first_difference(want, got)}")


for seed in sorted(glob.glob("tests/fuzz/fuzz_decode/*.wasm")):
    check(seed)
