;; What a snapshot cannot hold; for tests/unit/tool_snapshot.c.
(module (import "env" "m" (memory 1)) (func (export "f")))
