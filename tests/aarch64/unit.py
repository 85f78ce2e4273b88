#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 900
"""The runtime's tests in C on aarch64."""
import os
import sys

from libqemu import CROSS, QEMU, forward, prepare

prepare()
good = True
for folder in "unit", "api":
    path = os.path.join(CROSS, "tests", folder)
    for program in sorted(os.listdir(path) if os.path.isdir(path) else []):
        file = os.path.join(path, program)
        if os.path.isfile(file):
            good &= forward(f"{folder}/{program}", [*QEMU, file])
sys.exit(not good)
