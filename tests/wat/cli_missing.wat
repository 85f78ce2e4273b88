;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Several imports that nobody has, between some that WASI has.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
  (import "nowhere" "f" (func (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
  (import "nowhere" "g" (global i32))
  (import "elsewhere" "t" (table 1 funcref))
  (func (export "run")))
