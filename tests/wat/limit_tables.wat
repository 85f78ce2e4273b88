;; Tables that may become larger than any address space, and say so.
(module
	(table (export "t") 1 4294967295 funcref)
	(table 0 4294967295 externref)
	(table 0 externref)
	(func $f)
	(elem declare func $f)
	(func (export "grow") (param i32) (result i32)
		(table.grow 0 (ref.func $f) (local.get 0)))
	(func (export "size") (result i32) (table.size 0))
	(func (export "fill") (param i32 i32)
		(table.fill 0 (local.get 0) (ref.func $f) (local.get 1))))
