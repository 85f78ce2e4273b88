#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The examples do what they say."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

EXAMPLES = os.path.join(TOP, OUT, "examples")


@case
def hello():
    so = os.path.join(EXAMPLES, "hello.so")
    equal(run(WASMRUN, so).must().out, "Hello, world!\n")
    equal(run(WASMRUN, so, "you").must().out, "Hello, you!\n")


@case
def embed():
    r = run(os.path.join(EXAMPLES, "embed"),
            os.path.join(EXAMPLES, "guest_embed.so")).must()
    equal(r.out, 'guest: counting\n4 words in "the quick brown fox"\n'
          "42 / 6 = 7\n42 / 0: integer divide by zero in divide\n"
          "42 / 7 = 6\n")


main()
