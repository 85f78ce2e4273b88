#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The front end alone against the specification's suite.

Every binary module of the suite is validated: those of assert_invalid and
assert_malformed must be refused, all others accepted.  Nothing is compiled or
run.  The texts that the suite expects begin most of our messages; how many
differ is bounded, so that a change that loses them is seen.
"""
import glob
import json
import os
import subprocess
import sys

SPEC = os.environ.get("SPEC", "../shared/spec")
TOOL = os.path.join(os.environ.get("BIN", "build/bin"), "wasmdump")
REFUSED = ("assert_invalid", "assert_malformed")

# The threads set asserts that several tables and memories are invalid, which
# 3.0 took back; with these features off it is as it was.
FEATURES = {"threads": "default,-multi-memory,-reference-types"}

# Faults that the suite sees in another order than we do.
TEXTS_MAY_DIFFER = 30


def modules(commands, folder):
    for c in commands:
        if c["type"] == "thread":
            yield from modules(c["commands"], folder)
            continue
        name = c.get("binary_filename") or c.get("filename")
        if not name or name.endswith(".wat") or c["type"].endswith("_custom"):
            continue
        yield c["line"], c["type"], c.get("text", ""), f"{folder}/{name}"


def check_set(name):
    """Validate a set in one process; returns texts that differ."""
    jobs = []
    for path in sorted(glob.glob(f"{SPEC}/{name}/*/*.json")):
        with open(path, encoding="utf-8") as f:
            jobs += modules(json.load(f)["commands"], os.path.dirname(path))
    out = subprocess.run(
        [TOOL, "--validate", "--features", FEATURES.get(name, "default"), "-"],
        input="".join(job[3] + "\n" for job in jobs).encode(),
        stdout=subprocess.PIPE, check=False)
    lines = out.stdout.decode("utf-8", "replace").splitlines()
    if out.returncode not in (0, 1) or len(lines) != len(jobs):
        print(f"not ok {name}: wasmdump ended with {out.returncode} after "
              f"{len(lines)} of {len(jobs)} modules")
        return 0
    wrong, differ = [], 0
    for (line, kind, text, path), said in zip(jobs, lines):
        said = said[len(path) + 2:]
        if (said != "valid") != (kind in REFUSED):
            wrong.append(f"{path} (line {line}, {kind}): {said}")
        elif kind in REFUSED and not said.startswith(text):
            differ += 1
    if wrong:
        print(f"not ok {name}: {len(wrong)} of {len(jobs)}, first {wrong[0]}")
    else:
        print(f"ok {name}")
    return differ


def main():
    if not os.path.isdir(SPEC):
        print(f"skip spec: no {SPEC} (set SPEC)")
        return
    differ = sum(check_set(name) for name in sorted(os.listdir(SPEC))
                 if os.path.isdir(f"{SPEC}/{name}"))
    if differ > TEXTS_MAY_DIFFER:
        print(f"not ok texts: {differ} differ, at most {TEXTS_MAY_DIFFER} may")
    else:
        print("ok texts")


main()
sys.exit(0)
