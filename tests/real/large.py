#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that take long to compile: Ruby (24 MB), yq (25 MB of Go) and yosys
(31 MB of C++), against wasmtime or the native program."""
# timeout: 5400
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

RUBY = """
puts RUBY_VERSION, (1..30).inject(:*)
puts (1..200).select { |n| (2...n).none? { |d| n % d == 0 } }.sum
h = Hash.new { |hash, k| hash[k] = k < 2 ? k : hash[k - 1] + hash[k - 2] }
puts h[90], "%.10f" % Math.sqrt(2), [3, 1, 2].sort.inspect
begin
  raise ArgumentError, "caught"
rescue => e
  puts e.class, e.message
end
puts "a-b_c".tr("-_", "  ").split.map(&:upcase).join(","), "x" =~ /y/ || "nil"
"""
YAML = b"""
name: demo
list: [3, 1, 2]
nested: {b: 1, a: {deep: [x, y]}}
text: |
  several
  lines
---
name: second
"""

DESIGN = """
module counter(input clk, input rst, output reg [7:0] q, output carry);
  always @(posedge clk) if (rst) q <= 0; else q <= q + 1;
  assign carry = &q;
endmodule
"""


@case
def ruby():
    fetch("ruby")
    wasm = os.path.join(LANGS, "ruby-3.2.0.wasm")
    so = artifact(wasm)
    same_as_oracle(wasm, so, "-e", RUBY)


@case
def yq():
    fetch("yq")
    so = artifact(os.path.join(REAL, "go/yq.wasm"))
    root = scratch()
    for args in [[".nested.a.deep[1], (.list | sort)"],
                 ["-o=json", "."], ["-P", "sort_keys(..)"],
                 ['.list |= map(. * 2) | .new = "v"']]:
        same_as_native(os.path.join(REAL, "go/yq"), so, *args, input=YAML,
                       root=root)


@case
def yosys():
    if not os.environ.get("LONG"):
        skip("31 MB, for two compilers; LONG=1 runs it")
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
