#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The runner and spectest see failures: they are not always content."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from libtest import *  # noqa: E402,F403


def runner(programs, *args):
    """tests/run in a project that has just these programs."""
    d = scratch()
    os.makedirs(os.path.join(d, "tests/sub"))
    shutil.copy(os.path.join(TOP, "tests/run"), os.path.join(d, "tests"))
    for name, text in programs.items():
        path = os.path.join(d, "tests/sub", name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
    return run(os.path.join(d, "tests/run"), *args,
               env={"SPEC": "/absent", "OUT": "build"})


@case
def counts():
    r = runner({"a": "echo ok one; echo ok two; echo skip three: why\n",
                "b": "echo hello; echo ok four\n"}).must(0)
    equal(r.out.splitlines()[-1], "3 passed, 0 failed, 2 skipped")
    holds(r.out, "skip sub/a: three: why")
    holds(r.err, "SPECIFICATION'S TESTS WERE NOT RUN")


@case
def failures():
    for text, why in [("echo ok x; echo 'not ok y: broken'\n", "broken"),
                      ("echo ok x; exit 3\n", "exit 3"),
                      ("echo ok x; kill -SEGV $$\n", "signal 11"),
                      ("echo nothing\n", "printed no case"),
                      ("exit 0\n", "printed no case"),
                      ("# timeout: 1\necho ok x; sleep 30\n", "more than 1")]:
        r = runner({"a": text, "b": "echo ok b\n"}).must(1)
        holds(r.out, why)
        holds(r.out.splitlines()[-1], ", 1 failed")


@case
def nothing_run_is_a_failure():
    equal(runner({}, "absent").must(1).out, "0 passed, 0 failed\n")


@case
def long_tests_wait_to_be_asked():
    programs = {"a": "echo ok a\n", "b": "# long\necho ok b\n"}
    holds(runner(programs, "sub").must().out, "\n1 passed, 0 failed\n")
    holds(runner(programs, "--long", "sub").must().out,
          "\n2 passed, 0 failed\n")


def spectest(commands, wasm=None, *args):
    d = os.path.join(scratch(), "set/file")
    os.makedirs(d)
    if wasm:
        shutil.copy(wasm, os.path.join(d, "file.0.wasm"))
    with open(os.path.join(d, "file.json"), "w", encoding="utf-8") as f:
        json.dump({"source_filename": "file.wast", "commands": commands}, f)
    return run(SPECTEST, *args, os.path.join(d, "file.json"))


MODULE = {"type": "module", "line": 1, "filename": "file.0.wasm",
          "module_type": "binary"}


def i32(x):
    return {"type": "i32", "value": str(x)}


def invoke(field, *args):
    return {"type": "invoke", "field": field, "args": list(args)}


@case
def spectest_passes_what_is_right():
    r = spectest([
        MODULE,
        {"type": "assert_return", "line": 2, "expected": [i32(3)],
         "action": invoke("add", i32(1), i32(2))},
        {"type": "assert_trap", "line": 3, "text": "integer divide by zero",
         "action": invoke("divide", i32(1), i32(0))},
        {"type": "assert_exhaustion", "line": 4,
         "text": "call stack exhausted",
         "action": invoke("deep", i32(2000000000))},
        {"type": "assert_return", "line": 5, "expected": [
            {"type": "f32", "value": "nan:canonical"}],
         "action": invoke("half", {"type": "f32", "value": "2143289344"})},
        {"type": "assert_malformed", "line": 6, "filename": "x.wat",
         "module_type": "text", "text": "whatever"},
    ], WAT("cli")).must()
    equal(r.out, "ok set/file: 5 passed\n5 passed, 0 failed, 0 skipped\n")


@case
def spectest_sees_what_is_wrong():
    add = invoke("add", i32(1), i32(2))
    for command in [
            {"type": "assert_return", "expected": [i32(4)], "action": add},
            {"type": "assert_return", "expected": [], "action": add},
            {"type": "assert_return", "expected": [
                {"type": "i64", "value": "3"}], "action": add},
            {"type": "assert_return", "expected": [
                {"type": "f32", "value": "3"}], "action": add},
            {"type": "assert_trap", "text": "unreachable", "action": add},
            {"type": "assert_trap", "text": "unreachable",
             "action": invoke("divide", i32(1), i32(0))},
            {"type": "assert_exhaustion", "text": "call stack exhausted",
             "action": invoke("unreachable")},
            {"type": "assert_exception", "action": invoke("unreachable")},
            {"type": "action", "action": invoke("unreachable")},
            {"type": "action", "action": invoke("absent")},
            {"type": "assert_return", "expected": [
                {"type": "f32", "value": "nan:canonical"}],
             "action": invoke("half", {"type": "f32", "value": "0"})},
            {"type": "assert_unlinkable", "filename": "file.0.wasm",
             "module_type": "binary", "text": "unknown import"},
            {"type": "assert_uninstantiable", "filename": "file.0.wasm",
             "module_type": "binary", "text": "unreachable"},
            {"type": "assert_invalid", "filename": "file.0.wasm",
             "module_type": "binary", "text": "type mismatch"},
            {"type": "assert_malformed", "filename": "file.0.wasm",
             "module_type": "binary", "text": "unexpected end"},
            {"type": "unheard_of"}]:
        r = spectest([MODULE, dict(command, line=7)], WAT("cli"))
        if r.code != 1 or ", 1 failed" not in r.out or \
                "line 7" not in r.out:
            fail(f"{command}: {r!r}")


@case
def spectest_survives_an_endless_test():
    r = spectest([MODULE, {"type": "action", "line": 9,
                           "action": invoke("forever")}], WAT("cli"),
                 "--timeout", "1").must(1)
    holds(r.out, "took more than 1 s at line 9")
    holds(r.out, "1 passed, 1 failed, 0 skipped")


main()
