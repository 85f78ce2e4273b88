;; What a snapshot cannot hold; for tests/unit/tool_snapshot.c.
(module (type $s (struct (field i32)))
	(global (mut (ref null $s)) (struct.new $s (i32.const 5)))
	(func (export "f")))
