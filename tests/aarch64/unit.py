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
    "api/misuse": "the stand-in for the compiler answers otherwise",
    "api/levels": "the stand-in for the compiler has one level",
}
# qemu notes every page of a mapping, so that a pool takes it seconds.
LONG = {"clone", "kill_states", "limit_rows", "nested", "pool", "seams",
        "services", "stats"}
# Cases that are run in any case, of those of which all take too long.
SOME = {
    "api/shared": ["wait_results", "first_touch_by_several_threads"],
    "api/slices": ["registers_of_all_kinds", "in_a_vectorised_loop",
                   "in_exceptions", "resumed_on_other_threads"],
    "api/suspend": ["more_values_than_registers", "values_of_every_type",
                    "crowd_goes_on_each_time_on_another_thread",
                    "suspended_stack_keeps_objects",
                    "suspended_stack_keeps_exceptions"],
}
IS_LONG = bool(os.environ.get("LONG"))

prepare()
good = True
for folder in "unit", "api":
    path = os.path.join(CROSS, "tests", folder)
    for program in sorted(os.listdir(path) if os.path.isdir(path) else []):
        file = os.path.join(path, program)
        name = f"{folder}/{program}"
        reason = LEFT_OUT.get(name)
        if program in LONG and not IS_LONG:
            reason = "its pools take qemu minutes; LONG=1 runs it"
        if reason:
            print(f"skip {name}: {reason}")
        elif os.path.isfile(file):
            cases = [] if IS_LONG else SOME.get(name, [])
            good &= forward(name, [*QEMU, file, *cases])
sys.exit(not good)
