# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What test scripts share.

    from libtest import *

    @case
    def adds():
        r = run(WASMRUN, "--invoke", "add", WAT("cli"), "1", "2")
        equal(r.out, "3\\n")

    main()

A case fails by an exception, is skipped by skip(why), and passes otherwise.
"""
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.environ.get("TOP", os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
OUT = os.environ.get("OUT", "build")
BIN = os.path.join(TOP, OUT, "bin")
WASMC = os.path.join(BIN, "wasmc")
WASMRUN = os.path.join(BIN, "wasmrun")
WASMDUMP = os.path.join(BIN, "wasmdump")
SPECTEST = os.path.join(BIN, "spectest")
WASM_CC = os.environ.get(
    "WASM_CC", "clang-22 --target=wasm32-wasi --sysroot=/usr -Wno-deprecated "
    "--no-wasm-opt").split()
ORACLE = os.path.join(TOP, os.environ.get(
    "WASMTIME_PYTHON", "build/venv/bin/python"))

cases = []


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def case(fn):
    cases.append(fn)
    return fn


def skip(why):
    raise Skipped(why)


def fail(why):
    raise Failed(why)


def equal(got, expected, what=""):
    if got != expected:
        raise Failed(f"{what} {got!r:.300} is not {expected!r:.300}".strip())


def holds(text, part):
    if part not in text:
        raise Failed(f"{text!r:.500} is without {part!r}")


def WAT(name):
    """The module assembled from tests/wat/NAME.wat."""
    return os.path.join(TOP, "build/tests/wat", name + ".wasm")


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}, stdout {self.out!r:.300}, " \
            f"stderr {self.err!r:.600}"

    def must(self, code=0):
        if self.code != code:
            raise Failed(f"not exit {code}: {self!r}")
        return self


def run(*argv, input=b"", env=None, cwd=None, timeout=120, binary=False):
    """Run a program; its cache is private to the tests."""
    full = dict(os.environ, XDG_CACHE_HOME=os.path.join(
        TOP, OUT, "tests/cache"))
    full.update(env or {})
    if isinstance(input, str):
        input = input.encode()
    p = subprocess.run([str(a) for a in argv], input=input, env=full,
                       capture_output=True, cwd=cwd, timeout=timeout,
                       check=False)
    if binary:
        return Ran(p.returncode, p.stdout, p.stderr)
    return Ran(p.returncode, p.stdout.decode("utf-8", "replace"),
               p.stderr.decode("utf-8", "replace"))


def scratch():
    """A folder that is gone at the end."""
    path = tempfile.mkdtemp(prefix="wasmc-test-")
    folders.append(path)
    return path


folders = []


def compile_c(name, source, *flags):
    """C to wasm, once: build/tests/c/NAME.wasm."""
    folder = os.path.join(TOP, "build/tests/c")
    os.makedirs(folder, exist_ok=True)
    c = os.path.join(folder, name + ".c")
    wasm = os.path.join(folder, name + ".wasm")
    old = None
    if os.path.exists(c):
        with open(c, encoding="utf-8") as f:
            old = f.read()
    if old == source and os.path.exists(wasm):
        return wasm
    # Others may do the same now; the .c, which says that all is done, is last.
    new = os.path.join(folder, f"{name}-{os.getpid()}")
    with open(new + ".c", "w", encoding="utf-8") as f:
        f.write(source)
    r = run(*WASM_CC, "-O2", "-o", new + ".wasm", new + ".c", *flags)
    if r.code:
        raise Failed(f"clang: {r.err:.400}")
    os.replace(new + ".wasm", wasm)
    os.replace(new + ".c", c)
    return wasm


def use_oracle():
    """Go on in the Python that has wasmtime, if there is one."""
    folder = os.path.dirname(os.path.dirname(ORACLE))
    if os.path.realpath(sys.prefix) != os.path.realpath(folder) and \
            os.path.exists(ORACLE):
        os.execv(ORACLE, [ORACLE, *sys.argv])


def numbered(check, unit, count):
    """A script's main: check(number) for COUNT numbers from FIRST, which are its
    arguments; without them for `count` from 1.  check says how many things,
    each a `unit`, were compared, or fails.  Returns the exit status."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    count = int(sys.argv[2]) if len(sys.argv) > 2 else int(count)
    done, failed = 0, 0
    for number in range(first, first + count):
        try:
            done += check(number)
        except Failed as e:
            failed += 1
            print(f"not ok {unit}-{number}: {one_line(e)}", flush=True)
    if done:
        print(f"ok {done}-{unit}s")
    return 1 if failed else 0


def long_or_not(long, short):
    """How many modules: DIFF_MODULES, or one of these."""
    return os.environ.get("DIFF_MODULES", long if os.environ.get("LONG") else
                          short)


def main():
    failed = False
    for fn in cases:
        if len(sys.argv) > 1 and fn.__name__ not in sys.argv[1:]:
            continue
        try:
            fn()
            print(f"ok {fn.__name__}", flush=True)
        except Skipped as e:
            print(f"skip {fn.__name__}: {one_line(e)}", flush=True)
        except (Failed, OSError, subprocess.TimeoutExpired, ValueError,
                KeyError, IndexError) as e:
            failed = True
            print(f"not ok {fn.__name__}: {one_line(e)}", flush=True)
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)
    sys.exit(failed)


def one_line(e):
    return " ".join(str(e).split())
