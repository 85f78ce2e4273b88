#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasmrun --stats, and the Prometheus text: read by a strict parser of our own
and, if it is there, by Prometheus' client library."""
import ctypes
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

CLIENT = """
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps([[f.name, f.type, f.documentation,
                   [[s.name, s.labels, s.value] for s in f.samples]]
                  for f in text_string_to_metric_families(
                      sys.stdin.buffer.read().decode())]))
"""
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? "
                    r"([0-9]+(?:\.[0-9]{9})?)")


def unescape(s):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], s)


def parse(text):
    """{family: (type, {(name, labels): value})}; as strict as the format."""
    equal(text[-1:], "\n", "the end")
    families, name = {}, None
    lines = text[:-1].split("\n")
    for at, line in enumerate(lines):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            if name in families:
                fail(f"{name} is there twice")
            if not re.fullmatch(NAME, name):
                fail(f"{name} is no name")
            families[name] = [None, {}]
            equal(lines[at + 1].split(" ")[:3], ["#", "TYPE", name])
        elif line.startswith("# TYPE "):
            kind = line.split(" ")[3:]
            if kind not in (["counter"], ["gauge"]):
                fail(line)
            equal(families[name][0], None)
            families[name][0] = kind[0]
            equal(name.endswith("_total"), kind[0] == "counter", name)
        else:
            m = SAMPLE.fullmatch(line)
            if not m:
                fail(f"{line!r} is no sample")
            equal(m[1], name)
            labels = [(k, unescape(v)) for k, v in
                      re.findall(LABEL, m[2] or "")]
            equal(len(dict(labels)), len(labels), line)
            key = tuple(sorted(labels))
            if key in families[name][1]:
                fail(f"{line!r} is there twice")
            families[name][1][key] = float(m[m.lastindex])
    return families


def client(text):
    """The same, by the client library; None: it is not there."""
    if not os.path.exists(ORACLE) or \
            run(ORACLE, "-c", "import prometheus_client").code:
        return None
    import json
    out = {}
    for name, kind, _, samples in json.loads(
            run(ORACLE, "-c", CLIENT, input=text.encode()).must(0).out):
        full = name + "_total" if kind == "counter" else name
        out[full] = [kind, {tuple(sorted(labels.items())): value
                            for _, labels, value in samples}]
    return out


def value(families, name, **labels):
    return families[name][1][tuple(sorted(labels.items()))]


@case
def text():
    r = run(WASMRUN, "--stats", "--invoke", "add", WAT("cli"), "1", "2")
    equal(r.must(0).out, "3\n")
    holds(r.err, "Statistics:\n")
    if not re.search(r"^  calls +2\n", r.err, re.M):    # and _initialize
        fail(r.err)
    if not re.search(r"^  CPU seconds +0\.\d{6}\n", r.err, re.M):
        fail(r.err)
    equal(run(WASMRUN, "--stats=text", "--invoke", "add", WAT("cli"), "1",
              "2").must(0).err.split("\n")[0], "Statistics:")


@case
def wrong_format():
    r = run(WASMRUN, "--stats=xml", WAT("cli")).must(2)
    holds(r.err, '--stats: "xml" is not')


@case
def prometheus():
    r = run(WASMRUN, "--stats=prometheus", "--fuel", "100000", "--invoke",
            "outer", WAT("cli")).must(134)
    got = parse(r.err[r.err.index("# HELP"):])
    equal(value(got, "wasmrt_calls_total"), 2)
    equal(value(got, "wasmrt_instances_created_total"), 1)
    equal(value(got, "wasmrt_instances"), 1)
    equal(value(got, "wasmrt_traps_total", kind="div_by_zero"), 1)
    equal(sum(got["wasmrt_traps_total"][1].values()), 1)
    if not 3 < value(got, "wasmrt_fuel_used_total") < 100:
        fail(r.err)
    if not 0 < value(got, "wasmrt_cpu_seconds_total") < 10:
        fail(r.err)
    other = client(r.err[r.err.index("# HELP"):])
    if other is not None:
        equal(got, other)


# ---- Labels ----

COUNTERS = ("created closed calls ended_by_trap resets page_faults "
            "memory_grows cpu_ns fuel_used live parked resident_bytes "
            "idle_bytes").split()


class Stats(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in COUNTERS] + \
        [("traps", ctypes.c_uint64 * 64)]


class Metrics(ctypes.Structure):
    _fields_ = [("stats", ctypes.POINTER(Stats)), ("size", ctypes.c_size_t),
                ("labels", ctypes.POINTER(ctypes.c_char_p))]


WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p,
                         ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)


def library():
    if "san-" in OUT:
        skip("the library wants its sanitizer loaded first")
    return ctypes.CDLL(os.path.join(TOP, OUT, "lib/libwasmrt.so"))


def write(lib, prefix, things):
    """The text about [(Stats, [label, value, ...])]."""
    chunks = []

    def take(_, p, n):
        chunks.append(p[:n])
        return 0

    array = (Metrics * len(things))()
    for m, (stats, labels) in zip(array, things):
        m.stats = ctypes.pointer(stats)
        m.size = ctypes.sizeof(stats)
        if labels is not None:
            m.labels = (ctypes.c_char_p * (len(labels) + 1))(*labels, None)
    equal(lib.wrt_stats_prometheus(prefix, array,
                                   ctypes.c_size_t(len(things)),
                                   WRITE(take), None), 0)
    if max(map(len, chunks)) > 512:
        fail("a chunk is too large")
    return b"".join(chunks).decode()


@case
def labels_are_escaped():
    hard = [b'say "x"', b"a\\b", b"two\nlines", b"\\n", b"", b"}",
            b'",kind="', "käse €\U0001f600".encode(), b"tab\there"]
    things = [(Stats(calls=i + 1), [b"pool", v, b"n", b"%d" % i])
              for i, v in enumerate(hard)]
    out = write(library(), b"w", things)
    got = parse(out)
    for i, v in enumerate(hard):
        equal(value(got, "w_calls_total", pool=v.decode(), n=str(i)), i + 1)
    other = client(out)
    if other is not None:
        equal(got, other)


@case
def what_is_no_text():
    bad = [b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80",
           b"\xe0\x80\x80", b"\xe2\x82"]
    for v in bad:
        got = parse(write(library(), b"w", [(Stats(), [b"x", v])]))
        label, = [dict(k)["x"] for k in got["w_calls_total"][1]]
        equal(label, "".join("\ufffd" if c > 127 else chr(c) for c in v))


@case
def every_number_is_there():
    s = Stats(*range(101, 114))
    for i in range(64):
        s.traps[i] = 1000 + i
    got = parse(write(library(), b"a:b", [(s, None)]))
    seen = {next(iter(v.values())) for k, (_, v) in got.items()
            if len(v) == 1}
    # Sums of traps are not written; CPU time is in seconds.
    equal(seen, set(map(float, range(101, 114))) - {104.0, 108.0} | {108e-9})
    kinds = got["a:b_traps_total"][1]
    equal(kinds[(("kind", "other"),)], 1000)
    equal(kinds[(("kind", "cpu_time"),)], 1032)
    equal(len(kinds), 33)
    big = write(library(), b"a", [(Stats(calls=2**64 - 1,
                                         cpu_ns=2**64 - 1), None)])
    holds(big, "a_calls_total 18446744073709551615\n")
    holds(big, "a_cpu_seconds_total 18446744073.709551615\n")


main()
