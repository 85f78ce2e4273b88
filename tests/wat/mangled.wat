;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Names as compilers give them.
(module $mangled
  (func $_ZN4core9panicking5panic17h0123456789abcdefE (unreachable))
  (func $_RNCNvNtCset5xJoy1xWQ_3std9panicking13panic_handler0B5_
    (call $_ZN4core9panicking5panic17h0123456789abcdefE))
  (func (export "run")
    (call $_RNCNvNtCset5xJoy1xWQ_3std9panicking13panic_handler0B5_)))
