#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 900
"""Arguments and results of random types arrive, however a function is called.

    tests/fuzz/signatures.py [FIRST [COUNT]]

What fails is left in build/fuzz/signatures-NUMBER.  DIFF_MODULES is how many
scripts of three modules are made without arguments: 6, with --long 200.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from libtest import *  # noqa: E402,F403
import libsignatures  # noqa: E402

WAYS = [["-O0"], ["-O2"], ["-O3", "--bounds=explicit"]]
FOLDER = os.path.join(TOP, "build/fuzz")


def check(number):
    folder = os.path.join(FOLDER, f"signatures-{number}")
    os.makedirs(folder, exist_ok=True)
    wast = os.path.join(folder, "script.wast")
    with open(wast, "w", encoding="utf-8") as f:
        f.write(libsignatures.script(number))
    subprocess.run([sys.executable, os.path.join(TOP, "tests/wast2json.py"),
                    wast, folder], check=True)
    for way in WAYS:
        p = subprocess.run([SPECTEST, "-j1", "--features=all", *way, folder],
                           capture_output=True, text=True, check=False)
        if p.returncode:
            fail(f"{wast} {' '.join(way)}: " +
                 " ".join(p.stdout.strip().split("\n")[:2]))
    shutil.rmtree(folder)
    return 1


def main():
    if not os.path.exists(ORACLE):
        print("skip all: no Python with wasmtime (make check-build)")
        return 0
    return numbered(check, "script", long_or_not(200, 6))


use_oracle()
sys.exit(main())
