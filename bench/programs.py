# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The programs of bench/run.py: what they are made of and what they do.

A program is built twice from the same C, natively and as wasm, and run with
the same arguments and input."""
import glob
import os
import re
import shlex
import subprocess

from measure import CLANG, OUT, REAL, TOP, newer

KERNELS = os.path.join(TOP, "bench/kernels")
WASM = [CLANG, "--target=wasm32-wasi", "--sysroot=/usr", "-Wno-deprecated",
        "--no-wasm-opt", "-O2"] + shlex.split(os.environ.get("WASM_FLAGS", ""))
WASI_FLAGS = ["-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS",
              "-lwasi-emulated-signal", "-lwasi-emulated-process-clocks",
              "-Wl,-z,stack-size=1048576", "-Wl,--stack-first"]
NATIVE = [CLANG] + shlex.split(os.environ.get("NATIVE_FLAGS", "-O2"))


class Missing(Exception):
    """A program that cannot be had here; the text says why."""


class Program:
    def __init__(self, name, group, native, wasm, args=(), stdin=b"",
                 root=None):
        self.name, self.group = name, group
        self.native, self.wasm = native, wasm
        self.args, self.stdin, self.root = list(args), stdin, root


def build(cmd, out, *sources):
    """Compile unless out is newer than its sources and was made by the same
    command."""
    note = out + ".cmd"
    text = shlex.join(cmd)
    if newer(out, *sources) and os.path.exists(note):
        with open(note, encoding="utf-8") as f:
            if f.read() == text:
                return
    os.makedirs(os.path.dirname(out), exist_ok=True)
    p = subprocess.run(cmd + ["-o", out], capture_output=True, text=True,
                       cwd=TOP, check=False)
    if p.returncode:
        why = [x for x in p.stderr.splitlines() if "error" in x] or ["?"]
        raise Missing(f"{os.path.basename(out)}: {why[0]}")
    with open(note, "w", encoding="utf-8") as f:
        f.write(text)


def kernel(path, quick):
    name = os.path.basename(path)[:-2]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    full, small = re.search(r"^KERNEL\((\d+), (\d+)\)", text, re.M).groups()
    headers = glob.glob(os.path.join(KERNELS, "*.h"))
    native = os.path.join(OUT, "kernels", name)
    build(NATIVE + [path, "-lm"], native, path, *headers)
    build(WASM + [path], native + ".wasm", path, *headers)
    return Program(name, "kernels", native, native + ".wasm",
                   [small if quick else full])


def empty():
    """What does nothing: its time is that of starting and ending."""
    path = os.path.join(OUT, "kernels", "empty.c")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as f:
            f.write("int main(void) { return 0; }\n")
    build(NATIVE + [path], path[:-2], path)
    build(WASM + [path], path[:-2] + ".wasm", path)
    return Program("empty", "", path[:-2], path[:-2] + ".wasm")


def kernels(quick):
    """(name, function that makes it), in the order of names."""
    for path in sorted(glob.glob(os.path.join(KERNELS, "*.c"))):
        yield (os.path.basename(path)[:-2],
               lambda path=path: kernel(path, quick))


# ---- Programs of others ------------------------------------------------------
# C sources from crates, with a driver of ours (bench/drivers/NAME.c).  Where
# there is assembly or code for one machine's vectors it is left out on both
# sides: it is compilers that are compared.

class Crate:
    def __init__(self, fetch, folder, sources, includes, flags=(), leave=()):
        self.fetch, self.folder = fetch, folder
        self.sources, self.includes = sources, includes
        self.flags, self.leave = list(flags), leave

    def files(self):
        top = os.path.join(REAL, self.folder)
        found = []
        for pattern in self.sources:
            found += sorted(glob.glob(os.path.join(top, pattern),
                                      recursive=True))
        return [f for f in found if not any(x in f for x in self.leave)]

    def options(self):
        top = os.path.join(REAL, self.folder)
        return [f.replace("@", top) for f in self.flags] + \
            ["-I" + os.path.join(top, i) for i in self.includes]


LZMA = "xz/src/liblzma/"
CRATES = {
    "lz4": Crate(
        "crate:lz4-sys=1.11.1", "crate-lz4-sys/liblz4/lib",
        ["lz4.c", "lz4hc.c"], ["."]),
    "quickjs": Crate(
        "crate:rquickjs-sys=0.14.0", "crate-rquickjs-sys/quickjs",
        ["quickjs.c", "dtoa.c", "libregexp.c", "libunicode.c"], ["."],
        ["-D_GNU_SOURCE"]),
    "sodium": Crate(
        "sodium", "sodium/libsodium-stable", ["src/libsodium/**/*.c"],
        ["builds/msvc", "src/libsodium/include",
         "src/libsodium/include/sodium"],
        ["-DCONFIGURED=1", "-DSODIUM_STATIC", "-DHAVE_TI_MODE=1"],
        ["ipcrypt_armcrypto", "randombytes/"]),
    "sqlite": Crate(
        "crate:libsqlite3-sys=0.39.1", "crate-libsqlite3-sys/sqlite3",
        ["sqlite3.c"], ["."],
        ["-DSQLITE_OS_OTHER=1", "-DSQLITE_THREADSAFE=0",
         "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_TEMP_STORE=3",
         "-DSQLITE_OMIT_LOCALTIME"]),
    "webp": Crate(
        "crate:libwebp-sys=0.14.4", "crate-libwebp-sys/vendor",
        ["src/d[es][cp]/*.c", "src/enc/*.c", "src/utils/*.c", "sharpyuv/*.c"],
        [".", "src"], ["-DHAVE_CONFIG_H"],
        ["_sse", "_avx", "_neon", "_mips", "_msa"]),
    "xz": Crate(
        "crate:liblzma-sys=0.4.9", "crate-liblzma-sys",
        [LZMA + d + "/*.c" for d in
         ("common", "lzma", "lz", "check", "delta", "rangecoder", "simple")] +
        ["xz/src/common/tuklib_cpucores.c", "xz/src/common/tuklib_physmem.c"],
        [LZMA + d for d in ("api", "common", "lzma", "lz", "check", "simple",
                            "delta", "rangecoder")] + ["xz/src/common", "."],
        ["-DHAVE_CONFIG_H"],
        ["crc32_small", "crc64_small", "_tablegen", "clmul_consts", "_mt.c"]),
    "yyjson": Crate(
        "crate:yyjson-sys=0.1.0", "crate-yyjson-sys/yyjson",
        ["yyjson.c", "src/yyjson.c"], [".", "src"]),
    "zstd": Crate(
        "crate:zstd-sys=2.1.2", "crate-zstd-sys/zstd/lib",
        ["common/*.c", "compress/*.c", "decompress/*.c"], ["."],
        ["-DZSTD_DISABLE_ASM", "-DZSTD_NO_INTRINSICS", "-DXXH_VECTOR=0"]),
}
# What tests/real/fetch builds whole: arguments, input in KiB
OTHERS = {
    "lua": ("lua", "lua", None),
    "bzip2": ("bzip2", "bzip2", ["-c"]),
    "zlib": ("zlib", "minigzip", []),
}
LUA = """
local function fib(n) if n < 2 then return n end
  return fib(n - 1) + fib(n - 2) end
