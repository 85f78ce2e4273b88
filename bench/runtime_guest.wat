;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; What bench/runtime.c instantiates and calls: a memory of 17 pages with a
;; little data, as C compilers make it, and one function for each thing that is
;; measured.
(module
  (memory (export "memory") 17)
  (global $n (mut i32) (i32.const 0))
  (data (i32.const 1024) "the quick brown fox jumps over the lazy dog")

  ;; Write one byte in each of the first n pages of 4 KiB.
  (func (export "touch") (param $n i32) (result i32)
    (local $i i32)
    (loop $l
      (i32.store8 (i32.shl (local.get $i) (i32.const 12))
        (i32.add (local.get $i) (i32.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))

  (func (export "spin")
    (loop $l
      (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (br $l)))

  (func (export "trap_software") unreachable)
  (func (export "trap_memory")
    (i32.store (i32.const 0x7ffffff0) (i32.const 1)))

  ;; Work that no compiler shortens: n steps of a generator.
  (func (export "work") (param $n i32) (result i32)
    (local $x i32)
    (local.set $x (i32.const 1))
    (loop $l
      (local.set $x (i32.xor (local.get $x)
        (i32.shl (local.get $x) (i32.const 13))))
      (local.set $x (i32.xor (local.get $x)
        (i32.shr_u (local.get $x) (i32.const 17))))
      (local.set $x (i32.xor (local.get $x)
        (i32.shl (local.get $x) (i32.const 5))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $l (local.get $n)))
    (local.get $x))

  ;; Calls ...
  (func $fib (export "fib") (param i32) (result i32)
    (if (i32.lt_u (local.get 0) (i32.const 2))
      (then (return (local.get 0))))
    (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
      (call $fib (i32.sub (local.get 0) (i32.const 2)))))

  ;; ... and a sieve of n numbers, n at most a million: short loops, stores.
  (func (export "sieve") (param $n i32) (result i32)
    (local $i i32) (local $k i32) (local $primes i32)
    (memory.fill (i32.const 65536) (i32.const 0) (local.get $n))
    (local.set $i (i32.const 2))
    (loop $next
      (if (i32.eqz (i32.load8_u offset=65536 (local.get $i)))
        (then
          (local.set $primes (i32.add (local.get $primes) (i32.const 1)))
          (local.set $k (i32.shl (local.get $i) (i32.const 1)))
          (block $done
            (loop $strike
              (br_if $done (i32.ge_u (local.get $k) (local.get $n)))
              (i32.store8 offset=65536 (local.get $k) (i32.const 1))
              (local.set $k (i32.add (local.get $k) (local.get $i)))
              (br $strike)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $primes))

  ;; Too deep for every stack, and no loop in disguise.
  (func $deep (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (global.get $n))))
    (i32.sub (i32.const 7)
      (call $deep (i32.sub (local.get 0) (i32.const 1)))))
  (func (export "trap_stack")
    (global.set $n (call $deep (i32.const 0x7fffffff)))))
