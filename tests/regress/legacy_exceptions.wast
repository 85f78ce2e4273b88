;; Legacy exceptions: what the specification's scripts leave out.  The module is
;; binary, for the assembler does not know them:
;;
;; (module
;;   (tag $e (param i32))
;;   (tag $f (param i64))
;;   (func $throw (param i32) (throw $e (local.get 0)))
;;   (func $unreachable (unreachable))
;;   (func $deep (param i32) (result i32)
;;     (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))
;;   (func (export "unreachable")
;;     (try (do (call $unreachable)) (catch_all)))
;;   (func (export "overflow")
;;     (try (do (drop (call $deep (i32.const 0)))) (catch_all)))
;;   (func (export "rethrow-outer") (param i32) (result i32)
;;     (try $outer (result i32)
;;       (do
;;         (try $x (do (try $y (do (call $throw (local.get 0)))
;;                   (delegate $outer)))
;;              (catch_all (unreachable)))
;;         (i32.const 1))
;;       (catch $e (i32.add (pop i32) (i32.const 1000)))))
;;   (func (export "rethrow-inner") (param i32) (result i32)
;;     (local $n i32)
;;     (try $a (result i32)
;;       (do (try $b (result i32)
;;         (do (call $throw (local.get 0)) (i32.const 0))
;;         (catch $e
;;           (local.set $n (pop i32))
;;           (try $c (do (rethrow $b))
;;             (catch $e (local.set $n (i32.add (pop i32) (local.get $n)))))
;;           (try $d (do (rethrow $b))
;;             (catch_all (local.set $n (i32.add (local.get $n) (i32.const 5)))))
;;           (rethrow $b))))
;;       (catch $e (i32.add (pop i32) (local.get $n)))))
;;   (func (export "out") (param i32)
;;     (try $a (do (call $throw (local.get 0)))
;;       (catch $f (drop (pop i64)))
;;       (catch_all (try $b (do (call $throw (i32.const 8))) (catch_all))
;;         (rethrow $a))))
;;   (func (export "delegate-out") (param i32)
;;     (try $a (do (try $b (do (call $throw (local.get 0))) (delegate 1)))
;;       (catch_all (unreachable))))
;;   (func (export "unused") (param i32) (result i32)
;;     (drop (try $a (result i32) (do (i32.const 1)) (catch $e (drop (pop i32)) (rethrow $a))
;;       (catch_all (i32.const 3))))
;;     (unreachable))
;;   (func (export "churn") (param i32)
;;     (local $k i32)
;;     (loop $l
;;       (try $a (do (call $throw (local.get 0)))
;;         (catch $e (local.set $k (pop i32))
;;           (if (i32.eq (local.get $k) (i32.const -1)) (rethrow $a))))
;;       (try $a (do (try $b (do (call $throw (local.get 0)))
;;           (catch_all (rethrow $b))))
;;         (catch $e (drop (pop i32))))
;;       (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
(module binary
  "\00\61\73\6d\01\00\00\00\01\11\04\60\01\7f\00\60\01\7f\01\7f\60\00\00\60"
  "\01\7e\00\03\0c\0b\00\02\01\02\02\01\01\00\00\01\00\0d\05\02\00\00\00\03"
  "\07\60\08\0b\75\6e\72\65\61\63\68\61\62\6c\65\00\03\08\6f\76\65\72\66\6c"
  "\6f\77\00\04\0d\72\65\74\68\72\6f\77\2d\6f\75\74\65\72\00\05\0d\72\65\74"
  "\68\72\6f\77\2d\69\6e\6e\65\72\00\06\03\6f\75\74\00\07\0c\64\65\6c\65\67"
  "\61\74\65\2d\6f\75\74\00\08\06\75\6e\75\73\65\64\00\09\05\63\68\75\72\6e"
  "\00\0a\0a\f1\01\0b\06\00\20\00\08\00\0b\03\00\00\0b\0c\00\41\01\20\00\41"
  "\01\6a\10\02\6a\0b\09\00\06\40\10\01\19\01\0b\0b\0c\00\06\40\41\00\10\02"
  "\1a\19\01\0b\0b\1a\00\06\7f\06\40\06\40\20\00\10\00\18\01\19\00\0b\41\01"
  "\07\00\41\e8\07\6a\0b\0b\34\01\01\7f\06\7f\06\7f\20\00\10\00\41\00\07\00"
  "\21\01\06\40\09\01\07\00\20\01\6a\21\01\0b\06\40\09\01\19\20\01\41\05\6a"
  "\21\01\0b\09\00\0b\07\00\20\01\6a\0b\0b\18\00\06\40\20\00\10\00\07\01\1a"
  "\19\06\40\41\08\10\00\19\01\0b\09\00\0b\0b\0f\00\06\40\06\40\20\00\10\00"
  "\18\01\19\00\0b\0b\11\00\06\7f\41\01\07\00\1a\09\00\19\41\03\0b\1a\00\0b"
  "\35\01\01\7f\03\40\06\40\20\00\10\00\07\00\21\01\20\01\41\7f\46\04\40\09"
  "\01\0b\0b\06\40\06\40\20\00\10\00\19\09\00\0b\07\00\1a\0b\20\00\41\01\6b"
  "\22\00\0d\00\0b\0b")

;; Traps are no exceptions.
(assert_trap (invoke "unreachable") "unreachable")
(assert_exhaustion (invoke "overflow") "call stack exhausted")
(assert_trap (invoke "unused" (i32.const 0)) "unreachable")
;; delegate to an outer try, past one that would take it; and out.
(assert_return (invoke "rethrow-outer" (i32.const 4)) (i32.const 1004))
(assert_exception (invoke "delegate-out" (i32.const 4)))
;; One exception caught again inside of its own clause, and then outside.
(assert_return (invoke "rethrow-inner" (i32.const 4)) (i32.const 17))
(assert_exception (invoke "out" (i32.const 4)))
(invoke "churn" (i32.const 20000))
(assert_return (invoke "rethrow-inner" (i32.const 4)) (i32.const 17))
