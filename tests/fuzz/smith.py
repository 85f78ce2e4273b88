#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 900
# long
"""Modules of wasm-smith do the same at every -O, with both ways of checking
bounds, for any of the CPUs that this machine can stand in for, and in wasmtime:
all features that both have, in mixtures that differ from module to module.

    tests/fuzz/smith.py [FIRST [COUNT]]

WASM_TOOLS is the program of that name, with smith and print; without it
nothing is tested, for building it takes a quarter of an hour:

    cargo install wasm-tools --locked --no-default-features \\
        --features smith,validate,mutate,print,shrink

What is compared are results, kinds of traps, and after each call memories,
globals, and which entries of tables are null.  What differs is left in
build/fuzz/smith-NUMBER.wasm.
"""
import os
import random
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from libtest import *
import libembed
from libembed import END, F32, F64, I32, I64
import libmodern
import libsmith

FOLDER = os.path.join(TOP, "build/fuzz")
CPUS = libembed.host_cpus()
TOOLS = os.environ.get("WASM_TOOLS", "wasm-tools")
TYPES = {"i32": I32, "i64": I64, "f32": F32, "f64": F64}


def generate(number, path):
    """(wasm of smith alone, wasm with probes, functions, state) or None"""
    import wasmtime
    rnd = random.Random(number)
    size, options = libsmith.swarm(rnd)
    p = subprocess.run([TOOLS, "smith", "--ensure-termination", *options,
                        "-o", path], input=rnd.randbytes(size),
                       capture_output=True, check=False)
    if p.returncode:
        if b"Usage" in p.stderr or b"unexpected argument" in p.stderr:
            fail(p.stderr.decode())
        return None
    p = subprocess.run([TOOLS, "print", path], capture_output=True, text=True,
                       check=True)
    if "atomic.wait" in p.stdout:           # would wait for ever
        return None
    probes = libsmith.with_probes(p.stdout)
    if not probes:
        return None
    text, functions, state = probes
    with open(path, "rb") as f:
        alone = f.read()
    with open(path[:-5] + ".wat", "w", encoding="utf-8") as f:
        f.write(text)
    wasm = bytes(wasmtime.wat2wasm(text))
    os.unlink(path[:-5] + ".wat")
    with open(path, "wb") as f:
        f.write(wasm)
    return alone, wasm, functions, state


def plan(number, functions, state):
    rnd = random.Random(number)
    calls = [(s, []) for s in state]
    for _ in range(2):
        for name, params in functions:
            calls.append((name, [libmodern.argument(rnd, TYPES[t])
                                 for t in params]))
            calls += [(s, []) for s in state]
    return calls


class Theirs(libmodern.Theirs):
    """Without the module that others import from."""

    def __init__(self, wasm):
        import wasmtime as W
        self.w = W
        self.lines = []
        config = W.Config()
        for name in ("gc", "function_references", "exceptions", "tail_call",
                     "multi_memory", "memory64", "wide_arithmetic", "threads",
                     "custom_page_sizes"):
            setattr(config, "wasm_" + name, True)
        config.shared_memory = True
        self.store = W.Store(W.Engine(config))
        self.module = W.Module(self.store.engine, wasm)
        self.inst = None
        try:
            self.inst = W.Instance(self.store, self.module, [])
        except (W.Trap, W.WasmtimeError):
            self.lines.append("start")

    def memory(self):
        return None


def observe_wasmtime(wasm, calls):
    wasm = bytes.fromhex(wasm)
    theirs = Theirs(wasm)
    if theirs.inst is not None:
        libembed.run_calls(theirs.lines, theirs.call, theirs.memory, calls)
    return theirs.lines


def observe_ours(wasm, so, level, bounds, calls, cpu):
    libembed.TRAPS = dict(libmodern.TRAPS)
    libembed.TRAPS[19] = "HEAP_MISALIGNED"
    lines = libembed.observe_ours(bytes.fromhex(wasm), so, level, bounds,
                                  calls, cpu)
    return ["start"] if lines[:1] and lines[0].startswith("start") else lines


def first_difference(expected, got, early):
    """Early: what a load out of bounds leaves behind cannot be compared, for it
    may trap before what is before it (docs/CODEGEN.md)."""
    for k, (e, g) in enumerate(zip(expected, got)):
        if e != g:
            calls = [x for x in expected[:k] if x.startswith("call")]
            if early and calls and calls[-1].endswith("trap: memory"):
                return None
            return libembed.first_difference(expected, got)
    return libembed.first_difference(expected, got)


def ways(number):
    rnd = random.Random(-number)
    return [(2, "guard", None)] + [
        (rnd.choice((0, 1, 2, 3, 3)), rnd.choice(("guard", "explicit")),
         rnd.choice((None, *CPUS))) for _ in range(2)]


def check(number):
    """How many modules were compared."""
    path = os.path.join(FOLDER, f"smith-{number}.wasm")
    made = generate(number, path)
    if not made:
        if os.path.exists(path):
            os.unlink(path)
        return 0
    alone, wasm, functions, state = made
    so = path[:-5] + ".so"
    why = libembed.apart(libembed.compile_ours, alone, so, 1, "guard")
    if why:
        fail(f"{path} as it was made: {why}")
    calls = plan(number, functions, state)
    expected = libembed.apart(observe_wasmtime, wasm.hex(), calls)
    for level, bounds, cpu in ways(number):
        how = f"-O{level} {bounds} {cpu or ''}"
        try:
            got = libembed.apart(observe_ours, wasm.hex(), so, level, bounds,
                                 calls, cpu)
        except Failed as e:
            fail(f"{path} {how}: {e}")
        finally:
            if os.path.exists(so):
                os.unlink(so)
        why = first_difference(expected, got, level >= 2 and bounds == "guard")
        if why:
            fail(f"{path}: wasmtime / {how}: {why}")
    os.unlink(path)
    if os.environ.get("VERBOSE"):
        good = [x for x in expected if x.startswith("call") and
                "trap" not in x]
        print(number, len(functions), len(expected), len(good), len(wasm),
              flush=True)
    return 1


def main():
    if not shutil.which(TOOLS):
        print("skip all: no wasm-tools in PATH (or WASM_TOOLS)")
        return 0
    os.makedirs(FOLDER, exist_ok=True)
    return numbered(check, "module", long_or_not(300, 5))


use_oracle()
sys.exit(main())
