;; Recursion.
(module
	(func $f (export "f") (param i32) (result i32)
		(if (result i32) (i32.eqz (local.get 0))
			(then (i32.const 0))
			(else (i32.add (i32.const 1)
				(call $f (i32.sub (local.get 0) (i32.const 1)))))))
	(func $p (export "p") (param i64 f64 i32) (result f64)
		(if (result f64) (i32.eqz (local.get 2))
			(then (local.get 1))
			(else (f64.add (local.get 1) (call $p (local.get 0)
				(f64.neg (local.get 1))
				(i32.sub (local.get 2) (i32.const 1))))))))
