#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasi-threads: threads count together, and all end when the program does,
whatever each of them waits for."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                ".."))
from libtest import *  # noqa: E402,F403

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 20


def invoke(name, *flags):
    """Run an export; standard input is a pipe that nobody writes to."""
    r, w = os.pipe()
    start = time.monotonic()
    try:
        p = subprocess.run([WASMRUN, *flags, "--invoke", name,
                            WAT("wasi_threads")], stdin=r, timeout=120,
                           capture_output=True, check=False, text=True)
    finally:
        os.close(r)
        os.close(w)
    if time.monotonic() - start > SECONDS:
        fail(f"{name} took too long")
    return p


def gives(name, out, code=0, *flags):
    p = invoke(name, *flags)
    equal((p.stdout, p.returncode), (out, code), p.stderr)


@case
def counts_and_joins():
    for flags in ((), ("-O0",), ("--bounds=explicit",)):
        gives("count", "80000\n", 0, *flags)


@case
def instances_are_given_back():
    gives("many", "1100\n")


@case
def memory_grows_for_all():
    gives("grow", "10\n")


@case
def a_limit_and_no_crash():
    gives("too_many", "1024\n")


@case
def main_returns():
    gives("main_returns", "5\n")


@case
def main_exits():
    gives("main_exits", "", 9)


@case
def a_thread_exits():
    for what in ("waits", "spins", "sleeps", "reads"):
        gives("exit_while_main_" + what, "", 7)


@case
def a_trap_ends_all():
    p = invoke("trap_while_main_waits")
    equal(p.returncode, 134)
    holds(p.stderr, "unreachable")
    holds(p.stderr, "wasi_thread_start")
    p = invoke("main_traps")
    equal(p.returncode, 134)
    holds(p.stderr, "main_traps")


@case
def time_limit():
    p = invoke("exit_while_main_waits", "--timeout", "10ms")
    if p.returncode not in (124, 7):
        fail(f"exit status {p.returncode}")
    # Main never ends by itself here: threads 1 and 3 wait too.
    p = run(WASMRUN, "--timeout", "300ms", "--invoke", "wait_for_ever",
            WAT("wasi_threads"))
    equal(p.code, 124, p.err)


@case
def modes_of_memory():
    for mode in ("userfaultfd", "pagemap", "madvise", "plain"):
        r = run(WASMRUN, "--invoke", "grow", WAT("wasi_threads"),
                env={"WASMRT_MEMORY": mode})
        if r.code == 1 and "needs" not in r.err and mode in r.err:
            continue            # the kernel does not allow it
        equal((r.out, r.code), ("10\n", 0), mode + r.err)


@case
def threads_in_c():
    with open(os.path.join(HERE, "c", "threads.c"), encoding="utf-8") as f:
        wasm = compile_c("wasi-threads", f.read(), "-matomics",
                         "-mbulk-memory", "-nostdlib", "-Wl,--shared-memory",
                         "-Wl,--import-memory", "-Wl,--max-memory=4194304",
                         "-Wl,--export=wasi_thread_start")
    for level in ("-O0", "-O2"):
        out = run(WASMRUN, level, wasm).must(0).out.split("\n")
        equal(out[0], "8000")
        equal(out[2], "1")


@case
def start_is_required():
    """A module that could never start its threads is refused."""
    r = run(WASMRUN, WAT("wasi_threads_bad")).must(1)
    holds(r.err, "wasi_thread_start")


main()
