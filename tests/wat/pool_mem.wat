;; Imports a memory.
(module
	(import "env" "mem" (memory 1 4))
	(func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))
