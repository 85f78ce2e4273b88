;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Imports from two instances of gc.wat.
(module
  (type $node (struct (field $next (mut (ref null $node)))
                      (field $val (mut i64))))
  (import "one" "kept" (global $one (mut (ref null $node))))
  (import "two" "kept" (global $two (mut (ref null $node))))
  (import "one" "sum" (func $sum_one (result i64)))
  (func (export "cross")
    (local $t (ref null $node))
    (local.set $t (global.get $one))
    (global.set $one (global.get $two))
    (global.set $two (local.get $t)))
  (func (export "sum_one") (result i64) (call $sum_one)))
