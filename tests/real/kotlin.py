#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program of Kotlin/Wasm: objects of a collected heap, casts, closures,
strings, exceptions as they were and as they are."""
# timeout: 900
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

# What the same program prints on wasmtime.
EXPECTED = b"""\
Circle(r=0.5)=0.75, Circle(r=2.0)=12.0, Rect(w=3.0, h=4.5)=13.5
12000148600216 667 true
72500
cast
bounds
the:3 brown:1 dog:1 end:1 fox:1 jumps:1 lazy:1 over:1 quick:1
956722026041
n0n5000n10000n15000
4
0.3333333333333333
-4
"""


def prints_the_same(name, *options, env=None):
    fetch("kotlin")
    so = artifact(os.path.join(REAL, f"kotlin/{name}.wasm"), *options)
    r = run(WASMRUN, so, env=env, timeout=300, binary=True)
    equal((r.code, r.out), (0, EXPECTED), r.err[-300:])


@case
def exnref():
    prints_the_same("exnref")


@case
def legacy():
    prints_the_same("legacy")


@case
def explicit_bounds_with_fuel():
    prints_the_same("exnref", "--bounds=explicit", "--fuel")


@case
def collected_at_every_allocation():
    """Slow: what is lost by the collector is overwritten at once."""
    if not os.environ.get("LONG"):
        skip("takes minutes: --long")
    prints_the_same("exnref", env={"WASMRT_GC": "zeal"})


main()
