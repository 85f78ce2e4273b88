;; For tests/api/faults.c: in a slot where a smaller memory was.
(module
	(memory (export "mem") 40)
	(func (export "peek") (param i32) (result i32)
		(i32.load8_u (local.get 0)))
	(func (export "poke") (param i32 i32) (result i32)
		(i32.store8 (local.get 0) (local.get 1)) (local.get 1))
)
