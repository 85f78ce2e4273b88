;; Puts a function into api.wat's table, then fails to be instantiated.
(module
	(import "lib" "tab" (table 4 funcref))
	(memory 1)
	(elem (i32.const 3) $own)
	(data (i32.const 65535) "xx")
	(func $own (param i32 i32) (result i32)
		(i32.store (i32.const 0) (local.get 0))
		(i32.add (i32.load (i32.const 0)) (i32.const 1000)))
)
