;; A memory that declares no maximum, for tests/api/pool.c.
(module
	(memory (export "mem") 1))
