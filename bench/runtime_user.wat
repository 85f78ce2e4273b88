;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; A guest that calls what it imports: n times, each call with the result of the
;; one before.
(module
  (import "env" "add" (func $add (param i32 i32) (result i32)))
  (memory (export "memory") 17)
  (func (export "loop") (param $n i32) (result i32)
    (local $sum i32)
    (loop $l
      (local.set $sum (call $add (local.get $sum) (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $l (local.get $n)))
    (local.get $sum)))
