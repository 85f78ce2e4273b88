;; For tests/api/stress.c: an instance that knows who it is, all over its
;; memory, and tells when another one has written there.
(module
	(import "env" "await" (func $await (param i32) (result i32)))
	(import "env" "fast" (func $fast (param i32) (result i32)))
	(memory (export "mem") 2 20)
	(table $t 10 100 funcref)
	(global $id (export "id") (mut i32) (i32.const 0))
	(tag $e (param i32))
	(data (i32.const 70000) "image")
	(elem declare func $mix)

	(func $end (result i32) (i32.mul (memory.size) (i32.const 65536)))
	(func $mark (param $from i32) (local $a i32)
		(local.set $a (local.get $from))
		(loop $again
			(i32.store (local.get $a) (i32.add (global.get $id) (local.get $a)))
			(br_if $again (i32.lt_u
				(local.tee $a (i32.add (local.get $a) (i32.const 4096))) (call $end)))))
	;; be this one from now on
	(func (export "stamp") (param i32) (result i32)
		(global.set $id (local.get 0))
		(table.fill $t (i32.const 3) (ref.func $mix) (i32.const 2))
		(call $mark (i32.const 8))
		(local.get 0))
	;; who am I?  -1: memory, -2: the table, -3: the image says otherwise
	(func (export "who") (param i32) (result i32) (call $who))
	(func $who (result i32) (local $a i32)
		(local.set $a (i32.const 8))
		(if (global.get $id) (then
			(loop $again
				(if (i32.ne (i32.load (local.get $a)) (i32.add (global.get $id) (local.get $a)))
					(then (return (i32.const -1))))
				(br_if $again (i32.lt_u
					(local.tee $a (i32.add (local.get $a) (i32.const 4096))) (call $end)))))
			(else
				(loop $again
					(if (i32.load (local.get $a)) (then (return (i32.const -1))))
					(br_if $again (i32.lt_u
						(local.tee $a (i32.add (local.get $a) (i32.const 4096))) (call $end))))))
		(if (i32.ne (ref.is_null (table.get $t (i32.const 4))) (i32.eqz (global.get $id)))
			(then (return (i32.const -2))))
		(if (i32.ne (i32.load (i32.const 70000)) (i32.const 0x67616d69))
			(then (return (i32.const -3))))
		(global.get $id))
	(func (export "grow") (param i32) (result i32) (local $old i32)
		(local.set $old (memory.grow (local.get 0)))
		(if (i32.and (i32.ge_s (local.get $old) (i32.const 0)) (i32.ne (global.get $id) (i32.const 0)))
			(then (if (local.get 0) (then
				(call $mark (i32.add (i32.const 8) (i32.mul (local.get $old) (i32.const 65536))))))))
		(local.get $old))
	(func (export "oob") (param i32) (result i32)
		(i32.load offset=1310720 (local.get 0)))
	(func $deep (export "deep") (param i32) (result i32)
		(i32.add (call $deep (local.get 0)) (i32.const 1)))
	(func $throw (param i32) (throw $e (local.get 0)))
	(func (export "caught") (param i32) (result i32)
		(block $h (result i32)
			(try_table (catch $e $h) (call $throw (local.get 0)))
			(i32.const -1)))
	(func $mix (export "mix") (param $x i32) (result i32) (local $n i32)
		(local.set $n (i32.const 1000))
		(loop $again
			(local.set $x (i32.add (i32.rotl (local.get $x) (i32.const 5))
				(i32.mul (local.get $x) (i32.const 0x9e3779b1))))
			(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(local.get $x))
	(func (export "hosts") (param $x i32) (result i32) (local $n i32)
		(local.set $n (i32.const 20))
		(loop $again
			(local.set $x (call $fast (local.get $x)))
			(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(local.get $x))
	;; who I am, and what comes
	(func (export "yields") (param i32) (result i32)
		(i32.add (i32.add (local.get 0) (call $who))
			(i32.add (call $await (i32.const 1)) (call $await (i32.const 2)))))
)
