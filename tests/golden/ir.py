#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The IR of small modules before optimisation, against tests/golden/ir/*.ll.

Debug locations, metadata and attributes are left out.  make bless rewrites
the files.
"""
import glob
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
WASMC = os.path.join(TOP, os.environ.get("OUT", "build"), "bin", "wasmc")
PYTHON = os.path.join(TOP, os.environ.get("WASMTIME_PYTHON",
                                          "build/venv/bin/python"))
DIR = os.path.join(TOP, "build/tests/golden-ir")
GOLDEN = os.path.join(TOP, "tests/golden/ir")


def plain(text):
    out = []
    for line in text.splitlines():
        if re.match(r"[!;]|source_filename|target |attributes |declare ", line):
            continue
        line = re.sub(r",? !(dbg|tbaa|invariant.load|prof) !\d+", "", line)
        line = re.sub(r" #\d+", "", line)
        if line or (out and out[-1]):
            out.append(line)
    return "\n".join(out).strip() + "\n"


def check(wat):
    name = os.path.splitext(os.path.basename(wat))[0]
    wasm, ll = f"{DIR}/{name}.wasm", f"{DIR}/{name}.ll"
    r = subprocess.run([WASMC, "--emit", "llvm-ir", "-O0", "--target",
                        "x86_64-linux-gnu", wasm, "-o", ll], check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    if r.returncode:
        print(f"not ok {name}: {r.stdout.strip()[-200:]!r}")
        return
    with open(ll, encoding="utf-8") as f:
        got = plain(f.read())
    golden = f"{GOLDEN}/{name}.ll"
    if os.environ.get("BLESS"):
        with open(golden, "w", encoding="utf-8") as f:
            f.write(got)
    with open(golden, encoding="utf-8") as f:
        want = f.read()
    if want == got:
        print(f"ok {name}")
        return
    for i, (a, b) in enumerate(zip(want.split("\n"), got.split("\n"))):
        if a != b:
            print(f"not ok {name}: line {i + 1} is {b!r}, not {a!r}")
            return
    print(f"not ok {name}: of another length")


def main():
    wats = sorted(glob.glob(f"{GOLDEN}/*.wat"))
    os.makedirs(DIR, exist_ok=True)
    subprocess.run([PYTHON, os.path.join(TOP, "tests/wat2wasm"), DIR] + wats,
                   check=True)
    for wat in wats:
        check(wat)


main()
