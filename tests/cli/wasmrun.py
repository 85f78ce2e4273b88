#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""wasmrun's options, exit codes and messages."""
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403

CLI = WAT("cli")


def invoke(name, *args, options=()):
    return run(WASMRUN, *options, "--invoke", name, CLI, *args)


@case
def results_are_printed():
    for name, args, out in [
            ("add", ["1", "2"], "3\n"),
            ("add", ["-1", "0x10"], "15\n"),
            ("add", ["2147483647", "1"], "-2147483648\n"),
            ("add", ["4294967295", "0"], "-1\n"),
            ("add64", ["-9223372036854775808", "0"],
             "-9223372036854775808\n"),
            ("half", ["3"], "1.5\n"),
            ("half", ["nan"], "NaN\n"),
            ("third", ["1"], "0.3333333333333333\n"),
            ("third", ["-inf"], "-inf\n"),
            ("third", ["3e20"], "100000000000000000000\n"),
            ("third", ["3e-5"], "0.00001\n"),
            ("third", ["-0"], "-0\n"),
            ("pair", [], "-1\n9223372036854775807\n"),
            ("nothing", [], ""),
            ("is_null", ["null"], "1\n"),
            ("null", [], "<null-ref>\n")]:
        equal(invoke(name, *args).must().out, out, name)


@case
def wrong_arguments_are_usage():
    for args in [["1"], ["1", "2", "3"], ["1", "x"], ["1", ""],
                 ["1", "4294967296"], ["1", "-2147483649"], ["1", "2 "]]:
        r = invoke("add", *args).must(2)
        equal(r.out, "")
        holds(r.err, "add")


@case
def wrong_options_are_usage():
    for options in [["--nonsense"], ["--dir"], ["--timeout", "soon"],
                    ["--stack-size", "big"], ["--stack-size", "0"],
                    ["--unknown-imports=maybe"], ["-O9"], ["--env", "=x"],
                    ["--preload", "x"], ["--max-memory=-1"], ["--dir", ""],
                    ["--cpu-time=soon"], ["--max-table=x"], ["--max-heap="],
                    ["--tcplisten", "nowhere"], []]:
        file = [CLI] if options else []
        r = run(WASMRUN, *options, *file).must(2)
        holds(r.err, "wasmrun --help")
        equal(r.out, "")


@case
def help_and_version():
    r = run(WASMRUN, "--help").must()
    for option in ["--dir", "--invoke", "--timeout", "--json", "-O LEVEL"]:
        holds(r.out, option)
    holds(run(WASMRUN, "--version").must().out, "wasmrun 0.")


@case
def groups_as_wasmtime_has_them():
    for options, name, args, code, out in [
            (["-W", "max-memory-size=131072"], "grow", ["2"], 0, "-1\n"),
            (["-W", "max-memory-size=131072"], "grow", ["1"], 0, "1\n"),
            (["-Wtimeout=50ms"], "forever", [], 124, ""),
            (["-W", "fuel=1000,timeout=60s"], "forever", [], 134, ""),
            (["-W", "max-wasm-stack=65536"], "deep", ["100000"], 134, ""),
            (["-O", "opt-level=0", "-C", "cache=n"], "add", ["1", "2"], 0,
             "3\n"),
            (["-W", "nan-canonicalization,simd=y", "-S", "threads,cli=y"],
             "add", ["1", "2"], 0, "3\n"),
            (["-W", "all-proposals"], "add", ["1", "2"], 0, "3\n"),
            (["-W", "nan-canonicalization=n", "-C", "cache=y"], "add",
             ["1", "2"], 0, "3\n")]:
        equal(invoke(name, *args, options=options).must(code).out, out,
              options)
    for option, code, out in [("trap", 134, ""), ("default", 0, "0\n")]:
        equal(run(WASMRUN, "-W", f"unknown-imports-{option}", "--invoke",
                  "call", WAT("cli_unknown")).must(code).out, out)
    holds(invoke("add", "1", "2", options=["-W", "reference-types=n"]).must(
        1).err, "reference")
    for options, text in [
            (["-W", "nonsense=5"], "-W: there is no"),
            (["-S", "nonsense"], "-S: there is no"),
            (["-D", "debug-info"], "-D: there is no"),
            (["-C", "cache=maybe"], "-C cache:"),
            (["-W", "fuel"], "-W fuel:"), (["-W", "fuel="], "-W fuel:"),
            (["-W", "fuel=x"], "-W fuel:"),
            (["-S", "threads=n"], "-S threads:"),
            (["-O", "opt-level=9"], "-O opt-level:"), (["-W"], "-W needs")]:
        file = [CLI] if len(options) > 1 else []
        holds(run(WASMRUN, *options, *file).must(2).err, text)