local t = {}
for i = 1, %d do t[i] = (i * 7919) %% 1000003 end
table.sort(t)
local s = {}
for i = 1, #t, 7 do s[#s + 1] = string.format("%%x", t[i]) end
print(fib(%d), t[1], t[#t], #table.concat(s, ","), (table.concat(s):find("zz")))
"""


def fetch(what):
    p = subprocess.run([os.path.join(TOP, "tests/real/fetch"), what],
                       capture_output=True, text=True, check=False)
    if p.returncode:
        raise Missing(p.stderr.strip() or "not fetched")


def crate(name, quick):
    c = CRATES[name]
    fetch(c.fetch)
    driver = os.path.join(TOP, "bench/drivers", name + ".c")
    with open(driver, encoding="utf-8") as f:
        full, small = re.search(r"^KERNEL\((\d+), (\d+)\)", f.read(),
                                re.M).groups()
    native = os.path.join(OUT, "programs", name)
    files = [driver] + c.files()
    options = ["-w", "-I" + os.path.join(TOP, "bench/drivers/include")]
    options += c.options() + files
    build(NATIVE + options + ["-lm"], native, *files)
    build(WASM + WASI_FLAGS + options, native + ".wasm", *files)
    return Program(name, "programs", native, native + ".wasm",
                   [small if quick else full])


def words(n):
    """Text of n bytes, always the same."""
    x, out = 1, bytearray()
    list_of = [b"alpha", b"beta", b"gamma", b"delta", b"if", b"then", b"fi"]
    while len(out) < n:
        x = (x * 1103515245 + 12345) & 0x7fffffff
        out += list_of[(x >> 16) % 7] + (b"\n" if x & 0x700 == 0 else b" ")
        if x & 0x70000 == 0:
            out += b"%d" % x
    return bytes(out[:n])


def other(name, quick):
    """What tests/real/fetch builds."""
    what, binary, args = OTHERS[name]
    fetch(what)
    native = os.path.join(REAL, "c", binary)
    if name == "lua":
        script = LUA % ((3000, 15) if quick else (200000, 30))
        return Program(name, "programs", native, native + ".wasm",
                       ["-e", script])
    return Program(name, "programs", native, native + ".wasm", args,
                   words(100_000 if quick else 6_000_000))


def real(quick):
    for name in sorted([*CRATES, *OTHERS]):
        make = crate if name in CRATES else other
        yield name, lambda name=name, make=make: make(name, quick)
