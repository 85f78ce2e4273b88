#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Go and Rust programs: shfmt, ripgrep."""
# timeout: 1800
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

SCRIPT = b"""if true;then
echo "a   b"   |  tr a-z A-Z >/dev/null;fi
f ( ) { local x=$(( 1+2 )); case $x in 3) echo three;; *) echo other ;; esac; }
cat <<EOF
  here $x
EOF
"""


def go(name):
    return os.path.join(REAL, "go", name)


@case
def shfmt():
    fetch("shfmt")
    so = artifact(go("shfmt.wasm"))
    root = scratch()
    same_as_native(go("shfmt"), so, "-i", "2", input=SCRIPT, root=root)
    same_as_native(go("shfmt"), so, "--to-json", input=SCRIPT, root=root)
    equal(wasmrun(so, input=b"if\n", root=root).code, 1)


@case
def ripgrep():
    fetch("ripgrep")
    wasm = os.path.join(REAL, "cargo/rg.wasm")
    so = artifact(wasm)
    root = scratch()
    for i in range(20):
        os.makedirs(os.path.join(root, f"d{i % 4}"), exist_ok=True)
        with open(os.path.join(root, f"d{i % 4}", f"f{i}.txt"), "w",
                  encoding="utf-8") as f:
            f.writelines(f"line {j} of file {i}: {j * i % 97:02x} \u00e4\n"
                         for j in range(200))
    for args in [["--sort", "path", "-n", r"of file 1\d?: 5[0-9a-f]", "/"],
                 ["--sort", "path", "-c", r"(?i)LINE 1\d\d", "/"],
                 ["--sort", "path", "-o", r"\w+ \u00e4$", "/d3"],
                 ["absent word", "/", "--sort", "path", "--stats", "-q"]]:
        if args[0] == "absent word":
            equal(wasmrun(so, *args[:2], root=root).code, 1)
            continue
        same_as_oracle(wasm, so, *args, root=root)


main()
