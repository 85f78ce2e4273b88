#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 600
"""Fuel is exact: with every amount from none to enough, a module has done what
its instructions up to there do, and nothing after.

The reference is made here, from the text: each program is written an
instruction a line, and a second form of it calls a function that counts, and
traps in time, before every line that costs something.  That form is compiled
without --fuel.  Where wasmtime can run a program, its count is compared too.
"""
import ctypes as C
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fuzz"))
from libtest import *
import libembed

WAYS = [("-O0",), ("-O1",), ("-O2",), ("-O3",), ("-O0", "--bounds=explicit"),
        ("-O2", "--bounds=explicit")]
FREE = {"nop", "drop", "block", "loop", "else", "end", "unreachable",
        "return"}
PLENTY = 1000000
TRAP_FUEL, TRAP_EXCEPTION = 25, 21

# Everything that a program may leave behind.
STATE = """
(memory (export "memory") 1 3)
(global $g (export "g") (mut i32) (i32.const 0))
(global $h (export "h") (mut i64) (i64.const 0))
(table $t (export "t") 4 9 funcref)
(import "fuzzing-support" "log-i32" (func $log (param i32)))
"""
COUNT = """
(global $fuel (export "fuel") (mut i64) (i64.const 0))
(global $out (export "out") (mut i32) (i32.const 0))
(func $tick
  (if (i64.eqz (global.get $fuel))
    (then (global.set $out (i32.const 1)) (unreachable)))
  (global.set $fuel (i64.sub (global.get $fuel) (i64.const 1))))
"""

PROGRAMS = {}
NOT_THEIRS = set()		# what the oracle does not run


def program(name, text, args=(), theirs=True):
    PROGRAMS[name] = (text, args)
    if not theirs:
        NOT_THEIRS.add(name)


program("straight", """
func (export "run")
i32.const 1
global.set $g
i32.const 0
i32.const 5
i32.store
i32.const 8
i32.const 0
i32.load
i32.const 37
i32.add
i32.store offset=4
nop
i32.const 3
drop
i64.const 9
global.set $h
i32.const 7
call $log
""")

program("loop", """
func (export "run")
(local $i i32)
loop $l
local.get $i
local.get $i
i32.store8
local.get $i
i32.const 3
i32.mul
global.set $g
local.get $i
i32.const 1
i32.add
local.tee $i
i32.const 9
i32.lt_u
br_if $l
end
i32.const 77
global.set $g
""")

program("pure_loop", """
func (export "run")
(local $i i32)
(local $s i64)
loop $l
local.get $s
local.get $i
i64.extend_i32_u
i64.const 3
i64.mul
i64.add
local.set $s
local.get $i
i32.const 1
i32.add
local.tee $i
i32.const 12
i32.ne
br_if $l
end
local.get $s
global.set $h
""")

program("invariant_load", """
func (export "run")
(local $i i32)
(local $s i32)
i32.const 16
i32.const 11
i32.store
loop $l
local.get $s
i32.const 16
i32.load
i32.add
local.set $s
local.get $i
i32.const 1
i32.add
local.tee $i
i32.const 6
i32.ne
br_if $l
end
i32.const 20
local.get $s
i32.store
""")

program("br_table", """
func (export "run")
(local $i i32)
block $done
loop $l
block $c
block $b
block $a
local.get $i
i32.const 4
i32.rem_u
br_table $a $b $c $a
end
i32.const 1
global.set $g
local.get $i
i32.const 4
i32.store
br $c
end
i32.const 2
global.set $g
end
local.get $i
i32.const 1
i32.add
local.tee $i
i32.const 7
i32.eq
br_if $done
br $l
end
end
local.get $i
call $log
""")

program("if_else", """
func (export "run")
(local $i i32)
loop $l
local.get $i
i32.const 1
i32.and
if
i32.const 0
local.get $i
i32.store
else
i32.const 4
local.get $i
i32.store
local.get $i
i32.const 4
i32.eq
if
i32.const 1
global.set $g
end
end
local.get $i
i32.const 1
i32.add
local.tee $i
i32.const 6
i32.ne
br_if $l
end
""")

