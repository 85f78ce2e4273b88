# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sides of bench/run.py: how each compiles a program and runs it.

A side has a name, why_not() (None, or why it is absent), prepare(program)
-> Prepared, and command(program).  What is compiled is kept in build/bench/so
under the program's and the side's name."""
import collections
import os
import shutil
import subprocess

from measure import BIN, CLANG, OUT, TOOLS, TOP, code_bytes, timed

Prepared = collections.namedtuple("Prepared", "wall cpu peak_mb code")


class Failed(Exception):
    """A side that cannot compile a program; the text says why."""


class Side:
    reports_cpu = False		# the command prints "cpu SECONDS" on stderr

    def artifact(self, p, suffix):
        folder = os.path.join(OUT, "so")
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, f"{p.name}.{self.name}{suffix}")

    def compiled(self, p, cmd, out):
        r = timed(cmd)
        if r.code:
            raise Failed((r.err.strip().splitlines() or ["?"])[-1])
        return Prepared(r.wall, r.cpu, r.peak_mb, code_bytes(out))


class Native(Side):
    name = "native"

    def why_not(self):
        return None

    def prepare(self, p):
        return Prepared(None, None, None, code_bytes(p.native))

    def command(self, p):
        return [p.native] + p.args


class Ours(Side):
    """wasmc at a level; or that of another build directory."""

    def __init__(self, level, folder=BIN, label="ours"):
        self.level, self.folder = level, folder
        self.name = f"{label}-O{level}"

    def why_not(self):
        path = os.path.join(self.folder, "wasmc")
        return None if os.path.exists(path) else f"no {path}"

    def prepare(self, p):
        out = self.artifact(p, ".so")
        return self.compiled(p, [os.path.join(self.folder, "wasmc"), "--quiet",
                                 f"-O{self.level}", p.wasm, "-o", out], out)

    def command(self, p):
        root = ["--dir", p.root + "::/"] if p.root else []
        return [os.path.join(self.folder, "wasmrun"), "--argv0",
                os.path.basename(p.native), *root, self.artifact(p, ".so"),
                *p.args]


class Wasmtime(Side):
    """build/bench/wasmtime_run, with the Python package's library."""
    name = "wasmtime"
    tool = os.path.join(TOOLS, "wasmtime_run")

    def why_not(self):
        if not os.path.exists(self.tool):
            return "build/bench/wasmtime_run is not built"
        r = timed([self.tool, "check"])
        return r.err.strip() or "?" if r.code else None

    def prepare(self, p):
        out = self.artifact(p, ".cwasm")
        return self.compiled(p, [self.tool, "compile", p.wasm, out], out)

    def command(self, p):
        return [self.tool, "run", self.artifact(p, ".cwasm"), p.root or "-",
                os.path.basename(p.native), *p.args]


class Node(Side):
    """V8 with its optimising compiler only, all compiled before it starts:
    the script tells the run's own CPU time."""
    name = "node"
    reports_cpu = True
    script = os.path.join(TOP, "bench/node_run.mjs")

    def why_not(self):
        return None if shutil.which("node") else "no node in PATH"

    def base(self, p, what):
        return ["node", "--no-warnings", "--no-liftoff",
                "--no-wasm-lazy-compilation", "--no-wasm-tier-up",
                self.script, what, p.wasm, p.root or "-",
                os.path.basename(p.native), *p.args]

    def prepare(self, p):
        r = timed(self.base(p, "compile"))
        if r.code:
            raise Failed((r.err.strip().splitlines() or ["?"])[-1])
        cpu = float(r.err.split()[-1])
        return Prepared(None, cpu, r.peak_mb, None)

    def command(self, p):
        return self.base(p, "run")


class Wamr(Side):
    name = "wamr"

    def why_not(self):
        for tool in "wamrc", "iwasm":
            if not shutil.which(tool):
                return f"no {tool} in PATH"
        return None

    def prepare(self, p):
        out = self.artifact(p, ".aot")
        return self.compiled(p, ["wamrc", "-o", out, p.wasm], out)

    def command(self, p):
        root = ["--map-dir=/::" + p.root] if p.root else []
        return ["iwasm", "--stack-size=8388608", *root,
                self.artifact(p, ".aot"), *p.args]


class Wasmer(Side):
    name = "wasmer"

    def why_not(self):
        return None if shutil.which("wasmer") else "no wasmer in PATH"

    def prepare(self, p):
        out = self.artifact(p, ".wasmu")
        return self.compiled(p, ["wasmer", "compile", "--llvm", p.wasm, "-o",
                                 out], out)

    def command(self, p):
        root = ["--mapdir", "/:" + p.root] if p.root else []
        return ["wasmer", "run", *root, self.artifact(p, ".wasmu"), "--",
                *p.args]


class Wasm2c(Side):
    """wabt's translation to C, compiled by clang -O3, with a small WASI of
    ours (bench/wasm2c_wasi.c)."""
    name = "wasm2c"
    runtime = "/usr/share/wabt/wasm2c"
    wasi = os.path.join(TOP, "bench/wasm2c_wasi.c")

    def why_not(self):
        if not shutil.which("wasm2c"):
            return "no wasm2c in PATH (Debian package wabt)"
        if not os.path.exists(self.wasi) or not os.path.isdir(self.runtime):
            return f"no {self.runtime}"
        return None

    def prepare(self, p):
        c, out = self.artifact(p, ".c"), self.artifact(p, ".x")
        script = ('wasm2c "$1" -n guest -o "$2" && "$4" -O3 -w -I"$5" '
                  '-DGUEST_H="\\"${2%.c}.h\\"" "$2" "$6" '
                  '"$5"/wasm-rt-impl.c -o "$3" -lm')
        subprocess.run(["rm", "-f", out], check=False)
        return self.compiled(p, ["sh", "-c", script, "sh", p.wasm, c, out,
                                 CLANG, self.runtime, self.wasi], out)

    def command(self, p):
        return [self.artifact(p, ".x"), *p.args]


def sides(levels, others):
    """All sides; others: [(label, build/bin of another tree)]."""
    found = [Native()]
    found += [Ours(level) for level in levels]
    found += [Ours(level, folder, label) for label, folder in others
              for level in levels]
    return found + [Wasmtime(), Node(), Wasm2c(), Wamr(), Wasmer()]
