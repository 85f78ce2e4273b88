;; Exceptions that others keep: tests/api/suspend.c.
(module
  (tag $t (export "t") (param i64))
  (func (export "throw") (param i64) (throw $t (local.get 0)))
  ;; n exceptions that somebody might have kept
  (func (export "churn") (param i32)
    (loop $l
      (block $h (result exnref)
        (try_table (catch_all_ref $h) (throw $t (i64.const 1)))
        unreachable)
      (drop)
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $l (local.get 0)))))
