;; Continuations of several instances, and host frames between.

(module $gen
  (type $f (func)) (type $k (cont $f))
  (tag $t (export "t") (param i32))
  (global $n (mut i32) (i32.const 0))
  (func $body
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (suspend $t (global.get $n))
    (global.set $n (i32.add (global.get $n) (i32.const 10)))
    (suspend $t (global.get $n)))
  (elem declare func $body)
  (func (export "new") (result (ref $k)) (cont.new $k (ref.func $body)))
  (func (export "yield") (param i32) (suspend $t (local.get 0))))
(register "gen")
(module $user
  (type $f (func)) (type $k (cont $f))
  (import "gen" "t" (tag $t (param i32)))
  (import "gen" "new" (func $new (result (ref $k))))
  (import "gen" "yield" (func $yield (param i32)))
  (func $mine (call $yield (i32.const 100)) (call $yield (i32.const 200)))
  (elem declare func $mine)
  (func $sum (param $k (ref $k)) (result i32) (local $s i32) (local $v i32)
    (loop $l
      (block $on (result i32 (ref $k))
        (resume $k (on $t $on) (local.get $k))
        (return (local.get $s)))
      (local.set $k) (local.set $v)
      (local.set $s (i32.add (local.get $s) (local.get $v)))
      (br $l))
    (unreachable))
  (func (export "theirs") (result i32) (call $sum (call $new)))
  (func (export "mine") (result i32)
    (call $sum (cont.new $k (ref.func $mine)))))
(assert_return (invoke "theirs") (i32.const 12))
(assert_return (invoke "mine") (i32.const 300))
(assert_return (invoke "theirs") (i32.const 34))

;; A tag that only looks alike.
(module
  (type $f (func)) (type $k (cont $f))
  (import "gen" "new" (func $new (result (ref $k))))
  (tag $t (param i32))
  (func (export "other")
    (block $on (result i32 (ref $k))
      (resume $k (on $t $on) (call $new)) (return))
    (drop) (drop)))
(assert_suspension (invoke "other") "unhandled tag")
