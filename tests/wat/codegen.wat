;; What tests/cli/codegen.py looks for in the code.
(module
  (memory (export "memory") 1 1)
  (func (export "likely") (param i32) (result i32)
    (@metadata.code.branch_hint "\01")
    (if (result i32) (local.get 0)
      (then (i32.const 1)) (else (i32.const 2))))
  (func (export "unlikely") (param i32) (result i32)
    (@metadata.code.branch_hint "\00")
    (if (result i32) (local.get 0)
      (then (i32.const 1)) (else (i32.const 2))))
  (func (export "br_unlikely") (param i32) (result i32)
    (block
      (@metadata.code.branch_hint "\00") (br_if 0 (local.get 0))
      (return (i32.const 1)))
    (i32.const 2))
  (func (export "plain") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.const 1)) (else (i32.const 2))))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1)))

  ;; Loops that are vectorised in their copies.
  (func (export "copy") (param $a i32) (param $b i32) (param $n i32)
    (loop $l
      (i32.store (local.get $b) (i32.load (local.get $a)))
      (local.set $a (i32.add (local.get $a) (i32.const 4)))
      (local.set $b (i32.add (local.get $b) (i32.const 4)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; Of the kind that C compilers make: unrolled, the end on the left.
  (func (export "unrolled") (param $a i32) (param $b i32) (param $n i32)
    (local $i i32) (local $end i32)
    (local.set $end (i32.and (local.get $n) (i32.const 0x7ffffffe)))
    (loop $l
      (i32.store (local.get $b) (i32.add (i32.load (local.get $b))
        (i32.load (local.get $a))))
      (i32.store (i32.add (local.get $b) (i32.const 4)) (i32.add
        (i32.load (i32.add (local.get $b) (i32.const 4)))
        (i32.load (i32.add (local.get $a) (i32.const 4)))))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (br_if $l (i32.ne (local.get $end) (local.tee $i (i32.add
        (local.get $i) (i32.const 2)))))))
  ;; A counter that ends at 0 is the address too.
  (func (export "to_zero") (param $f f64) (local $x i32) (local $y i32)
    (local.set $x (i32.const -4000))
    (loop $l
      (f64.store (i32.add (local.get $x) (i32.const 16384)) (f64.mul
        (local.get $f) (f64.load (i32.add (local.get $x)
        (i32.const 24576)))))
      (br_if $l (local.tee $x (i32.add (local.get $x) (i32.const 8))))))
  ;; Each element needs the one before: not to be vectorised.
  (func (export "chain") (param $a i32) (param $n i32)
    (loop $l
      (i32.store offset=4 (local.get $a) (i32.mul (i32.load (local.get $a))
        (i32.const 5)))
      (local.set $a (i32.add (local.get $a) (i32.const 4)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; Words moved on by eights, and one changed: the next round loads eight
  ;; bytes of which it stored four.  And where it stored one.
  (func (export "moved_on") (param $a i32) (param $n i32) (local $x i64)
    (local $to i32)
    (local.set $to (i32.or (local.get $a) (i32.const 4)))
    (loop $l
      (local.set $x (i64.load (local.get $a)))
      (i32.store offset=8 (local.get $to) (i32.load offset=8 (local.get $a)))
      (i64.store align=4 (local.get $to) (local.get $x))
      (i32.store (local.get $a) (i32.add (local.get $n) (i32.load offset=12
        (local.get $a))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "moved_on_bytes") (param $a i32) (param $n i32) (local $x i64)
    (loop $l
      (local.set $x (i64.load (local.get $a)))
      (i64.store offset=8 (local.get $a) (local.get $x))
      (i32.store8 offset=5 (local.get $a) (local.get $n))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; Bytes, compared as words; and not, as something is stored for each.
  (func (export "compare") (param $a i32) (param $b i32) (param $n i32)
    (result i32)
    (loop $l
      (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b)))
        (then (return (local.get $n))))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 0))
  (func (export "compare_and_count") (param $a i32) (param $b i32)
    (param $n i32) (result i32)
    (loop $l
      (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b)))
        (then (return (local.get $n))))
      (i32.store (i32.const 0) (local.get $n))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 0))
  ;; The way down in a heap: which child is data, and nobody can predict it.
  (func (export "sift") (param $a i32) (param $n i32) (param $x i32)
    (result i32)
    (local $i i32) (local $child i32) (local $p i32)
    (loop $l
      (local.set $child (i32.or (i32.shl (local.get $i) (i32.const 1))
        (i32.const 1)))
      (local.set $p (i32.add (local.get $a) (i32.shl (local.get $child)
        (i32.const 2))))
      (local.set $child (select
        (i32.add (local.get $child) (i32.const 1)) (local.get $child)
        (i32.gt_u (i32.load offset=4 (local.get $p))
          (i32.load (local.get $p)))))
      (if (i32.gt_u (i32.load (i32.add (local.get $a) (i32.shl
          (local.get $child) (i32.const 2)))) (local.get $x))
        (then
          (i32.store (i32.add (local.get $a) (i32.shl (local.get $i)
            (i32.const 2))) (i32.load (i32.add (local.get $a) (i32.shl
            (local.get $child) (i32.const 2)))))
          (local.set $i (local.get $child))
          (br_if $l (i32.lt_u (local.get $i) (local.get $n))))))
    (local.get $i))
  ;; Four lanes of a hash, downward, at an index whose low bits are known.
  (func (export "lanes") (result i64)
    (local $x i32) (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local.set $x (i32.const -4096))
    (loop $l
      (local.set $a (i64.rotl (i64.add (local.get $a) (i64.load (i32.add
        (local.get $x) (i32.const 8216)))) (i64.const 7)))
      (local.set $b (i64.rotl (i64.add (local.get $b) (i64.load (i32.add
        (local.get $x) (i32.const 8208)))) (i64.const 7)))
      (local.set $c (i64.rotl (i64.add (local.get $c) (i64.load (i32.add
        (local.get $x) (i32.const 8200)))) (i64.const 7)))
      (local.set $d (i64.rotl (i64.add (local.get $d) (i64.load (i32.add
        (local.get $x) (i32.const 8192)))) (i64.const 7)))
      (br_if $l (local.tee $x (i32.add (local.get $x) (i32.const 32)))))
    (i64.add (i64.mul (local.get $a) (i64.const 3)) (i64.add (local.get $b)
      (i64.xor (local.get $c) (local.get $d)))))
  ;; Vectors of 128 bits that become longer: b = a * s + b, and one that needs
  ;; what it loaded in the iteration before.
  (func (export "wide") (param $a i32) (param $b i32) (param $n i32)
    (param $f f64)
    (loop $l
      (v128.store (local.get $b) (f64x2.add (v128.load (local.get $b))
        (f64x2.mul (v128.load (local.get $a)) (f64x2.splat (local.get $f)))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "wide_delayed") (param $a i32) (param $b i32) (param $n i32)
    (local $x v128) (local $y v128)
    (loop $l
      (local.set $y (v128.load (local.get $a)))
      (v128.store (local.get $b) (f64x2.mul (local.get $y) (i8x16.shuffle
        8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 (local.get $x)
        (local.get $y))))
      (local.set $x (local.get $y))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; A sum, without a store; and one of floating point, whose order counts.
  (func (export "wide_sum") (param $a i32) (param $n i32) (result i32)
    (local $x v128)
    (loop $l
      (local.set $x (i32x4.add (local.get $x) (i32x4.mul
        (v128.load (local.get $a)) (v128.load offset=4096 (local.get $a)))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (i32x4.extract_lane 0 (local.get $x)) (i32.add
      (i32x4.extract_lane 1 (local.get $x)) (i32.add
      (i32x4.extract_lane 2 (local.get $x))
      (i32x4.extract_lane 3 (local.get $x))))))
  (func (export "float_sum") (param $a i32) (param $n i32) (result f64)
    (local $x v128)
    (loop $l
      (local.set $x (f64x2.add (local.get $x) (v128.load (local.get $a))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (f64.add (f64x2.extract_lane 0 (local.get $x))
      (f64x2.extract_lane 1 (local.get $x))))
  ;; The next iteration needs what this one stores.
  (func (export "wide_chain") (param $a i32) (param $n i32)
    (loop $l
      (v128.store offset=16 (local.get $a) (f64x2.add (v128.load
        (local.get $a)) (v128.load offset=16 (local.get $a))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "far") (param $x i32) (result i32)
    (i32.add (i32.load (local.get $x))
      (i32.add (i32.load (i32.sub (local.get $x) (i32.const 65536)))
        (i32.load (i32.sub (local.get $x) (i32.const 131072))))))
  ;; The longer of two choices is made first.
  (func (export "steps") (param $x i64) (result i64) (local $n i64)
    (loop $next
      (local.set $n (i64.add (local.get $n) (i64.const 1)))
      (local.set $x (select
        (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 1))
        (i64.shr_u (local.get $x) (i64.const 1))
        (i32.wrap_i64 (i64.and (local.get $x) (i64.const 1)))))
      (br_if $next (i64.ne (local.get $x) (i64.const 1))))
    (local.get $n))
  ;; An interpreter of bytes, ten of which are instructions.
  (func (export "interpret") (param $pc i32) (result i32) (local $x i32)
    (loop $next
      (local.set $pc (i32.add (local.get $pc) (i32.const 1)))
      (block $end
        (block $8 (block $7 (block $6 (block $5 (block $4
        (block $3 (block $2 (block $1 (block $0
          (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $end (i32.load8_u
            (local.get $pc))))
          (local.set $x (i32.add (local.get $x) (i32.const 3)))
          (br $next))
          (local.set $x (i32.mul (local.get $x) (i32.const 4)))
          (br $next))
          (local.set $x (i32.xor (local.get $x) (i32.const 5)))
          (br $next))
          (local.set $x (i32.sub (local.get $x) (i32.const 6)))
          (br $next))
          (local.set $x (i32.rotl (local.get $x) (i32.const 7)))
          (br $next))
          (local.set $x (i32.or (local.get $x) (i32.const 8)))
          (br $next))
          (local.set $x (i32.shl (local.get $x) (i32.const 9)))
          (br $next))
          (local.set $x (i32.shr_u (local.get $x) (i32.const 10)))
          (br $next))
          (local.set $x (i32.and (local.get $x) (i32.const 11)))
          (br $next))
      (return (local.get $x)))
    (unreachable))
  (func $twice (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 2)))
  (func (export "caller") (param i32) (result i32)
    (i32.add (call $twice (local.get 0)) (i32.const 1))))
