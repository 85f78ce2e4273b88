;; For tests/cli/limits.py: continuations in a table of any size.
(module
	(type $f (func)) (type $k (cont $f))
	(table $conts 1 10000000 (ref null $k))
	(func $one)
	(elem declare func $one)
	(func (export "continuations") (param $n i32) (result i32)
		(loop $again
			(drop (table.grow $conts (cont.new $k (ref.func $one)) (i32.const 1)))
			(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(i32.const 42)))
