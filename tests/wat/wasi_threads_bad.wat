;; Imports thread-spawn, but its wasi_thread_start has another type.
(module
	(import "wasi" "thread-spawn" (func (param i32) (result i32)))
	(import "env" "memory" (memory 1 1 shared))
	(func (export "wasi_thread_start") (param i32))
	(func (export "_start"))
)
