;; For tests/cli/gdb.py: some frames deep, and a fault.
(module
	(memory 1)
	(func $inner (param i32) (result i32)
		(i32.load (i32.add (local.get 0) (i32.const 4))))
	(func $middle (param i32) (result i32)
		(i32.add (call $inner (local.get 0)) (i32.const 1)))
	(func $outer (export "outer") (param i32) (result i32)
		(i32.mul (call $middle (local.get 0)) (i32.const 3)))
	(func $spin (export "spin") (loop (br 0))))
