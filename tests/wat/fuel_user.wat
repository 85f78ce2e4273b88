;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Calls the other one's function.
(module
  (import "env" "set" (func $set (param i32)))
  (func (export "run") (call $set (i32.const 9))))	;; 3
