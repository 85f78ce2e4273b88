;; What is a constant away from something that does not change in a loop that
;; calls, in each way, is what it is however far from the loop it was made.
(module
  (memory (export "m") 1)
  (global $sp (mut i32) (i32.const 4096))
  (global $n (mut i32) (i32.const 0))
  (table funcref (elem $a $b $c $d $e $f $g $h))
  (type $t (func (param i32) (result i32)))
  (func $a (type $t) (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (local.get 0))
  (func $b (type $t) (i32.add (call $a (local.get 0)) (i32.const 1)))
  (func $c (type $t) (i32.xor (call $b (local.get 0)) (i32.const 2)))
  (func $d (type $t) (i32.mul (call $c (local.get 0)) (i32.const 3)))
  (func $e (type $t) (i32.sub (call $d (local.get 0)) (i32.const 4)))
  (func $f (type $t) (i32.rotl (call $e (local.get 0)) (i32.const 5)))
  (func $g (type $t) (i32.or (call $f (local.get 0)) (i32.const 6)))
  (func $h (type $t) (i32.mul (call $g (local.get 0)) (i32.const 7)))
  (func $call (param $i i32) (param $x i32) (result i32)
    (call_indirect (type $t) (local.get $x) (i32.and (local.get $i)
      (i32.const 7))))

  ;; Variables on C's stack, whose places are sp less a constant, and what is
  ;; made of the arguments.
  (func (export "loop") (param $x i32) (param $y i64) (param $n i32)
      (result i64)
    (local $fp i32) (local $i i32) (local $s i64)
    (local.set $fp (i32.sub (global.get $sp) (i32.const 320)))
    (global.set $sp (local.get $fp))
    (loop $l
      (i32.store (i32.add (local.get $fp) (i32.const 24))
        (call $call (local.get $i) (i32.add (local.get $x) (i32.const 77))))
      (drop (call $call (i32.const 3) (i32.add (local.get $fp)
        (i32.const 24))))
      (local.set $s (i64.add (local.get $s) (i64.extend_i32_u (call $call
        (i32.const 1) (i32.load (i32.add (local.get $fp)
        (i32.const 24)))))))
      (i64.store (i32.sub (local.get $fp) (i32.const 64)) (local.get $s))
      (local.set $s (i64.xor (local.get $s) (i64.extend_i32_u (call $call
        (i32.const 2) (i32.and (local.get $x) (i32.const 0x7ffffffe))))))
      (local.set $s (i64.mul (local.get $s) (i64.or (i64.shr_u
        (local.get $y) (i64.const 7)) (i64.const 1))))
      (drop (call $call (i32.const 4) (i32.shl (local.get $x)
        (i32.const 3))))
      (local.set $s (i64.add (local.get $s) (i64.extend_i32_u (call $call
        (local.get $i) (i32.shr_u (local.get $x) (i32.const 9))))))
      (local.set $s (i64.rotl (i64.add (local.get $s) (i64.load
        (i32.sub (local.get $fp) (i32.const 64)))) (i64.and (i64.add
        (local.get $y) (i64.const 3)) (i64.const 63))))
      ;; wraps to the beginning of the memory
      (if (i32.eq (i32.and (local.get $i) (i32.const 3)) (i32.const 2))
        (then (local.set $s (i64.add (local.get $s) (i64.extend_i32_u
          (i32.load8_u (i32.add (i32.shl (local.get $x) (i32.const 31))
          (i32.const 0x80000010))))))
          (drop (call $call (i32.const 5) (i32.const 9)))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i)
        (i32.const 1))) (local.get $n))))
    (global.set $sp (i32.add (local.get $fp) (i32.const 320)))
    (i64.add (local.get $s) (i64.extend_i32_u (global.get $n))))
  (data (i32.const 16) "\2a"))
(assert_return (invoke "loop" (i32.const 0x1) (i64.const 5) (i32.const 1))
  (i64.const 39686))
(assert_return (invoke "loop" (i32.const 0x1) (i64.const 81985529216486895) (i32.const 9))
  (i64.const 7238778139291313175))
(assert_return (invoke "loop" (i32.const 0x7fffffff) (i64.const -1) (i32.const 16))
  (i64.const 8070450541802512864))
(assert_return (invoke "loop" (i32.const 0x80000001) (i64.const 64) (i32.const 33))
  (i64.const 469055029707799817))
