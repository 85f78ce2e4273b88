;; A start function that counts, and traps when the count is not 0.
(module
	(global $n (mut i32) (i32.const 0))
	(memory (export "mem") 1)
	(data (i32.const 0) "\00")
	(func $start
		(if (i32.load8_u (i32.const 0)) (then unreachable))
		(i32.store8 (i32.const 0) (i32.const 1))
		(global.set $n (i32.add (global.get $n) (i32.const 1))))
	(func (export "n") (result i32) (global.get $n))
	(start $start)
)
