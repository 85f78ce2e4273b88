;; A memory that declares no maximum, for tests/api/pool.c.
(module
	(memory (export "mem") 1)
	(data (i32.const 8200) "usual")
	(func (export "store") (param i32)
		(i32.store (local.get 0) (i32.const 77)))
	(func (export "load") (param i32) (result i32)
		(i32.load (local.get 0))))
