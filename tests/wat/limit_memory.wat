;; All of what 32 bits can address, from the start.
(module
	(memory (export "mem") 65536)
	(func (export "touch") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
	(func (export "grow") (param i32) (result i32)
		(memory.grow (local.get 0))))
