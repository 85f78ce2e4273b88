#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""CPython and sqlite (which is wasi_unstable), against wasmtime."""
# timeout: 3600
import os
import re
import sys
import tarfile

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

PYTHON = """
import sys, hashlib, json, zlib, decimal, re, random, math, struct
print(sys.version_info[:3], sys.platform)
print(hashlib.sha256(b"abc" * 1000).hexdigest())
random.seed(1); print([random.randrange(1000) for _ in range(8)])
print(json.dumps({"b": [1, 2.5, None], "a": "\\u00e4"}, sort_keys=True))
print(zlib.crc32(zlib.compress(b"x" * 10000)), decimal.Decimal(1) / 7)
print(re.sub(r"(\\w+) (\\w+)", r"\\2 \\1", "hello world"), 2 ** 200 % 10007)
print(sorted({"c": 1, "a": 2}.items()), math.gamma(5.5), struct.pack(">d", 1.1))
try:
    def f(n): return f(n + 1)
    f(0)
except RecursionError as e:
    print("RecursionError")
open("/out.txt", "w").write("written")
print(open("/out.txt").read())
sys.exit(4)
"""
SQL = b"""
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
insert into t select i, printf('row %03d', i * 7 % 500), i / 3.0 from n;
select count(*), sum(a), min(b), max(b), round(avg(c), 6) from t;
create index x on t(b);
select a, b from t where b between 'row 100' and 'row 103' order by b desc;
select upper('abc') || hex('xyz'), 7 % 4;
select group_concat(a) from (select a from t order by a limit 5);
.quit
"""
SQL_OUT = (b"500|125250|row 000|row 499|83.5\n"
           b"229|row 103\n86|row 102\n443|row 101\n300|row 100\n"
           b"ABC78797A|3\n1,2,3,4,5\n")


@case
def python():
    fetch("python")
    wasm = os.path.join(LANGS, "python-3.11.3.wasm")
    root = scratch()
    with tarfile.open(os.path.join(LANGS, "python-3.11.3.tar.gz")) as t:
        t.extractall(root)
    so = artifact(wasm)
    same_as_oracle(wasm, so, "-c", PYTHON, root=root)


@case
def sqlite():
    fetch("sqlite")
    so = artifact(os.path.join(LANGS, "sqlite.wasm"))
    # wasmtime has no wasi_unstable: what sqlite says natively, between the
    # prompts that it prints.
    r = wasmrun(so, input=SQL, root=scratch()).must()
    out = re.sub(rb"(sqlite> |   \.\.\.> )+", b"", r.out)
    equal(out[-len(SQL_OUT):], SQL_OUT)


main()
