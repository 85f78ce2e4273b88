;; One of a chain: calls the one before.
(module
	(import "before" "f" (func $before (param i32) (result i32)))
	(import "before" "t" (table 1 funcref))
	(export "t" (table 0))
	(func (export "f") (param i32) (result i32)
		(i32.add (call $before (local.get 0)) (i32.const 1))))
