#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 900
"""Tests of wasmrun and of generated code, with aarch64 in both places."""
import os
import sys

from libqemu import TOP, forward, prepare

SCRIPTS = ["cli/wasmrun.py", "wasi/programs.py", "exact/traps.py",
           "real/c_programs.py"]

prepare()
good = True
for script in SCRIPTS:
    good &= forward(os.path.splitext(script)[0],
                    [os.path.join(TOP, "tests", script)])
sys.exit(not good)
