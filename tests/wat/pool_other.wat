;; Another tenant, for tests/api/pool.c: fills what it has when it begins.
(module
	(memory (export "mem") 1 20)
	(table 8 200 externref)
	(global (mut i64) (i64.const -1))
	(func (export "count") (param i32) (result i32)	;; bytes that are not as here
		(local i32 i32)
		(loop
			(if (i32.ne (i32.load8_u (local.get 1)) (i32.const 0))
				(then (local.set 2 (i32.add (local.get 2) (i32.const 1)))))
			(local.set 1 (i32.add (local.get 1) (i32.const 1)))
			(br_if 0 (i32.lt_u (local.get 1) (local.get 0))))
		(local.get 2))
	(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
	(func (export "fill") (param i32)
		(memory.fill (i32.const 0) (local.get 0) (i32.shl (memory.size) (i32.const 16))))
)
