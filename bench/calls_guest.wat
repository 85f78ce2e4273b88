;; What bench/calls.c calls.
(module
  (type $t (func (param i32) (result i32)))
  (import "env" "array" (func $array (type $t)))
  (import "env" "typed" (func $typed (type $t)))
  (import "env" "yield" (func $yield (type $t)))
  (table funcref (elem $own))
  (func $own (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1)))
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "div") (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1)))
  (func (export "loop_own") (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (call_indirect (type $t) (local.get 1) (i32.const 0)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))
  (func (export "loop_array") (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (call $array (local.get 1)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))
  (func (export "loop_typed") (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (call $typed (local.get 1)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))
  (func (export "loop_yield") (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (call $yield (local.get 1)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))
