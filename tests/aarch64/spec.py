#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 3600
"""The specification's tests on aarch64: what depends on the machine, and with
LONG=1 the whole core.  The sets of the proposals in any case."""
import os
import sys

from libqemu import OUT, TOP, forward, prepare

FILES = """
    address address0 align bulk block br_if br_table call call_indirect
    conversions data elem endianness f32 f32_bitwise f32_cmp f64 f64_bitwise
    f64_cmp fac float_exprs float_literals float_memory float_misc func
    func_ptrs global i32 i64 if imports int_exprs int_literals labels
    left-to-right linking load loop memory_copy memory_fill memory_grow
    memory_init memory_redundancy memory_trap nop ref_func return select
    skip-stack-guard-page stack start store switch table_copy table_grow
    traps unreachable unwind
    simd_bit_shift simd_bitwise simd_boolean simd_conversions simd_f32x4_arith
    simd_f32x4_cmp simd_f32x4_pmin_pmax simd_f32x4_rounding simd_f64x2_arith
    simd_i16x8_q15mulr_sat_s simd_i32x4_dot_i16x8 simd_i32x4_trunc_sat_f64x2
    simd_i8x16_arith2 simd_lane simd_load_extend simd_splat simd_store8_lane
    address64 array array_copy br_on_cast call_ref extern i31 instance memory64
    memory_trap64 ref_cast ref_test return_call return_call_indirect
    return_call_ref struct tag throw throw_ref try_table type-subtyping
""".split()
# Whole sets beside the core.
SETS = "custom-page-sizes", "legacy", "threads", "wide-arithmetic"

prepare()
root = os.environ.get("SPEC", os.path.join(TOP, "../shared/spec"))
core = os.path.join(root, "core")
if not os.path.isdir(core):
    print(f"skip spec: no {core} (set SPEC)")
    sys.exit(0)
paths = [core] if os.environ.get("LONG") else \
    [os.path.join(core, name) for name in FILES]
paths += [os.path.join(root, name) for name in SETS]
good = forward("spec", [os.path.join(OUT, "bin/spectest"), "-j", "2", *paths])
sys.exit(not good)
