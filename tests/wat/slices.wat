;; For tests/api/slices.c: work whose result tells whether a register was lost.
(module
	(import "wasi_snapshot_preview1" "poll_oneoff"
		(func $poll (param i32 i32 i32 i32) (result i32)))
	(import "env" "host" (func $host (param i64) (result i64)))
	(import "env" "hostf" (func $hostf (param f64) (result f64)))
	(type $node (struct (field $next (mut (ref null $node))) (field $val (mut i64))))
	(memory (export "memory") 20 30 shared)
	(table $t 100 200 funcref)
	(tag $e (param i64 f64))
	(global $n (export "n") (mut i64) (i64.const 0))
	;; One subscription at 0: a clock, monotonic, 30 ms.
	(data (i32.const 16) "\01\00\00\00\00\00\00\00\80\c3\c9\01\00\00\00\00")

	;; As many integers, floats and vectors live at once as there are registers.
	(func (export "mix") (param $n i64) (result i64)
		(local $a i64) (local $b i64) (local $c i64) (local $d i64)
		(local $p f64) (local $q f64) (local $r f32) (local $s f64)
		(local $v v128) (local $w v128) (local $x v128) (local $y v128) (local $z v128)
		(local.set $a (i64.const 0x9e3779b97f4a7c15))
		(local.set $b (i64.const 12345)) (local.set $c (i64.const -7)) (local.set $d (i64.const 99))
		(local.set $p (f64.const 1.5)) (local.set $q (f64.const 0.1)) (local.set $r (f32.const 3.25))
		(local.set $v (v128.const i32x4 1 2 3 4)) (local.set $w (v128.const f64x2 1.25 -3.5))
		(local.set $x (v128.const i64x2 77 -88)) (local.set $y (v128.const f32x4 1.5 2.5 3.5 4.5))
		(loop $again
			(local.set $a (i64.xor (i64.rotl (local.get $a) (i64.const 13)) (i64.mul (local.get $b) (i64.const 0x5851f42d4c957f2d))))
			(local.set $b (i64.add (local.get $b) (i64.shr_u (local.get $a) (i64.const 7))))
			(local.set $c (i64.sub (i64.mul (local.get $c) (i64.const 31)) (local.get $d)))
			(local.set $d (select (local.get $c) (i64.add (local.get $d) (local.get $a)) (i64.lt_s (local.get $c) (local.get $d))))
			(local.set $p (f64.div (f64.add (local.get $p) (f64.const 1.7)) (f64.sqrt (f64.add (f64.mul (local.get $q) (local.get $q)) (f64.const 1)))))
			(local.set $q (f64.sub (local.get $p) (f64.convert_i64_s (i64.and (local.get $a) (i64.const 1023)))))
			(local.set $r (f32.add (f32.mul (local.get $r) (f32.const 0.99)) (f32.demote_f64 (local.get $p))))
			(local.set $s (f64.add (local.get $s) (f64.mul (local.get $p) (local.get $q))))
			(local.set $v (i32x4.add (i32x4.mul (local.get $v) (v128.const i32x4 3 5 7 9)) (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $v) (local.get $x))))
			(local.set $w (f64x2.add (f64x2.mul (local.get $w) (v128.const f64x2 0.5 0.25)) (f64x2.splat (local.get $q))))
			(local.set $x (i64x2.add (i64x2.shl (local.get $x) (i32.const 3)) (i64x2.splat (local.get $b))))
			(local.set $y (f32x4.add (f32x4.mul (local.get $y) (v128.const f32x4 0.5 0.5 0.25 0.75)) (f32x4.splat (local.get $r))))
			(local.set $z (v128.xor (local.get $z) (v128.xor (v128.xor (local.get $v) (local.get $w)) (v128.xor (local.get $x) (local.get $y)))))
			(br_if $again (i64.ne (i64.const 0) (local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		(i64.xor (i64.xor (i64.xor (local.get $a) (local.get $b)) (i64.xor (local.get $c) (local.get $d)))
			(i64.xor (i64.xor (i64x2.extract_lane 0 (local.get $z)) (i64x2.extract_lane 1 (local.get $z)))
				(i64.xor (i64.reinterpret_f64 (local.get $s)) (i64.extend_i32_u (i32.reinterpret_f32 (local.get $r)))))))

	;; A loop that is vectorised, over 64 KiB.
	(func (export "vector") (param $n i64) (result i64) (local $i i32) (local $sum i32)
		(loop $again
			(local.set $i (i32.const 65536))
			(loop $in
				(i32.store (local.get $i) (i32.add (i32.mul (i32.load (local.get $i)) (i32.const 5)) (local.get $i)))
				(br_if $in (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 131072))))
			(local.set $i (i32.const 65536))
			(loop $in
				(local.set $sum (i32.add (local.get $sum) (i32.load (local.get $i))))
				(br_if $in (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 131072))))
			(br_if $again (i64.ne (i64.const 0) (local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		;; so that the next call begins as this one did
		(memory.fill (i32.const 65536) (i32.const 0) (i32.const 65536))
		(i64.extend_i32_u (local.get $sum)))

	(func $list (param $n i64) (result (ref null $node)) (local $l (ref null $node))
		(loop
			(local.set $l (struct.new $node (local.get $l) (local.get $n)))
			(br_if 0 (i64.ne (i64.const 0)
				(local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		(local.get $l))
	(func $sum (param $l (ref null $node)) (result i64) (local $s i64)
		(block $done
			(loop $again
				(local.set $s (i64.add (local.get $s)
					(struct.get $node $val (br_on_null $done (local.get $l)))))
				(local.set $l (struct.get $node $next (local.get $l)))
				(br $again)))
		(local.get $s))
	(func (export "objects") (param $n i64) (result i64) (local $s i64)
		(loop
			(local.set $s (i64.add (local.get $s) (call $sum (call $list (i64.const 100)))))
			(br_if 0 (i64.ne (i64.const 0)
				(local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		(local.get $s))

	(func $leaf (param i64 f64) (throw $e (local.get 0) (local.get 1)))
	(func (export "throws") (param $n i64) (result i64) (local $s i64) (local $f f64)
		(loop $again
			(block $h (result i64 f64)
				(try_table (catch $e $h) (call $leaf (local.get $n) (f64.const 0.5)))
				(unreachable))
			(local.set $f (f64.add (local.get $f)))
			(local.set $s (i64.add (local.get $s)))
			(br_if $again (i64.ne (i64.const 0)
				(local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		(i64.add (local.get $s) (i64.trunc_f64_s (local.get $f))))

	(func (export "bulk") (param $n i64) (result i64) (local $s i64) (local $f f64)
		(local.set $f (f64.const 1))
		(loop
			(memory.fill (i32.const 200000) (i32.wrap_i64 (local.get $n)) (i32.const 50000))
			(memory.copy (i32.const 200100) (i32.const 200000) (i32.const 300000))
			(table.fill $t (i32.const 0) (ref.null func) (i32.const 100))
			(drop (table.grow $t (ref.null func) (i32.const 0)))
			(local.set $s (i64.add (local.get $s) (i64.load (i32.const 249990))))
			(local.set $s (i64.add (local.get $s) (i64.extend_i32_s (memory.grow (i32.const 0)))))
			(local.set $f (f64.add (local.get $f) (f64.const 0.5)))
			(br_if 0 (i64.ne (i64.const 0)
				(local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		(i64.add (local.get $s) (i64.trunc_f64_s (local.get $f))))

	(func (export "hosts") (param $n i64) (result i64) (local $s i64) (local $f f64)
		(local.set $f (f64.const 1.25))
		(loop
			(local.set $s (i64.add (local.get $s) (call $host (local.get $n))))
			(local.set $f (call $hostf (local.get $f)))
			(br_if 0 (i64.ne (i64.const 0)
				(local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		(i64.add (local.get $s) (i64.trunc_f64_s (local.get $f))))

	(func (export "count")
		(loop (global.set $n (i64.add (global.get $n) (i64.const 1))) (br 0)))
	(func (export "sleep") (result i32)
		(call $poll (i32.const 0) (i32.const 304) (i32.const 1) (i32.const 400)))
	(func (export "wait") (result i32)
		(memory.atomic.wait32 (i32.const 1000) (i32.const 0) (i64.const 20000000)))
	(func $deep (export "deep") (param i64) (result i64)
		(i64.add (i64.const 1) (call $deep (i64.add (local.get 0) (i64.const 1)))))
	(func (export "oob") (param $n i64) (result i64)
		(loop (br_if 0 (i64.ne (i64.const 0)
			(local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
		(i64.load (i32.const -1)))
)
