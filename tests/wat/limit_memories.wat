;; For tests/api/limit_rows.c, tests/cli/limits.py: more memories than pools
;; allow by themselves.
(module
	(memory 1) (memory 1) (memory 1) (memory 1) (memory 1)
	(func (export "once") (param i32) (result i32) (i32.const 42)))
