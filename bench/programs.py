# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The programs of bench/run.py: what they are made of and what they do.

A program is built twice from the same C, natively and as wasm, and run with
the same arguments and input."""
import glob
import os
import re
import shlex
import subprocess

from measure import CLANG, OUT, TOP, newer

KERNELS = os.path.join(TOP, "bench/kernels")
WASM = [CLANG, "--target=wasm32-wasi", "--sysroot=/usr", "-Wno-deprecated",
        "--no-wasm-opt", "-O2"]
NATIVE = [CLANG] + shlex.split(os.environ.get("NATIVE_FLAGS", "-O2"))


class Missing(Exception):
    """A program that cannot be had here; the text says why."""


class Program:
    def __init__(self, name, group, native, wasm, args=(), stdin=b"",
                 root=None):
        self.name, self.group = name, group
        self.native, self.wasm = native, wasm
        self.args, self.stdin, self.root = list(args), stdin, root


def build(cmd, out, *sources):
    """Compile unless out is newer than its sources and was made by the same
    command."""
    note = out + ".cmd"
    text = shlex.join(cmd)
    if newer(out, *sources) and os.path.exists(note):
        with open(note, encoding="utf-8") as f:
            if f.read() == text:
                return
    os.makedirs(os.path.dirname(out), exist_ok=True)
    p = subprocess.run(cmd + ["-o", out], capture_output=True, text=True,
                       cwd=TOP, check=False)
    if p.returncode:
        why = [x for x in p.stderr.splitlines() if "error" in x] or ["?"]
        raise Missing(f"{os.path.basename(out)}: {why[0]}")
    with open(note, "w", encoding="utf-8") as f:
        f.write(text)


def kernel(path, quick):
    name = os.path.basename(path)[:-2]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    full, small = re.search(r"^KERNEL\((\d+), (\d+)\)", text, re.M).groups()
    headers = glob.glob(os.path.join(KERNELS, "*.h"))
    native = os.path.join(OUT, "kernels", name)
    build(NATIVE + [path, "-lm"], native, path, *headers)
    build(WASM + [path], native + ".wasm", path, *headers)
    return Program(name, "kernels", native, native + ".wasm",
                   [small if quick else full])


def empty():
    """What does nothing: its time is that of starting and ending."""
    path = os.path.join(OUT, "kernels", "empty.c")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as f:
            f.write("int main(void) { return 0; }\n")
    build(NATIVE + [path], path[:-2], path)
    build(WASM + [path], path[:-2] + ".wasm", path)
    return Program("empty", "", path[:-2], path[:-2] + ".wasm")


def kernels(quick):
    """(name, function that makes it), in the order of names."""
    for path in sorted(glob.glob(os.path.join(KERNELS, "*.c"))):
        yield (os.path.basename(path)[:-2],
               lambda path=path: kernel(path, quick))


def real(quick):
    return ()
