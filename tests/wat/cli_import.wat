;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Imports from a preloaded module, and one function that nobody has.
(module
  (import "lib" "add" (func $add (param i32 i32) (result i32)))
  (import "lib" "counter" (func $counter (result i32)))
  (func (export "sum") (result i32)
    (call $add (call $counter) (i32.const 1000))))
