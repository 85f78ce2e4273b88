#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 600
"""wasmc --cpu=A,B: code for several CPUs in one artifact, of which the runtime
takes the best that this one has."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403
from libwasm import const, get, module, uleb  # noqa: E402

X86 = os.uname().machine == "x86_64"
LOW, HIGH = ("x86-64", "x86-64-v3") if X86 else ("generic", "neoverse-n1")
TAKEN = "-avx2" if X86 else "-lse"
SUFFIX = "." + HIGH.replace("-", "_")
BOTH = f"--cpu={HIGH},{LOW}"


def can_run_high():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return (" avx2 " if X86 else " atomics ") in f.read()


def compile_it(wasm, *options):
    so = os.path.join(scratch(), "m.so")
    run(WASMC, "-q", *options, wasm, "-o", so).must()
    return so


def cpu_of(so, *argv, env=None):
    """What wasmrun says is in use."""
    r = run(WASMRUN, "--stats", "--invoke", *argv[:1], so, *argv[1:],
            env=env).must()
    return re.search(r"code for +(\S+)\n", r.err)[1], r.out


def symbols(so):
    nm = run("nm", so).must().out
    return {line.split()[2]: line.split()[1] for line in nm.splitlines()}


@case
def chosen_and_forced():
    so = compile_it(WAT("cli"), BOTH)
    best = HIGH if can_run_high() else LOW
    equal(cpu_of(so, "add", "1", "2"), (best, "3\n"))
    equal(cpu_of(so, "add", "1", "2", env={"WASMRT_CPU": TAKEN}), (LOW, "3\n"))
    equal(cpu_of(so, "add", "1", "2", env={"WASMRT_CPU": ""})[0], best)


@case
def none_runs_here():
    so = compile_it(WAT("cli"), "--cpu=x86-64-v3,x86-64-v4" if X86 else
                    "--cpu=neoverse-n1")
    r = run(WASMRUN, "--invoke", "add", so, "1", "2",
            env={"WASMRT_CPU": TAKEN})
    if r.code == 0:
        fail("it ran")
    holds(r.err, "needs at least avx2, which this CPU lacks" if X86 else
          "needs lse, which this CPU lacks")


@case
def odd_variable():
    so = compile_it(WAT("cli"), BOTH)
    for odd in "avx2", "-nothing", f"{TAKEN},+x", "-":
        r = run(WASMRUN, "--invoke", "add", so, "1", "2",
                env={"WASMRT_CPU": odd})
        if r.code == 0:
            fail(f"{odd} is taken")
        holds(r.err, "expected -FEATURE")


@case
def symbols_of_levels():
    wasm = os.path.join(scratch(), "m.wasm")
    # The third is called as the first one's better version would be.
    with open(wasm, "wb") as f:
        f.write(module([("f", 0, get(0) + const(1) + b"\x6a"),
                        ("g", 0, get(0) + const(2) + b"\x6a"),
                        ("f" + SUFFIX, 0, get(0) + const(3) + b"\x6a")]))
    got = symbols(compile_it(wasm, BOTH))
    for name in "f", "g":
        for s in name, name + SUFFIX:
            if got.get(s) != "t":
                fail(f"{s}: {got}")
    if f"f{SUFFIX}.2" not in got or f"f{SUFFIX}.2{SUFFIX}" not in got:
        fail(f"the third: {got}")


@case
def backtrace_in_each():
    so = compile_it(WAT("cli"), BOTH)
    texts = {run(WASMRUN, "--invoke", "outer", so,
                 env={"WASMRT_CPU": v}).must(134).err for v in ("", TAKEN)}
    equal(len(texts), 1, "backtraces differ:")
    holds(texts.pop(), "outer")


@case
def shown():
    so = compile_it(WAT("cli"), BOTH)
    out = run(WASMDUMP, so).must().out
    got = re.findall(r'  level\[(\d)\] "(\S+)" needs "(\S*)": (\d+) bytes of '
                     r"code\n", out)
    equal([g[:2] for g in got], [("0", LOW), ("1", HIGH)])
    holds(got[1][2], "+avx2" if X86 else "+lse")
    if not all(int(g[3]) > 0 for g in got):
        fail(out)
    one = run(WASMDUMP, compile_it(WAT("cli"), f"--cpu={LOW}")).must().out
    if "level[" in one:
        fail("one CPU has levels")


PARTS, EACH = 40, 40000


def large():
    """Functions of several parts, each of which calls the next."""
    wasm = os.path.join(scratch(), "m.wasm")
    code = [(f"n{i}", 0, b"\1" * EACH + get(0) + (
        b"\x10" + uleb(i + 1) if i + 1 < PARTS else const(40) + b"\x6a"))
        for i in range(PARTS)]
    with open(wasm, "wb") as f:
        f.write(module(code))
    return wasm


@case
def same_bytes_and_cache():
    folder, wasm = os.path.join(scratch(), "cache"), large()

    def cached(cpus):
        so = os.path.join(scratch(), "m.so")
        r = run(WASMC, "-q", "-O1", "--time-passes", "--cache-dir", folder,
                cpus, wasm, "-o", so).must()
        m = re.search(r"(\d+)  parts from the cache, (\d+) new", r.err)
        with open(so, "rb") as f:
            return f.read(), (int(m[1]), int(m[2]))

    n = cached(f"--cpu={LOW}")[1][1]
    if n < 2:
        fail(f"{n} parts")
    equal(cached(f"--cpu={HIGH}")[1], (0, n))
    # The first level is as in a compile for it; the other's names are new.
    first, counts = cached(BOTH)
    equal(counts, (n, n))
    again, counts = cached(f"--cpu={LOW},{HIGH}")
    equal(counts, (2 * n, 0))
    with open(compile_it(wasm, BOTH, "-O1"), "rb") as f:
        if not f.read() == first == again:
            fail("bytes differ")


@case
def refused():
    for emit in "asm", "llvm-ir":
        r = run(WASMC, BOTH, f"--emit={emit}", WAT("cli"), "-o", "/dev/null")
        if r.code == 0:
            fail(f"--emit={emit} is taken")
        holds(r.err, "for one CPU")
    r = run(WASMC, f"--cpu={LOW},{LOW}", WAT("cli"), "-o", "/dev/null")
    holds(r.err, "just the features")
    r = run(WASMC, f"--cpu={LOW},pdp-11", WAT("cli"), "-o", "/dev/null")
    holds(r.err, 'unknown CPU "pdp-11"')


@case
def object_file():
    path = os.path.join(scratch(), "m.o")
    run(WASMC, "-q", BOTH, "--emit=obj", WAT("cli"), "-o", path).must()
    got = symbols(path)
    if not any(s.endswith(SUFFIX) for s in got):
        fail(f"{got}")


@case
def several_parts():
    """Functions of one part call those of another, at their level."""
    so = compile_it(large(), BOTH, "-O1")
    for env in {}, {"WASMRT_CPU": TAKEN}:
        equal(run(WASMRUN, "--invoke", "f0", so, "2", env=env).must().out,
              "42\n")
    dis = run("objdump", "-d", "--no-show-raw-insn", so).must().out
    # A call from one level to the other would run, and be slow or fault.
    here = None
    for line in dis.splitlines():
        m = re.match(r"[0-9a-f]+ <(.*)>:", line)
        here = m[1] if m else here
        m = re.search(r"\b(?:call|jmp|bl?)q? +[0-9a-fx]+ <([^+>]*)", line)
        if m and here and not m[1].startswith("wabi.") and not here.startswith(
                "wabi.") and m[1].endswith(SUFFIX) != here.endswith(SUFFIX):
            fail(f"{here} calls {m[1]}")


@case
def snapshot():
    wasm = compile_c("levels-snap", r"""
static int warm;
static int twice(int x) { return 2 * x; }
static int (*volatile f)(int);
__attribute__((export_name("warm_up"))) void warm_up(void)
{ warm = 20; f = twice; }
__attribute__((export_name("warmer"))) void warmer(void) { warm++; }
__attribute__((export_name("answer"))) int answer(int k)
{ return f ? f(warm) + k : -1; }
""", "-mexec-model=reactor")
    so = compile_it(wasm, BOTH)
    out = so + ".warm.so"
    run(WASMRUN, "--snapshot=warm_up", so, "-o", out).must()
    for env in {}, {"WASMRT_CPU": TAKEN}:
        equal(run(WASMRUN, "--invoke", "answer", out, "2", env=env).must().out,
              "42\n")
    again = out + ".again.so"
    run(WASMRUN, "--snapshot=warmer", out, "-o", again,
        env={"WASMRT_CPU": TAKEN}).must()
    for env in {}, {"WASMRT_CPU": TAKEN}:
        equal(run(WASMRUN, "--invoke", "answer", again, "2",
                  env=env).must().out, "44\n")


main()
