;; Tables of many targets, values on the branches.  GHSA-mghf
(repeat $n 1 5 1
(module
  (func (export "f") (param i32) (result i32)
    (block $d (result i32) (block $c (result i32) (block $b (result i32)
      (block $a (result i32)
        (br_table (repeat $i 0 {n*4000} 4 $a $b $c $d) $c
          (i32.const 100) (local.get 0)))
      (return (i32.add (i32.const 1))))
      (return (i32.add (i32.const 2))))
      (return (i32.add (i32.const 3))))
    (i32.const 4) (i32.add)))
(assert_return (invoke "f" (i32.const 0)) (i32.const 101))
(assert_return (invoke "f" (i32.const 1)) (i32.const 102))
(assert_return (invoke "f" (i32.const 3)) (i32.const 104))
(assert_return (invoke "f" (i32.const {n*4000-1})) (i32.const 104))
(assert_return (invoke "f" (i32.const {n*4000-4})) (i32.const 101))
(assert_return (invoke "f" (i32.const {n*4000})) (i32.const 103))
(assert_return (invoke "f" (i32.const -1)) (i32.const 103))
(assert_return (invoke "f" (i32.const 0x80000000)) (i32.const 103)))
