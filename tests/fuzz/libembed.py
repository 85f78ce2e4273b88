# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""libwasmc and libwasmrt from Python, for tests that run modules by the
hundred: what an instance did is a list of lines, the same for every way of
running it, so that two ways are compared by comparing lists.

    observe_ours(wasm, so, level, bounds, calls, cpu)
    observe_wasmtime(wasm, calls)

calls are (export, [argument...]); an argument is a number's bits.  A line is a
call of an import, a result, a trap, or at the end the sum of the memory.
"""
import ctypes as C
import hashlib
import json
import os
import struct

from libtest import Failed

OUT = os.environ.get("OUT", "build")
LIB = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), OUT, "lib")
I32, I64, F32, F64, V128 = 0x7f, 0x7e, 0x7d, 0x7c, 0x7b
NAMES = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128",
         0x70: "funcref", 0x6f: "externref"}
LOGS = {"log-i32": I32, "log-i64": I64, "log-f32": F32, "log-f64": F64,
        "log-v128": V128}
# Of runs that end so, nothing that follows can be compared: how deep a stack
# goes is each engine's own business.
END = "stack overflow"


def show(ty, bits):
    """A value; which NaN it is does not matter."""
    if ty == F32 and bits & 0x7fffffff > 0x7f800000 or \
            ty == F64 and bits & (1 << 63) - 1 > 0x7ff << 52:
        return NAMES[ty] + ":nan"
    if ty in NAMES and ty >= V128:
        return f"{NAMES[ty]}:{bits:#x}"
    return f"{NAMES.get(ty, ty)}:{'ref' if bits else 'null'}"


def show_all(types, values):
    return " ".join(show(t, v) for t, v in zip(types, values))


# ---- Ours --------------------------------------------------------------------

class Options(C.Structure):
    _fields_ = [("opt_level", C.c_int), ("emit", C.c_int), ("bounds", C.c_int),
                ("target", C.c_char_p), ("cpu", C.c_char_p),
                ("features", C.c_char_p), ("jobs", C.c_uint),
                ("wasm_opt_level", C.c_int), ("time_passes", C.c_int),
                ("dump", C.c_char_p), ("verify", C.c_int),
                ("progress", C.c_void_p), ("progress_data", C.c_void_p),
                ("relaxed_deterministic", C.c_int),
                ("nan_canonicalize", C.c_int), ("fuel", C.c_int),
                ("later", C.c_uint64 * 32)]     # options that are left zero


class CompileError(C.Structure):
    _fields_ = [("status", C.c_int), ("offset", C.c_uint64),
                ("func_idx", C.c_uint32), ("text", C.c_char * 1012)]


class Error(C.Structure):
    _fields_ = [("status", C.c_int), ("text", C.c_char * 508)]


class FuncType(C.Structure):
    _fields_ = [("nparams", C.c_uint32), ("nresults", C.c_uint32),
                ("params", C.POINTER(C.c_uint8)),
                ("results", C.POINTER(C.c_uint8))]

    def lists(self):
        return (self.params[:self.nparams] if self.nparams else [],
                self.results[:self.nresults] if self.nresults else [])


class Trap(C.Structure):
    _fields_ = [("code", C.c_int), ("exit_code", C.c_int),
                ("text", C.c_char_p), ("address", C.c_uint64),
                ("nframes", C.c_size_t), ("frames", C.c_void_p),
                ("nframes_total", C.c_size_t)]


class Limits(C.Structure):
    _fields_ = [("min", C.c_uint64), ("max", C.c_uint64), ("is64", C.c_uint8),
                ("shared", C.c_uint8), ("page_log2", C.c_uint8)]


class ExternType(C.Structure):
    _fields_ = [("module", C.c_char_p), ("name", C.c_char_p),
                ("module_len", C.c_size_t), ("name_len", C.c_size_t),
                ("kind", C.c_int), ("func", FuncType), ("type", C.c_uint8),
                ("mut", C.c_uint8), ("limits", Limits)]


HOST = C.CFUNCTYPE(C.c_int, C.c_void_p, C.c_void_p, C.POINTER(C.c_uint64))
TRAPS = {1: "unreachable", 2: "divide by zero", 3: "integer overflow",
         4: "bad conversion", 5: "memory", 6: "table", 7: "table",
         8: "null element", 9: "indirect type", 10: END, 11: "null reference"}


class Values:
    """n values, aligned as the interface wants them."""

    def __init__(self, n):
        self.raw = C.create_string_buffer(16 * n + 32)
        start = C.addressof(self.raw)
        self.at = (start + 15) & ~15
        self.words = (C.c_uint64 * (2 * n + 2)).from_address(self.at)

    def put(self, values):
        for k, v in enumerate(values):
            self.words[2 * k] = v & (1 << 64) - 1
            self.words[2 * k + 1] = v >> 64

    def get(self, types):
        return [value(self.words, k, t) for k, t in enumerate(types)]


def value(words, k, ty):
    bits = words[2 * k]
    if ty in (I32, F32):
        return bits & 0xffffffff
    return bits | words[2 * k + 1] << 64 if ty == V128 else bits


def host_cpus():
    """The names that wasmc knows of levels that this machine has."""
    names = ["native"]
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        flags = next((x.split() for x in f if x.startswith("flags")), None)
    for name, needs in (("x86-64", "sse2"), ("x86-64-v2", "sse4_2 popcnt"),
                        ("x86-64-v3", "avx2 bmi2 fma movbe"),
                        ("x86-64-v4", "avx512vl avx512dq avx512bw avx512cd")):
        if flags and set(needs.split()) <= set(flags):
            names.append(name)
    return names


def compile_ours(wasm, so, level, bounds, cpu=None):
    """None, or what went wrong."""
    wc = C.CDLL(os.path.join(LIB, "libwasmc.so"))
    opt = Options(opt_level=level or -1, bounds=bounds == "explicit", jobs=1,
                  verify=1, cpu=cpu and cpu.encode())
    err = CompileError()
    rc = wc.wasmc_compile(wasm, C.c_size_t(len(wasm)), b"diff", so.encode(),
                          C.byref(opt), C.byref(err))
    return err.text.decode("utf-8", "replace") if rc else None


def exports(so):
    """Name and parameters of the exported functions that both can call."""
    rt = C.CDLL(os.path.join(LIB, "libwasmrt.so"))
    mod, err, e = C.c_void_p(), Error(), ExternType()
    if rt.wrt_module_open(C.byref(mod), so.encode(), C.byref(err)):
        raise RuntimeError(err.text.decode())
    rt.wrt_module_nexports.restype = C.c_size_t
    found = []
    for k in range(rt.wrt_module_nexports(mod)):
        rt.wrt_module_export(mod, C.c_size_t(k), C.byref(e))
        params, results = e.func.lists() if e.kind == 0 else ([V128], [])
        if V128 not in params + results:
            found.append((e.name.decode(), params))
    return found


class Ours:
    def __init__(self, so):
        self.rt = C.CDLL(os.path.join(LIB, "libwasmrt.so"))
        self.lines = []
        self.keep = []
        self.err = Error()
        pool, mod, imports = C.c_void_p(), C.c_void_p(), C.c_void_p()
        self.inst = C.c_void_p()
        self.made = (pool, mod, imports)
        self.must(self.rt.wrt_pool_create(C.byref(pool), None,
                                          C.byref(self.err)))
        self.must(self.rt.wrt_module_open(C.byref(mod), so.encode(),
                                          C.byref(self.err)))
        self.must(self.rt.wrt_imports_create(C.byref(imports)))
        for name, ty in LOGS.items():
            self.log(imports, name, ty)
        rc = self.rt.wrt_instance_create(C.byref(self.inst), pool, mod,
                                         imports, C.byref(self.err))
        if rc == -1:
            self.lines.append("start: " + self.err.text.decode().split(" (")[0])
        elif rc:
            self.must(rc)
        self.ready = not rc

    def close(self):
        pool, mod, imports = self.made
        self.rt.wrt_instance_close(self.inst)
        self.rt.wrt_imports_destroy(imports)
        self.rt.wrt_module_close(mod)
        self.rt.wrt_pool_destroy(pool)

    def must(self, rc):
        if rc:
            raise RuntimeError(f"status {rc}: {self.err.text.decode()}")

    def log(self, imports, name, ty):
        kinds = (C.c_uint8 * 1)(ty)
        ft = FuncType(1, 0, kinds, kinds)

        def called(_data, _caller, words):
            self.lines.append(f"{name} {show(ty, value(words, 0, ty))}")
            return 0
        fn = HOST(called)
        self.keep += [fn, kinds, ft]
        self.must(self.rt.wrt_imports_func(
            imports, b"fuzzing-support", name.encode(), C.byref(ft), fn, None))

    def call(self, name, args):
        raw = name.encode()
        func, ft = C.c_void_p(), FuncType()
        if self.rt.wrt_instance_func(self.inst, raw, C.c_size_t(len(raw)),
                                     C.byref(func), C.byref(ft)):
            raise RuntimeError("no export " + name)
        params, results = ft.lists()
        a, r = Values(len(params)), Values(len(results))
        a.put(args)
        rc = self.rt.wrt_func_call(func, C.c_void_p(a.at),
                                   C.c_size_t(len(params)), C.c_void_p(r.at))
        if rc == 0:
            return show_all(results, r.get(results))
        if rc != -1:
            raise RuntimeError(f"{name}: status {rc}")
        trap = Trap()
        self.must(self.rt.wrt_trap_get(self.inst, C.byref(trap)))
        return "trap: " + TRAPS.get(trap.code, trap.text.decode())

    def memory(self):
        mem = C.c_void_p()
        if self.rt.wrt_instance_memory(self.inst, b"memory", C.c_size_t(6),
                                       C.byref(mem)):
            return None
        self.rt.wrt_memory_bytes.restype = C.c_uint64
        n = self.rt.wrt_memory_bytes(mem)
        buf = C.create_string_buffer(n or 1)
        self.must(self.rt.wrt_memory_read(mem, C.c_uint64(0), buf,
                                          C.c_size_t(n)))
        return buf.raw[:n]


def sum_of(memory):
    return f"memory {len(memory)} {hashlib.sha1(memory).hexdigest()}"


def run_calls(lines, call, memory, calls):
    for name, args in calls:
        line = call(name, args)
        lines.append(f"{name}: {line}")
        if line == "trap: " + END:
            return
    data = memory()
    if data is not None:
        lines.append(sum_of(data))


def observe_ours(wasm, so, level, bounds, calls, cpu=None):
    why = compile_ours(wasm, so, level, bounds, cpu)
    if why:
        return ["compile: " + why]
    ours = Ours(so)
    if ours.ready:
        run_calls(ours.lines, ours.call, ours.memory, calls)
    return ours.lines


# ---- wasmtime ----------------------------------------------------------------

ITS_TRAPS = {"STACK_OVERFLOW": END, "MEMORY_OUT_OF_BOUNDS": "memory",
             "TABLE_OUT_OF_BOUNDS": "table",
             "INDIRECT_CALL_TO_NULL": "null element",
             "BAD_SIGNATURE": "indirect type",
             "INTEGER_OVERFLOW": "integer overflow",
             "INTEGER_DIVISION_BY_ZERO": "divide by zero",
             "BAD_CONVERSION_TO_INTEGER": "bad conversion",
             "UNREACHABLE": "unreachable"}


def its_bits(ty, v):
    if ty == F32:
        return struct.unpack("<I", struct.pack("<f", v))[0] if v == v \
            else 0x7fc00000
    if ty == F64:
        return struct.unpack("<Q", struct.pack("<d", v))[0]
    if ty in (I32, I64):
        return v & (1 << (32 if ty == I32 else 64)) - 1
    return 0 if v is None else 1


def its_value(ty, bits):
    if ty == F32:
        return struct.unpack("<f", struct.pack("<I", bits & 0xffffffff))[0]
    if ty == F64:
        return struct.unpack("<d", struct.pack("<Q", bits))[0]
    if ty in (I32, I64):
        top = 1 << (31 if ty == I32 else 63)
        return (bits & 2 * top - 1 ^ top) - top
    return None


def type_byte(t):
    return {v: k for k, v in NAMES.items()}.get(str(t), 0)


# The package has no v128: it is logged in halves, and exports that have one in
# their type are not called.
HALVES = """(module
  (import "" "halves" (func $log (param i64 i64)))
  (func (export "log-v128") (param v128)
    (call $log (i64x2.extract_lane 0 (local.get 0))
      (i64x2.extract_lane 1 (local.get 0)))))"""


class Theirs:
    def __init__(self, wasm):
        import wasmtime as W
        self.w = W
        self.lines = []
        self.store = W.Store(W.Engine())
        self.module = W.Module(self.store.engine, wasm)
        linker = W.Linker(self.store.engine)
        for imp in self.module.imports:
            linker.define(self.store, imp.module, imp.name,
                          self.logger(imp.name, LOGS[imp.name]))
        self.inst = None
        try:
            self.inst = linker.instantiate(self.store, self.module)
        except W.Trap as e:
            self.lines.append("start: " + self.trap(e))

    def logger(self, name, ty):
        w, i64 = self.w, self.w.ValType.i64()
        if ty == V128:
            f = w.Func(self.store, w.FuncType([i64, i64], []), self.halves)
            halves = w.Module(self.store.engine, w.wat2wasm(HALVES))
            return w.Instance(self.store, halves, [f]).exports(
                self.store)[name]

        def called(v):
            self.lines.append(f"{name} {show(ty, its_bits(ty, v))}")
        kind = getattr(w.ValType, NAMES[ty])()
        return w.Func(self.store, w.FuncType([kind], []), called)

    def halves(self, low, high):
        bits = its_bits(I64, low) | its_bits(I64, high) << 64
        self.lines.append("log-v128 " + show(V128, bits))

    def trap(self, e):
        code = e.trap_code
        return ITS_TRAPS.get(code.name, code.name) if code else str(e)

    def call(self, name, args):
        f = self.inst.exports(self.store)[name]
        params = [type_byte(t) for t in f.type(self.store).params]
        results = [type_byte(t) for t in f.type(self.store).results]
        try:
            r = f(self.store, *[its_value(t, v)
                                for t, v in zip(params, args)])
        except self.w.Trap as e:
            return "trap: " + self.trap(e)
        r = [] if r is None else r if isinstance(r, list) else [r]
        return show_all(results, [its_bits(t, v)
                                  for t, v in zip(results, r)])

    def memory(self):
        mem = self.inst.exports(self.store).get("memory")
        return None if mem is None else bytes(mem.read(self.store))


def observe_wasmtime(wasm, calls):
    theirs = Theirs(wasm)
    if theirs.inst is not None:
        run_calls(theirs.lines, theirs.call, theirs.memory, calls)
    return theirs.lines


# ---- Memories ---------------------------------------------------------------

def fill_and_sum(end, number):
    """Text of exports: reset() fills the memory's first `end` bytes with words
    made of `number`, an expression of the address $i; sum() sums them up."""
    return f"""(func (export "reset") (local $i i32) (loop $l
        (i32.store (local.get $i) (i32.mul {number} (i32.const 0x9e3779b1)))
        (br_if $l (i32.ne (local.tee $i (i32.add (local.get $i)
          (i32.const 4))) (i32.const {end})))))
      (func (export "sum") (result i64) (local $i i32) (local $x i64) (loop $l
        (local.set $x (i64.mul (i64.xor (local.get $x) (i64.load
          (local.get $i))) (i64.const 0x100000001b3)))
        (br_if $l (i32.ne (local.tee $i (i32.add (local.get $i)
          (i32.const 8))) (i32.const {end})))) (local.get $x))"""


# ---- Comparing --------------------------------------------------------------

def same_lines(how, calls, expected, got):
    """Fail where `got`, made in the way `how`, is not as expected; a call is
    named with the one before it, which may be the cause."""
    for k, (e, g) in enumerate(zip(expected, got)):
        if e != g:
            raise Failed(f"{how}: {calls[k]} after {calls[k - 1]}: {g}, not "
                         f"{e}" if k < len(calls) else f"{how}: {g}, not {e}")
    if len(got) != len(expected):
        raise Failed(f"{how}: {len(got)} lines, not {len(expected)}")


def same_calls(wasm, so, way, calls, expected):
    """Fail where the module does otherwise than expected, made in this way:
    level, bounds, cpu.  Calls come in threes: reset(), one to test, sum()."""
    got = apart(observe_ours, wasm, so, *way[:2], calls, way[2])
    for k in range(2, len(calls), 3):
        if k < len(got) and got[k] != expected[k] and got[k - 2:k] == \
                expected[k - 2:k] and got[k - 1].endswith("trap: memory") \
                and trapped_early(wasm, so, *way, calls[k - 2:k]):
            got[k] = expected[k]
    n = len(calls)                      # not the memory of the last
    same_lines("-O{} {} {}".format(*way), calls, expected[:n], got[:n])


def memory_ours(wasm, so, level, bounds, cpu, calls):
    why = compile_ours(bytes.fromhex(wasm), so, level, bounds, cpu)
    if why:
        raise RuntimeError(why)
    ours = Ours(so)
    run_calls(ours.lines, ours.call, ours.memory, calls)
    return ours.memory().hex()


def memory_theirs(wasm, calls):
    theirs = Theirs(bytes.fromhex(wasm))
    run_calls(theirs.lines, theirs.call, theirs.memory, calls)
    return theirs.memory().hex()


def trapped_early(wasm, so, level, bounds, cpu, calls):
    """Do memories after these calls, the last of which traps, differ only as
    docs/CODEGEN.md allows?  A load may trap before stores that are before it:
    the bytes that differ are what they were before that call."""
    if level < 2 or bounds != "guard":
        return False
    wasm = wasm.hex()
    return all(e == g or g == b for b, e, g in zip(
        bytes.fromhex(apart(memory_theirs, wasm, calls[:-1])),
        bytes.fromhex(apart(memory_theirs, wasm, calls)),
        bytes.fromhex(apart(memory_ours, wasm, so, level, bounds, cpu,
                            calls))))


def apart(fn, *args):
    """fn in a process of its own, so that a crash is one failure."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        out = {"error": "?"}
        try:
            out = {"value": fn(*args)}
        except BaseException as e:
            out = {"error": f"{type(e).__name__}: {e}"}
        finally:
            with os.fdopen(w, "w") as f:
                json.dump(out, f)
            os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        text = f.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise Failed(f"killed by signal {status & 127}")
    out = json.loads(text)
    if "error" in out:
        raise Failed(out["error"])
    return out["value"]


def first_difference(a, b):
    for k, (x, y) in enumerate(zip(a, b)):
        if x.endswith(END) or y.endswith(END):
            return None
        if x != y:
            return f"line {k}: {x} / {y}"
    if len(a) != len(b):
        return f"{len(a)} lines / {len(b)}"
    return None
