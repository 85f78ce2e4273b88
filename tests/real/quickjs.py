#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QuickJS, a reactor, from a host in C that links to libwasmrt.so."""
# timeout: 600
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

EXPRESSIONS = [
    ("6 * 7", "42"),
    ("[3, 1, 2].sort().map(x => x ** 2).join()", "1,4,9"),
    ("JSON.stringify({a: [1, null, 'x'], b: {c: 0.1 + 0.2}})",
     '{"a":[1,null,"x"],"b":{"c":0.30000000000000004}}'),
    ("2n ** 100n + ''", "1267650600228229401496703205376"),
    ("'a-b-c'.replace(/-(\\w)/g, (m, c) => c.toUpperCase())", "aBC"),
    ("let f = n => n < 2 ? n : f(n - 1) + f(n - 2); f(20)", "6765"),
    ("try { null.x } catch (e) { e.name }", "TypeError"),
    ("throw new RangeError('far')", "exception: RangeError: far"),
    ("Math.sin(1).toFixed(12) + [..."
     "'\\u{1f600}x'].length", "0.8414709848082"),
]


@case
def quickjs():
    fetch("quickjs")
    wasm = os.path.join(REAL, "npm-quickjs-wasi/package/quickjs.wasm")
    so = artifact(wasm)
    lib = os.path.join(TOP, os.environ.get("LIB", "build/lib"))
    host = os.path.join(REAL, "so", "quickjs_host")
    run(*os.environ.get("CC", "clang-22").split(), "-I",
        os.path.join(TOP, "include"), "-O1", "-g", "-o", host,
        os.path.join(TOP, "tests/real/quickjs_host.c"), "-L", lib,
        "-lwasmrt", "-Wl,-rpath," + lib).must()
    r = run(host, so, *[e for e, _ in EXPRESSIONS]).must()
    equal(r.out.splitlines(), [v for _, v in EXPRESSIONS])


main()
