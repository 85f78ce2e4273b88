# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What modern.py needs: the module that others import from, and both engines
with it."""
import ctypes as C
import os
import random
import re
import subprocess

import libembed
from libembed import END, F32, F64, I32, I64, LIB, V128

# Every value told is mixed into one sum.  Of a reference only what kind it is
# can be compared, and the number of an i31.
SUPPORT = """
(module
  (type $void (func))
  (global $sum (mut i64) (i64.const 0))
  (tag $wasm (export "wasmtag") (param i32))
  (tag $js (export "jstag") (param externref))
  (table $table (export "table") 16 funcref)
  (func $mix (param i64)
    (global.set $sum (i64.add (i64.mul (i64.rotl (global.get $sum) (i64.const 7))
      (i64.const 0x100000001b3)) (local.get 0))))
  (func (export "sum") (result i64) (global.get $sum))
  (func (export "throw") (param i32)
    (if (local.get 0) (then (throw $wasm (local.get 0))))
    (throw $js (ref.null extern)))
  (func (export "log-i32") (param i32)
    (call $mix (i64.extend_i32_u (local.get 0))))
  (func (export "log-i64") (param i64) (call $mix (local.get 0)))
  (func (export "log-f32") (param f32)
    (call $mix (if (result i64) (f32.eq (local.get 0) (local.get 0))
      (then (i64.extend_i32_u (i32.reinterpret_f32 (local.get 0))))
      (else (i64.const 0x7fc00000)))))
  (func (export "log-f64") (param f64)
    (call $mix (if (result i64) (f64.eq (local.get 0) (local.get 0))
      (then (i64.reinterpret_f64 (local.get 0)))
      (else (i64.const 0x7ff8)))))
  (func (export "log-v128") (param v128)
    (call $mix (i64x2.extract_lane 0 (local.get 0)))
    (call $mix (i64x2.extract_lane 1 (local.get 0))))
  (func $any (export "log-anyref") (param anyref)
    (call $mix (i64.extend_i32_u (ref.is_null (local.get 0))))
    (call $mix (i64.extend_i32_u (ref.test (ref struct) (local.get 0))))
    (if (ref.test (ref array) (local.get 0)) (then
      (call $mix (i64.extend_i32_u (array.len (ref.cast (ref array)
        (local.get 0)))))))
    (if (ref.test (ref i31) (local.get 0)) (then
      (call $mix (i64.extend_i32_s (i31.get_s (ref.cast (ref i31)
        (local.get 0))))))))
  (func (export "log-funcref") (param funcref)
    (call $mix (i64.extend_i32_u (ref.is_null (local.get 0)))))
  (func (export "log-externref") (param externref)
    (call $any (any.convert_extern (local.get 0))))
  (func (export "call-export") (param i32 i32)
    (call $mix (i64.extend_i32_u (local.get 0))))
  (func (export "call-export-catch") (param i32) (result i32)
    (call $mix (i64.extend_i32_u (local.get 0)))
    (i32.and (local.get 0) (i32.const 1)))
  (func $call (param funcref)
    (if (ref.test (ref $void) (local.get 0)) (then
      (call_ref $void (ref.cast (ref $void) (local.get 0))))))
  (func (export "call-ref") (param funcref i32) (call $call (local.get 0)))
  (func (export "call-ref-catch") (param funcref) (result i32)
    (block $h (try_table (catch_all $h) (call $call (local.get 0)))
      (return (i32.const 0)))
    (i32.const 1))
  (func (export "table-get") (param i32) (result funcref)
    (table.get $table (i32.and (local.get 0) (i32.const 15))))
  (func (export "table-set") (param i32 funcref)
    (table.set $table (i32.and (local.get 0) (i32.const 15)) (local.get 1)))
  (func (export "sleep") (param i32 i32) (result i32) (local.get 1))
"""
VALUES = {
    "i32": "i32.const 42", "i64": "i64.const 42", "f32": "f32.const 1.5",
    "f64": "f64.const 2.5", "v128": "v128.const i64x2 1 2",
    "externref": "extern.convert_any (ref.i31 (i32.const 7))",
    "anyref": "ref.i31 (i32.const 8)", "eqref": "ref.i31 (i32.const 9)",
    "i31ref": "ref.i31 (i32.const 10)", "funcref": "ref.null nofunc",
}
VALUES.update({f"(ref {t})": VALUES[t + "ref"]
               for t in ("extern", "any", "eq", "i31")})


def support(wasmdump, path):
    """The bytes of the modules to import from, by name; None if a module wants
    what they have not."""
    import wasmtime
    out = subprocess.run([wasmdump, "-x", path], capture_output=True,
                         text=True, check=False).stdout
    text = out.split("Imports:\n")[1] if "Imports:\n" in out else ""
    extra = ""
    for line in text.splitlines():
        m = re.match(r'  (\w+)\[\d+\] "(\S+)" "(\S+)" (.*)$', line)
        if not m:
            break
        kind, module, name, ty = m.groups()
        if kind == "global" and module == "__fuzz_import" and ty in VALUES:
            extra += f'(global (export "{name}") {ty} ({VALUES[ty]}))\n'
        elif module != "fuzzing-support" or \
                f'(export "{name}")' not in SUPPORT:
            return None
    return wasmtime.wat2wasm(SUPPORT + extra + ")").hex()


INTS = [0, 1, 2, 7, 31, 64, 255, 65535, 65536, 0x7fffffff, 0x80000000,
        0xffffffff, 0x7fffffffffffffff, 0x8000000000000000]
FLOATS = {F32: [0, 0x80000000, 0x3f800000, 0xcf000000, 0x7f800000],
          F64: [0, 1 << 63, 0x3ff << 52, 0xc1e << 52, 0x7ff << 52]}


def argument(rnd, ty):
    return rnd.choice(FLOATS[ty]) if ty in FLOATS else \
        rnd.choice(INTS) & (0xffffffff if ty == I32 else -1)


def plan(number, wasm, so):
    rnd = random.Random(number)
    why = libembed.compile_ours(wasm, so, 0, "guard")
    if why:
        raise RuntimeError(why)
    rt = C.CDLL(os.path.join(LIB, "libwasmrt.so"))
    mod, err, e = C.c_void_p(), libembed.Error(), libembed.ExternType()
    if rt.wrt_module_open(C.byref(mod), so.encode(), C.byref(err)):
        raise RuntimeError(err.text.decode())
    rt.wrt_module_nexports.restype = C.c_size_t
    calls = []
    for k in range(rt.wrt_module_nexports(mod)):
        rt.wrt_module_export(mod, C.c_size_t(k), C.byref(e))
        if e.kind:
            continue
        params, results = e.func.lists()
        if all(t in (I32, I64, F32, F64) for t in params + results):
            for _ in range(2 if params else 1):
                calls.append((e.name.decode(),
                              [argument(rnd, t) for t in params]))
    return calls


# What ends a module's comparison: limits are each engine's own.
TRAPS = dict(libembed.TRAPS)
TRAPS.update({12: "null reference", 13: "null reference",
              14: "null reference", 15: "null reference",
              16: "null reference", 17: "cast", 18: "array", 21: "exception",
              27: END})


class Ours(libembed.Ours):
    def __init__(self, wasm, host, so):
        """The module that others import from first."""
        self.host = None
        why = libembed.compile_ours(bytes.fromhex(host), so + ".host", 2,
                                    "guard")
        if why:
            raise RuntimeError(why)
        super().__init__(so)

    def log(self, imports, name, ty):
        if self.host:
            return
        self.host = C.c_void_p()
        mod, none = C.c_void_p(), C.c_void_p()
        path = self.made_so + ".host"
        self.must(self.rt.wrt_module_open(C.byref(mod), path.encode(),
                                          C.byref(self.err)))
        os.unlink(path)
        self.must(self.rt.wrt_imports_create(C.byref(none)))
        self.must(self.rt.wrt_instance_create(
            C.byref(self.host), self.made[0], mod, none, C.byref(self.err)))
        for module in (b"fuzzing-support", b"__fuzz_import"):
            self.must(self.rt.wrt_imports_instance(imports, module, self.host))

    def call(self, name, args, inst=None):
        keep, self.inst = self.inst, inst or self.inst
        try:
            return super().call(name, args)
        finally:
            self.inst = keep

    def sum(self):
        return self.call("sum", [], self.host)


def run_calls(engine, calls):
    for name, args in calls:
        line = engine.call(name, args)
        engine.lines.append(f"{name} {args}: {line}")
        if line.endswith(END):
            return
        engine.lines.append(engine.sum())
    data = engine.memory()
    if data is not None:
        engine.lines.append(libembed.sum_of(data))


def observe_ours(wasm, host, so, level, bounds, calls):
    libembed.TRAPS = TRAPS
    why = libembed.compile_ours(wasm, so, level, bounds)
    if why:
        return ["compile: " + why]
    Ours.made_so = so
    ours = Ours(wasm, host, so)
    if ours.ready:
        run_calls(ours, calls)
    else:
        ours.lines = [line.split(":")[0] for line in ours.lines]
    return ours.lines


class Theirs(libembed.Theirs):
    def __init__(self, wasm, host):
        import wasmtime as W
        self.w = W
        self.lines = []
        config = W.Config()
        config.wasm_gc = True
        config.wasm_function_references = True
        config.wasm_exceptions = True
        config.wasm_tail_call = True
        config.wasm_multi_memory = True
        config.wasm_memory64 = True
        config.wasm_wide_arithmetic = True
        self.store = W.Store(W.Engine(config))
        self.module = W.Module(self.store.engine, wasm)
        linker = W.Linker(self.store.engine)
        self.host = W.Instance(self.store, W.Module(
            self.store.engine, bytes.fromhex(host)), [])
        linker.define_instance(self.store, "fuzzing-support", self.host)
        linker.define_instance(self.store, "__fuzz_import", self.host)
        self.inst = None
        try:
            self.inst = linker.instantiate(self.store, self.module)
        except (W.Trap, W.WasmtimeError):
            self.lines.append("start")

    def call(self, name, args):
        try:
            return super().call(name, args)
        except self.w.WasmtimeError as e:
            if "uncaught exception" in str(e) or "exception" in str(e):
                return "trap: exception"
            return f"trap: {e}"

    def trap(self, e):
        try:
            code = e.trap_code
        except ValueError:
            code = None
        if code:
            return ITS.get(code.name, code.name)
        text = str(e)
        for part, kind in PARTS.items():
            if part in text:
                return kind
        return text

    def sum(self):
        return libembed.show(I64, libembed.its_bits(
            I64, self.host.exports(self.store)["sum"](self.store)))


ITS = dict(libembed.ITS_TRAPS)
ITS.update({"NULL_REFERENCE": "null reference", "CAST_FAILURE": "cast",
            "ARRAY_OUT_OF_BOUNDS": "array", "ALLOCATION_TOO_LARGE": END,
            "OUT_OF_MEMORY": END})
PARTS = {"null reference": "null reference", "cast failure": "cast",
         "array access": "array", "allocation size": END, "GC heap": END,
         "exception": "exception"}


def observe_wasmtime(wasm, host, calls):
    theirs = Theirs(wasm, host)
    if theirs.inst is not None:
        run_calls(theirs, calls)
    return theirs.lines
