;; An instance that uses tests/wat/clone.wat's, and one that gives it a memory,
;; for tests/api/clone.c.
(module
	(import "lib" "ld0" (func $ld0 (param i32) (result i32)))
	(import "lib" "st0" (func $st0 (param i32 i32)))
	(memory (export "mem") 1)
	(func (export "get") (param i32) (result i32)
		(i32.add (call $ld0 (local.get 0)) (i32.load (local.get 0))))
	(func (export "put") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
	(func (export "far") (param i32 i32) (call $st0 (local.get 0) (local.get 1)))
)
