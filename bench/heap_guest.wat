;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; A heap of many objects, of which some are replaced by new ones: what
;; bench/heap.c runs.
(module
  (type $node (struct (field i32) (field (ref null $node))))
  (type $slots (array (mut (ref null $node))))
  (global $all (mut (ref null $slots)) (ref.null $slots))
  (global $last (mut (ref null $node)) (ref.null $node))
  (global $x (mut i32) (i32.const 1))

  ;; n objects that live, each in a slot of its own.
  (func (export "fill") (param $n i32) (result i32)
    (local $k i32)
    (global.set $all (array.new_default $slots (local.get $n)))
    (loop $l
      (array.set $slots (global.get $all) (local.get $k)
        (struct.new $node (local.get $k) (ref.null $node)))
      (local.set $k (i32.add (local.get $k) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $k) (local.get $n))))
    (array.len (global.get $all)))

  ;; n new objects, of which so many of 100 take the place of an old one, any,
  ;; and the others live until the next comes.
  (func (export "churn") (param $n i32) (param $percent i32) (result i32)
    (local $x i32) (local $len i32)
    (local.set $x (global.get $x))
    (local.set $len (array.len (global.get $all)))
    (loop $l
      (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525))
        (i32.const 1013904223)))
      (global.set $last
        (struct.new $node (local.get $x) (ref.null $node)))
      (if (i32.lt_u (i32.rem_u (i32.shr_u (local.get $x) (i32.const 8))
          (i32.const 100)) (local.get $percent))
        (then
          (array.set $slots (global.get $all)
            (i32.wrap_i64 (i64.shr_u (i64.mul
              (i64.extend_i32_u (local.get $x))
              (i64.extend_i32_u (local.get $len))) (i64.const 32)))
            (global.get $last))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $l (local.get $n)))
    (global.set $x (local.get $x))
    (local.get $x)))
