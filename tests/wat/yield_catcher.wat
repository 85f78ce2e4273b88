;; Keeps another's exception while it is suspended: tests/api/suspend.c.
(module
  (import "lib" "t" (tag $t (param i64)))
  (import "lib" "throw" (func $throw (param i64)))
  (import "env" "await" (func $await (param i32) (result i32)))
  (func (export "hold") (param i64) (result i64) (local $e exnref)
    (block $h (result exnref)
      (try_table (catch_all_ref $h) (call $throw (local.get 0)))
      unreachable)
    (local.set $e)
    (drop (call $await (i32.const 0)))
    (block $v (result i64)
      (try_table (catch $t $v) (throw_ref (local.get $e)))
      unreachable)))
