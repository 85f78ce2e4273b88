;; For tests/api/shared.c: a user of somebody's shared memory.
(module
	(import "env" "mem" (memory 64 20000 shared))
	(func (export "wait") (param i32 i32 i64) (result i32)
		(memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
	(func (export "wait64") (param i32 i64 i64) (result i32)
		(memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
	(func (export "notify") (param i32 i32) (result i32)
		(memory.atomic.notify (local.get 0) (local.get 1)))
	(func (export "add") (param i32 i32) (result i32)
		(i32.atomic.rmw.add (local.get 0) (local.get 1)))
	(func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
	(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
	;; The sum of the old sizes.
	(func (export "grow_much") (param $n i32) (result i32) (local $sum i32)
		(loop
			(local.set $sum (i32.add (local.get $sum) (memory.grow (i32.const 1))))
			(br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(local.get $sum))
	(func (export "size") (result i32) (memory.size))
	;; Touch the first n pages of 4096 bytes, number i ^ x in turn: add one to
	;; its second word.  The sum of the first words.
	(func (export "touch") (param $n i32) (param $x i32) (result i32)
		(local $p i32) (local $i i32) (local $sum i32)
		(loop
			(local.set $p (i32.shl (i32.xor (local.get $i) (local.get $x)) (i32.const 12)))
			(local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
			(drop (i32.atomic.rmw.add offset=4 (local.get $p) (i32.const 1)))
			(br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
		(local.get $sum))
	;; Wait until another thread has made the memory larger.
	(func (export "see_growth") (param $pages i32)
		(loop (br_if 0 (i32.lt_u (memory.size) (local.get $pages)))))
	;; The same by an access that is checked with --bounds=explicit.
	(func (export "reach") (param $at i32) (result i32)
		(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
		(i32.load (local.get $at)))
)