program("calls", """
func $sum (param $n i32) (result i32)
local.get $n
i32.eqz
if (result i32)
i32.const 0
else
i32.const 12
local.get $n
i32.store
local.get $n
local.get $n
i32.const 1
i32.sub
call $sum
i32.add
end
func $small (param i32) (result i32)
local.get 0
i32.load
func $pair (param i32) (result i32 i32)
local.get 0
global.get $g
func $empty
func (export "run")
(local $a i32)
(local $b i32)
i32.const 5
call $sum
global.set $g
i32.const 12
call $small
call $log
call $empty
i32.const 3
call $pair
local.set $a
local.set $b
i32.const 40
local.get $a
local.get $b
i32.add
i32.store
i32.const 3
return
unreachable
""".replace("i32.const 3\nreturn", "return"))

program("indirect", """
func $one (param i32) (result i32)
local.get 0
i32.const 1
i32.add
func $two (param i32) (result i32)
i32.const 44
local.get 0
i32.store
local.get 0
func $three (param i64)
func (export "run")
(local $i i32)
i32.const 0
ref.func $one
table.set $t
i32.const 1
ref.func $two
table.set $t
i32.const 2
ref.func $three
table.set $t
loop $l
local.get $i
local.get $i
call_indirect $t (param i32) (result i32)
global.set $g
local.get $i
i32.const 1
i32.add
local.set $i
br $l
end
(elem declare func $one $two $three)
""")

program("tail", """
func $even (param $n i32) (result i32)
local.get $n
global.set $g
local.get $n
i32.eqz
if
i32.const 1
return
end
local.get $n
i32.const 1
i32.sub
return_call $odd
func $odd (param $n i32) (result i32)
i32.const 4
local.get $n
i32.store
local.get $n
i32.eqz
if
i32.const 0
return
end
local.get $n
i32.const 1
i32.sub
ref.func $even
return_call_ref $k
(type $k (func (param i32) (result i32)))
(elem declare func $even)
func (export "run")
i32.const 7
call $even
global.set $g
""")

program("exceptions", """
(tag $e (param i32))
func $throws (param $n i32)
i32.const 8
local.get $n
i32.store
local.get $n
i32.const 2
i32.ge_u
if
local.get $n
throw $e
end
i32.const 1
global.set $g
func $passes (param $n i32)
local.get $n
i32.const 5
i32.add
global.set $g
local.get $n
call $throws
i32.const 60
i32.const 1
i32.store
func (export "run")
(local $i i32)
loop $l
block $caught (result i32)
try_table (catch $e $caught)
local.get $i
call $passes
i32.const 3
global.set $g
local.get $i
i32.const 3
i32.eq
if
i32.const 99
throw $e
end
end
i32.const 4
end
call $log
local.get $i
i32.const 1
i32.add
local.tee $i
i32.const 5
i32.ne
br_if $l
end
i32.const 5
throw $e
""", theirs=False)

program("continuations", """
(type $ft (func))
(type $ct (cont $ft))
(tag $yield (param i32))
func $gen
(local $i i32)
loop $l
local.get $i
suspend $yield
local.get $i
i32.const 1
i32.add
local.tee $i
global.set $g
local.get $i
i32.const 3
i32.ne
br_if $l
end
(elem declare func $gen)
func (export "run")
(local $k (ref null $ct))
(local $n i32)
ref.func $gen
cont.new $ct
local.set $k
block $done
loop $l
block $on (result i32 (ref $ct))
local.get $k
resume $ct (on $yield $on)
br $done
end
local.set $k
local.get $n
i32.add
local.tee $n
call $log
br $l
end
end
i32.const 4
local.get $n
i32.store
""", theirs=False)

program("divide", """
func (export "run")
(local $i i32)
i32.const 4
local.set $i
loop $l
i32.const 1000
local.get $i
i32.div_u
global.set $g
i32.const 0
local.get $i
i32.store
local.get $i
i32.const 1
i32.sub
local.set $i
br $l
end
""")

for where, access in (("load", "i32.load\ndrop"),
                      ("store", "i32.const 9\ni64.extend_i32_u\ni64.store"),
                      ("load8", "i32.load8_u offset=3\nglobal.set $g")):
    program(f"fault_{where}", f"""
func (export "run")
(local $p i32)
i32.const 65480
local.set $p
loop $l
i32.const 0
local.get $p
i32.store
local.get $p
{access}
i32.const 1
global.set $g
local.get $p
i32.const 17
i32.add
local.set $p
i32.const 4
local.get $p
i32.store
br $l
end
""")

program("fault_inlined", """
func $get (param i32) (result i32)
i32.const 1
global.set $g
local.get 0
i32.load
i32.const 2
global.set $g
i32.const 5
i32.add
func (export "run")
i32.const 65532
call $get
call $log
i32.const 65533
call $get
call $log
""")

