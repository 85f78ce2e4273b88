;; For tests/api/limit_rows.c and tests/cli/limits.py: what uses up each limit.
(module
	(type $node (struct (field (ref null $node)) (field i64)))
	(type $f (func (result i32))) (type $k (cont $f))
	(memory (export "memory") 1 1000)
	(table $t (export "tab") 1 100000 funcref)
	(table $conts 1 100000 (ref null $k))
	(table $exns 1 10000000 exnref)
	(tag $y)
	(tag $e (param i64 i64 i64 i64 i64 i64 i64 i64))
	(global $kept (mut (ref null $node)) (ref.null $node))
	(func (export "once") (param i32) (result i32) (i32.const 42))
	(func (export "memory_grow") (param i32) (result i32)
		(memory.grow (local.get 0)))
	(func (export "table_grow") (param i32) (result i32)
		(table.grow $t (ref.null func) (local.get 0)))
	;; n objects that live
	(func (export "heap") (param $n i32) (result i32)
		(global.set $kept (ref.null $node))
		(loop
			(global.set $kept (struct.new $node (global.get $kept) (i64.const 7)))
			(br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(i32.const 42))
	(func $throw
		(throw $e (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)
			(i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)))
	;; n exceptions that are referred to
	(func (export "exceptions") (param $n i32) (result i32)
		(loop $again
			(drop (table.grow $exns
				(block $h (result exnref)
					(try_table (catch_all_ref $h) (call $throw))
					(unreachable))
				(i32.const 1)))
			(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(i32.const 42))
	;; n frames deep
	(func $deep (export "deep") (param i32) (result i32)
		(if (i32.eqz (local.get 0)) (then (return (i32.const 42))))
		(i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 0)))
	;; n continuations that have not begun; that have
	(func $one (result i32) (suspend $y) (i32.const 1))
	(elem declare func $one)
	(func (export "continuations") (param $n i32) (result i32)
		(loop $again
			(drop (table.grow $conts (cont.new $k (ref.func $one)) (i32.const 1)))
			(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(i32.const 42))
	(func (export "stacks") (param $n i32) (result i32)
		(loop $again
			(drop (table.grow $conts
				(block $on (result (ref $k))
					(drop (resume $k (on $y $on) (cont.new $k (ref.func $one))))
					(unreachable))
				(i32.const 1)))
			(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(i32.const 42))
	;; n instructions, a little more
	(func (export "count") (param $n i32) (result i32)
		(loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(i32.const 42))
	(func (export "spin") (param i32) (result i32) (loop (br 0)) (unreachable))
)
