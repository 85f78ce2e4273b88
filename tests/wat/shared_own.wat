;; For tests/api/shared.c: the owner of a shared memory.
(module
	(memory (export "mem") 1024 2000 shared)
	(data (i32.const 8192) "\2a\00\00\00")
	(data (i32.const 2097152) "\07\00\00\00")
	(func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
	(func (export "touch") (param $end i32) (result i32) (local $p i32)
		(loop
			(drop (i32.atomic.rmw.add offset=4 (local.get $p) (i32.const 1)))
			(local.set $p (i32.add (local.get $p) (i32.const 4096)))
			(br_if 0 (i32.lt_u (local.get $p) (local.get $end))))
		(i32.const 0))
)