program("bulk", """
(data $d "abcdefgh")
func (export "run")
i32.const 0
i32.const 5
i32.const 100
memory.fill
i32.const 50
i32.const 0
i32.const 20
memory.copy
i32.const 1
memory.grow
global.set $g
i32.const 65536
i32.const 2
i32.const 4
memory.init $d
data.drop $d
memory.size
call $log
ref.null func
i32.const 2
table.grow $t
drop
i32.const 1
i32.const 0
i32.const 2
table.copy $t $t
i32.const 60
i32.const 65530
i32.const 65536
memory.copy
i32.const 0
i32.const 5
i32.const 1000000
memory.fill
""")

program("conversions", """
func (export "run")
(local $x f64)
f64.const 1e6
local.set $x
loop $l
local.get $x
i32.trunc_f64_s
global.set $g
local.get $x
i64.trunc_sat_f64_u
global.set $h
local.get $x
f64.const 8
f64.mul
local.set $x
br $l
end
""")

program("blocks", """
func (export "run")
block $o (result i32)
i32.const 1
global.set $g
block $p
i32.const 2
global.set $g
block
block
i32.const 0
i32.const 7
i32.store
i32.const 0
i32.load
i32.const 7
i32.ne
br_if $p
end
i32.const 3
global.set $g
i32.const 5
br $o
end
end
i32.const 9
end
call $log
""")

program("deep_stack", """
func (export "run")
i32.const 0
i32.const 4
i32.const 8
i32.const 12
i32.const 1
block
end
i32.store
i32.load
i32.add
i32.load
i32.const 20
i32.store
drop
i64.const 1
i64.const 2
i64.const 3
i64.const 4
i64.const 5
i32.const 1
select
i64.add
i64.add
i64.add
global.set $h
i32.const 3
global.set $g
""")

program("simd", """
func (export "run")
i32.const 0
i32.const 3
i32x4.splat
v128.store
i32.const 16
i32.const 0
v128.load
i32.const 5
i32x4.splat
i32x4.add
v128.store
i32.const 65530
v128.load
drop
i32.const 1
global.set $g
""")

program("gc", """
(type $s (struct (field $a (mut i32)) (field $b (mut i64))))
(type $v (array (mut i32)))
func (export "run")
(local $s (ref null $s))
(local $v (ref null $v))
i32.const 4
i64.const 8
struct.new $s
local.set $s
i32.const 5
array.new_default $v
local.set $v
local.get $v
i32.const 2
local.get $s
struct.get $s $a
array.set $v
local.get $v
i32.const 2
array.get $v
global.set $g
local.get $v
array.len
call $log
local.get $v
i32.const 5
array.get $v
drop
i32.const 1
global.set $g
""", theirs=False)

program("unreachable", """
func (export "run")
i32.const 4
global.set $g
i32.const 0
i32.const 1
i32.store
unreachable
""")

program("stores_only", """
func $f (param $p i32)
local.get $p
local.get $p
i32.store
local.get $p
local.get $p
i32.store offset=4
func (export "run")
(local $i i32)
loop $l
local.get $i
call $f
local.get $i
i32.const 4
i32.add
local.tee $i
i32.const 40
i32.lt_u
br_if $l
end
""")


def text_of(program_text, count):
    """The module's text; with count, the form that counts by itself."""
    body, opened = [], False

    def tick():
        if count:
            body.append("call $tick")

    pending = False			# a function's head was read
    for line in program_text.strip().split("\n"):
        word = line.split(" ")[0]
        top = line.startswith(("(data", "(tag", "(type", "(elem"))
        if word == "func" or top:
            if opened:
                if pending:
                    tick()
                body.append(")")
            opened, pending = word == "func", word == "func"
            body.append(line if top else "(" + line)
            continue
        if line.startswith("(local"):
            body.append(line)
            continue
        if pending:
            tick()
            pending = False
        if word not in FREE:
            tick()
        body.append(line)
    if opened:
        if pending:
            tick()
        body.append(")")
    # Imports come first.
    imports = [s for s in STATE.split("\n") if s.startswith("(import")]
    state = [s for s in STATE.split("\n") if not s.startswith("(import")]
    return "(module\n" + "\n".join(imports + state) + \
        (COUNT if count else "") + "\n".join(body) + ")\n"


class Word(C.Structure):
    _fields_ = [("low", C.c_uint64), ("high", C.c_uint64)]


