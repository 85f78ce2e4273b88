#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasmdump with artifacts that are cut and altered: it may say what it likes,
but it must end by itself, soon, with 0 or 1."""
import os
import random
import subprocess
import tempfile

BIN = os.environ.get("BIN", "build/bin")
CPUS = "--cpu=" + ("x86-64,x86-64-v3" if os.uname().machine == "x86_64"
                   else "generic,neoverse-n1")
SEED = "tests/fuzz/fuzz_decode/mem.wasm"
FILES = 300


def altered(whole, rng):
    kind = rng.randrange(4)
    data = bytearray(whole)
    if kind == 0:
        return data[:rng.randrange(len(data))]
    for _ in range(rng.randrange(1, 8)):
        # Headers and metadata come first and matter most; the section
        # headers stand at the end.
        at = rng.choice((rng.randrange(64), rng.randrange(0x700),
                         len(data) - 1 - rng.randrange(1500),
                         rng.randrange(len(data))))
        data[at] = rng.choice((0, 0xff, 0x7f, rng.randrange(256)))
    return data


def dump(names):
    return subprocess.run(
        [f"{BIN}/wasmdump", "-h", "--meta", "--traps", "-"],
        input="".join(f"{n}\n" for n in names).encode(), timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def first_that_dies(names):
    for name in names:
        r = dump([name])
        if r.returncode not in (0, 1):
            return f"{os.path.basename(name)}: exit {r.returncode}"
    return "none alone"


def main():
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        so = f"{folder}/whole.so"
        subprocess.run([f"{BIN}/wasmc", "--quiet", CPUS, SEED, "-o", so],
                       check=True)
        r = dump([so])
        text = r.stdout.decode()
        if r.returncode == 0 and "export func[0] \"f\"" in text and \
                "memory own 1: i64 1.." in text and "wasm 0x" in text and \
                "level[1]" in text:
            print("ok whole")
        else:
            print(f"not ok whole: exit {r.returncode}: {text[-200:]!r}")
        with open(so, "rb") as f:
            whole = f.read()
        names = [f"{folder}/{i}.so" for i in range(FILES)]
        for name in names:
            with open(name, "wb") as f:
                f.write(altered(whole, rng))
        r = dump(names)
        if r.returncode in (0, 1):
            print("ok altered")
        else:
            print(f"not ok altered: {first_that_dies(names)}")


main()
