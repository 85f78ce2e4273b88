#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rules that the suite of the specification does not reach, as text.

Each case is a module and the beginning of the message that refuses it, None
if it is valid.  wasmtime's assembler, which does not validate, makes it
binary.
"""
import os
import subprocess
import sys
import tempfile

try:
    import wasmtime
except ImportError:
    python = os.environ.get("WASMTIME_PYTHON", "build/venv/bin/python")
    if os.environ.get("RULES_PY") or not os.path.exists(python):
        print("skip rules: no Python with wasmtime (make check-build)")
        sys.exit(0)
    os.environ["RULES_PY"] = "1"
    os.execv(python, [python, *sys.argv])

TOOL = os.path.join(os.environ.get("BIN", "build/bin"), "wasmdump")

CONT = """(type $f (func (param i32) (result i64)))
          (type $k (cont $f))
          (type $f0 (func (result i64)))
          (type $k0 (cont $f0))
          (tag $t (param f32) (result i32))
          (tag $e (param f64))
          (tag $s (result i64))
          """
CASES = [
    # Stack switching.
    ("cont_new", CONT + """(func $g (type $f) (i64.const 1))
        (elem declare func $g)
        (func (result (ref $k)) (cont.new $k (ref.func $g)))""", None),
    ("cont_new_other", CONT + """(func (param (ref $f0)) (result (ref $k))
        (cont.new $k (local.get 0)))""", "type mismatch"),
    ("cont_new_of_func", CONT + """(func (param (ref $f))
        (drop (cont.new $f (local.get 0))))""",
     "non-continuation type 0"),
    ("cont_bind", CONT + """(func (param (ref $k)) (result (ref $k0))
        (cont.bind $k $k0 (i32.const 1) (local.get 0)))""", None),
    ("cont_bind_less", CONT + """(func (param (ref $k0)) (result (ref $k))
        (cont.bind $k0 $k (local.get 0)))""", "type mismatch: cont.bind"),
    ("suspend", CONT + """(func (result i32)
        (suspend $t (f32.const 1)))""", None),
    ("suspend_bad", CONT + """(func (result i32)
        (suspend $t (i32.const 1)))""", "type mismatch: expected f32"),
    ("resume", CONT + """(func (param (ref $k)) (result i64)
        (resume $k (i32.const 1) (local.get 0)))""", None),
    ("resume_on", CONT + """(func (param (ref $k)) (result i64)
        (block $h (result f32 (ref $k))
          (return (resume $k (on $t $h) (i32.const 1) (local.get 0))))
        (drop) (drop) (i64.const 0))""", None),
    ("resume_on_bad", CONT + """(func (param (ref $k)) (result i64)
        (block $h (result f32 (ref $k0))
          (return (resume $k (on $t $h) (i32.const 1) (local.get 0))))
        (drop) (drop) (i64.const 0))""", "type mismatch: a handler's"),
    ("resume_on_no_cont", CONT + """(func (param (ref $k)) (result i64)
        (block $h (result f32)
          (return (resume $k (on $t $h) (i32.const 1) (local.get 0))))
        (drop) (i64.const 0))""", "type mismatch: a handler's label"),
    ("resume_throw", CONT + """(func (param (ref $k)) (result i64)
        (resume_throw $k $e (f64.const 1) (local.get 0)))""", None),
    ("resume_throw_bad", CONT + """(func (param (ref $k)) (result i64)
        (resume_throw $k $e (f32.const 1) (local.get 0)))""",
     "type mismatch: expected f64"),
    ("switch", """(rec (type $fa (func (param (ref null $kb)) (result i64)))
                       (type $kb (cont $fb))
                       (type $fb (func (param (ref null $ka)) (result i64)))
                       (type $ka (cont $fa)))
        (tag $s (result i64))
        (func (param (ref $ka)) (result (ref null $ka))
          (switch $ka $s (local.get 0)))""", None),
    ("cont_subtype", """(type $f (func)) (type $k (sub (cont $f)))
        (type $l (sub $k (cont $f)))
        (func (param (ref $l)) (result (ref $k)) (local.get 0))
        (func (param (ref $k)) (result contref) (local.get 0))
        (func (result (ref null $k)) (ref.null nocont))""", None),
    # Exceptions.
    ("catch_ref_label_not_null", """(tag $e)
        (func (block $h (result (ref exn))
            (try_table (catch_ref $e $h)) (return)) (drop))""", None),
    ("catch_all_ref_not_null", """
        (func (block $h (result (ref exn))
            (try_table (catch_all_ref $h)) (return)) (drop))""", None),
    ("catch_wrong_arity", """(tag $e (param i32))
        (func (block $h (try_table (catch $e $h))))""", "type mismatch"),
    # Local initialisation.
    ("init_in_both_arms", """(func (param i32) (local (ref func))
        (if (local.get 0)
          (then (local.set 1 (ref.as_non_null (ref.null func))))
          (else (local.set 1 (ref.as_non_null (ref.null func)))))
        (drop (local.get 1)))""", "uninitialized local 1"),
    ("init_inherited", """(func (local (ref func))
        (local.set 0 (ref.as_non_null (ref.null func)))
        (loop (drop (local.get 0))))""", None),
    ("init_tee", """(func (local (ref func))
        (drop (local.tee 0 (ref.as_non_null (ref.null func))))
        (drop (local.get 0)))""", None),
    # Memories and tables of both widths.
    ("copy_lengths", """(memory $a i64 1) (memory $b 1)
        (func (memory.copy $a $b (i64.const 0) (i32.const 0) (i32.const 0))
              (memory.copy $b $a (i32.const 0) (i64.const 0) (i32.const 0))
              (memory.copy $a $a (i64.const 0) (i64.const 0) (i64.const 0))
        )""", None),
    ("copy_length_wrong", """(memory $a i64 1) (memory $b 1)
        (func (memory.copy $a $b (i64.const 0) (i32.const 0) (i64.const 0)))
        """, "type mismatch: expected i32, found i64"),
    ("big_offset_64", """(memory i64 1) (func (drop
        (i32.load offset=0xffffffffffffffff (i64.const 0))))""", None),
    ("atomic_align", """(memory 1 1 shared) (func (drop
        (i32.atomic.load align=2 (i32.const 0))))""", "atomic alignment"),
    # Branches on references.
    ("br_on_cast_sub", """(type $a (sub (struct)))
        (type $b (sub $a (struct (field i32))))
        (func (param (ref null $a)) (result (ref null $b))
          (br_on_cast 0 (ref null $a) (ref null $b) (local.get 0))
          (drop) (ref.null $b))""", None),
    ("br_on_cast_up", """(type $a (sub (struct)))
        (type $b (sub $a (struct (field i32))))
        (func (param (ref null $b)) (result (ref null $a))
          (br_on_cast 0 (ref null $b) (ref null $a) (local.get 0))
          (drop) (ref.null $b))""", "type mismatch"),
    ("br_on_null_keeps", """(func (param funcref) (result i32)
        (br_on_null 0 (i32.const 1) (local.get 0)) (drop))""", None),
    # Globals in constant expressions.
    ("global_forward", """(global i32 (global.get 1))
        (global i32 (i32.const 1))""", "unknown global 1"),
    ("global_itself", "(global i32 (global.get 0))", "unknown global 0"),
    ("global_mutable", """(global (mut i32) (i32.const 1))
        (global i32 (global.get 0))""", "constant expression required"),
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, text, _ in CASES:
            with open(f"{folder}/{name}.wasm", "wb") as f:
                f.write(wasmtime.wat2wasm(f"(module {text})"))
        paths = [f"{folder}/{case[0]}.wasm" for case in CASES]
        out = subprocess.run([TOOL, "--validate", "--features", "all", *paths],
                             stdout=subprocess.PIPE, check=False)
    lines = out.stdout.decode().splitlines()
    if len(lines) != len(CASES):
        print(f"not ok rules: {len(lines)} answers of {len(CASES)}")
        return
    for (name, _, want), path, line in zip(CASES, paths, lines):
        said = line[len(path) + 2:]
        if said.startswith(want or "valid"):
            print(f"ok {name}")
        else:
            print(f"not ok {name}: {said!r}, not {want or 'valid'!r}")


main()
