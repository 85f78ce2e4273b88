;; For tests/api/cont.c: continuations as a host meets them.
(module $conts
  (type $f (func)) (type $k (cont $f))
  (type $fi (func (param i32) (result i32))) (type $ki (cont $fi))
  (type $r (func (result i32))) (type $kr (cont $r))
  (import "env" "cb" (func $cb (param i32) (result i32)))
  (tag $t (result i32))
  (tag $e (export "e") (param i32))
  (table $tab (export "tab") 4 (ref null $ki))
  (table $many 4096 (ref null $kr))
  (global $g (export "g") (mut (ref null $ki)) (ref.null $ki))
  (global $n (mut i32) (i32.const 0))

  ;; suspends; in a nested call there is nobody to hear it
  (func $wait (export "wait") (result i32) (suspend $t))

  ;; a continuation that calls the host, which may call back
  (func $host (param i32) (result i32) (call $cb (local.get 0)))
  (func $run (param $f (ref $fi)) (param $x i32) (result i32)
    (block $on (result (ref $ki))
      (return (resume $ki (on $t $on) (local.get $x)
        (cont.new $ki (local.get $f)))))
    (global.set $g)
    (i32.const -1))
  (func (export "host") (param i32) (result i32)
    (call $run (ref.func $host) (local.get 0)))
  ;; the same, two continuations deep, with values in registers
  (func $host2 (param i32) (result i32) (local $x i32)
    (local.set $x (i32.mul (local.get 0) (i32.const 3)))
    (i32.add (local.get $x) (call $run (ref.func $host) (local.get 0))))
  (func (export "host2") (param i32) (result i32)
    (call $run (ref.func $host2) (local.get 0)))
  (func (export "catch") (param i32) (result i32)
    (block $h (result i32)
      (try_table (result i32) (catch $e $h)
        (call $run (ref.func $host2) (local.get 0)))))

  ;; traps, some frames and continuations deep
  (func $divide (param i32) (result i32)
    (i32.div_u (i32.const 100) (local.get 0)))
  (func $inner (param i32) (result i32)
    (i32.add (i32.const 1) (call $divide (local.get 0))))
  (func $middle (param i32) (result i32)
    (i32.add (i32.const 1) (call $run (ref.func $inner) (local.get 0))))
  (func $outer (export "divide") (param i32) (result i32)
    (i32.add (i32.const 1) (call $run (ref.func $middle) (local.get 0))))
  (func $throws (param i32) (result i32) (throw $e (local.get 0)))
  (func (export "throw") (param i32) (result i32)
    (call $run (ref.func $throws) (local.get 0)))

  ;; one that is left for a later call
  (func $later (param i32) (result i32)
    (i32.add (local.get 0) (suspend $t)))
  (func (export "leave") (param i32)
    (drop (call $run (ref.func $later) (local.get 0))))
  (func (export "go-on") (param i32) (result i32)
    (resume $ki (local.get 0) (global.get $g)))
  (func (export "get") (result (ref null $ki)) (global.get $g))
  (func (export "give") (param (ref null $ki)))

  ;; many at once, with stacks
  (func $sleep (param i32) (result i32)
    (i32.add (local.get 0) (suspend $t)))
  (table $all 40000 (ref null $ki))
  (func (export "alive") (param $n i32)
    (local $i i32)
    (loop $l
      (block $on (result (ref $ki))
        (drop (resume $ki (on $t $on) (local.get $i)
          (cont.new $ki (ref.func $sleep))))
        (unreachable))
      (global.set $g)
      (table.set $all (local.get $i) (global.get $g))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (local.get $n)))))
  (func (export "dropped") (param $n i32)
    (loop $l
      (block $on (result (ref $ki))
        (drop (resume $ki (on $t $on) (local.get $n)
          (cont.new $ki (ref.func $sleep))))
        (unreachable))
      (drop)
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "unbegun") (param $n i32)
    (loop $l
      (table.grow $all (cont.new $ki (ref.func $sleep)) (i32.const 1))
      (br_if $l (i32.ne (i32.const -1)))))

  ;; to be killed in
  (func $spin (param i32) (result i32) (loop $l (br $l)) (unreachable))
  (func (export "spin") (param i32) (result i32)
    (call $run (ref.func $spin) (local.get 0)))
  (func $yields (param i32) (result i32)
    (loop $l (drop (suspend $t)) (br $l)) (unreachable))
  (func (export "churn") (param i32) (result i32)
    (local $k (ref null $ki))
    (loop $new
      (local.set $k (cont.new $ki (ref.func $yields)))
      (local.set 0 (i32.const 100))
      (loop $l
        (block $on (result (ref $ki))
          (drop (resume $ki (on $t $on) (i32.const 1) (local.get $k)))
          (unreachable))
        (local.set $k)
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (br $new))
    (unreachable))
  (func $stop (param i32) (result i32) (i32.const 1))
  (func (export "short") (param i32) (result i32)
    (loop $new
      (drop (call $run (ref.func $stop) (i32.const 1)))
      (br $new))
    (unreachable))
  (func $recurse (param i32) (result i32)
    (i32.add (i32.const 1) (call $recurse (i32.add (local.get 0)
      (i32.const 1)))))
  (func (export "recurse") (param i32) (result i32)
    (call $run (ref.func $recurse) (local.get 0)))
  (func $nest (param i32) (result i32)
    (i32.add (i32.const 1) (call $run (ref.func $nest) (local.get 0))))
  (func (export "endless") (param i32) (result i32)
    (call $run (ref.func $nest) (local.get 0)))

  ;; 2 * n resumes and suspends
  (func (export "pairs") (param $n i32) (result i32)
    (local $k (ref null $ki))
    (local.set $k (cont.new $ki (ref.func $yields)))
    (loop $l
      (block $on (result (ref $ki))
        (drop (resume $ki (on $t $on) (i32.const 1) (local.get $k)))
        (unreachable))
      (local.set $k)
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 5))

  ;; n with a bound value
  (func (export "bound") (param $n i32) (result i32)
    (loop $l
      (drop (resume $kr (cont.bind $ki $kr (i32.const 1)
        (cont.new $ki (ref.func $stop)))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 6))
  ;; n that begin and return
  (func (export "runs") (param $n i32) (result i32)
    (loop $l
      (drop (call $run (ref.func $stop) (i32.const 1)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 6))

  (elem declare func $host $host2 $inner $middle $throws $later $sleep $spin
    $yields $stop $recurse $nest))
