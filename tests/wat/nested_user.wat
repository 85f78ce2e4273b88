;; Calls another instance's export; its table holds a function of each.
(module
  (import "other" "once" (func $once (param i32) (result i32)))
  (import "other" "mem" (memory 1))
  (func (export "go") (param i32) (result i32) (call $once (local.get 0))))
