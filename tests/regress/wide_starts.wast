;; Loops of vectors of which one begins at x | c: whether that is x + c is
;; asked where the check is made, and there is none yet when the loop is judged.
(module
  (memory (export "memory") 2)
  (global $sp (mut i32) (i32.const 1024))
  ;; In front one that gets no copy, for its places are not regular.
  (func (export "twice") (param $n i32)
    (local $a i32) (local $b i32) (local $i i32)
    (local.set $i (local.get $n))
    (loop $l
      (i32.store offset=16384 (i32.shl (i32.mul (local.get $i) (local.get $i))
        (i32.const 2)) (local.get $i))
      (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (local.set $a (i32.or (global.get $sp) (i32.const 8)))
    (local.set $b (i32.or (global.get $sp) (i32.const 4)))
    (local.set $i (local.get $n))
    (loop $l
      (v128.store (local.get $a) (i32x4.add (v128.load (local.get $a))
        (v128.const i32x4 1 2 3 4)))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (local.set $i (local.get $n))
    (loop $l
      (v128.store (local.get $b) (i32x4.sub (v128.load (local.get $b))
        (v128.const i32x4 4 3 2 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
  (func (export "begin") (param i32) (global.set $sp (local.get 0)))
  (func (export "sum") (result i32)
    (local $i i32) (local $s i32)
    (loop $l
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31))
        (i32.load (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 8192))))
    (local.get $s)))

(invoke "twice" (i32.const 100))
(assert_return (invoke "sum") (i32.const 0xef617600))
(invoke "begin" (i32.const 1036))
(invoke "twice" (i32.const 37))
(assert_return (invoke "sum") (i32.const 0x52a5c3ac))
