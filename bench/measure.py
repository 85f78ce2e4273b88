# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the benchmarks share: where things are, a process's time and memory,
the size of an ELF file's code."""
import collections
import glob
import math
import os
import struct
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(TOP, "build/bin")
TOOLS = os.path.join(TOP, "build/bench")
# What is built and measured; other flags for the programs have another place.
OUT = os.path.join(TOOLS, os.environ.get("BENCH_SET", ""))
REAL = os.path.join(TOP, "build/real")
CLANG = os.environ.get("CLANG", "clang-22")

Run = collections.namedtuple("Run", "code wall cpu peak_mb out err")


def timed(cmd, stdin=b"", limit=600):
    """Run a command to its end.  Times in seconds."""
    with tempfile.TemporaryFile() as f, tempfile.TemporaryFile() as o, \
            tempfile.TemporaryFile() as e:
        f.write(stdin)
        f.seek(0)
        start = time.monotonic()
        p = subprocess.Popen(["timeout", str(limit)] + list(cmd), stdin=f,
                             stdout=o, stderr=e)
        _, status, use = os.wait4(p.pid, 0)
        wall = time.monotonic() - start
        p.returncode = 0
        o.seek(0)
        e.seek(0)
        return Run(os.waitstatus_to_exitcode(status), wall,
                   use.ru_utime + use.ru_stime, use.ru_maxrss / 1024,
                   o.read(), e.read().decode("utf-8", "replace"))


def code_bytes(path):
    """Bytes of the executable sections of a 64-bit ELF file."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:5] != b"\x7fELF\x02":
        return None
    shoff, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    total = 0
    for i in range(count):
        at = shoff + i * size
        flags, = struct.unpack_from("<Q", data, at + 8)
        if flags & 4:
            total += struct.unpack_from("<Q", data, at + 32)[0]
    return total


def geomean(values):
    values = [v for v in values if v and v > 0]
    if not values:
        return None
    return math.exp(sum(math.log(v) for v in values) / len(values))


def newer(out, *sources):
    """Whether out is there and as new as all of its sources."""
    if not os.path.exists(out):
        return False
    t = os.path.getmtime(out)
    return all(os.path.getmtime(s) <= t for s in sources if os.path.exists(s))


def python_of_wasmtime():
    found = glob.glob(os.path.join(TOP, "build/venv/bin/python3"))
    return found[0] if found else None
