;; Imports in groups: one module's, and one module's of one type.
(module $m
  (func (export "a") (result i32) (i32.const 1))
  (func (export "b") (result i32) (i32.const 20))
  (func (export "") (result i32) (i32.const 300))
  (global (export "g") i32 (i32.const 4000))
  (global (export "h") i32 (i32.const 50000))
  (memory (export "mem") 1) (data (i32.const 0) "\07")
  (table (export "t") 3 funcref) (elem (i32.const 1) func 1)
  (tag (export "e") (param i32)))
(register "m")
(module
  (type $r (func (result i32)))
  (import "m" "a" (func $a (type $r)))
  (import "m" (item "g" (global $g i32)) (item "b" (func $b (type $r)))
    (item "mem" (memory 1)) (item "e" (tag $e (param i32)))
    (item "t" (table $t 1 funcref)))
  (import "m" (item "a") (item "") (func (type $r)))
  (import "m" (item "h") (item "g") (global i32))
  (func (export "sum") (result i32)
    (i32.add (call $a) (i32.add (call $b) (i32.add (call 2)
      (i32.add (call 3) (i32.add (global.get $g) (i32.add (global.get 1)
        (i32.load8_u (i32.const 0)))))))))
  (func (export "own") (result i32) (call_indirect $t (type $r) (i32.const 1)))
  (func (export "throw") (throw $e (i32.const 1))))
(assert_return (invoke "sum") (i32.const 54329))
(assert_return (invoke "own") (i32.const 20))
(assert_exception (invoke "throw"))
(assert_unlinkable (module (import "m" (item "a" (func (result i32)))
  (item "x" (func)))) "unknown import")
(assert_unlinkable (module (import "m" (item "a") (item "g") (func (result i32))))
  "incompatible import type")
;; a group of none is nothing, whatever its type; one import of none in between
(module binary "\00asm\01\00\00\00" "\01\05\01\60\00\01\7f"
  "\02\1c\04" "\01m\00\7f\00" "\01m\00\7e\00\63\00" "\01m\01a\00\00"
  "\01m\00\7e\00\00\01\01b"
  "\03\02\01\00" "\0a\09\01\07\00\10\00\10\01\6a\0b")
(assert_invalid (module binary "\00asm\01\00\00\00" "\01\05\01\60\00\01\7f"
  "\02\0a\01" "\01m\00\7e\00\01\01\01b") "unknown type")
(assert_malformed (module binary "\00asm\01\00\00\00" "\01\05\01\60\00\01\7f"
  "\02\06\01" "\01m\00\7d\00") "malformed import kind")
(assert_malformed (module binary "\00asm\01\00\00\00" "\01\05\01\60\00\01\7f"
  "\02\08\01" "\01m\01a\7f\00\00") "malformed import kind")
(assert_malformed (module binary "\00asm\01\00\00\00" "\01\05\01\60\00\01\7f"
  "\02\0a\01" "\01m\00\7f\02\01a\00\00") "unexpected end")
