;; A start function that would be suspended: tests/api/suspend.c.
(module
  (import "env" "none" (func $none))
  (start $none2)
  (func $none2 (call $none)))
