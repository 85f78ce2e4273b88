;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; The start function traps: nothing may be called.
(module
  (func $f (unreachable))
  (start $f)
  (func (export "call") (result i32) (i32.const 1)))