@case
def what_cannot_be_loaded_is_1():
    d = scratch()
    for name, data, text in [
            ("absent", None, "No such file"),
            ("empty", b"", "empty"),
            ("text", b"hello", ""),
            ("wat", b" (module)", "WebAssembly text"),
            ("cut", b"\0asm\1\0", "unexpected end"),
            ("bad", b"\0asm\1\0\0\0\x7f\0", "malformed"),
            ("folder", "dir", "regular file")]:
        path = os.path.join(d, name)
        if data == "dir":
            os.mkdir(path)
        elif data is not None:
            with open(path, "wb") as f:
                f.write(data)
        r = run(WASMRUN, path).must(1)
        holds(r.err, "Error: ")
        holds(r.err, path)
        holds(r.err, text)


@case
def an_unknown_export_is_1():
    holds(invoke("absent").must(1).err, "absent")


@case
def a_trap_is_134_with_a_backtrace():
    r = invoke("outer").must(134)
    equal(r.out, "")
    holds(r.err, "wasm trap: integer divide by zero")
    lines = r.err.splitlines()
    frames = [s for s in lines if " - cli!" in s]
    equal([s.split("!")[1] for s in frames], ["divide", "outer"])
    holds(frames[0], "0: ")
    holds(frames[0], "0x")


@case
def names_are_demangled():
    for options in [["-O", "0"], ["--json", "-O", "0"]]:
        r = run(WASMRUN, *options, "--invoke", "run", WAT("mangled"))
        text = r.must(134).err + r.out
        holds(text, "core::panicking::panic")
        holds(text, "std::panicking::panic_handler::{closure#0}")
        if "--json" in options:
            frames = json.loads(r.out)["trap"]["frames"]
            equal(frames[0]["symbol"],
                  "_ZN4core9panicking5panic17h0123456789abcdefE")
            equal("symbol" in frames[2], False)
        elif "_ZN" in text:
            fail(text)


@case
def trap_kinds():
    for name, args, text in [
            ("unreachable", [], "unreachable"),
            ("load", ["65533"], "out of bounds memory access"),
            ("load", ["-1"], "out of bounds memory access"),
            ("divide", ["-2147483648", "-1"], "integer overflow"),
            ("deep", ["100000000"], "call stack exhausted")]:
        holds(invoke(name, *args).must(134).err, "wasm trap: " + text)


@case
def the_initializer_runs_first():
    equal(invoke("counter").must().out, "42\n")


@case
def stack_size_counts():
    equal(invoke("deep", "1000").must().out, "1000\n")
    invoke("deep", "60000", options=["--stack-size=64K"]).must(134)
    equal(invoke("deep", "60000", options=["--stack-size=64M"]).must().out,
          "60000\n")


@case
def max_memory_counts():
    equal(invoke("grow", "10").must().out, "1\n")
    equal(invoke("grow", "10", options=["--max-memory=1M"]).must().out, "1\n")
    equal(invoke("grow", "16", options=["--max-memory=1M"]).must().out, "-1\n")


@case
def timeout_is_124():
    start = time.monotonic()
    r = invoke("forever", options=["--timeout=300ms"]).must(124)
    if time.monotonic() - start > 20:
        fail("it took too long")
    holds(r.err, "time limit exceeded")
    invoke("add", "1", "2", options=["--timeout", "60"]).must()


