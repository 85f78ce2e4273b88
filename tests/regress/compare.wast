;; Loops that compare bytes take eight at a time: every length, every place of
;; the first difference, and what is beyond the end of memory.
(module
  (memory 1 1)
  (global $steps (mut i32) (i32.const 0))
  ;; As libraries have it.
  (func $memcmp (export "memcmp") (param $a i32) (param $b i32) (param $n i32)
    (result i32)
    (local $x i32) (local $y i32)
    (block $equal
      (br_if $equal (i32.eqz (local.get $n)))
      (loop $next
        (if (i32.ne (local.tee $x (i32.load8_u (local.get $a)))
            (local.tee $y (i32.load8_u (local.get $b))))
          (then (return (i32.sub (local.get $x) (local.get $y)))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (br_if $next (local.tee $n (i32.sub (local.get $n)
          (i32.const 1))))))
    (i32.const 0))
  ;; How many are equal; with offsets.
  (func $length (export "length") (param $a i32) (param $b i32) (param $n i32)
    (result i32)
    (local $i i32)
    (block $end
      (br_if $end (i32.eqz (local.get $n)))
      (loop $next
        (br_if $end (i32.ne
          (i32.load8_u offset=3 (i32.add (local.get $a) (local.get $i)))
          (i32.load8_u offset=5 (i32.add (local.get $b) (local.get $i)))))
        (br_if $next (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (local.get $n)))))
    (local.get $i))
  ;; Something else grows too, and the count is of 64 bits.
  (func $grows (export "grows") (param $a i32) (param $b i32) (param $n i64)
    (result i64)
    (local $i i64) (local $x i64) (local $m i32)
    (local.set $m (i32.const 100))
    (block $end
      (loop $next
        (br_if $end (i32.ne (i32.load8_s (local.get $a))
          (i32.load8_s (local.get $b))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (local.set $x (i64.add (local.get $x) (i64.const 0x300000007)))
        (local.set $m (i32.sub (local.get $m) (i32.const 3)))
        (br_if $next (i64.ne (local.get $n) (local.tee $i (i64.add
          (local.get $i) (i64.const 1)))))))
    (i64.xor (i64.add (local.get $x) (i64.extend_i32_s (local.get $m)))
      (i64.extend_i32_u (local.get $a))))
  ;; How many are left, of a count down, and where.
  (func $left (export "left") (param $a i32) (param $b i32) (param $n i32)
    (result i32)
    (loop $next
      (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b)))
        (then (return (i32.add (i32.mul (local.get $n) (i32.const 65536))
          (local.get $b)))))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const -1))
  ;; One byte at a time, as each counts.
  (func $slow (param $a i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32)
    (global.set $steps (i32.const 0))
    (block $end
      (loop $next
        (br_if $end (i32.eq (local.get $i) (local.get $n)))
        (br_if $end (i32.ne
          (i32.load8_u (i32.add (local.get $a) (local.get $i)))
          (i32.load8_u (i32.add (local.get $b) (local.get $i)))))
        (global.set $steps (i32.add (global.get $steps) (i32.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.get $i))
  (func $sign (param i32) (result i32)
    (i32.sub (i32.gt_s (local.get 0) (i32.const 0))
      (i32.lt_s (local.get 0) (i32.const 0))))
  ;; n bytes at each; those from the place on differ.  How many results are
  ;; not as they should be?
  (func $one (param $a i32) (param $b i32) (param $n i32) (param $at i32)
    (result i32)
    (local $bad i32) (local $is i32)
    (memory.fill (local.get $a) (i32.const 0xa5) (local.get $n))
    (memory.fill (local.get $b) (i32.const 0xa5) (local.get $n))
    (if (i32.lt_u (local.get $at) (local.get $n)) (then
      (memory.fill (i32.add (local.get $b) (local.get $at)) (i32.const 0x5a)
        (i32.sub (local.get $n) (local.get $at)))))
    (local.set $is (call $slow (local.get $a) (local.get $b) (local.get $n)))
    (local.set $bad (i32.ne (local.get $is) (call $length
      (i32.sub (local.get $a) (i32.const 3))
      (i32.sub (local.get $b) (i32.const 5)) (local.get $n))))
    (local.set $bad (i32.add (local.get $bad) (i32.ne
      (i32.lt_u (local.get $is) (local.get $n))
      (call $sign (call $memcmp (local.get $a) (local.get $b)
        (local.get $n))))))
    (local.set $bad (i32.add (local.get $bad) (i32.ne
      (i32.sub (i32.const 0) (i32.lt_u (local.get $is) (local.get $n)))
      (call $sign (call $memcmp (local.get $b) (local.get $a)
        (local.get $n))))))
    (if (local.get $n) (then
      (local.set $bad (i32.add (local.get $bad) (i32.ne
        (call $left (local.get $a) (local.get $b) (local.get $n))
        (select
          (i32.add (i32.mul (i32.sub (local.get $n) (local.get $is))
              (i32.const 65536))
            (i32.add (local.get $b) (local.get $is)))
          (i32.const -1) (i32.lt_u (local.get $is) (local.get $n))))))
      (local.set $bad (i32.add (local.get $bad) (i64.ne
        (i64.xor (i64.add (i64.mul (i64.extend_i32_u (local.get $is))
            (i64.const 0x300000007))
          (i64.extend_i32_s (i32.sub (i32.const 100)
            (i32.mul (i32.const 3) (local.get $is)))))
          (i64.extend_i32_u (i32.add (local.get $a) (local.get $is))))
        (call $grows (local.get $a) (local.get $b)
          (i64.extend_i32_u (local.get $n))))))))
    (local.get $bad))
  (func $all (export "all") (param $a i32) (param $b i32) (param $max i32)
    (result i32)
    (local $n i32) (local $at i32) (local $bad i32)
    (loop $lengths
      (local.set $at (i32.const 0))
      (loop $places
        (local.set $bad (i32.add (local.get $bad) (call $one (local.get $a)
          (local.get $b) (local.get $n) (local.get $at))))
        (br_if $places (i32.le_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1)))
          (local.get $n))))
      (br_if $lengths (i32.le_u
        (local.tee $n (i32.add (local.get $n) (i32.const 1)))
        (local.get $max))))
    (local.get $bad))
  ;; The same that ends where the memory does, or so many bytes before.
  (func (export "at_end") (param $b i32) (param $before i32) (param $max i32)
    (result i32)
    (local $n i32) (local $at i32) (local $bad i32)
    (loop $lengths
      (local.set $at (i32.const 0))
      (loop $places
        (local.set $bad (i32.add (local.get $bad) (call $one
          (i32.sub (i32.sub (i32.const 65536) (local.get $before))
            (local.get $n))
          (local.get $b) (local.get $n) (local.get $at))))
        (br_if $places (i32.le_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1)))
          (local.get $n))))
      (br_if $lengths (i32.le_u
        (local.tee $n (i32.add (local.get $n) (i32.const 1)))
        (local.get $max))))
    (local.get $bad))
  (func (export "set") (param i32 i32)
    (i32.store8 (local.get 0) (local.get 1)))
  (func (export "clear")
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)))
)
(assert_return (invoke "all" (i32.const 1024) (i32.const 4096) (i32.const 40)) (i32.const 0))
(assert_return (invoke "all" (i32.const 1027) (i32.const 4093) (i32.const 40)) (i32.const 0))
(assert_return (invoke "all" (i32.const 4090) (i32.const 1021) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 0) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 1) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 2) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 3) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 4) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 5) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 6) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 7) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 8) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 9) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 10) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 11) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 12) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 13) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 14) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 15) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 16) (i32.const 40)) (i32.const 0))
(assert_return (invoke "at_end" (i32.const 300) (i32.const 17) (i32.const 40)) (i32.const 0))
;; Behind the end.
(invoke "clear")
(assert_return (invoke "memcmp" (i32.const 65530) (i32.const 0) (i32.const 6)) (i32.const 0))
(assert_trap (invoke "memcmp" (i32.const 65530) (i32.const 0) (i32.const 7)) "out of bounds memory access")
(assert_trap (invoke "memcmp" (i32.const 0) (i32.const 65530) (i32.const 7)) "out of bounds memory access")
(assert_trap (invoke "memcmp" (i32.const 0) (i32.const 64) (i32.const -1)) "out of bounds memory access")
(assert_trap (invoke "memcmp" (i32.const 65536) (i32.const 0) (i32.const 20)) "out of bounds memory access")
(assert_trap (invoke "memcmp" (i32.const -4) (i32.const 0) (i32.const 20)) "out of bounds memory access")
(assert_trap (invoke "memcmp" (i32.const 0) (i32.const -4) (i32.const 20)) "out of bounds memory access")
(assert_trap (invoke "length" (i32.const -8) (i32.const 0) (i32.const 20)) "out of bounds memory access")
(assert_trap (invoke "length" (i32.const -3) (i32.const 0) (i32.const 20)) "out of bounds memory access")
(assert_trap (invoke "length" (i32.const 0) (i32.const 65532) (i32.const 1)) "out of bounds memory access")
(assert_return (invoke "length" (i32.const 0) (i32.const 65530) (i32.const 1)) (i32.const 1))
(assert_trap (invoke "length" (i32.const 0) (i32.const 65530) (i32.const 2)) "out of bounds memory access")
;; A difference before it.
(invoke "set" (i32.const 65533) (i32.const 9))
(assert_return (invoke "memcmp" (i32.const 65500) (i32.const 0) (i32.const -1)) (i32.const 9))
(assert_return (invoke "memcmp" (i32.const 0) (i32.const 65500) (i32.const 1000)) (i32.const -9))
(assert_return (invoke "length" (i32.const 0) (i32.const 65500) (i32.const -1)) (i32.const 28))
(assert_return (invoke "length" (i32.const 65530) (i32.const 0) (i32.const 2)) (i32.const 0))
(invoke "set" (i32.const 65533) (i32.const 0))
;; A count that goes round.
(assert_trap (invoke "grows" (i32.const 0) (i32.const 8) (i64.const 0)) "out of bounds memory access")
(assert_trap (invoke "grows" (i32.const 0) (i32.const 8) (i64.const 0x100000000)) "out of bounds memory access")
(invoke "set" (i32.const 40) (i32.const 1))
(assert_return (invoke "grows" (i32.const 0) (i32.const 8) (i64.const 0)) (i64.const 412316860612))

