;; A 64-bit memory, and constant offsets far beyond a dense slot.
(module
	(memory (export "mem") i64 1 4)
	(func (export "load") (param i32) (result i32)
		(i32.load8_u (i64.extend_i32_u (local.get 0))))
	(func (export "store") (param i32 i32)
		(i32.store8 (i64.extend_i32_u (local.get 0)) (local.get 1)))
	(func (export "far") (param i32) (result i32)
		(i32.load8_u offset=65536 (i64.extend_i32_u (local.get 0))))
	(func (export "farther") (param i32) (result i32)
		(i32.load8_u offset=0xfffffffffffffff0 (i64.extend_i32_u (local.get 0))))
	(func (export "grow") (param i32) (result i32)
		(i32.wrap_i64 (memory.grow (i64.extend_i32_u (local.get 0)))))
)
