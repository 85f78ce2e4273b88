;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; One export of every kind, and a call of the host.
(module
  (type $v (func))
  (type $i (func (param i32)))
  (import "host" "f" (func $f))
  (memory (export "memory") 1 2)
  (table (export "t") 2 4 funcref)
  (table (export "typed") 1 (ref null $i))
  (global (export "g") (mut i32) (i32.const 1))
  (global (export "const") i32 (i32.const 2))
  (global (export "typed_g") (mut (ref null $i)) (ref.null $i))
  (tag (export "tag") (param i32))
  (func (export "run") (call $f))
  (func (export "take") (param i32) (result i32) (local.get 0))
  (func (export "trap") (unreachable)))