;; Where an index wraps to a byte that exists.
(module
  (memory 65536)
  (func (export "length") (param $a i32) (param $b i32) (param $n i32)
    (result i32)
    (local $i i32)
    (block $end
      (loop $next
        (br_if $end (i32.ne
          (i32.load8_u (i32.add (local.get $a) (local.get $i)))
          (i32.load8_u (i32.add (local.get $b) (local.get $i)))))
        (br_if $next (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (local.get $n)))))
    (local.get $i))
  (func (export "set") (param i32 i32)
    (i32.store8 (local.get 0) (local.get 1)))
)
(assert_return (invoke "length" (i32.const -8) (i32.const 64) (i32.const 32)) (i32.const 32))
(assert_return (invoke "length" (i32.const 64) (i32.const -8) (i32.const 32)) (i32.const 32))
(assert_return (invoke "length" (i32.const -8) (i32.const -16) (i32.const 8)) (i32.const 8))
(invoke "set" (i32.const 5) (i32.const 1))
(assert_return (invoke "length" (i32.const -8) (i32.const 64) (i32.const 32)) (i32.const 13))
(assert_return (invoke "length" (i32.const 64) (i32.const -8) (i32.const 32)) (i32.const 13))
(assert_return (invoke "length" (i32.const -16) (i32.const 64) (i32.const 16)) (i32.const 16))