@case
def cpu_time_is_124():
    r = invoke("forever", options=["--cpu-time=200ms"]).must(124)
    holds(r.err, "CPU time limit exceeded")
    invoke("add", "1", "2", options=["--cpu-time", "60"]).must()
    # What sleeps does not compute.
    wasm = compile_c("cli_nap", "#include <unistd.h>\n"
                     "int main(void){usleep(700000); return 3;}\n")
    out = os.path.join(scratch(), "a.so")
    run(WASMC, wasm, "-o", out).must()
    run(WASMRUN, "--cpu-time=500ms", out).must(3)


@case
def timeout_ends_a_waiting_guest():
    wasm = compile_c("cli_wait", "#include <unistd.h>\n"
                     "int main(void){char c; return read(0,&c,1)==1?0:3;}\n")
    out = os.path.join(scratch(), "a.so")
    run(WASMC, wasm, "-o", out).must()
    r, w = os.pipe()
    try:
        import subprocess
        p = subprocess.run([WASMRUN, "--timeout=200ms", out], stdin=r,
                           capture_output=True, timeout=30, check=False)
    finally:
        os.close(r)
        os.close(w)
    equal(p.returncode, 124)
    holds(p.stderr.decode(), "time limit exceeded")


PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exit"))
		exit(atoi(argv[2]));
	if (argc > 1 && !strcmp(argv[1], "cat")) {
		FILE *f = fopen(argv[2], "r");
		int c;
		if (!f) { perror(argv[2]); return 9; }
		while ((c = getc(f)) != EOF) putchar(c);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "touch")) {
		FILE *f = fopen(argv[2], "w");
		if (!f) { perror(argv[2]); return 9; }
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "abort"))
		abort();
	if (argc > 1 && !strcmp(argv[1], "upper")) {
		int c;
		while ((c = getchar()) != EOF)
			putchar(c >= 'a' && c <= 'z' ? c - 32 : c);
		return 0;
	}
	for (int i = 0; i < argc; i++)
		printf("%s\n", argv[i]);
	printf("%s\n", getenv("COLOUR") ? getenv("COLOUR") : "(none)");
	return 0;
}
"""


def program():
    return compile_c("cli_program", PROGRAM)


@case
def the_whole_environment():
    for option, out in [("", "blue"), ("=y", "blue"), ("=n", "(none)")]:
        equal(run(WASMRUN, "-S", "inherit-env" + option, program(),
                  env={"COLOUR": "blue"}).must().out,
              f"cli_program.wasm\n{out}\n")


@case
def arguments_and_environment():
    wasm = program()
    equal(run(WASMRUN, wasm, "a", "--dir", "b c", "").must().out,
          "cli_program.wasm\na\n--dir\nb c\n\n(none)\n")
    equal(run(WASMRUN, "--argv0=me", "--env", "COLOUR=red", wasm).must().out,
          "me\nred\n")
    equal(run(WASMRUN, "--env", "COLOUR", wasm,
              env={"COLOUR": "blue"}).must().out, "cli_program.wasm\nblue\n")
    equal(run(WASMRUN, wasm, env={"COLOUR": "blue"}).must().out,
          "cli_program.wasm\n(none)\n")
    equal(run(WASMRUN, "--env", "ABSENT_VARIABLE", wasm).must().out,
          "cli_program.wasm\n(none)\n")


@case
def exit_codes_pass_through():
    for code in [0, 1, 2, 3, 77, 125]:
        r = run(WASMRUN, program(), "exit", code).must(code)
        equal(r.err, "")
    r = run(WASMRUN, program(), "abort").must(134)
    holds(r.err, "wasm trap: unreachable")


@case
def streams():
    text = "abc " * 50000
    equal(run(WASMRUN, program(), "upper", input=text).must().out,
          text.upper())


@case
def directories():
    d = scratch()
    with open(os.path.join(d, "f"), "w", encoding="utf-8") as f:
        f.write("inside")
    wasm = program()
    r = run(WASMRUN, wasm, "cat", "f", cwd=d).must(9)
    equal(run(WASMRUN, "--dir=.", wasm, "cat", "f", cwd=d).must().out,
          "inside")
    equal(run(WASMRUN, "--dir", d + "::/data", wasm, "cat",
              "/data/f").must().out, "inside")
    equal(run(WASMRUN, "--dir", d + "::/data:ro", wasm, "cat",
              "/data/f").must().out, "inside")
    run(WASMRUN, "--dir", d + "::/data:ro", wasm, "touch", "/data/g").must(9)
    equal(os.path.exists(os.path.join(d, "g")), False)
    run(WASMRUN, "--dir", d + "::/data", wasm, "touch", "/data/g").must(0)
    equal(os.path.exists(os.path.join(d, "g")), True)
    r = run(WASMRUN, "--dir", os.path.join(d, "absent"), wasm).must(1)
    holds(r.err, "absent")


@case
def preload_gives_imports():
    file = WAT("cli_import")
    equal(run(WASMRUN, "--preload", "lib=" + CLI, "--invoke", "sum",
              file).must().out, "1042\n")
    holds(run(WASMRUN, "--invoke", "sum", file).must(1).err, "lib")


@case
def unknown_imports():
    file = WAT("cli_unknown")
    r = run(WASMRUN, "--invoke", "leave", file).must(1)
    holds(r.err, "nowhere")
    holds(r.err, "nothing")
    equal(run(WASMRUN, "--unknown-imports=trap", "--invoke", "leave",
              file).must().out, "7\n")
    r = run(WASMRUN, "--unknown-imports=trap", "--invoke", "call", file)
    holds(r.must(134).err, "unknown import")
    equal(run(WASMRUN, "--unknown-imports=default", "--invoke", "call",
              file).must().out, "0\n")


@case
def all_unknown_imports_are_named():
    err = run(WASMRUN, "--invoke", "run", WAT("cli_missing")).must(1).err
    for name in ('"nowhere" "f" (function)', '"nowhere" "g" (global)',
                 '"elsewhere" "t" (table)'):
        holds(err, name)
    if "sched_yield" in err:
        fail("names an import that there is")
    r = json.loads(run(WASMRUN, "--json", WAT("cli_missing")).must(1).err)
    holds(r["error"], '"elsewhere" "t"')


@case
def fuel_ends_the_guest():
    # _initialize costs 5, add 4.
    for options in ([], ["-O0"], ["--bounds=explicit"]):
        equal(invoke("add", "1", "2", options=["--fuel", "9", *options])
              .must().out, "3\n")
        r = invoke("add", "1", "2", options=["--fuel", "8", *options])
        holds(r.must(134).err, "fuel exhausted")
        equal(r.out, "")
    invoke("add", "1", "2", options=["--fuel", "0"]).must(134)
    invoke("forever", options=["--fuel", "1000000"]).must(134)
    for wrong in ("-1", "", "x", "9223372036854775808", "1k"):
        invoke("add", "1", "2", options=["--fuel", wrong]).must(2)


@case
def fuel_needs_code_that_counts():
    folder = scratch()
    plain, counts = folder + "/plain.so", folder + "/counts.so"
    run(WASMC, "-o", plain, CLI).must()
    run(WASMC, "--fuel", "-o", counts, CLI).must()
    add = ["--invoke", "add"]
    holds(run(WASMRUN, "--fuel", "99", *add, plain, "1", "2").must(1).err,
          "--fuel")
    equal(run(WASMRUN, "--fuel", "99", *add, counts, "1", "2").must().out,
          "3\n")
    equal(run(WASMRUN, *add, counts, "1", "2").must().out, "3\n")


@case
def heap_limit_counts():
    wasm = WAT("gc_churn")
    equal(run(WASMRUN, "--invoke", "keep", wasm, "1000").must().out, "1000\n")
    r = run(WASMRUN, "--max-heap=1M", "--invoke", "keep", wasm, "1000000")
    holds(r.must(134).err, "heap")
    run(WASMRUN, "--max-heap", "none", "--invoke", "keep", wasm,
        "1").must(2)


@case
def a_trap_in_the_start_function():
    r = run(WASMRUN, "--invoke", "call", WAT("cli_start_trap")).must(134)
    holds(r.err, "unreachable")
    equal(r.out, "")


@case
def json_outcomes():
    r = json.loads(invoke("pair", options=["--json"]).must().out)
    equal(r["outcome"], "return")
    equal(r["results"], [{"type": "i32", "value": "-1"},
                         {"type": "i64", "value": "9223372036854775807"}])
    r = json.loads(invoke("outer", options=["--json"]).must(134).out)
    equal(r["outcome"], "trap")
    equal(r["exit_code"], 134)
    equal(r["trap"]["text"], "integer divide by zero")
    equal([f["function"] for f in r["trap"]["frames"]], ["divide", "outer"])
    r = run(WASMRUN, "--json", program(), "exit", "5").must(5)
    equal(json.loads(r.err), {"outcome": "exit", "exit_code": 5})
    r = run(WASMRUN, "--json", "/absent/file").must(1)
    equal(json.loads(r.err)["outcome"], "error")
    r = invoke("forever", options=["--json", "--timeout=100ms"]).must(124)
    equal(json.loads(r.out)["exit_code"], 124)


def cached(folder):
    return sorted(f for _, _, names in os.walk(folder) for f in names)


@case
def the_cache_is_keyed_by_content_and_options():
    d = scratch()
    env = {"XDG_CACHE_HOME": d}

    def add(*options):
        r = run(WASMRUN, *options, "--invoke", "add", CLI, "1", "2", env=env)
        equal(r.must().out, "3\n")

    add()
    first = cached(d)
    equal(len(first), 1)
    add()
    equal(cached(d), first)
    add("-O1")
    equal(len(cached(d)), 2)
    add("-O3", "--no-cache")
    equal(len(cached(d)), 2)
    run(WASMRUN, "--invoke", "leave", "--unknown-imports=trap",
        WAT("cli_unknown"), env=env).must()
    equal(len(cached(d)), 3)


@case
def a_damaged_cache_is_made_anew():
    d = scratch()
    env = {"XDG_CACHE_HOME": d}
    argv = [WASMRUN, "--invoke", "add", CLI, "1", "2"]
    run(*argv, env=env).must()
    path = os.path.join(d, "wasmc", cached(d)[0])
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.truncate(size // 2)
    equal(run(*argv, env=env).must().out, "3\n")
    equal(os.path.getsize(path), size)


@case
def a_folder_that_others_may_write_is_not_used():
    d = scratch()
    os.mkdir(os.path.join(d, "wasmc"))
    os.chmod(os.path.join(d, "wasmc"), 0o777)
    run(WASMRUN, "--invoke", "add", CLI, "1", "2",
        env={"XDG_CACHE_HOME": d}).must()
    equal(cached(d), [])
    # No home at all is no error either.
    run(WASMRUN, "--invoke", "add", CLI, "1", "2",
        env={"XDG_CACHE_HOME": "", "HOME": ""}).must()


@case
def a_listening_socket():
    source = r"""
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
	char buf[100];
	int fd = accept(3, 0, 0);
	if (fd < 0) return 4;
	long n = recv(fd, buf, sizeof buf, 0);
	if (n < 1 || send(fd, buf, n, 0) != n) return 5;
	close(fd);
	return 0;
}
"""
    wasm = compile_c("cli_listen", source)
    out = os.path.join(scratch(), "a.so")
    run(WASMC, wasm, "-o", out).must()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    import subprocess
    with subprocess.Popen([WASMRUN, f"--tcplisten=127.0.0.1:{port}",
                           "--timeout=20", out]) as p:
        for _ in range(100):
            try:
                s = socket.create_connection(("127.0.0.1", port), 5)
                break
            except OSError:
                time.sleep(0.05)
        else:
            p.kill()
            fail("no connection")
        with s:
            s.sendall(b"ping")
            equal(s.recv(10), b"ping")
        equal(p.wait(20), 0)


@case
def a_closed_pipe_is_no_crash():
    # The guest sees its writes fail, and here goes on to the input's end.
    r = run("sh", "-c", "head -c 1000000 /dev/zero | "
            f"'{WASMRUN}' '{program()}' upper | head -c 10 >/dev/null; "
            "echo done", timeout=60)
    equal(r.err, "")
    equal(r.out, "done\n")


main()
