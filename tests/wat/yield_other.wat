;; Linked with yield.wat, whose heap it shares: tests/api/suspend.c.
(module
  (type $s (struct (field i32)))
  (import "lib" "n" (global (mut i32)))
  (func (export "garbage") (param i32)
    (loop (drop (struct.new $s (i32.const -1)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if 0 (local.get 0)))))
