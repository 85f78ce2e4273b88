;; A table as large as the format can say.
(module (table (export "t") 4294967295 funcref))
