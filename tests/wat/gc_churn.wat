;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; A list as long as one likes.
(module
  (type $node (struct (field (ref null $node)) (field i64)))
  (func (export "keep") (param $n i32) (result i32)
    (local $list (ref null $node)) (local $i i32)
    (loop $l
      (local.set $list (struct.new $node (local.get $list) (i64.const 1)))
      (br_if $l (i32.ne (local.get $n)
        (local.tee $i (i32.add (local.get $i) (i32.const 1))))))
    (local.set $i (i32.const 0))
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.eqz (ref.is_null (local.tee $list
        (struct.get $node 0 (local.get $list)))))))
    (local.get $i)))
