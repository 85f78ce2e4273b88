#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--relaxed-simd-deterministic and --nan-canonicalize: the results, the same
for constants and for operands that are not known, at every level."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                ".."))
from libtest import *  # noqa: E402,F403

# As wasmtime has them with relaxed_simd_deterministic.
DETERMINISTIC = {
    "swizzle": (4097, 216735732067205120),
    "trunc_s": (9223372032559808512, -2147483648),
    "trunc_d": (9223372032559808512, 0),
    "trunc_u": (-4294967296, -5561842185709551616),
    "sel8": (252553427165347712, 252553427165347712),
    "sel16": (281472829194240, 561850458505344),
    "sel32": (9223372034707292160, 4294967295),
    "sel64": (-9223372036854775808, 9223372036854775807),
    "min": (9205357640488583168, -9223372034707292160),
    "max": (9221120237041090560, 0),
    "q15": (422206022713343, 0),
    "dot": (2250152660336896, -9223372028263858165),
    "dotadd": (-1606317768957, -2723009265635),
    "madd": (9187343236413259774, -9223372035752722432),
}
LEVELS = ("-O0", "-O2")


def results(name, *flags):
    r = run(WASMRUN, *flags, "--invoke", name, WAT("switches"),
            *(["0"] if name.endswith("_v") else [])).must(0)
    return tuple(int(x) for x in r.out.split())


@case
def deterministic():
    for name, want in DETERMINISTIC.items():
        for level in LEVELS:
            for form in ("", "_v"):
                equal(results(name + form, level,
                              "--relaxed-simd-deterministic"), want,
                      f"{name}{form} {level}")


@case
def relaxed_is_one_choice():
    """Folding a constant must not choose another of the allowed results."""
    for cpu in ("x86-64-v2", "native"):
        for name in DETERMINISTIC:
            want = results(name, "-O0", "--cpu", cpu)
            for level in LEVELS:
                for form in ("", "_v"):
                    equal(results(name + form, level, "--cpu", cpu), want,
                          f"{name}{form} {level} {cpu}")


@case
def fused_or_refused():
    r = run(WASMRUN, "--cpu", "x86-64-v2", "--relaxed-simd-deterministic",
            "--invoke", "madd", WAT("switches")).must(1)
    holds(r.err, "FMA")


@case
def canonical_nans():
    names = "div sub sqrt add mul min max ceil floor trunc nearest".split()
    narrow = ["nan_" + n for n in names + ["demote"]]
    wide = ["nan_wide_" + n for n in names + ["promote"]]
    for level in LEVELS:
        for form in ("", "_v"):
            for name in narrow:
                equal(results(name + form, level, "--nan-canonicalize"),
                      (0x7fc00000,), f"{name}{form} {level}")
            for name in wide:
                equal(results(name + form, level, "--nan-canonicalize"),
                      (0x7ff8 << 48,), f"{name}{form} {level}")


@case
def other_nans_are_kept():
    for level in LEVELS:
        r = run(WASMRUN, level, "--nan-canonicalize", "--invoke", "keeps",
                WAT("switches"), str(0x7fa00001)).must(0)
        equal(int(r.out) & 0xffffffff, 0xffa00001)


@case
def artifact_says_so():
    so = os.path.join(scratch(), "a.so")
    run(WASMC, "--nan-canonicalize", "--relaxed-simd-deterministic", "-o", so,
        WAT("switches")).must(0)
    r = run(WASMDUMP, "-x", so).must(0)
    holds(r.out, "--relaxed-simd-deterministic")
    holds(r.out, "--nan-canonicalize")


main()
