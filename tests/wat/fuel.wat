;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Something to count.
(module
  (import "env" "h" (func $h))
  (memory (export "memory") 1)
  (global $n (export "n") (mut i32) (i32.const 0))
  (func $start (global.set $n (i32.const 1)))	;; 3
  (start $start)
  (func (export "set") (param i32)		;; 3
    (global.set $n (local.get 0)))
  (func (export "count") (param i32)		;; 1 + 9 n
    (loop $l
      (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "host") (call $h) (call $h)))	;; 3
