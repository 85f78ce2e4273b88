#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasmdump shows what toolchains leave in custom sections, damaged or not."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403


def vec(*items):
    return bytes([len(items)]) + b"".join(items)


def name(text):
    return bytes([len(text)]) + text.encode()


def section(number, payload):
    assert len(payload) < 128
    return bytes([number, len(payload)]) + payload


def custom(title, payload):
    return section(0, name(title) + payload)


MAGIC = b"\0asm\1\0\0\0"
PRODUCERS = vec(
    name("language") + vec(name("C11") + name(""), name("Rust") + name("1.95")),
    name("processed-by") + vec(name("clang") + name("22.1 (x\n)")))
TARGET = vec(b"+" + name("simd128"), b"-" + name("atomics"),
             b"=" + name("gc"))
# (func (param i32) (if (local.get 0) (then)) (br_if 0 (local.get 0)))
BODY = b"\0" + b"\x20\0\x04\x40\x0b" + b"\x20\0\x0d\0" + b"\x0b"
FUNC = [section(1, vec(b"\x60\1\x7f\0")), section(3, vec(b"\0"))]
CODE = section(10, vec(bytes([len(BODY)]) + BODY))


def hints(*pairs):
    return custom("metadata.code.branch_hint", vec(b"\0" + vec(
        *[bytes([at, 1, likely]) for at, likely in pairs])))


def dump(*parts, options=("-x", "-d")):
    path = os.path.join(scratch(), "m.wasm")
    with open(path, "wb") as f:
        f.write(MAGIC + b"".join(parts))
    return run(WASMDUMP, *options, path).must().out


@case
def producers():
    out = dump(custom("producers", PRODUCERS))
    holds(out, 'Producers:\n  "language": "C11"\n  "language": "Rust" "1.95"\n'
          '  "processed-by": "clang" "22.1 (x\\0a)"\n')


@case
def target_features():
    out = dump(custom("target_features", TARGET))
    holds(out, 'Target features:\n  + "simd128"\n  - "atomics"\n  = "gc"\n')


@case
def branch_hints():
    out = dump(*FUNC, hints((3, 0), (8, 1)), CODE)
    holds(out, "Branch hints:\n  func[0] at 0x")
    lines = out.splitlines()
    equal([line.split(": ")[1].strip() for line in lines
           if line.endswith("likely") and ": " in line],
          ["if unlikely", "br_if 0 likely"])


@case
def damaged():
    """Every truncation ends in a sentence or a shorter list, never worse."""
    for title, payload in [("producers", PRODUCERS),
                           ("target_features", TARGET)]:
        for n in range(len(payload)):
            out = dump(custom(title, payload[:n]))
            holds(out, "  damaged at byte 0x")
    holds(dump(custom("target_features", vec(b"?" + name("x")))), "damaged")
    # A count that nothing stands behind, a length beyond the section.
    holds(dump(custom("producers", b"\xff\xff\xff\xff\x0f")), "damaged")
    holds(dump(custom("producers", vec(b"\xff\xff\xff\xff\x0f"))), "damaged")
    # Hints that fit no function or stand in no order are left out.
    for bad in (hints((8, 1), (3, 0)), hints((200 & 127, 1)), hints((3, 2))):
        dump(*FUNC, bad, CODE)


main()
