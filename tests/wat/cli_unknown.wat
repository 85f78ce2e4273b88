;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Imports a function that nobody has.
(module
  (import "nowhere" "nothing" (func $f (param i32) (result i32)))
  (func (export "call") (result i32) (call $f (i32.const 1)))
  (func (export "leave") (result i32) (i32.const 7)))