class Instance(libembed.Ours):
    def fuel(self, units):
        self.must(self.rt.wrt_instance_set_fuel(self.inst,
                                                C.c_uint64(units)))

    def left(self):
        n = C.c_uint64()
        self.must(self.rt.wrt_instance_fuel(self.inst, C.byref(n)))
        return n.value

    def glob(self, name, put=None):
        g = C.c_void_p()
        raw = name.encode()
        self.must(self.rt.wrt_instance_global(
            self.inst, raw, C.c_size_t(len(raw)), C.byref(g)))
        if put is not None:
            self.must(self.rt.wrt_global_set(g, Word(put, 0)))
        self.rt.wrt_global_get.restype = Word
        return self.rt.wrt_global_get(g).low

    def tables(self):
        t, out = C.c_void_p(), libembed.Values(1)
        self.must(self.rt.wrt_instance_table(self.inst, b"t", C.c_size_t(1),
                                             C.byref(t)))
        self.rt.wrt_table_size.restype = C.c_uint64
        n = self.rt.wrt_table_size(t)
        set_ = []
        for k in range(n):
            self.must(self.rt.wrt_table_get(t, C.c_uint64(k),
                                            C.c_void_p(out.at)))
            set_.append(out.words[0] != 0)
        return set_

    def reset(self):
        self.lines.clear()
        self.must(self.rt.wrt_instance_reset(self.inst, C.byref(self.err)))

    def state(self):
        return (libembed.sum_of(self.memory()), self.glob("g") & 0xffffffff,
                self.glob("h"), self.tables(), list(self.lines))


def run_counted(inst, units):
    """The reference's outcome."""
    inst.reset()
    inst.glob("fuel", units)
    what = inst.call("run", [])
    out = inst.glob("out")
    if out & 1:
        what = "trap: fuel"
    return what, inst.glob("fuel"), inst.state()


def run_fuel(inst, units):
    inst.reset()
    inst.fuel(units)
    what = inst.call("run", [])
    if what == "trap: fuel exhausted":
        what = "trap: fuel"
    return what, inst.left(), inst.state()


def compiled(folder, name, text, *flags):
    import wasmtime
    wasm = os.path.join(folder, name + ".wasm")
    with open(wasm, "wb") as f:
        f.write(wasmtime.wat2wasm(text))
    so = wasm[:-5] + "".join(flags) + ".so"
    run(WASMC, *flags, "--features=stack-switching", "-o", so, wasm).must(0)
    return wasm, so


def their_count(wasm):
    """What wasmtime says the program costs: units, or None."""
    import wasmtime as w
    config = w.Config()
    config.consume_fuel = True
    for f in ("wasm_tail_call", "wasm_function_references", "wasm_gc"):
        if hasattr(w.Config, f):
            setattr(config, f, True)
    engine = w.Engine(config)
    store = w.Store(engine)
    store.set_fuel(PLENTY)
    linker = w.Linker(engine)
    linker.define(store, "fuzzing-support", "log-i32", w.Func(
        store, w.FuncType([w.ValType.i32()], []), lambda v: None))
    with open(wasm, "rb") as f:
        inst = linker.instantiate(store, w.Module(engine, f.read()))
    store.set_fuel(PLENTY)
    try:
        inst.exports(store)["run"](store)
    except w.Trap:
        return None		# it counts traps by the block
    return PLENTY - store.get_fuel()


def check(name):
    text = PROGRAMS[name][0]
    folder = scratch()
    ref = Instance(compiled(folder, name + "-ref", text_of(text, True),
                            "-O1")[1])
    whole = run_counted(ref, PLENTY)
    cost = PLENTY - whole[1]
    expected = [run_counted(ref, n) for n in range(cost + 2)]
    wasm = None
    for way in WAYS:
        wasm, so = compiled(folder, name, text_of(text, False), "--fuel",
                            *way)
        ours = Instance(so)
        for n in range(cost + 2):
            equal(run_fuel(ours, n), expected[n], f"{way} with {n} of {cost}:")
        equal(run_fuel(ours, PLENTY), whole, f"{way} with plenty:")
        ours.close()
    ref.close()
    if name in NOT_THEIRS:
        return
    theirs = their_count(wasm)
    if theirs is not None:
        equal(cost, theirs, "wasmtime's count")


def add_cases():
    for name in PROGRAMS:
        def fn(name=name):
            check(name)
        fn.__name__ = name
        case(fn)


use_oracle()
add_cases()
main()
