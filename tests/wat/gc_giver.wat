;; Gives an object away with a function of its own in it.
(module
  (type $f (func (result i32)))
  (type $s (struct (field (ref null $f))))
  (import "keeper" "put" (func $put (param anyref)))
  (global $answer (mut i32) (i32.const 42))
  (func $own (type $f) (global.get $answer))
  (elem declare func $own)
  (func (export "give")
    (call $put (struct.new $s (ref.func $own)))))
