#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 1200
"""The runtime's tests in C on aarch64."""
import os
import sys

from libqemu import CROSS, QEMU, forward, prepare

# What qemu-user has not: limits of the address space of the guest's own,
# userfaultfd.  They are tested natively.
LEFT_OUT = {
    "unit/rt_oom": "the address space is qemu's",
    "unit/rt_pages": "qemu-user has no userfaultfd",
    "api/limits": "the address space is qemu's",
    "unit/rt_fork": "qemu-user's own locks are not forked",
    "api/beside": "qemu-user's own locks are not forked",
    "api/timeouts": "qemu-user's own locks are not forked",
    # qemu notes every page of a mapping, so that a pool takes it seconds.
    "api/clone": "its many pools take qemu minutes",
    "api/kill_states": "its many pools take qemu minutes",
    "api/limit_rows": "its many pools take qemu minutes",
    "api/misuse": "the stand-in for the compiler answers otherwise",
    "api/nested": "its many pools take qemu minutes",
    "api/pool": "its many pools take qemu minutes",
    "api/stats": "its many pools take qemu minutes",
}

prepare()
good = True
for folder in "unit", "api":
    path = os.path.join(CROSS, "tests", folder)
    for program in sorted(os.listdir(path) if os.path.isdir(path) else []):
        file = os.path.join(path, program)
        reason = LEFT_OUT.get(f"{folder}/{program}")
        if reason:
            print(f"skip {folder}/{program}: {reason}")
        elif os.path.isfile(file):
            good &= forward(f"{folder}/{program}", [*QEMU, file])
sys.exit(not good)
