#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""yosys, 31 MB of C++, against wasmtime."""
# timeout: 3600
# long
import os
import re
import sys

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

DESIGN = """
module counter(input clk, input rst, output reg [7:0] q, output carry);
  always @(posedge clk) if (rst) q <= 0; else q <= q + 1;
  assign carry = &q;
endmodule
"""


@case
def yosys():
    fetch("yosys")
    wasm = os.path.join(REAL, "npm-yowasp-yosys/package/gen/yosys.core.wasm")
    root = scratch()
    with open(os.path.join(root, "in.v"), "w", encoding="utf-8") as f:
        f.write(DESIGN)
    so = artifact(wasm)
    args = ["-q", "-p", "read_verilog /in.v; proc; opt; tee -o /stat.txt stat;"
            " write_rtlil /out.il"]
    if not os.path.exists(ORACLE):
        skip("wasmtime's Python package is not installed")
    results = []
    for argv in [[ORACLE, os.path.join(TOP, "tests/real/liboracle.py"), wasm,
                  root, *args],
                 [WASMRUN, "--argv0", "yosys.core.wasm", "--dir",
                  root + "::/", so, *args]]:
        run(*argv, timeout=1200).must()
        texts = []
        for name in ["stat.txt", "out.il"]:
            path = os.path.join(root, name)
            with open(path, encoding="utf-8") as f:
                texts.append(f.read())
            os.remove(path)
        results.append(texts)
    if "cell $add" not in results[0][1]:
        fail("wasmtime's output is not as expected")
    equal(results[1], results[0])


main()
