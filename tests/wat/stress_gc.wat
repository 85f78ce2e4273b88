;; For tests/api/stress.c: objects, of many instances in one arena.
(module
	(type $node (struct (field $next (mut (ref null $node))) (field $val i32)))
	(global $kept (mut (ref null $node)) (ref.null $node))
	(func $list (param $n i32) (param $x i32) (result (ref null $node)) (local $l (ref null $node))
		(loop
			(local.set $l (struct.new $node (local.get $l) (local.get $x)))
			(br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(local.get $l))
	(func $sum (param $l (ref null $node)) (result i32) (local $s i32)
		(block $done
			(loop $again
				(local.set $s (i32.add (local.get $s)
					(struct.get $node $val (br_on_null $done (local.get $l)))))
				(local.set $l (struct.get $node $next (local.get $l)))
				(br $again)))
		(local.get $s))
	(func (export "keep") (param i32) (result i32)
		(global.set $kept (call $list (i32.const 500) (local.get 0)))
		(local.get 0))
	;; of 500 kept ones and 500 new ones
	(func (export "sums") (param i32) (result i32)
		(i32.add (call $sum (global.get $kept))
			(call $sum (call $list (i32.const 500) (local.get 0)))))
	(func (export "null") (param i32) (result i32)
		(struct.get $node $val (ref.null $node)))
)
