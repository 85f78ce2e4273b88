;; Keeps an object that somebody else made, and calls the function in it.
(module
  (type $f (func (result i32)))
  (type $s (struct (field (ref null $f))))
  (global $kept (mut anyref) (ref.null any))
  (func (export "put") (param anyref) (global.set $kept (local.get 0)))
  (func (export "call") (result i32)
    (call_ref $f (struct.get $s 0 (ref.cast (ref $s) (global.get $kept))))))
