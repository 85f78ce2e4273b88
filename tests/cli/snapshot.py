#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 300
"""wasmrun --snapshot: programs warmed up, written down and run again."""
import hashlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

REACTOR = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char *text;
static int table[5000], warm;
static volatile int inits;
__attribute__((constructor)) static void init(void) { inits++; }
#define EXPORT(n) __attribute__((export_name(#n))) n
static int twice(int x) { return 2 * x; }
static int (*volatile f)(int);
void EXPORT(warm_up)(void)
{
	for (int i = 0; i < 5000; i++) table[i] = i * i;
	text = malloc(3000000);
	memset(text, 'x', 2999999);
	f = twice;
	warm++;
	puts("warming up");
	fflush(stdout);
}
int EXPORT(answer)(int k)
{
	return inits * 1000000 + warm * 100000 +
	    (text ? (int)strlen(text) % 100 : 0) + (f ? f(table[k]) : -1);
}
void EXPORT(leave_open)(void)
{
	if (open("/d/file", O_RDONLY) < 0) abort();
}
void EXPORT(open_and_close)(void)
{
	int fd = open("/d/file", O_RDONLY);
	char c;
	if (fd < 0 || read(fd, &c, 1) != 1) abort();
	warm = c;
	close(fd);
}
void EXPORT(quit)(void) { exit(0); }
void EXPORT(trap)(void) { abort(); }
"""


def reactor():
    wasm = compile_c("snap-reactor", REACTOR, "-mexec-model=reactor")
    so = os.path.join(scratch(), "reactor.so")
    run(WASMC, wasm, "-o", so).must()
    return so


def beside(so):
    return os.path.join(os.path.dirname(so), "warm.so")


def ask(so, k, *options):
    return run(WASMRUN, *options, "--invoke", "answer", so, str(k)).must().out


@case
def warmed_program():
    so = reactor()
    warm = beside(so)
    equal(ask(so, 70), "999999\n")
    equal(run(WASMRUN, "--snapshot=warm_up", so, "-o", warm).must().out,
          "warming up\n")
    # Constructors have run once and do not run again; all is there.
    equal(ask(warm, 70), "1109899\n")
    equal(ask(warm, 4999), str(1100099 + 2 * 4999 ** 2) + "\n")
    for name in "_initialize", "warm_up":
        r = run(WASMRUN, "--invoke", name, warm).must(1)
        holds(r.err, "no exported function")


@case
def initialised_program():
    so = reactor()
    warm = beside(so)
    equal(run(WASMRUN, "-o", warm, "--snapshot", so).must().out, "")
    equal(ask(warm, 70), "999999\n")
    equal(run(WASMRUN, "--snapshot=warm_up", "-o", warm, warm).must().out,
          "warming up\n")
    equal(ask(warm, 70), "1109899\n")


@case
def keep_init():
    so = reactor()
    warm = beside(so)
    run(WASMRUN, "--snapshot=warm_up", "--snapshot-keep-init", "-o", warm,
        so).must()
    # Constructors run a second time: that is what was asked for.
    equal(ask(warm, 70), "2109899\n")
    holds(run(WASMDUMP, warm).must().out, '"warm_up"')


@case
def wasm_file():
    wasm = compile_c("snap-reactor", REACTOR, "-mexec-model=reactor")
    warm = os.path.join(scratch(), "warm.so")
    run(WASMRUN, "--no-cache", "--snapshot=warm_up", wasm, "-o", warm).must()
    equal(ask(warm, 70), "1109899\n")


@case
def marked():
    so = reactor()
    warm = beside(so)
    run(WASMRUN, "--snapshot=warm_up", so, "-o", warm).must()
    with open(so, "rb") as f:
        sha = hashlib.sha256(f.read()).hexdigest()
    holds(run(WASMDUMP, "-x", warm).must().out,
          f'snapshot of {sha} after "_initialize warm_up"')
    assert "snapshot of" not in run(WASMDUMP, "-x", so).must().out
    again = warm + "2"
    run(WASMRUN, "--snapshot=warm_up", so, "-o", again).must()
    with open(warm, "rb") as a, open(again, "rb") as b:
        equal(hashlib.sha256(a.read()).hexdigest(),
              hashlib.sha256(b.read()).hexdigest())


def sections(so):
    out = run("llvm-readelf-22", "-SW", so).must().out
    rows = {}
    for line in out.splitlines():
        part = line.replace("[ ", "[").split()
        if len(part) > 6 and part[0].startswith("["):
            rows[part[1]] = part[2:6]
    return rows


@case
def code_and_debug_information_stay():
    so = reactor()
    warm = beside(so)
    run(WASMRUN, "--snapshot=warm_up", so, "-o", warm).must()
    a, b = sections(so), sections(warm)
    for name in ".text", ".eh_frame", ".eh_frame_hdr", ".dynamic", ".rodata":
        if name in a:
            equal(a[name][1], b[name][1], name)
    for name in (".text", ".eh_frame", ".eh_frame_hdr", ".debug_line",
                 ".debug_info", ".strtab"):
        x, y = (run("llvm-objcopy-22", "-O", "binary", "--dump-section",
                    f"{name}={s}.part", s, "/dev/null").must() and
                open(s + ".part", "rb").read() for s in (so, warm))
        assert x == y, name
    for s in so, warm:
        r = run("llvm-nm-22", "--defined-only", s).must()
        s_lines = [x for x in r.out.splitlines() if "wabi.meta" not in x]
        if s == so:
            lines = s_lines
    equal(lines, s_lines)
    r = run("llvm-dwarfdump-22", "--verify", "--eh-frame", warm)
    r.must()


@case
def debugger():
    gdb = shutil.which("gdb")
    if not gdb:
        skip("there is no gdb")
    so = reactor()
    warm = beside(so)
    run(WASMRUN, "--snapshot=warm_up", so, "-o", warm).must()
    seen = [run(gdb, "-nx", "-q", "-batch", "-ex", "info line answer", "-ex",
                "info symbol twice", "-ex", "info scope answer", s).must().out
            for s in (so, warm)]
    equal(seen[0], seen[1])
    holds(seen[0], "twice in section .text")
    r = run(gdb, "-nx", "-q", "-batch", "-ex", "set breakpoint pending on",
            "-ex", "break answer", "-ex", "run", "-ex", "bt 2", "--args",
            WASMRUN, "--invoke", "answer", warm, "70", timeout=100)
    if "ptrace" in r.err or "Operation not permitted" in r.err + r.out:
        skip("gdb may not trace")
    holds(r.out, "#0 ")
    holds(r.out, "answer")


@case
def open_files():
    so = reactor()
    warm = beside(so)
    d = scratch()
    with open(os.path.join(d, "file"), "w", encoding="utf-8") as f:
        f.write("A")
    r = run(WASMRUN, "--dir", d + "::/d", "--snapshot=leave_open", so, "-o",
            warm).must(1)
    holds(r.err, "the program has left its descriptor 4 open")
    assert not os.path.exists(warm)
    run(WASMRUN, "--dir", d + "::/d", "--snapshot=open_and_close", so, "-o",
        warm).must()
    equal(ask(warm, 0), str(1000000 + ord("A") * 100000 - 1) + "\n")


@case
def no_snapshot():
    so = reactor()
    warm = beside(so)
    for func, status, why in [
            ("quit", 1, "has called exit"), ("trap", 134, "unreachable"),
            ("answer", 1, "without parameters"),
            ("nothing", 1, "nothing")]:
        r = run(WASMRUN, f"--snapshot={func}", so, "-o", warm).must(status)
        holds(r.err, why)
        assert not os.path.exists(warm)
    for args in (["--snapshot", so], ["-o", warm, so],
                 ["--snapshot", "--invoke", "answer", "-o", warm, so]):
        run(WASMRUN, *args).must(2)
    with open(so, "r+b") as f:
        at = int(sections(so)[".wabi.meta"][2], 16) + 40
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0xa5]))
    r = run(WASMRUN, "--snapshot", so, "-o", warm).must(1)
    holds(r.err, "altered")
    r = run(WASMRUN, "--snapshot", reactor(), "-o",
            "/no/such/folder/x.so").must(1)
    holds(r.err, "/no/such/folder/x.so")


@case
def imported_memory():
    r = run(WASMRUN, "--unknown-imports", "trap", "--snapshot",
            WAT("snap_imports"), "-o", os.path.join(scratch(), "x.so"))
    r.must(1)


@case
def exceptions_and_tail_calls():
    """Unwinding and tail calls go on in a snapshot's code."""
    for name, func, out in [("snap_code", "thrown", "41\n"),
                            ("snap_code", "tail", "1000001\n")]:
        warm = os.path.join(scratch(), "warm.so")
        run(WASMRUN, "--snapshot=warm", WAT(name), "-o", warm).must()
        equal(run(WASMRUN, "--invoke", func, warm).must().out, out)


main()
