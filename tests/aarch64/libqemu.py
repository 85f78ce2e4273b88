# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The runtime for aarch64 under qemu-user.

OUT is a folder that looks like build/ to other tests: the programs in its bin/
run the cross-built ones, its wasmc compiles for aarch64.  The memory mode is
plain where a test does not say otherwise: qemu keeps a record of every page of
a mapping, so that a pool's address space costs it seconds.
"""
import os
import platform
import re
import resource
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
CROSS = os.path.join(TOP, "build/aarch64")
OUT = os.path.join(CROSS, "qemu")
QEMU = ["qemu-aarch64", "-L", os.path.join(CROSS, "sysroot")]
CASE = re.compile(r"^(ok|not ok|skip) ([^:]*)(.*)$")


def unavailable():
    """Why nothing can be run here, or None."""
    if platform.machine() == "aarch64":
        return "this machine is one: every test is this test"
    if not shutil.which(QEMU[0]):
        return "qemu-aarch64 is not installed (Debian: qemu-user)"
    p = subprocess.run([os.path.join(TOP, "tests/aarch64/fetch")], text=True,
                       capture_output=True, check=False)
    return p.stderr.strip().split("\n")[-1] if p.returncode else None


def program(name, text):
    path = os.path.join(OUT, "bin", name)
    new = f"{path}.{os.getpid()}"
    with open(new, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(new, 0o755)
    os.replace(new, path)


def prepare():
    """Ends the program where nothing can be run."""
    why = unavailable()
    if why:
        print(f"skip aarch64: {why}")
        sys.exit(0)
    if not os.path.exists(os.path.join(CROSS, "bin/wasmrun")):
        print("not ok aarch64: not built (make aarch64)")
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.makedirs(os.path.join(OUT, "bin"), exist_ok=True)
    wasmc = os.path.join(OUT, "bin/wasmc")
    program("wasmc", "#!/bin/sh\n"
            f'exec "{TOP}/build/bin/wasmc" --target=aarch64-linux-gnu "$@"\n')
    for name in "wasmrun", "spectest":
        program(name, f'#!/bin/sh\nWASMC="{wasmc}" '
                f'WASMRT_MEMORY="${{WASMRT_MEMORY:-plain}}" '
                f'exec {QEMU[0]} -L "{QEMU[2]}" "{CROSS}/bin/{name}" "$@"\n')


def forward(name, argv, wanted=lambda case: True, env=None):
    """Run a test program and print its cases under the name.  True: it
    succeeded."""
    p = subprocess.run(argv, cwd=TOP, stdin=subprocess.DEVNULL, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       errors="replace", check=False,
                       env={**os.environ, "OUT": OUT, **(env or {})})
    cases, good = 0, True
    for line in p.stdout.splitlines():
        m = CASE.match(line)
        if not m or not wanted(m.group(2)):
            continue
        cases += 1
        good = good and m.group(1) != "not ok"
        print(f"{m.group(1)} {name} {m.group(2)}{m.group(3)}", flush=True)
    if not cases or (p.returncode and good):
        why = " ".join(p.stdout.split())[-300:]
        print(f"not ok {name}: exit {p.returncode}: {why}", flush=True)
        good = False
    return good
