;; What a snapshot cannot hold; for tests/unit/tool_snapshot.c.
(module
	(tag $t)
	(global $g (mut exnref) (ref.null exn))
	(func $f
		(global.set $g (block $h (result exnref)
			(try_table (catch_all_ref $h) (throw $t)) (unreachable))))
	(start $f))
