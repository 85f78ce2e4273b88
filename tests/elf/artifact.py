#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# timeout: 300
"""What wasmc writes: the shape of the shared object, its names, that it is the
same each time, and what is left when something goes wrong."""
import hashlib
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get("BIN", "build/bin")
PYTHON = os.environ.get("WASMTIME_PYTHON", "build/venv/bin/python")
READELF = os.environ.get("READELF", "llvm-readelf-22")
TMP = tempfile.TemporaryDirectory(prefix="wasmc-elf-")
WASMC = os.path.abspath(os.path.join(BIN, "wasmc"))


def path(name):
    return os.path.join(TMP.name, name)


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)
    return path(name)


def get(name):
    with open(name, "rb") as f:
        return f.read()


def wat(name, text):
    r = subprocess.run(
        [PYTHON, "-c", "import sys, wasmtime\n"
         "sys.stdout.buffer.write(bytes(wasmtime.wat2wasm("
         "sys.stdin.read())))"],
        input=text.encode(), stdout=subprocess.PIPE, check=True)
    return put(name, r.stdout)


def wasmc(*args, env=None):
    e = dict(os.environ, **(env or {}))
    return subprocess.run([WASMC, *args], env=e, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def compiled(src, *args):
    out = src[:-5] + ".so"
    r = wasmc(src, "-o", out, *args)
    assert r.returncode == 0, r.stderr
    return out


def readelf(flags, so):
    return subprocess.run([READELF, flags, so], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


MODULE = """(module
 (import "env" "f" (func $f (param i32 i64) (result f64)))
 (memory (export "memory") 2) (table (export "t") 4 funcref)
 (global (export "g") (mut i32) (i32.const 5))
 (data (i32.const 100) "abc") (elem (i32.const 1) $sum $f)
 (func $sum (export "sum") (export "other") (param i32 i32) (result i32)
  (i32.add (local.get 0) (local.get 1)))
 (func $small (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
 (func $load (export "load") (param i32) (result i32)
  (call $small (i32.load (local.get 0))))
 (func $switch (export "switch") (param i32) (result f64)
  (block (block (block (block (block (block
   (br_table 0 1 2 3 4 5 (local.get 0)))
   (return (f64.const 1.5))) (return (f64.const 2.5)))
   (return (f64.const 3.5))) (return (f64.const 4.5)))
   (return (f64.const 5.5))) (call $f (i32.const 1) (i64.const 2)))
 (start $go) (func $go (global.set 0 (i32.const 6))))"""

SECTIONS = re.compile(
    r"\.(text|rodata.*|eh_frame|eh_frame_hdr|dynamic|dynsym|dynstr|hash|"
    r"gnu\.hash|rela\.dyn|data\.rel\.ro|relro_padding|note\.gnu\.build-id|"
    r"comment|debug_.*|symtab|strtab|shstrtab|wabi\.(meta|data|image|pcmap|"
    r"digest))$")


def check_shape(so, machine):
    dyn = readelf("-dW", so)
    tags = re.findall(r"\((\w+)\)", dyn)
    for t in tags:
        assert t in ("FLAGS", "FLAGS_1", "SYMTAB", "SYMENT", "STRTAB",
                     "STRSZ", "GNU_HASH", "HASH", "RELA", "RELASZ",
                     "RELAENT", "RELACOUNT", "NULL", "bytes"), t
    for line in readelf("-lW", so).splitlines():
        m = re.match(r"\s+(\w+)\s+0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ (.{3}) ", line)
        if m:
            assert not ("W" in m[2] and "E" in m[2]), line
            assert m[1] not in ("INTERP", "TLS"), line
            assert m[1] != "GNU_STACK" or "E" not in m[2], line
    assert "UND" not in "\n".join(
        readelf("--dyn-syms", so).splitlines()[4:]), "undefined symbols"
    for t in re.findall(r"R_\w+", readelf("-rW", so)):
        assert t in ("R_X86_64_RELATIVE", "R_AARCH64_RELATIVE"), t
    for name in re.findall(r"^\s*\[ *\d+\] (\S+)", readelf("-SW", so), re.M):
        assert name == "NULL" or SECTIONS.match(name), name
    assert machine in readelf("-h", so)
    assert "Entry point address:               0x0\n" in readelf("-h", so)


def symbols(so):
    out = {}
    for line in readelf("-sW", so).splitlines():
        f = line.split()
        if len(f) >= 8 and f[3] in ("FUNC", "OBJECT", "NOTYPE"):
            out[f[7]] = (int(f[1], 16), int(f[2], 0), f[3], f[4])
    return out


def test_shape():
    src = wat("shape.wasm", MODULE)
    for level in "0123":
        check_shape(compiled(src, "-O" + level), "X86-64"
                    if os.uname().machine == "x86_64" else "AArch64")


def test_shape_of_an_empty_module():
    src = put("empty.wasm", b"\0asm\1\0\0\0")
    check_shape(compiled(src, "--target=x86_64-linux-gnu"), "X86-64")


def test_cross_compiles():
    src = wat("cross.wasm", MODULE)
    check_shape(compiled(src, "--target=aarch64-linux-gnu"), "AArch64")
    check_shape(compiled(src, "--target=x86_64-linux-gnu", "--cpu=x86-64"),
                "X86-64")


def test_symbols():
    s = symbols(compiled(wat("symbols.wasm", MODULE), "-O0"))
    for name in ("sum", "other", "small", "load", "switch", "go"):
        assert s[name][2] == "FUNC" and s[name][1] > 0, name
    assert s["sum"][0] == s["other"][0]


HOSTILE = ["_init", "_fini", "_start", "_DYNAMIC", "__bss_start", "a@b",
           "a@@v1", ".Lx", "$x", "$d", "llvm.memcpy.p0.p0.i64", "memcpy",
           "wabi.meta", "wabi.gone", "0", "%s", "main", "a\\00b", "\\01c",
           "x y", "\\\"q\\\"", "", "é", "_GLOBAL_OFFSET_TABLE_",
           "__init_array_start", "sum", "/etc/passwd", "a" * 5000]


def test_hostile_names():
    funcs = "".join('(func (export "%s") (result i32) (i32.const %d))' %
                    (n, i) for i, n in enumerate(HOSTILE))
    src = wat("hostile.wasm", "(module %s)" % funcs)
    so = compiled(src)
    check_shape(so, "")
    s = symbols(so)
    assert "a@b" not in s and "a%40b" in s
    assert s["wabi.gone"] and s["wabi.meta"][2] == "OBJECT"
    for i, n in enumerate(HOSTILE):
        if "\\" in n or len(n) > 1000:
            continue
        r = subprocess.run([os.path.join(BIN, "wasmrun"), "--invoke", n, so],
                           text=True, stdout=subprocess.PIPE)
        assert r.stdout.strip() == str(i), (n, r.stdout)


def digest_of(b):
    """The rule of wabi.h, written down a second time."""
    phoff, shoff = struct.unpack_from("<QQ", b, 32)
    phnum, _, shnum, strndx = struct.unpack_from("<HHHH", b, 56)
    sh = [struct.unpack_from("<IIQQQQIIQQ", b, shoff + 64 * i)
          for i in range(shnum)]
    names = b[sh[strndx][4]:sh[strndx][4] + sh[strndx][5]]
    h = hashlib.sha256(b[:64] + b[phoff:phoff + 56 * phnum] +
                       b[shoff:shoff + 64 * shnum])
    stored = None
    for s in sh:
        name = names[s[0]:names.index(b"\0", s[0])].decode()
        body = b[s[4]:s[4] + s[5]]
        if name == ".wabi.digest":
            stored = body
        if s[1] == 8 or name in (".text", ".wabi.image", ".wabi.data",
                                 ".wabi.pcmap", ".wabi.source",
                                 ".wabi.digest", ".symtab", ".strtab") or \
                name.startswith((".debug_", ".rodata")):
            continue
        h.update(body)
    return stored, h.digest()


def test_digest():
    stored, computed = digest_of(get(compiled(wat("dig.wasm", MODULE))))
    assert stored == computed


def many(n):
    body = "".join("(i32.add (i32.mul (local.get 0) (i32.const %d))" % k
                   for k in range(3000)) + "(local.get 0)" + ")" * 3000
    return "(module %s)" % "".join(
        '(func (export "f%d") (param i32) (result i32) %s)' % (i, body)
        for i in range(n))


def test_reproducible():
    src = wat("repro.wasm", MODULE)
    first = get(compiled(src))
    assert get(compiled(src)) == first
    other = path("another-name.so")
    assert wasmc(src, "-o", other).returncode == 0
    assert get(other) == first


def test_threads_do_not_matter():
    src = wat("parts.wasm", many(60))
    assert os.path.getsize(src) > 1 << 20
    one = get(compiled(src, "-O0", "-j1"))
    assert get(compiled(src, "-O0", "-j4")) == one
    r = subprocess.run([os.path.join(BIN, "wasmrun"), "--invoke", "f59",
                        src[:-5] + ".so", "1"], text=True,
                       stdout=subprocess.PIPE)
    assert r.stdout.strip() == str(sum(range(3000)) + 1), r.stdout


def test_emit():
    src = wat("emit.wasm", MODULE)
    for kind, start in (("obj", b"\x7fELF"), ("asm", b"\t"),
                        ("llvm-ir", b"; ModuleID")):
        out = path("emit." + kind)
        r = wasmc(src, "--emit=" + kind, "-o", out)
        assert r.returncode == 0 and get(out).startswith(start), (kind, r)


def test_stdin_and_stdout():
    src = wat("std.wasm", MODULE)
    want = get(compiled(src, "--quiet"))
    with open(src, "rb") as f:
        r = subprocess.run([WASMC, "-", "-o", "-"], stdin=f,
                           stdout=subprocess.PIPE, check=True)
    assert r.stdout.startswith(b"\x7fELF")
    assert abs(len(r.stdout) - len(want)) < 100


def invoke(so, *args):
    return subprocess.run([os.path.join(BIN, "wasmrun"), "--invoke", args[0],
                           so, *args[1:]], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def test_memory_image():
    """Segments are applied in order; the image holds what they leave."""
    src = wat("image.wasm", """(module (memory 65536)
     (data (i32.const 4094) "AAAA") (data (i32.const 4095) "BB")
     (data (i32.const 0xffffffff) "z") (data (i32.const 0x80000000) "\\00")
     (data (i32.const 65536) "") (data $p "passive")
     (func (export "at") (param i32) (result i32)
      (i32.load8_u (local.get 0)))
     (func (export "init") (result i32)
      (memory.init $p (i32.const 8) (i32.const 0) (i32.const 7))
      (i32.load (i32.const 8))))""")
    so = compiled(src)
    assert os.path.getsize(so) < 100000, "pages of zeros are stored"
    for at, want in ((4093, 0), (4094, 65), (4095, 66), (4096, 66),
                     (4097, 65), (4098, 0), (0xffffffff, 122),
                     (0x80000000, 0)):
        got = invoke(so, "at", str(at)).stdout.strip()
        assert got == str(want), (at, got, want)
    assert invoke(so, "init").stdout.strip() == str(0x73736170)


def test_memory_image_ends_at_a_bad_segment():
    """A segment that cannot be in the image leaves the later ones to the
    runtime, so that their order stays."""
    so = compiled(wat("order.wasm", """(module (memory 1)
     (global $g i32 (i32.const 10))
     (data (i32.const 8) "aaaa") (data (global.get $g) "bb")
     (data (i32.const 11) "c")
     (func (export "get") (result i32) (i32.load (i32.const 8))))"""))
    assert invoke(so, "get").stdout.strip() == str(
        int.from_bytes(b"aabc", "little")), "order"
    so = compiled(wat("oob.wasm", """(module (memory 1)
     (data (i32.const 65536) "x")
     (func (export "get") (result i32) (i32.load (i32.const 8))))"""))
    r = invoke(so, "get")
    assert r.returncode != 0 and "out of bounds" in r.stderr, r


def test_initial_values():
    so = compiled(wat("values.wasm", """(module
     (global $a i64 (i64.const -2)) (global $f f32 (f32.const nan:0x200001))
     (global $s i32 (i32.add (i32.const 40) (i32.const 2)))
     (table 3 funcref) (elem (i32.const 1) funcref
      (ref.null func) (ref.func $x)) (func $x)
     (func (export "a") (result i64) (global.get $a))
     (func (export "f") (result i32) (i32.reinterpret_f32 (global.get $f)))
     (func (export "s") (result i32) (global.get $s))
     (func (export "null") (param i32) (result i32)
      (ref.is_null (table.get (local.get 0)))))"""))
    for args, want in ((("a",), "-2"), (("s",), "42"),
                       (("f",), str(0x7fa00001)), (("null", "1"), "1"),
                       (("null", "2"), "0")):
        got = invoke(so, *args).stdout.strip()
        assert got == want, (args, got)


def expect(r, status, text):
    assert r.returncode == status, (r.returncode, r.stderr)
    assert text in r.stderr, r.stderr
    assert r.stderr.startswith("wasmc: "), r.stderr


def test_messages():
    bad = put("bad.wasm", b"\0asm\2\0\0\0")
    expect(wasmc(bad, "-o", path("bad.so")), 1, "bad.wasm: ")
    assert not os.path.exists(path("bad.so"))
    expect(wasmc(path("none.wasm")), 1, "none.wasm: No such file")
    expect(wasmc(put("t.wat", b"(module)")), 1, "assemble it first")
    good = wat("good.wasm", MODULE)
    expect(wasmc(good, "--frobnicate"), 2, "--frobnicate")
    expect(wasmc(good, "-O9"), 2, "-O")
    expect(wasmc(good, "--cpu=i486"), 2, "i486")
    expect(wasmc(good, "--target=mips-linux-gnu"), 2, "mips")
    expect(wasmc(good, "--features=nonsense"), 2, "nonsense")
    expect(wasmc(), 2, "no input")
    expect(wasmc(good, "-o", path("no/such/x.so")), 1, "No such file")
    expect(wasmc(good, "-o", TMP.name), 1, "Is a directory")
    assert wasmc("--version").stdout.startswith("wasmc ")
    assert "--wasm-opt" in wasmc("--help").stdout
    assert wasmc("--validate", good).returncode == 0
    expect(wasmc("--validate", bad), 1, "bad.wasm: ")


def test_failure_leaves_the_old_file():
    good = wat("keep.wasm", MODULE)
    os.mkdir(path("keep"))
    out = put("keep/out.so", b"old")
    env = {"WASMC_LD": "/bin/false"}
    expect(wasmc(good, "-o", out, env=env), 1, "linker")
    assert get(out) == b"old"
    env = {"WASMC_LD": "/no/such/ld"}
    expect(wasmc(good, "-o", out, env=env), 1, "linker")
    assert os.listdir(path("keep")) == ["out.so"]


def test_killed_leaves_nothing():
    src = wat("kill.wasm", many(20))
    os.mkdir(path("kill"))
    for sig, wait in ((signal.SIGINT, 0.3), (signal.SIGKILL, 0.6)):
        p = subprocess.Popen([WASMC, "-O3", src, "-o", path("kill/x.so")])
        time.sleep(wait)
        p.send_signal(sig)
        p.wait()
        assert os.listdir(path("kill")) in ([], ["x.so"])


def test_wasm_opt():
    src = wat("wopt.wasm", MODULE)
    check_shape(compiled(src, "--wasm-opt=2"), "")
    gc = wat("gc.wasm", "(module (type $s (struct (field i32)))"
             "(func (param (ref null $s))))")
    expect(wasmc(gc, "--wasm-opt=2", "-o", path("gc.so")), 1, "--wasm-opt: ")


def main():
    bad = 0
    for name, fn in list(globals().items()):
        if not name.startswith("test_"):
            continue
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        try:
            fn()
            print("ok", name[5:], flush=True)
        except Exception as e:      # pylint: disable=broad-except
            bad = 1
            why = "%s %s (line %d)" % (type(e).__name__, str(e)[:300],
                                       e.__traceback__.tb_next.tb_lineno)
            print("not ok %s: %s" % (name[5:], why.replace("\n", " ")),
                  flush=True)
    return bad


sys.exit(main())
