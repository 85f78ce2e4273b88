#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled code: programs natively, by wasmc, and by others.

    bench/run.py [--rounds=5] [--levels=2] [--quick] [--with=LABEL=BINDIR]
                 [--sides=NAME,...] [--chart=FILE.svg] [NAME...]

A NAME selects the programs, or groups of them, that begin with it; --quick is
the small sizes; --with measures a wasmc of another build tree too.

Prints tables and writes build/bench/bench.tsv; docs/BENCH.md says how to read
them.  Exits with 1 only when a program of ours gave another output than the
native one.
"""
import argparse
import os
import platform
import sys

import chart
import peers
import programs
from measure import BIN, OUT, geomean, timed


def options(argv):
    a = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--levels", default="2")
    a.add_argument("--quick", action="store_true")
    a.add_argument("--with", dest="others", action="append", default=[])
    a.add_argument("--sides", default="")
    a.add_argument("--chart", default=os.path.join(OUT, "bench.svg"))
    a.add_argument("names", nargs="*")
    return a.parse_args(argv)


def chosen(opt):
    """(name, maker) of the programs to run."""
    all_of_them = [("kernels", n, f) for n, f in programs.kernels(opt.quick)]
    all_of_them += [("programs", n, f) for n, f in programs.real(opt.quick)]
    return [(n, f) for g, n, f in all_of_them if not opt.names or
            any(x == g or n.startswith(x) for x in opt.names)]


class Results:
    """What one program gave, by side."""

    def __init__(self, program):
        self.program = program
        self.prepared, self.cpu, self.failed = {}, {}, {}

    def ratio(self, side):
        if side not in self.cpu or "native" not in self.cpu:
            return None
        return self.cpu[side] / self.cpu["native"]


def run_once(side, program):
    r = timed(side.command(program), program.stdin)
    cpu = r.cpu
    if side.reports_cpu and r.code == 0:
        cpu = float(r.err.split()[-1])
    return r, cpu


def measure(program, sides, rounds, starts):
    """starts: by side, what starting and ending alone takes."""
    res = Results(program)
    for side in sides:
        try:
            res.prepared[side.name] = side.prepare(program)
        except peers.Failed as e:
            res.failed[side.name] = str(e)
    expected = None
    for _ in range(rounds):
        for side in sides:
            if side.name in res.failed:
                continue
            r, cpu = run_once(side, program)
            if side.name == "native":
                expected = expected or (r.code, r.out)
            if (r.code, r.out) != expected:
                res.failed[side.name] = f"exit {r.code}, other output " \
                    f"than native: {r.out[:60]!r} {r.err[-200:]!r}"
                res.cpu.pop(side.name, None)
                continue
            cpu = max(cpu - starts.get(side.name, 0), 1e-4)
            res.cpu[side.name] = min(cpu, res.cpu.get(side.name, cpu))
    return res


def start_times(sides, rounds):
    """CPU seconds of the empty program, by side."""
    p = programs.empty()
    times = {}
    for side in sides:
        side.prepare(p)
        times[side.name] = min(run_once(side, p)[1]
                               for _ in range(rounds + 2))
    return times


# ---- Tables --------------------------------------------------------------

def cell(value, form):
    return form % value if value is not None else "-"


def print_row(res, sides):
    cells = [f"{res.program.name:14s}",
             "%8s" % cell(res.cpu.get("native"), "%.3f")]
    for s in sides[1:]:
        cells.append("%10s" % ("failed" if s.name in res.failed else
                               cell(res.ratio(s.name), "%.3f")))
    print(" ".join(cells), flush=True)
    for name, why in res.failed.items():
        print(f"    {name}: {why}", flush=True)


def print_means(results, sides, group, title):
    some = [r for r in results if r.program.group == group]
    if not some:
        return
    cells = [f"{title:14s}", " " * 8]
    for s in sides[1:]:
        cells.append("%10s" % cell(geomean([r.ratio(s.name) for r in some]),
                                   "%.3f"))
    print(" ".join(cells))


def print_compile(results, sides):
    print("\ncompile: CPU seconds in sum, peak MB, code in KB in sum "
          "(of what all sides could compile)")
    common = [r for r in results if not r.failed]
    for s in sides:
        got = [r.prepared[s.name] for r in common]
        cpu = [g.cpu for g in got if g.cpu is not None]
        peak = [g.peak_mb for g in got if g.peak_mb is not None]
        code = [g.code for g in got if g.code is not None]
        print("%-14s %8s %8s %8s" % (
            s.name, cell(sum(cpu) if cpu else None, "%.2f"),
            cell(max(peak) if peak else None, "%.0f"),
            cell(sum(code) / 1024 if code else None, "%.0f")))


def write_tsv(results, path):
    with open(path, "w", encoding="utf-8") as f:
        f.write("program\tgroup\tside\tcpu_s\tratio\tcompile_wall_s\t"
                "compile_cpu_s\tcompile_peak_mb\tcode_bytes\tfailed\n")
        for r in results:
            for side, prep in r.prepared.items():
                row = [r.program.name, r.program.group, side,
                       cell(r.cpu.get(side), "%.4f"),
                       cell(r.ratio(side), "%.4f"), cell(prep.wall, "%.3f"),
                       cell(prep.cpu, "%.3f"), cell(prep.peak_mb, "%.1f"),
                       cell(prep.code, "%d"), r.failed.get(side, "")]
                f.write("\t".join(row) + "\n")


def print_machine(sides, absent):
    cpu = platform.processor() or "?"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            cpu = next((x.split(":")[1].strip() for x in f
                        if x.startswith("model name")), cpu)
    except OSError:
        pass
    print(f"{os.cpu_count()} CPUs: {cpu}; {platform.system()} "
          f"{platform.release()}; load {os.getloadavg()[0]:.1f}")
    for side, why in absent:
        print(f"{side.name}: absent: {why}")
    print("\nrun: CPU seconds of native " + " ".join(programs.NATIVE[1:]) +
          "; the others divided by it")
    print(" ".join([" " * 14, "%8s" % "native"] +
                   ["%10s" % s.name for s in sides[1:]]), flush=True)


def main(argv):
    opt = options(argv)
    os.makedirs(OUT, exist_ok=True)
    others = [x.split("=", 1) for x in opt.others]
    sides = peers.sides(opt.levels.split(","), others)
    if opt.sides:
        wanted = opt.sides.split(",") + ["native"]
        sides = [s for s in sides if any(s.name.startswith(x)
                                         for x in wanted)]
    absent = [(s, s.why_not()) for s in sides]
    sides = [s for s, why in absent if not why]
    if not os.path.exists(os.path.join(BIN, "wasmc")):
        sys.exit("bench: build/bin/wasmc is not built")
    print_machine(sides, [(s, why) for s, why in absent if why])
    starts = start_times(sides, opt.rounds)
    results = []
    for name, make in chosen(opt):
        try:
            program = make()
        except programs.Missing as e:
            print(f"{name:14s} left out: {e}", flush=True)
            continue
        results.append(measure(program, sides, opt.rounds, starts))
        print_row(results[-1], sides)
        write_tsv(results, os.path.join(OUT, "bench.tsv"))
    print_means(results, sides, "kernels", "mean, kernels")
    print_means(results, sides, "programs", "mean, programs")
    print_compile(results, sides)
    chart.write(opt.chart, results, [s.name for s in sides])
    bad = [r for r in results for s in r.failed if s.startswith("ours")]
    return 1 if bad else 0


sys.exit(main(sys.argv[1:]))
