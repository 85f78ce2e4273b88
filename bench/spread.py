#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled kernels at several places in memory.

    bench/spread.py [--places=8] [--rounds=2] [--quick] [--with=LABEL=BINDIR]
                    [NAME...]

The same instructions at other addresses may take a third more time.  Each
kernel is built with a function of another size in front of it, natively and as
wasm, and each of those runs in turn with the others.  The table has the least,
the mean and the largest time of ours beside the mean of native's, and native's
own spread.
"""
import argparse
import os
import sys

import peers
import programs
from measure import OUT, geomean, timed

# Functions begin at multiples of 16 bytes: each place is some of those further.
STEP = 48
PAD = """\
/* Reached through a pointer alone, so that it stays, and in its place. */
static int
pad(int x)
{
%s	return x;
}

__attribute__((used, retain)) static int (*volatile bench_pad)(int) = pad;
"""


def pad_source(place):
    """A C file of one function of about place * STEP bytes, 12 for each line."""
    path = os.path.join(OUT, "spread", f"pad{place}.c")
    text = PAD % ("\tx ^= (x >> 3) * 1000003;\n" * (place * STEP // 12))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return path


def placed(path, place, quick):
    """The kernel with that much in front of it."""
    p = programs.kernel(path, quick)
    base = os.path.join(OUT, "spread", f"{p.name}.{place}")
    pad = pad_source(place)
    programs.build(programs.NATIVE + [pad, path, "-lm"], base, path, pad)
    programs.build(programs.WASM + [pad, path], base + ".wasm", path, pad)
    return programs.Program(f"{p.name}.{place}", "", base, base + ".wasm",
                            p.args)


def measure(sides, places, rounds):
    """{side: [least time at each place]}"""
    best = {s.name: [None] * len(places) for s in sides}
    for p in places:
        for s in sides:
            s.prepare(p)
    for _ in range(rounds):
        for k, p in enumerate(places):
            for s in sides:
                r = timed(s.command(p))
                if r.code:
                    sys.exit(f"{p.name}: {s.name}: exit {r.code}")
                old = best[s.name][k]
                best[s.name][k] = r.cpu if old is None else min(old, r.cpu)
    return best


def less_start(best, sides, rounds):
    """The same without what the empty program takes."""
    p = programs.empty()
    for s in sides:
        s.prepare(p)
        start = min(timed(s.command(p)).cpu for _ in range(rounds + 2))
        best[s.name] = [t - start for t in best[s.name]]
    return best


def line(name, best, sides):
    mean = sum(best["native"]) / len(best["native"])
    cells = [f"{mean:.3f}", f"{min(best['native']) / mean:.2f}-"
             f"{max(best['native']) / mean:.2f}"]
    means = []
    for s in sides[1:]:
        t = [x / mean for x in best[s.name]]
        means.append(sum(t) / len(t))
        cells += [f"{min(t):.3f}", f"{means[-1]:.3f}", f"{max(t):.3f}"]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    return means


def options():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--places", type=int, default=8)
    a.add_argument("--rounds", type=int, default=2)
    a.add_argument("--quick", action="store_true")
    a.add_argument("--with", action="append", default=[], dest="others")
    a.add_argument("names", nargs="*")
    return a.parse_args()


def main():
    o = options()
    sides = [peers.Native(), peers.Ours(2)]
    for text in o.others:
        label, folder = text.split("=", 1)
        sides.append(peers.Ours(2, folder, label))
    print("| kernel | native, mean | spread | " + " | ".join(
        f"{s.name} least | mean | most" for s in sides[1:]) + " |")
    print("|---" * (3 + 3 * (len(sides) - 1)) + "|")
    all_means = []
    for name, _ in programs.kernels(o.quick):
        if o.names and not any(name.startswith(n) for n in o.names):
            continue
        path = os.path.join(programs.KERNELS, name + ".c")
        places = [placed(path, k, o.quick) for k in range(o.places)]
        best = less_start(measure(sides, places, o.rounds), sides, o.rounds)
        all_means.append(line(name, best, sides))
    if all_means:
        print("| mean | | |" + "|".join(
            f" | {geomean(x):.3f} | " for x in zip(*all_means)) + "|")


main()
