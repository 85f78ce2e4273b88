#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""LLVM's options that the compiler sets: LLVM passes over what it does not
know, so llc, which does not, is asked for the names and the defaults."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

LLC = shutil.which("llc-22") or "/usr/lib/llvm-22/bin/llc"


def source(name):
    with open(os.path.join(TOP, "compiler", name), encoding="utf-8") as f:
        return f.read()


def llc(*options):
    if not os.path.exists(LLC):
        skip("no llc-22")
    return run(LLC, *options, "-", "-o", os.devnull)


def as_printed(value):
    return {"true": "1", "false": "0"}.get(value, value)


@case
def defaults():
    rows = re.findall(r'\tK\("([\w-]+)", "(\w+)", "(\w+)"\)',
                      source("knobs.c"))
    if len(rows) < 10:
        fail(f"{len(rows)} rows were found")
    printed = dict(re.findall(r"^ +--([\w-]+) += (\S+)", llc(
        "-print-all-options").must().out, re.M))
    for name, default, few in rows:
        equal(printed.get(name), as_printed(default), name)
        llc(f"-{name}={default}").must()
        llc(f"-{name}={few}").must()


@case
def always_set():
    text = source("lower_exact.c")
    body = text[text.index("\nx_options(void)"):]
    options = re.findall(r'"(-[^"]+)"', body[:body.index("\n}\n")])
    if len(options) < 5:
        fail(f"{options} are all that were found")
    for o in options:
        llc(o).must()


main()
