#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 600
"""wasmc --cache-dir: parts of a module that were compiled before are taken
from the folder, and the artifact is the same as without."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403
from libwasm import const, get, module  # noqa: E402

FUNCTIONS, EACH = 60, 50000


def large(changed=None, longer=0):
    """A module of several parts.  Function i adds i to what it is given and
    touches that place; `changed` adds 1000 more.  nop fills them up."""
    out = []
    for i in range(FUNCTIONS):
        code = get(0) + const(i + (1000 if i == changed else 0)) + \
            b"\x6a\x22\0" + b"\x2d\0\0\x1a" + get(0)
        fill = EACH - len(code) + (longer if i == changed else 0)
        out.append((f"name_{i}", 0, b"\1" * fill + code))
    path = os.path.join(scratch(), "large.wasm")
    with open(path, "wb") as f:
        f.write(module(out))
    return path


def compile_it(wasm, *options, env=None):
    """The artifact's bytes, parts, how many of them the cache had, how many
    are new in it."""
    so = wasm + ".so"
    # The name is in debug information: the folder is left out of it.
    r = run(WASMC, "-q", "-O1", "--time-passes", *options, "large.wasm", "-o",
            so, env=env, cwd=os.path.dirname(wasm)).must()
    parts = int(re.search(r"in all, (\d+) parts?", r.err)[1])
    m = re.search(r"(\d+)  parts from the cache, (\d+) new", r.err)
    with open(so, "rb") as f:
        return (f.read(), parts) + tuple(int(x) for x in m.groups()
                                         if m) if m else (f.read(), parts)


def cached(wasm, folder, *options):
    return compile_it(wasm, "--cache-dir", folder, *options)


def entries(folder):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder)
                  for f in files)


@case
def same_bytes():
    wasm, folder = large(), os.path.join(scratch(), "cache")
    plain, parts = compile_it(wasm)
    if parts < 4:
        fail(f"{parts} parts: the test is none")
    equal(cached(wasm, folder), (plain, parts, 0, parts), "the first")
    equal(cached(wasm, folder), (plain, parts, parts, 0), "the second")
    equal(len(entries(folder)), parts, "files")
    equal(compile_it(wasm, env={"WASMC_CACHE_DIR": folder}),
          (plain, parts, parts, 0), "by the environment")
    equal(cached(wasm, ""), (plain, parts, 0, 0), "switched off")


@case
def other_options_other_objects():
    wasm, folder = large(), scratch()
    parts = cached(wasm, folder)[1]
    for option in "-O2", "--bounds=explicit", "--fuel", "--cpu=x86-64-v2", \
            "--emit=obj":
        if option == "--cpu=x86-64-v2" and os.uname().machine != "x86_64":
            continue
        equal(cached(wasm, folder, option)[2:], (0, parts), option)


@case
def one_function_changed():
    """Only the part that has it is compiled, though all behind it moves."""
    folder = scratch()
    parts = cached(large(), folder)[1]
    for longer in 0, 7, 40000:
        wasm = large(changed=10, longer=longer)
        got = cached(wasm, folder)
        equal(got[1:], (parts, parts - 1, 1), f"{longer} bytes longer")
        equal(got[0] == compile_it(wasm)[0], True, "the same bytes")


@case
def offsets_in_all_parts():
    """A trap names its place in the module, whichever part it is in, and so
    does the line table."""
    wasm, folder = large(changed=20, longer=5), scratch()
    with open(wasm, "rb") as f:
        data = f.read()
    at, places = 0, []
    for _ in range(FUNCTIONS):
        at = data.index(b"\x2d\0\0\x1a", at) + 1
        places.append(at - 1)
    for _ in range(2):
        cached(wasm, folder)
        lines = run("objdump", "-dl", "--no-show-raw-insn", wasm + ".so").out
        for i in 0, 1, 20, 21, 40, FUNCTIONS - 1:
            r = run(WASMRUN, "--invoke", f"f{i}", wasm + ".so", "70000")
            holds(r.err, "out of bounds")
            holds(r.err, f"name_{i}")
            holds(r.err, f"0x{places[i]:x}")
            holds(lines, f"large.wasm:{places[i]}\n")
            r = run(WASMRUN, "--invoke", f"f{i}", wasm + ".so", "1").must()
            equal(int(r.out), 1 + i + (1000 if i == 20 else 0), f"f{i}")


@case
def damage_is_found():
    wasm, folder = large(), scratch()
    plain, parts, _, _ = cached(wasm, folder)
    files = entries(folder)
    with open(files[0], "r+b") as f:            # one bit, in the code
        f.seek(os.path.getsize(files[0]) // 2)
        b = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([b[0] ^ 1]))
    os.truncate(files[1], os.path.getsize(files[1]) - 1)
    os.truncate(files[2], 3)
    os.rename(files[3], files[3] + "x")         # another's under its name
    with open(files[4 % len(files)], "rb") as f:
        other = f.read()
    with open(files[3], "wb") as f:
        f.write(other)
    equal(cached(wasm, folder), (plain, parts, parts - 4, 4))
    equal(cached(wasm, folder), (plain, parts, parts, 0), "mended")


@case
def what_is_no_file():
    wasm, folder = large(), scratch()
    plain, parts, _, _ = cached(wasm, folder)
    files = entries(folder)
    os.remove(files[0])
    os.mkfifo(files[0])
    os.remove(files[1])
    os.symlink("/dev/zero", files[1])
    os.remove(files[2])
    os.mkdir(files[2])
    got = cached(wasm, folder)
    equal((got[0] == plain,) + got[1:], (True, parts, parts - 3, 2))


@case
def folders_of_others():
    wasm, folder = large(), scratch()
    os.chmod(folder, 0o770)
    r = run(WASMC, "-q", "--cache-dir", folder, wasm, "-o", wasm + ".so")
    r.must(1)
    holds(r.err, "others may write to it")
    r = run(WASMC, "-q", "--cache-dir", "/nowhere/at/all", wasm, "-o",
            wasm + ".so").must(1)
    holds(r.err, "No such file")
    equal(os.path.exists(wasm + ".so"), False)


@case
def limited():
    """Above the limit what was not used for the longest time goes."""
    folder = scratch()
    parts = cached(large(), folder)[1]
    old = entries(folder)
    os.makedirs(os.path.join(folder, "00"), exist_ok=True)
    oldest = os.path.join(folder, "00", "0" * 62)
    stale = os.path.join(folder, "tmp.1.1")
    for path, size in (oldest, 3 << 20), (stale, 1000):
        with open(path, "wb") as f:
            f.truncate(size)
        os.utime(path, (1000, 1000))
    changed = large(changed=3)
    got = cached(changed, folder, "--cache-size=1")
    equal(got[1:], (parts, parts - 1, 1))
    left = entries(folder)
    equal((oldest in left, stale in left), (False, False), "the old")
    equal([p for p in old if p not in left], [], "the young")
    equal(got[0] == compile_it(changed)[0], True)


@case
def several_at_once():
    wasm, folder = large(), scratch()
    plain = compile_it(wasm)[0]
    procs = [subprocess.Popen(
        [WASMC, "-q", "-O1", "--cache-dir", folder, "large.wasm", "-o",
         f"{wasm}.{i}.so"], cwd=os.path.dirname(wasm)) for i in range(4)]
    for i, p in enumerate(procs):
        equal(p.wait(100), 0)
        with open(f"{wasm}.{i}.so", "rb") as f:
            equal(f.read() == plain, True, f"process {i}")
    equal([f for f in entries(folder) if "tmp." in f], [])


main()
