;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; A guest that waits in the kernel: it reads standard input.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "read") (result i32)
    (i32.store (i32.const 16) (i32.const 1024))	;; where to
    (i32.store (i32.const 20) (i32.const 100))
    (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8))))
